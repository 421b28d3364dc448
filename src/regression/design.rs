use std::ops::{AddAssign, Range};

use nalgebra::DMatrix;

use super::preconditioner::Preconditioner;
use super::refinement::refine;
use super::{Intercept, count_observations, exponent};
use crate::elementary::Loop;
use crate::linalg::{self, MOST_PARTS, View, power_of_two, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

/// Numbers of a block: few enough for the cache.
const BLOCK: usize = 1 << 16;

/// Partial sums that do not wait for one another, and numbers of which they are made before they are added up.
const LANES: usize = 16;
const PART: usize = 1024;

/// Rows that a sample is made of, in runs here and there; and the rows that are worth one.
const RUNS: usize = 16;
const RUN: usize = 128;
const FEWEST_SAMPLED: usize = 8 * RUNS * RUN;

/// Numbers that are worth a part of the rows of their own, and the columns above which there are few, each of whose sums
/// of products takes much memory.
const NUMBERS_OF_A_PART: usize = 1 << 20;
const WIDE: usize = 256;

/// A least-squares problem in memory, in units in which nothing overflows: every column is divided by a power of
/// two, which is exact, and so is every row multiplied by the power of two that its weight has the square of.
///
/// The unknowns are those of the intercept, if there is one, and of the chosen columns. The matrix is never copied:
/// it is walked over in blocks of rows.
#[derive(Clone, Debug)]
pub(super) struct Design<'a, T: Real> {
    x: View<'a, T>,
    y: View<'a, T>,
    weights: Option<Weights<'a, T>>,
    /// What the entries of `x` have lost to rounding, where that is known.
    lost: Option<&'a DMatrix<T>>,
    /// Whether all entries of the columns and of the targets are; nothing else is defined if not.
    pub(super) is_finite: bool,
    /// Whether that, the exponents, the means and the lengths of the columns are those of some of the rows.
    pub(super) is_sampled: bool,
    pub(super) intercept: Intercept,
    /// The columns of `x` that have an unknown.
    pub(super) columns: Vec<usize>,
    /// Of the unknowns.
    pub(super) exponents: Vec<i32>,
    pub(super) target_exponents: Vec<i32>,
    /// λ for each unknown, in its units.
    pub(super) penalties: Vec<T>,
    /// What to take of the column of ones off each unknown's column to make its weighted mean zero, roughly; zeros
    /// without intercept.
    pub(super) means: Vec<T>,
    /// The length of each unknown's column, weighted and with the root of its penalty as a last entry, roughly.
    pub(super) lengths: Vec<T>,
    /// Rows of positive weight.
    pub(super) observations: usize,
}

/// `w = 4^k m`, so that a row of this weight is the row times `2^k` of weight m, which is near 1. A weight may lie
/// anywhere in the range of the number type.
#[derive(Clone, Debug)]
pub(super) struct Weights<'a, T> {
    given: &'a [T],
    /// m, or 0 for a weight of 0.
    pub(super) fractions: Vec<T>,
    /// k.
    pub(super) halves: Vec<i32>,
    /// `2^k`.
    scales: Vec<T>,
}

impl<'a, T: Real> Weights<'a, T> {
    pub(super) fn new(given: &'a [T]) -> Self {
        let halves: Vec<i32> = given.iter().map(|&weight| exponent(weight).unwrap_or(0).div_euclid(2)).collect();
        let power = |half: i32| T::nearest(f64::from(half).exp2());
        let fraction = |(&weight, &half): (&T, &i32)| weight * power(-half) * power(-half);
        let fractions = given.iter().zip(&halves).map(fraction).collect();
        let scales = halves.iter().map(|&half| power(half)).collect();
        Self { given, fractions, halves, scales }
    }

    /// k; none for a row that does not count.
    fn exponent(&self, row: usize) -> Option<i32> {
        (!self.given[row].is_zero()).then(|| self.halves[row])
    }
}

/// Rows that are looked at to find how columns are to be scaled and shifted: all, or some if there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    All,
    Some,
}

/// What is known of a column before it has units.
struct Column<T> {
    /// The least e with |value| < 2^e for all values, times the powers of two of their weights; none if all are zero.
    exponent: Option<i32>,
    is_finite: bool,
    moments: Moments<T>,
}

impl<T: Real> Column<T> {
    fn of(view: &View<'_, T>, column: usize) -> Self {
        Self::with(Moments::of(view, column, 0))
    }

    /// Of some rows.
    fn sampled(view: &View<'_, T>, column: usize) -> Self {
        let run = |run: usize| view.rows(run * (view.nrows() - RUN) / (RUNS - 1), RUN);
        let runs = (0..RUNS).map(|place| Moments::of(&run(place), column, 0));
        Self::with(runs.fold(Moments::none(), Moments::and))
    }

    fn with(moments: Moments<T>) -> Self {
        // A NaN makes one of the squares.
        let is_finite = moments.largest.is_finite() && moments.squares >= T::zero();
        Self { exponent: exponent(moments.largest).filter(|_| is_finite), is_finite, moments }
    }

    fn weighted(view: &View<'_, T>, column: usize, weights: &Weights<'_, T>) -> Self {
        let entry = |(row, &value): (usize, &T)| Some(exponent(value)? + weights.exponent(row)?);
        let exponent = view.column(column).iter().enumerate().filter_map(entry).max();
        let is_finite = view.column(column).iter().all(|value| value.is_finite());
        Self { exponent, is_finite, moments: Moments::none() }
    }

    /// Whether squares of the entries, as they are given, are in range: half of it is left for them.
    fn is_moderate(&self) -> bool {
        self.exponent.unwrap_or(0).abs() < exponent_of_smallest::<T>() / 2 - 12
    }
}

/// Of some numbers.
#[derive(Clone, Copy)]
struct Moments<T> {
    /// The largest magnitude, if there is no NaN.
    largest: T,
    sum: T,
    squares: T,
}

impl<T: Real> Moments<T> {
    fn none() -> Self {
        Self { largest: T::zero(), sum: T::zero(), squares: T::zero() }
    }

    /// Of a column times 2^exponent.
    fn of(view: &View<'_, T>, column: usize, exponent: i32) -> Self {
        if let (Some(numbers), 0) = (linalg::contiguous_column(view, column), exponent) {
            let parts = numbers.chunks(PART).map(|numbers| linalg::vectorized(MomentsOf { numbers }));
            return parts.fold(Self::none(), Self::and);
        }
        let (mut whole, mut buffer) = (Self::none(), [T::zero(); PART]);
        for start in (0..view.nrows()).step_by(buffer.len()) {
            let numbers = &mut buffer[..PART.min(view.nrows() - start)];
            copy_scaled(numbers, view, column, start, exponent, T::zero(), None);
            whole = whole.and(linalg::vectorized(MomentsOf { numbers }));
        }
        whole
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self {
            largest: if other.largest > self.largest { other.largest } else { self.largest },
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }
}

struct MomentsOf<'a, T> {
    numbers: &'a [T],
}

impl<T: Real> Loop for MomentsOf<'_, T> {
    type Output = Moments<T>;

    #[inline(always)]
    fn run(self) -> Moments<T> {
        let [mut largest, mut sums, mut squares] = [[T::zero(); LANES]; 3];
        let (chunks, rest) = self.numbers.as_chunks();
        let mut padded = [T::zero(); LANES];
        padded[..rest.len()].copy_from_slice(rest);
        for numbers in chunks.iter().chain([&padded]) {
            for (lane, &x) in numbers.iter().enumerate() {
                largest[lane] = if x.abs() > largest[lane] { x.abs() } else { largest[lane] };
                sums[lane] += x;
                squares[lane] += x * x;
            }
        }
        let lane = |lane: usize| Moments { largest: largest[lane], sum: sums[lane], squares: squares[lane] };
        (0..LANES).map(lane).fold(Moments::none(), Moments::and)
    }
}

/// −e, with 2^e the smallest normal number.
fn exponent_of_smallest<T: Real>() -> i32 {
    -exponent(T::min_positive()).unwrap_or(0)
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

impl<'a, T: Real> Design<'a, T> {
    /// The problem of these columns of `x`; what is handed over has been checked.
    pub(super) fn new(
        x: View<'a, T>,
        y: View<'a, T>,
        weights: Option<&'a [T]>,
        intercept: Intercept,
        columns: Vec<usize>,
        ridge: T,
        seen: Seen,
    ) -> Self {
        let may_be_sampled = seen == Seen::Some && weights.is_none() && x.nrows() >= FEWEST_SAMPLED;
        let observations = count_observations(x.nrows(), weights);
        let weights = weights.map(Weights::new);
        let measure = |view: &View<'a, T>, columns: &[usize]| -> Vec<Column<T>> {
            let mut measured: Vec<_> = columns.iter().map(|&column| (column, None)).collect();
            // As many pieces of work as there may be.
            let size = measured.len().div_ceil(MOST_PARTS).max(1);
            let mut pieces: Vec<_> = measured.chunks_mut(size).collect();
            linalg::for_each(&mut pieces, |piece| {
                for (column, measured) in piece.iter_mut() {
                    *measured = Some(match &weights {
                        None => Column::of(view, *column),
                        Some(weights) => Column::weighted(view, *column, weights),
                    });
                }
            });
            measured.into_iter().filter_map(|(_, measured)| measured).collect()
        };
        let exponent_of_ones =
            weights.as_ref().and_then(|weights| (0..x.nrows()).filter_map(|row| weights.exponent(row)).max());
        // A penalty is another entry of its column, √λ.
        let exponent_of_penalty = exponent(ridge).map_or(i32::MIN, |exponent| exponent.div_euclid(2) + 1);
        let sample: Vec<Column<T>> = match may_be_sampled {
            true => columns.iter().map(|&column| Column::sampled(&x, column)).collect(),
            false => Vec::new(),
        };
        let is_ordinary = |column: &Column<T>| column.is_finite && column.exponent.is_some() && column.is_moderate();
        let is_sampled = may_be_sampled && sample.iter().all(is_ordinary);
        let features = if is_sampled { sample } else { measure(&x, &columns) };
        let targets = measure(&y, &(0..y.ncols()).collect::<Vec<_>>());
        let mut exponents = vec![exponent_of_ones.unwrap_or(0); intercept.unknowns()];
        exponents.extend(features.iter().map(|column| column.exponent.unwrap_or(0).max(exponent_of_penalty)));
        let target_exponents = targets.iter().map(|column| column.exponent.unwrap_or(0)).collect();
        let mut penalties: Vec<T> =
            exponents.iter().map(|&exponent| times_power_of_two(ridge, -2 * exponent)).collect();
        penalties[..intercept.unknowns()].fill(T::zero());
        let unknowns = exponents.len();
        let mut design = Self {
            x,
            y,
            weights,
            lost: None,
            is_finite: features.iter().chain(&targets).all(|column| column.is_finite),
            is_sampled,
            intercept,
            columns,
            exponents,
            target_exponents,
            penalties,
            means: vec![T::zero(); unknowns],
            lengths: Vec::new(),
            observations,
        };
        let (sums, mut squares) = design.sums(&features);
        squares.iter_mut().zip(&design.penalties).for_each(|(square, &penalty)| *square += penalty);
        if intercept == Intercept::Include {
            for (mean, &sum) in design.means.iter_mut().zip(&sums).skip(1) {
                *mean = sum / sums[0];
            }
        }
        design.lengths = squares.iter().map(|square| square.sqrt()).collect();
        design
    }

    /// The weighted sum, and that of the squares, of the column of each unknown.
    fn sums(&self, features: &[Column<T>]) -> (Vec<T>, Vec<T>) {
        let (mut sums, mut squares) = (vec![T::zero(); self.unknowns()], vec![T::zero(); self.unknowns()]);
        if self.weights.is_some() {
            self.for_each_block(&[], |block| {
                let weight = |row: usize| block.weights.map_or(T::one(), |weights| weights[row]);
                for ((column, sum), square) in block.x.chunks_exact(block.rows).zip(&mut sums).zip(&mut squares) {
                    for (row, &value) in column.iter().enumerate() {
                        *sum += weight(row) * value * block.one(row);
                        *square += weight(row) * value * value;
                    }
                }
            });
            return (sums, squares);
        }
        let first = self.intercept.unknowns();
        let rows = T::from_count(if self.is_sampled { RUNS * RUN } else { self.rows() });
        sums[..first].fill(rows);
        squares[..first].fill(rows);
        let unknowns = self.exponents.iter().zip(sums.iter_mut().zip(&mut squares)).skip(first);
        for ((column, &place), (&exponent, (sum, square))) in features.iter().zip(&self.columns).zip(unknowns) {
            // A scale commutes with all that is rounded.
            let (moments, exponent) = match column.is_moderate() {
                true => (column.moments, exponent),
                false => (Moments::of(&self.x, place, -exponent), 0),
            };
            *sum = times_power_of_two(moments.sum, -exponent);
            *square = times_power_of_two(moments.squares, -2 * exponent);
        }
        (sums, squares)
    }

    /// The problem whose design matrix is `x` and what it has lost to rounding.
    pub(super) fn with_lost(self, lost: Option<&'a DMatrix<T>>) -> Self {
        Self { lost, ..self }
    }

    pub(super) fn with_lengths(self, lengths: Vec<T>) -> Self {
        Self { lengths, ..self }
    }

    /// Whether any unknown has a penalty that is more than nothing beside its column.
    pub(super) fn is_penalised(&self) -> bool {
        self.penalties.iter().any(|penalty| !penalty.is_zero())
    }

    /// The problem of some of the unknowns, the intercept among them if there is one; without a penalty.
    pub(super) fn part(&self, unknowns: &[usize]) -> Self {
        let first = self.intercept.unknowns();
        let columns = unknowns[first..].iter().map(|&unknown| self.columns[unknown - first]).collect();
        Self::new(self.x, self.y, self.given_weights(), self.intercept, columns, T::zero(), Seen::All)
            .with_lost(self.lost)
    }

    fn given_weights(&self) -> Option<&'a [T]> {
        self.weights.as_ref().map(|weights| weights.given)
    }

    pub(super) fn unknowns(&self) -> usize {
        self.exponents.len()
    }

    pub(super) fn targets(&self) -> usize {
        self.y.ncols()
    }

    pub(super) fn rows(&self) -> usize {
        self.x.nrows()
    }

    /// The blocks of all rows, less as many times the column of ones as is said for each unknown, if anything is.
    pub(super) fn for_each_block(&self, less: &[T], visit: impl FnMut(Block<'_, T>)) {
        self.for_each_block_of(&self.columns, less, 0..self.rows(), visit);
    }

    /// What `visit` makes of the blocks of each of some parts of the rows, from `new()` on, in the order of the rows. The
    /// parts depend on the sizes alone, and are visited on several threads.
    pub(super) fn of_parts<A: Send>(
        &self,
        columns: &[usize],
        less: &[T],
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Block<'_, T>) + Sync,
    ) -> impl Iterator<Item = A> {
        let numbers = self.rows() * (self.intercept.unknowns() + columns.len() + self.targets());
        let most = if columns.len() > WIDE { 4 } else { 8 };
        let parts = (numbers / NUMBERS_OF_A_PART).clamp(1, most);
        let size = self.rows().div_ceil(parts).max(1);
        let mut parts: Vec<_> = (0..parts).map(|part| (part * size, None)).collect();
        linalg::for_each(&mut parts, |(start, result)| {
            let mut made = new();
            let rows = (*start).min(self.rows())..(*start + size).min(self.rows());
            self.for_each_block_of(columns, less, rows, |block| visit(&mut made, block));
            *result = Some(made);
        });
        parts.into_iter().filter_map(|(_, result)| result)
    }

    /// Given the first of the columns.
    fn for_each_block_of(
        &self,
        columns: &[usize],
        less: &[T],
        rows: Range<usize>,
        mut visit: impl FnMut(Block<'_, T>),
    ) {
        let (n, first) = (rows.len(), self.intercept.unknowns());
        let unknowns = first + columns.len();
        let width = unknowns + self.targets();
        let most = (BLOCK / width).clamp(512, 4096).min(n.max(1));
        let mut buffer = vec![T::one(); most * width];
        let mut lost_buffer = vec![T::zero(); self.lost.map_or(0, |_| most * columns.len())];
        for start in rows.clone().step_by(most) {
            let rows = most.min(rows.end - start);
            let (x, y) = buffer[..rows * width].split_at_mut(rows * unknowns);
            let scales = self.weights.as_ref().map(|weights| &weights.scales[start..start + rows]);
            let (ones, features) = x.split_at_mut(rows * first);
            match scales {
                None => ones.fill(T::one()),
                Some(scales) => {
                    let unit =
                        self.exponents.first().map_or(T::one(), |&exponent| times_power_of_two(T::one(), -exponent));
                    ones.iter_mut().zip(scales).for_each(|(one, &scale)| *one = scale * unit);
                }
            }
            let scaled = columns.iter().zip(&self.exponents[first..]).enumerate();
            for (to, (feature, (&column, &exponent))) in features.chunks_exact_mut(rows).zip(scaled) {
                let less = less.get(first + feature).copied().unwrap_or_else(T::zero);
                match scales {
                    None => copy_scaled(to, &self.x, column, start, -exponent, less, None),
                    Some(_) => {
                        copy_scaled(to, &self.x, column, start, -exponent, T::zero(), scales);
                        linalg::add_scaled(to, -less, ones);
                    }
                }
            }
            for (target, (to, &exponent)) in y.chunks_exact_mut(rows).zip(&self.target_exponents).enumerate() {
                copy_scaled(to, &self.y, target, start, -exponent, T::zero(), scales);
            }
            let mut lost: &mut [T] = &mut [];
            if let Some(from) = self.lost {
                let (to, scaled) =
                    (&mut lost_buffer[..rows * columns.len()], columns.iter().zip(&self.exponents[first..]));
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
        let penalties = self.penalties.iter().cycle();
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
        parts.fold(new(), |mut squares, part| {
            add(&mut squares, &part);
            squares
        })
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
        let parts = self.of_parts(&self.columns, &[], new, move |(made, residuals, buffer), block| {
            for (target, y) in block.y.chunks_exact(block.rows).enumerate() {
                residuals.clear();
                residuals.extend(y.iter().map(|&y| T::Wide::widen(y)));
                block.subtract_product(residuals, &parameters[target * unknowns..(target + 1) * unknowns]);
                visit(made, &block, target, residuals, block.weighted(residuals, buffer));
            }
        });
        parts.map(|(made, _, _)| made)
    }

    /// `I − (XᵀWX + Λ) Z`, unknowns × unknowns, in twice the working precision.
    pub(super) fn inverse_residual(&self, z: &[T::Wide]) -> Vec<T::Wide> {
        let zero = T::Wide::widen(T::zero());
        let unknowns = self.unknowns();
        let mut residual = vec![zero; unknowns * unknowns];
        let (mut products, mut weighted) = (Vec::new(), Vec::new());
        self.for_each_block(&[], |block| {
            for (z, residual) in z.chunks_exact(unknowns).zip(residual.chunks_exact_mut(unknowns)) {
                products.clear();
                products.resize(block.rows, zero);
                block.subtract_product(&mut products, z);
                block.add_transposed_product(residual, block.weighted(&products, &mut weighted));
            }
        });
        for (place, (residual, &z)) in residual.iter_mut().zip(z).enumerate() {
            let (row, column) = (place % unknowns, place / unknowns);
            *residual -= z.times(self.penalties[row]);
            if row == column {
                *residual += T::Wide::widen(T::one());
            }
        }
        residual
    }

    /// `Σ w y²` and `Σ w (y − ȳ)²` for each target, twice the former without intercept, in twice the working
    /// precision.
    pub(super) fn total_squares(&self) -> Vec<(T::Wide, T::Wide)> {
        let zero = T::Wide::zero();
        let wide = |values: &[T], to: &mut Vec<T::Wide>| {
            to.clear();
            to.extend(values.iter().map(|&value| T::Wide::widen(value)));
        };
        let mut means = vec![zero; self.targets()];
        if self.intercept == Intercept::Include {
            let new = || ([zero], vec![zero; self.targets()], Vec::new(), Vec::new());
            let parts = self.of_parts(&[], &[], new, |(weight_sum, sums, values, buffer), block| {
                wide(block.ones, values);
                let ones = block.weighted(values, buffer);
                T::Wide::add_transposed_product(weight_sum, block.ones, ones);
                T::Wide::add_transposed_product(sums, block.y, ones);
            });
            let mut weight_sum = zero;
            for ([weights], sums, _, _) in parts {
                weight_sum += weights;
                add(&mut means, &sums);
            }
            means.iter_mut().for_each(|mean| *mean = *mean / weight_sum);
        }
        let new = || (vec![zero; 2 * self.targets()], Vec::new(), Vec::new());
        let parts = self.of_parts(&[], &[], new, |(squares, values, buffer), block| {
            let targets = block.y.chunks_exact(block.rows).zip(&means);
            for ((y, &mean), squares) in targets.zip(squares.chunks_exact_mut(2)) {
                wide(y, values);
                squares[0] = squares[0].add_dot(values, block.weighted(values, buffer));
                T::Wide::subtract_product(values, block.ones, &[mean]);
                squares[1] = squares[1].add_dot(values, block.weighted(values, buffer));
            }
        });
        let squares = parts.fold(vec![zero; 2 * self.targets()], |mut squares, (part, _, _)| {
            add(&mut squares, &part);
            squares
        });
        squares.chunks_exact(2).map(|squares| (squares[0], squares[1])).collect()
    }

    /// Fits the column of an unknown to those of others: what is left of it, as a fraction of its length, and the
    /// coefficients of the intercept, if there is one, and the others.
    pub(super) fn explain(&self, unknown: usize, others: &[usize]) -> (T, Vec<T>) {
        let first = self.intercept.unknowns();
        if self.lengths[unknown].is_zero() || first + others.len() == 0 {
            let left = if self.lengths[unknown].is_zero() { T::zero() } else { T::one() };
            return (left, vec![T::zero(); first + others.len()]);
        }
        let column = self.x.columns(self.columns[unknown - first], 1);
        let columns = others.iter().map(|&other| self.columns[other - first]).collect();
        let part = Design::new(self.x, column, self.given_weights(), self.intercept, columns, T::zero(), Seen::All);
        let part = part.with_lost(self.lost);
        let fitted = refine(&part, &Preconditioner::by_reflections(&part));
        let left = fitted.squares[0].round().max(T::zero()).sqrt() / self.lengths[unknown];
        (left, fitted.parameters.iter().map(|coefficient| coefficient.round()).collect())
    }

    /// Σ ln w over the observations.
    pub(super) fn log_weights(&self) -> f64 {
        let positive = self.given_weights().unwrap_or(&[]).iter().filter(|weight| !weight.is_zero());
        positive.map(|weight| weight.to_f64().ln()).sum()
    }
}

impl<T: Real> Block<'_, T> {
    /// The entry of this row in the column of ones; 1 where there is none.
    pub(super) fn one(&self, row: usize) -> T {
        self.ones.get(row).copied().unwrap_or_else(T::one)
    }

    /// `r ← r − X b`.
    fn subtract_product(&self, r: &mut [T::Wide], b: &[T::Wide]) {
        T::Wide::subtract_product(r, self.x, b);
        T::Wide::subtract_product(r, self.lost, &b[b.len() - self.lost.len() / self.rows..]);
    }

    /// `W r`, written to `buffer` if it is not `r`.
    fn weighted<'r>(&self, r: &'r [T::Wide], buffer: &'r mut Vec<T::Wide>) -> &'r [T::Wide] {
        let Some(weights) = self.weights else { return r };
        buffer.clear();
        buffer.extend(r.iter().zip(weights).map(|(r, &weight)| r.times(weight)));
        buffer
    }

    /// `g ← g + Xᵀ r`.
    fn add_transposed_product(&self, g: &mut [T::Wide], r: &[T::Wide]) {
        T::Wide::add_transposed_product(g, self.x, r);
        let features = g.len() - self.lost.len() / self.rows;
        T::Wide::add_transposed_product(&mut g[features..], self.lost, r);
    }
}

fn add<W: Copy + AddAssign>(to: &mut [W], from: &[W]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
}

/// Rows of a column times `2^exponent`, less a number or each times its scale.
fn copy_scaled<T: Real>(
    to: &mut [T],
    from: &View<'_, T>,
    column: usize,
    start: usize,
    exponent: i32,
    less: T,
    scales: Option<&[T]>,
) {
    let factors = power_of_two::<T>(exponent);
    let [first, second] = factors;
    let rows = start..start + to.len();
    if let (Some(from), None) = (linalg::contiguous_column(from, column), scales) {
        return linalg::vectorized(Scaled { to, from: &from[rows], factors, less });
    }
    let from = from.view((start, column), (to.len(), 1));
    let numbers = to.iter_mut().zip(from.iter());
    match scales {
        None => numbers.for_each(|(to, &from)| *to = from * first * second - less),
        // In this order nothing overflows on the way, and what underflows is nothing beside the largest entry.
        Some(scales) => {
            numbers.zip(scales).for_each(|((to, &from), &scale)| *to = from * first * scale * second);
        }
    }
}

struct Scaled<'a, T> {
    to: &'a mut [T],
    from: &'a [T],
    factors: [T; 2],
    less: T,
}

impl<T: Real> Loop for Scaled<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [first, second] = self.factors;
        self.to.iter_mut().zip(self.from).for_each(|(to, &from)| *to = from * first * second - self.less);
    }
}
