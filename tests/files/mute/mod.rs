//! A layer that no file can describe.

use gradus::layer::{Mode, Pass};
use gradus::{Batch, BatchMut, Layer, Real, Result};

/// Your own layer without a configuration.
#[derive(Debug)]
pub(crate) struct Mute;

impl<T: Real> Layer<T> for Mute {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        Ok(input_size)
    }

    fn forward(&self, _: &[T], _: Batch<'_, T>, mut output: BatchMut<'_, T>, _: &mut [T], _: Mode) {
        output.as_mut_slice().fill(T::zero());
    }

    fn backward(&self, _: &[T], _: Pass<'_, T>, _: Batch<'_, T>, _: &mut [T], to: Option<BatchMut<'_, T>>) {
        if let Some(mut to) = to {
            to.as_mut_slice().fill(T::zero());
        }
    }
}
