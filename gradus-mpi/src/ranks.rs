use std::any::type_name;
use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gradus::Real;
use mpi::environment::Universe;
use mpi::topology::{Process, SimpleCommunicator};
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Equivalence, Root, Source};

use crate::error::{Error, Result};
use crate::sharding::{Sharding, part};
use crate::tree::{add, branches, is_apart, is_within};

/// The processes that work together, each with its rank: the whole of what `mpirun` started.
///
/// [`run`] makes it. Calls that say so are **collective**: every rank makes them, in the same order. Each begins with
/// an agreement, in which every rank says what it is about to do and whether it can; if one cannot, or is elsewhere in
/// the program, all return an error, and none waits for a message that does not come. Ranks that have once come apart
/// ([`Error::OutOfStep`], [`Error::Different`], [`Error::Timeout`]) stay so: every later call fails.
///
/// For a rank that does not come at all, the others wait unless there is a [timeout](Self::set_timeout).
pub struct Ranks {
    /// A duplicate of the world, so that messages of the program's own are not mistaken for ours.
    pub(crate) world: SimpleCommunicator,
    rank: usize,
    size: usize,
    timeout: Cell<Option<Duration>>,
    apart: Cell<Option<Apart>>,
    /// Ends MPI when it is dropped, so it is last.
    _universe: Universe,
}

/// The collective calls that a rank may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`Ranks::agree`].
    Agree,
    /// [`Ranks::broadcast`].
    Broadcast,
    /// [`Ranks::sum`].
    Sum,
    /// [`merge`](crate::merge).
    Merge,
    /// [`DataParallel::new`](crate::DataParallel::new).
    New,
    /// [`DataParallel::on`](crate::DataParallel::on) and its variants.
    On,
    /// An evaluation of an objective.
    Evaluate,
    /// [`Ranks::set_timeout`].
    Timeout,
    /// The end of [`run`].
    End,
}

const CALLS: [Call; 9] = [
    Call::Agree,
    Call::Broadcast,
    Call::Sum,
    Call::Merge,
    Call::New,
    Call::On,
    Call::Evaluate,
    Call::Timeout,
    Call::End,
];

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agree => "an agreement",
            Self::Broadcast => "a broadcast",
            Self::Sum => "a sum",
            Self::Merge => "a merging of sums",
            Self::New => "the making of an objective",
            Self::On => "the binding of a batch",
            Self::Evaluate => "an evaluation",
            Self::Timeout => "the setting of a timeout",
            Self::End => "the end of the program",
        })
    }
}

/// Runs a program on all ranks, to an exit code.
///
/// An error that the ranks have agreed on is printed once, a timeout by every rank that has waited. Any other error,
/// and a panic, is that of one rank, for which the others may be waiting. Each ends all ranks by `MPI_Abort`, with the
/// exit code 1.
///
/// # Examples
/// `mpirun -n 4 program` prints "6":
/// ```
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     gradus_mpi::run(|ranks| {
///         let mut sum = [(0..ranks.size()).sum::<usize>() as f64];
///         ranks.broadcast(&mut sum)?; // what rank 0 has
///         if ranks.rank() == 0 {
///             println!("{}", sum[0]);
///         }
///         Ok(())
///     })
/// }
/// ```
#[must_use]
pub fn run(program: impl FnOnce(&Ranks) -> Result<(), Box<dyn StdError>>) -> ExitCode {
    let ranks = match Ranks::start() {
        Ok(ranks) => ranks,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let error = match program(&ranks) {
        Err(error) if !error.downcast_ref::<Error>().is_some_and(Error::is_agreed) => {
            eprintln!("rank {}: {error}", ranks.rank);
            ranks.world.abort(1);
        }
        outcome => outcome.err(),
    };
    // A rank that has gone on, where the others ended, finds them here.
    let end = ranks.meet(Call::End, [0; 3], NO_ERROR).err();
    let Some(error) = error.or(end.map(Box::from)) else { return ExitCode::SUCCESS };
    if ranks.is_late() {
        eprintln!("rank {}: {error}", ranks.rank);
    } else if ranks.rank == 0 {
        eprintln!("{error}");
    }
    ranks.end_all()
}

impl Ranks {
    fn start() -> Result<Self> {
        let universe = mpi::initialize().ok_or(Error::Started)?;
        let world = universe.world().duplicate();
        // Neither is ever negative.
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        Ok(Self { world, rank, size, timeout: Cell::new(None), apart: Cell::new(None), _universe: universe })
    }

    /// The number of this process, from 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of processes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Which of `count` things, as blocks of a stream, are this rank's: the ranks have the ranges `⌊k n/P⌋ …` in
    /// their order, or one more where n is not a multiple of P.
    #[must_use]
    pub fn share(&self, count: usize) -> Range<usize> {
        part(count, self.size, self.rank)
    }

    /// Collective: from now on a rank gives up if it has waited this long in a collective call, and not all ranks have
    /// come there. At first, and with `None`, it waits for ever.
    ///
    /// It must be longer than what a rank may take for its work from one call to the next, and within an evaluation.
    /// While it is set, every collective call costs a barrier more, and an evaluation two.
    ///
    /// # Errors
    /// [`Error::Different`] if the ranks ask for different times.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let code = gradus_mpi::run(|ranks| {
    ///     ranks.set_timeout(Some(Duration::from_secs(60)))?;
    ///     ranks.sum(&mut [1.0])?; // gradus_mpi::Error::Timeout if a rank is stuck
    ///     Ok(())
    /// });
    /// assert_eq!(code, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn set_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        let nanoseconds = timeout.map_or(NONE, |timeout| u64::try_from(timeout.as_nanos()).unwrap_or(NONE - 1));
        let ((), met) = self.meet(Call::Timeout, [nanoseconds, 0, 0], NO_ERROR)?;
        met.same(0, "timeout in nanoseconds", tell_number)?;
        self.timeout.set(timeout);
        Ok(())
    }

    /// Collective: what this rank has got, if all ranks have got theirs.
    ///
    /// Whatever a rank does alone and may fail, as reading its data, belongs in here before the next collective call.
    ///
    /// # Errors
    /// [`Error::Rank`] with the error of the lowest rank that has one.
    pub fn agree<V, E>(&self, result: Result<V, E>) -> Result<V>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.meet(Call::Agree, [0; 3], result).map(|(value, _)| value)
    }

    /// Collective: overwrites `values` with those of rank 0.
    ///
    /// # Errors
    /// [`Error::Different`] if they are not as many on every rank, and of the same type.
    pub fn broadcast<T: Equivalence>(&self, values: &mut [T]) -> Result<()> {
        let ((), met) = self.meet(Call::Broadcast, [type_word::<T>(), values.len() as u64, 0], NO_ERROR)?;
        met.same(0, "type of the values to broadcast", tell_type)?;
        met.same(1, "number of values to broadcast", tell_number)?;
        self.broadcast_slice(values);
        Ok(())
    }

    /// Collective: overwrites `values` with their sums over the ranks.
    ///
    /// They are added in one binary tree, so that the same number of ranks always gives the same bits; the number may
    /// be any.
    ///
    /// # Errors
    /// [`Error::Different`] if they are not as many on every rank, and of the same type, [`Error::Rank`] if one of a
    /// rank is not finite or the memory for those of another rank cannot be allocated, [`Error::Together`] if a sum
    /// leaves the range of the type.
    ///
    /// # Examples
    /// ```
    /// let code = gradus_mpi::run(|ranks| {
    ///     let mut counts = [1.0, ranks.rank() as f64];
    ///     ranks.sum(&mut counts)?;
    ///     let size = ranks.size() as f64;
    ///     assert_eq!(counts, [size, size * (size - 1.0) / 2.0]);
    ///     Ok(())
    /// });
    /// assert_eq!(code, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn sum<T: Real + Equivalence>(&self, values: &mut [T]) -> Result<()> {
        let what = "values to sum";
        let memory = if all_finite(values) {
            zeros("values of another rank", values.len())
        } else {
            let row = values.iter().position(|value| !value.is_finite()).unwrap_or_default();
            Err(gradus::Error::NotFinite { what, row, column: 0, value: values[row].to_f64() })
        };
        let (mut from_other, met) = self.meet(Call::Sum, [type_word::<T>(), values.len() as u64, 0], memory)?;
        met.same(0, "type of the values to sum", tell_type)?;
        met.same(1, "number of values to sum", tell_number)?;
        self.add_up(Sharding::one_each(self), &mut [&mut *values], &mut from_other);
        if all_finite(values) { Ok(()) } else { Err(Error::Together(gradus::Error::Overflow { what })) }
    }

    /// Leaves the sum over all shards in the first of `sums`, on every rank. These are the sums over the largest nodes
    /// of the tree that a rank holds, or one that is overwritten if it holds none, and `from_other` is as long as one.
    pub(crate) fn add_up<T: Real + Equivalence>(
        &self,
        sharding: Sharding,
        sums: &mut [&mut [T]],
        from_other: &mut [T],
    ) {
        self.climb(sharding, 0..sharding.shards(), &mut sums.iter_mut().map(|sum| &mut **sum), from_other);
        self.broadcast_slice(sums[0]);
    }

    /// The sum over a node of the tree, on the rank that holds its first shard. A message goes to a lower rank always,
    /// and all ranks pass the nodes in the same order: so none waits for another that waits for it.
    fn climb<'s, T: Real + Equivalence, S: Iterator<Item = &'s mut [T]>>(
        &self,
        sharding: Sharding,
        node: Range<usize>,
        sums: &mut S,
        from_other: &mut [T],
    ) -> Option<&'s mut [T]> {
        let held = sharding.held();
        if is_apart(&node, &held) {
            return None;
        }
        if is_within(&node, &held) {
            return sums.next();
        }
        let [lower, upper] = branches(&node);
        let [low_rank, high_rank] = [&lower, &upper].map(|branch| sharding.holder(branch.start));
        let sum = self.climb(sharding, lower, sums, from_other);
        let of_upper = self.climb(sharding, upper, sums, from_other);
        match (sum, of_upper) {
            (Some(sum), Some(of_upper)) => {
                add(sum, of_upper);
                Some(sum)
            }
            (Some(sum), None) => {
                for (sum, from_other) in sum.chunks_mut(MOST_VALUES).zip(from_other.chunks_mut(MOST_VALUES)) {
                    let _ = self.process(high_rank).receive_into(from_other);
                    add(sum, from_other);
                }
                Some(sum)
            }
            (None, Some(of_upper)) => {
                of_upper.chunks(MOST_VALUES).for_each(|sum| self.process(low_rank).send(sum));
                None
            }
            (None, None) => None,
        }
    }

    /// As [`broadcast`](Self::broadcast), of slices that are known to be of the same length.
    pub(crate) fn broadcast_slice<T: Equivalence>(&self, values: &mut [T]) {
        // A count of MPI is an `i32`.
        for values in values.chunks_mut(MOST_VALUES) {
            self.process(0).broadcast_into(values);
        }
    }

    pub(crate) fn process(&self, rank: usize) -> Process<'_> {
        self.world.process_at_rank(rank as mpi::Rank)
    }

    /// What a collective call begins with: an error on any rank, or another call, becomes an error on all.
    pub(crate) fn meet<V, E>(&self, call: Call, words: [u64; 3], result: Result<V, E>) -> Result<(V, Meeting<'_>)>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        if let Some(apart) = self.apart.get() {
            return Err(apart.into());
        }
        self.come(call)?;
        let result = result.map_err(Into::into);
        let message = result.as_ref().err().map(ToString::to_string);
        // One more than the length, so that an empty message is one.
        let length = message.as_ref().map_or(0, |message| message.len() as u64 + 1);
        let mut table = vec![0; WORDS * self.size];
        self.world.all_gather_into(&[call as u64 | length << 8, words[0], words[1], words[2]], &mut table[..]);
        let call_of = |rank: usize| CALLS[(table[WORDS * rank] & 0xff) as usize];
        let length_of = |rank: usize| (table[WORDS * rank] >> 8) as usize;
        if let Some(rank) = (0..self.size).find(|&rank| call_of(rank) != call_of(0)) {
            return Err(self.come_apart(Apart::Calls { rank, expected: call_of(0), found: call_of(rank) }));
        }
        if let Some(rank) = (0..self.size).find(|&rank| length_of(rank) > 0) {
            let mut bytes = message.filter(|_| rank == self.rank).map(String::into_bytes).unwrap_or_default();
            bytes.resize(length_of(rank) - 1, 0);
            self.process(rank).broadcast_into(&mut bytes[..]);
            let message = String::from_utf8_lossy(&bytes).into_owned();
            return Err(Error::Rank { rank, message, source: result.err().filter(|_| rank == self.rank) });
        }
        let Ok(value) = result else { unreachable!("an error of this rank has failed the agreement") };
        Ok((value, Meeting { ranks: self, table }))
    }

    /// Waits for all ranks to come here, if there is a timeout.
    pub(crate) fn come(&self, call: Call) -> Result<()> {
        match self.timeout.get() {
            Some(timeout) if !self.all_come_within(timeout) => Err(self.come_apart(Apart::Late { call, timeout })),
            _ => Ok(()),
        }
    }

    fn all_come_within(&self, time: Duration) -> bool {
        let start = Instant::now();
        let mut barrier = self.world.immediate_barrier();
        loop {
            barrier = match barrier.test() {
                Ok(_) => return true,
                Err(waiting) => waiting,
            };
            if start.elapsed() >= time {
                // A request that is not complete must not be dropped.
                std::mem::forget(barrier);
                return false;
            }
            std::thread::yield_now();
        }
    }

    /// Whether this rank has given up waiting.
    fn is_late(&self) -> bool {
        matches!(self.apart.get(), Some(Apart::Late { .. }))
    }

    /// Ends all ranks, which have agreed to fail, by an `MPI_Abort` of rank 0: `MPI_Finalize` would wait for a rank
    /// that has taken another way and does not come.
    fn end_all(&self) -> ! {
        // Ranks that came apart may still be on their way here.
        let _ = self.all_come_within(Duration::from_secs(1));
        // Rank 0 may be the one that was waited for in vain.
        if self.rank > 0 && !self.is_late() {
            std::thread::sleep(Duration::from_secs(5));
        }
        self.world.abort(1)
    }

    fn come_apart(&self, apart: Apart) -> Error {
        self.apart.set(Some(apart));
        apart.into()
    }
}

/// Without a way out at each value, so that the processor's vectors do it.
pub(crate) fn all_finite<T: Real>(values: &[T]) -> bool {
    values.chunks(1024).all(|values| values.iter().fold(true, |finite, value| finite & value.is_finite()))
}

pub(crate) fn zeros<T: Real>(what: &'static str, count: usize) -> gradus::Result<Vec<T>> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(count).map_err(|_| gradus::Error::TooLarge { what, count })?;
    zeros.resize(count, T::zero());
    Ok(zeros)
}

impl fmt::Debug for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ranks").field("rank", &self.rank).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Drop for Ranks {
    fn drop(&mut self) {
        // MPI would wait for the others, and they for this rank.
        if std::thread::panicking() {
            self.world.abort(1);
        }
    }
}

/// How ranks came apart; as all of them see it.
#[derive(Clone, Copy)]
enum Apart {
    Calls { rank: usize, expected: Call, found: Call },
    Values { rank: usize, what: &'static str, words: [u64; 2], tell: fn(u64) -> String },
    Late { call: Call, timeout: Duration },
}

impl From<Apart> for Error {
    fn from(apart: Apart) -> Self {
        match apart {
            Apart::Calls { rank, expected, found } => Self::OutOfStep { rank, expected, found },
            Apart::Values { rank, what, words, tell } => {
                let [expected, found] = words.map(tell);
                Self::Different { rank, what, expected, found }
            }
            Apart::Late { call, timeout } => Self::Timeout { call, timeout },
        }
    }
}

/// One with a call and whether it failed, and three others.
const WORDS: usize = 4;

/// The word for a number that there is none of.
pub(crate) const NONE: u64 = u64::MAX;

pub(crate) fn tell_number(word: u64) -> String {
    if word == NONE { "none".to_owned() } else { word.to_string() }
}

/// The last eight bytes of the name of a type: `f64`, `Vector3`.
pub(crate) fn type_word<T>() -> u64 {
    type_name::<T>().bytes().fold(0, |word, byte| word << 8 | u64::from(byte))
}

pub(crate) fn tell_type(word: u64) -> String {
    let bytes = word.to_be_bytes();
    let name = String::from_utf8_lossy(&bytes);
    name.trim_start_matches('\0').to_owned()
}

/// The number of values of one message.
pub(crate) const MOST_VALUES: usize = 1 << 28;

/// Of a rank that can go on.
pub(crate) const NO_ERROR: Result<()> = Ok(());

/// What all ranks have said.
pub(crate) struct Meeting<'r> {
    ranks: &'r Ranks,
    table: Vec<u64>,
}

impl Meeting<'_> {
    /// An error unless all have the same word of this index.
    pub(crate) fn same(&self, word: usize, what: &'static str, tell: fn(u64) -> String) -> Result<()> {
        let of = |rank: usize| self.table[WORDS * rank + 1 + word];
        match (0..self.ranks.size).find(|&rank| of(rank) != of(0)) {
            None => Ok(()),
            Some(rank) => Err(self.ranks.come_apart(Apart::Values { rank, what, words: [of(0), of(rank)], tell })),
        }
    }
}
