use nalgebra::DMatrix;

use crate::checks;
use crate::error::{Error, Result, Shape};
use crate::linalg::View;
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
    pub(super) fn unknowns(self) -> usize {
        match self {
            Self::Include => 1,
            Self::Omit => 0,
        }
    }
}

/// A least-squares problem in memory: minimize `Σ w (y − x β − b)² + λ ‖β‖²` for each target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem<'a, T: Real> {
    pub(super) x: View<'a, T>,
    /// What the entries of `x` have lost to rounding, where that is known.
    pub(super) lost: Option<&'a DMatrix<T>>,
    pub(super) y: View<'a, T>,
    pub(super) weights: Option<&'a [T]>,
    pub(super) intercept: Intercept,
    /// λ
    pub(super) ridge: T,
}

impl<T: Real> Problem<'_, T> {
    pub(super) fn unknowns(&self) -> usize {
        self.x.ncols().saturating_add(self.intercept.unknowns())
    }

    /// The number of observations of positive weight.
    pub(super) fn observations(&self) -> usize {
        count_observations(self.x.nrows(), self.weights)
    }

    /// That shapes fit and weights are good; whether entries are finite is seen when the columns are measured.
    pub(super) fn check(&self) -> Result<()> {
        check_shapes(self.x, self.y, self.x.ncols(), self.y.ncols())?;
        if let Some(weights) = self.weights {
            check_weights(weights, self.x.nrows())?;
        }
        check_counts(self.observations(), self.y.ncols(), self.unknowns())
    }

    /// That all entries are finite.
    pub(super) fn check_finite(&self) -> Result<()> {
        check_finite("design matrix", self.x)?;
        check_finite("targets", self.y)
    }
}

/// That there is at least one observation, one target and one unknown.
pub(super) fn check_counts(observations: usize, targets: usize, unknowns: usize) -> Result<()> {
    let counts = [("observations", observations), ("targets", targets), ("unknowns", unknowns)];
    match counts.into_iter().find(|&(_, count)| count == 0) {
        Some((what, _)) => Err(Error::Empty { what }),
        None => Ok(()),
    }
}

/// That a design matrix and its targets have the expected columns, as many rows, and only finite entries.
pub(super) fn check_observations<T: Real>(
    x: View<'_, T>,
    y: View<'_, T>,
    features: usize,
    targets: usize,
) -> Result<()> {
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

/// That a design matrix has the expected columns, and only finite entries.
pub(super) fn check_design<T: Real>(x: View<'_, T>, features: usize) -> Result<()> {
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

/// One weight for each observation, finite and not negative.
pub(super) fn check_weights<T: Real>(weights: &[T], observations: usize) -> Result<()> {
    if weights.len() != observations {
        return Err(Error::ShapeMismatch {
            what: "weights, one for each observation",
            expected: Shape::new(observations, 1),
            found: Shape::new(weights.len(), 1),
        });
    }
    weights.iter().try_for_each(|&weight| checks::not_negative("observation weight", weight).map(|_| ()))
}

/// The number of observations of positive weight.
pub(super) fn count_observations<T: Real>(rows: usize, weights: Option<&[T]>) -> usize {
    weights.map_or(rows, |weights| weights.iter().filter(|weight| !weight.is_zero()).count())
}

/// The least e with |value| < 2^e; none of zero.
pub(super) fn exponent<T: Real>(value: T) -> Option<i32> {
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
