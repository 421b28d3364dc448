use super::{Activation, LayerConfiguration};
use crate::real::Real;

/// Identity, `y = x`: where an activation is asked for and none is wanted.
///
/// # Derivatives
/// `∂L/∂x = ∂L/∂y`.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, Identity};
///
/// assert_eq!(Identity.value_and_derivative(-3.0), (-3.0, 1.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity;

impl Activation for Identity {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        (x, T::one())
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_changed() {
        for x in [0.0, -1e4, f64::NEG_INFINITY, f64::INFINITY, 5e-324] {
            assert_eq!(Identity.value_and_derivative(x), (x, 1.0));
        }
        assert!(Identity.value(f64::NAN).is_nan());
    }
}
