//! Every layer, every loss and whole networks against finite differences, exact derivatives and one another.
//!
//! A new layer is one line in [`layers`], a new loss one line in [`losses`]: all tests go through these tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{LayerObjective, LossObjective, Values, gradient_of, predictions, targets, uniform};
use gradus::gradient::{Difference, GradientReport, Tolerance, Verdict};
use gradus::layer::{
    Dropout, Elu, Gelu, Identity, LayerNormalization, LeakyRelu, LogSoftmax, Mode, ParameterBlock, Pass, Relu, Silu,
    Softplus, Tanh, TanhGelu,
};
use gradus::loss::{
    BinaryCrossEntropy, ClassWeights, HalfSquaredError, Hinge, Huber, KullbackLeibler, LabelSmoothing, LogCosh,
    MeanAbsoluteError, NegativeLogLikelihood, Poisson, SigmoidCrossEntropy,
};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::network::{NetworkBuilder, NetworkObjective, ParameterRange};
use gradus::{
    Batch, BatchMut, CrossEntropy, Dense, GradientCheck, GradientDescent, Layer, Loss, MeanSquaredError, Network,
    Objective, Optimizer, Real, Result, Sigmoid, Softmax, SoftmaxCrossEntropy, Stop,
};
use proptest::prelude::*;
use proptest::sample::select;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// Every layer and what it puts out. A layer with sizes of its own maps `inputs` to `outputs`, or to as many.
///
/// An ε of the size of the variances keeps the normalization of two features from being a step, which no difference
/// sees through.
fn layers<T: Real>(inputs: usize, outputs: usize) -> Vec<LayerEntry<T>> {
    vec![
        LayerEntry::new(Dense::new(inputs, outputs), Values::Real),
        LayerEntry::new(Sigmoid, Values::Probability),
        LayerEntry::new(Softmax, Values::Distribution),
        LayerEntry::new(LogSoftmax, Values::LogProbability),
        LayerEntry::new(Identity, Values::Real),
        LayerEntry::new(Tanh, Values::Real),
        LayerEntry::new(Relu, Values::Real).with_kink(),
        LayerEntry::new(LeakyRelu::new(0.25).unwrap(), Values::Real).with_kink(),
        LayerEntry::new(Elu::new(0.5).unwrap(), Values::Real).with_kink(),
        LayerEntry::new(Gelu, Values::Real),
        LayerEntry::new(TanhGelu, Values::Real),
        LayerEntry::new(Silu, Values::Real),
        LayerEntry::new(Softplus, Values::Real),
        LayerEntry::new(Dropout::new(0.25).unwrap(), Values::Real),
        LayerEntry::new(LayerNormalization::new(inputs).with_epsilon(0.25).unwrap(), Values::Real),
    ]
}

/// Every loss, with the predictions and the targets that it is defined for, away from its kinks: those of the absolute
/// error and of Huber's loss lie at and about the target, that of the hinge at ±1.
fn losses<T: Real>(outputs: usize) -> Vec<LossEntry<T>> {
    let tenth = T::nearest(0.1);
    let class_weights: Vec<T> = (0..outputs.max(2)).map(|class| T::from_count(class + 1)).collect();
    vec![
        LossEntry::new(MeanSquaredError, Values::Real, Values::Real),
        LossEntry::new(HalfSquaredError, Values::Real, Values::Real),
        LossEntry::new(CrossEntropy, Values::Distribution, Values::Distribution),
        LossEntry::new(BinaryCrossEntropy, Values::Probability, Values::Probability),
        LossEntry::new(SoftmaxCrossEntropy, Values::Real, Values::Distribution),
        LossEntry::new(SigmoidCrossEntropy, Values::Real, Values::Probability),
        LossEntry::new(MeanAbsoluteError, Values::Real, Values::Far),
        LossEntry::new(Huber::new(T::one()).unwrap(), Values::Real, Values::Far),
        LossEntry::new(Huber::new(T::nearest(64.0)).unwrap(), Values::Real, Values::Far),
        LossEntry::new(LogCosh, Values::Real, Values::Real),
        LossEntry::new(Hinge, Values::Probability, Values::Sign),
        LossEntry::new(Poisson, Values::Real, Values::Count),
        LossEntry::new(KullbackLeibler, Values::Distribution, Values::Distribution),
        LossEntry::new(NegativeLogLikelihood, Values::LogProbability, Values::Distribution),
        LossEntry::new(
            LabelSmoothing::new(NegativeLogLikelihood, tenth).unwrap(),
            Values::LogProbability,
            Values::Distribution,
        ),
        LossEntry::new(LabelSmoothing::new(CrossEntropy, tenth).unwrap(), Values::Distribution, Values::Distribution),
        LossEntry::new(
            LabelSmoothing::new(BinaryCrossEntropy, tenth).unwrap(),
            Values::Probability,
            Values::Probability,
        ),
        LossEntry::new(LabelSmoothing::new(SoftmaxCrossEntropy, tenth).unwrap(), Values::Real, Values::Distribution),
        LossEntry::new(LabelSmoothing::new(SigmoidCrossEntropy, tenth).unwrap(), Values::Real, Values::Probability),
        LossEntry::new(
            ClassWeights::new(SoftmaxCrossEntropy, &class_weights[..]).unwrap(),
            Values::Real,
            Values::Distribution,
        ),
        LossEntry::new(
            ClassWeights::new(LabelSmoothing::new(CrossEntropy, tenth).unwrap(), &class_weights[..]).unwrap(),
            Values::Distribution,
            Values::Distribution,
        ),
    ]
}

const BATCH_SIZES: [usize; 4] = [1, 2, 3, 17];
const DEPTHS: [usize; 3] = [1, 2, 4];

struct LayerEntry<T> {
    layer: Box<dyn Layer<T>>,
    output: Values,
    /// Whether the derivative jumps where an input is 0.
    kink: bool,
}

impl<T: Real> LayerEntry<T> {
    fn new(layer: impl Layer<T> + 'static, output: Values) -> Self {
        Self { layer: Box::new(layer), output, kink: false }
    }

    fn with_kink(self) -> Self {
        Self { kink: true, ..self }
    }
}

/// Ten steps of the longer of the differences: no input of a layer with a kink may be nearer to it.
const CLEARANCE: f64 = 2.5e-3;

/// How far from 0 and 1 probabilities must keep where a loss takes their logarithms.
const PROBABLE: f64 = 0.05;

/// Larger inputs of layers, as chains of logarithms drift to, make the third derivatives too large for a difference.
const LARGE: f64 = 6.0;

/// A layer that is looked at on the way forward.
#[derive(Debug)]
struct Watched {
    layer: Box<dyn Layer<f64>>,
    kink: bool,
    of_probabilities: bool,
    /// Whether every input so far was small and kept away from the kink, and every output from 0 and 1. A softmax of
    /// one class is 1.
    clear: Arc<AtomicBool>,
}

impl Layer<f64> for Watched {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        self.layer.output_size(input_size)
    }

    fn parameter_blocks(&self) -> Vec<ParameterBlock> {
        self.layer.parameter_blocks()
    }

    fn cache_size(&self, input_size: usize, samples: usize) -> usize {
        self.layer.cache_size(input_size, samples)
    }

    fn forward(&self, parameters: &[f64], x: Batch<'_, f64>, mut y: BatchMut<'_, f64>, cache: &mut [f64], mode: Mode) {
        self.layer.forward(parameters, x, y.reborrow(), cache, mode);
        let near_kink = self.kink && x.as_slice().iter().any(|x| x.abs() < CLEARANCE);
        let improbable = |&p: &f64| p != 1.0 && !(PROBABLE..=1.0 - PROBABLE).contains(&p);
        let large = x.as_slice().iter().any(|x| x.abs() > LARGE);
        if large || near_kink || self.of_probabilities && y.as_batch().as_slice().iter().any(improbable) {
            self.clear.store(false, Ordering::Relaxed);
        }
    }

    fn backward(&self, _: &[f64], _: Pass<'_, f64>, _: Batch<'_, f64>, _: &mut [f64], _: Option<BatchMut<'_, f64>>) {
        unreachable!("only values are asked for");
    }
}

type UnderLoss<T> = dyn Fn(&Network<T>) -> NetworkObjective<T>;

struct LossEntry<T> {
    loss: Box<dyn Loss<T>>,
    under: Box<UnderLoss<T>>,
    prediction: Values,
    target: Values,
}

impl<T: Real> LossEntry<T> {
    fn new<L: Loss<T> + Clone + 'static>(loss: L, prediction: Values, target: Values) -> Self {
        let under = loss.clone();
        Self {
            loss: Box::new(loss),
            under: Box::new(move |network| network.objective(under.clone())),
            prediction,
            target,
        }
    }

    /// Whether the loss makes sense of what a layer puts out.
    fn takes(&self, output: Values) -> bool {
        match self.prediction {
            Values::Real => true,
            kind => output == kind,
        }
    }
}

fn convert<T: Real>(matrix: &DMatrix<f64>) -> DMatrix<T> {
    matrix.map(T::nearest)
}

fn convert_slice<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&value| T::nearest(value)).collect()
}

fn widen<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}

/// From ½ to 1½, and one of them zero if there are several.
fn sample_weights(samples: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut weights = uniform(samples, 1, rng).map(|number| 1.0 + number / 2.0).as_slice().to_vec();
    if samples > 1 {
        weights[samples / 2] = 0.0;
    }
    weights
}

/// One layer of the table with data.
#[derive(Clone, Copy, Debug)]
struct LayerCase {
    layer: usize,
    inputs: usize,
    outputs: usize,
    samples: usize,
    seed: u64,
}

impl LayerCase {
    /// Calls `examine` with the layer as an objective, its ranges and where to look at it.
    fn examine<T: Real, R>(
        &self,
        examine: impl FnOnce(&mut LayerObjective<'_, T>, &[ParameterRange], &[f64]) -> R,
    ) -> R {
        let entry = &layers::<T>(self.inputs, self.outputs)[self.layer];
        let outputs = entry.layer.output_size(self.inputs).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let slopes = uniform(outputs, self.samples, &mut rng);
        let mut objective = LayerObjective::new(&*entry.layer, self.inputs, convert(&slopes));
        let mut x = uniform(objective.dimension(), 1, &mut rng);
        while entry.kink && x.iter().any(|x| x.abs() < CLEARANCE) {
            x = uniform(objective.dimension(), 1, &mut rng);
        }
        let ranges = objective.ranges();
        examine(&mut objective, &ranges, x.as_slice())
    }

    fn check(&self, difference: Difference) -> GradientReport {
        self.examine(|objective, ranges, x| GradientCheck::new(difference).run(objective, x, ranges))
    }
}

/// One loss of the table with data.
#[derive(Clone, Copy, Debug)]
struct LossCase {
    loss: usize,
    outputs: usize,
    samples: usize,
    weighted: bool,
    seed: u64,
}

impl LossCase {
    /// Calls `examine` with the loss as an objective, its range and where to look at it.
    fn examine<T: Real, R>(
        &self,
        examine: impl FnOnce(&mut LossObjective<'_, T>, &[ParameterRange], &[f64]) -> R,
    ) -> R {
        let entry = &losses::<T>(self.outputs)[self.loss];
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let target = targets(entry.target, self.outputs, self.samples, &mut rng);
        let prediction = predictions(entry.prediction, self.outputs, self.samples, &mut rng);
        let weights = self.weighted.then(|| convert_slice(&sample_weights(self.samples, &mut rng)));
        let mut objective = LossObjective::new(&*entry.loss, convert(&target), weights);
        examine(&mut objective, &[ParameterRange::whole(prediction.len())], prediction.as_slice())
    }

    fn check(&self, difference: Difference) -> GradientReport {
        self.examine(|objective, ranges, x| GradientCheck::new(difference).run(objective, x, ranges))
    }
}

/// A network under a loss with data: `depth` layers, `hidden` and at the end `last`, each behind a dense one if it
/// has no sizes of its own.
#[derive(Clone, Copy, Debug)]
struct NetworkCase {
    hidden: usize,
    last: usize,
    loss: usize,
    depth: usize,
    sizes: Sizes,
    weighted: bool,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    samples: usize,
}

/// Where in a training a network is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Initialized,
    Trained,
}

/// What a network is evaluated on.
struct Samples<T> {
    x: DMatrix<T>,
    target: DMatrix<T>,
    weights: Option<Vec<T>>,
}

impl NetworkCase {
    /// All that make sense: the places in the tables of hidden layer, last layer and loss.
    fn combinations() -> Vec<(usize, usize, usize)> {
        let (layers, losses) = (layers::<f64>(1, 1), losses::<f64>(1));
        let all = (0..layers.len()).flat_map(|hidden| (0..layers.len()).map(move |last| (hidden, last)));
        all.flat_map(|(hidden, last)| (0..losses.len()).map(move |loss| (hidden, last, loss)))
            .filter(|&(_, last, loss)| losses[loss].takes(layers[last].output))
            .collect()
    }

    /// Of the combinations one for each hidden layer and loss. The last layers take turns, so that there is one for
    /// each last layer and loss too.
    fn pairs() -> Vec<(usize, usize, usize)> {
        let (layers, losses) = (layers::<f64>(1, 1), losses::<f64>(1));
        let pairs = (0..losses.len()).flat_map(|loss| {
            let takes = |&last: &usize| losses[loss].takes(layers[last].output);
            let last: Vec<usize> = (0..layers.len()).filter(takes).collect();
            (0..layers.len()).map(move |hidden| (hidden, last[(hidden + loss) % last.len()], loss))
        });
        pairs.collect()
    }

    /// All pairs, depths and batch sizes, on small shapes and where a check makes sense.
    fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for (hidden, last, loss) in Self::pairs() {
            for depth in DEPTHS {
                for samples in BATCH_SIZES {
                    let sizes = Sizes { inputs: 4, hidden: 5, outputs: 4, samples };
                    let (weighted, seed) = (cases.len() % 3 == 0, cases.len() as u64);
                    let case = Self { hidden, last, loss, depth, sizes, weighted, seed };
                    let seeds = (seed..).step_by(1 << 16).take(1_000);
                    let mut clear = seeds.map(|seed| Self { seed, ..case }).filter(Self::is_clear);
                    cases.push(clear.next().expect("some draw is clear"));
                }
            }
        }
        cases
    }

    /// The layers and whether they have kinks.
    fn layers<T: Real>(&self) -> Vec<(Box<dyn Layer<T>>, bool)> {
        let mut chain: Vec<(Box<dyn Layer<T>>, bool)> = Vec::new();
        let mut width = self.sizes.inputs;
        for place in 1..=self.depth {
            let (layer, size) =
                if place == self.depth { (self.last, self.sizes.outputs) } else { (self.hidden, self.sizes.hidden) };
            if layers::<T>(1, 2)[layer].layer.output_size(1) != Ok(2) {
                chain.push((Box::new(Dense::new(width, size)), false));
                width = size;
            }
            let LayerEntry { layer, kink, .. } = layers(width, size).swap_remove(layer);
            chain.push((layer, kink));
            width = size;
        }
        chain
    }

    fn network<T: Real>(&self) -> Network<T> {
        let builder = Network::builder(self.sizes.inputs);
        self.layers().into_iter().fold(builder, |builder, (layer, _)| builder.boxed_layer(layer)).build().unwrap()
    }

    /// Whether at every moment the inputs of all layers are small and keep away from their kinks, and probabilities
    /// from 0 and 1 if the loss is one of them: there a logarithm bends too much, and 1 − p has lost its digits.
    fn is_clear(&self) -> bool {
        let of_probabilities = matches!(
            losses::<f64>(self.sizes.outputs)[self.loss].prediction,
            Values::Probability | Values::Distribution
        );
        let layers = self.layers::<f64>();
        let count = layers.len();
        let clear = Arc::new(AtomicBool::new(true));
        let watched = layers.into_iter().enumerate().map(|(place, (layer, kink))| Watched {
            layer,
            kink,
            of_probabilities: of_probabilities && place + 1 == count,
            clear: clear.clone(),
        });
        let network = watched.fold(Network::builder(self.sizes.inputs), NetworkBuilder::layer).build().unwrap();
        [Moment::Initialized, Moment::Trained].into_iter().all(|moment| {
            self.examine_network(&network, |objective| objective.value(self.parameters(moment).as_slice()));
            clear.load(Ordering::Relaxed)
        })
    }

    fn samples<T: Real>(&self) -> Samples<T> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let x = uniform(self.sizes.inputs, self.sizes.samples, &mut rng);
        let target = targets(
            losses::<T>(self.sizes.outputs)[self.loss].target,
            self.sizes.outputs,
            self.sizes.samples,
            &mut rng,
        );
        let weights = self.weighted.then(|| convert_slice(&sample_weights(self.sizes.samples, &mut rng)));
        Samples { x: convert(&x), target: convert(&target), weights }
    }

    /// Calls `examine` with the network as an objective.
    fn examine<T: Real, R>(&self, examine: impl FnOnce(&mut dyn Objective<T>) -> R) -> R {
        self.examine_network(&self.network(), examine)
    }

    fn examine_network<T: Real, R>(&self, network: &Network<T>, examine: impl FnOnce(&mut dyn Objective<T>) -> R) -> R {
        let mut objective = (losses::<T>(self.sizes.outputs)[self.loss].under)(network);
        let Samples { x, target, weights } = self.samples::<T>();
        let mut bound = match &weights {
            None => objective.on(&x, &target),
            Some(weights) => objective.on_weighted(&x, &target, &weights[..]),
        };
        examine(bound.as_mut().unwrap())
    }

    /// Parameters as they are drawn, of Xavier's spread, or after 20 steps of gradient descent.
    fn parameters(&self, moment: Moment) -> DVector<f64> {
        let mut parameters = self.network::<f64>().initialize(&mut ChaCha8Rng::seed_from_u64(!self.seed));
        if moment == Moment::Trained {
            self.examine(|objective| descend(objective, parameters.as_mut_slice()));
        }
        parameters
    }

    fn check(&self, difference: Difference, moment: Moment) -> GradientReport {
        let (network, parameters) = (self.network::<f64>(), self.parameters(moment));
        let check = GradientCheck::new(difference);
        self.examine(|objective| check.run(objective, parameters.as_slice(), network.parameter_ranges()))
    }
}

/// Twenty steps of gradient descent, each of which takes off a fiftieth of the gradient: so short that even a single
/// sample is not fitted and there remains a gradient to be checked. They are shorter where there is no curvature to
/// speak of, which would lead to far targets and their kinks, and where the value would rise.
fn descend(objective: &mut dyn Objective<f64>, parameters: &mut [f64]) {
    const AHEAD: f64 = 1e-4;
    let gradient = DVector::from(gradient_of(objective, parameters));
    if gradient.norm() < 1e-10 {
        return; // A softmax of one class, or units in the tail of a rectifier.
    }
    let start = DVector::from_column_slice(parameters);
    let ahead = &start - gradient.normalize() * AHEAD;
    let curvature = (&gradient - DVector::from(gradient_of(objective, ahead.as_slice()))).norm() / AHEAD;
    let mut rate = (0.02 / curvature).min(0.05 / gradient.norm()).min(1.0);
    let falls = (0..8).any(|_| {
        parameters.copy_from_slice(start.as_slice());
        let report = GradientDescent::new(rate).unwrap().minimize(objective, parameters, &Stop::after(20));
        rate /= 4.0;
        report.value < report.initial_value
    });
    assert!(falls, "the value does not fall along the gradient");
}

/// The fourth-order one with a quarter of its usual step: deep networks and logarithms bend too much for 1e-3.
fn differences() -> [Difference; 2] {
    [Difference::central(), Difference::fourth_order().with_step(2.5e-4).unwrap()]
}

fn any_layer() -> impl Strategy<Value = LayerCase> {
    (0..layers::<f64>(1, 1).len(), 1..=6_usize, 1..=6_usize, select(&BATCH_SIZES[..]), any::<u64>())
        .prop_map(|(layer, inputs, outputs, samples, seed)| LayerCase { layer, inputs, outputs, samples, seed })
}

fn any_loss() -> impl Strategy<Value = LossCase> {
    (0..losses::<f64>(1).len(), 1..=6_usize, select(&BATCH_SIZES[..]), any::<bool>(), any::<u64>())
        .prop_map(|(loss, outputs, samples, weighted, seed)| LossCase { loss, outputs, samples, weighted, seed })
}

fn any_network() -> impl Strategy<Value = NetworkCase> {
    let shape = (select(&DEPTHS[..]), 1..=6_usize, 1..=6_usize, 1..=6_usize, select(&BATCH_SIZES[..]));
    let cases = (select(NetworkCase::combinations()), shape, any::<bool>(), any::<u64>()).prop_map(
        |((hidden, last, loss), (depth, inputs, width, outputs, samples), weighted, seed)| {
            // In a long and narrow chain the gradient is a product of so many numbers that it may be nothing.
            let sizes = Sizes { inputs, hidden: width.max(depth - 1), outputs, samples };
            NetworkCase { hidden, last, loss, depth, sizes, weighted, seed }
        },
    );
    cases.prop_filter("large, near a kink, or improbable", NetworkCase::is_clear)
}

/// Every layer × batch size on a fixed shape.
fn all_layers() -> impl Iterator<Item = LayerCase> {
    let layers = 0..layers::<f64>(1, 1).len();
    layers.flat_map(|layer| {
        BATCH_SIZES.map(|samples| LayerCase { layer, inputs: 4, outputs: 3, samples, seed: 11 + samples as u64 })
    })
}

/// Every loss × batch size, with and without weights, on a fixed shape.
fn all_losses() -> impl Iterator<Item = LossCase> {
    let losses = 0..losses::<f64>(1).len();
    let cases = losses.flat_map(|loss| BATCH_SIZES.map(|samples| (loss, samples)));
    cases.flat_map(|(loss, samples)| {
        [false, true].map(|weighted| LossCase { loss, outputs: 3, samples, weighted, seed: 23 + samples as u64 })
    })
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn layers_agree_with_differences(case in any_layer()) {
        for difference in differences() {
            let report = case.check(difference);
            prop_assert!(report.passed(), "{difference:?}\n{report}");
        }
    }

    #[test]
    fn losses_agree_with_differences(case in any_loss()) {
        for difference in differences() {
            let report = case.check(difference);
            prop_assert!(report.passed(), "{difference:?}\n{report}");
        }
    }

    #[test]
    fn networks_of_any_shape_agree_with_differences(case in any_network()) {
        for moment in [Moment::Initialized, Moment::Trained] {
            for difference in differences() {
                let mut report = case.check(difference, moment);
                // A few of a hundred thousand networks bend too much for a central difference. Half the step takes three
                // quarters off what that does, and nothing off an error of the derivative.
                if !report.passed() && difference == Difference::central() {
                    report = case.check(Difference::central().with_step(3e-6).unwrap(), moment);
                }
                // Few units may all be driven into the flat tail of a rectifier: then there is no slope to be checked.
                prop_assume!(report.blocks().iter().all(|block| block.verdict != Verdict::NotResolved));
                prop_assert!(report.passed(), "{moment:?} {difference:?}\n{report}");
            }
        }
    }
}

#[test]
fn every_layer_and_loss_agrees_with_differences_in_networks_of_every_depth() {
    for case in NetworkCase::all() {
        for moment in [Moment::Initialized, Moment::Trained] {
            for difference in differences() {
                let report = case.check(difference, moment);
                assert!(report.passed(), "{case:?} {moment:?} {difference:?}\n{report}");
            }
        }
    }
}

#[test]
fn every_loss_agrees_with_differences_with_and_without_weights() {
    for case in all_losses() {
        for difference in differences() {
            let report = case.check(difference);
            assert!(report.passed(), "{case:?} {difference:?}\n{report}");
        }
    }
}

#[test]
fn a_sample_of_no_weight_has_no_gradient() {
    for (loss, entry) in losses::<f64>(3).iter().enumerate() {
        let case = LossCase { loss, outputs: 3, samples: 3, weighted: true, seed: 5 };
        let gradient = case.examine(|objective, _, x| gradient_of(objective, x));
        let norms = gradient.chunks(3).map(|sample| sample.iter().map(|slope| slope.abs()).sum::<f64>());
        let weightless: Vec<_> = norms.map(|norm| norm == 0.0).collect();
        assert_eq!(weightless, [false, true, false], "{:?}", entry.loss);
    }
}

/// The data of the comparisons below are fixed, and no block is so small that its few entries might happen to cancel
/// all at once: what is left of such a block has lost digits of its own, which no tolerance of a formula allows for.
mod of_other_numbers {
    use super::*;

    /// f32 against f64 at the same parameters: some 100 roundings of 6e-8 norm-wise, and some hundred times as much in
    /// entries that may be a thousandth of the largest.
    const SINGLE: Tolerance = Tolerance::new(1e-5, 3e-3);

    #[test]
    fn an_entry_that_differs_is_named_by_its_place_in_its_block() {
        let network = Network::<f64>::builder(2).layer(Dense::new(2, 3)).build().unwrap();
        let reference = [1.0; 9];
        let mut other = reference;
        other[6 + 1] += 0.5;
        let report = GradientReport::compare(&other, &reference, network.parameter_ranges(), Tolerance::exact());
        let [weight, bias] = report.blocks() else { panic!("{report}") };
        assert_eq!((weight.verdict, bias.verdict), (Verdict::Passed, Verdict::Failed));
        assert_eq!((bias.worst.row, bias.worst.column), (1, 0));
    }

    #[test]
    fn layers_of_f32_agree_with_those_of_f64() {
        for case in all_layers() {
            let single = case.examine::<f32, _>(|objective, _, x| widen(&gradient_of(objective, &convert_slice(x))));
            let report = case.examine::<f64, _>(|objective, ranges, x| {
                GradientReport::compare(&single, &gradient_of(objective, x), ranges, SINGLE)
            });
            assert!(report.passed(), "{case:?}\n{report}");
        }
    }

    #[test]
    fn losses_of_f32_agree_with_those_of_f64() {
        for case in all_losses() {
            let single = case.examine::<f32, _>(|objective, _, x| widen(&gradient_of(objective, &convert_slice(x))));
            let report = case.examine::<f64, _>(|objective, ranges, x| {
                GradientReport::compare(&single, &gradient_of(objective, x), ranges, SINGLE)
            });
            assert!(report.passed(), "{case:?}\n{report}");
        }
    }

    #[test]
    fn networks_of_f32_agree_with_those_of_f64() {
        for case in NetworkCase::all() {
            let network = case.network::<f64>();
            for moment in [Moment::Initialized, Moment::Trained] {
                let parameters: Vec<f32> = convert_slice(case.parameters(moment).as_slice());
                let single = case.examine(|objective| widen(&gradient_of(objective, &parameters)));
                let double = case.examine(|objective| gradient_of(objective, &widen(&parameters)));
                let report = GradientReport::compare(&single, &double, network.parameter_ranges(), SINGLE);
                assert!(report.passed(), "{case:?} {moment:?}\n{report}");
            }
        }
    }

    /// f64 against the same code run on dual numbers, whose derivatives are exact to rounding.
    #[cfg(feature = "num-dual")]
    mod dual {
        use num_dual::Dual64;

        use super::*;

        /// The dual part of the value, with that of one coordinate at a time set to 1.
        fn exact_gradient(objective: &mut dyn Objective<Dual64>, x: &[f64]) -> Vec<f64> {
            let mut x: Vec<Dual64> = convert_slice(x);
            let mut gradient = Vec::new();
            for i in 0..x.len() {
                x[i].eps = 1.0;
                gradient.push(objective.value(&x).eps);
                x[i].eps = 0.0;
            }
            gradient
        }

        #[test]
        fn layers_agree_with_exact_derivatives() {
            for case in all_layers() {
                let exact = case.examine::<Dual64, _>(|objective, _, x| exact_gradient(objective, x));
                let report = case.examine::<f64, _>(|objective, ranges, x| {
                    GradientReport::compare(&gradient_of(objective, x), &exact, ranges, Tolerance::exact())
                });
                assert!(report.passed(), "{case:?}\n{report}");
            }
        }

        #[test]
        fn losses_agree_with_exact_derivatives() {
            for case in all_losses() {
                let exact = case.examine::<Dual64, _>(|objective, _, x| exact_gradient(objective, x));
                let report = case.examine::<f64, _>(|objective, ranges, x| {
                    GradientReport::compare(&gradient_of(objective, x), &exact, ranges, Tolerance::exact())
                });
                assert!(report.passed(), "{case:?}\n{report}");
            }
        }

        #[test]
        fn networks_agree_with_exact_derivatives() {
            for case in NetworkCase::all() {
                let network = case.network::<f64>();
                for moment in [Moment::Initialized, Moment::Trained] {
                    let parameters = case.parameters(moment);
                    let exact = case.examine(|objective| exact_gradient(objective, parameters.as_slice()));
                    let gradient = case.examine(|objective| gradient_of(objective, parameters.as_slice()));
                    let ranges = network.parameter_ranges();
                    let report = GradientReport::compare(&gradient, &exact, ranges, Tolerance::exact());
                    assert!(report.passed(), "{case:?} {moment:?}\n{report}");
                }
            }
        }
    }
}
