use super::label_smoothing::{Smoothable, Smoothing};
use super::{
    Loss, LossConfiguration, check_probabilities, floored_probability, mean_over_outputs,
    mean_over_outputs_and_gradient,
};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::real::Real;

/// Binary cross-entropy of predicted probabilities p,
/// `L = −1/(k n) Σᵢ Σⱼ (tⱼᵢ ln pⱼᵢ + (1 − tⱼᵢ) ln(1 − pⱼᵢ))`: the mean over all k outputs of all n samples.
///
/// For networks that end in a [`Sigmoid`](crate::Sigmoid), each output a yes or no of its own. They are evaluated from
/// its logits, see [`NetworkObjective`](crate::network::NetworkObjective#numerics), as
/// [`SigmoidCrossEntropy`](crate::loss::SigmoidCrossEntropy) is.
///
/// # Derivatives
/// `∂L/∂pⱼᵢ = ((1 − tⱼᵢ)/(1 − pⱼᵢ) − tⱼᵢ/pⱼᵢ) / (k n)`.
///
/// # Numerics
/// p is raised to at least √m, where m is the smallest positive normal number, and 1 − p to at least ε/4, so that value
/// and gradient are finite at p = 0 and p = 1. Near 1 a rounded p leaves few digits of 1 − p: the loss on logits keeps
/// them. A prediction outside \[0, 1\], for which the loss is not defined, makes the value NaN.
///
/// # Errors
/// Targets must lie in \[0, 1\].
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::BinaryCrossEntropy;
/// use gradus::Loss;
///
/// let (prediction, target) = (dvector![0.25_f64], dvector![1.0]);
/// let value = BinaryCrossEntropy.value((&prediction).into(), (&target).into(), None);
/// assert!((value - 4.0_f64.ln()).abs() < 1e-15);
/// ```
#[doc(alias = "BCELoss")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinaryCrossEntropy;

fn term<T: Real>(p: T, t: T) -> (T, T) {
    // What rounding leaves of 1 − p is no smaller than a quarter of ε, but for 0.
    let resolution = T::epsilon() * T::nearest(0.25);
    let (yes, no) = (floored_probability(p), floored_probability(T::one() - p).max(resolution));
    (-(t * yes.ln() + (T::one() - t) * no.ln()), (T::one() - t) / no - t / yes)
}

impl<T: Real> Smoothable<T> for BinaryCrossEntropy {
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

impl<T: Real> Loss<T> for BinaryCrossEntropy {
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
        Some(LossConfiguration::BinaryCrossEntropy)
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
        let (value, gradient) = evaluate(&BinaryCrossEntropy, &dmatrix![0.25, 0.5], &dmatrix![0.0, 1.0]);
        assert_relative_eq!(value, -(0.75_f64.ln() + 0.5_f64.ln()) / 2.0, max_relative = 1e-15);
        assert_relative_eq!(gradient, dmatrix![2.0 / 3.0, -1.0], max_relative = 1e-15);
    }

    #[test]
    fn certainty_is_finite_and_no_probability_is_nan() {
        for t in [0.0, 0.3, 1.0] {
            for p in [0.0, 1.0] {
                let (value, gradient) = evaluate(&BinaryCrossEntropy, &dmatrix![p], &dmatrix![t]);
                assert!(value.is_finite() && gradient[0].is_finite(), "{p} {t}");
            }
            for p in [-1e-3, 1.001, f64::NAN, f64::INFINITY] {
                assert!(evaluate(&BinaryCrossEntropy, &dmatrix![p], &dmatrix![t]).0.is_nan(), "{p} {t}");
            }
        }
    }
}
