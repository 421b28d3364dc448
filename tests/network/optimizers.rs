//! Every optimizer on every test function, and what every optimizer owes its caller.
//!
//! A new optimizer is one row of [`optimizers`]; a new function is one entry of [`functions`] and one setting in
//! each row.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::path::PathBuf;

use allocation_counter::measure;
use gradus::gradient::Difference;
use gradus::nalgebra::dvector;
use gradus::network::ParameterRange;
use gradus::optimizer::{AdaGrad, AdamW, Clipped, Lbfgs, Nadam, OptimizerState, RmsProp, Step, StopReason};
use gradus::regression::{Intercept, LeastSquaresObjective};
use gradus::schedule::{Scheduled, StepDecay};
use gradus::{Adam, Error, GradientCheck, GradientDescent, Objective, Optimizer, Real, Result, Stop, from_fn};
use serde_json::Value;

/// ‖∇f‖ at which a run ends.
const GRADIENT_NORM: f64 = 1e-9;
/// How near a minimizer is then reached: ‖∇f‖ over the smallest curvature there, 0.3 (Beale).
const DISTANCE: f64 = 1e-8;

struct Function {
    name: &'static str,
    objective: fn() -> Box<dyn Objective<f64>>,
    start: Vec<f64>,
    minimum: f64,
    minimizers: Vec<Vec<f64>>,
    /// Where the gradient is checked, besides the start.
    points: Vec<Vec<f64>>,
}

fn functions() -> Vec<Function> {
    vec![
        Function {
            name: "sphere",
            objective: || Box::new(from_fn(sphere)),
            start: vec![-3.0, 4.0],
            minimum: 0.0,
            minimizers: vec![vec![0.0, 0.0]],
            points: vec![vec![1.0, 2.0], vec![-1e-3, 50.0]],
        },
        Function {
            name: "Booth",
            objective: || Box::new(from_fn(booth)),
            start: vec![-5.0, -5.0],
            minimum: 0.0,
            minimizers: vec![vec![1.0, 3.0]],
            points: vec![vec![0.0, 0.0], vec![7.0, -2.0]],
        },
        Function {
            name: "ill-conditioned quadratic",
            objective: || Box::new(from_fn(ill_conditioned)),
            start: vec![-1.0, 1.0, 1.0],
            minimum: -0.5,
            minimizers: vec![vec![1.0, 0.0, 0.0]],
            points: vec![vec![0.0, 2.0, -0.1], vec![-3.0, 0.5, 1.0]],
        },
        Function {
            name: "Rosenbrock",
            objective: || Box::new(from_fn(rosenbrock)),
            start: vec![-1.2, 1.0],
            minimum: 0.0,
            minimizers: vec![vec![1.0, 1.0]],
            points: vec![vec![0.0, 0.0], vec![2.0, -1.0], vec![0.5, 0.3]],
        },
        Function {
            name: "Beale",
            objective: || Box::new(from_fn(beale)),
            start: vec![1.0, 1.0],
            minimum: 0.0,
            minimizers: vec![vec![3.0, 0.5]],
            points: vec![vec![0.0, 0.0], vec![-1.0, 2.0], vec![4.0, 0.7]],
        },
        Function {
            name: "Himmelblau",
            objective: || Box::new(from_fn(himmelblau)),
            start: vec![0.0, 0.0],
            minimum: 0.0,
            minimizers: vec![
                vec![3.0, 2.0],
                vec![-2.805118086952745, 3.131312518250573],
                vec![-3.779310253377747, -3.28318599128617],
                vec![3.584428340330492, -1.848126526964404],
            ],
            points: vec![vec![1.0, -4.0], vec![-5.0, 2.0], vec![4.0, 4.0]],
        },
        Function {
            // Means 1.5 and 2.75, slope 5.5/5; residuals −0.1, 0.8, −1.3, 0.6.
            name: "least squares",
            objective: || {
                let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.0, 3.0, 2.0, 5.0]);
                Box::new(LeastSquaresObjective::new(&x, &y, Intercept::Include).unwrap())
            },
            start: vec![0.0, 0.0],
            minimum: 2.7 / 4.0,
            minimizers: vec![vec![1.1, 1.1]],
            points: vec![vec![1.0, -1.0], vec![-20.0, 3.0]],
        },
    ]
}

/// x₀² + x₁²
fn sphere(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
    x[0] * x[0] + x[1] * x[1]
}

/// (x₀ + 2 x₁ − 7)² + (2 x₀ + x₁ − 5)²
fn booth(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (a, b) = (x[0] + 2.0 * x[1] - 7.0, 2.0 * x[0] + x[1] - 5.0);
    gradient.copy_from_slice(&[2.0 * a + 4.0 * b, 4.0 * a + 2.0 * b]);
    a * a + b * b
}

/// ½ xᵀ A x − bᵀ x for A = diag(1, 30, 1000) turned in the plane of x₁ and x₂, b = (1, 0, 0): condition number 1000.
fn ill_conditioned(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (u, v) = (0.6 * x[1] - 0.8 * x[2], 0.8 * x[1] + 0.6 * x[2]);
    gradient.copy_from_slice(&[x[0] - 1.0, 18.0 * u + 800.0 * v, -24.0 * u + 600.0 * v]);
    0.5 * (x[0] * x[0] + 30.0 * u * u + 1000.0 * v * v) - x[0]
}

/// (1 − x₀)² + 100 (x₁ − x₀²)²
fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    gradient.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
    a * a + 100.0 * b * b
}

/// Σ (cᵢ − x₀ (1 − x₁ⁱ))² for c = 1.5, 2.25, 2.625
fn beale(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut value = 0.0;
    for (power, constant) in [(1, 1.5), (2, 2.25), (3, 2.625)] {
        let residual = constant - x[0] * (1.0 - x[1].powi(power));
        gradient[0] -= 2.0 * residual * (1.0 - x[1].powi(power));
        gradient[1] += 2.0 * residual * x[0] * f64::from(power) * x[1].powi(power - 1);
        value += residual * residual;
    }
    value
}

/// (x₀² + x₁ − 11)² + (x₀ + x₁² − 7)²
fn himmelblau(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (a, b) = (x[0] * x[0] + x[1] - 11.0, x[0] + x[1] * x[1] - 7.0);
    gradient.copy_from_slice(&[4.0 * x[0] * a + 2.0 * b, 2.0 * a + 4.0 * x[1] * b]);
    a * a + b * b
}

struct Row {
    name: &'static str,
    optimizer: fn(f64) -> Box<dyn Optimizer<f64>>,
    /// For each of [`functions`], in their order: the learning rate, and within how many iterations it is there.
    settings: [(f64, usize); 7],
    /// Whether it searches along lines, and so evaluates more than once a step and takes few of them.
    searches: bool,
}

impl Row {
    /// So many steps, or as many as lead to no minimizer yet.
    fn steps(&self, steps: usize) -> usize {
        if self.searches { 2 } else { steps }
    }
}

/// The settings are those of a scan over learning rates. What divides by a mean of squares circles about a minimizer at
/// many a fixed rate, RMSProp at every one unless ε is large beside the slopes there.
fn optimizers() -> Vec<Row> {
    vec![
        Row {
            name: "gradient descent",
            optimizer: |learning_rate| Box::new(GradientDescent::new(learning_rate).unwrap()),
            settings: [
                (0.1, 110),
                (0.1, 120),
                (0.0019, 12_000),
                (0.001, 55_000),
                (0.01, 7_000),
                (0.01, 100),
                (0.1, 350),
            ],
            searches: false,
        },
        Row {
            name: "a user's own momentum",
            optimizer: |learning_rate| Box::new(Momentum { learning_rate, velocity: Vec::new() }),
            settings: [
                (0.1, 500),
                (0.02, 500),
                (0.0019, 2_000),
                (0.0005, 10_000),
                (0.005, 1_200),
                (0.002, 500),
                (0.05, 450),
            ],
            searches: false,
        },
        Row {
            name: "momentum",
            optimizer: |rate| Box::new(GradientDescent::new(rate).unwrap().momentum(0.9).unwrap()),
            settings: [(0.1, 500), (0.005, 480), (0.002, 900), (0.002, 2_600), (0.02, 440), (0.002, 500), (0.01, 430)],
            searches: false,
        },
        Row {
            name: "Nesterov's momentum",
            optimizer: |rate| Box::new(GradientDescent::new(rate).unwrap().nesterov_momentum(0.9).unwrap()),
            settings: [(0.1, 220), (0.05, 220), (0.001, 2_200), (0.001, 5_200), (0.01, 460), (0.01, 110), (0.1, 200)],
            searches: false,
        },
        Row {
            name: "AdaGrad",
            optimizer: |rate| Box::new(AdaGrad::new(rate).unwrap()),
            settings: [(2.0, 46), (2.0, 1_150), (2.0, 32), (0.5, 28_000), (0.5, 1_400), (1.0, 42), (1.0, 12)],
            searches: false,
        },
        Row {
            name: "RMSProp",
            optimizer: |rate| Box::new(RmsProp::new(rate).unwrap().epsilon(1.0).unwrap()),
            settings: [
                (0.1, 300),
                (0.1, 2_000),
                (0.002, 13_000),
                (0.001, 100_000),
                (0.02, 3_700),
                (0.1, 60),
                (0.5, 300),
            ],
            searches: false,
        },
        Row {
            name: "centered RMSProp with momentum",
            optimizer: |rate| {
                let rms_prop = RmsProp::new(rate).unwrap().alpha(0.9).unwrap().epsilon(1.0).unwrap();
                Box::new(rms_prop.momentum(0.9).unwrap().centered())
            },
            settings: [(0.2, 450), (0.2, 460), (0.002, 940), (0.002, 2_700), (0.02, 460), (0.01, 500), (0.1, 400)],
            searches: false,
        },
        Row {
            name: "Adam",
            optimizer: |rate| Box::new(Adam::new(rate).unwrap()),
            settings: [(1.0, 450), (0.5, 500), (2.0, 490), (0.2, 1_700), (0.5, 440), (1.0, 510), (0.1, 420)],
            searches: false,
        },
        Row {
            name: "AdamW",
            optimizer: |rate| Box::new(AdamW::new(rate).unwrap().weight_decay(0.0).unwrap()),
            settings: [(1.0, 450), (0.5, 500), (2.0, 490), (0.2, 1_700), (0.5, 440), (1.0, 510), (0.1, 420)],
            searches: false,
        },
        Row {
            name: "NAdam",
            optimizer: |rate| Box::new(Nadam::new(rate).unwrap().epsilon(1e-2).unwrap()),
            settings: [(1.0, 120), (2.0, 200), (0.2, 190), (0.0002, 30_000), (0.1, 490), (0.2, 165), (0.5, 125)],
            searches: false,
        },
        Row {
            name: "L-BFGS",
            optimizer: |_| Box::new(Lbfgs::new()),
            settings: [(0.1, 3), (0.1, 7), (0.1, 20), (0.1, 40), (0.1, 20), (0.1, 14), (0.1, 10)],
            searches: true,
        },
    ]
}

/// An optimizer of a user's own, and one that has something to remember: v ← 0.9 v − η ∇f(x), x ← x + v.
struct Momentum {
    learning_rate: f64,
    velocity: Vec<f64>,
}

impl Optimizer<f64> for Momentum {
    fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
        let mut gradient = vec![0.0; x.len()];
        let value = objective.value_and_gradient(x, &mut gradient);
        let step = Step::new(value, &gradient);
        if step.is_finite() {
            self.velocity.resize(x.len(), 0.0);
            for ((x, velocity), slope) in x.iter_mut().zip(&mut self.velocity).zip(gradient) {
                *velocity = 0.9 * *velocity - self.learning_rate * slope;
                *x += *velocity;
            }
        }
        step
    }

    fn reset(&mut self) {
        self.velocity.clear();
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

/// Runs `test` with every optimizer on every function.
fn on_every_function(test: impl Fn(&Function, &Row, (f64, usize))) {
    for row in optimizers() {
        for (function, setting) in functions().iter().zip(row.settings) {
            test(function, &row, setting);
        }
    }
}

/// The points of so many steps, one after the other.
fn walk(optimizer: &mut dyn Optimizer<f64>, function: &Function, x: &mut [f64], steps: usize) -> Vec<Vec<f64>> {
    let mut objective = (function.objective)();
    let mut walk_one = |_| {
        assert!(optimizer.step(objective.as_mut(), x).is_finite(), "{}", function.name);
        x.to_vec()
    };
    (0..steps).map(&mut walk_one).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

// ---------------------------------------------------------------------------------------------------------------
// The functions
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn the_gradient_of_every_function_is_that_of_its_value() {
    let check = GradientCheck::new(Difference::fourth_order());
    for function in functions() {
        for x in function.points.iter().chain([&function.start]) {
            let report = check.run((function.objective)().as_mut(), x, &[ParameterRange::whole(x.len())]);
            assert!(report.passed(), "{} at {x:?}\n{report}", function.name);
        }
    }
}

#[test]
fn every_minimizer_is_one() {
    for function in functions() {
        let mut objective = (function.objective)();
        for minimizer in &function.minimizers {
            let mut gradient = vec![f64::NAN; minimizer.len()];
            let value = objective.value_and_gradient(minimizer, &mut gradient);
            assert!((value - function.minimum).abs() < 1e-14, "{}: {value}", function.name);
            assert!(gradient.iter().all(|slope| slope.abs() < 1e-12), "{}: {gradient:?}", function.name);
            for i in 0..2 * minimizer.len() {
                let mut nearby = minimizer.clone();
                nearby[i / 2] += [1e-3, -1e-3][i % 2];
                assert!(objective.value(&nearby) > function.minimum + 1e-8, "{} at {nearby:?}", function.name);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Every optimizer
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn every_optimizer_reaches_a_minimizer_of_every_function() {
    on_every_function(|function, row, (learning_rate, iterations)| {
        let case = format!("{} on {}", row.name, function.name);
        let mut x = function.start.clone();
        let stop = Stop::after(iterations).gradient_norm(GRADIENT_NORM).unwrap();
        let mut objective = (function.objective)();
        let report = (row.optimizer)(learning_rate).minimize(objective.as_mut(), &mut x, &stop);
        println!("{case}: {report}");
        assert_eq!(report.reason, StopReason::Converged, "{case}: {report}");
        let nearest = function.minimizers.iter().map(|minimizer| distance(&x, minimizer)).fold(f64::INFINITY, f64::min);
        assert!(nearest < DISTANCE, "{case}: {nearest:e} away, at {x:?}");
        assert!((report.value - function.minimum).abs() < 1e-14, "{case}: {report}");
    });
}

#[test]
fn a_loop_of_steps_is_minimize_bit_for_bit() {
    on_every_function(|function, row, (learning_rate, _)| {
        let optimizer = || (row.optimizer)(learning_rate);
        let mut by_hand = function.start.clone();
        let steps = row.steps(30);
        walk(optimizer().as_mut(), function, &mut by_hand, steps);
        let mut at_once = function.start.clone();
        let report = optimizer().minimize((function.objective)().as_mut(), &mut at_once, &Stop::after(steps));
        assert_eq!((report.iterations, &at_once), (steps, &by_hand), "{} on {}", row.name, function.name);
        assert_ne!(at_once, function.start);
        assert_eq!(report.value, (function.objective)().value(&at_once));
    });
}

#[test]
fn the_observer_sees_every_point_with_its_value_and_gradient_norm() {
    on_every_function(|function, row, (learning_rate, _)| {
        let steps = row.steps(12);
        let mut x = function.start.clone();
        let points = walk((row.optimizer)(learning_rate).as_mut(), function, &mut x, steps);
        let mut expected = vec![function.start.clone()];
        expected.extend(points);

        let mut objective = (function.objective)();
        let mut seen = Vec::new();
        let mut x = function.start.clone();
        let report = (row.optimizer)(learning_rate).minimize_with(
            (function.objective)().as_mut(),
            &mut x,
            &Stop::after(steps),
            &mut |at| {
                let mut gradient = vec![0.0; at.x.len()];
                assert_eq!(objective.value_and_gradient(at.x, &mut gradient), at.value);
                assert!((distance(&gradient, &[0.0; 3]) / at.gradient_norm - 1.0).abs() < 1e-14);
                assert_eq!(at.iteration, seen.len());
                seen.push(at.x.to_vec());
                ControlFlow::Continue(())
            },
        );
        assert_eq!(seen, expected, "{} on {}", row.name, function.name);
        assert_eq!((report.iterations, &x), (steps, &expected[steps]));
    });
}

#[test]
fn an_observer_that_breaks_ends_the_run_at_the_point_it_was_shown() {
    on_every_function(|function, row, (learning_rate, _)| {
        for last in [0, 1, 2] {
            let mut x = function.start.clone();
            let mut shown = Vec::new();
            let report = (row.optimizer)(learning_rate).minimize_with(
                (function.objective)().as_mut(),
                &mut x,
                &Stop::after(100),
                &mut |at| {
                    shown = at.x.to_vec();
                    if at.iteration == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
            );
            assert_eq!((report.reason, report.iterations), (StopReason::Observer, last), "{}", row.name);
            assert_eq!(x, shown, "{} on {}", row.name, function.name);
            assert_eq!(report.value, (function.objective)().value(&x));
        }
    });
}

#[test]
fn after_a_reset_an_optimizer_is_as_new() {
    on_every_function(|function, row, (learning_rate, _)| {
        let mut optimizer = (row.optimizer)(learning_rate);
        let new = walk(optimizer.as_mut(), function, &mut function.start.clone(), 10);
        optimizer.reset();
        let again = walk(optimizer.as_mut(), function, &mut function.start.clone(), 10);
        assert_eq!(new, again, "{} on {}", row.name, function.name);
    });
    // What `reset` is there for: without it momentum carries on.
    let mut momentum = GradientDescent::new(0.1).unwrap().momentum(0.9).unwrap();
    let sphere = &functions()[0];
    let new = walk(&mut momentum, sphere, &mut sphere.start.clone(), 10);
    assert_ne!(new, walk(&mut momentum, sphere, &mut sphere.start.clone(), 10));
}

#[test]
fn a_restored_state_continues_bit_for_bit() {
    on_every_function(|function, row, (learning_rate, _)| {
        let mut optimizer = (row.optimizer)(learning_rate);
        let mut x = function.start.clone();
        walk(optimizer.as_mut(), function, &mut x, 10);
        let (saved, mut resumed_x) = (optimizer.state(), x.clone());
        let uninterrupted = walk(optimizer.as_mut(), function, &mut x, 10);

        let mut resumed = (row.optimizer)(learning_rate);
        resumed.restore(&saved).unwrap();
        assert_eq!(resumed.state(), saved, "{}", row.name);
        assert_eq!(walk(resumed.as_mut(), function, &mut resumed_x, 10), uninterrupted, "{}", row.name);
    });
}

/// Taken by value, as by a wrapper; the argument itself is a box then.
fn wrapped(optimizer: impl Optimizer<f64>) -> impl Optimizer<f64> {
    Clipped::by_norm(optimizer, 1e300).unwrap()
}

#[test]
fn a_boxed_optimizer_is_the_optimizer() {
    for (row, function) in optimizers().iter().zip(functions().iter().cycle()) {
        let rate = 1e-3;
        let [mut x, mut boxed, mut clipped] = [(); 3].map(|()| function.start.clone());
        let expected = walk((row.optimizer)(rate).as_mut(), function, &mut x, 3);
        let mut outer: Box<dyn Optimizer<f64>> = Box::new((row.optimizer)(rate));
        assert_eq!(walk(&mut outer, function, &mut boxed, 3), expected, "{}", row.name);
        assert_eq!(walk(&mut wrapped((row.optimizer)(rate)), function, &mut clipped, 3), expected, "{}", row.name);

        let mut inner = (row.optimizer)(rate);
        assert_eq!(outer.learning_rate(), inner.learning_rate());
        assert_eq!(outer.set_learning_rate(0.5).is_ok(), inner.set_learning_rate(0.5).is_ok());
        assert_eq!(outer.learning_rate(), inner.learning_rate());
        inner.restore(&outer.state()).unwrap();
        assert_eq!(inner.state(), outer.state());
        outer.reset();
        inner.reset();
        assert_eq!(inner.state(), outer.state());
        assert!(outer.restore(&OptimizerState::new(Vec::new(), vec![("?".to_owned(), 0)])).is_err());
    }
    let boxed: Box<dyn Optimizer<f64>> = Box::new(GradientDescent::new(0.25).unwrap());
    let mut scheduled = Scheduled::new(boxed, StepDecay::new(1, 0.5).unwrap()).unwrap();
    let mut x = [-3.0, 4.0];
    let _ = scheduled.minimize(&mut from_fn(sphere), &mut x, &Stop::after(2));
    assert_eq!(x, [-3.0 * 0.5 * 0.75, 4.0 * 0.5 * 0.75]);
}

/// L-BFGS has a loop of its own, in which a step takes up the evaluation that the last one ended with: as many less
/// than by single steps as there are steps after the first. There is one more at the end, for the report.
#[test]
fn l_bfgs_keeps_its_own_loop_boxed_or_not() {
    let count = Cell::new(0);
    let mut counting = from_fn(|x: &[f64], gradient: &mut [f64]| {
        count.set(count.get() + 1);
        rosenbrock(x, gradient)
    });
    let boxed: Box<dyn Optimizer<f64>> = Box::new(Lbfgs::new());
    let (mut x, stop) = ([-1.2, 1.0], Stop::after(10));
    let _ = { boxed }.minimize(&mut counting, &mut x, &stop);
    let (by_boxed, in_box) = (count.replace(0), x);
    x = [-1.2, 1.0];
    let _ = Lbfgs::new().minimize(&mut counting, &mut x, &stop);
    assert_eq!((count.replace(0), x), (by_boxed, in_box));
    x = [-1.2, 1.0];
    let mut optimizer = Lbfgs::new();
    for _ in 0..10 {
        let _ = optimizer.step(&mut counting, &mut x);
    }
    assert_eq!(x, in_box);
    let by_steps = count.get();
    assert_eq!(by_boxed, by_steps - 9 + 1);
}

/// One that remembers nothing and has no learning rate has these by default.
#[test]
fn an_optimizer_without_memory_has_no_state_and_takes_none() {
    struct Still;
    impl Optimizer<f64> for Still {
        fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
            let mut gradient = vec![0.0; x.len()];
            Step::new(objective.value_and_gradient(x, &mut gradient), &gradient)
        }
    }
    let state = Still.state();
    assert!(state.vectors.is_empty() && state.counters.is_empty());
    assert_eq!(Still.restore(&state), Ok(()));
    let foreign = OptimizerState::new(Vec::new(), vec![("steps".to_owned(), 1)]);
    assert!(matches!(Still.restore(&foreign), Err(Error::StateMismatch { .. })));
    assert_eq!((Still.learning_rate(), Still.set_learning_rate(0.1)), (None, Err(Error::NoLearningRate)));
}

#[test]
fn a_foreign_state_is_refused_and_changes_nothing() {
    let foreign = OptimizerState::new(vec![("curvature".to_owned(), vec![1.0; 2])], Vec::new());
    on_every_function(|function, row, (learning_rate, _)| {
        let mut optimizer = (row.optimizer)(learning_rate);
        walk(optimizer.as_mut(), function, &mut function.start.clone(), 3);
        let before = optimizer.state();
        let error = optimizer.restore(&foreign).unwrap_err();
        assert!(matches!(&error, Error::StateMismatch { found, .. } if found == "curvature of 2"), "{error}");
        assert_eq!(optimizer.state(), before, "{}", row.name);
    });
}

// ---------------------------------------------------------------------------------------------------------------
// Values that are not finite
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn a_step_from_a_point_that_cannot_be_evaluated_moves_nothing() {
    for row in optimizers() {
        for (value, slope) in
            [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, f64::NAN), (1.0, f64::NEG_INFINITY), (f64::NAN, f64::NAN)]
        {
            let mut broken = from_fn(|_: &[f64], gradient: &mut [f64]| {
                gradient.copy_from_slice(&[1.0, slope]);
                value
            });
            let mut optimizer = (row.optimizer)(0.1);
            let mut x = [1.0, -2.0];
            let step = optimizer.step(&mut broken, &mut x);
            assert!(!step.is_finite(), "{}", row.name);
            assert_eq!(x, [1.0, -2.0], "{}", row.name);

            let report = optimizer.minimize(&mut broken, &mut x, &Stop::after(5));
            let undefined = value == 1.0 && slope.is_nan();
            let reason = if undefined { StopReason::UndefinedGradient } else { StopReason::NotFinite };
            assert_eq!((report.reason, report.iterations), (reason, 0), "{}", row.name);
            assert!(report.reason.is_failure());
            assert_eq!(x, [1.0, -2.0], "{}", row.name);
        }
    }
}

#[test]
fn a_run_into_a_region_that_cannot_be_evaluated_returns_to_the_last_good_point() {
    // f(x) = x as long as x ≥ 0: each step goes down, and some step goes over the edge.
    for (value_beyond, slope_beyond) in [(f64::NAN, 1.0), (-1.0, f64::NAN), (f64::NEG_INFINITY, 0.0)] {
        for row in optimizers().iter().filter(|row| !row.searches) {
            let evaluations = Cell::new(0);
            let mut edge = from_fn(|x: &[f64], gradient: &mut [f64]| {
                evaluations.set(evaluations.get() + 1);
                gradient[0] = if x[0] >= 0.0 { 1.0 } else { slope_beyond };
                if x[0] >= 0.0 { x[0] } else { value_beyond }
            });
            let mut x = [1.0];
            let mut last = (0, f64::NAN);
            let report = (row.optimizer)(0.3).minimize_with(&mut edge, &mut x, &Stop::after(100), &mut |at| {
                last = (at.iteration, at.x[0]);
                ControlFlow::Continue(())
            });
            let is_undefined = value_beyond == -1.0;
            let expected = if is_undefined { StopReason::UndefinedGradient } else { StopReason::NotFinite };
            assert_eq!(report.reason, expected, "{}", row.name);
            assert_eq!((report.iterations, x[0]), last, "{}", row.name);
            assert_eq!((report.value, report.gradient_norm, report.initial_value), (x[0], 1.0, 1.0));
            assert!((0.0..1.0).contains(&x[0]) && report.iterations >= 1, "{}: {}", row.name, x[0]);
            assert_eq!(evaluations.get(), report.iterations + 2, "the last good point and the one beyond");
        }
    }
}

#[test]
fn a_point_beyond_the_edge_found_by_the_last_evaluation_is_not_returned() {
    // The only step allowed leads over the edge: it is seen when the end is evaluated.
    for row in optimizers().iter().filter(|row| !row.searches) {
        let mut edge = from_fn(|x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0;
            x[0].sqrt()
        });
        let mut x = [0.25];
        let report = (row.optimizer)(2.0).minimize(&mut edge, &mut x, &Stop::after(1));
        assert_eq!((report.reason, report.iterations, report.value), (StopReason::NotFinite, 0, 0.5), "{}", row.name);
        assert_eq!(x, [0.25], "{}", row.name);
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Gradient descent
// ---------------------------------------------------------------------------------------------------------------

#[track_caller]
fn refused(learning_rate: f64, found: &str) {
    let error = GradientDescent::new(learning_rate).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "learning rate", .. }), "{error}");
    assert_eq!(error.to_string(), format!("learning rate: expected a positive, finite number, found {found}"));
}

#[test]
fn n046_a_learning_rate_of_zero() {
    refused(0.0, "0");
    refused(-0.0, "-0");
}

#[test]
fn n047_a_negative_learning_rate() {
    refused(-0.1, "-0.1");
}

#[test]
fn n048_a_learning_rate_that_is_no_number() {
    refused(f64::NAN, "NaN");
}

#[test]
fn n049_an_infinite_learning_rate() {
    refused(f64::INFINITY, "inf");
    refused(f64::NEG_INFINITY, "-inf");
}

#[test]
fn n050_a_learning_rate_that_single_precision_cannot_hold() {
    for learning_rate in [1e-50_f64, 1e50] {
        assert!(GradientDescent::new(learning_rate).is_ok());
        let error = GradientDescent::new(learning_rate as f32).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "learning rate", .. }), "{error}");
    }
}

#[test]
fn gradient_descent_is_the_textbook_formula() {
    for function in functions() {
        let mut expected = function.start.clone();
        let mut objective = (function.objective)();
        let points = walk(&mut GradientDescent::new(0.001).unwrap(), &function, &mut function.start.clone(), 10);
        for point in points {
            let mut gradient = vec![0.0; expected.len()];
            objective.value_and_gradient(&expected, &mut gradient);
            expected.iter_mut().zip(gradient).for_each(|(x, slope)| *x -= 0.001 * slope);
            assert!(distance(&point, &expected) <= 1e-14 * distance(&expected, &[0.0; 3]), "{}", function.name);
        }
    }
}

#[test]
fn gradient_descent_on_a_quadratic_converges_up_to_two_over_the_largest_curvature() {
    // The curvatures of Booth's function are 2 and 18.
    let booth = &functions()[1];
    for (learning_rate, reason) in [
        (0.99 * 2.0 / 18.0, StopReason::Converged),
        (1.01 * 2.0 / 18.0, StopReason::Diverged),
        (1e-12, StopReason::NoProgress),
    ] {
        let mut x = booth.start.clone();
        let stop = Stop::after(2_000).gradient_norm(GRADIENT_NORM).unwrap();
        let report = GradientDescent::new(learning_rate).unwrap().minimize((booth.objective)().as_mut(), &mut x, &stop);
        assert_eq!(report.reason, reason, "{report}");
    }
}

#[test]
fn gradient_descent_works_in_single_precision_and_on_another_length_after_a_run() {
    let mut descent = GradientDescent::new(0.1_f32).unwrap();
    for length in [2, 5, 1] {
        let mut sphere = from_fn(|x: &[f32], gradient: &mut [f32]| {
            gradient.iter_mut().zip(x).for_each(|(slope, x)| *slope = 2.0 * x);
            x.iter().map(|x| x * x).sum()
        });
        let mut x = vec![1.0; length];
        let report = descent.minimize(&mut sphere, &mut x, &Stop::after(200).gradient_norm(1e-6).unwrap());
        assert_eq!(report.reason, StopReason::Converged);
        assert!(x.iter().all(|x| x.abs() < 1e-6));
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Every optimizer with all its options, in both precisions
// ---------------------------------------------------------------------------------------------------------------

/// Every optimizer with every option.
fn with_options<T: Real>() -> Vec<(&'static str, Box<dyn Optimizer<T>>)> {
    let t = T::nearest;
    let descent = || GradientDescent::new(t(1e-3)).unwrap();
    let rms_prop = || RmsProp::new(t(1e-2)).unwrap().weight_decay(t(0.01)).unwrap();
    vec![
        ("gradient descent", Box::new(descent())),
        ("momentum", Box::new(descent().momentum(t(0.9)).unwrap().weight_decay(t(0.1)).unwrap())),
        ("Nesterov's momentum", Box::new(descent().nesterov_momentum(t(0.8)).unwrap())),
        ("AdaGrad", Box::new(AdaGrad::new(t(0.1)).unwrap().epsilon(t(1e-6)).unwrap().weight_decay(t(0.1)).unwrap())),
        ("RMSProp", Box::new(rms_prop())),
        ("centered RMSProp", Box::new(rms_prop().centered().alpha(t(0.9)).unwrap())),
        ("RMSProp with momentum", Box::new(rms_prop().momentum(t(0.5)).unwrap().centered())),
        ("Adam", Box::new(Adam::new(t(0.02)).unwrap().betas(t(0.8), t(0.99)).unwrap().weight_decay(t(0.1)).unwrap())),
        ("AdamW", Box::new(AdamW::new(t(0.02)).unwrap().weight_decay(t(0.3)).unwrap())),
        ("NAdam", Box::new(Nadam::new(t(0.02)).unwrap().momentum_decay(t(0.1)).unwrap().weight_decay(t(0.1)).unwrap())),
        ("L-BFGS", Box::new(Lbfgs::new().history(4).unwrap())),
    ]
}

/// Rosenbrock's function of any even number of parameters.
fn extended_rosenbrock<T: Real>(x: &[T], gradient: &mut [T]) -> T {
    let mut value = T::zero();
    for (x, gradient) in x.chunks_exact(2).zip(gradient.chunks_exact_mut(2)) {
        let (a, b) = (T::one() - x[0], x[1] - x[0] * x[0]);
        gradient[0] = T::nearest(-2.0) * a - T::nearest(400.0) * x[0] * b;
        gradient[1] = T::nearest(200.0) * b;
        value += a * a + T::nearest(100.0) * b * b;
    }
    value
}

fn start<T: Real>(size: usize) -> Vec<T> {
    (0..size).map(|i| T::nearest(if i % 2 == 0 { -1.2 } else { 1.0 } + 0.01 * i as f64)).collect()
}

/// After so many steps.
fn after<T: Real>(optimizer: &mut dyn Optimizer<T>, x: &mut [T], steps: usize) {
    let mut objective = from_fn(extended_rosenbrock::<T>);
    (0..steps).for_each(|_| assert!(optimizer.step(&mut objective, x).is_finite()));
}

fn assert_interrupted_is_uninterrupted<T: Real>() {
    for (index, (name, mut optimizer)) in with_options::<T>().into_iter().enumerate() {
        for steps in [0, 1, 7, 90] {
            let mut x = start(6);
            optimizer.reset();
            after(optimizer.as_mut(), &mut x, steps);
            let (saved, mut resumed_x) = (optimizer.state(), x.clone());
            after(optimizer.as_mut(), &mut x, 12);

            // One that is new, and one that has been elsewhere.
            for elsewhere in [false, true] {
                let mut resumed = with_options::<T>().remove(index).1;
                if elsewhere {
                    after(resumed.as_mut(), &mut start(10), 9);
                }
                let mut resumed_x = resumed_x.clone();
                resumed.restore(&saved).unwrap();
                assert_eq!(resumed.state(), saved, "{name}");
                after(resumed.as_mut(), &mut resumed_x, 12);
                assert_eq!(resumed_x, x, "{name} after {steps} steps");
                assert_eq!(resumed.state(), optimizer.state(), "{name}");
            }
            after(with_options::<T>().remove(index).1.as_mut(), &mut resumed_x, 12);
            let remembers = name != "gradient descent" && steps > 0;
            assert_eq!(resumed_x != x, remembers, "{name}: whether something is remembered");
        }
    }
}

#[test]
fn an_interrupted_run_is_an_uninterrupted_one_bit_for_bit() {
    assert_interrupted_is_uninterrupted::<f64>();
    assert_interrupted_is_uninterrupted::<f32>();
}

#[test]
fn the_state_of_one_optimizer_is_refused_by_every_other() {
    let mut pairs = 0;
    for (from, mut saved) in with_options::<f64>() {
        after(saved.as_mut(), &mut start(4), 3);
        let state = saved.state();
        for (to, mut other) in with_options::<f64>() {
            let before = other.state();
            // The same vectors of the same names.
            let alike = |a: &str, b: &str| from.contains(a) && to.contains(b);
            if from == to || alike("momentum", "Nesterov") || alike("Nesterov", "momentum") || alike("Ad", "Ad") {
                continue;
            }
            pairs += 1;
            let error = other.restore(&state).unwrap_err();
            assert!(matches!(error, Error::StateMismatch { .. }), "{from} to {to}: {error}");
            assert_eq!(other.state(), before, "{from} to {to}");
        }
        // Vectors of different lengths, another counter, one vector too few.
        let broken = |change: &dyn Fn(&mut OptimizerState<f64>)| {
            let mut broken = state.clone();
            change(&mut broken);
            broken
        };
        let mut states = vec![broken(&|state| state.counters.push(("epochs".to_owned(), 1)))];
        if state.vectors.len() > 1 {
            states.push(broken(&|state| state.vectors[0].1.push(0.0)));
        }
        if !state.vectors.is_empty() {
            states.push(broken(&|state| drop(state.vectors.pop())));
            states.push(broken(&|state| state.vectors[0].0.push('s')));
        }
        for broken in states {
            assert!(matches!(saved.restore(&broken), Err(Error::StateMismatch { .. })), "{from}: {broken}");
            assert_eq!(saved.state(), state, "{from}");
        }
    }
    assert!(pairs > 80, "{pairs}");
}

fn assert_steps_allocate_nothing<T: Real>() {
    for (name, mut optimizer) in with_options::<T>() {
        let mut objective = from_fn(extended_rosenbrock::<T>);
        let mut counts = [60, 60, 60, 24, 24, 60, 24].iter().map(|&size| {
            let mut x = start::<T>(size);
            measure(|| assert!((0..7).all(|_| optimizer.step(&mut objective, &mut x).is_finite()))).count_total
        });
        assert!(counts.next().is_some_and(|first| first > 0), "the counter must see the first step of {name} allocate");
        assert_eq!(counts.max(), Some(0), "{name}");
    }
}

#[test]
fn a_step_allocates_nothing_after_the_first_of_a_size() {
    assert_steps_allocate_nothing::<f64>();
    assert_steps_allocate_nothing::<f32>();
}

#[test]
fn another_number_of_parameters_starts_anew() {
    for (index, (name, mut optimizer)) in with_options::<f64>().into_iter().enumerate() {
        after(optimizer.as_mut(), &mut start(8), 5);
        let (mut x, mut expected) = (start(4), start(4));
        after(optimizer.as_mut(), &mut x, 9);
        after(with_options::<f64>().remove(index).1.as_mut(), &mut expected, 9);
        assert_eq!(x, expected, "{name}");
    }
}

#[test]
fn a_learning_rate_can_be_told_and_set_wherever_there_is_one() {
    for (name, mut optimizer) in with_options::<f64>() {
        if name == "L-BFGS" {
            assert_eq!(optimizer.learning_rate(), None);
            assert_eq!(optimizer.set_learning_rate(0.1), Err(Error::NoLearningRate));
            continue;
        }
        let before = optimizer.learning_rate();
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(optimizer.set_learning_rate(rate), Err(Error::InvalidParameter { .. })), "{name}");
            assert_eq!(optimizer.learning_rate(), before, "{name}");
        }
        // The first step of all of them, from the origin where nothing decays, is in proportion to the rate.
        let mut line = from_fn(|_: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0;
            0.0
        });
        let mut first_step = |rate: f64| {
            optimizer.reset();
            optimizer.set_learning_rate(rate).unwrap();
            assert_eq!(optimizer.learning_rate(), Some(rate), "{name}");
            let mut x = [0.0];
            assert!(optimizer.step(&mut line, &mut x).is_finite());
            x[0]
        };
        let (step, longer) = (first_step(0.25), first_step(0.5));
        assert!(step < 0.0 && longer == 2.0 * step, "{name}: {step}, {longer}");
    }
}

#[test]
fn gradients_at_the_ends_of_the_range_leave_numbers_finite() {
    for slope in [1e-200, 1e-4, 1e4, 1e160, -1e160] {
        for (name, mut optimizer) in with_options::<f64>() {
            let mut line = from_fn(|x: &[f64], gradient: &mut [f64]| {
                gradient[0] = slope;
                slope * x[0]
            });
            let mut x = [0.5];
            for _ in 0..5 {
                let step = optimizer.step(&mut line, &mut x);
                assert!(!x[0].is_nan(), "{name} with {slope:e}: {step:?}");
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Numbers by hand, and bad hyper-parameters
// ---------------------------------------------------------------------------------------------------------------

/// The first three steps from 0 along the constant slope 2.
fn steps_on_a_line(mut optimizer: impl Optimizer<f64>) -> [f64; 3] {
    let mut line = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0;
        2.0 * x[0]
    });
    let mut x = [0.0];
    std::array::from_fn(|_| {
        let before = x[0];
        assert!(optimizer.step(&mut line, &mut x).is_finite());
        before - x[0]
    })
}

#[track_caller]
fn close(found: [f64; 3], expected: [f64; 3]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-7, "{found} for {expected}");
    }
}

#[test]
fn the_first_steps_along_a_constant_slope() {
    let descent = || GradientDescent::new(0.25).unwrap();
    // v = 2, 3, 3.5; Nesterov 2 + v/2.
    close(steps_on_a_line(descent().momentum(0.5).unwrap()), [0.5, 0.75, 0.875]);
    close(steps_on_a_line(descent().nesterov_momentum(0.5).unwrap()), [0.75, 0.875, 0.9375]);
    close(steps_on_a_line(descent().momentum(0.0).unwrap()), [0.5; 3]);
    // s = 4, 8, 12.
    close(steps_on_a_line(AdaGrad::new(1.0).unwrap()), [1.0, 0.5_f64.sqrt(), (1.0_f64 / 3.0).sqrt()]);
    // s = 4 (1 − 0.75ᵗ); centered s = 4 (1 − 0.75ᵗ) 0.75ᵗ.
    let rms_prop = || RmsProp::new(1.0).unwrap().alpha(0.75).unwrap();
    let weights = [0.25, 0.4375, 0.578125_f64];
    close(steps_on_a_line(rms_prop()), weights.map(|weight| 1.0 / weight.sqrt()));
    close(steps_on_a_line(rms_prop().centered()), weights.map(|weight| 1.0 / (weight * (1.0 - weight)).sqrt()));
    // Half of the last step, and the one without momentum.
    let second = 1.0 + 1.0 / 0.4375_f64.sqrt();
    let third = second / 2.0 + 1.0 / 0.578125_f64.sqrt();
    close(steps_on_a_line(rms_prop().momentum(0.5).unwrap()), [2.0, second, third]);
    close(steps_on_a_line(Adam::new(0.5).unwrap()), [0.5; 3]);
    // Shrinks by 1 − 0.5·0.2 first: from 0, −0.5, −0.95.
    close(steps_on_a_line(AdamW::new(0.5).unwrap().weight_decay(0.2).unwrap()), [0.5, 0.45, 0.405]);
    // μ = ½ β₁ in every step: 1 + μ (1 − β₁)/(1 − μ²) at first.
    let nadam = Nadam::new(1.0).unwrap().betas(0.5, 0.5).unwrap().momentum_decay(0.0).unwrap();
    let [mut product, mut mean] = [1.0, 0.0];
    let expected = std::array::from_fn(|_| {
        product *= 0.25;
        mean = 0.5 * mean + 0.5;
        0.75 / (1.0 - product) + 0.25 * mean / (1.0 - product * 0.25)
    });
    close(steps_on_a_line(nadam), expected);
    assert!((expected[0] - (1.0 + 0.125 / 0.9375)).abs() < 1e-15);
}

#[test]
fn centered_rms_prop_stays_a_number_where_all_slopes_are_the_same() {
    // Mean square less squared mean is zero but for rounding, which made it negative.
    let mut optimizer = RmsProp::new(1e-3_f32).unwrap().alpha(0.5).unwrap().centered();
    let mut line = from_fn(|x: &[f32], gradient: &mut [f32]| {
        gradient[0] = 0.1;
        0.1 * x[0]
    });
    let mut x = [0.0];
    for _ in 0..500 {
        assert!(optimizer.step(&mut line, &mut x).is_finite());
    }
    assert!(x[0].is_finite());
}

#[track_caller]
fn refuses<O>(name: &str, values: &[f64], set: impl Fn(f64) -> Result<O>) {
    for &value in values {
        let error = set(value).err().unwrap_or_else(|| panic!("{name} {value} was taken"));
        assert!(matches!(error, Error::InvalidParameter { name: found, .. } if found == name), "{error}");
    }
}

const NO_FRACTIONS: [f64; 6] = [-0.1, 1.0, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

#[test]
fn n065_a_momentum_out_of_range() {
    let descent = || GradientDescent::new(0.1).unwrap();
    refuses("momentum", &NO_FRACTIONS, |value| descent().momentum(value));
    refuses("momentum", &NO_FRACTIONS, |value| descent().nesterov_momentum(value));
    refuses("momentum", &NO_FRACTIONS, |value| RmsProp::new(0.1).unwrap().momentum(value));
    refuses("alpha", &NO_FRACTIONS, |value| RmsProp::new(0.1).unwrap().alpha(value));
    refuses("momentum decay", &[-0.1, f64::NAN, f64::INFINITY], |value| Nadam::new(0.1).unwrap().momentum_decay(value));
}

#[test]
fn n066_a_beta_out_of_range() {
    refuses("beta1", &NO_FRACTIONS, |value| Adam::new(0.1).unwrap().betas(value, 0.9));
    refuses("beta2", &NO_FRACTIONS, |value| Adam::new(0.1).unwrap().betas(0.9, value));
    refuses("beta1", &NO_FRACTIONS, |value| AdamW::new(0.1).unwrap().betas(value, 0.9));
    refuses("beta2", &NO_FRACTIONS, |value| Nadam::new(0.1).unwrap().betas(0.9, value));
    assert!(Adam::new(0.1).unwrap().betas(0.0, 0.0).is_ok());
}

#[test]
fn n067_an_epsilon_that_is_not_positive() {
    let values = [0.0, -1e-8, f64::NAN, f64::INFINITY];
    refuses("epsilon", &values, |value| AdaGrad::new(0.1).unwrap().epsilon(value));
    refuses("epsilon", &values, |value| RmsProp::new(0.1).unwrap().epsilon(value));
    refuses("epsilon", &values, |value| Adam::new(0.1).unwrap().epsilon(value));
    refuses("epsilon", &values, |value| AdamW::new(0.1).unwrap().epsilon(value));
    refuses("epsilon", &values, |value| Nadam::new(0.1).unwrap().epsilon(value));
}

#[test]
fn n068_a_negative_weight_decay() {
    let values = [-1e-4, f64::NAN, f64::INFINITY];
    refuses("weight decay", &values, |value| GradientDescent::new(0.1).unwrap().weight_decay(value));
    refuses("weight decay", &values, |value| AdaGrad::new(0.1).unwrap().weight_decay(value));
    refuses("weight decay", &values, |value| RmsProp::new(0.1).unwrap().weight_decay(value));
    refuses("weight decay", &values, |value| Adam::new(0.1).unwrap().weight_decay(value));
    refuses("weight decay", &values, |value| AdamW::new(0.1).unwrap().weight_decay(value));
    refuses("weight decay", &values, |value| Nadam::new(0.1).unwrap().weight_decay(value));
}

#[test]
fn learning_rates_are_checked_by_every_constructor() {
    let values = [0.0, -0.1, f64::NAN, f64::INFINITY];
    refuses("learning rate", &values, AdaGrad::new);
    refuses("learning rate", &values, RmsProp::new);
    refuses("learning rate", &values, Adam::new);
    refuses("learning rate", &values, AdamW::new);
    refuses("learning rate", &values, Nadam::new);
}

#[test]
fn hyper_parameters_are_told() {
    let descent = GradientDescent::new(0.5).unwrap().nesterov_momentum(0.25).unwrap().weight_decay(0.125).unwrap();
    let expected = [("learning rate", 0.5), ("momentum", 0.25), ("nesterov", 1.0), ("weight decay", 0.125)];
    assert_eq!(descent.hyper_parameters(), expected);
    assert_eq!(
        AdaGrad::new(0.5).unwrap().hyper_parameters(),
        [("learning rate", 0.5), ("epsilon", 1e-10), ("weight decay", 0.0)]
    );
    let rms_prop = RmsProp::new(0.5).unwrap().centered().hyper_parameters();
    let expected = [("alpha", 0.99), ("epsilon", 1e-8), ("momentum", 0.0), ("centered", 1.0), ("weight decay", 0.0)];
    assert_eq!(rms_prop[1..], expected);
    let means = [("learning rate", 0.5), ("beta1", 0.9), ("beta2", 0.999), ("epsilon", 1e-8)];
    let adam = Adam::new(0.5).unwrap().hyper_parameters();
    assert_eq!((&adam[..4], adam[4]), (&means[..], ("weight decay", 0.0)));
    let adam_w = AdamW::new(0.5).unwrap().hyper_parameters();
    assert_eq!((&adam_w[..4], adam_w[4]), (&means[..], ("weight decay", 0.01)));
    let nadam = Nadam::new(0.5).unwrap().hyper_parameters();
    assert_eq!((&nadam[..4], nadam[4]), (&means[..], ("momentum decay", 0.004)));
    assert_eq!(Lbfgs::new().hyper_parameters(), [("history", 10.0), ("c1", 1e-4), ("c2", 0.9)]);
}

// ---------------------------------------------------------------------------------------------------------------
// PyTorch's ways (reference/optimizers.py)
// ---------------------------------------------------------------------------------------------------------------

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Every option in use must be set; what is not given stays at the default.
fn of_pytorch(name: &str, options: &Value) -> Box<dyn Optimizer<f64>> {
    let number = |key: &str| options.get(key).and_then(Value::as_f64);
    let rate = number("lr").unwrap();
    let decay = number("weight_decay").unwrap_or(0.0);
    let betas = options.get("betas").map_or(vec![0.9, 0.999], numbers);
    let epsilon = number("eps").unwrap_or(1e-8);
    match name {
        "SGD" => {
            let descent = GradientDescent::new(rate).unwrap().weight_decay(decay).unwrap();
            let momentum = number("momentum").unwrap_or(0.0);
            let nesterov = options.get("nesterov").is_some();
            Box::new(if nesterov { descent.nesterov_momentum(momentum) } else { descent.momentum(momentum) }.unwrap())
        }
        "Adagrad" => {
            let ada_grad = AdaGrad::new(rate).unwrap().weight_decay(decay).unwrap();
            Box::new(number("eps").map_or(Ok(ada_grad.clone()), |epsilon| ada_grad.epsilon(epsilon)).unwrap())
        }
        "RMSprop" => {
            let rms_prop = RmsProp::new(rate).unwrap().weight_decay(decay).unwrap().epsilon(epsilon).unwrap();
            let rms_prop = rms_prop.alpha(number("alpha").unwrap_or(0.99)).unwrap();
            let rms_prop = rms_prop.momentum(number("momentum").unwrap_or(0.0)).unwrap();
            Box::new(if options.get("centered").is_some() { rms_prop.centered() } else { rms_prop })
        }
        "Adam" => {
            let adam = Adam::new(rate).unwrap().weight_decay(decay).unwrap();
            Box::new(adam.betas(betas[0], betas[1]).unwrap().epsilon(epsilon).unwrap())
        }
        "AdamW" => {
            let adam_w = AdamW::new(rate).unwrap().betas(betas[0], betas[1]).unwrap().epsilon(epsilon).unwrap();
            Box::new(number("weight_decay").map_or(Ok(adam_w.clone()), |decay| adam_w.weight_decay(decay)).unwrap())
        }
        "NAdam" => {
            let nadam = Nadam::new(rate).unwrap().weight_decay(decay).unwrap().epsilon(epsilon).unwrap();
            let nadam = nadam.momentum_decay(number("momentum_decay").unwrap_or(4e-3)).unwrap();
            Box::new(nadam.betas(betas[0], betas[1]).unwrap())
        }
        other => panic!("{other}"),
    }
}

#[test]
fn every_first_order_method_goes_the_way_of_pytorch() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/optimizers.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reference: Value = serde_json::from_str(&text).unwrap();
    let [c, a, start, steps] = ["c", "a", "start", "steps"].map(|name| numbers(&reference[name]));
    // ½ Σ cᵢ (xᵢ − aᵢ)² + ¼ Σ xᵢ² xᵢ₊₁²
    let mut objective = from_fn(|x: &[f64], gradient: &mut [f64]| {
        let mut value = 0.0;
        for i in 0..x.len() {
            let after = x.get(i + 1).map_or(0.0, |x| x * x);
            let before = if i > 0 { x[i - 1] * x[i - 1] } else { 0.0 };
            gradient[i] = c[i] * (x[i] - a[i]) + x[i] * (before + after) / 2.0;
            value += c[i] * (x[i] - a[i]).powi(2) / 2.0 + x[i] * x[i] * after / 4.0;
        }
        value
    });
    let check = GradientCheck::new(Difference::fourth_order());
    assert!(check.run(&mut objective, &start, &[ParameterRange::whole(start.len())]).passed());

    let cases = reference["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 16);
    for case in cases {
        let mut optimizer = of_pytorch(case["optimizer"].as_str().unwrap(), &case["options"]);
        let mut x = start.clone();
        let mut step = 0.0;
        for (&until, point) in steps.iter().zip(case["points"].as_array().unwrap()) {
            while step < until {
                assert!(optimizer.step(&mut objective, &mut x).is_finite());
                step += 1.0;
            }
            let worst = x.iter().zip(numbers(point)).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-10, "{} {} at step {step}: {worst:e}", case["optimizer"], case["options"]);
        }
        assert_eq!(step, 50.0);
    }
}

// ---------------------------------------------------------------------------------------------------------------
// L-BFGS
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn l_bfgs_takes_only_steps_that_satisfy_the_strong_wolfe_conditions() {
    let mut taken = 0;
    for (c1, c2) in [(1e-4, 0.9), (0.1, 0.2)] {
        for function in functions() {
            for start in function.points.iter().chain([&function.start]) {
                let mut objective = (function.objective)();
                // Every evaluation: the point, the value, the gradient.
                let seen = RefCell::new(Vec::new());
                let mut recording = from_fn(|x: &[f64], gradient: &mut [f64]| {
                    let value = objective.value_and_gradient(x, gradient);
                    seen.borrow_mut().push((x.to_vec(), value, gradient.to_vec()));
                    value
                });
                let mut lbfgs = Lbfgs::new().wolfe(c1, c2).unwrap();
                let mut x = start.clone();
                for _ in 0..60 {
                    let from = x.clone();
                    let step = lbfgs.step(&mut recording, &mut x);
                    assert!(step.is_finite());
                    if step.end.is_some() || step.gradient_norm < 1e-9 {
                        break;
                    }
                    let seen = seen.borrow();
                    let at = |x: &Vec<f64>| seen.iter().rev().find(|(point, ..)| point == x).unwrap();
                    let ((_, value, gradient), (_, new_value, new_gradient)) = (at(&from), at(&x));
                    assert_eq!(*value, step.value);
                    let along = |gradient: &[f64]| -> f64 {
                        gradient.iter().zip(&x).zip(&from).map(|((g, x), y)| g * (x - y)).sum()
                    };
                    let (slope, new_slope) = (along(gradient), along(new_gradient));
                    assert!(slope < 0.0, "{}: no descent", function.name);
                    let noise = 5.0 * f64::EPSILON * value.abs();
                    assert!(*new_value <= value + c1 * slope + noise, "{} from {from:?} to {x:?}", function.name);
                    // s is known to the rounding of x only.
                    assert!(new_slope.abs() <= -c2 * slope * (1.0 + 1e-6), "{} from {from:?} to {x:?}", function.name);
                    taken += 1;
                }
            }
        }
    }
    assert!(taken > 500, "{taken}");
}

#[test]
fn l_bfgs_reaches_the_minimizer_to_ten_digits_and_ends_by_itself() {
    for function in functions() {
        for start in function.points.iter().chain([&function.start]) {
            // From (−1, 2) Beale's function falls toward 0.452 at infinity.
            if function.name == "Beale" && start[..] == [-1.0, 2.0] {
                continue;
            }
            let case = format!("{} from {start:?}", function.name);
            let evaluations = Cell::new(0);
            let mut objective = (function.objective)();
            let mut counting = from_fn(|x: &[f64], gradient: &mut [f64]| {
                evaluations.set(evaluations.get() + 1);
                objective.value_and_gradient(x, gradient)
            });
            let mut x = start.clone();
            // No tolerance: it goes on until nothing can be gained.
            let report = Lbfgs::new().minimize(&mut counting, &mut x, &Stop::after(1_000));
            println!("{case}: {report}, {} evaluations", evaluations.get());
            assert!(matches!(report.reason, StopReason::Converged | StopReason::Stalled), "{case}: {report}");
            assert!(
                !report.reason.is_failure() && report.iterations < 80 && evaluations.get() < 250,
                "{case}: {report}"
            );
            let nearest =
                function.minimizers.iter().map(|minimizer| distance(&x, minimizer)).fold(f64::INFINITY, f64::min);
            assert!(nearest < 1e-10, "{case}: {nearest:e} away");
        }
    }
}

#[test]
fn l_bfgs_minimizes_in_many_dimensions_and_in_single_precision() {
    for history in [1, 3, 10, 40] {
        let mut x = start::<f64>(200);
        let stop = Stop::after(600).gradient_norm(1e-10).unwrap();
        let mut lbfgs = Lbfgs::new().history(history).unwrap();
        let report = lbfgs.minimize(&mut from_fn(extended_rosenbrock::<f64>), &mut x, &stop);
        println!("history {history}: {report}");
        assert_eq!(report.reason, StopReason::Converged, "{report}");
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-9));
    }
    let mut x = start::<f32>(20);
    let report = Lbfgs::new().minimize(&mut from_fn(extended_rosenbrock::<f32>), &mut x, &Stop::after(500));
    println!("single precision: {report}");
    assert!(!report.reason.is_failure() && report.iterations < 500, "{report}");
    assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-4), "{x:?}");
}

#[test]
fn l_bfgs_ends_where_no_lower_point_can_be_found() {
    // The gradient of −f: every direction leads up.
    let mut wrong = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient[0] = -2.0 * x[0];
        x[0] * x[0]
    });
    let mut x = [1.0];
    let report = Lbfgs::new().minimize(&mut wrong, &mut x, &Stop::after(100));
    assert_eq!((report.reason, report.iterations, x), (StopReason::NoProgress, 0, [1.0]), "{report}");

    // A start that is a minimizer to rounding is no failure.
    let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient[0] = 2.0 * (x[0] - 0.1) + 1e-17;
        1.0 + (x[0] - 0.1).powi(2)
    });
    let mut x = [0.1];
    let report = Lbfgs::new().minimize(&mut sphere, &mut x, &Stop::after(100));
    assert_eq!((report.reason, report.iterations, x), (StopReason::Stalled, 0, [0.1]), "{report}");

    // A kink: |x₀| + |x₁|/2 falls to the bottom or near it, and ends.
    let mut kink = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[x[0].signum(), 0.5 * x[1].signum()]);
        x[0].abs() + 0.5 * x[1].abs()
    });
    let mut x = [3.3, -1.7];
    let report = Lbfgs::new().minimize(&mut kink, &mut x, &Stop::after(10_000));
    assert_eq!(report.reason, StopReason::Stalled, "{report}");
    assert!(report.iterations < 10_000 && report.value < 1e-3, "{report}");

    // x as long as x ≥ 0: it stays before the edge, and ends.
    for beyond in [f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
        let mut edge = from_fn(|x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0;
            if x[0] >= 0.0 { x[0] } else { beyond }
        });
        let mut x = [7.5];
        let report = Lbfgs::new().minimize(&mut edge, &mut x, &Stop::after(1_000));
        assert_eq!(report.reason, StopReason::Stalled, "{report}");
        assert!(report.iterations < 1_000 && (0.0..1e-6).contains(&x[0]), "{report}: {x:?}");
    }

    // −x falls without bound: as far as numbers go.
    let mut slope = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient[0] = -1.0;
        -x[0]
    });
    let mut x = [0.0];
    let report = Lbfgs::new().minimize(&mut slope, &mut x, &Stop::after(100));
    assert!(report.value < -1e15 && report.value.is_finite() && x[0].is_finite(), "{report}");
}

#[test]
fn l_bfgs_uses_no_value_of_another_objective() {
    let shifted = |shift: f64| {
        from_fn(move |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 2.0 * (x[0] - shift);
            (x[0] - shift).powi(2)
        })
    };
    let mut lbfgs = Lbfgs::new();
    let mut x = [0.0];
    for shift in [1.0, -2.0, 3.0] {
        let report = lbfgs.minimize(&mut shifted(shift), &mut x, &Stop::after(20));
        assert_eq!((report.reason, x[0]), (StopReason::Converged, shift));
    }
    // Nor does a single step, though `x` is where the last one ended.
    let mut x = [0.0];
    for shift in [1.0, -2.0, 3.0] {
        let from = x[0];
        let step = lbfgs.step(&mut shifted(shift), &mut x);
        assert_eq!((step.value, step.gradient_norm), ((from - shift).powi(2), 2.0 * (from - shift).abs()));
    }
    // `x` moved by the caller is evaluated anew.
    lbfgs.reset();
    let mut objective = shifted(0.0);
    let mut x = [4.0];
    assert_eq!(lbfgs.step(&mut objective, &mut x).value, 16.0);
    x[0] = 5.0;
    assert_eq!(lbfgs.step(&mut objective, &mut x).value, 25.0);
}

/// −x₀ + x₀²/4 + c x₀ x₁: from the origin the step is s = (1, 0), with y = (½, c), so that sᵀy = ½ whatever c is.
/// Beside ‖s‖‖y‖ it may be no more than rounding.
#[test]
fn l_bfgs_remembers_no_curvature_that_rounding_could_have_made() {
    for (coupling, pairs) in [(1e15, 1), (1e17, 0)] {
        let mut saddle = from_fn(|x: &[f64], gradient: &mut [f64]| {
            gradient.copy_from_slice(&[-1.0 + 0.5 * x[0] + coupling * x[1], coupling * x[0]]);
            -x[0] + 0.25 * x[0] * x[0] + coupling * x[0] * x[1]
        });
        let (mut lbfgs, mut x) = (Lbfgs::new(), [0.0, 0.0]);
        let _ = lbfgs.step(&mut saddle, &mut x);
        assert_eq!((x, lbfgs.state().vectors.len()), ([1.0, 0.0], 2 * pairs), "{coupling}");
    }
}

/// Only the steps that were made take memory.
#[test]
fn l_bfgs_may_remember_every_step() {
    let run = |history: usize| {
        let mut lbfgs = Lbfgs::new().history(history).unwrap();
        let mut x = start::<f64>(6);
        after(&mut lbfgs, &mut x, 20);
        let mut resumed = Lbfgs::new().history(history).unwrap();
        resumed.restore(&lbfgs.state()).unwrap();
        after(&mut resumed, &mut x, 3);
        x
    };
    assert_eq!(run(usize::MAX), run(1000));
    assert_ne!(run(usize::MAX), run(10));
}

#[test]
fn hyper_parameters_of_l_bfgs_are_checked() {
    let error = Lbfgs::<f64>::new().history(0).unwrap_err();
    assert_eq!(error.to_string(), "history: expected at least 1, found 0");
    refuses("c1", &[0.0, -1.0, 0.5, f64::NAN], |c1| Lbfgs::new().wolfe(c1, 0.9));
    refuses("c2", &[0.1, 0.05, 1.0, f64::NAN], |c2| Lbfgs::new().wolfe(0.1, c2));
}

/// A method that writes no more than it must.
struct Steady;

impl Optimizer<f64> for Steady {
    fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
        let mut gradient = vec![0.0; x.len()];
        let value = objective.value_and_gradient(x, &mut gradient);
        x.iter_mut().zip(&gradient).for_each(|(x, slope)| *x -= 0.25 * slope);
        Step::new(value, &gradient)
    }
}

#[test]
fn a_method_of_ones_own_has_no_rate_and_remembers_nothing() {
    let mut steady = Steady;
    assert_eq!(steady.learning_rate(), None);
    assert!(matches!(steady.set_learning_rate(0.1), Err(Error::NoLearningRate)));
    assert!(steady.configuration().is_none());
    let mut x = vec![-3.0, 4.0];
    let report = steady.minimize(&mut from_fn(sphere), &mut x, &Stop::after(40));
    assert_eq!(report.reason, StopReason::IterationLimit);
    assert_eq!(report.reason.to_string(), "stopped at the iteration limit");
    assert!(x.iter().all(|x| x.abs() < 1e-9), "{x:?}");

    let nothing = steady.state();
    assert_eq!(nothing.to_string(), "nothing");
    steady.restore(&nothing).unwrap();
    let mut adam = Adam::new(0.1).unwrap();
    let _ = adam.step(&mut from_fn(sphere), &mut x);
    let error = steady.restore(&adam.state()).unwrap_err();
    assert!(matches!(&error, Error::StateMismatch { expected, .. } if expected == "nothing"), "{error}");
    steady.reset();
    assert_eq!(steady.state(), nothing);
}
