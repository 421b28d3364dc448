use approx::assert_relative_eq;
use nalgebra::{DMatrix, dmatrix};
use proptest::prelude::*;

use super::*;

#[test]
fn hand_computed() {
    // −1, 0, 1, 2: mean 1/2, squares 9/4 + 1/4 + 1/4 + 9/4 = 5.
    let fit = Standardization::of(&dmatrix![-1.0, 0.0, 1.0, 2.0; 4.0, 4.0, 4.0, 4.0]).unwrap();
    assert_eq!(fit.mean(), [0.5, 4.0]);
    assert_relative_eq!(fit.scale()[0], 1.25_f64.sqrt(), max_relative = 1e-15);
    assert_eq!(fit.scale()[1], 1.0);
}

#[test]
fn neither_an_offset_nor_the_unit_costs_digits() {
    let z = dmatrix![-1.0, 0.0, 1.0, 2.0];
    for unit in [1e-300, 1e-160, 1e160, 1e300] {
        let fit = Standardization::of(&(&z * unit)).unwrap();
        assert_relative_eq!(fit.scale()[0] / unit, 1.25_f64.sqrt(), max_relative = 1e-14);
    }
    let fit = Standardization::of(&z.map(|z| z + 1e15)).unwrap();
    assert_relative_eq!(fit.scale()[0], 1.25_f64.sqrt(), max_relative = 1e-14);
    // A constant whose multiples are rounded is still one.
    let fit = Standardization::of(&DMatrix::from_element(1, 1001, 0.1_f32)).unwrap();
    assert_eq!((fit.mean(), fit.scale()), ([0.1].as_slice(), [1.0].as_slice()));
    let one = Standardization::of(&dmatrix![3.0]).unwrap();
    assert_eq!((one.mean(), one.scale()), ([3.0].as_slice(), [1.0].as_slice()));
    let wide = Standardization::of(&dmatrix![-1.7e308, 1.7e308]);
    assert_eq!(wide, Err(Error::Overflow { what: "mean or scale of a feature" }));
}

#[test]
fn bad_values_are_refused() {
    let error = |result: Result<Standardization<f64>>| result.unwrap_err().to_string();
    assert_eq!(error(Standardization::of(&DMatrix::zeros(2, 0))), "samples: expected at least one, found none");
    assert_eq!(
        error(Standardization::of(&dmatrix![0.0, f64::NAN])),
        "values: expected finite numbers, found NaN at row 0, column 1"
    );
    assert_eq!(
        error(Standardization::from_parts(vec![0.0], vec![0.0])),
        "scale of a feature: expected a positive, finite number, found 0"
    );
    assert_eq!(
        error(Standardization::from_parts(vec![0.0], vec![])),
        "scales, one for each mean: expected 1 × 1, found 0 × 1"
    );
    assert!(Standardization::from_parts(vec![0.0], vec![f64::INFINITY]).is_err());
    assert!(Standardization::from_parts(vec![f64::NAN], vec![1.0]).is_err());
    let two = Standardization::from_parts(vec![0.0; 2], vec![1.0; 2]).unwrap();
    assert_eq!(
        two.apply(&mut dmatrix![1.0; 2.0; 3.0]).unwrap_err().to_string(),
        "features to standardize: expected 2 × any, found 3 × any"
    );
    assert!(two.invert(&mut dmatrix![1.0]).is_err());
}

#[test]
fn targets_have_a_scale_and_labels_have_none() {
    let regression = Dataset::new(dmatrix![1.0, 2.0], dmatrix![3.0, 7.0]).unwrap();
    let targets = Standardization::of_targets(&regression).unwrap();
    let scaled = regression.standardize_targets(&targets).unwrap();
    assert_eq!(scaled.ordered_batches(2).unwrap().next_batch().unwrap().targets.as_slice(), [-1.0, 1.0]);
    let labeled = Dataset::labeled(dmatrix![1.0, 2.0], vec![1, 0], 2).unwrap();
    let error = Standardization::of_targets(&labeled).unwrap_err();
    assert_eq!(
        error.to_string(),
        "target of sample 0: expected numbers, which have a scale, not class labels, found 1"
    );
    let one = Standardization::from_parts(vec![0.0], vec![1.0]).unwrap();
    assert!(labeled.standardize_targets(&one).is_err());
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn standardized_values_have_mean_0_and_scale_1(
        values in proptest::collection::vec(-1e3..1e3_f64, 2..60), offset in -1e6..1e6_f64,
    ) {
        prop_assume!(values.iter().any(|value| (value - values[0]).abs() > 1.0));
        let x = DMatrix::from_row_slice(1, values.len(), &values).map(|x| x + offset);
        let mut z = x.clone();
        let fit = Standardization::of(&z).unwrap();
        fit.apply(&mut z).unwrap();
        prop_assert!(z.mean().abs() < 1e-9);
        prop_assert!((z.norm_squared() / values.len() as f64 - 1.0).abs() < 1e-9);
        fit.invert(&mut z).unwrap();
        prop_assert!((z - x).amax() <= 4.0 * f64::EPSILON * (1e3 + offset.abs()));
    }
}
