use nalgebra::DMatrix;

use super::{Figure, Mark, PlotError, Series};
use crate::error::{Error, Shape};
use crate::linalg::View;
use crate::number::shortest;
use crate::real::Real;
use crate::real::sealed::Sealed;
use crate::regression::LinearFit;

/// Parts of a curve: smooth, and so long that the whole pixels at their ends do not make it shake.
const STEPS: usize = 24;

/// Observations of one feature and one target, the fitted line, and two bands about it: that of the mean response,
/// which contains the true line at a point with the probability `level`, and that of predictions, which contains a new
/// observation.
///
/// # Shapes
/// `x` and `y` n × 1, as the fit was made from.
///
/// # Errors
/// [`Error::ShapeMismatch`] for a fit of several features or targets, or other data; [`Error::InvalidParameter`] if the
/// level is not between 0 and 1; [`PlotError::NoStatistics`] if the fit has no intervals.
///
/// # Examples
/// ```
/// use gradus::LinearRegression;
/// use gradus::nalgebra::dvector;
/// use gradus::plot::{Mark, regression_line};
///
/// let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.0, 3.0, 2.0, 5.0]); // ŷ = 1.1 x + 1.1
/// let fit = LinearRegression::new().fit(&x, &y)?;
/// let figure = regression_line(&fit, &x, &y, 0.95)?;
/// let line = figure.series().iter().find(|series| series.mark() == Mark::Line).unwrap();
/// let [end, height] = *line.points().last().unwrap();
/// assert!(end == 3.0 && (height - 4.4_f64).abs() < 1e-14);
/// # Ok::<(), gradus::plot::PlotError>(())
/// ```
pub fn regression_line<'a, T: Real>(
    fit: &LinearFit<T>,
    x: impl Into<View<'a, T>>,
    y: impl Into<View<'a, T>>,
    level: f64,
) -> Result<Figure, PlotError> {
    let (x, y) = (x.into(), y.into());
    check_shape("coefficients, of one feature and one target", fit.coefficients().shape(), (1, 1))?;
    check_shape("features", x.shape(), (x.nrows(), 1))?;
    check_shape("targets", y.shape(), (x.nrows(), 1))?;
    let values = || x.iter().map(|x| x.to_f64());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return Err(Error::Empty { what: "observations" }.into());
    }
    let along = DMatrix::from_fn(STEPS + 1, 1, |step, _| T::nearest(low + (high - low) * step as f64 / STEPS as f64));
    let line = fit.predict(&along)?;
    let mean = fit.mean_response_intervals(&along, level)?.ok_or(PlotError::NoStatistics)?;
    let new = fit.prediction_intervals(&along, level)?.ok_or(PlotError::NoStatistics)?;
    let curve = |values: &DMatrix<T>| -> Vec<[f64; 2]> {
        along.iter().zip(values).map(|(x, y)| [x.to_f64(), y.to_f64()]).collect()
    };
    let band = |lower: &DMatrix<T>, upper: &DMatrix<T>| {
        curve(lower).into_iter().chain(curve(upper).into_iter().rev()).collect::<Vec<_>>()
    };
    let ends = [0, STEPS].map(|step| [along[step].to_f64(), line[step].to_f64()]);
    // 7 for 0.07, of which the hundredfold is rounded.
    let percent = shortest(format!("{level}e2").parse().unwrap_or(100.0 * level));
    let figure = Figure::new("Observations and the fitted line", "x", "y");
    let observations = x.iter().zip(y.iter()).map(|(x, y)| [x.to_f64(), y.to_f64()]);
    Ok(figure
        .with(
            Series::new(format!("{percent} % of new observations"), Mark::Area, band(&new.lower, &new.upper)).in_gray(),
        )
        .with(Series::new(format!("{percent} % band of the line"), Mark::Area, band(&mean.lower, &mean.upper)))
        .with(Series::new("fitted line", Mark::Line, ends))
        .with(Series::new("observations", Mark::Points, observations).in_gray()))
}

/// Residuals against fitted values. About a right model they scatter evenly around 0: a bend speaks of a term that is
/// missing, a funnel of unequal variances.
///
/// # Errors
/// [`Error::ShapeMismatch`] for a fit of several targets, and the errors of [`LinearFit::diagnostics`].
///
/// # Examples
/// A line through points of a parabola: the residuals bend.
/// ```
/// use gradus::LinearRegression;
/// use gradus::nalgebra::dvector;
/// use gradus::plot::residuals_against_fitted;
///
/// let (x, y) = (dvector![-1.0, 0.0, 1.0], dvector![1.0, 0.0, 1.0]); // ŷ = ⅔
/// let fit = LinearRegression::new().fit(&x, &y)?;
/// let figure = residuals_against_fitted(&fit, &x, &y)?;
/// let [fitted, residual] = figure.series()[0].points()[1];
/// assert!((fitted - 2.0 / 3.0_f64).abs() < 1e-14 && (residual + 2.0 / 3.0).abs() < 1e-14);
/// # Ok::<(), gradus::plot::PlotError>(())
/// ```
pub fn residuals_against_fitted<'a, T: Real>(
    fit: &LinearFit<T>,
    x: impl Into<View<'a, T>>,
    y: impl Into<View<'a, T>>,
) -> Result<Figure, PlotError> {
    let (x, y) = (x.into(), y.into());
    check_one_target(fit)?;
    let diagnostics = fit.diagnostics(x, y)?;
    let fitted = fit.predict(x)?;
    let points = fitted.iter().zip(diagnostics.residuals()).map(|(x, y)| [x.to_f64(), y.to_f64()]);
    let figure = Figure::new("Residuals against fitted values", "fitted value", "residual");
    Ok(with_zero(figure.with(Series::new("observations", Mark::Points, points))))
}

/// Standardized residuals against the quantiles that they would have if errors were normal: then they lie about the
/// line y = x.
///
/// A residual is divided by its standard deviation, `s √(1 − h)`; the quantile of the i-th of n is that of (i − ½)/n.
///
/// # Errors
/// As [`residuals_against_fitted`], and [`PlotError::NoStatistics`] if the fit has no leverages or no residual standard
/// deviation.
///
/// # Examples
/// ```
/// use gradus::LinearRegression;
/// use gradus::nalgebra::dvector;
/// use gradus::plot::residual_quantiles;
///
/// let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.1, 2.9, 5.1, 6.9]);
/// let fit = LinearRegression::new().fit(&x, &y)?;
/// let figure = residual_quantiles(&fit, &x, &y)?;
/// let points = figure.series()[0].points();
/// assert!((points[3][0] - 1.1503_f64).abs() < 1e-4); // the quantile of 7/8
/// assert!(points[0][1] < points[3][1]);
/// # Ok::<(), gradus::plot::PlotError>(())
/// ```
pub fn residual_quantiles<'a, T: Real>(
    fit: &LinearFit<T>,
    x: impl Into<View<'a, T>>,
    y: impl Into<View<'a, T>>,
) -> Result<Figure, PlotError> {
    let mut residuals: Vec<f64> =
        standardized(fit, x.into(), y.into())?.into_iter().map(|[_, residual]| residual).collect();
    residuals.sort_by(f64::total_cmp);
    let count = residuals.len() as f64;
    let quantile = |place: usize| normal_quantile((place as f64 + 0.5) / count);
    let points: Vec<[f64; 2]> =
        residuals.into_iter().enumerate().map(|(place, residual)| [quantile(place), residual]).collect();
    let ends = points.first().into_iter().chain(points.last()).map(|&[x, _]| [x, x]).collect::<Vec<_>>();
    let figure = Figure::new("Are the errors normal?", "quantile of the normal distribution", "standardized residual");
    let figure = figure.with(Series::new("observations", Mark::Points, points));
    Ok(figure.with(Series::new("normal errors", Mark::DashedLine, ends)))
}

/// Standardized residuals against leverages: what is far to the right and far from 0 has drawn the fit to itself.
///
/// # Errors
/// As [`residual_quantiles`].
///
/// # Examples
/// ```
/// use gradus::LinearRegression;
/// use gradus::nalgebra::dvector;
/// use gradus::plot::residuals_against_leverage;
///
/// let (x, y) = (dvector![0.0, 1.0, 2.0], dvector![0.0, 2.0, 1.0]);
/// let fit = LinearRegression::new().fit(&x, &y)?;
/// let figure = residuals_against_leverage(&fit, &x, &y)?;
/// assert!((figure.series()[0].points()[0][0] - 5.0_f64 / 6.0).abs() < 1e-14); // h = 1/3 + (x − x̄)²/2
/// # Ok::<(), gradus::plot::PlotError>(())
/// ```
pub fn residuals_against_leverage<'a, T: Real>(
    fit: &LinearFit<T>,
    x: impl Into<View<'a, T>>,
    y: impl Into<View<'a, T>>,
) -> Result<Figure, PlotError> {
    let points = standardized(fit, x.into(), y.into())?;
    let figure = Figure::new("Residuals against leverage", "leverage", "standardized residual");
    Ok(with_zero(figure.with(Series::new("observations", Mark::Points, points))))
}

/// Leverage and standardized residual of each observation. One of leverage 1 has none: it is fitted whatever it is.
fn standardized<T: Real>(fit: &LinearFit<T>, x: View<'_, T>, y: View<'_, T>) -> Result<Vec<[f64; 2]>, PlotError> {
    check_one_target(fit)?;
    let diagnostics = fit.diagnostics(x, y)?;
    let deviation = fit.statistics()[0].residual_standard_deviation.ok_or(PlotError::NoStatistics)?.to_f64();
    let leverages = diagnostics.leverages().ok_or(PlotError::NoStatistics)?;
    let pairs = leverages.iter().zip(diagnostics.residuals());
    let pairs = pairs.map(|(leverage, residual)| {
        let leverage = leverage.to_f64();
        [leverage, residual.to_f64() / deviation / (1.0 - leverage).sqrt()]
    });
    Ok(pairs.filter(|&[leverage, residual]| leverage < 1.0 - 1e-6 && residual.is_finite()).collect())
}

/// The quantile of the standard normal distribution, by Newton's method. Below ½ the distribution function is convex,
/// so that the steps from 0 fall short of the quantile and go one way: they end where rounding turns one back.
fn normal_quantile(probability: f64) -> f64 {
    if probability > 0.5 {
        return -normal_quantile(1.0 - probability);
    }
    let step = |z: f64| {
        let (distribution, density) = z.standard_normal();
        z - (distribution - probability) / density
    };
    let (mut quantile, mut next) = (0.0, step(0.0));
    while next < quantile {
        (quantile, next) = (next, step(next));
    }
    quantile
}

/// A line at 0 along the points.
fn with_zero(figure: Figure) -> Figure {
    let values = || figure.series().iter().flat_map(|series| series.points()).map(|point| point[0]);
    let ends = [values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)];
    figure.with(Series::new("no residual", Mark::DashedLine, ends.map(|x| [x, 0.0])))
}

fn check_one_target<T: Real>(fit: &LinearFit<T>) -> Result<(), PlotError> {
    let (features, targets) = fit.coefficients().shape();
    check_shape("coefficients, of one target", (features, targets), (features, 1))
}

fn check_shape(what: &'static str, found: (usize, usize), expected: (usize, usize)) -> Result<(), PlotError> {
    if found == expected {
        return Ok(());
    }
    let [expected, found] = [expected, found].map(|(rows, columns)| Shape::new(rows, columns));
    Err(Error::ShapeMismatch { what, expected, found }.into())
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn normal_quantiles_have_all_digits() {
        // By mpmath, 40 digits.
        for (probability, expected) in [
            (1e-300, -37.047_096_299_361_2),
            (1e-20, -9.262_340_089_798_407),
            (1e-6, -4.753_424_308_822_899),
            (0.0125, -2.241_402_727_604_945_5),
            (0.1, -1.281_551_565_544_600_4),
            (0.3, -0.524_400_512_708_040_8),
            (0.4999, -0.000_250_662_830_088_007_5),
        ] {
            // Near ½ the distribution function itself is a difference of ½ and less.
            assert_relative_eq!(normal_quantile(probability), expected, max_relative = 1e-14, epsilon = 1e-15);
        }
        assert_relative_eq!(normal_quantile(0.9), 1.281_551_565_544_600_4, max_relative = 1e-14);
        assert_eq!(normal_quantile(0.5), 0.0);
    }
}
