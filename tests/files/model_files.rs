//! Model files: what is written is read again, by gradus and by Python; what is spoiled is refused.
#![cfg(feature = "safetensors")]

use std::fs;
use std::process::Command;

use crate::mute::Mute;
use gradus::data::Standardization;
use gradus::model::ModelError;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Dense, Error, Model, Network, Real, Sigmoid, Softmax};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde_json::{Value, json};

/// 3 → 4 → 2, with standardizations.
fn model<T: Real>() -> Model<T> {
    let network = Network::builder(3).layer(Dense::new(3, 4)).layer(Sigmoid).layer(Dense::new(4, 2)).layer(Softmax);
    let network = network.build().unwrap();
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(3)).add_scalar(T::nearest(0.01));
    let numbers = |values: &[f64]| values.iter().map(|&value| T::nearest(value)).collect::<Vec<T>>();
    let scaling = |mean: &[f64], scale: &[f64]| Standardization::from_parts(numbers(mean), numbers(scale)).unwrap();
    let inputs = scaling(&[0.1, -1.0, 1e3], &[1.0, 2.0, 0.3]);
    let outputs = scaling(&[0.5, -0.25], &[3.0, 1.0 / 3.0]);
    let model = Model::new(network, parameters).unwrap();
    model.with_input_standardization(inputs).unwrap().with_output_standardization(outputs).unwrap()
}

fn samples<T: Real>() -> DMatrix<T> {
    DMatrix::from_fn(3, 7, |i, j| {
        let noise = ((i * 5 + j * 3) % 11) as f64 / 4.0 - 1.0;
        T::nearest(if i == 2 { 1e3 + noise } else { noise })
    })
}

fn comes_back<T: Real>() {
    let model = model::<T>();
    let again = Model::<T>::from_bytes(&model.to_bytes().unwrap()).unwrap();
    assert_eq!(again.parameters(), model.parameters());
    assert_eq!(again.input_standardization(), model.input_standardization());
    assert_eq!(again.output_standardization(), model.output_standardization());
    assert_eq!(again.predict(&samples()).unwrap(), model.predict(&samples()).unwrap());
    assert_eq!(again.to_bytes().unwrap().len(), model.to_bytes().unwrap().len());
}

#[test]
fn a_model_comes_back_as_it_was() {
    comes_back::<f32>();
    comes_back::<f64>();
}

/// The path of the Python interpreter: `GRADUS_PYTHON`, or `python3`.
fn python() -> String {
    std::env::var("GRADUS_PYTHON").unwrap_or_else(|_| "python3".into())
}

#[test]
fn python_reads_what_is_written_and_writes_what_is_read() {
    let available = Command::new(python()).args(["-c", "import numpy, safetensors"]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("GRADUS_PYTHON").is_none(), "GRADUS_PYTHON lacks numpy or safetensors");
        println!("skipped: {} has no numpy and safetensors (pip install numpy safetensors)", python());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let [ours, cases, theirs] =
        ["ours.safetensors", "cases.json", "theirs.safetensors"].map(|name| directory.path().join(name));
    let (model, x) = (model::<f32>(), samples::<f32>());
    model.save(&ours).unwrap();
    let rows = |matrix: &DMatrix<f32>| -> Vec<Vec<f32>> {
        matrix.column_iter().map(|sample| sample.iter().copied().collect()).collect()
    };
    let outputs = model.predict(&x).unwrap();
    fs::write(&cases, json!({ "inputs": rows(&x), "outputs": rows(&outputs) }).to_string()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/model_files.py");
    let output = Command::new(python()).arg(script).args([&ours, &cases, &theirs]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    println!("{said}");

    let read = Model::<f32>::load(&theirs).unwrap();
    let mut cases = theirs.into_os_string();
    cases.push(".json");
    let cases: Value = serde_json::from_str(&fs::read_to_string(cases).unwrap()).unwrap();
    let found = read.predict(&x).unwrap();
    for (sample, found) in cases["outputs"].as_array().unwrap().iter().zip(found.column_iter()) {
        for (expected, found) in sample.as_array().unwrap().iter().zip(found.iter()) {
            assert!((expected.as_f64().unwrap() - f64::from(*found)).abs() < 1e-6);
        }
    }
    assert_ne!(found, outputs);
}

/// Header and data of a file.
fn parts(bytes: &[u8]) -> (Value, Vec<u8>) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + length]).unwrap(), bytes[8 + length..].to_vec())
}

fn file_of(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn refused(bytes: &[u8]) -> ModelError {
    Model::<f32>::from_bytes(bytes).unwrap_err()
}

/// The file with another header.
fn with_header(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (mut header, data) = parts(&model::<f32>().to_bytes().unwrap());
    change(&mut header);
    file_of(&header.to_string(), &data)
}

/// The file with another description of the network.
fn with_architecture(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    with_header(|header| {
        let text = header["__metadata__"]["gradus"].as_str().unwrap();
        let mut architecture = serde_json::from_str(text).unwrap();
        change(&mut architecture);
        header["__metadata__"]["gradus"] = Value::String(architecture.to_string());
    })
}

#[test]
fn n045_an_unknown_layer() {
    let error = refused(&with_architecture(|architecture| architecture["layers"][1] = json!("Sigmund")));
    assert!(matches!(error, ModelError::Architecture(_)), "{error}");
    assert!(error.to_string().contains("unknown variant `Sigmund`"), "{error}");
}

#[test]
fn n106_n107_n108_too_short_and_headers_too_long() {
    for bytes in [&[][..], &[1; 7], &[0; 8], &u64::MAX.to_le_bytes(), &[9, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']] {
        let error = refused(bytes);
        assert!(matches!(error, ModelError::Format(_) | ModelError::NoArchitecture), "{bytes:?}: {error}");
    }
}

#[test]
fn n109_headers_that_are_no_text_no_json_no_object_or_too_deep() {
    let deep = "[".repeat(100_000);
    for header in ["\u{7f}", "nonsense", "[1]", "7", "{\"a\":", &deep] {
        assert!(matches!(refused(&file_of(header, &[])), ModelError::Format(_)), "{header:.20}");
    }
    let not_text = [&2_u64.to_le_bytes()[..], &[0xff, 0xfe]].concat();
    assert!(matches!(refused(&not_text), ModelError::Format(_)));
    let error = refused(&with_header(|header| header["__metadata__"]["gradus"] = json!(deep)));
    assert!(matches!(error, ModelError::Architecture(_)), "{error}");
}

#[test]
fn n110_a_name_that_stands_twice() {
    let (header, data) = parts(&model::<f32>().to_bytes().unwrap());
    let twice = format!("{{\"0.bias\":{},{}", header["0.bias"], &header.to_string()[1..]);
    let error = refused(&file_of(&twice, &data));
    assert!(matches!(&error, ModelError::Duplicate { name } if name == "0.bias"), "{error}");
    // In the metadata too, of which the last would be taken.
    let twice = header.to_string().replace("\"format\"", "\"gradus\":\"{}\",\"format\"");
    let error = refused(&file_of(&twice, &data));
    assert!(matches!(&error, ModelError::Duplicate { name } if name == "__metadata__.gradus"), "{error}");
}

#[test]
fn n111_n112_missing_and_unexpected_tensors() {
    let renamed = with_header(|header| {
        let tensor = header.as_object_mut().unwrap().remove("2.bias").unwrap();
        header["3.bias"] = tensor;
    });
    let error = refused(&renamed);
    let found = r#"["0.bias", "0.weight", "2.weight", "3.bias"]"#;
    assert_eq!(error.to_string(), format!(r#"tensors: expected ["2.bias"] among them, found {found}"#));
    // Without the last two layers theirs are too many.
    let shorter = with_architecture(|architecture| {
        architecture["layers"].as_array_mut().unwrap().truncate(2);
        architecture["outputs"] = Value::Null;
    });
    let message = r#"tensors: expected ["0.bias", "0.weight"] and no others, found also ["2.bias", "2.weight"]"#;
    assert_eq!(refused(&shorter).to_string(), message);
}

#[test]
fn n113_another_number_type() {
    let error = refused(&model::<f64>().to_bytes().unwrap());
    let expected = "tensor 0.weight: expected numbers of one of the types [F16, BF16, F32], found";
    assert_eq!(error.to_string(), format!("{expected} F64"));
    let error = refused(&with_header(|header| header["0.weight"]["dtype"] = json!("I32")));
    assert_eq!(error.to_string(), format!("{expected} I32"));
}

#[test]
fn f11_a_model_of_single_precision_is_read_in_double() {
    let single = model::<f32>();
    let double = Model::<f64>::from_bytes(&single.to_bytes().unwrap()).unwrap();
    assert_eq!(double.parameters(), &single.parameters().map(f64::from));
    let widened = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let outputs = single.output_standardization().unwrap();
    assert_eq!(double.output_standardization().unwrap().scale(), widened(outputs.scale()));
}

#[test]
fn n114_n115_n117_other_shapes() {
    let error = refused(&with_header(|header| header["0.weight"]["shape"] = json!([3, 4])));
    assert_eq!(error.to_string(), "tensor 0.weight: expected the shape [4, 3], found [3, 4]");
    assert!(matches!(
        refused(&with_header(|header| header["0.weight"]["shape"] = json!([12]))),
        ModelError::TensorShape { .. }
    ));
    for shape in [json!([4, 4]), json!([u64::MAX, u64::MAX]), json!([-1, 3]), json!([]), json!("4")] {
        assert!(matches!(refused(&with_header(|header| header["0.weight"]["shape"] = shape)), ModelError::Format(_)));
    }
}

#[test]
fn n116_offsets_that_do_not_cover_the_data_once() {
    for offsets in [json!([16, 0]), json!([0, 17]), json!([8, 24]), json!([0, u64::MAX]), json!([u64::MAX, 0])] {
        let error = refused(&with_header(|header| header["0.bias"]["data_offsets"] = offsets.clone()));
        assert!(matches!(error, ModelError::Format(_)), "{offsets}: {error}");
    }
}

#[test]
fn n118_n119_truncated_data_and_trailing_bytes() {
    let bytes = model::<f32>().to_bytes().unwrap();
    for length in 0..bytes.len() {
        assert!(Model::<f32>::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(refused(&longer), ModelError::Format(_)));
}

#[test]
fn n120_parameters_that_are_not_finite() {
    for value in [f32::NAN, f32::INFINITY] {
        let (header, mut data) = parts(&model::<f32>().to_bytes().unwrap());
        // Row 1, column 3 of 2 × 4.
        let place = header["2.weight"]["data_offsets"][0].as_u64().unwrap() as usize + 4 * 7;
        data[place..place + 4].copy_from_slice(&value.to_le_bytes());
        let error = refused(&file_of(&header.to_string(), &data));
        assert_eq!(error.to_string(), format!("tensor 2.weight: expected finite numbers, found {value} at [1, 3]"));
    }
    let network = model::<f32>().network().clone();
    let error = Model::new(network, DVector::from_element(26, f32::NAN)).unwrap_err();
    assert!(matches!(error, Error::NotFinite { what: "parameters", .. }), "{error}");
}

#[test]
fn n121_another_version() {
    let newer = with_architecture(|architecture| {
        architecture["version"] = json!(2);
        architecture["news"] = json!("of version 2");
    });
    assert_eq!(refused(&newer).to_string(), "metadata: expected version 1, found 2");
    let none = with_header(|header| header["__metadata__"] = json!({ "format": "pt" }));
    assert!(matches!(refused(&none), ModelError::NoArchitecture));
}

#[test]
fn n122_architectures_that_disagree_with_the_tensors_or_themselves() {
    for (place, value) in [
        ("/layers/0/Dense/outputs", json!(5)),
        ("/layers/0/Dense/inputs", json!(2)),
        ("/layers/0/Dense/outputs", json!(u64::MAX)),
        ("/layers/0/Dense/outputs", json!(1_u64 << 40)),
        ("/layers/0/Dense/outputs", json!(-1)),
        ("/layers", json!([])),
        ("/input_size", json!(0)),
        ("/input_size", json!(4)),
        ("/inputs/mean", json!([0.0])),
        ("/inputs/scale", json!([1.0, 0.0, 1.0])),
        ("/outputs/scale", json!([1.0, 1.0, 1.0])),
        ("/outputs", json!("none")),
    ] {
        let bytes = with_architecture(|architecture| *architecture.pointer_mut(place).unwrap() = value.clone());
        let error = refused(&bytes);
        assert!(
            matches!(error, ModelError::Model(_) | ModelError::Architecture(_) | ModelError::TensorShape { .. }),
            "{place} {value}: {error}"
        );
    }
}

#[test]
fn n123_data_need_not_be_aligned() {
    let bytes = model::<f64>().to_bytes().unwrap();
    for shift in 0..8 {
        let shifted = [&vec![0; shift][..], &bytes].concat();
        assert_eq!(Model::<f64>::from_bytes(&shifted[shift..]).unwrap().parameters(), model::<f64>().parameters());
    }
}

#[test]
fn n124_a_file_that_cannot_be_written_leaves_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    model::<f32>().save(&path).unwrap();
    let before = fs::read(&path).unwrap();
    // A file in place of a directory, a directory in place of a file.
    for bad in [path.join("model.safetensors"), directory.path().to_owned(), directory.path().join("none/model")] {
        assert!(matches!(model::<f32>().save(&bad), Err(ModelError::Save(_))), "{}", bad.display());
    }
    assert!(matches!(Model::<f32>::load(directory.path().join("none")), Err(ModelError::Io { .. })));
    // A model that cannot be described is refused before anything is written.
    let network = Network::builder(3).layer(Mute).build().unwrap();
    let error = Model::<f32>::new(network, DVector::zeros(0)).unwrap().save(&path).unwrap_err();
    assert_eq!(error.to_string(), "layer 0 (Mute): expected one with a configuration, found one without");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

/// A file is renamed within its own directory, wherever the program runs: a file system has no names in another.
#[cfg(target_os = "linux")]
#[test]
fn a_model_is_saved_on_another_file_system() {
    use std::os::unix::fs::MetadataExt;
    let memory = std::path::Path::new("/dev/shm");
    let here = fs::metadata(".").unwrap().dev();
    let Some(directory) =
        fs::metadata(memory).ok().filter(|memory| memory.dev() != here).and_then(|_| tempfile::tempdir_in(memory).ok())
    else {
        eprintln!("skipped: no second file system");
        return;
    };
    let path = directory.path().join("model.safetensors");
    model::<f64>().save(&path).unwrap();
    assert_eq!(Model::<f64>::load(&path).unwrap().parameters(), model::<f64>().parameters());
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn spoiled_bytes_are_an_error_or_a_model(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = model::<f32>().to_bytes().unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(model) = Model::<f32>::from_bytes(&bytes) {
            prop_assert!(model.parameters().iter().all(|value| value.is_finite()));
        }
    }
}
