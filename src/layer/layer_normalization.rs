use rand::Rng;

use super::{Layer, LayerConfiguration, Mode, ParameterBlock, Pass};
use crate::batch::{Batch, BatchMut};
use crate::checks;
use crate::error::{Error, Result};
use crate::linalg::dot;
use crate::real::Real;

/// Layer normalization: each sample is shifted and scaled to mean 0 and variance 1 over its features,
/// `y = w ⊙ x̂ + b` with `x̂ = (x − μ) / √(σ² + ε)`.
///
/// A sample's output does not depend on the samples beside it, as with batch normalization it would: so a batch may be
/// cut into parts at will, and prediction is what was trained. The crate has no batch normalization for that reason.
///
/// # Shapes
/// The output has the shape of the input, features × samples.
///
/// # Parameters
/// `weight`: w, features, at first 1; then `bias`: b, features, at first 0.
///
/// # Derivatives
/// With `g = w ⊙ ∂L/∂y` and means over the k features of a sample: `∂L/∂x = (g − mean(g) − x̂ mean(g ⊙ x̂)) / √(σ² +
/// ε)`; `∂L/∂w = Σ x̂ ⊙ ∂L/∂y` and `∂L/∂b = Σ ∂L/∂y` over the samples.
///
/// # Numerics
/// The variance, a mean of squares (with divisor k), is taken of x − μ, in a second pass, so that it does not cancel.
/// A single feature, or features that are all alike, yield b. NaN is passed on; deviations whose squares overflow yield
/// NaN.
///
/// # Errors
/// [`Network::builder`](crate::Network::builder) refuses a layer without features, and one whose features are not as
/// many as the outputs of the layer before it.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::layer::LayerNormalization;
/// use gradus::Network;
///
/// let network = Network::builder(2).layer(LayerNormalization::new(2)).build()?;
/// let parameters = dvector![1.0, 1.0, 0.0, 0.5]; // w = (1, 1), b = (0, ½)
/// let y = network.predict(&parameters, &dvector![3.0, 7.0])?; // mean 5, variance 4
/// assert!((y[0] + 1.0_f64).abs() < 2e-6 && (y[1] - 1.5).abs() < 2e-6);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// J. L. Ba, J. R. Kiros, G. E. Hinton (2016): Layer normalization.
#[doc(alias = "LayerNorm")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNormalization {
    features: usize,
    epsilon: f64,
}

impl LayerNormalization {
    /// Of samples of this many features, with ε = 10⁻⁵.
    #[must_use]
    pub fn new(features: usize) -> Self {
        Self { features, epsilon: 1e-5 }
    }

    /// The same layer with another ε, in the units of a variance.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless ε is positive and finite.
    ///
    /// # Examples
    /// Mean 5, variance 4, and ε = 12:
    /// ```
    /// use gradus::nalgebra::dvector;
    /// use gradus::layer::LayerNormalization;
    /// use gradus::Network;
    ///
    /// let network = Network::<f64>::builder(2).layer(LayerNormalization::new(2).with_epsilon(12.0)?).build()?;
    /// let y = network.predict(&dvector![1.0, 1.0, 0.0, 0.0], &dvector![3.0, 7.0])?;
    /// assert!((y[0] + 0.5).abs() < 1e-15 && (y[1] - 0.5).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self> {
        checks::positive("ε", epsilon)?;
        Ok(Self { epsilon, ..self })
    }
}

impl<T: Real> Layer<T> for LayerNormalization {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        if self.features == 0 {
            return Err(Error::Empty { what: "features" });
        }
        if input_size != self.features {
            return Err(Error::InputSize { expected: self.features, found: input_size });
        }
        Ok(self.features)
    }

    fn parameter_blocks(&self) -> Vec<ParameterBlock> {
        vec![ParameterBlock::vector("weight", self.features), ParameterBlock::vector("bias", self.features)]
    }

    fn initialize(&self, parameters: &mut [T], _rng: &mut dyn Rng) {
        parameters[..self.features].fill(T::one());
    }

    /// x̂, then 1 / √(σ² + ε) of every sample.
    fn cache_size(&self, input_size: usize, samples: usize) -> usize {
        input_size.saturating_add(1).saturating_mul(samples)
    }

    #[inline(never)]
    fn forward(
        &self,
        parameters: &[T],
        input: Batch<'_, T>,
        mut output: BatchMut<'_, T>,
        cache: &mut [T],
        _mode: Mode,
    ) {
        let (weight, bias) = parameters.split_at(self.features);
        let (normalized, scales) = cache.split_at_mut(self.features * input.samples());
        let samples = input.iter().zip(output.iter_mut());
        let cache = normalized.chunks_exact_mut(self.features).zip(scales);
        let (count, epsilon) = (T::from_count(self.features), T::nearest(self.epsilon));
        for ((x, y), (normalized, scale)) in samples.zip(cache) {
            let mean = x.iter().fold(T::zero(), |sum, &x| sum + x) / count;
            for (deviation, &x) in normalized.iter_mut().zip(x) {
                *deviation = x - mean;
            }
            let variance = dot(normalized, normalized) / count;
            // Of ∞ the inverse would be 0, and nobody would know.
            let finite = variance.is_finite();
            *scale = if finite { T::one() / (variance + epsilon).sqrt() } else { T::zero() / T::zero() };
            for ((y, normalized), (&weight, &bias)) in y.iter_mut().zip(normalized).zip(weight.iter().zip(bias)) {
                *normalized *= *scale;
                *y = weight * *normalized + bias;
            }
        }
    }

    #[inline(never)]
    fn backward(
        &self,
        parameters: &[T],
        pass: Pass<'_, T>,
        output_gradient: Batch<'_, T>,
        gradient: &mut [T],
        mut input_gradient: Option<BatchMut<'_, T>>,
    ) {
        let weight = &parameters[..self.features];
        let (weight_gradient, bias_gradient) = gradient.split_at_mut(self.features);
        let (normalized, scales) = pass.cache.split_at(self.features * output_gradient.samples());
        let count = T::from_count(self.features);
        let mut input_gradients = input_gradient.as_mut().map(|gradient| gradient.iter_mut());
        let samples = output_gradient.iter().zip(normalized.chunks_exact(self.features)).zip(scales);
        for ((dy, normalized), &scale) in samples {
            for ((&dy, &normalized), (dw, db)) in
                dy.iter().zip(normalized).zip(weight_gradient.iter_mut().zip(&mut *bias_gradient))
            {
                *dw += dy * normalized;
                *db += dy;
            }
            let Some(dx) = input_gradients.as_mut().and_then(Iterator::next) else { continue };
            let mut mean = T::zero();
            for ((dx, &dy), &weight) in dx.iter_mut().zip(dy).zip(weight) {
                *dx = weight * dy;
                mean += *dx;
            }
            mean /= count;
            let along = dot(dx, normalized) / count;
            for (dx, &normalized) in dx.iter_mut().zip(normalized) {
                *dx = (*dx - mean - normalized * along) * scale;
            }
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::LayerNormalization { features: self.features, epsilon: self.epsilon })
    }
}

#[cfg(test)]
mod tests;
