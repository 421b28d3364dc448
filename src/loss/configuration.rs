use super::{
    BinaryCrossEntropy, ClassWeights, CrossEntropy, HalfSquaredError, Hinge, Huber, KullbackLeibler, LabelSmoothing,
    LogCosh, Loss, MeanAbsoluteError, MeanSquaredError, NegativeLogLikelihood, Poisson, SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
};
use crate::error::{Error, Result};
use crate::real::Real;

/// What rebuilds one of the crate's losses: its name and hyper-parameters.
///
/// With the feature `serde` it is written as serde writes enums, in JSON as `"MeanSquaredError"` or
/// `{"Huber":{"threshold":1.0}}`; a name or field that is unknown or missing is an error. What is read is checked by
/// [`build`](Self::build).
///
/// # Examples
/// ```
/// use gradus::loss::Huber;
/// use gradus::Loss;
///
/// let configuration = Huber::new(2.0)?.configuration().unwrap();
/// let loss = configuration.build::<f64>()?;
/// assert_eq!(loss.configuration(), Some(configuration));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub enum LossConfiguration {
    /// [`MeanSquaredError`].
    MeanSquaredError,
    /// [`HalfSquaredError`].
    HalfSquaredError,
    /// [`MeanAbsoluteError`].
    MeanAbsoluteError,
    /// [`Huber`].
    #[non_exhaustive]
    Huber {
        /// δ.
        threshold: f64,
    },
    /// [`LogCosh`].
    LogCosh,
    /// [`Poisson`].
    Poisson,
    /// [`Hinge`].
    Hinge,
    /// [`KullbackLeibler`].
    KullbackLeibler,
    /// [`CrossEntropy`].
    CrossEntropy,
    /// [`BinaryCrossEntropy`].
    BinaryCrossEntropy,
    /// [`NegativeLogLikelihood`].
    NegativeLogLikelihood,
    /// [`SoftmaxCrossEntropy`].
    SoftmaxCrossEntropy,
    /// [`SigmoidCrossEntropy`].
    SigmoidCrossEntropy,
    /// [`LabelSmoothing`].
    #[non_exhaustive]
    LabelSmoothing {
        /// The share that is spread over all classes.
        smoothing: f64,
        /// The cross-entropy.
        loss: Box<LossConfiguration>,
    },
    /// [`ClassWeights`].
    #[non_exhaustive]
    ClassWeights {
        /// One for each class.
        weights: Vec<f64>,
        /// The loss that is weighted.
        loss: Box<LossConfiguration>,
    },
}

impl LossConfiguration {
    /// The loss.
    ///
    /// # Errors
    /// Those of the loss's constructor, for numbers rounded to `T`; [`Error::NotSmoothable`] for a smoothing of what is
    /// no cross-entropy.
    pub fn build<T: Real>(&self) -> Result<Box<dyn Loss<T>>> {
        Ok(match self {
            Self::MeanSquaredError => Box::new(MeanSquaredError),
            Self::HalfSquaredError => Box::new(HalfSquaredError),
            Self::MeanAbsoluteError => Box::new(MeanAbsoluteError),
            Self::Huber { threshold } => Box::new(Huber::new(T::nearest(*threshold))?),
            Self::LogCosh => Box::new(LogCosh),
            Self::Poisson => Box::new(Poisson),
            Self::Hinge => Box::new(Hinge),
            Self::KullbackLeibler => Box::new(KullbackLeibler),
            Self::CrossEntropy => Box::new(CrossEntropy),
            Self::BinaryCrossEntropy => Box::new(BinaryCrossEntropy),
            Self::NegativeLogLikelihood => Box::new(NegativeLogLikelihood),
            Self::SoftmaxCrossEntropy => Box::new(SoftmaxCrossEntropy),
            Self::SigmoidCrossEntropy => Box::new(SigmoidCrossEntropy),
            Self::LabelSmoothing { smoothing, loss } => {
                let smoothing = T::nearest(*smoothing);
                match &**loss {
                    Self::CrossEntropy => Box::new(LabelSmoothing::new(CrossEntropy, smoothing)?),
                    Self::BinaryCrossEntropy => Box::new(LabelSmoothing::new(BinaryCrossEntropy, smoothing)?),
                    Self::NegativeLogLikelihood => Box::new(LabelSmoothing::new(NegativeLogLikelihood, smoothing)?),
                    Self::SoftmaxCrossEntropy => Box::new(LabelSmoothing::new(SoftmaxCrossEntropy, smoothing)?),
                    Self::SigmoidCrossEntropy => Box::new(LabelSmoothing::new(SigmoidCrossEntropy, smoothing)?),
                    other => return Err(Error::NotSmoothable { loss: format!("{other:?}") }),
                }
            }
            Self::ClassWeights { weights, loss } => {
                let weights: Vec<T> = weights.iter().copied().map(T::nearest).collect();
                Box::new(ClassWeights::new(loss.build()?, weights)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyper_parameters_are_checked_as_the_constructors_do() {
        let smoothed = |smoothing, loss| LossConfiguration::LabelSmoothing { smoothing, loss: Box::new(loss) };
        let weighted =
            |weights: &[f64], loss| LossConfiguration::ClassWeights { weights: weights.to_vec(), loss: Box::new(loss) };
        for bad in [
            LossConfiguration::Huber { threshold: -1.0 },
            // 0 as f32.
            LossConfiguration::Huber { threshold: 1e-60 },
            smoothed(1.0, LossConfiguration::CrossEntropy),
            weighted(&[1.0, f64::NAN], LossConfiguration::Hinge),
            weighted(&[1.0], LossConfiguration::Huber { threshold: 0.0 }),
        ] {
            assert!(matches!(bad.build::<f32>(), Err(Error::InvalidParameter { .. })), "{bad:?}");
        }
        let error = weighted(&[], LossConfiguration::Hinge).build::<f64>().unwrap_err();
        assert_eq!(error, Error::Empty { what: "class weights" });
        assert_eq!(
            smoothed(0.1, LossConfiguration::LogCosh).build::<f64>().unwrap_err().to_string(),
            "label smoothing: expected a cross-entropy, found LogCosh"
        );
    }
}
