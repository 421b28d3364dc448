use super::{Schedule, ScheduleConfiguration};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// A constant ratio from iteration to iteration, `factor(i) = γⁱ`.
///
/// With γ above 1 the rate grows: a sweep over learning rates, to see at which one the loss rises.
///
/// # Numerics
/// Once γⁱ is below the range of the number type the factor is 0, and steps move nothing.
///
/// # Examples
/// ```
/// use gradus::schedule::{ExponentialDecay, Schedule};
///
/// let schedule = ExponentialDecay::new(0.5)?;
/// assert_eq!([0, 1, 2, 10].map(|i| -> f64 { schedule.factor(i) }), [1.0, 0.5, 0.25, 1.0 / 1024.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "ExponentialLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialDecay {
    decay: f64,
}

impl ExponentialDecay {
    /// Multiplies by γ = `decay` in every iteration.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the decay is positive and finite.
    pub fn new(decay: f64) -> Result<Self> {
        Ok(Self { decay: checks::positive("decay", decay)? })
    }
}

impl<T: Real> Schedule<T> for ExponentialDecay {
    fn factor(&self, iteration: u64) -> T {
        T::nearest(self.decay.powf(iteration as f64))
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        Some(ScheduleConfiguration::ExponentialDecay { decay: self.decay })
    }
}
