use nalgebra::{DMatrix, dmatrix};

use super::*;

/// Value and gradient, and that `value` is the same.
pub(super) fn evaluate(loss: &dyn Loss<f64>, prediction: &DMatrix<f64>, target: &DMatrix<f64>) -> (f64, DMatrix<f64>) {
    let mut gradient = DMatrix::from_element(prediction.nrows(), prediction.ncols(), f64::NAN);
    let value = loss.value_and_gradient(prediction.into(), target.into(), None, (&mut gradient).into());
    assert_eq!(loss.value(prediction.into(), target.into(), None).to_bits(), value.to_bits());
    (value, gradient)
}

/// What predictions and targets of a loss are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Real,
    Counts,
    Signs,
    Probabilities,
    Distributions,
    LogProbabilities,
}

type Entry = (Box<dyn Loss<f64>>, Kind, Kind);

/// Every loss with its predictions and its targets, of two outputs.
fn all() -> Vec<Entry> {
    use Kind::*;
    let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, 0.1).unwrap();
    vec![
        (Box::new(MeanSquaredError), Real, Real),
        (Box::new(HalfSquaredError), Real, Real),
        (Box::new(MeanAbsoluteError), Real, Real),
        (Box::new(Huber::new(1.0).unwrap()), Real, Real),
        (Box::new(LogCosh), Real, Real),
        (Box::new(Hinge), Real, Signs),
        (Box::new(Poisson), Real, Counts),
        (Box::new(KullbackLeibler), Probabilities, Distributions),
        (Box::new(CrossEntropy), Probabilities, Distributions),
        (Box::new(BinaryCrossEntropy), Probabilities, Probabilities),
        (Box::new(NegativeLogLikelihood), LogProbabilities, Distributions),
        (Box::new(SoftmaxCrossEntropy), Real, Distributions),
        (Box::new(SigmoidCrossEntropy), Real, Probabilities),
        (Box::new(ClassWeights::new(smoothed, [1.0, 3.0]).unwrap()), Real, Distributions),
        (Box::new(smoothed), Real, Distributions),
    ]
}

fn some_targets(kind: Kind) -> DMatrix<f64> {
    match kind {
        Kind::Real => dmatrix![0.5, -3.0, 7.0; 1.0, 0.0, 2.0],
        Kind::Counts => dmatrix![0.0, 1.0, 7.0; 1.0, 0.5, 2.0],
        Kind::Signs => dmatrix![1.0, -1.0, -1.0; 1.0, 1.0, -1.0],
        Kind::Probabilities => dmatrix![0.0, 1.0, 0.5; 1.0, 1.0, 0.25],
        Kind::Distributions => dmatrix![0.0, 1.0, 0.5; 1.0, 0.0, 0.5],
        Kind::LogProbabilities => unreachable!("no loss has such targets"),
    }
}

fn some_predictions(kind: Kind) -> DMatrix<f64> {
    match kind {
        Kind::Probabilities => dmatrix![0.25, 0.5, 0.125; 0.75, 0.25, 0.875],
        Kind::LogProbabilities => dmatrix![-1.0, -0.5, -2.0; -0.25, -3.0, -1.5],
        _ => dmatrix![0.25, -1.5, 3.0; 0.0, 2.0, -0.125],
    }
}

/// Numbers 60, 61, 62 and 64 of the list of bad inputs.
#[test]
fn shapes_that_differ_panic_as_is_said() {
    for (loss, _, kind) in all() {
        let target = some_targets(kind);
        let more = target.clone().insert_column(0, target[(0, 0)]);
        for (prediction, weights) in [(&more, None), (&target, Some(&[1.0; 2][..])), (&target, Some(&[1.0; 4][..]))] {
            let value = || loss.value(prediction.into(), (&target).into(), weights);
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(value)).is_err(), "{loss:?}");
            let gradient = || {
                let mut gradient = DMatrix::zeros(prediction.nrows(), prediction.ncols());
                loss.value_and_gradient(prediction.into(), (&target).into(), weights, (&mut gradient).into())
            };
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(gradient)).is_err(), "{loss:?}");
        }
    }
}

#[test]
fn every_loss_takes_its_targets_and_no_others() {
    for (loss, _, kind) in all() {
        let good = some_targets(kind);
        assert_eq!(loss.check_targets((&good).into()), Ok(()), "{loss:?}");
        let bad: &[f64] = match kind {
            Kind::Real => &[],
            Kind::Counts => &[-1.0, -0.5],
            Kind::Signs => &[0.0, 0.5, -2.0],
            _ => &[-1.0, -0.5, 1.5, 2.0],
        };
        for &bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].iter().chain(bad) {
            let mut target = good.clone();
            target[(1, 2)] = bad;
            let error = loss.check_targets((&target).into()).unwrap_err();
            assert!(
                matches!(error, Error::InvalidTarget { sample: 2, .. } | Error::NotFinite { column: 2, .. }),
                "{loss:?}: {error}"
            );
        }
        if kind == Kind::Distributions {
            assert!(matches!(loss.check_targets((&(good * 0.0)).into()), Err(Error::InvalidTarget { .. })));
        }
    }
}

/// Numbers 73 and 74 of the list of bad inputs.
#[test]
fn every_loss_is_finite_wherever_it_is_defined() {
    for (loss, predictions, targets) in all() {
        let target = some_targets(targets);
        let extremes = match predictions {
            Kind::Probabilities => [0.0, 1.0, f64::MIN_POSITIVE],
            Kind::LogProbabilities => [0.0, -1e4, -40.0],
            // Of a count, the rate e^z must be a number.
            _ if targets == Kind::Counts => [700.0, -1e4, 0.0],
            _ => [1e4, -1e4, 0.0],
        };
        for first in extremes {
            for second in extremes {
                let mut prediction = some_predictions(predictions);
                prediction.column_mut(1).copy_from_slice(&[first, second]);
                prediction.column_mut(2).copy_from_slice(&[second, first]);
                let (value, gradient) = evaluate(&*loss, &prediction, &target);
                let finite = value.is_finite() && gradient.iter().all(|slope| slope.is_finite());
                assert!(finite, "{loss:?} {prediction} {value} {gradient}");
            }
        }
    }
}

#[test]
fn every_loss_passes_nan_on_whatever_the_target() {
    for (loss, predictions, targets) in all() {
        for place in 0..6 {
            let mut prediction = some_predictions(predictions);
            prediction[place] = f64::NAN;
            assert!(evaluate(&*loss, &prediction, &some_targets(targets)).0.is_nan(), "{loss:?} {place}");
        }
    }
}

/// Number 42 of the list of bad inputs: outputs that are no probabilities.
#[test]
fn no_loss_of_probabilities_takes_other_numbers() {
    for (loss, predictions, targets) in all() {
        let bad: &[f64] = match predictions {
            Kind::Probabilities => &[-1e-3, 1.001, f64::INFINITY, f64::NEG_INFINITY],
            Kind::LogProbabilities => &[1e-3, f64::INFINITY],
            _ => &[],
        };
        for &bad in bad {
            for place in 0..6 {
                let mut prediction = some_predictions(predictions);
                prediction[place] = bad;
                assert!(evaluate(&*loss, &prediction, &some_targets(targets)).0.is_nan(), "{loss:?} {bad} {place}");
            }
        }
    }
}

/// Number 75 of the list of bad inputs: of equal logits all classes are as likely, of −∞ alone there are none.
#[test]
fn equal_logits_are_even_odds_unless_they_are_infinite() {
    let target = dmatrix![0.0; 1.0];
    let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, 0.1).unwrap();
    for loss in [&SoftmaxCrossEntropy as &dyn Loss<f64>, &smoothed] {
        for logit in [-1e4, 0.0, 1e4] {
            let value = evaluate(loss, &dmatrix![logit; logit], &target).0;
            assert!((value - 2.0_f64.ln()).abs() < 1e-15, "{loss:?} {logit} {value}");
        }
        for logit in [f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!evaluate(loss, &dmatrix![logit; logit], &target).0.is_finite(), "{loss:?} {logit}");
        }
    }
    // Of impossible answers to yes or no, each has a value: 0 or ∞.
    let value = |logit, t| evaluate(&SigmoidCrossEntropy, &dmatrix![logit], &dmatrix![t]).0;
    assert!(!value(f64::NEG_INFINITY, 1.0).is_finite() && !value(f64::INFINITY, 0.0).is_finite());
}

#[test]
fn a_weight_counts_for_every_loss() {
    for (loss, predictions, targets) in all() {
        let (prediction, target) = (some_predictions(predictions), some_targets(targets));
        let weights = [0.5, 0.0, 2.0];
        let mut gradient = DMatrix::from_element(2, 3, f64::NAN);
        let value =
            loss.value_and_gradient((&prediction).into(), (&target).into(), Some(&weights), (&mut gradient).into());
        assert_eq!(loss.value((&prediction).into(), (&target).into(), Some(&weights)), value, "{loss:?}");
        // By definition, of the samples one by one.
        let (mut sum, mut total, mut slopes) = (0.0, 0.0, DMatrix::zeros(2, 3));
        for (i, weight) in weights.into_iter().enumerate() {
            let [p, t] = [&prediction, &target].map(|matrix| matrix.columns(i, 1).into_owned());
            let weight = weight * loss.total_weight((&t).into(), None);
            let (value, gradient) = evaluate(&*loss, &p, &t);
            slopes.column_mut(i).copy_from(&(gradient * weight));
            (sum, total) = (sum + weight * value, total + weight);
        }
        assert!((loss.total_weight((&target).into(), Some(&weights)) - total).abs() < 1e-15, "{loss:?}");
        assert!((value - sum / total).abs() <= 1e-14 * value.abs(), "{loss:?}");
        assert!((gradient - slopes / total).amax() < 1e-14, "{loss:?}");
    }
}

#[test]
fn a_weight_counts_as_often_as_it_says() {
    let (prediction, target) = (dmatrix![0.5, 2.0; -1.0, 0.0], dmatrix![1.0, 0.0; 0.0, 0.25]);
    let mut gradient = DMatrix::zeros(2, 2);
    let weighted = MeanSquaredError.value_and_gradient(
        (&prediction).into(),
        (&target).into(),
        Some(&[2.0, 1.0]),
        (&mut gradient).into(),
    );
    let thrice = |m: &DMatrix<f64>| DMatrix::from_columns(&[m.column(0), m.column(0), m.column(1)]);
    let (value, repeated) = evaluate(&MeanSquaredError, &thrice(&prediction), &thrice(&target));
    assert!((weighted - value).abs() < 1e-15);
    assert!((gradient.column(0) - repeated.column(0) * 2.0).amax() < 1e-15);
    assert!((gradient.column(1) - repeated.column(2)).amax() < 1e-15);
    let value = MeanSquaredError.value((&prediction).into(), (&target).into(), Some(&[2.0, 1.0]));
    assert_eq!(value, weighted);
}

#[test]
fn targets_are_checked() {
    let distribution: [&dyn Loss<f64>; 2] = [&CrossEntropy, &SoftmaxCrossEntropy];
    let probability: [&dyn Loss<f64>; 2] = [&BinaryCrossEntropy, &SigmoidCrossEntropy];
    let finite: [&dyn Loss<f64>; 2] = [&MeanSquaredError, &HalfSquaredError];
    let bad_sum = dmatrix![0.0, 0.5; 1.0, 0.25];
    for loss in distribution {
        let error = loss.check_targets((&bad_sum).into()).unwrap_err();
        assert_eq!(error.to_string(), "target of sample 1: expected class probabilities that sum to 1, found 0.75");
        assert!(loss.check_targets((&dmatrix![0.0; 0.0]).into()).is_err());
        assert_eq!(loss.check_targets((&dmatrix![0.0, 0.5; 1.0, 0.5]).into()), Ok(()));
    }
    for loss in distribution.into_iter().chain(probability) {
        for bad in [-0.1, 1.1, f64::NAN] {
            let error = loss.check_targets((&dmatrix![bad; 1.0]).into()).unwrap_err();
            assert!(matches!(error, Error::InvalidTarget { sample: 0, .. }), "{loss:?} {bad}");
        }
    }
    for loss in probability {
        assert_eq!(loss.check_targets((&bad_sum).into()), Ok(()));
    }
    for loss in finite {
        let error = loss.check_targets((&dmatrix![7.0, 1.0; -3.0, f64::INFINITY]).into()).unwrap_err();
        assert_eq!(error.to_string(), "targets: expected finite numbers, found inf at row 1, column 1");
    }
}
