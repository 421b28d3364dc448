use super::label_smoothing::{Smoothable, Smoothing};
use super::{Loss, LossConfiguration, check_probabilities, mean_over_outputs, mean_over_outputs_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::layer::sigmoid_pair;
use crate::real::Real;

/// Binary cross-entropy of σ(x), on the logits x:
/// `L = 1/(k n) Σᵢ Σⱼ (ln(1 + e^{xⱼᵢ}) − tⱼᵢ xⱼᵢ)`, the mean over all k outputs of all n samples.
///
/// For networks that end without a [`Sigmoid`](crate::Sigmoid); put σ on a prediction to see probabilities.
///
/// # Derivatives
/// `∂L/∂xⱼᵢ = (σ(xⱼᵢ) − tⱼᵢ) / (k n)`.
///
/// # Numerics
/// Value `max(x, 0) − t x + ln(1 + e^{−|x|})`, gradient `(1 − t) σ(x) − t σ(−x)`: neither overflows nor cancels
/// for any x.
///
/// # Errors
/// Targets must lie in \[0, 1\].
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::SigmoidCrossEntropy;
/// use gradus::Loss;
///
/// let (logit, target) = (dvector![0.0_f64, 1e4], dvector![0.0, 1.0]);
/// let value = SigmoidCrossEntropy.value((&logit).into(), (&target).into(), None);
/// assert!((value - 2.0_f64.ln() / 2.0).abs() < 1e-15);
/// ```
#[doc(alias = "BCEWithLogitsLoss")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigmoidCrossEntropy;

fn term<T: Real>(x: T, t: T) -> (T, T) {
    let positive = if x < T::zero() { T::zero() } else { x };
    let (yes, no) = sigmoid_pair(x);
    (positive - x * t + (-x.abs()).exp().ln_1p(), (T::one() - t) * yes - t * no)
}

impl<T: Real> Smoothable<T> for SigmoidCrossEntropy {
    fn smoothed_value(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        smoothing: Smoothing<T>,
    ) -> T {
        mean_over_outputs(prediction, target, weights, |p, t| term(p, smoothing.of(t)))
    }

    fn smoothed_value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
        smoothing: Smoothing<T>,
    ) -> T {
        mean_over_outputs_and_gradient(prediction, target, weights, gradient, |p, t| term(p, smoothing.of(t)))
    }

    /// Yes and no, of every output.
    fn classes(&self, _outputs: usize) -> usize {
        2
    }
}

impl<T: Real> Loss<T> for SigmoidCrossEntropy {
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
        check_probabilities(target)
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::SigmoidCrossEntropy)
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
        let x = 3.0_f64.ln();
        let (value, gradient) = evaluate(&SigmoidCrossEntropy, &dmatrix![x, -x], &dmatrix![1.0, 1.0]);
        assert_relative_eq!(value, -(0.75_f64.ln() + 0.25_f64.ln()) / 2.0, max_relative = 1e-15);
        assert_relative_eq!(gradient, dmatrix![-0.125, -0.375], max_relative = 1e-15);
    }

    #[test]
    fn large_logits_lose_nothing() {
        let (value, gradient) = evaluate(&SigmoidCrossEntropy, &dmatrix![40.0], &dmatrix![1.0]);
        assert_relative_eq!(value, 4.248_354_255_291_589e-18, max_relative = 1e-15);
        assert_relative_eq!(gradient[0], -4.248_354_255_291_589e-18, max_relative = 1e-15);
        for (x, t, expected) in [(1e4, 0.0, 1e4), (1e4, 1.0, 0.0), (-1e4, 0.0, 0.0), (-1e4, 1.0, 1e4)] {
            assert_eq!(evaluate(&SigmoidCrossEntropy, &dmatrix![x], &dmatrix![t]).0, expected);
        }
        assert!(evaluate(&SigmoidCrossEntropy, &dmatrix![f64::NAN], &dmatrix![1.0]).0.is_nan());
    }
}
