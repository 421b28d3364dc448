//! What the peers in Rust share: the sizes of the job, and its data.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

pub const ITERATIONS: usize = 10_000;
pub const BATCH: usize = 100;
pub const RATE: f64 = 0.1;

/// Images of 784 numbers, one behind the other, and their labels.
pub fn read(directory: &str, set: &str) -> Result<(Vec<f32>, Vec<u8>), Box<dyn Error>> {
    let bytes = |name: &str, header: usize| -> Result<Vec<u8>, Box<dyn Error>> {
        let mut bytes = Vec::new();
        let path = Path::new(directory).join(format!("{set}-{name}.gz"));
        GzDecoder::new(File::open(path)?).read_to_end(&mut bytes)?;
        Ok(bytes.split_off(header))
    };
    let images = bytes("images-idx3-ubyte", 16)?.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    Ok((images, bytes("labels-idx1-ubyte", 8)?))
}
