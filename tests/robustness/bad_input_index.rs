//! The table of bad input, against the tests that it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// The list has numbers up to this one.
const LAST: usize = 125;

/// The numbers that a test of this name answers: `n006_n007_…` answers 6 and 7.
fn numbers(name: &str) -> Vec<usize> {
    let parts = name.split('_').map_while(|part| part.strip_prefix('n')?.parse().ok());
    parts.collect()
}

/// Whether the file has a test, and not just any function, of this name.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let Some(place) = lines.iter().position(|line| line.starts_with(&format!("fn {name}("))) else { return false };
    lines[..place].iter().rev().take_while(|line| line.starts_with("#[")).any(|&line| line == "#[test]")
}

#[test]
fn every_number_is_answered_by_tests_that_exist() {
    let table = fs::read_to_string(Path::new(TESTS).join("bad_inputs.md")).unwrap();
    let mut listed = BTreeSet::new();
    let mut tests = 0;
    for line in table.lines() {
        let cells: Vec<&str> = line.split(" | ").collect();
        let number = cells[0].trim_start_matches("| ").trim_end_matches('*');
        let (Ok(number), Some(answer)) = (number.parse::<usize>(), cells.last()) else { continue };
        assert!(listed.insert(number), "{number} is listed twice");
        let answer = answer.trim_end_matches(" |");
        for named in answer.split("; ") {
            let parts: Vec<&str> = named.split('`').collect();
            let [_, file, _, test, _] = parts[..] else { panic!("{number}: no test in {named:?}") };
            let source = fs::read_to_string(Path::new(TESTS).join(file)).unwrap_or_else(|_| panic!("no file {file}"));
            assert!(has_test(&source, test), "{number}: no test {test} in {file}");
            assert!(numbers(test).contains(&number), "{number}: {test} is a test of {:?}", numbers(test));
            tests += 1;
        }
    }
    assert!(listed.iter().copied().eq(1..=LAST), "{listed:?}");
    println!("{} numbers, {tests} tests", listed.len());
}

#[test]
fn what_is_no_test_is_found() {
    let source = "#[test]\n#[cfg(unix)]\nfn n001_a() {}\n\nfn n002_b() {}\n// fn n003_c() {}\n";
    assert!(has_test(source, "n001_a"));
    assert!(!has_test(source, "n002_b") && !has_test(source, "n003_c") && !has_test(source, "n001"));
    assert_eq!(numbers("n006_n007_x_n9"), [6, 7]);
}
