use nalgebra::DMatrix;

use super::conjugate_gradient::ConjugateGradient;
use super::design::{Design, Seen};
use super::polynomial::powers;
use super::preconditioner::{Corrector, Preconditioner};
use super::refinement::{self, Refined};
use super::report::{RankDeficiency, RegressionReport, Solver};
use super::solution::{Solution, Squares};
use super::{
    Intercept, LinearFit, NormalEquation, check_observations, check_shapes, check_weights, count_observations,
    dependencies,
};
use crate::checks;
use crate::error::{Column, Dependency, Error, Result};
use crate::linalg::{self, View, matrix, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

/// Up to n·p² of this, standard errors are refined without being asked for.
const REFINED_STANDARD_ERRORS: f64 = 1e7;

/// Linear regression of data in memory, `Y ≈ X B + 1 aᵀ`, as exact as exact arithmetic and fast.
///
/// # Shapes
/// `X` n × p, one observation per row; `Y` n × k.
///
/// # Numerics
/// The matrix of sums of products is factored by Cholesky in working precision, and the solution corrected by
/// residuals in twice that precision until nothing changes. Where that does not converge, a Householder
/// factorisation of the matrix takes its place, good to a column-scaled condition number κ of 10¹³. The
/// [report](LinearFit::report) says which road was taken, and whether the corrections converged.
///
/// Cost: n p² multiplications for the factor, and 2 n p in twice the precision for each of a few corrections.
/// Standard errors are refined in the same way if n p² ≤ 10⁷ or if [asked for](Self::with_refined_standard_errors);
/// else they come from the factor, with a relative error of about κ² ε by Cholesky and κ ε by Householder.
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

    /// With a penalty λ‖β‖² on the coefficients of the columns as they are given (ridge regression): minimises
    /// `Σ w (y − x β − b)² + λ ‖β‖²`. The intercept is not penalised. Such a fit has no standard errors.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if λ is negative or not finite.
    pub fn with_ridge(self, lambda: f64) -> Result<Self> {
        checks::not_negative("ridge penalty", lambda)?;
        Ok(Self { ridge: lambda, ..self })
    }

    /// By this solver only. (Columns that [`RankDeficiency`] puts up with are fitted by [`Solver::Qr`]; [`Solver::Sums`]
    /// and [`Solver::ConjugateGradient`] take no note of it.)
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dvector;
    /// use gradus::{LinearRegression, Solver};
    ///
    /// let (x, y) = (dvector![0.0, 1.0, 2.0], dvector![1.0, 3.0, 5.0]);
    /// let fit = LinearRegression::new().with_solver(Solver::Qr).with_refined_standard_errors(false).fit(&x, &y)?;
    /// assert_eq!(fit.report().solver, Solver::Qr);
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
    /// use gradus::{Error, LinearRegression, RankDeficiency};
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
    /// fewer observations than unknowns and no penalty, [`Error::RankDeficient`] with the columns that are
    /// combinations of others, [`Error::IllConditioned`] if a solver chosen by hand breaks down,
    /// [`Error::Overflow`] if the solution leaves the range of the number type, [`Error::TooLarge`] if the memory for
    /// a matrix of unknowns × unknowns cannot be had.
    pub fn fit<'a, T: Real>(&self, x: impl Into<View<'a, T>>, y: impl Into<View<'a, T>>) -> Result<LinearFit<T>> {
        self.solve(x.into(), y.into(), None, None)
    }

    /// Fits with a weight for each observation, its precision: an observation of weight w counts as one whose
    /// variance is 1/w of that of weight 1. One of weight 0 does not count at all. Weights may lie anywhere in the range
    /// of the number type; all of them times a power of four give the same parameters to the last bit.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); also [`Error::ShapeMismatch`] if the weights are not one for each row,
    /// [`Error::InvalidParameter`] if one is negative or not finite.
    ///
    /// # Examples
    /// A mean of 0 and 3 of which the second counts twice:
    /// ```
    /// use gradus::nalgebra::{DMatrix, dvector};
    /// use gradus::{Intercept, LinearRegression};
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
        let (x, weights) = (x.into(), weights.into());
        check_weights(weights, x.nrows())?;
        self.solve(x, y.into(), Some(weights), None)
    }

    /// Fits the polynomial `y ≈ a + b₁ x + … + b_d x^d` of degree d to `y`, n × k, with powers in twice the working
    /// precision: the design matrix is that of [`polynomial`](crate::polynomial), without its rounding (but for
    /// [`Solver::Sums`], which takes the rounded one).
    ///
    /// # Errors
    /// As [`fit`](Self::fit), the powers being the columns: a polynomial of as high a degree as there are distinct `x`
    /// has dependent ones.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::{dmatrix, dvector};
    /// use gradus::{LinearRegression, polynomial};
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
        let (rounded, lost) = powers(x, degree)?;
        self.solve((&rounded).into(), y.into(), None, Some(&lost))
    }

    fn solve<'a, T: Real>(
        &self,
        x: View<'a, T>,
        y: View<'a, T>,
        weights: Option<&'a [T]>,
        lost: Option<&'a DMatrix<T>>,
    ) -> Result<LinearFit<T>> {
        check_shapes(x, y, x.ncols(), y.ncols())?;
        let unknowns = x.ncols().saturating_add(self.intercept.unknowns());
        let observations = count_observations(x.nrows(), weights);
        for (what, count) in [("observations", observations), ("targets", y.ncols()), ("unknowns", unknowns)] {
            if count == 0 {
                return Err(Error::Empty { what });
            }
        }
        let refuse = self.rank_deficiency == RankDeficiency::Refuse;
        if observations < unknowns && self.ridge == 0.0 && refuse {
            return Err(Error::Underdetermined { observations, unknowns });
        }
        if self.solver == Some(Solver::Sums) {
            return self.solve_sums(x, y, weights);
        }
        let ridge = T::nearest(self.ridge);
        if !ridge.is_finite() || ridge.is_zero() && self.ridge > 0.0 {
            let expected = "a number within the range of the number type";
            return Err(Error::InvalidParameter { name: "ridge penalty", value: self.ridge, expected });
        }
        let by_factor = self.solver != Some(Solver::ConjugateGradient);
        let count = unknowns.saturating_mul(unknowns);
        // Asked for now, where it can be an error.
        if by_factor && Vec::<[T; 4]>::new().try_reserve_exact(count).is_err() {
            return Err(Error::TooLarge { what: "the matrix of the unknowns", count });
        }
        let design = |seen: Seen| {
            Design::new(x, y, weights, self.intercept, (0..x.ncols()).collect(), ridge, seen).with_lost(lost)
        };
        let by_hand = self.solver == Some(Solver::NormalEquation);
        let with_factor = |seen: Seen| {
            let design = design(seen);
            let factor = Preconditioner::by_cholesky(&design);
            (design, factor)
        };
        let (design, factor) = match by_hand || self.solver.is_none() {
            false => (design(Seen::All), None),
            // The factor has seen all rows: a number that is not finite, or beyond the range, has stopped it.
            true => match with_factor(Seen::Some) {
                (design, Some(factor))
                    if design.is_sampled && (design.intercept == Intercept::Omit || factor.is_centred()) =>
                {
                    (design.with_lengths(factor.lengths()), Some(factor))
                }
                (design, _) if design.is_sampled => with_factor(Seen::All),
                measured => measured,
            },
        };
        if !design.is_finite {
            check_observations(x, y, x.ncols(), y.ncols())?;
        }
        if !by_factor {
            let attempt = self.attempt(&design, Solver::ConjugateGradient, &ConjugateGradient::new(&design));
            return LinearFit::from_solution(self.solution(&design, &attempt, None));
        }
        if let Some(factor) = factor
            // Means are taken off before: it does not break down over a column that is constant but for rounding.
            && (design.is_penalised() || relations(&design, &factor).is_empty())
        {
            let attempt = self.attempt(&design, Solver::NormalEquation, &factor);
            if by_hand || attempt.converged() || !self.refinement {
                return LinearFit::from_solution(self.solution(&design, &attempt, Some(&factor)));
            }
        }
        let preconditioner = Preconditioner::by_reflections(&design);
        if !design.is_penalised() {
            let relations = relations(&design, &preconditioner);
            if !relations.is_empty() {
                let least = relations.iter().map(|relation| relation.left.to_f64()).fold(1.0, f64::min);
                let dependent: Vec<usize> = relations.iter().map(|relation| relation.unknown).collect();
                let combinations = relations.into_iter().map(|relation| (relation.unknown, relation.combination));
                let dependencies = dependencies(combinations, &design.exponents, design.intercept);
                if refuse {
                    return Err(Error::RankDeficient { dependencies, condition: 1.0 / least });
                }
                return self.solve_deficient(&design, &dependent, dependencies);
            }
        }
        if by_hand {
            return Err(Error::IllConditioned { condition: preconditioner.condition() });
        }
        let attempt = self.attempt(&design, Solver::Qr, &preconditioner);
        LinearFit::from_solution(self.solution(&design, &attempt, Some(&preconditioner)))
    }

    /// Fits the independent columns, and distributes the solution over all if that is asked for.
    fn solve_deficient<T: Real>(
        &self,
        design: &Design<'_, T>,
        dependent: &[usize],
        dependencies: Vec<Dependency>,
    ) -> Result<LinearFit<T>> {
        let independent: Vec<usize> = (0..design.unknowns()).filter(|unknown| !dependent.contains(unknown)).collect();
        if independent.is_empty() {
            return LinearFit::from_solution(self.zero(design, dependencies));
        }
        let reduced = design.part(&independent);
        let factor = Preconditioner::by_reflections(&reduced);
        let mut solution = self.solution(&reduced, &self.attempt(&reduced, Solver::Qr, &factor), Some(&factor));
        solution.spread(&independent, &design.exponents);
        if self.rank_deficiency == RankDeficiency::MinimumNorm {
            minimize_norm(&mut solution, &dependencies)?;
        }
        LinearFit::from_solution(Solution { dependencies, ..solution })
    }

    /// Of nothing but columns of zeros: the model that is zero.
    fn zero<T: Real>(&self, design: &Design<'_, T>, dependencies: Vec<Dependency>) -> Solution<T> {
        let unknowns = design.unknowns();
        let squares = design.total_squares().into_iter().map(|(whole, _)| {
            let total = whole.round();
            Squares { residual: total, residual_resolved: !total.is_zero(), total, regression: T::zero() }
        });
        let zeros = || (self.rank_deficiency == RankDeficiency::Drop).then(|| DMatrix::zeros(unknowns, unknowns));
        Solution {
            intercept: self.intercept,
            squares: squares.collect(),
            parameters: DMatrix::zeros(unknowns, design.targets()),
            rank: Some(0),
            inverse: zeros(),
            inverse_root: zeros(),
            unknown_exponents: design.exponents.clone(),
            target_exponents: design.target_exponents.clone(),
            observations: design.observations,
            log_weights: design.log_weights(),
            report: RegressionReport {
                solver: Solver::Qr,
                refinement_steps: 0,
                condition: 1.0,
                error_bound: 0.0,
                converged: true,
                standard_errors_refined: self.rank_deficiency == RankDeficiency::Drop,
            },
            dependencies,
        }
    }

    fn solve_sums<'a, T: Real>(
        &self,
        x: View<'a, T>,
        y: View<'a, T>,
        weights: Option<&'a [T]>,
    ) -> Result<LinearFit<T>> {
        if self.ridge != 0.0 {
            let expected = "0 with the solver by sums";
            return Err(Error::InvalidParameter { name: "ridge penalty", value: self.ridge, expected });
        }
        let mut sums = NormalEquation::new(x.ncols(), y.ncols()).with_intercept(self.intercept);
        match weights {
            None => sums.push(x, y)?,
            Some(weights) => sums.push_weighted(x, y, weights)?,
        }
        sums.solve()
    }

    fn attempt<T: Real>(&self, design: &Design<'_, T>, solver: Solver, corrector: &dyn Corrector<T>) -> Attempt<T> {
        let (refined, condition) = match self.refinement {
            true => {
                let refined = refinement::refine(design, corrector);
                (refined, corrector.condition())
            }
            false => refinement::unrefined(design, corrector),
        };
        let bound = attainable_error(design, &refined, condition);
        Attempt { solver, refined, condition, bound }
    }

    fn solution<T: Real>(
        &self,
        design: &Design<'_, T>,
        attempt: &Attempt<T>,
        factor: Option<&Preconditioner<T>>,
    ) -> Solution<T> {
        let unknowns = design.unknowns();
        let penalised = self.ridge != 0.0;
        let size = design.observations as f64 * (unknowns as f64).powi(2);
        let refine = self.refined_standard_errors.unwrap_or(size <= REFINED_STANDARD_ERRORS);
        let factor = factor.filter(|_| !penalised);
        let inverse_root = factor.map(Preconditioner::inverse_root);
        let inverse = factor.zip(inverse_root.as_ref()).map(|(factor, root)| match refine {
            true => refinement::inverse(design, factor),
            false => (Preconditioner::inverse(root), false),
        });
        let (inverse, standard_errors_refined) =
            inverse.map_or((None, false), |(inverse, refined)| (Some(inverse), refined));
        // What rounding makes of residuals that are zero: that of the doubled precision, and what corrections were still
        // to come.
        let rounding = T::epsilon() * T::epsilon() * T::from_count(8 * unknowns);
        let squares = attempt.refined.squares.iter().zip(design.total_squares()).map(|(&residual, (whole, total))| {
            let resolved = |sum: T::Wide, error: T| {
                let is_resolved = sum.round() > whole.round() * error * error;
                if is_resolved { (sum, true) } else { (T::Wide::widen(T::zero()), false) }
            };
            let (residual, residual_resolved) = resolved(residual, rounding + attempt.refined.remaining);
            let (total, _) = resolved(total, rounding);
            let regression = (total - residual).round().max(T::zero());
            Squares { residual: residual.round(), residual_resolved, total: total.round(), regression }
        });
        let parameters = attempt.refined.parameters.iter().map(|parameter| parameter.round());
        Solution {
            intercept: self.intercept,
            squares: squares.collect(),
            parameters: DMatrix::from_iterator(unknowns, design.targets(), parameters),
            rank: (!penalised).then_some(unknowns),
            inverse,
            inverse_root,
            unknown_exponents: design.exponents.clone(),
            target_exponents: design.target_exponents.clone(),
            observations: design.observations,
            log_weights: design.log_weights(),
            report: RegressionReport {
                solver: attempt.solver,
                refinement_steps: attempt.refined.steps,
                condition: attempt.condition,
                error_bound: attempt.bound.to_f64(),
                converged: attempt.converged(),
                standard_errors_refined,
            },
            dependencies: Vec::new(),
        }
    }
}

/// A solution by one of the solvers.
struct Attempt<T: Real> {
    solver: Solver,
    refined: Refined<T>,
    condition: f64,
    bound: T,
}

impl<T: Real> Attempt<T> {
    /// Small corrections alone are no proof: the residuals must have had digits enough.
    fn converged(&self) -> bool {
        self.refined.remaining <= T::epsilon() && self.bound <= T::epsilon() * T::nearest(45.0)
    }
}

/// What the rounding of the doubled precision leaves of relative error: about κ² ε² ‖r‖ / (‖X‖ ‖β‖), in units in which
/// every column has the length 1.
fn attainable_error<T: Real>(design: &Design<'_, T>, refined: &Refined<T>, condition: f64) -> T {
    let unknowns = design.unknowns();
    let rounding = T::nearest(condition * condition) * T::epsilon() * T::epsilon();
    let bounds = refined.parameters.chunks_exact(unknowns).zip(&refined.squares).map(|(parameters, square)| {
        let squares = parameters.iter().zip(&design.lengths).map(|(parameter, &length)| {
            let scaled = parameter.round() * length;
            scaled * scaled
        });
        let length = squares.fold(T::zero(), |sum, square| sum + square).sqrt();
        let residual = square.round().max(T::zero()).sqrt();
        if residual.is_zero() { T::zero() } else { rounding * residual / length }
    });
    bounds.fold(T::zero(), |largest, bound| if bound <= largest { largest } else { bound })
}

/// An unknown whose column is a combination of those before it.
struct Relation<T> {
    unknown: usize,
    combination: Vec<(usize, T)>,
    /// What the combination leaves of the column, as a fraction of its length.
    left: T,
}

/// The unknowns whose columns are combinations of those before them.
///
/// A small diagonal entry of the factor only makes a column a candidate. It is dependent if, fitted to the independent
/// ones before it with residuals in twice the working precision, nothing but the rounding of the data is left of it.
fn relations<T: Real>(design: &Design<'_, T>, factor: &Preconditioner<T>) -> Vec<Relation<T>> {
    let unknowns = design.unknowns();
    let first = design.intercept.unknowns();
    let rounding = T::epsilon() * T::from_count(8 * unknowns);
    let suspicious = rounding.max(T::epsilon() * T::from_count(design.rows().max(unknowns)));
    let (remaining, mut independent) = (factor.remaining(), Vec::from_iter(0..first));
    let mut relations = Vec::new();
    for (unknown, remaining) in remaining.into_iter().enumerate().skip(first) {
        let explained = (remaining <= suspicious).then(|| design.explain(unknown, &independent[first..]));
        match explained {
            Some((left, coefficients)) if left <= rounding => {
                let combination = independent.iter().copied().zip(coefficients).collect();
                relations.push(Relation { unknown, combination, left });
            }
            _ => independent.push(unknown),
        }
    }
    relations
}

/// Moves along the dependencies, which changes no prediction, to the solution with the least sum of squared
/// coefficients. Every dependency is a vector v with `X v = 0`: its coefficients, and −1 for the dependent column.
fn minimize_norm<T: Real>(solution: &mut Solution<T>, dependencies: &[Dependency]) -> Result<()> {
    let first = solution.intercept.unknowns();
    let (unknowns, targets) = solution.parameters.shape();
    let place = |column: Column| match column {
        Column::Feature(feature) => feature + first,
        Column::Intercept | Column::Target(_) => 0,
    };
    let mut directions = DMatrix::zeros(unknowns, dependencies.len());
    for (mut direction, dependency) in directions.column_iter_mut().zip(dependencies) {
        direction[place(dependency.column)] = -T::one();
        for &(column, coefficient) in &dependency.combination {
            direction[place(column)] = T::nearest(coefficient);
        }
    }
    let scale = |unknown: usize, target: usize| solution.target_exponents[target] - solution.unknown_exponents[unknown];
    let mut parameters =
        DMatrix::from_fn(unknowns, targets, |i, j| times_power_of_two(solution.parameters[(i, j)], scale(i, j)));
    if !parameters.iter().all(|parameter| parameter.is_finite()) {
        return Err(Error::Overflow { what: "parameters" });
    }
    let bare = LinearRegression::new().with_intercept(Intercept::Omit).with_refined_standard_errors(false);
    let features = first..unknowns;
    let away = -parameters.rows_range(features.clone());
    let steps = bare.fit(&directions.rows_range(features), &away)?;
    let steps = matrix(steps.coefficients().as_slice(), dependencies.len(), targets);
    let directions = matrix(directions.as_slice(), unknowns, dependencies.len());
    linalg::multiply_add(directions, steps, parameters.as_mut_slice());
    solution.parameters =
        DMatrix::from_fn(unknowns, targets, |i, j| times_power_of_two(parameters[(i, j)], -scale(i, j)));
    solution.inverse = None;
    solution.inverse_root = None;
    Ok(())
}
