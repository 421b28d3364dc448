use nalgebra::DMatrix;

use crate::error::{Error, Result};
use crate::linalg;
use crate::real::Real;
use crate::wide::Wide;

/// The design matrix of a polynomial of this degree, without the constant: the columns x, x², …, x^degree.
///
/// The powers are formed in twice the working precision and rounded once: products of rounded powers would be another
/// problem, and for high degrees visibly so. [`LinearRegression::fit_polynomial`](crate::LinearRegression::fit_polynomial)
/// does without even that rounding.
///
/// # Errors
/// [`Error::NotFinite`] for a value, or a power, that is not finite; [`Error::TooLarge`] if the memory cannot be had.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::{LinearRegression, polynomial};
///
/// let x = polynomial(&[0.0, 1.0, 2.0, 3.0], 2)?;
/// assert_eq!(x, dmatrix![0.0, 0.0; 1.0, 1.0; 2.0, 4.0; 3.0, 9.0]);
/// let fit = LinearRegression::new().fit(&x, &dvector![1.0, 0.0, 3.0, 10.0])?; // y = 1 − 3 x + 2 x²
/// assert_eq!(fit.coefficients(), &dmatrix![-3.0; 2.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn polynomial<T: Real>(x: &[T], degree: usize) -> Result<DMatrix<T>> {
    Ok(powers(x, degree)?.0)
}

/// The powers x, x², …, x^degree, and what each has lost to rounding.
pub(super) fn powers<T: Real>(x: &[T], degree: usize) -> Result<(DMatrix<T>, DMatrix<T>)> {
    let zeros = || linalg::zeros("a polynomial's design matrix", x.len().saturating_mul(degree));
    let mut rounded = DMatrix::from_vec(x.len(), degree, zeros()?);
    let mut lost = DMatrix::from_vec(x.len(), degree, zeros()?);
    // Exact products are formed of numbers well within the range of the type; 2^64 is exact.
    let large = T::nearest(64_f64.exp2());
    for (row, &x) in x.iter().enumerate() {
        let (grow, shrink) = if x.abs() > T::one() { (large, T::one() / large) } else { (T::one(), T::one()) };
        let mut power = T::Wide::widen(T::one());
        for column in 0..degree {
            power = power.scale(shrink).times(x * shrink).scale(grow).scale(grow);
            let value = power.round();
            if !value.is_finite() {
                let value = x.powi(column as i32 + 1).to_f64();
                return Err(Error::NotFinite { what: "powers", row, column, value });
            }
            rounded[(row, column)] = value;
            lost[(row, column)] = (power - T::Wide::widen(value)).round();
        }
    }
    Ok((rounded, lost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_rounded_once() {
        // 0.1⁷ and 0.1⁸ of the number that 0.1 rounds to, in exact arithmetic, rounded once.
        let powers = polynomial(&[0.1_f64], 8).unwrap();
        assert_eq!(powers[6], 1.000_000_000_000_000_4e-7);
        assert_eq!(powers[7], 1.000_000_000_000_000_5e-8);
    }

    #[test]
    fn powers_reach_to_the_end_of_the_range() {
        for x in [f64::MAX, -1e301, 1e301, 1.0, 1e-310, 5e-324] {
            assert_eq!(polynomial(&[x], 1).unwrap()[0], x);
        }
        let (rounded, lost) = powers(&[1e154, 3.0_f64.powi(30)], 2).unwrap();
        assert_eq!((rounded[(0, 1)], rounded[(1, 1)]), (1e154 * 1e154, 3.0_f64.powi(60)));
        // 3⁶⁰ in whole numbers.
        let exact = 3_i128.pow(60) - rounded[(1, 1)] as i128;
        assert_eq!(lost[(1, 1)], exact as f64);
        let single = polynomial(&[f32::MAX, 1e-20], 2);
        assert!(matches!(single, Err(Error::NotFinite { row: 0, column: 1, .. })));
        assert_eq!(polynomial(&[1e19_f32, 1e-20], 2).unwrap()[(0, 1)], (f64::from(1e19_f32).powi(2)) as f32);
    }

    #[test]
    fn what_overflows_is_located() {
        for (x, column) in [(1e200, 1), (-1e200, 1), (1e301, 1), (f64::NAN, 0)] {
            let error = polynomial(&[1.0, x], 3).unwrap_err();
            assert!(matches!(error, Error::NotFinite { what: "powers", row: 1, column: found, .. } if found == column));
        }
        let error = polynomial(&[1.0, 1e200], 3).unwrap_err();
        assert_eq!(error, Error::NotFinite { what: "powers", row: 1, column: 1, value: f64::INFINITY });
    }
}
