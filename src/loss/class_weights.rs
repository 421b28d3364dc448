use super::{
    Loss, LossConfiguration, assert_same_shape, check_distributions, check_probabilities, mean, mean_and_gradient,
    weight_of,
};
use crate::batch::{Batch, BatchMut};
use crate::checks;
use crate::data::check_labels;
use crate::error::{Error, Result, Shape};
use crate::linalg::CompensatedSum;
use crate::real::Real;

/// Any loss with a weight for each class: `L = Σᵢ wᵢ cᵢ ℓᵢ / Σᵢ wᵢ cᵢ` with `cᵢ = Σⱼ cⱼ tⱼᵢ`, the weight of the class
/// of sample i.
///
/// So that a rare class counts as much as a common one, or a costly mistake for more. The weight of the class
/// multiplies that of the sample, in the sum of the losses and in what it is divided by: a sample whose class has the
/// weight 2 counts as two samples, and twice all weights are the same loss. (So it is with `class_weight` of
/// scikit-learn, and for one-hot targets that are not smoothed with `weight` of `torch.nn.CrossEntropyLoss`.) A soft
/// target has the mean of the weights of its classes.
///
/// With one output the classes are those of a yes or no, `c = c₀ (1 − t) + c₁ t`.
///
/// The mean of a part of a batch is over the weights of its own classes, see [`Loss::total_weight`].
///
/// # Errors
/// What the loss itself refuses; also [`Error::ShapeMismatch`] if the weights are not one for each class and
/// [`Error::InvalidTarget`] unless targets are probabilities that sum to 1 for each sample, or of one output lie in
/// \[0, 1\].
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::loss::{ClassWeights, LabelSmoothing};
/// use gradus::{Loss, SoftmaxCrossEntropy};
///
/// // −ln p of the right classes: ln 2 and ln 4.
/// let (logits, target) = (dmatrix![0.0, 0.0; 0.0, 3.0_f64.ln()], dmatrix![0.0, 1.0; 1.0, 0.0]);
/// let loss = ClassWeights::new(SoftmaxCrossEntropy, [3.0, 1.0])?;
/// let value = loss.value((&logits).into(), (&target).into(), None);
/// assert!((value - (2.0_f64.ln() + 3.0 * 4.0_f64.ln()) / 4.0).abs() < 1e-15);
///
/// // With label smoothing, the weight stays that of the class that was given.
/// let loss = ClassWeights::new(LabelSmoothing::new(SoftmaxCrossEntropy, 0.1)?, [3.0, 1.0])?;
/// assert_eq!(loss.total_weight((&target).into(), None), 4.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("class_weight", "pos_weight"))]
#[derive(Clone, Debug, PartialEq)]
pub struct ClassWeights<L, T> {
    loss: L,
    weights: Vec<T>,
}

impl<L: Loss<T>, T: Real> ClassWeights<L, T> {
    /// `loss` with a weight for each class.
    ///
    /// # Errors
    /// [`Error::Empty`] without weights, [`Error::InvalidParameter`] unless all are positive and finite.
    pub fn new(loss: L, weights: impl Into<Vec<T>>) -> Result<Self> {
        let weights = weights.into();
        if weights.is_empty() {
            return Err(Error::Empty { what: "class weights" });
        }
        for &weight in &weights {
            checks::positive("class weight", weight)?;
        }
        Ok(Self { loss, weights })
    }

    /// The weight of each class.
    #[must_use]
    pub fn weights(&self) -> &[T] {
        &self.weights
    }

    /// What a sample with this target counts for.
    fn weight_of_target(&self, target: &[T]) -> T {
        let of_class = match (&self.weights[..], target) {
            (&[no, yes], &[t]) => no * (T::one() - t) + yes * t,
            _ => self.weights.iter().zip(target).fold(T::zero(), |sum, (&weight, &t)| sum + weight * t),
        };
        of_class * self.loss.total_weight(one(target), None)
    }

    fn check_length(&self, outputs: usize) -> Result<()> {
        let classes = if outputs == 1 { 2 } else { outputs };
        if self.weights.len() == classes {
            return Ok(());
        }
        Err(Error::ShapeMismatch {
            what: "class weights, one for each class",
            expected: Shape::new(classes, 1),
            found: Shape::new(self.weights.len(), 1),
        })
    }
}

/// A batch of one sample.
fn one<T>(sample: &[T]) -> Batch<'_, T> {
    Batch::front(sample, sample.len(), 1)
}

/// The loss is asked for one sample at a time, of which its mean is that sample's ℓ: the products of the weights need
/// no memory.
impl<L: Loss<T>, T: Real> Loss<T> for ClassWeights<L, T> {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        assert_same_shape(prediction, target, weights);
        let weight = |i, target: &[T]| weight_of(i, weights) * self.weight_of_target(target);
        let total = self.total_weight(target, weights);
        mean(prediction, target, weight, total, |prediction, target| {
            self.loss.value(one(prediction), one(target), None)
        })
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        assert_same_shape(prediction, target, weights);
        let weight = |i, target: &[T]| weight_of(i, weights) * self.weight_of_target(target);
        let total = self.total_weight(target, weights);
        mean_and_gradient(prediction, target, weight, total, gradient, |prediction, target, gradient| {
            let outputs = gradient.len();
            self.loss.value_and_gradient(one(prediction), one(target), None, BatchMut::front(gradient, outputs, 1))
        })
    }

    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        self.check_length(target.features())?;
        self.loss.check_targets(target)?;
        if target.features() == 1 { check_probabilities(target) } else { check_distributions(target) }
    }

    fn total_weight(&self, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        let mut sum = CompensatedSum::new();
        for (i, target) in target.iter().enumerate() {
            sum.add(weight_of(i, weights) * self.weight_of_target(target));
        }
        let total = sum.total();
        // A sum of losses over ∞ would pass for a perfect 0.
        if total.is_finite() { total } else { T::zero() / T::zero() }
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        let weights = self.weights.iter().map(|weight| weight.to_f64()).collect();
        Some(LossConfiguration::ClassWeights { weights, loss: Box::new(self.loss.configuration()?) })
    }
}

/// Weights that make all classes count the same: `n / (k nⱼ)` for a class that nⱼ of the n labels have, of k classes.
///
/// They are made for [`ClassWeights`]. Their mean over the samples is 1. (scikit-learn: `class_weight="balanced"`.)
///
/// # Errors
/// [`Error::Empty`] without classes, [`Error::LabelOutOfRange`] for a label that is not below `classes`,
/// [`Error::EmptyClass`] for a class that no label has.
///
/// # Examples
/// ```
/// use gradus::loss::balanced_class_weights;
///
/// assert_eq!(balanced_class_weights::<f64>(&[0, 0, 0, 1], 2)?, [4.0 / (2.0 * 3.0), 4.0 / (2.0 * 1.0)]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// G. King, L. Zeng (2001): Logistic regression in rare events data.
#[doc(alias = "compute_class_weight")]
pub fn balanced_class_weights<T: Real>(labels: &[usize], classes: usize) -> Result<Vec<T>> {
    if classes == 0 {
        return Err(Error::Empty { what: "classes" });
    }
    check_labels(labels, classes)?;
    // More classes than labels leave one empty; a number of classes beyond memory is not allocated.
    let mut counts = vec![0; classes.min(labels.len() + 1)];
    for &label in labels {
        if let Some(count) = counts.get_mut(label) {
            *count += 1;
        }
    }
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        return Err(Error::EmptyClass { class });
    }
    let weight = |&count: &usize| T::nearest(labels.len() as f64 / (classes as f64 * count as f64));
    Ok(counts.iter().map(weight).collect())
}

#[cfg(test)]
mod tests;
