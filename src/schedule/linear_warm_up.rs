use super::{Schedule, ScheduleConfiguration, checked_fraction};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// A linear rise at the start of another schedule, `factor(i) = (s + (1 − s) min(i, n)/n) · schedule(i)`.
///
/// The other schedule is multiplied, not delayed: its iterations count from the start of the run.
///
/// # Examples
/// ```
/// use gradus::schedule::{LinearWarmUp, Schedule, StepDecay};
///
/// let schedule = LinearWarmUp::new(2, 0.5, StepDecay::new(4, 0.5)?)?;
/// assert_eq!([0, 1, 2, 3, 4, 8].map(|i| -> f64 { schedule.factor(i) }), [0.5, 0.75, 1.0, 1.0, 0.5, 0.25]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// P. Goyal et al. (2017): Accurate, large minibatch SGD: training `ImageNet` in 1 hour, §2.2.
#[doc(alias("LinearLR", "warmup"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearWarmUp<S> {
    iterations: u64,
    start: f64,
    schedule: S,
}

impl<S> LinearWarmUp<S> {
    /// Rises from s = `start` to 1 in n = `iterations` iterations. With a start of 0 the first step moves nothing.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) without iterations, or unless the start is from 0
    /// to 1.
    pub fn new(iterations: u64, start: f64, schedule: S) -> Result<Self> {
        let iterations = checks::at_least_one("iterations of the warm-up", iterations)?;
        Ok(Self { iterations, start: checked_fraction("start of the warm-up", start)?, schedule })
    }
}

impl<T: Real, S: Schedule<T>> Schedule<T> for LinearWarmUp<S> {
    fn factor(&self, iteration: u64) -> T {
        let factor = self.schedule.factor(iteration);
        if iteration >= self.iterations {
            return factor;
        }
        let risen = iteration as f64 / self.iterations as f64;
        T::nearest(self.start + (1.0 - self.start) * risen) * factor
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        let schedule = Box::new(self.schedule.configuration()?);
        Some(ScheduleConfiguration::LinearWarmUp { iterations: self.iterations, start: self.start, schedule })
    }
}
