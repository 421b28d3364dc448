use std::cmp::Ordering;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::real::Real;

/// The fraction of the samples whose class is predicted: those whose largest predicted value stands where the
/// target has its largest value.
///
/// Of equal values the first counts. It makes no difference whether the predictions are logits or probabilities.
/// A sample with a NaN among its predictions is not predicted.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the shapes differ, [`Error::Empty`] without samples.
///
/// # Examples
/// ```
/// use gradus::accuracy;
/// use gradus::nalgebra::dmatrix;
///
/// let prediction = dmatrix![0.9, 0.2, 0.6; 0.1, 0.8, 0.4];
/// let target = dmatrix![1.0, 0.0, 0.0; 0.0, 1.0, 1.0];
/// assert_eq!(accuracy(&prediction, &target)?, 2.0 / 3.0);
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn accuracy<'a, T: Real>(prediction: impl Into<Batch<'a, T>>, target: impl Into<Batch<'a, T>>) -> Result<f64> {
    let (prediction, target) = (prediction.into(), target.into());
    if prediction.shape() != target.shape() {
        return Err(Error::ShapeMismatch { what: "predictions", expected: target.shape(), found: prediction.shape() });
    }
    if target.samples() == 0 {
        return Err(Error::Empty { what: "samples" });
    }
    Ok(count_correct(prediction, target) as f64 / target.samples() as f64)
}

/// The number of samples whose class is predicted.
pub(crate) fn count_correct<T: Real>(prediction: Batch<'_, T>, target: Batch<'_, T>) -> usize {
    let predicted = |(prediction, target): &(&[T], &[T])| {
        place_of_largest(prediction).is_some_and(|place| Some(place) == place_of_largest(target))
    };
    prediction.iter().zip(target.iter()).filter(predicted).count()
}

/// The first place of the largest value; none if a value is NaN.
fn place_of_largest<T: Real>(values: &[T]) -> Option<usize> {
    let mut largest = 0;
    for (place, &value) in values.iter().enumerate() {
        // NaN compares with nothing, not even with itself.
        match value.partial_cmp(&values[largest])? {
            Ordering::Greater => largest = place,
            Ordering::Less | Ordering::Equal => {}
        }
    }
    Some(largest)
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, dmatrix};

    use super::*;

    #[test]
    fn ties_go_to_the_first_and_nan_to_nobody() {
        let target = dmatrix![1.0; 0.0];
        assert_eq!(accuracy(&dmatrix![0.5; 0.5], &target), Ok(1.0));
        assert_eq!(accuracy(&dmatrix![f64::NAN; 0.5], &target), Ok(0.0));
        assert_eq!(accuracy(&dmatrix![0.5; f64::NAN], &target), Ok(0.0));
    }

    #[test]
    fn shapes_must_agree() {
        let error = accuracy(&dmatrix![1.0, 0.0], &dmatrix![1.0; 0.0]).unwrap_err();
        assert_eq!(error.to_string(), "predictions: expected 2 × 1, found 1 × 2 (is it transposed?)");
        let none = DMatrix::<f64>::zeros(2, 0);
        assert_eq!(accuracy(&none, &none), Err(Error::Empty { what: "samples" }));
    }
}
