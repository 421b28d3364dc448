use super::first_order::{FirstOrder, Update, normal, switch};
use super::{Optimizer, OptimizerConfiguration, OptimizerState, Step};
use crate::checks;
use crate::error::Result;
use crate::linalg;
use crate::objective::Objective;
use crate::real::Real;

/// RMSProp, `x ← x − η g / (√s + ε)` with `s ← α s + (1 − α) g²` and `g = ∇f(x) + λ x`, entry by entry.
///
/// AdaGrad that forgets: slopes are divided by the root of their mean square over about 1/(1 − α) steps. With
/// momentum μ, `v ← μ v + g / (√s + ε)` and `x ← x − η v`. [`centered`](Self::centered), s is the variance of the
/// slopes instead of their mean square. Defaults: α = 0.99, ε = 10⁻⁸, μ = 0, not centered, λ = 0.
///
/// # Numerics
/// The means start at zero and are not corrected for it, so that the first step is η/√(1 − α). The variance is carried
/// on as `s ← α (s + (1 − α) (g − m)²)`, `m ← α m + (1 − α) g`: in exact arithmetic mean square less squared mean, but
/// never negative by rounding. ε stands outside the root. At a fixed η that is large beside ε the steps keep their
/// length near a minimum, and circle about it. A step allocates nothing after the first of a size; on another number of
/// parameters the means start at zero.
///
/// # Examples
/// The first step is η/√(1 − 0.99) = 10 η:
/// ```
/// use gradus::optimizer::RmsProp;
/// use gradus::{Optimizer, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut x = [-3.0, 4.0];
/// let step = RmsProp::new(0.01)?.step(&mut sphere, &mut x);
/// assert!(step.is_finite() && (x[0] + 2.9).abs() < 1e-8 && (x[1] - 3.9).abs() < 1e-8);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// - T. Tieleman, G. Hinton (2012): Lecture 6.5, RMSProp: divide the gradient by a running average of its recent
///   magnitude.
/// - A. Graves (2013): Generating sequences with recurrent neural networks, section 4.2: the centered variant.
///
/// Defaults and the place of ε are those of PyTorch's `RMSprop`.
#[derive(Clone, Debug)]
pub struct RmsProp<T> {
    base: FirstOrder<T, 3>,
    alpha: T,
    epsilon: T,
    momentum: T,
    centered: bool,
}

const MEAN: usize = 1;
const VELOCITY: usize = 2;

impl<T: Real> RmsProp<T> {
    /// RMSProp with the learning rate η; 0.01 is usual.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the learning rate is positive and finite.
    pub fn new(learning_rate: T) -> Result<Self> {
        let mut base = FirstOrder::new(learning_rate, ["second moment", "mean", "velocity"])?;
        base.use_memory(MEAN, false);
        base.use_memory(VELOCITY, false);
        Ok(Self { base, alpha: T::nearest(0.99), epsilon: T::nearest(1e-8), momentum: T::zero(), centered: false })
    }

    /// Sets α, the decay of the means; 0.99 at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ α < 1.
    pub fn alpha(self, alpha: T) -> Result<Self> {
        Ok(Self { alpha: checks::fraction("alpha", alpha)?, ..self })
    }

    /// Sets ε, which keeps the divisor from 0; 10⁻⁸ at first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless ε is positive and finite.
    pub fn epsilon(self, epsilon: T) -> Result<Self> {
        Ok(Self { epsilon: checks::positive("epsilon", epsilon)?, ..self })
    }

    /// Sets the momentum μ, 0 at first; everything remembered starts anew.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ μ < 1.
    pub fn momentum(mut self, momentum: T) -> Result<Self> {
        let momentum = checks::fraction("momentum", momentum)?;
        self.base.use_memory(VELOCITY, momentum != T::zero());
        self.base.reset();
        Ok(Self { momentum, ..self })
    }

    /// Divides by the standard deviation of the slopes instead of their root mean square; everything remembered starts
    /// anew.
    ///
    /// # Examples
    /// ```
    /// use gradus::optimizer::RmsProp;
    ///
    /// let optimizer = RmsProp::new(0.01)?.alpha(0.9)?.epsilon(1e-6)?.momentum(0.5)?.centered();
    /// for expected in [("alpha", 0.9), ("epsilon", 1e-6), ("momentum", 0.5), ("centered", 1.0)] {
    ///     assert!(optimizer.hyper_parameters().contains(&expected));
    /// }
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn centered(mut self) -> Self {
        self.base.use_memory(MEAN, true);
        self.base.reset();
        Self { centered: true, ..self }
    }

    /// Sets the weight decay λ, 0 at first.
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
            ("alpha", self.alpha),
            ("epsilon", self.epsilon),
            ("momentum", self.momentum),
            ("centered", switch(self.centered)),
            ("weight decay", self.base.weight_decay),
        ]
    }
}

impl<T: Real> Optimizer<T> for RmsProp<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        let (alpha, rest) = (self.alpha, T::one() - self.alpha);
        self.base.step(
            objective,
            x,
            |Update { x, gradient, memory: [second, mean, velocity], learning_rate, .. }| {
                // What is divided is written over the slopes: simple passes, which vectorize.
                if self.centered {
                    for ((second, mean), slope) in second.iter_mut().zip(mean).zip(gradient.iter_mut()) {
                        let deviation = *slope - *mean;
                        *second = normal(alpha * (*second + rest * (deviation * deviation)));
                        *mean = normal(*mean + rest * deviation);
                        *slope /= second.sqrt() + self.epsilon;
                    }
                } else {
                    for (second, slope) in second.iter_mut().zip(gradient.iter_mut()) {
                        *second = normal(alpha * *second + rest * (*slope * *slope));
                        *slope /= second.sqrt() + self.epsilon;
                    }
                }
                if velocity.is_empty() {
                    return linalg::add_scaled(x, -learning_rate, gradient);
                }
                for (velocity, direction) in velocity.iter_mut().zip(gradient) {
                    *velocity = normal(self.momentum * *velocity + *direction);
                }
                linalg::add_scaled(x, -learning_rate, velocity);
            },
        )
    }

    forward_to!(base);

    fn configuration(&self) -> Option<OptimizerConfiguration> {
        Some(OptimizerConfiguration::RmsProp {
            learning_rate: self.base.learning_rate.to_f64(),
            alpha: self.alpha.to_f64(),
            epsilon: self.epsilon.to_f64(),
            momentum: self.momentum.to_f64(),
            centered: self.centered,
            weight_decay: self.base.weight_decay.to_f64(),
        })
    }
}
