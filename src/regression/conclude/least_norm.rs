//! What is said about a solution that has been moved to the least norm.

use super::{adjusted, keeps_digits};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::regression::blocks::Blocks;
use crate::regression::minimum_norm::LeastNorm;
use crate::regression::rank::Dependencies;
use crate::regression::report::tolerance;
use crate::regression::solution::{Solution, Squares};
use crate::regression::units::Units;
use crate::wide::Wide;

/// Of all the solutions that dependent columns leave, that of the least norm, given one.
pub(in crate::regression) fn of_least_norm<T: Real>(
    whole: &Blocks<'_, T>,
    solution: Solution<T>,
    found: &Dependencies<T>,
) -> Result<Solution<T>> {
    let mut least = LeastNorm::new(whole, &solution, found)?;
    let blocks =
        Blocks::in_units(whole.problem(), Units::known(&solution.unknown_exponents, &solution.target_exponents));
    let (tolerance, unknowns) = (tolerance::<T>(), solution.unknowns());
    let mut report = solution.report;
    let rounds = report.converged && !blocks.has_graded_rows();
    let lengths: Vec<f64> = match least.basis() {
        Some(_) => vec![1.0; unknowns],
        None => whole.units.lengths.iter().map(|length| length.to_f64()).collect(),
    };
    let (mut evaluated, mut terms) = (Vec::new(), Vec::new());
    for (parameters, errors) in least.parameters.chunks_exact_mut(unknowns).zip(least.errors.chunks_exact(unknowns)) {
        // What is nothing beside the others, and not told from zero, is zero.
        let sum: f64 = parameters.iter().map(|entry| entry.round().abs().to_f64()).sum();
        let negligible = 512.0 * least.rounding * sum;
        for (parameter, &error) in parameters.iter_mut().zip(errors) {
            if rounds && parameter.round().abs().to_f64() <= error && error <= negligible {
                *parameter = T::Wide::zero();
            } else {
                report.converged &= keeps_digits::<T>(*parameter, error);
            }
        }
        if !parameters.iter().all(|parameter| parameter.round().is_finite()) {
            return Err(Error::Overflow { what: "parameters" });
        }
        let norm = |entries: &mut dyn Iterator<Item = f64>| {
            entries.zip(&lengths).map(|(entry, length)| entry * length).fold(0.0, f64::hypot)
        };
        let size = norm(&mut parameters.iter().map(|entry| entry.round().to_f64()));
        let error = norm(&mut errors.iter().copied());
        let relative = if error == 0.0 { 0.0 } else { error / (size - error).max(0.0) };
        report.error_bound = report.error_bound.max(relative + T::epsilon().to_f64());
    }
    for parameters in least.parameters.chunks_exact(unknowns) {
        let (given, size) = least.in_basis_of(&solution, parameters);
        evaluated.extend(given);
        terms.push(size);
    }
    let (before, after) = (blocks.squares(&solution.parameters), blocks.squares(&evaluated));
    let totals = blocks.totals();
    let mut squares = Vec::new();
    for (target, &terms) in terms.iter().enumerate() {
        let error = least.rounding * terms;
        let root = (blocks.rows() as f64).sqrt() * error;
        // Far from zero the terms of a polynomial cancel, in the end by more than the doubled precision has.
        report.converged &= root <= tolerance * totals[target].whole.round().max(T::zero()).to_f64().sqrt();
        let (moved, error_of_sum) = moved_squares(&solution, target, [before[target], after[target]], root);
        report.converged &= error_of_sum <= 16.0 * tolerance * moved.residual.to_f64();
        squares.push(Squares { reach: moved.reach.map(|reach| reach + T::nearest(error)), ..moved });
    }
    report.standard_errors_refined = false;
    report.standard_error_bound = f64::INFINITY;
    let basis = least.basis().or(solution.basis);
    let LeastNorm { parameters, unknown_exponents, .. } = least;
    Ok(Solution { parameters, unknown_exponents, squares, report, basis, root: None, ..solution })
}

/// The sums of squares of a target, given what parameters leave before and after they are moved, and what rounding
/// makes of the root of that. What has changed but for rounding has a bound of its error.
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
    let change = adjusted::<T>(before - after, more, solution.rank, solution.intercept, solution.degrees_of_freedom());
    let moved = Squares {
        residual: whole,
        residual_error: Some(T::nearest(error)).filter(|error| error.is_finite()),
        residual_resolved: whole.to_f64() > error,
        regression: (T::Wide::widen(squares.regression) - more).round(),
        adjusted: (T::Wide::widen(squares.adjusted) + change).round(),
        ..squares
    };
    (moved, error)
}
