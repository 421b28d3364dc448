use super::activation::gated;
use super::{Activation, LayerConfiguration, sigmoid_pair};
use crate::real::Real;

/// Sigmoid linear unit, also called swish, `y = x σ(x)`.
///
/// # Derivatives
/// `∂L/∂x = σ(x) (1 + x σ(−x)) · ∂L/∂y`.
///
/// # Numerics
/// σ(x) and σ(−x) are both accurate to a few ulp for every x, and so is the derivative, except about x = −1.28, where
/// it changes its sign. y = 0 at −∞. NaN is passed on.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, Silu};
///
/// let (y, slope) = Silu.value_and_derivative(3.0_f64.ln()); // where σ is ¾
/// assert!((y - 0.75 * 3.0_f64.ln()).abs() < 1e-15);
/// assert!((slope - 0.75 * (1.0 + 0.25 * 3.0_f64.ln())).abs() < 1e-15);
/// ```
///
/// # References
/// S. Elfwing, E. Uchibe, K. Doya (2018): Sigmoid-weighted linear units for neural network function approximation in
/// reinforcement learning.
#[doc(alias = "swish")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silu;

impl Activation for Silu {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        let (s, mirrored) = sigmoid_pair(x);
        // 1 + x σ(−x) is −∞ at −∞, where σ(x) is 0.
        (gated(x, s), gated(T::one() + gated(x, mirrored), s))
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Silu)
    }
}

#[cfg(test)]
mod tests {
    use super::super::activation::tests::{assert_extremes, assert_values};
    use super::*;

    // Values by mpmath 1.4 with 60 digits, rounded to `f64`.
    #[test]
    fn values_to_every_digit() {
        assert_values(
            Silu,
            4.0,
            &[
                (-700.0, -6.90177358063184e-302, -6.891913904088079e-302),
                (-37.0, -3.1572276215253042e-15, -3.071897145267863e-15),
                (-2.0, -0.23840584404423512, -0.09078424878489548),
                (-0.5, -0.18877033439907273, 0.2600388126973482),
                (0.0, 0.0, 0.5),
                (0.5, 0.3112296656009273, 0.7399611873026518),
                (2.0, 1.7615941559557649, 1.0907842487848955),
                (37.0, 37.0, 1.000000000000003),
            ],
        );
    }

    #[test]
    fn extremes() {
        assert_extremes(Silu, (0.0, 0.0), (f64::INFINITY, 1.0));
    }
}
