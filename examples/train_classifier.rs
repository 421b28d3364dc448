//! Trains a classifier on a table or on images: validation, early stopping, a confusion matrix, and the curves.
//!
//! `cargo run --example train_classifier -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use common::{Options, Usage, files, repository};
use gradus::data::{CsvTable, Images, Labels, Standardization};
use gradus::layer::Relu;
use gradus::metrics::ConfusionMatrix;
use gradus::plot::losses;
use gradus::training::EarlyStopping;
use gradus::{Adam, Dataset, Dense, Model, Network, SoftmaxCrossEntropy, Trainer, accuracy};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const HELP: &str = "\
Trains a small network to tell classes apart.

Usage: cargo run --example train_classifier -- [--table FILE | --images FILE --labels FILE] [--hidden N] [--seed N]
                                               [--output DIR]

  --table FILE   comma-separated values with a line of names; the last column is the class (default: the iris data)
  --images FILE  IDX images, gzipped or not, with
  --labels FILE  IDX labels
  --hidden N     hidden units (default: 16)
  --seed N       seed of everything drawn at random (default: 0)
  --output DIR   where to write the picture of the curves (default: target)
  -h, --help     this text";

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let images = options.path("--images").zip(options.path("--labels"));
    if images.is_none() && (options.has("--images") || options.has("--labels")) {
        return Err(Usage("--images and --labels: expected both or none".into()).into());
    }
    options.without("--table", &["--images", "--labels"])?;
    let table = options.path("--table").unwrap_or_else(|| repository("data/iris/iris.csv"));
    let hidden = options.whole("--hidden", 1..=10_000)?.unwrap_or(16);
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    let output = options.path("--output").unwrap_or_else(|| "target".into());

    let (data, names) = match images {
        None => read_table(&table)?,
        Some((images, labels)) => {
            let (images, labels) = (Images::read(images)?, Labels::read(labels)?);
            let classes = labels.as_slice().iter().map(|&label| usize::from(label) + 1).max().unwrap_or(0);
            let names = (0..classes).map(|class| class.to_string()).collect();
            (Dataset::from_images(images, &labels, classes)?, names)
        }
    };

    let [picture] = files(&output, ["train_classifier.svg"])?;
    // A fifth to decide when to stop, a fifth to judge by, and the rest to learn from.
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (rest, test) = data.split_stratified(0.2, &mut rng)?;
    let (training, validation) = rest.split_stratified(0.25, &mut rng)?;
    let inputs = Standardization::of_inputs(&training)?;
    let [training, validation, test] = [training, validation, test].map(|data| data.standardize_inputs(&inputs));
    let (training, validation, test) = (training?, validation?, test?);

    let network = Network::<f32>::builder(training.input_size())
        .layer(Dense::new(training.input_size(), hidden))
        .layer(Relu)
        .layer(Dense::new(hidden, names.len()))
        .build()?;
    let mut parameters = network.initialize(&mut rng);
    let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, Adam::new(0.01)?)
        .epochs(200)?
        .seed(seed)
        .validation(&validation)
        .metric("accuracy", |prediction, target| accuracy(prediction, target))
        .early_stopping(EarlyStopping::after(20)?);
    let report = trainer.train(&mut parameters, &training)?;
    let best = report.best_epoch.unwrap_or_default();
    writeln!(out, "{} epochs; the best is {}", report.epochs, trainer.history().records()[best])?;

    let evaluation = network.objective(SoftmaxCrossEntropy).evaluate(&parameters, &test)?;
    let confusion = ConfusionMatrix::new(&evaluation.predictions, &evaluation.targets)?.with_names(&names)?;
    writeln!(out, "\nOn {} samples that were kept apart:\n\n{confusion}", test.len())?;

    losses(trainer.history()).with_axes("epoch", "cross-entropy (nats)").save(&picture)?;
    writeln!(out, "picture: {}", picture.display())?;
    // What is to be kept predicts on raw data.
    let _model = Model::new(network, parameters)?.with_input_standardization(inputs)?;
    Ok(())
}

/// The samples of a table whose last column is the class, and the names of the classes.
fn read_table(path: &Path) -> Result<(Dataset<f32>, Vec<String>), Box<dyn Error>> {
    let table = CsvTable::read(path)?;
    let (class, inputs) = table.names().split_last().ok_or("a table has columns")?;
    let (labels, names) = table.labels(class)?;
    let inputs = table.columns(inputs)?.transpose();
    Ok((Dataset::labeled(inputs, labels, names.len())?, names))
}
