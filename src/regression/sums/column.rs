//! What is known about the column of a stream of observations, and how much of the sums of its products is left.
//!
//! **Exact.** A column is exact as long as all its entries are multiples of one power of two, its grain, of which they are
//! at most 2ᴮ and the root of its sum of squares is at most 2ᴮ: B = [`Wide::EXACT_BITS`], 50 for `f64` and 26 for
//! `f32`. The sum of the products of two exact columns was never rounded, and is the same whatever was added and taken
//! away before.
//!
//! **Zero.** A column of which the last entry that is not zero leaves is zero, and so are its sums, whatever they were.
//!
//! **Rounded.** A change rounds the sum Sᵢⱼ by at most u √(aᵢ aⱼ), u = [`Wide::ROUNDING`]. Of n rows that come at once, with
//! a sum of squares b, a = n b + m S for the sum S afterwards and m = min(n, [`FEW_ROWS`]); what goes is summed first,
//! and a = n b for each block of it, one more b to add each up, and the sum S before to subtract it. With rᵢ = Σ aᵢ
//! over all changes since a column was first rounded, the inequality of Cauchy and Schwarz bounds what adds up: the
//! error of Sᵢⱼ is at most u √(rᵢ rⱼ), or zero if both columns are exact. It is the fraction u √(rᵢ/Sᵢᵢ · rⱼ/Sⱼⱼ) of
//! √(Sᵢᵢ Sⱼⱼ), the largest that Sᵢⱼ may be; a removal after which that would exceed [`Wide::MOST_ROUNDING`] for any
//! pair is refused.

use crate::real::Real;
use crate::regression::problem::exponent;
use crate::wide::{FEW_ROWS, MOST_ROWS, Wide};

/// What the entries of some rows tell about a column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    /// The least e such that all are below 2^e; none of zeros.
    pub(super) exponent: Option<i32>,
    /// How many are not zero.
    pub(super) nonzero: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in super::super) struct Track {
    /// The entries are divided by 2 to this power. `None` where the column holds nothing but zeros.
    pub(in super::super) exponent: Option<i32>,
    /// The entries are multiples of 2 to this power, and the column is exact. `None` where it is not.
    pub(in super::super) grain: Option<i32>,
    /// The entries that are not zero.
    pub(in super::super) nonzero: usize,
    /// The r of the bound on what was rounded, in units of the divided entries.
    pub(in super::super) rounding: f64,
}

impl Track {
    pub(in super::super) fn is_exact(&self) -> bool {
        self.exponent.is_none() || self.grain.is_some()
    }

    /// Raises the exponent to that needed; by how much.
    pub(super) fn raise(&mut self, needed: i32) -> i32 {
        let shift = self.exponent.map_or(0, |exponent| (needed - exponent).max(0));
        if shift > 0 || self.exponent.is_none() {
            self.exponent = Some(needed);
            self.rounding *= f64::from(-2 * shift).exp2();
        }
        shift
    }

    /// Lowers the exponent to what the entries can at most be, given their sum of squares; by how much.
    pub(super) fn lower(&mut self, squares: f64) -> i32 {
        // It may be rounded.
        let largest = exponent(squares.sqrt() * (1.0 + f64::from(f32::EPSILON)));
        let shift = largest.map_or(0, |largest| (-largest).max(0));
        if shift > 0 {
            self.exponent = self.exponent.map(|exponent| exponent - shift);
            self.rounding *= f64::from(2 * shift).exp2();
        }
        shift
    }

    /// Takes in entries for which the exponent has been raised, and looks at their grain if that still matters.
    pub(super) fn take(&mut self, survey: Survey, grain: impl FnOnce() -> Option<i32>) {
        if survey.nonzero == 0 {
            return;
        }
        if self.nonzero == 0 {
            self.grain = grain();
        } else if let Some(known) = self.grain {
            self.grain = grain().map(|grain| grain.min(known));
        }
        self.nonzero += survey.nonzero;
    }

    /// Gives up entries; an error if they are not among those that were taken in, as far as can be seen.
    pub(super) fn give(&mut self, survey: Survey, grain: impl FnOnce() -> Option<i32>) -> Result<(), ()> {
        if survey.nonzero == 0 {
            return Ok(());
        }
        let finer = |known: i32| grain().is_none_or(|grain| grain < known);
        if survey.exponent > self.exponent || survey.nonzero > self.nonzero || self.grain.is_some_and(finer) {
            return Err(());
        }
        self.nonzero -= survey.nonzero;
        Ok(())
    }

    /// Joins a column of other sums, whose exponent is this much above the one that this has been raised to.
    pub(super) fn join(&mut self, other: &Self, shift: i32) {
        if other.nonzero == 0 {
            return;
        }
        self.grain = match (self.nonzero, self.grain, other.grain) {
            (0, _, grain) => grain,
            (_, Some(grain), Some(other)) => Some(grain.min(other)),
            _ => None,
        };
        self.nonzero += other.nonzero;
        self.rounding += other.rounding * f64::from(2 * shift).exp2();
    }

    /// Whether entries of this grain, with this sum of squares, are summed exactly.
    pub(in super::super) fn fits<T: Real>(&self, squares: f64) -> bool {
        let Some((exponent, grain)) = self.exponent.zip(self.grain) else { return self.exponent.is_none() };
        // A number that is not zero is above its grain; one that was read may be anything.
        let bits = i64::from(T::Wide::EXACT_BITS) - i64::from(exponent) + i64::from(grain);
        grain < exponent && bits >= 0 && squares <= ((2 * bits) as f64).exp2()
    }
}

/// Notes what adding some rows has rounded, given the sums of squares before and afterwards.
pub(super) fn note_rounding<T: Real>(
    columns: &mut [Track],
    rows: usize,
    before: impl Fn(usize) -> f64,
    squares: impl Fn(usize) -> f64,
) {
    let mut exact = true;
    for (place, column) in columns.iter_mut().enumerate() {
        if !column.fits::<T>(squares(place)) {
            column.grain = None;
            exact = false;
        }
    }
    if !exact {
        for (place, column) in columns.iter_mut().enumerate() {
            let (squares, few) = (squares(place), rows.min(FEW_ROWS) as f64);
            column.rounding += rows as f64 * (squares - before(place)) + few * squares;
        }
    }
}

/// Notes what removing some rows leaves, given the sums of squares before and those that are removed; or the column of
/// which too little is left.
pub(super) fn settle<T: Real>(
    columns: &mut [Track],
    rows: usize,
    squares: impl Fn(usize) -> (T::Wide, T::Wide),
) -> Result<(), usize> {
    for (place, column) in columns.iter_mut().enumerate().filter(|(_, column)| column.nonzero == 0) {
        let (before, removed) = squares(place);
        // Of exact sums this, and what is not positive below, is the proof that some rows were never pushed.
        if column.grain.is_some() && before != removed {
            return Err(place);
        }
        *column = Track::default();
    }
    let is_exact = columns.iter().all(Track::is_exact);
    let times = (rows.min(MOST_ROWS) + rows.div_ceil(MOST_ROWS)) as f64;
    let (mut most, mut most_rounded, mut worst) = (0.0, 0.0, 0);
    for (place, column) in columns.iter_mut().enumerate().filter(|(_, column)| column.exponent.is_some()) {
        let (before, removed) = squares(place);
        let left = (before - removed).round().to_f64();
        if left.is_nan() || left <= 0.0 {
            return Err(place);
        }
        if is_exact {
            column.rounding = 0.0;
            continue;
        }
        column.rounding += times * removed.round().to_f64() + before.round().to_f64();
        let fraction = column.rounding / left;
        if fraction > most {
            (most, worst) = (fraction, place);
        }
        if !column.is_exact() {
            most_rounded = fraction.max(most_rounded);
        }
    }
    // Of all pairs that are not both exact, these two columns have the largest product.
    let error = T::Wide::ROUNDING * (most * most_rounded).sqrt();
    if error > T::Wide::MOST_ROUNDING { Err(worst) } else { Ok(()) }
}
