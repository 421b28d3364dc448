//! Fits a linear model to a CSV file and prints the table of its parameters, how they were found and how sure they are.
//!
//! `cargo run --example regression_report -- --help`

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gradus::LinearRegression;
use gradus::nalgebra::DMatrix;
use lexopt::prelude::*;

const HELP: &str = "\
Fits a linear model to a CSV file: a header, then rows of numbers, the target first.

Usage: cargo run --example regression_report -- [--data FILE]

  --data FILE  the data (default: data/strd/Longley.csv of the crate)
  --help       this text";

fn main() -> ExitCode {
    let (code, error) = match parse_options().map(|options| run(options, &mut io::stdout().lock())) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => (1, error.to_string()),
        Err(error) => (2, format!("{error}; try --help")),
    };
    eprintln!("regression_report: {error}");
    ExitCode::from(code)
}

/// The file; none if help is asked for.
fn parse_options() -> Result<Option<PathBuf>, lexopt::Error> {
    let mut path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/strd/Longley.csv");
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("data") => path = arguments.value()?.into(),
            Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(path))
}

fn run(path: Option<PathBuf>, out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = path else { return Ok(writeln!(out, "{HELP}")?) };
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (names, rows) = parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let y = DMatrix::from_fn(rows.len(), 1, |row, _| rows[row][0]);
    let x = DMatrix::from_fn(rows.len(), names.len() - 1, |row, feature| rows[row][feature + 1]);
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
    let names = || std::iter::once("(Intercept)").chain(names[1..].iter().copied());
    let width = names().map(|name| name.chars().count()).max().unwrap_or(0);
    names()
        .zip(&intervals.lower)
        .zip(&intervals.upper)
        .try_for_each(|((name, lower), upper)| Ok(writeln!(out, "{name:<width$}  {lower:>13.6e}  {upper:>13.6e}")?))
}

#[derive(Debug, thiserror::Error)]
enum CsvError {
    #[error("line 1: expected a header, found nothing")]
    NoHeader,
    #[error("line {line}: expected {expected} values, one for each name of the header, found {found}")]
    Width { line: usize, expected: usize, found: usize },
    #[error("line {line}, {name}: expected a finite number, found {text:?}")]
    Number { line: usize, name: String, text: String },
}

/// The names of the header, and the rows. Blank lines are passed over.
fn parse(text: &str) -> Result<(Vec<&str>, Vec<Vec<f64>>), CsvError> {
    let mut lines = text.lines().enumerate().map(|(line, text)| (line + 1, text.trim()));
    let header = lines.next().map(|(_, header)| header).filter(|header| !header.is_empty());
    let names: Vec<&str> = header.ok_or(CsvError::NoHeader)?.split(',').map(str::trim).collect();
    let row = |(line, text): (usize, &str)| {
        let (expected, found) = (names.len(), text.split(',').count());
        if found != expected {
            return Err(CsvError::Width { line, expected, found });
        }
        let number = |(text, name): (&str, &&str)| {
            let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| CsvError::Number { line, name: (*name).to_owned(), text: text.trim().to_owned() })
        };
        text.split(',').zip(&names).map(number).collect()
    };
    let rows = lines.filter(|(_, text)| !text.is_empty()).map(row).collect::<Result<_, _>>()?;
    Ok((names, rows))
}
