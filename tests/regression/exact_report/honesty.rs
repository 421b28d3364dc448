//! The residual sum of squares of a fit that did not converge: what the returned coefficients leave.

use num_bigint::BigInt;

use super::found::{Found, Road, residual_error_bound};
use super::number::Number;
use super::oracle::Report;
use super::problem::{Columns, Problem};

/// A residual sum of squares below this may pass for 0: of sums, what rounding in twice the precision makes of it.
pub(crate) fn rounding(problem: &Problem, report: &Report, target: usize, road: Road) -> f64 {
    let parameters = report.parameters.column(target);
    let lengths = parameters.iter().zip(&report.lengths).map(|(parameter, length)| {
        let part = parameter.map_or(0.0, |parameter| parameter.value) * length;
        part * part
    });
    let whole = report.statistics[target].square + lengths.sum::<f64>();
    if road.is_of_sums() { 1e-29 * problem.x.nrows() as f64 * whole } else { 1e-54 * whole }
}

/// That the sum which is reported is what the coefficients leave, but for their rounding, or within the bound that is
/// stated.
pub(crate) fn check(
    problem: &Problem,
    report: &Report,
    target: usize,
    road: Road,
    found: &Found,
) -> Result<(), String> {
    let Some(sum) = found.fit.statistics()[target].residual_sum_of_squares else { return Ok(()) };
    let columns = Columns::of_data(problem);
    let parameters: Vec<Number> =
        found.parameters.column(target).iter().map(|parameter| Number::from_f64(parameter.unwrap())).collect();
    let unit = Number::from_f64(f64::EPSILON / 2.0);
    let (mut left, mut rounded) = (Number::count(0), Number::count(0));
    for row in 0..problem.x.nrows() {
        let weight = Number::from_f64(problem.weight(row));
        let (mut residual, mut about) = (Number::from_f64(problem.y[(row, target)]), Number::new(BigInt::from(0), 0));
        for (j, parameter) in parameters.iter().enumerate() {
            let part = &Number::new(columns.values[j][row].clone(), columns.exponents[j]) * parameter;
            residual = &residual - &part;
            about = &about + &part.abs();
        }
        left = &left + &(&weight * &residual.square());
        rounded = &rounded + &(&weight * &(&about * &unit).square());
    }
    let least = report.statistics[target].residual_sum_of_squares.map_or(0.0, |least| least.value);
    let (left, rounded) = (left.sqrt().to_f64(), rounded.sqrt().to_f64());
    let about = rounded + 1e-12 * left + rounding(problem, report, target, road).sqrt();
    let stated = residual_error_bound(&found.fit.statistics()[target]).unwrap_or(0.0);
    let is_left = (sum.sqrt() - left).abs() <= about || (sum - left * left).abs() <= stated;
    if !is_left && left.is_finite() {
        let left = left * left;
        return Err(format!("Σ w r² found {sum:e}, the coefficients leave {left:e}, the right ones {least:e}"));
    }
    let total = report.statistics[target].total;
    let r_squared = 1.0 - sum / total;
    match found.fit.statistics()[target].r_squared {
        Some(found)
            if total > 0.0 && (found - r_squared).abs() > 1e-12 * (1.0 + sum / total) + 2.0 * stated / total =>
        {
            Err(format!("R² found {found:e}, of Σ w r² = {sum:e} it is {r_squared:e}"))
        }
        _ => Ok(()),
    }
}
