use super::first_order::{FirstOrder, Update, normal, weight_of_steps};
use super::{Optimizer, OptimizerConfiguration, OptimizerState, Step};
use crate::checks;
use crate::error::Result;
use crate::objective::Objective;
use crate::real::Real;

/// NAdam, Adam with Nesterov's momentum: `x ← x − η ((1 − μₜ) g / (1 − Πₜ) + μₜ₊₁ m / (1 − Πₜ₊₁)) / (√v̂ + ε)`.
///
/// The means m, v and v̂ and `g = ∇f(x) + λ x` are those of [`Adam`](crate::Adam); the momentum rises with the number t
/// of the step, `μₜ = β₁ (1 − ½ · 0.96^(t ψ))`, and `Πₜ = μ₁ … μₜ`. Defaults: β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸, momentum
/// decay ψ = 0.004, weight decay λ = 0.
///
/// # Numerics
/// As Adam, but a first step is longer than η: with the defaults 1.06 η.
///
/// # Examples
/// ```
/// use gradus::optimizer::Nadam;
/// use gradus::{Optimizer, Stop, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut x = [-3.0, 4.0];
/// let report = Nadam::new(0.1)?.minimize(&mut sphere, &mut x, &Stop::after(1_000).gradient_norm(1e-6)?);
/// assert_eq!(report.reason, gradus::optimizer::StopReason::Converged);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// T. Dozat (2016): Incorporating Nesterov momentum into Adam. The schedule of the momentum and the defaults are those
/// of PyTorch's `NAdam`.
#[derive(Clone, Debug)]
pub struct Nadam<T> {
    base: FirstOrder<T, 2>,
    beta1: T,
    beta2: T,
    epsilon: T,
    momentum_decay: T,
    /// Πₜ.
    momentum_product: T,
}

impl<T: Real> Nadam<T> {
    /// NAdam with the learning rate η; 0.002 is usual.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the learning rate is positive and finite.
    pub fn new(learning_rate: T) -> Result<Self> {
        Ok(Self {
            base: FirstOrder::new(learning_rate, ["first moment", "second moment"])?.counting_steps(),
            beta1: T::nearest(0.9),
            beta2: T::nearest(0.999),
            epsilon: T::nearest(1e-8),
            momentum_decay: T::nearest(0.004),
            momentum_product: T::one(),
        })
    }

    /// Sets β₁ and β₂, the decay of the means; 0.9 and 0.999 at first. Everything remembered starts anew.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ β < 1 for both.
    pub fn betas(mut self, beta1: T, beta2: T) -> Result<Self> {
        let (beta1, beta2) = (checks::fraction("beta1", beta1)?, checks::fraction("beta2", beta2)?);
        self.reset();
        Ok(Self { beta1, beta2, ..self })
    }

    /// Sets ε, which keeps the divisor from 0; 10⁻⁸ at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless ε is positive and finite.
    pub fn epsilon(self, epsilon: T) -> Result<Self> {
        Ok(Self { epsilon: checks::positive("epsilon", epsilon)?, ..self })
    }

    /// Sets ψ, how fast the momentum rises from β₁/2 to β₁; 0.004 at first. Everything remembered starts anew.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if ψ is negative or not finite.
    ///
    /// # Examples
    /// ```
    /// use gradus::optimizer::Nadam;
    ///
    /// let optimizer = Nadam::new(0.002)?.epsilon(1e-6)?.momentum_decay(0.0)?;
    /// assert!(optimizer.hyper_parameters().contains(&("momentum decay", 0.0)));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn momentum_decay(mut self, momentum_decay: T) -> Result<Self> {
        let momentum_decay = checks::not_negative("momentum decay", momentum_decay)?;
        self.reset();
        Ok(Self { momentum_decay, ..self })
    }

    /// Sets the weight decay λ, 0 at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if λ is negative or not finite.
    pub fn weight_decay(mut self, weight_decay: T) -> Result<Self> {
        self.base.set_weight_decay(weight_decay)?;
        Ok(self)
    }

    /// Every hyper-parameter by its name.
    #[must_use]
    pub fn hyper_parameters(&self) -> Vec<(&'static str, T)> {
        vec![
            ("learning rate", self.base.learning_rate),
            ("beta1", self.beta1),
            ("beta2", self.beta2),
            ("epsilon", self.epsilon),
            ("momentum decay", self.momentum_decay),
            ("weight decay", self.base.weight_decay),
        ]
    }
}

/// μₜ
fn momentum<T: Real>(beta1: T, momentum_decay: T, steps: u64) -> T {
    let fall = T::nearest(0.96).powf(T::nearest(steps as f64) * momentum_decay);
    beta1 * (T::one() - T::nearest(0.5) * fall)
}

impl<T: Real> Optimizer<T> for Nadam<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        let Self { base, beta1, beta2, epsilon, momentum_decay, momentum_product } = self;
        let (beta1, beta2, epsilon) = (*beta1, *beta2, *epsilon);
        let step = base.evaluate(objective, x);
        if !step.is_finite() || step.end.is_some() {
            return step;
        }
        let (learning_rate, steps) = (base.learning_rate, base.steps());
        if steps == 1 {
            *momentum_product = T::one();
        }
        let now = momentum(beta1, *momentum_decay, steps);
        let next = momentum(beta1, *momentum_decay, steps.saturating_add(1));
        *momentum_product *= now;
        let of_gradient = learning_rate * (T::one() - now) / (T::one() - *momentum_product);
        let of_mean = learning_rate * next / (T::one() - *momentum_product * next);
        let scale = T::one() / weight_of_steps(beta2, steps).sqrt();
        base.update(x, |Update { x, gradient, memory: [first, second], .. }| {
            let moments = first.iter_mut().zip(second);
            for ((x, (first, second)), &slope) in x.iter_mut().zip(moments).zip(gradient.iter()) {
                *first = normal(*first + (T::one() - beta1) * (slope - *first));
                *second = normal(beta2 * *second + (T::one() - beta2) * (slope * slope));
                *x -= (of_gradient * slope + of_mean * *first) / (second.sqrt() * scale + epsilon);
            }
        });
        step
    }

    fn learning_rate(&self) -> Option<T> {
        Some(self.base.learning_rate)
    }

    fn set_learning_rate(&mut self, learning_rate: T) -> Result<()> {
        self.base.set_learning_rate(learning_rate)
    }

    fn reset(&mut self) {
        self.base.reset();
    }

    fn state(&self) -> OptimizerState<T> {
        self.base.state()
    }

    fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        self.base.restore(state)?;
        // Πₜ is no vector and no counter, but follows from the counter. Below ε/4 its value no longer matters, for then
        // 1 − Πₜ is 1.
        self.momentum_product = T::one();
        for steps in 1..=self.base.steps() {
            self.momentum_product *= momentum(self.beta1, self.momentum_decay, steps);
            if self.momentum_product < T::epsilon() * T::nearest(0.25) {
                break;
            }
        }
        Ok(())
    }

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        Some(OptimizerConfiguration::Nadam {
            learning_rate: self.base.learning_rate.to_f64(),
            beta1: self.beta1.to_f64(),
            beta2: self.beta2.to_f64(),
            epsilon: self.epsilon.to_f64(),
            momentum_decay: self.momentum_decay.to_f64(),
            weight_decay: self.base.weight_decay.to_f64(),
        })
    }
}
