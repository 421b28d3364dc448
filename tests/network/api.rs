//! What a user of the crate writes compiles as documented, for both scalars, and the types are what they promise.

use gradus::data::IdxError;
use gradus::loss::LossConfiguration;
use gradus::metrics::ConfusionMatrix;
use gradus::model::Predictor;
use gradus::nalgebra::{DMatrix, DVector, SMatrix};
use gradus::network::{BoundObjective, NetworkObjective};
use gradus::optimizer::{
    AdaGrad, AdamW, Clipped, Iteration, Lbfgs, LearningRateBound, Nadam, OptimizerConfiguration, OptimizerState,
    RmsProp, Step, StopReason,
};
use gradus::regression::LeastSquaresObjective;
use gradus::schedule::{
    ConstantSchedule, CosineAnnealing, ExponentialDecay, InverseTimeDecay, LinearWarmUp, MultiStepDecay, OneCycle,
    PolynomialDecay, ReduceOnPlateau, Schedule, ScheduleConfiguration, Scheduled, StepDecay,
};
use gradus::training::{Checkpoint, EarlyStopping, EpochRecord, History, Progress, TrainingEnd, TrainingReport};
use gradus::{
    Adam, Batch, Dataset, Dense, Error, GradientDescent, Layer, LinearFit, Loss, Model, Network, NormalEquation,
    Objective, Optimizer, Report, Sigmoid, SoftmaxCrossEntropy, Stop, one_hot,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

// The twin of the example on the crate's first page, which is in f64: without an annotation the learning rate takes
// the type of the parameters.
#[test]
fn the_lines_of_the_first_page_compile_for_f32() -> gradus::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let x = DMatrix::<f32>::from_fn(4, 6, |i, j| ((i + 2 * j) % 5) as f32);
    let t = one_hot::<f32>(&[0, 1, 2, 0, 1, 2], 3)?;

    #[rustfmt::skip]
    let network = Network::<f32>::builder(4).layer(Dense::new(4, 8)).layer(Sigmoid).layer(Dense::new(8, 3)).build()?;
    let mut parameters = network.initialize(&mut rng);
    let mut objective = network.objective(SoftmaxCrossEntropy);
    let mut descent = GradientDescent::new(0.1)?;
    let step = descent.step(&mut objective.on(&x, &t)?, parameters.as_mut_slice());
    let logits = network.predict(&parameters, &x)?;
    let mut gradient_of = objective.on(&x, &t)?;

    let mut gradient = DVector::zeros(parameters.len());
    let value = gradient_of.value_and_gradient(parameters.as_slice(), gradient.as_mut_slice());
    assert!(value < step.value);
    assert_eq!(logits.shape(), (3, 6));
    Ok(())
}

#[test]
fn batches_come_from_whatever_is_contiguous() -> gradus::Result<()> {
    let network = Network::<f64>::builder(2).layer(Sigmoid).build()?;
    let none: &[f64] = &[];
    let matrix = DMatrix::from_column_slice(2, 3, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let expected = network.predict(none, &matrix)?;
    let fixed = SMatrix::<f64, 2, 3>::from_column_slice(matrix.as_slice());
    assert_eq!(network.predict(none, &fixed)?, expected);
    assert_eq!(network.predict(none, Batch::from_slice(matrix.as_slice(), 2)?)?, expected);
    assert_eq!(network.predict(none, Batch::from(&matrix).range(1..3)?)?, expected.columns(1, 2));
    let one = DVector::from_column_slice(&[2.0, 3.0]);
    assert_eq!(network.predict(none, &one)?, expected.columns(1, 1));

    for (length, features) in [(5, 2), (1, 2), (3, 0)] {
        assert!(Batch::from_slice(&vec![0.0; length], features).is_err(), "{length} {features}");
    }
    let reversed = std::ops::Range { start: 2, end: 1 };
    for range in [0..4, 4..4, reversed] {
        assert!(matches!(Batch::from(&matrix).range(range), Err(Error::ShapeMismatch { .. })));
    }
    assert_eq!(network.predict(none, Batch::from(&matrix).range(3..3)?)?.shape(), (2, 0));
    Ok(())
}

#[test]
fn types_cross_threads_and_traits_make_objects() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Network<f64>>();
    crosses::<NetworkObjective<f64>>();
    crosses::<GradientDescent<f32>>();
    crosses::<Dataset<f32>>();
    crosses::<NormalEquation<f64>>();
    crosses::<LinearFit<f64>>();
    crosses::<gradus::regression::Diagnostics<f32>>();
    crosses::<gradus::regression::Summary<'static, f64>>();
    crosses::<LeastSquaresObjective<f64>>();
    crosses::<Error>();
    crosses::<IdxError>();
    crosses::<Model<f32>>();
    crosses::<Predictor<'static, f32>>();
    #[cfg(feature = "safetensors")]
    crosses::<gradus::model::ModelError>();
    crosses::<ConfusionMatrix>();

    fn objects(_: &dyn Layer<f64>, _: &dyn Loss<f64>, _: &dyn Objective<f64>, _: &dyn Optimizer<f64>) {}
    let network = Network::<f64>::builder(1).layer(Sigmoid).build().unwrap();
    let mut owner = network.objective(SoftmaxCrossEntropy);
    let (x, t) = (DMatrix::from_element(1, 1, 0.0), DMatrix::from_element(1, 1, 1.0));
    let bound: BoundObjective<'_, f64> = owner.on(&x, &t).unwrap();
    objects(&Sigmoid, &SoftmaxCrossEntropy, &bound, &GradientDescent::new(0.1).unwrap());
}

/// All but a trainer, which holds closures of its user.
#[test]
fn what_trains_crosses_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<AdaGrad<f64>>();
    crosses::<Adam<f64>>();
    crosses::<AdamW<f64>>();
    crosses::<Lbfgs<f64>>();
    crosses::<Nadam<f64>>();
    crosses::<RmsProp<f64>>();
    crosses::<Clipped<f64, Adam<f64>>>();
    crosses::<Scheduled<f64, Adam<f64>, LinearWarmUp<Box<dyn Schedule<f64>>>>>();
    crosses::<Box<dyn Loss<f64>>>();
    crosses::<OptimizerState<f64>>();
    crosses::<OptimizerConfiguration>();
    crosses::<ScheduleConfiguration>();
    crosses::<LossConfiguration>();
    crosses::<(ConstantSchedule, StepDecay, MultiStepDecay, PolynomialDecay, ExponentialDecay, InverseTimeDecay)>();
    crosses::<(CosineAnnealing, OneCycle, ReduceOnPlateau<f64>, LearningRateBound<f64>)>();
    crosses::<(Stop<f64>, Step<f64>, Report<f64>, StopReason, Iteration<'static, f64>)>();
    crosses::<(EarlyStopping, History, EpochRecord, Checkpoint<f64>)>();
    crosses::<(TrainingEnd, TrainingReport, Progress<'static>)>();
    // What a file chooses can be sent to the thread that trains.
    let configuration = Adam::new(0.1).unwrap().configuration().unwrap();
    fn sent(_: impl Send + Sync + 'static) {}
    sent(configuration.build::<f64>().unwrap());
}
