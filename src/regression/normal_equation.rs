#[cfg(feature = "serde")]
mod serialization;

use nalgebra::DMatrix;

use super::conclude::{self, Found, FoundTarget, scaled_sum, with_error};
use super::factors::root::Root;
use super::factors::triangle::Triangle;
use super::factors::wide_matrix::WideMatrix;
use super::linear_fit::LinearFit;
use super::problem::{Intercept, check_counts, check_observations, check_weights, exponent};
use super::rank;
use super::report::Solver;
use super::solution::Solution;
use crate::error::{Column, Dependency, Error, Result, Shape};
use crate::linalg::{View, power_of_two, times_power_of_two};
use crate::real::Real;
use crate::wide::{MOST_ROWS, Wide};

/// What a diagonal entry of the sums may fall to by a removal, as a fraction of its peak: 2⁻⁴⁰ leaves 26 of 32
/// digits.
const DEEPEST_REMOVAL: f64 = 1.0 / (1_u64 << 40) as f64;

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
/// Forming `XᵀX` squares the condition number κ of X. It is paid for: the sums are kept, factored and solved in
/// twice the working precision (pairs of `f64` for `f64`, `f64` for `f32`), of columns scaled by powers of two. Any
/// partition of the rows, in any order, gives the same solution to a relative 10⁻¹² up to a column-scaled κ of 10⁹,
/// and to κ²·10⁻³¹ beyond. The price of the sums is that of eleven Gram matrices in working precision, since exact parts
/// of them are formed by the matrix kernel; that of the solution is about p³/2 multiplications in twice the precision.
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
#[derive(Clone, Debug)]
pub struct NormalEquation<T: Real> {
    features: usize,
    targets: usize,
    intercept: Intercept,
    /// Those of positive weight.
    observations: usize,
    /// Σ ln w.
    log_weights: f64,
    /// `ZᵀZ` of `Z = W^½ (1 X Y)`, whose column j is divided by 2^exponents\[j\]: the lower triangle.
    sums: WideMatrix<T>,
    /// `None` where a column has held nothing but zeros.
    exponents: Vec<Option<i32>>,
    /// The largest value that each diagonal entry of the sums has held.
    peaks: Vec<T>,
}

/// Whether observations come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Push,
    Remove,
}

impl<T: Real> NormalEquation<T> {
    /// Sums for this many features and targets, of no observations yet.
    #[must_use]
    pub fn new(features: usize, targets: usize) -> Self {
        Self {
            features,
            targets,
            intercept: Intercept::Include,
            observations: 0,
            log_weights: 0.0,
            sums: WideMatrix::empty(),
            exponents: Vec::new(),
            peaks: Vec::new(),
        }
    }

    /// The same sums, to be solved with or without an intercept.
    #[must_use]
    pub fn with_intercept(self, intercept: Intercept) -> Self {
        Self { intercept, ..self }
    }

    /// The number of observations of positive weight that the sums are over.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// Adds observations: `x` rows × features, `y` rows × targets.
    ///
    /// # Errors
    /// Nothing is added then: [`Error::ShapeMismatch`], [`Error::NotFinite`] with the place of an entry that is
    /// not finite, [`Error::TooLarge`] if the memory for the sums cannot be had.
    pub fn push<'a>(&mut self, x: impl Into<View<'a, T>>, y: impl Into<View<'a, T>>) -> Result<()> {
        self.change(Change::Push, x.into(), y.into(), None)
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
    /// use gradus::{Intercept, NormalEquation};
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
        self.change(Change::Push, x.into(), y.into(), Some(weights.into()))
    }

    /// Takes observations out again, as those of a window that moves on.
    ///
    /// The sums cannot tell whether these observations were ever pushed: that is the caller's to know.
    ///
    /// # Errors
    /// Nothing is removed then: as [`push`](Self::push); [`Error::RemovalExceeds`] if fewer observations are held,
    /// [`Error::RemovalTooDeep`] if less than 2⁻⁴⁰ of the largest sum of squares of some column would stay: 26 of
    /// 32 digits stay down to there. Build the sums anew then.
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
        self.change(Change::Remove, x.into(), y.into(), None)
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
        self.change(Change::Remove, x.into(), y.into(), Some(weights.into()))
    }

    /// Adds all observations that other sums are over.
    ///
    /// # Errors
    /// Nothing is added then: [`Error::ShapeMismatch`] if the others have not as many features and targets,
    /// [`Error::Overflow`] if the sums leave the range of the number type.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if (other.features, other.targets) != (self.features, self.targets) {
            return Err(Error::ShapeMismatch {
                what: "sums to merge (features × targets)",
                expected: Shape::new(self.features, self.targets),
                found: Shape::new(other.features, other.targets),
            });
        }
        if other.observations == 0 {
            return Ok(());
        }
        if self.sums.is_empty() {
            *self = Self { intercept: self.intercept, ..other.clone() };
            return Ok(());
        }
        let (mut merged, mut other) = (self.clone(), other.clone());
        merged.raise(&other.exponents);
        other.raise(&merged.exponents);
        merged.sums.entries_mut().iter_mut().zip(other.sums.entries()).for_each(|(sum, &other)| *sum += other);
        merged.log_weights += other.log_weights;
        let overflow = Error::Overflow { what: "observations" };
        merged.observations = merged.observations.checked_add(other.observations).ok_or(overflow)?;
        merged.peaks.iter_mut().zip(&other.peaks).for_each(|(peak, &other)| *peak = peak.max(other));
        *self = merged.settled()?;
        Ok(())
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

    pub(super) fn solution(&self) -> Result<Solution<T>> {
        let unknowns = self.features.saturating_add(self.intercept.unknowns());
        check_counts(self.observations, self.targets, unknowns)?;
        if self.observations < unknowns {
            return Err(Error::Underdetermined { observations: self.observations, unknowns });
        }
        let first = 1 - self.intercept.unknowns();
        let exponents: Vec<i32> = self.exponents.iter().skip(first).map(|exponent| exponent.unwrap_or(0)).collect();
        let (unknown_exponents, target_exponents) = exponents.split_at(unknowns);
        let mut factor = self.sums.trailing(first)?;
        // What rounding leaves of a dependent column: that of the data, 8 p ε of its length, and that of the sums.
        let rounding = T::epsilon() * T::epsilon();
        let threshold = rounding * (T::from_count(self.observations) + T::nearest(64.0 * (unknowns as f64).powi(2)));
        let dependent = factor.factor(unknowns, |_, whole, left| left <= whole * threshold);
        if !dependent.is_empty() {
            return Err(self.refusal(&factor, &dependent, unknown_exponents));
        }
        let parameters = (0..self.targets).flat_map(|target| {
            let mut solution = factor.row(unknowns + target, unknowns);
            factor.solve_transposed(unknowns, &mut solution);
            solution
        });
        let parameters: Vec<T::Wide> = parameters.collect();
        let length = |unknown: usize| self.sums[(first + unknown, first + unknown)].round().sqrt();
        let lengths: Vec<T> = (0..unknowns).map(length).collect();
        let rounded =
            DMatrix::from_fn(unknowns, unknowns, |i, j| if i < j { T::zero() } else { factor[(i, j)].round() });
        let condition = Triangle::from_factor(rounded).condition();
        let rounding = conclude::rounding::<T>(16 * self.observations, unknowns);
        let targets = (0..self.targets).map(|target| {
            self.target(&factor, target, &parameters[target * unknowns..][..unknowns], &lengths, condition * rounding)
        });
        let root = factor.inverse_root(unknowns);
        Ok(conclude::conclude(Found {
            solver: Solver::Sums,
            intercept: self.intercept,
            observations: self.observations,
            log_weights: self.log_weights,
            unknown_exponents: unknown_exponents.to_vec(),
            target_exponents: target_exponents.to_vec(),
            targets: targets.collect(),
            root: Some(Root::new(unknowns, root, true, rounding * condition * condition)),
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
        let (unknowns, place) = (lengths.len(), 1 + self.features + target);
        let whole = self.sums[(place, place)];
        let total = match self.intercept {
            Intercept::Include => whole - self.sums[(place, 0)] * self.sums[(place, 0)] / self.sums[(0, 0)],
            Intercept::Omit => whole,
        };
        // The factor's row of the target holds its components along the columns made orthogonal.
        let components = factor.row(unknowns + target, unknowns);
        let components = components.into_iter().skip(self.intercept.unknowns());
        let regression = components.fold(T::Wide::zero(), |sum, component| sum + component * component);
        let whole = whole.round().to_f64();
        // Rounding of the sums disturbs a residual sum by as much as its terms are large before they cancel.
        let terms = whole.sqrt() + scaled_sum(parameters, lengths);
        let rounding = conclude::rounding::<T>(16 * self.observations, unknowns);
        FoundTarget {
            residual: (factor[(unknowns + target, unknowns + target)], rounding * terms * terms),
            total: (total, rounding * whole),
            regression: with_error::<T>(regression, error * terms),
            reach: error * terms,
            left: 0.0,
        }
    }

    fn refusal(&self, factor: &WideMatrix<T>, dependent: &[usize], exponents: &[i32]) -> Error {
        let first = 1 - self.intercept.unknowns();
        let dependency = |&column: &usize| {
            let combination = factor.combination(column, dependent);
            let coefficients = combination.iter().map(|&(other, value)| (value, exponents[column] - exponents[other]));
            let names = combination.iter().map(|&(other, _)| rank::name(other, self.intercept));
            let terms = names.zip(rank::combination(coefficients, exponents.len()));
            let terms = terms.filter(|&(_, coefficient)| coefficient != 0.0).collect();
            Dependency::new(rank::name(column, self.intercept), terms)
        };
        let left = |&column: &usize| {
            let (left, whole) = (factor[(column, column)].round(), self.sums[(first + column, first + column)].round());
            if left > T::zero() { (left / whole).sqrt().to_f64() } else { 0.0 }
        };
        Error::RankDeficient {
            dependencies: dependent.iter().map(dependency).collect(),
            condition: 1.0 / dependent.iter().map(left).fold(1.0, f64::min),
        }
    }

    fn change(&mut self, change: Change, x: View<'_, T>, y: View<'_, T>, weights: Option<&[T]>) -> Result<()> {
        check_observations(x, y, self.features, self.targets)?;
        if let Some(weights) = weights {
            check_weights(weights, x.nrows())?;
        }
        let counts = |row: &usize| weights.is_none_or(|weights| !weights[*row].is_zero());
        let mut rows = Vec::new();
        // Without features and targets there may be any number of them.
        (rows.try_reserve_exact(x.nrows()))
            .map_err(|_| Error::TooLarge { what: "places of the observations", count: x.nrows() })?;
        rows.extend((0..x.nrows()).filter(counts));
        let counted = rows.len();
        if counted == 0 {
            return Ok(());
        }
        let mut changed = self.clone();
        changed.observations = match change {
            Change::Push => {
                let overflow = Error::Overflow { what: "observations" };
                self.observations.checked_add(counted).ok_or(overflow)?
            }
            Change::Remove => {
                let exceeds = Error::RemovalExceeds { held: self.observations, removed: counted };
                self.observations.checked_sub(counted).ok_or(exceeds)?
            }
        };
        if changed.sums.is_empty() {
            let size = self.features.saturating_add(self.targets).saturating_add(1);
            changed.sums = WideMatrix::zeros("sums of products", size)?;
            changed.exponents = vec![None; size];
            changed.peaks = vec![T::zero(); size];
        }
        let roots: Option<Vec<_>> = weights.map(|weights| rows.iter().map(|&row| root(weights[row])).collect());
        let entry = |row: usize, column: usize| match column.checked_sub(1) {
            None => T::one(),
            Some(feature) if feature < self.features => x[(row, feature)],
            Some(other) => y[(row, other - self.features)],
        };
        let needed = |column: usize| {
            let entries = rows.iter().map(|&row| entry(row, column).to_f64());
            let largest =
                |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |most: f64, value| most.max(value.abs()));
            let plain = exponent(largest(&mut entries.clone()))?;
            let Some(roots) = &roots else { return Some(plain) };
            let mut weighted =
                entries.zip(roots).map(|(entry, root)| times_power_of_two(entry, -plain) * root.round().to_f64());
            Some(plain + exponent(largest(&mut weighted))?)
        };
        let needed: Vec<_> = (0..changed.exponents.len()).map(needed).collect();
        changed.raise(&needed);

        let mut z = Vec::new();
        for (block, rows) in rows.chunks(MOST_ROWS).enumerate() {
            z.clear();
            for (column, exponent) in changed.exponents.iter().enumerate() {
                let [first, second] = power_of_two(-exponent.unwrap_or(0));
                z.extend(rows.iter().map(|&row| entry(row, column) * first * second));
            }
            let roots = roots.as_ref().map(|roots| &roots[block * MOST_ROWS..][..rows.len()]);
            let size = changed.exponents.len();
            T::Wide::add_gram(change == Change::Remove, &z, roots, size, changed.sums.entries_mut());
        }
        if let Some(weights) = weights {
            let logarithms: f64 = rows.iter().map(|&row| weights[row].to_f64().ln()).sum();
            changed.log_weights += if change == Change::Push { logarithms } else { -logarithms };
        }
        if change == Change::Remove {
            let left = |place: usize| changed.sums[(place, place)].round();
            let deepest = T::nearest(DEEPEST_REMOVAL);
            if let Some(place) = (0..changed.peaks.len()).find(|&place| left(place) < changed.peaks[place] * deepest) {
                let column = match place.checked_sub(1) {
                    None => Column::Intercept,
                    Some(feature) if feature < self.features => Column::Feature(feature),
                    Some(target) => Column::Target(target - self.features),
                };
                return Err(Error::RemovalTooDeep { column });
            }
        }
        *self = changed.settled()?;
        Ok(())
    }

    /// With the peaks brought up to date, or an error if a sum is not finite.
    fn settled(mut self) -> Result<Self> {
        for (place, peak) in self.peaks.iter_mut().enumerate() {
            let sum = self.sums[(place, place)].round();
            if !sum.is_finite() {
                return Err(Error::Overflow { what: "observations" });
            }
            *peak = peak.max(sum);
        }
        Ok(self)
    }

    /// Raises the exponents to those needed, and the sums with them.
    fn raise(&mut self, needed: &[Option<i32>]) {
        let size = self.exponents.len();
        for (place, &needed) in needed.iter().enumerate() {
            let Some(needed) = needed else { continue };
            let shift = self.exponents[place].map_or(0, |exponent| needed - exponent);
            if self.exponents[place].is_some() && shift <= 0 {
                continue;
            }
            self.exponents[place] = Some(needed);
            if shift > 0 {
                // What this takes below the range of the type is nothing beside what is to be added.
                let power = times_power_of_two(T::one(), -shift);
                for other in 0..size {
                    let entry = if other < place { (place, other) } else { (other, place) };
                    self.sums[entry] = self.sums[entry].scale(power);
                }
                self.sums[(place, place)] = self.sums[(place, place)].scale(power);
                self.peaks[place] *= power * power;
            }
        }
    }
}

/// `√w`, for weights that may be at the end of the range of the type.
fn root<T: Real>(weight: T) -> T::Wide {
    let half = (weight.to_f64().log2() / 2.0).floor() as i32;
    let root = T::Wide::widen(times_power_of_two(weight, -2 * half)).sqrt();
    root.scale(times_power_of_two(T::one(), half))
}
