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
/// Samples are columns, as everywhere; a single column, as that of [`LinearFit::predict`](crate::LinearFit::predict),
/// is read as one output of so many samples.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the shapes differ, [`Error::Empty`] without samples, [`Error::NotFinite`] if a
/// prediction or a target is not finite, [`Error::Overflow`] if they are too far apart for their number type.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::metrics::r_squared;
///
/// let target = dmatrix![1.0, 2.0, 3.0];
/// assert_eq!(r_squared(&dmatrix![1.0, 2.0, 2.0], &target)?, Some(0.5));
/// assert_eq!(r_squared(&target, &dmatrix![2.0, 2.0, 2.0])?, None);
/// assert_eq!(r_squared(&dvector![1.0, 2.0, 2.0], &dvector![1.0, 2.0, 3.0])?, Some(0.5));
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("r2_score", "coefficient of determination"))]
pub fn r_squared<'a, T: Real>(
    prediction: impl Into<Batch<'a, T>>,
    target: impl Into<Batch<'a, T>>,
) -> Result<Option<f64>> {
    let (prediction, target) = (in_a_row(prediction.into()), in_a_row(target.into()));
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
/// [`MeanAbsoluteError`](crate::loss::MeanAbsoluteError).
///
/// # Errors
/// As [`r_squared`].
///
/// # Examples
/// ```
/// use gradus::metrics::mean_absolute_error;
/// use gradus::nalgebra::dmatrix;
///
/// assert_eq!(mean_absolute_error(&dmatrix![1.0, 5.0], &dmatrix![2.0, 2.0])?, 2.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "MAE")]
pub fn mean_absolute_error<'a, T: Real>(
    prediction: impl Into<Batch<'a, T>>,
    target: impl Into<Batch<'a, T>>,
) -> Result<f64> {
    let (prediction, target) = (in_a_row(prediction.into()), in_a_row(target.into()));
    check(prediction, target)?;
    let mut errors = errors(prediction, target);
    errors.iter_mut().for_each(|error| *error = error.abs());
    Ok(finite(total(&errors))? / errors.len() as f64)
}

/// Root mean squared error, `√(1/(k n) Σᵢ Σⱼ (ŷⱼᵢ − yⱼᵢ)²)` over all k outputs of all n samples: the root of the value
/// of [`MeanSquaredError`](crate::MeanSquaredError).
///
/// # Errors
/// As [`r_squared`].
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::metrics::root_mean_squared_error;
///
/// assert_eq!(root_mean_squared_error(&dmatrix![3.0, 9.0], &dmatrix![2.0, 2.0])?, 5.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "RMSE")]
pub fn root_mean_squared_error<'a, T: Real>(
    prediction: impl Into<Batch<'a, T>>,
    target: impl Into<Batch<'a, T>>,
) -> Result<f64> {
    let (prediction, target) = (in_a_row(prediction.into()), in_a_row(target.into()));
    check(prediction, target)?;
    let (unit, error) = mean_square(&errors(prediction, target))?;
    Ok(unit * error.sqrt())
}

/// A single column, as a regression predicts it, as the one output of so many samples: of one sample there is no mean
/// to compare with.
fn in_a_row<T: Real>(batch: Batch<'_, T>) -> Batch<'_, T> {
    if batch.samples() != 1 || batch.features() == 0 {
        batch
    } else {
        Batch::from_slice(batch.as_slice(), 1).unwrap_or(batch)
    }
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
mod tests;
