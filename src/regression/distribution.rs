//! Tails and quantiles of the distributions of the tests.
//!
//! All are one function, the regularised incomplete beta function. It is called such that the tail itself is
//! computed, never as a difference from 1: a probability of 10⁻³⁰ has as many digits as one of ½. They are about nine
//! for 10⁶ degrees of freedom, more for fewer.

use statrs::function::beta::checked_beta_reg;

/// The probability that Student's t of this many degrees of freedom is as far from zero as `t`, or farther.
pub(super) fn student_two_sided(t: f64, freedom: f64) -> Option<f64> {
    probability(0.5 * freedom, 0.5, freedom / (freedom + t * t))
}

/// The `t` that Student's t stays within with this probability, between 0 and 1.
pub(super) fn student_quantile(level: f64, freedom: f64) -> Option<f64> {
    // Of the probabilities of falling short and of going beyond, the smaller has the digits.
    let falls_short = |t: f64| {
        if level < 0.5 {
            Some(probability(0.5, 0.5 * freedom, 1.0 / (1.0 + freedom / (t * t)))? < level)
        } else {
            Some(student_two_sided(t, freedom)? > 1.0 - level)
        }
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
    probability(0.5 * denominator, 0.5 * numerator, 1.0 / (1.0 + numerator / denominator * f))
}

fn probability(a: f64, b: f64, x: f64) -> Option<f64> {
    checked_beta_reg(a, b, x).ok().filter(|value| !value.is_nan()).map(|value| value.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn tails_agree_with_closed_forms() {
        for t in [0.1, 1.0, 2.0, 1e3, 1e10, 1e100] {
            // 1 degree of freedom: Cauchy; 2: 1 − t/√(2 + t²).
            assert_relative_eq!(student_two_sided(t, 1.0).unwrap(), 2.0 / PI * (1.0 / t).atan(), max_relative = 1e-13);
            let root = f64::sqrt(2.0 + t * t);
            assert_relative_eq!(student_two_sided(t, 2.0).unwrap(), 2.0 / (root * (root + t)), max_relative = 1e-13);
            assert_eq!(student_two_sided(-t, 3.0), student_two_sided(t, 3.0));
            // F of 1 and ν is t².
            let two_sided = student_two_sided(t, 7.0).unwrap();
            assert_relative_eq!(f_upper_tail(t * t, 1.0, 7.0).unwrap(), two_sided, max_relative = 1e-13);
            // F of 2 and ν: (1 + 2 f/ν)^(−ν/2).
            let expected = (1.0 + 2.0 * t / 5.0).powf(-2.5);
            assert_relative_eq!(f_upper_tail(t, 2.0, 5.0).unwrap(), expected, max_relative = 1e-12);
        }
        assert_eq!(student_two_sided(0.0, 4.0), Some(1.0));
        assert_eq!(f_upper_tail(0.0, 2.0, 4.0), Some(1.0));
        assert_eq!(student_two_sided(f64::NAN, 4.0), None);
    }

    #[test]
    fn many_degrees_of_freedom_keep_nine_digits() {
        // By mpmath, 40 digits.
        for (freedom, t, expected) in
            [(1e4, 5.0, 5.830326613689e-7), (1e6, 2.0, 4.550053385e-2), (1e6, 30.0, 1.202009423e-197)]
        {
            assert_relative_eq!(student_two_sided(t, freedom).unwrap(), expected, max_relative = 2e-9);
        }
        assert_relative_eq!(student_quantile(0.95, 1e8).unwrap(), 1.959_964_008, max_relative = 1e-7);
    }

    #[test]
    fn quantiles_invert_the_probabilities_at_every_level() {
        for freedom in [1.0, 2.0, 9.0, 1e3, 1e6] {
            for level in [1e-12, 1e-3, 0.4999, 0.5, 0.95, 0.999_999, 1.0 - 1e-15] {
                let t = student_quantile(level, freedom).unwrap();
                let beyond = student_two_sided(t, freedom).unwrap();
                assert_relative_eq!(beyond, 1.0 - level, max_relative = 1e-6, epsilon = 1e-12);
                assert!(t > 0.0);
            }
        }
        // 1 degree of freedom: tan(π level / 2).
        for level in [1e-9_f64, 0.2, 0.5, 0.9, 0.99] {
            let expected = (0.5 * PI * level).tan();
            assert_relative_eq!(student_quantile(level, 1.0).unwrap(), expected, max_relative = 1e-13);
        }
        assert_relative_eq!(student_quantile(0.95, 9.0).unwrap(), 2.262_157_162_798_205, max_relative = 1e-13);
    }
}
