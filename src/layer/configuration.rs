use super::{
    Dense, Dropout, Elu, Gelu, Identity, Layer, LayerNormalization, LeakyRelu, LogSoftmax, Relu, Sigmoid, Silu,
    Softmax, Softplus, Tanh, TanhGelu,
};
use crate::error::Result;
use crate::real::Real;

/// What rebuilds one of the crate's layers: its name, sizes and hyper-parameters.
///
/// With the feature `serde` it is written as serde writes enums, in JSON as `"Relu"` or `{"Dropout":{"rate":0.5}}`; an
/// unknown name or field is an error. What is read is checked by [`build`](Self::build).
///
/// # Examples
/// ```
/// use gradus::layer::{Dropout, LayerConfiguration};
/// use gradus::Layer;
///
/// let configuration = Layer::<f64>::configuration(&Dropout::new(0.5)?).unwrap();
/// let layer = configuration.build::<f64>()?;
/// assert_eq!(layer.configuration(), Some(configuration));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub enum LayerConfiguration {
    /// A [`Dense`] layer.
    #[non_exhaustive]
    Dense {
        /// Its inputs.
        inputs: usize,
        /// Its outputs.
        outputs: usize,
    },
    /// A [`LayerNormalization`].
    #[non_exhaustive]
    LayerNormalization {
        /// Its features.
        features: usize,
        /// Its ε.
        epsilon: f64,
    },
    /// A [`Dropout`].
    #[non_exhaustive]
    Dropout {
        /// The probability that a value is dropped.
        rate: f64,
    },
    /// A [`Softmax`].
    Softmax,
    /// A [`LogSoftmax`].
    LogSoftmax,
    /// An [`Identity`].
    Identity,
    /// A [`Sigmoid`].
    Sigmoid,
    /// A [`Tanh`].
    Tanh,
    /// A [`Relu`].
    Relu,
    /// A [`LeakyRelu`].
    #[non_exhaustive]
    LeakyRelu {
        /// The slope of negative values.
        slope: f64,
    },
    /// An [`Elu`].
    #[non_exhaustive]
    Elu {
        /// Its α.
        alpha: f64,
    },
    /// A [`Gelu`].
    Gelu,
    /// A [`TanhGelu`].
    TanhGelu,
    /// A [`Silu`].
    Silu,
    /// A [`Softplus`].
    Softplus,
}

impl LayerConfiguration {
    /// The layer, for [`NetworkBuilder::boxed_layer`](crate::network::NetworkBuilder::boxed_layer).
    ///
    /// # Errors
    /// Those of the layer's constructor; sizes are checked where the network is built.
    pub fn build<T: Real>(&self) -> Result<Box<dyn Layer<T>>> {
        Ok(match *self {
            Self::Dense { inputs, outputs } => Box::new(Dense::new(inputs, outputs)),
            Self::LayerNormalization { features, epsilon } => {
                Box::new(LayerNormalization::new(features).with_epsilon(epsilon)?)
            }
            Self::Dropout { rate } => Box::new(Dropout::new(rate)?),
            Self::Softmax => Box::new(Softmax),
            Self::LogSoftmax => Box::new(LogSoftmax),
            Self::Identity => Box::new(Identity),
            Self::Sigmoid => Box::new(Sigmoid),
            Self::Tanh => Box::new(Tanh),
            Self::Relu => Box::new(Relu),
            Self::LeakyRelu { slope } => Box::new(LeakyRelu::new(slope)?),
            Self::Elu { alpha } => Box::new(Elu::new(alpha)?),
            Self::Gelu => Box::new(Gelu),
            Self::TanhGelu => Box::new(TanhGelu),
            Self::Silu => Box::new(Silu),
            Self::Softplus => Box::new(Softplus),
        })
    }

    /// Whether the hyper-parameters are still what they must be once they are rounded to `T`.
    pub(crate) fn check_rounded<T: Real>(&self) -> Result<()> {
        let rounded = |value: f64| T::nearest(value).to_f64();
        match *self {
            Self::LayerNormalization { features, epsilon } => {
                LayerNormalization::new(features).with_epsilon(rounded(epsilon)).map(|_| ())
            }
            Self::Dropout { rate } => Dropout::new(rounded(rate)).map(|_| ()),
            Self::LeakyRelu { slope } => LeakyRelu::new(rounded(slope)).map(|_| ()),
            Self::Elu { alpha } => Elu::new(rounded(alpha)).map(|_| ()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn hyper_parameters_are_checked_as_the_constructors_do() {
        for bad in [
            LayerConfiguration::Dropout { rate: 1.0 },
            LayerConfiguration::LeakyRelu { slope: -1.0 },
            LayerConfiguration::Elu { alpha: f64::NAN },
            LayerConfiguration::LayerNormalization { features: 3, epsilon: 0.0 },
        ] {
            assert!(matches!(bad.build::<f32>(), Err(Error::InvalidParameter { .. })), "{bad:?}");
        }
    }
}
