//! Objectives: functions of a vector, with their gradient, that an optimizer minimizes.
//!
//! ```
//! use gradus::{Objective, from_fn};
//!
//! let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
//!     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
//!     x[0] * x[0] + x[1] * x[1]
//! });
//! let mut gradient = [0.0; 2];
//! assert_eq!(sphere.value_and_gradient(&[3.0, 4.0], &mut gradient), 25.0);
//! assert_eq!(gradient, [6.0, 8.0]);
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`Objective`] | the trait |
//! | [`from_fn`] | an objective from a closure that returns the value and writes the gradient |
//! | [`from_value`](crate::gradient::from_value) | an objective from a closure that returns the value alone |
//! | [`NetworkObjective`](crate::network::NetworkObjective) | a network under a loss |
//! | [`LeastSquaresObjective`](crate::regression::LeastSquaresObjective) | a linear regression |
//! | [`Penalty`] | adds a price on large parameters to an objective |
//! | [`FreeParameters`] | freezes some parameters of an objective |
//! | [`FromFn`], [`Penalized`], [`FreeObjective`] | the types that these make |

mod free_parameters;
mod penalty;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

pub use free_parameters::{FreeObjective, FreeParameters};
pub use penalty::{Penalized, Penalty};

use crate::error::{Error, Result, Shape};
use crate::real::Real;

/// A function to minimize: f(x) and ∇f(x) of one flat vector.
///
/// A network with a loss and a batch ([`NetworkObjective::on`](crate::network::NetworkObjective::on)), a least-squares
/// problem ([`LeastSquaresObjective`](crate::regression::LeastSquaresObjective)) and any closure ([`from_fn`]) are
/// objectives; every [`Optimizer`](crate::Optimizer) minimizes and [`GradientCheck`](crate::GradientCheck)
/// checks all of them.
///
/// A value that is not finite means that f could not be evaluated at `x`.
///
/// # Examples
/// A complete objective, f(x) = Σ i xᵢ²:
/// ```
/// use gradus::Objective;
///
/// struct Bowl;
///
/// impl Objective<f64> for Bowl {
///     fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
///         let mut value = 0.0;
///         for (i, (x, slope)) in x.iter().zip(gradient).enumerate() {
///             value += i as f64 * x * x;
///             *slope = 2.0 * i as f64 * x;
///         }
///         value
///     }
/// }
///
/// let mut gradient = [0.0; 3];
/// assert_eq!(Bowl.value_and_gradient(&[1.0, 2.0, 3.0], &mut gradient), 22.0);
/// assert_eq!(gradient, [0.0, 4.0, 12.0]);
/// ```
#[doc(alias = "cost function")]
pub trait Objective<T: Real> {
    /// Returns f(`x`) and overwrites `gradient` with ∇f(`x`).
    ///
    /// # Panics
    /// May panic if `x` or `gradient` has not the length that the objective is defined for.
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T;

    /// Returns f(`x`) alone.
    ///
    /// The default computes the gradient too and allocates a vector for it: override it where the value comes
    /// cheaper.
    ///
    /// # Panics
    /// As [`value_and_gradient`](Self::value_and_gradient).
    fn value(&mut self, x: &[T]) -> T {
        self.value_and_gradient(x, &mut vec![T::zero(); x.len()])
    }
}

/// Makes an [`Objective`] of a closure that returns f(x) and writes ∇f(x).
///
/// The closure writes every entry of the gradient: before each call they are all NaN, so that no entry that it leaves
/// alone passes for a slope of 0. [`from_value`](crate::gradient::from_value) takes a closure that knows no gradient.
///
/// # Examples
/// f(x) = x₀² + x₁² at (−3, 4):
/// ```
/// use gradus::{Objective, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// assert_eq!(sphere.value(&[-3.0, 4.0]), 25.0);
/// ```
pub fn from_fn<T: Real, F: FnMut(&[T], &mut [T]) -> T>(function: F) -> FromFn<T, F> {
    FromFn { function, scalar: PhantomData }
}

/// The objective that [`from_fn`] makes.
#[derive(Clone, Copy)]
pub struct FromFn<T, F> {
    function: F,
    scalar: PhantomData<fn(T) -> T>,
}

impl<T, F> fmt::Debug for FromFn<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}

impl<T: Real, F: FnMut(&[T], &mut [T]) -> T> Objective<T> for FromFn<T, F> {
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        gradient.fill(T::nearest(f64::NAN));
        (self.function)(x, gradient)
    }
}

/// The same places as ranges that are ascending, disjoint and not empty.
fn merged(what: &'static str, ranges: impl IntoIterator<Item = Range<usize>>) -> Result<Vec<Range<usize>>> {
    let mut ranges: Vec<_> = ranges.into_iter().collect();
    if let Some(Range { start, end }) = ranges.iter().find(|range| range.start > range.end) {
        let expected = Shape { rows: Some(*start), columns: None };
        return Err(Error::ShapeMismatch { what, expected, found: Shape::new(*start, *end) });
    }
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let joined = next.start <= last.end;
        if joined {
            last.end = last.end.max(next.end);
        }
        joined
    });
    Ok(ranges)
}
