use nalgebra::DMatrix;

use super::product::{BLOCK, Target, Way, matrix, product, transpose};
use super::vectors::{add_scaled, dot};
use crate::real::Real;

/// Overwrites the lower triangle of a symmetric positive definite matrix, of which only that triangle is read,
/// with its Cholesky factor `L`, `A = L Lᵀ`; what is above the diagonal is not defined afterwards.
///
/// The error is the first column of whose diagonal entry no more than the fraction `threshold` is left: it depends on
/// the ones before it.
pub(crate) fn cholesky<T: Real>(a: &mut DMatrix<T>, threshold: T) -> Result<(), usize> {
    let n = a.nrows();
    let smallest: Vec<T> = (0..n).map(|j| a[(j, j)] * threshold).collect();
    let mut below = Vec::new();
    for first in (0..n).step_by(BLOCK) {
        let end = n.min(first + BLOCK);
        let (factored, rest) = a.as_mut_slice().split_at_mut(end * n);
        for j in first..end {
            let (former, column) = factored.split_at_mut(j * n);
            let column = &mut column[j..n];
            for former in former[first * n..].chunks_exact(n) {
                add_scaled(column, -former[j], &former[j..]);
            }
            if column[0] <= smallest[j] || !column[0].is_finite() {
                return Err(j);
            }
            let diagonal = column[0].sqrt();
            column.iter_mut().for_each(|entry| *entry /= diagonal);
        }
        // What the factored columns are to each row below them, row by row.
        below.clear();
        let block = &factored[first * n..];
        below.extend((end..n).flat_map(|row| block[row..].iter().step_by(n).copied()));
        if end < n {
            let (width, height) = (end - first, n - end);
            let rest = Target { data: &mut rest[end..], rows: height, columns: height, column_stride: n };
            let (below, across) = (transpose(&below, width, height), matrix(&below, width, height));
            product(-T::one(), below, across, Way::AddLower, rest);
        }
    }
    Ok(())
}

/// `B ← A⁻¹ B`, given the Cholesky factor of `A`.
pub(crate) fn solve_cholesky<T: Real>(factor: &DMatrix<T>, b: &mut DMatrix<T>) {
    let n = factor.nrows();
    for b in b.as_mut_slice().chunks_exact_mut(n) {
        for (j, column) in factor.as_slice().chunks_exact(n).enumerate() {
            b[j] /= column[j];
            let solved = b[j];
            add_scaled(&mut b[j + 1..], -solved, &column[j + 1..]);
        }
        solve_transposed(factor, b);
    }
}

/// `b ← L⁻ᵀ b`, given a lower triangle `L`.
fn solve_transposed<T: Real>(lower: &DMatrix<T>, b: &mut [T]) {
    for (j, column) in lower.as_slice().chunks_exact(lower.nrows()).enumerate().rev() {
        let known = dot(&column[j + 1..], &b[j + 1..]);
        b[j] = (b[j] - known) / column[j];
    }
}
