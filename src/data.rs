//! Data: data sets and their mini-batches, and readers of the files they come in.
//!
//! ```
//! use gradus::Dataset;
//! use gradus::nalgebra::dmatrix;
//!
//! // Two features, three samples; a sample is a column.
//! let data = Dataset::labeled(dmatrix![0.0, 1.0, 2.0; 5.0, 6.0, 7.0], vec![0, 1, 1], 2)?;
//! let mut batches = data.ordered_batches(2)?;
//! let first = batches.next_batch().unwrap();
//! assert_eq!((first.inputs.samples(), first.targets.features()), (2, 2));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | in memory | |
//! | --- | --- |
//! | [`Dataset`] | inputs and targets, checked once |
//! | [`one_hot`] | class labels as columns of zeros with a one |
//! | [`Standardization`] | scales features to mean 0 and variance 1, and back |
//! | [`MiniBatch`] | some samples; from [`ShuffledBatches`], [`RandomBatches`] or [`OrderedBatches`] |
//!
//! | files | |
//! | --- | --- |
//! | [`Images`], [`Labels`], [`IdxError`] | IDX, the format of MNIST; gzipped with the default feature `gzip` |
//! | `CsvTable`, `CsvOptions`, `CsvError` (feature `csv`) | tables of comma-separated values |
//! | `read_npy`, `write_npy`, `NpyArray`, `Npz`, `NpyError` (feature `npy`) | NumPy's files |

mod batches;
#[cfg(feature = "csv")]
mod csv_table;
mod gzip;
mod idx;
#[cfg(feature = "npy")]
mod npy;
#[cfg(feature = "npy")]
mod npz;
mod split;
mod standardization;

use std::hint::black_box;

pub(crate) use batches::Buffer;
pub use batches::{MiniBatch, OrderedBatches, RandomBatches, ShuffledBatches};
#[cfg(feature = "csv")]
pub use csv_table::{CsvError, CsvOptions, CsvTable};
pub use idx::{IdxError, Images, Labels};
use nalgebra::DMatrix;
#[cfg(feature = "npy")]
pub use npy::{NpyArray, NpyError, read_npy, write_npy};
#[cfg(feature = "npy")]
pub use npz::Npz;
use rand::Rng;
pub use standardization::Standardization;

use crate::batch::Batch;
use crate::checks;
use crate::elementary::Loop;
use crate::error::{Error, Result, Shape};
use crate::linalg;
use crate::loss::check_finite;
use crate::real::Real;

/// Samples with their targets, to be drawn in mini-batches.
///
/// Images stay bytes in memory; they are scaled to \[0, 1\] as a batch is gathered. Class labels stay indices and
/// become one-hot columns in the same way. Everything is checked once, here: a data set holds at least one sample
/// and only finite numbers. Samples may carry weights ([`with_weights`](Self::with_weights)).
///
/// # Examples
/// ```
/// use gradus::Dataset;
/// use gradus::nalgebra::dmatrix;
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let data = Dataset::labeled(dmatrix![0.0, 1.0, 2.0; 5.0, 6.0, 7.0], vec![0, 2, 1], 3)?;
/// let mut rng = ChaCha8Rng::seed_from_u64(0);
/// let mut batches = data.batches(100, &mut rng)?;
/// let batch = batches.next_batch();
/// assert_eq!((batch.inputs.features(), batch.inputs.samples()), (2, 100));
/// assert_eq!((batch.targets.features(), batch.targets.samples()), (3, 100));
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("DataLoader", "TensorDataset"))]
#[derive(Clone, Debug)]
pub struct Dataset<T> {
    inputs: Inputs<T>,
    targets: Targets<T>,
    weights: Option<Vec<T>>,
}

#[derive(Clone, Debug)]
enum Inputs<T> {
    Values(DMatrix<T>),
    /// Sample by sample, 255 standing for 1; standardized, if they are, as they are gathered.
    Bytes {
        bytes: Vec<u8>,
        features: usize,
        standardization: Option<Standardization<T>>,
    },
}

#[derive(Clone, Debug)]
enum Targets<T> {
    Values(DMatrix<T>),
    Labels { labels: Vec<usize>, classes: usize },
}

impl<T: Real> Dataset<T> {
    /// Inputs and targets, one sample per column of each.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples or rows, [`Error::ShapeMismatch`] if the numbers of columns differ,
    /// [`Error::NotFinite`] with the place of a value that is not finite.
    pub fn new(inputs: DMatrix<T>, targets: DMatrix<T>) -> Result<Self> {
        check_inputs(&inputs)?;
        check_count(targets.ncols(), inputs.ncols(), targets.nrows())?;
        if targets.nrows() == 0 {
            return Err(Error::Empty { what: "values of a target" });
        }
        check_finite("targets", Batch::from(&targets))?;
        Ok(Self { inputs: Inputs::Values(inputs), targets: Targets::Values(targets), weights: None })
    }

    /// Inputs, one sample per column, and the class of each, counted from 0.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::LabelOutOfRange`] for a label that is not below `classes`.
    pub fn labeled(inputs: DMatrix<T>, labels: Vec<usize>, classes: usize) -> Result<Self> {
        check_inputs(&inputs)?;
        check_count(labels.len(), inputs.ncols(), classes)?;
        check_labels(&labels, classes)?;
        Ok(Self { inputs: Inputs::Values(inputs), targets: Targets::Labels { labels, classes }, weights: None })
    }

    /// Images and the class of each: a sample is an image row by row, black being 0 and white 1.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there are not as many labels as images, [`Error::LabelOutOfRange`] for a label
    /// that is not below `classes`.
    pub fn from_images(images: Images, labels: &Labels, classes: usize) -> Result<Self> {
        let labels: Vec<usize> = labels.as_slice().iter().map(|&label| usize::from(label)).collect();
        check_count(labels.len(), images.count(), classes)?;
        check_labels(&labels, classes)?;
        let features = images.rows() * images.columns();
        let inputs = Inputs::Bytes { bytes: images.into_pixels(), features, standardization: None };
        Ok(Self { inputs, targets: Targets::Labels { labels, classes }, weights: None })
    }

    /// The same samples, of which each counts as often as its weight says: in training and in every mean loss.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the weights are not one for each sample; [`Error::InvalidParameter`] if one is
    /// negative or not finite, or all are zero; [`Error::Overflow`] if their sum is not finite.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::{Dataset, Dense, MeanSquaredError, Network};
    ///
    /// // y = x misses the targets by 1 and by 2.
    /// let data = Dataset::new(dmatrix![1.0, 2.0], dmatrix![0.0, 0.0])?.with_weights(vec![3.0, 1.0])?;
    /// let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let loss = network.objective(MeanSquaredError).mean_loss([1.0, 0.0].as_slice(), &data)?;
    /// assert_eq!(loss, (3.0 * 1.0 + 1.0 * 4.0) / 4.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn with_weights(self, weights: Vec<T>) -> Result<Self> {
        check_weights(&weights, self.len())?;
        Ok(Self { weights: Some(weights), ..self })
    }

    /// The weights of the samples; `None` where all count the same.
    #[must_use]
    pub fn weights(&self) -> Option<&[T]> {
        self.weights.as_deref()
    }

    /// The same samples with standardized inputs. Images stay bytes: theirs are standardized as a batch is gathered.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the standardization is one of another number of features, [`Error::Overflow`] if
    /// a value leaves the range of the number type.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::data::Standardization;
    /// use gradus::Dataset;
    ///
    /// let training = Dataset::new(dmatrix![1.0, 3.0], dmatrix![0.0, 1.0])?;
    /// let inputs = Standardization::of_inputs(&training)?; // mean 2, scale 1
    /// let mut batches = training.standardize_inputs(&inputs)?;
    /// let mut batches = batches.ordered_batches(2)?;
    /// assert_eq!(batches.next_batch().unwrap().inputs.as_slice(), [-1.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn standardize_inputs(self, standardization: &Standardization<T>) -> Result<Self> {
        let inputs = match self.inputs {
            Inputs::Values(mut values) => {
                standardization.apply(&mut values)?;
                check_range("standardized inputs", &values)?;
                Inputs::Values(values)
            }
            Inputs::Bytes { bytes, features, standardization: former } => {
                standardization.check_size(features)?;
                let both = former.map_or_else(|| Ok(standardization.clone()), |former| former.then(standardization))?;
                // What the two bytes that are furthest apart become is further than all else.
                let mut extremes = DMatrix::from_fn(features, 2, |_, column| T::from_count(column));
                both.apply(&mut extremes)?;
                check_range("standardized inputs", &extremes)?;
                Inputs::Bytes { bytes, features, standardization: Some(both) }
            }
        };
        Ok(Self { inputs, ..self })
    }

    /// The same samples with standardized targets, for regression.
    ///
    /// # Errors
    /// As [`standardize_inputs`](Self::standardize_inputs), and [`Error::InvalidTarget`] for class labels.
    pub fn standardize_targets(self, standardization: &Standardization<T>) -> Result<Self> {
        let mut values = match self.targets {
            Targets::Values(values) => values,
            Targets::Labels { labels, .. } => return Err(no_scale(labels[0])),
        };
        standardization.apply(&mut values)?;
        check_range("standardized targets", &values)?;
        Ok(Self { targets: Targets::Values(values), ..self })
    }

    /// The number of samples.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a data set is never empty")]
    pub fn len(&self) -> usize {
        match &self.inputs {
            Inputs::Values(values) => values.ncols(),
            Inputs::Bytes { bytes, features, .. } => bytes.len() / features,
        }
    }

    /// The number of values of an input.
    #[must_use]
    pub fn input_size(&self) -> usize {
        match &self.inputs {
            Inputs::Values(values) => values.nrows(),
            Inputs::Bytes { features, .. } => *features,
        }
    }

    /// The number of values of a target; with labels the number of classes.
    #[must_use]
    pub fn target_size(&self) -> usize {
        match &self.targets {
            Targets::Values(values) => values.nrows(),
            Targets::Labels { classes, .. } => *classes,
        }
    }

    /// Mini-batches of `size` samples drawn at random *with replacement*, without end.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for the size 0, [`Error::TooLarge`] if the memory for a batch cannot be allocated.
    pub fn batches<'a>(&'a self, size: usize, rng: &'a mut dyn Rng) -> Result<RandomBatches<'a, T>> {
        RandomBatches::new(self, size, rng)
    }

    /// Mini-batches of `size` samples, every sample once an epoch, in an order that is drawn anew for each epoch.
    ///
    /// The last batch of an epoch has the samples that are left; a size beyond that of the data set gives epochs
    /// of one batch.
    ///
    /// # Errors
    /// As [`batches`](Self::batches).
    pub fn shuffled_batches<'a>(&'a self, size: usize, rng: &'a mut dyn Rng) -> Result<ShuffledBatches<'a, T>> {
        ShuffledBatches::new(self, size, rng)
    }

    /// All samples once, in their order, in batches of `size` and a last one of what is left: for evaluation.
    ///
    /// # Errors
    /// As [`batches`](Self::batches).
    pub fn ordered_batches(&self, size: usize) -> Result<OrderedBatches<'_, T>> {
        OrderedBatches::new(self, size)
    }

    /// Writes samples side by side.
    fn write(&self, samples: &[usize], inputs: &mut [T], targets: &mut [T]) {
        let (input_size, target_size) = (self.input_size(), self.target_size());
        let columns = inputs.chunks_mut(TOGETHER * input_size).zip(targets.chunks_mut(TOGETHER * target_size));
        for (samples, (inputs, targets)) in samples.chunks(TOGETHER).zip(columns) {
            // Memory answers many requests sooner than one after the other.
            self.touch(samples);
            let columns = inputs.chunks_exact_mut(input_size).zip(targets.chunks_exact_mut(target_size));
            for (&sample, (input, target)) in samples.iter().zip(columns) {
                self.write_input(sample, input);
                self.write_target(sample, target);
            }
        }
    }

    /// Reads one number of each cache line of some samples.
    fn touch(&self, samples: &[usize]) {
        for &sample in samples {
            match &self.inputs {
                Inputs::Values(values) => touch_lines(Batch::from(values).sample(sample)),
                Inputs::Bytes { bytes, features, .. } => {
                    touch_lines(&bytes[sample * features..(sample + 1) * features]);
                }
            }
            if let Targets::Labels { labels, .. } = &self.targets {
                black_box(labels[sample]);
            }
        }
    }

    fn write_input(&self, sample: usize, input: &mut [T]) {
        match &self.inputs {
            Inputs::Values(values) => input.copy_from_slice(Batch::from(values).sample(sample)),
            Inputs::Bytes { bytes, features, standardization } => {
                let bytes = &bytes[sample * features..(sample + 1) * features];
                linalg::vectorized(Scaled { bytes, values: input });
                if let Some(standardization) = standardization {
                    standardization.apply_to_sample(input);
                }
            }
        }
    }

    fn write_target(&self, sample: usize, target: &mut [T]) {
        match &self.targets {
            Targets::Values(values) => target.copy_from_slice(Batch::from(values).sample(sample)),
            Targets::Labels { labels, .. } => {
                target.fill(T::zero());
                target[labels[sample]] = T::one();
            }
        }
    }
}

/// Samples that are asked for at once.
const TOGETHER: usize = 128;

fn touch_lines<N: Copy>(numbers: &[N]) {
    const LINE: usize = 64;
    for &number in numbers.iter().step_by(LINE / size_of::<N>()) {
        black_box(number);
    }
}

/// Makes numbers from 0 to 1 of bytes.
struct Scaled<'a, T> {
    bytes: &'a [u8],
    values: &'a mut [T],
}

impl<T: Real> Loop for Scaled<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let unit = T::one() / T::from_byte(u8::MAX);
        for (value, &byte) in self.values.iter_mut().zip(self.bytes) {
            *value = T::from_byte(byte) * unit;
        }
    }
}

/// One-hot columns: `classes` × labels, with a 1 in the row of each label and zeros elsewhere.
///
/// # Errors
/// [`Error::LabelOutOfRange`] for a label that is not below `classes`, [`Error::TooLarge`] if the memory cannot be
/// had.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::one_hot;
///
/// assert_eq!(one_hot::<f64>(&[1, 0, 2], 3)?, dmatrix![0.0, 1.0, 0.0; 1.0, 0.0, 0.0; 0.0, 0.0, 1.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("OneHotEncoder", "to_categorical"))]
pub fn one_hot<T: Real>(labels: &[usize], classes: usize) -> Result<DMatrix<T>> {
    check_labels(labels, classes)?;
    let zeros = linalg::zeros("one-hot labels", labels.len().saturating_mul(classes))?;
    let mut columns = DMatrix::from_vec(classes, labels.len(), zeros);
    for (sample, &label) in labels.iter().enumerate() {
        columns[(label, sample)] = T::one();
    }
    Ok(columns)
}

fn check_inputs<T: Real>(inputs: &DMatrix<T>) -> Result<()> {
    if inputs.ncols() == 0 {
        return Err(Error::Empty { what: "samples" });
    }
    if inputs.nrows() == 0 {
        return Err(Error::Empty { what: "values of an input" });
    }
    check_finite("inputs", Batch::from(inputs))
}

fn check_count(targets: usize, samples: usize, rows: usize) -> Result<()> {
    if targets == samples {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        what: "targets, one for each sample",
        expected: Shape::new(rows, samples),
        found: Shape::new(rows, targets),
    })
}

/// Weights are one for each sample, finite and not negative, and of a positive, finite sum.
pub(crate) fn check_weights<T: Real>(weights: &[T], samples: usize) -> Result<()> {
    if weights.len() != samples {
        return Err(Error::ShapeMismatch {
            what: "weights, one for each sample",
            expected: Shape::new(samples, 1),
            found: Shape::new(weights.len(), 1),
        });
    }
    for &weight in weights {
        checks::not_negative("sample weight", weight)?;
    }
    let total = weights.iter().fold(T::zero(), |sum, &weight| sum + weight);
    checks::check(!total.is_zero() || weights.is_empty(), "sample weight", total, "at least one that is positive")?;
    if !total.is_finite() {
        return Err(Error::Overflow { what: "sample weights" });
    }
    Ok(())
}

fn check_range<T: Real>(what: &'static str, values: &DMatrix<T>) -> Result<()> {
    if values.iter().all(|value| value.is_finite()) { Ok(()) } else { Err(Error::Overflow { what }) }
}

fn no_scale(label: usize) -> Error {
    Error::InvalidTarget { sample: 0, expected: "numbers, which have a scale, not class labels", value: label as f64 }
}

pub(crate) fn check_labels(labels: &[usize], classes: usize) -> Result<()> {
    match labels.iter().position(|&label| label >= classes) {
        None => Ok(()),
        Some(sample) => Err(Error::LabelOutOfRange { sample, label: labels[sample], classes }),
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::dmatrix;

    use super::*;

    #[test]
    fn bad_data_are_refused() {
        let x = dmatrix![1.0, 2.0; 3.0, 4.0];
        let error = |data: Result<Dataset<f64>>| data.unwrap_err().to_string();
        assert_eq!(
            error(Dataset::new(DMatrix::zeros(2, 0), DMatrix::zeros(1, 0))),
            "samples: expected at least one, found none"
        );
        assert_eq!(
            error(Dataset::new(DMatrix::zeros(0, 2), dmatrix![1.0, 2.0])),
            "values of an input: expected at least one, found none"
        );
        assert_eq!(
            error(Dataset::new(x.clone(), DMatrix::zeros(0, 2))),
            "values of a target: expected at least one, found none"
        );
        assert_eq!(
            error(Dataset::new(x.clone(), dmatrix![1.0, 2.0, 3.0])),
            "targets, one for each sample: expected 1 × 2, found 1 × 3"
        );
        assert_eq!(
            error(Dataset::new(dmatrix![1.0, 2.0; 3.0, f64::NAN], dmatrix![1.0, 2.0])),
            "inputs: expected finite numbers, found NaN at row 1, column 1"
        );
        assert_eq!(
            error(Dataset::new(x.clone(), dmatrix![1.0, f64::NEG_INFINITY])),
            "targets: expected finite numbers, found -inf at row 0, column 1"
        );
        assert_eq!(
            error(Dataset::labeled(x.clone(), vec![0, 3], 3)),
            "label of sample 1: expected a class below 3, found 3"
        );
        assert_eq!(error(Dataset::labeled(x, vec![0], 3)), "targets, one for each sample: expected 3 × 2, found 3 × 1");
        assert!(matches!(one_hot::<f64>(&[0, 0], usize::MAX), Err(Error::TooLarge { count: usize::MAX, .. })));
        assert!(matches!(one_hot::<f64>(&[0], usize::MAX / 64), Err(Error::TooLarge { .. })));
    }
}
