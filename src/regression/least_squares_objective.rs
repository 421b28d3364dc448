use nalgebra::DMatrix;

use super::problem::{Intercept, check_observations};
use crate::error::{Error, Result};
use crate::linalg::{self, View, matrix, transpose};
use crate::objective::Objective;
use crate::real::Real;

/// Linear regression as an objective, `f(Θ) = 1/n ‖X Θ − Y‖²`: to be minimized by any
/// [`Optimizer`](crate::Optimizer), where [`NormalEquation`](crate::NormalEquation) solves it at once.
///
/// # Shapes
/// `X` n × p, one observation per row, preceded by a column of ones if the intercept is included; `Y` n × k.
///
/// # Parameters
/// `Θ`, (p + 1) × k or p × k, column by column; the intercept's row comes first.
///
/// # Derivatives
/// `∇f = 2/n Xᵀ (X Θ − Y)`. The Hessian of each column is `2/n XᵀX`: gradient descent converges if the learning
/// rate is below n/λ, where λ is the largest eigenvalue of `XᵀX`.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dvector;
/// use gradus::regression::{Intercept, LeastSquaresObjective};
/// use gradus::{GradientDescent, Optimizer, Stop};
///
/// let (x, y) = (dvector![0.0_f64, 1.0, 2.0], dvector![1.0, 3.0, 5.0]);
/// let mut objective = LeastSquaresObjective::new(&x, &y, Intercept::Include)?;
/// let mut parameters = vec![0.0; objective.parameter_count()];
/// let stop = Stop::after(10_000).gradient_norm(1e-12)?;
/// let report = GradientDescent::new(0.2)?.minimize(&mut objective, &mut parameters, &stop);
/// assert!((parameters[0] - 1.0).abs() < 1e-11 && (parameters[1] - 2.0).abs() < 1e-11);
/// # assert_eq!(report.reason, gradus::optimizer::StopReason::Converged);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LeastSquaresObjective<T> {
    /// With the column of ones. A copy: only contiguous columns have a transposed view.
    design: DMatrix<T>,
    targets: DMatrix<T>,
    residuals: DMatrix<T>,
}

impl<T: Real> LeastSquaresObjective<T> {
    /// The least-squares problem of these observations.
    ///
    /// # Errors
    /// [`Error::Empty`] without observations, targets or unknowns, [`Error::ShapeMismatch`] if the numbers of rows
    /// differ, [`Error::NotFinite`] with the place of an entry that is not finite.
    pub fn new<'a>(x: impl Into<View<'a, T>>, y: impl Into<View<'a, T>>, intercept: Intercept) -> Result<Self> {
        let (x, y) = (x.into(), y.into());
        check_observations(x, y, x.ncols(), y.ncols())?;
        let unknowns = x.ncols().saturating_add(intercept.unknowns());
        for (what, count) in [("observations", x.nrows()), ("targets", y.ncols()), ("unknowns", unknowns)] {
            if count == 0 {
                return Err(Error::Empty { what });
            }
        }
        let mut design = DMatrix::from_element(x.nrows(), unknowns, T::one());
        design.columns_mut(intercept.unknowns(), x.ncols()).copy_from(&x);
        let targets = y.into_owned();
        Ok(Self { design, residuals: targets.clone(), targets })
    }

    /// The length of the parameter vector.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.design.ncols() * self.targets.ncols()
    }
}

impl<T: Real> Objective<T> for LeastSquaresObjective<T> {
    /// # Panics
    /// If `x` or `gradient` has not [`parameter_count`](Self::parameter_count) values.
    #[inline(never)]
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> T {
        let value = self.value(x);
        assert_eq!(gradient.len(), x.len(), "as many slopes as parameters");
        let (n, unknowns) = self.design.shape();
        let scale = T::nearest(2.0) / T::from_count(n);
        self.residuals.as_mut_slice().iter_mut().for_each(|residual| *residual *= scale);
        let residuals = matrix(self.residuals.as_slice(), n, self.targets.ncols());
        linalg::multiply(transpose(self.design.as_slice(), n, unknowns), residuals, gradient);
        value
    }

    /// # Panics
    /// If `x` has not [`parameter_count`](Self::parameter_count) values.
    #[inline(never)]
    fn value(&mut self, x: &[T]) -> T {
        assert_eq!(x.len(), self.parameter_count(), "as many parameters as there are unknowns");
        let (n, unknowns) = self.design.shape();
        let residuals = self.residuals.as_mut_slice();
        let parameters = matrix(x, unknowns, self.targets.ncols());
        linalg::multiply(matrix(self.design.as_slice(), n, unknowns), parameters, residuals);
        linalg::add_scaled(residuals, -T::one(), self.targets.as_slice());
        linalg::dot(residuals, residuals) / T::from_count(n)
    }
}
