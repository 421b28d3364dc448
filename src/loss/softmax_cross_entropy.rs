use super::label_smoothing::{Smoothable, Smoothing};
use super::{Loss, LossConfiguration, check_distributions, weighted_mean, weighted_mean_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::linalg::place_of_largest;
use crate::real::Real;

/// Cross-entropy of the softmax, on the logits z: `L = −1/n Σᵢ Σⱼ tⱼᵢ ln pⱼᵢ` with `pⱼ = e^{zⱼ} / Σₗ e^{zₗ}`, for
/// one-hot or soft targets t.
///
/// For networks that end without a [`Softmax`](crate::Softmax); put a softmax on a prediction to see
/// probabilities. The largest logit is the predicted class either way.
///
/// # Derivatives
/// `∂L/∂zⱼᵢ = (pⱼᵢ − tⱼᵢ) / n`.
///
/// # Numerics
/// With m the largest logit and R the sum of e^{zₗ−m} over the others, `−ln pⱼ = (m − zⱼ) + ln(1 + R)`, and the
/// gradient is `pⱼ (Σₗ tₗ − tⱼ) − tⱼ Σ_{l≠j} pₗ`: neither overflows nor cancels, so that a class predicted with
/// p = 1 − 1e-30 still has 15 digits of both. A class that is not asked for may have the logit −∞. Where all logits are
/// −∞, or one is ∞ or NaN, there are no probabilities, and the value is not finite.
///
/// # Errors
/// Targets must be probabilities that sum to 1 for each sample, to √ε.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::{Loss, SoftmaxCrossEntropy};
///
/// let (logits, target) = (dvector![0.0, 3.0_f64.ln()], dvector![1.0, 0.0]);
/// let value = SoftmaxCrossEntropy.value((&logits).into(), (&target).into(), None);
/// assert!((value - 4.0_f64.ln()).abs() < 1e-15);
/// ```
#[doc(alias("CrossEntropyLoss", "SoftmaxWithLoss"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftmaxCrossEntropy;

/// `−Σⱼ tⱼ ln pⱼ`, where the softmax is that of `logits` and `rest` is the R above.
fn of_logits<T: Real>(logits: &[T], target: &[T], largest: usize, rest: T, smoothing: Smoothing<T>) -> T {
    let log_sum = rest.ln_1p();
    logits.iter().zip(target).fold(T::zero(), |sum, (&z, &t)| {
        let t = smoothing.of(t);
        // A class that is not asked for may have the logit −∞.
        if t.is_zero() { sum } else { sum + t * ((logits[largest] - z) + log_sum) }
    })
}

impl<T: Real> Smoothable<T> for SoftmaxCrossEntropy {
    fn smoothed_value(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        smoothing: Smoothing<T>,
    ) -> T {
        weighted_mean(prediction, target, weights, |logits, target| {
            let largest = place_of_largest(logits);
            let mut rest = T::zero();
            for (j, &z) in logits.iter().enumerate() {
                if j != largest {
                    rest += (z - logits[largest]).exp();
                }
            }
            of_logits(logits, target, largest, rest, smoothing)
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
        weighted_mean_and_gradient(prediction, target, weights, gradient, |logits, target, gradient| {
            let largest = place_of_largest(logits);
            let mut rest = T::zero();
            for (j, (exponential, &z)) in gradient.iter_mut().zip(logits).enumerate() {
                *exponential = (z - logits[largest]).exp();
                if j != largest {
                    rest += *exponential;
                }
            }
            let sum = T::one() + rest;
            let target_sum = target.iter().fold(T::zero(), |sum, &t| sum + smoothing.of(t));
            for (j, (slope, &t)) in gradient.iter_mut().zip(target).enumerate() {
                let t = smoothing.of(t);
                // For all but the largest the difference keeps its digits: it is at least half of the sum.
                let others = if j == largest { rest } else { sum - *slope };
                *slope = (*slope * (target_sum - t) - t * others) / sum;
            }
            of_logits(logits, target, largest, rest, smoothing)
        })
    }
}

impl<T: Real> Loss<T> for SoftmaxCrossEntropy {
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
        Some(LossConfiguration::SoftmaxCrossEntropy)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::dmatrix;

    use super::super::tests::evaluate;
    use super::*;

    #[test]
    fn hand_computed() {
        let z = 3.0_f64.ln();
        let (value, gradient) =
            evaluate(&SoftmaxCrossEntropy, &dmatrix![0.0, z; z, 0.0], &dmatrix![0.0, 0.5; 1.0, 0.5]);
        let expected = -(0.75_f64.ln() + 0.5 * (0.75_f64.ln() + 0.25_f64.ln())) / 2.0;
        assert_relative_eq!(value, expected, max_relative = 1e-15);
        assert_relative_eq!(gradient, dmatrix![0.125, 0.125; -0.125, -0.125], max_relative = 1e-14);
    }

    #[test]
    fn large_logits_lose_nothing() {
        // With p = e⁻⁴⁰/(1 + e⁻⁴⁰) for the wrong class, value and gradient are p to all digits.
        for logits in [dmatrix![40.0; 0.0], dmatrix![0.0; -40.0]] {
            let (value, gradient) = evaluate(&SoftmaxCrossEntropy, &logits, &dmatrix![1.0; 0.0]);
            let p = 4.248_354_255_291_589e-18;
            assert_relative_eq!(value, p, max_relative = 1e-15);
            assert_relative_eq!(gradient, dmatrix![-p; p], max_relative = 1e-15);
        }
        let (value, gradient) = evaluate(&SoftmaxCrossEntropy, &dmatrix![1e4; -1e4], &dmatrix![0.0; 1.0]);
        assert_eq!((value, gradient), (2e4, dmatrix![1.0; -1.0]));
    }

    #[test]
    fn nan_is_passed_on_and_an_impossible_class_is_not_one() {
        let target = dmatrix![1.0; 0.0; 0.0];
        for logits in [dmatrix![f64::NAN; 0.0; 0.0], dmatrix![0.0; f64::NAN; 0.0], dmatrix![0.0; 1.0; f64::NAN]] {
            assert!(evaluate(&SoftmaxCrossEntropy, &logits, &target).0.is_nan());
        }
        assert!(
            !evaluate(
                &SoftmaxCrossEntropy,
                &dmatrix![f64::NEG_INFINITY; f64::NEG_INFINITY; f64::NEG_INFINITY],
                &target
            )
            .0
            .is_finite()
        );
        let (value, gradient) = evaluate(&SoftmaxCrossEntropy, &dmatrix![0.0; 0.0; f64::NEG_INFINITY], &target);
        assert_relative_eq!(value, 2.0_f64.ln(), max_relative = 1e-15);
        assert_eq!(gradient, dmatrix![-0.5; 0.5; 0.0]);
    }
}
