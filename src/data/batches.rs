use std::fmt;

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::Dataset;
use crate::batch::Batch;
use crate::checks;
use crate::error::{Error, Result};
use crate::linalg::{self, LONG};
use crate::real::Real;

/// A mini-batch, lent from the buffer of the batches that it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MiniBatch<'a, T> {
    /// Input size × samples.
    pub inputs: Batch<'a, T>,
    /// Target size × samples.
    pub targets: Batch<'a, T>,
    /// One for each sample, if the data set has weights.
    pub weights: Option<&'a [T]>,
}

/// The memory of one mini-batch.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    inputs: Vec<T>,
    targets: Vec<T>,
    weights: Vec<T>,
    /// Those of the batch.
    samples: Vec<usize>,
}

impl<T: Real> Buffer<T> {
    pub(crate) fn new(data: &Dataset<T>, size: usize) -> Result<Self> {
        checks::at_least_one("batch size", size)?;
        let zeros = |features| linalg::zeros("values of a batch", size.saturating_mul(features));
        let weights = zeros(usize::from(data.weights.is_some()))?;
        let (inputs, targets) = (zeros(data.input_size())?, zeros(data.target_size())?);
        let mut samples = Vec::new();
        samples.try_reserve_exact(size).map_err(|_| Error::TooLarge { what: "samples of a batch", count: size })?;
        Ok(Self { inputs, targets, weights, samples })
    }

    #[inline(never)]
    pub(crate) fn gather(
        &mut self,
        data: &Dataset<T>,
        samples: impl ExactSizeIterator<Item = usize>,
    ) -> MiniBatch<'_, T> {
        let (input_size, target_size) = (data.input_size(), data.target_size());
        let count = samples.len();
        self.samples.clear();
        self.samples.extend(samples);
        let parts = linalg::parts_of_vector(count * input_size).min(1 + count * input_size / LONG);
        let size = count.div_ceil(parts).max(1);
        let inputs = self.inputs.chunks_mut(size * input_size);
        let targets = self.targets.chunks_mut(size * target_size);
        linalg::share(self.samples.chunks(size).zip(inputs.zip(targets)), |(samples, (inputs, targets))| {
            data.write(samples, inputs, targets);
        });
        if let Some(weights) = &data.weights {
            self.weights.iter_mut().zip(&self.samples).for_each(|(to, &sample)| *to = weights[sample]);
        }
        MiniBatch {
            inputs: Batch::front(&self.inputs, input_size, count),
            targets: Batch::front(&self.targets, target_size, count),
            weights: data.weights.as_ref().map(|_| &self.weights[..count]),
        }
    }
}

/// Mini-batches drawn with replacement. Made by [`Dataset::batches`].
pub struct RandomBatches<'a, T> {
    data: &'a Dataset<T>,
    size: usize,
    rng: &'a mut dyn Rng,
    buffer: Buffer<T>,
}

impl<'a, T: Real> RandomBatches<'a, T> {
    pub(super) fn new(data: &'a Dataset<T>, size: usize, rng: &'a mut dyn Rng) -> Result<Self> {
        Ok(Self { data, size, rng, buffer: Buffer::new(data, size)? })
    }

    /// The next batch. It is valid until the one after it is asked for; nothing is allocated.
    pub fn next_batch(&mut self) -> MiniBatch<'_, T> {
        // Drawn as u64, so that the choice does not depend on the width of usize.
        let count = self.data.len() as u64;
        let rng = &mut *self.rng;
        self.buffer.gather(self.data, (0..self.size).map(|_| rng.random_range(0..count) as usize))
    }
}

impl<T> fmt::Debug for RandomBatches<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomBatches").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Mini-batches of shuffled epochs. Made by [`Dataset::shuffled_batches`].
///
/// # Examples
/// ```
/// use gradus::Dataset;
/// use gradus::nalgebra::dmatrix;
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let data = Dataset::new(dmatrix![1.0, 2.0, 3.0], dmatrix![0.0, 0.0, 0.0])?;
/// let mut rng = ChaCha8Rng::seed_from_u64(0);
/// let mut batches = data.shuffled_batches(2, &mut rng)?;
/// for _epoch in 0..10 {
///     let mut seen = 0.0;
///     while let Some(batch) = batches.next_batch() {
///         seen += batch.inputs.as_slice().iter().sum::<f64>();
///     }
///     assert_eq!(seen, 6.0);
/// }
/// # Ok::<(), gradus::Error>(())
/// ```
pub struct ShuffledBatches<'a, T> {
    data: &'a Dataset<T>,
    size: usize,
    rng: &'a mut dyn Rng,
    buffer: Buffer<T>,
    order: Vec<usize>,
    position: usize,
}

impl<'a, T: Real> ShuffledBatches<'a, T> {
    pub(super) fn new(data: &'a Dataset<T>, size: usize, rng: &'a mut dyn Rng) -> Result<Self> {
        let size = size.min(data.len());
        let buffer = Buffer::new(data, size)?;
        Ok(Self { data, size, rng, buffer, order: (0..data.len()).collect(), position: 0 })
    }

    /// The next batch, or `None` once at the end of each epoch; the call after that begins the next epoch.
    ///
    /// A batch is valid until the one after it is asked for; nothing is allocated.
    pub fn next_batch(&mut self) -> Option<MiniBatch<'_, T>> {
        if self.position == self.order.len() {
            self.position = 0;
            return None;
        }
        if self.position == 0 {
            self.order.shuffle(&mut *self.rng);
        }
        let end = self.order.len().min(self.position + self.size);
        let samples = &self.order[self.position..end];
        self.position = end;
        Some(self.buffer.gather(self.data, samples.iter().copied()))
    }
}

impl<T> fmt::Debug for ShuffledBatches<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ShuffledBatches");
        debug.field("size", &self.size).field("position", &self.position).finish_non_exhaustive()
    }
}

/// All samples in their order. Made by [`Dataset::ordered_batches`].
#[derive(Debug)]
pub struct OrderedBatches<'a, T> {
    data: &'a Dataset<T>,
    size: usize,
    buffer: Buffer<T>,
    position: usize,
}

impl<'a, T: Real> OrderedBatches<'a, T> {
    pub(super) fn new(data: &'a Dataset<T>, size: usize) -> Result<Self> {
        let size = size.min(data.len());
        Ok(Self { data, size, buffer: Buffer::new(data, size)?, position: 0 })
    }

    /// The next batch, or `None` at the end. It is valid until the one after it is asked for.
    pub fn next_batch(&mut self) -> Option<MiniBatch<'_, T>> {
        let start = self.position;
        self.position = self.data.len().min(start + self.size);
        (start < self.position).then(|| self.buffer.gather(self.data, start..self.position))
    }
}
