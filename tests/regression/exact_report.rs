//! Every number of a regression's report held against exact rational arithmetic, by every road to a fit.
//!
//! `GRADUS_REPORT_PROBLEMS` is the number of problems, 2 000 if it is not set; `GRADUS_REPORT_FAMILY`,
//! `GRADUS_REPORT_SEED` and `GRADUS_REPORT_ROAD` choose one family, seed or road; `GRADUS_REPORT_ALL` prints every
//! violation, where otherwise the first three of each family, road and statistic are.

mod conclude;
mod families;
mod faults;
mod found;
mod hard_families;
mod honesty;
mod judge;
mod number;
mod oracle;
mod problem;
mod slack;
mod table;
mod tails;

use std::env;
use std::str::FromStr;

use found::Road;
use oracle::Exact;
use table::Table;

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: cannot read {text}")))
}

#[test]
fn every_number_of_a_report_is_true() {
    let family: Option<String> = variable("GRADUS_REPORT_FAMILY");
    let road: Option<String> = variable("GRADUS_REPORT_ROAD");
    let seed: Option<u64> = variable("GRADUS_REPORT_SEED");
    let families: Vec<_> =
        families::all().into_iter().filter(|(name, _)| family.as_ref().is_none_or(|family| family == name)).collect();
    assert!(!families.is_empty(), "no family has the name {family:?}");
    let problems = variable("GRADUS_REPORT_PROBLEMS").unwrap_or(2_000_u64);
    let seeds = match seed {
        Some(seed) => seed..seed + 1,
        None => 0..problems.div_ceil(families.len() as u64),
    };
    let mut table = Table::new(env::var_os("GRADUS_REPORT_ALL").is_some() || seed.is_some());
    for seed in seeds {
        for &family in &families {
            let problem = families::problem(family, seed);
            let exact = Exact::new(&problem);
            for taken in Road::ALL.into_iter().filter(|taken| road.as_ref().is_none_or(|road| road == taken.name())) {
                if taken.can_take(&problem) {
                    table.add(&problem, taken, judge::judge(&problem, &exact, taken, &found::run(&problem, taken)));
                }
            }
        }
    }
    table.finish();
}
