//! Of long columns, few results: the vectors run along the columns.

use std::array::from_fn;

use super::Operands;
use crate::linalg::kernel::lanes::Lanes;

/// Of long columns, few results.
#[inline(always)]
pub(super) unsafe fn dot_products<F: Lanes, const D: usize>(o: &Operands<F::Scalar>) {
    let mut row = 0;
    while row < o.factors.rows {
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
        let a: [*const F::Scalar; D] =
            from_fn(|d| o.factors.a.add((row + d).min(o.factors.rows - 1) * o.factors.a_row));
        let b: [*const F::Scalar; D] =
            from_fn(|d| o.factors.b.add((column + d).min(o.factors.columns - 1) * o.factors.b_column));
        let mut sums = [[F::zero(); D]; D];
        let mut place = 0;
        while place + F::COUNT <= o.factors.depth {
            let (a, b): ([F; D], [F; D]) =
                (from_fn(|d| F::load(a[d].add(place))), from_fn(|d| F::load(b[d].add(place))));
            for (sums, a) in sums.iter_mut().zip(a) {
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = a.mul_add(b, *sum);
                }
            }
            place += F::COUNT;
        }
        let left = o.factors.depth - place;
        if left > 0 {
            let a: [F; D] = from_fn(|d| F::load_first(a[d].add(place), left));
            let b: [F; D] = from_fn(|d| F::load_first(b[d].add(place), left));
            for (sums, a) in sums.iter_mut().zip(a) {
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = a.mul_add(b, *sum);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate().take(o.factors.rows - row) {
            for (j, sum) in sums.into_iter().enumerate().take(o.factors.columns - column) {
                let c = o.c.add(row + i + (column + j) * o.c_column);
                let product = o.alpha * sum.sum();
                *c = if o.add { *c + product } else { product };
            }
        }
    }
}
