//! A network with 128 hidden ReLU units, trained on MNIST by Adam for ten epochs.
//!
//! `cargo run --example mnist_adam -- [--seed N] [--epochs N]`

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use gradus::{
    Adam, CosineAnnealing, Dataset, Dense, Images, Labels, Network, Relu, Scheduled, SoftmaxCrossEntropy, Trainer,
    accuracy,
};
use lexopt::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut seed, mut epochs) = (0, 10);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("epochs") => epochs = arguments.value()?.parse()?,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let (training, test) = (read("train")?, read("t10k")?);
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
                println!("{record}, accuracy {:.4}", record.metrics[0].unwrap_or_default());
            }
            ControlFlow::Continue(())
        });
    let _ = trainer.train(&mut parameters, &training)?;
    println!("on the test images: {:.4}", network.accuracy(&parameters, &test)?);
    Ok(())
}

/// The images and labels of one of the two sets, `train` or `t10k`.
fn read(set: &str) -> Result<Dataset<f32>, Box<dyn Error>> {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"));
    let images = Images::read(directory.join(format!("{set}-images-idx3-ubyte.gz")))?;
    let labels = Labels::read(directory.join(format!("{set}-labels-idx1-ubyte.gz")))?;
    Ok(Dataset::from_images(images, &labels, 10)?)
}
