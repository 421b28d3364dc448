use nalgebra::DMatrix;

use super::blocks::Blocks;
use super::factors::root::{Dependent, Root};
use super::factors::triangle::Triangle;
use super::problem::{Intercept, Problem};
use super::refine::{Known, scaled_length};
use super::units::Seen;
use crate::error::{Column, Dependency, Result};
use crate::linalg::times_power_of_two;
use crate::real::Real;
use crate::wide::Wide;

/// Columns that are combinations of those before them.
pub(super) struct Dependencies<T: Real> {
    /// The unknowns of the others.
    pub(super) independent: Vec<usize>,
    pub(super) relations: Vec<Dependency>,
    /// One for each column, in their order.
    pub(super) combinations: Vec<Combination<T>>,
    /// One over the least part of its length that a combination leaves of a column.
    pub(super) condition: f64,
}

/// A column in terms of the independent ones, each divided by a power of two.
pub(super) struct Combination<T: Real> {
    /// That of this column.
    pub(super) exponent: i32,
    /// Those of the independent ones.
    pub(super) exponents: Vec<i32>,
    /// Those that are not told from zero are.
    pub(super) coefficients: Vec<T::Wide>,
    /// Bounds of their errors.
    pub(super) errors: Vec<f64>,
}

/// The root of independent columns; or the columns of which the ones before them leave nothing but the rounding of the
/// data, 8 p ε of their length: that is decided in twice the working precision. With weights they may do so.
pub(super) fn independent_root<T: Real>(
    blocks: &Blocks<'_, T>,
    triangle: &Triangle<T>,
) -> Result<Result<Root<T>, Dependent>> {
    let rounding = T::epsilon() * T::from_count(8 * blocks.unknowns());
    let weighted = rounding * T::nearest(f64::from(blocks.weight_span().min(60)).exp2());
    let lengths = &blocks.units.lengths;
    Root::orthogonal(blocks, triangle, |place, left| left <= weighted * lengths[place])
}

/// The dependencies between the columns; none if all are independent.
///
/// Weights change what a row counts, but not of what a column is made: all are taken for 1.
pub(super) fn dependencies<T: Real>(blocks: &Blocks<'_, T>) -> Result<Option<Dependencies<T>>> {
    let problem = blocks.problem();
    let present = |weight: &T| if weight.is_zero() { T::zero() } else { T::one() };
    let present: Option<Vec<T>> = problem.weights.map(|weights| weights.iter().map(present).collect());
    let problem = Problem { weights: present.as_deref(), ridge: T::zero(), ..problem };
    let whole = Blocks::new(problem, Seen::All);
    let unknowns = whole.unknowns();
    let mut independent: Vec<usize> = (0..unknowns).collect();
    // What rounding has left of a dependent column stands in the factor for those after it, and may hide others.
    while !independent.is_empty() {
        let part = whole.part(&independent);
        let Err(places) = independent_root(&part, &Triangle::by_reflections(&part))? else { break };
        let mut place = 0..;
        independent.retain(|_| !place.next().is_some_and(|place| places.contains(&place)));
    }
    if independent.len() == unknowns {
        return Ok(None);
    }
    let first = problem.intercept.unknowns();
    let dependent: Vec<usize> = (0..unknowns).filter(|unknown| !independent.contains(unknown)).collect();
    let columns: Vec<usize> = dependent.iter().map(|unknown| unknown - first).collect();
    let columns = DMatrix::from_fn(whole.rows(), columns.len(), |row, place| problem.x[(row, columns[place])]);
    let part = Blocks::new(Problem { y: (&columns).into(), ..problem }, Seen::All).part(&independent);
    let names: Vec<Column> = independent.iter().map(|&unknown| name(unknown, problem.intercept)).collect();
    let (combinations, left) = explained(&part)?;
    let relations = dependent.iter().zip(&combinations).map(|(&unknown, found)| {
        let entries = found.coefficients.iter().zip(&found.exponents);
        let coefficients = entries.map(|(coefficient, exponent)| (coefficient.round(), found.exponent - exponent));
        let coefficients = combination(coefficients, independent.len());
        let combination = names.iter().copied().zip(coefficients).filter(|&(_, coefficient)| coefficient != 0.0);
        Dependency::new(name(unknown, problem.intercept), combination.collect())
    });
    Ok(Some(Dependencies { relations: relations.collect(), independent, combinations, condition: 1.0 / left }))
}

pub(super) fn name(unknown: usize, intercept: Intercept) -> Column {
    unknown.checked_sub(intercept.unknowns()).map_or(Column::Intercept, Column::Feature)
}

/// The targets in terms of the columns, and the least that is left of one as a fraction of its length.
fn explained<T: Real>(blocks: &Blocks<'_, T>) -> Result<(Vec<Combination<T>>, f64)> {
    let units = &blocks.units;
    let unknowns = blocks.unknowns();
    if unknowns == 0 {
        let nothing = |&exponent: &i32| Combination {
            exponent,
            exponents: Vec::new(),
            coefficients: Vec::new(),
            errors: Vec::new(),
        };
        return Ok((units.targets.iter().map(nothing).collect(), 0.0));
    }
    let triangle = Triangle::by_reflections(blocks);
    let condition = triangle.condition();
    let root = Root::orthogonal(blocks, &triangle, |_, _| false)?.unwrap_or_else(|_| Root::rough(&triangle, condition));
    let condition = root.condition(condition, &units.lengths);
    let totals = blocks.totals();
    let known = Known { blocks, totals: &totals, condition };
    let fitted = known.refine(&root, None, T::epsilon().to_f64());
    let left = fitted.squares.iter().zip(&totals).map(|(square, total)| {
        let part = square.round().max(T::zero()) / total.whole.round();
        if total.whole.round().is_zero() { 0.0 } else { part.to_f64().sqrt() }
    });
    let combination = |(target, column): (usize, &[T::Wide])| {
        let square = fitted.squares[target];
        let reach = known.floor(target, scaled_length(column, &units.lengths), square) / condition;
        // What the column's own rounding leaves of it makes coefficients as well.
        let noise = 4.0 * square.round().max(T::zero()).to_f64().sqrt();
        let rows = root.lengths.iter().zip(&units.lengths).map(|(row, length)| (row.to_f64(), length.to_f64()));
        let entry = |(&coefficient, (row, length)): (&T::Wide, (f64, f64))| {
            let error = row * reach + fitted.left[target] / length;
            let is_zero = coefficient.round().abs().to_f64() <= error + row * noise;
            if is_zero { (T::Wide::zero(), 0.0) } else { (coefficient, error) }
        };
        let (coefficients, errors) = column.iter().zip(rows).map(entry).unzip();
        Combination { exponent: units.targets[target], exponents: units.unknowns.clone(), coefficients, errors }
    };
    let combinations = fitted.parameters.chunks_exact(unknowns).enumerate().map(combination).collect();
    Ok((combinations, left.fold(1.0, f64::min)))
}

/// Coefficients with their exponents, without those that are what rounding leaves of zero.
pub(super) fn combination<T: Real>(coefficients: impl Iterator<Item = (T, i32)>, unknowns: usize) -> Vec<f64> {
    let negligible = T::epsilon() * T::from_count(64 * unknowns);
    let kept = coefficients.map(|(coefficient, exponent)| {
        if coefficient.abs() <= negligible { 0.0 } else { times_power_of_two(coefficient, exponent).to_f64() }
    });
    kept.collect()
}
