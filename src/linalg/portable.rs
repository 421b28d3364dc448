//! Matrix products in plain Rust, for processors without a kernel of our own and numbers that have none.
//!
//! A strip of rows of A is copied, so that its columns lie one behind the other; the sums of a tile of it and some
//! columns of B stay in registers, of which the compiler makes what vectors the processor has. An entry is the sum of
//! its products in their order, [`DEEPEST`] at a time: its bits depend on nothing but the row, the column and the
//! depth.

use std::array::from_fn;

use super::product::{Factor, Target, Way};
use crate::real::Real;

/// Products that are added up before they are added to what is there.
const DEEPEST: usize = 256;

/// Below this depth a strip is too short to be worth the memory of the deepest.
const SHALLOW: usize = 32;

/// Columns of a tile, for 16 registers of 16 bytes or for 32.
const COLUMNS: usize = if cfg!(target_arch = "aarch64") { 8 } else { 4 };

/// `C ← α A B`, or what else the way says.
pub(crate) fn product<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, way: Way, c: Target<'_, T>) {
    // 32 bytes of a column.
    match (size_of::<T>() == 4, a.columns <= SHALLOW) {
        (true, true) => strips::<T, 8, SHALLOW>(alpha, a, b, way, c),
        (true, false) => strips::<T, 8, DEEPEST>(alpha, a, b, way, c),
        (false, true) => strips::<T, 4, SHALLOW>(alpha, a, b, way, c),
        (false, false) => strips::<T, 4, DEEPEST>(alpha, a, b, way, c),
    }
}

/// In strips of `R` rows and at most `D` columns of A.
fn strips<T: Real, const R: usize, const D: usize>(
    alpha: T,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    way: Way,
    mut c: Target<'_, T>,
) {
    let mut strip = [[T::zero(); R]; D];
    for from in (0..a.columns).step_by(D) {
        let strip = &mut strip[..D.min(a.columns - from)];
        let block = Block { alpha, b, from, depth: strip.len(), add: way != Way::Over || from > 0 };
        for top in (0..c.rows).step_by(R) {
            let rows = R.min(c.rows - top);
            let columns = if way == Way::AddLower { c.columns.min(top + rows) } else { c.columns };
            if a.row_stride == 1 && rows == R && columns < COLUMNS {
                // Read where it lies.
                let data = &a.data[from * a.column_stride + top..];
                let column = |p: usize| data[p * a.column_stride..].first_chunk().copied();
                let column = |p: usize| column(p).unwrap_or([T::zero(); R]);
                (0..columns).for_each(|first| block.tile::<R, 1>(column, top, first, &mut c));
                continue;
            }
            copy(a, top, rows, from, strip);
            let column = |p: usize| strip[p];
            let whole = columns - columns % COLUMNS;
            (0..whole).step_by(COLUMNS).for_each(|first| block.tile::<R, COLUMNS>(column, top, first, &mut c));
            (whole..columns).for_each(|first| block.tile::<R, 1>(column, top, first, &mut c));
        }
    }
}

/// Copies `rows` rows from `top` on of the columns from `from` on; what the strip has beyond them is not looked at.
fn copy<T: Real, const R: usize>(a: Factor<'_, T>, top: usize, rows: usize, from: usize, strip: &mut [[T; R]]) {
    if a.row_stride == 1 {
        for (p, to) in strip.iter_mut().enumerate() {
            to[..rows].copy_from_slice(&a.data[(from + p) * a.column_stride + top..][..rows]);
        }
        return;
    }
    for i in 0..rows {
        let row = a.data[(top + i) * a.row_stride + from * a.column_stride..].iter().step_by(a.column_stride);
        strip.iter_mut().zip(row).for_each(|(to, &from)| to[i] = from);
    }
}

/// Some rows of B, and what is done with them.
struct Block<'a, T> {
    alpha: T,
    b: Factor<'a, T>,
    from: usize,
    depth: usize,
    add: bool,
}

impl<T: Real> Block<'_, T> {
    /// `R` rows from `top` on, as many of them as there are, × `N` columns from `first` on.
    #[inline(always)]
    fn tile<const R: usize, const N: usize>(
        &self,
        column: impl Fn(usize) -> [T; R],
        top: usize,
        first: usize,
        c: &mut Target<'_, T>,
    ) {
        let Factor { data, row_stride, column_stride, .. } = self.b;
        let b = &data[self.from * row_stride + first * column_stride..];
        let sums: [[T; R]; N] = if row_stride == 1 {
            let lines: [&[T]; N] = from_fn(|n| &b[n * column_stride..][..self.depth]);
            self.sums(column, |p| from_fn(|n| lines[n][p]))
        } else {
            self.sums(column, |p| from_fn(|n| b[p * row_stride + n * column_stride]))
        };
        let rows = R.min(c.rows - top);
        for (n, sums) in sums.into_iter().enumerate() {
            let c = &mut c.data[(first + n) * c.column_stride + top..][..rows];
            for (c, sum) in c.iter_mut().zip(sums) {
                let before = if self.add { *c } else { T::zero() };
                *c = before.add_product(self.alpha, sum);
            }
        }
    }

    #[inline(always)]
    fn sums<const R: usize, const N: usize>(
        &self,
        column: impl Fn(usize) -> [T; R],
        factors: impl Fn(usize) -> [T; N],
    ) -> [[T; R]; N] {
        let mut sums = [[T::zero(); R]; N];
        for p in 0..self.depth {
            let (column, factors) = (column(p), factors(p));
            for (sums, factor) in sums.iter_mut().zip(factors) {
                for (sum, a) in sums.iter_mut().zip(column) {
                    *sum = sum.add_product(a, factor);
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests;
