use super::first_order::{FirstOrder, Update, normal, weight_of_steps};
use super::{Optimizer, OptimizerConfiguration, OptimizerState, Step};
use crate::checks;
use crate::error::Result;
use crate::objective::Objective;
use crate::real::Real;

/// Adam, `x ← x − η m̂ / (√v̂ + ε)` with the means `m ← β₁ m + (1 − β₁) g` and `v ← β₂ v + (1 − β₂) g²`.
///
/// All of it entry by entry, with `m̂ = m/(1 − β₁ᵗ)` and `v̂ = v/(1 − β₂ᵗ)` in the step of number t, which makes up for
/// means that start at zero, and `g = ∇f(x) + λ x`. Defaults: β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸, weight decay λ = 0.
/// For a weight decay that η scales and the slopes do not, see [`AdamW`](crate::optimizer::AdamW).
///
/// # Numerics
/// A step changes no parameter by much more than η, and does not depend on the scale of f as long as slopes are large
/// beside ε; so near a minimum a fixed η goes on stepping about it. `1 − βᵗ` is computed without cancellation, ε
/// stands outside the root. Slopes beyond the root of the largest number overflow v and are no longer followed. A step
/// allocates nothing after the first of a size; on another number of parameters everything remembered starts anew.
///
/// # Examples
/// The first step is η in every parameter, against the sign of its slope:
/// ```
/// use gradus::{Adam, Optimizer, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut x = [-3.0, 4.0];
/// let mut adam = Adam::new(0.1)?.betas(0.9, 0.99)?;
/// let step = adam.step(&mut sphere, &mut x);
/// assert!(step.is_finite() && (x[0] + 2.9).abs() < 1e-9 && (x[1] - 3.9).abs() < 1e-9);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// D. P. Kingma, J. Ba (2015): Adam: a method for stochastic optimization. Weight decay is that of PyTorch's `Adam`.
#[derive(Clone, Debug)]
pub struct Adam<T> {
    pub(super) base: FirstOrder<T, 2>,
    pub(super) beta1: T,
    pub(super) beta2: T,
    pub(super) epsilon: T,
}

impl<T: Real> Adam<T> {
    /// Adam with the learning rate η; 0.001 is usual.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the learning rate is positive and finite.
    pub fn new(learning_rate: T) -> Result<Self> {
        Ok(Self {
            base: FirstOrder::new(learning_rate, ["first moment", "second moment"])?.counting_steps(),
            beta1: T::nearest(0.9),
            beta2: T::nearest(0.999),
            epsilon: T::nearest(1e-8),
        })
    }

    /// Sets β₁ and β₂, the decay of the means; 0.9 and 0.999 at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ β < 1 for both.
    pub fn betas(self, beta1: T, beta2: T) -> Result<Self> {
        Ok(Self { beta1: checks::fraction("beta1", beta1)?, beta2: checks::fraction("beta2", beta2)?, ..self })
    }

    /// Sets ε, which keeps the divisor from 0; 10⁻⁸ at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless ε is positive and finite.
    ///
    /// # Examples
    /// ```
    /// use gradus::Adam;
    ///
    /// let optimizer = Adam::new(0.01)?.epsilon(1e-6)?;
    /// assert!(optimizer.hyper_parameters().contains(&("epsilon", 1e-6)));
    /// assert!(Adam::new(0.01)?.epsilon(0.0).is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn epsilon(self, epsilon: T) -> Result<Self> {
        Ok(Self { epsilon: checks::positive("epsilon", epsilon)?, ..self })
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
            ("weight decay", self.base.weight_decay),
        ]
    }

    /// A step before which `x` shrinks by the factor 1 − η·`decay`: Adam's with 0, else AdamW's.
    pub(super) fn step_with_decay(&mut self, objective: &mut dyn Objective<T>, x: &mut [T], decay: T) -> Step<T> {
        let Self { base, beta1, beta2, epsilon } = self;
        let (beta1, beta2, epsilon) = (*beta1, *beta2, *epsilon);
        base.step(objective, x, |Update { x, gradient, memory: [first, second], learning_rate, steps }| {
            let shrink = T::one() - learning_rate * decay;
            let rate = learning_rate / weight_of_steps(beta1, steps);
            let scale = T::one() / weight_of_steps(beta2, steps).sqrt();
            let moments = first.iter_mut().zip(second);
            for ((x, (first, second)), &slope) in x.iter_mut().zip(moments).zip(gradient.iter()) {
                *first = normal(*first + (T::one() - beta1) * (slope - *first));
                *second = normal(beta2 * *second + (T::one() - beta2) * (slope * slope));
                *x = *x * shrink - rate * (*first / (second.sqrt() * scale + epsilon));
            }
        })
    }
}

impl<T: Real> Optimizer<T> for Adam<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.step_with_decay(objective, x, T::zero())
    }

    forward_to!(base);

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        Some(OptimizerConfiguration::Adam {
            learning_rate: self.base.learning_rate.to_f64(),
            beta1: self.beta1.to_f64(),
            beta2: self.beta2.to_f64(),
            epsilon: self.epsilon.to_f64(),
            weight_decay: self.base.weight_decay.to_f64(),
        })
    }
}
