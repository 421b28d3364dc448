use super::check_same_shape;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::linalg::CompensatedSum;
use crate::loss::check_finite;
use crate::real::Real;

/// Coefficient of determination, `R² = 1 − Σᵢ (yᵢ − ŷᵢ)² / Σᵢ (yᵢ − ȳ)²`; of several outputs the mean of theirs.
///
/// 1 for perfect predictions, 0 for those no better than the mean ȳ of the targets, and negative for worse ones. `None`
/// where the targets of an output are all the same: there is nothing to be explained.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the shapes differ, [`Error::Empty`] without samples, [`Error::NotFinite`] if a prediction
/// or a target is not finite, [`Error::Overflow`] if they are too far apart for their number type.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::r_squared;
///
/// let target = dmatrix![1.0, 2.0, 3.0];
/// assert_eq!(r_squared(&dmatrix![1.0, 2.0, 2.0], &target)?, Some(0.5));
/// assert_eq!(r_squared(&target, &dmatrix![2.0, 2.0, 2.0])?, None);
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn r_squared<'a, T: Real>(
    prediction: impl Into<Batch<'a, T>>,
    target: impl Into<Batch<'a, T>>,
) -> Result<Option<f64>> {
    let (prediction, target) = (prediction.into(), target.into());
    check(prediction, target)?;
    let mut sum = CompensatedSum::new();
    for output in 0..target.features() {
        let value = |sample: &[T]| sample[output].to_f64();
        // From the first target, so that equal ones are at 0 exactly.
        let first = value(target.sample(0));
        let mut deviations: Vec<f64> = target.iter().map(|target| value(target) - first).collect();
        if deviations.iter().all(|&deviation| deviation == 0.0) {
            return Ok(None);
        }
        let mean = finite(total(&deviations))? / deviations.len() as f64;
        deviations.iter_mut().for_each(|deviation| *deviation -= mean);
        let errors: Vec<f64> = prediction.iter().zip(target.iter()).map(|(p, t)| value(p) - value(t)).collect();
        let ((unit, error), (unit_of_mean, error_of_mean)) = (mean_square(&errors)?, mean_square(&deviations)?);
        sum.add(finite(1.0 - error / error_of_mean * (unit / unit_of_mean).powi(2))?);
    }
    Ok(Some(sum.total() / target.features() as f64))
}

/// Mean absolute error, `1/(k n) Σᵢ Σⱼ |ŷⱼᵢ − yⱼᵢ|` over all k outputs of all n samples: the value of
/// [`MeanAbsoluteError`](crate::MeanAbsoluteError).
///
/// # Errors
/// As [`r_squared`].
///
/// # Examples
/// ```
/// use gradus::mean_absolute_error;
/// use gradus::nalgebra::dmatrix;
///
/// assert_eq!(mean_absolute_error(&dmatrix![1.0, 5.0], &dmatrix![2.0, 2.0])?, 2.0);
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn mean_absolute_error<'a, T: Real>(
    prediction: impl Into<Batch<'a, T>>,
    target: impl Into<Batch<'a, T>>,
) -> Result<f64> {
    let (prediction, target) = (prediction.into(), target.into());
    check(prediction, target)?;
    let mut errors = errors(prediction, target);
    errors.iter_mut().for_each(|error| *error = error.abs());
    Ok(finite(total(&errors))? / errors.len() as f64)
}

/// Root mean squared error, `√(1/(k n) Σᵢ Σⱼ (ŷⱼᵢ − yⱼᵢ)²)` over all k outputs of all n samples: the root of the value of
/// [`MeanSquaredError`](crate::MeanSquaredError).
///
/// # Errors
/// As [`r_squared`].
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::root_mean_squared_error;
///
/// assert_eq!(root_mean_squared_error(&dmatrix![3.0, 9.0], &dmatrix![2.0, 2.0])?, 5.0);
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn root_mean_squared_error<'a, T: Real>(
    prediction: impl Into<Batch<'a, T>>,
    target: impl Into<Batch<'a, T>>,
) -> Result<f64> {
    let (prediction, target) = (prediction.into(), target.into());
    check(prediction, target)?;
    let (unit, error) = mean_square(&errors(prediction, target))?;
    Ok(unit * error.sqrt())
}

fn check<T: Real>(prediction: Batch<'_, T>, target: Batch<'_, T>) -> Result<()> {
    check_same_shape(prediction, target)?;
    if target.features() == 0 {
        return Err(Error::Empty { what: "outputs" });
    }
    check_finite("predictions", prediction)?;
    check_finite("targets", target)
}

fn errors<T: Real>(prediction: Batch<'_, T>, target: Batch<'_, T>) -> Vec<f64> {
    prediction.as_slice().iter().zip(target.as_slice()).map(|(&p, &t)| p.to_f64() - t.to_f64()).collect()
}

fn total(values: &[f64]) -> f64 {
    let mut sum = CompensatedSum::new();
    values.iter().for_each(|&value| sum.add(value));
    sum.total()
}

/// A unit, near the largest value, and the mean of the squares in this unit, where they are in range.
fn mean_square(values: &[f64]) -> Result<(f64, f64)> {
    let largest = finite(values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs())))?;
    // A power of two, by which the division is exact; the smallest normal number for those below.
    let unit = f64::from_bits(largest.max(f64::MIN_POSITIVE).to_bits() & f64::INFINITY.to_bits());
    let squares: Vec<f64> = values.iter().map(|value| (value / unit).powi(2)).collect();
    Ok((unit, total(&squares) / values.len() as f64))
}

fn finite(value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(Error::Overflow { what: "errors of predictions" }) }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::{DMatrix, dmatrix};

    use super::*;
    use crate::loss::{Loss, MeanAbsoluteError, MeanSquaredError};

    #[test]
    fn hand_computed_of_two_outputs() {
        let target = dmatrix![1.0, 2.0, 3.0; 0.0, 4.0, 8.0];
        let prediction = dmatrix![1.0, 2.0, 2.0; 4.0, 4.0, 4.0];
        assert_eq!(r_squared(&prediction, &target), Ok(Some((0.5 + 0.0) / 2.0)));
        assert_eq!(mean_absolute_error(&prediction, &target), Ok(1.5));
        assert_relative_eq!(root_mean_squared_error(&prediction, &target).unwrap(), (33.0_f64 / 6.0).sqrt());
    }

    #[test]
    fn they_are_the_values_of_the_losses() {
        let prediction = DMatrix::from_fn(2, 9, |i, j| ((i * 5 + j * 3) % 7) as f64);
        let target = DMatrix::from_fn(2, 9, |i, j| ((i + j * 2) % 5) as f64 + 0.25);
        let (p, t) = ((&prediction).into(), (&target).into());
        assert_relative_eq!(mean_absolute_error(p, t).unwrap(), MeanAbsoluteError.value(p, t, None));
        assert_relative_eq!(root_mean_squared_error(p, t).unwrap(), MeanSquaredError.value(p, t, None).sqrt());
    }

    #[test]
    fn nothing_is_explained_of_a_constant() {
        // Of three tenths the mean is not a tenth.
        for constant in [0.1, 1e300, 0.0] {
            let target = dmatrix![constant, constant, constant; 1.0, 2.0, 3.0];
            assert_eq!(r_squared(&dmatrix![0.5, 1.0, 0.0; 1.0, 2.0, 3.0], &target), Ok(None));
        }
        assert_eq!(r_squared(&dmatrix![1.0], &dmatrix![2.0]), Ok(None));
    }

    #[test]
    fn the_scale_of_the_numbers_does_not_matter() {
        let (prediction, target) = (dmatrix![1.0, 2.0, 2.0], dmatrix![1.0, 2.0, 3.0]);
        for power in [-1000, -600, 600, 1000] {
            let scale = 2.0_f64.powi(power);
            let (p, t) = (&prediction * scale, &target * scale);
            assert_relative_eq!(r_squared(&p, &t).unwrap().unwrap(), 0.5, max_relative = 1e-15);
            assert_relative_eq!(
                root_mean_squared_error(&p, &t).unwrap() / scale,
                (1.0_f64 / 3.0).sqrt(),
                max_relative = 1e-15
            );
        }
        // A large offset leaves the spread of the targets as it is.
        let offset = 2.0_f64.powi(50);
        let (p, t) = (prediction.add_scalar(offset), target.add_scalar(offset));
        assert_eq!(r_squared(&p, &t), Ok(Some(0.5)));
    }

    #[test]
    fn bad_input_is_refused() {
        type Metric = fn(&DMatrix<f64>, &DMatrix<f64>) -> Result<f64>;
        let metrics: [Metric; 3] = [
            |p, t| mean_absolute_error(p, t),
            |p, t| root_mean_squared_error(p, t),
            |p, t| Ok(r_squared(p, t)?.unwrap()),
        ];
        let good = dmatrix![1.0, 2.0];
        for metric in metrics {
            assert!(metric(&good, &good).is_ok());
            assert!(matches!(metric(&dmatrix![1.0; 2.0], &good), Err(Error::ShapeMismatch { .. })));
            assert_eq!(metric(&DMatrix::zeros(1, 0), &DMatrix::zeros(1, 0)), Err(Error::Empty { what: "samples" }));
            assert_eq!(metric(&DMatrix::zeros(0, 1), &DMatrix::zeros(0, 1)), Err(Error::Empty { what: "outputs" }));
            for bad in [f64::NAN, f64::INFINITY] {
                let what = |result: Result<f64>| match result {
                    Err(Error::NotFinite { what, column: 1, .. }) => what,
                    other => panic!("{other:?}"),
                };
                assert_eq!(what(metric(&dmatrix![1.0, bad], &good)), "predictions");
                assert_eq!(what(metric(&good, &dmatrix![1.0, bad])), "targets");
            }
            let apart = metric(&dmatrix![f64::MAX, 0.0], &dmatrix![f64::MIN, 0.0]);
            assert_eq!(apart, Err(Error::Overflow { what: "errors of predictions" }));
        }
        let far = r_squared(&dmatrix![1e300, 0.0], &dmatrix![0.0, 1e-100]);
        assert_eq!(far, Err(Error::Overflow { what: "errors of predictions" }));
    }
}
