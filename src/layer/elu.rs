use super::{Activation, LayerConfiguration};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// Exponential linear unit, `y = x` for x > 0 and `y = α (eˣ − 1)` for x ≤ 0.
///
/// # Derivatives
/// `∂L/∂x = ∂L/∂y` for x > 0 and `α eˣ · ∂L/∂y` for x ≤ 0; for α = 1 there is no kink.
///
/// # Numerics
/// Value and derivative are accurate to a few ulp for every x. NaN is passed on.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, Elu};
///
/// let elu = Elu::new(2.0)?;
/// assert_eq!(elu.value_and_derivative(3.0), (3.0, 1.0));
/// assert_eq!(elu.value_and_derivative(0.0), (0.0, 2.0));
/// assert_eq!(elu.value_and_derivative(-1e4), (-2.0, 0.0));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// D.-A. Clevert, T. Unterthiner, S. Hochreiter (2016): Fast and accurate deep network learning by exponential linear
/// units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    alpha: f64,
}

impl Elu {
    /// With this α, 1 in the publication.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless α is positive and finite.
    pub fn new(alpha: f64) -> Result<Self> {
        checks::positive("α", alpha)?;
        Ok(Self { alpha })
    }

    /// Minus what the values fall to.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }
}

impl Activation for Elu {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        if x > T::zero() { (x, T::one()) } else { (self.value(x), T::nearest(self.alpha) * x.exp()) }
    }

    #[inline]
    fn value<T: Real>(&self, x: T) -> T {
        if x > T::zero() { x } else { T::nearest(self.alpha) * x.exp_m1() }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Elu { alpha: self.alpha })
    }
}

#[cfg(test)]
mod tests {
    use super::super::activation::tests::{assert_extremes, assert_values};
    use super::*;
    use crate::error::Error;

    // Values by mpmath 1.4 with 60 digits, rounded to `f64`.
    #[test]
    fn values_to_every_digit() {
        let table = [
            (-40.0, -1.0, 4.248354255291589e-18),
            (-0.5, -0.3934693402873666, 0.6065306597126334),
            (-1e-12, -9.999999999995e-13, 0.999999999999),
            (0.0, 0.0, 1.0),
            (0.5, 0.5, 1.0),
        ];
        assert_values(Elu::new(1.0).unwrap(), 2.0, &table);
        let halved: Vec<_> = table[..3].iter().map(|(x, value, slope)| (*x, value / 2.0, slope / 2.0)).collect();
        assert_values(Elu::new(0.5).unwrap(), 2.0, &halved);
    }

    #[test]
    fn extremes() {
        assert_extremes(Elu::new(0.5).unwrap(), (-0.5, 0.0), (f64::INFINITY, 1.0));
    }

    #[test]
    fn alpha_must_be_positive() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Elu::new(bad), Err(Error::InvalidParameter { name: "α", .. })), "{bad}");
        }
    }
}
