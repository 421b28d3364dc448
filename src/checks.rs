//! What hyper-parameters must be, where they are set.

use crate::error::{Error, Result};
use crate::real::Real;

/// A positive, finite number.
pub(crate) fn positive<T: Real>(name: &'static str, value: T) -> Result<T> {
    check(value.is_finite() && value > T::zero(), name, value, "a positive, finite number")
}

/// A finite number of at least 0.
pub(crate) fn not_negative<T: Real>(name: &'static str, value: T) -> Result<T> {
    check(value.is_finite() && value >= T::zero(), name, value, "a finite number of at least 0")
}

/// A number of at least 0 and below 1.
pub(crate) fn fraction<T: Real>(name: &'static str, value: T) -> Result<T> {
    check(value >= T::zero() && value < T::one(), name, value, "a number of at least 0 and below 1")
}

/// A number that is as `expected`, if it is `allowed`.
pub(crate) fn check<T: Real>(allowed: bool, name: &'static str, value: T, expected: &'static str) -> Result<T> {
    if allowed { Ok(value) } else { Err(Error::InvalidParameter { name, value: value.to_f64(), expected }) }
}

/// A count, not 0.
pub(crate) fn at_least_one<C: PartialEq + Default>(name: &'static str, count: C) -> Result<C> {
    if count != C::default() {
        Ok(count)
    } else {
        Err(Error::InvalidParameter { name, value: 0.0, expected: "at least 1" })
    }
}
