use super::{Layer, LayerConfiguration, Mode, Pass, mix};
use crate::batch::{Batch, BatchMut};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// Inverted dropout: in training each value is dropped with the probability r, its rate, and the others are divided by
/// 1 − r; `y = x ⊙ m / (1 − r)`. To predict, `y = x`.
///
/// The expectation of y is x. What is dropped is a function of the seed in [`Mode`], the number of the sample and the
/// unit: a network under a loss stays a function while it is bound to a batch, and a sample has the same mask alone and
/// among others. Every binding has masks of its own.
///
/// # Shapes
/// Any; the output has the shape of the input.
///
/// # Derivatives
/// `∂L/∂x = ∂L/∂y ⊙ m / (1 − r)`, with the mask of the forward pass.
///
/// # Numerics
/// The probability of being dropped is r to 2⁻⁶⁴. A NaN is passed on though it be dropped.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{DVector, dvector};
/// use gradus::layer::Dropout;
/// use gradus::Network;
///
/// let network = Network::builder(2).layer(Dropout::new(0.5)?).build()?;
/// let x = dvector![3.0, 4.0];
/// assert_eq!(network.predict(&DVector::zeros(0), &x)?, x);
/// assert!(Dropout::new(1.0).is_err());
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov (2014): Dropout: a simple way to prevent
/// neural networks from overfitting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    rate: f64,
}

impl Dropout {
    /// With this rate: the probability that a value is dropped.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ rate < 1.
    pub fn new(rate: f64) -> Result<Self> {
        checks::fraction("dropout rate", rate)?;
        Ok(Self { rate })
    }

    /// The probability that a value is dropped.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

impl<T: Real> Layer<T> for Dropout {
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
        let Mode::Train { seed, first_sample } = mode else {
            output.as_mut_slice().copy_from_slice(input.as_slice());
            return;
        };
        let kept = T::nearest((1.0 - self.rate).recip());
        // Of 2⁶⁴ numbers those below it.
        let dropped = (self.rate * 2.0_f64.powi(64)) as u64;
        let factors = cache.chunks_exact_mut(input.features().max(1));
        for (sample, ((x, y), factors)) in input.iter().zip(output.iter_mut()).zip(factors).enumerate() {
            let seed = mix(seed, (first_sample + sample) as u64);
            for (unit, ((&x, y), factor)) in x.iter().zip(y).zip(factors).enumerate() {
                *factor = if mix(seed, unit as u64) < dropped { T::zero() } else { kept };
                *y = x * *factor;
            }
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
        if !matches!(pass.mode, Mode::Train { .. }) {
            input_gradient.as_mut_slice().copy_from_slice(output_gradient.as_slice());
            return;
        }
        let slopes = pass.cache.iter().zip(output_gradient.as_slice());
        for (dx, (&factor, &dy)) in input_gradient.as_mut_slice().iter_mut().zip(slopes) {
            *dx = factor * dy;
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Dropout { rate: self.rate })
    }
}

#[cfg(test)]
mod tests;
