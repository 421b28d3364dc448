//! Rows as they are added up: some at a time, column by column, each column divided by its power of two.

use std::ops::Range;

use super::column::Survey;
use crate::elementary::Loop;
use crate::error::{Error, Result};
use crate::linalg::{View, contiguous_column, power_of_two, times_power_of_two, vectorized};
use crate::real::Real;
use crate::regression::problem::exponent;
use crate::wide::{DoubleDouble, MOST_ROWS, Wide};

/// Values that are looked at without waiting for one another.
const LANES: usize = 16;

/// Observations, of which those of weight 0 do not count.
#[derive(Debug)]
pub(super) struct Rows<'a, T: Real> {
    x: View<'a, T>,
    y: View<'a, T>,
    weights: Option<&'a [T]>,
    /// Where those that count are, if not all do.
    places: Option<Vec<usize>>,
}

impl<'a, T: Real> Rows<'a, T> {
    pub(super) fn new(x: View<'a, T>, y: View<'a, T>, weights: Option<&'a [T]>) -> Result<Self> {
        let place_for = |count: usize| {
            let mut places: Vec<usize> = Vec::new();
            let too_large = Error::TooLarge { what: "places of the observations", count: x.nrows() };
            places.try_reserve_exact(count).map_err(|_| too_large)?;
            Ok(places)
        };
        let places = match weights {
            Some(weights) if weights.iter().any(|weight| weight.is_zero()) => {
                let mut places = place_for(weights.len())?;
                places.extend((0..weights.len()).filter(|&row| !weights[row].is_zero()));
                Some(places)
            }
            _ => {
                // Without features and targets there may be any number of rows, and no end of adding them up.
                if x.is_empty() && y.is_empty() {
                    place_for(x.nrows())?;
                }
                None
            }
        };
        Ok(Self { x, y, weights, places })
    }

    pub(super) fn len(&self) -> usize {
        self.places.as_ref().map_or(self.x.nrows(), Vec::len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows, as many at a time as are added up at once.
    pub(super) fn blocks(&self) -> impl Iterator<Item = RowBlock<'_, T>> {
        let ends = move |start: usize| self.len().min(start + MOST_ROWS);
        (0..self.len()).step_by(MOST_ROWS).map(move |start| RowBlock { rows: self, range: start..ends(start) })
    }
}

/// Some of the rows that count.
pub(super) struct RowBlock<'a, T: Real> {
    rows: &'a Rows<'a, T>,
    range: Range<usize>,
}

impl<T: Real> RowBlock<'_, T> {
    /// Appends the entries of a column of `x` or `y`.
    fn read(&self, view: &View<'_, T>, column: usize, to: &mut Vec<T>) {
        let range = self.range.clone();
        match &self.rows.places {
            Some(places) => to.extend(places[range].iter().map(|&row| view[(row, column)])),
            None => match contiguous_column(view, column) {
                Some(entries) => to.extend_from_slice(&entries[range]),
                None => to.extend(range.map(|row| view[(row, column)])),
            },
        }
    }

    /// The weights.
    fn weights(&self) -> Option<impl Iterator<Item = T>> {
        let place = |at: usize| self.rows.places.as_ref().map_or(at, |places| places[at]);
        self.rows.weights.map(|weights| self.range.clone().map(move |at| weights[place(at)]))
    }
}

/// The entries of some rows.
pub(super) struct Block<T: Real> {
    columns: usize,
    rows: usize,
    z: Vec<T>,
    /// The roots of the weights.
    roots: Option<Vec<T::Wide>>,
    /// Those that are powers of two, as the roots of powers of four are, and no numbers instead of the others.
    powers: Option<Vec<f64>>,
    surveys: Vec<Survey>,
    /// What the columns are divided by.
    exponents: Vec<i32>,
    /// Σ ln w.
    pub(super) log_weights: DoubleDouble,
}

impl<T: Real> Block<T> {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns,
            rows: 0,
            z: Vec::new(),
            roots: None,
            powers: None,
            surveys: Vec::new(),
            exponents: Vec::new(),
            log_weights: <DoubleDouble as Wide<f64>>::zero(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes in rows, not yet divided.
    pub(super) fn read(&mut self, from: &RowBlock<'_, T>) {
        self.rows = from.range.len();
        self.z.clear();
        self.z.resize(self.rows, T::one());
        for view in [&from.rows.x, &from.rows.y] {
            (0..view.ncols()).for_each(|column| from.read(view, column, &mut self.z));
        }
        self.log_weights = Wide::<f64>::zero();
        self.roots = from.weights().map(|weights| {
            let mut roots = Vec::with_capacity(self.rows);
            for weight in weights {
                self.log_weights += <DoubleDouble as Wide<f64>>::widen(weight.to_f64().ln());
                roots.push(root(weight));
            }
            roots
        });
        let power = |root: &T::Wide| {
            let power = power_below(root.round());
            if *root == T::Wide::widen(power) { power.to_f64() } else { f64::NAN }
        };
        self.powers = self.roots.as_ref().map(|roots| roots.iter().map(power).collect());
        self.exponents.clear();
        self.exponents.resize(self.columns, 0);
        self.surveys.clear();
        for place in 0..self.columns {
            let survey = self.look_at(place);
            self.surveys.push(survey);
        }
    }

    fn column(&self, place: usize) -> &[T] {
        &self.z[place * self.rows..][..self.rows]
    }

    fn look_at(&self, place: usize) -> Survey {
        let column = self.column(place);
        let (largest, nonzero) = run(self.rows, Largest { column });
        // Of derivatives nothing is known: only all rows together leave nothing of them.
        let nonzero = if T::Wide::EXACT_BITS < 0 { self.rows } else { nonzero };
        let Some(plain) = exponent(largest) else { return Survey { exponent: None, nonzero } };
        let Some(roots) = &self.roots else { return Survey { exponent: Some(plain), nonzero } };
        let [first, second] = power_of_two::<T>(-plain);
        let weighted = column.iter().zip(roots).map(|(&entry, root)| (entry * first * second * root.round()).abs());
        let largest = weighted.fold(T::zero(), |most, value| if value > most { value } else { most });
        Survey { exponent: exponent(largest).map(|weighted| plain + weighted), nonzero }
    }

    /// What the entries of a column tell, those that were read.
    pub(super) fn survey(&self, place: usize) -> Survey {
        self.surveys[place]
    }

    /// Divides a column.
    pub(super) fn scale(&mut self, place: usize, exponent: i32) {
        self.exponents[place] = exponent;
        if exponent != 0 {
            let column = &mut self.z[place * self.rows..][..self.rows];
            run(self.rows, Scale { column, factors: power_of_two(-exponent) });
        }
    }

    /// The exponent of the largest power of two that all entries of a column are multiples of, after it was divided;
    /// none if they have too many bits.
    pub(super) fn grain(&self, place: usize) -> Option<i32> {
        let bits = T::Wide::EXACT_BITS;
        if bits < 0 {
            return None;
        }
        let (column, powers) = (self.column(place), self.powers.as_deref());
        let units = run(self.rows, Units { column, powers, unit: (1_u64 << bits) as f64 });
        // What has become zero by division had too many bits.
        (units.rest == 0 && units.nonzero == self.surveys[place].nonzero)
            .then(|| self.exponents[place] - bits + units.bits.trailing_zeros() as i32)
    }

    pub(super) fn add_gram(&self, sums: &mut [T::Wide]) {
        T::Wide::add_gram(false, &self.z, self.roots.as_deref(), self.columns, sums);
    }
}

/// Runs a loop over this many rows, on vectors where that pays.
fn run<L: Loop>(rows: usize, work: L) -> L::Output {
    if rows < LANES { work.run() } else { vectorized(work) }
}

/// `√w`, for weights that may be at the end of the range of the type.
fn root<T: Real>(weight: T) -> T::Wide {
    let half = (weight.to_f64().log2() / 2.0).floor() as i32;
    let root = T::Wide::widen(times_power_of_two(weight, -2 * half)).sqrt();
    root.scale(times_power_of_two(T::one(), half))
}

/// The largest power of two that is not above a positive number.
fn power_below<T: Real>(value: T) -> T {
    exponent(value).map_or_else(T::zero, |exponent| times_power_of_two(T::one(), exponent - 1))
}

/// The largest magnitude of a column, and how many entries are not zero.
struct Largest<'a, T> {
    column: &'a [T],
}

impl<T: Real> Loop for Largest<'_, T> {
    type Output = (T, usize);

    #[inline(always)]
    fn run(self) -> (T, usize) {
        // Few enough to be counted in the type itself, as fast as they are compared.
        let (mut most, mut nonzero) = ([T::zero(); LANES], [T::zero(); LANES]);
        let (chunks, rest) = self.column.as_chunks::<LANES>();
        for chunk in chunks {
            for lane in 0..LANES {
                let value = chunk[lane].abs();
                most[lane] = if value > most[lane] { value } else { most[lane] };
                nonzero[lane] += if value.is_zero() { T::zero() } else { T::one() };
            }
        }
        let (mut largest, mut count) = (T::zero(), T::zero());
        if !chunks.is_empty() {
            largest = most.into_iter().fold(largest, |most, value| if value > most { value } else { most });
            count = nonzero.into_iter().fold(count, |sum, count| sum + count);
        }
        for value in rest.iter().map(|value| value.abs()) {
            largest = if value > largest { value } else { largest };
            count += if value.is_zero() { T::zero() } else { T::one() };
        }
        (largest, count.to_f64() as usize)
    }
}

/// Times two factors.
struct Scale<'a, T> {
    column: &'a mut [T],
    factors: [T; 2],
}

impl<T: Real> Loop for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [first, second] = self.factors;
        self.column.iter_mut().for_each(|entry| *entry = *entry * first * second);
    }
}

/// A column in units of the finest grain that may be exact.
struct Units<'a, T: Real> {
    column: &'a [T],
    powers: Option<&'a [f64]>,
    unit: f64,
}

/// What a column is in these units.
struct InUnits {
    /// The bits of all numbers of units.
    bits: u64,
    /// Nothing if all are whole.
    rest: u64,
    nonzero: usize,
}

impl<T: Real> Loop for Units<'_, T> {
    type Output = InUnits;

    #[inline(always)]
    fn run(self) -> InUnits {
        /// Added to a whole number below 2⁵¹, it leaves that number in the last bits.
        const WHOLE: f64 = 1.5 * (1_u64 << 52) as f64;
        let mut units = InUnits { bits: 1 << 63, rest: 0, nonzero: 0 };
        let mut look = |value: f64| {
            let value = value * self.unit;
            let whole = value + WHOLE;
            units.bits |= whole.to_bits();
            units.rest |= ((whole - WHOLE) - value).to_bits();
            units.nonzero += usize::from(value != 0.0);
        };
        match self.powers {
            None => self.column.iter().for_each(|entry| look(entry.to_f64())),
            Some(powers) => {
                let weighted = self.column.iter().zip(powers);
                weighted.for_each(|(entry, power)| look(if entry.is_zero() { 0.0 } else { entry.to_f64() * power }));
            }
        }
        units
    }
}
