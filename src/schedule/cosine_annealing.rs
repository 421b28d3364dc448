use super::{Schedule, ScheduleConfiguration, along_cosine, checked_fraction};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// Half a wave of the cosine from 1 down to m, `factor(i) = m + (1 − m) (1 + cos πi/n) / 2`.
///
/// After n iterations the factor stays at m; with restarts it jumps back to 1, and i counts from there.
///
/// # Examples
/// ```
/// use gradus::schedule::{CosineAnnealing, Schedule};
///
/// let schedule = CosineAnnealing::new(4)?.down_to(0.5)?;
/// assert_eq!([0, 2, 4, 9].map(|i| -> f64 { schedule.factor(i) }), [1.0, 0.75, 0.5, 0.5]);
///
/// // Periods of 4, 8, 16, … iterations.
/// let schedule = CosineAnnealing::new(4)?.with_restarts(2)?;
/// assert_eq!([0, 2, 4, 8, 12].map(|i| -> f64 { schedule.factor(i) }), [1.0, 0.5, 1.0, 0.5, 1.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// I. Loshchilov, F. Hutter (2017): SGDR: stochastic gradient descent with warm restarts, §3.
#[doc(alias = "CosineAnnealingLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CosineAnnealing {
    period: u64,
    growth: Option<u64>,
    minimum: f64,
}

impl CosineAnnealing {
    /// From 1 to 0 in n = `period` iterations.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the period is 0.
    pub fn new(period: u64) -> Result<Self> {
        Ok(Self { period: checks::at_least_one("period", period)?, growth: None, minimum: 0.0 })
    }

    /// The same down to m = `minimum`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the minimum is from 0 to 1.
    pub fn down_to(self, minimum: f64) -> Result<Self> {
        Ok(Self { minimum: checked_fraction("minimal factor", minimum)?, ..self })
    }

    /// The same over and over, each period `growth` times as long as the one before. The last iteration of a period is
    /// the one *before* m would be reached.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the growth is 0.
    pub fn with_restarts(self, growth: u64) -> Result<Self> {
        Ok(Self { growth: Some(checks::at_least_one("growth of the period", growth)?), ..self })
    }
}

impl<T: Real> Schedule<T> for CosineAnnealing {
    fn factor(&self, iteration: u64) -> T {
        let (mut since, mut period) = (iteration, self.period);
        match self.growth {
            None => since = since.min(period),
            Some(1) => since %= period,
            Some(growth) => {
                while since >= period {
                    since -= period;
                    period = period.saturating_mul(growth);
                }
            }
        }
        T::nearest(along_cosine(1.0, self.minimum, since as f64 / period as f64))
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        let Self { period, growth, minimum } = *self;
        Some(ScheduleConfiguration::CosineAnnealing { period, minimum, growth })
    }
}
