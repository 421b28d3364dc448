use nalgebra::DMatrix;

use super::Intercept;
use super::report::RegressionReport;
use crate::error::Dependency;
use crate::linalg::times_power_of_two;
use crate::real::Real;

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
    /// Unknowns × targets, the intercept first.
    #[cfg_attr(feature = "serde", serde(with = "super::serialization::matrix"))]
    pub(super) parameters: DMatrix<T>,
    /// The number of independent columns, that of the intercept among them; none with a penalty, which leaves no
    /// whole number of them.
    pub(super) rank: Option<usize>,
    /// `(XᵀWX)⁻¹`; none where it has no meaning, as with a penalty.
    #[cfg_attr(feature = "serde", serde(with = "super::serialization::optional_matrix"))]
    pub(super) inverse: Option<DMatrix<T>>,
    /// `M` with `M Mᵀ = (XᵀWX)⁻¹`: what the inverse has lost to rounding cancels in `xᵀ (XᵀWX)⁻¹ x`, and does not
    /// in `‖Mᵀ x‖²`. None where the inverse is.
    #[cfg_attr(feature = "serde", serde(with = "super::serialization::optional_matrix"))]
    pub(super) inverse_root: Option<DMatrix<T>>,
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
    /// `Σ w (y − ŷ)²`.
    pub(super) residual: T,
    /// Whether the residual sum is above what rounding makes of zero.
    pub(super) residual_resolved: bool,
    /// `Σ w (y − ȳ)²`, or `Σ w y²` without intercept.
    pub(super) total: T,
    /// `total − residual`, to its own full precision: without a penalty `Σ w (ŷ − ȳ)²`, or `Σ w ŷ²` without
    /// intercept.
    pub(super) regression: T,
}

impl<T: Real> Solution<T> {
    /// From a solution for some of the unknowns to one for all, of these exponents; the others are 0, and known to be.
    pub(super) fn spread(&mut self, places: &[usize], exponents: &[i32]) {
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
        self.inverse = self.inverse.as_ref().map(square);
        self.inverse_root = self.inverse_root.as_ref().map(square);
        let mut parameters = DMatrix::zeros(all, self.parameters.ncols());
        for (&place, row) in places.iter().zip(self.parameters.row_iter()) {
            parameters.row_mut(place).copy_from(&row);
        }
        self.parameters = parameters;
        self.unknown_exponents = exponents.to_vec();
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

    /// Of a parameter, in its units.
    pub(super) fn standard_error(&self, unknown: usize, target: usize) -> Option<T> {
        let variance = self.inverse.as_ref()?[(unknown, unknown)];
        // The roots of the factors: their product cannot leave the range.
        let error = self.residual_standard_deviation(target)? * variance.sqrt();
        error.is_finite().then_some(error)
    }

    /// A parameter, or what has its unit, without scaling; none if it overflows.
    pub(super) fn unscaled_parameter(&self, value: T, unknown: usize, target: usize) -> Option<T> {
        unscaled(value, self.target_exponents[target] - self.unknown_exponents[unknown])
    }
}

/// `x 2^e`; none if it overflows.
pub(super) fn unscaled<T: Real>(x: T, exponent: i32) -> Option<T> {
    // The power alone may overflow.
    let value = if x.is_zero() { x } else { times_power_of_two(x, exponent) };
    value.is_finite().then_some(value)
}
