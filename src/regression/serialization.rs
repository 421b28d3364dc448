//! What is read is checked: a file is not to be trusted with indices.

use nalgebra::DMatrix;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::LinearFit;
use super::solution::Solution;
use crate::real::Real;

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

pub(super) mod optional_matrix {
    use super::*;

    pub(in super::super) fn serialize<T: Serialize, S: Serializer>(
        matrix: &Option<DMatrix<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        matrix.as_ref().map(Stored::of).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, T: Real + Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DMatrix<T>>, D::Error> {
        Option::<Stored<Vec<T>>>::deserialize(deserializer)?.map(Stored::check).transpose()
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

impl<T: Real + Serialize> Serialize for LinearFit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.solution.serialize(serializer)
    }
}

impl<'de, T: Real + Deserialize<'de>> Deserialize<'de> for LinearFit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let solution = Solution::deserialize(deserializer)?;
        check(&solution).map_err(D::Error::custom)?;
        LinearFit::from_solution(solution).map_err(D::Error::custom)
    }
}

fn check<T: Real>(solution: &Solution<T>) -> Result<(), &'static str> {
    let (unknowns, targets) = solution.parameters.shape();
    let constants = solution.intercept.unknowns();
    if unknowns == 0 || unknowns < constants || targets == 0 {
        return Err("expected an unknown and a target");
    }
    for (exponents, count) in [(&solution.unknown_exponents, unknowns), (&solution.target_exponents, targets)] {
        if exponents.len() != count || !exponents.iter().copied().all(is_exponent) {
            return Err("expected an exponent within the range of the number type for each unknown and target");
        }
    }
    for matrix in [&solution.inverse, &solution.inverse_root].into_iter().flatten() {
        if matrix.shape() != (unknowns, unknowns) {
            return Err("expected an inverse of unknowns × unknowns");
        }
    }
    if solution.inverse.is_some() != solution.inverse_root.is_some() {
        return Err("expected the inverse with its root");
    }
    if solution.rank.is_some_and(|rank| rank < constants || rank > unknowns.min(solution.observations)) {
        return Err("expected a rank of at most the unknowns and the observations");
    }
    if solution.observations == 0 || !solution.log_weights.is_finite() {
        return Err("expected observations of finite weight");
    }
    let good = |value: T| value.is_finite() && value >= T::zero();
    if solution.squares.len() != targets
        || !solution
            .squares
            .iter()
            .all(|squares| [squares.residual, squares.total, squares.regression].map(good) == [true; 3])
    {
        return Err("expected sums of squares of each target, finite and not negative");
    }
    Ok(())
}
