//! Fits a linear model to a CSV file, prints the table of its parameters, how they were found and how sure they are,
//! and draws its residuals.
//!
//! `cargo run --example regression_report -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use common::{Options, files, repository};
use gradus::LinearRegression;
use gradus::data::CsvOptions;
use gradus::plot::{residual_quantiles, residuals_against_fitted, residuals_against_leverage};

const HELP: &str = "\
Fits a linear model to a CSV file: a header, then rows of numbers, the target first. Rows with an empty field or NA are left
out. Draws the residuals.

Usage: cargo run --example regression_report -- [--data FILE] [--output DIR]

  --data FILE   the data (default: data/strd/Longley.csv of the crate)
  --output DIR  where the pictures go (default: target/pictures of the crate)
  -h, --help    this text";

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let data = options.path("--data").unwrap_or_else(|| repository("data/strd/Longley.csv"));
    let output = options.path("--output").unwrap_or_else(|| repository("target/pictures"));
    let table = CsvOptions::new().with_missing(["NA"]).read(&data)?;
    let (table, dropped) = table.complete_rows(table.names())?;
    if dropped > 0 {
        writeln!(out, "{dropped} rows are left out: a value is missing")?;
    }
    let names = table.names();
    let (y, x) = (table.columns::<f64>(&names[..1])?, table.columns::<f64>(&names[1..])?);
    let fit = LinearRegression::new().fit(&x, &y)?;
    let pictures = files(&output, ["residuals_fitted.svg", "residuals_quantiles.svg", "residuals_leverage.svg"])?;
    writeln!(out, "{} on {}\n\n{}\n", names[0], names[1..].join(", "), fit.summary().with_names(&names[1..])?)?;

    let report = fit.report();
    let converged = if report.converged { "converged" } else { "not converged" };
    writeln!(out, "Solver: {:?}, {} corrections, {converged}", report.solver, report.refinement_steps)?;
    writeln!(out, "Condition number: {:.1e} with columns of length 1\n", report.condition)?;

    let Some(intervals) = fit.confidence_intervals(0.95)? else {
        return Ok(writeln!(out, "95 % confidence intervals: none without residual degrees of freedom")?);
    };
    writeln!(out, "95 % confidence intervals:")?;
    let names = || std::iter::once("(Intercept)").chain(names[1..].iter().map(String::as_str));
    let width = names().map(|name| name.chars().count()).max().unwrap_or(0);
    for ((name, lower), upper) in names().zip(&intervals.lower).zip(&intervals.upper) {
        writeln!(out, "{name:<width$}  {lower:>13.6e}  {upper:>13.6e}")?;
    }

    let figures = [
        residuals_against_fitted(&fit, &x, &y)?,
        residual_quantiles(&fit, &x, &y)?,
        residuals_against_leverage(&fit, &x, &y)?,
    ];
    for (path, figure) in pictures.iter().zip(figures) {
        figure.save(path)?;
        writeln!(out, "drawn: {}", path.display())?;
    }
    Ok(())
}
