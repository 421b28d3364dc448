use super::{AdaGrad, Adam, AdamW, Clipped, GradientDescent, Lbfgs, Nadam, Optimizer, RmsProp};
use crate::error::Result;
use crate::real::Real;
use crate::schedule::{ScheduleConfiguration, Scheduled};

/// What rebuilds one of the crate's optimizers: its name and hyper-parameters, all of them, so that it means the same
/// whatever later defaults are.
///
/// What a method remembers is no part of it, but of its [`state`](Optimizer::state). With the feature `serde` it is
/// written as serde writes enums, as in the example; a name or field that is unknown or missing is an error. What is
/// read is checked by [`build`](Self::build).
///
/// # Examples
/// ```
/// # #[cfg(feature = "serde")]
/// # {
/// use gradus::optimizer::OptimizerConfiguration;
/// use gradus::Optimizer;
///
/// let configuration: OptimizerConfiguration = serde_json::from_str(
///     r#"{ "Scheduled": {
///         "schedule": { "StepDecay": { "period": 100, "decay": 0.5 } },
///         "optimizer": { "AdaGrad": { "learning_rate": 0.25, "epsilon": 1e-10, "weight_decay": 0.0 } }
///     } }"#,
/// )?;
/// let optimizer = configuration.build::<f64>()?;
/// assert_eq!(optimizer.learning_rate(), Some(0.25));
/// assert_eq!(optimizer.configuration(), Some(configuration));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub enum OptimizerConfiguration {
    /// [`GradientDescent`].
    #[non_exhaustive]
    GradientDescent {
        /// η.
        learning_rate: f64,
        /// μ.
        momentum: f64,
        /// Whether the momentum is of Nesterov's kind.
        nesterov: bool,
        /// λ.
        weight_decay: f64,
    },
    /// [`AdaGrad`].
    #[non_exhaustive]
    AdaGrad {
        /// η.
        learning_rate: f64,
        /// ε.
        epsilon: f64,
        /// λ.
        weight_decay: f64,
    },
    /// [`RmsProp`].
    #[non_exhaustive]
    RmsProp {
        /// η.
        learning_rate: f64,
        /// α.
        alpha: f64,
        /// ε.
        epsilon: f64,
        /// μ.
        momentum: f64,
        /// Whether slopes are divided by their standard deviation.
        centered: bool,
        /// λ.
        weight_decay: f64,
    },
    /// [`Adam`].
    #[non_exhaustive]
    Adam {
        /// η.
        learning_rate: f64,
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        epsilon: f64,
        /// λ.
        weight_decay: f64,
    },
    /// [`AdamW`].
    #[non_exhaustive]
    AdamW {
        /// η.
        learning_rate: f64,
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        epsilon: f64,
        /// λ.
        weight_decay: f64,
    },
    /// [`Nadam`].
    #[non_exhaustive]
    Nadam {
        /// η.
        learning_rate: f64,
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        epsilon: f64,
        /// ψ.
        momentum_decay: f64,
        /// λ.
        weight_decay: f64,
    },
    /// [`Lbfgs`].
    #[non_exhaustive]
    Lbfgs {
        /// m.
        history: usize,
        /// c₁.
        c1: f64,
        /// c₂.
        c2: f64,
    },
    /// [`Clipped::by_norm`].
    #[non_exhaustive]
    ClippedByNorm {
        /// c.
        limit: f64,
        /// What sees the shortened gradients.
        optimizer: Box<OptimizerConfiguration>,
    },
    /// [`Clipped::by_value`].
    #[non_exhaustive]
    ClippedByValue {
        /// c.
        limit: f64,
        /// What sees the limited slopes.
        optimizer: Box<OptimizerConfiguration>,
    },
    /// [`Scheduled`].
    #[non_exhaustive]
    Scheduled {
        /// What the learning rate of the optimizer is multiplied by.
        schedule: ScheduleConfiguration,
        /// What follows the schedule.
        optimizer: Box<OptimizerConfiguration>,
    },
}

impl OptimizerConfiguration {
    /// The optimizer, with nothing remembered.
    ///
    /// # Errors
    /// Those of the constructors, for numbers rounded to `T`.
    pub fn build<T: Real>(&self) -> Result<Box<dyn Optimizer<T> + Send + Sync>> {
        let of = T::nearest;
        Ok(match *self {
            Self::GradientDescent { learning_rate, momentum, nesterov, weight_decay } => {
                let descent = GradientDescent::new(of(learning_rate))?.weight_decay(of(weight_decay))?;
                let momentum = of(momentum);
                Box::new(if nesterov { descent.nesterov_momentum(momentum)? } else { descent.momentum(momentum)? })
            }
            Self::AdaGrad { learning_rate, epsilon, weight_decay } => {
                Box::new(AdaGrad::new(of(learning_rate))?.epsilon(of(epsilon))?.weight_decay(of(weight_decay))?)
            }
            Self::RmsProp { learning_rate, alpha, epsilon, momentum, centered, weight_decay } => {
                let rms_prop = RmsProp::new(of(learning_rate))?.alpha(of(alpha))?.epsilon(of(epsilon))?;
                let rms_prop = rms_prop.momentum(of(momentum))?.weight_decay(of(weight_decay))?;
                Box::new(if centered { rms_prop.centered() } else { rms_prop })
            }
            Self::Adam { learning_rate, beta1, beta2, epsilon, weight_decay } => {
                let adam = Adam::new(of(learning_rate))?.betas(of(beta1), of(beta2))?;
                Box::new(adam.epsilon(of(epsilon))?.weight_decay(of(weight_decay))?)
            }
            Self::AdamW { learning_rate, beta1, beta2, epsilon, weight_decay } => {
                let adam_w = AdamW::new(of(learning_rate))?.betas(of(beta1), of(beta2))?;
                Box::new(adam_w.epsilon(of(epsilon))?.weight_decay(of(weight_decay))?)
            }
            Self::Nadam { learning_rate, beta1, beta2, epsilon, momentum_decay, weight_decay } => {
                let nadam = Nadam::new(of(learning_rate))?.betas(of(beta1), of(beta2))?.epsilon(of(epsilon))?;
                Box::new(nadam.momentum_decay(of(momentum_decay))?.weight_decay(of(weight_decay))?)
            }
            Self::Lbfgs { history, c1, c2 } => Box::new(Lbfgs::new().history(history)?.wolfe(of(c1), of(c2))?),
            Self::ClippedByNorm { limit, ref optimizer } => Box::new(Clipped::by_norm(optimizer.build()?, of(limit))?),
            Self::ClippedByValue { limit, ref optimizer } => {
                Box::new(Clipped::by_value(optimizer.build()?, of(limit))?)
            }
            Self::Scheduled { ref schedule, ref optimizer } => {
                Box::new(Scheduled::new(optimizer.build()?, schedule.build()?)?)
            }
        })
    }

    /// The same with another learning rate; `None` where there is none, or a schedule gives it.
    pub(crate) fn with_learning_rate(mut self, rate: f64) -> Option<Self> {
        match &mut self {
            Self::GradientDescent { learning_rate, .. }
            | Self::AdaGrad { learning_rate, .. }
            | Self::RmsProp { learning_rate, .. }
            | Self::Adam { learning_rate, .. }
            | Self::AdamW { learning_rate, .. }
            | Self::Nadam { learning_rate, .. } => *learning_rate = rate,
            Self::ClippedByNorm { optimizer, .. } | Self::ClippedByValue { optimizer, .. } => {
                **optimizer = optimizer.clone().with_learning_rate(rate)?;
            }
            Self::Lbfgs { .. } | Self::Scheduled { .. } => return None,
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn hyper_parameters_are_checked_as_the_constructors_do() {
        let adam = |learning_rate, beta1| OptimizerConfiguration::Adam {
            learning_rate,
            beta1,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        };
        assert!(adam(0.1, 0.9).build::<f64>().is_ok());
        let lbfgs = |history, c1| OptimizerConfiguration::Lbfgs { history, c1, c2: 0.9 };
        let clipped =
            |limit, optimizer| OptimizerConfiguration::ClippedByNorm { limit, optimizer: Box::new(optimizer) };
        for bad in [
            adam(-1.0, 0.9),
            adam(f64::NAN, 0.9),
            // As f32 these are 0, ∞ and 1.
            adam(1e-60, 0.9),
            adam(1e60, 0.9),
            adam(0.1, 1.0 - 1e-12),
            lbfgs(0, 1e-4),
            lbfgs(10, 0.95),
            clipped(0.0, adam(0.1, 0.9)),
            clipped(1.0, adam(0.0, 0.9)),
        ] {
            assert!(matches!(bad.build::<f32>().err(), Some(Error::InvalidParameter { .. })), "{bad:?}");
        }
        let schedule = ScheduleConfiguration::Constant;
        let scheduled = OptimizerConfiguration::Scheduled { schedule, optimizer: Box::new(lbfgs(10, 1e-4)) };
        assert_eq!(scheduled.build::<f64>().err(), Some(Error::NoLearningRate));
    }
}
