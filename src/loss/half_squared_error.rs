use super::{Loss, LossConfiguration, weighted_mean, weighted_mean_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::real::Real;

/// Half squared error of the textbooks, `L = 1/n Σᵢ ½ ‖ŷᵢ − yᵢ‖²`: summed over the outputs, averaged over the n
/// samples.
///
/// # Derivatives
/// `∂L/∂ŷⱼᵢ = (ŷⱼᵢ − yⱼᵢ) / n`.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::HalfSquaredError;
/// use gradus::Loss;
///
/// let (prediction, target) = (dvector![1.0, 3.0], dvector![0.0, 1.0]);
/// assert_eq!(HalfSquaredError.value((&prediction).into(), (&target).into(), None), 2.5);
/// ```
#[doc(alias("sum_squared_error", "SSE"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfSquaredError;

impl<T: Real> Loss<T> for HalfSquaredError {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        let half = T::nearest(0.5);
        weighted_mean(prediction, target, weights, |prediction, target| {
            half * prediction.iter().zip(target).fold(T::zero(), |sum, (&p, &t)| sum + (p - t) * (p - t))
        })
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        let half = T::nearest(0.5);
        weighted_mean_and_gradient(prediction, target, weights, gradient, |prediction, target, gradient| {
            let mut sum = T::zero();
            for ((&p, &t), slope) in prediction.iter().zip(target).zip(gradient) {
                *slope = p - t;
                sum += *slope * *slope;
            }
            half * sum
        })
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::HalfSquaredError)
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::dmatrix;

    use super::super::tests::evaluate;
    use super::*;

    #[test]
    fn it_is_a_sum_over_outputs_and_a_mean_over_samples() {
        let (value, gradient) =
            evaluate(&HalfSquaredError, &dmatrix![1.0, 0.0; 3.0, 2.0], &dmatrix![1.0, 0.0; 1.0, 1.0]);
        assert_eq!(value, 5.0 / 4.0);
        assert_eq!(gradient, dmatrix![0.0, 0.0; 1.0, 0.5]);
    }
}
