//! What gradus says of a problem, by each of its roads. All that depends on how the crate's interface looks is here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus::nalgebra::DMatrix;
use gradus::regression::{Diagnostics, FitStatistics, Intervals};
use gradus::regression::{RobustCovariance, Solver};
use gradus::{Error, LinearFit, LinearRegression, NormalEquation};

use super::problem::Problem;

/// A bound on `‖D (β̂ − β)‖ / ‖D β‖` for each target, D being the lengths of the weighted columns.
pub(crate) fn error_bound(fit: &LinearFit<f64>) -> f64 {
    fit.report().error_bound
}

/// A bound on the relative error of `√(xᵀ (XᵀWX)⁻¹ x)` for every x.
pub(crate) fn standard_error_bound(fit: &LinearFit<f64>) -> f64 {
    fit.report().standard_error_bound
}

/// An absolute bound on the error of the residual sum of squares.
pub(crate) fn residual_error_bound(statistics: &FitStatistics<f64>) -> Option<f64> {
    statistics.residual_error_bound
}

/// Robust standard errors, entry by entry.
fn robust(diagnostics: &Diagnostics<f64>, covariance: RobustCovariance, _: (usize, usize)) -> DMatrix<Option<f64>> {
    diagnostics.robust_standard_errors(covariance)
}

/// Of a polynomial the powers are those of x; its places are values of x.
fn rows(problem: &Problem, places: &DMatrix<f64>) -> DMatrix<f64> {
    match problem.polynomial {
        Some(_) => gradus::regression::polynomial(places.as_slice(), problem.x.ncols()).unwrap(),
        None => places.clone(),
    }
}

fn diagnostics(fit: &LinearFit<f64>, problem: &Problem) -> Result<Diagnostics<f64>, Error> {
    match &problem.weights {
        Some(weights) => fit.diagnostics_weighted(&problem.x, &problem.y, weights.as_slice()),
        None => fit.diagnostics(&problem.x, &problem.y),
    }
}

fn predictions(fit: &LinearFit<f64>, problem: &Problem) -> Result<DMatrix<f64>, Error> {
    fit.predict(&rows(problem, &problem.places()))
}

fn mean_intervals(fit: &LinearFit<f64>, problem: &Problem) -> Result<Option<Intervals<f64>>, Error> {
    fit.mean_response_intervals(&rows(problem, &problem.places()), 0.95)
}

fn prediction_intervals(fit: &LinearFit<f64>, problem: &Problem) -> Result<Option<Intervals<f64>>, Error> {
    fit.prediction_intervals(&rows(problem, &problem.places()), 0.95)
}

/// A way to a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Road {
    Default,
    Qr,
    Unrefined,
    Sums,
    Whole,
    Rows,
    Merged,
    Gradients,
}

impl Road {
    pub(crate) const ALL: [Self; 8] =
        [Self::Default, Self::Qr, Self::Unrefined, Self::Sums, Self::Whole, Self::Rows, Self::Merged, Self::Gradients];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Qr => "qr",
            Self::Unrefined => "unrefined",
            Self::Sums => "sums",
            Self::Whole => "whole",
            Self::Rows => "rows",
            Self::Merged => "merged",
            Self::Gradients => "gradients",
        }
    }

    /// Whether all that is known of the data are sums over them.
    pub(crate) fn is_of_sums(self) -> bool {
        matches!(self, Self::Sums | Self::Whole | Self::Rows | Self::Merged)
    }

    /// Sums take no penalty and no polynomial but in its rounded powers; conjugate gradients want not too many weights.
    pub(crate) fn can_take(self, problem: &Problem) -> bool {
        !self.is_of_sums() || problem.ridge == 0.0 && problem.has_exact_powers()
    }
}

/// What a fit says. Entries that it does not have are `None`.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) fit: LinearFit<f64>,
    pub(crate) parameters: DMatrix<Option<f64>>,
    pub(crate) standard_errors: DMatrix<Option<f64>>,
    pub(crate) t_statistics: DMatrix<Option<f64>>,
    pub(crate) p_values: DMatrix<Option<f64>>,
    /// Lower and upper ends.
    pub(crate) intervals: [DMatrix<Option<f64>>; 2],
    pub(crate) covariances: Vec<DMatrix<Option<f64>>>,
    pub(crate) residuals: DMatrix<Option<f64>>,
    pub(crate) residual_errors: DMatrix<Option<f64>>,
    pub(crate) leverages: DMatrix<Option<f64>>,
    pub(crate) cooks_distances: DMatrix<Option<f64>>,
    pub(crate) robust: [DMatrix<Option<f64>>; 4],
    pub(crate) predictions: DMatrix<Option<f64>>,
    pub(crate) mean_intervals: [DMatrix<Option<f64>>; 2],
    pub(crate) prediction_intervals: [DMatrix<Option<f64>>; 2],
}

fn options(matrix: Option<&DMatrix<f64>>, (rows, columns): (usize, usize)) -> DMatrix<Option<f64>> {
    match matrix {
        Some(matrix) => matrix.map(Some),
        None => DMatrix::from_element(rows, columns, None),
    }
}

fn ends(intervals: Option<&Intervals<f64>>, shape: (usize, usize)) -> [DMatrix<Option<f64>>; 2] {
    [intervals.map(|intervals| &intervals.lower), intervals.map(|intervals| &intervals.upper)]
        .map(|ends| options(ends, shape))
}

impl Found {
    fn new(fit: LinearFit<f64>, problem: &Problem) -> Self {
        let (unknowns, targets) = (problem.unknowns(), problem.y.ncols());
        let (shape, observed) = ((unknowns, targets), (problem.x.nrows(), targets));
        let diagnostics = diagnostics(&fit, problem).ok();
        let at_places = (problem.places().nrows(), targets);
        let mean_intervals = mean_intervals(&fit, problem).ok().flatten();
        let prediction_intervals = prediction_intervals(&fit, problem).ok().flatten();
        let covariances = [RobustCovariance::Hc0, RobustCovariance::Hc1, RobustCovariance::Hc2, RobustCovariance::Hc3];
        let leverages = diagnostics.as_ref().and_then(|diagnostics| diagnostics.leverages());
        let leverages = leverages.map(|leverages| DMatrix::from_column_slice(leverages.len(), 1, leverages.as_slice()));
        Self {
            parameters: fit.parameters().map(Some),
            standard_errors: options(fit.standard_errors(), shape),
            t_statistics: options(fit.t_statistics().as_ref(), shape),
            p_values: options(fit.p_values().as_ref(), shape),
            intervals: ends(fit.confidence_intervals(0.95).unwrap().as_ref(), shape),
            covariances: (0..targets)
                .map(|target| options(fit.covariance(target).as_ref(), (unknowns, unknowns)))
                .collect(),
            residuals: options(diagnostics.as_ref().map(Diagnostics::residuals), observed),
            residual_errors: options(diagnostics.as_ref().map(Diagnostics::residual_error_bounds), observed),
            leverages: options(leverages.as_ref(), (problem.x.nrows(), 1)),
            cooks_distances: match &diagnostics {
                Some(diagnostics) => diagnostics.cooks_distances().clone(),
                None => DMatrix::from_element(observed.0, observed.1, None),
            },
            robust: covariances.map(|covariance| match &diagnostics {
                Some(diagnostics) => robust(diagnostics, covariance, shape),
                None => options(None, shape),
            }),
            predictions: options(predictions(&fit, problem).ok().as_ref(), at_places),
            mean_intervals: ends(mean_intervals.as_ref(), at_places),
            prediction_intervals: ends(prediction_intervals.as_ref(), at_places),
            fit,
        }
    }
}

/// How a fit ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Fitted(Box<Found>),
    Refused(Error),
    Panicked,
}

pub(crate) fn run(problem: &Problem, road: Road) -> Outcome {
    let result = catch_unwind(AssertUnwindSafe(|| fit(problem, road).map(|fit| Box::new(Found::new(fit, problem)))));
    match result {
        Ok(Ok(found)) => Outcome::Fitted(found),
        Ok(Err(error)) => Outcome::Refused(error),
        Err(_) => Outcome::Panicked,
    }
}

fn fit(problem: &Problem, road: Road) -> Result<LinearFit<f64>, Error> {
    let regression = LinearRegression::new().with_intercept(problem.intercept).with_ridge(problem.ridge)?;
    match road {
        Road::Default => in_memory(problem, regression),
        Road::Qr => in_memory(problem, regression.with_solver(Solver::Householder)),
        Road::Unrefined => in_memory(problem, regression.without_refinement()),
        Road::Sums => in_memory(problem, regression.with_solver(Solver::Sums)),
        Road::Gradients => in_memory(problem, regression.with_solver(Solver::ConjugateGradient)),
        Road::Whole => sums(problem, 0..problem.x.nrows(), problem.x.nrows())?.solve(),
        Road::Rows => sums(problem, 0..problem.x.nrows(), 1)?.solve(),
        Road::Merged => {
            let rows = problem.x.nrows();
            let cut = rows / 3;
            let mut merged = sums(problem, cut..rows, 7)?;
            merged.merge(&sums(problem, 0..cut, rows)?)?;
            merged.solve()
        }
    }
}

fn in_memory(problem: &Problem, regression: LinearRegression) -> Result<LinearFit<f64>, Error> {
    match (&problem.polynomial, &problem.weights) {
        (Some(x), None) => regression.fit_polynomial(x, &problem.y, problem.x.ncols()),
        (None, None) => regression.fit(&problem.x, &problem.y),
        (None, Some(weights)) => regression.fit_weighted(&problem.x, &problem.y, weights.as_slice()),
        (Some(_), Some(_)) => unreachable!("polynomials take no weights"),
    }
}

/// Sums over these rows, so many at a time.
fn sums(problem: &Problem, rows: std::ops::Range<usize>, at_a_time: usize) -> Result<NormalEquation<f64>, Error> {
    let mut sums = NormalEquation::new(problem.x.ncols(), problem.y.ncols()).with_intercept(problem.intercept);
    let mut first = rows.start;
    while first < rows.end {
        let count = at_a_time.min(rows.end - first);
        let (x, y) = (&problem.x.rows(first, count), &problem.y.rows(first, count));
        match &problem.weights {
            Some(weights) => sums.push_weighted(x, y, &weights[first..first + count])?,
            None => sums.push(x, y)?,
        }
        first += count;
    }
    Ok(sums)
}
