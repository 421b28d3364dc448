//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
Trains 784 → hidden sigmoid → 10 softmax on MNIST, by stochastic gradient descent.

Usage: cargo run --example mnist_two_layer -- [OPTIONS]

Options:
  --seed N           seed of all random numbers (default 0)
  --iterations N     mini-batches to train on (default 10000)
  --hidden N         hidden units (default 50)
  --data DIR         where the four MNIST files are (default: data/mnist of this repository)
  --output DIR       where the pictures go (default: target/pictures of this repository)
  --check-gradient   compare the analytic with a numerical gradient on one mini-batch, and do not train
  --help             show this text";

pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) iterations: usize,
    pub(crate) hidden: usize,
    pub(crate) data: PathBuf,
    pub(crate) output: PathBuf,
    pub(crate) check_gradient: bool,
    pub(crate) help: bool,
}

pub(crate) fn parse() -> Result<Options, lexopt::Error> {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut options = Options {
        seed: 0,
        iterations: 10_000,
        hidden: 50,
        data: repository.join("data/mnist"),
        output: repository.join("target/pictures"),
        check_gradient: false,
        help: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("iterations") => options.iterations = parser.value()?.parse()?,
            Long("hidden") => options.hidden = parser.value()?.parse()?,
            Long("data") => options.data = parser.value()?.into(),
            Long("output") => options.output = parser.value()?.into(),
            Long("check-gradient") => options.check_gradient = true,
            Short('h') | Long("help") => options.help = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}
