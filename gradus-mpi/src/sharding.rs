use std::ops::Range;

use crate::error::{Error, Result};
use crate::ranks::Ranks;

/// How many parts a batch is cut into, unless told otherwise.
pub const SHARDS: usize = 8;

/// Which shards a rank holds: shard by shard for all of `shards`, whatever the number of ranks.
///
/// The shards are what results depend on; the ranks only say who computes them. Both are powers of two, so that a rank
/// has a whole branch of the binary tree in which the shards are added.
///
/// # Examples
/// ```
/// use gradus_mpi::Sharding;
///
/// let sharding = Sharding::new(8, 4, 1)?; // rank 1 of 4
/// assert_eq!(sharding.held(), 2..4);
/// assert_eq!(sharding.shard(20, 3), 9..12); // of 20 samples
/// assert_eq!(sharding.samples(20), 6..12);
/// # Ok::<(), gradus_mpi::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharding {
    shards: usize,
    ranks: usize,
    rank: usize,
}

impl Sharding {
    /// That of a rank among `ranks`.
    ///
    /// # Errors
    /// [`Error::Uneven`] unless both numbers are powers of two and there are at least as many shards as ranks;
    /// [`Error::NoSuchRank`] for a rank that is not below their number.
    pub fn new(shards: usize, ranks: usize, rank: usize) -> Result<Self> {
        if !(shards.is_power_of_two() && ranks.is_power_of_two() && ranks <= shards) {
            return Err(Error::Uneven { shards, ranks });
        }
        if rank >= ranks {
            return Err(Error::NoSuchRank { rank, ranks });
        }
        Ok(Self { shards, ranks, rank })
    }

    /// That of this rank, of [`SHARDS`].
    ///
    /// # Errors
    /// [`Error::Uneven`] if there are not 1, 2, 4 or 8 ranks.
    pub fn of(ranks: &Ranks) -> Result<Self> {
        Self::new(SHARDS, ranks.size(), ranks.rank())
    }

    /// The number of shards.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// The shards that this rank holds.
    #[must_use]
    pub fn held(&self) -> Range<usize> {
        part(self.shards, self.ranks, self.rank)
    }

    /// The samples that make up a shard of a data set or batch of `samples`; of the shards, the first ones have one more
    /// where they cannot all have as many. None for a shard that is not there.
    #[must_use]
    pub fn shard(&self, samples: usize, shard: usize) -> Range<usize> {
        part(samples, self.shards, shard)
    }

    /// The samples that this rank holds: those of its shards.
    #[must_use]
    pub fn samples(&self, samples: usize) -> Range<usize> {
        let held = self.held();
        self.shard(samples, held.start).start..self.shard(samples, held.end - 1).end
    }
}

/// The range of one of `parts` of `count` things; the first have one more where they cannot all have as many.
pub(crate) fn part(count: usize, parts: usize, index: usize) -> Range<usize> {
    let start = |index: usize| {
        let index = index.min(parts);
        index * (count / parts) + index.min(count % parts)
    };
    start(index)..start(index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_held_once_by_the_same_shard_for_any_number_of_ranks() {
        for samples in [0, 1, 7, 8, 9, 20, 60_000] {
            for ranks in [1, 2, 4, 8] {
                let mut next = 0;
                for rank in 0..ranks {
                    let sharding = Sharding::new(SHARDS, ranks, rank).unwrap();
                    assert_eq!(sharding.held().len(), SHARDS / ranks);
                    assert_eq!(sharding.samples(samples).start, next);
                    for shard in sharding.held() {
                        let range = sharding.shard(samples, shard);
                        assert_eq!(range, Sharding::new(SHARDS, 1, 0).unwrap().shard(samples, shard));
                        assert_eq!(range.start, next);
                        assert!(range.len() == samples / SHARDS || range.len() == samples / SHARDS + 1);
                        next = range.end;
                    }
                    assert_eq!(sharding.samples(samples).end, next);
                }
                assert_eq!(next, samples);
            }
        }
        assert!(Sharding::new(SHARDS, 1, 0).unwrap().shard(20, 8).is_empty());
    }

    #[test]
    fn uneven_numbers_are_refused() {
        for (shards, ranks) in [(8, 3), (8, 16), (6, 2), (0, 1), (8, 0)] {
            assert!(matches!(Sharding::new(shards, ranks, 0), Err(Error::Uneven { .. })), "{shards} for {ranks}");
        }
        let error = Sharding::new(8, 3, 0).unwrap_err().to_string();
        let expected =
            "shards: expected a power of two, and as many ranks or a power of two fewer, found 8 for 3 ranks";
        assert_eq!(error, expected);
        assert!(Sharding::new(8, 2, 2).unwrap_err().to_string().contains("found 2"));
    }
}
