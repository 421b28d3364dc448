use super::label_smoothing::{Smoothable, Smoothing};
use super::{
    Loss, LossConfiguration, check_distributions, floored_probability, weighted_mean, weighted_mean_and_gradient,
};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::real::Real;

/// Cross-entropy of predicted class probabilities p, `L = −1/n Σᵢ Σⱼ tⱼᵢ ln pⱼᵢ`, with one-hot or soft targets t.
///
/// For networks that end in a [`Softmax`](crate::Softmax). They are evaluated from its logits, see
/// [`NetworkObjective`](crate::network::NetworkObjective#numerics), as
/// [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy) is: where a probability is all there is, logits further apart
/// than 350 have lost their slope.
///
/// # Derivatives
/// `∂L/∂pⱼᵢ = −tⱼᵢ / (n pⱼᵢ)`.
///
/// # Numerics
/// Probabilities are raised to at least √m, where m is the smallest positive normal number (√m is 1.5e-154 in
/// `f64` and 1.1e-19 in `f32`), so that value and gradient are finite at p = 0. A prediction outside \[0, 1\], for
/// which the loss is not defined, makes the value NaN.
///
/// # Errors
/// Targets must be probabilities that sum to 1 for each sample, to √ε.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::{CrossEntropy, Loss};
///
/// let (prediction, target) = (dvector![0.25_f64, 0.75], dvector![1.0, 0.0]);
/// let value = CrossEntropy.value((&prediction).into(), (&target).into(), None);
/// assert!((value - 4.0_f64.ln()).abs() < 1e-15);
/// ```
#[doc(alias = "cross_entropy_error")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossEntropy;

impl<T: Real> Smoothable<T> for CrossEntropy {
    fn smoothed_value(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        smoothing: Smoothing<T>,
    ) -> T {
        weighted_mean(prediction, target, weights, |prediction, target| {
            prediction
                .iter()
                .zip(target)
                .fold(T::zero(), |sum, (&p, &t)| sum - smoothing.of(t) * floored_probability(p).ln())
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
            for ((&p, &t), slope) in prediction.iter().zip(target).zip(gradient) {
                let (p, t) = (floored_probability(p), smoothing.of(t));
                value -= t * p.ln();
                *slope = -t / p;
            }
            value
        })
    }
}

impl<T: Real> Loss<T> for CrossEntropy {
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
        Some(LossConfiguration::CrossEntropy)
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
        let (value, gradient) = evaluate(&CrossEntropy, &dmatrix![0.5, 0.25; 0.5, 0.75], &dmatrix![1.0, 0.5; 0.0, 0.5]);
        let expected = (2.0_f64.ln() - 0.5 * (0.25_f64.ln() + 0.75_f64.ln())) / 2.0;
        assert_relative_eq!(value, expected, max_relative = 1e-15);
        assert_relative_eq!(gradient, dmatrix![-1.0, -1.0; 0.0, -1.0 / 3.0], max_relative = 1e-15);
    }

    #[test]
    fn certainty_is_finite_and_no_probability_is_nan() {
        let (value, gradient) = evaluate(&CrossEntropy, &dmatrix![0.0, 1.0; 1.0, 0.0], &dmatrix![1.0, 1.0; 0.0, 0.0]);
        assert_relative_eq!(value, -0.25 * f64::MIN_POSITIVE.ln(), max_relative = 1e-12);
        assert!(gradient.iter().all(|slope| slope.is_finite()));
        for p in [-1e-3, 1.001, f64::NAN, f64::INFINITY] {
            assert!(evaluate(&CrossEntropy, &dmatrix![p; 0.0], &dmatrix![0.0; 1.0]).0.is_nan(), "{p}");
        }
    }
}
