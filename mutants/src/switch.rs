//! Becomes a module of the copy of the crate: which mutant is on, and which ones a test comes by.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// What `CHOSEN` holds before the environment has been read, where no mutant is on, and where it is noted which are
/// met.
const UNREAD: usize = usize::MAX;
const NONE: usize = usize::MAX - 1;
const NOTING: usize = usize::MAX - 2;

static CHOSEN: AtomicUsize = AtomicUsize::new(UNREAD);
static MET: [AtomicBool; 1 << 14] = [const { AtomicBool::new(false) }; 1 << 14];

#[inline]
pub(crate) fn on(mutant: usize) -> bool {
    let chosen = CHOSEN.load(Relaxed);
    if chosen < NOTING { chosen == mutant } else { chosen != NONE && read_or_note(chosen, mutant) }
}

#[cold]
#[inline(never)]
fn read_or_note(chosen: usize, mutant: usize) -> bool {
    if chosen == UNREAD {
        let number = std::env::var("GRADUS_MUTANT").ok().and_then(|number| number.parse().ok());
        let otherwise = if std::env::var_os("GRADUS_MUTANTS_MET").is_some() { NOTING } else { NONE };
        CHOSEN.store(number.unwrap_or(otherwise), Relaxed);
        return on(mutant);
    }
    if !MET[mutant].swap(true, Relaxed) {
        let path = std::env::var_os("GRADUS_MUTANTS_MET").unwrap();
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{mutant}\n").as_bytes()).unwrap();
    }
    false
}
