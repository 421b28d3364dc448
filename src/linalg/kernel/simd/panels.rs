//! Panels of rows, in whose columns the sums of a tile run.

use std::arch::x86_64::*;
use std::array::from_fn;
use std::mem::MaybeUninit;

use super::sparse::sparse_columns;
use super::{Factors, Operands};
use crate::linalg::kernel::lanes::Lanes;

/// Numbers of a panel of A on the stack.
const PANEL: usize = 16_384;

/// Columns of it that are transposed at once.
const TRANSPOSED: usize = 64;

/// Columns of it at most: those of a panel of three vectors of four numbers.
pub(super) const DEEPEST: usize = PANEL / 12;

/// Whether a panel of A is copied, in tiles of `MOST` vectors × `N` columns.
pub(super) fn is_copied<F: Lanes, const MOST: usize, const N: usize>(f: &Factors<F::Scalar>) -> bool {
    // Where the columns are contiguous, those of one panel lie close to one another.
    f.a_row != 1 || f.rows > MOST * F::COUNT && f.columns >= 2 * N
}

/// The product in tiles of `MOST` vectors × `N` columns.
#[inline(always)]
pub(super) unsafe fn panels<F, H, const MOST: usize, const N: usize>(o: &Operands<F::Scalar>, copy: bool, sparse: bool)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    let deepest = PANEL / (MOST * F::COUNT);
    // As even as whole vectors allow.
    let vectors = o.factors.rows.div_ceil(F::COUNT);
    let height = vectors.div_ceil(vectors.div_ceil(MOST)) * F::COUNT;
    let mut panel = [const { MaybeUninit::<F::Scalar>::uninit() }; PANEL];
    let mut from = 0;
    loop {
        let depth = deepest.min(o.factors.depth - from);
        let mut top = 0;
        while top < o.factors.rows {
            let rows = height.min(o.factors.rows - top);
            let mut a = unsafe { o.factors.a.add(top * o.factors.a_row + from * o.factors.a_column) };
            let mut a_column = o.factors.a_column;
            if copy {
                unsafe { copy_panel(&mut panel, rows, depth, a, o.factors.a_row, o.factors.a_column) };
                (a, a_column) = (panel.as_ptr().cast(), rows);
            }
            let part = Part {
                a,
                a_column,
                b: unsafe { o.factors.b.add(from * o.factors.b_row) },
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
        if from == o.factors.depth {
            break;
        }
    }
}

/// A panel of rows, and some of the columns of A.
pub(super) struct Part<S> {
    pub(super) a: *const S,
    pub(super) a_column: usize,
    pub(super) b: *const S,
    c: *mut S,
    pub(super) columns: usize,
    pub(super) depth: usize,
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
    let b: [*const F::Scalar; N] = from_fn(|n| unsafe { part.b.add((column + n) * o.factors.b_column) });
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
        place += o.factors.b_row;
    }
    unsafe { sums.write(o, part, column) };
}

/// The sums of a tile.
pub(super) struct Sums<F, H, const V: usize, const N: usize> {
    whole: [[F; V]; N],
    left: [H; N],
}

impl<F, H, const V: usize, const N: usize> Sums<F, H, V, N>
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        unsafe { Self { whole: [[F::zero(); V]; N], left: [H::zero(); N] } }
    }

    /// Adds the products of a column of the panel with a row of B.
    #[inline(always)]
    pub(super) unsafe fn add(&mut self, part: &Part<F::Scalar>, a: *const F::Scalar, factors: [F::Scalar; N]) {
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
    pub(super) unsafe fn write(self, o: &Operands<F::Scalar>, part: &Part<F::Scalar>, column: usize) {
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
