//! A network with 128 hidden ReLU units, trained on MNIST by Adam for ten epochs.
//!
//! `cargo run --example mnist_adam -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use common::{Options, repository};
use gradus::data::{Images, Labels};
use gradus::layer::Relu;
use gradus::schedule::{CosineAnnealing, Scheduled};
use gradus::{Adam, Dataset, Dense, Network, SoftmaxCrossEntropy, Trainer, accuracy};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const HELP: &str = "\
Trains 784 → 128 ReLU → 10 on MNIST by Adam, under a learning rate that falls to 0.

Usage: cargo run --example mnist_adam -- [--epochs N] [--data DIR] [--seed N]

  --epochs N  passes over the 60000 images (default: 10)
  --data DIR  where the four MNIST files are (default: data/mnist of the crate)
  --seed N    seed of all random numbers (default: 0)
  -h, --help  this text";

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let epochs = options.whole("--epochs", 1..=100_000)?.unwrap_or(10);
    let data = options.path("--data").unwrap_or_else(|| repository("data/mnist"));
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    let (training, test) = (read(&data, "train")?, read(&data, "t10k")?);
    let network =
        Network::<f32>::builder(784).layer(Dense::new(784, 128)).layer(Relu).layer(Dense::new(128, 10)).build()?;
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(seed));
    // The learning rate falls to 0 over the whole run.
    let steps = epochs * training.len().div_ceil(100);
    let adam = Scheduled::new(Adam::new(2e-3)?, CosineAnnealing::new(steps as u64)?)?;
    let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, adam)
        .epochs(epochs)?
        .batch_size(100)?
        .seed(seed)
        .validation(&test)
        .metric("accuracy", |prediction, target| accuracy(prediction, target))
        .observe(|progress| {
            if let Some(record) = progress.record {
                let accuracy = record.metrics[0].unwrap_or_default();
                // Nobody listens any more: an end, too.
                if writeln!(out, "{record}, accuracy {accuracy:.4}").is_err() {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
    let _ = trainer.train(&mut parameters, &training)?;
    drop(trainer);
    Ok(writeln!(out, "on the test images: {:.4}", network.accuracy(&parameters, &test)?)?)
}

/// The images and labels of one of the two sets, `train` or `t10k`.
fn read(directory: &Path, set: &str) -> Result<Dataset<f32>, Box<dyn Error>> {
    let images = Images::read(directory.join(format!("{set}-images-idx3-ubyte.gz")))?;
    let labels = Labels::read(directory.join(format!("{set}-labels-idx1-ubyte.gz")))?;
    Ok(Dataset::from_images(images, &labels, 10)?)
}
