//! Charts: what is drawn are the values, and they stand where the axes say.
#![cfg(feature = "plot")]

use gradus::gradient::from_value;
use gradus::metrics::{ConfusionMatrix, mean_absolute_error};
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::plot::{
    Figure, Mark, PlotError, Series, confusion_matrix, descent_path, losses, metrics, regression_line,
    residual_quantiles, residuals_against_fitted, residuals_against_leverage, weight_images,
};
use gradus::{Adam, Dataset, Dense, Error, LinearFit, LinearRegression, MeanSquaredError, Network, Trainer, from_fn};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// The numbers of an attribute in all elements of a name.
fn attributes(svg: &str, element: &str, attribute: &str) -> Vec<f64> {
    let opening = format!("<{element} ");
    let key = format!(" {attribute}=\"");
    let elements = svg.split(&opening).skip(1).map(|rest| format!(" {}", rest.split('>').next().unwrap()));
    elements.map(|text| text.split(&key).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()).collect()
}

fn series<'a>(figure: &'a Figure, name: &str) -> &'a Series {
    figure.series().iter().find(|series| series.name() == name).unwrap()
}

#[test]
fn points_stand_where_the_axes_say() {
    // In the corners, in the middle and at a quarter of axes from 0 to 8.
    let points = [[0.0, 0.0], [8.0, 0.0], [8.0, 8.0], [0.0, 8.0], [4.0, 4.0], [2.0, 6.0]];
    let figure =
        Figure::new("t", "x", "y").with_ranges([0.0, 8.0], [0.0, 8.0]).with(Series::new("p", Mark::Points, points));
    let svg = figure.to_svg().unwrap();
    let (x, y) = (attributes(&svg, "circle", "cx"), attributes(&svg, "circle", "cy"));
    // The last circle is that of the legend.
    assert_eq!(x.len(), points.len() + 1);
    let (left, right, bottom, top) = (x[0], x[1], y[0], y[2]);
    assert!(left < right && top < bottom && left >= 0.0 && right <= 800.0 && top >= 0.0 && bottom <= 600.0);
    for (place, [px, py]) in points.iter().enumerate() {
        assert!((x[place] - (left + (right - left) * px / 8.0)).abs() <= 1.0, "{place}");
        assert!((y[place] - (bottom + (top - bottom) * py / 8.0)).abs() <= 1.0, "{place}");
    }
    for text in ["\nt\n", "\nx\n", "\ny\n", "\np\n", "\n0\n", "\n8\n"] {
        assert!(svg.contains(text), "{text:?} is not in the picture");
    }
}

#[test]
fn series_differ_in_color_and_every_mark_is_drawn() {
    let points = [[0.0, 0.0], [1.0, 2.0], [2.0, 1.0], [3.0, 3.0]];
    let mut all = Figure::new("t", "x", "y");
    // Circles and polygons, and the lines that are more than those of axes; the key in the legend is one of them.
    let lines = |mark: Mark| {
        let svg = Figure::new("t", "x", "y").with(Series::new("s", mark, points)).to_svg().unwrap();
        ["circle", "polygon", "polyline"].map(|element| svg.matches(&format!("<{element} ")).count())
    };
    let [_, _, axes] = lines(Mark::Points);
    for (mark, circles, polygons, more) in [
        (Mark::Line, 0, 0, 2..=2),
        (Mark::DashedLine, 0, 0, 20..=200),
        (Mark::Path, 4, 0, 2..=2),
        (Mark::Points, 5, 0, 0..=0),
        (Mark::Area, 0, 1, 0..=0),
        (Mark::Segments, 0, 0, 3..=3),
    ] {
        let found = lines(mark);
        assert_eq!(found[..2], [circles, polygons], "{mark:?}");
        assert!(more.contains(&(found[2] - axes)), "{mark:?}: {}", found[2] - axes);
        let name = format!("{mark:?}");
        let svg = Figure::new("t", "x", "y").with(Series::new(&name, mark, points)).to_svg().unwrap();
        assert!(svg.contains("#0072B2") && svg.contains(&format!("\n{name}\n")), "{mark:?}");
        all = all.with(Series::new(name, mark, points));
    }
    let svg = all.with(Series::new("gray", Mark::Line, points).in_gray()).to_svg().unwrap();
    for color in ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#828282"] {
        assert!(svg.contains(color), "{color}");
    }
}

#[test]
fn the_legend_stands_where_no_point_is() {
    let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
    for free in corners {
        // The others have a point that a legend would hide.
        let points =
            corners.into_iter().filter(|corner| *corner != free).map(|corner| corner.map(|end| 0.1 + 0.8 * end));
        let figure = Figure::new("t", "x", "y").with(Series::new("points of a series", Mark::Points, points));
        let svg = figure.with_ranges([0.0, 1.0], [0.0, 1.0]).to_svg().unwrap();
        let place = svg.split("<text ").skip(1).position(|text| text.contains("\npoints of a series\n")).unwrap();
        let [x, y] = ["x", "y"].map(|axis| attributes(&svg, "text", axis)[place]);
        assert_eq!([x > 400.0, y < 300.0], free.map(|end| end == 1.0), "{free:?}");
    }
}

#[test]
fn axes_of_any_length() {
    for (low, high) in [
        (0.0, 1.0),
        (-1e-9, 1e-9),
        (1e-200, 2e-200),
        (-1e299, 1e299),
        (5.0, 5.0),
        (0.0, 0.0),
        (1e15, 1e15 + 1.0),
        (-1e-310, 1e-310),
        (123_456.0, 123_457.0),
    ] {
        let figure = Figure::new("t", "x", "y").with(Series::new("p", Mark::Points, [[low, high], [high, low]]));
        let svg = figure.to_svg().unwrap();
        assert_eq!(attributes(&svg, "circle", "cx").len(), 3, "{low} {high}");
        let x = attributes(&svg, "circle", "cx");
        if high - low > 1e-5 * high.abs() && high > 1e-300 {
            assert!(x[1] - x[0] > 300.0, "{low} {high} {x:?}");
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let with =
        |points: &[[f64; 2]]| Figure::new("t", "x", "y").with(Series::new("p", Mark::Line, points.iter().copied()));
    let message = |figure: Figure| figure.to_svg().unwrap_err().to_string();
    assert_eq!(message(with(&[])), "points to draw: expected at least one, found none");
    assert_eq!(message(with(&[[1.0, f64::NAN]])), "series \"p\": expected finite points, found (1, NaN)");
    let far = message(with(&[[-1e308, 0.0], [1e308, 1.0]]));
    assert_eq!(far, "axis \"x\": expected numbers of at most 1e300, found a range from -1e308 to 1e308");
    for range in [[1.0, 1.0], [2.0, 1.0], [f64::NAN, 1.0], [0.0, f64::INFINITY]] {
        let error = with(&[[0.0, 0.0]]).with_ranges(range, [0.0, 1.0]).to_svg().unwrap_err();
        assert!(matches!(error, PlotError::Range { .. }), "{range:?}: {error}");
    }
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(with(&[[0.0, 0.0]]).save(directory.path()), Err(PlotError::Save(_))));
}

#[test]
fn a_training_by_epochs() {
    let x = DMatrix::from_fn(1, 40, |_, j| j as f64 / 20.0 - 1.0);
    let data = Dataset::new(x.clone(), x.map(|x| 2.0 * x + 1.0)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (training, validation) = data.split(0.25, &mut rng).unwrap();
    let network = Network::builder(1).layer(Dense::new(1, 1)).build().unwrap();
    let mut parameters = network.initialize(&mut rng);
    let mut trainer = Trainer::new(&network, MeanSquaredError, Adam::new(0.5).unwrap())
        .epochs(6)
        .unwrap()
        .validation(&validation)
        .metric("absolute error", |prediction, target| mean_absolute_error(prediction, target));
    let report = trainer.train(&mut parameters, &training).unwrap();
    assert_eq!(report.epochs, 6);
    let history = trainer.history();
    let figure = losses(history);
    assert_eq!(series(&figure, "training").points().len(), 6);
    for (place, record) in history.records().iter().enumerate() {
        assert_eq!(series(&figure, "training").points()[place], [place as f64, record.training_loss]);
        assert_eq!(series(&figure, "validation").points()[place], [place as f64, record.validation_loss.unwrap()]);
        let drawn = metrics(history);
        let metric = record.metrics[0].unwrap();
        assert_eq!(series(&drawn, "absolute error").points()[place], [place as f64, metric]);
    }
    let [epoch, lowest] = figure.series()[2].points()[0];
    let losses = history.records().iter().map(|record| record.validation_loss.unwrap());
    assert_eq!(lowest, losses.fold(f64::INFINITY, f64::min));
    assert_eq!(figure.series()[2].name(), format!("lowest, epoch {epoch}"));
    figure.to_svg().unwrap();
}

/// ŷ = ½ x + ½ with s² = 1.5 and leverages 5/6, 1/3, 5/6.
fn three_points() -> (LinearFit<f64>, DVector<f64>, DVector<f64>) {
    let (x, y) = (dvector![0.0, 1.0, 2.0], dvector![0.0, 2.0, 1.0]);
    (LinearRegression::new().fit(&x, &y).unwrap(), x, y)
}

#[test]
fn a_line_with_its_bands() {
    let (fit, x, y) = three_points();
    let figure = regression_line(&fit, &x, &y, 0.95).unwrap();
    assert_eq!(series(&figure, "observations").points(), [[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]]);
    let line = series(&figure, "fitted line").points();
    assert!(line.iter().all(|[x, y]| (y - (0.5 * x + 0.5)).abs() < 1e-14));
    assert_eq!((line[0][0], line[line.len() - 1][0]), (0.0, 2.0));
    // One degree of freedom: t = tan(0.95 π/2). At the mean of x the leverage is 1/3.
    let t = (0.475 * std::f64::consts::PI).tan();
    let half = |new: f64| t * (1.5 * (new + 1.0 / 3.0)).sqrt();
    for (name, half) in [("95 % band of the line", half(0.0)), ("95 % of new observations", half(1.0))] {
        let middle: Vec<f64> =
            series(&figure, name).points().iter().filter(|[x, _]| *x == 1.0).map(|&[_, y]| y).collect();
        assert!((middle[0] - (1.0 - half)).abs() < 1e-10 && (middle[1] - (1.0 + half)).abs() < 1e-10, "{name}");
        assert_eq!(series(&figure, name).mark(), Mark::Area);
    }
    figure.to_svg().unwrap();

    let two =
        LinearRegression::new().fit(&dmatrix![0.0, 1.0; 1.0, 3.0; 2.0, 2.0; 4.0, 4.0], &dvector![0.0, 2.0, 1.0, 1.0]);
    let error = regression_line(&two.unwrap(), &x, &y, 0.95).unwrap_err();
    assert!(matches!(error, PlotError::Data(Error::ShapeMismatch { .. })), "{error}");
    let short = dvector![0.0, 2.0];
    assert!(matches!(regression_line(&fit, &x, &short, 0.95), Err(PlotError::Data(Error::ShapeMismatch { .. }))));
    assert!(matches!(regression_line(&fit, &x, &y, 1.0), Err(PlotError::Data(Error::InvalidParameter { .. }))));
    let exact = LinearRegression::new().fit(&dvector![0.0, 1.0], &dvector![0.0, 1.0]).unwrap();
    let error = regression_line(&exact, &dvector![0.0, 1.0], &dvector![0.0, 1.0], 0.9).unwrap_err();
    assert!(matches!(error, PlotError::NoStatistics), "{error}");
}

#[test]
fn residuals_in_three_charts() {
    let (fit, x, y) = three_points();
    let near = |found: &[[f64; 2]], expected: &[[f64; 2]]| {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let close = (found[0] - expected[0]).abs() < 1e-9 && (found[1] - expected[1]).abs() < 1e-12;
            assert!(close, "{found:?} {expected:?}");
        }
    };
    let figure = residuals_against_fitted(&fit, &x, &y).unwrap();
    near(series(&figure, "observations").points(), &[[0.5, -0.5], [1.0, 1.0], [1.5, -0.5]]);
    near(series(&figure, "no residual").points(), &[[0.5, 0.0], [1.5, 0.0]]);
    // r / (s √(1 − h)): −½ / √(1.5 / 6) = −1 and 1 / √(1.5 · 2/3) = 1.
    let figure = residuals_against_leverage(&fit, &x, &y).unwrap();
    near(series(&figure, "observations").points(), &[[5.0 / 6.0, -1.0], [1.0 / 3.0, 1.0], [5.0 / 6.0, -1.0]]);
    // Φ⁻¹(1/6) by Python 3.11: statistics.NormalDist().inv_cdf(1/6).
    let sixth = -0.967_421_566_101_701;
    let figure = residual_quantiles(&fit, &x, &y).unwrap();
    near(series(&figure, "observations").points(), &[[sixth, -1.0], [0.0, -1.0], [-sixth, 1.0]]);
    near(series(&figure, "normal errors").points(), &[[sixth, sixth], [-sixth, -sixth]]);
    figure.to_svg().unwrap();
}

#[test]
fn contours_are_where_the_function_has_their_values() {
    let mut bowl = from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
        x[0] * x[0] + x[1] * x[1]
    });
    let path = [[-3.0, 4.0], [-1.0, 1.5], [0.0, 0.0], [1.0, -1.0]];
    let figure = descent_path(&mut bowl, &path).unwrap();
    assert_eq!(series(&figure, "steps").points(), path);
    assert_eq!(series(&figure, "start").points(), [path[0]]);
    let contours = series(&figure, "contours").points();
    assert!(contours.len() > 1_000 && contours.len().is_multiple_of(2));
    // The axes: a quarter more at either end. The largest value is that at the corner (−4, 5.25), the least about 0.
    let largest = 16.0 + 5.25 * 5.25;
    let levels: Vec<f64> = (1..=10).map(|level| largest * (f64::from(level) / 11.0).powi(2)).collect();
    for ends in contours.chunks_exact(2) {
        let values = [0, 1].map(|end| ends[end][0].powi(2) + ends[end][1].powi(2));
        let nearest = levels.iter().min_by(|a, b| (*a - values[0]).abs().total_cmp(&(*b - values[0]).abs())).unwrap();
        assert!(values.iter().all(|value| (value - nearest).abs() < 0.02), "{ends:?} {values:?}");
        assert!((ends[0][0] - ends[1][0]).hypot(ends[0][1] - ends[1][1]) < 0.15, "a segment stays in its cell");
    }
    figure.to_svg().unwrap();

    let mut saddle = from_value(|x: &[f64]| x[0] * x[1]);
    let contours = descent_path(&mut saddle, &[[-1.0, -1.0], [1.0, 1.0]]).unwrap();
    for ends in series(&contours, "contours").points().chunks_exact(2) {
        assert!((ends[0][0] * ends[0][1] - ends[1][0] * ends[1][1]).abs() < 1e-3, "{ends:?}");
    }
    // Where the function is not finite there are no contours; where it is so nowhere there is no picture.
    let mut half = from_value(|x: &[f64]| if x[0] < 0.0 { f64::NAN } else { x[0] });
    let contours = descent_path(&mut half, &[[-1.0, -1.0], [1.0, 1.0]]).unwrap();
    let points = series(&contours, "contours").points();
    assert!(!points.is_empty() && points.iter().all(|point| point[0] >= 0.0));
    let mut nowhere = from_value(|_: &[f64]| f64::NAN);
    let error = descent_path(&mut nowhere, &[[0.0, 0.0]]).unwrap_err();
    assert!(matches!(error, PlotError::Data(Error::NotFinite { .. })), "{error}");
    assert!(matches!(descent_path::<f64>(&mut bowl, &[]), Err(PlotError::Data(Error::Empty { .. }))));
}

/// The fill of all rectangles but the background, in their order.
fn fills(svg: &str) -> Vec<String> {
    let filled = |text: &str| text.split(" fill=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let rectangles = svg.split("<rect").skip(2).map(|rest| rest.split('>').next().unwrap());
    rectangles.map(filled).filter(|fill| fill != "none").collect()
}

#[test]
fn a_confusion_matrix_in_colors() {
    let (predicted, actual) = ([0, 1, 1, 0, 1, 1], [0, 1, 0, 0, 1, 0]);
    let confusion = ConfusionMatrix::from_labels(&predicted, &actual, 3).unwrap();
    let confusion = confusion.with_names(&["no", "yes", "maybe"]).unwrap();
    let grid = confusion_matrix(&confusion);
    // Of the class that never occurs all shares are 0.
    assert_eq!(grid.shades(), &dmatrix![0.5, 0.5, 0.0; 0.0, 1.0, 0.0; 0.0, 0.0, 0.0]);
    let svg = grid.to_svg().unwrap();
    let expected = ["#80B9D9", "#80B9D9", "#FFFFFF", "#FFFFFF", "#0072B2", "#FFFFFF", "#FFFFFF", "#FFFFFF", "#FFFFFF"];
    assert_eq!(fills(&svg), expected);
    for text in ["no", "yes", "maybe", "actual", "predicted", "4 of 6 right", "2", "0"] {
        assert!(svg.contains(&format!("\n{text}\n")), "{text}");
    }
}

#[test]
fn weights_as_images() {
    // Three units that look at 2 × 2 pixels: two beside one another, one below.
    let weights = dmatrix![1.0, -2.0, 0.0, 0.5; 0.0, 0.0, 0.0, 0.0; 1e-3, 0.0, -1e-3, 0.0_f32];
    let grid = weight_images(&weights, 2).unwrap();
    let expected = dmatrix![
        0.5, -1.0, 0.0, 0.0;
        0.0, 0.25, 0.0, 0.0;
        1.0, 0.0, 0.0, 0.0;
        -1.0, 0.0, 0.0, 0.0
    ];
    assert_eq!(grid.shades(), &expected);
    let svg = grid.to_svg().unwrap();
    assert!(svg.contains("\nWhat 3 units look for (blue) and against (orange)\n"));
    assert_eq!(fills(&svg)[..2], ["#80B9D9", "#D55E00"]);
    assert!(matches!(weight_images(&weights, 3), Err(PlotError::Data(Error::ShapeMismatch { .. }))));
    assert!(matches!(weight_images(&weights, 0), Err(PlotError::Data(Error::Empty { .. }))));
    assert!(matches!(weight_images(&DMatrix::<f64>::zeros(0, 4), 2), Err(PlotError::Data(Error::Empty { .. }))));
    let error = weight_images(&dmatrix![1.0, f64::NAN], 1).unwrap_err();
    assert_eq!(error.to_string(), "weights: expected finite numbers, found NaN at row 0, column 1");
}

/// Whether XML can hold the character.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// The texts of a picture, which is well-formed.
fn texts(svg: &str) -> Vec<String> {
    // The parser is not asked about characters alone.
    assert!(svg.chars().all(is_xml));
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let elements = document.descendants().filter(|node| node.has_tag_name("text"));
    elements.map(|node| with_one_end(node.text().unwrap_or(""))).collect()
}

/// An end of a line is read as one character; roxmltree leaves it alone before a reference.
fn with_one_end(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What is read of a text that was drawn.
fn read_again(text: &str) -> String {
    let text: String = text.chars().map(|character| if is_xml(character) { character } else { '\u{FFFD}' }).collect();
    // plotters puts an end of a line before and behind it.
    with_one_end(&format!("\n{text}\n"))
}

/// All texts that a caller chooses are drawn, as far as XML has their characters.
fn check_texts(text: &str) {
    let points = [[0.0, 0.0], [1.0, 2.0]];
    let figure = Figure::new(text, text, text).with(Series::new(text, Mark::Line, points));
    let found = texts(&figure.to_svg().unwrap());
    let count = found.iter().filter(|&found| *found == read_again(text)).count();
    assert!(text.is_empty() || count >= 4, "{text:?}: {found:?}");
    let confusion = ConfusionMatrix::from_labels(&[0, 1], &[0, 1], 2).unwrap().with_names(&[text, "other"]).unwrap();
    let found = texts(&confusion_matrix(&confusion).titled(text).to_svg().unwrap());
    let count = found.iter().filter(|&found| *found == read_again(text)).count();
    assert!(text.is_empty() || count >= 3, "{text:?}: {found:?}");
}

#[test]
fn f09_any_text_makes_a_well_formed_picture() {
    for text in [
        "a\0b",
        "\u{B}",
        "\u{FFFF}",
        "\u{FFFE}",
        "\u{1F}",
        "\u{7F}",
        "\u{85}",
        "\u{FEFF}",
        "a\tb",
        "<",
        "&",
        "]]>",
        "&#0;",
        "\"'",
        "<!--",
        "--",
        "<?xml?>",
        "</svg>",
        "\u{10FFFF}",
        "é",
        "\r\n",
        "a\rb",
        "",
        " ",
    ] {
        check_texts(text);
    }
    // What the check is worth.
    for bad in ["<svg>&</svg>", "<svg a='<'/>", "<svg><text></svg></text>", "<svg/><svg/>", "<svg a='' a=''/>"] {
        assert!(roxmltree::Document::parse(bad).is_err(), "{bad}");
    }
}

proptest::proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn f09_random_text_makes_a_well_formed_picture(
        characters in proptest::collection::vec(proptest::prop_oneof![
            proptest::char::range('\0', '\u{A0}'),
            proptest::char::range('\u{FFF0}', '\u{FFFF}'),
            proptest::sample::select(vec!['<', '>', '&', '"', '\'', ';', '#', ']', '-', '!']),
            proptest::char::any(),
        ], 0..12)
    ) {
        check_texts(&characters.into_iter().collect::<String>());
    }
}

#[test]
fn f13_levels_are_named_without_their_rounding() {
    let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0], dvector![1.1, 2.9, 5.1, 6.9]);
    let fit = LinearRegression::new().fit(&x, &y).unwrap();
    for (level, name) in [(0.95, "95"), (0.07, "7"), (0.57, "57"), (0.999, "99.9"), (1e-12, "1e-10")] {
        let figure = regression_line(&fit, &x, &y, level).unwrap();
        assert_eq!(series(&figure, &format!("{name} % band of the line")).mark(), Mark::Area);
    }
}
