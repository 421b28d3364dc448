//! Layers, networks, losses, optimizers, schedules and data sets that a source chooses, hyper-parameters and sizes
//! included: whatever of them is refused is so by a typed error.

use gradus::data::{Images, Labels, Standardization};
use gradus::layer::{
    Dropout, Elu, Gelu, Identity, Initializer, LayerNormalization, LeakyRelu, LogSoftmax, Relu, Silu, Softplus, Tanh,
    TanhGelu,
};
use gradus::loss::{
    BinaryCrossEntropy, ClassWeights, HalfSquaredError, Hinge, Huber, KullbackLeibler, LabelSmoothing, LogCosh,
    MeanAbsoluteError, NegativeLogLikelihood, Poisson, SigmoidCrossEntropy,
};
use gradus::nalgebra::DMatrix;
use gradus::optimizer::{AdaGrad, AdamW, Clipped, Lbfgs, Nadam, OptimizerState, RmsProp, Step};
use gradus::schedule::{
    ConstantSchedule, CosineAnnealing, ExponentialDecay, InverseTimeDecay, LinearWarmUp, OneCycle, Schedule, Scheduled,
    StepDecay,
};
use gradus::{
    Adam, Batch, BatchMut, CrossEntropy, Dataset, Dense, GradientDescent, Layer, Loss, MeanSquaredError, Network,
    Objective, Optimizer, Real, Result, Sigmoid, Softmax, SoftmaxCrossEntropy,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::source::Source;

pub(crate) fn generator(source: &mut Source<'_>) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(source.word())
}

/// A loss behind a pointer, as one of a user's own would be.
#[derive(Debug)]
pub(crate) struct AnyLoss<T: Real>(Box<dyn Loss<T>>);

impl<T: Real> Loss<T> for AnyLoss<T> {
    fn value(&self, prediction: Batch<'_, T>, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        self.0.value(prediction, target, weights)
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, T>,
        target: Batch<'_, T>,
        weights: Option<&[T]>,
        gradient: BatchMut<'_, T>,
    ) -> T {
        self.0.value_and_gradient(prediction, target, weights, gradient)
    }

    fn check_targets(&self, target: Batch<'_, T>) -> Result<()> {
        self.0.check_targets(target)
    }

    fn total_weight(&self, target: Batch<'_, T>, weights: Option<&[T]>) -> T {
        self.0.total_weight(target, weights)
    }
}

/// An optimizer behind a pointer.
pub(crate) struct AnyOptimizer<T: Real>(Box<dyn Optimizer<T>>);

impl<T: Real> Optimizer<T> for AnyOptimizer<T> {
    fn step(&mut self, objective: &mut dyn Objective<T>, x: &mut [T]) -> Step<T> {
        self.0.step(objective, x)
    }

    fn learning_rate(&self) -> Option<T> {
        self.0.learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: T) -> Result<()> {
        self.0.set_learning_rate(learning_rate)
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn state(&self) -> OptimizerState<T> {
        self.0.state()
    }

    fn restore(&mut self, state: &OptimizerState<T>) -> Result<()> {
        self.0.restore(state)
    }
}

pub(crate) fn loss<T: Real>(source: &mut Source<'_>) -> Result<AnyLoss<T>> {
    let loss: Box<dyn Loss<T>> = match source.below(17) {
        0 => Box::new(MeanSquaredError),
        1 => Box::new(HalfSquaredError),
        2 => Box::new(MeanAbsoluteError),
        3 => Box::new(Huber::new(source.parameter())?),
        4 => Box::new(LogCosh),
        5 => Box::new(Poisson),
        6 => Box::new(CrossEntropy),
        7 => Box::new(BinaryCrossEntropy),
        8 => Box::new(KullbackLeibler),
        9 => Box::new(NegativeLogLikelihood),
        10 => Box::new(SoftmaxCrossEntropy),
        11 => Box::new(SigmoidCrossEntropy),
        12 => Box::new(Hinge),
        13 => Box::new(LabelSmoothing::new(SoftmaxCrossEntropy, source.parameter())?),
        14 => Box::new(LabelSmoothing::new(BinaryCrossEntropy, source.parameter())?),
        15 => {
            let classes = source.size();
            let weights: Vec<T> = (0..classes).map(|_| source.parameter()).collect();
            Box::new(ClassWeights::new(SoftmaxCrossEntropy, weights)?)
        }
        _ => Box::new(ClassWeights::new(SigmoidCrossEntropy, vec![source.parameter(), source.parameter()])?),
    };
    Ok(AnyLoss(loss))
}

fn first_order<T: Real>(source: &mut Source<'_>) -> Result<AnyOptimizer<T>> {
    let (rate, decay) = (source.parameter(), source.once_in(2));
    let decay = if decay { source.parameter() } else { T::zero() };
    let optimizer: Box<dyn Optimizer<T>> = match source.below(8) {
        0 => Box::new(GradientDescent::new(rate)?.weight_decay(decay)?),
        1 => Box::new(GradientDescent::new(rate)?.momentum(source.parameter())?),
        2 => Box::new(GradientDescent::new(rate)?.nesterov_momentum(source.parameter())?.weight_decay(decay)?),
        3 => Box::new(AdaGrad::new(rate)?.epsilon(source.parameter())?.weight_decay(decay)?),
        4 => {
            let method = RmsProp::new(rate)?.alpha(source.parameter())?.weight_decay(decay)?;
            Box::new(if source.once_in(2) { method.centered().momentum(source.parameter())? } else { method })
        }
        5 => Box::new(Adam::new(rate)?.betas(source.parameter(), source.parameter())?.weight_decay(decay)?),
        6 => Box::new(AdamW::new(rate)?.epsilon(source.parameter())?.weight_decay(decay)?),
        _ => Box::new(Nadam::new(rate)?.momentum_decay(source.parameter())?.weight_decay(decay)?),
    };
    Ok(AnyOptimizer(optimizer))
}

pub(crate) fn optimizer<T: Real>(source: &mut Source<'_>) -> Result<AnyOptimizer<T>> {
    let optimizer: Box<dyn Optimizer<T>> = match source.below(8) {
        0 => {
            let method = Lbfgs::new().history(source.count())?;
            Box::new(if source.once_in(2) { method.wolfe(source.parameter(), source.parameter())? } else { method })
        }
        1 => Box::new(Clipped::by_norm(first_order(source)?, source.parameter())?),
        2 => Box::new(Clipped::by_value(first_order(source)?, source.parameter())?),
        3 => Box::new(Scheduled::new(first_order(source)?, schedule::<T>(source)?)?),
        _ => return first_order(source),
    };
    Ok(AnyOptimizer(optimizer))
}

pub(crate) fn schedule<T: Real>(source: &mut Source<'_>) -> Result<Box<dyn Schedule<T>>> {
    let count = source.count() as u64;
    Ok(match source.below(8) {
        0 => Box::new(ConstantSchedule),
        1 => Box::new(StepDecay::new(count, source.parameter())?),
        2 => Box::new(ExponentialDecay::new(source.parameter())?),
        3 => Box::new(InverseTimeDecay::new(source.parameter())?),
        4 => Box::new(CosineAnnealing::new(count)?.down_to(source.parameter())?),
        5 => Box::new(CosineAnnealing::new(count)?.with_restarts(source.count() as u64)?),
        6 => Box::new(LinearWarmUp::new(count, source.parameter(), ConstantSchedule)?),
        _ => Box::new(
            OneCycle::new(count)?.rising_for(source.parameter())?.between(source.parameter(), source.parameter())?,
        ),
    })
}

pub(crate) fn initializer(source: &mut Source<'_>) -> Result<Initializer> {
    let initializer = match source.below(10) {
        0 => Initializer::constant(source.parameter())?,
        1 => Initializer::normal(source.parameter())?,
        2 => Initializer::uniform(source.parameter())?,
        3 => Initializer::glorot_normal(),
        4 => Initializer::glorot_uniform(),
        5 => Initializer::he_normal(),
        6 => Initializer::he_uniform(),
        7 => Initializer::lecun_normal(),
        8 => Initializer::lecun_uniform(),
        _ => Initializer::orthogonal(),
    };
    if source.once_in(4) { initializer.with_gain(source.parameter()) } else { Ok(initializer) }
}

/// A layer, and what it puts out if it takes `inputs`.
fn layer<T: Real>(source: &mut Source<'_>, inputs: usize) -> Result<(Box<dyn Layer<T>>, usize)> {
    let inputs = if source.once_in(24) { source.count() } else { inputs };
    let layer: Box<dyn Layer<T>> = match source.below(18) {
        0 | 1 => {
            let outputs = if source.once_in(24) { source.count() } else { source.size().max(1) };
            let dense = Dense::new(inputs, outputs);
            let dense = if source.once_in(2) { dense.with_initializer(initializer(source)?) } else { dense };
            return Ok((Box::new(dense), outputs));
        }
        2 => Box::new(LayerNormalization::new(inputs)),
        3 => Box::new(LayerNormalization::new(inputs).with_epsilon(source.parameter())?),
        4 => Box::new(Dropout::new(source.parameter())?),
        5 => Box::new(Softmax),
        6 => Box::new(LogSoftmax),
        7 => Box::new(Identity),
        8 => Box::new(Sigmoid),
        9 => Box::new(Tanh),
        10 => Box::new(Relu),
        11 => Box::new(LeakyRelu::new(source.parameter())?),
        12 => Box::new(Elu::new(source.parameter())?),
        13 => Box::new(Gelu),
        14 => Box::new(TanhGelu),
        15 => Box::new(Silu),
        16 => Box::new(Softplus),
        _ => Box::new(Dropout::new(0.5)?),
    };
    Ok((layer, inputs))
}

/// A network whose layers mostly fit together, and mostly ends in a dense one of so many outputs.
pub(crate) fn network<T: Real>(source: &mut Source<'_>, inputs: usize, outputs: usize) -> Result<Network<T>> {
    let mut builder = Network::builder(inputs);
    let mut width = inputs;
    for _ in 0..source.below(4) {
        let (layer, after) = layer(source, width)?;
        builder = builder.boxed_layer(layer);
        width = after;
    }
    if !source.once_in(16) {
        builder = builder.layer(Dense::new(width, outputs));
    }
    if source.once_in(3) {
        builder = builder.boxed_layer(layer(source, outputs)?.0);
    }
    builder.build()
}

/// Targets of one of the kinds that losses are defined for, or of any numbers.
fn targets<T: Real>(source: &mut Source<'_>, kind: usize, size: usize, samples: usize) -> DMatrix<T> {
    let mut targets = DMatrix::from_fn(size, samples, |_, _| match kind {
        0 => source.number(),
        1 => T::nearest(f64::from(source.byte()) / 255.0),
        2 => T::nearest(f64::from(source.byte())),
        3 => T::nearest(if source.once_in(2) { 1.0 } else { -1.0 }),
        _ => T::zero(),
    });
    if kind == 4 && size > 0 {
        targets.column_iter_mut().for_each(|mut sample| sample[source.below(size)] = T::one());
    }
    targets
}

/// Targets that mostly suit the loss.
fn suited<T: Real>(source: &mut Source<'_>, loss: &AnyLoss<T>, size: usize, samples: usize) -> DMatrix<T> {
    let kind = source.below(10);
    for kind in (0..5).map(|next| (kind + next) % 5) {
        let targets = targets(source, kind, size, samples);
        if size > 0 && loss.check_targets(Batch::from(&targets)).is_ok() {
            return targets;
        }
    }
    targets(source, kind, size, samples)
}

/// A data set of about these sizes, mostly for this loss.
pub(crate) fn data<T: Real>(
    source: &mut Source<'_>,
    loss: &AnyLoss<T>,
    inputs: usize,
    outputs: usize,
) -> Result<Dataset<T>> {
    let samples = if source.once_in(16) { 0 } else { source.size().max(1) };
    let (inputs, outputs) = (source.about(inputs), source.about(outputs));
    let data = match source.below(4) {
        0 => {
            let labels = (0..source.about(samples)).map(|_| source.below(outputs.max(1))).collect();
            let classes = if source.once_in(16) { source.count() } else { outputs };
            Dataset::labeled(source.matrix(inputs, samples), labels, classes)?
        }
        1 => {
            let pixels = (0..inputs * samples).map(|_| source.byte()).collect();
            let images = Images::new(pixels, inputs, 1)?;
            let labels: Vec<u8> = (0..samples).map(|_| source.below(outputs.max(1)) as u8).collect();
            Dataset::from_images(images, &Labels::from(labels), outputs)?
        }
        _ => {
            let x = source.matrix(inputs, samples);
            let t = source.about(samples);
            Dataset::new(x, suited(source, loss, outputs, t))?
        }
    };
    let data = match source.below(8) {
        0 => {
            let standardization = Standardization::of_inputs(&data)?;
            data.standardize_inputs(&standardization)?
        }
        1 if source.once_in(4) => {
            let standardization = Standardization::of_targets(&data)?;
            data.standardize_targets(&standardization)?
        }
        _ => data,
    };
    if source.once_in(4) {
        let samples = source.about(data.len());
        let weights = (0..samples).map(|_| source.parameter()).collect();
        return data.with_weights(weights);
    }
    Ok(data)
}
