mod messages;

use std::path::Path;

use messages::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use prost::Message;

use super::Model;
use crate::data::Standardization;
use crate::file::{SaveError, save_file};
use crate::layer::{LayerConfiguration, TanhGelu};
use crate::number::Number;
use crate::real::Real;

/// Of ONNX 1.4: the first whose constants are no inputs of the graph.
const IR_VERSION: i64 = 4;

/// Why a model cannot be written as ONNX.
///
/// # Examples
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::model::OnnxError;
/// use gradus::{Model, Network, Sigmoid};
///
/// let model = Model::new(Network::<f32>::builder(1).layer(Sigmoid).build()?, DVector::zeros(0))?;
/// let error = model.save_onnx("no/such/directory/model.onnx").unwrap_err();
/// assert!(matches!(error, OnnxError::Save(_)) && error.to_string().starts_with("no/such/directory/model.onnx: "));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
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

    /// The format has no room for a model of this size.
    #[error("ONNX file: expected less than 2 GiB, found {bytes} bytes")]
    TooLarge {
        /// The size of the file.
        bytes: usize,
    },
}

impl<T: Real> Model<T> {
    /// Writes the model to a file in the ONNX format, which ONNX Runtime and others run; to be read by gradus again, it
    /// is [saved](Self::save) too.
    ///
    /// The graph has an input `input`, samples × input size, and an output `output`, samples × output size: one sample
    /// a
    /// **row**, as all runtimes have it, so that the memory is that of a [`Batch`](crate::Batch). Standardizations are
    /// part of it; dropout does nothing. Weights have the names and the layout of PyTorch's.
    ///
    /// How the file is replaced is said at [`save_file`]; its bytes are a function of the model.
    ///
    /// # File format
    /// IR version 4, and the lowest operator set that has what the layers need, so that old runtimes take the file:
    ///
    /// | layers | operators | operator set |
    /// | --- | --- | --- |
    /// | [`Dense`](crate::Dense) | `Gemm` | 7 |
    /// | [`LayerNormalization`](crate::layer::LayerNormalization) | `ReduceMean`, `Sub`, `Mul`, `Add`, `Sqrt`, `Div` | 7 |
    /// | [`Dropout`](crate::layer::Dropout), [`Identity`](crate::layer::Identity) | `Identity` | 7 |
    /// | [`Softmax`](crate::Softmax), [`LogSoftmax`](crate::layer::LogSoftmax), [`Sigmoid`](crate::Sigmoid), [`Tanh`](crate::layer::Tanh), [`Relu`](crate::layer::Relu), [`LeakyRelu`](crate::layer::LeakyRelu), [`Elu`](crate::layer::Elu), [`Softplus`](crate::layer::Softplus) | those of the same name | 7 |
    /// | [`Silu`](crate::layer::Silu) | `Sigmoid`, `Mul` | 7 |
    /// | [`TanhGelu`] | `Mul`, `Add`, `Tanh` | 7 |
    /// | [`Gelu`](crate::layer::Gelu) | `Mul`, `Erf`, `Add` | 9 |
    /// | standardizations | `Sub`, `Div`; `Mul`, `Add` | 7 |
    ///
    /// A model has the highest of its layers. Operator set 7 is the oldest that ONNX Runtime runs.
    ///
    /// # Numerics
    /// Numbers are of the model's type, but for the hyper-parameters of [`LeakyRelu`](crate::layer::LeakyRelu) and
    /// [`Elu`](crate::layer::Elu), which are `f32` in ONNX. Where the model's type is `f64`, these two,
    /// [`Softplus`](crate::layer::Softplus) and the error function of [`Gelu`](crate::layer::Gelu) are written to be
    /// computed in `f32`, since ONNX Runtime 1.32 has them in no other. ONNX has no complementary error function: the
    /// error of [`Gelu`](crate::layer::Gelu) and [`TanhGelu`] is about |x| ε, so that the small values below −3 lose
    /// digits.
    ///
    /// # Errors
    /// [`OnnxError::NotDescribed`] for a layer without a configuration, [`OnnxError::NumberType`] for numbers other
    /// than `f32` and `f64`, [`OnnxError::TooLarge`] from 2 GiB on, [`OnnxError::Save`] if the file cannot be saved.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Dense, Model, Network, Sigmoid};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.onnx");
    /// let network = Network::builder(2).layer(Dense::new(2, 3)).layer(Sigmoid).build()?;
    /// let model = Model::new(network, DVector::from_element(9, 0.5_f32))?;
    /// model.save_onnx(&path)?;
    /// // onnxruntime.InferenceSession("model.onnx").run(["output"], {"input": x})
    /// # assert_eq!(std::fs::read(&path)?, model.to_onnx_bytes()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    /// Open Neural Network Exchange, operator sets 7 and 9.
    pub fn save_onnx(&self, path: impl AsRef<Path>) -> Result<(), OnnxError> {
        Ok(save_file(path, self.to_onnx_bytes()?)?)
    }

    /// What [`save_onnx`](Self::save_onnx) writes.
    ///
    /// # Errors
    /// As `save_onnx`, but for those of files.
    pub fn to_onnx_bytes(&self) -> Result<Vec<u8>, OnnxError> {
        let number = Number::of::<T>().ok_or(OnnxError::NumberType)?;
        let mut graph = Graph::new(number);
        if let Some(inputs) = &self.inputs {
            let [mean, scale] = graph.scaling("input", inputs);
            graph.operator("input", "Sub", &[mean], vec![]);
            graph.operator("input", "Div", &[scale], vec![]);
        }
        for (index, layer) in self.network.layers().enumerate() {
            let configuration = layer.configuration();
            let configuration =
                configuration.ok_or_else(|| OnnxError::NotDescribed { index, layer: format!("{layer:?}") })?;
            let mut parameters = Vec::new();
            for range in self.network.parameter_ranges().iter().filter(|range| range.layer == index) {
                let values = &self.parameters.as_slice()[range.range.clone()];
                let (rows, columns) = (range.block.rows, range.block.columns);
                let is_matrix =
                    matches!((&configuration, range.block.name), (LayerConfiguration::Dense { .. }, "weight"));
                let shape = if is_matrix { vec![rows, columns] } else { vec![rows] };
                let row_by_row = (0..rows).flat_map(|row| (0..columns).map(move |column| row + column * rows));
                parameters.push(graph.tensor(range.name(), &shape, row_by_row.map(|place| values[place])));
            }
            graph.layer(index, &configuration, &parameters);
        }
        if let Some(outputs) = &self.outputs {
            let [mean, scale] = graph.scaling("output", outputs);
            graph.operator("output", "Mul", &[scale], vec![]);
            graph.operator("output", "Add", &[mean], vec![]);
        }
        let bytes = graph.finish(self.network.input_size(), self.network.output_size()).encode_to_vec();
        // A length in the format is one of `i32`.
        if bytes.len() > i32::MAX as usize {
            return Err(OnnxError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }
}

/// A chain of operators, each applied to what the one before has made.
struct Graph {
    number: Number,
    nodes: Vec<NodeProto>,
    tensors: Vec<TensorProto>,
    /// The name of what the last operator has made.
    current: String,
    /// The lowest operator set that has all of the operators.
    operator_set: i64,
}

impl Graph {
    fn new(number: Number) -> Self {
        let current = "input".to_owned();
        // The oldest in which vectors are added to matrices row by row, without being told to.
        Self { number, nodes: Vec::new(), tensors: Vec::new(), current, operator_set: 7 }
    }

    /// Adds constants, and says their name again.
    fn tensor<T: Real>(&mut self, name: String, shape: &[usize], values: impl Iterator<Item = T>) -> String {
        let mut raw_data = Vec::with_capacity(shape.iter().product::<usize>() * self.number.size());
        values.for_each(|value| self.number.write(value.to_f64(), &mut raw_data));
        let dims = shape.iter().map(|&size| size as i64).collect();
        self.tensors.push(TensorProto { dims, data_type: data_type(self.number), name: name.clone(), raw_data });
        name
    }

    /// Adds one number.
    fn scalar(&mut self, of: &str, name: &str, value: f64) -> String {
        self.tensor(format!("{of}.{name}"), &[], [value].into_iter())
    }

    /// Adds the numbers of a standardization: their names.
    fn scaling<T: Real>(&mut self, of: &str, standardization: &Standardization<T>) -> [String; 2] {
        let size = [standardization.size()];
        [("mean", standardization.mean()), ("scale", standardization.scale())]
            .map(|(name, values)| self.tensor(format!("{of}.{name}"), &size, values.iter().copied()))
    }

    /// Appends an operator on the current values and on constants.
    fn operator(&mut self, of: &str, operator: &str, constants: &[String], attribute: Vec<AttributeProto>) {
        let mut input = vec![self.current.clone()];
        input.extend_from_slice(constants);
        self.node(of, operator, input, attribute);
    }

    fn node(&mut self, of: &str, operator: &str, input: Vec<String>, attribute: Vec<AttributeProto>) {
        self.current = format!("value{}", self.nodes.len());
        let (output, name) = (vec![self.current.clone()], format!("{of}.{operator}.{}", self.nodes.len()));
        self.nodes.push(NodeProto { input, output, name, op_type: operator.to_owned(), attribute });
    }

    /// Appends an operator that runtimes have in `f32` only.
    fn narrow_operator(&mut self, of: &str, operator: &str, attribute: Vec<AttributeProto>) {
        let is_wide = self.number == Number::F64;
        if is_wide {
            self.operator(of, "Cast", &[], vec![integer("to", messages::F32)]);
        }
        self.operator(of, operator, &[], attribute);
        if is_wide {
            self.operator(of, "Cast", &[], vec![integer("to", messages::F64)]);
        }
    }

    /// Appends ½ x (1 + v), where v are the current values.
    fn half_of_one_more(&mut self, of: &str, x: String) {
        let [one, half] = [("one", 1.0), ("half", 0.5)].map(|(name, value)| self.scalar(of, name, value));
        for (operator, other) in [("Add", one), ("Mul", x), ("Mul", half)] {
            self.operator(of, operator, &[other], vec![]);
        }
    }

    fn layer(&mut self, index: usize, configuration: &LayerConfiguration, parameters: &[String]) {
        let of = &index.to_string();
        let input = self.current.clone();
        // The last one: in old operator sets axes are counted from the first alone.
        let over_values = || vec![integer("axis", 1)];
        match *configuration {
            // One sample a row: Y = X Wᵀ + b.
            LayerConfiguration::Dense { .. } => self.operator(of, "Gemm", parameters, vec![integer("transB", 1)]),
            LayerConfiguration::LayerNormalization { epsilon, .. } => {
                let mean = || vec![integers("axes", &[1]), integer("keepdims", 1)];
                let epsilon = self.scalar(of, "epsilon", epsilon);
                self.operator(of, "ReduceMean", &[], mean());
                self.node(of, "Sub", vec![input, self.current.clone()], vec![]);
                let deviation = self.current.clone();
                self.operator(of, "Mul", std::slice::from_ref(&deviation), vec![]);
                self.operator(of, "ReduceMean", &[], mean());
                self.operator(of, "Add", &[epsilon], vec![]);
                self.operator(of, "Sqrt", &[], vec![]);
                self.node(of, "Div", vec![deviation, self.current.clone()], vec![]);
                for (operator, parameter) in ["Mul", "Add"].into_iter().zip(parameters) {
                    self.operator(of, operator, std::slice::from_ref(parameter), vec![]);
                }
            }
            LayerConfiguration::Softmax => self.operator(of, "Softmax", &[], over_values()),
            LayerConfiguration::LogSoftmax => self.operator(of, "LogSoftmax", &[], over_values()),
            LayerConfiguration::Dropout { .. } | LayerConfiguration::Identity => {
                self.operator(of, "Identity", &[], vec![]);
            }
            LayerConfiguration::Sigmoid => self.operator(of, "Sigmoid", &[], vec![]),
            LayerConfiguration::Tanh => self.operator(of, "Tanh", &[], vec![]),
            LayerConfiguration::Relu => self.operator(of, "Relu", &[], vec![]),
            LayerConfiguration::LeakyRelu { slope } => {
                self.narrow_operator(of, "LeakyRelu", vec![float("alpha", slope)]);
            }
            LayerConfiguration::Elu { alpha } => self.narrow_operator(of, "Elu", vec![float("alpha", alpha)]),
            // Operators of these names came with operator set 20. x/2 · (1 + erf(x/√2)).
            LayerConfiguration::Gelu => {
                let scale = self.scalar(of, "scale", std::f64::consts::FRAC_1_SQRT_2);
                self.operator(of, "Mul", &[scale], vec![]);
                self.narrow_operator(of, "Erf", vec![]);
                self.operator_set = self.operator_set.max(9);
                self.half_of_one_more(of, input);
            }
            // x/2 · (1 + tanh((c₃ x² + c₁) x))
            LayerConfiguration::TanhGelu => {
                let [linear, cubic] = TanhGelu::COEFFICIENTS;
                let [linear, cubic] =
                    [("linear", linear), ("cubic", cubic)].map(|(name, value)| self.scalar(of, name, value));
                for (operator, other) in
                    [("Mul", input.clone()), ("Mul", cubic), ("Add", linear), ("Mul", input.clone())]
                {
                    self.operator(of, operator, &[other], vec![]);
                }
                self.operator(of, "Tanh", &[], vec![]);
                self.half_of_one_more(of, input);
            }
            LayerConfiguration::Silu => {
                self.operator(of, "Sigmoid", &[], vec![]);
                self.operator(of, "Mul", &[input], vec![]);
            }
            LayerConfiguration::Softplus => self.narrow_operator(of, "Softplus", vec![]),
        }
    }

    fn finish(mut self, input_size: usize, output_size: usize) -> ModelProto {
        // A network has layers, and each of them an operator.
        if let Some(last) = self.nodes.last_mut() {
            last.output = vec!["output".to_owned()];
        }
        let value = |name: &str, size: usize| {
            let samples = DimensionProto { dim_param: Some("samples".to_owned()), dim_value: None };
            let values = DimensionProto { dim_value: Some(size as i64), dim_param: None };
            let shape = Some(TensorShapeProto { dim: vec![samples, values] });
            let tensor_type = Some(TensorTypeProto { elem_type: data_type(self.number), shape });
            vec![ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }]
        };
        let graph = GraphProto {
            input: value("input", input_size),
            output: value("output", output_size),
            node: self.nodes,
            name: "network".to_owned(),
            initializer: self.tensors,
        };
        ModelProto {
            ir_version: IR_VERSION,
            producer_name: env!("CARGO_PKG_NAME").to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: self.operator_set }],
        }
    }
}

fn data_type(number: Number) -> i32 {
    match number {
        Number::F32 => messages::F32,
        Number::F64 => messages::F64,
    }
}

fn integer(name: &str, value: i32) -> AttributeProto {
    let name = name.to_owned();
    AttributeProto { name, i: Some(i64::from(value)), r#type: messages::INTEGER, ..Default::default() }
}

fn float(name: &str, value: f64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), f: Some(value as f32), r#type: messages::FLOAT, ..Default::default() }
}

fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: values.to_vec(), r#type: messages::INTEGERS, ..Default::default() }
}
