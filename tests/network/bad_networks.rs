//! Bad input to networks and training, by its number; those of training runs are in `training.rs`, of optimizers in
//! `optimizers.rs` and `schedules.rs`, of model files in `files/model_files.rs`.
//!
//! 80, no threads, cannot be asked for: the crate starts none. 82, more than 2³² samples, is too large for a test; see
//! `Trainer`, "Reproducibility".

use gradus::layer::{Dropout, Initializer};
use gradus::loss::{BinaryCrossEntropy, SigmoidCrossEntropy};
use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::optimizer::Clipped;
use gradus::{
    CrossEntropy, Dataset, Dense, Error, GradientDescent, Loss, Network, Objective, Sigmoid, Softmax,
    SoftmaxCrossEntropy, Trainer,
};

fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

fn value(loss: &dyn Loss<f64>, prediction: &DMatrix<f64>, target: &DMatrix<f64>) -> f64 {
    let mut gradient = DMatrix::from_element(prediction.nrows(), prediction.ncols(), 0.0);
    let value = loss.value_and_gradient(prediction.into(), target.into(), None, (&mut gradient).into());
    assert_eq!(value.is_finite(), gradient.iter().all(|slope| slope.is_finite()), "{gradient}");
    value
}

#[test]
fn n037_no_layers() {
    let network = Network::<f64>::builder(3).build();
    assert_eq!(message(network), "layers of the network: expected at least one, found none");
}

#[test]
fn n038_a_layer_of_width_zero() {
    let network = Network::<f64>::builder(3).layer(Dense::new(3, 0)).build();
    assert_eq!(
        message(network),
        "layer 0, Dense { inputs: 3, outputs: 0, initializer: None }: outputs: expected at least one, found none"
    );
}

#[test]
fn n039_no_inputs() {
    let network = Network::<f64>::builder(0).layer(Sigmoid).build();
    assert_eq!(message(network), "inputs of the network: expected at least one, found none");
}

#[test]
fn n040_sizes_beyond_the_memory() {
    for (inputs, outputs) in [(usize::MAX, 2), (1 << 40, 1 << 40), (1 << 30, 1 << 30)] {
        let network = Network::<f64>::builder(inputs).layer(Dense::new(inputs, outputs)).build().map(|_| ());
        let error = match network.unwrap_err() {
            Error::Layer { source, .. } => *source,
            error => error,
        };
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}

#[test]
fn n041_layers_that_do_not_fit_together() {
    let network = Network::<f64>::builder(3).layer(Dense::new(3, 4)).layer(Sigmoid).layer(Dense::new(5, 1)).build();
    let Err(Error::Layer { index: 2, source, .. }) = network else { panic!() };
    assert_eq!(source.to_string(), "inputs of the layer: expected 5, found 4");
}

/// Outputs that are no probabilities give a loss that is no number, which ends a training.
#[test]
fn n042_a_loss_on_outputs_that_it_is_not_defined_for() {
    let network = Network::<f64>::builder(1).layer(Dense::new(1, 2)).build().unwrap();
    let data = Dataset::labeled(dmatrix![1.0], vec![0], 2).unwrap();
    let mut parameters = DVector::from_element(4, -1.0);
    let mut trainer = Trainer::new(&network, CrossEntropy, GradientDescent::new(0.1).unwrap());
    let error = trainer.train(&mut parameters, &data).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch: 0, iteration: 0, last_finite_loss: None }), "{error}");
    assert!(value(&BinaryCrossEntropy, &dmatrix![1.5], &dmatrix![1.0]).is_nan());
}

#[test]
fn n043_dropout_rates_out_of_range() {
    for rate in [-0.1, 1.0, 1.5, f64::NAN, f64::INFINITY] {
        let said = message(Dropout::new(rate));
        assert!(said.ends_with(&format!("found {rate}")), "{said}");
    }
    assert!(Dropout::new(0.0).is_ok() && Dropout::new(0.999).is_ok());
}

#[test]
fn n044_scales_of_initializers_that_are_no_scales() {
    for scale in [f64::NAN, f64::INFINITY, -1.0] {
        for initializer in [Initializer::normal(scale), Initializer::uniform(scale)] {
            assert!(matches!(initializer, Err(Error::InvalidParameter { .. })), "{scale}");
        }
    }
    assert!(matches!(Initializer::constant(f64::NAN), Err(Error::InvalidParameter { .. })));
}

#[test]
fn n055_n056_no_data_and_data_that_do_not_match() {
    let empty = Dataset::<f64>::new(DMatrix::zeros(2, 0), DMatrix::zeros(1, 0));
    assert_eq!(message(empty), "samples: expected at least one, found none");
    let unequal = Dataset::<f64>::new(DMatrix::zeros(2, 3), DMatrix::zeros(1, 4));
    assert_eq!(message(unequal), "targets, one for each sample: expected 1 × 3, found 1 × 4");
    let unequal = Dataset::<f64>::labeled(DMatrix::zeros(2, 3), vec![0; 2], 1);
    assert!(matches!(unequal, Err(Error::ShapeMismatch { .. })));
}

#[test]
fn n062_binary_targets_outside_zero_and_one() {
    let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    for bad in [-0.1, 1.5] {
        let (x, t) = (dmatrix![1.0, 2.0], dmatrix![0.5, bad]);
        let error = network.objective(SigmoidCrossEntropy).on(&x, &t).map(|_| ()).unwrap_err();
        assert_eq!(error, Error::InvalidTarget { sample: 1, expected: "values from 0 to 1", value: bad });
    }
}

#[test]
fn n063_n064_numbers_that_are_not_finite() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let inputs = Dataset::new(dmatrix![1.0, bad], dmatrix![1.0, 2.0]);
        assert_eq!(message(inputs), format!("inputs: expected finite numbers, found {bad} at row 0, column 1"));
        let targets = Dataset::new(dmatrix![1.0, 2.0], dmatrix![bad, 2.0]);
        assert_eq!(message(targets), format!("targets: expected finite numbers, found {bad} at row 0, column 0"));
    }
}

#[test]
fn n069_limits_of_gradients_that_are_not_positive() {
    for limit in [0.0, -1.0, f64::NAN] {
        let descent = || GradientDescent::new(0.1).unwrap();
        assert!(matches!(Clipped::by_norm(descent(), limit), Err(Error::InvalidParameter { .. })), "{limit}");
        assert!(matches!(Clipped::by_value(descent(), limit), Err(Error::InvalidParameter { .. })), "{limit}");
    }
}

#[test]
fn n073_n074_extremes_are_answered_by_finite_numbers() {
    let (logits, target) = (dmatrix![1e4; -1e4], dmatrix![0.0; 1.0]);
    assert_eq!(value(&SoftmaxCrossEntropy, &logits, &target), 2e4);
    assert!(value(&SigmoidCrossEntropy, &logits, &target).is_finite());
    let certain = dmatrix![1.0; 0.0];
    assert!(value(&CrossEntropy, &certain, &target).is_finite());
    assert!(value(&BinaryCrossEntropy, &certain, &target).is_finite());
}

#[test]
fn n075_logits_that_are_all_equal_or_all_minus_infinity() {
    let target = dmatrix![0.0; 1.0];
    assert!((value(&SoftmaxCrossEntropy, &dmatrix![7.0; 7.0], &target) - 2_f64.ln()).abs() < 1e-15);
    let lowest = dmatrix![f64::NEG_INFINITY; f64::NEG_INFINITY];
    assert!(!value(&SoftmaxCrossEntropy, &lowest, &target).is_finite());
    let network = Network::<f64>::builder(2).layer(Softmax).build().unwrap();
    let error = network.predict(&DVector::zeros(0), &lowest).unwrap_err();
    assert!(matches!(error, Error::NotFinite { what: "inputs", .. }), "{error}");
}

/// The seed of a trainer is 0 unless it is given.
#[test]
fn n081_a_seed_that_is_not_given() {
    let data = Dataset::new(DMatrix::from_fn(1, 9, |_, j| j as f64), DMatrix::from_fn(1, 9, |_, j| j as f64)).unwrap();
    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let run = |seed: Option<u64>| {
        let loss = gradus::MeanSquaredError;
        let mut trainer = Trainer::new(&network, loss, GradientDescent::new(0.001).unwrap()).batch_size(2).unwrap();
        if let Some(seed) = seed {
            trainer = trainer.seed(seed);
        }
        let mut parameters = DVector::zeros(2);
        let _ = trainer.train(&mut parameters, &data).unwrap();
        parameters
    };
    assert_eq!(run(None), run(Some(0)));
    assert_ne!(run(None), run(Some(1)));
}

/// An objective may be evaluated at parameters that are not finite: it says so by its value.
#[test]
fn parameters_that_are_not_finite() {
    let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let mut objective = network.objective(gradus::MeanSquaredError);
    let (x, t) = (dmatrix![1.0], dmatrix![1.0]);
    assert!(!objective.on(&x, &t).unwrap().value(&[f64::NAN, 0.0]).is_finite());
}

/// Of one output the largest is always the first: every answer would be right.
#[test]
fn one_output_has_no_accuracy() {
    let (x, t) = (dmatrix![1.0, 2.0, 3.0], dmatrix![0.0, 1.0, 0.0]);
    let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let parameters = DVector::from_vec(vec![1.0, 0.0]);
    let error = network.accuracy(&parameters, &Dataset::new(x.clone(), t.clone()).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "number of classes: expected at least 2, found 1");
    assert_eq!(gradus::accuracy(&network.predict(&parameters, &x).unwrap(), &t), Err(error));
}
