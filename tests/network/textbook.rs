//! The derivations of the textbooks, on paper and by the crate.
//!
//! A dense layer on the identity makes its weights the numbers that it puts out, one column for each sample: so
//! the weight gradient of a network that begins with it is the derivative by the logits z of everything behind.
//!
//! Formula and crate round differently, some ten times by 1.1e-16 of the numbers that they add. Hence
//! [`ROUNDING`]: 1e-14 of the largest term, and of 1 where the result is a difference of probabilities.

use std::iter;

use gradus::loss::{BinaryCrossEntropy, HalfSquaredError, SigmoidCrossEntropy};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::network::NetworkBuilder;
use gradus::{CrossEntropy, Dense, Loss, MeanSquaredError, Network, Objective, Sigmoid, Softmax, SoftmaxCrossEntropy};
use proptest::collection::vec;
use proptest::prelude::*;

const ROUNDING: f64 = 1e-14;

fn sigma(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// e^{zⱼ} / Σ e^{zᵢ} of each column, as it is defined.
fn softmax(z: &DMatrix<f64>) -> DMatrix<f64> {
    let mut p = z.map(f64::exp);
    p.column_iter_mut().for_each(|mut column| column /= column.sum());
    p
}

/// Value, and derivative by z, of a loss of `layers(z)`.
fn by_logits(
    layers: impl Fn(NetworkBuilder<f64>) -> NetworkBuilder<f64>,
    loss: impl Loss<f64> + 'static,
    z: &DMatrix<f64>,
    target: &DMatrix<f64>,
) -> (f64, DMatrix<f64>) {
    let (outputs, samples) = z.shape();
    let network = layers(Network::builder(samples).layer(Dense::new(samples, outputs))).build().unwrap();
    let parameters: Vec<f64> = z.iter().copied().chain(iter::repeat_n(0.0, outputs)).collect();
    let mut gradient = vec![f64::NAN; parameters.len()];
    let identity = DMatrix::identity(samples, samples);
    let mut objective = network.objective(loss);
    let value = objective.on(&identity, target).unwrap().value_and_gradient(&parameters, &mut gradient);
    (value, DMatrix::from_column_slice(outputs, samples, &gradient[..z.len()]))
}

fn nothing(builder: NetworkBuilder<f64>) -> NetworkBuilder<f64> {
    builder
}

fn then_sigmoid(builder: NetworkBuilder<f64>) -> NetworkBuilder<f64> {
    builder.layer(Sigmoid)
}

fn then_softmax(builder: NetworkBuilder<f64>) -> NetworkBuilder<f64> {
    builder.layer(Softmax)
}

/// Logits from −8 to 8 of 1 to 6 classes and 1 to 7 samples.
fn logits() -> impl Strategy<Value = DMatrix<f64>> {
    (1..=6_usize, 1..=7_usize).prop_flat_map(|(classes, samples)| {
        vec(-8.0..8.0, classes * samples).prop_map(move |z| DMatrix::from_vec(classes, samples, z))
    })
}

/// Logits with the class of each sample.
fn logits_and_labels() -> impl Strategy<Value = (DMatrix<f64>, DMatrix<f64>)> {
    logits().prop_flat_map(|z| {
        let (classes, samples) = z.shape();
        vec(0..classes, samples).prop_map(move |labels| (z.clone(), gradus::one_hot(&labels, classes).unwrap()))
    })
}

/// Logits with a distribution over the classes for each sample.
fn logits_and_soft_targets() -> impl Strategy<Value = (DMatrix<f64>, DMatrix<f64>)> {
    logits().prop_flat_map(|z| {
        let (classes, samples) = z.shape();
        vec(0.01..1.0, classes * samples).prop_map(move |t| {
            let mut target = DMatrix::from_vec(classes, samples, t);
            target.column_iter_mut().for_each(|mut column| column /= column.sum());
            (z.clone(), target)
        })
    })
}

/// −8, −7¾, …, 8.
fn grid() -> impl Iterator<Item = f64> {
    (-32..=32).map(|i| f64::from(i) / 4.0)
}

fn assert_close(found: &DMatrix<f64>, expected: &DMatrix<f64>, tolerance: f64) {
    let difference = (found - expected).amax();
    assert!(difference <= tolerance, "{difference:e}: found {found} expected {expected}");
}

#[test]
fn the_half_squared_error_of_a_sigmoid() {
    // d/dz ½(y − σ(z))² = −(y − σ) σ (1 − σ), here by the bias of a layer whose input is 1.
    let network = Network::builder(1).layer(Dense::new(1, 1)).layer(Sigmoid).build().unwrap();
    let mut objective = network.objective(HalfSquaredError);
    for z in grid() {
        for y in [-1.0, 0.0, 0.3, 1.0] {
            let (x, target) = (DVector::from_element(1, 1.0), DVector::from_element(1, y));
            let mut gradient = [f64::NAN; 2];
            let weight = z / 4.0;
            let bias = z - weight;
            let value = objective.on(&x, &target).unwrap().value_and_gradient(&[weight, bias], &mut gradient);
            let s = sigma(z);
            let expected = -(y - s) * s * (1.0 - s);
            assert!((value - 0.5 * (y - s).powi(2)).abs() <= ROUNDING, "{z} {y}");
            assert!((gradient[1] - expected).abs() <= ROUNDING, "{z} {y}: {} {expected}", gradient[1]);
            assert_eq!(gradient[0], gradient[1], "with the input 1 weight and bias have the same slope");
        }
    }
}

#[test]
fn the_binary_cross_entropy_of_a_sigmoid() {
    // d/dz −(y ln σ + (1 − y) ln(1 − σ)) = σ(z) − y.
    for z in grid() {
        for y in [0.0, 0.25, 0.5, 1.0] {
            let (z, target) = (DMatrix::from_element(1, 1, z), DMatrix::from_element(1, 1, y));
            let s = sigma(z[0]);
            let value = -(y * s.ln() + (1.0 - y) * (1.0 - s).ln());
            let expected = DMatrix::from_element(1, 1, s - y);
            let on_probabilities = by_logits(then_sigmoid, BinaryCrossEntropy, &z, &target);
            let on_logits = by_logits(nothing, SigmoidCrossEntropy, &z, &target);
            // 1 − σ(8) = 3e-4 has lost three and a half digits, and so has its reciprocal or logarithm.
            let tolerance = ROUNDING / (1.0 - sigma(8.0));
            for (found, gradient) in [on_probabilities, on_logits.clone()] {
                assert!((found - value).abs() <= tolerance, "{z} {y}: {found} {value}");
                assert_close(&gradient, &expected, tolerance);
            }
            // On the logits nothing is lost.
            assert_close(&on_logits.1, &expected, ROUNDING);
        }
    }
}

#[test]
fn the_derivative_of_the_sigmoid() {
    // With the target σ(z) − 1, so that ∂L/∂y = 1, the half squared error yields σ′ = σ(x) σ(−x).
    for x in grid() {
        let z = DMatrix::from_element(1, 1, x);
        let (_, gradient) = by_logits(then_sigmoid, HalfSquaredError, &z, &z.map(|x| sigma(x) - 1.0));
        let expected = sigma(x) * sigma(-x);
        assert!((gradient[0] - expected).abs() <= ROUNDING * expected, "{x}: {} {expected}", gradient[0]);
    }
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn the_jacobian_of_the_softmax(z in logits()) {
        // With the target p − eᵢ, so that ∂L/∂p = eᵢ, the half squared error yields ∂pᵢ/∂zⱼ = pᵢ (δᵢⱼ − pⱼ).
        let z = DMatrix::from(z.columns(0, 1));
        let p = softmax(&z);
        for i in 0..z.nrows() {
            let mut target = p.clone();
            target[i] -= 1.0;
            let (_, gradient) = by_logits(then_softmax, HalfSquaredError, &z, &target);
            let expected = DMatrix::from_fn(z.nrows(), 1, |j, _| p[i] * (if i == j { 1.0 } else { 0.0 } - p[j]));
            assert_close(&gradient, &expected, ROUNDING);
        }
    }

    #[test]
    fn the_cross_entropy_of_a_softmax_with_labels((z, target) in logits_and_labels()) {
        softmax_and_cross_entropy(&z, &target);
    }

    #[test]
    fn the_cross_entropy_of_a_softmax_with_soft_targets((z, target) in logits_and_soft_targets()) {
        softmax_and_cross_entropy(&z, &target);
    }

    #[test]
    fn the_two_squared_errors_differ_by_half_the_number_of_outputs((z, target) in logits_and_soft_targets()) {
        // ½ Σⱼ against 1/k Σⱼ: k/2 times as large, and both of them means over the samples.
        let half = by_logits(nothing, HalfSquaredError, &z, &target);
        let mean = by_logits(nothing, MeanSquaredError, &z, &target);
        let (k, n) = (z.nrows() as f64, z.ncols() as f64);
        let value = 0.5 * (&z - &target).norm_squared() / n;
        prop_assert!((half.0 - value).abs() <= ROUNDING * value);
        prop_assert!((half.0 - k / 2.0 * mean.0).abs() <= ROUNDING * value);
        let expected = (&z - &target) / n;
        assert_close(&half.1, &expected, ROUNDING * expected.amax());
        assert_close(&(mean.1 * (k / 2.0)), &expected, ROUNDING * expected.amax());
    }
}

/// The value −1/n Σ t ln p and its derivative (p − t)/n, by the softmax and the cross-entropy and by the two in one.
fn softmax_and_cross_entropy(z: &DMatrix<f64>, target: &DMatrix<f64>) {
    let p = softmax(z);
    let n = z.ncols() as f64;
    let value = -target.dot(&p.map(f64::ln)) / n;
    let expected = (p - target) / n;
    let apart = by_logits(then_softmax, CrossEntropy, z, target);
    let fused = by_logits(nothing, SoftmaxCrossEntropy, z, target);
    for (found, gradient) in [&apart, &fused] {
        // ln p is at most 18; where it is near 0, p has rounded to within 1e-16 of 1.
        assert!((found - value).abs() <= 10.0 * ROUNDING, "{found} {value}");
        assert_close(gradient, &expected, ROUNDING);
    }
}

#[test]
fn soft_targets_that_sum_only_nearly_to_1_have_the_gradient_of_their_value() {
    // ∂/∂zⱼ −Σᵢ tᵢ ln pᵢ = pⱼ Σ t − tⱼ; 1e-8 more than 1, which is accepted, shows against a rounding of 1e-14.
    let (z, target) = (DMatrix::from_column_slice(3, 1, &[1.0, -0.5, 2.0]), [0.5, 0.25, 0.25 + 1e-8]);
    let target = DMatrix::from_column_slice(3, 1, &target);
    let (_, gradient) = by_logits(nothing, SoftmaxCrossEntropy, &z, &target);
    assert_close(&gradient, &(softmax(&z) * target.sum() - &target), ROUNDING);
}
