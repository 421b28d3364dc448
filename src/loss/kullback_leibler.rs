use super::{
    Loss, LossConfiguration, check_distributions, floored_probability, weighted_mean, weighted_mean_and_gradient,
};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::real::Real;

/// Kullback–Leibler divergence of predicted class probabilities p from the targets t,
/// `L = 1/n Σᵢ Σⱼ tⱼᵢ (ln tⱼᵢ − ln pⱼᵢ)`: summed over the classes, averaged over the n samples.
///
/// It is [`CrossEntropy`](crate::CrossEntropy) less the entropy of the targets, which does not depend on p: the
/// gradients are the same, and the least value, at p = t, is 0.
///
/// # Derivatives
/// `∂L/∂pⱼᵢ = −tⱼᵢ / (n pⱼᵢ)`.
///
/// # Numerics
/// 0 ln 0 is 0 in t, and p is raised as in [`CrossEntropy`](crate::CrossEntropy), so that value and gradient are finite
/// at p = 0. A prediction outside \[0, 1\], for which the loss is not defined, makes the value NaN. Where p is close to
/// t the terms of a sample cancel, to an absolute error of rounding size.
///
/// # Errors
/// Targets must be probabilities that sum to 1 for each sample, to √ε.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::KullbackLeibler;
/// use gradus::Loss;
///
/// let (prediction, target) = (dvector![0.25_f64, 0.75], dvector![0.5, 0.5]);
/// let value = KullbackLeibler.value((&prediction).into(), (&target).into(), None);
/// assert!((value - 0.5 * (2.0_f64.ln() + (2.0_f64 / 3.0).ln())).abs() < 1e-15);
/// ```
///
/// # References
/// S. Kullback, R. A. Leibler (1951): On information and sufficiency.
#[doc(alias = "KLDivLoss")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KullbackLeibler;

/// `t (ln t − ln p)` for a floored p.
fn divergence<T: Real>(p: T, t: T) -> T {
    // As t − t ln p would be for t = 1: a p that is NaN stays so.
    information(t) - t * p.ln()
}

/// `t ln t`
pub(super) fn information<T: Real>(t: T) -> T {
    if t.is_zero() { T::zero() } else { t * t.ln() }
}

impl<T: Real> Loss<T> for KullbackLeibler {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        weighted_mean(prediction, target, weights, |prediction, target| {
            let terms = prediction.iter().zip(target);
            terms.fold(T::zero(), |sum, (&p, &t)| sum + divergence(floored_probability(p), t))
        })
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        weighted_mean_and_gradient(prediction, target, weights, gradient, |prediction, target, gradient| {
            let mut value = T::zero();
            for ((&p, &t), slope) in prediction.iter().zip(target).zip(gradient) {
                let p = floored_probability(p);
                value += divergence(p, t);
                *slope = -t / p;
            }
            value
        })
    }

    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        check_distributions(target)
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::KullbackLeibler)
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
        let (prediction, target) = (dmatrix![0.5, 0.25; 0.5, 0.75], dmatrix![1.0, 0.5; 0.0, 0.5]);
        let (value, gradient) = evaluate(&KullbackLeibler, &prediction, &target);
        let expected = (2.0_f64.ln() + 0.5 * (2.0_f64.ln() + (2.0_f64 / 3.0).ln())) / 2.0;
        assert_relative_eq!(value, expected, max_relative = 1e-15);
        assert_relative_eq!(gradient, dmatrix![-1.0, -1.0; 0.0, -1.0 / 3.0], max_relative = 1e-15);
    }

    #[test]
    fn it_vanishes_at_the_targets() {
        let target = dmatrix![0.25, 0.0; 0.75, 1.0];
        assert_eq!(evaluate(&KullbackLeibler, &target, &target).0, 0.0);
    }
}
