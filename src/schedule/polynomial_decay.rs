use super::{Schedule, ScheduleConfiguration};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// A power of the iterations that are left, from 1 down to 0, `factor(i) = (1 − min(i, n)/n)^p`.
///
/// With p = 1 a straight line. After n iterations steps move nothing.
///
/// # Examples
/// ```
/// use gradus::schedule::{PolynomialDecay, Schedule};
///
/// let schedule = PolynomialDecay::new(4, 2.0)?;
/// assert_eq!([0, 1, 2, 4, 9].map(|i| -> f64 { schedule.factor(i) }), [1.0, 0.5625, 0.25, 0.0, 0.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "PolynomialLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolynomialDecay {
    iterations: u64,
    power: f64,
}

impl PolynomialDecay {
    /// To 0 in n = `iterations` iterations, with p = `power`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) without iterations, or unless the power is positive
    /// and finite.
    pub fn new(iterations: u64, power: f64) -> Result<Self> {
        let iterations = checks::at_least_one("iterations of the decay", iterations)?;
        Ok(Self { iterations, power: checks::positive("power", power)? })
    }
}

impl<T: Real> Schedule<T> for PolynomialDecay {
    fn factor(&self, iteration: u64) -> T {
        let left = self.iterations.saturating_sub(iteration) as f64 / self.iterations as f64;
        T::nearest(left.powf(self.power))
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        Some(ScheduleConfiguration::PolynomialDecay { iterations: self.iterations, power: self.power })
    }
}
