use super::first_order::{FirstOrder, Update};
use super::{Optimizer, OptimizerConfiguration, OptimizerState, Step};
use crate::checks;
use crate::error::Result;
use crate::objective::Objective;
use crate::real::Real;

/// AdaGrad, `x ← x − η g / (√s + ε)` with `s ← s + g²` and `g = ∇f(x) + λ x`, entry by entry.
///
/// Every parameter has a learning rate of its own, which falls with the squares of its slopes: what is seldom active
/// still learns when it is. Defaults: ε = 10⁻¹⁰, weight decay λ = 0.
///
/// # Numerics
/// The first step changes every parameter by η, whatever its slope. The rates only fall; on a long run that leads
/// through steep regions they may fall too far, which [`RmsProp`](crate::optimizer::RmsProp) avoids. ε stands outside
/// the root. A step allocates nothing after the first of a size; on another number of parameters the sums start at
/// zero.
///
/// # Examples
/// ```
/// use gradus::optimizer::AdaGrad;
/// use gradus::{Optimizer, Stop, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut x = [-3.0, 4.0];
/// let step = AdaGrad::new(0.5)?.step(&mut sphere, &mut x);
/// assert!(step.is_finite() && (x[0] + 2.5).abs() < 1e-9 && (x[1] - 3.5).abs() < 1e-9);
///
/// let report = AdaGrad::new(0.5)?.minimize(&mut sphere, &mut x, &Stop::after(2_000).gradient_norm(1e-9)?);
/// assert_eq!(report.reason, gradus::optimizer::StopReason::Converged);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// J. Duchi, E. Hazan, Y. Singer (2011): Adaptive subgradient methods for online learning and stochastic optimization.
/// Defaults and the place of ε are those of PyTorch's `Adagrad`.
#[derive(Clone, Debug)]
pub struct AdaGrad<T> {
    base: FirstOrder<T, 1>,
    epsilon: T,
}

impl<T: Real> AdaGrad<T> {
    /// AdaGrad with the learning rate η; 0.01 is usual.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the learning rate is positive and finite.
    pub fn new(learning_rate: T) -> Result<Self> {
        Ok(Self { base: FirstOrder::new(learning_rate, ["sum of squares"])?, epsilon: T::nearest(1e-10) })
    }

    /// Sets ε, which keeps the divisor from 0; 10⁻¹⁰ at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless ε is positive and finite.
    ///
    /// # Examples
    /// ```
    /// use gradus::optimizer::AdaGrad;
    ///
    /// let optimizer = AdaGrad::new(0.01)?.epsilon(1e-6)?;
    /// assert!(optimizer.hyper_parameters().contains(&("epsilon", 1e-6)));
    /// assert!(AdaGrad::new(0.01)?.epsilon(0.0).is_err());
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
            ("epsilon", self.epsilon),
            ("weight decay", self.base.weight_decay),
        ]
    }
}

impl<T: Real> Optimizer<T> for AdaGrad<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.base.step(objective, x, |Update { x, gradient, memory: [sum], learning_rate, .. }| {
            for ((x, sum), &slope) in x.iter_mut().zip(sum).zip(gradient.iter()) {
                let next = *sum + slope * slope;
                // At the end of the range it stays.
                *sum = if next.is_finite() { next } else { *sum };
                *x -= learning_rate * (slope / (sum.sqrt() + self.epsilon));
            }
        })
    }

    forward_to!(base);

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        Some(OptimizerConfiguration::AdaGrad {
            learning_rate: self.base.learning_rate.to_f64(),
            epsilon: self.epsilon.to_f64(),
            weight_decay: self.base.weight_decay.to_f64(),
        })
    }
}
