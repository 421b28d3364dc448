//! Draws the pictures of the README: a descent, a regression, a training and what it confuses.
//!
//! `cargo run --example pictures -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use common::{Options, files, repository};
use gradus::data::{Images, Labels};
use gradus::layer::Relu;
use gradus::metrics::ConfusionMatrix;
use gradus::nalgebra::DVector;
use gradus::plot::{confusion_matrix, descent_path, losses, regression_line};
use gradus::schedule::{CosineAnnealing, Scheduled};
use gradus::{
    Adam, Dataset, Dense, GradientDescent, LinearRegression, Network, Optimizer, SoftmaxCrossEntropy, Stop, Trainer,
    from_fn,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

const HELP: &str = "\
Draws the four pictures of the README.

Usage: cargo run --example pictures -- [--output DIR] [--data DIR]

  --output DIR  where they go, created if missing (default: assets of the crate)
  --data DIR    where the four MNIST files are (default: data/mnist of the crate)
  -h, --help    this text";

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let output = options.path("--output").unwrap_or_else(|| repository("assets"));
    let data = options.path("--data").unwrap_or_else(|| repository("data/mnist"));
    let (training_data, test_data) = (read(&data, "train")?, read(&data, "t10k")?);
    let pictures = files(&output, ["descent.svg", "regression.svg", "training.svg", "confusion.svg"])?;
    pictures.iter().try_for_each(|picture| writeln!(out, "{}", picture.display()))?;
    let [path, line, curves, confusion] = pictures;
    descent(&path)?;
    regression(&line)?;
    training(&training_data, &test_data, &curves, &confusion)
}

/// Down a valley that is four times as steep across as along.
fn descent(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut valley = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[2.0 * x[0], 8.0 * x[1]]);
        x[0] * x[0] + 4.0 * x[1] * x[1]
    });
    let (mut x, mut points) = ([-3.0, 2.0], Vec::new());
    let mut momentum = GradientDescent::new(0.05)?.momentum(0.6)?;
    let _ = momentum.minimize_with(&mut valley, &mut x, &Stop::after(40), &mut |iteration| {
        points.push([iteration.x[0], iteration.x[1]]);
        ControlFlow::Continue(())
    });
    descent_path(&mut valley, &points)?.titled("Gradient descent with momentum, f = x₀² + 4 x₁²").save(path)?;
    Ok(())
}

fn regression(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let x = DVector::from_fn(30, |_, _| rng.random_range(0.0..10.0));
    let noise = DVector::from_fn(30, |_, _| StandardNormal.sample(&mut rng));
    let y = &x * 0.7 + noise.add_scalar(1.0);
    let fit = LinearRegression::new().fit(&x, &y)?;
    let figure = regression_line(&fit, &x, &y, 0.95)?;
    figure.titled("A calibration, with its bands").with_axes("force (N)", "voltage (V)").save(path)?;
    Ok(())
}

/// The losses of ten epochs on MNIST, and the confusion matrix of the test images.
fn training(
    training: &Dataset<f32>,
    test: &Dataset<f32>,
    curves: &Path,
    confusion: &Path,
) -> Result<(), Box<dyn Error>> {
    let network =
        Network::<f32>::builder(784).layer(Dense::new(784, 128)).layer(Relu).layer(Dense::new(128, 10)).build()?;
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
    let adam = Scheduled::new(Adam::new(2e-3)?, CosineAnnealing::new(6_000)?)?;
    let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, adam).epochs(10)?.batch_size(100)?.validation(test);
    let _ = trainer.train(&mut parameters, training)?;
    losses(trainer.history())
        .titled("784 → 128 ReLU → 10 on MNIST")
        .with_axes("epoch", "cross-entropy (nats)")
        .save(curves)?;
    let evaluation = network.objective(SoftmaxCrossEntropy).evaluate(&parameters, test)?;
    let matrix = ConfusionMatrix::new(&evaluation.predictions, &evaluation.targets)?;
    let title = format!("10 000 digits, {:.1} % of them right", 100.0 * matrix.accuracy());
    confusion_matrix(&matrix).titled(title).save(confusion)?;
    Ok(())
}

/// The images and labels of one of the two sets, `train` or `t10k`.
fn read(directory: &Path, set: &str) -> Result<Dataset<f32>, Box<dyn Error>> {
    let images = Images::read(directory.join(format!("{set}-images-idx3-ubyte.gz")))?;
    let labels = Labels::read(directory.join(format!("{set}-labels-idx1-ubyte.gz")))?;
    Ok(Dataset::from_images(images, &labels, 10)?)
}
