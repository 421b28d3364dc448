//! A root as its entries; what is known of their digits stands in the report of a fitted model.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Root;
use crate::real::Real;
use crate::regression::stored::wide;

impl<T: Real> Serialize for Root<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wide::serialize(self.entries(), serializer)
    }
}

impl<'de, T: Real> Deserialize<'de> for Root<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries: Vec<T::Wide> = wide::deserialize(deserializer)?;
        let unknowns = entries.len().isqrt();
        if entries.len() != unknowns * unknowns {
            return Err(D::Error::custom("expected a square matrix"));
        }
        Ok(Self::new(unknowns, entries, false, f64::INFINITY))
    }
}
