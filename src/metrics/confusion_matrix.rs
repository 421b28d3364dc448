use std::fmt;

use nalgebra::DMatrix;

use super::{check_class_count, check_classes, place_of_largest};
use crate::batch::Batch;
use crate::data::check_labels;
use crate::error::{Error, Result, Shape};
use crate::real::Real;

/// What stands for a ratio that is undefined.
const MISSING: &str = "NA";

/// How often each class was predicted to be which: a table of classes × classes, with what follows from it.
///
/// Precision, recall and F1 of a class that they are undefined for are `None`: there is no precision of a class that is
/// never predicted and no recall of one that never occurs. A macro average, the plain mean over the classes, is
/// undefined where a class is. The *micro averages* of precision, recall and F1 are not listed apart: each sample has
/// one class and one prediction, so that all three are the [`accuracy`](Self::accuracy).
///
/// `Display` prints a table, with the classes in numbers unless [named](Self::with_names).
///
/// # Examples
/// ```
/// use gradus::metrics::ConfusionMatrix;
///
/// let (predicted, actual) = ([0, 1, 1, 0, 1], [0, 1, 0, 0, 1]);
/// let confusion = ConfusionMatrix::from_labels(&predicted, &actual, 2)?.with_names(&["no", "yes"])?;
/// assert_eq!(confusion.count(0, 1), 1); // a no that was taken for a yes
/// assert_eq!(confusion.accuracy(), 4.0 / 5.0);
/// assert_eq!(confusion.precision(), [Some(2.0 / 2.0), Some(2.0 / 3.0)]);
/// assert_eq!(confusion.recall(), [Some(2.0 / 3.0), Some(2.0 / 2.0)]);
/// assert_eq!(confusion.f1(), [Some(4.0 / 5.0), Some(4.0 / 5.0)]);
/// assert_eq!(
///     confusion.to_string(),
///     "actual \\ predicted      no     yes  recall      F1\n\
///      no                       2       1  0.6667  0.8000\n\
///      yes                      0       2  1.0000  0.8000\n\
///      precision           1.0000  0.6667\n\
///      accuracy 0.8000 (4 of 5)"
/// );
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("classification_report", "precision", "recall", "F1"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// Actual × predicted.
    counts: DMatrix<usize>,
    names: Vec<String>,
}

impl ConfusionMatrix {
    /// Of predictions and targets, one sample per column: the class of each is where its largest value stands, the
    /// first of equal ones. It makes no difference whether the predictions are logits or probabilities.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the shapes differ, [`Error::Empty`] without samples, [`Error::NotFinite`] if a value
    /// is NaN, [`Error::InvalidTarget`] unless targets are probabilities that sum to 1 for each sample,
    /// [`Error::InvalidParameter`] for fewer than two classes.
    pub fn new<'a, T: Real>(prediction: impl Into<Batch<'a, T>>, target: impl Into<Batch<'a, T>>) -> Result<Self> {
        let (prediction, target) = (prediction.into(), target.into());
        check_classes(prediction, target)?;
        let mut confusion = Self::empty(target.features())?;
        for (sample, (predicted, actual)) in prediction.iter().zip(target.iter()).enumerate() {
            let actual = place_of_largest(actual).ok_or_else(|| nan("targets", actual, sample))?;
            let predicted = place_of_largest(predicted).ok_or_else(|| nan("predictions", predicted, sample))?;
            confusion.counts[(actual, predicted)] += 1;
        }
        Ok(confusion)
    }

    /// Of class labels, counted from 0.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there are more predicted than actual labels or fewer, [`Error::Empty`] without
    /// labels, [`Error::LabelOutOfRange`] for a label that is not below `classes`, [`Error::InvalidParameter`] for
    /// fewer than two classes.
    pub fn from_labels(predicted: &[usize], actual: &[usize], classes: usize) -> Result<Self> {
        if predicted.len() != actual.len() {
            return Err(Error::ShapeMismatch {
                what: "predicted labels",
                expected: Shape::new(actual.len(), 1),
                found: Shape::new(predicted.len(), 1),
            });
        }
        if actual.is_empty() {
            return Err(Error::Empty { what: "samples" });
        }
        check_class_count(classes)?;
        check_labels(predicted, classes)?;
        check_labels(actual, classes)?;
        let mut confusion = Self::empty(classes)?;
        for (&predicted, &actual) in predicted.iter().zip(actual) {
            confusion.counts[(actual, predicted)] += 1;
        }
        Ok(confusion)
    }

    fn empty(classes: usize) -> Result<Self> {
        let count = classes.saturating_mul(classes);
        let mut counts = Vec::new();
        counts.try_reserve_exact(count).map_err(|_| Error::TooLarge { what: "a confusion matrix", count })?;
        counts.resize(count, 0);
        let names = (0..classes).map(|class| class.to_string()).collect();
        Ok(Self { counts: DMatrix::from_vec(classes, classes, counts), names })
    }

    /// With names for the classes, to be printed.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there are not as many names as classes.
    pub fn with_names<S: AsRef<str>>(self, names: &[S]) -> Result<Self> {
        if names.len() != self.classes() {
            return Err(Error::ShapeMismatch {
                what: "names, one for each class",
                expected: Shape::new(self.classes(), 1),
                found: Shape::new(names.len(), 1),
            });
        }
        Ok(Self { names: names.iter().map(|name| name.as_ref().to_owned()).collect(), ..self })
    }

    /// The names of the classes; their numbers, unless they were named.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Adds the counts of other samples: the matrix of both.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the other has more classes or fewer.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if other.classes() != self.classes() {
            return Err(Error::ShapeMismatch {
                what: "confusion matrix to merge",
                expected: Shape::new(self.classes(), self.classes()),
                found: Shape::new(other.classes(), other.classes()),
            });
        }
        self.counts += &other.counts;
        Ok(())
    }

    /// The number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.counts.nrows()
    }

    /// The number of samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.counts.sum()
    }

    /// All counts: a row for each actual class, a column for each predicted one.
    #[must_use]
    pub fn counts(&self) -> &DMatrix<usize> {
        &self.counts
    }

    /// How many samples of the class `actual` were predicted to be of the class `predicted`; 0 for a class that there
    /// is not.
    #[must_use]
    pub fn count(&self, actual: usize, predicted: usize) -> usize {
        self.counts.get((actual, predicted)).copied().unwrap_or(0)
    }

    /// The fraction of the samples whose class was predicted. It is also the micro average of precision, recall and F1.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.counts.trace() as f64 / self.samples() as f64
    }

    /// Of each class, how many of the samples predicted to be of it are: `TP/(TP + FP)`, with the true and the false
    /// positives; `None` if it is never predicted.
    #[must_use]
    pub fn precision(&self) -> Vec<Option<f64>> {
        self.per_class(|hits, _, predicted| ratio(hits, predicted))
    }

    /// Of each class, how many of its samples were predicted to be of it: `TP/(TP + FN)`, with the true positives and
    /// the false negatives; `None` if it never occurs.
    #[must_use]
    pub fn recall(&self) -> Vec<Option<f64>> {
        self.per_class(|hits, actual, _| ratio(hits, actual))
    }

    /// The F1 score of each class, `2 TP/(2 TP + FP + FN)`, the harmonic mean of precision and recall; `None` if the
    /// class neither occurs nor is predicted.
    #[must_use]
    pub fn f1(&self) -> Vec<Option<f64>> {
        self.per_class(|hits, actual, predicted| ratio(2 * hits, actual + predicted))
    }

    /// The mean of the precisions of all classes; `None` if one is undefined.
    #[must_use]
    pub fn macro_precision(&self) -> Option<f64> {
        mean(&self.precision())
    }

    /// The mean of the recalls of all classes, also called balanced accuracy; `None` if one is undefined.
    #[must_use]
    #[doc(alias = "balanced_accuracy")]
    pub fn macro_recall(&self) -> Option<f64> {
        mean(&self.recall())
    }

    /// The mean of the F1 scores of all classes; `None` if one is undefined.
    #[must_use]
    pub fn macro_f1(&self) -> Option<f64> {
        mean(&self.f1())
    }

    /// `value` is given how often a class was rightly predicted, occurs and was predicted.
    fn per_class(&self, value: impl Fn(usize, usize, usize) -> Option<f64>) -> Vec<Option<f64>> {
        let of_class =
            |class| value(self.counts[(class, class)], self.counts.row(class).sum(), self.counts.column(class).sum());
        (0..self.classes()).map(of_class).collect()
    }
}

fn nan<T: Real>(what: &'static str, values: &[T], sample: usize) -> Error {
    let row = values.iter().position(|value| value.to_f64().is_nan()).unwrap_or(0);
    Error::NotFinite { what, row, column: sample, value: f64::NAN }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    let sum = values.iter().try_fold(0.0, |sum, value| value.map(|value| sum + value))?;
    Some(sum / values.len() as f64)
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = |value: &Option<f64>| value.map_or(MISSING.to_owned(), |value| format!("{value:.4}"));
        let [precision, recall, f1] =
            [self.precision(), self.recall(), self.f1()].map(|values| values.iter().map(decimals).collect::<Vec<_>>());
        let mut rows = vec![vec!["actual \\ predicted".to_owned()]];
        rows[0].extend(self.names.iter().cloned().chain(["recall".to_owned(), "F1".to_owned()]));
        for (class, name) in self.names.iter().enumerate() {
            let counts = self.counts.row(class);
            let mut row = vec![name.clone()];
            row.extend(counts.iter().map(usize::to_string));
            row.extend([recall[class].clone(), f1[class].clone()]);
            rows.push(row);
        }
        let mut last = vec!["precision".to_owned()];
        last.extend(precision);
        rows.push(last);
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..rows[0].len()).map_while(width).collect();
        for row in &rows {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 { write!(f, "{cell:width$}")? } else { write!(f, "  {cell:>width$}")? }
            }
            writeln!(f)?;
        }
        write!(f, "accuracy {:.4} ({} of {})", self.accuracy(), self.counts.trace(), self.samples())
    }
}

#[cfg(test)]
mod tests;
