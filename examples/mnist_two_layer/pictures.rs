//! The curves, and what the first layer has learned, as SVG.

use gradus::Network;
use gradus::nalgebra::DMatrix;
use gradus::plot::{Figure, Grid, Mark, PlotError, Series, weight_images};

/// What a training run leaves to be drawn; epochs are passes over as many images as there are.
#[derive(Default)]
pub(crate) struct Curves {
    /// (epoch, training accuracy, test accuracy)
    pub(crate) accuracy: Vec<(f64, f64, f64)>,
    /// (epoch, loss of the mini-batch)
    pub(crate) loss: Vec<(f64, f64)>,
}

impl Curves {
    pub(crate) fn accuracy(&self) -> Figure {
        let end = self.accuracy.last().map_or(1.0, |last| last.0).max(1e-3);
        let training = self.accuracy.iter().map(|&(epoch, training, _)| [epoch, training]);
        let test = self.accuracy.iter().map(|&(epoch, _, test)| [epoch, test]);
        Figure::new("MNIST, two layers: accuracy", "epoch", "accuracy")
            .with_ranges([0.0, end], [0.0, 1.0])
            .with(Series::new("training images", Mark::Line, training))
            .with(Series::new("test images", Mark::DashedLine, test))
    }

    /// The loss of single mini-batches is noisy: it is drawn in gray, with its mean over every fiftieth of the run.
    pub(crate) fn loss(&self) -> Figure {
        let end = self.loss.last().map_or(1.0, |last| last.0).max(1e-3);
        let highest = self.loss.iter().map(|&(_, loss)| loss).fold(0.1, f64::max);
        let every = self.loss.len().div_ceil(1_000).max(1);
        let sampled = self.loss.iter().step_by(every).map(|&(epoch, loss)| [epoch, loss]);
        let means = self.loss.chunks(self.loss.len().div_ceil(50).max(1)).map(|part| {
            let mean = |of: fn(&(f64, f64)) -> f64| part.iter().map(of).sum::<f64>() / part.len() as f64;
            [mean(|point| point.0), mean(|point| point.1)]
        });
        Figure::new("MNIST, two layers: loss", "epoch", "cross-entropy (nats)")
            .with_ranges([0.0, end], [0.0, highest])
            .with(Series::new("single mini-batches", Mark::Line, sampled).in_gray())
            .with(Series::new("mean", Mark::Line, means))
    }
}

/// The weights of each hidden unit as an image of 28 rows, as it looks at one.
pub(crate) fn first_layer(network: &Network<f32>, parameters: &[f32]) -> Result<Grid, PlotError> {
    let weights = &network.parameter_ranges()[0];
    let (units, pixels) = (weights.block.rows, weights.block.columns);
    weight_images(&DMatrix::from_column_slice(units, pixels, &parameters[weights.range.clone()]), 28)
}
