use std::borrow::Cow;

use super::factors::root::Root;
use super::polynomial::Basis;
use super::problem::Intercept;
use super::report::RegressionReport;
use crate::error::Dependency;
use crate::linalg::times_power_of_two;
use crate::real::Real;
use crate::wide::Wide;

/// What a solver hands to the fitted model, in units in which nothing overflows: column j of the design is divided
/// by `2^unknown_exponents[j]`, and target t by `2^target_exponents[t]`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        rename = "LinearFit",
        bound(serialize = "T: serde::Serialize", deserialize = "T: Real + serde::Deserialize<'de>")
    )
)]
pub(super) struct Solution<T: Real> {
    pub(super) intercept: Intercept,
    /// What the columns are, if not powers as they are given.
    pub(super) basis: Option<Basis<T>>,
    /// Unknowns × targets, the intercept first.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::wide"))]
    pub(super) parameters: Vec<T::Wide>,
    /// The number of independent columns, that of the intercept among them; none with a penalty, which leaves no
    /// whole number of them.
    pub(super) rank: Option<usize>,
    /// `M` with `M Mᵀ = (XᵀWX)⁻¹`; none where it has no meaning, as with a penalty.
    pub(super) root: Option<Root<T>>,
    pub(super) unknown_exponents: Vec<i32>,
    pub(super) target_exponents: Vec<i32>,
    /// Those of positive weight.
    pub(super) observations: usize,
    /// Σ ln w.
    pub(super) log_weights: f64,
    /// For each target.
    pub(super) squares: Vec<Squares<T>>,
    pub(super) report: RegressionReport,
    /// The dependent columns, where they were to be put up with.
    pub(super) dependencies: Vec<Dependency>,
}

/// Sums of squares of one target, in its units.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Squares<T> {
    /// `Σ w (y − ŷ)²`
    pub(super) residual: T,
    /// A bound of its error, if it is finite.
    pub(super) residual_error: Option<T>,
    /// Whether the residual sum is above what rounding makes of zero.
    pub(super) residual_resolved: bool,
    /// `Σ w (y − ȳ)²`, or `Σ w y²` without intercept.
    pub(super) total: T,
    /// `total − residual`, to its own full precision: of a refined solution without a penalty `Σ w (ŷ − ȳ)²`, or `Σ w
    /// ŷ²` without intercept.
    pub(super) regression: T,
    /// A bound of what the error of the parameters makes of a fitted value of leverage 1, if it is finite.
    pub(super) reach: Option<T>,
    /// `regression − residual (q − 1) / d`, or with q for q − 1 without intercept, to its own full precision; 0 without
    /// residual degrees of freedom or with a penalty.
    pub(super) adjusted: T,
}

impl<T: Real> Solution<T> {
    /// From a solution for some of the unknowns to one for all; the others, of these exponents, are 0, and known to be.
    pub(super) fn spread(self, places: &[usize], exponents: &[i32]) -> Self {
        let (some, all) = (places.len(), exponents.len());
        let spread = |column: &[T::Wide]| {
            let mut spread = vec![T::Wide::zero(); all];
            places.iter().zip(column).for_each(|(&place, &entry)| spread[place] = entry);
            spread
        };
        let root = self.root.map(|root| {
            let mut entries = vec![T::Wide::zero(); all * all];
            for (&place, column) in places.iter().zip(root.entries().chunks_exact(some.max(1))) {
                entries[place * all..][..all].copy_from_slice(&spread(column));
            }
            Root::new(all, entries, root.is_refined, root.error)
        });
        let targets = 0..self.target_exponents.len();
        let parameters = targets.flat_map(|target| spread(&self.parameters[target * some..][..some])).collect();
        let mut unknown_exponents = exponents.to_vec();
        places.iter().zip(&self.unknown_exponents).for_each(|(&place, &exponent)| unknown_exponents[place] = exponent);
        Self { parameters, root, unknown_exponents, ..self }
    }

    pub(super) fn unknowns(&self) -> usize {
        self.unknown_exponents.len()
    }

    pub(super) fn targets(&self) -> usize {
        self.target_exponents.len()
    }

    /// The parameters of a target, in the units and the basis of the solution.
    pub(super) fn parameters(&self, target: usize) -> &[T::Wide] {
        &self.parameters[target * self.unknowns()..][..self.unknowns()]
    }

    /// Whether it is one of many, that of the least norm.
    pub(super) fn is_of_least_norm(&self) -> bool {
        self.root.is_none() && !self.dependencies.is_empty()
    }

    /// The basis, if its powers are not those of x times powers of two.
    fn shifted(&self) -> Option<&Basis<T>> {
        self.basis.as_ref().filter(|basis| !basis.center.is_zero())
    }

    /// The parameters, unknowns × targets, for the columns as they are given.
    pub(super) fn published_parameters(&self) -> Cow<'_, [T::Wide]> {
        self.shifted().map_or(Cow::Borrowed(&self.parameters), |basis| {
            Cow::Owned(basis.expanded(&self.parameters, &self.unknown_exponents))
        })
    }

    /// The root for these.
    pub(super) fn published_root(&self) -> Option<Cow<'_, Root<T>>> {
        let root = self.root.as_ref()?;
        Some(self.shifted().map_or(Cow::Borrowed(root), |basis| {
            let entries = basis.expanded(root.entries(), &self.unknown_exponents);
            Cow::Owned(Root::new(root.unknowns(), entries, root.is_refined, root.error))
        }))
    }

    /// The exponents of the powers of two that these columns are divided by.
    pub(super) fn published_exponents(&self) -> Cow<'_, [i32]> {
        let Some(basis) = self.basis else { return Cow::Borrowed(&self.unknown_exponents) };
        let mut exponents = basis.exponents(self.intercept, self.unknowns());
        if self.shifted().is_none() {
            exponents.iter_mut().zip(&self.unknown_exponents).for_each(|(exponent, unit)| *exponent += unit);
        }
        Cow::Owned(exponents)
    }

    /// The residual degrees of freedom; none with a penalty.
    pub(super) fn degrees_of_freedom(&self) -> Option<usize> {
        self.rank.map(|rank| self.observations.saturating_sub(rank))
    }

    /// `√(Σ w r² / d)` of a target, in its units, for d residual degrees of freedom; none if there are none.
    pub(super) fn residual_standard_deviation(&self, target: usize) -> Option<T> {
        let freedom = self.degrees_of_freedom().filter(|&freedom| freedom > 0)?;
        let deviation = (self.squares.get(target)?.residual / T::from_count(freedom)).sqrt();
        deviation.is_finite().then_some(deviation)
    }
}

/// `x 2^e`; none if it overflows.
pub(super) fn unscaled<T: Real>(x: T, exponent: i32) -> Option<T> {
    // The power alone may overflow.
    let value = if x.is_zero() { x } else { times_power_of_two(x, exponent) };
    value.is_finite().then_some(value)
}
