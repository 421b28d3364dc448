//! A regression problem, and what exact arithmetic says of its design: independent columns, condition number.

use gradus::nalgebra::DMatrix;
use gradus::regression::Intercept;
use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use super::number::{Number, dyadic, integers};

/// The data of a fit, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) family: &'static str,
    pub(crate) seed: u64,
    /// Of a polynomial: its rounded powers.
    pub(crate) x: DMatrix<f64>,
    pub(crate) y: DMatrix<f64>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) intercept: Intercept,
    pub(crate) ridge: f64,
    /// The x of a polynomial whose powers are the exact ones, of a degree of as many as `x` has columns.
    pub(crate) polynomial: Option<Vec<f64>>,
    /// Where to predict beside some of the observations and 0: rows of features, of a polynomial one column of x.
    pub(crate) points: DMatrix<f64>,
}

impl Problem {
    pub(crate) fn new(family: &'static str, seed: u64, x: DMatrix<f64>, y: DMatrix<f64>) -> Self {
        let points = DMatrix::zeros(0, x.ncols());
        Self { family, seed, x, y, weights: None, intercept: Intercept::Include, ridge: 0.0, polynomial: None, points }
    }

    pub(crate) fn polynomial(
        family: &'static str,
        seed: u64,
        x: Vec<f64>,
        y: impl Into<DMatrix<f64>>,
        degree: usize,
    ) -> Self {
        let powers = gradus::regression::polynomial(&x, degree).unwrap();
        let (first, last) = (x[0], x[x.len() - 1]);
        let points = DMatrix::from_vec(2, 1, vec![last + (last - first) / 8.0, first / 2.0 + last / 2.0]);
        Self { polynomial: Some(x), points, ..Self::new(family, seed, powers, y.into()) }
    }

    pub(crate) fn with_intercept(self, intercept: Intercept) -> Self {
        Self { intercept, ..self }
    }

    pub(crate) fn with_weights(self, weights: Vec<f64>) -> Self {
        Self { weights: Some(weights), ..self }
    }

    pub(crate) fn with_ridge(self, ridge: f64) -> Self {
        Self { ridge, ..self }
    }

    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// The largest weight over the smallest that is not 0.
    pub(crate) fn weight_ratio(&self) -> f64 {
        let positive = || (0..self.x.nrows()).map(|row| self.weight(row)).filter(|&weight| weight > 0.0);
        positive().fold(0.0, f64::max) / positive().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn unknowns(&self) -> usize {
        self.x.ncols() + self.constants()
    }

    pub(crate) fn constants(&self) -> usize {
        usize::from(self.intercept == Intercept::Include)
    }

    /// Whether the rounded powers of a polynomial are the exact ones.
    pub(crate) fn has_exact_powers(&self) -> bool {
        let Some(x) = &self.polynomial else { return true };
        x.iter().enumerate().all(|(row, &x)| {
            let (base, exponent) = dyadic(x);
            let mut power = BigInt::one();
            (0..self.x.ncols()).all(|column| {
                power *= &base;
                let rounded = dyadic(self.x[(row, column)]);
                let shift = rounded.1 - exponent * (column as i64 + 1);
                shift >= 0 && rounded.0 << shift == power
            })
        })
    }

    /// Rows to predict at: some of the observations, 0, and the new points. Of a polynomial one column of x.
    pub(crate) fn places(&self) -> DMatrix<f64> {
        let known = match &self.polynomial {
            Some(x) => DMatrix::from_column_slice(x.len(), 1, x),
            None => self.x.clone(),
        };
        let rows = known.nrows();
        let mut chosen = vec![0, rows / 2, rows - 1];
        chosen.dedup();
        let zero = DMatrix::zeros(1, known.ncols());
        let parts = [known.select_rows(&chosen), zero, self.points.clone()];
        let all: Vec<_> = parts.iter().flat_map(|part| part.row_iter()).collect();
        if known.ncols() == 0 { DMatrix::zeros(all.len(), 0) } else { DMatrix::from_rows(&all) }
    }

    /// The place of 0 among the places.
    pub(crate) fn zero_place(&self) -> usize {
        self.places().nrows() - self.points.nrows() - 1
    }
}

/// Columns of integers, each times a power of two, that of the intercept first.
pub(crate) struct Columns {
    pub(crate) values: Vec<Vec<BigInt>>,
    pub(crate) exponents: Vec<i64>,
}

impl Columns {
    /// Of these rows; of a polynomial one column of x.
    pub(crate) fn new(problem: &Problem, rows: &DMatrix<f64>) -> Self {
        let (mut values, mut exponents) = (Vec::new(), Vec::new());
        if problem.constants() == 1 {
            values.push(vec![BigInt::one(); rows.nrows()]);
            exponents.push(0);
        }
        match &problem.polynomial {
            Some(_) => {
                let (base, exponent) = integers(rows.as_slice());
                for power in 1..=problem.x.ncols() {
                    values.push(base.iter().map(|base| base.pow(power as u32)).collect());
                    exponents.push(exponent * power as i64);
                }
            }
            None => {
                for column in rows.column_iter() {
                    let (integers, exponent) = integers(&column.iter().copied().collect::<Vec<_>>());
                    values.push(integers);
                    exponents.push(exponent);
                }
            }
        }
        Self { values, exponents }
    }

    pub(crate) fn of_data(problem: &Problem) -> Self {
        match &problem.polynomial {
            Some(x) => Self::new(problem, &DMatrix::from_column_slice(x.len(), 1, x)),
            None => Self::new(problem, &problem.x),
        }
    }

    /// Those that decide on rank and condition: powers of a polynomial are taken about the middle of its x.
    pub(crate) fn that_decide(problem: &Problem) -> Self {
        let Some(x) = &problem.polynomial else { return Self::of_data(problem) };
        let (least, largest) = x.iter().fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
        let mut all = x.clone();
        all.push(least / 2.0 + largest / 2.0);
        let (mut integers, exponent) = integers(&all);
        let middle = integers.pop().unwrap();
        let powers = (1 - problem.constants()..=problem.x.ncols()).map(|power| {
            let values = integers.iter().map(|x| (x - &middle).pow(power as u32)).collect();
            (values, exponent * power as i64)
        });
        let (values, exponents) = powers.unzip();
        Self { values, exponents }
    }
}

pub(crate) fn dot(a: &[BigInt], b: &[BigInt]) -> BigInt {
    a.iter().zip(b).fold(BigInt::zero(), |sum, (a, b)| sum + a * b)
}

pub(crate) fn times(a: &[BigInt], weights: &[BigInt]) -> Vec<BigInt> {
    a.iter().zip(weights).map(|(a, weight)| a * weight).collect()
}

pub(crate) type Matrix = Vec<Vec<BigInt>>;

/// `ZᵀWZ`.
pub(crate) fn gram(columns: &[Vec<BigInt>], weights: &[BigInt]) -> Matrix {
    let weighted: Matrix = columns.iter().map(|column| times(column, weights)).collect();
    let mut gram = vec![vec![BigInt::zero(); columns.len()]; columns.len()];
    for i in 0..columns.len() {
        for j in 0..=i {
            gram[i][j] = dot(&weighted[i], &columns[j]);
            gram[j][i] = gram[i][j].clone();
        }
    }
    gram
}

/// The adjugate and the determinant: their quotient is the inverse. Elimination of integers, in which every division is
/// exact (E. H. Bareiss, 1968). `None` of a singular matrix.
pub(crate) fn inverse(matrix: &Matrix) -> Option<(Matrix, BigInt)> {
    let size = matrix.len();
    let mut rows: Matrix = matrix.clone();
    for (i, row) in rows.iter_mut().enumerate() {
        row.extend((0..size).map(|j| BigInt::from(u8::from(i == j))));
    }
    let mut last = BigInt::one();
    for k in 0..size {
        let pivot = rows[k].clone();
        if pivot[k].is_zero() {
            return None;
        }
        for (i, row) in rows.iter_mut().enumerate().filter(|&(i, _)| i != k) {
            let factor = row[k].clone();
            for j in 0..2 * size {
                // What is known without arithmetic: columns of the left side that are done, and zeros of the right.
                if j < k && j != i || j > size + k && j != size + i {
                    continue;
                }
                let next = &pivot[k] * &row[j] - &factor * &pivot[j];
                row[j] = if last.is_one() { next } else { next / &last };
            }
        }
        last = pivot[k].clone();
    }
    Some((rows.into_iter().map(|mut row| row.split_off(size)).collect(), last))
}

/// Which columns are combinations of those before them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rank {
    /// No column, and none nearly so.
    Full,
    /// These columns, counted with that of the intercept: what the independent ones before them leave is at most 8 p ε
    /// of their length.
    Deficient(Vec<usize>),
    /// One is within a factor of 4 of that.
    Unclear,
}

/// Decides by the exact distances of the columns from those before them, all rows of positive weight counting alike.
pub(crate) fn rank(problem: &Problem) -> Rank {
    let columns = Columns::that_decide(problem);
    let used: Vec<BigInt> =
        (0..problem.x.nrows()).map(|row| BigInt::from(u8::from(problem.weight(row) > 0.0))).collect();
    let mut gram = gram(&columns.values, &used);
    let squares: Vec<BigInt> = (0..gram.len()).map(|i| gram[i][i].clone()).collect();
    let threshold = 8.0 * gram.len() as f64 * f64::EPSILON;
    let (mut dependent, mut unclear, mut last) = (Vec::new(), false, BigInt::one());
    for k in 0..gram.len() {
        // Minors of the independent columns with and without this one.
        let distance = match squares[k].is_positive() {
            true => Number::ratio(&gram[k][k], &(&last * &squares[k]), 0).sqrt().to_f64(),
            false => 0.0,
        };
        unclear |= distance > threshold / 4.0 && distance < threshold * 4.0;
        if distance <= threshold {
            dependent.push(k);
            continue;
        }
        let pivot = gram[k].clone();
        for row in &mut gram[k + 1..] {
            let factor = row[k].clone();
            for j in k + 1..pivot.len() {
                row[j] = (&pivot[k] * &row[j] - &factor * &pivot[j]) / &last;
            }
        }
        last = pivot[k].clone();
    }
    match (unclear, dependent.is_empty()) {
        (true, _) => Rank::Unclear,
        (_, true) => Rank::Full,
        _ => Rank::Deficient(dependent),
    }
}

/// The condition number of a design with columns of length 1, from its Gram matrix and the inverse of that.
pub(crate) fn condition(gram: &Matrix, inverse: &(Matrix, BigInt)) -> f64 {
    let size = gram.len();
    let root = |i: usize| Number::new(gram[i][i].clone(), 0).sqrt();
    let roots: Vec<Number> = (0..size).map(root).collect();
    let scaled =
        DMatrix::from_fn(size, size, |i, j| (&Number::new(gram[i][j].clone(), 0) / &(&roots[i] * &roots[j])).to_f64());
    let inverse = DMatrix::from_fn(size, size, |i, j| {
        (&Number::ratio(&inverse.0[i][j], &inverse.1, 0) * &(&roots[i] * &roots[j])).to_f64()
    });
    let largest = |matrix: DMatrix<f64>| {
        if matrix.iter().all(|entry| entry.is_finite()) { matrix.symmetric_eigenvalues().max() } else { f64::INFINITY }
    };
    (largest(scaled) * largest(inverse)).sqrt()
}
