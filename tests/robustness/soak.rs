//! A long run: random fits and trainings, one after the other; memory stays flat and results come again.
//!
//! `just soak` runs it for an hour, or for `GRADUS_SOAK_SECONDS`.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use gradus::layer::{Dropout, LayerNormalization, Relu, Tanh};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::optimizer::RmsProp;
use gradus::regression::Solver;
use gradus::{
    Adam, Dataset, Dense, GradientDescent, LinearRegression, Network, NormalEquation, Optimizer, SoftmaxCrossEntropy,
    Trainer,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// The sum of coefficients, and that of a network's parameters, of random data of random sizes; each tenth of them
/// large enough to be shared by threads.
fn run(seed: u64) -> [f64; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let scale = if seed.is_multiple_of(10) { 20 } else { 1 };
    let (rows, features) = (scale * rng.random_range(20..400), rng.random_range(1..12));
    let x = DMatrix::from_fn(rows, features, |_, _| rng.random_range(-1.0..1.0));
    let y = DVector::from_fn(rows, |i, _| x.row(i).sum() + rng.random_range(-0.1..0.1));
    let solver = [Solver::Cholesky, Solver::Householder, Solver::ConjugateGradient][rng.random_range(0..3)];
    let fit = LinearRegression::new().with_solver(solver).fit(&x, &y).unwrap();
    let mut sums = NormalEquation::new(features, 1);
    sums.push(&x, &y).unwrap();
    let streamed = sums.solve().unwrap();
    assert!((fit.coefficients() - streamed.coefficients()).amax() < 1e-10, "seed {seed}");

    let samples = scale * rng.random_range(20..200);
    let inputs = DMatrix::from_fn(features, samples, |_, _| rng.random_range(-1.0_f32..1.0));
    let labels = (0..samples).map(|j| usize::from(inputs[(0, j)] > 0.0)).collect();
    let data = Dataset::labeled(inputs, labels, 2).unwrap();
    let width = rng.random_range(1..40);
    let network = Network::builder(features).layer(Dense::new(features, width)).layer(Relu);
    let network = network.layer(Dropout::new(0.1).unwrap()).layer(Dense::new(width, width)).layer(Tanh);
    let network = network.layer(LayerNormalization::new(width)).layer(Dense::new(width, 2)).build().unwrap();
    let mut parameters = network.initialize(&mut rng);
    let optimizer: Box<dyn Optimizer<f32>> = match rng.random_range(0..3) {
        0 => Box::new(GradientDescent::new(0.1).unwrap().momentum(0.5).unwrap()),
        1 => Box::new(Adam::new(0.01).unwrap()),
        _ => Box::new(RmsProp::new(0.001).unwrap()),
    };
    let trainer = Trainer::new(&network, SoftmaxCrossEntropy, optimizer).seed(seed);
    let mut trainer = trainer.epochs(5).unwrap().batch_size(scale * rng.random_range(1..64)).unwrap();
    let _ = trainer.train(&mut parameters, &data).unwrap();
    [fit.coefficients().sum(), parameters.iter().map(|&value| f64::from(value)).sum()]
}

/// What of this process is in memory, in kB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
#[ignore = "takes an hour"]
fn memory_is_flat_and_results_come_again() {
    let seconds = std::env::var("GRADUS_SOAK_SECONDS").map_or(3600, |seconds| seconds.parse().unwrap());
    let (started, time) = (Instant::now(), Duration::from_secs(seconds));
    let say = |text: String| std::io::stdout().write_all(text.as_bytes()).unwrap();
    say(format!("0 runs, {} kB of memory\n", resident()));
    let first: Vec<[f64; 2]> = (0..100).map(run).collect();
    let (mut seed, mut memory) = (100, Vec::with_capacity(10));
    for tenth in 1..=10 {
        while started.elapsed() < time * tenth / 10 {
            run(seed);
            seed += 1;
        }
        memory.push(resident());
        say(format!("{seed} runs after {} s, {} kB\n", started.elapsed().as_secs(), resident()));
    }
    assert!(memory[9] < memory[0] + 8 * 1024, "{memory:?} kB");
    // To the last bit.
    assert!(first.into_iter().eq((0..100).map(run)), "a seed gave other results");
    say("the first 100 runs gave the same results again\n".to_owned());
}
