use super::Network;
use super::workspace::{Binding, Workspace};
use crate::error::Result;
use crate::layer::Mode;
use crate::linalg::{self, CompensatedSum, MOST_PARTS};
use crate::loss::Loss;
use crate::real::Real;

/// How many samples a network is evaluated on at once, and the memory to add up what the parts of a batch give.
///
/// Several threads evaluate as many parts at the same time. They are added up in their order, so that no bit depends on
/// that.
#[derive(Debug)]
pub(super) struct MicroBatches<T> {
    samples: usize,
    /// One for each part that is evaluated at the same time.
    places: Vec<Place<T>>,
}

/// Where a part is evaluated.
#[derive(Debug)]
struct Place<T> {
    workspace: Workspace<T>,
    gradient: Vec<T>,
    value: T,
    /// The fraction of the whole weight that the part has.
    share: T,
}

impl<T: Real> MicroBatches<T> {
    pub(super) fn of(samples: usize) -> Self {
        Self { samples, places: Vec::new() }
    }

    /// Makes room for passes over a batch of this many samples.
    pub(super) fn prepare(&mut self, network: &Network<T>, workspace: &mut Workspace<T>, samples: usize) -> Result<()> {
        if samples <= self.samples {
            return workspace.prepare_gradient(network, samples);
        }
        workspace.prepare(network, self.samples)?;
        let count = samples.div_ceil(self.samples).min(linalg::threads()).min(MOST_PARTS);
        while self.places.len() < count {
            let mut workspace = Workspace::new();
            workspace.prepare_gradient(network, self.samples)?;
            let gradient = linalg::zeros("gradient of a micro-batch", network.parameter_count())?;
            self.places.push(Place { workspace, gradient, value: T::zero(), share: T::zero() });
        }
        self.places.truncate(count);
        Ok(())
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
        let mut sum = CompensatedSum::new();
        let mut parts = binding.parts(self.samples, loss);
        let mut is_first = true;
        // Three products each; the parameters are read by all, and as many gradients are written and added up.
        let numbers = 3 * network.parameter_count();
        let parts_at_once = linalg::parts_of_product(numbers.saturating_mul(self.samples), numbers);
        loop {
            let pairs = self.places.iter_mut().zip(&mut parts).map(|(place, (share, part))| {
                place.share = share;
                (place, part)
            });
            let evaluate = |(Place { workspace, gradient, value, .. }, part): (&mut Place<T>, _)| {
                *value = workspace.value_and_gradient(network, loss, parameters, part, gradient);
            };
            let count = if parts_at_once > 1 { linalg::share(pairs, evaluate) } else { pairs.map(evaluate).count() };
            if count == 0 {
                break;
            }
            let places = &self.places[..count];
            places.iter().for_each(|place| sum.add(place.share * place.value));
            linalg::for_each_part(gradient, |start, gradient| {
                if is_first {
                    gradient.fill(T::zero());
                }
                for place in places {
                    linalg::add_scaled(gradient, place.share, &place.gradient[start..start + gradient.len()]);
                }
            });
            is_first = false;
        }
        if is_first {
            gradient.fill(T::zero());
        }
        sum.total()
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
        let mut sum = CompensatedSum::new();
        binding.parts(self.samples, loss).for_each(|(share, part)| sum.add(share * value(part)));
        sum.total()
    }
}

impl<'a, T: Real> Binding<'a, T> {
    /// Parts of so many samples, each with its share of the whole weight.
    fn parts(self, samples: usize, loss: &dyn Loss<T>) -> impl Iterator<Item = (T, Self)> {
        let total = loss.total_weight(self.target, self.weights);
        let all = self.input.samples();
        let parts = (0..all).step_by(samples).map(move |start| {
            let part = self.part(start, all.min(start + samples));
            (loss.total_weight(part.target, part.weights) / total, part)
        });
        // Of no weight there is no mean: 0 · NaN would spoil the others.
        parts.filter(|(share, _)| !share.is_zero())
    }

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
