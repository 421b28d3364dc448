use nalgebra::DMatrix;

use super::product::{BLOCK, Factor, PANEL, Target, Way, matrix, multiply, product};
use super::vectors::add_scaled;
use crate::real::Real;

/// `L⁻¹`, lower triangular too, given a lower triangle `L`, of which only that triangle is read.
pub(crate) fn invert_lower<T: Real>(lower: &DMatrix<T>) -> DMatrix<T> {
    let n = lower.nrows();
    let mut inverse = DMatrix::zeros(n, n);
    for first in (0..n).step_by(BLOCK) {
        let end = n.min(first + BLOCK);
        let width = end - first;
        // What is above and left of the block on the diagonal is known: −L₂₂⁻¹ (L₂₁ L₁₁⁻¹) is left of it.
        let mut left = vec![T::zero(); width * first];
        if first > 0 {
            let row = Factor {
                data: &lower.as_slice()[first..],
                rows: width,
                columns: first,
                row_stride: 1,
                column_stride: n,
            };
            let known =
                Factor { data: inverse.as_slice(), rows: first, columns: first, row_stride: 1, column_stride: n };
            multiply(row, known, &mut left);
        }
        let mut diagonal = vec![T::zero(); width * width];
        for (j, column) in diagonal.chunks_exact_mut(width).enumerate() {
            column[j] = T::one();
            for k in j..width {
                let entries = &lower.as_slice()[(first + k) * n + first..][..width];
                column[k] /= entries[k];
                let solved = column[k];
                add_scaled(&mut column[k + 1..], -solved, &entries[k + 1..]);
            }
        }
        for (j, column) in diagonal.chunks_exact(width).enumerate() {
            inverse.as_mut_slice()[(first + j) * n + first..][..width].copy_from_slice(column);
        }
        let to = Target { data: &mut inverse.as_mut_slice()[first..], rows: width, columns: first, column_stride: n };
        product(-T::one(), matrix(&diagonal, width, width), matrix(&left, width, first), Way::Over, to);
    }
    inverse
}

/// `U Uᵀ` on and below the diagonal, for an upper triangle `U` with zeros below; above it nothing is defined.
pub(crate) fn square_upper<T: Real>(upper: &DMatrix<T>) -> DMatrix<T> {
    let n = upper.nrows();
    let mut square = DMatrix::zeros(n, n);
    for first in (0..n).step_by(PANEL) {
        let end = n.min(first + PANEL);
        let data = &upper.as_slice()[first * n..];
        let columns = Factor { data, rows: end, columns: end - first, row_stride: 1, column_stride: n };
        let across = Factor { data, rows: end - first, columns: end, row_stride: n, column_stride: 1 };
        let to = Target { data: square.as_mut_slice(), rows: end, columns: end, column_stride: n };
        product(T::one(), columns, across, Way::AddLower, to);
    }
    square
}
