use nalgebra::{DMatrix, DVector};

use super::report::RegressionReport;
use super::solution::Solution;
use super::statistics::FitStatistics;
use super::{Intercept, check_design};
use crate::error::{Dependency, Error, Result};
use crate::linalg::{self, View};
use crate::real::Real;

/// A fitted linear model, `Y = X B + 1 aᵀ + E`, and what can be said of it. It holds no data.
///
/// The variance of the errors is taken to be the same for all observations, or σ²/w with weights w.
///
/// # Shapes
/// For p features and k targets: coefficients p × k; standard errors, t statistics, p-values and confidence intervals
/// (p + 1) × k, the intercept's row first, or p × k without intercept. What belongs to a target as a whole is in
/// [`statistics`](Self::statistics), one entry for each.
///
/// # Numerics
/// Everything is computed in units in which neither squares nor products leave the range of the number type. What is
/// undefined, or overflows once it is in the units of the data, is `None`: standard errors of as many observations as
/// unknowns, R² of a constant target, F of a perfect fit. A matrix is `None` if one of its entries is. Nothing is NaN.
///
/// # Examples
/// ```
/// use gradus::NormalEquation;
/// use gradus::nalgebra::{dmatrix, dvector};
///
/// let mut sums = NormalEquation::<f64>::new(1, 1);
/// sums.push(&dvector![0.0, 1.0, 2.0], &dvector![1.0, 3.0, 5.0])?;
/// let fit = sums.solve()?;
/// assert!((fit.coefficients()[(0, 0)] - 2.0).abs() < 1e-14 && (fit.intercept()[0] - 1.0).abs() < 1e-14);
/// assert!((fit.predict(&dmatrix![10.0])? - dmatrix![21.0]).amax() < 1e-13);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// `Display` prints the [summary](Self::summary).
///
/// # References
/// G. A. F. Seber, A. J. Lee (2003): Linear Regression Analysis, ch. 3–5.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearFit<T> {
    pub(super) solution: Solution<T>,
    coefficients: DMatrix<T>,
    intercept: DVector<T>,
    standard_errors: Option<DMatrix<T>>,
    statistics: Vec<FitStatistics<T>>,
}

impl<T: Real> LinearFit<T> {
    pub(super) fn from_solution(solution: Solution<T>) -> Result<Self> {
        let (unknowns, targets) = solution.parameters.shape();
        let parameters = matrix_of(unknowns, targets, |unknown, target| {
            solution.unscaled_parameter(solution.parameters[(unknown, target)], unknown, target)
        });
        let parameters = parameters.ok_or(Error::Overflow { what: "parameters" })?;
        let first = solution.intercept.unknowns();
        let coefficients = parameters.rows(first, unknowns - first).into_owned();
        let intercept = match solution.intercept {
            Intercept::Include => parameters.row(0).transpose(),
            Intercept::Omit => DVector::zeros(targets),
        };
        let standard_errors = matrix_of(unknowns, targets, |unknown, target| {
            solution.unscaled_parameter(solution.standard_error(unknown, target)?, unknown, target)
        });
        let statistics = (0..targets).map(|target| FitStatistics::new(&solution, target)).collect();
        Ok(Self { solution, coefficients, intercept, standard_errors, statistics })
    }

    /// How the model was fitted, and how far the solution can be trusted.
    #[must_use]
    pub fn report(&self) -> &RegressionReport {
        &self.solution.report
    }

    /// The columns that are combinations of others, where [`RankDeficiency`](crate::RankDeficiency) says to put up
    /// with them; none otherwise.
    #[must_use]
    pub fn dependencies(&self) -> &[Dependency] {
        &self.solution.dependencies
    }

    /// `B`: features × targets.
    #[must_use]
    pub fn coefficients(&self) -> &DMatrix<T> {
        &self.coefficients
    }

    /// `a`: one constant for each target; zeros if the model has none.
    #[must_use]
    pub fn intercept(&self) -> &DVector<T> {
        &self.intercept
    }

    /// All parameters as one matrix: the intercept's row first, if the model has one, then those of the features.
    ///
    /// Column by column they are the vector that [`LeastSquaresObjective`](crate::LeastSquaresObjective) is a
    /// function of.
    #[must_use]
    pub fn parameters(&self) -> DMatrix<T> {
        match self.solution.intercept {
            Intercept::Include => {
                let mut parameters = self.coefficients.clone().insert_row(0, T::zero());
                parameters.row_mut(0).copy_from(&self.intercept.transpose());
                parameters
            }
            Intercept::Omit => self.coefficients.clone(),
        }
    }

    /// What belongs to a target as a whole, such as R² and the residual standard deviation: one entry for each target.
    #[must_use]
    pub fn statistics(&self) -> &[FitStatistics<T>] {
        &self.statistics
    }

    /// The standard errors of the parameters, `s √[(XᵀWX)⁻¹]ⱼⱼ` with the residual standard deviation s:
    /// (p + 1) × k, the intercept's row first.
    ///
    /// `None` with a penalty, or without residual degrees of freedom.
    #[must_use]
    pub fn standard_errors(&self) -> Option<&DMatrix<T>> {
        self.standard_errors.as_ref()
    }

    /// The number of observations n; those of weight 0 do not count.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.solution.observations
    }

    /// The residual degrees of freedom: n less the number of independent columns, that of the intercept among them.
    ///
    /// `None` with a penalty, which leaves no whole number of them.
    #[must_use]
    pub fn degrees_of_freedom(&self) -> Option<usize> {
        self.solution.degrees_of_freedom()
    }

    /// `X B + 1 aᵀ`: observations × targets.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if `x` has not one column for each feature,
    /// [`Error::NotFinite`](crate::Error::NotFinite) with the place of an entry that is not finite,
    /// [`Error::Overflow`](crate::Error::Overflow) if a prediction leaves the range of the number type,
    /// [`Error::TooLarge`](crate::Error::TooLarge) if the memory cannot be had.
    pub fn predict<'a>(&self, x: impl Into<View<'a, T>>) -> Result<DMatrix<T>> {
        let x = x.into();
        check_design(x, self.coefficients.nrows())?;
        let (features, targets) = self.coefficients.shape();
        let y = linalg::zeros("predictions", x.nrows().saturating_mul(targets))?;
        let mut y = DMatrix::from_vec(x.nrows(), targets, y);
        y.column_iter_mut().zip(self.intercept.iter()).for_each(|(mut column, &intercept)| column.fill(intercept));
        let coefficients = linalg::matrix(self.coefficients.as_slice(), features, targets);
        // A copy: the products take columns that lie one after the other.
        let x = x.into_owned();
        linalg::multiply_add(linalg::matrix(x.as_slice(), x.nrows(), features), coefficients, y.as_mut_slice());
        if y.iter().all(|value| value.is_finite()) { Ok(y) } else { Err(Error::Overflow { what: "predictions" }) }
    }
}

/// A matrix of values of which none is missing.
pub(super) fn matrix_of<T: Real>(
    rows: usize,
    columns: usize,
    value: impl Fn(usize, usize) -> Option<T>,
) -> Option<DMatrix<T>> {
    let places = (0..columns).flat_map(|column| (0..rows).map(move |row| (row, column)));
    let values: Option<Vec<T>> = places.map(|(row, column)| value(row, column)).collect();
    values.map(|values| DMatrix::from_vec(rows, columns, values))
}
