//! Panels, passing over the zeros of B.

use std::array::from_fn;

use super::panels::{DEEPEST, Part, Sums};
use super::{Factors, Operands};
use crate::linalg::kernel::lanes::{Lanes, WIDEST};

/// The vectors of B that are looked at to know whether it pays to look for its zeros.
const SAMPLES: usize = 64;

/// Whether it pays to look for the zeros of B, and none of them would have met an infinite or NaN entry of A: then to
/// pass over them changes no sum.
#[inline(always)]
pub(super) unsafe fn is_sparse<F: Lanes>(f: &Factors<F::Scalar>) -> bool {
    // The lines of B that are contiguous.
    let (lines, length, stride) =
        if f.b_row == 1 { (f.columns, f.depth, f.b_column) } else { (f.depth, f.columns, f.b_row) };
    if f.rows < F::COUNT || lines * length < 64 * SAMPLES || length < F::COUNT {
        return false;
    }
    unsafe {
        let present = (0..SAMPLES).map(|sample| {
            // Here and there.
            let place = sample * length.div_ceil(SAMPLES) * 7 % (length - F::COUNT + 1);
            F::load(f.b.add(sample * lines / SAMPLES * stride + place)).marks().count_ones() as usize
        });
        present.sum::<usize>() * 5 <= 2 * SAMPLES * F::COUNT && is_finite::<F>(f)
    }
}

/// Whether all entries of A are finite.
#[inline(always)]
unsafe fn is_finite<F: Lanes>(f: &Factors<F::Scalar>) -> bool {
    let (lines, length, stride) = if f.a_row == 1 { (f.depth, f.rows, f.a_column) } else { (f.rows, f.depth, f.a_row) };
    let (lines, length) = if stride == length { (1, lines * length) } else { (lines, length) };
    unsafe {
        let mut sums = [F::zero(); 4];
        for line in 0..lines {
            let a = f.a.add(line * stride);
            let mut first = 0;
            while first + 4 * F::COUNT <= length {
                // 0 times a number is 0, or NaN.
                sums = from_fn(|v| F::load(a.add(first + v * F::COUNT)).mul_add(F::zero(), sums[v]));
                first += 4 * F::COUNT;
            }
            while first < length {
                let numbers = F::load_first(a.add(first), F::COUNT.min(length - first));
                sums[0] = numbers.mul_add(F::zero(), sums[0]);
                first += F::COUNT;
            }
        }
        sums.into_iter().all(|sum| sum.marks() == 0)
    }
}

/// As [`columns`], passing over the zeros of B.
#[inline(always)]
pub(super) unsafe fn sparse_columns<F, H, const V: usize>(o: &Operands<F::Scalar>, part: &Part<F::Scalar>)
where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    // Bit p of the words w of column c, of which the second has the high bits: row 64 w + p of B is not zero there.
    let mut marks = [[[0_u32; WIDEST]; 2]; DEEPEST.div_ceil(64)];
    let words = part.depth.div_ceil(32);
    let mut column = 0;
    while column < part.columns {
        let width = F::COUNT.min(part.columns - column);
        let b = unsafe { part.b.add(column * o.factors.b_column) };
        for (word, marks) in marks.as_flattened_mut()[..words].iter_mut().enumerate() {
            let first = 32 * word;
            let count = 32.min(part.depth - first);
            let b = unsafe { b.add(first * o.factors.b_row) };
            *marks = if o.factors.b_row == 1 {
                unsafe { marks_along::<F>(b, o.factors.b_column, count, width) }
            } else {
                unsafe { marks_across::<F>(b, o.factors.b_row, count, width) }
            };
        }
        // Several at once, since neighbors are often zero together, and share what is loaded of A: rows of a batch, such as
        // pixels side by side, more often than samples.
        let most = if o.factors.b_row == 1 { 2 } else { 4 };
        let mut c = 0;
        while c < width {
            let many = if width - c < most { 2.min(width - c) } else { most };
            let marks =
                |word: usize| marks[word].map(|words| words[c..c + many].iter().fold(0, |all, mark| all | mark));
            unsafe {
                match many {
                    4 => sparse_tile::<F, H, V, 4>(o, part, column + c, marks),
                    2 => sparse_tile::<F, H, V, 2>(o, part, column + c, marks),
                    _ => sparse_tile::<F, H, V, 1>(o, part, column + c, marks),
                }
            }
            c += many;
        }
        column += width;
    }
}

/// Of `count` contiguous numbers of each column.
#[inline(always)]
unsafe fn marks_along<F: Lanes>(b: *const F::Scalar, b_column: usize, count: usize, width: usize) -> [u32; WIDEST] {
    let mut marks = [0; WIDEST];
    for (c, marks) in marks[..width].iter_mut().enumerate() {
        let b = unsafe { b.add(c * b_column) };
        let whole = count - count % F::COUNT;
        for first in (0..whole).step_by(F::COUNT) {
            *marks |= unsafe { F::load(b.add(first)).marks() } << first;
        }
        if whole < count {
            *marks |= unsafe { F::load_first(b.add(whole), count - whole).marks() } << whole;
        }
    }
    marks
}

/// Of `count` rows in which the columns stand side by side.
#[inline(always)]
unsafe fn marks_across<F: Lanes>(b: *const F::Scalar, b_row: usize, count: usize, width: usize) -> [u32; WIDEST] {
    let mut marks = [0; WIDEST];
    for p in 0..count {
        let present = unsafe { F::load_first(b.add(p * b_row), width).marks() };
        unsafe { F::collect(&mut marks, present, p) };
    }
    marks
}

/// As [`tile`], from the rows of B that are marked.
#[inline(always)]
unsafe fn sparse_tile<F, H, const V: usize, const N: usize>(
    o: &Operands<F::Scalar>,
    part: &Part<F::Scalar>,
    column: usize,
    marks: impl Fn(usize) -> [u32; 2],
) where
    F: Lanes,
    H: Lanes<Scalar = F::Scalar>,
{
    let mut sums = unsafe { Sums::<F, H, V, N>::new() };
    let b: [*const F::Scalar; N] = from_fn(|n| unsafe { part.b.add((column + n) * o.factors.b_column) });
    for word in 0..part.depth.div_ceil(64) {
        let [low, high] = marks(word);
        let mut marks = u64::from(low) | u64::from(high) << 32;
        while marks != 0 {
            let place = 64 * word + marks.trailing_zeros() as usize;
            marks &= marks - 1;
            unsafe { sums.add(part, part.a.add(place * part.a_column), b.map(|b| *b.add(place * o.factors.b_row))) };
        }
    }
    unsafe { sums.write(o, part, column) };
}
