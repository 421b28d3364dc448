use super::{Loss, LossConfiguration, mean_over_outputs, mean_over_outputs_and_gradient, sign};
use crate::batch::{Batch, BatchMut};
use crate::real::Real;

/// Mean absolute error, `L = 1/(k n) Σᵢ Σⱼ |ŷⱼᵢ − yⱼᵢ|`: the mean over all k outputs of all n samples.
///
/// Its minimum is the median of the targets where [`MeanSquaredError`](crate::MeanSquaredError) has their mean: a few
/// targets far out do not move it.
///
/// # Derivatives
/// `∂L/∂ŷⱼᵢ = sign(ŷⱼᵢ − yⱼᵢ) / (k n)`; at ŷ = y, where there is a kink, the subgradient 0.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::MeanAbsoluteError;
/// use gradus::Loss;
///
/// let (prediction, target) = (dvector![1.0, 3.0], dvector![2.0, 1.0]);
/// assert_eq!(MeanAbsoluteError.value((&prediction).into(), (&target).into(), None), 1.5);
/// ```
#[doc(alias("L1Loss", "MAE"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanAbsoluteError;

fn term<T: Real>(p: T, t: T) -> (T, T) {
    let error = p - t;
    (error.abs(), sign(error))
}

impl<T: Real> Loss<T> for MeanAbsoluteError {
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

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::MeanAbsoluteError)
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::dmatrix;

    use super::super::tests::evaluate;
    use super::*;

    #[test]
    fn it_is_a_mean_over_outputs_and_samples() {
        let (value, gradient) =
            evaluate(&MeanAbsoluteError, &dmatrix![1.0, 0.0; -3.0, 2.0], &dmatrix![1.0, 0.5; 1.0, 1.0]);
        assert_eq!(value, (0.0 + 4.0 + 0.5 + 1.0) / 4.0);
        assert_eq!(gradient, dmatrix![0.0, -0.25; -0.25, 0.25]);
    }
}
