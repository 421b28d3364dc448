#[cfg(feature = "serde")]
mod serialization;

use nalgebra::{DMatrix, DVector};

use super::blocks::Blocks;
use super::problem::{Intercept, Problem, check_design};
use super::report::RegressionReport;
use super::solution::{Solution, unscaled};
use super::statistics::FitStatistics;
use super::units::Units;
use crate::error::{Dependency, Error, Result};
use crate::linalg::{self, View, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

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
#[doc(alias = "OLSResults")]
#[derive(Clone, Debug, PartialEq)]
pub struct LinearFit<T: Real> {
    pub(super) solution: Solution<T>,
    pub(super) published: Published<T>,
    coefficients: DMatrix<T>,
    intercept: DVector<T>,
    standard_errors: Option<DMatrix<T>>,
    statistics: Vec<FitStatistics<T>>,
}

/// Of the columns as they are given, which are divided by powers of two of these exponents.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Published<T> {
    pub(super) exponents: Vec<i32>,
    /// Unknowns × targets, rounded.
    pub(super) parameters: DMatrix<T>,
    /// `√[(XᵀWX)⁻¹]ⱼⱼ`
    lengths: Option<Vec<T>>,
}

impl<T: Real> LinearFit<T> {
    #[inline(never)]
    pub(super) fn from_solution(solution: Solution<T>) -> Result<Self> {
        let (unknowns, targets) = (solution.unknowns(), solution.targets());
        let parameters = solution.published_parameters();
        let published = Published {
            exponents: solution.published_exponents().into_owned(),
            parameters: DMatrix::from_iterator(unknowns, targets, parameters.iter().map(|entry| entry.round())),
            lengths: solution.published_root().map(|root| root.lengths.clone()),
        };
        let exponent = |unknown: usize, target: usize| solution.target_exponents[target] - published.exponents[unknown];
        let parameters = matrix_of(unknowns, targets, |unknown, target| {
            unscaled(published.parameters[(unknown, target)], exponent(unknown, target))
        });
        let parameters = parameters.ok_or(Error::Overflow { what: "parameters" })?;
        let first = solution.intercept.unknowns();
        let coefficients = parameters.rows(first, unknowns - first).into_owned();
        let intercept = match solution.intercept {
            Intercept::Include => parameters.row(0).transpose(),
            Intercept::Omit => DVector::zeros(targets),
        };
        let statistics = (0..targets).map(|target| FitStatistics::new(&solution, target)).collect();
        let fit = Self { solution, published, coefficients, intercept, standard_errors: None, statistics };
        let standard_errors = matrix_of(unknowns, targets, |unknown, target| fit.standard_error(unknown, target));
        Ok(Self { standard_errors, ..fit })
    }

    /// Of a parameter, in its units.
    fn scaled_standard_error(&self, unknown: usize, target: usize) -> Option<T> {
        // The roots of the factors: their product cannot leave the range.
        let length = self.published.lengths.as_ref()?[unknown];
        let error = self.solution.residual_standard_deviation(target)? * length;
        error.is_finite().then_some(error)
    }

    /// Of a parameter.
    pub(super) fn standard_error(&self, unknown: usize, target: usize) -> Option<T> {
        let exponent = self.solution.target_exponents[target] - self.published.exponents[unknown];
        unscaled(self.scaled_standard_error(unknown, target)?, exponent)
    }

    pub(super) fn t_statistic(&self, unknown: usize, target: usize) -> Option<T> {
        let error = self.scaled_standard_error(unknown, target)?;
        let t = self.published.parameters[(unknown, target)] / error;
        (t.is_finite() && self.solution.squares[target].residual_resolved).then_some(t)
    }

    /// How the model was fitted, and how far the solution can be trusted.
    #[must_use]
    pub fn report(&self) -> &RegressionReport {
        &self.solution.report
    }

    /// The columns that are combinations of others, where [`RankDeficiency`](crate::regression::RankDeficiency) says to
    /// put up with them; none otherwise.
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
    /// Column by column they are the vector that [`LeastSquaresObjective`](crate::regression::LeastSquaresObjective) is
    /// a function of.
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

    /// `X B + 1 aᵀ`: observations × targets, from the coefficients with the digits that they lose to rounding, in twice
    /// the working precision.
    ///
    /// A model that [`fit_polynomial`](crate::LinearRegression::fit_polynomial) made takes rows as
    /// [`polynomial`](crate::regression::polynomial) makes them. Where they are the powers of their first entry but for
    /// rounding, the polynomial is evaluated at that entry: about the middle of its data, or without an intercept, with
    /// a penalty or of the least norm, as it is given.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if `x` has not one column for each feature,
    /// [`Error::NotFinite`](crate::Error::NotFinite) with the place of an entry that is not finite,
    /// [`Error::Overflow`](crate::Error::Overflow) if a prediction leaves the range of the number type,
    /// [`Error::TooLarge`](crate::Error::TooLarge) if the memory cannot be allocated.
    pub fn predict<'a>(&self, x: impl Into<View<'a, T>>) -> Result<DMatrix<T>> {
        self.evaluate(x.into())
    }

    #[inline(never)]
    fn evaluate(&self, x: View<'_, T>) -> Result<DMatrix<T>> {
        let (features, targets) = self.coefficients.shape();
        check_design(x, features)?;
        let mut predictions = linalg::zeros("predictions", x.nrows().saturating_mul(targets))?;
        let unknowns = self.solution.unknowns();
        let negative: Vec<T::Wide> = self.solution.parameters.iter().map(|&parameter| -parameter).collect();
        self.walk(x, x.columns(0, 0), None, |blocks| {
            let new = || (vec![Vec::new(); targets], Vec::new());
            let parts = blocks.of_parts(&[], new, |(columns, values), block| {
                let parameters = negative.chunks_exact(unknowns).zip(&self.solution.target_exponents);
                for (column, (parameters, exponent)) in columns.iter_mut().zip(parameters) {
                    values.clear();
                    values.resize(block.rows, T::Wide::zero());
                    block.subtract_product(values, parameters);
                    column.extend(values.iter().map(|value| times_power_of_two(value.round(), *exponent)));
                }
            });
            let mut start = 0;
            for (columns, _) in parts {
                for (target, column) in columns.iter().enumerate() {
                    predictions[target * x.nrows() + start..][..column.len()].copy_from_slice(column);
                }
                start += columns.first().map_or(0, Vec::len);
            }
        })?;
        let mut y = DMatrix::from_vec(x.nrows(), targets, predictions);
        for (place, value) in y.iter_mut().enumerate().filter(|(_, value)| !value.is_finite()) {
            // Products in twice the precision leave the range before plain ones do.
            let (row, target) = (place % x.nrows(), place / x.nrows());
            let terms = (0..features).map(|feature| x[(row, feature)] * self.coefficients[(feature, target)]);
            *value = terms.fold(self.intercept[target], T::add);
        }
        if y.iter().all(|value| value.is_finite()) { Ok(y) } else { Err(Error::Overflow { what: "predictions" }) }
    }

    /// Walks over observations, whose design matrix has been checked, in the units and the basis of the solution.
    pub(super) fn walk<R>(
        &self,
        x: View<'_, T>,
        y: View<'_, T>,
        weights: Option<&[T]>,
        visit: impl FnOnce(&Blocks<'_, T>) -> R,
    ) -> Result<R> {
        let Solution { intercept, basis, unknown_exponents, target_exponents, .. } = &self.solution;
        let powers = basis.as_ref().map(|basis| basis.of_rows(x)).transpose()?;
        let (x, lost) = powers.as_ref().map_or((x, None), |(rounded, lost)| (rounded.into(), Some(lost)));
        let units = Units::known(unknown_exponents, &target_exponents[..y.ncols()]);
        let problem = Problem { x, lost, y, weights, intercept: *intercept, ridge: T::zero() };
        Ok(visit(&Blocks::in_units(problem, units)))
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
