//! Learns the inverse kinematics of a robot arm with two joints from samples of its forward kinematics.
//!
//! `cargo run --example inverse_kinematics -- --help`

mod common;

use std::error::Error;
use std::f64::consts::PI;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use common::Options;
use gradus::data::Standardization;
use gradus::layer::Tanh;
use gradus::nalgebra::DMatrix;
use gradus::schedule::{CosineAnnealing, Scheduled};
use gradus::{Adam, Dataset, Dense, MeanSquaredError, Model, Network, Trainer};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

const HELP: &str = "\
Learns which joint angles bring the hand of a two-link arm to a place, and says how far it misses.

Usage: cargo run --example inverse_kinematics -- [--samples N] [--epochs N] [--hidden N] [--seed N]

  --samples N  poses to learn from, at most 1000000 (default: 10000)
  --epochs N   passes over them (default: 200)
  --hidden N   units of each of two hidden layers (default: 64)
  --seed N     seed of everything drawn at random (default: 0)
  -h, --help   this text";

/// The lengths of the links, in metres.
const LINKS: [f64; 2] = [0.5, 0.4];
/// The shoulder, and the elbow, which bends one way only: so there is one answer for each place.
const SHOULDER: std::ops::Range<f64> = -PI / 2.0..PI / 2.0;
const ELBOW: std::ops::Range<f64> = 0.3..2.6;

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let samples = options.whole("--samples", 2..=1_000_000)?.unwrap_or(10_000);
    let epochs = options.whole("--epochs", 1..=100_000)?.unwrap_or(200);
    let hidden = options.whole("--hidden", 1..=1_000)?.unwrap_or(64);
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (hands, joints) = poses(samples, &mut rng);
    let (places, angles) = (Standardization::of(&hands)?, Standardization::of(&joints)?);
    let data = Dataset::new(hands, joints)?.standardize_inputs(&places)?.standardize_targets(&angles)?;

    let network = Network::<f64>::builder(2)
        .layer(Dense::new(2, hidden))
        .layer(Tanh)
        .layer(Dense::new(hidden, hidden))
        .layer(Tanh)
        .layer(Dense::new(hidden, 2))
        .build()?;
    let mut parameters = network.initialize(&mut rng);
    let steps = epochs * samples.div_ceil(100);
    let adam = Scheduled::new(Adam::new(5e-3)?, CosineAnnealing::new(steps as u64)?)?;
    let terminal = io::stderr().is_terminal();
    let mut trainer =
        Trainer::new(&network, MeanSquaredError, adam).epochs(epochs)?.batch_size(100)?.seed(seed).observe(
            |progress| {
                if let (true, Some(record)) = (terminal, progress.record) {
                    eprint!("\r{record}\x1b[K");
                }
                ControlFlow::Continue(())
            },
        );
    let _ = trainer.train(&mut parameters, &data)?;
    if terminal {
        eprint!("\r\x1b[K");
    }

    // Takes a place in metres, gives angles in radians.
    let model =
        Model::new(network, parameters)?.with_input_standardization(places)?.with_output_standardization(angles)?;
    let (wanted, _) = poses(10_000, &mut rng);
    let reached = forward(&model.predict(&wanted)?);
    let mut misses: Vec<f64> = (reached - &wanted).column_iter().map(|miss| 1000.0 * miss.norm()).collect();
    misses.sort_by(f64::total_cmp);
    let mean = misses.iter().sum::<f64>() / misses.len() as f64;
    let [most, worst] = [misses[misses.len() * 95 / 100], misses[misses.len() - 1]];
    writeln!(out, "trained on {samples} poses; on 10000 others, of an arm of {} m:", LINKS[0] + LINKS[1])?;

    // In a control loop one pose is asked for at a time: nothing is allocated.
    let (mut predictor, mut angles) = (model.predictor(), [0.0; 2]);
    predictor.predict_into(&[0.6, 0.2], &mut angles)?;
    writeln!(out, "hand at (0.6, 0.2) m: shoulder {:.3} rad, elbow {:.3} rad", angles[0], angles[1])?;
    Ok(writeln!(
        out,
        "the hand misses by {mean:.2} mm on average, 95 % by less than {most:.2} mm, at worst {worst:.2} mm"
    )?)
}

/// Where the hand is, for joint angles: a pose for each column.
fn forward(joints: &DMatrix<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(2, joints.ncols(), |axis, pose| {
        let (shoulder, both) = (joints[(0, pose)], joints[(0, pose)] + joints[(1, pose)]);
        let [along, across] =
            [LINKS[0] * shoulder.cos() + LINKS[1] * both.cos(), LINKS[0] * shoulder.sin() + LINKS[1] * both.sin()];
        if axis == 0 { along } else { across }
    })
}

/// Hands, and the joint angles that put them there.
fn poses(count: usize, rng: &mut ChaCha8Rng) -> (DMatrix<f64>, DMatrix<f64>) {
    let joints = DMatrix::from_fn(2, count, |joint, _| rng.random_range(if joint == 0 { SHOULDER } else { ELBOW }));
    (forward(&joints), joints)
}
