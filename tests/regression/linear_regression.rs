//! Linear regression of data in memory: its roads, options and errors.

use approx::assert_relative_eq;
use gradus::error::Column;
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::regression::{FitStatistics, Intercept, RankDeficiency, RobustCovariance, Solver};
use gradus::{Error, LinearFit, LinearRegression, NormalEquation};
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

const BOTH: [Intercept; 2] = [Intercept::Include, Intercept::Omit];

/// Uniform in ±2.
fn random(rows: usize, columns: usize, seed: u64) -> DMatrix<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    DMatrix::from_fn(rows, columns, |_, _| rng.random_range(-2.0..2.0))
}

fn fit(x: &DMatrix<f64>, y: &DMatrix<f64>) -> LinearFit<f64> {
    LinearRegression::new().fit(x, y).unwrap()
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn every_road_leads_to_the_same_place(
        seed: u64, features in 0_usize..7, more in 1_usize..400, targets in 1_usize..4, include: bool, weighted: bool,
    ) {
        let intercept = if include { Intercept::Include } else { Intercept::Omit };
        let features = if include { features } else { features + 1 };
        let rows = features + 1 + more;
        let (x, y) = (random(rows, features, seed), random(rows, targets, seed.wrapping_add(1)));
        let weights: Vec<f64> = random(rows, 1, seed.wrapping_add(2)).iter().map(|w| w.abs() + 0.1).collect();
        let solve = |solver: Option<Solver>| {
            let model = LinearRegression::new().with_intercept(intercept);
            let model = solver.map_or(model, |solver| model.with_solver(solver));
            if weighted { model.fit_weighted(&x, &y, &weights[..]) } else { model.fit(&x, &y) }.unwrap()
        };
        let expected = solve(Some(Solver::Sums));
        for solver in [None, Some(Solver::Cholesky), Some(Solver::Householder)] {
            let found = solve(solver);
            prop_assert_eq!(found.report().solver, solver.unwrap_or(Solver::Cholesky));
            prop_assert!(found.report().converged);
            assert_relative_eq!(found.parameters(), expected.parameters(), epsilon = 1e-15, max_relative = 1e-14);
            let errors = found.standard_errors().unwrap();
            assert_relative_eq!(errors, expected.standard_errors().unwrap(), max_relative = 1e-13);
        }
    }

    #[test]
    fn ridge_is_the_fit_to_data_with_a_row_for_each_coefficient(seed: u64, lambda in 1e-6..1e3_f64, features in 1_usize..6) {
        let (x, y) = (random(20, features, seed), random(20, 2, seed.wrapping_add(1)));
        let found = LinearRegression::new().with_ridge(lambda).unwrap().fit(&x, &y).unwrap();
        // The rows of the penalty have no one of the intercept: center both by hand.
        let (mean_x, mean_y) = (x.row_mean(), y.row_mean());
        let centered = |m: &DMatrix<f64>, mean: &gradus::nalgebra::RowDVector<f64>| {
            DMatrix::from_fn(m.nrows() + features, m.ncols(), |i, j| if i < m.nrows() { m[(i, j)] - mean[j] } else { 0.0 })
        };
        let (mut rows, targets) = (centered(&x, &mean_x), centered(&y, &mean_y));
        (0..features).for_each(|j| rows[(20 + j, j)] = lambda.sqrt());
        let expected = LinearRegression::new().with_intercept(Intercept::Omit).fit(&rows, &targets).unwrap();
        assert_relative_eq!(found.coefficients(), expected.coefficients(), epsilon = 1e-14, max_relative = 1e-12);
        let constant = mean_y - mean_x * found.coefficients();
        assert_relative_eq!(found.intercept().transpose(), constant, epsilon = 1e-13, max_relative = 1e-12);
        prop_assert!(found.standard_errors().is_none());
    }
}

#[test]
fn conjugate_gradients_arrive_where_the_others_do() {
    for (rows, columns, intercept) in
        [(60, 1, Intercept::Include), (300, 40, Intercept::Include), (300, 40, Intercept::Omit)]
    {
        let (mut x, y) = (random(rows, columns, 40), random(rows, 2, 41));
        // Columns of other sizes, far from the origin.
        x.column_mut(0).apply(|value| *value = 1e6 + 1e3 * *value);
        let weights: Vec<f64> = random(rows, 1, 42).iter().map(|weight| weight.abs()).collect();
        let model = LinearRegression::new().with_intercept(intercept);
        for lambda in [0.0, 2.0] {
            let model = model.with_ridge(lambda).unwrap();
            let found = model.with_solver(Solver::ConjugateGradient).fit_weighted(&x, &y, &weights[..]).unwrap();
            let expected = model.fit_weighted(&x, &y, &weights[..]).unwrap();
            assert_relative_eq!(found.parameters(), expected.parameters(), epsilon = 1e-15, max_relative = 1e-13);
            assert_eq!(found.report().solver, Solver::ConjugateGradient);
            assert!(found.report().converged && found.standard_errors().is_none());
            assert_eq!(found.statistics()[1].r_squared.is_some(), expected.statistics()[1].r_squared.is_some());
        }
    }
}

#[test]
fn a_penalty_makes_any_problem_solvable() {
    // Fewer observations than unknowns, and a column twice.
    let mut x = random(3, 5, 1);
    let first = x.column(0).into_owned();
    x.set_column(4, &first);
    let fit = LinearRegression::new().with_ridge(0.5).unwrap().fit(&x, &random(3, 1, 2)).unwrap();
    assert_relative_eq!(fit.coefficients()[0], fit.coefficients()[4], max_relative = 1e-12);
}

#[test]
fn large_blocks_of_rows_are_walked_over_in_order() {
    for intercept in BOTH {
        let x = random(5_000, 12, 23);
        let y = random(5_000, 1, 24) + x.columns(0, 3).column_sum();
        let found = LinearRegression::new().with_intercept(intercept).fit(&x, &y).unwrap();
        let mut sums = NormalEquation::new(12, 1).with_intercept(intercept);
        sums.push(&x, &y).unwrap();
        assert_relative_eq!(found.parameters(), sums.solve().unwrap().parameters(), max_relative = 1e-14);
    }
}

/// So many rows that they are summed in parts, whose sums are added.
#[test]
fn many_rows_are_summed_in_parts() {
    let x = random(160_000, 12, 61);
    let y = random(160_000, 2, 62) + x.columns(0, 2);
    let weights: Vec<f64> = random(160_000, 1, 63).iter().map(|weight| weight.abs() + 0.1).collect();
    let mut sums = NormalEquation::new(12, 2);
    sums.push_weighted(&x, &y, &weights[..]).unwrap();
    let expected = sums.solve().unwrap();
    let model = LinearRegression::new();
    for model in [model.without_refinement(), model, model.with_solver(Solver::Householder)] {
        let found = model.fit_weighted(&x, &y, &weights[..]).unwrap();
        assert_relative_eq!(found.parameters(), expected.parameters(), max_relative = 1e-12);
        // 160 000 · 13² are more than are refined without being asked for.
        assert!(!found.report().standard_errors_refined);
    }
}

/// With columns of length 1, of which one may be that of the intercept. Conjugate gradients look at the columns without
/// their means then.
#[test]
fn the_condition_number_is_estimated_from_below() {
    let mut x = random(200, 3, 64);
    x.column_mut(0).add_scalar_mut(30.0);
    x.column_mut(1).add_scalar_mut(4.0);
    x.column_mut(1).iter_mut().for_each(|entry| *entry *= 1e6);
    let y = random(200, 1, 65);
    for intercept in BOTH {
        let mut columns = if intercept == Intercept::Include { x.clone().insert_column(0, 1.0) } else { x.clone() };
        columns.column_iter_mut().for_each(|mut column| column.unscale_mut(column.norm()));
        let singular = columns.singular_values();
        let condition = singular.max() / singular.min();
        let by_gradients = if intercept == Intercept::Include { 1.0 / condition } else { 0.5 };
        for (solver, at_least) in
            [(Solver::Cholesky, 0.99), (Solver::Householder, 0.99), (Solver::ConjugateGradient, by_gradients)]
        {
            let model = LinearRegression::new().with_intercept(intercept).with_solver(solver);
            let found = model.fit(&x, &y).unwrap().report().condition;
            let expected = at_least * condition..=condition * (1.0 + 1e-9);
            assert!(expected.contains(&found), "{intercept:?} {solver:?}: {found} {condition}");
        }
    }
}

/// The rounding of the parameters, and about κ² ε² ‖r‖ / (‖X‖ ‖β‖) beyond.
#[test]
fn the_bound_of_the_error_grows_with_the_residuals() {
    let (x, noise) = (random(3_000, 1, 66), random(3_000, 1, 67));
    let fit = |x: &DMatrix<f64>, y: &DMatrix<f64>| LinearRegression::new().fit(x, y).unwrap().report().error_bound;
    assert!((f64::EPSILON..f64::EPSILON * 1.01).contains(&fit(&x, &(&x * 5.0 + &noise))));
    // A second column that differs from the first by 1e-8, and a residual that is a thousand times the signal.
    let near = DMatrix::from_fn(3_000, 2, |i, j| x[i] + j as f64 * 1e-8 * noise[i]);
    let cubes = noise.map(|value| 1e12 * value.powi(3));
    let bound = fit(&near, &cubes);
    assert!((f64::EPSILON * (1.0 + 1e-7)..1e-10).contains(&bound), "{bound:e}");
}

#[test]
fn standard_errors_are_refined_on_request() {
    let (x, y) = (random(50, 2, 25), random(50, 1, 26));
    let model = LinearRegression::new();
    assert!(model.fit(&x, &y).unwrap().report().standard_errors_refined);
    let plain = model.with_refined_standard_errors(false).fit(&x, &y).unwrap();
    assert!(!plain.report().standard_errors_refined);
    let refined = model.with_refined_standard_errors(true).fit(&x, &y).unwrap();
    assert_relative_eq!(plain.standard_errors().unwrap(), refined.standard_errors().unwrap(), max_relative = 1e-13);
}

#[test]
fn without_refinement_the_digits_of_the_factor_are_left_and_nothing_is_claimed() {
    let (x, y) = (random(200, 5, 43), random(200, 1, 44));
    let quick = LinearRegression::new().without_refinement().fit(&x, &y).unwrap();
    assert_relative_eq!(quick.parameters(), fit(&x, &y).parameters(), epsilon = 1e-13, max_relative = 1e-11);
    assert_eq!((quick.report().refinement_steps, quick.report().converged), (1, false));
}

#[test]
fn without_refinement_statistics_are_those_of_the_fit() {
    let x = random(300, 4, 45);
    let (noise, ridge) = (random(300, 1, 46), LinearRegression::new().with_ridge(2.0).unwrap());
    let mut weights = random(300, 1, 47).map(f64::abs);
    weights[17] = 0.0;
    // The last has residuals of which a difference of sums would leave few digits.
    for size in [3.0, 1e-2, 1e-7] {
        let y = x.column_sum() + size * &noise + DVector::repeat(300, 5.0);
        for model in [LinearRegression::new(), LinearRegression::new().with_intercept(Intercept::Omit), ridge] {
            for weights in [None, Some(weights.as_slice())] {
                let fit = |model: LinearRegression| match weights {
                    None => model.fit(&x, &y).unwrap(),
                    Some(weights) => model.fit_weighted(&x, &y, weights).unwrap(),
                };
                let (quick, expected) = (fit(model.without_refinement()), fit(model));
                let (found, exact) = (&quick.statistics()[0], &expected.statistics()[0]);
                assert!(found.residual_resolved);
                let sums = |fit: &FitStatistics<f64>| fit.residual_sum_of_squares.unwrap();
                assert_relative_eq!(sums(found), sums(exact), max_relative = 1e-7);
                assert_relative_eq!(found.r_squared.unwrap(), exact.r_squared.unwrap(), max_relative = 1e-9);
                let errors = quick.standard_errors().zip(expected.standard_errors());
                assert_eq!(errors.is_some(), model != ridge);
                errors.iter().for_each(|(found, exact)| assert_relative_eq!(found, exact, max_relative = 1e-7));
            }
        }
    }
    let exact = LinearRegression::new().without_refinement().fit(&x, &x.column_sum()).unwrap();
    assert!(!exact.statistics()[0].residual_resolved);
}

/// Designs so long that the scales of their columns are taken from a sample of the rows.
#[test]
fn rows_outside_of_the_sample_are_seen() {
    let rows = 20_000;
    let x = random(rows, 3, 48);
    let y = random(rows, 1, 49) + x.column_sum();
    let changed = |change: &dyn Fn(&mut DMatrix<f64>)| {
        let mut x = x.clone();
        change(&mut x);
        x
    };
    let designs = [
        x.clone(),
        // One entry beyond all others; of another magnitude from some row on; a trend; all but constant.
        changed(&|x| x[(777, 1)] = 1e170),
        changed(&|x| x.view_mut((500, 2), (rows - 500, 1)).scale_mut(1e-160)),
        changed(&|x| (0..rows).for_each(|i| x[(i, 0)] += (i * i) as f64)),
        changed(&|x| x.column_mut(1).fill(0.0)) + DMatrix::from_fn(rows, 3, |i, j| f64::from(i == 777 && j == 1)),
        changed(&|x| x.column_mut(2).add_scalar_mut(1e6)),
    ];
    for (place, x) in designs.iter().enumerate() {
        let mut sums = NormalEquation::new(3, 1);
        sums.push(x, &y).unwrap();
        let (expected, found) = (sums.solve().unwrap(), LinearRegression::new().fit(x, &y).unwrap());
        assert!(found.report().converged, "{place}");
        assert_relative_eq!(found.parameters(), expected.parameters(), max_relative = 1e-13);
        let (found, expected) = (found.standard_errors().unwrap(), expected.standard_errors().unwrap());
        assert_relative_eq!(found, expected, max_relative = 1e-9);
    }
    for bad in [f64::NAN, f64::INFINITY] {
        let error = LinearRegression::new().fit(&changed(&|x| x[(777, 1)] = bad), &y).unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 777, column: 1, .. }), "{error}");
    }
}

#[test]
fn single_precision_works() {
    let x = dmatrix![0.0_f32, 0.0; 1.0, 0.0; 0.0, 1.0; 1.0, 1.0];
    let fit = LinearRegression::new().fit(&x, &dvector![3.0_f32, 5.0, 2.0, 4.0]).unwrap();
    assert_eq!(fit.parameters(), dmatrix![3.0; 2.0; -1.0]);
}

/// A design of this rank, by random combinations of random columns, whole numbers so that they are exact.
fn deficient(rows: usize, columns: usize, rank: usize, seed: u64) -> DMatrix<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut whole =
        |rows, columns, most: i32| DMatrix::from_fn(rows, columns, |_, _| f64::from(rng.random_range(-most..=most)));
    let first = whole(rows, rank, 50);
    let rest = &first * whole(rank, columns - rank, 3);
    DMatrix::from_fn(rows, columns, |i, j| if j < rank { first[(i, j)] } else { rest[(i, j - rank)] })
}

#[test]
fn dependent_columns_may_be_dropped() {
    let (x, y) = (deficient(40, 6, 4, 30), random(40, 2, 31));
    let model = LinearRegression::new().with_rank_deficiency(RankDeficiency::Drop);
    let found = model.fit(&x, &y).unwrap();
    let expected = fit(&x.columns(0, 4).into_owned(), &y);
    assert_eq!(found.coefficients().rows(0, 4), *expected.coefficients());
    assert_eq!(found.coefficients().rows(4, 2), DMatrix::zeros(2, 2));
    assert_relative_eq!(
        found.standard_errors().unwrap().rows(0, 5).into_owned(),
        *expected.standard_errors().unwrap(),
        max_relative = 1e-14
    );
    assert_eq!(found.standard_errors().unwrap().rows(5, 2), DMatrix::zeros(2, 2));
    assert_eq!(found.degrees_of_freedom(), expected.degrees_of_freedom());
    assert_relative_eq!(
        found.statistics()[0].r_squared.unwrap(),
        expected.statistics()[0].r_squared.unwrap(),
        max_relative = 1e-14
    );
    let columns: Vec<Column> = found.dependencies().iter().map(|dependency| dependency.column).collect();
    assert_eq!(columns, [Column::Feature(4), Column::Feature(5)]);
    assert!(fit(&random(9, 2, 32), &random(9, 1, 33)).dependencies().is_empty());
}

/// The pseudo-inverse, of columns less their means where there is an intercept.
#[test]
fn the_solution_of_least_norm_is_that_of_the_pseudo_inverse() {
    for (rows, columns, rank) in [(30, 6, 4), (30, 5, 2), (5, 9, 5), (4, 4, 3)] {
        for intercept in BOTH {
            let (x, y) = (deficient(rows, columns, rank, 34), random(rows, 2, 35));
            let model = LinearRegression::new().with_intercept(intercept);
            let found = model.with_rank_deficiency(RankDeficiency::MinimumNorm).fit(&x, &y).unwrap();
            let centered = |m: &DMatrix<f64>| match intercept {
                Intercept::Omit => m.clone(),
                Intercept::Include => m - DMatrix::from_element(rows, 1, 1.0) * m.row_mean(),
            };
            let expected = centered(&x).pseudo_inverse(1e-9).unwrap() * centered(&y);
            assert_relative_eq!(*found.coefficients(), expected, epsilon = 1e-12, max_relative = 1e-10);
            let means = model.with_rank_deficiency(RankDeficiency::Drop).fit(&x, &y).unwrap();
            assert_relative_eq!(found.predict(&x).unwrap(), means.predict(&x).unwrap(), epsilon = 1e-11);
            assert!(found.standard_errors().is_none());
        }
    }
}

/// A marker of a missing value must not count, however large.
#[test]
fn what_has_no_weight_may_be_anything_finite() {
    let x = dvector![0.0011_f32, 0.0023, 0.0037, 0.0041, 0.0059, 0.0];
    let y = dvector![1.0_f32, 3.0, 5.0, 7.5, 8.0, 1e30];
    let weights = [1.0_f32, 1.0, 1.0, 1.0, 1.0, 0.0];
    let expected = LinearRegression::new().fit(&x.rows(0, 5), &y.rows(0, 5)).unwrap();
    let mut marked = x.clone();
    marked[5] = f32::MAX;
    for x in [&x, &marked] {
        let found = LinearRegression::new().fit_weighted(x, &y, &weights[..]).unwrap();
        assert_eq!(found.parameters(), expected.parameters());
        assert_eq!(found.standard_errors(), expected.standard_errors());
        assert!((found.statistics()[0].residual_standard_deviation.unwrap() - 1.029).abs() < 1e-3);
    }
}

#[test]
fn penalties_out_of_range_and_too_many_unknowns_are_refused() {
    let (x, y) = (dmatrix![1.0_f32, 1.0; 2.0, 2.0; 4.0, 4.0], dvector![1.0_f32, 2.0, 3.0]);
    for lambda in [1e-50, 1e300] {
        let error = LinearRegression::new().with_ridge(lambda).unwrap().fit(&x, &y).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "ridge penalty", .. }));
    }
    // Nothing beside columns of this size: they are dependent.
    let x = dmatrix![1e200, 1e200; 2e200, 2e200; 4e200, 4e200];
    let error = LinearRegression::new().with_ridge(1.0).unwrap().fit(&x, &dvector![1.0, 2.0, 3.0]).unwrap_err();
    assert!(matches!(error, Error::RankDeficient { .. }));
    let wide = DMatrix::from_element(1, 8_000_000, 1.0);
    let error = LinearRegression::new().with_ridge(1.0).unwrap().fit(&wide, &dvector![1.0]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }));
}

#[test]
fn of_nothing_but_zeros_all_columns_are_dropped() {
    let y = dmatrix![1.0, 0.0; 2.0, 0.0; -2.0, 0.0];
    let bare = LinearRegression::new().with_intercept(Intercept::Omit);
    // Also those that are zero where it counts.
    let (zeros, hidden) = (DMatrix::zeros(3, 2), dmatrix![0.0, 0.0; 0.0, 0.0; 0.0, 0.0; 5.0, 7.0]);
    let longer = y.clone().insert_row(3, 9.0);
    for way in [RankDeficiency::Drop, RankDeficiency::MinimumNorm] {
        let model = bare.with_rank_deficiency(way);
        let plain = model.fit(&zeros, &y).unwrap();
        let weighted = model.fit_weighted(&hidden, &longer, &[1.0, 1.0, 1.0, 0.0][..]).unwrap();
        for fit in [plain, weighted] {
            assert_eq!((fit.coefficients(), fit.degrees_of_freedom()), (&DMatrix::zeros(2, 2), Some(3)));
            let names: Vec<String> = fit.dependencies().iter().map(ToString::to_string).collect();
            assert_eq!(names, ["x0 = 0", "x1 = 0"]);
            assert_eq!(fit.predict(&dmatrix![4.0, 5.0]).unwrap(), dmatrix![0.0, 0.0]);
            let [first, second] = [fit.statistics()[0], fit.statistics()[1]];
            assert_relative_eq!(first.residual_standard_deviation.unwrap(), 3_f64.sqrt());
            assert_eq!((first.r_squared, first.f_statistic), (Some(0.0), None));
            assert_eq!((second.residual_sum_of_squares, second.r_squared), (Some(0.0), None));
            let zeros = DMatrix::zeros(2, 2);
            assert_eq!(fit.standard_errors(), (way == RankDeficiency::Drop).then_some(&zeros));
            assert!(fit.report().converged);
        }
        assert!(model.fit(&zeros, &y).unwrap().to_string().contains("\nx1 "));
    }
}

/// Every road, and what each says of a fit with these weights.
fn weighted_fits(x: &DMatrix<f64>, y: &DMatrix<f64>, weights: &[f64], intercept: Intercept) -> Vec<LinearFit<f64>> {
    let model = LinearRegression::new().with_intercept(intercept);
    let solvers = [Solver::Cholesky, Solver::Householder, Solver::ConjugateGradient];
    solvers.iter().map(|&solver| model.with_solver(solver).fit_weighted(x, y, weights).unwrap()).collect()
}

#[test]
fn weights_times_a_power_of_four_give_the_same_bits() {
    let (x, y) = (random(12, 3, 50), random(12, 2, 51));
    let mut weights: Vec<f64> = random(12, 1, 52).iter().map(|weight| weight.exp()).collect();
    weights[5] = 0.0;
    for intercept in BOTH {
        let plain = weighted_fits(&x, &y, &weights, intercept);
        for half in [-505_i32, -300, -1, 1, 300, 505] {
            let power = 2_f64.powi(half);
            let scaled: Vec<f64> = weights.iter().map(|weight| weight * power * power).collect();
            for (plain, found) in plain.iter().zip(weighted_fits(&x, &y, &scaled, intercept)) {
                assert_eq!(found.parameters(), plain.parameters(), "4^{half}");
                assert_eq!(found.standard_errors(), plain.standard_errors());
                assert_eq!(found.report(), plain.report());
                for (a, b) in plain.statistics().iter().zip(found.statistics()) {
                    assert_eq!((a.r_squared, a.f_statistic, a.f_p_value), (b.r_squared, b.f_statistic, b.f_p_value));
                    let sums = [a, b].map(|statistics| statistics.residual_sum_of_squares.unwrap());
                    assert_eq!(sums[0] * power * power, sums[1]);
                    let deviations = [a, b].map(|statistics| statistics.residual_standard_deviation);
                    assert_eq!(deviations[0].map(|deviation| deviation * power), deviations[1]);
                    // Σ ln w and n ln Σ w r² grow by as much.
                    assert_relative_eq!(
                        a.log_likelihood.unwrap_or(0.0),
                        b.log_likelihood.unwrap_or(0.0),
                        epsilon = 1e-11
                    );
                }
                let diagnostics = [(plain, &weights), (&found, &scaled)]
                    .map(|(fit, weights)| fit.diagnostics_weighted(&x, &y, &weights[..]).unwrap());
                let [a, b] = diagnostics;
                assert_eq!((a.residuals(), a.leverages()), (b.residuals(), b.leverages()));
                assert_eq!(a.cooks_distances(), b.cooks_distances());
                for kind in [RobustCovariance::Hc0, RobustCovariance::Hc3] {
                    assert_eq!(a.robust_standard_errors(kind), b.robust_standard_errors(kind));
                }
                if plain.standard_errors().is_some() {
                    let [a, b] = [plain, &found].map(|fit| fit.mean_response_intervals(&x, 0.9).unwrap().unwrap());
                    assert_relative_eq!(a.lower, b.lower, max_relative = 1e-13);
                }
            }
        }
    }
}

#[test]
fn weights_may_lie_anywhere_in_the_range_of_the_type() {
    let (x, y) = (random(12, 3, 53), random(12, 2, 54));
    for intercept in BOTH {
        // All the same, they do not matter; but where statistics are in their units, these may overflow.
        let plain = LinearRegression::new().with_intercept(intercept).fit(&x, &y).unwrap();
        for weight in [f64::MAX, 1e300, 1e-300, 1e-310, 5e-324] {
            for found in weighted_fits(&x, &y, &[weight; 12], intercept) {
                assert_relative_eq!(found.parameters(), plain.parameters(), max_relative = 1e-13);
                let sum = found.statistics()[0].residual_sum_of_squares;
                assert_eq!(sum.is_some(), weight < 1e301, "{weight}");
                let Some(errors) = found.standard_errors() else { continue };
                assert_relative_eq!(errors, plain.standard_errors().unwrap(), max_relative = 1e-13);
                assert_relative_eq!(
                    found.statistics()[0].log_likelihood.unwrap(),
                    plain.statistics()[0].log_likelihood.unwrap(),
                    epsilon = 1e-10
                );
                let diagnostics = found.diagnostics_weighted(&x, &y, &[weight; 12][..]).unwrap();
                let expected = plain.diagnostics(&x, &y).unwrap();
                assert_relative_eq!(diagnostics.leverages().unwrap(), expected.leverages().unwrap(), epsilon = 1e-14);
                assert_relative_eq!(*diagnostics.residuals(), *expected.residuals(), epsilon = 1e-14);
                let intervals = found.mean_response_intervals(&x, 0.9).unwrap().unwrap();
                let expected = plain.mean_response_intervals(&x, 0.9).unwrap().unwrap();
                assert_relative_eq!(intervals.lower, expected.lower, epsilon = 1e-12);
            }
        }
        // Mixed, those that are nothing beside the others count for nothing in the coefficients, and as observations.
        let heavy = LinearRegression::new().with_intercept(intercept).fit(&x.rows(0, 7), &y.rows(0, 7)).unwrap();
        let weights: Vec<f64> = (0..12).map(|row| if row < 7 { f64::MAX } else { [1e-310, 1.0][row % 2] }).collect();
        for found in weighted_fits(&x, &y, &weights, intercept) {
            assert_relative_eq!(found.parameters(), heavy.parameters(), max_relative = 1e-13);
            assert_eq!(found.observations(), 12);
            let Some(freedom) = found.degrees_of_freedom() else { continue };
            assert_eq!(freedom, heavy.degrees_of_freedom().unwrap() + 5);
            let diagnostics = found.diagnostics_weighted(&x, &y, &weights[..]).unwrap();
            let residuals = &y - heavy.predict(&x).unwrap();
            assert_relative_eq!(*diagnostics.residuals(), residuals, epsilon = 1e-12);
        }
    }
    // A column of which only the lightest observation says anything.
    let x = dmatrix![1.0, 0.0; 2.0, 0.0; 3.0, 0.0; 4.0, 2.0];
    let y = dmatrix![1.0; 2.5; 2.5; 10.0];
    let slope = LinearRegression::new().with_intercept(Intercept::Omit);
    for found in weighted_fits(&x, &y, &[1.0, 1.0, 1.0, 5e-324], Intercept::Omit) {
        // Σxy/Σx² = 13.5/14 of the first three.
        let first = 13.5 / 14.0;
        assert_relative_eq!(*found.coefficients(), dmatrix![first; (10.0 - 4.0 * first) / 2.0], max_relative = 1e-14);
    }
    // Beside the heaviest no digits are left of the others, and it alone does not tell the columns apart: they are
    // independent, but not with these weights.
    let error = slope.fit_weighted(&x, &y, &[1.0_f64, 1.0, 1.0, f64::MAX][..]).unwrap_err();
    assert!(matches!(error, Error::IllConditioned { .. }), "{error}");
}

/// What a column is made of does not depend on how much its rows count.
#[test]
fn dependent_columns_are_named_with_any_weights() {
    let x = random(12, 2, 71);
    let x = x.clone().insert_column(2, 0.0);
    let x = DMatrix::from_fn(12, 3, |i, j| if j == 2 { 0.1 * x[(i, 0)] - 0.7 * x[(i, 1)] } else { x[(i, j)] });
    let y = random(12, 1, 72);
    for span in [0.5, 3.0, 12.0, 60.0] {
        let weights: Vec<f64> = (0..12).map(|row| f64::from(row * 5 % 12) / 12.0 * span).map(f64::exp2).collect();
        for solver in [None, Some(Solver::Householder)] {
            let model = LinearRegression::new();
            let model = solver.map_or(model, |solver| model.with_solver(solver));
            let error = model.fit_weighted(&x, &y, &weights[..]).unwrap_err();
            let Error::RankDeficient { dependencies, .. } = &error else { panic!("{span}: {error}") };
            let combination = &dependencies[0].combination;
            assert_eq!((dependencies.len(), combination.len()), (1, 2), "{span}: {error}");
            assert!(
                (combination[0].1 - 0.1).abs() < 1e-12 && (combination[1].1 + 0.7).abs() < 1e-12,
                "{span}: {error}"
            );
        }
    }
}

#[test]
fn penalties_may_be_any_beside_their_columns() {
    let (x, y) = (random(9, 2, 55), random(9, 1, 56));
    let ridge = |lambda: f64, x: &DMatrix<f64>, y: &DMatrix<f64>| {
        LinearRegression::new().with_ridge(lambda).unwrap().fit(x, y).unwrap()
    };
    let expected = ridge(0.75, &x, &y);
    for half in [-500_i32, -200, 200, 500] {
        let power = 2_f64.powi(half);
        let found = ridge(0.75 * power * power, &(&x * power), &y);
        assert_eq!(found.coefficients() * power, *expected.coefficients(), "4^{half}");
        assert_eq!(found.intercept(), expected.intercept());
    }
    // β = xᵀy / λ of columns less their means, as good as zero beside ȳ.
    for (lambda, scale) in [(1.0, 1e-200), (1e300, 1.0), (1e300, 1e-100)] {
        let scaled = &x * scale;
        let found = ridge(lambda, &scaled, &y);
        let slopes = (&scaled - DMatrix::from_element(9, 1, 1.0) * scaled.row_mean()).tr_mul(&y) / lambda;
        assert_relative_eq!(*found.coefficients(), slopes, epsilon = 0.0, max_relative = 1e-12);
        assert_relative_eq!(found.intercept()[0], y.mean(), max_relative = 1e-14);
        assert!(found.report().converged);
    }
}

/// The coefficients are `(XᵀX)⁻¹Xᵀy`: linear in y, and where y = X b is exact they move by −(XᵀX)⁻¹Xᵀ dX b with X. Dual
/// numbers go through all of the fit, refinement included.
#[cfg(feature = "num-dual")]
#[test]
fn fits_of_dual_numbers_have_the_derivatives_of_the_coefficients() {
    use num_dual::Dual64;

    let (x, direction) = (random(30, 3, 1), random(30, 3, 2));
    let b = dmatrix![1.5; -0.25; 0.75];
    let y = &x * &b;
    let dual = |value: &DMatrix<f64>, slope: &DMatrix<f64>| value.zip_map(slope, Dual64::new);
    let constant = |value: &DMatrix<f64>| value.map(Dual64::from);
    for solver in [Solver::Cholesky, Solver::Householder] {
        let plain = LinearRegression::new().with_solver(solver).with_intercept(Intercept::Omit);
        let fitted = |x: &DMatrix<Dual64>, y: &DMatrix<Dual64>| {
            let method = LinearRegression::new().with_solver(solver).with_intercept(Intercept::Omit);
            let fit = method.fit(x, y).unwrap();
            (fit.coefficients().map(|value| value.re), fit.coefficients().map(|value| value.eps))
        };
        let targets = random(30, 1, 3);
        let (value, slope) = fitted(&constant(&x), &dual(&y, &targets));
        assert_relative_eq!(value, b, max_relative = 1e-13);
        assert_relative_eq!(slope, *plain.fit(&x, &targets).unwrap().coefficients(), max_relative = 1e-11);

        let (value, slope) = fitted(&dual(&x, &direction), &constant(&y));
        assert_relative_eq!(value, b, max_relative = 1e-13);
        let expected = -plain.fit(&x, &(&direction * &b)).unwrap().coefficients();
        assert_relative_eq!(slope, expected, max_relative = 1e-11);
    }
}

/// What an unconverged fit says: κ is 1e13, and the standard errors are not refined.
#[test]
fn a_residual_that_is_not_resolved_is_not_made_zero_where_the_fit_has_not_converged() {
    let x = DVector::from_fn(6, |i, _| 1e13 + i as f64);
    let y = dvector![1.0, 5.0, 2.0, 4.0, 3.0, 6.0];
    let fit = LinearRegression::new().with_refined_standard_errors(false).fit(&x, &y).unwrap();
    let statistics = fit.statistics()[0];
    let residual = statistics.residual_sum_of_squares.unwrap();
    // 11.2 is right.
    let is_true = statistics.residual_error_bound.is_none_or(|bound| (residual - 11.2).abs() <= bound);
    assert!(residual > 0.0 && is_true, "{statistics:?}");
    assert!(fit.report().converged || fit.to_string().contains("not every number has its digits"), "{fit}");
}

/// Beside terms of this size a slope of 1.84 has no digits.
#[test]
fn a_parameter_that_large_terms_cancel_to_has_converged_only_with_its_digits() {
    let x = dvector![0.1, -0.1, 0.3, 0.7, 0.9];
    for exponent in 0..31 {
        let large = 10_f64.powi(exponent);
        let y = dvector![large, large, 1.0, 2.0, 1.0];
        for solver in [Solver::Cholesky, Solver::Householder, Solver::Sums, Solver::ConjugateGradient] {
            let regression = LinearRegression::new().with_intercept(Intercept::Omit).with_solver(solver);
            let fit = regression.fit(&x, &y).unwrap();
            let error = (fit.coefficients()[0] / 1.843_971_631_205_673_7 - 1.0).abs();
            assert!(!fit.report().converged || error < 1e-12, "1e{exponent}, {solver:?}: {fit}");
        }
    }
}

/// The residuals of a penalized fit are not orthogonal to what a correction changes.
#[test]
fn the_residual_sum_of_a_penalized_fit_has_its_digits() {
    let (x, y) = (dvector![1.0, 2.0, 5.0], dvector![3.0, 6.0, 15.0]);
    // β = 90 / (30 + λ), hence Σ r² = 270 λ² / (30 + λ)².
    for penalty in [1e-9, 1e-5, 1e-2, 1.0, 30.0, 1e5] {
        let regression = LinearRegression::new().with_intercept(Intercept::Omit).with_ridge(penalty).unwrap();
        let statistics = regression.fit(&x, &y).unwrap().statistics()[0];
        let expected = 270.0 * (penalty / (30.0 + penalty)).powi(2);
        let found = statistics.residual_sum_of_squares.unwrap();
        assert!((found / expected - 1.0).abs() < 1e-14, "{penalty}: {found} for {expected}");
    }
}

#[test]
fn beyond_the_digits_of_sums_nothing_is_known_of_their_residual() {
    let x = dmatrix![
        427241028.4084157, 0.7511306373642731;
        427241029.7427732, 1.4183093822456092;
        427241025.62521064, -0.6404718806380911;
        427241028.58817834, 0.8410119581671547;
        427241028.5439677, 0.8189066652530612];
    let y =
        dvector![-3.805512965729946, -5.817641914432122, -7.616910793368467, 9.451242524413757, -11.163770068234802];
    let weights =
        [0.009429073982539176, 0.14834115344150373, 1.2673944002085814e-8, 6.998647190470171e-5, 0.02376828887072101];
    let mut sums = NormalEquation::<f64>::new(2, 1);
    sums.push_weighted(&x, &y, weights.as_slice()).unwrap();
    if let Ok(fit) = sums.solve() {
        let statistics = fit.statistics()[0];
        // 4.8e-4 is right.
        let found = statistics.residual_sum_of_squares.unwrap();
        assert!(statistics.residual_error_bound.is_none_or(|bound| (found - 4.8e-4).abs() <= bound), "{statistics:?}");
    }
}

#[test]
fn weights_that_are_all_small_or_large_hide_no_dependency() {
    let (x, y) = (dmatrix![1.0, 2.0; 2.0, 4.0; 3.0, 6.0; 5.0, 10.0], dvector![1.0, 2.0, 2.0, 5.0]);
    for weight in [1e-200, 1e-20, 1.0, 1e20, 1e200] {
        let mut sums = NormalEquation::new(2, 1);
        sums.push_weighted(&x, &y, [weight; 4].as_slice()).unwrap();
        let error = sums.solve().unwrap_err();
        assert!(matches!(error, Error::RankDeficient { .. }) && error.to_string().contains("x1 = 2·x0"), "{error}");
    }
}

/// In single precision: the third residual is 1e-5 of targets of 30 000.
#[test]
fn residuals_keep_within_their_bounds_in_single_precision() {
    let x = dvector![0.19835716_f32, 0.00630394, 0.7961212, 0.8512763, 0.9811977];
    let y = dvector![11.0_f32, 0.0, 46.0, 49.0, 57.0].map(|below| -30_000.0 - below / 512.0);
    let diagnostics = LinearRegression::new().fit(&x, &y).unwrap().diagnostics(&x, &y).unwrap();
    let (wide_x, wide_y) = (x.map(f64::from), y.map(f64::from));
    let exact = LinearRegression::new().fit(&wide_x, &wide_y).unwrap().diagnostics(&wide_x, &wide_y).unwrap();
    for (row, (&found, &right)) in diagnostics.residuals().iter().zip(exact.residuals().iter()).enumerate() {
        let bound = f64::from(diagnostics.residual_error_bounds()[row]);
        assert!(
            found != 0.0 && (f64::from(found) - right).abs() <= bound + 1e-7 * right.abs(),
            "{row}: {found} {right}"
        );
    }
}

#[test]
fn a_summary_says_which_columns_depend_on_others() {
    let (x, y) = (dmatrix![1.0, 1397196544.0; 2.0, 2794393088.0; 4.0, 5588786176.0], dvector![1.0, 2.0, 2.0]);
    for deficiency in [RankDeficiency::Drop, RankDeficiency::MinimumNorm] {
        let fit = LinearRegression::new().with_rank_deficiency(deficiency).fit(&x, &y).unwrap();
        assert!(fit.to_string().contains("Dependent column: x1 = 1397196544·x0."), "{fit}");
    }
    let x = dmatrix![1.0, 1e200; 2.0, 2e200; 4.0, 4e200];
    let error = LinearRegression::new().fit(&x, &y).unwrap_err().to_string();
    assert!(error.contains("x1 = 1e200·x0"), "{error}");
}
