//! The state between two updates, to the last bit. What is read is checked: a file is not to be trusted.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::RecursiveLeastSquares;
use crate::real::Real;

#[derive(Serialize, Deserialize)]
#[serde(rename = "RecursiveLeastSquares")]
struct Stored<F, V> {
    forgetting_factor: F,
    observations: usize,
    /// How many parameters the observations determine.
    determined: usize,
    parameters: V,
    /// `(R z)`, row by row from the diagonal on.
    factor: V,
}

impl<T: Real + Serialize> Serialize for RecursiveLeastSquares<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.factor.chunks_exact(self.parameters.len() + 1).enumerate();
        Stored {
            forgetting_factor: self.forgetting_factor,
            observations: self.observations,
            determined: self.determined,
            parameters: self.parameters.clone(),
            factor: rows.flat_map(|(diagonal, row)| &row[diagonal..]).copied().collect(),
        }
        .serialize(serializer)
    }
}

impl<'de, T: Real + Deserialize<'de>> Deserialize<'de> for RecursiveLeastSquares<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Stored::<T, Vec<T>>::deserialize(deserializer)?.check().map_err(D::Error::custom)
    }
}

impl<T: Real> Stored<T, Vec<T>> {
    fn check(self) -> Result<RecursiveLeastSquares<T>, String> {
        let Self { forgetting_factor, observations, determined, parameters, factor } = self;
        let features = parameters.len();
        // A row of each feature, from the diagonal to the target: features + 1, features, …, 2 entries.
        let size = features.checked_add(3).and_then(|sum| sum.checked_mul(features)).map(|twice| twice / 2);
        if size != Some(factor.len()) {
            return Err("expected a triangle with a row for each parameter".to_owned());
        }
        if !parameters.iter().chain(&factor).all(|value| value.is_finite()) {
            return Err("expected finite numbers".to_owned());
        }
        if determined > features.min(observations) {
            return Err("expected no more determined parameters than parameters and observations".to_owned());
        }
        let mut read = RecursiveLeastSquares::new(features, forgetting_factor).map_err(|error| error.to_string())?;
        let mut entries = factor.into_iter();
        for (diagonal, row) in read.factor.chunks_exact_mut(features + 1).enumerate() {
            row[diagonal..].iter_mut().zip(&mut entries).for_each(|(to, from)| *to = from);
        }
        if observations == 0 && read.factor.iter().chain(&parameters).any(|value| !value.is_zero()) {
            return Err("expected zeros before any observation".to_owned());
        }
        Ok(RecursiveLeastSquares { parameters, observations, determined, ..read })
    }
}
