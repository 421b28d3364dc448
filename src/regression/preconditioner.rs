use nalgebra::DMatrix;

use super::design::{Block, Design};
use crate::linalg;
use crate::real::Real;
use crate::wide::Wide;

/// `XᵀWX + Λ`, factored in working precision, of columns shifted by their means: good enough to correct a solution
/// with, since what it is off is seen by the residuals.
#[derive(Clone, Debug)]
pub(super) struct Preconditioner<T> {
    /// `L` of `L Lᵀ`.
    factor: DMatrix<T>,
    means: Vec<T>,
    start: Option<Start<T>>,
}

/// A solution in working precision, which came with the factor.
#[derive(Clone, Debug)]
pub(super) struct Start<T> {
    /// Unknowns × targets.
    pub(super) parameters: Vec<T>,
    /// `Σ w r²` for each target by subtraction, if that has left half of the digits of all.
    pub(super) squares: Option<Vec<T>>,
}

impl<T: Real> Preconditioner<T> {
    /// From the matrix of sums of products, by Cholesky: fast, and good to a condition number of 10⁷ or so. None
    /// where the factorisation breaks down.
    pub(super) fn by_cholesky(design: &Design<'_, T>) -> Option<Self> {
        let unknowns = design.unknowns();
        let targets = design.targets();
        let zeros = DMatrix::zeros;
        let new = || (zeros(unknowns, unknowns), zeros(unknowns, targets), zeros(1, targets), Weighed::new());
        let mut parts =
            design.of_parts(&design.columns, &design.means, new, |(gram, products, squares, weighed), block| {
                let (rows, (x, y)) = (block.rows, weighed.weigh(&block));
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
        for (place, &penalty) in design.penalties.iter().enumerate() {
            gram[(place, place)] += penalty;
        }
        // What rounding leaves of a dependent column grows with the rows that were summed.
        let threshold = T::epsilon() * T::from_count(16 * unknowns + design.rows());
        linalg::cholesky(&mut gram, threshold).ok()?;
        let mut parameters = products.clone();
        linalg::solve_cholesky(&gram, &mut parameters);
        let mut half_is_left = true;
        let columns =
            parameters.as_mut_slice().chunks_exact_mut(unknowns).zip(products.as_slice().chunks_exact(unknowns));
        for ((parameters, products), square) in columns.zip(squares.iter_mut()) {
            let penalised = parameters.iter().zip(&design.penalties).map(|(&b, &penalty)| penalty * b * b);
            let explained = linalg::dot(parameters, products) + penalised.fold(T::zero(), T::add);
            half_is_left &= *square - explained > *square * T::epsilon().sqrt();
            *square -= explained;
            unshifted_correction(parameters, &design.means);
        }
        let squares = half_is_left.then(|| squares.data.into());
        let start = Start { parameters: parameters.data.into(), squares };
        Some(Self { factor: gram, means: design.means.clone(), start: Some(start) })
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

    /// What is left of each column when those before it are taken out, as a fraction of its length.
    pub(super) fn remaining(&self) -> Vec<T> {
        let fraction = |(left, length): (T, T)| if length.is_zero() { T::zero() } else { left.abs() / length };
        self.factor.diagonal().iter().copied().zip(self.lengths()).map(fraction).collect()
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
    pub(super) fn inverse(root: &DMatrix<T>) -> DMatrix<T> {
        let mut inverse = linalg::square_upper(root);
        inverse.fill_upper_triangle_with_lower_triangle();
        inverse
    }

    /// The length of each column, as it was before its mean was taken off, with the root of its penalty.
    pub(super) fn lengths(&self) -> Vec<T> {
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
    pub(super) fn is_centred(&self) -> bool {
        let squares = self.row_squares(std::iter::repeat_n(T::zero(), self.unknowns()));
        let means = self.factor.column(0);
        squares.iter().zip(means.iter()).skip(1).all(|(&square, &mean)| mean * mean <= square)
    }
}

/// What a refinement corrects with.
pub(super) trait Corrector<T: Real> {
    /// A solution in working precision, if it is known.
    fn start(&self) -> Option<&Start<T>> {
        None
    }

    /// The correction `(XᵀWX + Λ)⁻¹ g` of the parameters of one target, roughly.
    fn correction(&self, gradient: &[T::Wide]) -> Vec<T>;

    /// An estimate, from below, of the condition number of the matrix with columns of length 1.
    fn condition(&self) -> f64;
}

impl<T: Real> Corrector<T> for Preconditioner<T> {
    fn start(&self) -> Option<&Start<T>> {
        self.start.as_ref()
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
    let mut weighed = Weighed::new();
    design.for_each_block(&design.means, |block| visit(block.rows, weighed.weigh(&block).0));
}

/// `W^½ X` and `W^½ Y` of a block.
struct Weighed<T> {
    x: Vec<T>,
    y: Vec<T>,
}

impl<T: Real> Weighed<T> {
    fn new() -> Self {
        Self { x: Vec::new(), y: Vec::new() }
    }

    fn weigh<'s>(&'s mut self, block: &Block<'s, T>) -> (&'s [T], &'s [T]) {
        let Some(weights) = block.weights else { return (block.x, block.y) };
        let roots: Vec<T> = weights.iter().map(|weight| weight.sqrt()).collect();
        for (to, from) in [(&mut self.x, block.x), (&mut self.y, block.y)] {
            to.clear();
            to.extend(from.iter().zip(roots.iter().cycle()).map(|(&number, &root)| number * root));
        }
        (&self.x, &self.y)
    }
}
