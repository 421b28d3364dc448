use super::*;

fn trial(alpha: f64, value: f64, slope: f64) -> Trial<f64> {
    Trial { alpha, value, slope }
}

#[test]
fn the_minimizer_of_a_cubic_is_found_from_either_end() {
    // α³ − 3α has its minimum at 1.
    let at = |alpha: f64| trial(alpha, alpha.powi(3) - 3.0 * alpha, 3.0 * alpha * alpha - 3.0);
    for (a, b) in [(0.0, 2.0), (2.0, 0.0), (0.5, 0.75), (3.0, 0.5)] {
        assert!((cubic_minimizer(at(a), at(b), 0.0) - 1.0).abs() < 1e-14, "{a}, {b}");
    }
    // α³ + α has none.
    assert!(cubic_minimizer(trial(1.0, 2.0, 4.0), trial(2.0, 10.0, 13.0), 0.0).is_nan());
    // Values that are the same to rounding: the zero of the secant through slopes −1 and 3.
    assert_eq!(cubic_minimizer(trial(0.0, 1.0, -1.0), trial(1.0, 1.0 - 1e-16, 3.0), 1e-15), 0.25);
}

#[test]
fn the_middle_stands_in_for_no_number() {
    assert_eq!([2.5, 0.0, 9.0, f64::NAN].map(|x| clamp(x, 2.0, 4.0)), [2.5, 2.0, 4.0, 3.0]);
}

#[test]
fn a_search_meets_the_conditions_wherever_the_first_trial_falls() {
    // φ(α) = (α/s − 1)² − 1, acceptable about s, from far too short to far too long first trials.
    for scale in [1e-12, 1e-3, 0.2, 1.0, 7.0, 1e4, 1e12] {
        let phi = |alpha: f64| trial(alpha, (alpha / scale - 1.0).powi(2) - 1.0, 2.0 * (alpha / scale - 1.0) / scale);
        let mut evaluations = 0;
        let search = WolfeSearch::new(1e-4, 0.1).unwrap();
        let found = search.search(phi(0.0), |alpha| {
            evaluations += 1;
            phi(alpha)
        });
        let found = found.unwrap();
        assert!(found.slope.abs() <= 0.1 * 2.0 / scale && found.value < -0.98, "{scale}: {found:?}");
        assert!(evaluations < 20, "{scale}: {evaluations}");
    }
}

/// Of other shapes than cubics: the minimum is bracketed from either side, and the bracket turned around.
#[test]
fn a_search_meets_the_conditions_on_functions_that_are_no_cubics() {
    type Function = fn(f64) -> (f64, f64);
    let functions: [Function; 3] =
        [|x| (x.powi(4), 4.0 * x.powi(3)), |x| (x.cosh(), x.sinh()), |x| (x.hypot(1.0), x / x.hypot(1.0))];
    for function in functions {
        for minimum in [0.03, 0.7, 1.4, 3.0, 4.6, 6.0] {
            let phi = |alpha: f64| {
                let (value, slope) = function(alpha - minimum);
                trial(alpha, value, slope)
            };
            let mut evaluations = 0;
            let found = WolfeSearch::new(1e-4, 1e-3).unwrap().search(phi(0.0), |alpha| {
                evaluations += 1;
                phi(alpha)
            });
            let found = found.unwrap();
            assert!(found.slope.abs() <= 1e-3 * phi(0.0).slope.abs(), "{minimum}: {found:?}");
            assert!(evaluations < 20, "{minimum}: {evaluations}");
        }
    }
}

/// The cubic's minimum lies at a millionth of the interval; a tenth of it is tried.
#[test]
fn trials_keep_away_from_the_ends() {
    let mut tried = Vec::new();
    let wall = |alpha: f64| trial(alpha, 1e6 * alpha * alpha - alpha, 2e6 * alpha - 1.0);
    let _ = WolfeSearch::new(1e-4, 0.1).unwrap().search(wall(0.0), |alpha| {
        tried.push(alpha);
        wall(alpha)
    });
    assert_eq!(tried[..2], [1.0, 0.1]);
}

#[test]
fn the_last_point_evaluated_is_the_one_returned() {
    // Lower and lower, never flat, and no number beyond 3.
    let mut last = f64::NAN;
    let search = WolfeSearch::new(1e-4, 0.9).unwrap();
    let found = search.search(trial(0.0, 0.0, -1.0), |alpha| {
        last = alpha;
        if alpha <= 3.0 { trial(alpha, -alpha, -1.0) } else { trial(alpha, f64::NAN, f64::NAN) }
    });
    let found = found.unwrap();
    assert!(found.alpha == last && found.alpha > 2.9 && found.alpha <= 3.0, "{found:?}");
    // None is lower.
    assert!(search.search(trial(0.0, 0.0, -1.0), |alpha| trial(alpha, alpha, 1.0)).is_none());
}
