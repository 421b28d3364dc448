#![no_main]
#![allow(dead_code, unused_imports, reason = "one target of several")]

#[path = "../../tests/robustness/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::gzip(bytes);
});
