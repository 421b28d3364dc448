//! What everything is made of: matrix products, activations, and the prediction of one sample beside a loop written by
//! hand.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gradus::layer::{Gelu, Mode, Relu, Tanh};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Batch, BatchMut, Dense, Layer, MeanSquaredError, Model, Network, Objective, Real, Sigmoid, Softmax};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// A control loop's network.
const SIZES: [usize; 4] = [10, 32, 32, 3];

/// As one would write it for this network: row by row, with what is kept on the stack.
fn by_hand(parameters: &[f32], x: &[f32], y: &mut [f32]) {
    let mut values = [0.0_f32; 32];
    values[..x.len()].copy_from_slice(x);
    let mut rest = parameters;
    for (layer, pair) in SIZES.windows(2).enumerate() {
        let [inputs, outputs] = [pair[0], pair[1]];
        let (weight, others) = rest.split_at(inputs * outputs);
        let (bias, others) = others.split_at(outputs);
        let mut sums = [0.0_f32; 32];
        sums[..outputs].copy_from_slice(bias);
        for (column, &value) in weight.chunks_exact(outputs).zip(&values[..inputs]) {
            for (sum, &weight) in sums[..outputs].iter_mut().zip(column) {
                *sum += weight * value;
            }
        }
        values = if layer < 2 { sums.map(f32::tanh) } else { sums };
        rest = others;
    }
    y.copy_from_slice(&values[..y.len()]);
}

fn one_sample(criterion: &mut Criterion) {
    let network = Network::<f32>::builder(SIZES[0])
        .layer(Dense::new(SIZES[0], SIZES[1]))
        .layer(Tanh)
        .layer(Dense::new(SIZES[1], SIZES[2]))
        .layer(Tanh)
        .layer(Dense::new(SIZES[2], SIZES[3]))
        .build()
        .expect("the sizes fit together");
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
    let model = Model::new(network, parameters.clone()).expect("parameters of the network");
    let x = DVector::from_fn(SIZES[0], |i, _| (i as f32).sin());
    let (mut y, mut expected) = ([0.0; SIZES[3]], [0.0; SIZES[3]]);
    let mut predictor = model.predictor();
    predictor.predict_into(x.as_slice(), &mut y).expect("one sample");
    by_hand(parameters.as_slice(), x.as_slice(), &mut expected);
    assert!(y.iter().zip(expected).all(|(y, expected)| (y - expected).abs() < 1e-5), "{y:?} for {expected:?}");

    let mut group = criterion.benchmark_group("one sample, 10-32-32-3, tanh, f32");
    group.bench_function("gradus", |bencher| {
        bencher.iter(|| predictor.predict_into(black_box(x.as_slice()), black_box(&mut y)).expect("one sample"));
    });
    group.bench_function("by hand", |bencher| {
        bencher.iter(|| by_hand(black_box(parameters.as_slice()), black_box(x.as_slice()), black_box(&mut expected)));
    });
}

/// Forward, and forward and weight gradient, of one dense layer on inputs of which a fraction is not zero.
fn products<T: Real>(criterion: &mut Criterion, scalar: &str) {
    let mut group = criterion.benchmark_group(format!("products, {scalar}"));
    for (inputs, outputs, samples) in [(784, 50, 100), (784, 512, 100), (512, 512, 1000), (50, 10, 100)] {
        for present in [1, 5] {
            let network = Network::<T>::builder(inputs).layer(Dense::new(inputs, outputs)).build().expect("one layer");
            let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
            let value =
                |i: usize, j: usize| if (i + j).is_multiple_of(present) { (i * 31 + j * 17) % 255 + 1 } else { 0 };
            let x = DMatrix::from_fn(inputs, samples, |i, j| T::nearest(value(i, j) as f64 / 255.0));
            let target = DMatrix::zeros(outputs, samples);
            let mut gradient = vec![T::zero(); parameters.len()];
            let mut objective = network.objective(MeanSquaredError);
            let name = format!("{inputs}-{outputs}, 1 of {present}");
            group.throughput(Throughput::Elements((2 * inputs * outputs * samples) as u64));
            group.bench_function(BenchmarkId::new(format!("forward {name}"), samples), |bencher| {
                bencher.iter(|| objective.on(&x, &target).expect("shapes fit").value(parameters.as_slice()));
            });
            group.throughput(Throughput::Elements((4 * inputs * outputs * samples) as u64));
            group.bench_function(BenchmarkId::new(format!("both {name}"), samples), |bencher| {
                bencher.iter(|| {
                    let mut objective = objective.on(&x, &target).expect("shapes fit");
                    objective.value_and_gradient(parameters.as_slice(), &mut gradient)
                });
            });
        }
    }
}

/// Forward, of samples with ten values each.
fn activations<T: Real>(criterion: &mut Criterion, scalar: &str) {
    let (features, samples) = (10, 10_000);
    let x: Vec<T> = (0..features * samples).map(|i| T::nearest((i % 2001) as f64 / 200.0 - 5.0)).collect();
    let mut y = vec![T::zero(); x.len()];
    let layers: [(&str, Box<dyn Layer<T>>); 5] = [
        ("relu", Box::new(Relu)),
        ("sigmoid", Box::new(Sigmoid)),
        ("tanh", Box::new(Tanh)),
        ("gelu", Box::new(Gelu)),
        ("softmax of 10", Box::new(Softmax)),
    ];
    let mut group = criterion.benchmark_group(format!("activations, {scalar}"));
    group.throughput(Throughput::Elements(x.len() as u64));
    for (name, layer) in layers {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let input = Batch::from_slice(black_box(&x), features).expect("whole samples");
                let output = BatchMut::from_slice(&mut y, features).expect("whole samples");
                layer.forward(&[], input, output, &mut [], Mode::Predict);
            });
        });
    }
}

fn all(criterion: &mut Criterion) {
    one_sample(criterion);
    products::<f32>(criterion, "f32");
    products::<f64>(criterion, "f64");
    activations::<f32>(criterion, "f32");
    activations::<f64>(criterion, "f64");
}

criterion_group!(benches, all);
criterion_main!(benches);
