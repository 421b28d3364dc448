//! Models: a network with its parameters, to predict with and to save.
//!
//! ```
//! use gradus::nalgebra::{dmatrix, dvector};
//! use gradus::{Dense, Model, Network};
//!
//! let network = Network::<f64>::builder(2).layer(Dense::new(2, 1)).build()?;
//! let model = Model::new(network, dvector![3.0, 4.0, 5.0])?;
//! assert_eq!(model.predict(&dmatrix![1.0; 1.0])?, dmatrix![12.0]);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`Model`] | predicts; saves and loads itself as safetensors (feature `safetensors`) and writes ONNX (feature `onnx`) |
//! | [`Predictor`] | predicts without allocating, for control loops |
//! | `ParameterReader` (feature `safetensors`) | reads parameters that PyTorch or another program saved |
//! | `ModelError`, `OnnxError` | why a file was refused |

#[cfg(feature = "safetensors")]
mod file;
#[cfg(feature = "onnx")]
mod onnx;
#[cfg(feature = "safetensors")]
mod parameter_reader;

#[cfg(feature = "safetensors")]
pub use file::ModelError;
use nalgebra::{DMatrix, DVector};
#[cfg(feature = "onnx")]
pub use onnx::OnnxError;
#[cfg(feature = "safetensors")]
pub use parameter_reader::ParameterReader;

use crate::batch::{Batch, BatchMut};
use crate::data::Standardization;
use crate::error::{Error, Result, Shape};
use crate::layer::Mode;
use crate::linalg;
use crate::loss::check_finite;
use crate::network::{Network, PREDICTION_BLOCK, Workspace};
use crate::real::Real;

/// A network with its parameters: what predicts, and what is saved.
///
/// It may carry the standardizations of its inputs and outputs, so that it takes and gives raw data:
/// `ŷ = scale ∘ network((x − mean) / scale) + mean`.
///
/// With the feature `safetensors` a model goes to and from a file that other tools read (`save`, `load`) and takes its
/// parameters from one that other tools wrote (`ParameterReader`), with the feature `onnx` it goes to a file that other
/// tools run (`save_onnx`).
///
/// # Examples
/// One layer, `y = 3 x`, on inputs of mean 10 and scale 2 and with outputs of scale 100:
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::data::Standardization;
/// use gradus::{Dense, Model, Network};
///
/// let network = Network::builder(1).layer(Dense::new(1, 1)).build()?;
/// let model = Model::new(network, dvector![3.0, 0.0])?
///     .with_input_standardization(Standardization::from_parts(vec![10.0], vec![2.0])?)?
///     .with_output_standardization(Standardization::from_parts(vec![0.0], vec![100.0])?)?;
/// assert_eq!(model.predict(&dmatrix![10.0, 12.0])?, dmatrix![0.0, 300.0]);
/// assert_eq!(model.input_jacobian(&[12.0])?, dmatrix![150.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("MLPClassifier", "MLPRegressor"))]
#[derive(Clone, Debug)]
pub struct Model<T> {
    network: Network<T>,
    parameters: DVector<T>,
    inputs: Option<Standardization<T>>,
    outputs: Option<Standardization<T>>,
}

impl<T: Real> Model<T> {
    /// A network and its parameters.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the parameters are not as many as the network has, [`Error::NotFinite`] if one is
    /// not finite.
    pub fn new(network: Network<T>, parameters: DVector<T>) -> Result<Self> {
        network.check_parameters(parameters.as_slice())?;
        check_finite("parameters", Batch::from(&parameters))?;
        Ok(Self { network, parameters, inputs: None, outputs: None })
    }

    /// The same, taking inputs as they were before this standardization.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if it is not one of as many values as the network takes.
    pub fn with_input_standardization(self, inputs: Standardization<T>) -> Result<Self> {
        check_size("standardization of the inputs", self.network.input_size(), inputs.size())?;
        Ok(Self { inputs: Some(inputs), ..self })
    }

    /// The same, with outputs as they were before this standardization.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if it is not one of as many values as the network puts out.
    pub fn with_output_standardization(self, outputs: Standardization<T>) -> Result<Self> {
        check_size("standardization of the outputs", self.network.output_size(), outputs.size())?;
        Ok(Self { outputs: Some(outputs), ..self })
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network<T> {
        &self.network
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &DVector<T> {
        &self.parameters
    }

    /// The standardization of the inputs.
    #[must_use]
    pub fn input_standardization(&self) -> Option<&Standardization<T>> {
        self.inputs.as_ref()
    }

    /// The standardization of the outputs.
    #[must_use]
    pub fn output_standardization(&self) -> Option<&Standardization<T>> {
        self.outputs.as_ref()
    }

    /// The outputs for the samples of `x`, one per column: `output_size` × samples.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the samples are not of the network's input size, [`Error::NotFinite`] if an input or
    /// output is not finite, [`Error::TooLarge`] if the memory for the outputs cannot be allocated.
    pub fn predict<'a>(&self, x: impl Into<Batch<'a, T>>) -> Result<DMatrix<T>> {
        let x = x.into();
        self.network.check_input(x)?;
        check_finite("inputs", x)?;
        let count = self.network.output_size().saturating_mul(x.samples());
        let mut outputs = linalg::zeros("outputs", count)?;
        let mut predictor = self.predictor();
        let blocks = outputs.chunks_mut(PREDICTION_BLOCK.saturating_mul(self.network.output_size()));
        for (x, y) in x.as_slice().chunks(PREDICTION_BLOCK.saturating_mul(x.features())).zip(blocks) {
            predictor.write(Batch::from_slice(x, self.network.input_size())?, y)?;
        }
        let outputs = DMatrix::from_vec(self.network.output_size(), x.samples(), outputs);
        check_finite("outputs", Batch::from(&outputs))?;
        Ok(outputs)
    }

    /// A predictor, which keeps the memory that a prediction takes.
    #[must_use]
    pub fn predictor(&self) -> Predictor<'_, T> {
        Predictor { model: self, workspace: Workspace::new(), standardized: Vec::new() }
    }

    /// The Jacobian `∂ŷ/∂x` at one sample, output size × input size: `J[(j, i)] = ∂ŷⱼ/∂xᵢ`, in the units of raw inputs
    /// and outputs.
    ///
    /// Exact to rounding: by one pass back for each output.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if `x` is not one sample, [`Error::NotFinite`] if an input or a slope is not finite,
    /// [`Error::TooLarge`] if the memory cannot be allocated.
    pub fn input_jacobian(&self, x: &[T]) -> Result<DMatrix<T>> {
        let (inputs, outputs) = (self.network.input_size(), self.network.output_size());
        check_size("inputs, one sample", inputs, x.len())?;
        check_finite("inputs", Batch::front(x, inputs, 1))?;
        let mut copies = linalg::zeros("inputs", inputs.saturating_mul(outputs))?;
        copies.chunks_exact_mut(inputs).for_each(|copy| copy.copy_from_slice(x));
        if let Some(standardization) = &self.inputs {
            standardization.apply(BatchMut::front(&mut copies, inputs, outputs))?;
        }
        let copies = Batch::front(&copies, inputs, outputs);
        let mut workspace = Workspace::new();
        workspace.prepare_gradient(&self.network, outputs)?;
        workspace.forward(&self.network, self.parameters.as_slice(), copies, Mode::Predict);
        let mut transposed = linalg::zeros("the Jacobian", inputs * outputs)?;
        let columns = BatchMut::front(&mut transposed, inputs, outputs);
        workspace.input_jacobian(&self.network, self.parameters.as_slice(), copies, columns);
        let scale = |standardization: &Option<Standardization<T>>, place: usize| {
            standardization.as_ref().map_or_else(T::one, |standardization| standardization.scale()[place])
        };
        let jacobian = DMatrix::from_fn(outputs, inputs, |j, i| {
            transposed[i + j * inputs] * scale(&self.outputs, j) / scale(&self.inputs, i)
        });
        check_finite("the Jacobian", Batch::from(&jacobian))?;
        Ok(jacobian)
    }
}

/// Predicts without allocating, after the first prediction of a size. Made by [`Model::predictor`].
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::{Dense, Model, Network};
///
/// let network = Network::builder(2).layer(Dense::new(2, 1)).build()?;
/// let model = Model::new(network, dvector![1.0, 10.0, 0.5])?;
/// let mut predictor = model.predictor();
/// let mut y = [0.0];
/// predictor.predict_into([2.0, 3.0].as_slice(), y.as_mut_slice())?; // a sample, or several one after the other
/// assert_eq!(y, [32.5]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug)]
pub struct Predictor<'a, T> {
    model: &'a Model<T>,
    workspace: Workspace<T>,
    standardized: Vec<T>,
}

impl<T: Real> Predictor<'_, T> {
    /// Writes the outputs for one or several samples, one sample after the other.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if `x` is not made of whole samples or `y` has not the length of their outputs,
    /// [`Error::NotFinite`] if an input or output is not finite, [`Error::TooLarge`] if the memory cannot be allocated.
    /// Then what `y` holds is not defined.
    pub fn predict_into(&mut self, x: &[T], y: &mut [T]) -> Result<()> {
        let network = &self.model.network;
        let x = Batch::from_slice(x, network.input_size())?;
        let outputs = BatchMut::from_slice(y, network.output_size())?;
        if outputs.samples() != x.samples() {
            let [expected, found] =
                [x.samples(), outputs.samples()].map(|samples| Shape::new(outputs.features(), samples));
            return Err(Error::ShapeMismatch { what: "outputs (one sample per column)", expected, found });
        }
        check_finite("inputs", x)?;
        self.write(x, y)?;
        check_finite("outputs", Batch::front(y, network.output_size(), x.samples()))
    }

    /// Writes the outputs for inputs that have been checked.
    fn write(&mut self, x: Batch<'_, T>, y: &mut [T]) -> Result<()> {
        let Self { model, workspace, standardized } = self;
        let network = &model.network;
        let mut input = x;
        if let Some(inputs) = &model.inputs {
            standardized.clear();
            standardized.extend_from_slice(x.as_slice());
            inputs.apply(BatchMut::front(standardized, x.features(), x.samples()))?;
            input = Batch::front(standardized, x.features(), x.samples());
        }
        workspace.prepare(network, x.samples())?;
        let outputs = workspace.forward(network, model.parameters.as_slice(), input, Mode::Predict);
        y.copy_from_slice(outputs.as_slice());
        if let Some(standardization) = &model.outputs {
            standardization.invert(BatchMut::from_slice(y, network.output_size())?)?;
        }
        Ok(())
    }
}

fn check_size(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::ShapeMismatch { what, expected: Shape::new(expected, 1), found: Shape::new(found, 1) })
}
