//! Linear regression over more rows than are ever held: sums on two machines, merged, and a window that moves.
//!
//! `cargo run --example streaming_regression -- --help`

mod common;

use std::collections::VecDeque;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use common::Options;
use gradus::NormalEquation;
use gradus::nalgebra::{DMatrix, DVector};
use rand::{SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};

const HELP: &str = "\
Fits a linear model to a stream of random rows, of which a block of 1000 is held at a time.

Usage: cargo run --example streaming_regression -- [--rows N] [--seed N]

  --rows N    rows of the stream, a whole number (default: 2000000)
  --seed N    seed of the random data, a whole number (default: 0)
  -h, --help  this text";

/// The constant, then the coefficients.
const TRUTH: [f64; 4] = [3.0, 2.0, -1.0, 0.5];
const FEATURES: usize = TRUTH.len() - 1;
const BLOCK: usize = 1000;
const WINDOW: usize = 10;

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let rows = options.whole("--rows", FEATURES + 2..=usize::MAX)?.unwrap_or(2_000_000);
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut machines = [NormalEquation::new(FEATURES, 1), NormalEquation::new(FEATURES, 1)];
    for start in (0..rows).step_by(BLOCK) {
        let (x, y) = observe(BLOCK.min(rows - start), &mut rng);
        machines[start / BLOCK % 2].push(&x, &y)?;
    }
    let [mut sums, other] = machines;
    write!(out, "1. {} rows and {}, merged: ", sums.observations(), other.observations())?;
    sums.merge(&other)?;
    writeln!(out, "{} rows\n\n     true      found   standard error", sums.observations())?;
    let fit = sums.solve()?;
    let (parameters, errors) = (fit.parameters(), fit.standard_errors().ok_or("no residual degrees of freedom")?);
    for ((truth, found), error) in TRUTH.iter().zip(&parameters).zip(errors) {
        writeln!(out, "{truth:9.1}  {found:9.6}   {error:14.6}")?;
    }
    // Products of ones, features and target, as pairs of f64.
    let (memory, data) = ((FEATURES + 2).pow(2) * 16, rows.saturating_mul(FEATURES + 1).saturating_mul(8));
    writeln!(out, "\nmemory: {memory} bytes for the sums; the rows would take {data} bytes")?;

    let mut window: VecDeque<_> = (0..WINDOW).map(|_| observe(BLOCK, &mut rng)).collect();
    let mut moving = sums_over(&window)?;
    window.push_back(observe(BLOCK, &mut rng));
    moving.push(&window[WINDOW].0, &window[WINDOW].1)?;
    moving.remove(&window[0].0, &window[0].1)?;
    window.pop_front();
    let (moved, anew) = (moving.solve()?.parameters(), sums_over(&window)?.solve()?.parameters());
    writeln!(out, "\n2. A window of {} rows, moved on by {BLOCK}\n", moving.observations())?;
    writeln!(out, "  moved on  {:.12?}\n  made anew {:.12?}", moved.as_slice(), anew.as_slice())?;
    Ok(writeln!(out, "  largest difference {:.0e}", (moved - anew).amax())?)
}

fn sums_over(blocks: &VecDeque<(DMatrix<f64>, DVector<f64>)>) -> gradus::Result<NormalEquation<f64>> {
    let mut sums = NormalEquation::new(FEATURES, 1);
    blocks.iter().try_for_each(|(x, y)| sums.push(x, y)).map(|()| sums)
}

/// Rows of standard normal features, with targets of noise of standard deviation 1.
fn observe(rows: usize, rng: &mut ChaCha8Rng) -> (DMatrix<f64>, DVector<f64>) {
    let x = DMatrix::from_fn(rows, FEATURES, |_, _| StandardNormal.sample(rng));
    let noise = DVector::from_fn(rows, |_, _| StandardNormal.sample(rng));
    let y = &x * DVector::from_column_slice(&TRUTH[1..]) + noise.add_scalar(TRUTH[0]);
    (x, y)
}
