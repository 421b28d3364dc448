use std::f64::consts::PI;
use std::path::Path;

use approx::assert_relative_eq;
use serde_json::Value;

use super::*;

/// Of 13 digits; what is computed has about 14.
const TOLERANCE: f64 = 3e-14;

/// Rows of numbers by tests/reference/distribution.py, all but the last of a row being arguments.
fn reference(table: &str) -> Vec<Vec<f64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/distribution.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let numbers = |row: &Value| row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    document[table].as_array().unwrap().iter().map(numbers).collect()
}

#[track_caller]
fn agree(computed: Option<f64>, row: &[f64]) {
    let (computed, expected) = (computed.unwrap(), row[row.len() - 1]);
    let error = (computed / expected - 1.0).abs();
    assert!(error <= TOLERANCE, "{computed:e} in {row:?}, off by {error:.1e}");
}

#[test]
fn tails_of_student_agree_with_integrals_of_the_density() {
    let rows = reference("t, degrees of freedom, two-sided tail");
    assert!(rows.len() > 130);
    for row in rows {
        agree(student_two_sided(row[0], row[1]), &row);
        agree(student_two_sided(-row[0], row[1]), &row);
        // F of 1 and ν is t², which is a number of full precision here if it is one at all.
        if row[0].fract() == 0.0 && row[0] < 1e6 {
            agree(f_upper_tail(row[0] * row[0], 1.0, row[1]), &row);
        }
    }
}

#[test]
fn tails_of_f_agree_with_integrals_of_the_density() {
    let rows = reference("f, degrees of freedom, upper tail");
    assert!(rows.len() > 150);
    for row in rows {
        agree(f_upper_tail(row[0], row[1], row[2]), &row);
    }
}

#[test]
fn quantiles_of_student_agree_with_integrals_of_the_density() {
    let rows = reference("level, degrees of freedom, quantile");
    assert!(rows.len() > 50);
    for row in rows {
        agree(student_quantile(row[0], row[1]), &row);
    }
}

#[test]
fn tails_agree_with_closed_forms() {
    for t in [1e-100, 1e-9, 0.1, 1.0, 2.0, 1e3, 1e10, 1e100] {
        let two_sided = |freedom| student_two_sided(t, freedom).unwrap();
        // 1 degree of freedom: Cauchy; 2: 1 − u for u = t/√(2 + t²); 4: 1 − u (3 − u²)/2 for u = t/√(4 + t²), where 1 − u
        // is 4/(r (r + t)) for the root r.
        assert_relative_eq!(two_sided(1.0), 2.0 / PI * (1.0 / t).atan(), max_relative = 1e-14);
        let root = f64::sqrt(2.0 + t * t);
        assert_relative_eq!(two_sided(2.0), 2.0 / (root * (root + t)), max_relative = 1e-14);
        let root = f64::sqrt(4.0 + t * t);
        let (u, rest) = (t / root, 4.0 / (root * (root + t)));
        assert_relative_eq!(two_sided(4.0), 0.5 * rest * rest * (2.0 + u), max_relative = 1e-14);
        // F of 2 and ν: (1 + 2 f/ν)^(−ν/2); of ν and 2 it is 1 − (1 + 2/(ν f))^(−ν/2).
        for freedom in [1.0, 5.0, 64.0, 1e6] {
            let power = |x: f64| -0.5 * freedom * (2.0 * x / freedom).ln_1p();
            if power(t) > -30.0 {
                let tail = f_upper_tail(t, 2.0, freedom).unwrap();
                assert_relative_eq!(tail, power(t).exp(), max_relative = TOLERANCE);
            }
            let tail = f_upper_tail(t, freedom, 2.0).unwrap();
            assert_relative_eq!(tail, -power(1.0 / t).exp_m1(), max_relative = TOLERANCE);
        }
    }
}

#[test]
fn extremes_have_an_answer() {
    for freedom in [1.0, 2.0, 7.0, 1e8, 1e12] {
        assert_eq!(student_two_sided(0.0, freedom), Some(1.0));
        assert_eq!(student_two_sided(f64::INFINITY, freedom), Some(0.0));
        assert_eq!(student_two_sided(5e-324, freedom), Some(1.0));
        assert_eq!(f_upper_tail(0.0, freedom, 4.0), Some(1.0));
        assert_eq!(f_upper_tail(f64::INFINITY, freedom, 4.0), Some(0.0));
        assert_eq!(f_upper_tail(f64::MAX, freedom, 1e6), Some(0.0));
        assert_eq!(f_upper_tail(5e-324, freedom, 1e6), Some(1.0));
    }
    assert_eq!(student_two_sided(f64::MAX, 2.0), Some(0.0));
    // Of 1 degree of freedom the tail is 2/(π t), to the smallest numbers.
    assert_relative_eq!(student_two_sided(1e308, 1.0).unwrap() * 1e300, 2e-8 / PI, max_relative = 1e-14);
    // 15 digits of tan(π/2 · 1e-300).
    assert_relative_eq!(student_quantile(1e-300, 1.0).unwrap() * 1e300, 0.5 * PI, max_relative = 1e-14);
    // As many degrees of freedom as numbers count: those of the normal distribution.
    assert_relative_eq!(
        student_two_sided(3.0, 2.0_f64.powi(50)).unwrap(),
        2.699_796_063_260_189e-3,
        max_relative = 1e-13
    );
}

#[test]
fn what_is_no_distribution_or_no_number_has_no_tail() {
    for freedom in [0.0, -1.0, 2.5, f64::NAN, f64::INFINITY, 2.0_f64.powi(50) + 1.0] {
        assert_eq!(student_two_sided(1.0, freedom), None);
        assert_eq!(student_quantile(0.5, freedom), None);
        assert_eq!(f_upper_tail(1.0, freedom, 2.0), None);
        assert_eq!(f_upper_tail(1.0, 2.0, freedom), None);
    }
    assert_eq!(student_two_sided(f64::NAN, 4.0), None);
    assert_eq!(f_upper_tail(f64::NAN, 1.0, 4.0), None);
    assert_eq!(f_upper_tail(-1.0, 1.0, 4.0), None);
    // Fractions that do not converge in a hundred thousand steps.
    assert_eq!(f_upper_tail(1.0, 2.0_f64.powi(50), 2.0_f64.powi(50)), None);
}

#[test]
fn quantiles_invert_the_probabilities_at_every_level() {
    for freedom in [1.0, 2.0, 9.0, 1e3, 1e6, 1e8] {
        for level in [1e-12, 1e-3, 0.4999, 0.5, 0.95, 0.999_999, 1.0 - 1e-15] {
            let t = student_quantile(level, freedom).unwrap();
            let Tails { falls_short, reaches } = student(t, freedom).unwrap();
            assert_relative_eq!(falls_short, level, max_relative = TOLERANCE);
            assert_relative_eq!(reaches, 1.0 - level, max_relative = TOLERANCE);
        }
    }
    // 1 degree of freedom: tan(π level / 2).
    for level in [1e-9_f64, 0.2, 0.5, 0.9, 0.99] {
        let expected = (0.5 * PI * level).tan();
        assert_relative_eq!(student_quantile(level, 1.0).unwrap(), expected, max_relative = TOLERANCE);
    }
}
