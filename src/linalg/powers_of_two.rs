use crate::real::Real;

/// Two factors whose product is 2^e, since the power alone may leave the range of the type.
pub(crate) fn power_of_two<T: Real>(exponent: i32) -> [T; 2] {
    [exponent / 2, exponent - exponent / 2].map(|exponent| T::nearest(f64::from(exponent).exp2()))
}

/// `x 2^e`.
pub(crate) fn times_power_of_two<T: Real>(x: T, exponent: i32) -> T {
    let [first, second] = power_of_two::<T>(exponent);
    if x.is_zero() { x } else { x * first * second }
}
