use super::distribution;
use super::solution::{Solution, Squares, unscaled};
use crate::real::Real;

/// How well a linear model fits one target.
///
/// With n observations of weights w (1 without), of which those of weight 0 do not count, residuals r, q independent
/// columns, that of the intercept among them, and d = n − q. Without intercept R² and F compare with a model that is
/// zero, and ȳ stands for 0; with one, with a model that is constant, and ȳ is the weighted mean.
///
/// # Examples
/// ```
/// use gradus::LinearRegression;
/// use gradus::nalgebra::dvector;
///
/// // ŷ = 1.1 x + 1.1, residuals −0.1, 0.8, −1.3, 0.6: Σ r² = 2.7 and Σ (y − ȳ)² = 8.75.
/// let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.0, 3.0, 2.0, 5.0]);
/// let fit = LinearRegression::new().fit(&x, &y)?;
/// let statistics = &fit.statistics()[0];
/// let is_near = |value: Option<f64>, expected: f64| value.is_some_and(|value| (value - expected).abs() < 1e-14);
/// assert!(is_near(statistics.residual_standard_deviation, f64::sqrt(2.7 / 2.0)));
/// assert!(is_near(statistics.r_squared, 1.0 - 2.7 / 8.75));
/// assert!(is_near(statistics.f_statistic, (8.75 - 2.7) / (2.7 / 2.0)));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// H. Akaike (1974): A new look at the statistical model identification.
/// G. Schwarz (1978): Estimating the dimension of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FitStatistics<T> {
    /// `Σ w r²`.
    pub residual_sum_of_squares: Option<T>,
    /// A bound of the error of that sum; `None` if it overflows, or nothing is known.
    pub residual_error_bound: Option<T>,
    /// Whether that sum is above this bound. Otherwise what is divided by it is `None`, and it is reported as 0, unless
    /// the solution has not been refined or the refinement has not converged: then it is what the parameters leave.
    pub residual_resolved: bool,
    /// `s = √(Σ w r² / d)`, R's "residual standard error".
    pub residual_standard_deviation: Option<T>,
    /// `R² = 1 − Σ w r² / Σ w (y − ȳ)²`; `None` for a target that is constant, or of whose deviations
    /// rounding has left too few digits.
    pub r_squared: Option<T>,
    /// `1 − (Σ w r² / d) / (Σ w (y − ȳ)² / (n − 1))`; without intercept n stands for n − 1.
    pub adjusted_r_squared: Option<T>,
    /// `F = (Σ w (ŷ − ȳ)² / (q − 1)) / s²`, the test that all coefficients but the intercept are zero; without
    /// intercept q stands for q − 1. `None` with a penalty, with no coefficients, or where Σ w r² is not resolved.
    pub f_statistic: Option<T>,
    /// The probability of an F as large or larger if they are.
    pub f_p_value: Option<T>,
    /// That of normal errors of variance σ²/w, at the σ² of the largest likelihood, Σ w r² / n:
    /// `½ (Σ ln w − n (ln 2π + 1 − ln n + ln Σ w r²))`.
    pub log_likelihood: Option<T>,
    /// Akaike's criterion, `2 (q + 1) − 2 log-likelihood`: σ² counts as a parameter.
    pub aic: Option<T>,
    /// Schwarz's criterion, `(q + 1) ln n − 2 log-likelihood`: σ² counts as a parameter.
    pub bic: Option<T>,
}

impl<T: Real> FitStatistics<T> {
    pub(super) fn new(solution: &Solution<T>, target: usize) -> Self {
        let Squares { residual, residual_error, residual_resolved, total, regression, adjusted, .. } =
            solution.squares[target];
        let exponent = solution.target_exponents[target];
        let finite = |value: T| value.is_finite().then_some(value);
        let constants = solution.intercept.unknowns();
        let freedom = solution.degrees_of_freedom().filter(|&freedom| freedom > 0);
        let deviation = solution.residual_standard_deviation(target);
        let variance = freedom.map(|freedom| residual / T::from_count(freedom));
        let unexplained = (total > T::zero()).then(|| residual / total).and_then(finite);

        // Of 1 less the one fraction and the other fraction, the one that does not cancel.
        let r_squared =
            unexplained.map(
                |unexplained| {
                    if unexplained <= T::nearest(0.5) { T::one() - unexplained } else { regression / total }
                },
            );
        let adjusted_r_squared = r_squared.and(freedom).and_then(|_| finite(adjusted / total));
        let explaining = solution.rank.map(|rank| rank.saturating_sub(constants)).filter(|&count| count > 0);
        let f_statistic =
            explaining.zip(variance).filter(|_| total > T::zero() && residual_resolved && regression >= T::zero());
        let f_statistic =
            f_statistic.map(|(count, variance)| regression / T::from_count(count) / variance).and_then(finite);
        let f_p_value = f_statistic.zip(explaining).zip(freedom).and_then(|((f, explaining), freedom)| {
            let p = distribution::f_upper_tail(f.to_f64(), explaining as f64, freedom as f64)?;
            Some(T::nearest(p))
        });

        let log_likelihood = (residual_resolved && solution.degrees_of_freedom() != Some(0)).then(|| {
            let n = T::from_count(solution.observations);
            // One logarithm, in the units of the data unless the square overflows there: sums of several would cancel.
            let factor = T::nearest(2.0 * std::f64::consts::PI * std::f64::consts::E);
            let product = residual / n * factor;
            let logarithm = match unscaled(product, 2 * exponent).filter(|&product| product > T::min_positive()) {
                Some(product) => product.ln(),
                None => product.ln() + T::nearest(2.0 * f64::from(exponent) * std::f64::consts::LN_2),
            };
            (T::nearest(solution.log_weights) - n * logarithm) * T::nearest(0.5)
        });
        let log_likelihood = log_likelihood.and_then(finite);
        let criterion = |price: T| {
            let parameters = T::from_count(solution.rank? + 1);
            finite(price * parameters - T::nearest(2.0) * log_likelihood?)
        };
        Self {
            residual_sum_of_squares: unscaled(residual, 2 * exponent),
            residual_error_bound: residual_error.and_then(|error| unscaled(error, 2 * exponent)),
            residual_resolved,
            residual_standard_deviation: deviation.and_then(|deviation| unscaled(deviation, exponent)),
            r_squared,
            adjusted_r_squared,
            f_statistic,
            f_p_value,
            log_likelihood,
            aic: criterion(T::nearest(2.0)),
            bic: criterion(T::from_count(solution.observations).ln()),
        }
    }
}
