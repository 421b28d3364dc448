#[cfg(feature = "threads")]
pub(crate) use super::kernel::team::{for_each, set_threads, threads};

/// Parts of any work at most.
pub(crate) const MOST_PARTS: usize = 16;

/// Numbers of a vector that is worth several threads.
pub(crate) const LONG: usize = 1 << 15;

/// The threads that share the work.
#[cfg(not(feature = "threads"))]
pub(crate) fn threads() -> usize {
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
    if x.len() < LONG {
        return work(0, x);
    }
    let threads = threads().min(MOST_PARTS);
    let size = x.len().div_ceil(threads).max(1);
    share(x.chunks_mut(size).enumerate(), |(place, x)| work(place * size, x));
}
