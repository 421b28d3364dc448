//! A network trained on MNIST by several ranks, of which each holds its part of the images.
//!
//! `cargo build -p gradus-mpi --example mnist && mpirun -n 2 target/debug/examples/mnist --help`

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use gradus::data::{Images, Labels};
use gradus::layer::Relu;
use gradus::nalgebra::DMatrix;
use gradus::{Adam, Dataset, Dense, Network, Optimizer, SoftmaxCrossEntropy};
use gradus_mpi::{DataParallel, Ranks, SHARDS, Shard, Sharding, fingerprint, run};
use lexopt::prelude::*;
use rand::SeedableRng;
use rand::rngs::{ChaCha8Rng, Xoshiro256PlusPlus};

const HELP: &str = "\
Trains a network with 50 hidden units on the training images of MNIST, which are shared among the ranks.

Usage: mpirun -n N mnist [--iterations N] [--batch N] [--seed N] [--data DIRECTORY]

  --iterations N    steps of Adam (default: 200)
  --batch N         samples of a batch, at least 8, one for each shard (default: 96)
  --seed N          seed of the parameters and of the batches (default: 0)
  --data DIRECTORY  where the four IDX files are (default: that of the repository)
  -h, --help        this text

The last line is a fingerprint of the parameters: the same for any number of ranks.";

struct Options {
    iterations: usize,
    batch: usize,
    seed: u64,
    data: String,
}

fn main() -> ExitCode {
    run(|ranks| {
        let Some(options) = ranks.agree(parse_options())? else {
            if ranks.rank() == 0 {
                println!("{HELP}");
            }
            return Ok(());
        };
        train(ranks, &options)
    })
}

/// `None` if help is asked for.
fn parse_options() -> Result<Option<Options>, lexopt::Error> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/mnist").to_owned();
    let mut options = Options { iterations: 200, batch: 96, seed: 0, data };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("iterations") => options.iterations = arguments.value()?.parse()?,
            Long("batch") => options.batch = arguments.value()?.parse_with(at_least_a_sample_for_each_shard)?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("data") => options.data = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(options))
}

fn at_least_a_sample_for_each_shard(text: &str) -> Result<usize, String> {
    let samples = text.parse().ok().filter(|&samples| samples >= SHARDS);
    samples.ok_or_else(|| format!("expected a whole number from {SHARDS}"))
}

fn train(ranks: &Ranks, options: &Options) -> Result<(), Box<dyn Error>> {
    let sharding = Sharding::of(ranks);
    let shards = ranks.agree(read_shards(&options.data, sharding))?;
    // What a shard draws depends on the shard, not on the rank that holds it.
    let seed_of = |shard: usize| options.seed.wrapping_mul(sharding.shards() as u64).wrapping_add(shard as u64);
    let mut generators: Vec<_> =
        sharding.held().map(|shard| Xoshiro256PlusPlus::seed_from_u64(seed_of(shard))).collect();
    let samples_of = |shard| sharding.shard(options.batch, shard).len();
    let batches = sharding.held().zip(shards.iter().zip(&mut generators));
    let batches = batches.map(|(shard, (data, generator))| data.batches(samples_of(shard), generator));
    let mut batches = ranks.agree(batches.collect::<gradus::Result<Vec<_>>>())?;

    let network =
        Network::<f32>::builder(784).layer(Dense::new(784, 50)).layer(Relu).layer(Dense::new(50, 10)).build()?;
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(options.seed));
    let mut objective = DataParallel::new(ranks, network.objective(SoftmaxCrossEntropy))?;
    let mut adam = Adam::new(2e-3)?;
    for iteration in 1..=options.iterations {
        let batch: Vec<Shard<'_, f32>> = batches.iter_mut().map(|shard| shard.next_batch().into()).collect();
        let step = adam.step(&mut objective.on_shards(&batch)?, parameters.as_mut_slice());
        objective.outcome()?;
        if ranks.rank() == 0 && iteration % 50 == 0 {
            println!("iteration {iteration}: loss {:.4}", step.value);
        }
    }
    if ranks.rank() == 0 {
        let accuracy = network.accuracy(&parameters, &read_test(&options.data)?)?;
        println!("accuracy on the test images: {accuracy:.4}");
        println!("parameters {:016x}", fingerprint(parameters.as_slice()));
    }
    Ok(())
}

/// The shards of the training images that this rank holds.
fn read_shards(directory: &str, sharding: Sharding) -> Result<Vec<Dataset<f32>>, Box<dyn Error + Send + Sync>> {
    let images = Images::read(Path::new(directory).join("train-images-idx3-ubyte.gz"))?;
    let labels = Labels::read(Path::new(directory).join("train-labels-idx1-ubyte.gz"))?;
    let size = images.rows() * images.columns();
    let shard = |shard| {
        let range = sharding.shard(images.count().min(labels.len()), shard);
        let pixels = images.pixels()[range.start * size..range.end * size].iter();
        let inputs = DMatrix::from_iterator(size, range.len(), pixels.map(|&pixel| f32::from(pixel) / 255.0));
        Ok(Dataset::labeled(inputs, labels.as_slice()[range].iter().map(|&label| label.into()).collect(), 10)?)
    };
    sharding.held().map(shard).collect()
}

fn read_test(directory: &str) -> Result<Dataset<f32>, Box<dyn Error>> {
    let images = Images::read(Path::new(directory).join("t10k-images-idx3-ubyte.gz"))?;
    let labels = Labels::read(Path::new(directory).join("t10k-labels-idx1-ubyte.gz"))?;
    Ok(Dataset::from_images(images, &labels, 10)?)
}
