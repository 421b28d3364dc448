//! Windows of a stream: what is pushed, merged and removed again leaves the fit of what stays.

use approx::assert_relative_eq;
use gradus::error::Column;
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::regression::{FitStatistics, Intercept, RegressionReport};
use gradus::{Error, LinearFit, NormalEquation, Real, Result};
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Of some rows alone.
fn fresh<T: Real>(x: &DMatrix<T>, y: &DMatrix<T>, start: usize, count: usize) -> NormalEquation<T> {
    let mut sums = NormalEquation::new(x.ncols(), y.ncols());
    sums.push(&x.rows(start, count), &y.rows(start, count)).unwrap();
    sums
}

/// What a fit says, whatever units the sums are in.
#[derive(Clone, Debug, PartialEq)]
struct Said<T: Real> {
    parameters: DMatrix<T>,
    standard_errors: Option<DMatrix<T>>,
    statistics: Vec<FitStatistics<T>>,
    report: RegressionReport,
}

/// Logarithms are taken in the units of the sums, which may be others: their last bit is not compared.
fn without_logarithms<T: Real>(statistics: &FitStatistics<T>) -> FitStatistics<T> {
    let mut statistics = *statistics;
    (statistics.log_likelihood, statistics.aic, statistics.bic) = (None, None, None);
    statistics
}

/// With and without an intercept.
fn fits<T: Real>(sums: &NormalEquation<T>) -> [Result<Said<T>>; 2] {
    let said = |fit: LinearFit<T>| Said {
        parameters: fit.parameters(),
        standard_errors: fit.standard_errors().cloned(),
        statistics: fit.statistics().iter().map(without_logarithms).collect(),
        report: *fit.report(),
    };
    [Intercept::Include, Intercept::Omit].map(|intercept| sums.clone().with_intercept(intercept).solve().map(said))
}

/// Moves a window over all rows, one at a time; each position has the fits of sums of its own, to the last bit.
#[track_caller]
fn moves_without_a_trace<T: Real>(x: &DMatrix<T>, y: &DMatrix<T>, length: usize) {
    let mut window = fresh(x, y, 0, length);
    for start in 1..=x.nrows() - length {
        window.push(&x.rows(start + length - 1, 1), &y.rows(start + length - 1, 1)).unwrap();
        window.remove(&x.rows(start - 1, 1), &y.rows(start - 1, 1)).unwrap();
        assert_eq!(fits(&window), fits(&fresh(x, y, start, length)), "at {start}");
    }
}

fn column(rows: usize, entry: impl Fn(usize) -> f64) -> DMatrix<f64> {
    DMatrix::from_fn(rows, 1, |row, _| entry(row))
}

#[test]
fn r11_a_spike_leaves_a_window_of_zeros() {
    let (x, y) = (column(40, |row| row as f64), column(40, |row| if row == 0 { 1000.0 } else { 0.0 }));
    moves_without_a_trace(&x, &y, 10);
    let mut window = fresh(&x, &y, 0, 11);
    window.remove(&x.rows(0, 1), &y.rows(0, 1)).unwrap();
    assert_eq!(window.solve().unwrap().parameters(), dmatrix![0.0; 0.0]);
    // And a spike that has more digits than can be summed without rounding.
    let y = y * 0.1234567890123456;
    moves_without_a_trace(&x, &y, 10);
}

#[test]
fn r11_an_indicator_leaves_the_window_and_comes_back() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let indicator = |row: usize| f64::from(row < 3 || (25..28).contains(&row) || row == 45);
    let (first, second) = (column(60, indicator), column(60, |row| (row * row % 17) as f64));
    let x = DMatrix::from_columns(&[first.column(0), second.column(0)]);
    moves_without_a_trace(&x, &column(60, |row| (row * 7 % 13) as f64), 12);
    // Beside a target of all digits, as good as sums of its own.
    let y = DMatrix::from_fn(60, 1, |_, _| rng.random_range(-1.0..1.0));
    let mut window = fresh(&x, &y, 0, 12);
    for start in 1..=48 {
        window.push(&x.rows(start + 11, 1), &y.rows(start + 11, 1)).unwrap();
        window.remove(&x.rows(start - 1, 1), &y.rows(start - 1, 1)).unwrap();
        match (window.solve(), fresh(&x, &y, start, 12).solve()) {
            (Ok(found), Ok(expected)) => {
                assert_relative_eq!(found.parameters(), expected.parameters(), max_relative = 1e-14);
            }
            (Err(found), Err(expected)) => assert_eq!(found, expected),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn r11_all_rows_are_removed() {
    let (x, y) = (dmatrix![0.1, 1e9; 0.7, -1.0; 1.3, 4.0], dvector![0.3, 1.9, 0.2]);
    for weights in [None, Some([0.3, 1e-9, 7.0])] {
        let mut sums = NormalEquation::<f64>::new(2, 1);
        match &weights {
            None => {
                sums.push(&x, &y).unwrap();
                for row in 0..3 {
                    sums.remove(&x.rows(row, 1), &y.rows(row, 1)).unwrap();
                }
            }
            Some(weights) => {
                sums.push_weighted(&x, &y, &weights[..]).unwrap();
                sums.remove_weighted(&x, &y, &weights[..]).unwrap();
            }
        }
        assert_eq!((sums.observations(), sums.solve()), (0, Err(Error::Empty { what: "observations" })));
        assert_eq!(sums.remove(&x, &y), Err(Error::RemovalExceeds { held: 0, removed: 3 }));
        // As if nothing had ever been.
        let (x, y) = (&x * 1e-200, DMatrix::from_columns(&[&y * 1e-200]));
        sums.push(&x, &y).unwrap();
        assert_eq!(fits(&sums), fits(&fresh(&x, &y, 0, 3)));
    }
}

#[test]
fn long_windows_of_ticks_move_for_ever() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let mut price = 800_i32;
    let prices: Vec<f64> = (0..6_000)
        .map(|_| {
            price += rng.random_range(-3..=3);
            f64::from(price) / 8.0
        })
        .collect();
    let x = DMatrix::from_fn(5_999, 2, |row, column| if column == 0 { prices[row] } else { (row % 5) as f64 });
    let y = DMatrix::from_fn(5_999, 1, |row, _| prices[row + 1]);
    let (single_x, single_y) = (x.map(|entry| entry as f32), y.map(|entry| entry as f32));
    let (mut window, mut single) = (fresh(&x, &y, 0, 50), fresh(&single_x, &single_y, 0, 50));
    for start in 1..5_900 {
        window.push(&x.rows(start + 49, 1), &y.rows(start + 49, 1)).unwrap();
        window.remove(&x.rows(start - 1, 1), &y.rows(start - 1, 1)).unwrap();
        single.push(&single_x.rows(start + 49, 1), &single_y.rows(start + 49, 1)).unwrap();
        single.remove(&single_x.rows(start - 1, 1), &single_y.rows(start - 1, 1)).unwrap();
        if start % 100 == 0 {
            assert_eq!(fits(&window), fits(&fresh(&x, &y, start, 50)));
            assert_eq!(fits(&single), fits(&fresh(&single_x, &single_y, start, 50)));
        }
    }
}

/// What cannot have been pushed is refused where that is seen, and nothing changes.
#[test]
fn what_was_never_pushed_is_not_removed() {
    let (x, y) = (dmatrix![0.0, 2.0; 4.0, 2.0; 0.0, 8.0], dvector![1.0, 0.0, 2.0]);
    let mut sums = NormalEquation::<f64>::new(2, 1);
    sums.push(&x, &y).unwrap();
    let before = fits(&sums);
    for (x, y, column) in [
        // Larger than any number that came, of more digits, and more that are not zero than came, or fewer than must go.
        (dmatrix![8.0, 2.0], dvector![0.0], Column::Feature(0)),
        (dmatrix![0.0, 2.25], dvector![0.0], Column::Feature(1)),
        (dmatrix![0.0, 2.0; 0.0, 2.0; 0.0, 0.0], dvector![0.0, 0.0, 0.0], Column::Feature(0)),
        (dmatrix![4.0, 2.0; 4.0, 2.0], dvector![0.0, 1.0], Column::Feature(0)),
        // More than the sum of squares.
        (dmatrix![0.0, 8.0; 0.0, 8.0], dvector![1.0, 2.0], Column::Feature(1)),
        (dmatrix![0.0, 2.0; 0.0, 2.0], dvector![2.0, 2.0], Column::Target(0)),
    ] {
        assert_eq!(sums.remove(&x, &y), Err(Error::RemovalTooDeep { column }), "{x}");
        assert_eq!((sums.observations(), fits(&sums)), (3, before.clone()));
    }
    sums.remove(&x.rows(0, 1), &y.rows(0, 1)).unwrap();
}

/// A number of more digits than the others makes the sums rounded, and is forgotten only when the column is zero.
#[test]
fn one_number_of_many_digits_is_bounded_until_the_column_is_zero() {
    let x = DMatrix::from_fn(30, 1, |row, _| if row < 15 { row as f64 } else { 0.0 });
    let y = DMatrix::from_fn(30, 1, |row, _| (row % 4) as f64);
    let mut sums = fresh(&x, &y, 0, 30);
    let long = (dmatrix![0.1], dmatrix![3.0]);
    sums.push(&long.0, &long.1).unwrap();
    sums.remove(&long.0, &long.1).unwrap();
    let expected = fresh(&x, &y, 0, 30).solve().unwrap();
    assert_relative_eq!(sums.solve().unwrap().parameters(), expected.parameters(), max_relative = 1e-15);
    sums.remove(&x.rows(0, 15), &y.rows(0, 15)).unwrap();
    assert_eq!(fits(&sums), fits(&fresh(&x, &y, 15, 15)));
}

/// A weight rounds only those columns that it counts in.
#[test]
fn a_zero_of_any_weight_rounds_nothing() {
    let (x, y) = (dmatrix![5.0; 0.0; 3.0; 0.0; 1.0], dvector![1.0, 2.0, 0.5, 4.0, 3.0]);
    let weights = [4.0, 3.0, 1.0, 0.1, 0.25];
    let mut sums = NormalEquation::<f64>::new(1, 1);
    for row in 0..5 {
        sums.push_weighted(&x.rows(row, 1), &y.rows(row, 1), &weights[row..=row]).unwrap();
    }
    sums.remove_weighted(&x.rows(0, 3), &y.rows(0, 3), &weights[..3]).unwrap();
    let mut expected = NormalEquation::<f64>::new(1, 1);
    expected.push_weighted(&x.rows(3, 2), &y.rows(3, 2), &weights[3..]).unwrap();
    let [found, expected] = [sums, expected].map(|sums| sums.solve().unwrap().parameters());
    assert_relative_eq!(found, expected, max_relative = 1e-15);
}

proptest! {
    #![proptest_config(crate::counted::config())]

    /// Windows of any lengths that move by any steps, with weights that are powers of four; one half merged.
    #[test]
    fn windows_of_representable_numbers_have_the_fits_of_fresh_sums(
        length in 3_usize..40, step in 1_usize..10, half in 1_usize..10, weighted: bool, scale in -30_i32..30, seed: u64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rows = 4 * length;
        let unit = 2_f64.powi(scale);
        let mut draw = |to: i32| f64::from(rng.random_range(-to..to)) * unit;
        let x = DMatrix::from_fn(rows, 3, |_, column| draw([100, 2, 1 << 20][column]));
        let y = DMatrix::from_fn(rows, 2, |_, _| draw(1_000));
        let weight = |row: usize| if weighted { [1.0, 4.0, 0.25, 0.0, 64.0][row % 5] } else { 1.0 };
        let weights: Vec<f64> = (0..rows).map(weight).collect();
        let of = |start: usize, count: usize| {
            let mut sums = NormalEquation::<f64>::new(3, 2);
            sums.push_weighted(&x.rows(start, count), &y.rows(start, count), &weights[start..start + count]).unwrap();
            sums
        };
        let mut window = of(0, length);
        let mut start = 0;
        while start + length + step <= rows {
            if half % 2 == 0 {
                window.merge(&of(start + length, step)).unwrap();
            } else {
                let end = start + length;
                window.push_weighted(&x.rows(end, step), &y.rows(end, step), &weights[end..end + step]).unwrap();
            }
            window.remove_weighted(&x.rows(start, step), &y.rows(start, step), &weights[start..start + step]).unwrap();
            start += step;
            prop_assert_eq!(fits(&window), fits(&of(start, length)));
        }
    }

    #[test]
    fn windows_of_real_numbers_have_the_digits_of_fresh_sums(
        length in 12_usize..40, weighted: bool, large in prop::sample::select(vec![1.0, 1e2, 1e4]), seed: u64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rows = 3 * length;
        let x = DMatrix::from_fn(rows, 2, |row, _| rng.random_range(-1.0..1.0) * if row == 3 { large } else { 1.0 });
        let y = DMatrix::from_fn(rows, 1, |_, _| rng.random_range(0.5..1.0));
        let weights = DVector::from_fn(rows, |_, _| if weighted { rng.random_range(0.1..3.0) } else { 1.0 });
        let mut window = NormalEquation::<f64>::new(2, 1);
        window.push_weighted(&x, &y, weights.as_slice()).unwrap();
        for start in 0..2 * length {
            window.remove_weighted(&x.rows(start, 1), &y.rows(start, 1), &weights.as_slice()[start..=start]).unwrap();
        }
        let mut expected = NormalEquation::<f64>::new(2, 1);
        let last = (x.rows(2 * length, length), y.rows(2 * length, length));
        expected.push_weighted(&last.0, &last.1, &weights.as_slice()[2 * length..]).unwrap();
        let [found, expected] = [window, expected].map(|sums| sums.solve().unwrap().parameters());
        prop_assert!((&found - &expected).amax() <= 1e-13 * expected.amax(), "{} {}", found, expected);
    }
}
