use std::fmt::Display;
use std::time::Duration;

use super::{State, Trainer};
use crate::batch::Batch;
use crate::checks;
use crate::error::{Error, Result};
use crate::loss::check_finite;
use crate::optimizer::OptimizerState;
use crate::real::Real;

/// A training that was stopped, to be continued: parameters, what the optimizer remembers, how far the run is, the
/// best parameters so far and the history.
///
/// All chance is a function of the seed and the number of the step, so that no generator has to be saved. With the
/// feature `serde` a checkpoint goes to and from any format that keeps floating-point numbers exactly;
/// [`save_file`](crate::file::save_file) replaces the checkpoint before by it as a whole.
///
/// # Examples
/// A run is stopped after three steps and continued by another trainer:
/// ```
/// use std::ops::ControlFlow;
///
/// use gradus::nalgebra::dmatrix;
/// use gradus::training::TrainingEnd;
/// use gradus::{Dataset, Dense, GradientDescent, MeanSquaredError, Network, Trainer};
///
/// # fn main() -> gradus::Result<()> {
/// let data = Dataset::new(dmatrix![-1.0, 0.0, 1.0, 2.0], dmatrix![-1.0, 1.0, 3.0, 5.0])?;
/// let network = Network::builder(1).layer(Dense::new(1, 1)).build()?;
/// let trainer = || -> gradus::Result<Trainer<f64>> {
///     Trainer::new(&network, MeanSquaredError, GradientDescent::new(0.1)?).batch_size(2)?.epochs(20)
/// };
///
/// let mut uninterrupted = [0.0; 2];
/// let _ = trainer()?.train(uninterrupted.as_mut_slice(), &data)?;
///
/// let mut parameters = [0.0; 2];
/// let mut first = trainer()?.observe(|progress| match progress.iterations {
///     3 => ControlFlow::Break(()),
///     _ => ControlFlow::Continue(()),
/// });
/// assert_eq!(first.train(parameters.as_mut_slice(), &data)?.end, TrainingEnd::Observer);
/// let checkpoint = first.checkpoint(parameters.as_slice())?;
///
/// let (mut second, mut parameters) = (trainer()?, [0.0; 2]);
/// second.restore(&checkpoint, parameters.as_mut_slice())?;
/// assert_eq!(second.train(parameters.as_mut_slice(), &data)?.iterations, 40);
/// assert_eq!(parameters, uninterrupted);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "resume")]
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Checkpoint<T> {
    version: u32,
    seed: u64,
    batch_size: usize,
    with_replacement: bool,
    parameters: Vec<T>,
    optimizer: OptimizerState<T>,
    plateau: Option<OptimizerState<T>>,
    state: State<T>,
}

/// Of the layout, and of what a seed stands for.
const VERSION: u32 = 2;

impl<T> Checkpoint<T> {
    /// The parameters of the network.
    #[must_use]
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }
}

impl<T: Real> Trainer<'_, T> {
    /// What must be saved to go on with the run later.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the parameters are not as many as the network has, [`Error::NotFinite`] if what the
    /// optimizer remembers is not finite, as after a run that diverged: no step leads on from there.
    pub fn checkpoint<'p>(&self, parameters: impl Into<&'p [T]>) -> Result<Checkpoint<T>> {
        let parameters = parameters.into();
        self.objective.check_parameters(parameters)?;
        let optimizer = self.optimizer.state();
        optimizer.check_finite()?;
        Ok(Checkpoint {
            version: VERSION,
            seed: self.seed,
            batch_size: self.batch_size,
            with_replacement: self.with_replacement,
            parameters: parameters.to_vec(),
            optimizer,
            plateau: self.plateau.as_ref().map(|plateau| plateau.watch.state()),
            state: self.state.clone(),
        })
    }

    /// Takes up a run where a checkpoint was made: [`train`](Self::train) goes on with it, to the same bits as if it
    /// had not been stopped. The trainer must be made like the one of the checkpoint, and get the same data; the number
    /// of epochs may differ.
    ///
    /// # Errors
    /// Nothing is changed then. [`Error::CheckpointMismatch`] if the checkpoint is of another version, seed, batch
    /// size, way of drawing batches or list of metrics, with or without a plateau, or contradicts itself;
    /// [`Error::ShapeMismatch`] if its parameters, or `parameters`, are not as many as the network has;
    /// [`Error::NotFinite`] if one of them is not finite; [`Error::InvalidParameter`] if the plateau has reduced the
    /// learning rate to 0; [`Error::StateMismatch`] if it is of another optimizer or one for another number of
    /// parameters.
    pub fn restore<'p>(&mut self, checkpoint: &Checkpoint<T>, parameters: impl Into<&'p mut [T]>) -> Result<()> {
        let parameters = parameters.into();
        same("version", &VERSION, &checkpoint.version)?;
        same("seed", &self.seed, &checkpoint.seed)?;
        same("batch size", &self.batch_size, &checkpoint.batch_size)?;
        same("with replacement", &self.with_replacement, &checkpoint.with_replacement)?;
        let names = |state: &State<T>| state.history.metric_names().join(", ");
        same("metrics", &names(&self.state), &names(&checkpoint.state))?;
        self.objective.check_parameters(parameters)?;
        self.check_state(checkpoint)?;
        same("plateau", &self.plateau.is_some(), &checkpoint.plateau.is_some())?;
        let mut watch = self.plateau.as_ref().map(|plateau| plateau.watch.clone());
        if let (Some(watch), Some(state)) = (&mut watch, &checkpoint.plateau) {
            watch.restore(state)?;
        }
        let reduced =
            self.plateau.as_mut().zip(watch).map(|(plateau, watch)| (plateau.base * watch.factor(), plateau, watch));
        if let Some((rate, ..)) = reduced {
            checks::positive("learning rate", rate)?;
        }
        self.optimizer.restore(&checkpoint.optimizer)?;
        if let Some((rate, plateau, watch)) = reduced {
            self.optimizer.set_learning_rate(rate)?;
            plateau.watch = watch;
        }
        parameters.copy_from_slice(&checkpoint.parameters);
        self.state.clone_from(&checkpoint.state);
        Ok(())
    }

    /// Numbers that were read must be possible ones.
    fn check_state(&self, checkpoint: &Checkpoint<T>) -> Result<()> {
        let state = &checkpoint.state;
        let mut vectors = vec![&checkpoint.parameters];
        vectors.extend(state.best.as_ref().map(|best| &best.parameters));
        vectors.extend(&state.latest);
        for vector in vectors {
            self.objective.check_parameters(vector)?;
            check_finite("parameters of the checkpoint", Batch::front(vector, vector.len(), 1))?;
        }
        let count = checkpoint.parameters.len();
        if checkpoint.optimizer.vectors.iter().any(|(_, vector)| !vector.is_empty() && vector.len() != count) {
            let (expected, found) = (format!("vectors of {count}, or of 0"), checkpoint.optimizer.to_string());
            return Err(Error::StateMismatch { expected, found });
        }
        same("epochs recorded", &state.epoch, &state.history.records().len())?;
        // Far more than a run can make or last, and far from an overflow.
        let possible = state.iterations < 1 << 62
            && state.elapsed < Duration::from_secs(1 << 62)
            && state.loss_sum.is_finite()
            && (0.0..f64::INFINITY).contains(&state.weight_sum)
            && (state.weight_sum > 0.0 || state.loss_sum == 0.0)
            && state.iterations >= (state.epoch as u64).saturating_add(state.batch as u64)
            && state.course.steps() <= state.iterations
            && state.last_loss.is_none_or(f64::is_finite)
            && state.course.is_possible()
            && state.best.as_ref().is_none_or(|best| best.epoch < state.epoch && best.loss.is_finite());
        if possible {
            return Ok(());
        }
        let (expected, found) = ("those of a run".to_owned(), "others".to_owned());
        Err(Error::CheckpointMismatch { what: "counts, sums and best epoch", expected, found })
    }
}

fn same<V: PartialEq + Display>(what: &'static str, expected: &V, found: &V) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::CheckpointMismatch { what, expected: expected.to_string(), found: found.to_string() })
}
