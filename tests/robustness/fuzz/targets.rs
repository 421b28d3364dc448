//! The fuzz targets: functions of bytes that must end with a value or a typed error. `tests/robustness/fuzz.rs` drives
//! them by proptest, `fuzz/` by libFuzzer.

mod files;
pub(crate) mod make;
mod sequences;
pub(crate) mod source;

#[cfg(feature = "csv")]
pub(crate) use files::csv;
#[cfg(feature = "gzip")]
pub(crate) use files::gzip;
pub(crate) use files::idx;
#[cfg(feature = "safetensors")]
pub(crate) use files::safetensors;
#[cfg(feature = "serde")]
pub(crate) use files::{checkpoint, checkpoint_data, checkpointed};
#[cfg(feature = "npy")]
pub(crate) use files::{npy, npz};
pub(crate) use sequences::{regression, training};

/// What became of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// It got past what is checked first: a header, or shapes and finiteness.
    pub(crate) past_header: bool,
    /// It was taken.
    pub(crate) accepted: bool,
}

impl Outcome {
    pub(crate) const REFUSED: Self = Self { past_header: false, accepted: false };
    pub(crate) const PAST_HEADER: Self = Self { past_header: true, accepted: false };
    pub(crate) const ACCEPTED: Self = Self { past_header: true, accepted: true };
}
