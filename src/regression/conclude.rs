//! Everything that is said about a solution, for every solver.

mod least_norm;

use super::blocks::{Blocks, MOST_ROWS, Total};
use super::factors::root::Root;
use super::problem::Intercept;
use super::refine::{Known, Refined, scaled_length};
use super::report::{RegressionReport, Solver, tolerance};
use super::solution::{Solution, Squares};
use crate::linalg;
use crate::real::Real;
use crate::wide::Wide;

pub(super) use least_norm::of_least_norm;

/// Below this fraction of the total, what a regression explains is not a difference of sums.
const CANCELLED: f64 = 1e-8;

/// A solution as a solver found it.
pub(super) struct Found<T: Real> {
    pub(super) solver: Solver,
    pub(super) intercept: Intercept,
    pub(super) observations: usize,
    pub(super) log_weights: f64,
    pub(super) unknown_exponents: Vec<i32>,
    pub(super) target_exponents: Vec<i32>,
    /// Of the columns.
    pub(super) lengths: Vec<T>,
    pub(super) condition: f64,
    /// None with a penalty.
    pub(super) rank: Option<usize>,
    pub(super) root: Option<Root<T>>,
    /// Unknowns × targets.
    pub(super) parameters: Vec<T::Wide>,
    pub(super) targets: Vec<FoundTarget<T>>,
    pub(super) steps: usize,
    /// Whether the solution was corrected until nothing changed.
    pub(super) is_refined: bool,
}

/// What was found of a target: sums of squares, each with a bound of its error.
pub(super) struct FoundTarget<T: Real> {
    pub(super) residual: (T::Wide, f64),
    pub(super) total: (T::Wide, f64),
    pub(super) regression: (T::Wide, f64),
    /// The error of the parameters: `Mⱼ` times the first, `M` with `M Mᵀ = (XᵀWX + Λ)⁻¹`, and the second over the
    /// length of the column.
    pub(super) reach: f64,
    pub(super) left: f64,
    /// The smallest term of each parameter, where that has been asked for.
    pub(super) least_terms: Vec<f64>,
}

/// The rounding of sums in twice the working precision over these rows.
pub(super) fn rounding<T: Real>(rows: usize, unknowns: usize) -> f64 {
    (T::epsilon() * T::epsilon()).to_f64() * (unknowns as f64 + 4.0 + rows as f64 / 16.0)
}

/// What is found of data in memory.
pub(super) fn of_data<T: Real>(
    known: &Known<'_, '_, T>,
    solver: Solver,
    refined: Refined<T>,
    root: Option<Root<T>>,
    is_refined: bool,
) -> Solution<T> {
    let (blocks, units) = (known.blocks, &known.blocks.units);
    let (unknowns, penalized) = (blocks.unknowns(), blocks.units.is_penalized());
    let rounding = rounding::<T>(blocks.rows().min(MOST_ROWS), unknowns);
    let condition = known.condition;
    let root = root.map(|root| root.with_error_of(rounding * condition));
    let mut parameters = refined.parameters;
    let mut targets = Vec::new();
    for (target, parameters) in parameters.chunks_exact_mut(unknowns).enumerate() {
        let residual = refined.squares[target];
        let deviation = residual.round().max(T::zero()).to_f64().sqrt();
        let length = known.length(target);
        let terms = length + scaled_sum(parameters, &units.lengths);
        let vector_error = self::rounding::<T>(0, unknowns) * terms;
        let left = refined.left[target];
        // With a penalty the residuals are not orthogonal to what the parameters are off.
        let pull = linalg::norm(&pulls(parameters, &units.penalties)).to_f64();
        let floor = known.floor(target, scaled_length(parameters, &units.lengths), residual);
        let residual_error = 2.0 * (deviation * vector_error + pull * (left + floor))
            + vector_error * vector_error
            + rounding * deviation * deviation
            + left * left * unknowns as f64
            + refined.squares_error * terms * terms;
        let reach = floor / condition + units.data_part() * vector_error;
        let mut found = FoundTarget {
            residual: (residual, residual_error),
            total: with_error::<T>(known.totals[target].total, rounding * length),
            regression: (T::Wide::zero(), 0.0),
            reach,
            left,
            least_terms: Vec::new(),
        };
        // Bounds of norms say nothing of what light rows or penalized columns alone decide.
        let is_accurate = condition * found.reach + left <= T::epsilon().to_f64() * terms;
        if is_accurate && is_refined && refined.has_settled && !penalized && !blocks.has_graded_rows() {
            let errors = found.errors(root.as_ref(), &units.lengths, condition);
            if !parameters.iter().zip(&errors).all(|(&parameter, &error)| keeps_digits::<T>(parameter, error)) {
                found.least_terms = least_terms(blocks, target, root.as_ref());
            }
            for ((parameter, error), &length) in parameters.iter_mut().zip(errors).zip(&units.lengths) {
                let size = parameter.round().abs();
                // Rounding does not tell it from zero. The others do not follow.
                if size.to_f64() <= error {
                    *parameter = T::Wide::zero();
                    found.reach += (size * length).to_f64();
                }
            }
        }
        let regression = regression(blocks, &found, parameters, &known.totals[target], penalized);
        targets.push(FoundTarget { regression, ..found });
    }
    conclude(Found {
        solver,
        intercept: blocks.intercept(),
        observations: blocks.observations,
        log_weights: blocks.log_weights(),
        unknown_exponents: units.unknowns.clone(),
        target_exponents: units.targets.clone(),
        lengths: units.lengths.clone(),
        condition,
        rank: (!penalized).then_some(unknowns),
        root,
        parameters,
        targets,
        steps: refined.steps,
        is_refined: is_refined && refined.has_settled,
    })
}

/// `√Λ b`
fn pulls<T: Real>(parameters: &[T::Wide], penalties: &[T]) -> Vec<T> {
    parameters.iter().zip(penalties).map(|(b, penalty)| b.round() * penalty.sqrt()).collect()
}

/// The smallest of the terms `(XᵀWX)⁻¹ⱼⱼ xᵢⱼ yᵢ` that are not zero, for each unknown: where the error of a parameter is
/// nothing beside it, no row has been lost in rounding.
fn least_terms<T: Real>(blocks: &Blocks<'_, T>, target: usize, root: Option<&Root<T>>) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; blocks.unknowns()];
    blocks.for_each(&[], |block| {
        let y = &block.y[target * block.rows..][..block.rows];
        for (least, x) in least.iter_mut().zip(block.x.chunks_exact(block.rows)) {
            let terms = x.iter().zip(y).map(|(&x, &y)| (x * y).abs().to_f64());
            *least = terms.filter(|&term| term > 0.0).fold(*least, f64::min);
        }
    });
    for (unknown, least) in least.iter_mut().enumerate() {
        let row = root.map_or(T::one() / blocks.units.lengths[unknown], |root| root.lengths[unknown]);
        *least *= row.to_f64().powi(2);
    }
    least
}

/// Of no independent columns: the model that is zero.
pub(super) fn of_nothing<T: Real>(blocks: &Blocks<'_, T>) -> Solution<T> {
    let target = |total: Total<T>| FoundTarget {
        residual: (total.whole, 0.0),
        total: (total.whole, 0.0),
        regression: (T::Wide::zero(), 0.0),
        reach: 0.0,
        left: 0.0,
        least_terms: Vec::new(),
    };
    conclude(Found {
        solver: Solver::Householder,
        intercept: blocks.intercept(),
        observations: blocks.observations,
        log_weights: blocks.log_weights(),
        unknown_exponents: Vec::new(),
        target_exponents: blocks.units.targets.clone(),
        lengths: Vec::new(),
        condition: 1.0,
        rank: Some(0),
        root: Some(Root::new(0, Vec::new(), true, 0.0)),
        parameters: Vec::new(),
        targets: blocks.totals().into_iter().map(target).collect(),
        steps: 0,
        is_refined: true,
    })
}

/// What the regression explains: `total − residual`, or where that cancels the squares themselves.
fn regression<T: Real>(
    blocks: &Blocks<'_, T>,
    found: &FoundTarget<T>,
    parameters: &[T::Wide],
    total: &Total<T>,
    penalized: bool,
) -> (T::Wide, f64) {
    let difference = total.total - found.residual.0;
    let error = found.total.1 + found.residual.1;
    if penalized || difference.round() > total.total.round() * T::nearest(CANCELLED) {
        return (difference, error);
    }
    if parameters[blocks.intercept().unknowns()..].iter().all(|parameter| parameter.round().is_zero()) {
        return (T::Wide::zero(), 0.0);
    }
    with_error::<T>(blocks.regression_squares(parameters, total.mean), found.reach + found.left)
}

/// A square, and its error given that of the root.
pub(super) fn with_error<T: Real>(square: T::Wide, error: f64) -> (T::Wide, f64) {
    let root = Wide::<T>::round(square).max(T::zero()).to_f64().sqrt();
    (square, 2.0 * root * error + error * error)
}

/// Whether an error leaves the digits that [`RegressionReport::converged`] promises.
fn keeps_digits<T: Real>(parameter: T::Wide, error: f64) -> bool {
    error <= tolerance::<T>() * parameter.round().abs().to_f64()
}

/// `regression − residual q / d`, for q independent columns without the intercept and d residual degrees of freedom; 0
/// if there are none.
fn adjusted<T: Real>(
    regression: T::Wide,
    residual: T::Wide,
    rank: Option<usize>,
    intercept: Intercept,
    freedom: Option<usize>,
) -> T::Wide {
    let explaining = rank.map_or(0, |rank| rank.saturating_sub(intercept.unknowns()));
    freedom.filter(|&freedom| freedom > 0).map_or(T::Wide::zero(), |freedom| {
        let [explaining, freedom] = [explaining, freedom].map(|count| T::Wide::widen(T::from_count(count)));
        regression - residual * explaining / freedom
    })
}

/// `Σ |b| D`
pub(super) fn scaled_sum<T: Real>(b: &[T::Wide], lengths: &[T]) -> f64 {
    b.iter().zip(lengths).map(|(b, &length)| (b.round() * length).abs().to_f64()).sum()
}

impl<T: Real> FoundTarget<T> {
    /// Bounds of the errors of the parameters.
    fn errors(&self, root: Option<&Root<T>>, lengths: &[T], condition: f64) -> Vec<f64> {
        let error = |(unknown, length): (usize, &T)| {
            let length = length.to_f64();
            let row = root.map_or(condition / length, |root| root.lengths[unknown].to_f64());
            let error = row * self.reach + if self.left > 0.0 { self.left / length } else { 0.0 };
            if error.is_nan() { f64::INFINITY } else { error }
        };
        lengths.iter().enumerate().map(error).collect()
    }
}

/// The solution, with what can be said of it.
pub(super) fn conclude<T: Real>(found: Found<T>) -> Solution<T> {
    let Found { lengths, condition, mut root, parameters, targets, is_refined, .. } = found;
    let unknowns = lengths.len();
    let tolerance = tolerance::<T>();
    let freedom = found.rank.map(|rank| found.observations.saturating_sub(rank));
    let mut converged = is_refined && root.as_ref().is_none_or(|root| !root.is_refined || root.error <= tolerance);
    let mut error_bound = 0.0_f64;
    let squares = targets.iter().enumerate().map(|(target, found_target)| {
        let parameters = &parameters[target * unknowns..(target + 1) * unknowns];
        let errors = found_target.errors(root.as_ref(), &lengths, condition);
        let exact = |(unknown, (&parameter, error)): (usize, (&T::Wide, f64))| {
            let is_zero = parameter.round().is_zero();
            keeps_digits::<T>(parameter, error)
                // What cancels to less has as many digits of the smallest of its terms; without a root, zero alone.
                || match found_target.least_terms.get(unknown) {
                    Some(least) => (root.is_some() || is_zero) && error <= tolerance * least,
                    None => is_zero,
                }
        };
        let length = scaled_length(parameters, &lengths);
        let error = condition * found_target.reach + found_target.left;
        let error = if error.is_nan() { f64::INFINITY } else { error };
        let is_exact = is_refined
            && match found.rank {
                Some(_) => parameters.iter().zip(errors).enumerate().all(exact),
                None => error <= tolerance * length,
            };
        converged &= is_exact;
        // The exact solution may be shorter, by the error. Of zeros it has been decided above.
        let is_zero = length == 0.0 && is_exact;
        error_bound = error_bound.max(if error == 0.0 || is_zero { 0.0 } else { error / (length - error).max(0.0) });
        let resolved = |(square, error): (T::Wide, f64)| {
            let value = square.round().to_f64();
            // Bounds of sums have a factor of ten and more in hand.
            (value > error, value <= error || error <= 16.0 * tolerance * value)
        };
        let (residual_resolved, residual_exact) = resolved(found_target.residual);
        let (total_resolved, total_exact) = resolved(found_target.total);
        let (regression_resolved, regression_exact) = resolved(found_target.regression);
        let cancels = is_exact && !found_target.least_terms.is_empty();
        converged &= residual_exact && total_exact && (regression_exact || cancels || found.rank.is_none());
        // A residual may be a thousand times smaller than most, and sums do not see it.
        let is_of_sums = found.solver == Solver::Sums && residual_resolved;
        converged &=
            !is_of_sums || found_target.reach <= 1e-3 * tolerance * found_target.residual.0.round().to_f64().sqrt();
        let or_zero = |square: T::Wide, keep: bool| if keep { square } else { T::Wide::zero() };
        // What a solution that has not converged leaves is not made zero.
        let residual = or_zero(found_target.residual.0, residual_resolved || !is_exact);
        let total = or_zero(found_target.total.0, total_resolved && total_exact);
        let regression = match is_exact {
            true => or_zero(found_target.regression.0, regression_resolved),
            false => total - residual,
        };
        let positive = |square: T::Wide| square.round().max(T::zero());
        Squares {
            residual: positive(residual),
            residual_error: Some(T::nearest(found_target.residual.1)).filter(|error| error.is_finite()),
            residual_resolved,
            total: positive(total),
            regression: regression.round(),
            reach: Some(T::nearest(found_target.reach + found_target.left * (unknowns as f64).sqrt()))
                .filter(|reach| reach.is_finite()),
            adjusted: adjusted::<T>(regression, residual, found.rank, found.intercept, freedom).round(),
        }
    });
    let squares = squares.collect();
    if let Some(root) = &mut root {
        root.error += 8.0 * T::epsilon().to_f64();
    }
    Solution {
        intercept: found.intercept,
        basis: None,
        squares,
        parameters,
        rank: found.rank,
        unknown_exponents: found.unknown_exponents,
        target_exponents: found.target_exponents,
        observations: found.observations,
        log_weights: found.log_weights,
        report: RegressionReport {
            solver: found.solver,
            refinement_steps: found.steps,
            condition,
            error_bound: error_bound + T::epsilon().to_f64(),
            converged,
            standard_errors_refined: root.as_ref().is_some_and(|root| root.is_refined),
            standard_error_bound: root.as_ref().map_or(f64::INFINITY, |root| root.error),
        },
        root,
        dependencies: Vec::new(),
    }
}
