use super::{Schedule, ScheduleConfiguration};
use crate::real::Real;

/// The learning rate as it is, `factor(i) = 1`: what a warm-up multiplies if nothing else is to change.
///
/// # Examples
/// ```
/// use gradus::schedule::{ConstantSchedule, LinearWarmUp, Schedule};
///
/// let schedule = LinearWarmUp::new(4, 0.0, ConstantSchedule)?;
/// assert_eq!([0, 1, 2, 3, 4, 5].map(|i| -> f64 { schedule.factor(i) }), [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConstantSchedule;

impl<T: Real> Schedule<T> for ConstantSchedule {
    fn factor(&self, _: u64) -> T {
        T::one()
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        Some(ScheduleConfiguration::Constant)
    }
}
