//! A network with 128 hidden ReLU units, trained on MNIST by Adam for ten epochs.
//!
//! `cargo run --example mnist_adam -- --help`

use std::error::Error;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gradus::{
    Adam, CosineAnnealing, Dataset, Dense, Images, Labels, Network, Relu, Scheduled, SoftmaxCrossEntropy, Trainer,
    accuracy,
};
use lexopt::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const HELP: &str = "\
Trains 784 → 128 ReLU → 10 on MNIST by Adam, under a learning rate that falls to 0.

Usage: cargo run --example mnist_adam -- [--epochs N] [--data DIR] [--seed N]

  --epochs N  passes over the 60000 images (default: 10)
  --data DIR  where the four MNIST files are (default: data/mnist of the crate)
  --seed N    seed of all random numbers (default: 0)
  --help      this text";

struct Options {
    epochs: usize,
    data: PathBuf,
    seed: u64,
}

fn main() -> ExitCode {
    let (code, error) = match parse_options().map(|options| run(options, &mut io::stdout())) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => (1, error.to_string()),
        Err(error) => (2, format!("{error}; try --help")),
    };
    eprintln!("mnist_adam: {error}");
    ExitCode::from(code)
}

/// None if help is asked for.
fn parse_options() -> Result<Option<Options>, lexopt::Error> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let mut options = Options { epochs: 10, data, seed: 0 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("data") => options.data = arguments.value()?.into(),
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(options))
}

fn run(options: Option<Options>, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let Some(Options { epochs, data, seed }) = options else { return Ok(writeln!(out, "{HELP}")?) };
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
