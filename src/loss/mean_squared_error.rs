use super::{Loss, weighted_mean, weighted_mean_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::real::Real;

/// Mean squared error, `L = 1/(k n) Σᵢ Σⱼ (ŷⱼᵢ − yⱼᵢ)²`: the mean over all k outputs of all n samples.
///
/// The textbooks' half squared error is [`HalfSquaredError`](crate::HalfSquaredError): k/2 times as large.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanSquaredError;

impl<T: Real> Loss<T> for MeanSquaredError {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        let outputs = T::from_count(target.features());
        weighted_mean(prediction, target, weights, |prediction, target| {
            prediction.iter().zip(target).fold(T::zero(), |sum, (&p, &t)| sum + (p - t) * (p - t)) / outputs
        })
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        let outputs = T::from_count(target.features());
        weighted_mean_and_gradient(prediction, target, weights, gradient, |prediction, target, gradient| {
            let mut sum = T::zero();
            for ((&p, &t), slope) in prediction.iter().zip(target).zip(gradient) {
                let error = p - t;
                sum += error * error;
                *slope = (error + error) / outputs;
            }
            sum / outputs
        })
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
