use std::fmt;
use std::ops::Range;

use super::{Objective, merged};
use crate::checks;
use crate::error::Result;
use crate::linalg::{self, CompensatedSum};
use crate::loss::sign;
use crate::real::Real;

/// A price on large parameters: `λ/2 ‖x‖₂²` ([`l2`](Self::l2)) or `λ ‖x‖₁` ([`l1`](Self::l1)).
///
/// [`on`](Self::on) adds it to an objective; alone it is an objective too. [`restricted_to`](Self::restricted_to) some
/// ranges it leaves the other parameters alone, as the biases of a network. Losses are means over the samples, and the
/// penalty is added once: λ need not change with the size of a batch.
///
/// # Derivatives
/// `λ x`, and `λ sign(x)`, at 0 the subgradient 0.
///
/// # Numerics
/// For gradient descent the L2 penalty is weight decay; for methods that scale the slopes it is not. No method that
/// follows the gradient of the L1 penalty makes a parameter exactly 0: it crosses 0 to and fro.
///
/// # Examples
/// ```
/// use gradus::objective::Penalty;
/// use gradus::{Objective, from_fn};
///
/// let mut gradient = [0.0; 2];
/// assert_eq!(Penalty::l2(0.1)?.value_and_gradient(&[-3.0, 4.0], &mut gradient), 0.05 * 25.0);
/// assert_eq!(gradient, [0.1 * -3.0, 0.1 * 4.0]);
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let penalty = Penalty::l1(0.5)?.restricted_to([0..1])?;
/// assert_eq!(penalty.on(&mut sphere).value_and_gradient(&[-3.0, 4.0], &mut gradient), 25.0 + 1.5);
/// assert_eq!(gradient, [-6.0 - 0.5, 8.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// The weights of a network, but not its biases:
/// ```
/// # use gradus::nalgebra::dmatrix;
/// # use gradus::objective::Penalty;
/// # use gradus::{Dense, GradientDescent, MeanSquaredError, Network, Optimizer, Sigmoid};
/// # let network = Network::<f64>::builder(1).layer(Dense::new(1, 2)).layer(Sigmoid).layer(Dense::new(2, 1)).build()?;
/// # let (x, t) = (dmatrix![0.0, 1.0], dmatrix![0.0, 1.0]);
/// # let mut parameters = vec![0.5; network.parameter_count()];
/// # let mut descent = GradientDescent::new(0.1)?;
/// let weights = network.parameter_ranges().iter().filter(|range| range.block.name == "weight");
/// let penalty = Penalty::l2(1e-4)?.restricted_to(weights.map(|range| range.range.clone()))?;
/// let mut objective = network.objective(MeanSquaredError);
/// let step = descent.step(&mut penalty.on(&mut objective.on(&x, &t)?), &mut parameters);
/// # assert!(step.is_finite());
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// A. E. Hoerl, R. W. Kennard (1970): Ridge regression. R. Tibshirani (1996): Regression shrinkage and selection via
/// the lasso.
#[doc(alias("regularization", "Lasso", "L1", "L2"))]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "Unchecked<T>",
        bound(serialize = "T: serde::Serialize", deserialize = "T: Real + serde::Deserialize<'de>")
    )
)]
pub struct Penalty<T> {
    norm: Norm,
    strength: T,
    /// Ascending and disjoint; `None` for all parameters.
    ranges: Option<Vec<Range<usize>>>,
}

/// As it is read.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(rename = "Penalty", deny_unknown_fields)]
struct Unchecked<T> {
    norm: Norm,
    strength: T,
    ranges: Option<Vec<Range<usize>>>,
}

#[cfg(feature = "serde")]
impl<T: Real> TryFrom<Unchecked<T>> for Penalty<T> {
    type Error = crate::Error;

    fn try_from(Unchecked { norm, strength, ranges }: Unchecked<T>) -> Result<Self> {
        let penalty = Self::new(norm, strength)?;
        match ranges {
            None => Ok(penalty),
            Some(ranges) => penalty.restricted_to(ranges),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Norm {
    L1,
    L2,
}

impl<T: Real> Penalty<T> {
    /// `λ ‖x‖₁`, λ = `strength`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the strength is negative or not finite.
    pub fn l1(strength: T) -> Result<Self> {
        Self::new(Norm::L1, strength)
    }

    /// `λ/2 ‖x‖₂²`, λ = `strength`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the strength is negative or not finite.
    pub fn l2(strength: T) -> Result<Self> {
        Self::new(Norm::L2, strength)
    }

    fn new(norm: Norm, strength: T) -> Result<Self> {
        Ok(Self { norm, strength: checks::not_negative("strength of the penalty", strength)?, ranges: None })
    }

    /// The same on the parameters of these ranges only. A parameter in several of them counts once.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if a range ends before it starts.
    pub fn restricted_to(self, ranges: impl IntoIterator<Item = Range<usize>>) -> Result<Self> {
        Ok(Self { ranges: Some(merged("range of penalized parameters (start × end)", ranges)?), ..self })
    }

    /// An objective with the penalty added: `f(x) + λ/2 ‖x‖₂²` or `f(x) + λ ‖x‖₁`.
    pub fn on<'a>(&'a self, objective: &'a mut dyn Objective<T>) -> Penalized<'a, T> {
        Penalized { penalty: self, objective }
    }

    fn value_at(&self, x: &[T]) -> T {
        let mut sum = CompensatedSum::new();
        self.for_each_range(x.len(), |range| match self.norm {
            Norm::L1 => x[range].iter().for_each(|x| sum.add(x.abs())),
            Norm::L2 => x[range].iter().for_each(|&x| sum.add(x * x)),
        });
        match self.norm {
            Norm::L1 => self.strength * sum.total(),
            Norm::L2 => self.strength * T::nearest(0.5) * sum.total(),
        }
    }

    fn add_gradient(&self, x: &[T], gradient: &mut [T]) {
        self.for_each_range(x.len(), |range| match self.norm {
            Norm::L1 => {
                for (slope, &x) in gradient[range.clone()].iter_mut().zip(&x[range]) {
                    *slope += self.strength * sign(x);
                }
            }
            Norm::L2 => linalg::add_scaled(&mut gradient[range.clone()], self.strength, &x[range]),
        });
    }

    fn for_each_range(&self, length: usize, act: impl FnMut(Range<usize>)) {
        match &self.ranges {
            None => std::iter::once(0..length).for_each(act),
            Some(ranges) => ranges.iter().cloned().for_each(act),
        }
    }
}

impl<T: Real> Objective<T> for Penalty<T> {
    /// # Panics
    /// If a range reaches beyond `x`, or `x` and `gradient` differ in length.
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        assert_eq!(gradient.len(), x.len(), "as many slopes as parameters");
        gradient.fill(T::zero());
        self.add_gradient(x, gradient);
        self.value_at(x)
    }

    /// # Panics
    /// If a range reaches beyond `x`.
    fn value(&mut self, x: &[T]) -> T {
        self.value_at(x)
    }
}

/// An objective with a penalty. Made by [`Penalty::on`].
pub struct Penalized<'a, T> {
    penalty: &'a Penalty<T>,
    objective: &'a mut dyn Objective<T>,
}

impl<T: Real> fmt::Debug for Penalized<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Penalized").field("penalty", self.penalty).finish_non_exhaustive()
    }
}

impl<T: Real> Objective<T> for Penalized<'_, T> {
    /// # Panics
    /// As the objective, and if a range of the penalty reaches beyond `x`.
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        let value = self.objective.value_and_gradient(x, gradient);
        self.penalty.add_gradient(x, gradient);
        value + self.penalty.value_at(x)
    }

    /// # Panics
    /// As [`value_and_gradient`](Self::value_and_gradient).
    fn value(&mut self, x: &[T]) -> T {
        self.objective.value(x) + self.penalty.value_at(x)
    }
}
