//! What solutions are corrected with.

pub(super) mod conjugate_gradient;
pub(super) mod triangle;
pub(super) mod wide_matrix;

pub(super) mod root;

use crate::linalg;
use crate::real::Real;
use crate::wide::Wide;

/// What a refinement corrects with.
pub(super) trait Corrector<T: Real> {
    /// The correction `(XᵀWX + Λ)⁻¹ g` of the parameters of one target, roughly.
    fn correction(&self, gradient: &[T::Wide]) -> Vec<T::Wide>;
}

/// A solution in working precision, which came with a factor.
#[derive(Clone, Debug)]
pub(super) struct Start<T> {
    /// Unknowns × targets.
    pub(super) parameters: Vec<T>,
    /// `Σ w r²` for each target by subtraction, if that has left half of the digits of all.
    pub(super) squares: Option<Vec<T>>,
}

/// The gradient by the parameters of columns less their means.
fn shifted_gradient<T: Real>(gradient: &[T::Wide], means: &[T]) -> Vec<T> {
    // Taken off before rounding: the two terms may be close.
    let shifted = |(&entry, &mean): (&T::Wide, &T)| {
        if mean.is_zero() { entry.round() } else { (entry - gradient[0].times(mean)).round() }
    };
    gradient.iter().zip(means).map(shifted).collect()
}

/// From parameters of columns less their means to those of the columns.
fn unshifted_correction<T: Real>(correction: &mut [T], means: &[T]) {
    if let (Some((constant, coefficients)), Some((_, means))) = (correction.split_first_mut(), means.split_first()) {
        *constant -= linalg::dot(means, coefficients);
    }
}
