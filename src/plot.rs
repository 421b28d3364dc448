//! Charts of trainings and regressions, as SVG (feature `plot`).
//!
//! A function makes a [`Figure`] or a [`Grid`] of what is to be seen: it can be looked into, changed, and
//! [saved](Figure::save). Colors are those of M. Okabe and K. Ito, which the color-blind can tell apart; lines differ
//! in their dashes too.
//!
//! - A training: [`losses`], [`metrics`], [`confusion_matrix`], [`weight_images`]
//! - A regression: [`regression_line`], [`residuals_against_fitted`], [`residual_quantiles`], [`residuals_against_leverage`]
//! - A minimization of a function of two variables: [`descent_path`]
//! - Anything else: [`Figure::new`] and [`Series`]
//!
//! # Examples
//! ```
//! use gradus::LinearRegression;
//! use gradus::nalgebra::dvector;
//! use gradus::plot::{Mark, regression_line};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("line.svg");
//! let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.1, 2.9, 5.1, 6.9]);
//! let fit = LinearRegression::new().fit(&x, &y)?;
//! let figure = regression_line(&fit, &x, &y, 0.95)?.titled("Calibration").with_axes("force (N)", "voltage (V)");
//! figure.save(&path)?;
//!
//! let observations = figure.series().iter().find(|series| series.mark() == Mark::Points).unwrap();
//! assert_eq!(observations.points()[1], [1.0, 2.9]);
//! # Ok(())
//! # }
//! ```

mod descent;
mod figure;
mod grid;
mod regression;
mod training;

pub use descent::descent_path;
pub use figure::{Figure, Mark, Series};
pub use grid::{Grid, confusion_matrix, weight_images};
pub use regression::{regression_line, residual_quantiles, residuals_against_fitted, residuals_against_leverage};
pub use training::{losses, metrics};

use crate::error::Error;
use crate::file::SaveError;
use crate::number::shortest;

/// Why a chart cannot be drawn.
///
/// # Examples
/// ```
/// use gradus::plot::{Figure, PlotError};
///
/// let error = Figure::new("nothing", "x", "y").to_svg().unwrap_err();
/// assert_eq!(error.to_string(), "points to draw: expected at least one, found none");
/// assert!(matches!(error, PlotError::Data(gradus::Error::Empty { .. })));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The file cannot be saved.
    #[error(transparent)]
    Save(#[from] SaveError),

    /// A point is not finite.
    #[error("series {series:?}: expected finite points, found ({}, {})", shortest(point[0]), shortest(point[1]))]
    NotFinite {
        /// The name of the series.
        series: String,
        /// The point.
        point: [f64; 2],
    },

    /// Axes cannot be this long.
    #[error("axis {axis:?}: expected numbers of at most 1e300, found a range from {} to {}", shortest(*low), shortest(*high))]
    Range {
        /// The name of the axis.
        axis: String,
        /// Its low end.
        low: f64,
        /// Its high end.
        high: f64,
    },

    /// The fit has no statistics: of a penalty, or without degrees of freedom.
    #[error("fit: expected one with standard errors, found one without")]
    NoStatistics,

    /// The drawing failed.
    #[error("drawing: {0}")]
    Drawing(String),

    /// The data do not make a chart.
    #[error(transparent)]
    Data(#[from] Error),
}
