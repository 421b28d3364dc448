use std::fmt;
use std::ops::Range;

use super::{Objective, merged};
use crate::error::{Error, Result, Shape};
use crate::real::Real;

/// Parameters of which some are frozen: [`on`](Self::on) makes an objective a function of the free ones alone.
///
/// An optimizer then works on a shorter vector, and what it cannot see it cannot move: frozen parameters keep their
/// bits under momentum, weight decay and whatever else a method does. The gradient norm, too, is that of the free ones.
///
/// [`gather`](Self::gather) takes the free parameters out, in their order, [`scatter`](Self::scatter) puts them back
/// among the frozen ones. An evaluation costs two copies and allocates nothing.
///
/// # Examples
/// x₁ frozen at 4:
/// ```
/// use gradus::objective::FreeParameters;
/// use gradus::{GradientDescent, Optimizer, Stop, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let mut parameters = FreeParameters::new([-3.0, 4.0], [1..2])?;
/// let mut free = parameters.gather();
/// let report = GradientDescent::new(0.25)?.minimize(&mut parameters.on(&mut sphere), &mut free, &Stop::after(2));
/// assert_eq!((report.value, report.gradient_norm), (0.75 * 0.75 + 16.0, 1.5));
/// assert_eq!(parameters.scatter(&free), [-0.75, 4.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// The first layer of a network, which was trained before:
/// ```
/// # use gradus::nalgebra::dmatrix;
/// # use gradus::objective::FreeParameters;
/// # use gradus::{Dense, GradientDescent, MeanSquaredError, Network, Optimizer, Sigmoid};
/// # let network = Network::<f64>::builder(1).layer(Dense::new(1, 2)).layer(Sigmoid).layer(Dense::new(2, 1)).build()?;
/// # let (x, t) = (dmatrix![0.0, 1.0], dmatrix![0.0, 1.0]);
/// # let trained = vec![0.5; network.parameter_count()];
/// # let mut descent = GradientDescent::new(0.1)?;
/// let first = network.parameter_ranges().iter().filter(|range| range.layer == 0);
/// let mut parameters = FreeParameters::new(trained, first.map(|range| range.range.clone()))?;
/// let mut free = parameters.gather();
/// let mut objective = network.objective(MeanSquaredError);
/// let step = descent.step(&mut parameters.on(&mut objective.on(&x, &t)?), &mut free);
/// let y = network.predict(parameters.scatter(&free), &x)?;
/// # assert!(step.is_finite() && y.len() == 2 && free.len() == 3);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("requires_grad", "freeze"))]
#[derive(Clone, Debug)]
pub struct FreeParameters<T> {
    all: Vec<T>,
    gradient: Vec<T>,
    /// Ascending and disjoint.
    free: Vec<Range<usize>>,
}

impl<T: Real> FreeParameters<T> {
    /// All parameters, and the ranges of those that are frozen at their value here.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if a range reaches beyond the parameters or ends before it starts, [`Error::Empty`] if
    /// nothing is left free.
    pub fn new(parameters: impl Into<Vec<T>>, frozen: impl IntoIterator<Item = Range<usize>>) -> Result<Self> {
        let all = parameters.into();
        let what = "range of frozen parameters (start × end)";
        let mut free = Vec::new();
        let mut end = 0;
        for range in merged(what, frozen)? {
            if range.end > all.len() {
                let expected = Shape::new(range.start.min(all.len()), all.len());
                return Err(Error::ShapeMismatch { what, expected, found: Shape::new(range.start, range.end) });
            }
            free.push(end..range.start);
            end = range.end;
        }
        free.push(end..all.len());
        free.retain(|range| !range.is_empty());
        if free.is_empty() {
            return Err(Error::Empty { what: "free parameters" });
        }
        Ok(Self { gradient: vec![T::zero(); all.len()], all, free })
    }

    /// The number of free parameters.
    #[must_use]
    pub fn free_count(&self) -> usize {
        self.free.iter().map(|range| range.len()).sum()
    }

    /// The free parameters, as they were given or last evaluated.
    #[must_use]
    pub fn gather(&self) -> Vec<T> {
        let mut free = vec![T::zero(); self.free_count()];
        gather(&self.all, &self.free, &mut free);
        free
    }

    /// All parameters, with these values of the free ones.
    ///
    /// # Panics
    /// If `free` has not [`free_count`](Self::free_count) values.
    pub fn scatter(&mut self, free: &[T]) -> &[T] {
        assert_eq!(free.len(), self.free_count(), "as many values as there are free parameters");
        let mut start = 0;
        for range in &self.free {
            let end = start + range.len();
            self.all[range.clone()].copy_from_slice(&free[start..end]);
            start = end;
        }
        &self.all
    }

    /// An objective of all parameters as one of the free ones.
    pub fn on<'a>(&'a mut self, objective: &'a mut dyn Objective<T>) -> FreeObjective<'a, T> {
        FreeObjective { parameters: self, objective }
    }
}

fn gather<T: Real>(all: &[T], ranges: &[Range<usize>], free: &mut [T]) {
    let mut start = 0;
    for range in ranges {
        let end = start + range.len();
        free[start..end].copy_from_slice(&all[range.clone()]);
        start = end;
    }
}

/// An objective as a function of its free parameters. Made by [`FreeParameters::on`].
pub struct FreeObjective<'a, T> {
    parameters: &'a mut FreeParameters<T>,
    objective: &'a mut dyn Objective<T>,
}

impl<T: Real> fmt::Debug for FreeObjective<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreeObjective").field("parameters", self.parameters).finish_non_exhaustive()
    }
}

impl<T: Real> Objective<T> for FreeObjective<'_, T> {
    /// # Panics
    /// As the objective, and if `x` or `gradient` has not as many values as there are free parameters.
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        assert_eq!(gradient.len(), x.len(), "as many slopes as free parameters");
        self.parameters.scatter(x);
        let FreeParameters { all, gradient: of_all, free } = &mut *self.parameters;
        let value = self.objective.value_and_gradient(all, of_all);
        gather(of_all, free, gradient);
        value
    }

    /// # Panics
    /// As the objective, and if `x` has not as many values as there are free parameters.
    fn value(&mut self, x: &[T]) -> T {
        self.objective.value(self.parameters.scatter(x))
    }
}
