//! What is read is checked: a file is not to be trusted with indices.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::LinearFit;
use crate::real::Real;
use crate::regression::polynomial::Basis;
use crate::regression::solution::Solution;
use crate::regression::stored::is_exponent;

impl<T: Real + Serialize> Serialize for LinearFit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.solution.serialize(serializer)
    }
}

impl<'de, T: Real + Deserialize<'de>> Deserialize<'de> for LinearFit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut solution = Solution::deserialize(deserializer)?;
        check(&solution).map_err(D::Error::custom)?;
        if let Some(root) = &mut solution.root {
            root.is_refined = solution.report.standard_errors_refined;
            root.error = solution.report.standard_error_bound;
        }
        LinearFit::from_solution(solution).map_err(D::Error::custom)
    }
}

fn check<T: Real>(solution: &Solution<T>) -> Result<(), &'static str> {
    let (unknowns, targets) = (solution.unknowns(), solution.targets());
    let constants = solution.intercept.unknowns();
    if unknowns == 0 || unknowns < constants || targets == 0 {
        return Err("expected an unknown and a target");
    }
    if !solution.unknown_exponents.iter().chain(&solution.target_exponents).copied().all(is_exponent) {
        return Err("expected an exponent within the range of the number type for each unknown and target");
    }
    if unknowns.checked_mul(targets) != Some(solution.parameters.len()) {
        return Err("expected a parameter for each unknown and target");
    }
    if solution.root.as_ref().is_some_and(|root| root.unknowns() != unknowns) {
        return Err("expected a root of unknowns × unknowns");
    }
    let is_basis = |basis: &Basis<T>| {
        let is_centered = basis.center.is_finite() && is_exponent(basis.exponent) && constants == 1;
        is_centered || *basis == Basis::given()
    };
    if !solution.basis.as_ref().is_none_or(is_basis) {
        return Err("expected a finite center of the powers, and a constant term");
    }
    if solution.rank.is_some_and(|rank| rank < constants || rank > unknowns.min(solution.observations)) {
        return Err("expected a rank of at most the unknowns and the observations");
    }
    if solution.observations == 0 || !solution.log_weights.is_finite() {
        return Err("expected observations of finite weight");
    }
    let good = |value: T| value.is_finite() && value >= T::zero();
    if solution.squares.len() != targets
        || !solution.squares.iter().all(|squares| {
            [squares.residual, squares.total].map(good) == [true; 2]
                && squares.regression.is_finite()
                && [squares.residual_error, squares.reach].iter().all(|bound| bound.is_none_or(good))
                && squares.adjusted.is_finite()
        })
    {
        return Err("expected sums of squares of each target, finite and not negative");
    }
    Ok(())
}
