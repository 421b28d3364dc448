//! Training a network: epochs of mini-batches, with early stopping, checkpoints and a history.
//!
//! ```
//! use gradus::nalgebra::DMatrix;
//! use gradus::{Adam, Dataset, Dense, MeanSquaredError, Network, Trainer};
//! use rand::{SeedableRng, rngs::ChaCha8Rng};
//!
//! let x = DMatrix::from_fn(1, 100, |_, sample| sample as f64 / 100.0);
//! let data = Dataset::new(x.clone(), x.map(|x| 2.0 * x - 1.0))?;
//! let network = Network::builder(1).layer(Dense::new(1, 1)).build()?;
//! let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
//! let trainer = Trainer::new(&network, MeanSquaredError, Adam::new(0.1)?);
//! let report = trainer.epochs(100)?.batch_size(10)?.train(&mut parameters, &data)?;
//! assert_eq!(report.epochs, 100);
//! assert!((parameters[0] - 2.0).abs() < 1e-3 && (parameters[1] + 1.0).abs() < 1e-3);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`Trainer`] | the loop, and what it is told |
//! | [`TrainingReport`], [`TrainingEnd`] | how it ended |
//! | [`History`], [`EpochRecord`] | what was measured after each epoch |
//! | [`EarlyStopping`] | ends a training that no longer gets better |
//! | [`Progress`] | what an observer sees after each step |
//! | [`Checkpoint`] | a training that was stopped, to be continued to the same bits |

mod checkpoint;
mod course;
mod early_stopping;
mod history;

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub use checkpoint::Checkpoint;
use course::Course;
use early_stopping::Best;
pub use early_stopping::EarlyStopping;
pub use history::{EpochRecord, History};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::batch::Batch;
use crate::checks;
use crate::data::{Buffer, Dataset, MiniBatch};
use crate::error::{Error, Result};
use crate::layer::mix;
use crate::loss::Loss;
use crate::network::{Evaluation, Network, NetworkObjective};
use crate::optimizer::{Optimizer, Step, StopReason};
use crate::real::Real;
use crate::schedule::ReduceOnPlateau;

/// Trains a network on a data set: epochs of mini-batches, with what is measured and decided between them.
///
/// The parameters stay the caller's: [`train`](Self::train) changes them in place. With
/// [`early_stopping`](Self::early_stopping) they end as the best ones that were seen, without as the last ones.
///
/// # Reproducibility
/// All chance in a run is a function of the [`seed`](Self::seed): that of a shuffle of seed and epoch, that of dropout
/// of seed and iteration. A run that was stopped at any iteration, saved as a [`Checkpoint`] and resumed makes the same
/// bits as one that was not. The generator is xoshiro256++, seeded by SplitMix64. No threads are started. More than 2³²
/// samples are shuffled and drawn like fewer.
///
/// # Numerics
/// The training loss of an epoch is the mean of the losses of its batches as they went by, weighted by their weights:
/// no pass is spent on it, and it is a little older than the validation loss. A step copies the parameters once, to
/// be able to go back.
///
/// # Examples
/// A line through four points, y = 2 x + 1:
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Network, Trainer};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let data = Dataset::new(dmatrix![-1.0, 0.0, 1.0, 2.0], dmatrix![-1.0, 1.0, 3.0, 5.0])?;
/// let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build()?;
/// let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
/// let mut trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1)?)
///     .epochs(200)?
///     .batch_size(2)?
///     .validation(&data);
/// let report = trainer.train(&mut parameters, &data)?;
/// assert_eq!((report.epochs, report.iterations), (200, 400));
/// assert!((parameters[0] - 2.0).abs() < 1e-6 && (parameters[1] - 1.0).abs() < 1e-6);
/// assert!(trainer.history().records().last().unwrap().validation_loss.unwrap() < 1e-12);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "fit")]
pub struct Trainer<'a, T: Real> {
    objective: NetworkObjective<T>,
    optimizer: Box<dyn Optimizer<T> + 'a>,
    epochs: usize,
    batch_size: usize,
    with_replacement: bool,
    seed: u64,
    validation: Option<&'a Dataset<T>>,
    metrics: Vec<Box<Metric<'a, T>>>,
    early_stopping: Option<EarlyStopping>,
    plateau: Option<Plateau<T>>,
    observer: Box<Observer<'a>>,
    #[cfg(feature = "progress")]
    bar: Option<indicatif::ProgressBar>,
    state: State<T>,
}

type Metric<'a, T> = dyn Fn(Batch<'_, T>, Batch<'_, T>) -> Result<f64> + 'a;
type Observer<'a> = dyn FnMut(&Progress<'_>) -> ControlFlow<()> + 'a;

/// The learning rate at the beginning, and what it is multiplied by.
#[derive(Debug)]
struct Plateau<T> {
    watch: ReduceOnPlateau<T>,
    base: T,
}

/// Where a run stands.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
struct State<T> {
    /// Epochs that are over.
    epoch: usize,
    /// Batches of the epoch that is not.
    batch: usize,
    iterations: u64,
    /// Σ w ℓ and Σ w over these batches.
    loss_sum: f64,
    weight_sum: f64,
    last_loss: Option<f64>,
    course: Course,
    /// Of the latest step.
    learning_rate: Option<f64>,
    best: Option<Best<T>>,
    /// Where a run that has given back the best parameters goes on from.
    latest: Option<Vec<T>>,
    /// Whether its end has been reported, unless that was the observer's.
    has_ended: bool,
    history: History,
    /// The time that former parts of the run have taken.
    elapsed: Duration,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrainingEnd {
    /// All epochs were made, and the losses do not say that they came to nothing.
    Completed,
    /// The monitored loss had not fallen for as many epochs as were allowed.
    EarlyStopped,
    /// The run had ended before, as a former report says: no step was made. More [epochs](Trainer::epochs) let it go
    /// on.
    AlreadyEnded,
    /// The observer asked to stop. The run can be continued.
    Observer,
    /// The optimizer cannot go on, as under a schedule whose learning rate is not a positive number, or where a plateau
    /// has reduced it to 0. Or all epochs were made and came to nothing, as [`Optimizer::minimize`] would say:
    /// [`Diverged`](StopReason::Diverged) if the losses of the last ten steps are all above those of the first ten (of
    /// fewer than twenty steps, by a thousand times), [`NoProgress`](StopReason::NoProgress) if they have not changed by
    /// a millionth, or no step has changed a parameter. Where each batch is all of the data and no layer draws at random,
    /// the last loss is compared with the first one.
    Optimizer(StopReason),
}

/// What came of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "it says why the training ended"]
#[non_exhaustive]
pub struct TrainingReport {
    /// Why it ended.
    pub end: TrainingEnd,
    /// The epochs made, former parts of the run included.
    pub epochs: usize,
    /// The steps made, former parts of the run included.
    pub iterations: u64,
    /// With early stopping the epoch, counted from 0, whose parameters were kept.
    pub best_epoch: Option<usize>,
    /// The monitored loss of these parameters.
    pub best_loss: Option<f64>,
}

/// A moment of a training, after a step.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The epoch that the step belongs to, counted from 0.
    pub epoch: usize,
    /// The steps made so far.
    pub iterations: u64,
    /// The loss of the latest batch, before the step on it; none if all batches so far are without weight.
    pub loss: Option<f64>,
    /// What was measured, after the last step of an epoch.
    pub record: Option<&'a EpochRecord>,
}

impl<'a, T: Real> Trainer<'a, T> {
    /// A trainer of 10 epochs of shuffled batches of 32 samples, with the seed 0.
    #[must_use]
    pub fn new(network: &Network<T>, loss: impl Loss<T> + 'static, optimizer: impl Optimizer<T> + 'a) -> Self {
        Self {
            objective: network.objective(loss),
            optimizer: Box::new(optimizer),
            epochs: 10,
            batch_size: 32,
            with_replacement: false,
            seed: 0,
            validation: None,
            metrics: Vec::new(),
            early_stopping: None,
            plateau: None,
            observer: Box::new(|_| ControlFlow::Continue(())),
            #[cfg(feature = "progress")]
            bar: None,
            state: State {
                epoch: 0,
                batch: 0,
                iterations: 0,
                loss_sum: 0.0,
                weight_sum: 0.0,
                last_loss: None,
                course: Course::new(),
                learning_rate: None,
                best: None,
                latest: None,
                has_ended: false,
                history: History::new(),
                elapsed: Duration::ZERO,
            },
        }
    }

    /// The number of epochs, in all.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0.
    pub fn epochs(self, epochs: usize) -> Result<Self> {
        Ok(Self { epochs: checks::at_least_one("epochs", epochs)?, ..self })
    }

    /// The number of samples of a batch. The last batch of an epoch has those that are left; a size beyond that of the
    /// data set makes epochs of one batch.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0.
    pub fn batch_size(self, batch_size: usize) -> Result<Self> {
        Ok(Self { batch_size: checks::at_least_one("batch size", batch_size)?, ..self })
    }

    /// Evaluates batches of more than this many samples in parts of this many, on several threads at the same time: see
    /// [`NetworkObjective::with_micro_batches`].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0.
    ///
    /// # Examples
    /// ```
    /// # use gradus::{Dense, GradientDescent, MeanSquaredError, Network, Trainer};
    /// # let network = Network::<f64>::builder(2).layer(Dense::new(2, 1)).build()?;
    /// let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1)?);
    /// let trainer = trainer.batch_size(100)?.micro_batches(50)?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn micro_batches(self, samples: usize) -> Result<Self> {
        Ok(Self { objective: self.objective.with_micro_batches(samples)?, ..self })
    }

    /// Draws every batch at random from all samples; an epoch has as many batches as without.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::{dmatrix, dvector};
    /// use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Network, Trainer};
    ///
    /// let data = Dataset::new(dmatrix![-1.0, 0.0, 1.0, 2.0], dmatrix![-1.0, 1.0, 3.0, 5.0])?;
    /// let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let mut parameters = dvector![0.0, 0.0];
    /// let trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1)?);
    /// let report = trainer.batch_size(2)?.epochs(200)?.with_replacement().train(&mut parameters, &data)?;
    /// assert_eq!(report.iterations, 400);
    /// assert!((parameters[0] - 2.0).abs() < 1e-6);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn with_replacement(self) -> Self {
        Self { with_replacement: true, ..self }
    }

    /// What all chance in the run comes from; 0 unless it is set.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Data to measure the loss and the metrics on after each epoch.
    #[must_use]
    pub fn validation(self, data: &'a Dataset<T>) -> Self {
        Self { validation: Some(data), ..self }
    }

    /// Another measure of the predictions for the validation data, one sample per column, and their targets.
    ///
    /// # Examples
    /// ```
    /// # use gradus::{Dense, GradientDescent, Network, SoftmaxCrossEntropy, Trainer};
    /// # let network = Network::<f64>::builder(2).layer(Dense::new(2, 3)).build()?;
    /// let trainer = Trainer::new(&network, SoftmaxCrossEntropy, GradientDescent::new(0.1)?)
    ///     .metric("accuracy", |prediction, target| gradus::accuracy(prediction, target))
    ///     .metric("top-2 accuracy", |prediction, target| gradus::metrics::top_k_accuracy(prediction, target, 2));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn metric(
        mut self,
        name: impl Into<String>,
        metric: impl Fn(Batch<'_, T>, Batch<'_, T>) -> Result<f64> + 'a,
    ) -> Self {
        self.metrics.push(Box::new(metric));
        self.state.history.add_metric(name.into());
        self
    }

    /// Ends the run where the validation loss no longer falls, and gives back the parameters for which it was lowest.
    ///
    /// Without validation data it is the loss over the training data that is watched, computed anew at the end of each
    /// epoch: the mean of the batches is that of parameters before their steps. A run that goes on, with more epochs
    /// or from a checkpoint, starts from where its last step led, unless the parameters given back have been changed.
    #[must_use]
    pub fn early_stopping(self, early_stopping: EarlyStopping) -> Self {
        Self { early_stopping: Some(early_stopping), ..self }
    }

    /// Multiplies the learning rate, as it is now, by what `plateau` makes of the validation loss of each epoch, or
    /// without validation data of the training loss. It takes the place of a schedule: of a scheduled optimizer the
    /// learning rate of the first step would be taken for the one to multiply.
    ///
    /// # Errors
    /// [`Error::NoLearningRate`] if the optimizer has none.
    ///
    /// # Examples
    /// A learning rate that is too large to settle, until it is reduced:
    /// ```
    /// use gradus::nalgebra::{dmatrix, dvector};
    /// use gradus::schedule::ReduceOnPlateau;
    /// use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Network, Trainer};
    ///
    /// let data = Dataset::new(dmatrix![0.0, 1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 2.0, 5.0])?;
    /// let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let mut parameters = dvector![0.0, 0.0];
    /// let mut trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1)?)
    ///     .batch_size(1)?
    ///     .epochs(200)?
    ///     .validation(&data)
    ///     .reduce_on_plateau(ReduceOnPlateau::new(0.5)?.with_patience(5))?;
    /// let _ = trainer.train(&mut parameters, &data)?;
    /// assert!(trainer.optimizer().learning_rate().unwrap() < 0.01);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn reduce_on_plateau(self, plateau: ReduceOnPlateau<T>) -> Result<Self> {
        let base = self.optimizer.learning_rate().ok_or(Error::NoLearningRate)?;
        Ok(Self { plateau: Some(Plateau { watch: plateau, base }), ..self })
    }

    /// Shows every step to a closure, which ends the run by returning [`ControlFlow::Break`].
    ///
    /// A closure that panics leaves trainer and parameters as they are between two steps.
    #[must_use]
    pub fn observe(self, observer: impl FnMut(&Progress<'_>) -> ControlFlow<()> + 'a) -> Self {
        Self { observer: Box::new(observer), ..self }
    }

    /// Draws a progress bar on the terminal, if there is one, with the latest losses.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::{dmatrix, dvector};
    /// use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Network, Trainer};
    ///
    /// let data = Dataset::new(dmatrix![0.0, 1.0], dmatrix![1.0, 3.0])?;
    /// let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let mut parameters = dvector![0.0, 0.0];
    /// let mut trainer = Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1)?).progress_bar();
    /// assert_eq!(trainer.train(&mut parameters, &data)?.epochs, 10);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[cfg(feature = "progress")]
    #[must_use]
    pub fn progress_bar(self) -> Self {
        Self { bar: Some(indicatif::ProgressBar::new(0)), ..self }
    }

    /// What was measured so far, epoch by epoch.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.state.history
    }

    /// The optimizer.
    #[must_use]
    pub fn optimizer(&self) -> &dyn Optimizer<T> {
        &*self.optimizer
    }

    /// Trains until all epochs are made, or goes on with a run that was stopped or restored. A run that has ended stays
    /// as it is ([`TrainingEnd::AlreadyEnded`]).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if parameters, data or validation data do not fit the network, and what
    /// [`Loss::check_targets`] finds in the targets: nothing is changed then. [`Error::Diverged`] if a loss or gradient
    /// is not finite: the parameters are the last ones for which both were, and the trainer can be restored from a
    /// checkpoint. What a metric returns as an error, after the epoch's last step.
    pub fn train<'p>(&mut self, parameters: impl Into<&'p mut [T]>, data: &Dataset<T>) -> Result<TrainingReport> {
        let parameters = parameters.into();
        self.objective.check_parameters(parameters)?;
        self.objective.check_data(data)?;
        if let Some(validation) = self.validation {
            self.objective.check_data(validation)?;
        }
        let started = Instant::now();
        let former = self.state.elapsed;
        let report = self.run(parameters, data, &|| former.saturating_add(started.elapsed()));
        self.state.elapsed = former.saturating_add(started.elapsed());
        #[cfg(feature = "progress")]
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        report
    }

    #[inline(never)]
    fn run(
        &mut self,
        parameters: &mut [T],
        data: &Dataset<T>,
        elapsed: &dyn Fn() -> Duration,
    ) -> Result<TrainingReport> {
        let size = self.batch_size.min(data.len());
        let batches = data.len().div_ceil(size);
        if self.state.batch > batches {
            let (expected, found) = (format!("at most {batches}"), self.state.batch.to_string());
            return Err(Error::CheckpointMismatch { what: "batches of an epoch", expected, found });
        }
        // Epochs may have had other data; the one that is not over has had these.
        let made = (self.state.epoch as u64).saturating_mul(batches as u64).saturating_add(self.state.batch as u64);
        if self.state.batch > 0 && self.state.iterations != made {
            let (expected, found) = (made.to_string(), self.state.iterations.to_string());
            return Err(Error::CheckpointMismatch { what: "iterations", expected, found });
        }
        self.begin_bar(batches);
        let mut buffer = Buffer::new(data, size)?;
        let mut order = vec![0; data.len()];
        if self.state.has_ended && (self.state.epoch >= self.epochs || self.is_out_of_patience()) {
            return Ok(self.report(TrainingEnd::AlreadyEnded));
        }
        self.state.has_ended = false;
        if let (Some(latest), Some(best)) = (self.state.latest.take(), &self.state.best)
            && *parameters == best.parameters[..]
        {
            parameters.copy_from_slice(&latest);
        }
        // Where loss and gradient were last seen to be finite, and where they are to be looked at.
        let (mut finite, mut here) = (parameters.to_vec(), parameters.to_vec());
        while self.state.epoch < self.epochs {
            if self.is_out_of_patience() {
                return Ok(self.end(TrainingEnd::EarlyStopped, parameters));
            }
            if !self.with_replacement {
                // From the same order each time: that of an epoch depends on nothing but its number.
                order.iter_mut().enumerate().for_each(|(place, sample)| *sample = place);
                order.shuffle(&mut self.generator(self.state.epoch as u64));
            }
            while self.state.batch < batches {
                let samples = if self.with_replacement {
                    let mut rng = self.generator(self.state.iterations);
                    // Drawn as u64, so that the choice does not depend on the width of usize.
                    let count = data.len() as u64;
                    order[..size].iter_mut().for_each(|sample| *sample = rng.random_range(0..count) as usize);
                    &order[..size]
                } else {
                    let first = self.state.batch * size;
                    &order[first..data.len().min(first + size)]
                };
                let batch = buffer.gather(data, samples.iter().copied());
                here.copy_from_slice(parameters);
                self.state.learning_rate = self.optimizer.learning_rate().map(T::to_f64);
                let loss = match self.step(parameters, batch)? {
                    Some(step) if !step.is_finite() => {
                        parameters.copy_from_slice(&finite);
                        return Err(self.diverged());
                    }
                    Some(Step { end: Some(reason), .. }) => {
                        return Ok(self.end(TrainingEnd::Optimizer(reason), parameters));
                    }
                    step => step.map(|step| step.value),
                };
                std::mem::swap(&mut finite, &mut here);
                self.state.course.ask_whether_moved(|| *parameters != finite[..]);
                self.state.batch += 1;
                self.state.iterations += 1;
                if let Some(loss) = loss.map(T::to_f64) {
                    self.state.last_loss = Some(loss);
                    self.state.course.push(loss);
                }
                if self.state.batch < batches && self.is_stopped() {
                    return Ok(self.end(TrainingEnd::Observer, parameters));
                }
            }
            let end = self.end_epoch(parameters, data, elapsed()).inspect_err(|error| {
                if matches!(error, Error::Diverged { .. }) {
                    parameters.copy_from_slice(&finite);
                }
            })?;
            if self.is_stopped() {
                return Ok(self.end(TrainingEnd::Observer, parameters));
            }
            if let Some(reason) = end {
                return Ok(self.end(TrainingEnd::Optimizer(reason), parameters));
            }
        }
        let is_exact = batches == 1 && !self.with_replacement && !self.objective.network().draws();
        let end = self.state.course.failure(is_exact).map_or(TrainingEnd::Completed, TrainingEnd::Optimizer);
        Ok(self.end(end, parameters))
    }

    /// A step on a batch; none on one without weight, over which the mean is not defined.
    fn step(&mut self, parameters: &mut [T], batch: MiniBatch<'_, T>) -> Result<Option<Step<T>>> {
        let weight = self.objective.total_weight(batch.targets, batch.weights).to_f64();
        if weight <= 0.0 {
            return Ok(None);
        }
        self.objective.reseed(mix(self.seed, 2 * self.state.iterations + 1));
        let mut bound = self.objective.bind(batch.inputs, batch.targets, batch.weights)?;
        let step = self.optimizer.step(&mut bound, parameters);
        if step.is_finite() && step.end.is_none() {
            self.state.loss_sum += weight * step.value.to_f64();
            self.state.weight_sum += weight;
        }
        Ok(Some(step))
    }

    /// Of the order of an epoch, or of the draws of an iteration.
    fn generator(&self, number: u64) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(mix(self.seed, 2 * number))
    }

    fn diverged(&self) -> Error {
        Error::Diverged {
            epoch: self.state.epoch,
            iteration: self.state.iterations,
            last_finite_loss: self.state.last_loss,
        }
    }

    /// Measures, and decides what follows from it: perhaps the end of the run.
    fn end_epoch(&mut self, parameters: &[T], data: &Dataset<T>, elapsed: Duration) -> Result<Option<StopReason>> {
        let diverged = self.diverged();
        // Where the last step has led to may not have been evaluated.
        if !parameters.iter().all(|value| value.is_finite()) {
            return Err(diverged);
        }
        let finite = |error| if matches!(error, Error::NotFinite { .. }) { diverged } else { error };
        let (mut validation_loss, mut monitored, mut metrics) = (None, None, Vec::new());
        if let Some(validation) = self.validation {
            let evaluation = self.objective.evaluate(parameters, validation).map_err(finite)?;
            validation_loss = Some(evaluation.loss.to_f64());
            let Evaluation { predictions, targets, .. } = &evaluation;
            let measured = self.metrics.iter().map(|metric| metric(predictions.into(), targets.into()));
            let measured: Vec<f64> = measured.collect::<Result<_>>()?;
            metrics = measured.into_iter().map(|value| value.is_finite().then_some(value)).collect();
        } else if self.early_stopping.is_some() {
            monitored = Some(self.objective.mean_loss(parameters, data).map_err(finite)?.to_f64());
        }
        let state = &mut self.state;
        // Batches drawn with replacement may all be without weight.
        let latest = state.last_loss.unwrap_or_default();
        let training_loss = if state.weight_sum > 0.0 { state.loss_sum / state.weight_sum } else { latest };
        let monitored = validation_loss.or(monitored).unwrap_or(training_loss);
        if let Some(early_stopping) = &self.early_stopping
            && state.best.as_ref().is_none_or(|best| early_stopping.is_better(monitored, best.loss))
        {
            state.best = Some(Best { epoch: state.epoch, loss: monitored, parameters: parameters.to_vec() });
        }
        state.history.push(EpochRecord {
            epoch: state.epoch,
            training_loss,
            validation_loss,
            metrics,
            learning_rate: state.learning_rate,
            seconds: elapsed.as_secs_f64(),
        });
        state.epoch += 1;
        state.batch = 0;
        (state.loss_sum, state.weight_sum) = (0.0, 0.0);
        let Some(Plateau { watch, base }) = &mut self.plateau else { return Ok(None) };
        let set = self.optimizer.set_learning_rate(*base * watch.observe(T::nearest(monitored)));
        Ok(set.is_err().then_some(StopReason::InvalidLearningRate))
    }

    fn is_out_of_patience(&self) -> bool {
        match (&self.early_stopping, &self.state.best) {
            (Some(early_stopping), Some(best)) => self.state.epoch - best.epoch > early_stopping.patience(),
            _ => false,
        }
    }

    /// Shows the latest step to the observer.
    fn is_stopped(&mut self) -> bool {
        let state = &self.state;
        let record = if state.batch == 0 { state.history.records().last() } else { None };
        let progress = Progress {
            epoch: record.map_or(state.epoch, |record| record.epoch),
            iterations: state.iterations,
            loss: state.last_loss,
            record,
        };
        #[cfg(feature = "progress")]
        if let Some(bar) = &self.bar {
            bar.set_position(state.iterations);
            if let Some(record) = record {
                bar.set_message(record.to_string());
            }
        }
        (self.observer)(&progress).is_break()
    }

    fn begin_bar(&self, batches: usize) {
        let _ = batches;
        #[cfg(feature = "progress")]
        if let Some(bar) = &self.bar {
            bar.set_length((self.epochs as u64).saturating_mul(batches as u64));
            let style = indicatif::ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta} {msg}");
            bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()));
        }
    }

    /// Gives back the best parameters, unless the observer has asked for a stop.
    fn end(&mut self, end: TrainingEnd, parameters: &mut [T]) -> TrainingReport {
        let state = &mut self.state;
        state.has_ended = end != TrainingEnd::Observer;
        if state.has_ended
            && let Some(best) = &state.best
        {
            state.latest = Some(parameters.to_vec());
            parameters.copy_from_slice(&best.parameters);
        }
        self.report(end)
    }

    fn report(&self, end: TrainingEnd) -> TrainingReport {
        let State { epoch, iterations, best, .. } = &self.state;
        let best = best.as_ref();
        TrainingReport {
            end,
            epochs: *epoch,
            iterations: *iterations,
            best_epoch: best.map(|best| best.epoch),
            best_loss: best.map(|best| best.loss),
        }
    }
}

/// Shows the settings and how far the run is.
impl<T: Real> fmt::Debug for Trainer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("objective", &self.objective)
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("with_replacement", &self.with_replacement)
            .field("seed", &self.seed)
            .field("early_stopping", &self.early_stopping)
            .field("epoch", &self.state.epoch)
            .field("iterations", &self.state.iterations)
            .finish_non_exhaustive()
    }
}
