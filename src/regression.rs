mod least_squares_objective;
mod linear_fit;
mod normal_equation;

pub use least_squares_objective::LeastSquaresObjective;
pub use linear_fit::LinearFit;
pub use normal_equation::NormalEquation;

use crate::error::{Error, Result, Shape};
use crate::linalg::View;
use crate::real::Real;

/// Whether a linear model has a constant term, the coefficient of a column of ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
    check_design(x, features)?;
    let expected = Shape::new(x.nrows(), targets);
    if y.shape() != (x.nrows(), targets) {
        let found = Shape::new(y.nrows(), y.ncols());
        return Err(Error::ShapeMismatch { what: "targets (one observation per row)", expected, found });
    }
    check_finite("targets", y)
}

fn check_design<T: Real>(x: View<'_, T>, features: usize) -> Result<()> {
    if x.ncols() != features {
        return Err(Error::ShapeMismatch {
            what: "design matrix (one observation per row)",
            expected: Shape::with_columns(features),
            found: Shape::new(x.nrows(), x.ncols()),
        });
    }
    check_finite("design matrix", x)
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
