//! The classic experiment on handwritten digits: 784 pixels → 50 sigmoid units → 10 softmax outputs, trained with
//! cross-entropy by stochastic gradient descent.
//!
//! Run it with `cargo run --example mnist_two_layer`; `-- --help` lists the options.

mod options;
mod pictures;

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use gradus::{
    CrossEntropy, Dataset, Dense, Difference, GradientCheck, GradientDescent, Images, Initializer, Labels, Network,
    Optimizer, Real, Sigmoid, Softmax,
};
use indicatif::ProgressBar;
use options::Options;
use pictures::Curves;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const CLASSES: usize = 10;
const BATCH_SIZE: usize = 100;
const LEARNING_RATE: f32 = 0.1;
const REPORT_EVERY: usize = 600;

fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("mnist_two_layer: {error}; try --help");
            return ExitCode::from(2);
        }
    };
    let out = &mut io::stdout();
    let done = if options.help {
        writeln!(out, "{}", options::HELP).map_err(Into::into)
    } else if options.check_gradient {
        check_gradient(&options, out)
    } else {
        train(&options, out)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mnist_two_layer: {error}");
            ExitCode::FAILURE
        }
    }
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

fn train(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let training_data: Dataset<f32> = read(&options.data, "train")?;
    let test_data = read(&options.data, "t10k")?;

    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let network = network(training_data.input_size(), options.hidden)?;
    let mut parameters = network.initialize(&mut rng);
    let mut objective = network.objective(CrossEntropy);
    let mut descent = GradientDescent::new(LEARNING_RATE)?;
    let mut batches = training_data.batches(BATCH_SIZE, &mut rng)?;

    let mut curves = Curves::default();
    // Drawn on stderr, and only where that is a terminal.
    let progress = ProgressBar::new(options.iterations as u64);
    for iteration in 0..options.iterations {
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
    let epochs = (options.iterations * BATCH_SIZE) as f64 / training_data.len() as f64;
    curves.accuracy.push((epochs, training, test));
    std::fs::create_dir_all(&options.output)?;
    let picture = |name: &str| options.output.join(format!("mnist_two_layer_{name}.svg"));
    curves.accuracy().save(picture("accuracy"))?;
    curves.loss().save(picture("loss"))?;
    pictures::first_layer(&network, parameters.as_slice())?.save(picture("weights"))?;
    writeln!(out, "pictures: {}/mnist_two_layer_{{accuracy,loss,weights}}.svg", options.output.display())?;
    writeln!(out, "final train acc, test acc | {training:.4}, {test:.4}")?;
    Ok(())
}

/// Compares the analytic with a numerical gradient of this very network, in double precision. To check all its entries
/// would take 160 000 evaluations, four for each: a sample of each block is enough.
fn check_gradient(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let data: Dataset<f64> = read(&options.data, "train")?;
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let network = network(data.input_size(), options.hidden)?;
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
