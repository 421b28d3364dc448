use super::kullback_leibler::SoftmaxKullbackLeibler;
use super::{ClassWeights, Loss, LossConfiguration, SigmoidCrossEntropy, SoftmaxCrossEntropy};
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
