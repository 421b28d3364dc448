//! Sums of products in twice the precision of `f64`, on vectors.
//!
//! A sum is carried as one of working precision and one of all that this has lost to rounding: as exact as pairs that
//! are normalized at each step, with a third of the operations.
//!
//! T. Ogita, S. M. Rump, S. Oishi (2005): Accurate sum and dot product.

use std::array::from_fn;

use super::{DoubleDouble, two_product, two_sum};
use crate::elementary::Loop;

/// Sums that do not wait for one another: two of the widest vectors.
const LANES: usize = 16;

/// `LANES` sums.
#[derive(Clone, Copy)]
struct Sums {
    high: [f64; LANES],
    lost: [f64; LANES],
}

impl Sums {
    #[inline(always)]
    fn zero() -> Self {
        Self { high: [0.0; LANES], lost: [0.0; LANES] }
    }

    #[inline(always)]
    fn of(numbers: &[DoubleDouble; LANES]) -> Self {
        Self { high: numbers.map(|number| number.high), lost: numbers.map(|number| number.low) }
    }

    /// Adds `a b + rest` to each, with products and their errors by `product`.
    #[inline(always)]
    fn add(&mut self, product: impl Fn(f64, f64) -> (f64, f64), a: [f64; LANES], b: [f64; LANES], rest: [f64; LANES]) {
        for lane in 0..LANES {
            let (product, product_error) = product(a[lane], b[lane]);
            let (sum, error) = two_sum(self.high[lane], product);
            self.high[lane] = sum;
            self.lost[lane] += (error + product_error) + rest[lane];
        }
    }

    #[inline(always)]
    fn rounded(self) -> [DoubleDouble; LANES] {
        from_fn(|lane| DoubleDouble::new(two_sum(self.high[lane], self.lost[lane])))
    }

    /// The sum of all.
    #[inline(always)]
    fn total(mut self) -> DoubleDouble {
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                let (sum, error) = two_sum(self.high[lane], self.high[lane + width]);
                self.high[lane] = sum;
                self.lost[lane] += self.lost[lane + width] + error;
            }
            width /= 2;
        }
        DoubleDouble::new(two_sum(self.high[0], self.lost[0]))
    }
}

/// As [`two_product`], where a fused multiply-add is one instruction.
#[inline(always)]
fn fused_two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

/// The first numbers, of which there are enough.
#[inline(always)]
fn whole<N: Copy + Default>(numbers: &[N]) -> [N; LANES] {
    numbers.first_chunk().copied().unwrap_or([N::default(); LANES])
}

/// The first numbers, and zeros where there are fewer.
#[inline(always)]
fn padded<N: Copy + Default>(numbers: &[N]) -> [N; LANES] {
    from_fn(|lane| numbers.get(lane).copied().unwrap_or_default())
}

/// A loop that is given the product of two numbers and its error.
pub(crate) trait WithProduct {
    type Output;

    fn by(self, product: impl Fn(f64, f64) -> (f64, f64) + Copy) -> Self::Output;
}

impl<W: WithProduct> Loop for W {
    type Output = W::Output;

    #[inline(always)]
    fn run(self) -> W::Output {
        self.by(two_product)
    }

    #[inline(always)]
    fn run_fused(self) -> W::Output {
        self.by(fused_two_product)
    }
}

/// `r ← r − X b`.
pub(super) struct SubtractProduct<'a> {
    pub(super) r: &'a mut [DoubleDouble],
    pub(super) x: &'a [f64],
    pub(super) b: &'a [DoubleDouble],
}

impl WithProduct for SubtractProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn by(self, product: impl Fn(f64, f64) -> (f64, f64) + Copy) {
        let (chunks, rest) = self.r.as_chunks_mut::<LANES>();
        let (whole_rows, rows) = (LANES * chunks.len(), LANES * chunks.len() + rest.len());
        for (start, r) in (0..whole_rows).step_by(LANES).zip(chunks) {
            *r = subtracted(Sums::of(r), self.x, rows, start, self.b, whole, product);
        }
        if !rest.is_empty() {
            let r = subtracted(Sums::of(&padded(rest)), self.x, rows, whole_rows, self.b, padded, product);
            rest.copy_from_slice(&r[..rest.len()]);
        }
    }
}

/// `r − X b` for the rows from `start` on.
#[inline(always)]
fn subtracted(
    mut r: Sums,
    x: &[f64],
    rows: usize,
    start: usize,
    b: &[DoubleDouble],
    load: impl Fn(&[f64]) -> [f64; LANES],
    product: impl Fn(f64, f64) -> (f64, f64) + Copy,
) -> [DoubleDouble; LANES] {
    for (column, b) in x.chunks_exact(rows).zip(b) {
        let x = load(&column[start..]);
        r.add(product, x, [-b.high; LANES], from_fn(|lane| x[lane] * -b.low));
    }
    r.rounded()
}

/// `g ← g + Xᵀ r`.
pub(super) struct AddTransposedProduct<'a> {
    pub(super) g: &'a mut [DoubleDouble],
    pub(super) x: &'a [f64],
    pub(super) r: &'a [DoubleDouble],
}

impl WithProduct for AddTransposedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn by(self, product: impl Fn(f64, f64) -> (f64, f64) + Copy) {
        // Apart, so that they are loaded as vectors.
        let (high, low): (Vec<f64>, Vec<f64>) = self.r.iter().map(|r| (r.high, r.low)).unzip();
        for (column, g) in self.x.chunks_exact(high.len()).zip(self.g) {
            let mut sums = Sums::zero();
            let [(x, x_rest), (high, high_rest), (low, low_rest)] = [column, &high, &low].map(<[f64]>::as_chunks);
            let rests = (&padded(x_rest), &padded(high_rest), &padded(low_rest));
            let parts = x.iter().zip(high).zip(low).map(|((x, high), low)| (x, high, low));
            for (&x, &high, low) in parts.chain([rests]) {
                sums.add(product, x, high, from_fn(|lane| x[lane] * low[lane]));
            }
            *g += sums.total();
        }
    }
}

/// `xᵀ y`.
pub(super) struct Dot<'a> {
    pub(super) x: &'a [DoubleDouble],
    pub(super) y: &'a [DoubleDouble],
}

impl WithProduct for Dot<'_> {
    type Output = DoubleDouble;

    #[inline(always)]
    fn by(self, product: impl Fn(f64, f64) -> (f64, f64) + Copy) -> DoubleDouble {
        let mut sums = Sums::zero();
        let [(x, x_rest), (y, y_rest)] = [self.x, self.y].map(<[DoubleDouble]>::as_chunks);
        for (x, y) in x.iter().zip(y).chain([(&padded(x_rest), &padded(y_rest))]) {
            let (x, y) = (Sums::of(x), Sums::of(y));
            let rest = from_fn(|lane| x.high[lane] * y.lost[lane] + x.lost[lane] * y.high[lane]);
            sums.add(product, x.high, y.high, rest);
        }
        sums.total()
    }
}

/// `r ← r − X b` for numbers of single precision, whose doubled precision is the processor's own.
pub(super) struct PlainSubtractProduct<'a> {
    pub(super) r: &'a mut [f64],
    pub(super) x: &'a [f32],
    pub(super) b: &'a [f64],
}

impl Loop for PlainSubtractProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (column, b) in self.x.chunks_exact(self.r.len()).zip(self.b) {
            for (r, &x) in self.r.iter_mut().zip(column) {
                *r -= b * f64::from(x);
            }
        }
    }
}

/// `g ← g + Xᵀ r` for them.
pub(super) struct PlainAddTransposedProduct<'a> {
    pub(super) g: &'a mut [f64],
    pub(super) x: &'a [f32],
    pub(super) r: &'a [f64],
}

impl Loop for PlainAddTransposedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (column, g) in self.x.chunks_exact(self.r.len()).zip(self.g) {
            let mut sums = [0.0; LANES];
            let ((x, x_rest), (r, r_rest)) = (column.as_chunks(), self.r.as_chunks());
            for (x, r) in x.iter().zip(r).chain([(&padded(x_rest), &padded(r_rest))]) {
                sums.iter_mut().zip(x.iter().zip(r)).for_each(|(sum, (&x, r))| *sum += f64::from(x) * r);
            }
            *g += sums.iter().sum::<f64>();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wide::Wide;

    /// Numbers that cancel: of all magnitudes, with both parts.
    fn numbers(count: usize, seed: usize) -> Vec<DoubleDouble> {
        let number = |i: usize| {
            let high = (((i * 37 + seed * 11) % 101) as f64 - 50.0) / 7.0 * f64::from((i % 9) as i32 - 4).exp2();
            DoubleDouble::new(two_sum(high, high * (((i * 13 + seed) % 17) as f64 - 8.0) / 9.0 * f64::EPSILON / 4.0))
        };
        (0..count).map(number).collect()
    }

    fn close(found: DoubleDouble, expected: DoubleDouble, scale: f64) -> bool {
        (found - expected).high.abs() <= scale * 2_f64.powi(-100)
    }

    proptest! {
        #![proptest_config(crate::counted::config())]

        #[test]
        fn sums_have_twice_the_digits_with_and_without_fused_operations(
            rows in 1_usize..70,
            columns in 1_usize..6,
            seed in 0_usize..999,
        ) {
            let x: Vec<f64> = numbers(rows * columns, seed).iter().map(|number| number.high).collect();
            let (r, b) = (numbers(rows, seed + 1), numbers(columns, seed + 2));
            let scale = 1e4 * (rows + columns) as f64;

            let (mut plain, mut fused) = (r.clone(), r.clone());
            SubtractProduct { r: &mut plain, x: &x, b: &b }.run();
            SubtractProduct { r: &mut fused, x: &x, b: &b }.run_fused();
            prop_assert_eq!(&plain, &fused);
            for (row, found) in plain.into_iter().enumerate() {
                let entries = x.iter().skip(row).step_by(rows).zip(&b);
                let expected = entries.fold(r[row], |rest, (&x, b)| rest - b.times(x));
                prop_assert!(close(found, expected, scale), "{row}: {found:?} for {expected:?}");
            }

            let (mut plain, mut fused) = (b.clone(), b.clone());
            AddTransposedProduct { g: &mut plain, x: &x, r: &r }.run();
            AddTransposedProduct { g: &mut fused, x: &x, r: &r }.run_fused();
            prop_assert_eq!(&plain, &fused);
            for (column, found) in plain.into_iter().enumerate() {
                let entries = x[column * rows..][..rows].iter().zip(&r);
                let expected = entries.fold(b[column], |sum, (&x, r)| sum + r.times(x));
                prop_assert!(close(found, expected, scale), "{column}: {found:?} for {expected:?}");
            }

            let other = numbers(rows, seed + 3);
            let found = Dot { x: &r, y: &other }.run();
            prop_assert_eq!(found, Dot { x: &r, y: &other }.run_fused());
            let expected = r.iter().zip(&other).fold(DoubleDouble::zero(), |sum, (&x, &y)| sum + x * y);
            prop_assert!(close(found, expected, scale), "{found:?} for {expected:?}");
        }
    }
}
