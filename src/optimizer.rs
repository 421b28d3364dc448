//! Optimizers: methods that minimize an [`Objective`] step by step.
//!
//! An optimizer sees a vector and a function of it, nothing else. So the same optimizer trains a network, fits a
//! regression, or minimizes a closure.
//!
//! ```
//! use gradus::optimizer::StopReason;
//! use gradus::{Adam, Optimizer, Stop, from_fn};
//!
//! let mut parabola = from_fn(|x: &[f64], gradient: &mut [f64]| {
//!     gradient[0] = 2.0 * (x[0] - 3.0);
//!     (x[0] - 3.0) * (x[0] - 3.0)
//! });
//! let (mut adam, stop) = (Adam::new(0.1)?, Stop::after(1_000).gradient_norm(1e-6)?);
//! let mut x = [0.0];
//! let report = adam.minimize(&mut parabola, &mut x, &stop);
//! assert!(report.reason == StopReason::Converged && (x[0] - 3.0).abs() < 1e-6);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | optimizers | |
//! | --- | --- |
//! | [`GradientDescent`] | plain, with momentum, or with Nesterov's momentum |
//! | [`Adam`], [`AdamW`], [`Nadam`], [`RmsProp`], [`AdaGrad`] | scale each slope by its own history |
//! | [`Lbfgs`] | a line search along an estimate of Newton's direction: few parameters, full batches |
//! | [`Clipped`] | around another optimizer: limits its gradients |
//! | [`Scheduled`](crate::schedule::Scheduled) | around another optimizer: changes its learning rate, see [`schedule`](crate::schedule) |
//!
//! | what they say, and what they are told | |
//! | --- | --- |
//! | [`Optimizer`] | the trait |
//! | [`Stop`], [`Report`], [`StopReason`] | when a minimization ends, and how it went |
//! | [`Step`], [`Iteration`] | one step, and what an observer of a run sees |
//! | [`LearningRateBound`] | how large a learning rate may be |
//! | [`OptimizerState`], [`OptimizerConfiguration`] | what is saved between runs, and an optimizer that is chosen by a file |
//!
//! Which optimizer to choose: [`docs::choosing::optimizer`](crate::docs::choosing::optimizer).

/// The methods of [`Optimizer`] that are those of a field.
macro_rules! forward_to {
    ($field:ident) => {
        fn learning_rate(&self) -> Option<T> {
            self.$field.learning_rate()
        }

        fn set_learning_rate(&mut self, learning_rate: T) -> Result<()> {
            self.$field.set_learning_rate(learning_rate)
        }

        fn reset(&mut self) {
            self.$field.reset();
        }

        fn state(&self) -> OptimizerState<T> {
            self.$field.state()
        }

        fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
            self.$field.restore(state)
        }
    };
}

mod ada_grad;
mod adam;
mod adam_w;
mod clipping;
mod configuration;
mod first_order;
mod gradient_descent;
mod lbfgs;
mod learning_rate_bound;
mod line_search;
mod nadam;
mod rms_prop;

use std::fmt;
use std::ops::ControlFlow;

pub use ada_grad::AdaGrad;
pub use adam::Adam;
pub use adam_w::AdamW;
pub use clipping::Clipped;
pub use configuration::OptimizerConfiguration;
pub use gradient_descent::GradientDescent;
pub use lbfgs::Lbfgs;
pub use learning_rate_bound::LearningRateBound;
pub use nadam::Nadam;
pub use rms_prop::RmsProp;

use crate::batch::Batch;
use crate::checks;
use crate::error::{Error, Result};
use crate::linalg;
use crate::loss::check_finite;
use crate::objective::Objective;
use crate::real::Real;

/// A method that minimizes an [`Objective`] by steps.
///
/// It is handed the objective, not a gradient, so that a method may evaluate as often as it must (a line search).
/// All it needs of its own is [`step`](Self::step); the loop around it is here.
///
/// # Examples
/// A complete optimizer, which follows only the sign of each slope:
/// ```
/// use gradus::optimizer::Step;
/// use gradus::{Objective, Optimizer, Stop, from_fn};
///
/// struct SignDescent {
///     stride: f64,
/// }
///
/// impl Optimizer<f64> for SignDescent {
///     fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
///         let mut gradient = vec![0.0; x.len()];
///         let value = objective.value_and_gradient(x, &mut gradient);
///         let step = Step::new(value, &gradient);
///         if step.is_finite() {
///             for (x, slope) in x.iter_mut().zip(gradient) {
///                 *x -= self.stride * slope.signum();
///             }
///         }
///         step
///     }
/// }
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut x = [-3.0, 4.0];
/// let report = SignDescent { stride: 0.5 }.minimize(&mut sphere, &mut x, &Stop::after(6));
/// assert_eq!(x, [0.0, 1.0]);
/// assert_eq!(report.value, 1.0);
/// ```
pub trait Optimizer<T: Real> {
    /// Evaluates the objective at `x`, then moves `x` once.
    ///
    /// The returned value and gradient norm are those of `x` *before* the move. Where either is not finite, `x`
    /// stays as it is.
    ///
    /// # Panics
    /// As the objective, if `x` has not the length that it is defined for.
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T>;

    /// The learning rate of the next step; `None` for a method that has none.
    fn learning_rate(&self) -> Option<T> {
        None
    }

    /// Sets the learning rate, as a schedule does before every step.
    ///
    /// # Errors
    /// [`Error::NoLearningRate`] for a method that has none, [`Error::InvalidParameter`] unless the rate is positive
    /// and finite; nothing is changed then.
    fn set_learning_rate(&mut self, learning_rate: T) -> Result<()> {
        let _ = learning_rate;
        Err(Error::NoLearningRate)
    }

    /// Forgets everything remembered from former steps; hyper-parameters stay.
    fn reset(&mut self) {}

    /// What the method remembers between steps, to be saved and handed to [`restore`](Self::restore).
    fn state(&self) -> OptimizerState<T> {
        OptimizerState { vectors: Vec::new(), counters: Vec::new() }
    }

    /// Takes up a saved state.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] if the state is not one of this method; nothing is changed then.
    fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        let expected = self.state();
        if *state != expected {
            return Err(Error::StateMismatch { expected: expected.to_string(), found: state.to_string() });
        }
        Ok(())
    }

    /// What rebuilds the method as it is now, with nothing remembered, if it is one of the crate's.
    fn configuration(&self) -> Option<OptimizerConfiguration> {
        None
    }

    /// Steps until `stop` says so; `x` is where to start, and afterwards where the run ended.
    ///
    /// A value that is not finite ends the run, as [`StopReason::NotFinite`] or, where the values had risen before,
    /// [`StopReason::Diverged`], with `x` at the last point where value and gradient were finite.
    ///
    /// # Panics
    /// As the objective, if `x` has not the length that it is defined for.
    fn minimize(&mut self, objective: &mut dyn Objective<T>, x: &mut [T], stop: &Stop<T>) -> Report<T> {
        self.minimize_with(objective, x, stop, &mut |_| ControlFlow::Continue(()))
    }

    /// [`minimize`](Self::minimize), showing every point to `observe`, the first and the last one included.
    ///
    /// The observer ends the run at the point that it was just shown by returning [`ControlFlow::Break`].
    ///
    /// # Panics
    /// As the objective, if `x` has not the length that it is defined for.
    #[doc(alias("x_history", "callback"))]
    fn minimize_with(
        &mut self,
        objective: &mut dyn Objective<T>,
        x: &mut [T],
        stop: &Stop<T>,
        observe: &mut dyn FnMut(&Iteration<'_, T>) -> ControlFlow<()>,
    ) -> Report<T> {
        minimize_by_steps(self, objective, x, stop, observe)
    }
}

/// An optimizer chosen at run time, which can be put under a schedule or clipped like any other.
impl<T: Real, O: Optimizer<T> + ?Sized> Optimizer<T> for Box<O> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        (**self).step(objective, x)
    }

    fn learning_rate(&self) -> Option<T> {
        (**self).learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: T) -> Result<()> {
        (**self).set_learning_rate(learning_rate)
    }

    fn reset(&mut self) {
        (**self).reset();
    }

    fn state(&self) -> OptimizerState<T> {
        (**self).state()
    }

    fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        (**self).restore(state)
    }

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        (**self).configuration()
    }

    fn minimize(&mut self, objective: &mut dyn Objective<T>, x: &mut [T], stop: &Stop<T>) -> Report<T> {
        (**self).minimize(objective, x, stop)
    }

    fn minimize_with(
        &mut self,
        objective: &mut dyn Objective<T>,
        x: &mut [T],
        stop: &Stop<T>,
        observe: &mut dyn FnMut(&Iteration<'_, T>) -> ControlFlow<()>,
    ) -> Report<T> {
        (**self).minimize_with(objective, x, stop, observe)
    }
}

/// The loop of [`Optimizer::minimize_with`].
fn minimize_by_steps<T: Real, O: Optimizer<T> + ?Sized>(
    optimizer: &mut O,
    objective: &mut dyn Objective<T>,
    x: &mut [T],
    stop: &Stop<T>,
    observe: &mut dyn FnMut(&Iteration<'_, T>) -> ControlFlow<()>,
) -> Report<T> {
    let mut point = x.to_vec();
    let mut last_finite = x.to_vec();
    let mut latest: Option<Step<T>> = None;
    let mut initial = None;
    let mut iteration = 0;
    loop {
        point.copy_from_slice(x);
        let step = if iteration < stop.iterations {
            optimizer.step(objective, x)
        } else {
            let mut gradient = vec![T::zero(); x.len()];
            let value = objective.value_and_gradient(x, &mut gradient);
            Step::new(value, &gradient)
        };
        let first = *initial.get_or_insert(step);
        let mut report = |reason, iterations, end: Step<T>, point: &[T]| {
            x.copy_from_slice(point);
            Report {
                reason,
                iterations,
                value: end.value,
                gradient_norm: end.gradient_norm,
                initial_value: first.value,
                initial_gradient_norm: first.gradient_norm,
            }
        };
        if !step.is_finite() {
            let reason = match step.end {
                _ if latest.is_some_and(|latest| StopReason::rose(first.value, latest.value)) => StopReason::Diverged,
                Some(reason) => reason,
                None if step.value.is_finite() && step.gradient_norm.to_f64().is_nan() => StopReason::UndefinedGradient,
                None => StopReason::NotFinite,
            };
            return match latest {
                None => report(reason, 0, step, &point),
                Some(latest) => report(reason, iteration - 1, latest, &last_finite),
            };
        }
        let shown = Iteration { iteration, x: &point, value: step.value, gradient_norm: step.gradient_norm };
        if observe(&shown).is_break() {
            return report(StopReason::Observer, iteration, step, &point);
        }
        if step.gradient_norm <= stop.gradient_norm {
            return report(StopReason::Converged, iteration, step, &point);
        }
        if iteration == stop.iterations {
            return report(StopReason::at_the_limit(iteration, first, step), iteration, step, &point);
        }
        if let Some(reason) = step.end {
            let gained = !StopReason::stayed(first.value, step.value);
            let reason = if gained && reason == StopReason::NoProgress { StopReason::Stalled } else { reason };
            return report(reason, iteration, step, &point);
        }
        latest = Some(step);
        std::mem::swap(&mut point, &mut last_finite);
        iteration += 1;
    }
}

/// What one step saw: value and gradient norm at the point that it started from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a step that met a value which is not finite has moved nothing: see `is_finite`"]
#[non_exhaustive]
pub struct Step<T> {
    /// f(x) before the move.
    pub value: T,
    /// ‖∇f(x)‖₂ before the move.
    pub gradient_norm: T,
    /// Why the method cannot go on from here, if it cannot: `x` has not moved then, and a minimization ends.
    pub end: Option<StopReason>,
}

impl<T: Real> Step<T> {
    /// The step from a point with this value and this gradient.
    pub fn new(value: T, gradient: &[T]) -> Self {
        let gradient_norm = linalg::norm(gradient);
        let overflows = value.is_finite() && !gradient_norm.is_finite() && gradient.iter().all(T::is_finite);
        Self { value, gradient_norm, end: overflows.then_some(StopReason::Overflow) }
    }

    /// The same step, as one that has not moved and after which there is none.
    ///
    /// # Examples
    /// A method that stops where the slope is 0:
    /// ```
    /// use gradus::optimizer::{Step, StopReason};
    ///
    /// let step = Step::new(3.0, &[0.0, 0.0]);
    /// let step = if step.gradient_norm == 0.0 { step.ending(StopReason::Stalled) } else { step };
    /// assert_eq!(step.end, Some(StopReason::Stalled));
    /// ```
    pub fn ending(self, reason: StopReason) -> Self {
        Self { end: Some(reason), ..self }
    }

    /// Whether value and gradient were finite, so that the step could be made.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.value.is_finite() && self.gradient_norm.is_finite()
    }
}

/// When a minimization ends: after a number of iterations, or where the gradient is small.
///
/// # Examples
/// ```
/// use gradus::Stop;
///
/// let stop = Stop::after(1_000).gradient_norm(1e-9)?;
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "UncheckedStop<T>",
        bound(serialize = "T: serde::Serialize", deserialize = "T: Real + serde::Deserialize<'de>")
    )
)]
pub struct Stop<T> {
    iterations: usize,
    gradient_norm: T,
}

/// As it is read.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(rename = "Stop", deny_unknown_fields)]
struct UncheckedStop<T> {
    iterations: usize,
    gradient_norm: T,
}

#[cfg(feature = "serde")]
impl<T: Real> TryFrom<UncheckedStop<T>> for Stop<T> {
    type Error = Error;

    fn try_from(UncheckedStop { iterations, gradient_norm }: UncheckedStop<T>) -> Result<Self> {
        Self::after(iterations).gradient_norm(gradient_norm)
    }
}

impl<T: Real> Stop<T> {
    /// Ends after this many steps, or where the gradient is exactly zero.
    #[must_use]
    pub fn after(iterations: usize) -> Self {
        Self { iterations, gradient_norm: T::zero() }
    }

    /// Also ends, as converged, where ‖∇f‖₂ ≤ `tolerance`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if the tolerance is negative or not finite.
    pub fn gradient_norm(self, tolerance: T) -> Result<Self> {
        checks::not_negative("gradient norm tolerance", tolerance)?;
        Ok(Self { gradient_norm: tolerance, ..self })
    }
}

/// Why a minimization ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The gradient norm fell to the tolerance.
    Converged,
    /// All iterations were made, and none of the other reasons holds.
    IterationLimit,
    /// The value is *above* that of the start, by more than a millionth, after all iterations or where the next value
    /// overflowed: steps are too long.
    Diverged,
    /// All iterations were made, and neither value nor gradient norm has changed by as much as a millionth:
    /// steps are too short. Or a line search found no lower value from the start, though the gradient promises one.
    NoProgress,
    /// A line search found no value that is lower by more than rounding: a minimum to the last digits, a kink, or the
    /// edge of where the function is finite.
    Stalled,
    /// Value or gradient was not finite at the next point, or at the start.
    NotFinite,
    /// The value is finite and the gradient is NaN: the objective did not write all of it, its formula fails there, or its
    /// differences are lost in rounding.
    UndefinedGradient,
    /// The observer asked to stop.
    Observer,
    /// A schedule gave a learning rate that is negative, infinite or NaN.
    InvalidLearningRate,
    /// The method sums the squares of the slopes, and they are beyond the range of the number type: nothing was moved.
    Overflow,
}

impl StopReason {
    /// Whether the run came to nothing: diverged, made no progress, met a value or a gradient that is not finite or
    /// whose squares are not, or was given an invalid learning rate.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        use StopReason::*;
        matches!(self, Diverged | NoProgress | NotFinite | UndefinedGradient | InvalidLearningRate | Overflow)
    }

    fn at_the_limit<T: Real>(iterations: usize, first: Step<T>, last: Step<T>) -> Self {
        if Self::rose(first.value, last.value) {
            Self::Diverged
        } else if iterations > 0
            && Self::stayed(first.value, last.value)
            && Self::stayed(first.gradient_norm, last.gradient_norm)
        {
            Self::NoProgress
        } else {
            Self::IterationLimit
        }
    }

    /// Whether a value has changed by no more than a millionth.
    pub(crate) fn stayed<T: Real>(first: T, last: T) -> bool {
        (last - first).abs() <= first.abs() * T::nearest(1e-6)
    }

    /// Whether a value has risen, by more than rounding makes of one that stays.
    pub(crate) fn rose<T: Real>(first: T, last: T) -> bool {
        last - first > first.abs() * T::nearest(1e-6)
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Converged => "converged",
            Self::IterationLimit => "stopped at the iteration limit",
            Self::Diverged => "diverged: the value rose, the steps are too long",
            Self::NoProgress => "made no progress: the steps are too short",
            Self::Stalled => "stopped where no lower value was found",
            Self::NotFinite => "stopped: a value is not finite",
            Self::UndefinedGradient => "stopped: the gradient is NaN, as where an objective does not write it",
            Self::Observer => "stopped by the observer",
            Self::InvalidLearningRate => "stopped: the learning rate of the schedule is negative or not finite",
            Self::Overflow => "stopped: the squares of the slopes are beyond the range of the number type",
        })
    }
}

/// How a minimization went.
#[doc(alias = "OptimizeResult")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "the reason says whether the minimization succeeded"]
#[non_exhaustive]
pub struct Report<T> {
    /// Why it ended.
    pub reason: StopReason,
    /// The number of steps that led to the point returned.
    pub iterations: usize,
    /// The value at that point.
    pub value: T,
    /// The gradient norm at that point.
    pub gradient_norm: T,
    /// The value at the start.
    pub initial_value: T,
    /// The gradient norm at the start.
    pub initial_gradient_norm: T,
}

impl<T: fmt::LowerExp> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, iterations, value, gradient_norm, initial_value, initial_gradient_norm } = self;
        write!(
            f,
            "{reason} ({iterations} iterations, value {initial_value:.3e} → {value:.3e}, \
             gradient norm {initial_gradient_norm:.3e} → {gradient_norm:.3e})"
        )
    }
}

/// A point of a run, as an observer sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Iteration<'a, T> {
    /// The number of steps that led here.
    pub iteration: usize,
    /// The point.
    pub x: &'a [T],
    /// Its value.
    pub value: T,
    /// Its gradient norm.
    pub gradient_norm: T,
}

/// What an optimizer remembers between steps: named vectors and counters.
///
/// Flat and self-describing, so that any optimizer, a user's own too, can be saved by code that knows nothing of
/// it.
///
/// # Examples
/// Adam after one step, taken up by another:
/// ```
/// use gradus::{Adam, Optimizer, from_fn};
///
/// let mut square = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * x[0];
///     x[0] * x[0]
/// });
/// let (mut first, mut second, mut x) = (Adam::new(0.1)?, Adam::new(0.1)?, [1.0]);
/// let _ = first.step(&mut square, &mut x);
/// let state = first.state();
/// assert_eq!(state.counters[0].1, 1);
/// assert!((state.vectors[0].1[0] - 0.1 * 2.0).abs() < 1e-15); // (1 − β₁) g
///
/// second.restore(&state)?;
/// let mut y = x;
/// assert_eq!(first.step(&mut square, &mut x), second.step(&mut square, &mut y));
/// assert_eq!(x, y);
///
/// second.reset();
/// assert_eq!(second.state().counters[0].1, 0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct OptimizerState<T> {
    /// Vectors, each as long as the parameters.
    pub vectors: Vec<(String, Vec<T>)>,
    /// Counters, as that of the steps.
    pub counters: Vec<(String, u64)>,
}

impl<T> OptimizerState<T> {
    /// These vectors and counters, each with its name.
    #[must_use]
    pub fn new(vectors: Vec<(String, Vec<T>)>, counters: Vec<(String, u64)>) -> Self {
        Self { vectors, counters }
    }
}

impl<T: Real> OptimizerState<T> {
    pub(crate) fn check_finite(&self) -> Result<()> {
        self.vectors
            .iter()
            .try_for_each(|(_, vector)| check_finite("state of the optimizer", Batch::front(vector, vector.len(), 1)))
    }
}

impl<T> fmt::Display for OptimizerState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.vectors.is_empty() && self.counters.is_empty() {
            return f.write_str("nothing");
        }
        let vectors = self.vectors.iter().map(|(name, vector)| format!("{name} of {}", vector.len()));
        let counters = self.counters.iter().map(|(name, count)| format!("{name} {count}"));
        f.write_str(&vectors.chain(counters).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests;
