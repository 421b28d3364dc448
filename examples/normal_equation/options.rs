//! The command line.

use std::path::{Path, PathBuf};

use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
Fits lines by the normal equation and by gradient descent, and draws what they do.

Usage: cargo run --example normal_equation -- [--seed N] [--output DIR]

  --seed N      seed of the random data, a whole number (default: 0)
  --output DIR  where the pictures go, created if missing (default: target/pictures of the crate)
  --help        this text";

/// The seed and the directory of the pictures; none if help is asked for.
pub(crate) fn parse() -> Result<Option<(u64, PathBuf)>, lexopt::Error> {
    let mut seed = 0;
    let mut output = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seed") => seed = arguments.value()?.parse().map_err(|error| format!("--seed: {error}"))?,
            Long("output") => output = arguments.value()?.into(),
            Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some((seed, output)))
}
