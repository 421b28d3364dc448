use super::{Loss, LossConfiguration, check_each, mean_over_outputs, mean_over_outputs_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::real::Real;

/// Hinge loss, `L = 1/(k n) Σᵢ Σⱼ max(0, 1 − tⱼᵢ ŷⱼᵢ)` with targets t = ±1: the mean over all k outputs of all n
/// samples.
///
/// That of the support vector machine: the sign of ŷ is the answer, and an answer that is right by a margin of 1 costs
/// nothing. Of several outputs, each is a yes or no of its own.
///
/// # Derivatives
/// `∂L/∂ŷⱼᵢ = −tⱼᵢ / (k n)` where t ŷ < 1, else 0; at t ŷ = 1, where there is a kink, the subgradient 0.
///
/// # Errors
/// Targets must be −1 or 1.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::Hinge;
/// use gradus::Loss;
///
/// let (prediction, target) = (dvector![0.25, 3.0], dvector![-1.0, 1.0]);
/// assert_eq!(Hinge.value((&prediction).into(), (&target).into(), None), 1.25 / 2.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hinge;

fn term<T: Real>(p: T, t: T) -> (T, T) {
    let lack = T::one() - t * p;
    if lack <= T::zero() {
        (T::zero(), T::zero())
    } else if lack > T::zero() {
        (lack, -t)
    } else {
        (lack, lack) // NaN
    }
}

impl<T: Real> Loss<T> for Hinge {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        mean_over_outputs(prediction, target, weights, term)
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        mean_over_outputs_and_gradient(prediction, target, weights, gradient, term)
    }

    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        check_each(target, "-1 or 1", |t| t.abs() == T::one())
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::Hinge)
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::dmatrix;

    use super::super::tests::evaluate;
    use super::*;

    #[test]
    fn hand_computed_within_at_and_beyond_the_margin() {
        let (value, gradient) = evaluate(&Hinge, &dmatrix![0.5, 1.0; 2.0, 0.25], &dmatrix![1.0, 1.0; 1.0, -1.0]);
        assert_eq!(value, (0.5 + 0.0 + 0.0 + 1.25) / 4.0);
        assert_eq!(gradient, dmatrix![-0.25, 0.0; 0.0, 0.25]);
    }
}
