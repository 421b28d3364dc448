use super::{Loss, LossConfiguration, mean_over_outputs, mean_over_outputs_and_gradient, sign};
use crate::batch::{Batch, BatchMut};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// Huber's loss, `L = 1/(k n) Σᵢ Σⱼ h(ŷⱼᵢ − yⱼᵢ)` with `h(d) = d²/2` for |d| ≤ δ and `δ (|d| − δ/2)` beyond: the mean
/// over all k outputs of all n samples.
///
/// Squares near the target, absolute errors far from it, so that outliers pull no harder than δ.
///
/// # Derivatives
/// `∂L/∂ŷⱼᵢ = clamp(ŷⱼᵢ − yⱼᵢ, −δ, δ) / (k n)`: continuous, with kinks at ±δ.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::Huber;
/// use gradus::Loss;
///
/// let (prediction, target) = (dvector![1.0, 4.0], dvector![0.0, 1.0]);
/// let value = Huber::new(2.0)?.value((&prediction).into(), (&target).into(), None);
/// assert_eq!(value, (0.5 + 2.0 * (3.0 - 1.0)) / 2.0);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// P. J. Huber (1964): Robust estimation of a location parameter.
#[doc(alias("HuberLoss", "SmoothL1Loss"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber<T> {
    threshold: T,
}

impl<T: Real> Huber<T> {
    /// Huber's loss with the threshold δ.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the threshold is positive and finite.
    pub fn new(threshold: T) -> Result<Self> {
        checks::positive("threshold", threshold)?;
        Ok(Self { threshold })
    }

    /// The threshold δ.
    #[must_use]
    pub fn threshold(&self) -> T {
        self.threshold
    }

    fn term(&self, p: T, t: T) -> (T, T) {
        let (error, half) = (p - t, T::nearest(0.5));
        let distance = error.abs();
        if distance <= self.threshold {
            (half * error * error, error)
        } else {
            (self.threshold * (distance - half * self.threshold), self.threshold * sign(error))
        }
    }
}

impl<T: Real> Loss<T> for Huber<T> {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        mean_over_outputs(prediction, target, weights, |p, t| self.term(p, t))
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        mean_over_outputs_and_gradient(prediction, target, weights, gradient, |p, t| self.term(p, t))
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::Huber { threshold: self.threshold.to_f64() })
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::dmatrix;

    use super::super::tests::evaluate;
    use super::*;
    use crate::error::Error;

    #[test]
    fn hand_computed_on_both_sides_of_the_threshold() {
        let huber = Huber::new(1.0).unwrap();
        let (value, gradient) = evaluate(&huber, &dmatrix![0.5, 1.0, 3.0, -5.0], &dmatrix![0.0, 0.0, 0.0, -1.0]);
        assert_eq!(value, (0.125 + 0.5 + 2.5 + 3.5) / 4.0);
        assert_eq!(gradient, dmatrix![0.125, 0.25, 0.25, -0.25]);
    }

    #[test]
    fn the_threshold_must_be_positive() {
        for bad in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            assert!(matches!(Huber::new(bad), Err(Error::InvalidParameter { name: "threshold", .. })), "{bad}");
        }
        assert_eq!(
            Huber::new(-1.0).unwrap_err().to_string(),
            "threshold: expected a positive, finite number, found -1"
        );
    }
}
