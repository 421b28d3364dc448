//! Linear regression over a stream that no rank could hold: each sums up its blocks, and the sums are merged.
//!
//! `cargo build -p gradus-mpi --example regression && mpirun -n 2 target/debug/examples/regression --help`

use std::error::Error;
use std::process::ExitCode;

use gradus::NormalEquation;
use gradus::nalgebra::{DMatrix, DVector};
use gradus_mpi::{Ranks, merge, run};
use lexopt::prelude::*;
use rand::{SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};

const HELP: &str = "\
Fits y = 1 + Σ xⱼ/(j + 1) + noise to random rows of 20 features, of which a rank holds 1000 at a time.

Usage: mpirun -n N regression [--rows N] [--seed N]

  --rows N    rows of the stream (default: 2000000, which would take 336 MB)
  --seed N    seed of the random data (default: 0)
  -h, --help  this text";

const FEATURES: usize = 20;
const BLOCK: usize = 1000;

fn main() -> ExitCode {
    run(|ranks| {
        let Some((rows, seed)) = ranks.agree(parse_options())? else {
            if ranks.rank() == 0 {
                println!("{HELP}");
            }
            return Ok(());
        };
        fit(ranks, rows, seed)
    })
}

/// The number of rows and the seed; `None` if help is asked for.
fn parse_options() -> Result<Option<(usize, u64)>, lexopt::Error> {
    let (mut rows, mut seed) = (2_000_000, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("rows") => rows = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some((rows, seed)))
}

fn fit(ranks: &Ranks, rows: usize, seed: u64) -> Result<(), Box<dyn Error>> {
    let blocks = ranks.share(rows.div_ceil(BLOCK));
    let mut sums = NormalEquation::new(FEATURES, 1);
    let pushed = blocks.clone().try_for_each(|block| {
        let (x, y) = observe(seed, block, BLOCK.min(rows - block * BLOCK));
        sums.push(&x, &y)
    });
    ranks.agree(pushed)?;
    let fit = ranks.agree(merge(ranks, &sums)?.solve())?;
    if ranks.rank() > 0 {
        return Ok(());
    }
    println!("{} rows on {} ranks, {} of them on rank 0", fit.observations(), ranks.size(), sums.observations());
    let errors = fit.standard_errors().ok_or("no residual degrees of freedom")?;
    let parameters = fit.parameters();
    let truth = |unknown: usize| if unknown == 0 { 1.0 } else { 1.0 / unknown as f64 };
    println!("\n    true     found  standard error");
    for (unknown, (found, error)) in parameters.iter().zip(errors.iter()).enumerate() {
        println!("{:8.5}  {found:8.5}  {error:14.6}", truth(unknown));
    }
    let sum: f64 = parameters.iter().sum();
    println!("\nsum of the coefficients {sum:.13}");
    Ok(())
}

/// The rows of a block, which are a function of seed and block: any rank can make them.
fn observe(seed: u64, block: usize, rows: usize) -> (DMatrix<f64>, DVector<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(block as u64);
    let x = DMatrix::from_fn(rows, FEATURES, |_, _| StandardNormal.sample(&mut rng));
    let slopes = DVector::from_fn(FEATURES, |feature, _| 1.0 / (feature + 1) as f64);
    let noise = DVector::from_fn(rows, |_, _| StandardNormal.sample(&mut rng));
    let y = &x * slopes + noise.add_scalar(1.0);
    (x, y)
}
