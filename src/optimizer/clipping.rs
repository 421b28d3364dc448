use super::{Optimizer, OptimizerConfiguration, OptimizerState, Step};
use crate::checks;
use crate::error::Result;
use crate::linalg;
use crate::objective::Objective;
use crate::real::Real;

/// An optimizer that sees clipped gradients: itself an optimizer, for objectives whose gradient is at times very large.
///
/// [`by_norm`](Self::by_norm) shortens the gradient, `g ← g · min(1, c/‖g‖₂)`, and keeps its direction;
/// [`by_value`](Self::by_value) limits each slope, `gᵢ ← min(max(gᵢ, −c), c)`. The returned [`Step`] carries the value
/// and the norm of the gradient as they are, not clipped. A gradient that is not finite is not clipped to one that is:
/// the step moves nothing.
///
/// The clipped gradient is no longer that of the value. It is made for methods of the first order; a line search may
/// find no point that its slope promises.
///
/// # Numerics
/// A step costs what that of the optimizer within costs, and a copy of the point and of the gradient. It allocates
/// nothing after the first.
///
/// # Examples
/// ```
/// use gradus::optimizer::Clipped;
/// use gradus::{GradientDescent, Optimizer, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut x = [-3.0, 4.0];
/// let step = Clipped::by_norm(GradientDescent::new(1.0)?, 5.0)?.step(&mut sphere, &mut x);
/// assert_eq!(x, [0.0, 0.0]); // along (−6, 8)/10, by 5
/// assert_eq!(step.gradient_norm, 10.0);
///
/// let mut x = [-3.0, 0.25];
/// let _ = Clipped::by_value(GradientDescent::new(1.0)?, 1.0)?.step(&mut sphere, &mut x);
/// assert_eq!(x, [-2.0, -0.25]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// R. Pascanu, T. Mikolov, Y. Bengio (2013): On the difficulty of training recurrent neural networks, §3.2.
#[doc(alias("clip_grad_norm_", "clip_grad_value_"))]
#[derive(Clone, Debug)]
pub struct Clipped<T, O> {
    optimizer: O,
    clip: Clip<T>,
    point: Vec<T>,
    gradient: Vec<T>,
}

#[derive(Clone, Copy, Debug)]
enum Clip<T> {
    Norm(T),
    Value(T),
}

impl<T: Real> Clip<T> {
    /// `norm` is that of the gradient, and finite.
    fn apply(self, gradient: &mut [T], norm: T) {
        match self {
            // Two steps, since c/‖g‖ may leave the range of the type.
            Self::Norm(limit) if norm > limit => gradient.iter_mut().for_each(|slope| *slope = *slope / norm * limit),
            Self::Norm(_) => {}
            Self::Value(limit) => {
                for slope in gradient {
                    if *slope > limit {
                        *slope = limit;
                    } else if *slope < -limit {
                        *slope = -limit;
                    }
                }
            }
        }
    }
}

impl<T: Real, O: Optimizer<T>> Clipped<T, O> {
    /// Shortens gradients to a norm of at most c = `limit`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the limit is positive and finite.
    pub fn by_norm(optimizer: O, limit: T) -> Result<Self> {
        Ok(Self::new(optimizer, Clip::Norm(checks::positive("clipping norm", limit)?)))
    }

    /// Limits each slope to [−c, c], c = `limit`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the limit is positive and finite.
    pub fn by_value(optimizer: O, limit: T) -> Result<Self> {
        Ok(Self::new(optimizer, Clip::Value(checks::positive("clipping value", limit)?)))
    }

    fn new(optimizer: O, clip: Clip<T>) -> Self {
        Self { optimizer, clip, point: Vec::new(), gradient: Vec::new() }
    }
}

impl<T: Real, O: Optimizer<T>> Optimizer<T> for Clipped<T, O> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        // Evaluated here, so that the true value and norm are known even of a method that does not ask for them; when
        // it asks for them it is handed what was found.
        self.gradient.resize(x.len(), T::zero());
        let value = objective.value_and_gradient(x, &mut self.gradient);
        let step = Step::new(value, &self.gradient);
        if !step.is_finite() {
            return step;
        }
        self.clip.apply(&mut self.gradient, step.gradient_norm);
        self.point.clear();
        self.point.extend_from_slice(x);
        let start = Start { point: &self.point, value, gradient: &self.gradient };
        let seen = self.optimizer.step(&mut ClippedObjective { objective, clip: self.clip, start }, x);
        Step { end: seen.end, ..step }
    }

    forward_to!(optimizer);

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        let optimizer = Box::new(self.optimizer.configuration()?);
        Some(match self.clip {
            Clip::Norm(limit) => OptimizerConfiguration::ClippedByNorm { limit: limit.to_f64(), optimizer },
            Clip::Value(limit) => OptimizerConfiguration::ClippedByValue { limit: limit.to_f64(), optimizer },
        })
    }
}

/// The objective as the optimizer within sees it.
struct ClippedObjective<'a, T> {
    objective: &'a mut dyn Objective<T>,
    clip: Clip<T>,
    start: Start<'a, T>,
}

/// The point that a step starts from, with its value and clipped gradient.
struct Start<'a, T> {
    point: &'a [T],
    value: T,
    gradient: &'a [T],
}

impl<T: Real> Objective<T> for ClippedObjective<'_, T> {
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        if x == self.start.point {
            gradient.copy_from_slice(self.start.gradient);
            return self.start.value;
        }
        let value = self.objective.value_and_gradient(x, gradient);
        let norm = linalg::norm(gradient);
        if norm.is_finite() {
            self.clip.apply(gradient, norm);
        }
        value
    }

    fn value(&mut self, x: &[T]) -> T {
        if x == self.start.point { self.start.value } else { self.objective.value(x) }
    }
}
