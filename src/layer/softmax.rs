use super::{Layer, LayerConfiguration, Mode, Pass};
use crate::batch::{Batch, BatchMut};
use crate::elementary::Loop;
use crate::error::Result;
use crate::linalg;
use crate::real::Real;

/// Softmax of each sample, `yⱼ = e^{xⱼ} / Σᵢ e^{xᵢ}`: positive numbers that sum to 1.
///
/// A classifier is better trained on its logits, with [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy), and
/// without this layer: that loss takes the softmax itself, and exactly where this layer's output has rounded to
/// 0 or 1.
///
/// # Shapes
/// Any; the output has the shape of the input.
///
/// # Derivatives
/// `∂L/∂xⱼ = yⱼ (∂L/∂yⱼ − Σᵢ yᵢ ∂L/∂yᵢ)`.
///
/// # Numerics
/// The largest input is subtracted before the exponentials are taken, so nothing overflows. The derivative is
/// formed from the outputs: its error is of the order of ε *absolute*, enough for training. NaN is passed on; a
/// sample whose inputs are all −∞, or one of them +∞, has no softmax and yields NaN.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{DVector, dvector};
/// use gradus::{Network, Softmax};
///
/// let network = Network::builder(2).layer(Softmax).build()?;
/// let y = network.predict(&DVector::zeros(0), &dvector![1e4, 1e4 + 3.0_f64.ln()])?;
/// assert!((y[0] - 0.25).abs() < 1e-12 && (y[1] - 0.75).abs() < 1e-12);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax;

impl<T: Real> Layer<T> for Softmax {
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
            let largest = linalg::largest(x);
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = x - largest);
        }
        // Of all samples at once: those of one may be fewer than a vector has.
        linalg::vectorized(Exponentials(output.as_mut_slice()));
        for y in output.iter_mut() {
            let sum = y.iter().fold(T::zero(), |sum, &y| sum + y);
            y.iter_mut().for_each(|y| *y /= sum);
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
            let mean = linalg::dot(y, dy);
            for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = y * (dy - mean);
            }
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Softmax)
    }
}

/// Replaces numbers by their exponentials.
struct Exponentials<'a, T>(&'a mut [T]);

impl<T: Real> Loop for Exponentials<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.0.iter_mut().for_each(|x| *x = x.exponential());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn softmax(x: &[f64]) -> Vec<f64> {
        let mut y = vec![7.0; x.len()];
        let (input, output) = (Batch::from_slice(x, x.len()).unwrap(), BatchMut::from_slice(&mut y, x.len()).unwrap());
        Softmax.forward(&[], input, output, &mut [], Mode::Predict);
        y
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(softmax(&[1e4, -1e4]), [1.0, 0.0]);
        assert_eq!(softmax(&[-3.0; 4]), [0.25; 4]);
        assert_eq!(softmax(&[0.0, f64::NEG_INFINITY]), [1.0, 0.0]);
    }

    #[test]
    fn what_has_no_softmax_is_nan() {
        for x in [[f64::NAN, 1.0], [1.0, f64::NAN], [f64::NEG_INFINITY; 2], [f64::INFINITY, 1.0]] {
            assert!(softmax(&x).iter().any(|y| y.is_nan()), "{x:?}");
        }
        assert!(softmax(&[1.0, f64::NAN]).iter().all(|y| y.is_nan()));
    }
}
