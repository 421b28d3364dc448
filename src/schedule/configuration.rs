use super::{
    ConstantSchedule, CosineAnnealing, ExponentialDecay, InverseTimeDecay, LinearWarmUp, MultiStepDecay, OneCycle,
    PolynomialDecay, Schedule, StepDecay,
};
use crate::error::Result;
use crate::real::Real;

/// What rebuilds one of the crate's schedules: its name and hyper-parameters.
///
/// With the feature `serde` it is written as serde writes enums, in JSON as `"Constant"` or
/// `{"StepDecay":{"period":100,"decay":0.5}}`; a name or field that is unknown or missing is an error. What is read is
/// checked by [`build`](Self::build).
///
/// # Examples
/// ```
/// use gradus::schedule::{Schedule, StepDecay};
///
/// let configuration = Schedule::<f64>::configuration(&StepDecay::new(100, 0.5)?).unwrap();
/// let schedule = configuration.build::<f64>()?;
/// assert_eq!(schedule.factor(100), 0.5);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub enum ScheduleConfiguration {
    /// [`ConstantSchedule`].
    Constant,
    /// [`StepDecay`].
    #[non_exhaustive]
    StepDecay {
        /// n.
        period: u64,
        /// γ.
        decay: f64,
    },
    /// [`MultiStepDecay`].
    #[non_exhaustive]
    MultiStepDecay {
        /// Where the factor is multiplied.
        milestones: Vec<u64>,
        /// γ.
        decay: f64,
    },
    /// [`ExponentialDecay`].
    #[non_exhaustive]
    ExponentialDecay {
        /// γ.
        decay: f64,
    },
    /// [`InverseTimeDecay`].
    #[non_exhaustive]
    InverseTimeDecay {
        /// k.
        decay: f64,
    },
    /// [`PolynomialDecay`].
    #[non_exhaustive]
    PolynomialDecay {
        /// n.
        iterations: u64,
        /// p.
        power: f64,
    },
    /// [`CosineAnnealing`].
    #[non_exhaustive]
    CosineAnnealing {
        /// n.
        period: u64,
        /// m.
        minimum: f64,
        /// How many times as long each period is as the one before; none without restarts.
        growth: Option<u64>,
    },
    /// [`LinearWarmUp`].
    #[non_exhaustive]
    LinearWarmUp {
        /// n.
        iterations: u64,
        /// s.
        start: f64,
        /// What is multiplied.
        schedule: Box<ScheduleConfiguration>,
    },
    /// [`OneCycle`].
    #[non_exhaustive]
    OneCycle {
        /// n.
        iterations: u64,
        /// φ.
        rise: f64,
        /// s.
        start: f64,
        /// e.
        end: f64,
    },
}

impl ScheduleConfiguration {
    /// The schedule.
    ///
    /// # Errors
    /// Those of the schedule's constructor.
    pub fn build<T: Real>(&self) -> Result<Box<dyn Schedule<T>>> {
        Ok(match *self {
            Self::Constant => Box::new(ConstantSchedule),
            Self::StepDecay { period, decay } => Box::new(StepDecay::new(period, decay)?),
            Self::MultiStepDecay { ref milestones, decay } => Box::new(MultiStepDecay::new(&milestones[..], decay)?),
            Self::ExponentialDecay { decay } => Box::new(ExponentialDecay::new(decay)?),
            Self::InverseTimeDecay { decay } => Box::new(InverseTimeDecay::new(decay)?),
            Self::PolynomialDecay { iterations, power } => Box::new(PolynomialDecay::new(iterations, power)?),
            Self::CosineAnnealing { period, minimum, growth } => {
                let cosine = CosineAnnealing::new(period)?.down_to(minimum)?;
                Box::new(growth.map_or(Ok(cosine), |growth| cosine.with_restarts(growth))?)
            }
            Self::LinearWarmUp { iterations, start, ref schedule } => {
                Box::new(LinearWarmUp::new(iterations, start, schedule.build()?)?)
            }
            Self::OneCycle { iterations, rise, start, end } => {
                Box::new(OneCycle::new(iterations)?.rising_for(rise)?.between(start, end)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn hyper_parameters_are_checked_as_the_constructors_do() {
        let warm_up = |start, schedule| ScheduleConfiguration::LinearWarmUp {
            iterations: 3,
            start,
            schedule: Box::new(schedule),
        };
        for bad in [
            ScheduleConfiguration::StepDecay { period: 0, decay: 0.5 },
            ScheduleConfiguration::ExponentialDecay { decay: f64::NAN },
            ScheduleConfiguration::InverseTimeDecay { decay: -1.0 },
            ScheduleConfiguration::CosineAnnealing { period: 3, minimum: 2.0, growth: None },
            ScheduleConfiguration::CosineAnnealing { period: 3, minimum: 0.0, growth: Some(0) },
            ScheduleConfiguration::OneCycle { iterations: 9, rise: 1.0, start: 0.1, end: 0.0 },
            warm_up(-0.5, ScheduleConfiguration::Constant),
            warm_up(0.5, ScheduleConfiguration::StepDecay { period: 3, decay: 0.0 }),
        ] {
            assert!(matches!(bad.build::<f32>().err(), Some(Error::InvalidParameter { .. })), "{bad:?}");
        }
    }
}
