//! ONNX files: ONNX Runtime computes what gradus computes, for every layer.

use std::fs;
use std::path::Path;

use gradus::data::Standardization;
use gradus::layer::{
    Dropout, Elu, Gelu, Identity, LayerNormalization, LeakyRelu, LogSoftmax, Relu, Silu, Softplus, Tanh, TanhGelu,
};
use gradus::model::OnnxError;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::network::NetworkBuilder;
use gradus::{Dense, Layer, Model, Network, Real, Sigmoid, Softmax};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde_json::{Value, json};

use crate::mute::Mute;

/// A network of that layer between dense ones; with standardizations, which the runtime must apply.
fn model<T: Real>(layer: Box<dyn Layer<T>>) -> Model<T> {
    let builder: NetworkBuilder<T> = Network::builder(3).layer(Dense::new(3, 5)).boxed_layer(layer);
    let network = builder.layer(Dense::new(5, 2)).build().unwrap();
    // Weights of LayerNormalization other than 1, biases other than 0.
    let initial = network.initialize(&mut ChaCha8Rng::seed_from_u64(5));
    let parameters =
        DVector::from_fn(initial.len(), |i, _| initial[i] * T::nearest(1.5) + T::nearest((i % 7) as f64 / 20.0));
    let numbers = |values: &[f64]| values.iter().map(|&value| T::nearest(value)).collect::<Vec<T>>();
    let scaling = |mean: &[f64], scale: &[f64]| Standardization::from_parts(numbers(mean), numbers(scale)).unwrap();
    let model = Model::new(network, parameters).unwrap();
    let model = model.with_input_standardization(scaling(&[0.1, -1.0, 0.5], &[1.0, 2.0, 0.3])).unwrap();
    model.with_output_standardization(scaling(&[0.5, -0.25], &[0.75, 1.0 / 3.0])).unwrap()
}

/// A network that ends in that layer.
fn last<T: Real>(layer: Box<dyn Layer<T>>) -> Model<T> {
    let network: NetworkBuilder<T> = Network::builder(3).boxed_layer(layer);
    let network = network.build().unwrap();
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(6));
    Model::new(network, parameters).unwrap()
}

/// The operator set of a model of that layer, which ends where it is told.
fn operator_set(layer: &str) -> u8 {
    let name = layer.split([' ', '(']).next().unwrap();
    match name {
        "Gelu" => 9,
        "Dense" | "LayerNormalization" | "Dropout" | "Softmax" | "LogSoftmax" | "Identity" | "Sigmoid" | "Tanh"
        | "Relu" | "LeakyRelu" | "Elu" | "TanhGelu" | "Silu" | "Softplus" => 7,
        other => panic!("{other}: expected a layer of the table in the documentation of Model::save_onnx"),
    }
}

fn layers<T: Real>(features: usize) -> Vec<Box<dyn Layer<T>>> {
    vec![
        Box::new(Dense::new(features, features)),
        Box::new(LayerNormalization::new(features).with_epsilon(1e-3).unwrap()),
        Box::new(Dropout::new(0.5).unwrap()),
        Box::new(Softmax),
        Box::new(LogSoftmax),
        Box::new(Identity),
        Box::new(Sigmoid),
        Box::new(Tanh),
        Box::new(Relu),
        Box::new(LeakyRelu::new(0.2).unwrap()),
        Box::new(Elu::new(1.5).unwrap()),
        Box::new(Gelu),
        Box::new(TanhGelu),
        Box::new(Silu),
        Box::new(Softplus),
    ]
}

/// Writes each model, and what it makes of some samples.
fn write<T: Real>(directory: &Path, number: &str, models: Vec<Model<T>>, cases: &mut Vec<Value>) {
    let x = DMatrix::from_fn(3, 1000, |i, j| T::nearest(((i * 521 + j * 307) % 1009) as f64 / 200.0 - 2.5));
    let rows = |matrix: &DMatrix<T>| -> Vec<Vec<f64>> {
        matrix.column_iter().map(|sample| sample.iter().map(|value| value.to_f64()).collect()).collect()
    };
    for (place, model) in models.into_iter().enumerate() {
        let file = format!("{number}_{place}.onnx");
        model.save_onnx(directory.join(&file)).unwrap();
        let layers: Vec<String> = model.network().layers().map(|layer| format!("{layer:?}")).collect();
        let operator_set = layers.iter().map(|layer| operator_set(layer)).max().unwrap();
        cases.push(json!({
            "file": file, "number": number, "layers": layers, "operator_set": operator_set,
            "inputs": rows(&x), "outputs": rows(&model.predict(&x).unwrap()),
        }));
    }
}

#[test]
fn f14_onnx_runtime_computes_the_same_for_every_layer_and_batch() {
    let directory = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    write::<f32>(directory.path(), "float32", layers(5).into_iter().map(model).collect(), &mut cases);
    write::<f32>(directory.path(), "float32_last", layers(3).into_iter().map(last).collect(), &mut cases);
    write::<f64>(directory.path(), "float64", layers(5).into_iter().map(model).collect(), &mut cases);
    write::<f64>(directory.path(), "float64_last", layers(3).into_iter().map(last).collect(), &mut cases);
    let path = directory.path().join("cases.json");
    fs::write(&path, Value::from(cases).to_string()).unwrap();
    let Some(said) = super::python(&["numpy", "onnx", "onnxruntime"], "onnx_files.py", &[&path]) else { return };
    println!("{said}");
    assert_eq!(said.lines().count(), 4 * layers::<f64>(3).len());
}

#[test]
fn f14_files_ask_for_the_lowest_operator_set_of_their_layers() {
    fn check<T: Real>() {
        for layer in layers::<T>(3) {
            let expected = operator_set(&format!("{layer:?}"));
            let bytes = last(layer).to_onnx_bytes().unwrap();
            // Field 1 of the file is the IR version, field 8, the last, the operator set: no domain, and its number.
            assert_eq!(bytes[..2], [0x08, 4]);
            assert_eq!(bytes[bytes.len() - 6..], [0x42, 4, 0x0A, 0, 0x10, expected]);
        }
        // The highest of them decides, wherever it stands.
        let network: NetworkBuilder<T> = Network::builder(1).layer(Gelu).layer(Softmax).layer(Relu);
        let bytes = Model::new(network.build().unwrap(), DVector::zeros(0)).unwrap().to_onnx_bytes().unwrap();
        assert_eq!(bytes.last(), Some(&9));
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.onnx");
    model::<f32>(Box::new(Relu)).save_onnx(&path).unwrap();
    let before = fs::read(&path).unwrap();
    for bad in [path.join("model.onnx"), directory.path().to_owned(), directory.path().join("none/model.onnx")] {
        let error = model::<f32>(Box::new(Relu)).save_onnx(&bad).unwrap_err();
        assert!(matches!(error, OnnxError::Save(_)), "{}", bad.display());
    }
    let error = model::<f32>(Box::new(Mute)).save_onnx(&path).unwrap_err();
    assert_eq!(error.to_string(), "layer 1 (Mute): expected one with a configuration, found one without");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}
