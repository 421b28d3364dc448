//! Objectives around objectives: penalties, frozen parameters, batches in parts.

#![expect(clippy::single_range_in_vec_init, reason = "a list of ranges may have one")]

use gradus::gradient::Difference;
use gradus::layer::{Mode, Pass};
use gradus::loss::{
    BinaryCrossEntropy, ClassWeights, HalfSquaredError, Hinge, Huber, KullbackLeibler, LabelSmoothing, LogCosh,
    MeanAbsoluteError, NegativeLogLikelihood, Poisson, SigmoidCrossEntropy,
};
use gradus::nalgebra::{DMatrix, dmatrix};
use gradus::network::{NetworkObjective, ParameterRange};
use gradus::objective::{FreeParameters, Penalty};
use gradus::optimizer::{Clipped, Step, StopReason};
use gradus::schedule::{Scheduled, StepDecay};
use gradus::{
    Batch, BatchMut, CrossEntropy, Dense, Error, GradientCheck, GradientDescent, Layer, Loss, MeanSquaredError,
    Network, Objective, Optimizer, Result, Sigmoid, Softmax, SoftmaxCrossEntropy, Stop, from_fn,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// Σ i xᵢ² / 2, i from 1
fn bowl(x: &[f64], gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (i, (x, slope)) in x.iter().zip(gradient).enumerate() {
        value += 0.5 * (i + 1) as f64 * x * x;
        *slope = (i + 1) as f64 * x;
    }
    value
}

fn evaluate(objective: &mut dyn Objective<f64>, x: &[f64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![f64::NAN; x.len()];
    let value = objective.value_and_gradient(x, &mut gradient);
    assert_eq!(objective.value(x).to_bits(), value.to_bits());
    (value, gradient)
}

fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

// ---------------------------------------------------------------------------------------------------------------
// Penalties
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn penalties_are_their_formulas() {
    let x = [-3.0, 0.0, 4.0, -0.0];
    assert_eq!(evaluate(&mut Penalty::l2(0.5).unwrap(), &x), (0.25 * 25.0, vec![-1.5, 0.0, 2.0, 0.0]));
    assert_eq!(evaluate(&mut Penalty::l1(0.5).unwrap(), &x), (3.5, vec![-0.5, 0.0, 0.5, 0.0]));
    let (value, gradient) = (evaluate(&mut from_fn(bowl), &x)).clone();
    let added = evaluate(&mut Penalty::l2(0.5).unwrap().on(&mut from_fn(bowl)), &x);
    assert_eq!(added, (value + 6.25, vec![gradient[0] - 1.5, 0.0, gradient[2] + 2.0, 0.0]));
    // Of both kinds: an elastic net.
    let (ridge, lasso) = (Penalty::l2(0.5).unwrap(), Penalty::l1(0.5).unwrap());
    let both = evaluate(&mut lasso.on(&mut ridge.on(&mut from_fn(bowl))), &x);
    assert_eq!(both, (value + 9.75, vec![gradient[0] - 2.0, 0.0, gradient[2] + 2.5, 0.0]));
    // Nothing is added with λ = 0.
    assert_eq!(evaluate(&mut Penalty::l1(0.0).unwrap().on(&mut from_fn(bowl)), &x), (value, gradient));
}

#[test]
fn a_penalty_leaves_alone_what_is_outside_its_ranges() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0];
    let on = |ranges: &[std::ops::Range<usize>]| {
        let mut penalty = Penalty::l2(2.0).unwrap().restricted_to(ranges.iter().cloned()).unwrap();
        evaluate(&mut penalty, &x)
    };
    assert_eq!(on(&[1..2, 3..5]), (4.0 + 16.0 + 25.0, vec![0.0, 4.0, 0.0, 8.0, 10.0]));
    assert_eq!(on(&[]), (0.0, vec![0.0; 5]));
    assert_eq!(on(&[2..2]), (0.0, vec![0.0; 5]));
    // In any order, and once where they overlap.
    assert_eq!(on(&[3..5, 1..2, 3..4, 4..5, 1..2]), on(&[1..2, 3..5]));
    assert_eq!(on(&[0..4, 1..2, 2..5]), on(&[0..5]));
}

#[test]
fn the_gradient_of_every_penalty_is_that_of_its_value() {
    let check = GradientCheck::new(Difference::fourth_order());
    let x = [-3.0, 0.5, 4.0, -0.25, 1.0];
    let whole = [ParameterRange::whole(5)];
    for penalty in [Penalty::l1(0.3).unwrap(), Penalty::l2(0.3).unwrap()] {
        for mut penalty in [penalty.clone(), penalty.restricted_to([0..1, 3..5]).unwrap()] {
            let report = check.run(&mut penalty, &x, &whole);
            assert!(report.passed(), "{penalty:?}\n{report}");
            let report = check.run(&mut penalty.on(&mut from_fn(bowl)), &x, &whole);
            assert!(report.passed(), "{penalty:?}\n{report}");
        }
    }
}

#[test]
fn gradient_descent_under_an_l2_penalty_is_weight_decay() {
    let penalty = Penalty::l2(0.1).unwrap();
    let mut x = [-3.0, 4.0];
    let _ = GradientDescent::new(0.5).unwrap().step(&mut penalty.on(&mut from_fn(bowl)), &mut x);
    let decayed = [(1.0 - 0.05) * -3.0 + 0.5 * 3.0, (1.0 - 0.05) * 4.0 - 0.5 * 8.0];
    assert!((x[0] - decayed[0]).abs() < 1e-15 && (x[1] - decayed[1]).abs() < 1e-15);
}

#[test]
fn a_penalty_passes_on_what_is_not_finite() {
    for penalty in [Penalty::l1(0.5).unwrap(), Penalty::l2(0.5).unwrap()] {
        let mut flat = from_fn(|_: &[f64], gradient: &mut [f64]| {
            gradient.fill(0.0);
            0.0
        });
        let (value, gradient) = evaluate(&mut penalty.on(&mut flat), &[1.0, f64::NAN]);
        assert!(value.is_nan() && gradient[1].is_nan());
        let (value, _) = evaluate(&mut penalty.on(&mut flat), &[1.0, f64::NEG_INFINITY]);
        assert_eq!(value, f64::INFINITY);
        let mut broken = from_fn(|_: &[f64], gradient: &mut [f64]| {
            gradient.fill(f64::NAN);
            f64::NAN
        });
        let (value, gradient) = evaluate(&mut penalty.on(&mut broken), &[1.0]);
        assert!(value.is_nan() && gradient[0].is_nan());
    }
}

/// Number 68 of the list of bad inputs, and ranges that are none.
#[test]
fn a_penalty_refuses_what_makes_no_sense() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        for made in [Penalty::l1(bad), Penalty::l2(bad)] {
            assert!(matches!(made, Err(Error::InvalidParameter { name: "strength of the penalty", .. })));
        }
    }
    #[expect(clippy::reversed_empty_ranges, reason = "the bad input")]
    let error = Penalty::l1(0.1).unwrap().restricted_to([0..1, 3..2]).unwrap_err();
    assert_eq!(error.to_string(), "range of penalized parameters (start × end): expected 3 × any, found 3 × 2");
}

// ---------------------------------------------------------------------------------------------------------------
// Frozen parameters
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn frozen_parameters_are_constants() {
    let all = [1.0, 2.0, 3.0, 4.0, 5.0];
    let mut parameters = FreeParameters::new(all, [3..4, 0..2, 1..2]).unwrap();
    assert_eq!((parameters.free_count(), parameters.gather()), (2, vec![3.0, 5.0]));
    let (value, gradient) = evaluate(&mut parameters.on(&mut from_fn(bowl)), &[-1.0, 0.5]);
    let (expected, slopes) = evaluate(&mut from_fn(bowl), &[1.0, 2.0, -1.0, 4.0, 0.5]);
    assert_eq!((value, gradient), (expected, vec![slopes[2], slopes[4]]));
    assert_eq!(parameters.gather(), [-1.0, 0.5]);
    assert_eq!(parameters.scatter(&[7.0, 8.0]), [1.0, 2.0, 7.0, 4.0, 8.0]);
    let check = GradientCheck::new(Difference::fourth_order());
    let report = check.run(&mut parameters.on(&mut from_fn(bowl)), &[-1.0, 0.5], &[ParameterRange::whole(2)]);
    assert!(report.passed(), "{report}");
    let mut all_free = FreeParameters::new(all, []).unwrap();
    assert_eq!(evaluate(&mut all_free.on(&mut from_fn(bowl)), &all), evaluate(&mut from_fn(bowl), &all));
}

/// Shrinks all that it sees, whatever the gradient.
#[derive(Debug)]
struct Decay;

impl Optimizer<f64> for Decay {
    fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
        let mut gradient = vec![0.0; x.len()];
        let step = Step::new(objective.value_and_gradient(x, &mut gradient), &gradient);
        x.iter_mut().for_each(|x| *x *= 0.9);
        step
    }
}

#[test]
fn frozen_parameters_keep_their_bits_under_every_optimizer_and_penalty() {
    let network =
        Network::<f64>::builder(3).layer(Dense::new(3, 4)).layer(Sigmoid).layer(Dense::new(4, 2)).build().unwrap();
    let start = network.initialize(&mut ChaCha8Rng::seed_from_u64(1)).add_scalar(0.1).as_slice().to_vec();
    let (x, t) = (dmatrix![1.0, -1.0; 0.5, 2.0; 0.0, 1.0], dmatrix![1.0, 0.0; 0.0, 1.0]);
    let penalty = Penalty::l2(0.1).unwrap();
    let descent = || GradientDescent::new(0.3).unwrap();
    let optimizers: [Box<dyn Optimizer<f64>>; 4] = [
        Box::new(descent()),
        Box::new(Clipped::by_norm(descent(), 0.1).unwrap()),
        Box::new(Scheduled::new(descent(), StepDecay::new(2, 0.5).unwrap()).unwrap()),
        Box::new(Decay),
    ];
    for mut optimizer in optimizers {
        let frozen: Vec<_> = network.parameter_ranges().iter().filter(|range| range.layer == 0).collect();
        let mut parameters =
            FreeParameters::new(start.clone(), frozen.iter().map(|range| range.range.clone())).unwrap();
        let mut free = parameters.gather();
        assert_eq!(free.len(), 4 * 2 + 2);
        let mut objective = network.objective(SoftmaxCrossEntropy);
        for _ in 0..5 {
            let mut bound = objective.on(&x, &t).unwrap();
            let step = optimizer.step(&mut parameters.on(&mut penalty.on(&mut bound)), &mut free);
            assert!(step.is_finite());
        }
        let all = parameters.scatter(&free);
        for range in network.parameter_ranges() {
            let (now, before) = (bits(&all[range.range.clone()]), bits(&start[range.range.clone()]));
            let frozen = frozen.contains(&range);
            assert!(now.iter().zip(&before).all(|(now, before)| (now == before) == frozen), "{}", range.name());
        }
    }
}

#[test]
fn ranges_to_freeze_must_lie_within_the_parameters_and_leave_some() {
    let error = FreeParameters::new([1.0, 2.0], [0..1, 1..3]).unwrap_err();
    // Ranges that touch are one.
    assert_eq!(error.to_string(), "range of frozen parameters (start × end): expected 0 × 2, found 0 × 3");
    let error = FreeParameters::new([1.0, 2.0], [5..6]).unwrap_err();
    assert_eq!(error.to_string(), "range of frozen parameters (start × end): expected 2 × 2, found 5 × 6");
    #[expect(clippy::reversed_empty_ranges, reason = "the bad input")]
    let reversed = FreeParameters::new([1.0, 2.0], [2..1]);
    assert!(matches!(reversed, Err(Error::ShapeMismatch { .. })));
    for none_free in [FreeParameters::new([1.0, 2.0], [0..1, 1..2]), FreeParameters::<f64>::new([], [])] {
        assert_eq!(none_free.unwrap_err(), Error::Empty { what: "free parameters" });
    }
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn scattering_undoes_gathering(
        all in proptest::collection::vec(-1.0..1.0_f64, 1..40),
        cuts in proptest::collection::vec((0_usize..40, 0_usize..8), 0..5),
    ) {
        let ranges: Vec<_> = cuts.iter().map(|&(start, length)| {
            let start = start.min(all.len());
            start..(start + length).min(all.len())
        }).collect();
        let frozen = |place: usize| ranges.iter().any(|range| range.contains(&place));
        let expected: Vec<f64> = (0..all.len()).filter(|&place| !frozen(place)).map(|place| all[place]).collect();
        match FreeParameters::new(all.clone(), ranges.clone()) {
            Err(error) => prop_assert_eq!((error, expected.len()), (Error::Empty { what: "free parameters" }, 0)),
            Ok(mut parameters) => {
                prop_assert_eq!(parameters.gather(), expected.clone());
                let negated: Vec<f64> = expected.iter().map(|x| -x).collect();
                let signs: Vec<f64> = (0..all.len()).map(|i| if frozen(i) { all[i] } else { -all[i] }).collect();
                prop_assert_eq!(parameters.scatter(&negated), &signs[..]);
                prop_assert_eq!(parameters.scatter(&expected), &all[..]);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Batches in parts
// ---------------------------------------------------------------------------------------------------------------

/// `y = f(x)` with f = −eˣ (a logarithm of a probability, about), or a random multiple of x that depends on seed,
/// sample and unit alone, as dropout does.
#[derive(Clone, Copy, Debug)]
enum Unit {
    NegativeExponential,
    Noise,
}

impl Unit {
    fn slope(self, x: f64, sample: usize, unit: usize, mode: Mode) -> f64 {
        match (self, mode) {
            (Self::NegativeExponential, _) => -x.exp(),
            (Self::Noise, Mode::Train { seed, first_sample }) => {
                let number = seed ^ ((first_sample + sample) * 31 + unit + 1) as u64;
                0.5 + (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / 2.0_f64.powi(24)
            }
            (Self::Noise, _) => 1.0,
        }
    }
}

impl Layer<f64> for Unit {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        Ok(input_size)
    }

    fn forward(&self, _: &[f64], input: Batch<'_, f64>, mut output: BatchMut<'_, f64>, _: &mut [f64], mode: Mode) {
        for (sample, (x, y)) in input.iter().zip(output.iter_mut()).enumerate() {
            for (unit, (x, y)) in x.iter().zip(y).enumerate() {
                let slope = self.slope(*x, sample, unit, mode);
                *y = if matches!(self, Self::Noise) { slope * x } else { slope };
            }
        }
    }

    fn backward(
        &self,
        _: &[f64],
        pass: Pass<'_, f64>,
        output_gradient: Batch<'_, f64>,
        _: &mut [f64],
        input_gradient: Option<BatchMut<'_, f64>>,
    ) {
        let Some(mut input_gradient) = input_gradient else { return };
        let samples = pass.input.iter().zip(output_gradient.iter()).zip(input_gradient.iter_mut());
        for (sample, ((x, dy), dx)) in samples.enumerate() {
            for (unit, ((x, dy), dx)) in x.iter().zip(dy).zip(dx).enumerate() {
                *dx = dy * self.slope(*x, sample, unit, pass.mode);
            }
        }
    }
}

const SAMPLES: usize = 17;

type MakeObjective = Box<dyn Fn(&Network<f64>) -> NetworkObjective<f64>>;

struct Case {
    network: Network<f64>,
    objective: MakeObjective,
    target: DMatrix<f64>,
}

/// A loss on a network that ends in this layer.
fn case(layer: impl Layer<f64> + 'static, loss: impl Loss<f64> + Clone + 'static, target: &DMatrix<f64>) -> Case {
    let builder = Network::builder(3).layer(Dense::new(3, 5)).layer(Sigmoid).layer(Unit::Noise);
    Case {
        network: builder.layer(Dense::new(5, 2)).layer(layer).build().unwrap(),
        objective: Box::new(move |network| network.objective(loss.clone())),
        target: target.clone(),
    }
}

/// Every loss.
fn cases() -> Vec<Case> {
    let real = DMatrix::from_fn(2, SAMPLES, |i, j| ((3 * i + 5 * j) % 7) as f64 - 3.0);
    let probability = real.map(|t| (t + 3.0) / 6.0);
    let sign = real.map(|t| if t < 0.5 { -1.0 } else { 1.0 });
    let count = real.map(f64::abs);
    let one_hot = DMatrix::from_fn(2, SAMPLES, |i, j| f64::from(i == usize::from(j % 3 == 0)));
    let soft = DMatrix::from_fn(2, SAMPLES, |i, j| [j, SAMPLES - 1 - j][i] as f64 / (SAMPLES - 1) as f64);
    let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, 0.1).unwrap();
    vec![
        case(Unit::Noise, MeanSquaredError, &real),
        case(Unit::Noise, HalfSquaredError, &real),
        case(Unit::Noise, MeanAbsoluteError, &real),
        case(Unit::Noise, Huber::new(1.0).unwrap(), &real),
        case(Unit::Noise, LogCosh, &real),
        case(Unit::Noise, Hinge, &sign),
        case(Unit::Noise, Poisson, &count),
        case(Softmax, KullbackLeibler, &soft),
        case(Softmax, CrossEntropy, &one_hot),
        case(Sigmoid, BinaryCrossEntropy, &probability),
        case(Unit::NegativeExponential, NegativeLogLikelihood, &soft),
        case(Unit::Noise, SoftmaxCrossEntropy, &one_hot),
        case(Unit::Noise, SigmoidCrossEntropy, &probability),
        case(Unit::Noise, smoothed, &one_hot),
        case(Unit::Noise, ClassWeights::new(SoftmaxCrossEntropy, [1.0, 30.0]).unwrap(), &one_hot),
        case(Unit::Noise, ClassWeights::new(smoothed, [0.1, 3.0]).unwrap(), &soft),
    ]
}

fn inputs() -> DMatrix<f64> {
    DMatrix::from_fn(3, SAMPLES, |i, j| ((5 * i + 3 * j) % 11) as f64 / 5.0 - 1.0)
}

#[test]
fn a_batch_in_parts_is_the_whole_batch_for_every_loss() {
    let x = inputs();
    let uneven: Vec<f64> = (0..SAMPLES).map(|j| [0.5, 0.0, 7.0, 1.0][j % 4]).collect();
    // The first four samples count for nothing: parts of a weight of zero.
    let partly_zero: Vec<f64> = (0..SAMPLES).map(|j| if j < 4 { 0.0 } else { 1.0 + j as f64 }).collect();
    for Case { network, objective, target } in cases() {
        let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(3));
        for weights in [None, Some(&uneven), Some(&partly_zero)] {
            let run = |mut objective: NetworkObjective<f64>| {
                let mut bound = match weights {
                    None => objective.on(&x, &target).unwrap(),
                    Some(weights) => objective.on_weighted(&x, &target, weights.as_slice()).unwrap(),
                };
                let found = evaluate(&mut bound, parameters.as_slice());
                assert_eq!(evaluate(&mut bound, parameters.as_slice()), found, "the same in every evaluation");
                found
            };
            let (value, gradient) = run(objective(&network));
            let largest = gradient.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
            assert!(largest > 1e-3);
            for samples in [1, 2, 3, 4, 8, 16, 17, 100, usize::MAX] {
                let objective = objective(&network).with_micro_batches(samples).unwrap();
                let case = format!("{samples} of {objective:?}");
                let (found, slopes) = run(objective);
                assert!((found - value).abs() <= 1e-14 * value.abs(), "{case}: {found} for {value}");
                let difference = slopes.iter().zip(&gradient).fold(0.0_f64, |d, (a, b)| d.max((a - b).abs()));
                assert!(difference <= 1e-14 * largest, "{case}: {difference:e}");
                if samples >= SAMPLES {
                    assert_eq!((found.to_bits(), bits(&slopes)), (value.to_bits(), bits(&gradient)), "{case}");
                }
            }
        }
    }
}

#[test]
fn a_mean_of_means_would_be_another_loss() {
    let Case { network, objective, target } = cases().swap_remove(0);
    let x = inputs();
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(3));
    let mut objective = objective(&network);
    let mut mean = |from, to| {
        let (x, t) = (Batch::from(&x).range(from..to).unwrap(), Batch::from(&target).range(from..to).unwrap());
        objective.on(x, t).unwrap().value(parameters.as_slice())
    };
    let (whole, of_means) = (mean(0, 17), (mean(0, 16) + mean(16, 17)) / 2.0);
    assert!((whole - of_means).abs() > 1e-2 * whole);
}

#[test]
fn the_gradient_in_parts_is_that_of_the_value_in_parts() {
    let check = GradientCheck::new(Difference::fourth_order());
    // With class weights, on soft targets.
    let Case { network, objective, target } = cases().pop().unwrap();
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(3));
    let mut objective = objective(&network).with_micro_batches(5).unwrap();
    let x = inputs();
    let mut bound = objective.on(&x, &target).unwrap();
    let report = check.run(&mut bound, parameters.as_slice(), network.parameter_ranges());
    assert!(report.passed(), "{report}");
}

#[test]
fn a_batch_in_parts_passes_on_what_is_not_finite() {
    let Case { network, objective, target } = cases().swap_remove(0);
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(3));
    for place in [0, SAMPLES - 1] {
        let mut x = inputs();
        x[(1, place)] = f64::NAN;
        let mut objective = objective(&network).with_micro_batches(4).unwrap();
        let mut at = parameters.as_slice().to_vec();
        let mut descent = GradientDescent::new(0.1).unwrap();
        let report = descent.minimize(&mut objective.on(&x, &target).unwrap(), &mut at, &Stop::after(3));
        assert_eq!(report.reason, StopReason::NotFinite);
        assert_eq!(bits(&at), bits(parameters.as_slice()));
    }
}

#[test]
fn parts_of_no_samples_are_refused() {
    let Case { network, objective, .. } = cases().swap_remove(0);
    let error = objective(&network).with_micro_batches(0).unwrap_err();
    assert_eq!(error.to_string(), "samples of a micro-batch: expected at least 1, found 0");
}
