//! How many threads share the work (feature `threads`).
//!
//! The number is one for the whole process. No result depends on it, to the last bit.

use crate::checks;
use crate::error::Result;
use crate::linalg;

/// Sets the number of threads that share the work, the calling one included; at first as many as there are processors.
///
/// They share large matrix products (forward, weight gradients, factorizations), the gathering of large batches, and
/// the passes of a regression over its data. No result depends on their number, to the last bit: outputs are divided
/// among them and not sums, or else sums are cut in a way that depends on the sizes alone.
///
/// Between pieces of work the threads wait awake for some hundred microseconds, as a training step has no time to wake
/// them; then they sleep. They serve one caller at a time: another one meanwhile computes on its own thread alone.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
///
/// # Examples
/// ```
/// let before = gradus::threads::count();
/// gradus::threads::set(2)?;
/// assert_eq!(gradus::threads::count(), 2);
/// assert!(gradus::threads::set(0).is_err());
/// gradus::threads::set(before)?;
/// # Ok::<(), gradus::Error>(())
/// ```
pub fn set(threads: usize) -> Result<()> {
    linalg::set_threads(checks::at_least_one("threads", threads)?);
    Ok(())
}

/// The number of threads that share the work: see [`set`].
#[must_use]
pub fn count() -> usize {
    linalg::threads()
}
