use super::{Activation, LayerConfiguration};
use crate::real::Real;

/// Rectified linear unit, `y = max(x, 0)`.
///
/// # Derivatives
/// `∂L/∂x = ∂L/∂y` for x > 0 and 0 for x ≤ 0: at the kink the subgradient 0, as `torch.nn` has it.
///
/// # Numerics
/// NaN is passed on, where `max` would swallow it.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, Relu};
///
/// assert_eq!([-2.0, 0.0, 2.0].map(|x| Relu.value_and_derivative(x)), [(0.0, 0.0), (0.0, 0.0), (2.0, 1.0)]);
/// ```
///
/// # References
/// X. Glorot, A. Bordes, Y. Bengio (2011): Deep sparse rectifier neural networks.
#[doc(alias = "ReLU")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relu;

impl Activation for Relu {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        if x > T::zero() {
            (x, T::one())
        } else if x <= T::zero() {
            (T::zero(), T::zero())
        } else {
            (x, x)
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Relu)
    }
}

#[cfg(test)]
mod tests {
    use super::super::activation::tests::{assert_extremes, assert_values};
    use super::*;

    #[test]
    fn the_kink_and_both_sides() {
        assert_values(
            Relu,
            0.0,
            &[(-3.0, 0.0, 0.0), (-0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1e-30, 1e-30, 1.0), (2.5, 2.5, 1.0)],
        );
        assert!(Relu.value(-0.0_f64).is_sign_positive());
    }

    #[test]
    fn extremes() {
        assert_extremes(Relu, (0.0, 0.0), (f64::INFINITY, 1.0));
    }
}
