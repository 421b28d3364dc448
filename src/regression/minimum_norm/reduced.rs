use nalgebra::DMatrix;

use super::{Span, magnitudes, scaled, shift};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::regression::problem::exponent;
use crate::wide::Wide;

/// No column counts for more than this in terms of the chosen ones.
const MOST: f64 = 2.0;

/// All columns in terms of some of them, `X = X_J N`, each multiplied by what makes its coefficient that of the column
/// as it is given. No entry of `N` is above [`MOST`], so that `N Nᵀ` is far from singular, and where columns are of
/// different sizes the small ones hardly count.
///
/// M. Gu, S. C. Eisenstat (1996): Efficient algorithms for computing a strong rank-revealing QR factorization.
pub(super) struct Reduced<T: Real> {
    /// J, without the intercept: counted from the first feature.
    pub(super) chosen: Vec<usize>,
    /// `N`
    pub(super) rows: Vec<Vec<T::Wide>>,
    /// Bounds of the errors of its entries.
    pub(super) errors: DMatrix<f64>,
    /// The independent columns in terms of the chosen ones.
    inverse: Vec<Vec<T::Wide>>,
    /// Bounds of what errors of the chosen columns make of an entry for each coefficient.
    inverse_errors: DMatrix<f64>,
    /// The exponents of the powers of two that rows of the span are divided by.
    scales: Vec<i32>,
    /// Of the chosen columns.
    exponents: Vec<i32>,
}

impl<T: Real> Reduced<T> {
    /// Without the first rows and columns, that of the intercept.
    pub(super) fn new(span: &Span<T>, first: usize) -> Result<Self> {
        let exponents = &span.exponents[first..];
        let sizes = |row: &Vec<T::Wide>| {
            let entry = |(entry, unit): (&T::Wide, &i32)| Some(exponent(entry.round())? + unit);
            row[first..].iter().zip(exponents).filter_map(entry).max().unwrap_or(0)
        };
        let scales: Vec<i32> = span.rows[first..].iter().map(sizes).collect();
        let scaled_row = |(row, scale): (&Vec<T::Wide>, &i32)| {
            row[first..].iter().zip(exponents).map(|(&entry, unit)| shift::<T>(entry, unit - scale)).collect()
        };
        let given: Vec<Vec<T::Wide>> = span.rows[first..].iter().zip(&scales).map(scaled_row).collect();
        let ill_conditioned = Error::IllConditioned { condition: f64::INFINITY };
        let (chosen, mut rows) = exchanged::<T>(&given, exponents.len()).ok_or(ill_conditioned)?;
        correct::<T>(&given, &chosen, &mut rows, exponents.len());
        let inverse: Vec<Vec<T::Wide>> = rows.iter_mut().map(|row| row.split_off(exponents.len())).collect();

        // Of `N = P⁻¹ A`, with P the chosen columns of A: `|P⁻¹| (|δA| + |δP| |N|)`.
        let entry = |i: usize, j: usize| scaled(span.errors[first + i][first + j], exponents[j] - scales[i]);
        let given_errors = DMatrix::from_fn(rows.len(), exponents.len(), entry);
        let of_chosen = DMatrix::from_fn(rows.len(), rows.len(), |i, k| given_errors[(i, chosen[k])]);
        let sizes = magnitudes::<T>(&inverse, rows.len());
        let inverse_errors = &sizes * of_chosen;
        let all = magnitudes::<T>(&rows, exponents.len());
        let mut errors = &sizes * given_errors + &inverse_errors * &all + all * span.rounding();
        // Chosen columns are themselves.
        chosen.iter().for_each(|&column| errors.column_mut(column).fill(0.0));
        // Not the comparison that NaN passes.
        if !errors.iter().all(|&error| error < 1.0) {
            return Err(Error::IllConditioned { condition: sizes.norm() });
        }
        let exponents = chosen.iter().map(|&column| exponents[column]).collect();
        Ok(Self { chosen, rows, errors, inverse, inverse_errors, scales, exponents })
    }

    /// The exponent of what a coefficient of one chosen column is as one of another.
    pub(super) fn between(&self, row: usize, other: usize) -> i32 {
        self.exponents[row] - self.exponents[other]
    }

    /// Coefficients of the independent columns as those of the chosen ones, and bounds of their errors.
    pub(super) fn in_chosen(&self, known: &[T::Wide], errors: &[f64], rounding: f64) -> (Vec<T::Wide>, Vec<f64>) {
        let exponent = |k: usize, i: usize| self.exponents[k] - self.scales[i];
        let size = |entry: T::Wide| entry.round().abs().to_f64();
        let places = 0..known.len();
        let coefficient = |k: usize| {
            let terms = places.clone().map(|i| shift::<T>(self.inverse[k][i] * known[i], exponent(k, i)));
            terms.fold(T::Wide::zero(), |sum, term| sum + term)
        };
        let coefficients: Vec<T::Wide> = places.clone().map(coefficient).collect();
        let error = |k: usize| {
            let given = |i: usize| size(self.inverse[k][i]) * (errors[i] + rounding * size(known[i]));
            let chosen = |l: usize| self.inverse_errors[(k, l)] * size(coefficients[l]);
            let parts = |i: usize| scaled(given(i), exponent(k, i)) + scaled(chosen(i), self.between(k, i));
            places.clone().map(parts).sum()
        };
        let errors = places.clone().map(error).collect();
        (coefficients, errors)
    }
}

/// Columns, and all in terms of them.
type Chosen<W> = (Vec<usize>, Vec<Vec<W>>);

/// By Gauss–Jordan elimination with the largest pivots: the chosen columns, and `P⁻¹ [A 1]`, `P` being those of `A`;
/// none if its rows are dependent. Then columns are exchanged as long as one counts for too much: each time the volume
/// that the chosen ones span grows by as much.
fn exchanged<T: Real>(given: &[Vec<T::Wide>], columns: usize) -> Option<Chosen<T::Wide>> {
    let count = given.len();
    let one = T::Wide::widen(T::one());
    let mut rows: Vec<Vec<T::Wide>> = given.to_vec();
    for (place, row) in rows.iter_mut().enumerate() {
        row.resize(columns + count, T::Wide::zero());
        row[columns + place] = one;
    }
    let mut chosen: Vec<Option<usize>> = vec![None; count];
    loop {
        let is_complete = chosen.iter().all(Option::is_some);
        let mut largest = (0.0, 0, 0);
        for (place, row) in rows.iter().enumerate().filter(|(place, _)| is_complete || chosen[*place].is_none()) {
            for (column, entry) in row[..columns].iter().enumerate() {
                let size = entry.round().abs().to_f64();
                if size > largest.0 && !chosen.contains(&Some(column)) {
                    largest = (size, place, column);
                }
            }
        }
        let (size, place, column) = largest;
        if is_complete && size <= MOST {
            return Some((chosen.into_iter().flatten().collect(), rows));
        }
        if size == 0.0 {
            return None;
        }
        chosen[place] = Some(column);
        let pivot = rows[place][column];
        rows[place].iter_mut().for_each(|entry| *entry = *entry / pivot);
        rows[place][column] = one;
        let eliminated = std::mem::take(&mut rows[place]);
        for row in rows.iter_mut().filter(|row| !row.is_empty()) {
            let factor = row[column];
            row.iter_mut().zip(&eliminated).for_each(|(entry, &known)| *entry -= factor * known);
            row[column] = T::Wide::zero();
        }
        rows[place] = eliminated;
    }
}

/// Takes what elimination has rounded out of `P⁻¹ [A 1]`, by a step of refinement.
fn correct<T: Real>(given: &[Vec<T::Wide>], chosen: &[usize], rows: &mut [Vec<T::Wide>], columns: usize) {
    let part: Vec<Vec<T::Wide>> = given.iter().map(|row| chosen.iter().map(|&column| row[column]).collect()).collect();
    let inverse: Vec<Vec<T::Wide>> = rows.iter().map(|row| row[columns..].to_vec()).collect();
    for column in (0..columns + rows.len()).filter(|column| !chosen.contains(column)) {
        let found: Vec<T::Wide> = rows.iter().map(|row| row[column]).collect();
        let residual = |(place, part): (usize, &Vec<T::Wide>)| {
            let one = if column == columns + place { T::one() } else { T::zero() };
            let entry = given[place].get(column).copied().unwrap_or(T::Wide::widen(one));
            entry - T::Wide::zero().add_dot(part, &found)
        };
        let residuals: Vec<T::Wide> = part.iter().enumerate().map(residual).collect();
        for (row, inverse) in rows.iter_mut().zip(&inverse) {
            row[column] = row[column].add_dot(inverse, &residuals);
        }
    }
}
