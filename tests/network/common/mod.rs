//! A layer or a loss alone, as an objective. Shared by the gradient checks and their sabotage.

use gradus::layer::{Mode, ParameterBlock, Pass};
use gradus::nalgebra::DMatrix;
use gradus::network::ParameterRange;
use gradus::{Batch, BatchMut, Layer, Loss, Objective, Real};
use rand::{Rng, RngExt};

const MODE: Mode = Mode::Train { seed: 7, first_sample: 0 };

/// What a parameter gradient holds before a backward pass, which must add to it.
const START: f64 = 0.5;

/// `L(θ, X) = Σ C ⊙ layer(θ, X)` with a fixed C: a layer as a function of its parameters and its input, which
/// follow each other in one vector.
///
/// Outputs, cache and input gradient are NaN before they are written, so that a layer that reads what it has not
/// written is caught.
pub(crate) struct LayerObjective<'a, T: Real> {
    layer: &'a dyn Layer<T>,
    input_size: usize,
    slopes: DMatrix<T>,
}

impl<'a, T: Real> LayerObjective<'a, T> {
    /// `slopes` is C, output size × samples.
    pub(crate) fn new(layer: &'a dyn Layer<T>, input_size: usize, slopes: DMatrix<T>) -> Self {
        assert_eq!(layer.output_size(input_size), Ok(slopes.nrows()));
        Self { layer, input_size, slopes }
    }

    /// The blocks of the layer, then its input.
    pub(crate) fn ranges(&self) -> Vec<ParameterRange> {
        let mut blocks = self.layer.parameter_blocks();
        blocks.push(ParameterBlock::matrix("input", self.input_size, self.slopes.ncols()));
        let mut end = 0;
        let place = |block: ParameterBlock| {
            let start = end;
            end += block.rows * block.columns;
            let mut range = ParameterRange::whole(0);
            (range.block, range.range) = (block, start..end);
            range
        };
        blocks.into_iter().map(place).collect()
    }

    /// The length of the vector of which this is a function.
    pub(crate) fn dimension(&self) -> usize {
        self.ranges().last().map_or(0, |input| input.range.end)
    }

    fn split_place(&self) -> usize {
        self.dimension() - self.input_size * self.slopes.ncols()
    }

    /// Outputs and cache.
    fn forward(&self, x: &[T]) -> (DMatrix<T>, Vec<T>) {
        let (parameters, input) = x.split_at(self.split_place());
        let nan = T::nearest(f64::NAN);
        let mut output = DMatrix::from_element(self.slopes.nrows(), self.slopes.ncols(), nan);
        let mut cache = vec![nan; self.layer.cache_size(self.input_size, self.slopes.ncols())];
        let input = Batch::from_slice(input, self.input_size).unwrap();
        self.layer.forward(parameters, input, BatchMut::from(&mut output), &mut cache, MODE);
        (output, cache)
    }
}

impl<T: Real> Objective<T> for LayerObjective<'_, T> {
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        let (output, cache) = self.forward(x);
        let (parameters, input) = x.split_at(self.split_place());
        let (parameter_gradient, input_gradient) = gradient.split_at_mut(self.split_place());
        parameter_gradient.fill(T::nearest(START));
        input_gradient.fill(T::nearest(f64::NAN));
        let input = Batch::from_slice(input, self.input_size).unwrap();
        self.layer.backward(
            parameters,
            Pass::new(input, Batch::from(&output), &cache, MODE),
            Batch::from(&self.slopes),
            parameter_gradient,
            Some(BatchMut::from_slice(input_gradient, self.input_size).unwrap()),
        );
        parameter_gradient.iter_mut().for_each(|slope| *slope -= T::nearest(START));
        output.dot(&self.slopes)
    }

    fn value(&mut self, x: &[T]) -> T {
        self.forward(x).0.dot(&self.slopes)
    }
}

/// A loss as a function of the predictions, whose gradient is NaN before it is written.
pub(crate) struct LossObjective<'a, T: Real> {
    loss: &'a dyn Loss<T>,
    target: DMatrix<T>,
    weights: Option<Vec<T>>,
}

impl<'a, T: Real> LossObjective<'a, T> {
    pub(crate) fn new(loss: &'a dyn Loss<T>, target: DMatrix<T>, weights: Option<Vec<T>>) -> Self {
        assert_eq!(loss.check_targets(Batch::from(&target)), Ok(()));
        Self { loss, target, weights }
    }
}

impl<T: Real> Objective<T> for LossObjective<'_, T> {
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        gradient.fill(T::nearest(f64::NAN));
        let outputs = self.target.nrows();
        let prediction = Batch::from_slice(x, outputs).unwrap();
        let gradient = BatchMut::from_slice(gradient, outputs).unwrap();
        self.loss.value_and_gradient(prediction, Batch::from(&self.target), self.weights.as_deref(), gradient)
    }

    fn value(&mut self, x: &[T]) -> T {
        let prediction = Batch::from_slice(x, self.target.nrows()).unwrap();
        self.loss.value(prediction, Batch::from(&self.target), self.weights.as_deref())
    }
}

/// The gradient at `x`.
pub(crate) fn gradient_of<T: Real>(objective: &mut dyn Objective<T>, x: &[T]) -> Vec<T> {
    let mut gradient = vec![T::zero(); x.len()];
    objective.value_and_gradient(x, &mut gradient);
    gradient
}

/// The kinds of numbers that layers put out and losses are defined for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Any.
    Real,
    /// Each from 0 to 1.
    Probability,
    /// Each from 0 to 1, and those of a sample summing to 1.
    Distribution,
    /// Logarithms of probabilities.
    LogProbability,
    /// At least 0.
    Count,
    /// −1 or 1.
    Sign,
    /// Further from 0 than predictions get, so that they keep away from a kink at the target.
    Far,
}

/// Numbers from −1 to 1, all of them exact in `f32` too.
pub(crate) fn uniform(rows: usize, columns: usize, rng: &mut dyn Rng) -> DMatrix<f64> {
    const UNIT: i32 = 1 << 20;
    DMatrix::from_fn(rows, columns, |_, _| f64::from(rng.random_range(-UNIT..=UNIT)) / f64::from(UNIT))
}

/// Predictions that a loss is defined for, exact in `f32` too.
///
/// Probabilities keep 0.3 from 0 and 1, where the step of 1e-3 is short enough for the fourth-order difference of
/// a logarithm to have ten digits: its relative error is 0.8 (h/p)⁴. Those of a sample need not sum to 1, the
/// losses are functions without that too.
pub(crate) fn predictions(kind: Values, rows: usize, columns: usize, rng: &mut dyn Rng) -> DMatrix<f64> {
    let numbers = uniform(rows, columns, rng);
    match kind {
        Values::Probability | Values::Distribution => numbers.map(|number| 0.5 + 0.1875 * number),
        Values::LogProbability => numbers.map(|number| -1.0 + 0.5 * number),
        Values::Real | Values::Count | Values::Sign | Values::Far => numbers * 2.0,
    }
}

/// Targets that a loss is defined for, exact in `f32` too. Probabilities are multiples of 1/16, 0 and 1 among them.
pub(crate) fn targets(kind: Values, rows: usize, columns: usize, rng: &mut dyn Rng) -> DMatrix<f64> {
    match kind {
        Values::Real | Values::LogProbability => uniform(rows, columns, rng) * 2.0,
        Values::Count => DMatrix::from_fn(rows, columns, |_, _| f64::from(rng.random_range(0..=16)) / 4.0),
        // Alternating: slopes of ±1 alone would cancel in a softmax, whose sum is 1, were those of a sample the same, and
        // in a bias, were those of the samples not.
        Values::Sign => DMatrix::from_fn(rows, columns, |row, _| if row % 2 == 0 { 1.0 } else { -1.0 }),
        Values::Far => targets(Values::Sign, rows, columns, rng) * 32.0,
        Values::Probability => DMatrix::from_fn(rows, columns, |_, _| f64::from(rng.random_range(0..=16)) / 16.0),
        Values::Distribution => {
            let mut target = DMatrix::zeros(rows, columns);
            for mut sample in target.column_iter_mut() {
                // Sixteen sixteenths, each given to a class at random.
                (0..16).for_each(|_| sample[rng.random_range(0..rows)] += 1.0 / 16.0);
            }
            target
        }
    }
}
