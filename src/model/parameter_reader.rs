use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nalgebra::DVector;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Model;
use super::file::{ModelError, number_of, shape};
use crate::layer::Layer;
use crate::network::{Network, ParameterRange};
use crate::number::{Number, half};
use crate::real::Real;

/// Reads the parameters of a given network from a safetensors file that another program wrote.
///
/// The file has one tensor for each of the network's [parameter ranges](Network::parameter_ranges). By default a tensor
/// has the name of its range, `0.weight`, `0.bias`, `2.weight`, …, as in the state dict of a PyTorch `Sequential` of
/// the same layers. [`with_names`](Self::with_names) and [`with_prefix`](Self::with_prefix) say what the file calls
/// them instead. Errors name tensors as the file does. The metadata are not looked at.
///
/// # Shapes
/// `Dense`: `weight` outputs × inputs, row by row, as `Linear.weight`, and `bias` outputs. `LayerNormalization`:
/// `weight` and `bias` features.
///
/// # Numerics
/// Every number keeps its value. A network of `f32` reads tensors of `F16`, `BF16` and `F32`, one of `f64` also `F64`;
/// each tensor of a file may have a type of its own. Nothing is rounded: to have the parameters of an `F64` file in
/// `f32`, read them into a network of `f64` and convert them with `model.parameters().map(|value| value as f32)`.
///
/// # Examples
/// A module with the layers `fc1` and `fc2`, in single precision and wrapped by `torch.nn.DataParallel`, for a network
/// of `f64`:
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::layer::Relu;
/// use gradus::model::ParameterReader;
/// use gradus::{Dense, Network};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("net.safetensors");
/// # let tensors = [
/// #     ("module.fc1.weight", vec![2, 1], [1.0_f32, -1.0].map(f32::to_le_bytes).concat()),
/// #     ("module.fc1.bias", vec![2], [0.5_f32, 0.0].map(f32::to_le_bytes).concat()),
/// #     ("module.fc2.weight", vec![1, 2], [2.0_f32, 10.0].map(f32::to_le_bytes).concat()),
/// #     ("module.fc2.bias", vec![1], 3.0_f32.to_le_bytes().to_vec()),
/// # ];
/// # let views = tensors.iter().map(|(name, shape, bytes)| {
/// #     (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap())
/// # });
/// # safetensors::serialize_to_file(views, None, &path)?;
/// // module.fc1.weight ((1), (−1)), module.fc1.bias (½, 0), module.fc2.weight (2, 10), module.fc2.bias (3)
/// let network = Network::<f64>::builder(1).layer(Dense::new(1, 2)).layer(Relu).layer(Dense::new(2, 1)).build()?;
/// let reader = ParameterReader::new().with_prefix("module.").with_names([("0", "fc1"), ("2", "fc2")]);
/// let model = reader.read(network, &path)?;
/// assert_eq!(model.predict(&dvector![1.0])?[0], 6.0); // 2 · 1.5 + 10 · 0 + 3
/// # Ok(())
/// # }
/// ```
#[doc(alias("load_state_dict", "state_dict"))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a reader does nothing before it reads"]
pub struct ParameterReader {
    prefix: String,
    /// What the file calls a layer, or one of its tensors.
    names: BTreeMap<String, String>,
    ignores_extras: bool,
}

impl ParameterReader {
    /// Expects the tensors of the network by their own names, and no others.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects this before every name, as `"module."` of PyTorch's `DataParallel`, `"_orig_mod."` of `torch.compile`,
    /// or `"net."` of a `Sequential` that is a part of a module.
    ///
    /// It also precedes the names of [`with_names`](Self::with_names). Tensors without it are extras.
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Expects other names: pairs of a name here and what the file calls it.
    ///
    /// The name here is a layer, counted from 0, or one of its tensors: with `("0", "fc1")` the tensor `0.weight` is
    /// `fc1.weight` in the file, with `("1.weight", "norm.gamma")` the tensor `1.weight` is `norm.gamma`. A tensor's
    /// own pair comes before that of its layer, and what has no pair keeps its name. A second call adds to the first.
    /// Two tensors may have the same name in the file, as PyTorch's tied weights do.
    ///
    /// # Errors
    /// [`read`](Self::read) refuses a name here that is neither a layer with parameters nor a tensor of the network.
    ///
    /// # Examples
    /// ```
    /// use gradus::model::ParameterReader;
    /// use gradus::{Dense, Network};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let data = [1.5_f32, 0.25].map(f32::to_le_bytes).concat();
    /// # let views = [("head.weight", vec![1, 1], 0..4), ("offset", vec![1], 4..8)].map(|(name, shape, place)| {
    /// #     (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &data[place]).unwrap())
    /// # });
    /// # let bytes = safetensors::serialize(views, None)?;
    /// let network = Network::<f32>::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let reader = ParameterReader::new().with_names([("0", "head"), ("0.bias", "offset")]); // head.weight, offset
    /// assert_eq!(reader.read_bytes(network.clone(), &bytes)?.parameters().as_slice(), [1.5, 0.25]);
    ///
    /// let error = reader.with_names([("1", "tail")]).read_bytes(network, &bytes).unwrap_err();
    /// let message = r#"name "1": expected a layer with parameters or one of ["0.weight", "0.bias"], found neither"#;
    /// assert_eq!(error.to_string(), message);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_names<K: Into<String>, V: Into<String>>(mut self, names: impl IntoIterator<Item = (K, V)>) -> Self {
        self.names.extend(names.into_iter().map(|(own, name)| (own.into(), name.into())));
        self
    }

    /// Passes over the tensors of the file that the network has no use for, whatever their type.
    ///
    /// A model may compute something else without them: a `BatchNorm1d` is more than its extra tensors `running_mean`,
    /// `running_var` and `num_batches_tracked`.
    ///
    /// # Examples
    /// ```
    /// use gradus::model::ParameterReader;
    /// use gradus::{Dense, Network};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let data = [1.5_f32, 0.25, 0.0].map(f32::to_le_bytes).concat();
    /// # let views = [("0.weight", vec![1, 1], 0..4), ("0.bias", vec![1], 4..8), ("epochs", vec![], 8..12)].map(
    /// #     |(name, shape, place)| {
    /// #         (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &data[place]).unwrap())
    /// #     },
    /// # );
    /// # let bytes = safetensors::serialize(views, None)?;
    /// let network = Network::<f32>::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let error = ParameterReader::new().read_bytes(network.clone(), &bytes).unwrap_err();
    /// let message = r#"tensors: expected ["0.bias", "0.weight"] and no others, found also ["epochs"]"#;
    /// assert_eq!(error.to_string(), message);
    ///
    /// let model = ParameterReader::new().ignoring_extras().read_bytes(network, &bytes)?;
    /// assert_eq!(model.parameters().as_slice(), [1.5, 0.25]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ignoring_extras(self) -> Self {
        Self { ignores_extras: true, ..self }
    }

    /// The network with the parameters of a file.
    ///
    /// # Errors
    /// - [`ModelError::Io`] if the file cannot be read, [`ModelError::Format`] or [`ModelError::Duplicate`] if it is not in
    ///   the format.
    /// - [`ModelError::UnknownName`] for a name of [`with_names`](Self::with_names) that the network does not have.
    /// - [`ModelError::MissingTensors`], with the names that the file has; [`ModelError::UnexpectedTensors`].
    /// - [`ModelError::TensorType`] for numbers that `T` does not hold exactly, [`ModelError::TensorShape`].
    /// - [`ModelError::NotFinite`], with the tensor and the index of the first NaN or ∞.
    ///
    /// No more memory is asked for than a small multiple of the size of file and network.
    pub fn read<T: Real>(&self, network: Network<T>, path: impl AsRef<Path>) -> Result<Model<T>, ModelError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })?;
        self.read_bytes(network, &bytes)
    }

    /// The network with the parameters of what a file would hold.
    ///
    /// # Errors
    /// As [`read`](Self::read), but for those of files.
    pub fn read_bytes<T: Real>(&self, network: Network<T>, bytes: &[u8]) -> Result<Model<T>, ModelError> {
        let types = exact_types(number_of::<T>()?);
        let names = self.names_in_file(network.parameter_ranges())?;
        let tensors = tensors(bytes)?;
        let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let missing: Vec<&str> = wanted.iter().copied().filter(|&name| !tensors.contains_key(name)).collect();
        if !missing.is_empty() {
            let found = tensors.into_keys().collect();
            return Err(ModelError::MissingTensors { missing: owned(missing), found });
        }
        let extras: Vec<&str> = tensors.keys().map(String::as_str).filter(|name| !wanted.contains(name)).collect();
        if !extras.is_empty() && !self.ignores_extras {
            let expected = owned(wanted.into_iter().collect());
            return Err(ModelError::UnexpectedTensors { expected, unexpected: owned(extras) });
        }
        // All shapes before anything is allocated: the parameters are then no more than the file has, ties aside.
        let configurations: Vec<_> = network.layers().map(Layer::configuration).collect();
        let ranges = network.parameter_ranges();
        for (range, name) in ranges.iter().zip(&names) {
            let tensor = &tensors[name];
            if !types.contains(&tensor.dtype()) {
                return Err(ModelError::TensorType { name: name.clone(), expected: types, found: tensor.dtype() });
            }
            let expected = shape(range, configurations[range.layer].as_ref());
            if tensor.shape() != expected {
                let found = tensor.shape().to_vec();
                return Err(ModelError::TensorShape { name: name.clone(), expected, found });
            }
        }
        let mut parameters = DVector::zeros(network.parameter_count());
        for (range, name) in ranges.iter().zip(&names) {
            let (rows, columns) = (range.block.rows, range.block.columns);
            let values = &mut parameters.as_mut_slice()[range.range.clone()];
            let tensor = &tensors[name];
            for (place, bytes) in tensor.data().chunks_exact(tensor.dtype().bitsize() / 8).enumerate() {
                let value = decode(tensor.dtype(), bytes);
                let (row, column) = (place / columns, place % columns);
                if !value.is_finite() {
                    let index = if tensor.shape().len() == 2 { vec![row, column] } else { vec![place] };
                    return Err(ModelError::NotFinite { name: name.clone(), index, value });
                }
                values[row + column * rows] = T::nearest(value);
            }
        }
        Ok(Model::new(network, parameters)?)
    }

    /// What the file calls the tensor of each range.
    fn names_in_file(&self, ranges: &[ParameterRange]) -> Result<Vec<String>, ModelError> {
        let mut unused: BTreeSet<&str> = self.names.keys().map(String::as_str).collect();
        let mut names = Vec::with_capacity(ranges.len());
        for range in ranges {
            let (own, layer) = (range.name(), range.layer.to_string());
            unused.remove(own.as_str());
            unused.remove(layer.as_str());
            let of_layer = || self.names.get(&layer).map(|layer| format!("{layer}.{}", range.block.name));
            let name = self.names.get(&own).cloned().or_else(of_layer).unwrap_or(own);
            names.push(format!("{}{name}", self.prefix));
        }
        match unused.first() {
            Some(&name) => {
                let names = ranges.iter().map(ParameterRange::name).collect();
                Err(ModelError::UnknownName { name: name.to_owned(), names })
            }
            None => Ok(names),
        }
    }
}

/// The tensors of a file, by their names.
fn tensors(bytes: &[u8]) -> Result<BTreeMap<String, TensorView<'_>>, ModelError> {
    let (header, _) = SafeTensors::read_metadata(bytes)?;
    let header = bytes.get(8..8 + header).unwrap_or_default();
    let Names(names) = serde_json::from_slice(header).map_err(ModelError::Architecture)?;
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(ModelError::Duplicate { name: pair[0].clone() });
    }
    let tensors = SafeTensors::deserialize(bytes)?;
    Ok(tensors.iter().map(|(name, view)| (name.to_owned(), view)).collect())
}

/// The floating-point types that lose nothing when they are read as this one.
fn exact_types(number: Number) -> &'static [Dtype] {
    match number {
        Number::F32 => &[Dtype::F16, Dtype::BF16, Dtype::F32],
        Number::F64 => &[Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64],
    }
}

/// The value of a number of one of these types, the lowest byte first; NaN of anything else.
fn decode(kind: Dtype, bytes: &[u8]) -> f64 {
    match (kind, bytes) {
        (Dtype::F16, &[low, high]) => half(u16::from_le_bytes([low, high])),
        // The upper half of a number of single precision.
        (Dtype::BF16, &[low, high]) => f64::from(f32::from_le_bytes([0, 0, low, high])),
        (Dtype::F32, _) => Number::F32.read(bytes),
        (Dtype::F64, _) => Number::F64.read(bytes),
        _ => f64::NAN,
    }
}

/// The entry of the header that is no tensor.
const METADATA: &str = "__metadata__";

/// The names in the header and in its metadata, sorted. A map would keep only one of two that are the same.
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
                    if name == METADATA {
                        let Names(entries) = map.next_value::<Option<Names>>()?.unwrap_or(Names(Vec::new()));
                        names.extend(entries.iter().map(|entry| format!("{METADATA}.{entry}")));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    names.push(name);
                }
                names.sort_unstable();
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}
