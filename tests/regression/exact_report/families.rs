//! Families of regressions, each a function of a seed.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::regression::Intercept;
use num_bigint::BigInt;
use num_traits::{ToPrimitive, Zero};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

use super::hard_families::HARD;
use super::problem::{Problem, dot, gram, inverse};

/// A name and what makes the problem of a seed.
pub(crate) type Family = (&'static str, fn(&'static str, u64) -> Problem);

pub(crate) fn all() -> Vec<Family> {
    let mut all: Vec<Family> = vec![
        ("plain", plain),
        ("no_effect", no_effect),
        ("zero_target", zero_target),
        ("constant_target", constant_target),
        ("tiny_effect", tiny_effect),
        ("mean_alone", mean_alone),
        ("too_few_rows", too_few_rows),
        ("saturated", saturated),
        ("nearly_saturated", nearly_saturated),
        ("perfect", perfect),
        ("perfect_far", perfect_far),
        ("perfect_rounded", perfect_rounded),
        ("leverage_near_1", leverage_near_one),
        ("leverage_1", leverage_one),
        ("dummies", dummies),
        ("hidden_dummies", hidden_dummies),
        ("targets", targets),
        ("many_rows", many_rows),
        ("ridge", ridge),
    ];
    all.extend(HARD);
    all
}

pub(crate) fn problem((name, make): Family, seed: u64) -> Problem {
    make(name, seed)
}

pub(crate) fn generator(name: &str, seed: u64) -> ChaCha8Rng {
    let name = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    ChaCha8Rng::seed_from_u64(name ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

pub(crate) fn normal(rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| rng.sample(StandardNormal))
}

pub(crate) fn whole_numbers(rows: usize, columns: usize, most: i32, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| f64::from(rng.random_range(-most..=most)))
}

pub(crate) fn any_intercept(rng: &mut ChaCha8Rng) -> Intercept {
    if rng.random_range(0..3) > 0 { Intercept::Include } else { Intercept::Omit }
}

/// Numbers of features and of rows, at least so many more than unknowns.
pub(crate) fn sizes(more: usize, rng: &mut ChaCha8Rng) -> (usize, usize) {
    let features = rng.random_range(1..=6);
    let least = features + 1 + more;
    (features, rng.random_range(least..=40.max(least)))
}

/// `X β + noise`, β and noise standard normal, to one target.
pub(crate) fn noisy(x: &DMatrix<f64>, noise: f64, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    x * normal(x.ncols(), 1, rng) + normal(x.nrows(), 1, rng) * noise
}

fn with_points(problem: Problem, rng: &mut ChaCha8Rng) -> Problem {
    let points = normal(2, problem.x.ncols(), rng) * 2.0;
    Problem { points, ..problem }
}

/// Random columns, of normal or of whole numbers.
fn plain(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(2, &mut rng);
    let x = match rng.random_range(0..2) {
        0 => normal(rows, features, &mut rng),
        _ => whole_numbers(rows, features, 9, &mut rng),
    };
    let intercept = any_intercept(&mut rng);
    let scale = 10_f64.powi(rng.random_range(-2..=2));
    let y = noisy(&x, scale, &mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// A target of whole numbers orthogonal to the columns of whole numbers and to that of ones.
fn orthogonal(x: &DMatrix<f64>, intercept: Intercept, rng: &mut ChaCha8Rng) -> Option<DMatrix<f64>> {
    let whole = if intercept == Intercept::Include { x.clone().insert_column(0, 1.0) } else { x.clone() };
    let columns: Vec<Vec<BigInt>> =
        whole.column_iter().map(|column| column.iter().map(|&x| BigInt::from(x as i64)).collect()).collect();
    let ones = vec![BigInt::from(1); x.nrows()];
    let (adjugate, determinant) = inverse(&gram(&columns, &ones))?;
    let start: Vec<BigInt> = ones.iter().map(|_| BigInt::from(rng.random_range(-5..=5))).collect();
    let moments: Vec<BigInt> = columns.iter().map(|column| dot(column, &start)).collect();
    let fitted: Vec<BigInt> = adjugate.iter().map(|row| dot(row, &moments)).collect();
    let mut left: Vec<BigInt> = (0..x.nrows())
        .map(|row| {
            let along = columns.iter().zip(&fitted).fold(BigInt::zero(), |sum, (column, b)| sum + &column[row] * b);
            &start[row] * &determinant - along
        })
        .collect();
    let divisor = left.iter().fold(BigInt::zero(), |divisor, value| greatest_common_divisor(divisor, value.clone()));
    if divisor.is_zero() {
        return None;
    }
    left.iter_mut().for_each(|value| *value /= &divisor);
    let is_small = left.iter().all(|value| value.bits() <= 53);
    is_small.then(|| DMatrix::from_iterator(x.nrows(), 1, left.iter().map(|value| value.to_f64().unwrap())))
}

fn greatest_common_divisor(a: BigInt, b: BigInt) -> BigInt {
    if b.is_zero() { a } else { greatest_common_divisor(b.clone(), a % b) }
}

/// Columns of whole numbers, and a target that has nothing to do with them, to the last bit.
fn without_effect(rng: &mut ChaCha8Rng) -> (DMatrix<f64>, DMatrix<f64>, Intercept) {
    loop {
        let intercept = any_intercept(rng);
        if rng.random_range(0..2) == 0 {
            let features = rng.random_range(1..=3);
            let rows = rng.random_range(features + 2..=12);
            let x = whole_numbers(rows, features, 3, rng);
            if let Some(y) = orthogonal(&x, intercept, rng) {
                return (x, y, intercept);
            }
        } else {
            // Every row twice, once with a value and once with its negative.
            let features = rng.random_range(1..=6);
            let half = rng.random_range(features + 2..=20);
            let (x, y) = (whole_numbers(half, features, 5, rng), whole_numbers(half, 1, 9, rng));
            if y.amax() > 0.0 {
                let twice =
                    |m: &DMatrix<f64>, sign: f64| {
                        DMatrix::from_fn(2 * half, m.ncols(), |i, j| {
                            if i < half { m[(i, j)] } else { m[(i - half, j)] * sign }
                        })
                    };
                return (twice(&x, 1.0), twice(&y, -1.0), intercept);
            }
        }
    }
}

fn no_effect(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (x, mut y, intercept) = without_effect(&mut rng);
    if intercept == Intercept::Include && rng.random_range(0..2) == 0 {
        y.add_scalar_mut(f64::from(rng.random_range(-100..=100)));
    }
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

fn zero_target(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(0, &mut rng);
    let x = match rng.random_range(0..2) {
        0 => normal(rows, features, &mut rng),
        _ => whole_numbers(rows, features, 5, &mut rng),
    };
    let y = DMatrix::zeros(rows, 1);
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

fn constant_target(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(1, &mut rng);
    let x = match rng.random_range(0..2) {
        0 => normal(rows, features, &mut rng),
        _ => whole_numbers(rows, features, 5, &mut rng),
    };
    let value = [1.0, 0.1, -7.0, 1e8 + 0.25, 3e-5][rng.random_range(0..5)];
    let y = DMatrix::from_element(rows, 1, value);
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// A slope of 1e-6 … 1e-15 of the noise, which is orthogonal to the columns to the last bit.
fn tiny_effect(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (x, noise, intercept) = without_effect(&mut rng);
    let slope = 10_f64.powf(-rng.random_range(6.0..15.0)) * noise.amax();
    let y = noise + x.columns(0, 1) * slope;
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// No features.
fn mean_alone(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let rows = rng.random_range(1..=40);
    let y = match rng.random_range(0..3) {
        0 => whole_numbers(rows, 1, 9, &mut rng),
        _ => normal(rows, 1, &mut rng).add_scalar(10_f64.powi(rng.random_range(-3..=8))),
    };
    Problem::new(name, seed, DMatrix::zeros(rows, 0), y)
}

/// Fewer rows than unknowns, or just as many.
fn too_few_rows(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let features = rng.random_range(1..=6);
    let rows = rng.random_range(1..=features + 1);
    let (x, y) = (normal(rows, features, &mut rng), normal(rows, 1, &mut rng));
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

fn saturated(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    with_spare_rows(name, seed, 0, &mut rng)
}

fn nearly_saturated(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let spare = rng.random_range(1..=2);
    with_spare_rows(name, seed, spare, &mut rng)
}

fn with_spare_rows(name: &'static str, seed: u64, spare: usize, rng: &mut ChaCha8Rng) -> Problem {
    let features = rng.random_range(1..=6);
    let intercept = any_intercept(rng);
    let rows = features + usize::from(intercept == Intercept::Include) + spare;
    let x = match rng.random_range(0..2) {
        0 => normal(rows, features, rng),
        _ => whole_numbers(rows, features, 9, rng),
    };
    let y = noisy(&x, 1.0, rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), rng)
}

/// Whole numbers, and a target that is a whole combination of them.
fn perfect(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(1, &mut rng);
    let most = 10_i32.pow(rng.random_range(1..=5));
    let x = whole_numbers(rows, features, most, &mut rng);
    let intercept = any_intercept(&mut rng);
    let mut y = &x * whole_numbers(features, 1, 9, &mut rng);
    if intercept == Intercept::Include {
        y.add_scalar_mut(f64::from(rng.random_range(-50..=50)));
    }
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// Perfect lines and parabolas far from zero.
fn perfect_far(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let rows = rng.random_range(5..=20);
    let start = [1e3, 1e5, 1e8][rng.random_range(0..3)];
    let features = if start < 1e5 { rng.random_range(1..=2) } else { 1 };
    let x = DMatrix::from_fn(rows, features, |i, j| (start + i as f64).powi(j as i32 + 1));
    let slopes = whole_numbers(features, 1, 3, &mut rng);
    let y = (&x * slopes).add_scalar(f64::from(rng.random_range(-3..=3)));
    let points = DMatrix::from_fn(2, features, |i, j| (start + (20 * i) as f64).powi(j as i32 + 1));
    Problem { points, ..Problem::new(name, seed, x, y) }
}

/// Perfect but for the rounding of the target.
fn perfect_rounded(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(2, &mut rng);
    let x = normal(rows, features, &mut rng);
    let y = noisy(&x, 0.0, &mut rng);
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// One observation far off, or the only one of its kind but for a trace.
fn leverage_near_one(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(3, &mut rng);
    let mut x = normal(rows, features, &mut rng);
    let (row, column) = (rng.random_range(0..rows), rng.random_range(0..features));
    let far = 10_f64.powf(rng.random_range(1.5..7.0));
    if rng.random_range(0..2) == 0 {
        x[(row, column)] = far;
    } else {
        x.column_mut(column).scale_mut(1.0 / far);
        x[(row, column)] = 1.0;
    }
    let y = noisy(&x, 1.0, &mut rng);
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// An indicator of one observation.
fn leverage_one(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let features = rng.random_range(2..=5);
    let rows = rng.random_range(features + 3..=30);
    let mut x = whole_numbers(rows, features, 9, &mut rng);
    x.column_mut(features - 1).fill(0.0);
    let row = rng.random_range(0..rows);
    x[(row, features - 1)] = [1.0, 3.0, 0.1][rng.random_range(0..3)];
    if rng.random_range(0..2) == 0 {
        // It takes no part in the other columns, so that it touches none but its own parameter without an intercept.
        x.row_mut(row).columns_mut(0, features - 1).fill(0.0);
    }
    let y = noisy(&x, 1.0, &mut rng);
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// Indicators of groups beside a column of ones, which may make one of them superfluous.
fn dummies(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let groups = rng.random_range(2..=4);
    let rows = rng.random_range(groups + 4..=40);
    let group: Vec<usize> = (0..rows).map(|row| if row < groups { row } else { rng.random_range(0..groups) }).collect();
    let first = rng.random_range(0..2);
    let mut columns: Vec<DVector<f64>> = (first..groups)
        .map(|index| DVector::from_iterator(rows, group.iter().map(|&group| f64::from(u8::from(group == index)))))
        .collect();
    let intercept = any_intercept(&mut rng);
    if rng.random_range(0..2) == 0 {
        let place = rng.random_range(0..=columns.len());
        columns.insert(place, DVector::from_element(rows, 1.0));
    }
    columns.push(whole_numbers(rows, 1, 20, &mut rng).column(0).into_owned());
    let x = DMatrix::from_columns(&columns);
    let y = noisy(&x, 1.0, &mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// Indicators of which one or none is without an observation of positive weight.
fn hidden_dummies(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let groups = rng.random_range(2..=4);
    let rows = 5 * groups;
    let x = DMatrix::from_fn(rows, groups, |i, j| match j {
        0 => f64::from(rng.random_range(-9..=9)),
        _ => f64::from(u8::from(i % groups == j)),
    });
    let y = noisy(&x, 1.0, &mut rng);
    let hidden = rng.random_range(0..2 * groups);
    let weights = (0..rows).map(|i| if i % groups == hidden { 0.0 } else { rng.random_range(0.5..2.0) }).collect();
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept).with_weights(weights), &mut rng)
}

/// Two or three targets: noisy, perfect, zero, constant.
fn targets(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(2, &mut rng);
    let x = whole_numbers(rows, features, 9, &mut rng);
    let count = rng.random_range(2..=3);
    let columns: Vec<DVector<f64>> = (0..count)
        .map(|_| match rng.random_range(0..5) {
            0 => (&x * whole_numbers(features, 1, 9, &mut rng)).column(0).into_owned(),
            1 => DVector::zeros(rows),
            2 => DVector::from_element(rows, 0.1),
            _ => noisy(&x, 10_f64.powi(rng.random_range(-6..=6)), &mut rng).column(0).into_owned(),
        })
        .collect();
    let intercept = any_intercept(&mut rng);
    let y = DMatrix::from_columns(&columns);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// More rows than one block holds, of small whole numbers.
fn many_rows(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let rows = [1_000, 1_025, 2_049, 4_100][rng.random_range(0..4)];
    let features = rng.random_range(1..=3);
    let x = whole_numbers(rows, features, 9, &mut rng);
    let y = &x * whole_numbers(features, 1, 5, &mut rng) + whole_numbers(rows, 1, 50, &mut rng);
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept), &mut rng)
}

/// A penalty, small, large, or beyond all measure.
fn ridge(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(0, &mut rng);
    let x = normal(rows, features, &mut rng) * 10_f64.powi(rng.random_range(-3..=3));
    let y = noisy(&x, 1.0, &mut rng);
    let lambda = match rng.random_range(0..4) {
        0 => 1e300,
        1 => 10_f64.powf(rng.random_range(-30.0..-5.0)),
        2 => 10_f64.powf(rng.random_range(5.0..30.0)),
        _ => 10_f64.powf(rng.random_range(-3.0..3.0)),
    };
    let intercept = any_intercept(&mut rng);
    with_points(Problem::new(name, seed, x, y).with_intercept(intercept).with_ridge(lambda), &mut rng)
}
