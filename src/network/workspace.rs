use super::Network;
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::layer::{Mode, Pass};
use crate::linalg;
use crate::loss::Loss;
use crate::real::Real;

/// The memory of a pass through a network: what every layer put out and kept, and the gradients on the way back.
///
/// It only grows; a pass over fewer samples uses the front of each buffer.
#[derive(Debug)]
pub(crate) struct Workspace<T> {
    outputs: Vec<Vec<T>>,
    caches: Vec<Vec<T>>,
    /// ∂L/∂output of the layer at work, and ∂L/∂input of it: they change places from layer to layer.
    output_gradient: Vec<T>,
    input_gradient: Vec<T>,
}

/// What a network is evaluated on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a, T> {
    pub(crate) input: Batch<'a, T>,
    pub(crate) target: Batch<'a, T>,
    pub(crate) weights: Option<&'a [T]>,
    pub(crate) mode: Mode,
}

impl<T: Real> Workspace<T> {
    pub(crate) fn new() -> Self {
        Self { outputs: Vec::new(), caches: Vec::new(), output_gradient: Vec::new(), input_gradient: Vec::new() }
    }

    /// Makes room for passes forward over this many samples.
    pub(crate) fn prepare(&mut self, network: &Network<T>, samples: usize) -> Result<()> {
        self.outputs.resize_with(network.layers.len(), Vec::new);
        self.caches.resize_with(network.layers.len(), Vec::new);
        for (placed, (output, cache)) in network.layers.iter().zip(self.outputs.iter_mut().zip(&mut self.caches)) {
            grow(output, placed.output_size.saturating_mul(samples))?;
            grow(cache, placed.layer.cache_size(placed.input_size, samples))?;
        }
        Ok(())
    }

    /// Makes room for passes forward and back over this many samples.
    pub(crate) fn prepare_gradient(&mut self, network: &Network<T>, samples: usize) -> Result<()> {
        self.prepare(network, samples)?;
        let widest = network.layers.iter().map(|placed| placed.output_size).max().unwrap_or(0);
        grow(&mut self.output_gradient, widest.saturating_mul(samples))?;
        grow(&mut self.input_gradient, widest.saturating_mul(samples))
    }

    /// The output of the network.
    #[inline(never)]
    pub(crate) fn forward(
        &mut self,
        network: &Network<T>,
        parameters: &[T],
        input: Batch<'_, T>,
        mode: Mode,
    ) -> Batch<'_, T> {
        let samples = input.samples();
        for (index, placed) in network.layers.iter().enumerate() {
            let (before, from_here) = self.outputs.split_at_mut(index);
            let input = before.last().map_or(input, |output| Batch::front(output, placed.input_size, samples));
            let output = BatchMut::front(&mut from_here[0], placed.output_size, samples);
            let cache = &mut self.caches[index][..placed.layer.cache_size(placed.input_size, samples)];
            let parameters = &parameters[placed.parameters.clone()];
            placed.layer.forward(parameters, input, output, cache, mode.of_layer(index));
        }
        self.output_of(network, samples)
    }

    /// What the last layer of a network has put out, or of one that begins with the same layers, in the latest pass.
    pub(crate) fn output_of(&self, network: &Network<T>, samples: usize) -> Batch<'_, T> {
        Batch::front(&self.outputs[network.layers.len() - 1], network.output_size(), samples)
    }

    /// The loss; `gradient` is overwritten with its gradient.
    pub(crate) fn value_and_gradient(
        &mut self,
        network: &Network<T>,
        loss: &dyn Loss<T>,
        parameters: &[T],
        binding: Binding<'_, T>,
        gradient: &mut [T],
    ) -> T {
        let Binding { input, target, weights, mode } = binding;
        self.forward(network, parameters, input, mode);
        let outputs = &self.outputs[network.layers.len() - 1];
        let outputs = Batch::front(outputs, network.output_size(), input.samples());
        let loss_gradient = BatchMut::front(&mut self.output_gradient, network.output_size(), input.samples());
        let value = loss.value_and_gradient(outputs, target, weights, loss_gradient);
        linalg::clear(gradient);
        self.backward(network, parameters, input, mode, gradient, None);
        value
    }

    /// Writes `∂ŷ/∂x` at the inputs of the latest prediction, of which there is one sample for each output, all the
    /// same: column j becomes the gradient of output j.
    pub(crate) fn input_jacobian(
        &mut self,
        network: &Network<T>,
        parameters: &[T],
        input: Batch<'_, T>,
        jacobian: BatchMut<'_, T>,
    ) {
        let samples = input.samples();
        let seeds = &mut self.output_gradient[..network.output_size() * samples];
        seeds.fill(T::zero());
        seeds.iter_mut().step_by(samples + 1).for_each(|seed| *seed = T::one());
        let mut unused = vec![T::zero(); network.parameter_count()];
        self.backward(network, parameters, input, Mode::Predict, &mut unused, Some(jacobian));
    }

    /// From the gradient by the outputs of the latest pass forward, which is in its buffer: adds that by the parameters
    /// to `gradient`, and writes that by the inputs if it is asked for.
    fn backward(
        &mut self,
        network: &Network<T>,
        parameters: &[T],
        input: Batch<'_, T>,
        mode: Mode,
        gradient: &mut [T],
        mut of_input: Option<BatchMut<'_, T>>,
    ) {
        let samples = input.samples();
        let Self { outputs, caches, output_gradient, input_gradient } = self;
        let output_of = |index: usize| Batch::front(&outputs[index], network.layers[index].output_size, samples);
        for (index, placed) in network.layers.iter().enumerate().rev() {
            let cache = &caches[index][..placed.layer.cache_size(placed.input_size, samples)];
            let (input, to) = if index == 0 {
                (input, of_input.take())
            } else {
                (output_of(index - 1), Some(BatchMut::front(input_gradient, placed.input_size, samples)))
            };
            placed.layer.backward(
                &parameters[placed.parameters.clone()],
                Pass::new(input, output_of(index), cache, mode.of_layer(index)),
                Batch::front(output_gradient, placed.output_size, samples),
                &mut gradient[placed.parameters.clone()],
                to,
            );
            std::mem::swap(output_gradient, input_gradient);
        }
    }
}

fn grow<T: Real>(buffer: &mut Vec<T>, length: usize) -> Result<()> {
    if buffer.len() < length {
        *buffer = linalg::zeros("values of a batch", length)?;
    }
    Ok(())
}
