//! Every matrix product and every vector kernel of the crate.
//!
//! Products run on kernels of our own where the processor has the vectors for them (`kernel/simd.rs`). Elsewhere large ones run
//! on nalgebra's `gemm`, the only one of its products that reaches a blocked kernel; a transposed operand is a view
//! with exchanged strides. (`tr_mul` and its kin loop over dot products.) Small ones are done here then: they do not
//! gain from packing, and nalgebra's own loop for them runs out of bounds on strided columns (nalgebra 0.35, issue
//! 1616).

mod kernel;

pub(crate) use kernel::contiguous_column;
#[cfg(target_arch = "x86_64")]
pub(crate) use kernel::simd::{self, vectorized};
#[cfg(feature = "threads")]
pub(crate) use kernel::team::{for_each, set_threads, threads};
use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, Dyn};

use crate::batch::Batch;
use crate::elementary::Loop;
use crate::error::{Error, Result};
use crate::real::Real;

/// Lanes of the unrolled reductions: four of the widest vectors, so that sums neither wait for one another nor drift.
const LANES: usize = 64;

/// Below this many numbers a loop is over before the processor has been asked for its vectors.
const SHORT: usize = 64;

/// Above this in every dimension nalgebra hands a product to its blocked kernel.
const SMALL: usize = 5;

/// Columns of a Gram matrix that are computed at once where a kernel of our own does not leave out what is above the
/// diagonal.
const PANEL: usize = 128;

/// Columns of a factor for whose sake the other one is not copied, if that is wider than a panel.
const FEW: usize = 4;

/// Parts of any work at most.
pub(crate) const MOST_PARTS: usize = 16;

/// Numbers of a vector that is worth several threads, multiplications of a product that is, and columns of a triangle.
pub(crate) const LONG: usize = 1 << 15;
const SHARED: usize = 1 << 18;
const FEWEST_SPLIT: usize = 256;

/// Columns that are factored one by one before the others learn of them, all at once and by matrix products.
const BLOCK: usize = 32;

/// A matrix view with any strides: what the regressions take.
pub(crate) type View<'a, T> = DMatrixView<'a, T, Dyn, Dyn>;

/// A factor of a product: a matrix stored column by column, or the transpose of one.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

/// The `rows` × `columns` matrix that `data` holds column by column.
pub(crate) fn matrix<T>(data: &[T], rows: usize, columns: usize) -> Factor<'_, T> {
    assert_eq!(data.len(), rows * columns);
    Factor { data, rows, columns, row_stride: 1, column_stride: rows }
}

/// The transpose, `columns` × `rows`, of the matrix that `data` holds column by column.
pub(crate) fn transpose<T>(data: &[T], rows: usize, columns: usize) -> Factor<'_, T> {
    assert_eq!(data.len(), rows * columns);
    Factor { data, rows: columns, columns: rows, row_stride: rows, column_stride: 1 }
}

impl<'a, T: Real> Factor<'a, T> {
    fn view(&self) -> View<'a, T> {
        View::from_slice_with_strides(self.data, self.rows, self.columns, self.row_stride, self.column_stride)
    }

    /// As many rows from one on.
    fn rows_from(self, first: usize, rows: usize) -> Self {
        Self { data: &self.data[first * self.row_stride..], rows, ..self }
    }

    /// As many columns from one on.
    fn columns_from(self, first: usize, columns: usize) -> Self {
        Self { data: &self.data[first * self.column_stride..], columns, ..self }
    }

    fn at(&self, row: usize, column: usize) -> T {
        self.data[row * self.row_stride + column * self.column_stride]
    }
}

/// What a product is written to: some rows of a matrix stored column by column.
#[derive(Debug)]
pub struct Target<'a, T> {
    data: &'a mut [T],
    rows: usize,
    columns: usize,
    column_stride: usize,
}

/// How a product meets what its target holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `C ← α A B`.
    Over,
    /// `C ← C + α A B`.
    Add,
    /// `C ← C + α A B` on and below the diagonal; above it C is not defined afterwards.
    AddLower,
}

/// `C ← A B`, with `C` column by column; what `C` held before is not read.
pub(crate) fn multiply<T: Real>(a: Factor<'_, T>, b: Factor<'_, T>, c: &mut [T]) {
    assert_eq!(c.len(), a.rows * b.columns);
    product(T::one(), a, b, Way::Over, Target { data: c, rows: a.rows, columns: b.columns, column_stride: a.rows });
}

/// `C ← C + A B`, with `C` column by column.
pub(crate) fn multiply_add<T: Real>(a: Factor<'_, T>, b: Factor<'_, T>, c: &mut [T]) {
    assert_eq!(c.len(), a.rows * b.columns);
    product(T::one(), a, b, Way::Add, Target { data: c, rows: a.rows, columns: b.columns, column_stride: a.rows });
}

/// `C ← C + XᵀY`, with `X` and `Y` of so many rows, at least one.
pub(crate) fn add_transposed_product<T: Real>(x: &[T], y: &[T], rows: usize, c: &mut [T]) {
    let (columns, targets) = (x.len() / rows, y.len() / rows);
    if columns <= PANEL || targets > FEW {
        return multiply_add(transpose(x, rows, columns), matrix(y, rows, targets), c);
    }
    // Read where it lies: as a product `X` would be copied first.
    for (i, x) in x.chunks_exact(rows).enumerate() {
        for (c, y) in c.chunks_exact_mut(columns).zip(y.chunks_exact(rows)) {
            c[i] += dot(x, y);
        }
    }
}

/// `C ← α A B`, or what else the way says; large ones column by column on several threads, which changes no bit.
fn product<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, way: Way, c: Target<'_, T>) {
    assert_eq!(a.columns, b.rows);
    let threads = threads().min(MOST_PARTS);
    // The parts of a triangle have fewer rows than the whole, but no fewer than are multiplied in another way.
    let few = if way == Way::AddLower { FEWEST_SPLIT } else { 2 * threads };
    if threads == 1 || b.columns < few || a.rows * a.columns * b.columns < SHARED {
        return product_on_one_thread(alpha, a, b, way, c);
    }
    let (mut rest, mut first) = (Some(c), 0);
    let parts = (1..=threads).map_while(|to| {
        let share = to as f64 / threads as f64;
        // Of a triangle, equal areas.
        let share = if way == Way::AddLower { 1.0 - (1.0 - share).sqrt() } else { share };
        let end = if to == threads { b.columns } else { (share * b.columns as f64) as usize };
        let Target { data, rows, columns, column_stride } = rest.take()?;
        let (width, above) = (end - first, if way == Way::AddLower { end - first } else { 0 });
        let (data, others) = data.split_at_mut(if to == threads { data.len() } else { width * column_stride + above });
        let part = (a.rows_from(a.rows - rows, rows), b.columns_from(first, width), data, rows, width, column_stride);
        rest = Some(Target { data: others, rows: rows - above, columns: columns - width, column_stride });
        first = end;
        Some(part)
    });
    share(parts, |(a, b, data, rows, columns, column_stride)| {
        product_on_one_thread(alpha, a, b, way, Target { data, rows, columns, column_stride });
    });
}

fn product_on_one_thread<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, way: Way, mut c: Target<'_, T>) {
    if !T::multiply(alpha, a, b, way, &mut c) {
        portable_product(alpha, a, b, way, c);
    }
}

/// On processors without a kernel of our own, and for numbers that have none.
fn portable_product<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, way: Way, c: Target<'_, T>) {
    let Target { data, rows, columns, column_stride } = c;
    if way == Way::AddLower && columns > PANEL {
        for first in (0..columns).step_by(PANEL) {
            let (height, width) = (rows - first, PANEL.min(columns - first));
            let data = &mut data[first * column_stride + first..];
            let c = Target { data, rows: height, columns: width, column_stride };
            portable_product(alpha, a.rows_from(first, height), b.columns_from(first, width), way, c);
        }
        return;
    }
    if [rows, columns, a.columns].into_iter().all(|dimension| dimension > SMALL) {
        let beta = if way == Way::Over { T::zero() } else { T::one() };
        let mut c = DMatrixViewMut::from_slice_with_strides_mut(data, rows, columns, 1, column_stride);
        return c.gemm(alpha, &a.view(), &b.view(), beta);
    }
    for j in 0..columns {
        let c = &mut data[j * column_stride..][..rows];
        if way == Way::Over {
            c.fill(T::zero());
        }
        if a.row_stride == 1 {
            for l in 0..a.columns {
                add_scaled(c, alpha * b.at(l, j), &a.data[l * a.column_stride..][..rows]);
            }
        } else {
            for (i, c) in c.iter_mut().enumerate() {
                *c += alpha * (0..a.columns).fold(T::zero(), |sum, l| sum + a.at(i, l) * b.at(l, j));
            }
        }
    }
}

/// Adds the lower triangle of `α XᵀX` to that of `gram`, `columns` × `columns`, for `x` of `rows` × `columns`; what
/// `gram` has above the diagonal is not defined afterwards.
pub(crate) fn add_gram<T: Real>(alpha: T, x: &[T], rows: usize, columns: usize, gram: &mut [T]) {
    assert_eq!(gram.len(), columns * columns);
    let gram = Target { data: gram, rows: columns, columns, column_stride: columns };
    product(alpha, transpose(x, rows, columns), matrix(x, rows, columns), Way::AddLower, gram);
}

/// The threads that share the work.
#[cfg(not(feature = "threads"))]
pub(crate) fn threads() -> usize {
    1
}

/// Calls `work` once for each of the pieces, of which the first [`MOST_PARTS`] are taken; how many those were.
pub(crate) fn share<I: Send>(pieces: impl Iterator<Item = I>, work: impl Fn(I) + Sync) -> usize {
    let mut parts = [const { None }; MOST_PARTS];
    let mut count = 0;
    for (part, piece) in parts.iter_mut().zip(pieces) {
        *part = Some(piece);
        count += 1;
    }
    for_each(&mut parts[..count], |part| {
        if let Some(piece) = part.take() {
            work(piece);
        }
    });
    count
}

/// Calls `work` once for each item.
#[cfg(not(feature = "threads"))]
pub(crate) fn for_each<I: Send>(items: &mut [I], work: impl Fn(&mut I) + Sync) {
    items.iter_mut().for_each(work);
}

/// Runs a loop.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn vectorized<L: Loop>(work: L) -> L::Output {
    work.run()
}

/// `length` zeros, or an error where the memory for them cannot be had.
pub(crate) fn zeros<T: Real>(what: &'static str, length: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| Error::TooLarge { what, count: length })?;
    values.resize(length, T::zero());
    Ok(values)
}

/// Overwrites the lower triangle of a symmetric positive definite matrix, of which only that triangle is read,
/// with its Cholesky factor `L`, `A = L Lᵀ`; what is above the diagonal is not defined afterwards.
///
/// The error is the first column of whose diagonal entry no more than the fraction `threshold` is left: it depends on
/// the ones before it.
pub(crate) fn cholesky<T: Real>(a: &mut DMatrix<T>, threshold: T) -> Result<(), usize> {
    let n = a.nrows();
    let smallest: Vec<T> = (0..n).map(|j| a[(j, j)] * threshold).collect();
    let mut below = Vec::new();
    for first in (0..n).step_by(BLOCK) {
        let end = n.min(first + BLOCK);
        let (factored, rest) = a.as_mut_slice().split_at_mut(end * n);
        for j in first..end {
            let (former, column) = factored.split_at_mut(j * n);
            let column = &mut column[j..n];
            for former in former[first * n..].chunks_exact(n) {
                add_scaled(column, -former[j], &former[j..]);
            }
            if column[0] <= smallest[j] || !column[0].is_finite() {
                return Err(j);
            }
            let diagonal = column[0].sqrt();
            column.iter_mut().for_each(|entry| *entry /= diagonal);
        }
        // What the factored columns are to each row below them, row by row.
        below.clear();
        let block = &factored[first * n..];
        below.extend((end..n).flat_map(|row| block[row..].iter().step_by(n).copied()));
        if end < n {
            let (width, height) = (end - first, n - end);
            let rest = Target { data: &mut rest[end..], rows: height, columns: height, column_stride: n };
            let (below, across) = (transpose(&below, width, height), matrix(&below, width, height));
            product(-T::one(), below, across, Way::AddLower, rest);
        }
    }
    Ok(())
}

/// `B ← A⁻¹ B`, given the Cholesky factor of `A`.
pub(crate) fn solve_cholesky<T: Real>(factor: &DMatrix<T>, b: &mut DMatrix<T>) {
    let n = factor.nrows();
    for b in b.as_mut_slice().chunks_exact_mut(n) {
        for (j, column) in factor.as_slice().chunks_exact(n).enumerate() {
            b[j] /= column[j];
            let solved = b[j];
            add_scaled(&mut b[j + 1..], -solved, &column[j + 1..]);
        }
        solve_transposed(factor, b);
    }
}

/// `b ← L⁻ᵀ b`, given a lower triangle `L`.
pub(crate) fn solve_transposed<T: Real>(lower: &DMatrix<T>, b: &mut [T]) {
    for (j, column) in lower.as_slice().chunks_exact(lower.nrows()).enumerate().rev() {
        let known = dot(&column[j + 1..], &b[j + 1..]);
        b[j] = (b[j] - known) / column[j];
    }
}

/// `L⁻¹`, lower triangular too, given a lower triangle `L`, of which only that triangle is read.
pub(crate) fn invert_lower<T: Real>(lower: &DMatrix<T>) -> DMatrix<T> {
    let n = lower.nrows();
    let mut inverse = DMatrix::zeros(n, n);
    for first in (0..n).step_by(BLOCK) {
        let end = n.min(first + BLOCK);
        let width = end - first;
        // What is above and left of the block on the diagonal is known: −L₂₂⁻¹ (L₂₁ L₁₁⁻¹) is left of it.
        let mut left = vec![T::zero(); width * first];
        if first > 0 {
            let row = Factor {
                data: &lower.as_slice()[first..],
                rows: width,
                columns: first,
                row_stride: 1,
                column_stride: n,
            };
            let known =
                Factor { data: inverse.as_slice(), rows: first, columns: first, row_stride: 1, column_stride: n };
            multiply(row, known, &mut left);
        }
        let mut diagonal = vec![T::zero(); width * width];
        for (j, column) in diagonal.chunks_exact_mut(width).enumerate() {
            column[j] = T::one();
            for k in j..width {
                let entries = &lower.as_slice()[(first + k) * n + first..][..width];
                column[k] /= entries[k];
                let solved = column[k];
                add_scaled(&mut column[k + 1..], -solved, &entries[k + 1..]);
            }
        }
        for (j, column) in diagonal.chunks_exact(width).enumerate() {
            inverse.as_mut_slice()[(first + j) * n + first..][..width].copy_from_slice(column);
        }
        let to = Target { data: &mut inverse.as_mut_slice()[first..], rows: width, columns: first, column_stride: n };
        product(-T::one(), matrix(&diagonal, width, width), matrix(&left, width, first), Way::Over, to);
    }
    inverse
}

/// `U Uᵀ` on and below the diagonal, for an upper triangle `U` with zeros below; above it nothing is defined.
pub(crate) fn square_upper<T: Real>(upper: &DMatrix<T>) -> DMatrix<T> {
    let n = upper.nrows();
    let mut square = DMatrix::zeros(n, n);
    for first in (0..n).step_by(PANEL) {
        let end = n.min(first + PANEL);
        let data = &upper.as_slice()[first * n..];
        let columns = Factor { data, rows: end, columns: end - first, row_stride: 1, column_stride: n };
        let across = Factor { data, rows: end - first, columns: end, row_stride: n, column_stride: 1 };
        let to = Target { data: square.as_mut_slice(), rows: end, columns: end, column_stride: n };
        product(T::one(), columns, across, Way::AddLower, to);
    }
    square
}

/// Overwrites a matrix of at least as many rows as columns with the upper triangle `R` of `A = Q R`, and what is below
/// it with remains of the reflections.
///
/// A. S. Householder (1958): Unitary triangularization of a nonsymmetric matrix.
pub(crate) fn triangularize<T: Real>(a: &mut DMatrix<T>) {
    let (rows, columns) = a.shape();
    for first in (0..columns).step_by(BLOCK) {
        let end = columns.min(first + BLOCK);
        let (reflected, rest) = a.as_mut_slice().split_at_mut(end * rows);
        let mut reflections = Reflections { height: rows - first, vectors: Vec::new(), scales: Vec::new() };
        for j in first..end {
            let (former, others) = reflected.split_at_mut((j + 1) * rows);
            reflections.push(&mut former[j * rows + first..]);
            let last = reflections.scales.len() - 1;
            for other in others.chunks_exact_mut(rows) {
                reflections.apply_one(last, &mut other[first..]);
            }
        }
        reflections.apply(rest, rows);
    }
}

/// Reflections `H = I − v vᵀ / s`, one after the other.
struct Reflections<T> {
    height: usize,
    /// The `v` side by side, the k-th of which begins with k zeros.
    vectors: Vec<T>,
    scales: Vec<T>,
}

impl<T: Real> Reflections<T> {
    /// Appends the one that leaves of a column only what is above the k-th entry, and that entry, which is written.
    fn push(&mut self, column: &mut [T]) {
        let k = self.scales.len();
        let length = norm(&column[k..]);
        self.vectors.extend(std::iter::repeat_n(T::zero(), k));
        if length.is_zero() {
            // Nothing to reflect: v = 0.
            self.vectors.extend_from_slice(&column[k..]);
            self.scales.push(T::one());
            return;
        }
        // The sign that does not cancel.
        let diagonal = if column[k] > T::zero() { -length } else { length };
        column[k] -= diagonal;
        self.vectors.extend_from_slice(&column[k..]);
        // vᵀv / 2 = −diagonal v₀.
        self.scales.push(-diagonal * column[k]);
        column[k] = diagonal;
    }

    fn apply_one(&self, k: usize, column: &mut [T]) {
        let (vector, column) = (&self.vectors[k * self.height + k..(k + 1) * self.height], &mut column[k..]);
        let along = dot(vector, column) / self.scales[k];
        add_scaled(column, -along, vector);
    }

    /// Applies all to the last `height` rows of a matrix of `rows` rows.
    fn apply(&self, a: &mut [T], rows: usize) {
        let (count, columns, above) = (self.scales.len(), a.len() / rows, rows - self.height);
        if a.is_empty() {
            return;
        }
        // Hₖ … H₁ = I − V Tᵀ Vᵀ with a triangle T.
        // R. Schreiber, C. Van Loan (1989): A storage-efficient WY representation for products of Householder
        // transformations.
        let vectors = matrix(&self.vectors, self.height, count);
        let transposed = transpose(&self.vectors, self.height, count);
        let mut products = vec![T::zero(); count * count];
        multiply(transposed, vectors, &mut products);
        let mut triangle = vec![T::zero(); count * count];
        for k in 0..count {
            let (former, column) = triangle.split_at_mut(k * count);
            for (j, former) in former.chunks_exact(count).enumerate() {
                add_scaled(&mut column[..=j], -products[k * count + j] / self.scales[k], &former[..=j]);
            }
            column[k] = T::one() / self.scales[k];
        }
        let mut along = vec![T::zero(); count * columns];
        let part = Factor { data: &a[above..], rows: self.height, columns, row_stride: 1, column_stride: rows };
        multiply(transposed, part, &mut along);
        let mut combined = vec![T::zero(); count * columns];
        multiply(transpose(&triangle, count, count), matrix(&along, count, columns), &mut combined);
        let part = Target { data: &mut a[above..], rows: self.height, columns, column_stride: rows };
        product(-T::one(), vectors, matrix(&combined, count, columns), Way::Add, part);
    }
}

/// Two factors whose product is 2^e, since the power alone may leave the range of the type.
pub(crate) fn power_of_two<T: Real>(exponent: i32) -> [T; 2] {
    [exponent / 2, exponent - exponent / 2].map(|exponent| T::nearest(f64::from(exponent).exp2()))
}

/// `x 2^e`.
pub(crate) fn times_power_of_two<T: Real>(x: T, exponent: i32) -> T {
    let [first, second] = power_of_two::<T>(exponent);
    if x.is_zero() { x } else { x * first * second }
}

/// `y ← y + α x`.
pub(crate) fn add_scaled<T: Real>(y: &mut [T], alpha: T, x: &[T]) {
    match x.len() {
        0..SHORT => AddScaled { y, alpha, x }.run(),
        SHORT..LONG => vectorized(AddScaled { y, alpha, x }),
        LONG.. => for_each_part(y, |start, y| vectorized(AddScaled { x: &x[start..start + y.len()], alpha, y })),
    }
}

struct AddScaled<'a, T> {
    y: &'a mut [T],
    alpha: T,
    x: &'a [T],
}

impl<T: Real> Loop for AddScaled<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y += self.alpha * x;
        }
    }
}

/// `sum ← sum + X 1`: adds the columns of `x`.
pub(crate) fn add_columns<T: Real>(sum: &mut [T], x: Batch<'_, T>) {
    for column in x.iter() {
        add_scaled(sum, T::one(), column);
    }
}

/// `xᵀ y`.
pub(crate) fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    if x.len() < SHORT {
        return x.iter().zip(y).fold(T::zero(), |sum, (&x, &y)| sum + x * y);
    }
    if x.len() < LONG {
        return vectorized(Dot { x, y });
    }
    // The parts are the same on any number of threads.
    let mut sums = [(0, T::zero()); MOST_PARTS];
    let size = x.len().div_ceil(MOST_PARTS);
    sums.iter_mut().enumerate().for_each(|(part, sum)| sum.0 = (part * size).min(x.len()));
    for_each(&mut sums, |(start, sum)| {
        let part = *start..x.len().min(*start + size);
        *sum = vectorized(Dot { x: &x[part.clone()], y: &y[part] });
    });
    sums.into_iter().fold(T::zero(), |total, (_, sum)| total + sum)
}

/// Overwrites with zeros.
pub(crate) fn clear<T: Real>(x: &mut [T]) {
    for_each_part(x, |_, x| x.fill(T::zero()));
}

/// Hands out a part of a long vector to each thread, with the place where it begins.
pub(crate) fn for_each_part<T: Send>(x: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
    if x.len() < LONG {
        return work(0, x);
    }
    let threads = threads().min(MOST_PARTS);
    let size = x.len().div_ceil(threads).max(1);
    share(x.chunks_mut(size).enumerate(), |(place, x)| work(place * size, x));
}

struct Dot<'a, T> {
    x: &'a [T],
    y: &'a [T],
}

impl<T: Real> Loop for Dot<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run(self) -> T {
        let (x_blocks, y_blocks) = (self.x.chunks_exact(LANES), self.y.chunks_exact(LANES));
        let (x_rest, y_rest) = (x_blocks.remainder(), y_blocks.remainder());
        let mut lanes = [T::zero(); LANES];
        for (x, y) in x_blocks.zip(y_blocks) {
            for (lane, (&x, &y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
                *lane += x * y;
            }
        }
        for (lane, (&x, &y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
            *lane += x * y;
        }
        pairwise(lanes)
    }
}

fn pairwise<T: Real>(mut lanes: [T; LANES]) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
        width /= 2;
    }
    lanes[0]
}

/// `‖x‖₂`, without overflow or underflow of the squares; not finite only if an entry, or the norm itself, is not.
pub(crate) fn norm<T: Real>(x: &[T]) -> T {
    let squares = dot(x, x);
    // Below this the squares of the smaller entries may have lost digits or vanished.
    let reliable = T::min_positive() / T::epsilon();
    if squares.is_finite() && squares > reliable {
        return squares.sqrt();
    }
    let largest = largest_magnitude(x);
    if largest.is_zero() || !largest.is_finite() {
        return largest;
    }
    // Two steps, since 1/largest may overflow: the power of two alone is exact.
    let sum = x.iter().fold(T::zero(), |sum, &x| sum + (x / largest) * (x / largest));
    largest * sum.sqrt()
}

/// `max |xᵢ|`; NaN if an entry is NaN.
pub(crate) fn largest_magnitude<T: Real>(x: &[T]) -> T {
    x.iter().fold(T::zero(), |largest, x| {
        let x = x.abs();
        // Written so that a NaN, once met, stays.
        if x <= largest { largest } else { x }
    })
}

/// The largest entry, −∞ if there is none. A NaN may be passed over: the caller's arithmetic meets it again.
pub(crate) fn largest<T: Real>(x: &[T]) -> T {
    let mut entries = x.iter().copied();
    let Some(first) = entries.next() else { return -T::one() / T::zero() };
    entries.fold(first, |largest, x| if x > largest { x } else { largest })
}

/// The place of the largest entry, the first of several; 0 if there is none. A NaN may be passed over: the caller's
/// arithmetic meets it again.
pub(crate) fn place_of_largest<T: Real>(x: &[T]) -> usize {
    (1..x.len()).fold(0, |largest, j| if x[j] > x[largest] { j } else { largest })
}

/// A sum with the rounding errors of its additions carried along: exact to about one rounding for any number of
/// terms of one sign.
///
/// A. Neumaier (1974): Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompensatedSum<T> {
    sum: T,
    compensation: T,
}

impl<T: Real> CompensatedSum<T> {
    pub(crate) fn new() -> Self {
        Self { sum: T::zero(), compensation: T::zero() }
    }

    pub(crate) fn add(&mut self, term: T) {
        let sum = self.sum + term;
        let (large, small) = if self.sum.abs() >= term.abs() { (self.sum, term) } else { (term, self.sum) };
        self.compensation += (large - sum) + small;
        self.sum = sum;
    }

    pub(crate) fn total(&self) -> T {
        // Beyond the range of the type the compensation is ∞ − ∞.
        if self.sum.is_finite() { self.sum + self.compensation } else { self.sum }
    }
}

#[cfg(test)]
mod tests;
