mod solve;

use nalgebra::DMatrix;

use super::linear_fit::LinearFit;
use super::polynomial::{Basis, powers};
use super::problem::{Intercept, Problem};
use super::report::{RankDeficiency, Solver};
use crate::checks;
use crate::error::{Error, Result};
use crate::linalg::View;
use crate::real::Real;

/// Linear regression of data in memory, `Y ≈ X B + 1 aᵀ`, as exact as exact arithmetic and fast.
///
/// # Shapes
/// `X` n × p, one observation per row; `Y` n × k.
///
/// # Numerics
/// The matrix of sums of products is factored by Cholesky in working precision, and the solution corrected by
/// residuals in twice that precision until nothing changes. Where that does not converge, a Householder
/// factorization of the matrix takes its place, good to a column-scaled condition number κ of 10¹³. The
/// [report](LinearFit::report) says which road was taken, and whether the corrections converged.
///
/// Cost: n p² multiplications for the factor, and 2 n p in twice the precision for each of a few corrections. Up to n
/// p² = 10⁷, or if [asked for](Self::with_refined_standard_errors), one more pass of n p² in twice the precision
/// refines the root of `(XᵀWX)⁻¹`, and with it standard errors, intervals, leverages and all that is made of them; else
/// they have the digits of the factor, with a relative error that the report bounds.
///
/// # Examples
/// ```
/// use gradus::LinearRegression;
/// use gradus::nalgebra::{dmatrix, dvector};
///
/// // y = 2 x₀ − x₁ + 3
/// let x = dmatrix![0.0, 0.0; 1.0, 0.0; 0.0, 1.0; 1.0, 1.0];
/// let y = dvector![3.0, 5.0, 2.0, 4.0];
/// let fit = LinearRegression::new().fit(&x, &y)?;
/// assert_eq!(fit.coefficients(), &dmatrix![2.0; -1.0]);
/// assert_eq!(fit.intercept()[0], 3.0);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// Å. Björck (1996): Numerical Methods for Least Squares Problems, §2.9 and §6.6.
/// N. J. Higham (2002): Accuracy and Stability of Numerical Algorithms, ch. 20.
#[doc(alias("lm", "OLS", "WLS", "lstsq", "least squares", "Ridge"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearRegression {
    intercept: Intercept,
    ridge: f64,
    solver: Option<Solver>,
    refinement: bool,
    refined_standard_errors: Option<bool>,
    rank_deficiency: RankDeficiency,
}

impl Default for LinearRegression {
    fn default() -> Self {
        Self::new()
    }
}

impl LinearRegression {
    /// With an intercept, without a penalty, by the solver that the data need.
    #[must_use]
    pub fn new() -> Self {
        Self {
            intercept: Intercept::Include,
            ridge: 0.0,
            solver: None,
            refinement: true,
            refined_standard_errors: None,
            rank_deficiency: RankDeficiency::Refuse,
        }
    }

    /// With or without an intercept.
    #[must_use]
    pub fn with_intercept(self, intercept: Intercept) -> Self {
        Self { intercept, ..self }
    }

    /// With a penalty λ‖β‖² on the coefficients of the columns as they are given (ridge regression): minimizes
    /// `Σ w (y − x β − b)² + λ ‖β‖²`. The intercept is not penalized. Such a fit has no standard errors.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if λ is negative or not finite.
    pub fn with_ridge(self, lambda: f64) -> Result<Self> {
        checks::not_negative("ridge penalty", lambda)?;
        Ok(Self { ridge: lambda, ..self })
    }

    /// By this solver only. (Columns that [`RankDeficiency`] puts up with are fitted by [`Solver::Householder`];
    /// [`Solver::Sums`] and [`Solver::ConjugateGradient`] take no note of it.)
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dvector;
    /// use gradus::regression::Solver;
    /// use gradus::LinearRegression;
    ///
    /// let (x, y) = (dvector![0.0, 1.0, 2.0], dvector![1.0, 3.0, 5.0]);
    /// let fit = LinearRegression::new().with_solver(Solver::Householder).with_refined_standard_errors(false).fit(&x, &y)?;
    /// assert_eq!(fit.report().solver, Solver::Householder);
    /// assert!((fit.coefficients()[0] - 2.0_f64).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn with_solver(self, solver: Solver) -> Self {
        Self { solver: Some(solver), ..self }
    }

    /// Without corrections, by Cholesky alone where it does not break down: for a quick look. A solution then has a
    /// relative error of κ² ε or κ ε, and is never said to have converged.
    ///
    /// # Examples
    /// ```
    /// use gradus::LinearRegression;
    /// use gradus::nalgebra::dvector;
    ///
    /// let fit = LinearRegression::new().without_refinement().fit(&dvector![0.0, 1.0, 2.0], &dvector![1.0, 3.0, 5.0])?;
    /// assert!((fit.coefficients()[0] - 2.0_f64).abs() < 1e-13 && !fit.report().converged);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn without_refinement(self) -> Self {
        Self { refinement: false, refined_standard_errors: Some(false), ..self }
    }

    /// With the standard errors refined, or not, whatever the size of the problem.
    #[must_use]
    pub fn with_refined_standard_errors(self, refined: bool) -> Self {
        Self { refined_standard_errors: Some(refined), ..self }
    }

    /// With columns that are combinations of others, or more of them than observations, dealt with in this way.
    ///
    /// # Examples
    /// The second column is twice the first, and y = 5 x₀:
    /// ```
    /// use gradus::nalgebra::{dmatrix, dvector};
    /// use gradus::regression::RankDeficiency;
    /// use gradus::{Error, LinearRegression};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0; 2.0, 4.0; 4.0, 8.0], dvector![5.0, 10.0, 20.0]);
    /// let refused = LinearRegression::new().fit(&x, &y).unwrap_err();
    /// assert!(matches!(refused, Error::RankDeficient { .. }) && refused.to_string().contains("x1"));
    ///
    /// let with = |how| LinearRegression::new().with_rank_deficiency(how).fit(&x, &y);
    /// let dropped = with(RankDeficiency::Drop)?;
    /// assert!((dropped.coefficients() - dmatrix![5.0; 0.0]).amax() < 1e-14);
    /// assert_eq!(dropped.dependencies().len(), 1);
    /// let shared = with(RankDeficiency::MinimumNorm)?;
    /// assert!((shared.coefficients() - dmatrix![1.0; 2.0]).amax() < 1e-14);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn with_rank_deficiency(self, rank_deficiency: RankDeficiency) -> Self {
        Self { rank_deficiency, ..self }
    }

    /// Fits `y`, n × k, to `x`, n × p.
    ///
    /// # Errors
    /// [`Error::Empty`] without observations, targets or unknowns, [`Error::ShapeMismatch`] if the numbers of rows
    /// differ, [`Error::NotFinite`] with the place of an entry that is not finite, [`Error::Underdetermined`] with
    /// fewer observations than unknowns and no penalty, [`Error::RankDeficient`] with the columns that are combinations
    /// of others, [`Error::IllConditioned`] if a solver chosen by hand breaks down, or if nothing is left of the digits
    /// of a least norm, [`Error::Overflow`] if the solution leaves the range of the number type, [`Error::TooLarge`] if
    /// the memory for a matrix of unknowns × unknowns cannot be allocated.
    pub fn fit<'a, T: Real>(&self, x: impl Into<View<'a, T>>, y: impl Into<View<'a, T>>) -> Result<LinearFit<T>> {
        self.solve(self.problem(x.into(), y.into(), None, None)?, None)
    }

    /// Fits with a weight for each observation, its precision: an observation of weight w counts as one whose variance
    /// is 1/w of that of weight 1. One of weight 0 does not count at all. Weights may lie anywhere in the range of the
    /// number type; all of them times a power of four give the same parameters to the last bit.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); also [`Error::ShapeMismatch`] if the weights are not one for each row,
    /// [`Error::InvalidParameter`] if one is negative or not finite.
    ///
    /// # Examples
    /// A mean of 0 and 3 of which the second counts twice:
    /// ```
    /// use gradus::nalgebra::{DMatrix, dvector};
    /// use gradus::regression::Intercept;
    /// use gradus::LinearRegression;
    ///
    /// let ones = DMatrix::from_element(2, 1, 1.0);
    /// let regression = LinearRegression::new().with_intercept(Intercept::Omit);
    /// let fit = regression.fit_weighted(&ones, &dvector![0.0, 3.0], [1.0, 2.0].as_slice())?;
    /// assert!((fit.coefficients()[0] - 2.0_f64).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn fit_weighted<'a, T: Real>(
        &self,
        x: impl Into<View<'a, T>>,
        y: impl Into<View<'a, T>>,
        weights: impl Into<&'a [T]>,
    ) -> Result<LinearFit<T>> {
        self.solve(self.problem(x.into(), y.into(), Some(weights.into()), None)?, None)
    }

    /// Fits the polynomial `y ≈ a + b₁ x + … + b_d x^d` of degree d to `y`, n × k, with powers in twice the working
    /// precision: the design matrix is that of [`polynomial`](crate::regression::polynomial), without its rounding (but
    /// for [`Solver::Sums`], which takes rounded ones).
    ///
    /// With an intercept and without a penalty the powers are those of `(x − center) / scale`, between −1 and 1, so
    /// that years and timestamps are fitted as well as numbers near zero. The fit publishes the coefficients of x, and
    /// keeps [those about the center](LinearFit::centered_polynomial), by which it evaluates rows of powers. Otherwise
    /// the powers are those of x, and so they are evaluated, in twice the precision. A penalty, and the least norm, are
    /// of the coefficients of x.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), the powers being the columns: a polynomial of as high a degree as there are distinct `x`
    /// has dependent ones.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::{dmatrix, dvector};
    /// use gradus::regression::polynomial;
    /// use gradus::LinearRegression;
    ///
    /// let fit = LinearRegression::new().fit_polynomial(&[0.0, 1.0, 2.0, 3.0], &dvector![1.0, 0.0, 3.0, 10.0], 2)?;
    /// assert_eq!((fit.intercept()[0], fit.coefficients()), (1.0, &dmatrix![-3.0; 2.0]));
    /// assert_eq!(fit.predict(&polynomial(&[4.0], 2)?)?[0], 21.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn fit_polynomial<'a, T: Real>(
        &self,
        x: &[T],
        y: impl Into<View<'a, T>>,
        degree: usize,
    ) -> Result<LinearFit<T>> {
        let given = powers(x, degree)?;
        // A constant term takes up what another origin changes, but for a penalty.
        let is_centered = self.intercept == Intercept::Include && self.ridge == 0.0;
        let (basis, (rounded, lost)) = if is_centered {
            let basis = Basis::of(x);
            (basis, basis.powers(x, degree)?)
        } else {
            (Basis::given(), given)
        };
        self.solve(self.problem((&rounded).into(), y.into(), None, Some(&lost))?, Some(basis))
    }

    #[inline(never)]
    fn problem<'a, T: Real>(
        &self,
        x: View<'a, T>,
        y: View<'a, T>,
        weights: Option<&'a [T]>,
        lost: Option<&'a DMatrix<T>>,
    ) -> Result<Problem<'a, T>> {
        let ridge = T::nearest(self.ridge);
        if !ridge.is_finite() || ridge.is_zero() && self.ridge > 0.0 {
            let expected = "a number within the range of the number type";
            return Err(Error::InvalidParameter { name: "ridge penalty", value: self.ridge, expected });
        }
        let problem = Problem { x, lost, y, weights, intercept: self.intercept, ridge };
        problem.check()?;
        let (observations, unknowns) = (problem.observations(), problem.unknowns());
        if observations < unknowns && self.ridge == 0.0 && self.rank_deficiency == RankDeficiency::Refuse {
            return Err(Error::Underdetermined { observations, unknowns });
        }
        Ok(problem)
    }
}
