//! Runs a function on inputs that proptest makes, counts them and tells how many.

use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// The number of inputs: `GRADUS_FUZZ_CASES`, or this one.
pub(crate) fn cases(usual: u32) -> u32 {
    std::env::var("GRADUS_FUZZ_CASES").map_or(usual, |cases| cases.parse().expect("GRADUS_FUZZ_CASES is a number"))
}

/// No input may take longer.
const LONGEST: Duration = Duration::from_secs(20);

/// Runs `check`, which may panic or fail, on as many inputs as there are cases.
pub(crate) fn drive<S: Strategy>(
    name: &str,
    usual: u32,
    strategy: S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let (tried, longest) = (Cell::new(0_u32), Cell::new(Duration::ZERO));
    let config = Config { cases: cases(usual), failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |input| {
        tried.set(tried.get() + 1);
        let started = Instant::now();
        let result = check(input);
        let time = started.elapsed();
        longest.set(longest.get().max(time));
        if time > LONGEST { Err(TestCaseError::fail(format!("it took {time:?}"))) } else { result }
    });
    // Not by `println`, which the test harness keeps for itself while a test passes.
    let said = format!("{name}: {} inputs tried, the longest took {:.1?}\n", tried.get(), longest.get());
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    if let Err(failure) = outcome {
        panic!("{name}: {failure:?}");
    }
}
