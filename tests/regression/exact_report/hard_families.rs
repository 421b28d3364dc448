//! Families of nearly dependent columns, of odd units and of odd weights.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::regression::Intercept;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::families::{Family, any_intercept, generator, noisy, normal, sizes, whole_numbers};
use super::problem::Problem;

pub(crate) const HARD: [Family; 14] = [
    ("condition", condition),
    ("years", years),
    ("timestamps", timestamps),
    ("powers_of_x", powers_of_x),
    ("repeated_x", repeated_x),
    ("years_columns", years_columns),
    ("powers_columns", powers_columns),
    ("timestamps_columns", timestamps_columns),
    ("near_duplicates", near_duplicates),
    ("units", units),
    ("weights", weights),
    ("weights_and_zeros", weights_and_zeros),
    ("extreme_weights", extreme_weights),
    ("one_huge_weight", one_huge_weight),
];

fn points_like(x: &DMatrix<f64>, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    // A row as it is observed but in one column, and one beyond all.
    let (first, last) = (x.row(0), x.row(x.nrows() - 1));
    let mut points = DMatrix::from_rows(&[first.into_owned(), last * 2.0 - first]);
    points[(0, rng.random_range(0..x.ncols()))] *= 1.5;
    points
}

/// A condition number from 1 to 1e13, the residual from much smaller than the signal to a thousand times as large.
fn condition(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let columns = rng.random_range(2..=6);
    let rows = columns + 1 + rng.random_range(2..=12);
    let condition = 10_f64.powf(rng.random_range(0.0..13.0));
    let left = normal(rows, columns, &mut rng).qr().q();
    let right = normal(columns, columns, &mut rng).qr().q();
    let values = DVector::from_fn(columns, |i, _| condition.powf(-(i as f64) / (columns - 1) as f64));
    let mut x: DMatrix<f64> = left * DMatrix::from_diagonal(&values) * right;
    for mut column in x.column_iter_mut() {
        column *= 2_f64.powi(rng.random_range(-20..20));
    }
    let signal = &x * normal(columns, 1, &mut rng);
    let mut residual = normal(rows, 1, &mut rng);
    if rng.random_range(0..2) == 0 {
        let q = x.clone().qr().q();
        residual -= &q * (q.transpose() * &residual);
        residual -= &q * (q.transpose() * &residual);
    }
    let size = signal.norm() * 10_f64.powf(rng.random_range(-3.0..3.0)) / residual.norm();
    let y = signal + residual * size;
    let intercept = any_intercept(&mut rng);
    let points = points_like(&x, &mut rng);
    Problem { points, ..Problem::new(name, seed, x, y).with_intercept(intercept) }
}

/// A target that a polynomial may or may not follow.
fn over_time(rows: usize, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    match rng.random_range(0..3) {
        0 => DMatrix::from_fn(rows, 1, |i, _| (7 * i % 5) as f64),
        1 => {
            let mut level = 50.0;
            DMatrix::from_fn(rows, 1, |_, _| {
                level += f64::from(rng.random_range(-3..=3));
                level
            })
        }
        _ => normal(rows, 1, rng),
    }
}

fn years_from(degree: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let first = rng.random_range(1_871..2_020);
    let count = rng.random_range(degree + 2..=40).min(2_031 - first);
    (0..count).map(|i| (first + i) as f64).collect()
}

/// Years to the seventh power, exact powers.
fn years(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let degree = rng.random_range(1..=7);
    let x = years_from(degree, &mut rng);
    let y = over_time(x.len(), &mut rng);
    Problem::polynomial(name, seed, x, y, degree)
}

/// Seconds since 1970, a minute or a day apart or at random.
fn timestamps(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let start = f64::from(rng.random_range(1_400_000_000..1_700_000_000));
    let rows = rng.random_range(8..=30);
    let step = [1.0, 60.0, 86_400.0][rng.random_range(0..3)];
    let x = (0..rows).map(|i| start + step * (i * 4 + rng.random_range(0..4)) as f64).collect();
    let degree = rng.random_range(1..=6);
    let y = over_time(rows, &mut rng);
    Problem::polynomial(name, seed, x, y, degree)
}

/// Ranges of small whole numbers off zero, the degrees that they are asked for, and fractions.
fn off_zero(rng: &mut ChaCha8Rng) -> (Vec<f64>, usize) {
    match rng.random_range(0..4) {
        0 => ((100..=114).map(f64::from).collect(), rng.random_range(2..=5)),
        1 => ((58..=72).map(f64::from).collect(), rng.random_range(1..=3)),
        2 => ((60..80).map(f64::from).collect(), rng.random_range(2..=5)),
        _ => ((0..rng.random_range(9..=25)).map(|i| f64::from(i) - 4.0).collect(), rng.random_range(1..=6)),
    }
}

fn powers_of_x(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (mut x, degree) = off_zero(&mut rng);
    if rng.random_range(0..3) == 0 {
        // Of which the powers are not exact.
        x.iter_mut().for_each(|x| *x *= 0.1);
    }
    let y = over_time(x.len(), &mut rng);
    Problem::polynomial(name, seed, x, y, degree)
}

/// A polynomial of few distinct x, perhaps too few.
fn repeated_x(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (start, degree) = ([0.0, 1.0, 50.0, 2_000.0][rng.random_range(0..4)], rng.random_range(1..=5));
    let distinct = rng.random_range(1..=degree + 3);
    let rows = rng.random_range(degree + 2..=20);
    let x = (0..rows).map(|i| start + (if i < distinct { i } else { rng.random_range(0..distinct) }) as f64).collect();
    let y = over_time(rows, &mut rng);
    Problem::polynomial(name, seed, x, y, degree)
}

fn as_columns(name: &'static str, seed: u64, x: &[f64], y: DMatrix<f64>, degree: usize) -> Problem {
    let powers = gradus::regression::polynomial(x, degree).unwrap();
    let points = gradus::regression::polynomial(&[x[0] - 1.0, x[x.len() - 1] + 2.0], degree).unwrap();
    Problem { points, ..Problem::new(name, seed, powers, y) }
}

/// Powers of years that are exact, as columns.
fn years_columns(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let degree = rng.random_range(1..=4);
    let x = years_from(degree, &mut rng);
    let y = over_time(x.len(), &mut rng);
    as_columns(name, seed, &x, y, degree)
}

fn powers_columns(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (x, degree) = off_zero(&mut rng);
    let y = over_time(x.len(), &mut rng);
    as_columns(name, seed, &x, y, degree)
}

fn timestamps_columns(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let start = f64::from(rng.random_range(1_400_000_000..1_700_000_000));
    let rows = rng.random_range(6..=30);
    let step = [1.0, 60.0, 86_400.0][rng.random_range(0..3)];
    let x: Vec<f64> = (0..rows).map(|i| start + step * i as f64).collect();
    let y = over_time(rows, &mut rng);
    as_columns(name, seed, &x, y, 1)
}

/// A column, one that differs from it by nearly nothing, and perhaps it once more.
fn near_duplicates(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let rows = rng.random_range(4..=12);
    let bits = rng.random_range(20..=46);
    let base: Vec<f64> = (1..=rows).map(f64::from).collect();
    let near: Vec<f64> =
        base.iter().map(|&a| a * (1.0 + f64::from(rng.random_range(0..=3)) * 2_f64.powi(-bits))).collect();
    let base = DVector::from_vec(base);
    let mut columns = vec![base.clone(), DVector::from_vec(near)];
    match rng.random_range(0..4) {
        0 => {}
        1 => columns.push(base * 2.0),
        2 => columns.insert(1, base),
        _ => columns.push(base),
    }
    let rows = columns[0].len();
    if rows > 6 && rng.random_range(0..2) == 0 {
        columns.insert(0, whole_numbers(rows, 1, 9, &mut rng).column(0).into_owned());
    }
    let x = DMatrix::from_columns(&columns);
    let y = whole_numbers(rows, 1, 5, &mut rng);
    let intercept = if rows > 6 { any_intercept(&mut rng) } else { Intercept::Omit };
    let points = points_like(&x, &mut rng);
    Problem { points, ..Problem::new(name, seed, x, y).with_intercept(intercept) }
}

/// Columns and target in units that differ by hundreds of powers of ten.
fn units(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(2, &mut rng);
    let mut x = normal(rows, features, &mut rng);
    let mut y = noisy(&x, 1.0, &mut rng);
    for mut column in x.column_iter_mut() {
        column *= 10_f64.powi(rng.random_range(-150..=150));
    }
    y *= 10_f64.powi(rng.random_range(-150..=150));
    let intercept = any_intercept(&mut rng);
    let points = points_like(&x, &mut rng);
    Problem { points, ..Problem::new(name, seed, x, y).with_intercept(intercept) }
}

/// Weights from `10^-reach` to `10^reach`.
fn weighted(name: &'static str, seed: u64, reach: f64, zeros: bool) -> Problem {
    let mut rng = generator(name, seed);
    let (features, rows) = sizes(4, &mut rng);
    let x = match rng.random_range(0..2) {
        0 => normal(rows, features, &mut rng),
        _ => whole_numbers(rows, features, 9, &mut rng),
    };
    let y = noisy(&x, 1.0, &mut rng);
    let mut weights: Vec<f64> = (0..rows).map(|_| 10_f64.powf(rng.random_range(-reach..reach))).collect();
    if zeros {
        let spare = rows - features - 2;
        weights.iter_mut().take(rng.random_range(1..=spare)).for_each(|weight| *weight = 0.0);
    }
    let intercept = any_intercept(&mut rng);
    let points = points_like(&x, &mut rng);
    Problem { points, ..Problem::new(name, seed, x, y).with_intercept(intercept).with_weights(weights) }
}

fn weights(name: &'static str, seed: u64) -> Problem {
    let reach = [0.5, 1.0, 3.0, 5.0][generator(name, !seed).random_range(0..4)];
    weighted(name, seed, reach, false)
}

fn weights_and_zeros(name: &'static str, seed: u64) -> Problem {
    weighted(name, seed, 1.0, true)
}

fn extreme_weights(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, !seed);
    let reach = [10.0, 20.0, 100.0, 300.0][rng.random_range(0..4)];
    let zeros = rng.random_range(0..3) == 0;
    weighted(name, seed, reach, zeros)
}

/// One observation that outweighs all others by far.
fn one_huge_weight(name: &'static str, seed: u64) -> Problem {
    let mut rng = generator(name, !seed);
    let problem = weighted(name, seed, 0.5, false);
    let mut weights = problem.weights.clone().unwrap();
    let row = rng.random_range(0..weights.len());
    weights[row] = 10_f64.powf(rng.random_range(10.0..60.0));
    problem.with_weights(weights)
}
