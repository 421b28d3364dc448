use std::borrow::Cow;

use nalgebra::{DMatrix, DVector};

use super::RobustCovariance;
use crate::error::Result;
use crate::linalg::{self, times_power_of_two};
use crate::real::Real;
use crate::regression::blocks::{Block, Blocks, MOST_ROWS};
use crate::regression::conclude::rounding;
use crate::regression::factors::root::Root;
use crate::regression::linear_fit::LinearFit;
use crate::regression::report::tolerance;
use crate::wide::Wide;

/// Above this leverage, what is missing to 1 is not a difference.
const HIGH: f64 = 1.0 - 1.0 / 1024.0;

/// In the units of the solution.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Influence<T> {
    pub(super) leverages: DVector<T>,
    /// 1 − h, or none where that is not told from 0.
    pub(super) complements: Vec<Option<T>>,
    /// `W X (XᵀWX)⁻¹`: what an observation's target contributes to each parameter.
    pub(super) contributions: DMatrix<T>,
    /// What rounding may make of a contribution of 0, for each parameter.
    pub(super) negligible: Vec<T>,
    /// n × k, each times the power of two of its weight.
    pub(super) residuals: Residuals<T>,
    pub(super) leverage_error: f64,
}

/// Residuals, n × k, and bounds of their errors.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Residuals<T> {
    pub(super) values: DMatrix<T>,
    pub(super) errors: DMatrix<T>,
}

impl<T: Real> LinearFit<T> {
    /// What each observation does to the fit, with its residuals as they are without weights.
    pub(super) fn influence(
        &self,
        blocks: &Blocks<'_, T>,
        root: &Root<T>,
        mut residuals: Residuals<T>,
    ) -> Result<Influence<T>> {
        let (rows, unknowns) = (blocks.rows(), blocks.unknowns());
        let report = self.report();
        // M Pᵀ with the root P for the columns as they are given.
        let published = self.solution.published_root().unwrap_or(Cow::Borrowed(root));
        let products: Vec<T::Wide> = (0..unknowns).flat_map(|j| root.products_with_row(&published, j)).collect();
        let mut contributions = linalg::zeros("influence of observations", rows.saturating_mul(unknowns))?;
        let mut leverages = DVector::zeros(rows);
        let mut high = Vec::new();
        let mut start = 0;
        blocks.for_each(&[], |block| {
            let weight = |row: usize| block.weights.map_or(T::one(), |weights| weights[row]);
            let components = root.components(&block);
            let mut squares = vec![T::Wide::zero(); block.rows];
            for component in components.chunks_exact(block.rows) {
                squares.iter_mut().zip(component).for_each(|(square, &entry)| *square += entry * entry);
            }
            for (row, square) in squares.into_iter().enumerate() {
                let leverage = square.times(weight(row)).round();
                leverages[start + row] = leverage.min(T::one());
                if leverage > T::nearest(HIGH) {
                    high.push((
                        start + row,
                        components.iter().copied().skip(row).step_by(block.rows).collect::<Vec<_>>(),
                    ));
                }
            }
            for (j, products) in products.chunks_exact(unknowns).enumerate() {
                let mut column = vec![T::Wide::zero(); block.rows];
                block.subtract_product(&mut column, products);
                let to = &mut contributions[j * rows + start..][..block.rows];
                let column = column.into_iter().enumerate();
                to.iter_mut().zip(column).for_each(|(to, (row, entry))| *to = -entry.times(weight(row)).round());
            }
            start += block.rows;
        });
        let noise = match root.is_refined {
            true => rounding::<T>(rows.min(MOST_ROWS), unknowns) * report.condition,
            false => report.standard_error_bound,
        };
        let mut complements: Vec<Option<T>> = leverages.iter().map(|&leverage| Some(T::one() - leverage)).collect();
        for (place, complement, has_digits) in complements_of(blocks, root, &high, noise) {
            complements[place] = has_digits.then_some(complement);
            leverages[place] = T::one() - complement;
        }
        // Where rounding could hide one, none is taken for 0.
        let may_hide = blocks.has_graded_rows() || noise > T::epsilon().to_f64();
        let part = if may_hide { 0.0 } else { 64.0 * noise };
        let negligible = published.lengths.iter().map(|&length| T::nearest(part) * length).collect();
        let contributions = DMatrix::from_vec(rows, unknowns, contributions);
        let leverage_error = 2.0 * report.standard_error_bound;
        for matrix in [&mut residuals.values, &mut residuals.errors] {
            for mut column in matrix.column_iter_mut() {
                let numbers = column.iter_mut().enumerate();
                numbers.for_each(|(row, value)| *value = times_power_of_two(*value, blocks.weight(row).1));
            }
        }
        Ok(Influence { leverages, complements, contributions, negligible, residuals, leverage_error })
    }
}

/// 1 − h for observations whose leverages h are high, given `Mᵀ x` of each: `Σ (q·qᵢ)² / h` over the others, which have
/// `q = w^½ Mᵀ x`; and whether rounding leaves digits of it.
fn complements_of<T: Real>(
    blocks: &Blocks<'_, T>,
    root: &Root<T>,
    high: &[(usize, Vec<T::Wide>)],
    noise: f64,
) -> Vec<(usize, T, bool)> {
    let mut sums = vec![T::Wide::zero(); high.len()];
    let mut start = 0;
    let mut visit = |block: Block<'_, T>| {
        let components = root.components(&block);
        let mut buffer = Vec::new();
        for ((place, along), sum) in high.iter().zip(&mut sums) {
            let mut products = vec![T::Wide::zero(); block.rows];
            for (component, &along) in components.chunks_exact(block.rows).zip(along) {
                products.iter_mut().zip(component).for_each(|(product, &entry)| *product += entry * along);
            }
            if let Some(own) = place.checked_sub(start).and_then(|row| products.get_mut(row)) {
                *own = T::Wide::zero();
            }
            *sum = sum.add_dot(&products, block.weighted(&products, &mut buffer));
        }
        start += block.rows;
    };
    if !high.is_empty() {
        blocks.for_each(&[], &mut visit);
    }
    // A refined one has as many digits as what is made of it is said to have.
    let digits = if root.is_refined { 1.0 / tolerance::<T>() } else { 4.0 };
    // And its residuals, which are as small, have those of the doubled precision.
    let residuals = if root.is_refined { 32.0 * rounding::<T>(0, root.unknowns()) * digits } else { 0.0 };
    let least = T::nearest(residuals.max((noise * digits).powi(2) * root.unknowns() as f64));
    let complement = |((place, along), sum): (&(usize, Vec<T::Wide>), T::Wide)| {
        let (weight, _) = blocks.weight(*place);
        let square = along.iter().fold(T::Wide::zero(), |sum, &entry| sum + entry * entry).times(weight);
        let complement = (sum.times(weight) / square).round();
        (*place, complement, complement > least)
    };
    high.iter().zip(sums).map(complement).collect()
}

impl<T: Real> Influence<T> {
    /// The standard error, and a bound of what the errors of the residuals make of it.
    pub(super) fn robust_standard_error(
        &self,
        covariance: RobustCovariance,
        inflation: Option<T>,
        unknown: usize,
        target: usize,
    ) -> Option<[T; 2]> {
        let factor = |(row, &complement): (usize, &Option<T>)| {
            let contribution = self.contributions[(row, unknown)];
            let factor = match (covariance, complement) {
                (RobustCovariance::Hc0, _) => T::one(),
                (RobustCovariance::Hc1, _) => inflation?.sqrt(),
                // It has no residual, and where it contributes nothing it does not matter that its variance is unknown.
                (_, None) if contribution.abs() <= self.negligible[unknown] => T::zero(),
                (RobustCovariance::Hc2, complement) => T::one() / complement?.sqrt(),
                (RobustCovariance::Hc3, complement) => T::one() / complement?,
            };
            Some([contribution, factor])
        };
        let factors: Option<Vec<_>> = self.complements.iter().enumerate().map(factor).collect();
        let factors = factors?;
        let norm = |residuals: &DMatrix<T>| {
            let term =
                |(row, &[contribution, factor]): (usize, &[T; 2])| contribution * (residuals[(row, target)] * factor);
            linalg::norm(&factors.iter().enumerate().map(term).collect::<Vec<_>>())
        };
        Some([norm(&self.residuals.values), norm(&self.residuals.errors)])
    }
}
