use super::*;
use crate::objective::from_fn;

fn sphere(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
    x[0] * x[0] + x[1] * x[1]
}

fn descend(learning_rate: f64, stop: Stop<f64>) -> ([f64; 2], Report<f64>) {
    let mut x = [-3.0, 4.0];
    let report = GradientDescent::new(learning_rate).unwrap().minimize(&mut from_fn(sphere), &mut x, &stop);
    (x, report)
}

#[test]
fn the_report_belongs_to_the_point_returned() {
    let (x, report) = descend(0.25, Stop::after(3));
    assert_eq!(x, [-3.0 / 8.0, 4.0 / 8.0]);
    assert_eq!((report.iterations, report.value, report.gradient_norm), (3, 25.0 / 64.0, 10.0 / 8.0));
    assert_eq!((report.initial_value, report.initial_gradient_norm), (25.0, 10.0));
    assert_eq!(report.reason, StopReason::IterationLimit);

    let (x, report) = descend(0.25, Stop::after(100).gradient_norm(1.25).unwrap());
    assert_eq!((x, report.iterations, report.reason), ([-0.375, 0.5], 3, StopReason::Converged));

    let (x, report) = descend(0.25, Stop::after(0));
    assert_eq!((x, report.iterations, report.reason), ([-3.0, 4.0], 0, StopReason::IterationLimit));
}

#[test]
fn steps_too_long_and_too_short_are_told_apart() {
    for (learning_rate, reason) in [
        (10.0, StopReason::Diverged),
        (1.01, StopReason::Diverged),
        (0.99, StopReason::IterationLimit),
        (0.1, StopReason::IterationLimit),
        (1e-10, StopReason::NoProgress),
    ] {
        assert_eq!(descend(learning_rate, Stop::after(20)).1.reason, reason, "{learning_rate}");
    }
}

#[test]
fn a_rise_of_rounding_size_is_no_divergence() {
    let at_the_limit = |last| {
        let step = |value| Step { value, gradient_norm: 1.0, end: None };
        StopReason::at_the_limit(3, step(1.0), Step { gradient_norm: 0.5, ..step(last) })
    };
    assert_eq!(at_the_limit(1.0 + 1e-15), StopReason::IterationLimit);
    assert_eq!(at_the_limit(1.0 + 1e-5), StopReason::Diverged);
}

#[test]
fn an_overflow_returns_the_last_finite_point() {
    let (x, report) = descend(1e60, Stop::after(20));
    assert_eq!(report.reason, StopReason::Diverged);
    // 25, then 2e60 and 4e120 times as long: the square of the last overflows, that of the one before does not.
    assert_eq!((report.iterations, report.value), (2, x[0] * x[0] + x[1] * x[1]));
    assert!(x[0].abs() > 1e120 && report.value.is_finite());
}

#[test]
fn a_start_that_cannot_be_evaluated_is_left_alone() {
    for (value, slope) in [(f64::NAN, 0.0), (f64::INFINITY, 0.0), (1.0, f64::NAN), (1.0, f64::NEG_INFINITY)] {
        let mut broken = from_fn(|_: &[f64], gradient: &mut [f64]| {
            gradient.fill(slope);
            value
        });
        let mut x = [1.0, 2.0];
        let report = GradientDescent::new(0.1).unwrap().minimize(&mut broken, &mut x, &Stop::after(5));
        let reason = if slope.is_nan() { StopReason::UndefinedGradient } else { StopReason::NotFinite };
        assert_eq!((report.reason, report.iterations, x), (reason, 0, [1.0, 2.0]));
    }
}

#[test]
fn the_observer_sees_every_point_and_may_stop_at_one() {
    let mut path = Vec::new();
    let mut x = [-3.0, 4.0];
    let mut descent = GradientDescent::new(0.25).unwrap();
    let report = descent.minimize_with(&mut from_fn(sphere), &mut x, &Stop::after(2), &mut |at| {
        path.push((at.iteration, at.x[0], at.value));
        ControlFlow::Continue(())
    });
    assert_eq!(path, [(0, -3.0, 25.0), (1, -1.5, 6.25), (2, -0.75, 1.5625)]);
    assert_eq!(report.iterations, 2);

    let mut x = [-3.0, 4.0];
    let report = descent.minimize_with(&mut from_fn(sphere), &mut x, &Stop::after(9), &mut |at| {
        if at.iteration == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((report.reason, report.iterations, x), (StopReason::Observer, 1, [-1.5, 2.0]));
}

#[test]
fn bad_tolerances_and_foreign_states_are_refused() {
    for tolerance in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(Stop::after(1).gradient_norm(tolerance), Err(Error::InvalidParameter { .. })));
    }
    let mut descent = GradientDescent::<f64>::new(0.1).unwrap();
    let own = Optimizer::<f64>::state(&descent);
    assert_eq!(descent.restore(&own), Ok(()));
    let foreign = OptimizerState { vectors: vec![("velocity".to_owned(), vec![0.0; 3])], ..own };
    assert_eq!(
        descent.restore(&foreign).unwrap_err().to_string(),
        "optimizer state: expected nothing, found velocity of 3"
    );
}
