use nalgebra::DMatrix;

use super::problem::{Intercept, exponent};
use crate::error::{Column, Dependency, Error, Result};
use crate::linalg::{self, View, power_of_two, times_power_of_two};
use crate::real::Real;
use crate::wide::Wide;

/// The design matrix of a polynomial of this degree, without the constant: the columns x, x², …, x^degree.
///
/// The powers are formed in twice the working precision and rounded once: products of rounded powers would be another
/// problem, and for high degrees visibly so.
/// [`LinearRegression::fit_polynomial`](crate::LinearRegression::fit_polynomial) does without even that rounding.
///
/// # Errors
/// [`Error::NotFinite`] for a value, or a power, that is not finite; [`Error::TooLarge`] if the memory cannot be
/// allocated.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::regression::polynomial;
/// use gradus::LinearRegression;
///
/// let x = polynomial(&[0.0, 1.0, 2.0, 3.0], 2)?;
/// assert_eq!(x, dmatrix![0.0, 0.0; 1.0, 1.0; 2.0, 4.0; 3.0, 9.0]);
/// let fit = LinearRegression::new().fit(&x, &dvector![1.0, 0.0, 3.0, 10.0])?; // y = 1 − 3 x + 2 x²
/// assert_eq!(fit.coefficients(), &dmatrix![-3.0; 2.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("PolynomialFeatures", "polyfit", "poly"))]
pub fn polynomial<T: Real>(x: &[T], degree: usize) -> Result<DMatrix<T>> {
    Ok(powers(x, degree)?.0)
}

/// Powers, and what each has lost to rounding.
pub(super) type Powers<T> = (DMatrix<T>, DMatrix<T>);

/// The powers x, x², …, x^degree.
#[inline(never)]
pub(super) fn powers<T: Real>(x: &[T], degree: usize) -> Result<Powers<T>> {
    let (rounded, lost) = powers_by::<T, T>(x, degree, times::<T>)?;
    let places = (0..degree).flat_map(|column| (0..x.len()).map(move |row| (row, column)));
    match places.into_iter().filter(|&place| !rounded[place].is_finite()).min() {
        None => Ok((rounded, lost)),
        Some((row, column)) => {
            let value = x[row].powi(column as i32 + 1).to_f64();
            Err(Error::NotFinite { what: "powers", row, column, value })
        }
    }
}

fn times<T: Real>(power: T::Wide, x: T) -> T::Wide {
    // Exact products are formed of numbers well within the range of the type; 2^64 is exact.
    let large = T::nearest(64_f64.exp2());
    let (grow, shrink) = if x.abs() > T::one() { (large, T::one() / large) } else { (T::one(), T::one()) };
    power.scale(shrink).times(x * shrink).scale(grow).scale(grow)
}

fn powers_by<T: Real, X: Copy>(x: &[X], degree: usize, times: impl Fn(T::Wide, X) -> T::Wide) -> Result<Powers<T>> {
    let zeros = || linalg::zeros("a polynomial's design matrix", x.len().saturating_mul(degree));
    let mut rounded = DMatrix::from_vec(x.len(), degree, zeros()?);
    let mut lost = DMatrix::from_vec(x.len(), degree, zeros()?);
    for (row, &x) in x.iter().enumerate() {
        let mut power = T::Wide::widen(T::one());
        for column in 0..degree {
            power = times(power, x);
            let value = power.round();
            rounded[(row, column)] = value;
            lost[(row, column)] = (power - T::Wide::widen(value)).round();
        }
    }
    Ok((rounded, lost))
}

/// The powers of `t = (x − center) / 2^exponent`, which is between −1 and 1: far from zero those of x are nearly
/// dependent, and their terms cancel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Basis<T> {
    pub(super) center: T,
    pub(super) exponent: i32,
}

impl<T: Real> Basis<T> {
    /// For these finite numbers.
    pub(super) fn of(x: &[T]) -> Self {
        let first = x.first().copied().unwrap_or_else(T::zero);
        let (least, most) = x.iter().fold((first, first), |(least, most), &x| (least.min(x), most.max(x)));
        let half = most / T::nearest(2.0) - least / T::nearest(2.0);
        // A center of few digits, so that differences and powers have few as well.
        let grid = exponent(half).map_or(T::zero(), |exponent| times_power_of_two(T::one(), exponent - 3));
        let center = least + half;
        let coarse = (center / grid).round() * grid;
        let center = if coarse.is_finite() { coarse } else { center };
        let away = (most - center).max(center - least);
        Self { center, exponent: exponent(away).unwrap_or(0) }
    }

    /// The powers of x itself.
    pub(super) fn given() -> Self {
        Self { center: T::zero(), exponent: 0 }
    }

    /// The powers of x / 2^m, which is between −1 and 1 where t is.
    pub(super) fn about_zero(&self) -> Self {
        let most = self.center.to_f64().abs() + f64::from(self.exponent).exp2();
        Self { center: T::zero(), exponent: exponent(most).unwrap_or(0) }
    }

    /// The coefficients of 1, t, t², … in each of 1, s, s², …, for the s of another basis: column by column.
    pub(super) fn coefficients_of(&self, other: &Self, unknowns: usize) -> Vec<Vec<T::Wide>> {
        // s = shift + 2^(e − m) t
        let (shift, scale) = (other.at(self.center), self.exponent - other.exponent);
        let mut columns = Vec::with_capacity(unknowns);
        let mut column = vec![T::Wide::zero(); unknowns];
        if let Some(constant) = column.first_mut() {
            *constant = T::Wide::widen(T::one());
        }
        for _ in 0..unknowns {
            columns.push(column.clone());
            for power in (0..unknowns).rev() {
                let lower = if power == 0 { T::Wide::zero() } else { column[power - 1] };
                let lower = power_of_two::<T>(scale).into_iter().fold(lower, Wide::scale);
                column[power] = column[power] * shift + lower;
            }
        }
        columns
    }

    /// `t`
    fn at(&self, x: T) -> T::Wide {
        let difference = T::Wide::widen(x) - T::Wide::widen(self.center);
        power_of_two::<T>(-self.exponent).into_iter().fold(difference, Wide::scale)
    }

    /// The powers t, t², …, t^degree.
    pub(super) fn powers(&self, x: &[T], degree: usize) -> Result<Powers<T>> {
        if *self == Self::given() {
            return powers_by::<T, T>(x, degree, times::<T>);
        }
        let t: Vec<T::Wide> = x.iter().map(|&x| self.at(x)).collect();
        powers_by::<T, _>(&t, degree, |power, t| power * t)
    }

    /// The exponents of the powers of x with which [`expanded`](Self::expanded) coefficients go, or those about zero.
    pub(super) fn exponents(&self, intercept: Intercept, unknowns: usize) -> Vec<i32> {
        let lowest = 1 - intercept.unknowns();
        (lowest..lowest + unknowns).map(|power| power as i32 * self.exponent).collect()
    }

    /// The coefficients of 1, x, x², … for columns of those of 1, t, t², …, whose powers are divided by powers of two
    /// of these exponents: `Σⱼ bⱼ tʲ` by the binomial theorem.
    pub(super) fn expanded(&self, columns: &[T::Wide], exponents: &[i32]) -> Vec<T::Wide> {
        let unknowns = exponents.len();
        // t = x / 2^exponent + shift
        let shift = self.at(T::zero());
        let mut expanded = columns.to_vec();
        for column in expanded.chunks_exact_mut(unknowns) {
            for (entry, &exponent) in column.iter_mut().zip(exponents) {
                *entry = power_of_two::<T>(-exponent).into_iter().fold(*entry, Wide::scale);
            }
            // Horner's scheme for the polynomial of t + shift, once for each coefficient.
            for first in 0..unknowns {
                for power in (first..unknowns.saturating_sub(1)).rev() {
                    let higher = column[power + 1];
                    column[power] += higher * shift;
                }
            }
        }
        expanded
    }

    /// Dependencies of the powers of x, each of lower ones that are independent, given those of the powers of t.
    pub(super) fn relations(&self, relations: &[Dependency]) -> Vec<Dependency> {
        if *self == Self::given() {
            return relations.to_vec();
        }
        let place = |column: Column| match column {
            Column::Feature(feature) => feature + 1,
            Column::Intercept | Column::Target(_) => 0,
        };
        let mut expanded: Vec<(usize, Vec<T::Wide>)> = Vec::new();
        for relation in relations {
            let last = place(relation.column);
            let mut terms = vec![T::Wide::zero(); last + 1];
            terms[last] = T::Wide::widen(-T::one());
            for &(column, coefficient) in &relation.combination {
                terms[place(column)] = T::Wide::widen(T::nearest(coefficient));
            }
            let mut terms = self.expanded(&terms, &vec![0; last + 1]);
            for (power, term) in terms.iter_mut().enumerate() {
                *term = power_of_two::<T>((last - power) as i32 * self.exponent).into_iter().fold(*term, Wide::scale);
            }
            for (other, known) in &expanded {
                let along = terms[*other];
                terms.iter_mut().zip(known).for_each(|(term, &known)| *term += along * known);
            }
            expanded.push((last, terms));
        }
        let relation = |(last, terms): (usize, Vec<T::Wide>)| {
            let terms = terms.into_iter().map(|term| term.round().to_f64()).enumerate().take(last);
            let column = |power: usize| power.checked_sub(1).map_or(Column::Intercept, Column::Feature);
            let terms = terms.filter(|&(_, term)| term != 0.0).map(|(power, term)| (column(power), term));
            Dependency::new(column(last), terms.collect())
        };
        expanded.into_iter().map(relation).collect()
    }

    /// The powers of t that rows of x, x², … stand for. Of entries that are not the powers of the first but for
    /// rounding, what the same linear function is.
    pub(super) fn of_rows(&self, x: View<'_, T>) -> Result<Powers<T>> {
        let degree = x.ncols();
        let first: Vec<T> = (0..x.nrows()).map(|row| if degree == 0 { T::zero() } else { x[(row, 0)] }).collect();
        let (given, _) = powers_by::<T, T>(&first, degree, times::<T>)?;
        let (mut rounded, mut lost) = self.powers(&first, degree)?;
        for row in 0..x.nrows() {
            let is_power = |column: usize| {
                let (found, power) = (x[(row, column)], given[(row, column)]);
                (found - power).abs() <= power.abs() * T::epsilon() * T::from_count(2 * column)
            };
            if (0..degree).all(is_power) {
                continue;
            }
            // tʲ = 2^(−e j) Σ C(j, k) x^k (−c)^(j − k), with the entries for the powers of x.
            let scaled = |power: usize| {
                let entry = if power == 0 { T::one() } else { x[(row, power - 1)] };
                let exponent = -(power as i32) * self.exponent;
                power_of_two::<T>(exponent).into_iter().fold(T::Wide::widen(entry), Wide::scale)
            };
            let mut entries: Vec<T::Wide> = (0..=degree).map(scaled).collect();
            let shift = self.at(T::zero());
            for last in 1..=degree {
                for power in (last..=degree).rev() {
                    let lower = entries[power - 1];
                    entries[power] += lower * shift;
                }
            }
            for column in 0..degree {
                let value = entries[column + 1].round();
                rounded[(row, column)] = value;
                lost[(row, column)] = (entries[column + 1] - T::Wide::widen(value)).round();
            }
        }
        Ok((rounded, lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_rounded_once() {
        // 0.1⁷ and 0.1⁸ of the number that 0.1 rounds to, in exact arithmetic, rounded once.
        let powers = polynomial(&[0.1_f64], 8).unwrap();
        assert_eq!(powers[6], 1.000_000_000_000_000_4e-7);
        assert_eq!(powers[7], 1.000_000_000_000_000_5e-8);
    }

    #[test]
    fn powers_reach_to_the_end_of_the_range() {
        for x in [f64::MAX, -1e301, 1e301, 1.0, 1e-310, 5e-324] {
            assert_eq!(polynomial(&[x], 1).unwrap()[0], x);
        }
        let (rounded, lost) = powers(&[1e154, 3.0_f64.powi(30)], 2).unwrap();
        assert_eq!((rounded[(0, 1)], rounded[(1, 1)]), (1e154 * 1e154, 3.0_f64.powi(60)));
        // 3⁶⁰ in whole numbers.
        let exact = 3_i128.pow(60) - rounded[(1, 1)] as i128;
        assert_eq!(lost[(1, 1)], exact as f64);
        let single = polynomial(&[f32::MAX, 1e-20], 2);
        assert!(matches!(single, Err(Error::NotFinite { row: 0, column: 1, .. })));
        assert_eq!(polynomial(&[1e19_f32, 1e-20], 2).unwrap()[(0, 1)], (f64::from(1e19_f32).powi(2)) as f32);
    }

    #[test]
    fn what_overflows_is_located() {
        for (x, column) in [(1e200, 1), (-1e200, 1), (1e301, 1), (f64::NAN, 0)] {
            let error = polynomial(&[1.0, x], 3).unwrap_err();
            assert!(matches!(error, Error::NotFinite { what: "powers", row: 1, column: found, .. } if found == column));
        }
        let error = polynomial(&[1.0, 1e200], 3).unwrap_err();
        assert_eq!(error, Error::NotFinite { what: "powers", row: 1, column: 1, value: f64::INFINITY });
    }
}
