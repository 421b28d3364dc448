use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::checks;
use crate::error::{Error, Result};
use crate::linalg::{add_scaled, dot, norm};
use crate::real::Real;

/// How the weights of a layer start out.
///
/// Everything is drawn in `f64` and then rounded, so that `f32` and `f64` networks start from the same weights.
///
/// # Examples
/// ```
/// use gradus::layer::Initializer;
/// use gradus::Dense;
///
/// let layer = Dense::new(784, 50).with_initializer(Initializer::normal(0.01)?);
/// let other = Dense::new(784, 50).with_initializer(Initializer::orthogonal().with_gain(2.0)?);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("Xavier", "Kaiming"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Initializer {
    kind: Kind,
    gain: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Constant(f64),
    Normal(Spread),
    Uniform(Spread),
    Orthogonal,
}

/// A standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spread {
    Fixed(f64),
    Glorot,
    He,
    LeCun,
}

impl Spread {
    fn standard_deviation(self, inputs: usize, outputs: usize) -> f64 {
        match self {
            Self::Fixed(standard_deviation) => standard_deviation,
            Self::Glorot => (2.0 / (inputs as f64 + outputs as f64)).sqrt(),
            Self::He => (2.0 / inputs as f64).sqrt(),
            Self::LeCun => (1.0 / inputs as f64).sqrt(),
        }
    }
}

impl Initializer {
    fn new(kind: Kind) -> Self {
        Self { kind, gain: 1.0 }
    }

    /// Every weight the same. Units that start alike stay alike: for layers of one unit, and for tests.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if the weight is not finite.
    pub fn constant(weight: f64) -> Result<Self> {
        if !weight.is_finite() {
            return Err(Error::InvalidParameter { name: "weight", value: weight, expected: "a finite number" });
        }
        Ok(Self::new(Kind::Constant(weight)))
    }

    /// Normally distributed, N(0, σ²), with σ as given.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if it is negative or not finite.
    pub fn normal(standard_deviation: f64) -> Result<Self> {
        checks::not_negative("standard deviation of the weights", standard_deviation)?;
        Ok(Self::new(Kind::Normal(Spread::Fixed(standard_deviation))))
    }

    /// Uniformly distributed from −`limit` to `limit`; σ = limit / √3.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if it is negative or not finite.
    pub fn uniform(limit: f64) -> Result<Self> {
        checks::not_negative("limit of the weights", limit)?;
        Ok(Self::new(Kind::Uniform(Spread::Fixed(limit / 3.0_f64.sqrt()))))
    }

    /// Normally distributed with σ² = 2 / (inputs + outputs), which keeps the variance of signals and gradients alike
    /// through layers that are about linear at 0, as sigmoid and tanh. Also called Xavier initialization.
    ///
    /// # References
    /// X. Glorot, Y. Bengio (2010): Understanding the difficulty of training deep feedforward neural networks.
    #[must_use]
    pub fn glorot_normal() -> Self {
        Self::new(Kind::Normal(Spread::Glorot))
    }

    /// As [`glorot_normal`](Self::glorot_normal), uniformly distributed: to ±√(6 / (inputs + outputs)).
    #[must_use]
    pub fn glorot_uniform() -> Self {
        Self::new(Kind::Uniform(Spread::Glorot))
    }

    /// Normally distributed with σ² = 2 / inputs, which keeps the variance of signals through rectified units.
    ///
    /// # References
    /// K. He, X. Zhang, S. Ren, J. Sun (2015): Delving deep into rectifiers.
    #[must_use]
    pub fn he_normal() -> Self {
        Self::new(Kind::Normal(Spread::He))
    }

    /// As [`he_normal`](Self::he_normal), uniformly distributed: to ±√(6 / inputs).
    #[must_use]
    pub fn he_uniform() -> Self {
        Self::new(Kind::Uniform(Spread::He))
    }

    /// Normally distributed with σ² = 1 / inputs, which keeps the variance of signals through linear units.
    ///
    /// # References
    /// Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller (1998): Efficient backprop.
    #[must_use]
    pub fn lecun_normal() -> Self {
        Self::new(Kind::Normal(Spread::LeCun))
    }

    /// As [`lecun_normal`](Self::lecun_normal), uniformly distributed: to ±√(3 / inputs).
    #[must_use]
    pub fn lecun_uniform() -> Self {
        Self::new(Kind::Uniform(Spread::LeCun))
    }

    /// A random orthogonal matrix: `W Wᵀ = 1` where there are no more outputs than inputs, else `Wᵀ W = 1`. It keeps
    /// the length of every vector on the way forward or back.
    ///
    /// The factor Q of a Gaussian matrix, with a positive diagonal of R, so that it is uniformly distributed; found in
    /// `f64` by Gram and Schmidt's method, twice. It takes 4·max·min² operations of inputs and outputs, and memory for
    /// as many `f64` as there are weights.
    ///
    /// # References
    /// A. M. Saxe et al. (2014): Exact solutions to the nonlinear dynamics of learning in deep
    /// linear neural networks. F. Mezzadri (2007): How to generate random matrices from the classical compact groups.
    /// L. Giraud, J. Langou, M. Rozložník (2005): On the loss of orthogonality in the Gram-Schmidt process.
    #[must_use]
    pub fn orthogonal() -> Self {
        Self::new(Kind::Orthogonal)
    }

    /// The same with weights that are this many times as large.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if the gain is negative or not finite.
    pub fn with_gain(self, gain: f64) -> Result<Self> {
        checks::not_negative("gain of the weights", gain)?;
        Ok(Self { gain, ..self })
    }

    /// Fills `weights`, those of a layer of this many inputs and outputs, outputs × inputs, column by column.
    ///
    /// # Panics
    /// If an orthogonal matrix is asked for and there are not outputs · inputs weights.
    ///
    /// # Examples
    /// Twice Glorot's weights have the standard deviation 2·√(2/(300 + 100)):
    /// ```
    /// use gradus::layer::Initializer;
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let mut weights = vec![0.0; 300 * 100];
    /// let mut rng = ChaCha8Rng::seed_from_u64(0);
    /// Initializer::glorot_normal().with_gain(2.0)?.fill(&mut weights, 300, 100, &mut rng);
    /// let deviation = (weights.iter().map(|w: &f64| w * w).sum::<f64>() / 30_000.0).sqrt();
    /// assert!((deviation - 2.0 * f64::sqrt(2.0 / 400.0)).abs() < 0.003);
    ///
    /// // What the others draw, by its largest magnitude.
    /// let mut largest = |initializer: Initializer| {
    ///     initializer.fill(&mut weights, 300, 100, &mut rng);
    ///     weights.iter().fold(0.0, |largest: f64, weight| largest.max(weight.abs()))
    /// };
    /// assert_eq!(largest(Initializer::constant(0.5)?), 0.5);
    /// for (initializer, limit) in [
    ///     (Initializer::uniform(0.1)?, 0.1),
    ///     (Initializer::glorot_uniform(), f64::sqrt(6.0 / 400.0)),
    ///     (Initializer::he_uniform(), f64::sqrt(6.0 / 300.0)),
    ///     (Initializer::lecun_uniform(), f64::sqrt(3.0 / 300.0)),
    /// ] {
    ///     let found = largest(initializer);
    ///     assert!(found <= limit && found > 0.99 * limit);
    /// }
    /// // Of 30 000 normal deviates the largest is about four standard deviations.
    /// for (initializer, deviation) in
    ///     [(Initializer::he_normal(), f64::sqrt(2.0 / 300.0)), (Initializer::lecun_normal(), f64::sqrt(1.0 / 300.0))]
    /// {
    ///     assert!((3.0..6.0).contains(&(largest(initializer) / deviation)));
    /// }
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn fill<T: Real>(&self, weights: &mut [T], inputs: usize, outputs: usize, rng: &mut dyn Rng) {
        match self.kind {
            Kind::Constant(weight) => weights.fill(T::nearest(self.gain * weight)),
            Kind::Normal(spread) => {
                let standard_deviation = self.gain * spread.standard_deviation(inputs, outputs);
                for weight in weights {
                    let deviate: f64 = rng.sample(StandardNormal);
                    *weight = T::nearest(standard_deviation * deviate);
                }
            }
            Kind::Uniform(spread) => {
                fill_uniformly(weights, self.gain * (3.0_f64.sqrt() * spread.standard_deviation(inputs, outputs)), rng);
            }
            Kind::Orthogonal => {
                assert_eq!(weights.len(), inputs * outputs, "a weight for each input and output");
                let (length, count) = (inputs.max(outputs), inputs.min(outputs));
                let orthonormal = orthonormal(length, count, rng);
                for (k, vector) in orthonormal.chunks_exact(length.max(1)).enumerate() {
                    for (i, &entry) in vector.iter().enumerate() {
                        // Columns of W, or rows if those are fewer.
                        let (row, column) = if outputs >= inputs { (i, k) } else { (k, i) };
                        weights[row + column * outputs] = T::nearest(self.gain * entry);
                    }
                }
            }
        }
    }
}

/// Draws from −limit to limit.
pub(super) fn fill_uniformly<T: Real>(values: &mut [T], limit: f64, rng: &mut dyn Rng) {
    for value in values {
        *value = T::nearest(limit * (2.0 * rng.random::<f64>() - 1.0));
    }
}

/// Orthonormal vectors of uniformly distributed directions.
fn orthonormal(length: usize, count: usize, rng: &mut dyn Rng) -> Vec<f64> {
    let mut vectors: Vec<f64> = Vec::with_capacity(length * count);
    let mut vector = vec![0.0; length];
    while vectors.len() < length * count {
        vector.fill_with(|| rng.sample(StandardNormal));
        let drawn = norm(&vector);
        for _ in 0..2 {
            for former in vectors.chunks_exact(length) {
                let along = dot(former, &vector);
                add_scaled(&mut vector, -along, former);
            }
        }
        let rest = norm(&vector);
        // Of a vector that the former almost span there is only rounding left: another is drawn.
        if rest > f64::EPSILON.sqrt() * drawn {
            vectors.extend(vector.iter().map(|entry| entry / rest));
        }
    }
    vectors
}

#[cfg(test)]
mod tests;
