//! Least squares: digits, reports, streams, and the order of its files.

#[path = "../../src/counted.rs"]
mod counted;
mod exact_regression;
mod exact_report;
mod fitted_model;
mod imports;
mod linear_regression;
mod minimum_norm;
mod nist;
mod properties;
mod windows;
