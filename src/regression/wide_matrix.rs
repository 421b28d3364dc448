use std::ops::{Index, IndexMut};

use nalgebra::DMatrix;

use crate::error::{Error, Result};
use crate::real::Real;
use crate::wide::Wide;

/// A square matrix in twice the working precision, stored column by column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WideMatrix<T: Real> {
    size: usize,
    entries: Vec<T::Wide>,
}

impl<T: Real> WideMatrix<T> {
    pub(super) fn zeros(what: &'static str, size: usize) -> Result<Self> {
        let count = size.saturating_mul(size);
        let mut entries = Vec::new();
        entries.try_reserve_exact(count).map_err(|_| Error::TooLarge { what, count })?;
        entries.resize(count, T::Wide::widen(T::zero()));
        Ok(Self { size, entries })
    }

    /// Without entries: of no observations yet.
    pub(super) fn empty() -> Self {
        Self { size: 0, entries: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn entries(&self) -> &[T::Wide] {
        &self.entries
    }

    pub(super) fn entries_mut(&mut self) -> &mut [T::Wide] {
        &mut self.entries
    }

    /// The rows of a column from the diagonal on.
    fn lower_column(&self, column: usize) -> &[T::Wide] {
        &self.entries[column * self.size + column..(column + 1) * self.size]
    }

    /// The rows of a column from the diagonal on.
    pub(super) fn lower_column_mut(&mut self, column: usize) -> &mut [T::Wide] {
        &mut self.entries[column * self.size + column..(column + 1) * self.size]
    }

    /// The first `columns` entries of a row.
    pub(super) fn row(&self, row: usize, columns: usize) -> Vec<T::Wide> {
        (0..columns).map(|column| self[(row, column)]).collect()
    }

    /// Without the rows and columns before `first`.
    pub(super) fn trailing(&self, first: usize) -> Result<Self> {
        let mut trailing = Self::zeros("the factor of sums of products", self.size - first)?;
        for column in first..self.size {
            trailing.lower_column_mut(column - first).copy_from_slice(self.lower_column(column));
        }
        Ok(trailing)
    }

    /// Overwrites the matrix, of which only the lower triangle is read: that with the Cholesky factor `L`, `A = L Lᵀ`,
    /// of the leading `unknowns` rows and columns; the rows after them become `L₂ = A₂₁ L⁻ᵀ`, and what remains of `A₂₂`
    /// is its Schur complement.
    ///
    /// Returns the columns of whose diagonal entry no more than the fraction `threshold` is left: they depend on
    /// those before them, and are left out of the factor.
    pub(super) fn factor(&mut self, unknowns: usize, threshold: T) -> Vec<usize> {
        let size = self.size;
        let zero = T::Wide::zero();
        let mut dependent = Vec::new();
        for j in 0..size {
            let whole = self[(j, j)].round();
            // What is known of the rows of L stands above the diagonal too, side by side.
            let known = j.min(unknowns);
            for i in j..size {
                let [row, other] = [i, j].map(|row| &self.entries[row * size..][..known]);
                let explained = zero.add_dot(row, other);
                self[(i, j)] -= explained;
            }
            if j >= unknowns {
                continue;
            }
            if self[(j, j)].round() <= whole * threshold {
                dependent.push(j);
                (j + 1..size).for_each(|i| self[(j, i)] = zero);
                continue;
            }
            let diagonal = self[(j, j)].sqrt();
            self[(j, j)] = diagonal;
            for i in j + 1..size {
                let entry = self[(i, j)] / diagonal;
                self[(i, j)] = entry;
                self[(j, i)] = entry;
            }
        }
        dependent
    }

    /// The coefficients of a dependent column in terms of the independent ones before it.
    pub(super) fn combination(&self, column: usize, dependent: &[usize]) -> Vec<(usize, T)> {
        let independent: Vec<usize> = (0..column).filter(|other| !dependent.contains(other)).collect();
        let mut solution: Vec<T::Wide> = independent.iter().map(|&other| self[(column, other)]).collect();
        for place in (0..independent.len()).rev() {
            let mut rest = solution[place];
            for later in place + 1..independent.len() {
                rest -= self[(independent[later], independent[place])] * solution[later];
            }
            solution[place] = rest / self[(independent[place], independent[place])];
        }
        independent.into_iter().zip(solution.into_iter().map(Wide::round)).collect()
    }

    /// `b ← L⁻ᵀ b`, with the leading `unknowns` columns of the factor.
    pub(super) fn solve_transposed(&self, unknowns: usize, b: &mut [T::Wide]) {
        for j in (0..unknowns).rev() {
            let column = self.lower_column(j);
            let known = &b[j + 1..unknowns];
            let explained = T::Wide::zero().add_dot(&column[1..=known.len()], known);
            b[j] = (b[j] - explained) / column[0];
        }
    }

    /// `L⁻ᵀ`, with the leading `unknowns` columns of the factor, rounded: upper triangular.
    pub(super) fn inverse_root(&self, unknowns: usize) -> DMatrix<T> {
        let zero = T::Wide::widen(T::zero());
        let mut root = DMatrix::zeros(unknowns, unknowns);
        let mut column = vec![zero; unknowns];
        for j in 0..unknowns {
            column.fill(zero);
            column[j] = T::Wide::widen(T::one());
            self.solve_transposed(j + 1, &mut column);
            for (i, entry) in column.iter().enumerate().take(j + 1) {
                root[(i, j)] = entry.round();
            }
        }
        root
    }
}

impl<T: Real> Index<(usize, usize)> for WideMatrix<T> {
    type Output = T::Wide;

    fn index(&self, (row, column): (usize, usize)) -> &T::Wide {
        &self.entries[row + column * self.size]
    }
}

impl<T: Real> IndexMut<(usize, usize)> for WideMatrix<T> {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut T::Wide {
        &mut self.entries[row + column * self.size]
    }
}
