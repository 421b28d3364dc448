//! Where the crate does otherwise than PyTorch: its values, exactly, beside PyTorch's (reference/differences.py). The
//! page of the documentation for those who come from PyTorch has them too.

use std::f64::consts::{LN_2, PI};
use std::path::PathBuf;

use gradus::layer::{Activation, Softplus};
use gradus::loss::{BinaryCrossEntropy, ClassWeights, Huber, LabelSmoothing, SigmoidCrossEntropy};
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::optimizer::{Clipped, Lbfgs};
use gradus::schedule::{CosineAnnealing, LinearWarmUp, ReduceOnPlateau, Schedule, Scheduled};
use gradus::{Adam, GradientDescent, Loss, Optimizer, SoftmaxCrossEntropy, from_fn};
use serde_json::Value;

/// PyTorch's value, or values.
fn theirs(name: &str) -> Vec<f64> {
    fn numbers(value: &Value) -> Vec<f64> {
        match value {
            Value::Array(values) => values.iter().flat_map(numbers).collect(),
            value => vec![value.as_f64().unwrap()],
        }
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/differences.json");
    let reference: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    numbers(&reference[name])
}

fn assert_near(found: &[f64], expected: &[f64]) {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-14 * (1.0 + b.abs());
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(near), "{found:?}, not {expected:?}");
}

fn value(loss: &impl Loss<f64>, prediction: &DMatrix<f64>, target: &DMatrix<f64>) -> f64 {
    loss.check_targets(target.into()).unwrap();
    loss.value(prediction.into(), target.into(), None)
}

/// Where `optimizer` is after each step by a given slope, from 0.
fn steps(mut optimizer: impl Optimizer<f64>, slopes: &[f64]) -> Vec<f64> {
    let mut x = [0.0];
    let step = |&slope: &f64| {
        let mut line = from_fn(|x: &[f64], gradient: &mut [f64]| {
            gradient[0] = slope;
            slope * x[0]
        });
        assert!(optimizer.step(&mut line, &mut x).is_finite());
        x[0]
    };
    slopes.iter().map(step).collect()
}

#[test]
fn n16_cosine_annealing_stays_down_where_pytorch_rises_again() {
    let annealing = CosineAnnealing::new(4).unwrap();
    let ours: Vec<f64> = (0..9).map(|i| annealing.factor(i)).collect();
    let theirs = theirs("cosine annealing");
    assert_near(&ours[..5], &theirs[..5]);
    assert_eq!(ours[4..], [0.0; 5]);
    assert_near(&[theirs[6], theirs[8]], &[0.5, 1.0]);
    let periodic = |i: u64| (1.0 + (PI * i as f64 / 4.0).cos()) / 2.0;
    assert_near(&(0..9).map(|i| Schedule::<f64>::factor(&periodic, i)).collect::<Vec<_>>(), &theirs);
}

#[test]
fn n16_class_weights_are_those_of_samples() {
    // p = ¼, ¾.
    let (logits, target, weights) = (dmatrix![0.0; 3.0_f64.ln()], dmatrix![1.0; 0.0], [3.0, 1.0]);
    let (right, wrong) = (4.0_f64.ln(), (4.0_f64 / 3.0).ln());
    let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, 0.5).unwrap();
    let weighted = ClassWeights::new(smoothed, weights).unwrap();
    assert_near(&[value(&weighted, &logits, &target)], &[0.75 * right + 0.25 * wrong]);
    assert_near(&theirs("class weights with smoothing"), &[(0.75 * 3.0 * right + 0.25 * wrong) / 3.0]);

    // Of soft targets the mean of the weights is divided by, there the number of samples.
    let soft = dmatrix![1.0, 0.25; 0.0, 0.75];
    let weighted = ClassWeights::new(SoftmaxCrossEntropy, weights).unwrap();
    assert_near(&[value(&weighted, &DMatrix::zeros(2, 2), &soft)], &[LN_2]);
    assert_near(&theirs("class weights of soft targets"), &[(3.0 + 1.5) / 2.0 * LN_2]);

    let weighted = ClassWeights::new(SigmoidCrossEntropy, [1.0, 3.0]).unwrap();
    assert_near(&[value(&weighted, &DMatrix::zeros(1, 2), &dmatrix![1.0, 0.0])], &[LN_2]);
    assert_near(&theirs("weight of positives"), &[2.0 * LN_2]);
}

#[test]
fn n16_losses_and_activations_are_not_cut_off() {
    let ours = value(&BinaryCrossEntropy, &dmatrix![0.0], &dmatrix![1.0]);
    assert_near(&[ours], &[-0.5 * f64::MIN_POSITIVE.ln()]);
    assert_eq!(theirs("impossible probability"), [100.0]);

    let ours = Softplus.value(21.0_f64);
    assert!((ours - 21.0 - (-21.0_f64).exp()).abs() < 4e-15, "{ours}");
    assert_eq!(theirs("softplus of 21"), [21.0]);

    let (error, huber) = (dmatrix![1.0, 4.0], Huber::new(2.0).unwrap());
    assert_eq!(value(&huber, &error, &DMatrix::zeros(1, 2)), 3.25);
    assert_eq!(theirs("smooth l1"), [3.25 / 2.0]);
}

#[test]
fn n16_clipping_is_to_the_norm_itself() {
    let clipped = |gradient: [f64; 2]| {
        let mut line = from_fn(|x: &[f64], slopes: &mut [f64]| {
            slopes.copy_from_slice(&gradient);
            gradient[0] * x[0] + gradient[1] * x[1]
        });
        let mut x = [0.0; 2];
        let descent = Clipped::by_norm(GradientDescent::new(1.0).unwrap(), 5.0).unwrap();
        assert!({ descent }.step(&mut line, &mut x).is_finite());
        x.map(|x| -x)
    };
    assert_eq!((clipped([6.0, 8.0]), clipped([3.0, 4.0])), ([3.0, 4.0], [3.0, 4.0]));
    let (shorter, at_the_limit) = (10.0 + 1e-6, 5.0 + 1e-6);
    assert_near(&theirs("clipped by norm"), &[30.0 / shorter, 40.0 / shorter]);
    assert_near(&theirs("not clipped by norm"), &[15.0 / at_the_limit, 20.0 / at_the_limit]);
}

#[test]
fn n16_a_step_at_a_rate_of_zero_is_not_remembered() {
    // Rates of 0 and 1 (or hardly more than 0, and 1).
    let warm_up = |start| LinearWarmUp::new(1, start, gradus::schedule::ConstantSchedule).unwrap();
    let momentum = GradientDescent::new(1.0).unwrap().momentum(0.5).unwrap();
    let ours = |start| steps(Scheduled::new(momentum.clone(), warm_up(start)).unwrap(), &[1.0, 1.0]);
    assert_eq!(ours(0.0), [0.0, -1.0]);
    assert_near(&ours(1e-30), &[0.0, -1.5]);
    assert_eq!(theirs("momentum from a rate of zero"), [0.0, -1.5]);

    let ours = |start| steps(Scheduled::new(Adam::new(1.0).unwrap(), warm_up(start)).unwrap(), &[4.0, 1.0]);
    assert_near(&ours(0.0), &[0.0, -1.0 / (1.0 + 1e-8)]);
    // m = 0.9 · 0.4 + 0.1, v = 0.999 · 0.016 + 0.001, of the weights 1 − 0.9² and 1 − 0.999².
    let mean_square: f64 = (0.999 * 0.016 + 0.001) / (1.0 - 0.999 * 0.999);
    let second = -0.46 / 0.19 / (mean_square.sqrt() + 1e-8);
    assert!((theirs("adam from a rate of zero")[1] - second).abs() < 1e-12);
    assert!((ours(1e-30)[1] - second).abs() < 1e-12);
}

#[test]
fn n16_a_step_by_nan_moves_nothing() {
    let mut x = [1.0];
    let mut nowhere = from_fn(|_: &[f64], gradient: &mut [f64]| {
        gradient[0] = f64::NAN;
        0.0
    });
    assert!(!GradientDescent::new(1.0).unwrap().step(&mut nowhere, &mut x).is_finite());
    assert_eq!(x, [1.0]);
    assert_eq!(theirs("parameters lost by a slope of nan"), [1.0]);
}

#[test]
fn n16_a_plateau_of_negative_values_and_of_small_rates() {
    let observe = |values: [f64; 2]| {
        let mut plateau = ReduceOnPlateau::new(0.5).unwrap().with_patience(0);
        values.map(|value| plateau.observe(value))
    };
    assert_eq!(observe([-2.0, -1.9999]), [1.0, 0.5]);
    assert_eq!(theirs("plateau of negative values"), [1.0, 1.0]);
    // There a rate changes by more than 1e-8, or not at all.
    assert_eq!(observe([1.0, 1.0]), [1.0, 0.5]);
    assert_eq!(theirs("plateau of a small rate"), [1e-8, 1e-8]);
}

#[test]
fn n16_lbfgs_remembers_ten_steps() {
    assert_eq!(Lbfgs::<f64>::new().hyper_parameters()[0], ("history", 10.0));
    assert_eq!(theirs("lbfgs history"), [100.0]);
    // And looks for a point by itself: one step to the minimum of a parabola, where a fixed rate of 1 goes beyond.
    let mut parabola = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 4.0 * x[0];
        2.0 * x[0] * x[0]
    });
    let mut x: DVector<f64> = dvector![0.5];
    assert!(Lbfgs::new().step(&mut parabola, x.as_mut_slice()).value == 0.5 && x[0].abs() < 0.5);
}
