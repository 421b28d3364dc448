use crate::real::Real;

/// How a least-squares problem is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Solver {
    /// The normal equation in working precision: the matrix of sums of products, factored by Cholesky, then
    /// refinement. Good to a condition number of about 10⁷.
    Cholesky,
    /// A Householder factorization of the design matrix, then refinement. Good to a condition number of about 10¹³.
    Householder,
    /// The normal equation in twice the working precision, from sums over the observations, as
    /// [`NormalEquation`](crate::NormalEquation) makes them. Good to a condition number of about 10¹³, at κ²·10⁻³¹.
    Sums,
    /// Conjugate gradients, then refinement: for many features, since `XᵀX` is never formed and memory for p numbers is
    /// all that is taken. Chosen by hand only; the number of steps grows with the condition number. There are no
    /// standard errors, and dependent columns are not noticed: one of the solutions is found.
    ConjugateGradient,
}

/// What is to be done about columns that are linear combinations of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RankDeficiency {
    /// Refuse the fit with [`Error::RankDeficient`](crate::Error::RankDeficient), which names them.
    #[default]
    Refuse,
    /// Fit the other columns, as R does: the coefficients of the dependent ones are held at 0, which is exact, so that
    /// their standard errors are 0 too. Of nothing but columns of zeros, without intercept, the model that is zero is
    /// left.
    Drop,
    /// Of all solutions take the one with the least sum of squared coefficients, those of the columns as they are given
    /// and without the intercept. Single coefficients then have no standard errors.
    ///
    /// Without an intercept it is that of NumPy's `lstsq`, which counts the coefficient of a column of ones like any
    /// other; with one it is that of scikit-learn.
    MinimumNorm,
}

/// How a linear model was fitted, and how far the solution can be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RegressionReport {
    /// The road that was taken.
    pub solver: Solver,
    /// The number of corrections of the solution.
    pub refinement_steps: usize,
    /// An estimate, from below, of the condition number κ of the design matrix with columns of length 1; infinite where
    /// the solver does not see how small the smallest singular value is.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::bound"))]
    pub condition: f64,
    /// A bound of the relative error of the parameters of a target, norm-wise for columns of length 1,
    /// `‖D (β̂ − β)‖ / ‖D β‖`: what corrections were still to come, and what the precision of the residuals cannot get
    /// below, about κ² u² ‖r‖ + κ u² ‖y‖ with u the rounding of the working precision.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::bound"))]
    pub error_bound: f64,
    /// Whether every number has its digits: twelve and more in double precision, five in single. Parameters, sums of
    /// squares, and with refined standard errors all that is made of them. A parameter that cancels to less than any of
    /// the terms of which it is a sum has as many digits of the smallest of these.
    pub converged: bool,
    /// Whether standard errors, leverages and intervals have more digits than the factor in working precision: how
    /// many, the bound below says.
    pub standard_errors_refined: bool,
    /// A bound of the relative error of `√(xᵀ (XᵀWX)⁻¹ x)` for every x: of standard errors but for s, of roots of
    /// leverages, of the widths of intervals but for s. Infinite where there are none.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::bound"))]
    pub standard_error_bound: f64,
}

/// The part of a number that its error may be, if it is to be said to have converged.
pub(super) fn tolerance<T: Real>() -> f64 {
    T::epsilon().to_f64().powf(0.766)
}
