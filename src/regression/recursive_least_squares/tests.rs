use nalgebra::DMatrix;

use super::*;
use crate::NormalEquation;
use crate::regression::Intercept;

/// Between −1 and 1, by the mixing of SplitMix64.
fn noise(step: usize) -> f64 {
    let mut bits = (step as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits >> 32) as f64 / f64::from(1_u32 << 31) - 1.0
}

fn observation(step: usize, truth: &[f64]) -> (Vec<f64>, f64) {
    let x: Vec<f64> = (0..truth.len()).map(|j| noise(step * truth.len() + j) * 10_f64.powi(j as i32)).collect();
    let y = dot(&x, truth) + 0.1 * noise(7 * step + 3);
    (x, y)
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn every_prefix_is_the_weighted_least_squares_solution() {
    let truth = [2.0, -1.0, 0.5, 3.0];
    for lambda in [1.0, 0.99, 0.7] {
        let mut online = RecursiveLeastSquares::new(4, lambda).unwrap();
        let observations: Vec<_> = (0..200).map(|step| observation(step, &truth)).collect();
        for (step, (x, y)) in observations.iter().enumerate() {
            let predicted = online.predict(x).unwrap();
            assert_eq!(online.update(x, *y).unwrap(), y - predicted);
            let count = step + 1;
            assert_eq!((online.observations(), online.is_determined()), (count, count >= 4));
            if count < 4 {
                continue;
            }
            let x = DMatrix::from_fn(count, 4, |row, j| observations[row].0[j]);
            let y = DMatrix::from_fn(count, 1, |row, _| observations[row].1);
            let weights: Vec<f64> = (0..count).map(|row| lambda.powi((step - row) as i32)).collect();
            let mut sums = NormalEquation::new(4, 1).with_intercept(Intercept::Omit);
            sums.push_weighted(&x, &y, weights.as_slice()).unwrap();
            let expected = sums.solve().unwrap();
            let difference = difference(online.parameters(), expected.coefficients().as_slice());
            assert!(difference < 1e-10, "{lambda} {count} {difference:e}");
        }
    }
}

#[test]
fn before_they_are_determined_parameters_are_fitted_around_the_others() {
    let mut online = RecursiveLeastSquares::new(2, 1.0).unwrap();
    assert_eq!(online.update(&[0.0, 0.0], 7.0), Ok(7.0));
    assert_eq!(online.parameters(), [0.0, 0.0]);
    assert_eq!(online.update(&[0.0, 2.0], 6.0), Ok(6.0));
    assert_eq!((online.parameters(), online.is_determined()), (&[0.0, 3.0][..], false));
    assert_eq!(online.update(&[0.0, 2.0], 6.0), Ok(0.0));
    assert!(!online.is_determined());
    assert_eq!(online.update(&[1.0, 0.0], 5.0), Ok(5.0));
    assert!(online.is_determined() && difference(online.parameters(), &[5.0, 3.0]) < 1e-15);
}

#[test]
fn a_jump_of_the_parameters_is_followed() {
    let (before, after) = ([1.0, -2.0, 0.3], [-1.0, 4.0, 0.1]);
    let mut online = RecursiveLeastSquares::new(3, 0.9).unwrap();
    for step in 0..600 {
        let truth = if step < 300 { &before } else { &after };
        let (x, y) = observation(step, truth);
        let error = online.update(&x, y).unwrap();
        assert!(step != 300 || error.abs() > 0.5, "{error}");
        if step == 299 || step == 599 {
            assert!(difference(online.parameters(), truth) < 0.1, "{step} {:?}", online.parameters());
        }
    }
}

#[test]
fn refused_observations_change_nothing() {
    for lambda in [0.0, -0.1, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY] {
        let error = RecursiveLeastSquares::new(1, lambda).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "forgetting factor", .. }), "{error}");
    }
    assert_eq!(RecursiveLeastSquares::new(0, 1.0).unwrap_err(), Error::Empty { what: "features" });
    assert!(matches!(RecursiveLeastSquares::new(usize::MAX, 1.0), Err(Error::TooLarge { .. })));

    let mut online = RecursiveLeastSquares::new(2, 0.9).unwrap();
    for step in 0..9 {
        let (x, y) = observation(step, &[1.0, 2.0]);
        online.update(&x, y).unwrap();
    }
    let mut twin = online.clone();
    let huge = f64::MAX;
    assert!(matches!(online.update(&[1.0], 0.0), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(online.predict(&[1.0; 3]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(online.update(&[1.0, f64::NAN], 0.0), Err(Error::NotFinite { row: 1, .. })));
    assert!(matches!(online.update(&[1.0, 2.0], f64::INFINITY), Err(Error::NotFinite { .. })));
    assert!(matches!(online.update(&[huge, huge], 0.0), Err(Error::Overflow { .. })));
    assert!(matches!(online.update(&[0.0, huge], -huge), Err(Error::Overflow { .. })));
    assert_eq!(online.observations(), 9);
    let (x, y) = observation(9, &[1.0, 2.0]);
    assert_eq!(online.update(&x, y), twin.update(&x, y));
    assert_eq!(online.parameters(), twin.parameters());
}

#[test]
fn without_excitation_it_stays_finite_and_recovers() {
    let truth = [2.0, -1.0, 0.5];
    let inputs: [fn(usize) -> [f64; 3]; 4] =
        [|_| [0.0; 3], |_| [1.0, 1.0, 1.0], |_| [0.0, 0.3, 0.7], |step| [0.1 * noise(step), 0.7 * noise(step), 0.3]];
    for (case, lambda) in (0..4).flat_map(|case| [0.95, 0.999, 1.0].map(|lambda| (case, lambda))) {
        let input = inputs[case];
        let mut online = RecursiveLeastSquares::new(3, lambda).unwrap();
        for step in 0..100 {
            let (x, y) = observation(step, &truth);
            online.update(&x, y).unwrap();
        }
        let mut worst: f64 = 0.0;
        for step in 0..100_000 {
            let x = input(step);
            online.update(&x, dot(&x, &truth) + 0.01 * noise(3 * step + 1)).unwrap();
            worst = worst.max(difference(online.parameters(), &truth));
        }
        assert!(worst < 0.2, "{case} {lambda} {worst}");
        assert!(case == 0 || online.is_determined() == (lambda == 1.0), "{case} {lambda}");
        for step in 0..300 {
            let (x, y) = observation(step, &truth);
            online.update(&x, y).unwrap();
        }
        assert!(online.is_determined() && difference(online.parameters(), &truth) < 0.1, "{case} {lambda}");
    }
}

#[test]
fn an_update_allocates_nothing() {
    let mut online = RecursiveLeastSquares::new(40, 0.99_f32).unwrap();
    let x: Vec<f32> = (0..40).map(|j| noise(j) as f32).collect();
    let allocations = allocation_counter::measure(|| {
        for y in [1.0, -2.0, f32::NAN] {
            let _ = online.update(&x, y);
        }
    });
    assert_eq!((allocations.count_total, online.observations()), (0, 2));
}
