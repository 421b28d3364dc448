//! What must not be answered as if it were right: each with its right value, or the error that says why there is none.

use std::f64::consts::LN_2;

use gradus::data::Standardization;
use gradus::gradient::{Difference, from_value};
use gradus::layer::{Dropout, Elu, Identity, LayerNormalization, LeakyRelu, Tanh};
use gradus::loss::{BinaryCrossEntropy, ClassWeights, Hinge, KullbackLeibler, LabelSmoothing, SigmoidCrossEntropy};
use gradus::metrics::{
    ConfusionMatrix, log_loss, mean_absolute_error, r_squared, root_mean_squared_error, top_k_accuracy,
};
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::optimizer::{AdaGrad, AdamW, Lbfgs, Nadam, RmsProp, StopReason};
use gradus::schedule::{CosineAnnealing, Scheduled};
use gradus::training::{EarlyStopping, TrainingEnd};
use gradus::{
    Adam, CrossEntropy, Dataset, Dense, Error, GradientDescent, Layer, LinearRegression, Loss, MeanSquaredError,
    Network, Objective, Optimizer, Real, Sigmoid, Softmax, SoftmaxCrossEntropy, Stop, Trainer, accuracy, from_fn,
    one_hot,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// A network of one dense layer, whose parameters with an input of 1 are the logits, and an activation.
fn on<T: Real>(logits: &[T], activation: Option<impl Layer<T> + 'static>) -> (Network<T>, DVector<T>, DMatrix<T>) {
    let mut network = Network::builder(1).layer(Dense::new(1, logits.len()));
    if let Some(activation) = activation {
        network = network.layer(activation);
    }
    let mut parameters = vec![T::zero(); 2 * logits.len()];
    parameters[logits.len()..].copy_from_slice(logits);
    (network.build().unwrap(), parameters.into(), DMatrix::from_element(1, 1, T::one()))
}

/// Loss and slopes by the logits; what a data set says must be the same.
fn evaluate<T: Real>(
    logits: &[T],
    activation: Option<impl Layer<T> + 'static>,
    loss: impl Loss<T> + 'static,
    target: &[T],
) -> (T, Vec<T>) {
    let (network, parameters, x) = on(logits, activation);
    let target = DMatrix::from_column_slice(target.len(), 1, target);
    let mut objective = network.objective(loss);
    let mut gradient = vec![T::zero(); parameters.len()];
    let value = objective.on(&x, &target).unwrap().value_and_gradient(parameters.as_slice(), &mut gradient);
    assert_eq!(objective.on(&x, &target).unwrap().value(parameters.as_slice()), value);
    let data = Dataset::new(x, target).unwrap();
    assert_eq!(objective.mean_loss(&parameters, &data).unwrap(), value);
    assert_eq!(
        objective.evaluate(&parameters, &data).unwrap().predictions,
        network.predict(&parameters, &dmatrix![T::one()]).unwrap()
    );
    (value, gradient[logits.len()..].to_vec())
}

const NONE: Option<Sigmoid> = None;

/// σ(17) is 1 to all digits of `f32`, σ(37) to all of `f64`; the slope of the loss is σ.
#[test]
fn n02_the_slope_of_a_saturated_sigmoid_is_that_of_its_logit() {
    assert_eq!(evaluate(&[17.0_f32], Some(Sigmoid), BinaryCrossEntropy, &[0.0]), (17.0, vec![1.0]));
    assert_eq!(evaluate(&[37.0_f64], Some(Sigmoid), BinaryCrossEntropy, &[0.0]), (37.0, vec![1.0]));
    assert_eq!(evaluate(&[-800.0_f64], Some(Sigmoid), BinaryCrossEntropy, &[1.0]), (800.0, vec![-1.0]));
    let smoothed = |loss| LabelSmoothing::new(loss, 0.5).unwrap();
    assert_eq!(evaluate(&[800.0], Some(Sigmoid), smoothed(BinaryCrossEntropy), &[0.0]), (600.0, vec![0.75]));
    let weighted = ClassWeights::new(smoothed(BinaryCrossEntropy), [3.0, 1.0]).unwrap();
    assert_eq!(evaluate(&[800.0], Some(Sigmoid), weighted, &[0.0]), (600.0, vec![0.75]));
    // Where nothing lies beyond the resolution of p, the pair is what it was: −ln(1 − ½).
    let (value, slopes) = evaluate(&[0.0], Some(Sigmoid), BinaryCrossEntropy, &[0.0]);
    assert!((value - LN_2).abs() < 1e-15 && slopes == [0.5]);
}

#[test]
fn n03_the_slopes_of_a_saturated_softmax_are_those_of_its_logits() {
    let logits = [-800.0_f64, 0.0];
    assert_eq!(evaluate(&logits, Some(Softmax), CrossEntropy, &[1.0, 0.0]), (800.0, vec![-1.0, 1.0]));
    assert_eq!(evaluate(&[-200.0_f32, 0.0], Some(Softmax), CrossEntropy, &[1.0, 0.0]), (200.0, vec![-1.0, 1.0]));
    assert_eq!(evaluate(&logits, Some(Softmax), KullbackLeibler, &[1.0, 0.0]), (800.0, vec![-1.0, 1.0]));
    let smoothed = LabelSmoothing::new(CrossEntropy, 0.5).unwrap();
    assert_eq!(evaluate(&logits, Some(Softmax), smoothed, &[1.0, 0.0]), (600.0, vec![-0.75, 0.75]));
    let weighted = ClassWeights::new(KullbackLeibler, [3.0, 1.0]).unwrap();
    assert_eq!(evaluate(&logits, Some(Softmax), weighted, &[1.0, 0.0]), (800.0, vec![-1.0, 1.0]));

    // Descent leads out of there.
    let (network, mut parameters, x) = on(&logits, Some(Softmax));
    let mut objective = network.objective(CrossEntropy);
    let stop = Stop::after(2_000).gradient_norm(0.1).unwrap();
    let target = dmatrix![1.0; 0.0];
    let mut descent = GradientDescent::new(1.0).unwrap();
    let report = descent.minimize(&mut objective.on(&x, &target).unwrap(), parameters.as_mut_slice(), &stop);
    assert_eq!((report.reason, report.initial_value), (StopReason::Converged, 800.0));
    assert!(report.value < 0.1);
}

/// Of random logits near and far beyond saturation: pair and loss of the logits agree, to rounding.
#[test]
fn n03_pairs_are_the_losses_of_their_logits() {
    let mut rng = ChaCha8Rng::seed_from_u64(16);
    for _ in 0..500 {
        let scale = 10.0_f64.powf(rng.random_range(-2.0..3.5));
        let classes = rng.random_range(1..6);
        let logits: Vec<f64> = (0..classes).map(|_| rng.random_range(-scale..scale)).collect();
        let soft: Vec<f64> = (0..classes).map(|_| rng.random_range(0.0..1.0)).collect();
        let sum: f64 = soft.iter().sum();
        let distribution: Vec<f64> = soft.iter().map(|t| t / sum).collect();
        let fused = evaluate(&logits, NONE, SoftmaxCrossEntropy, &distribution);
        assert_eq!(evaluate(&logits, Some(Softmax), CrossEntropy, &distribution), fused);
        assert_eq!(evaluate(&logits, Some(Softmax), KullbackLeibler, &distribution).1, fused.1);
        let fused = evaluate(&logits, NONE, SigmoidCrossEntropy, &soft);
        assert_eq!(evaluate(&logits, Some(Sigmoid), BinaryCrossEntropy, &soft), fused);
    }
}

/// y = 0 at x = 1 by steps that are too long: the losses are 1, 9 and 81, each of the parameters before its step.
#[test]
fn n04_early_stopping_gives_back_parameters_of_the_loss_that_it_reports() {
    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::new(dmatrix![1.0], dmatrix![0.0]).unwrap();
    let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(1.0).unwrap());
    let mut trainer = trainer.epochs(3).unwrap().early_stopping(EarlyStopping::after(9).unwrap());
    let mut parameters = [1.0, 0.0];
    let report = trainer.train(parameters.as_mut_slice(), &data).unwrap();
    // After the first step: 1 − 2 · 1 · 1 for the weight, −2 for the constant; their sum is −3.
    assert_eq!((parameters, report.best_epoch, report.best_loss), ([-1.0, -2.0], Some(0), Some(9.0)));
    assert_eq!(network.objective(MeanSquaredError).mean_loss(&parameters[..], &data).unwrap(), 9.0);
}

/// 1.7e12 at a million rows: slopes whose squares have no `f32`.
#[test]
fn n06_squares_beyond_the_range_are_said_so() {
    let large = 3e24_f32;
    let mut objective = from_fn(|x: &[f32], gradient: &mut [f32]| {
        gradient.copy_from_slice(&[large, 1.0]);
        large * x[0] + x[1]
    });
    let optimizers: [Box<dyn Optimizer<f32>>; 7] = [
        Box::new(Adam::new(0.1).unwrap()),
        Box::new(AdamW::new(0.1).unwrap()),
        Box::new(Nadam::new(0.1).unwrap()),
        Box::new(AdaGrad::new(0.1).unwrap()),
        Box::new(RmsProp::new(0.1).unwrap()),
        Box::new(RmsProp::new(0.1).unwrap().centered()),
        Box::new(RmsProp::new(0.1).unwrap().momentum(0.9).unwrap()),
    ];
    for mut optimizer in optimizers {
        let (mut x, before) = ([1.0, 2.0], optimizer.state());
        let report = optimizer.minimize(&mut objective, &mut x, &Stop::after(5));
        assert_eq!((report.reason, report.iterations, x), (StopReason::Overflow, 0, [1.0, 2.0]));
        assert!(report.reason.is_failure());
        let after = optimizer.state();
        assert_eq!(after.counters, before.counters);
        assert!(after.vectors.iter().all(|(_, vector)| vector.iter().all(|value| value.is_finite())));
    }
    // The decay of large weights counts too.
    let mut flat = from_fn(|_: &[f32], gradient: &mut [f32]| {
        gradient.fill(0.0);
        0.0
    });
    let mut decayed = Adam::new(0.1).unwrap().weight_decay(1.0).unwrap();
    assert_eq!(decayed.step(&mut flat, &mut [1e30]).end, Some(StopReason::Overflow));
    // A sum of squares that fills up stays where it is.
    let mut steady = from_fn(|x: &[f32], gradient: &mut [f32]| {
        gradient[0] = 4e18;
        4e18 * x[0]
    });
    let (mut ada_grad, mut x) = (AdaGrad::new(1.0).unwrap(), [0.0]);
    for _ in 0..100 {
        let before = x[0];
        assert!(ada_grad.step(&mut steady, &mut x).end.is_none() && x[0] < before);
    }
    assert!(ada_grad.state().vectors[0].1[0].is_finite());

    // A training says it too, and can be saved.
    let network = Network::<f32>::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::new(dmatrix![1.7e12, -1.7e12], dmatrix![1e10, 0.0]).unwrap();
    let mut trainer = Trainer::new(&network, MeanSquaredError, Adam::new(0.1).unwrap());
    let mut parameters = [1.0, 0.0];
    let report = trainer.train(parameters.as_mut_slice(), &data).unwrap();
    assert_eq!((report.end, parameters), (TrainingEnd::Optimizer(StopReason::Overflow), [1.0, 0.0]));
    assert!(trainer.checkpoint(parameters.as_slice()).is_ok());
}

/// A velocity that has overflowed leads nowhere: it cannot be saved as if it did.
#[test]
fn n06_a_state_that_is_not_finite_is_not_saved() {
    let network = Network::<f32>::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::new(dmatrix![1e10], dmatrix![0.0]).unwrap();
    let descent = GradientDescent::new(1e-20).unwrap().momentum(0.999).unwrap();
    let mut trainer = Trainer::new(&network, MeanSquaredError, descent).epochs(200).unwrap();
    let mut parameters = [1e8, 0.0];
    let end = trainer.train(parameters.as_mut_slice(), &data);
    assert!(parameters.iter().all(|value| value.is_finite()));
    let is_finite = trainer.optimizer().state().vectors[0].1.iter().all(|value| value.is_finite());
    assert_eq!(trainer.checkpoint(parameters.as_slice()).is_ok(), is_finite, "{end:?}");
}

#[test]
fn n07_n14_metrics_of_classes_refuse_what_are_no_classes() {
    let expected = "class probabilities that sum to 1";
    let (prediction, zeros) = (dvector![0.9, 0.8], dvector![0.0, 0.0]);
    let refused = Error::InvalidTarget { sample: 0, expected, value: 0.0 };
    assert_eq!(accuracy(&prediction, &zeros), Err(refused.clone()));
    assert_eq!(top_k_accuracy(&prediction, &zeros, 1), Err(refused.clone()));
    assert_eq!(ConfusionMatrix::new(&prediction, &zeros).map(|_| ()), Err(refused.clone()));
    assert_eq!(log_loss(&prediction, &zeros), Err(refused));
    // A sample a row: three of four are right.
    let prediction = dmatrix![0.9, 0.1; 0.2, 0.8; 0.6, 0.4; 0.7, 0.3];
    let target = dmatrix![1.0, 0.0; 0.0, 1.0; 0.0, 1.0; 1.0, 0.0];
    let message = "target of sample 0: expected class probabilities that sum to 1, one sample per column (each row sums \
                   to 1: transpose), found 2";
    for said in [
        accuracy(&prediction, &target).unwrap_err(),
        ConfusionMatrix::new(&prediction, &target).map(|_| ()).unwrap_err(),
        log_loss(&prediction, &target).unwrap_err(),
    ] {
        assert_eq!(said.to_string(), message);
    }
    assert_eq!(accuracy(&prediction.transpose(), &target.transpose()), Ok(0.75));
    let soft = dmatrix![0.7, 0.5; 0.3, 0.5];
    assert_eq!(accuracy(&soft, &soft), Ok(1.0));
    // As many samples as classes: nothing can be told.
    let square = one_hot::<f64>(&[1, 0], 2).unwrap();
    assert_eq!(accuracy(&square, &square.transpose()), Ok(1.0));
}

#[test]
fn n08_a_training_whose_losses_rise_has_diverged() {
    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::new(dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![0.0, 1.0, 1.0, 2.0]).unwrap();
    for (epochs, batch_size) in [(2, 4), (60, 4), (30, 1), (1, 1), (10, 2), (1_000, 4)] {
        let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(2.0).unwrap());
        let mut trainer = trainer.epochs(epochs).unwrap().batch_size(batch_size).unwrap();
        let mut parameters = [0.5_f64, 0.0];
        match trainer.train(parameters.as_mut_slice(), &data) {
            Ok(report) => {
                assert_eq!(report.end, TrainingEnd::Optimizer(StopReason::Diverged), "{epochs}, {batch_size}");
            }
            Err(error) => assert!(matches!(error, Error::Diverged { .. }), "{error}"),
        }
        assert!(parameters.iter().all(|value| value.is_finite()));
    }
    // As `minimize` says of the same run.
    let mut objective = network.objective(MeanSquaredError);
    let (x, t) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![0.0, 1.0, 1.0, 2.0]);
    let mut descent = GradientDescent::new(2.0).unwrap();
    let report = descent.minimize(&mut objective.on(&x, &t).unwrap(), &mut [0.5, 0.0], &Stop::after(60));
    assert_eq!(report.reason, StopReason::Diverged);
    // Steps that change nothing.
    let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(1e-30).unwrap());
    let mut trainer = trainer.batch_size(1).unwrap();
    let report = trainer.train([0.5, 0.25].as_mut_slice(), &data).unwrap();
    assert_eq!(report.end, TrainingEnd::Optimizer(StopReason::NoProgress));
    // Parameters that overflow in the last step of all.
    let data = Dataset::new(dmatrix![1e150], dmatrix![1e150]).unwrap();
    let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(1e100).unwrap());
    let mut parameters = [0.5, 0.0];
    let error = trainer.epochs(1).unwrap().train(parameters.as_mut_slice(), &data).unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert_eq!(parameters, [0.5, 0.0]);
}

/// A training that goes well is not called otherwise, however noisy its batches are.
#[test]
fn n08_noise_is_no_divergence() {
    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    for seed in 0..300 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let samples = rng.random_range(20..60);
        let x = DMatrix::from_fn(1, samples, |_, _| rng.random_range(-1.0..1.0));
        let y = x.map(|x| 2.0 * x + rng.random_range(-1.0..1.0));
        let data = Dataset::new(x, y).unwrap();
        let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.05).unwrap()).seed(seed);
        let (epochs, batch_size) = (rng.random_range(1..6), rng.random_range(1..samples / 2));
        let mut trainer = trainer.epochs(epochs).unwrap().batch_size(batch_size).unwrap();
        let report = trainer.train([0.0, 0.0].as_mut_slice(), &data).unwrap();
        assert_eq!(report.end, TrainingEnd::Completed, "seed {seed}: {epochs} epochs of {batch_size}");
    }
}

#[test]
fn n09_what_is_constant_but_for_rounding_is_constant() {
    fn check<T: Real>(values: &[T]) {
        let scaling = Standardization::of(&DMatrix::from_row_slice(1, values.len(), values)).unwrap();
        assert_eq!(scaling.scale(), [T::one()]);
        let mut x = DMatrix::from_row_slice(1, values.len(), values);
        scaling.apply(&mut x).unwrap();
        let limit = T::epsilon() * T::nearest(2.0) * values[0].abs();
        assert!(x.iter().all(|value| value.abs() <= limit), "{x}");
    }
    check(&[0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2]);
    check(&[0.7_f32, 0.1 + 0.6, 0.7]);
    check(&[-1e300, -1e300 * (1.0 + f64::EPSILON)]);
    check(&[1.0 / 49.0 * 49.0, 1.0, 3.0 * (1.0 / 3.0)]);
    // A few more units in the last place are data.
    let clock = [1e9, 1e9 + 4e-6, 1e9 + 8e-6];
    let scaling = Standardization::of(&DMatrix::from_row_slice(1, 3, &clock)).unwrap();
    assert!((scaling.scale()[0] - 4e-6 * (2.0_f64 / 3.0).sqrt()).abs() < 1e-7);
}

#[test]
fn n10_hyper_parameters_that_the_number_type_does_not_have_are_refused_where_the_network_is_built() {
    fn built<T: Real>(layer: impl Layer<T> + 'static) -> Result<(), String> {
        Network::<T>::builder(2).layer(layer).build().map(|_| ()).map_err(|error| error.to_string())
    }
    let tiny = || LayerNormalization::new(2).with_epsilon(1e-46).unwrap();
    assert!(built::<f64>(tiny()).is_ok());
    assert_eq!(
        built::<f32>(tiny()).unwrap_err(),
        "layer 0, LayerNormalization { features: 2, epsilon: 1e-46 }: ε: expected a positive, finite number, found 0"
    );
    assert!(built::<f32>(LayerNormalization::new(2).with_epsilon(1e39).unwrap()).is_err());
    assert!(built::<f32>(LeakyRelu::new(1e-46).unwrap()).is_err());
    assert!(built::<f32>(Elu::new(1e39).unwrap()).is_err() && built::<f32>(Elu::new(1e-46).unwrap()).is_err());
    let nearly_all = || Dropout::new(1.0 - 1e-9).unwrap();
    assert!(built::<f64>(nearly_all()).is_ok() && built::<f32>(nearly_all()).is_err());
}

/// Moments of units that are dead decay to zero, and not to numbers that no longer decay.
#[test]
fn n11_moments_leave_the_subnormal_numbers() {
    fn check<T: Real>(mut optimizer: impl Optimizer<T>, steps: usize) {
        let mut slope = T::one();
        let mut x = [T::one()];
        for _ in 0..steps {
            let now = slope;
            let mut line = from_fn(|x: &[T], gradient: &mut [T]| {
                gradient[0] = now;
                now * x[0]
            });
            assert!(optimizer.step(&mut line, &mut x).is_finite());
            slope = T::zero();
            for (name, vector) in optimizer.state().vectors {
                assert!(vector[0].is_zero() || vector[0].abs() >= T::min_positive(), "{name}: {}", vector[0]);
            }
        }
        assert!(optimizer.state().vectors[0].1[0].is_zero());
    }
    check(Adam::new(0.1_f32).unwrap().betas(0.9, 0.99).unwrap(), 10_000);
    check(Adam::new(0.1_f64).unwrap(), 8_000);
    check(AdamW::new(0.1_f32).unwrap(), 1_000);
    check(Nadam::new(0.1_f32).unwrap(), 1_000);
    check(RmsProp::new(0.1_f32).unwrap(), 10_000);
    check(RmsProp::new(0.1_f32).unwrap().centered().momentum(0.5).unwrap(), 10_000);
    check(GradientDescent::new(0.1_f32).unwrap().momentum(0.9).unwrap(), 1_000);
}

#[test]
fn n12_a_gradient_that_is_not_written_is_an_error() {
    let optimizers: [Box<dyn Optimizer<f64>>; 3] =
        [Box::new(GradientDescent::new(0.1).unwrap()), Box::new(Adam::new(0.1).unwrap()), Box::new(Lbfgs::new())];
    for mut optimizer in optimizers {
        let mut forgotten = from_fn(|x: &[f64], _: &mut [f64]| x[0] * x[0] + x[1]);
        let report = optimizer.minimize(&mut forgotten, &mut [1.0, 1.0], &Stop::after(10));
        assert_eq!((report.reason, report.iterations), (StopReason::UndefinedGradient, 0));
        assert!(report.reason.is_failure());
        assert!(report.to_string().contains("the gradient is NaN"), "{report}");
        // Of half a gradient too.
        let mut half = from_fn(|x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 2.0 * x[0];
            x[0] * x[0] + x[1]
        });
        let report = optimizer.minimize(&mut half, &mut [1.0, 1.0], &Stop::after(10));
        assert_eq!(report.reason, StopReason::UndefinedGradient);
    }
    let square = |x: &[f64]| x[0] * x[0];
    let mut value = from_value(square).with_difference(Difference::fourth_order());
    let mut x = [1.0];
    let stop = Stop::after(100).gradient_norm(1e-9).unwrap();
    let report = GradientDescent::new(0.25).unwrap().minimize(&mut value, &mut x, &stop);
    assert_eq!(report.reason, StopReason::Converged);
    assert!(x[0].abs() < 1e-9);
}

#[test]
fn n13_metrics_of_regressions_read_a_column_as_samples() {
    let (x, y) = (dmatrix![1.0; 2.0; 3.0; 4.0], dvector![1.0, 3.0, 2.0, 5.0]);
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    let predicted = fit.predict(&x).unwrap();
    let expected = fit.statistics()[0].r_squared.unwrap();
    let found = r_squared(&predicted, &y).unwrap().unwrap();
    assert!((found - expected).abs() < 1e-15, "{found} {expected}");
    // However the same numbers lie.
    let (row, column) = (predicted.transpose(), DMatrix::from_column_slice(4, 1, y.as_slice()));
    assert_eq!(r_squared(&row, &column.transpose()), Ok(Some(found)));
    assert_eq!(r_squared(&predicted, &column), Ok(Some(found)));
    assert_eq!(r_squared(&row, &y), Ok(Some(found)));
    assert_eq!(mean_absolute_error(&predicted, &y), mean_absolute_error(&row, &column.transpose()));
    assert_eq!(root_mean_squared_error(&predicted, &y), root_mean_squared_error(&row, &column.transpose()));
    assert!(matches!(r_squared(&predicted, &dvector![1.0, 2.0]), Err(Error::ShapeMismatch { .. })));
}

#[test]
fn n17_a_run_that_has_ended_says_so() {
    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let data = Dataset::new(dmatrix![1.0, 2.0], dmatrix![0.0, 1.0]).unwrap();
    let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1).unwrap());
    let mut trainer = trainer.epochs(4).unwrap();
    let mut parameters = [0.5, 0.0];
    let first = trainer.train(parameters.as_mut_slice(), &data).unwrap();
    assert_eq!(first.end, TrainingEnd::Completed);
    for _ in 0..2 {
        let before = parameters;
        let again = trainer.train(parameters.as_mut_slice(), &data).unwrap();
        assert_eq!((again.end, again.iterations, parameters), (TrainingEnd::AlreadyEnded, 4, before));
    }
    let more = trainer.epochs(6).unwrap().train(parameters.as_mut_slice(), &data).unwrap();
    assert_eq!((more.end, more.iterations), (TrainingEnd::Completed, 6));
}

/// A loss of probabilities behind a layer that is not its own, wrapped or not, or behind its own with a layer between.
#[test]
fn n02_n03_pairs_that_lose_their_slope_are_refused() {
    type Boxed = Box<dyn Layer<f64>>;
    let between: [fn() -> Vec<Boxed>; 3] =
        [Vec::new, || vec![Box::new(Identity)], || vec![Box::new(Dropout::new(0.5).unwrap()), Box::new(Identity)]];
    type Make = fn() -> Box<dyn Loss<f64>>;
    let losses: [Make; 5] = [
        || Box::new(CrossEntropy),
        || Box::new(KullbackLeibler),
        || Box::new(BinaryCrossEntropy),
        || Box::new(LabelSmoothing::new(CrossEntropy, 0.1).unwrap()),
        || Box::new(LabelSmoothing::new(BinaryCrossEntropy, 0.1).unwrap()),
    ];
    for (loss, name) in losses.iter().zip([0, 1, 2, 0, 2]) {
        for (is_sigmoid, between) in [false, true].into_iter().flat_map(|layer| between.map(|between| (layer, between)))
        {
            for weighted in [false, true] {
                let mut loss = loss();
                if weighted {
                    loss = Box::new(ClassWeights::new(loss, [1.0, 2.0]).unwrap());
                }
                let last: Boxed = if is_sigmoid { Box::new(Sigmoid) } else { Box::new(Softmax) };
                let mut builder = Network::<f64>::builder(1).layer(Dense::new(1, 2)).boxed_layer(last);
                let is_last = between().is_empty();
                for layer in between() {
                    builder = builder.boxed_layer(layer);
                }
                let network = builder.build().unwrap();
                let (x, t) = (dmatrix![1.0], dmatrix![1.0; 0.0]);
                let fits = is_last && is_sigmoid == (name == 2);
                let mut objective = network.objective(loss);
                let outcome = objective.on(&x, &t).map(|_| ());
                assert_eq!(outcome.is_ok(), fits, "{network:?}");
                let Err(error) = outcome else { continue };
                let name = ["CrossEntropy", "KullbackLeibler", "BinaryCrossEntropy"][name];
                let (layer, instead) =
                    [("Softmax", "SoftmaxCrossEntropy"), ("Sigmoid", "SigmoidCrossEntropy")][usize::from(is_sigmoid)];
                let text = error.to_string();
                assert!(
                    text.starts_with(&format!("{name} of a {layer}: expected ")) && text.contains(instead),
                    "{text}"
                );
                let data = Dataset::new(x, t).unwrap();
                assert_eq!(objective.mean_loss(&DVector::zeros(4), &data), Err(error.clone()));
                let trained = Trainer::new(&network, SoftmaxCrossEntropy, Adam::new(0.1).unwrap());
                assert!({ trained }.train(&mut DVector::zeros(4), &data).is_ok());
            }
        }
    }
}

/// Batches that have no slope, or no weight, may come last.
#[test]
fn n08_a_run_that_has_moved_is_not_without_progress() {
    let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let sign = |place: usize| if place.is_multiple_of(2) { 1.0 } else { -1.0 };
    let separable = Dataset::new(
        DMatrix::from_fn(1, 60, |_, sample| 3.0 * sign(sample)),
        DMatrix::from_fn(1, 60, |_, sample| sign(sample)),
    );
    let separable = separable.unwrap();
    let weighted = Dataset::new(dmatrix![-1.0, 0.0, 1.0, 2.0], dmatrix![-1.0, 1.0, 3.0, 5.0]).unwrap();
    let weighted = weighted.with_weights(vec![1.0, 0.0, 0.0, 0.0]).unwrap();
    for seed in 0..20 {
        for epochs in [1, 2, 5] {
            let trained = |loss: Box<dyn Loss<f64>>, data| {
                let descent = GradientDescent::new(0.1).unwrap();
                let trainer = Trainer::new(&network, loss, descent).seed(seed).batch_size(1).unwrap();
                trainer.epochs(epochs).unwrap().train(&mut DVector::zeros(2), data).unwrap().end
            };
            assert_eq!(trained(Box::new(Hinge), &separable), TrainingEnd::Completed, "{seed}");
            assert_eq!(trained(Box::new(MeanSquaredError), &weighted), TrainingEnd::Completed, "{seed}");
        }
    }
}

/// What is drawn, batches or masks, may make one loss larger than another.
#[test]
fn n08_draws_are_no_divergence() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let x = DMatrix::<f64>::from_fn(1, 8, |_, sample| sample as f64 / 4.0 - 1.0);
    let data = Dataset::new(x.clone(), x.map(|x| x + rng.random_range(-0.5..0.5))).unwrap();
    let plain = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let dropped = Network::<f64>::builder(1).layer(Dense::new(1, 16)).layer(Tanh);
    let dropped = dropped.layer(Dropout::new(0.5).unwrap()).layer(Dense::new(16, 1)).build().unwrap();
    for seed in 0..100 {
        for size in [2, 4, 8] {
            let trainer = Trainer::new(&plain, MeanSquaredError, GradientDescent::new(1e-3).unwrap()).seed(seed);
            let trainer = trainer.with_replacement().batch_size(size).unwrap().epochs(20).unwrap();
            let end = { trainer }.train(&mut dvector![1.0, 0.0], &data).unwrap().end;
            assert_eq!(end, TrainingEnd::Completed, "{seed}, {size} drawn");
            let trainer = Trainer::new(&dropped, MeanSquaredError, Adam::new(1e-3).unwrap()).seed(seed);
            let mut parameters = dropped.initialize(&mut ChaCha8Rng::seed_from_u64(seed));
            let trainer = trainer.batch_size(size).unwrap().epochs(20).unwrap();
            let end = { trainer }.train(&mut parameters, &data).unwrap().end;
            assert_eq!(end, TrainingEnd::Completed, "{seed}, {size} with dropout");
        }
    }
}

/// Differences that are lost in the rounding of the value say nothing of the slope.
#[test]
fn n12_a_difference_that_is_lost_is_no_slope_of_zero() {
    fn end(f: impl FnMut(&[f64]) -> f64, start: f64) -> StopReason {
        let descent = GradientDescent::new(1e-3).unwrap();
        { descent }.minimize(&mut from_value(f), &mut [start], &Stop::after(3)).reason
    }
    assert_eq!(end(|x| 1e12 + (x[0] - 3.0).powi(2), 0.0), StopReason::UndefinedGradient);
    assert_eq!(end(|x| (x[0] - 1e20).abs(), 0.0), StopReason::UndefinedGradient);
    assert_eq!(end(|x| ((x[0] - 3.0).powi(2) * 1e3).round() / 1e3, 3.3), StopReason::UndefinedGradient);
    assert_eq!(end(|_| 7.0, 3.3), StopReason::UndefinedGradient);
    // Both differences are there, and the same.
    assert_eq!(end(|x| x[0] * x[0], 0.0), StopReason::Converged);
    let mut plane = from_value(|x: &[f64]| 2.0 * x[0]);
    let mut gradient = [0.0; 2];
    assert_eq!(plane.value_and_gradient(&[1.0, 1.0], &mut gradient), 2.0);
    assert!((gradient[0] - 2.0).abs() < 1e-9 && gradient[1] == 0.0);
}

/// A finite gradient of which the norm is not is beyond the range, and not undefined.
#[test]
fn n06_a_norm_beyond_the_range_is_an_overflow() {
    let mut steep = from_fn(|_: &[f32], gradient: &mut [f32]| {
        gradient.copy_from_slice(&[3e38, -3e38]);
        1.0
    });
    let report = GradientDescent::new(0.1).unwrap().minimize(&mut steep, &mut [0.0, 0.0], &Stop::after(3));
    assert_eq!((report.reason, report.iterations), (StopReason::Overflow, 0));
}

/// Nor is such a state taken up, by whichever way it comes; counters may be as large as they like.
#[test]
fn n06_a_state_that_no_run_has_is_refused() {
    type Make = fn() -> Box<dyn Optimizer<f64>>;
    let optimizers: [Make; 8] = [
        || Box::new(Adam::new(0.1).unwrap()),
        || Box::new(AdamW::new(0.1).unwrap()),
        || Box::new(Nadam::new(0.1).unwrap()),
        || Box::new(RmsProp::new(0.1).unwrap()),
        || Box::new(AdaGrad::new(0.1).unwrap()),
        || Box::new(GradientDescent::new(0.1).unwrap().momentum(0.9).unwrap()),
        || Box::new(Lbfgs::new()),
        || Box::new(Scheduled::new(Adam::new(0.1).unwrap(), CosineAnnealing::new(10).unwrap()).unwrap()),
    ];
    let mut bowl = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[2.0 * x[0], x[1]]);
        x[0] * x[0] + 0.5 * x[1] * x[1]
    });
    for make in optimizers {
        let (mut optimizer, mut x) = (make(), [1.0, -1.0]);
        for _ in 0..3 {
            assert!(optimizer.step(&mut bowl, &mut x).is_finite());
        }
        let good = optimizer.state();
        for place in 0..good.vectors.len() {
            for bad in [f64::NAN, f64::INFINITY, -1.0] {
                let mut state = good.clone();
                state.vectors[place].1[1] = bad;
                let is_square = ["second moment", "sum of squares"].contains(&&*state.vectors[place].0);
                let mut other = make();
                assert_eq!(other.restore(&state).is_err(), !bad.is_finite() || is_square, "{state}");
            }
        }
        let mut counted = good.clone();
        counted.counters.iter_mut().for_each(|(_, count)| *count = u64::MAX);
        let mut other = make();
        if other.restore(&counted).is_ok() {
            assert!(other.step(&mut bowl, &mut x).is_finite() && other.step(&mut bowl, &mut x).is_finite());
        }
    }
}
