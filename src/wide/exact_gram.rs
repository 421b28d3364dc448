//! Gram matrices in twice the precision of `f64`, by its own fast products.
//!
//! Every number is cut into slices of so few bits that sums of products of slices are exact, in any order and with or
//! without fused multiply-adds. The matrix kernel forms these sums; only they are added in twice the precision.
//!
//! Nothing at all is rounded for columns i whose entries are multiples of 2^−gᵢ, gᵢ ≤ 50, and whose sum of squares Sᵢᵢ,
//! that of the rows before included, is at most 4^(50 − gᵢ). What is added up for a sum Sᵢⱼ are multiples of 2^−q, q =
//! gᵢ + gⱼ, and |Sᵢⱼ| ≤ √(Sᵢᵢ Sⱼⱼ) ≤ 2ᵐ with m + q ≤ 100. The slices hold such entries whole, and are multiples of
//! 2^−gᵢ too. No slice is more than twice its entry, so that no partial sum of a block is above 2^(m + 4), and its
//! rounding error at most 2^(m − 50); products with third slices, but for those with the first, add up to at most 2⁻⁵³.
//! Both errors and the rest are multiples of 2^−q: together they need at most the larger of m − 48 + q and q − 52 bits,
//! no more than 52, and their sum is exact. So is that of two pairs, whose lower parts are at most 2^(m − 52).
//!
//! K. Ozaki, T. Ogita, S. Oishi, S. M. Rump (2012): Error-free transformations of matrix multiplication by using fast
//! routines of matrix multiplication and its applications.

use super::{DoubleDouble, Wide, loops, two_sum};
use crate::linalg::{matrix, multiply, multiply_add, transpose, vectorized};

/// The bits of a slice. A product of two has 42, so that [`MOST_ROWS`] of them add up within the 53 bits of an `f64`.
const BITS: i32 = 21;

/// Slices of a number. What they leave is below 2⁻⁶³, and its products in working precision are exact to 2⁻¹¹⁶.
const SLICES: usize = 3;

/// The rows that can be summed exactly.
pub(super) const MOST_ROWS: usize = 1024;

/// The rows that are added faster one by one.
pub(super) const FEW_ROWS: usize = 8;

/// Columns of the Gram matrix that are computed at once.
const PANEL: usize = 42;

/// Adds the lower triangle of `VᵀV` to that of `sums`, `columns` × `columns`, or subtracts it; `value(place)` are the
/// entries of `V`, column by column, none above 1, of at most [`MOST_ROWS`] rows.
pub(super) fn add_gram(
    subtract: bool,
    value: impl Fn(usize) -> DoubleDouble,
    rows: usize,
    columns: usize,
    sums: &mut [DoubleDouble],
) {
    assert!(rows <= MOST_ROWS);
    let cut = Slices::of(value, rows, columns);
    let (mut product, mut correction) = (Vec::new(), Vec::new());
    for first in (0..columns).step_by(PANEL) {
        let (width, height) = (PANEL.min(columns - first), columns - first);
        product.resize(SLICES * height * SLICES * width, 0.0);
        let [below, panel] = [height, width].map(|count| cut.slices(first, count));
        multiply(transpose(below, rows, SLICES * height), matrix(panel, rows, SLICES * width), &mut product);
        correction.resize(height * width, 0.0);
        cut.correct(first, height, width, &mut correction);
        for column in 0..width {
            let product = &product[column * SLICES * SLICES * height..][..SLICES * SLICES * height];
            let (product, correction) = (product.chunks_exact(SLICES * height), &correction[column * height..]);
            let [by_first, by_second, by_third] = three(product);
            let to = &mut sums[(first + column) * columns + first..][..height];
            for row in column..height {
                let at = |by: &[f64], slice: usize| by[SLICES * row + slice];
                // Those of one order are multiples of one power of two, below 2⁵³ of it: their sum is exact, too.
                let leading = at(by_first, 0);
                let second = at(by_first, 1) + at(by_second, 0);
                let third = at(by_first, 2) + at(by_third, 0) + at(by_second, 1);
                let rest = (at(by_second, 2) + at(by_third, 1)) + (at(by_third, 2) + correction[row]);
                let (sum, error) = two_sum(leading, second);
                let (sum, other_error) = two_sum(sum, third);
                let sum = DoubleDouble::new(two_sum(sum, error + other_error + rest));
                to[row] += if subtract { -sum } else { sum };
            }
        }
    }
}

/// As [`add_gram`] of `z`, its rows times `factors` if there are any, one row after the other.
pub(super) fn add_rows(
    subtract: bool,
    z: &[f64],
    factors: Option<&[DoubleDouble]>,
    columns: usize,
    sums: &mut [DoubleDouble],
) {
    let rows = z.len() / columns;
    let mut entries = vec![0.0; columns];
    for row in 0..rows {
        entries.iter_mut().zip(z[row..].iter().step_by(rows)).for_each(|(entry, &z)| *entry = z);
        for (column, &entry) in entries.iter().enumerate() {
            let entry = match factors {
                None => DoubleDouble::widen(entry),
                // One root after the other: their product may be below the range of the type.
                Some(factors) => factors[row].times(entry) * factors[row],
            };
            let sums = &mut sums[column * (columns + 1)..(column + 1) * columns];
            let b = [if subtract { entry } else { -entry }];
            vectorized(loops::SubtractProduct { r: sums, x: &entries[column..], b: &b });
        }
    }
}

fn three<'a>(mut columns: impl Iterator<Item = &'a [f64]>) -> [&'a [f64]; SLICES] {
    [(); SLICES].map(|()| columns.next().unwrap_or_default())
}

/// A matrix, cut.
struct Slices {
    rows: usize,
    /// The slices of a column stand side by side.
    slices: Vec<f64>,
    /// What they leave of each number, and the number; empty if they leave nothing of any.
    remainder: Vec<f64>,
    whole: Vec<f64>,
}

impl Slices {
    fn of(value: impl Fn(usize) -> DoubleDouble, rows: usize, columns: usize) -> Self {
        // Adding and subtracting such a number rounds to a multiple of the power of two in its last place.
        let rounders = [1, 2, 3].map(|slice| 1.5 * f64::from(52 - BITS * slice).exp2());
        let mut slices = vec![0.0; SLICES * rows * columns];
        let mut remainder = vec![0.0; rows * columns];
        let mut whole = vec![0.0; rows * columns];
        let mut left = 0.0;
        for column in 0..columns {
            let places = column * rows..(column + 1) * rows;
            let (first, others) = slices[SLICES * places.start..SLICES * places.end].split_at_mut(rows);
            let (second, third) = others.split_at_mut(rows);
            let cuts = first.iter_mut().zip(second).zip(third);
            let rests = remainder[places.clone()].iter_mut().zip(&mut whole[places.clone()]);
            for ((place, ((first, second), third)), (remainder, whole)) in places.zip(cuts).zip(rests) {
                let value = value(place);
                *whole = value.high;
                *first = (value.high + rounders[0]) - rounders[0];
                let rest = value.high - *first;
                *second = (rest + rounders[1]) - rounders[1];
                let (rest, error) = two_sum(rest - *second, value.low);
                *third = (rest + rounders[2]) - rounders[2];
                *remainder = (rest - *third) + error;
                left += remainder.abs();
            }
        }
        if left == 0.0 {
            (remainder, whole) = (Vec::new(), Vec::new());
        }
        Self { rows, slices, remainder, whole }
    }

    fn slices(&self, first: usize, count: usize) -> &[f64] {
        &self.slices[SLICES * first * self.rows..][..SLICES * count * self.rows]
    }

    /// Writes `RᵀV + VᵀR`, with the remainders `R`: what they add to a panel of the Gram matrix but for `RᵀR`, which is
    /// below 2⁻¹²⁶.
    fn correct(&self, first: usize, height: usize, width: usize, correction: &mut [f64]) {
        if self.remainder.is_empty() {
            return correction.fill(0.0);
        }
        let rows = self.rows;
        let (remainder, whole) = (&self.remainder[first * rows..], &self.whole[first * rows..]);
        multiply(transpose(remainder, rows, height), matrix(&whole[..width * rows], rows, width), correction);
        multiply_add(transpose(whole, rows, height), matrix(&remainder[..width * rows], rows, width), correction);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::wide::Wide;

    /// Entries of all magnitudes from 1 down, with all bits of the doubled precision.
    fn entries(count: usize, deepest: i32, seed: u64) -> Vec<DoubleDouble> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = || {
            let high: f64 = rng.random_range(-1.0..1.0) * f64::from(rng.random_range(deepest..=0)).exp2();
            DoubleDouble::new(two_sum(high, high * rng.random_range(-1.0..1.0) * f64::EPSILON / 4.0))
        };
        (0..count).map(|_| draw()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..crate::counted::config() })]

        #[test]
        fn sums_have_twice_the_digits(
            rows in 0_usize..40,
            columns in 1_usize..2 * PANEL + 5,
            deepest in prop::sample::select(vec![0, -10, -40, -300]),
            subtract: bool,
            seed: u64,
        ) {
            let v = entries(rows * columns, deepest, seed);
            let before = entries(columns * columns, 0, seed + 1);
            let mut sums = before.clone();
            add_gram(subtract, |place| v[place], rows, columns, &mut sums);
            for column in 0..columns {
                for row in column..columns {
                    let products = (0..rows).map(|i| v[row * rows + i] * v[column * rows + i]);
                    let expected = products.fold(DoubleDouble::widen(0.0), |sum, product| sum + product);
                    let place = row + column * columns;
                    let found = if subtract { before[place] - sums[place] } else { sums[place] - before[place] };
                    let error = (found - expected).high.abs();
                    prop_assert!(error < 4.0 * (1.0 + rows as f64) * 2_f64.powi(-104), "{row}, {column}: {error:e}");
                }
            }
        }
    }

    #[test]
    fn the_largest_sums_are_exact() {
        // All bits of a slice set, in as many rows as there may be: 1024 (1 − 2⁻⁵³)² in three parts.
        let largest = 1.0 - f64::EPSILON / 2.0;
        let mut sums = [DoubleDouble::widen(0.0); 9];
        add_gram(false, |_| DoubleDouble::widen(largest), MOST_ROWS, 3, &mut sums);
        let expected = DoubleDouble::product(largest, largest).scale(1024.0);
        for place in [0, 1, 2, 4, 5, 8] {
            assert_eq!(sums[place], expected);
        }
        add_gram(true, |_| DoubleDouble::widen(largest), MOST_ROWS, 3, &mut sums);
        assert_eq!(sums[5], DoubleDouble::widen(0.0));
    }
}
