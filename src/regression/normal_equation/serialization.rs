//! Sums that were computed elsewhere, to the last of their doubled digits. What is read is checked: a file is not to be
//! trusted with indices.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NormalEquation;
use crate::real::Real;
use crate::regression::problem::Intercept;
use crate::regression::stored::is_exponent;
use crate::regression::factors::wide_matrix::WideMatrix;
use crate::wide::Wide;

#[derive(Serialize, Deserialize)]
#[serde(rename = "NormalEquation")]
struct Stored {
    features: usize,
    targets: usize,
    intercept: Intercept,
    observations: usize,
    log_weights: f64,
    /// The lower triangle, column by column; each sum as two numbers that add up to it.
    sums: Vec<[f64; 2]>,
    exponents: Vec<Option<i32>>,
    peaks: Vec<f64>,
}

impl<T: Real> Serialize for NormalEquation<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let size = self.exponents.len();
        let places = (0..size).flat_map(|column| (column..size).map(move |row| (row, column)));
        Stored {
            features: self.features,
            targets: self.targets,
            intercept: self.intercept,
            observations: self.observations,
            log_weights: self.log_weights,
            sums: places.map(|place| self.sums[place].to_parts()).collect(),
            exponents: self.exponents.clone(),
            peaks: self.peaks.iter().map(|peak| peak.to_f64()).collect(),
        }
        .serialize(serializer)
    }
}

impl<'de, T: Real> Deserialize<'de> for NormalEquation<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Stored::deserialize(deserializer)?.check().map_err(D::Error::custom)
    }
}

impl Stored {
    fn check<T: Real>(self) -> Result<NormalEquation<T>, &'static str> {
        let Self { features, targets, intercept, observations, log_weights, sums, exponents, peaks } = self;
        let size = exponents.len();
        if size == 0 {
            if observations > 0 || log_weights != 0.0 || !sums.is_empty() || !peaks.is_empty() {
                return Err("expected no sums of no observations");
            }
            return Ok(NormalEquation::new(features, targets).with_intercept(intercept));
        }
        if features.checked_add(targets).and_then(|columns| columns.checked_add(1)) != Some(size)
            || peaks.len() != size
            || size.checked_mul(size + 1).map(|twice| twice / 2) != Some(sums.len())
        {
            return Err("expected sums for the ones, each feature and each target");
        }
        if observations == 0 || !log_weights.is_finite() {
            return Err("expected observations of finite weight");
        }
        if exponents[0].is_none() || !exponents.iter().flatten().copied().all(is_exponent) {
            return Err("expected exponents within the range of the number type, and one for the ones");
        }
        let mut matrix =
            WideMatrix::<T>::zeros("sums of products", size).map_err(|_| "expected sums that memory can hold")?;
        let places = (0..size).flat_map(|column| (column..size).map(move |row| (row, column)));
        for (place, parts) in places.zip(sums) {
            let sum = T::Wide::from_parts(parts).filter(|sum| sum.round().is_finite());
            matrix[place] = sum.ok_or("expected finite sums of the precision of the number type")?;
        }
        let peaks: Vec<T> = peaks.into_iter().map(T::nearest).collect();
        for (place, &peak) in peaks.iter().enumerate() {
            let sum = matrix[(place, place)].round();
            if !(sum >= T::zero() && peak >= sum && peak.is_finite()) {
                return Err("expected sums of squares that are not negative and not above their peaks");
            }
        }
        if matrix[(0, 0)].round() <= T::zero() {
            return Err("expected a positive sum of weights");
        }
        Ok(NormalEquation { features, targets, intercept, observations, log_weights, sums: matrix, exponents, peaks })
    }
}
