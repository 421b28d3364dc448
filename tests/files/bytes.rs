//! What is written is a function of what it is written of.

use std::collections::BTreeSet;

/// The one value of a hundred calls.
fn one<V: Ord + std::fmt::Debug>(make: impl Fn() -> V) -> V {
    let mut made: BTreeSet<V> = (0..100).map(|_| make()).collect();
    assert_eq!(made.len(), 1, "{} different ones", made.len());
    made.pop_first().unwrap()
}

#[cfg(any(feature = "safetensors", feature = "onnx"))]
fn model() -> gradus::Model<f32> {
    use gradus::data::Standardization;
    use gradus::layer::{LayerNormalization, Relu};
    use gradus::{Dense, Model, Network};

    let builder = Network::builder(3).layer(Dense::new(3, 12)).layer(LayerNormalization::new(12)).layer(Relu);
    let network = builder.layer(Dense::new(12, 1)).build().unwrap();
    let parameters = gradus::nalgebra::DVector::from_fn(network.parameter_count(), |i, _| i as f32);
    let scaling = Standardization::from_parts(vec![0.1, 0.2, 0.3], vec![1.0, 2.0, 3.0]).unwrap();
    Model::new(network, parameters).unwrap().with_input_standardization(scaling).unwrap()
}

#[cfg(feature = "safetensors")]
#[test]
fn f06_bytes_are_a_function_of_the_model() {
    let bytes = one(|| model().to_bytes().unwrap());
    // Also of one that was read.
    assert!(one(|| gradus::Model::<f32>::from_bytes(&bytes).unwrap().to_bytes().unwrap()) == bytes);
    // What comes first is the metadata, and then the tensors, in the order of their names.
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    assert_eq!(length % 8, 0);
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    assert!(header.starts_with(r#"{"__metadata__":{"format":"pt","gradus":"{\"version\":1,"#), "{header}");
    let tensors = concat!(
        r#","0.bias":{"dtype":"F32","shape":[12],"data_offsets":[0,48]},"#,
        r#""0.weight":{"dtype":"F32","shape":[12,3],"data_offsets":[48,192]},"#,
        r#""1.bias":{"dtype":"F32","shape":[12],"data_offsets":[192,240]},"#,
        r#""1.weight":{"dtype":"F32","shape":[12],"data_offsets":[240,288]},"#,
        r#""3.bias":{"dtype":"F32","shape":[1],"data_offsets":[288,292]},"#,
        r#""3.weight":{"dtype":"F32","shape":[1,12],"data_offsets":[292,340]}}"#,
    );
    assert!(header.trim_end_matches(' ').ends_with(tensors), "{header}");
    assert_eq!(bytes.len(), 8 + length + 340);
}

#[cfg(feature = "onnx")]
#[test]
fn f06_onnx_bytes_are_a_function_of_the_model() {
    let _ = one(|| model().to_onnx_bytes().unwrap());
}

#[cfg(feature = "npy")]
#[test]
fn f06_archives_are_a_function_of_the_arrays() {
    use gradus::nalgebra::dmatrix;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.npz");
    let saved = |arrays: &gradus::data::Npz| {
        arrays.save(&path).unwrap();
        std::fs::read(&path).unwrap()
    };
    let forward = one(|| {
        let mut arrays = gradus::data::Npz::new();
        for name in ["x", "y", "z"] {
            arrays.insert(name, &dmatrix![1.0, 2.0]).unwrap();
        }
        saved(&arrays)
    });
    let backward = one(|| {
        let mut arrays = gradus::data::Npz::new();
        for name in ["z", "y", "x"] {
            arrays.insert(name, &dmatrix![1.0, 2.0]).unwrap();
        }
        saved(&arrays)
    });
    assert!(forward == backward);
    // No clock: the earliest time that the format has, midnight on 1 January 1980.
    assert_eq!(forward[10..14], [0, 0, 0x21, 0]);
    let read = gradus::data::Npz::read(&path).unwrap();
    assert!(one(|| saved(&read)) == forward);
}

#[cfg(feature = "plot")]
#[test]
fn f06_charts_are_a_function_of_their_points() {
    use gradus::plot::{Figure, Mark, Series, confusion_matrix};

    let marks = [Mark::Line, Mark::DashedLine, Mark::Path, Mark::Points, Mark::Area, Mark::Segments];
    let _ = one(|| {
        let with = |figure: Figure, mark| figure.with(Series::new("s", mark, [[0.0, 0.1], [1.0, 3.0], [2.0, -1.0]]));
        marks.into_iter().fold(Figure::new("t", "x", "y"), with).to_svg().unwrap()
    });
    let confusion = gradus::metrics::ConfusionMatrix::from_labels(&[0, 1, 1], &[0, 0, 1], 2).unwrap();
    let _ = one(|| confusion_matrix(&confusion).to_svg().unwrap());
}

#[cfg(feature = "serde")]
#[test]
fn f06_checkpoints_are_a_function_of_the_training() {
    use gradus::nalgebra::dmatrix;
    use gradus::{Adam, Dataset, Dense, MeanSquaredError, Network, Trainer, accuracy};

    let data = Dataset::new(dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 1.0, 1.0; 1.0, 0.0, 0.0]).unwrap();
    let network = Network::<f64>::builder(1).layer(Dense::new(1, 2)).build().unwrap();
    let mut trainer = Trainer::new(&network, MeanSquaredError, Adam::new(0.1).unwrap()).epochs(3).unwrap();
    trainer = trainer.validation(&data).metric("accuracy", |prediction, target| accuracy(prediction, target));
    let mut parameters = [0.0; 4];
    let _ = trainer.train(parameters.as_mut_slice(), &data).unwrap();
    let _ = one(|| serde_json::to_string(&trainer.checkpoint(parameters.as_slice()).unwrap()).unwrap());
}

/// The table of a history of one epoch, all of whose numbers are this one.
#[cfg(feature = "serde")]
fn table(number: f64) -> String {
    let record = serde_json::json!({
        "epoch": 0, "training_loss": number, "validation_loss": number, "metrics": [number, null],
        "learning_rate": number, "seconds": number,
    });
    let history = serde_json::json!({ "metric_names": ["a", "b"], "records": [record] });
    let history: gradus::training::History = serde_json::from_value(history).unwrap();
    let mut csv = Vec::new();
    history.write_csv(&mut csv).unwrap();
    String::from_utf8(csv).unwrap()
}

#[cfg(feature = "serde")]
#[test]
fn f13_numbers_are_written_as_short_as_they_can_be_read_again() {
    for (number, text) in [
        (1e21, "1e21"),
        (-1.5e104, "-1.5e104"),
        (f64::MAX, "1.7976931348623157e308"),
        (5e-324, "5e-324"),
        (1e16, "1e16"),
        (9_007_199_254_740_993.0, "9007199254740992"),
        (0.1 + 0.2, "0.30000000000000004"),
        (0.001, "0.001"),
        (2.5e-7, "2.5e-7"),
        (1.0, "1"),
        (0.0, "0"),
        (-0.0, "-0"),
    ] {
        let expected = format!(
            "epoch,training_loss,validation_loss,a,b,learning_rate,seconds\n0,{text},{text},{text},,{text},{text}\n"
        );
        assert_eq!(table(number), expected);
    }
}

#[cfg(feature = "serde")]
proptest::proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn f13_any_number_is_read_again_to_the_bit(bits in proptest::prelude::any::<u64>()) {
        let number = f64::from_bits(bits);
        if number.is_finite() {
            let table = table(number);
            let line = table.lines().nth(1).unwrap();
            for (place, field) in line.split(',').enumerate().filter(|(place, _)| ![0, 4].contains(place)) {
                let read: f64 = field.parse().unwrap();
                proptest::prop_assert_eq!(read.to_bits(), bits, "{}: {}", place, field);
                // A sign, 17 digits, a point and an exponent of four characters, as in -1.7976931348623157e-308.
                proptest::prop_assert!(field.len() <= 24, "{}", field);
            }
        }
    }
}

#[test]
fn f13_messages_have_no_numbers_in_full_digits() {
    use gradus::{Error, GradientDescent};

    let error = Error::Diverged { epoch: 3, iteration: 7, last_finite_loss: Some(1.5e104) };
    assert_eq!(
        error.to_string(),
        "training: expected a finite loss and gradient, found one that is not in epoch 3 after 7 steps; the last finite \
         loss was 1.5e104"
    );
    let error = GradientDescent::<f64>::new(-1e300).unwrap_err();
    assert_eq!(error.to_string(), "learning rate: expected a positive, finite number, found -1e300");
    let error = Error::InvalidTarget { sample: 2, expected: "0 or 1", value: 1e21 };
    assert_eq!(error.to_string(), "target of sample 2: expected 0 or 1, found 1e21");
}

#[cfg(feature = "serde")]
#[test]
fn f13_an_epoch_is_told_in_few_digits() {
    let told = |loss: f64| {
        let record = serde_json::json!({
            "epoch": 3, "training_loss": loss, "validation_loss": loss, "metrics": [], "learning_rate": null, "seconds": 0.0,
        });
        serde_json::from_value::<gradus::training::EpochRecord>(record).unwrap().to_string()
    };
    assert_eq!(told(0.12344), "epoch 3: training loss 0.1234, validation loss 0.1234");
    assert_eq!(told(1.23456e21), "epoch 3: training loss 1.2346e21, validation loss 1.2346e21");
}
