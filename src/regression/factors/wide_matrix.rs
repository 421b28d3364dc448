use std::ops::{Index, IndexMut};

use crate::error::{Error, Result};
use crate::real::Real;
use crate::wide::Wide;

/// A square matrix in twice the working precision, stored column by column.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::regression) struct WideMatrix<T: Real> {
    size: usize,
    entries: Vec<T::Wide>,
}

impl<T: Real> WideMatrix<T> {
    pub(in crate::regression) fn zeros(what: &'static str, size: usize) -> Result<Self> {
        let count = size.saturating_mul(size);
        let mut entries = Vec::new();
        entries.try_reserve_exact(count).map_err(|_| Error::TooLarge { what, count })?;
        entries.resize(count, T::Wide::widen(T::zero()));
        Ok(Self { size, entries })
    }

    /// Without entries: of no observations yet.
    pub(in crate::regression) fn empty() -> Self {
        Self { size: 0, entries: Vec::new() }
    }

    pub(in crate::regression) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(in crate::regression) fn entries(&self) -> &[T::Wide] {
        &self.entries
    }

    pub(in crate::regression) fn entries_mut(&mut self) -> &mut [T::Wide] {
        &mut self.entries
    }

    /// The rows of a column from the diagonal on.
    fn lower_column(&self, column: usize) -> &[T::Wide] {
        &self.entries[column * self.size + column..(column + 1) * self.size]
    }

    /// The rows of a column from the diagonal on.
    pub(in crate::regression) fn lower_column_mut(&mut self, column: usize) -> &mut [T::Wide] {
        &mut self.entries[column * self.size + column..(column + 1) * self.size]
    }

    /// The first `columns` entries of a row.
    pub(in crate::regression) fn row(&self, row: usize, columns: usize) -> Vec<T::Wide> {
        (0..columns).map(|column| self[(row, column)]).collect()
    }

    /// Without the rows and columns before `first`.
    pub(in crate::regression) fn trailing(&self, first: usize) -> Result<Self> {
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
    /// Returns the columns that `is_dependent` on those before them, given what there was of their diagonal entry and
    /// what is left of it: they are left out of the factor.
    pub(in crate::regression) fn factor(
        &mut self,
        unknowns: usize,
        mut is_dependent: impl FnMut(usize, T, T) -> bool,
    ) -> Vec<usize> {
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
            if is_dependent(j, whole, self[(j, j)].round()) {
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
    pub(in crate::regression) fn combination(&self, column: usize, dependent: &[usize]) -> Vec<(usize, T)> {
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
    pub(in crate::regression) fn solve_transposed(&self, unknowns: usize, b: &mut [T::Wide]) {
        for j in (0..unknowns).rev() {
            let column = self.lower_column(j);
            let known = &b[j + 1..unknowns];
            let explained = T::Wide::zero().add_dot(&column[1..=known.len()], known);
            b[j] = (b[j] - explained) / column[0];
        }
    }

    /// `L⁻ᵀ`, with the leading `unknowns` columns of the factor: upper triangular, column by column.
    pub(in crate::regression) fn inverse_root(&self, unknowns: usize) -> Vec<T::Wide> {
        let mut root = vec![T::Wide::zero(); unknowns * unknowns];
        for (j, column) in root.chunks_exact_mut(unknowns).enumerate() {
            column[j] = T::Wide::widen(T::one());
            self.solve_transposed(j + 1, column);
        }
        root
    }

    /// `M ← M L⁻ᵀ` for an upper triangle of as many columns as the factor has.
    pub(in crate::regression) fn divide(&self, m: &mut [T::Wide]) {
        let n = self.size;
        let mut row = vec![T::Wide::zero(); n];
        for i in 0..n {
            for j in i..n {
                // Rows of L stand above the diagonal too, side by side.
                let known = T::Wide::zero().add_dot(&row[i..j], &self.entries[j * n + i..j * n + j]);
                row[j] = (m[i + j * n] - known) / self[(j, j)];
                m[i + j * n] = row[j];
            }
        }
    }

    /// Adds another matrix of the same size.
    pub(in crate::regression) fn add(&mut self, other: &Self) {
        self.entries.iter_mut().zip(&other.entries).for_each(|(entry, &other)| *entry += other);
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
