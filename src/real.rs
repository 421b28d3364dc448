use std::hint::black_box;

use nalgebra::RealField;

use crate::compiled::{networks, regressions};
use crate::elementary::{self, FUSED};
use crate::linalg::{self, Factor, Plan, Target, Way, simd};
use crate::wide::{DoubleDouble, Wide};

pub(crate) mod sealed {
    use super::{Factor, Plan, Target, Way, Wide, linalg};
    use crate::real::Real;

    pub trait Sealed: Sized {
        /// Numbers of twice the precision.
        type Wide: Wide<Self>;

        /// `eˣ`, in a form that loops over numbers can be vectorized with.
        fn exponential(self) -> Self;

        /// `self + a b`, rounded once where the target has an instruction for that.
        fn add_product(self, a: Self, b: Self) -> Self;

        /// How the vectors of the processor at hand do a product; `None` where they have no kernel for these numbers.
        fn plan(a: Factor<'_, Self>, b: Factor<'_, Self>) -> Option<Plan> {
            let _ = (a, b);
            None
        }

        /// `C ← α A B`, or what else the way says, as was planned for it or for the product that it is a part of.
        fn multiply(
            plan: Option<Plan>,
            alpha: Self,
            a: Factor<'_, Self>,
            b: Factor<'_, Self>,
            way: Way,
            c: Target<'_, Self>,
        ) where
            Self: Real,
        {
            let _ = plan;
            linalg::portable_product(alpha, a, b, way, c);
        }

        /// Distribution function Φ(x) and density φ(x) of the standard normal distribution.
        fn standard_normal(self) -> (Self, Self);

        /// Compiles what takes long for these numbers, see [`crate::compiled`]; nothing to call.
        fn compiled() {}
    }
}

fn standard_normal(x: f64) -> (f64, f64) {
    use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};
    /// 1/√2 less the constant.
    const REST: f64 = -4.833_646_656_726_457e-17;

    // Φ(x) = ½ erfc(−x/√2). Far out the last digit of its argument moves the third last of Φ.
    let argument = -x * FRAC_1_SQRT_2;
    let distribution = 0.5 * libm::erfc(argument);
    // Further out there is no positive number for φ, and the differences below may be ∞ − ∞.
    if x.abs() > 39.0 {
        return (distribution, 0.0);
    }
    // x² in two parts, the first of them exact, so that rounding it is not what the exponential sees.
    let coarse = f64::from(x as f32);
    let density = (-0.5 * coarse * coarse).exp() * (-0.5 * (x - coarse) * (x + coarse)).exp() / (2.0 * PI).sqrt();
    let rest = (-x).mul_add(FRAC_1_SQRT_2, -argument) - x * REST;
    (distribution - SQRT_2 * rest * density, density)
}

impl sealed::Sealed for f32 {
    type Wide = f64;

    #[inline(always)]
    fn exponential(self) -> Self {
        elementary::exp_f32(self)
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        if FUSED { a.mul_add(b, self) } else { self + a * b }
    }

    fn plan(a: Factor<'_, Self>, b: Factor<'_, Self>) -> Option<Plan> {
        simd::plan(a, b)
    }

    fn multiply(
        plan: Option<Plan>,
        alpha: Self,
        a: Factor<'_, Self>,
        b: Factor<'_, Self>,
        way: Way,
        c: Target<'_, Self>,
    ) {
        match plan {
            Some(plan) => simd::multiply(plan, alpha, a, b, way, c),
            None => linalg::portable_product(alpha, a, b, way, c),
        }
    }

    fn standard_normal(self) -> (Self, Self) {
        let (distribution, density) = standard_normal(f64::from(self));
        (distribution as f32, density as f32)
    }

    #[inline(never)]
    fn compiled() {
        black_box(networks::<Self> as fn(_, _, _, _, _) -> _);
    }
}

impl sealed::Sealed for f64 {
    type Wide = DoubleDouble;

    #[inline(always)]
    fn exponential(self) -> Self {
        elementary::exp_f64(self)
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        if FUSED { a.mul_add(b, self) } else { self + a * b }
    }

    fn plan(a: Factor<'_, Self>, b: Factor<'_, Self>) -> Option<Plan> {
        simd::plan(a, b)
    }

    fn multiply(
        plan: Option<Plan>,
        alpha: Self,
        a: Factor<'_, Self>,
        b: Factor<'_, Self>,
        way: Way,
        c: Target<'_, Self>,
    ) {
        match plan {
            Some(plan) => simd::multiply(plan, alpha, a, b, way, c),
            None => linalg::portable_product(alpha, a, b, way, c),
        }
    }

    fn standard_normal(self) -> (Self, Self) {
        standard_normal(self)
    }

    #[inline(never)]
    fn compiled() {
        black_box(networks::<Self> as fn(_, _, _, _, _) -> _);
        black_box(regressions::<Self> as fn(_, _, _, _) -> _);
    }
}

#[cfg(feature = "num-dual")]
impl sealed::Sealed for num_dual::Dual64 {
    type Wide = Self;

    fn exponential(self) -> Self {
        nalgebra::ComplexField::exp(self)
    }

    fn add_product(self, a: Self, b: Self) -> Self {
        self + a * b
    }

    fn standard_normal(self) -> (Self, Self) {
        let (distribution, density) = standard_normal(self.re);
        (Self::new(distribution, density * self.eps), Self::new(density, -self.re * density * self.eps))
    }
}

/// The scalars that the crate computes with: `f32` and `f64`.
///
/// With the feature `num-dual` also `num_dual::Dual64`: running the crate's own code on dual numbers yields
/// derivatives that are exact to rounding, the sharpest reference for a gradient check.
///
/// The trait is sealed, so methods can be added without breaking anyone.
///
/// # Examples
/// ```
/// use gradus::Real;
///
/// fn half<T: Real>(x: T) -> T {
///     x * T::nearest(0.5)
/// }
/// assert_eq!(half(3.0_f32), 1.5);
/// ```
pub trait Real: RealField + Copy + sealed::Sealed {
    /// The value nearest to `value`.
    fn nearest(value: f64) -> Self;

    /// The value nearest to `self`.
    ///
    /// # Examples
    /// ```
    /// use gradus::Real;
    ///
    /// /// The mean, in either number type.
    /// fn mean<T: Real>(values: &[T]) -> T {
    ///     values.iter().fold(T::zero(), |sum, &value| sum + value) / T::from_count(values.len())
    /// }
    /// assert_eq!(mean(&[1.0_f32, 2.0]).to_f64(), 1.5);
    /// assert_eq!(f32::from_byte(255) + <f32 as Real>::epsilon() * 256.0, 255.00003);
    /// assert_eq!(<f64 as Real>::min_positive(), f64::MIN_POSITIVE);
    /// ```
    fn to_f64(self) -> f64;

    /// The same number; every `u8` is exact.
    fn from_byte(value: u8) -> Self;

    /// The distance from 1 to the next larger number: 2⁻²³ for `f32`, 2⁻⁵² for `f64`.
    fn epsilon() -> Self;

    /// The smallest positive normal number: 2⁻¹²⁶ for `f32`, 2⁻¹⁰²² for `f64`.
    fn min_positive() -> Self;

    /// The value nearest to `count`.
    #[must_use]
    #[inline]
    fn from_count(count: usize) -> Self {
        Self::nearest(count as f64)
    }
}

impl Real for f32 {
    #[inline]
    fn nearest(value: f64) -> Self {
        value as f32
    }

    #[inline]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline]
    fn from_byte(value: u8) -> Self {
        f32::from(value)
    }

    #[inline]
    fn epsilon() -> Self {
        f32::EPSILON
    }

    #[inline]
    fn min_positive() -> Self {
        f32::MIN_POSITIVE
    }
}

impl Real for f64 {
    #[inline]
    fn nearest(value: f64) -> Self {
        value
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline]
    fn from_byte(value: u8) -> Self {
        f64::from(value)
    }

    #[inline]
    fn epsilon() -> Self {
        f64::EPSILON
    }

    #[inline]
    fn min_positive() -> Self {
        f64::MIN_POSITIVE
    }
}

/// The dual part of a converted number is zero; [`to_f64`](Real::to_f64) returns the real part.
#[cfg(feature = "num-dual")]
impl Real for num_dual::Dual64 {
    #[inline]
    fn nearest(value: f64) -> Self {
        Self::new(value, 0.0)
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self.re
    }

    #[inline]
    fn from_byte(value: u8) -> Self {
        Self::nearest(f64::from(value))
    }

    #[inline]
    fn epsilon() -> Self {
        Self::nearest(f64::EPSILON)
    }

    #[inline]
    fn min_positive() -> Self {
        Self::nearest(f64::MIN_POSITIVE)
    }
}
