//! The trainer: what it does with batches, epochs, losses and bad input.

#[cfg(feature = "serde")]
mod checkpoints;
#[cfg(feature = "serde")]
mod interruptions;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus::layer::{Mode, Pass};
use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::optimizer::StopReason;
use gradus::schedule::{ReduceOnPlateau, Scheduled, StepDecay};
use gradus::training::{EarlyStopping, TrainingEnd};
use gradus::{
    Batch, BatchMut, Dataset, Dense, Error, GradientDescent, Layer, MeanSquaredError, Network, Real, Result, Sigmoid,
    SoftmaxCrossEntropy, Trainer, accuracy,
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

fn descent(learning_rate: f64) -> GradientDescent<f64> {
    GradientDescent::new(learning_rate).unwrap()
}

fn trainer<'a>(network: &Network<f64>) -> Trainer<'a, f64> {
    Trainer::new(network, MeanSquaredError, descent(0.1))
}

/// Three clouds of points.
fn clouds<T: Real>(n: usize, seed: u64) -> Dataset<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels: Vec<usize> = (0..n).map(|j| j % 3).collect();
    let x = DMatrix::from_fn(2, n, |i, j| {
        let center = [[0.0, 1.0], [1.0, -1.0], [-1.0, -1.0]][j % 3][i];
        T::nearest(center + 0.4 * rng.random_range(-1.0..1.0))
    });
    Dataset::labeled(x, labels, 3).unwrap()
}

fn classifier<T: Real>() -> Network<T> {
    Network::builder(2).layer(Dense::new(2, 8)).layer(Sigmoid).layer(Dense::new(8, 3)).build().unwrap()
}

#[test]
fn an_epoch_is_a_pass_over_all_samples_and_its_loss_the_mean_of_those_of_its_batches() {
    // A learning rate too small to change anything: then the mean of the batches is the loss of the data.
    let (data, network) = (line(10), linear());
    for batch_size in [1, 3, 7, 10, 99] {
        let mut losses = Vec::new();
        let mut trainer = Trainer::new(&network, MeanSquaredError, descent(1e-300))
            .epochs(2)
            .unwrap()
            .batch_size(batch_size)
            .unwrap()
            .validation(&data)
            .observe(|progress| {
                losses.push(progress.loss.unwrap());
                ControlFlow::Continue(())
            });
        let mut parameters = DVector::from_vec(vec![1.0, 0.5]);
        let report = trainer.train(&mut parameters, &data).unwrap();
        let (batches, end) = (10_usize.div_ceil(batch_size), TrainingEnd::Optimizer(StopReason::NoProgress));
        assert_eq!((report.epochs, report.iterations, report.end), (2, 2 * batches as u64, end));
        for record in trainer.history().records() {
            assert!((record.training_loss - record.validation_loss.unwrap()).abs() < 1e-14);
            assert_eq!(record.learning_rate, Some(1e-300));
        }
        drop(trainer);
        assert_eq!(losses.len(), 2 * batches);
    }
}

#[test]
fn weights_count_in_steps_and_losses() {
    // Every other sample lies, and has no weight.
    let x = DMatrix::from_fn(1, 20, |_, j| j as f64 / 20.0);
    let y = DMatrix::from_fn(1, 20, |_, j| if j % 2 == 0 { x[j] } else { 1e3 });
    let weights = (0..20).map(|j| if j % 2 == 0 { 2.5 } else { 0.0 }).collect();
    let data = Dataset::new(x, y).unwrap().with_weights(weights).unwrap();
    let network = linear();
    for with_replacement in [false, true] {
        let mut trainer = Trainer::new(&network, MeanSquaredError, descent(0.5)).epochs(400).unwrap();
        trainer = trainer.batch_size(4).unwrap().validation(&data);
        if with_replacement {
            trainer = trainer.with_replacement();
        }
        let mut parameters = [0.0; 2];
        let _ = trainer.train(parameters.as_mut_slice(), &data).unwrap();
        assert!((parameters[0] - 1.0).abs() < 1e-3 && parameters[1].abs() < 1e-3, "{parameters:?}");
        assert!(trainer.history().records()[399].validation_loss.unwrap() < 1e-6);
    }
}

#[test]
fn the_seed_decides_everything() {
    let (data, network) = (clouds::<f32>(60, 1), classifier::<f32>());
    let run = |seed: u64, with_replacement: bool| {
        let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, GradientDescent::new(0.5).unwrap());
        trainer = trainer.epochs(3).unwrap().batch_size(7).unwrap().seed(seed);
        if with_replacement {
            trainer = trainer.with_replacement();
        }
        let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
        let _ = trainer.train(&mut parameters, &data).unwrap();
        parameters
    };
    for with_replacement in [false, true] {
        assert_eq!(run(5, with_replacement), run(5, with_replacement));
        assert_ne!(run(5, with_replacement), run(6, with_replacement));
    }
    assert_ne!(run(5, false), run(5, true));
}

/// What a seed stands for may not change unnoticed: of saved runs and of published ones.
#[test]
fn orders_are_pinned() {
    let x = DMatrix::from_fn(1, 8, |_, j| j as f64);
    let (data, network) = (Dataset::new(x.clone(), x).unwrap(), linear());
    // With weight 1 and bias 0 the targets are met; with weight 0 the loss is the square of the sample's number.
    let order = |with_replacement: bool| {
        let mut seen = Vec::new();
        let mut trainer = Trainer::new(&network, MeanSquaredError, descent(1e-300)).batch_size(1).unwrap().seed(3);
        if with_replacement {
            trainer = trainer.with_replacement();
        }
        trainer = trainer.epochs(2).unwrap().observe(|progress| {
            seen.push(progress.loss.unwrap().sqrt().round() as usize);
            ControlFlow::Continue(())
        });
        let _ = trainer.train([0.0; 2].as_mut_slice(), &data).unwrap();
        drop(trainer);
        seen
    };
    assert_eq!(order(false), [3, 4, 7, 0, 1, 6, 2, 5, 1, 2, 6, 7, 4, 5, 3, 0]);
    assert_eq!(order(true), [3, 6, 6, 1, 4, 2, 5, 2, 3, 2, 1, 2, 7, 7, 5, 7]);
}

#[test]
fn metrics_are_measured_on_the_validation_data_and_written_with_the_losses() {
    let (data, validation, network) = (clouds::<f64>(90, 1), clouds::<f64>(30, 2), classifier::<f64>());
    let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, descent(1.0))
        .epochs(40)
        .unwrap()
        .validation(&validation)
        .metric("accuracy", |prediction, target| accuracy(prediction, target))
        .metric("a, \"quoted\" name", |prediction, _| Ok(prediction.samples() as f64));
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
    let _ = trainer.train(&mut parameters, &data).unwrap();
    let records = trainer.history().records();
    let [measured, count] = [0, 1].map(|place| records[39].metrics[place].unwrap());
    assert_eq!(measured, network.accuracy(&parameters, &validation).unwrap());
    assert!(measured > 0.95 && count == 30.0);
    assert!(records.is_sorted_by_key(|record| record.seconds));

    let mut csv = Vec::new();
    trainer.history().write_csv(&mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let mut lines = csv.lines();
    assert_eq!(
        lines.next().unwrap(),
        "epoch,training_loss,validation_loss,accuracy,\"a, \"\"quoted\"\" name\",learning_rate,seconds"
    );
    let last: Vec<f64> = lines.next_back().unwrap().split(',').map(|number| number.parse().unwrap()).collect();
    let record = &records[39];
    let expected = [39.0, record.training_loss, record.validation_loss.unwrap(), measured, 30.0, 1.0];
    assert_eq!(last[..6], expected);
    assert_eq!(csv.lines().count(), 41);
}

/// Losses fall to the third epoch and rise from there, since the steps overshoot the validation data's optimum.
#[test]
fn early_stopping_goes_back_to_the_best_parameters() {
    let network = linear();
    // Training pulls the constant up without end; the validation data want it to be 1.
    let training = Dataset::new(dmatrix![0.0, 0.0], dmatrix![100.0, 100.0]).unwrap();
    let validation = Dataset::new(dmatrix![0.0], dmatrix![1.0]).unwrap();
    let mut trace = Vec::new();
    let mut trainer = Trainer::new(&network, MeanSquaredError, descent(0.001))
        .epochs(100)
        .unwrap()
        .batch_size(2)
        .unwrap()
        .validation(&validation)
        .early_stopping(EarlyStopping::after(4).unwrap())
        .observe(|progress| {
            trace.push(progress.record.unwrap().validation_loss.unwrap());
            ControlFlow::Continue(())
        });
    let mut parameters = [0.0; 2];
    let report = trainer.train(parameters.as_mut_slice(), &training).unwrap();
    assert_eq!(report.end, TrainingEnd::EarlyStopped);
    // The constant is 100 (1 − 0.998ᵏ) after k epochs: nearest to 1 for k = 5.
    assert_eq!((report.best_epoch, report.epochs), (Some(4), 9));
    assert!((parameters[1] - 100.0 * (1.0 - 0.998_f64.powi(5))).abs() < 1e-12);
    // Asked again, the trainer does nothing.
    let again = trainer.train(parameters.as_mut_slice(), &training).unwrap();
    assert_eq!((again.end, again.epochs, again.best_loss), (TrainingEnd::AlreadyEnded, 9, report.best_loss));
    drop(trainer);
    assert_eq!(trace.len(), 9);
    assert!(trace.iter().all(|&loss| loss >= trace[4]));
}

#[test]
fn the_learning_rate_of_an_epoch_is_that_of_its_last_step() {
    let (data, network) = (line(8), linear());
    // Two steps an epoch, 1/8 and 1/16, 1/32 and 1/64, …
    let halving = Scheduled::new(descent(0.125), StepDecay::new(1, 0.5).unwrap()).unwrap();
    let mut trainer = Trainer::new(&network, MeanSquaredError, halving).epochs(3).unwrap().batch_size(4).unwrap();
    let _ = trainer.train([0.0; 2].as_mut_slice(), &data).unwrap();
    let rates: Vec<_> = trainer.history().records().iter().map(|record| record.learning_rate.unwrap()).collect();
    assert_eq!(rates, [0.125 / 2.0, 0.125 / 8.0, 0.125 / 32.0]);
}

/// From 1e-9 to 1e-209, and from there to a number that there is not.
#[test]
fn a_plateau_without_end_ends_the_run_with_the_best_parameters() {
    let (data, network) = (line(8), linear());
    let plateau = ReduceOnPlateau::new(1e-200).unwrap().with_patience(0);
    let mut shown = 0;
    let mut trainer = Trainer::new(&network, MeanSquaredError, descent(1e-9))
        .reduce_on_plateau(plateau)
        .unwrap()
        .early_stopping(EarlyStopping::after(99).unwrap().minimal_improvement(1e-3).unwrap())
        .observe(|progress| {
            shown += usize::from(progress.record.is_some());
            ControlFlow::Continue(())
        });
    let mut parameters = [0.0; 2];
    let report = trainer.train(parameters.as_mut_slice(), &data).unwrap();
    assert_eq!((report.end, report.epochs), (TrainingEnd::Optimizer(StopReason::InvalidLearningRate), 3));
    assert_eq!(report.best_epoch, Some(0));
    let rates: Vec<_> = trainer.history().records().iter().map(|record| record.learning_rate.unwrap()).collect();
    assert_eq!(rates, [1e-9, 1e-9, 1e-9 * 1e-200]);
    drop(trainer);
    assert_eq!(shown, 3);
}

#[cfg(feature = "progress")]
#[test]
fn a_progress_bar_of_any_number_of_epochs() {
    let (data, network) = (line(40), linear());
    let mut trainer = trainer(&network).epochs(usize::MAX).unwrap().progress_bar();
    trainer = trainer.observe(|progress| match progress.iterations {
        5 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(trainer.train([0.0; 2].as_mut_slice(), &data).unwrap().end, TrainingEnd::Observer);
}

#[test]
fn what_is_no_improvement_uses_up_patience() {
    let (data, network) = (line(8), linear());
    let run = |minimal_improvement: f64| {
        let early_stopping = EarlyStopping::after(3).unwrap().minimal_improvement(minimal_improvement).unwrap();
        let mut trainer = trainer(&network).epochs(50).unwrap().early_stopping(early_stopping);
        trainer.train([0.0; 2].as_mut_slice(), &data).unwrap()
    };
    assert_eq!(run(0.0).end, TrainingEnd::Completed);
    assert_eq!((run(1e3).end, run(1e3).epochs, run(1e3).best_epoch), (TrainingEnd::EarlyStopped, 4, Some(0)));
}

/// y = 0 at x = 1, also by steps that are too long and raise the loss.
#[test]
fn the_parameters_given_back_have_the_loss_reported() {
    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::new(dmatrix![1.0], dmatrix![0.0]).unwrap();
    let mut mean_loss = network.objective(MeanSquaredError);
    for validation in [None, Some(&data)] {
        for rate in [0.1, 1.0, 1.5] {
            let mut trainer = Trainer::new(&network, MeanSquaredError, descent(rate)).epochs(3).unwrap();
            trainer = trainer.early_stopping(EarlyStopping::after(5).unwrap());
            if let Some(data) = validation {
                trainer = trainer.validation(data);
            }
            let mut parameters = [1.0, 0.0];
            let report = trainer.train(parameters.as_mut_slice(), &data).unwrap();
            let loss = mean_loss.mean_loss(parameters.as_slice(), &data).unwrap();
            assert_eq!(report.best_loss, Some(loss), "rate {rate}");
        }
    }
}

/// Ended after some epochs, with the best parameters given back, and continued: by the same trainer or by another
/// one from a checkpoint.
#[test]
fn a_run_that_has_ended_goes_on_with_more_epochs_as_if_it_had_not() {
    let (data, network) = (line(12), linear());
    let trainer = |epochs: usize| {
        let momentum = descent(0.2).momentum(0.9).unwrap();
        let trainer = Trainer::new(&network, MeanSquaredError, momentum).batch_size(3).unwrap();
        trainer.epochs(epochs).unwrap().early_stopping(EarlyStopping::after(50).unwrap())
    };
    let mut whole = [0.0; 2];
    let expected = trainer(8).train(whole.as_mut_slice(), &data).unwrap();
    for first in 1..8 {
        let (mut here, mut there) = ([0.0; 2], [0.0; 2]);
        let mut ended = trainer(first);
        let _ = ended.train(here.as_mut_slice(), &data).unwrap();
        let checkpoint = ended.checkpoint(here.as_slice()).unwrap();
        let report = ended.epochs(8).unwrap().train(here.as_mut_slice(), &data).unwrap();
        assert_eq!((report, here), (expected, whole), "after {first} epochs");

        let mut other = trainer(8);
        other.restore(&checkpoint, there.as_mut_slice()).unwrap();
        let report = other.train(there.as_mut_slice(), &data).unwrap();
        assert_eq!((report, there), (expected, whole), "after {first} epochs, by another trainer");
    }
}

#[test]
fn n51_batch_size_zero() {
    let error = trainer(&linear()).batch_size(0).unwrap_err();
    assert_eq!(error.to_string(), "batch size: expected at least 1, found 0");
}

#[test]
fn n52_n53_batches_larger_than_the_data_and_last_batches_of_one() {
    let (data, network) = (line(5), linear());
    for (batch_size, iterations) in [(1_000_000, 3), (4, 6), (5, 3)] {
        let mut trainer = trainer(&network).epochs(3).unwrap().batch_size(batch_size).unwrap();
        assert_eq!(trainer.train([0.0; 2].as_mut_slice(), &data).unwrap().iterations, iterations);
    }
}

#[test]
fn n54_no_epochs() {
    let error = trainer(&linear()).epochs(0).unwrap_err();
    assert_eq!(error.to_string(), "epochs: expected at least 1, found 0");
}

#[test]
fn n57_n58_data_of_another_width() {
    let network = linear();
    let wide = Dataset::new(DMatrix::<f64>::zeros(2, 3), DMatrix::zeros(1, 3)).unwrap();
    let deep = Dataset::new(DMatrix::<f64>::zeros(1, 3), DMatrix::zeros(2, 3)).unwrap();
    let good = line(3);
    for bad in [&wide, &deep] {
        let mut parameters = [0.5, 0.25];
        let of_training = trainer(&network).train(parameters.as_mut_slice(), bad).unwrap_err();
        let of_validation = trainer(&network).validation(bad).train(parameters.as_mut_slice(), &good).unwrap_err();
        assert_eq!(of_training, of_validation);
        assert!(matches!(of_training, Error::ShapeMismatch { .. }), "{of_training}");
        assert_eq!(parameters, [0.5, 0.25]);
    }
    let error = trainer(&network).train([0.0; 3].as_mut_slice(), &good).unwrap_err();
    assert_eq!(error.to_string(), "parameters: expected 2 × 1, found 3 × 1");
}

#[test]
fn n59_n60_n61_targets_that_a_loss_is_not_defined_for_are_refused_before_the_first_step() {
    let network = Network::builder(1).layer(Dense::new(1, 2)).build().unwrap();
    let data = Dataset::new(dmatrix![0.0, 1.0], dmatrix![1.0, 0.5; 0.0, 0.0]).unwrap();
    let mut parameters = [0.5; 4];
    let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, descent(0.1));
    let error = trainer.train(parameters.as_mut_slice(), &data).unwrap_err();
    assert!(matches!(error, Error::InvalidTarget { sample: 1, .. }), "{error}");
    assert_eq!((parameters, trainer.history().records().len()), ([0.5; 4], 0));
    assert!(Dataset::<f64>::labeled(dmatrix![0.0], vec![2], 2).is_err());
}

#[test]
fn n70_a_schedule_that_is_not_a_positive_number_ends_the_run() {
    let (data, network) = (line(8), linear());
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        let schedule = move |iteration: u64| if iteration < 3 { 1.0 } else { bad };
        let descent = Scheduled::new(descent(0.1), schedule).unwrap();
        let mut trainer = Trainer::new(&network, MeanSquaredError, descent).batch_size(4).unwrap();
        let mut parameters = [0.0; 2];
        let report = trainer.train(parameters.as_mut_slice(), &data).unwrap();
        assert_eq!(report.end, TrainingEnd::Optimizer(StopReason::InvalidLearningRate), "{bad}");
        assert_eq!(report.iterations, 3);
        assert!(parameters.iter().all(|parameter| parameter.is_finite()));
    }
}

/// Steps that are too long make the loss grow until it overflows.
#[test]
fn n71_divergence_leaves_the_last_finite_parameters() {
    let (data, network) = (line(16), linear());
    let mut losses = Vec::new();
    let mut trainer =
        Trainer::new(&network, MeanSquaredError, descent(1e3)).epochs(100).unwrap().batch_size(16).unwrap().observe(
            |progress| {
                losses.push(progress.loss.unwrap());
                ControlFlow::Continue(())
            },
        );
    let mut parameters = [0.0; 2];
    let error = trainer.train(parameters.as_mut_slice(), &data).unwrap_err();
    drop(trainer);
    let Error::Diverged { epoch, iteration, last_finite_loss: Some(last) } = error else { panic!("{error}") };
    assert_eq!((epoch, iteration), (losses.len(), losses.len() as u64));
    assert_eq!(last, *losses.last().unwrap());
    assert!(losses.is_sorted() && losses.iter().all(|loss| loss.is_finite()));
    // The parameters are those of the last finite loss.
    let mut objective = network.objective(MeanSquaredError);
    assert!((objective.mean_loss(parameters.as_slice(), &data).unwrap() / last - 1.0).abs() < 1e-9);
    assert!(
        error.to_string().starts_with("training: expected a finite loss and gradient, found one that is not in epoch")
    );
}

#[test]
fn n71_a_first_loss_that_is_not_finite() {
    let (data, network) = (line(4), linear());
    let mut parameters = [1e200, 0.0];
    let error = trainer(&network).train(parameters.as_mut_slice(), &data).unwrap_err();
    assert_eq!(error, Error::Diverged { epoch: 0, iteration: 0, last_finite_loss: None });
    assert_eq!(parameters, [1e200, 0.0]);
}

/// Passes its input on, with a slope that is not finite.
#[derive(Debug)]
struct BrokenSlope;

impl<T: Real> Layer<T> for BrokenSlope {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        Ok(input_size)
    }

    fn forward(&self, _: &[T], input: Batch<'_, T>, mut output: BatchMut<'_, T>, _: &mut [T], _: Mode) {
        output.as_mut_slice().copy_from_slice(input.as_slice());
    }

    fn backward(&self, _: &[T], _: Pass<'_, T>, _: Batch<'_, T>, _: &mut [T], to: Option<BatchMut<'_, T>>) {
        if let Some(mut to) = to {
            to.as_mut_slice().fill(T::one() / T::zero());
        }
    }
}

#[test]
fn n72_a_gradient_that_is_not_finite_while_the_loss_is() {
    let network = Network::builder(1).layer(Dense::new(1, 1)).layer(BrokenSlope).build().unwrap();
    let mut parameters = [0.5, 0.25];
    let error = trainer(&network).train(parameters.as_mut_slice(), &line(4)).unwrap_err();
    assert_eq!(error, Error::Diverged { epoch: 0, iteration: 0, last_finite_loss: None });
    assert_eq!(parameters, [0.5, 0.25]);
}

#[test]
fn n77_no_patience() {
    let error = EarlyStopping::after(0).unwrap_err();
    assert_eq!(error.to_string(), "patience: expected at least 1, found 0");
    for improvement in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(EarlyStopping::after(1).unwrap().minimal_improvement(improvement).is_err());
    }
}

#[test]
fn n78_n79_one_class_one_sample_one_feature() {
    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::<f64>::labeled(dmatrix![3.0], vec![0], 1).unwrap();
    let mut parameters = [0.5, 0.25];
    let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, descent(0.1)).epochs(2).unwrap();
    let _ = trainer.train(parameters.as_mut_slice(), &data).unwrap();
    // Of one class the probability is 1, and there is nothing to learn.
    assert_eq!((parameters, trainer.history().records()[1].training_loss), ([0.5, 0.25], 0.0));
}

#[test]
fn n83_an_observer_that_panics_or_stops_leaves_a_run_that_goes_on() {
    let (data, network) = (line(12), linear());
    let mut expected = [0.0; 2];
    let _ = trainer(&network).epochs(4).unwrap().batch_size(5).unwrap().train(expected.as_mut_slice(), &data).unwrap();
    for panics in [true, false] {
        let mut parameters = [0.0; 2];
        let mut trainer = trainer(&network).epochs(4).unwrap().batch_size(5).unwrap().observe(move |progress| {
            assert!(!(panics && progress.iterations == 7), "the observer panics");
            if progress.iterations == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let ended = catch_unwind(AssertUnwindSafe(|| trainer.train(parameters.as_mut_slice(), &data)));
        match ended {
            Ok(report) => assert!(!panics && report.unwrap().end == TrainingEnd::Observer),
            Err(_) => assert!(panics),
        }
        let report = trainer.train(parameters.as_mut_slice(), &data).unwrap();
        assert_eq!((report.end, report.iterations, parameters), (TrainingEnd::Completed, 12, expected));
    }
}

#[test]
fn an_error_of_a_metric_ends_the_run() {
    let (data, network) = (line(12), linear());
    let mut trainer = trainer(&network).validation(&data).metric("none", |_, _| Err(Error::Empty { what: "metric" }));
    let error = trainer.train([0.0; 2].as_mut_slice(), &data).unwrap_err();
    assert_eq!(error, Error::Empty { what: "metric" });
}

#[test]
fn micro_batches_change_no_more_than_the_order_of_sums() {
    let data = line(40);
    let network = linear();
    let trained = |samples: Option<usize>| {
        let mut parameters = DVector::from_vec(vec![0.5, -0.5]);
        let mut trainer = trainer(&network).epochs(3).unwrap().batch_size(20).unwrap().seed(1);
        if let Some(samples) = samples {
            trainer = trainer.micro_batches(samples).unwrap();
        }
        let _ = trainer.train(&mut parameters, &data).unwrap();
        assert_eq!(trainer.optimizer().learning_rate(), Some(0.1));
        parameters
    };
    let whole = trained(None);
    assert_ne!(whole, DVector::from_vec(vec![0.5, -0.5]));
    for samples in [1, 7, 20, 100] {
        assert!((trained(Some(samples)) - &whole).amax() < 1e-14, "{samples}");
    }
    assert!(matches!(trainer(&network).micro_batches(0), Err(Error::InvalidParameter { .. })));
}

#[test]
fn a_trainer_shows_how_far_it_is() {
    let network = linear();
    let mut trainer = trainer(&network).epochs(2).unwrap().batch_size(5).unwrap().seed(9);
    let _ = trainer.train(&mut DVector::zeros(2), &line(10)).unwrap();
    let shown = format!("{trainer:?}");
    for part in ["Trainer {", "epochs: 2", "seed: 9", "epoch: 2", "iterations: 4"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
