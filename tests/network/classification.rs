//! Losses and metrics of classes against those of scikit-learn (reference/classification.py).

use std::path::PathBuf;

use gradus::loss::{
    BinaryCrossEntropy, ClassWeights, Hinge, KullbackLeibler, LabelSmoothing, NegativeLogLikelihood, Poisson,
    SigmoidCrossEntropy, balanced_class_weights,
};
use gradus::metrics::{
    ConfusionMatrix, log_loss, mean_absolute_error, r_squared, root_mean_squared_error, top_k_accuracy,
};
use gradus::nalgebra::DMatrix;
use gradus::{CrossEntropy, Loss, SoftmaxCrossEntropy, accuracy, one_hot};
use serde_json::Value;

/// The reference values, with the data that they are of.
struct Reference {
    values: Value,
    classes: usize,
    labels: Vec<usize>,
    /// Classes × samples.
    logits: DMatrix<f64>,
    probabilities: DMatrix<f64>,
    target: DMatrix<f64>,
}

impl Reference {
    fn read() -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/classification.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let values: Value = serde_json::from_str(&text).unwrap();
        let labels: Vec<usize> = numbers(&values["labels"]).into_iter().map(|label| label as usize).collect();
        let classes = numbers(&values["classes"])[0] as usize;
        let columns: Vec<f64> = values["logits"].as_array().unwrap().iter().flat_map(numbers).collect();
        let logits = DMatrix::from_vec(classes, labels.len(), columns);
        let mut probabilities = logits.map(f64::exp);
        probabilities.column_iter_mut().for_each(|mut sample| sample /= sample.sum());
        let target = one_hot(&labels, classes).unwrap();
        Self { values, classes, labels, logits, probabilities, target }
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        numbers(&self.values[name])
    }

    #[track_caller]
    fn agrees(&self, name: &str, computed: &[f64]) {
        let expected = self.numbers(name);
        assert_eq!(computed.len(), expected.len(), "{name}");
        for (computed, expected) in computed.iter().zip(&expected) {
            assert!((computed - expected).abs() <= 1e-14 * expected.abs(), "{name}: {computed} for {expected}");
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().map_or_else(
        || vec![value.as_f64().unwrap()],
        |values| values.iter().map(|value| value.as_f64().unwrap()).collect(),
    )
}

fn value(loss: &dyn Loss<f64>, prediction: &DMatrix<f64>, target: &DMatrix<f64>, weights: Option<&[f64]>) -> f64 {
    loss.check_targets(target.into()).unwrap();
    loss.value(prediction.into(), target.into(), weights)
}

/// A loss of classes with the options, on logits, probabilities and their logarithms.
fn all_forms(reference: &Reference, weights: Option<&[f64]>, class_weights: &[f64], smoothing: f64) -> [f64; 3] {
    let Reference { logits, probabilities, target, .. } = reference;
    let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, smoothing).unwrap();
    let on_logits = ClassWeights::new(smoothed, class_weights).unwrap();
    let smoothed = LabelSmoothing::new(CrossEntropy, smoothing).unwrap();
    let on_probabilities = ClassWeights::new(smoothed, class_weights).unwrap();
    let smoothed = LabelSmoothing::new(NegativeLogLikelihood, smoothing).unwrap();
    let on_logarithms = ClassWeights::new(smoothed, class_weights).unwrap();
    [
        value(&on_logits, logits, target, weights),
        value(&on_probabilities, probabilities, target, weights),
        value(&on_logarithms, &probabilities.map(f64::ln), target, weights),
    ]
}

#[test]
fn losses_of_classes_are_those_of_scikit_learn() {
    let reference = Reference::read();
    let Reference { logits, probabilities, target, .. } = &reference;
    let (weights, class_weights) = (reference.numbers("sample_weights"), reference.numbers("class_weights"));
    let (even, smoothing) = (vec![1.0; reference.classes], reference.numbers("smoothing")[0]);
    for (name, weights, class_weights, smoothing) in [
        ("log_loss", None, &even, 0.0),
        ("log_loss_weighted", Some(&weights[..]), &even, 0.0),
        ("log_loss_class_weights", None, &class_weights, 0.0),
        ("log_loss_both_weights", Some(&weights[..]), &class_weights, 0.0),
        ("log_loss_smoothed", None, &even, smoothing),
    ] {
        for form in all_forms(&reference, weights, class_weights, smoothing) {
            reference.agrees(name, &[form]);
        }
    }
    reference.agrees("log_loss", &[value(&SoftmaxCrossEntropy, logits, target, None)]);
    reference.agrees("log_loss", &[log_loss(probabilities, target).unwrap()]);
    let smoothed = target.map(|t| (1.0 - smoothing) * t + smoothing / reference.classes as f64);
    reference.agrees("kullback_leibler", &[value(&KullbackLeibler, probabilities, &smoothed, None)]);
    let balanced = balanced_class_weights::<f64>(&reference.labels, reference.classes).unwrap();
    reference.agrees("balanced_class_weights", &balanced);
}

#[test]
fn losses_of_one_output_are_those_of_scikit_learn() {
    let reference = Reference::read();
    let first = |matrix: &DMatrix<f64>| DMatrix::from_rows(&[matrix.row(0)]);
    let (scores, target) = (first(&reference.logits), first(&reference.target));
    let probabilities = scores.map(|x| 1.0 / (1.0 + (-x).exp()));
    reference.agrees("binary_log_loss", &[value(&SigmoidCrossEntropy, &scores, &target, None)]);
    reference.agrees("binary_log_loss", &[value(&BinaryCrossEntropy, &probabilities, &target, None)]);
    let weighted = ClassWeights::new(SigmoidCrossEntropy, &reference.numbers("class_weights")[..2]).unwrap();
    reference.agrees("binary_log_loss_weighted", &[value(&weighted, &scores, &target, None)]);
    reference.agrees("hinge", &[value(&Hinge, &scores, &target.map(|t| 2.0 * t - 1.0), None)]);
    let counts = DMatrix::from_iterator(1, reference.labels.len(), reference.labels.iter().map(|&label| label as f64));
    reference.agrees("poisson", &[value(&Poisson, &scores, &counts, None)]);
    reference.agrees("root_mean_squared_error", &[root_mean_squared_error(&scores, &target).unwrap()]);
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let reference = Reference::read();
    let Reference { logits, probabilities, target, .. } = &reference;
    let confusion = ConfusionMatrix::new(logits, target).unwrap();
    let rows = reference.values["confusion"].as_array().unwrap().iter().flat_map(numbers);
    let counts: Vec<usize> = rows.map(|count| count as usize).collect();
    assert_eq!(confusion.counts().transpose().as_slice(), counts);

    reference.agrees("accuracy", &[confusion.accuracy()]);
    reference.agrees("accuracy", &[accuracy(probabilities, target).unwrap()]);
    let k = reference.numbers("k")[0] as usize;
    reference.agrees("top_k_accuracy", &[top_k_accuracy(logits, target, k).unwrap()]);
    let defined = |values: Vec<Option<f64>>| values.into_iter().map(Option::unwrap).collect::<Vec<_>>();
    reference.agrees("precision", &defined(confusion.precision()));
    reference.agrees("recall", &defined(confusion.recall()));
    reference.agrees("f1", &defined(confusion.f1()));
    let averages = [confusion.macro_precision(), confusion.macro_recall(), confusion.macro_f1()];
    reference.agrees("macro", &averages.map(Option::unwrap));
    reference.agrees("micro", &[confusion.accuracy(); 3]);
    reference.agrees("balanced_accuracy", &[confusion.macro_recall().unwrap()]);

    reference.agrees("r_squared", &[r_squared(logits, target).unwrap().unwrap()]);
    reference.agrees("mean_absolute_error", &[mean_absolute_error(logits, target).unwrap()]);
}
