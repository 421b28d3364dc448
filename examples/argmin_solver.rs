//! A solver of argmin on objectives of gradus, through slices.
//!
//! `cargo run --example argmin_solver -- --help`
//!
//! argmin asks a problem for its value and its gradient apart and by `&self`; an `Objective` computes both at once and
//! may keep memory for it. The adapter below is all that it takes.

mod common;

use std::cell::RefCell;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use argmin::core::{CostFunction, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use gradus::layer::Tanh;
use gradus::loss::SigmoidCrossEntropy;
use gradus::nalgebra::dmatrix;
use gradus::objective::Penalty;
use gradus::optimizer::Lbfgs;
use gradus::{Dense, Network, Objective, Optimizer, Stop, from_fn};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const HELP: &str = "\
Minimizes Rosenbrock's function and the loss of a network by L-BFGS, that of argmin and that of gradus.

Usage: cargo run --example argmin_solver -- [--seed N]

  --seed N    seed of the network's initial parameters, a whole number (default: 1)
  -h, --help  this text";

/// Any objective of gradus as a problem of argmin.
struct Problem<'a>(RefCell<&'a mut dyn Objective<f64>>);

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.0.borrow_mut().value(x))
    }
}

impl Gradient for Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        let mut gradient = vec![0.0; x.len()];
        self.0.borrow_mut().value_and_gradient(x, &mut gradient);
        Ok(gradient)
    }
}

/// Where argmin's L-BFGS ends, and the value there.
pub(crate) fn by_argmin(objective: &mut dyn Objective<f64>, start: &[f64]) -> Result<(Vec<f64>, f64), Box<dyn Error>> {
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 10).with_tolerance_grad(1e-9)?.with_tolerance_cost(0.0)?;
    let result = Executor::new(Problem(RefCell::new(objective)), solver)
        .configure(|state| state.param(start.to_vec()).max_iters(1_000))
        .run()?;
    let state = result.state();
    let x = state.get_best_param().ok_or("argmin found no point")?;
    Ok((x.clone(), state.get_best_cost()))
}

/// Where that of gradus ends.
pub(crate) fn by_gradus(objective: &mut dyn Objective<f64>, start: &[f64]) -> Result<(Vec<f64>, f64), Box<dyn Error>> {
    let mut x = start.to_vec();
    let stop = Stop::after(1_000).gradient_norm(1e-9)?;
    let report = Lbfgs::new().minimize(objective, &mut x, &stop);
    Ok((x, report.value))
}

/// Rosenbrock's valley, whose lowest point is (1, 1).
pub(crate) fn rosenbrock() -> impl Objective<f64> {
    from_fn(|x: &[f64], gradient: &mut [f64]| {
        let (along, across) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient.copy_from_slice(&[-2.0 * along - 400.0 * across * x[0], 200.0 * across]);
        along * along + 100.0 * across * across
    })
}

pub(crate) fn main() -> ExitCode {
    common::main(HELP, |options, out| run(options.whole("--seed", 0..=u64::MAX)?.unwrap_or(1), out))
}

pub(crate) fn run(seed: u64, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let start = [-1.2, 1.0];
    let (x, value) = by_argmin(&mut rosenbrock(), &start)?;
    writeln!(out, "Rosenbrock, argmin: f({:.6}, {:.6}) = {value:.1e}", x[0], x[1])?;
    let (x, value) = by_gradus(&mut rosenbrock(), &start)?;
    writeln!(out, "Rosenbrock, gradus: f({:.6}, {:.6}) = {value:.1e}", x[0], x[1])?;

    // Exclusive or, by a network whose weights are held back, so that there is a lowest point.
    let (inputs, targets) = (dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0], dmatrix![0.0, 1.0, 1.0, 0.0]);
    let network = Network::builder(2).layer(Dense::new(2, 4)).layer(Tanh).layer(Dense::new(4, 1)).build()?;
    let start = network.initialize(&mut ChaCha8Rng::seed_from_u64(seed));
    let penalty = Penalty::l2(1e-3)?;
    let mut objective = network.objective(SigmoidCrossEntropy);
    let mut objective = objective.on(&inputs, &targets)?;
    let mut objective = penalty.on(&mut objective);
    writeln!(out, "network, argmin: {:.6}", by_argmin(&mut objective, start.as_slice())?.1)?;
    writeln!(out, "network, gradus: {:.6}", by_gradus(&mut objective, start.as_slice())?.1)?;
    Ok(())
}
