#![doc = include_str!("../README.md")]

mod data_parallel;
mod error;
mod fingerprint;
mod merge;
mod ranks;
mod sharding;
mod tree;

pub use data_parallel::{DataParallel, ParallelObjective, Shard};
pub use error::{Error, Result};
pub use fingerprint::fingerprint;
pub use merge::merge;
pub use ranks::{Call, Ranks, run};
pub use sharding::{SHARDS, Sharding};
