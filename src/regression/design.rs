use nalgebra::DMatrix;

use super::preconditioner::Preconditioner;
use super::refinement::refine;
use super::{Intercept, count_observations, exponent};
use crate::linalg::{View, power_of_two, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

/// Numbers of a block: few enough for the cache.
const BLOCK: usize = 1 << 14;

/// Partial sums that do not wait for one another.
const LANES: usize = 4;

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
    y: &'b [T],
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
    ) -> Self {
        let observations = count_observations(x.nrows(), weights);
        let weights = weights.map(Weights::new);
        let exponent_of = |view: &View<'a, T>, column: usize| match &weights {
            None => exponent(view.column(column).iter().fold(T::zero(), |largest, value| largest.max(value.abs()))),
            Some(weights) => {
                let entry = |(row, &value): (usize, &T)| Some(exponent(value)? + weights.exponent(row)?);
                view.column(column).iter().enumerate().filter_map(entry).max()
            }
        };
        let exponent_of_ones =
            weights.as_ref().and_then(|weights| (0..x.nrows()).filter_map(|row| weights.exponent(row)).max());
        // A penalty is another entry of its column, √λ.
        let exponent_of_penalty = exponent(ridge).map_or(i32::MIN, |exponent| exponent.div_euclid(2) + 1);
        let mut exponents = vec![exponent_of_ones.unwrap_or(0); intercept.unknowns()];
        exponents.extend(columns.iter().map(|&column| exponent_of(&x, column).unwrap_or(0).max(exponent_of_penalty)));
        let target_exponents = (0..y.ncols()).map(|target| exponent_of(&y, target).unwrap_or(0)).collect();
        let mut penalties: Vec<T> =
            exponents.iter().map(|&exponent| times_power_of_two(ridge, -2 * exponent)).collect();
        penalties[..intercept.unknowns()].fill(T::zero());
        let unknowns = exponents.len();
        let zeros = vec![T::zero(); unknowns];
        let mut design = Self {
            x,
            y,
            weights,
            lost: None,
            intercept,
            columns,
            exponents,
            target_exponents,
            penalties,
            means: zeros.clone(),
            lengths: zeros.clone(),
            observations,
        };
        let (mut sums, mut squares) = (zeros, design.penalties.clone());
        design.for_each_block(|block| {
            let weight = |row: usize| block.weights.map_or(T::one(), |weights| weights[row]);
            for ((column, sum), square) in block.x.chunks_exact(block.rows).zip(&mut sums).zip(&mut squares) {
                for (row, &value) in column.iter().enumerate() {
                    *sum += weight(row) * value * block.one(row);
                    *square += weight(row) * value * value;
                }
            }
        });
        if intercept == Intercept::Include {
            for (mean, &sum) in design.means.iter_mut().zip(&sums).skip(1) {
                *mean = sum / sums[0];
            }
        }
        for (length, square) in design.lengths.iter_mut().zip(squares) {
            *length = square.sqrt();
        }
        design
    }

    /// The problem whose design matrix is `x` and what it has lost to rounding.
    pub(super) fn with_lost(self, lost: Option<&'a DMatrix<T>>) -> Self {
        Self { lost, ..self }
    }

    /// Whether any unknown has a penalty that is more than nothing beside its column.
    pub(super) fn is_penalised(&self) -> bool {
        self.penalties.iter().any(|penalty| !penalty.is_zero())
    }

    /// The problem of some of the unknowns, the intercept among them if there is one; without a penalty.
    pub(super) fn part(&self, unknowns: &[usize]) -> Self {
        let first = self.intercept.unknowns();
        let columns = unknowns[first..].iter().map(|&unknown| self.columns[unknown - first]).collect();
        Self::new(self.x, self.y, self.given_weights(), self.intercept, columns, T::zero()).with_lost(self.lost)
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

    pub(super) fn for_each_block(&self, mut visit: impl FnMut(Block<'_, T>)) {
        let (n, first) = (self.rows(), self.intercept.unknowns());
        let width = self.unknowns() + self.targets();
        let most = (BLOCK / width).clamp(64, 1024).min(n.max(1));
        let mut buffer = vec![T::one(); most * width];
        let mut lost_buffer = vec![T::zero(); self.lost.map_or(0, |_| most * self.columns.len())];
        for start in (0..n).step_by(most) {
            let rows = most.min(n - start);
            let (x, y) = buffer[..rows * width].split_at_mut(rows * self.unknowns());
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
            let unknowns = self.columns.iter().zip(&self.exponents[first..]);
            for (to, (&column, &exponent)) in features.chunks_exact_mut(rows).zip(unknowns) {
                copy_scaled(to, &self.x, column, start, -exponent, scales);
            }
            for (target, (to, &exponent)) in y.chunks_exact_mut(rows).zip(&self.target_exponents).enumerate() {
                copy_scaled(to, &self.y, target, start, -exponent, scales);
            }
            let mut lost: &mut [T] = &mut [];
            if let Some(from) = self.lost {
                let (to, unknowns) = (&mut lost_buffer[..rows * self.columns.len()], &self.exponents[first..]);
                for (to, (&column, &exponent)) in to.chunks_exact_mut(rows).zip(self.columns.iter().zip(unknowns)) {
                    copy_scaled(to, &from.into(), column, start, -exponent, scales);
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
        let zero = T::Wide::widen(T::zero());
        let unknowns = self.unknowns();
        let mut gradient = vec![zero; unknowns * self.targets()];
        let mut squares = vec![zero; self.targets()];
        let mut residuals = Vec::new();
        self.for_each_block(|block| {
            for (target, y) in block.y.chunks_exact(block.rows).enumerate() {
                let parameters = &parameters[target * unknowns..(target + 1) * unknowns];
                residuals.clear();
                residuals.extend(y.iter().map(|&y| T::Wide::widen(y)));
                block.subtract_product(&mut residuals, parameters);
                let square = |(row, &residual): (usize, &T::Wide)| match block.weights {
                    None => residual * residual,
                    Some(weights) => (residual * residual).times(weights[row]),
                };
                squares[target] += residuals.iter().enumerate().map(square).fold(zero, |sum, square| sum + square);
                weigh(&mut residuals, block.weights);
                block.add_transposed_product(&mut gradient[target * unknowns..(target + 1) * unknowns], &residuals);
            }
        });
        let penalties = self.penalties.iter().cycle();
        for ((gradient, &parameter), &penalty) in gradient.iter_mut().zip(parameters).zip(penalties) {
            *gradient -= parameter.times(penalty);
        }
        Gradient { gradient, squares }
    }

    /// `I − (XᵀWX + Λ) Z`, unknowns × unknowns, in twice the working precision.
    pub(super) fn inverse_residual(&self, z: &[T::Wide]) -> Vec<T::Wide> {
        let zero = T::Wide::widen(T::zero());
        let unknowns = self.unknowns();
        let mut residual = vec![zero; unknowns * unknowns];
        let mut products = Vec::new();
        self.for_each_block(|block| {
            for (z, residual) in z.chunks_exact(unknowns).zip(residual.chunks_exact_mut(unknowns)) {
                products.clear();
                products.resize(block.rows, zero);
                block.subtract_product(&mut products, z);
                weigh(&mut products, block.weights);
                block.add_transposed_product(residual, &products);
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
        let zero = T::Wide::widen(T::zero());
        let weighted = |value: T::Wide, weight: Option<T>| weight.map_or(value, |weight| value.times(weight));
        let mut means = vec![zero; self.targets()];
        if self.intercept == Intercept::Include {
            let mut weight_sum = zero;
            self.for_each_block(|block| {
                for row in 0..block.rows {
                    let (one, weight) = (block.one(row), block.weights.map(|weights| weights[row]));
                    weight_sum += weighted(T::Wide::product(one, one), weight);
                    for (target, mean) in means.iter_mut().enumerate() {
                        *mean += weighted(T::Wide::product(one, block.y[row + target * block.rows]), weight);
                    }
                }
            });
            means.iter_mut().for_each(|mean| *mean = *mean / weight_sum);
        }
        let mut squares = vec![(zero, zero); self.targets()];
        self.for_each_block(|block| {
            for (target, ((whole, square), &mean)) in squares.iter_mut().zip(&means).enumerate() {
                for row in 0..block.rows {
                    let (y, weight) = (block.y[row + target * block.rows], block.weights.map(|weights| weights[row]));
                    let deviation = T::Wide::widen(y) - mean.times(block.one(row));
                    *whole += weighted(T::Wide::product(y, y), weight);
                    *square += weighted(deviation * deviation, weight);
                }
            }
        });
        squares
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
        let part = Design::new(self.x, column, self.given_weights(), self.intercept, columns, T::zero());
        let part = part.with_lost(self.lost);
        let fitted = refine(&part, &Preconditioner::by_reflections(&part), true);
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
        subtract_product(r, self.x, b);
        subtract_product(r, self.lost, &b[b.len() - self.lost.len() / self.rows..]);
    }

    /// `g ← g + Xᵀ r`.
    fn add_transposed_product(&self, g: &mut [T::Wide], r: &[T::Wide]) {
        add_transposed_product(g, self.x, r);
        let features = g.len() - self.lost.len() / self.rows;
        add_transposed_product(&mut g[features..], self.lost, r);
    }
}

/// Rows of a column times `2^exponent`, and each times its scale.
fn copy_scaled<T: Real>(
    to: &mut [T],
    from: &View<'_, T>,
    column: usize,
    start: usize,
    exponent: i32,
    scales: Option<&[T]>,
) {
    let [first, second] = power_of_two::<T>(exponent);
    let from = from.column(column);
    let from = from.rows(start, to.len());
    match scales {
        None => to.iter_mut().zip(from.iter()).for_each(|(to, &from)| *to = from * first * second),
        // In this order nothing overflows on the way, and what underflows is nothing beside the largest entry.
        Some(scales) => to
            .iter_mut()
            .zip(from.iter())
            .zip(scales)
            .for_each(|((to, &from), &scale)| *to = from * first * scale * second),
    }
}

/// `r ← r − X b`.
fn subtract_product<T: Real>(r: &mut [T::Wide], x: &[T], b: &[T::Wide]) {
    for (column, &b) in x.chunks_exact(r.len()).zip(b) {
        for (r, &x) in r.iter_mut().zip(column) {
            *r -= b.times(x);
        }
    }
}

/// `r ← W r`.
fn weigh<T: Real>(r: &mut [T::Wide], weights: Option<&[T]>) {
    for (r, &weight) in r.iter_mut().zip(weights.unwrap_or(&[])) {
        *r = r.times(weight);
    }
}

/// `g ← g + Xᵀ r`.
fn add_transposed_product<T: Real>(g: &mut [T::Wide], x: &[T], r: &[T::Wide]) {
    for (column, g) in x.chunks_exact(r.len()).zip(g) {
        let mut lanes = [T::Wide::widen(T::zero()); LANES];
        let (x_blocks, r_blocks) = (column.chunks_exact(LANES), r.chunks_exact(LANES));
        for (&x, &r) in x_blocks.remainder().iter().zip(r_blocks.remainder()) {
            *g += r.times(x);
        }
        for (x, r) in x_blocks.zip(r_blocks) {
            for ((lane, &x), &r) in lanes.iter_mut().zip(x).zip(r) {
                *lane += r.times(x);
            }
        }
        lanes.into_iter().for_each(|lane| *g += lane);
    }
}
