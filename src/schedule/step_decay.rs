use super::{Schedule, ScheduleConfiguration};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// A factor every few iterations, `factor(i) = γ^⌊i/n⌋`.
///
/// # Examples
/// ```
/// use gradus::schedule::{Schedule, StepDecay};
///
/// let schedule = StepDecay::new(100, 0.5)?;
/// assert_eq!([0, 99, 100, 250].map(|i| -> f64 { schedule.factor(i) }), [1.0, 1.0, 0.5, 0.25]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "StepLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepDecay {
    period: u64,
    decay: f64,
}

impl StepDecay {
    /// Multiplies by γ = `decay` every n = `period` iterations. Above 1 the rate grows.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the period is 0, or unless the decay is positive
    /// and finite.
    pub fn new(period: u64, decay: f64) -> Result<Self> {
        Ok(Self { period: checks::at_least_one("period", period)?, decay: checks::positive("decay", decay)? })
    }
}

impl<T: Real> Schedule<T> for StepDecay {
    fn factor(&self, iteration: u64) -> T {
        T::nearest(self.decay.powf((iteration / self.period) as f64))
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        Some(ScheduleConfiguration::StepDecay { period: self.period, decay: self.decay })
    }
}
