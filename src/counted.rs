//! Tells on how many inputs a property was tried. Tests beside the crate include this file too.

use std::io::Write;
use std::{io, thread};

use proptest::test_runner::{Config, ResultCache, ResultCacheKey, TestCaseError, TestCaseResult};

/// proptest's usual configuration, counted.
pub(crate) fn config() -> Config {
    Config { result_cache: || Box::new(Counter(0)), ..Config::default() }
}

/// A cache that finds nothing: it is shown the result of each input, and dropped after the last.
struct Counter(u64);

impl ResultCache for Counter {
    fn key(&self, _: &ResultCacheKey<'_>) -> u64 {
        0
    }

    fn put(&mut self, _: u64, result: &TestCaseResult) {
        self.0 += u64::from(!matches!(result, Err(TestCaseError::Reject(_))));
    }

    fn get(&self, _: u64) -> Option<&TestCaseResult> {
        None
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        // The harness names a thread after its test, and keeps what is written by `println` while a test passes.
        let said = format!("{}: {} inputs tried\n", thread::current().name().unwrap_or("a property"), self.0);
        let _ = io::stdout().write_all(said.as_bytes());
    }
}
