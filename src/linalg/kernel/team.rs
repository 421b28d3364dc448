//! Threads that wait for the next piece of work, so that one of some microseconds is worth sharing.
//!
//! Pools that are there for all purposes put idle threads to sleep after some ten microseconds, and take as long to wake
//! them: between the products of a training step that is lost again. These wait for some hundred microseconds, awake.
//!
//! A team does one job at a time. Whoever meets it at work, on another thread or from within a job, does all parts of
//! its own job itself: no result depends on who did which part.
//!
//! # Safety
//! A job is a pointer to a closure on the stack of [`Team::run`]. A helper reads it only after it has entered, which it
//! can while the job is open; `run` closes the job and waits until nobody is in before it returns, or unwinds. Each part
//! is claimed once, by its bit, so that [`for_each`] lends each item to one thread alone.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::{self, Thread};

/// How often an idle helper looks for work before it sleeps: some hundred microseconds.
const LOOKS: u32 = 10_000;

/// The state of a team: the number of the job in the high bits, whether it is open, and how many helpers are in.
const OPEN: u64 = 1 << 16;
const JOB: u64 = 1 << 17;
const INSIDE: u64 = OPEN - 1;

/// What helpers are asked to do.
struct Job<'a> {
    work: &'a (dyn Fn(usize) + Sync),
    parts: usize,
    /// A bit for each part that nobody has begun.
    left: AtomicU64,
    panicked: AtomicBool,
}

/// Parts of a job at most.
const MOST_PARTS: usize = 64;

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
    /// Helpers that are wanted; those above go home.
    wanted: AtomicUsize,
    sleeping: AtomicUsize,
    /// Held by whoever gives out a job.
    helpers: Mutex<Vec<Thread>>,
}

fn team() -> &'static Team {
    static TEAM: OnceLock<Team> = OnceLock::new();
    TEAM.get_or_init(|| Team {
        state: AtomicU64::new(0),
        job: AtomicPtr::new(std::ptr::null_mut()),
        wanted: AtomicUsize::new(thread::available_parallelism().map_or(1, usize::from) - 1),
        sleeping: AtomicUsize::new(0),
        helpers: Mutex::new(Vec::new()),
    })
}

/// The threads that share the work, the calling one included.
pub(crate) fn threads() -> usize {
    team().wanted.load(Ordering::Relaxed) + 1
}

/// Sets their number; at least 1.
pub(crate) fn set_threads(threads: usize) {
    team().wanted.store(threads.saturating_sub(1).min(INSIDE as usize / 2), Ordering::Relaxed);
}

impl Team {
    /// Does all parts; `false` if the team is at work, and nothing is done.
    fn run(&'static self, parts: usize, work: &(dyn Fn(usize) + Sync)) -> bool {
        let Ok(mut helpers) = self.helpers.try_lock() else { return false };
        // No more than there is work for.
        let wanted = self.wanted.load(Ordering::Relaxed).min(parts - 1);
        while helpers.len() < wanted {
            let number = helpers.len();
            let helper = thread::Builder::new().name("gradus".to_owned()).spawn(move || self.wait_and_help(number));
            // Without one more thread there is only more to do for the others.
            let Ok(helper) = helper else { break };
            helpers.push(helper.thread().clone());
        }
        let left = AtomicU64::new(u64::MAX >> (MOST_PARTS - parts));
        let job = Job { work, parts, left, panicked: AtomicBool::new(false) };
        self.job.store((&raw const job).cast_mut().cast(), Ordering::Relaxed);
        // Closed so far, and nobody is in.
        let former = self.state.load(Ordering::Relaxed);
        self.state.store((former & !(JOB - 1)).wrapping_add(JOB) | OPEN, Ordering::SeqCst);
        if self.sleeping.load(Ordering::SeqCst) > 0 {
            helpers.iter().take(wanted).for_each(Thread::unpark);
        }
        let own = catch_unwind(AssertUnwindSafe(|| job.help(0, wanted + 1)));
        self.state.fetch_and(!OPEN, Ordering::Relaxed);
        while self.state.load(Ordering::Acquire) & INSIDE != 0 {
            std::hint::spin_loop();
        }
        drop(helpers);
        if let Err(panic) = own {
            resume_unwind(panic);
        }
        assert!(!job.panicked.load(Ordering::Relaxed), "a thread that shared the work panicked");
        true
    }

    fn wait_and_help(&self, number: usize) {
        let mut last = 0;
        let mut looks = 0;
        loop {
            let state = self.state.load(Ordering::Acquire);
            let is_new = state & OPEN != 0 && state & !(JOB - 1) != last;
            if is_new && number < self.wanted.load(Ordering::Relaxed) {
                if self.state.compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    last = state & !(JOB - 1);
                    looks = 0;
                    // Sound, since the job is open and this helper is in: it ends after the helper has left.
                    let job: &Job<'_> = unsafe { &*self.job.load(Ordering::Relaxed) };
                    let threads = (self.wanted.load(Ordering::Relaxed) + 1).min(job.parts);
                    if catch_unwind(AssertUnwindSafe(|| job.help(number + 1, threads))).is_err() {
                        job.panicked.store(true, Ordering::Relaxed);
                    }
                    self.state.fetch_sub(1, Ordering::Release);
                }
                continue;
            }
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
                continue;
            }
            self.sleeping.fetch_add(1, Ordering::SeqCst);
            // A job that was given out before the line above may not have woken anyone.
            let state = self.state.load(Ordering::SeqCst);
            if state & OPEN == 0 || state & !(JOB - 1) == last || number >= self.wanted.load(Ordering::Relaxed) {
                thread::park();
            }
            self.sleeping.fetch_sub(1, Ordering::SeqCst);
            looks = 0;
        }
    }
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
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_item_is_worked_on_once() {
        set_threads(4);
        for round in 0..20_000 {
            // Helpers sleep now and then.
            if round % 4_000 == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            let mut items = [0_usize; 11];
            let count = 2 + round % 10;
            for_each(&mut items[..count], |item| *item += 1);
            assert!(items[..count].iter().all(|&item| item == 1) && items[count..].iter().all(|&item| item == 0));
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_leaves_a_team_that_works() {
        set_threads(4);
        for bad in 0..8 {
            let begun = AtomicUsize::new(0);
            let result = catch_unwind(AssertUnwindSafe(|| {
                for_each(&mut [0, 1, 2, 3, 4, 5, 6, 7], |item| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    assert_ne!(*item, bad);
                });
            }));
            assert!(result.is_err());
            let mut items = [0; 8];
            for_each(&mut items, |item| *item += 1);
            assert_eq!(items, [1; 8]);
        }
    }

    #[test]
    fn jobs_within_jobs_are_done() {
        set_threads(3);
        let mut items = [[0; 5]; 6];
        for_each(&mut items, |inner| for_each(inner, |item| *item += 1));
        assert_eq!(items, [[1; 5]; 6]);
    }
}
