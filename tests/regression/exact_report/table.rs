//! What was found, by family and road.

use std::collections::BTreeMap;
use std::time::Instant;

use super::found::Road;
use super::judge::Verdict;
use super::problem::Problem;

const SHOWN: usize = 3;

/// In the order of the columns of the table.
const STATISTICS: [&str; 25] = [
    "β", "se", "t", "p", "ci", "cov", "rss", "s", "R²", "adj R²", "F", "F p", "ll", "aic", "bic", "res", "lev", "cook",
    "HC0", "HC1", "HC2", "HC3", "ŷ", "mean", "pred",
];

#[derive(Debug, Default)]
struct Row {
    problems: usize,
    converged: usize,
    strict: usize,
    digits: BTreeMap<&'static str, f64>,
    /// Problems with a violation, and violations of each statistic.
    violating: usize,
    violations: BTreeMap<&'static str, usize>,
}

#[derive(Debug)]
pub(crate) struct Table {
    shows_all: bool,
    start: Instant,
    rows: BTreeMap<(&'static str, Road), Row>,
    problems: usize,
    last: (&'static str, u64),
}

impl Table {
    pub(crate) fn new(shows_all: bool) -> Self {
        Self { shows_all, start: Instant::now(), rows: BTreeMap::new(), problems: 0, last: ("", 0) }
    }

    pub(crate) fn add(&mut self, problem: &Problem, road: Road, verdict: Verdict) {
        self.problems += usize::from(self.last != (problem.family, problem.seed) || self.problems == 0);
        self.last = (problem.family, problem.seed);
        let row = self.rows.entry((problem.family, road)).or_default();
        row.problems += 1;
        row.converged += usize::from(verdict.converged);
        row.strict += usize::from(verdict.is_strict);
        row.violating += usize::from(!verdict.violations.is_empty());
        for (statistic, digits) in verdict.digits {
            let least = row.digits.entry(statistic).or_insert(digits);
            *least = least.min(digits);
        }
        for violation in verdict.violations {
            let count = row.violations.entry(violation.statistic).or_default();
            *count += 1;
            if self.shows_all || *count <= SHOWN {
                let (family, seed, road) = (problem.family, problem.seed, road.name());
                println!("{family} {seed} {road}: {} {}", violation.statistic, violation.what);
            }
        }
    }

    /// Prints the table.
    ///
    /// # Panics
    /// If there were violations.
    pub(crate) fn finish(self) {
        let seconds = self.start.elapsed().as_secs_f64();
        println!("\nthe fewest digits of converged fits with κ ≤ 1e9:\n");
        print!("{:<19}{:<10}{:>6}{:>6}{:>7}", "family", "road", "fits", "conv.", "judged");
        STATISTICS.iter().for_each(|name| print!("{name:>7}"));
        println!("   violations (fits with one): numbers by statistic");
        let (mut fits, mut violating, mut violations) = (0, 0, 0);
        let mut by_statistic: BTreeMap<&str, usize> = BTreeMap::new();
        for ((family, road), row) in &self.rows {
            print!("{family:<19}{:<10}{:>6}{:>6}{:>7}", road.name(), row.problems, row.converged, row.strict);
            for name in STATISTICS {
                match row.digits.get(name) {
                    Some(digits) => print!("{digits:>7.1}"),
                    None => print!("{:>7}", "–"),
                }
            }
            let list: Vec<_> = row.violations.iter().map(|(name, count)| format!("{name} {count}")).collect();
            println!("   {}: {}", row.violating, list.join(", "));
            fits += row.problems;
            violating += row.violating;
            for (name, count) in &row.violations {
                *by_statistic.entry(name).or_default() += count;
                violations += count;
            }
        }
        let list: Vec<_> = by_statistic.iter().map(|(name, count)| format!("{name} {count}")).collect();
        println!("\nby statistic: {}", list.join(", "));
        let problems = self.problems;
        println!("{problems} problems, {fits} fits in {seconds:.1} s: {violating} fits with {violations} violations");
        assert!(violations == 0, "{violating} fits of {fits} have {violations} violations");
    }
}
