//! Layers of a network, and what is needed to write one.
//!
//! A layer maps each sample to an output, and knows the derivative of that map. It holds sizes, never numbers: its
//! parameters are a part of the vector that the whole [`Network`](crate::Network) is a function of.
//!
//! ```
//! use gradus::layer::Relu;
//! use gradus::{Dense, Network};
//! use rand::{SeedableRng, rngs::ChaCha8Rng};
//!
//! // 4 inputs, 8 hidden units, 3 outputs.
//! let network = Network::<f64>::builder(4)
//!     .layer(Dense::new(4, 8))
//!     .layer(Relu)
//!     .layer(Dense::new(8, 3))
//!     .build()?;
//! let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
//! assert_eq!(parameters.len(), 8 * (4 + 1) + 3 * (8 + 1));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | layers | |
//! | --- | --- |
//! | [`Dense`] | fully connected: the layer that has weights |
//! | [`Relu`], [`LeakyRelu`], [`Elu`], [`Gelu`], [`TanhGelu`], [`Silu`], [`Softplus`] | rectifiers, sharp and smooth |
//! | [`Sigmoid`], [`Tanh`] | bounded activations |
//! | [`Softmax`], [`LogSoftmax`] | class probabilities, and their logarithms |
//! | [`LayerNormalization`] | scales each sample to mean 0 and variance 1 |
//! | [`Dropout`] | drops values at random while training |
//! | [`Identity`] | does nothing |
//!
//! | to write and to configure layers | |
//! | --- | --- |
//! | [`Layer`] | the trait |
//! | [`Activation`] | a shorter trait, for functions of one number |
//! | [`Pass`], [`Mode`], [`ParameterBlock`] | what a layer is given, and says of itself |
//! | [`Initializer`] | how the weights of a [`Dense`] layer start |
//! | [`LayerConfiguration`] | a layer that is chosen by a file |
//!
//! Which activation to choose: [`docs::choosing::activation`](crate::docs::choosing::activation).

mod activation;
mod configuration;
mod dense;
mod dropout;
mod elu;
mod gelu;
mod identity;
mod initializer;
mod layer_normalization;
mod leaky_relu;
mod log_softmax;
mod relu;
mod sigmoid;
mod silu;
mod softmax;
mod softplus;
mod tanh;
mod tanh_gelu;

use std::fmt::Debug;

pub use activation::Activation;
pub use configuration::LayerConfiguration;
pub use dense::Dense;
pub use dropout::Dropout;
pub use elu::Elu;
pub use gelu::Gelu;
pub use identity::Identity;
pub use initializer::Initializer;
pub use layer_normalization::LayerNormalization;
pub use leaky_relu::LeakyRelu;
pub use log_softmax::LogSoftmax;
use rand::Rng;
pub use relu::Relu;
pub use sigmoid::Sigmoid;
pub(crate) use sigmoid::sigmoid_pair;
pub use silu::Silu;
pub use softmax::Softmax;
pub use softplus::Softplus;
pub use tanh::Tanh;
pub use tanh_gelu::TanhGelu;

use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::real::Real;

/// A layer of a network: a map of each sample, with its derivative.
///
/// A layer holds sizes, never numbers. Its parameters are the slice that it is handed, its inputs and outputs are
/// batches of one sample per column, and it may keep what its derivative needs in the cache. The network
/// allocates all of these, and slices the parameters of its layers out of one flat vector.
///
/// The network keeps these promises, so that a layer need not check: `parameters` and `gradient` have the sum of
/// the sizes of [`parameter_blocks`](Self::parameter_blocks), the input has a size that
/// [`output_size`](Self::output_size) accepted, the output has the size that it returned, and the cache has
/// [`cache_size`](Self::cache_size) values. Outputs, cache and input gradient hold arbitrary values before they
/// are written.
///
/// In turn a layer is a function: the same parameters, input and mode give the same output, and a sample's output
/// does not depend on the samples beside it.
///
/// A function of each value alone is less to write: see [`Activation`].
///
/// # Examples
/// A complete layer, `y = s·x` with one parameter s:
/// ```
/// use gradus::layer::{Mode, ParameterBlock, Pass};
/// use gradus::{Batch, BatchMut, Layer, Real, Result};
/// use rand::Rng;
///
/// #[derive(Debug)]
/// struct Scale;
///
/// impl<T: Real> Layer<T> for Scale {
///     fn output_size(&self, input_size: usize) -> Result<usize> {
///         Ok(input_size)
///     }
///
///     fn parameter_blocks(&self) -> Vec<ParameterBlock> {
///         vec![ParameterBlock::vector("scale", 1)]
///     }
///
///     fn initialize(&self, parameters: &mut [T], _: &mut dyn Rng) {
///         parameters[0] = T::one();
///     }
///
///     fn forward(&self, parameters: &[T], input: Batch<'_, T>, mut output: BatchMut<'_, T>, _: &mut [T], _: Mode) {
///         for (y, &x) in output.as_mut_slice().iter_mut().zip(input.as_slice()) {
///             *y = parameters[0] * x;
///         }
///     }
///
///     fn backward(
///         &self,
///         parameters: &[T],
///         pass: Pass<'_, T>,
///         output_gradient: Batch<'_, T>,
///         gradient: &mut [T],
///         input_gradient: Option<BatchMut<'_, T>>,
///     ) {
///         for (&slope, &x) in output_gradient.as_slice().iter().zip(pass.input.as_slice()) {
///             gradient[0] += slope * x;
///         }
///         if let Some(mut input_gradient) = input_gradient {
///             for (dx, &slope) in input_gradient.as_mut_slice().iter_mut().zip(output_gradient.as_slice()) {
///                 *dx = parameters[0] * slope;
///             }
///         }
///     }
/// }
///
/// // It stands beside the crate's own, and `GradientCheck` tells whether its derivative is right.
/// use gradus::nalgebra::dmatrix;
/// use gradus::gradient::Difference;
/// use gradus::{Dense, GradientCheck, MeanSquaredError, Network};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let network = Network::<f64>::builder(2).layer(Dense::new(2, 3)).layer(Scale).build()?;
/// let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
/// let mut objective = network.objective(MeanSquaredError);
/// let (x, t) = (dmatrix![1.0, -2.0; 0.5, 3.0], dmatrix![0.0, 1.0; 1.0, 0.0; 2.0, -1.0]);
/// let check = GradientCheck::new(Difference::fourth_order());
/// let report = check.run(&mut objective.on(&x, &t)?, parameters.as_slice(), network.parameter_ranges());
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Layer<T: Real>: Debug + Send + Sync {
    /// The number of outputs of a sample, given the number of its inputs.
    ///
    /// Called once, when a network is built: here a layer checks its sizes.
    ///
    /// # Errors
    /// [`Error::InputSize`](crate::Error::InputSize) if the layer does not take that many inputs; any error for
    /// sizes that make no sense.
    fn output_size(&self, input_size: usize) -> Result<usize>;

    /// The parameters, in the order in which they lie in the layer's slice. None by default.
    fn parameter_blocks(&self) -> Vec<ParameterBlock> {
        Vec::new()
    }

    /// Writes initial parameters. They are zero before, and stay so by default.
    fn initialize(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let _ = (parameters, rng);
    }

    /// The number of values that [`forward`](Self::forward) keeps for [`backward`](Self::backward). None by
    /// default.
    ///
    /// # Examples
    /// ```
    /// use gradus::{Layer, Sigmoid, Softmax};
    ///
    /// assert_eq!(Layer::<f64>::cache_size(&Sigmoid, 3, 100), 300); // a derivative for each value
    /// assert_eq!(Layer::<f64>::cache_size(&Softmax, 3, 100), 0);
    /// ```
    fn cache_size(&self, input_size: usize, samples: usize) -> usize {
        let _ = (input_size, samples);
        0
    }

    /// Writes the outputs, and in the cache what the derivative will need. A prediction seldom has a way back, so that
    /// a layer may keep nothing in [`Mode::Predict`], if its [`backward`](Self::backward) does without in that mode.
    fn forward(&self, parameters: &[T], input: Batch<'_, T>, output: BatchMut<'_, T>, cache: &mut [T], mode: Mode);

    /// *Adds* ∂L/∂parameters to `gradient`, and *overwrites* `input_gradient` with ∂L/∂input if asked for it (the
    /// first layer of a network is not asked).
    ///
    /// `pass` is what the latest [`forward`](Self::forward) saw and wrote, `output_gradient` is ∂L/∂output.
    fn backward(
        &self,
        parameters: &[T],
        pass: Pass<'_, T>,
        output_gradient: Batch<'_, T>,
        gradient: &mut [T],
        input_gradient: Option<BatchMut<'_, T>>,
    );

    /// What a file must say to rebuild the layer; `None`, the default, if it cannot be rebuilt from a file.
    fn configuration(&self) -> Option<LayerConfiguration> {
        None
    }
}

/// A named matrix of a layer's parameters, stored column by column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParameterBlock {
    /// Its name within the layer, as `weight` or `bias`.
    pub name: &'static str,
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub columns: usize,
}

impl ParameterBlock {
    /// A matrix of this shape.
    #[must_use]
    pub const fn matrix(name: &'static str, rows: usize, columns: usize) -> Self {
        Self { name, rows, columns }
    }

    /// A vector of this length.
    #[must_use]
    pub const fn vector(name: &'static str, length: usize) -> Self {
        Self::matrix(name, length, 1)
    }
}

/// What a forward pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// To predict.
    Predict,
    /// To train. What a layer draws at random must be a function of `seed`, the sample's number and the unit
    /// alone, so that an objective stays a function while it is bound to its batch.
    Train {
        /// Differs between layers and between batches.
        seed: u64,
        /// The number of the first sample of this batch, where the batch is a part of a larger one.
        first_sample: usize,
    },
}

impl Mode {
    /// The mode that the layer at this place of a network sees.
    pub(crate) fn of_layer(self, index: usize) -> Self {
        match self {
            Self::Predict => Self::Predict,
            Self::Train { seed, first_sample } => Self::Train { seed: mix(seed, index as u64), first_sample },
        }
    }
}

/// The number of this index in the stream of a seed: the finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, 2014),
/// which makes neighboring seeds and indices unrelated.
pub(crate) fn mix(seed: u64, index: u64) -> u64 {
    let mut bits = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// What a forward pass saw and wrote, as [`Layer::backward`] gets it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Pass<'a, T> {
    /// The inputs.
    pub input: Batch<'a, T>,
    /// The outputs.
    pub output: Batch<'a, T>,
    /// The cache.
    pub cache: &'a [T],
    /// What the pass was for.
    pub mode: Mode,
}

impl<'a, T> Pass<'a, T> {
    /// The record of a pass: to call [`Layer::backward`] by hand, as a test may.
    #[must_use]
    pub fn new(input: Batch<'a, T>, output: Batch<'a, T>, cache: &'a [T], mode: Mode) -> Self {
        Self { input, output, cache, mode }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const TRAIN: Mode = Mode::Train { seed: 1, first_sample: 0 };

    /// Outputs and cache of a layer that has as many outputs as inputs, of memory that holds NaN.
    pub(super) fn forward<T: Real>(
        layer: &dyn Layer<T>,
        parameters: &[T],
        x: &[T],
        features: usize,
        mode: Mode,
    ) -> (Vec<T>, Vec<T>) {
        let nan = T::nearest(f64::NAN);
        let (mut y, mut cache) = (vec![nan; x.len()], vec![nan; layer.cache_size(features, x.len() / features)]);
        let (input, output) =
            (Batch::from_slice(x, features).unwrap(), BatchMut::from_slice(&mut y, features).unwrap());
        layer.forward(parameters, input, output, &mut cache, mode);
        (y, cache)
    }

    /// Gradients of the parameters and of the input, after a [`forward`].
    pub(super) fn backward<T: Real>(
        layer: &dyn Layer<T>,
        parameters: &[T],
        x: &[T],
        dy: &[T],
        features: usize,
        mode: Mode,
    ) -> (Vec<T>, Vec<T>) {
        let (y, cache) = forward(layer, parameters, x, features, mode);
        let batch = |values| Batch::from_slice(values, features).unwrap();
        let pass = Pass { input: batch(x), output: batch(&y), cache: &cache, mode };
        let (mut gradient, mut dx) = (vec![T::zero(); parameters.len()], vec![T::nearest(f64::NAN); x.len()]);
        let input_gradient = BatchMut::from_slice(&mut dx, features).unwrap();
        layer.backward(parameters, pass, batch(dy), &mut gradient, Some(input_gradient));
        (gradient, dx)
    }
}
