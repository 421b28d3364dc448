use super::{Layer, LayerConfiguration, Mode, Pass, mix};
use crate::batch::{Batch, BatchMut};
use crate::checks;
use crate::error::Result;
use crate::real::Real;

/// Inverted dropout: in training each value is dropped with the probability r, its rate, and the others are divided by
/// 1 − r; `y = x ⊙ m / (1 − r)`. To predict, `y = x`.
///
/// The expectation of y is x. What is dropped is a function of the seed in [`Mode`], the number of the sample and the
/// unit: a network under a loss stays a function while it is bound to a batch, and a sample has the same mask alone and
/// among others. Every binding has masks of its own.
///
/// # Shapes
/// Any; the output has the shape of the input.
///
/// # Derivatives
/// `∂L/∂x = ∂L/∂y ⊙ m / (1 − r)`, with the mask of the forward pass.
///
/// # Numerics
/// The probability of being dropped is r to 2⁻⁶⁴. A NaN is passed on though it be dropped.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{DVector, dvector};
/// use gradus::{Dropout, Network};
///
/// let network = Network::builder(2).layer(Dropout::new(0.5)?).build()?;
/// let x = dvector![3.0, 4.0];
/// assert_eq!(network.predict(&DVector::zeros(0), &x)?, x);
/// assert!(Dropout::new(1.0).is_err());
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov (2014): Dropout: a simple way to prevent
/// neural networks from overfitting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    rate: f64,
}

impl Dropout {
    /// With this rate: the probability that a value is dropped.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless 0 ≤ rate < 1.
    pub fn new(rate: f64) -> Result<Self> {
        checks::fraction("dropout rate", rate)?;
        Ok(Self { rate })
    }

    /// The probability that a value is dropped.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

impl<T: Real> Layer<T> for Dropout {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        Ok(input_size)
    }

    fn cache_size(&self, input_size: usize, samples: usize) -> usize {
        input_size * samples
    }

    fn forward(
        &self,
        _parameters: &[T],
        input: Batch<'_, T>,
        mut output: BatchMut<'_, T>,
        cache: &mut [T],
        mode: Mode,
    ) {
        let Mode::Train { seed, first_sample } = mode else {
            output.as_mut_slice().copy_from_slice(input.as_slice());
            return;
        };
        let kept = T::nearest((1.0 - self.rate).recip());
        // Of 2⁶⁴ numbers those below it.
        let dropped = (self.rate * 2.0_f64.powi(64)) as u64;
        let factors = cache.chunks_exact_mut(input.features().max(1));
        for (sample, ((x, y), factors)) in input.iter().zip(output.iter_mut()).zip(factors).enumerate() {
            let seed = mix(seed, (first_sample + sample) as u64);
            for (unit, ((&x, y), factor)) in x.iter().zip(y).zip(factors).enumerate() {
                *factor = if mix(seed, unit as u64) < dropped { T::zero() } else { kept };
                *y = x * *factor;
            }
        }
    }

    fn backward(
        &self,
        _parameters: &[T],
        pass: Pass<'_, T>,
        output_gradient: Batch<'_, T>,
        _gradient: &mut [T],
        input_gradient: Option<BatchMut<'_, T>>,
    ) {
        let Some(mut input_gradient) = input_gradient else { return };
        if !matches!(pass.mode, Mode::Train { .. }) {
            input_gradient.as_mut_slice().copy_from_slice(output_gradient.as_slice());
            return;
        }
        let slopes = pass.cache.iter().zip(output_gradient.as_slice());
        for (dx, (&factor, &dy)) in input_gradient.as_mut_slice().iter_mut().zip(slopes) {
            *dx = factor * dy;
        }
    }

    fn configuration(&self) -> Option<LayerConfiguration> {
        Some(LayerConfiguration::Dropout { rate: self.rate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{backward, forward};
    use super::*;
    use crate::error::Error;

    fn train(seed: u64, first_sample: usize) -> Mode {
        Mode::Train { seed, first_sample }
    }

    fn dropped(rate: f64, count: usize, features: usize, mode: Mode) -> Vec<f64> {
        forward(&Dropout::new(rate).unwrap(), &[], &vec![1.0; count], features, mode).0
    }

    #[test]
    fn the_rate_is_kept_and_so_is_the_mean() {
        const COUNT: usize = 100_000;
        for rate in [0.1, 0.5, 0.9] {
            assert_eq!(Dropout::new(rate).unwrap().rate(), rate);
            let y = dropped(rate, COUNT, 100, train(3, 0));
            let kept = y.iter().filter(|&&y| y != 0.0).count() as f64 / COUNT as f64;
            // Five standard deviations.
            let bound = 5.0 * (rate * (1.0 - rate) / COUNT as f64).sqrt();
            assert!((kept - (1.0 - rate)).abs() < bound, "{rate}: {kept}");
            assert!(y.iter().all(|&y| y == 0.0 || y == 1.0 / (1.0 - rate)));
            let mean = y.iter().sum::<f64>() / COUNT as f64;
            assert!((mean - 1.0).abs() < bound / (1.0 - rate), "{rate}: {mean}");
        }
    }

    /// Neighbouring units, samples and seeds must agree as often as chance has it.
    #[test]
    fn masks_are_unrelated() {
        const FEATURES: usize = 500;
        let y = dropped(0.5, FEATURES * FEATURES, FEATURES, train(3, 0));
        let other = dropped(0.5, FEATURES * FEATURES, FEATURES, train(4, 0));
        let agreement = |a: &[f64], b: &[f64]| {
            let count = a.len().min(b.len());
            let agreeing = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / count as f64;
            (agreeing - 0.5) / (0.25 / count as f64).sqrt()
        };
        for deviations in [agreement(&y, &y[1..]), agreement(&y, &y[FEATURES..]), agreement(&y, &other)] {
            assert!(deviations.abs() < 5.0, "{deviations}");
        }
    }

    #[test]
    fn a_sample_has_its_mask_alone_and_among_others() {
        let together = dropped(0.5, 5 * 40, 40, train(9, 0));
        for sample in 0..5 {
            assert_eq!(dropped(0.5, 40, 40, train(9, sample)), together[40 * sample..40 * (sample + 1)]);
        }
        assert_ne!(together[..40], together[40..80]);
    }

    #[test]
    fn the_mask_is_pinned_and_the_same_for_either_number() {
        let pattern = |y: &[f64]| y.iter().map(|&y| if y == 0.0 { '.' } else { 'x' }).collect::<String>();
        assert_eq!(pattern(&dropped(0.5, 32, 32, train(7, 0))), "xxxx..xxx.x...xxx..x.xx.xxxx.xxx");
        let layer = Dropout::new(0.5).unwrap();
        let single = forward(&layer, &[], &[1.0_f32; 32], 32, train(7, 0)).0;
        let widened: Vec<f64> = single.into_iter().map(f64::from).collect();
        assert_eq!(widened, dropped(0.5, 32, 32, train(7, 0)));
    }

    #[test]
    fn the_way_back_has_the_same_mask() {
        let layer = Dropout::new(0.75).unwrap();
        let dy: Vec<f64> = (0..60).map(f64::from).collect();
        for mode in [train(2, 5), Mode::Predict] {
            let mask = forward(&layer, &[], &[1.0; 60], 20, mode).0;
            let dx = backward(&layer, &[], &[1.0; 60], &dy, 20, mode).1;
            let expected: Vec<f64> = mask.iter().zip(&dy).map(|(mask, dy)| mask * dy).collect();
            assert_eq!(dx, expected);
        }
    }

    #[test]
    fn nothing_is_dropped_at_the_rate_0_or_in_predictions() {
        let x = [1e4, -1e4, 3.0, f64::INFINITY];
        assert_eq!(forward(&Dropout::new(0.0).unwrap(), &[], &x, 4, train(1, 0)).0, x);
        assert_eq!(forward(&Dropout::new(0.99).unwrap(), &[], &x, 4, Mode::Predict).0, x);
        let nan = forward(&Dropout::new(0.5).unwrap(), &[], &[f64::NAN; 50], 50, train(1, 0)).0;
        assert!(nan.iter().all(|y| y.is_nan()));
    }

    #[test]
    fn the_rate_must_be_a_probability_below_1() {
        for bad in [-0.1, 1.0, 1.5, f64::NAN, f64::INFINITY] {
            let error = Dropout::new(bad).unwrap_err();
            assert!(matches!(error, Error::InvalidParameter { name: "dropout rate", .. }), "{bad}");
        }
    }
}
