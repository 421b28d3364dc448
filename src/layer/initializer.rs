use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::error::{Error, Result};
use crate::real::Real;

/// How the weights of a layer start out: drawn from a normal distribution N(0, σ²).
///
/// The deviates are drawn in `f64` and then rounded, so that `f32` and `f64` networks start from the same weights.
///
/// # Examples
/// ```
/// use gradus::{Dense, Initializer};
///
/// let layer = Dense::new(784, 50).with_initializer(Initializer::normal(0.01)?);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Initializer {
    spread: Spread,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Spread {
    Fixed(f64),
    Glorot,
    He,
}

impl Initializer {
    /// σ as given.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if it is negative or not finite.
    pub fn normal(standard_deviation: f64) -> Result<Self> {
        if !(standard_deviation.is_finite() && standard_deviation >= 0.0) {
            return Err(Error::InvalidParameter {
                name: "standard deviation of the weights",
                value: standard_deviation,
                expected: "a finite number of at least 0",
            });
        }
        Ok(Self { spread: Spread::Fixed(standard_deviation) })
    }

    /// σ² = 2 / (inputs + outputs), which keeps the variance of signals and gradients alike through layers that
    /// are about linear at 0, as sigmoid and tanh. Also called Xavier initialisation.
    ///
    /// # References
    /// X. Glorot, Y. Bengio (2010): Understanding the difficulty of training deep feedforward neural networks.
    #[must_use]
    pub fn glorot_normal() -> Self {
        Self { spread: Spread::Glorot }
    }

    /// σ² = 2 / inputs, which keeps the variance of signals through rectified units.
    ///
    /// # References
    /// K. He, X. Zhang, S. Ren, J. Sun (2015): Delving deep into rectifiers.
    #[must_use]
    pub fn he_normal() -> Self {
        Self { spread: Spread::He }
    }

    fn standard_deviation(&self, inputs: usize, outputs: usize) -> f64 {
        match self.spread {
            Spread::Fixed(standard_deviation) => standard_deviation,
            Spread::Glorot => (2.0 / (inputs as f64 + outputs as f64)).sqrt(),
            Spread::He => (2.0 / inputs as f64).sqrt(),
        }
    }

    /// Fills `weights`, those of a layer of this many inputs and outputs.
    pub fn fill<T: Real>(&self, weights: &mut [T], inputs: usize, outputs: usize, rng: &mut dyn Rng) {
        let standard_deviation = self.standard_deviation(inputs, outputs);
        for weight in weights {
            let deviate: f64 = rng.sample(StandardNormal);
            *weight = T::nearest(standard_deviation * deviate);
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::*;

    fn sample(initializer: Initializer) -> Vec<f64> {
        let mut weights = vec![0.0; 20_000];
        initializer.fill(&mut weights, 150, 50, &mut ChaCha8Rng::seed_from_u64(5));
        weights
    }

    #[test]
    fn the_spread_is_the_stated_one() {
        for (initializer, standard_deviation) in [
            (Initializer::normal(0.01).unwrap(), 0.01),
            (Initializer::glorot_normal(), 0.1),
            (Initializer::he_normal(), (2.0_f64 / 150.0).sqrt()),
        ] {
            let weights = sample(initializer);
            let n = weights.len() as f64;
            let mean = weights.iter().sum::<f64>() / n;
            let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / n;
            // Five standard errors of either estimate.
            assert!(mean.abs() < 5.0 * standard_deviation / n.sqrt(), "{mean}");
            assert_relative_eq!(variance.sqrt(), standard_deviation, max_relative = 5.0 / (2.0 * n).sqrt());
        }
    }

    #[test]
    fn the_stream_is_pinned() {
        let weights = sample(Initializer::normal(1.0).unwrap());
        assert_eq!(weights[..3], [-1.0750753992924071, 0.21923597411785128, 1.1057015483967185]);
        let mut rounded = vec![0.0_f32; 3];
        Initializer::normal(1.0).unwrap().fill(&mut rounded, 1, 1, &mut ChaCha8Rng::seed_from_u64(5));
        assert_eq!(rounded, weights[..3].iter().map(|&w| w as f32).collect::<Vec<_>>());
    }

    #[test]
    fn a_bad_deviation_is_refused() {
        for standard_deviation in [-0.01, f64::NAN, f64::INFINITY] {
            assert!(matches!(Initializer::normal(standard_deviation), Err(Error::InvalidParameter { .. })));
        }
    }
}
