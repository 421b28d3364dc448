//! The crate's side of `benches/peers/compare.py`: one job, timed once, its seconds printed; and of
//! `benches/peers/start.py`, which trains networks and looks at what they predict.
//!
//! usage: jobs mnist {f32|f64} {train|whole|parts} | jobs regression N P {fit|plain|stream} | jobs peak {f32|f64}
//!        | jobs start FILE SAMPLES INPUTS OUTPUTS TESTED TASK ACTIVATION OPTIMIZER EPOCHS LAYERS
//!          {default|he|glorot}
//!
//! With the feature `threads` on as many threads as `GRADUS_THREADS` says.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use gradus::data::{Images, Labels};
use gradus::layer::{Initializer, LayerConfiguration};
use gradus::loss::SigmoidCrossEntropy;
use gradus::nalgebra::DMatrix;
use gradus::{
    Adam, CrossEntropy, Dataset, Dense, GradientDescent, LinearRegression, Loss, MeanSquaredError, Network,
    NormalEquation, Optimizer, Real, Sigmoid, Softmax, SoftmaxCrossEntropy, Trainer,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    #[cfg(feature = "threads")]
    if let Ok(threads) = std::env::var("GRADUS_THREADS") {
        gradus::threads::set(threads.parse()?)?;
    }
    match words[..] {
        ["mnist", "f32", job] => mnist::<f32>(job),
        ["mnist", "f64", job] => mnist::<f64>(job),
        ["regression", n, p, way] => regression(n.parse()?, p.parse()?, way),
        ["peak", "f32"] => peak::<f32>(),
        ["peak", "f64"] => peak::<f64>(),
        ["start", path, samples, inputs, outputs, test_samples, task, activation, optimizer, epochs, layers, start] => {
            let split = [samples.parse()?, inputs.parse()?, outputs.parse()?, test_samples.parse()?];
            let activation = if activation == "relu" { LayerConfiguration::Relu } else { LayerConfiguration::Tanh };
            let network = network(split, &activation, layers.parse()?, start)?;
            trained(&network, path, split, task, optimizer, epochs.parse()?)
        }
        _ => Ok(()), // As `cargo bench` runs it: there is nothing to compare with.
    }
}

/// 784-50-10, batches of 100 with replacement, 10 000 steps; the whole job also measures 17 accuracies on 70 000
/// images. In parts, a batch is evaluated as two micro-batches.
fn mnist<T: Real>(job: &str) -> Result<(), Box<dyn Error>> {
    let read = |set: &str| -> Result<Dataset<T>, Box<dyn Error>> {
        let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"));
        let images = Images::read(directory.join(format!("{set}-images-idx3-ubyte.gz")))?;
        let labels = Labels::read(directory.join(format!("{set}-labels-idx1-ubyte.gz")))?;
        Ok(Dataset::from_images(images, &labels, 10)?)
    };
    let (training, test) = (read("train")?, read("t10k")?);
    let initializer = Initializer::normal(0.01)?;
    let network = Network::<T>::builder(784)
        .layer(Dense::new(784, 50).with_initializer(initializer))
        .layer(Sigmoid)
        .layer(Dense::new(50, 10).with_initializer(initializer))
        .layer(Softmax)
        .build()?;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut parameters = network.initialize(&mut rng);
    let micro_batch = if job == "parts" { 50 } else { usize::MAX };
    let mut objective = network.objective(CrossEntropy).with_micro_batches(micro_batch)?;
    let mut descent = GradientDescent::new(T::nearest(0.1))?;
    let mut batches = training.batches(100, &mut rng)?;
    let (start, mut losses) = (Instant::now(), Vec::new());
    for iteration in 0..10_000 {
        let batch = batches.next_batch();
        let step = descent.step(&mut objective.on(batch.inputs, batch.targets)?, parameters.as_mut_slice());
        losses.push(step.value);
        if job == "whole" && iteration % 600 == 0 {
            black_box((network.accuracy(&parameters, &training)?, network.accuracy(&parameters, &test)?));
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds} s, accuracy on the test images {:.4}", network.accuracy(&parameters, &test)?);
    Ok(())
}

fn regression(n: usize, p: usize, way: &str) -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(p as u64);
    let mut normal = || (0..12).map(|_| rng.random_range(-0.5..0.5)).sum::<f64>();
    let x = DMatrix::from_fn(n, p, |_, _| normal());
    let y = x.column_sum() + DMatrix::from_fn(n, 1, |_, _| 0.5 + 0.1 * normal());
    let start = Instant::now();
    let fit = match way {
        "stream" => {
            let mut sums = NormalEquation::new(p, 1);
            for first in (0..n).step_by(1_000) {
                sums.push(&x.rows(first, 1_000), &y.rows(first, 1_000))?;
            }
            sums.solve()?
        }
        "plain" => LinearRegression::new().without_refinement().fit(&x, &y)?,
        _ => LinearRegression::new().fit(&x, &y)?,
    };
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds} s, slope 0 is {:.4}", fit.coefficients()[0]);
    Ok(())
}

/// Layers of 32 hidden units. The start `he` is by He's weights before the activation and Glorot's in the last layer.
fn network(
    [_, inputs, outputs, _]: [usize; 4],
    activation: &LayerConfiguration,
    layers: usize,
    start: &str,
) -> Result<Network<f64>, Box<dyn Error>> {
    const HIDDEN: usize = 32;
    let dense = |inputs, outputs, last: bool| {
        let layer = Dense::new(inputs, outputs);
        match start {
            "he" if !last => layer.with_initializer(Initializer::he_normal()),
            "he" | "glorot" => layer.with_initializer(Initializer::glorot_uniform()),
            _ => layer,
        }
    };
    let mut builder = Network::builder(inputs);
    for layer in 0..layers {
        builder = builder.layer(dense(if layer == 0 { inputs } else { HIDDEN }, HIDDEN, false));
        builder = builder.boxed_layer(activation.build()?);
    }
    Ok(builder.layer(dense(HIDDEN, outputs, true)).build()?)
}

/// Trains on each split of a file, that is on inputs and targets, and writes the outputs for the inputs of its test
/// samples; all are `f64`, sample by sample.
fn trained(
    network: &Network<f64>,
    path: &str,
    [samples, inputs, outputs, test_samples]: [usize; 4],
    task: &str,
    optimizer: &str,
    epochs: usize,
) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let numbers: Vec<f64> = bytes.chunks_exact(8).map(number).collect();
    let mut predicted = Vec::new();
    for (seed, split) in numbers.chunks_exact(samples * (inputs + outputs) + test_samples * inputs).enumerate() {
        let (x, rest) = split.split_at(samples * inputs);
        let (targets, x_test) = rest.split_at(samples * outputs);
        // A sample a column.
        let data = Dataset::new(
            DMatrix::from_column_slice(inputs, samples, x),
            DMatrix::from_column_slice(outputs, samples, targets),
        )?;
        let loss: Box<dyn Loss<f64>> = match task {
            "number" => Box::new(MeanSquaredError),
            "yes or no" => Box::new(SigmoidCrossEntropy),
            _ => Box::new(SoftmaxCrossEntropy),
        };
        let optimizer: Box<dyn Optimizer<f64>> = match optimizer {
            "adam" => Box::new(Adam::new(1e-3)?),
            _ => Box::new(GradientDescent::new(1e-2)?.momentum(0.9)?),
        };
        let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(seed as u64));
        let trainer = Trainer::new(network, loss, optimizer).seed(seed as u64);
        let _ = trainer.epochs(epochs)?.batch_size(32)?.train(&mut parameters, &data)?;
        let y = network.predict(&parameters, &DMatrix::from_column_slice(inputs, test_samples, x_test))?;
        predicted.extend(y.iter().flat_map(|output| output.to_le_bytes()));
    }
    Ok(std::fs::write(format!("{path}.predicted"), predicted)?)
}

/// What a core makes of products at best: of large ones, whose tiles have no remainder and stay in the cache.
fn peak<T: Real>() -> Result<(), Box<dyn Error>> {
    let size = 768;
    let network = Network::<T>::builder(size).layer(Dense::new(size, size)).build()?;
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
    let x = DMatrix::from_element(size, size, T::one());
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        black_box(network.predict(&parameters, &x)?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{} GFLOP/s", 2e-9 * (size * size * size) as f64 / best);
    Ok(())
}
