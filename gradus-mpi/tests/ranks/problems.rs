//! What is trained and fitted, the same for jobs and for the process that they are compared with.

use std::ops::Range;
use std::path::Path;

use gradus::data::{Images, Labels, RandomBatches};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Dataset, Dense, Network, Sigmoid};
use gradus_mpi::{SHARDS, Sharding};
use rand::SeedableRng;
use rand::rngs::{ChaCha8Rng, Xoshiro256PlusPlus};

pub(crate) const ITERATIONS: usize = 200;

pub(crate) struct Mnist {
    shards: Vec<Dataset<f32>>,
    generators: Vec<Xoshiro256PlusPlus>,
}

impl Mnist {
    pub(crate) fn new(held: Range<usize>) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist");
        let images = Images::read(directory.join("train-images-idx3-ubyte.gz")).unwrap();
        let labels = Labels::read(directory.join("train-labels-idx1-ubyte.gz")).unwrap();
        let sharding = Sharding::new(SHARDS, 1, 0).unwrap();
        let shard = |shard| {
            let range = sharding.shard(labels.len(), shard);
            let pixels = images.pixels()[range.start * 784..range.end * 784].iter();
            let inputs = DMatrix::from_iterator(784, range.len(), pixels.map(|&pixel| f32::from(pixel) / 255.0));
            Dataset::labeled(inputs, labels.as_slice()[range].iter().map(|&label| label.into()).collect(), 10).unwrap()
        };
        let generator = |shard| Xoshiro256PlusPlus::seed_from_u64(shard as u64);
        Self { shards: held.clone().map(shard).collect(), generators: held.map(generator).collect() }
    }

    /// Of 96 samples in all.
    pub(crate) fn batches(&mut self) -> Vec<RandomBatches<'_, f32>> {
        let shards = self.shards.iter().zip(&mut self.generators);
        shards.map(|(shard, generator)| shard.batches(96 / SHARDS, generator).unwrap()).collect()
    }

    pub(crate) fn network() -> Network<f32> {
        Network::builder(784).layer(Dense::new(784, 50)).layer(Sigmoid).layer(Dense::new(50, 10)).build().unwrap()
    }

    pub(crate) fn start(network: &Network<f32>) -> DVector<f32> {
        network.initialize(&mut ChaCha8Rng::seed_from_u64(7))
    }
}

pub(crate) const ROWS: usize = 5_000;
pub(crate) const FEATURES: usize = 7;
/// Of the condition number.
pub(crate) const DECADES: [i32; 3] = [0, 3, 6];

/// Rows of a stream: the more decades, the more the features are alike.
pub(crate) fn observations(decades: i32, rows: Range<usize>) -> (DMatrix<f64>, DVector<f64>) {
    // Numbers without order between −1 and 1, which any rank can make of any row.
    let number = |row: usize, column: usize| {
        let mut bits = (row * (FEATURES + 2) + column + 1) as u64;
        for multiplier in [0xbf58_476d_1ce4_e5b9_u64, 0x94d0_49bb_1331_11eb] {
            bits = (bits ^ (bits >> 30)).wrapping_mul(multiplier);
        }
        (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    let apart = |column: usize| 10_f64.powf(-f64::from(decades) * column as f64 / (FEATURES - 1) as f64);
    let x = DMatrix::from_fn(rows.len(), FEATURES, |i, j| {
        let row = rows.start + i;
        // With no decades the features have nothing in common.
        let common = if decades == 0 { 0.0 } else { number(row, 0) };
        common + apart(j) * number(row, j + 1)
    });
    let y = DVector::from_fn(rows.len(), |i, _| {
        let slopes = (0..FEATURES).map(|j| (j as f64 + 1.5) * x[(i, j)]);
        3.0 + slopes.sum::<f64>() + 1e-2 * number(rows.start + i, FEATURES + 1)
    });
    (x, y)
}
