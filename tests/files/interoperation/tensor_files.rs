//! Files with tensors alone, as PyTorch writes them, are read into a network that is given.

use std::collections::HashMap;
use std::fs;

use gradus::layer::{Dropout, LayerNormalization, Relu};
use gradus::model::{ModelError, ParameterReader};
use gradus::nalgebra::DMatrix;
use gradus::{Dense, Model, Network, Real, Sigmoid};
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;

/// Of the same layers as the one in `tests/python/tensor_files.py`.
fn network<T: Real>() -> Network<T> {
    let builder = Network::builder(4).layer(Dense::new(4, 6)).layer(LayerNormalization::new(6)).layer(Relu);
    builder.layer(Dropout::new(0.1).unwrap()).layer(Dense::new(6, 1)).layer(Sigmoid).build().unwrap()
}

#[test]
fn tensors_from_python_make_the_network_that_it_had() {
    let directory = tempfile::tempdir().unwrap();
    let [plain, named] = ["plain.safetensors", "named.safetensors"].map(|name| directory.path().join(name));
    let Some(said) = super::python(&["numpy", "safetensors"], "tensor_files.py", &[&plain, &named]) else { return };
    let case: Value = serde_json::from_str(&said).unwrap();
    let numbers = |name: &str| -> Vec<f64> {
        case[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let inputs = DMatrix::from_vec(4, 10, numbers("inputs"));
    let check = |outputs: &DMatrix<f64>, expected: &str, tolerance: f64| {
        assert_eq!(outputs.len(), numbers(expected).len());
        for (found, expected) in outputs.iter().zip(numbers(expected)) {
            assert!((found - expected).abs() < tolerance, "{found} {expected}");
        }
    };
    let model = Model::load_parameters(network::<f32>(), &plain).unwrap();
    check(&model.predict(&inputs.clone().cast()).unwrap().cast(), "plain", 1e-6);
    let model = Model::load_parameters(network::<f64>(), &plain).unwrap();
    check(&model.predict(&inputs).unwrap(), "plain", 1e-14);
    // It has no description of a network.
    assert!(matches!(Model::<f32>::load(&plain), Err(ModelError::NoArchitecture)));

    let names = [("0", "fc1"), ("1.weight", "norm.gamma"), ("1.bias", "norm.beta"), ("4", "fc2")];
    let reader = ParameterReader::new().with_prefix("_orig_mod.module.").with_names(names).ignoring_extras();
    let model = reader.read(network::<f64>(), &named).unwrap();
    check(&model.predict(&inputs).unwrap(), "named", 1e-14);
    let message = reader.read(network::<f32>(), &named).unwrap_err().to_string();
    let expected = "expected numbers of one of the types [F16, BF16, F32], found F64";
    assert_eq!(message, format!("tensor _orig_mod.module.norm.gamma: {expected}"));
}

/// Name, type, shape and bytes.
type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

fn tensor(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    (name.to_owned(), Dtype::F32, shape.to_vec(), bytes)
}

fn file(tensors: &[Tensor]) -> Vec<u8> {
    let views =
        tensors.iter().map(|(name, kind, shape, bytes)| (name, TensorView::new(*kind, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// 2 → 1.
fn small<T: Real>() -> Network<T> {
    Network::builder(2).layer(Dense::new(2, 1)).layer(Relu).build().unwrap()
}

/// What [`small`] reads, as 3, 4, 5.
fn small_tensors() -> Vec<Tensor> {
    vec![tensor("0.weight", &[1, 2], &[3.0, 4.0]), tensor("0.bias", &[1], &[5.0])]
}

/// The message of a reader's refusal, which is the same each time.
fn message(reader: &ParameterReader, tensors: &[Tensor]) -> String {
    let refusal = || reader.read_bytes(small::<f32>(), &file(tensors)).unwrap_err().to_string();
    let message = refusal();
    assert!((0..8).all(|_| refusal() == message));
    message
}

#[test]
fn tensors_that_are_not_those_of_the_network() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.safetensors");
    let bytes = file(&small_tensors());
    fs::write(&path, &bytes).unwrap();
    assert_eq!(Model::load_parameters(small::<f32>(), &path).unwrap().parameters().as_slice(), [3.0, 4.0, 5.0]);
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(Model::load_parameters(small::<f32>(), &path), Err(ModelError::Format(_))));
    assert!(matches!(Model::load_parameters(small::<f32>(), directory.path()), Err(ModelError::Io { .. })));

    let plain = ParameterReader::new();
    let transposed = [tensor("0.weight", &[2, 1], &[3.0, 4.0]), tensor("0.bias", &[1], &[5.0])];
    assert_eq!(message(&plain, &transposed), "tensor 0.weight: expected the shape [1, 2], found [2, 1]");
    let flat = [tensor("0.weight", &[2], &[3.0, 4.0]), tensor("0.bias", &[1], &[5.0])];
    assert_eq!(message(&plain, &flat), "tensor 0.weight: expected the shape [1, 2], found [2]");
    let matrix = [tensor("0.weight", &[1, 2], &[3.0, 4.0]), tensor("0.bias", &[1, 1], &[5.0])];
    assert_eq!(message(&plain, &matrix), "tensor 0.bias: expected the shape [1], found [1, 1]");
    let empty = [tensor("0.weight", &[1, 0], &[]), tensor("0.bias", &[1], &[5.0])];
    assert_eq!(message(&plain, &empty), "tensor 0.weight: expected the shape [1, 2], found [1, 0]");
}

#[test]
fn f11_the_names_of_the_file_are_in_the_error() {
    let named = [tensor("module.fc1.weight", &[1, 2], &[3.0, 4.0]), tensor("module.fc1.bias", &[1], &[5.0])];
    let found = r#"among them, found ["module.fc1.bias", "module.fc1.weight"]"#;
    let (plain, prefixed) = (ParameterReader::new(), ParameterReader::new().with_prefix("module."));
    assert_eq!(message(&plain, &named), format!(r#"tensors: expected ["0.bias", "0.weight"] {found}"#));
    let expected = r#"["module.0.bias", "module.0.weight"]"#;
    assert_eq!(message(&prefixed, &named), format!("tensors: expected {expected} {found}"));
    let half = prefixed.clone().with_names([("0.weight", "fc1.weight")]);
    assert_eq!(message(&half, &named), format!(r#"tensors: expected ["module.0.bias"] {found}"#));
    assert_eq!(message(&plain, &[]), r#"tensors: expected ["0.bias", "0.weight"] among them, found []"#);
    for reader in [prefixed.with_names([("0", "fc1")]), ParameterReader::new().with_names([("0", "module.fc1")])] {
        let model = reader.read_bytes(small::<f32>(), &file(&named)).unwrap();
        assert_eq!(model.parameters().as_slice(), [3.0, 4.0, 5.0]);
    }

    // Errors of one tensor name it as the file does.
    let named = [tensor("fc1.weight", &[2, 1], &[3.0, 4.0]), tensor("fc1.bias", &[1], &[5.0])];
    let reader = ParameterReader::new().with_names([("0", "fc1")]);
    assert_eq!(message(&reader, &named), "tensor fc1.weight: expected the shape [1, 2], found [2, 1]");
}

#[test]
fn f11_extras_are_all_named_once_or_ignored() {
    let extras = ["running_var", "num_batches_tracked", "running_mean"].map(|name| format!("1.{name}"));
    let mut tensors = small_tensors();
    tensors.push(tensor(&extras[0], &[2], &[1.0, f32::NAN]));
    tensors.push((extras[1].clone(), Dtype::I64, Vec::new(), vec![7; 8]));
    tensors.push((extras[2].clone(), Dtype::F8_E5M2, vec![3], vec![1; 3]));
    let found = r#"["1.num_batches_tracked", "1.running_mean", "1.running_var"]"#;
    assert_eq!(
        message(&ParameterReader::new(), &tensors),
        format!(r#"tensors: expected ["0.bias", "0.weight"] and no others, found also {found}"#)
    );
    let reader = ParameterReader::new().ignoring_extras();
    let model = reader.read_bytes(small::<f32>(), &file(&tensors)).unwrap();
    assert_eq!(model.parameters().as_slice(), [3.0, 4.0, 5.0]);
    // What is missing is none of the extras.
    let missing = r#"expected ["0.bias"] among them"#;
    tensors.remove(1);
    assert_eq!(
        message(&reader, &tensors),
        format!(r#"tensors: {missing}, found ["0.weight", {}"#, found.trim_start_matches('['))
    );
}

#[test]
fn f11_names_that_the_network_does_not_have() {
    for name in ["1", "2", "0.gamma", "weight", "", "00", "0."] {
        let reader = ParameterReader::new().with_names([("0", "0"), (name, "fc1")]);
        let expected = r#"expected a layer with parameters or one of ["0.weight", "0.bias"], found neither"#;
        assert_eq!(message(&reader, &small_tensors()), format!("name {name:?}: {expected}"));
    }
}

#[test]
fn f11_tied_tensors_are_read_into_both_layers() {
    let network = Network::<f32>::builder(2).layer(Dense::new(2, 2)).layer(Relu).layer(Dense::new(2, 2));
    let tensors = [
        tensor("fc.weight", &[2, 2], &[1.0, 2.0, 3.0, 4.0]),
        tensor("fc.bias", &[2], &[5.0, 6.0]),
        tensor("last", &[2], &[7.0, 8.0]),
    ];
    let reader = ParameterReader::new().with_names([("0", "fc"), ("2", "fc")]).with_names([("2.bias", "last")]);
    let model = reader.read_bytes(network.build().unwrap(), &file(&tensors)).unwrap();
    assert_eq!(model.parameters().as_slice(), [1.0, 3.0, 2.0, 4.0, 5.0, 6.0, 1.0, 3.0, 2.0, 4.0, 7.0, 8.0]);
}

/// Exponent bits, fraction bits.
fn format(kind: Dtype) -> (u32, u32) {
    match kind {
        Dtype::F16 => (5, 10),
        Dtype::BF16 => (8, 7),
        Dtype::F32 => (8, 23),
        Dtype::F64 => (11, 52),
        _ => unreachable!(),
    }
}

/// The value of these bits by the definition of IEEE 754, by halving and doubling alone.
fn value(kind: Dtype, bits: u64) -> f64 {
    let (exponent_bits, fraction_bits) = format(kind);
    let exponent = (bits >> fraction_bits & ((1 << exponent_bits) - 1)) as i32;
    let fraction = bits & ((1 << fraction_bits) - 1);
    let sign = if bits >> (exponent_bits + fraction_bits) & 1 == 1 { -1.0 } else { 1.0 };
    if exponent == (1 << exponent_bits) - 1 {
        return if fraction == 0 { sign * f64::INFINITY } else { f64::NAN };
    }
    let implicit = if exponent == 0 { 0 } else { 1 << fraction_bits };
    let mut power = exponent.max(1) - ((1 << (exponent_bits - 1)) - 1) - fraction_bits as i32;
    let mut value = sign * (implicit + fraction) as f64;
    while power != 0 {
        value = if power > 0 { value * 2.0 } else { value / 2.0 };
        power -= power.signum();
    }
    value
}

fn bytes_of(kind: Dtype, bits: u64) -> Vec<u8> {
    bits.to_le_bytes()[..kind.bitsize() / 8].to_vec()
}

/// The bits of a number, so that the signs of zeros are compared.
fn bits<T: Real>(value: T) -> u64 {
    value.to_f64().to_bits()
}

/// Every number of 16 bits is read as what it is, or refused with its place.
fn all_of_16_bits<T: Real>(kind: Dtype) {
    const SIDE: usize = 256;
    let patterns: Vec<u64> = (0..1 << 16).collect();
    let finite = |bits: u64| if value(kind, bits).is_finite() { bits } else { 0 };
    let bytes = patterns.iter().flat_map(|&bits| bytes_of(kind, finite(bits))).collect();
    let bias = (0..SIDE).flat_map(|_| [0; 2]).collect();
    let tensors =
        [("0.weight".to_owned(), kind, vec![SIDE, SIDE], bytes), ("0.bias".to_owned(), kind, vec![SIDE], bias)];
    let network = Network::<T>::builder(SIDE).layer(Dense::new(SIDE, SIDE)).build().unwrap();
    let model = ParameterReader::new().read_bytes(network, &file(&tensors)).unwrap();
    let mut refused = 0;
    for &pattern in &patterns {
        let (row, column) = (pattern as usize / SIDE, pattern as usize % SIDE);
        let (expected, found) = (value(kind, finite(pattern)), model.parameters()[row + column * SIDE]);
        assert_eq!(bits(found), expected.to_bits(), "{pattern:#06x}: {found} {expected}");
        if finite(pattern) != pattern {
            refused += 1;
            let weight = [bytes_of(kind, 0), bytes_of(kind, pattern)].concat();
            let bias = ("0.bias".to_owned(), kind, vec![1], vec![0; 2]);
            let tensors = [("0.weight".to_owned(), kind, vec![1, 2], weight), bias];
            let error = ParameterReader::new().read_bytes(small::<T>(), &file(&tensors)).unwrap_err();
            let ModelError::NotFinite { name, index, value: found } = error else { panic!("{error}") };
            assert_eq!((name.as_str(), index), ("0.weight", vec![0, 1]));
            let expected = value(kind, pattern);
            assert!(found.is_nan() && expected.is_nan() || found == expected, "{pattern:#06x}: {found} {expected}");
        }
    }
    // All that have every bit of the exponent.
    assert_eq!(refused, 1 << (1 + format(kind).1));
}

#[test]
fn f11_all_65536_numbers_of_half_precision_and_of_bfloat16() {
    all_of_16_bits::<f32>(Dtype::F16);
    all_of_16_bits::<f64>(Dtype::F16);
    all_of_16_bits::<f32>(Dtype::BF16);
    all_of_16_bits::<f64>(Dtype::BF16);
    // By hand: the largest, the least normal and subnormal ones, one third.
    let by_hand = [
        (Dtype::F16, 0x7bff, 65504.0),
        (Dtype::F16, 0x0400, 1.0 / 16384.0),
        (Dtype::F16, 0x8001, -1.0 / 16_777_216.0),
        (Dtype::F16, 0x3555, 1365.0 / 4096.0),
        (Dtype::BF16, 0x7f7f, 255.0 * 2.0_f64.powi(120)),
        (Dtype::BF16, 0x0001, 2.0_f64.powi(-133)),
        (Dtype::BF16, 0xc049, -3.140625),
    ];
    for (kind, bits, expected) in by_hand {
        assert_eq!(value(kind, bits), expected);
    }
}

#[test]
fn f11_a_number_that_is_not_finite_is_named_by_tensor_and_index() {
    let network =
        || Network::<f64>::builder(3).layer(Dense::new(3, 2)).layer(LayerNormalization::new(2)).build().unwrap();
    let names = [("fc.weight", vec![2, 3]), ("fc.bias", vec![2]), ("norm.weight", vec![2]), ("norm.bias", vec![2])];
    for (spoiled, (name, shape)) in names.iter().enumerate() {
        let count = shape.iter().product::<usize>();
        for place in 0..count {
            for (kind, bits, found) in [
                (Dtype::F16, 0xfc00, "-inf"),
                (Dtype::BF16, 0x7fc0, "NaN"),
                (Dtype::F32, 0x7f80_0000, "inf"),
                (Dtype::F64, 0xfff8_0000_0000_0001, "NaN"),
            ] {
                let mut tensors: Vec<Tensor> = names
                    .iter()
                    .map(|(name, shape)| (*name, shape, vec![1.0; shape.iter().product()]))
                    .map(|(name, shape, values)| tensor(name, shape, &values))
                    .collect();
                // Also in what follows: the first is named.
                let bytes = (0..count).flat_map(|at| bytes_of(kind, if at < place { 0 } else { bits })).collect();
                tensors[spoiled] = ((*name).to_owned(), kind, shape.clone(), bytes);
                let reader = ParameterReader::new().with_names([("0", "fc"), ("1", "norm")]);
                let error = reader.read_bytes(network(), &file(&tensors)).unwrap_err();
                let index = if shape.len() == 2 { vec![place / 3, place % 3] } else { vec![place] };
                let message = format!("tensor {name}: expected finite numbers, found {found} at {index:?}");
                assert_eq!(error.to_string(), message);
            }
        }
    }
}

/// Layers at random, with names at random in the file, numbers of random types and bits, a prefix and extras.
struct Random {
    sizes: Vec<Option<usize>>,
    input_size: usize,
    reader: ParameterReader,
    tensors: Vec<Tensor>,
    /// Of each range, in order and column by column.
    parameters: Vec<f64>,
}

impl Random {
    fn new(seed: u64, kinds: &[Dtype]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let input_size = rng.random_range(1..5);
        // Of a dense layer its outputs; of a normalization none.
        let sizes: Vec<Option<usize>> =
            (0..rng.random_range(1..6)).map(|_| rng.random_bool(0.7).then(|| rng.random_range(1..6))).collect();
        let prefix = ["", "module.", "_orig_mod.module.", "a/b "][rng.random_range(0..4)];
        let (mut reader, mut tensors, mut parameters) =
            (ParameterReader::new().with_prefix(prefix), Vec::new(), Vec::new());
        let mut inputs = input_size;
        for (place, &outputs) in sizes.iter().enumerate() {
            // Every layer is followed by one without parameters.
            let layer = 2 * place;
            let mut module = layer.to_string();
            if rng.random_bool(0.7) {
                module = format!("{}{place}", ["fc", "näme ", "blocks.0.ffn."][rng.random_range(0..3)]);
                reader = reader.with_names([(layer.to_string(), module.clone())]);
            }
            let rows = outputs.unwrap_or(inputs);
            let weight = if outputs.is_some() { vec![rows, inputs] } else { vec![rows] };
            for (block, shape) in [("weight", weight), ("bias", vec![rows])] {
                let mut name = format!("{module}.{block}");
                if rng.random_bool(0.2) {
                    name = format!("other{layer}{block}");
                    reader = reader.with_names([(format!("{layer}.{block}"), name.clone())]);
                }
                let kind = kinds[rng.random_range(0..kinds.len())];
                let columns = if shape.len() == 2 { inputs } else { 1 };
                let numbers: Vec<u64> = (0..rows * columns).map(|_| finite_bits(kind, &mut rng)).collect();
                for column in 0..columns {
                    parameters.extend((0..rows).map(|row| value(kind, numbers[row * columns + column])));
                }
                let bytes = numbers.iter().flat_map(|&bits| bytes_of(kind, bits)).collect();
                tensors.push((format!("{prefix}{name}"), kind, shape, bytes));
            }
            inputs = rows;
        }
        Self { sizes, input_size, reader, tensors, parameters }
    }

    fn network<T: Real>(&self) -> Network<T> {
        let (mut builder, mut inputs) = (Network::builder(self.input_size), self.input_size);
        for &outputs in &self.sizes {
            builder = match outputs {
                Some(outputs) => builder.layer(Dense::new(inputs, outputs)),
                None => builder.layer(LayerNormalization::new(inputs)),
            };
            builder = builder.layer(Relu);
            inputs = outputs.unwrap_or(inputs);
        }
        builder.build().unwrap()
    }

    fn check<T: Real>(&self, reader: &ParameterReader) {
        let model = reader.read_bytes(self.network::<T>(), &file(&self.tensors)).unwrap();
        let found: Vec<u64> = model.parameters().iter().map(|&value| bits(value)).collect();
        assert_eq!(found, self.parameters.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
    }
}

fn finite_bits(kind: Dtype, rng: &mut impl Rng) -> u64 {
    loop {
        let bits = rng.random::<u64>() >> (64 - kind.bitsize());
        if value(kind, bits).is_finite() {
            return bits;
        }
    }
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn f11_random_networks_names_types_and_extras(seed in any::<u64>(), lost in any::<prop::sample::Index>()) {
        let types = [Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64];
        let single = Random::new(seed, &types[..3]);
        single.check::<f32>(&single.reader);
        let mut random = Random::new(seed, &types);
        random.check::<f64>(&random.reader);

        let sorted = |tensors: &[Tensor]| {
            let mut names: Vec<String> = tensors.iter().map(|(name, ..)| name.clone()).collect();
            names.sort();
            names
        };
        let expected = sorted(&random.tensors);
        random.tensors.insert(0, tensor("spare", &[], &[1.0]));
        random.tensors.push(("module.steps".into(), Dtype::I64, vec![2], vec![0xff; 16]));
        let network = || random.network::<f64>();
        let error = random.reader.read_bytes(network(), &file(&random.tensors)).unwrap_err();
        let ModelError::UnexpectedTensors { expected: wanted, unexpected } = error else { panic!("{error}") };
        prop_assert_eq!(&wanted, &expected);
        prop_assert_eq!(unexpected, ["module.steps", "spare"]);
        let ignoring = random.reader.clone().ignoring_extras();
        random.check::<f64>(&ignoring);

        let mut tensors = random.tensors.clone();
        let (lost, ..) = tensors.remove(1 + lost.index(tensors.len() - 2));
        let error = ignoring.read_bytes(network(), &file(&tensors)).unwrap_err();
        let ModelError::MissingTensors { missing, found } = error else { panic!("{error}") };
        prop_assert_eq!(missing, [lost]);
        prop_assert_eq!(found, sorted(&tensors));

        // Numbers of double precision do not fit into single, whatever they are.
        let double: HashMap<&str, Dtype> = random.tensors.iter().map(|(name, kind, ..)| (name.as_str(), *kind)).collect();
        match ignoring.read_bytes(random.network::<f32>(), &file(&random.tensors)) {
            Ok(_) => prop_assert!(expected.iter().all(|name| double[name.as_str()] != Dtype::F64)),
            Err(ModelError::TensorType { name, found, .. }) => {
                prop_assert_eq!((double[name.as_str()], found), (Dtype::F64, Dtype::F64));
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
