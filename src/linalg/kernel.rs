//! What cannot be said, or not be fast, in safe Rust: the one module of the crate with unsafe code.
#![allow(unsafe_code)]

#[cfg(all(target_arch = "x86_64", not(gradus_portable)))]
mod lanes;
#[cfg_attr(not(all(target_arch = "x86_64", not(gradus_portable))), path = "kernel/no_simd.rs")]
pub(crate) mod simd;
#[cfg(feature = "threads")]
pub(crate) mod team;

use nalgebra::RawStorage;

use super::View;
use crate::real::Real;

/// A column of a view, if its numbers lie side by side.
///
/// nalgebra lends a slice only where the type says that they do, and its iterator over a stride that is not known takes
/// three times as long.
pub(crate) fn contiguous_column<'a, T: Real>(view: &View<'a, T>, column: usize) -> Option<&'a [T]> {
    let (rows, columns) = view.shape();
    let (row_stride, column_stride) = view.strides();
    if rows == 0 || column >= columns || row_stride != 1 {
        return None;
    }
    // Sound, since the view lends all numbers at its pointer + row + column · `column_stride`, of which there is at least
    // one here, to read for 'a.
    Some(unsafe { std::slice::from_raw_parts(view.data.ptr().add(column * column_stride), rows) })
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::*;

    #[test]
    fn only_contiguous_columns_are_lent() {
        let matrix = DMatrix::from_fn(5, 4, |i, j| (10 * i + j) as f64);
        let whole: View<'_, f64> = (&matrix).into();
        assert_eq!(contiguous_column(&whole, 3), Some(&[3.0, 13.0, 23.0, 33.0, 43.0][..]));
        assert_eq!(contiguous_column(&whole, 4), None);
        let part = matrix.view((1, 1), (3, 2));
        assert_eq!(contiguous_column(&(&part).into(), 1), Some(&[12.0, 22.0, 32.0][..]));
        let every_other = matrix.rows_with_step(0, 2, 1);
        assert_eq!(contiguous_column(&(&every_other).into(), 1), None);
        let transposed = View::from_slice_with_strides(matrix.as_slice(), 4, 5, 5, 1);
        assert_eq!(contiguous_column(&transposed, 1), None);
        let empty = matrix.rows(2, 0);
        assert_eq!(contiguous_column(&(&empty).into(), 1), None);
    }
}
