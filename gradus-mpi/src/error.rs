use std::time::Duration;

use crate::ranks::Call;
use crate::sharding::MOST_SHARDS;

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why ranks gave up.
///
/// What a collective call returns, it returns on every rank: all of them have agreed to fail, and none is left waiting.
///
/// # Examples
/// ```no_run
/// # fn load(_: usize) -> Result<Vec<f64>, std::io::Error> { Ok(Vec::new()) }
/// let _ = gradus_mpi::run(|ranks| {
///     let data = ranks.agree(load(ranks.rank()))?; // a file that is missing on one rank ends all of them
///     Ok(())
/// });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What a rank brought is bad.
    #[error("rank {rank}: {message}")]
    Rank {
        /// The rank; the lowest, if there are several.
        rank: usize,
        /// What it said.
        message: String,
        /// Its error, on that rank itself.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },

    /// What the ranks brought does not go together.
    #[error("all ranks: {0}")]
    Together(#[source] gradus::Error),

    /// A rank is elsewhere in the program than the others.
    #[error("rank {rank}: expected {expected} as on rank 0, found {found}")]
    OutOfStep {
        /// The first rank that is elsewhere.
        rank: usize,
        /// Where rank 0 is.
        expected: Call,
        /// Where that rank is.
        found: Call,
    },

    /// A rank has another value than the others of what must be the same on all.
    #[error("rank {rank}: {what}: expected {expected} as on rank 0, found {found}")]
    Different {
        /// The first rank that differs.
        rank: usize,
        /// What must be the same.
        what: &'static str,
        /// What rank 0 has.
        expected: String,
        /// What that rank has.
        found: String,
    },

    /// Some ranks did not come to a collective call in time: see [`Ranks::set_timeout`](crate::Ranks::set_timeout).
    ///
    /// This is the one error that a rank finds out by itself: whether the others have it depends on when they came.
    #[error("{call}: expected all ranks within {timeout:?}, found some that did not come")]
    Timeout {
        /// Where this rank waited.
        call: Call,
        /// How long.
        timeout: Duration,
    },

    /// A batch cannot be cut into this many shards.
    #[error("shards: expected at least 1 and at most {MOST_SHARDS}, found {found}")]
    Shards {
        /// The number of shards.
        found: usize,
    },

    /// A rank beyond the last.
    #[error("rank: expected one below {ranks}, found {rank}")]
    NoSuchRank {
        /// The rank.
        rank: usize,
        /// The number of ranks.
        ranks: usize,
    },

    /// A rank was not handed as many shards of a batch as it holds.
    #[error("shards of a batch: expected the {expected} that this rank holds, found {found}")]
    ShardCount {
        /// The number of shards that it holds.
        expected: usize,
        /// The number that it was handed.
        found: usize,
    },

    /// MPI runs in this process already, or has run: it starts but once.
    #[error("MPI: expected a process in which it has not been started, found one in which it has")]
    Started,
}

impl Error {
    /// Whether every rank that waits in a collective call has this error.
    pub(crate) fn is_agreed(&self) -> bool {
        // An error that a rank may have alone goes through an agreement, and comes out as another.
        !matches!(self, Self::Started | Self::Shards { .. } | Self::NoSuchRank { .. } | Self::ShardCount { .. })
    }
}
