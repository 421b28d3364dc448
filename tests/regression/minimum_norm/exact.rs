//! Least squares of least norm, and with a penalty, in rational arithmetic.

use gradus::LinearFit;
use gradus::nalgebra::DMatrix;
use gradus::regression::Intercept;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

pub(crate) type Rational = BigRational;
pub(crate) type Rows = Vec<Vec<Rational>>;

pub(crate) fn rational(value: f64) -> Rational {
    Rational::from_float(value).unwrap()
}

pub(crate) fn dot<'a>(
    a: impl IntoIterator<Item = &'a Rational>,
    b: impl IntoIterator<Item = &'a Rational>,
) -> Rational {
    a.into_iter().zip(b).fold(Rational::zero(), |sum, (a, b)| sum + a * b)
}

/// Reduces the leading columns to the echelon form, and names those of the pivots.
pub(crate) fn reduce(rows: &mut Rows, columns: usize) -> Vec<usize> {
    let mut pivots = Vec::new();
    for column in 0..columns {
        let Some(found) = (pivots.len()..rows.len()).find(|&row| !rows[row][column].is_zero()) else { continue };
        rows.swap(pivots.len(), found);
        let pivot = rows[pivots.len()].clone();
        let pivot: Vec<Rational> = pivot.iter().map(|entry| entry / &pivot[column]).collect();
        for (place, row) in rows.iter_mut().enumerate() {
            let factor = row[column].clone();
            if place == pivots.len() {
                row.clone_from(&pivot);
            } else if !factor.is_zero() {
                row.iter_mut().zip(&pivot).for_each(|(entry, known)| *entry -= &factor * known);
            }
        }
        pivots.push(column);
    }
    rows.truncate(pivots.len());
    pivots
}

/// The solution of `A x = b` for a matrix that is not singular.
pub(crate) fn solve(a: &Rows, b: &[Rational]) -> Vec<Rational> {
    let mut rows: Rows = a.iter().zip(b).map(|(row, b)| row.iter().cloned().chain([b.clone()]).collect()).collect();
    assert_eq!(reduce(&mut rows, b.len()).len(), b.len());
    rows.into_iter().map(|mut row| row.pop().unwrap()).collect()
}

pub(crate) fn gram(rows: &Rows) -> Rows {
    rows.iter().map(|row| rows.iter().map(|other| dot(row, other)).collect()).collect()
}

/// The least-squares solution of least norm: the intercept, or zero, and the coefficients; and what it predicts.
pub(crate) struct Exact {
    pub(crate) parameters: Vec<Rational>,
    pub(crate) predictions: Vec<Rational>,
    pub(crate) residual: Rational,
    pub(crate) rank: usize,
}

/// Of columns, whole numbers of times each row counts, and maybe a penalty.
pub(crate) fn exact(
    columns: &Rows,
    y: &[Rational],
    weights: &[Rational],
    intercept: Intercept,
    ridge: &Rational,
) -> Exact {
    let total = weights.iter().fold(Rational::zero(), |sum, weight| sum + weight);
    let mean = |values: &[Rational]| match intercept {
        Intercept::Include => dot(values, weights) / &total,
        Intercept::Omit => Rational::zero(),
    };
    let less = |values: &[Rational], mean: &Rational| values.iter().map(|value| value - mean).collect::<Vec<_>>();
    let means: Vec<Rational> = columns.iter().map(|column| mean(column)).collect();
    let centered: Rows = columns.iter().zip(&means).map(|(column, mean)| less(column, mean)).collect();
    let mean_of_y = mean(y);
    let weighted: Vec<Rational> = less(y, &mean_of_y).iter().zip(weights).map(|(y, w)| y * w).collect();
    // Rows that do not count are no rows.
    let mut echelon: Rows = (0..y.len())
        .filter(|&row| !weights[row].is_zero())
        .map(|row| centered.iter().map(|column| column[row].clone()).collect())
        .collect();
    let pivots = reduce(&mut echelon, columns.len());
    let coefficients = if ridge.is_zero() {
        let chosen: Rows = pivots.iter().map(|&pivot| centered[pivot].clone()).collect();
        let times = |column: &Vec<Rational>| column.iter().zip(weights).map(|(x, w)| x * w).collect::<Vec<_>>();
        let products: Rows =
            chosen.iter().map(|column| chosen.iter().map(|other| dot(&times(column), other)).collect()).collect();
        let known: Vec<Rational> = chosen.iter().map(|column| dot(column, &weighted)).collect();
        let along = solve(&gram(&echelon), &solve(&products, &known));
        (0..columns.len()).map(|column| dot(echelon.iter().map(|row| &row[column]), &along)).collect::<Vec<_>>()
    } else {
        let mut products = gram(&centered);
        (0..columns.len()).for_each(|place| products[place][place] += ridge);
        solve(&products, &centered.iter().map(|column| dot(column, &weighted)).collect::<Vec<_>>())
    };
    let constant = mean_of_y - dot(&means, &coefficients);
    let predict = |row: usize| dot(columns.iter().map(|column| &column[row]), &coefficients) + &constant;
    let predictions: Vec<Rational> = (0..y.len()).map(predict).collect();
    let squares = y.iter().zip(&predictions).map(|(y, found)| (y - found) * (y - found)).collect::<Vec<_>>();
    let rank = pivots.len() + usize::from(intercept == Intercept::Include);
    let parameters = [constant].into_iter().chain(coefficients).collect();
    Exact { parameters, predictions, residual: dot(&squares, weights), rank }
}

pub(crate) fn powers(x: &[f64], degree: usize) -> Rows {
    let mut power = vec![Rational::one(); x.len()];
    let next = |_| {
        power.iter_mut().zip(x).for_each(|(power, &x)| *power *= rational(x));
        power.clone()
    };
    (0..degree).map(next).collect()
}

/// Relative, but for zero: 1 for anything else.
pub(crate) fn error(found: f64, exact: &Rational) -> f64 {
    let difference = rational(found) - exact;
    if difference.is_zero() { 0.0 } else { (difference / exact.abs().max(rational(1e-300))).abs().to_f64().unwrap() }
}

#[derive(Debug, Default)]
pub(crate) struct Worst {
    pub(crate) fits: usize,
    pub(crate) converged: usize,
    pub(crate) parameters: f64,
    pub(crate) predictions: f64,
    pub(crate) residuals: f64,
}

impl Worst {
    /// What is said to have converged has its digits.
    pub(crate) fn add(&mut self, fit: &LinearFit<f64>, x: &DMatrix<f64>, exact: &Exact, what: &dyn std::fmt::Debug) {
        self.fits += 1;
        let features = exact.parameters.len() - 1;
        assert_eq!(fit.coefficients().nrows(), features);
        let found = [fit.intercept()[0]].into_iter().chain(fit.coefficients().iter().copied());
        // What is nothing beside the others may be zero.
        let largest = |j: usize| if j == 0 { 1.0 } else { x.column(j - 1).amax() };
        let size = |(j, value): (usize, &Rational)| (value * rational(largest(j))).abs();
        let negligible =
            exact.parameters.iter().enumerate().map(size).fold(Rational::zero(), Rational::max) * rational(1e-26);
        let error_of = |(j, (found, exact)): (usize, (f64, &Rational))| {
            if found == 0.0 && size((j, exact)) <= negligible { 0.0 } else { error(found, exact) }
        };
        let errors: Vec<f64> = found.zip(&exact.parameters).enumerate().map(error_of).collect();
        if !fit.report().converged {
            return;
        }
        self.converged += 1;
        let worst = errors.iter().copied().fold(0.0, f64::max);
        assert!(worst < 1e-12, "{what:?}: {errors:?}, {:?}", fit.report());
        self.parameters = self.parameters.max(worst);
        let predictions = fit.predict(x).unwrap();
        let size = exact.predictions.iter().map(|value| value.to_f64().unwrap().abs()).fold(0.0, f64::max);
        for (&found, exact) in predictions.iter().zip(&exact.predictions) {
            let error = (rational(found) - exact).to_f64().unwrap().abs() / size.max(1e-300);
            assert!(error < 1e-12, "{what:?}: {found} for {exact:?}");
            self.predictions = self.predictions.max(error);
        }
        let statistics = fit.statistics()[0];
        let found = statistics.residual_sum_of_squares.unwrap();
        if statistics.residual_resolved {
            let error = error(found, &exact.residual);
            assert!(error < 1e-11, "{what:?}: {found} for {:?}", exact.residual.to_f64());
            self.residuals = self.residuals.max(error);
        } else {
            let bound = rational(statistics.residual_error_bound.unwrap());
            assert!(exact.residual <= bound, "{what:?}");
        }
    }

    pub(crate) fn say(&self, name: &str, fewest: usize) {
        println!("{name}: {self:?}");
        assert!(self.converged >= fewest, "{name}: {self:?}");
    }
}

pub(crate) fn ones(count: usize) -> Vec<Rational> {
    vec![Rational::one(); count]
}

pub(crate) fn rationals(values: &[f64]) -> Vec<Rational> {
    values.iter().map(|&value| rational(value)).collect()
}

pub(crate) fn columns_of(x: &DMatrix<f64>) -> Rows {
    x.column_iter().map(|column| column.iter().map(|&value| rational(value)).collect()).collect()
}
