//! Linear regression and small neural networks over nalgebra, with every analytic derivative checked.
//!
//! A model is a function of **one flat vector** of parameters. A [`Network`] holds sizes, never numbers; with a
//! [`Loss`] and a batch it is an [`Objective`]: a value and a gradient of that vector. So is a least-squares
//! problem, and so is any closure. One [`GradientDescent`] minimises all of them, one [`GradientCheck`] checks all
//! of them:
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
//! assert_eq!((report.reason, report.iterations), (gradus::StopReason::Converged, 104));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! A network, in `f64` as here or in `f32`:
//!
//! ```
//! use gradus::nalgebra::DMatrix;
//! use gradus::{Dense, GradientDescent, Network, Objective, Optimizer, Sigmoid, SoftmaxCrossEntropy, one_hot};
//! use rand::{SeedableRng, rngs::ChaCha8Rng};
//!
//! # fn main() -> gradus::Result<()> {
//! # let mut rng = ChaCha8Rng::seed_from_u64(0);
//! # let x = DMatrix::<f64>::from_fn(4, 6, |i, j| ((i + 2 * j) % 5) as f64);
//! # let t = one_hot::<f64>(&[0, 1, 2, 0, 1, 2], 3)?;
//! let network = Network::<f64>::builder(4).layer(Dense::new(4, 8)).layer(Sigmoid).layer(Dense::new(8, 3)).build()?;
//! let mut parameters = network.initialize(&mut rng);                  // DVector<f64>
//! let mut objective = network.objective(SoftmaxCrossEntropy);
//! let mut descent = GradientDescent::new(0.1)?;
//! let step = descent.step(&mut objective.on(&x, &t)?, parameters.as_mut_slice());   // x: 4 × n, t: 3 × n
//! let logits = network.predict(&parameters, &x)?;                     // 3 × n
//! let mut gradient_of = objective.on(&x, &t)?;                            // an Objective: value_and_gradient(θ, &mut g)
//! # let mut gradient = vec![0.0; parameters.len()];
//! # let value = gradient_of.value_and_gradient(parameters.as_slice(), &mut gradient);
//! # assert!(step.is_finite() && value < step.value && logits.shape() == (3, 6));
//! # Ok(())
//! # }
//! ```
//!
//! Linear regression, of data in memory or of partial sums:
//!
//! ```
//! use gradus::nalgebra::{DMatrix, DVector};
//! use gradus::{LinearRegression, NormalEquation};
//!
//! # fn main() -> gradus::Result<()> {
//! # let x = DMatrix::from_fn(20, 3, |i, j| ((i * (j + 2) + j) % 7) as f64);
//! # let y = DVector::from_fn(20, |i, _| x[(i, 0)] - 2.0 * x[(i, 1)] + (i % 3) as f64);
//! # let mut other = NormalEquation::<f64>::new(3, 1);
//! # other.push(&x, &y)?;
//! let fit = LinearRegression::new().fit(&x, &y)?;            // x: n × p, y: n × k (DMatrix or DVector)
//! let (b, a) = (fit.coefficients(), fit.intercept());        // p × k, k
//! let prediction = fit.predict(&x)?;                         // n × k
//! let errors = fit.standard_errors();                        // Option<&DMatrix>: (p + 1) × k, the intercept's row first
//! let mut sums = NormalEquation::<f64>::new(3, 1);           // features, targets
//! sums.push(&x, &y)?; sums.merge(&other)?; let fit = sums.solve()?;
//! # assert_eq!((b.shape(), a.len(), prediction.shape()), ((3, 1), 1, (20, 1)));
//! # assert_eq!((errors.unwrap().shape(), fit.observations()), ((4, 1), 40));
//! # Ok(())
//! # }
//! ```
//!
//! # In a crate of yours
//!
//! nalgebra is a part of the interface and re-exported as [`gradus::nalgebra`](nalgebra), but its macros (`dmatrix!`) look
//! for a dependency of that name; generators of random numbers are those of rand:
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
//! Run programs with `cargo run --release`. The last two lines are for debug builds: with them a training takes two to
//! three times as long as in a release build, without them two hundred times as long. Layers, losses and optimizers of
//! your own are compiled as your crate is.
//!
//! # Conventions
//!
//! 1. Parameters are one `[T]`: layer by layer, the weight column by column (outputs × inputs), then the bias.
//! 2. A **batch** is column-major with **one sample per column**. **Least squares** speaks of a design matrix:
//!    one *observation per row*, one unknown per column. A shape error that looks like a transposition says so.
//! 3. Losses are means over the samples.
//! 4. Layers add to the gradient that they are handed; objectives overwrite it.
//! 5. After the first step on a batch size the crate allocates nothing; the matrix products may take one packing
//!    buffer each.
//! 6. The same seed, version, target and CPU features give the same bits.
//! 7. A value that is not finite is never passed on in silence: it ends a minimisation with a reason, or a call
//!    with an error. Data are checked for finiteness once, where they enter (`Dataset`, `fit`, `push`, `predict`); a
//!    training step checks only its value and ‖∇‖.
//!
//! # Where things are
//!
//! - Minimisation: [`Objective`], [`from_fn`], [`Optimizer`], [`Stop`], [`Report`]; by the gradient [`GradientDescent`],
//!   [`AdaGrad`], [`RmsProp`], [`Adam`], [`AdamW`], [`Nadam`], with a line search [`Lbfgs`]
//! - Optimizers around optimizers: [`Scheduled`], by a [`Schedule`]: [`ConstantSchedule`], [`StepDecay`],
//!   [`MultiStepDecay`], [`PolynomialDecay`], [`ExponentialDecay`], [`InverseTimeDecay`], [`CosineAnnealing`], [`LinearWarmUp`], [`OneCycle`]; [`Clipped`];
//!   for training loops [`ReduceOnPlateau`]; how large a learning rate may be: [`LearningRateBound`]; chosen by a file:
//!   [`OptimizerConfiguration`], [`ScheduleConfiguration`]
//! - Objectives around objectives: [`Penalty`], [`FreeParameters`]
//! - Gradient checks: [`GradientCheck`], [`numerical_gradient`], [`Difference`]
//! - Networks: [`Network`], [`NetworkObjective`]; [`Layer`]: [`Dense`], [`LayerNormalization`], [`Dropout`], [`Softmax`],
//!   [`LogSoftmax`]; [`Activation`]: [`Sigmoid`], [`Tanh`], [`Relu`], [`LeakyRelu`], [`Elu`], [`Gelu`], [`TanhGelu`],
//!   [`Silu`], [`Softplus`], [`Identity`]; [`Initializer`], [`LayerConfiguration`]
//! - Training: [`Trainer`], [`EarlyStopping`], [`History`], [`Checkpoint`]
//! - Prediction and files (features `safetensors`, `onnx`): [`Model`], [`Predictor`]; files of others (feature
//!   `safetensors`): `ParameterReader`
//! - Losses: [`Loss`]: [`MeanSquaredError`], [`HalfSquaredError`], [`MeanAbsoluteError`], [`Huber`], [`LogCosh`],
//!   [`Poisson`]; of probabilities [`CrossEntropy`], [`BinaryCrossEntropy`], [`KullbackLeibler`], of their logarithms
//!   [`NegativeLogLikelihood`], on logits [`SoftmaxCrossEntropy`], [`SigmoidCrossEntropy`]; of signs [`Hinge`];
//!   [`LabelSmoothing`], [`ClassWeights`], [`balanced_class_weights`]; [`LossConfiguration`]
//! - Regression of data in memory: [`LinearRegression`], [`polynomial`]; of a stream: [`NormalEquation`]; online, with
//!   forgetting: [`RecursiveLeastSquares`]; by gradient descent: [`LeastSquaresObjective`]
//! - The fitted model: [`LinearFit`], [`FitStatistics`], [`Intervals`], [`Summary`]; with the data at hand
//!   [`Diagnostics`], [`RobustCovariance`]; how it was found: [`RegressionReport`], [`Solver`], [`RankDeficiency`]
//! - Data: [`Batch`], [`Dataset`], [`one_hot`], [`Images`] and [`Labels`] of IDX files; `CsvTable`, `CsvOptions` (feature
//!   `csv`); `read_npy`, `write_npy`, `NpyArray`, `Npz` (feature `npy`)
//! - Metrics: [`accuracy`], [`top_k_accuracy`], [`ConfusionMatrix`], [`log_loss`]; [`r_squared`],
//!   [`mean_absolute_error`], [`root_mean_squared_error`]
//! - Charts (feature `plot`): `plot`
//! - Files: [`save_file`], by which all that the crate saves is saved
//! - [`Real`], [`Error`]
//!
//! # Pages to read
//!
//! [`docs::tutorial`] leads from the derivative of the sigmoid to handwritten digits, [`docs::choosing`] says which road,
//! loss, optimizer and activation to take, [`docs::migration`] what scikit-learn, PyTorch and linfa call it. [`docs`] lists
//! the examples of the repository by what they are for.

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
