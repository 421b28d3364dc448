use nalgebra::dmatrix;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::*;

/// The samples of a data set whose only feature is their number.
fn samples(data: &Dataset<f64>) -> Vec<usize> {
    let Inputs::Values(values) = &data.inputs else { panic!() };
    values.iter().map(|&value| value as usize).collect()
}

fn labels(data: &Dataset<f64>) -> &[usize] {
    let Targets::Labels { labels, .. } = &data.targets else { panic!() };
    labels
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn every_sample_is_on_one_side_with_its_target_and_weight(
        classes in proptest::collection::vec(0_usize..4, 2..80), fraction in 0.01..0.99_f64, seed: u64,
    ) {
        let n = classes.len();
        let taken = (fraction * n as f64).round() as usize;
        prop_assume!(taken > 0 && taken < n);
        let x = DMatrix::from_fn(1, n, |_, sample| sample as f64);
        let weights = (0..n).map(|sample| sample as f64 + 1.0).collect();
        let data = Dataset::labeled(x, classes.clone(), 4).unwrap().with_weights(weights).unwrap();
        let rng = || ChaCha8Rng::seed_from_u64(seed);
        for (stratified, split) in [(false, data.split(fraction, &mut rng())), (true, data.split_stratified(fraction, &mut rng()))] {
            let (kept, off) = split.unwrap();
            prop_assert_eq!((kept.len(), off.len()), (n - taken, taken));
            let mut all = samples(&kept);
            prop_assert!(all.is_sorted() && samples(&off).is_sorted());
            all.extend(samples(&off));
            all.sort_unstable();
            prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
            for part in [&kept, &off] {
                for ((sample, label), weight) in samples(part).into_iter().zip(labels(part)).zip(part.weights().unwrap()) {
                    prop_assert_eq!((*label, *weight), (classes[sample], sample as f64 + 1.0));
                }
            }
            for class in 0..4 {
                let of = |labels: &[usize]| labels.iter().filter(|&&label| label == class).count() as f64;
                let off_by = of(labels(&off)) - fraction * of(&classes);
                prop_assert!(!stratified || off_by.abs() < 1.0 + 1e-9, "class {class} is off by {off_by}");
            }
        }
    }
}

#[test]
fn one_hot_targets_and_numbers_are_classes_too() {
    let x = DMatrix::from_fn(1, 20, |_, sample| sample as f64);
    let class = |sample: usize| usize::from(sample >= 15);
    let one_hot = crate::one_hot(&(0..20).map(class).collect::<Vec<_>>(), 2).unwrap();
    let number = DMatrix::from_fn(1, 20, |_, sample| class(sample) as f64);
    for targets in [one_hot, number] {
        let data = Dataset::new(x.clone(), targets).unwrap();
        for seed in 0..10 {
            let (_, off) = data.split_stratified(0.2, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
            assert_eq!(samples(&off).iter().filter(|&&sample| class(sample) == 1).count(), 1);
            assert_eq!(off.len(), 4);
        }
    }
    // Of targets that are all different a split takes any.
    let data = Dataset::new(x.clone(), x).unwrap();
    let taken = |seed| samples(&data.split_stratified(0.2, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap().1);
    assert_ne!(taken(0), taken(1));
}

#[test]
fn images_stay_bytes_and_standardized() {
    let bytes: Vec<u8> = (0..12).map(|byte| byte * 20).collect();
    let inputs = Inputs::Bytes { bytes, features: 2, standardization: None };
    let targets = Targets::Labels { labels: vec![0, 1, 0, 1, 0, 1], classes: 2 };
    let data = Dataset::<f64> { inputs, targets, weights: None };
    let fit = Standardization::of_inputs(&data).unwrap();
    let unit = 20.0 / 255.0;
    approx::assert_relative_eq!(fit.mean()[0], 5.0 * unit, max_relative = 1e-15);
    let data = data.standardize_inputs(&fit).unwrap();
    let again = Standardization::of_inputs(&data).unwrap();
    assert!(again.mean()[1].abs() < 1e-15 && (again.scale()[1] - 1.0).abs() < 1e-15);
    let halved = Standardization::from_parts(vec![0.0; 2], vec![2.0; 2]).unwrap();
    let halved = data.clone().standardize_inputs(&halved).unwrap();
    assert!((Standardization::of_inputs(&halved).unwrap().scale()[0] - 0.5).abs() < 1e-15);
    let (kept, taken) = data.split(0.5, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    let mut values: Vec<f64> = Vec::new();
    for part in [&kept, &taken] {
        values.extend_from_slice(part.ordered_batches(3).unwrap().next_batch().unwrap().inputs.as_slice());
    }
    assert!(values.iter().sum::<f64>().abs() < 1e-14);
    let wrong = Standardization::from_parts(vec![0.0], vec![1.0]).unwrap();
    assert!(matches!(data.standardize_inputs(&wrong), Err(Error::ShapeMismatch { .. })));
}

use super::super::Standardization;

#[test]
fn n76_a_side_may_not_be_empty() {
    let data = Dataset::labeled(dmatrix![1.0, 2.0, 3.0], vec![0, 0, 1], 2).unwrap();
    let rng = &mut ChaCha8Rng::seed_from_u64(0);
    for fraction in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY, 0.1, 0.9] {
        for split in [data.split(fraction, rng), data.split_stratified(fraction, rng)] {
            let error = split.unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { name: "validation fraction", .. }), "{fraction}");
        }
    }
}
