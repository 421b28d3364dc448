//! Numbers, counts and choices that bytes decide: what proptest and libFuzzer mutate.

use gradus::Real;
use gradus::nalgebra::DMatrix;

/// Counts that no memory holds.
const HUGE: [usize; 5] =
    [usize::MAX, usize::MAX / 2, usize::MAX / 2 + 1, 1 << (usize::BITS - 2), 1 << (usize::BITS - 3)];

/// Numbers at the ends of what there is.
const EXTREMES: [f64; 16] = [
    1e300,
    -1e300,
    1e-300,
    -1e-300,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    1e-310,
    1e154,
    1e38,
    1e-45,
    0.0,
    -0.0,
    1.0,
];

/// Reads choices from bytes, and makes up what follows their end as a function of them.
pub(crate) struct Source<'a> {
    bytes: &'a [u8],
    state: u64,
    wildness: u8,
}

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        // FNV-1a.
        let state = bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |state: u64, &byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut source = Self { bytes, state, wildness: 0 };
        source.wildness = source.byte() % 8;
        source
    }

    pub(crate) fn byte(&mut self) -> u8 {
        if let Some((&first, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            return first;
        }
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 29)) as u8
    }

    pub(crate) fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// True once in so many.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A number below this one, which is at most 256.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// A size to build data of: mostly a few, seldom none.
    pub(crate) fn size(&mut self) -> usize {
        [1, 2, 3, 4, 5, 7, 12, 0][self.below(8)]
    }

    /// A size to ask for: now and then one that no memory holds.
    pub(crate) fn count(&mut self) -> usize {
        if self.once_in(8) { HUGE[self.below(HUGE.len())] } else { self.size() }
    }

    /// A number: of everyday size in half of the cases, at the ends of the range, and in a quarter not finite too.
    pub(crate) fn number<T: Real>(&mut self) -> T {
        let kind = self.byte();
        let value = match self.wildness {
            0..=3 => f64::from(kind as i8) / 16.0,
            4 | 5 if kind < 128 => f64::from(kind as i8) / 16.0,
            4 | 5 => EXTREMES[self.below(EXTREMES.len())],
            _ if kind < 192 => f64::from(kind as i8) / 16.0,
            _ if kind < 224 => EXTREMES[self.below(EXTREMES.len())],
            _ if kind < 240 => f64::from_bits(self.word()),
            _ => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][self.below(3)],
        };
        let number = T::nearest(value);
        if value.is_finite() && !number.is_finite() { T::nearest(value.signum() * 1e30) } else { number }
    }

    /// A hyper-parameter: mostly one from 0 to 1, now and then any number.
    pub(crate) fn parameter<T: Real>(&mut self) -> T {
        match self.below(24) {
            0 => self.number(),
            1 => T::nearest([0.0, 1.0, -1.0, f64::NAN, f64::INFINITY, 5e-324, 1e300, -0.0][self.below(8)]),
            _ => T::nearest((f64::from(self.byte()) + 1.0) / 258.0),
        }
    }

    pub(crate) fn numbers<T: Real>(&mut self, count: usize) -> Vec<T> {
        (0..count).map(|_| self.number()).collect()
    }

    pub(crate) fn matrix<T: Real>(&mut self, rows: usize, columns: usize) -> DMatrix<T> {
        DMatrix::from_vec(rows, columns, self.numbers(rows * columns))
    }

    /// This size, or now and then another one.
    pub(crate) fn about(&mut self, size: usize) -> usize {
        if self.once_in(16) { self.size() } else { size }
    }
}
