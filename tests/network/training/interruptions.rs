//! Runs that are stopped by the observer, by their number of epochs or for good, and continued by the same trainer
//! or from a checkpoint: the same run, to the last bit.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use gradus::layer::{Dropout, Tanh};
use gradus::nalgebra::DMatrix;
use gradus::optimizer::{AdaGrad, AdamW, Clipped, Lbfgs, Nadam, RmsProp};
use gradus::schedule::{
    ConstantSchedule, CosineAnnealing, ExponentialDecay, InverseTimeDecay, LinearWarmUp, MultiStepDecay, OneCycle,
    PolynomialDecay, ReduceOnPlateau, Schedule, Scheduled, StepDecay,
};
use gradus::training::{Checkpoint, EarlyStopping, TrainingEnd};
use gradus::{Adam, Dataset, Dense, GradientDescent, MeanSquaredError, Network, Optimizer, Trainer};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

fn optimizer(kind: usize) -> Box<dyn Optimizer<f64>> {
    let descent = || GradientDescent::new(0.1).unwrap();
    match kind {
        0 => Box::new(descent()),
        1 => Box::new(descent().momentum(0.9).unwrap()),
        2 => Box::new(descent().nesterov_momentum(0.5).unwrap().weight_decay(0.01).unwrap()),
        3 => Box::new(AdaGrad::new(0.1).unwrap()),
        4 => Box::new(RmsProp::new(0.01).unwrap()),
        5 => Box::new(RmsProp::new(0.01).unwrap().centered().momentum(0.5).unwrap()),
        6 => Box::new(Adam::new(0.02).unwrap()),
        7 => Box::new(AdamW::new(0.02).unwrap()),
        8 => Box::new(Nadam::new(0.02).unwrap()),
        9 => Box::new(Clipped::by_norm(descent(), 0.1).unwrap()),
        _ => Box::new(Lbfgs::new()),
    }
}

fn schedule(kind: usize) -> Box<dyn Schedule<f64>> {
    match kind {
        0 => Box::new(ConstantSchedule),
        1 => Box::new(StepDecay::new(3, 0.5).unwrap()),
        2 => Box::new(MultiStepDecay::new([2, 5], 0.5).unwrap()),
        3 => Box::new(PolynomialDecay::new(20, 2.0).unwrap()),
        4 => Box::new(ExponentialDecay::new(0.9).unwrap()),
        5 => Box::new(InverseTimeDecay::new(0.1).unwrap()),
        6 => Box::new(CosineAnnealing::new(7).unwrap()),
        7 => Box::new(OneCycle::new(40).unwrap()),
        _ => Box::new(LinearWarmUp::new(4, 0.1, ExponentialDecay::new(0.95).unwrap()).unwrap()),
    }
}

/// What is drawn for a run.
struct Run {
    network: Network<f64>,
    training: Dataset<f64>,
    validation: Option<Dataset<f64>>,
    initial: Vec<f64>,
    epochs: usize,
    batch_size: usize,
    with_replacement: bool,
    optimizer: usize,
    schedule: Option<usize>,
    plateau: bool,
    patience: Option<usize>,
}

impl Run {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let dropout = Dropout::new(0.2).unwrap();
        let network = Network::builder(2).layer(Dense::new(2, 3)).layer(Tanh).layer(dropout).layer(Dense::new(3, 1));
        let network = network.build().unwrap();
        let mut data = |samples| {
            let x = DMatrix::from_fn(2, samples, |_, _| rng.random_range(-1.0..1.0));
            let y = DMatrix::from_fn(1, samples, |_, j| x[(0, j)] * x[(1, j)] + rng.random_range(-0.5..0.5));
            Dataset::new(x, y).unwrap()
        };
        let (training, validation) = (data(11), data(7));
        let schedule = rng.random_bool(0.5).then(|| rng.random_range(0..9));
        // A schedule needs a learning rate, and takes it from a plateau.
        let optimizer = rng.random_range(0..if schedule.is_some() { 10 } else { 11 });
        Self {
            initial: network.initialize(rng).as_slice().to_vec(),
            network,
            training,
            validation: rng.random_bool(0.5).then_some(validation),
            epochs: rng.random_range(1..9),
            batch_size: rng.random_range(2..12),
            with_replacement: rng.random_bool(0.3),
            optimizer,
            plateau: schedule.is_none() && optimizer < 10 && rng.random_bool(0.5),
            schedule,
            patience: rng.random_bool(0.7).then(|| rng.random_range(1..4)),
        }
    }

    /// A trainer that stops after so many steps.
    fn trainer(&self, stop: &Rc<Cell<u64>>) -> Trainer<'_, f64> {
        let optimizer = optimizer(self.optimizer);
        let optimizer = match self.schedule {
            Some(kind) => Box::new(Scheduled::new(optimizer, schedule(kind)).unwrap()),
            None => optimizer,
        };
        let mut trainer = Trainer::new(&self.network, MeanSquaredError, optimizer).seed(9);
        trainer = trainer.epochs(self.epochs).unwrap().batch_size(self.batch_size).unwrap();
        if self.with_replacement {
            trainer = trainer.with_replacement();
        }
        if let Some(validation) = &self.validation {
            trainer = trainer.validation(validation);
        }
        if let Some(patience) = self.patience {
            trainer = trainer.early_stopping(EarlyStopping::after(patience).unwrap());
        }
        if self.plateau {
            trainer = trainer.reduce_on_plateau(ReduceOnPlateau::new(0.5).unwrap().with_patience(0)).unwrap();
        }
        let stop = Rc::clone(stop);
        trainer.observe(move |progress| {
            if progress.iterations >= stop.get() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }
}

fn saved_and_read(trainer: &Trainer<'_, f64>, parameters: &[f64]) -> Checkpoint<f64> {
    serde_json::from_str(&serde_json::to_string(&trainer.checkpoint(parameters).unwrap()).unwrap()).unwrap()
}

#[test]
fn runs_that_are_interrupted_at_random_are_the_same_runs() {
    let (mut interruptions, mut extensions, mut restores, mut ended) = (0, 0, 0, 0);
    for seed in 0..400 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let run = Run::draw(&mut rng);
        let stop = Rc::new(Cell::new(u64::MAX));
        let mut expected = run.initial.clone();
        let mut uninterrupted = run.trainer(&stop);
        let whole = uninterrupted.train(expected.as_mut_slice(), &run.training).unwrap();
        let epochs = |trainer: &Trainer<'_, f64>| -> Vec<_> {
            let records = trainer.history().records().iter();
            records.map(|record| (record.training_loss, record.validation_loss, record.learning_rate)).collect()
        };
        if whole.best_epoch.is_some() {
            let data = run.validation.as_ref().unwrap_or(&run.training);
            let loss = run.network.objective(MeanSquaredError).mean_loss(&expected[..], data).unwrap();
            assert_eq!(whole.best_loss, Some(loss), "seed {seed}");
        }

        let (mut parameters, mut trainer) = (run.initial.clone(), run.trainer(&stop));
        let (mut steps, mut limit) = (0, 0);
        let report = loop {
            let is_last = rng.random_bool(0.2);
            stop.set(if is_last || rng.random_bool(0.5) { u64::MAX } else { steps + rng.random_range(1..9) });
            limit =
                if is_last || stop.get() < u64::MAX { run.epochs } else { rng.random_range(limit..=run.epochs).max(1) };
            trainer = trainer.epochs(limit).unwrap();
            let report = trainer.train(parameters.as_mut_slice(), &run.training).unwrap();
            steps = report.iterations;
            interruptions += usize::from(report.end == TrainingEnd::Observer);
            extensions += usize::from(limit < run.epochs && report.epochs == limit);
            ended += usize::from(report.end == TrainingEnd::AlreadyEnded);
            if is_last {
                break report;
            }
            if rng.random_bool(0.5) {
                restores += 1;
                let checkpoint = saved_and_read(&trainer, &parameters);
                trainer = run.trainer(&stop);
                parameters.fill(f64::NAN);
                trainer.restore(&checkpoint, parameters.as_mut_slice()).unwrap();
            }
        };
        assert_eq!(parameters, expected, "seed {seed}");
        assert_eq!((report.iterations, report.epochs), (whole.iterations, whole.epochs), "seed {seed}");
        assert_eq!((report.best_epoch, report.best_loss), (whole.best_epoch, whole.best_loss), "seed {seed}");
        assert!(report.end == whole.end || report.end == TrainingEnd::AlreadyEnded, "seed {seed}: {:?}", report.end);
        assert_eq!(epochs(&trainer), epochs(&uninterrupted), "seed {seed}");
    }
    println!("{interruptions} interruptions, {extensions} extensions, {restores} restores, {ended} ended before");
    assert!(interruptions >= 200 && extensions >= 100 && restores >= 600 && ended > 0);
    assert!(interruptions + extensions + restores >= 1_000);
}
