use super::{Loss, LossConfiguration, mean_over_outputs, mean_over_outputs_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::real::Real;

/// Mean squared error, `L = 1/(k n) Σᵢ Σⱼ (ŷⱼᵢ − yⱼᵢ)²`: the mean over all k outputs of all n samples.
///
/// The textbooks' half squared error is [`HalfSquaredError`](crate::loss::HalfSquaredError): k/2 times as large.
///
/// # Derivatives
/// `∂L/∂ŷⱼᵢ = 2/(k n) (ŷⱼᵢ − yⱼᵢ)`.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::{Loss, MeanSquaredError};
///
/// let (prediction, target) = (dvector![1.0, 3.0], dvector![1.0, 1.0]);
/// assert_eq!(MeanSquaredError.value((&prediction).into(), (&target).into(), None), 2.0);
/// ```
#[doc(alias("MSELoss", "MSE"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanSquaredError;

fn term<T: Real>(p: T, t: T) -> (T, T) {
    let error = p - t;
    (error * error, error + error)
}

impl<T: Real> Loss<T> for MeanSquaredError {
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
        Some(LossConfiguration::MeanSquaredError)
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
            evaluate(&MeanSquaredError, &dmatrix![1.0, 0.0; 3.0, 2.0], &dmatrix![1.0, 0.0; 1.0, 1.0]);
        assert_eq!(value, 5.0 / 4.0);
        assert_eq!(gradient, dmatrix![0.0, 0.0; 1.0, 0.5]);
    }
}
