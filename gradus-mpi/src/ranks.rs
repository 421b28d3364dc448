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
use crate::sharding::part;

/// The processes that work together, each with its rank: the whole of what `mpirun` started.
///
/// [`run`] makes it. Calls that say so are **collective**: every rank makes them, in the same order. Each begins with an
/// agreement, in which every rank says what it is about to do and whether it can; if one cannot, or is elsewhere in the
/// program, all return an error, and none waits for a message that does not come. Ranks that have once come apart
/// ([`Error::OutOfStep`], [`Error::Different`]) stay so: every later call fails.
pub struct Ranks {
    /// A duplicate of the world, so that messages of the program's own are not mistaken for ours.
    pub(crate) world: SimpleCommunicator,
    rank: usize,
    size: usize,
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
    /// [`DataParallel::on`](crate::DataParallel::on) and its kin.
    On,
    /// An evaluation of an objective.
    Evaluate,
    /// The end of [`run`].
    End,
}

const CALLS: [Call; 8] =
    [Call::Agree, Call::Broadcast, Call::Sum, Call::Merge, Call::New, Call::On, Call::Evaluate, Call::End];

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
            Self::End => "the end of the program",
        })
    }
}

/// Runs a program on all ranks, to an exit code.
///
/// An error that the ranks have agreed on is printed once. Any other error, and a panic, is that of one rank, for which the
/// others may be waiting. Either ends all ranks by `MPI_Abort`, with the exit code 1.
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
    let end = ranks.meet(Call::End, [0; 2], NO_ERROR).err();
    let Some(error) = error.or(end.map(Box::from)) else { return ExitCode::SUCCESS };
    if ranks.rank == 0 {
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
        Ok(Self { world, rank, size, apart: Cell::new(None), _universe: universe })
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
        self.meet(Call::Agree, [0; 2], result).map(|(value, _)| value)
    }

    /// Collective: overwrites `values` with those of rank 0.
    ///
    /// # Errors
    /// [`Error::Different`] if they are not as many on every rank.
    pub fn broadcast<T: Equivalence>(&self, values: &mut [T]) -> Result<()> {
        let ((), met) = self.meet(Call::Broadcast, [values.len() as u64, 0], NO_ERROR)?;
        met.same(0, "number of values to broadcast")?;
        self.broadcast_slice(values);
        Ok(())
    }

    /// Collective: overwrites `values` with their sums over the ranks.
    ///
    /// They are added in one binary tree, so that the same number of ranks always gives the same bits; the number may be any.
    ///
    /// # Errors
    /// [`Error::Different`] if they are not as many on every rank, [`Error::Rank`] if the memory for those of another rank
    /// cannot be had.
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
        let from_other = zeros("values of another rank", values.len());
        let (mut from_other, met) = self.meet(Call::Sum, [values.len() as u64, 0], from_other)?;
        met.same(0, "number of values to sum")?;
        self.add_up(values, &mut from_other);
        Ok(())
    }

    /// As [`sum`](Self::sum), of slices that are known to be of the same length, with as much memory.
    pub(crate) fn add_up<T: Real + Equivalence>(&self, sum: &mut [T], from_other: &mut [T]) {
        let mut distance = 1;
        while distance < self.size {
            if self.rank & distance != 0 {
                let lower = self.process(self.rank - distance);
                sum.chunks(MOST_VALUES).for_each(|sum| lower.send(sum));
                break;
            }
            if self.rank + distance < self.size {
                let upper = self.process(self.rank + distance);
                for (sum, from_other) in sum.chunks_mut(MOST_VALUES).zip(from_other.chunks_mut(MOST_VALUES)) {
                    let _ = upper.receive_into(from_other);
                    add(sum, from_other);
                }
            }
            distance *= 2;
        }
        self.broadcast_slice(sum);
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
    pub(crate) fn meet<V, E>(&self, call: Call, words: [u64; 2], result: Result<V, E>) -> Result<(V, Meeting<'_>)>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        if let Some(apart) = self.apart.get() {
            return Err(apart.into());
        }
        let result = result.map_err(Into::into);
        let message = result.as_ref().err().map(ToString::to_string);
        // One more than the length, so that an empty message is one.
        let length = message.as_ref().map_or(0, |message| message.len() as u64 + 1);
        let mut table = vec![0; WORDS * self.size];
        self.world.all_gather_into(&[call as u64, length, words[0], words[1]], &mut table[..]);
        let of = |rank: usize, word: usize| table[WORDS * rank + word];
        if let Some(rank) = (0..self.size).find(|&rank| of(rank, 0) != of(0, 0)) {
            let call = |rank| CALLS[of(rank, 0) as usize];
            return Err(self.come_apart(Apart::Calls { rank, expected: call(0), found: call(rank) }));
        }
        if let Some(rank) = (0..self.size).find(|&rank| of(rank, 1) > 0) {
            let mut bytes = message.filter(|_| rank == self.rank).map(String::into_bytes).unwrap_or_default();
            bytes.resize(of(rank, 1) as usize - 1, 0);
            self.process(rank).broadcast_into(&mut bytes[..]);
            let message = String::from_utf8_lossy(&bytes).into_owned();
            return Err(Error::Rank { rank, message, source: result.err().filter(|_| rank == self.rank) });
        }
        let Ok(value) = result else { unreachable!("an error of this rank has failed the agreement") };
        Ok((value, Meeting { ranks: self, table }))
    }

    /// Ends all ranks, which have agreed to fail, by an `MPI_Abort` of rank 0: `MPI_Finalize` would wait for a rank that has
    /// taken another way and does not come.
    fn end_all(&self) -> ! {
        // Ranks that came apart may still be on their way here.
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut barrier = Some(self.world.immediate_barrier());
        while let Some(waiting) = barrier.take() {
            barrier = waiting.test().err();
            if Instant::now() > deadline {
                // A request that is not complete must not be dropped.
                std::mem::forget(barrier.take());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.rank > 0 {
            std::thread::sleep(Duration::from_secs(5));
        }
        self.world.abort(1)
    }

    fn come_apart(&self, apart: Apart) -> Error {
        self.apart.set(Some(apart));
        apart.into()
    }
}

pub(crate) fn add<T: Real>(sum: &mut [T], other: &[T]) {
    sum.iter_mut().zip(other).for_each(|(sum, &other)| *sum += other);
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
    Values { rank: usize, what: &'static str },
}

impl From<Apart> for Error {
    fn from(apart: Apart) -> Self {
        match apart {
            Apart::Calls { rank, expected, found } => Self::OutOfStep { rank, expected, found },
            Apart::Values { rank, what } => Self::Different { rank, what },
        }
    }
}

/// A call, whether it failed, and two words.
const WORDS: usize = 4;

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
    /// The word of this index, if all have the same.
    pub(crate) fn same(&self, word: usize, what: &'static str) -> Result<u64> {
        let mut words = self.table.chunks_exact(WORDS).map(|words| words[2 + word]);
        let first = words.next().unwrap_or_default();
        match words.position(|other| other != first) {
            None => Ok(first),
            Some(place) => Err(self.ranks.come_apart(Apart::Values { rank: place + 1, what })),
        }
    }
}
