//! Matrix products on the vector registers of x86-64 processors.
//!
//! # How
//! A panel of rows of C, a few columns wide, stays in registers while the columns of A go by: a column of the panel is
//! loaded from A, the numbers of B are spread over vectors one by one. A is read where it lies as long as its columns
//! are short; else a panel of it is copied to the stack, and transposed on the way if need be. Where `AᵀB` is small and
//! its columns are long, as for a Gram matrix, the vectors run along the columns of both.
//!
//! Which way is taken is planned from the sizes of the whole product, before threads cut it. The order of the additions
//! within an entry depends on the sizes of A and the processor alone: a product of some columns of B has the bits of
//! the same columns of the whole product. Where most of B is zero (images, one-hot values) and A is finite the zeros
//! are passed over, which changes no sum.
//!
//! # Safety
//! *Instructions*: a function with `target_feature` is called in [`plan`], [`multiply`] and [`vectorized`] alone, where the
//! processor has been asked for them: by [`vectors`], whose answer a [`Plan`] holds. What it calls is inlined into it.
//!
//! *Memory*: [`factors`] and [`multiply`] check that each operand lies within its slice, that of the strides of either
//! factor one is 1, that the columns of C do not overlap, and that there is a row, a column and something to add up.
//! Every address below is that of an entry of an operand, or of a copy on the stack that has been written; the lanes
//! beyond the last row or column are masked, and neither read nor written. Dot products run along the depth of both
//! factors, and panels that are not copied along the columns of A: [`multiply`] checks that these are contiguous,
//! whatever product the plan was made for.

mod dot_products;
mod panels;
mod sparse;

use std::arch::x86_64::*;

use dot_products::dot_products;
use panels::{is_copied, panels};
use sparse::is_sparse;

use super::lanes::Lanes;
use crate::elementary::Loop;
use crate::linalg::{Factor, Target, Way};

/// The factors of a product.
#[derive(Clone, Copy)]
pub(crate) struct Factors<S> {
    rows: usize,
    columns: usize,
    depth: usize,
    /// The entry (i, p) is `a[i a_row + p a_column]`, and one of the strides is 1.
    a: *const S,
    a_row: usize,
    a_column: usize,
    /// The same of (p, j).
    b: *const S,
    b_row: usize,
    b_column: usize,
}

/// What a kernel is given: `C ← α A B`, or `C ← C + α A B`, all of it or what is not above the diagonal.
pub(crate) struct Operands<S> {
    factors: Factors<S>,
    alpha: S,
    add: bool,
    lower: bool,
    /// The entry (i, j) is `c[i + j c_column]`.
    c: *mut S,
    c_column: usize,
}

impl<S> Operands<S> {
    /// The columns that are asked for of the rows before one.
    fn columns_before(&self, row: usize) -> usize {
        if self.lower { row.min(self.factors.columns) } else { self.factors.columns }
    }
}

/// Up to this many rows a product of columns that are longer is made of dot products.
const FEW: usize = 128;

/// How a product is done, all of it and each part of it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    vectors: Vectors,
    road: Road,
}

#[derive(Clone, Copy, Debug)]
enum Vectors {
    Avx512,
    Avx2,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Road {
    DotProducts,
    Panels { copy: bool, sparse: bool },
}

/// The road for vectors `F`, in tiles of `MOST` vectors × `N` columns.
#[inline(always)]
unsafe fn road<F: Lanes, const MOST: usize, const N: usize>(f: &Factors<F::Scalar>) -> Road {
    if f.a_row != 1 && f.b_row == 1 && f.rows <= FEW && f.depth >= f.rows.max(4 * F::COUNT) {
        return Road::DotProducts;
    }
    Road::Panels { copy: is_copied::<F, MOST, N>(f), sparse: unsafe { is_sparse::<F>(f) } }
}

/// The product by vectors `F`, `H` of half as many lanes for what is left of the rows, in tiles of `MOST` vectors × `N`
/// columns; `D` × `D` dot products at once.
#[inline(always)]
unsafe fn product<F, H, const MOST: usize, const N: usize, const D: usize>(o: &Operands<F::Scalar>, road: Road)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    unsafe {
        match road {
            Road::DotProducts => dot_products::<F, D>(o),
            Road::Panels { copy, sparse } => panels::<F, H, MOST, N>(o, copy, sparse),
        }
    }
}

/// A number type that has kernels: by AVX-512 F, BW, DQ and VL, and by AVX2 and fused multiply-adds.
///
/// # Safety
/// For every method: the processor has the vectors, and the factors or operands are good, for the road too.
pub(crate) trait Kernel: Copy {
    unsafe fn road_by_avx512(factors: &Factors<Self>) -> Road;
    unsafe fn road_by_avx2(factors: &Factors<Self>) -> Road;
    unsafe fn by_avx512(operands: &Operands<Self>, road: Road);
    unsafe fn by_avx2(operands: &Operands<Self>, road: Road);
}

/// Apart from `double`, so that both are compiled at the same time: most of what the crate takes to compile is here.
mod single {
    use super::*;

    impl Kernel for f32 {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        unsafe fn road_by_avx512(factors: &Factors<Self>) -> Road {
            unsafe { road::<__m512, 4, 6>(factors) }
        }

        #[target_feature(enable = "avx2,fma")]
        unsafe fn road_by_avx2(factors: &Factors<Self>) -> Road {
            unsafe { road::<__m256, 3, 4>(factors) }
        }

        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        unsafe fn by_avx512(operands: &Operands<Self>, road: Road) {
            unsafe { product::<__m512, __m256, 4, 6, 4>(operands, road) }
        }

        #[target_feature(enable = "avx2,fma")]
        unsafe fn by_avx2(operands: &Operands<Self>, road: Road) {
            unsafe { product::<__m256, __m256, 3, 4, 3>(operands, road) }
        }
    }
}

mod double {
    use super::*;

    impl Kernel for f64 {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        unsafe fn road_by_avx512(factors: &Factors<Self>) -> Road {
            unsafe { road::<__m512d, 4, 6>(factors) }
        }

        #[target_feature(enable = "avx2,fma")]
        unsafe fn road_by_avx2(factors: &Factors<Self>) -> Road {
            unsafe { road::<__m256d, 3, 4>(factors) }
        }

        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        unsafe fn by_avx512(operands: &Operands<Self>, road: Road) {
            unsafe { product::<__m512d, __m256d, 4, 6, 4>(operands, road) }
        }

        #[target_feature(enable = "avx2,fma")]
        unsafe fn by_avx2(operands: &Operands<Self>, road: Road) {
            unsafe { product::<__m256d, __m256d, 3, 4, 3>(operands, road) }
        }
    }
}

/// The widest vectors that the processor has, of those that there are kernels for.
fn vectors() -> Option<Vectors> {
    if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
        return None;
    }
    let has_avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    Some(if has_avx512 { Vectors::Avx512 } else { Vectors::Avx2 })
}

/// How `A B` is done; `None` where the processor has no vectors for it.
pub(crate) fn plan<T: Kernel>(a: Factor<'_, T>, b: Factor<'_, T>) -> Option<Plan> {
    let (vectors, factors) = (vectors()?, factors(a, b)?);
    // Sound, since the processor has been asked, and `factors` has checked the places.
    let road = unsafe {
        match vectors {
            Vectors::Avx512 => T::road_by_avx512(&factors),
            Vectors::Avx2 => T::road_by_avx2(&factors),
        }
    };
    Some(Plan { vectors, road })
}

/// `C ← α A B`, or what else the way says, as planned for this product or for one that it is a part of.
pub(crate) fn multiply<T: Kernel>(
    Plan { vectors, road }: Plan,
    alpha: T,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    way: Way,
    c: Target<'_, T>,
) {
    let Some(factors) = factors(a, b) else {
        // Nothing would be written where nothing is added up.
        return assert!(a.columns > 0);
    };
    let Target { data, rows, columns, column_stride } = c;
    assert!((rows, columns) == (a.rows, b.columns) && (column_stride >= rows || columns == 1));
    assert!(is_inside(data, [(rows, 1), (columns, column_stride)]));
    assert!(match road {
        Road::DotProducts => factors.a_column == 1 && factors.b_row == 1,
        Road::Panels { copy, .. } => copy || factors.a_row == 1,
    });
    let (add, lower) = (way != Way::Over, way == Way::AddLower);
    let operands = Operands { factors, alpha, add, lower, c: data.as_mut_ptr(), c_column: column_stride };
    // Sound, since the processor was asked for a plan, and the places have been checked.
    unsafe {
        match vectors {
            Vectors::Avx512 => T::by_avx512(&operands, road),
            Vectors::Avx2 => T::by_avx2(&operands, road),
        }
    }
}

/// Runs a loop as it is compiled for the widest vectors that the processor has.
#[inline(never)]
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
        match vectors() {
            Some(Vectors::Avx512) => by_avx512(work),
            Some(Vectors::Avx2) => by_avx2(work),
            None => work.run(),
        }
    }
}

/// Checked to lie within their slices; `None` if the product has no rows or columns, or nothing to add up.
fn factors<T: Copy>(a: Factor<'_, T>, b: Factor<'_, T>) -> Option<Factors<T>> {
    assert_eq!(a.columns, b.rows);
    if a.rows == 0 || a.columns == 0 || b.columns == 0 {
        return None;
    }
    assert!(a.row_stride == 1 || a.column_stride == 1);
    assert!(b.row_stride == 1 || b.column_stride == 1);
    assert!(is_inside(a.data, [(a.rows, a.row_stride), (a.columns, a.column_stride)]));
    assert!(is_inside(b.data, [(b.rows, b.row_stride), (b.columns, b.column_stride)]));
    Some(Factors {
        rows: a.rows,
        columns: b.columns,
        depth: a.columns,
        a: a.data.as_ptr(),
        a_row: a.row_stride,
        a_column: a.column_stride,
        b: b.data.as_ptr(),
        b_row: b.row_stride,
        b_column: b.column_stride,
    })
}

/// Whether all entries of a matrix, given its numbers of rows and columns with their strides, lie in `data`. There is
/// at least one.
fn is_inside<S>(data: &[S], [rows, columns]: [(usize, usize); 2]) -> bool {
    let last = |(count, stride): (usize, usize)| (count - 1).checked_mul(stride);
    (last(rows).zip(last(columns))).and_then(|(a, b)| a.checked_add(b)).is_some_and(|last| last < data.len())
}

#[cfg(test)]
mod tests;
