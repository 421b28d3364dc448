use std::fmt::Debug;

use super::{Layer, LayerConfiguration, Mode, Pass};
use crate::batch::{Batch, BatchMut};
use crate::elementary::Loop;
use crate::error::Result;
use crate::linalg::vectorized;
use crate::real::Real;

/// A function of one number, `y = f(x)`, applied to each value: every activation is a [`Layer`].
///
/// # Shapes
/// Any; the output has the shape of the input.
///
/// # Derivatives
/// `∂L/∂x = f′(x) · ∂L/∂y`. The derivative is computed with the value and kept, one number for each value; in a
/// prediction nothing is kept, and a way back computes it anew.
///
/// # Numerics
/// NaN must be passed on: a comparison with NaN is false, whichever way round it is written.
///
/// # Examples
/// A complete activation, `y = x³`:
/// ```
/// use gradus::layer::Activation;
/// use gradus::Real;
///
/// #[derive(Debug)]
/// struct Cube;
///
/// impl Activation for Cube {
///     fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
///         (x * x * x, T::nearest(3.0) * x * x)
///     }
/// }
///
/// // It is a layer, and `GradientCheck` tells whether its derivative is right.
/// use gradus::nalgebra::dmatrix;
/// use gradus::gradient::Difference;
/// use gradus::{Dense, GradientCheck, MeanSquaredError, Network};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let network = Network::<f64>::builder(2).layer(Dense::new(2, 3)).layer(Cube).build()?;
/// let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
/// let mut objective = network.objective(MeanSquaredError);
/// let (x, t) = (dmatrix![1.0, -2.0; 0.5, 3.0], dmatrix![0.0, 1.0; 1.0, 0.0; 2.0, -1.0]);
/// let check = GradientCheck::new(Difference::fourth_order());
/// let report = check.run(&mut objective.on(&x, &t)?, parameters.as_slice(), network.parameter_ranges());
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Activation: Debug + Send + Sync {
    /// `f(x)` and `f′(x)`.
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T);

    /// `f(x)`, the same as that of [`value_and_derivative`](Self::value_and_derivative): all that a prediction needs.
    fn value<T: Real>(&self, x: T) -> T {
        self.value_and_derivative(x).0
    }

    /// As [`Layer::configuration`].
    fn configuration(&self) -> Option<LayerConfiguration> {
        None
    }
}

impl<T: Real, A: Activation> Layer<T> for A {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        Ok(input_size)
    }

    fn cache_size(&self, input_size: usize, samples: usize) -> usize {
        input_size * samples
    }

    #[inline(never)]
    fn forward(
        &self,
        _parameters: &[T],
        input: Batch<'_, T>,
        mut output: BatchMut<'_, T>,
        cache: &mut [T],
        mode: Mode,
    ) {
        let (x, y) = (input.as_slice(), output.as_mut_slice());
        if mode == Mode::Predict {
            vectorized(Values { activation: self, x, y });
        } else {
            vectorized(ValuesAndSlopes { activation: self, x, y, slopes: cache });
        }
    }

    #[inline(never)]
    fn backward(
        &self,
        _parameters: &[T],
        pass: Pass<'_, T>,
        output_gradient: Batch<'_, T>,
        _gradient: &mut [T],
        input_gradient: Option<BatchMut<'_, T>>,
    ) {
        let Some(mut input_gradient) = input_gradient else { return };
        let (dx, dy) = (input_gradient.as_mut_slice(), output_gradient.as_slice());
        if pass.mode == Mode::Predict {
            vectorized(SlopesTimes { activation: self, x: pass.input.as_slice(), dy, dx });
        } else {
            vectorized(Products { slopes: pass.cache, dy, dx });
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Activation::configuration(self)
    }
}

struct Values<'a, T, A> {
    activation: &'a A,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Real, A: Activation> Loop for Values<'_, T, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = self.activation.value(x);
        }
    }
}

struct ValuesAndSlopes<'a, T, A> {
    activation: &'a A,
    x: &'a [T],
    y: &'a mut [T],
    slopes: &'a mut [T],
}

impl<T: Real, A: Activation> Loop for ValuesAndSlopes<'_, T, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((y, slope), &x) in self.y.iter_mut().zip(self.slopes).zip(self.x) {
            (*y, *slope) = self.activation.value_and_derivative(x);
        }
    }
}

struct SlopesTimes<'a, T, A> {
    activation: &'a A,
    x: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Real, A: Activation> Loop for SlopesTimes<'_, T, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((dx, &x), &dy) in self.dx.iter_mut().zip(self.x).zip(self.dy) {
            *dx = self.activation.value_and_derivative(x).1 * dy;
        }
    }
}

struct Products<'a, T> {
    slopes: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Real> Loop for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((dx, &slope), &dy) in self.dx.iter_mut().zip(self.slopes).zip(self.dy) {
            *dx = slope * dy;
        }
    }
}

/// `x·g` for a factor g that falls to 0 faster than −x grows, also where `x = −∞`.
pub(super) fn gated<T: Real>(x: T, g: T) -> T {
    // NaN is not at most 0.
    if g <= T::zero() { T::zero() } else { x * g }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Whether value and derivative are these to `ulps` roundings, that of the value alone is the same, and the smaller
    /// number type agrees as far as it goes.
    pub(in super::super) fn assert_values(activation: impl Activation + Copy, ulps: f64, table: &[(f64, f64, f64)]) {
        for &(x, value, derivative) in table {
            let found = activation.value_and_derivative(x);
            assert_eq!(activation.value(x).to_bits(), found.0.to_bits(), "{activation:?} at {x}");
            for (found, expected) in [(found.0, value), (found.1, derivative)] {
                let error = (found - expected).abs();
                assert!(error <= ulps * f64::EPSILON * expected.abs(), "{activation:?} at {x}: {found} for {expected}");
            }
            let single = activation.value_and_derivative(x as f32);
            for (found, expected) in [(single.0, value), (single.1, derivative)] {
                let error = (f64::from(found) - expected).abs();
                // What rounding x moves, and nothing below the range of the type.
                let bound = 1e-6 * (1.0 + x * x / 20.0) * expected.abs() + 1e-37;
                assert!(error <= bound, "{activation:?} at {x} in f32: {found} for {expected}");
            }
        }
    }

    /// Whether what is neither small nor a number is answered: by `below` at −∞, by `above` at ∞, each value and
    /// derivative, which ±10⁴ attain too where they are bounded.
    pub(in super::super) fn assert_extremes(activation: impl Activation + Copy, below: (f64, f64), above: (f64, f64)) {
        for (infinity, (value, derivative)) in [(f64::NEG_INFINITY, below), (f64::INFINITY, above)] {
            assert_eq!(activation.value_and_derivative(infinity), (value, derivative), "{activation:?}");
            let single = activation.value_and_derivative(infinity as f32);
            assert_eq!(single, (value as f32, derivative as f32), "{activation:?} in f32");
            assert_eq!(activation.value(infinity), value, "{activation:?}");
            let (far, slope) = activation.value_and_derivative(infinity.signum() * 1e4);
            assert_eq!(slope, derivative, "{activation:?}");
            assert!(if value.is_finite() { far == value } else { far == derivative * 1e4 * infinity.signum() });
            let huge = activation.value_and_derivative(infinity.signum() as f32 * f32::MAX);
            assert!(huge.0.is_finite() && huge.1 == derivative as f32, "{activation:?} in f32: {huge:?}");
        }
        let (value, derivative) = activation.value_and_derivative(f64::NAN);
        assert!(value.is_nan() && derivative.is_nan() && activation.value(f64::NAN).is_nan(), "{activation:?}");
    }
}
