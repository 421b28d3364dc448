use nalgebra::{DMatrix, DVector};

use super::design::Weights;
use super::intervals::squared_norm_of_row;
use super::linear_fit::matrix_of;
use super::solution::{Solution, unscaled};
use super::{LinearFit, check_observations, check_weights, count_observations};
use crate::error::{Error, Result, Shape};
use crate::linalg::{self, View, matrix, times_power_of_two, transpose};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
/// use gradus::{LinearRegression, RobustCovariance};
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
/// let errors = diagnostics.robust_standard_errors(RobustCovariance::Hc0).expect("the fit has no penalty");
/// assert!((errors[(1, 0)] - 0.125_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// R. D. Cook (1977): Detection of influential observation in linear regression.
/// D. C. Hoaglin, R. E. Welsch (1978): The hat matrix in regression and ANOVA.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostics<T> {
    residuals: DMatrix<T>,
    cooks_distances: DMatrix<Option<T>>,
    influence: Option<Influence<T>>,
    /// n / d.
    inflation: Option<T>,
    unknown_exponents: Vec<i32>,
    target_exponents: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq)]
struct Influence<T> {
    leverages: DVector<T>,
    /// `W X (XᵀWX)⁻¹`: what an observation's target contributes to each parameter, in the units of the solution.
    contributions: DMatrix<T>,
    /// n × k, in the units of the solution, each times the power of two of its weight.
    residuals: DMatrix<T>,
}

impl<T: Real> LinearFit<T> {
    /// What the fit says of each of the observations that it was made from: `x` n × p, `y` n × k.
    ///
    /// # Numerics
    /// Residuals are differences in twice the working precision. Memory: n (p + 1) numbers, twice that on the way.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the data have not the columns, or not as many rows as those of the fit,
    /// [`Error::NotFinite`] with the place of an entry that is not finite, [`Error::TooLarge`] if the memory cannot
    /// be had.
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
        let design = self.scaled_design(x, |_| 0)?;
        let scaled = scaled_residuals(solution, &design, y)?;
        let residuals = matrix_of(x.nrows(), targets, |row, target| {
            unscaled(scaled[(row, target)], solution.target_exponents[target])
        });
        let residuals = residuals.ok_or(Error::Overflow { what: "residuals" })?;
        drop(design);

        // The power of two of a weight goes into its row, as it did in the fit.
        let weights = weights.map(Weights::new);
        let weight = |row: usize| weights.as_ref().map_or(T::one(), |weights| weights.fractions[row]);
        let power = |row: usize| weights.as_ref().map_or(0, |weights| weights.halves[row]);
        let influence = match (self.components(x, power)?, &solution.inverse_root) {
            (Some(components), Some(root)) => {
                let (rows, unknowns) = components.shape();
                let leverages = DVector::from_fn(rows, |row, _| {
                    let leverage = weight(row) * squared_norm_of_row(&components, row);
                    // As R has it: what misses 1 by rounding is 1.
                    let full = T::one() - T::nearest(10.0) * T::epsilon();
                    if leverage > full { T::one() } else { leverage }
                });
                let mut contributions = linalg::zeros("influence of observations", rows.saturating_mul(unknowns))?;
                let root = transpose(root.as_slice(), unknowns, unknowns);
                linalg::multiply(matrix(components.as_slice(), rows, unknowns), root, &mut contributions);
                let mut contributions = DMatrix::from_vec(rows, unknowns, contributions);
                for mut column in contributions.column_iter_mut() {
                    column.iter_mut().enumerate().for_each(|(row, value)| *value *= weight(row));
                }
                let residuals = DMatrix::from_fn(rows, targets, |row, target| {
                    times_power_of_two(scaled[(row, target)], power(row))
                });
                Some(Influence { leverages, contributions, residuals })
            }
            _ => None,
        };
        let cooks_distances = DMatrix::from_fn(x.nrows(), targets, |row, target| {
            let influence = influence.as_ref()?;
            let deviation = solution.residual_standard_deviation(target)?;
            let (leverage, rank) = (influence.leverages[row], T::from_count(solution.rank?));
            let standardized = influence.residuals[(row, target)] / (deviation * (T::one() - leverage));
            let distance = weight(row) * standardized * standardized * leverage / rank;
            distance.is_finite().then_some(distance)
        });
        let inflation = solution.degrees_of_freedom().filter(|&freedom| freedom > 0);
        let inflation = inflation.map(|freedom| T::from_count(solution.observations) / T::from_count(freedom));
        Ok(Diagnostics {
            residuals,
            cooks_distances,
            influence,
            inflation,
            unknown_exponents: solution.unknown_exponents.clone(),
            target_exponents: solution.target_exponents.clone(),
        })
    }
}

/// `Y − X B` in the units of the solution.
fn scaled_residuals<T: Real>(solution: &Solution<T>, design: &DMatrix<T>, y: View<'_, T>) -> Result<DMatrix<T>> {
    let mut residuals = linalg::zeros("residuals", y.nrows().saturating_mul(y.ncols()))?;
    let mut column = Vec::with_capacity(y.nrows());
    for (target, residuals) in residuals.chunks_exact_mut(y.nrows().max(1)).enumerate() {
        let exponent = -solution.target_exponents[target];
        column.clear();
        column.extend(y.column(target).iter().map(|&y| T::Wide::widen(times_power_of_two(y, exponent))));
        for (x, &parameter) in design.column_iter().zip(solution.parameters.column(target).iter()) {
            for (residual, &x) in column.iter_mut().zip(x.iter()) {
                *residual -= T::Wide::product(x, parameter);
            }
        }
        residuals.iter_mut().zip(&column).for_each(|(to, from)| *to = from.round());
    }
    Ok(DMatrix::from_vec(y.nrows(), y.ncols(), residuals))
}

impl<T: Real> Diagnostics<T> {
    /// `r = y − ŷ`: n × k.
    #[must_use]
    pub fn residuals(&self) -> &DMatrix<T> {
        &self.residuals
    }

    /// The leverages, `h = w xᵀ (XᵀWX)⁻¹ x`, the diagonal of the hat matrix: between 0 and 1, and their sum is the
    /// number of unknowns. `None` with a penalty.
    #[must_use]
    pub fn leverages(&self) -> Option<&DVector<T>> {
        self.influence.as_ref().map(|influence| &influence.leverages)
    }

    /// Cook's distances, `w r² h / (q s² (1 − h)²)` with q unknowns: how far the fit moves without the observation.
    ///
    /// `None` for an observation that alone decides a parameter (h = 1), and where s² is 0 or undefined.
    #[must_use]
    pub fn cooks_distances(&self) -> &DMatrix<Option<T>> {
        &self.cooks_distances
    }

    /// Standard errors of the parameters without the assumption of equal variances: (p + 1) × k, the intercept's row
    /// first.
    ///
    /// `None` with a penalty; HC1 without residual degrees of freedom; HC2 and HC3 where an observation has the
    /// leverage 1.
    #[must_use]
    pub fn robust_standard_errors(&self, covariance: RobustCovariance) -> Option<DMatrix<T>> {
        let Influence { leverages, contributions, residuals } = self.influence.as_ref()?;
        let inflation = match covariance {
            RobustCovariance::Hc1 => self.inflation?,
            _ => T::one(),
        };
        let factors: Vec<T> = leverages
            .iter()
            .map(|&leverage| match covariance {
                RobustCovariance::Hc0 | RobustCovariance::Hc1 => inflation.sqrt(),
                RobustCovariance::Hc2 => T::one() / (T::one() - leverage).sqrt(),
                RobustCovariance::Hc3 => T::one() / (T::one() - leverage),
            })
            .collect();
        matrix_of(contributions.ncols(), residuals.ncols(), |unknown, target| {
            let terms = contributions.column(unknown);
            let terms: Vec<T> = terms
                .iter()
                .zip(residuals.column(target).iter())
                .zip(&factors)
                .map(|((&contribution, &residual), &factor)| contribution * (residual * factor))
                .collect();
            let error = linalg::norm(&terms);
            unscaled(error, self.target_exponents[target] - self.unknown_exponents[unknown])
        })
    }
}
