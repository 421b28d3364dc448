use super::{Adam, Optimizer, OptimizerConfiguration, OptimizerState, Step};
use crate::checks;
use crate::error::Result;
use crate::objective::Objective;
use crate::real::Real;

/// AdamW, Adam with decoupled weight decay: `x ← (1 − η λ) x`, then the step of [`Adam`] by ∇f alone.
///
/// In Adam a weight decay that is added to the gradient is divided by the root of the second moment with it, so that
/// parameters of steep slopes hardly decay; here all decay alike. Defaults: λ = 0.01, β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸.
///
/// # Numerics
/// As Adam. λ is not divided by anything: where a schedule lowers η, it lowers the decay too.
///
/// # Examples
/// The first step shrinks by 1 − 0.1·0.5, then subtracts η against the sign of the slope:
/// ```
/// use gradus::optimizer::AdamW;
/// use gradus::{Optimizer, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut x = [-3.0, 4.0];
/// let step = AdamW::new(0.1)?.weight_decay(0.5)?.step(&mut sphere, &mut x);
/// assert!(step.is_finite() && (x[0] - (-3.0 * 0.95 + 0.1)).abs() < 1e-9 && (x[1] - (4.0 * 0.95 - 0.1)).abs() < 1e-9);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// I. Loshchilov, F. Hutter (2019): Decoupled weight decay regularization. Defaults are those of PyTorch's `AdamW`.
#[derive(Clone, Debug)]
pub struct AdamW<T> {
    adam: Adam<T>,
    weight_decay: T,
}

impl<T: Real> AdamW<T> {
    /// AdamW with the learning rate η; 0.001 is usual.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the learning rate is positive and finite.
    pub fn new(learning_rate: T) -> Result<Self> {
        Ok(Self { adam: Adam::new(learning_rate)?, weight_decay: T::nearest(0.01) })
    }

    /// Sets β₁ and β₂, the decay of the means; 0.9 and 0.999 at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ β < 1 for both.
    pub fn betas(self, beta1: T, beta2: T) -> Result<Self> {
        Ok(Self { adam: self.adam.betas(beta1, beta2)?, ..self })
    }

    /// Sets ε, which keeps the divisor from 0; 10⁻⁸ at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless ε is positive and finite.
    ///
    /// # Examples
    /// ```
    /// use gradus::optimizer::AdamW;
    ///
    /// let optimizer = AdamW::new(0.01)?.epsilon(1e-6)?;
    /// assert!(optimizer.hyper_parameters().contains(&("epsilon", 1e-6)));
    /// assert!(AdamW::new(0.01)?.epsilon(0.0).is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn epsilon(self, epsilon: T) -> Result<Self> {
        Ok(Self { adam: self.adam.epsilon(epsilon)?, ..self })
    }

    /// Sets the weight decay λ, 0.01 at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if λ is negative or not finite.
    pub fn weight_decay(self, weight_decay: T) -> Result<Self> {
        Ok(Self { weight_decay: checks::not_negative("weight decay", weight_decay)?, ..self })
    }

    /// Every hyper-parameter by its name.
    #[must_use]
    pub fn hyper_parameters(&self) -> Vec<(&'static str, T)> {
        vec![
            ("learning rate", self.adam.base.learning_rate),
            ("beta1", self.adam.beta1),
            ("beta2", self.adam.beta2),
            ("epsilon", self.adam.epsilon),
            ("weight decay", self.weight_decay),
        ]
    }
}

impl<T: Real> Optimizer<T> for AdamW<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.adam.step_with_decay(objective, x, self.weight_decay)
    }

    forward_to!(adam);

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        Some(OptimizerConfiguration::AdamW {
            learning_rate: self.adam.base.learning_rate.to_f64(),
            beta1: self.adam.beta1.to_f64(),
            beta2: self.adam.beta2.to_f64(),
            epsilon: self.adam.epsilon.to_f64(),
            weight_decay: self.weight_decay.to_f64(),
        })
    }
}
