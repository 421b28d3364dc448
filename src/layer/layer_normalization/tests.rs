use approx::assert_relative_eq;

use super::super::tests::{TRAIN, backward, forward};
use super::*;

fn normalized(x: &[f64]) -> Vec<f64> {
    let parameters = [vec![1.0; x.len()], vec![0.0; x.len()]].concat();
    forward(&LayerNormalization::new(x.len()), &parameters, x, x.len(), TRAIN).0
}

// Values by mpmath 1.4 with 60 digits, rounded to `f64`.
#[test]
fn values_and_derivatives_to_every_digit() {
    let (layer, parameters) = (LayerNormalization::new(3), [1.0, 2.0, -0.5, 0.0, 0.25, 1.0]);
    // The same sample twice: gradients of parameters add up.
    let (x, dy) = ([1.0, 2.0, 4.0].repeat(2), [1.0, -0.5, 2.0].repeat(2));
    let y = forward(&layer, &parameters, &x, 3, TRAIN).0;
    let (gradient, dx) = backward(&layer, &parameters, &x, &dy, 3, TRAIN);
    let expected = [-1.0690415314502975, -0.2845207657251487, 0.3318490428435641].repeat(2);
    assert_relative_eq!(y[..], expected[..], max_relative = 1e-14);
    let expected = [0.4581645834019364, -0.6872400027372391, 0.22907541933530265].repeat(2);
    assert_relative_eq!(dx[..], expected[..], max_relative = 1e-14);
    let expected = [-1.0690415314502975, 0.13363019143128718, 2.6726038286257436, 1.0, -0.5, 2.0].map(|g| 2.0 * g);
    assert_relative_eq!(gradient[..], expected[..], max_relative = 1e-14);
}

#[test]
fn shift_and_scale_are_taken_off() {
    // Deviations of 1 from 2³⁰, whose squares have no digits left for them.
    let y = normalized(&[1073741823.0, 1073741825.0]);
    assert_eq!(y, normalized(&[-1.0, 1.0]));
    assert_relative_eq!(y[1], 1.0 / 1.00001_f64.sqrt(), max_relative = 1e-15);
    for (y, expected) in normalized(&[-1e4, 1e4]).into_iter().zip([-1.0, 1.0]) {
        assert_relative_eq!(y, expected, max_relative = 1e-12);
    }
}

#[test]
fn features_that_are_alike_yield_the_bias() {
    for (x, features) in [(vec![7.0], 1), (vec![1e4; 4], 4)] {
        let (layer, parameters) = (LayerNormalization::new(features), [vec![2.0; features], vec![3.0; features]]);
        let (parameters, dy) = (parameters.concat(), vec![1.0; features]);
        assert_eq!(forward(&layer, &parameters, &x, features, TRAIN).0, vec![3.0; features]);
        assert_eq!(backward(&layer, &parameters, &x, &dy, features, TRAIN).1, vec![0.0; features]);
    }
}

#[test]
fn what_has_no_variance_is_nan() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200] {
        assert!(normalized(&[bad, 1.0, 2.0]).iter().all(|y| y.is_nan()), "{bad}");
    }
}

#[test]
fn sizes_and_epsilon_are_checked() {
    let layer = LayerNormalization::new(3);
    assert_eq!(Layer::<f64>::output_size(&layer, 2), Err(Error::InputSize { expected: 3, found: 2 }));
    let empty = Layer::<f64>::output_size(&LayerNormalization::new(0), 0);
    assert_eq!(empty, Err(Error::Empty { what: "features" }));
    for bad in [0.0, -1e-5, f64::NAN, f64::INFINITY] {
        assert!(matches!(layer.with_epsilon(bad), Err(Error::InvalidParameter { name: "ε", .. })), "{bad}");
    }
}
