mod influence;

use influence::{Influence, Residuals};
use nalgebra::{DMatrix, DVector};

use super::blocks::Blocks;
use super::conclude::rounding;
use super::linear_fit::{LinearFit, matrix_of};
use super::problem::{check_observations, check_weights, count_observations};
use super::report::tolerance;
use super::solution::unscaled;
use crate::error::{Error, Result, Shape};
use crate::linalg::{self, View, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

/// Estimates of the covariance of the parameters that stay right where the variance of the errors differs from
/// observation to observation: `(XᵀWX)⁻¹ Xᵀ diag(c w² r²) X (XᵀWX)⁻¹`.
///
/// # References
/// H. White (1980): A heteroskedasticity-consistent covariance matrix estimator and a direct test for
/// heteroskedasticity.
/// J. G. MacKinnon, H. White (1985): Some heteroskedasticity-consistent covariance matrix estimators with improved
/// finite sample properties.
#[doc(alias("HC0", "HC1", "HC2", "HC3", "sandwich", "White"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RobustCovariance {
    /// White's own, `c = 1`: too small for few observations.
    Hc0,
    /// `c = n / d`, with d residual degrees of freedom.
    Hc1,
    /// `c = 1 / (1 − h)`, with the leverages h: unbiased if the variances are equal after all.
    Hc2,
    /// `c = 1 / (1 − h)²`: nearly the jackknife, and the safest for few observations.
    Hc3,
}

/// What a fit says of each of its observations, and how its standard errors look without the assumption of equal
/// variances.
///
/// # Shapes
/// For n observations, p features and k targets: residuals and Cook's distances n × k, leverages n, robust standard
/// errors (p + 1) × k, the intercept's row first. Rows of weight 0 are among them.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::regression::RobustCovariance;
/// use gradus::LinearRegression;
///
/// // x̄ = 1, Σ(x − x̄)² = 2, ŷ = ½ x + ½.
/// let (x, y) = (dvector![0.0, 1.0, 2.0], dvector![0.0, 2.0, 1.0]);
/// let fit = LinearRegression::new().fit(&x, &y)?;
/// let diagnostics = fit.diagnostics(&x, &y)?;
/// assert!((diagnostics.residuals() - dvector![-0.5, 1.0, -0.5]).amax() < 1e-15);
/// // h = 1/3 + (x − x̄)²/2
/// let leverages = diagnostics.leverages().expect("the fit has no penalty");
/// assert!((leverages - dvector![5.0 / 6.0, 1.0 / 3.0, 5.0 / 6.0]).amax() < 1e-15);
/// // The slope is Σ(x − x̄) y / 2: its variance is Σ(x − x̄)² r² / 4 = ⅛.
/// let errors = diagnostics.robust_standard_errors(RobustCovariance::Hc0);
/// assert!((errors[(1, 0)].expect("the fit has no penalty") - 0.125_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// R. D. Cook (1977): Detection of influential observation in linear regression.
/// D. C. Hoaglin, R. E. Welsch (1978): The hat matrix in regression and ANOVA.
#[doc(alias("hatvalues", "cooks.distance", "influence"))]
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostics<T> {
    residuals: DMatrix<T>,
    residual_errors: DMatrix<T>,
    cooks_distances: DMatrix<Option<T>>,
    influence: Option<Influence<T>>,
    /// Whether numbers have their digits, or are not told.
    tells_digits: bool,
    /// n / d.
    inflation: Option<T>,
    exponents: Vec<i32>,
    target_exponents: Vec<i32>,
}

impl<T: Real> LinearFit<T> {
    /// What the fit says of each of the observations that it was made from: `x` n × p, `y` n × k.
    ///
    /// # Numerics
    /// Residuals are those of the refined parameters, with the digits that these lose to rounding, in twice the working
    /// precision, and have [a bound each](Diagnostics::residual_error_bounds). Leverages have a relative error of at
    /// most [`leverage_error_bound`](Diagnostics::leverage_error_bound), and with [refined standard
    /// errors](crate::regression::RegressionReport::standard_errors_refined) 1 − h does not cancel; else its error is h
    /// / (1 − h) times that. Where the fit has converged, Cook's distances and robust standard errors that the error of
    /// the residuals leaves without their digits are `None`. Memory: n (p + 2 k + 1) numbers for k targets.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the data have not the columns, or not as many rows as those of the fit,
    /// [`Error::NotFinite`] with the place of an entry that is not finite, [`Error::TooLarge`] if the memory cannot
    /// be allocated.
    pub fn diagnostics<'a>(&self, x: impl Into<View<'a, T>>, y: impl Into<View<'a, T>>) -> Result<Diagnostics<T>> {
        self.diagnose(x.into(), y.into(), None)
    }

    /// The same for a fit with weights.
    ///
    /// # Errors
    /// As [`diagnostics`](Self::diagnostics); also [`Error::ShapeMismatch`] if the weights are not one for each row,
    /// [`Error::InvalidParameter`] if one is negative or not finite.
    ///
    /// # Examples
    /// Three observations of which the last two count half: 0 and the mean of 1 and 3 are fitted exactly.
    /// ```
    /// use gradus::LinearRegression;
    /// use gradus::nalgebra::dvector;
    ///
    /// let (x, y, weights) = (dvector![0.0, 1.0, 1.0], dvector![0.0, 1.0, 3.0], [1.0, 0.5, 0.5]);
    /// let fit = LinearRegression::new().fit_weighted(&x, &y, weights.as_slice())?;
    /// let diagnostics = fit.diagnostics_weighted(&x, &y, weights.as_slice())?;
    /// assert!((diagnostics.residuals() - dvector![0.0, -1.0, 1.0]).amax() < 1e-14);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn diagnostics_weighted<'a>(
        &self,
        x: impl Into<View<'a, T>>,
        y: impl Into<View<'a, T>>,
        weights: impl Into<&'a [T]>,
    ) -> Result<Diagnostics<T>> {
        self.diagnose(x.into(), y.into(), Some(weights.into()))
    }

    #[inline(never)]
    fn diagnose(&self, x: View<'_, T>, y: View<'_, T>, weights: Option<&[T]>) -> Result<Diagnostics<T>> {
        let (features, targets) = self.coefficients().shape();
        check_observations(x, y, features, targets)?;
        if let Some(weights) = weights {
            check_weights(weights, x.nrows())?;
        }
        let counted = count_observations(x.nrows(), weights);
        if counted != self.observations() {
            return Err(Error::ShapeMismatch {
                what: "observations of positive weight, those of the fit",
                expected: Shape::new(self.observations(), features),
                found: Shape::new(counted, features),
            });
        }
        let solution = &self.solution;
        // Rows of weight 0 have residuals too.
        let scaled = self.walk(x, y, None, |blocks| self.scaled_residuals(blocks, weights.is_some()))??;
        let residuals = matrix_of(x.nrows(), targets, |row, target| {
            unscaled(scaled.values[(row, target)], solution.target_exponents[target])
        });
        let residuals = residuals.ok_or(Error::Overflow { what: "residuals" })?;
        let residual_errors = DMatrix::from_fn(x.nrows(), targets, |row, target| {
            times_power_of_two(scaled.errors[(row, target)], solution.target_exponents[target])
        });
        let (fractions, influence) = self.walk(x, y, weights, |blocks| {
            let fractions: Vec<T> = (0..blocks.rows()).map(|row| blocks.weight(row).0).collect();
            let influence = solution.root.as_ref().map(|root| self.influence(blocks, root, scaled)).transpose()?;
            Ok((fractions, influence))
        })??;
        let cooks_distances = DMatrix::from_fn(x.nrows(), targets, |row, target| {
            let Influence { leverages, complements, residuals, .. } = influence.as_ref()?;
            let deviation = solution.residual_standard_deviation(target)?;
            let (residual, error) = (residuals.values[(row, target)], residuals.errors[(row, target)]);
            let standardized = told(residual, error, self.report().converged)? / (deviation * complements[row]?);
            let distance =
                fractions[row] * standardized * standardized * leverages[row] / T::from_count(solution.rank?);
            (distance.is_finite() && solution.squares[target].residual_resolved).then_some(distance)
        });
        let inflation = solution.degrees_of_freedom().filter(|&freedom| freedom > 0);
        let inflation = inflation.map(|freedom| T::from_count(solution.observations) / T::from_count(freedom));
        Ok(Diagnostics {
            residuals,
            residual_errors,
            cooks_distances,
            influence,
            inflation,
            tells_digits: self.report().converged,
            exponents: self.published.exponents.clone(),
            target_exponents: solution.target_exponents.clone(),
        })
    }

    /// `Y − X B` in the units of the solution, 0 where that is not told from 0.
    fn scaled_residuals(&self, blocks: &Blocks<'_, T>, is_weighted: bool) -> Result<Residuals<T>> {
        let (rows, targets) = (blocks.rows(), blocks.targets());
        let zeros = || linalg::zeros("residuals", rows.saturating_mul(targets));
        let (mut residuals, mut errors) = (zeros()?, zeros()?);
        let rounding = T::nearest(rounding::<T>(0, blocks.unknowns()));
        let (root, converged) = (self.solution.root.as_ref().filter(|_| is_weighted), self.report().converged);
        let mut start = 0;
        blocks.for_each(&[], |block| {
            // Without weights leverages are at most 1.
            let distances = root.map(|root| root.distances(&block));
            for (target, y) in block.y.chunks_exact(block.rows).enumerate() {
                let parameters = self.solution.parameters(target);
                let reach = self.solution.squares[target].reach.filter(|_| root.is_some() || !is_weighted);
                let mut column: Vec<T::Wide> = y.iter().map(|&y| T::Wide::widen(y)).collect();
                block.subtract_product(&mut column, parameters);
                let mut sizes: Vec<T> = y.iter().map(|y| y.abs()).collect();
                for (x, parameter) in block.x.chunks_exact(block.rows).zip(parameters) {
                    let parameter = parameter.round().abs();
                    sizes.iter_mut().zip(x).for_each(|(size, &x)| *size += x.abs() * parameter);
                }
                let place = target * rows + start;
                for (row, (from, size)) in column.into_iter().zip(sizes).enumerate() {
                    let distance = distances.as_ref().map_or(T::one(), |distances| distances[row]);
                    let off = reach.map_or(T::nearest(f64::INFINITY), |reach| reach * distance);
                    let error = (size * rounding + off) * T::nearest(2.0);
                    // What a solution that has not converged leaves is not made zero.
                    let is_zero = from.round().abs() <= if converged { error } else { size * rounding };
                    residuals[place + row] = if is_zero { T::zero() } else { from.round() };
                    errors[place + row] = error;
                }
            }
            start += block.rows;
        });
        let matrix = |numbers| DMatrix::from_vec(rows, targets, numbers);
        Ok(Residuals { values: matrix(residuals), errors: matrix(errors) })
    }
}

/// A number with this bound of its error: 0 if it is not told from that, and none if it is to have its digits, and has
/// not.
fn told<T: Real>(value: T, error: T, tells_digits: bool) -> Option<T> {
    // Bounds are of the worst case, and have a factor of a hundred and more in hand.
    let tolerance = T::nearest(64.0 * tolerance::<T>());
    match value.abs() {
        _ if !tells_digits => Some(value),
        size if size <= error => Some(T::zero()),
        size => (error <= size * tolerance).then_some(value),
    }
}

impl<T: Real> Diagnostics<T> {
    /// `r = y − ŷ`: n × k.
    #[must_use]
    pub fn residuals(&self) -> &DMatrix<T> {
        &self.residuals
    }

    /// A bound of the error of each residual: n × k; infinite where nothing is known.
    #[must_use]
    pub fn residual_error_bounds(&self) -> &DMatrix<T> {
        &self.residual_errors
    }

    /// The leverages, `h = w xᵀ (XᵀWX)⁻¹ x`, the diagonal of the hat matrix: between 0 and 1, and their sum is the
    /// number of unknowns. `None` with a penalty, by conjugate gradients, and for a solution of minimum norm.
    #[must_use]
    pub fn leverages(&self) -> Option<&DVector<T>> {
        self.influence.as_ref().map(|influence| &influence.leverages)
    }

    /// A bound of the relative error of the leverages, if there are any.
    #[must_use]
    pub fn leverage_error_bound(&self) -> Option<f64> {
        self.influence.as_ref().map(|influence| influence.leverage_error)
    }

    /// Cook's distances, `w r² h / (q s² (1 − h)²)` with q unknowns: how far the fit moves without the observation.
    ///
    /// `None` for an observation that alone decides a parameter (h = 1) or whose residual has not its digits, and where
    /// s² is undefined or not resolved.
    #[must_use]
    pub fn cooks_distances(&self) -> &DMatrix<Option<T>> {
        &self.cooks_distances
    }

    /// Standard errors of the parameters without the assumption of equal variances: (p + 1) × k, the intercept's row
    /// first.
    ///
    /// `None` where there are no leverages, or residuals have not the digits for it; HC1 without residual degrees of
    /// freedom; HC2 and HC3 for the parameters that an observation of leverage 1 contributes to.
    #[must_use]
    pub fn robust_standard_errors(&self, covariance: RobustCovariance) -> DMatrix<Option<T>> {
        let (unknowns, targets) = (self.exponents.len(), self.target_exponents.len());
        DMatrix::from_fn(unknowns, targets, |unknown, target| {
            let influence = self.influence.as_ref()?;
            let [error, bound] = influence.robust_standard_error(covariance, self.inflation, unknown, target)?;
            unscaled(told(error, bound, self.tells_digits)?, self.target_exponents[target] - self.exponents[unknown])
        })
    }
}
