//! The state of a stream of observations: sums of products in twice the working precision, and what is known about
//! them.

mod column;

mod block;

#[cfg(test)]
mod tests;

use block::Block;
pub(super) use column::Track;

use super::factors::wide_matrix::WideMatrix;
use super::problem::{check_observations, check_weights, exponent};
use crate::error::{Column, Error, Result, Shape};
use crate::linalg::{View, times_power_of_two};
use crate::real::Real;
use crate::wide::{DoubleDouble, Wide};

/// Sums over observations, `ZᵀZ` of `Z = W^½ (1 X Y)`.
///
/// The entries of column j are divided by 2^exponent and below 1 then, so that no sum is above the number of
/// observations: there is none that could overflow before they are too many to be counted. Nor is a sum of squares
/// below ¼, but for zeros: the largest entry of a column that has grown is at least ½, and where entries go, the
/// exponent falls with the sum of squares.
#[derive(Clone, Debug)]
pub(super) struct Sums<T: Real> {
    pub(super) features: usize,
    pub(super) targets: usize,
    /// Those of positive weight.
    pub(super) observations: usize,
    /// Σ ln w.
    pub(super) log_weights: DoubleDouble,
    /// The exponents of the lightest and of the heaviest weight that was pushed.
    pub(super) weights: [i32; 2],
    /// The lower triangle; without entries as long as there are no observations.
    pub(super) matrix: WideMatrix<T>,
    /// What is known about each column; as many as the matrix has.
    pub(super) columns: Vec<Track>,
}

impl<T: Real> Sums<T> {
    pub(super) fn new(features: usize, targets: usize) -> Self {
        Self {
            features,
            targets,
            observations: 0,
            log_weights: <DoubleDouble as Wide<f64>>::zero(),
            weights: [i32::MAX, i32::MIN],
            matrix: WideMatrix::empty(),
            columns: Vec::new(),
        }
    }

    /// The power of two that each column is divided by: that of the ones, the features, the targets; 0 for zeros.
    pub(super) fn exponents(&self) -> impl Iterator<Item = i32> {
        self.columns.iter().map(|column| column.exponent.unwrap_or(0))
    }

    /// Σ ln w, rounded.
    pub(super) fn log_weights(&self) -> f64 {
        Wide::<f64>::round(self.log_weights)
    }

    /// Whether rows may count for so little beside others, or beside one of weight 1, that sums do not tell what they
    /// say.
    pub(super) fn has_graded_rows(&self) -> bool {
        self.weights[1].saturating_sub(self.weights[0]) > 40
    }

    /// Adds observations. All that may fail does so before anything is changed.
    #[inline(never)]
    pub(super) fn push(&mut self, x: View<'_, T>, y: View<'_, T>, weights: Option<&[T]>) -> Result<()> {
        let rows = self.check(x, y, weights)?;
        if rows.is_empty() {
            return Ok(());
        }
        let overflow = Error::Overflow { what: "observations" };
        let observations = self.observations.checked_add(rows.len()).ok_or(overflow)?;
        if self.matrix.is_empty() {
            let (matrix, columns) = self.zeros()?;
            (self.matrix, self.columns) = (matrix, columns);
        }
        let ones = [T::one()];
        let positive = weights.unwrap_or(&ones).iter().filter_map(|&weight| exponent(weight));
        self.weights = positive.fold(self.weights, |[least, most], weight| [least.min(weight), most.max(weight)]);
        self.observations = observations;
        let (mut block, mut before) = (Block::new(self.columns.len()), Vec::new());
        for rows in rows.blocks() {
            block.read(&rows);
            for place in 0..self.columns.len() {
                if let Some(needed) = block.survey(place).exponent {
                    self.raise(place, needed);
                }
                block.scale(place, self.columns[place].exponent.unwrap_or(0));
                self.columns[place].take(block.survey(place), || block.grain(place));
            }
            before.clear();
            before.extend((0..self.columns.len()).map(|place| self.squares(place)));
            block.add_gram(self.matrix.entries_mut());
            self.log_weights += block.log_weights;
            self.note_rounding(block.rows(), &before);
        }
        Ok(())
    }

    /// Takes observations out again, or refuses to, and then changes nothing: see [`column`] for the rule.
    #[inline(never)]
    pub(super) fn remove(&mut self, x: View<'_, T>, y: View<'_, T>, weights: Option<&[T]>) -> Result<()> {
        let rows = self.check(x, y, weights)?;
        if rows.is_empty() {
            return Ok(());
        }
        let exceeds = Error::RemovalExceeds { held: self.observations, removed: rows.len() };
        let observations = self.observations.checked_sub(rows.len()).ok_or(exceeds)?;
        let size = self.columns.len();
        let (mut removed, mut left) =
            (WideMatrix::<T>::zeros("sums of products to remove", size)?, self.columns.clone());
        let mut log_weights = self.log_weights;
        let mut block = Block::new(size);
        for rows in rows.blocks() {
            block.read(&rows);
            for (place, column) in left.iter_mut().enumerate() {
                block.scale(place, column.exponent.unwrap_or(0));
                let known = column.give(block.survey(place), || block.grain(place));
                known.map_err(|()| self.too_deep(place))?;
            }
            block.add_gram(removed.entries_mut());
            log_weights -= block.log_weights;
        }
        if let Some(place) = left.iter().position(|column| column.nonzero > observations) {
            return Err(self.too_deep(place));
        }
        if observations == 0 {
            *self = Self::new(self.features, self.targets);
            return Ok(());
        }
        let squares = |place: usize| (self.matrix[(place, place)], removed[(place, place)]);
        column::settle::<T>(&mut left, rows.len(), squares).map_err(|place| self.too_deep(place))?;

        self.matrix.entries_mut().iter_mut().zip(removed.entries()).for_each(|(sum, &removed)| *sum -= removed);
        (self.observations, self.log_weights, self.columns) = (observations, log_weights, left);
        for place in 0..size {
            if self.columns[place].nonzero == 0 {
                self.for_each_product(place, |sum| *sum = T::Wide::zero());
            }
            let squares = self.squares(place);
            let shift = self.columns[place].lower(squares);
            self.shift(place, shift);
        }
        Ok(())
    }

    /// Adds all observations that other sums are over. All that may fail does so before anything is changed.
    #[inline(never)]
    pub(super) fn merge(&mut self, other: &Self) -> Result<()> {
        if (other.features, other.targets) != (self.features, self.targets) {
            return Err(Error::ShapeMismatch {
                what: "sums to merge (features × targets)",
                expected: Shape::new(self.features, self.targets),
                found: Shape::new(other.features, other.targets),
            });
        }
        if other.observations == 0 {
            return Ok(());
        }
        let overflow = Error::Overflow { what: "observations" };
        let observations = self.observations.checked_add(other.observations).ok_or(overflow)?;
        if self.matrix.is_empty() {
            let (mut matrix, _) = self.zeros()?;
            matrix.entries_mut().copy_from_slice(other.matrix.entries());
            *self = Self { matrix, columns: other.columns.clone(), ..*other };
            return Ok(());
        }
        self.observations = observations;
        self.log_weights += other.log_weights;
        self.weights = [self.weights[0].min(other.weights[0]), self.weights[1].max(other.weights[1])];
        let (mut powers, mut before) = (Vec::with_capacity(self.columns.len()), Vec::new());
        for (place, column) in other.columns.iter().enumerate() {
            if let Some(exponent) = column.exponent {
                self.raise(place, exponent);
            }
            let shift = column.exponent.unwrap_or(0) - self.columns[place].exponent.unwrap_or(0);
            powers.push(times_power_of_two(T::one(), shift.min(0)));
            self.columns[place].join(column, shift.min(0));
            before.push(self.squares(place));
        }
        for (column, &by_column) in powers.iter().enumerate() {
            for (row, &by_row) in powers.iter().enumerate().skip(column) {
                self.matrix[(row, column)] += other.matrix[(row, column)].scale(by_column).scale(by_row);
            }
        }
        self.note_rounding(1, &before);
        Ok(())
    }

    /// The rows that count, once shapes, numbers and weights are found to be good.
    fn check<'a>(&self, x: View<'a, T>, y: View<'a, T>, weights: Option<&'a [T]>) -> Result<block::Rows<'a, T>> {
        check_observations(x, y, self.features, self.targets)?;
        if let Some(weights) = weights {
            check_weights(weights, x.nrows())?;
        }
        block::Rows::new(x, y, weights)
    }

    /// Room for the sums.
    fn zeros(&self) -> Result<(WideMatrix<T>, Vec<Track>)> {
        let size = self.features.saturating_add(self.targets).saturating_add(1);
        Ok((WideMatrix::zeros("sums of products", size)?, vec![Track::default(); size]))
    }

    fn too_deep(&self, place: usize) -> Error {
        let column = match place.checked_sub(1) {
            None => Column::Intercept,
            Some(feature) if feature < self.features => Column::Feature(feature),
            Some(target) => Column::Target(target - self.features),
        };
        Error::RemovalTooDeep { column }
    }

    fn squares(&self, place: usize) -> f64 {
        self.matrix[(place, place)].round().to_f64()
    }

    /// Notes what adding rows may have rounded, after they were added to columns of these sums of squares.
    fn note_rounding(&mut self, rows: usize, before: &[f64]) {
        let matrix = &self.matrix;
        let squares = |place| matrix[(place, place)].round().to_f64();
        column::note_rounding::<T>(&mut self.columns, rows, |place| before[place], squares);
    }

    /// The sums of products with a column.
    fn for_each_product(&mut self, place: usize, change: impl Fn(&mut T::Wide)) {
        for other in 0..self.columns.len() {
            let entry = if other < place { (place, other) } else { (other, place) };
            change(&mut self.matrix[entry]);
        }
    }

    /// Raises the exponent of a column to that needed, and the sums with it.
    fn raise(&mut self, place: usize, needed: i32) {
        let shift = self.columns[place].raise(needed);
        self.shift(place, -shift);
    }

    /// Multiplies a column by a power of two.
    fn shift(&mut self, place: usize, exponent: i32) {
        if exponent != 0 {
            // What this takes below the range of the type is nothing beside what is to be added.
            let power = times_power_of_two(T::one(), exponent);
            self.for_each_product(place, |sum| *sum = sum.scale(power));
            self.matrix[(place, place)] = self.matrix[(place, place)].scale(power);
        }
    }
}
