use std::fmt;
use std::marker::PhantomData;

use super::Difference;
use crate::objective::Objective;
use crate::real::Real;

/// Makes an [`Objective`] of a closure that returns f(x) alone: its gradient is made of finite differences.
///
/// # Numerics
/// A gradient takes two more evaluations of f for each coordinate, and has about ⅔ of the digits of f; with
/// [`Difference::fourth_order`] it takes four and has about ⅘. So an optimizer comes no closer to a minimum than these
/// digits allow: ask for no smaller gradient norm. Where all differences are lost in the rounding of f(x), nothing is
/// known of the slope, and the gradient is NaN
/// ([`StopReason::UndefinedGradient`](crate::optimizer::StopReason::UndefinedGradient)).
/// [`from_fn`](crate::from_fn) takes a closure that knows its gradient.
///
/// # Examples
/// Rosenbrock's valley, by L-BFGS:
/// ```
/// use gradus::gradient::from_value;
/// use gradus::optimizer::Lbfgs;
/// use gradus::{Optimizer, Stop};
///
/// let mut valley = from_value(|x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2));
/// let mut x = [-1.2, 1.0];
/// let report = Lbfgs::new().minimize(&mut valley, &mut x, &Stop::after(200).gradient_norm(1e-6)?);
/// assert!(!report.reason.is_failure() && (x[0] - 1.0).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6);
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn from_value<T: Real, F: FnMut(&[T]) -> T>(function: F) -> FromValue<T, F> {
    FromValue { function, difference: Difference::central(), moved: Vec::new(), scalar: PhantomData }
}

/// The objective that [`from_value`] makes.
#[derive(Clone)]
pub struct FromValue<T, F> {
    function: F,
    difference: Difference,
    /// The point, where a coordinate is moved; kept, so that it is allocated once.
    moved: Vec<T>,
    scalar: PhantomData<fn(T) -> T>,
}

impl<T, F> FromValue<T, F> {
    /// With this formula instead of the central difference.
    ///
    /// # Examples
    /// Of a cubic function, for which differences of fourth order have no error but rounding:
    /// ```
    /// use gradus::gradient::{Difference, from_value};
    /// use gradus::Objective;
    ///
    /// let mut cube = from_value(|x: &[f64]| x[0] * x[0] * x[0]).with_difference(Difference::fourth_order());
    /// let mut slope = [0.0];
    /// assert_eq!(cube.value_and_gradient(&[2.0], &mut slope), 8.0);
    /// assert!((slope[0] - 12.0).abs() < 1e-9);
    /// ```
    #[must_use]
    pub fn with_difference(self, difference: Difference) -> Self {
        Self { difference, ..self }
    }
}

impl<T, F> fmt::Debug for FromValue<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromValue").field("difference", &self.difference).finish_non_exhaustive()
    }
}

impl<T: Real, F: FnMut(&[T]) -> T> FromValue<T, F> {
    /// Whether a step along any coordinate changes the value f(x).
    fn is_resolved(&mut self, x: &[T], value: T) -> bool {
        (0..x.len()).any(|i| {
            self.moved[i] = x[i] + self.difference.step_at(x[i]);
            let moved = (self.function)(&self.moved);
            self.moved[i] = x[i];
            moved != value
        })
    }
}

impl<T: Real, F: FnMut(&[T]) -> T> Objective<T> for FromValue<T, F> {
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        self.moved.clear();
        self.moved.extend_from_slice(x);
        for (i, slope) in gradient.iter_mut().enumerate() {
            *slope = self.difference.slope(&mut self.function, &mut self.moved, i);
        }
        let value = (self.function)(x);
        if gradient.iter().all(T::is_zero) && !self.is_resolved(x, value) {
            gradient.fill(T::nearest(f64::NAN));
        }
        value
    }

    fn value(&mut self, x: &[T]) -> T {
        (self.function)(x)
    }
}
