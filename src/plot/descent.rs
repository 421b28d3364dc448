use super::{Figure, Mark, PlotError, Series};
use crate::error::Error;
use crate::objective::Objective;
use crate::real::Real;

/// Cells of the grid that contours are drawn by, along x₀ and x₁.
const CELLS: [usize; 2] = [120, 90];
const LEVELS: usize = 10;

/// The points of a minimization of a function of two variables, over contours of it.
///
/// Contours are of ten values between the least and the largest that are drawn, at distances that grow as those of a
/// quadratic function do; they are the straight lines of marching squares.
///
/// # Errors
/// [`Error::Empty`] without points; [`Error::NotFinite`] if the function is finite nowhere about them.
///
/// # Examples
/// ```
/// use gradus::plot::{Mark, descent_path};
/// use gradus::{GradientDescent, Optimizer, Stop, from_fn};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut bowl = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let (mut x, mut path) = ([-3.0, 4.0], Vec::new());
/// GradientDescent::new(0.1)?.minimize_with(&mut bowl, &mut x, &Stop::after(20), &mut |iteration| {
///     path.push([iteration.x[0], iteration.x[1]]);
///     std::ops::ControlFlow::Continue(())
/// });
/// let figure = descent_path(&mut bowl, &path)?;
/// assert_eq!(figure.series()[1].points()[0], [-3.0, 4.0]);
/// assert_eq!(figure.series()[0].mark(), Mark::Segments);
/// # Ok(())
/// # }
/// ```
///
/// # References
/// W. E. Lorensen, H. E. Cline (1987): Marching cubes, of which this is the case of two dimensions.
pub fn descent_path<T: Real>(objective: &mut dyn Objective<T>, points: &[[T; 2]]) -> Result<Figure, PlotError> {
    let points: Vec<[f64; 2]> = points.iter().map(|point| point.map(Real::to_f64)).collect();
    let mut ends = [[0.0; 2]; 2];
    for (axis, ends) in ends.iter_mut().enumerate() {
        let values = || points.iter().map(|point| point[axis]);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if low > high {
            return Err(Error::Empty { what: "points of the path" }.into());
        }
        let margin = if high > low { 0.25 * (high - low) } else { 1.0 };
        *ends = [low - margin, high + margin];
    }
    let at = |axis: usize, step: usize| {
        let [low, high] = ends[axis];
        low + (high - low) * step as f64 / CELLS[axis] as f64
    };
    let mut value = |x: f64, y: f64| objective.value(&[T::nearest(x), T::nearest(y)]).to_f64();
    let values: Vec<Vec<f64>> =
        (0..=CELLS[1]).map(|row| (0..=CELLS[0]).map(|column| value(at(0, column), at(1, row))).collect()).collect();
    let finite = || values.iter().flatten().copied().filter(|value| value.is_finite());
    let (least, largest) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if least > largest {
        let value = values[0][0];
        return Err(Error::NotFinite { what: "function about the path", row: 0, column: 0, value }.into());
    }
    let mut contours = Vec::new();
    for level in 1..=LEVELS {
        let share = level as f64 / (LEVELS + 1) as f64;
        let level = least + (largest - least) * share * share;
        for row in 0..CELLS[1] {
            for column in 0..CELLS[0] {
                let corner = |(right, up): (usize, usize)| {
                    ([at(0, column + right), at(1, row + up)], values[row + up][column + right])
                };
                let around = [(0, 0), (1, 0), (1, 1), (0, 1)].map(corner);
                contours.extend(crossings(around, level));
            }
        }
    }
    let figure = Figure::new("Path of a minimization", "x₀", "x₁").with_ranges(ends[0], ends[1]);
    Ok(figure
        .with(Series::new("contours", Mark::Segments, contours).in_gray())
        .with(Series::new("steps", Mark::Path, points.iter().copied()))
        .with(Series::new("start", Mark::Points, points.first().copied())))
}

/// Where the contour of a level crosses the sides of a cell: two points, or four.
fn crossings(around: [([f64; 2], f64); 4], level: f64) -> Vec<[f64; 2]> {
    if around.iter().any(|(_, value)| !value.is_finite()) {
        return Vec::new();
    }
    let mut points = Vec::new();
    for place in 0..4 {
        let ((from, a), (to, b)) = (around[place], around[(place + 1) % 4]);
        if (a < level) != (b < level) {
            let share = (level - a) / (b - a);
            points.push([from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]);
        }
    }
    // At a saddle the mean decides which corners are joined: the first and that across, or the other two.
    let mean = around.iter().map(|(_, value)| value / 4.0).sum::<f64>();
    if points.len() == 4 && (mean < level) != (around[0].1 < level) {
        points.rotate_left(1);
    }
    points
}
