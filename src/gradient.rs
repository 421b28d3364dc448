//! Numerical gradients, and checks of analytic ones.
//!
//! A gradient that is almost right still trains, only worse. [`GradientCheck`] finds it: it compares the gradient that
//! an objective computes with finite differences of its value, and says where the two differ.
//!
//! ```
//! use gradus::gradient::Difference;
//! use gradus::network::ParameterRange;
//! use gradus::{GradientCheck, from_fn};
//!
//! let mut wrong = from_fn(|x: &[f64], gradient: &mut [f64]| {
//!     gradient[0] = 3.0 * x[0]; // should be 2 x
//!     x[0] * x[0]
//! });
//! let check = GradientCheck::new(Difference::central());
//! let report = check.run(&mut wrong, &[1.0], &[ParameterRange::whole(1)]);
//! assert!(!report.passed());
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`numerical_gradient`] | the gradient of a function by finite differences |
//! | [`from_value`], [`FromValue`] | an objective of a function whose gradient nobody wrote |
//! | [`Difference`] | which finite difference, and its step |
//! | [`GradientCheck`] | compares two gradients |
//! | [`GradientReport`], [`BlockReport`], [`Verdict`], [`Worst`] | what it found |
//! | [`Tolerance`] | how far the two may differ |

mod from_value;

use std::fmt;

pub use from_value::{FromValue, from_value};
use nalgebra::DVector;
use rand::Rng;

use crate::checks;
use crate::error::Result;
use crate::linalg;
use crate::network::ParameterRange;
use crate::objective::Objective;
use crate::real::Real;

/// A finite-difference formula with its step.
///
/// The step at a coordinate x is h·max(1, |x|), rounded so that x + h − x is exact; h is at least the rounding ε of the
/// number type, below which x + h is x.
///
/// # Numerics
/// With ε the rounding of the number type, the error of the central difference is about h²|f‴|/6 + ε|f|/h. The
/// default h = ε^⅓ balances the two and leaves about ⅔ of the digits; the textbooks' h = 10⁻⁴ leaves half of them
/// in `f64`. The fourth-order difference costs two more evaluations and leaves about ⅘ of the digits.
///
/// # References
/// W. H. Press, S. A. Teukolsky, W. T. Vetterling, B. P. Flannery (2007): Numerical Recipes, 3rd edition, §5.7.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    order: Order,
    step: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Central,
    Fourth,
}

impl Difference {
    /// `(f(x + h) − f(x − h)) / 2h`, with h = ε^⅓: 6·10⁻⁶ in `f64`.
    #[must_use]
    pub fn central() -> Self {
        Self { order: Order::Central, step: None }
    }

    /// `(8 (f(x + h) − f(x − h)) − (f(x + 2h) − f(x − 2h))) / 12h`, with h = 10⁻³ in `f64`.
    #[must_use]
    pub fn fourth_order() -> Self {
        Self { order: Order::Fourth, step: None }
    }

    /// The same formula with another h.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless h is positive and finite.
    ///
    /// # Examples
    /// The error of the central difference of x³ is h²:
    /// ```
    /// use gradus::gradient::{Difference, from_value};
    /// use gradus::numerical_gradient;
    ///
    /// let mut cube = from_value(|x: &[f64]| x[0] * x[0] * x[0]);
    /// let slope = numerical_gradient(&mut cube, &[1.0], Difference::central().with_step(0.125)?)[0];
    /// assert_eq!(slope, 3.0 + 0.125 * 0.125);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn with_step(self, step: f64) -> Result<Self> {
        checks::positive("step of a finite difference", step)?;
        Ok(Self { step: Some(step), ..self })
    }

    /// The step at `x`; adding it to `x` is exact.
    fn step_at<T: Real>(&self, x: T) -> T {
        let relative = match (self.step, self.order) {
            (Some(step), _) => T::nearest(step),
            (None, Order::Central) => T::epsilon().cbrt(),
            (None, Order::Fourth) => T::nearest(1e-3).max(T::epsilon().powf(T::nearest(0.2))),
        };
        let step = relative.max(T::epsilon()) * x.abs().max(T::one());
        (x + step) - x
    }

    /// ∂f/∂xᵢ. `x` is moved and put back.
    fn slope<T: Real>(&self, mut function: impl FnMut(&[T]) -> T, x: &mut [T], i: usize) -> T {
        let at = x[i];
        let h = self.step_at(at);
        let mut difference = |h: T| {
            x[i] = at + h;
            let above = function(x);
            x[i] = at - h;
            let below = function(x);
            x[i] = at;
            above - below
        };
        match self.order {
            Order::Central => difference(h) / (h + h),
            Order::Fourth => (T::nearest(8.0) * difference(h) - difference(h + h)) / (T::nearest(12.0) * h),
        }
    }

    /// The accuracy to expect of the formula in `f64`.
    fn tolerance(&self) -> Tolerance {
        match self.order {
            Order::Central => Tolerance { norm_wise: 1e-8, element_wise: 1e-6 },
            Order::Fourth => Tolerance { norm_wise: 1e-10, element_wise: 1e-8 },
        }
    }
}

/// ∇f(x) by finite differences: two evaluations of f for each coordinate (four at fourth order).
///
/// # Panics
/// As the objective, if `x` has not the length that it is defined for.
///
/// # Examples
/// ```
/// use gradus::gradient::{Difference, from_value};
/// use gradus::numerical_gradient;
///
/// let mut f = from_value(|x: &[f64]| x[0].sin() * x[1]);
/// let gradient = numerical_gradient(&mut f, &[0.0, 3.0], Difference::central());
/// assert!((gradient[0] - 3.0).abs() < 1e-9 && gradient[1].abs() < 1e-9);
/// ```
#[doc(alias("numerical_diff", "finite differences"))]
pub fn numerical_gradient<T: Real>(objective: &mut dyn Objective<T>, x: &[T], difference: Difference) -> DVector<T> {
    let mut moved = x.to_vec();
    DVector::from_fn(x.len(), |i, _| difference.slope(|x| objective.value(x), &mut moved, i))
}

/// Compares the gradient that an objective computes with a numerical one, block by block of the parameters.
///
/// The check works in `f64`: in `f32` differences keep too few digits to tell a wrong formula from rounding, so
/// check the `f64` instance of the same code.
///
/// For each block, with a the analytic and n the numerical gradient, two errors are reported:
/// norm-wise ‖a − n‖₂ / (‖a‖₂ + ‖n‖₂), and element-wise the largest |aᵢ − nᵢ| / max(|aᵢ|, |nᵢ|, 10⁻³ ‖n‖∞). Each
/// must be within the [`Tolerance`]; what rounding alone puts on a difference, 10 ε max(|f|, 1)/h, is allowed in
/// addition. A block that lies wholly below that floor is [`Verdict::NotResolved`], which is not a pass; two
/// gradients that are exactly zero agree.
///
/// Keep away from points where a function has a kink: there a difference means nothing.
///
/// # Examples
/// A wrong gradient, found and named:
/// ```
/// use gradus::gradient::{Difference, Verdict};
/// use gradus::network::ParameterRange;
/// use gradus::{GradientCheck, from_fn};
///
/// let mut f = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 3.0 * x[1] * x[1] + 1e-6]); // 1e-6 too much
///     x[0] * x[0] + x[1].powi(3)
/// });
/// let check = GradientCheck::new(Difference::fourth_order());
/// let report = check.run(&mut f, &[1.0, 2.0], &[ParameterRange::whole(2)]);
/// let block = &report.blocks()[0];
/// assert_eq!(block.verdict, Verdict::Failed);
/// assert_eq!((block.worst.row, block.worst.analytic), (1, 12.000001));
/// ```
#[doc(alias = "gradcheck")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientCheck {
    difference: Difference,
    tolerance: Tolerance,
}

/// How far two gradients may differ.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tolerance {
    /// Bound of ‖a − n‖₂ / (‖a‖₂ + ‖n‖₂).
    pub norm_wise: f64,
    /// Bound of every |aᵢ − nᵢ| / max(|aᵢ|, |nᵢ|, 10⁻³ ‖n‖∞).
    pub element_wise: f64,
}

impl Tolerance {
    /// The largest difference of the norms, and of single entries; both are relative.
    #[must_use]
    pub const fn new(norm_wise: f64, element_wise: f64) -> Self {
        Self { norm_wise, element_wise }
    }

    /// For two `f64` gradients that are both exact to rounding, as one by dual numbers.
    #[must_use]
    pub fn exact() -> Self {
        Self { norm_wise: 1e-13, element_wise: 1e-11 }
    }
}

impl GradientCheck {
    /// A check against this difference, to 10⁻⁸ norm-wise and 10⁻⁶ element-wise against the central one, and to
    /// 10⁻¹⁰ and 10⁻⁸ against that of fourth order.
    #[must_use]
    pub fn new(difference: Difference) -> Self {
        Self { difference, tolerance: difference.tolerance() }
    }

    /// The same check with another tolerance.
    ///
    /// # Examples
    /// ```
    /// use gradus::gradient::{Difference, Tolerance};
    /// use gradus::network::ParameterRange;
    /// use gradus::{GradientCheck, Objective, from_fn};
    ///
    /// // A gradient that is known to three digits.
    /// let mut f = from_fn(|x: &[f64], gradient: &mut [f64]| {
    ///     gradient[0] = 2.001 * x[0];
    ///     x[0] * x[0]
    /// });
    /// let check = GradientCheck::new(Difference::central());
    /// let all = [ParameterRange::whole(1)];
    /// assert!(!check.run(&mut f, &[1.0], &all).passed());
    /// let rough = Tolerance::new(1e-3, 1e-3);
    /// assert!(check.with_tolerance(rough).run(&mut f, &[1.0], &all).passed());
    /// ```
    #[must_use]
    pub fn with_tolerance(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    /// Checks every entry of the gradient at `x`.
    ///
    /// `ranges` are those of [`Network::parameter_ranges`](crate::Network::parameter_ranges), or one
    /// [`ParameterRange::whole`].
    ///
    /// # Panics
    /// As the objective, if `x` has not the length that it is defined for; if a range reaches beyond `x`.
    pub fn run(&self, objective: &mut dyn Objective<f64>, x: &[f64], ranges: &[ParameterRange]) -> GradientReport {
        self.check(objective, x, ranges, |range| range.range.clone().collect())
    }

    /// Checks `entries` entries of each block, drawn at random, or all where a block has no more.
    ///
    /// For networks of so many parameters that two evaluations for each would take too long.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::DMatrix;
    /// use gradus::gradient::Difference;
    /// use gradus::layer::Tanh;
    /// use gradus::{Dense, GradientCheck, MeanSquaredError, Network};
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(0);
    /// let network = Network::<f64>::builder(50).layer(Dense::new(50, 20)).layer(Tanh).layer(Dense::new(20, 1)).build()?;
    /// let parameters = network.initialize(&mut rng);
    /// let (x, t) = (DMatrix::from_fn(50, 8, |i, j| (i as f64 - j as f64) / 50.0), DMatrix::zeros(1, 8));
    /// let mut objective = network.objective(MeanSquaredError);
    /// let mut objective = objective.on(&x, &t)?;
    /// let check = GradientCheck::new(Difference::fourth_order());
    /// let report = check.run_sampled(&mut objective, parameters.as_slice(), network.parameter_ranges(), 10, &mut rng);
    /// assert!(report.passed() && report.blocks()[0].entries == 10, "{report}");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn run_sampled(
        &self,
        objective: &mut dyn Objective<f64>,
        x: &[f64],
        ranges: &[ParameterRange],
        entries: usize,
        rng: &mut dyn Rng,
    ) -> GradientReport {
        self.check(objective, x, ranges, |range| {
            let length = range.range.len();
            let chosen = rand::seq::index::sample(rng, length, entries.min(length));
            chosen.into_iter().map(|i| range.range.start + i).collect()
        })
    }

    fn check(
        &self,
        objective: &mut dyn Objective<f64>,
        x: &[f64],
        ranges: &[ParameterRange],
        mut choose: impl FnMut(&ParameterRange) -> Vec<usize>,
    ) -> GradientReport {
        let mut gradient = vec![0.0; x.len()];
        let value = objective.value_and_gradient(x, &mut gradient);
        let mut moved = x.to_vec();
        let mut check_block = |range: &ParameterRange| {
            let entries = choose(range).into_iter().map(|place| Entry {
                place: place - range.range.start,
                analytic: gradient[place],
                numerical: self.difference.slope(|x| objective.value(x), &mut moved, place),
                floor: 10.0 * f64::EPSILON * value.abs().max(1.0) / self.difference.step_at(x[place]),
            });
            BlockReport::new(range, &entries.collect::<Vec<_>>(), self.tolerance)
        };
        GradientReport { blocks: ranges.iter().map(&mut check_block).collect() }
    }
}

/// An entry of a gradient, computed in two ways.
struct Entry {
    /// Within its block.
    place: usize,
    analytic: f64,
    numerical: f64,
    /// What rounding alone may put on the numerical value.
    floor: f64,
}

/// The result of a [`GradientCheck`].
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a report says whether the check passed"]
pub struct GradientReport {
    blocks: Vec<BlockReport>,
}

impl GradientReport {
    /// Compares a gradient with a reference that is exact to rounding, so that no floor applies.
    ///
    /// # Panics
    /// If the lengths differ or a range reaches beyond them.
    ///
    /// # Examples
    /// ```
    /// use gradus::gradient::{GradientReport, Tolerance};
    /// use gradus::network::ParameterRange;
    ///
    /// let all = [ParameterRange::whole(2)];
    /// let reference = [1.0, 2.0]; // by dual numbers, say
    /// assert!(GradientReport::compare(&[1.0, 2.0 + 1e-15], &reference, &all, Tolerance::exact()).passed());
    /// assert!(!GradientReport::compare(&[1.0, 2.0 + 1e-9], &reference, &all, Tolerance::exact()).passed());
    /// ```
    pub fn compare(analytic: &[f64], reference: &[f64], ranges: &[ParameterRange], tolerance: Tolerance) -> Self {
        assert_eq!(analytic.len(), reference.len(), "gradients of the same length");
        let compare_block = |range: &ParameterRange| {
            let entries = range.range.clone().map(|place| Entry {
                place: place - range.range.start,
                analytic: analytic[place],
                numerical: reference[place],
                floor: 0.0,
            });
            BlockReport::new(range, &entries.collect::<Vec<_>>(), tolerance)
        };
        Self { blocks: ranges.iter().map(compare_block).collect() }
    }

    /// The blocks, in the order of the ranges.
    #[must_use]
    pub fn blocks(&self) -> &[BlockReport] {
        &self.blocks
    }

    /// Whether every block passed, and there is one.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.blocks.is_empty() && self.blocks.iter().all(|block| block.verdict == Verdict::Passed)
    }
}

impl fmt::Display for GradientReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.blocks.iter().map(|block| block.name.len()).max().unwrap_or(0).max(5);
        writeln!(f, "{:width$}  entries  norm-wise  element-wise  worst entry (analytic, numerical)", "block")?;
        for block in &self.blocks {
            let Worst { row, column, analytic, numerical } = block.worst;
            writeln!(
                f,
                "{:width$}  {:7}  {:9.1e}  {:12.1e}  ({row}, {column}): {analytic:.9e}, {numerical:.9e}{}",
                block.name,
                block.entries,
                block.norm_wise,
                block.element_wise,
                match block.verdict {
                    Verdict::Passed => "",
                    Verdict::Failed => "  FAILED",
                    Verdict::NotResolved => "  not resolved",
                }
            )?;
        }
        Ok(())
    }
}

/// How the two gradients agree on one block.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BlockReport {
    /// The name of the block, as `0.weight`.
    pub name: String,
    /// The number of entries that were compared.
    pub entries: usize,
    /// ‖a − n‖₂ / (‖a‖₂ + ‖n‖₂).
    pub norm_wise: f64,
    /// The largest |aᵢ − nᵢ| / max(|aᵢ|, |nᵢ|, 10⁻³ ‖n‖∞).
    pub element_wise: f64,
    /// The entry where it is attained.
    pub worst: Worst,
    /// What follows from them.
    pub verdict: Verdict,
}

/// The entry on which two gradients agree least.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Worst {
    /// Its row in the block.
    pub row: usize,
    /// Its column in the block.
    pub column: usize,
    /// The slope that the objective computed.
    pub analytic: f64,
    /// The slope of the difference.
    pub numerical: f64,
}

/// The outcome of a check of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Both errors are within the tolerance.
    Passed,
    /// One of them is not.
    Failed,
    /// All slopes are below what rounding puts on a difference, or there are none: nothing was checked.
    NotResolved,
}

impl BlockReport {
    fn new(range: &ParameterRange, entries: &[Entry], tolerance: Tolerance) -> Self {
        let norm = |of: fn(&Entry) -> f64| linalg::norm(&entries.iter().map(of).collect::<Vec<_>>());
        let error = |entry: &Entry| (entry.analytic - entry.numerical).abs();
        let largest = entries.iter().fold(0.0_f64, |largest, entry| largest.max(entry.numerical.abs()));
        let scale = |entry: &Entry| entry.analytic.abs().max(entry.numerical.abs()).max(1e-3 * largest);
        // 0/0 is agreement; any other NaN is not.
        let relative = |error: f64, scale: f64| if error == 0.0 { 0.0 } else { error / scale };

        let norm_error = norm(|entry| entry.analytic - entry.numerical);
        let norm_scale = norm(|entry| entry.analytic) + norm(|entry| entry.numerical);
        let mut worst = None;
        for entry in entries {
            let error = relative(error(entry), scale(entry));
            if worst.is_none_or(|(largest, _)| error > largest || error.is_nan()) {
                worst = Some((error, entry));
            }
        }
        let (element_wise, worst) = worst.map_or((0.0, None), |(error, entry)| (error, Some(entry)));

        let below_floor = |entry: &Entry| entry.analytic.abs() <= entry.floor && entry.numerical.abs() <= entry.floor;
        let zero = |entry: &Entry| entry.analytic == 0.0 && entry.numerical == 0.0;
        let within = norm_error <= tolerance.norm_wise * norm_scale + norm(|entry| entry.floor)
            && entries.iter().all(|entry| error(entry) <= tolerance.element_wise * scale(entry) + entry.floor);
        let verdict = if entries.is_empty() {
            Verdict::NotResolved
        } else if entries.iter().all(zero) {
            Verdict::Passed
        } else if entries.iter().all(below_floor) {
            Verdict::NotResolved
        } else if within {
            Verdict::Passed
        } else {
            Verdict::Failed
        };
        let rows = range.block.rows.max(1);
        Self {
            name: range.name(),
            entries: entries.len(),
            norm_wise: relative(norm_error, norm_scale),
            element_wise,
            worst: worst.map_or(Worst { row: 0, column: 0, analytic: 0.0, numerical: 0.0 }, |entry| Worst {
                row: entry.place % rows,
                column: entry.place / rows,
                analytic: entry.analytic,
                numerical: entry.numerical,
            }),
            verdict,
        }
    }
}

#[cfg(test)]
mod tests;
