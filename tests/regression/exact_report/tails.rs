//! Tails and a quantile of Student's t and of F, for whole degrees of freedom, to 20 digits and more.
//!
//! Both tails are the regularized incomplete beta function, here the series of positive terms
//! `I_x(a, b) = xᵃ (1 − x)ᵇ / (a B(a, b)) · Σ (a + b)ₙ / (a + 1)ₙ xⁿ`.

use std::cell::RefCell;
use std::collections::HashMap;

use num_bigint::BigInt;
use num_traits::{One, Zero};

use super::number::{Number, pi};

/// Of the sum of the series.
const FRACTION: i64 = 128;

/// `B(a, b)` of halves of whole numbers.
fn beta(twice_a: usize, twice_b: usize) -> Number {
    let (odd_a, odd_b) = (twice_a % 2 == 1, twice_b % 2 == 1);
    let mut value = match (odd_a, odd_b) {
        (true, true) => pi(),
        (false, false) => Number::count(1),
        _ => Number::count(2),
    };
    // B(a + 1, b) = B(a, b) a / (a + b), and so for b.
    let (mut a, mut b) = (2 - twice_a % 2, 2 - twice_b % 2);
    while a < twice_a {
        value = &value * &Number::ratio(&BigInt::from(a), &BigInt::from(a + b), 0);
        a += 2;
    }
    while b < twice_b {
        value = &value * &Number::ratio(&BigInt::from(b), &BigInt::from(a + b), 0);
        b += 2;
    }
    value
}

/// The series, for x well below 1.
fn series(x: &Number, rest: &Number, twice_a: usize, twice_b: usize) -> Number {
    let fixed = x.fixed(FRACTION);
    let mut term = BigInt::one() << FRACTION;
    let (mut sum, mut index) = (BigInt::zero(), 0);
    while term.bits() > 36 {
        sum += &term;
        term = (term * &fixed) >> FRACTION;
        term = term * (twice_a + twice_b + 2 * index) / (twice_a + 2 + 2 * index);
        index += 1;
    }
    let front = &x.power(twice_a as u64).sqrt() * &rest.power(twice_b as u64).sqrt();
    let half_a = Number::new(BigInt::from(twice_a), -1);
    &(&front / &(&half_a * &beta(twice_a, twice_b))) * &Number::new(sum, -FRACTION)
}

/// `I_x(a, b)` with x given together with 1 − x.
fn incomplete_beta(x: &Number, rest: &Number, twice_a: usize, twice_b: usize) -> Number {
    let middle = (twice_a + 2) as f64 / (twice_a + twice_b + 4) as f64;
    if x.to_f64() < middle {
        return series(x, rest, twice_a, twice_b);
    }
    &Number::count(1) - &series(rest, x, twice_b, twice_a)
}

/// The probability that F is at least `f`.
pub(crate) fn f_upper_tail(f: &Number, numerator: usize, denominator: usize) -> Number {
    if f.is_zero() {
        return Number::count(1);
    }
    let (numerator_f, whole) = (f * &Number::count(numerator), Number::count(denominator));
    let sum = &numerator_f + &whole;
    incomplete_beta(&(&whole / &sum), &(&numerator_f / &sum), denominator, numerator)
}

/// The probability that Student's t is as far from 0 as the root of this square, or farther.
pub(crate) fn student_two_sided(square: &Number, freedom: usize) -> Number {
    f_upper_tail(square, 1, freedom)
}

/// The t that Student's t stays within with a probability of 0.95.
pub(crate) fn student_quantile(freedom: usize) -> Number {
    thread_local! {
        static KNOWN: RefCell<HashMap<usize, Number>> = RefCell::default();
    }
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&freedom).cloned()) {
        return known;
    }
    let beyond = &Number::count(1) - &Number::from_f64(0.95);
    let whole = Number::count(freedom);
    let front = &(&whole.sqrt() * &beta(1, freedom)).times_power_of_two(-1);
    // The tail is convex: from the left Newton's steps come closer and never pass.
    let mut t = Number::from_f64(1.9);
    for _ in 0..60 {
        let square = t.square();
        // 1 / (2 · density), the density being (1 + t²/ν)^(−(ν + 1)/2) / (√ν B(½, ν/2)).
        let slope = front * &(&(&square + &whole) / &whole).power(freedom as u64 + 1).sqrt();
        let step = &(&student_two_sided(&square, freedom) - &beyond) * &slope;
        t = &t + &step;
        if step.to_f64().abs() < 1e-22 * t.to_f64() {
            break;
        }
    }
    KNOWN.with_borrow_mut(|known| known.insert(freedom, t.clone()));
    t
}

const F_TAILS: [(f64, usize, usize, f64); 12] = [
    (0.5, 1, 1, 0.6081734479693928),
    (4.0, 1, 7, 0.08561932856297608),
    (10000000000.0, 1, 3, 2.2053155808932545e-15),
    (0.01, 1, 4, 0.9251558409394532),
    (30.25, 1, 40, 2.380421135913142e-06),
    (2.5, 3, 5, 0.17392765793650988),
    (1e-08, 2, 9, 0.9999999900000001),
    (100.0, 6, 30, 1.8221524792866476e-18),
    (1.01, 5, 35, 0.4264669718500732),
    (3.0, 1, 4197, 0.08333798834538769),
    (0.7, 4, 1995, 0.5919295673926506),
    (1e+30, 2, 18, 3.874204889999999e-262),
];

const QUANTILES: [(usize, f64); 8] = [
    (1, 12.706204736174694),
    (2, 4.302652729749462),
    (3, 3.1824463052837086),
    (4, 2.7764451051977934),
    (9, 2.262157162798205),
    (30, 2.0422724563012378),
    (997, 1.96234623608945),
    (4197, 1.9605293750283208),
];

/// By mpmath 1.3 at 60 digits: `betainc(d/2, m/2, 0, d/(d + m f), regularized=True)`, and the root of that for t.
#[test]
fn tails_are_those_of_mpmath() {
    let near = |found: f64, expected: f64| {
        assert!((found / expected - 1.0).abs() < 4e-16, "found {found:e}, expected {expected:e}");
    };
    for (f, numerator, denominator, expected) in F_TAILS {
        near(f_upper_tail(&Number::from_f64(f), numerator, denominator).to_f64(), expected);
    }
    for (freedom, expected) in QUANTILES {
        near(student_quantile(freedom).to_f64(), expected);
    }
}
