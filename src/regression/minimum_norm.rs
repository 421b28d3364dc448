//! Of all the solutions that dependent columns leave, that of the least sum of squared coefficients.

mod reduced;

use nalgebra::DMatrix;

use super::blocks::Blocks;
use super::factors::wide_matrix::WideMatrix;
use super::polynomial::Basis;
use super::rank::Dependencies;
use super::report::tolerance;
use super::solution::{Solution, Squares};
use super::units::Units;
use crate::error::{Error, Result};
use crate::linalg::{power_of_two, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;
use reduced::Reduced;

/// All columns in terms of the independent ones: `X = X_I A`.
///
/// In the units of the columns, or of powers of x if the solution is in powers of something else.
struct Span<T: Real> {
    /// `A`
    rows: Vec<Vec<T::Wide>>,
    /// Bounds of the errors of its entries.
    errors: Vec<Vec<f64>>,
    row_exponents: Vec<i32>,
    /// A coefficient of a column as it is given is that of the column here, divided by a power of two of this exponent.
    exponents: Vec<i32>,
}

/// Parameters, and bounds of their errors.
type Bounded<W> = (Vec<W>, Vec<f64>);

/// Powers of x, and the coefficients that each of them has in the basis of the data.
type About<T, W> = (Basis<T>, Vec<Vec<W>>);

/// The same solution moved along the dependencies, which changes no prediction, to the least sum of squared coefficients
/// of the columns as they are given, without that of the intercept.
///
/// The least norm is sought in terms of those columns that make it short: of the largest, so that all others count for
/// little in terms of them. However different their sizes are, that is a well-conditioned problem.
pub(super) fn with_least_norm<T: Real>(
    whole: &Blocks<'_, T>,
    solution: Solution<T>,
    found: &Dependencies<T>,
) -> Result<Solution<T>> {
    let unknowns = solution.unknowns();
    let powers = solution.basis.filter(|basis| !basis.center.is_zero()).map(|basis| {
        let about_zero = basis.about_zero();
        (about_zero, basis.coefficients_of(&about_zero, unknowns))
    });
    let span = Span::new(&solution, powers.as_ref(), found);
    let least = LeastNorm::new(&span, solution.intercept.unknowns())?;
    let blocks =
        Blocks::in_units(whole.problem(), Units::known(&solution.unknown_exponents, &solution.target_exponents));
    let (unknown_exponents, shifts): (Vec<i32>, Vec<i32>) = match &powers {
        Some(_) => (vec![solution.unknown_exponents[0]; unknowns], vec![solution.unknown_exponents[0]; unknowns]),
        None => {
            let exponents = solution.unknown_exponents.clone();
            let shifts = exponents.iter().zip(&span.exponents).map(|(unit, exponent)| unit - exponent).collect();
            (exponents, shifts)
        }
    };
    let mut report = solution.report;
    let tolerance = tolerance::<T>();
    let rounds = report.converged && !blocks.has_graded_rows();
    let (mut parameters, mut evaluated, mut terms) = (Vec::new(), Vec::new(), Vec::new());
    for target in 0..solution.targets() {
        let (mut moved, mut errors): Bounded<T::Wide> = least.of_target(&span, &solution, target, found, whole);
        for ((parameter, error), &exponent) in moved.iter_mut().zip(&mut errors).zip(&shifts) {
            (*parameter, *error) = (shift::<T>(*parameter, exponent), scaled(*error, exponent));
            if !parameter.round().is_zero() {
                // At the end of the range there are fewer digits.
                *error += (T::min_positive() * T::epsilon()).to_f64();
            }
        }
        // What is nothing beside the others, and not told from zero, is zero.
        let negligible = 512.0 * span.rounding() * moved.iter().map(|entry| entry.round().abs().to_f64()).sum::<f64>();
        for (parameter, &error) in moved.iter_mut().zip(&errors) {
            let size = parameter.round().abs().to_f64();
            if rounds && size <= error && error <= negligible {
                *parameter = T::Wide::zero();
            } else {
                report.converged &= error <= tolerance * size;
            }
        }
        if !moved.iter().all(|parameter| parameter.round().is_finite()) {
            return Err(Error::Overflow { what: "parameters" });
        }
        let norm = |entries: &mut dyn Iterator<Item = f64>| entries.fold(0.0_f64, f64::hypot);
        let length = |place: usize| if powers.is_some() { 1.0 } else { whole.units.lengths[place].to_f64() };
        let size = norm(&mut moved.iter().enumerate().map(|(place, entry)| entry.round().to_f64() * length(place)));
        let error = norm(&mut errors.iter().enumerate().map(|(place, error)| error * length(place)));
        let relative = if error == 0.0 { 0.0 } else { error / (size - error).max(0.0) };
        report.error_bound = report.error_bound.max(relative + T::epsilon().to_f64());
        // In the basis that the data are in.
        let (given, sizes): (Vec<T::Wide>, Vec<f64>) = match &powers {
            None => (moved.clone(), moved.iter().map(|entry| entry.round().abs().to_f64()).collect()),
            Some((_, columns)) => {
                let entry = |power: usize| {
                    let exponent = solution.unknown_exponents[power] - unknown_exponents[power];
                    let terms = || moved.iter().zip(columns).map(|(&entry, column)| entry * column[power]);
                    let sum = terms().fold(T::Wide::zero(), |sum, term| sum + term);
                    let size = terms().map(|term| term.round().abs().to_f64()).sum();
                    (shift::<T>(sum, exponent), scaled(size, exponent))
                };
                (0..unknowns).map(entry).unzip()
            }
        };
        terms.push(sizes.iter().sum::<f64>());
        evaluated.extend(given);
        parameters.extend(moved);
    }
    let (before, after) = (blocks.squares(&solution.parameters), blocks.squares(&evaluated));
    let totals = blocks.totals();
    let mut squares = Vec::new();
    for (target, &terms) in terms.iter().enumerate() {
        let error = span.rounding() * terms;
        let root = (blocks.rows() as f64).sqrt() * error;
        // Far from zero the terms of a polynomial cancel, in the end by more than the doubled precision has.
        report.converged &= root <= tolerance * totals[target].whole.round().max(T::zero()).to_f64().sqrt();
        let (moved, error_of_sum) = moved_squares(&solution, target, [before[target], after[target]], root);
        report.converged &= error_of_sum <= 16.0 * tolerance * moved.residual.to_f64();
        squares.push(Squares { reach: moved.reach.map(|reach| reach + T::nearest(error)), ..moved });
    }
    report.standard_errors_refined = false;
    report.standard_error_bound = f64::INFINITY;
    let basis = powers.map(|(basis, _)| basis).or(solution.basis);
    Ok(Solution { parameters, unknown_exponents, squares, report, basis, root: None, ..solution })
}

/// The sums of squares of a target, given what parameters leave before and after they are moved, and what rounding makes of
/// the root of that. What has changed but for rounding has a bound of its error.
fn moved_squares<T: Real>(
    solution: &Solution<T>,
    target: usize,
    [before, after]: [T::Wide; 2],
    root: f64,
) -> (Squares<T>, f64) {
    let squares = solution.squares[target];
    let whole = after.round().max(T::zero());
    let rounding = 2.0 * whole.to_f64().sqrt() * root + root * root;
    let error = squares.residual_error.map_or(f64::INFINITY, |error| error.to_f64()) + rounding;
    let more = after - before;
    // Nothing changes where dependencies are exact.
    if more.round().abs().to_f64() <= error.max(T::epsilon().to_f64() / 4.0 * squares.residual.to_f64()) {
        return (squares, 0.0);
    }
    let explaining = solution.rank.map_or(0, |rank| rank.saturating_sub(solution.intercept.unknowns()));
    let freedom = solution.degrees_of_freedom().filter(|&freedom| freedom > 0);
    let adjusted = freedom.map_or(T::zero(), |freedom| {
        let [explaining, freedom] = [explaining, freedom].map(|count| T::Wide::widen(T::from_count(count)));
        (T::Wide::widen(squares.adjusted) - more - more * explaining / freedom).round()
    });
    let moved = Squares {
        residual: whole,
        residual_error: Some(T::nearest(error)).filter(|error| error.is_finite()),
        residual_resolved: whole.to_f64() > error,
        regression: (T::Wide::widen(squares.regression) - more).round(),
        adjusted,
        ..squares
    };
    (moved, error)
}

/// `x 2^e`
fn shift<T: Real>(x: T::Wide, exponent: i32) -> T::Wide {
    if x.round().is_zero() { x } else { power_of_two::<T>(exponent).into_iter().fold(x, Wide::scale) }
}

/// `x 2^e`
fn scaled(x: f64, exponent: i32) -> f64 {
    times_power_of_two(x, exponent)
}

fn magnitudes<T: Real>(rows: &[Vec<T::Wide>], columns: usize) -> DMatrix<f64> {
    DMatrix::from_fn(rows.len(), columns, |i, j| rows[i][j].round().abs().to_f64())
}

impl<T: Real> Span<T> {
    fn new(solution: &Solution<T>, powers: Option<&About<T, T::Wide>>, found: &Dependencies<T>) -> Self {
        let unknowns = solution.unknowns();
        let independent = &found.independent;
        let mut exponents = vec![0; unknowns];
        let dependent = || (0..unknowns).filter(|unknown| !independent.contains(unknown)).zip(&found.combinations);
        dependent().for_each(|(unknown, combination)| {
            exponents[unknown] = combination.exponent;
            let places = independent.iter().zip(&combination.exponents);
            places.for_each(|(&place, &exponent)| exponents[place] = exponent);
        });
        let row_exponents = independent.iter().map(|&place| exponents[place]).collect();
        let mut span = Self { rows: Vec::new(), errors: Vec::new(), row_exponents, exponents };
        let rounding = span.rounding();
        for (k, &place) in independent.iter().enumerate() {
            let (mut row, mut errors) = (vec![T::Wide::zero(); unknowns], vec![0.0; unknowns]);
            (row[place], errors[place]) = (T::Wide::widen(T::one()), rounding);
            for (unknown, combination) in dependent() {
                let coefficient = combination.coefficients[k];
                row[unknown] = coefficient;
                errors[unknown] = combination.errors[k] + rounding * coefficient.round().abs().to_f64();
            }
            if let Some((_, columns)) = powers {
                // Of coefficients of powers of x to those of t, in their units.
                let product = |column: &Vec<T::Wide>| {
                    let coefficients =
                        column.iter().zip(&span.exponents).map(|(&entry, &unit)| shift::<T>(entry, unit));
                    coefficients.zip(row.iter().zip(&errors)).fold(
                        (T::Wide::zero(), 0.0),
                        |sum, (power, (&entry, error))| {
                            let error =
                                (error + rounding * entry.round().abs().to_f64()) * power.round().abs().to_f64();
                            (sum.0 + power * entry, sum.1 + error)
                        },
                    )
                };
                (row, errors) = columns.iter().map(product).unzip();
            }
            span.rows.push(row);
            span.errors.push(errors);
        }
        if let Some((basis, _)) = powers {
            span.exponents = basis.exponents(solution.intercept, unknowns);
        }
        span
    }

    /// What the doubled precision may leave of a sum of as many terms as there are columns, as a fraction of them.
    fn rounding(&self) -> f64 {
        (T::epsilon() * T::epsilon()).to_f64() * 16.0 * self.exponents.len() as f64
    }
}

/// How the least norm is found, for any target.
struct LeastNorm<T: Real> {
    first: usize,
    reduced: Reduced<T>,
    /// The Cholesky factor of `N Nᵀ`.
    factor: WideMatrix<T>,
    /// `|(N Nᵀ)⁻¹|`
    inverse: DMatrix<f64>,
    /// Bounds of the error of `N Nᵀ`.
    gram_errors: DMatrix<f64>,
}

impl<T: Real> LeastNorm<T> {
    fn new(span: &Span<T>, first: usize) -> Result<Self> {
        let reduced = Reduced::new(span, first)?;
        let count = reduced.rows.len();
        let mut factor = WideMatrix::zeros("products of dependencies", count)?;
        for (j, other) in reduced.rows.iter().enumerate() {
            for (i, row) in reduced.rows.iter().enumerate().skip(j) {
                factor[(i, j)] = T::Wide::zero().add_dot(row, other);
            }
        }
        factor.factor(count, |_, _, _| false);
        let root: Vec<T::Wide> = if count == 0 { Vec::new() } else { factor.inverse_root(count) };
        let root = DMatrix::from_iterator(count, count, root.iter().map(|entry| entry.round().to_f64()));
        let sizes = magnitudes::<T>(&reduced.rows, span.exponents.len() - first);
        let half = &reduced.errors * sizes.transpose();
        Ok(Self {
            first,
            factor,
            inverse: (&root * root.transpose()).abs(),
            gram_errors: &half + half.transpose(),
            reduced,
        })
    }

    /// In the units of the columns of the span.
    fn of_target(
        &self,
        span: &Span<T>,
        solution: &Solution<T>,
        target: usize,
        found: &Dependencies<T>,
        whole: &Blocks<'_, T>,
    ) -> Bounded<T::Wide> {
        let given = solution.parameters(target);
        let spread = spread_errors(solution, target, found, whole);
        let places = found.independent.iter().zip(&span.row_exponents);
        // In the units of the rows of the span.
        let (known, errors): Bounded<T::Wide> = places
            .map(|(&place, exponent)| {
                let exponent = exponent - solution.unknown_exponents[place];
                (shift::<T>(given[place], exponent), scaled(spread[place], exponent))
            })
            .unzip();
        let (chosen, chosen_errors) =
            self.reduced.in_chosen(&known[self.first..], &errors[self.first..], span.rounding());
        let (weights, weight_errors) = self.solved(&chosen, chosen_errors);
        let exponents = &span.exponents[self.first..];
        let scale = |row: usize, column: usize| exponents[column] - exponents[self.reduced.chosen[row]];
        let parameter = |column: usize| {
            let rows = 0..weights.len();
            let sum = rows.clone().fold(T::Wide::zero(), |sum, row| {
                sum + shift::<T>(self.reduced.rows[row][column] * weights[row], scale(row, column))
            });
            let error = |row: usize| {
                let size = self.reduced.rows[row][column].round().abs().to_f64();
                let part = self.reduced.errors[(row, column)] * weights[row].round().abs().to_f64();
                scaled(part + size * weight_errors[row], scale(row, column))
            };
            (sum, rows.map(error).sum::<f64>())
        };
        let (mut parameters, mut bounds): Bounded<T::Wide> = (0..exponents.len()).map(parameter).unzip();
        if self.first == 1 {
            let (mut constant, mut bound) = (known[0], errors[0]);
            for (place, (&parameter, error)) in parameters.iter().zip(&bounds).enumerate() {
                constant -= span.rows[0][1 + place] * parameter;
                bound += span.rows[0][1 + place].round().abs().to_f64() * error
                    + span.errors[0][1 + place] * parameter.round().abs().to_f64();
            }
            parameters.insert(0, constant);
            bounds.insert(0, bound);
        }
        (parameters, bounds)
    }

    /// `(N Nᵀ)⁻¹ b`, each entry in the unit of its chosen column: the factor is that for the columns as they are given.
    fn solved(&self, b: &[T::Wide], mut errors: Vec<f64>) -> Bounded<T::Wide> {
        let count = b.len();
        let (factor, between) = (&self.factor, |row, other| self.reduced.between(row, other));
        let mut solved = b.to_vec();
        for k in 0..count {
            for i in 0..k {
                let known = shift::<T>(factor[(k, i)] * solved[i], between(k, i));
                solved[k] -= known;
            }
            solved[k] = solved[k] / factor[(k, k)];
        }
        for k in (0..count).rev() {
            for i in k + 1..count {
                let known = shift::<T>(factor[(i, k)] * solved[i], between(k, i));
                solved[k] -= known;
            }
            solved[k] = solved[k] / factor[(k, k)];
        }
        let sizes: Vec<f64> = solved.iter().map(|entry| entry.round().abs().to_f64()).collect();
        for (k, error) in errors.iter_mut().enumerate() {
            *error += (0..count).map(|i| scaled(self.gram_errors[(k, i)] * sizes[i], between(k, i))).sum::<f64>();
        }
        let error = |k: usize| (0..count).map(|i| scaled(self.inverse[(k, i)] * errors[i], between(k, i))).sum();
        (solved, (0..count).map(error).collect())
    }
}

/// Bounds of the errors of the parameters of the independent columns, in the units of the solution.
fn spread_errors<T: Real>(
    solution: &Solution<T>,
    target: usize,
    found: &Dependencies<T>,
    whole: &Blocks<'_, T>,
) -> Vec<f64> {
    let reach = solution.squares[target].reach.map_or(f64::INFINITY, T::to_f64);
    if let Some(root) = solution.root.as_ref().filter(|root| root.is_refined) {
        return root.lengths.iter().map(|length| length.to_f64() * reach).collect();
    }
    // A bound of the norm, for columns of length 1.
    let relative = (solution.report.error_bound - T::epsilon().to_f64()).max(0.0);
    let lengths = &whole.units.lengths;
    let sizes = solution.parameters(target).iter().zip(lengths);
    let size = sizes.map(|(entry, &length)| (entry.round() * length).to_f64()).fold(0.0, f64::hypot);
    let mut errors = vec![0.0; solution.unknowns()];
    found.independent.iter().for_each(|&place| errors[place] = relative * size / lengths[place].to_f64());
    errors
}
