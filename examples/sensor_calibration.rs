//! Calibrates a pressure sensor: a polynomial through readings against a reference, how sure it is, and what a new
//! reading says.
//!
//! `cargo run --example sensor_calibration -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use common::Options;
use gradus::data::CsvTable;
use gradus::nalgebra::{DVector, dvector};
use gradus::regression::polynomial;
use gradus::{LinearFit, LinearRegression};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

const HELP: &str = "\
Calibrates a sensor by a polynomial of its readings, with intervals.

Usage: cargo run --example sensor_calibration -- [--data FILE] [--degree N] [--at READING] [--seed N]

  --data FILE   comma-separated values with the columns `reading` and `reference` (default: 60 simulated readings of a
                pressure sensor, 0.5 V to 4.5 V, against a reference in bar)
  --degree N    degree of the polynomial (default: that of 1 to 5 with the lowest BIC)
  --at READING  the new reading (default: 2.5)
  --seed N      seed of the simulation, a whole number (default: 0)
  -h, --help    this text";

/// Of the simulated sensor, in bar: the polynomial that is to be found, and the deviation of the noise.
const TRUTH: [f64; 3] = [-0.2, 1.5, 0.08];
const NOISE: f64 = 0.02;
const LEVEL: f64 = 0.95;

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let data = options.path("--data");
    options.without("--data", &["--seed"])?;
    let degree = options.whole("--degree", 1..=100)?;
    let at = options.value("--at", "a finite number", |at: &f64| at.is_finite())?.unwrap_or(2.5);
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (readings, reference) = match &data {
        Some(path) => read(path)?,
        None => simulate(60, &mut rng),
    };
    let fit = match degree {
        Some(degree) => LinearRegression::new().fit_polynomial(&readings, &reference, degree)?,
        None => choose_degree(&readings, &reference, out)?,
    };
    let names: Vec<String> = (1..=fit.coefficients().nrows()).map(|power| format!("reading^{power}")).collect();
    writeln!(out, "{}", fit.summary().with_names(&names)?)?;

    for [value, lower, upper] in predict(&fit, &[at])? {
        writeln!(out, "\nat {at}: {value:.4} (95 %: {lower:.4} to {upper:.4})")?;
    }
    if data.is_none() {
        // The test of an interval are observations that it has not seen.
        let (readings, reference) = simulate(10_000, &mut rng);
        let said = predict(&fit, &readings)?;
        let within = reference.iter().zip(said).filter(|(y, [_, lower, upper])| (lower..=upper).contains(y)).count();
        writeln!(out, "new readings within their 95 % intervals: {:.1} %", within as f64 / 100.0)?;
    }
    Ok(())
}

/// The fit with the lowest BIC, of degrees 1 to 5.
fn choose_degree(x: &[f64], y: &DVector<f64>, out: &mut impl Write) -> Result<LinearFit<f64>, Box<dyn Error>> {
    let mut best: Option<(f64, LinearFit<f64>)> = None;
    writeln!(out, "degree  residual deviation       BIC")?;
    for degree in 1..=5 {
        let fit = LinearRegression::new().fit_polynomial(x, y, degree)?;
        let statistics = &fit.statistics()[0];
        let (Some(deviation), Some(bic)) = (statistics.residual_standard_deviation, statistics.bic) else {
            return Err("too few readings, or none that differs from the polynomial".into());
        };
        writeln!(out, "{degree:6}  {deviation:18.5}  {bic:8.2}")?;
        if best.as_ref().is_none_or(|(lowest, _)| bic < *lowest) {
            best = Some((bic, fit));
        }
    }
    writeln!(out)?;
    Ok(best.ok_or("no degree")?.1)
}

/// What each reading says, and the ends of the interval in which the reference then is.
fn predict(fit: &LinearFit<f64>, readings: &[f64]) -> Result<Vec<[f64; 3]>, Box<dyn Error>> {
    let x = polynomial(readings, fit.coefficients().nrows())?;
    let intervals = fit.prediction_intervals(&x, LEVEL)?.ok_or("there are as many unknowns as readings")?;
    let values = fit.predict(&x)?;
    let ends = intervals.lower.iter().zip(&intervals.upper);
    Ok(values.iter().zip(ends).map(|(&value, (&lower, &upper))| [value, lower, upper]).collect())
}

fn read(path: &Path) -> Result<(Vec<f64>, DVector<f64>), Box<dyn Error>> {
    let table = CsvTable::read(path)?.columns::<f64>(&["reading", "reference"])?;
    Ok((table.column(0).as_slice().to_vec(), table.column(1).into_owned()))
}

fn simulate(count: usize, rng: &mut ChaCha8Rng) -> (Vec<f64>, DVector<f64>) {
    let readings: Vec<f64> = (0..count).map(|_| rng.random_range(0.5..4.5)).collect();
    let powers = |v: f64| dvector![1.0, v, v * v].dot(&DVector::from_row_slice(&TRUTH));
    let reference = DVector::from_iterator(count, readings.iter().map(|&v| powers(v) + NOISE * normal(rng)));
    (readings, reference)
}

/// A standard normal deviate.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}
