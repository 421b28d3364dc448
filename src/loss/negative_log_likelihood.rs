use super::label_smoothing::{Smoothable, Smoothing};
use super::{Loss, LossConfiguration, check_distributions, weighted_mean, weighted_mean_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::real::Real;

/// Negative log-likelihood of predicted logarithms of class probabilities z, `L = −1/n Σᵢ Σⱼ tⱼᵢ zⱼᵢ`, with one-hot or
/// soft targets t.
///
/// For networks that end in the logarithm of a softmax. On its logits,
/// [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy) is the same loss, with a gradient that does not cancel.
///
/// # Derivatives
/// `∂L/∂zⱼᵢ = −tⱼᵢ / n`.
///
/// # Numerics
/// A class that is not asked for, t = 0, may have the probability 0, z = −∞; one that is makes the value ∞. A
/// prediction above 0 (by more than √ε, for rounding) is the logarithm of no probability and makes the value NaN.
///
/// # Errors
/// Targets must be probabilities that sum to 1 for each sample, to √ε.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::NegativeLogLikelihood;
/// use gradus::Loss;
///
/// let (log_probabilities, target) = (dvector![-2.0, -0.5], dvector![0.25, 0.75]);
/// let value = NegativeLogLikelihood.value((&log_probabilities).into(), (&target).into(), None);
/// assert_eq!(value, 0.25 * 2.0 + 0.75 * 0.5);
/// ```
#[doc(alias = "NLLLoss")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegativeLogLikelihood;

fn term<T: Real>(z: T, t: T) -> T {
    if z > T::epsilon().sqrt() {
        T::zero() / T::zero()
    } else if t.is_zero() && z < T::zero() {
        T::zero() // also where z is −∞
    } else {
        -t * z
    }
}

impl<T: Real> Smoothable<T> for NegativeLogLikelihood {
    fn smoothed_value(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        smoothing: Smoothing<T>,
    ) -> T {
        weighted_mean(prediction, target, weights, |prediction, target| {
            prediction.iter().zip(target).fold(T::zero(), |sum, (&z, &t)| sum + term(z, smoothing.of(t)))
        })
    }

    fn smoothed_value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
        smoothing: Smoothing<T>,
    ) -> T {
        weighted_mean_and_gradient(prediction, target, weights, gradient, |prediction, target, gradient| {
            let mut value = T::zero();
            for ((&z, &t), slope) in prediction.iter().zip(target).zip(gradient) {
                let t = smoothing.of(t);
                value += term(z, t);
                *slope = -t;
            }
            value
        })
    }
}

impl<T: Real> Loss<T> for NegativeLogLikelihood {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        self.smoothed_value(prediction, target, weights, Smoothing::none())
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        self.smoothed_value_and_gradient(prediction, target, weights, gradient, Smoothing::none())
    }

    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        check_distributions(target)
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::NegativeLogLikelihood)
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::dmatrix;

    use super::super::tests::evaluate;
    use super::*;

    #[test]
    fn hand_computed() {
        let (value, gradient) =
            evaluate(&NegativeLogLikelihood, &dmatrix![-2.0, -1.0; -0.25, -3.0], &dmatrix![0.0, 0.5; 1.0, 0.5]);
        assert_eq!(value, (0.25 + 2.0) / 2.0);
        assert_eq!(gradient, dmatrix![0.0, -0.25; -0.5, -0.25]);
    }

    #[test]
    fn impossible_classes_and_what_is_no_logarithm_of_a_probability() {
        let target = dmatrix![1.0; 0.0];
        let value = |predicted, other| evaluate(&NegativeLogLikelihood, &dmatrix![predicted; other], &target).0;
        assert_eq!(value(-1.0, f64::NEG_INFINITY), 1.0);
        assert_eq!(value(f64::NEG_INFINITY, 0.0), f64::INFINITY);
        assert_eq!(value(f64::EPSILON, -40.0), -f64::EPSILON);
        for bad in [0.5, f64::INFINITY, f64::NAN] {
            assert!(value(bad, -1.0).is_nan() && value(-1.0, bad).is_nan(), "{bad}");
        }
    }
}
