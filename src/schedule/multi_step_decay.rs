use super::{Schedule, ScheduleConfiguration};
use crate::checks;
use crate::error::{Error, Result};
use crate::real::Real;

/// A factor at chosen iterations, `factor(i) = γ^k` with k the number of milestones that are at most i.
///
/// # Examples
/// ```
/// use gradus::schedule::{MultiStepDecay, Schedule};
///
/// let schedule = MultiStepDecay::new([100, 150], 0.5)?;
/// assert_eq!([0, 99, 100, 150, 999].map(|i| -> f64 { schedule.factor(i) }), [1.0, 1.0, 0.5, 0.25, 0.25]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "MultiStepLR")]
#[derive(Clone, Debug, PartialEq)]
pub struct MultiStepDecay {
    milestones: Vec<u64>,
    decay: f64,
}

impl MultiStepDecay {
    /// Multiplies by γ = `decay` at each milestone, in whatever order they are given. Above 1 the rate grows.
    ///
    /// # Errors
    /// [`Error::Empty`] without milestones, [`Error::InvalidParameter`] unless the decay is positive and finite.
    pub fn new(milestones: impl Into<Vec<u64>>, decay: f64) -> Result<Self> {
        let milestones = milestones.into();
        if milestones.is_empty() {
            return Err(Error::Empty { what: "milestones" });
        }
        Ok(Self { milestones, decay: checks::positive("decay", decay)? })
    }
}

impl<T: Real> Schedule<T> for MultiStepDecay {
    fn factor(&self, iteration: u64) -> T {
        let passed = self.milestones.iter().filter(|&&milestone| milestone <= iteration).count();
        T::nearest(self.decay.powf(passed as f64))
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        Some(ScheduleConfiguration::MultiStepDecay { milestones: self.milestones.clone(), decay: self.decay })
    }
}
