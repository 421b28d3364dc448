//! Models: prediction on raw data, without allocation, and the Jacobian of the inputs.

use allocation_counter::measure;
use approx::assert_relative_eq;
use gradus::data::Standardization;
use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::{Dense, Error, Model, Network, Sigmoid, Softmax};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn model() -> Model<f64> {
    let network = Network::builder(3).layer(Dense::new(3, 5)).layer(Sigmoid).layer(Dense::new(5, 4)).layer(Softmax);
    let network = network.build().unwrap();
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(3)) * 3.0;
    let inputs = Standardization::from_parts(vec![10.0, 0.0, -1.0], vec![2.0, 1e3, 0.5]).unwrap();
    let outputs = Standardization::from_parts(vec![0.5, 0.0, -7.0, 1.0], vec![4.0, 1e-3, 1.0, 3.0]).unwrap();
    let model = Model::new(network, parameters).unwrap();
    model.with_input_standardization(inputs).unwrap().with_output_standardization(outputs).unwrap()
}

fn samples(count: usize) -> DMatrix<f64> {
    DMatrix::from_fn(3, count, |i, j| [10.0, 500.0, -1.0][i] * (1.0 + ((i + 2 * j) % 5) as f64 / 10.0))
}

#[test]
fn all_ways_of_predicting_agree() {
    let (model, x) = (model(), samples(300));
    let expected = model.predict(&x).unwrap();
    let mut predictor = model.predictor();
    let mut batch = DMatrix::zeros(4, 300);
    predictor.predict_into(x.as_slice(), batch.as_mut_slice()).unwrap();
    assert_eq!(batch, expected);
    for sample in [0, 17, 299] {
        let mut y = DVector::zeros(4);
        predictor.predict_into(x.column(sample).as_slice(), y.as_mut_slice()).unwrap();
        assert_eq!(y, expected.column(sample));
    }
}

#[test]
fn a_predictor_allocates_nothing() {
    let (model, x) = (model(), samples(2));
    let mut predictor = model.predictor();
    let mut y = [0.0; 8];
    predictor.predict_into(x.as_slice(), &mut y).unwrap();
    let info = measure(|| {
        predictor.predict_into(x.as_slice(), &mut y).unwrap();
        predictor.predict_into(&x.as_slice()[..3], &mut y[..4]).unwrap();
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn the_jacobian_is_that_of_finite_differences() {
    let model = model();
    let x = [11.0, 400.0, -1.2];
    let jacobian = model.input_jacobian(&x).unwrap();
    assert_eq!(jacobian.shape(), (4, 3));
    let at = |i: usize, step: f64| {
        let mut x = x;
        x[i] += step;
        model.predict(&DVector::from_row_slice(&x)).unwrap()
    };
    for (i, step) in [1e-3, 0.5, 1e-3].into_iter().enumerate() {
        let difference = (at(i, -2.0 * step) - at(i, 2.0 * step) + (at(i, step) - at(i, -step)) * 8.0) / (12.0 * step);
        assert_relative_eq!(difference.column(0), jacobian.column(i), max_relative = 1e-7, epsilon = 1e-13);
    }
    // Probabilities sum to 1, so that their slopes, undone of the scales, sum to 0.
    let slopes = DMatrix::from_fn(4, 3, |j, i| jacobian[(j, i)] / [4.0, 1e-3, 1.0, 3.0][j]);
    assert!(slopes.row_sum().amax() < 1e-15);
}

#[test]
fn bad_input_is_refused() {
    let model = model();
    let wide = DMatrix::<f64>::zeros(4, 2);
    assert!(matches!(model.predict(&wide), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(model.predict(&dmatrix![1.0; f64::NAN; 0.0]), Err(Error::NotFinite { what: "inputs", .. })));
    assert!(matches!(model.input_jacobian(&[1.0]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(model.input_jacobian(&[1.0, f64::INFINITY, 0.0]), Err(Error::NotFinite { .. })));
    let mut predictor = model.predictor();
    assert!(matches!(predictor.predict_into(&[1.0; 4], &mut [0.0; 4]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(predictor.predict_into(&[1.0; 3], &mut [0.0; 8]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(predictor.predict_into(&[1.0, f64::NAN, 0.0], &mut [0.0; 4]), Err(Error::NotFinite { .. })));
    let network = model.network().clone();
    assert!(matches!(Model::new(network.clone(), DVector::zeros(3)), Err(Error::ShapeMismatch { .. })));
    let plain = Model::new(network.clone(), model.parameters().clone()).unwrap();
    let narrow = Standardization::from_parts(vec![0.0], vec![1.0]).unwrap();
    assert!(matches!(plain.clone().with_input_standardization(narrow.clone()), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(plain.with_output_standardization(narrow), Err(Error::ShapeMismatch { .. })));
}

/// Column by column, as the derivative of the very code by dual numbers says.
#[cfg(feature = "num-dual")]
#[test]
fn the_jacobian_is_that_of_dual_numbers() {
    use num_dual::Dual64;

    let model = model();
    let x = [11.0, 400.0, -1.2];
    let jacobian = model.input_jacobian(&x).unwrap();
    let dual = |values: &[f64]| values.iter().map(|&value| Dual64::from(value)).collect::<Vec<_>>();
    let scaling =
        |fit: &Standardization<f64>| Standardization::from_parts(dual(fit.mean()), dual(fit.scale())).unwrap();
    let network = Network::builder(3).layer(Dense::new(3, 5)).layer(Sigmoid).layer(Dense::new(5, 4)).layer(Softmax);
    let twin = Model::new(network.build().unwrap(), DVector::from_vec(dual(model.parameters().as_slice()))).unwrap();
    let twin = twin.with_input_standardization(scaling(model.input_standardization().unwrap())).unwrap();
    let twin = twin.with_output_standardization(scaling(model.output_standardization().unwrap())).unwrap();
    for i in 0..3 {
        let mut x = dual(&x);
        x[i] = x[i].derivative();
        let y = twin.predict(&DVector::from_vec(x)).unwrap();
        let slopes = DVector::from_fn(4, |j, _| y[j].eps);
        assert_relative_eq!(slopes, DVector::from(jacobian.column(i)), max_relative = 1e-12, epsilon = 1e-17);
    }
}
