use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::*;
use crate::error::Error;
use crate::objective::from_fn;

/// f(x) = Σ eˣ, whose slopes are known to every digit.
fn exponential(x: &[f64], gradient: &mut [f64]) -> f64 {
    for (slope, x) in gradient.iter_mut().zip(x) {
        *slope = x.exp();
    }
    gradient.iter().sum()
}

#[test]
fn the_defaults_reach_the_digits_they_promise() {
    let x = [-1.0, 0.3, 2.0];
    for (difference, digits) in [
        (Difference::central(), 1e-10),
        (Difference::fourth_order(), 1e-12),
        (Difference::central().with_step(1e-4).unwrap(), 1e-8),
    ] {
        let gradient = numerical_gradient(&mut from_fn(exponential), &x, difference);
        let error = gradient.iter().zip(&x).map(|(slope, x)| (slope / x.exp() - 1.0).abs()).fold(0.0, f64::max);
        assert!(error < digits, "{difference:?}: {error}");
    }
    let mut square = from_value(|x: &[f32]| x[0] * x[0]);
    assert!((numerical_gradient(&mut square, &[1.5], Difference::central())[0] - 3.0).abs() < 1e-4);
}

/// Of a logarithm, whose digits are the same everywhere.
#[test]
fn steps_grow_with_the_coordinate() {
    let mut logarithm = from_value(|x: &[f64]| x[0].ln());
    for x in [1.0, 1e3, 1e6, 1e12] {
        for (difference, digits) in [(Difference::central(), 1e-8), (Difference::fourth_order(), 1e-10)] {
            let slope = numerical_gradient(&mut logarithm, &[x], difference)[0];
            assert!((slope * x - 1.0).abs() < digits, "{difference:?} at {x}: {slope}");
        }
    }
}

#[test]
fn a_wrong_entry_is_named_and_a_tiny_block_is_not_passed() {
    let mut f = from_fn(|x: &[f64], gradient: &mut [f64]| {
        let value = exponential(x, gradient);
        gradient[4] *= 1.0 + 1e-6;
        gradient[7] *= 1e-14;
        value - x[7].exp() * (1.0 - 1e-14)
    });
    let block = |name, rows, columns, start| ParameterRange {
        layer: 3,
        block: crate::layer::ParameterBlock::matrix(name, rows, columns),
        range: start..start + rows * columns,
    };
    let ranges = [block("weight", 2, 3, 0), block("bias", 1, 1, 6), block("dead", 1, 1, 7)];
    let check = GradientCheck::new(Difference::fourth_order());
    let report = check.run(&mut f, &[0.5; 8], &ranges);
    let verdicts: Vec<_> = report.blocks().iter().map(|block| block.verdict).collect();
    assert_eq!(verdicts, [Verdict::Failed, Verdict::Passed, Verdict::NotResolved]);
    assert!(!report.passed());
    let worst = &report.blocks()[0];
    assert_eq!((worst.name.as_str(), worst.worst.row, worst.worst.column), ("3.weight", 0, 2));
    assert!((worst.element_wise - 1e-6).abs() < 1e-8);
    let text = report.to_string();
    assert!(text.contains("3.weight") && text.contains("FAILED") && text.contains("not resolved"), "{text}");
    assert!(
        check
            .with_tolerance(Tolerance { norm_wise: 1e-5, element_wise: 1e-5 })
            .run(&mut f, &[0.5; 8], &ranges[..2])
            .passed()
    );
}

#[test]
fn zero_gradients_agree_and_nan_does_not() {
    let whole = [ParameterRange::whole(2)];
    let compare = |a: [f64; 2], b: [f64; 2]| GradientReport::compare(&a, &b, &whole, Tolerance::exact());
    assert!(compare([0.0, 0.0], [0.0, 0.0]).passed());
    assert!(compare([1.0, 2.0], [1.0, 2.0]).passed());
    assert!(!compare([0.0, 0.0], [0.0, 1e-300]).passed());
    for (a, b) in
        [([f64::NAN, 1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0, f64::NAN]), ([f64::INFINITY, 1.0], [f64::INFINITY, 1.0])]
    {
        assert!(!compare(a, b).passed(), "{a:?} {b:?}");
    }
}

#[test]
fn a_sample_of_the_entries_may_be_checked() {
    let check = GradientCheck::new(Difference::central());
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let report = check.run_sampled(&mut from_fn(exponential), &[0.1; 50], &[ParameterRange::whole(50)], 7, &mut rng);
    assert_eq!(report.blocks()[0].entries, 7);
    assert!(report.passed());
    let report = check.run_sampled(&mut from_fn(exponential), &[0.1; 5], &[ParameterRange::whole(5)], 7, &mut rng);
    assert_eq!(report.blocks()[0].entries, 5);
    let report = check.run_sampled(&mut from_fn(exponential), &[0.1; 5], &[ParameterRange::whole(5)], 0, &mut rng);
    assert_eq!((report.blocks()[0].verdict, report.passed()), (Verdict::NotResolved, false));
    assert!(!check.run(&mut from_fn(exponential), &[0.1; 5], &[]).passed());
}

#[test]
fn a_step_must_be_positive() {
    for step in [0.0, -1e-3, f64::NAN, f64::INFINITY] {
        assert!(matches!(Difference::central().with_step(step), Err(Error::InvalidParameter { .. })));
    }
}
