use super::blocks::{Blocks, Gradient, Total};
use super::factors::{Corrector, Start};
use crate::linalg;
use crate::real::Real;
use crate::wide::Wide;

/// More steps than any refinement that converges was seen to take.
const MOST_STEPS: usize = 30;

/// Up to this relative error of a solution, its residual sum of squares may be a difference of sums.
const SUBTRACTED: f64 = 1e-6;

/// Above this relative error of a correction, what corrections leave is told by the gradient alone.
const GOOD: f64 = 0.1;

/// A solution, and how far it may be from the exact one. Lengths are those of `D b`, with the lengths `D` of the
/// columns.
#[derive(Clone, Debug)]
pub(super) struct Refined<T: Real> {
    /// Unknowns × targets.
    pub(super) parameters: Vec<T::Wide>,
    /// `Σ w r²` for each target.
    pub(super) squares: Vec<T::Wide>,
    /// A bound of the error of these sums, where they are not those of the parameters in twice the working precision.
    pub(super) squares_error: f64,
    pub(super) steps: usize,
    /// A bound of the length of the corrections that were still to come, for each target.
    pub(super) left: Vec<f64>,
    /// Whether they vanished.
    pub(super) has_settled: bool,
}

/// What is known of a problem before it is refined.
pub(super) struct Known<'k, 'a, T: Real> {
    pub(super) blocks: &'k Blocks<'a, T>,
    pub(super) totals: &'k [Total<T>],
    /// κ
    pub(super) condition: f64,
}

impl<T: Real> Known<'_, '_, T> {
    /// ‖y‖
    pub(super) fn length(&self, target: usize) -> f64 {
        self.totals[target].whole.round().max(T::zero()).to_f64().sqrt()
    }

    /// The first solution alone, with what digits the corrector has.
    pub(super) fn unrefined(&self, corrector: &dyn Corrector<T>, start: Option<&Start<T>>, error: f64) -> Refined<T> {
        let blocks = self.blocks;
        let widen = |numbers: &[T]| numbers.iter().map(|&number| T::Wide::widen(number)).collect();
        let (parameters, squares): (Vec<T::Wide>, _) = match start {
            Some(start) => (widen(&start.parameters), start.squares.as_deref().map(widen)),
            None => {
                let nothing = vec![T::Wide::zero(); blocks.unknowns() * blocks.targets()];
                let gradient = blocks.gradient(&nothing).gradient;
                let parameters =
                    gradient.chunks_exact(blocks.unknowns()).flat_map(|column| corrector.correction(column));
                (parameters.collect(), None)
            }
        };
        let left = |(target, parameters): (usize, &[T::Wide])| {
            // Sums of products have rounding of y, whatever it explains; other factors that of the fitted values.
            let (longer, length) = (if start.is_some() { 1.0 } else { self.condition }, self.length(target));
            error * (scaled_length(parameters, &blocks.units.lengths) + longer * length)
        };
        let left: Vec<f64> = parameters.chunks_exact(blocks.unknowns()).enumerate().map(left).collect();
        let rounding = T::epsilon().to_f64() * 8.0 * blocks.unknowns() as f64;
        // What the parameters leave, unless they have digits enough to be told by subtraction.
        let squares = squares.filter(|_: &Vec<T::Wide>| error <= SUBTRACTED);
        let squares_error = if squares.is_some() { rounding } else { 0.0 };
        let squares = squares.unwrap_or_else(|| blocks.squares(&parameters));
        Refined { parameters, squares, squares_error, steps: 1, left, has_settled: true }
    }

    /// Solves `(XᵀWX + Λ) B = XᵀWY` by corrections of the gradient, which is formed in twice the working precision.
    /// `error` is a bound of the relative error of a correction.
    ///
    /// J. H. Wilkinson (1963): Rounding Errors in Algebraic Processes, ch. 3; Å. Björck (1967): Iterative refinement of
    /// linear least squares solutions I.
    pub(super) fn refine(&self, corrector: &dyn Corrector<T>, start: Option<&Start<T>>, error: f64) -> Refined<T> {
        let Self { blocks, condition, .. } = *self;
        let (unknowns, targets, lengths) = (blocks.unknowns(), blocks.targets(), &blocks.units.lengths);
        let mut parameters = vec![T::Wide::zero(); unknowns * targets];
        // Fitted values may cancel by κ. What is left of rows that are fitted well, by as much again: no matter where a
        // correction has all digits.
        let canceled = if error <= T::epsilon().to_f64() { condition * condition } else { condition };
        let (mut last_sizes, mut left) = (vec![f64::INFINITY; targets], vec![0.0; targets]);
        let mut steps = 0;
        loop {
            let (corrections, evaluated): (Vec<T::Wide>, Option<Gradient<T>>) = match start.filter(|_| steps == 0) {
                Some(start) => (start.parameters.iter().map(|&entry| T::Wide::widen(entry)).collect(), None),
                None => {
                    let evaluated = blocks.gradient(&parameters);
                    let columns = evaluated.gradient.chunks_exact(unknowns);
                    (columns.flat_map(|gradient| corrector.correction(gradient)).collect(), Some(evaluated))
                }
            };
            let (mut all_vanish, mut all_stop, mut settles_squares) = (true, true, true);
            for (target, parameters) in parameters.chunks_exact_mut(unknowns).enumerate() {
                let part = target * unknowns..(target + 1) * unknowns;
                let correction = &corrections[part.clone()];
                let corrected: Vec<_> = parameters.iter().zip(correction).map(|(&b, &c)| b + c).collect();
                let [size, length] = [correction, &corrected].map(|b| scaled_length(b, lengths));
                let square =
                    evaluated.as_ref().map_or(self.totals[target].whole, |evaluated| evaluated.squares[target]);
                let floor = self.floor(target, length, square);
                left[target] = match &evaluated {
                    _ if error <= GOOD => error * size,
                    Some(evaluated) => {
                        let inverse: Vec<T> = lengths.iter().map(|&length| inverse(length)).collect();
                        condition * condition * scaled_length(&evaluated.gradient[part], &inverse)
                    }
                    None => f64::INFINITY,
                };
                // So far below that the digits of entries that are small beside others are right, too.
                let enough = T::epsilon().to_f64() / 16.0;
                let negligible = floor + length * T::epsilon().to_f64().powf(1.5);
                let entries = corrected.iter().zip(correction).zip(lengths).all(|((&whole, &part), &length)| {
                    let [whole, part] = [whole, part].map(|value| (value.round() * length).abs().to_f64());
                    error > GOOD || error * part <= enough * whole + negligible
                });
                let is_exact = left[target] * canceled <= enough * length
                    // Or where nothing more can be gained.
                    || steps > 1 && size <= floor && size >= 0.1 * last_sizes[target];
                // The first gradient is that of no solution.
                let vanishes = steps > 0 && is_exact && entries;
                let grows = steps > 1 && size > 0.5 * last_sizes[target] && size > 4.0 * floor;
                if !grows {
                    parameters.copy_from_slice(&corrected);
                } else if error <= GOOD {
                    left[target] = size;
                }
                last_sizes[target] = size;
                all_vanish &= vanishes && !grows;
                all_stop &= vanishes || grows || !size.is_finite();
                // Without a penalty corrections are orthogonal to what they leave of y.
                let added = size * size * unknowns as f64;
                settles_squares &= !blocks.units.is_penalized()
                    && added <= square.round().to_f64() * T::epsilon().to_f64() * 0.01
                    || size <= length * (T::epsilon() * T::epsilon()).to_f64();
            }
            steps += 1;
            if all_stop || steps == MOST_STEPS {
                // At the parameters before the corrections, unless those may have changed a digit.
                let squares = evaluated.filter(|_| settles_squares).map(|evaluated| evaluated.squares);
                let squares = squares.unwrap_or_else(|| blocks.squares(&parameters));
                return Refined { squares, squares_error: 0.0, parameters, steps, left, has_settled: all_vanish };
            }
        }
    }

    /// What the rounding of the doubled precision leaves of error: about κ² u ‖r‖ + κ u (‖y‖ + ‖D b‖).
    pub(super) fn floor(&self, target: usize, length: f64, square: T::Wide) -> f64 {
        let Self { blocks, condition, .. } = *self;
        let part = blocks.units.data_part();
        let residual = square.round().max(T::zero()).to_f64().sqrt();
        let rounding = (T::epsilon() * T::epsilon()).to_f64() * 16.0;
        rounding * condition * (condition * part * residual + part * self.length(target) + length)
    }
}

fn inverse<T: Real>(length: T) -> T {
    if length.is_zero() { T::zero() } else { T::one() / length }
}

/// ‖D b‖
pub(super) fn scaled_length<T: Real>(b: &[T::Wide], lengths: &[T]) -> f64 {
    let scaled: Vec<T> = b.iter().zip(lengths).map(|(entry, &length)| entry.round() * length).collect();
    linalg::norm(&scaled).to_f64()
}
