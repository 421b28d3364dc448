//! The curves, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

// Okabe and Ito's colours, which the colour-blind can tell apart.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(170, 170, 170);

const SIZE: (u32, u32) = (800, 600);

/// What a training run leaves to be drawn; epochs are passes over as many images as there are.
#[derive(Default)]
pub(crate) struct Curves {
    /// (epoch, training accuracy, test accuracy)
    pub(crate) accuracy: Vec<(f64, f64, f64)>,
    /// (epoch, loss of the mini-batch)
    pub(crate) loss: Vec<(f64, f64)>,
}

impl Curves {
    pub(crate) fn draw_accuracy(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let end = self.accuracy.last().map_or(1.0, |last| last.0).max(1e-3);
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption("MNIST, two layers: accuracy", ("sans-serif", 24))
            .margin(20)
            .x_label_area_size(50)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..end, 0.0..1.0)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("epoch")
            .y_desc("accuracy")
            .label_style(("sans-serif", 16))
            .draw()?;
        let training = self.accuracy.iter().map(|&(epoch, training, _)| (epoch, training));
        let test = self.accuracy.iter().map(|&(epoch, _, test)| (epoch, test));
        chart.draw_series(LineSeries::new(training, BLUE.stroke_width(3)))?.label("training images").legend(key(BLUE));
        chart
            .draw_series(DashedLineSeries::new(test, 8, 6, VERMILION.stroke_width(3)))?
            .label("test images")
            .legend(key(VERMILION));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(("sans-serif", 16))
            .border_style(GREY)
            .background_style(WHITE)
            .draw()?;
        root.present()?;
        Ok(())
    }

    /// The loss of single mini-batches is noisy: it is drawn faintly, with its mean over every fiftieth of the run.
    pub(crate) fn draw_loss(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let end = self.loss.last().map_or(1.0, |last| last.0).max(1e-3);
        let highest = self.loss.iter().map(|&(_, loss)| loss).fold(0.1, f64::max);
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption("MNIST, two layers: loss", ("sans-serif", 24))
            .margin(20)
            .x_label_area_size(50)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..end, 0.0..highest)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("epoch")
            .y_desc("cross-entropy (nats)")
            .label_style(("sans-serif", 16))
            .draw()?;
        let every = self.loss.len().div_ceil(1_000).max(1);
        let sampled = self.loss.iter().copied().step_by(every);
        chart.draw_series(LineSeries::new(sampled, &GREY))?.label("single mini-batches").legend(key(GREY));
        let means = self.loss.chunks(self.loss.len().div_ceil(50).max(1)).map(|part| {
            let mean = |of: fn(&(f64, f64)) -> f64| part.iter().map(of).sum::<f64>() / part.len() as f64;
            (mean(|point| point.0), mean(|point| point.1))
        });
        chart.draw_series(LineSeries::new(means, BLUE.stroke_width(3)))?.label("mean").legend(key(BLUE));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(("sans-serif", 16))
            .border_style(GREY)
            .background_style(WHITE)
            .draw()?;
        root.present()?;
        Ok(())
    }
}

/// The line before an entry of the legend.
fn key(colour: RGBColor) -> impl Fn((i32, i32)) -> PathElement<(i32, i32)> {
    move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3))
}
