use nalgebra::DMatrix;

use super::{Corrector, Start, shifted_gradient, unshifted_correction};
use crate::linalg;
use crate::real::Real;
use crate::regression::blocks::Blocks;
use crate::regression::units::Units;
use crate::wide::Wide;

/// `XᵀWX + Λ`, factored in working precision, of columns shifted by their means: good enough to correct a solution
/// with, since what it is off is seen by the residuals.
#[derive(Clone, Debug)]
pub(in crate::regression) struct Triangle<T> {
    /// `L` of `L Lᵀ`.
    factor: DMatrix<T>,
    means: Vec<T>,
    start: Option<Start<T>>,
    /// Whether it comes from sums of products, which square the condition number.
    is_of_sums: bool,
}

impl<T: Real> Triangle<T> {
    /// From the matrix of sums of products, by Cholesky: fast, and good to a condition number of 10⁷ or so. None
    /// where the factorization breaks down.
    pub(in crate::regression) fn by_cholesky(blocks: &Blocks<'_, T>) -> Option<Self> {
        let unknowns = blocks.unknowns();
        let targets = blocks.targets();
        let zeros = DMatrix::zeros;
        let Units { means, penalties, .. } = &blocks.units;
        let new = || (zeros(unknowns, unknowns), zeros(unknowns, targets), zeros(1, targets), Default::default());
        let mut parts = blocks.of_parts(means, new, |(gram, products, squares, buffers), block| {
            let (rows, (x, y)) = (block.rows, block.weighted_by_roots(buffers));
            linalg::add_gram(T::one(), x, rows, unknowns, gram.as_mut_slice());
            linalg::add_transposed_product(x, y, rows, products.as_mut_slice());
            squares.iter_mut().zip(y.chunks_exact(rows)).for_each(|(square, y)| *square += linalg::dot(y, y));
        });
        let (mut gram, mut products, mut squares, _) = parts.next()?;
        for (gram_part, products_part, squares_part, _) in parts {
            linalg::add_scaled(gram.as_mut_slice(), T::one(), gram_part.as_slice());
            products += products_part;
            squares += squares_part;
        }
        for (place, &penalty) in penalties.iter().enumerate() {
            gram[(place, place)] += penalty;
        }
        // What rounding leaves of a dependent column grows with the rows that were summed.
        let threshold = T::epsilon() * T::from_count(16 * unknowns + blocks.rows());
        linalg::cholesky(&mut gram, threshold).ok()?;
        let mut parameters = products.clone();
        linalg::solve_cholesky(&gram, &mut parameters);
        let mut half_is_left = true;
        let columns =
            parameters.as_mut_slice().chunks_exact_mut(unknowns).zip(products.as_slice().chunks_exact(unknowns));
        for ((parameters, products), square) in columns.zip(squares.iter_mut()) {
            let penalized = parameters.iter().zip(penalties).map(|(&b, &penalty)| penalty * b * b);
            let explained = linalg::dot(parameters, products) + penalized.fold(T::zero(), T::add);
            half_is_left &= *square - explained > *square * T::epsilon().sqrt();
            *square -= explained;
            unshifted_correction(parameters, means);
        }
        let squares = half_is_left.then(|| squares.data.into());
        let start = Start { parameters: parameters.data.into(), squares };
        Some(Self { factor: gram, means: means.clone(), start: Some(start), is_of_sums: true })
    }

    /// From the matrix itself, by Householder reflections of blocks of rows: never squares the condition number.
    /// Columns that depend on others have a diagonal entry of rounding size.
    ///
    /// J. Demmel, L. Grigori, M. Hoemmen, J. Langou (2012): Communication-optimal parallel and sequential QR and LU
    /// factorizations, §2.
    pub(in crate::regression) fn by_reflections(blocks: &Blocks<'_, T>) -> Self {
        let unknowns = blocks.unknowns();
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
        let (means, mut buffers) = (&blocks.units.means, Default::default());
        blocks.for_each(means, |block| {
            let (rows, (x, _)) = (block.rows, block.weighted_by_roots(&mut buffers));
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
        if blocks.units.is_penalized() {
            let root = |i: usize, j: usize| if i == j { blocks.units.penalties[i].sqrt() } else { T::zero() };
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
        Self { factor, means: means.clone(), start: None, is_of_sums: false }
    }

    /// From a factor that is there.
    pub(in crate::regression) fn from_factor(factor: DMatrix<T>) -> Self {
        let means = vec![T::zero(); factor.nrows()];
        Self { factor, means, start: None, is_of_sums: true }
    }

    fn unknowns(&self) -> usize {
        self.factor.nrows()
    }

    /// Whether rounding may have hidden that a column depends on others: where little is left of it, or of its distance
    /// from its mean after much of one before it has been taken out; and weights whose roots span so many bits.
    pub(in crate::regression) fn may_hide_a_dependency(&self, rows: usize, weight_span: i32) -> bool {
        let weights = T::nearest(f64::from(weight_span.min(60)).exp2());
        let rounding = T::epsilon() * T::from_count(16 * self.unknowns() + rows) * weights;
        let shifted = self.row_squares(self.factor.column(0).into_iter().copied());
        let mut least = T::one();
        self.factor.diagonal().iter().zip(self.lengths()).zip(shifted).any(|((&left, length), shifted)| {
            let fraction = if shifted.is_zero() { T::zero() } else { left.abs() / shifted.sqrt() };
            let product = fraction * least;
            least = least.min(fraction);
            left.abs() <= rounding * length || if self.is_of_sums { product * product } else { product } <= rounding
        })
    }

    /// `M` with `M Mᵀ = (XᵀWX + Λ)⁻¹`, upper triangular. Where nothing is left of a column, rounding of its length is.
    pub(in crate::regression) fn inverse_root(&self) -> DMatrix<T> {
        let mut factor = self.factor.clone();
        for (place, length) in self.lengths().into_iter().enumerate() {
            let least = if length.is_zero() { T::one() } else { T::epsilon() * length };
            factor[(place, place)] = factor[(place, place)].max(least);
        }
        let mut root = linalg::invert_lower(&factor).transpose();
        for root in root.as_mut_slice().chunks_exact_mut(self.unknowns()) {
            unshifted_correction(root, &self.means);
        }
        root
    }

    /// A bound of the relative error of lengths `‖L⁻¹ x‖`, given the condition number.
    pub(in crate::regression) fn rounding(&self, condition: f64) -> f64 {
        let rounding = T::epsilon().to_f64() * 100.0 * self.unknowns() as f64;
        let error = rounding * condition * if self.is_of_sums { condition } else { 1.0 };
        if error < 0.5 { error } else { f64::INFINITY }
    }

    /// A bound of the relative error of a correction.
    pub(in crate::regression) fn correction_error(&self, condition: f64) -> f64 {
        self.rounding(condition) * if self.is_of_sums { 1.0 } else { condition }
    }

    pub(in crate::regression) fn start(&self) -> Option<&Start<T>> {
        self.start.as_ref()
    }

    pub(in crate::regression) fn is_of_sums(&self) -> bool {
        self.is_of_sums
    }

    /// The length of each column, as it was before its mean was taken off, with the root of its penalty.
    pub(in crate::regression) fn lengths(&self) -> Vec<T> {
        self.row_squares(self.unshifted()).into_iter().map(T::sqrt).collect()
    }

    /// The first column of the factor for the columns as they were before their means were taken off.
    fn unshifted(&self) -> impl Iterator<Item = T> {
        // The mean of the column of ones is none.
        self.factor.column(0).into_iter().zip(&self.means).map(|(&entry, &mean)| entry + mean * self.factor[(0, 0)])
    }

    /// The sum of the squares of each row, given the entries of the first column.
    fn row_squares(&self, first: impl Iterator<Item = T>) -> Vec<T> {
        let mut squares: Vec<T> = first.map(|entry| entry * entry).collect();
        for (j, column) in self.factor.as_slice().chunks_exact(self.unknowns()).enumerate().skip(1) {
            squares.iter_mut().zip(column).skip(j).for_each(|(square, &entry)| *square += entry * entry);
        }
        squares
    }

    /// Whether what was taken off each column leaves it no further from its mean than its entries are, in the mean.
    pub(in crate::regression) fn is_centered(&self) -> bool {
        let squares = self.row_squares(std::iter::repeat_n(T::zero(), self.unknowns()));
        let means = self.factor.column(0);
        squares.iter().zip(means.iter()).skip(1).all(|(&square, &mean)| mean * mean <= square)
    }

    /// An estimate, from below, of the condition number of the matrix with columns of length 1: ten steps of power
    /// iteration, and ten of inverse iteration.
    pub(in crate::regression) fn condition(&self) -> f64 {
        let unknowns = self.unknowns();
        let (mut factor, lengths) = (self.factor.clone(), self.lengths());
        factor.column_mut(0).iter_mut().zip(self.unshifted()).for_each(|(entry, unshifted)| *entry = unshifted);
        for (j, column) in factor.as_mut_slice().chunks_exact_mut(unknowns).enumerate() {
            column[j..].iter_mut().zip(&lengths[j..]).for_each(|(entry, &length)| *entry /= length);
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
        let condition = (largest * smallest).sqrt().to_f64();
        if condition.is_nan() { f64::INFINITY } else { condition }
    }
}

impl<T: Real> Corrector<T> for Triangle<T> {
    fn correction(&self, gradient: &[T::Wide]) -> Vec<T::Wide> {
        let mut b = DMatrix::from_vec(self.unknowns(), 1, shifted_gradient(gradient, &self.means));
        linalg::solve_cholesky(&self.factor, &mut b);
        let mut correction: Vec<T> = b.data.into();
        unshifted_correction(&mut correction, &self.means);
        correction.into_iter().map(T::Wide::widen).collect()
    }
}
