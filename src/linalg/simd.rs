//! Matrix products on the vector registers of x86-64 processors: the one module of the crate with unsafe code.
//!
//! # How
//! A panel of rows of C, a few columns wide, stays in registers while the columns of A go by: a column of the panel is
//! loaded from A, the numbers of B are spread over vectors one by one. A is read where it lies as long as its columns
//! are short; else a panel of it is copied to the stack, and transposed on the way if need be. Where `AᵀB` is small and
//! its columns are long, as for a Gram matrix, the vectors run along the columns of both.
//!
//! Which way is taken, and the order of the additions within an entry, depend on the sizes of A and the processor
//! alone: a product of some columns of B has the bits of the same columns of the whole product.
//!
//! # Safety
//! *Instructions*: a function with `target_feature` is called in [`multiply`] and [`vectorized`] alone, where the
//! processor has been asked for them; what it calls is inlined into it. *Memory*: [`multiply`] checks that each operand lies within its slice.
//! Every address below is that of an entry of an operand, or of a copy on the stack that has been written; the lanes
//! beyond the last row or column are masked, and neither read nor written.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::array::from_fn;
use std::mem::MaybeUninit;

use super::{Factor, Target};
use crate::elementary::Loop;

/// A vector of numbers.
///
/// # Safety
/// For every method: the processor has the instructions, and as many numbers may be read or written at a pointer as
/// are loaded or stored.
unsafe trait Lanes: Copy {
    type Scalar: Copy + PartialEq + std::ops::Add<Output = Self::Scalar> + std::ops::Mul<Output = Self::Scalar>;
    const COUNT: usize;
    unsafe fn splat(value: Self::Scalar) -> Self;
    unsafe fn zero() -> Self;
    /// `self · factor + term`, rounded once.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The sum of the numbers.
    unsafe fn sum(self) -> Self::Scalar;
    unsafe fn load(from: *const Self::Scalar) -> Self;
    unsafe fn store(self, to: *mut Self::Scalar);
    /// The first `count` numbers at a place, and zeros.
    unsafe fn load_first(from: *const Self::Scalar, count: usize) -> Self;
    /// Stores the first `count` numbers.
    unsafe fn store_first(self, to: *mut Self::Scalar, count: usize);
}

unsafe impl Lanes for __m512 {
    type Scalar = f32;
    const COUNT: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { _mm512_fmadd_ps(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        unsafe { _mm512_maskz_loadu_ps((1_u32 << count).wrapping_sub(1) as __mmask16, from) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        unsafe { _mm512_mask_storeu_ps(to, (1_u32 << count).wrapping_sub(1) as __mmask16, self) }
    }
}

unsafe impl Lanes for __m256 {
    type Scalar = f32;
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { _mm256_fmadd_ps(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut lanes = [0.0; 8];
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.into_iter().sum()
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        unsafe {
            let places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), places);
            _mm256_maskload_ps(from, mask)
        }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        let mut lanes = [0.0; 8];
        unsafe {
            self.store(lanes.as_mut_ptr());
            to.copy_from_nonoverlapping(lanes.as_ptr(), count);
        }
    }
}

unsafe impl Lanes for __m512d {
    type Scalar = f64;
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        unsafe { _mm512_set1_pd(value) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm512_setzero_pd() }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { _mm512_fmadd_pd(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        unsafe { _mm512_reduce_add_pd(self) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { _mm512_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm512_storeu_pd(to, self) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f64, count: usize) -> Self {
        unsafe { _mm512_maskz_loadu_pd((1_u32 << count).wrapping_sub(1) as __mmask8, from) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f64, count: usize) {
        unsafe { _mm512_mask_storeu_pd(to, (1_u32 << count).wrapping_sub(1) as __mmask8, self) }
    }
}

unsafe impl Lanes for __m256d {
    type Scalar = f64;
    const COUNT: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        unsafe { _mm256_set1_pd(value) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm256_setzero_pd() }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { _mm256_fmadd_pd(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        let mut lanes = [0.0; 4];
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.into_iter().sum()
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { _mm256_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm256_storeu_pd(to, self) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f64, count: usize) -> Self {
        unsafe {
            let places = _mm256_setr_epi64x(0, 1, 2, 3);
            let mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), places);
            _mm256_maskload_pd(from, mask)
        }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f64, count: usize) {
        let mut lanes = [0.0; 4];
        unsafe {
            self.store(lanes.as_mut_ptr());
            to.copy_from_nonoverlapping(lanes.as_ptr(), count);
        }
    }
}

/// What a kernel is given: `C ← α A B`, or `C ← C + α A B`.
pub(crate) struct Operands<S> {
    rows: usize,
    columns: usize,
    depth: usize,
    alpha: S,
    add: bool,
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

/// Numbers of a panel of A on the stack, and the most columns of it.
const PANEL: usize = 16_384;
const DEEPEST: usize = 256;

/// Columns of it that are transposed at once.
const TRANSPOSED: usize = 64;

/// Up to this many rows a product of long columns is made of dot products.
const FEW: usize = 48;

/// The product by vectors `F`, `H` of half as many lanes for what is left of the rows, in tiles of `MOST` vectors × `N`
/// columns; `D` × `D` dot products at once.
#[inline(always)]
unsafe fn product<F, H, const MOST: usize, const N: usize, const D: usize>(o: &Operands<F::Scalar>)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    if o.a_row == 1 {
        // Its columns are contiguous; those of one panel lie close to one another.
        let one = o.rows <= MOST * F::COUNT;
        let deepest = if one { o.depth } else { DEEPEST };
        unsafe { panels::<F, H, MOST, N>(o, deepest, !one && o.columns >= 2 * N) };
    } else if o.b_row == 1 && o.rows <= FEW && o.depth >= 4 * F::COUNT {
        unsafe { dot_products::<F, D>(o) };
    } else {
        unsafe { panels::<F, H, MOST, N>(o, DEEPEST, true) };
    }
}

#[inline(always)]
unsafe fn panels<F, H, const MOST: usize, const N: usize>(o: &Operands<F::Scalar>, deepest: usize, copy: bool)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    // As even as whole vectors allow.
    let vectors = o.rows.div_ceil(F::COUNT);
    let height = vectors.div_ceil(vectors.div_ceil(MOST)) * F::COUNT;
    let mut panel = [const { MaybeUninit::<F::Scalar>::uninit() }; PANEL];
    const { assert!(MOST * F::COUNT * DEEPEST <= PANEL) };
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
                depth,
                add: o.add || from > 0,
                // At least one number, so that all four vectors of a panel of full height are three and this.
                left: (rows - 1) % F::COUNT + 1,
            };
            let whole = (rows - 1) / F::COUNT;
            unsafe {
                if part.left <= H::COUNT {
                    match whole {
                        0 => columns::<F, H, 0, N>(o, &part),
                        1 => columns::<F, H, 1, N>(o, &part),
                        2 => columns::<F, H, 2, N>(o, &part),
                        _ => columns::<F, H, 3, N>(o, &part),
                    }
                } else {
                    match whole {
                        0 => columns::<F, F, 0, N>(o, &part),
                        1 => columns::<F, F, 1, N>(o, &part),
                        2 => columns::<F, F, 2, N>(o, &part),
                        _ => columns::<F, F, 3, N>(o, &part),
                    }
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
unsafe fn columns<F, H, const V: usize, const N: usize>(o: &Operands<F::Scalar>, part: &Part<F::Scalar>)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    let mut column = 0;
    while column + N <= o.columns {
        unsafe { tile::<F, H, V, N>(o, part, column) };
        column += N;
    }
    while column + 2 <= o.columns {
        unsafe { tile::<F, H, V, 2>(o, part, column) };
        column += 2;
    }
    if column < o.columns {
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
    unsafe {
        let mut sums = [[F::zero(); V]; N];
        let mut left_sums = [H::zero(); N];
        let mut a = part.a;
        let b: [*const F::Scalar; N] = from_fn(|n| part.b.add((column + n) * o.b_column));
        let mut place = 0;
        for _ in 0..part.depth {
            let whole: [F; V] = from_fn(|v| F::load(a.add(v * F::COUNT)));
            let left = H::load_first(a.add(V * F::COUNT), part.left);
            for n in 0..N {
                let factor = *b[n].add(place);
                for v in 0..V {
                    sums[n][v] = whole[v].mul_add(F::splat(factor), sums[n][v]);
                }
                left_sums[n] = left.mul_add(H::splat(factor), left_sums[n]);
            }
            a = a.wrapping_add(part.a_column);
            place += o.b_row;
        }
        let (alpha, left_alpha) = (F::splat(o.alpha), H::splat(o.alpha));
        for n in 0..N {
            let c = part.c.add((column + n) * o.c_column);
            for (v, sum) in sums[n].into_iter().enumerate() {
                let c = c.add(v * F::COUNT);
                let before = if part.add { F::load(c) } else { F::zero() };
                sum.mul_add(alpha, before).store(c);
            }
            let c = c.add(V * F::COUNT);
            let before = if part.add { H::load_first(c, part.left) } else { H::zero() };
            left_sums[n].mul_add(left_alpha, before).store_first(c, part.left);
        }
    }
}

/// Of long columns, few results.
#[inline(always)]
unsafe fn dot_products<F: Lanes, const D: usize>(o: &Operands<F::Scalar>) {
    let mut row = 0;
    while row < o.rows {
        let mut column = 0;
        while column < o.columns {
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

/// `C ← α A B`, or `C ← C + α A B`, if the processor has what it takes; else nothing, and `false`.
pub(crate) fn multiply<T: Kernel>(
    alpha: T,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    add: bool,
    c: &mut Target<'_, T>,
) -> bool {
    if !has_avx2() {
        return false;
    }
    let operands = operands(alpha, a, b, add, c);
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
        work.run()
    }

    #[target_feature(enable = "avx2,fma")]
    fn by_avx2<L: Loop>(work: L) -> L::Output {
        work.run()
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
fn operands<T: Copy>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, add: bool, c: &mut Target<'_, T>) -> Operands<T> {
    assert!(a.columns == b.rows && (c.rows, c.columns) == (a.rows, b.columns));
    assert!(is_inside(a.data, [(a.rows, a.row_stride), (a.columns, a.column_stride)]));
    assert!(is_inside(b.data, [(b.rows, b.row_stride), (b.columns, b.column_stride)]));
    assert!(is_inside(c.data, [(c.rows, 1), (c.columns, c.column_stride)]));
    Operands {
        rows: a.rows,
        columns: b.columns,
        depth: a.columns,
        alpha,
        add,
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linalg::{matrix, portable_product, transpose};
    use crate::real::Real;

    fn numbers<T: Real>(count: usize, seed: usize) -> Vec<T> {
        (0..count).map(|i| T::nearest(((i * 31 + seed * 17) % 23) as f64 / 7.0 - 1.5)).collect()
    }

    /// Rows, columns and depth: small ones, and ones about the sizes of tiles and panels.
    fn sizes() -> impl Strategy<Value = [usize; 3]> {
        let size = || prop_oneof![0_usize..20, 40_usize..70, 120_usize..140, 250_usize..270, 500_usize..520];
        [size(), size(), size()]
    }

    type By<T> = unsafe fn(&Operands<T>);

    fn agrees<T: Real + Kernel>(kernels: [By<T>; 2], [rows, columns, depth]: [usize; 3], seed: usize) {
        let (a, b): (Vec<T>, Vec<T>) = (numbers(rows * depth, seed), numbers(depth * columns, seed + 1));
        let stride = rows + seed % 3;
        let before: Vec<T> = numbers(stride * columns, seed + 2);
        for a in [matrix(&a, rows, depth), transpose(&a, depth, rows)] {
            for b in [matrix(&b, depth, columns), transpose(&b, columns, depth)] {
                for add in [false, true] {
                    let (alpha, mut expected) = (T::nearest(-0.5), before.clone());
                    let target = Target { data: &mut expected, rows, columns, column_stride: stride };
                    portable_product(alpha, a, b, add, target);
                    for kernel in kernels {
                        let mut found = before.clone();
                        let mut target = Target { data: &mut found, rows, columns, column_stride: stride };
                        let operands = operands(alpha, a, b, add, &mut target);
                        if rows > 0 && columns > 0 {
                            unsafe { kernel(&operands) };
                        }
                        let bound = T::epsilon() * T::from_count(4 * depth + 4) * T::nearest(3.0);
                        for (i, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
                            assert!((found - expected).abs() <= bound, "{i}: {found} for {expected}");
                        }
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn kernels_agree_with_the_portable_product(sizes in sizes(), seed in 0_usize..99) {
            if has_avx2() {
                let narrow = <f32 as Kernel>::by_avx2 as By<f32>;
                agrees([if has_avx512() { f32::by_avx512 } else { narrow }, narrow], sizes, seed);
                let narrow = <f64 as Kernel>::by_avx2 as By<f64>;
                agrees([if has_avx512() { f64::by_avx512 } else { narrow }, narrow], sizes, seed);
            }
        }
    }

    #[test]
    fn columns_of_a_product_have_the_bits_of_the_whole() {
        for (rows, depth) in [(50, 784), (10, 50), (130, 300), (784, 50)] {
            let columns = 100;
            let (a, b): (Vec<f32>, Vec<f32>) = (numbers(rows * depth, 1), numbers(depth * columns, 2));
            for a in [matrix(&a, rows, depth), transpose(&a, depth, rows)] {
                let of = |from: usize, to: usize| {
                    let mut c = vec![0.0; rows * (to - from)];
                    let b = matrix(&b[from * depth..to * depth], depth, to - from);
                    crate::linalg::multiply(a, b, &mut c);
                    c
                };
                let whole = of(0, columns);
                for (from, to) in [(0, 50), (50, 100), (17, 18), (3, 96)] {
                    assert_eq!(of(from, to), whole[from * rows..to * rows], "{rows}, {depth}: {from}..{to}");
                }
            }
        }
    }
}
