//! What is compiled with the crate, and not once more in each program that uses it.
//!
//! The compiler compiles a generic function where it is called with a type, and as that crate asks for: in a debug
//! build not optimized. Of a function with the attribute `#[inline(never)]` it takes the code from a crate that has
//! compiled it for the same type already. So the functions where time goes have this attribute, and are called here, by
//! functions that are compiled for `f32` and `f64`, or `f64` alone, and never run.

use nalgebra::{DMatrix, DVector};
use rand::Rng;

use crate::data::{Dataset, Standardization};
use crate::error::Result;
use crate::layer::LayerConfiguration;
use crate::loss::LossConfiguration;
use crate::network::Network;
use crate::optimizer::OptimizerConfiguration;
use crate::real::Real;
use crate::regression::{
    Intercept, LeastSquaresObjective, LinearRegression, NormalEquation, RecursiveLeastSquares, polynomial,
};
use crate::training::Trainer;

/// Compiled for both types.
pub(crate) fn networks<T: Real>(
    layer: &LayerConfiguration,
    loss: &LossConfiguration,
    optimizer: &OptimizerConfiguration,
    data: &Dataset<T>,
    rng: &mut dyn Rng,
) -> Result<()> {
    let network = Network::builder(1).boxed_layer(layer.build()?).build()?;
    let mut parameters = network.initialize(rng);
    let mut objective = network.objective(loss.build()?);
    let mut steps = optimizer.build()?;
    if let Some(batch) = data.shuffled_batches(1, rng)?.next_batch() {
        let _ = steps.step(&mut objective.on(batch.inputs, batch.targets)?, parameters.as_mut_slice());
    }
    objective.mean_loss(&parameters, data)?;
    network.accuracy(&parameters, data)?;
    let _ = Trainer::new(&network, loss.build()?, steps).train(&mut parameters, data)?;

    let mut batches = data.batches(1, rng)?;
    let batch = batches.next_batch();
    let _ = Standardization::of(batch.inputs)?;
    network.predict(&parameters, batch.inputs)?;
    Ok(())
}

/// Compiled for `f64` alone: what `f32` would cost takes a seventh of the time to compile the crate.
pub(crate) fn regressions<T: Real>(
    optimizer: &OptimizerConfiguration,
    parameters: &mut [T],
    x: &DMatrix<T>,
    y: &DVector<T>,
) -> Result<String> {
    let mut least_squares = LeastSquaresObjective::new(x, y, Intercept::Include)?;
    let _ = optimizer.build()?.step(&mut least_squares, parameters);
    let mut sums = NormalEquation::new(1, 1);
    sums.push(x, y)?;
    sums.remove(x, y)?;
    RecursiveLeastSquares::new(1, T::one())?.update(x.as_slice(), T::one())?;
    let fit = LinearRegression::new().fit_polynomial(x.as_slice(), y, 1)?;
    fit.predict(&polynomial(x.as_slice(), 1)?)?;
    fit.prediction_intervals(x, 0.5)?;
    fit.diagnostics(x, y)?;
    Ok(sums.solve()?.summary().to_string())
}
