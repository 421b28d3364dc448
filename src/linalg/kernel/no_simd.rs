//! What stands in the place of `simd.rs` where there are no kernels for the vectors of a processor.

use crate::elementary::{FUSED, Loop};
use crate::linalg::{Factor, Target, Way};

/// There is none.
#[derive(Clone, Copy, Debug)]
pub enum Plan {}

pub(crate) fn plan<T>(_: Factor<'_, T>, _: Factor<'_, T>) -> Option<Plan> {
    None
}

pub(crate) fn multiply<T>(plan: Plan, _: T, _: Factor<'_, T>, _: Factor<'_, T>, _: Way, _: Target<'_, T>) {
    match plan {}
}

/// Runs a loop.
#[inline(never)]
pub(crate) fn vectorized<L: Loop>(work: L) -> L::Output {
    if FUSED { work.run_fused() } else { work.run() }
}
