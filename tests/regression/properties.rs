//! Linear regression: properties of the fit, and an error for every kind of data that has none.

use approx::assert_relative_eq;
use gradus::error::Column;
use gradus::gradient::Difference;
use gradus::nalgebra::{DMatrix, DMatrixView, DVector, Dyn, dmatrix, dvector};
use gradus::network::ParameterRange;
use gradus::optimizer::StopReason;
use gradus::regression::{Intercept, LeastSquaresObjective};
use gradus::{
    Error, GradientCheck, GradientDescent, LinearFit, LinearRegression, NormalEquation, Objective, Optimizer, Result,
    Stop,
};
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

type View<'a> = DMatrixView<'a, f64, Dyn, Dyn>;

const BOTH: [Intercept; 2] = [Intercept::Include, Intercept::Omit];

fn fit<'a>(x: impl Into<View<'a>>, y: impl Into<View<'a>>, intercept: Intercept) -> Result<LinearFit<f64>> {
    let (x, y) = (x.into(), y.into());
    let mut sums = NormalEquation::new(x.ncols(), y.ncols()).with_intercept(intercept);
    sums.push(x, y)?;
    sums.solve()
}

/// Uniform in ±2.
fn random(rows: usize, columns: usize, seed: u64) -> DMatrix<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    DMatrix::from_fn(rows, columns, |_, _| rng.random_range(-2.0..2.0))
}

/// Observations × features, at least as many as twice the features, and far from dependent, the column of ones
/// included: ±6 on two diagonals, ±½ elsewhere. The condition number is below 20.
fn well_conditioned(rows: usize, features: usize, seed: u64) -> DMatrix<f64> {
    let mut x = random(rows, features, seed) / 4.0;
    for j in 0..features {
        x[(j, j)] += 6.0;
        x[(j + features, j)] -= 6.0;
    }
    x
}

/// Whether the largest difference is within `tolerance` of the largest entry of `b`.
fn is_near(a: &DMatrix<f64>, b: &DMatrix<f64>, tolerance: f64) -> bool {
    a.shape() == b.shape() && (a - b).amax() <= tolerance * b.amax()
}

/// With a column of ones in front if there is an intercept.
fn design(x: &DMatrix<f64>, intercept: Intercept) -> DMatrix<f64> {
    match intercept {
        Intercept::Include => x.clone().insert_column(0, 1.0),
        Intercept::Omit => x.clone(),
    }
}

#[track_caller]
fn says(error: &Error, piece: &str) {
    assert!(error.to_string().contains(piece), "expected {piece:?} in {:?}", error.to_string());
}

// ---------------------------------------------------------------------------------------------------------------
// Solutions known by hand
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn a_line_through_four_points_is_the_one_computed_by_hand() {
    // Means 1.5 and 2.75; Σ(x − x̄)(y − ȳ) = 5.5, Σ(x − x̄)² = 5.
    let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.0, 3.0, 2.0, 5.0]);
    let line = fit(&x, &y, Intercept::Include).unwrap();
    assert!((line.coefficients()[(0, 0)] - 1.1).abs() < 1e-14 && (line.intercept()[0] - 1.1).abs() < 1e-14);
    assert_eq!(line.parameters(), dmatrix![line.intercept()[0]; line.coefficients()[(0, 0)]]);

    // Through the origin: Σxy / Σx² = 22/14.
    let line = fit(&x, &y, Intercept::Omit).unwrap();
    assert!((line.coefficients()[(0, 0)] - 22.0 / 14.0).abs() < 1e-14);
    assert_eq!(line.intercept(), &dvector![0.0]);
    assert_eq!(&line.parameters(), line.coefficients());
}

#[test]
fn several_features_and_targets_are_those_of_the_exact_model() {
    // y₀ = 3 + 2 x₀ − x₁, y₁ = −1 + ½ x₁, y₂ = 7.
    let x = dmatrix![0.0, 0.0; 1.0, 0.0; 0.0, 1.0; 2.0, 3.0; -1.0, 4.0];
    let parameters = dmatrix![3.0, -1.0, 7.0; 2.0, 0.0, 0.0; -1.0, 0.5, 0.0];
    let y = design(&x, Intercept::Include) * &parameters;
    let planes = fit(&x, &y, Intercept::Include).unwrap();
    assert!((planes.parameters() - &parameters).amax() < 1e-13);
    assert_eq!((planes.coefficients().shape(), planes.intercept().len()), ((2, 3), 3));
    assert!(
        (planes.predict(&dmatrix![10.0, 20.0; 0.0, 0.0]).unwrap() - dmatrix![3.0, 9.0, 7.0; 3.0, -1.0, 7.0]).amax()
            < 1e-12
    );

    let y = &x * dmatrix![2.0, 0.0; -1.0, 0.5];
    let planes = fit(&x, &y, Intercept::Omit).unwrap();
    assert!((planes.parameters() - dmatrix![2.0, 0.0; -1.0, 0.5]).amax() < 1e-13);
    assert_eq!(planes.predict(&dmatrix![0.0, 0.0]).unwrap(), dmatrix![0.0, 0.0]);
}

#[test]
fn the_same_sums_serve_both_models_and_grow_after_a_solution() {
    let (x, y) = (dvector![1.0, 2.0], dvector![1.0, 3.0]);
    let mut sums = NormalEquation::new(1, 1);
    sums.push(&x, &y).unwrap();
    let line = sums.clone().with_intercept(Intercept::Omit).solve().unwrap();
    assert_eq!(line, fit(&x, &y, Intercept::Omit).unwrap());
    assert!((sums.solve().unwrap().parameters() - dmatrix![-1.0; 2.0]).amax() < 1e-14);
    sums.push(&dvector![0.0, 3.0], &dvector![1.0, 2.0]).unwrap();
    assert_eq!(sums.observations(), 4);
    // x = 1, 2, 0, 3 and y = 1, 3, 1, 2: Σ(x − x̄)(y − ȳ) = 2.5, Σ(x − x̄)² = 5, means 1.5 and 1.75.
    assert!((sums.solve().unwrap().parameters() - dmatrix![1.0; 0.5]).amax() < 1e-14);
}

#[test]
fn single_precision_reaches_single_precision() {
    let x = dmatrix![0.0_f32, 0.0; 1.0, 0.0; 0.0, 1.0; 2.0, 3.0];
    let y = dvector![3.0_f32, 5.0, 2.0, 4.0];
    let mut sums = NormalEquation::<f32>::new(2, 1);
    sums.push(&x, &y).unwrap();
    let plane = sums.solve().unwrap();
    assert!((plane.parameters() - dmatrix![3.0; 2.0; -1.0]).amax() < 1e-5);
    assert!((plane.predict(&x).unwrap() - &y).amax() < 1e-5);

    let mut objective = LeastSquaresObjective::<f32>::new(&x, &y, Intercept::Include).unwrap();
    let mut parameters = [0.0; 3];
    let stop = Stop::after(10_000).gradient_norm(1e-5).unwrap();
    let report = GradientDescent::new(0.1).unwrap().minimize(&mut objective, &mut parameters, &stop);
    assert_eq!(report.reason, StopReason::Converged);
    assert!((DVector::from_row_slice(&parameters) - dvector![3.0, 2.0, -1.0]).amax() < 1e-4);
}

#[test]
fn columns_of_the_most_different_scales_fit_together() {
    // The Gram matrix holds 1e-300 and 1e300.
    let x = dmatrix![1e-150, 1e150; 2e-150, -1e150; 3e-150, 2e150; 5e-150, 0.5e150];
    let y = &x * dvector![2e150, -3e-150];
    for intercept in BOTH {
        let plane = fit(&x, &y, intercept).unwrap();
        let [small, large] = [plane.coefficients()[0], plane.coefficients()[1]];
        assert!((small / 2e150 - 1.0).abs() < 1e-12, "{small}");
        assert!((large / -3e-150 - 1.0).abs() < 1e-12, "{large}");
        assert!(plane.intercept()[0].abs() < 1e-12);
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Properties
// ---------------------------------------------------------------------------------------------------------------

prop_compose! {
    /// A well-conditioned problem: X, Y, and whether it has an intercept.
    fn problem()(features in 1_usize..6, targets in 1_usize..4)
        (rows in 2 * features + 1..2 * features + 20, features in Just(features), targets in Just(targets),
         seed in any::<u64>(), intercept in prop::sample::select(BOTH.to_vec()))
        -> (DMatrix<f64>, DMatrix<f64>, Intercept)
    {
        (well_conditioned(rows, features, seed), random(rows, targets, seed ^ 1), intercept)
    }
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn residuals_are_orthogonal_to_the_columns((x, y, intercept) in problem()) {
        let fit = fit(&x, &y, intercept).unwrap();
        let residuals = &y - fit.predict(&x).unwrap();
        // Parameters that are off by κ² ε ≈ 1e-13 leave XᵀX times as much; the entries of XᵀX are below 200.
        prop_assert!(design(&x, intercept).tr_mul(&residuals).amax() < 1e-11);
    }

    #[test]
    fn targets_of_an_exact_model_give_its_parameters((x, _, intercept) in problem(), targets in 1_usize..4, seed: u64) {
        let parameters = random(design(&x, intercept).ncols(), targets, seed);
        let y = design(&x, intercept) * &parameters;
        // κ² ε ≈ 1e-13 with room for the sums.
        prop_assert!(is_near(&fit(&x, &y, intercept).unwrap().parameters(), &parameters, 1e-11));
    }

    #[test]
    fn pushing_in_any_blocks_equals_pushing_at_once((x, y, intercept) in problem(), cuts in prop::collection::vec(0.0..=1.0, 0..6)) {
        let rows = x.nrows();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| (cut * rows as f64) as usize).collect();
        cuts.extend([0, rows]);
        cuts.sort_unstable();
        let mut sums = NormalEquation::new(x.ncols(), y.ncols()).with_intercept(intercept);
        for cut in cuts.windows(2) {
            // Blocks of no rows are among them.
            let (start, length) = (cut[0], cut[1] - cut[0]);
            sums.push(&x.rows(start, length), &y.rows(start, length)).unwrap();
        }
        prop_assert_eq!(sums.observations(), rows);
        // The sums differ in the order of their additions, by n ε ≈ 1e-14; κ² ≈ 400 magnifies that.
        prop_assert!(is_near(&sums.solve().unwrap().parameters(), &fit(&x, &y, intercept).unwrap().parameters(), 1e-11));
    }

    #[test]
    fn gradient_descent_finds_the_same_parameters((x, y, intercept) in problem()) {
        let mut objective = LeastSquaresObjective::new(&x, &y, intercept).unwrap();
        let design = design(&x, intercept);
        let hessian = design.tr_mul(&design) * (2.0 / x.nrows() as f64);
        let mut parameters = vec![0.0; objective.parameter_count()];
        let stop = Stop::after(10_000).gradient_norm(1e-9).unwrap();
        let report = GradientDescent::new(1.0 / hessian.symmetric_eigenvalues().max())
            .unwrap()
            .minimize(&mut objective, &mut parameters, &stop);
        prop_assert_eq!(report.reason, StopReason::Converged);
        let exact = fit(&x, &y, intercept).unwrap().parameters();
        let found = DMatrix::from_column_slice(exact.nrows(), exact.ncols(), &parameters);
        prop_assert!((found - exact).amax() < 1e-6);
    }

    #[test]
    fn the_gradient_of_the_objective_is_that_of_its_value((x, y, intercept) in problem(), seed: u64) {
        let mut objective = LeastSquaresObjective::new(&x, &y, intercept).unwrap();
        let parameters = random(objective.parameter_count(), 1, seed);
        let whole = [ParameterRange::whole(parameters.len())];
        let report = GradientCheck::new(Difference::fourth_order()).run(&mut objective, parameters.as_slice(), &whole);
        prop_assert!(report.passed(), "{}", report);
    }

    #[test]
    fn the_fit_is_the_minimum_of_the_objective((x, y, intercept) in problem(), seed: u64) {
        let mut objective = LeastSquaresObjective::new(&x, &y, intercept).unwrap();
        let best = fit(&x, &y, intercept).unwrap();
        let n = x.nrows() as f64;
        let at_best = objective.value(best.parameters().as_slice());
        let residuals = &y - best.predict(&x).unwrap();
        prop_assert!((at_best - residuals.norm_squared() / n).abs() < 1e-13 * (1.0 + at_best));

        // f(Θ + Δ) = f(Θ) + ‖X Δ‖²/n holds at the minimum only; the columns of Y count as one sum.
        let (unknowns, targets) = best.parameters().shape();
        let away = random(unknowns, targets, seed);
        let value = objective.value((best.parameters() + &away).as_slice());
        let rise = (design(&x, intercept) * &away).norm_squared() / n;
        prop_assert!(at_best <= value && (value - at_best - rise).abs() < 1e-12 * value);
    }
}

#[test]
fn thousands_of_observations_sum_up_alike_in_any_blocks() {
    // More than one block of the product, and pieces that do not divide it.
    let (x, y) = (random(1_000, 3, 1), random(1_000, 2, 2));
    let at_once = fit(&x, &y, Intercept::Include).unwrap().parameters();
    for length in [1, 7, 255, 256, 257, 999] {
        let mut sums = NormalEquation::new(3, 2);
        for start in (0..1_000).step_by(length) {
            let length = length.min(1_000 - start);
            sums.push(&x.rows(start, length), &y.rows(start, length)).unwrap();
        }
        assert!((sums.solve().unwrap().parameters() - &at_once).amax() < 1e-13, "{length}");
    }
    // The sums of 1000 products, once without blocks.
    let design = design(&x, Intercept::Include);
    let exact = design.tr_mul(&design).cholesky().unwrap().solve(&design.tr_mul(&y));
    assert!((at_once - exact).amax() < 1e-13);
}

// ---------------------------------------------------------------------------------------------------------------
// Views
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn places_are_counted_in_the_view_and_numbers_outside_it_do_not_matter() {
    let mut x = DMatrix::from_element(6, 2, f64::NAN);
    for i in [1, 3, 5] {
        x[(i, 0)] = i as f64;
    }
    let y = dvector![1.0, 2.0, 3.0];
    assert!(fit(x.view_with_steps((1, 0), (3, 1), (1, 0)), &y, Intercept::Include).is_ok());
    x[(3, 0)] = f64::NAN;
    let error = fit(x.view_with_steps((1, 0), (3, 1), (1, 0)), &y, Intercept::Include).unwrap_err();
    assert!(matches!(error, Error::NotFinite { what: "design matrix", row: 1, column: 0, .. }), "{error}");
}

// ---------------------------------------------------------------------------------------------------------------
// Bad data
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn several_dependencies_are_all_named() {
    let mut x = random(40, 6, 25);
    let columns: Vec<_> = x.column_iter().map(|column| column.into_owned()).collect();
    x.set_column(2, &(&columns[0] * 2.0 - &columns[1]));
    x.set_column(5, &(&columns[3] * -0.5 + &columns[0] * 1e6));
    let error = fit(&x, &random(40, 1, 26), Intercept::Include).unwrap_err();
    says(&error, "found x2 = 2·x0 − x1, x5 = 1000000·x0 − 0.5·x3");
}

/// The scale of a column is that of its largest entry so far: one that comes late, or only in other sums.
#[test]
fn data_that_outgrow_their_scale_fit_as_well() {
    let mut x = random(40, 2, 27);
    x[(30, 1)] = 3e150;
    x[(39, 0)] = -2e-160;
    let y = random(40, 1, 28);
    let expected = fit(&x, &y, Intercept::Include).unwrap();
    let sums_of = |rows: std::ops::Range<usize>| {
        let mut sums = NormalEquation::new(2, 1);
        for row in rows {
            sums.push(&x.rows(row, 1), &y.rows(row, 1)).unwrap();
        }
        sums
    };
    let (mut first, mut second) = (sums_of(0..20), sums_of(20..40));
    assert_relative_eq!(sums_of(0..40).solve().unwrap().parameters(), expected.parameters(), max_relative = 1e-14);
    second.merge(&first).unwrap();
    first.merge(&sums_of(20..40)).unwrap();
    for merged in [first, second] {
        assert_eq!(merged.observations(), 40);
        assert_relative_eq!(merged.solve().unwrap().parameters(), expected.parameters(), max_relative = 1e-14);
    }
}

#[test]
fn weights_may_lie_anywhere_in_the_range_of_the_type() {
    let (x, y) = (random(9, 2, 29), random(9, 1, 30));
    let weights = random(9, 1, 31).map(f64::exp);
    let weighted = |factors: [f64; 2]| {
        let mut sums = NormalEquation::new(2, 1);
        let weights = &weights * factors[0] * factors[1];
        sums.push_weighted(&x, &y, weights.as_slice()).unwrap();
        sums.solve().unwrap()
    };
    let expected = weighted([1.0, 1.0]);
    for half in [-500, -498, 498, 510] {
        let fit = weighted([2_f64.powi(half); 2]);
        assert_eq!(fit.parameters(), expected.parameters(), "2^{}", 2 * half);
        assert_eq!(fit.standard_errors(), expected.standard_errors());
    }
    let mut sums = NormalEquation::new(2, 1);
    sums.push(&random(9, 2, 32), &random(9, 1, 33)).unwrap();
    sums.push_weighted(&x, &y, &[f64::MAX; 9][..]).unwrap();
    sums.push_weighted(&random(9, 2, 34), &random(9, 1, 35), &[5e-324; 9][..]).unwrap();
    let heavy = fit(&x, &y, Intercept::Include).unwrap();
    assert_relative_eq!(sums.solve().unwrap().parameters(), heavy.parameters(), max_relative = 1e-14);
}

#[test]
fn parameters_that_overflow_are_refused() {
    let x = dvector![1e-154, 2e-154];
    assert!(fit(&x, &dvector![1e153, 2e153], Intercept::Omit).is_ok(), "1e307 is a number");
    let error = fit(&(x / 10.0), &dvector![5e153, 1e154], Intercept::Omit).unwrap_err();
    assert_eq!(error, Error::Overflow { what: "parameters" });
    says(&error, "parameters: expected values within the range of the number type");
}

#[test]
fn a_refused_push_changes_nothing() {
    let mut sums = NormalEquation::new(2, 1);
    let (x, y) = (random(10, 2, 20), random(10, 1, 21));
    sums.push(&x, &y).unwrap();
    let before = sums.solve().unwrap();
    let with = |m: &DMatrix<f64>, value: f64| {
        let mut m = m.clone();
        m[9] = value;
        m
    };
    for (x, y) in [
        (x.transpose(), y.clone()),
        (x.clone(), y.transpose()),
        (x.clone(), y.rows(0, 9).into_owned()),
        (with(&x, f64::NAN), y.clone()),
        (with(&x, f64::INFINITY), y.clone()),
        (x.clone(), with(&y, f64::NAN)),
    ] {
        sums.push(&x, &y).unwrap_err();
        assert_eq!((sums.observations(), sums.solve().as_ref()), (10, Ok(&before)));
        sums.remove(&x, &y).unwrap_err();
        assert_eq!((sums.observations(), sums.solve().as_ref()), (10, Ok(&before)));
    }
    for weights in [&[1.0; 9][..], &[-1.0; 10], &[f64::NAN; 10], &[f64::INFINITY; 10]] {
        // Entries that would raise the scale of the columns.
        sums.push_weighted(&(&x * 1e9), &y, weights).unwrap_err();
        sums.remove_weighted(&x, &y, weights).unwrap_err();
        assert_eq!((sums.observations(), sums.solve().as_ref()), (10, Ok(&before)));
    }
    // And a push that is accepted does change it: the comparison above can fail.
    sums.push(&random(10, 2, 22), &y).unwrap();
    assert_ne!(sums.solve().unwrap(), before);
}

/// A clock in seconds since 1970, and the like.
#[test]
fn data_far_from_the_origin_fit_as_well() {
    for offset in [1e8, 1.7e9] {
        let x = DVector::from_fn(50, |i, _| offset + i as f64);
        let y = DVector::from_fn(50, |i, _| 3.0 * i as f64 + 0.5);
        let line = fit(&x, &y, Intercept::Include).unwrap();
        assert_eq!(line.coefficients()[0], 3.0, "{offset}");
        assert_eq!(line.intercept()[0], 0.5 - 3.0 * offset);
    }
}

#[test]
fn what_was_removed_leaves_no_trace() {
    let (x, y) = (random(60, 3, 31), random(60, 2, 32));
    let weights: Vec<f64> = (0..60).map(|i| f64::from(i % 4) / 2.0).collect();
    let mut window = NormalEquation::new(3, 2);
    window.push_weighted(&x, &y, &weights[..]).unwrap();
    window.remove_weighted(&x.rows(0, 35), &y.rows(0, 35), &weights[..35]).unwrap();
    let mut fresh = NormalEquation::new(3, 2);
    fresh.push_weighted(&x.rows(35, 25), &y.rows(35, 25), &weights[35..]).unwrap();
    assert_eq!(window.observations(), fresh.observations());
    let mut merged = NormalEquation::new(3, 2);
    for rows in [35..44, 44..60] {
        let mut part = NormalEquation::new(3, 2);
        let (x, y) = (x.rows(rows.start, rows.len()), y.rows(rows.start, rows.len()));
        part.push_weighted(&x, &y, &weights[rows]).unwrap();
        merged.merge(&part).unwrap();
    }
    let [window, fresh, merged] = [window, fresh, merged].map(|sums| sums.solve().unwrap());
    assert_relative_eq!(window.parameters(), fresh.parameters(), max_relative = 1e-14);
    for target in 0..2 {
        let [expected, found, of_parts] =
            [&fresh, &window, &merged].map(|fit| fit.statistics()[target].log_likelihood.unwrap());
        assert_relative_eq!(found, expected, max_relative = 1e-13);
        assert_relative_eq!(of_parts, expected, max_relative = 1e-13);
    }
}

/// More rows than are added up at once, each with a weight of its own.
#[test]
fn thousands_of_weighted_observations_come_and_go() {
    let (x, y) = (random(3_000, 2, 41), random(3_000, 1, 42));
    let weights: Vec<f64> = (0..3_000).map(|i| 0.25 + f64::from(i * i % 37)).collect();
    let mut sums = NormalEquation::new(2, 1);
    sums.push_weighted(&x, &y, &weights[..]).unwrap();
    let expected = LinearRegression::new().fit_weighted(&x, &y, &weights[..]).unwrap();
    assert_relative_eq!(sums.solve().unwrap().parameters(), expected.parameters(), max_relative = 1e-13);
    sums.remove_weighted(&x.rows(0, 2_000), &y.rows(0, 2_000), &weights[..2_000]).unwrap();
    let expected =
        LinearRegression::new().fit_weighted(&x.rows(2_000, 1_000), &y.rows(2_000, 1_000), &weights[2_000..]).unwrap();
    assert_relative_eq!(sums.solve().unwrap().parameters(), expected.parameters(), max_relative = 1e-13);
}

#[test]
fn removals_that_would_leave_rounding_are_refused_and_change_nothing() {
    let (x, y) = (random(10, 1, 33), random(10, 1, 34));
    let mut sums = NormalEquation::new(1, 1);
    sums.push(&x, &y).unwrap();
    sums.push(&dmatrix![1e7], &dmatrix![0.5]).unwrap();
    let before = sums.solve().unwrap();
    let error = sums.remove(&dmatrix![1e7], &dmatrix![0.5]).unwrap_err();
    assert_eq!(error, Error::RemovalTooDeep { column: Column::Feature(0) });
    says(&error, "found too few for x0");
    let error = sums.remove(&random(12, 1, 33), &random(12, 1, 34)).unwrap_err();
    assert_eq!(error, Error::RemovalExceeds { held: 11, removed: 12 });
    assert_eq!((sums.observations(), sums.solve().unwrap()), (11, before));
    // A little less, and it is allowed.
    let mut sums = NormalEquation::new(1, 1);
    sums.push(&x, &y).unwrap();
    let expected = sums.solve().unwrap();
    sums.push(&dmatrix![1e5], &dmatrix![0.5]).unwrap();
    sums.remove(&dmatrix![1e5], &dmatrix![0.5]).unwrap();
    assert_relative_eq!(sums.solve().unwrap().parameters(), expected.parameters(), max_relative = 1e-14);
}

#[test]
fn a_weight_counts_as_a_precision() {
    let (x, y) = (random(12, 2, 35), random(12, 1, 36));
    let mut weighted = NormalEquation::new(2, 1);
    weighted.push_weighted(&x, &y, &[1.0, 2.0, 3.0, 0.0].repeat(3)[..]).unwrap();
    assert_eq!(weighted.observations(), 9);
    let mut repeated = NormalEquation::new(2, 1);
    for row in 0..12 {
        for _ in 0..[1, 2, 3, 0][row % 4] {
            repeated.push(&x.rows(row, 1), &y.rows(row, 1)).unwrap();
        }
    }
    let (weighted, repeated) = (weighted.solve().unwrap(), repeated.solve().unwrap());
    assert_relative_eq!(weighted.parameters(), repeated.parameters(), max_relative = 1e-14);
}

#[test]
fn sums_of_other_shapes_do_not_merge() {
    let error = NormalEquation::<f64>::new(2, 1).merge(&NormalEquation::new(1, 2)).unwrap_err();
    says(&error, "sums to merge (features × targets): expected 2 × 1, found 1 × 2 (is it transposed?)");
}
