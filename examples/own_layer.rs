//! Your own layer, with parameters: radial basis functions, checked and trained beside the crate's layers.
//!
//! `cargo run --example own_layer -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use common::Options;
use gradus::gradient::Difference;
use gradus::layer::{Mode, ParameterBlock, Pass};
use gradus::nalgebra::DMatrix;
use gradus::optimizer::Lbfgs;
use gradus::{
    Batch, BatchMut, Dense, Error as GradusError, GradientCheck, Layer, MeanSquaredError, Network, Optimizer, Real,
    Stop,
};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

const HELP: &str = "\
Checks the derivatives of a layer of radial basis functions, and fits a surface by a network with it.

Usage: cargo run --example own_layer -- [--units N] [--seed N]

  --units N   basis functions (default: 12)
  --seed N    seed of the initial parameters, a whole number (default: 0)
  -h, --help  this text";

/// Bells around centers, `yⱼ = exp(−½ wⱼ² ‖x − cⱼ‖²)`.
///
/// Parameters: `center`, inputs × units; `width`, the wⱼ: one over the width of each bell.
/// Derivatives: with d = x − cⱼ, `∂y/∂cⱼ = y w² d`, `∂y/∂wⱼ = −y w ‖d‖²`, `∂y/∂x = −y w² d`.
#[derive(Debug)]
struct RadialBasis {
    inputs: usize,
    units: usize,
}

impl<T: Real> Layer<T> for RadialBasis {
    fn output_size(&self, input_size: usize) -> gradus::Result<usize> {
        if input_size != self.inputs {
            return Err(GradusError::InputSize { expected: self.inputs, found: input_size });
        }
        Ok(self.units)
    }

    fn parameter_blocks(&self) -> Vec<ParameterBlock> {
        let block = |name, rows| ParameterBlock::matrix(name, rows, self.units);
        vec![block("center", self.inputs), block("width", 1)]
    }

    fn initialize(&self, parameters: &mut [T], mut rng: &mut dyn Rng) {
        let (centers, widths) = parameters.split_at_mut(self.inputs * self.units);
        // Drawn in f64 for either number type, so that f32 and f64 start alike.
        let spread = rand::distr::Uniform::new(-1.0, 1.0).expect("an interval");
        let draw = |place: &mut T| *place = T::nearest(rand::distr::Distribution::sample(&spread, &mut rng));
        centers.iter_mut().for_each(draw);
        widths.fill(T::nearest(2.0));
    }

    fn forward(&self, parameters: &[T], input: Batch<'_, T>, mut output: BatchMut<'_, T>, _: &mut [T], _: Mode) {
        let (centers, widths) = parameters.split_at(self.inputs * self.units);
        let samples =
            input.as_slice().chunks_exact(self.inputs).zip(output.as_mut_slice().chunks_exact_mut(self.units));
        for (x, y) in samples {
            for ((y, center), &width) in y.iter_mut().zip(centers.chunks_exact(self.inputs)).zip(widths) {
                *y = (T::nearest(-0.5) * width * width * squared_distance(x, center)).exp();
            }
        }
    }

    fn backward(
        &self,
        parameters: &[T],
        pass: Pass<'_, T>,
        output_gradient: Batch<'_, T>,
        gradient: &mut [T],
        mut input_gradient: Option<BatchMut<'_, T>>,
    ) {
        let (centers, widths) = parameters.split_at(self.inputs * self.units);
        let (by_center, by_width) = gradient.split_at_mut(self.inputs * self.units);
        // The gradient of the parameters is added to, that of the inputs overwritten.
        if let Some(by_input) = &mut input_gradient {
            by_input.as_mut_slice().fill(T::zero());
        }
        for sample in 0..pass.input.samples() {
            let x = &pass.input.as_slice()[sample * self.inputs..][..self.inputs];
            for unit in 0..self.units {
                let place = sample * self.units + unit;
                let slope = output_gradient.as_slice()[place] * pass.output.as_slice()[place];
                let (width, range) = (widths[unit], unit * self.inputs..(unit + 1) * self.inputs);
                let center = &centers[range.clone()];
                by_width[unit] -= slope * width * squared_distance(x, center);
                for (i, by_center) in by_center[range].iter_mut().enumerate() {
                    let by_both = slope * width * width * (x[i] - center[i]);
                    *by_center += by_both;
                    if let Some(by_input) = &mut input_gradient {
                        by_input.as_mut_slice()[sample * self.inputs + i] -= by_both;
                    }
                }
            }
        }
    }
}

fn squared_distance<T: Real>(x: &[T], center: &[T]) -> T {
    x.iter().zip(center).fold(T::zero(), |sum, (&x, &c)| sum + (x - c) * (x - c))
}

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let units = options.whole("--units", 1..=1_000)?.unwrap_or(12);
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);

    // Behind another layer, so that the derivative by the inputs is checked too.
    let network = Network::<f64>::builder(2)
        .layer(Dense::new(2, 2))
        .layer(RadialBasis { inputs: 2, units })
        .layer(Dense::new(units, 1))
        .build()?;
    let parameters = network.initialize(&mut rng);
    let (x, t) = surface(5);
    let mut objective = network.objective(MeanSquaredError);
    let check = GradientCheck::new(Difference::fourth_order());
    let report = check.run(&mut objective.on(&x, &t)?, parameters.as_slice(), network.parameter_ranges());
    writeln!(out, "{report}")?;
    if !report.passed() {
        return Err("the derivatives are wrong".into());
    }

    let network =
        Network::<f64>::builder(2).layer(RadialBasis { inputs: 2, units }).layer(Dense::new(units, 1)).build()?;
    let mut parameters = network.initialize(&mut rng);
    let (x, t) = surface(21);
    let mut objective = network.objective(MeanSquaredError);
    let report = Lbfgs::new().minimize(&mut objective.on(&x, &t)?, parameters.as_mut_slice(), &Stop::after(500));
    writeln!(out, "{report}")?;
    let (between, t) = surface(40);
    let error = (network.predict(&parameters, &between)? - t).norm() / (between.ncols() as f64).sqrt();
    Ok(writeln!(
        out,
        "{} parameters; error between the points they were fitted to: {error:.4}",
        network.parameter_count()
    )?)
}

/// A hill and a valley over [−1, 1]², on a grid.
fn surface(side: usize) -> (DMatrix<f64>, DMatrix<f64>) {
    let at = |place: usize| 2.0 * place as f64 / (side - 1) as f64 - 1.0;
    let x = DMatrix::from_fn(2, side * side, |axis, place| at(if axis == 0 { place % side } else { place / side }));
    let t = DMatrix::from_fn(1, side * side, |_, place| (3.0 * x[(0, place)]).sin() * (2.0 * x[(1, place)]).cos());
    (x, t)
}
