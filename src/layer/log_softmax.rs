use super::{Layer, LayerConfiguration, Mode, Pass};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::linalg;
use crate::real::Real;

/// Logarithm of the softmax of each sample, `yⱼ = xⱼ − ln Σᵢ e^{xᵢ}`.
///
/// For networks that put out log-probabilities, with [`NegativeLogLikelihood`](crate::loss::NegativeLogLikelihood).
/// With [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy) on logits a classifier needs no such layer.
///
/// # Shapes
/// Any; the output has the shape of the input.
///
/// # Derivatives
/// `∂L/∂xⱼ = (1 − pⱼ) ∂L/∂yⱼ − pⱼ Σ_{i≠j} ∂L/∂yᵢ`, with `p = eʸ`.
///
/// # Numerics
/// With the largest input m, `y = (x − m) − ln_1p(Σ e^{xᵢ−m})`, summed over all others: nothing overflows, and the
/// logarithm of a probability of almost 1 keeps its digits. So does the derivative, where 1 − p is the sum of the
/// others and the sum over i ≠ j is not a difference. NaN is passed on; a sample whose inputs are all −∞, or one of
/// them +∞, has no softmax and yields NaN.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{DVector, dvector};
/// use gradus::layer::LogSoftmax;
/// use gradus::Network;
///
/// let network = Network::builder(2).layer(LogSoftmax).build()?;
/// let y = network.predict(&DVector::zeros(0), &dvector![0.0, 3.0_f64.ln()])?;
/// assert!((y[0] - 0.25_f64.ln()).abs() < 1e-15 && (y[1] - 0.75_f64.ln()).abs() < 1e-15);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSoftmax;

impl<T: Real> Layer<T> for LogSoftmax {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        Ok(input_size)
    }

    #[inline(never)]
    fn forward(
        &self,
        _parameters: &[T],
        input: Batch<'_, T>,
        mut output: BatchMut<'_, T>,
        _cache: &mut [T],
        _mode: Mode,
    ) {
        for (x, y) in input.iter().zip(output.iter_mut()) {
            let largest = linalg::place_of_largest(x);
            let mut others = T::zero();
            for (j, (y, &x_j)) in y.iter_mut().zip(x).enumerate() {
                *y = x_j - x[largest];
                if j != largest {
                    others += y.exp();
                }
            }
            let log_sum = others.ln_1p();
            y.iter_mut().for_each(|y| *y -= log_sum);
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
        for ((dx, y), dy) in input_gradient.iter_mut().zip(pass.output.iter()).zip(output_gradient.iter()) {
            let largest = linalg::place_of_largest(y);
            // Of the slopes before each, then of those after it.
            let mut sum = T::zero();
            for (dx, &dy) in dx.iter_mut().zip(dy) {
                *dx = sum;
                sum += dy;
            }
            let (mut sum, mut others) = (T::zero(), T::zero());
            for j in (0..y.len()).rev() {
                let p = y[j].exp();
                dx[j] = -p * (dx[j] + sum);
                sum += dy[j];
                if j != largest {
                    dx[j] += (T::one() - p) * dy[j];
                    others += p;
                }
            }
            if let Some(dx) = dx.get_mut(largest) {
                *dx += others * dy[largest];
            }
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::LogSoftmax)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::super::tests::{TRAIN, backward, forward};
    use super::*;

    // Values by mpmath 1.4 with 60 digits, rounded to `f64`.
    #[test]
    fn values_and_derivatives_to_every_digit() {
        let (mode, x) = (TRAIN, [1.0, 2.0, 4.0]);
        let y = forward(&LogSoftmax, &[], &x, 3, mode).0;
        for (y, expected) in y.into_iter().zip([-3.1698460195562856, -2.1698460195562856, -0.16984601955628564]) {
            assert_relative_eq!(y, expected, max_relative = 1e-15);
        }
        let dx = backward(&LogSoftmax, &[], &x, &[0.5, -1.0, 2.0], 3, mode).1;
        for (dx, expected) in dx.into_iter().zip([0.4369849007989009, -1.1712927990768918, 0.7343078982779908]) {
            assert_relative_eq!(dx, expected, max_relative = 1e-15);
        }
    }

    #[test]
    fn a_probability_of_almost_1_keeps_its_digits() {
        let (mode, x) = (TRAIN, [0.0, -50.0, -60.0]);
        let y = forward(&LogSoftmax, &[], &x, 3, mode).0;
        assert_relative_eq!(y[0], -1.9288374130715447e-22, max_relative = 1e-15);
        assert_eq!(y[1..], [-50.0, -60.0]);
        let dx = backward(&LogSoftmax, &[], &x, &[-1.0, 0.0, 0.0], 3, mode).1;
        let expected = [-1.9288374130715447e-22, 1.9287498479639178e-22, 8.75651076269652e-27];
        for (dx, expected) in dx.into_iter().zip(expected) {
            assert_relative_eq!(dx, expected, max_relative = 1e-14);
        }
    }

    #[test]
    fn extremes() {
        let log_softmax = |x: &[f64]| forward(&LogSoftmax, &[], x, x.len(), TRAIN).0;
        assert_eq!(log_softmax(&[1e4, -1e4]), [0.0, -2e4]);
        assert_eq!(log_softmax(&[0.0, f64::NEG_INFINITY]), [0.0, f64::NEG_INFINITY]);
        assert_eq!(log_softmax(&[-3.0]), [0.0]);
        let dx = backward(&LogSoftmax, &[], &[0.0, f64::NEG_INFINITY], &[0.5, 2.0], 2, TRAIN).1;
        assert_eq!(dx, [-2.0, 2.0]);
        for x in [[f64::NAN, 1.0], [1.0, f64::NAN], [f64::NEG_INFINITY; 2], [f64::INFINITY, 1.0]] {
            assert!(log_softmax(&x).iter().any(|y| y.is_nan()), "{x:?}");
        }
        assert!(log_softmax(&[1.0, f64::NAN]).iter().all(|y| y.is_nan()));
    }
}
