//! Files with tensors alone, as PyTorch writes them, are loaded into a network that is given.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use gradus::nalgebra::DMatrix;
use gradus::{Dense, Dropout, Error, LayerNormalization, Model, ModelError, Network, Relu, Sigmoid};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;

/// Of the same layers as the one in `tests/python/tensor_files.py`.
fn network() -> Network<f32> {
    let builder = Network::builder(4).layer(Dense::new(4, 6)).layer(LayerNormalization::new(6)).layer(Relu);
    builder.layer(Dropout::new(0.1).unwrap()).layer(Dense::new(6, 1)).layer(Sigmoid).build().unwrap()
}

#[test]
fn tensors_from_python_make_the_network_that_it_had() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.safetensors");
    let packages = ["numpy", "safetensors"];
    let Some(said) = super::python(&packages, "tensor_files.py", &[&path]) else { return };
    let case: Value = serde_json::from_str(&said).unwrap();
    let numbers = |name: &str| -> Vec<f32> {
        case[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
    };
    let model = Model::load_parameters(network(), &path).unwrap();
    let outputs = model.predict(&DMatrix::from_vec(4, 10, numbers("inputs"))).unwrap();
    assert_eq!(outputs.len(), numbers("outputs").len());
    for (found, expected) in outputs.iter().zip(numbers("outputs")) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    // It has no description of a network.
    assert!(matches!(Model::<f32>::load(&path), Err(ModelError::NoArchitecture)));
}

type Tensors = HashMap<&'static str, (Vec<usize>, Vec<f32>)>;

/// 2 → 1.
fn small() -> (Network<f32>, Tensors) {
    let network = Network::builder(2).layer(Dense::new(2, 1)).layer(Relu).build().unwrap();
    (network, HashMap::from([("0.weight", (vec![1, 2], vec![3.0, 4.0])), ("0.bias", (vec![1], vec![5.0]))]))
}

fn write(path: &Path, tensors: &Tensors) {
    let bytes: Vec<(&str, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(&name, (shape, values))| {
            (name, shape.clone(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
        })
        .collect();
    let views =
        bytes.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize_to_file(views, None, path).unwrap();
}

#[test]
fn tensors_that_are_not_those_of_the_network() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.safetensors");
    let load = |change: &dyn Fn(&mut Tensors)| {
        let (network, mut tensors) = small();
        change(&mut tensors);
        write(&path, &tensors);
        Model::load_parameters(network, &path)
    };
    assert_eq!(load(&|_| ()).unwrap().parameters().as_slice(), [3.0, 4.0, 5.0]);
    let message = |change: &dyn Fn(&mut Tensors)| load(change).unwrap_err().to_string();
    let missing = message(&|tensors| drop(tensors.remove("0.bias")));
    assert_eq!(missing, "tensor 0.bias: expected one, found none");
    let unexpected = message(&|tensors| drop(tensors.insert("1.weight", (vec![1], vec![1.0]))));
    assert_eq!(unexpected, "tensor 1.weight: expected none of this name");
    let transposed = message(&|tensors| drop(tensors.insert("0.weight", (vec![2, 1], vec![3.0, 4.0]))));
    assert_eq!(transposed, "tensor 0.weight: expected the shape [1, 2], found [2, 1]");
    let error = load(&|tensors| drop(tensors.insert("0.bias", (vec![1], vec![f32::NAN])))).unwrap_err();
    assert!(matches!(error, ModelError::Model(Error::NotFinite { what: "parameters", .. })), "{error}");

    write(&path, &small().1);
    let wide = Network::<f64>::builder(2).layer(Dense::new(2, 1)).layer(Relu).build().unwrap();
    let error = Model::load_parameters(wide, &path).unwrap_err();
    assert_eq!(error.to_string(), "tensor 0.weight: expected numbers of type F64, found F32");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(Model::load_parameters(small().0, &path), Err(ModelError::Format(_))));
    assert!(matches!(Model::load_parameters(small().0, directory.path()), Err(ModelError::Io { .. })));
}
