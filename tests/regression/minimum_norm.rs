//! Dependent columns and powers that are kept as they are given, held against exact rational arithmetic.

mod exact;

use exact::{Worst, columns_of, error, exact, ones, powers, rational, rationals};
use gradus::nalgebra::{DMatrix, DVector, dvector};
use gradus::regression::{Intercept, RankDeficiency, RobustCovariance, Solver, polynomial};
use gradus::{Error, LinearFit, LinearRegression};
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

type Rational = BigRational;

fn least(intercept: Intercept) -> LinearRegression {
    LinearRegression::new().with_intercept(intercept).with_rank_deficiency(RankDeficiency::MinimumNorm)
}

fn check_polynomial(worst: &mut Worst, x: &[f64], y: &[f64], degree: usize) -> LinearFit<f64> {
    let exact = exact(&powers(x, degree), &rationals(y), &ones(y.len()), Intercept::Include, &Rational::zero());
    let what = (x, y, degree);
    let fit = least(Intercept::Include).fit_polynomial(x, &DVector::from_row_slice(y), degree);
    let fit = fit.unwrap_or_else(|error| panic!("{what:?}: {error}"));
    assert_eq!(fit.degrees_of_freedom(), Some(y.len() - exact.rank), "{what:?}");
    assert!(fit.centered_polynomial().is_none() || fit.dependencies().is_empty());
    worst.add(&fit, &polynomial(x, degree).unwrap(), &exact, &what);
    fit
}

#[test]
fn polynomials_of_too_high_a_degree_have_the_least_norm() {
    let mut worst = Worst::default();
    let y = [1.0, 2.0, 4.0, 4.0, 5.0];
    let seconds = [1.6e9, 1.6e9, 1.6e9 + 3600.0, 1.6e9 + 7200.0, 1.6e9 + 7200.0];
    let years = [2000.0, 2000.0, 2001.0, 2001.0, 2002.0];
    for (x, degree) in [(seconds, 3), (seconds, 4), (years, 5), (years, 6), (years, 8), (years, 20)] {
        let fit = check_polynomial(&mut worst, &x, &y, degree);
        assert!(fit.report().converged, "{x:?}, {degree}: {:?}", fit.report());
    }
    worst.say("found", 6);

    let mut worst = Worst::default();
    for seed in 0..600 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let origins = [0.0, 0.5, -7.0, 1e3, 2000.0, -44_000.0, 1.6e9, 1e13];
        let (origin, step) = (origins[rng.random_range(0..origins.len())], rng.random_range(1..5000));
        let scale = 2_f64.powi(rng.random_range(-20..8));
        let (distinct, rows) = (rng.random_range(1..5), rng.random_range(5..9));
        let x: Vec<f64> = (0..rows)
            .map(|row| {
                let place = if row < distinct { row } else { rng.random_range(0..distinct) };
                (origin + f64::from(step * place as i32)) * scale
            })
            .collect();
        let y: Vec<f64> = (0..rows).map(|_| f64::from(rng.random_range(-50..50))).collect();
        check_polynomial(&mut worst, &x, &y, distinct + rng.random_range(0..5));
    }
    // Those of a step of 1e-11 of the origin have lost their digits.
    worst.say("polynomials", 540);
}

/// Whole numbers, of which some columns are combinations of others, in units of their own.
fn dependent(rng: &mut ChaCha8Rng, largest: i32, span: i32) -> DMatrix<f64> {
    let (rows, rank) = (rng.random_range(4..9), rng.random_range(1..4));
    let columns = rank + rng.random_range(1..4);
    let mut whole =
        |rows, columns, most: i32| DMatrix::from_fn(rows, columns, |_, _| f64::from(rng.random_range(-most..=most)));
    let mut x = whole(rows, rank, largest) * whole(rank, columns, 3);
    for mut column in x.column_iter_mut() {
        column *= 2_f64.powi(rng.random_range(-span..=span));
    }
    x
}

#[test]
fn combinations_of_columns_have_the_least_norm() {
    for (name, largest, span, fewest) in [
        ("in one unit", 20, 0, 1150),
        ("large", 1_000_000, 3, 1150),
        ("graded", 50, 20, 1150),
        ("far apart", 50, 60, 1150),
        ("farther", 50, 300, 500),
    ] {
        let mut worst = Worst::default();
        for seed in 0..1200 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let x = dependent(&mut rng, largest, span);
            let y: Vec<f64> = (0..x.nrows()).map(|_| rng.random_range(-10.0..10.0)).collect();
            let weights: Vec<f64> = (0..x.nrows()).map(|_| f64::from(rng.random_range(0..5))).collect();
            let (intercept, weighted) =
                (if seed % 2 == 0 { Intercept::Include } else { Intercept::Omit }, seed % 3 == 0);
            if weighted && weights.iter().all(|&weight| weight == 0.0) {
                continue;
            }
            let vector = DVector::from_row_slice(&y);
            let (fit, weights) = match weighted {
                false => (least(intercept).fit(&x, &vector), ones(y.len())),
                true => (least(intercept).fit_weighted(&x, &vector, &weights[..]), rationals(&weights)),
            };
            let fit = match fit {
                Ok(fit) => fit,
                // Of units so far apart rounding decides which columns count.
                Err(Error::IllConditioned { .. }) if span > 100 => continue,
                Err(error) => panic!("{name}, {seed}: {error}"),
            };
            let exact = exact(&columns_of(&x), &rationals(&y), &weights, intercept, &Rational::zero());
            worst.add(&fit, &x, &exact, &(name, seed, &x));
        }
        worst.say(name, fewest);
    }
}

#[test]
fn multiples_of_one_row_have_the_least_norm() {
    let y = [1.0, 4.0, 3.0, 9.0, 10.0, 2.0];
    let multiples = [1.0, 5.0, 2.0, 8.0, 11.0, 3.0];
    let mut worst = Worst::default();
    for power in [0, -20, -50, -60, -100, -300, -500, 40, 300] {
        let row = [3.0 * 2_f64.powi(power), 1.0, 7.0];
        let x = DMatrix::from_fn(6, 3, |i, j| multiples[i] * row[j]);
        let fit = least(Intercept::Omit).fit(&x, &DVector::from_row_slice(&y)).unwrap();
        let exact = exact(&columns_of(&x), &rationals(&y), &ones(6), Intercept::Omit, &Rational::zero());
        assert!(fit.report().converged, "2^{power}: {:?}", fit.report());
        worst.add(&fit, &x, &exact, &power);
    }
    worst.say("multiples", 9);
    // Whose relation is not a number of the type.
    let multiples = [700_001.0, 500_003.0, 222_222.0, 800_005.0, 110_017.0, 333_331.0];
    let x = DMatrix::from_fn(6, 2, |i, j| multiples[i] * [3.0, 1.0][j]);
    let y = DVector::from_fn(6, |i, _| 0.7 * x[(i, 0)] + 5.0);
    let exact = exact(&columns_of(&x), &rationals(y.as_slice()), &ones(6), Intercept::Include, &Rational::zero());
    let [moved, dropped] = [RankDeficiency::MinimumNorm, RankDeficiency::Drop].map(|how| {
        let fit = LinearRegression::new().with_rank_deficiency(how).fit(&x, &y).unwrap();
        worst.add(&least(Intercept::Include).fit(&x, &y).unwrap(), &x, &exact, &"thirds");
        fit.diagnostics(&x, &y).unwrap().residuals().clone()
    });
    assert!((moved - &dropped).amax() <= 1e-13 * dropped.amax(), "{dropped}");
}

/// Combinations that hold but for the rounding of the data: the sum of squares is what the coefficients leave.
#[test]
fn squares_are_those_that_moved_coefficients_leave() {
    for seed in 0..300 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rows = rng.random_range(5..9);
        let mut x = DMatrix::from_fn(rows, 3, |_, _| rng.random_range(-10.0..10.0));
        let last = x.column(0) * 0.1 + x.column(1) * (1.0 / 3.0);
        x.set_column(2, &last);
        let noise = if seed % 2 == 0 { 0.0 } else { 0.5 };
        let y = DVector::from_fn(rows, |i, _| x[(i, 0)] - 2.0 * x[(i, 1)] + noise * rng.random_range(-1.0..1.0));
        let fit = least(Intercept::Omit).fit(&x, &y).unwrap();
        assert_eq!(fit.dependencies().len(), 1, "{seed}");
        let left = fit.diagnostics(&x, &y).unwrap().residuals().norm_squared();
        let statistics = fit.statistics()[0];
        let found: f64 = statistics.residual_sum_of_squares.unwrap();
        if statistics.residual_resolved {
            assert!((found - left).abs() <= 1e-13 * left, "{seed}: {found:e}, {left:e}");
        } else {
            assert!(left <= 1e-28 * y.norm_squared(), "{seed}: {left:e}");
        }
    }
}

/// Without an intercept, or with a penalty, predictions are those of powers, not of powers that have been rounded.
#[test]
fn powers_as_they_are_given_are_evaluated_in_twice_the_precision() {
    let mut worst = Worst::default();
    let days: Vec<f64> = (0..7).map(|day| 1.6e9 + 86_400.0 * f64::from(day)).collect();
    let y = [1.0, 3.0, 2.0, 5.0, 4.0, 7.0, 7.5];
    let vector = dvector![1.0, 3.0, 2.0, 5.0, 4.0, 7.0, 7.5];
    let years: Vec<f64> = (0..7).map(|year| 2000.0 + f64::from(year)).collect();
    let small: Vec<f64> = (0..7).map(|place| 1e-3 * f64::from(place) + 0.1).collect();
    for (x, degree, intercept, ridge) in [
        (&days, 3, Intercept::Omit, 0.0),
        (&days, 1, Intercept::Omit, 0.0),
        (&years, 3, Intercept::Omit, 0.0),
        (&years, 4, Intercept::Omit, 0.0),
        (&years, 2, Intercept::Omit, 1.0),
        (&years, 2, Intercept::Include, 1e-3),
        (&years, 3, Intercept::Include, 100.0),
        (&small, 3, Intercept::Include, 1e-6),
        (&small, 4, Intercept::Omit, 0.0),
    ] {
        let model = LinearRegression::new().with_intercept(intercept).with_ridge(ridge).unwrap();
        let fit = model.fit_polynomial(x, &vector, degree).unwrap();
        let exact = exact(&powers(x, degree), &rationals(&y), &ones(7), intercept, &rational(ridge));
        let rows = polynomial(x, degree).unwrap();
        let what = (x, degree, intercept, ridge);
        worst.add(&fit, &rows, &exact, &what);
        assert!(fit.centered_polynomial().is_none());
        let diagnostics = fit.diagnostics(&rows, &vector).unwrap();
        let found: f64 = diagnostics.residuals().norm_squared();
        assert!(error(found, &exact.residual) < 1e-12, "{what:?}: {found} for {:?}", exact.residual.to_f64());
        if ridge == 0.0 {
            assert!(diagnostics.robust_standard_errors(RobustCovariance::Hc3).iter().all(Option::is_some));
        }
    }
    worst.say("given powers", 9);
}

#[test]
fn of_columns_of_zeros_the_model_that_is_zero_is_left() {
    let y = dvector![1.0, 2.0, 4.0];
    for way in [RankDeficiency::Drop, RankDeficiency::MinimumNorm] {
        let bare = LinearRegression::new().with_intercept(Intercept::Omit).with_rank_deficiency(way);
        let by = |solver| bare.with_solver(solver);
        for model in [bare, by(Solver::Cholesky), by(Solver::Householder), bare.without_refinement()] {
            for columns in [1, 2, 5] {
                let x = DMatrix::zeros(3, columns);
                let weights = [1.0, 0.5, 0.0];
                let hidden = DMatrix::from_fn(3, columns, |row, _| if row == 2 { 7.0 } else { 0.0 });
                let fits = [
                    (model.fit(&x, &y).unwrap(), 3),
                    (model.fit_weighted(&x, &y, &weights[..]).unwrap(), 2),
                    (model.fit_weighted(&hidden, &y, &weights[..]).unwrap(), 2),
                    (model.fit_polynomial(&[0.0; 3], &y, columns).unwrap(), 3),
                ];
                for (fit, freedom) in fits {
                    assert_eq!(fit.coefficients(), &DMatrix::zeros(columns, 1));
                    assert_eq!((fit.dependencies().len(), fit.degrees_of_freedom()), (columns, Some(freedom)));
                    assert_eq!(fit.predict(&DMatrix::from_element(2, columns, 3.0)).unwrap(), DMatrix::zeros(2, 1));
                    assert!(fit.report().converged);
                }
            }
            // With an intercept the mean is left.
            let fit = model.with_intercept(Intercept::Include).fit(&DMatrix::zeros(3, 2), &y).unwrap();
            let fit: LinearFit<f64> = fit;
            assert!((fit.intercept()[0] - 7.0 / 3.0).abs() < 1e-15 && fit.coefficients().amax() == 0.0);
        }
    }
}

#[test]
fn single_precision_has_the_least_norm() {
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let x = dependent(&mut rng, 20, 3);
        let y = DVector::from_fn(x.nrows(), |_, _| f64::from(rng.random_range(-9..9)));
        let exact =
            exact(&columns_of(&x), &rationals(y.as_slice()), &ones(y.len()), Intercept::Include, &Rational::zero());
        let fit = least(Intercept::Include).fit(&x.map(|x| x as f32), &y.map(|y| y as f32)).unwrap();
        assert!(fit.report().converged, "{seed}: {:?}", fit.report());
        for (&found, exact) in fit.coefficients().iter().zip(&exact.parameters[1..]) {
            assert!(error(f64::from(found), exact) < 1e-5, "{seed}: {found}, {exact}");
        }
    }
}

/// Rows outside of the sample, by which columns are scaled, may be larger.
#[test]
fn columns_are_in_the_units_of_all_rows() {
    let x = DMatrix::from_fn(40_000, 2, |i, j| {
        let first = f64::from((i % 97) as u32) + if i == 20_001 { 1e6 } else { 0.0 };
        first * [1.0, 3.0][j]
    });
    let y = x.column(0) * 10.0;
    for (how, slopes) in [(RankDeficiency::Drop, [10.0, 0.0]), (RankDeficiency::MinimumNorm, [1.0, 3.0])] {
        for intercept in [Intercept::Include, Intercept::Omit] {
            let fit = least(intercept).with_rank_deficiency(how).fit(&x, &y).unwrap();
            assert!(fit.coefficients().iter().zip(slopes).all(|(found, slope)| (found - slope).abs() < 1e-14), "{fit}");
        }
    }
}

/// More columns than rows, and columns of which half are combinations.
#[test]
fn of_many_columns_the_norm_is_least() {
    for (rows, rank, columns) in [(20, 20, 150), (120, 40, 80), (60, 59, 60)] {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut whole = |rows, columns| DMatrix::from_fn(rows, columns, |_, _| f64::from(rng.random_range(-9..=9)));
        let x = whole(rows, rank) * whole(rank, columns);
        let y = whole(rows, 1);
        let fit = least(Intercept::Omit).fit(&x, &y).unwrap();
        assert!(fit.report().converged, "{:?}", fit.report());
        let expected = x.pseudo_inverse(1e-6).unwrap() * &y;
        let error = (fit.coefficients() - &expected).norm() / expected.norm();
        assert!(error < 1e-9, "{error:e}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn what_is_stored_is_the_same_fit() {
    let y = dvector![1.0, 2.0, 4.0, 4.0, 5.0];
    let x = [2000.0, 2000.0, 2001.0, 2001.0, 2002.0];
    let penalized = LinearRegression::new().with_ridge(1.0).unwrap();
    for fit in [
        least(Intercept::Include).fit_polynomial(&x, &y, 5).unwrap(),
        LinearRegression::new().with_intercept(Intercept::Omit).fit_polynomial(&x, &y, 2).unwrap(),
        penalized.fit_polynomial(&x, &y, 3).unwrap(),
    ] {
        let read: LinearFit<f64> = serde_json::from_str(&serde_json::to_string(&fit).unwrap()).unwrap();
        assert_eq!(read, fit);
    }
}

#[test]
fn relations_that_have_no_digits_are_refused_or_not_said_to_have_converged() {
    // A column beside which another is nothing: their difference is a third.
    for power in [-80, -200, -600] {
        let small = 2_f64.powi(power);
        let x = DMatrix::from_fn(6, 3, |i, j| {
            let values = [(i * i) as f64, (i % 3) as f64];
            [values[0], values[1], values[0] + values[1] * small][j]
        });
        match least(Intercept::Include).fit(&x, &dvector![1.0, 3.0, 2.0, 5.0, 4.0, 7.0]) {
            Ok(fit) => {
                let right = exact(
                    &columns_of(&x),
                    &rationals(&[1.0, 3.0, 2.0, 5.0, 4.0, 7.0]),
                    &ones(6),
                    Intercept::Include,
                    &Rational::zero(),
                );
                Worst::default().add(&fit, &x, &right, &power);
            }
            Err(error) => assert!(matches!(error, Error::IllConditioned { .. }), "{error}"),
        }
    }
}
