//! A run that was stopped, saved and continued is the same run.

use std::ops::ControlFlow;

use gradus::layer::Dropout;
use gradus::optimizer::{Clipped, Lbfgs};
use gradus::schedule::{ExponentialDecay, LinearWarmUp, ReduceOnPlateau, Scheduled};
use gradus::training::EarlyStopping;
use gradus::{
    Adam, Dense, Error, GradientDescent, MeanSquaredError, Network, Optimizer, Real, Sigmoid, SoftmaxCrossEntropy,
    Trainer, accuracy,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::{clouds, line, linear, trainer};

/// Stopped at five steps drawn at random, saved, and continued by another trainer.
fn resumed<T, O>(with_replacement: bool, optimizer: impl Fn() -> O)
where
    T: Real + serde::Serialize + serde::de::DeserializeOwned,
    O: Optimizer<T>,
{
    let (data, validation) = (clouds::<T>(50, 3), clouds::<T>(20, 4));
    let network: Network<T> = Network::builder(2)
        .layer(Dense::new(2, 6))
        .layer(Dropout::new(0.3).unwrap())
        .layer(Sigmoid)
        .layer(Dense::new(6, 3))
        .build()
        .unwrap();
    let initial = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
    let make = || {
        let trainer = Trainer::new(&network, SoftmaxCrossEntropy, optimizer())
            .epochs(6)
            .unwrap()
            .batch_size(8)
            .unwrap()
            .seed(77)
            .validation(&validation)
            .metric("accuracy", |prediction, target| accuracy(prediction, target))
            .early_stopping(EarlyStopping::after(3).unwrap());
        if with_replacement { trainer.with_replacement() } else { trainer }
    };
    let mut expected = initial.clone();
    let mut uninterrupted = make();
    let expected_report = uninterrupted.train(&mut expected, &data).unwrap();
    let strip = |trainer: &Trainer<'_, T>| -> Vec<_> {
        let records = trainer.history().records().iter();
        records.map(|record| (record.training_loss, record.validation_loss, record.metrics.clone())).collect()
    };

    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for _ in 0..5 {
        let at = rng.random_range(1..=expected_report.iterations);
        let mut parameters = initial.clone();
        let mut first =
            make().observe(
                move |progress| {
                    if progress.iterations == at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
            );
        let _ = first.train(&mut parameters, &data).unwrap();
        let text = serde_json::to_string(&first.checkpoint(&parameters).unwrap()).unwrap();

        let (mut second, mut parameters) = (make(), initial.map(|_| T::zero()));
        second.restore(&serde_json::from_str(&text).unwrap(), &mut parameters).unwrap();
        let report = second.train(&mut parameters, &data).unwrap();
        assert_eq!((report, &parameters), (expected_report, &expected), "stopped after {at}");
        assert_eq!(strip(&second), strip(&uninterrupted));
    }
}

#[test]
fn a_resumed_run_has_the_bits_of_one_that_was_not_stopped() {
    let schedule = || LinearWarmUp::new(9, 0.1, ExponentialDecay::new(0.98).unwrap()).unwrap();
    let adam = || Scheduled::new(Adam::new(0.01).unwrap(), schedule()).unwrap();
    resumed::<f64, _>(false, adam);
    resumed::<f64, _>(true, adam);
    let descent = || GradientDescent::new(0.1_f32).unwrap().momentum(0.9).unwrap();
    resumed::<f32, _>(false, || Clipped::by_norm(descent(), 0.5).unwrap());
    // Each batch and each dropout mask is another function: nothing of the last one may be left.
    resumed::<f64, _>(false, Lbfgs::new);
}

#[test]
fn checkpoints_of_other_runs_and_spoiled_ones_are_refused_and_change_nothing() {
    use serde_json::{Value, json};

    let (data, network) = (line(12), linear());
    let mut parameters = [0.0; 2];
    let mut first = trainer(&network).early_stopping(EarlyStopping::after(2).unwrap()).epochs(3).unwrap();
    let _ = first.train(parameters.as_mut_slice(), &data).unwrap();
    let document = serde_json::to_value(first.checkpoint(parameters.as_slice()).unwrap()).unwrap();
    let refused = |document: &Value, trainer: Trainer<'_, f64>| {
        let Ok(checkpoint) = serde_json::from_value(document.clone()) else { return };
        let (mut trainer, mut parameters) = (trainer, [7.0; 2]);
        assert!(trainer.restore(&checkpoint, parameters.as_mut_slice()).is_err(), "{document}");
        assert_eq!((parameters, trainer.history().records().len()), ([7.0; 2], 0));
    };
    let wide = Network::builder(2).layer(Dense::new(2, 1)).build().unwrap();
    refused(&document, trainer(&wide));
    refused(&document, trainer(&network).seed(1));
    refused(&document, trainer(&network).batch_size(3).unwrap());
    refused(&document, trainer(&network).with_replacement());
    refused(&document, trainer(&network).metric("m", |_, _| Ok(0.0)));
    refused(&document, Trainer::new(&network, MeanSquaredError, Adam::new(0.1).unwrap()));
    refused(&document, trainer(&network).reduce_on_plateau(ReduceOnPlateau::new(0.5).unwrap()).unwrap());
    for (place, value) in [
        ("/version", json!(1)),
        ("/parameters", json!([1.0])),
        ("/parameters/0", json!(null)),
        ("/state/epoch", json!(7)),
        ("/state/weight_sum", json!(-1.0)),
        ("/state/iterations", json!(u64::MAX)),
        ("/state/iterations", json!(0)),
        ("/state/loss_sum", json!(5.0)),
        ("/state/elapsed/secs", json!(u64::MAX)),
        ("/state/best/epoch", json!(3)),
        ("/state/latest", json!([1.0])),
        ("/state/course/steps", json!(4)),
        ("/state/course/latest", json!([])),
        ("/state/best/parameters", json!([])),
        ("/state/history/records", json!([])),
        ("/optimizer/counters", json!([["steps", 3]])),
    ] {
        let mut spoiled = document.clone();
        *spoiled.pointer_mut(place).unwrap() = value;
        refused(&spoiled, trainer(&network));
    }
    // The memory of an optimizer for another number of parameters.
    let with_momentum =
        || Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1).unwrap().momentum(0.9).unwrap());
    let mut spoiled = document.clone();
    for (velocity, fits) in
        [(json!([]), true), (json!([1.0, 2.0]), true), (json!([1.0]), false), (json!([1.0, 1.0, 1.0]), false)]
    {
        spoiled["optimizer"]["vectors"] = json!([["velocity", velocity]]);
        if fits {
            with_momentum()
                .restore(&serde_json::from_value(spoiled.clone()).unwrap(), parameters.as_mut_slice())
                .unwrap();
        } else {
            refused(&spoiled, with_momentum());
        }
    }
    // A place in an epoch that the data do not have.
    let mut spoiled = document.clone();
    spoiled["state"]["batch"] = json!(99);
    refused(&spoiled, trainer(&network).epochs(5).unwrap());
    spoiled["state"]["iterations"] = json!(102);
    let mut second = trainer(&network).epochs(5).unwrap();
    second.restore(&serde_json::from_value(spoiled).unwrap(), parameters.as_mut_slice()).unwrap();
    assert!(matches!(second.train(parameters.as_mut_slice(), &data), Err(Error::CheckpointMismatch { .. })));
    // As it is, it is taken.
    let mut second = trainer(&network).epochs(5).unwrap();
    second.restore(&serde_json::from_value(document).unwrap(), parameters.as_mut_slice()).unwrap();
    assert_eq!(second.train(parameters.as_mut_slice(), &data).unwrap().epochs, 5);
}

/// A plateau whose factor has fallen to 0 leaves nothing to go on with.
#[test]
fn a_learning_rate_of_zero_is_not_restored() {
    let (data, network) = (line(12), linear());
    let make = || {
        let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(1e-9).unwrap());
        trainer.reduce_on_plateau(ReduceOnPlateau::new(1e-200).unwrap().with_patience(0)).unwrap()
    };
    let (mut first, mut parameters) = (make(), [0.0; 2]);
    let _ = first.train(parameters.as_mut_slice(), &data).unwrap();
    let checkpoint = first.checkpoint(parameters.as_slice()).unwrap();
    let (mut second, mut parameters) = (make(), [7.0; 2]);
    let error = second.restore(&checkpoint, parameters.as_mut_slice()).unwrap_err();
    assert_eq!(error.to_string(), "learning rate: expected a positive, finite number, found 0");
    assert_eq!((parameters, second.history().records().len()), ([7.0; 2], 0));
}

#[test]
fn a_plateau_is_gone_on_with() {
    let (data, network) = (line(12), linear());
    // Steps too short to change the loss by as much as counts: every epoch is one on the plateau.
    let make = || {
        let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(1e-9).unwrap());
        let plateau = ReduceOnPlateau::new(0.5).unwrap().with_patience(1);
        trainer.epochs(9).unwrap().reduce_on_plateau(plateau).unwrap()
    };
    let mut expected = [0.0; 2];
    let mut uninterrupted = make();
    let _ = uninterrupted.train(expected.as_mut_slice(), &data).unwrap();
    let rates: Vec<_> = uninterrupted.history().records().iter().map(|record| record.learning_rate.unwrap()).collect();
    assert_eq!(
        rates,
        [4, 4, 4, 2, 2, 1, 1]
            .map(|quarters| f64::from(quarters) * 0.25e-9)
            .to_vec()
            .into_iter()
            .chain([0.125e-9; 2])
            .collect::<Vec<_>>()
    );

    let mut parameters = [0.0; 2];
    let mut first = make()
        .observe(|progress| if progress.iterations == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
    let _ = first.train(parameters.as_mut_slice(), &data).unwrap();
    let checkpoint = first.checkpoint(parameters.as_slice()).unwrap();
    let (mut second, mut parameters) = (make(), [0.0; 2]);
    second.restore(&checkpoint, parameters.as_mut_slice()).unwrap();
    let _ = second.train(parameters.as_mut_slice(), &data).unwrap();
    assert_eq!(parameters, expected);
}
