//! Matrix products on the vector registers of x86-64 processors.
//!
//! # How
//! A panel of rows of C, a few columns wide, stays in registers while the columns of A go by: a column of the panel is
//! loaded from A, the numbers of B are spread over vectors one by one. A is read where it lies as long as its columns
//! are short; else a panel of it is copied to the stack, and transposed on the way if need be. Where `AᵀB` is small and
//! its columns are long, as for a Gram matrix, the vectors run along the columns of both.
//!
//! Which way is taken, and the order of the additions within an entry, depend on the sizes of A and the processor
//! alone: a product of some columns of B has the bits of the same columns of the whole product. Where most of B is zero
//! (images, one-hot values) and A is finite the zeros are passed over, which changes no sum.
//!
//! # Safety
//! *Instructions*: a function with `target_feature` is called in [`multiply`] and [`vectorized`] alone, where the
//! processor has been asked for them; what it calls is inlined into it. *Memory*: [`multiply`] checks that each operand lies within its slice.
//! Every address below is that of an entry of an operand, or of a copy on the stack that has been written; the lanes
//! beyond the last row or column are masked, and neither read nor written.

use std::arch::x86_64::*;
use std::array::from_fn;
use std::mem::MaybeUninit;

use super::lanes::{Lanes, WIDEST};
use crate::elementary::Loop;
use crate::linalg::{Factor, Target, Way};

/// What a kernel is given: `C ← α A B`, or `C ← C + α A B`, all of it or what is not above the diagonal.
pub(crate) struct Operands<S> {
    rows: usize,
    columns: usize,
    depth: usize,
    alpha: S,
    add: bool,
    lower: bool,
    /// The entry (i, p) is `a[i a_row + p a_column]`, and one of the strides is 1.
    a: *const S,
    a_row: usize,
    a_column: usize,
    b: *const S,
    b_row: usize,
    b_column: usize,
    /// The entry (i, j) is `c[i + j c_column]`.
    c: *mut S,
    c_column: usize,
}

impl<S> Operands<S> {
    /// The columns that are asked for of the rows before one.
    fn columns_before(&self, row: usize) -> usize {
        if self.lower { row.min(self.columns) } else { self.columns }
    }
}

/// Numbers of a panel of A on the stack.
const PANEL: usize = 16_384;

/// Columns of it that are transposed at once.
const TRANSPOSED: usize = 64;

/// Columns of it at most: those of a panel of three vectors of four numbers.
const DEEPEST: usize = PANEL / 12;

/// The vectors of B that are looked at to know whether it pays to look for its zeros.
const SAMPLES: usize = 64;

/// Up to this many rows a product of columns that are longer is made of dot products.
const FEW: usize = 128;

/// The product by vectors `F`, `H` of half as many lanes for what is left of the rows, in tiles of `MOST` vectors × `N`
/// columns; `D` × `D` dot products at once.
#[inline(always)]
unsafe fn product<F, H, const MOST: usize, const N: usize, const D: usize>(o: &Operands<F::Scalar>)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    let few = o.a_row != 1 && o.b_row == 1 && o.rows <= FEW;
    unsafe {
        if few && o.depth >= o.rows.max(4 * F::COUNT) { dot_products::<F, D>(o) } else { panels::<F, H, MOST, N>(o) }
    }
}

#[inline(always)]
unsafe fn panels<F, H, const MOST: usize, const N: usize>(o: &Operands<F::Scalar>)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    let deepest = PANEL / (MOST * F::COUNT);
    // Where the columns are contiguous, those of one panel lie close to one another.
    let copy = o.a_row != 1 || o.rows > MOST * F::COUNT && o.columns >= 2 * N;
    // As even as whole vectors allow.
    let vectors = o.rows.div_ceil(F::COUNT);
    let height = vectors.div_ceil(vectors.div_ceil(MOST)) * F::COUNT;
    let sparse = unsafe { is_sparse::<F>(o) };
    let mut panel = [const { MaybeUninit::<F::Scalar>::uninit() }; PANEL];
    let mut from = 0;
    loop {
        let depth = deepest.min(o.depth - from);
        let mut top = 0;
        while top < o.rows {
            let rows = height.min(o.rows - top);
            let mut a = unsafe { o.a.add(top * o.a_row + from * o.a_column) };
            let mut a_column = o.a_column;
            if copy {
                unsafe { copy_panel(&mut panel, rows, depth, a, o.a_row, o.a_column) };
                (a, a_column) = (panel.as_ptr().cast(), rows);
            }
            let part = Part {
                a,
                a_column,
                b: unsafe { o.b.add(from * o.b_row) },
                c: unsafe { o.c.add(top) },
                columns: o.columns_before(top + rows),
                depth,
                add: o.add || from > 0,
                // At least one number, so that all four vectors of a panel of full height are three and this.
                left: (rows - 1) % F::COUNT + 1,
            };
            let whole = (rows - 1) / F::COUNT;
            unsafe {
                match (whole, part.left <= H::COUNT) {
                    (0, true) => columns::<F, H, 0, N>(o, &part, sparse),
                    (1, true) => columns::<F, H, 1, N>(o, &part, sparse),
                    (2, true) => columns::<F, H, 2, N>(o, &part, sparse),
                    (_, true) => columns::<F, H, 3, N>(o, &part, sparse),
                    (0, false) => columns::<F, F, 0, N>(o, &part, sparse),
                    (1, false) => columns::<F, F, 1, N>(o, &part, sparse),
                    (2, false) => columns::<F, F, 2, N>(o, &part, sparse),
                    (_, false) => columns::<F, F, 3, N>(o, &part, sparse),
                }
            }
            top += rows;
        }
        from += depth;
        if from == o.depth {
            break;
        }
    }
}

/// A panel of rows, and some of the columns of A.
struct Part<S> {
    a: *const S,
    a_column: usize,
    b: *const S,
    c: *mut S,
    columns: usize,
    depth: usize,
    add: bool,
    left: usize,
}

/// Copies `rows` × `depth` entries, so that the columns lie one behind the other.
#[inline(always)]
unsafe fn copy_panel<S: Copy>(
    panel: &mut [MaybeUninit<S>; PANEL],
    rows: usize,
    depth: usize,
    a: *const S,
    a_row: usize,
    a_column: usize,
) {
    if a_row == 1 {
        for (p, to) in panel[..rows * depth].chunks_exact_mut(rows).enumerate() {
            for (i, to) in to.iter_mut().enumerate() {
                to.write(unsafe { *a.add(i + p * a_column) });
            }
        }
    } else {
        // A few columns at a time: they stay in the cache while the rows are written into them.
        for first in (0..depth).step_by(TRANSPOSED) {
            for i in 0..rows {
                for p in first..depth.min(first + TRANSPOSED) {
                    panel[i + p * rows].write(unsafe { *a.add(i * a_row + p * a_column) });
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn columns<F, H, const V: usize, const N: usize>(o: &Operands<F::Scalar>, part: &Part<F::Scalar>, sparse: bool)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    if sparse {
        return unsafe { sparse_columns::<F, H, V>(o, part) };
    }
    let mut column = 0;
    while column + N <= part.columns {
        unsafe { tile::<F, H, V, N>(o, part, column) };
        column += N;
    }
    while column + 2 <= part.columns {
        unsafe { tile::<F, H, V, 2>(o, part, column) };
        column += 2;
    }
    if column < part.columns {
        unsafe { tile::<F, H, V, 1>(o, part, column) };
    }
}

/// `V` vectors `F` and a part of one `H`, × `N` columns.
#[inline(always)]
unsafe fn tile<F, H, const V: usize, const N: usize>(o: &Operands<F::Scalar>, part: &Part<F::Scalar>, column: usize)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    let mut sums = unsafe { Sums::<F, H, V, N>::new() };
    let mut a = part.a;
    let b: [*const F::Scalar; N] = from_fn(|n| unsafe { part.b.add((column + n) * o.b_column) });
    if part.add {
        // What the sums will be added to is far away where C is large.
        for n in 0..N {
            for v in 0..=V {
                let c = unsafe { part.c.add((column + n) * o.c_column) }.wrapping_add(v * F::COUNT);
                unsafe { _mm_prefetch::<_MM_HINT_T0>(c.cast()) };
            }
        }
    }
    let mut place = 0;
    for _ in 0..part.depth {
        unsafe { sums.add(part, a, b.map(|b| *b.add(place))) };
        a = a.wrapping_add(part.a_column);
        place += o.b_row;
    }
    unsafe { sums.write(o, part, column) };
}

/// The sums of a tile.
struct Sums<F, H, const V: usize, const N: usize> {
    whole: [[F; V]; N],
    left: [H; N],
}

impl<F, H, const V: usize, const N: usize> Sums<F, H, V, N>
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    #[inline(always)]
    unsafe fn new() -> Self {
        unsafe { Self { whole: [[F::zero(); V]; N], left: [H::zero(); N] } }
    }

    /// Adds the products of a column of the panel with a row of B.
    #[inline(always)]
    unsafe fn add(&mut self, part: &Part<F::Scalar>, a: *const F::Scalar, factors: [F::Scalar; N]) {
        unsafe {
            let whole: [F; V] = from_fn(|v| F::load(a.add(v * F::COUNT)));
            let left = H::load_first(a.add(V * F::COUNT), part.left);
            for ((sums, left_sum), factor) in self.whole.iter_mut().zip(&mut self.left).zip(factors) {
                for (sum, whole) in sums.iter_mut().zip(whole) {
                    *sum = whole.mul_add(F::splat(factor), *sum);
                }
                *left_sum = left.mul_add(H::splat(factor), *left_sum);
            }
        }
    }

    /// Writes the sums, times α.
    #[inline(always)]
    unsafe fn write(self, o: &Operands<F::Scalar>, part: &Part<F::Scalar>, column: usize) {
        unsafe {
            for n in 0..N {
                let c = part.c.add((column + n) * o.c_column);
                for (v, sum) in self.whole[n].into_iter().enumerate() {
                    let c = c.add(v * F::COUNT);
                    let before = if part.add { F::load(c) } else { F::zero() };
                    sum.mul_add(F::splat(o.alpha), before).store(c);
                }
                let c = c.add(V * F::COUNT);
                let before = if part.add { H::load_first(c, part.left) } else { H::zero() };
                self.left[n].mul_add(H::splat(o.alpha), before).store_first(c, part.left);
            }
        }
    }
}

/// Whether it pays to look for the zeros of B, and none of them would have met an infinite or NaN entry of A: then to
/// pass over them changes no sum.
#[inline(always)]
unsafe fn is_sparse<F: Lanes>(o: &Operands<F::Scalar>) -> bool {
    // The lines of B that are contiguous.
    let (lines, length, stride) =
        if o.b_row == 1 { (o.columns, o.depth, o.b_column) } else { (o.depth, o.columns, o.b_row) };
    if o.rows < F::COUNT || lines * length < 64 * SAMPLES || length < F::COUNT {
        return false;
    }
    unsafe {
        let present = (0..SAMPLES).map(|sample| {
            // Here and there.
            let place = sample * length.div_ceil(SAMPLES) * 7 % (length - F::COUNT + 1);
            F::load(o.b.add(sample * lines / SAMPLES * stride + place)).marks().count_ones() as usize
        });
        present.sum::<usize>() * 5 <= 2 * SAMPLES * F::COUNT && is_finite::<F>(o)
    }
}

/// Whether all entries of A are finite.
#[inline(always)]
unsafe fn is_finite<F: Lanes>(o: &Operands<F::Scalar>) -> bool {
    let (lines, length, stride) = if o.a_row == 1 { (o.depth, o.rows, o.a_column) } else { (o.rows, o.depth, o.a_row) };
    let (lines, length) = if stride == length { (1, lines * length) } else { (lines, length) };
    unsafe {
        let mut sums = [F::zero(); 4];
        for line in 0..lines {
            let a = o.a.add(line * stride);
            let mut first = 0;
            while first + 4 * F::COUNT <= length {
                // 0 times a number is 0, or NaN.
                sums = from_fn(|v| F::load(a.add(first + v * F::COUNT)).mul_add(F::zero(), sums[v]));
                first += 4 * F::COUNT;
            }
            while first < length {
                let numbers = F::load_first(a.add(first), F::COUNT.min(length - first));
                sums[0] = numbers.mul_add(F::zero(), sums[0]);
                first += F::COUNT;
            }
        }
        sums.into_iter().all(|sum| sum.marks() == 0)
    }
}

/// As [`columns`], passing over the zeros of B.
#[inline(always)]
unsafe fn sparse_columns<F, H, const V: usize>(o: &Operands<F::Scalar>, part: &Part<F::Scalar>)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    // Bit p of the words w of column c, of which the second has the high bits: row 64 w + p of B is not zero there.
    let mut marks = [[[0_u32; WIDEST]; 2]; DEEPEST.div_ceil(64)];
    let words = part.depth.div_ceil(32);
    let mut column = 0;
    while column < part.columns {
        let width = F::COUNT.min(part.columns - column);
        let b = unsafe { part.b.add(column * o.b_column) };
        for (word, marks) in marks.as_flattened_mut()[..words].iter_mut().enumerate() {
            let first = 32 * word;
            let count = 32.min(part.depth - first);
            let b = unsafe { b.add(first * o.b_row) };
            *marks = if o.b_row == 1 {
                unsafe { marks_along::<F>(b, o.b_column, count, width) }
            } else {
                unsafe { marks_across::<F>(b, o.b_row, count, width) }
            };
        }
        // Several at once, since neighbours are often zero together, and share what is loaded of A: rows of a batch, such as
        // pixels side by side, more often than samples.
        let most = if o.b_row == 1 { 2 } else { 4 };
        let mut c = 0;
        while c < width {
            let many = if width - c < most { 2.min(width - c) } else { most };
            let marks =
                |word: usize| marks[word].map(|words| words[c..c + many].iter().fold(0, |all, mark| all | mark));
            unsafe {
                match many {
                    4 => sparse_tile::<F, H, V, 4>(o, part, column + c, marks),
                    2 => sparse_tile::<F, H, V, 2>(o, part, column + c, marks),
                    _ => sparse_tile::<F, H, V, 1>(o, part, column + c, marks),
                }
            }
            c += many;
        }
        column += width;
    }
}

/// Of `count` contiguous numbers of each column.
#[inline(always)]
unsafe fn marks_along<F: Lanes>(b: *const F::Scalar, b_column: usize, count: usize, width: usize) -> [u32; WIDEST] {
    let mut marks = [0; WIDEST];
    for (c, marks) in marks[..width].iter_mut().enumerate() {
        let b = unsafe { b.add(c * b_column) };
        let whole = count - count % F::COUNT;
        for first in (0..whole).step_by(F::COUNT) {
            *marks |= unsafe { F::load(b.add(first)).marks() } << first;
        }
        if whole < count {
            *marks |= unsafe { F::load_first(b.add(whole), count - whole).marks() } << whole;
        }
    }
    marks
}

/// Of `count` rows in which the columns stand side by side.
#[inline(always)]
unsafe fn marks_across<F: Lanes>(b: *const F::Scalar, b_row: usize, count: usize, width: usize) -> [u32; WIDEST] {
    let mut marks = [0; WIDEST];
    for p in 0..count {
        let present = unsafe { F::load_first(b.add(p * b_row), width).marks() };
        unsafe { F::collect(&mut marks, present, p) };
    }
    marks
}

/// As [`tile`], from the rows of B that are marked.
#[inline(always)]
unsafe fn sparse_tile<F, H, const V: usize, const N: usize>(
    o: &Operands<F::Scalar>,
    part: &Part<F::Scalar>,
    column: usize,
    marks: impl Fn(usize) -> [u32; 2],
) where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    let mut sums = unsafe { Sums::<F, H, V, N>::new() };
    let b: [*const F::Scalar; N] = from_fn(|n| unsafe { part.b.add((column + n) * o.b_column) });
    for word in 0..part.depth.div_ceil(64) {
        let [low, high] = marks(word);
        let mut marks = u64::from(low) | u64::from(high) << 32;
        while marks != 0 {
            let place = 64 * word + marks.trailing_zeros() as usize;
            marks &= marks - 1;
            unsafe { sums.add(part, part.a.add(place * part.a_column), b.map(|b| *b.add(place * o.b_row))) };
        }
    }
    unsafe { sums.write(o, part, column) };
}

/// Of long columns, few results.
#[inline(always)]
unsafe fn dot_products<F: Lanes, const D: usize>(o: &Operands<F::Scalar>) {
    let mut row = 0;
    while row < o.rows {
        let mut column = 0;
        while column < o.columns_before(row + D) {
            unsafe { dot_tile::<F, D>(o, row, column) };
            column += D;
        }
        row += D;
    }
}

/// `D` × `D` dot products. At the edge some are made twice, and stored once.
#[inline(always)]
unsafe fn dot_tile<F: Lanes, const D: usize>(o: &Operands<F::Scalar>, row: usize, column: usize) {
    unsafe {
        let a: [*const F::Scalar; D] = from_fn(|d| o.a.add((row + d).min(o.rows - 1) * o.a_row));
        let b: [*const F::Scalar; D] = from_fn(|d| o.b.add((column + d).min(o.columns - 1) * o.b_column));
        let mut sums = [[F::zero(); D]; D];
        let mut place = 0;
        while place + F::COUNT <= o.depth {
            let (a, b): ([F; D], [F; D]) =
                (from_fn(|d| F::load(a[d].add(place))), from_fn(|d| F::load(b[d].add(place))));
            for (sums, a) in sums.iter_mut().zip(a) {
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = a.mul_add(b, *sum);
                }
            }
            place += F::COUNT;
        }
        let left = o.depth - place;
        if left > 0 {
            let a: [F; D] = from_fn(|d| F::load_first(a[d].add(place), left));
            let b: [F; D] = from_fn(|d| F::load_first(b[d].add(place), left));
            for (sums, a) in sums.iter_mut().zip(a) {
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = a.mul_add(b, *sum);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate().take(o.rows - row) {
            for (j, sum) in sums.into_iter().enumerate().take(o.columns - column) {
                let c = o.c.add(row + i + (column + j) * o.c_column);
                let product = o.alpha * sum.sum();
                *c = if o.add { *c + product } else { product };
            }
        }
    }
}

/// A number type that has kernels.
pub(crate) trait Kernel: Copy {
    /// By AVX-512.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW, DQ and VL, and the operands are good.
    unsafe fn by_avx512(operands: &Operands<Self>);

    /// By AVX2 and fused multiply-adds.
    ///
    /// # Safety
    /// The processor has AVX2 and FMA, and the operands are good.
    unsafe fn by_avx2(operands: &Operands<Self>);
}

/// Apart from `double`, so that both are compiled at the same time: most of what the crate takes to compile is here.
mod single {
    use super::*;

    impl Kernel for f32 {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        unsafe fn by_avx512(operands: &Operands<Self>) {
            unsafe { product::<__m512, __m256, 4, 6, 4>(operands) }
        }

        #[target_feature(enable = "avx2,fma")]
        unsafe fn by_avx2(operands: &Operands<Self>) {
            unsafe { product::<__m256, __m256, 3, 4, 3>(operands) }
        }
    }
}

mod double {
    use super::*;

    impl Kernel for f64 {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        unsafe fn by_avx512(operands: &Operands<Self>) {
            unsafe { product::<__m512d, __m256d, 4, 6, 4>(operands) }
        }

        #[target_feature(enable = "avx2,fma")]
        unsafe fn by_avx2(operands: &Operands<Self>) {
            unsafe { product::<__m256d, __m256d, 3, 4, 3>(operands) }
        }
    }
}

/// `C ← α A B`, or what else the way says, if the processor has what it takes; else nothing, and `false`.
pub(crate) fn multiply<T: Kernel>(
    alpha: T,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    way: Way,
    c: &mut Target<'_, T>,
) -> bool {
    if !has_avx2() {
        return false;
    }
    let operands = operands(alpha, a, b, way, c);
    if operands.rows > 0 && operands.columns > 0 {
        // Sound, since the processor has been asked, and `operands` has checked the places.
        unsafe { if has_avx512() { T::by_avx512(&operands) } else { T::by_avx2(&operands) } }
    }
    true
}

fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

/// Runs a loop as it is compiled for the widest vectors that the processor has.
pub(crate) fn vectorized<L: Loop>(work: L) -> L::Output {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    fn by_avx512<L: Loop>(work: L) -> L::Output {
        work.run_fused()
    }

    #[target_feature(enable = "avx2,fma")]
    fn by_avx2<L: Loop>(work: L) -> L::Output {
        work.run_fused()
    }

    // Sound, since the processor has been asked.
    unsafe {
        if has_avx512() {
            by_avx512(work)
        } else if has_avx2() {
            by_avx2(work)
        } else {
            work.run()
        }
    }
}

/// Checked to lie within their slices.
fn operands<T: Copy>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, way: Way, c: &mut Target<'_, T>) -> Operands<T> {
    assert!(a.columns == b.rows && (c.rows, c.columns) == (a.rows, b.columns));
    assert!(is_inside(a.data, [(a.rows, a.row_stride), (a.columns, a.column_stride)]));
    assert!(is_inside(b.data, [(b.rows, b.row_stride), (b.columns, b.column_stride)]));
    assert!(is_inside(c.data, [(c.rows, 1), (c.columns, c.column_stride)]));
    Operands {
        rows: a.rows,
        columns: b.columns,
        depth: a.columns,
        alpha,
        add: way != Way::Over,
        lower: way == Way::AddLower,
        a: a.data.as_ptr(),
        a_row: a.row_stride,
        a_column: a.column_stride,
        b: b.data.as_ptr(),
        b_row: b.row_stride,
        b_column: b.column_stride,
        c: c.data.as_mut_ptr(),
        c_column: c.column_stride,
    }
}

/// Whether all entries of a matrix, given its numbers of rows and columns with their strides, lie in `data`.
fn is_inside<S>(data: &[S], [rows, columns]: [(usize, usize); 2]) -> bool {
    let last = |(count, stride): (usize, usize)| (count - 1).checked_mul(stride);
    rows.0 == 0
        || columns.0 == 0
        || (last(rows).zip(last(columns))).and_then(|(a, b)| a.checked_add(b)).is_some_and(|last| last < data.len())
}

#[cfg(test)]
mod tests;
