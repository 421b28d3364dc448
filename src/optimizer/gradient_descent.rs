use super::first_order::{FirstOrder, Update, normal, switch};
use super::{Optimizer, OptimizerConfiguration, OptimizerState, Step};
use crate::checks;
use crate::error::Result;
use crate::linalg;
use crate::objective::Objective;
use crate::real::Real;

/// Gradient descent, `x ← x − η v` with `v ← μ v + g` and `g = ∇f(x) + λ x`.
///
/// η is the learning rate; momentum μ and weight decay λ are 0 unless they are set. Nesterov's momentum takes the step
/// `x ← x − η (g + μ v)`.
///
/// On mini-batches drawn at random, one [`step`](Optimizer::step) each, this is stochastic gradient descent.
///
/// # Numerics
/// On a quadratic function the iteration without momentum converges if and only if η < 2/L, where L is the largest
/// eigenvalue of its Hessian; the number of steps grows with the Hessian's condition number, with the best momentum
/// only with its square root. With momentum a constant slope is followed at the rate η/(1 − μ). Value and gradient
/// norm that are reported are those of f, without weight decay. A step costs one evaluation and allocates nothing after
/// the first of a size; on another number of parameters the velocity starts at zero.
///
/// # Examples
/// f(x) = x₀² + x₁², so a step of learning rate 0.1 shrinks `x` by 1 − 2·0.1:
/// ```
/// use gradus::{GradientDescent, Optimizer, Stop, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut x = [-3.0, 4.0];
/// let report = GradientDescent::new(0.1)?.minimize(&mut sphere, &mut x, &Stop::after(20));
/// assert!((x[0] + 3.0 * 0.8_f64.powi(20)).abs() < 1e-15);
/// assert_eq!(report.iterations, 20);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// - A. Cauchy (1847): Méthode générale pour la résolution des systèmes d'équations simultanées.
/// - B. T. Polyak (1964): Some methods of speeding up the convergence of iteration methods.
/// - I. Sutskever, J. Martens, G. Dahl, G. Hinton (2013): On the importance of initialization and momentum in deep
///   learning. Momentum here multiplies the velocity before η does, as in PyTorch's `SGD`.
#[doc(alias("SGD", "steepest descent"))]
#[derive(Clone, Debug)]
pub struct GradientDescent<T> {
    base: FirstOrder<T, 1>,
    momentum: T,
    nesterov: bool,
}

impl<T: Real> GradientDescent<T> {
    /// Gradient descent with the learning rate η.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the learning rate is positive and finite.
    pub fn new(learning_rate: T) -> Result<Self> {
        let mut base = FirstOrder::new(learning_rate, ["velocity"])?;
        base.use_memory(0, false);
        Ok(Self { base, momentum: T::zero(), nesterov: false })
    }

    /// Sets the momentum μ; the velocity starts anew.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ μ < 1.
    pub fn momentum(self, momentum: T) -> Result<Self> {
        self.with_momentum(momentum, false)
    }

    /// Sets a momentum μ of Nesterov's kind; the velocity starts anew.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ μ < 1.
    ///
    /// # Examples
    /// On x², with η = 0.1 and μ = 0.5: the slope 2x = 2 is the first v, and the step η (2 + ½·2).
    /// ```
    /// use gradus::{GradientDescent, Optimizer, from_fn};
    ///
    /// let mut square = from_fn(|x: &[f64], gradient: &mut [f64]| {
    ///     gradient[0] = 2.0 * x[0];
    ///     x[0] * x[0]
    /// });
    /// let mut x = [1.0];
    /// let step = GradientDescent::new(0.1)?.nesterov_momentum(0.5)?.step(&mut square, &mut x);
    /// assert!(step.is_finite() && (x[0] - 0.7).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn nesterov_momentum(self, momentum: T) -> Result<Self> {
        self.with_momentum(momentum, true)
    }

    fn with_momentum(mut self, momentum: T, nesterov: bool) -> Result<Self> {
        let momentum = checks::fraction("momentum", momentum)?;
        self.base.use_memory(0, momentum != T::zero());
        Ok(Self { momentum, nesterov, ..self })
    }

    /// Sets the weight decay λ.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if λ is negative or not finite.
    pub fn weight_decay(mut self, weight_decay: T) -> Result<Self> {
        self.base.set_weight_decay(weight_decay)?;
        Ok(self)
    }

    /// Every hyper-parameter by its name; a switch is 0 or 1.
    #[must_use]
    pub fn hyper_parameters(&self) -> Vec<(&'static str, T)> {
        vec![
            ("learning rate", self.base.learning_rate),
            ("momentum", self.momentum),
            ("nesterov", switch(self.nesterov)),
            ("weight decay", self.base.weight_decay),
        ]
    }
}

impl<T: Real> Optimizer<T> for GradientDescent<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.base.step(objective, x, |Update { x, gradient, memory: [velocity], learning_rate, .. }| {
            if velocity.is_empty() {
                return linalg::add_scaled(x, -learning_rate, gradient);
            }
            for ((x, velocity), &slope) in x.iter_mut().zip(velocity).zip(gradient.iter()) {
                *velocity = normal(self.momentum * *velocity + slope);
                let direction = if self.nesterov { slope + self.momentum * *velocity } else { *velocity };
                *x -= learning_rate * direction;
            }
        })
    }

    forward_to!(base);

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        Some(OptimizerConfiguration::GradientDescent {
            learning_rate: self.base.learning_rate.to_f64(),
            momentum: self.momentum.to_f64(),
            nesterov: self.nesterov,
            weight_decay: self.base.weight_decay.to_f64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn the_learning_rate_must_be_positive_and_finite() {
        for learning_rate in [0.0, -0.1, f64::NAN, f64::INFINITY] {
            let error = GradientDescent::new(learning_rate).unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { name: "learning rate", .. }), "{learning_rate}");
        }
        let mut descent = GradientDescent::new(0.1_f32).unwrap();
        assert!(descent.set_learning_rate(f32::NAN).is_err());
        assert_eq!(descent.learning_rate(), Some(0.1));
        descent.set_learning_rate(0.2).unwrap();
        assert_eq!(descent.learning_rate(), Some(0.2));
    }
}
