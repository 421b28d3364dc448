//! The two pictures, 800 × 600.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

// Colours that all eyes tell apart: M. Okabe, K. Ito (2008), Color Universal Design.
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILLION: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(130, 130, 130);

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The points, and the lines with the parameters (b, a) that either method found.
pub(crate) fn draw_fit(path: &Path, x: &[f64], y: &[f64], exact: &[f64], approached: &[f64]) -> Result<()> {
    write_picture(path, |area| {
        let low = y.iter().copied().fold(f64::INFINITY, f64::min);
        let high = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let title = "A line through noisy points, fitted in two ways";
        let mut chart = axes(area, title, ["x", "y"], [(0.0, 10.0), (low - 1.0, high + 1.0)])?;
        chart
            .draw_series(x.iter().zip(y).map(|(&x, &y)| Circle::new((x, y), 4, GREY.filled())))?
            .label("observations")
            .legend(|(x, y)| Circle::new((x + 15, y), 4, GREY.filled()));
        let ends = |line: &[f64]| [0.0, 10.0].map(|x| (x, line[0] + line[1] * x));
        chart
            .draw_series(LineSeries::new(ends(exact), ORANGE.stroke_width(7)))?
            .label("normal equation")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 30, y)], ORANGE.stroke_width(7)));
        chart
            .draw_series(DashedLineSeries::new(ends(approached), 12, 8, BLUE.stroke_width(3)))?
            .label("gradient descent")
            .legend(|(x, y)| DashedPathElement::new([(x, y), (x + 30, y)], 12, 8, BLUE.stroke_width(3)));
        legend(&mut chart, SeriesLabelPosition::UpperLeft)
    })
}

/// The points of a descent on x₀² + x₁², over circles of equal value.
pub(crate) fn draw_path(path: &Path, points: &[[f64; 2]]) -> Result<()> {
    write_picture(path, |area| {
        // Ranges in the proportion of the sides, so that circles are round.
        let title = "Gradient descent on f(x₀, x₁) = x₀² + x₁², learning rate 0.1";
        let mut chart = axes(area, title, ["x₀", "x₁"], [(-7.9, 7.9), (-5.4, 5.4)])?;
        let pixel = |x: f64| chart.backend_coord(&(x, 0.0)).0;
        let circles =
            [1, 2, 3, 4, 5].map(|radius| Circle::new((0.0, 0.0), pixel(f64::from(radius)) - pixel(0.0), BLUE));
        chart
            .draw_series(circles)?
            .label("contours of f")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 30, y)], BLUE));
        let centred = |size, color: &RGBColor, horizontal| {
            ("sans-serif", size).into_font().color(color).pos(Pos::new(horizontal, VPos::Center))
        };
        chart.draw_series([1, 2, 3, 4, 5].map(|radius| {
            Text::new((radius * radius).to_string(), (f64::from(radius) + 0.1, 0.0), centred(16, &BLUE, HPos::Left))
        }))?;
        chart
            .draw_series(LineSeries::new(points.iter().map(|&[x0, x1]| (x0, x1)), VERMILLION.stroke_width(2)))?
            .label("the steps")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 30, y)], VERMILLION.stroke_width(2)));
        chart.draw_series(points.iter().map(|&[x0, x1]| Circle::new((x0, x1), 4, VERMILLION.filled())))?;
        let start = Text::new(
            "start (−3, 4)",
            (points[0][0] - 0.25, points[0][1] + 0.25),
            centred(18, &VERMILLION, HPos::Right),
        );
        chart.draw_series([start])?;
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    })
}

fn write_picture(path: &Path, draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<()> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (800, 600)).into_drawing_area();
        area.fill(&WHITE)?;
        draw(&area)?;
        area.present()?;
    }
    std::fs::write(path, svg).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn axes<'a, 'b>(area: &Area<'b>, title: &str, names: [&str; 2], ranges: [(f64, f64); 2]) -> Result<Chart<'a, 'b>> {
    let [(left, right), (low, high)] = ranges;
    let mut chart = ChartBuilder::on(area)
        .margin(20)
        .caption(title, ("sans-serif", 24))
        .x_label_area_size(50)
        .y_label_area_size(60)
        .build_cartesian_2d(left..right, low..high)?;
    chart
        .configure_mesh()
        .x_desc(names[0])
        .y_desc(names[1])
        .label_style(("sans-serif", 16))
        .axis_desc_style(("sans-serif", 20))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.1))
        .draw()?;
    Ok(chart)
}

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, position: SeriesLabelPosition) -> Result<()> {
    let style = ("sans-serif", 18);
    let mut labels = chart.configure_series_labels();
    labels.position(position).margin(15).legend_area_size(40).label_font(style);
    labels.background_style(WHITE).border_style(BLACK.mix(0.3)).draw()?;
    Ok(())
}
