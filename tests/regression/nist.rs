//! The linear-regression sets of the NIST Statistical Reference Datasets.
//!
//! Digits are log relative errors, −log₁₀(|computed − exact| / |exact|), capped at 16.

use std::path::PathBuf;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::regression::{Intercept, polynomial};
use gradus::{LinearFit, LinearRegression, NormalEquation};
use serde_json::Value;

const SETS: [&str; 11] = [
    "Norris", "Pontius", "NoInt1", "NoInt2", "Filip", "Longley", "Wampler1", "Wampler2", "Wampler3", "Wampler4",
    "Wampler5",
];

struct Problem {
    x: DMatrix<f64>,
    y: DVector<f64>,
    intercept: Intercept,
    certified: Value,
    exact: Value,
}

fn read(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/strd").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn numbers(values: &Value) -> Vec<f64> {
    let number = |value: &Value| value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap());
    values.as_array().unwrap().iter().map(number).collect()
}

fn problem(name: &'static str) -> Problem {
    let certified: Value = serde_json::from_str::<Value>(&read("certified.json")).unwrap()[name].take();
    let exact: Value = serde_json::from_str::<Value>(&read("exact_f64_problem.json")).unwrap()[name].take();
    let text = read(&format!("{name}.csv"));
    let rows: Vec<Vec<f64>> =
        text.lines().skip(1).map(|line| line.split(',').map(|field| field.parse().unwrap()).collect()).collect();
    let y = DVector::from_fn(rows.len(), |i, _| rows[i][0]);
    let x = match certified["degree"].as_u64() {
        Some(degree) => {
            let x: Vec<f64> = rows.iter().map(|row| row[1]).collect();
            polynomial(&x, degree as usize).unwrap()
        }
        None => DMatrix::from_fn(rows.len(), rows[0].len() - 1, |i, j| rows[i][1 + j]),
    };
    let intercept = if certified["intercept"].as_bool().unwrap() { Intercept::Include } else { Intercept::Omit };
    Problem { x, y, intercept, certified, exact }
}

/// The digits on which the worst of the values agrees.
fn digits(computed: &[f64], exact: &[f64]) -> f64 {
    assert_eq!(computed.len(), exact.len());
    let digits = computed.iter().zip(exact).map(|(computed, exact)| {
        let error = if *exact == 0.0 { computed.abs() } else { ((computed - exact) / exact).abs() };
        if error.is_nan() { 0.0 } else { -error.max(1e-16).log10() }
    });
    digits.fold(16.0, f64::min)
}

/// The coefficients and standard errors of a fit, held against the exact solution of the problem in `f64`.
fn against_exact(fit: &LinearFit<f64>, problem: &Problem) -> [f64; 2] {
    let errors = fit.standard_errors().expect("more observations than unknowns");
    [
        digits(fit.parameters().as_slice(), &numbers(&problem.exact["coefficients"])),
        digits(errors.as_slice(), &numbers(&problem.exact["standard_errors"])),
    ]
}

fn fit(problem: &Problem) -> LinearFit<f64> {
    LinearRegression::new().with_intercept(problem.intercept).fit(&problem.x, &problem.y).unwrap()
}

/// Sums over some of the rows, pushed one by one.
fn sums(problem: &Problem, rows: impl Iterator<Item = usize>) -> NormalEquation<f64> {
    let mut sums = NormalEquation::new(problem.x.ncols(), 1).with_intercept(problem.intercept);
    for row in rows {
        sums.push(&problem.x.rows(row, 1), &problem.y.rows(row, 1)).unwrap();
    }
    sums
}

#[test]
fn linear_regression_gives_what_exact_arithmetic_would() {
    for name in SETS {
        let problem = problem(name);
        let fit = fit(&problem);
        let [coefficients, errors] = against_exact(&fit, &problem);
        println!("{name:9} {coefficients:5.1} {errors:5.1}  {:?}", fit.report().solver);
        assert!(coefficients >= 14.5, "{name}: {coefficients:.1}");
        assert!(errors >= 14.5, "{name}: {errors:.1}");
        assert!(fit.report().converged && fit.report().standard_errors_refined, "{name}: {:?}", fit.report());
    }
}

#[test]
fn one_pass_over_the_rows_gives_nearly_as_much() {
    for name in SETS {
        let problem = problem(name);
        let n = problem.x.nrows();
        let whole = sums(&problem, 0..n).solve().unwrap();
        // Five parts, the rows of each backwards, merged out of order.
        let part = |part: usize| sums(&problem, (0..n).rev().filter(|row| row % 5 == part));
        let mut merged = part(3);
        for other in [0, 4, 1, 2] {
            merged.merge(&part(other)).unwrap();
        }
        for fit in [whole, merged.solve().unwrap()] {
            let [coefficients, errors] = against_exact(&fit, &problem);
            println!("{name:9} {coefficients:5.1} {errors:5.1}");
            let least = if name == "Filip" { 12.5 } else { 14.5 };
            assert!(coefficients >= least, "{name}: {coefficients:.1}");
            // Of a perfect fit sums keep no residual.
            let perfect = ["Wampler1", "Wampler2"].contains(&name);
            assert!(errors >= least || perfect && !fit.statistics()[0].residual_resolved, "{name}: {errors:.1}");
        }
    }
}

/// No more digits are there to be had once the data are rounded to `f64`: the ceilings are those of exact arithmetic.
#[test]
fn certified_values_are_reproduced_to_the_ceiling() {
    // Coefficients, standard errors, residual standard deviation, R², F.
    let ceilings = [
        ("Norris", [14.0, 14.0, 14.0, 15.0, 13.7]),
        ("Pontius", [13.5, 13.8, 13.8, 15.0, 13.5]),
        ("NoInt1", [15.0; 5]),
        ("NoInt2", [15.0; 5]),
        ("Filip", [7.6, 7.6, 9.6, 11.8, 9.3]),
        ("Longley", [14.7, 15.0, 15.0, 15.0, 15.0]),
        ("Wampler1", [15.0; 5]),
        ("Wampler2", [13.2, 15.0, 15.0, 15.0, 15.0]),
        ("Wampler3", [15.0; 5]),
        ("Wampler4", [15.0; 5]),
        ("Wampler5", [15.0; 5]),
    ];
    for (name, ceilings) in ceilings {
        let problem = problem(name);
        let fit = fit(&problem);
        let exact = &problem.certified["recomputed_30_digits"];
        let statistics = &fit.statistics()[0];
        let number = |key: &str| exact[key].as_str().and_then(|text| text.parse::<f64>().ok());
        let one = |computed: Option<f64>, key: &str| match (computed, number(key)) {
            // Of a perfect fit: infinite, or as large as the rounding of the data makes it.
            (computed, Some(f64::INFINITY)) if computed.is_none_or(|computed| computed > 1e25) => 16.0,
            (Some(computed), Some(exact)) => digits(&[computed], &[exact]),
            (computed, exact) => panic!("{name}: {key} is {computed:?}, certified {exact:?}"),
        };
        let found = [
            digits(fit.parameters().as_slice(), &numbers(&exact["coefficients"])),
            digits(fit.standard_errors().unwrap().as_slice(), &numbers(&exact["standard_errors"])),
            one(statistics.residual_standard_deviation, "residual_sd"),
            one(statistics.r_squared, "r_squared"),
            one(statistics.f_statistic, "f_statistic"),
        ];
        println!("{name:9} {found:5.1?}");
        for (found, ceiling) in found.into_iter().zip(ceilings) {
            assert!(found.min(15.0) >= ceiling - 0.2, "{name}: {found:.1} of {ceiling} digits");
        }
    }
}

/// With powers in twice the precision Filip's ceiling is twice as high.
#[test]
fn polynomials_of_exact_powers_reach_beyond_rounded_ones() {
    let problem = problem("Filip");
    let x = problem.x.column(0);
    let fit = LinearRegression::new().fit_polynomial(x.as_slice(), &problem.y, 10).unwrap();
    let exact = &problem.certified["recomputed_30_digits"];
    let coefficients = digits(fit.parameters().as_slice(), &numbers(&exact["coefficients"]));
    let errors = digits(fit.standard_errors().unwrap().as_slice(), &numbers(&exact["standard_errors"]));
    println!("{coefficients:.1} {errors:.1}");
    assert!(coefficients >= 14.0 && errors >= 14.0, "{coefficients:.1} {errors:.1}");
}

#[test]
fn perfect_fits_have_the_standard_errors_of_the_rounded_data() {
    for name in ["Wampler1", "Wampler2"] {
        let problem = problem(name);
        let fit = fit(&problem);
        let exact = numbers(&problem.exact["standard_errors"]);
        for (computed, exact) in fit.standard_errors().unwrap().iter().zip(exact) {
            assert!((computed - exact).abs() <= 1e-14, "{name}: {computed} {exact}");
        }
    }
}

/// The sets whose data `f32` represents exactly.
#[test]
fn single_precision_keeps_its_digits() {
    for name in ["NoInt1", "NoInt2", "Wampler1", "Wampler3", "Wampler4"] {
        let problem = problem(name);
        let (x, y) = (problem.x.map(|value| value as f32), problem.y.map(|value| value as f32));
        assert_eq!((x.map(f64::from), y.map(f64::from)), (problem.x.clone(), problem.y.clone()), "{name}");
        let fit = LinearRegression::new().with_intercept(problem.intercept).fit(&x, &y).unwrap();
        let parameters: Vec<f64> = fit.parameters().iter().map(|&value| f64::from(value)).collect();
        let digits = digits(&parameters, &numbers(&problem.exact["coefficients"]));
        println!("{name:9} {digits:4.1}");
        assert!(digits >= 6.5, "{name}: {digits:.1}");
    }
}
