use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{SafeTensorError, TensorInfo};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::{Model, ParameterReader};
use crate::data::Standardization;
use crate::error::Error;
use crate::file::{SaveError, save_file};
use crate::layer::LayerConfiguration;
use crate::network::{Network, ParameterRange};
use crate::number::Number;
use crate::real::Real;

/// The entry of a file's metadata that holds the architecture.
const ENTRY: &str = "gradus";
const VERSION: u32 = 1;

/// Why a model cannot be written to, or read from, a file.
///
/// # Examples
/// ```
/// use gradus::model::ModelError;
/// use gradus::Model;
///
/// let error = Model::<f32>::load("no/such/file.safetensors").unwrap_err();
/// assert!(matches!(error, ModelError::Io { .. }) && error.to_string().starts_with("no/such/file.safetensors: "));
/// assert!(matches!(Model::<f32>::from_bytes(b"no such format").unwrap_err(), ModelError::Format(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// The file cannot be saved.
    #[error(transparent)]
    Save(#[from] SaveError),

    /// The layer is none that a file can describe.
    #[error("layer {index} ({layer}): expected one with a configuration, found one without")]
    NotDescribed {
        /// Its place, counted from 0.
        index: usize,
        /// The layer.
        layer: String,
    },

    /// Numbers of this type are not stored.
    #[error("numbers: expected f32 or f64, found another type")]
    NumberType,

    /// The file is not in the format.
    #[error("safetensors file: {0}")]
    Format(#[from] SafeTensorError),

    /// The header names something twice.
    #[error("safetensors file: expected every name once, found {name:?} twice")]
    Duplicate {
        /// The name.
        name: String,
    },

    /// The file has no description of a network.
    #[error(
        "metadata: expected an entry \"gradus\" that describes the network, found none; Model::load_parameters reads tensors \
         alone"
    )]
    NoArchitecture,

    /// The description of the network cannot be understood.
    #[error("metadata: expected the description of a network, found {0}")]
    Architecture(serde_json::Error),

    /// A file of a later version.
    #[error("metadata: expected version {expected}, found {found}")]
    Version {
        /// The version that is understood.
        expected: u32,
        /// That of the file.
        found: u32,
    },

    /// A name that is to be called otherwise is none of the network.
    #[error("name {name:?}: expected a layer with parameters or one of {names:?}, found neither")]
    UnknownName {
        /// The name.
        name: String,
        /// The names of the network's parameters, in their order.
        names: Vec<String>,
    },

    /// Tensors are not in the file.
    #[error("tensors: expected {missing:?} among them, found {found:?}")]
    MissingTensors {
        /// The names that the file lacks, sorted.
        missing: Vec<String>,
        /// All names that it has, sorted.
        found: Vec<String>,
    },

    /// The file has tensors that the network has no use for.
    #[error("tensors: expected {expected:?} and no others, found also {unexpected:?}")]
    UnexpectedTensors {
        /// The names of the network's tensors, all of which the file has, sorted.
        expected: Vec<String>,
        /// The other names that it has, sorted.
        unexpected: Vec<String>,
    },

    /// A tensor of numbers that those of the model may not hold exactly.
    #[error("tensor {name}: expected numbers of one of the types {expected:?}, found {found:?}")]
    TensorType {
        /// Its name.
        name: String,
        /// The types that the model's numbers hold exactly.
        expected: &'static [Dtype],
        /// What is in the file.
        found: Dtype,
    },

    /// A tensor of another shape.
    #[error("tensor {name}: expected the shape {expected:?}, found {found:?}")]
    TensorShape {
        /// Its name.
        name: String,
        /// The shape of the network's block.
        expected: Vec<usize>,
        /// What is in the file.
        found: Vec<usize>,
    },

    /// A tensor has a number that is NaN or infinite.
    #[error("tensor {name}: expected finite numbers, found {value} at {index:?}")]
    NotFinite {
        /// Its name.
        name: String,
        /// The place of the first such number in the tensor: row and column, or one number for a vector, from 0.
        index: Vec<usize>,
        /// The number.
        value: f64,
    },

    /// The parts do not make a model, as layers that do not fit together.
    #[error(transparent)]
    Model(#[from] Error),
}

/// What a file says of a network beside its tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Architecture {
    version: u32,
    input_size: usize,
    layers: Vec<LayerConfiguration>,
    inputs: Option<Scaling>,
    outputs: Option<Scaling>,
}

/// Every `f32` is an `f64`, and text keeps all digits of those.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scaling {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Scaling {
    fn of<T: Real>(standardization: &Standardization<T>) -> Self {
        let numbers = |values: &[T]| values.iter().map(|value| value.to_f64()).collect();
        Self { mean: numbers(standardization.mean()), scale: numbers(standardization.scale()) }
    }

    fn build<T: Real>(self) -> Result<Standardization<T>, Error> {
        let [mean, scale] = [self.mean, self.scale].map(|values| values.into_iter().map(T::nearest).collect());
        Standardization::from_parts(mean, scale)
    }
}

impl<T: Real> Model<T> {
    /// Writes the model to a file in the safetensors format.
    ///
    /// Tensors have the names and the layout of PyTorch's: `torch.nn.Sequential(…)` of the same layers loads them by
    /// `load_state_dict(safetensors.torch.load_file(path))`. A weight is stored row by row, outputs × inputs. The
    /// architecture and the standardizations are in the metadata, so that [`load`](Self::load) needs nothing else.
    ///
    /// How the file is replaced is said at [`save_file`]; its bytes are a function of the model.
    ///
    /// # Errors
    /// [`ModelError::NotDescribed`] for a layer without a configuration, [`ModelError::NumberType`] for numbers other
    /// than `f32` and `f64`, [`ModelError::Save`] if the file cannot be saved.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::{DVector, dmatrix};
    /// use gradus::{Dense, Model, Network, Sigmoid};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// let network = Network::builder(2).layer(Dense::new(2, 3)).layer(Sigmoid).build()?;
    /// let model = Model::new(network, DVector::from_fn(9, |i, _| i as f64))?;
    /// model.save(&path)?;
    /// let again = Model::<f64>::load(&path)?;
    /// let x = dmatrix![0.1, 0.2; -0.3, 0.4];
    /// assert_eq!(again.predict(&x)?, model.predict(&x)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        Ok(save_file(path, self.to_bytes()?)?)
    }

    /// Reads a model that was [saved](Self::save), or that another tool has written with the same names and metadata.
    ///
    /// Every number keeps its value: a file of `f32` also makes a model of `f64`, but one of `f64` makes none of `f32`,
    /// since it would be rounded.
    ///
    /// # Errors
    /// [`ModelError`] says what is wrong with a file: nothing of it is taken on trust, and no more memory is asked for
    /// than a small multiple of its size.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes)
    }

    /// What [`save`](Self::save) writes.
    ///
    /// # Errors
    /// As `save`, but for those of files.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let number = number_of::<T>()?;
        let describe = |(index, layer): (usize, &dyn crate::layer::Layer<T>)| {
            layer.configuration().ok_or_else(|| ModelError::NotDescribed { index, layer: format!("{layer:?}") })
        };
        let layers = self.network.layers().enumerate().map(describe).collect::<Result<Vec<_>, _>>()?;
        let mut blocks = BTreeMap::new();
        for range in self.network.parameter_ranges() {
            let values = &self.parameters.as_slice()[range.range.clone()];
            let (rows, columns) = (range.block.rows, range.block.columns);
            let row_by_row = (0..rows).flat_map(|row| (0..columns).map(move |column| row + column * rows));
            let mut bytes = Vec::with_capacity(values.len() * number.size());
            row_by_row.for_each(|place| number.write(values[place].to_f64(), &mut bytes));
            blocks.insert(range.name(), (shape(range, layers.get(range.layer)), bytes));
        }
        let architecture = Architecture {
            version: VERSION,
            input_size: self.network.input_size(),
            layers,
            inputs: self.inputs.as_ref().map(Scaling::of),
            outputs: self.outputs.as_ref().map(Scaling::of),
        };
        let architecture = serde_json::to_string(&architecture).map_err(ModelError::Architecture)?;
        let metadata = BTreeMap::from([(ENTRY, architecture.as_str()), ("format", "pt")]);
        Ok(serialize(&metadata, data_type(number), blocks)?)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) makes.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let architecture = entry.ok_or(ModelError::NoArchitecture)?;
        let version = serde_json::from_str::<Version>(architecture).map_err(ModelError::Architecture)?.version;
        if version != VERSION {
            return Err(ModelError::Version { expected: VERSION, found: version });
        }
        let architecture: Architecture = serde_json::from_str(architecture).map_err(ModelError::Architecture)?;

        let mut builder = Network::builder(architecture.input_size);
        for layer in &architecture.layers {
            builder = builder.boxed_layer(layer.build()?);
        }
        let network = builder.assemble()?;
        let mut model = ParameterReader::new().read_bytes(network, bytes)?;
        if let Some(inputs) = architecture.inputs {
            model = model.with_input_standardization(inputs.build()?)?;
        }
        if let Some(outputs) = architecture.outputs {
            model = model.with_output_standardization(outputs.build()?)?;
        }
        Ok(model)
    }

    /// Reads the parameters of a network from a file that has tensors and nothing else, as PyTorch writes them.
    ///
    /// Tensors have the names of a `Sequential` of the same layers (`0.weight`, `0.bias`, `2.weight`, …; layers without
    /// parameters count) and their shapes, a dense layer's weight being outputs × inputs:
    /// `safetensors.torch.save_file(model.state_dict(), path)`. For other names, prefixes and extra tensors there is
    /// [`ParameterReader`]. What the metadata say is not looked at.
    ///
    /// # Errors
    /// As [`ParameterReader::read`]: tensors must be those of the network, no more and no less, of its shapes, finite,
    /// and of its number type or one that widens to it exactly.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dvector;
    /// use gradus::layer::Relu;
    /// use gradus::{Dense, Model, Network};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("weights.safetensors");
    /// # let tensors = [("0.weight", vec![1, 2], [3.0_f32, 4.0].map(f32::to_le_bytes).concat()),
    /// #     ("0.bias", vec![1], 5.0_f32.to_le_bytes().to_vec())];
    /// # let views = tensors.iter().map(|(name, shape, bytes)| {
    /// #     (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap())
    /// # });
    /// # safetensors::serialize_to_file(views, None, &path)?;
    /// // torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU()), with the weight (3, 4) and the bias 5
    /// let network = Network::<f32>::builder(2).layer(Dense::new(2, 1)).layer(Relu).build()?;
    /// let model = Model::load_parameters(network, &path)?;
    /// assert_eq!(model.predict(&dvector![1.0, 10.0])?[0], 48.0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn load_parameters(network: Network<T>, path: impl AsRef<Path>) -> Result<Self, ModelError> {
        ParameterReader::new().read(network, path)
    }
}

/// The shape of a block in other tools, where all vectors have one dimension.
pub(super) fn shape(range: &ParameterRange, layer: Option<&LayerConfiguration>) -> Vec<usize> {
    let (rows, columns) = (range.block.rows, range.block.columns);
    let is_weight = matches!((layer, range.block.name), (Some(LayerConfiguration::Dense { .. }), "weight"));
    if is_weight || columns != 1 { vec![rows, columns] } else { vec![rows] }
}

/// A file of these tensors, each with its shape and bytes, in the order of their names.
///
/// [`safetensors::serialize`] takes the metadata as a `HashMap`, which has another order in every run.
fn serialize(
    metadata: &BTreeMap<&str, &str>,
    dtype: Dtype,
    blocks: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
) -> Result<Vec<u8>, SafeTensorError> {
    #[derive(Serialize)]
    struct Header<'a> {
        #[serde(rename = "__metadata__")]
        metadata: &'a BTreeMap<&'a str, &'a str>,
        #[serde(flatten)]
        tensors: BTreeMap<String, TensorInfo>,
    }

    let (mut tensors, mut data) = (BTreeMap::new(), Vec::new());
    for (name, (shape, bytes)) in blocks {
        let data_offsets = (data.len(), data.len() + bytes.len());
        tensors.insert(name, TensorInfo { dtype, shape, data_offsets });
        data.extend(bytes);
    }
    let mut header = serde_json::to_vec(&Header { metadata, tensors })?;
    // The numbers begin at a multiple of their size.
    header.resize(header.len().next_multiple_of(8), b' ');
    // The longest that readers take.
    if header.len() > 100_000_000 {
        return Err(SafeTensorError::HeaderTooLarge);
    }
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    Ok(file)
}

pub(super) fn number_of<T: 'static>() -> Result<Number, ModelError> {
    Number::of::<T>().ok_or(ModelError::NumberType)
}

fn data_type(number: Number) -> Dtype {
    match number {
        Number::F32 => Dtype::F32,
        Number::F64 => Dtype::F64,
    }
}

/// The version alone, of an architecture that may have fields unknown to this one.
#[derive(Deserialize)]
struct Version {
    version: u32,
}
