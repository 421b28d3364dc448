//! Elementary functions that the compiler can vectorize: without branches, calls and tables.

/// Whether every processor of the target multiplies and adds in one instruction.
pub(crate) const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// A loop over numbers, to be compiled for the vectors of the processor at hand: see [`crate::linalg::vectorized`].
pub(crate) trait Loop {
    type Output;

    /// The loop. Mark it `#[inline(always)]`, and the functions that it calls `#[inline]`.
    fn run(self) -> Self::Output;

    /// The loop on a processor that multiplies and adds in one instruction: to the same results.
    #[inline(always)]
    fn run_fused(self) -> Self::Output
    where
        Self: Sized,
    {
        self.run()
    }
}

/// `e^x` to within 1.5 ulp. Overflows to ∞ and underflows to 0, by way of subnormal numbers; NaN is passed on.
///
/// `x = n ln 2 + r` with a whole n and |r| ≤ ½ ln 2 (a bit more by rounding), and `e^r` by Taylor's polynomial, which
/// is cut off below a tenth of an ulp. No multiplication is fused with an addition, so that all processors give the
/// same bits.
///
/// W. J. Cody, W. Waite (1980): Software Manual for the Elementary Functions, chapter 6.
#[inline(always)]
pub(crate) fn exp_f64(x: f64) -> f64 {
    // Beyond these the result is ∞ or 0. Written so that NaN falls through.
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    // Adding 3·2⁵¹ rounds to a whole number, which then stands in the last bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let rounded = x * std::f64::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    // ln 2 in two parts, of which the first has so few bits that its product with n is exact.
    let r = (x - n * 0.693_147_180_369_123_8) - n * 1.908_214_929_270_587_7e-10;
    let mut p = INVERSE_FACTORIALS[13];
    for &coefficient in INVERSE_FACTORIALS[..13].iter().rev() {
        p = p * r + coefficient;
    }
    // 2ⁿ as a product of two, for a subnormal result and for n = 1024.
    let n = (rounded.to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64);
    let half = n >> 1;
    let power = |n: i64| f64::from_bits((n.wrapping_add(1023) << 52) as u64);
    p * power(half) * power(n.wrapping_sub(half))
}

/// As [`exp_f64`], in single precision.
#[inline(always)]
pub(crate) fn exp_f32(x: f32) -> f32 {
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    const ROUND: f32 = 12_582_912.0; // 3·2²²
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    const LEADING: f32 = 0.693_359_4; // 355/512, of nine bits
    let n = rounded - ROUND;
    let r = (x - n * LEADING) + n * 2.121_944_4e-4;
    let mut p = INVERSE_FACTORIALS[7] as f32;
    for &coefficient in INVERSE_FACTORIALS[..7].iter().rev() {
        p = p * r + coefficient as f32;
    }
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    p * power(half) * power(n.wrapping_sub(half))
}

/// 1/k! for k = 0, 1, …
const INVERSE_FACTORIALS: [f64; 14] = [
    1.0,
    1.0,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// In units in the last place of the exact result, which is computed from the standard library's in f64.
    fn ulps_f32(x: f32) -> f64 {
        let exact = f64::from(x).exp();
        let ulp = f64::from((exact as f32).next_up()) - f64::from(exact as f32);
        (f64::from(exp_f32(x)) - exact).abs() / ulp
    }

    #[test]
    fn single_precision_is_right_to_two_ulps_over_the_whole_range() {
        let mut worst: f64 = 0.0;
        // Every 101st number: all exponents, all leading bits.
        for bits in (0..=u32::MAX).step_by(101) {
            let x = f32::from_bits(bits);
            let y = exp_f32(x);
            if x.is_nan() {
                assert!(y.is_nan());
            } else if x > 88.722_84 {
                assert_eq!(y, f32::INFINITY, "{x}");
            } else if x < -103.972_1 {
                assert_eq!(y, 0.0, "{x}");
            } else {
                worst = worst.max(ulps_f32(x));
            }
        }
        assert!(worst < 1.5, "{worst} ulp");
    }

    #[test]
    fn double_precision_is_right_to_two_ulps() {
        let mut worst: f64 = 0.0;
        for i in 0..2_000_000 {
            let x = -745.0 + (f64::from(i) + 0.37) * (1454.7 / 2e6);
            let (y, exact) = (exp_f64(x), x.exp());
            worst = worst.max((y - exact).abs() / (exact.next_up() - exact));
        }
        for i in -1_000_000..1_000_000 {
            let x = f64::from(i) * 1.234_567e-6;
            let (y, exact) = (exp_f64(x), x.exp());
            worst = worst.max((y - exact).abs() / (exact.next_up() - exact));
        }
        // The standard library's own error is below one.
        assert!(worst < 2.0, "{worst} ulp");
        assert_eq!([exp_f64(0.0), exp_f64(-0.0), exp_f64(f64::MIN_POSITIVE)], [1.0; 3]);
        assert_eq!([710.0, 1e300, f64::INFINITY].map(exp_f64), [f64::INFINITY; 3]);
        assert_eq!([-745.2, -746.0, -1e300, f64::NEG_INFINITY].map(exp_f64), [0.0; 4]);
        assert!(exp_f64(f64::NAN).is_nan());
        // e⁻⁷⁴⁰ is subnormal.
        assert_eq!(exp_f64(-740.0), (-740.0_f64).exp());
    }
}
