use std::path::Path;

use nalgebra::DMatrix;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;
use super::figure::{FONT, SIZE, draw};
use crate::error::{Error, Shape};
use crate::file::save_file;
use crate::linalg::View;
use crate::metrics::ConfusionMatrix;
use crate::real::Real;

/// The ends of a scale of colors that all eyes tell apart: Okabe and Ito's blue and vermillion, white between.
const LOW: RGBColor = RGBColor(213, 94, 0);
const HIGH: RGBColor = RGBColor(0, 114, 178);
/// Space for the title above, and for names at the left and below.
const TITLE: i32 = 60;
const NAMES: i32 = 130;

/// A table of colored cells, 800 × 600.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    title: String,
    /// From −1, vermillion, over 0, white, to 1, blue; row by row from the top.
    shades: DMatrix<f64>,
    /// What stands in the cells, if anything does.
    texts: Option<DMatrix<String>>,
    /// Names of rows and columns, and what they are.
    names: Option<(Vec<String>, [String; 2])>,
    /// Cells that belong together, with a gap after so many rows and columns.
    tile: Option<(usize, usize)>,
}

impl Grid {
    /// The same under another title.
    #[must_use]
    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// The colors, rows × columns from the top: from −1, vermillion, over 0, white, to 1, blue.
    #[must_use]
    pub fn shades(&self) -> &DMatrix<f64> {
        &self.shades
    }

    /// Writes the chart to an SVG file, as [`Figure::save`](super::Figure::save) does.
    ///
    /// # Errors
    /// As [`to_svg`](Self::to_svg), and [`PlotError::Save`] if the file cannot be saved.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        Ok(save_file(path, self.to_svg()?)?)
    }

    /// The chart as SVG, with text as [`Figure::to_svg`](super::Figure::to_svg) draws it.
    ///
    /// # Errors
    /// [`PlotError::Drawing`] if it cannot be drawn.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        let (rows, columns) = self.shades.shape();
        let tile = self.tile.unwrap_or((rows, columns));
        // A gap is as wide as a cell.
        let cells = |count: usize, of: usize| (count + count.div_ceil(of.max(1)) - 1) as f64;
        let left = if self.names.is_some() { NAMES } else { 20 };
        let (width, height) =
            (SIZE.0 as i32 - left - 20, SIZE.1 as i32 - TITLE - if self.names.is_some() { 80 } else { 20 });
        let side = (f64::from(width) / cells(columns, tile.1)).min(f64::from(height) / cells(rows, tile.0));
        let place =
            |start: i32, index: usize, of: usize| start + ((index + index / of.max(1)) as f64 * side).round() as i32;
        let end = |start: i32, index: usize, of: usize| {
            start + ((index + index / of.max(1) + 1) as f64 * side).round() as i32
        };
        draw(|area| {
            let text = |size: i32, color: &RGBColor, horizontal: HPos| {
                (FONT, size).into_font().color(color).pos(Pos::new(horizontal, VPos::Center))
            };
            let title = text(24, &BLACK, HPos::Center);
            area.draw(&Text::new(self.title.as_str(), (SIZE.0 as i32 / 2, TITLE / 2), title))?;
            for row in 0..rows {
                for column in 0..columns {
                    let (x, y) = (place(left, column, tile.1), place(TITLE, row, tile.0));
                    let corner = (end(left, column, tile.1), end(TITLE, row, tile.0));
                    let shade = self.shades[(row, column)];
                    area.draw(&Rectangle::new([(x, y), corner], color(shade).filled()))?;
                    if let Some(texts) = &self.texts {
                        area.draw(&Rectangle::new([(x, y), corner], BLACK.mix(0.2)))?;
                        let ink = if shade.abs() > 0.6 { WHITE } else { BLACK };
                        let size = (0.3 * side).clamp(8.0, 22.0) as i32;
                        let middle = ((x + corner.0) / 2, (y + corner.1) / 2);
                        area.draw(&Text::new(texts[(row, column)].as_str(), middle, text(size, &ink, HPos::Center)))?;
                    }
                }
            }
            let Some((names, [what_rows, what_columns])) = &self.names else { return Ok(()) };
            let below = end(TITLE, rows - 1, tile.0);
            let size = (0.3 * side).clamp(8.0, 16.0) as i32;
            for (index, name) in names.iter().enumerate() {
                let middle = (0.5 * side) as i32;
                let at = (left - 8, place(TITLE, index, tile.0) + middle);
                area.draw(&Text::new(name.as_str(), at, text(size, &BLACK, HPos::Right)))?;
                let at = (place(left, index, tile.1) + middle, below + 16);
                area.draw(&Text::new(name.as_str(), at, text(size, &BLACK, HPos::Center)))?;
            }
            let across = (left + (0.5 * columns as f64 * side) as i32, below + 45);
            area.draw(&Text::new(what_columns.as_str(), across, text(20, &BLACK, HPos::Center)))?;
            area.draw(&Text::new(what_rows.as_str(), (left - 8, TITLE - 14), text(20, &BLACK, HPos::Right)))?;
            Ok(())
        })
    }
}

/// Between white and an end.
fn color(shade: f64) -> RGBColor {
    let end = if shade < 0.0 { LOW } else { HIGH };
    let mix = |end: u8| (255.0 + (f64::from(end) - 255.0) * shade.abs().min(1.0)).round() as u8;
    RGBColor(mix(end.0), mix(end.1), mix(end.2))
}

/// How often each class, a row, was predicted to be which, a column. The deeper the blue of a cell, the larger its part
/// of the row: a good classifier has a blue diagonal.
///
/// # Examples
/// ```
/// use gradus::metrics::ConfusionMatrix;
/// use gradus::plot::confusion_matrix;
///
/// let confusion = ConfusionMatrix::from_labels(&[0, 1, 1, 1], &[0, 0, 1, 1], 2)?.with_names(&["no", "yes"])?;
/// let grid = confusion_matrix(&confusion);
/// assert_eq!(grid.shades(), &gradus::nalgebra::dmatrix![0.5, 0.5; 0.0, 1.0]);
/// assert!(grid.to_svg()?.contains("predicted"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn confusion_matrix(confusion: &ConfusionMatrix) -> Grid {
    let counts = confusion.counts();
    let shades = DMatrix::from_fn(counts.nrows(), counts.ncols(), |actual, predicted| {
        // A class that never occurs has a row of zeros.
        counts[(actual, predicted)] as f64 / counts.row(actual).sum().max(1) as f64
    });
    Grid {
        title: format!("{} of {} right", counts.diagonal().sum(), confusion.samples()),
        shades,
        texts: Some(counts.map(|count| count.to_string())),
        names: Some((confusion.names().to_vec(), ["actual".to_owned(), "predicted".to_owned()])),
        tile: None,
    }
}

/// The weights of units that look at images, each an image: blue where brightness excites the unit, vermillion where it
/// holds it back, every unit on a scale of its own.
///
/// # Shapes
/// `weights` units × pixels, as of a first dense layer; an image has `rows` rows, each after the other.
///
/// # Errors
/// [`Error::Empty`] without units, [`Error::ShapeMismatch`] if the pixels do not make whole rows, [`Error::NotFinite`]
/// for a weight that is not finite.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::plot::weight_images;
///
/// // Two units that look at images of 1 × 2.
/// let grid = weight_images(&dmatrix![1.0, -0.5; 0.0, 4.0], 1)?;
/// // Side by side, with nothing between them in the matrix.
/// assert_eq!(grid.shades(), &dmatrix![1.0, -0.5, 0.0, 1.0]);
/// # Ok::<(), gradus::plot::PlotError>(())
/// ```
pub fn weight_images<'a, T: Real>(weights: impl Into<View<'a, T>>, rows: usize) -> Result<Grid, PlotError> {
    let weights = weights.into();
    let (units, pixels) = weights.shape();
    if units == 0 || pixels == 0 || rows == 0 {
        return Err(Error::Empty { what: "weights of units" }.into());
    }
    if !pixels.is_multiple_of(rows) {
        let [expected, found] = [Shape::new(rows, pixels / rows), Shape::new(1, pixels)];
        return Err(Error::ShapeMismatch { what: "pixels of an image", expected, found }.into());
    }
    for (row, unit) in weights.row_iter().enumerate() {
        if let Some(column) = unit.iter().position(|weight| !weight.is_finite()) {
            return Err(Error::NotFinite { what: "weights", row, column, value: unit[column].to_f64() }.into());
        }
    }
    let columns = pixels / rows;
    // As wide as high, for the picture: 4 to 3.
    let across = ((units * rows * 4) as f64 / (columns * 3) as f64).sqrt().ceil().clamp(1.0, units as f64) as usize;
    let down = units.div_ceil(across);
    let largest: Vec<f64> =
        weights.row_iter().map(|unit| unit.iter().map(|weight| weight.to_f64().abs()).fold(0.0, f64::max)).collect();
    let shades = DMatrix::from_fn(down * rows, across * columns, |row, column| {
        let unit = row / rows * across + column / columns;
        if unit >= units || largest[unit] == 0.0 {
            return 0.0;
        }
        weights[(unit, row % rows * columns + column % columns)].to_f64() / largest[unit]
    });
    let title = format!("What {units} units look for (blue) and against (orange)");
    Ok(Grid { title, shades, texts: None, names: None, tile: Some((rows, columns)) })
}
