use std::any::TypeId;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nalgebra::DVector;
use safetensors::tensor::{SafeTensorError, TensorView};
use safetensors::{Dtype, SafeTensors};
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Model;
use crate::data::Standardization;
use crate::error::Error;
use crate::layer::LayerConfiguration;
use crate::network::{Network, ParameterRange};
use crate::real::Real;

/// The entry of a file's metadata that holds the architecture.
const ENTRY: &str = "gradus";
const VERSION: u32 = 1;

/// Why a model cannot be written to, or read from, a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

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
    #[error("metadata: expected an entry \"gradus\" that describes the network, found none")]
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

    /// A block of parameters is not in the file.
    #[error("tensor {name}: expected one, found none")]
    MissingTensor {
        /// Its name.
        name: String,
    },

    /// The file has a tensor that the network has no use for.
    #[error("tensor {name}: expected none of this name")]
    UnexpectedTensor {
        /// Its name.
        name: String,
    },

    /// A tensor of another number type.
    #[error("tensor {name}: expected numbers of type {expected:?}, found {found:?}")]
    TensorType {
        /// Its name.
        name: String,
        /// The type of the model's numbers.
        expected: Dtype,
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

    /// The parts do not make a model: layers that do not fit together, parameters that are not finite.
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
    /// architecture and the standardisations are in the metadata, so that [`load`](Self::load) needs nothing else.
    ///
    /// The file appears as a whole or not at all: it is written under another name and then renamed.
    ///
    /// # Errors
    /// [`ModelError::NotDescribed`] for a layer without a configuration, [`ModelError::NumberType`] for numbers other than
    /// `f32` and `f64`, [`ModelError::Io`] if the file cannot be written; a former file is untouched then.
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
        let path = path.as_ref();
        let bytes = self.to_bytes()?;
        write_whole(path, &bytes).map_err(|source| ModelError::Io { path: path.to_owned(), source })
    }

    /// Reads a model that was [saved](Self::save), or that another tool has written with the same names and metadata.
    ///
    /// # Errors
    /// [`ModelError`] says what is wrong with a file: nothing of it is taken on trust, and no more memory is asked for than
    /// a small multiple of its size.
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
        let number = Number::of::<T>()?;
        let describe = |(index, layer): (usize, &dyn crate::layer::Layer<T>)| {
            layer.configuration().ok_or_else(|| ModelError::NotDescribed { index, layer: format!("{layer:?}") })
        };
        let layers = self.network.layers().enumerate().map(describe).collect::<Result<Vec<_>, _>>()?;
        let mut tensors = Vec::new();
        for range in self.network.parameter_ranges() {
            let values = &self.parameters.as_slice()[range.range.clone()];
            let (rows, columns) = (range.block.rows, range.block.columns);
            let row_by_row = (0..rows).flat_map(|row| (0..columns).map(move |column| row + column * rows));
            let bytes: Vec<u8> = row_by_row.flat_map(|place| number.to_bytes(values[place].to_f64())).collect();
            tensors.push((range.name(), shape(range, &layers), bytes));
        }
        let architecture = Architecture {
            version: VERSION,
            input_size: self.network.input_size(),
            layers,
            inputs: self.inputs.as_ref().map(Scaling::of),
            outputs: self.outputs.as_ref().map(Scaling::of),
        };
        let architecture = serde_json::to_string(&architecture).map_err(ModelError::Architecture)?;
        let metadata = HashMap::from([(ENTRY.to_owned(), architecture), ("format".to_owned(), "pt".to_owned())]);
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(number.data_type(), shape.clone(), bytes)?)));
        let views = views.collect::<Result<Vec<_>, SafeTensorError>>()?;
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) makes.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let number = Number::of::<T>()?;
        let (header, metadata) = SafeTensors::read_metadata(bytes)?;
        let header = bytes.get(8..8 + header).unwrap_or_default();
        let Names(names) = serde_json::from_slice(header).map_err(ModelError::Architecture)?;
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ModelError::Duplicate { name: pair[0].clone() });
        }
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let architecture = entry.ok_or(ModelError::NoArchitecture)?;
        let version = serde_json::from_str::<Version>(architecture).map_err(ModelError::Architecture)?.version;
        if version != VERSION {
            return Err(ModelError::Version { expected: VERSION, found: version });
        }
        let architecture: Architecture = serde_json::from_str(architecture).map_err(ModelError::Architecture)?;

        let tensors = SafeTensors::deserialize(bytes)?;
        let mut builder = Network::builder(architecture.input_size);
        for layer in &architecture.layers {
            builder = builder.boxed_layer(layer.build()?);
        }
        let network = builder.assemble()?;
        // All shapes first: together they are then no larger than the file.
        let ranges = network.parameter_ranges();
        let found: HashMap<String, TensorView<'_>> =
            tensors.iter().map(|(name, view)| (name.to_owned(), view)).collect();
        for range in ranges {
            let name = range.name();
            let Some(view) = found.get(&name) else { return Err(ModelError::MissingTensor { name }) };
            if view.dtype() != number.data_type() {
                return Err(ModelError::TensorType { name, expected: number.data_type(), found: view.dtype() });
            }
            let expected = shape(range, &architecture.layers);
            if view.shape() != expected {
                return Err(ModelError::TensorShape { name, expected, found: view.shape().to_vec() });
            }
        }
        if let Some(name) = found.keys().find(|&name| ranges.iter().all(|range| range.name() != *name)) {
            return Err(ModelError::UnexpectedTensor { name: name.clone() });
        }
        let mut parameters = DVector::zeros(network.parameter_count());
        for range in ranges {
            let values = &mut parameters.as_mut_slice()[range.range.clone()];
            let (rows, columns) = (range.block.rows, range.block.columns);
            let numbers = found[&range.name()].data().chunks_exact(number.size()).map(|bytes| number.read(bytes));
            for (place, value) in numbers.enumerate() {
                values[place / columns + (place % columns) * rows] = T::nearest(value);
            }
        }
        let mut model = Self::new(network, parameters)?;
        if let Some(inputs) = architecture.inputs {
            model = model.with_input_standardization(inputs.build()?)?;
        }
        if let Some(outputs) = architecture.outputs {
            model = model.with_output_standardization(outputs.build()?)?;
        }
        Ok(model)
    }
}

/// The shape of a block in other tools: only weights of dense layers are matrices.
fn shape(range: &ParameterRange, layers: &[LayerConfiguration]) -> Vec<usize> {
    let is_matrix = matches!(layers.get(range.layer), Some(LayerConfiguration::Dense { .. }));
    match range.block.name {
        "weight" if is_matrix => vec![range.block.rows, range.block.columns],
        _ => vec![range.block.rows * range.block.columns],
    }
}

/// A number type of files.
#[derive(Clone, Copy)]
enum Number {
    F32,
    F64,
}

impl Number {
    fn of<T: 'static>() -> Result<Self, ModelError> {
        if TypeId::of::<T>() == TypeId::of::<f32>() {
            Ok(Self::F32)
        } else if TypeId::of::<T>() == TypeId::of::<f64>() {
            Ok(Self::F64)
        } else {
            Err(ModelError::NumberType)
        }
    }

    fn data_type(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F64 => Dtype::F64,
        }
    }

    fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn to_bytes(self, value: f64) -> Vec<u8> {
        match self {
            Self::F32 => (value as f32).to_le_bytes().to_vec(),
            Self::F64 => value.to_le_bytes().to_vec(),
        }
    }

    /// Of as many bytes as the number has; NaN of any others.
    fn read(self, bytes: &[u8]) -> f64 {
        match self {
            Self::F32 => bytes.try_into().map_or(f64::NAN, |bytes| f64::from(f32::from_le_bytes(bytes))),
            Self::F64 => bytes.try_into().map_or(f64::NAN, f64::from_le_bytes),
        }
    }
}

/// The version alone, of an architecture that may have fields unknown to this one.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// The names in the header, sorted. A map would keep only one of two that are the same.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Names;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    map.next_value::<IgnoredAny>().map_err(de::Error::custom)?;
                    names.push(name);
                }
                names.sort_unstable();
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

/// Writes a file under another name in the same directory, and renames it when it is complete.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // As of any new file, less what the process masks out; a temporary file would be its owner's alone.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
