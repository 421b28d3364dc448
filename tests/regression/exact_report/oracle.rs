//! Everything that a report says, in exact arithmetic on the given data, rounded once at the end.

use gradus::nalgebra::DMatrix;
use num_bigint::BigInt;
use num_traits::Signed;

use super::number::{Number, integers, pi};
use super::problem::{Columns, Matrix, Problem, Rank, condition, dot, gram, inverse, rank, times};
use super::tails::{f_upper_tail, student_quantile, student_two_sided};

/// Below this of its natural scale a number passes for 0 where 0 is right.
const ZERO: f64 = 1e-25;
/// An error below this of the natural scale is none, where a number is small by chance.
const NEGLIGIBLE: f64 = 1e-28;

/// A right value, infinite where it is beyond the range of the type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) value: f64,
    /// What errors are relative to.
    pub(crate) unit: f64,
    /// An error that is always allowed.
    pub(crate) floor: f64,
}

impl Value {
    pub(crate) fn new(value: &Number, scale: &Number) -> Self {
        let part = Number::from_f64(if value.is_zero() { ZERO } else { NEGLIGIBLE });
        let floor = (&part * scale).to_f64() + 8.0 * f64::from_bits(1);
        let value = value.to_f64();
        Self { value, unit: value.abs(), floor }
    }

    pub(crate) fn plain(value: &Number) -> Self {
        Self::new(value, &Number::count(0))
    }

    fn with_unit(self, unit: &Number) -> Self {
        Self { unit: unit.to_f64(), ..self }
    }
}

/// `None` where it is not defined.
pub(crate) type Entry = Option<Value>;

/// Lower and upper ends: places × targets.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    pub(crate) lower: DMatrix<Entry>,
    pub(crate) upper: DMatrix<Entry>,
}

/// What belongs to a target as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    pub(crate) residual_sum_of_squares: Entry,
    pub(crate) residual_standard_deviation: Entry,
    pub(crate) r_squared: Entry,
    pub(crate) adjusted_r_squared: Entry,
    pub(crate) f_statistic: Entry,
    pub(crate) f_p_value: Entry,
    pub(crate) log_likelihood: Entry,
    pub(crate) aic: Entry,
    pub(crate) bic: Entry,
    /// `Σ w y²`, `Σ w (y − ȳ)²`.
    pub(crate) square: f64,
    pub(crate) total: f64,
}

/// The names of the robust standard errors, HC0 first.
pub(crate) const ROBUST: [&str; 4] = ["HC0", "HC1", "HC2", "HC3"];

#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) freedom: usize,
    /// Unknowns × targets.
    pub(crate) parameters: DMatrix<Entry>,
    pub(crate) standard_errors: DMatrix<Entry>,
    pub(crate) t_statistics: DMatrix<Entry>,
    pub(crate) p_values: DMatrix<Entry>,
    pub(crate) intervals: Ends,
    pub(crate) statistics: Vec<Statistics>,
    pub(crate) covariances: Vec<DMatrix<Entry>>,
    /// Observations × targets.
    pub(crate) residuals: DMatrix<Entry>,
    pub(crate) leverages: DMatrix<Entry>,
    pub(crate) cooks_distances: DMatrix<Entry>,
    pub(crate) robust: [DMatrix<Entry>; 4],
    /// Places × targets.
    pub(crate) predictions: DMatrix<Entry>,
    pub(crate) mean_intervals: Ends,
    pub(crate) prediction_intervals: Ends,
    /// `√(xᵀ (XᵀWX)⁻¹ x)` of the unknowns' unit vectors, and of the places.
    pub(crate) unknown_roots: Vec<f64>,
    pub(crate) place_roots: Vec<f64>,
    /// The lengths of the weighted columns.
    pub(crate) lengths: Vec<f64>,
    pub(crate) quantile: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct Exact {
    pub(crate) observations: usize,
    pub(crate) rank: Rank,
    /// Of the weighted design with columns of length 1; of a polynomial, of powers about the middle of its x.
    pub(crate) condition: f64,
    /// `None` without a unique solution.
    pub(crate) report: Option<Report>,
}

impl Exact {
    pub(crate) fn new(problem: &Problem) -> Self {
        let observations = (0..problem.x.nrows()).filter(|&row| problem.weight(row) > 0.0).count();
        let mut exact = Self { observations, rank: rank(problem), condition: f64::INFINITY, report: None };
        let sums = Sums::new(problem, Columns::of_data(problem));
        if let Some(inverse) = inverse(&sums.gram) {
            exact.condition = match problem.polynomial {
                Some(_) => {
                    let centered = Sums::new(problem, Columns::that_decide(problem));
                    self::inverse(&centered.gram).map_or(f64::INFINITY, |inverse| condition(&centered.gram, &inverse))
                }
                None => condition(&sums.gram, &inverse),
            };
            exact.report = Some(super::conclude::report(problem, observations, &sums, &inverse));
        }
        exact
    }
}

/// The data as integers times powers of two, and their sums.
pub(crate) struct Sums {
    pub(crate) columns: Columns,
    pub(crate) weights: Vec<BigInt>,
    pub(crate) weight_exponent: i64,
    pub(crate) gram: Matrix,
}

impl Sums {
    fn new(problem: &Problem, columns: Columns) -> Self {
        let weights: Vec<f64> = (0..problem.x.nrows()).map(|row| problem.weight(row)).collect();
        let (mut weights, mut weight_exponent) = integers(&weights);
        let mut sums = gram(&columns.values, &weights);
        if problem.ridge > 0.0 {
            let (ridge, exponent) = integers(&[problem.ridge]);
            let first = problem.constants();
            let shift = |j: usize| exponent - weight_exponent - 2 * columns.exponents[j];
            let least = (first..columns.values.len()).map(shift).min().unwrap_or(0).min(0);
            weights.iter_mut().for_each(|weight| *weight <<= -least);
            sums.iter_mut().flatten().for_each(|sum| *sum <<= -least);
            for (j, row) in sums.iter_mut().enumerate().skip(first) {
                row[j] += &ridge[0] << (shift(j) - least);
            }
            weight_exponent += least;
        }
        Self { columns, weights, weight_exponent, gram: sums }
    }
}

/// What a target's solution is made of: integers over the determinant.
pub(crate) struct Target {
    /// `y` and its power of two.
    pub(crate) y: Vec<BigInt>,
    pub(crate) exponent: i64,
    /// The parameters, times the determinant.
    pub(crate) parameters: Vec<BigInt>,
    /// `Σ w r²` times the determinant.
    pub(crate) residual: BigInt,
    /// `Σ w (y − ȳ)²` times this.
    pub(crate) total: BigInt,
    pub(crate) total_denominator: BigInt,
    /// `Σ w y²`.
    pub(crate) square: BigInt,
}

impl Target {
    pub(crate) fn new(problem: &Problem, target: usize, sums: &Sums, inverse: &(Matrix, BigInt)) -> Self {
        let (y, exponent) = integers(&problem.y.column(target).iter().copied().collect::<Vec<_>>());
        let weighted = times(&y, &sums.weights);
        let moments: Vec<BigInt> = sums.columns.values.iter().map(|column| dot(column, &weighted)).collect();
        let parameters: Vec<BigInt> = inverse.0.iter().map(|row| dot(row, &moments)).collect();
        let square = dot(&y, &weighted);
        let residual = &square * &inverse.1 - dot(&moments, &parameters);
        let (total, total_denominator) = match problem.constants() {
            1 => {
                let weight: BigInt = sums.weights.iter().sum();
                let sum: BigInt = weighted.iter().sum();
                (&square * &weight - &sum * &sum, weight)
            }
            _ => (square.clone(), BigInt::from(1)),
        };
        Self { y, exponent, parameters, residual, total, total_denominator, square }
    }

    pub(crate) fn statistics(
        &self,
        problem: &Problem,
        observations: usize,
        sums: &Sums,
        determinant: &BigInt,
        log_weights: &Number,
    ) -> Statistics {
        let exponent = sums.weight_exponent + 2 * self.exponent;
        let (n, unknowns, constants) = (observations, problem.unknowns(), problem.constants());
        let freedom = n - unknowns;
        let residual = Number::ratio(&self.residual, determinant, exponent);
        let square = Number::new(self.square.clone(), exponent);
        let has_total = self.total.is_positive();
        let one = Number::count(1);
        // Over the common denominator of both sums of squares.
        let (left, whole) = (&self.residual * &self.total_denominator, &self.total * determinant);
        let explained = &whole - &left;
        let f = (freedom > 0 && unknowns > constants && has_total && self.residual.is_positive())
            .then(|| Number::ratio(&(&explained * freedom), &(&left * (unknowns - constants)), 0));
        let likelihood = (freedom > 0 && self.residual.is_positive()).then(|| {
            let count = Number::count(n);
            let constant = &pi().times_power_of_two(1).ln() + &one;
            let inner = &(&constant - &count.ln()) + &residual.ln();
            let value = (log_weights - &(&count * &inner)).times_power_of_two(-1);
            let parts = &(&constant + &count.ln()) + &residual.ln().abs();
            let size = (&log_weights.abs() + &(&count * &parts)).times_power_of_two(-1);
            (value, size)
        });
        // Two units in the last place of the terms that it is the sum of.
        let with_rounding = |value: &Number, size: &Number| Value {
            floor: (size * &Number::from_f64(4e-16)).to_f64(),
            ..Value::plain(value)
        };
        let criterion = |price: &Number| {
            let (value, size) = likelihood.as_ref()?;
            let cost = price * &Number::count(unknowns + 1);
            let value = &cost - &value.times_power_of_two(1);
            Some(with_rounding(&value, &(&cost + &size.times_power_of_two(1))))
        };
        Statistics {
            residual_sum_of_squares: Some(Value::plain(&residual)),
            residual_standard_deviation: (freedom > 0)
                .then(|| Value::plain(&(&residual / &Number::count(freedom)).sqrt())),
            r_squared: has_total.then(|| Value::new(&Number::ratio(&explained, &whole, 0), &one)),
            adjusted_r_squared: (has_total && freedom > 0).then(|| {
                let value = &whole * freedom - &left * (n - constants);
                Value::new(&Number::ratio(&value, &(&whole * freedom), 0), &one)
            }),
            f_p_value: f.as_ref().map(|f| Value::plain(&f_upper_tail(f, unknowns - constants, freedom))),
            f_statistic: f.map(|f| {
                let scale = Number::ratio(&(&whole * freedom), &(&left * (unknowns - constants)), 0);
                Value::new(&f, &scale)
            }),
            log_likelihood: likelihood.as_ref().map(|(value, size)| with_rounding(value, size)),
            aic: criterion(&Number::count(2)),
            bic: criterion(&Number::count(n).ln()),
            square: square.to_f64(),
            total: Number::ratio(&self.total, &self.total_denominator, exponent).to_f64(),
        }
    }
}

/// `center ± half` with the unit that digits of an end are relative to.
pub(crate) fn ends(center: &Number, half: &Number, scale: &Number) -> [Value; 2] {
    [center - half, center + half].map(|end| {
        let unit = end.abs().larger(half.clone());
        Value::new(&end, scale).with_unit(&unit)
    })
}

/// `t` and its tail, of a parameter and its standard error.
pub(crate) fn test(parameter: &Number, scale: &Number, error: &Number, freedom: usize) -> (Value, Value) {
    let t = parameter / error;
    (Value::new(&t, &(scale / error)), Value::plain(&student_two_sided(&t.square(), freedom)))
}

pub(crate) fn quantile(freedom: usize) -> Number {
    if freedom == 0 { Number::count(0) } else { student_quantile(freedom) }
}

pub(crate) fn entry(value: &Number, scale: &Number) -> Entry {
    Some(Value::new(value, scale))
}
