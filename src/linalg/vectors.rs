use super::sharing::{LONG, MOST_PARTS, for_each, for_each_part, parts_of_vector};
use super::vectorized;
use crate::batch::Batch;
use crate::elementary::Loop;
use crate::error::{Error, Result};
use crate::real::Real;

/// Lanes of the unrolled reductions: four of the widest vectors, so that sums neither wait for one another nor drift.
const LANES: usize = 64;

/// Below this many numbers a loop is over before the processor has been asked for its vectors.
pub(super) const SHORT: usize = 64;

/// `length` zeros, or an error where the memory for them cannot be allocated.
pub(crate) fn zeros<T: Real>(what: &'static str, length: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| Error::TooLarge { what, count: length })?;
    values.resize(length, T::zero());
    Ok(values)
}

/// `y ← y + α x`.
pub(crate) fn add_scaled<T: Real>(y: &mut [T], alpha: T, x: &[T]) {
    match x.len() {
        0..SHORT => AddScaled { y, alpha, x }.run(),
        SHORT..LONG => vectorized(AddScaled { y, alpha, x }),
        LONG.. => for_each_part(y, |start, y| vectorized(AddScaled { x: &x[start..start + y.len()], alpha, y })),
    }
}

struct AddScaled<'a, T> {
    y: &'a mut [T],
    alpha: T,
    x: &'a [T],
}

impl<T: Real> Loop for AddScaled<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y += self.alpha * x;
        }
    }
}

/// `sum ← sum + X 1`: adds the columns of `x`.
pub(crate) fn add_columns<T: Real>(sum: &mut [T], x: Batch<'_, T>) {
    for column in x.iter() {
        add_scaled(sum, T::one(), column);
    }
}

/// `xᵀ y`.
pub(crate) fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    if x.len() < SHORT {
        return x.iter().zip(y).fold(T::zero(), |sum, (&x, &y)| sum + x * y);
    }
    if x.len() < LONG {
        return vectorized(Dot { x, y });
    }
    // The parts are the same on any number of threads.
    let mut sums = [(0, T::zero()); MOST_PARTS];
    let size = x.len().div_ceil(MOST_PARTS);
    sums.iter_mut().enumerate().for_each(|(part, sum)| sum.0 = (part * size).min(x.len()));
    let dot = |(start, sum): &mut (usize, T)| {
        let part = *start..x.len().min(*start + size);
        *sum = vectorized(Dot { x: &x[part.clone()], y: &y[part] });
    };
    if parts_of_vector(x.len()) > 1 {
        for_each(&mut sums, dot);
    } else {
        sums.iter_mut().for_each(dot);
    }
    sums.into_iter().fold(T::zero(), |total, (_, sum)| total + sum)
}

/// Overwrites with zeros.
pub(crate) fn clear<T: Real>(x: &mut [T]) {
    for_each_part(x, |_, x| x.fill(T::zero()));
}

struct Dot<'a, T> {
    x: &'a [T],
    y: &'a [T],
}

impl<T: Real> Loop for Dot<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run(self) -> T {
        let (x_blocks, y_blocks) = (self.x.chunks_exact(LANES), self.y.chunks_exact(LANES));
        let (x_rest, y_rest) = (x_blocks.remainder(), y_blocks.remainder());
        let mut lanes = [T::zero(); LANES];
        for (x, y) in x_blocks.zip(y_blocks) {
            for (lane, (&x, &y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
                *lane += x * y;
            }
        }
        for (lane, (&x, &y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
            *lane += x * y;
        }
        pairwise(lanes)
    }
}

fn pairwise<T: Real>(mut lanes: [T; LANES]) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
        width /= 2;
    }
    lanes[0]
}

/// `‖x‖₂`, without overflow or underflow of the squares; not finite only if an entry, or the norm itself, is not.
pub(crate) fn norm<T: Real>(x: &[T]) -> T {
    let squares = dot(x, x);
    // Below this the squares of the smaller entries may have lost digits or vanished.
    let reliable = T::min_positive() / T::epsilon();
    if squares.is_finite() && squares > reliable {
        return squares.sqrt();
    }
    let largest = largest_magnitude(x);
    if largest.is_zero() || !largest.is_finite() {
        return largest;
    }
    // Two steps, since 1/largest may overflow: the power of two alone is exact.
    let sum = x.iter().fold(T::zero(), |sum, &x| sum + (x / largest) * (x / largest));
    largest * sum.sqrt()
}

/// `max |xᵢ|`; NaN if an entry is NaN.
pub(super) fn largest_magnitude<T: Real>(x: &[T]) -> T {
    x.iter().fold(T::zero(), |largest, x| {
        let x = x.abs();
        // Written so that a NaN, once met, stays.
        if x <= largest { largest } else { x }
    })
}

/// The largest entry, −∞ if there is none. A NaN may be passed over: the caller's arithmetic meets it again.
pub(crate) fn largest<T: Real>(x: &[T]) -> T {
    let mut entries = x.iter().copied();
    let Some(first) = entries.next() else { return -T::one() / T::zero() };
    entries.fold(first, |largest, x| if x > largest { x } else { largest })
}

/// The place of the largest entry, the first of several; 0 if there is none. A NaN may be passed over: the caller's
/// arithmetic meets it again.
pub(crate) fn place_of_largest<T: Real>(x: &[T]) -> usize {
    (1..x.len()).fold(0, |largest, j| if x[j] > x[largest] { j } else { largest })
}
