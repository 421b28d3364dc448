use super::LinearRegression;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::regression::blocks::Blocks;
use crate::regression::conclude;
use crate::regression::factors::conjugate_gradient::ConjugateGradient;
use crate::regression::factors::root::Root;
use crate::regression::factors::triangle::Triangle;
use crate::regression::linear_fit::LinearFit;
use crate::regression::normal_equation::NormalEquation;
use crate::regression::polynomial::Basis;
use crate::regression::problem::{Intercept, Problem};
use crate::regression::rank::{self, Dependencies};
use crate::regression::refine::Known;
use crate::regression::report::{RankDeficiency, Solver};
use crate::regression::solution::Solution;
use crate::regression::units::Seen;
use crate::wide::Wide;

/// Up to n·p² of this, standard errors are refined without being asked for.
const REFINED_STANDARD_ERRORS: f64 = 1e7;

impl LinearRegression {
    #[inline(never)]
    pub(super) fn solve<T: Real>(&self, problem: Problem<'_, T>, basis: Option<Basis<T>>) -> Result<LinearFit<T>> {
        if self.solver == Some(Solver::Sums) {
            return self.solve_sums(problem, basis);
        }
        let by_factor = self.solver != Some(Solver::ConjugateGradient);
        let count = problem.unknowns().saturating_mul(problem.unknowns());
        // Asked for now, where it can be an error.
        if by_factor && Vec::<[T; 4]>::new().try_reserve_exact(count).is_err() {
            return Err(Error::TooLarge { what: "the matrix of the unknowns", count });
        }
        let (blocks, cholesky) = self.measured(problem);
        if !blocks.units.is_finite {
            problem.check_finite()?;
        }
        if !by_factor {
            let solution = self.by_conjugate_gradients(&blocks);
            return LinearFit::from_solution(Solution { basis, ..solution });
        }
        match self.by_factors(&blocks, cholesky)? {
            Ok(solution) => LinearFit::from_solution(Solution { basis, ..solution }),
            Err(dependencies) => self.solve_dependent(&blocks, &dependencies, basis),
        }
    }

    /// The walk over the rows, and the factor of the sums of products, if it is asked for and does not break down.
    fn measured<'a, T: Real>(&self, problem: Problem<'a, T>) -> (Blocks<'a, T>, Option<Triangle<T>>) {
        if !matches!(self.solver, None | Some(Solver::Cholesky)) {
            return (Blocks::new(problem, Seen::All), None);
        }
        let mut blocks = Blocks::new(problem, Seen::Some);
        let mut factor = Triangle::by_cholesky(&blocks);
        if !blocks.units.is_sampled {
            return (blocks, factor);
        }
        // The factor has seen all rows: a number that is not finite, or beyond the range, has stopped it.
        match &factor {
            Some(factor) if self.intercept == Intercept::Omit || factor.is_centered() => {
                blocks.units.lengths = factor.lengths();
            }
            _ => {
                blocks = Blocks::new(problem, Seen::All);
                factor = Triangle::by_cholesky(&blocks);
            }
        }
        (blocks, factor)
    }

    /// By Cholesky, or where that fails by reflections; or the dependencies of the columns.
    fn by_factors<T: Real>(
        &self,
        blocks: &Blocks<'_, T>,
        cholesky: Option<Triangle<T>>,
    ) -> Result<Result<Solution<T>, Dependencies<T>>> {
        let by_hand = self.solver == Some(Solver::Cholesky);
        let has_cholesky = cholesky.is_some();
        if let Some(factor) = cholesky {
            match self.attempt(blocks, &factor)? {
                Ok(attempt) if by_hand || attempt.has_settled => return Ok(Ok(attempt.solution)),
                Ok(_) => {}
                Err(Some(dependencies)) => return Ok(Err(dependencies)),
                Err(None) => {}
            }
        }
        let factor = Triangle::by_reflections(blocks);
        let ill_conditioned = Error::IllConditioned { condition: factor.condition() };
        if by_hand {
            let dependencies = if blocks.units.is_penalized() { None } else { rank::dependencies(blocks)? };
            return dependencies.filter(|_| !has_cholesky).map_or(Err(ill_conditioned), |found| Ok(Err(found)));
        }
        match self.attempt(blocks, &factor)? {
            Ok(attempt) => Ok(Ok(attempt.solution)),
            Err(Some(dependencies)) => Ok(Err(dependencies)),
            Err(None) => Err(ill_conditioned),
        }
    }

    /// A solution by a factor; or the dependencies of the columns, or nothing if they are independent but for weights
    /// that leave no digits of some rows.
    fn attempt<T: Real>(
        &self,
        blocks: &Blocks<'_, T>,
        factor: &Triangle<T>,
    ) -> Result<Result<Attempt<T>, Option<Dependencies<T>>>> {
        let size = blocks.observations as f64 * (blocks.unknowns() as f64).powi(2);
        let refines_root = self.refined_standard_errors.unwrap_or(size <= REFINED_STANDARD_ERRORS);
        let mut condition = factor.condition();
        let mut root = None;
        if !blocks.units.is_penalized() {
            root = Some(match refines_root {
                true => match self.refined_root(blocks, factor)? {
                    Ok(root) => root,
                    Err(dependencies) => return Ok(Err(dependencies)),
                },
                false => Root::rough(factor, if blocks.has_graded_rows() { f64::INFINITY } else { condition }),
            });
            if !refines_root
                && factor.may_hide_a_dependency(blocks.rows(), blocks.weight_span())
                && let Some(dependencies) = rank::dependencies(blocks)?
            {
                return Ok(Err(Some(dependencies)));
            }
        }
        if let Some(root) = &root {
            condition = root.condition(condition, &blocks.units.lengths);
        }
        let totals = blocks.totals();
        let known = Known { blocks, totals: &totals, condition };
        // Of rows that count for so little the factor may have no digits.
        let is_graded = blocks.has_graded_rows();
        let [rounding, error] = [factor.rounding(condition), factor.correction_error(condition)]
            .map(|error| if is_graded { f64::INFINITY } else { error });
        let refined = match &root {
            _ if !self.refinement => known.unrefined(factor, factor.start(), rounding),
            Some(root) if root.is_refined => known.refine(
                root,
                factor.start(),
                conclude::rounding::<T>(blocks.rows(), blocks.unknowns()) * condition,
            ),
            _ => known.refine(factor, factor.start(), error),
        };
        let has_settled = refined.has_settled;
        let solver = if factor.is_of_sums() { Solver::Cholesky } else { Solver::Householder };
        let solution = conclude::of_data(&known, solver, refined, root, self.refinement);
        Ok(Ok(Attempt { solution, has_settled }))
    }

    /// The root; or the dependencies of the columns, or nothing if weights leave no digits of some rows.
    fn refined_root<T: Real>(
        &self,
        blocks: &Blocks<'_, T>,
        factor: &Triangle<T>,
    ) -> Result<Result<Root<T>, Option<Dependencies<T>>>> {
        if let Ok(root) = rank::independent_root(blocks, factor)? {
            return Ok(Ok(root));
        }
        match rank::dependencies(blocks)? {
            None if blocks.weight_span() > 0 => Ok(Root::orthogonal(blocks, factor, |_, _| false)?.map_err(|_| None)),
            dependencies => Ok(Err(dependencies)),
        }
    }

    fn by_conjugate_gradients<T: Real>(&self, blocks: &Blocks<'_, T>) -> Solution<T> {
        let corrector = ConjugateGradient::new(blocks);
        let totals = blocks.totals();
        // Of rows that count for so little they see nothing.
        let condition = if blocks.has_graded_rows() { f64::INFINITY } else { corrector.condition() };
        let known = Known { blocks, totals: &totals, condition };
        let error = condition * condition * T::epsilon().to_f64().sqrt();
        let refined = match self.refinement {
            true => known.refine(&corrector, None, error),
            false => known.unrefined(&corrector, None, error),
        };
        conclude::of_data(&known, Solver::ConjugateGradient, refined, None, self.refinement)
    }

    /// Fits the independent columns, and distributes the solution over all if that is asked for.
    fn solve_dependent<T: Real>(
        &self,
        blocks: &Blocks<'_, T>,
        found: &Dependencies<T>,
        basis: Option<Basis<T>>,
    ) -> Result<LinearFit<T>> {
        let Dependencies { relations, independent, condition, .. } = found;
        let relations = basis.map_or_else(|| relations.clone(), |basis| basis.relations(relations));
        if self.rank_deficiency == RankDeficiency::Refuse {
            return Err(Error::RankDeficient { dependencies: relations, condition: *condition });
        }
        let part = blocks.part(independent);
        let mut solution = match independent.is_empty() {
            true => conclude::of_nothing(&part),
            false => {
                let factor = Triangle::by_reflections(&part);
                let attempt = self.attempt(&part, &factor)?;
                attempt.map_err(|_| Error::IllConditioned { condition: factor.condition() })?.solution
            }
        };
        solution = Solution { basis, ..solution.spread(independent, &blocks.units.unknowns) };
        if self.rank_deficiency == RankDeficiency::MinimumNorm {
            solution = conclude::of_least_norm(blocks, solution, found)?;
        }
        LinearFit::from_solution(Solution { dependencies: relations, ..solution })
    }

    fn solve_sums<T: Real>(&self, problem: Problem<'_, T>, basis: Option<Basis<T>>) -> Result<LinearFit<T>> {
        if self.ridge != 0.0 {
            let expected = "0 with the solver by sums";
            return Err(Error::InvalidParameter { name: "ridge penalty", value: self.ridge, expected });
        }
        let Problem { x, y, weights, .. } = problem;
        let mut sums = NormalEquation::new(x.ncols(), y.ncols()).with_intercept(self.intercept);
        match weights {
            None => sums.push(x, y)?,
            Some(weights) => sums.push_weighted(x, y, weights)?,
        }
        // The sums are of rounded powers, and so are predictions as they are given; others are of exact ones.
        match (sums.solution(), basis.filter(|&basis| basis != Basis::given())) {
            (Ok(solution), None) => LinearFit::from_solution(solution),
            (Ok(mut solution), basis) => {
                for target in 0..solution.squares.len() {
                    let sizes = solution.parameters(target).iter().map(|parameter| parameter.round().abs());
                    let rounding = sizes.fold(T::zero(), T::add) * T::epsilon();
                    let reach = &mut solution.squares[target].reach;
                    *reach = reach.map(|reach| reach + rounding);
                }
                LinearFit::from_solution(Solution { basis, ..solution })
            }
            (Err(Error::RankDeficient { dependencies, condition }), Some(basis)) => {
                Err(Error::RankDeficient { dependencies: basis.relations(&dependencies), condition })
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// A solution by one of the factors, and whether its corrections vanished.
struct Attempt<T: Real> {
    solution: Solution<T>,
    has_settled: bool,
}
