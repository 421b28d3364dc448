//! Trains with checkpoints: a run that was stopped goes on, and ends in the same bits as one that was not.
//!
//! `cargo run --features serde --example resume_training -- --help`

mod common;

use std::error::Error;
use std::fs;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use common::{Options, repository, writable};
use gradus::data::{CsvTable, Standardization};
use gradus::file::save_file;
use gradus::layer::{Dropout, Relu};
use gradus::schedule::{CosineAnnealing, Scheduled};
use gradus::training::{Checkpoint, TrainingEnd};
use gradus::{Adam, Dataset, Dense, Network, SoftmaxCrossEntropy, Trainer};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const HELP: &str = "\
Trains a classifier of iris flowers, writes a checkpoint after every tenth epoch, and goes on from one that is there.

Usage: cargo run --features serde --example resume_training -- [--checkpoint FILE] [--stop-after N] [--epochs N]

  --checkpoint FILE  where to go on from, and what to write (default: target/resume_training.json of the crate)
  --stop-after N     stop after the step with which the whole run has made N or more, in an epoch or not
  --epochs N         epochs of the whole run (default: 100)
  -h, --help         this text";

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let path = options.path("--checkpoint").unwrap_or_else(|| repository("target/resume_training.json"));
    let stop_after = options.whole("--stop-after", 1..=u64::MAX)?;
    let epochs = options.whole("--epochs", 1..=1_000_000)?.unwrap_or(100);
    let data = read_iris()?;
    let network = Network::<f64>::builder(4)
        .layer(Dense::new(4, 16))
        .layer(Relu)
        .layer(Dropout::new(0.1)?)
        .layer(Dense::new(16, 3))
        .build()?;
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
    let adam = Scheduled::new(Adam::new(0.01)?, CosineAnnealing::new(500)?)?;
    let stops = |steps| stop_after.is_some_and(|last| steps >= last);
    // The observer only says when to stop: what there is to save belongs to trainer and parameters.
    let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, adam).epochs(epochs)?.observe(|progress| {
        let tenth = progress.record.is_some_and(|record| (record.epoch + 1).is_multiple_of(10));
        if tenth || stops(progress.iterations) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    // A device can be read without end.
    writable(&path)?;
    if let Some(checkpoint) = read(&path)? {
        trainer.restore(&checkpoint, &mut parameters)?;
        writeln!(out, "going on from {} epochs", trainer.history().records().len())?;
    }
    loop {
        let report = trainer.train(&mut parameters, &data)?;
        // All of it or nothing: a run that is killed while it writes leaves the checkpoint before.
        save_file(&path, serde_json::to_vec(&trainer.checkpoint(&parameters)?)?)?;
        if report.end != TrainingEnd::Observer {
            break;
        }
        if stops(report.iterations) {
            return Ok(writeln!(out, "stopped after {} steps: {}", report.iterations, path.display())?);
        }
    }
    let loss = network.objective(SoftmaxCrossEntropy).mean_loss(&parameters, &data)?;
    let accuracy = network.accuracy(&parameters, &data)?;
    // All digits: a run that was stopped and one that was not print the same.
    Ok(writeln!(out, "{} epochs, loss {loss:.17}, accuracy {accuracy:.3}", trainer.history().records().len())?)
}

/// None if there is no such file.
fn read(path: &Path) -> Result<Option<Checkpoint<f64>>, Box<dyn Error>> {
    match fs::read(path) {
        Ok(bytes) => {
            let checkpoint = serde_json::from_slice(&bytes);
            Ok(Some(checkpoint.map_err(|error| format!("{} is no checkpoint: {error}", path.display()))?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}

fn read_iris() -> Result<Dataset<f64>, Box<dyn Error>> {
    let table = CsvTable::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/iris/iris.csv"))?;
    let (class, inputs) = table.names().split_last().ok_or("a table has columns")?;
    let (labels, names) = table.labels(class)?;
    let data = Dataset::labeled(table.columns(inputs)?.transpose(), labels, names.len())?;
    let inputs = Standardization::of_inputs(&data)?;
    Ok(data.standardize_inputs(&inputs)?)
}
