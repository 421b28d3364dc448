use super::{Figure, Mark, Series};
use crate::training::History;

/// The losses of a training by epoch, and where that on the validation data is lowest.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::plot::losses;
/// use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Network, Trainer};
///
/// let data = Dataset::new(dmatrix![0.0, 1.0, 2.0], dmatrix![0.0, 2.0, 4.0])?;
/// let network = Network::builder(1).layer(Dense::new(1, 1)).build()?;
/// let mut parameters = gradus::nalgebra::dvector![0.0, 0.0];
/// let mut trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1)?).epochs(2)?;
/// let report = trainer.train(&mut parameters, &data)?;
/// assert_eq!(report.epochs, 2);
/// let figure = losses(trainer.history());
/// assert_eq!(figure.series()[0].points()[0], [0.0, 20.0 / 3.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
pub fn losses(history: &History) -> Figure {
    let records = history.records();
    let training = records.iter().map(|record| [record.epoch as f64, record.training_loss]);
    let validation: Vec<[f64; 2]> =
        records.iter().filter_map(|record| Some([record.epoch as f64, record.validation_loss?])).collect();
    let figure = Figure::new("Losses of a training", "epoch", "mean loss");
    let figure = figure.with(Series::new("training", Mark::Line, training));
    let Some(&lowest) = validation.iter().min_by(|a, b| a[1].total_cmp(&b[1])) else { return figure };
    figure.with(Series::new("validation", Mark::DashedLine, validation)).with(Series::new(
        format!("lowest, epoch {}", lowest[0]),
        Mark::Points,
        [lowest],
    ))
}

/// The metrics of a training on its validation data, by epoch.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::plot::metrics;
/// use gradus::metrics::mean_absolute_error;
/// use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Network, Trainer};
///
/// let data = Dataset::new(dmatrix![0.0, 1.0, 2.0], dmatrix![0.0, 2.0, 4.0])?;
/// let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build()?;
/// let mut parameters = dvector![0.0, 0.0];
/// let mut trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1)?)
///     .epochs(3)?
///     .validation(&data)
///     .metric("mean absolute error", |prediction, target| mean_absolute_error(prediction, target));
/// let _ = trainer.train(&mut parameters, &data)?;
/// let figure = metrics(trainer.history());
/// assert_eq!((figure.series()[0].name(), figure.series()[0].points().len()), ("mean absolute error", 3));
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
pub fn metrics(history: &History) -> Figure {
    let figure = Figure::new("Metrics on the validation data", "epoch", "metric");
    let names = history.metric_names().iter().enumerate();
    names.fold(figure, |figure, (place, name)| {
        let value = |record: &crate::training::EpochRecord| record.metrics.get(place).copied().flatten();
        let points = history.records().iter().filter_map(|record| Some([record.epoch as f64, value(record)?]));
        let mark = if place % 2 == 0 { Mark::Line } else { Mark::DashedLine };
        figure.with(Series::new(name, mark, points))
    })
}
