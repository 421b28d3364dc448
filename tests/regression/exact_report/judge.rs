//! Holds what gradus says of a problem against what exact arithmetic says.

use std::collections::BTreeMap;

use gradus::Error;
use gradus::error::Column;
use gradus::nalgebra::DMatrix;

use super::found::{Found, Outcome, Road, error_bound, residual_error_bound, standard_error_bound};
use super::honesty;
use super::number::Number;
use super::oracle::{Entry, Exact, ROBUST, Report, Value};
use super::problem::{Problem, Rank};
use super::slack::{Bounds, Slack};
use super::tails::{f_upper_tail, student_two_sided};

/// Digits that a converged fit has in every statistic, in probabilities, and beyond which there are none to count.
const DIGITS: f64 = 12.0;
const DIGITS_OF_PROBABILITIES: f64 = 11.0;
const MOST_DIGITS: f64 = 16.0;

#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) statistic: &'static str,
    pub(crate) what: String,
}

/// What came of one fit.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Fitted, and said to have converged.
    pub(crate) converged: bool,
    /// Held to its digits, not to its bounds.
    pub(crate) is_strict: bool,
    /// The fewest digits of each statistic, where they were counted.
    pub(crate) digits: BTreeMap<&'static str, f64>,
    pub(crate) violations: Vec<Violation>,
}

pub(crate) fn judge(problem: &Problem, exact: &Exact, road: Road, outcome: &Outcome) -> Verdict {
    let mut judge = Judge { problem, exact, road, need: DIGITS, verdict: Verdict::default() };
    match outcome {
        Outcome::Panicked => judge.blame("panic", "a panic".into()),
        Outcome::Refused(error) => judge.refusal(error),
        Outcome::Fitted(found) => judge.fit(found),
    }
    judge.verdict
}

struct Judge<'a> {
    problem: &'a Problem,
    exact: &'a Exact,
    road: Road,
    need: f64,
    verdict: Verdict,
}

/// A place in a table: row and column.
type Place = (usize, usize);

impl Judge<'_> {
    fn blame(&mut self, statistic: &'static str, what: String) {
        self.verdict.violations.push(Violation { statistic, what });
    }

    /// Whether residuals are hardly more than the rounding of the targets.
    fn is_nearly_perfect(&self) -> bool {
        let sums = self.exact.report.iter().flat_map(|report| &report.statistics);
        sums.filter_map(|sums| Some((sums.residual_sum_of_squares?.value, sums.square)))
            .any(|(residual, square)| residual <= 1e-26 * square)
    }

    fn may_be_ill_conditioned(&self) -> bool {
        self.problem.weight_ratio() > 1e24 || self.exact.condition > 1e13
    }

    fn refusal(&mut self, error: &Error) {
        let is_short = self.problem.ridge == 0.0 && self.exact.observations < self.problem.unknowns();
        let is_right = match error {
            Error::Underdetermined { .. } => is_short,
            // An unrefined solution of rows that count for so little may be anything.
            Error::Overflow { .. } if self.road == Road::Unrefined && self.may_be_ill_conditioned() => true,
            Error::Overflow { .. } => self.exact.report.as_ref().is_some_and(|report| {
                report.parameters.iter().flatten().any(|parameter| parameter.value.is_infinite())
            }),
            Error::IllConditioned { .. } => self.may_be_ill_conditioned(),
            Error::RankDeficient { dependencies, .. } => match &self.exact.rank {
                Rank::Unclear => true,
                Rank::Full => false,
                Rank::Deficient(columns) => {
                    let place = |column: Column| match column {
                        Column::Feature(feature) => feature + self.problem.constants(),
                        _ => 0,
                    };
                    dependencies.iter().map(|dependency| place(dependency.column)).eq(columns.iter().copied())
                }
            },
            _ => false,
        };
        if !is_right {
            let right = match &self.exact.rank {
                Rank::Deficient(columns) => format!("dependent are the columns {columns:?}"),
                Rank::Unclear => "dependent columns, or a fit".to_owned(),
                Rank::Full => format!("a fit, κ = {:.1e}", self.exact.condition),
            };
            self.blame("error", format!("found “{error}”, right: {right}"));
        }
    }

    fn fit(&mut self, found: &Found) {
        let (problem, exact) = (self.problem, self.exact);
        self.verdict.converged = found.fit.report().converged;
        let is_penalized = problem.ridge > 0.0;
        if !is_penalized && exact.observations < problem.unknowns() {
            return self.blame("error", "a fit of fewer observations than unknowns".into());
        }
        match (&exact.rank, self.road) {
            (Rank::Deficient(_), Road::Gradients) | (Rank::Unclear, _) if !is_penalized => return,
            (Rank::Deficient(columns), _) if !is_penalized => {
                return self.blame("error", format!("a fit, right: dependent are the columns {columns:?}"));
            }
            _ => {}
        }
        let Some(report) = &exact.report else { return };
        let is_well_posed = exact.condition <= 1e6 && problem.weight_ratio() <= 1e12;
        if self.road == Road::Default && is_well_posed && !self.verdict.converged {
            self.blame("converged", format!("false at κ = {:.1e}: {:?}", exact.condition, found.fit.report()));
        }
        let size = problem.x.nrows() as f64 * (problem.unknowns() as f64).powi(2);
        self.verdict.is_strict = self.verdict.converged && exact.condition <= 1e9 && size <= 1e7;
        for target in 0..problem.y.ncols() {
            self.target(found, report, target);
        }
        if self.verdict.is_strict && !is_penalized && self.road != Road::Gradients {
            self.interval_at_zero(found, report);
        }
    }

    fn target(&mut self, found: &Found, report: &Report, target: usize) {
        let is_strict = self.verdict.is_strict;
        let is_whole = self.problem.ridge == 0.0 && self.road != Road::Gradients;
        let mut bounds = Bounds::NONE;
        let mut is_resolved = true;
        if is_whole {
            let statistics = &found.fit.statistics()[target];
            is_resolved = statistics.residual_resolved;
            let sum = report.statistics[target].residual_sum_of_squares.unwrap().value;
            let stated = residual_error_bound(statistics);
            if is_strict && !is_resolved {
                // Of sums, rounding in twice the precision is all that is known.
                let rounding = honesty::rounding(self.problem, report, target, self.road);
                let bound = stated.map_or(rounding, |stated| stated.min(1e3 * rounding));
                bounds = Bounds { residual: bound, unresolved: bound, ..bounds };
                if sum > bound {
                    self.blame("resolved", format!("false, right: Σ w r² = {sum:e}"));
                }
                if statistics.residual_sum_of_squares != Some(0.0) {
                    let sum = statistics.residual_sum_of_squares;
                    self.blame("rss", format!("{sum:?} of a converged fit without a resolved residual"));
                }
            }
            if is_strict && is_resolved && sum == 0.0 {
                self.blame("resolved", format!("true, right: Σ w r² = 0, {statistics:?}"));
            }
            if !is_strict {
                bounds.residual = stated.unwrap_or(f64::INFINITY);
                if let Err(what) = honesty::check(self.problem, report, target, self.road, found) {
                    self.blame("honesty", what);
                }
            }
        }
        if !is_strict {
            bounds.parameters = error_bound(&found.fit);
            bounds.roots = standard_error_bound(&found.fit);
        }
        let slack = Slack::new(self.problem, report, target, bounds);
        let parameters = (0..report.parameters.nrows()).map(|j| (j, target));
        self.table("β", &report.parameters, &found.parameters, parameters, |j, _| slack.parameter(j));
        if is_whole {
            self.whole(found, report, target, &slack, is_resolved);
        }
    }

    fn whole(&mut self, found: &Found, report: &Report, target: usize, slack: &Slack<'_>, is_resolved: bool) {
        let places = self.problem.places();
        let down = |count: usize| (0..count).map(move |row| (row, target));
        let unknowns = || down(report.parameters.nrows());
        let errors = &report.standard_errors;
        self.table_if("se", is_resolved, errors, &found.standard_errors, unknowns(), |j, _| slack.standard_error(j));
        let t = |j: usize, value: f64| slack.t_statistic(j, value);
        self.table_if("t", is_resolved, &report.t_statistics, &found.t_statistics, unknowns(), t);
        self.probabilities(found, report, target, is_resolved);
        for (exact, found) in [(&report.intervals.lower, 0), (&report.intervals.upper, 1)]
            .map(|(exact, end)| (exact, &found.intervals[end]))
        {
            self.table_if("ci", is_resolved, exact, found, unknowns(), |j, _| slack.interval(j));
        }
        if let Some(exact) = report.covariances.get(target) {
            let count = exact.nrows();
            for column in 0..count {
                let entries = (0..count).map(move |row| (row, column));
                let bound = |row: usize, _: f64| slack.covariance(row, column);
                self.table_if("cov", is_resolved, exact, &found.covariances[target], entries, bound);
            }
        }
        let observations = || down(self.problem.x.nrows());
        let of_observations = (0..self.problem.x.nrows()).map(|row| (row, 0));
        if target == 0 {
            self.table("lev", &report.leverages, &found.leverages, of_observations, |row, _| slack.leverage(row));
        }
        // Parameters from sums have κ² times the rounding of doubled precision, which is all of a residual that small.
        let lost = if self.road.is_of_sums() { 1e-15 } else { 0.0 };
        let deviation = report.statistics[target].residual_standard_deviation.map_or(0.0, |entry| entry.value) * lost;
        let bound = |row: usize| found.residual_errors[(row, target)].unwrap_or(f64::INFINITY);
        // What is not told from 0 is 0.
        let rounded = |row: usize| if found.residuals[(row, target)] == Some(0.0) { bound(row) } else { 0.0 };
        let residual = |row: usize, _: f64| slack.residual(row) + deviation + rounded(row);
        self.table("res", &report.residuals, &found.residuals, observations(), residual);
        for row in 0..self.problem.x.nrows() {
            if let (Some(exact), Some(found)) = (report.residuals[(row, target)], found.residuals[(row, target)])
                && (found - exact.value).abs() > bound(row) + 1e-15 * exact.value.abs()
            {
                let (exact, bound) = (exact.value, bound(row));
                self.blame("bound", format!("of residual {row}: {bound:e}, found {found:e}, right {exact:e}"));
            }
        }
        let distance = |row: usize, value: f64| slack.cooks_distance(row, value) + lost * lost;
        self.table_if("cook", is_resolved, &report.cooks_distances, &found.cooks_distances, observations(), distance);
        for (index, name) in ROBUST.into_iter().enumerate() {
            let power = [0, 0, 1, 2][index];
            self.table(name, &report.robust[index], &found.robust[index], unknowns(), |j, _| slack.robust(j, power));
        }
        let at_places = || down(places.nrows());
        let prediction = |place: usize, _: f64| slack.prediction(&places, place);
        self.table("ŷ", &report.predictions, &found.predictions, at_places(), prediction);
        for end in 0..2 {
            let exact = [&report.mean_intervals, &report.prediction_intervals]
                .map(|ends| if end == 0 { &ends.lower } else { &ends.upper });
            let found = [&found.mean_intervals[end], &found.prediction_intervals[end]];
            for (index, name) in ["mean", "pred"].into_iter().enumerate() {
                let bound = |place: usize, _: f64| slack.place_interval(&places, place, index as f64);
                self.table_if(name, is_resolved, exact[index], found[index], at_places(), bound);
            }
        }
        self.statistics(found, report, target, slack, is_resolved);
    }

    fn statistics(&mut self, found: &Found, report: &Report, target: usize, slack: &Slack<'_>, is_resolved: bool) {
        let (exact, found) = (&report.statistics[target], &found.fit.statistics()[target]);
        let whole = (target, 0);
        let logarithm = slack.logarithm(self.exact.observations);
        let freedom = report.freedom.max(1) as f64;
        let adjusted = slack.r_squared() * self.exact.observations as f64 / freedom;
        let f = exact.f_statistic.map_or(0.0, |f| slack.f_statistic(f.value));
        let may_miss = !is_resolved || !self.verdict.is_strict;
        let square = found.residual_sum_of_squares;
        self.entry("rss", whole, exact.residual_sum_of_squares, square, slack.residual_sum(), false);
        let deviation = found.residual_standard_deviation;
        self.entry("s", whole, exact.residual_standard_deviation, deviation, slack.deviation(), may_miss);
        self.entry("R²", whole, exact.r_squared, found.r_squared, slack.r_squared(), false);
        self.entry("adj R²", whole, exact.adjusted_r_squared, found.adjusted_r_squared, adjusted, may_miss);
        self.entry("F", whole, exact.f_statistic, found.f_statistic, f, may_miss);
        self.entry("ll", whole, exact.log_likelihood, found.log_likelihood, logarithm / 2.0, may_miss);
        self.entry("aic", whole, exact.aic, found.aic, logarithm, may_miss);
        self.entry("bic", whole, exact.bic, found.bic, logarithm, may_miss);
        let need = std::mem::replace(&mut self.need, DIGITS_OF_PROBABILITIES);
        if self.verdict.is_strict {
            let may_miss = may_miss || is_out(&exact.f_statistic);
            self.entry("F p", whole, exact.f_p_value, found.f_p_value, 0.0, may_miss);
        } else if let (Some(f), Some(p)) = (found.f_statistic, found.f_p_value) {
            let numerator = self.problem.unknowns() - self.problem.constants();
            let right = f_upper_tail(&Number::from_f64(f), numerator, report.freedom);
            self.tail("F p", whole, &right, p);
        }
        self.need = need;
    }

    fn probabilities(&mut self, found: &Found, report: &Report, target: usize, is_resolved: bool) {
        let need = std::mem::replace(&mut self.need, DIGITS_OF_PROBABILITIES);
        for j in 0..report.parameters.nrows() {
            let place = (j, target);
            let (exact, p) = (report.p_values[place], found.p_values[place]);
            if self.verdict.is_strict {
                self.entry(
                    "p",
                    place,
                    exact,
                    p,
                    0.0,
                    !is_resolved || is_missing("p", &report.t_statistics, &found.p_values),
                );
            } else if let (Some(t), Some(p)) = (found.t_statistics[place], p) {
                let right = student_two_sided(&Number::from_f64(t).square(), report.freedom);
                self.tail("p", place, &right, p);
            }
        }
        self.need = need;
    }

    /// A probability held against the statistic that it is said to belong to.
    fn tail(&mut self, name: &'static str, place: Place, right: &Number, p: f64) {
        let right = right.to_f64();
        let right = Value { value: right, unit: right, floor: f64::MIN_POSITIVE };
        self.entry(name, place, Some(right), Some(p), 0.0, true);
    }

    /// The interval of the mean where every feature is 0 is that of the intercept.
    fn interval_at_zero(&mut self, found: &Found, report: &Report) {
        if self.problem.constants() == 0 {
            return;
        }
        let place = self.problem.zero_place();
        for target in 0..self.problem.y.ncols() {
            for (end, exact) in [&report.intervals.lower, &report.intervals.upper].into_iter().enumerate() {
                let ends = (found.mean_intervals[end][(place, target)], found.intervals[end][(0, target)]);
                if let (Some(mean), Some(intercept), Some(exact)) = (ends.0, ends.1, exact[(0, target)])
                    && (mean - intercept).abs() > (1e-13 * exact.unit).max(exact.floor)
                {
                    let what = format!("mean interval at 0 ends at {mean:e}, the intercept's at {intercept:e}");
                    self.blame("mean", what);
                }
            }
        }
    }

    fn table(
        &mut self,
        name: &'static str,
        exact: &DMatrix<Entry>,
        found: &DMatrix<Option<f64>>,
        places: impl Iterator<Item = Place>,
        slack: impl Fn(usize, f64) -> f64,
    ) {
        self.table_if(name, true, exact, found, places, slack);
    }

    /// A table that may be missing where the residual is not resolved.
    fn table_if(
        &mut self,
        name: &'static str,
        is_resolved: bool,
        exact: &DMatrix<Entry>,
        found: &DMatrix<Option<f64>>,
        places: impl Iterator<Item = Place>,
        slack: impl Fn(usize, f64) -> f64,
    ) {
        let may_miss = !is_resolved || !self.verdict.is_strict && name != "β" || is_missing(name, exact, found);
        for place in places {
            let value = exact[place].map_or(0.0, |exact| exact.value);
            self.entry(name, place, exact[place], found[place], slack(place.0, value), may_miss);
        }
    }

    fn entry(
        &mut self,
        name: &'static str,
        place: Place,
        exact: Entry,
        found: Option<f64>,
        slack: f64,
        may_miss: bool,
    ) {
        match (exact, found) {
            (None, None) => {}
            (Some(exact), None) => {
                // Rows that count for so little leave no digits of anything but the parameters.
                let may_miss = may_miss || name != "β" && self.problem.weight_ratio() > 1e20;
                // And single residuals that are hardly above the rounding of the data, none of what is made of one.
                let is_of_one = name == "cook" || name.starts_with("HC");
                let may_miss = may_miss || is_of_one && (self.problem.weight_ratio() > 1e8 || self.is_nearly_perfect());
                if !may_miss && exact.value.is_finite() {
                    self.blame(name, format!("{place:?} is missing, right: {:e}", exact.value));
                }
            }
            (None, Some(found)) => {
                if self.verdict.is_strict || name == "R²" {
                    self.blame(name, format!("{place:?} found {found:e}, right: not defined"));
                }
            }
            (Some(exact), Some(found)) => self.number(name, place, exact, found, slack),
        }
    }

    fn number(&mut self, name: &'static str, place: Place, exact: Value, found: f64, slack: f64) {
        let slack = if slack.is_nan() { f64::INFINITY } else { slack };
        let error = (found - exact.value).abs();
        let is_beyond = exact.value.is_infinite() && found.is_finite();
        let digits = if is_beyond || found.is_nan() { 0.0 } else { -(error / exact.unit).log10() };
        let digits = if error <= exact.floor + slack { MOST_DIGITS } else { digits.clamp(0.0, MOST_DIGITS) };
        let allowed = (10_f64.powf(-self.need) * exact.unit).max(exact.floor) + slack;
        let is_right = error <= allowed || exact.value == found;
        if self.verdict.is_strict {
            let least = self.verdict.digits.entry(name).or_insert(MOST_DIGITS);
            *least = least.min(digits);
        }
        if !is_right {
            let against = if slack > 0.0 { format!(", allowed error {allowed:.1e}") } else { String::new() };
            let right = exact.value;
            self.blame(name, format!("{place:?} found {found:e}, right: {right:e}, {digits:.1} digits{against}"));
        }
    }
}

fn is_out(entry: &Entry) -> bool {
    entry.is_some_and(|entry| entry.value.is_infinite())
}

/// Whether a whole table is missing because an entry of it is beyond the range of the type or not defined: a matrix is
/// whole or not there. Robust standard errors are, parameter by parameter.
fn is_missing(name: &str, exact: &DMatrix<Entry>, found: &DMatrix<Option<f64>>) -> bool {
    let is_excuse = |entry: &Entry| is_out(entry) || entry.is_none() && !ROBUST.contains(&name);
    found.iter().all(Option::is_none) && exact.iter().any(is_excuse)
}
