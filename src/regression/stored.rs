//! How parts of a fitted model are stored. What is read is checked: a file is not to be trusted with indices.

use nalgebra::DMatrix;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::real::Real;
use crate::wide::Wide;

/// Whether a finite number may have this exponent.
pub(super) fn is_exponent(exponent: i32) -> bool {
    (-1700..=1700).contains(&exponent)
}

/// A matrix as its numbers of rows and columns, and its entries column by column.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Matrix")]
struct Stored<E> {
    rows: usize,
    columns: usize,
    entries: E,
}

impl<'a, T> Stored<&'a [T]> {
    fn of(matrix: &'a DMatrix<T>) -> Self {
        Self { rows: matrix.nrows(), columns: matrix.ncols(), entries: matrix.as_slice() }
    }
}

impl<T: Real> Stored<Vec<T>> {
    fn check<E: serde::de::Error>(self) -> Result<DMatrix<T>, E> {
        let Self { rows, columns, entries } = self;
        if rows.checked_mul(columns) != Some(entries.len()) {
            return Err(E::custom(format_args!("{} entries for a matrix {rows} × {columns}", entries.len())));
        }
        if !entries.iter().all(|entry| entry.is_finite()) {
            return Err(E::custom("an entry of a matrix is not finite"));
        }
        Ok(DMatrix::from_vec(rows, columns, entries))
    }
}

pub(super) mod matrix {
    use super::*;

    pub(in super::super) fn serialize<T: Serialize, S: Serializer>(
        matrix: &DMatrix<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Stored::of(matrix).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, T: Real + Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DMatrix<T>, D::Error> {
        Stored::<Vec<T>>::deserialize(deserializer)?.check()
    }
}

/// Numbers in twice the working precision, each as two that add up to it.
pub(super) mod wide {
    use super::*;

    pub(in crate::regression) fn serialize<W: Wide<T>, T, S: Serializer>(
        numbers: &[W],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(numbers.iter().map(|number| number.to_parts()))
    }

    pub(in crate::regression) fn deserialize<'de, W: Wide<T>, T, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<W>, D::Error> {
        let parts = Vec::<[f64; 2]>::deserialize(deserializer)?;
        let numbers: Option<_> = parts.into_iter().map(W::from_parts).collect();
        numbers.ok_or_else(|| D::Error::custom("expected as many digits as twice the precision of the number type has"))
    }
}

/// A bound that may be infinite, which JSON has no number for.
pub(super) mod bound {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(bound: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        bound.is_finite().then_some(*bound).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
    }
}
