use super::{Activation, LayerConfiguration};
use crate::real::Real;

/// Hyperbolic tangent, `y = tanh x`.
///
/// # Derivatives
/// `∂L/∂x = 4e / (1 + e)² · ∂L/∂y` with `e = e^{−2|x|}`.
///
/// # Numerics
/// That form of the derivative is accurate to a few ulp for every x, where 1 − y² loses all digits from x = 20 on. NaN is
/// passed on.
///
/// # Examples
/// ```
/// use gradus::{Activation, Tanh};
///
/// let (y, slope) = Tanh.value_and_derivative(3.0_f64.ln() / 2.0);
/// assert!((y - 0.5).abs() < 1e-15 && (slope - 0.75).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tanh;

impl Activation for Tanh {
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        let e = (-(x.abs() + x.abs())).exp();
        let sum = T::one() + e;
        (self.value(x), T::nearest(4.0) * e / (sum * sum))
    }

    fn value<T: Real>(&self, x: T) -> T {
        x.tanh()
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Tanh)
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
            Tanh,
            4.0,
            &[
                (-20.0, -1.0, 1.6993417021166355e-17),
                (-0.5, -0.46211715726000974, 0.7864477329659274),
                (0.0, 0.0, 1.0),
                (1e-9, 1e-9, 1.0),
                (0.5, 0.46211715726000974, 0.7864477329659274),
                (20.0, 1.0, 1.6993417021166355e-17),
            ],
        );
    }

    #[test]
    fn extremes() {
        assert_extremes(Tanh, (-1.0, 0.0), (1.0, 0.0));
    }
}
