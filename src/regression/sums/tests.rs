use std::collections::VecDeque;

use nalgebra::DMatrix;
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::*;

/// An observation of one target, and its weight.
type Row = (Vec<f64>, f64);

/// Changes of a window: rows that come, some of which may come by way of other sums, and rows that go.
#[derive(Clone, Copy, Debug)]
enum Step {
    Push(usize),
    Merge(usize),
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_usize..30).prop_map(Step::Push),
        1 => Just(Step::Push(1_100)),
        2 => (1_usize..5).prop_map(Step::Push),
        1 => (1_usize..10).prop_map(Step::Merge),
        6 => (1_usize..40).prop_map(Step::Remove),
        1 => Just(Step::Remove(1_000)),
    ];
    prop::collection::vec(step, 1..25)
}

/// The rows as matrices, features and targets side by side, and their weights.
fn matrices<T: Real>(rows: &[Row]) -> (DMatrix<T>, DMatrix<T>, Vec<T>) {
    let columns = rows[0].0.len() - 1;
    let x = DMatrix::from_fn(rows.len(), columns, |i, j| T::nearest(rows[i].0[j]));
    let y = DMatrix::from_fn(rows.len(), 1, |i, _| T::nearest(rows[i].0[columns]));
    (x, y, rows.iter().map(|row| T::nearest(row.1)).collect())
}

fn push<T: Real>(sums: &mut Sums<T>, rows: &[Row]) {
    let (x, y, weights) = matrices(rows);
    let weights = rows.iter().any(|row| row.1 != 1.0).then_some(&weights[..]);
    sums.push((&x).into(), (&y).into(), weights).unwrap();
}

fn remove<T: Real>(sums: &mut Sums<T>, rows: &[Row]) -> Result<()> {
    let (x, y, weights) = matrices(rows);
    let weights = rows.iter().any(|row| row.1 != 1.0).then_some(&weights[..]);
    sums.remove((&x).into(), (&y).into(), weights)
}

fn fresh<T: Real>(rows: &[Row], columns: usize) -> Sums<T> {
    let mut sums = Sums::new(columns - 1, 1);
    if !rows.is_empty() {
        push(&mut sums, rows);
    }
    sums
}

fn state<T: Real>(sums: &Sums<T>) -> impl PartialEq + use<T> {
    (sums.matrix.clone(), sums.columns.clone(), sums.observations, sums.log_weights)
}

/// Does what the steps say; hands the sums over after each, with the rows that are in them.
fn run<T: Real>(
    steps: &[Step],
    columns: usize,
    mut draw: impl FnMut() -> Row,
    mut check: impl FnMut(&Sums<T>, &[Row], bool) -> std::result::Result<(), TestCaseError>,
) -> std::result::Result<(), TestCaseError> {
    let mut window: VecDeque<Row> = VecDeque::new();
    let mut sums = Sums::<T>::new(columns - 1, 1);
    for &step in steps {
        match step {
            Step::Push(count) => {
                let rows: Vec<Row> = (0..count).map(|_| draw()).collect();
                push(&mut sums, &rows);
                window.extend(rows);
                check(&sums, window.make_contiguous(), false)?;
            }
            Step::Merge(count) => {
                let rows: Vec<Row> = (0..count).map(|_| draw()).collect();
                sums.merge(&fresh(&rows, columns)).unwrap();
                window.extend(rows);
                check(&sums, window.make_contiguous(), false)?;
            }
            Step::Remove(count) => {
                let rows: Vec<Row> = window.iter().take(count).cloned().collect();
                if rows.is_empty() {
                    continue;
                }
                let before = state(&sums);
                match remove(&mut sums, &rows) {
                    Ok(()) => drop(window.drain(..rows.len())),
                    Err(error) => {
                        prop_assert!(matches!(error, Error::RemovalTooDeep { .. }), "{}", error);
                        prop_assert!(state(&sums) == before);
                        check(&sums, window.make_contiguous(), true)?;
                        continue;
                    }
                }
                check(&sums, window.make_contiguous(), false)?;
            }
        }
    }
    Ok(())
}

/// A sum of the products of two columns in the units that the first sums have.
fn in_units_of<T: Real>(sums: &Sums<T>, other: &Sums<T>, place: (usize, usize)) -> T::Wide {
    let shift = |place: usize| other.columns[place].exponent.unwrap_or(0) - sums.columns[place].exponent.unwrap_or(0);
    let [first, second] = [place.0, place.1].map(|place| times_power_of_two(T::one(), shift(place)));
    other.matrix[place].scale(first).scale(second)
}

fn places(size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..size).flat_map(move |column| (column..size).map(move |row| (row, column)))
}

/// Whole numbers, an indicator, ticks of 1/8, mostly zeros with a spike, nothing but zeros.
fn representable(rng: &mut ChaCha8Rng, weighted: bool) -> Row {
    let entries = vec![
        f64::from(rng.random_range(-100..100)),
        f64::from(rng.random_range(0..8) / 7),
        f64::from(rng.random_range(800..880)) / 8.0,
        if rng.random_range(0..20) == 0 { 1000.0 } else { 0.0 },
        0.0,
        f64::from(rng.random_range(-9..9)),
    ];
    let weight = [0.0, 0.25, 1.0, 4.0, 16.0][rng.random_range(0..5)];
    (entries, if weighted { weight } else { 1.0 })
}

fn representable_windows_equal_fresh_sums<T: Real>(
    steps: &[Step],
    weighted: bool,
    seed: u64,
) -> std::result::Result<(), TestCaseError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    run::<T>(
        steps,
        6,
        || representable(&mut rng, weighted),
        |sums, rows, refused| {
            prop_assert!(!refused);
            let expected = fresh::<T>(rows, 6);
            prop_assert_eq!(sums.observations, expected.observations);
            prop_assert_eq!(sums.log_weights, expected.log_weights);
            prop_assert_eq!(sums.matrix.is_empty(), expected.matrix.is_empty());
            prop_assert!(sums.columns.iter().all(|column| column.is_exact() && column.rounding == 0.0));
            for place in places(sums.columns.len()) {
                prop_assert_eq!(sums.matrix[place], in_units_of(sums, &expected, place));
            }
            Ok(())
        },
    )
}

/// Numbers of all digits, some now and then many times as large, beside an indicator and whole numbers.
fn real(rng: &mut ChaCha8Rng, weighted: bool, spike: f64) -> Row {
    let mut number = || rng.random_range(-1.0..1.0) * if rng.random_range(0..40) == 0 { spike } else { 1.0 };
    let mut entries = vec![number(), number(), number() + 100.0];
    entries.push(f64::from(rng.random_range(0..8) / 7));
    entries.push(f64::from(rng.random_range(-9..9)));
    (entries, if weighted { f64::from(rng.random_range(0..9)) / 3.0 } else { 1.0 })
}

fn real_windows_are_within_their_bound<T: Real>(
    steps: &[Step],
    weighted: bool,
    spike: f64,
    seed: u64,
) -> std::result::Result<(), TestCaseError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    run::<T>(
        steps,
        5,
        || real(&mut rng, weighted, spike),
        |sums, rows, refused| {
            let expected = fresh::<T>(rows, 5);
            prop_assert_eq!(sums.observations, expected.observations);
            // A few numbers in single precision may be too small beside a thousand that were there.
            prop_assert!(!refused || spike > 1.0 || T::epsilon() > T::nearest(1e-10), "refused without need");
            for column in &sums.columns {
                prop_assert!(column.exponent.is_some() == (column.nonzero > 0));
            }
            for (row, column) in places(sums.columns.len()) {
                let difference = sums.matrix[(row, column)] - in_units_of(sums, &expected, (row, column));
                let error = difference.round().to_f64().abs();
                let [first, second] = [row, column].map(|place| (&sums.columns[place], &expected.columns[place]));
                let shift =
                    |(this, other): (&Track, &Track)| this.exponent.zip(other.exponent).map_or(0, |(a, b)| b - a);
                let of_fresh = second.1.rounding * f64::from(2 * shift(second)).exp2();
                let of_fresh = (first.1.rounding * f64::from(2 * shift(first)).exp2() * of_fresh).sqrt();
                let exact = first.0.is_exact() && second.0.is_exact();
                let of_window = if exact { 0.0 } else { (first.0.rounding * second.0.rounding).sqrt() };
                let bound = T::Wide::ROUNDING * (of_window + of_fresh);
                prop_assert!(error <= bound, "{} × {}: {:e} of {:e}", row, column, error, bound);
            }
            Ok(())
        },
    )
}

/// The sum of products of whole numbers, which must be one itself.
fn whole<T: Real>(sums: &Sums<T>, (row, column): (usize, usize)) -> Option<i128> {
    let exponent = |place: usize| sums.columns[place].exponent.unwrap_or(0);
    let unit = f64::from(exponent(row) + exponent(column)).exp2();
    let (mut left, mut total) = (sums.matrix[(row, column)], 0);
    while left != T::Wide::zero() {
        let part = left.round();
        let units = part.to_f64() * unit;
        if units.fract() != 0.0 {
            return None;
        }
        total += units as i128;
        left -= T::Wide::widen(part);
    }
    Some(total)
}

/// Sums of whole numbers of as many bits as may be, for as long as they are said to be exact.
fn sums_said_to_be_exact_are<T: Real>(
    bits: [u32; 3],
    blocks: &[usize],
    seed: u64,
) -> std::result::Result<usize, TestCaseError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = Sums::<T>::new(2, 1);
    let mut expected = [[0_i128; 4]; 4];
    let mut exact = 0;
    for &count in blocks {
        let mut rows = Vec::new();
        for _ in 0..count {
            let mut entries = [1_i64; 4];
            for (entry, bits) in entries[1..].iter_mut().zip(bits) {
                // Of all lengths, so that old entries are divided by more than they were.
                let bits = if rng.random_range(0..3) == 0 { bits } else { rng.random_range(0..=bits) };
                *entry = rng.random_range(0..1_i64 << bits) * if rng.random_range(0..2) == 0 { -1 } else { 1 };
                // Odd, and with all bits set, at times.
                *entry = if rng.random_range(0..4) == 0 { (1 << bits) - 1 } else { *entry };
            }
            for (row, column) in places(4) {
                expected[row][column] += i128::from(entries[row]) * i128::from(entries[column]);
            }
            rows.push((entries[1..].iter().map(|&entry| entry as f64).collect(), 1.0));
        }
        push(&mut sums, &rows);
        for (row, column) in places(4) {
            if sums.columns[row].is_exact() && sums.columns[column].is_exact() {
                prop_assert_eq!(whole(&sums, (row, column)), Some(expected[row][column]));
                exact += 1;
            }
        }
    }
    Ok(exact)
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn representable_windows_equal_fresh_sums_in_any_precision(steps in steps(), weighted: bool, single: bool, seed: u64) {
        if single {
            representable_windows_equal_fresh_sums::<f32>(&steps, weighted, seed)?;
        } else {
            representable_windows_equal_fresh_sums::<f64>(&steps, weighted, seed)?;
        }
    }

    #[test]
    fn real_windows_are_within_their_bound_in_any_precision(
        steps in steps(), weighted: bool, single: bool, spike in prop::sample::select(vec![1.0, 1e3, 1e5, 1e7, 1e9]), seed: u64,
    ) {
        if single {
            real_windows_are_within_their_bound::<f32>(&steps, weighted, spike, seed)?;
        } else {
            real_windows_are_within_their_bound::<f64>(&steps, weighted, spike, seed)?;
        }
    }

    #[test]
    fn sums_said_to_be_exact_are_whole_numbers(
        bits in prop::array::uniform3(0_u32..=50),
        blocks in prop::collection::vec(prop_oneof![3 => 1_usize..9, 2 => 9_usize..60, 1 => Just(1_025_usize)], 1..8),
        seed: u64,
    ) {
        let exact = sums_said_to_be_exact_are::<f64>(bits, &blocks, seed)?;
        // The ones at least, and all that can't become too long.
        let expected = if bits.iter().all(|&bits| bits <= 43) { 10 } else { 1 };
        prop_assert!(exact >= expected * blocks.len());
        let halves = bits.map(|bits| bits.min(48) / 2);
        let exact = sums_said_to_be_exact_are::<f32>(halves, &blocks, seed)?;
        let expected = if halves.iter().all(|&bits| bits <= 19) { 10 } else { 1 };
        prop_assert!(exact >= expected * blocks.len());
    }
}

/// A window of real numbers may not move on for ever: the bound on its rounding grows with every step.
#[test]
fn the_bound_grows_by_the_length_of_the_window() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let rows: Vec<Row> = (0..1_000).map(|_| real(&mut rng, false, 1.0)).collect();
    let mut sums = fresh::<f32>(&rows[..10], 5);
    for end in 10..1_000 {
        push(&mut sums, &rows[end..=end]);
        remove(&mut sums, &rows[end - 10..=end - 10]).unwrap();
    }
    let column = sums.columns[1];
    let fraction = column.rounding / sums.matrix[(1, 1)].round().to_f64();
    // Of each step the sum after the push and the sum before the removal, and of both the row, a tenth: of the removal twice.
    assert!((1_000.0..8_000.0).contains(&fraction), "{fraction}");
    // What is left of it suffices until that is 2²⁵.
    sums.columns[1].rounding *= f64::from(1 << 25) / fraction / 2.0;
    let before = state(&sums);
    assert!(remove(&mut sums.clone(), &rows[990..991]).is_ok());
    sums.columns[1].rounding *= 8.0;
    let spoiled = state(&sums);
    assert_eq!(remove(&mut sums, &rows[990..991]), Err(Error::RemovalTooDeep { column: Column::Feature(0) }));
    assert!(before != state(&sums) && spoiled == state(&sums));
}

#[test]
fn a_merge_of_too_many_observations_changes_nothing() {
    let rows = [(vec![1.0, 2.0], 1.0), (vec![3.0, 5.0], 1.0)];
    let (mut sums, mut other) = (fresh::<f64>(&rows, 2), fresh::<f64>(&rows, 2));
    other.observations = usize::MAX - 1;
    let before = state(&sums);
    assert_eq!(sums.merge(&other).unwrap_err(), Error::Overflow { what: "observations" });
    assert!(before == state(&sums));
    sums.observations = usize::MAX - 1;
    let before = state(&sums);
    let (x, y, _) = matrices::<f64>(&rows);
    let error = sums.push((&x).into(), (&y).into(), None).unwrap_err();
    assert_eq!(error, Error::Overflow { what: "observations" });
    assert!(before == state(&sums));
}
