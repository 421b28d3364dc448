use crate::checks;
use crate::error::Result;

/// When to end a training that no longer gets better.
///
/// The loss of an epoch is better if it is below the best one so far by more than the minimal improvement. Where none
/// of `patience` epochs in a row is better the training ends, with the parameters of the best one.
///
/// # Examples
/// ```
/// use gradus::training::EarlyStopping;
///
/// let early_stopping = EarlyStopping::after(5)?.minimal_improvement(1e-4)?;
/// assert_eq!(early_stopping.patience(), 5);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// L. Prechelt (1998): Early stopping, but when?
#[doc(alias = "patience")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Unchecked"))]
pub struct EarlyStopping {
    patience: usize,
    minimal_improvement: f64,
}

/// As it is read.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(rename = "EarlyStopping", deny_unknown_fields)]
struct Unchecked {
    patience: usize,
    minimal_improvement: f64,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for EarlyStopping {
    type Error = crate::Error;

    fn try_from(Unchecked { patience, minimal_improvement }: Unchecked) -> Result<Self> {
        Self::after(patience)?.minimal_improvement(minimal_improvement)
    }
}

impl EarlyStopping {
    /// Ends after this many epochs that are not better.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn after(patience: usize) -> Result<Self> {
        checks::at_least_one("patience", patience)?;
        Ok(Self { patience, minimal_improvement: 0.0 })
    }

    /// By how much a loss must fall to be better; 0 unless it is set.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if it is negative or not finite.
    pub fn minimal_improvement(self, minimal_improvement: f64) -> Result<Self> {
        checks::not_negative("minimal improvement", minimal_improvement)?;
        Ok(Self { minimal_improvement, ..self })
    }

    /// The number of epochs.
    #[must_use]
    pub fn patience(&self) -> usize {
        self.patience
    }

    pub(super) fn is_better(&self, loss: f64, best: f64) -> bool {
        loss < best - self.minimal_improvement
    }
}

/// The best epoch so far.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Best<T> {
    pub(super) epoch: usize,
    pub(super) loss: f64,
    pub(super) parameters: Vec<T>,
}
