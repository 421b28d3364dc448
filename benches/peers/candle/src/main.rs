//! The MNIST job of benches/jobs.rs in candle: prints its seconds.
//!
//! usage: peer-candle DATA_DIRECTORY

#[path = "../../mnist.rs"]
mod mnist;

use std::error::Error;
use std::time::Instant;

use candle_core::{D, DType, Device, Tensor};
use candle_nn::{Init, Linear, Module, Optimizer, SGD, Sequential, VarBuilder, VarMap, loss, seq};
use mnist::{BATCH, ITERATIONS, RATE};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

fn main() -> Result<(), Box<dyn Error>> {
    let data = std::env::args().nth(1).ok_or("usage: peer-candle DATA_DIRECTORY")?;
    let (x, labels) = read(&data, "train")?;
    let (x_test, labels_test) = read(&data, "t10k")?;

    let variables = VarMap::new();
    let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let (first, second) = (dense(784, 50, builder.pp("0"))?, dense(50, 10, builder.pp("2"))?);
    let network = seq().add(first).add_fn(candle_nn::ops::sigmoid).add(second);
    let mut descent = SGD::new(variables.all_vars(), RATE)?;

    let mut rng = SmallRng::seed_from_u64(0);
    let samples = x.dim(0)? as u32;
    let start = Instant::now();
    for _ in 0..ITERATIONS {
        let pick: Vec<u32> = (0..BATCH).map(|_| rng.random_range(0..samples)).collect();
        let pick = Tensor::from_vec(pick, BATCH, &Device::Cpu)?;
        let logits = network.forward(&x.index_select(&pick, 0)?)?;
        let loss = loss::cross_entropy(&logits, &labels.index_select(&pick, 0)?)?;
        descent.backward_step(&loss)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds} s, accuracy on the test images {:.4}", accuracy(&network, &x_test, &labels_test)?);
    Ok(())
}

/// A linear layer with the initial values of the job: normal weights of deviation 0.01, biases of 0.
fn dense(inputs: usize, outputs: usize, builder: VarBuilder) -> candle_core::Result<Linear> {
    let weight = builder.get_with_hints((outputs, inputs), "weight", Init::Randn { mean: 0.0, stdev: 0.01 })?;
    let bias = builder.get_with_hints(outputs, "bias", Init::Const(0.0))?;
    Ok(Linear::new(weight, Some(bias)))
}

fn accuracy(network: &Sequential, x: &Tensor, labels: &Tensor) -> candle_core::Result<f32> {
    let predicted = network.forward(x)?.argmax(D::Minus1)?;
    predicted.eq(labels)?.to_dtype(DType::F32)?.mean_all()?.to_scalar()
}

/// Images, a row each, and labels.
fn read(directory: &str, set: &str) -> Result<(Tensor, Tensor), Box<dyn Error>> {
    let (images, labels) = mnist::read(directory, set)?;
    let samples = labels.len();
    let labels: Vec<u32> = labels.into_iter().map(u32::from).collect();
    Ok((Tensor::from_vec(images, (samples, 784), &Device::Cpu)?, Tensor::from_vec(labels, samples, &Device::Cpu)?))
}
