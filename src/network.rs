//! Networks: chains of layers, as functions of one vector of parameters.
//!
//! A [`Network`] is an architecture without numbers. Parameters are a vector of their own, so that saving, averaging
//! and optimizing them are vector operations.
//!
//! ```
//! use gradus::nalgebra::{dmatrix, dvector};
//! use gradus::{Dense, Network};
//!
//! let network = Network::<f64>::builder(2).layer(Dense::new(2, 1)).build()?;
//! let parameters = dvector![3.0, 4.0, 5.0]; // the weights, then the bias
//! let y = network.predict(&parameters, &dmatrix![1.0, 0.0; 1.0, 2.0])?; // two samples
//! assert_eq!(y, dmatrix![12.0, 13.0]);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`Network`], [`NetworkBuilder`] | the architecture: `builder`, `initialize`, `predict`, `objective` |
//! | [`NetworkObjective`] | a network under a loss, with the memory for its passes |
//! | [`BoundObjective`] | the same on a batch: an [`Objective`](crate::Objective) |
//! | [`Evaluation`] | loss and accuracy on a data set |
//! | [`ParameterRange`] | where the weights of a layer lie in the vector |
//!
//! [`training`](crate::training) has the loop over epochs, [`model`](crate::model) what predicts and is saved.

mod micro_batches;
mod objective;
mod workspace;

use std::ops::Range;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
pub use objective::{BoundObjective, Evaluation, NetworkObjective};
use rand::Rng;
pub(crate) use workspace::Workspace;

use crate::batch::Batch;
use crate::data::{Dataset, MiniBatch};
use crate::error::{Error, Result, Shape};
use crate::layer::{Layer, LayerConfiguration, Mode, ParameterBlock};
use crate::linalg;
use crate::loss::{Loss, check_finite, on_logits, refusal};
use crate::metrics::{check_class_count, count_correct};
use crate::real::Real;

/// Samples that are predicted at once where there are many: enough for fast products, few enough for the cache.
pub(crate) const PREDICTION_BLOCK: usize = 256;

/// A chain of layers: an architecture, without numbers.
///
/// The parameters are one flat vector, layer by layer, that the caller owns: [`initialize`](Self::initialize)
/// makes one, [`parameter_ranges`](Self::parameter_ranges) names its parts. With a loss and a batch the network
/// becomes a function of that vector ([`objective`](Self::objective)).
///
/// Cloning is cheap: clones share their layers.
///
/// # Examples
/// ```
/// use gradus::nalgebra::DMatrix;
/// use gradus::{Dense, Network, Sigmoid};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let network = Network::<f64>::builder(4).layer(Dense::new(4, 8)).layer(Sigmoid).layer(Dense::new(8, 3)).build()?;
/// assert_eq!((network.input_size(), network.output_size()), (4, 3));
/// assert_eq!(network.parameter_count(), 8 * 4 + 8 + 3 * 8 + 3);
///
/// let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
/// let y = network.predict(&parameters, &DMatrix::zeros(4, 10))?;
/// assert_eq!(y.shape(), (3, 10));
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("Sequential", "MLP", "TwoLayerNet", "perceptron"))]
#[derive(Clone, Debug)]
pub struct Network<T> {
    input_size: usize,
    layers: Arc<[PlacedLayer<T>]>,
    ranges: Arc<[ParameterRange]>,
}

/// A layer with its sizes and the place of its parameters.
#[derive(Clone, Debug)]
struct PlacedLayer<T> {
    layer: Arc<dyn Layer<T>>,
    input_size: usize,
    output_size: usize,
    parameters: Range<usize>,
}

/// Where a matrix of parameters lies in the flat vector.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParameterRange {
    /// The layer, counted from 0.
    pub layer: usize,
    /// Name and shape within the layer.
    pub block: ParameterBlock,
    /// The place in the flat vector; the matrix is stored column by column.
    pub range: Range<usize>,
}

impl ParameterRange {
    /// One range over a whole vector, for an objective that has no parts.
    #[must_use]
    pub fn whole(length: usize) -> Self {
        Self { layer: 0, block: ParameterBlock::vector("x", length), range: 0..length }
    }

    /// Layer and block, as `0.weight`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.layer, self.block.name)
    }
}

/// Collects the layers of a [`Network`].
#[derive(Debug)]
#[must_use = "a network exists once `build` has checked it"]
pub struct NetworkBuilder<T> {
    input_size: usize,
    layers: Vec<Box<dyn Layer<T>>>,
}

impl<T: Real> NetworkBuilder<T> {
    /// Appends a layer.
    pub fn layer(self, layer: impl Layer<T> + 'static) -> Self {
        self.boxed_layer(Box::new(layer))
    }

    /// Appends a layer that is known at run time only, as one that
    /// [`LayerConfiguration::build`](crate::layer::LayerConfiguration::build) made.
    ///
    /// # Examples
    /// Sizes and activation from a file:
    /// ```
    /// use gradus::layer::LayerConfiguration;
    /// use gradus::{Dense, Network};
    ///
    /// let activation = LayerConfiguration::Tanh; // as serde has read it
    /// let mut builder = Network::<f64>::builder(4);
    /// for (inputs, outputs) in [(4, 8), (8, 2)] {
    ///     builder = builder.layer(Dense::new(inputs, outputs)).boxed_layer(activation.build()?);
    /// }
    /// assert_eq!(builder.build()?.layers().len(), 4);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn boxed_layer(mut self, layer: Box<dyn Layer<T>>) -> Self {
        self.layers.push(layer);
        self
    }

    /// Checks that the layers fit together.
    ///
    /// # Errors
    /// [`Error::Empty`] without layers or inputs, [`Error::Layer`] with the place of a layer that does not fit,
    /// [`Error::TooLarge`] if the memory for the parameters cannot be allocated.
    pub fn build(self) -> Result<Network<T>> {
        let network = self.assemble()?;
        // Asked for now, where it can be an error, and not in `initialize`.
        let count = network.parameter_count();
        (Vec::<T>::new().try_reserve_exact(count))
            .map_err(|_| Error::TooLarge { what: "parameters of the network", count })?;
        Ok(network)
    }

    /// The network, without asking for the memory of its parameters: what a file says of their number is not believed.
    pub(crate) fn assemble(self) -> Result<Network<T>> {
        if self.input_size == 0 {
            return Err(Error::Empty { what: "inputs of the network" });
        }
        if self.layers.is_empty() {
            return Err(Error::Empty { what: "layers of the network" });
        }
        let mut layers = Vec::new();
        let mut ranges = Vec::new();
        let mut input_size = self.input_size;
        let mut end = 0_usize;
        for (index, layer) in self.layers.into_iter().enumerate() {
            let refuse = |source| Error::Layer { index, layer: format!("{layer:?}"), source: Box::new(source) };
            let output_size = layer.output_size(input_size).map_err(refuse)?;
            layer.configuration().map_or(Ok(()), |layer| layer.check_rounded::<T>()).map_err(refuse)?;
            if output_size == 0 {
                return Err(refuse(Error::Empty { what: "outputs" }));
            }
            let start = end;
            for block in layer.parameter_blocks() {
                let range_start = end;
                end = (block.rows.checked_mul(block.columns))
                    .and_then(|count| end.checked_add(count))
                    .ok_or_else(|| refuse(Error::TooLarge { what: "parameters", count: usize::MAX }))?;
                ranges.push(ParameterRange { layer: index, block, range: range_start..end });
            }
            layers.push(PlacedLayer { layer: layer.into(), input_size, output_size, parameters: start..end });
            input_size = output_size;
        }
        Ok(Network { input_size: self.input_size, layers: layers.into(), ranges: ranges.into() })
    }
}

impl<T: Real> Network<T> {
    /// Begins a network that takes this many values a sample.
    pub fn builder(input_size: usize) -> NetworkBuilder<T> {
        NetworkBuilder { input_size, layers: Vec::new() }
    }

    /// The number of values of an input sample.
    #[must_use]
    pub fn input_size(&self) -> usize {
        self.input_size
    }

    /// The number of values of an output sample.
    #[must_use]
    pub fn output_size(&self) -> usize {
        self.layers.last().map_or(self.input_size, |layer| layer.output_size)
    }

    /// The length of the parameter vector.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.parameters.end)
    }

    /// The named parts of the parameter vector, in order, without gaps.
    #[must_use]
    pub fn parameter_ranges(&self) -> &[ParameterRange] {
        &self.ranges
    }

    /// The layers, in order.
    #[must_use]
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &dyn Layer<T>> {
        self.layers.iter().map(|placed| &*placed.layer)
    }

    /// New parameters, drawn as the layers say: see [`Dense`](crate::Dense).
    ///
    /// The same generator state gives the same parameters, and in `f32` those of `f64`, rounded.
    #[must_use]
    pub fn initialize(&self, rng: &mut dyn Rng) -> DVector<T> {
        let mut parameters = DVector::zeros(self.parameter_count());
        for placed in self.layers.iter() {
            placed.layer.initialize(&mut parameters.as_mut_slice()[placed.parameters.clone()], rng);
        }
        parameters
    }

    /// The outputs for the samples of `x`, one per column: `output_size` × samples.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the parameters are not as many as the network has or the samples not of its
    /// input size; [`Error::NotFinite`] if an input or an output is not finite; [`Error::TooLarge`] if the memory for
    /// the outputs cannot be allocated.
    pub fn predict<'a>(&self, parameters: impl Into<&'a [T]>, x: impl Into<Batch<'a, T>>) -> Result<DMatrix<T>> {
        let (parameters, x) = (parameters.into(), x.into());
        self.check_parameters(parameters)?;
        self.check_input(x)?;
        check_finite("inputs", x)?;
        let mut workspace = Workspace::new();
        let count = self.output_size().saturating_mul(x.samples());
        let outputs = linalg::zeros("outputs", count)?;
        let mut outputs = DMatrix::from_vec(self.output_size(), x.samples(), outputs);
        for start in (0..x.samples()).step_by(PREDICTION_BLOCK) {
            let end = x.samples().min(start + PREDICTION_BLOCK);
            workspace.prepare(self, end - start)?;
            let y = workspace.forward(self, parameters, x.range(start..end)?, Mode::Predict);
            outputs.columns_range_mut(start..end).copy_from(&y.as_view());
        }
        check_finite("outputs", Batch::from(&outputs))?;
        Ok(outputs)
    }

    /// The fraction of the samples of a data set whose class is predicted: those whose largest output stands where
    /// the target has its largest value.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the data are not of the network's input and output sizes or the parameters not
    /// as many as it has; [`Error::InvalidParameter`] for fewer than two outputs, as [`accuracy`](crate::accuracy);
    /// [`Error::NotFinite`] if an output is not finite.
    pub fn accuracy<'a>(&self, parameters: impl Into<&'a [T]>, data: &Dataset<T>) -> Result<f64> {
        check_class_count(self.output_size())?;
        let mut correct = 0;
        self.for_each_block(parameters.into(), data, &mut Workspace::new(), |workspace, batch| {
            let outputs = workspace.output_of(self, batch.inputs.samples());
            check_finite("outputs", outputs)?;
            correct += count_correct(outputs, batch.targets);
            Ok(())
        })?;
        Ok(correct as f64 / data.len() as f64)
    }

    /// Predicts a data set block by block, and hands each block to `visit` with the workspace that has its outputs.
    pub(crate) fn for_each_block(
        &self,
        parameters: &[T],
        data: &Dataset<T>,
        workspace: &mut Workspace<T>,
        mut visit: impl FnMut(&Workspace<T>, MiniBatch<'_, T>) -> Result<()>,
    ) -> Result<()> {
        self.check_parameters(parameters)?;
        let mut batches = data.ordered_batches(PREDICTION_BLOCK)?;
        while let Some(batch) = batches.next_batch() {
            self.check_input(batch.inputs)?;
            self.check_target(batch.targets, batch.inputs.samples())?;
            workspace.prepare(self, batch.inputs.samples())?;
            workspace.forward(self, parameters, batch.inputs, Mode::Predict);
            visit(workspace, batch)?;
        }
        Ok(())
    }

    /// The network under a loss: bound to a batch, a function of the parameters.
    #[must_use]
    pub fn objective(&self, loss: impl Loss<T> + 'static) -> NetworkObjective<T> {
        NetworkObjective::new(self.clone(), Box::new(loss))
    }

    /// The network without its last layer and the loss of what that is given, where the layer makes probabilities and
    /// the loss is one of them, as [`on_logits`] knows.
    fn on_logits(&self, loss: &dyn Loss<T>) -> Option<(Self, Box<dyn Loss<T>>)> {
        let (last, before) = self.layers.split_last().filter(|(_, before)| !before.is_empty())?;
        let loss = on_logits(&loss.configuration()?, &last.layer.configuration()?)?;
        Some((Self { layers: before.into(), ..self.clone() }, loss))
    }

    /// Why a loss that cannot be taken [`on_logits`](Self::on_logits) is not one for this network, if it is not.
    fn refuses(&self, loss: &dyn Loss<T>) -> Option<Error> {
        let layers: Vec<_> = self.layers().map(|layer| layer.configuration()).collect();
        refusal(&loss.configuration()?, &layers)
    }

    /// Whether a layer may draw at random, so that a loss is not the same in each pass.
    pub(crate) fn draws(&self) -> bool {
        self.layers().any(|layer| matches!(layer.configuration(), None | Some(LayerConfiguration::Dropout { .. })))
    }

    pub(crate) fn check_parameters(&self, parameters: &[T]) -> Result<()> {
        if parameters.len() == self.parameter_count() {
            return Ok(());
        }
        Err(Error::ShapeMismatch {
            what: "parameters",
            expected: Shape::new(self.parameter_count(), 1),
            found: Shape::new(parameters.len(), 1),
        })
    }

    pub(crate) fn check_input(&self, x: Batch<'_, T>) -> Result<()> {
        if x.features() == self.input_size {
            return Ok(());
        }
        Err(Error::ShapeMismatch {
            what: "inputs (one sample per column)",
            expected: Shape::with_rows(self.input_size),
            found: x.shape(),
        })
    }

    fn check_target(&self, target: Batch<'_, T>, samples: usize) -> Result<()> {
        let expected = Shape::new(self.output_size(), samples);
        if target.shape() == expected {
            return Ok(());
        }
        Err(Error::ShapeMismatch { what: "targets (one sample per column)", expected, found: target.shape() })
    }
}
