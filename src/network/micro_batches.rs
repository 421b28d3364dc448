use super::Network;
use super::workspace::{Binding, Workspace};
use crate::error::Result;
use crate::layer::Mode;
use crate::linalg::{self, CompensatedSum};
use crate::loss::Loss;
use crate::real::Real;

/// How many samples a network is evaluated on at once, and the memory to add up what the parts of a batch give.
#[derive(Debug)]
pub(super) struct MicroBatches<T> {
    samples: usize,
    /// That of a part.
    gradient: Vec<T>,
}

impl<T: Real> MicroBatches<T> {
    pub(super) fn of(samples: usize) -> Self {
        Self { samples, gradient: Vec::new() }
    }

    /// Makes room for passes over a batch of this many samples.
    pub(super) fn prepare(&mut self, network: &Network<T>, workspace: &mut Workspace<T>, samples: usize) -> Result<()> {
        if samples > self.samples && self.gradient.is_empty() {
            self.gradient = linalg::zeros("gradient of a micro-batch", network.parameter_count())?;
        }
        workspace.prepare_gradient(network, samples.min(self.samples))
    }

    /// As [`Workspace::value_and_gradient`].
    pub(super) fn value_and_gradient(
        &mut self,
        network: &Network<T>,
        loss: &dyn Loss<T>,
        workspace: &mut Workspace<T>,
        parameters: &[T],
        binding: Binding<'_, T>,
        gradient: &mut [T],
    ) -> T {
        if binding.input.samples() <= self.samples {
            return workspace.value_and_gradient(network, loss, parameters, binding, gradient);
        }
        gradient.fill(T::zero());
        self.mean_over_parts(loss, binding, |part, share, of_part| {
            let value = workspace.value_and_gradient(network, loss, parameters, part, of_part);
            linalg::add_scaled(gradient, share, of_part);
            value
        })
    }

    /// The loss alone.
    pub(super) fn value(
        &mut self,
        network: &Network<T>,
        loss: &dyn Loss<T>,
        workspace: &mut Workspace<T>,
        parameters: &[T],
        binding: Binding<'_, T>,
    ) -> T {
        let mut value = |Binding { input, target, weights, mode }: Binding<'_, T>| {
            loss.value(workspace.forward(network, parameters, input, mode), target, weights)
        };
        if binding.input.samples() <= self.samples {
            return value(binding);
        }
        self.mean_over_parts(loss, binding, |part, _, _| value(part))
    }

    /// `Σ W_s L_s / Σ W_s`, given L of a part; told also what share of the whole weight the part has.
    fn mean_over_parts<'a>(
        &mut self,
        loss: &dyn Loss<T>,
        binding: Binding<'a, T>,
        mut value_of: impl FnMut(Binding<'a, T>, T, &mut [T]) -> T,
    ) -> T {
        let total = loss.total_weight(binding.target, binding.weights);
        let mut sum = CompensatedSum::new();
        let samples = binding.input.samples();
        for start in (0..samples).step_by(self.samples) {
            let part = binding.part(start, samples.min(start + self.samples));
            let share = loss.total_weight(part.target, part.weights) / total;
            // Of no weight there is no mean: 0 · NaN would spoil the others.
            if !share.is_zero() {
                sum.add(share * value_of(part, share, &mut self.gradient));
            }
        }
        sum.total()
    }
}

impl<'a, T> Binding<'a, T> {
    /// The samples from `start` to before `end`, which draw the same random numbers as in the whole batch.
    fn part(self, start: usize, end: usize) -> Self {
        let mode = match self.mode {
            Mode::Predict => Mode::Predict,
            Mode::Train { seed, first_sample } => Mode::Train { seed, first_sample: first_sample + start },
        };
        Self {
            input: self.input.part(start, end),
            target: self.target.part(start, end),
            weights: self.weights.map(|weights| &weights[start..end]),
            mode,
        }
    }
}
