//! Every matrix product, every factorization and every vector kernel of the crate.
//!
//! Products run on kernels of our own where the processor has the vectors for them (`kernel/simd.rs`), and on one in
//! plain Rust elsewhere (`portable.rs`).

mod cholesky;
mod compensated_sum;
mod householder;
mod kernel;
mod portable;
mod powers_of_two;
mod product;
mod sharing;
mod triangles;
mod vectors;

pub(crate) use cholesky::{cholesky, solve_cholesky};
pub(crate) use compensated_sum::CompensatedSum;
pub(crate) use householder::triangularize;
pub(crate) use kernel::contiguous_column;
pub(crate) use kernel::simd::{self, Plan, vectorized};
use nalgebra::{DMatrixView, Dyn};
pub(crate) use portable::product as portable_product;
pub(crate) use powers_of_two::{power_of_two, times_power_of_two};
pub(crate) use product::{Factor, Target, Way};
pub(crate) use product::{add_gram, add_transposed_product, matrix, multiply, multiply_add, transpose};
#[cfg(feature = "threads")]
pub(crate) use sharing::set_threads;
pub(crate) use sharing::{
    LONG, MOST_PARTS, for_each, for_each_part, parts_of_product, parts_of_vector, share, threads,
};
pub(crate) use triangles::{invert_lower, square_upper};
pub(crate) use vectors::{add_columns, add_scaled, clear, dot, largest, norm, place_of_largest, zeros};

/// A matrix view with any strides: what the regressions take.
pub(crate) type View<'a, T> = DMatrixView<'a, T, Dyn, Dyn>;

#[cfg(test)]
mod tests;
