//! Linear regression: of data in memory, with and without refined standard errors, from a stream, and one observation
//! at a time.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gradus::nalgebra::DMatrix;
use gradus::regression::{RecursiveLeastSquares, Solver};
use gradus::{LinearRegression, NormalEquation};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

fn regression(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("regression");
    group.sample_size(10);
    for (n, p) in [(1_000_000, 10), (100_000, 100), (20_000, 1_000)] {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let x = DMatrix::<f64>::from_fn(n, p, |_, _| rng.random_range(-1.0..1.0));
        let y = x.column_sum() + DMatrix::from_fn(n, 1, |_, _| rng.random_range(-0.1..0.1));
        let shape = format!("{n} × {p}");
        for (name, model) in [
            ("fit", LinearRegression::new()),
            ("fit without refinement", LinearRegression::new().without_refinement()),
            ("fit by QR", LinearRegression::new().with_solver(Solver::Householder)),
        ] {
            group.bench_function(BenchmarkId::new(name, &shape), |bencher| {
                bencher.iter(|| model.fit(&x, &y).expect("independent columns"));
            });
        }
        group.bench_function(BenchmarkId::new("in blocks of 1 000", &shape), |bencher| {
            bencher.iter(|| {
                let mut sums = NormalEquation::<f64>::new(p, 1);
                for start in (0..n).step_by(1_000) {
                    sums.push(&x.rows(start, 1_000), &y.rows(start, 1_000)).expect("finite observations");
                }
                sums.solve().expect("independent columns")
            });
        });
    }
}

fn recursive_least_squares(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recursive least squares");
    for p in [10, 100] {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let observations: Vec<Vec<f64>> =
            (0..1_000).map(|_| (0..p).map(|_| rng.random_range(-1.0..1.0)).collect()).collect();
        let mut online = RecursiveLeastSquares::new(p, 0.99).expect("a factor below 1");
        let mut observations = observations.iter().cycle();
        group.bench_function(BenchmarkId::new("update", p), |bencher| {
            bencher.iter(|| {
                let x = observations.next().expect("an endless cycle");
                online.update(x, x[0]).expect("finite observations")
            });
        });
    }
}

criterion_group!(benches, regression, recursive_least_squares);
criterion_main!(benches);
