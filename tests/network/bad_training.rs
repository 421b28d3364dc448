//! Bad input to data sets and their batches, by its number, as far as no other file has it (see `bad_inputs.md`).

use std::convert::Infallible;

use gradus::data::{Images, Labels};
use gradus::error::Shape;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Dataset, Dense, Error, GradientDescent, MeanSquaredError, Network, SoftmaxCrossEntropy, Trainer};
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{SeedableRng, TryRng};

fn classes(n: usize) -> Dataset<f64> {
    Dataset::labeled(DMatrix::from_fn(2, n, |i, j| (i + j) as f64), (0..n).map(|j| j % 2).collect(), 2).unwrap()
}

#[test]
fn n076_fractions_that_are_none_or_leave_a_side_empty() {
    let data = classes(10);
    let rng = || ChaCha8Rng::seed_from_u64(0);
    for fraction in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
        for refused in [data.split(fraction, &mut rng()), data.split_stratified(fraction, &mut rng())] {
            let error = refused.unwrap_err().to_string();
            assert_eq!(
                error,
                format!("validation fraction: expected a number between 0 and 1, both excluded, found {fraction}")
            );
        }
    }
    for fraction in [0.04, 0.96, f64::MIN_POSITIVE, 1.0 - f64::EPSILON] {
        for refused in [data.split(fraction, &mut rng()), data.split_stratified(fraction, &mut rng())] {
            let expected = "one that leaves a sample on either side";
            let error = Error::InvalidParameter { name: "validation fraction", value: fraction, expected };
            assert_eq!(refused.unwrap_err(), error);
        }
    }
    assert!(classes(1).split(0.5, &mut rng()).is_err(), "one sample has no two sides");
}

/// Counts the draws of either width.
#[derive(Default)]
struct Draws {
    of_32_bits: usize,
    of_64_bits: usize,
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.of_32_bits += 1;
        Ok(0x1234_5678)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.of_64_bits += 1;
        Ok(0x1234_5678_9abc_def0)
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("indexes are drawn as numbers")
    }
}

/// A data set of more samples than 32 bits can number does not fit into the memory of a test, but the shuffle that the
/// crate calls can be asked: on a slice so long, of elements without a size, it draws 64 bits for every place.
#[test]
#[cfg(target_pointer_width = "64")]
fn n082_orders_beyond_32_bits_are_drawn_with_64() {
    let mut draws = Draws::default();
    let _ = [(); 1 << 33].partial_shuffle(&mut draws, 5);
    assert!(draws.of_64_bits >= 5 && draws.of_32_bits == 0, "{} {}", draws.of_32_bits, draws.of_64_bits);
    // Mini-batches with replacement draw 64 bits for any number of samples.
    let (data, mut draws) = (classes(3), Draws::default());
    let mut batches = data.batches(4, &mut draws).unwrap();
    batches.next_batch();
    drop(batches);
    assert!(draws.of_64_bits >= 4 && draws.of_32_bits == 0, "{} {}", draws.of_32_bits, draws.of_64_bits);
}

fn images(count: usize, rows: usize, columns: usize) -> Images {
    Images::new(vec![7; count * rows * columns], rows, columns).unwrap()
}

#[test]
fn n096_as_many_labels_as_images() {
    for labels in [0, 2, 4] {
        let refused = Dataset::<f32>::from_images(images(3, 2, 2), &Labels::from(vec![0; labels]), 10);
        let (expected, found) = (Shape::new(10, 3), Shape::new(10, labels));
        let what = "targets, one for each sample";
        assert_eq!(refused.unwrap_err(), Error::ShapeMismatch { what, expected, found });
    }
}

#[test]
fn n097_images_of_another_size_for_validation() {
    let labels = Labels::from(vec![0, 1]);
    let [train, test] = [2, 3].map(|rows| Dataset::<f64>::from_images(images(2, rows, 2), &labels, 2).unwrap());
    let network = Network::builder(4).layer(Dense::new(4, 2)).build().unwrap();
    let mut parameters = DVector::from_element(10, 0.5);
    let descent = GradientDescent::new(0.1).unwrap();
    let mut trainer = Trainer::new(&network, SoftmaxCrossEntropy, descent).validation(&test);
    let message = "inputs (one sample per column): expected 4 × any, found 6 × 2";
    assert_eq!(trainer.train(&mut parameters, &train).unwrap_err().to_string(), message);
    assert_eq!(parameters, DVector::from_element(10, 0.5));
    assert_eq!(network.accuracy(&parameters, &test).unwrap_err().to_string(), message);
    let mut objective = network.objective(MeanSquaredError);
    assert_eq!(objective.mean_loss(&parameters, &test).unwrap_err().to_string(), message);
}

#[test]
fn n098_labels_of_no_class() {
    let refused = Dataset::<f32>::from_images(images(3, 2, 2), &Labels::from(vec![9, 10, 0]), 10);
    assert_eq!(refused.unwrap_err(), Error::LabelOutOfRange { sample: 1, label: 10, classes: 10 });
    let refused = Dataset::<f32>::from_images(images(1, 2, 2), &Labels::from(vec![0]), 0);
    assert!(refused.is_err(), "no classes");
}
