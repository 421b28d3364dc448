//! Metrics: how good predictions are, in numbers for people.
//!
//! Predictions come first, then targets, both with a sample per column.
//!
//! ```
//! use gradus::metrics::{mean_absolute_error, r_squared};
//! use gradus::nalgebra::dmatrix;
//!
//! let (predicted, actual) = (dmatrix![1.0, 2.0, 4.0], dmatrix![1.0, 2.0, 3.0]);
//! assert_eq!(mean_absolute_error(&predicted, &actual)?, 1.0 / 3.0);
//! assert_eq!(r_squared(&predicted, &actual)?, Some(0.5));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | of classes | |
//! | --- | --- |
//! | [`predicted_classes`] | the class of each sample |
//! | [`accuracy`], [`top_k_accuracy`] | the fraction that is right, or nearly |
//! | [`ConfusionMatrix`] | which class is taken for which, with precision and recall |
//! | [`log_loss`] | how likely the right classes were said to be |
//!
//! | of numbers | |
//! | --- | --- |
//! | [`r_squared`] | the part of the variance that is predicted |
//! | [`mean_absolute_error`], [`root_mean_squared_error`] | errors in the unit of the targets |

mod confusion_matrix;
mod regression;

use std::cmp::Ordering;

pub use confusion_matrix::ConfusionMatrix;
pub use regression::{mean_absolute_error, r_squared, root_mean_squared_error};

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::loss::{CrossEntropy, Loss, check_distributions, check_finite};
use crate::real::Real;

/// The fraction of the samples whose class is predicted: those whose largest predicted value stands where the
/// target has its largest value.
///
/// Of equal values the first counts. It makes no difference whether the predictions are logits or probabilities.
/// A sample with a NaN among its predictions is not predicted.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the shapes differ, [`Error::Empty`] without samples; [`Error::InvalidTarget`] unless
/// targets are probabilities that sum to 1 for each sample, as one-hot columns do; [`Error::InvalidParameter`] for
/// fewer than two classes: where one output says yes or no, put a threshold to it and use
/// [`ConfusionMatrix::from_labels`].
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
#[doc(alias = "accuracy_score")]
pub fn accuracy<'a, T: Real>(prediction: impl Into<Batch<'a, T>>, target: impl Into<Batch<'a, T>>) -> Result<f64> {
    let (prediction, target) = (prediction.into(), target.into());
    check_classes(prediction, target)?;
    Ok(count_correct(prediction, target) as f64 / target.samples() as f64)
}

/// The fraction of the samples whose class is among the k predicted to be the most likely ones: where the target has
/// its largest value stands one of the k largest predicted values.
///
/// Of equal values the first counts, so that k = 1 gives the [`accuracy`]. A sample with a NaN among its predictions is
/// not predicted.
///
/// # Errors
/// As [`accuracy`]; also [`Error::InvalidParameter`] unless k is at least 1 and at most the number of classes.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::metrics::top_k_accuracy;
///
/// let prediction = dmatrix![0.5, 0.2; 0.3, 0.1; 0.2, 0.7];
/// let target = dmatrix![0.0, 0.0; 1.0, 1.0; 0.0, 0.0];
/// assert_eq!(top_k_accuracy(&prediction, &target, 1)?, 0.0);
/// assert_eq!(top_k_accuracy(&prediction, &target, 2)?, 0.5);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "top_k_accuracy_score")]
pub fn top_k_accuracy<'a, T: Real>(
    prediction: impl Into<Batch<'a, T>>,
    target: impl Into<Batch<'a, T>>,
    k: usize,
) -> Result<f64> {
    let (prediction, target) = (prediction.into(), target.into());
    check_classes(prediction, target)?;
    if k == 0 || k > target.features() {
        return Err(Error::InvalidParameter {
            name: "k",
            value: k as f64,
            expected: "at least 1 and at most the number of classes",
        });
    }
    let predicted = |(prediction, target): &(&[T], &[T])| {
        let Some(class) = place_of_largest(target) else { return false };
        rank(prediction, class).is_some_and(|rank| rank < k)
    };
    let correct = prediction.iter().zip(target.iter()).filter(predicted).count();
    Ok(correct as f64 / target.samples() as f64)
}

/// The predicted class of each sample: where its largest value stands, the first one of several.
///
/// Predictions may be logits, probabilities or their logarithms: the largest value stands in the same place.
///
/// # Errors
/// [`Error::InvalidParameter`] for fewer than two classes, [`Error::NotFinite`] if a prediction is not finite.
///
/// # Examples
/// ```
/// use gradus::metrics::predicted_classes;
/// use gradus::nalgebra::dmatrix;
///
/// // Three samples, two classes.
/// let logits = dmatrix![1.0, -2.0, 0.0; 0.0, 3.0, 0.5];
/// assert_eq!(predicted_classes(&logits)?, [0, 1, 1]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("argmax", "predict_classes"))]
pub fn predicted_classes<'a, T: Real>(prediction: impl Into<Batch<'a, T>>) -> Result<Vec<usize>> {
    let prediction = prediction.into();
    check_class_count(prediction.features())?;
    check_finite("predictions", prediction)?;
    Ok(prediction.iter().filter_map(place_of_largest).collect())
}

/// Logarithmic loss of predicted class probabilities p, `−1/n Σᵢ Σⱼ tⱼᵢ ln pⱼᵢ`: the value of [`CrossEntropy`], and of
/// [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy) on the logits.
///
/// Probabilities are raised as in [`CrossEntropy`], so that an impossible class that was the right one costs 354 in
/// `f64` and 44 in `f32`, not ∞.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the shapes differ, [`Error::Empty`] without samples; [`Error::InvalidTarget`] unless
/// targets are probabilities that sum to 1 for each sample, [`Error::InvalidParameter`] for fewer than two classes or a
/// prediction outside \[0, 1\].
///
/// # Examples
/// ```
/// use gradus::metrics::log_loss;
/// use gradus::nalgebra::dmatrix;
///
/// let prediction = dmatrix![0.5, 0.25; 0.5, 0.75];
/// let target = dmatrix![1.0, 1.0; 0.0, 0.0];
/// assert_eq!(log_loss(&prediction, &target)?, (2.0_f64.ln() + 4.0_f64.ln()) / 2.0);
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn log_loss<'a, T: Real>(prediction: impl Into<Batch<'a, T>>, target: impl Into<Batch<'a, T>>) -> Result<f64> {
    let (prediction, target) = (prediction.into(), target.into());
    check_classes(prediction, target)?;
    let probable = |p: &T| *p >= T::zero() && *p <= T::one();
    if let Some(p) = prediction.as_slice().iter().find(|p| !probable(p)) {
        return Err(Error::InvalidParameter {
            name: "predicted probability",
            value: p.to_f64(),
            expected: "a number from 0 to 1",
        });
    }
    Ok(CrossEntropy.value(prediction, target, None).to_f64())
}

fn check_same_shape<T: Real>(prediction: Batch<'_, T>, target: Batch<'_, T>) -> Result<()> {
    if prediction.shape() != target.shape() {
        return Err(Error::ShapeMismatch { what: "predictions", expected: target.shape(), found: prediction.shape() });
    }
    if target.samples() == 0 {
        return Err(Error::Empty { what: "samples" });
    }
    Ok(())
}

/// That there are several classes, since of one every answer would be right, and that each target is a distribution
/// over them: of anything else the largest value is no class.
fn check_classes<T: Real>(prediction: Batch<'_, T>, target: Batch<'_, T>) -> Result<()> {
    check_same_shape(prediction, target)?;
    check_class_count(target.features())?;
    check_distributions(target)
}

pub(crate) fn check_class_count(classes: usize) -> Result<()> {
    if classes >= 2 {
        return Ok(());
    }
    Err(Error::InvalidParameter { name: "number of classes", value: classes as f64, expected: "at least 2" })
}

/// How many values come before that of `class`: larger ones, and equal ones in front of it. None if a value is NaN.
fn rank<T: Real>(values: &[T], class: usize) -> Option<usize> {
    let mut rank = 0;
    for (place, &value) in values.iter().enumerate() {
        match value.partial_cmp(&values[class])? {
            Ordering::Greater => rank += 1,
            Ordering::Equal if place < class => rank += 1,
            Ordering::Equal | Ordering::Less => {}
        }
    }
    Some(rank)
}

/// The number of samples whose class is predicted.
#[inline(never)]
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
mod tests;
