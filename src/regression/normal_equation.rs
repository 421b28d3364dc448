use nalgebra::DMatrix;

use super::{Intercept, LinearFit, check_observations};
use crate::error::{Column, Error, Result};
use crate::linalg::{self, View, matrix, transpose};
use crate::real::Real;

/// Observations that are summed at once: enough for a fast product, few enough for the cache.
const BLOCK: usize = 256;

/// Linear regression by the normal equation, `Θ = (XᵀX)⁻¹ XᵀY`, from sums over the observations.
///
/// The observations are pushed, in one go or block by block, and never kept: the memory is that of the sums,
/// (1 + p + k)² numbers for p features and k targets.
///
/// # Shapes
/// `X` n × p, one observation per row; `Y` n × k. The model has an intercept, the coefficient of a column of ones,
/// unless it is [switched off](Self::with_intercept).
///
/// # Numerics
/// `XᵀX`, with its columns scaled by powers of two, is factored by Cholesky; the cost is n (p + k)² + p³/3
/// multiplications. Forming `XᵀX` squares the condition number κ of X: of about 16 digits in `f64` some 2 log₁₀ κ
/// are lost, and columns whose independent part is below about 10⁻⁷ of their length are taken for dependent.
///
/// # Examples
/// ```
/// use gradus::NormalEquation;
/// use gradus::nalgebra::{dmatrix, dvector};
///
/// // y = 2 x₀ − x₁ + 3
/// let x = dmatrix![0.0, 0.0; 1.0, 0.0; 0.0, 1.0; 1.0, 1.0];
/// let y = dvector![3.0, 5.0, 2.0, 4.0];
/// let mut sums = NormalEquation::<f64>::new(2, 1);
/// sums.push(&x, &y)?;
/// let fit = sums.solve()?;
/// assert!((fit.coefficients() - dmatrix![2.0; -1.0]).amax() < 1e-14);
/// assert!((fit.intercept()[0] - 3.0).abs() < 1e-14);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// C. F. Gauss (1809): Theoria motus corporum coelestium, liber II, sectio III.
/// Å. Björck (1996): Numerical Methods for Least Squares Problems, §2.2.
#[derive(Clone, Debug)]
pub struct NormalEquation<T> {
    features: usize,
    targets: usize,
    intercept: Intercept,
    observations: usize,
    /// `ZᵀZ` of `Z = (1 X Y)`, column by column; empty before the first push.
    sums: Vec<T>,
}

impl<T: Real> NormalEquation<T> {
    /// Sums for this many features and targets, of no observations yet.
    #[must_use]
    pub fn new(features: usize, targets: usize) -> Self {
        Self { features, targets, intercept: Intercept::Include, observations: 0, sums: Vec::new() }
    }

    /// The same sums, to be solved with or without an intercept.
    #[must_use]
    pub fn with_intercept(self, intercept: Intercept) -> Self {
        Self { intercept, ..self }
    }

    /// The number of observations pushed.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// Adds observations: `x` rows × features, `y` rows × targets.
    ///
    /// # Errors
    /// Nothing is added then: [`Error::ShapeMismatch`], [`Error::NotFinite`] with the place of an entry that is
    /// not finite, [`Error::Overflow`] if a sum of squares leaves the range of the number type,
    /// [`Error::TooLarge`] if the memory for the sums cannot be had.
    pub fn push<'a>(&mut self, x: impl Into<View<'a, T>>, y: impl Into<View<'a, T>>) -> Result<()> {
        let (x, y) = (x.into(), y.into());
        check_observations(x, y, self.features, self.targets)?;
        let overflow = Error::Overflow { what: "observations" };
        let observations = self.observations.checked_add(x.nrows()).ok_or(overflow.clone())?;
        let size = (self.features.checked_add(self.targets)).and_then(|size| size.checked_add(1));
        let length = size.and_then(|size| size.checked_mul(size));
        let (Some(size), Some(length)) = (size, length) else {
            return Err(Error::TooLarge { what: "sums of products", count: usize::MAX });
        };
        let mut sums = linalg::zeros("sums of products", length)?;
        if !self.sums.is_empty() {
            sums.copy_from_slice(&self.sums);
        }
        let mut block = linalg::zeros("a block of observations", size.saturating_mul(BLOCK.min(x.nrows())))?;
        for start in (0..x.nrows()).step_by(BLOCK) {
            let rows = BLOCK.min(x.nrows() - start);
            let block = &mut block[..size * rows];
            let (ones, rest) = block.split_at_mut(rows);
            let (features, targets) = rest.split_at_mut(self.features * rows);
            ones.fill(T::one());
            copy_rows(features, x, start, rows);
            copy_rows(targets, y, start, rows);
            linalg::multiply_add(transpose(block, rows, size), matrix(block, rows, size), &mut sums);
        }
        if !sums.iter().all(|sum| sum.is_finite()) {
            return Err(overflow);
        }
        self.sums = sums;
        self.observations = observations;
        Ok(())
    }

    /// The least-squares solution for what was pushed so far.
    ///
    /// # Errors
    /// [`Error::Empty`] without observations, targets or unknowns, [`Error::Underdetermined`] with fewer
    /// observations than unknowns, [`Error::RankDeficient`] with the first column that is a combination of those
    /// before it, [`Error::Overflow`] if the solution leaves the range of the number type.
    pub fn solve(&self) -> Result<LinearFit<T>> {
        let unknowns = self.features.saturating_add(self.intercept.unknowns());
        let counts = [("observations", self.observations), ("targets", self.targets), ("unknowns", unknowns)];
        if let Some(&(what, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(Error::Empty { what });
        }
        if self.observations < unknowns {
            return Err(Error::Underdetermined { observations: self.observations, unknowns });
        }
        let first = 1 - self.intercept.unknowns();
        let size = 1 + self.features + self.targets;
        let sum = |row: usize, column: usize| self.sums[row + column * size];
        let scales: Vec<T> = (first..first + unknowns).map(|column| scale(sum(column, column))).collect();
        let mut gram = DMatrix::from_fn(unknowns, unknowns, |i, j| sum(first + i, first + j) * scales[i] * scales[j]);
        let mut parameters =
            DMatrix::from_fn(unknowns, self.targets, |i, j| sum(first + i, 1 + self.features + j) * scales[i]);
        linalg::cholesky(&mut gram).map_err(|column| Error::RankDeficient {
            column: (column + first).checked_sub(1).map_or(Column::Intercept, Column::Feature),
        })?;
        linalg::solve_cholesky(&gram, &mut parameters);
        for mut column in parameters.column_iter_mut() {
            column.iter_mut().zip(&scales).for_each(|(parameter, &scale)| *parameter *= scale);
        }
        if !parameters.iter().all(|parameter| parameter.is_finite()) {
            return Err(Error::Overflow { what: "parameters" });
        }
        Ok(LinearFit::new(&parameters, self.intercept))
    }
}

fn copy_rows<T: Real>(block: &mut [T], x: View<'_, T>, start: usize, rows: usize) {
    for (to, from) in block.chunks_exact_mut(rows).zip(x.rows(start, rows).column_iter()) {
        to.iter_mut().zip(from.iter()).for_each(|(to, &from)| *to = from);
    }
}

/// The power of two that brings a column with this sum of squares to a length of about 1: scaling by it is exact.
fn scale<T: Real>(sum_of_squares: T) -> T {
    if sum_of_squares.is_zero() {
        return T::one();
    }
    T::nearest((-0.5 * sum_of_squares.to_f64().log2()).round().exp2())
}
