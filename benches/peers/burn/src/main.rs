//! The MNIST job of benches/jobs.rs in burn, on its backend Flex: prints its seconds.
//!
//! usage: peer-burn DATA_DIRECTORY

#[path = "../../mnist.rs"]
mod mnist;

use std::error::Error;
use std::time::Instant;

use burn::module::{Initializer, Module, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Int, Tensor, TensorData};
use mnist::{BATCH, ITERATIONS, RATE};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

#[derive(Module, Debug)]
struct Network {
    first: Linear,
    second: Linear,
}

impl Network {
    fn new(device: &Device) -> Self {
        Self { first: dense(784, 50, device), second: dense(50, 10, device) }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.second.forward(sigmoid(self.first.forward(x)))
    }
}

/// A linear layer with the initial values of the job: normal weights of deviation 0.01, biases of 0.
fn dense(inputs: usize, outputs: usize, device: &Device) -> Linear {
    let normal = Initializer::Normal { mean: 0.0, std: 0.01 };
    let mut layer = LinearConfig::new(inputs, outputs).with_initializer(normal).init(device);
    layer.bias = Some(Param::from_tensor(Tensor::zeros([outputs], device)));
    layer
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = std::env::args().nth(1).ok_or("usage: peer-burn DATA_DIRECTORY")?;
    let inner = Device::flex();
    let device = inner.clone().autodiff();
    device.seed(0);
    let (x, labels) = read(&data, "train", &device)?;
    let (x_test, labels_test) = read(&data, "t10k", &device)?;

    let mut network = Network::new(&device);
    let loss_of = CrossEntropyLossConfig::new().init(&device);
    let mut descent = SgdConfig::new().init();

    let mut rng = SmallRng::seed_from_u64(0);
    let samples = labels.dims()[0] as i64;
    let start = Instant::now();
    for _ in 0..ITERATIONS {
        let pick: Vec<i64> = (0..BATCH).map(|_| rng.random_range(0..samples)).collect();
        let pick = Tensor::<1, Int>::from_data(TensorData::new(pick, [BATCH]), &device);
        let logits = network.forward(x.clone().select(0, pick.clone()));
        let loss = loss_of.forward(logits, labels.clone().select(0, pick));
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = descent.step(RATE, network, gradients);
    }
    let seconds = start.elapsed().as_secs_f64();

    let predicted = network.forward(x_test).argmax(1).squeeze_dim::<1>(1);
    let right = predicted.equal(labels_test).float().mean().into_scalar::<f32>();
    println!("{seconds} s, accuracy on the test images {right:.4}");
    Ok(())
}

/// Images, a row each, and labels.
fn read(directory: &str, set: &str, device: &Device) -> Result<(Tensor<2>, Tensor<1, Int>), Box<dyn Error>> {
    let (images, labels) = mnist::read(directory, set)?;
    let samples = labels.len();
    let labels: Vec<i64> = labels.into_iter().map(i64::from).collect();
    let images = Tensor::from_data(TensorData::new(images, [samples, 784]), device);
    Ok((images, Tensor::from_data(TensorData::new(labels, [samples]), device)))
}
