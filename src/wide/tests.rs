use super::*;

fn wide(high: f64, low: f64) -> DoubleDouble {
    DoubleDouble::new(two_sum(high, low))
}

#[test]
fn products_and_sums_are_exact() {
    // (1 + 2⁻⁴⁰)² = 1 + 2⁻³⁹ + 2⁻⁸⁰
    let a = 1.0 + 2_f64.powi(-40);
    assert_eq!(DoubleDouble::product(a, a), wide(1.0 + 2_f64.powi(-39), 2_f64.powi(-80)));
    assert_eq!(wide(1.0, 2_f64.powi(-80)) + wide(-1.0, 2_f64.powi(-90)), wide(2_f64.powi(-80), 2_f64.powi(-90)));
    assert_eq!(wide(1.0, 2_f64.powi(-80)).times(3.0), wide(3.0, 3.0 * 2_f64.powi(-80)));
    assert_eq!(wide(1.0, 2_f64.powi(-80)).scale(8.0), wide(8.0, 2_f64.powi(-77)));
}

#[test]
fn a_double_is_twice_a_single() {
    // (1 + 2⁻²³)² = 1 + 2⁻²² + 2⁻⁴⁶
    let a = 1.0 + f32::EPSILON;
    let square = 1.0 + 2_f64.powi(-22) + 2_f64.powi(-46);
    assert_eq!((<f64 as Wide<f32>>::product(a, a), Wide::times(f64::from(a), a)), (square, square));
}

#[test]
fn quotients_and_roots_have_twice_the_digits() {
    for value in [2.0, 3.0, 0.1, 1e100, 7e-30] {
        let a = DoubleDouble::widen(value);
        for result in [a.sqrt() * a.sqrt() / a, (DoubleDouble::widen(1.0) / a) * a] {
            let error = result - DoubleDouble::widen(1.0);
            assert!(error.round().abs() < 2_f64.powi(-102), "{value}: {error:?}");
        }
    }
    assert_eq!(DoubleDouble::widen(0.0).sqrt(), DoubleDouble::widen(0.0));
}
