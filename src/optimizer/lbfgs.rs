use std::ops::ControlFlow;

use super::line_search::{Trial, WolfeSearch};
use super::{
    Iteration, Optimizer, OptimizerConfiguration, OptimizerState, Report, Step, Stop, StopReason, minimize_by_steps,
};
use crate::checks;
use crate::error::{Error, Result};
use crate::linalg;
use crate::objective::Objective;
use crate::real::Real;

/// L-BFGS, `x ← x − α H ∇f(x)`, with H an estimate of the inverse Hessian and α by a line search.
///
/// H follows from the last m steps s and the changes y of the gradient along them; it is never formed, the direction
/// takes 4 m n operations (two-loop recursion). α = 1 is tried first and is nearly always taken; every step satisfies
/// the strong Wolfe conditions, sufficient decrease `f(x + α p) ≤ f(x) + c₁ α pᵀ∇f(x)` and curvature
/// `|pᵀ∇f(x + α p)| ≤ c₂ |pᵀ∇f(x)|`. Defaults: m = 10, c₁ = 10⁻⁴, c₂ = 0.9.
///
/// It is the method of choice for a smooth function that can be evaluated exactly: least squares, a network on all of
/// its data at once. It is none for random mini-batches, whose gradients differ for another reason than curvature.
///
/// There is no learning rate. Within [`minimize`](Optimizer::minimize) a step takes up the value and the gradient with
/// which the last one ended. A step outside a minimization evaluates at its start, for by then the objective may be
/// another.
///
/// # Numerics
/// Near a minimizer the values are constant to rounding long before the gradient is; so a rise by 4ε|f| counts as none.
/// Where no lower point is found, the history is dropped and the gradient followed; if that fails too, the run ends as
/// [`StopReason::Stalled`], or, if nothing at all was gained though the gradient promises more than rounding, as with a
/// gradient that is not that of the value, as [`StopReason::NoProgress`]. Along a line on which f is not finite beyond
/// some point, the search stays before it. On a function that is not smooth or falls without bound, a point may be
/// taken for being lower although its curvature condition fails. Memory: two vectors for each step that is remembered,
/// and four; a step allocates nothing after the first m of a size.
///
/// # Examples
/// Rosenbrock's function, from its usual start:
/// ```
/// use gradus::optimizer::Lbfgs;
/// use gradus::{Optimizer, Stop, from_fn};
///
/// let mut rosenbrock = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
///     gradient.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
///     a * a + 100.0 * b * b
/// });
/// let mut x = [-1.2, 1.0];
/// let report = Lbfgs::new().minimize(&mut rosenbrock, &mut x, &Stop::after(100).gradient_norm(1e-9)?);
/// assert_eq!(report.reason, gradus::optimizer::StopReason::Converged);
/// assert!((x[0] - 1.0).abs() < 1e-10 && (x[1] - 1.0).abs() < 1e-10 && report.iterations < 50);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// - J. Nocedal (1980): Updating quasi-Newton matrices with limited storage.
/// - J. Nocedal, S. J. Wright (2006): Numerical optimization, 2nd edition, algorithms 7.4, 3.5 and 3.6.
/// - W. W. Hager, H. Zhang (2005): A new conjugate gradient method with guaranteed descent and an efficient line
///   search: the allowance for rounding.
#[doc(alias("BFGS", "LBFGS"))]
#[derive(Clone, Debug)]
pub struct Lbfgs<T> {
    history: usize,
    wolfe: WolfeSearch<T>,
    /// At most `history`, of which the first `held` count, the oldest first.
    pairs: Vec<Pair<T>>,
    held: usize,
    /// p, and during the two loops what becomes of ∇f.
    direction: Vec<T>,
    coefficients: Vec<T>,
    /// The last point that was evaluated by a search, after an accepted step that of the step's end.
    trial: Vec<T>,
    trial_gradient: Vec<T>,
    /// The gradient at the start of a step, after an accepted step that at its end.
    gradient: Vec<T>,
    /// f at `trial`, with `gradient` its gradient there, as long as the objective is the same.
    value: Option<T>,
}

#[derive(Clone, Debug)]
struct Pair<T> {
    /// s
    step: Vec<T>,
    /// y
    change: Vec<T>,
    /// sᵀy
    curvature: T,
}

impl<T: Real> Lbfgs<T> {
    /// L-BFGS with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            history: 10,
            wolfe: WolfeSearch { decrease: T::nearest(1e-4), curvature: T::nearest(0.9) },
            pairs: Vec::new(),
            held: 0,
            direction: Vec::new(),
            coefficients: Vec::new(),
            trial: Vec::new(),
            trial_gradient: Vec::new(),
            gradient: Vec::new(),
            value: None,
        }
    }

    /// Sets m, the number of steps that are remembered, and forgets them.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if m is 0.
    pub fn history(self, history: usize) -> Result<Self> {
        checks::at_least_one("history", history)?;
        Ok(Self { history, wolfe: self.wolfe, ..Self::new() })
    }

    /// Sets c₁ and c₂ of the Wolfe conditions.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless 0 < c₁ < ½ and c₁ < c₂ < 1.
    ///
    /// # Examples
    /// A search that is nearly exact, as for a method that needs few steps:
    /// ```
    /// use gradus::optimizer::Lbfgs;
    ///
    /// let optimizer = Lbfgs::<f64>::new().history(20)?.wolfe(1e-4, 0.1)?;
    /// assert_eq!(optimizer.hyper_parameters(), [("history", 20.0), ("c1", 1e-4), ("c2", 0.1)]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn wolfe(self, c1: T, c2: T) -> Result<Self> {
        Ok(Self { wolfe: WolfeSearch::new(c1, c2)?, ..self })
    }

    /// Every hyper-parameter by its name.
    #[must_use]
    pub fn hyper_parameters(&self) -> Vec<(&'static str, T)> {
        vec![("history", T::from_count(self.history)), ("c1", self.wolfe.decrease), ("c2", self.wolfe.curvature)]
    }

    /// Makes room for vectors; another size forgets everything.
    fn resize(&mut self, size: usize) {
        if self.trial.len() == size {
            return;
        }
        self.reset();
        for vector in [&mut self.direction, &mut self.trial, &mut self.trial_gradient, &mut self.gradient] {
            vector.resize(size, T::zero());
        }
    }

    /// Makes room for one more pair.
    fn reserve_pair(&mut self) {
        if self.held == self.pairs.len() {
            self.pairs.push(Pair { step: Vec::new(), change: Vec::new(), curvature: T::zero() });
            self.coefficients.push(T::zero());
        }
        let pair = &mut self.pairs[self.held];
        pair.step.resize(self.trial.len(), T::zero());
        pair.change.resize(self.trial.len(), T::zero());
    }

    /// p = −H ∇f, or without history −∇f, no longer than 1; returns pᵀ∇f.
    fn find_direction(&mut self, gradient_norm: T) -> T {
        let p = &mut self.direction;
        let scale = if gradient_norm > T::one() { -T::one() / gradient_norm } else { -T::one() };
        p.fill(T::zero());
        linalg::add_scaled(p, if self.held == 0 { scale } else { -T::one() }, &self.gradient);
        let pairs = &self.pairs[..self.held];
        for (pair, coefficient) in pairs.iter().zip(&mut self.coefficients).rev() {
            *coefficient = linalg::dot(&pair.step, p) / pair.curvature;
            linalg::add_scaled(p, -*coefficient, &pair.change);
        }
        if let Some(newest) = pairs.last() {
            let scale = newest.curvature / linalg::dot(&newest.change, &newest.change);
            p.iter_mut().for_each(|p| *p *= scale);
        }
        for (pair, &coefficient) in pairs.iter().zip(&self.coefficients) {
            let correction = linalg::dot(&pair.change, p) / pair.curvature;
            linalg::add_scaled(p, coefficient - correction, &pair.step);
        }
        linalg::dot(p, &self.gradient)
    }

    /// A step on the objective of the last one, unless `value` is `None`.
    #[inline(never)]
    fn go_on(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.resize(x.len());
        let value = match self.value.take() {
            Some(value) if self.trial == x => value,
            _ => objective.value_and_gradient(x, &mut self.gradient),
        };
        let step = Step::new(value, &self.gradient);
        if !step.is_finite() || step.gradient_norm == T::zero() {
            return step;
        }
        let mut within_rounding = None;
        loop {
            let slope = self.find_direction(step.gradient_norm);
            // The first direction, by curvature where there is a history, is the better judge.
            let stalled = *within_rounding.get_or_insert_with(|| self.within_rounding(value, slope, x));
            if slope < T::zero() && slope.is_finite() {
                let start = Trial { alpha: T::zero(), value, slope };
                let accepted = self.wolfe.search(start, |alpha| {
                    self.trial.copy_from_slice(x);
                    linalg::add_scaled(&mut self.trial, alpha, &self.direction);
                    let value = objective.value_and_gradient(&self.trial, &mut self.trial_gradient);
                    Trial { alpha, value, slope: linalg::dot(&self.trial_gradient, &self.direction) }
                });
                if let Some(accepted) = accepted {
                    self.remember(x);
                    x.copy_from_slice(&self.trial);
                    std::mem::swap(&mut self.gradient, &mut self.trial_gradient);
                    self.value = Some(accepted.value);
                    return step;
                }
            }
            if self.held == 0 {
                return step.ending(if stalled { StopReason::Stalled } else { StopReason::NoProgress });
            }
            self.held = 0;
        }
    }

    /// Adds the step from `x` to the accepted trial to the history.
    fn remember(&mut self, x: &[T]) {
        if self.held == self.history {
            self.pairs.rotate_left(1);
            self.held -= 1;
        }
        self.reserve_pair();
        let Pair { step, change, curvature } = &mut self.pairs[self.held];
        step.copy_from_slice(&self.trial);
        linalg::add_scaled(step, -T::one(), x);
        change.copy_from_slice(&self.trial_gradient);
        linalg::add_scaled(change, -T::one(), &self.gradient);
        *curvature = linalg::dot(step, change);
        // The Wolfe conditions make it positive; not so rounding, or a search that settled for a lower point.
        let squared = linalg::dot(change, change);
        let least = T::epsilon() * linalg::norm(step) * linalg::norm(change);
        if *curvature > least && curvature.is_finite() && squared.is_finite() && squared > T::zero() {
            self.held += 1;
        }
    }

    /// Whether the step promises no more than rounding: of the value, or of the point.
    fn within_rounding(&self, value: T, slope: T, x: &[T]) -> bool {
        // ε to the power ¾: what a function of many terms makes of the rounding ε of each.
        let rounding = (T::epsilon() * T::epsilon() * T::epsilon()).sqrt().sqrt();
        slope.abs() <= rounding * value.abs() || linalg::norm(&self.direction) <= rounding * linalg::norm(x)
    }
}

impl<T: Real> Default for Lbfgs<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> Optimizer<T> for Lbfgs<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.value = None;
        self.go_on(objective, x)
    }

    fn reset(&mut self) {
        self.held = 0;
        self.value = None;
    }

    fn state(&self) -> OptimizerState<T> {
        let named = |name: &str, index: usize, vector: &Vec<T>| (format!("{name} {index}"), vector.clone());
        let pairs = self.pairs[..self.held].iter().enumerate();
        OptimizerState {
            vectors: pairs.flat_map(|(i, pair)| [named(STEP, i, &pair.step), named(CHANGE, i, &pair.change)]).collect(),
            counters: vec![(HELD.to_owned(), self.held as u64)],
        }
    }

    fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        let OptimizerState { vectors, counters } = state;
        let held = vectors.len() / 2;
        let size = vectors.first().map_or(self.trial.len(), |(_, vector)| vector.len());
        let fits = |(i, (name, vector)): (usize, &(String, Vec<T>))| {
            vector.len() == size && *name == format!("{} {}", [STEP, CHANGE][i % 2], i / 2)
        };
        let counted = matches!(&counters[..], [(name, count)] if name == HELD && *count == held as u64);
        if !(counted && vectors.len() % 2 == 0 && held <= self.history && vectors.iter().enumerate().all(fits)) {
            return Err(Error::StateMismatch { expected: self.state().to_string(), found: state.to_string() });
        }
        state.check_finite()?;
        self.resize(size);
        self.reset();
        for saved in vectors.chunks_exact(2) {
            self.reserve_pair();
            let pair = &mut self.pairs[self.held];
            pair.step.copy_from_slice(&saved[0].1);
            pair.change.copy_from_slice(&saved[1].1);
            pair.curvature = linalg::dot(&pair.step, &pair.change);
            self.held += 1;
        }
        Ok(())
    }

    fn minimize_with(
        &mut self,
        objective: &mut dyn Objective<T>,
        x: &mut [T],
        stop: &Stop<T>,
        observe: &mut dyn FnMut(&Iteration<'_, T>) -> ControlFlow<()>,
    ) -> Report<T> {
        // The objective may be another than that of the last step.
        self.value = None;
        minimize_by_steps(&mut OneMinimization(self), objective, x, stop, observe)
    }

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        Some(OptimizerConfiguration::Lbfgs {
            history: self.history,
            c1: self.wolfe.decrease.to_f64(),
            c2: self.wolfe.curvature.to_f64(),
        })
    }
}

/// L-BFGS while the objective stays the same.
struct OneMinimization<'a, T>(&'a mut Lbfgs<T>);

impl<T: Real> Optimizer<T> for OneMinimization<'_, T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.0.go_on(objective, x)
    }
}

const STEP: &str = "step";
const CHANGE: &str = "gradient change";
const HELD: &str = "pairs";
