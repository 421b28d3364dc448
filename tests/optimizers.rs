//! Every optimizer on every test function, and what every optimizer owes its caller.
//!
//! A new optimizer is one row of [`optimizers`]; a new function is one entry of [`functions`] and one setting in
//! each row.

use std::cell::Cell;
use std::ops::ControlFlow;

use gradus::nalgebra::dvector;
use gradus::{
    Difference, Error, GradientCheck, GradientDescent, Intercept, LeastSquaresObjective, Objective, Optimizer,
    OptimizerState, ParameterRange, Result, Step, Stop, StopReason, from_fn,
};

/// ‖∇f‖ at which a run ends.
const GRADIENT_NORM: f64 = 1e-9;
/// How near a minimiser is then reached: ‖∇f‖ over the smallest curvature there, 0.3 (Beale).
const DISTANCE: f64 = 1e-8;

struct Function {
    name: &'static str,
    objective: fn() -> Box<dyn Objective<f64>>,
    start: Vec<f64>,
    minimum: f64,
    minimisers: Vec<Vec<f64>>,
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
            minimisers: vec![vec![0.0, 0.0]],
            points: vec![vec![1.0, 2.0], vec![-1e-3, 50.0]],
        },
        Function {
            name: "Booth",
            objective: || Box::new(from_fn(booth)),
            start: vec![-5.0, -5.0],
            minimum: 0.0,
            minimisers: vec![vec![1.0, 3.0]],
            points: vec![vec![0.0, 0.0], vec![7.0, -2.0]],
        },
        Function {
            name: "ill-conditioned quadratic",
            objective: || Box::new(from_fn(ill_conditioned)),
            start: vec![-1.0, 1.0, 1.0],
            minimum: -0.5,
            minimisers: vec![vec![1.0, 0.0, 0.0]],
            points: vec![vec![0.0, 2.0, -0.1], vec![-3.0, 0.5, 1.0]],
        },
        Function {
            name: "Rosenbrock",
            objective: || Box::new(from_fn(rosenbrock)),
            start: vec![-1.2, 1.0],
            minimum: 0.0,
            minimisers: vec![vec![1.0, 1.0]],
            points: vec![vec![0.0, 0.0], vec![2.0, -1.0], vec![0.5, 0.3]],
        },
        Function {
            name: "Beale",
            objective: || Box::new(from_fn(beale)),
            start: vec![1.0, 1.0],
            minimum: 0.0,
            minimisers: vec![vec![3.0, 0.5]],
            points: vec![vec![0.0, 0.0], vec![-1.0, 2.0], vec![4.0, 0.7]],
        },
        Function {
            name: "Himmelblau",
            objective: || Box::new(from_fn(himmelblau)),
            start: vec![0.0, 0.0],
            minimum: 0.0,
            minimisers: vec![
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
            minimisers: vec![vec![1.1, 1.1]],
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
}

fn optimizers() -> [Row; 2] {
    [
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
        },
        Row {
            name: "momentum",
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
        OptimizerState { vectors: vec![("velocity".to_owned(), self.velocity.clone())], counters: Vec::new() }
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
fn every_minimiser_is_one() {
    for function in functions() {
        let mut objective = (function.objective)();
        for minimiser in &function.minimisers {
            let mut gradient = vec![f64::NAN; minimiser.len()];
            let value = objective.value_and_gradient(minimiser, &mut gradient);
            assert!((value - function.minimum).abs() < 1e-14, "{}: {value}", function.name);
            assert!(gradient.iter().all(|slope| slope.abs() < 1e-12), "{}: {gradient:?}", function.name);
            for i in 0..2 * minimiser.len() {
                let mut nearby = minimiser.clone();
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
fn every_optimizer_reaches_a_minimiser_of_every_function() {
    on_every_function(|function, row, (learning_rate, iterations)| {
        let case = format!("{} on {}", row.name, function.name);
        let mut x = function.start.clone();
        let stop = Stop::after(iterations).gradient_norm(GRADIENT_NORM).unwrap();
        let mut objective = (function.objective)();
        let report = (row.optimizer)(learning_rate).minimize(objective.as_mut(), &mut x, &stop);
        println!("{case}: {report}");
        assert_eq!(report.reason, StopReason::Converged, "{case}: {report}");
        let nearest = function.minimisers.iter().map(|minimiser| distance(&x, minimiser)).fold(f64::INFINITY, f64::min);
        assert!(nearest < DISTANCE, "{case}: {nearest:e} away, at {x:?}");
        assert!((report.value - function.minimum).abs() < 1e-14, "{case}: {report}");
    });
}

#[test]
fn a_loop_of_steps_is_minimize_bit_for_bit() {
    on_every_function(|function, row, (learning_rate, _)| {
        let optimizer = || (row.optimizer)(learning_rate);
        let mut by_hand = function.start.clone();
        walk(optimizer().as_mut(), function, &mut by_hand, 30);
        let mut at_once = function.start.clone();
        let report = optimizer().minimize((function.objective)().as_mut(), &mut at_once, &Stop::after(30));
        assert_eq!((report.iterations, &at_once), (30, &by_hand), "{} on {}", row.name, function.name);
        assert_ne!(at_once, function.start);
        assert_eq!(report.value, (function.objective)().value(&at_once));
    });
}

#[test]
fn the_observer_sees_every_point_with_its_value_and_gradient_norm() {
    on_every_function(|function, row, (learning_rate, _)| {
        let mut x = function.start.clone();
        let points = walk((row.optimizer)(learning_rate).as_mut(), function, &mut x, 12);
        let mut expected = vec![function.start.clone()];
        expected.extend(points);

        let mut objective = (function.objective)();
        let mut seen = Vec::new();
        let mut x = function.start.clone();
        let report = (row.optimizer)(learning_rate).minimize_with(
            (function.objective)().as_mut(),
            &mut x,
            &Stop::after(12),
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
        assert_eq!((report.iterations, &x), (12, &expected[12]));
    });
}

#[test]
fn an_observer_that_breaks_ends_the_run_at_the_point_it_was_shown() {
    on_every_function(|function, row, (learning_rate, _)| {
        for last in [0, 1, 5] {
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
    let mut momentum = Momentum { learning_rate: 0.1, velocity: Vec::new() };
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

#[test]
fn a_foreign_state_is_refused_and_changes_nothing() {
    let foreign = OptimizerState { vectors: vec![("curvature".to_owned(), vec![1.0; 2])], counters: Vec::new() };
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
            assert_eq!((report.reason, report.iterations), (StopReason::NotFinite, 0), "{}", row.name);
            assert!(report.reason.is_failure());
            assert_eq!(x, [1.0, -2.0], "{}", row.name);
        }
    }
}

#[test]
fn a_run_into_a_region_that_cannot_be_evaluated_returns_to_the_last_good_point() {
    // f(x) = x as long as x ≥ 0: each step goes down, and some step goes over the edge.
    for (value_beyond, slope_beyond) in [(f64::NAN, 1.0), (-1.0, f64::NAN), (f64::NEG_INFINITY, 0.0)] {
        for row in optimizers() {
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
            assert_eq!(report.reason, StopReason::NotFinite, "{}", row.name);
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
    for row in optimizers() {
        let mut edge = from_fn(|x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0;
            x[0].sqrt()
        });
        let mut x = [0.25];
        let report = (row.optimizer)(0.3).minimize(&mut edge, &mut x, &Stop::after(1));
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
