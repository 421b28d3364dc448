#[cfg(feature = "serde")]
mod serialization;

use crate::error::{Error, Result, Shape};
use crate::linalg::{dot, zeros};
use crate::real::Real;

/// Linear regression one observation at a time, with older ones forgotten: after n observations the parameters minimize
/// `Σᵢ λⁿ⁻ⁱ (yᵢ − xᵢᵀ θ)²`.
///
/// A constant term is a feature that is always 1.
///
/// # Shapes
/// `x` and `θ` p; `y` one number.
///
/// # Parameters
/// The forgetting factor λ in (0, 1]: an observation counts 1/(1 − λ) steps long, and for ever with λ = 1, which is the
/// least-squares solution for all observations.
///
/// # Numerics
/// What is kept is the triangle `R` with `RᵀR = Σᵢ λⁿ⁻ⁱ xᵢ xᵢᵀ`, to which each observation is added by Givens
/// rotations: it is as good as a QR factorization of all observations, and cannot cease to be positive semidefinite, as
/// the covariance of the textbook recursion can. An update takes about 3 p² multiplications and no memory.
///
/// With the feature `serde` the state can be stored between two updates, and goes on where it was to the last bit.
///
/// There is no start value to choose. A parameter that the observations do not determine keeps its value, 0 at the
/// start, and those before it are fitted around it. That is so before p independent observations are in, and when λ < 1
/// and the inputs have long been without excitation: where the diagonal entry of `R` is below τ of its column, or at
/// the end of the range of the number type. What is below τ of an input's entries is not taken for excitation either.
/// Here τ = 8 p m ε, but at most √ε, for the m = min(n, 1/(1 − λ)) observations that count. Excitation that is small
/// but above τ is believed: after a long time without, parameters may then move far.
///
/// # Examples
/// ```
/// use gradus::regression::RecursiveLeastSquares;
///
/// // The mean of 2 of weight ½ and 5 of weight 1 is (1 + 5) / 1.5 = 4.
/// let mut level = RecursiveLeastSquares::new(1, 0.5)?;
/// assert_eq!(level.update(&[1.0], 2.0)?, 2.0);
/// assert_eq!(level.update(&[1.0], 5.0)?, 3.0);
/// assert!((level.parameters()[0] - 4.0_f64).abs() < 1e-14);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// W. M. Gentleman (1973): Least squares computations by Givens transformations without square roots.
/// L. Ljung (1999): System Identification, §11.2.
/// S. Haykin (2002): Adaptive Filter Theory, ch. 9 and 11.
#[doc(alias = "RLS")]
#[derive(Clone, Debug)]
pub struct RecursiveLeastSquares<T> {
    forgetting_factor: T,
    /// Rows of `(R z)`, of which the entries before the diagonal are zeros: `R θ = z`.
    factor: Vec<T>,
    parameters: Vec<T>,
    observations: usize,
    determined: usize,
    /// What an update makes, until it is known to be finite.
    next_factor: Vec<T>,
    next_parameters: Vec<T>,
    /// The observation, of which the rotations leave the part that the rows so far do not hold.
    row: Vec<T>,
    /// The largest value that each entry of the observation is computed of.
    row_sizes: Vec<T>,
    /// The largest entry of each column of `R`.
    column_sizes: Vec<T>,
}

impl<T: Real> RecursiveLeastSquares<T> {
    /// Parameters of 0 for this many features, before any observation.
    ///
    /// # Errors
    /// [`Error::Empty`] without features, [`Error::InvalidParameter`] unless the factor is above 0 and at most 1,
    /// [`Error::TooLarge`] if the memory cannot be allocated.
    pub fn new(features: usize, forgetting_factor: T) -> Result<Self> {
        if features == 0 {
            return Err(Error::Empty { what: "features" });
        }
        if !(forgetting_factor > T::zero() && forgetting_factor <= T::one()) {
            return Err(Error::InvalidParameter {
                name: "forgetting factor",
                value: forgetting_factor.to_f64(),
                expected: "a number above 0 and at most 1",
            });
        }
        let width = features.saturating_add(1);
        let vector = |length| zeros("recursive least squares", length);
        Ok(Self {
            forgetting_factor,
            factor: vector(features.saturating_mul(width))?,
            parameters: vector(features)?,
            observations: 0,
            determined: 0,
            next_factor: vector(features.saturating_mul(width))?,
            next_parameters: vector(features)?,
            row: vector(width)?,
            row_sizes: vector(features)?,
            column_sizes: vector(features)?,
        })
    }

    /// Takes in an observation and returns its prediction error before that, `y − xᵀ θ`.
    ///
    /// # Errors
    /// Nothing is changed then: [`Error::ShapeMismatch`] if `x` has not one entry for each feature,
    /// [`Error::NotFinite`] with the place of an entry that is not finite, [`Error::Overflow`] if the result leaves the
    /// range of the number type.
    #[inline(never)]
    pub fn update(&mut self, x: &[T], y: T) -> Result<T> {
        let error = y - self.predict(x)?;
        if !y.is_finite() {
            return Err(Error::NotFinite { what: "target", row: 0, column: 0, value: y.to_f64() });
        }
        self.row[..x.len()].copy_from_slice(x);
        self.row[x.len()] = y;
        self.rotate();
        let determined = self.solve();
        let finite = |values: &[T]| values.iter().all(|value| value.is_finite());
        if !(error.is_finite() && finite(&self.next_factor) && finite(&self.next_parameters)) {
            return Err(Error::Overflow { what: "recursive least squares" });
        }
        std::mem::swap(&mut self.factor, &mut self.next_factor);
        std::mem::swap(&mut self.parameters, &mut self.next_parameters);
        self.determined = determined;
        self.observations = self.observations.saturating_add(1);
        Ok(error)
    }

    /// `xᵀ θ`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if `x` has not one entry for each feature, [`Error::NotFinite`] with the place of an
    /// entry that is not finite, [`Error::Overflow`] if the result leaves the range of the number type.
    pub fn predict(&self, x: &[T]) -> Result<T> {
        let features = self.parameters.len();
        if x.len() != features {
            return Err(Error::ShapeMismatch {
                what: "observation, one entry for each feature",
                expected: Shape::new(features, 1),
                found: Shape::new(x.len(), 1),
            });
        }
        if let Some(row) = x.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { what: "observation", row, column: 0, value: x[row].to_f64() });
        }
        let prediction = dot(x, &self.parameters);
        if !prediction.is_finite() {
            return Err(Error::Overflow { what: "prediction" });
        }
        Ok(prediction)
    }

    /// `θ`: one for each feature.
    #[must_use]
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// The factor λ.
    #[must_use]
    pub fn forgetting_factor(&self) -> T {
        self.forgetting_factor
    }

    /// The number of observations taken in.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// Whether the observations that are not yet forgotten determine every parameter; those that they do not keep their
    /// values.
    #[must_use]
    pub fn is_determined(&self) -> bool {
        self.determined == self.parameters.len()
    }

    /// Rotates the row into the forgotten factor, and notes the sizes of the columns.
    ///
    /// What rounding leaves of an entry that the rows so far explain is made zero: it would be taken for a direction
    /// of its own, with all of the noise of y as its effect.
    fn rotate(&mut self) {
        let features = self.parameters.len();
        let forgetting = self.forgetting_factor.sqrt();
        let rounding = self.rounding();
        self.column_sizes.fill(T::zero());
        self.row_sizes.iter_mut().zip(&self.row).for_each(|(size, entry)| *size = entry.abs());
        let rows = self.factor.chunks_exact(features + 1).zip(self.next_factor.chunks_exact_mut(features + 1));
        for (j, (former, next)) in rows.enumerate() {
            let (diagonal, entry) = (forgetting * former[j], self.row[j]);
            let (cosine, sine) = if entry.is_zero() {
                (T::one(), T::zero())
            } else {
                let length = diagonal.hypot(entry);
                (diagonal / length, entry / length)
            };
            for k in j..=features {
                let (former, entry) = (forgetting * former[k], self.row[k]);
                next[k] = cosine * former + sine * entry;
                let (kept, explained) = (cosine * entry, sine * former);
                self.row[k] = kept - explained;
                if k < features {
                    self.column_sizes[k] = self.column_sizes[k].max(next[k].abs());
                    self.row_sizes[k] = self.row_sizes[k].max(explained.abs());
                    if self.row[k].abs() <= rounding * self.row_sizes[k] {
                        self.row[k] = T::zero();
                    }
                }
            }
        }
    }

    /// What rounding leaves of a value that is zero, as a fraction of the values that it is computed of: it adds up
    /// over the observations that count. Beyond √ε the noise of y has more effect than they.
    fn rounding(&self) -> T {
        let forgotten = T::one() - self.forgetting_factor;
        let counting = T::one() / forgotten.max(T::one() / T::from_count(self.observations.max(1)));
        (T::epsilon() * T::from_count(8 * self.parameters.len()) * counting).min(T::epsilon().sqrt())
    }

    /// Solves `R θ = z` for the parameters that are determined, around the others; the number of them.
    fn solve(&mut self) -> usize {
        let features = self.parameters.len();
        let rounding = self.rounding();
        let smallest = T::min_positive() / T::epsilon();
        self.next_parameters.copy_from_slice(&self.parameters);
        let mut determined = 0;
        for (j, row) in self.next_factor.chunks_exact(features + 1).enumerate().rev() {
            let diagonal = row[j].abs();
            if diagonal > smallest && diagonal > rounding * self.column_sizes[j] {
                let known = dot(&row[j + 1..features], &self.next_parameters[j + 1..]);
                self.next_parameters[j] = (row[features] - known) / row[j];
                determined += 1;
            }
        }
        determined
    }
}

#[cfg(test)]
mod tests;
