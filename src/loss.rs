//! Losses: how far predictions are from their targets, with the slope.
//!
//! Every loss is a mean over the samples, weighted if they carry weights. Predictions and targets are matrices with a
//! sample per column.
//!
//! ```
//! use gradus::nalgebra::dmatrix;
//! use gradus::{Loss, MeanSquaredError};
//!
//! let (predicted, actual) = (dmatrix![1.0, 2.0, 4.0], dmatrix![1.0, 2.0, 1.0]);
//! let loss: f64 = MeanSquaredError.value((&predicted).into(), (&actual).into(), None);
//! assert_eq!(loss, 3.0); // (0 + 0 + 3²) / 3
//! ```
//!
//! | targets | predictions are | loss |
//! | --- | --- | --- |
//! | numbers | numbers | [`MeanSquaredError`], [`HalfSquaredError`], [`MeanAbsoluteError`], [`Huber`], [`LogCosh`] |
//! | counts | logarithms of rates | [`Poisson`] |
//! | one class of several | logits | [`SoftmaxCrossEntropy`] |
//! | | probabilities | [`CrossEntropy`], [`KullbackLeibler`] |
//! | | logarithms of probabilities | [`NegativeLogLikelihood`] |
//! | yes or no | logits | [`SigmoidCrossEntropy`] |
//! | | probabilities | [`BinaryCrossEntropy`] |
//! | −1 or 1 | signed scores | [`Hinge`] |
//!
//! | around a loss, and to write one | |
//! | --- | --- |
//! | [`LabelSmoothing`], [`ClassWeights`], [`balanced_class_weights`] | change what a loss asks for |
//! | [`Loss`], [`weighted_mean`], [`weighted_mean_and_gradient`] | the trait, and what most losses are made of |
//! | [`LossConfiguration`] | a loss that is chosen by a file |
//!
//! Which loss to choose: [`docs::choosing::loss`](crate::docs::choosing::loss).

mod binary_cross_entropy;
mod class_weights;
mod configuration;
mod cross_entropy;
mod half_squared_error;
mod hinge;
mod huber;
mod kullback_leibler;
mod label_smoothing;
mod log_cosh;
mod mean_absolute_error;
mod mean_squared_error;
mod negative_log_likelihood;
mod on_logits;
mod poisson;
mod sigmoid_cross_entropy;
mod softmax_cross_entropy;

use std::fmt::Debug;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use class_weights::{ClassWeights, balanced_class_weights};
pub use configuration::LossConfiguration;
pub use cross_entropy::CrossEntropy;
pub use half_squared_error::HalfSquaredError;
pub use hinge::Hinge;
pub use huber::Huber;
pub use kullback_leibler::KullbackLeibler;
pub use label_smoothing::LabelSmoothing;
pub use log_cosh::LogCosh;
pub use mean_absolute_error::MeanAbsoluteError;
pub use mean_squared_error::MeanSquaredError;
pub use negative_log_likelihood::NegativeLogLikelihood;
pub(crate) use on_logits::{on_logits, refusal};
pub use poisson::Poisson;
pub use sigmoid_cross_entropy::SigmoidCrossEntropy;
pub use softmax_cross_entropy::SoftmaxCrossEntropy;

use crate::batch::{Batch, BatchMut};
use crate::error::{Error, Result};
use crate::linalg::CompensatedSum;
use crate::real::Real;

/// How far predictions are from their targets: a mean over the samples, `L = Σᵢ wᵢ ℓᵢ / Σᵢ wᵢ`.
///
/// Without weights every wᵢ is 1. Value and gradient have the same scale, whatever the loss: the gradient that is
/// written is that of the value that is returned.
///
/// Predictions and targets are batches of the same shape, one sample per column, and weights are one for each
/// sample; [`NetworkObjective::on`](crate::network::NetworkObjective::on) has checked that. Of no samples, or where all
/// weights are zero, the mean is NaN.
///
/// # Examples
/// A complete loss, ℓ = Σⱼ (ŷⱼ − yⱼ)⁴:
/// ```
/// use gradus::loss::{weighted_mean, weighted_mean_and_gradient};
/// use gradus::{Batch, BatchMut, Loss, Real};
///
/// #[derive(Debug)]
/// struct Quartic;
///
/// impl<T: Real> Loss<T> for Quartic {
///     fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
///         weighted_mean(prediction, target, weights, |prediction, target| {
///             prediction.iter().zip(target).fold(T::zero(), |sum, (&p, &t)| sum + (p - t).powi(4))
///         })
///     }
///
///     fn value_and_gradient(
///         &self,
///         prediction: Batch<'_, T>,
///         target: Batch<'_, T>,
///         weights: Option<&[T]>,
///         gradient: BatchMut<'_, T>,
///     ) -> T {
///         weighted_mean_and_gradient(prediction, target, weights, gradient, |prediction, target, gradient| {
///             let mut value = T::zero();
///             for ((&p, &t), slope) in prediction.iter().zip(target).zip(gradient) {
///                 value += (p - t).powi(4);
///                 *slope = T::nearest(4.0) * (p - t).powi(3);
///             }
///             value
///         })
///     }
/// }
///
/// use gradus::nalgebra::dmatrix;
///
/// let (prediction, target) = (dmatrix![3.0, 1.0], dmatrix![1.0, 1.0]);
/// assert_eq!(Quartic.value((&prediction).into(), (&target).into(), None), 8.0);
/// assert_eq!(Quartic.value((&prediction).into(), (&target).into(), Some(&[3.0, 1.0])), 12.0);
/// ```
pub trait Loss<T: Real>: Debug + Send + Sync {
    /// The value alone.
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T;

    /// Returns the value and overwrites `gradient` with ∂L/∂prediction.
    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T;

    /// Looks whether the loss is defined for these targets; called where data are bound to an objective.
    ///
    /// By default they must be finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] or [`Error::InvalidTarget`], naming the first target that is not allowed.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::loss::Hinge;
    /// use gradus::Loss;
    ///
    /// assert!(Hinge.check_targets((&dmatrix![1.0, -1.0]).into()).is_ok());
    /// assert!(Hinge.check_targets((&dmatrix![1.0, 0.0]).into()).is_err()); // 0 is neither
    /// ```
    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        check_finite("targets", target)
    }

    /// What the mean divides by: Σᵢ wᵢ, or the number of samples without weights.
    ///
    /// Parts of a batch, with means `L_s` and total weights `W_s`, make up the whole by `Σ W_s L_s / Σ W_s`, their
    /// gradients likewise; a part whose total weight is zero has no mean and is left out. A loss that weights samples
    /// by their targets, as [`ClassWeights`] does, counts that in.
    fn total_weight(&self, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        sum_of_weights(target, weights)
    }

    /// What rebuilds the loss, if it is one of the crate's.
    fn configuration(&self) -> Option<LossConfiguration> {
        None
    }
}

/// A loss chosen at run time, which can be bound to a network or weighted like any other.
impl<T: Real, L: Loss<T> + ?Sized> Loss<T> for Box<L> {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        (**self).value(prediction, target, weights)
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        (**self).value_and_gradient(prediction, target, weights, gradient)
    }

    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        (**self).check_targets(target)
    }

    fn total_weight(&self, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        (**self).total_weight(target, weights)
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        (**self).configuration()
    }
}

/// `Σᵢ wᵢ ℓᵢ / Σᵢ wᵢ`, given the loss ℓ of one sample: the value of a [`Loss`].
///
/// The sums are compensated, so that they do not drift with the number of samples.
///
/// # Panics
/// If the shapes differ.
pub fn weighted_mean<T: Real>(
    prediction: Batch<'_, T>,
    target: Batch<'_, T>,
    weights: Option<&[T]>,
    sample: impl FnMut(&[T], &[T]) -> T,
) -> T {
    assert_same_shape(prediction, target, weights);
    let total = sum_of_weights(target, weights);
    mean(prediction, target, |i, _| weight_of(i, weights), total, sample)
}

/// As [`weighted_mean`], given a function that also writes the gradient of ℓ for one sample: the value and the
/// gradient of a [`Loss`].
///
/// # Panics
/// If the shapes differ.
pub fn weighted_mean_and_gradient<T: Real>(
    prediction: Batch<'_, T>,
    target: Batch<'_, T>,
    weights: Option<&[T]>,
    gradient: BatchMut<'_, T>,
    sample: impl FnMut(&[T], &[T], &mut [T]) -> T,
) -> T {
    assert_same_shape(prediction, target, weights);
    let total = sum_of_weights(target, weights);
    mean_and_gradient(prediction, target, |i, _| weight_of(i, weights), total, gradient, sample)
}

/// `weight` is given the place and the target of a sample, `total` is the sum of all weights.
#[inline(never)]
fn mean<T: Real>(
    prediction: Batch<'_, T>,
    target: Batch<'_, T>,
    weight: impl Fn(usize, &[T]) -> T,
    total: T,
    mut sample: impl FnMut(&[T], &[T]) -> T,
) -> T {
    let mut sum = CompensatedSum::new();
    for (i, (prediction, target)) in prediction.iter().zip(target.iter()).enumerate() {
        sum.add(weight(i, target) * sample(prediction, target));
    }
    sum.total() / total
}

/// As [`mean`].
#[inline(never)]
fn mean_and_gradient<T: Real>(
    prediction: Batch<'_, T>,
    target: Batch<'_, T>,
    weight: impl Fn(usize, &[T]) -> T,
    total: T,
    mut gradient: BatchMut<'_, T>,
    mut sample: impl FnMut(&[T], &[T], &mut [T]) -> T,
) -> T {
    assert_same_shape(gradient.as_batch(), target, None);
    let mut sum = CompensatedSum::new();
    let samples = prediction.iter().zip(target.iter()).zip(gradient.iter_mut());
    for (i, ((prediction, target), gradient)) in samples.enumerate() {
        let weight = weight(i, target);
        sum.add(weight * sample(prediction, target, gradient));
        for slope in gradient {
            *slope *= weight / total;
        }
    }
    sum.total() / total
}

/// The [`weighted_mean`] of `1/k Σⱼ ℓ(ŷⱼ, yⱼ)` over the k outputs; `term` gives ℓ and ∂ℓ/∂ŷ.
fn mean_over_outputs<T: Real>(
    prediction: Batch<'_, T>,
    target: Batch<'_, T>,
    weights: Option<&[T]>,
    term: impl Fn(T, T) -> (T, T),
) -> T {
    let outputs = T::from_count(target.features());
    weighted_mean(prediction, target, weights, |prediction, target| {
        prediction.iter().zip(target).fold(T::zero(), |sum, (&p, &t)| sum + term(p, t).0) / outputs
    })
}

/// As [`mean_over_outputs`], with the gradient.
fn mean_over_outputs_and_gradient<T: Real>(
    prediction: Batch<'_, T>,
    target: Batch<'_, T>,
    weights: Option<&[T]>,
    gradient: BatchMut<'_, T>,
    term: impl Fn(T, T) -> (T, T),
) -> T {
    let outputs = T::from_count(target.features());
    weighted_mean_and_gradient(prediction, target, weights, gradient, |prediction, target, gradient| {
        let mut sum = T::zero();
        for ((&p, &t), slope) in prediction.iter().zip(target).zip(gradient) {
            let (value, derivative) = term(p, t);
            sum += value;
            *slope = derivative / outputs;
        }
        sum / outputs
    })
}

fn assert_same_shape<T>(prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) {
    assert_eq!(prediction.shape(), target.shape(), "predictions and targets must have the same shape");
    assert!(weights.is_none_or(|weights| weights.len() == target.samples()), "one weight for each sample");
}

fn weight_of<T: Real>(sample: usize, weights: Option<&[T]>) -> T {
    weights.map_or_else(T::one, |weights| weights[sample])
}

fn sum_of_weights<T: Real>(target: Batch<'_, T>, weights: Option<&[T]>) -> T {
    let Some(weights) = weights else { return T::from_count(target.samples()) };
    let mut sum = CompensatedSum::new();
    weights.iter().for_each(|&weight| sum.add(weight));
    sum.total()
}

/// −1, 0 or 1; NaN for NaN.
pub(crate) fn sign<T: Real>(x: T) -> T {
    if x > T::zero() {
        T::one()
    } else if x < T::zero() {
        -T::one()
    } else {
        x * T::zero()
    }
}

#[inline(never)]
pub(crate) fn check_finite<T: Real>(what: &'static str, values: Batch<'_, T>) -> Result<()> {
    match values.as_slice().iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => Err(Error::NotFinite {
            what,
            row: place % values.features(),
            column: place / values.features(),
            value: values.as_slice()[place].to_f64(),
        }),
    }
}

#[inline(never)]
fn check_each<T: Real>(target: Batch<'_, T>, expected: &'static str, allowed: impl Fn(T) -> bool) -> Result<()> {
    for (sample, values) in target.iter().enumerate() {
        if let Some(value) = values.iter().find(|&&value| !allowed(value)) {
            return Err(Error::InvalidTarget { sample, expected, value: value.to_f64() });
        }
    }
    Ok(())
}

/// Targets that are each a probability.
fn check_probabilities<T: Real>(target: Batch<'_, T>) -> Result<()> {
    check_each(target, "values from 0 to 1", is_probability)
}

/// Targets that are each a distribution over the classes: one-hot, or soft.
#[inline(never)]
pub(crate) fn check_distributions<T: Real>(target: Batch<'_, T>) -> Result<()> {
    check_probabilities(target)?;
    let is_one = |sum: T| (sum - T::one()).abs() <= T::epsilon().sqrt();
    for (sample, values) in target.iter().enumerate() {
        let sum = values.iter().copied().fold(T::zero(), T::add);
        if !is_one(sum) {
            let row = |class: usize| target.iter().fold(T::zero(), |sum, values| sum + values[class]);
            let expected = match (0..target.features()).all(|class| is_one(row(class))) {
                true => "class probabilities that sum to 1, one sample per column (each row sums to 1: transpose)",
                false => "class probabilities that sum to 1",
            };
            return Err(Error::InvalidTarget { sample, expected, value: sum.to_f64() });
        }
    }
    Ok(())
}

fn is_probability<T: Real>(value: T) -> bool {
    value >= T::zero() && value <= T::one()
}

/// `p` raised to where its logarithm and reciprocal are finite; NaN unless it is a probability.
fn floored_probability<T: Real>(p: T) -> T {
    let floor = T::min_positive().sqrt();
    if !is_probability(p) {
        T::zero() / T::zero()
    } else if p < floor {
        floor
    } else {
        p
    }
}

#[cfg(test)]
mod tests;
