//! Numbers of 192 bits with exponents that do not end: what roots, quotients and logarithms of exact integers are taken
//! in.

use std::ops::{Add, Div, Mul, Sub};

use num_bigint::BigInt;
use num_traits::{Float, One, Signed, ToPrimitive, Zero};

const BITS: i64 = 192;

/// `mantissa · 2^exponent`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    mantissa: BigInt,
    exponent: i64,
}

/// The integer and the power of two that make up a finite number.
pub(crate) fn dyadic(value: f64) -> (BigInt, i64) {
    let (mantissa, exponent, sign) = value.integer_decode();
    if mantissa == 0 {
        return (BigInt::zero(), 0);
    }
    let zeros = mantissa.trailing_zeros();
    (BigInt::from(mantissa >> zeros) * sign, i64::from(exponent) + i64::from(zeros))
}

/// Numbers as integers times one power of two.
pub(crate) fn integers(values: &[f64]) -> (Vec<BigInt>, i64) {
    let parts: Vec<_> = values.iter().map(|&value| dyadic(value)).collect();
    let least = parts.iter().filter(|(mantissa, _)| !mantissa.is_zero()).map(|&(_, exponent)| exponent).min();
    let least = least.unwrap_or(0);
    let shifted = |(mantissa, exponent): (BigInt, i64)| {
        if mantissa.is_zero() { mantissa } else { mantissa << (exponent - least) }
    };
    (parts.into_iter().map(shifted).collect(), least)
}

impl Number {
    pub(crate) fn new(mantissa: BigInt, exponent: i64) -> Self {
        let excess = mantissa.bits() as i64 - BITS;
        if excess > 0 {
            return Self { mantissa: mantissa >> excess, exponent: exponent + excess };
        }
        Self { mantissa, exponent }
    }

    /// `numerator / denominator · 2^exponent`.
    pub(crate) fn ratio(numerator: &BigInt, denominator: &BigInt, exponent: i64) -> Self {
        let shift = (BITS + 2 + denominator.bits() as i64 - numerator.bits() as i64).max(0);
        Self::new((numerator << shift) / denominator, exponent - shift)
    }

    pub(crate) fn count(value: usize) -> Self {
        Self::new(BigInt::from(value), 0)
    }

    pub(crate) fn from_f64(value: f64) -> Self {
        let (mantissa, exponent) = dyadic(value);
        Self { mantissa, exponent }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }

    pub(crate) fn is_positive(&self) -> bool {
        self.mantissa.is_positive()
    }

    pub(crate) fn abs(&self) -> Self {
        Self { mantissa: self.mantissa.abs(), exponent: self.exponent }
    }

    pub(crate) fn times_power_of_two(&self, power: i64) -> Self {
        Self { mantissa: self.mantissa.clone(), exponent: self.exponent + power }
    }

    pub(crate) fn square(&self) -> Self {
        self * self
    }

    pub(crate) fn sqrt(&self) -> Self {
        if self.is_zero() {
            return self.clone();
        }
        let mut shift = (2 * BITS - self.mantissa.bits() as i64).max(0);
        shift += (self.exponent - shift) & 1;
        Self::new((&self.mantissa << shift).sqrt(), (self.exponent - shift) / 2)
    }

    pub(crate) fn power(&self, mut exponent: u64) -> Self {
        let (mut result, mut square) = (Self::count(1), self.clone());
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = &result * &square;
            }
            square = square.square();
            exponent >>= 1;
        }
        result
    }

    pub(crate) fn larger(self, other: Self) -> Self {
        if (&self - &other).is_positive() { self } else { other }
    }

    /// The natural logarithm of a positive number, to an absolute 2⁻¹⁹⁰ or so.
    pub(crate) fn ln(&self) -> Self {
        let bits = self.mantissa.bits() as i64;
        let fraction = Self::new(self.mantissa.clone(), 1 - bits);
        let ln_2 = ln_of_one_to_two(&Self::count(2));
        let whole = Self::new(BigInt::from(self.exponent + bits - 1), 0);
        &ln_of_one_to_two(&fraction) + &(&whole * &ln_2)
    }

    /// An integer: this number times `2^bits`, rounded down.
    pub(crate) fn fixed(&self, bits: i64) -> BigInt {
        let shift = self.exponent + bits;
        if shift >= 0 { &self.mantissa << shift } else { &self.mantissa >> -shift }
    }

    /// The nearest `f64`; infinite beyond its range.
    pub(crate) fn to_f64(&self) -> f64 {
        let excess = self.mantissa.bits() as i64 - 63;
        let magnitude = self.mantissa.abs();
        let (mut top, exponent) = if excess > 0 {
            let top = &magnitude >> excess;
            // A bit that stands for all that were cut off, so that ties are told from what is above them.
            let is_cut = (&top << excess) != magnitude;
            (top.to_u64().unwrap() | u64::from(is_cut), self.exponent + excess)
        } else {
            (magnitude.to_u64().unwrap(), self.exponent)
        };
        // A subnormal number is rounded once.
        let mut exponent = exponent;
        let lowest = -1074 - exponent;
        if lowest > 0 && top != 0 {
            let length = 64 - i64::from(top.leading_zeros());
            if length - lowest < 53 {
                let cut = lowest.min(63);
                let rest = top & ((1_u64 << cut) - 1);
                let half = 1_u64 << (cut - 1);
                top >>= cut;
                top += u64::from(rest > half || rest == half && top & 1 == 1);
                if cut < lowest {
                    top = 0;
                }
                exponent = -1074;
            }
        }
        let mut value = top as f64;
        let mut left = exponent.clamp(-5_000, 5_000) as i32;
        while left != 0 {
            let step = left.clamp(-1_000, 1_000);
            value *= f64::from(step).exp2();
            left -= step;
        }
        if self.mantissa.is_negative() { -value } else { value }
    }
}

/// `ln f = 2 artanh((f − 1) / (f + 1))` for f from 1 to 2.
fn ln_of_one_to_two(f: &Number) -> Number {
    const FRACTION: i64 = BITS + 32;
    let one = BigInt::one() << FRACTION;
    let f = f.fixed(FRACTION);
    let z: BigInt = ((&f - &one) << FRACTION) / (&f + &one);
    let square: BigInt = (&z * &z) >> FRACTION;
    let (mut power, mut sum, mut index) = (z, BigInt::zero(), 1_u32);
    while !power.is_zero() {
        sum += &power / index;
        power = (power * &square) >> FRACTION;
        index += 2;
    }
    Number::new(sum, 1 - FRACTION)
}

/// π by Machin's formula, 16 arctan(1/5) − 4 arctan(1/239).
pub(crate) fn pi() -> Number {
    const FRACTION: i64 = BITS + 32;
    let arctan_of_inverse = |x: u32| {
        let mut power: BigInt = (BigInt::one() << FRACTION) / x;
        let (mut sum, mut index) = (BigInt::zero(), 1_u32);
        while !power.is_zero() {
            let term = &power / index;
            sum = if index % 4 == 1 { sum + term } else { sum - term };
            power /= x * x;
            index += 2;
        }
        sum
    };
    Number::new(arctan_of_inverse(5) * 16 - arctan_of_inverse(239) * 4, -FRACTION)
}

impl Add for &Number {
    type Output = Number;

    fn add(self, other: &Number) -> Number {
        if self.is_zero() || other.is_zero() {
            return if self.is_zero() { other.clone() } else { self.clone() };
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let shift = high.exponent - low.exponent;
        // Far below the last bit of the larger one, the smaller one need not be had in full.
        if shift > 4 * BITS {
            return high.clone();
        }
        Number::new((&high.mantissa << shift) + &low.mantissa, low.exponent)
    }
}

impl Sub for &Number {
    type Output = Number;

    fn sub(self, other: &Number) -> Number {
        self + &Number { mantissa: -&other.mantissa, exponent: other.exponent }
    }
}

impl Mul for &Number {
    type Output = Number;

    fn mul(self, other: &Number) -> Number {
        Number::new(&self.mantissa * &other.mantissa, self.exponent + other.exponent)
    }
}

impl Div for &Number {
    type Output = Number;

    fn div(self, other: &Number) -> Number {
        let quotient = Number::ratio(&self.mantissa, &other.mantissa, self.exponent);
        quotient.times_power_of_two(-other.exponent)
    }
}

#[test]
fn numbers_round_to_the_nearest() {
    for value in [0.0, 1.0, -0.1, 1e300, -3e-310, 5e-324, f64::MAX, f64::MIN_POSITIVE] {
        assert_eq!(Number::from_f64(value).to_f64(), value);
    }
    let third = Number::ratio(&BigInt::from(1), &BigInt::from(3), 0);
    assert_eq!(third.to_f64(), 1.0 / 3.0);
    assert_eq!(third.times_power_of_two(-1_070).to_f64(), 5.0 * 5e-324);
    assert_eq!(third.times_power_of_two(-5_000).to_f64(), 0.0);
    assert_eq!(third.times_power_of_two(5_000).to_f64(), f64::INFINITY);
    assert_eq!(Number::from_f64(2.0).sqrt().to_f64(), std::f64::consts::SQRT_2);
    assert_eq!(Number::from_f64(8.0).sqrt().to_f64(), 2.0 * std::f64::consts::SQRT_2);
    assert_eq!(Number::from_f64(2.0).ln().to_f64(), std::f64::consts::LN_2);
    assert_eq!(Number::from_f64(10.0).ln().to_f64(), std::f64::consts::LN_10);
    assert_eq!(Number::from_f64(0.125).ln().to_f64(), -3.0 * std::f64::consts::LN_2);
    assert_eq!(Number::from_f64(1.0).ln().to_f64(), 0.0);
    assert_eq!(pi().to_f64(), std::f64::consts::PI);
    assert_eq!(Number::from_f64(0.5).power(1_074).to_f64(), 5e-324);
}
