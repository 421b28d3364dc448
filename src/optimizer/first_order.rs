use super::{OptimizerState, Step, StopReason};
use crate::checks;
use crate::elementary::Loop;
use crate::error::{Error, Result};
use crate::linalg;
use crate::objective::Objective;
use crate::real::Real;

/// What the first-order methods share: the gradient with its weight decay, and `N` vectors that are remembered.
///
/// A method chooses with its options which of the vectors it needs; the others stay empty.
#[derive(Clone, Debug)]
pub(super) struct FirstOrder<T, const N: usize> {
    pub(super) learning_rate: T,
    pub(super) weight_decay: T,
    gradient: Vec<T>,
    names: [&'static str; N],
    used: [bool; N],
    memory: [Vec<T>; N],
    /// `None` for a method to which the number of its steps means nothing.
    steps: Option<u64>,
    /// Whether the method sums squares of slopes.
    squares: bool,
}

/// What a method makes its update of: some of the parameters, with what belongs to them.
pub(super) struct Update<'a, T, const N: usize> {
    pub(super) x: &'a mut [T],
    /// The gradient, weight decay included; may be overwritten.
    pub(super) gradient: &'a mut [T],
    /// Empty where it is not used.
    pub(super) memory: [&'a mut [T]; N],
    pub(super) learning_rate: T,
    /// The number of this step, counted from 1.
    pub(super) steps: u64,
}

impl<T: Real, const N: usize> FirstOrder<T, N> {
    /// Uses all vectors.
    pub(super) fn new(learning_rate: T, names: [&'static str; N]) -> Result<Self> {
        Ok(Self {
            learning_rate: checks::positive("learning rate", learning_rate)?,
            weight_decay: T::zero(),
            gradient: Vec::new(),
            names,
            used: [true; N],
            memory: std::array::from_fn(|_| Vec::new()),
            steps: None,
            squares: names.iter().any(|name| SQUARES.contains(name)),
        })
    }

    pub(super) fn counting_steps(self) -> Self {
        Self { steps: Some(0), ..self }
    }

    pub(super) fn use_memory(&mut self, index: usize, used: bool) {
        self.used[index] = used;
        self.memory[index].clear();
    }

    /// Evaluates, and updates unless value or gradient is not finite: parameter by parameter, so that parts of them may
    /// be updated apart.
    #[inline(never)]
    pub(super) fn step(
        &mut self,
        objective: &mut dyn Objective<T>,
        x: &mut [T],
        update: impl Fn(Update<'_, T, N>) + Sync,
    ) -> Step<T> {
        let step = self.evaluate(objective, x);
        if step.is_finite() && step.end.is_none() {
            self.update(x, update);
        }
        step
    }

    /// The first part of a step: evaluates, and counts unless value or gradient is not finite.
    #[inline(never)]
    pub(super) fn evaluate(&mut self, objective: &mut dyn Objective<T>, x: &[T]) -> Step<T> {
        self.gradient.resize(x.len(), T::zero());
        let value = objective.value_and_gradient(x, &mut self.gradient);
        let step = Step::new(value, &self.gradient);
        if !step.is_finite() {
            return step;
        }
        // Compared with zero to spare a pass.
        if self.weight_decay != T::zero() {
            linalg::add_scaled(&mut self.gradient, self.weight_decay, x);
        }
        if self.squares {
            let is_decayed = self.weight_decay != T::zero();
            let norm = if is_decayed { linalg::norm(&self.gradient) } else { step.gradient_norm };
            // No deviation from a mean of slopes is longer than twice the longest of them.
            let longest = norm * T::nearest(4.0);
            if !(longest * longest).is_finite() {
                return step.ending(StopReason::Overflow);
            }
        }
        if (0..N).any(|index| self.used[index] && self.memory[index].len() != x.len()) {
            self.reset();
            for index in (0..N).filter(|&index| self.used[index]) {
                self.memory[index].resize(x.len(), T::zero());
            }
        }
        self.steps = self.steps.map(|steps| steps.saturating_add(1));
        step
    }

    /// The second part.
    #[inline(never)]
    pub(super) fn update(&mut self, x: &mut [T], update: impl Fn(Update<'_, T, N>) + Sync) {
        let (learning_rate, steps) = (self.learning_rate, self.steps());
        let parts = linalg::parts_of_vector(x.len());
        let size = x.len().div_ceil(parts).max(1);
        let mut memory = self.memory.each_mut().map(|memory| memory.chunks_mut(size));
        let pieces = x.chunks_mut(size).zip(self.gradient.chunks_mut(size)).map(|(x, gradient)| {
            let memory = memory.each_mut().map(|memory| memory.next().unwrap_or_default());
            Update { x, gradient, memory, learning_rate, steps }
        });
        linalg::share(pieces, |part| linalg::vectorized(Run(|| update(part))));
    }

    pub(super) fn learning_rate(&self) -> Option<T> {
        Some(self.learning_rate)
    }

    pub(super) fn set_learning_rate(&mut self, learning_rate: T) -> Result<()> {
        self.learning_rate = checks::positive("learning rate", learning_rate)?;
        Ok(())
    }

    pub(super) fn set_weight_decay(&mut self, weight_decay: T) -> Result<()> {
        self.weight_decay = checks::not_negative("weight decay", weight_decay)?;
        Ok(())
    }

    pub(super) fn reset(&mut self) {
        self.memory.iter_mut().for_each(Vec::clear);
        self.steps = self.steps.map(|_| 0);
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps.unwrap_or(0)
    }

    pub(super) fn state(&self) -> OptimizerState<T> {
        let used = (0..N).filter(|&index| self.used[index]);
        OptimizerState {
            vectors: used.map(|index| (self.names[index].to_owned(), self.memory[index].clone())).collect(),
            counters: self.steps.map(|steps| (STEPS.to_owned(), steps)).into_iter().collect(),
        }
    }

    pub(super) fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        let used: Vec<usize> = (0..N).filter(|&index| self.used[index]).collect();
        let names = used.iter().map(|&index| self.names[index]);
        let one_length = state.vectors.windows(2).all(|pair| pair[0].1.len() == pair[1].1.len());
        let counters: Vec<&str> = state.counters.iter().map(|(name, _)| name.as_str()).collect();
        let expected = if self.steps.is_some() { &[STEPS][..] } else { &[] };
        if !(names.eq(state.vectors.iter().map(|(name, _)| name.as_str())) && one_length && counters == expected) {
            return Err(Error::StateMismatch { expected: self.state().to_string(), found: state.to_string() });
        }
        state.check_finite()?;
        for (name, vector) in &state.vectors {
            if SQUARES.contains(&name.as_str()) && vector.iter().any(|&value| value < T::zero()) {
                let (expected, found) = (format!("a {name} that is not negative"), "one that is".to_owned());
                return Err(Error::StateMismatch { expected, found });
            }
        }
        for (&index, (_, vector)) in used.iter().zip(&state.vectors) {
            self.memory[index].clone_from(vector);
        }
        self.steps = state.counters.first().map(|&(_, steps)| steps);
        Ok(())
    }
}

/// A call as a loop.
struct Run<F>(F);

impl<F: FnOnce()> Loop for Run<F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        (self.0)();
    }
}

const STEPS: &str = "steps";

/// What vectors that hold sums or means of squares are called.
const SQUARES: [&str; 2] = ["second moment", "sum of squares"];

/// 1 − βᵗ, the sum of the weights (1 − β) βⁱ of a mean over t steps, without cancellation where β is near 1.
pub(super) fn weight_of_steps<T: Real>(beta: T, steps: u64) -> T {
    // Not by `from_count`, for steps need not fit a `usize`.
    -(beta.ln() * T::nearest(steps as f64)).exp_m1()
}

/// `x`, or 0 where that has fewer digits than numbers have: a mean that decays never leaves these, and they take a
/// processor many times as long.
#[inline(always)]
pub(super) fn normal<T: Real>(x: T) -> T {
    if x.abs() < T::min_positive() { T::zero() } else { x }
}

/// A switch among hyper-parameters.
pub(super) fn switch<T: Real>(on: bool) -> T {
    if on { T::one() } else { T::zero() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_without_cancellation() {
        assert_eq!(weight_of_steps(0.0, 1), 1.0);
        assert!((weight_of_steps(0.5_f64, 3) - 0.875).abs() < 1e-15);
        // 1 − (1 − 2⁻⁴⁰)² = 2⁻³⁹ − 2⁻⁸⁰, of which the difference of rounded numbers keeps four digits.
        let tiny = 2.0_f64.powi(-40);
        assert!((weight_of_steps(1.0 - tiny, 2) / (2.0 * tiny - tiny * tiny) - 1.0).abs() < 1e-15);
        assert_eq!(weight_of_steps(0.999_f32, u64::MAX), 1.0);
    }
}
