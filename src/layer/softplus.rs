use super::{Activation, LayerConfiguration, sigmoid_pair};
use crate::real::Real;

/// Softplus, `y = ln(1 + eˣ)`: a smooth rectifier.
///
/// # Derivatives
/// `∂L/∂x = σ(x) · ∂L/∂y`.
///
/// # Numerics
/// The exponential is taken of −|x|, so nothing overflows, and value and derivative are accurate to a few ulp for every
/// x. NaN is passed on.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, Softplus};
///
/// let (y, slope) = Softplus.value_and_derivative(3.0_f64.ln());
/// assert!((y - 4.0_f64.ln()).abs() < 1e-15 && (slope - 0.75).abs() < 1e-15);
/// ```
///
/// # References
/// C. Dugas, Y. Bengio, F. Bélisle, C. Nadeau, R. Garcia (2001): Incorporating second-order functional knowledge for
/// better option pricing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softplus;

impl Activation for Softplus {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        (self.value(x), sigmoid_pair(x).0)
    }

    #[inline]
    fn value<T: Real>(&self, x: T) -> T {
        if x > T::zero() { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Softplus)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use super::super::activation::tests::{assert_extremes, assert_values};
    use super::*;

    // Values by mpmath 1.4 with 60 digits, rounded to `f64`.
    #[test]
    fn values_to_every_digit() {
        assert_values(
            Softplus,
            2.0,
            &[
                (-700.0, 9.85967654375977e-305, 9.85967654375977e-305),
                (-37.0, 8.533047625744066e-17, 8.533047625744065e-17),
                (-0.5, 0.4740769841801067, 0.37754066879814546),
                (0.0, LN_2, 0.5),
                (0.5, 0.9740769841801067, 0.6224593312018546),
                (37.0, 37.0, 0.9999999999999999),
            ],
        );
    }

    #[test]
    fn extremes() {
        assert_extremes(Softplus, (0.0, 0.0), (f64::INFINITY, 1.0));
    }
}
