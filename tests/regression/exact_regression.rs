//! Least squares held against exact rational arithmetic, and planted dependencies against those reported.

use gradus::error::Column;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::regression::Intercept;
use gradus::{Error, LinearFit, LinearRegression, NormalEquation};
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

fn normal(rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| rng.sample(StandardNormal))
}

/// The exact solution of the least-squares problem of these very numbers, rounded once.
fn exact(x: &DMatrix<f64>, y: &DVector<f64>) -> Vec<f64> {
    let rational = |value: f64| BigRational::from_float(value).unwrap();
    let p = x.ncols();
    let inner =
        |a: Vec<BigRational>, b: &[BigRational]| a.into_iter().zip(b).fold(BigRational::zero(), |s, (a, b)| s + a * b);
    let columns: Vec<Vec<BigRational>> = x.column_iter().map(|c| c.iter().map(|&v| rational(v)).collect()).collect();
    let target: Vec<BigRational> = y.iter().map(|&v| rational(v)).collect();
    let mut system: Vec<Vec<BigRational>> = (0..p)
        .map(|i| {
            let mut row: Vec<_> = (0..p).map(|j| inner(columns[i].clone(), &columns[j])).collect();
            row.push(inner(columns[i].clone(), &target));
            row
        })
        .collect();
    for i in 0..p {
        let (reduced, rest) = system.split_at_mut(i + 1);
        let pivot = &reduced[i];
        for row in rest {
            let factor = &row[i] / &pivot[i];
            row.iter_mut().zip(pivot).for_each(|(entry, pivot)| *entry -= &factor * pivot);
        }
    }
    let mut solution = vec![BigRational::zero(); p];
    for i in (0..p).rev() {
        let known = (i + 1..p).fold(BigRational::zero(), |sum, j| sum + &system[i][j] * &solution[j]);
        solution[i] = (&system[i][p] - known) / &system[i][i];
    }
    solution.iter().map(|value| value.to_f64().unwrap()).collect()
}

/// A design whose condition number with columns of length 1 is about `condition`.
fn design(rows: usize, columns: usize, condition: f64, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    let left = normal(rows, columns, rng).qr().q();
    let right = normal(columns, columns, rng).qr().q();
    let values = DVector::from_fn(columns, |i, _| condition.powf(-(i as f64) / (columns - 1) as f64));
    let mut x = left * DMatrix::from_diagonal(&values) * right;
    for mut column in x.column_iter_mut() {
        column *= 2_f64.powi(rng.random_range(-20..20));
    }
    x
}

/// Digits, norm-wise in units in which every column of the design has the length 1.
fn digits(x: &DMatrix<f64>, computed: &[f64], exact: &[f64]) -> f64 {
    let scaled = |values: Vec<f64>| {
        let squares = values.iter().zip(x.column_iter()).map(|(value, column)| (value * column.norm()).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let difference = computed.iter().zip(exact).map(|(computed, exact)| computed - exact).collect();
    -(scaled(difference) / scaled(exact.to_vec())).max(1e-17).log10()
}

/// The design with the column of ones that an intercept adds.
fn with_ones(x: &DMatrix<f64>, intercept: Intercept) -> DMatrix<f64> {
    if intercept == Intercept::Include { x.clone().insert_column(0, 1.0) } else { x.clone() }
}

fn check(x: &DMatrix<f64>, y: &DVector<f64>, intercept: Intercept) -> (LinearFit<f64>, f64) {
    let fit = LinearRegression::new().with_intercept(intercept).fit(x, y).unwrap();
    let whole = with_ones(x, intercept);
    let digits = digits(&whole, fit.parameters().as_slice(), &exact(&whole, y));
    (fit, digits)
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn converged_fits_have_their_digits_with_independent_noise(
        seed: u64, columns in 2_usize..6, more in 2_usize..12, exponent in 2.0..13.0_f64, include: bool,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let intercept = if include { Intercept::Include } else { Intercept::Omit };
        let x = design(columns + more, columns, 10_f64.powf(exponent), &mut rng);
        let signal = &x * normal(columns, 1, &mut rng).column(0);
        let noise = normal(columns + more, 1, &mut rng).column(0) * (signal.norm() * 0.1);
        let (fit, digits) = check(&x, &(signal + noise), intercept);
        if fit.report().converged {
            prop_assert!(digits >= 13.5, "{digits:.1} digits, {:?}", fit.report());
        }
        if exponent <= 12.0 {
            prop_assert!(fit.report().converged, "{digits:.1} digits, {:?}", fit.report());
        }
    }

    /// The hard family: the residual is orthogonal to the design and up to a thousand times as long as the signal.
    #[test]
    fn converged_fits_have_their_digits_with_large_orthogonal_residuals(
        seed: u64, columns in 2_usize..6, more in 2_usize..12, exponent in 2.0..13.0_f64, ratio in 0.0..3.0_f64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let x = design(columns + more, columns, 10_f64.powf(exponent), &mut rng);
        let signal: DVector<f64> = &x * normal(columns, 1, &mut rng).column(0);
        let q = x.clone().qr().q();
        let mut residual: DVector<f64> = normal(columns + more, 1, &mut rng).column(0).into_owned();
        for _ in 0..2 {
            residual -= &q * (q.transpose() * &residual);
        }
        let y = &signal + residual.normalize() * (signal.norm() * 10_f64.powf(ratio));
        let (fit, digits) = check(&x, &y, Intercept::Omit);
        if fit.report().converged {
            prop_assert!(digits >= 13.5, "{digits:.1} digits, {:?}", fit.report());
        }
    }

    /// Of sums the promise is 1e-12 to a condition number of 1e9, and κ²·1e-31 beyond, whatever the partition.
    #[test]
    fn any_partition_of_the_rows_gives_the_same_solution(
        seed: u64, columns in 2_usize..6, more in 2_usize..12, exponent in 2.0..12.0_f64, cut in 0.0..1.0_f64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rows = columns + more;
        let condition = 10_f64.powf(exponent);
        let x = design(rows, columns, condition, &mut rng);
        let y = &x * normal(columns, 1, &mut rng).column(0) + normal(rows, 1, &mut rng).column(0) * 0.1;
        let cut = (cut * rows as f64) as usize;
        let solve = |parts: [std::ops::Range<usize>; 2]| {
            let [first, second] = parts.map(|rows| {
                let mut sums = NormalEquation::new(columns, 1).with_intercept(Intercept::Omit);
                for row in rows.rev() {
                    sums.push(&x.rows(row, 1), &y.rows(row, 1)).unwrap();
                }
                sums
            });
            let mut sums = second;
            sums.merge(&first).unwrap();
            sums.solve().unwrap()
        };
        let exact = exact(&x, &y);
        let allowed = f64::max(1e-12, condition * condition * 1e-31);
        for parts in [[0..cut, cut..rows], [0..0, 0..rows]] {
            let fit = solve(parts);
            let digits = digits(&x, fit.coefficients().as_slice(), &exact);
            prop_assert!(digits >= -allowed.log10(), "{digits:.1} digits, {:?}", fit.report());
        }
    }
}

/// 1 000 designs with one to three relations planted between their columns.
#[test]
fn planted_dependencies_are_the_ones_reported() {
    for seed in 0..1_000 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let columns = rng.random_range(3..9);
        let rows = columns + rng.random_range(2..30);
        let planted = rng.random_range(1..=3.min(columns - 2));
        let mut x = normal(rows, columns, &mut rng);
        // A planted column takes whole multiples of others, so that it is a combination to the last bit or nearly so.
        let mut dependent: Vec<usize> =
            rand::seq::index::sample(&mut rng, columns - 1, planted).into_iter().map(|j| j + 1).collect();
        dependent.sort_unstable();
        let mut relations = Vec::new();
        for &target in &dependent {
            let mut relation = DVector::zeros(columns);
            relation[target] = -1.0;
            let mut column = DVector::zeros(rows);
            for other in (0..target).filter(|other| !dependent.contains(other)) {
                let coefficient = f64::from(rng.random_range(-3..=3));
                relation[other] = coefficient;
                column += x.column(other) * coefficient;
            }
            x.set_column(target, &column);
            relations.push(relation);
        }
        let y = normal(rows, 1, &mut rng);
        let mut sums = NormalEquation::new(columns, 1);
        sums.push(&x, &y).unwrap();
        for error in [LinearRegression::new().fit(&x, &y).unwrap_err(), sums.solve().unwrap_err()] {
            let Error::RankDeficient { dependencies, condition } = &error else { panic!("{seed}: {error}") };
            assert!(*condition > 1e12, "{seed}: {error}");
            assert_eq!(dependencies.len(), relations.len(), "{seed}: {error}");
            for (dependency, relation) in dependencies.iter().zip(&relations) {
                let mut found = DVector::zeros(columns);
                let index = |column| match column {
                    Column::Feature(index) => index,
                    _ => panic!("{seed}: {error}"),
                };
                found[index(dependency.column)] = -1.0;
                for &(column, coefficient) in &dependency.combination {
                    found[index(column)] = coefficient;
                }
                assert!((found - relation).amax() < 1e-10, "{seed}: {error}");
            }
        }
    }
}
