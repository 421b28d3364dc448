//! Arithmetic in twice the working precision: `f64` for `f32`, pairs of `f64` for `f64`.

mod exact_gram;
mod loops;

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use crate::linalg::{self, vectorized};
use crate::real::Real;

/// The rows that [`Wide::add_gram`] takes at once.
pub(crate) const MOST_ROWS: usize = exact_gram::MOST_ROWS;

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

    /// Adds the lower triangle of `VᵀV` to that of `sums`, `columns` × `columns`, or subtracts it; what `sums` has above
    /// the diagonal is not defined afterwards.
    ///
    /// `V` is `z`, column by column and of at most [`MOST_ROWS`] rows, its rows times `factors` if there are any; none of
    /// its entries is above 1.
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
    linalg::add_gram(sign, &v, v.len() / columns, columns, sums);
}

/// Dual numbers are there to differentiate, in one precision.
#[cfg(feature = "num-dual")]
impl Wide<num_dual::Dual64> for num_dual::Dual64 {
    fn zero() -> Self {
        Self::from_re(0.0)
    }

    fn widen(value: Self) -> Self {
        value
    }

    fn product(a: Self, b: Self) -> Self {
        a * b
    }

    fn times(self, factor: Self) -> Self {
        self * factor
    }

    fn round(self) -> Self {
        self
    }

    fn sqrt(self) -> Self {
        nalgebra::ComplexField::sqrt(self)
    }

    fn scale(self, power_of_two: Self) -> Self {
        self * power_of_two
    }

    fn subtract_product(r: &mut [Self], x: &[Self], b: &[Self]) {
        for (column, &b) in x.chunks_exact(r.len()).zip(b) {
            r.iter_mut().zip(column).for_each(|(r, &x)| *r -= b.times(x));
        }
    }

    fn add_transposed_product(g: &mut [Self], x: &[Self], r: &[Self]) {
        for (column, g) in x.chunks_exact(r.len()).zip(g) {
            column.iter().zip(r).for_each(|(&x, &r)| *g += r.times(x));
        }
    }

    fn add_dot(self, x: &[Self], y: &[Self]) -> Self {
        x.iter().zip(y).fold(self, |sum, (&x, &y)| sum + x * y)
    }

    fn add_gram(subtract: bool, z: &[Self], factors: Option<&[Self]>, columns: usize, sums: &mut [Self]) {
        add_plain_gram(subtract, z.to_vec(), factors, columns, sums);
    }

    #[cfg(feature = "serde")]
    fn to_parts(self) -> [f64; 2] {
        [self.re, self.eps]
    }

    #[cfg(feature = "serde")]
    fn from_parts([re, eps]: [f64; 2]) -> Option<Self> {
        (re.is_finite() && eps.is_finite()).then(|| Self::new(re, eps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(high: f64, low: f64) -> DoubleDouble {
        DoubleDouble::new(two_sum(high, low))
    }

    #[test]
    fn products_and_sums_are_exact() {
        // (1 + 2⁻⁴⁰)² = 1 + 2⁻³⁹ + 2⁻⁸⁰
        let a = 1.0 + 2_f64.powi(-40);
        assert_eq!(DoubleDouble::product(a, a), wide(1.0 + 2_f64.powi(-39), 2_f64.powi(-80)));
        assert_eq!(wide(1.0, 2_f64.powi(-80)) + wide(-1.0, 2_f64.powi(-90)), wide(2_f64.powi(-80), 2_f64.powi(-90)));
        assert_eq!(wide(1.0, 2_f64.powi(-80)).times(3.0), wide(3.0, 3.0 * 2_f64.powi(-80)));
        assert_eq!(wide(1.0, 2_f64.powi(-80)).scale(8.0), wide(8.0, 2_f64.powi(-77)));
    }

    #[test]
    fn a_double_is_twice_a_single() {
        // (1 + 2⁻²³)² = 1 + 2⁻²² + 2⁻⁴⁶
        let a = 1.0 + f32::EPSILON;
        let square = 1.0 + 2_f64.powi(-22) + 2_f64.powi(-46);
        assert_eq!((<f64 as Wide<f32>>::product(a, a), Wide::times(f64::from(a), a)), (square, square));
    }

    #[test]
    fn quotients_and_roots_have_twice_the_digits() {
        for value in [2.0, 3.0, 0.1, 1e100, 7e-30] {
            let a = DoubleDouble::widen(value);
            for result in [a.sqrt() * a.sqrt() / a, (DoubleDouble::widen(1.0) / a) * a] {
                let error = result - DoubleDouble::widen(1.0);
                assert!(error.round().abs() < 2_f64.powi(-102), "{value}: {error:?}");
            }
        }
        assert_eq!(DoubleDouble::widen(0.0).sqrt(), DoubleDouble::widen(0.0));
    }
}
