use super::{Activation, LayerConfiguration};
use crate::error::{Error, Result};
use crate::real::Real;

/// Rectified linear unit that leaks, `y = x` for x > 0 and `y = a·x` for x ≤ 0.
///
/// # Derivatives
/// `∂L/∂x = ∂L/∂y` for x > 0 and `a · ∂L/∂y` for x ≤ 0: at the kink the slope from below, as `torch.nn` has it.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, LeakyRelu};
///
/// let leaky = LeakyRelu::new(0.25)?;
/// assert_eq!([-2.0, 0.0, 2.0].map(|x| leaky.value_and_derivative(x)), [(-0.5, 0.25), (0.0, 0.25), (2.0, 1.0)]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// A. L. Maas, A. Y. Hannun, A. Y. Ng (2013): Rectifier nonlinearities improve neural network acoustic models.
#[doc(alias = "LeakyReLU")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    slope: f64,
}

impl LeakyRelu {
    /// With this slope a for negative values, 0.01 in the publication.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless 0 < a ≤ 1. With a slope of 0 it is a [`Relu`](crate::layer::Relu).
    pub fn new(slope: f64) -> Result<Self> {
        if !(slope > 0.0 && slope <= 1.0) {
            return Err(Error::InvalidParameter {
                name: "slope of negative values",
                value: slope,
                expected: "a number above 0, of at most 1",
            });
        }
        Ok(Self { slope })
    }

    /// The slope of negative values.
    #[must_use]
    pub fn slope(&self) -> f64 {
        self.slope
    }
}

impl Activation for LeakyRelu {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        let slope = T::nearest(self.slope);
        if x > T::zero() {
            (x, T::one())
        } else if x <= T::zero() {
            (slope * x, slope)
        } else {
            (x, x)
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::LeakyRelu { slope: self.slope })
    }
}

#[cfg(test)]
mod tests {
    use super::super::activation::tests::{assert_extremes, assert_values};
    use super::*;

    #[test]
    fn the_kink_and_both_sides() {
        let leaky = LeakyRelu::new(0.125).unwrap();
        assert_eq!(leaky.slope(), 0.125);
        assert_values(leaky, 0.0, &[(-3.0, -0.375, 0.125), (0.0, 0.0, 0.125), (1e-30, 1e-30, 1.0), (2.5, 2.5, 1.0)]);
    }

    #[test]
    fn extremes() {
        assert_extremes(LeakyRelu::new(0.125).unwrap(), (f64::NEG_INFINITY, 0.125), (f64::INFINITY, 1.0));
    }

    #[test]
    fn the_slope_must_lie_between_0_and_1() {
        for bad in [0.0, -0.01, 1.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(LeakyRelu::new(bad), Err(Error::InvalidParameter { .. })), "{bad}");
        }
        assert!(LeakyRelu::new(1.0).is_ok());
    }
}
