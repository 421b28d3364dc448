use super::{Wide, add_plain_gram};

/// Dual numbers are there to differentiate, in one precision.
impl Wide<num_dual::Dual64> for num_dual::Dual64 {
    /// Of derivatives nothing is known.
    const EXACT_BITS: i32 = -1;
    const ROUNDING: f64 = 2.0 * f64::EPSILON;
    const MOST_ROUNDING: f64 = 1.0 / (1_u64 << 26) as f64;

    fn zero() -> Self {
        Self::from_re(0.0)
    }

    fn widen(value: Self) -> Self {
        value
    }

    fn product(a: Self, b: Self) -> Self {
        a * b
    }

    fn times(self, factor: Self) -> Self {
        self * factor
    }

    fn round(self) -> Self {
        self
    }

    fn sqrt(self) -> Self {
        nalgebra::ComplexField::sqrt(self)
    }

    fn scale(self, power_of_two: Self) -> Self {
        self * power_of_two
    }

    fn subtract_product(r: &mut [Self], x: &[Self], b: &[Self]) {
        for (column, &b) in x.chunks_exact(r.len()).zip(b) {
            r.iter_mut().zip(column).for_each(|(r, &x)| *r -= b.times(x));
        }
    }

    fn add_transposed_product(g: &mut [Self], x: &[Self], r: &[Self]) {
        for (column, g) in x.chunks_exact(r.len()).zip(g) {
            column.iter().zip(r).for_each(|(&x, &r)| *g += r.times(x));
        }
    }

    fn add_dot(self, x: &[Self], y: &[Self]) -> Self {
        x.iter().zip(y).fold(self, |sum, (&x, &y)| sum + x * y)
    }

    fn add_gram(subtract: bool, z: &[Self], factors: Option<&[Self]>, columns: usize, sums: &mut [Self]) {
        add_plain_gram(subtract, z.to_vec(), factors, columns, sums);
    }

    #[cfg(feature = "serde")]
    fn to_parts(self) -> [f64; 2] {
        [self.re, self.eps]
    }

    #[cfg(feature = "serde")]
    fn from_parts([re, eps]: [f64; 2]) -> Option<Self> {
        (re.is_finite() && eps.is_finite()).then(|| Self::new(re, eps))
    }
}
