//! How time and memory grow with the size of a job: `cargo bench --bench growth`. Each row has what the size is doubled
//! against, the least time of some runs, the memory that was asked for beyond the data, and the exponents of both
//! against the row before: 1 where twice the size costs twice as much.

use std::time::Instant;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Dense, GradientDescent, LinearRegression, Network, NormalEquation, Optimizer, Sigmoid, SoftmaxCrossEntropy, one_hot,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

const RUNS: usize = 7;

/// Prints a table of a job that is made for each size.
fn table<J: FnMut()>(title: &str, sizes: &[usize], mut job: impl FnMut(usize) -> J) {
    println!("\n{title}\n{:>10} {:>12} {:>8} {:>12} {:>8}", "size", "ms", "exponent", "kB", "exponent");
    let mut last: Option<(usize, f64, f64)> = None;
    for &size in sizes {
        let mut run = job(size);
        let memory = allocation_counter::measure(&mut run).bytes_max as f64;
        let time = |_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        };
        let seconds = (0..RUNS).map(time).fold(f64::MAX, f64::min);
        let exponents = last.map(|(before, time, bytes)| {
            let exponent = |ratio: f64| ratio.ln() / (size as f64 / before as f64).ln();
            [exponent(seconds / time), exponent(memory / bytes)].map(|exponent| format!("{exponent:.2}"))
        });
        let [of_time, of_memory] = exponents.unwrap_or_default();
        println!("{size:10} {:12.3} {of_time:>8} {:12.0} {of_memory:>8}", 1e3 * seconds, memory / 1e3);
        last = Some((size, seconds, memory));
    }
}

fn observations(rows: usize, columns: usize) -> (DMatrix<f64>, DVector<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(columns as u64);
    let x = DMatrix::from_fn(rows, columns, |_, _| rng.random_range(-1.0..1.0));
    let y = x.column_sum() + DVector::from_fn(rows, |_, _| rng.random_range(0.4..0.6));
    (x, y)
}

fn fit(rows: usize, columns: usize) -> impl FnMut() {
    let (x, y) = observations(rows, columns);
    move || {
        let fit = LinearRegression::new().fit(&x, &y).expect("independent columns");
        assert!(fit.report().converged);
    }
}

fn stream(rows: usize, columns: usize) -> impl FnMut() {
    let (x, y) = observations(rows, columns);
    move || {
        let mut sums = NormalEquation::new(columns, 1);
        for first in (0..rows).step_by(1_000) {
            sums.push(&x.rows(first, 1_000), &y.rows(first, 1_000)).expect("a block of rows");
        }
        sums.solve().expect("independent columns");
    }
}

/// A hundred steps on the same batch of dense inputs.
fn steps(width: usize, samples: usize) -> impl FnMut() {
    let network = Network::<f32>::builder(784)
        .layer(Dense::new(784, width))
        .layer(Sigmoid)
        .layer(Dense::new(width, 10))
        .build()
        .expect("the sizes fit together");
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
    let x = DMatrix::from_fn(784, samples, |i, j| ((i * 31 + j * 17) % 255 + 1) as f32 / 256.0);
    let labels: Vec<usize> = (0..samples).map(|sample| sample % 10).collect();
    let target = one_hot(&labels, 10).expect("ten classes");
    move || {
        let mut objective = network.objective(SoftmaxCrossEntropy);
        let mut descent = GradientDescent::new(1e-3).expect("a valid rate");
        for _ in 0..100 {
            let mut bound = objective.on(&x, &target).expect("shapes fit");
            assert!(descent.step(&mut bound, parameters.as_mut_slice()).is_finite());
        }
    }
}

fn main() {
    #[cfg(feature = "threads")]
    if let Ok(threads) = std::env::var("GRADUS_THREADS") {
        let threads = threads.parse().expect("a number of threads");
        gradus::threads::set(threads).expect("at least one thread");
    }
    table("fit, rows of 10 columns", &[125_000, 250_000, 500_000, 1_000_000], |rows| fit(rows, 10));
    table("fit, columns of 20 000 rows", &[125, 250, 500, 1_000], |columns| fit(20_000, columns));
    table("streaming, rows of 10 columns", &[125_000, 250_000, 500_000, 1_000_000], |rows| stream(rows, 10));
    table("streaming, columns of 5 000 rows", &[50, 100, 200, 400], |columns| stream(5_000, columns));
    table("100 steps, hidden units at 100 samples", &[64, 128, 256, 512], |width| steps(width, 100));
    table("100 steps, samples at 50 hidden units", &[100, 200, 400, 800], |samples| steps(50, samples));
}
