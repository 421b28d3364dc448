use approx::assert_relative_eq;
use nalgebra::{DMatrix, dmatrix};

use super::super::tests::evaluate;
use super::*;
use crate::loss::{Hinge, LabelSmoothing, MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy};

const C: [f64; 3] = [0.5, 2.0, 4.0];

fn data() -> (DMatrix<f64>, DMatrix<f64>) {
    let logits = dmatrix![1.0, -2.0, 0.0, 0.25; 0.5, 0.0, 2.0, -1.0; 3.0, 1.0, 0.5, 0.0];
    (logits, dmatrix![0.0, 1.0, 0.0, 0.5; 1.0, 0.0, 0.0, 0.0; 0.0, 0.0, 1.0, 0.5])
}

#[test]
fn the_weight_of_the_class_multiplies_that_of_the_sample() {
    let (logits, target) = data();
    // Those of the classes, and their products with the weights of the samples.
    let (of_class, of_sample) = ([2.0, 0.5, 4.0, 2.25], [1.0, 0.0, 0.25, 3.0]);
    let product: Vec<f64> = of_class.iter().zip(of_sample).map(|(c, w)| c * w).collect();
    let plain = LabelSmoothing::new(SoftmaxCrossEntropy, 0.125).unwrap();
    let loss = ClassWeights::new(plain, C).unwrap();
    assert_eq!(loss.check_targets((&target).into()), Ok(()));
    for (outer, all) in [(None, &of_class[..]), (Some(&of_sample[..]), &product)] {
        let evaluate = |loss: &dyn Loss<f64>, weights| {
            let mut gradient = DMatrix::from_element(3, 4, f64::NAN);
            let (logits, target) = ((&logits).into(), (&target).into());
            let value = loss.value_and_gradient(logits, target, weights, (&mut gradient).into());
            assert_eq!(loss.value(logits, target, weights), value);
            (value, gradient)
        };
        let ((value, gradient), expected) = (evaluate(&loss, outer), evaluate(&plain, Some(all)));
        assert_relative_eq!(value, expected.0, max_relative = 1e-15);
        assert_relative_eq!(gradient, expected.1, max_relative = 1e-14);
        assert_eq!(loss.total_weight((&target).into(), outer), all.iter().sum::<f64>());
    }
}

#[test]
fn parts_make_up_the_whole_by_their_total_weights() {
    let (logits, target) = data();
    let loss = ClassWeights::new(SoftmaxCrossEntropy, C).unwrap();
    let (value, gradient) = evaluate(&loss, &logits, &target);
    let (mut sum, mut total, mut slopes) = (0.0, 0.0, DMatrix::zeros(3, 4));
    for (start, end) in [(0, 1), (1, 4)] {
        let [x, t] = [&logits, &target].map(|matrix| matrix.columns(start, end - start).into_owned());
        let weight = loss.total_weight((&t).into(), None);
        let (value, gradient) = evaluate(&loss, &x, &t);
        slopes.columns_mut(start, end - start).copy_from(&(gradient * weight));
        (sum, total) = (sum + weight * value, total + weight);
    }
    assert_relative_eq!(sum / total, value, max_relative = 1e-15);
    assert_relative_eq!(slopes / total, gradient, max_relative = 1e-14);
}

#[test]
fn one_output_has_two_classes() {
    let loss = ClassWeights::new(SigmoidCrossEntropy, [1.0, 3.0]).unwrap();
    let (x, t) = (dmatrix![0.0, 3.0_f64.ln()], dmatrix![1.0, 0.0]);
    assert_eq!(loss.check_targets((&t).into()), Ok(()));
    let (value, gradient) = evaluate(&loss, &x, &t);
    assert_relative_eq!(value, (3.0 * 2.0_f64.ln() + 4.0_f64.ln()) / 4.0, max_relative = 1e-15);
    assert_relative_eq!(gradient, dmatrix![-0.375, 0.1875], max_relative = 1e-15);
}

#[test]
fn weights_within_weights_are_multiplied() {
    let (logits, target) = data();
    let twice = ClassWeights::new(ClassWeights::new(SoftmaxCrossEntropy, C).unwrap(), C).unwrap();
    let squares = C.map(|weight| weight * weight);
    let once = ClassWeights::new(SoftmaxCrossEntropy, squares).unwrap();
    let hard = |matrix: &DMatrix<f64>| matrix.columns(0, 3).into_owned();
    let (logits, target) = (hard(&logits), hard(&target));
    assert_relative_eq!(
        evaluate(&twice, &logits, &target).0,
        evaluate(&once, &logits, &target).0,
        max_relative = 1e-15
    );
}

#[test]
fn bad_weights_and_targets_are_refused() {
    let error = |weights: &[f64]| ClassWeights::new(MeanSquaredError, weights).unwrap_err().to_string();
    assert_eq!(error(&[]), "class weights: expected at least one, found none");
    for (bad, found) in [(0.0, "0"), (-1.0, "-1"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
        assert_eq!(error(&[1.0, bad]), format!("class weight: expected a positive, finite number, found {found}"));
    }
    let loss = ClassWeights::new(MeanSquaredError, C).unwrap();
    for (target, message) in [
        (dmatrix![0.0; 1.0], "class weights, one for each class: expected 2 × 1, found 3 × 1"),
        (dmatrix![0.0, 1.0], "class weights, one for each class: expected 2 × 1, found 3 × 1"),
        (dmatrix![0.0; 0.5; 0.0], "target of sample 0: expected class probabilities that sum to 1, found 0.5"),
        (dmatrix![0.0; -1.0; 2.0], "target of sample 0: expected values from 0 to 1, found -1"),
    ] {
        assert_eq!(loss.check_targets((&target).into()).unwrap_err().to_string(), message);
    }
    let hinge = ClassWeights::new(Hinge, [1.0, 2.0]).unwrap();
    assert!(matches!(hinge.check_targets((&dmatrix![1.0, -1.0]).into()), Err(Error::InvalidTarget { .. })));
}

#[test]
fn weights_that_overflow_are_no_mean() {
    let loss = ClassWeights::new(MeanSquaredError, [1e308, 1e308]).unwrap();
    let (prediction, target) = (dmatrix![1.0, 1.0; 0.0, 0.0], dmatrix![1.0, 1.0; 0.0, 0.0]);
    assert!(evaluate(&loss, &prediction, &target).0.is_nan());
}

#[test]
fn balanced_weights_need_a_sample_of_every_class() {
    assert_eq!(balanced_class_weights::<f32>(&[2, 1, 0, 1], 3), Ok(vec![4.0 / 3.0, 2.0 / 3.0, 4.0 / 3.0]));
    assert_eq!(balanced_class_weights::<f64>(&[0, 2], 3), Err(Error::EmptyClass { class: 1 }));
    assert_eq!(balanced_class_weights::<f64>(&[], 3), Err(Error::EmptyClass { class: 0 }));
    assert_eq!(balanced_class_weights::<f64>(&[], 0), Err(Error::Empty { what: "classes" }));
    assert_eq!(balanced_class_weights::<f64>(&[0, usize::MAX - 1], usize::MAX), Err(Error::EmptyClass { class: 1 }));
    assert_eq!(
        balanced_class_weights::<f64>(&[0, 2], 2),
        Err(Error::LabelOutOfRange { sample: 1, label: 2, classes: 2 })
    );
}
