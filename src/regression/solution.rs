use nalgebra::DMatrix;

use super::Intercept;

/// What a solver hands to the fitted model, in units in which nothing overflows: column j of the design is divided
/// by 2^unknown_exponents\[j\], and target t by 2^target_exponents\[t\].
#[derive(Clone, Debug)]
pub(super) struct Solution<T> {
    pub(super) intercept: Intercept,
    /// Unknowns × targets, the intercept first.
    pub(super) parameters: DMatrix<T>,
    /// `(XᵀWX)⁻¹`; none where it has no meaning, as with a penalty.
    pub(super) inverse: Option<DMatrix<T>>,
    pub(super) unknown_exponents: Vec<i32>,
    pub(super) target_exponents: Vec<i32>,
    /// Those of positive weight.
    pub(super) observations: usize,
    /// Σ ln w.
    pub(super) log_weights: f64,
    /// For each target.
    pub(super) squares: Vec<Squares<T>>,
}

/// Sums of squares of one target, in its units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Squares<T> {
    /// `Σ w (y − ŷ)²`.
    pub(super) residual: T,
    /// Whether the residual sum is above what rounding makes of zero.
    pub(super) residual_resolved: bool,
    /// `Σ w (y − ȳ)²`, or `Σ w y²` without intercept.
    pub(super) total: T,
}
