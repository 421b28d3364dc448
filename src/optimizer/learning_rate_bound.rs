use std::fmt;

use super::Report;
use crate::checks;
use crate::error::{Error, Result};
use crate::linalg;
use crate::objective::Objective;
use crate::real::Real;

/// The learning rate up to which gradient descent converges, `2/λ`, where λ is the largest eigenvalue of the Hessian.
///
/// On a quadratic function, as that of least squares, the bound is the same everywhere, and gradient descent diverges
/// above it. On others it belongs to the point where it was estimated: near a minimum it says whether gradient descent
/// can stay there. Of a network on mini-batches each batch has a bound of its own.
///
/// λ is found by power iteration on products of the Hessian with a vector, which are differences of gradients,
/// `H v ≈ (∇f(x + hv) − ∇f(x − hv)) / 2h`.
///
/// # Numerics
/// The estimate of λ rises toward it from below. [`converged`](Self::converged) says whether what is still missing is,
/// going by how it shrinks, below √ε λ, with ε the rounding of the number type: 1.5·10⁻⁸ in `f64`. Where the largest
/// eigenvalues are close together it takes many iterations, of which each costs two gradients. Differences of gradients
/// of a quadratic function have only rounding errors, about ε^⅔ (λ + ‖∇f(x)‖ / max(1, ‖x‖)): where the gradient is
/// large beside λ, far from the minimum, fewer digits are right than `converged` says.
///
/// Where the curvature of largest magnitude is negative, a second run with the Hessian shifted by it finds the largest
/// λ, to √ε of that magnitude. So do the second half of the iterations where the first half have not settled, as they
/// do not where negative and positive curvature are of nearly the same magnitude. If no curvature is positive, nothing
/// bounds the learning rate by curvature, and there is no minimum nearby either: [`learning_rate`](Self::learning_rate)
/// is `None`.
///
/// # Examples
/// The Hessian of x₀² + x₁² is 2, so the bound is 1:
/// ```
/// use gradus::optimizer::{LearningRateBound, StopReason};
/// use gradus::{GradientDescent, Optimizer, Stop, from_fn};
///
/// let mut sphere = from_fn(|x: &[f64], gradient: &mut [f64]| {
///     gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
///     x[0] * x[0] + x[1] * x[1]
/// });
/// let bound = LearningRateBound::estimate(&mut sphere, &[-3.0, 4.0], 100)?;
/// assert!(bound.converged && (bound.learning_rate().unwrap() - 1.0).abs() < 1e-6);
/// assert_eq!(bound.to_string(), "gradient descent converges with learning rates below 1.000e0");
///
/// let report = GradientDescent::new(1.01)?.minimize(&mut sphere, &mut [-3.0, 4.0], &Stop::after(100));
/// assert_eq!(report.reason, StopReason::Diverged);
/// println!("{}", bound.explain(1.01, &report));
/// // diverged: the value rose, the steps are too long (100 iterations, …);
/// // the learning rate 1.010e0 is too large: gradient descent converges with learning rates below 1.000e0
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # References
/// R. von Mises, H. Pollaczek-Geiringer (1929): Praktische Verfahren der Gleichungsauflösung. Y. LeCun, P. Simard,
/// B. Pearlmutter (1993): Automatic learning rate maximization by on-line estimation of the Hessian's eigenvectors.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LearningRateBound<T> {
    /// The largest eigenvalue λ of the Hessian, as far as it was found.
    pub curvature: T,
    /// Whether the iteration has settled on it.
    pub converged: bool,
    /// The products of the Hessian with a vector that were made: half the number of gradients.
    pub iterations: usize,
}

impl<T: Real> LearningRateBound<T> {
    /// Estimates the bound at `x` by at most so many iterations.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0 iterations, [`Error::Empty`] without parameters, [`Error::NotFinite`] with the
    /// place of a slope, at or near `x`, that is not finite.
    ///
    /// # Panics
    /// As the objective, if `x` has not the length that it is defined for.
    pub fn estimate(objective: &mut dyn Objective<T>, x: &[T], iterations: usize) -> Result<Self> {
        checks::at_least_one("iterations", iterations)?;
        if x.is_empty() {
            return Err(Error::Empty { what: "parameters" });
        }
        let mut hessian = Hessian::at(objective, x)?;
        let mut v = start(x.len());
        let magnitude = hessian.dominant(T::zero(), iterations.div_ceil(2), &mut v)?;
        let is_largest = magnitude.converged && (magnitude.is_positive() || magnitude.length.is_zero());
        let rest = iterations - hessian.products;
        let (curvature, converged) = if is_largest || rest == 0 {
            (magnitude.quotient, is_largest)
        } else {
            if magnitude.converged {
                // Along negative curvature, from where no way leads to the positive one.
                v = start(x.len());
            }
            let shifted = hessian.dominant(magnitude.length, rest, &mut v)?;
            let settled = shifted.converged && (magnitude.converged || shifted.is_positive());
            (shifted.quotient - magnitude.length, settled)
        };
        Ok(Self { curvature, converged, iterations: hessian.products })
    }

    /// `2/λ`, below which gradient descent converges; `None` if no curvature is positive.
    #[must_use]
    pub fn learning_rate(&self) -> Option<T> {
        let bound = T::nearest(2.0) / self.curvature;
        (self.curvature > T::zero() && bound.is_finite()).then_some(bound)
    }

    /// How a run of gradient descent with this learning rate ended, and whether the rate was too large.
    #[must_use]
    pub fn explain(&self, learning_rate: T, report: &Report<T>) -> String
    where
        T: fmt::LowerExp,
    {
        match self.learning_rate() {
            Some(bound) if learning_rate >= bound => {
                format!("{report}; the learning rate {learning_rate:.3e} is too large: {self}")
            }
            _ => format!("{report}; {self}"),
        }
    }
}

impl<T: Real + fmt::LowerExp> fmt::Display for LearningRateBound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.learning_rate() {
            Some(bound) => write!(f, "gradient descent converges with learning rates below {bound:.3e}")?,
            None if self.converged => {
                f.write_str("no curvature is positive: there is no bound of the learning rate")?;
            }
            None => f.write_str("no positive curvature was found")?,
        }
        if self.converged { Ok(()) } else { write!(f, " (not settled after {} iterations)", self.iterations) }
    }
}

/// Products of the Hessian at a point with vectors.
struct Hessian<'a, T> {
    objective: &'a mut dyn Objective<T>,
    x: &'a [T],
    step: T,
    moved: Vec<T>,
    below: Vec<T>,
    products: usize,
}

/// What a power iteration has come to.
struct Dominant<T> {
    /// vᵀ (H + s) v
    quotient: T,
    /// ‖(H + s) v‖
    length: T,
    converged: bool,
}

impl<T: Real> Dominant<T> {
    /// Whether v is the eigenvector of a positive eigenvalue: not that of a negative one, nor a mixture of two of the
    /// same magnitude.
    fn is_positive(&self) -> bool {
        self.quotient > self.length * (T::one() - T::nearest(10.0) * T::epsilon().sqrt())
    }
}

impl<'a, T: Real> Hessian<'a, T> {
    fn at(objective: &'a mut dyn Objective<T>, x: &'a [T]) -> Result<Self> {
        let zeros = || linalg::zeros("gradients", x.len());
        let norm = linalg::norm(x);
        // As for the central difference of a gradient check, with ‖x‖ for |xᵢ|: the vectors have the length 1.
        let scale = if norm > T::one() { norm } else { T::one() };
        Ok(Self { objective, x, step: T::epsilon().cbrt() * scale, moved: zeros()?, below: zeros()?, products: 0 })
    }

    /// `product ← H v`
    fn multiply(&mut self, v: &[T], product: &mut [T]) -> Result<()> {
        for (sign, gradient) in [(-T::one(), &mut *self.below), (T::one(), &mut *product)] {
            self.moved.copy_from_slice(self.x);
            linalg::add_scaled(&mut self.moved, sign * self.step, v);
            self.objective.value_and_gradient(&self.moved, gradient);
            if let Some(row) = gradient.iter().position(|slope| !slope.is_finite()) {
                return Err(Error::NotFinite { what: "gradient", row, column: 0, value: gradient[row].to_f64() });
            }
        }
        for (above, &below) in product.iter_mut().zip(&self.below) {
            *above = (*above - below) / (self.step + self.step);
        }
        self.products += 1;
        Ok(())
    }

    /// The eigenvalue of largest magnitude of `H + s`, s = `shift`, from `v` on, which is turned toward its vector.
    fn dominant(&mut self, shift: T, iterations: usize, v: &mut [T]) -> Result<Dominant<T>> {
        let mut product = vec![T::zero(); v.len()];
        // Compared with anything, NaN is not settled.
        let mut lengths = [T::nearest(f64::NAN); 2];
        for iteration in 1.. {
            self.multiply(v, &mut product)?;
            linalg::add_scaled(&mut product, shift, v);
            let (quotient, length) = (linalg::dot(v, &product), linalg::norm(&product));
            let converged = length.is_zero() || settled(lengths, length, shift);
            if !converged {
                v.iter_mut().zip(&product).for_each(|(v, &product)| *v = product / length);
            }
            if converged || iteration == iterations {
                return Ok(Dominant { quotient, length, converged });
            }
            lengths = [lengths[1], length];
        }
        unreachable!("the last iteration returns")
    }
}

/// Whether what lengths that grow ever less have still to grow is of no account, or cannot be told from rounding: of
/// the lengths, or of the shift, beside which they may have vanished.
fn settled<T: Real>([first, second]: [T; 2], third: T, shift: T) -> bool {
    let (before, now) = ((second - first).abs(), (third - second).abs());
    let rounding = T::epsilon().cbrt().powi(2) * if third > shift { third } else { shift };
    // The sum of the geometric series now · (q + q² + …), q = now / before.
    let converging = now < before && now * now <= T::epsilon().sqrt() * third * (before - now);
    converging || (before <= rounding && now <= rounding)
}

/// A vector of length 1 without a pattern: hardly an eigenvector is orthogonal to it.
fn start<T: Real>(length: usize) -> Vec<T> {
    let mut seed = 0_u64;
    let mut next = |_| {
        // SplitMix64 (G. Steele, D. Lea, C. Flood, 2014).
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        T::nearest((bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
    };
    let mut v: Vec<T> = (0..length).map(&mut next).collect();
    let norm = linalg::norm(&v);
    v.iter_mut().for_each(|v| *v /= norm);
    v
}
