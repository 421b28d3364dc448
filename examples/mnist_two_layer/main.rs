//! The classic experiment on handwritten digits: 784 pixels → 50 sigmoid units → 10 softmax outputs, trained with
//! cross-entropy by stochastic gradient descent.
//!
//! Run it with `cargo run --example mnist_two_layer`; `-- --help` lists the options.

#[path = "../common/mod.rs"]
mod common;
mod pictures;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::{files, repository};
use gradus::data::{Images, Labels};
use gradus::gradient::Difference;
use gradus::layer::Initializer;
use gradus::{
    CrossEntropy, Dataset, Dense, GradientCheck, GradientDescent, Network, Optimizer, Real, Sigmoid, Softmax,
};
use indicatif::ProgressBar;
use pictures::Curves;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const HELP: &str = "\
Trains 784 → hidden sigmoid → 10 softmax on MNIST, by stochastic gradient descent.

Usage: cargo run --example mnist_two_layer -- [OPTIONS]

Options:
  --seed N           seed of all random numbers (default 0)
  --iterations N     mini-batches to train on (default 10000)
  --hidden N         hidden units (default 50)
  --data DIR         where the four MNIST files are (default: data/mnist of this repository)
  --output DIR       where the pictures go (default: target/pictures of this repository)
  --check-gradient   compare the analytic with a numerical gradient on one mini-batch, and do not train
  -h, --help         show this text";

const CLASSES: usize = 10;
const BATCH_SIZE: usize = 100;
const LEARNING_RATE: f32 = 0.1;
const REPORT_EVERY: usize = 600;

fn main() -> ExitCode {
    common::main(HELP, |options, out| {
        options.without("--check-gradient", &["--iterations", "--output"])?;
        let setting = Setting {
            data: options.path("--data").unwrap_or_else(|| repository("data/mnist")),
            hidden: options.whole("--hidden", 1..=10_000)?.unwrap_or(50),
            seed: options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0),
        };
        let iterations = options.whole("--iterations", 0..=10_000_000)?.unwrap_or(10_000);
        let output = options.path("--output").unwrap_or_else(|| repository("target/pictures"));
        if options.has("--check-gradient") {
            check_gradient(&setting, out)
        } else {
            train(&setting, iterations, &output, out)
        }
    })
}

/// Of both jobs.
struct Setting {
    data: PathBuf,
    hidden: usize,
    seed: u64,
}

fn network<T: Real>(input_size: usize, hidden: usize) -> gradus::Result<Network<T>> {
    let initializer = Initializer::normal(0.01)?;
    Network::builder(input_size)
        .layer(Dense::new(input_size, hidden).with_initializer(initializer))
        .layer(Sigmoid)
        .layer(Dense::new(hidden, CLASSES).with_initializer(initializer))
        .layer(Softmax)
        .build()
}

fn train(setting: &Setting, iterations: usize, output: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let training_data: Dataset<f32> = read(&setting.data, "train")?;
    let test_data = read(&setting.data, "t10k")?;
    let pictures = ["mnist_two_layer_accuracy.svg", "mnist_two_layer_loss.svg", "mnist_two_layer_weights.svg"];
    let [accuracy, loss, weights] = files(output, pictures)?;

    let mut rng = ChaCha8Rng::seed_from_u64(setting.seed);
    let network = network(training_data.input_size(), setting.hidden)?;
    let mut parameters = network.initialize(&mut rng);
    let mut objective = network.objective(CrossEntropy);
    let mut descent = GradientDescent::new(LEARNING_RATE)?;
    let mut batches = training_data.batches(BATCH_SIZE, &mut rng)?;

    let mut curves = Curves::default();
    // Drawn on stderr, and only where that is a terminal.
    let progress = ProgressBar::new(iterations as u64);
    for iteration in 0..iterations {
        let batch = batches.next_batch();
        let step = descent.step(&mut objective.on(batch.inputs, batch.targets)?, parameters.as_mut_slice());
        if !step.is_finite() {
            return Err(format!("the loss is no longer finite at iteration {iteration}").into());
        }
        let epoch = (iteration * BATCH_SIZE) as f64 / training_data.len() as f64;
        curves.loss.push((epoch, f64::from(step.value)));
        if iteration % REPORT_EVERY == 0 {
            let training = network.accuracy(&parameters, &training_data)?;
            let test = network.accuracy(&parameters, &test_data)?;
            progress.suspend(|| writeln!(out, "train acc, test acc | {training:.4}, {test:.4}"))?;
            curves.accuracy.push((epoch, training, test));
        }
        progress.inc(1);
    }
    progress.finish_and_clear();

    let training = network.accuracy(&parameters, &training_data)?;
    let test = network.accuracy(&parameters, &test_data)?;
    let epochs = (iterations * BATCH_SIZE) as f64 / training_data.len() as f64;
    curves.accuracy.push((epochs, training, test));
    curves.accuracy().save(accuracy)?;
    curves.loss().save(loss)?;
    pictures::first_layer(&network, parameters.as_slice())?.save(weights)?;
    writeln!(out, "pictures: {}/mnist_two_layer_{{accuracy,loss,weights}}.svg", output.display())?;
    writeln!(out, "final train acc, test acc | {training:.4}, {test:.4}")?;
    Ok(())
}

/// Compares the analytic with a numerical gradient of this very network, in double precision. To check all its entries
/// would take 160 000 evaluations, four for each: a sample of each block is enough.
fn check_gradient(setting: &Setting, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let data: Dataset<f64> = read(&setting.data, "train")?;
    let mut rng = ChaCha8Rng::seed_from_u64(setting.seed);
    let network = network(data.input_size(), setting.hidden)?;
    let parameters = network.initialize(&mut rng);
    let mut batch_rng = ChaCha8Rng::from_rng(&mut rng);
    let mut batches = data.batches(BATCH_SIZE, &mut batch_rng)?;
    let batch = batches.next_batch();
    let mut objective = network.objective(CrossEntropy);
    let check = GradientCheck::new(Difference::fourth_order());
    let report = check.run_sampled(
        &mut objective.on(batch.inputs, batch.targets)?,
        parameters.as_slice(),
        network.parameter_ranges(),
        100,
        &mut rng,
    );
    write!(out, "{report}")?;
    if report.passed() { Ok(()) } else { Err("the gradients do not agree".into()) }
}

/// The images and labels of one of the two sets, `train` or `t10k`.
fn read<T: Real>(directory: &Path, set: &str) -> Result<Dataset<T>, Box<dyn Error>> {
    let hint =
        |error| format!("{error}; the four files of the MNIST database belong in {} (see --data)", directory.display());
    let images = Images::read(directory.join(format!("{set}-images-idx3-ubyte.gz"))).map_err(hint)?;
    let labels = Labels::read(directory.join(format!("{set}-labels-idx1-ubyte.gz"))).map_err(hint)?;
    Ok(Dataset::from_images(images, &labels, CLASSES)?)
}
