use std::ops::Range;

use crate::error::{Error, Result};
use crate::ranks::Ranks;

/// How many parts a batch is cut into, unless told otherwise.
pub const SHARDS: usize = 8;

pub(crate) const MOST_SHARDS: usize = 1 << 20;

/// Which shards a rank holds: neighbors, and as many as any other rank or one more or less.
///
/// The shards are what results depend on; the ranks only say who computes them. There may be any number of either.
/// Ranks beyond the number of shards hold none, and have nothing to compute; work is shared evenly if the number of
/// ranks divides that of the shards.
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
    /// [`Error::Shards`] for no shards or more than 2²⁰, [`Error::NoSuchRank`] for a rank that is not below the
    /// number of ranks.
    pub fn new(shards: usize, ranks: usize, rank: usize) -> Result<Self> {
        if !(1..=MOST_SHARDS).contains(&shards) {
            return Err(Error::Shards { found: shards });
        }
        if rank >= ranks {
            return Err(Error::NoSuchRank { rank, ranks });
        }
        Ok(Self { shards, ranks, rank })
    }

    /// That of this rank, of [`SHARDS`].
    #[must_use]
    pub fn of(ranks: &Ranks) -> Self {
        Self { shards: SHARDS, ranks: ranks.size(), rank: ranks.rank() }
    }

    /// One shard for each rank.
    pub(crate) fn one_each(ranks: &Ranks) -> Self {
        Self { shards: ranks.size(), ..Self::of(ranks) }
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

    /// The shards of every rank, in the order of the ranks.
    pub(crate) fn of_all(&self) -> impl Iterator<Item = Range<usize>> {
        let Self { shards, ranks, .. } = *self;
        (0..ranks).map(move |rank| part(shards, ranks, rank))
    }

    /// The rank that holds a shard.
    pub(crate) fn holder(&self, shard: usize) -> usize {
        let (each, longer) = (self.shards / self.ranks, self.shards % self.ranks);
        // The first ranks hold one more, and all shards if there are fewer than ranks.
        let of_longer = longer * (each + 1);
        if shard < of_longer { shard / (each + 1) } else { longer + (shard - of_longer) / each }
    }

    /// The samples that make up a shard of a data set or batch of `samples`; of the shards, the first ones have one
    /// more where they cannot all have as many. None for a shard that is not there.
    #[must_use]
    pub fn shard(&self, samples: usize, shard: usize) -> Range<usize> {
        part(samples, self.shards, shard)
    }

    /// The samples that this rank holds: those of its shards.
    #[must_use]
    pub fn samples(&self, samples: usize) -> Range<usize> {
        let held = self.held();
        self.shard(samples, held.start).start..self.shard(samples, held.end).start
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
            for ranks in 1..=10 {
                let mut next = 0;
                for rank in 0..ranks {
                    let sharding = Sharding::new(SHARDS, ranks, rank).unwrap();
                    assert!(sharding.held().len() == SHARDS / ranks || sharding.held().len() == SHARDS / ranks + 1);
                    assert!(sharding.held().all(|shard| sharding.holder(shard) == rank));
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
    fn f15_any_numbers_go_together_but_no_shards_and_no_ranks() {
        let held = |shards, ranks| (0..ranks).map(move |rank| Sharding::new(shards, ranks, rank).unwrap().held().len());
        assert_eq!(held(8, 3).collect::<Vec<_>>(), [3, 3, 2]);
        assert_eq!(held(8, 7).collect::<Vec<_>>(), [2, 1, 1, 1, 1, 1, 1]);
        assert_eq!(held(6, 2).collect::<Vec<_>>(), [3, 3]);
        assert_eq!(held(2, 3).collect::<Vec<_>>(), [1, 1, 0]);
        for (shards, message) in [(0, "found 0"), (MOST_SHARDS + 1, "found 1048577")] {
            let error = Sharding::new(shards, 1, 0).unwrap_err();
            assert_eq!(error.to_string(), format!("shards: expected at least 1 and at most 1048576, {message}"));
        }
        for (ranks, rank) in [(2, 2), (0, 0)] {
            let error = Sharding::new(8, ranks, rank).unwrap_err();
            assert_eq!(error.to_string(), format!("rank: expected one below {ranks}, found {rank}"));
        }
    }
}
