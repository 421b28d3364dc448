use super::{Activation, LayerConfiguration};
use crate::real::Real;

/// Hyperbolic tangent, `y = tanh x`.
///
/// # Derivatives
/// `∂L/∂x = 4e / (1 + e)² · ∂L/∂y` with `e = e^{−2|x|}`.
///
/// # Numerics
/// That form of the derivative is accurate to a few ulp for every x, where 1 − y² loses all digits from x = 20 on. NaN
/// is passed on.
///
/// # Examples
/// ```
/// use gradus::layer::{Activation, Tanh};
///
/// let (y, slope) = Tanh.value_and_derivative(3.0_f64.ln() / 2.0);
/// assert!((y - 0.5).abs() < 1e-15 && (slope - 0.75).abs() < 1e-15);
/// ```
#[doc(alias = "tanh")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tanh;

impl Activation for Tanh {
    #[inline]
    fn value_and_derivative<T: Real>(&self, x: T) -> (T, T) {
        let e = (-(x.abs() + x.abs())).exponential();
        let sum = T::one() + e;
        // Near 0 the difference would cancel: there a rational function of x², that of S. Moshier (Cephes, tanh.c).
        let z = x * x;
        let [p, q] = [NUMERATOR, DENOMINATOR];
        let numerator = (T::nearest(p[0]) * z + T::nearest(p[1])) * z + T::nearest(p[2]);
        let denominator = ((z + T::nearest(q[0])) * z + T::nearest(q[1])) * z + T::nearest(q[2]);
        let near = x + x * z * (numerator / denominator);
        let far = (T::one() - e) / sum;
        let far = if x < T::zero() { -far } else { far };
        let y = if x.abs() < T::nearest(0.625) { near } else { far };
        (y, T::nearest(4.0) * e / (sum * sum))
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Tanh)
    }
}

const NUMERATOR: [f64; 3] = [-0.964_399_179_425_052_2, -99.287_723_100_191_86, -1_614.687_684_417_084_5];
const DENOMINATOR: [f64; 3] = [112.811_678_491_632_93, 2_235.488_390_601_004_5, 4_844.063_053_251_255];

#[cfg(test)]
mod tests {
    use super::super::activation::tests::{assert_extremes, assert_values};
    use super::*;

    // Values by mpmath 1.4 with 60 digits, rounded to `f64`.
    #[test]
    fn values_to_every_digit() {
        assert_values(
            Tanh,
            4.0,
            &[
                (-20.0, -1.0, 1.6993417021166355e-17),
                (-0.5, -0.46211715726000974, 0.7864477329659274),
                (0.0, 0.0, 1.0),
                (1e-9, 1e-9, 1.0),
                (0.5, 0.46211715726000974, 0.7864477329659274),
                (20.0, 1.0, 1.6993417021166355e-17),
            ],
        );
    }

    #[test]
    fn extremes() {
        assert_extremes(Tanh, (-1.0, 0.0), (1.0, 0.0));
    }
}
