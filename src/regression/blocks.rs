use std::ops::{AddAssign, Range};

use super::problem::{Intercept, Problem};
use super::units::{Seen, Units, Weights, copy_scaled};
use crate::linalg::{self, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

/// Numbers of a block: few enough for the cache.
const BLOCK: usize = 1 << 16;

/// The rows of a block at most.
pub(super) const MOST_ROWS: usize = 4096;

/// Numbers that are worth a part of the rows of their own, and the columns above which there are few, each of whose
/// sums of products takes much memory.
const NUMBERS_OF_A_PART: usize = 1 << 20;
const WIDE: usize = 256;

/// The walk over the rows of a problem, in its units: every column is divided by a power of two, and so is every row
/// multiplied by the power of two that its weight has the square of.
///
/// The unknowns are those of the intercept, if there is one, and of the chosen columns. The matrix is never copied.
#[derive(Clone, Debug)]
pub(super) struct Blocks<'a, T: Real> {
    problem: Problem<'a, T>,
    /// The columns of `x` that have an unknown.
    columns: Vec<usize>,
    weights: Option<Weights<T>>,
    pub(super) units: Units<T>,
    /// Rows of positive weight.
    pub(super) observations: usize,
}

/// Some rows of the problem, column by column.
pub(super) struct Block<'b, T> {
    pub(super) rows: usize,
    /// rows × unknowns, the ones of the intercept first; each row times the power of two of its weight.
    pub(super) x: &'b [T],
    /// The column of ones alone; empty without intercept.
    ones: &'b [T],
    /// What the features have lost to rounding, rows × features; empty where that is not known.
    lost: &'b [T],
    /// rows × targets.
    pub(super) y: &'b [T],
    /// What is left of the weights without these powers.
    pub(super) weights: Option<&'b [T]>,
}

/// `∇ = Xᵀ W (Y − X B) − Λ B`, unknowns × targets, and `Σ w r²` for each target.
pub(super) struct Gradient<T: Real> {
    pub(super) gradient: Vec<T::Wide>,
    pub(super) squares: Vec<T::Wide>,
}

/// What is known of a target alone.
#[derive(Clone, Copy)]
pub(super) struct Total<T: Real> {
    /// `Σ w y²`
    pub(super) whole: T::Wide,
    /// ȳ, or 0 without intercept.
    pub(super) mean: T::Wide,
    /// `Σ w (y − ȳ)²`
    pub(super) total: T::Wide,
}

impl<'a, T: Real> Blocks<'a, T> {
    /// Of a problem that has been checked.
    pub(super) fn new(problem: Problem<'a, T>, seen: Seen) -> Self {
        Self::of_columns(problem, (0..problem.x.ncols()).collect(), seen)
    }

    fn of_columns(problem: Problem<'a, T>, columns: Vec<usize>, seen: Seen) -> Self {
        let weights = problem.weights.map(Weights::new);
        let units = Units::measure(&problem, weights.as_ref(), &columns, seen);
        Self { problem, columns, weights, units, observations: problem.observations() }
    }

    /// In units that are known.
    pub(super) fn in_units(problem: Problem<'a, T>, units: Units<T>) -> Self {
        let (columns, weights) = ((0..problem.x.ncols()).collect(), problem.weights.map(Weights::new));
        Self { problem, columns, weights, units, observations: problem.observations() }
    }

    /// The problem of some of the unknowns, the intercept among them if there is one; without a penalty.
    pub(super) fn part(&self, unknowns: &[usize]) -> Self {
        let first = self.intercept().unknowns();
        let columns = unknowns[first..].iter().map(|&unknown| self.columns[unknown - first]).collect();
        Self::of_columns(Problem { ridge: T::zero(), ..self.problem }, columns, Seen::All)
    }

    pub(super) fn problem(&self) -> Problem<'a, T> {
        self.problem
    }

    pub(super) fn intercept(&self) -> Intercept {
        self.problem.intercept
    }

    pub(super) fn unknowns(&self) -> usize {
        self.units.unknowns.len()
    }

    pub(super) fn targets(&self) -> usize {
        self.problem.y.ncols()
    }

    pub(super) fn rows(&self) -> usize {
        self.problem.x.nrows()
    }

    /// The number of bits between the roots of the largest and the smallest weight.
    pub(super) fn weight_span(&self) -> i32 {
        self.weights.as_ref().map_or(0, Weights::span)
    }

    /// Whether weights let some rows count for so little that their errors are nothing beside those of others.
    pub(super) fn has_graded_rows(&self) -> bool {
        self.weight_span() > 20
    }

    /// The weight of a row, and the exponent of the power of two that its entries have been multiplied by.
    pub(super) fn weight(&self, row: usize) -> (T, i32) {
        self.weights.as_ref().map_or((T::one(), 0), |weights| (weights.fractions[row], weights.halves[row]))
    }

    /// The blocks of all rows, less as many times the column of ones as is said for each unknown, if anything is.
    pub(super) fn for_each(&self, less: &[T], visit: impl FnMut(Block<'_, T>)) {
        self.for_each_of(&self.columns, less, 0..self.rows(), visit);
    }

    /// What `visit` makes of the blocks of each of some parts of the rows, from `new()` on, in the order of the rows.
    /// The parts depend on the sizes alone, and are visited on several threads.
    pub(super) fn of_parts<A: Send>(
        &self,
        less: &[T],
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Block<'_, T>) + Sync,
    ) -> impl Iterator<Item = A> {
        self.of_parts_of(&self.columns, less, new, visit)
    }

    fn of_parts_of<A: Send>(
        &self,
        columns: &[usize],
        less: &[T],
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Block<'_, T>) + Sync,
    ) -> impl Iterator<Item = A> {
        let numbers = self.rows() * (self.intercept().unknowns() + columns.len() + self.targets());
        let most = if columns.len() > WIDE { 4 } else { 8 };
        let parts = (numbers / NUMBERS_OF_A_PART).clamp(1, most);
        let size = self.rows().div_ceil(parts).max(1);
        let mut parts: Vec<_> = (0..parts).map(|part| (part * size, None)).collect();
        linalg::for_each(&mut parts, |(start, result)| {
            let mut made = new();
            let rows = (*start).min(self.rows())..(*start + size).min(self.rows());
            self.for_each_of(columns, less, rows, |block| visit(&mut made, block));
            *result = Some(made);
        });
        parts.into_iter().filter_map(|(_, result)| result)
    }

    /// Given the first of the columns.
    fn for_each_of(&self, columns: &[usize], less: &[T], rows: Range<usize>, mut visit: impl FnMut(Block<'_, T>)) {
        let Problem { x: given, y: targets, lost: lost_digits, .. } = self.problem;
        let (n, first) = (rows.len(), self.intercept().unknowns());
        let unknowns = first + columns.len();
        let width = unknowns + self.targets();
        let most = (BLOCK / width.max(1)).clamp(512, MOST_ROWS).min(n.max(1));
        let exponents = &self.units.unknowns;
        let mut buffer = vec![T::one(); most * width];
        let mut lost_buffer = vec![T::zero(); lost_digits.map_or(0, |_| most * columns.len())];
        for start in rows.clone().step_by(most) {
            let rows = most.min(rows.end - start);
            let (x, y) = buffer[..rows * width].split_at_mut(rows * unknowns);
            let scales = self.weights.as_ref().map(|weights| &weights.scales[start..start + rows]);
            let (ones, features) = x.split_at_mut(rows * first);
            let unit = exponents.first().map_or(T::one(), |&exponent| times_power_of_two(T::one(), -exponent));
            match scales {
                None => ones.fill(unit),
                Some(scales) => ones.iter_mut().zip(scales).for_each(|(one, &scale)| *one = scale * unit),
            }
            let scaled = columns.iter().zip(&exponents[first..]).enumerate();
            for (to, (feature, (&column, &exponent))) in features.chunks_exact_mut(rows).zip(scaled) {
                let less = less.get(first + feature).copied().unwrap_or_else(T::zero);
                match scales {
                    None => copy_scaled(to, &given, column, start, -exponent, less, None),
                    Some(_) => {
                        copy_scaled(to, &given, column, start, -exponent, T::zero(), scales);
                        linalg::add_scaled(to, -less, ones);
                    }
                }
            }
            for (target, (to, &exponent)) in y.chunks_exact_mut(rows).zip(&self.units.targets).enumerate() {
                copy_scaled(to, &targets, target, start, -exponent, T::zero(), scales);
            }
            let mut lost: &mut [T] = &mut [];
            if let Some(from) = lost_digits {
                let (to, scaled) = (&mut lost_buffer[..rows * columns.len()], columns.iter().zip(&exponents[first..]));
                for (to, (&column, &exponent)) in to.chunks_exact_mut(rows).zip(scaled) {
                    copy_scaled(to, &from.into(), column, start, -exponent, T::zero(), scales);
                }
                lost = to;
            }
            let weights = self.weights.as_ref().map(|weights| &weights.fractions[start..start + rows]);
            // They do not count, whatever they are: scaled for the others they might be infinite.
            for row in (0..rows).filter(|&row| weights.is_some_and(|weights| weights[row].is_zero())) {
                for values in [&mut *x, &mut *y, &mut *lost] {
                    values.iter_mut().skip(row).step_by(rows).for_each(|value| *value = T::zero());
                }
            }
            visit(Block { rows, ones: &x[..rows * first], x, lost, y, weights });
        }
    }

    /// The gradient of `−½ Σ w (y − x b)² − ½ λ b²` for parameters, unknowns × targets, in twice the working
    /// precision.
    pub(super) fn gradient(&self, parameters: &[T::Wide]) -> Gradient<T> {
        let unknowns = self.unknowns();
        let zeros = |count: usize| vec![T::Wide::zero(); count];
        let new = || Gradient { gradient: zeros(unknowns * self.targets()), squares: zeros(self.targets()) };
        let parts = self.of_residuals(parameters, new, |part: &mut Gradient<T>, block, target, residuals, weighted| {
            let Gradient { gradient, squares } = part;
            squares[target] = squares[target].add_dot(residuals, weighted);
            block.add_transposed_product(&mut gradient[target * unknowns..(target + 1) * unknowns], weighted);
        });
        let mut whole = parts.fold(new(), |mut whole, part| {
            add(&mut whole.gradient, &part.gradient);
            add(&mut whole.squares, &part.squares);
            whole
        });
        let penalties = self.units.penalties.iter().cycle();
        for ((gradient, &parameter), &penalty) in whole.gradient.iter_mut().zip(parameters).zip(penalties) {
            *gradient -= parameter.times(penalty);
        }
        whole
    }

    /// `Σ w (y − x b)²` for each target alone.
    pub(super) fn squares(&self, parameters: &[T::Wide]) -> Vec<T::Wide> {
        let new = || vec![T::Wide::zero(); self.targets()];
        let parts = self.of_residuals(parameters, new, |squares: &mut Vec<T::Wide>, _, target, residuals, weighted| {
            squares[target] = squares[target].add_dot(residuals, weighted);
        });
        sum(new(), parts)
    }

    /// As [`of_parts`](Self::of_parts), given the residuals of each target, and the residuals times their weights.
    fn of_residuals<A: Send>(
        &self,
        parameters: &[T::Wide],
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, &Block<'_, T>, usize, &[T::Wide], &[T::Wide]) + Sync,
    ) -> impl Iterator<Item = A> {
        let unknowns = self.unknowns();
        let new = move || (new(), Vec::new(), Vec::new());
        let parts = self.of_parts(&[], new, move |(made, residuals, buffer), block| {
            for (target, y) in block.y.chunks_exact(block.rows).enumerate() {
                widen(y, residuals);
                block.subtract_product(residuals, &parameters[target * unknowns..(target + 1) * unknowns]);
                visit(made, &block, target, residuals, block.weighted(residuals, buffer));
            }
        });
        parts.map(|(made, _, _)| made)
    }

    /// Sums of squares of each target alone, in twice the working precision.
    pub(super) fn totals(&self) -> Vec<Total<T>> {
        let zero = T::Wide::zero();
        let mut means = vec![zero; self.targets()];
        if self.intercept() == Intercept::Include {
            let new = || (vec![zero; 1 + self.targets()], Vec::new(), Vec::new());
            let parts = self.of_parts_of(&[], &[], new, |(sums, values, buffer), block| {
                widen(block.ones, values);
                let ones = block.weighted(values, buffer);
                T::Wide::add_transposed_product(&mut sums[..1], block.ones, ones);
                T::Wide::add_transposed_product(&mut sums[1..], block.y, ones);
            });
            let sums = sum(vec![zero; 1 + self.targets()], parts.map(|(sums, ..)| sums));
            means.iter_mut().zip(&sums[1..]).for_each(|(mean, &target)| *mean = target / sums[0]);
        }
        let new = || (vec![zero; 2 * self.targets()], Vec::new(), Vec::new());
        let parts = self.of_parts_of(&[], &[], new, |(squares, values, buffer), block| {
            let targets = block.y.chunks_exact(block.rows).zip(&means);
            for ((y, &mean), squares) in targets.zip(squares.chunks_exact_mut(2)) {
                widen(y, values);
                squares[0] = squares[0].add_dot(values, block.weighted(values, buffer));
                T::Wide::subtract_product(values, block.ones, &[mean]);
                squares[1] = squares[1].add_dot(values, block.weighted(values, buffer));
            }
        });
        let squares = sum(vec![zero; 2 * self.targets()], parts.map(|(squares, ..)| squares));
        let squares = squares.chunks_exact(2).zip(means);
        squares.map(|(squares, mean)| Total { whole: squares[0], mean, total: squares[1] }).collect()
    }

    /// `Σ w (x b − ȳ)²` for one target, where the difference of its total and residual sums of squares has canceled.
    pub(super) fn regression_squares(&self, parameters: &[T::Wide], mean: T::Wide) -> T::Wide {
        let new = || (T::Wide::zero(), Vec::new(), Vec::new());
        let parts = self.of_parts(&[], new, |(squares, values, buffer), block| {
            values.clear();
            values.resize(block.rows, T::Wide::zero());
            block.subtract_product(values, parameters);
            T::Wide::subtract_product(values, block.ones, &[-mean]);
            *squares = squares.add_dot(values, block.weighted(values, buffer));
        });
        parts.fold(T::Wide::zero(), |sum, (part, ..)| sum + part)
    }

    /// Σ ln w over the observations.
    pub(super) fn log_weights(&self) -> f64 {
        let positive = self.problem.weights.unwrap_or(&[]).iter().filter(|weight| !weight.is_zero());
        positive.map(|weight| weight.to_f64().ln()).sum()
    }
}

impl<T: Real> Block<'_, T> {
    /// `r ← r − X b`, of the first unknowns if there are fewer `b`.
    pub(super) fn subtract_product(&self, r: &mut [T::Wide], b: &[T::Wide]) {
        T::Wide::subtract_product(r, &self.x[..b.len() * self.rows], b);
        if !self.lost.is_empty() {
            let features = &b[(self.ones.len() / self.rows).min(b.len())..];
            T::Wide::subtract_product(r, &self.lost[..features.len() * self.rows], features);
        }
    }

    /// `W r`, written to `buffer` if it is not `r`.
    pub(super) fn weighted<'r>(&self, r: &'r [T::Wide], buffer: &'r mut Vec<T::Wide>) -> &'r [T::Wide] {
        let Some(weights) = self.weights else { return r };
        buffer.clear();
        buffer.extend(r.iter().zip(weights).map(|(r, &weight)| r.times(weight)));
        buffer
    }

    /// `W^½ X` and `W^½ Y`, written to the buffers if the weights are not 1.
    pub(super) fn weighted_by_roots<'s>(&'s self, buffers: &'s mut [Vec<T>; 2]) -> (&'s [T], &'s [T]) {
        let Some(weights) = self.weights else { return (self.x, self.y) };
        let roots: Vec<T> = weights.iter().map(|weight| weight.sqrt()).collect();
        for (to, from) in buffers.iter_mut().zip([self.x, self.y]) {
            to.clear();
            to.extend(from.iter().zip(roots.iter().cycle()).map(|(&number, &root)| number * root));
        }
        (&buffers[0], &buffers[1])
    }

    /// `g ← g + Xᵀ r`.
    fn add_transposed_product(&self, g: &mut [T::Wide], r: &[T::Wide]) {
        T::Wide::add_transposed_product(g, self.x, r);
        let features = g.len() - self.lost.len() / self.rows;
        T::Wide::add_transposed_product(&mut g[features..], self.lost, r);
    }
}

fn widen<T: Real>(values: &[T], to: &mut Vec<T::Wide>) {
    to.clear();
    to.extend(values.iter().map(|&value| T::Wide::widen(value)));
}

pub(super) fn add<W: Copy + AddAssign>(to: &mut [W], from: &[W]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
}

fn sum<W: Copy + AddAssign>(zeros: Vec<W>, parts: impl Iterator<Item = Vec<W>>) -> Vec<W> {
    parts.fold(zeros, |mut sum, part| {
        add(&mut sum, &part);
        sum
    })
}
