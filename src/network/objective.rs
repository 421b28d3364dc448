use nalgebra::DMatrix;

use super::micro_batches::MicroBatches;
use super::workspace::{Binding, Workspace};
use super::{Network, PREDICTION_BLOCK};
use crate::batch::Batch;
use crate::checks;
use crate::data::{Dataset, check_weights};
use crate::error::{Error, Result};
use crate::layer::Mode;
use crate::linalg::{self, CompensatedSum};
use crate::loss::{Loss, check_finite};
use crate::objective::Objective;
use crate::real::Real;

/// A network under a loss, with the memory to evaluate it. Made by [`Network::objective`].
///
/// Bound to a batch by [`on`](Self::on) it is an [`Objective`]: a function of the network's parameters. The memory
/// is kept from batch to batch, so that after the first batch of a size nothing is allocated any more.
///
/// # Numerics
/// A network that ends in [`Softmax`](crate::Softmax) under [`CrossEntropy`](crate::CrossEntropy) or
/// [`KullbackLeibler`](crate::loss::KullbackLeibler), or in [`Sigmoid`](crate::Sigmoid) under
/// [`BinaryCrossEntropy`](crate::loss::BinaryCrossEntropy), smoothed and weighted ones included, is evaluated from the
/// inputs of that layer, as under [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy) and
/// [`SigmoidCrossEntropy`](crate::loss::SigmoidCrossEntropy): a probability that is 0 or 1 to all its digits has lost
/// the value and the slope. Other pairs of these layers and losses, and a layer between the two, are
/// [refused](crate::Error::LostSlope).
///
/// # Examples
/// One layer `y = w x + b` under the mean squared error, at w = 2, b = 1, on the samples (1, 0) and (3, 4):
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::{Dense, MeanSquaredError, Network, Objective};
///
/// let network = Network::builder(1).layer(Dense::new(1, 1)).build()?;
/// let mut objective = network.objective(MeanSquaredError);
/// let parameters = dvector![2.0, 1.0];
/// let mut gradient = [0.0; 2];
/// let (x, y) = (dmatrix![1.0, 3.0], dmatrix![0.0, 4.0]);
/// let value = objective.on(&x, &y)?.value_and_gradient(parameters.as_slice(), &mut gradient);
/// assert_eq!(value, (3.0 * 3.0 + 3.0 * 3.0) / 2.0); // the errors are 3 and 3
/// assert_eq!(gradient, [3.0 * 1.0 + 3.0 * 3.0, 3.0 + 3.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug)]
pub struct NetworkObjective<T> {
    network: Network<T>,
    loss: Box<dyn Loss<T>>,
    /// What is evaluated instead, where the last layer makes probabilities for the loss: all before that layer, under
    /// the loss of the logits.
    on_logits: Option<OnLogits<T>>,
    /// Why the loss is not one for this network, if it is not.
    refusal: Option<Error>,
    workspace: Workspace<T>,
    micro_batches: MicroBatches<T>,
    /// Of the next binding: every one has random numbers of its own.
    seed: u64,
}

/// A network without its last layer, and the loss of what that is given.
type OnLogits<T> = (Network<T>, Box<dyn Loss<T>>);

/// A network under a loss on a batch: a function of the parameters. Made by [`NetworkObjective::on`].
#[derive(Debug)]
pub struct BoundObjective<'a, T> {
    owner: &'a mut NetworkObjective<T>,
    binding: Binding<'a, T>,
}

/// What a network makes of a data set. Made by [`NetworkObjective::evaluate`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation<T: Real> {
    /// The mean loss over all samples, weighted if the data set has weights.
    pub loss: T,
    /// The outputs, one sample per column.
    pub predictions: DMatrix<T>,
    /// The targets, one sample per column.
    pub targets: DMatrix<T>,
}

impl<T: Real> NetworkObjective<T> {
    pub(super) fn new(network: Network<T>, loss: Box<dyn Loss<T>>) -> Self {
        let (workspace, micro_batches) = (Workspace::new(), MicroBatches::of(usize::MAX));
        let on_logits = network.on_logits(&*loss);
        let refusal = if on_logits.is_some() { None } else { network.refuses(&*loss) };
        Self { on_logits, refusal, network, loss, workspace, micro_batches, seed: 1 }
    }

    /// Evaluates a batch of more than this many samples in parts of this many, and adds up what they give.
    ///
    /// That is for batches whose passes would not fit into memory (or into the cache), and for several threads (feature
    /// `threads`), which evaluate as many parts at the same time. For each of these the passes take the memory of a
    /// part, and a second gradient is kept. Parts are combined by their weights, `Σ W_s L_s / Σ W_s`, see
    /// [`Loss::total_weight`], and draw the random numbers of the whole batch, so that value and gradient are those of
    /// the whole batch to rounding, and the same in every run.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0 samples.
    ///
    /// # Examples
    /// Three samples in parts of two; the mean of the means would be (5 + 9)/2:
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::{Dense, MeanSquaredError, Network, Objective};
    ///
    /// let network = Network::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let mut objective = network.objective(MeanSquaredError).with_micro_batches(2)?;
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![-1.0, 5.0, 3.0]);
    /// assert_eq!(objective.on(&x, &y)?.value(&[2.0, 0.0]), (9.0 + 1.0 + 9.0) / 3.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn with_micro_batches(self, samples: usize) -> Result<Self> {
        checks::at_least_one("samples of a micro-batch", samples)?;
        Ok(Self { micro_batches: MicroBatches::of(samples), ..self })
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network<T> {
        &self.network
    }

    /// The loss.
    #[must_use]
    pub fn loss(&self) -> &dyn Loss<T> {
        &*self.loss
    }

    /// Says from which seed the layers draw under the next binding; those after it take the numbers that follow.
    ///
    /// A new objective begins with the seed 1. A run that is to be resumed seeds every binding with a function of the
    /// iteration: then a dropout mask depends on nothing else.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Binds a batch: `x` input size × n, `target` output size × n, one sample per column.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the shapes do not fit the network or one another, [`Error::Empty`] without
    /// samples, what [`Loss::check_targets`] finds in the targets, [`Error::LostSlope`] if the loss is one of
    /// probabilities and does not fit the last layer, [`Error::TooLarge`] if the memory for the batch cannot be allocated.
    pub fn on<'a>(
        &'a mut self,
        x: impl Into<Batch<'a, T>>,
        target: impl Into<Batch<'a, T>>,
    ) -> Result<BoundObjective<'a, T>> {
        self.bind(x.into(), target.into(), None)
    }

    /// Binds a batch with a weight for each sample: the loss becomes the weighted mean.
    ///
    /// # Errors
    /// As [`on`](Self::on); also [`Error::ShapeMismatch`] if the weights are not one for each sample, and
    /// [`Error::InvalidParameter`] if one is negative or not finite, or all are zero.
    ///
    /// # Examples
    /// y = x misses the targets by 1 and by 2:
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::{Dense, MeanSquaredError, Network, Objective};
    ///
    /// let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let mut objective = network.objective(MeanSquaredError);
    /// let (x, t) = (dmatrix![1.0, 2.0], dmatrix![0.0, 0.0]);
    /// assert_eq!(objective.on_weighted(&x, &t, [3.0, 1.0].as_slice())?.value(&[1.0, 0.0]), (3.0 + 4.0) / 4.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn on_weighted<'a>(
        &'a mut self,
        x: impl Into<Batch<'a, T>>,
        target: impl Into<Batch<'a, T>>,
        weights: impl Into<&'a [T]>,
    ) -> Result<BoundObjective<'a, T>> {
        let (x, weights) = (x.into(), weights.into());
        check_weights(weights, x.samples())?;
        self.bind(x, target.into(), Some(weights))
    }

    /// Loss, predictions and targets of a whole data set, for your own measures.
    ///
    /// The network predicts (no dropout), block by block: beside predictions and targets the memory is that of a block.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the data are not of the network's input and output sizes or the parameters not as
    /// many as it has; what [`Loss::check_targets`] finds in the targets; [`Error::LostSlope`] as for [`on`](Self::on);
    /// [`Error::NotFinite`] if an output or the loss is not finite; [`Error::TooLarge`] if the memory cannot be allocated.
    ///
    /// # Examples
    /// `y = 2 x` on (1, 2) and (3, 5):
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::{Dataset, Dense, MeanSquaredError, Network};
    ///
    /// let network = Network::builder(1).layer(Dense::new(1, 1)).build()?;
    /// let data = Dataset::new(dmatrix![1.0, 3.0], dmatrix![2.0, 5.0])?;
    /// let evaluation = network.objective(MeanSquaredError).evaluate([2.0, 0.0].as_slice(), &data)?;
    /// assert_eq!(evaluation.loss, 0.5);
    /// assert_eq!(evaluation.predictions, dmatrix![2.0, 6.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn evaluate<'a>(&mut self, parameters: impl Into<&'a [T]>, data: &Dataset<T>) -> Result<Evaluation<T>> {
        let matrix = |what| -> Result<_> {
            let values = linalg::zeros(what, data.len().saturating_mul(data.target_size()))?;
            Ok(DMatrix::from_vec(data.target_size(), data.len(), values))
        };
        let (mut predictions, mut targets) = (matrix("outputs")?, matrix("targets")?);
        let mut start = 0;
        let loss = self.visit(parameters.into(), data, &mut |prediction, target| {
            predictions.columns_mut(start, target.samples()).copy_from(&prediction.as_view());
            targets.columns_mut(start, target.samples()).copy_from(&target.as_view());
            start += target.samples();
        })?;
        check_finite("outputs", Batch::from(&predictions))?;
        Ok(Evaluation { loss: finite_loss(loss)?, predictions, targets })
    }

    /// The mean loss over a whole data set, weighted if it has weights, in the memory of a block.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn mean_loss<'a>(&mut self, parameters: impl Into<&'a [T]>, data: &Dataset<T>) -> Result<T> {
        finite_loss(self.visit(parameters.into(), data, &mut |_, _| {})?)
    }

    /// Shows predictions and targets of all samples block by block, and returns the mean loss, finite or not.
    #[inline(never)]
    pub(crate) fn visit(
        &mut self,
        parameters: &[T],
        data: &Dataset<T>,
        visit: &mut dyn FnMut(Batch<'_, T>, Batch<'_, T>),
    ) -> Result<T> {
        self.check_loss()?;
        let Self { network, loss, on_logits, workspace, .. } = self;
        let (judged, loss) = judged(network, &**loss, on_logits.as_ref());
        let (mut sum, mut total) = (CompensatedSum::new(), CompensatedSum::new());
        network.for_each_block(parameters, data, workspace, |workspace, batch| {
            loss.check_targets(batch.targets)?;
            let weight = loss.total_weight(batch.targets, batch.weights);
            // The mean over samples without weight is not defined.
            if weight > T::zero() {
                let outputs = workspace.output_of(judged, batch.inputs.samples());
                sum.add(weight * loss.value(outputs, batch.targets, batch.weights));
                total.add(weight);
            }
            visit(workspace.output_of(network, batch.inputs.samples()), batch.targets);
            Ok(())
        })?;
        Ok(sum.total() / total.total())
    }

    /// Whether a data set has the sizes of the network, and targets that the loss is defined for.
    pub(crate) fn check_data(&self, data: &Dataset<T>) -> Result<()> {
        self.check_loss()?;
        let mut batches = data.ordered_batches(PREDICTION_BLOCK)?;
        while let Some(batch) = batches.next_batch() {
            self.network.check_input(batch.inputs)?;
            self.network.check_target(batch.targets, batch.inputs.samples())?;
            self.loss.check_targets(batch.targets)?;
        }
        Ok(())
    }

    fn check_loss(&self) -> Result<()> {
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// What a mean over these samples is divided by.
    pub(crate) fn total_weight(&self, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        self.loss.total_weight(target, weights)
    }

    pub(crate) fn check_parameters(&self, parameters: &[T]) -> Result<()> {
        self.network.check_parameters(parameters)
    }

    #[inline(never)]
    pub(crate) fn bind<'a>(
        &'a mut self,
        input: Batch<'a, T>,
        target: Batch<'a, T>,
        weights: Option<&'a [T]>,
    ) -> Result<BoundObjective<'a, T>> {
        self.check_loss()?;
        self.network.check_input(input)?;
        self.network.check_target(target, input.samples())?;
        if input.samples() == 0 {
            return Err(Error::Empty { what: "samples" });
        }
        self.loss.check_targets(target)?;
        self.micro_batches.prepare(&self.network, &mut self.workspace, input.samples())?;
        let mode = Mode::Train { seed: self.seed, first_sample: 0 };
        self.seed = self.seed.wrapping_add(1);
        Ok(BoundObjective { owner: self, binding: Binding { input, target, weights, mode } })
    }
}

impl<T> BoundObjective<'_, T> {
    /// The batch as a part of a larger one, in which its first sample has this number: its layers draw at random what
    /// they would draw there.
    ///
    /// Values and gradients of parts, bound under one seed ([`NetworkObjective::reseed`]), make up those of the whole
    /// by their weights, see [`Loss::total_weight`].
    ///
    /// # Examples
    /// Two halves of a batch, with the dropout mask of the whole:
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::layer::Dropout;
    /// use gradus::{Batch, Dense, MeanSquaredError, Network, Objective};
    ///
    /// let network = Network::builder(1).layer(Dropout::new(0.5)?).layer(Dense::new(1, 1)).build()?;
    /// let mut objective = network.objective(MeanSquaredError);
    /// let (x, t) = (dmatrix![1.0, 2.0, 4.0, 8.0, 3.0, 5.0, 7.0, 9.0], dmatrix![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    /// let (x, t) = (Batch::from(&x), Batch::from(&t));
    /// let whole = objective.on(x, t)?.value(&[1.0, 0.0]);
    /// objective.reseed(1);
    /// let first = objective.on(x.range(0..4)?, t.range(0..4)?)?.value(&[1.0, 0.0]);
    /// objective.reseed(1);
    /// let second = objective.on(x.range(4..8)?, t.range(4..8)?)?.starting_at(4).value(&[1.0, 0.0]);
    /// assert_eq!((first + second) / 2.0, whole);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn starting_at(mut self, sample: usize) -> Self {
        if let Mode::Train { first_sample, .. } = &mut self.binding.mode {
            *first_sample = sample;
        }
        self
    }
}

/// The network and the loss that are evaluated.
fn judged<'a, T>(
    network: &'a Network<T>,
    loss: &'a dyn Loss<T>,
    on_logits: Option<&'a OnLogits<T>>,
) -> (&'a Network<T>, &'a dyn Loss<T>) {
    on_logits.map_or((network, loss), |(network, loss)| (network, &**loss))
}

fn finite_loss<T: Real>(loss: T) -> Result<T> {
    if loss.is_finite() {
        return Ok(loss);
    }
    Err(Error::NotFinite { what: "mean loss", row: 0, column: 0, value: loss.to_f64() })
}

impl<T: Real> Objective<T> for BoundObjective<'_, T> {
    /// # Panics
    /// If `x` or `gradient` has another length than the network has parameters.
    #[inline(never)]
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        let NetworkObjective { network, loss, on_logits, workspace, micro_batches, .. } = &mut *self.owner;
        let (network, loss) = judged(network, &**loss, on_logits.as_ref());
        assert_eq!(x.len(), network.parameter_count(), "as many parameters as the network has");
        assert_eq!(gradient.len(), network.parameter_count(), "as many slopes as the network has parameters");
        micro_batches.value_and_gradient(network, loss, workspace, x, self.binding, gradient)
    }

    /// # Panics
    /// If `x` has another length than the network has parameters.
    #[inline(never)]
    fn value(&mut self, x: &[T]) -> T {
        let NetworkObjective { network, loss, on_logits, workspace, micro_batches, .. } = &mut *self.owner;
        let (network, loss) = judged(network, &**loss, on_logits.as_ref());
        assert_eq!(x.len(), network.parameter_count(), "as many parameters as the network has");
        micro_batches.value(network, loss, workspace, x, self.binding)
    }
}
