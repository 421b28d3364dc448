use std::ops::Range;

use gradus::data::MiniBatch;
use gradus::network::NetworkObjective;
use gradus::{Batch, Objective, Real};
use mpi::datatype::PartitionMut;
use mpi::traits::{CommunicatorCollectives, Equivalence};

use crate::error::{Error, Result};
use crate::fingerprint::fingerprint;
use crate::ranks::{Call, NO_ERROR, NONE, Ranks, all_finite, tell_number, tell_type, type_word, zeros};
use crate::sharding::{SHARDS, Sharding};
use crate::tree::{add_up, largest_within, levels};

/// A network under a loss whose batches are shared among the ranks: `Σ W_s L_s / Σ W_s` over the shards s.
///
/// A batch is cut into [`SHARDS`] parts, or as many as [asked for](Self::with_shards), whatever the number of ranks; a
/// rank computes those that it [holds](Sharding::held). Bound to a batch it is an [`Objective`], which every optimizer
/// of gradus minimizes: all ranks run the same optimizer from the same parameters, and all get the same value and
/// gradient.
///
/// # Numerics
/// Values and gradients of the shards are added in one binary tree: the nodes whose shards are all of one rank there,
/// the others from rank to rank, point to point; the result is broadcast. So any number of ranks on processors with the
/// same vector instructions gives the same bits, which are those of the whole batch to rounding. No sum is left to MPI,
/// whose order may depend on the length. Layers that draw at random draw what they would in the whole batch.
///
/// Each evaluation begins with a comparison of the ranks' parameters by their [`fingerprint`]: ranks that have come
/// apart do not go on.
///
/// The memory beside that of the network is that of 1 + max(log₂ k, 1) gradients for k shards on a rank that are one
/// branch of the tree, as where both numbers are powers of two, and of 3 log₂ k + 2 at most; the time is in the crate's
/// page on scaling.
///
/// # Examples
/// `mpirun -n 4 program` (or any other number) prints the same fingerprint, once:
/// ```
/// use gradus::nalgebra::DMatrix;
/// use gradus::layer::Tanh;
/// use gradus::{Dense, GradientDescent, MeanSquaredError, Network, Optimizer};
/// use gradus_mpi::{DataParallel, fingerprint};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let code = gradus_mpi::run(|ranks| {
///     let network = Network::<f64>::builder(1).layer(Dense::new(1, 8)).layer(Tanh).layer(Dense::new(8, 1)).build()?;
///     let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0)); // the same on all ranks
///     let x = DMatrix::from_fn(1, 100, |_, j| j as f64 / 50.0 - 1.0);
///     let t = x.map(|x| (3.0 * x).sin());
///     let mut objective = DataParallel::new(ranks, network.objective(MeanSquaredError))?;
///     let mut descent = GradientDescent::new(0.1)?;
///     for _ in 0..100 {
///         let _ = descent.step(&mut objective.on(&x, &t)?, parameters.as_mut_slice());
///         objective.outcome()?;
///     }
///     if ranks.rank() == 0 {
///         println!("{:016x}", fingerprint(parameters.as_slice()));
///     }
///     Ok(())
/// });
/// assert_eq!(code, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Debug)]
pub struct DataParallel<'r, T> {
    ranks: &'r Ranks,
    sharding: Sharding,
    objective: NetworkObjective<T>,
    /// Of the next binding.
    seed: u64,
    /// The largest nodes of the tree whose shards are all of this rank.
    nodes: Vec<Range<usize>>,
    /// The gradient, then the value: of each of these nodes; in the first at last the sum over all shards.
    sums: Vec<Vec<T>>,
    /// As many numbers for each level of the tree within a node, and at least one for what comes from another rank.
    levels: Vec<Vec<T>>,
    failure: Option<Error>,
}

/// A shard of a batch: samples in columns, as many targets, and a weight for each sample or none.
///
/// One without samples, or of weight 0, does not count.
#[derive(Clone, Copy, Debug)]
pub struct Shard<'a, T> {
    /// Input size × samples.
    pub inputs: Batch<'a, T>,
    /// Output size × samples.
    pub targets: Batch<'a, T>,
    /// One for each sample.
    pub weights: Option<&'a [T]>,
}

impl<'a, T> From<MiniBatch<'a, T>> for Shard<'a, T> {
    fn from(batch: MiniBatch<'a, T>) -> Self {
        Self { inputs: batch.inputs, targets: batch.targets, weights: batch.weights }
    }
}

/// A network under a loss on a batch that is shared among the ranks. Made by [`DataParallel::on`] and its variants.
///
/// An evaluation is collective. Where it fails, on any rank, value and gradient are not finite on all ranks, so that
/// every optimizer stops there; [`DataParallel::outcome`] says why.
#[derive(Debug)]
pub struct ParallelObjective<'a, 'r, T> {
    owner: &'a mut DataParallel<'r, T>,
    shards: Vec<Bound<'a, T>>,
    seed: u64,
}

/// A shard with its place in the batch.
#[derive(Debug)]
struct Bound<'a, T> {
    shard: Shard<'a, T>,
    /// Its part of the weight of the batch.
    share: T,
    first_sample: usize,
}

impl<'r, T: Real + Equivalence> DataParallel<'r, T> {
    /// Collective: shares batches of [`SHARDS`] shards. More ranks than these would have nothing to compute.
    ///
    /// # Errors
    /// As [`with_shards`](Self::with_shards).
    pub fn new(ranks: &'r Ranks, objective: NetworkObjective<T>) -> Result<Self> {
        Self::with_shards(ranks, objective, SHARDS)
    }

    /// Collective: shares batches of this many shards, on which the bits of results depend.
    ///
    /// # Errors
    /// [`Error::Rank`] for no shards, or more than 2²⁰, or if the memory cannot be allocated, [`Error::Different`] if
    /// the ranks have networks of different sizes or number types or ask for different numbers of shards.
    pub fn with_shards(ranks: &'r Ranks, objective: NetworkObjective<T>, shards: usize) -> Result<Self> {
        let count = objective.network().parameter_count();
        let words = [type_word::<T>(), shards as u64, count as u64];
        let (memory, met) = ranks.meet(Call::New, words, memory(ranks, shards, count))?;
        met.same(0, "number type of the network", tell_type)?;
        met.same(1, "number of shards", tell_number)?;
        met.same(2, "number of parameters", tell_number)?;
        let Memory { sharding, nodes, sums, levels } = memory;
        Ok(Self { ranks, sharding, objective, seed: 1, nodes, sums, levels, failure: None })
    }

    /// Which shards and samples this rank holds.
    #[must_use]
    pub fn sharding(&self) -> Sharding {
        self.sharding
    }

    /// The network under its loss.
    #[must_use]
    pub fn objective(&self) -> &NetworkObjective<T> {
        &self.objective
    }

    /// Says from which seed the layers draw under the next binding, as [`NetworkObjective::reseed`] does; it must be
    /// the same on all ranks. The first is 1.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// What came of the latest evaluation, the same on all ranks; says it once.
    ///
    /// # Errors
    /// [`Error::Rank`] if the loss or gradient of a rank's shards is not finite, [`Error::Together`] if only the sum is
    /// not, [`Error::Different`] if the ranks' parameters differ, [`Error::OutOfStep`] if not all ranks evaluated.
    pub fn outcome(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Collective: binds a batch that every rank has at hand, of which each evaluates its shards.
    ///
    /// # Errors
    /// [`Error::Rank`] with what [`NetworkObjective::on`] finds wrong with the shards of a rank, [`Error::Different`]
    /// if not all have as many samples, [`Error::Together`] without samples.
    pub fn on<'a>(
        &'a mut self,
        x: impl Into<Batch<'a, T>>,
        target: impl Into<Batch<'a, T>>,
    ) -> Result<ParallelObjective<'a, 'r, T>> {
        let batch = Shard { inputs: x.into(), targets: target.into(), weights: None };
        self.bind(self.cut(batch), batch.inputs.samples() as u64)
    }

    /// Collective: as [`on`](Self::on), with a weight for each sample.
    ///
    /// # Errors
    /// As [`on`](Self::on); also what [`NetworkObjective::on_weighted`] finds, but for a shard whose weights are all
    /// zero.
    pub fn on_weighted<'a>(
        &'a mut self,
        x: impl Into<Batch<'a, T>>,
        target: impl Into<Batch<'a, T>>,
        weights: impl Into<&'a [T]>,
    ) -> Result<ParallelObjective<'a, 'r, T>> {
        let batch = Shard { inputs: x.into(), targets: target.into(), weights: Some(weights.into()) };
        self.bind(self.cut(batch), batch.inputs.samples() as u64)
    }

    /// Collective: binds a batch of which every rank has only the shards that it holds, in their order. They may be of
    /// any sizes.
    ///
    /// # Errors
    /// [`Error::Rank`] with what [`NetworkObjective::on`] finds wrong with the shards of a rank or if there are not as
    /// many as it holds, [`Error::Together`] if there are no samples, or none of positive weight.
    pub fn on_shards<'a>(&'a mut self, shards: &[Shard<'a, T>]) -> Result<ParallelObjective<'a, 'r, T>> {
        self.bind(Ok(shards.to_vec()), NONE)
    }

    fn cut<'a>(&self, batch: Shard<'a, T>) -> gradus::Result<Vec<Shard<'a, T>>> {
        let samples = batch.inputs.samples();
        let cut = |shard: usize| {
            let range = self.sharding.shard(samples, shard);
            let shape = |samples| gradus::error::Shape::new(samples, 1);
            let weights = batch.weights.map(|weights| {
                weights.get(range.clone()).filter(|_| weights.len() == samples).ok_or(gradus::Error::ShapeMismatch {
                    what: "weights, one for each sample",
                    expected: shape(samples),
                    found: shape(weights.len()),
                })
            });
            let (inputs, targets) = (batch.inputs.range(range.clone())?, batch.targets);
            // The last shard shows whether there are too many.
            let end = if range.end == samples { targets.samples() } else { range.end };
            Ok(Shard { inputs, targets: targets.range(range.start..end)?, weights: weights.transpose()? })
        };
        self.sharding.held().map(cut).collect()
    }

    fn bind<'a>(
        &'a mut self,
        shards: gradus::Result<Vec<Shard<'a, T>>>,
        samples: u64,
    ) -> Result<ParallelObjective<'a, 'r, T>> {
        let checked = self.check(shards);
        let words = [type_word::<T>(), self.sharding.shards() as u64, samples];
        let ((shards, weights), met) = self.ranks.meet(Call::On, words, checked)?;
        met.same(0, "number type of the batch", tell_type)?;
        met.same(1, "number of shards of the batch", tell_number)?;
        met.same(2, "number of samples of the batch", tell_number)?;
        let held = self.sharding.held();
        let own = shards
            .iter()
            .zip(weights)
            .flat_map(|(shard, weight)| [shard.inputs.samples() as u64, weight.to_f64().to_bits()]);
        let own: Vec<u64> = own.collect();
        let mut all = vec![0; 2 * self.sharding.shards()];
        let [places, counts] = [|held: Range<usize>| held.start, |held: Range<usize>| held.len()]
            .map(|of| self.sharding.of_all().map(|held| 2 * of(held) as i32).collect::<Vec<_>>());
        self.ranks.world.all_gather_varcount_into(&own[..], &mut PartitionMut::new(&mut all[..], counts, places));
        let all: Vec<(usize, T)> =
            all.chunks_exact(2).map(|pair| (pair[0] as usize, T::nearest(f64::from_bits(pair[1])))).collect();
        let total = total_weight(&all).map_err(Error::Together)?;
        let mut first_sample = all[..held.start].iter().map(|(samples, _)| samples).sum();
        let bound = shards.into_iter().zip(&all[held]).map(|(shard, &(samples, weight))| {
            let bound = Bound { shard, share: weight / total, first_sample };
            first_sample += samples;
            bound
        });
        let shards = bound.collect();
        let seed = self.seed;
        self.seed = seed.wrapping_add(1);
        Ok(ParallelObjective { owner: self, shards, seed })
    }

    /// The shards and the weight of each.
    fn check<'a>(&mut self, shards: gradus::Result<Vec<Shard<'a, T>>>) -> Local<(Vec<Shard<'a, T>>, Vec<T>)> {
        let (shards, expected) = (shards?, self.sharding.held().len());
        if shards.len() != expected {
            return Err(Error::ShardCount { expected, found: shards.len() }.into());
        }
        let weights = shards.iter().map(|shard| self.weight(shard)).collect::<gradus::Result<_>>()?;
        Ok((shards, weights))
    }

    /// Binds the shard once, to see whether it can be, and returns its weight.
    fn weight(&mut self, shard: &Shard<'_, T>) -> gradus::Result<T> {
        let Shard { inputs, targets, weights } = *shard;
        if (inputs.samples(), targets.samples(), weights.map_or(0, <[T]>::len)) == (0, 0, 0) {
            return Ok(T::zero());
        }
        let objective = &mut self.objective;
        // Weights that are all zero are refused for a batch, but a shard may have such.
        let weights = weights.filter(|weights| weights.len() != inputs.samples() || !weights.iter().all(T::is_zero));
        let _ = match weights {
            Some(weights) => objective.on_weighted(inputs, targets, weights)?,
            None => objective.on(inputs, targets)?,
        };
        Ok(objective.loss().total_weight(targets, shard.weights))
    }

    /// Evaluates the shards of this rank and adds up those of all; the sum is left in the first of `self.sums`.
    fn evaluate(&mut self, shards: &[Bound<'_, T>], seed: u64, x: &[T], with_gradient: bool) -> Result<()> {
        let words = [type_word::<T>(), fingerprint(x), with_gradient.into()];
        let ((), met) = self.ranks.meet(Call::Evaluate, words, NO_ERROR)?;
        met.same(0, "number type of the parameters", tell_type)?;
        met.same(1, "fingerprint of the parameters", |word| format!("{word:016x}"))?;
        met.same(2, "evaluation", |word| {
            (if word == 0 { "the value alone" } else { "value and gradient" }).to_owned()
        })?;
        let Self { ranks, sharding, objective, nodes, sums, levels, .. } = self;
        let from = if with_gradient { 0 } else { x.len() };
        let [mut sums, mut levels]: [Vec<&mut [T]>; 2] =
            [sums, levels].map(|memory| memory.iter_mut().map(|sum| &mut sum[from..]).collect());
        let first = sharding.held().start;
        let mut of_shard = |shard: usize, sum: &mut [T]| shards[shard - first].evaluate(objective, seed, x, sum);
        for (node, sum) in nodes.iter().zip(&mut sums) {
            add_up(&mut of_shard, node, sum, &mut levels);
        }
        let of_rank = if sums[..nodes.len()].iter().all(|sum| all_finite(sum)) { Ok(()) } else { Err(NOT_FINITE) };
        ranks.come(Call::Evaluate)?;
        ranks.add_up(*sharding, &mut sums, levels[0]);
        if all_finite(sums[0]) {
            return Ok(());
        }
        ranks.meet(Call::Evaluate, [0; 3], of_rank)?;
        Err(Error::Together(gradus::Error::Overflow { what: "sum over the shards" }))
    }
}

const NOT_FINITE: &str = "loss of the shards: expected it and its gradient to be finite, found a value that is not";

impl<T: Real> Bound<'_, T> {
    /// Overwrites `sum` with the share of this shard: of the gradient, if there is room for it, and of the value.
    fn evaluate(&self, objective: &mut NetworkObjective<T>, seed: u64, x: &[T], sum: &mut [T]) {
        // Of no weight there is no mean: 0 · NaN would spoil the others.
        if self.share.is_zero() {
            return sum.fill(T::zero());
        }
        let Shard { inputs, targets, weights } = self.shard;
        objective.reseed(seed);
        let bound = match weights {
            None => objective.on(inputs, targets),
            Some(weights) => objective.on_weighted(inputs, targets, weights),
        };
        let mut bound = bound.expect("a shard that could be bound before").starting_at(self.first_sample);
        let Some((value, gradient)) = sum.split_last_mut() else { return };
        *value = if gradient.is_empty() { bound.value(x) } else { bound.value_and_gradient(x, gradient) };
        sum.iter_mut().for_each(|sum| *sum *= self.share);
    }
}

impl<T: Real + Equivalence> Objective<T> for ParallelObjective<'_, '_, T> {
    /// # Panics
    /// If `x` or `gradient` has another length than the network has parameters.
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        assert_eq!(gradient.len() + 1, self.owner.sums[0].len(), "as many slopes as the network has parameters");
        let sum = self.evaluate(x, true);
        gradient.copy_from_slice(&sum[..x.len()]);
        sum[x.len()]
    }

    /// # Panics
    /// If `x` has another length than the network has parameters.
    fn value(&mut self, x: &[T]) -> T {
        self.evaluate(x, false)[x.len()]
    }
}

impl<T: Real + Equivalence> ParallelObjective<'_, '_, T> {
    /// The sum over all shards.
    fn evaluate(&mut self, x: &[T], with_gradient: bool) -> &[T] {
        let Self { owner, shards, seed } = self;
        assert_eq!(x.len() + 1, owner.sums[0].len(), "as many parameters as the network has");
        let outcome = owner.evaluate(shards, *seed, x, with_gradient);
        // A sum that is not finite is passed on as it is; ranks that have come apart have none.
        if let Err(Error::OutOfStep { .. } | Error::Different { .. } | Error::Timeout { .. }) = outcome {
            owner.sums[0].fill(T::nearest(f64::NAN));
        }
        owner.failure = outcome.err();
        &owner.sums[0]
    }
}

type Local<V> = Result<V, Box<dyn std::error::Error + Send + Sync>>;

/// The part of a rank, and what it needs for that: see the fields of these names.
struct Memory<T> {
    sharding: Sharding,
    nodes: Vec<Range<usize>>,
    sums: Vec<Vec<T>>,
    levels: Vec<Vec<T>>,
}

fn memory<T: Real>(ranks: &Ranks, shards: usize, count: usize) -> Local<Memory<T>> {
    let sharding = Sharding::new(shards, ranks.size(), ranks.rank())?;
    let nodes = largest_within(&sharding.held(), 0..shards);
    // A rank without shards needs both for what comes from others.
    let zeros = |times: usize| {
        (0..times.max(1)).map(|_| zeros("sum of gradients", count.saturating_add(1))).collect::<gradus::Result<_>>()
    };
    let (sums, levels) = (zeros(nodes.len())?, zeros(nodes.iter().map(levels).max().unwrap_or(0))?);
    Ok(Memory { sharding, nodes, sums, levels })
}

/// Given samples and weight of every shard, the same on all ranks.
fn total_weight<T: Real>(shards: &[(usize, T)]) -> gradus::Result<T> {
    if shards.iter().all(|&(samples, _)| samples == 0) {
        return Err(gradus::Error::Empty { what: "samples" });
    }
    let total = shards.iter().fold(T::zero(), |total, &(_, weight)| total + weight);
    if !total.is_finite() {
        return Err(gradus::Error::Overflow { what: "sample weights" });
    }
    if total <= T::zero() {
        let (name, expected) = ("sample weight", "at least one that is positive");
        return Err(gradus::Error::InvalidParameter { name, value: total.to_f64(), expected });
    }
    Ok(total)
}
