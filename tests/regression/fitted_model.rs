//! What a fitted model says of itself, against reference values by definition in 60 digits (reference/regression.py),
//! the certified values of NIST, and values computed by hand.

use std::path::PathBuf;

use approx::assert_relative_eq;
use gradus::nalgebra::{DMatrix, dmatrix, dvector};
use gradus::regression::{Diagnostics, Intercept, RobustCovariance, Solver, polynomial};
use gradus::{LinearFit, LinearRegression, NormalEquation, Result};
use serde_json::Value;

fn read(file: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn numbers(values: &Value) -> Vec<f64> {
    let number = |value: &Value| value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap());
    values.as_array().map_or_else(|| vec![number(values)], |values| values.iter().map(number).collect())
}

fn matrix(rows: &Value) -> DMatrix<f64> {
    let rows: Vec<Vec<f64>> = rows.as_array().unwrap().iter().map(numbers).collect();
    DMatrix::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

/// A fit by each of the solvers, which hand over their results in one form.
fn fits(x: &DMatrix<f64>, y: &DMatrix<f64>, weights: &[f64], intercept: Intercept) -> [LinearFit<f64>; 3] {
    let mut sums = NormalEquation::new(x.ncols(), y.ncols()).with_intercept(intercept);
    sums.push_weighted(x, y, weights).unwrap();
    let regression = LinearRegression::new().with_intercept(intercept);
    let by = |solver| regression.with_solver(solver).fit_weighted(x, y, weights).unwrap();
    [sums.solve().unwrap(), by(Solver::Cholesky), by(Solver::Householder)]
}

/// That computed values are the expected ones, each to this relative error, or that of the largest times 10⁻³.
#[track_caller]
fn agree(name: &str, computed: impl IntoIterator<Item = f64>, expected: &Value, tolerance: f64) {
    let (computed, expected) = (computed.into_iter().collect::<Vec<_>>(), numbers(expected));
    assert_eq!(computed.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for (place, (computed, expected)) in computed.iter().zip(&expected).enumerate() {
        let error = (computed - expected).abs() / expected.abs().max(1e-3 * largest);
        assert!(error <= tolerance, "{name}[{place}]: {computed:e} for {expected:e}, off by {error:.1e}");
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Reference values
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn every_statistic_is_that_of_its_definition() {
    let reference = read("tests/reference/regression.json");
    let level = reference["level"].as_f64().unwrap();
    for (name, case) in reference["cases"].as_object().unwrap() {
        let (x, y) = (matrix(&case["x"]), matrix(&case["y"]));
        let weights = if case["weights"].is_null() { vec![1.0; x.nrows()] } else { numbers(&case["weights"]) };
        let intercept = if case["intercept"].as_bool().unwrap() { Intercept::Include } else { Intercept::Omit };
        // What depends on products of the inverse loses the digits of its condition number, 10⁵ for Longley.
        let (tight, loose) = if name == "Longley" { (1e-13, 1e-9) } else { (1e-13, 1e-12) };
        for fit in fits(&x, &y, &weights, intercept) {
            let name = format!("{name}, {:?}: ", fit.report().solver);
            assert_eq!(fit.observations() as u64, case["observations"].as_u64().unwrap(), "{name}");
            let freedom = case["degrees_of_freedom"].as_u64().unwrap();
            assert_eq!(fit.degrees_of_freedom(), Some(freedom as usize), "{name}");
            let (t, p) = (fit.t_statistics().unwrap(), fit.p_values().unwrap());
            let confidence = fit.confidence_intervals(level).unwrap().unwrap();
            let new = matrix(&case["new"]);
            let mean = fit.mean_response_intervals(&new, level).unwrap().unwrap();
            let prediction = fit.prediction_intervals(&new, level).unwrap().unwrap();
            let diagnostics = fit.diagnostics_weighted(&x, &y, &weights[..]).unwrap();
            agree(&(name.clone() + "leverages"), leverages(&diagnostics), &case["leverages"], loose);

            for (target, expected) in case["targets"].as_array().unwrap().iter().enumerate() {
                let statistics = fit.statistics()[target];
                let of = |matrix: &DMatrix<f64>| matrix.column(target).iter().copied().collect::<Vec<_>>();
                let robust = |kind| of(&diagnostics.robust_standard_errors(kind).map(Option::unwrap));
                let hc = &expected["robust_standard_errors"];
                let cooks =
                    diagnostics.cooks_distances().column(target).iter().map(|distance| distance.unwrap()).collect();
                assert!(statistics.residual_resolved);
                for (key, computed, expected, tolerance) in [
                    ("parameters", of(&fit.parameters()), &expected["parameters"], tight),
                    ("standard_errors", of(fit.standard_errors().unwrap()), &expected["standard_errors"], tight),
                    ("t_statistics", of(&t), &expected["t_statistics"], tight),
                    ("p_values", of(&p), &expected["p_values"], 1e-11),
                    ("confidence_lower", of(&confidence.lower), &expected["confidence_lower"], 1e-12),
                    ("confidence_upper", of(&confidence.upper), &expected["confidence_upper"], 1e-12),
                    ("covariance", fit.covariance(target).unwrap().as_slice().to_vec(), &expected["covariance"], tight),
                    ("mean_lower", of(&mean.lower), &expected["mean_lower"], loose),
                    ("mean_upper", of(&mean.upper), &expected["mean_upper"], loose),
                    ("prediction_lower", of(&prediction.lower), &expected["prediction_lower"], loose),
                    ("prediction_upper", of(&prediction.upper), &expected["prediction_upper"], loose),
                    ("residuals", of(diagnostics.residuals()), &expected["residuals"], loose),
                    ("cooks_distances", cooks, &expected["cooks_distances"], loose),
                    ("hc0", robust(RobustCovariance::Hc0), &hc["hc0"], loose),
                    ("hc1", robust(RobustCovariance::Hc1), &hc["hc1"], loose),
                    ("hc2", robust(RobustCovariance::Hc2), &hc["hc2"], loose),
                    ("hc3", robust(RobustCovariance::Hc3), &hc["hc3"], loose),
                ] {
                    agree(&(name.clone() + key), computed, expected, tolerance);
                }
                for (key, computed, tolerance) in [
                    ("residual_sum_of_squares", statistics.residual_sum_of_squares, 1e-15),
                    ("residual_standard_deviation", statistics.residual_standard_deviation, 1e-15),
                    ("r_squared", statistics.r_squared, 1e-15),
                    ("adjusted_r_squared", statistics.adjusted_r_squared, 1e-15),
                    ("f_statistic", statistics.f_statistic, 1e-15),
                    ("f_p_value", statistics.f_p_value, 1e-12),
                    ("log_likelihood", statistics.log_likelihood, 1e-14),
                    ("aic", statistics.aic, 1e-14),
                    ("bic", statistics.bic, 1e-14),
                ] {
                    agree(&(name.clone() + key), computed, &expected[key], tolerance);
                }
            }
        }
    }
}

fn leverages(diagnostics: &Diagnostics<f64>) -> Vec<f64> {
    diagnostics.leverages().unwrap().iter().copied().collect()
}

/// The digits on which two numbers agree.
fn digits(computed: f64, expected: f64) -> f64 {
    let error = ((computed - expected) / expected).abs();
    if error.is_nan() { 0.0 } else { -error.max(1e-15).log10() }
}

/// Against the exact statistics of the data once they are rounded to `f64`, and against the certified ones, from which
/// those differ by the rounding of the data.
#[test]
fn certified_statistics_are_reproduced_to_the_rounding_of_the_data() {
    let certified = read("data/strd/certified.json");
    let reference = read("tests/reference/regression.json");
    for (name, exact) in reference["nist"].as_object().unwrap() {
        let certified = &certified[name];
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("data/strd/{name}.csv"));
        let text = std::fs::read_to_string(path).unwrap();
        let rows: Vec<Vec<f64>> =
            text.lines().skip(1).map(|row| row.split(',').map(|field| field.parse().unwrap()).collect()).collect();
        let y = DMatrix::from_fn(rows.len(), 1, |i, _| rows[i][0]);
        let x = match certified["degree"].as_u64() {
            Some(degree) => polynomial(&rows.iter().map(|row| row[1]).collect::<Vec<_>>(), degree as usize).unwrap(),
            None => DMatrix::from_fn(rows.len(), rows[0].len() - 1, |i, j| rows[i][1 + j]),
        };
        let intercept = if certified["intercept"].as_bool().unwrap() { Intercept::Include } else { Intercept::Omit };
        let mut sums = NormalEquation::new(x.ncols(), 1).with_intercept(intercept);
        sums.push(&x, &y).unwrap();
        let regression = LinearRegression::new().with_intercept(intercept);
        for fit in [sums.solve().unwrap(), regression.fit(&x, &y).unwrap()] {
            let statistics = fit.statistics()[0];
            let certified = &certified["recomputed_30_digits"];
            let deviation = statistics.residual_standard_deviation;
            for (computed, exact, certified) in [
                (deviation, &exact["residual_standard_deviation"], &certified["residual_sd"]),
                (statistics.r_squared, &exact["r_squared"], &certified["r_squared"]),
                (statistics.f_statistic, &exact["f_statistic"], &certified["f_statistic"]),
            ] {
                let (computed, exact, certified) = (computed.unwrap(), numbers(exact)[0], numbers(certified)[0]);
                let [to_exact, to_certified] = [exact, certified].map(|expected| digits(computed, expected));
                let ceiling = digits(exact, certified);
                println!("{name:9} {:?} {to_exact:.1} {to_certified:.1} of {ceiling:.1}", fit.report().solver);
                // Filip has a condition number of 10¹⁰, whose square the sums feel.
                let least = if name == "Filip" && fit.report().solver == Solver::Sums { 13.0 } else { 14.7 };
                assert!(to_exact >= least, "{name}, {:?}: {computed} for {exact}", fit.report().solver);
                assert!(to_certified >= ceiling - 0.2, "{name}, {:?}: {to_certified}", fit.report().solver);
            }
        }
    }
}

/// Wampler1 and 2 lie on their polynomials; what is left of Wampler2 is the rounding of its data.
#[test]
fn perfect_fits_have_no_f() {
    let x: Vec<f64> = (0..21).map(f64::from).collect();
    let design = polynomial(&x, 5).unwrap();
    let y = DMatrix::from_fn(21, 1, |i, _| 1.0 + design.row(i).sum());
    for fit in fits(&design, &y, &[1.0; 21], Intercept::Include) {
        let solver = fit.report().solver;
        let statistics = fit.statistics()[0];
        assert_eq!(statistics.r_squared, Some(1.0), "{solver:?}");
        assert!(statistics.residual_standard_deviation.unwrap() < 1e-14);
        assert!(fit.standard_errors().unwrap().amax() < 1e-14);
        assert!(!statistics.residual_resolved, "{solver:?}");
        assert_eq!((statistics.f_statistic, statistics.f_p_value, statistics.log_likelihood), (None, None, None));
        assert_eq!((fit.t_statistics(), fit.p_values()), (None, None), "{solver:?}");
        assert!(fit.to_string().contains("F-statistic: NA on 5 and 15 degrees of freedom"), "{fit}");
    }
}

// ---------------------------------------------------------------------------------------------------------------
// What is undefined
// ---------------------------------------------------------------------------------------------------------------

/// That there is nothing that needs residual degrees of freedom.
fn has_no_errors(fit: &LinearFit<f64>, x: &DMatrix<f64>) {
    assert_eq!(
        (fit.standard_errors(), fit.t_statistics(), fit.p_values(), fit.covariance(0)),
        (None, None, None, None)
    );
    assert_eq!(fit.confidence_intervals(0.95), Ok(None));
    assert_eq!(fit.mean_response_intervals(x, 0.95), Ok(None));
    assert_eq!(fit.prediction_intervals(x, 0.95), Ok(None));
    let statistics = fit.statistics()[0];
    assert_eq!((statistics.residual_standard_deviation, statistics.adjusted_r_squared), (None, None));
    assert_eq!((statistics.f_statistic, statistics.f_p_value), (None, None));
    assert_eq!((statistics.aic, statistics.bic), (None, None));
}

#[test]
fn one_perfect_target_of_two_takes_the_tests_of_both_but_not_their_rows() {
    let x = dmatrix![0.0; 1.0; 2.0; 3.0];
    let y = dmatrix![1.0, 1.0; 3.0, 2.0; 2.0, 3.0; 5.0, 4.0];
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    assert_eq!(fit.t_statistics(), None);
    assert!(fit.standard_errors().unwrap()[(1, 0)] > 0.1);
    let summary = fit.to_string();
    let rows: Vec<Vec<&str>> =
        summary.lines().filter(|line| line.starts_with("x0")).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..2], ["x0", "1.10000"]);
    assert_ne!(rows[0][3], "NA");
    assert_eq!(rows[1][3], "NA");
}

#[test]
fn a_mean_has_the_standard_error_of_a_mean() {
    // Mean 2, s² = 2/3, standard error √(s²/4).
    let (x, y) = (DMatrix::zeros(4, 0), dmatrix![1.0; 2.0; 2.0; 3.0]);
    for fit in fits(&x, &y, &[1.0; 4], Intercept::Include) {
        assert_relative_eq!(fit.standard_errors().unwrap(), &dmatrix![f64::sqrt(1.0 / 6.0)], max_relative = 1e-15);
        let statistics = fit.statistics()[0];
        assert_eq!((statistics.r_squared, statistics.f_statistic), (Some(0.0), None));
        assert!(fit.to_string().starts_with("             Estimate"));
    }
}

#[test]
fn a_penalty_leaves_no_tests() {
    let (x, y) = (dmatrix![0.0; 1.0; 2.0; 3.0], dmatrix![1.0; 3.0; 2.0; 5.0]);
    // Σ(x − x̄)(y − ȳ) = 5.5, Σ(x − x̄)² + λ = 5.5: the slope is 1 and the residuals −0.25, 0.75, −1.25, 0.75.
    let fit = LinearRegression::new().with_ridge(0.5).unwrap().fit(&x, &y).unwrap();
    has_no_errors(&fit, &x);
    assert_eq!(fit.degrees_of_freedom(), None);
    let statistics = fit.statistics()[0];
    assert_relative_eq!(statistics.residual_sum_of_squares.unwrap(), 2.75, max_relative = 1e-14);
    assert_relative_eq!(statistics.r_squared.unwrap(), 1.0 - 2.75 / 8.75, max_relative = 1e-14);
    assert!(statistics.log_likelihood.is_some());
    let diagnostics = fit.diagnostics(&x, &y).unwrap();
    assert_relative_eq!(diagnostics.residuals(), &dmatrix![-0.25; 0.75; -1.25; 0.75], max_relative = 1e-14);
    assert_eq!(diagnostics.leverages(), None);
    assert!(diagnostics.robust_standard_errors(RobustCovariance::Hc0).iter().all(Option::is_none));
    assert!(fit.to_string().contains("on NA degrees of freedom"));
}

#[test]
fn an_observation_that_decides_a_parameter_alone_has_no_distance() {
    // The second column is a dummy of the last row.
    let x = dmatrix![0.0, 0.0; 1.0, 0.0; 2.0, 0.0; 4.0, 0.0; 3.0, 1.0];
    let y = dmatrix![1.0; 3.0; 2.0; 5.0; 9.0];
    let fit_of_four = LinearRegression::new().fit(&x.view((0, 0), (4, 1)), &y.rows(0, 4)).unwrap();
    for fit in fits(&x, &y, &[1.0; 5], Intercept::Include) {
        let diagnostics = fit.diagnostics(&x, &y).unwrap();
        let leverages = diagnostics.leverages().unwrap();
        assert_eq!(leverages[4], 1.0);
        assert_relative_eq!(leverages.sum(), 3.0, max_relative = 1e-14);
        let distances = diagnostics.cooks_distances();
        assert!(distances.iter().take(4).all(Option::is_some) && distances[4].is_none());
        assert!(diagnostics.robust_standard_errors(RobustCovariance::Hc1).iter().all(Option::is_some));
        for kind in [RobustCovariance::Hc2, RobustCovariance::Hc3] {
            // Those of the other parameters do not depend on that row.
            let errors = diagnostics.robust_standard_errors(kind);
            let rest = fit_of_four.diagnostics(&x.view((0, 0), (4, 1)), &y.rows(0, 4)).unwrap();
            let rest = rest.robust_standard_errors(kind);
            assert_eq!(errors[2], None);
            for place in 0..2 {
                assert_relative_eq!(errors[place].unwrap(), rest[place].unwrap(), max_relative = 1e-12);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Scales
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn p_values_far_out_keep_their_digits() {
    let x = DMatrix::from_fn(40, 1, |i, _| i as f64);
    let y = DMatrix::from_fn(40, 1, |i, _| i as f64 + if i % 2 == 0 { 1e-3 } else { -1e-3 });
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    let (p, statistics) = (fit.p_values().unwrap()[(1, 0)], fit.statistics()[0]);
    assert!(p > 0.0 && p < 1e-140, "{p:e}");
    assert_relative_eq!(p, statistics.f_p_value.unwrap(), max_relative = 1e-11);
}

#[test]
fn single_precision_has_statistics_too() {
    let (x, y) = (dvector![0.0_f32, 1.0, 2.0, 3.0], dvector![1.0_f32, 3.0, 2.0, 5.0]);
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    let statistics = fit.statistics()[0];
    assert_relative_eq!(statistics.r_squared.unwrap(), 1.0 - 2.7 / 8.75, max_relative = 1e-6);
    assert_relative_eq!(fit.standard_errors().unwrap()[(1, 0)], f32::sqrt(2.7 / 2.0 / 5.0), max_relative = 1e-6);
    // Two degrees of freedom: p = 1 − t/√(2 + t²).
    let t = fit.t_statistics().unwrap()[(1, 0)];
    assert_relative_eq!(fit.p_values().unwrap()[(1, 0)], 1.0 - t / f32::sqrt(2.0 + t * t), max_relative = 1e-5);
    assert!(fit.diagnostics(&x, &y).unwrap().robust_standard_errors(RobustCovariance::Hc3).iter().all(Option::is_some));
}

#[track_caller]
fn says<V: std::fmt::Debug>(result: Result<V>, message: &str) {
    assert_eq!(result.unwrap_err().to_string(), message);
}

// ---------------------------------------------------------------------------------------------------------------
// The table
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn the_summary_of_longley_is_that_of_r() {
    let case = &read("tests/reference/regression.json")["cases"]["Longley"];
    let (x, y) = (matrix(&case["x"]), matrix(&case["y"]));
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    let names = ["GNP.deflator", "GNP", "Unemployed", "Armed.Forces", "Population", "Year"];
    let expected = [
        "                Estimate  Std. error  t value  Pr(>|t|)",
        "(Intercept)   -3.48226e6      890420   -3.911   0.00356",
        "GNP.deflator     15.0619     84.9149    0.177     0.863",
        "GNP           -0.0358192   0.0334910   -1.070     0.313",
        "Unemployed      -2.02023    0.488400   -4.136   0.00254",
        "Armed.Forces    -1.03323    0.214274   -4.822  0.000944",
        "Population    -0.0511041    0.226073   -0.226     0.826",
        "Year             1829.15     455.478    4.016   0.00304",
        "",
        "Residual standard error: 304.9 on 9 degrees of freedom, n = 16",
        "Multiple R²: 0.9955, adjusted R²: 0.9925",
        "F-statistic: 330.3 on 6 and 9 degrees of freedom, p-value: 4.984e-10",
        "Log-likelihood: -109.617, AIC: 235.235, BIC: 241.416",
    ];
    let table = fit.summary().with_names(&names).unwrap().to_string();
    assert_eq!(table.lines().collect::<Vec<_>>(), expected, "\n{table}");
    says(
        fit.summary().with_names(&names[1..]).map(|summary| summary.to_string()),
        "names, one for each feature: expected 6 × 1, found 5 × 1",
    );
    assert!(fit.to_string().contains("\nx5 "));
}
