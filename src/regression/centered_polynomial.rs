use nalgebra::DMatrix;

use super::linear_fit::{LinearFit, matrix_of};
use super::problem::Intercept;
use super::solution::{Solution, unscaled};
use crate::linalg::times_power_of_two;
use crate::real::Real;
use crate::wide::Wide;

/// A fitted polynomial about the middle of its data, `ŷ = Σⱼ cⱼ ((x − center) / scale)ʲ`.
///
/// Far from zero the coefficients of 1, x, x², … say little in the digits of the number type: their terms cancel. These
/// do not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CenteredPolynomial<T> {
    /// About the middle of the data.
    pub center: T,
    /// A power of two, at which the data end.
    pub scale: T,
    /// `cⱼ`, (degree + 1) × targets.
    pub coefficients: DMatrix<T>,
}

impl<T: Real> LinearFit<T> {
    /// The polynomial about the middle of its data, if [`fit_polynomial`](crate::LinearRegression::fit_polynomial)
    /// fitted it so: with an intercept, and without a penalty or minimum norm. `None` also if a number overflows.
    ///
    /// # Examples
    /// Seconds since 1970, in which a cubic has no digits, and about their middle it has all:
    /// ```
    /// use gradus::LinearRegression;
    /// use gradus::nalgebra::DVector;
    ///
    /// let time: Vec<f64> = (0..60).map(|minute| 1.5e9 + 60.0 * f64::from(minute)).collect();
    /// // 3 t³ − t + 2 with t = (x − 1500001792) / 2048
    /// let t = |x: f64| (x - 1_500_001_792.0) / 2048.0;
    /// let y = DVector::from_iterator(60, time.iter().map(|&x| (3.0 * t(x).powi(3) - t(x) + 2.0)));
    /// let fit = LinearRegression::new().fit_polynomial(&time, &y, 3)?;
    /// let polynomial = fit.centered_polynomial().expect("an intercept");
    /// assert_eq!((polynomial.center, polynomial.scale), (1_500_001_792.0, 2048.0));
    /// for (found, expected) in polynomial.coefficients.iter().zip([2.0, -1.0, 0.0, 3.0]) {
    ///     assert!((found - expected).abs() < 1e-14);
    /// }
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn centered_polynomial(&self) -> Option<CenteredPolynomial<T>> {
        let Solution { intercept, rank, .. } = self.solution;
        let is_centered = intercept == Intercept::Include && rank.is_some() && !self.solution.is_of_least_norm();
        let basis = self.solution.basis.filter(|_| is_centered)?;
        let (unknowns, targets) = (self.solution.unknowns(), self.solution.targets());
        let coefficients = matrix_of(unknowns, targets, |power, target| {
            let exponent = self.solution.target_exponents[target] - self.solution.unknown_exponents[power];
            unscaled(self.solution.parameters(target)[power].round(), exponent)
        })?;
        Some(CenteredPolynomial {
            center: basis.center,
            scale: times_power_of_two(T::one(), basis.exponent),
            coefficients,
        })
    }
}
