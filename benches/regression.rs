//! Linear regression: of data in memory, with and without refined standard errors, and from a stream.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gradus::nalgebra::DMatrix;
use gradus::{LinearRegression, NormalEquation, Solver};
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
            ("fit by QR", LinearRegression::new().with_solver(Solver::Qr)),
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

criterion_group!(benches, regression);
criterion_main!(benches);
