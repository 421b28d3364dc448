use nalgebra::DMatrix;

use super::blocks::Blocks;
use super::factors::root::{Dependent, Root};
use super::factors::triangle::Triangle;
use super::factors::wide_matrix::WideMatrix;
use super::problem::{Intercept, Problem, exponent};
use super::refine::Known;
use super::solution::Solution;
use super::units::Seen;
use crate::error::{Column, Dependency, Error, Result};
use crate::linalg::{power_of_two, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

/// Columns that are combinations of those before them.
pub(super) struct Dependencies {
    /// The unknowns of the others.
    pub(super) independent: Vec<usize>,
    pub(super) relations: Vec<Dependency>,
    /// One over the least part of its length that a combination leaves of a column.
    pub(super) condition: f64,
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
pub(super) fn dependencies<T: Real>(blocks: &Blocks<'_, T>) -> Result<Option<Dependencies>> {
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
    let relations = dependent.iter().zip(combinations).map(|(&unknown, coefficients)| {
        let combination = names.iter().copied().zip(coefficients).filter(|&(_, coefficient)| coefficient != 0.0);
        Dependency::new(name(unknown, problem.intercept), combination.collect())
    });
    Ok(Some(Dependencies { relations: relations.collect(), independent, condition: 1.0 / left }))
}

pub(super) fn name(unknown: usize, intercept: Intercept) -> Column {
    unknown.checked_sub(intercept.unknowns()).map_or(Column::Intercept, Column::Feature)
}

/// The coefficients of the targets in terms of the columns, and the least that is left of one as a fraction of its length.
fn explained<T: Real>(blocks: &Blocks<'_, T>) -> Result<(Vec<Vec<f64>>, f64)> {
    let unknowns = blocks.unknowns();
    if unknowns == 0 {
        return Ok((vec![Vec::new(); blocks.targets()], 0.0));
    }
    let triangle = Triangle::by_reflections(blocks);
    let condition = triangle.condition();
    let root = Root::orthogonal(blocks, &triangle, |_, _| false)?.unwrap_or_else(|_| Root::rough(&triangle, condition));
    let totals = blocks.totals();
    let known = Known { blocks, totals: &totals, condition };
    let fitted = known.refine(&root, None, T::epsilon().to_f64());
    let left = fitted.squares.iter().zip(&totals).map(|(square, total)| {
        let part = square.round().max(T::zero()) / total.whole.round();
        if total.whole.round().is_zero() { 0.0 } else { part.to_f64().sqrt() }
    });
    let units = &blocks.units;
    let columns = fitted.parameters.chunks_exact(unknowns).zip(&units.targets);
    let coefficients = columns.map(|(column, target)| {
        let entries = column.iter().zip(&units.unknowns);
        let coefficient = |(coefficient, unknown): (&T::Wide, &i32)| (coefficient.round(), target - unknown);
        combination(entries.map(coefficient), unknowns)
    });
    Ok((coefficients.collect(), left.fold(1.0, f64::min)))
}

/// Coefficients with their exponents, without those that are what rounding leaves of zero.
pub(super) fn combination<T: Real>(coefficients: impl Iterator<Item = (T, i32)>, unknowns: usize) -> Vec<f64> {
    let negligible = T::epsilon() * T::from_count(64 * unknowns);
    let kept = coefficients.map(|(coefficient, exponent)| {
        if coefficient.abs() <= negligible { 0.0 } else { times_power_of_two(coefficient, exponent).to_f64() }
    });
    kept.collect()
}

/// The solution moved along the dependencies, which changes no prediction, to the least sum of squared coefficients. Every
/// dependency is a vector v with `X v = 0`: its coefficients, and −1 for the dependent column.
pub(super) fn with_least_norm<T: Real>(solution: Solution<T>, relations: &[Dependency]) -> Result<Solution<T>> {
    let mut parameters = solution.published_parameters().into_owned();
    let unknown_exponents = solution.published_exponents().into_owned();
    let unknowns = solution.unknowns();
    let scale = |parameters: &mut [T::Wide], sign: i32| {
        for (place, parameter) in parameters.iter_mut().enumerate() {
            let exponent = solution.target_exponents[place / unknowns] - unknown_exponents[place % unknowns];
            *parameter = power_of_two::<T>(sign * exponent).into_iter().fold(*parameter, Wide::scale);
        }
    };
    scale(&mut parameters, 1);
    if !parameters.iter().all(|parameter| parameter.round().is_finite()) {
        return Err(Error::Overflow { what: "parameters" });
    }
    minimize_norm::<T>(&mut parameters, unknowns, solution.intercept, relations)?;
    scale(&mut parameters, -1);
    Ok(Solution { parameters, root: None, basis: None, unknown_exponents, ..solution })
}

fn minimize_norm<T: Real>(
    parameters: &mut [T::Wide],
    unknowns: usize,
    intercept: Intercept,
    relations: &[Dependency],
) -> Result<()> {
    let (first, count) = (intercept.unknowns(), relations.len());
    let place = |column: Column| match column {
        Column::Feature(feature) => feature + first,
        Column::Intercept | Column::Target(_) => 0,
    };
    let directions: Vec<Vec<T::Wide>> = relations
        .iter()
        .map(|relation| {
            let mut direction = vec![0.0; unknowns];
            direction[place(relation.column)] = -1.0;
            relation.combination.iter().for_each(|&(column, coefficient)| direction[place(column)] = coefficient);
            // Divided by a power of two, so that squares stay in range.
            let largest = direction.iter().fold(0.0_f64, |most, entry| most.max(entry.abs()));
            let exponent = -exponent(largest).unwrap_or(0);
            direction.into_iter().map(|entry| T::Wide::widen(T::nearest(times_power_of_two(entry, exponent)))).collect()
        })
        .collect();
    let mut products = WideMatrix::<T>::zeros("products of dependencies", count)?;
    for (j, other) in directions.iter().enumerate() {
        for (i, direction) in directions.iter().enumerate().skip(j) {
            products[(i, j)] = T::Wide::zero().add_dot(&direction[first..], &other[first..]);
        }
    }
    products.factor(count, |_, _, _| false);
    for parameters in parameters.chunks_exact_mut(unknowns) {
        let along =
            directions.iter().map(|direction| T::Wide::zero().add_dot(&direction[first..], &parameters[first..]));
        let mut steps: Vec<T::Wide> = along.collect();
        products.solve(&mut steps);
        for (direction, step) in directions.iter().zip(steps) {
            parameters.iter_mut().zip(direction).for_each(|(entry, &along)| *entry -= along * step);
        }
    }
    Ok(())
}
