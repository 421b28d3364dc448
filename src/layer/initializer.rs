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
/// use gradus::{Dense, Initializer};
///
/// let layer = Dense::new(784, 50).with_initializer(Initializer::normal(0.01)?);
/// let other = Dense::new(784, 50).with_initializer(Initializer::orthogonal().with_gain(2.0)?);
/// # Ok::<(), gradus::Error>(())
/// ```
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
    /// through layers that are about linear at 0, as sigmoid and tanh. Also called Xavier initialisation.
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

    /// A random orthogonal matrix: `W Wᵀ = 1` where there are no more outputs than inputs, else `Wᵀ W = 1`. It keeps the
    /// length of every vector on the way forward or back.
    ///
    /// The factor Q of a Gaussian matrix, with a positive diagonal of R, so that it is uniformly distributed; found in
    /// `f64` by Gram and Schmidt's method, twice. It takes 4·max·min² operations of inputs and outputs, and memory for as
    /// many `f64` as there are weights.
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
    /// use gradus::Initializer;
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
                let limit = self.gain * (3.0_f64.sqrt() * spread.standard_deviation(inputs, outputs));
                for weight in weights {
                    *weight = T::nearest(limit * (2.0 * rng.random::<f64>() - 1.0));
                }
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
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::DMatrix;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::*;

    const INPUTS: usize = 150;
    const OUTPUTS: usize = 50;

    fn fill<T: Real>(initializer: Initializer, inputs: usize, outputs: usize) -> Vec<T> {
        let mut weights = vec![T::nearest(f64::NAN); inputs * outputs];
        initializer.fill(&mut weights, inputs, outputs, &mut ChaCha8Rng::seed_from_u64(5));
        weights
    }

    #[test]
    fn the_spread_is_the_stated_one() {
        let (he, lecun) = ((2.0_f64 / 150.0).sqrt(), (1.0_f64 / 150.0).sqrt());
        for (initializer, standard_deviation, uniform) in [
            (Initializer::normal(0.01).unwrap(), 0.01, false),
            (Initializer::glorot_normal(), 0.1, false),
            (Initializer::he_normal(), he, false),
            (Initializer::lecun_normal(), lecun, false),
            (Initializer::lecun_normal().with_gain(3.0).unwrap(), 3.0 * lecun, false),
            (Initializer::uniform(0.3).unwrap(), 0.3 / 3.0_f64.sqrt(), true),
            (Initializer::glorot_uniform(), 0.1, true),
            (Initializer::he_uniform(), he, true),
            (Initializer::lecun_uniform(), lecun, true),
            (Initializer::he_uniform().with_gain(0.5).unwrap(), 0.5 * he, true),
        ] {
            let weights: Vec<f64> = fill(initializer, INPUTS, OUTPUTS);
            let n = weights.len() as f64;
            let mean = weights.iter().sum::<f64>() / n;
            let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / n;
            // Five standard errors of either estimate; a uniform distribution has the smaller fourth moment.
            assert!(mean.abs() < 5.0 * standard_deviation / n.sqrt(), "{initializer:?}: {mean}");
            assert_relative_eq!(variance.sqrt(), standard_deviation, max_relative = 5.0 / (2.0 * n).sqrt());
            let largest = weights.iter().fold(0.0_f64, |largest, weight| largest.max(weight.abs()));
            let limit = 3.0_f64.sqrt() * standard_deviation;
            assert_eq!(largest < limit * 1.000_001, uniform, "{initializer:?}: {largest}");
            assert!(largest > 0.999 * limit, "{initializer:?}: {largest}");
        }
    }

    #[test]
    fn orthogonal_matrices_are_orthogonal() {
        for (inputs, outputs) in [(1, 1), (7, 1), (1, 7), (60, 60), (150, 50), (50, 150)] {
            let initializer = Initializer::orthogonal().with_gain(3.0).unwrap();
            let weight = DMatrix::from_vec(outputs, inputs, fill::<f64>(initializer, inputs, outputs));
            let gram = if outputs >= inputs { weight.tr_mul(&weight) } else { &weight * weight.transpose() };
            let identity = DMatrix::identity(gram.nrows(), gram.ncols()) * 9.0;
            assert!((gram - identity).amax() < 1e-13, "{inputs} {outputs}");
        }
    }

    /// Of a uniformly distributed direction each coordinate has the mean square 1/n, and either sign.
    #[test]
    fn orthogonal_matrices_have_no_preferred_direction() {
        const DRAWS: usize = 10_000;
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let (mut sums, mut squares) = ([0.0; 9], [0.0; 9]);
        for _ in 0..DRAWS {
            let mut weights = [0.0; 9];
            Initializer::orthogonal().fill(&mut weights, 3, 3, &mut rng);
            for (i, weight) in weights.into_iter().enumerate() {
                sums[i] += weight / DRAWS as f64;
                squares[i] += weight * weight / DRAWS as f64;
            }
        }
        // Five standard errors, of variances 1/3 and 1/5 − 1/9.
        assert!(sums.iter().all(|sum| sum.abs() < 5.0 * (1.0 / 3.0 / DRAWS as f64).sqrt()), "{sums:?}");
        let bound = 5.0 * ((1.0 / 5.0 - 1.0 / 9.0) / DRAWS as f64).sqrt();
        assert!(squares.iter().all(|square| (square - 1.0 / 3.0).abs() < bound), "{squares:?}");
    }

    #[test]
    fn the_streams_are_pinned() {
        let first = |initializer| fill::<f64>(initializer, 3, 2)[..3].to_vec();
        let normal = Initializer::normal(1.0).unwrap();
        assert_eq!(first(normal), [-1.0750753992924071, 0.21923597411785128, 1.1057015483967185]);
        assert_eq!(
            first(Initializer::uniform(1.0).unwrap()),
            [-0.5975005933043926, 0.4303610796467634, 0.6330781474222595]
        );
        // The first row of W is the first vector, normalised: the second of these is of the other.
        assert_eq!(first(Initializer::orthogonal()), [-0.6901687160493317, 0.5108934321091175, 0.14074344075618417]);
        assert_eq!(first(Initializer::constant(-0.25).unwrap()), [-0.25; 3]);
        for initializer in [normal, Initializer::glorot_uniform(), Initializer::orthogonal()] {
            let rounded: Vec<f32> = fill::<f64>(initializer, 3, 2).into_iter().map(|weight| weight as f32).collect();
            assert_eq!(fill::<f32>(initializer, 3, 2), rounded);
        }
    }

    #[test]
    fn bad_scales_are_refused() {
        for bad in [-0.01, f64::NAN, f64::INFINITY] {
            for initializer in [
                Initializer::normal(bad),
                Initializer::uniform(bad),
                Initializer::orthogonal().with_gain(bad),
                Initializer::constant(if bad < 0.0 { f64::NEG_INFINITY } else { bad }),
            ] {
                assert!(matches!(initializer, Err(Error::InvalidParameter { .. })), "{bad}: {initializer:?}");
            }
        }
        assert_eq!(fill::<f64>(Initializer::normal(0.0).unwrap(), 2, 2), [0.0; 4]);
        assert_eq!(fill::<f64>(Initializer::uniform(0.0).unwrap(), 2, 2), [0.0; 4]);
    }
}
