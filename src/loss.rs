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
/// sample; [`NetworkObjective::on`](crate::NetworkObjective::on) has checked that. Of no samples, or where all
/// weights are zero, the mean is NaN.
///
/// # Examples
/// The whole of a loss of one's own, ℓ = Σⱼ (ŷⱼ − yⱼ)⁴:
/// ```
/// use gradus::{Batch, BatchMut, Loss, Real, weighted_mean, weighted_mean_and_gradient};
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
    /// use gradus::{Hinge, Loss};
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
fn check_distributions<T: Real>(target: Batch<'_, T>) -> Result<()> {
    check_probabilities(target)?;
    for (sample, values) in target.iter().enumerate() {
        let sum = values.iter().fold(T::zero(), |sum, &value| sum + value);
        if (sum - T::one()).abs() > T::epsilon().sqrt() {
            return Err(Error::InvalidTarget {
                sample,
                expected: "class probabilities that sum to 1",
                value: sum.to_f64(),
            });
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
mod tests {
    use nalgebra::{DMatrix, dmatrix};

    use super::*;

    /// Value and gradient, and that `value` is the same.
    pub(super) fn evaluate(
        loss: &dyn Loss<f64>,
        prediction: &DMatrix<f64>,
        target: &DMatrix<f64>,
    ) -> (f64, DMatrix<f64>) {
        let mut gradient = DMatrix::from_element(prediction.nrows(), prediction.ncols(), f64::NAN);
        let value = loss.value_and_gradient(prediction.into(), target.into(), None, (&mut gradient).into());
        assert_eq!(loss.value(prediction.into(), target.into(), None).to_bits(), value.to_bits());
        (value, gradient)
    }

    /// What predictions and targets of a loss are.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Kind {
        Real,
        Counts,
        Signs,
        Probabilities,
        Distributions,
        LogProbabilities,
    }

    type Entry = (Box<dyn Loss<f64>>, Kind, Kind);

    /// Every loss with its predictions and its targets, of two outputs.
    fn all() -> Vec<Entry> {
        use Kind::*;
        let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, 0.1).unwrap();
        vec![
            (Box::new(MeanSquaredError), Real, Real),
            (Box::new(HalfSquaredError), Real, Real),
            (Box::new(MeanAbsoluteError), Real, Real),
            (Box::new(Huber::new(1.0).unwrap()), Real, Real),
            (Box::new(LogCosh), Real, Real),
            (Box::new(Hinge), Real, Signs),
            (Box::new(Poisson), Real, Counts),
            (Box::new(KullbackLeibler), Probabilities, Distributions),
            (Box::new(CrossEntropy), Probabilities, Distributions),
            (Box::new(BinaryCrossEntropy), Probabilities, Probabilities),
            (Box::new(NegativeLogLikelihood), LogProbabilities, Distributions),
            (Box::new(SoftmaxCrossEntropy), Real, Distributions),
            (Box::new(SigmoidCrossEntropy), Real, Probabilities),
            (Box::new(ClassWeights::new(smoothed, [1.0, 3.0]).unwrap()), Real, Distributions),
            (Box::new(smoothed), Real, Distributions),
        ]
    }

    fn some_targets(kind: Kind) -> DMatrix<f64> {
        match kind {
            Kind::Real => dmatrix![0.5, -3.0, 7.0; 1.0, 0.0, 2.0],
            Kind::Counts => dmatrix![0.0, 1.0, 7.0; 1.0, 0.5, 2.0],
            Kind::Signs => dmatrix![1.0, -1.0, -1.0; 1.0, 1.0, -1.0],
            Kind::Probabilities => dmatrix![0.0, 1.0, 0.5; 1.0, 1.0, 0.25],
            Kind::Distributions => dmatrix![0.0, 1.0, 0.5; 1.0, 0.0, 0.5],
            Kind::LogProbabilities => unreachable!("no loss has such targets"),
        }
    }

    fn some_predictions(kind: Kind) -> DMatrix<f64> {
        match kind {
            Kind::Probabilities => dmatrix![0.25, 0.5, 0.125; 0.75, 0.25, 0.875],
            Kind::LogProbabilities => dmatrix![-1.0, -0.5, -2.0; -0.25, -3.0, -1.5],
            _ => dmatrix![0.25, -1.5, 3.0; 0.0, 2.0, -0.125],
        }
    }

    /// Numbers 60, 61, 62 and 64 of the list of bad inputs.
    #[test]
    fn shapes_that_differ_panic_as_is_said() {
        for (loss, _, kind) in all() {
            let target = some_targets(kind);
            let more = target.clone().insert_column(0, target[(0, 0)]);
            for (prediction, weights) in [(&more, None), (&target, Some(&[1.0; 2][..])), (&target, Some(&[1.0; 4][..]))]
            {
                let value = || loss.value(prediction.into(), (&target).into(), weights);
                assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(value)).is_err(), "{loss:?}");
                let gradient = || {
                    let mut gradient = DMatrix::zeros(prediction.nrows(), prediction.ncols());
                    loss.value_and_gradient(prediction.into(), (&target).into(), weights, (&mut gradient).into())
                };
                assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(gradient)).is_err(), "{loss:?}");
            }
        }
    }

    #[test]
    fn every_loss_takes_its_targets_and_no_others() {
        for (loss, _, kind) in all() {
            let good = some_targets(kind);
            assert_eq!(loss.check_targets((&good).into()), Ok(()), "{loss:?}");
            let bad: &[f64] = match kind {
                Kind::Real => &[],
                Kind::Counts => &[-1.0, -0.5],
                Kind::Signs => &[0.0, 0.5, -2.0],
                _ => &[-1.0, -0.5, 1.5, 2.0],
            };
            for &bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].iter().chain(bad) {
                let mut target = good.clone();
                target[(1, 2)] = bad;
                let error = loss.check_targets((&target).into()).unwrap_err();
                assert!(
                    matches!(error, Error::InvalidTarget { sample: 2, .. } | Error::NotFinite { column: 2, .. }),
                    "{loss:?}: {error}"
                );
            }
            if kind == Kind::Distributions {
                assert!(matches!(loss.check_targets((&(good * 0.0)).into()), Err(Error::InvalidTarget { .. })));
            }
        }
    }

    /// Numbers 73 and 74 of the list of bad inputs.
    #[test]
    fn every_loss_is_finite_wherever_it_is_defined() {
        for (loss, predictions, targets) in all() {
            let target = some_targets(targets);
            let extremes = match predictions {
                Kind::Probabilities => [0.0, 1.0, f64::MIN_POSITIVE],
                Kind::LogProbabilities => [0.0, -1e4, -40.0],
                // Of a count, the rate e^z must be a number.
                _ if targets == Kind::Counts => [700.0, -1e4, 0.0],
                _ => [1e4, -1e4, 0.0],
            };
            for first in extremes {
                for second in extremes {
                    let mut prediction = some_predictions(predictions);
                    prediction.column_mut(1).copy_from_slice(&[first, second]);
                    prediction.column_mut(2).copy_from_slice(&[second, first]);
                    let (value, gradient) = evaluate(&*loss, &prediction, &target);
                    let finite = value.is_finite() && gradient.iter().all(|slope| slope.is_finite());
                    assert!(finite, "{loss:?} {prediction} {value} {gradient}");
                }
            }
        }
    }

    #[test]
    fn every_loss_passes_nan_on_whatever_the_target() {
        for (loss, predictions, targets) in all() {
            for place in 0..6 {
                let mut prediction = some_predictions(predictions);
                prediction[place] = f64::NAN;
                assert!(evaluate(&*loss, &prediction, &some_targets(targets)).0.is_nan(), "{loss:?} {place}");
            }
        }
    }

    /// Number 42 of the list of bad inputs: outputs that are no probabilities.
    #[test]
    fn no_loss_of_probabilities_takes_other_numbers() {
        for (loss, predictions, targets) in all() {
            let bad: &[f64] = match predictions {
                Kind::Probabilities => &[-1e-3, 1.001, f64::INFINITY, f64::NEG_INFINITY],
                Kind::LogProbabilities => &[1e-3, f64::INFINITY],
                _ => &[],
            };
            for &bad in bad {
                for place in 0..6 {
                    let mut prediction = some_predictions(predictions);
                    prediction[place] = bad;
                    assert!(evaluate(&*loss, &prediction, &some_targets(targets)).0.is_nan(), "{loss:?} {bad} {place}");
                }
            }
        }
    }

    /// Number 75 of the list of bad inputs: of equal logits all classes are as likely, of −∞ alone there are none.
    #[test]
    fn equal_logits_are_even_odds_unless_they_are_infinite() {
        let target = dmatrix![0.0; 1.0];
        let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, 0.1).unwrap();
        for loss in [&SoftmaxCrossEntropy as &dyn Loss<f64>, &smoothed] {
            for logit in [-1e4, 0.0, 1e4] {
                let value = evaluate(loss, &dmatrix![logit; logit], &target).0;
                assert!((value - 2.0_f64.ln()).abs() < 1e-15, "{loss:?} {logit} {value}");
            }
            for logit in [f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!evaluate(loss, &dmatrix![logit; logit], &target).0.is_finite(), "{loss:?} {logit}");
            }
        }
        // Of impossible answers to yes or no, each has a value: 0 or ∞.
        let value = |logit, t| evaluate(&SigmoidCrossEntropy, &dmatrix![logit], &dmatrix![t]).0;
        assert!(!value(f64::NEG_INFINITY, 1.0).is_finite() && !value(f64::INFINITY, 0.0).is_finite());
    }

    #[test]
    fn a_weight_counts_for_every_loss() {
        for (loss, predictions, targets) in all() {
            let (prediction, target) = (some_predictions(predictions), some_targets(targets));
            let weights = [0.5, 0.0, 2.0];
            let mut gradient = DMatrix::from_element(2, 3, f64::NAN);
            let value =
                loss.value_and_gradient((&prediction).into(), (&target).into(), Some(&weights), (&mut gradient).into());
            assert_eq!(loss.value((&prediction).into(), (&target).into(), Some(&weights)), value, "{loss:?}");
            // By definition, of the samples one by one.
            let (mut sum, mut total, mut slopes) = (0.0, 0.0, DMatrix::zeros(2, 3));
            for (i, weight) in weights.into_iter().enumerate() {
                let [p, t] = [&prediction, &target].map(|matrix| matrix.columns(i, 1).into_owned());
                let weight = weight * loss.total_weight((&t).into(), None);
                let (value, gradient) = evaluate(&*loss, &p, &t);
                slopes.column_mut(i).copy_from(&(gradient * weight));
                (sum, total) = (sum + weight * value, total + weight);
            }
            assert!((loss.total_weight((&target).into(), Some(&weights)) - total).abs() < 1e-15, "{loss:?}");
            assert!((value - sum / total).abs() <= 1e-14 * value.abs(), "{loss:?}");
            assert!((gradient - slopes / total).amax() < 1e-14, "{loss:?}");
        }
    }

    #[test]
    fn a_weight_counts_as_often_as_it_says() {
        let (prediction, target) = (dmatrix![0.5, 2.0; -1.0, 0.0], dmatrix![1.0, 0.0; 0.0, 0.25]);
        let mut gradient = DMatrix::zeros(2, 2);
        let weighted = MeanSquaredError.value_and_gradient(
            (&prediction).into(),
            (&target).into(),
            Some(&[2.0, 1.0]),
            (&mut gradient).into(),
        );
        let thrice = |m: &DMatrix<f64>| DMatrix::from_columns(&[m.column(0), m.column(0), m.column(1)]);
        let (value, repeated) = evaluate(&MeanSquaredError, &thrice(&prediction), &thrice(&target));
        assert!((weighted - value).abs() < 1e-15);
        assert!((gradient.column(0) - repeated.column(0) * 2.0).amax() < 1e-15);
        assert!((gradient.column(1) - repeated.column(2)).amax() < 1e-15);
        let value = MeanSquaredError.value((&prediction).into(), (&target).into(), Some(&[2.0, 1.0]));
        assert_eq!(value, weighted);
    }

    #[test]
    fn targets_are_checked() {
        let distribution: [&dyn Loss<f64>; 2] = [&CrossEntropy, &SoftmaxCrossEntropy];
        let probability: [&dyn Loss<f64>; 2] = [&BinaryCrossEntropy, &SigmoidCrossEntropy];
        let finite: [&dyn Loss<f64>; 2] = [&MeanSquaredError, &HalfSquaredError];
        let bad_sum = dmatrix![0.0, 0.5; 1.0, 0.25];
        for loss in distribution {
            let error = loss.check_targets((&bad_sum).into()).unwrap_err();
            assert_eq!(error.to_string(), "target of sample 1: expected class probabilities that sum to 1, found 0.75");
            assert!(loss.check_targets((&dmatrix![0.0; 0.0]).into()).is_err());
            assert_eq!(loss.check_targets((&dmatrix![0.0, 0.5; 1.0, 0.5]).into()), Ok(()));
        }
        for loss in distribution.into_iter().chain(probability) {
            for bad in [-0.1, 1.1, f64::NAN] {
                let error = loss.check_targets((&dmatrix![bad; 1.0]).into()).unwrap_err();
                assert!(matches!(error, Error::InvalidTarget { sample: 0, .. }), "{loss:?} {bad}");
            }
        }
        for loss in probability {
            assert_eq!(loss.check_targets((&bad_sum).into()), Ok(()));
        }
        for loss in finite {
            let error = loss.check_targets((&dmatrix![7.0, 1.0; -3.0, f64::INFINITY]).into()).unwrap_err();
            assert_eq!(error.to_string(), "targets: expected finite numbers, found inf at row 1, column 1");
        }
    }
}
