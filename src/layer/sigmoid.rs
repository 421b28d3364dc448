use super::{Activation, LayerConfiguration};
use crate::real::Real;

/// Logistic sigmoid of each value, `y = σ(x) = 1 / (1 + e⁻ˣ)`.
///
/// # Shapes
/// Any; the output has the shape of the input.
///
/// # Derivatives
/// `∂L/∂x = σ(x) σ(−x) · ∂L/∂y`.
///
/// # Numerics
/// The exponential is taken of −|x|, so nothing overflows. The derivative is the product of σ(x) and σ(−x), both
/// accurate to a few ulp for every x, where σ(x)(1 − σ(x)) loses all digits from x = 37 on; σ(−x) costs nothing
/// beside σ(x). NaN is passed on.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{DVector, dvector};
/// use gradus::{Network, Sigmoid};
///
/// let network = Network::builder(3).layer(Sigmoid).build()?;
/// let y = network.predict(&DVector::zeros(0), &dvector![0.0, 3.0_f64.ln(), -1e4])?;
/// assert!((y[0] - 0.5).abs() < 1e-15 && (y[1] - 0.75).abs() < 1e-15 && y[2] == 0.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "logistic")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sigmoid;

/// (σ(x), σ(−x)).
#[inline]
pub(crate) fn sigmoid_pair<T: Real>(x: T) -> (T, T) {
    let e = (-x.abs()).exponential();
    let large = T::one() / (T::one() + e);
    let small = e * large;
    if x >= T::zero() { (large, small) } else { (small, large) }
}

impl Activation for Sigmoid {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        let (y, mirrored) = sigmoid_pair(x);
        (y, y * mirrored)
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Sigmoid)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn both_halves_keep_their_digits() {
        assert_eq!(sigmoid_pair(0.0), (0.5, 0.5));
        let (y, mirrored) = sigmoid_pair(3.0_f64.ln());
        assert_relative_eq!(y, 0.75, max_relative = 1e-15);
        assert_relative_eq!(mirrored, 0.25, max_relative = 1e-15);
        // e⁻⁴⁰ to 17 digits, of which 1 − σ(40) would leave none.
        let (y, mirrored) = sigmoid_pair(40.0);
        assert_eq!(y, 1.0);
        assert_relative_eq!(mirrored, 4.248354255291589e-18, max_relative = 1e-15);
        assert_eq!(sigmoid_pair(-40.0), (mirrored, y));
    }

    #[test]
    fn extremes_saturate_and_nan_stays() {
        for x in [1e4, f64::INFINITY] {
            assert_eq!(sigmoid_pair(x), (1.0, 0.0));
            assert_eq!(sigmoid_pair(-x), (0.0, 1.0));
        }
        let (y, mirrored) = sigmoid_pair(f64::NAN);
        assert!(y.is_nan() && mirrored.is_nan());
    }
}
