use approx::assert_relative_eq;
use nalgebra::DMatrix;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::*;

const INPUTS: usize = 150;
const OUTPUTS: usize = 50;

fn fill<T: Real>(initializer: Initializer, inputs: usize, outputs: usize) -> Vec<T> {
    let mut weights = vec![T::nearest(f64::NAN); inputs * outputs];
    initializer.fill(&mut weights, inputs, outputs, &mut ChaCha8Rng::seed_from_u64(5));
    weights
}

#[test]
fn the_spread_is_the_stated_one() {
    let (he, lecun) = ((2.0_f64 / 150.0).sqrt(), (1.0_f64 / 150.0).sqrt());
    for (initializer, standard_deviation, uniform) in [
        (Initializer::normal(0.01).unwrap(), 0.01, false),
        (Initializer::glorot_normal(), 0.1, false),
        (Initializer::he_normal(), he, false),
        (Initializer::lecun_normal(), lecun, false),
        (Initializer::lecun_normal().with_gain(3.0).unwrap(), 3.0 * lecun, false),
        (Initializer::uniform(0.3).unwrap(), 0.3 / 3.0_f64.sqrt(), true),
        (Initializer::glorot_uniform(), 0.1, true),
        (Initializer::he_uniform(), he, true),
        (Initializer::lecun_uniform(), lecun, true),
        (Initializer::he_uniform().with_gain(0.5).unwrap(), 0.5 * he, true),
    ] {
        let weights: Vec<f64> = fill(initializer, INPUTS, OUTPUTS);
        let n = weights.len() as f64;
        let mean = weights.iter().sum::<f64>() / n;
        let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / n;
        // Five standard errors of either estimate; a uniform distribution has the smaller fourth moment.
        assert!(mean.abs() < 5.0 * standard_deviation / n.sqrt(), "{initializer:?}: {mean}");
        assert_relative_eq!(variance.sqrt(), standard_deviation, max_relative = 5.0 / (2.0 * n).sqrt());
        let largest = weights.iter().fold(0.0_f64, |largest, weight| largest.max(weight.abs()));
        let limit = 3.0_f64.sqrt() * standard_deviation;
        assert_eq!(largest < limit * 1.000_001, uniform, "{initializer:?}: {largest}");
        assert!(largest > 0.999 * limit, "{initializer:?}: {largest}");
    }
}

#[test]
fn orthogonal_matrices_are_orthogonal() {
    for (inputs, outputs) in [(1, 1), (7, 1), (1, 7), (60, 60), (150, 50), (50, 150)] {
        let initializer = Initializer::orthogonal().with_gain(3.0).unwrap();
        let weight = DMatrix::from_vec(outputs, inputs, fill::<f64>(initializer, inputs, outputs));
        let gram = if outputs >= inputs { weight.transpose() * &weight } else { &weight * weight.transpose() };
        let identity = DMatrix::identity(gram.nrows(), gram.ncols()) * 9.0;
        assert!((gram - identity).amax() < 1e-13, "{inputs} {outputs}");
    }
}

/// Of a uniformly distributed direction each coordinate has the mean square 1/n, and either sign.
#[test]
fn orthogonal_matrices_have_no_preferred_direction() {
    const DRAWS: usize = 10_000;
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (mut sums, mut squares) = ([0.0; 9], [0.0; 9]);
    for _ in 0..DRAWS {
        let mut weights = [0.0; 9];
        Initializer::orthogonal().fill(&mut weights, 3, 3, &mut rng);
        for (i, weight) in weights.into_iter().enumerate() {
            sums[i] += weight / DRAWS as f64;
            squares[i] += weight * weight / DRAWS as f64;
        }
    }
    // Five standard errors, of variances 1/3 and 1/5 − 1/9.
    assert!(sums.iter().all(|sum| sum.abs() < 5.0 * (1.0 / 3.0 / DRAWS as f64).sqrt()), "{sums:?}");
    let bound = 5.0 * ((1.0 / 5.0 - 1.0 / 9.0) / DRAWS as f64).sqrt();
    assert!(squares.iter().all(|square| (square - 1.0 / 3.0).abs() < bound), "{squares:?}");
}

#[test]
fn the_streams_are_pinned() {
    let first = |initializer| fill::<f64>(initializer, 3, 2)[..3].to_vec();
    let normal = Initializer::normal(1.0).unwrap();
    assert_eq!(first(normal), [-1.0750753992924071, 0.21923597411785128, 1.1057015483967185]);
    assert_eq!(
        first(Initializer::uniform(1.0).unwrap()),
        [-0.5975005933043926, 0.4303610796467634, 0.6330781474222595]
    );
    // The first row of W is the first vector, normalized: the second of these is of the other.
    assert_eq!(first(Initializer::orthogonal()), [-0.6901687160493317, 0.5108934321091175, 0.14074344075618417]);
    assert_eq!(first(Initializer::constant(-0.25).unwrap()), [-0.25; 3]);
    for initializer in [normal, Initializer::glorot_uniform(), Initializer::orthogonal()] {
        let rounded: Vec<f32> = fill::<f64>(initializer, 3, 2).into_iter().map(|weight| weight as f32).collect();
        assert_eq!(fill::<f32>(initializer, 3, 2), rounded);
    }
}

#[test]
fn bad_scales_are_refused() {
    for bad in [-0.01, f64::NAN, f64::INFINITY] {
        for initializer in [
            Initializer::normal(bad),
            Initializer::uniform(bad),
            Initializer::orthogonal().with_gain(bad),
            Initializer::constant(if bad < 0.0 { f64::NEG_INFINITY } else { bad }),
        ] {
            assert!(matches!(initializer, Err(Error::InvalidParameter { .. })), "{bad}: {initializer:?}");
        }
    }
    assert_eq!(fill::<f64>(Initializer::normal(0.0).unwrap(), 2, 2), [0.0; 4]);
    assert_eq!(fill::<f64>(Initializer::uniform(0.0).unwrap(), 2, 2), [0.0; 4]);
}
