//! The list of bad inputs, "Regression data": one test a number, for every way to a regression. What is legal has a
//! documented answer.

use approx::assert_relative_eq;
use gradus::error::Column;
use gradus::nalgebra::{DMatrix, DMatrixView, DVector, Dyn, RowDVector, SMatrix, SVector, dmatrix, dvector};
use gradus::regression::{
    Intercept, LeastSquaresObjective, RankDeficiency, RecursiveLeastSquares, RobustCovariance, Solver, polynomial,
};
use gradus::{Error, LinearFit, LinearRegression, NormalEquation, Objective, Result};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

type View<'a> = DMatrixView<'a, f64, Dyn, Dyn>;

const BOTH: [Intercept; 2] = [Intercept::Include, Intercept::Omit];

/// Those that notice dependent columns.
const FACTORING: [Option<Solver>; 4] = [None, Some(Solver::Cholesky), Some(Solver::Householder), Some(Solver::Sums)];

/// Uniform in ±2.
fn random(rows: usize, columns: usize, seed: u64) -> DMatrix<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    DMatrix::from_fn(rows, columns, |_, _| rng.random_range(-2.0..2.0))
}

fn by(solver: Option<Solver>, intercept: Intercept) -> LinearRegression {
    let model = LinearRegression::new().with_intercept(intercept);
    solver.map_or(model, |solver| model.with_solver(solver))
}

fn streamed<'a>(x: impl Into<View<'a>>, y: impl Into<View<'a>>, intercept: Intercept) -> Result<LinearFit<f64>> {
    let (x, y) = (x.into(), y.into());
    let mut sums = NormalEquation::new(x.ncols(), y.ncols()).with_intercept(intercept);
    sums.push(x, y)?;
    sums.solve()
}

/// What every solver that notices dependent columns says of these data, the stream last.
fn factored<'a>(x: impl Into<View<'a>>, y: impl Into<View<'a>>, intercept: Intercept) -> Vec<Result<LinearFit<f64>>> {
    let (x, y) = (x.into(), y.into());
    let mut answers: Vec<_> = FACTORING.iter().map(|&solver| by(solver, intercept).fit(x, y)).collect();
    answers.push(streamed(x, y, intercept));
    answers
}

/// What every solver says of these data.
fn answers<'a>(x: impl Into<View<'a>>, y: impl Into<View<'a>>, intercept: Intercept) -> Vec<Result<LinearFit<f64>>> {
    let (x, y) = (x.into(), y.into());
    let mut answers = factored(x, y, intercept);
    answers.push(by(Some(Solver::ConjugateGradient), intercept).fit(x, y));
    answers
}

/// The error that all solvers and the objective give for these data.
#[track_caller]
fn refused<'a>(x: impl Into<View<'a>>, y: impl Into<View<'a>>, intercept: Intercept, message: &str) -> Error {
    let (x, y) = (x.into(), y.into());
    let mut errors: Vec<Error> = answers(x, y, intercept).into_iter().map(Result::unwrap_err).collect();
    errors.push(LeastSquaresObjective::new(x, y, intercept).unwrap_err());
    // Of NaN, which equals nothing, the text.
    errors.iter().for_each(|error| assert_eq!(error.to_string(), message));
    errors.iter().for_each(|error| assert_eq!(format!("{error:?}"), format!("{:?}", errors[0])));
    errors.swap_remove(0)
}

#[track_caller]
fn says<V: std::fmt::Debug>(result: Result<V>, message: &str) {
    assert_eq!(result.unwrap_err().to_string(), message);
}

/// An online regression after some observations, and what it does next: to be compared before and after a refusal.
fn online(features: usize) -> RecursiveLeastSquares<f64> {
    let mut online = RecursiveLeastSquares::new(features, 0.9).unwrap();
    let (x, y) = (random(9, features, 1), random(9, 1, 2));
    for row in 0..9 {
        online.update(&x.row(row).iter().copied().collect::<Vec<_>>(), y[row]).unwrap();
    }
    online
}

/// That an update is refused with this message, and changes nothing.
#[track_caller]
fn online_refuses(x: &[f64], y: f64, message: &str) {
    let (mut refusing, mut twin) = (online(2), online(2));
    says(refusing.update(x, y), message);
    assert_eq!((refusing.parameters(), refusing.observations()), (twin.parameters(), 9));
    assert_eq!(refusing.update(&[0.5, -1.0], 2.0), twin.update(&[0.5, -1.0], 2.0));
    assert_eq!(refusing.parameters(), twin.parameters());
}

/// That a push is refused with this message, and changes nothing.
#[track_caller]
fn stream_refuses(x: &DMatrix<f64>, y: &DMatrix<f64>, message: &str) {
    let mut sums = NormalEquation::new(2, 1);
    sums.push(&random(9, 2, 1), &random(9, 1, 2)).unwrap();
    let before = sums.solve().unwrap();
    says(sums.push(x, y), message);
    assert_eq!((sums.observations(), sums.solve().unwrap()), (9, before));
}

#[test]
fn n01_x_empty() {
    let (x, y) = (DMatrix::<f64>::zeros(0, 2), DMatrix::<f64>::zeros(0, 1));
    let expected = Error::Empty { what: "observations" };
    for intercept in BOTH {
        assert_eq!(refused(&x, &y, intercept, "observations: expected at least one, found none"), expected);
    }
    assert_eq!(NormalEquation::<f64>::new(2, 1).solve().unwrap_err(), expected);
    assert_eq!(LinearRegression::new().fit_polynomial(&[], &y, 2).unwrap_err(), expected);
    for way in [RankDeficiency::Drop, RankDeficiency::MinimumNorm] {
        assert_eq!(LinearRegression::new().with_rank_deficiency(way).fit(&x, &y).unwrap_err(), expected);
    }
    let ridge = LinearRegression::new().with_ridge(1.0).unwrap();
    assert_eq!(ridge.fit(&x, &y).unwrap_err(), expected);
    // Before the first observation an online regression is zero.
    let online = RecursiveLeastSquares::new(2, 1.0).unwrap();
    assert_eq!((online.parameters(), online.is_determined()), (&[0.0, 0.0][..], false));
}

#[test]
fn n02_no_columns_and_no_intercept() {
    let (x, y) = (DMatrix::<f64>::zeros(3, 0), dmatrix![1.0; 2.0; 6.0]);
    let error = refused(&x, &y, Intercept::Omit, "unknowns: expected at least one, found none");
    assert_eq!(error, Error::Empty { what: "unknowns" });
    let error = by(None, Intercept::Omit).fit_polynomial(&[1.0, 2.0, 3.0], &y, 0).unwrap_err();
    assert_eq!(error, Error::Empty { what: "unknowns" });
    let error = RecursiveLeastSquares::new(0, 1.0).unwrap_err();
    assert_eq!(error, Error::Empty { what: "features" });
}

#[test]
fn n03_no_columns_but_an_intercept_is_the_mean() {
    let (x, y) = (DMatrix::<f64>::zeros(3, 0), dmatrix![1.0, 0.5; 2.0, 0.5; 6.0, 0.5]);
    let mut fits = answers(&x, &y, Intercept::Include);
    fits.push(LinearRegression::new().fit_polynomial(&[1.0, 2.0, 3.0], &y, 0));
    for mean in fits {
        let mean = mean.unwrap();
        assert!((mean.intercept() - dvector![3.0, 0.5]).amax() < 1e-15);
        assert_eq!(mean.coefficients().shape(), (0, 2));
        let predicted = mean.predict(&DMatrix::zeros(2, 0)).unwrap();
        assert_eq!((predicted[(1, 0)], predicted.shape()), (mean.intercept()[0], (2, 2)));
    }
    let mut objective = LeastSquaresObjective::new(&x, &y, Intercept::Include).unwrap();
    // (4 + 1 + 9)/3
    assert!((objective.value(&[3.0, 0.5]) - 14.0 / 3.0).abs() < 1e-15);
}

#[test]
fn n04_y_empty() {
    let x = dmatrix![1.0, 4.0; 2.0, 3.0];
    let none = DMatrix::<f64>::zeros(2, 0);
    let error = refused(&x, &none, Intercept::Include, "targets: expected at least one, found none");
    assert_eq!(error, Error::Empty { what: "targets" });
    for fit in answers(&x, &DVector::zeros(0), Intercept::Include) {
        says(fit, "targets (one observation per row): expected 2 × 1, found 0 × 1");
    }
    stream_refuses(&x, &none, "targets (one observation per row): expected 2 × 1, found 2 × 0");
    let polynomial = LinearRegression::new().fit_polynomial(&[1.0, 2.0], &none, 1);
    assert_eq!(polynomial.unwrap_err(), Error::Empty { what: "targets" });
}

#[test]
fn n05_rows_that_do_not_match() {
    let x = DMatrix::<f64>::zeros(5, 2);
    for (y, message) in [
        (DMatrix::zeros(4, 1), "targets (one observation per row): expected 5 × 1, found 4 × 1"),
        (DMatrix::zeros(6, 1), "targets (one observation per row): expected 5 × 1, found 6 × 1"),
    ] {
        let error = refused(&x, &y, Intercept::Include, message);
        assert!(matches!(error, Error::ShapeMismatch { .. }));
        stream_refuses(&x, &y, message);
        says(LinearRegression::new().fit_polynomial(&[1.0; 5], &y, 1), message);
    }
    let mut sums = NormalEquation::<f64>::new(2, 1);
    let transposed = "targets (one observation per row): expected 5 × 1, found 1 × 5 (is it transposed?)";
    says(sums.push(&x, &RowDVector::zeros(5)), transposed);
    let transposed = "design matrix (one observation per row): expected any × 2, found 2 × 5 (is it transposed?)";
    says(sums.push(&x.transpose(), &DVector::zeros(5)), transposed);
    let wide = "design matrix (one observation per row): expected any × 2, found 5 × 4";
    says(sums.push(&DMatrix::zeros(5, 4), &DVector::zeros(5)), wide);
    online_refuses(&[1.0], 0.0, "observation, one entry for each feature: expected 2 × 1, found 1 × 1");
    online_refuses(&[1.0; 3], 0.0, "observation, one entry for each feature: expected 2 × 1, found 3 × 1");
}

/// That this number is located in the design matrix.
#[track_caller]
fn locates_in_x(value: f64, name: &str) {
    let (mut x, y) = (random(3, 2, 5), dmatrix![1.0; 2.0; 3.0]);
    x[(2, 1)] = value;
    let message = format!("design matrix: expected finite numbers, found {name} at row 2, column 1");
    let error = refused(&x, &y, Intercept::Include, &message);
    assert!(matches!(error, Error::NotFinite { what: "design matrix", row: 2, column: 1, .. }));
    stream_refuses(&x, &y, &message);
    let message = format!("observation: expected finite numbers, found {name} at row 1, column 0");
    online_refuses(&[1.0, value], 0.0, &message);
    let message = format!("powers: expected finite numbers, found {name} at row 1, column 0");
    says(LinearRegression::new().fit_polynomial(&[1.0, value, 2.0], &y, 1), &message);
}

#[test]
fn n06_nan_in_x() {
    locates_in_x(f64::NAN, "NaN");
}

#[test]
fn n07_infinity_in_x() {
    locates_in_x(f64::INFINITY, "inf");
}

#[test]
fn n08_minus_infinity_in_x() {
    locates_in_x(f64::NEG_INFINITY, "-inf");
}

/// That this number is located in the targets.
#[track_caller]
fn locates_in_y(value: f64, name: &str) {
    let (x, mut y) = (random(3, 2, 6), random(3, 2, 7));
    y[(0, 1)] = value;
    let message = format!("targets: expected finite numbers, found {name} at row 0, column 1");
    let error = refused(&x, &y, Intercept::Include, &message);
    assert!(matches!(error, Error::NotFinite { what: "targets", row: 0, column: 1, .. }));
    says(LinearRegression::new().fit_polynomial(&[1.0, 2.0, 3.0], &y, 1), &message);
    let message = format!("targets: expected finite numbers, found {name} at row 0, column 0");
    stream_refuses(&x, &y.columns(1, 1).into_owned(), &message);
    let message = format!("target: expected finite numbers, found {name} at row 0, column 0");
    online_refuses(&[1.0, 2.0], value, &message);
}

#[test]
fn n09_nan_in_y() {
    locates_in_y(f64::NAN, "NaN");
}

#[test]
fn n10_infinity_in_y() {
    locates_in_y(f64::INFINITY, "inf");
    locates_in_y(f64::NEG_INFINITY, "-inf");
}

#[test]
fn n11_nothing_but_nan() {
    let nan = DMatrix::from_element(4, 2, f64::NAN);
    let message = "design matrix: expected finite numbers, found NaN at row 0, column 0";
    let error = refused(&nan, &nan, Intercept::Include, message);
    assert!(matches!(error, Error::NotFinite { what: "design matrix", row: 0, column: 0, .. }));
    online_refuses(&[f64::NAN; 2], f64::NAN, "observation: expected finite numbers, found NaN at row 0, column 0");
}

#[test]
fn n12_fewer_observations_than_unknowns() {
    let (x, y) = (random(3, 3, 8), random(3, 1, 9));
    for (rows, intercept, unknowns) in [(3, Intercept::Include, 4), (2, Intercept::Omit, 3)] {
        for fit in answers(&x.rows(0, rows), &y.rows(0, rows), intercept) {
            let error = fit.unwrap_err();
            assert_eq!(error, Error::Underdetermined { observations: rows, unknowns });
            let message = format!("observations: expected at least {unknowns}, one for each unknown, found {rows}");
            assert_eq!(error.to_string(), message);
        }
    }
    // With a penalty, or if it is asked for, there is an answer.
    let ridge = LinearRegression::new().with_ridge(1e-9).unwrap().fit(&x, &y).unwrap();
    let least = LinearRegression::new().with_rank_deficiency(RankDeficiency::MinimumNorm).fit(&x, &y).unwrap();
    assert_relative_eq!(*ridge.coefficients(), *least.coefficients(), max_relative = 1e-6);
    assert!((least.predict(&x).unwrap() - &y).amax() < 1e-14);
    let dropped = LinearRegression::new().with_rank_deficiency(RankDeficiency::Drop).fit(&x, &y).unwrap();
    assert_eq!((dropped.coefficients()[2], dropped.dependencies().len()), (0.0, 1));
    // Online, what is not determined keeps its value.
    let mut online = RecursiveLeastSquares::new(2, 1.0).unwrap();
    online.update(&[0.0, 2.0], 6.0).unwrap();
    assert_eq!((online.parameters(), online.is_determined()), (&[0.0, 3.0][..], false));
}

#[test]
fn n13_as_many_observations_as_unknowns() {
    for (intercept, rows) in [(Intercept::Include, 4), (Intercept::Omit, 3)] {
        let x = DMatrix::from_fn(rows, 3, |i, j| if i == j { 2.0 } else { 0.25 * (i * j) as f64 });
        let y = random(rows, 2, 10);
        for fit in answers(&x, &y, intercept) {
            let fit = fit.unwrap();
            assert!((fit.predict(&x).unwrap() - &y).amax() < 1e-13);
            let missing = (fit.standard_errors(), fit.t_statistics(), fit.p_values(), fit.covariance(0));
            assert_eq!(missing, (None, None, None, None));
            assert_eq!(fit.confidence_intervals(0.95), Ok(None));
            assert_eq!(fit.mean_response_intervals(&x, 0.95), Ok(None));
            assert_eq!(fit.prediction_intervals(&x, 0.95), Ok(None));
            let statistics = fit.statistics()[0];
            assert_eq!((statistics.residual_standard_deviation, statistics.adjusted_r_squared), (None, None));
            assert_eq!((statistics.f_statistic, statistics.f_p_value), (None, None));
            assert_eq!((statistics.log_likelihood, statistics.aic, statistics.bic), (None, None, None));
            assert_eq!((statistics.r_squared, fit.degrees_of_freedom()), (Some(1.0), Some(0)));
            let diagnostics = fit.diagnostics(&x, &y).unwrap();
            assert!(diagnostics.cooks_distances().iter().all(Option::is_none));
            assert!(diagnostics.robust_standard_errors(RobustCovariance::Hc1).iter().all(Option::is_none));
            let table = fit.to_string();
            assert!(table.contains("Residual standard error: NA on 0 degrees of freedom"), "{table}");
            assert!(!table.contains("NaN"), "{table}");
        }
    }
}

#[test]
fn n14_one_observation_and_an_intercept() {
    let (x, y) = (dmatrix![2.0], dmatrix![6.0]);
    for fit in answers(&x, &y, Intercept::Include) {
        assert_eq!(fit.unwrap_err(), Error::Underdetermined { observations: 1, unknowns: 2 });
    }
    for fit in answers(&x, &y, Intercept::Omit) {
        assert!((fit.unwrap().coefficients()[0] - 3.0).abs() < 1e-15);
    }
    for fit in answers(&DMatrix::zeros(1, 0), &y, Intercept::Include) {
        assert_eq!(fit.unwrap().intercept()[0], 6.0);
    }
    let mut online = RecursiveLeastSquares::new(1, 1.0).unwrap();
    online.update(&[2.0], 6.0).unwrap();
    assert_eq!((online.parameters(), online.is_determined()), (&[3.0][..], true));
}

/// That the error for these data names this dependency and no other, and how nearly dependent the column is.
#[track_caller]
fn depends(x: &DMatrix<f64>, intercept: Intercept, column: usize, relation: &str) {
    for (solver, fit) in factored(x, &random(x.nrows(), 1, 11), intercept).into_iter().enumerate() {
        let error = fit.unwrap_err();
        let Error::RankDeficient { dependencies, condition } = &error else { panic!("{solver}: {error}") };
        let [dependency] = &dependencies[..] else { panic!("{solver}: {dependencies:?}") };
        assert_eq!((dependency.column, &dependency.to_string()[..]), (Column::Feature(column), relation));
        assert!(*condition > 1e13, "{solver}: {condition}");
        let message = format!(
            "design matrix: expected linearly independent columns, found {relation} (condition number about {condition:.1e})"
        );
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn n15_duplicate_columns() {
    let mut x = random(50, 4, 12);
    let first = x.column(0).into_owned();
    x.set_column(2, &first);
    for intercept in BOTH {
        depends(&x, intercept, 2, "x2 = x0");
    }
    // Online, one of them is fitted and the other keeps its value.
    let mut online = RecursiveLeastSquares::new(2, 1.0).unwrap();
    (1..20).for_each(|step| assert!(online.update(&[f64::from(step) / 3.0; 2], f64::from(step)).is_ok()));
    assert!(!online.is_determined());
    assert_relative_eq!(online.parameters()[0] + online.parameters()[1], 3.0, max_relative = 1e-14);
}

#[test]
fn n16_a_column_that_is_the_sum_of_the_others() {
    for rows in [5, 50, 5_000] {
        let mut x = random(rows, 4, 13);
        let sum = x.columns(0, 3).column_sum();
        x.set_column(3, &sum);
        for intercept in BOTH {
            depends(&x, intercept, 3, "x3 = x0 + x1 + x2");
        }
    }
}

#[test]
fn n17_a_constant_column_beside_the_intercept() {
    for (constant, relation) in [(1.0, "x1 = 1"), (0.1, "x1 = 0.1"), (-1e10, "x1 = −10000000000")] {
        let mut x = random(50, 2, 14);
        x.fill_column(1, constant);
        depends(&x, Intercept::Include, 1, relation);
        for fit in answers(&x, &random(50, 1, 15), Intercept::Omit) {
            assert!(fit.is_ok(), "alone it is the intercept");
        }
    }
    for observations in [10, 100, 1_000, 10_000] {
        let mut sums = NormalEquation::new(1, 1);
        for i in 0..observations {
            sums.push(&dmatrix![0.1], &dmatrix![f64::from(i % 7)]).unwrap();
        }
        let error = sums.solve().unwrap_err();
        assert!(error.to_string().contains("found x0 = 0.1 (condition number"), "{error}");
    }
}

#[test]
fn n18_a_column_of_zeros() {
    let mut x = random(10, 3, 16);
    x.fill_column(1, 0.0);
    for intercept in BOTH {
        depends(&x, intercept, 1, "x1 = 0");
    }
    depends(&DMatrix::zeros(10, 1), Intercept::Omit, 0, "x0 = 0");
    let message = "design matrix: expected linearly independent columns, found x1 = 0 (condition number about inf)";
    says(LinearRegression::new().fit(&x, &random(10, 1, 17)), message);
    // Online, its parameter keeps its value.
    let mut online = RecursiveLeastSquares::new(2, 1.0).unwrap();
    online.update(&[2.0, 0.0], 6.0).unwrap();
    assert_eq!((online.parameters(), online.is_determined()), (&[3.0, 0.0][..], false));
}

#[test]
fn n19_a_dummy_for_every_class_beside_the_intercept() {
    let class = |i: usize| i % 3;
    let dummies = DMatrix::from_fn(9, 3, |i, j| if class(i) == j { 1.0 } else { 0.0 });
    depends(&dummies, Intercept::Include, 2, "x2 = 1 − x0 − x1");
    // Without the intercept the coefficients are the means of the classes.
    let y = DVector::from_fn(9, |i, _| [10.0, 20.0, 30.0][class(i)] + if i < 3 { 1.0 } else { 0.0 });
    for means in answers(&dummies, &y, Intercept::Omit) {
        let expected = dmatrix![31.0 / 3.0; 61.0 / 3.0; 91.0 / 3.0];
        assert!((means.unwrap().coefficients() - expected).amax() < 1e-13);
    }
}

#[test]
fn n20_nearly_collinear_past_the_rank_rule() {
    // x1 = x0, but for the last digit of the last one: 2⁻⁵² of a length of √15.
    let x = dmatrix![1.0, 1.0; 2.0, 2.0; 3.0, 3.0; 1.0, 1.0 + f64::EPSILON];
    for (solver, fit) in factored(&x, &dvector![1.0, 2.0, 3.0, 5.0], Intercept::Omit).into_iter().enumerate() {
        let error = fit.unwrap_err();
        let Error::RankDeficient { dependencies, condition } = &error else { panic!("{error}") };
        assert_eq!(dependencies[0].to_string(), "x1 = x0");
        // That is below the rounding of sums.
        if FACTORING.get(solver).is_none_or(|&solver| solver == Some(Solver::Sums)) {
            assert!(*condition > 1e15, "{condition:e}");
            continue;
        }
        // What is left of x1 is (0, 0, 0, ε) less its part along x0, of ε/√15: ε √(14/15), as a fraction of √15.
        let expected = 15.0 / 14_f64.sqrt() / f64::EPSILON;
        assert!((condition / expected - 1.0).abs() < 1e-3, "{condition:e} {expected:e}");
        assert!(error.to_string().ends_with("found x1 = x0 (condition number about 1.8e16)"), "{error}");
    }
    // 0.3, but for the last digit of some: what is left without the mean is whole, beside the column it is nothing.
    let x = DMatrix::from_fn(40, 1, |i, _| if i % 3 == 0 { 0.3 } else { 0.1 + 0.2 });
    for fit in factored(&x, &random(40, 1, 38), Intercept::Include) {
        let error = fit.unwrap_err();
        let Error::RankDeficient { dependencies, .. } = &error else { panic!("{error}") };
        assert_eq!((dependencies.len(), dependencies[0].column), (1, Column::Feature(0)));
    }
    // Rounding of sums grows with the rows: a dependent column must be found among many, too.
    let mut x = random(200_000, 4, 36);
    x.set_column(3, &(x.column(0) * 0.3 - x.column(1) * 0.7));
    let error = LinearRegression::new().fit(&x, &random(200_000, 1, 37)).unwrap_err();
    let Error::RankDeficient { dependencies, condition } = &error else { panic!("{error}") };
    assert_eq!(dependencies[0].to_string(), "x3 = 0.3·x0 − 0.7·x1");
    assert!((1e15..1e18).contains(condition), "{condition:e}");
}

/// Columns that differ by 1e-9 of their length are two columns, and are told apart without loss; a solver that cannot
/// do so says so.
#[test]
fn n21_nearly_collinear_before_the_rank_rule() {
    let (a, b) = (random(50, 1, 15), random(50, 1, 16));
    let second = DMatrix::from_fn(50, 1, |i, _| a[i] + 2_f64.powi(-30) * b[i]);
    let x = DMatrix::from_columns(&[a.column(0), second.column(0)]);
    let y = DVector::from_fn(50, |i, _| 3.0 * x[(i, 0)] - 2.0 * x[(i, 1)]);
    let found = LinearRegression::new().fit(&x, &y).unwrap();
    assert_eq!(found.report().solver, Solver::Householder);
    assert!(found.report().converged && found.report().condition > 1e8);
    let sums = streamed(&x, &y, Intercept::Include).unwrap();
    // κ²·10⁻³¹ is more than rounding, and it says so.
    assert!(!sums.report().converged && sums.report().condition > 1e8, "{:?}", sums.report());
    assert_relative_eq!(*found.coefficients(), *sums.coefficients(), max_relative = 1e-12);
    match LinearRegression::new().with_solver(Solver::Cholesky).fit(&x, &y) {
        Err(Error::IllConditioned { condition }) => assert!(condition > 1e8),
        Ok(fit) => assert!(!fit.report().converged, "{:?}", fit.report()),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn n22_a_constant_target() {
    let x = dmatrix![0.1; 0.7; 1.1; 2.3];
    for constant in [0.1, 7.0, 0.0] {
        let y = DMatrix::from_element(4, 1, constant);
        let mut sums = NormalEquation::new(1, 1);
        let weights = [1.0, 2.0, 0.3, 1.0];
        sums.push_weighted(&x, &y, &weights[..]).unwrap();
        let mut fits = answers(&x, &y, Intercept::Include);
        fits.push(sums.solve());
        fits.push(LinearRegression::new().fit_weighted(&x, &y, &weights[..]));
        for fit in fits {
            let fit = fit.unwrap();
            let statistics = fit.statistics()[0];
            let solver = fit.report().solver;
            assert_eq!((statistics.r_squared, statistics.adjusted_r_squared), (None, None), "{solver:?} {constant}");
            assert_eq!((statistics.f_statistic, statistics.f_p_value), (None, None), "{solver:?} {constant}");
            assert!(statistics.residual_standard_deviation.unwrap() < 1e-15);
            assert!((fit.intercept()[0] - constant).abs() <= f64::EPSILON * constant);
        }
    }
    for fit in answers(&x, &DMatrix::zeros(4, 1), Intercept::Omit) {
        let statistics = fit.unwrap().statistics()[0];
        assert_eq!((statistics.r_squared, statistics.f_statistic), (None, None));
    }
}

fn line() -> (DMatrix<f64>, DMatrix<f64>) {
    let x = dmatrix![0.5, 3.0; 1.5, -2.0; 2.0, 4.5; 3.25, 0.75; 4.0, -1.5; 5.5, 2.25; 6.0, 6.0];
    (x, dmatrix![4.0; 1.25; 6.5; 7.0; 3.75; 11.0; 16.5])
}

/// A fit with weights by each of the solvers that have statistics.
fn fits(x: &DMatrix<f64>, y: &DMatrix<f64>, weights: &[f64]) -> [LinearFit<f64>; 3] {
    let mut sums = NormalEquation::new(x.ncols(), y.ncols());
    sums.push_weighted(x, y, weights).unwrap();
    let by = |solver| LinearRegression::new().with_solver(solver).fit_weighted(x, y, weights).unwrap();
    [sums.solve().unwrap(), by(Solver::Cholesky), by(Solver::Householder)]
}

#[test]
fn n23_scaled_by_a_power_of_two_every_bit_is_the_same() {
    let (x, y) = line();
    let weights = [1.0, 0.5, 2.0, 1.0, 0.0, 3.0, 0.25];
    for exponent in [664, -664, 1000, -1000] {
        let scale = 2_f64.powi(exponent);
        let plain = fits(&x, &y, &weights);
        let scaled = fits(&(&x * scale), &(&y * scale), &weights);
        for (plain, scaled) in plain.iter().zip(&scaled) {
            assert_eq!(scaled.coefficients(), plain.coefficients());
            assert_eq!(scaled.intercept(), &(plain.intercept() * scale));
            assert_eq!((scaled.t_statistics(), scaled.p_values()), (plain.t_statistics(), plain.p_values()));
            assert_eq!(scaled.standard_errors().unwrap().rows(1, 2), plain.standard_errors().unwrap().rows(1, 2));
            assert_eq!(scaled.covariance(0).is_some(), exponent < 0);
            let [a, b] = [plain, scaled].map(|fit| fit.statistics()[0]);
            assert_eq!((a.r_squared, a.adjusted_r_squared), (b.r_squared, b.adjusted_r_squared));
            assert_eq!((a.f_statistic, a.f_p_value), (b.f_statistic, b.f_p_value));
            assert_eq!(a.residual_standard_deviation.unwrap() * scale, b.residual_standard_deviation.unwrap());
            assert_eq!(b.residual_sum_of_squares.is_some(), exponent < 0);
            let shift = -6.0 * f64::from(exponent) * std::f64::consts::LN_2;
            assert_relative_eq!(b.log_likelihood.unwrap(), a.log_likelihood.unwrap() + shift, max_relative = 1e-14);

            let new = dmatrix![1.0, 1.0; 9.0, -4.0];
            let plain_intervals = plain.prediction_intervals(&new, 0.9).unwrap().unwrap();
            let scaled_intervals = scaled.prediction_intervals(&(&new * scale), 0.9).unwrap().unwrap();
            assert_relative_eq!(scaled_intervals.lower, &plain_intervals.lower * scale, max_relative = 1e-14);

            let plain = plain.diagnostics_weighted(&x, &y, &weights[..]).unwrap();
            let scaled = scaled.diagnostics_weighted(&(&x * scale), &(&y * scale), &weights[..]).unwrap();
            assert_eq!((plain.leverages(), plain.cooks_distances()), (scaled.leverages(), scaled.cooks_distances()));
            assert_eq!(&(plain.residuals() * scale), scaled.residuals());
            for kind in [RobustCovariance::Hc0, RobustCovariance::Hc3] {
                let [plain, scaled] = [&plain, &scaled].map(|d| d.robust_standard_errors(kind).map(Option::unwrap));
                assert_eq!(plain.rows(1, 2), scaled.rows(1, 2));
                assert_eq!(plain[0] * scale, scaled[0]);
            }
        }
    }
    // X or y alone, by every solver.
    let expected = answers(&x, &y, Intercept::Include);
    for exponent in [-1000, -664, -300, 300, 664, 1000] {
        // 2^±500 twice: 2^±1000 is the square of nothing that fits.
        let power = 2_f64.powi(exponent / 2);
        let columns = answers(&(&x * power * power), &y, Intercept::Include);
        let targets = answers(&x, &(&y * power * power), Intercept::Include);
        for ((expected, columns), targets) in expected.iter().zip(columns).zip(targets) {
            let [expected, columns, targets] =
                [expected.as_ref().unwrap(), &columns.unwrap(), &targets.unwrap()].map(|fit| fit.clone());
            assert_eq!(columns.coefficients() * power * power, *expected.coefficients(), "2^{exponent}");
            assert_eq!(columns.intercept(), expected.intercept());
            assert_eq!(targets.coefficients() / power / power, *expected.coefficients(), "2^{exponent}");
        }
    }
    // Powers and online regression.
    let x = [0.5, 1.5, 2.0, 3.25, 4.0, 5.5, 6.0];
    let parabola = LinearRegression::new().fit_polynomial(&x, &y, 2).unwrap();
    let scale = 2_f64.powi(400);
    let scaled = LinearRegression::new().fit_polynomial(&x.map(|x| x * scale), &y, 2).unwrap();
    let unscaled = dmatrix![scaled.coefficients()[0] * scale; scaled.coefficients()[1] * scale * scale];
    assert_eq!((unscaled, scaled.intercept()), (parabola.coefficients().clone(), parabola.intercept()));
    for scale in [2_f64.powi(664), 2_f64.powi(-664)] {
        let mut pair = [1.0, scale].map(|scale| (RecursiveLeastSquares::new(2, 0.9).unwrap(), scale));
        for (row, &y) in y.iter().enumerate() {
            let [plain, scaled] = pair
                .each_mut()
                .map(|(online, scale)| online.update(&[1.0 * *scale, x[row] * *scale], y * *scale).unwrap() / *scale);
            assert_relative_eq!(plain, scaled, max_relative = 1e-13);
        }
        let [plain, scaled] = pair.map(|(online, _)| DVector::from_row_slice(online.parameters()));
        assert_relative_eq!(plain, scaled, max_relative = 1e-13);
    }
}

/// Statistics of data times this number.
fn scaled_by_ten(scale: f64) {
    let (x, y) = line();
    let plain = fits(&x, &y, &[1.0; 7]);
    let scaled = fits(&(&x * scale), &(&y * scale), &[1.0; 7]);
    for (plain, scaled) in plain.iter().zip(&scaled) {
        assert_relative_eq!(scaled.coefficients(), plain.coefficients(), max_relative = 1e-13);
        assert_relative_eq!(scaled.intercept()[0] / scale, plain.intercept()[0], max_relative = 1e-13);
        assert_relative_eq!(scaled.t_statistics().unwrap(), plain.t_statistics().unwrap(), max_relative = 1e-12);
        assert_relative_eq!(scaled.p_values().unwrap(), plain.p_values().unwrap(), max_relative = 1e-12);
        let [a, b] = [plain, scaled].map(|fit| fit.statistics()[0]);
        assert_relative_eq!(a.r_squared.unwrap(), b.r_squared.unwrap(), max_relative = 1e-14);
        assert_relative_eq!(a.f_statistic.unwrap(), b.f_statistic.unwrap(), max_relative = 1e-12);
        assert_eq!(b.residual_sum_of_squares.is_some(), scale < 1.0);
    }
    let expected = by(Some(Solver::ConjugateGradient), Intercept::Include).fit(&x, &y).unwrap();
    let found = by(Some(Solver::ConjugateGradient), Intercept::Include).fit(&(x * scale), &(y * scale)).unwrap();
    assert_relative_eq!(found.coefficients(), expected.coefficients(), max_relative = 1e-13);
}

#[test]
fn n23_scaled_by_1e200_it_is_the_same_to_rounding() {
    scaled_by_ten(1e200);
}

#[test]
fn n24_scaled_by_1e_minus_200_it_is_the_same_to_rounding() {
    scaled_by_ten(1e-200);
    // X alone: the coefficients are not lost.
    let (x, y) = line();
    let expected = streamed(&x, &y, Intercept::Include).unwrap();
    for fit in answers(&(&x * 1e-200), &y, Intercept::Include) {
        assert_relative_eq!(fit.unwrap().coefficients() * 1e-200, *expected.coefficients(), max_relative = 1e-13);
    }
}

#[test]
fn n25_squares_that_overflow() {
    // Up to the largest number there is, and with both ends of the range in one design.
    let (x, y) = line();
    let expected = streamed(&x, &y, Intercept::Include).unwrap();
    let (x_end, y_end) = (&x / 6.0 * f64::MAX, &y / 16.5 * f64::MAX);
    for fit in answers(&x_end, &y_end, Intercept::Include) {
        let fit = fit.unwrap();
        assert_relative_eq!(fit.coefficients() * (16.5 / 6.0), *expected.coefficients(), max_relative = 1e-13);
        assert!(fit.report().converged);
        assert_eq!(fit.statistics()[0].residual_sum_of_squares, None);
        assert!(fit.statistics()[0].r_squared.is_some());
    }
    let mut x_both = x.clone();
    x_both.column_mut(0).apply(|value| *value *= 1e300);
    x_both.column_mut(1).apply(|value| *value *= 1e-300);
    for fit in answers(&x_both, &y, Intercept::Include) {
        let coefficients = fit.unwrap().coefficients().clone();
        let unscaled = dmatrix![coefficients[0] * 1e300; coefficients[1] * 1e-300];
        assert_relative_eq!(unscaled, *expected.coefficients(), max_relative = 1e-13);
    }
    // Online as well; what leaves the range is refused.
    let mut online = RecursiveLeastSquares::new(2, 1.0).unwrap();
    for row in 0..7 {
        online.update(&[1e200, x[(row, 0)] * 1e200], y[row] * 1e200).unwrap();
    }
    let slope = streamed(&x.column(0), &y, Intercept::Include).unwrap();
    assert_relative_eq!(online.parameters()[1], slope.coefficients()[0], max_relative = 1e-13);
    online_refuses(
        &[f64::MAX; 2],
        f64::MAX,
        "recursive least squares: expected values within the range of the number type, found an overflow",
    );
}

#[test]
fn n26_subnormal_numbers() {
    // Whole numbers of the smallest number there is are as exact as whole numbers.
    let tiny = f64::from_bits(1);
    let x = dmatrix![1.0, 3.0; 4.0, -2.0; 2.0, 5.0; 7.0, 1.0; 3.0, -4.0; 9.0, 2.0];
    let y = dmatrix![4.0; 1.0; 7.0; 8.0; -3.0; 15.0];
    for intercept in BOTH {
        let expected = answers(&x, &y, intercept);
        let both = answers(&(&x * tiny), &(&y * tiny), intercept);
        let targets = answers(&x, &(&y * tiny), intercept);
        for ((expected, both), targets) in expected.into_iter().zip(both).zip(targets) {
            let (expected, both, targets) = (expected.unwrap(), both.unwrap(), targets.unwrap());
            assert_eq!(both.coefficients(), expected.coefficients());
            assert_eq!(*both.intercept(), expected.intercept() * tiny);
            assert_eq!(both.report(), expected.report());
            assert_eq!(both.t_statistics(), expected.t_statistics());
            assert_eq!(both.statistics()[0].r_squared, expected.statistics()[0].r_squared);
            assert_eq!(both.statistics()[0].f_statistic, expected.statistics()[0].f_statistic);
            assert_eq!(*targets.coefficients(), expected.coefficients() * tiny);
        }
        // Coefficients of 2^1074 are no numbers.
        for fit in answers(&(&x * tiny), &y, intercept) {
            assert_eq!(fit.unwrap_err(), Error::Overflow { what: "parameters" });
        }
        // Beside a column of ordinary size, and targets in between.
        let mut mixed = x.clone();
        mixed.column_mut(1).apply(|value| *value *= tiny);
        let middle = 2_f64.powi(-500);
        let expected = answers(&x, &y, intercept);
        for (expected, fit) in expected.into_iter().zip(answers(&mixed, &(&y * middle), intercept)) {
            let (expected, fit) = (expected.unwrap(), fit.unwrap());
            assert_eq!(fit.coefficients()[0], expected.coefficients()[0] * middle);
            assert_eq!(fit.coefficients()[1] * 2_f64.powi(-574), expected.coefficients()[1]);
            assert_eq!(fit.t_statistics(), expected.t_statistics());
        }
        // Among ordinary entries of a column they are zeros.
        let (mut with, mut without) = (x.clone(), x.clone());
        with[(2, 0)] = 3.0 * tiny;
        with[(4, 1)] = -tiny;
        without[(2, 0)] = 0.0;
        without[(4, 1)] = 0.0;
        for (with, without) in answers(&with, &y, intercept).into_iter().zip(answers(&without, &y, intercept)) {
            assert_eq!(with.unwrap().parameters(), without.unwrap().parameters());
        }
    }
    // Cut off there, others keep the digits that are left.
    let (x, y) = (random(30, 3, 17), random(30, 2, 18));
    let expected = streamed(&x, &y, Intercept::Include).unwrap();
    let power = 2_f64.powi(-520);
    for fit in answers(&(&x * power * power), &(&y * power * power), Intercept::Include) {
        assert_relative_eq!(fit.unwrap().coefficients(), expected.coefficients(), epsilon = 1e-8);
    }
    // The same in single precision.
    let (x, y) = (dmatrix![1.0_f32; 2.0; 4.0], dmatrix![3.0_f32; 5.0; 6.0]);
    let expected = LinearRegression::new().fit(&x, &y).unwrap();
    let tiny = f32::from_bits(1);
    let found = LinearRegression::new().fit(&(&x * tiny), &(&y * tiny)).unwrap();
    assert_eq!((found.coefficients(), found.intercept()[0]), (expected.coefficients(), expected.intercept()[0] * tiny));
    // As powers, and online: what is below the range that products need determines nothing, and does no harm.
    let x = [1.0, 2.0, 4.0, 5.0].map(|x: f64| x * f64::from_bits(1));
    let line = LinearRegression::new().fit_polynomial(&x, &DVector::from_row_slice(&x), 1).unwrap();
    assert_eq!(line.parameters(), dmatrix![0.0; 1.0]);
    let mut online = RecursiveLeastSquares::new(1, 1.0).unwrap();
    assert!(x.iter().all(|&x| online.update(&[x], x).is_ok()));
    assert_eq!((online.parameters(), online.is_determined()), (&[0.0][..], false));
    online.update(&[2.0], 6.0).unwrap();
    assert_eq!(online.parameters(), [3.0]);
}

#[test]
fn n27_weights() {
    let (x, y) = (random(6, 1, 19), random(6, 1, 20));
    let solvers = [Solver::Cholesky, Solver::Householder, Solver::Sums, Solver::ConjugateGradient];
    let answers = |weights: &[f64]| {
        let mut sums = NormalEquation::new(1, 1);
        let pushed = sums.push_weighted(&x, &y, weights);
        let mut answers = vec![pushed.and_then(|()| sums.solve())];
        let fit = |&solver| LinearRegression::new().with_solver(solver).fit_weighted(&x, &y, weights);
        answers.extend(solvers.iter().map(fit));
        answers
    };
    for (bad, name) in [(-0.5, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        for fit in answers(&[1.0, 1.0, 1.0, 1.0, 1.0, bad]) {
            let error = fit.unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { name: "observation weight", .. }));
            let message = format!("observation weight: expected a finite number of at least 0, found {name}");
            assert_eq!(error.to_string(), message);
        }
    }
    for fit in answers(&[1.0; 5]) {
        says(fit, "weights, one for each observation: expected 6 × 1, found 5 × 1");
    }
    for fit in answers(&[0.0; 6]) {
        assert_eq!(fit.unwrap_err(), Error::Empty { what: "observations" });
    }
    for fit in answers(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]) {
        assert_eq!(fit.unwrap_err(), Error::Underdetermined { observations: 1, unknowns: 2 });
    }
    // Those of weight 0 do not count.
    let fewer = LinearRegression::new().fit(&x.rows(0, 4), &y.rows(0, 4)).unwrap();
    for fit in answers(&[1.0, 1.0, 1.0, 1.0, 0.0, 0.0]) {
        let fit = fit.unwrap();
        assert_relative_eq!(fit.parameters(), fewer.parameters(), max_relative = 1e-14);
        assert_eq!(fit.observations(), 4);
        let Some(errors) = fit.standard_errors() else { continue };
        assert_relative_eq!(*errors, *fewer.standard_errors().unwrap(), max_relative = 1e-13);
    }
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    for weights in [&[1.0, 1.0, 1.0, 1.0, 1.0, -1.0][..], &[f64::NAN; 6]] {
        let error = fit.diagnostics_weighted(&x, &y, weights).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "observation weight", .. }));
    }
    says(
        fit.diagnostics_weighted(&x, &y, &[1.0; 3][..]),
        "weights, one for each observation: expected 6 × 1, found 3 × 1",
    );
    // The weight of the past, online.
    for lambda in [0.0, -0.1, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY] {
        let message = format!("forgetting factor: expected a number above 0 and at most 1, found {lambda}");
        says(RecursiveLeastSquares::new(1, lambda), &message);
    }
}

#[test]
fn n28_ridge_penalty() {
    for lambda in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = LinearRegression::new().with_ridge(lambda).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "ridge penalty", .. }));
        let message = format!("ridge penalty: expected a finite number of at least 0, found {lambda}");
        assert_eq!(error.to_string(), message);
    }
    let model = LinearRegression::new().with_ridge(1.0).unwrap().with_solver(Solver::Sums);
    let message = "ridge penalty: expected 0 with the solver by sums, found 1";
    says(model.fit(&random(5, 1, 3), &random(5, 1, 4)), message);
}

/// What has a prediction: the table of a fit's functions that take new observations.
fn predictions(fit: &LinearFit<f64>, x: &DMatrix<f64>) -> [Result<()>; 4] {
    let y = DMatrix::zeros(x.nrows(), 1);
    [
        fit.predict(x).map(drop),
        fit.mean_response_intervals(x, 0.9).map(drop),
        fit.prediction_intervals(x, 0.9).map(drop),
        fit.diagnostics(x, &y).map(drop),
    ]
}

#[test]
fn n29_predictions_of_a_wrong_width() {
    for fit in answers(&random(10, 3, 23), &random(10, 1, 24), Intercept::Include) {
        let fit = fit.unwrap();
        for (rows, columns, message) in [
            (4, 2, "design matrix (one observation per row): expected any × 3, found 4 × 2"),
            (4, 0, "design matrix (one observation per row): expected any × 3, found 4 × 0"),
            (3, 1, "design matrix (one observation per row): expected any × 3, found 3 × 1 (is it transposed?)"),
        ] {
            for prediction in predictions(&fit, &DMatrix::zeros(rows, columns)) {
                says(prediction, message);
            }
        }
        assert_eq!(fit.predict(&DMatrix::zeros(0, 3)).unwrap().shape(), (0, 1));
        let fewer = "observations of positive weight, those of the fit: expected 10 × 3, found 9 × 3";
        says(fit.diagnostics(&random(9, 3, 23), &random(9, 1, 24)), fewer);
        let weights = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        says(fit.diagnostics_weighted(&random(10, 3, 23), &random(10, 1, 24), &weights[..]), fewer);
    }
    let width = "observation, one entry for each feature: expected 2 × 1, found 3 × 1";
    says(online(2).predict(&[1.0; 3]), width);
}

#[test]
fn n30_predictions_of_numbers_that_are_not_finite() {
    for fit in answers(&random(10, 3, 23), &random(10, 1, 24), Intercept::Include) {
        let fit = fit.unwrap();
        for (value, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
            let mut x = random(10, 3, 25);
            x[(3, 1)] = value;
            for prediction in predictions(&fit, &x) {
                let message = format!("design matrix: expected finite numbers, found {name} at row 3, column 1");
                says(prediction, &message);
            }
        }
    }
    let message = "observation: expected finite numbers, found NaN at row 1, column 0";
    says(online(2).predict(&[1.0, f64::NAN]), message);
}

/// Only a fit predicts, and there is none without data; online, the model is zero before the first observation.
#[test]
fn n31_predictions_before_a_fit() {
    let fit = NormalEquation::<f64>::new(2, 1).solve();
    assert_eq!(fit.unwrap_err(), Error::Empty { what: "observations" });
    assert_eq!(RecursiveLeastSquares::new(2, 1.0).unwrap().predict(&[3.0, 4.0]), Ok(0.0));
}

#[test]
fn n32_polynomials_of_a_degree_that_the_points_do_not_determine() {
    // Three distinct points, six observations: a parabola and no more.
    let (x, y) = ([1.0, 2.0, 3.0, 1.0, 2.0, 3.0], random(6, 1, 45));
    for solver in FACTORING {
        let model = by(solver, Intercept::Include);
        assert!(model.fit_polynomial(&x, &y, 2).is_ok());
        let error = model.fit_polynomial(&x, &y, 3).unwrap_err();
        // (x − 1)(x − 2)(x − 3) = 0 at all of them.
        let Error::RankDeficient { dependencies, .. } = &error else { panic!("{error}") };
        assert_eq!(dependencies[0].to_string(), "x2 = 6 − 11·x0 + 6·x1");
        let error = model.fit_polynomial(&x, &y, 6).unwrap_err();
        assert_eq!(error, Error::Underdetermined { observations: 6, unknowns: 7 });
    }
}

#[test]
fn n33_powers_that_overflow() {
    let (x, y) = ([1.0, 1e200, 2.0, 3.0, 4.0, 5.0], random(6, 1, 45));
    let model = LinearRegression::new();
    for degree in [2, 3] {
        let error = model.fit_polynomial(&x, &y, degree).unwrap_err();
        assert_eq!(error, Error::NotFinite { what: "powers", row: 1, column: 1, value: f64::INFINITY });
        assert_eq!(error.to_string(), "powers: expected finite numbers, found inf at row 1, column 1");
        assert_eq!(polynomial(&x, degree).unwrap_err(), error);
    }
    // A line needs no powers, wherever its points lie.
    assert!(model.fit_polynomial(&x, &y, 1).is_ok_and(|line| line.report().converged));
    for end in [1e301, -f64::MAX] {
        let x = [1e300, 0.5 * end, 2e300, 3e300, 4e300, end];
        let line = model.fit_polynomial(&x, &y, 1).unwrap();
        assert_eq!(line.parameters(), model.fit(&DVector::from_row_slice(&x), &y).unwrap().parameters());
    }
}

#[test]
fn n34_sizes_beyond_the_memory() {
    for (features, targets) in [(usize::MAX, 2), (2, usize::MAX), (usize::MAX, usize::MAX), (usize::MAX / 2, 1)] {
        let mut sums = NormalEquation::<f64>::new(features, targets);
        assert_eq!(sums.solve().unwrap_err(), Error::Empty { what: "observations" });
        let error = sums.push(&DMatrix::zeros(3, 1), &DVector::zeros(3)).unwrap_err();
        assert!(matches!(error, Error::ShapeMismatch { .. }));
    }
    // Without rows there may be any number of columns, and there is nothing to be summed.
    for columns in [1 << 31, usize::MAX] {
        let mut sums = NormalEquation::<f64>::new(columns, 1);
        assert_eq!(sums.push(&DMatrix::zeros(0, columns), &DVector::zeros(0)), Ok(()));
        assert_eq!(sums.solve().unwrap_err(), Error::Empty { what: "observations" });
    }
    // A row that is there, but not the square of its columns.
    let columns = 8_000_000;
    let wide = DMatrix::from_element(1, columns, 1.0);
    let error = LinearRegression::new().with_ridge(1.0).unwrap().fit(&wide, &dvector![1.0]).unwrap_err();
    assert_eq!(error, Error::TooLarge { what: "the matrix of the unknowns", count: (columns + 1) * (columns + 1) });
    let mut sums = NormalEquation::<f64>::new(columns, 1);
    let error = sums.push(&wide, &dvector![1.0]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "sums of products", .. }), "{error}");
    assert_eq!(sums.observations(), 0);
    for degree in [usize::MAX, 1 << 60] {
        let error = LinearRegression::new().fit_polynomial(&[1.0, 2.0], &dvector![1.0, 2.0], degree).unwrap_err();
        assert!(matches!(error, Error::TooLarge { what: "a polynomial's design matrix", .. }), "{error}");
    }
    for features in [usize::MAX, 1 << 40] {
        let error = RecursiveLeastSquares::<f64>::new(features, 1.0).unwrap_err();
        assert!(matches!(error, Error::TooLarge { what: "recursive least squares", .. }), "{error}");
    }
}

#[test]
fn n35_confidence_levels_outside_zero_and_one() {
    let (x, y) = line();
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    for level in [0.0, 1.0, -0.1, 95.0, f64::NAN, f64::INFINITY] {
        let message = format!("confidence level: expected a number between 0 and 1, found {level}");
        says(fit.confidence_intervals(level), &message);
        says(fit.mean_response_intervals(&x, level), &message);
        says(fit.prediction_intervals(&x, level), &message);
    }
    for level in [1e-12, 0.5, 1.0 - 1e-16] {
        let intervals = fit.confidence_intervals(level).unwrap().unwrap();
        assert!(intervals.lower.iter().zip(intervals.upper.iter()).all(|(lower, upper)| lower < upper));
    }
}

#[test]
fn n36_strided_and_transposed_views_give_the_bits_of_contiguous_ones() {
    let (n, p, k) = (300, 3, 2);
    let (x, y) = (random(n, p, 3), random(n, k, 4));
    let expected: Vec<_> = answers(&x, &y, Intercept::Include).into_iter().map(Result::unwrap).collect();

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
    let weights: Vec<f64> = random(n, 1, 5).iter().map(|weight| weight.exp()).collect();
    let weighted = LinearRegression::new().fit_weighted(&x, &y, &weights[..]).unwrap();
    let mut contiguous = LeastSquaresObjective::new(&x, &y, Intercept::Include).unwrap();
    for (name, x_view, y_view) in views {
        for (fit, expected) in answers(x_view, y_view, Intercept::Include).into_iter().zip(&expected) {
            let fit = fit.unwrap();
            assert_eq!(fit, *expected, "{name}");
            assert_eq!(fit.predict(x_view), expected.predict(&x), "{name}");
            assert_eq!(fit.mean_response_intervals(x_view, 0.9), expected.mean_response_intervals(&x, 0.9), "{name}");
            assert_eq!(fit.prediction_intervals(x_view, 0.9), expected.prediction_intervals(&x, 0.9), "{name}");
            assert_eq!(fit.diagnostics(x_view, y_view), expected.diagnostics(&x, &y), "{name}");
        }
        assert_eq!(LinearRegression::new().fit_weighted(x_view, y_view, &weights[..]).unwrap(), weighted, "{name}");
        let mut objective = LeastSquaresObjective::new(x_view, y_view, Intercept::Include).unwrap();
        assert_eq!(objective.value(&[0.5; 8]), contiguous.value(&[0.5; 8]), "{name}");
    }
}

#[test]
fn n36_views_of_rows_and_columns_are_taken_by_reference() {
    let (x, y) = (random(20, 4, 25), random(20, 2, 26));
    let (rows, columns) = (x.rows(3, 10), x.columns_with_step(0, 2, 1));
    for solver in FACTORING {
        let model = by(solver, Intercept::Include);
        let fit = model.fit(&rows, &y.rows(3, 10)).unwrap();
        assert_eq!(fit, model.fit(&rows.into_owned(), &y.rows(3, 10).into_owned()).unwrap());
        let plane = model.fit(&columns, &y.column(1)).unwrap();
        let copy = x.select_columns(&[0, 2]);
        assert_eq!(plane, model.fit(&copy, &y.column(1).into_owned()).unwrap());
        let predicted = plane.predict(columns.rows_with_step(1, 5, 2));
        assert_eq!(predicted, plane.predict(&copy.select_rows(&[1, 4, 7, 10, 13])));
    }
}

#[test]
fn n36_vectors_and_matrices_of_fixed_size_are_taken_as_they_are() {
    let expected = streamed(&dmatrix![0.0; 1.0; 2.0], &dmatrix![1.0; 3.0; 4.0], Intercept::Include).unwrap();
    let (x, y) = (dvector![0.0, 1.0, 2.0], dvector![1.0, 3.0, 4.0]);
    assert_eq!(streamed(&x, &y, Intercept::Include).as_ref(), Ok(&expected));
    let in_memory = LinearRegression::new().fit(&x, &y).unwrap();
    let (x, y) = (SVector::<f64, 3>::new(0.0, 1.0, 2.0), SMatrix::<f64, 3, 1>::new(1.0, 3.0, 4.0));
    assert_eq!(streamed(&x, &y, Intercept::Include).as_ref(), Ok(&expected));
    assert_eq!(LinearRegression::new().fit(&x, &y), Ok(in_memory));
    assert_eq!(expected.predict(&x), expected.predict(&dvector![0.0, 1.0, 2.0]));
}
