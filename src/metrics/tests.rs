use nalgebra::{DMatrix, dmatrix};

use super::*;

#[test]
fn ties_go_to_the_first_and_nan_to_nobody() {
    let target = dmatrix![1.0; 0.0];
    assert_eq!(accuracy(&dmatrix![0.5; 0.5], &target), Ok(1.0));
    assert_eq!(accuracy(&dmatrix![f64::NAN; 0.5], &target), Ok(0.0));
    assert_eq!(accuracy(&dmatrix![0.5; f64::NAN], &target), Ok(0.0));
}

#[test]
fn the_predicted_class_is_the_first_of_the_largest() {
    let y = dmatrix![0.5, -1.0, 2.0; 0.5, -3.0, 7.0; 0.0, -1.0, 7.0];
    assert_eq!(predicted_classes(&y), Ok(vec![0, 0, 1]));
    assert_eq!(predicted_classes(&DMatrix::<f32>::zeros(3, 0)), Ok(vec![]));
    let error = predicted_classes(&dmatrix![0.5; f64::NAN]).unwrap_err();
    assert!(matches!(error, Error::NotFinite { what: "predictions", row: 1, column: 0, .. }), "{error}");
    assert!(matches!(predicted_classes(&dmatrix![0.5, 0.5]), Err(Error::InvalidParameter { .. })));
    // As `accuracy` counts.
    let t = dmatrix![1.0, 0.0, 0.0; 0.0, 1.0, 1.0; 0.0, 0.0, 0.0];
    assert_eq!(accuracy(&y, &t), Ok(2.0 / 3.0));
}

#[test]
fn shapes_must_agree() {
    let error = accuracy(&dmatrix![1.0, 0.0], &dmatrix![1.0; 0.0]).unwrap_err();
    assert_eq!(error.to_string(), "predictions: expected 2 × 1, found 1 × 2 (is it transposed?)");
    let none = DMatrix::<f64>::zeros(2, 0);
    assert_eq!(accuracy(&none, &none), Err(Error::Empty { what: "samples" }));
}

type Metric = fn(&DMatrix<f64>, &DMatrix<f64>) -> Result<f64>;

#[test]
fn every_metric_of_classes_looks_at_shapes_first() {
    let metrics: [Metric; 4] = [
        |p, t| accuracy(p, t),
        |p, t| top_k_accuracy(p, t, 2),
        |p, t| log_loss(p, t),
        |p, t| Ok(ConfusionMatrix::new(p, t)?.accuracy()),
    ];
    let good = dmatrix![1.0, 0.0; 0.0, 1.0];
    let (three, none) = (DMatrix::zeros(3, 2), DMatrix::zeros(2, 0));
    for metric in metrics {
        assert!(metric(&good, &good).is_ok());
        assert!(matches!(metric(&three, &good), Err(Error::ShapeMismatch { what: "predictions", .. })));
        assert_eq!(metric(&none, &none), Err(Error::Empty { what: "samples" }));
        let error = metric(&dmatrix![1.0, 0.0], &dmatrix![1.0, 1.0]).unwrap_err();
        assert_eq!(error.to_string(), "number of classes: expected at least 2, found 1");
    }
}

#[test]
fn the_k_largest_count() {
    let prediction = dmatrix![0.1, 0.4, 0.25; 0.2, 0.3, 0.25; 0.3, 0.2, 0.25; 0.4, 0.1, 0.25];
    let target = dmatrix![0.0, 0.0, 0.0; 1.0, 1.0, 0.0; 0.0, 0.0, 1.0; 0.0, 0.0, 0.0];
    for (k, correct) in [(1, 0.0), (2, 1.0), (3, 3.0), (4, 3.0)] {
        assert_eq!(top_k_accuracy(&prediction, &target, k), Ok(correct / 3.0), "{k}");
    }
    for k in [0, 5] {
        let error = top_k_accuracy(&prediction, &target, k).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "k", .. }), "{error}");
    }
    for place in 0..2 {
        let mut prediction = dmatrix![0.1; 0.2];
        prediction[place] = f64::NAN;
        assert_eq!(top_k_accuracy(&prediction, &dmatrix![1.0; 0.0], 2), Ok(0.0));
    }
}

#[test]
fn one_of_one_is_the_accuracy() {
    // Ties among them.
    let value = |i: usize, j: usize| ((i * 7 + j * 5) % 4) as f64;
    let prediction = DMatrix::from_fn(5, 40, value);
    let target = DMatrix::from_fn(5, 40, |i, j| if i == (j * 3) % 5 { 1.0 } else { 0.0 });
    let expected = accuracy(&prediction, &target).unwrap();
    assert!(expected > 0.0 && expected < 1.0);
    assert_eq!(top_k_accuracy(&prediction, &target, 1), Ok(expected));
}

#[test]
fn log_loss_takes_probabilities_only() {
    let target = dmatrix![1.0; 0.0];
    assert!((log_loss(&dmatrix![0.0; 1.0], &target).unwrap() - 354.198).abs() < 1e-3);
    assert!((log_loss(&dmatrix![0.0_f32; 1.0], &dmatrix![1.0; 0.0]).unwrap() - 43.668).abs() < 1e-3);
    for bad in [-0.1, 1.1, f64::NAN] {
        let error = log_loss(&dmatrix![0.5; bad], &target).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "predicted probability", .. }), "{error}");
    }
    assert!(matches!(log_loss(&target, &dmatrix![1.0; 0.5]), Err(Error::InvalidTarget { sample: 0, .. })));
}
