//! What the tests of `fuzz.rs` and `no_panic.rs` have found, each as it was found.

use gradus::data::Standardization;
use gradus::layer::Identity;
use gradus::metrics::ConfusionMatrix;
use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::regression::{Intercept, LeastSquaresObjective};
use gradus::schedule::ReduceOnPlateau;
use gradus::{Error, LinearRegression, Model, Network, NormalEquation};

/// Room for all pairs is made at the first step: the capacity overflowed there.
#[test]
fn predictions_of_a_fit_that_overflow() {
    let fit = LinearRegression::new().fit(&dmatrix![0.0; 1.0; 2.0], &dmatrix![0.0; 100.0; 200.0]).unwrap();
    let error = fit.predict(&dmatrix![1e307; 1.0]).unwrap_err();
    assert_eq!(error, Error::Overflow { what: "predictions" });
}

/// A matrix without columns may have any number of rows, one without rows any number of columns.
#[test]
fn rows_and_columns_without_number() {
    let (rows, columns) = (DMatrix::<f64>::zeros(usize::MAX, 0), DMatrix::<f64>::zeros(0, usize::MAX));
    let mean = LinearRegression::new().fit(&DMatrix::zeros(3, 0), &dmatrix![1.0; 2.0; 6.0]).unwrap();
    assert_eq!(mean.predict(&rows), Err(Error::TooLarge { what: "predictions", count: usize::MAX }));
    let empty = Err(Error::Empty { what: "observations" });
    assert_eq!(LinearRegression::new().fit(&columns, &DMatrix::zeros(0, 1)).map(|_| ()), empty);
    let objective = LeastSquaresObjective::new(&columns, &DMatrix::zeros(0, 1), Intercept::Include);
    assert_eq!(objective.map(|_| ()), empty);
    let error = NormalEquation::<f64>::new(0, 0).push(&rows, &rows).unwrap_err();
    assert!(matches!(error, Error::TooLarge { count: usize::MAX, .. }), "{error}");
    let network = Network::<f64>::builder(usize::MAX).layer(Identity).build().unwrap();
    let model = Model::new(network, DVector::zeros(0)).unwrap();
    assert_eq!(model.predict(&rows).unwrap().shape(), (usize::MAX, 0));
}

#[test]
fn a_confusion_of_more_classes_than_memory() {
    for classes in [usize::MAX, 1 << (usize::BITS / 2)] {
        let error = ConfusionMatrix::from_labels(&[0], &[1], classes).unwrap_err();
        assert!(matches!(error, Error::TooLarge { what: "a confusion matrix", .. }), "{error}");
    }
}

/// Half the smallest number rounds to 0, and dividing by that is no standardization.
#[test]
fn a_scale_that_rounds_to_zero() {
    let standardization = Standardization::of(&dmatrix![0.0, 0.0, 0.0, 5e-324]).unwrap();
    assert!(standardization.scale()[0] > 0.0);
    let mut samples = dmatrix![0.0_f64, 5e-324];
    standardization.apply(&mut samples).unwrap();
    assert!(samples.iter().all(|value| value.is_finite()), "{samples}");
}

#[test]
fn a_plateau_whose_counter_is_at_its_end() {
    let mut plateau = ReduceOnPlateau::new(0.5).unwrap().with_patience(u64::MAX);
    let mut state = plateau.state();
    state.counters[0].1 = u64::MAX;
    plateau.restore(&state).unwrap();
    assert_eq!(plateau.observe(f64::NAN), 1.0);
}

#[cfg(feature = "progress")]
#[test]
fn a_progress_bar_of_more_steps_than_can_be_counted() {
    use std::ops::ControlFlow;

    use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Trainer};

    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::new(DMatrix::from_element(1, 4, 1.0), DMatrix::from_element(1, 4, 1.0)).unwrap();
    let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1).unwrap());
    let mut trainer = trainer.epochs(usize::MAX).unwrap().batch_size(1).unwrap().progress_bar();
    trainer = trainer.observe(|_| ControlFlow::Break(()));
    assert_eq!(trainer.train([0.0; 2].as_mut_slice(), &data).unwrap().iterations, 1);
}

/// The seed of a step is made of twice its number, and the time of a run is added up.
#[cfg(feature = "serde")]
#[test]
fn checkpoints_at_the_end_of_time() {
    use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Trainer};
    use serde_json::json;

    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::new(DMatrix::from_element(1, 4, 1.0), DMatrix::from_element(1, 4, 1.0)).unwrap();
    let trainer = || Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1).unwrap());
    let saved = serde_json::to_value(trainer().checkpoint([0.0; 2].as_slice()).unwrap()).unwrap();
    let resumed = |place: &str, value| {
        let mut saved = saved.clone();
        *saved.pointer_mut(place).unwrap() = value;
        let (mut trainer, mut parameters) = (trainer(), [0.0; 2]);
        trainer.restore(&serde_json::from_value(saved).unwrap(), parameters.as_mut_slice())?;
        trainer.train(parameters.as_mut_slice(), &data)
    };
    let error = resumed("/state/iterations", json!(u64::MAX)).unwrap_err();
    assert!(matches!(error, Error::CheckpointMismatch { .. }), "{error}");
    assert_eq!(resumed("/state/iterations", json!((1_u64 << 62) - 1)).unwrap().iterations, (1 << 62) + 9);
    let elapsed = json!({ "secs": u64::MAX, "nanos": 999_999_999 });
    let error = resumed("/state/elapsed", elapsed).unwrap_err();
    assert!(matches!(error, Error::CheckpointMismatch { .. }), "{error}");
}

/// The memory for as many parameters as a file speaks of was asked for before anything of it was believed.
#[cfg(feature = "safetensors")]
#[test]
fn a_model_file_that_speaks_of_much() {
    use gradus::Dense;
    use gradus::model::ModelError;

    let network = Network::builder(4096).layer(Dense::new(4096, 4096)).build().unwrap();
    let model = Model::new(network, DVector::<f32>::zeros(4096 * 4097)).unwrap();
    let bytes = model.to_bytes().unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let tensors = header.as_object_mut().unwrap();
    tensors.retain(|name, _| name == "__metadata__");
    let header = header.to_string();
    let small = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    let mut read = None;
    let memory = allocation_counter::measure(|| read = Some(Model::<f32>::from_bytes(&small))).bytes_max;
    assert!(matches!(read, Some(Err(ModelError::MissingTensors { .. }))), "{read:?}");
    assert!(memory < 64 * 1024, "{memory} bytes");
}

/// Each name was compared with all before it, and each field with all classes: minutes for some hundred kilobytes.
#[cfg(feature = "csv")]
#[test]
fn a_table_of_as_many_names_and_classes_as_fields() {
    use std::time::{Duration, Instant};

    use gradus::data::{CsvError, CsvTable};

    const COUNT: usize = 200_000;
    let started = Instant::now();
    let names: Vec<String> = (0..COUNT).map(|place| format!("n{place}")).collect();
    let text = format!("{}\n{}\n", names.join(","), vec!["1"; COUNT].join(","));
    assert_eq!(CsvTable::from_bytes(text.as_bytes(), b',').unwrap().names(), names);
    let again = format!("{},n7\n", names.join(","));
    let error = CsvTable::from_bytes(again.as_bytes(), b',').unwrap_err();
    assert!(matches!(error, CsvError::DuplicateColumn { name } if name == "n7"));

    let table = CsvTable::from_bytes(format!("kind\n{}\n", names.join("\n")).as_bytes(), b',').unwrap();
    let (labels, classes) = table.labels("kind").unwrap();
    assert!(classes.is_sorted() && classes.len() == COUNT && classes[labels[7]] == "n7");
    // Of a class that is named twice the first place.
    assert_eq!(table.labels_among("kind", &[&names[..], &names[..]].concat()).unwrap()[7], 7);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// All of the columns were gone through, unless the compiler saw that there is nothing in them (`opt-level = 0` does
/// not).
#[cfg(feature = "npy")]
#[test]
fn an_array_of_columns_without_number_and_no_rows() {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': (0, {}), }}\n", usize::MAX / 8);
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    std::fs::write(file.path(), bytes).unwrap();
    assert_eq!(gradus::data::read_npy::<f64>(file.path()).unwrap().shape(), (0, usize::MAX / 8));
}
