//! A run that was stopped, saved and gone on with is the same run.
#![cfg(feature = "serde")]

use std::ops::ControlFlow;

use gradus::nalgebra::DMatrix;
use gradus::{
    Batch, BatchMut, Dataset, Dense, EarlyStopping, Error, GradientDescent, Layer, MeanSquaredError, Mode, Network,
    Objective, Optimizer, OptimizerState, Pass, Real, Result, Sigmoid, SoftmaxCrossEntropy, Step, Trainer, accuracy,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// y = 2 x + 1 at n points.
fn line(n: usize) -> Dataset<f64> {
    let x = DMatrix::from_fn(1, n, |_, j| j as f64 / n as f64 - 0.5);
    let y = x.map(|x| 2.0 * x + 1.0);
    Dataset::new(x, y).unwrap()
}

fn linear() -> Network<f64> {
    Network::builder(1).layer(Dense::new(1, 1)).build().unwrap()
}

fn trainer<'a>(network: &Network<f64>) -> Trainer<'a, f64> {
    Trainer::new(network, MeanSquaredError, GradientDescent::new(0.1).unwrap())
}

/// Three clouds of points.
fn clouds<T: Real>(n: usize, seed: u64) -> Dataset<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels: Vec<usize> = (0..n).map(|j| j % 3).collect();
    let x = DMatrix::from_fn(2, n, |i, j| {
        let center = [[0.0, 1.0], [1.0, -1.0], [-1.0, -1.0]][j % 3][i];
        T::nearest(center + 0.4 * rng.random_range(-1.0..1.0))
    });
    Dataset::labelled(x, labels, 3).unwrap()
}

/// Adds to every value what is a function of seed, sample and place.
#[derive(Debug)]
struct Noise;

impl<T: Real> Layer<T> for Noise {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        Ok(input_size)
    }

    fn forward(&self, _: &[T], input: Batch<'_, T>, mut output: BatchMut<'_, T>, _: &mut [T], mode: Mode) {
        for (place, (y, &x)) in output.as_mut_slice().iter_mut().zip(input.as_slice()).enumerate() {
            *y = x;
            if let Mode::Train { seed, .. } = mode {
                *y += T::nearest((seed.wrapping_mul(place as u64 * 2 + 1) >> 40) as f64 / f64::from(1 << 26));
            }
        }
    }

    fn backward(&self, _: &[T], _: Pass<'_, T>, from: Batch<'_, T>, _: &mut [T], to: Option<BatchMut<'_, T>>) {
        if let Some(mut to) = to {
            to.as_mut_slice().copy_from_slice(from.as_slice());
        }
    }
}

/// v ← 0.9 v + ∇f, x ← x − 0.05 v.
struct HeavyBall<T> {
    velocity: Vec<T>,
}

impl<T: Real> Optimizer<T> for HeavyBall<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        let mut gradient = vec![T::zero(); x.len()];
        let step = Step::new(objective.value_and_gradient(x, &mut gradient), &gradient);
        self.velocity.resize(x.len(), T::zero());
        for ((x, v), g) in x.iter_mut().zip(&mut self.velocity).zip(gradient) {
            *v = T::nearest(0.9) * *v + g;
            *x -= T::nearest(0.05) * *v;
        }
        step
    }

    fn state(&self) -> OptimizerState<T> {
        OptimizerState { vectors: vec![("velocity".into(), self.velocity.clone())], counters: Vec::new() }
    }

    fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        let [(name, velocity)] = state.vectors.as_slice() else {
            return Err(Error::StateMismatch { expected: self.state().to_string(), found: state.to_string() });
        };
        assert_eq!(name, "velocity");
        self.velocity.clone_from(velocity);
        Ok(())
    }
}

/// Stopped at five steps drawn at random, saved, and gone on with by another trainer.
fn resumed<T>(with_replacement: bool)
where
    T: Real + serde::Serialize + serde::de::DeserializeOwned,
{
    let (data, validation) = (clouds::<T>(50, 3), clouds::<T>(20, 4));
    let network: Network<T> = Network::builder(2)
        .layer(Dense::new(2, 6))
        .layer(Noise)
        .layer(Sigmoid)
        .layer(Dense::new(6, 3))
        .build()
        .unwrap();
    let initial = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
    let make = || {
        let trainer = Trainer::new(&network, SoftmaxCrossEntropy, HeavyBall { velocity: Vec::new() })
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
    resumed::<f64>(false);
    resumed::<f64>(true);
    resumed::<f32>(false);
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
    refused(&document, Trainer::new(&network, MeanSquaredError, HeavyBall { velocity: Vec::new() }));
    for (place, value) in [
        ("/version", json!(2)),
        ("/parameters", json!([1.0])),
        ("/parameters/0", json!(null)),
        ("/state/epoch", json!(7)),
        ("/state/weight_sum", json!(-1.0)),
        ("/state/best/epoch", json!(3)),
        ("/state/best/parameters", json!([])),
        ("/state/history/records", json!([])),
        ("/optimizer/counters", json!([["steps", 3]])),
    ] {
        let mut spoiled = document.clone();
        *spoiled.pointer_mut(place).unwrap() = value;
        refused(&spoiled, trainer(&network));
    }
    // A place in an epoch that the data do not have.
    let mut spoiled = document.clone();
    spoiled["state"]["batch"] = json!(99);
    let mut second = trainer(&network).epochs(5).unwrap();
    second.restore(&serde_json::from_value(spoiled).unwrap(), parameters.as_mut_slice()).unwrap();
    assert!(matches!(second.train(parameters.as_mut_slice(), &data), Err(Error::CheckpointMismatch { .. })));
    // As it is, it is taken.
    let mut second = trainer(&network).epochs(5).unwrap();
    second.restore(&serde_json::from_value(document).unwrap(), parameters.as_mut_slice()).unwrap();
    assert_eq!(second.train(parameters.as_mut_slice(), &data).unwrap().epochs, 5);
}
