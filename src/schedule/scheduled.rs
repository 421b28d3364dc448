use super::Schedule;
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::optimizer::{Optimizer, OptimizerConfiguration, OptimizerState, Step, StopReason};
use crate::real::Real;

const ITERATION: &str = "iteration of the schedule";

/// An optimizer under a schedule, `ηᵢ = η · factor(i)`: itself an optimizer, which sets the learning rate before each
/// step and counts the steps.
///
/// The base learning rate η is the one that the optimizer had, or that
/// [`set_learning_rate`](Optimizer::set_learning_rate) sets later; [`learning_rate`](Optimizer::learning_rate) is that
/// of the next step, ηᵢ. To combine two schedules multiply them, as [`LinearWarmUp`](crate::schedule::LinearWarmUp)
/// does; of an optimizer that is scheduled already, ηᵢ would be taken for η. A step that met a value which is not
/// finite is not counted.
///
/// Where ηᵢ is 0, the step only evaluates: the optimizer within is not asked, and remembers nothing of it. Where it is
/// negative, infinite or NaN, the step moves nothing and says [`StopReason::InvalidLearningRate`] in
/// [`Step::end`], which ends a minimization.
///
/// # Examples
/// On f(x) = x₀² + x₁² a step shrinks `x` by 1 − 2ηᵢ:
/// ```
/// use gradus::schedule::{Scheduled, StepDecay};
/// use gradus::{GradientDescent, Optimizer, Stop, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut descent = Scheduled::new(GradientDescent::new(0.25)?, StepDecay::new(2, 0.5)?)?;
/// let mut x = [-3.0, 4.0];
/// let report = descent.minimize(&mut sphere, &mut x, &Stop::after(4));
/// assert_eq!(x[1], 4.0 * 0.5 * 0.5 * 0.75 * 0.75);
/// assert_eq!((report.iterations, descent.learning_rate()), (4, Some(0.25 * 0.25)));
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "lr_scheduler")]
#[derive(Clone, Debug)]
pub struct Scheduled<T, O, S> {
    optimizer: O,
    schedule: S,
    base: T,
    iteration: u64,
    gradient: Vec<T>,
}

impl<T: Real, O: Optimizer<T>, S: Schedule<T>> Scheduled<T, O, S> {
    /// Puts an optimizer under a schedule, at iteration 0.
    ///
    /// # Errors
    /// [`Error::NoLearningRate`] if the optimizer has none.
    pub fn new(optimizer: O, schedule: S) -> Result<Self> {
        let base = optimizer.learning_rate().ok_or(Error::NoLearningRate)?;
        Ok(Self { optimizer, schedule, base, iteration: 0, gradient: Vec::new() })
    }

    /// The number of steps that were made: the iteration that the schedule is asked for next.
    #[must_use]
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// The learning rate η that the schedule multiplies.
    #[must_use]
    pub fn base_learning_rate(&self) -> T {
        self.base
    }

    fn next_rate(&self) -> T {
        self.base * self.schedule.factor(self.iteration)
    }
}

impl<T: Real, O: Optimizer<T>, S: Schedule<T>> Optimizer<T> for Scheduled<T, O, S> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        let rate = self.next_rate();
        let invalid = !rate.is_zero() && self.optimizer.set_learning_rate(rate).is_err();
        let step = if rate.is_zero() || invalid {
            self.gradient.resize(x.len(), T::zero());
            let value = objective.value_and_gradient(x, &mut self.gradient);
            Step::new(value, &self.gradient)
        } else {
            self.optimizer.step(objective, x)
        };
        if invalid && step.is_finite() {
            return step.ending(StopReason::InvalidLearningRate);
        }
        if step.is_finite() && step.end.is_none() {
            self.iteration = self.iteration.saturating_add(1);
        }
        step
    }

    fn learning_rate(&self) -> Option<T> {
        Some(self.next_rate())
    }

    /// Sets the base learning rate η.
    fn set_learning_rate(&mut self, learning_rate: T) -> Result<()> {
        // The optimizer within checks the rate; what it is set to holds until the next step.
        self.optimizer.set_learning_rate(learning_rate)?;
        self.base = learning_rate;
        Ok(())
    }

    fn reset(&mut self) {
        self.optimizer.reset();
        self.iteration = 0;
    }

    /// That of the optimizer within, and the iteration.
    fn state(&self) -> OptimizerState<T> {
        let mut state = self.optimizer.state();
        state.counters.push((ITERATION.to_owned(), self.iteration));
        state
    }

    fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        let mut inner = state.clone();
        let iteration = inner.counters.pop().filter(|(name, _)| name == ITERATION).map(|(_, iteration)| iteration);
        match iteration {
            Some(iteration) if self.optimizer.restore(&inner).is_ok() => {
                self.iteration = iteration;
                Ok(())
            }
            _ => Err(Error::StateMismatch { expected: self.state().to_string(), found: state.to_string() }),
        }
    }

    /// With the base learning rate; none of an optimizer that is scheduled already.
    fn configuration(&self) -> Option<OptimizerConfiguration> {
        let optimizer = self.optimizer.configuration()?.with_learning_rate(self.base.to_f64())?;
        Some(OptimizerConfiguration::Scheduled {
            schedule: self.schedule.configuration()?,
            optimizer: Box::new(optimizer),
        })
    }
}
