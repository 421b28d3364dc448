//! One step of gradient descent, and one prediction, on dense networks of several sizes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gradus::nalgebra::DMatrix;
use gradus::{Dense, GradientDescent, Network, Optimizer, Real, Sigmoid, SoftmaxCrossEntropy, one_hot};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn network<T: Real>(sizes: &[usize]) -> Network<T> {
    let mut builder = Network::builder(sizes[0]);
    for (place, pair) in sizes.windows(2).enumerate() {
        if place > 0 {
            builder = builder.layer(Sigmoid);
        }
        builder = builder.layer(Dense::new(pair[0], pair[1]));
    }
    builder.build().expect("the sizes fit together")
}

fn bench<T: Real>(criterion: &mut Criterion, scalar: &str) {
    let architectures: [&[usize]; 3] = [&[4, 8, 3], &[784, 50, 10], &[784, 512, 512, 10]];
    for sizes in architectures {
        let network = network::<T>(sizes);
        let (inputs, outputs) = (network.input_size(), network.output_size());
        let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
        let mut objective = network.objective(SoftmaxCrossEntropy);
        let mut descent = GradientDescent::new(T::nearest(1e-3)).expect("a valid rate");
        let mut group = criterion.benchmark_group(format!("{scalar} {sizes:?}"));
        for samples in [1, 100, 1_000] {
            let x = DMatrix::from_fn(inputs, samples, |i, j| T::nearest(((i * 31 + j * 17) % 255) as f64 / 255.0));
            let labels: Vec<usize> = (0..samples).map(|sample| sample % outputs).collect();
            let t = one_hot(&labels, outputs).expect("labels below the number of classes");
            // Forward and weight gradient everywhere, input gradient in all layers but the first.
            let weights: Vec<usize> = sizes.windows(2).map(|pair| pair[0] * pair[1]).collect();
            let products = 3 * weights.iter().sum::<usize>() - weights[0];
            group.throughput(Throughput::Elements((2 * products * samples) as u64));
            group.bench_function(BenchmarkId::new("step", samples), |bencher| {
                bencher.iter(|| {
                    let mut objective = objective.on(&x, &t).expect("shapes fit");
                    descent.step(&mut objective, parameters.as_mut_slice())
                });
            });
            group.throughput(Throughput::Elements((2 * weights.iter().sum::<usize>() * samples) as u64));
            group.bench_function(BenchmarkId::new("predict", samples), |bencher| {
                bencher.iter(|| network.predict(black_box(&parameters), &x).expect("shapes fit"));
            });
        }
    }
}

fn both(criterion: &mut Criterion) {
    bench::<f32>(criterion, "f32");
    bench::<f64>(criterion, "f64");
}

criterion_group!(benches, both);
criterion_main!(benches);
