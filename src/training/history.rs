use std::fmt;
use std::io::{self, Write};

use crate::number::shortest;

/// What was measured at the end of an epoch.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct EpochRecord {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// The mean of the losses of its batches, each before the step on it.
    pub training_loss: f64,
    /// The mean loss over the validation data, if there are any.
    pub validation_loss: Option<f64>,
    /// The metrics on the validation data, in the order of [`History::metric_names`]; `None` for one that is not
    /// finite.
    pub metrics: Vec<Option<f64>>,
    /// The learning rate of the last step, if the optimizer has one.
    pub learning_rate: Option<f64>,
    /// The time since the beginning of the training, in seconds.
    pub seconds: f64,
}

/// As `epoch 3: training loss 0.1234, validation loss 0.2345`; from a million on as `1.2345e21`.
impl fmt::Display for EpochRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let four = |loss: f64| if loss.abs() < 1e6 { format!("{loss:.4}") } else { format!("{loss:.4e}") };
        write!(f, "epoch {}: training loss {}", self.epoch, four(self.training_loss))?;
        self.validation_loss.map_or(Ok(()), |loss| write!(f, ", validation loss {}", four(loss)))
    }
}

/// The records of a training, epoch by epoch.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct History {
    metric_names: Vec<String>,
    records: Vec<EpochRecord>,
}

impl History {
    pub(super) fn new() -> Self {
        Self { metric_names: Vec::new(), records: Vec::new() }
    }

    pub(super) fn add_metric(&mut self, name: String) {
        self.metric_names.push(name);
    }

    pub(super) fn push(&mut self, record: EpochRecord) {
        self.records.push(record);
    }

    /// The names of the metrics.
    #[must_use]
    pub fn metric_names(&self) -> &[String] {
        &self.metric_names
    }

    /// One record for each epoch.
    #[must_use]
    pub fn records(&self) -> &[EpochRecord] {
        &self.records
    }

    /// Writes a table of comma-separated values with a line of names: `epoch`, `training_loss`, `validation_loss`, the
    /// metrics, `learning_rate`, `seconds`. What an epoch does not have is empty; numbers are written with as many
    /// digits as it takes to read the same number again, large and small ones with an exponent, as `1e21`.
    ///
    /// # Errors
    /// Those of the writer.
    ///
    /// # Examples
    /// ```no_run
    /// # fn save(trainer: gradus::Trainer<'_, f32>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut csv = Vec::new();
    /// trainer.history().write_csv(&mut csv)?;
    /// gradus::file::save_file("history.csv", csv)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_csv(&self, to: &mut dyn Write) -> io::Result<()> {
        write!(to, "epoch,training_loss,validation_loss,")?;
        for name in &self.metric_names {
            if name.contains([',', '"', '\n', '\r']) {
                write!(to, "\"{}\",", name.replace('"', "\"\""))?;
            } else {
                write!(to, "{name},")?;
            }
        }
        writeln!(to, "learning_rate,seconds")?;
        let optional = |number: Option<f64>| number.map_or_else(String::new, shortest);
        for record in &self.records {
            let losses = [record.training_loss.into(), record.validation_loss].map(optional);
            write!(to, "{},{},{},", record.epoch, losses[0], losses[1])?;
            for place in 0..self.metric_names.len() {
                write!(to, "{},", optional(record.metrics.get(place).copied().flatten()))?;
            }
            writeln!(to, "{},{}", optional(record.learning_rate), shortest(record.seconds))?;
        }
        Ok(())
    }
}
