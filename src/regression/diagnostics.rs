use std::borrow::Cow;

use nalgebra::{DMatrix, DVector};

use super::blocks::{Block, Blocks, MOST_ROWS};
use super::conclude::rounding;
use super::factors::root::Root;
use super::linear_fit::{LinearFit, matrix_of};
use super::problem::{check_observations, check_weights, count_observations};
use super::solution::unscaled;
use crate::error::{Error, Result, Shape};
use crate::linalg::{self, View, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

/// Above this leverage, what is missing to 1 is not a difference.
const HIGH: f64 = 1.0 - 1.0 / 1024.0;

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
/// let errors = diagnostics.robust_standard_errors(RobustCovariance::Hc0);
/// assert!((errors[(1, 0)].expect("the fit has no penalty") - 0.125_f64.sqrt()).abs() < 1e-15);
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
    exponents: Vec<i32>,
    target_exponents: Vec<i32>,
}

/// In the units of the solution.
#[derive(Clone, Debug, PartialEq)]
struct Influence<T> {
    leverages: DVector<T>,
    /// 1 − h, or none where that is not told from 0.
    complements: Vec<Option<T>>,
    /// `W X (XᵀWX)⁻¹`: what an observation's target contributes to each parameter.
    contributions: DMatrix<T>,
    /// What rounding may make of a contribution of 0, for each parameter.
    negligible: Vec<T>,
    /// n × k, each times the power of two of its weight.
    residuals: DMatrix<T>,
    leverage_error: f64,
}

impl<T: Real> LinearFit<T> {
    /// What the fit says of each of the observations that it was made from: `x` n × p, `y` n × k.
    ///
    /// # Numerics
    /// Residuals are those of the refined parameters, with the digits that these lose to rounding, in twice the working
    /// precision. Leverages and what is made of them have the digits of the standard errors, and 1 − h does not cancel: where
    /// [`standard_errors_refined`](crate::RegressionReport::standard_errors_refined) all have, else leverages have a relative
    /// error of at most [`leverage_error_bound`](Diagnostics::leverage_error_bound), and 1 − h one of h / (1 − h) times that.
    /// Memory: n (p + 1) numbers.
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
        // Rows of weight 0 have residuals too.
        let scaled = self.walk(x, y, None, |blocks| self.scaled_residuals(blocks, weights.is_some()))??;
        let residuals = matrix_of(x.nrows(), targets, |row, target| {
            unscaled(scaled[(row, target)], solution.target_exponents[target])
        });
        let residuals = residuals.ok_or(Error::Overflow { what: "residuals" })?;
        let (fractions, influence) = self.walk(x, y, weights, |blocks| {
            let fractions: Vec<T> = (0..blocks.rows()).map(|row| blocks.weight(row).0).collect();
            let influence = solution.root.as_ref().map(|root| self.influence(blocks, root, scaled)).transpose()?;
            Ok((fractions, influence))
        })??;
        let cooks_distances = DMatrix::from_fn(x.nrows(), targets, |row, target| {
            let Influence { leverages, complements, residuals, .. } = influence.as_ref()?;
            let deviation = solution.residual_standard_deviation(target)?;
            let standardized = residuals[(row, target)] / (deviation * complements[row]?);
            let distance =
                fractions[row] * standardized * standardized * leverages[row] / T::from_count(solution.rank?);
            (distance.is_finite() && solution.squares[target].residual_resolved).then_some(distance)
        });
        let inflation = solution.degrees_of_freedom().filter(|&freedom| freedom > 0);
        let inflation = inflation.map(|freedom| T::from_count(solution.observations) / T::from_count(freedom));
        Ok(Diagnostics {
            residuals,
            cooks_distances,
            influence,
            inflation,
            exponents: self.published.exponents.clone(),
            target_exponents: solution.target_exponents.clone(),
        })
    }

    /// `Y − X B` in the units of the solution; 0 where that is not told from 0.
    fn scaled_residuals(&self, blocks: &Blocks<'_, T>, is_weighted: bool) -> Result<DMatrix<T>> {
        let (rows, targets) = (blocks.rows(), blocks.targets());
        let mut residuals = linalg::zeros("residuals", rows.saturating_mul(targets))?;
        let rounding = T::nearest(rounding::<T>(0, blocks.unknowns()));
        let mut start = 0;
        blocks.for_each(&[], |block| {
            for (target, y) in block.y.chunks_exact(block.rows).enumerate() {
                let parameters = self.solution.parameters(target);
                // Of a row of less weight it is more.
                let reach = if is_weighted { T::zero() } else { self.solution.squares[target].reach };
                let mut column: Vec<T::Wide> = y.iter().map(|&y| T::Wide::widen(y)).collect();
                block.subtract_product(&mut column, parameters);
                let mut sizes: Vec<T> = y.iter().map(|y| y.abs()).collect();
                for (x, parameter) in block.x.chunks_exact(block.rows).zip(parameters) {
                    let parameter = parameter.round().abs();
                    sizes.iter_mut().zip(x).for_each(|(size, &x)| *size += x.abs() * parameter);
                }
                let to = &mut residuals[target * rows + start..][..block.rows];
                for (to, (from, size)) in to.iter_mut().zip(column.into_iter().zip(sizes)) {
                    let error = (size * rounding + reach) * T::nearest(256.0);
                    *to = if from.round().abs() <= error { T::zero() } else { from.round() };
                }
            }
            start += block.rows;
        });
        Ok(DMatrix::from_vec(rows, targets, residuals))
    }

    fn influence(&self, blocks: &Blocks<'_, T>, root: &Root<T>, mut residuals: DMatrix<T>) -> Result<Influence<T>> {
        let (rows, unknowns) = (blocks.rows(), blocks.unknowns());
        let report = self.report();
        // M Pᵀ with the root P for the columns as they are given.
        let published = self.solution.published_root().unwrap_or(Cow::Borrowed(root));
        let products: Vec<T::Wide> = (0..unknowns).flat_map(|j| root.products_with_row(&published, j)).collect();
        let mut contributions = linalg::zeros("influence of observations", rows.saturating_mul(unknowns))?;
        let mut leverages = DVector::zeros(rows);
        let mut high = Vec::new();
        let mut start = 0;
        blocks.for_each(&[], |block| {
            let weight = |row: usize| block.weights.map_or(T::one(), |weights| weights[row]);
            let components = root.components(&block);
            let mut squares = vec![T::Wide::zero(); block.rows];
            for component in components.chunks_exact(block.rows) {
                squares.iter_mut().zip(component).for_each(|(square, &entry)| *square += entry * entry);
            }
            for (row, square) in squares.into_iter().enumerate() {
                let leverage = square.times(weight(row)).round();
                leverages[start + row] = leverage.min(T::one());
                if leverage > T::nearest(HIGH) {
                    high.push((
                        start + row,
                        components.iter().copied().skip(row).step_by(block.rows).collect::<Vec<_>>(),
                    ));
                }
            }
            for (j, products) in products.chunks_exact(unknowns).enumerate() {
                let mut column = vec![T::Wide::zero(); block.rows];
                block.subtract_product(&mut column, products);
                let to = &mut contributions[j * rows + start..][..block.rows];
                let column = column.into_iter().enumerate();
                to.iter_mut().zip(column).for_each(|(to, (row, entry))| *to = -entry.times(weight(row)).round());
            }
            start += block.rows;
        });
        let noise = match root.is_refined {
            true => rounding::<T>(rows.min(MOST_ROWS), unknowns) * report.condition,
            false => report.standard_error_bound,
        };
        let mut complements: Vec<Option<T>> = leverages.iter().map(|&leverage| Some(T::one() - leverage)).collect();
        for (place, complement, has_digits) in complements_of(blocks, root, &high, noise) {
            complements[place] = has_digits.then_some(complement);
            leverages[place] = T::one() - complement;
        }
        // Where rounding could hide one, none is taken for 0.
        let may_hide = blocks.has_graded_rows() || noise > T::epsilon().to_f64();
        let part = if may_hide { 0.0 } else { 64.0 * noise };
        let negligible = published.lengths.iter().map(|&length| T::nearest(part) * length).collect();
        let contributions = DMatrix::from_vec(rows, unknowns, contributions);
        let leverage_error = 2.0 * report.standard_error_bound;
        for mut column in residuals.column_iter_mut() {
            let numbers = column.iter_mut().enumerate();
            numbers.for_each(|(row, value)| *value = times_power_of_two(*value, blocks.weight(row).1));
        }
        Ok(Influence { leverages, complements, contributions, negligible, residuals, leverage_error })
    }
}

/// 1 − h for observations whose leverages h are high, given `Mᵀ x` of each: `Σ (q·qᵢ)² / h` over the others, which have
/// `q = w^½ Mᵀ x`; and whether rounding leaves digits of it.
fn complements_of<T: Real>(
    blocks: &Blocks<'_, T>,
    root: &Root<T>,
    high: &[(usize, Vec<T::Wide>)],
    noise: f64,
) -> Vec<(usize, T, bool)> {
    let mut sums = vec![T::Wide::zero(); high.len()];
    let mut start = 0;
    let mut visit = |block: Block<'_, T>| {
        let components = root.components(&block);
        let mut buffer = Vec::new();
        for ((place, along), sum) in high.iter().zip(&mut sums) {
            let mut products = vec![T::Wide::zero(); block.rows];
            for (component, &along) in components.chunks_exact(block.rows).zip(along) {
                products.iter_mut().zip(component).for_each(|(product, &entry)| *product += entry * along);
            }
            if let Some(own) = place.checked_sub(start).and_then(|row| products.get_mut(row)) {
                *own = T::Wide::zero();
            }
            *sum = sum.add_dot(&products, block.weighted(&products, &mut buffer));
        }
        start += block.rows;
    };
    if !high.is_empty() {
        blocks.for_each(&[], &mut visit);
    }
    // A refined one has as many digits as what is made of it is said to have.
    let digits = if root.is_refined { 1.0 / T::epsilon().to_f64().powf(0.766) } else { 4.0 };
    // And its residuals, which are as small, have those of the doubled precision.
    let residuals = if root.is_refined { 32.0 * rounding::<T>(0, root.unknowns()) * digits } else { 0.0 };
    let least = T::nearest(residuals.max((noise * digits).powi(2) * root.unknowns() as f64));
    let complement = |((place, along), sum): (&(usize, Vec<T::Wide>), T::Wide)| {
        let (weight, _) = blocks.weight(*place);
        let square = along.iter().fold(T::Wide::zero(), |sum, &entry| sum + entry * entry).times(weight);
        let complement = (sum.times(weight) / square).round();
        (*place, complement, complement > least)
    };
    high.iter().zip(sums).map(complement).collect()
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

    /// A bound of the relative error of the leverages; `None` with a penalty.
    #[must_use]
    pub fn leverage_error_bound(&self) -> Option<f64> {
        self.influence.as_ref().map(|influence| influence.leverage_error)
    }

    /// Cook's distances, `w r² h / (q s² (1 − h)²)` with q unknowns: how far the fit moves without the observation.
    ///
    /// `None` for an observation that alone decides a parameter (h = 1), and where s² is undefined or not resolved.
    #[must_use]
    pub fn cooks_distances(&self) -> &DMatrix<Option<T>> {
        &self.cooks_distances
    }

    /// Standard errors of the parameters without the assumption of equal variances: (p + 1) × k, the intercept's row
    /// first.
    ///
    /// `None` with a penalty; HC1 without residual degrees of freedom; HC2 and HC3 for the parameters that an observation
    /// of leverage 1 contributes to.
    #[must_use]
    pub fn robust_standard_errors(&self, covariance: RobustCovariance) -> DMatrix<Option<T>> {
        let (unknowns, targets) = (self.exponents.len(), self.target_exponents.len());
        DMatrix::from_fn(unknowns, targets, |unknown, target| {
            let influence = self.influence.as_ref()?;
            let error = influence.robust_standard_error(covariance, self.inflation, unknown, target)?;
            unscaled(error, self.target_exponents[target] - self.exponents[unknown])
        })
    }
}

impl<T: Real> Influence<T> {
    fn robust_standard_error(
        &self,
        covariance: RobustCovariance,
        inflation: Option<T>,
        unknown: usize,
        target: usize,
    ) -> Option<T> {
        let terms = self.complements.iter().enumerate().map(|(row, &complement)| {
            let (contribution, residual) = (self.contributions[(row, unknown)], self.residuals[(row, target)]);
            let factor = match (covariance, complement) {
                (RobustCovariance::Hc0, _) => T::one(),
                (RobustCovariance::Hc1, _) => inflation?.sqrt(),
                // It has no residual, and where it contributes nothing it does not matter that its variance is unknown.
                (_, None) if contribution.abs() <= self.negligible[unknown] => return Some(T::zero()),
                (RobustCovariance::Hc2, complement) => T::one() / complement?.sqrt(),
                (RobustCovariance::Hc3, complement) => T::one() / complement?,
            };
            Some(contribution * (residual * factor))
        });
        let terms: Option<Vec<T>> = terms.collect();
        Some(linalg::norm(&terms?))
    }
}
