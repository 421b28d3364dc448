//! What is written and read: models, configurations, images, tables, charts, and what other programs make of them.

mod bytes;
mod configurations;
#[path = "../../src/counted.rs"]
mod counted;
mod idx;
mod interoperation;
mod killed_while_saving;
mod model_files;
#[cfg(any(feature = "onnx", feature = "safetensors"))]
mod mute;
mod plots;
mod saving;
mod serialization;
#[cfg(feature = "csv")]
mod tables;
