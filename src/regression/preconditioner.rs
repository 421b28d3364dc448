use nalgebra::DMatrix;

use super::design::{Block, Design};
use crate::elementary::Loop;
use crate::linalg::{self, matrix, transpose};
use crate::real::Real;
use crate::wide::Wide;

/// `XᵀWX + Λ`, factored in working precision, of columns shifted by their means: good enough to correct a solution
/// with, since what it is off is seen by the residuals.
#[derive(Clone, Debug)]
pub(super) struct Preconditioner<T> {
    /// `L` of `L Lᵀ`.
    factor: DMatrix<T>,
    means: Vec<T>,
    /// A solution in working precision, unknowns × targets, if it came with the factor.
    start: Option<Vec<T>>,
}

impl<T: Real> Preconditioner<T> {
    /// From the matrix of sums of products, by Cholesky: fast, and good to a condition number of 10⁷ or so. None
    /// where the factorisation breaks down.
    pub(super) fn by_cholesky(design: &Design<'_, T>) -> Option<Self> {
        let unknowns = design.unknowns();
        let targets = design.targets();
        let new =
            || (DMatrix::zeros(unknowns, unknowns), DMatrix::zeros(unknowns, targets), Shifted::of(&design.means));
        let mut parts = design.of_parts(&design.columns, new, |(gram, start, shifted), block| {
            let (rows, (x, y)) = (block.rows, shifted.shift(&block));
            linalg::add_gram(T::one(), x, rows, unknowns, gram.as_mut_slice());
            linalg::multiply_add(transpose(x, rows, unknowns), matrix(y, rows, targets), start.as_mut_slice());
        });
        let (mut gram, mut start, _) = parts.next()?;
        for (part, start_part, _) in parts {
            linalg::add_scaled(gram.as_mut_slice(), T::one(), part.as_slice());
            start += start_part;
        }
        for (place, &penalty) in design.penalties.iter().enumerate() {
            gram[(place, place)] += penalty;
        }
        // What rounding leaves of a dependent column grows with the rows that were summed.
        let threshold = T::epsilon() * T::from_count(16 * unknowns + design.rows());
        linalg::cholesky(&mut gram, threshold).ok()?;
        linalg::solve_cholesky(&gram, &mut start);
        for start in start.as_mut_slice().chunks_exact_mut(unknowns) {
            unshifted_correction(start, &design.means);
        }
        Some(Self { factor: gram, means: design.means.clone(), start: Some(start.data.into()) })
    }

    /// From the matrix itself, by Householder reflections of blocks of rows: never squares the condition number.
    /// Columns that depend on others have a diagonal entry of rounding size.
    ///
    /// J. Demmel, L. Grigori, M. Hoemmen, J. Langou (2012): Communication-optimal parallel and sequential QR and LU
    /// factorizations, §2.
    pub(super) fn by_reflections(design: &Design<'_, T>) -> Self {
        let unknowns = design.unknowns();
        let mut triangle = DMatrix::zeros(unknowns, unknowns);
        let mut stack = |rows: usize, x: &[T]| {
            let mut stacked = DMatrix::zeros(unknowns + rows, unknowns);
            stacked.rows_mut(0, unknowns).copy_from(&triangle);
            for (mut to, from) in stacked.column_iter_mut().zip(x.chunks_exact(rows)) {
                to.rows_mut(unknowns, rows).copy_from_slice(from);
            }
            linalg::triangularize(&mut stacked);
            triangle = stacked.rows(0, unknowns).upper_triangle();
        };
        // Rows of several blocks, so that reflecting the triangle again and again costs little.
        let (mut gathered, mut count) = (DMatrix::zeros(0, unknowns), 0);
        let most = (4 * unknowns).max(1024);
        for_each_shifted_block(design, |rows, x| {
            if gathered.nrows() < count + rows {
                gathered.resize_vertically_mut(count + rows.max(most), T::zero());
            }
            gathered.rows_mut(count, rows).copy_from_slice(x);
            count += rows;
            if count >= most {
                stack(count, gathered.rows(0, count).into_owned().as_slice());
                count = 0;
            }
        });
        if count > 0 {
            stack(count, gathered.rows(0, count).into_owned().as_slice());
        }
        if design.is_penalised() {
            let root = |i: usize, j: usize| if i == j { design.penalties[i].sqrt() } else { T::zero() };
            let penalty = DMatrix::from_fn(unknowns, unknowns, root);
            stack(unknowns, penalty.as_slice());
        }
        let mut factor = triangle.transpose();
        // A Cholesky factor has a positive diagonal.
        for mut column in factor.column_iter_mut() {
            let place = column.iter().position(|entry| !entry.is_zero());
            if place.is_some_and(|place| column[place] < T::zero()) {
                column.neg_mut();
            }
        }
        Self { factor, means: design.means.clone(), start: None }
    }

    /// From a factor that is there.
    pub(super) fn from_factor(factor: DMatrix<T>) -> Self {
        let means = vec![T::zero(); factor.nrows()];
        Self { factor, means, start: None }
    }

    fn unknowns(&self) -> usize {
        self.factor.nrows()
    }

    /// What is left of a column when those before it are taken out, as a fraction of its length.
    pub(super) fn remaining(&self, column: usize) -> T {
        let length = linalg::norm(&self.unshifted_row(column));
        if length.is_zero() { T::zero() } else { self.factor[(column, column)].abs() / length }
    }

    /// The row of the factor, up to the diagonal, for the column as it was before its mean was taken off.
    fn unshifted_row(&self, row: usize) -> Vec<T> {
        let mut entries: Vec<T> = self.factor.row(row).iter().take(row + 1).copied().collect();
        if row > 0 {
            entries[0] += self.means[row] * self.factor[(0, 0)];
        }
        entries
    }

    /// `M` with `M Mᵀ = (XᵀWX + Λ)⁻¹`.
    pub(super) fn inverse_root(&self) -> DMatrix<T> {
        let mut root = linalg::invert_lower(&self.factor).transpose();
        for root in root.as_mut_slice().chunks_exact_mut(self.unknowns()) {
            unshifted_correction(root, &self.means);
        }
        root
    }

    /// `(XᵀWX + Λ)⁻¹` from its root.
    pub(super) fn inverse(&self, root: &DMatrix<T>) -> DMatrix<T> {
        let unknowns = self.unknowns();
        let mut inverse = DMatrix::zeros(unknowns, unknowns);
        linalg::add_gram(T::one(), root.transpose().as_slice(), unknowns, unknowns, inverse.as_mut_slice());
        inverse.fill_upper_triangle_with_lower_triangle();
        inverse
    }
}

/// What a refinement corrects with.
pub(super) trait Corrector<T: Real> {
    /// A solution in working precision, unknowns × targets, if it is known.
    fn start(&self) -> Option<&[T]> {
        None
    }

    /// The correction `(XᵀWX + Λ)⁻¹ g` of the parameters of one target, roughly.
    fn correction(&self, gradient: &[T::Wide]) -> Vec<T>;

    /// An estimate, from below, of the condition number of the matrix with columns of length 1.
    fn condition(&self) -> f64;
}

impl<T: Real> Corrector<T> for Preconditioner<T> {
    fn start(&self) -> Option<&[T]> {
        self.start.as_deref()
    }

    fn correction(&self, gradient: &[T::Wide]) -> Vec<T> {
        let mut b = DMatrix::from_vec(self.unknowns(), 1, shifted_gradient(gradient, &self.means));
        linalg::solve_cholesky(&self.factor, &mut b);
        let mut correction: Vec<T> = b.data.into();
        unshifted_correction(&mut correction, &self.means);
        correction
    }

    /// Ten steps of power iteration, and ten of inverse iteration.
    fn condition(&self) -> f64 {
        let unknowns = self.unknowns();
        let mut factor = self.factor.clone();
        let mut squares = vec![T::zero(); unknowns];
        for (j, column) in factor.as_mut_slice().chunks_exact_mut(unknowns).enumerate() {
            if j == 0 {
                let first = column[0];
                column.iter_mut().zip(&self.means).skip(1).for_each(|(entry, &mean)| *entry += mean * first);
            }
            squares[j..].iter_mut().zip(&column[j..]).for_each(|(square, &entry)| *square += entry * entry);
        }
        for (j, column) in factor.as_mut_slice().chunks_exact_mut(unknowns).enumerate() {
            column[j..].iter_mut().zip(&squares[j..]).for_each(|(entry, square)| *entry /= square.sqrt());
        }
        let start = DMatrix::from_fn(unknowns, 1, |i, _| T::one() + T::from_count(i % 7) / T::nearest(8.0));
        let (mut large, mut small) = (start.clone(), start);
        let (mut largest, mut smallest) = (T::one(), T::one());
        for _ in 0..10 {
            let columns = || factor.as_slice().chunks_exact(unknowns).enumerate();
            let product: Vec<T> =
                columns().map(|(j, column)| linalg::dot(&column[j..], &large.as_slice()[j..])).collect();
            large.fill(T::zero());
            for ((j, column), &product) in columns().zip(&product) {
                linalg::add_scaled(&mut large.as_mut_slice()[j..], product, &column[j..]);
            }
            linalg::solve_cholesky(&factor, &mut small);
            largest = linalg::norm(large.as_slice());
            smallest = linalg::norm(small.as_slice());
            large /= largest;
            small /= smallest;
        }
        (largest * smallest).sqrt().to_f64()
    }
}

/// The gradient by the parameters of columns less their means.
pub(super) fn shifted_gradient<T: Real>(gradient: &[T::Wide], means: &[T]) -> Vec<T> {
    // Taken off before rounding: the two terms may be close.
    let shifted = |(&entry, &mean): (&T::Wide, &T)| {
        if mean.is_zero() { entry.round() } else { (entry - gradient[0].times(mean)).round() }
    };
    gradient.iter().zip(means).map(shifted).collect()
}

/// From parameters of columns less their means to those of the columns.
pub(super) fn unshifted_correction<T: Real>(correction: &mut [T], means: &[T]) {
    if let (Some((constant, coefficients)), Some((_, means))) = (correction.split_first_mut(), means.split_first()) {
        *constant -= linalg::dot(means, coefficients);
    }
}

/// `W^½ (X − 1 meanᵀ)`, block by block, with the column of ones for 1.
pub(super) fn for_each_shifted_block<T: Real>(design: &Design<'_, T>, mut visit: impl FnMut(usize, &[T])) {
    let mut shifted = Shifted::of(&design.means);
    design.for_each_block(|block| visit(block.rows, shifted.shift(&block).0));
}

/// `W^½ (X − 1 meanᵀ)` and `W^½ Y` of a block.
struct Shifted<'a, T> {
    means: &'a [T],
    x: Vec<T>,
    y: Vec<T>,
}

impl<'a, T: Real> Shifted<'a, T> {
    fn of(means: &'a [T]) -> Self {
        Self { means, x: Vec::new(), y: Vec::new() }
    }

    fn shift<'s>(&'s mut self, block: &'s Block<'_, T>) -> (&'s [T], &'s [T]) {
        self.x.resize(block.x.len(), T::zero());
        let columns = self.x.chunks_exact_mut(block.rows).zip(block.x.chunks_exact(block.rows));
        let Some(weights) = block.weights else {
            for ((to, from), &mean) in columns.zip(self.means) {
                linalg::vectorized(Shift { to, from, mean });
            }
            return (&self.x, block.y);
        };
        let roots: Vec<T> = weights.iter().map(|weight| weight.sqrt()).collect();
        for ((to, from), &mean) in columns.zip(self.means) {
            for (row, (to, &from)) in to.iter_mut().zip(from).enumerate() {
                *to = (from - mean * block.one(row)) * roots[row];
            }
        }
        self.y.clear();
        self.y.extend(block.y.iter().zip(roots.iter().cycle()).map(|(&y, &root)| y * root));
        (&self.x, &self.y)
    }
}

struct Shift<'a, T> {
    to: &'a mut [T],
    from: &'a [T],
    mean: T,
}

impl<T: Real> Loop for Shift<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.to.iter_mut().zip(self.from).for_each(|(to, &from)| *to = from - self.mean);
    }
}
