use nalgebra::DMatrix;

use super::factors::root::{Root, join};
use super::polynomial::Basis;
use super::problem::Intercept;
use super::report::RegressionReport;
use crate::error::Dependency;
use crate::linalg::times_power_of_two;
use crate::real::Real;

/// A matrix in twice the working precision: its entries, and what these have lost to rounding.
pub(super) type WidePair<T> = [DMatrix<T>; 2];

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
pub(super) struct Solution<T> {
    pub(super) intercept: Intercept,
    /// What the columns are, if not powers as they are given.
    pub(super) basis: Option<Basis<T>>,
    /// Unknowns × targets, the intercept first.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::wide"))]
    pub(super) parameters: WidePair<T>,
    /// The number of independent columns, that of the intercept among them; none with a penalty, which leaves no
    /// whole number of them.
    pub(super) rank: Option<usize>,
    /// `M` with `M Mᵀ = (XᵀWX)⁻¹`; none where it has no meaning, as with a penalty.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::optional_wide"))]
    pub(super) root: Option<WidePair<T>>,
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
    /// `total − residual`, to its own full precision: of a refined solution without a penalty `Σ w (ŷ − ȳ)²`, or `Σ w ŷ²`
    /// without intercept.
    pub(super) regression: T,
    /// A bound of what the error of refined parameters makes of a fitted value of leverage 1.
    pub(super) reach: T,
    /// `regression − residual (q − 1) / d`, or with q for q − 1 without intercept, to its own full precision; 0 without
    /// residual degrees of freedom or with a penalty.
    pub(super) adjusted: T,
}

impl<T: Real> Solution<T> {
    /// From a solution for some of the unknowns to one for all, of these exponents; the others are 0, and known to be.
    pub(super) fn spread(self, places: &[usize], exponents: &[i32]) -> Self {
        let all = exponents.len();
        let square = |matrix: &DMatrix<T>| {
            let mut spread = DMatrix::zeros(all, all);
            for (j, &column) in places.iter().enumerate() {
                for (i, &row) in places.iter().enumerate() {
                    spread[(row, column)] = matrix[(i, j)];
                }
            }
            spread
        };
        let rows = |matrix: &DMatrix<T>| {
            let mut spread = DMatrix::zeros(all, matrix.ncols());
            places.iter().zip(matrix.row_iter()).for_each(|(&place, row)| spread.row_mut(place).copy_from(&row));
            spread
        };
        Self {
            parameters: self.parameters.each_ref().map(rows),
            root: self.root.map(|root| root.each_ref().map(square)),
            unknown_exponents: exponents.to_vec(),
            ..self
        }
    }

    pub(super) fn unknowns(&self) -> usize {
        self.unknown_exponents.len()
    }

    pub(super) fn targets(&self) -> usize {
        self.target_exponents.len()
    }

    /// The parameters of a target, in the units and the basis of the solution.
    pub(super) fn parameters(&self, target: usize) -> Vec<T::Wide> {
        let unknowns = self.unknowns();
        join(&self.parameters)[target * unknowns..][..unknowns].to_vec()
    }

    /// `M`, in the units and the basis of the solution.
    pub(super) fn root(&self) -> Option<Root<T>> {
        let RegressionReport { standard_errors_refined, standard_error_bound, .. } = self.report;
        let entries = join(self.root.as_ref()?);
        Some(Root::new(self.unknowns(), entries, standard_errors_refined, standard_error_bound))
    }

    /// The parameters, unknowns × targets, and the root for the columns as they are given, with the exponents of those.
    pub(super) fn published(&self) -> (Vec<T::Wide>, Option<Root<T>>, Vec<i32>) {
        let (parameters, root) = (join(&self.parameters), self.root());
        let Some(basis) = &self.basis else { return (parameters, root, self.unknown_exponents.clone()) };
        let expand = |columns: &[T::Wide]| basis.expanded(columns, &self.unknown_exponents);
        let root = root.map(|root| Root::new(root.unknowns(), expand(root.entries()), root.is_refined, root.error));
        (expand(&parameters), root, basis.exponents(self.unknowns()))
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
