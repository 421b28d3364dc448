use super::checked_fraction;
use crate::checks;
use crate::error::{Error, Result};
use crate::optimizer::OptimizerState;
use crate::real::Real;

/// Multiplies the learning rate by γ where a watched value, as the validation loss, has stopped falling.
///
/// No [`Schedule`](crate::schedule::Schedule), since it depends on what was seen: a training loop shows it the value
/// after each epoch and multiplies its base learning rate by the factor that [`observe`](Self::observe) returns.
///
/// An observation is better than the best one so far, b, if it is below `b − τ |b|`, or with [an absolute
/// threshold](Self::with_absolute_threshold) below `b − τ`. After more than `patience` observations in a row that are
/// not, the factor becomes `max(γ · factor, minimum)`; the `cooldown` observations after that are not counted. By
/// default patience is 10, τ = 10⁻⁴, and cooldown and minimum are 0. An observation that is not finite is never better.
/// (So it is with `ReduceLROnPlateau` of PyTorch for values that are not negative.)
///
/// With the feature `serde` the hyper-parameters are stored; what was observed is in the [`state`](Self::state).
///
/// # Examples
/// ```
/// use gradus::schedule::ReduceOnPlateau;
/// use gradus::{GradientDescent, Optimizer};
///
/// let mut descent = GradientDescent::new(0.1)?;
/// let mut plateau = ReduceOnPlateau::new(0.5)?.with_patience(1);
/// for (loss, factor) in [(3.0, 1.0), (2.0, 1.0), (2.0, 1.0), (2.5, 0.5), (1.0, 0.5)] {
///     assert_eq!(plateau.observe(loss), factor);
///     descent.set_learning_rate(0.1 * plateau.factor())?;
/// }
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "ReduceLROnPlateau")]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "Unchecked<T>",
        bound(serialize = "T: serde::Serialize", deserialize = "T: Real + serde::Deserialize<'de>")
    )
)]
pub struct ReduceOnPlateau<T> {
    reduction: T,
    patience: u64,
    threshold: T,
    /// Whether the threshold is τ itself, not τ |b|.
    absolute: bool,
    cooldown: u64,
    minimum: T,
    #[cfg_attr(feature = "serde", serde(skip_serializing))]
    factor: T,
    #[cfg_attr(feature = "serde", serde(skip_serializing))]
    best: Option<T>,
    #[cfg_attr(feature = "serde", serde(skip_serializing))]
    bad: u64,
    #[cfg_attr(feature = "serde", serde(skip_serializing))]
    cooling: u64,
}

/// As it is read.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(rename = "ReduceOnPlateau", deny_unknown_fields)]
struct Unchecked<T> {
    reduction: T,
    patience: u64,
    threshold: T,
    absolute: bool,
    cooldown: u64,
    minimum: T,
}

#[cfg(feature = "serde")]
impl<T: Real> TryFrom<Unchecked<T>> for ReduceOnPlateau<T> {
    type Error = Error;

    fn try_from(read: Unchecked<T>) -> Result<Self> {
        let Unchecked { reduction, patience, threshold, absolute, cooldown, minimum } = read;
        let plateau = Self::new(reduction)?.with_patience(patience).with_cooldown(cooldown).down_to(minimum)?;
        if absolute { plateau.with_absolute_threshold(threshold) } else { plateau.with_threshold(threshold) }
    }
}

impl<T: Real> ReduceOnPlateau<T> {
    /// Reduces by γ = `reduction`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless the reduction is between 0 and 1.
    pub fn new(reduction: T) -> Result<Self> {
        let between = reduction > T::zero() && reduction < T::one();
        checks::check(between, "reduction of the learning rate", reduction, "a number between 0 and 1")?;
        Ok(Self {
            reduction,
            patience: 10,
            threshold: T::nearest(1e-4),
            absolute: false,
            cooldown: 0,
            minimum: T::zero(),
            factor: T::one(),
            best: None,
            bad: 0,
            cooling: 0,
        })
    }

    /// The same with another number of observations in a row that may bring nothing. With 0 the first one reduces.
    #[must_use]
    pub fn with_patience(self, observations: u64) -> Self {
        Self { patience: observations, ..self }
    }

    /// The same with another τ, the part by which an observation must be better.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless the threshold is at least 0 and below 1.
    pub fn with_threshold(self, threshold: T) -> Result<Self> {
        let allowed = threshold >= T::zero() && threshold < T::one();
        checks::check(allowed, "threshold", threshold, "a number of at least 0, below 1")?;
        Ok(Self { threshold, absolute: false, ..self })
    }

    /// The same with a τ by which an observation must be better, whatever the best one is.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if the threshold is negative or not finite.
    ///
    /// # Examples
    /// ```
    /// use gradus::schedule::ReduceOnPlateau;
    ///
    /// // Better is what is lower by 0.1; the observation after a reduction does not count.
    /// let mut plateau = ReduceOnPlateau::new(0.5)?.with_patience(0).with_absolute_threshold(0.1)?.with_cooldown(1);
    /// let factors = [1.0, 0.95, 0.95, 0.8].map(|loss| plateau.observe(loss));
    /// assert_eq!(factors, [1.0, 0.5, 0.5, 0.5]);
    ///
    /// // Better is what is lower by a tenth.
    /// let mut plateau = ReduceOnPlateau::new(0.5)?.with_patience(0).with_threshold(0.1)?;
    /// assert_eq!([20.0, 19.0].map(|loss| plateau.observe(loss)), [1.0, 0.5]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn with_absolute_threshold(self, threshold: T) -> Result<Self> {
        Ok(Self { threshold: checks::not_negative("threshold", threshold)?, absolute: true, ..self })
    }

    /// The same with another number of observations that are not counted after a reduction.
    #[must_use]
    pub fn with_cooldown(self, observations: u64) -> Self {
        Self { cooldown: observations, ..self }
    }

    /// The same with a factor below which it does not go.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless the minimum is from 0 to 1.
    pub fn down_to(self, minimum: T) -> Result<Self> {
        checked_fraction("minimal factor", minimum.to_f64())?;
        Ok(Self { minimum, ..self })
    }

    /// Takes the next value into account, and returns what the base learning rate is to be multiplied by from now on.
    pub fn observe(&mut self, value: T) -> T {
        let better = match self.best {
            _ if !value.is_finite() => false,
            None => true,
            Some(best) if self.absolute => value < best - self.threshold,
            Some(best) => value < best - self.threshold * best.abs(),
        };
        if better {
            self.best = Some(value);
            self.bad = 0;
        } else {
            self.bad = self.bad.saturating_add(1);
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.bad = 0;
        }
        if self.bad > self.patience {
            let reduced = self.reduction * self.factor;
            self.factor = if reduced < self.minimum { self.minimum } else { reduced };
            (self.bad, self.cooling) = (0, self.cooldown);
        }
        self.factor
    }

    /// What the base learning rate is to be multiplied by.
    #[must_use]
    pub fn factor(&self) -> T {
        self.factor
    }

    /// What it remembers, to be saved beside the state of the optimizer.
    #[must_use]
    pub fn state(&self) -> OptimizerState<T> {
        OptimizerState {
            vectors: vec![
                ("plateau factor".to_owned(), vec![self.factor]),
                ("plateau best".to_owned(), self.best.into_iter().collect()),
            ],
            counters: vec![("plateau bad".to_owned(), self.bad), ("plateau cooling".to_owned(), self.cooling)],
        }
    }

    /// Takes up a saved state.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] if the state is not one of this type; nothing is changed then.
    pub fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        if let [(factor_name, factor), (best_name, best)] = &state.vectors[..]
            && let [(bad_name, bad), (cooling_name, cooling)] = &state.counters[..]
            && [factor_name, best_name, bad_name, cooling_name]
                == ["plateau factor", "plateau best", "plateau bad", "plateau cooling"]
            && let &[factor] = &factor[..]
            && factor >= T::zero()
            && factor <= T::one()
            && best.len() <= 1
            && best.iter().all(|best| best.is_finite())
        {
            (self.factor, self.best, self.bad, self.cooling) = (factor, best.first().copied(), *bad, *cooling);
            return Ok(());
        }
        Err(Error::StateMismatch { expected: self.state().to_string(), found: state.to_string() })
    }
}
