//! The normal equation, from all observations at once and from blocks of 1 000.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gradus::NormalEquation;
use gradus::nalgebra::DMatrix;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

fn normal_equation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normal equation");
    group.sample_size(10);
    for (n, p) in [(1_000_000, 10), (100_000, 100), (20_000, 1_000)] {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let x = DMatrix::from_fn(n, p, |_, _| rng.random_range(-1.0..1.0));
        let y = x.column_sum() + DMatrix::from_fn(n, 1, |_, _| rng.random_range(-0.1..0.1));
        for rows in [n, 1_000] {
            group.bench_function(BenchmarkId::new(format!("{n} × {p}"), format!("in blocks of {rows}")), |bencher| {
                bencher.iter(|| {
                    let mut sums = NormalEquation::<f64>::new(p, 1);
                    for start in (0..n).step_by(rows) {
                        sums.push(&x.rows(start, rows), &y.rows(start, rows)).expect("finite observations");
                    }
                    sums.solve().expect("independent columns")
                });
            });
        }
    }
}

criterion_group!(benches, normal_equation);
criterion_main!(benches);
