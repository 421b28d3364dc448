#[cfg(feature = "serde")]
mod serialization;

use nalgebra::DMatrix;

use super::Corrector;
use super::triangle::Triangle;
use super::wide_matrix::WideMatrix;
use crate::error::Result;
use crate::linalg::{self, matrix, times_power_of_two};
use crate::real::Real;
use crate::regression::blocks::{Block, Blocks};
use crate::regression::problem::exponent;
use crate::wide::Wide;

/// More passes than any columns were seen to take.
const MOST_PASSES: usize = 5;

/// How far from orthogonal the columns may be that the last pass makes orthogonal.
const NEARLY_ORTHOGONAL: f64 = 1.0 / 1024.0;

/// `M` with `M Mᵀ = (XᵀWX)⁻¹`, an upper triangle in twice the working precision: whatever is made of the inverse is a
/// length, `xᵀ (XᵀWX)⁻¹ x = ‖Mᵀ x‖²`. The quadratic form itself cancels, and loses the square of the condition number.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::regression) struct Root<T: Real> {
    unknowns: usize,
    /// Column by column.
    entries: Vec<T::Wide>,
    /// The lengths of the rows, the roots of the diagonal of the inverse.
    pub(in crate::regression) lengths: Vec<T>,
    /// Whether it has more digits than a factor in working precision.
    pub(in crate::regression) is_refined: bool,
    /// A bound of the relative error of these lengths.
    pub(in crate::regression) error: f64,
}

/// The columns that depend on those before them.
pub(in crate::regression) type Dependent = Vec<usize>;

impl<T: Real> Root<T> {
    pub(in crate::regression) fn new(unknowns: usize, entries: Vec<T::Wide>, is_refined: bool, error: f64) -> Self {
        let mut root = Self { unknowns, entries, lengths: Vec::new(), is_refined, error };
        let mut squares = vec![T::Wide::zero(); unknowns];
        for j in 0..unknowns {
            squares.iter_mut().zip(root.column(j)).for_each(|(square, &entry)| *square += entry * entry);
        }
        root.lengths = squares.into_iter().map(|square| square.sqrt().round()).collect();
        root
    }

    /// With the digits of the factor.
    pub(in crate::regression) fn rough(triangle: &Triangle<T>, condition: f64) -> Self {
        let root = triangle.inverse_root();
        let entries = root.iter().map(|&entry| T::Wide::widen(entry)).collect();
        Self::new(root.nrows(), entries, false, triangle.rounding(condition))
    }

    /// From a rough root, which makes the columns nearly orthogonal: with their matrix of products in twice the working
    /// precision, `Mᵀ XᵀWX M = L Lᵀ`, `M L⁻ᵀ` makes them orthogonal to κ times the rounding of that precision. Where it
    /// was too rough, once more.
    ///
    /// The error names columns that `is_dependent`, given a place and what the columns before it leave of its length,
    /// or of which no digits are left; there may be more.
    ///
    /// Y. Yamamoto, Y. Nakatsukasa, Y. Yanagisawa, T. Fukaya (2015): Roundoff error analysis of the `CholeskyQR2`
    /// algorithm.
    pub(in crate::regression) fn orthogonal(
        blocks: &Blocks<'_, T>,
        triangle: &Triangle<T>,
        is_dependent: impl Fn(usize, T) -> bool,
    ) -> Result<Result<Self, Dependent>> {
        let unknowns = blocks.unknowns();
        let mut root = Self::rough(triangle, 1.0);
        let rounding = T::epsilon() * T::epsilon() * T::from_count(16 * (unknowns + 16));
        let size = |(entry, &length): (&T::Wide, &T)| entry.round().abs() * length;
        for _ in 0..MOST_PASSES {
            let mut products = root.products(blocks)?;
            let one = T::Wide::widen(T::one());
            let away =
                |(i, j): (usize, usize)| (products[(i, j)] - if i == j { one } else { T::Wide::zero() }).round().abs();
            let places = (0..unknowns).flat_map(|j| (j..unknowns).map(move |i| (i, j)));
            let away = places.map(away).fold(T::zero(), |most, away| if away <= most { most } else { away });
            let mut dependent = Vec::new();
            products.factor(unknowns, |place, whole, left| {
                let diagonal = root.entries[place * (unknowns + 1)].round();
                // What rounding makes of a column of zeros.
                let noise =
                    rounding * root.column(place).iter().zip(&blocks.units.lengths).map(size).fold(T::zero(), T::add);
                let has_no_digits = !(left > whole * rounding && left > noise * noise);
                let is_dependent = left <= T::zero() || is_dependent(place, left.sqrt() / diagonal);
                // Behind a dependent column it may be the rounding of that one which takes the digits.
                if is_dependent || has_no_digits && dependent.is_empty() {
                    dependent.push(place);
                }
                is_dependent || has_no_digits
            });
            if !dependent.is_empty() {
                return Ok(Err(dependent));
            }
            products.divide(&mut root.entries);
            if away.to_f64() <= NEARLY_ORTHOGONAL {
                return Ok(Ok(Self::new(unknowns, root.entries, true, 0.0)));
            }
        }
        Ok(Ok(Self::new(unknowns, root.entries, false, f64::INFINITY)))
    }

    /// With this bound of the error, if it is a refined one that can be trusted.
    pub(in crate::regression) fn with_error_of(self, error: f64) -> Self {
        let error = if self.is_refined { error.max(self.error) } else { self.error };
        Self { error, ..self }
    }

    /// The condition number with columns of these lengths: the estimate, or what the longest row says.
    pub(in crate::regression) fn condition(&self, estimate: f64, lengths: &[T]) -> f64 {
        let rows = self.lengths.iter().zip(lengths).map(|(&row, &length)| (row * length).to_f64());
        rows.fold(estimate, |most, row| if row <= most { most } else { row })
    }

    /// `Mᵀ XᵀWX M`, on and below the diagonal.
    fn products(&self, blocks: &Blocks<'_, T>) -> Result<WideMatrix<T>> {
        let unknowns = self.unknowns;
        let zeros = WideMatrix::zeros("products of orthogonal columns", unknowns)?;
        let new = || (zeros.clone(), Vec::<T::Wide>::new());
        let parts = blocks.of_parts(&[], new, |(products, buffer): &mut (WideMatrix<T>, _), block| {
            let columns = self.wide_components(&block);
            for (j, column) in columns.chunks_exact(block.rows).enumerate() {
                let weighted = block.weighted(column, buffer);
                for (i, other) in columns.chunks_exact(block.rows).enumerate().skip(j) {
                    products[(i, j)] = products[(i, j)].add_dot(other, weighted);
                }
            }
        });
        Ok(parts.fold(zeros.clone(), |mut sum, (part, _)| {
            sum.add(&part);
            sum
        }))
    }

    /// `X M` of some rows, column by column, with the digits that the root has.
    pub(in crate::regression) fn components(&self, block: &Block<'_, T>) -> Vec<T::Wide> {
        let (rows, unknowns) = (block.rows, self.unknowns);
        if !self.is_refined {
            let mut components = vec![T::zero(); rows * unknowns];
            let rounded = self.rounded();
            let root = matrix(rounded.as_slice(), unknowns, unknowns);
            linalg::multiply(matrix(block.x, rows, unknowns), root, &mut components);
            return components.into_iter().map(T::Wide::widen).collect();
        }
        self.wide_components(block)
    }

    /// `‖Mᵀ x‖` of some rows.
    pub(in crate::regression) fn distances(&self, block: &Block<'_, T>) -> Vec<T> {
        let components = self.components(block);
        let row = |row: usize| {
            let entries = || components.iter().skip(row).step_by(block.rows);
            let largest = entries().fold(T::zero(), |most, entry| most.max(entry.round().abs()));
            // Where all weights are at the end of the range of the type squares may leave it.
            let exponent = exponent(largest).unwrap_or(0);
            let scale = times_power_of_two(T::one(), -exponent);
            let squares = entries().fold(T::Wide::zero(), |sum, &entry| sum + entry.scale(scale) * entry.scale(scale));
            times_power_of_two(squares.sqrt().round(), exponent)
        };
        (0..block.rows).map(row).collect()
    }

    fn wide_components(&self, block: &Block<'_, T>) -> Vec<T::Wide> {
        let (rows, unknowns) = (block.rows, self.unknowns);
        let mut components = vec![T::Wide::zero(); rows * unknowns];
        let mut negative = Vec::with_capacity(unknowns);
        for (j, to) in components.chunks_exact_mut(rows).enumerate() {
            negative.clear();
            negative.extend(self.column(j).iter().map(|&entry| -entry));
            block.subtract_product(to, &negative);
        }
        components
    }

    /// A column on and above the diagonal.
    pub(in crate::regression) fn column(&self, j: usize) -> &[T::Wide] {
        &self.entries[j * self.unknowns..][..=j]
    }

    /// In working precision.
    fn rounded(&self) -> DMatrix<T> {
        DMatrix::from_iterator(self.unknowns, self.unknowns, self.entries.iter().map(|entry| entry.round()))
    }

    /// `M Mᵀ`, the inverse, on and below the diagonal.
    pub(in crate::regression) fn square(&self) -> DMatrix<T> {
        if !self.is_refined {
            return linalg::square_upper(&self.rounded());
        }
        let entry = |i: usize, j: usize| if i < j { T::zero() } else { self.inverse(i, j).round() };
        DMatrix::from_fn(self.unknowns, self.unknowns, entry)
    }

    pub(in crate::regression) fn entries(&self) -> &[T::Wide] {
        &self.entries
    }

    pub(in crate::regression) fn unknowns(&self) -> usize {
        self.unknowns
    }

    /// `Mᵢ · Mⱼ` of two rows, an entry of the inverse.
    pub(in crate::regression) fn inverse(&self, i: usize, j: usize) -> T::Wide {
        let place = |row: usize, column: usize| row + column * self.unknowns;
        (i.max(j)..self.unknowns)
            .fold(T::Wide::zero(), |sum, k| sum + self.entries[place(i, k)] * self.entries[place(j, k)])
    }

    /// `M Pⱼ` with a row of another root.
    pub(in crate::regression) fn products_with_row(&self, other: &Self, row: usize) -> Vec<T::Wide> {
        let mut products = vec![T::Wide::zero(); self.unknowns];
        for k in row..self.unknowns {
            let along = other.entries[row + k * self.unknowns];
            products.iter_mut().zip(self.column(k)).for_each(|(product, &entry)| *product += entry * along);
        }
        products
    }
}

impl<T: Real> Corrector<T> for Root<T> {
    fn correction(&self, gradient: &[T::Wide]) -> Vec<T::Wide> {
        let mut correction = vec![T::Wide::zero(); self.unknowns];
        for j in 0..self.unknowns {
            let along = T::Wide::zero().add_dot(self.column(j), &gradient[..=j]);
            correction.iter_mut().zip(self.column(j)).for_each(|(entry, &root)| *entry += root * along);
        }
        correction
    }
}
