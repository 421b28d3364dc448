use super::{Schedule, ScheduleConfiguration, checked_fraction};
use crate::checks;
use crate::error::Result;
use crate::real::Real;
use crate::schedule::along_cosine;

/// One rise and one longer fall, both along half a wave of the cosine: from s to 1 in the first φ of n iterations, then
/// to e in the last one.
///
/// The peak is at iteration φn − 1, the end at n − 1 and after. By default φ = 0.3, s = 1/25 and e = s/10⁴. The base
/// learning rate is the largest one. (So it is with `OneCycleLR` of PyTorch, whose momentum, where it has one, moves
/// the other way; here momentum stays.)
///
/// # Examples
/// ```
/// use gradus::schedule::{OneCycle, Schedule};
///
/// // The peak is at 0.25·12 − 1 = 2; from there it is 9 iterations to the end.
/// let schedule = OneCycle::new(12)?.rising_for(0.25)?.between(0.5, 0.0)?;
/// assert_eq!([0, 1, 2, 11, 12].map(|i| -> f64 { schedule.factor(i) }), [0.5, 0.75, 1.0, 0.0, 0.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// L. N. Smith (2018): A disciplined approach to neural network hyper-parameters, §4. The wave of the cosine, in place
/// of straight lines, is that of the library fastai.
#[doc(alias = "OneCycleLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    iterations: u64,
    rise: f64,
    start: f64,
    end: f64,
}

impl OneCycle {
    /// A cycle of n = `iterations` iterations.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for fewer than 2 iterations.
    pub fn new(iterations: u64) -> Result<Self> {
        let iterations = checks::at_least_one("iterations of the cycle", iterations)?;
        checks::check(iterations >= 2, "iterations of the cycle", iterations as f64, "at least 2")?;
        Ok(Self { iterations, rise: 0.3, start: 0.04, end: 4e-6 })
    }

    /// The same with another part φ of the iterations for the rise.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the part is between 0 and 1.
    pub fn rising_for(self, part: f64) -> Result<Self> {
        let rise = checks::check(part > 0.0 && part < 1.0, "part of the rise", part, "a number between 0 and 1")?;
        Ok(Self { rise, ..self })
    }

    /// The same from s = `start` to e = `end`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless both are from 0 to 1.
    pub fn between(self, start: f64, end: f64) -> Result<Self> {
        let start = checked_fraction("start of the cycle", start)?;
        Ok(Self { start, end: checked_fraction("end of the cycle", end)?, ..self })
    }
}

impl<T: Real> Schedule<T> for OneCycle {
    fn factor(&self, iteration: u64) -> T {
        let (last, at) = ((self.iterations - 1) as f64, iteration as f64);
        let peak = self.rise * self.iterations as f64 - 1.0;
        T::nearest(if at >= last {
            self.end
        } else if at < peak {
            along_cosine(self.start, 1.0, at / peak)
        } else {
            along_cosine(1.0, self.end, (at - peak) / (last - peak))
        })
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        let Self { iterations, rise, start, end } = *self;
        Some(ScheduleConfiguration::OneCycle { iterations, rise, start, end })
    }
}
