//! Schedules against their formulas, and what optimizers do under them; clipped gradients; the bound of the learning
//! rate.

use std::cell::Cell;
use std::f64::consts::PI;
use std::path::PathBuf;

use gradus::nalgebra::{DMatrix, DVector, dvector};
use gradus::optimizer::{Clipped, LearningRateBound, OptimizerState, Step, StopReason};
use gradus::regression::{Intercept, LeastSquaresObjective};
use gradus::schedule::{
    ConstantSchedule, CosineAnnealing, ExponentialDecay, InverseTimeDecay, LinearWarmUp, MultiStepDecay, OneCycle,
    PolynomialDecay, ReduceOnPlateau, Schedule, Scheduled, StepDecay,
};
use gradus::{Error, GradientDescent, Objective, Optimizer, Result, Stop, from_fn};
use proptest::prelude::*;
use serde_json::Value;

/// x₀² + x₁²
fn sphere(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
    x[0] * x[0] + x[1] * x[1]
}

/// v ← 0.9 v − η ∇f(x), x ← x + v
#[derive(Clone, Debug)]
struct Momentum {
    learning_rate: f64,
    velocity: Vec<f64>,
}

impl Momentum {
    fn new(learning_rate: f64) -> Self {
        Self { learning_rate, velocity: vec![0.0; 2] }
    }
}

impl Optimizer<f64> for Momentum {
    fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
        let mut gradient = vec![0.0; x.len()];
        let step = Step::new(objective.value_and_gradient(x, &mut gradient), &gradient);
        if step.is_finite() {
            for ((x, velocity), slope) in x.iter_mut().zip(&mut self.velocity).zip(gradient) {
                *velocity = 0.9 * *velocity - self.learning_rate * slope;
                *x += *velocity;
            }
        }
        step
    }

    fn learning_rate(&self) -> Option<f64> {
        Some(self.learning_rate)
    }

    fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        GradientDescent::new(learning_rate)?;
        self.learning_rate = learning_rate;
        Ok(())
    }

    fn reset(&mut self) {
        self.velocity.fill(0.0);
    }

    fn state(&self) -> OptimizerState<f64> {
        OptimizerState::new(vec![("velocity".to_owned(), self.velocity.clone())], Vec::new())
    }

    fn restore(&mut self, state: &OptimizerState<f64>) -> Result<()> {
        match &state.vectors[..] {
            [(name, velocity)] if name == "velocity" && state.counters.is_empty() => {
                self.velocity.clone_from(velocity);
                Ok(())
            }
            _ => Err(Error::StateMismatch { expected: self.state().to_string(), found: state.to_string() }),
        }
    }
}

/// Has no learning rate.
#[derive(Debug)]
struct Bisection;

impl Optimizer<f64> for Bisection {
    fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
        let mut gradient = vec![0.0; x.len()];
        let value = objective.value_and_gradient(x, &mut gradient);
        x.iter_mut().for_each(|x| *x /= 2.0);
        Step::new(value, &gradient)
    }
}

fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

// ---------------------------------------------------------------------------------------------------------------
// Formulas
// ---------------------------------------------------------------------------------------------------------------

#[track_caller]
fn follows(schedule: &dyn Schedule<f64>, expected: &[(u64, f64)]) {
    for &(iteration, expected) in expected {
        let factor = schedule.factor(iteration);
        assert!(
            (factor - expected).abs() <= 4e-16 * expected.max(1.0),
            "{iteration}: {factor:e}, expected {expected:e}"
        );
    }
}

#[test]
fn schedules_follow_their_formulas() {
    follows(&ConstantSchedule, &[(0, 1.0), (u64::MAX, 1.0)]);
    follows(&StepDecay::new(30, 0.1).unwrap(), &[(0, 1.0), (29, 1.0), (30, 0.1), (59, 0.1), (60, 0.01), (90, 1e-3)]);
    follows(&StepDecay::new(1, 2.0).unwrap(), &[(0, 1.0), (10, 1024.0)]);
    follows(&ExponentialDecay::new(0.9).unwrap(), &[(0, 1.0), (1, 0.9), (2, 0.81), (3, 0.729)]);
    follows(&ExponentialDecay::new(0.9).unwrap(), &[(100_000, 0.0), (u64::MAX, 0.0)]);
    follows(&InverseTimeDecay::new(0.1).unwrap(), &[(0, 1.0), (10, 0.5), (30, 0.25), (90, 0.1)]);
    follows(&InverseTimeDecay::new(0.0).unwrap(), &[(0, 1.0), (10, 1.0)]);
}

#[test]
fn cosine_annealing_follows_its_formula() {
    // cos(π/3) = 1/2, cos(2π/3) = −1/2
    let cosine = CosineAnnealing::new(6).unwrap();
    follows(&cosine, &[(0, 1.0), (2, 0.75), (3, 0.5), (4, 0.25), (6, 0.0), (7, 0.0), (u64::MAX, 0.0)]);
    follows(&cosine, &[(1, (1.0 + 0.75_f64.sqrt()) / 2.0)]);
    follows(&cosine.down_to(0.2).unwrap(), &[(0, 1.0), (2, 0.8), (3, 0.6), (4, 0.4), (6, 0.2), (99, 0.2)]);

    let same = cosine.with_restarts(1).unwrap();
    follows(&same, &[(0, 1.0), (2, 0.75), (5, 0.5 * (1.0 - 0.75_f64.sqrt())), (6, 1.0), (8, 0.75), (600, 1.0)]);
    // Periods 6, 18, 54: from 0, 6, 24, 78.
    let threefold = cosine.down_to(0.2).unwrap().with_restarts(3).unwrap();
    follows(&threefold, &[(4, 0.4), (6, 1.0), (12, 0.8), (15, 0.6), (24, 1.0), (51, 0.6), (60, 0.4), (78, 1.0)]);
    let at_the_end: f64 = threefold.factor(u64::MAX);
    assert!((0.2..=1.0).contains(&at_the_end));
}

#[test]
fn a_warm_up_multiplies_another_schedule() {
    let warm = LinearWarmUp::new(4, 0.2, ConstantSchedule).unwrap();
    follows(&warm, &[(0, 0.2), (1, 0.4), (2, 0.6), (3, 0.8), (4, 1.0), (5, 1.0)]);
    let product = LinearWarmUp::new(4, 0.2, InverseTimeDecay::new(0.5).unwrap()).unwrap();
    follows(&product, &[(0, 0.2), (2, 0.3), (4, 1.0 / 3.0), (8, 0.2)]);
    let twice = LinearWarmUp::new(2, 0.0, LinearWarmUp::new(4, 0.0, |_: u64| 3.0).unwrap()).unwrap();
    follows(&twice, &[(0, 0.0), (1, 3.0 / 8.0), (2, 1.5), (4, 3.0)]);
}

#[test]
fn one_cycle_follows_its_formula() {
    // Up to 0.3 · 20 − 1 = 5, then 14 iterations down.
    let cycle = OneCycle::new(20).unwrap();
    let down = |at: f64| 4e-6 + (1.0 - 4e-6) * 0.5 * (1.0 + (PI * at / 14.0).cos());
    let up = |at: f64| 0.04 + 0.96 * 0.5 * (1.0 - (PI * at / 5.0).cos());
    follows(&cycle, &[(0, 0.04), (1, up(1.0)), (4, up(4.0)), (5, 1.0), (6, down(1.0)), (12, down(7.0))]);
    follows(&cycle, &[(18, down(13.0)), (19, 4e-6), (20, 4e-6), (u64::MAX, 4e-6)]);
    // The peak may lie between two iterations, or before the first.
    follows(&OneCycle::new(2).unwrap().rising_for(0.75).unwrap(), &[(0, 0.04), (1, 4e-6)]);
    let short = OneCycle::new(3).unwrap().between(0.5, 0.0).unwrap();
    follows(&short, &[(0, 0.5 * (1.0 + (PI * 0.1 / 2.1).cos())), (2, 0.0)]);
}

/// The rates of the first 60 iterations (reference/optimizers.py).
#[test]
fn schedules_agree_with_those_of_pytorch() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/schedules.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reference: Value = serde_json::from_str(&text).unwrap();
    let base = reference["base"].as_f64().unwrap();
    let numbers = |values: &Value| -> Vec<f64> {
        values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let losses = numbers(&reference["values"]);
    let mut compared = 0;
    for case in reference["cases"].as_array().unwrap() {
        let option =
            |name: &str, default: f64| case["options"].get(name).map_or(default, |value| value.as_f64().unwrap());
        let count = |name: &str, default: f64| option(name, default) as u64;
        let minimum = option("eta_min", 0.0) / base;
        let mut largest = base;
        let mut plateau = None;
        let schedule: Box<dyn Schedule<f64>> = match case["schedule"].as_str().unwrap() {
            "StepLR" => Box::new(StepDecay::new(count("step_size", f64::NAN), option("gamma", 0.1)).unwrap()),
            "ExponentialLR" => Box::new(ExponentialDecay::new(option("gamma", f64::NAN)).unwrap()),
            "CosineAnnealingLR" => {
                Box::new(CosineAnnealing::new(count("T_max", f64::NAN)).unwrap().down_to(minimum).unwrap())
            }
            "CosineAnnealingWarmRestarts" => {
                let falling = CosineAnnealing::new(count("T_0", f64::NAN)).unwrap().down_to(minimum).unwrap();
                Box::new(falling.with_restarts(count("T_mult", 1.0)).unwrap())
            }
            "LinearLR" => {
                let start = option("start_factor", 1.0 / 3.0);
                Box::new(LinearWarmUp::new(count("total_iters", 5.0), start, ConstantSchedule).unwrap())
            }
            "OneCycleLR" => {
                largest = option("max_lr", f64::NAN);
                let start = 1.0 / option("div_factor", 25.0);
                let cycle = OneCycle::new(count("total_steps", f64::NAN)).unwrap();
                let cycle = cycle.rising_for(option("pct_start", 0.3)).unwrap();
                Box::new(cycle.between(start, start / option("final_div_factor", 1e4)).unwrap())
            }
            "MultiStepLR" => {
                let milestones: Vec<u64> =
                    numbers(&case["options"]["milestones"]).into_iter().map(|milestone| milestone as u64).collect();
                Box::new(MultiStepDecay::new(milestones, option("gamma", 0.1)).unwrap())
            }
            "PolynomialLR" => Box::new(PolynomialDecay::new(count("total_iters", 5.0), option("power", 1.0)).unwrap()),
            "ReduceLROnPlateau" => {
                let reduce = ReduceOnPlateau::new(option("factor", 0.1)).unwrap();
                let reduce = reduce.with_patience(count("patience", 10.0)).with_cooldown(count("cooldown", 0.0));
                let threshold = option("threshold", 1e-4);
                let reduce = match case["options"].get("threshold_mode").map(|mode| mode.as_str().unwrap()) {
                    None => reduce.with_threshold(threshold).unwrap(),
                    Some("abs") => reduce.with_absolute_threshold(threshold).unwrap(),
                    Some(other) => panic!("{other}"),
                };
                plateau = Some(reduce.down_to(option("min_lr", 0.0) / base).unwrap());
                Box::new(ConstantSchedule)
            }
            other => panic!("{other}"),
        };
        compared += 1;
        for (i, expected) in numbers(&case["rates"]).into_iter().enumerate() {
            let factor = plateau.as_ref().map_or_else(|| schedule.factor(i as u64), ReduceOnPlateau::factor);
            let rate = largest * factor;
            assert!((rate - expected).abs() <= 1e-15 + 1e-13 * expected, "{case}, {i}: {rate:e}, not {expected:e}");
            if let Some(plateau) = &mut plateau {
                plateau.observe(losses[i]);
            }
        }
    }
    assert_eq!(compared, 16);
}

#[test]
fn factors_in_single_precision_are_those_of_double_precision_rounded() {
    fn same(schedule: &(impl Schedule<f32> + Schedule<f64>)) {
        for iteration in [0, 1, 7, 99, 1 << 25] {
            let (single, double): (f32, f64) = (schedule.factor(iteration), schedule.factor(iteration));
            assert_eq!(single, double as f32);
        }
    }
    same(&StepDecay::new(3, 0.9).unwrap());
    same(&ExponentialDecay::new(1.0 - 1e-7).unwrap());
    same(&MultiStepDecay::new([7, 99], 0.3).unwrap());
    same(&PolynomialDecay::new(1 << 26, 0.7).unwrap());
    same(&InverseTimeDecay::new(1e-3).unwrap());
    same(&CosineAnnealing::new(70).unwrap().with_restarts(2).unwrap());
    same(&OneCycle::new(70).unwrap());
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn factors_of_the_crates_schedules_stay_within_their_bounds(
        iteration in any::<u64>(), count in 2_u64..1_000_000, part in 0.01..0.99_f64, growth in 1_u64..5,
    ) {
        let schedules: [Box<dyn Schedule<f64>>; 8] = [
            Box::new(StepDecay::new(count, part).unwrap()),
            Box::new(ExponentialDecay::new(part).unwrap()),
            Box::new(InverseTimeDecay::new(part).unwrap()),
            Box::new(CosineAnnealing::new(count).unwrap().down_to(part).unwrap().with_restarts(growth).unwrap()),
            Box::new(OneCycle::new(count).unwrap().rising_for(part).unwrap()),
            Box::new(LinearWarmUp::new(count, part, ConstantSchedule).unwrap()),
            Box::new(MultiStepDecay::new([count, 7, 7], part).unwrap()),
            Box::new(PolynomialDecay::new(count, 4.0 * part).unwrap()),
        ];
        for iteration in [iteration, iteration % count, iteration % 100] {
            for (place, schedule) in schedules.iter().enumerate() {
                let factor = schedule.factor(iteration);
                let lowest = if place == 3 || place == 5 { part - 1e-15 } else { 0.0 };
                prop_assert!((lowest..=1.0).contains(&factor), "{} at {}: {}", place, iteration, factor);
            }
        }
    }
}

#[test]
fn hyper_parameters_out_of_range_are_refused() {
    fn refused<S>(what: &str, made: Result<S>) {
        let refusal = made.err();
        assert!(matches!(refusal, Some(Error::InvalidParameter { .. })), "{what}: {refusal:?}");
    }
    for bad in [0.0, -0.5, f64::NAN, f64::INFINITY] {
        refused("step", StepDecay::new(3, bad));
        refused("exponential", ExponentialDecay::new(bad));
        refused("milestones", MultiStepDecay::new([3], bad));
        refused("power", PolynomialDecay::new(3, bad));
        refused("part", OneCycle::new(10).unwrap().rising_for(bad));
        refused("reduction", ReduceOnPlateau::new(bad));
        refused("norm", Clipped::by_norm(Momentum::new(0.1), bad));
        refused("value", Clipped::by_value(Momentum::new(0.1), bad));
    }
    for bad in [-0.5, 1.5, f64::NAN, f64::INFINITY] {
        refused("minimum", CosineAnnealing::new(3).unwrap().down_to(bad));
        refused("start", LinearWarmUp::new(3, bad, ConstantSchedule));
        refused("start", OneCycle::new(10).unwrap().between(bad, 0.0));
        refused("end", OneCycle::new(10).unwrap().between(0.0, bad));
        refused("minimum", ReduceOnPlateau::new(0.5).unwrap().down_to(bad));
        refused("threshold", ReduceOnPlateau::new(0.5).unwrap().with_threshold(bad));
    }
    for bad in [-0.5, f64::NAN, f64::INFINITY] {
        refused("inverse time", InverseTimeDecay::new(bad));
        refused("threshold", ReduceOnPlateau::new(0.5).unwrap().with_absolute_threshold(bad));
    }
    assert_eq!(MultiStepDecay::new([], 0.5), Err(Error::Empty { what: "milestones" }));
    refused("iterations", PolynomialDecay::new(0, 2.0));
    refused("period", StepDecay::new(0, 0.5));
    refused("period", CosineAnnealing::new(0));
    refused("growth", CosineAnnealing::new(3).unwrap().with_restarts(0));
    refused("warm-up", LinearWarmUp::new(0, 0.5, ConstantSchedule));
    refused("cycle", OneCycle::new(0));
    refused("cycle", OneCycle::new(1));
    refused("part", OneCycle::new(10).unwrap().rising_for(1.0));
    refused("reduction", ReduceOnPlateau::new(1.0));
    assert_eq!(
        CosineAnnealing::new(3).unwrap().down_to(-0.5).unwrap_err().to_string(),
        "minimal factor: expected a number from 0 to 1, found -0.5"
    );
}

// ---------------------------------------------------------------------------------------------------------------
// Optimizers under a schedule
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn a_scheduled_step_is_the_step_with_that_learning_rate() {
    let schedule = LinearWarmUp::new(3, 0.1, ExponentialDecay::new(0.9).unwrap()).unwrap();
    let mut scheduled = Scheduled::new(Momentum::new(0.05), schedule).unwrap();
    let mut by_hand = Momentum::new(f64::NAN);
    let (mut x, mut expected) = ([-3.0, 4.0], [-3.0, 4.0]);
    for i in 0..20 {
        let rate = 0.05 * Schedule::<f64>::factor(&schedule, i);
        assert_eq!(scheduled.learning_rate(), Some(rate));
        by_hand.set_learning_rate(rate).unwrap();
        let step = by_hand.step(&mut from_fn(sphere), &mut expected);
        assert_eq!(scheduled.step(&mut from_fn(sphere), &mut x), step);
        assert_eq!(bits(&x), bits(&expected));
        assert_eq!(scheduled.iteration(), i + 1);
    }
}

#[test]
fn the_base_learning_rate_can_be_set_and_the_count_reset() {
    let mut descent = Scheduled::new(Momentum::new(0.2), StepDecay::new(2, 0.5).unwrap()).unwrap();
    let mut x = [1.0, 0.0];
    for _ in 0..2 {
        assert!(descent.step(&mut from_fn(sphere), &mut x).is_finite());
    }
    assert_eq!((descent.base_learning_rate(), descent.learning_rate()), (0.2, Some(0.1)));
    for bad in [0.0, -1.0, f64::NAN] {
        assert!(matches!(descent.set_learning_rate(bad), Err(Error::InvalidParameter { .. })));
    }
    assert_eq!(descent.base_learning_rate(), 0.2);
    descent.set_learning_rate(0.5).unwrap();
    assert_eq!((descent.base_learning_rate(), descent.learning_rate()), (0.5, Some(0.25)));
    descent.reset();
    assert_eq!((descent.iteration(), descent.learning_rate()), (0, Some(0.5)));
    assert_eq!(descent.state().vectors, Momentum::new(0.5).state().vectors);
}

#[test]
fn a_restored_run_goes_on_bit_for_bit() {
    let new = || {
        let schedule = CosineAnnealing::new(7).unwrap().with_restarts(2).unwrap();
        let clipped = Clipped::by_norm(Momentum::new(0.1), 3.0).unwrap();
        Scheduled::new(clipped, schedule).unwrap()
    };
    let mut whole = new();
    let mut x = [-3.0, 4.0];
    let _ = whole.minimize(&mut from_fn(sphere), &mut x, &Stop::after(40));
    for first in [0, 1, 13, 39] {
        let mut before = new();
        let mut parts = [-3.0, 4.0];
        let _ = before.minimize(&mut from_fn(sphere), &mut parts, &Stop::after(first));
        let mut after = new();
        after.restore(&before.state()).unwrap();
        assert_eq!(after.state(), before.state());
        let _ = after.minimize(&mut from_fn(sphere), &mut parts, &Stop::after(40 - first));
        assert_eq!(bits(&parts), bits(&x));
        assert_eq!(after.state(), whole.state());
    }
}

#[test]
fn a_foreign_state_changes_nothing() {
    let mut descent = Scheduled::new(Momentum::new(0.1), ConstantSchedule).unwrap();
    let _ = descent.minimize(&mut from_fn(sphere), &mut [-3.0, 4.0], &Stop::after(3));
    let own = descent.state();
    let momentum = Momentum::new(0.1).state();
    let counted = OptimizerState::new(Vec::new(), own.counters.clone());
    let renamed = OptimizerState::new(own.vectors.clone(), vec![("steps".to_owned(), 3)]);
    for foreign in [momentum, counted, renamed] {
        let error = descent.restore(&foreign).unwrap_err();
        assert!(matches!(error, Error::StateMismatch { .. }));
        assert_eq!(descent.state(), own);
    }
    let error = descent.restore(&OptimizerState::new(Vec::new(), Vec::new())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "optimizer state: expected velocity of 2, iteration of the schedule 3, found nothing"
    );
}

#[test]
fn an_optimizer_without_a_learning_rate_cannot_be_scheduled() {
    assert_eq!(Scheduled::new(Bisection, ConstantSchedule).unwrap_err(), Error::NoLearningRate);
    let clipped = Clipped::by_norm(Bisection, 1.0).unwrap();
    assert_eq!(Scheduled::new(clipped, ConstantSchedule).unwrap_err(), Error::NoLearningRate);
}

#[test]
fn n070_a_schedule_that_gives_an_invalid_learning_rate_ends_the_run_where_it_is() {
    for bad in [f64::NAN, -0.5, f64::INFINITY, f64::NEG_INFINITY, 1e308] {
        let schedule = |iteration: u64| if iteration == 3 { bad } else { 0.5 };
        let mut descent = Scheduled::new(Momentum::new(1e3), schedule).unwrap();
        descent.set_learning_rate(0.1).unwrap();
        if bad == 1e308 {
            // The product overflows.
            descent = Scheduled::new(Momentum::new(1e3), schedule).unwrap();
        }
        let mut expected = [-3.0, 4.0];
        let mut clean = Momentum::new(0.5 * descent.base_learning_rate());
        for _ in 0..3 {
            assert!(clean.step(&mut from_fn(sphere), &mut expected).is_finite());
        }
        let mut x = [-3.0, 4.0];
        let report = descent.minimize(&mut from_fn(sphere), &mut x, &Stop::after(10));
        assert_eq!((report.reason, report.iterations), (StopReason::InvalidLearningRate, 3), "{bad}");
        assert!(report.reason.is_failure());
        assert_eq!(bits(&x), bits(&expected));
        assert_eq!(report.value, x[0] * x[0] + x[1] * x[1]);
        assert!(report.to_string().contains("learning rate of the schedule is negative or not finite (3 iterations"));

        let state = descent.state();
        let step = descent.step(&mut from_fn(sphere), &mut x);
        assert_eq!(
            (step.end, step.value, step.is_finite()),
            (Some(StopReason::InvalidLearningRate), report.value, true)
        );
        assert_eq!((bits(&x), descent.state()), (bits(&expected), state));
    }
}

#[test]
fn a_learning_rate_of_zero_only_evaluates() {
    for zero in [0.0, -0.0, 5e-324] {
        let schedule = move |iteration: u64| if iteration == 1 { zero } else { 1.0 };
        let mut descent = Scheduled::new(Momentum::new(0.1), schedule).unwrap();
        let mut without = Momentum::new(0.1);
        let (mut x, mut expected) = ([-3.0, 4.0], [-3.0, 4.0]);
        for iteration in 0..3 {
            let step = descent.step(&mut from_fn(sphere), &mut x);
            let seen = if iteration == 1 {
                Step::new(sphere(&expected, &mut [0.0; 2]), &[2.0 * expected[0], 2.0 * expected[1]])
            } else {
                without.step(&mut from_fn(sphere), &mut expected)
            };
            assert_eq!((step, bits(&x)), (seen, bits(&expected)), "{zero:e}, {iteration}");
            assert_eq!(descent.iteration(), iteration + 1);
        }
    }
}

#[test]
fn a_step_that_is_not_finite_is_not_counted() {
    for factor in [1.0, 0.0, f64::NAN] {
        for (value, slope) in [(f64::NAN, 0.0), (1.0, f64::INFINITY)] {
            let mut broken = from_fn(|_: &[f64], gradient: &mut [f64]| {
                gradient.fill(slope);
                value
            });
            let mut descent = Scheduled::new(Momentum::new(0.1), |_: u64| factor).unwrap();
            let mut x = [1.0, 2.0];
            let step = descent.step(&mut broken, &mut x);
            assert!(!step.is_finite() && step.end.is_none());
            assert_eq!((x, descent.iteration()), ([1.0, 2.0], 0));
            let report = descent.minimize(&mut broken, &mut x, &Stop::after(5));
            assert_eq!(report.reason, StopReason::NotFinite);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Plateaus
// ---------------------------------------------------------------------------------------------------------------

#[track_caller]
fn plateau(mut plateau: ReduceOnPlateau<f64>, expected: &[(f64, f64)]) {
    for (place, &(value, factor)) in expected.iter().enumerate() {
        assert_eq!(plateau.observe(value), factor, "observation {place}");
    }
}

#[test]
fn a_plateau_reduces_after_more_than_patience_bad_observations() {
    let new = || ReduceOnPlateau::new(0.5).unwrap();
    let falls = [(4.0, 1.0), (3.0, 1.0), (2.0, 1.0)];
    plateau(new().with_patience(0), &falls);
    plateau(new().with_patience(0), &[(4.0, 1.0), (4.0, 0.5), (4.0, 0.25), (3.0, 0.25), (3.5, 0.125)]);
    plateau(
        new().with_patience(2),
        &[(4.0, 1.0), (5.0, 1.0), (4.0, 1.0), (4.0, 0.5), (4.0, 0.5), (4.0, 0.5), (4.0, 0.25)],
    );
    // An improvement in between begins the count anew.
    plateau(new().with_patience(1), &[(4.0, 1.0), (5.0, 1.0), (3.0, 1.0), (5.0, 1.0), (5.0, 0.5)]);
    // By default 10 are borne.
    let mut default = vec![(4.0, 1.0); 11];
    default.push((4.0, 0.5));
    plateau(new(), &default);
}

#[test]
fn a_plateau_asks_for_a_relative_improvement() {
    let new = || ReduceOnPlateau::new(0.5).unwrap().with_patience(0).with_threshold(0.25).unwrap();
    plateau(new(), &[(4.0, 1.0), (3.5, 0.5), (2.9, 0.5), (2.5, 0.25), (2.1, 0.25)]);
    plateau(new(), &[(4.0, 1.0), (3.0, 0.5)]);
    // Also below zero, where 25 % better than −4 is below −5.
    plateau(new(), &[(-4.0, 1.0), (-4.5, 0.5), (-5.1, 0.5)]);
    plateau(new(), &[(0.0, 1.0), (0.0, 0.5), (-1e-300, 0.5)]);
}

#[test]
fn a_plateau_may_ask_for_an_absolute_improvement() {
    let new = || ReduceOnPlateau::new(0.5).unwrap().with_patience(0).with_absolute_threshold(0.25).unwrap();
    plateau(new(), &[(4.0, 1.0), (3.8, 0.5), (3.75, 0.25), (3.7, 0.25), (-4.0, 0.25), (-4.5, 0.25)]);
    // The latest kind of threshold is the one that counts.
    plateau(new().with_threshold(0.0).unwrap(), &[(4.0, 1.0), (3.9, 1.0)]);
}

#[test]
fn a_plateau_cools_down_and_has_a_floor() {
    let cooled = ReduceOnPlateau::new(0.5).unwrap().with_patience(1).with_cooldown(2);
    let flat: Vec<_> = [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25].map(|factor| (4.0, factor)).into();
    plateau(cooled, &flat);
    let floored = ReduceOnPlateau::new(0.5).unwrap().with_patience(0).down_to(0.3).unwrap();
    plateau(floored, &[(4.0, 1.0), (4.0, 0.5), (4.0, 0.3), (4.0, 0.3)]);
}

#[test]
fn an_observation_that_is_not_finite_is_never_better() {
    let new = || ReduceOnPlateau::new(0.5).unwrap().with_patience(0);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        plateau(new(), &[(bad, 0.5), (4.0, 0.5), (bad, 0.25), (3.0, 0.25), (2.0, 0.25)]);
    }
}

#[test]
fn the_state_of_a_plateau_can_be_saved() {
    let new = || ReduceOnPlateau::new(0.5).unwrap().with_patience(1).with_cooldown(1);
    let values = [4.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 2.5, 2.0, 2.0];
    for first in 0..values.len() {
        let (mut whole, mut before, mut after) = (new(), new(), new());
        let expected: Vec<f64> = values.iter().map(|&value| whole.observe(value)).collect();
        values[..first].iter().for_each(|&value| _ = before.observe(value));
        after.restore(&before.state()).unwrap();
        let rest: Vec<f64> = values[first..].iter().map(|&value| after.observe(value)).collect();
        assert_eq!(rest, expected[first..]);
    }
    let mut plateau = new();
    let own = plateau.state();
    let with_factor = |factor: Vec<f64>| {
        let mut state = own.clone();
        state.vectors[0].1 = factor;
        state
    };
    let mut best = own.clone();
    best.vectors[1].1 = vec![f64::NAN];
    let foreign =
        [with_factor(vec![]), with_factor(vec![f64::NAN]), with_factor(vec![1.5]), best, Momentum::new(0.1).state()];
    for state in foreign {
        assert!(matches!(plateau.restore(&state), Err(Error::StateMismatch { .. })));
        assert_eq!(plateau, new());
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Clipping
// ---------------------------------------------------------------------------------------------------------------

/// Where one step of gradient descent with η = 1 leads from the origin, given the slopes there.
fn clipped_step(
    clip: impl Fn(GradientDescent<f64>) -> Result<Clipped<f64, GradientDescent<f64>>>,
    slopes: &[f64],
) -> Vec<f64> {
    let mut x = vec![0.0; slopes.len()];
    let mut linear = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(slopes);
        x.iter().zip(slopes).map(|(x, slope)| x * slope).sum()
    });
    let mut descent = clip(GradientDescent::new(1.0).unwrap()).unwrap();
    let step = descent.step(&mut linear, &mut x);
    assert_eq!(step, Step::new(0.0, slopes));
    x.iter().map(|x| -x).collect()
}

#[test]
fn a_gradient_is_shortened_to_the_norm_and_no_shorter_one_is_touched() {
    let by = |limit| move |descent| Clipped::by_norm(descent, limit);
    assert_eq!(clipped_step(by(1.0), &[3.0, -4.0]), [0.6, -0.8]);
    // Hardly too long, and exactly as long as allowed.
    let barely = clipped_step(by(4.995), &[3.0, -4.0]);
    assert!((barely[0] - 2.997).abs() < 1e-15 && (barely[1] + 3.996).abs() < 1e-15, "{barely:?}");
    assert_eq!(clipped_step(by(5.0), &[3.0, -4.0]), [3.0, -4.0]);
    assert_eq!(clipped_step(by(5.1), &[3.0, -4.0]), [3.0, -4.0]);
    assert_eq!(clipped_step(by(1.0), &[0.0, 0.0]), [0.0, 0.0]);
    // c/‖g‖ is below the range of the type, and the squares of the slopes above it.
    let tiny = clipped_step(by(1e-200), &[3e200, -4e200]);
    assert!((tiny[0] * 1e200 - 0.6).abs() < 1e-15 && (tiny[1] * 1e200 + 0.8).abs() < 1e-15, "{tiny:?}");
}

#[test]
fn slopes_are_limited_one_by_one() {
    let by = |limit| move |descent| Clipped::by_value(descent, limit);
    assert_eq!(clipped_step(by(1.0), &[3.0, -4.0, 0.5, -0.5, 1.0]), [1.0, -1.0, 0.5, -0.5, 1.0]);
}

#[test]
fn a_gradient_that_is_not_finite_is_not_clipped_to_one_that_is() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for by_norm in [true, false] {
            let mut broken = from_fn(|_: &[f64], gradient: &mut [f64]| {
                gradient.copy_from_slice(&[1.0, bad]);
                1.0
            });
            let descent = GradientDescent::new(0.1).unwrap();
            let mut clipped =
                if by_norm { Clipped::by_norm(descent, 1.0) } else { Clipped::by_value(descent, 1.0) }.unwrap();
            let mut x = [1.0, 2.0];
            assert!(!clipped.step(&mut broken, &mut x).is_finite());
            assert_eq!(x, [1.0, 2.0]);
            let report = clipped.minimize(&mut broken, &mut x, &Stop::after(3));
            let expected = if bad.is_nan() { StopReason::UndefinedGradient } else { StopReason::NotFinite };
            assert_eq!(report.reason, expected);
        }
    }
}

#[test]
fn clipping_evaluates_no_more_often() {
    let evaluations = Cell::new(0);
    let mut counted = from_fn(|x: &[f64], gradient: &mut [f64]| {
        evaluations.set(evaluations.get() + 1);
        sphere(x, gradient)
    });
    let mut x = [-3.0, 4.0];
    let mut descent = Clipped::by_norm(Momentum::new(0.1), 1.0).unwrap();
    let report = descent.minimize(&mut counted, &mut x, &Stop::after(30));
    assert_eq!((report.iterations, evaluations.get()), (30, 31));
}

/// Looks at the point where the full step would lead, and goes half the way.
#[derive(Debug)]
struct LookingAhead<'a> {
    seen: &'a Cell<[(f64, f64); 2]>,
}

impl Optimizer<f64> for LookingAhead<'_> {
    fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
        let (mut here, mut there) = ([0.0], [0.0]);
        let value = objective.value_and_gradient(x, &mut here);
        let beyond = [x[0] - here[0]];
        let value_there = objective.value_and_gradient(&beyond, &mut there);
        assert_eq!((objective.value(x), objective.value(&beyond)), (value, value_there));
        self.seen.set([(value, here[0]), (value_there, there[0])]);
        x[0] -= 0.5 * here[0];
        Step::new(value, &here)
    }
}

#[test]
fn a_method_that_evaluates_elsewhere_sees_clipped_gradients_there_too() {
    let mut square = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0 * x[0];
        x[0] * x[0]
    });
    let seen = Cell::new([(0.0, 0.0); 2]);
    for (limit, expected) in [(3.0, [(64.0, -3.0), (25.0, -3.0)]), (12.0, [(64.0, -12.0), (16.0, 8.0)])] {
        for by_norm in [true, false] {
            let inner = LookingAhead { seen: &seen };
            let clipped = if by_norm { Clipped::by_norm(inner, limit) } else { Clipped::by_value(inner, limit) };
            let mut x = [-8.0];
            let step = clipped.unwrap().step(&mut square, &mut x);
            assert_eq!((step.value, step.gradient_norm), (64.0, 16.0));
            assert_eq!((seen.get(), x[0]), (expected, -8.0 + limit / 2.0));
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// The bound of the learning rate
// ---------------------------------------------------------------------------------------------------------------

fn bound_of(objective: &mut dyn Objective<f64>, x: &[f64]) -> LearningRateBound<f64> {
    LearningRateBound::estimate(objective, x, 20_000).unwrap()
}

#[test]
fn the_bound_of_the_sphere_is_one_and_separates_convergence_from_divergence() {
    for start in [[-3.0, 4.0], [0.0, 0.0], [1e6, -1e-6]] {
        let bound = bound_of(&mut from_fn(sphere), &start);
        assert!(bound.converged && bound.iterations <= 5, "{bound:?}");
        assert!((bound.learning_rate().unwrap() - 1.0).abs() < 1e-6, "{bound:?}");
    }
    let bound = bound_of(&mut from_fn(sphere), &[-3.0, 4.0]);
    let run = |learning_rate| {
        let mut x = [-3.0, 4.0];
        let stop = Stop::after(2_000).gradient_norm(1e-9).unwrap();
        GradientDescent::new(learning_rate).unwrap().minimize(&mut from_fn(sphere), &mut x, &stop)
    };
    let report = run(0.99);
    assert_eq!(report.reason, StopReason::Converged);
    assert!(bound.explain(0.99, &report).starts_with("converged ("));
    assert!(!bound.explain(0.99, &report).contains("too large"));
    let report = run(1.01);
    assert_eq!(report.reason, StopReason::Diverged);
    let message = bound.explain(1.01, &report);
    assert!(message.starts_with("diverged: the value rose, the steps are too long (2000 iterations"), "{message}");
    let end = "; the learning rate 1.010e0 is too large: gradient descent converges with learning rates below 1.000e0";
    assert!(message.ends_with(end), "{message}");
}

#[test]
fn the_bound_of_least_squares_is_that_of_the_eigenvalues() {
    for (rows, columns, scale) in [(4, 1, 1.0), (30, 3, 1.0), (200, 12, 1.0), (30, 3, 1e6), (30, 3, 1e-3)] {
        let x = DMatrix::from_fn(rows, columns, |i, j| scale * ((i * i + 3 * i * j + j) % 17) as f64 / 17.0);
        let y = DVector::from_fn(rows, |i, _| (i % 5) as f64);
        let mut objective = LeastSquaresObjective::new(&x, &y, Intercept::Omit).unwrap();
        let largest = (x.transpose() * &x * (2.0 / rows as f64)).symmetric_eigen().eigenvalues.max();
        let at = vec![0.5; objective.parameter_count()];
        let bound = bound_of(&mut objective, &at);
        assert!(bound.converged, "{bound:?}");
        assert!((bound.curvature - largest).abs() < 1e-7 * largest, "{} of {largest}", bound.curvature);
    }
    // Means of squares 1 and 2.5, of products 1.5, twice; λ = 2 · (3.5 + √(1.5² + 4·1.5²))/2.
    let (x, y) = (dvector![1.0, 2.0], dvector![0.0, 1.0]);
    let mut line = LeastSquaresObjective::new(&x, &y, Intercept::Include).unwrap();
    let largest = 3.5 + (2.25 + 9.0_f64).sqrt();
    let bound = bound_of(&mut line, &[0.0, 0.0]);
    assert!((bound.learning_rate().unwrap() - 2.0 / largest).abs() < 1e-7);
}

#[test]
fn the_bound_of_a_function_that_is_not_quadratic_is_that_at_the_point() {
    // The Hessian of Rosenbrock's function at (1, 1) is (802, −400; −400, 200), at (0, 0) it is (2, 0; 0, 200).
    let mut rosenbrock = from_fn(|x: &[f64], gradient: &mut [f64]| {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
        a * a + 100.0 * b * b
    });
    for (at, largest) in [([1.0, 1.0], 501.0 + 301.0_f64.hypot(400.0)), ([0.0, 0.0], 200.0)] {
        let bound = bound_of(&mut rosenbrock, &at);
        assert!(bound.converged && (bound.curvature / largest - 1.0).abs() < 1e-7, "{bound:?}");
    }
}

#[test]
fn it_bounds_by_the_largest_curvature_where_others_are_negative() {
    for (curvatures, largest) in [
        ([3.0, -1.0, 0.0], Some(3.0)),
        ([3.0, -30.0, 1.0], Some(3.0)),
        ([3.0, -3.0, 0.0], Some(3.0)),
        ([3.0, -3.003, 1.0], Some(3.0)),
        ([3.0, -2.997, 1.0], Some(3.0)),
        ([-3.0, -30.0, -1.0], None),
        ([-3.0, -3.0, -3.0], None),
        ([0.0, 0.0, 0.0], None),
    ] {
        let mut quadratic = from_fn(|x: &[f64], gradient: &mut [f64]| {
            let mut value = 0.0;
            for ((x, slope), curvature) in x.iter().zip(gradient).zip(curvatures) {
                value += 0.5 * curvature * x * x + x;
                *slope = curvature * x + 1.0;
            }
            value
        });
        let bound = LearningRateBound::estimate(&mut quadratic, &[1.0, -2.0, 0.5], 1_000).unwrap();
        assert!(bound.converged && bound.iterations <= 1_000, "{curvatures:?}: {bound:?}");
        match (bound.learning_rate(), largest) {
            (Some(rate), Some(largest)) => assert!((rate * largest - 2.0).abs() < 1e-6, "{curvatures:?}: {bound:?}"),
            (None, None) => assert!(bound.to_string().starts_with("no curvature is positive")),
            _ => panic!("{curvatures:?}: {bound:?}"),
        }
    }
}

#[test]
fn the_iteration_is_bounded_and_says_where_it_has_not_settled() {
    let mut close = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[x[0], 0.5 * x[1]]);
        0.5 * (x[0] * x[0] + 0.5 * x[1] * x[1])
    });
    let bound = LearningRateBound::estimate(&mut close, &[1.0, 1.0], 3).unwrap();
    assert_eq!((bound.converged, bound.iterations), (false, 3));
    assert!(bound.to_string().ends_with(" (not settled after 3 iterations)"), "{bound}");
    assert!(bound.curvature <= 1.0);

    // What is not settled is not said to be so: the largest curvature is 1.
    let mut saddle = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[x[0], -100.0 * x[1]]);
        0.5 * x[0] * x[0] - 50.0 * x[1] * x[1]
    });
    let bound = LearningRateBound::estimate(&mut saddle, &[1.0, 1.0], 1).unwrap();
    assert_eq!((bound.converged, bound.learning_rate()), (false, None));
    assert_eq!(bound.to_string(), "no positive curvature was found (not settled after 1 iterations)");
}

#[test]
fn what_has_no_bound_is_refused() {
    let mut objective = from_fn(sphere);
    assert!(matches!(LearningRateBound::estimate(&mut objective, &[1.0, 1.0], 0), Err(Error::InvalidParameter { .. })));
    assert!(matches!(LearningRateBound::estimate(&mut objective, &[], 5), Err(Error::Empty { .. })));
    let error = LearningRateBound::estimate(&mut objective, &[1.0, f64::NAN], 5).unwrap_err();
    assert!(matches!(error, Error::NotFinite { row: 1, .. }), "{error}");
}

#[test]
fn the_bound_in_single_precision() {
    let mut quadratic = from_fn(|x: &[f32], gradient: &mut [f32]| {
        gradient.copy_from_slice(&[8.0 * x[0], 2.0 * x[1]]);
        4.0 * x[0] * x[0] + x[1] * x[1]
    });
    let bound = LearningRateBound::estimate(&mut quadratic, &[1.0_f32, -2.0], 1_000).unwrap();
    assert!(bound.converged && (bound.learning_rate().unwrap() - 0.25).abs() < 1e-3, "{bound:?}");
}
