use std::cmp::Ordering;

use nalgebra::DMatrix;
use rand::Rng;
use rand::seq::SliceRandom;

use super::{Dataset, Inputs, Targets};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::linalg;
use crate::real::Real;

impl<T: Real> Dataset<T> {
    /// Takes a fraction of the samples off at random: the samples that stay, and those taken, in their order.
    ///
    /// As many are taken as are nearest to `fraction`. Weights go with their samples.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless the fraction lies between 0 and 1 and leaves a sample on either side,
    /// [`Error::TooLarge`] if the memory cannot be allocated.
    ///
    /// # Examples
    /// ```
    /// use gradus::Dataset;
    /// use gradus::nalgebra::dmatrix;
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let data = Dataset::new(dmatrix![0.0, 1.0, 2.0, 3.0, 4.0], dmatrix![0.0, 0.0, 1.0, 1.0, 1.0])?;
    /// let (training, validation) = data.split(0.4, &mut ChaCha8Rng::seed_from_u64(0))?;
    /// assert_eq!((training.len(), validation.len()), (3, 2));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn split(&self, fraction: f64, rng: &mut dyn Rng) -> Result<(Self, Self)> {
        let taken = self.count_taken(fraction)?;
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(rng);
        let (taken, kept) = order.split_at_mut(taken);
        self.in_two(kept, taken)
    }

    /// [`split`](Self::split) with the same fraction of every class, to within one sample of each.
    ///
    /// A class is what has the same target, be it a label, a one-hot column or a number.
    ///
    /// # Errors
    /// As [`split`](Self::split).
    ///
    /// # Examples
    /// Of eight samples of class 0 and four of class 1, a quarter of each:
    /// ```
    /// use gradus::Dataset;
    /// use gradus::nalgebra::DMatrix;
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let labels = vec![0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1];
    /// let data = Dataset::labeled(DMatrix::from_fn(1, 12, |_, j| j as f64), labels, 2)?;
    /// let (_, validation) = data.split_stratified(0.25, &mut ChaCha8Rng::seed_from_u64(0))?;
    /// let mut batches = validation.ordered_batches(3)?;
    /// let targets = batches.next_batch().unwrap().targets; // one-hot
    /// assert_eq!(targets.iter().filter(|target| target[1] == 1.0).count(), 1);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn split_stratified(&self, fraction: f64, rng: &mut dyn Rng) -> Result<(Self, Self)> {
        let count = self.count_taken(fraction)?;
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(&mut *rng);
        order.sort_by(|&a, &b| self.compare_targets(a, b));
        let mut classes: Vec<&[usize]> = order.chunk_by(|&a, &b| self.compare_targets(a, b).is_eq()).collect();
        // The method of the largest remainder; of equal remainders chance decides, for the sort is stable.
        classes.shuffle(rng);
        let quota = |class: &[usize]| fraction * class.len() as f64;
        classes.sort_by(|a, b| quota(b).fract().total_cmp(&quota(a).fract()));
        let whole: usize = classes.iter().map(|class| quota(class) as usize).sum();
        let (mut kept, mut taken) = (Vec::new(), Vec::new());
        for (place, class) in classes.into_iter().enumerate() {
            let size = quota(class) as usize + usize::from(place < count.saturating_sub(whole));
            let (from_class, rest) = class.split_at(size.min(class.len()));
            taken.extend_from_slice(from_class);
            kept.extend_from_slice(rest);
        }
        self.in_two(&mut kept, &mut taken)
    }

    fn count_taken(&self, fraction: f64) -> Result<usize> {
        let invalid = |expected| Error::InvalidParameter { name: "validation fraction", value: fraction, expected };
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(invalid("a number between 0 and 1, both excluded"));
        }
        let taken = (fraction * self.len() as f64).round() as usize;
        if taken == 0 || taken == self.len() {
            return Err(invalid("one that leaves a sample on either side"));
        }
        Ok(taken)
    }

    fn compare_targets(&self, a: usize, b: usize) -> Ordering {
        match &self.targets {
            Targets::Labels { labels, .. } => labels[a].cmp(&labels[b]),
            Targets::Values(values) => {
                let values = Batch::from(values);
                // Targets are finite, so that all of them compare.
                values.sample(a).partial_cmp(values.sample(b)).unwrap_or(Ordering::Equal)
            }
        }
    }

    fn in_two(&self, kept: &mut [usize], taken: &mut [usize]) -> Result<(Self, Self)> {
        kept.sort_unstable();
        taken.sort_unstable();
        Ok((self.select(kept)?, self.select(taken)?))
    }

    fn select(&self, samples: &[usize]) -> Result<Self> {
        let columns = |values: &DMatrix<T>| -> Result<DMatrix<T>> {
            let rows = values.nrows();
            let mut selected = linalg::zeros("values of a part of the data", rows * samples.len())?;
            for (to, &sample) in selected.chunks_exact_mut(rows).zip(samples) {
                to.copy_from_slice(Batch::from(values).sample(sample));
            }
            Ok(DMatrix::from_vec(rows, samples.len(), selected))
        };
        let inputs = match &self.inputs {
            Inputs::Values(values) => Inputs::Values(columns(values)?),
            Inputs::Bytes { bytes, features, standardization } => {
                let count = samples.len() * features;
                let mut selected = Vec::new();
                (selected.try_reserve_exact(count))
                    .map_err(|_| Error::TooLarge { what: "values of a part of the data", count })?;
                for &sample in samples {
                    selected.extend_from_slice(&bytes[sample * features..(sample + 1) * features]);
                }
                Inputs::Bytes { bytes: selected, features: *features, standardization: standardization.clone() }
            }
        };
        let targets = match &self.targets {
            Targets::Values(values) => Targets::Values(columns(values)?),
            Targets::Labels { labels, classes } => {
                let labels = samples.iter().map(|&sample| labels[sample]).collect();
                Targets::Labels { labels, classes: *classes }
            }
        };
        let weights = self.weights.as_ref().map(|weights| samples.iter().map(|&sample| weights[sample]).collect());
        let selected = Self { inputs, targets, weights: None };
        // Without weight a part is no data set.
        match weights {
            None => Ok(selected),
            Some(weights) => selected.with_weights(weights),
        }
    }
}

#[cfg(test)]
mod tests;
