//! Linear regression, as exact as exact arithmetic, with everything that is said about a fit.
//!
//! A design matrix has an observation per row, as statistics writes it.
//!
//! ```
//! use gradus::LinearRegression;
//! use gradus::nalgebra::{dmatrix, dvector};
//!
//! // y = 1 + 2 x₁ − x₂, exactly.
//! let x = dmatrix![0.0, 1.0; 1.0, 0.0; 2.0, 1.0; 3.0, 3.0];
//! let y: gradus::nalgebra::DVector<f64> = dvector![0.0, 3.0, 4.0, 4.0];
//! let fit = LinearRegression::new().fit(&x, &y)?;
//! assert_eq!(fit.coefficients().as_slice(), [2.0, -1.0]);
//! assert_eq!(fit.intercept()[0], 1.0);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | roads to a fit | |
//! | --- | --- |
//! | [`LinearRegression`] | data in memory; ridge penalties, weights, polynomials |
//! | [`NormalEquation`] | data that come in pieces, or from several machines |
//! | [`RecursiveLeastSquares`] | one observation at a time, older ones forgotten |
//! | [`LeastSquaresObjective`] | gradient descent, as the lesson has it |
//! | [`polynomial`] | the design matrix of a polynomial |
//! | [`Intercept`], [`Solver`], [`RankDeficiency`] | what a fit is told |
//!
//! | the fitted model | |
//! | --- | --- |
//! | [`LinearFit`] | coefficients, standard errors, predictions |
//! | [`FitStatistics`], [`Summary`] | R², F, t and p; the table that R prints |
//! | [`Intervals`] | confidence and prediction intervals |
//! | [`Diagnostics`], [`RobustCovariance`] | leverages, residuals, errors without equal variances |
//! | [`CenteredPolynomial`] | a polynomial about the middle of its data |
//! | [`RegressionReport`] | how the fit was found, and how far it can be trusted |
//!
//! Which road to take: [`docs::choosing::regression`](crate::docs::choosing::regression).

// The road from data to a fitted model. A file imports those alone that stand above it in this list, in the order of
// its lines: `tests/regression/imports.rs` sees to it.

mod distribution;
mod problem;

#[cfg(feature = "serde")]
mod stored;

mod report;
mod units;

mod blocks;
mod factors;
mod polynomial;
mod refine;
mod solution;

mod rank;

mod minimum_norm;

mod conclude;
mod statistics;

mod linear_fit;

mod centered_polynomial;
mod diagnostics;
mod intervals;
mod summary;

mod sums;

mod normal_equation;

mod linear_regression;

mod least_squares_objective;
mod recursive_least_squares;

pub use centered_polynomial::CenteredPolynomial;
pub use diagnostics::{Diagnostics, RobustCovariance};
pub use intervals::Intervals;
pub use least_squares_objective::LeastSquaresObjective;
pub use linear_fit::LinearFit;
pub use linear_regression::LinearRegression;
pub use normal_equation::NormalEquation;
pub use polynomial::polynomial;
pub use problem::Intercept;
pub use recursive_least_squares::RecursiveLeastSquares;
pub use report::{RankDeficiency, RegressionReport, Solver};
pub use statistics::FitStatistics;
pub use summary::Summary;
