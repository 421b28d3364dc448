//! Sums that were computed elsewhere, to the last of their doubled digits. What is read is checked: a file is not to be
//! trusted with indices.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NormalEquation;
use crate::real::Real;
use crate::regression::factors::wide_matrix::WideMatrix;
use crate::regression::problem::Intercept;
use crate::regression::stored::is_exponent;
use crate::regression::sums::{Sums, Track};
use crate::wide::{DoubleDouble, Wide};

#[derive(Serialize, Deserialize)]
#[serde(rename = "NormalEquation")]
struct Stored {
    features: usize,
    targets: usize,
    intercept: Intercept,
    observations: usize,
    log_weights: [f64; 2],
    weights: [i32; 2],
    /// The lower triangle, column by column; each sum as two numbers that add up to it.
    sums: Vec<[f64; 2]>,
    /// What is known of each column.
    exponents: Vec<Option<i32>>,
    grains: Vec<Option<i32>>,
    nonzeros: Vec<usize>,
    roundings: Vec<f64>,
}

impl<T: Real> Serialize for NormalEquation<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Sums { features, targets, observations, log_weights, weights, matrix, columns } = &self.sums;
        let size = columns.len();
        let places = (0..size).flat_map(|column| (column..size).map(move |row| (row, column)));
        Stored {
            features: *features,
            targets: *targets,
            intercept: self.intercept,
            observations: *observations,
            log_weights: Wide::<f64>::to_parts(*log_weights),
            weights: *weights,
            sums: places.map(|place| matrix[place].to_parts()).collect(),
            exponents: columns.iter().map(|column| column.exponent).collect(),
            grains: columns.iter().map(|column| column.grain).collect(),
            nonzeros: columns.iter().map(|column| column.nonzero).collect(),
            roundings: columns.iter().map(|column| column.rounding).collect(),
        }
        .serialize(serializer)
    }
}

impl<'de, T: Real> Deserialize<'de> for NormalEquation<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let intercept = stored.intercept;
        Ok(Self { intercept, sums: stored.check().map_err(D::Error::custom)? })
    }
}

impl Stored {
    fn check<T: Real>(self) -> Result<Sums<T>, &'static str> {
        let Self { features, targets, observations, weights, sums, exponents, grains, nonzeros, roundings, .. } = self;
        let size = exponents.len();
        if [grains.len(), nonzeros.len(), roundings.len()] != [size; 3] {
            return Err("expected the same to be known of each column");
        }
        if size == 0 {
            if observations > 0 || self.log_weights != [0.0; 2] || !sums.is_empty() {
                return Err("expected no sums of no observations");
            }
            return Ok(Sums::new(features, targets));
        }
        if features.checked_add(targets).and_then(|columns| columns.checked_add(1)) != Some(size)
            || size.checked_mul(size + 1).map(|twice| twice / 2) != Some(sums.len())
        {
            return Err("expected sums for the ones, each feature and each target");
        }
        let log_weights = <DoubleDouble as Wide<f64>>::from_parts(self.log_weights);
        let Some(log_weights) = log_weights.filter(|_| observations > 0 && nonzeros[0] == observations) else {
            return Err("expected observations of finite weight");
        };
        if !exponents.iter().flatten().chain(&weights).copied().all(is_exponent) || weights[0] > weights[1] {
            return Err("expected exponents within the range of the number type");
        }
        let mut matrix =
            WideMatrix::<T>::zeros("sums of products", size).map_err(|_| "expected sums that memory can hold")?;
        // Entries are below 1; a sum may be rounded up.
        let most = observations as f64 * (1.0 + f64::from(f32::EPSILON));
        let places = (0..size).flat_map(|column| (column..size).map(move |row| (row, column)));
        for (place, parts) in places.zip(sums) {
            let sum = T::Wide::from_parts(parts).filter(|sum| sum.round().to_f64().abs() <= most);
            matrix[place] =
                sum.ok_or("expected sums of at most the observations, in the precision of the number type")?;
        }
        let parts = exponents.into_iter().zip(grains).zip(nonzeros.into_iter().zip(roundings));
        let columns = parts.enumerate().map(|(place, ((exponent, grain), (nonzero, rounding)))| {
            let column = Track { exponent, grain, nonzero, rounding };
            let squares = matrix[(place, place)].round().to_f64();
            let zero =
                squares == 0.0 && grain.is_none() && (nonzero == 0 || T::Wide::EXACT_BITS < 0) && rounding == 0.0;
            let good = match exponent {
                None => zero,
                Some(_) => {
                    squares >= 0.0
                        && (1..=observations).contains(&nonzero)
                        && (grain.is_none() || column.fits::<T>(squares))
                }
            };
            (good && rounding >= 0.0 && rounding.is_finite())
                .then_some(column)
                .ok_or("expected columns that sums can be of")
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        if matrix[(0, 0)].round() <= T::zero() {
            return Err("expected a positive sum of weights");
        }
        Ok(Sums { features, targets, observations, weights, log_weights, matrix, columns })
    }
}
