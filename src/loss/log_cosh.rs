use super::{Loss, LossConfiguration, mean_over_outputs, mean_over_outputs_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::real::Real;

/// Log-cosh, `L = 1/(k n) Σᵢ Σⱼ ln cosh(ŷⱼᵢ − yⱼᵢ)`: the mean over all k outputs of all n samples.
///
/// As [`Huber`](crate::loss::Huber) with δ = 1, half the square near the target and the absolute error, less ln 2, far
/// from it, but smooth everywhere.
///
/// # Derivatives
/// `∂L/∂ŷⱼᵢ = tanh(ŷⱼᵢ − yⱼᵢ) / (k n)`.
///
/// # Numerics
/// `ln cosh d = ln(1 + 2 sinh²(d/2))` for |d| < 1, which keeps all digits of the small values near the target, and
/// `|d| + ln(1 + e^{−2|d|}) − ln 2` beyond, which does not overflow.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::LogCosh;
/// use gradus::Loss;
///
/// // cosh ln 2 = (2 + ½)/2
/// let (prediction, target) = (dvector![2.0_f64.ln()], dvector![0.0]);
/// let value = LogCosh.value((&prediction).into(), (&target).into(), None);
/// assert!((value - 1.25_f64.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCosh;

fn term<T: Real>(p: T, t: T) -> (T, T) {
    let error = p - t;
    let distance = error.abs();
    let two = T::nearest(2.0);
    let value = if distance < T::one() {
        let sinh = (distance / two).sinh();
        (two * sinh * sinh).ln_1p()
    } else {
        distance + (-two * distance).exp().ln_1p() - T::ln_2()
    };
    (value, error.tanh())
}

impl<T: Real> Loss<T> for LogCosh {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        mean_over_outputs(prediction, target, weights, term)
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        mean_over_outputs_and_gradient(prediction, target, weights, gradient, term)
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::LogCosh)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::dmatrix;

    use super::super::tests::evaluate;
    use super::*;

    #[test]
    fn hand_computed() {
        // cosh ln 2 = 5/4 and cosh ln 4 = 17/8; tanh ln 2 = 3/5 and tanh ln 4 = 15/17.
        let (value, gradient) = evaluate(&LogCosh, &dmatrix![2.0_f64.ln(), 1.0], &dmatrix![0.0, 1.0 + 4.0_f64.ln()]);
        assert_relative_eq!(value, (1.25_f64.ln() + 2.125_f64.ln()) / 2.0, max_relative = 1e-15);
        assert_relative_eq!(gradient, dmatrix![0.3, -7.5 / 17.0], max_relative = 1e-15);
    }

    #[test]
    fn small_and_large_errors_lose_nothing() {
        for error in [1e-3, 1e-9, 1e-100] {
            let value = evaluate(&LogCosh, &dmatrix![error], &dmatrix![0.0]).0;
            assert_relative_eq!(
                value,
                error * error / 2.0 * (1.0 - error * error / 6.0),
                epsilon = 0.0,
                max_relative = 1e-12
            );
        }
        for error in [1e4, 1e300] {
            for signed in [error, -error] {
                let (value, gradient) = evaluate(&LogCosh, &dmatrix![signed], &dmatrix![0.0]);
                assert_eq!((value, gradient[0]), (error - 2.0_f64.ln(), signed.signum()));
            }
        }
        // On either side of the place where the formula changes.
        for error in [1.0, 1.0 - f64::EPSILON] {
            let value = evaluate(&LogCosh, &dmatrix![error], &dmatrix![0.0]).0;
            assert_relative_eq!(value, 0.433_780_830_483_027_2, epsilon = 0.0, max_relative = 1e-15);
        }
    }
}
