use super::activation::gated;
use super::{Activation, LayerConfiguration, sigmoid_pair};
use crate::real::Real;

const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;

/// Hendrycks and Gimpel's coefficient.
const CUBIC: f64 = 0.044_715;

/// Gaussian error linear unit in its approximation by a hyperbolic tangent,
/// `y = x/2 · (1 + tanh u)` with `u = √(2/π) (x + 0.044715 x³)`.
///
/// It differs from [`Gelu`](crate::layer::Gelu) by less than 5·10⁻⁴. For models that were trained with it.
///
/// # Derivatives
/// `∂L/∂x = s (1 + 2 x u′ (1 − s)) · ∂L/∂y`, with `s = (1 + tanh u)/2 = σ(2u)` and
/// `u′ = √(2/π) (1 + 3 · 0.044715 x²)`.
///
/// # Numerics
/// By σ(2u) and σ(−2u), which lose no digits where they are small; their relative error is that of an exponential of
/// 2u, a small multiple of |u| ε. Of `f32` between −12 and 8, against `f64`, the relative error of y is at most 3.6
/// max(|u|, 1) ε, and so is that of the derivative below −2 and above 0; its absolute error between them, where it
/// passes through 0, is at most 2 ε. y = 0 at −∞. NaN is passed on.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, TanhGelu};
///
/// assert!((TanhGelu.value(1.0_f64) - 0.841192).abs() < 1e-6);
/// ```
///
/// # References
/// D. Hendrycks, K. Gimpel (2016): Gaussian error linear units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TanhGelu;

#[cfg(feature = "onnx")]
impl TanhGelu {
    /// Of x and of x³ in u.
    pub(crate) const COEFFICIENTS: [f64; 2] = [SQRT_2_OVER_PI, SQRT_2_OVER_PI * CUBIC];
}

impl Activation for TanhGelu {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        let (scale, cubic) = (T::nearest(2.0 * SQRT_2_OVER_PI), T::nearest(CUBIC) * x * x);
        let (s, mirrored) = sigmoid_pair(scale * x * (T::one() + cubic));
        // The slope of 2u, which may be ∞ where s is 0 or 1.
        let rise = scale * (T::one() + T::nearest(3.0) * cubic);
        let slope = s + gated(x * rise, s * mirrored);
        (gated(x, s), slope)
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::TanhGelu)
    }
}

#[cfg(test)]
mod tests {
    use super::super::activation::tests::{assert_extremes, assert_values};
    use super::*;

    // Values by mpmath 1.4 with 60 digits, rounded to `f64`.
    #[test]
    fn values_to_every_digit() {
        let table = [
            (-10.0, -1.204092348209806e-37, -2.7576380638540315e-36),
            (-2.0, -0.04540230591222498, -0.08609925662361838),
            (-0.5, -0.15428599017485609, 0.1326300964653577),
            (0.0, 0.0, 0.5),
            (0.5, 0.34571400982514394, 0.8673699035346423),
            (2.0, 1.954597694087775, 1.0860992566236185),
            (10.0, 10.0, 1.0),
        ];
        assert_values(TanhGelu, 100.0, &table);
        assert_values(TanhGelu, 4.0, &table[1..]);
    }

    #[test]
    fn extremes() {
        assert_extremes(TanhGelu, (0.0, 0.0), (f64::INFINITY, 1.0));
    }
}
