//! Fitted models, and sums on their way to be merged, as JSON: to the last bit, and nothing unchecked.
#![cfg(feature = "serde")]

use gradus::data::Standardization;
use gradus::nalgebra::{DMatrix, dmatrix, dvector};
use gradus::regression::{
    FitStatistics, Intercept, Intervals, RecursiveLeastSquares, RegressionReport, RobustCovariance,
};
use gradus::{LinearFit, LinearRegression, NormalEquation};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn through_json<V: Serialize + DeserializeOwned>(value: &V) -> V {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// Numbers that need all their digits.
fn data(rows: usize, columns: usize, seed: f64) -> DMatrix<f64> {
    let angle = |i: usize, j: usize| seed + ((i * columns + j) as f64).powi(2) * 1.7;
    DMatrix::from_fn(rows, columns, |i, j| angle(i, j).sin() * 10_f64.powi(j as i32))
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn sums_from_elsewhere_are_the_sums_of_here(
        rows in 8_usize..20, features in 0_usize..4, targets in 1_usize..3, seed in 0.0..100.0, scale in -300_i32..300,
    ) {
        let scale = 2_f64.powi(scale);
        let (x, y) = (data(rows, features, seed) * scale, data(rows, targets, seed + 0.5) / scale);
        let weights: Vec<f64> = (0..rows).map(|row| 0.1 * (row % 7) as f64).collect();
        let (mut whole, mut here, mut there) = (NormalEquation::new(features, targets), None, None);
        for (part, start, length) in [(&mut here, 0, 5), (&mut there, 5, rows - 5)] {
            let mut sums = NormalEquation::<f64>::new(features, targets);
            let (x, y, weights) = (x.rows(start, length), y.rows(start, length), &weights[start..start + length]);
            sums.push_weighted(&x, &y, weights).unwrap();
            *part = Some(sums);
        }
        let (here, there) = (here.unwrap(), there.unwrap());
        whole.merge(&here).unwrap();
        whole.merge(&there).unwrap();
        let mut sent = through_json(&here);
        sent.merge(&through_json(&there)).unwrap();
        prop_assert_eq!(sent.observations(), whole.observations());
        // Both halves of every sum: the same bits.
        prop_assert_eq!(serde_json::to_value(&sent).unwrap(), serde_json::to_value(&whole).unwrap());
        prop_assert_eq!(sent.solve(), whole.solve());
    }

    #[test]
    fn a_model_comes_back_as_it_was(rows in 6_usize..20, features in 1_usize..4, targets in 1_usize..3, seed in 0.0..100.0) {
        let (x, y) = (data(rows, features, seed), data(rows, targets, seed + 0.5));
        for intercept in [Intercept::Include, Intercept::Omit] {
            let regression = LinearRegression::new().with_intercept(intercept);
            for fit in [regression.fit(&x, &y).unwrap(), regression.with_ridge(0.3).unwrap().fit(&x, &y).unwrap()] {
                let back: LinearFit<f64> = through_json(&fit);
                prop_assert_eq!(&back, &fit);
                prop_assert_eq!(back.prediction_intervals(&x, 0.9), fit.prediction_intervals(&x, 0.9));
                prop_assert_eq!(back.diagnostics(&x, &y), fit.diagnostics(&x, &y));
            }
        }
    }
}

#[test]
fn single_precision_and_empty_sums_come_back() {
    let mut sums = NormalEquation::<f32>::new(2, 1).with_intercept(Intercept::Omit);
    let empty = through_json(&sums);
    assert_eq!(empty.observations(), 0);
    sums.push(&dmatrix![0.1_f32, 0.7; 1.3, -0.4; 2.2, 0.9], &dvector![0.3_f32, 1.9, 0.2]).unwrap();
    let back = through_json(&sums);
    assert_eq!(back.solve(), sums.solve());
    let fit = sums.solve().unwrap();
    assert_eq!(through_json(&fit), fit);
    let mut grown = empty;
    grown.merge(&back).unwrap();
    assert_eq!(grown.solve(), sums.solve());
}

/// What is known of each column comes along: a window moves on as if it had stayed.
#[test]
fn windows_go_on_elsewhere() {
    let x = DMatrix::from_fn(40, 2, |row, column| if column == 0 { (row % 7) as f64 } else { f64::from(row == 3) });
    for y in [DMatrix::from_fn(40, 1, |row, _| (row * row % 11) as f64), data(40, 1, 0.2)] {
        let mut here = NormalEquation::<f64>::new(2, 1);
        here.push(&x.rows(0, 10), &y.rows(0, 10)).unwrap();
        for start in 0..30 {
            let mut there = through_json(&here);
            for sums in [&mut here, &mut there] {
                sums.push(&x.rows(start + 10, 1), &y.rows(start + 10, 1)).unwrap();
                sums.remove(&x.rows(start, 1), &y.rows(start, 1)).unwrap();
            }
            assert_eq!(there.solve(), here.solve());
            assert_eq!(serde_json::to_value(&there).unwrap(), serde_json::to_value(&here).unwrap());
        }
    }
}

#[test]
fn what_a_model_exposes_can_be_stored() {
    let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.0, 3.0, 2.0, 5.0]);
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    let intervals = fit.confidence_intervals(0.9).unwrap().unwrap();
    assert_eq!(through_json::<Intervals<f64>>(&intervals), intervals);
    assert_eq!(through_json::<FitStatistics<f64>>(&fit.statistics()[0]), fit.statistics()[0]);
    assert_eq!(&through_json::<RegressionReport>(fit.report()), fit.report());
    assert_eq!(through_json(&Intercept::Omit), Intercept::Omit);
    assert_eq!(through_json(&RobustCovariance::Hc3), RobustCovariance::Hc3);
}

/// That a document is refused once a value in it is exchanged.
#[track_caller]
fn refused<V: DeserializeOwned>(document: &Value, place: &str, value: Value) {
    let mut spoiled = document.clone();
    *spoiled.pointer_mut(place).unwrap_or_else(|| panic!("no {place} in {document}")) = value;
    let text = spoiled.to_string();
    assert!(serde_json::from_str::<V>(&text).is_err(), "{place} in {text}");
}

#[test]
fn spoiled_sums_are_refused() {
    let mut sums = NormalEquation::<f64>::new(1, 1);
    sums.push(&dvector![0.1, 0.7, 1.3], &dvector![0.3, 1.9, 0.2]).unwrap();
    let document = serde_json::to_value(&sums).unwrap();
    for (place, value) in [
        ("/features", json!(2)),
        ("/features", json!(u64::MAX)),
        ("/targets", json!(0)),
        ("/observations", json!(0)),
        ("/observations", json!(-1)),
        ("/log_weights", json!(null)),
        ("/log_weights/0", json!(null)),
        ("/log_weights", json!([1.0, 1.0])),
        ("/intercept", json!("Maybe")),
        ("/sums", json!([])),
        ("/sums/0", json!([-3.0, 0.0])),
        ("/sums/0", json!([0.0, 0.0])),
        ("/sums/1", json!([1.0, 1.0])),
        ("/sums/1", json!([1.0])),
        ("/sums/2/0", json!(null)),
        ("/sums/3", json!([1e300, 0.0])),
        ("/exponents", json!([0, 1])),
        ("/exponents/0", json!(null)),
        ("/exponents/1", json!(2_000_000_000)),
        ("/exponents/2", json!(i32::MIN + 1)),
        ("/exponents/2", json!(i32::MIN)),
        ("/grains", json!([])),
        ("/grains/0", json!(-60)),
        ("/grains/1", json!(i32::MIN)),
        ("/grains/2", json!(i32::MAX)),
        ("/nonzeros", json!([3])),
        ("/nonzeros/0", json!(2)),
        ("/nonzeros/1", json!(0)),
        ("/nonzeros/1", json!(4)),
        ("/nonzeros/2", json!(-1)),
        ("/roundings", json!([0.0, 0.0])),
        ("/roundings/1", json!(-1.0)),
        ("/roundings/1", json!(null)),
    ] {
        refused::<NormalEquation<f64>>(&document, place, value);
    }
    // The digits of two `f64` are not those of two `f32`.
    assert!(serde_json::from_value::<NormalEquation<f32>>(document.clone()).is_err());

    let document = serde_json::to_value(NormalEquation::<f64>::new(1, 1)).unwrap();
    for (place, value) in [
        ("/observations", json!(3)),
        ("/sums", json!([[1.0, 0.0]])),
        ("/grains", json!([0])),
        ("/nonzeros", json!([1])),
        ("/roundings", json!([1.0])),
        ("/exponents", json!([0])),
    ] {
        refused::<NormalEquation<f64>>(&document, place, value);
    }
}

/// Sums that are finite but belong to no data give an error, or some numbers, but no panic.
#[test]
fn impossible_sums_do_not_panic() {
    let mut sums = NormalEquation::<f64>::new(1, 1);
    sums.push(&dvector![0.1, 0.7, 1.3], &dvector![0.3, 1.9, 0.2]).unwrap();
    let document = serde_json::to_value(&sums).unwrap();
    for place in ["/sums/0", "/sums/1", "/sums/2", "/sums/3", "/sums/4", "/sums/5"] {
        for value in [3.0, -3.0, 0.0, 5e-324, 1e308] {
            let mut spoiled = document.clone();
            *spoiled.pointer_mut(place).unwrap() = json!([value, 0.0]);
            if let Ok(mut sums) = serde_json::from_value::<NormalEquation<f64>>(spoiled) {
                let _ = sums.solve().map(|fit| (fit.to_string(), fit.prediction_intervals(&dmatrix![1.0], 0.9)));
                let _ = sums.push(&dmatrix![1e300], &dmatrix![1e-300]);
                let _ = sums.clone().merge(&sums);
                let _ = sums.remove(&dmatrix![1e300], &dmatrix![1e-300]);
                let _ = sums.remove(&dmatrix![0.7], &dmatrix![1.9]);
            }
        }
    }
}

#[test]
fn spoiled_models_are_refused() {
    let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.0, 3.0, 2.0, 5.0]);
    let document = serde_json::to_value(LinearRegression::new().fit(&x, &y).unwrap()).unwrap();
    for (place, value) in [
        ("/parameters", json!([])),
        ("/parameters", json!([[1.0, 0.0]])),
        ("/parameters", json!([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])),
        ("/parameters/0/0", json!(null)),
        ("/parameters/1/1", json!(1.0)),
        ("/parameters/1", json!([1.0])),
        ("/root", json!([])),
        ("/root", json!([[1.0, 0.0]])),
        ("/root", json!([[1.0, 0.0], [0.0, 0.0]])),
        ("/root/3", json!(1.0)),
        ("/root/0/0", json!(null)),
        ("/root/2/1", json!(-0.5)),
        ("/basis", json!({ "center": null, "exponent": 0 })),
        ("/basis", json!({ "center": 0.0, "exponent": 5000 })),
        ("/unknown_exponents", json!([0])),
        ("/unknown_exponents", json!([])),
        ("/target_exponents", json!([])),
        ("/target_exponents", json!([0, 0])),
        ("/unknown_exponents/1", json!(i32::MIN)),
        ("/target_exponents/0", json!(1_000_000)),
        ("/rank", json!(0)),
        ("/rank", json!(3)),
        ("/observations", json!(0)),
        ("/observations", json!(1)),
        ("/log_weights", json!(null)),
        ("/squares", json!([])),
        ("/squares/0/residual", json!(-1.0)),
        ("/squares/0/total", json!(null)),
        ("/squares/0/residual_error", json!(-1.0)),
        ("/squares/0/reach", json!(-1.0)),
        ("/squares/0/adjusted", json!(null)),
        ("/report/solver", json!("Oracle")),
        ("/intercept", json!("Maybe")),
    ] {
        refused::<LinearFit<f64>>(&document, place, value);
    }
}

#[test]
fn online_regression_goes_on_where_it_was() {
    let x = data(12, 3, 0.7);
    let row = |row: usize| x.row(row).iter().copied().collect::<Vec<f64>>();
    for split in [0, 2, 9] {
        let mut online = RecursiveLeastSquares::new(3, 0.9).unwrap();
        for step in 0..split {
            online.update(&row(step), 0.1 * step as f64).unwrap();
        }
        let mut back = through_json(&online);
        let state = |online: &RecursiveLeastSquares<f64>| {
            (online.parameters().to_vec(), online.observations(), online.is_determined(), online.forgetting_factor())
        };
        assert_eq!(state(&back), state(&online));
        for step in split..12 {
            assert_eq!(back.update(&row(step), 1.0 / step as f64), online.update(&row(step), 1.0 / step as f64));
            assert_eq!(state(&back), state(&online));
        }
    }
    let mut single = RecursiveLeastSquares::new(1, 1.0_f32).unwrap();
    single.update(&[0.1], 0.7).unwrap();
    assert_eq!(through_json(&single).parameters(), single.parameters());
}

#[test]
fn spoiled_states_of_online_regression_are_refused() {
    let mut online = RecursiveLeastSquares::new(2, 0.9).unwrap();
    online.update(&[0.3, 0.7], 1.0).unwrap();
    let document = serde_json::to_value(&online).unwrap();
    assert_eq!(document["factor"].as_array().map(Vec::len), Some(5));
    for (place, value) in [
        ("/forgetting_factor", json!(0.0)),
        ("/forgetting_factor", json!(1.5)),
        ("/forgetting_factor", json!(null)),
        ("/observations", json!(-1)),
        ("/observations", json!(0)),
        ("/determined", json!(2)),
        ("/determined", json!(3)),
        ("/parameters", json!([])),
        ("/parameters", json!([0.0])),
        ("/parameters/1", json!(null)),
        ("/factor", json!([])),
        ("/factor", json!([0.1, 0.2, 0.3, 0.4])),
        ("/factor/4", json!("much")),
    ] {
        refused::<RecursiveLeastSquares<f64>>(&document, place, value);
    }
    let empty = json!({ "forgetting_factor": 1.0, "observations": 0, "determined": 0, "parameters": [], "factor": [] });
    assert!(serde_json::from_value::<RecursiveLeastSquares<f64>>(empty).is_err());
    // 1e39 is no f32.
    let document =
        json!({ "forgetting_factor": 1.0, "observations": 1, "determined": 1, "parameters": [1e39], "factor": [1, 1] });
    assert!(serde_json::from_value::<RecursiveLeastSquares<f32>>(document).is_err());
}

#[test]
fn standardizations_come_back_and_are_checked() {
    let standardization = Standardization::of(&data(2, 9, 0.3)).unwrap();
    let again = through_json(&standardization);
    assert_eq!((again.mean(), again.scale()), (standardization.mean(), standardization.scale()));
    let document = serde_json::to_value(&standardization).unwrap();
    for (place, value) in [("/scale/1", json!(0.0)), ("/scale/0", json!(-1.0)), ("/mean", json!([1.0]))] {
        refused::<Standardization<f64>>(&document, place, value);
    }
}
