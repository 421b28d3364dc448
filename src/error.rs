//! The error of the crate, and what it is made of.
//!
//! Readers and writers of files have errors of their own, beside them.
//!
//! ```
//! use gradus::nalgebra::{DMatrix, DVector};
//! use gradus::{Error, LinearRegression};
//!
//! let (x, y) = (DMatrix::<f64>::zeros(5, 2), DVector::zeros(4));
//! let error = LinearRegression::new().fit(&x, &y).unwrap_err();
//! assert!(matches!(error, Error::ShapeMismatch { .. }));
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`Error`], [`Result`] | why a call was refused |
//! | [`Shape`] | rows and columns in an error |
//! | [`Column`], [`Dependency`] | columns of a design matrix that depend on others |

use std::fmt;

use crate::number::shortest;

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call was refused.
///
/// Every variant says what was looked at, what was expected and what was found; a refused call has changed
/// nothing. Reading a file has an error type of its own, [`IdxError`](crate::data::IdxError).
///
/// # Examples
/// ```
/// use gradus::{Error, GradientDescent};
///
/// let error = GradientDescent::<f64>::new(-0.1).unwrap_err();
/// assert_eq!(error.to_string(), "learning rate: expected a positive, finite number, found -0.1");
/// assert!(matches!(error, Error::InvalidParameter { name: "learning rate", .. }));
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A matrix, batch or vector has the wrong shape.
    #[error("{what}: expected {expected}, found {found}{}", if expected.admits_transpose_of(found) { " (is it transposed?)" } else { "" })]
    ShapeMismatch {
        /// What was looked at.
        what: &'static str,
        /// The shape that fits.
        expected: Shape,
        /// The shape that was given.
        found: Shape,
    },

    /// A value is NaN or infinite where only finite numbers make sense.
    #[error("{what}: expected finite numbers, found {value} at row {row}, column {column}")]
    NotFinite {
        /// What was looked at.
        what: &'static str,
        /// Row of the first such value, counted from 0.
        row: usize,
        /// Its column, counted from 0.
        column: usize,
        /// The value.
        value: f64,
    },

    /// There is nothing to work on.
    #[error("{what}: expected at least one, found none")]
    Empty {
        /// What is missing.
        what: &'static str,
    },

    /// A hyper-parameter lies outside its range.
    #[error("{name}: expected {expected}, found {}", shortest(*value))]
    InvalidParameter {
        /// Its name.
        name: &'static str,
        /// The value that was given.
        value: f64,
        /// The range that is allowed.
        expected: &'static str,
    },

    /// A target is not one that the loss is defined for.
    #[error("target of sample {sample}: expected {expected}, found {}", shortest(*value))]
    InvalidTarget {
        /// The sample, counted from 0.
        sample: usize,
        /// What the loss is defined for.
        expected: &'static str,
        /// The value (or sum) that was found.
        value: f64,
    },

    /// A class label is not below the number of classes.
    #[error("label of sample {sample}: expected a class below {classes}, found {label}")]
    LabelOutOfRange {
        /// The sample, counted from 0.
        sample: usize,
        /// Its label.
        label: usize,
        /// The number of classes.
        classes: usize,
    },

    /// No sample has this class.
    #[error("class {class}: expected at least one sample, found none")]
    EmptyClass {
        /// The class, counted from 0.
        class: usize,
    },

    /// A layer does not fit where it stands.
    #[error("layer {index}, {layer}: {source}")]
    Layer {
        /// Its place, counted from 0.
        index: usize,
        /// Its `Debug` form.
        layer: String,
        /// What is wrong with it.
        source: Box<Error>,
    },

    /// A layer was given another number of values a sample than it takes.
    #[error("inputs of the layer: expected {expected}, found {found}")]
    InputSize {
        /// What the layer takes.
        expected: usize,
        /// What stands before it.
        found: usize,
    },

    /// A loss of probabilities is behind a layer with which its slope is lost where probabilities are near 0 or 1.
    #[error("{loss} of a {layer}: expected {expected} (its slope is lost where a probability is near 0 or 1)")]
    LostSlope {
        /// The loss.
        loss: &'static str,
        /// The layer that makes the probabilities.
        layer: &'static str,
        /// What fits.
        expected: &'static str,
    },

    /// The memory for this cannot be allocated.
    #[error("{what}: expected a size that fits into memory, found {count} values")]
    TooLarge {
        /// What was to be stored.
        what: &'static str,
        /// How many values it has; `usize::MAX` where even their number overflows.
        count: usize,
    },

    /// Fewer observations than unknowns.
    #[error("observations: expected at least {unknowns}, one for each unknown, found {observations}")]
    Underdetermined {
        /// The number of observations.
        observations: usize,
        /// The number of unknowns of each target, the intercept included.
        unknowns: usize,
    },

    /// Columns of the design matrix are, to working precision, linear combinations of others.
    #[error(
        "design matrix: expected linearly independent columns, found {} (condition number about {condition:.1e})",
        list(dependencies)
    )]
    RankDeficient {
        /// The dependent columns, each with the combination that it is.
        dependencies: Vec<Dependency>,
        /// An estimate, from below, of the condition number with columns of length 1: one over the part of a dependent
        /// column's length that its combination leaves, infinite where that cannot be told from nothing.
        condition: f64,
    },

    /// A solver breaks down: one that was chosen on columns that are nearly dependent, or any on columns that are
    /// independent only by observations whose weights leave no digits of them.
    #[error("design matrix: expected a condition number that the solver can handle, found about {condition:.1e}")]
    IllConditioned {
        /// An estimate of the condition number with columns of length 1.
        condition: f64,
    },

    /// More observations were to be removed than are held.
    #[error("observations to remove: expected at most the {held} that are held, found {removed}")]
    RemovalExceeds {
        /// The number of observations held.
        held: usize,
        /// The number to be removed.
        removed: usize,
    },

    /// A removal would leave too few digits of the sums, or was of what cannot have been pushed.
    #[error(
        "observations to remove: expected some that were pushed and leave enough digits of the sums, found too few for \
         {column}"
    )]
    RemovalTooDeep {
        /// The column whose sum of squares would fall too far.
        column: Column,
    },

    /// A sum left the range of the floating-point type.
    #[error("{what}: expected values within the range of the number type, found an overflow")]
    Overflow {
        /// What was summed.
        what: &'static str,
    },

    /// An optimizer that has no learning rate was to be given one.
    #[error("optimizer: expected one with a learning rate, found one without")]
    NoLearningRate,

    /// A loss or gradient of a training was not finite: the steps were too long, or the data too large.
    #[error(
        "training: expected a finite loss and gradient, found one that is not in epoch {epoch} after {iteration} steps; \
         the last finite loss was {}",
        last_finite_loss.map_or_else(|| "none".to_owned(), shortest)
    )]
    Diverged {
        /// The epoch, counted from 0.
        epoch: usize,
        /// The steps that were made before.
        iteration: u64,
        /// The last loss that was finite, if there was one.
        last_finite_loss: Option<f64>,
    },

    /// Label smoothing of a loss that is no cross-entropy.
    #[error("label smoothing: expected a cross-entropy, found {loss}")]
    NotSmoothable {
        /// The configuration of the loss.
        loss: String,
    },

    /// A checkpoint of another training.
    #[error("checkpoint: expected {what} {expected}, found {found}")]
    CheckpointMismatch {
        /// What differs.
        what: &'static str,
        /// What the trainer has.
        expected: String,
        /// What the checkpoint has.
        found: String,
    },

    /// State of another optimizer or of another problem.
    #[error("optimizer state: expected {expected}, found {found}")]
    StateMismatch {
        /// What the optimizer keeps.
        expected: String,
        /// What it was handed.
        found: String,
    },
}

/// A column of a design matrix: the ones of the intercept, or a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Column {
    /// The column of ones.
    Intercept,
    /// The feature of this index, counted from 0.
    Feature(usize),
    /// The target of this index, counted from 0.
    Target(usize),
}

/// Writes `x2` for a feature, `y0` for a target and `1` for the intercept.
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intercept => f.write_str("1"),
            Self::Feature(index) => write!(f, "x{index}"),
            Self::Target(index) => write!(f, "y{index}"),
        }
    }
}

/// A column of a design matrix that is a linear combination of others.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::error::Column;
/// use gradus::{Error, NormalEquation};
///
/// // The last column is twice the first less the second.
/// let x = dmatrix![1.0, 4.0, -2.0; 2.0, 5.0, -1.0; 3.0, 7.0, -1.0; 5.0, 1.0, 9.0];
/// let mut sums = NormalEquation::<f64>::new(3, 1);
/// sums.push(&x, &dvector![1.0, 2.0, 3.0, 4.0])?;
/// let error = sums.solve().unwrap_err();
/// assert!(error.to_string().contains("found x2 = 2·x0 − x1 (condition number"));
/// let Error::RankDeficient { dependencies, condition } = error else { panic!() };
/// assert!(condition > 1e12);
/// assert_eq!(dependencies[0].column, Column::Feature(2));
/// assert_eq!(dependencies[0].combination[0].0, Column::Feature(0));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Dependency {
    /// The column.
    pub column: Column,
    /// The columns that it is made of, each with its coefficient; none for a column of zeros.
    pub combination: Vec<(Column, f64)>,
}

impl Dependency {
    pub(crate) fn new(column: Column, combination: Vec<(Column, f64)>) -> Self {
        Self { column, combination }
    }
}

/// Writes `x2 = 2·x0 − x1`, with coefficients to six digits.
impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} =", self.column)?;
        for (place, &(column, coefficient)) in self.combination.iter().enumerate() {
            match (place, coefficient < 0.0) {
                (0, false) => f.write_str(" ")?,
                (0, true) => f.write_str(" −")?,
                (_, false) => f.write_str(" + ")?,
                (_, true) => f.write_str(" − ")?,
            }
            // Six digits, as %g gives them; an integer has all and reads best without a point.
            let size = coefficient.abs();
            let rounded = if size.fract() == 0.0 && size < 1e15 { size.to_string() } else { format!("{size:.5e}") };
            let magnitude: f64 = rounded.parse().unwrap_or(size);
            let number = match (1e-5..1e15).contains(&magnitude) || magnitude == 0.0 {
                true => magnitude.to_string(),
                false => format!("{magnitude:e}"),
            };
            match column {
                Column::Intercept => f.write_str(&number)?,
                _ if magnitude == 1.0 => write!(f, "{column}")?,
                _ => write!(f, "{number}·{column}")?,
            }
        }
        if self.combination.is_empty() { f.write_str(" 0") } else { Ok(()) }
    }
}

fn list(dependencies: &[Dependency]) -> String {
    dependencies.iter().map(Dependency::to_string).collect::<Vec<_>>().join(", ")
}

/// Rows and columns in an error; `None` stands for "any number".
///
/// # Examples
/// ```
/// use gradus::error::Shape;
///
/// assert_eq!(Shape::new(2, 3).to_string(), "2 × 3");
/// assert_eq!(Shape::with_rows(2).columns, None);
/// assert_eq!(Shape::with_columns(3).to_string(), "any × 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shape {
    /// The number of rows.
    pub rows: Option<usize>,
    /// The number of columns.
    pub columns: Option<usize>,
}

impl Shape {
    /// `rows` × `columns`.
    #[must_use]
    pub fn new(rows: usize, columns: usize) -> Self {
        Self { rows: Some(rows), columns: Some(columns) }
    }

    /// `rows` × any number of columns.
    #[must_use]
    pub fn with_rows(rows: usize) -> Self {
        Self { rows: Some(rows), columns: None }
    }

    /// Any number of rows × `columns`.
    #[must_use]
    pub fn with_columns(columns: usize) -> Self {
        Self { rows: None, columns: Some(columns) }
    }

    fn admits_transpose_of(&self, found: &Self) -> bool {
        let fits = |expected: Option<usize>, found| expected.is_none() || expected == found;
        fits(self.rows, found.columns) && fits(self.columns, found.rows)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: Option<usize>| count.map_or("any".to_owned(), |count| count.to_string());
        write!(f, "{} × {}", count(self.rows), count(self.columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_matrix_is_recognized() {
        let error = |expected, found| Error::ShapeMismatch { what: "input", expected, found }.to_string();
        let expected = Shape::with_rows(4);
        assert_eq!(error(expected, Shape::new(7, 4)), "input: expected 4 × any, found 7 × 4 (is it transposed?)");
        assert_eq!(error(expected, Shape::new(7, 5)), "input: expected 4 × any, found 7 × 5");
        assert_eq!(error(Shape::new(2, 3), Shape::new(3, 3)), "input: expected 2 × 3, found 3 × 3");
    }

    #[test]
    fn errors_can_cross_threads() {
        fn crosses<E: std::error::Error + Send + Sync + 'static>() {}
        crosses::<Error>();
    }
}
