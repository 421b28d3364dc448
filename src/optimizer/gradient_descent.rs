use super::{Optimizer, Step, checked_learning_rate};
use crate::error::Result;
use crate::linalg;
use crate::objective::Objective;
use crate::real::Real;

/// Gradient descent, `x ← x − η ∇f(x)`, with a fixed learning rate η.
///
/// On mini-batches drawn at random, one [`step`](Optimizer::step) each, this is stochastic gradient descent.
///
/// # Numerics
/// On a quadratic function the iteration converges if and only if η < 2/λ, where λ is the largest eigenvalue of
/// its Hessian; the number of steps grows with the Hessian's condition number. A step costs one evaluation and
/// allocates nothing after the first.
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
/// A. Cauchy (1847): Méthode générale pour la résolution des systèmes d'équations simultanées.
#[derive(Clone, Debug)]
pub struct GradientDescent<T> {
    learning_rate: T,
    gradient: Vec<T>,
}

impl<T: Real> GradientDescent<T> {
    /// Gradient descent with the learning rate η.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the learning rate is positive and finite.
    pub fn new(learning_rate: T) -> Result<Self> {
        Ok(Self { learning_rate: checked_learning_rate(learning_rate)?, gradient: Vec::new() })
    }
}

impl<T: Real> Optimizer<T> for GradientDescent<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.gradient.resize(x.len(), T::zero());
        let value = objective.value_and_gradient(x, &mut self.gradient);
        let step = Step::new(value, &self.gradient);
        if step.is_finite() {
            linalg::add_scaled(x, -self.learning_rate, &self.gradient);
        }
        step
    }

    fn learning_rate(&self) -> Option<T> {
        Some(self.learning_rate)
    }

    fn set_learning_rate(&mut self, learning_rate: T) -> Result<()> {
        self.learning_rate = checked_learning_rate(learning_rate)?;
        Ok(())
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
