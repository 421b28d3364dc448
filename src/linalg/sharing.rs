#[cfg(feature = "threads")]
use super::kernel::team::{Sharing, sharing};
#[cfg(feature = "threads")]
pub(crate) use super::kernel::team::{for_each, set_threads, threads};

/// Parts of any work at most.
pub(crate) const MOST_PARTS: usize = 16;

/// Numbers of a vector that is worth several threads.
pub(crate) const LONG: usize = 1 << 15;

/// Numbers of one that is where the threads share no cache: more than the caches of one core hold.
const LONG_AND_FAR: usize = 1 << 18;

/// Multiplications of a product that is worth several threads.
const SHARED: usize = 1 << 18;

/// How many of them each number must be worth where the threads share no cache.
const FAR: usize = 64;

/// The threads that share the work.
#[cfg(not(feature = "threads"))]
pub(crate) fn threads() -> usize {
    1
}

/// The parts of work that takes so many multiplications, if it is worth several threads: if they share no cache, some
/// of so many numbers will have to be fetched from where another one has left them. As this changes with time, no bit
/// may depend on it.
pub(crate) fn parts_of_product(multiplications: usize, numbers: usize) -> usize {
    parts(|is_far| multiplications >= if is_far { SHARED.max(FAR * numbers) } else { SHARED })
}

/// The same of a loop over a vector.
pub(crate) fn parts_of_vector(length: usize) -> usize {
    parts(|is_far| length >= if is_far { LONG_AND_FAR } else { LONG })
}

#[cfg(feature = "threads")]
fn parts(is_worth: impl Fn(bool) -> bool) -> usize {
    let parts = threads().min(MOST_PARTS);
    // Asked last, since it takes a moment.
    let is_worth = parts > 1
        && is_worth(false)
        && match sharing() {
            Sharing::Never => false,
            Sharing::Far => is_worth(true),
            Sharing::Near => true,
        };
    if is_worth { parts } else { 1 }
}

#[cfg(not(feature = "threads"))]
fn parts(_: impl Fn(bool) -> bool) -> usize {
    1
}

/// Calls `work` once for each of the pieces, of which the first [`MOST_PARTS`] are taken; how many those were.
pub(crate) fn share<I: Send>(pieces: impl Iterator<Item = I>, work: impl Fn(I) + Sync) -> usize {
    let mut parts = [const { None }; MOST_PARTS];
    let mut count = 0;
    for (part, piece) in parts.iter_mut().zip(pieces) {
        *part = Some(piece);
        count += 1;
    }
    for_each(&mut parts[..count], |part| {
        if let Some(piece) = part.take() {
            work(piece);
        }
    });
    count
}

/// Calls `work` once for each item.
#[cfg(not(feature = "threads"))]
pub(crate) fn for_each<I: Send>(items: &mut [I], work: impl Fn(&mut I) + Sync) {
    items.iter_mut().for_each(work);
}

/// Hands out a part of a long vector to each thread, with the place where it begins.
pub(crate) fn for_each_part<T: Send>(x: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
    let parts = parts_of_vector(x.len());
    if parts == 1 {
        return work(0, x);
    }
    let size = x.len().div_ceil(parts);
    share(x.chunks_mut(size).enumerate(), |(place, x)| work(place * size, x));
}
