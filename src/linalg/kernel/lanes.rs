//! The vectors that the products are made of.

use std::arch::x86_64::*;

/// Numbers of the widest vector.
pub(super) const WIDEST: usize = 16;

/// A vector of numbers.
///
/// # Safety
/// For every method: the processor has the instructions, and as many numbers may be read or written at a pointer as
/// are loaded or stored.
pub(super) unsafe trait Lanes: Copy {
    type Scalar: Copy + PartialEq + std::ops::Add<Output = Self::Scalar> + std::ops::Mul<Output = Self::Scalar>;
    const COUNT: usize;
    unsafe fn splat(value: Self::Scalar) -> Self;
    unsafe fn zero() -> Self;
    /// `self · factor + term`, rounded once.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The sum of the numbers.
    unsafe fn sum(self) -> Self::Scalar;
    unsafe fn load(from: *const Self::Scalar) -> Self;
    unsafe fn store(self, to: *mut Self::Scalar);
    /// The first `count` numbers at a place, and zeros.
    unsafe fn load_first(from: *const Self::Scalar, count: usize) -> Self;
    /// Stores the first `count` numbers.
    unsafe fn store_first(self, to: *mut Self::Scalar, count: usize);
    /// One bit for each number, the first one's lowest: set unless the number is ±0.
    unsafe fn marks(self) -> u32;

    /// Sets the bit `place` of each column whose bit is set in `present`.
    #[inline(always)]
    unsafe fn collect(columns: &mut [u32; WIDEST], present: u32, place: usize) {
        for (c, column) in columns.iter_mut().enumerate() {
            *column |= (present >> c & 1) << place;
        }
    }
}

unsafe impl Lanes for __m512 {
    type Scalar = f32;
    const COUNT: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { _mm512_fmadd_ps(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        unsafe { _mm512_maskz_loadu_ps((1_u32 << count).wrapping_sub(1) as __mmask16, from) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        unsafe { _mm512_mask_storeu_ps(to, (1_u32 << count).wrapping_sub(1) as __mmask16, self) }
    }

    #[inline(always)]
    unsafe fn marks(self) -> u32 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self, _mm512_setzero_ps()).into() }
    }

    #[inline(always)]
    unsafe fn collect(columns: &mut [u32; WIDEST], present: u32, place: usize) {
        unsafe { collect_avx512(columns, present, place) }
    }
}

unsafe impl Lanes for __m256 {
    type Scalar = f32;
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { _mm256_fmadd_ps(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut lanes = [0.0; 8];
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.into_iter().sum()
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        unsafe {
            let places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), places);
            _mm256_maskload_ps(from, mask)
        }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        let mut lanes = [0.0; 8];
        unsafe {
            self.store(lanes.as_mut_ptr());
            to.copy_from_nonoverlapping(lanes.as_ptr(), count);
        }
    }

    #[inline(always)]
    unsafe fn marks(self) -> u32 {
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(self, _mm256_setzero_ps())) as u32 }
    }
}

unsafe impl Lanes for __m512d {
    type Scalar = f64;
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        unsafe { _mm512_set1_pd(value) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm512_setzero_pd() }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { _mm512_fmadd_pd(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        unsafe { _mm512_reduce_add_pd(self) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { _mm512_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm512_storeu_pd(to, self) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f64, count: usize) -> Self {
        unsafe { _mm512_maskz_loadu_pd((1_u32 << count).wrapping_sub(1) as __mmask8, from) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f64, count: usize) {
        unsafe { _mm512_mask_storeu_pd(to, (1_u32 << count).wrapping_sub(1) as __mmask8, self) }
    }

    #[inline(always)]
    unsafe fn marks(self) -> u32 {
        unsafe { _mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(self, _mm512_setzero_pd()).into() }
    }

    #[inline(always)]
    unsafe fn collect(columns: &mut [u32; WIDEST], present: u32, place: usize) {
        unsafe { collect_avx512(columns, present, place) }
    }
}

unsafe impl Lanes for __m256d {
    type Scalar = f64;
    const COUNT: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        unsafe { _mm256_set1_pd(value) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm256_setzero_pd() }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { _mm256_fmadd_pd(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        let mut lanes = [0.0; 4];
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.into_iter().sum()
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { _mm256_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm256_storeu_pd(to, self) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f64, count: usize) -> Self {
        unsafe {
            let places = _mm256_setr_epi64x(0, 1, 2, 3);
            let mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), places);
            _mm256_maskload_pd(from, mask)
        }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f64, count: usize) {
        let mut lanes = [0.0; 4];
        unsafe {
            self.store(lanes.as_mut_ptr());
            to.copy_from_nonoverlapping(lanes.as_ptr(), count);
        }
    }

    #[inline(always)]
    unsafe fn marks(self) -> u32 {
        unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NEQ_UQ>(self, _mm256_setzero_pd())) as u32 }
    }
}

/// [`Lanes::collect`] in one instruction.
#[inline(always)]
unsafe fn collect_avx512(columns: &mut [u32; WIDEST], present: u32, place: usize) {
    unsafe {
        let marks = _mm512_loadu_si512(columns.as_ptr().cast());
        let marks = _mm512_mask_or_epi32(marks, present as __mmask16, marks, _mm512_set1_epi32(1 << place));
        _mm512_storeu_si512(columns.as_mut_ptr().cast(), marks);
    }
}
