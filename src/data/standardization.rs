use super::{Dataset, Inputs, Targets, no_scale};
use crate::batch::{Batch, BatchMut};
use crate::checks;
use crate::error::{Error, Result, Shape};
use crate::linalg::{self, CompensatedSum};
use crate::real::Real;

/// Mean and scale of each feature, and the map `z = (x − mean) / scale` that they make.
///
/// The scale is the standard deviation `√(1/n Σ (x − mean)²)`, or 1 for a feature that is the same in all samples but
/// for rounding. Fit it to the training data alone and apply it to all others; the weights of samples are not looked
/// at.
///
/// # Numerics
/// Three passes: sums of the differences from the first sample, of those from the mean, and of their squares in units
/// of the largest one. Nothing cancels or overflows before mean or scale does. A feature is constant if no sample is
/// further from the mean than 2 ε of it: 0.1 + 0.2 is another number than 0.3.
///
/// # Examples
/// ```
/// use gradus::data::Standardization;
/// use gradus::nalgebra::dmatrix;
///
/// let mut x = dmatrix![1.0, 3.0; 7.0, 7.0];
/// let inputs = Standardization::of(&x)?;
/// assert_eq!((inputs.mean(), inputs.scale()), ([2.0, 7.0].as_slice(), [1.0, 1.0].as_slice()));
/// inputs.apply(&mut x)?;
/// assert_eq!(x, dmatrix![-1.0, 1.0; 0.0, 0.0]);
/// inputs.invert(&mut x)?;
/// assert_eq!(x, dmatrix![1.0, 3.0; 7.0, 7.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("StandardScaler", "normalize", "z-score"))]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "Parts<T>",
        bound(serialize = "T: serde::Serialize", deserialize = "T: Real + serde::Deserialize<'de>")
    )
)]
pub struct Standardization<T> {
    mean: Vec<T>,
    scale: Vec<T>,
}

#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Parts<T> {
    mean: Vec<T>,
    scale: Vec<T>,
}

#[cfg(feature = "serde")]
impl<T: Real> TryFrom<Parts<T>> for Standardization<T> {
    type Error = Error;

    fn try_from(Parts { mean, scale }: Parts<T>) -> Result<Self> {
        Self::from_parts(mean, scale)
    }
}

impl<T: Real> Standardization<T> {
    /// That of the samples of a batch.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples or features, [`Error::NotFinite`] for a value that is not finite,
    /// [`Error::Overflow`] if a mean or scale leaves the range of the number type.
    pub fn of<'a>(batch: impl Into<Batch<'a, T>>) -> Result<Self> {
        let batch = batch.into();
        if batch.samples() == 0 {
            return Err(Error::Empty { what: "samples" });
        }
        if batch.features() == 0 {
            return Err(Error::Empty { what: "features of a sample" });
        }
        crate::loss::check_finite("values", batch)?;
        let read = |sample: usize, to: &mut [T]| to.copy_from_slice(batch.sample(sample));
        Self::fit(batch.features(), batch.samples(), read)
    }

    /// That of the inputs of a data set.
    ///
    /// # Errors
    /// [`Error::Overflow`] if a mean or scale leaves the range of the number type.
    pub fn of_inputs(data: &Dataset<T>) -> Result<Self> {
        match &data.inputs {
            Inputs::Values(values) => Self::of(values),
            Inputs::Bytes { .. } => Self::fit(data.input_size(), data.len(), |sample, to| data.write_input(sample, to)),
        }
    }

    /// That of the targets of a data set.
    ///
    /// # Errors
    /// [`Error::Overflow`] if a mean or scale leaves the range of the number type, [`Error::InvalidTarget`] for class
    /// labels.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::data::Standardization;
    /// use gradus::Dataset;
    ///
    /// let data = Dataset::new(dmatrix![0.0, 1.0], dmatrix![100.0, 300.0])?;
    /// let targets = Standardization::of_targets(&data)?;
    /// assert_eq!((targets.mean(), targets.scale()), ([200.0].as_slice(), [100.0].as_slice()));
    /// let data = data.standardize_targets(&targets)?;
    /// assert_eq!(data.ordered_batches(2)?.next_batch().unwrap().targets.as_slice(), [-1.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn of_targets(data: &Dataset<T>) -> Result<Self> {
        match &data.targets {
            Targets::Values(values) => Self::of(values),
            Targets::Labels { labels, .. } => Err(no_scale(labels[0])),
        }
    }

    /// With this mean and scale for each feature.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if they are not as many, [`Error::NotFinite`] if one is not finite,
    /// [`Error::InvalidParameter`] if a scale is not positive.
    pub fn from_parts(mean: Vec<T>, scale: Vec<T>) -> Result<Self> {
        if mean.len() != scale.len() {
            return Err(Error::ShapeMismatch {
                what: "scales, one for each mean",
                expected: Shape::new(mean.len(), 1),
                found: Shape::new(scale.len(), 1),
            });
        }
        for (what, values) in [("means", &mean), ("scales", &scale)] {
            if let Some(row) = values.iter().position(|value| !value.is_finite()) {
                return Err(Error::NotFinite { what, row, column: 0, value: values[row].to_f64() });
            }
        }
        for &scale in &scale {
            checks::positive("scale of a feature", scale)?;
        }
        Ok(Self { mean, scale })
    }

    #[inline(never)]
    fn fit(features: usize, samples: usize, read: impl Fn(usize, &mut [T])) -> Result<Self> {
        let mut sample = linalg::zeros("features of a sample", features)?;
        let mut for_each = |visit: &mut dyn FnMut(usize, T)| {
            for index in 0..samples {
                read(index, &mut sample);
                sample.iter().enumerate().for_each(|(feature, &value)| visit(feature, value));
            }
        };
        let count = T::from_count(samples);
        let totals = |sums: &[CompensatedSum<T>]| -> Vec<T> { sums.iter().map(|sum| sum.total() / count).collect() };

        let mut first: Vec<Option<T>> = vec![None; features];
        let mut sums = vec![CompensatedSum::new(); features];
        for_each(&mut |feature, value| {
            let first = *first[feature].get_or_insert(value);
            sums[feature].add(value - first);
        });
        let first: Vec<T> = first.into_iter().flatten().collect();
        let mean: Vec<T> = first.iter().zip(totals(&sums)).map(|(&first, shift)| first + shift).collect();

        let mut furthest = vec![T::zero(); features];
        for_each(&mut |feature, value| {
            let distance = (value - mean[feature]).abs();
            if distance > furthest[feature] {
                furthest[feature] = distance;
            }
        });
        let rounding = T::epsilon() * T::nearest(2.0);
        let is_constant: Vec<bool> =
            furthest.iter().zip(&mean).map(|(&furthest, mean)| furthest <= mean.abs() * rounding).collect();

        let mut sums = vec![CompensatedSum::new(); features];
        let mut squares = sums.clone();
        for_each(&mut |feature, value| {
            if !is_constant[feature] {
                let distance = (value - mean[feature]) / furthest[feature];
                sums[feature].add(distance);
                squares[feature].add(distance * distance);
            }
        });
        let moments = totals(&sums).into_iter().zip(totals(&squares)).zip(furthest).zip(is_constant);
        // The mean is rounded: the mean of the differences from it is what it lacks.
        let scale = moments.map(|(((shift, square), furthest), is_constant)| {
            let scale = (square - shift * shift).sqrt() * furthest;
            // Of the smallest subnormal numbers it may round to 0, by which nothing can be divided.
            if is_constant {
                T::one()
            } else if scale.is_zero() {
                furthest
            } else {
                scale
            }
        });
        let scale: Vec<T> = scale.collect();
        if mean.iter().chain(&scale).all(|value| value.is_finite()) {
            Ok(Self { mean, scale })
        } else {
            Err(Error::Overflow { what: "mean or scale of a feature" })
        }
    }

    /// The mean of each feature.
    #[must_use]
    pub fn mean(&self) -> &[T] {
        &self.mean
    }

    /// The scale of each feature.
    #[must_use]
    pub fn scale(&self) -> &[T] {
        &self.scale
    }

    /// The number of features.
    #[must_use]
    pub fn size(&self) -> usize {
        self.mean.len()
    }

    /// `z = (x − mean) / scale`, in place.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the samples have another number of features.
    pub fn apply<'a>(&self, samples: impl Into<BatchMut<'a, T>>) -> Result<()> {
        let mut samples = samples.into();
        self.check_size(samples.features())?;
        samples.iter_mut().for_each(|sample| self.apply_to_sample(sample));
        Ok(())
    }

    /// `x = z scale + mean`, in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn invert<'a>(&self, samples: impl Into<BatchMut<'a, T>>) -> Result<()> {
        let mut samples = samples.into();
        self.check_size(samples.features())?;
        for sample in samples.iter_mut() {
            for (value, (&mean, &scale)) in sample.iter_mut().zip(self.mean.iter().zip(&self.scale)) {
                *value = *value * scale + mean;
            }
        }
        Ok(())
    }

    pub(super) fn apply_to_sample(&self, sample: &mut [T]) {
        for (value, (&mean, &scale)) in sample.iter_mut().zip(self.mean.iter().zip(&self.scale)) {
            *value = (*value - mean) / scale;
        }
    }

    /// The two maps, one after the other, as one: `(x − (m₁ + s₁ m₂)) / (s₁ s₂)`.
    pub(super) fn then(&self, next: &Self) -> Result<Self> {
        let own = || self.mean.iter().zip(&self.scale);
        let mean = own().zip(&next.mean).map(|((&mean, &scale), &next)| mean + scale * next).collect();
        let scale = self.scale.iter().zip(&next.scale).map(|(&scale, &next)| scale * next).collect();
        Self::from_parts(mean, scale)
    }

    pub(super) fn check_size(&self, features: usize) -> Result<()> {
        if features == self.size() {
            return Ok(());
        }
        Err(Error::ShapeMismatch {
            what: "features to standardize",
            expected: Shape::with_rows(self.size()),
            found: Shape::with_rows(features),
        })
    }
}

#[cfg(test)]
mod tests;
