//! Your own optimizer: gradient descent that finds its step length by itself, on a regression and on a network.
//!
//! `cargo run --example own_optimizer -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use common::Options;
use gradus::layer::Tanh;
use gradus::nalgebra::DMatrix;
use gradus::objective::Penalty;
use gradus::optimizer::{Lbfgs, LearningRateBound, OptimizerState, Step};
use gradus::regression::{Intercept, LeastSquaresObjective};
use gradus::{Dense, Error as GradusError, GradientDescent, MeanSquaredError, Network, Objective, Optimizer, Stop};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const HELP: &str = "\
Compares your own optimizer, by Barzilai and Borwein, with two of the crate's.

Usage: cargo run --example own_optimizer -- [--iterations N] [--seed N]

  --iterations N  steps at most (default: 20000)
  --seed N        seed of the network's initial parameters, a whole number (default: 0)
  -h, --help      this text";

/// Gradient descent with `η = sᵀy / yᵀy` of the last step s and the change y of the gradient along it: of all multiples
/// of the identity the one that is most like the inverse Hessian there. Where sᵀy is not positive, the last η stays.
///
/// J. Barzilai, J. M. Borwein (1988): Two-point step size gradient methods.
#[derive(Debug, Default)]
struct BarzilaiBorwein {
    gradient: Vec<f64>,
    /// Of the step before; empty before the first.
    last_x: Vec<f64>,
    last_gradient: Vec<f64>,
    learning_rate: f64,
}

const NAMES: [&str; 2] = ["x", "gradient"];
const LEARNING_RATE: &str = "bits of the learning rate";

impl Optimizer<f64> for BarzilaiBorwein {
    fn step(&mut self, objective: &mut dyn Objective<f64>, x: &mut [f64]) -> Step<f64> {
        // Memory is taken at the first step of a size only.
        self.gradient.resize(x.len(), 0.0);
        let value = objective.value_and_gradient(x, &mut self.gradient);
        let step = Step::new(value, &self.gradient);
        // What is not finite is not followed, and not remembered.
        if !step.is_finite() {
            return step;
        }
        if self.last_x.len() == x.len() {
            let (mut curvature, mut change) = (0.0, 0.0);
            let now = x.iter().zip(&self.gradient);
            for ((x, slope), (last_x, last_slope)) in now.zip(self.last_x.iter().zip(&self.last_gradient)) {
                let (s, y) = (x - last_x, slope - last_slope);
                curvature += s * y;
                change += y * y;
            }
            if curvature > 0.0 {
                self.learning_rate = curvature / change;
            }
        } else {
            // Nothing is known yet: a step of length 0.001.
            self.learning_rate = 1e-3 / step.gradient_norm.max(f64::MIN_POSITIVE);
        }
        self.last_x.clear();
        self.last_x.extend_from_slice(x);
        self.last_gradient.clear();
        self.last_gradient.extend_from_slice(&self.gradient);
        x.iter_mut().zip(&self.gradient).for_each(|(x, slope)| *x -= self.learning_rate * slope);
        step
    }

    fn reset(&mut self) {
        *self = Self::default();
    }

    // With these two a checkpoint can hold it: vectors as long as x, and counters.
    fn state(&self) -> OptimizerState<f64> {
        let vectors = [self.last_x.clone(), self.last_gradient.clone()];
        OptimizerState::new(
            NAMES.map(str::to_owned).into_iter().zip(vectors).collect(),
            vec![(LEARNING_RATE.to_owned(), self.learning_rate.to_bits())],
        )
    }

    fn restore(&mut self, state: &OptimizerState<f64>) -> gradus::Result<()> {
        if let ([(x_name, x), (gradient_name, gradient)], [(rate_name, bits)]) =
            (state.vectors.as_slice(), state.counters.as_slice())
            && ([x_name.as_str(), gradient_name], rate_name.as_str()) == (NAMES, LEARNING_RATE)
            && x.len() == gradient.len()
        {
            self.last_x.clone_from(x);
            self.last_gradient.clone_from(gradient);
            self.learning_rate = f64::from_bits(*bits);
            return Ok(());
        }
        Err(GradusError::StateMismatch { expected: self.state().to_string(), found: state.to_string() })
    }
}

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let iterations = options.whole("--iterations", 1..=1_000_000_000)?.unwrap_or(20_000);
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    // Powers of x on [0, 1] nearly depend on each other.
    let x = DMatrix::from_fn(50, 3, |i, j| (i as f64 / 49.0).powi(j as i32 + 1));
    let y = x.column(0).map(|x| (4.0 * x).sin());
    let mut regression = LeastSquaresObjective::new(&x, &y, Intercept::Include)?;
    let bound =
        LearningRateBound::estimate(&mut regression, &[0.0; 4], 1_000)?.learning_rate().ok_or("no curvature")?;
    compare("regression", &mut regression, &[0.0; 4], bound / 2.0, iterations, out)?;

    // A network's weights are held back a little, so that there is a lowest point.
    let inputs = DMatrix::from_fn(1, 50, |_, i| i as f64 / 24.5 - 1.0);
    let targets = inputs.map(|x| (4.0 * x).sin());
    let network = Network::builder(1).layer(Dense::new(1, 8)).layer(Tanh).layer(Dense::new(8, 1)).build()?;
    let start = network.initialize(&mut ChaCha8Rng::seed_from_u64(seed));
    let penalty = Penalty::l2(1e-3)?;
    let mut objective = network.objective(MeanSquaredError);
    let mut objective = objective.on(&inputs, &targets)?;
    compare("network", &mut penalty.on(&mut objective), start.as_slice(), 0.02, iterations, out)
}

fn compare(
    name: &str,
    objective: &mut dyn Objective<f64>,
    start: &[f64],
    learning_rate: f64,
    iterations: usize,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let optimizers: [(&str, Box<dyn Optimizer<f64>>); 3] = [
        ("gradient descent", Box::new(GradientDescent::new(learning_rate)?)),
        ("Barzilai, Borwein", Box::new(BarzilaiBorwein::default())),
        ("L-BFGS", Box::new(Lbfgs::new())),
    ];
    let stop = Stop::after(iterations).gradient_norm(1e-8)?;
    for (optimizer_name, mut optimizer) in optimizers {
        let report = optimizer.minimize(objective, &mut start.to_vec(), &stop);
        writeln!(out, "{name:10}  {optimizer_name:17}  {report}")?;
    }
    Ok(())
}
