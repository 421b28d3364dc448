//! No result depends on the number of threads, to the last bit.
#![cfg(feature = "threads")]

use std::sync::{Mutex, MutexGuard};

use gradus::layer::Relu;
use gradus::nalgebra::DMatrix;
use gradus::optimizer::{Nadam, RmsProp};
use gradus::threads;
use gradus::{
    Adam, Dataset, Dense, Error, GradientDescent, LinearRegression, Network, NormalEquation, Optimizer, Real,
    SoftmaxCrossEntropy, one_hot,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// The number of threads is one for the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What `work` makes on each number of threads.
fn on_threads<R>(work: impl Fn() -> R) -> Vec<R> {
    let before = threads::count();
    let results = [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 32, 64].map(|count| {
        threads::set(count).unwrap();
        work()
    });
    threads::set(before).unwrap();
    results.into()
}

fn all_equal<R: PartialEq>(results: &[R]) -> bool {
    results.windows(2).all(|pair| pair[0] == pair[1])
}

fn images<T: Real>(samples: usize, density: f64) -> Dataset<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(samples as u64);
    let mut pixel = || if rng.random_bool(density) { rng.random_range(0.0..1.0) } else { 0.0 };
    let x = DMatrix::from_fn(784, samples, |_, _| T::nearest(pixel()));
    let labels: Vec<usize> = (0..samples).map(|sample| sample * 7 % 10).collect();
    Dataset::new(x, one_hot(&labels, 10).unwrap()).unwrap()
}

/// Bits of parameters, of the last loss and of predictions after some steps.
fn trained<T: Real>(data: &Dataset<T>, optimizer: &mut dyn Optimizer<T>) -> Vec<u64> {
    trained_in_parts(data, optimizer, usize::MAX)
}

fn trained_in_parts<T: Real>(data: &Dataset<T>, optimizer: &mut dyn Optimizer<T>, samples: usize) -> Vec<u64> {
    let network =
        Network::builder(784).layer(Dense::new(784, 50)).layer(Relu).layer(Dense::new(50, 10)).build().unwrap();
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
    let mut objective = network.objective(SoftmaxCrossEntropy).with_micro_batches(samples).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut batches = data.batches(100, &mut rng).unwrap();
    let mut bits = Vec::new();
    for _ in 0..6 {
        let batch = batches.next_batch();
        let step = optimizer.step(&mut objective.on(batch.inputs, batch.targets).unwrap(), parameters.as_mut_slice());
        bits.extend([step.value, step.gradient_norm].map(|value| value.to_f64().to_bits()));
    }
    bits.extend(parameters.iter().map(|value| value.to_f64().to_bits()));
    bits.push(objective.mean_loss(&parameters, data).unwrap().to_f64().to_bits());
    bits
}

#[test]
fn trainings_have_the_same_bits() {
    let _alone = alone();
    for density in [0.2, 1.0] {
        let (single, double) = (images::<f32>(300, density), images::<f64>(300, density));
        assert!(all_equal(&on_threads(|| trained(&single, &mut GradientDescent::new(0.1).unwrap()))));
        assert!(all_equal(&on_threads(|| trained(&double, &mut Adam::new(1e-3).unwrap()))));
        assert!(all_equal(&on_threads(|| trained(&single, &mut Nadam::new(1e-3).unwrap()))));
        assert!(all_equal(&on_threads(|| trained(&single, &mut RmsProp::new(1e-3).unwrap().momentum(0.9).unwrap()))));
    }
}

#[test]
fn parts_of_a_batch_at_the_same_time_have_the_same_bits() {
    let _alone = alone();
    let data = images::<f32>(300, 0.2);
    // Two parts, and more than there are threads, the last of them smaller.
    for samples in [50, 7] {
        let trained = || trained_in_parts(&data, &mut GradientDescent::new(0.1).unwrap(), samples);
        assert!(all_equal(&on_threads(trained)), "{samples}");
    }
}

#[test]
fn regressions_have_the_same_bits() {
    let _alone = alone();
    // Cut into parts: because of the rows, and because of the columns (the triangle of the sums, the factorization).
    for (rows, columns) in [(300_000, 7), (30_000, 90), (1_500, 400)] {
        let mut rng = ChaCha8Rng::seed_from_u64(rows as u64);
        let x = DMatrix::<f64>::from_fn(rows, columns, |_, _| rng.random_range(-1.0..1.0));
        let y = x.column_sum() + DMatrix::from_fn(rows, 1, |_, _| rng.random_range(0.9..1.1));
        let fitted = on_threads(|| {
            let fit = LinearRegression::new().fit(&x, &y).unwrap();
            let mut bits: Vec<u64> = fit.coefficients().iter().map(|value| value.to_bits()).collect();
            bits.extend(fit.standard_errors().unwrap().iter().map(|value| value.to_bits()));
            bits
        });
        assert!(all_equal(&fitted), "{rows} × {columns}");
        let streamed = on_threads(|| {
            let mut sums = NormalEquation::new(columns, 1);
            sums.push(&x.rows(0, 1_000), &y.rows(0, 1_000)).unwrap();
            sums.solve().unwrap().coefficients().clone()
        });
        assert!(all_equal(&streamed), "{rows} × {columns}");
    }
}

/// Sizes beside every one at which a product, a triangle or a vector is done in another way, and those at which parts
/// of a triangle once were.
#[test]
fn regressions_of_any_size_have_the_same_bits() {
    let _alone = alone();
    let sizes = [
        (1_500, 255),
        (1_500, 256),
        (1_700, 257),
        (1_900, 320),
        (1_600, 383),
        (1_400, 511),
        (2_000, 255),
        // Products of 2¹⁸ multiplications, panels of 128 columns, blocks of 32.
        (512, 31),
        (513, 33),
        (300, 127),
        (300, 129),
        (129, 128),
        (2_049, 16),
        // Blocks of 4 096 rows, parts, vectors of 2¹⁵ numbers.
        (4_097, 5),
        (32_767, 3),
        (32_769, 3),
    ];
    for (rows, columns) in sizes {
        let mut rng = ChaCha8Rng::seed_from_u64((rows * columns) as u64);
        let x = DMatrix::<f64>::from_fn(rows, columns, |_, _| rng.random_range(-1.0..1.0));
        let y = x.column_sum() + DMatrix::from_fn(rows, 1, |_, _| rng.random_range(0.9..1.1));
        let bits = |matrix: &DMatrix<f64>| matrix.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let plain = LinearRegression::new().without_refinement();
        let fitted = on_threads(|| bits(plain.fit(&x, &y).unwrap().coefficients()));
        assert!(all_equal(&fitted), "{rows} × {columns}, unrefined");
        // These do the same and more; the largest are left to the sums of the plain ones.
        if rows * columns * columns < 30_000_000 {
            let fitted = on_threads(|| {
                let fit = LinearRegression::new().fit(&x, &y).unwrap();
                (bits(fit.coefficients()), bits(&fit.predict(&x).unwrap()))
            });
            assert!(all_equal(&fitted), "{rows} × {columns}");
            let streamed = on_threads(|| {
                let mut sums = NormalEquation::new(columns, 1);
                sums.push(&x, &y).unwrap();
                bits(sums.solve().unwrap().coefficients())
            });
            assert!(all_equal(&streamed), "{rows} × {columns}, streamed");
        }
    }
}

/// Layers and batches beside every size at which a product is done in another way.
#[test]
fn networks_of_any_size_have_the_same_bits() {
    fn same<T: Real>(inputs: usize, units: usize, samples: usize) {
        let network =
            Network::builder(inputs).layer(Dense::new(inputs, units)).layer(Relu).layer(Dense::new(units, 3)).build();
        let network: Network<T> = network.unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64((inputs * units * samples) as u64);
        let start = network.initialize(&mut rng);
        let x = DMatrix::from_fn(inputs, samples, |_, _| T::nearest(rng.random_range(-1.0..1.0)));
        let labels: Vec<usize> = (0..samples).map(|sample| sample % 3).collect();
        let y = one_hot(&labels, 3).unwrap();
        let results = on_threads(|| {
            let mut parameters = start.clone();
            let mut objective = network.objective(SoftmaxCrossEntropy);
            let mut descent = GradientDescent::new(T::nearest(0.1)).unwrap();
            for _ in 0..2 {
                assert!(descent.step(&mut objective.on(&x, &y).unwrap(), parameters.as_mut_slice()).is_finite());
            }
            let predictions = network.predict(&parameters, &x).unwrap();
            parameters.iter().chain(&predictions).map(|value| value.to_f64().to_bits()).collect::<Vec<_>>()
        });
        assert!(all_equal(&results), "{inputs} × {units} × {samples}");
        // A sample's output does not depend on those beside it.
        let whole = network.predict(&start, &x).unwrap();
        for (from, count) in [(0, 1), (samples / 2, 1), (samples / 3, samples / 2)] {
            let part = network.predict(&start, &x.columns(from, count).into_owned()).unwrap();
            assert_eq!(part, whole.columns(from, count), "{inputs} × {units} × {samples}: {count} from {from}");
        }
    }

    let _alone = alone();
    for (inputs, units, samples) in [
        (784, 50, 32),
        (50, 784, 17),
        (65, 64, 63),
        (64, 64, 64),
        (127, 128, 129),
        (683, 25, 100),
        (5, 130, 700),
        (257, 256, 33),
        (31, 1_030, 32),
    ] {
        same::<f32>(inputs, units, samples);
        same::<f64>(inputs, units, samples);
    }
}

#[test]
fn callers_at_the_same_time_get_the_same_bits() {
    let _alone = alone();
    let data = images::<f32>(300, 1.0);
    let work = || trained(&data, &mut GradientDescent::new(0.1).unwrap());
    let expected = on_threads(work).remove(0);
    threads::set(4).unwrap();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..5).all(|_| work() == expected))).collect();
        // Meanwhile the number changes.
        for count in [1, 7, 2, 3, 4].into_iter().cycle().take(50) {
            threads::set(count).unwrap();
            std::thread::yield_now();
        }
        assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
    });
}

#[test]
fn n80_no_threads() {
    let _alone = alone();
    let before = threads::count();
    let error = threads::set(0).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "threads", .. }), "{error}");
    assert!(error.to_string().contains("threads"), "{error}");
    assert_eq!(threads::count(), before);
}
