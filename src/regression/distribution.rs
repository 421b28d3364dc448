//! Tails and quantiles of Student's t and of F, to at least 13 digits.
//!
//! All are one function, the regularized incomplete beta function `I_x(a, b)`. Degrees of freedom are whole, hence `a`
//! and `b` halves of whole numbers, and `xᵃ (1 − x)ᵇ` is the root of a product of powers. Repeated squaring in twice
//! the precision computes it: however large the exponents are and however far out the tail is, neither cancellation nor
//! the rounding of a logarithm takes digits. A tail is never a difference from a number close to 1.
//!
//! # References
//! - A. R. DiDonato, A. H. Morris (1992), Significant digit computation of the incomplete beta function ratios: the
//!   continued fraction
//! - C. Loader (2000), Fast and accurate computation of binomial probabilities: powers relative to those at the mean,
//!   and what Stirling's formula lacks
//! - W. J. Lentz (1976), Generating Bessel functions in Mie scattering calculations using continued fractions

use std::f64::consts::PI;

use crate::wide::{DoubleDouble, Wide};

/// Degrees of freedom up to which exponents of powers are in the range of `i64`.
const MOST_FREEDOM: f64 = (1_u64 << 50) as f64;

/// The probability that Student's t of this many degrees of freedom is as far from zero as `t`, or farther.
pub(super) fn student_two_sided(t: f64, freedom: f64) -> Option<f64> {
    Some(student(t, freedom)?.reaches)
}

/// The `t` that Student's t stays within with this probability, between 0 and 1.
pub(super) fn student_quantile(level: f64, freedom: f64) -> Option<f64> {
    // Of the probabilities of falling short and of going beyond, the smaller has the digits; 1 less ½ or more is exact.
    let falls_short = |t: f64| {
        let tails = student(t, freedom)?;
        Some(if level < 0.5 { tails.falls_short < level } else { tails.reaches > 1.0 - level })
    };
    // The bits of positive numbers are in the order of the numbers: at most 64 halvings, whatever the magnitude.
    let (mut below, mut above) = (0.0_f64.to_bits(), f64::MAX.to_bits());
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if falls_short(f64::from_bits(middle))? {
            below = middle;
        } else {
            above = middle;
        }
    }
    Some(f64::from_bits(above))
}

/// The probability that F of these many degrees of freedom, of the numerator and of the denominator, is at least `f`.
pub(super) fn f_upper_tail(f: f64, numerator: f64, denominator: f64) -> Option<f64> {
    Some(f_tails(f, 1, numerator, denominator)?.reaches)
}

/// The tails of |t|, whose square is an F.
fn student(t: f64, freedom: f64) -> Option<Tails> {
    f_tails(t.abs(), 2, 1.0, freedom)
}

/// The probabilities of less and of at least a value. Each has its digits, also where the other is close to 1.
struct Tails {
    falls_short: f64,
    reaches: f64,
}

/// The tails of F at the first or second power of `root`; `None` unless that is a number, not negative, and the degrees
/// of freedom are whole and positive.
fn f_tails(root: f64, power: u64, numerator: f64, denominator: f64) -> Option<Tails> {
    let whole = |freedom: f64| freedom >= 1.0 && freedom.fract() == 0.0 && freedom <= MOST_FREEDOM;
    if root.is_nan() || root < 0.0 || !whole(numerator) || !whole(denominator) {
        return None;
    }
    if root == 0.0 || root.is_infinite() {
        let reaches = if root == 0.0 { 1.0 } else { 0.0 };
        return Some(Tails { falls_short: 1.0 - reaches, reaches });
    }
    // x : y = 1 : odds, x + y = 1. F reaches f where a beta variable of denominator/2 and numerator/2 is at most x.
    let one = DoubleDouble::widen(1.0);
    let [wide_numerator, wide_denominator] = [numerator, denominator].map(DoubleDouble::widen);
    let odds =
        Scaled::new(DoubleDouble::widen(root)).power(power).times(Scaled::new(wide_numerator / wide_denominator));
    let is_far = odds.exponent > 0;
    let ratio = if is_far { odds.inverse() } else { odds };
    let larger = Scaled::new(one / (one + ratio.value()));
    let smaller = ratio.times(larger);
    let (x, y) = if is_far { (smaller, larger) } else { (larger, smaller) };
    // The mean of the beta variable is denominator/total; both powers are relative to those at the mean.
    let total = wide_numerator + wide_denominator;
    let relative = |x: Scaled, freedom: f64, own: DoubleDouble| x.times(Scaled::new(total / own)).power(freedom as u64);
    let powers = relative(x, denominator, wide_denominator).times(relative(y, numerator, wide_numerator));

    // How far x is below the mean, times a + b. The fraction converges on that side.
    let below_mean = (wide_denominator * y.value() - wide_numerator * x.value()).round() * 0.5;
    let is_below = below_mean >= 0.0;
    let (a, b) = (0.5 * denominator, 0.5 * numerator);
    let [x, y] = [x, y].map(|part| part.value().round());
    let (first, second) = if is_below { ((a, x), (b, y)) } else { ((b, y), (a, x)) };
    let fraction = continued_fraction(first, second, below_mean.abs())?;
    let correction = (beyond_stirling(a + b) - beyond_stirling(a) - beyond_stirling(b)).exp();
    let direct = powers.root_times((a / (a + b) * b / (2.0 * PI)).sqrt() * correction * fraction).min(1.0);
    let (reaches, falls_short) = if is_below { (direct, 1.0 - direct) } else { (1.0 - direct, direct) };
    Some(Tails { falls_short, reaches })
}

/// `I_x(a, b) B(a, b) / (xᵃ yᵇ)` for y = 1 − x, where `a y − b x`, `below_mean`, is not negative. It takes about
/// `√min(a, b)` steps, or two hundred; `None` stands for parameters out of reach.
fn continued_fraction((a, x): (f64, f64), (b, y): (f64, f64), below_mean: f64) -> Option<f64> {
    let mut value = a * (below_mean + 1.0) / (a + 1.0);
    let (mut c, mut d) = (value, 0.0);
    for step in 1..100_000 {
        let m = f64::from(step);
        let odd = a + 2.0 * m - 1.0;
        let common = m * (b - m) * x / odd;
        let numerator = (a + m - 1.0) * (a + b + m - 1.0) / odd * x * common;
        let denominator = m + common + (a + m) / (odd + 2.0) * (below_mean + 1.0 + m * (1.0 + y));
        d = 1.0 / (denominator + numerator * d);
        c = denominator + numerator / c;
        value *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            return Some(1.0 / value);
        }
    }
    None
}

/// `ln Γ(z)` less Stirling's `z ln z − z + ½ ln(2π/z)`.
fn beyond_stirling(z: f64) -> f64 {
    if z < 12.0 {
        return beyond_stirling(z + 1.0) + ((z + 0.5) * (1.0 / z).ln_1p() - 1.0);
    }
    let square = 1.0 / (z * z);
    let coefficients = [-691.0 / 360_360.0, 1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    coefficients.iter().fold(0.0, |sum, coefficient| sum * square + coefficient) / z
}

/// A positive number of any magnitude, in twice the precision: `mantissa · 2^exponent` for a mantissa of about 1.
#[derive(Clone, Copy)]
struct Scaled {
    mantissa: DoubleDouble,
    exponent: i64,
}

impl Scaled {
    fn new(value: DoubleDouble) -> Self {
        Self { mantissa: value, exponent: 0 }.normalized()
    }

    fn normalized(self) -> Self {
        let (_, shift) = libm::frexp(self.mantissa.round());
        // Halfway twice, since 2^shift itself may be too large for a number.
        let half = shift / 2;
        let mantissa = self.mantissa.scale(libm::ldexp(1.0, -half)).scale(libm::ldexp(1.0, half - shift));
        Self { mantissa, exponent: self.exponent + i64::from(shift) }
    }

    fn times(self, other: Self) -> Self {
        Self { mantissa: self.mantissa * other.mantissa, exponent: self.exponent + other.exponent }.normalized()
    }

    fn inverse(self) -> Self {
        Self { mantissa: DoubleDouble::widen(1.0) / self.mantissa, exponent: -self.exponent }.normalized()
    }

    fn power(self, exponent: u64) -> Self {
        let mut power = Self::new(DoubleDouble::widen(1.0));
        for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
            power = power.times(power);
            if exponent >> bit & 1 == 1 {
                power = power.times(self);
            }
        }
        power
    }

    /// The number itself, 0 where it is too small.
    fn value(self) -> DoubleDouble {
        self.mantissa.scale(times_power_of_two(1.0, self.exponent))
    }

    /// The square root, times a factor.
    fn root_times(self, factor: f64) -> f64 {
        let odd = self.exponent.rem_euclid(2);
        let root = times_power_of_two(self.mantissa.round(), odd).sqrt();
        times_power_of_two(root * factor, (self.exponent - odd) / 2)
    }
}

fn times_power_of_two(x: f64, exponent: i64) -> f64 {
    libm::ldexp(x, exponent.clamp(-5000, 5000) as i32)
}

#[cfg(test)]
mod tests;
