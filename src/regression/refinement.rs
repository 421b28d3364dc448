use nalgebra::DMatrix;

use super::design::{Design, Gradient};
use super::preconditioner::{Corrector, Preconditioner};
use crate::linalg;
use crate::real::Real;
use crate::wide::Wide;

/// More steps than any refinement that converges was seen to take.
const MOST_STEPS: usize = 30;

/// A solution that was corrected until the corrections vanished, or grew.
#[derive(Clone, Debug)]
pub(super) struct Refined<T: Real> {
    /// Unknowns × targets.
    pub(super) parameters: Vec<T::Wide>,
    /// `Σ w r²` for each target.
    pub(super) squares: Vec<T::Wide>,
    pub(super) steps: usize,
    /// What the next correction would be, relative to the solution: the largest over the targets.
    pub(super) remaining: T,
}

/// Whether κ² ε, what a factor of sums of products contracts errors by, is above √ε.
fn doubtful<T: Real>(condition: T) -> bool {
    condition * condition > T::one() / T::epsilon().sqrt()
}

/// The first solution alone, with what digits the corrector has; and the condition number, which tells how many those are.
pub(super) fn unrefined<T: Real>(design: &Design<'_, T>, corrector: &dyn Corrector<T>) -> (Refined<T>, f64) {
    let widen = |numbers: &[T]| numbers.iter().map(|&number| T::Wide::widen(number)).collect();
    let (parameters, squares): (Vec<T::Wide>, _) = match corrector.start() {
        Some(start) => (widen(&start.parameters), start.squares.as_deref().map(widen)),
        None => {
            let nothing = vec![T::Wide::zero(); design.unknowns() * design.targets()];
            let gradient = design.gradient(&nothing).gradient;
            let parameters = gradient.chunks_exact(design.unknowns()).flat_map(|column| corrector.correction(column));
            (parameters.map(T::Wide::widen).collect(), None)
        }
    };
    let squares = squares.unwrap_or_else(|| design.squares(&parameters));
    // What a factor of sums of products may leave; one of reflections is better.
    let condition = corrector.condition();
    let square = T::nearest(condition) * T::nearest(condition);
    let error = square * T::epsilon() * T::from_count(8 * design.unknowns());
    (Refined { parameters, squares, steps: 1, remaining: error.min(T::one()) }, condition)
}

/// Solves `(XᵀWX + Λ) B = XᵀWY` by corrections of the gradient, which is formed in twice the working precision.
///
/// J. H. Wilkinson (1963): Rounding Errors in Algebraic Processes, ch. 3; Å. Björck (1967): Iterative refinement of
/// linear least squares solutions I.
pub(super) fn refine<T: Real>(design: &Design<'_, T>, corrector: &dyn Corrector<T>) -> Refined<T> {
    let unknowns = design.unknowns();
    let mut parameters = vec![T::Wide::widen(T::zero()); unknowns * design.targets()];
    let mut steps = 0;
    let (mut last_correction, mut last_ratio) = (T::one(), T::one());
    loop {
        let mut largest = Correction { whole: T::zero(), entries: T::zero() };
        let (corrections, squares) = match corrector.start().filter(|_| steps == 0) {
            Some(start) => (start.parameters.clone(), None),
            None => {
                let Gradient { gradient, squares } = design.gradient(&parameters);
                let corrections = gradient.chunks_exact(unknowns).flat_map(|gradient| corrector.correction(gradient));
                (corrections.collect(), Some(squares))
            }
        };
        for (correction, parameters) in corrections.chunks_exact(unknowns).zip(parameters.chunks_exact(unknowns)) {
            largest = largest.or(Correction::of(correction, parameters, &design.lengths));
        }
        let ratio = if steps == 0 { T::one() } else { largest.whole / last_correction };
        // The first correction starts from nothing: how it compares with the second may say little.
        let contraction = if steps < 2 { ratio } else { ratio.max(last_ratio) };
        let growing = steps > 1 && ratio > T::nearest(0.5);
        if !growing {
            for (parameter, &correction) in parameters.iter_mut().zip(&corrections) {
                *parameter += T::Wide::widen(correction);
            }
        }
        steps += 1;
        (last_correction, last_ratio) = (largest.whole, ratio);
        // Each correction is `contraction` times as large as the one before.
        let remaining = if growing { largest.whole } else { contraction * largest.whole };
        // One ratio may be small by luck. Where the condition number, which costs an iteration, leaves room for that, two
        // are asked for.
        let vanishing = steps > 1
            && contraction * largest.entries <= T::epsilon() / T::nearest(16.0)
            && (steps > 2 || !doubtful(T::nearest(corrector.condition())));
        // The targets are scaled to entries of about 1: what a relative error adds to a sum of squares is no more than
        // its own square, once for each row.
        let settled = |error: T| {
            let added = error * error * T::from_count(design.rows());
            let smallest = T::epsilon() * T::epsilon();
            let enough = |square: &T::Wide| added <= square.round() * T::epsilon() * T::nearest(0.01);
            error <= smallest || squares.as_ref().is_some_and(|squares| squares.iter().all(enough))
        };
        let last = steps == MOST_STEPS;
        if growing || vanishing && settled(remaining) || last || !largest.whole.is_finite() {
            // At the parameters before the correction, unless it may have changed a digit.
            let enough = settled(largest.whole);
            let squares = squares.filter(|_| enough).unwrap_or_else(|| design.squares(&parameters));
            return Refined { squares, parameters, steps, remaining };
        }
    }
}

/// How large a correction is: of the whole vector, and of the entry that it changes most.
#[derive(Clone, Copy)]
struct Correction<T> {
    whole: T,
    entries: T,
}

impl<T: Real> Correction<T> {
    /// Relative to the corrected parameters, in units in which every column has the length 1.
    fn of(correction: &[T], parameters: &[impl Wide<T>], lengths: &[T]) -> Self {
        let corrected: Vec<T> =
            parameters.iter().zip(correction).map(|(parameter, &c)| parameter.round() + c).collect();
        let scaled = |values: &[T]| {
            let values: Vec<T> = values.iter().zip(lengths).map(|(&value, &length)| value * length).collect();
            linalg::norm(&values)
        };
        let ratio = |part: T, whole: T| if part.is_zero() { T::zero() } else { part / whole };
        let length = scaled(&corrected);
        // Entries that are nothing beside the others are not asked to be exact to the last digit.
        let negligible = length * T::epsilon() * T::epsilon().sqrt();
        let entries = correction.iter().zip(&corrected).zip(lengths).map(|((&part, &whole), &length)| {
            ratio(part.abs(), whole.abs().max(if length.is_zero() { T::zero() } else { negligible / length }))
        });
        Self {
            whole: ratio(scaled(correction), length),
            entries: entries.fold(T::zero(), |a, b| if b <= a { a } else { b }),
        }
    }

    fn or(self, other: Self) -> Self {
        let larger = |a: T, b: T| if b <= a { a } else { b };
        Self { whole: larger(self.whole, other.whole), entries: larger(self.entries, other.entries) }
    }
}

/// `(XᵀWX + Λ)⁻¹` from the factor, refined in the same way; and whether the refinement converged.
pub(super) fn inverse<T: Real>(design: &Design<'_, T>, preconditioner: &Preconditioner<T>) -> (DMatrix<T>, bool) {
    let unknowns = design.unknowns();
    let rounded =
        |inverse: &[T::Wide]| DMatrix::from_iterator(unknowns, unknowns, inverse.iter().map(|entry| entry.round()));
    let identity: Vec<T::Wide> =
        DMatrix::<T>::identity(unknowns, unknowns).iter().map(|&entry| T::Wide::widen(entry)).collect();
    let mut inverse = vec![T::Wide::widen(T::zero()); unknowns * unknowns];
    let (mut last_correction, mut last_ratio) = (T::one(), T::one());
    for step in 0..MOST_STEPS {
        let residual = if step == 0 { identity.clone() } else { design.inverse_residual(&inverse) };
        let mut largest = T::zero();
        for (column, residual) in inverse.chunks_exact_mut(unknowns).zip(residual.chunks_exact(unknowns)) {
            let correction = preconditioner.correction(residual);
            largest = largest.max(Correction::of(&correction, column, &design.lengths).whole);
            column.iter_mut().zip(correction).for_each(|(entry, correction)| *entry += T::Wide::widen(correction));
        }
        let ratio = largest / last_correction;
        let contraction = if step < 2 { ratio } else { ratio.max(last_ratio) };
        // Diagonal entries may be a thousand times smaller than the column that they stand in.
        if step > 0 && contraction * largest <= T::epsilon() / T::nearest(4096.0) {
            return (rounded(&inverse), true);
        }
        if step > 1 && ratio > T::nearest(0.5) || !largest.is_finite() {
            break;
        }
        (last_correction, last_ratio) = (largest, ratio);
    }
    (rounded(&inverse), false)
}
