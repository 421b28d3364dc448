//! A long run: random fits and trainings, one after the other; memory stays flat and results come again.
//!
//! `just soak` runs it for an hour, or for `GRADUS_SOAK_SECONDS`.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Adam, Dataset, Dense, Dropout, LinearRegression, Network, NormalEquation, Relu, SoftmaxCrossEntropy, Tanh, Trainer,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// The sum of coefficients, and that of a network's parameters, of random data of random sizes.
fn run(seed: u64) -> [f64; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (rows, features) = (rng.random_range(20..400), rng.random_range(1..12));
    let x = DMatrix::from_fn(rows, features, |_, _| rng.random_range(-1.0..1.0));
    let y = DVector::from_fn(rows, |i, _| x.row(i).sum() + rng.random_range(-0.1..0.1));
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    let mut sums = NormalEquation::new(features, 1);
    sums.push(&x, &y).unwrap();
    let streamed = sums.solve().unwrap();
    assert!((fit.coefficients() - streamed.coefficients()).amax() < 1e-10, "seed {seed}");

    let samples = rng.random_range(20..200);
    let inputs = DMatrix::from_fn(features, samples, |_, _| rng.random_range(-1.0_f32..1.0));
    let labels = (0..samples).map(|j| usize::from(inputs[(0, j)] > 0.0)).collect();
    let data = Dataset::labelled(inputs, labels, 2).unwrap();
    let width = rng.random_range(1..40);
    let network = Network::builder(features).layer(Dense::new(features, width)).layer(Relu);
    let network = network.layer(Dropout::new(0.1).unwrap()).layer(Dense::new(width, width)).layer(Tanh);
    let network = network.layer(Dense::new(width, 2)).build().unwrap();
    let mut parameters = network.initialize(&mut rng);
    let trainer = Trainer::new(&network, SoftmaxCrossEntropy, Adam::new(0.01).unwrap()).seed(seed);
    let mut trainer = trainer.epochs(5).unwrap().batch_size(rng.random_range(1..64)).unwrap();
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
    let first: Vec<[f64; 2]> = (0..100).map(run).collect();
    let (mut seed, mut before) = (100, None);
    while started.elapsed() < time {
        run(seed);
        seed += 1;
        if before.is_none() && started.elapsed() > time / 10 {
            before = Some(resident());
        }
    }
    let (before, after) = (before.unwrap_or_else(resident), resident());
    let said =
        format!("{seed} runs in {seconds} s, {before} kB of memory after a tenth of them, {after} kB at the end\n");
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    assert!(after < before + 8 * 1024, "{said}");
    // To the last bit.
    assert!(first.into_iter().eq((0..100).map(run)), "a seed gave other results");
}
