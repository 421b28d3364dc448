use nalgebra::dmatrix;

use super::*;

#[test]
fn predictions_and_labels_give_the_same_table() {
    let prediction = dmatrix![0.5, 0.2, 0.1, 3.0; 0.5, 0.7, 0.1, -1.0; 0.0, 0.1, 0.8, 3.0];
    let target = dmatrix![1.0, 0.0, 0.0, 0.0; 0.0, 1.0, 1.0, 0.0; 0.0, 0.0, 0.0, 1.0];
    let confusion = ConfusionMatrix::new(&prediction, &target).unwrap();
    assert_eq!(confusion.counts(), &dmatrix![1, 0, 0; 0, 1, 1; 1, 0, 0]);
    assert_eq!(Ok(confusion), ConfusionMatrix::from_labels(&[0, 1, 2, 0], &[0, 1, 1, 2], 3));
}

#[test]
fn what_is_undefined_is_none() {
    // Class 1 is never predicted, class 2 never occurs, class 3 neither.
    let confusion = ConfusionMatrix::from_labels(&[0, 0, 2, 0], &[0, 1, 0, 0], 4).unwrap();
    assert_eq!(confusion.precision(), [Some(2.0 / 3.0), None, Some(0.0), None]);
    assert_eq!(confusion.recall(), [Some(2.0 / 3.0), Some(0.0), None, None]);
    assert_eq!(confusion.f1(), [Some(4.0 / 6.0), Some(0.0), Some(0.0), None]);
    assert_eq!((confusion.macro_precision(), confusion.macro_recall(), confusion.macro_f1()), (None, None, None));
    let table = confusion.to_string();
    assert!(table.contains("NA") && !table.contains("NaN"), "{table}");
    assert_eq!((confusion.count(1, 0), confusion.count(0, 9)), (1, 0));
}

#[test]
fn macro_averages_are_means_over_classes() {
    let confusion = ConfusionMatrix::from_labels(&[0, 0, 0, 1], &[0, 0, 1, 1], 2).unwrap();
    assert_eq!(confusion.macro_precision(), Some((2.0 / 3.0 + 1.0) / 2.0));
    assert_eq!(confusion.macro_recall(), Some((1.0 + 0.5) / 2.0));
    assert_eq!(confusion.macro_f1(), Some((4.0 / 5.0 + 2.0 / 3.0) / 2.0));
}

#[test]
fn matrices_add_up() {
    let mut sum = ConfusionMatrix::from_labels(&[0, 1], &[1, 1], 2).unwrap();
    sum.merge(&ConfusionMatrix::from_labels(&[1], &[0], 2).unwrap()).unwrap();
    assert_eq!(Ok(sum.clone()), ConfusionMatrix::from_labels(&[0, 1, 1], &[1, 1, 0], 2));
    let other = ConfusionMatrix::from_labels(&[1], &[0], 3).unwrap();
    assert!(matches!(sum.merge(&other), Err(Error::ShapeMismatch { .. })));
    assert_eq!(sum.samples(), 3);
}

#[test]
fn bad_input_is_refused() {
    let error = |predicted: &[usize], actual: &[usize]| {
        ConfusionMatrix::from_labels(predicted, actual, 2).unwrap_err().to_string()
    };
    assert_eq!(error(&[0], &[0, 1]), "predicted labels: expected 2 × 1, found 1 × 1");
    assert_eq!(error(&[], &[]), "samples: expected at least one, found none");
    assert_eq!(error(&[0, 2], &[0, 1]), "label of sample 1: expected a class below 2, found 2");
    assert_eq!(error(&[0, 1], &[5, 1]), "label of sample 0: expected a class below 2, found 5");
    let target = dmatrix![1.0, 0.0; 0.0, 1.0];
    let error = ConfusionMatrix::new(&dmatrix![1.0, 0.5; 0.0, f64::NAN], &target).unwrap_err();
    assert_eq!(error.to_string(), "predictions: expected finite numbers, found NaN at row 1, column 1");
    let few = ConfusionMatrix::new(&target, &target).unwrap().with_names(&["one"]).unwrap_err();
    assert_eq!(few.to_string(), "names, one for each class: expected 2 × 1, found 1 × 1");
}
