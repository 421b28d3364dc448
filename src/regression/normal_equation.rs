#[cfg(feature = "serde")]
mod serialization;

use nalgebra::DMatrix;

use super::conclude::{self, Found, FoundTarget, scaled_sum, with_error};
use super::factors::root::Root;
use super::factors::triangle::Triangle;
use super::factors::wide_matrix::WideMatrix;
use super::linear_fit::LinearFit;
use super::problem::{Intercept, check_counts};
use super::rank;
use super::report::Solver;
use super::solution::Solution;
use super::sums::{Sums, Track};
use crate::error::{Dependency, Error, Result};
use crate::linalg::View;
use crate::real::Real;
use crate::wide::Wide;

/// Linear regression by the normal equation, `Θ = (XᵀWX)⁻¹ XᵀWY`, from sums over the observations.
///
/// The observations are pushed, in one go or row by row, and never kept: the memory is that of the sums,
/// (1 + p + k)² numbers for p features and k targets. Sums over parts of the data, made on several threads or
/// machines, are [merged](Self::merge); observations that have had their time are [removed](Self::remove).
///
/// # Shapes
/// `X` n × p, one observation per row; `Y` n × k. The model has an intercept, the coefficient of a column of ones,
/// unless it is [switched off](Self::with_intercept).
///
/// # Numerics
/// Forming `XᵀX` squares the condition number κ of X. It is paid for: the sums are kept, factored and solved in twice
/// the working precision (pairs of `f64` for `f64`, `f64` for `f32`), of columns scaled by powers of two. Any partition
/// of the rows, in any order, gives the same solution to a relative 10⁻¹² up to a column-scaled κ of 10⁹, and to
/// κ²·10⁻³¹ beyond. The price of the sums is that of eleven Gram matrices in working precision, since exact parts of
/// them are formed by the matrix kernel; that of the solution is about p³/2 multiplications in twice the precision.
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
/// assert_eq!(fit.coefficients(), &dmatrix![2.0; -1.0]);
/// assert_eq!(fit.intercept()[0], 3.0);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// C. F. Gauss (1809): Theoria motus corporum coelestium, liber II, sectio III.
/// Å. Björck (1996): Numerical Methods for Least Squares Problems, §2.2.
#[doc(alias("normal equations", "partial_fit"))]
#[derive(Clone, Debug)]
pub struct NormalEquation<T: Real> {
    intercept: Intercept,
    sums: Sums<T>,
}

impl<T: Real> NormalEquation<T> {
    /// Sums for this many features and targets, of no observations yet.
    #[must_use]
    pub fn new(features: usize, targets: usize) -> Self {
        Self { intercept: Intercept::Include, sums: Sums::new(features, targets) }
    }

    /// The same sums, to be solved with or without an intercept.
    #[must_use]
    pub fn with_intercept(self, intercept: Intercept) -> Self {
        Self { intercept, ..self }
    }

    /// The number of observations of positive weight that the sums are over.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.sums.observations
    }

    /// Adds observations: `x` rows × features, `y` rows × targets.
    ///
    /// # Errors
    /// Nothing is added then: [`Error::ShapeMismatch`], [`Error::NotFinite`] with the place of an entry that is not
    /// finite, [`Error::TooLarge`] if the memory for the sums cannot be allocated, [`Error::Overflow`] if the
    /// observations are more than can be counted.
    pub fn push<'a>(&mut self, x: impl Into<View<'a, T>>, y: impl Into<View<'a, T>>) -> Result<()> {
        self.sums.push(x.into(), y.into(), None)
    }

    /// Adds observations with a weight each, their precision: an observation of weight w counts as one whose
    /// variance is 1/w of that of weight 1. One of weight 0 does not count at all.
    ///
    /// # Errors
    /// As [`push`](Self::push); also [`Error::ShapeMismatch`] if the weights are not one for each row,
    /// [`Error::InvalidParameter`] if one is negative or not finite.
    ///
    /// # Examples
    /// A mean of 1 and 4 of which the second counts twice, and then the first alone:
    /// ```
    /// use gradus::nalgebra::{DMatrix, dvector};
    /// use gradus::regression::Intercept;
    /// use gradus::NormalEquation;
    ///
    /// let one = DMatrix::from_element(1, 1, 1.0);
    /// let mut sums = NormalEquation::<f64>::new(1, 1).with_intercept(Intercept::Omit);
    /// sums.push_weighted(&one, &dvector![1.0], [1.0].as_slice())?;
    /// sums.push_weighted(&one, &dvector![4.0], [2.0].as_slice())?;
    /// assert!((sums.solve()?.coefficients()[0] - 3.0).abs() < 1e-15);
    /// sums.remove_weighted(&one, &dvector![4.0], [2.0].as_slice())?;
    /// assert!((sums.solve()?.coefficients()[0] - 1.0).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn push_weighted<'a>(
        &mut self,
        x: impl Into<View<'a, T>>,
        y: impl Into<View<'a, T>>,
        weights: impl Into<&'a [T]>,
    ) -> Result<()> {
        self.sums.push(x.into(), y.into(), Some(weights.into()))
    }

    /// Takes observations out again, as those of a window that moves on.
    ///
    /// The sums cannot tell whether these observations were ever pushed: that is the caller's to know.
    ///
    /// # Numerics
    /// Nothing is lost of a column of which nothing was rounded: one of whole numbers, or of multiples of any other
    /// power of two, as long as the root of their sum of squares is below 2⁵⁰ of it (2²⁶ for `f32`). Counts,
    /// indicators, prices in eighths and readings of a converter are such columns; a weight must be a power of four
    /// then. A window over them may move on for ever, and gives the fit of its observations to the last bit. A column
    /// that has held nothing but zeros since the last other entry left is zero, and sums that all observations have
    /// left are empty, whatever was rounded before.
    ///
    /// Of other columns every observation that comes or goes rounds the sums, by at most 2⁻⁹⁹ (2⁻⁵⁰ for `f32`) of what
    /// they are at that time, and many that come at once hardly more than one. The bound on what has come together may
    /// not be above 2⁻⁶⁰ (2⁻²⁶) of what is left: of each sum of products, as a fraction of the root of the product of
    /// the two sums of squares. That suffices to remove an entry 10⁵ times (10³ times) as large as the rest together,
    /// or to move a window on 10¹¹ times (10⁷ times).
    ///
    /// # Errors
    /// Nothing is removed then: as [`push`](Self::push); [`Error::RemovalExceeds`] if fewer observations are held,
    /// [`Error::RemovalTooDeep`] if too few digits would stay by the bound above, or if what is to be removed of a
    /// column cannot have been pushed: build the sums anew then.
    ///
    /// # Examples
    /// A window of three observations that moves on by one:
    /// ```
    /// use gradus::NormalEquation;
    /// use gradus::nalgebra::dvector;
    ///
    /// let mut sums = NormalEquation::<f64>::new(1, 1);
    /// sums.push(&dvector![0.0, 1.0, 2.0], &dvector![9.0, 3.0, 5.0])?;
    /// sums.push(&dvector![3.0], &dvector![7.0])?;
    /// sums.remove(&dvector![0.0], &dvector![9.0])?;
    /// let fit = sums.solve()?; // y = 2 x + 1
    /// assert!((fit.coefficients()[0] - 2.0).abs() < 1e-13 && (fit.intercept()[0] - 1.0).abs() < 1e-13);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn remove<'a>(&mut self, x: impl Into<View<'a, T>>, y: impl Into<View<'a, T>>) -> Result<()> {
        self.sums.remove(x.into(), y.into(), None)
    }

    /// Takes observations out again that were pushed with these weights.
    ///
    /// # Errors
    /// As [`remove`](Self::remove) and [`push_weighted`](Self::push_weighted).
    pub fn remove_weighted<'a>(
        &mut self,
        x: impl Into<View<'a, T>>,
        y: impl Into<View<'a, T>>,
        weights: impl Into<&'a [T]>,
    ) -> Result<()> {
        self.sums.remove(x.into(), y.into(), Some(weights.into()))
    }

    /// Adds all observations that other sums are over.
    ///
    /// # Errors
    /// Nothing is added then: [`Error::ShapeMismatch`] if the others have not as many features and targets,
    /// [`Error::TooLarge`] if the memory for the sums cannot be allocated, [`Error::Overflow`] if the observations are
    /// more than can be counted.
    ///
    /// # Examples
    /// Halves of the line y = 1 + 2 x, summed apart:
    /// ```
    /// use gradus::NormalEquation;
    /// use gradus::nalgebra::dvector;
    ///
    /// let (mut sums, mut others) = (NormalEquation::<f64>::new(1, 1), NormalEquation::new(1, 1));
    /// sums.push(&dvector![0.0, 1.0], &dvector![1.0, 3.0])?;
    /// others.push(&dvector![2.0, 3.0], &dvector![5.0, 7.0])?;
    /// sums.merge(&others)?;
    /// assert_eq!(sums.solve()?.coefficients()[0], 2.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.sums.merge(&other.sums)
    }

    /// The least-squares solution for what the sums are over.
    ///
    /// # Errors
    /// [`Error::Empty`] without observations, targets or unknowns, [`Error::Underdetermined`] with fewer
    /// observations than unknowns, [`Error::RankDeficient`] with the columns that are combinations of those before
    /// them, [`Error::Overflow`] if the solution leaves the range of the number type.
    pub fn solve(&self) -> Result<LinearFit<T>> {
        LinearFit::from_solution(self.solution()?)
    }

    #[inline(never)]
    pub(super) fn solution(&self) -> Result<Solution<T>> {
        let unknowns = self.sums.features.saturating_add(self.intercept.unknowns());
        check_counts(self.sums.observations, self.sums.targets, unknowns)?;
        if self.sums.observations < unknowns {
            return Err(Error::Underdetermined { observations: self.sums.observations, unknowns });
        }
        let first = 1 - self.intercept.unknowns();
        let exponents: Vec<i32> = self.sums.exponents().skip(first).collect();
        let (unknown_exponents, target_exponents) = exponents.split_at(unknowns);
        let mut factor = self.sums.matrix.trailing(first)?;
        let threshold = self.threshold();
        let dependent = factor.factor(unknowns, |_, whole, left| left <= whole * threshold);
        if !dependent.is_empty() {
            return Err(self.refusal(&factor, &dependent, unknown_exponents));
        }
        let parameters = (0..self.sums.targets).flat_map(|target| {
            let mut solution = factor.row(unknowns + target, unknowns);
            factor.solve_transposed(unknowns, &mut solution);
            solution
        });
        let parameters: Vec<T::Wide> = parameters.collect();
        let length = |unknown: usize| self.sums.matrix[(first + unknown, first + unknown)].round().sqrt();
        let lengths: Vec<T> = (0..unknowns).map(length).collect();
        let rounded =
            DMatrix::from_fn(unknowns, unknowns, |i, j| if i < j { T::zero() } else { factor[(i, j)].round() });
        let rounding = self.rounding(unknowns);
        let root = Root::new(unknowns, factor.inverse_root(unknowns), true, 0.0);
        let condition = root.condition(Triangle::from_factor(rounded).condition(), &lengths);
        let root = root.with_error_of(rounding * condition * condition);
        let targets = (0..self.sums.targets).map(|target| {
            self.target(&factor, target, &parameters[target * unknowns..][..unknowns], &lengths, condition * rounding)
        });
        Ok(conclude::conclude(Found {
            solver: Solver::Sums,
            intercept: self.intercept,
            observations: self.sums.observations,
            log_weights: self.sums.log_weights(),
            unknown_exponents: unknown_exponents.to_vec(),
            target_exponents: target_exponents.to_vec(),
            targets: targets.collect(),
            root: Some(root),
            lengths,
            condition,
            rank: Some(unknowns),
            parameters,
            steps: 0,
            is_refined: true,
        }))
    }

    /// The sums of squares of a target, given its parameters and κ times the rounding of the sums.
    fn target(
        &self,
        factor: &WideMatrix<T>,
        target: usize,
        parameters: &[T::Wide],
        lengths: &[T],
        error: f64,
    ) -> FoundTarget<T> {
        let (unknowns, place) = (lengths.len(), 1 + self.sums.features + target);
        let whole = self.sums.matrix[(place, place)];
        let total = match self.intercept {
            Intercept::Include => {
                whole - self.sums.matrix[(place, 0)] * self.sums.matrix[(place, 0)] / self.sums.matrix[(0, 0)]
            }
            Intercept::Omit => whole,
        };
        // The factor's row of the target holds its components along the columns made orthogonal.
        let components = factor.row(unknowns + target, unknowns);
        let components = components.into_iter().skip(self.intercept.unknowns());
        let regression = components.fold(T::Wide::zero(), |sum, component| sum + component * component);
        let whole = whole.round().to_f64();
        // Rounding of the sums disturbs a residual sum by as much as its terms are large before they cancel.
        let terms = whole.sqrt() + scaled_sum(parameters, lengths);
        let rounding = self.rounding(unknowns);
        let is_known = error * error < 0.01 * rounding;
        FoundTarget {
            // Where no digit of the factor is left, none is of this.
            residual: (
                factor[(unknowns + target, unknowns + target)],
                if is_known { rounding * terms * terms } else { f64::INFINITY },
            ),
            total: (total, rounding * whole),
            regression: with_error::<T>(regression, error * terms),
            reach: error * terms,
            left: 0.0,
            least_terms: Vec::new(),
        }
    }

    /// A dependent column in terms of independent ones before it, of those alone that are more than a millionth of it
    /// where they will do: among nearly dependent ones any multiple of their difference is nothing.
    fn simplest_combination(&self, factor: &WideMatrix<T>, column: usize, dependent: &[usize]) -> Vec<(usize, T)> {
        let all = factor.combination(column, dependent);
        let first = 1 - self.intercept.unknowns();
        let sum = |i: usize, j: usize| self.sums.matrix[(first + i.max(j), first + i.min(j))];
        let size = |&(other, coefficient): &(usize, T)| coefficient.abs() * sum(other, other).round().sqrt();
        let least = all.iter().map(size).fold(T::zero(), T::max) * T::nearest(1e-6);
        let kept: Vec<usize> = all.iter().filter(|term| size(term) > least).map(|&(other, _)| other).collect();
        let places: Vec<usize> = kept.iter().copied().chain([column]).collect();
        let Ok(mut part) = WideMatrix::<T>::zeros("sums of a dependency", places.len()) else { return all };
        for (j, &column) in places.iter().enumerate() {
            places.iter().enumerate().skip(j).for_each(|(i, &row)| part[(i, j)] = sum(row, column));
        }
        let last = kept.len();
        let dependent = part.factor(last + 1, |_, whole, left| left <= whole * self.threshold());
        match dependent == [last] {
            true => part.combination(last, &[last]).into_iter().map(|(place, value)| (kept[place], value)).collect(),
            false => all,
        }
    }

    /// A bound of what rounding has made of the sums, as a fraction of the squares of their columns: that of sums over
    /// these rows, or over those that came and went.
    fn rounding(&self, unknowns: usize) -> f64 {
        let rounded = |(place, column): (usize, &Track)| {
            let squares = self.sums.matrix[(place, place)].round().to_f64();
            if squares > 0.0 { column.rounding / squares } else { 0.0 }
        };
        let rounded = self.sums.columns.iter().enumerate().map(rounded).fold(0.0, f64::max);
        let unit = (T::epsilon() * T::epsilon()).to_f64();
        conclude::rounding::<T>(16 * self.sums.observations, unknowns).max(unit * rounded)
    }

    /// What rounding leaves of a dependent column: that of the data, 8 p ε of its length, and that of the sums.
    fn threshold(&self) -> T {
        let unknowns = (self.sums.features + self.intercept.unknowns()) as f64;
        let rounding = T::epsilon() * T::epsilon();
        rounding * (T::from_count(self.sums.observations) + T::nearest(64.0 * unknowns.powi(2)))
    }

    fn refusal(&self, factor: &WideMatrix<T>, dependent: &[usize], exponents: &[i32]) -> Error {
        let first = 1 - self.intercept.unknowns();
        if self.sums.has_graded_rows() {
            return Error::IllConditioned { condition: f64::INFINITY };
        }
        let dependency = |&column: &usize| {
            let combination = self.simplest_combination(factor, column, dependent);
            let coefficients = combination.iter().map(|&(other, value)| (value, exponents[column] - exponents[other]));
            let names = combination.iter().map(|&(other, _)| rank::name(other, self.intercept));
            let terms = names.zip(rank::combination(coefficients, exponents.len()));
            let terms = terms.filter(|&(_, coefficient)| coefficient != 0.0).collect();
            Dependency::new(rank::name(column, self.intercept), terms)
        };
        let left = |&column: &usize| {
            let (left, whole) =
                (factor[(column, column)].round(), self.sums.matrix[(first + column, first + column)].round());
            if left > T::zero() { (left / whole).sqrt().to_f64() } else { 0.0 }
        };
        Error::RankDeficient {
            dependencies: dependent.iter().map(dependency).collect(),
            condition: 1.0 / dependent.iter().map(left).fold(1.0, f64::min),
        }
    }
}
