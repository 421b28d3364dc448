use super::problem::{Problem, exponent};
use crate::elementary::Loop;
use crate::linalg::{self, MOST_PARTS, View, power_of_two, times_power_of_two};
use crate::real::Real;

/// Partial sums that do not wait for one another, and numbers of which they are made before they are added up.
const LANES: usize = 16;
const PART: usize = 1024;

/// Rows that a sample is made of, in runs here and there; and the rows that are worth one.
const RUNS: usize = 16;
const RUN: usize = 128;
const FEWEST_SAMPLED: usize = 8 * RUNS * RUN;

/// Units in which nothing overflows: every column is divided by a power of two, which is exact.
#[derive(Clone, Debug)]
pub(super) struct Units<T> {
    /// Whether all entries of the columns and of the targets are; nothing else is defined if not.
    pub(super) is_finite: bool,
    /// Whether that, the exponents, the means and the lengths of the columns are those of some of the rows.
    pub(super) is_sampled: bool,
    /// The exponents of these powers, of the unknowns and of the targets.
    pub(super) unknowns: Vec<i32>,
    pub(super) targets: Vec<i32>,
    /// λ for each unknown, in its units.
    pub(super) penalties: Vec<T>,
    /// What to take of the column of ones off each unknown's column to make its weighted mean zero, roughly; zeros
    /// without intercept.
    pub(super) means: Vec<T>,
    /// The length of each unknown's column, weighted, roughly; and with the root of its penalty as a last entry.
    pub(super) data_lengths: Vec<T>,
    pub(super) lengths: Vec<T>,
}

/// `w = 4^k m`, so that a row of this weight is the row times `2^k` of weight m, which is near 1. A weight may lie
/// anywhere in the range of the number type.
#[derive(Clone, Debug)]
pub(super) struct Weights<T> {
    /// m, or 0 for a weight of 0.
    pub(super) fractions: Vec<T>,
    /// k
    pub(super) halves: Vec<i32>,
    /// `2^k`
    pub(super) scales: Vec<T>,
}

impl<T: Real> Weights<T> {
    /// The number of bits between the roots of the largest and the smallest weight of rows that count.
    pub(super) fn span(&self) -> i32 {
        let halves = || (0..self.halves.len()).filter_map(|row| self.exponent(row));
        halves().max().unwrap_or(0) - halves().min().unwrap_or(0)
    }

    pub(super) fn new(given: &[T]) -> Self {
        let halves: Vec<i32> = given.iter().map(|&weight| exponent(weight).unwrap_or(0).div_euclid(2)).collect();
        let power = |half: i32| T::nearest(f64::from(half).exp2());
        let fraction = |(&weight, &half): (&T, &i32)| weight * power(-half) * power(-half);
        let fractions = given.iter().zip(&halves).map(fraction).collect();
        let scales = halves.iter().map(|&half| power(half)).collect();
        Self { fractions, halves, scales }
    }

    /// k; none for a row that does not count.
    fn exponent(&self, row: usize) -> Option<i32> {
        (!self.fractions[row].is_zero()).then(|| self.halves[row])
    }
}

/// Rows that are looked at to find how columns are to be scaled and shifted: all, or some if there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    All,
    Some,
}

impl<T: Real> Units<T> {
    /// Of the unknowns of these columns of `x`, and of the targets.
    pub(super) fn measure(
        problem: &Problem<'_, T>,
        weights: Option<&Weights<T>>,
        columns: &[usize],
        seen: Seen,
    ) -> Self {
        let (x, y, rows) = (&problem.x, &problem.y, problem.x.nrows());
        let first = problem.intercept.unknowns();
        let may_be_sampled = seen == Seen::Some && weights.is_none() && rows >= FEWEST_SAMPLED;
        let sample: Vec<Column<T>> = match may_be_sampled {
            true => columns.iter().map(|&column| Column::sampled(x, column)).collect(),
            false => Vec::new(),
        };
        let is_sampled = may_be_sampled && sample.iter().all(Column::is_ordinary);
        let features = if is_sampled { sample } else { measured(x, columns, weights) };
        let targets = measured(y, &(0..y.ncols()).collect::<Vec<_>>(), weights);

        let exponent_of_ones = match weights {
            None => Some(0),
            Some(weights) => (0..rows).filter_map(|row| weights.exponent(row)).max(),
        };
        // A penalty is another entry of its column, √λ.
        let exponent_of_penalty = exponent(problem.ridge).map_or(i32::MIN, |exponent| exponent.div_euclid(2) + 1);
        let mut unknowns = vec![exponent_of_ones.unwrap_or(0); first];
        unknowns.extend(features.iter().map(|column| column.exponent.unwrap_or(0).max(exponent_of_penalty)));
        let ones = Ones { exponent: unknowns.first().copied().filter(|_| first == 1), weights };
        let moments = unknowns[first..].iter().zip(columns).zip(&features);
        let moments: Vec<_> =
            moments.map(|((&exponent, &place), column)| column.in_units(x, place, exponent, &ones)).collect();
        let count = T::from_count(if is_sampled { RUNS * RUN } else { rows });
        let weight_sum = ones.squares().unwrap_or(count);
        let mean = |moments: &(T, T)| if first == 1 { moments.0 / weight_sum } else { T::zero() };

        let mut penalties = vec![T::zero(); first];
        penalties.extend(unknowns[first..].iter().map(|&exponent| times_power_of_two(problem.ridge, -2 * exponent)));
        let squares: Vec<T> =
            std::iter::repeat_n(weight_sum, first).chain(moments.iter().map(|moments| moments.1)).collect();
        let penalized = squares.iter().zip(&penalties).map(|(&square, &penalty)| (square + penalty).sqrt());
        Self {
            is_finite: features.iter().chain(&targets).all(|column| column.is_finite),
            is_sampled,
            targets: targets.iter().map(|column| column.exponent.unwrap_or(0)).collect(),
            means: std::iter::repeat_n(T::zero(), first).chain(moments.iter().map(mean)).collect(),
            lengths: penalized.collect(),
            data_lengths: squares.iter().map(|square| square.sqrt()).collect(),
            penalties,
            unknowns,
        }
    }

    /// Those of a solution, in which nothing is shifted or penalized.
    pub(super) fn known(unknowns: &[i32], targets: &[i32]) -> Self {
        let [means, penalties] = [(); 2].map(|()| vec![T::zero(); unknowns.len()]);
        let lengths = vec![T::one(); unknowns.len()];
        let (unknowns, targets) = (unknowns.to_vec(), targets.to_vec());
        Self {
            is_finite: true,
            is_sampled: false,
            unknowns,
            targets,
            penalties,
            means,
            data_lengths: lengths.clone(),
            lengths,
        }
    }

    /// How long columns are at most without their penalties, as a part of their lengths.
    pub(super) fn data_part(&self) -> f64 {
        let lengths = self.data_lengths.iter().zip(&self.lengths).filter(|(_, length)| !length.is_zero());
        lengths.map(|(&data, &length)| (data / length).to_f64()).fold(0.0, f64::max)
    }

    /// Whether any unknown has a penalty that is more than nothing beside its column.
    pub(super) fn is_penalized(&self) -> bool {
        self.penalties.iter().any(|penalty| !penalty.is_zero())
    }
}

/// The columns of a matrix, measured on several threads.
fn measured<T: Real>(view: &View<'_, T>, columns: &[usize], weights: Option<&Weights<T>>) -> Vec<Column<T>> {
    let mut measured: Vec<_> = columns.iter().map(|&column| (column, None)).collect();
    // As many pieces of work as there may be.
    let size = measured.len().div_ceil(MOST_PARTS).max(1);
    let mut pieces: Vec<_> = measured.chunks_mut(size).collect();
    linalg::for_each(&mut pieces, |piece| {
        for (column, measured) in piece.iter_mut() {
            *measured = Some(match weights {
                None => Column::with(Moments::of(view, *column, 0)),
                Some(weights) => Column::weighted(view, *column, weights),
            });
        }
    });
    measured.into_iter().filter_map(|(_, measured)| measured).collect()
}

/// The column of ones, times the roots of the weights, in its unit.
struct Ones<'w, T> {
    exponent: Option<i32>,
    weights: Option<&'w Weights<T>>,
}

impl<T: Real> Ones<'_, T> {
    /// In the row of a weight; 1 without an intercept.
    fn entry(&self, scale: T) -> T {
        self.exponent.map_or(T::one(), |exponent| times_power_of_two(scale, -exponent))
    }

    /// The sum of their squares; none without weights.
    fn squares(&self) -> Option<T> {
        let Weights { fractions, scales, .. } = self.weights?;
        let square = |(&fraction, &scale): (&T, &T)| fraction * self.entry(scale) * self.entry(scale);
        Some(fractions.iter().zip(scales).map(square).fold(T::zero(), T::add))
    }
}

/// What is known of a column before it has units.
struct Column<T> {
    /// The least e with |value| < 2^e for all values, times the powers of two of their weights; none if all are zero.
    exponent: Option<i32>,
    is_finite: bool,
    moments: Moments<T>,
}

impl<T: Real> Column<T> {
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

    fn weighted(view: &View<'_, T>, column: usize, weights: &Weights<T>) -> Self {
        let entry = |(row, &value): (usize, &T)| Some(exponent(value)? + weights.exponent(row)?);
        let exponent = view.column(column).iter().enumerate().filter_map(entry).max();
        let is_finite = view.column(column).iter().all(|value| value.is_finite());
        Self { exponent, is_finite, moments: Moments::none() }
    }

    /// Whether it can be taken for all rows.
    fn is_ordinary(&self) -> bool {
        self.is_finite && self.exponent.is_some() && self.is_moderate()
    }

    /// Whether squares of the entries, as they are given, are in range: half of it is left for them.
    fn is_moderate(&self) -> bool {
        // −e, with 2^e the smallest normal number.
        let smallest = -exponent(T::min_positive()).unwrap_or(0);
        self.exponent.unwrap_or(0).abs() < smallest / 2 - 12
    }

    /// The weighted sum, and that of the squares, of the column divided by 2^exponent.
    fn in_units(&self, view: &View<'_, T>, column: usize, exponent: i32, ones: &Ones<'_, T>) -> (T, T) {
        let Some(weights) = ones.weights else {
            // A scale commutes with all that is rounded.
            let (moments, exponent) = match self.is_moderate() {
                true => (self.moments, exponent),
                false => (Moments::of(view, column, -exponent), 0),
            };
            return (times_power_of_two(moments.sum, -exponent), times_power_of_two(moments.squares, -2 * exponent));
        };
        let mut values = vec![T::zero(); view.nrows()];
        copy_scaled(&mut values, view, column, 0, -exponent, T::zero(), Some(&weights.scales));
        let rows =
            values.iter().zip(&weights.fractions).zip(&weights.scales).filter(|((_, fraction), _)| !fraction.is_zero());
        rows.fold((T::zero(), T::zero()), |(sum, square), ((&value, &fraction), &scale)| {
            (sum + fraction * value * ones.entry(scale), square + fraction * value * value)
        })
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

/// Rows of a column times `2^exponent`, less a number or each times its scale.
pub(super) fn copy_scaled<T: Real>(
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
