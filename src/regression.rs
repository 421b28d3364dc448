mod conjugate_gradient;
mod design;
mod diagnostics;
mod distribution;
mod intervals;
mod least_squares_objective;
mod linear_fit;
mod linear_regression;
mod normal_equation;
mod polynomial;
mod preconditioner;
mod recursive_least_squares;
mod refinement;
mod report;
#[cfg(feature = "serde")]
mod serialization;
mod solution;
mod statistics;
mod summary;
mod sums;
mod wide_matrix;

pub use diagnostics::{Diagnostics, RobustCovariance};
pub use intervals::Intervals;
pub use least_squares_objective::LeastSquaresObjective;
pub use linear_fit::LinearFit;
pub use linear_regression::LinearRegression;
pub use normal_equation::NormalEquation;
pub use polynomial::polynomial;
pub use recursive_least_squares::RecursiveLeastSquares;
pub use report::{RankDeficiency, RegressionReport, Solver};
pub use statistics::FitStatistics;
pub use summary::Summary;

use crate::checks;
use crate::error::{Column, Dependency, Error, Result, Shape};
use crate::linalg::{View, times_power_of_two};
use crate::real::Real;

/// Whether a linear model has a constant term, the coefficient of a column of ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Intercept {
    /// `y = X β + b`.
    #[default]
    Include,
    /// `y = X β`.
    Omit,
}

impl Intercept {
    /// The number of unknowns that it adds to those of the features.
    fn unknowns(self) -> usize {
        match self {
            Self::Include => 1,
            Self::Omit => 0,
        }
    }
}

/// That a design matrix and its targets have the expected columns, as many rows, and only finite entries.
fn check_observations<T: Real>(x: View<'_, T>, y: View<'_, T>, features: usize, targets: usize) -> Result<()> {
    check_shapes(x, y, features, targets)?;
    check_finite("design matrix", x)?;
    check_finite("targets", y)
}

/// That a design matrix and its targets have the expected columns, and as many rows.
fn check_shapes<T: Real>(x: View<'_, T>, y: View<'_, T>, features: usize, targets: usize) -> Result<()> {
    check_features(x, features)?;
    let expected = Shape::new(x.nrows(), targets);
    if y.shape() != (x.nrows(), targets) {
        let found = Shape::new(y.nrows(), y.ncols());
        return Err(Error::ShapeMismatch { what: "targets (one observation per row)", expected, found });
    }
    Ok(())
}

fn check_design<T: Real>(x: View<'_, T>, features: usize) -> Result<()> {
    check_features(x, features)?;
    check_finite("design matrix", x)
}

fn check_features<T: Real>(x: View<'_, T>, features: usize) -> Result<()> {
    if x.ncols() == features {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        what: "design matrix (one observation per row)",
        expected: Shape::with_columns(features),
        found: Shape::new(x.nrows(), x.ncols()),
    })
}

/// The number of observations of positive weight.
fn count_observations<T: Real>(rows: usize, weights: Option<&[T]>) -> usize {
    weights.map_or(rows, |weights| weights.iter().filter(|weight| !weight.is_zero()).count())
}

/// The least e with |value| < 2^e; none of zero.
fn exponent<T: Real>(value: T) -> Option<i32> {
    const MANTISSA_BITS: i32 = 52;
    let value = value.to_f64().abs();
    if value == 0.0 {
        return None;
    }
    // A subnormal number has no leading one before its bits are moved up.
    let shift = if value < f64::MIN_POSITIVE { MANTISSA_BITS } else { 0 };
    let bits = (value * f64::from(shift).exp2()).to_bits();
    Some((bits >> MANTISSA_BITS) as i32 - 1022 - shift)
}

/// One weight for each observation, finite and not negative.
fn check_weights<T: Real>(weights: &[T], observations: usize) -> Result<()> {
    if weights.len() != observations {
        return Err(Error::ShapeMismatch {
            what: "weights, one for each observation",
            expected: Shape::new(observations, 1),
            found: Shape::new(weights.len(), 1),
        });
    }
    weights.iter().try_for_each(|&weight| checks::not_negative("observation weight", weight).map(|_| ()))
}

/// Dependent columns, given their coefficients in terms of columns that are each divided by 2^exponent.
fn dependencies<T: Real>(
    relations: impl Iterator<Item = (usize, Vec<(usize, T)>)>,
    exponents: &[i32],
    intercept: Intercept,
) -> Vec<Dependency> {
    let name = |unknown: usize| unknown.checked_sub(intercept.unknowns()).map_or(Column::Intercept, Column::Feature);
    let dependency = |(column, combination): (usize, Vec<(usize, T)>)| {
        // What rounding leaves of a coefficient that is zero.
        let negligible = T::epsilon() * T::from_count(64 * exponents.len());
        let terms = combination.into_iter().filter(|&(_, coefficient)| coefficient.abs() > negligible);
        let terms = terms.map(|(other, coefficient)| {
            let coefficient = times_power_of_two(coefficient, exponents[column] - exponents[other]);
            (name(other), coefficient.to_f64())
        });
        Dependency::new(name(column), terms.collect())
    };
    relations.map(dependency).collect()
}

fn check_finite<T: Real>(what: &'static str, values: View<'_, T>) -> Result<()> {
    // Without rows there may be any number of columns.
    if values.is_empty() {
        return Ok(());
    }
    for column in 0..values.ncols() {
        for row in 0..values.nrows() {
            let value = values[(row, column)];
            if !value.is_finite() {
                return Err(Error::NotFinite { what, row, column, value: value.to_f64() });
            }
        }
    }
    Ok(())
}
