//! Linear regression: properties of the fit, and an error for every kind of data that has none.
//!
//! The numbers in the names of tests are those of the list of bad inputs.

use approx::assert_relative_eq;
use gradus::nalgebra::{DMatrix, DMatrixView, DVector, Dyn, RowDVector, SMatrix, SVector, dmatrix, dvector};
use gradus::{
    Column, Difference, Error, GradientCheck, GradientDescent, Intercept, LeastSquaresObjective, LinearFit,
    NormalEquation, Objective, Optimizer, ParameterRange, Result, Stop, StopReason,
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
// Views (36)
// ---------------------------------------------------------------------------------------------------------------

#[test]
fn n036_strided_and_transposed_views_give_the_bits_of_contiguous_ones() {
    let (n, p, k) = (300, 3, 2);
    let (x, y) = (random(n, p, 3), random(n, k, 4));
    let expected = fit(&x, &y, Intercept::Include).unwrap();
    let predicted = expected.predict(&x).unwrap();

    // The same numbers inside larger matrices full of others.
    let between =
        |m: &DMatrix<f64>, rows: usize, columns: usize, row: fn(usize) -> usize, column: fn(usize) -> usize| {
            let mut large = DMatrix::from_element(rows, columns, f64::NAN);
            for j in 0..m.ncols() {
                for i in 0..m.nrows() {
                    large[(row(i), column(j))] = m[(i, j)];
                }
            }
            large
        };
    let (x_rows, y_rows) = (between(&x, n + 5, p, |i| i + 2, |j| j), between(&y, n + 5, k, |i| i + 3, |j| j));
    let (x_second, y_second) = (between(&x, 2 * n, p, |i| 2 * i, |j| j), between(&y, 2 * n, k, |i| 2 * i, |j| j));
    let (x_columns, y_columns) = (between(&x, n, 2 * p, |i| i, |j| 2 * j), between(&y, n, 2 * k, |i| i, |j| 2 * j));
    let (x_row_major, y_row_major) = (x.transpose(), y.transpose());

    let views: [(&str, View<'_>, View<'_>); 5] = [
        ("view", (&x).into(), (&y).into()),
        ("row slice", x_rows.view_with_steps((2, 0), (n, p), (0, 0)), y_rows.view_with_steps((3, 0), (n, k), (0, 0))),
        ("every second row", x_second.rows_with_step(0, n, 1), y_second.rows_with_step(0, n, 1)),
        (
            "every second column",
            x_columns.view_with_steps((0, 0), (n, p), (0, 1)),
            y_columns.view_with_steps((0, 0), (n, k), (0, 1)),
        ),
        (
            "transposed",
            DMatrixView::from_slice_with_strides(x_row_major.as_slice(), n, p, p, 1),
            DMatrixView::from_slice_with_strides(y_row_major.as_slice(), n, k, k, 1),
        ),
    ];
    for (name, x, y) in views {
        assert_eq!(fit(x, y, Intercept::Include).as_ref(), Ok(&expected), "{name}");
        assert_eq!(expected.predict(x).as_ref(), Ok(&predicted), "{name}");
        let mut objective = LeastSquaresObjective::new(x, y, Intercept::Include).unwrap();
        let mut contiguous = LeastSquaresObjective::new(&x.into_owned(), &y.into_owned(), Intercept::Include).unwrap();
        assert_eq!(objective.value(&[0.5; 8]), contiguous.value(&[0.5; 8]), "{name}");
    }
}

#[test]
fn n036_views_of_rows_and_columns_are_taken_by_reference() {
    let (x, y) = (random(20, 4, 25), random(20, 2, 26));
    let fits = [
        fit(&x.rows(3, 10), &y.rows(3, 10), Intercept::Include),
        fit(&x.rows(3, 10).into_owned(), &y.rows(3, 10).into_owned(), Intercept::Include),
    ];
    assert!(fits[0].is_ok() && fits[0] == fits[1]);
    let fits = [
        fit(&x.columns_with_step(0, 2, 1), &y.column(1), Intercept::Include),
        fit(&x.select_columns(&[0, 2]), &y.column(1).into_owned(), Intercept::Include),
    ];
    assert!(fits[0].is_ok() && fits[0] == fits[1]);
    let [Ok(plane), _] = &fits else { unreachable!() };
    let (view, copy) = (x.columns_with_step(0, 2, 1), x.select_columns(&[0, 2]));
    let rows = plane.predict(view.rows_with_step(1, 5, 2));
    assert_eq!(rows, plane.predict(&copy.select_rows(&[1, 4, 7, 10, 13])));
}

#[test]
fn n036_vectors_and_matrices_of_fixed_size_are_taken_as_they_are() {
    let expected = fit(&dmatrix![0.0; 1.0; 2.0], &dmatrix![1.0; 3.0; 4.0], Intercept::Include).unwrap();
    let (x, y) = (dvector![0.0, 1.0, 2.0], dvector![1.0, 3.0, 4.0]);
    assert_eq!(fit(&x, &y, Intercept::Include).as_ref(), Ok(&expected));
    let (x, y) = (SVector::<f64, 3>::new(0.0, 1.0, 2.0), SMatrix::<f64, 3, 1>::new(1.0, 3.0, 4.0));
    assert_eq!(fit(&x, &y, Intercept::Include).as_ref(), Ok(&expected));
    assert_eq!(expected.predict(&x), expected.predict(&dvector![0.0, 1.0, 2.0]));
}

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
fn n001_no_observations() {
    let (x, y) = (DMatrix::<f64>::zeros(0, 2), DVector::<f64>::zeros(0));
    let expected = Error::Empty { what: "observations" };
    assert_eq!(fit(&x, &y, Intercept::Include).unwrap_err(), expected);
    assert_eq!(NormalEquation::<f64>::new(2, 1).solve().unwrap_err(), expected);
    assert_eq!(LeastSquaresObjective::new(&x, &y, Intercept::Include).unwrap_err(), expected);
    says(&expected, "observations: expected at least one");
}

#[test]
fn n002_no_columns_and_no_intercept() {
    let (x, y) = (DMatrix::<f64>::zeros(3, 0), dvector![1.0, 2.0, 6.0]);
    let expected = Error::Empty { what: "unknowns" };
    assert_eq!(fit(&x, &y, Intercept::Omit).unwrap_err(), expected);
    assert_eq!(LeastSquaresObjective::new(&x, &y, Intercept::Omit).unwrap_err(), expected);
}

#[test]
fn n003_no_columns_but_an_intercept_is_the_mean() {
    let (x, y) = (DMatrix::<f64>::zeros(3, 0), dmatrix![1.0, 0.5; 2.0, 0.5; 6.0, 0.5]);
    let mean = fit(&x, &y, Intercept::Include).unwrap();
    assert!((mean.intercept() - dvector![3.0, 0.5]).amax() < 1e-15);
    assert_eq!(mean.coefficients().shape(), (0, 2));
    let predicted = mean.predict(&DMatrix::zeros(2, 0)).unwrap();
    assert_eq!((predicted[(1, 0)], predicted.shape()), (mean.intercept()[0], (2, 2)));
    let mut objective = LeastSquaresObjective::new(&x, &y, Intercept::Include).unwrap();
    // (4 + 1 + 9)/3
    assert!((objective.value(&[3.0, 0.5]) - 14.0 / 3.0).abs() < 1e-15);
}

#[test]
fn n004_no_targets() {
    let x = dmatrix![1.0; 2.0];
    let nothing = DVector::<f64>::zeros(0);
    let error = fit(&x, &nothing, Intercept::Include).unwrap_err();
    assert!(matches!(error, Error::ShapeMismatch { .. }));
    says(&error, "targets (one observation per row): expected 2 × 1, found 0 × 1");

    let expected = Error::Empty { what: "targets" };
    let none = DMatrix::<f64>::zeros(2, 0);
    assert_eq!(fit(&x, &none, Intercept::Include).unwrap_err(), expected);
    assert_eq!(LeastSquaresObjective::new(&x, &none, Intercept::Include).unwrap_err(), expected);
    let mut sums = NormalEquation::<f64>::new(1, 1);
    says(&sums.push(&x, &none).unwrap_err(), "expected 2 × 1, found 2 × 0");
}

#[test]
fn n005_rows_that_do_not_match_and_transpositions_are_named() {
    let x = DMatrix::<f64>::zeros(5, 3);
    let mut sums = NormalEquation::<f64>::new(3, 1);
    for (error, message) in [
        (sums.push(&x, &DVector::zeros(4)), "targets (one observation per row): expected 5 × 1, found 4 × 1"),
        (
            sums.push(&x, &RowDVector::zeros(5)),
            "targets (one observation per row): expected 5 × 1, found 1 × 5 (is it transposed?)",
        ),
        (
            sums.push(&x.transpose(), &DVector::zeros(5)),
            "design matrix (one observation per row): expected any × 3, found 3 × 5 (is it transposed?)",
        ),
        (
            sums.push(&DMatrix::zeros(5, 4), &DVector::zeros(5)),
            "design matrix (one observation per row): expected any × 3, found 5 × 4",
        ),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::ShapeMismatch { .. }));
        assert_eq!(error.to_string(), message);
    }
    let error = LeastSquaresObjective::new(&x, &RowDVector::zeros(5), Intercept::Include).unwrap_err();
    says(&error, "expected 5 × 5, found 1 × 5");
}

/// The error that both the sums and the objective give for these data.
fn refused(x: &DMatrix<f64>, y: &DMatrix<f64>) -> Error {
    let error = fit(x, y, Intercept::Include).unwrap_err();
    let other = LeastSquaresObjective::new(x, y, Intercept::Include).unwrap_err();
    // Of NaN, which equals nothing, the text.
    assert_eq!(error.to_string(), other.to_string());
    error
}

#[test]
fn n006_n007_n008_a_number_that_is_not_finite_in_the_design_matrix_is_located() {
    let y = dmatrix![1.0; 2.0; 3.0];
    for (value, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let mut x = random(3, 2, 5);
        x[(2, 1)] = value;
        let error = refused(&x, &y);
        assert!(matches!(error, Error::NotFinite { what: "design matrix", row: 2, column: 1, .. }));
        says(&error, &format!("design matrix: expected finite numbers, found {name} at row 2, column 1"));
    }
}

#[test]
fn n009_n010_a_number_that_is_not_finite_in_the_targets_is_located() {
    let x = random(3, 2, 6);
    for (value, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let mut y = random(3, 2, 7);
        y[(0, 1)] = value;
        let error = refused(&x, &y);
        assert!(matches!(error, Error::NotFinite { what: "targets", row: 0, column: 1, .. }));
        says(&error, &format!("targets: expected finite numbers, found {name} at row 0, column 1"));
    }
}

#[test]
fn n011_nothing_but_nan() {
    let nan = DMatrix::from_element(4, 2, f64::NAN);
    let error = refused(&nan, &nan);
    assert!(matches!(error, Error::NotFinite { what: "design matrix", row: 0, column: 0, .. }));
}

#[test]
fn n012_fewer_observations_than_unknowns() {
    let (x, y) = (random(3, 3, 8), random(3, 1, 9));
    let error = fit(&x, &y, Intercept::Include).unwrap_err();
    assert_eq!(error, Error::Underdetermined { observations: 3, unknowns: 4 });
    says(&error, "expected at least 4, one for each unknown, found 3");
    let error = fit(&x.rows(0, 2).into_owned(), &y.rows(0, 2).into_owned(), Intercept::Omit).unwrap_err();
    assert_eq!(error, Error::Underdetermined { observations: 2, unknowns: 3 });
}

#[test]
fn n013_as_many_observations_as_unknowns_are_interpolated() {
    for (intercept, rows) in [(Intercept::Include, 4), (Intercept::Omit, 3)] {
        let x = DMatrix::from_fn(rows, 3, |i, j| if i == j { 2.0 } else { 0.25 * (i * j) as f64 });
        let y = random(rows, 2, 10);
        let fit = fit(&x, &y, intercept).unwrap();
        assert!((fit.predict(&x).unwrap() - y).amax() < 1e-13);
        assert!(fit.parameters().iter().all(|parameter| parameter.is_finite()));
    }
}

#[test]
fn n014_one_observation_and_an_intercept() {
    let (x, y) = (dmatrix![2.0], dmatrix![6.0]);
    let error = fit(&x, &y, Intercept::Include).unwrap_err();
    assert_eq!(error, Error::Underdetermined { observations: 1, unknowns: 2 });
    assert!((fit(&x, &y, Intercept::Omit).unwrap().coefficients()[0] - 3.0).abs() < 1e-15);
    assert_eq!(fit(&DMatrix::zeros(1, 0), &y, Intercept::Include).unwrap().intercept()[0], 6.0);
}

/// The only dependency that the error for these data names, as it is printed.
#[track_caller]
fn dependency(x: &DMatrix<f64>, intercept: Intercept) -> (Column, String) {
    let error = fit(x, &random(x.nrows(), 1, 11), intercept).unwrap_err();
    let Error::RankDeficient { dependencies } = &error else { panic!("{error}") };
    let [dependency] = &dependencies[..] else { panic!("{dependencies:?}") };
    says(&error, &format!("expected linearly independent columns, found {dependency}"));
    (dependency.column, dependency.to_string())
}

#[test]
fn n015_duplicate_columns() {
    let mut x = random(50, 4, 12);
    let first = x.column(0).into_owned();
    x.set_column(2, &first);
    for intercept in BOTH {
        assert_eq!(dependency(&x, intercept), (Column::Feature(2), "x2 = x0".to_owned()));
    }
}

#[test]
fn n016_a_column_that_is_the_sum_of_the_others() {
    for rows in [5, 50, 5_000] {
        let mut x = random(rows, 4, 13);
        let sum = x.columns(0, 3).column_sum();
        x.set_column(3, &sum);
        for intercept in BOTH {
            assert_eq!(dependency(&x, intercept), (Column::Feature(3), "x3 = x0 + x1 + x2".to_owned()));
        }
    }
}

#[test]
fn n017_a_constant_column_beside_the_intercept() {
    for (constant, relation) in [(1.0, "x1 = 1"), (0.1, "x1 = 0.1"), (-1e10, "x1 = −10000000000")] {
        let mut x = random(50, 2, 14);
        x.fill_column(1, constant);
        assert_eq!(dependency(&x, Intercept::Include), (Column::Feature(1), relation.to_owned()));
        assert!(fit(&x, &random(50, 1, 15), Intercept::Omit).is_ok(), "alone it is the intercept");
    }
}

#[test]
fn n018_a_column_of_zeros() {
    let mut x = random(10, 3, 16);
    x.fill_column(1, 0.0);
    for intercept in BOTH {
        assert_eq!(dependency(&x, intercept), (Column::Feature(1), "x1 = 0".to_owned()));
    }
    assert_eq!(dependency(&DMatrix::zeros(10, 1), Intercept::Omit), (Column::Feature(0), "x0 = 0".to_owned()));
}

#[test]
fn several_dependencies_are_all_named() {
    let mut x = random(40, 6, 25);
    let columns: Vec<_> = x.column_iter().map(|column| column.into_owned()).collect();
    x.set_column(2, &(&columns[0] * 2.0 - &columns[1]));
    x.set_column(5, &(&columns[3] * -0.5 + &columns[0] * 1e6));
    let error = fit(&x, &random(40, 1, 26), Intercept::Include).unwrap_err();
    says(&error, "found x2 = 2·x0 − x1, x5 = 1000000·x0 − 0.5·x3");
}

#[test]
fn n019_a_dummy_for_every_class_beside_the_intercept() {
    let class = |i: usize| i % 3;
    let dummies = DMatrix::from_fn(9, 3, |i, j| if class(i) == j { 1.0 } else { 0.0 });
    assert_eq!(dependency(&dummies, Intercept::Include), (Column::Feature(2), "x2 = 1 − x0 − x1".to_owned()));
    // Without the intercept the coefficients are the means of the classes.
    let y = DVector::from_fn(9, |i, _| [10.0, 20.0, 30.0][class(i)] + if i < 3 { 1.0 } else { 0.0 });
    let means = fit(&dummies, &y, Intercept::Omit).unwrap();
    assert!((means.coefficients() - dmatrix![31.0 / 3.0; 61.0 / 3.0; 91.0 / 3.0]).amax() < 1e-13);
}

/// Scaled by a power of two the fit is the same to the last bit, by another number to rounding.
#[test]
fn n023_n024_n025_squares_that_leave_the_range_of_the_type_do_no_harm() {
    let (x, y) = (random(30, 3, 17), random(30, 2, 18));
    let expected = fit(&x, &y, Intercept::Include).unwrap();
    for exponent in [-1000, -664, -300, 300, 664, 1000] {
        // 2^±500 twice: 2^±1000 is the square of nothing that fits.
        let power = 2_f64.powi(exponent / 2);
        let scaled = fit(&(&x * power * power), &y, Intercept::Include).unwrap();
        assert_eq!(scaled.coefficients() * power * power, *expected.coefficients(), "2^{exponent}");
        assert_eq!(scaled.intercept(), expected.intercept());
        let scaled = fit(&x, &(&y * power * power), Intercept::Include).unwrap();
        assert_eq!(scaled.coefficients() / power / power, *expected.coefficients());
    }
    for scale in [1e200, 1e-200] {
        let scaled = fit(&(&x * scale), &(&y * scale), Intercept::Include).unwrap();
        assert_relative_eq!(scaled.coefficients(), expected.coefficients(), max_relative = 1e-13);
    }
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
    }
    // And a push that is accepted does change it: the comparison above can fail.
    sums.push(&random(10, 2, 22), &y).unwrap();
    assert_ne!(sums.solve().unwrap(), before);
}

#[test]
fn n029_n030_predictions_refuse_a_wrong_width_and_numbers_that_are_not_finite() {
    let fit = fit(&random(10, 3, 23), &random(10, 1, 24), Intercept::Include).unwrap();
    for (shape, message) in [
        ((4, 2), "design matrix (one observation per row): expected any × 3, found 4 × 2"),
        ((4, 0), "design matrix (one observation per row): expected any × 3, found 4 × 0"),
        ((3, 1), "design matrix (one observation per row): expected any × 3, found 3 × 1 (is it transposed?)"),
    ] {
        let error = fit.predict(&DMatrix::zeros(shape.0, shape.1)).unwrap_err();
        assert!(matches!(error, Error::ShapeMismatch { .. }));
        assert_eq!(error.to_string(), message);
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut x = DMatrix::zeros(4, 3);
        x[(3, 1)] = value;
        let error = fit.predict(&x).unwrap_err();
        assert!(matches!(error, Error::NotFinite { what: "design matrix", row: 3, column: 1, .. }));
    }
    assert_eq!(fit.predict(&DMatrix::zeros(0, 3)).unwrap().shape(), (0, 1));
}

#[test]
fn n034_sizes_beyond_the_memory_are_refused() {
    for (features, targets) in [(usize::MAX, 2), (2, usize::MAX), (usize::MAX, usize::MAX), (usize::MAX / 2, 1)] {
        let mut sums = NormalEquation::<f64>::new(features, targets);
        assert_eq!(sums.solve().unwrap_err(), Error::Empty { what: "observations" });
        let error = sums.push(&DMatrix::zeros(3, 1), &DVector::zeros(3)).unwrap_err();
        assert!(matches!(error, Error::ShapeMismatch { .. }));
    }
}

#[test]
fn n034_sums_that_can_be_counted_but_not_stored_are_refused() {
    let many = 1_usize << 31;
    let mut sums = NormalEquation::<f64>::new(many, 0);
    let error = sums.push(&DMatrix::zeros(0, many), &DMatrix::zeros(0, 0));
    assert_eq!(error, Ok(()), "there is nothing to be summed");
    assert_eq!(sums.solve().unwrap_err(), Error::Empty { what: "observations" });
}

#[test]
fn n034_a_matrix_without_rows_may_have_any_number_of_columns() {
    let mut sums = NormalEquation::<f64>::new(usize::MAX, 1);
    assert_eq!(sums.push(&DMatrix::zeros(0, usize::MAX), &DVector::zeros(0)), Ok(()));
    assert_eq!(sums.solve().unwrap_err(), Error::Empty { what: "observations" });
}

#[test]
fn n017_a_constant_column_pushed_row_by_row() {
    for observations in [10, 100, 1_000, 10_000] {
        let mut sums = NormalEquation::new(1, 1);
        for i in 0..observations {
            sums.push(&dmatrix![0.1], &dmatrix![f64::from(i % 7)]).unwrap();
        }
        says(&sums.solve().unwrap_err(), "found x0 = 0.1");
    }
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
    let (window, fresh) = (window.solve().unwrap(), fresh.solve().unwrap());
    assert_relative_eq!(window.parameters(), fresh.parameters(), max_relative = 1e-14);
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
    says(&error, "found less for x0");
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
fn n027_bad_weights_are_refused() {
    let (x, y) = (random(3, 1, 37), random(3, 1, 38));
    let mut sums = NormalEquation::new(1, 1);
    for (weights, message) in [
        (vec![1.0, -0.5, 1.0], "observation weight: expected a finite number of at least 0, found -0.5"),
        (vec![1.0, f64::NAN, 1.0], "observation weight: expected a finite number of at least 0, found NaN"),
        (vec![1.0, f64::INFINITY, 1.0], "found inf"),
        (vec![1.0; 2], "weights, one for each observation: expected 3 × 1, found 2 × 1"),
    ] {
        says(&sums.push_weighted(&x, &y, &weights[..]).unwrap_err(), message);
    }
    sums.push_weighted(&x, &y, &[0.0; 3][..]).unwrap();
    assert_eq!(sums.solve().unwrap_err(), Error::Empty { what: "observations" });
}

#[test]
fn sums_of_other_shapes_do_not_merge() {
    let error = NormalEquation::<f64>::new(2, 1).merge(&NormalEquation::new(1, 2)).unwrap_err();
    says(&error, "sums to merge (features × targets): expected 2 × 1, found 1 × 2 (is it transposed?)");
}
