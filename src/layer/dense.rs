use rand::Rng;

use super::initializer::fill_uniformly;
use super::{Initializer, Layer, LayerConfiguration, Mode, ParameterBlock, Pass};
use crate::batch::{Batch, BatchMut};
use crate::error::{Error, Result};
use crate::linalg::{add_columns, matrix, multiply, multiply_add, transpose};
use crate::real::Real;

/// Fully connected layer, `Y = W X + b 1ᵀ`.
///
/// # Shapes
/// `X` inputs × samples, `Y` outputs × samples; samples are columns.
///
/// # Parameters
/// `weight`: `W`, outputs × inputs, column-major; then `bias`: `b`, outputs. `outputs·(inputs + 1)` values.
///
/// Both are drawn at the start, uniformly from −1/√inputs to 1/√inputs, as PyTorch's `Linear` draws them. With an
/// [`Initializer`] `W` is drawn by that, and `b` starts at zero: see [there](Initializer#which-one) when to take one.
///
/// # Derivatives
/// With `Δ = ∂L/∂Y`: `∂L/∂W = Δ Xᵀ`, `∂L/∂b = Δ 1`, `∂L/∂X = Wᵀ Δ`.
///
/// # Errors
/// [`Network::builder`](crate::Network::builder) refuses a layer without inputs or outputs, and one whose inputs
/// are not as many as the outputs of the layer before it.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::{Dense, Network};
///
/// let network = Network::<f64>::builder(2).layer(Dense::new(2, 1)).build()?;
/// let parameters = dvector![3.0, 4.0, 5.0]; // W = (3 4), b = (5)
/// let y = network.predict(&parameters, &dmatrix![1.0, 0.0; 1.0, 2.0])?;
/// assert_eq!(y, dmatrix![12.0, 13.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("Linear", "Affine", "fully connected"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dense {
    inputs: usize,
    outputs: usize,
    initializer: Option<Initializer>,
}

impl Dense {
    /// A layer of these sizes.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, initializer: None }
    }

    /// The same layer with its weights drawn by an initializer, and biases of zero.
    #[must_use]
    pub fn with_initializer(self, initializer: Initializer) -> Self {
        Self { initializer: Some(initializer), ..self }
    }
}

impl<T: Real> Layer<T> for Dense {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        if self.inputs == 0 {
            return Err(Error::Empty { what: "inputs" });
        }
        if self.outputs == 0 {
            return Err(Error::Empty { what: "outputs" });
        }
        if input_size != self.inputs {
            return Err(Error::InputSize { expected: self.inputs, found: input_size });
        }
        Ok(self.outputs)
    }

    fn parameter_blocks(&self) -> Vec<ParameterBlock> {
        vec![ParameterBlock::matrix("weight", self.outputs, self.inputs), ParameterBlock::vector("bias", self.outputs)]
    }

    fn initialize(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        match self.initializer {
            Some(initializer) => {
                let weight = &mut parameters[..self.outputs * self.inputs];
                initializer.fill(weight, self.inputs, self.outputs, rng);
            }
            None => fill_uniformly(parameters, (self.inputs as f64).sqrt().recip(), rng),
        }
    }

    #[inline(never)]
    fn forward(
        &self,
        parameters: &[T],
        input: Batch<'_, T>,
        mut output: BatchMut<'_, T>,
        _cache: &mut [T],
        _mode: Mode,
    ) {
        let (weight, bias) = parameters.split_at(self.outputs * self.inputs);
        for column in output.iter_mut() {
            column.copy_from_slice(bias);
        }
        let weight = matrix(weight, self.outputs, self.inputs);
        multiply_add(weight, matrix(input.as_slice(), self.inputs, input.samples()), output.as_mut_slice());
    }

    #[inline(never)]
    fn backward(
        &self,
        parameters: &[T],
        pass: Pass<'_, T>,
        output_gradient: Batch<'_, T>,
        gradient: &mut [T],
        input_gradient: Option<BatchMut<'_, T>>,
    ) {
        let samples = output_gradient.samples();
        let delta = matrix(output_gradient.as_slice(), self.outputs, samples);
        let (weight_gradient, bias_gradient) = gradient.split_at_mut(self.outputs * self.inputs);
        multiply_add(delta, transpose(pass.input.as_slice(), self.inputs, samples), weight_gradient);
        add_columns(bias_gradient, output_gradient);
        if let Some(mut input_gradient) = input_gradient {
            let weight = &parameters[..self.outputs * self.inputs];
            multiply(transpose(weight, self.outputs, self.inputs), delta, input_gradient.as_mut_slice());
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Dense { inputs: self.inputs, outputs: self.outputs })
    }
}
