use super::activation::gated;
use super::{Activation, LayerConfiguration};
use crate::real::Real;

/// Gaussian error linear unit, `y = x Φ(x)`, with the distribution function Φ of the standard normal distribution.
///
/// # Derivatives
/// `∂L/∂x = (Φ(x) + x φ(x)) · ∂L/∂y`, with the density `φ(x) = e^{−x²/2} / √(2π)`.
///
/// # Numerics
/// Φ is half the complementary error function, so that its digits are not lost where it is small. Φ and φ are accurate
/// to 2 ulp for every x, and so to a few are value and derivative, except about x = −0.75, where the derivative changes
/// its sign. In `f32` both are computed in `f64`. y = 0 at −∞. NaN is passed on.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, Gelu};
///
/// // Φ(1) = 0.841345, φ(1) = 0.241971
/// let (y, slope) = Gelu.value_and_derivative(1.0_f64);
/// assert!((y - 0.841345).abs() < 1e-6 && (slope - (0.841345 + 0.241971)).abs() < 1e-6);
/// ```
///
/// # References
/// D. Hendrycks, K. Gimpel (2016): Gaussian error linear units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gelu;

impl Activation for Gelu {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        let (distribution, density) = x.standard_normal();
        (gated(x, distribution), distribution + gated(x, density))
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Gelu)
    }
}

#[cfg(test)]
mod tests {
    use super::super::activation::tests::{assert_extremes, assert_values};
    use super::*;

    // Values by mpmath 1.4 with 60 digits, rounded to `f64`.
    #[test]
    fn values_to_every_digit() {
        let table = [
            (-37.0, -2.1184613523340935e-298, -7.838298669418516e-297),
            (-10.0, -7.619853024160526e-23, -7.618400096464814e-22),
            (-2.0, -0.04550026389635842, -0.0852318010781969),
            (-0.5, -0.15426876936299344, 0.13250487534383715),
            (0.0, 0.0, 0.5),
            (0.5, 0.34573123063700656, 0.8674951246561629),
            (2.0, 1.9544997361036416, 1.085231801078197),
            (10.0, 10.0, 1.0),
        ];
        assert_values(Gelu, 4.0, &table);
    }

    #[test]
    fn extremes() {
        assert_extremes(Gelu, (0.0, 0.0), (f64::INFINITY, 1.0));
    }
}
