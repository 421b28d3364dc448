//! A controller that learns its plant while it works: recursive least squares that forget, inside the loop.
//!
//! `cargo run --example online_regression -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use common::Options;
use gradus::regression::RecursiveLeastSquares;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const HELP: &str = "\
Controls a motor whose gain falls to a half while it runs, by a model that is learned on the way.

Usage: cargo run --example online_regression -- [--forgetting FACTOR] [--seed N]

  --forgetting FACTOR  the factor λ, above 0 and at most 1 (default: 0.98)
  --seed N             seed of the noise, a whole number (default: 0)
  -h, --help           this text";

const STEPS: usize = 1000;
const CHANGE: usize = 500;
const NOISE: f64 = 0.02;
/// The most that the drive gives.
const LIMIT: f64 = 5.0;

/// A motor, `v⁺ = a v + b u` for the speed v and the voltage u.
#[derive(Clone, Copy)]
struct Plant {
    a: f64,
    b: f64,
}

fn plant(step: usize) -> Plant {
    Plant { a: 0.9, b: if step < CHANGE { 0.5 } else { 0.25 } }
}

/// The speed that is asked for: back and forth every 50 steps.
fn wanted(step: usize) -> f64 {
    if (step / 50).is_multiple_of(2) { 1.0 } else { -1.0 }
}

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let accepts = |&factor: &f64| factor > 0.0 && factor <= 1.0;
    let forgetting = options.value("--forgetting", "a number above 0 and at most 1", accepts)?.unwrap_or(0.98);
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    writeln!(out, "                           a        b   found: a        b   tracking error")?;
    for (name, factor) in [("never forgets", 1.0), ("forgets", forgetting)] {
        let halves = control(factor, seed)?;
        for (half, Half { plant, found, error }) in ["before", "after"].iter().zip(halves) {
            let [a, b] = found;
            let (name, half) = (format!("{name}, λ = {factor}"), format!("{half}:"));
            writeln!(out, "{name:22} {half:7} {:.2} {:8.2} {a:10.3} {b:8.3} {error:16.4}", plant.a, plant.b)?;
        }
    }
    Ok(())
}

/// What became of the steps before the change, or of those after it.
struct Half {
    plant: Plant,
    /// The estimates of a and b at the end.
    found: [f64; 2],
    /// The root of the mean square of what the speed was off, the first five steps after each jump left out.
    error: f64,
}

/// Runs the loop: what one step costs is an update, three multiplications for each parameter squared.
fn control(forgetting: f64, seed: u64) -> Result<[Half; 2], Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut model = RecursiveLeastSquares::new(2, forgetting)?;
    let (mut speed, mut squares, mut count) = (0.0, 0.0, 0.0);
    let mut halves = Vec::new();
    for step in 0..STEPS {
        let target = wanted(step);
        // What brings the model to the target in one step. A model without gain is no model yet: then push, and see.
        let (a, b) = (model.parameters()[0], model.parameters()[1]);
        let voltage = if b.abs() > 0.05 { (target - a * speed) / b } else { target };
        let voltage = voltage.clamp(-LIMIT, LIMIT);
        let next = plant(step).a * speed + plant(step).b * voltage + NOISE * normal(&mut rng);
        let _surprise = model.update(&[speed, voltage], next)?;
        speed = next;
        if step % 50 >= 5 {
            squares += (speed - target) * (speed - target);
            count += 1.0;
        }
        if step + 1 == CHANGE || step + 1 == STEPS {
            let found = [model.parameters()[0], model.parameters()[1]];
            halves.push(Half { plant: plant(step), found, error: f64::sqrt(squares / count) });
            (squares, count) = (0.0, 0.0);
        }
    }
    halves.try_into().map_err(|_| "two halves".into())
}

/// A standard normal deviate.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}
