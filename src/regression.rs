//! The road from data to a fitted model. A file imports those alone that stand above it in this list, in the order of
//! its lines: `tests/regression/imports.rs` sees to it.

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
