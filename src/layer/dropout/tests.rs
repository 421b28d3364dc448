use super::super::tests::{backward, forward};
use super::*;
use crate::error::Error;

fn train(seed: u64, first_sample: usize) -> Mode {
    Mode::Train { seed, first_sample }
}

fn dropped(rate: f64, count: usize, features: usize, mode: Mode) -> Vec<f64> {
    forward(&Dropout::new(rate).unwrap(), &[], &vec![1.0; count], features, mode).0
}

#[test]
fn the_rate_is_kept_and_so_is_the_mean() {
    const COUNT: usize = 100_000;
    for rate in [0.1, 0.5, 0.9] {
        assert_eq!(Dropout::new(rate).unwrap().rate(), rate);
        let y = dropped(rate, COUNT, 100, train(3, 0));
        let kept = y.iter().filter(|&&y| y != 0.0).count() as f64 / COUNT as f64;
        // Five standard deviations.
        let bound = 5.0 * (rate * (1.0 - rate) / COUNT as f64).sqrt();
        assert!((kept - (1.0 - rate)).abs() < bound, "{rate}: {kept}");
        assert!(y.iter().all(|&y| y == 0.0 || y == 1.0 / (1.0 - rate)));
        let mean = y.iter().sum::<f64>() / COUNT as f64;
        assert!((mean - 1.0).abs() < bound / (1.0 - rate), "{rate}: {mean}");
    }
}

/// Neighboring units, samples and seeds must agree as often as chance has it.
#[test]
fn masks_are_unrelated() {
    const FEATURES: usize = 500;
    let y = dropped(0.5, FEATURES * FEATURES, FEATURES, train(3, 0));
    let other = dropped(0.5, FEATURES * FEATURES, FEATURES, train(4, 0));
    let agreement = |a: &[f64], b: &[f64]| {
        let count = a.len().min(b.len());
        let agreeing = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / count as f64;
        (agreeing - 0.5) / (0.25 / count as f64).sqrt()
    };
    for deviations in [agreement(&y, &y[1..]), agreement(&y, &y[FEATURES..]), agreement(&y, &other)] {
        assert!(deviations.abs() < 5.0, "{deviations}");
    }
}

#[test]
fn a_sample_has_its_mask_alone_and_among_others() {
    let together = dropped(0.5, 5 * 40, 40, train(9, 0));
    for sample in 0..5 {
        assert_eq!(dropped(0.5, 40, 40, train(9, sample)), together[40 * sample..40 * (sample + 1)]);
    }
    assert_ne!(together[..40], together[40..80]);
}

#[test]
fn the_mask_is_pinned_and_the_same_for_either_number() {
    let pattern = |y: &[f64]| y.iter().map(|&y| if y == 0.0 { '.' } else { 'x' }).collect::<String>();
    assert_eq!(pattern(&dropped(0.5, 32, 32, train(7, 0))), "xxxx..xxx.x...xxx..x.xx.xxxx.xxx");
    let layer = Dropout::new(0.5).unwrap();
    let single = forward(&layer, &[], &[1.0_f32; 32], 32, train(7, 0)).0;
    let widened: Vec<f64> = single.into_iter().map(f64::from).collect();
    assert_eq!(widened, dropped(0.5, 32, 32, train(7, 0)));
}

#[test]
fn the_way_back_has_the_same_mask() {
    let layer = Dropout::new(0.75).unwrap();
    let dy: Vec<f64> = (0..60).map(f64::from).collect();
    for mode in [train(2, 5), Mode::Predict] {
        let mask = forward(&layer, &[], &[1.0; 60], 20, mode).0;
        let dx = backward(&layer, &[], &[1.0; 60], &dy, 20, mode).1;
        let expected: Vec<f64> = mask.iter().zip(&dy).map(|(mask, dy)| mask * dy).collect();
        assert_eq!(dx, expected);
    }
}

#[test]
fn nothing_is_dropped_at_the_rate_0_or_in_predictions() {
    let x = [1e4, -1e4, 3.0, f64::INFINITY];
    assert_eq!(forward(&Dropout::new(0.0).unwrap(), &[], &x, 4, train(1, 0)).0, x);
    assert_eq!(forward(&Dropout::new(0.99).unwrap(), &[], &x, 4, Mode::Predict).0, x);
    let nan = forward(&Dropout::new(0.5).unwrap(), &[], &[f64::NAN; 50], 50, train(1, 0)).0;
    assert!(nan.iter().all(|y| y.is_nan()));
}

#[test]
fn the_rate_must_be_a_probability_below_1() {
    for bad in [-0.1, 1.0, 1.5, f64::NAN, f64::INFINITY] {
        let error = Dropout::new(bad).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "dropout rate", .. }), "{bad}");
    }
}
