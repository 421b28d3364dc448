use super::{Corrector, shifted_gradient, unshifted_correction};
use crate::linalg::{self, matrix};
use crate::real::Real;
use crate::regression::blocks::Blocks;
use crate::wide::Wide;

/// Steps of inverse iteration: the smallest singular value is met in the first, unless the start has little of it.
const INVERSE_STEPS: usize = 3;

/// Corrections by conjugate gradients: `XᵀWX + Λ` is never formed, only multiplied with, of columns less their means
/// and of length 1.
///
/// M. R. Hestenes, E. Stiefel (1952): Methods of conjugate gradients for solving linear systems.
#[derive(Debug)]
pub(in crate::regression) struct ConjugateGradient<'d, 'a, T: Real> {
    blocks: &'d Blocks<'a, T>,
    /// One over the length of each column less its mean.
    scales: Vec<T>,
}

impl<'d, 'a, T: Real> ConjugateGradient<'d, 'a, T> {
    pub(in crate::regression) fn new(blocks: &'d Blocks<'a, T>) -> Self {
        let mut squares = blocks.units.penalties.clone();
        let mut buffers = Default::default();
        blocks.for_each(&blocks.units.means, |block| {
            let (x, _) = block.weighted_by_roots(&mut buffers);
            for (column, square) in x.chunks_exact(block.rows).zip(&mut squares) {
                *square += linalg::dot(column, column);
            }
        });
        let scale = |square: &T| if square.is_zero() { T::one() } else { T::one() / square.sqrt() };
        Self { blocks, scales: squares.iter().map(scale).collect() }
    }

    /// `A p`.
    fn product(&self, p: &[T]) -> Vec<T> {
        let (unknowns, units) = (p.len(), &self.blocks.units);
        let scaled = times(p, &self.scales);
        let mut product = times(&scaled, &units.penalties);
        let (mut along, mut buffers) = (Vec::new(), Default::default());
        self.blocks.for_each(&units.means, |block| {
            let (rows, (x, _)) = (block.rows, block.weighted_by_roots(&mut buffers));
            along.resize(rows, T::zero());
            linalg::multiply(matrix(x, rows, unknowns), matrix(&scaled, unknowns, 1), &mut along);
            linalg::add_transposed_product(x, &along, rows, &mut product);
        });
        times(&product, &self.scales)
    }

    /// `A⁻¹ b`, to half of the digits: the refinement around it makes up for the others.
    fn solve(&self, b: Vec<T>) -> Vec<T> {
        let mut rest = b;
        let mut solution = vec![T::zero(); rest.len()];
        let mut direction = rest.clone();
        let mut square = linalg::dot(&rest, &rest);
        let enough = square * T::epsilon();
        // In exact arithmetic as many steps as there are unknowns lead to the end.
        for _ in 0..4 * rest.len() + 20 {
            if square <= enough {
                break;
            }
            let product = self.product(&direction);
            let curvature = linalg::dot(&direction, &product);
            let stride = square / curvature;
            if !(stride.is_finite() && stride > T::zero()) {
                break;
            }
            linalg::add_scaled(&mut solution, stride, &direction);
            linalg::add_scaled(&mut rest, -stride, &product);
            let next = linalg::dot(&rest, &rest);
            let turned = direction.iter_mut().zip(&rest);
            turned.for_each(|(direction, &rest)| *direction = rest + *direction * (next / square));
            square = next;
        }
        solution
    }

    /// An estimate of the condition number of the matrix with columns of length 1, by power and inverse iteration.
    pub(in crate::regression) fn condition(&self) -> f64 {
        let unknowns = self.scales.len();
        let start: Vec<T> = (0..unknowns).map(|i| T::one() + T::from_count(i * 5 % 7) / T::nearest(8.0)).collect();
        let grown = |steps: usize, by: &dyn Fn(Vec<T>) -> Vec<T>| {
            (0..steps).fold((start.clone(), T::one()), |(vector, _), _| {
                let next = by(vector);
                let length = linalg::norm(&next);
                (next.into_iter().map(|entry| entry / length).collect(), length)
            })
        };
        let largest = grown(2 * INVERSE_STEPS, &|vector| self.product(&vector)).1;
        let smallest = grown(INVERSE_STEPS, &|vector| self.solve(vector)).1;
        // Of columns less their means: those of the columns themselves are longer.
        let lengths = times(&self.blocks.units.lengths, &self.scales);
        let longer = lengths.into_iter().fold(T::one(), |most, length| if length <= most { most } else { length });
        let condition = ((largest * smallest).sqrt() * longer).to_f64();
        // Beyond, and where they break down, they do not see what is small.
        if condition >= 0.5 && condition <= 1.0 / T::epsilon().sqrt().to_f64() { condition } else { f64::INFINITY }
    }
}

impl<T: Real> Corrector<T> for ConjugateGradient<'_, '_, T> {
    fn correction(&self, gradient: &[T::Wide]) -> Vec<T::Wide> {
        let means = &self.blocks.units.means;
        let rest = times(&shifted_gradient(gradient, means), &self.scales);
        let mut correction = times(&self.solve(rest), &self.scales);
        unshifted_correction(&mut correction, means);
        correction.into_iter().map(T::Wide::widen).collect()
    }
}

fn times<T: Real>(numbers: &[T], factors: &[T]) -> Vec<T> {
    numbers.iter().zip(factors).map(|(&number, &factor)| number * factor).collect()
}
