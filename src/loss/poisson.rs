use super::{Loss, LossConfiguration, check_each, mean_over_outputs, mean_over_outputs_and_gradient};
use crate::batch::{Batch, BatchMut};
use crate::error::Result;
use crate::real::Real;

/// Poisson loss of predicted logarithms of rates z, `L = 1/(k n) Σᵢ Σⱼ (e^{zⱼᵢ} − yⱼᵢ zⱼᵢ)` with counts y: the mean
/// over all k outputs of all n samples.
///
/// It is the negative log-likelihood of counts with the rate e^z, for networks that end without an exponential,
/// less the part that does not depend on z, `1/(k n) Σᵢ Σⱼ ln(yⱼᵢ!)`. So it may be negative; its least value is that of
/// z = ln y.
///
/// # Derivatives
/// `∂L/∂zⱼᵢ = (e^{zⱼᵢ} − yⱼᵢ) / (k n)`.
///
/// # Numerics
/// A rate beyond the range of the number type, that is z > 709 in `f64` and z > 88 in `f32`, makes the value ∞: the
/// loss *is* that large, and a minimization ends there with
/// [`StopReason::NotFinite`](crate::optimizer::StopReason::NotFinite). A rate of 0, z = −∞, is allowed where y = 0.
///
/// # Errors
/// Targets must be finite and at least 0. They need not be integers.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::loss::Poisson;
/// use gradus::Loss;
///
/// let (log_rate, count) = (dvector![3.0_f64.ln()], dvector![2.0]);
/// let value = Poisson.value((&log_rate).into(), (&count).into(), None);
/// assert!((value - (3.0 - 2.0 * 3.0_f64.ln())).abs() < 1e-15);
/// ```
#[doc(alias = "PoissonNLLLoss")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poisson;

fn term<T: Real>(z: T, y: T) -> (T, T) {
    let rate = z.exp();
    // 0 · −∞ is 0 here; the rate passes a NaN on.
    let surprise = if y.is_zero() { T::zero() } else { y * z };
    (rate - surprise, rate - y)
}

impl<T: Real> Loss<T> for Poisson {
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

    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        check_each(target, "a finite number of at least 0", |y| y.is_finite() && y >= T::zero())
    }

    fn configuration(&self) -> Option<LossConfiguration> {
        Some(LossConfiguration::Poisson)
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
        let (value, gradient) = evaluate(&Poisson, &dmatrix![0.0; 2.0_f64.ln()], &dmatrix![3.0; 2.5]);
        assert_relative_eq!(value, (1.0 + 2.0 - 2.5 * 2.0_f64.ln()) / 2.0, max_relative = 1e-15);
        assert_relative_eq!(gradient, dmatrix![-1.0; -0.25], max_relative = 1e-15);
    }

    #[test]
    fn a_rate_may_vanish_but_not_overflow() {
        for z in [-1e4, f64::NEG_INFINITY] {
            let (value, gradient) = evaluate(&Poisson, &dmatrix![z], &dmatrix![0.0]);
            assert_eq!((value, gradient[0]), (0.0, 0.0));
        }
        let (value, gradient) = evaluate(&Poisson, &dmatrix![-1e4], &dmatrix![2.0]);
        assert_eq!((value, gradient[0]), (2e4, -2.0));
        assert_eq!(evaluate(&Poisson, &dmatrix![f64::NEG_INFINITY], &dmatrix![2.0]).0, f64::INFINITY);
        assert!(evaluate(&Poisson, &dmatrix![709.0], &dmatrix![2.0]).0.is_finite());
        assert_eq!(evaluate(&Poisson, &dmatrix![710.0], &dmatrix![2.0]).0, f64::INFINITY);
        assert!(evaluate(&Poisson, &dmatrix![f64::NAN], &dmatrix![0.0]).0.is_nan());
    }
}
