use super::{Loss, LossConfiguration};
use crate::batch::{Batch, BatchMut};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// A cross-entropy whose targets are smoothed: `t′ⱼ = (1 − s) tⱼ + s/k` for k classes.
///
/// A share s of each target is spread evenly over all classes, so that no logit is driven to infinity. It can be put on
/// [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy), [`CrossEntropy`](crate::CrossEntropy) and
/// [`NegativeLogLikelihood`](crate::loss::NegativeLogLikelihood), and on
/// [`SigmoidCrossEntropy`](crate::loss::SigmoidCrossEntropy) and
/// [`BinaryCrossEntropy`](crate::loss::BinaryCrossEntropy), where each output has the two classes yes and no: `t′ = (1
/// − s) t + s/2`.
///
/// Scale, weights, derivatives and targets are those of the loss. The smoothed targets are never stored.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::{LabelSmoothing, NegativeLogLikelihood};
/// use gradus::Loss;
///
/// let loss = LabelSmoothing::new(NegativeLogLikelihood, 0.5)?;
/// let (log_probabilities, target) = (dvector![-2.0, -1.0], dvector![1.0, 0.0]);
/// let value = loss.value((&log_probabilities).into(), (&target).into(), None);
/// assert_eq!(value, 0.75 * 2.0 + 0.25 * 1.0);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna (2016): Rethinking the Inception architecture for computer
/// vision, section 7.
#[doc(alias = "label_smoothing")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelSmoothing<L, T> {
    loss: L,
    smoothing: T,
}

/// A loss that takes class probabilities and can smooth them where it reads them.
pub trait Smoothable<T: Real>: Loss<T> {
    /// As [`Loss::value`], of smoothed targets.
    fn smoothed_value(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        smoothing: Smoothing<T>,
    ) -> T;

    /// As [`Loss::value_and_gradient`], of smoothed targets.
    fn smoothed_value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
        smoothing: Smoothing<T>,
    ) -> T;

    /// How many classes share what is taken off.
    fn classes(&self, outputs: usize) -> usize {
        outputs
    }
}

/// t ↦ (1 − s) t + s/k.
#[derive(Clone, Copy, Debug)]
pub struct Smoothing<T> {
    kept: T,
    spread: T,
}

impl<T: Real> Smoothing<T> {
    /// t ↦ t, exactly.
    pub(super) fn none() -> Self {
        Self { kept: T::one(), spread: T::zero() }
    }

    #[inline]
    pub(super) fn of(&self, t: T) -> T {
        self.kept * t + self.spread
    }
}

impl<L: Smoothable<T>, T: Real> LabelSmoothing<L, T> {
    /// `loss` with targets of which the share `smoothing` is spread over all classes.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the share is at least 0 and below 1.
    pub fn new(loss: L, smoothing: T) -> Result<Self> {
        checks::fraction("label smoothing", smoothing)?;
        Ok(Self { loss, smoothing })
    }

    /// The share s that is spread over all classes.
    #[must_use]
    pub fn smoothing(&self) -> T {
        self.smoothing
    }

    fn over(&self, outputs: usize) -> Smoothing<T> {
        let classes = T::from_count(self.loss.classes(outputs));
        Smoothing { kept: T::one() - self.smoothing, spread: self.smoothing / classes }
    }
}

impl<L: Smoothable<T>, T: Real> Loss<T> for LabelSmoothing<L, T> {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        self.loss.smoothed_value(prediction, target, weights, self.over(target.features()))
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        let smoothing = self.over(target.features());
        self.loss.smoothed_value_and_gradient(prediction, target, weights, gradient, smoothing)
    }

    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        self.loss.check_targets(target)
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        let loss = Box::new(self.loss.configuration()?);
        Some(LossConfiguration::LabelSmoothing { smoothing: self.smoothing.to_f64(), loss })
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::{DMatrix, dmatrix};

    use super::super::tests::evaluate;
    use super::*;
    use crate::error::Error;
    use crate::loss::{
        BinaryCrossEntropy, CrossEntropy, NegativeLogLikelihood, SigmoidCrossEntropy, SoftmaxCrossEntropy,
    };

    /// The loss of smoothed targets, and that nothing but the targets is changed.
    fn agrees<L: Smoothable<f64> + Copy>(loss: L, classes: f64, prediction: &DMatrix<f64>, target: &DMatrix<f64>) {
        let smoothed = LabelSmoothing::new(loss, 0.25).unwrap();
        assert_eq!(smoothed.check_targets(target.into()), Ok(()));
        let expected = evaluate(&loss, prediction, &target.map(|t| 0.75 * t + 0.25 / classes));
        let (value, gradient) = evaluate(&smoothed, prediction, target);
        assert_relative_eq!(value, expected.0, max_relative = 1e-15);
        assert_relative_eq!(gradient, expected.1, max_relative = 1e-14);
        assert_eq!(
            evaluate(&LabelSmoothing::new(loss, 0.0).unwrap(), prediction, target),
            evaluate(&loss, prediction, target)
        );
    }

    #[test]
    fn it_is_the_loss_of_smoothed_targets() {
        let p = dmatrix![0.5, 0.25; 0.25, 0.125; 0.25, 0.625];
        let (logits, target) = (dmatrix![1.0, -2.0; 0.5, 0.0; 3.0, 1.0], dmatrix![0.0, 0.25; 1.0, 0.5; 0.0, 0.25]);
        agrees(SoftmaxCrossEntropy, 3.0, &logits, &target);
        agrees(CrossEntropy, 3.0, &p, &target);
        agrees(NegativeLogLikelihood, 3.0, &p.map(f64::ln), &target);
        agrees(SigmoidCrossEntropy, 2.0, &logits, &target);
        agrees(BinaryCrossEntropy, 2.0, &p, &target);
    }

    #[test]
    fn the_share_lies_below_1() {
        for bad in [-0.1, 1.0, f64::NAN] {
            let error = LabelSmoothing::new(CrossEntropy, bad).unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { name: "label smoothing", .. }), "{bad}");
        }
        assert!(LabelSmoothing::new(CrossEntropy, 1.0_f32 - f32::EPSILON).is_ok());
    }
}
