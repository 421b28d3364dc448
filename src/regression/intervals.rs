use nalgebra::DMatrix;

use super::distribution;
use super::linear_fit::{LinearFit, matrix_of};
use super::solution::unscaled;
use crate::error::{Error, Result};
use crate::linalg::View;
use crate::real::Real;

/// Lower and upper ends of intervals, a matrix each.
#[doc(alias("confint", "confidence interval"))]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "T: serde::Serialize", deserialize = "T: Real + serde::Deserialize<'de>"))
)]
#[non_exhaustive]
pub struct Intervals<T> {
    /// The lower ends.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::matrix"))]
    pub lower: DMatrix<T>,
    /// The upper ends.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::matrix"))]
    pub upper: DMatrix<T>,
}

impl<T: Real> LinearFit<T> {
    /// `t = β / se(β)`, the tests that a parameter is zero: (p + 1) × k, the intercept's row first.
    #[must_use]
    pub fn t_statistics(&self) -> Option<DMatrix<T>> {
        let (unknowns, targets) = self.published.parameters.shape();
        matrix_of(unknowns, targets, |unknown, target| self.t_statistic(unknown, target))
    }

    /// The probability of a |t| as large or larger if the parameter is zero, by Student's t: (p + 1) × k, the
    /// intercept's row first. In `f64` it has at least 13 digits for the given t, far out in the tails too.
    #[must_use]
    pub fn p_values(&self) -> Option<DMatrix<T>> {
        let (unknowns, targets) = self.published.parameters.shape();
        matrix_of(unknowns, targets, |unknown, target| self.p_value(unknown, target))
    }

    /// Intervals that contain the parameters with this probability each, `β ± t se(β)`: (p + 1) × k, the intercept's
    /// row first.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if the level is not between 0 and 1.
    ///
    /// # Examples
    /// One degree of freedom, of which the t quantile is tan(0.95 π/2); the slope's standard error is √(1.5/2):
    /// ```
    /// use gradus::LinearRegression;
    /// use gradus::nalgebra::dvector;
    ///
    /// let fit = LinearRegression::new().fit(&dvector![0.0, 1.0, 2.0], &dvector![0.0, 2.0, 1.0])?;
    /// let intervals = fit.confidence_intervals(0.95)?.expect("one degree of freedom");
    /// let half_width = (0.475 * std::f64::consts::PI).tan() * f64::sqrt(1.5 / 2.0);
    /// assert!((intervals.upper[(1, 0)] - (0.5 + half_width)).abs() < 1e-11); // the slope is ½
    ///
    /// let covariance = fit.covariance(0).expect("one degree of freedom");
    /// assert!((covariance[(1, 1)] - 1.5 / 2.0).abs() < 1e-14);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn confidence_intervals(&self, level: f64) -> Result<Option<Intervals<T>>> {
        check_level(level)?;
        let parameters = self.parameters();
        Ok(self.quantile(level).zip(self.standard_errors()).and_then(|(quantile, errors)| {
            intervals(&parameters, |unknown, target| Some(quantile * errors[(unknown, target)]))
        }))
    }

    /// The covariance of the estimated parameters of a target, `s² (XᵀWX)⁻¹`: (p + 1) × (p + 1), the intercept first.
    ///
    /// `None` also if there is no such target.
    #[must_use]
    pub fn covariance(&self, target: usize) -> Option<DMatrix<T>> {
        let deviation = self.solution.residual_standard_deviation(target)?;
        let exponent = self.solution.target_exponents[target];
        let exponents = &self.published.exponents;
        let inverse = self.solution.published_root()?.square();
        matrix_of(exponents.len(), exponents.len(), |i, j| {
            // One factor at a time: the square of s alone may overflow.
            let scaled = deviation * inverse[(i.max(j), i.min(j))] * deviation;
            unscaled(unscaled(scaled, exponent - exponents[i])?, exponent - exponents[j])
        })
    }

    /// Intervals that contain the mean of the targets of observations at `x` with this probability each,
    /// `ŷ ± t s √h` with `h = xᵀ (XᵀWX)⁻¹ x`: rows of `x` × k.
    ///
    /// # Errors
    /// As [`predict`](Self::predict); also [`Error::InvalidParameter`] if the level is not between 0 and 1.
    ///
    /// # Examples
    /// ```
    /// use gradus::LinearRegression;
    /// use gradus::nalgebra::{dmatrix, dvector};
    ///
    /// // ŷ = ½ x + ½ with s² = 1.5 / 1; at the mean of x, 1, √h = √⅓. One degree of freedom: t = tan(0.95 π/2).
    /// let fit = LinearRegression::new().fit(&dvector![0.0, 1.0, 2.0], &dvector![0.0, 2.0, 1.0])?;
    /// let intervals = fit.mean_response_intervals(&dmatrix![1.0], 0.95)?.expect("one degree of freedom");
    /// let half_width = (0.475 * std::f64::consts::PI).tan() * f64::sqrt(1.5 / 3.0);
    /// assert!((intervals.lower[0] - (1.0 - half_width)).abs() < 1e-12);
    /// assert!((intervals.upper[0] - (1.0 + half_width)).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn mean_response_intervals<'a>(&self, x: impl Into<View<'a, T>>, level: f64) -> Result<Option<Intervals<T>>> {
        self.response_intervals(x.into(), level, T::zero())
    }

    /// Intervals that contain the targets of new observations at `x`, of weight 1, with this probability each,
    /// `ŷ ± t s √(1 + h)` with `h = xᵀ (XᵀWX)⁻¹ x`: rows of `x` × k.
    ///
    /// # Errors
    /// As [`predict`](Self::predict); also [`Error::InvalidParameter`] if the level is not between 0 and 1.
    ///
    /// # Examples
    /// As for [`mean_response_intervals`](Self::mean_response_intervals), with 1 + ⅓ in place of ⅓:
    /// ```
    /// use gradus::LinearRegression;
    /// use gradus::nalgebra::{dmatrix, dvector};
    ///
    /// let fit = LinearRegression::new().fit(&dvector![0.0, 1.0, 2.0], &dvector![0.0, 2.0, 1.0])?;
    /// let intervals = fit.prediction_intervals(&dmatrix![1.0], 0.95)?.expect("one degree of freedom");
    /// let half_width = (0.475 * std::f64::consts::PI).tan() * f64::sqrt(1.5 * 4.0 / 3.0);
    /// assert!((intervals.upper[0] - (1.0 + half_width)).abs() < 1e-11);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn prediction_intervals<'a>(&self, x: impl Into<View<'a, T>>, level: f64) -> Result<Option<Intervals<T>>> {
        self.response_intervals(x.into(), level, T::one())
    }

    #[inline(never)]
    fn response_intervals(&self, x: View<'_, T>, level: f64, new: T) -> Result<Option<Intervals<T>>> {
        check_level(level)?;
        let centers = self.predict(x)?;
        let (Some(quantile), Some(root)) = (self.quantile(level), &self.solution.root) else { return Ok(None) };
        let distances = self.walk(x, x.columns(0, 0), None, |blocks| {
            let parts = blocks.of_parts(&[], Vec::new, |distances, block| {
                distances.extend(root.distances(&block));
            });
            parts.collect::<Vec<_>>().concat()
        })?;
        Ok(intervals(&centers, |row, target| {
            let deviation = self.solution.residual_standard_deviation(target)?;
            let spread = quantile * deviation * new.hypot(distances[row]);
            unscaled(spread, self.solution.target_exponents[target])
        }))
    }

    pub(super) fn p_value(&self, unknown: usize, target: usize) -> Option<T> {
        let (t, freedom) = (self.t_statistic(unknown, target)?, self.degrees_of_freedom()?);
        distribution::student_two_sided(t.to_f64(), freedom as f64).map(T::nearest)
    }

    fn quantile(&self, level: f64) -> Option<T> {
        let freedom = self.degrees_of_freedom().filter(|&freedom| freedom > 0)?;
        distribution::student_quantile(level, freedom as f64).map(T::nearest)
    }
}

fn check_level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(Error::InvalidParameter { name: "confidence level", value: level, expected: "a number between 0 and 1" })
}

fn intervals<T: Real>(centers: &DMatrix<T>, half_width: impl Fn(usize, usize) -> Option<T>) -> Option<Intervals<T>> {
    let (rows, columns) = centers.shape();
    let half_widths = matrix_of(rows, columns, half_width)?;
    let (lower, upper) = (centers - &half_widths, centers + half_widths);
    let finite = lower.iter().chain(upper.iter()).all(|end| end.is_finite());
    finite.then_some(Intervals { lower, upper })
}
