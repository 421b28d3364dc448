use std::cell::Cell;

use super::design::Design;
use super::preconditioner::{Corrector, for_each_shifted_block, shifted_gradient, unshifted_correction};
use crate::linalg::{self, matrix};
use crate::real::Real;

/// Corrections by conjugate gradients: `XᵀWX + Λ` is never formed, only multiplied with, of columns less their means
/// and of length 1.
///
/// M. R. Hestenes, E. Stiefel (1952): Methods of conjugate gradients for solving linear systems.
#[derive(Debug)]
pub(super) struct ConjugateGradient<'d, 'a, T: Real> {
    design: &'d Design<'a, T>,
    /// One over the length of each column less its mean.
    scales: Vec<T>,
    /// The smallest and the largest `pᵀ A p / pᵀ p` met so far: between the extreme eigenvalues.
    quotients: Cell<(T, T)>,
}

impl<'d, 'a, T: Real> ConjugateGradient<'d, 'a, T> {
    pub(super) fn new(design: &'d Design<'a, T>) -> Self {
        let mut squares = design.penalties.clone();
        for_each_shifted_block(design, |rows, x| {
            for (column, square) in x.chunks_exact(rows).zip(&mut squares) {
                *square += linalg::dot(column, column);
            }
        });
        let scale = |square: &T| if square.is_zero() { T::one() } else { T::one() / square.sqrt() };
        let scales = squares.iter().map(scale).collect();
        Self { design, scales, quotients: Cell::new((T::one(), T::one())) }
    }

    /// `A p`.
    fn product(&self, p: &[T]) -> Vec<T> {
        let unknowns = p.len();
        let scaled: Vec<T> = p.iter().zip(&self.scales).map(|(&p, &scale)| p * scale).collect();
        let mut product: Vec<T> = scaled.iter().zip(&self.design.penalties).map(|(&p, &penalty)| p * penalty).collect();
        let mut along = Vec::new();
        for_each_shifted_block(self.design, |rows, x| {
            along.resize(rows, T::zero());
            linalg::multiply(matrix(x, rows, unknowns), matrix(&scaled, unknowns, 1), &mut along);
            linalg::add_transposed_product(x, &along, rows, &mut product);
        });
        product.iter_mut().zip(&self.scales).for_each(|(product, &scale)| *product *= scale);
        product
    }
}

impl<T: Real> Corrector<T> for ConjugateGradient<'_, '_, T> {
    fn correction(&self, gradient: &[T::Wide]) -> Vec<T> {
        let mut rest = shifted_gradient(gradient, &self.design.means);
        rest.iter_mut().zip(&self.scales).for_each(|(rest, &scale)| *rest *= scale);
        let mut solution = vec![T::zero(); rest.len()];
        let mut direction = rest.clone();
        let mut square = linalg::dot(&rest, &rest);
        // Half of the digits: the refinement around it makes up for the others.
        let enough = square * T::epsilon();
        // In exact arithmetic as many steps as there are unknowns lead to the end.
        for _ in 0..4 * rest.len() + 20 {
            if square <= enough {
                break;
            }
            let product = self.product(&direction);
            let curvature = linalg::dot(&direction, &product);
            let quotient = curvature / linalg::dot(&direction, &direction);
            if !(quotient.is_finite() && quotient > T::zero()) {
                break;
            }
            let (smallest, largest) = self.quotients.get();
            self.quotients.set((smallest.min(quotient), largest.max(quotient)));
            let stride = square / curvature;
            linalg::add_scaled(&mut solution, stride, &direction);
            linalg::add_scaled(&mut rest, -stride, &product);
            let next = linalg::dot(&rest, &rest);
            direction
                .iter_mut()
                .zip(&rest)
                .for_each(|(direction, &rest)| *direction = rest + *direction * (next / square));
            square = next;
        }
        solution.iter_mut().zip(&self.scales).for_each(|(solution, &scale)| *solution *= scale);
        unshifted_correction(&mut solution, &self.design.means);
        solution
    }

    fn condition(&self) -> f64 {
        let (smallest, largest) = self.quotients.get();
        (largest / smallest).sqrt().to_f64()
    }
}
