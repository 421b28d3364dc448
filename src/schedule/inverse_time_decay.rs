use super::{Schedule, ScheduleConfiguration};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// A decay with the inverse of time, `factor(i) = 1 / (1 + k i)`.
///
/// `Σ factor` diverges and `Σ factor²` does not: under these conditions stochastic approximation converges.
///
/// # Examples
/// ```
/// use gradus::schedule::{InverseTimeDecay, Schedule};
///
/// let schedule = InverseTimeDecay::new(0.5)?;
/// assert_eq!([0, 2, 6, 14].map(|i| -> f64 { schedule.factor(i) }), [1.0, 0.5, 0.25, 0.125]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// H. Robbins, S. Monro (1951): A stochastic approximation method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseTimeDecay {
    decay: f64,
}

impl InverseTimeDecay {
    /// With k = `decay` the rate has halved after 1/k iterations.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the decay is negative or not finite.
    pub fn new(decay: f64) -> Result<Self> {
        Ok(Self { decay: checks::not_negative("decay", decay)? })
    }
}

impl<T: Real> Schedule<T> for InverseTimeDecay {
    fn factor(&self, iteration: u64) -> T {
        T::nearest(1.0 / (1.0 + self.decay * iteration as f64))
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        Some(ScheduleConfiguration::InverseTimeDecay { decay: self.decay })
    }
}
