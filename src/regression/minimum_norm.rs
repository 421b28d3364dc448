//! Of all the solutions that dependent columns leave, that of the least sum of squared coefficients.

mod reduced;

use nalgebra::DMatrix;

use super::blocks::Blocks;
use super::factors::wide_matrix::WideMatrix;
use super::polynomial::Basis;
use super::rank::Dependencies;
use super::solution::Solution;
use crate::error::Result;
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

/// A solution moved along the dependencies, which changes no prediction, to the least sum of squared coefficients of
/// the columns as they are given, without that of the intercept.
///
/// The least norm is sought in terms of those columns that make it short: of the largest, so that all others count for
/// little in terms of them. However different their sizes are, that is a well-conditioned problem.
pub(super) struct LeastNorm<T: Real> {
    /// Unknowns × targets, in the units of [`unknown_exponents`](Self::unknown_exponents).
    pub(super) parameters: Vec<T::Wide>,
    /// Bounds of their errors.
    pub(super) errors: Vec<f64>,
    pub(super) unknown_exponents: Vec<i32>,
    /// What the doubled precision may leave of a sum over the columns, as a fraction of its terms.
    pub(super) rounding: f64,
    /// Where the data are not in powers of x.
    powers: Option<About<T, T::Wide>>,
}

impl<T: Real> LeastNorm<T> {
    pub(super) fn new(whole: &Blocks<'_, T>, solution: &Solution<T>, found: &Dependencies<T>) -> Result<Self> {
        let unknowns = solution.unknowns();
        let powers = solution.basis.filter(|basis| !basis.center.is_zero()).map(|basis| {
            let about_zero = basis.about_zero();
            (about_zero, basis.coefficients_of(&about_zero, unknowns))
        });
        let span = Span::new(solution, powers.as_ref(), found);
        let shortest = Shortest::new(&span, solution.intercept.unknowns())?;
        let (unknown_exponents, shifts) = match &powers {
            Some(_) => (vec![solution.unknown_exponents[0]; unknowns], vec![solution.unknown_exponents[0]; unknowns]),
            None => {
                let exponents = solution.unknown_exponents.clone();
                let shifts = exponents.iter().zip(&span.exponents).map(|(unit, exponent)| unit - exponent).collect();
                (exponents, shifts)
            }
        };
        let (mut parameters, mut errors): Bounded<T::Wide> = (Vec::new(), Vec::new());
        for target in 0..solution.targets() {
            let (moved, bounds) = shortest.of_target(&span, solution, target, found, whole);
            for ((parameter, bound), &exponent) in moved.into_iter().zip(bounds).zip(&shifts) {
                let parameter = shift::<T>(parameter, exponent);
                // At the end of the range there are fewer digits.
                let lost = if parameter.round().is_zero() { T::zero() } else { T::min_positive() * T::epsilon() };
                parameters.push(parameter);
                errors.push(scaled(bound, exponent) + lost.to_f64());
            }
        }
        Ok(Self { parameters, errors, unknown_exponents, rounding: span.rounding(), powers })
    }

    /// What the columns are, if it is other than that of the data.
    pub(super) fn basis(&self) -> Option<Basis<T>> {
        self.powers.as_ref().map(|(basis, _)| *basis)
    }

    /// Parameters of a target in the units and the basis of the solution that was moved, and the sum of the sizes of
    /// their terms.
    pub(super) fn in_basis_of(&self, solution: &Solution<T>, parameters: &[T::Wide]) -> (Vec<T::Wide>, f64) {
        let Some((_, columns)) = &self.powers else {
            return (parameters.to_vec(), parameters.iter().map(|entry| entry.round().abs().to_f64()).sum());
        };
        let entry = |power: usize| {
            let exponent = solution.unknown_exponents[power] - self.unknown_exponents[power];
            let terms = || parameters.iter().zip(columns).map(|(&entry, column)| entry * column[power]);
            let sum = terms().fold(T::Wide::zero(), |sum, term| sum + term);
            let size: f64 = terms().map(|term| term.round().abs().to_f64()).sum();
            (shift::<T>(sum, exponent), scaled(size, exponent))
        };
        let (entries, sizes): Bounded<T::Wide> = (0..solution.unknowns()).map(entry).unzip();
        (entries, sizes.iter().sum())
    }
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
struct Shortest<T: Real> {
    first: usize,
    reduced: Reduced<T>,
    /// The Cholesky factor of `N Nᵀ`.
    factor: WideMatrix<T>,
    /// `|(N Nᵀ)⁻¹|`
    inverse: DMatrix<f64>,
    /// Bounds of the error of `N Nᵀ`.
    gram_errors: DMatrix<f64>,
}

impl<T: Real> Shortest<T> {
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
