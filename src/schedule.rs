//! Schedules: how the learning rate changes from iteration to iteration.
//!
//! A schedule gives the factor by which the learning rate of an optimizer is multiplied. [`Scheduled`] puts the two
//! together.
//!
//! ```
//! use gradus::schedule::{CosineAnnealing, Scheduled};
//! use gradus::{GradientDescent, Optimizer};
//!
//! let annealing = CosineAnnealing::new(1_000)?; // iterations
//! let descent = Scheduled::new(GradientDescent::new(0.1)?, annealing)?;
//! assert_eq!(descent.learning_rate(), Some(0.1)); // falls to 0 in 1 000 steps
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | schedules | |
//! | --- | --- |
//! | [`StepDecay`], [`MultiStepDecay`] | a factor every few iterations, or at chosen ones |
//! | [`ExponentialDecay`], [`InverseTimeDecay`], [`PolynomialDecay`] | a smooth fall |
//! | [`CosineAnnealing`], [`OneCycle`] | along a cosine, with restarts or a rise before the fall |
//! | [`LinearWarmUp`] | a rise before another schedule |
//! | [`ConstantSchedule`] | none |
//!
//! | around them | |
//! | --- | --- |
//! | [`Schedule`] | the trait; any closure from an iteration to a factor implements it |
//! | [`Scheduled`] | an optimizer under a schedule |
//! | [`ReduceOnPlateau`] | reduces the learning rate when a watched value stops falling |
//! | [`ScheduleConfiguration`] | a schedule that is chosen by a file |

mod configuration;
mod constant;
mod cosine_annealing;
mod exponential_decay;
mod inverse_time_decay;
mod linear_warm_up;
mod multi_step_decay;
mod one_cycle;
mod polynomial_decay;
mod reduce_on_plateau;
mod scheduled;
mod step_decay;

pub use configuration::ScheduleConfiguration;
pub use constant::ConstantSchedule;
pub use cosine_annealing::CosineAnnealing;
pub use exponential_decay::ExponentialDecay;
pub use inverse_time_decay::InverseTimeDecay;
pub use linear_warm_up::LinearWarmUp;
pub use multi_step_decay::MultiStepDecay;
pub use one_cycle::OneCycle;
pub use polynomial_decay::PolynomialDecay;
pub use reduce_on_plateau::ReduceOnPlateau;
pub use scheduled::Scheduled;
pub use step_decay::StepDecay;

use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// How the learning rate changes with the iteration: `ηᵢ = η · factor(i)`.
///
/// A schedule is a pure function, so that a run can be resumed at any iteration. It gives a factor of the base learning
/// rate η and not a rate: the same schedule then serves every optimizer, η stays the one number to tune (and to check),
/// and two schedules are combined by multiplying them.
///
/// [`Scheduled`] puts an optimizer under a schedule. A factor of 0 is allowed: that step only
/// evaluates. One that is negative, infinite or NaN ends the run there, see
/// [`StopReason::InvalidLearningRate`](crate::optimizer::StopReason::InvalidLearningRate).
///
/// The hyper-parameters of the crate's own schedules are `f64`; factors are computed in `f64` and rounded once.
///
/// # Examples
/// Any closure that maps an iteration to a factor is a schedule. And a complete type,
/// `(1 + i)^−½`:
/// ```
/// use gradus::schedule::Schedule;
/// use gradus::Real;
///
/// struct InverseRoot;
///
/// impl<T: Real> Schedule<T> for InverseRoot {
///     fn factor(&self, iteration: u64) -> T {
///         T::nearest(1.0 / (1.0 + iteration as f64).sqrt())
///     }
/// }
///
/// let closure = |iteration: u64| 1.0_f32 / (1.0 + iteration as f32).sqrt();
/// assert_eq!((InverseRoot.factor(3), closure.factor(3)), (0.5, 0.5));
/// ```
pub trait Schedule<T: Real>: Send + Sync {
    /// What the learning rate of this iteration, counted from 0, is multiplied by.
    fn factor(&self, iteration: u64) -> T;

    /// What rebuilds the schedule, if it is one of the crate's.
    fn configuration(&self) -> Option<ScheduleConfiguration> {
        None
    }
}

impl<T: Real, F: Fn(u64) -> T + Send + Sync> Schedule<T> for F {
    fn factor(&self, iteration: u64) -> T {
        self(iteration)
    }
}

impl<T: Real> Schedule<T> for Box<dyn Schedule<T>> {
    fn factor(&self, iteration: u64) -> T {
        (**self).factor(iteration)
    }

    fn configuration(&self) -> Option<ScheduleConfiguration> {
        (**self).configuration()
    }
}

fn checked_fraction(name: &'static str, value: f64) -> Result<f64> {
    checks::check((0.0..=1.0).contains(&value), name, value, "a number from 0 to 1")
}

/// `from` at 0 and `to` at 1, both exactly, along half a wave of the cosine.
fn along_cosine(from: f64, to: f64, place: f64) -> f64 {
    let weight = 0.5 * (1.0 + (std::f64::consts::PI * place).cos());
    from * weight + to * (1.0 - weight)
}
