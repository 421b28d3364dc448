//! The curves, 800 × 600.

use std::error::Error;
use std::path::Path;

use gradus::EpochRecord;
use plotters::prelude::*;

// Colours that all eyes tell apart: M. Okabe, K. Ito (2008), Color Universal Design.
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const BLUE: RGBColor = RGBColor(0, 114, 178);

/// Training and validation loss by epoch, and the epoch whose parameters were kept.
pub(crate) fn draw_losses(path: &Path, records: &[EpochRecord], best: usize) -> Result<(), Box<dyn Error>> {
    let training = records.iter().map(|record| (record.epoch as f64, record.training_loss));
    let validation = records.iter().filter_map(|record| Some((record.epoch as f64, record.validation_loss?)));
    let highest = training.clone().chain(validation.clone()).map(|(_, loss)| loss).fold(0.0, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (800, 600)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(20)
            .caption("Cross-entropy while the network learns", ("sans-serif", 24))
            .x_label_area_size(50)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..records.len() as f64, 0.0..highest * 1.05)?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc("epoch").y_desc("loss").label_style(("sans-serif", 16)).axis_desc_style(("sans-serif", 20));
        mesh.light_line_style(TRANSPARENT).bold_line_style(BLACK.mix(0.1)).draw()?;
        chart
            .draw_series(LineSeries::new(training, BLUE.stroke_width(3)))?
            .label("training")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 30, y)], BLUE.stroke_width(3)));
        chart
            .draw_series(LineSeries::new(validation, ORANGE.stroke_width(3)))?
            .label("validation")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 30, y)], ORANGE.stroke_width(3)));
        let kept = best as f64;
        chart
            .draw_series(DashedLineSeries::new([(kept, 0.0), (kept, highest)], 6, 4, BLACK.stroke_width(1)))?
            .label("kept")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 30, y)], BLACK.stroke_width(1)));
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperRight).margin(15).legend_area_size(40);
        labels.label_font(("sans-serif", 18)).background_style(WHITE).border_style(BLACK.mix(0.3)).draw()?;
        area.present()?;
    }
    std::fs::write(path, svg).map_err(|error| format!("{}: {error}", path.display()).into())
}
