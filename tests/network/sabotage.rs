//! A gradient check is worth something only if it bites: one millionth too much in any single term of any backward
//! pass must fail it.
//!
//! [`sabotages_of_layers`] and [`sabotages_of_losses`] list the additive terms of every backward pass. That they
//! add up to the crate's own shows that none is missing; that the directories hold no other layer or loss, that
//! no backward pass is.

use std::f64::consts::{PI, SQRT_2, TAU};
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{LayerObjective, LossObjective, Values, gradient_of, predictions, targets, uniform};
use gradus::gradient::Difference;
use gradus::layer::{
    Dropout, Elu, Gelu, Identity, LayerNormalization, LeakyRelu, LogSoftmax, Mode, ParameterBlock, Pass, Relu, Silu,
    Softplus, Tanh, TanhGelu,
};
use gradus::loss::{
    BinaryCrossEntropy, ClassWeights, HalfSquaredError, Hinge, Huber, KullbackLeibler, LabelSmoothing, LogCosh,
    MeanAbsoluteError, NegativeLogLikelihood, Poisson, SigmoidCrossEntropy,
};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::network::ParameterRange;
use gradus::{
    Batch, BatchMut, CrossEntropy, Dense, GradientCheck, Layer, Loss, MeanSquaredError, Objective, Result, Sigmoid,
    Softmax, SoftmaxCrossEntropy,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const MILLIONTH: f64 = 1e-6;

/// A term that is named, and what of the gradient it is added to.
type Term<F> = (&'static str, F);

/// From the parameters, the input X, the output Y and Δ = ∂L/∂Y: one term of a backward pass.
type LayerTerm = fn(&[f64], &DMatrix<f64>, &DMatrix<f64>, &DMatrix<f64>) -> Slopes;

/// From the predictions and the targets of a sample: one term of the gradient of its loss.
type LossTerm = fn(&[f64], &[f64]) -> Vec<f64>;

/// A part of the gradient of a layer.
enum Slopes {
    /// Of the parameters from this one on.
    Parameters(usize, DMatrix<f64>),
    /// Of the input.
    Input(DMatrix<f64>),
}

const INPUTS: usize = 4;
const OUTPUTS: usize = 3;
const SAMPLES: usize = 5;
const SMOOTHING: f64 = 0.25;
const CLASS_WEIGHTS: [f64; OUTPUTS] = [0.5, 1.0, 3.0];

/// The additive terms of the backward pass of every layer.
fn sabotages_of_layers() -> Vec<Sabotages> {
    vec![
        of_layer(
            "Dense",
            Dense::new(INPUTS, OUTPUTS),
            &[
                ("Δ Xᵀ", |_, x, _, delta| Slopes::Parameters(0, delta * x.transpose())),
                ("Δ 1", |_, _, _, delta| {
                    Slopes::Parameters(INPUTS * OUTPUTS, DMatrix::from_columns(&[delta.column_sum()]))
                }),
                ("Wᵀ Δ", |parameters, _, _, delta| {
                    let weight = DMatrix::from_column_slice(OUTPUTS, INPUTS, &parameters[..INPUTS * OUTPUTS]);
                    Slopes::Input(weight.transpose() * delta)
                }),
            ],
        ),
        of_layer(
            "Sigmoid",
            Sigmoid,
            &[("σ(x) σ(−x) δ", |_, x, _, delta| {
                Slopes::Input(x.zip_map(delta, |x, delta| sigmoid(x) * sigmoid(-x) * delta))
            })],
        ),
        of_layer(
            "Softmax",
            Softmax,
            &[
                ("yⱼ δⱼ", |_, _, y, delta| Slopes::Input(y.component_mul(delta))),
                ("−yⱼ Σ yᵢ δᵢ", |_, _, y, delta| {
                    Slopes::Input(DMatrix::from_fn(y.nrows(), y.ncols(), |j, sample| {
                        -y[(j, sample)] * y.column(sample).dot(&delta.column(sample))
                    }))
                }),
            ],
        ),
        of_layer("Identity", Identity, &[("δ", |_, _, _, delta| Slopes::Input(delta.clone()))]),
        of_layer(
            "Tanh",
            Tanh,
            &[("δ / cosh² x", |_, x, _, delta| {
                Slopes::Input(x.zip_map(delta, |x, delta| x.cosh().powi(-2) * delta))
            })],
        ),
        of_layer(
            "Relu",
            Relu,
            &[("δ, x > 0", |_, x, _, delta| Slopes::Input(x.zip_map(delta, |x, delta| f64::from(x > 0.0) * delta)))],
        ),
        of_layer(
            "LeakyRelu",
            LeakyRelu::new(0.5).unwrap(),
            &[
                ("δ, x > 0", |_, x, _, delta| Slopes::Input(x.zip_map(delta, |x, delta| f64::from(x > 0.0) * delta))),
                ("a δ, x ≤ 0", |_, x, _, delta| {
                    Slopes::Input(x.zip_map(delta, |x, delta| 0.5 * f64::from(x <= 0.0) * delta))
                }),
            ],
        ),
        of_layer(
            "Elu",
            Elu::new(0.5).unwrap(),
            &[
                ("δ, x > 0", |_, x, _, delta| Slopes::Input(x.zip_map(delta, |x, delta| f64::from(x > 0.0) * delta))),
                ("α eˣ δ, x ≤ 0", |_, x, _, delta| {
                    Slopes::Input(x.zip_map(delta, |x, delta| 0.5 * x.exp() * f64::from(x <= 0.0) * delta))
                }),
            ],
        ),
        of_layer(
            "Gelu",
            Gelu,
            &[
                ("Φ(x) δ", |_, x, _, delta| {
                    Slopes::Input(x.zip_map(delta, |x, delta| 0.5 * libm::erfc(-x / SQRT_2) * delta))
                }),
                ("x φ(x) δ", |_, x, _, delta| {
                    Slopes::Input(x.zip_map(delta, |x, delta| x * (-x * x / 2.0).exp() / TAU.sqrt() * delta))
                }),
            ],
        ),
        of_layer(
            "TanhGelu",
            TanhGelu,
            &[
                ("s δ", |_, x, _, delta| Slopes::Input(x.zip_map(delta, |x, delta| sigmoid(tanh_gelu(x)) * delta))),
                ("2 s (1 − s) x u′ δ", |_, x, _, delta| {
                    Slopes::Input(x.zip_map(delta, |x, delta| {
                        let rise = (8.0 / PI).sqrt() * (1.0 + 3.0 * 0.044_715 * x * x);
                        sigmoid(tanh_gelu(x)) * sigmoid(-tanh_gelu(x)) * x * rise * delta
                    }))
                }),
            ],
        ),
        of_layer(
            "Silu",
            Silu,
            &[
                ("σ(x) δ", |_, x, _, delta| Slopes::Input(x.zip_map(delta, |x, delta| sigmoid(x) * delta))),
                ("x σ(x) σ(−x) δ", |_, x, _, delta| {
                    Slopes::Input(x.zip_map(delta, |x, delta| x * sigmoid(x) * sigmoid(-x) * delta))
                }),
            ],
        ),
        of_layer(
            "Softplus",
            Softplus,
            &[("σ(x) δ", |_, x, _, delta| Slopes::Input(x.zip_map(delta, |x, delta| sigmoid(x) * delta)))],
        ),
        of_layer(
            "Dropout",
            Dropout::new(0.25).unwrap(),
            &[("m δ / (1 − r)", |_, x, y, delta| {
                Slopes::Input(
                    y.zip_map(x, |y, x| if y == 0.0 || x == 0.0 { 0.0 } else { 4.0 / 3.0 }).component_mul(delta),
                )
            })],
        ),
        of_layer(
            "LogSoftmax",
            LogSoftmax,
            &[
                ("δⱼ", |_, _, _, delta| Slopes::Input(delta.clone())),
                ("−pⱼ Σ δᵢ", |_, _, y, delta| {
                    Slopes::Input(DMatrix::from_fn(y.nrows(), y.ncols(), |j, sample| {
                        -y[(j, sample)].exp() * delta.column(sample).sum()
                    }))
                }),
            ],
        ),
        of_layer(
            "LayerNormalization",
            LayerNormalization::new(INPUTS),
            &[
                ("Σ x̂ δ", |_, x, _, delta| {
                    let products = normalized(x).0.component_mul(delta);
                    Slopes::Parameters(0, DMatrix::from_columns(&[products.column_sum()]))
                }),
                ("Σ δ", |_, _, _, delta| Slopes::Parameters(INPUTS, DMatrix::from_columns(&[delta.column_sum()]))),
                ("g / √(σ² + ε)", |parameters, x, _, delta| {
                    Slopes::Input(normalization_term(parameters, x, delta, |g, _| g.clone_owned()))
                }),
                ("−mean(g) / √(σ² + ε)", |parameters, x, _, delta| {
                    Slopes::Input(normalization_term(parameters, x, delta, |g, _| g.map(|_| -g.mean())))
                }),
                ("−x̂ mean(g x̂) / √(σ² + ε)", |parameters, x, _, delta| {
                    Slopes::Input(normalization_term(parameters, x, delta, |g, normalized| {
                        normalized * (-g.dot(normalized) / INPUTS as f64)
                    }))
                }),
            ],
        ),
    ]
}

/// The additive terms of the gradient of every loss, for one sample.
fn sabotages_of_losses() -> Vec<Sabotages> {
    vec![
        of_loss(
            "MeanSquaredError",
            &MeanSquaredError,
            [Values::Real, Values::Real],
            &[
                ("2ŷ/k", |y, t| zip(y, t, |y, _| 2.0 * y / OUTPUTS as f64)),
                ("−2y/k", |y, t| zip(y, t, |_, t| -2.0 * t / OUTPUTS as f64)),
            ],
        ),
        of_loss(
            "HalfSquaredError",
            &HalfSquaredError,
            [Values::Real, Values::Real],
            &[("ŷ", |y, t| zip(y, t, |y, _| y)), ("−y", |y, t| zip(y, t, |_, t| -t))],
        ),
        of_loss(
            "CrossEntropy",
            &CrossEntropy,
            [Values::Distribution, Values::Distribution],
            &[("−t/p", |p, t| zip(p, t, |p, t| -t / p))],
        ),
        of_loss(
            "BinaryCrossEntropy",
            &BinaryCrossEntropy,
            [Values::Probability, Values::Probability],
            &[
                ("(1 − t)/(1 − p)/k", |p, t| zip(p, t, |p, t| (1.0 - t) / (1.0 - p) / OUTPUTS as f64)),
                ("−t/p/k", |p, t| zip(p, t, |p, t| -t / p / OUTPUTS as f64)),
            ],
        ),
        of_loss(
            "SoftmaxCrossEntropy",
            &SoftmaxCrossEntropy,
            [Values::Real, Values::Distribution],
            &[
                ("pⱼ (Σt − tⱼ)", |z, t| {
                    let sum: f64 = t.iter().sum();
                    zip(&softmax(z), t, |p, t| p * (sum - t))
                }),
                ("−tⱼ Σ_{i≠j} pᵢ", |z, t| zip(&softmax(z), t, |p, t| -t * (1.0 - p))),
            ],
        ),
        of_loss(
            "SigmoidCrossEntropy",
            &SigmoidCrossEntropy,
            [Values::Real, Values::Probability],
            &[
                ("(1 − t) σ(x)/k", |x, t| zip(x, t, |x, t| (1.0 - t) * sigmoid(x) / OUTPUTS as f64)),
                ("−t σ(−x)/k", |x, t| zip(x, t, |x, t| -t * sigmoid(-x) / OUTPUTS as f64)),
            ],
        ),
        of_loss(
            "MeanAbsoluteError",
            &MeanAbsoluteError,
            [Values::Real, Values::Far],
            &[("sign(ŷ − y)/k", |y, t| zip(y, t, |y, t| (y - t).signum() / OUTPUTS as f64))],
        ),
        of_loss(
            "Huber<T>, beyond",
            &Huber::new(2.0).unwrap(),
            [Values::Real, Values::Far],
            &[("δ sign(ŷ − y)/k", |y, t| zip(y, t, |y, t| 2.0 * (y - t).signum() / OUTPUTS as f64))],
        ),
        of_loss(
            "Huber<T>, within",
            &Huber::new(16.0).unwrap(),
            [Values::Real, Values::Real],
            &[
                ("ŷ/k", |y, t| zip(y, t, |y, _| y / OUTPUTS as f64)),
                ("−y/k", |y, t| zip(y, t, |_, t| -t / OUTPUTS as f64)),
            ],
        ),
        of_loss(
            "LogCosh",
            &LogCosh,
            [Values::Real, Values::Real],
            &[("tanh(ŷ − y)/k", |y, t| zip(y, t, |y, t| (y - t).tanh() / OUTPUTS as f64))],
        ),
        of_loss(
            "Hinge",
            &Hinge,
            [Values::Probability, Values::Sign],
            &[("−t/k", |y, t| zip(y, t, |_, t| -t / OUTPUTS as f64))],
        ),
        of_loss(
            "Poisson",
            &Poisson,
            [Values::Real, Values::Count],
            &[
                ("e^z/k", |z, y| zip(z, y, |z, _| z.exp() / OUTPUTS as f64)),
                ("−y/k", |z, y| zip(z, y, |_, y| -y / OUTPUTS as f64)),
            ],
        ),
        of_loss(
            "KullbackLeibler",
            &KullbackLeibler,
            [Values::Distribution, Values::Distribution],
            &[("−t/p", |p, t| zip(p, t, |p, t| -t / p))],
        ),
        of_loss(
            "NegativeLogLikelihood",
            &NegativeLogLikelihood,
            [Values::LogProbability, Values::Distribution],
            &[("−t", |z, t| zip(z, t, |_, t| -t))],
        ),
        of_loss(
            "LabelSmoothing<L, T>",
            &LabelSmoothing::new(CrossEntropy, SMOOTHING).unwrap(),
            [Values::Distribution, Values::Distribution],
            &[
                ("−(1 − s) t/p", |p, t| zip(p, t, |p, t| -(1.0 - SMOOTHING) * t / p)),
                ("−s/(k p)", |p, t| zip(p, t, |p, _| -SMOOTHING / (OUTPUTS as f64 * p))),
            ],
        ),
        of_loss(
            "LabelSmoothing<L, T>",
            &LabelSmoothing::new(SigmoidCrossEntropy, SMOOTHING).unwrap(),
            [Values::Real, Values::Probability],
            &[
                ("σ(x)/k", |x, t| zip(x, t, |x, _| sigmoid(x) / OUTPUTS as f64)),
                ("−(1 − s) t/k", |x, t| zip(x, t, |_, t| -(1.0 - SMOOTHING) * t / OUTPUTS as f64)),
                ("−s/(2 k)", |x, t| zip(x, t, |_, _| -SMOOTHING / (2.0 * OUTPUTS as f64))),
            ],
        ),
        of_loss(
            "ClassWeights<L, T>",
            &ClassWeights::new(SoftmaxCrossEntropy, CLASS_WEIGHTS).unwrap(),
            [Values::Real, Values::Distribution],
            &[
                ("c pⱼ (Σt − tⱼ)", |z, t| {
                    let (c, sum) = (weight_of_class(t), t.iter().sum::<f64>());
                    zip(&softmax(z), t, |p, t| c * p * (sum - t))
                }),
                ("−c tⱼ Σ_{i≠j} pᵢ", |z, t| {
                    let c = weight_of_class(t);
                    zip(&softmax(z), t, |p, t| -c * t * (1.0 - p))
                }),
            ],
        ),
    ]
}

fn weight_of_class(t: &[f64]) -> f64 {
    CLASS_WEIGHTS.iter().zip(t).map(|(weight, t)| weight * t).sum()
}

fn zip(x: &[f64], t: &[f64], term: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    x.iter().zip(t).map(|(&x, &t)| term(x, t)).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softmax(z: &[f64]) -> Vec<f64> {
    let sum: f64 = z.iter().map(|z| z.exp()).sum();
    z.iter().map(|z| z.exp() / sum).collect()
}

/// 2u, of which the approximate GELU takes the sigmoid.
fn tanh_gelu(x: f64) -> f64 {
    (8.0 / PI).sqrt() * (x + 0.044_715 * x.powi(3))
}

/// x̂, and √(σ² + ε) of every sample.
fn normalized(x: &DMatrix<f64>) -> (DMatrix<f64>, Vec<f64>) {
    let (mut normalized, mut scales) = (x.clone(), Vec::new());
    for mut sample in normalized.column_iter_mut() {
        let scale = (sample.variance() + 1e-5).sqrt();
        let mean = sample.mean();
        sample.apply(|x| *x = (*x - mean) / scale);
        scales.push(scale);
    }
    (normalized, scales)
}

/// From g = w ⊙ δ and x̂ of a sample: a term of its input gradient, before it is divided by √(σ² + ε).
fn normalization_term(
    parameters: &[f64],
    x: &DMatrix<f64>,
    delta: &DMatrix<f64>,
    term: impl Fn(&DVector<f64>, &DVector<f64>) -> DVector<f64>,
) -> DMatrix<f64> {
    let weight = DVector::from_column_slice(&parameters[..INPUTS]);
    let (normalized, scales) = normalized(x);
    let columns = delta.column_iter().zip(normalized.column_iter()).zip(scales);
    let columns = columns
        .map(|((delta, normalized), scale)| term(&weight.component_mul(&delta), &normalized.clone_owned()) / scale);
    DMatrix::from_columns(&columns.collect::<Vec<_>>())
}

/// What became of the terms of one layer or loss.
struct Sabotages {
    of: &'static str,
    /// ‖Σ terms − gradient‖ / ‖gradient‖.
    remainder: f64,
    /// Whether the check passes where nothing is added.
    passes_untouched: bool,
    terms: Vec<Sabotage>,
}

struct Sabotage {
    term: &'static str,
    /// ‖term‖ / ‖gradient‖, over the block that the term is added to.
    share: f64,
    caught: bool,
}

/// The backward pass of a layer, and `factor` of one of its terms too much.
#[derive(Debug)]
struct LayerSaboteur<L> {
    layer: L,
    term: LayerTerm,
    factor: f64,
}

impl<L: Layer<f64>> Layer<f64> for LayerSaboteur<L> {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        self.layer.output_size(input_size)
    }

    fn parameter_blocks(&self) -> Vec<ParameterBlock> {
        self.layer.parameter_blocks()
    }

    fn cache_size(&self, input_size: usize, samples: usize) -> usize {
        self.layer.cache_size(input_size, samples)
    }

    fn forward(
        &self,
        parameters: &[f64],
        input: Batch<'_, f64>,
        output: BatchMut<'_, f64>,
        cache: &mut [f64],
        mode: Mode,
    ) {
        self.layer.forward(parameters, input, output, cache, mode);
    }

    fn backward(
        &self,
        parameters: &[f64],
        pass: Pass<'_, f64>,
        output_gradient: Batch<'_, f64>,
        gradient: &mut [f64],
        input_gradient: Option<BatchMut<'_, f64>>,
    ) {
        let mut input_gradient = input_gradient.unwrap();
        self.layer.backward(parameters, pass, output_gradient, gradient, Some(input_gradient.reborrow()));
        let [x, y, delta] = [pass.input, pass.output, output_gradient].map(|batch| batch.as_view().into_owned());
        match (self.term)(parameters, &x, &y, &delta) {
            Slopes::Parameters(start, term) => add(&mut gradient[start..], self.factor, term.as_slice()),
            Slopes::Input(term) => add(input_gradient.as_mut_slice(), self.factor, term.as_slice()),
        }
    }
}

/// The gradient of a loss, and `factor` of one of its terms too much.
#[derive(Debug)]
struct LossSaboteur<'a, L> {
    loss: &'a L,
    term: LossTerm,
    factor: f64,
}

impl<L: Loss<f64>> Loss<f64> for LossSaboteur<'_, L> {
    fn value(&self, prediction: Batch<'_, f64>, target: Batch<'_, f64>, weights: Option<&[f64]>) -> f64 {
        self.loss.value(prediction, target, weights)
    }

    fn value_and_gradient(
        &self,
        prediction: Batch<'_, f64>,
        target: Batch<'_, f64>,
        weights: Option<&[f64]>,
        mut gradient: BatchMut<'_, f64>,
    ) -> f64 {
        assert!(weights.is_none(), "the saboteur works on a plain mean");
        let value = self.loss.value_and_gradient(prediction, target, None, gradient.reborrow());
        let factor = self.factor / self.loss.total_weight(target, None);
        for ((prediction, target), gradient) in prediction.iter().zip(target.iter()).zip(gradient.iter_mut()) {
            add(gradient, factor, &(self.term)(prediction, target));
        }
        value
    }
}

fn add(y: &mut [f64], factor: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
}

/// The data are of the size of 1, so that every term is a sizeable part of the gradient: were it a millionth of it, a
/// millionth of the term would be lost in rounding, whatever the check. The shares are asserted below. The data keep
/// away from 0, where rectifiers have a kink.
fn of_layer<L: Layer<f64> + Copy>(of: &'static str, layer: L, terms: &[Term<LayerTerm>]) -> Sabotages {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let slopes = uniform(layer.output_size(INPUTS).unwrap(), SAMPLES, &mut rng);
    let dimension = LayerObjective::new(&layer, INPUTS, slopes.clone()).dimension();
    let x = uniform(dimension, 1, &mut rng).map(|x| 2.0 * x + 0.01 * x.signum());
    examine(of, terms, |term, factor, look| {
        let saboteur = LayerSaboteur { layer, term, factor };
        let mut objective = LayerObjective::new(&saboteur, INPUTS, slopes.clone());
        let ranges = objective.ranges();
        look(&mut objective, &ranges, x.as_slice());
    })
}

/// As [`of_layer`]; `values` are those of predictions and targets.
fn of_loss<L: Loss<f64>>(of: &'static str, loss: &L, values: [Values; 2], terms: &[Term<LossTerm>]) -> Sabotages {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let target = targets(values[1], OUTPUTS, SAMPLES, &mut rng);
    let prediction = predictions(values[0], OUTPUTS, SAMPLES, &mut rng);
    examine(of, terms, |term, factor, look| {
        let saboteur = LossSaboteur { loss, term, factor };
        let mut objective = LossObjective::new(&saboteur, target.clone(), None);
        look(&mut objective, &[ParameterRange::whole(prediction.len())], prediction.as_slice());
    })
}

/// Looks at an objective with its ranges at a point.
type Look<'a> = dyn FnMut(&mut dyn Objective<f64>, &[ParameterRange], &[f64]) + 'a;

/// `sabotage` hands an objective to which `factor` of a term has been added to whom it is told to.
fn examine<F: Copy>(of: &'static str, terms: &[Term<F>], sabotage: impl Fn(F, f64, &mut Look<'_>)) -> Sabotages {
    let passes = |term: F, factor: f64| {
        let mut passed = false;
        sabotage(term, factor, &mut |objective, ranges, x| {
            passed = GradientCheck::new(Difference::fourth_order()).run(objective, x, ranges).passed();
        });
        passed
    };
    let gradient = |term: F, factor: f64| {
        let mut gradient = Vec::new();
        sabotage(term, factor, &mut |objective, _, x| gradient = gradient_of(objective, x));
        DMatrix::from_vec(gradient.len(), 1, gradient)
    };
    let untouched = gradient(terms[0].1, 0.0);
    let mut remainder = untouched.clone();
    let mut sabotages = Vec::new();
    for &(name, term) in terms {
        let alone = &untouched - gradient(term, -1.0);
        remainder -= &alone;
        // Where the term is nothing, another block may have its slopes.
        let block = untouched.zip_map(&alone, |slope, term| if term == 0.0 { 0.0 } else { slope });
        sabotages.push(Sabotage { term: name, share: alone.norm() / block.norm(), caught: !passes(term, MILLIONTH) });
    }
    Sabotages {
        of,
        remainder: remainder.norm() / untouched.norm(),
        passes_untouched: terms.iter().all(|&(_, term)| passes(term, 0.0)),
        terms: sabotages,
    }
}

fn all_sabotages() -> Vec<Sabotages> {
    sabotages_of_layers().into_iter().chain(sabotages_of_losses()).collect()
}

#[test]
fn a_millionth_too_much_in_any_term_is_caught() {
    println!("{:20}  {:26}  share of the gradient  caught", "layer or loss", "term");
    let sabotages = all_sabotages();
    for Sabotages { of, terms, .. } in &sabotages {
        for Sabotage { term, share, caught } in terms {
            println!("{of:20}  {term:26}  {share:21.2}  {caught}");
        }
    }
    for Sabotages { of, terms, .. } in &sabotages {
        for Sabotage { term, share, caught } in terms {
            assert!(caught, "{of}: {term} is not caught");
            assert!(*share > 0.1, "{of}: {term} is too small a part of the gradient to be caught: {share}");
        }
    }
}

#[test]
fn the_check_passes_where_nothing_is_wrong() {
    for Sabotages { of, passes_untouched, .. } in all_sabotages() {
        assert!(passes_untouched, "{of}");
    }
}

#[test]
fn the_terms_add_up_to_the_backward_pass() {
    for Sabotages { of, remainder, .. } in all_sabotages() {
        // Some roundings, of 1e-16 each, of slopes of the size of 1.
        assert!(remainder < 1e-14, "{of}: terms and backward pass differ by {remainder}");
    }
}

#[test]
fn no_layer_and_no_loss_of_the_crate_is_missing() {
    let names = |sabotages: Vec<Sabotages>| sabotages.into_iter().map(|of| generic(of.of)).collect();
    // The files that hold no layer; the first makes a layer of any activation.
    let exempt = ["activation.rs", "configuration.rs", "initializer.rs"];
    let layers = implementors(&[" Layer<T> for ", " Activation for "], "src/layer", &exempt);
    assert_eq!(sorted(names(sabotages_of_layers())), sorted(layers));
    assert_eq!(
        sorted(names(sabotages_of_losses())),
        sorted(implementors(&[" Loss<T> for "], "src/loss", &["configuration.rs", "on_logits.rs"]))
    );
}

/// The name of a type without its parameters.
fn generic(name: &str) -> String {
    name.split(['<', ' ', '{']).next().unwrap_or_default().to_owned()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

/// The files of a directory and of those in it, without unit tests.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| !path.ends_with("tests.rs")).collect()
}

/// The types for which the files of a directory implement one of the traits; each file but the exempt has at least one.
fn implementors(of: &[&str], directory: &str, exempt: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)) {
        if exempt.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let implementations = text.lines().filter(|line| line.starts_with("impl"));
        let before = names.len();
        names.extend(implementations.filter_map(|line| {
            let (_, name) = of.iter().find_map(|of| line.split_once(of))?;
            Some(generic(name))
        }));
        assert!(names.len() > before, "{} implements none of {of:?}: exempt it here if it need not", path.display());
    }
    names
}
