use nalgebra::DMatrix;

use super::product::{BLOCK, Factor, Target, Way, matrix, multiply, product, transpose};
use super::vectors::{add_scaled, dot, norm};
use crate::real::Real;

/// Overwrites a matrix of at least as many rows as columns with the upper triangle `R` of `A = Q R`, and what is below
/// it with remains of the reflections.
///
/// A. S. Householder (1958): Unitary triangularization of a nonsymmetric matrix.
pub(crate) fn triangularize<T: Real>(a: &mut DMatrix<T>) {
    let (rows, columns) = a.shape();
    for first in (0..columns).step_by(BLOCK) {
        let end = columns.min(first + BLOCK);
        let (reflected, rest) = a.as_mut_slice().split_at_mut(end * rows);
        let mut reflections = Reflections { height: rows - first, vectors: Vec::new(), scales: Vec::new() };
        for j in first..end {
            let (former, others) = reflected.split_at_mut((j + 1) * rows);
            reflections.push(&mut former[j * rows + first..]);
            let last = reflections.scales.len() - 1;
            for other in others.chunks_exact_mut(rows) {
                reflections.apply_one(last, &mut other[first..]);
            }
        }
        reflections.apply(rest, rows);
    }
}

/// Reflections `H = I − v vᵀ / s`, one after the other.
struct Reflections<T> {
    height: usize,
    /// The `v` side by side, the k-th of which begins with k zeros.
    vectors: Vec<T>,
    scales: Vec<T>,
}

impl<T: Real> Reflections<T> {
    /// Appends the one that leaves of a column only what is above the k-th entry, and that entry, which is written.
    fn push(&mut self, column: &mut [T]) {
        let k = self.scales.len();
        let length = norm(&column[k..]);
        self.vectors.extend(std::iter::repeat_n(T::zero(), k));
        if length.is_zero() {
            // Nothing to reflect: v = 0.
            self.vectors.extend_from_slice(&column[k..]);
            self.scales.push(T::one());
            return;
        }
        // The sign that does not cancel.
        let diagonal = if column[k] > T::zero() { -length } else { length };
        column[k] -= diagonal;
        self.vectors.extend_from_slice(&column[k..]);
        // vᵀv / 2 = −diagonal v₀.
        self.scales.push(-diagonal * column[k]);
        column[k] = diagonal;
    }

    fn apply_one(&self, k: usize, column: &mut [T]) {
        let (vector, column) = (&self.vectors[k * self.height + k..(k + 1) * self.height], &mut column[k..]);
        let along = dot(vector, column) / self.scales[k];
        add_scaled(column, -along, vector);
    }

    /// Applies all to the last `height` rows of a matrix of `rows` rows.
    fn apply(&self, a: &mut [T], rows: usize) {
        let (count, columns, above) = (self.scales.len(), a.len() / rows, rows - self.height);
        if a.is_empty() {
            return;
        }
        // Hₖ … H₁ = I − V Tᵀ Vᵀ with a triangle T.
        // R. Schreiber, C. Van Loan (1989): A storage-efficient WY representation for products of Householder
        // transformations.
        let vectors = matrix(&self.vectors, self.height, count);
        let transposed = transpose(&self.vectors, self.height, count);
        let mut products = vec![T::zero(); count * count];
        multiply(transposed, vectors, &mut products);
        let mut triangle = vec![T::zero(); count * count];
        for k in 0..count {
            let (former, column) = triangle.split_at_mut(k * count);
            for (j, former) in former.chunks_exact(count).enumerate() {
                add_scaled(&mut column[..=j], -products[k * count + j] / self.scales[k], &former[..=j]);
            }
            column[k] = T::one() / self.scales[k];
        }
        let mut along = vec![T::zero(); count * columns];
        let part = Factor { data: &a[above..], rows: self.height, columns, row_stride: 1, column_stride: rows };
        multiply(transposed, part, &mut along);
        let mut combined = vec![T::zero(); count * columns];
        multiply(transpose(&triangle, count, count), matrix(&along, count, columns), &mut combined);
        let part = Target { data: &mut a[above..], rows: self.height, columns, column_stride: rows };
        product(-T::one(), vectors, matrix(&combined, count, columns), Way::Add, part);
    }
}
