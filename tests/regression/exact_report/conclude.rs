//! From the exact solution to what is said of parameters, observations and places.

use gradus::nalgebra::DMatrix;
use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use super::number::Number;
use super::oracle::{Ends, Entry, Report, Sums, Target, Value, ends, entry, quantile, test};
use super::problem::{Columns, Matrix, Problem, dot};

/// A solved problem, with what many statistics have in common.
struct Solved<'a> {
    problem: &'a Problem,
    sums: &'a Sums,
    adjugate: &'a Matrix,
    determinant: &'a BigInt,
    targets: Vec<Target>,
    observations: usize,
    freedom: usize,
    quantile: Number,
    /// `√[(XᵀWX)⁻¹]ⱼⱼ`.
    roots: Vec<Number>,
    /// s and √(Σ w y²) of each target.
    deviations: Vec<Number>,
    sizes: Vec<Number>,
    /// Unknowns × targets.
    parameters: DMatrix<Number>,
}

pub(crate) fn report(problem: &Problem, observations: usize, sums: &Sums, inverse: &(Matrix, BigInt)) -> Report {
    let (adjugate, determinant) = inverse;
    let unknowns = problem.unknowns();
    let freedom = observations.saturating_sub(unknowns);
    let targets: Vec<Target> =
        (0..problem.y.ncols()).map(|target| Target::new(problem, target, sums, inverse)).collect();
    let exponents = &sums.columns.exponents;
    let roots = (0..unknowns)
        .map(|j| Number::ratio(&adjugate[j][j], determinant, -sums.weight_exponent - 2 * exponents[j]).sqrt());
    let scale = |target: &Target| sums.weight_exponent + 2 * target.exponent;
    let deviation = |target: &Target| {
        let square = Number::ratio(&target.residual, determinant, scale(target));
        (&square / &Number::count(freedom.max(1))).sqrt()
    };
    let size = |target: &Target| Number::new(target.square.clone(), scale(target)).sqrt();
    let parameters = DMatrix::from_fn(unknowns, targets.len(), |j, target| {
        let target = &targets[target];
        Number::ratio(&target.parameters[j], determinant, target.exponent - exponents[j])
    });
    let solved = Solved {
        problem,
        sums,
        adjugate,
        determinant,
        observations,
        freedom,
        quantile: quantile(freedom),
        roots: roots.collect(),
        deviations: targets.iter().map(deviation).collect(),
        sizes: targets.iter().map(size).collect(),
        parameters,
        targets,
    };
    solved.report()
}

impl Solved<'_> {
    fn report(&self) -> Report {
        let problem = self.problem;
        let (unknowns, targets) = self.parameters.shape();
        let terms: Vec<Number> = (0..targets)
            .map(|target| {
                let parts = (0..unknowns).map(|j| (&self.parameters[(j, target)] * &self.length(j)).abs());
                parts.fold(Number::count(0), |sum, part| &sum + &part)
            })
            .collect();
        // What a relative error of the data does to a parameter, to first order. Of a penalty nothing but the parameters is judged, and their scale knows of it.
        let scale = |j: usize, target: usize| match problem.ridge > 0.0 {
            true => &(&self.roots[j].square() * &self.length(j)) * &self.sizes[target],
            false => &self.roots[j] * &(&self.sizes[target] + &terms[target]),
        };
        let table = |value: &dyn Fn(usize, usize) -> Entry| DMatrix::from_fn(unknowns, targets, value);
        let error = |j: usize, target: usize| &self.deviations[target] * &self.roots[j];
        let is_free = self.freedom > 0 && problem.ridge == 0.0;
        let tests = DMatrix::from_fn(unknowns, targets, |j, target| {
            (is_free && self.deviations[target].is_positive())
                .then(|| test(&self.parameters[(j, target)], &scale(j, target), &error(j, target), self.freedom))
        });
        let intervals = |end: usize| {
            table(&|j, target| {
                let half = &self.quantile * &error(j, target);
                is_free.then(|| ends(&self.parameters[(j, target)], &half, &scale(j, target))[end])
            })
        };
        let log_weights = match problem.weights {
            Some(_) => (0..problem.x.nrows())
                .map(|row| problem.weight(row))
                .filter(|&weight| weight > 0.0)
                .fold(Number::count(1), |product, weight| &product * &Number::from_f64(weight))
                .ln(),
            None => Number::count(0),
        };
        let statistics = match problem.ridge > 0.0 {
            true => Vec::new(),
            false => (self.targets.iter())
                .map(|target| target.statistics(problem, self.observations, self.sums, self.determinant, &log_weights))
                .collect(),
        };
        let covariances = (0..targets).filter(|_| is_free).map(|target| {
            let variance = self.deviations[target].square();
            DMatrix::from_fn(unknowns, unknowns, |i, j| {
                let exponents = &self.sums.columns.exponents;
                let exponent = -self.sums.weight_exponent - exponents[i] - exponents[j];
                let inverse = Number::ratio(&self.adjugate[i][j], self.determinant, exponent);
                entry(&(&variance * &inverse), &(&error(i, target) * &error(j, target)))
            })
        });
        let places = self.places();
        let (leverages, observed) = self.observations(&scale);
        Report {
            freedom: self.freedom,
            parameters: table(&|j, target| entry(&self.parameters[(j, target)], &scale(j, target))),
            standard_errors: table(&|j, target| is_free.then(|| Value::plain(&error(j, target)))),
            t_statistics: tests.map(|test| test.map(|(t, _)| t)),
            p_values: tests.map(|test| test.map(|(_, p)| p)),
            intervals: Ends { lower: intervals(0), upper: intervals(1) },
            statistics,
            covariances: covariances.collect(),
            residuals: observed.residuals,
            leverages,
            cooks_distances: observed.cooks_distances,
            robust: observed.robust,
            predictions: places.predictions,
            mean_intervals: places.mean,
            prediction_intervals: places.prediction,
            unknown_roots: self.roots.iter().map(Number::to_f64).collect(),
            place_roots: places.roots,
            lengths: (0..unknowns).map(|j| self.length(j).to_f64()).collect(),
            quantile: self.quantile.to_f64(),
        }
    }

    /// The length of a weighted column.
    fn length(&self, unknown: usize) -> Number {
        let column = &self.sums.columns.values[unknown];
        let square = column.iter().zip(&self.sums.weights).fold(BigInt::zero(), |sum, (x, w)| sum + x * x * w);
        Number::new(square, self.sums.weight_exponent + 2 * self.sums.columns.exponents[unknown]).sqrt()
    }

    fn observations(&self, scale: &dyn Fn(usize, usize) -> Number) -> (DMatrix<Entry>, Observed) {
        let (rows, targets, unknowns) = (self.problem.x.nrows(), self.targets.len(), self.problem.unknowns());
        let (columns, exponents) = (&self.sums.columns.values, &self.sums.columns.exponents);
        let one = Number::count(1);
        let mut leverages = DMatrix::from_element(rows, 1, None);
        let mut residuals = DMatrix::from_element(rows, targets, None);
        let mut cooks_distances = DMatrix::from_element(rows, targets, None);
        let mut robust = [0; 4].map(|_| DMatrix::from_element(unknowns, targets, Some(Number::count(0))));
        for row in 0..rows {
            let z: Vec<BigInt> = columns.iter().map(|column| column[row].clone()).collect();
            let solved: Vec<BigInt> = self.adjugate.iter().map(|adjugate| dot(adjugate, &z)).collect();
            let weight = &self.sums.weights[row];
            let leverage = dot(&solved, &z) * weight;
            let rest = Number::ratio(&(self.determinant - &leverage), self.determinant, 0);
            let leverage = Number::ratio(&leverage, self.determinant, 0);
            leverages[(row, 0)] = entry(&leverage, &one);
            // What the observation's target contributes to each parameter.
            let contributions: Vec<Number> = solved
                .iter()
                .zip(exponents)
                .map(|(solved, exponent)| Number::ratio(&(solved * weight), self.determinant, -exponent))
                .collect();
            let true_weight = Number::new(weight.clone(), self.sums.weight_exponent);
            for (index, target) in self.targets.iter().enumerate() {
                let residual = &target.y[row] * self.determinant - dot(&z, &target.parameters);
                let residual = Number::ratio(&residual, self.determinant, target.exponent);
                let terms = z.iter().zip(&target.parameters).fold(BigInt::zero(), |sum, (z, b)| sum + (z * b).abs());
                let terms = &target.y[row].abs() * self.determinant + terms;
                let size = Number::ratio(&terms, self.determinant, target.exponent);
                residuals[(row, index)] = entry(&residual, &size);
                let deviation = &self.deviations[index];
                if self.freedom > 0 && deviation.is_positive() && rest.is_positive() {
                    let parts = &(deviation * &rest).square() * &Number::count(unknowns);
                    let factor = &(&true_weight * &leverage) / &parts;
                    // A residual that passes for 0 makes a distance that does.
                    let scale = &(&factor * &size.square()) * &Number::from_f64(1e-25);
                    cooks_distances[(row, index)] = entry(&(&factor * &residual.square()), &scale);
                }
                for (j, contribution) in contributions.iter().enumerate().filter(|(_, part)| !part.is_zero()) {
                    let part = (contribution * &residual).square();
                    for (power, robust) in robust.iter_mut().enumerate() {
                        let sum = &mut robust[(j, index)];
                        let part = match power {
                            0 | 1 => Some(part.clone()),
                            // Of an observation that alone decides the parameter.
                            _ if !rest.is_positive() => None,
                            2 => Some(&part / &rest),
                            _ => Some(&part / &rest.square()),
                        };
                        *sum = sum.take().zip(part).map(|(sum, part)| &sum + &part);
                    }
                }
            }
        }
        let mut power = 0;
        let robust = robust.map(|sums| {
            let inflation = match power {
                1 => Number::ratio(&BigInt::from(self.observations), &BigInt::from(self.freedom.max(1)), 0),
                _ => one.clone(),
            };
            let is_defined = power != 1 || self.freedom > 0;
            power += 1;
            DMatrix::from_fn(unknowns, targets, |j, target| {
                let sum = sums[(j, target)].as_ref().filter(|_| is_defined)?;
                entry(&(sum * &inflation).sqrt(), &scale(j, target))
            })
        });
        (leverages, Observed { residuals, cooks_distances, robust })
    }

    fn places(&self) -> Places {
        let rows = self.problem.places();
        let columns = Columns::new(self.problem, &rows);
        let (count, targets) = (rows.nrows(), self.targets.len());
        let empty = || DMatrix::from_element(count, targets, None);
        let new_ends = || Ends { lower: empty(), upper: empty() };
        let mut places =
            Places { predictions: empty(), mean: new_ends(), prediction: new_ends(), roots: Vec::with_capacity(count) };
        for row in 0..count {
            // In the units of the data's columns, and of the least power of two among these.
            let shifts: Vec<i64> =
                columns.exponents.iter().zip(&self.sums.columns.exponents).map(|(new, old)| new - old).collect();
            let least = shifts.iter().copied().min().unwrap_or(0);
            let z: Vec<BigInt> =
                columns.values.iter().zip(&shifts).map(|(column, shift)| &column[row] << (shift - least)).collect();
            let solved: Vec<BigInt> = self.adjugate.iter().map(|adjugate| dot(adjugate, &z)).collect();
            let exponent = 2 * least - self.sums.weight_exponent;
            let square = Number::ratio(&dot(&solved, &z), self.determinant, exponent);
            let root = square.sqrt();
            for (index, target) in self.targets.iter().enumerate() {
                let exponent = target.exponent + least;
                let center = Number::ratio(&dot(&z, &target.parameters), self.determinant, exponent);
                let terms = z.iter().zip(&target.parameters).fold(BigInt::zero(), |sum, (z, b)| sum + (z * b).abs());
                let scale = &Number::ratio(&terms, self.determinant, exponent) + &(&root * &self.sizes[index]);
                places.predictions[(row, index)] = entry(&center, &scale);
                if self.freedom == 0 {
                    continue;
                }
                let spread = &self.quantile * &self.deviations[index];
                let new = (&square + &Number::count(1)).sqrt();
                for (ends_of, root) in [(&mut places.mean, &root), (&mut places.prediction, &new)] {
                    let [lower, upper] = ends(&center, &(&spread * root), &scale);
                    ends_of.lower[(row, index)] = Some(lower);
                    ends_of.upper[(row, index)] = Some(upper);
                }
            }
            places.roots.push(root.to_f64());
        }
        places
    }
}

struct Observed {
    residuals: DMatrix<Entry>,
    cooks_distances: DMatrix<Entry>,
    robust: [DMatrix<Entry>; 4],
}

struct Places {
    predictions: DMatrix<Entry>,
    mean: Ends,
    prediction: Ends,
    roots: Vec<f64>,
}
