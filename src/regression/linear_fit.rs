use nalgebra::{DMatrix, DVector};

use super::solution::Solution;
use super::{Intercept, check_design};
use crate::error::{Error, Result};
use crate::linalg::{self, View, times_power_of_two};
use crate::real::Real;

/// A fitted linear model, `Y = X B + 1 aᵀ`. It holds no data.
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
#[derive(Clone, Debug, PartialEq)]
pub struct LinearFit<T> {
    coefficients: DMatrix<T>,
    intercept: DVector<T>,
    included: Intercept,
}

impl<T: Real> LinearFit<T> {
    pub(super) fn from_solution(solution: Solution<T>) -> Result<Self> {
        let Solution { intercept: included, parameters, unknown_exponents, target_exponents, .. } = solution;
        let unscaled =
            |i: usize, j: usize| times_power_of_two(parameters[(i, j)], target_exponents[j] - unknown_exponents[i]);
        let (unknowns, targets) = parameters.shape();
        let parameters = DMatrix::from_fn(unknowns, targets, unscaled);
        if !parameters.iter().all(|parameter| parameter.is_finite()) {
            return Err(Error::Overflow { what: "parameters" });
        }
        let first = included.unknowns();
        let coefficients = parameters.rows(first, unknowns - first).into_owned();
        let intercept = match included {
            Intercept::Include => parameters.row(0).transpose(),
            Intercept::Omit => DVector::zeros(targets),
        };
        Ok(Self { coefficients, intercept, included })
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
        match self.included {
            Intercept::Include => {
                let mut parameters = self.coefficients.clone().insert_row(0, T::zero());
                parameters.row_mut(0).copy_from(&self.intercept.transpose());
                parameters
            }
            Intercept::Omit => self.coefficients.clone(),
        }
    }

    /// `X B + 1 aᵀ`: observations × targets.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if `x` has not one column for each feature,
    /// [`Error::NotFinite`](crate::Error::NotFinite) with the place of an entry that is not finite.
    pub fn predict<'a>(&self, x: impl Into<View<'a, T>>) -> Result<DMatrix<T>> {
        let x = x.into();
        check_design(x, self.coefficients.nrows())?;
        let mut y = DMatrix::from_fn(x.nrows(), self.coefficients.ncols(), |_, target| self.intercept[target]);
        let (features, targets) = self.coefficients.shape();
        let coefficients = linalg::matrix(self.coefficients.as_slice(), features, targets);
        // A copy: the products take columns that lie one after the other.
        let x = x.into_owned();
        linalg::multiply_add(linalg::matrix(x.as_slice(), x.nrows(), features), coefficients, y.as_mut_slice());
        Ok(y)
    }
}
