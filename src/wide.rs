//! Arithmetic in twice the working precision: `f64` for `f32`, pairs of `f64` for `f64`.

#[cfg(feature = "num-dual")]
mod dual;
mod exact_gram;
mod loops;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use crate::linalg::{self, vectorized};
use crate::real::Real;

/// The rows that [`Wide::add_gram`] takes at once.
pub(crate) const MOST_ROWS: usize = exact_gram::MOST_ROWS;

/// As many rows are added one by one to what is there; of more, the sum.
pub(crate) const FEW_ROWS: usize = exact_gram::FEW_ROWS;

/// A number of twice the precision of `T`.
pub trait Wide<T>:
    Copy
    + Debug
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
{
    /// [`add_gram`](Self::add_gram) is exact for columns of multiples of a power of two each, of at least 2⁻ᴮ for this
    /// B, as long as the root of each sum of squares is at most 2ᴮ of them. Negative where nothing is known to be
    /// exact.
    const EXACT_BITS: i32;

    /// What [`add_gram`](Self::add_gram) of n rows may leave of rounding in a sum of products, as a fraction of `√(aᵢ
    /// aⱼ)`, for the two columns' `a = n b + m s`: b is the sum of squares of these rows, s, at least ¼, is that of all
    /// rows in the end, and m the smaller of n and [`FEW_ROWS`].
    const ROUNDING: f64;

    /// What sums may have of rounding, as a fraction of the same: enough digits for a solution in working precision.
    const MOST_ROUNDING: f64;

    /// 0.
    fn zero() -> Self;

    /// The same number.
    fn widen(value: T) -> Self;

    /// `a b`, exactly unless it over- or underflows.
    fn product(a: T, b: T) -> Self;

    /// Times a working-precision number.
    fn times(self, factor: T) -> Self;

    /// The `T` nearest to the number.
    fn round(self) -> T;

    /// The square root.
    fn sqrt(self) -> Self;

    /// Times a power of two: exact unless it over- or underflows.
    fn scale(self, power_of_two: T) -> Self;

    /// `r ← r − X b`, for `X` column by column.
    fn subtract_product(r: &mut [Self], x: &[T], b: &[Self]);

    /// `g ← g + Xᵀ r`, for `X` column by column.
    fn add_transposed_product(g: &mut [Self], x: &[T], r: &[Self]);

    /// The number plus `xᵀ y`.
    fn add_dot(self, x: &[Self], y: &[Self]) -> Self;

    /// Adds the lower triangle of `VᵀV` to that of `sums`, `columns` × `columns`, or subtracts it; what `sums` has
    /// above the diagonal is not defined afterwards.
    ///
    /// `V` is `z`, column by column and of at most [`MOST_ROWS`] rows, its rows times `factors` if there are any; none
    /// of its entries is above 1.
    fn add_gram(subtract: bool, z: &[T], factors: Option<&[Self]>, columns: usize, sums: &mut [Self]);

    /// Two numbers that the number is made of, the larger first.
    #[cfg(feature = "serde")]
    fn to_parts(self) -> [f64; 2];

    /// The number of these parts; none if no number has them.
    #[cfg(feature = "serde")]
    fn from_parts(parts: [f64; 2]) -> Option<Self>;
}

/// An unevaluated sum `high + low` with |low| ≤ ½ ulp(high): about 106 bits.
///
/// # References
/// T. J. Dekker (1971): A floating-point technique for extending the available precision.
/// M. Joldes, J.-M. Muller, V. Popescu (2017): Tight and rigorous error bounds for basic building blocks of
/// double-word arithmetic.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct DoubleDouble {
    high: f64,
    low: f64,
}

/// `a + b` as a sum and its exact rounding error.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// As [`two_sum`], for |a| ≥ |b|.
#[inline]
fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// `a b` as a product and its exact rounding error, by Dekker's splitting: without a fused multiply-add in
/// hardware, which not every target has, this is faster than one in software.
#[inline]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    #[inline]
    fn split(a: f64) -> (f64, f64) {
        let shifted = 134_217_729.0 * a; // 2²⁷ + 1
        let high = shifted - (shifted - a);
        (high, a - high)
    }
    let product = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (split(a), split(b));
    (product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low))
}

impl DoubleDouble {
    #[inline]
    fn new((high, low): (f64, f64)) -> Self {
        Self { high, low }
    }
}

impl Add for DoubleDouble {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        let (high, high_error) = two_sum(self.high, other.high);
        let (low, low_error) = two_sum(self.low, other.low);
        let (high, rest) = fast_two_sum(high, high_error + low);
        Self::new(fast_two_sum(high, rest + low_error))
    }
}

impl Neg for DoubleDouble {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Sub for DoubleDouble {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        let (product, error) = two_product(self.high, other.high);
        Self::new(fast_two_sum(product, error + (self.high * other.low + self.low * other.high)))
    }
}

impl Div for DoubleDouble {
    type Output = Self;

    #[inline]
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * Self::widen(first);
        let second = rest.high / other.high;
        let rest = rest - other * Self::widen(second);
        let (high, low) = fast_two_sum(first, second);
        Self::new((high, low)) + Self::widen(rest.high / other.high)
    }
}

impl AddAssign for DoubleDouble {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for DoubleDouble {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Wide<f64> for DoubleDouble {
    /// See [`exact_gram`], where this is proved.
    const EXACT_BITS: i32 = 50;
    const ROUNDING: f64 = 1.0 / (1_u128 << 100) as f64;
    const MOST_ROUNDING: f64 = 1.0 / (1_u64 << 60) as f64;

    #[inline]
    fn zero() -> Self {
        Self { high: 0.0, low: 0.0 }
    }

    #[inline]
    fn widen(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }

    #[inline]
    fn product(a: f64, b: f64) -> Self {
        Self::new(two_product(a, b))
    }

    #[inline]
    fn times(self, factor: f64) -> Self {
        let (product, error) = two_product(self.high, factor);
        Self::new(fast_two_sum(product, error + self.low * factor))
    }

    #[inline]
    fn round(self) -> f64 {
        self.high
    }

    #[inline]
    fn sqrt(self) -> Self {
        if self.high <= 0.0 {
            return Self::widen(self.high.sqrt());
        }
        // A step of Newton's method from the root in working precision.
        let root = self.high.sqrt();
        let rest = self - Self::product(root, root);
        Self::new(fast_two_sum(root, rest.high / (root + root)))
    }

    #[inline]
    fn scale(self, power_of_two: f64) -> Self {
        Self { high: self.high * power_of_two, low: self.low * power_of_two }
    }

    fn subtract_product(r: &mut [Self], x: &[f64], b: &[Self]) {
        vectorized(loops::SubtractProduct { r, x, b });
    }

    fn add_transposed_product(g: &mut [Self], x: &[f64], r: &[Self]) {
        vectorized(loops::AddTransposedProduct { g, x, r });
    }

    fn add_dot(self, x: &[Self], y: &[Self]) -> Self {
        self + vectorized(loops::Dot { x, y })
    }

    fn add_gram(subtract: bool, z: &[f64], factors: Option<&[Self]>, columns: usize, sums: &mut [Self]) {
        let rows = z.len() / columns;
        if rows <= FEW_ROWS {
            return exact_gram::add_rows(subtract, z, factors, columns, sums);
        }
        match factors {
            None => exact_gram::add_gram(subtract, |place| Self::widen(z[place]), rows, columns, sums),
            Some(factors) => {
                let value = |place: usize| factors[place % rows].times(z[place]);
                exact_gram::add_gram(subtract, value, rows, columns, sums);
            }
        }
    }

    #[cfg(feature = "serde")]
    fn to_parts(self) -> [f64; 2] {
        [self.high, self.low]
    }

    #[cfg(feature = "serde")]
    fn from_parts([high, low]: [f64; 2]) -> Option<Self> {
        (high + low == high && high.is_finite()).then_some(Self { high, low })
    }
}

impl Wide<f32> for f64 {
    /// Every partial sum is a multiple of the product of the two powers of two and, by the inequality of Cauchy and
    /// Schwarz, at most 2⁵² of it.
    const EXACT_BITS: i32 = 26;
    /// Half an ulp for each product and half for each sum, and as much again.
    const ROUNDING: f64 = 2.0 * f64::EPSILON;
    const MOST_ROUNDING: f64 = 1.0 / (1_u64 << 26) as f64;

    #[inline]
    fn zero() -> Self {
        0.0
    }

    #[inline]
    fn widen(value: f32) -> Self {
        f64::from(value)
    }

    #[inline]
    fn product(a: f32, b: f32) -> Self {
        f64::from(a) * f64::from(b)
    }

    #[inline]
    fn times(self, factor: f32) -> Self {
        self * f64::from(factor)
    }

    #[inline]
    fn round(self) -> f32 {
        self as f32
    }

    #[inline]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }

    #[inline]
    fn scale(self, power_of_two: f32) -> Self {
        self * f64::from(power_of_two)
    }

    fn subtract_product(r: &mut [Self], x: &[f32], b: &[Self]) {
        vectorized(loops::PlainSubtractProduct { r, x, b });
    }

    fn add_transposed_product(g: &mut [Self], x: &[f32], r: &[Self]) {
        vectorized(loops::PlainAddTransposedProduct { g, x, r });
    }

    fn add_dot(self, x: &[Self], y: &[Self]) -> Self {
        self + linalg::dot(x, y)
    }

    fn add_gram(subtract: bool, z: &[f32], factors: Option<&[Self]>, columns: usize, sums: &mut [Self]) {
        add_plain_gram(subtract, z.iter().copied().map(f64::from).collect(), factors, columns, sums);
    }

    #[cfg(feature = "serde")]
    fn to_parts(self) -> [f64; 2] {
        [self, 0.0]
    }

    #[cfg(feature = "serde")]
    fn from_parts([high, low]: [f64; 2]) -> Option<Self> {
        (low == 0.0 && high.is_finite()).then_some(high)
    }
}

/// [`Wide::add_gram`] for numbers whose doubled precision is one of the kernel's own.
fn add_plain_gram<V: Real>(subtract: bool, mut v: Vec<V>, factors: Option<&[V]>, columns: usize, sums: &mut [V]) {
    if let Some(factors) = factors {
        for column in v.chunks_exact_mut(factors.len()) {
            column.iter_mut().zip(factors).for_each(|(entry, &factor)| *entry *= factor);
        }
    }
    let sign = if subtract { -V::one() } else { V::one() };
    let rows = v.len() / columns;
    if rows <= FEW_ROWS {
        let mut entries = vec![V::zero(); columns];
        for row in 0..rows {
            entries.iter_mut().zip(v[row..].iter().step_by(rows)).for_each(|(entry, &v)| *entry = v);
            for (column, &entry) in entries.iter().enumerate() {
                let sums = &mut sums[column * (columns + 1)..(column + 1) * columns];
                linalg::add_scaled(sums, sign * entry, &entries[column..]);
            }
        }
        return;
    }
    // Apart: what the kernel rounds on the way is small beside these rows then, and not beside all rows before.
    let mut gram = vec![V::zero(); sums.len()];
    linalg::add_gram(sign, &v, rows, columns, &mut gram);
    sums.iter_mut().zip(gram).for_each(|(sum, gram)| *sum += gram);
}
