//! argmin's solvers find the minima of gradus's objectives: the example, and its values.

use gradus::LinearRegression;
use gradus::nalgebra::DMatrix;
use gradus::regression::{Intercept, LeastSquaresObjective};

#[path = "../../../examples/argmin_solver.rs"]
#[expect(dead_code, reason = "its command line")]
mod example;

#[test]
fn the_example_runs() {
    let mut out = Vec::new();
    example::run(1, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 4);
}

#[test]
fn argmin_finds_what_gradus_finds() {
    let start = [-1.2, 1.0];
    for (x, value) in [
        example::by_argmin(&mut example::rosenbrock(), &start).unwrap(),
        example::by_gradus(&mut example::rosenbrock(), &start).unwrap(),
    ] {
        assert!((x[0] - 1.0).abs() < 1e-8 && (x[1] - 1.0).abs() < 1e-8 && value < 1e-16, "{x:?} {value}");
    }
}

#[test]
fn argmin_finds_the_least_squares() {
    let x = DMatrix::from_fn(30, 3, |i, j| ((i * (2 * j + 3)) % 13) as f64 / 6.0 - 1.0);
    let y = DMatrix::from_fn(30, 1, |i, _| x[(i, 0)] - 2.0 * x[(i, 1)] + 0.5 + (i % 4) as f64 / 10.0);
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    let mut objective = LeastSquaresObjective::new(&x, &y, Intercept::Include).unwrap();
    let (found, _) = example::by_argmin(&mut objective, &[0.0; 4]).unwrap();
    let expected = fit.intercept().iter().chain(fit.coefficients());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-8, "{found} {expected}");
    }
}
