use std::path::Path;

use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::PlotError;
use crate::error::Error;
use crate::file::save_file;

/// Colors that all eyes tell apart: M. Okabe, K. Ito (2008), Color Universal Design.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
const GRAY: RGBColor = RGBColor(130, 130, 130);
pub(super) const SIZE: (u32, u32) = (800, 600);
pub(super) const FONT: &str = "sans-serif";

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// A line through the points, in their order.
    Line,
    /// The same, dashed.
    DashedLine,
    /// A line through the points, each of them marked.
    Path,
    /// Discs.
    Points,
    /// An area: along the points, and back to the first.
    Area,
    /// A line from the first point to the second, from the third to the fourth, and so on.
    Segments,
}

/// Points under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    name: String,
    mark: Mark,
    points: Vec<[f64; 2]>,
    is_gray: bool,
}

impl Series {
    /// Points (x, y), in the color of their place in the figure.
    pub fn new(name: impl Into<String>, mark: Mark, points: impl IntoIterator<Item = [f64; 2]>) -> Self {
        Self { name: name.into(), mark, points: points.into_iter().collect(), is_gray: false }
    }

    /// The same in gray: for what stands in the background, and takes no color from the others.
    #[must_use]
    pub fn in_gray(self) -> Self {
        Self { is_gray: true, ..self }
    }

    /// The name, which stands in the legend.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is drawn.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The points (x, y).
    #[must_use]
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }
}

/// A chart with two axes, 800 × 600.
///
/// # Examples
/// ```
/// use gradus::plot::{Figure, Mark, Series};
///
/// let squares = Series::new("x²", Mark::Line, (-10..=10).map(|x| [f64::from(x), f64::from(x * x)]));
/// let figure = Figure::new("A parabola", "x", "y").with(squares);
/// assert!(figure.to_svg()?.contains("A parabola"));
/// # Ok::<(), gradus::plot::PlotError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    title: String,
    axes: [String; 2],
    series: Vec<Series>,
    ranges: [Option<[f64; 2]>; 2],
}

impl Figure {
    /// Axes without points.
    pub fn new(title: impl Into<String>, x: impl Into<String>, y: impl Into<String>) -> Self {
        Self { title: title.into(), axes: [x.into(), y.into()], series: Vec::new(), ranges: [None, None] }
    }

    /// The same with a series more, drawn over the others.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The same under another title.
    #[must_use]
    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// The same with other names of the axes: what they are, and the unit.
    #[must_use]
    pub fn with_axes(self, x: impl Into<String>, y: impl Into<String>) -> Self {
        Self { axes: [x.into(), y.into()], ..self }
    }

    /// The same with axes from the first to the second of each; otherwise they are as long as the points need.
    ///
    /// # Examples
    /// ```
    /// use gradus::plot::{Figure, Mark, Series};
    ///
    /// let limit = Series::new("limit", Mark::DashedLine, [[0.0, 1.0], [10.0, 1.0]]).in_gray();
    /// let figure = Figure::new("A step response", "t (s)", "x").with(limit).with_ranges([0.0, 10.0], [0.0, 1.5]);
    /// assert!(figure.to_svg()?.contains("t (s)"));
    /// # Ok::<(), gradus::plot::PlotError>(())
    /// ```
    #[must_use]
    pub fn with_ranges(self, x: [f64; 2], y: [f64; 2]) -> Self {
        Self { ranges: [Some(x), Some(y)], ..self }
    }

    /// What is drawn.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// Writes the chart to an SVG file.
    ///
    /// How the file is replaced is said at [`save_file`](crate::file::save_file); its bytes are a function of the
    /// figure.
    ///
    /// # Errors
    /// As [`to_svg`](Self::to_svg), and [`PlotError::Save`] if the file cannot be saved.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        Ok(save_file(path, self.to_svg()?)?)
    }

    /// The chart as SVG. Characters that XML cannot hold, as U+0000, are drawn as U+FFFD, �.
    ///
    /// # Errors
    /// [`Error::Empty`] if there are no points, [`PlotError::NotFinite`] if one is not finite, [`PlotError::Range`] if
    /// an axis would be too long, or ends before it begins.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        for series in &self.series {
            if let Some(&point) = series.points.iter().find(|point| !point.iter().all(|value| value.is_finite())) {
                return Err(PlotError::NotFinite { series: series.name.clone(), point });
            }
        }
        let [left, right] = self.range(0)?;
        let [low, high] = self.range(1)?;
        draw(|area| {
            let mut chart = ChartBuilder::on(area)
                .margin(20)
                .caption(&self.title, (FONT, 24))
                .x_label_area_size(50)
                .y_label_area_size(70)
                .build_cartesian_2d(left..right, low..high)?;
            let labels = [label(right - left), label(high - low)];
            let mut mesh = chart.configure_mesh();
            mesh.x_desc(&self.axes[0]).y_desc(&self.axes[1]).label_style((FONT, 16)).axis_desc_style((FONT, 20));
            mesh.x_label_formatter(&labels[0]).y_label_formatter(&labels[1]);
            mesh.light_line_style(TRANSPARENT).bold_line_style(BLACK.mix(0.1)).draw()?;
            let mut colors = COLORS.iter().cycle();
            for series in &self.series {
                let color = if series.is_gray { GRAY } else { *colors.next().unwrap_or(&BLACK) };
                series.draw(&mut chart, color)?;
            }
            let mut labels = chart.configure_series_labels();
            labels.position(self.emptiest_corner([left, right], [low, high])).margin(15).legend_area_size(40);
            labels.label_font((FONT, 18)).background_style(WHITE.mix(0.85)).border_style(BLACK.mix(0.3)).draw()?;
            Ok(())
        })
    }

    /// The ends of an axis.
    fn range(&self, axis: usize) -> Result<[f64; 2], PlotError> {
        let wrong = |low, high| PlotError::Range { axis: self.axes[axis].clone(), low, high };
        if let Some([low, high]) = self.ranges[axis] {
            let is_right = low.is_finite() && high.is_finite() && low < high;
            return if is_right { Ok([low, high]) } else { Err(wrong(low, high)) };
        }
        let values = || self.series.iter().flat_map(|series| &series.points).map(|point| point[axis]);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if low > high {
            return Err(Error::Empty { what: "points to draw" }.into());
        }
        let largest = low.abs().max(high.abs());
        if largest > 1e300 {
            return Err(wrong(low, high));
        }
        // An axis has a length, of which the labels can tell the ends apart.
        let least = (1e-6 * largest).max(1e-300);
        let length = if high - low >= least {
            high - low
        } else if largest > 0.0 {
            least
        } else {
            2.0
        };
        let middle = low / 2.0 + high / 2.0;
        Ok([middle - 0.54 * length, middle + 0.54 * length])
    }

    /// Where the legend hides the fewest points.
    fn emptiest_corner(&self, [left, right]: [f64; 2], [low, high]: [f64; 2]) -> SeriesLabelPosition {
        let corners = [
            (SeriesLabelPosition::UpperLeft, 0.0, 1.0),
            (SeriesLabelPosition::LowerRight, 1.0, 0.0),
            (SeriesLabelPosition::LowerLeft, 0.0, 0.0),
        ];
        // About as large as plotters draws it, of axes of 690 × 480.
        let longest = self.series.iter().map(|series| series.name.chars().count()).max().unwrap_or(0);
        let width = (80 + 9 * longest) as f64 / 690.0;
        let height = (45 + 23 * self.series.len()) as f64 / 480.0;
        let points = || self.series.iter().filter(|series| series.mark != Mark::Area).flat_map(|series| &series.points);
        let hidden = |x: f64, y: f64| {
            let near = |&&[px, py]: &&[f64; 2]| {
                ((px - left) / (right - left) - x).abs() < width && ((py - low) / (high - low) - y).abs() < height
            };
            points().filter(near).count()
        };
        let mut best = (SeriesLabelPosition::UpperRight, hidden(1.0, 1.0));
        for (corner, x, y) in corners {
            if hidden(x, y) < best.1 {
                best = (corner, hidden(x, y));
            }
        }
        best.0
    }
}

impl Series {
    fn draw<'a, 'b: 'a>(&self, chart: &mut Chart<'a, 'b>, color: RGBColor) -> Result<(), Failure> {
        let points = self.points.iter().map(|&[x, y]| (x, y));
        let thin = color.stroke_width(1);
        let stroke = if self.is_gray { thin } else { color.stroke_width(3) };
        let key = move |(x, y): (i32, i32)| [(x, y), (x + 30, y)];
        match self.mark {
            Mark::Line => {
                let drawn = chart.draw_series(LineSeries::new(points, stroke))?;
                drawn.label(&self.name).legend(move |at| PathElement::new(key(at), stroke));
            }
            Mark::DashedLine => {
                let drawn = chart.draw_series(DashedLineSeries::new(points, 10, 6, stroke))?;
                drawn.label(&self.name).legend(move |at| DashedPathElement::new(key(at), 10, 6, stroke));
            }
            Mark::Path => {
                chart.draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?;
                let drawn = chart.draw_series(points.map(|point| Circle::new(point, 4, color.filled())))?;
                drawn.label(&self.name).legend(move |at| PathElement::new(key(at), color.stroke_width(2)));
            }
            Mark::Points => {
                let drawn = chart.draw_series(points.map(|point| Circle::new(point, 4, color.mix(0.8).filled())))?;
                drawn.label(&self.name).legend(move |(x, y)| Circle::new((x + 15, y), 4, color.filled()));
            }
            Mark::Area => {
                let style = color.mix(0.25).filled();
                let drawn = chart.draw_series([Polygon::new(points.collect::<Vec<_>>(), style)])?;
                drawn.label(&self.name).legend(move |(x, y)| Rectangle::new([(x, y - 7), (x + 30, y + 7)], style));
            }
            Mark::Segments => {
                let segments =
                    self.points.chunks_exact(2).map(|ends| ends.iter().map(|&[x, y]| (x, y)).collect::<Vec<_>>());
                let drawn = chart.draw_series(segments.map(|ends| PathElement::new(ends, thin)))?;
                drawn.label(&self.name).legend(move |at| PathElement::new(key(at), thin));
            }
        }
        Ok(())
    }
}

/// Numbers on an axis of this length, with as many digits as it takes to tell them apart.
fn label(length: f64) -> impl Fn(&f64) -> String {
    move |&value| {
        // What should be 0 may be a rounding error of the distances between labels.
        let value = if value.abs() < 1e-9 * length { 0.0 } else { value };
        let digits = (1.0 - length.log10().floor()).max(0.0);
        if value != 0.0 && (digits > 5.0 || value.abs() >= 1e6) {
            return format!("{value:.2e}");
        }
        let text = format!("{value:.*}", digits as usize);
        // A whole number reads best without a point.
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }
}

pub(super) type Failure = Box<dyn std::error::Error>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// A picture as SVG.
pub(super) fn draw(content: impl FnOnce(&Area<'_>) -> Result<(), Failure>) -> Result<String, PlotError> {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let filled = area.fill(&WHITE).map_err(Failure::from);
        filled.and_then(|()| content(&area)).and_then(|()| Ok(area.present()?))
    };
    drawn.map_err(|error| PlotError::Drawing(error.to_string()))?;
    // Most pictures have none.
    Ok(if svg.contains(no_xml) { svg.replace(no_xml, "\u{FFFD}") } else { svg })
}

/// Characters that XML has no place for, not even as a reference.
fn no_xml(character: char) -> bool {
    matches!(character, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}')
}
