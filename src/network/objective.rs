use super::Network;
use super::micro_batches::MicroBatches;
use super::workspace::{Binding, Workspace};
use crate::batch::Batch;
use crate::error::{Error, Result, Shape};
use crate::layer::Mode;
use crate::loss::Loss;
use crate::objective::Objective;
use crate::real::Real;

/// A network under a loss, with the memory to evaluate it. Made by [`Network::objective`].
///
/// Bound to a batch by [`on`](Self::on) it is an [`Objective`]: a function of the network's parameters. The memory
/// is kept from batch to batch, so that after the first batch of a size nothing is allocated any more.
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
    workspace: Workspace<T>,
    micro_batches: MicroBatches<T>,
    /// The number of bindings so far: every one has random numbers of its own.
    bindings: u64,
}

/// A network under a loss on a batch: a function of the parameters. Made by [`NetworkObjective::on`].
#[derive(Debug)]
pub struct BoundObjective<'a, T> {
    owner: &'a mut NetworkObjective<T>,
    binding: Binding<'a, T>,
}

impl<T: Real> NetworkObjective<T> {
    pub(super) fn new(network: Network<T>, loss: Box<dyn Loss<T>>) -> Self {
        Self { network, loss, workspace: Workspace::new(), micro_batches: MicroBatches::of(usize::MAX), bindings: 0 }
    }

    /// Evaluates a batch of more than this many samples in parts of this many, and adds up what they give.
    ///
    /// That is for batches whose passes would not fit into memory (or into the cache): the passes take the memory of a
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
        if samples == 0 {
            let expected = "at least 1";
            return Err(Error::InvalidParameter { name: "samples of a micro-batch", value: 0.0, expected });
        }
        Ok(Self { micro_batches: MicroBatches::of(samples), ..self })
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network<T> {
        &self.network
    }

    /// Binds a batch: `x` input size × n, `target` output size × n, one sample per column.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the shapes do not fit the network or one another, [`Error::Empty`] without
    /// samples, what [`Loss::check_targets`] finds in the targets, [`Error::TooLarge`] if the memory for the batch
    /// cannot be had.
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
    pub fn on_weighted<'a>(
        &'a mut self,
        x: impl Into<Batch<'a, T>>,
        target: impl Into<Batch<'a, T>>,
        weights: impl Into<&'a [T]>,
    ) -> Result<BoundObjective<'a, T>> {
        let (x, weights) = (x.into(), weights.into());
        if weights.len() != x.samples() {
            return Err(Error::ShapeMismatch {
                what: "weights, one for each sample",
                expected: Shape::new(x.samples(), 1),
                found: Shape::new(weights.len(), 1),
            });
        }
        let invalid =
            |value: T, expected| Error::InvalidParameter { name: "sample weight", value: value.to_f64(), expected };
        if let Some(&weight) = weights.iter().find(|&&weight| !(weight.is_finite() && weight >= T::zero())) {
            return Err(invalid(weight, "a finite number of at least 0"));
        }
        let total = weights.iter().fold(T::zero(), |sum, &weight| sum + weight);
        if total.is_zero() && !weights.is_empty() {
            return Err(invalid(total, "at least one that is positive"));
        }
        if !total.is_finite() {
            return Err(Error::Overflow { what: "sample weights" });
        }
        self.bind(x, target.into(), Some(weights))
    }

    fn bind<'a>(
        &'a mut self,
        input: Batch<'a, T>,
        target: Batch<'a, T>,
        weights: Option<&'a [T]>,
    ) -> Result<BoundObjective<'a, T>> {
        self.network.check_input(input)?;
        self.network.check_target(target, input.samples())?;
        if input.samples() == 0 {
            return Err(Error::Empty { what: "samples" });
        }
        self.loss.check_targets(target)?;
        self.micro_batches.prepare(&self.network, &mut self.workspace, input.samples())?;
        self.bindings += 1;
        let mode = Mode::Train { seed: self.bindings, first_sample: 0 };
        Ok(BoundObjective { owner: self, binding: Binding { input, target, weights, mode } })
    }
}

impl<T: Real> Objective<T> for BoundObjective<'_, T> {
    /// # Panics
    /// If `x` or `gradient` has another length than the network has parameters.
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        let NetworkObjective { network, loss, workspace, micro_batches, .. } = &mut *self.owner;
        assert_eq!(x.len(), network.parameter_count(), "as many parameters as the network has");
        assert_eq!(gradient.len(), network.parameter_count(), "as many slopes as the network has parameters");
        micro_batches.value_and_gradient(network, &**loss, workspace, x, self.binding, gradient)
    }

    /// # Panics
    /// If `x` has another length than the network has parameters.
    fn value(&mut self, x: &[T]) -> T {
        let NetworkObjective { network, loss, workspace, micro_batches, .. } = &mut *self.owner;
        assert_eq!(x.len(), network.parameter_count(), "as many parameters as the network has");
        micro_batches.value(network, &**loss, workspace, x, self.binding)
    }
}
