#[cfg(feature = "serde")]
mod serialization;

use crate::error::{Error, Result, Shape};
use crate::linalg::{dot, zeros};
use crate::real::Real;

/// Linear regression one observation at a time, with older ones forgotten: after n observations the parameters minimise
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
/// What is kept is the triangle `R` with `RᵀR = Σᵢ λⁿ⁻ⁱ xᵢ xᵢᵀ`, to which each observation is added by Givens rotations:
/// it is as good as a QR factorisation of all observations, and cannot cease to be positive semidefinite, as the
/// covariance of the textbook recursion can. An update takes about 3 p² multiplications and no memory.
///
/// With the feature `serde` the state can be stored between two updates, and goes on where it was to the last bit.
///
/// There is no start value to choose. A parameter that the observations do not determine keeps its value, 0 at the
/// start, and those before it are fitted around it. That is so before p independent observations are in, and when λ < 1
/// and the inputs have long been without excitation: where the diagonal entry of `R` is below τ of its column, or at the
/// end of the range of the number type. What is below τ of an input's entries is not taken for excitation either. Here
/// τ = 8 p m ε, but at most √ε, for the m = min(n, 1/(1 − λ)) observations that count. Excitation that is small but
/// above τ is believed: after a long time without, parameters may then move far.
///
/// # Examples
/// ```
/// use gradus::RecursiveLeastSquares;
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
    /// [`Error::TooLarge`] if the memory cannot be had.
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

    /// What rounding leaves of a value that is zero, as a fraction of the values that it is computed of: it adds up over
    /// the observations that count. Beyond √ε the noise of y has more effect than they.
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
mod tests {
    use nalgebra::DMatrix;

    use super::*;
    use crate::{Intercept, NormalEquation};

    /// Between −1 and 1, by the mixing of SplitMix64.
    fn noise(step: usize) -> f64 {
        let mut bits = (step as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits >> 32) as f64 / f64::from(1_u32 << 31) - 1.0
    }

    fn observation(step: usize, truth: &[f64]) -> (Vec<f64>, f64) {
        let x: Vec<f64> = (0..truth.len()).map(|j| noise(step * truth.len() + j) * 10_f64.powi(j as i32)).collect();
        let y = dot(&x, truth) + 0.1 * noise(7 * step + 3);
        (x, y)
    }

    fn difference(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn every_prefix_is_the_weighted_least_squares_solution() {
        let truth = [2.0, -1.0, 0.5, 3.0];
        for lambda in [1.0, 0.99, 0.7] {
            let mut online = RecursiveLeastSquares::new(4, lambda).unwrap();
            let observations: Vec<_> = (0..200).map(|step| observation(step, &truth)).collect();
            for (step, (x, y)) in observations.iter().enumerate() {
                let predicted = online.predict(x).unwrap();
                assert_eq!(online.update(x, *y).unwrap(), y - predicted);
                let count = step + 1;
                assert_eq!((online.observations(), online.is_determined()), (count, count >= 4));
                if count < 4 {
                    continue;
                }
                let x = DMatrix::from_fn(count, 4, |row, j| observations[row].0[j]);
                let y = DMatrix::from_fn(count, 1, |row, _| observations[row].1);
                let weights: Vec<f64> = (0..count).map(|row| lambda.powi((step - row) as i32)).collect();
                let mut sums = NormalEquation::new(4, 1).with_intercept(Intercept::Omit);
                sums.push_weighted(&x, &y, weights.as_slice()).unwrap();
                let expected = sums.solve().unwrap();
                let difference = difference(online.parameters(), expected.coefficients().as_slice());
                assert!(difference < 1e-10, "{lambda} {count} {difference:e}");
            }
        }
    }

    #[test]
    fn before_they_are_determined_parameters_are_fitted_around_the_others() {
        let mut online = RecursiveLeastSquares::new(2, 1.0).unwrap();
        assert_eq!(online.update(&[0.0, 0.0], 7.0), Ok(7.0));
        assert_eq!(online.parameters(), [0.0, 0.0]);
        assert_eq!(online.update(&[0.0, 2.0], 6.0), Ok(6.0));
        assert_eq!((online.parameters(), online.is_determined()), (&[0.0, 3.0][..], false));
        assert_eq!(online.update(&[0.0, 2.0], 6.0), Ok(0.0));
        assert!(!online.is_determined());
        assert_eq!(online.update(&[1.0, 0.0], 5.0), Ok(5.0));
        assert!(online.is_determined() && difference(online.parameters(), &[5.0, 3.0]) < 1e-15);
    }

    #[test]
    fn a_jump_of_the_parameters_is_followed() {
        let (before, after) = ([1.0, -2.0, 0.3], [-1.0, 4.0, 0.1]);
        let mut online = RecursiveLeastSquares::new(3, 0.9).unwrap();
        for step in 0..600 {
            let truth = if step < 300 { &before } else { &after };
            let (x, y) = observation(step, truth);
            let error = online.update(&x, y).unwrap();
            assert!(step != 300 || error.abs() > 0.5, "{error}");
            if step == 299 || step == 599 {
                assert!(difference(online.parameters(), truth) < 0.1, "{step} {:?}", online.parameters());
            }
        }
    }

    #[test]
    fn refused_observations_change_nothing() {
        for lambda in [0.0, -0.1, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY] {
            let error = RecursiveLeastSquares::new(1, lambda).unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { name: "forgetting factor", .. }), "{error}");
        }
        assert_eq!(RecursiveLeastSquares::new(0, 1.0).unwrap_err(), Error::Empty { what: "features" });
        assert!(matches!(RecursiveLeastSquares::new(usize::MAX, 1.0), Err(Error::TooLarge { .. })));

        let mut online = RecursiveLeastSquares::new(2, 0.9).unwrap();
        for step in 0..9 {
            let (x, y) = observation(step, &[1.0, 2.0]);
            online.update(&x, y).unwrap();
        }
        let mut twin = online.clone();
        let huge = f64::MAX;
        assert!(matches!(online.update(&[1.0], 0.0), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(online.predict(&[1.0; 3]), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(online.update(&[1.0, f64::NAN], 0.0), Err(Error::NotFinite { row: 1, .. })));
        assert!(matches!(online.update(&[1.0, 2.0], f64::INFINITY), Err(Error::NotFinite { .. })));
        assert!(matches!(online.update(&[huge, huge], 0.0), Err(Error::Overflow { .. })));
        assert!(matches!(online.update(&[0.0, huge], -huge), Err(Error::Overflow { .. })));
        assert_eq!(online.observations(), 9);
        let (x, y) = observation(9, &[1.0, 2.0]);
        assert_eq!(online.update(&x, y), twin.update(&x, y));
        assert_eq!(online.parameters(), twin.parameters());
    }

    #[test]
    fn without_excitation_it_stays_finite_and_recovers() {
        let truth = [2.0, -1.0, 0.5];
        let inputs: [fn(usize) -> [f64; 3]; 4] = [
            |_| [0.0; 3],
            |_| [1.0, 1.0, 1.0],
            |_| [0.0, 0.3, 0.7],
            |step| [0.1 * noise(step), 0.7 * noise(step), 0.3],
        ];
        for (case, lambda) in (0..4).flat_map(|case| [0.95, 0.999, 1.0].map(|lambda| (case, lambda))) {
            let input = inputs[case];
            let mut online = RecursiveLeastSquares::new(3, lambda).unwrap();
            for step in 0..100 {
                let (x, y) = observation(step, &truth);
                online.update(&x, y).unwrap();
            }
            let mut worst: f64 = 0.0;
            for step in 0..100_000 {
                let x = input(step);
                online.update(&x, dot(&x, &truth) + 0.01 * noise(3 * step + 1)).unwrap();
                worst = worst.max(difference(online.parameters(), &truth));
            }
            assert!(worst < 0.2, "{case} {lambda} {worst}");
            assert!(case == 0 || online.is_determined() == (lambda == 1.0), "{case} {lambda}");
            for step in 0..300 {
                let (x, y) = observation(step, &truth);
                online.update(&x, y).unwrap();
            }
            assert!(online.is_determined() && difference(online.parameters(), &truth) < 0.1, "{case} {lambda}");
        }
    }

    #[test]
    fn an_update_allocates_nothing() {
        let mut online = RecursiveLeastSquares::new(40, 0.99_f32).unwrap();
        let x: Vec<f32> = (0..40).map(|j| noise(j) as f32).collect();
        let allocations = allocation_counter::measure(|| {
            for y in [1.0, -2.0, f32::NAN] {
                let _ = online.update(&x, y);
            }
        });
        assert_eq!((allocations.count_total, online.observations()), (0, 2));
    }
}
