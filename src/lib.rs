//! Linear regression and small neural networks over nalgebra: exact, fast, and with every derivative checked.
//!
//! A model is a function of **one flat vector** of parameters. A [`Network`] holds sizes, never numbers; with a
//! [`Loss`] and a batch of samples it is an [`Objective`]: a value and a gradient of that vector. So is a least-squares
//! problem, and so is a closure. One optimizer minimizes all of them:
//!
//! ```
//! use gradus::{GradientDescent, Optimizer, Stop, from_fn};
//!
//! let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
//!     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
//!     x[0] * x[0] + x[1] * x[1]
//! });
//! let mut x = [-3.0, 4.0];
//! let stop = Stop::after(200).gradient_norm(1e-9)?;
//! let report = GradientDescent::new(0.1)?.minimize(&mut sphere, &mut x, &stop);
//! assert!(x[0].abs() < 1e-9 && x[1].abs() < 1e-9);
//! assert_eq!(report.iterations, 104);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! A regression, with an observation per row:
//!
//! ```
//! use gradus::LinearRegression;
//! use gradus::nalgebra::{DMatrix, DVector};
//!
//! # let x = DMatrix::from_fn(20, 3, |i, j| ((i * (j + 2) + j) % 7) as f64);
//! # let y = DVector::from_fn(20, |i, _| x[(i, 0)] - 2.0 * x[(i, 1)] + (i % 3) as f64);
//! let fit = LinearRegression::new().fit(&x, &y)?; // x: 20 × 3, y: 20
//! println!("{fit}"); // coefficients, standard errors, t, p, R², F
//! let predicted: DMatrix<f64> = fit.predict(&x)?; // 20 × 1
//! # assert_eq!(predicted.shape(), (20, 1));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! A network, with a sample per column:
//!
//! ```
//! use gradus::{Adam, Dataset, Dense, Network, Sigmoid, SoftmaxCrossEntropy, Trainer};
//! # use gradus::nalgebra::DMatrix;
//! use rand::{SeedableRng, rngs::ChaCha8Rng};
//!
//! # let x = DMatrix::<f32>::from_fn(4, 60, |i, j| ((i + 2 * j) % 5) as f32);
//! # let labels = (0..60).map(|j| j % 5 % 3).collect();
//! let data = Dataset::labeled(x.clone(), labels, 3)?; // x: 4 × 60, 60 labels of 3 classes
//! let network = Network::<f32>::builder(4)
//!     .layer(Dense::new(4, 8))
//!     .layer(Sigmoid)
//!     .layer(Dense::new(8, 3))
//!     .build()?;
//! let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(0));
//! let trainer = Trainer::new(&network, SoftmaxCrossEntropy, Adam::new(0.01)?);
//! let report = trainer.epochs(200)?.batch_size(20)?.train(&mut parameters, &data)?;
//! let logits = network.predict(&parameters, &x)?; // 3 × 60
//! # assert!(report.epochs == 200 && logits.shape() == (3, 60));
//! # assert!(network.accuracy(&parameters, &data)? > 0.95);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Where to go
//!
//! | you want to | look at |
//! | --- | --- |
//! | fit a line, a plane, a polynomial, a stream | [`regression`] |
//! | build a network, write a layer | [`network`], [`layer`], [`loss`] |
//! | train it, stop, continue | [`training`], [`optimizer`], [`schedule`] |
//! | predict, save, export | [`model`] |
//! | minimize a function of yours, check a gradient | [`objective`], [`gradient`] |
//! | read data, measure how good a model is | [`data`], [`metrics`] |
//! | draw a chart | `plot` (feature `plot`) |
//! | learn step by step, from a derivative to handwritten digits | [`docs::tutorial`] |
//! | know which loss, optimizer or activation to choose | [`docs::choosing`] |
//! | come from scikit-learn, PyTorch or linfa | [`docs::migration`] |
//!
//! The names at the root are those that the first example of each subject needs; each module has the others.
//!
//! # In your crate
//!
//! nalgebra is a part of the interface and re-exported as [`gradus::nalgebra`](nalgebra), but its macros (`dmatrix!`)
//! look for a dependency of that name. Generators of random numbers are those of rand:
//!
//! ```toml
//! [dependencies]
//! gradus = "0.1"
//! nalgebra = "0.35"
//! rand = { version = "0.10", features = ["chacha"] }
//!
//! [profile.dev.package."*"]
//! opt-level = 3
//! ```
//!
//! Run programs with `cargo run --release`. The last two lines are for debug builds: with them training takes two to
//! three times as long as in a release build, without them two hundred times. Your own layers, losses and optimizers
//! are compiled as your crate is.
//!
//! # Conventions
//!
//! 1. Parameters are one `[T]`: layer by layer, the weight column by column (outputs × inputs), then the bias.
//! 2. A **batch** has **one sample per column**. A **design matrix** of a regression has one *observation per row* and one
//!    unknown per column. A shape error that looks like a transposition says so.
//! 3. Losses are means over the samples.
//! 4. Layers add to the gradient that they are given; objectives overwrite it.
//! 5. After the first step on a batch size the crate allocates nothing; the matrix products may take one packing buffer each.
//! 6. The same seed, version, target and CPU features give the same bits, for any number of threads.
//! 7. A value that is not finite never spreads in silence: it ends a minimization with a reason, or a call with an error. Data
//!    are checked for finiteness once, where they enter (`Dataset`, `fit`, `push`, `predict`); a training step checks only its
//!    value and ‖∇‖.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `gzip` (default) | gzipped files |
//! | `csv`, `npy` | tables of comma-separated values, NumPy's files |
//! | `safetensors`, `onnx` | model files for PyTorch and for ONNX runtimes |
//! | `serde` | serialization of fits, configurations, checkpoints |
//! | `plot` | charts in SVG |
//! | `progress` | a progress bar of a training |
//! | `threads` | several threads, to the same bits |
//! | `num-dual` | derivatives by dual numbers, for tests of layers |

pub use nalgebra;

mod batch;
mod checks;
mod compiled;
#[cfg(test)]
mod counted;
pub mod data;
// Pages to read; no part of the compiled crate.
#[cfg(any(doc, doctest))]
pub mod docs;
mod elementary;
pub mod error;
pub mod file;
pub mod gradient;
pub mod layer;
mod linalg;
pub mod loss;
pub mod metrics;
pub mod model;
pub mod network;
mod number;
pub mod objective;
pub mod optimizer;
#[cfg(feature = "plot")]
pub mod plot;
mod real;
pub mod regression;
pub mod schedule;
#[cfg(feature = "threads")]
pub mod threads;
pub mod training;
mod wide;

pub use batch::{Batch, BatchMut};
pub use data::{Dataset, one_hot};
pub use error::{Error, Result};
pub use gradient::{GradientCheck, numerical_gradient};
pub use layer::{Dense, Layer, Sigmoid, Softmax};
pub use loss::{CrossEntropy, Loss, MeanSquaredError, SoftmaxCrossEntropy};
pub use metrics::accuracy;
pub use model::Model;
pub use network::Network;
pub use objective::{Objective, from_fn};
pub use optimizer::{Adam, GradientDescent, Optimizer, Report, Stop};
pub use real::Real;
pub use regression::{LinearFit, LinearRegression, NormalEquation};
pub use training::Trainer;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
