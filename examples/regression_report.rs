//! Fits a linear model to a CSV file, prints the table of its parameters, how they were found and how sure they are, and
//! draws its residuals.
//!
//! `cargo run --example regression_report -- --help`

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gradus::plot::{residual_quantiles, residuals_against_fitted, residuals_against_leverage};
use gradus::{CsvOptions, LinearRegression};
use lexopt::prelude::*;

const HELP: &str = "\
Fits a linear model to a CSV file: a header, then rows of numbers, the target first. Rows with an empty field or NA are left
out. Draws the residuals.

Usage: cargo run --example regression_report -- [--data FILE] [--output DIR]

  --data FILE   the data (default: data/strd/Longley.csv of the crate)
  --output DIR  where the pictures go (default: target/pictures of the crate)
  --help        this text";

fn main() -> ExitCode {
    let (code, error) = match parse_options().map(|options| run(options, &mut io::stdout().lock())) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => (1, error.to_string()),
        Err(error) => (2, format!("{error}; try --help")),
    };
    eprintln!("regression_report: {error}");
    ExitCode::from(code)
}

/// The file, and the directory of the pictures; none if help is asked for.
fn parse_options() -> Result<Option<(PathBuf, PathBuf)>, lexopt::Error> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut data, mut output) = (repository.join("data/strd/Longley.csv"), repository.join("target/pictures"));
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("data") => data = arguments.value()?.into(),
            Long("output") => output = arguments.value()?.into(),
            Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some((data, output)))
}

fn run(options: Option<(PathBuf, PathBuf)>, out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let Some((data, output)) = options else { return Ok(writeln!(out, "{HELP}")?) };
    let table = CsvOptions::new().with_missing(["NA"]).read(&data)?;
    let (table, dropped) = table.complete_rows(table.names())?;
    if dropped > 0 {
        writeln!(out, "{dropped} rows are left out: a value is missing")?;
    }
    let names = table.names();
    let (y, x) = (table.columns::<f64>(&names[..1])?, table.columns::<f64>(&names[1..])?);
    let fit = LinearRegression::new().fit(&x, &y)?;
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

    std::fs::create_dir_all(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    for (name, figure) in [
        ("fitted", residuals_against_fitted(&fit, &x, &y)?),
        ("quantiles", residual_quantiles(&fit, &x, &y)?),
        ("leverage", residuals_against_leverage(&fit, &x, &y)?),
    ] {
        let path = output.join(format!("residuals_{name}.svg"));
        figure.save(&path)?;
        writeln!(out, "drawn: {}", path.display())?;
    }
    Ok(())
}
