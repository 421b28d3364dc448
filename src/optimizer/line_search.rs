use crate::error::{Error, Result};
use crate::real::Real;

/// φ(α) = f(x + α p) and φ′(α).
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial<T> {
    pub(super) alpha: T,
    pub(super) value: T,
    pub(super) slope: T,
}

/// A search for a step α that satisfies the strong Wolfe conditions.
///
/// Sufficient decrease, `φ(α) ≤ φ(0) + c₁ α φ′(0)`, and curvature, `|φ′(α)| ≤ c₂ |φ′(0)|`. Values are known to rounding
/// only, so that 4ε|φ(0)| are allowed on top: without that the last digits of a minimizer, over which φ is constant to
/// rounding while φ′ is not, would be out of reach (Hager and Zhang 2005).
///
/// Algorithms 3.5 and 3.6 of Nocedal and Wright as one loop: `low` is the best point so far, `high`, once there is one,
/// the other end of an interval that holds acceptable points. The next trial is the minimizer of the cubic through
/// both, kept from the ends; where the interval shrinks too slowly, its middle.
#[derive(Clone, Copy, Debug)]
pub(super) struct WolfeSearch<T> {
    pub(super) decrease: T,
    pub(super) curvature: T,
}

/// Enough to come down by 10⁻⁴⁰ from a point where f is not finite, or to bisect an interval to its last digits.
const TRIALS: usize = 40;

impl<T: Real> WolfeSearch<T> {
    pub(super) fn new(decrease: T, curvature: T) -> Result<Self> {
        let refuse = |name, value: T, expected| Err(Error::InvalidParameter { name, value: value.to_f64(), expected });
        if !(decrease > T::zero() && decrease < T::nearest(0.5)) {
            return refuse("c1", decrease, "a number above 0 and below 1/2");
        }
        if !(curvature > decrease && curvature < T::one()) {
            return refuse("c2", curvature, "a number above c1 and below 1");
        }
        Ok(Self { decrease, curvature })
    }

    /// Searches from α = 1, for φ′(0) < 0; the point returned is the last one that was evaluated.
    ///
    /// Where no trial is acceptable, as on a function that falls without bound, the lowest one is returned if it lies
    /// below the start.
    pub(super) fn search(self, start: Trial<T>, mut evaluate: impl FnMut(T) -> Trial<T>) -> Option<Trial<T>> {
        let noise = T::nearest(4.0) * T::epsilon() * start.value.abs();
        let (mut low, mut high) = (start, None::<Trial<T>>);
        let mut alpha = T::one();
        let mut last_width = None;
        for _ in 0..TRIALS {
            let trial = evaluate(alpha);
            let finite = trial.value.is_finite() && trial.slope.is_finite();
            let ceiling = start.value + self.decrease * alpha * start.slope + noise;
            if !finite || trial.value > ceiling || trial.value > low.value + noise {
                high = Some(trial);
            } else if trial.slope.abs() <= -self.curvature * start.slope {
                return Some(trial);
            } else {
                // φ rises from here on toward the other end, or, without one, ahead: the minimum lies behind.
                let ahead = high.map_or(T::one(), |high| high.alpha - low.alpha);
                if trial.slope * ahead >= T::zero() {
                    high = Some(low);
                }
                if high.is_none() {
                    let (least, most) = (T::nearest(2.0) * alpha, T::nearest(10.0) * alpha);
                    alpha = clamp(cubic_minimizer(low, trial, noise), least, most);
                }
                low = trial;
            }
            let Some(high) = high else { continue };
            let width = high.alpha - low.alpha;
            let middle = low.alpha + T::nearest(0.5) * width;
            alpha = if !(high.value.is_finite() && high.slope.is_finite()) {
                low.alpha + T::nearest(0.1) * width
            } else if last_width.is_some_and(|last: T| width.abs() > T::nearest(0.66) * last) {
                middle
            } else {
                let margin = T::nearest(0.1) * width.abs();
                let (left, right) = if width > T::zero() { (low.alpha, high.alpha) } else { (high.alpha, low.alpha) };
                clamp(cubic_minimizer(low, high, noise), left + margin, right - margin)
            };
            last_width = Some(width.abs());
            if alpha == low.alpha || alpha == high.alpha {
                break;
            }
        }
        (low.value < start.value).then(|| evaluate(low.alpha))
    }
}

/// Where the cubic with the values and slopes of `a` and `b` has its minimum; NaN where it has none.
///
/// Values that differ by no more than rounding are as good as none: the slopes alone then give the secant's zero.
fn cubic_minimizer<T: Real>(a: Trial<T>, b: Trial<T>, noise: T) -> T {
    let width = b.alpha - a.alpha;
    let mean_slope = if (b.value - a.value).abs() <= noise {
        T::nearest(0.5) * (a.slope + b.slope)
    } else {
        (b.value - a.value) / width
    };
    let d1 = a.slope + b.slope - T::nearest(3.0) * mean_slope;
    let root = (d1 * d1 - a.slope * b.slope).sqrt();
    let d2 = if width > T::zero() { root } else { -root };
    b.alpha - width * (b.slope + d2 - d1) / (b.slope - a.slope + d2 + d2)
}

/// `x` if it lies between, else the end that is nearer; the middle for NaN.
fn clamp<T: Real>(x: T, least: T, most: T) -> T {
    if x >= least && x <= most {
        x
    } else if x < least {
        least
    } else if x > most {
        most
    } else {
        T::nearest(0.5) * (least + most)
    }
}

#[cfg(test)]
mod tests;
