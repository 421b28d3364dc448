//! Threads that wait for the next piece of work, so that one of some microseconds is worth sharing.
//!
//! Pools that are there for all purposes put idle threads to sleep after some ten microseconds, and take as long to
//! wake them: between the products of a training step that is lost again. These wait for some hundred microseconds:
//! awake at first, then yielding their processor to whoever wants it.
//!
//! A team does one job at a time. Whoever meets it at work, on another thread or from within a job, does all parts of
//! its own job itself: no result depends on who did which part.
//!
//! The team looks at what sharing costs here and now. It measures from time to time how long its threads take to hand a
//! number over, as two processors may share a cache or not, and a virtual machine's move. It rests for a while after a
//! job that waited for a helper whose processor had been taken away, by another process or by more threads than
//! processors.
//!
//! # Safety
//! A job is a pointer to a closure on the stack of [`Team::work`]. A helper reads it only after it has entered, which
//! it can while the job is open; `work` closes the job and waits until nobody is in before it returns, or unwinds. Each
//! part is claimed once, by its bit, so that [`for_each`] lends each item to one thread alone.

use std::any::Any;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How often a thread looks for what it waits for before it yields, some thirty microseconds, and how often an idle
/// helper yields before it sleeps.
const LOOKS: u32 = 1_000;
const YIELDS: u32 = 200;

/// The state of a team: the number of the job in the high bits, whether it is open, how many helpers are asked, and how
/// many are in.
const JOB: u64 = 1 << 17;
const OPEN: u64 = 1 << 16;
const ASKED: u64 = 1 << 8;
const INSIDE: u64 = ASKED - 1;

/// Parts of a job at most.
const MOST_PARTS: usize = 64;

/// How long what has been measured is believed, and that nobody came.
const BELIEVED: Duration = Duration::from_millis(100);
const MISSED: Duration = Duration::from_millis(20);

/// Threads that take longer than this to hand a number over and get one back do not share a cache: those that do take
/// 30 to 150 ns, others 200 to 500.
const NEAR: Duration = Duration::from_nanos(180);

/// How often a number is handed over to measure that.
const EXCHANGES: u32 = 16;

/// A helper that has not come after so long has no processor to run on.
const LATE: Duration = Duration::from_micros(300);

/// How much longer than what was lost by waiting for one the team rests, and for how long at most.
const REST: u32 = 16;
const LONGEST_REST: Duration = Duration::from_secs(2);

/// What it takes to share work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// The team is at work or rests, or there is none.
    Never,
    /// What one thread has written another one has to fetch from far away.
    Far,
    Near,
}

/// What helpers are asked to do.
struct Job<'a> {
    work: &'a (dyn Fn(usize) + Sync),
    parts: usize,
    /// A bit for each part that nobody has begun.
    left: AtomicU64,
    panicked: AtomicBool,
}

impl Job<'_> {
    /// Does parts until none is left, first those that a thread of this number does each time: their data are in its
    /// cache.
    fn help(&self, number: usize, threads: usize) {
        let first = (number * self.parts / threads) as u32;
        loop {
            let left = self.left.load(Ordering::Relaxed);
            if left == 0 {
                return;
            }
            let part = (left.rotate_right(first).trailing_zeros() + first) % MOST_PARTS as u32;
            let bit = 1 << part;
            if self.left.fetch_and(!bit, Ordering::Relaxed) & bit != 0 {
                (self.work)(part as usize);
            }
        }
    }
}

struct Team {
    state: AtomicU64,
    job: AtomicPtr<Job<'static>>,
    /// Threads that share the work, and those that can run at the same time.
    threads: AtomicUsize,
    processors: AtomicUsize,
    /// A bit for each helper that sleeps.
    sleeping: AtomicU64,
    /// Held by whoever gives out a job.
    crew: Mutex<Crew>,
}

/// The helpers, and what is known of them.
struct Crew {
    helpers: Vec<Thread>,
    /// What it takes to share work with them, and when that was measured.
    sharing: Sharing,
    measured: Option<Instant>,
    /// The end of the latest rest, and how long it was.
    rested: Option<Instant>,
    rest: Duration,
}

impl Crew {
    /// Whoever began a job then, and did what there was for him in that time, has waited for the others until now.
    fn waited(&mut self, begin: Instant, own: Duration) {
        let end = Instant::now();
        let waited = (end - begin).saturating_sub(own);
        if waited > own / 2 + LATE {
            let is_again = self.rested.is_some_and(|rested| end - rested < 2 * self.rest);
            self.rest = LONGEST_REST.min(if is_again { 2 * self.rest } else { Duration::ZERO }.max(REST * waited));
            self.rested = Some(end + self.rest);
        }
    }
}

fn team() -> &'static Team {
    static TEAM: OnceLock<Team> = OnceLock::new();
    TEAM.get_or_init(|| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let crew =
            Crew { helpers: Vec::new(), sharing: Sharing::Never, measured: None, rested: None, rest: Duration::ZERO };
        Team {
            state: AtomicU64::new(0),
            job: AtomicPtr::new(std::ptr::null_mut()),
            threads: AtomicUsize::new(processors),
            processors: AtomicUsize::new(processors),
            sleeping: AtomicU64::new(0),
            crew: Mutex::new(crew),
        }
    })
}

/// The threads that share the work, the calling one included.
pub(crate) fn threads() -> usize {
    team().threads.load(Ordering::Relaxed)
}

/// Sets their number; at least 1.
pub(crate) fn set_threads(threads: usize) {
    team().threads.store(threads.max(1), Ordering::Relaxed);
}

/// What it takes to share work now.
pub(crate) fn sharing() -> Sharing {
    team().sharing()
}

impl Team {
    /// Helpers of a job of so many parts.
    fn helpers(&self, parts: usize) -> usize {
        // More threads than processors would only wait for one another.
        let threads = self.threads.load(Ordering::Relaxed).min(self.processors.load(Ordering::Relaxed));
        threads.min(parts).min(MOST_PARTS) - 1
    }

    /// The crew, unless it is at work or rests.
    fn crew(&self, now: Instant) -> Option<MutexGuard<'_, Crew>> {
        let crew = self.crew.try_lock().ok()?;
        if crew.rested.is_some_and(|end| now < end) { None } else { Some(crew) }
    }

    fn sharing(&'static self) -> Sharing {
        let (now, helpers) = (Instant::now(), self.helpers(MOST_PARTS));
        if helpers == 0 {
            return Sharing::Never;
        }
        let Some(mut crew) = self.crew(now) else { return Sharing::Never };
        let believed = if crew.sharing == Sharing::Never { MISSED } else { BELIEVED };
        if crew.measured.is_none_or(|measured| now - measured > believed) {
            crew.sharing = match self.exchange(&mut crew, helpers) {
                None => Sharing::Never,
                Some(exchange) if exchange > NEAR => Sharing::Far,
                Some(_) => Sharing::Near,
            };
            crew.measured = Some(now);
        }
        crew.sharing
    }

    /// How long the slowest of the helpers takes to get a number and to give one back; `None` if one does not come.
    fn exchange(&'static self, crew: &mut Crew, helpers: usize) -> Option<Duration> {
        /// A line of the cache for each: odd numbers go to the helper, even ones come back.
        #[derive(Default)]
        #[repr(align(128))]
        struct Place(AtomicU32);

        const OVER: u32 = u32::MAX;
        let answer = |place: &AtomicU32| {
            let (mut number, mut looks) = (0, 0_u32);
            while number != OVER {
                if number % 2 == 1 {
                    // Unless it is over by now.
                    let _ = place.compare_exchange(number, number + 1, Ordering::Release, Ordering::Relaxed);
                    looks = 0;
                }
                number = place.load(Ordering::Acquire);
                looks += 1;
                if looks.is_multiple_of(16 * LOOKS) {
                    thread::yield_now();
                }
            }
        };
        let ask = |place: &AtomicU32| -> Option<Duration> {
            let mut fastest = LATE;
            for exchange in 0..EXCHANGES {
                let (begin, mut looks) = (Instant::now(), 0_u32);
                place.store(2 * exchange + 1, Ordering::Release);
                while place.load(Ordering::Acquire) != 2 * exchange + 2 {
                    looks += 1;
                    // Not each time, since the clock takes as long as an exchange.
                    if looks.is_multiple_of(256) && begin.elapsed() > LATE {
                        return None;
                    }
                }
                fastest = fastest.min(begin.elapsed());
            }
            Some(fastest)
        };
        let places: [Place; MOST_PARTS] = std::array::from_fn(|_| Place::default());
        let slowest = Mutex::new(None);
        let worked = self.work(crew, helpers, helpers + 1, &|part| {
            if part > 0 {
                return answer(&places[part].0);
            }
            let asked = &places[1..=helpers];
            let exchange = asked.iter().try_fold(Duration::ZERO, |slowest, place| Some(slowest.max(ask(&place.0)?)));
            asked.iter().for_each(|place| place.0.store(OVER, Ordering::Release));
            if let Ok(mut slowest) = slowest.lock() {
                *slowest = exchange;
            }
        });
        worked.ok().and(slowest.into_inner().ok()?)
    }

    /// Does all parts; `false` if the team is at work or rests, and nothing is done.
    fn run(&'static self, parts: usize, work: &(dyn Fn(usize) + Sync)) -> bool {
        let (begin, helpers) = (Instant::now(), self.helpers(parts));
        if helpers == 0 {
            return false;
        }
        let Some(mut crew) = self.crew(begin) else { return false };
        match self.work(&mut crew, helpers, parts, work) {
            Ok(()) => true,
            Err(panic) => {
                drop(crew);
                resume_unwind(panic)
            }
        }
    }

    /// Does all parts; the error is what one of them panicked with.
    fn work(
        &'static self,
        crew: &mut Crew,
        asked: usize,
        parts: usize,
        work: &(dyn Fn(usize) + Sync),
    ) -> Result<(), Box<dyn Any + Send>> {
        while crew.helpers.len() < asked {
            let number = crew.helpers.len();
            let helper = thread::Builder::new().name("gradus".to_owned()).spawn(move || self.wait_and_help(number));
            // Without one more thread there is only more to do for the others.
            let Ok(helper) = helper else { break };
            crew.helpers.push(helper.thread().clone());
        }
        let left = AtomicU64::new(u64::MAX >> (MOST_PARTS - parts));
        let job = Job { work, parts, left, panicked: AtomicBool::new(false) };
        self.job.store((&raw const job).cast_mut().cast(), Ordering::Relaxed);
        // Closed so far, and nobody is in.
        let former = self.state.load(Ordering::Relaxed);
        let number = (former & !(JOB - 1)).wrapping_add(JOB);
        self.state.store(number | OPEN | (asked as u64 * ASKED), Ordering::SeqCst);
        let sleeping = self.sleeping.load(Ordering::SeqCst);
        if sleeping != 0 {
            let helpers = crew.helpers.iter().take(asked).enumerate();
            helpers.filter(|(number, _)| sleeping >> number & 1 == 1).for_each(|(_, helper)| helper.unpark());
        }
        let begin = Instant::now();
        let own = catch_unwind(AssertUnwindSafe(|| job.help(0, asked + 1)));
        let taken = begin.elapsed();
        self.state.fetch_and(!OPEN, Ordering::Relaxed);
        let mut looks = 0;
        while self.state.load(Ordering::Acquire) & INSIDE != 0 {
            look(&mut looks);
        }
        if looks >= LOOKS {
            crew.waited(begin, taken);
        }
        own?;
        if job.panicked.load(Ordering::Relaxed) {
            return Err(Box::new("a thread that shared the work panicked"));
        }
        Ok(())
    }

    fn wait_and_help(&self, number: usize) {
        let mut last = 0;
        let mut looks = 0;
        let is_asked = |state: u64| state & OPEN != 0 && (number as u64) < state / ASKED % ASKED;
        loop {
            let state = self.state.load(Ordering::Acquire);
            if is_asked(state) && state & !(JOB - 1) != last {
                if self.state.compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    last = state & !(JOB - 1);
                    looks = 0;
                    // Sound, since the job is open and this helper is in: it ends after the helper has left.
                    let job: &Job<'_> = unsafe { &*self.job.load(Ordering::Relaxed) };
                    let threads = (state / ASKED % ASKED) as usize + 1;
                    if catch_unwind(AssertUnwindSafe(|| job.help(number + 1, threads))).is_err() {
                        job.panicked.store(true, Ordering::Relaxed);
                    }
                    self.state.fetch_sub(1, Ordering::Release);
                }
                continue;
            }
            if looks < LOOKS + YIELDS {
                look(&mut looks);
                continue;
            }
            self.sleeping.fetch_or(1 << number, Ordering::SeqCst);
            // A job that was given out before the line above may not have woken anyone.
            let state = self.state.load(Ordering::SeqCst);
            if !is_asked(state) || state & !(JOB - 1) == last {
                thread::park();
            }
            self.sleeping.fetch_and(!(1 << number), Ordering::SeqCst);
            looks = 0;
        }
    }
}

/// Between two looks at what is waited for: a moment at first, then as long as others want the processor.
fn look(looks: &mut u32) {
    if *looks < LOOKS {
        spin_loop();
    } else {
        thread::yield_now();
    }
    *looks = looks.saturating_add(1);
}

/// Calls `work` once for each item, on several threads.
pub(crate) fn for_each<I: Send>(items: &mut [I], work: impl Fn(&mut I) + Sync) {
    struct Items<I>(*mut I);
    // Sound, since each item is used by one thread alone.
    unsafe impl<I: Send> Sync for Items<I> {}

    let count = items.len();
    if count > 1 && count <= MOST_PARTS && threads() > 1 {
        let (first, work) = (&Items(items.as_mut_ptr()), &work);
        // Sound, since a part is claimed once, and `items` is borrowed until all are done.
        let done = team().run(count, &move |part| work(unsafe { &mut *first.0.add(part) }));
        if done {
            return;
        }
    }
    items.iter_mut().for_each(work);
}

#[cfg(test)]
mod tests;
