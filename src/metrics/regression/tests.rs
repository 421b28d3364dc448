use approx::assert_relative_eq;
use nalgebra::{DMatrix, dmatrix};

use super::*;
use crate::loss::{Loss, MeanAbsoluteError, MeanSquaredError};

#[test]
fn hand_computed_of_two_outputs() {
    let target = dmatrix![1.0, 2.0, 3.0; 0.0, 4.0, 8.0];
    let prediction = dmatrix![1.0, 2.0, 2.0; 4.0, 4.0, 4.0];
    assert_eq!(r_squared(&prediction, &target), Ok(Some((0.5 + 0.0) / 2.0)));
    assert_eq!(mean_absolute_error(&prediction, &target), Ok(1.5));
    assert_relative_eq!(root_mean_squared_error(&prediction, &target).unwrap(), (33.0_f64 / 6.0).sqrt());
}

#[test]
fn they_are_the_values_of_the_losses() {
    let prediction = DMatrix::from_fn(2, 9, |i, j| ((i * 5 + j * 3) % 7) as f64);
    let target = DMatrix::from_fn(2, 9, |i, j| ((i + j * 2) % 5) as f64 + 0.25);
    let (p, t) = ((&prediction).into(), (&target).into());
    assert_relative_eq!(mean_absolute_error(p, t).unwrap(), MeanAbsoluteError.value(p, t, None));
    assert_relative_eq!(root_mean_squared_error(p, t).unwrap(), MeanSquaredError.value(p, t, None).sqrt());
}

#[test]
fn nothing_is_explained_of_a_constant() {
    // Of three tenths the mean is not a tenth.
    for constant in [0.1, 1e300, 0.0] {
        let target = dmatrix![constant, constant, constant; 1.0, 2.0, 3.0];
        assert_eq!(r_squared(&dmatrix![0.5, 1.0, 0.0; 1.0, 2.0, 3.0], &target), Ok(None));
    }
    assert_eq!(r_squared(&dmatrix![1.0], &dmatrix![2.0]), Ok(None));
}

#[test]
fn the_scale_of_the_numbers_does_not_matter() {
    let (prediction, target) = (dmatrix![1.0, 2.0, 2.0], dmatrix![1.0, 2.0, 3.0]);
    for power in [-1000, -600, 600, 1000] {
        let scale = 2.0_f64.powi(power);
        let (p, t) = (&prediction * scale, &target * scale);
        assert_relative_eq!(r_squared(&p, &t).unwrap().unwrap(), 0.5, max_relative = 1e-15);
        assert_relative_eq!(
            root_mean_squared_error(&p, &t).unwrap() / scale,
            (1.0_f64 / 3.0).sqrt(),
            max_relative = 1e-15
        );
    }
    // A large offset leaves the spread of the targets as it is.
    let offset = 2.0_f64.powi(50);
    let (p, t) = (prediction.add_scalar(offset), target.add_scalar(offset));
    assert_eq!(r_squared(&p, &t), Ok(Some(0.5)));
}

#[test]
fn bad_input_is_refused() {
    type Metric = fn(&DMatrix<f64>, &DMatrix<f64>) -> Result<f64>;
    let metrics: [Metric; 3] =
        [|p, t| mean_absolute_error(p, t), |p, t| root_mean_squared_error(p, t), |p, t| Ok(r_squared(p, t)?.unwrap())];
    let good = dmatrix![1.0, 2.0];
    for metric in metrics {
        assert!(metric(&good, &good).is_ok());
        assert!(matches!(metric(&dmatrix![1.0; 2.0; 3.0], &good), Err(Error::ShapeMismatch { .. })));
        assert_eq!(metric(&DMatrix::zeros(1, 0), &DMatrix::zeros(1, 0)), Err(Error::Empty { what: "samples" }));
        assert_eq!(metric(&DMatrix::zeros(0, 1), &DMatrix::zeros(0, 1)), Err(Error::Empty { what: "outputs" }));
        for bad in [f64::NAN, f64::INFINITY] {
            let what = |result: Result<f64>| match result {
                Err(Error::NotFinite { what, column: 1, .. }) => what,
                other => panic!("{other:?}"),
            };
            assert_eq!(what(metric(&dmatrix![1.0, bad], &good)), "predictions");
            assert_eq!(what(metric(&good, &dmatrix![1.0, bad])), "targets");
        }
        let apart = metric(&dmatrix![f64::MAX, 0.0], &dmatrix![f64::MIN, 0.0]);
        assert_eq!(apart, Err(Error::Overflow { what: "errors of predictions" }));
    }
    let far = r_squared(&dmatrix![1e300, 0.0], &dmatrix![0.0, 1e-100]);
    assert_eq!(far, Err(Error::Overflow { what: "errors of predictions" }));
}
