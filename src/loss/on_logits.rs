use super::kullback_leibler::information;
use super::{ClassWeights, Loss, LossConfiguration, SigmoidCrossEntropy, SoftmaxCrossEntropy, weighted_mean};
use crate::batch::{Batch, BatchMut};
use crate::error::Error;
use crate::layer::LayerConfiguration;
use crate::real::Real;

/// The loss of the probabilities that a layer makes, as a function of the logits that it makes them of.
///
/// Close to 0 and 1 probabilities no longer tell logits apart: 1 − σ(40) is 0 to sixteen digits, and the slope of the
/// logarithm of what is left is no longer that of the logits. None for other pairs.
pub(crate) fn on_logits<T: Real>(loss: &LossConfiguration, layer: &LayerConfiguration) -> Option<Box<dyn Loss<T>>> {
    Some(match (loss, layer) {
        (LossConfiguration::CrossEntropy, LayerConfiguration::Softmax) => Box::new(SoftmaxCrossEntropy),
        (LossConfiguration::KullbackLeibler, LayerConfiguration::Softmax) => Box::new(SoftmaxKullbackLeibler),
        (LossConfiguration::BinaryCrossEntropy, LayerConfiguration::Sigmoid) => Box::new(SigmoidCrossEntropy),
        (LossConfiguration::LabelSmoothing { smoothing, loss }, _) => {
            let loss = Box::new(on_logits::<T>(loss, layer)?.configuration()?);
            LossConfiguration::LabelSmoothing { smoothing: *smoothing, loss }.build().ok()?
        }
        (LossConfiguration::ClassWeights { weights, loss }, _) => {
            let weights: Vec<T> = weights.iter().copied().map(T::nearest).collect();
            Box::new(ClassWeights::new(on_logits::<T>(loss, layer)?, weights).ok()?)
        }
        _ => return None,
    })
}

/// Why the slope of a loss of probabilities, which has no pair among [`on_logits`], would be lost where the layer that makes
/// them is saturated: it is another one, or there is a layer between the two. None if nothing is known of the layer.
pub(crate) fn refusal(loss: &LossConfiguration, layers: &[Option<LayerConfiguration>]) -> Option<Error> {
    let loss = match loss {
        LossConfiguration::LabelSmoothing { loss, .. } | LossConfiguration::ClassWeights { loss, .. } => {
            return refusal(loss, layers);
        }
        LossConfiguration::CrossEntropy => "CrossEntropy",
        LossConfiguration::KullbackLeibler => "KullbackLeibler",
        LossConfiguration::BinaryCrossEntropy => "BinaryCrossEntropy",
        _ => return None,
    };
    let passes = |layer: &Option<LayerConfiguration>| {
        matches!(layer, Some(LayerConfiguration::Identity | LayerConfiguration::Dropout { .. }))
    };
    let place = layers.iter().rposition(|layer| !passes(layer))?;
    let (layer, expected) = match layers[place] {
        // A network needs a layer before it to be without this one.
        _ if place == 0 => return None,
        Some(LayerConfiguration::Softmax) => {
            ("Softmax", "CrossEntropy right behind it, or SoftmaxCrossEntropy without it")
        }
        Some(LayerConfiguration::Sigmoid) => {
            ("Sigmoid", "BinaryCrossEntropy right behind it, or SigmoidCrossEntropy without it")
        }
        _ => return None,
    };
    Some(Error::LostSlope { loss, layer, expected })
}

/// The divergence of softmax(x), on the logits x.
#[derive(Clone, Copy, Debug)]
struct SoftmaxKullbackLeibler;

impl SoftmaxKullbackLeibler {
    /// What it has more than the cross-entropy.
    fn constant<T: Real>(prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        weighted_mean(prediction, target, weights, |_, target| {
            target.iter().fold(T::zero(), |sum, &t| sum + information(t))
        })
    }
}

impl<T: Real> Loss<T> for SoftmaxKullbackLeibler {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        SoftmaxCrossEntropy.value(prediction, target, weights) + Self::constant(prediction, target, weights)
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        let constant = Self::constant(prediction, target, weights);
        SoftmaxCrossEntropy.value_and_gradient(prediction, target, weights, gradient) + constant
    }
}
