use std::ops::Range;

use nalgebra::{DMatrixView, DMatrixViewMut, Dim, Dyn, IsContiguous, Matrix, RawStorage, RawStorageMut, Scalar};

use crate::error::{Error, Result, Shape};

/// Samples, one per column: a borrowed, contiguous, column-major matrix of `features` × `samples`.
///
/// This is how the crate takes the inputs, outputs and targets of a network. Any contiguous nalgebra matrix or
/// vector converts (`&DMatrix`, `&DVector` as one sample, `&SMatrix`), and so does a plain slice: a row-major
/// array of n samples × d features, as other libraries keep it, *is* a batch of d × n in memory
/// ([`from_slice`](Self::from_slice)).
///
/// # Examples
/// ```
/// use gradus::Batch;
/// use gradus::nalgebra::dmatrix;
///
/// let x = dmatrix![1.0, 3.0, 5.0; 2.0, 4.0, 6.0];
/// let batch = Batch::from(&x);
/// assert_eq!((batch.features(), batch.samples()), (2, 3));
/// assert_eq!(batch.range(1..3)?.as_slice(), [3.0, 4.0, 5.0, 6.0]);
///
/// let row_major = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
/// assert_eq!(Batch::from_slice(row_major.as_flattened(), 2)?, batch);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, PartialEq)]
pub struct Batch<'a, T> {
    data: &'a [T],
    features: usize,
    samples: usize,
}

// Derived, these would ask that `T` be copied too.
impl<T> Clone for Batch<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Batch<'_, T> {}

/// A [`Batch`] that can be written to.
#[derive(Debug, PartialEq)]
pub struct BatchMut<'a, T> {
    data: &'a mut [T],
    features: usize,
    samples: usize,
}

/// The number of samples in `length` values, or an error where they do not fill the last one.
fn samples_in(length: usize, features: usize) -> Result<usize> {
    if features == 0 {
        return Err(Error::Empty { what: "features of a sample" });
    }
    if !length.is_multiple_of(features) {
        return Err(Error::ShapeMismatch {
            what: "values of a batch, the last sample",
            expected: Shape::new(features, 1),
            found: Shape::new(length % features, 1),
        });
    }
    Ok(length / features)
}

impl<'a, T> Batch<'a, T> {
    /// The samples that lie one after the other in `data`, each of `features` values.
    ///
    /// # Errors
    /// [`Error::Empty`] without features, [`Error::ShapeMismatch`] if the last sample is incomplete.
    pub fn from_slice(data: &'a [T], features: usize) -> Result<Self> {
        let samples = samples_in(data.len(), features)?;
        Ok(Self { data, features, samples })
    }

    /// The number of values of a sample: the rows.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// The number of samples: the columns.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// All values, sample by sample.
    #[must_use]
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }

    /// The samples in order, each as a slice of `features` values.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T> {
        // `max(1)`: a batch without features holds no values and so yields nothing.
        self.data.chunks_exact(self.features.max(1))
    }

    /// The samples of a range, without a copy.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the range reaches past the last sample or ends before it starts.
    pub fn range(&self, samples: Range<usize>) -> Result<Self> {
        if samples.start > samples.end || samples.end > self.samples {
            return Err(Error::ShapeMismatch {
                what: "samples of a range (start × end)",
                expected: Shape::new(samples.start.min(self.samples), self.samples),
                found: Shape::new(samples.start, samples.end),
            });
        }
        Ok(self.part(samples.start, samples.end))
    }

    /// As [`range`](Self::range), of samples that are there.
    pub(crate) fn part(&self, start: usize, end: usize) -> Self {
        let data = &self.data[self.features * start..self.features * end];
        Self { data, features: self.features, samples: end - start }
    }

    /// The batch as a matrix view of `features` × `samples`.
    #[must_use]
    pub fn as_view(&self) -> DMatrixView<'a, T>
    where
        T: Scalar,
    {
        DMatrixView::from_slice(self.data, self.features, self.samples)
    }

    /// The design matrix of the same data, `samples` × `features`: one observation per row, as the regressions take it.
    /// Nothing is copied.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::{Batch, LinearRegression};
    ///
    /// // Three samples in columns, of y = 2 x₀ − x₁.
    /// let (x, y) = (dmatrix![1.0, 2.0, 0.0; 1.0, 1.0, 3.0], dmatrix![1.0, 3.0, -3.0]);
    /// let (x, y) = (Batch::from(&x).as_design_matrix(), Batch::from(&y).as_design_matrix());
    /// let fit = LinearRegression::new().with_intercept(gradus::regression::Intercept::Omit).fit(x, y)?;
    /// assert_eq!(fit.coefficients(), &dmatrix![2.0; -1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn as_design_matrix(&self) -> DMatrixView<'a, T, Dyn, Dyn>
    where
        T: Scalar,
    {
        DMatrixView::from_slice_with_strides(self.data, self.samples, self.features, self.features, 1)
    }

    pub(crate) fn sample(&self, sample: usize) -> &'a [T] {
        &self.data[sample * self.features..(sample + 1) * self.features]
    }

    /// The first `samples` samples of a buffer that may hold more.
    pub(crate) fn front(buffer: &'a [T], features: usize, samples: usize) -> Self {
        Self { data: &buffer[..features * samples], features, samples }
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape::new(self.features, self.samples)
    }
}

impl<'a, T> BatchMut<'a, T> {
    /// The samples that lie one after the other in `data`, each of `features` values.
    ///
    /// # Errors
    /// [`Error::Empty`] without features, [`Error::ShapeMismatch`] if the last sample is incomplete.
    pub fn from_slice(data: &'a mut [T], features: usize) -> Result<Self> {
        let samples = samples_in(data.len(), features)?;
        Ok(Self { data, features, samples })
    }

    /// The number of values of a sample: the rows.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// The number of samples: the columns.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// All values, sample by sample.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.data
    }

    /// The same samples, for reading.
    #[must_use]
    pub fn as_batch(&self) -> Batch<'_, T> {
        Batch { data: self.data, features: self.features, samples: self.samples }
    }

    /// The same samples, for a shorter time: to hand them on and use them again.
    ///
    /// # Examples
    /// ```
    /// use gradus::BatchMut;
    ///
    /// fn double(mut batch: BatchMut<'_, f64>) {
    ///     batch.as_mut_slice().iter_mut().for_each(|value| *value *= 2.0);
    /// }
    ///
    /// let mut data = [1.0, 2.0];
    /// let mut batch = BatchMut::from_slice(&mut data, 2)?;
    /// double(batch.reborrow());
    /// double(batch);
    /// assert_eq!(data, [4.0, 8.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn reborrow(&mut self) -> BatchMut<'_, T> {
        BatchMut { data: self.data, features: self.features, samples: self.samples }
    }

    /// The samples in order, each as a slice of `features` values.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [T]> {
        self.data.chunks_exact_mut(self.features.max(1))
    }

    /// The batch as a matrix view of `features` × `samples`.
    ///
    /// # Examples
    /// Three samples of two features:
    /// ```
    /// use gradus::BatchMut;
    ///
    /// let mut data = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// let mut batch = BatchMut::from_slice(&mut data, 2)?;
    /// batch.as_view_mut().row_mut(1).fill(0.0);
    /// assert_eq!(data, [1.0, 0.0, 3.0, 0.0, 5.0, 0.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn as_view_mut(&mut self) -> DMatrixViewMut<'_, T>
    where
        T: Scalar,
    {
        DMatrixViewMut::from_slice(self.data, self.features, self.samples)
    }
}

impl<'a, T> BatchMut<'a, T> {
    /// The first `samples` samples of a buffer that may hold more.
    pub(crate) fn front(buffer: &'a mut [T], features: usize, samples: usize) -> Self {
        Self { data: &mut buffer[..features * samples], features, samples }
    }
}

impl<'a, T: Scalar, R: Dim, C: Dim, S> From<&'a Matrix<T, R, C, S>> for Batch<'a, T>
where
    S: RawStorage<T, R, C> + IsContiguous,
{
    fn from(matrix: &'a Matrix<T, R, C, S>) -> Self {
        Self { data: matrix.as_slice(), features: matrix.nrows(), samples: matrix.ncols() }
    }
}

impl<'a, T: Scalar, R: Dim, C: Dim, S> From<&'a mut Matrix<T, R, C, S>> for BatchMut<'a, T>
where
    S: RawStorageMut<T, R, C> + IsContiguous,
{
    fn from(matrix: &'a mut Matrix<T, R, C, S>) -> Self {
        let (features, samples) = matrix.shape();
        Self { data: matrix.as_mut_slice(), features, samples }
    }
}
