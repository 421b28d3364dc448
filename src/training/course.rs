use crate::optimizer::StopReason;

/// How the losses of a run went: those of its first steps beside those of its latest.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub(super) struct Course {
    first: Vec<f64>,
    latest: Vec<f64>,
    steps: u64,
    has_moved: bool,
}

/// How many losses are kept of each.
const MOST: usize = 10;

impl Course {
    pub(super) fn new() -> Self {
        Self { first: Vec::with_capacity(MOST), latest: Vec::with_capacity(MOST), ..Self::default() }
    }

    pub(super) fn push(&mut self, loss: f64) {
        self.steps += 1;
        if self.first.len() < MOST {
            self.first.push(loss);
        }
        if self.latest.len() == MOST {
            self.latest.remove(0);
        }
        self.latest.push(loss);
    }

    /// Asks whether a step has changed any parameter, unless one has.
    pub(super) fn ask_whether_moved(&mut self, has_moved: impl FnOnce() -> bool) {
        self.has_moved = self.has_moved || has_moved();
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// What a run has come to, unless it went well. `is_exact` says that each loss is that of the whole data.
    ///
    /// Otherwise batches differ, or what layers draw. By chance ten of the latest losses are all above ten of the first
    /// once in 184 756 runs; of fewer losses it takes a thousand times the loss.
    pub(super) fn failure(&self, is_exact: bool) -> Option<StopReason> {
        let whole = if is_exact { 1 } else { MOST };
        let window = usize::try_from(self.steps / 2).map_or(whole, |half| whole.min(half));
        let first = self.first.get(..window).filter(|first| !first.is_empty())?;
        let latest = &self.latest[self.latest.len().checked_sub(window)?..];
        let highest = |losses: &[f64]| losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
        let (before, after) = (highest(first), lowest(latest));
        if StopReason::rose(before, after) && (window == whole || after - before > 1e3 * before.abs()) {
            return Some(StopReason::Diverged);
        }
        let (low, high) = (lowest(first).min(after), before.max(highest(latest)));
        let is_perfect = low == 0.0 && high == 0.0;
        (!is_perfect && (!self.has_moved || StopReason::stayed(low, high))).then_some(StopReason::NoProgress)
    }

    /// Whether it can be that of a run.
    pub(super) fn is_possible(&self) -> bool {
        let counts = |losses: &Vec<f64>| losses.len() as u64 == self.steps.min(MOST as u64);
        let losses = [&self.first, &self.latest];
        losses.into_iter().all(|losses| counts(losses) && losses.iter().all(|loss| loss.is_finite()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(is_exact: bool, losses: &[f64]) -> Option<StopReason> {
        let mut course = Course::new();
        course.ask_whether_moved(|| true);
        losses.iter().for_each(|&loss| course.push(loss));
        assert!(course.is_possible());
        course.failure(is_exact)
    }

    #[test]
    fn whole_batches_are_judged_as_by_minimize() {
        assert_eq!(failure(true, &[]), None);
        assert_eq!(failure(true, &[1.0]), None);
        assert_eq!(failure(true, &[1.0, 2.0]), Some(StopReason::Diverged));
        assert_eq!(failure(true, &[1.0, 5.0, 1.0 + 2e-6]), Some(StopReason::Diverged));
        assert_eq!(failure(true, &[1.0, 0.5, 1.0 - 0.5e-6]), Some(StopReason::NoProgress));
        assert_eq!(failure(true, &[1.0, 5.0, 0.9]), None);
        assert_eq!(failure(true, &[0.0, 0.0]), None);
    }

    #[test]
    fn batches_that_differ_must_all_have_risen() {
        let rising: Vec<f64> = (0..40).map(|step| 1.0 + f64::from(step)).collect();
        assert_eq!(failure(false, &rising), Some(StopReason::Diverged));
        assert_eq!(failure(false, &rising[..20]), Some(StopReason::Diverged));
        assert_eq!(failure(false, &[&rising[..], &[9.9]].concat()), None);
        // Not ten twice.
        assert_eq!(failure(false, &rising[..19]), None);
        assert_eq!(failure(false, &[1.0, 9.0, 2.0, 1.0, 10.0, 11.0, 10.0, 9.5]), None);
        assert_eq!(failure(false, &[1.0, 2.0, 3e3, 4e3]), Some(StopReason::Diverged));
    }

    #[test]
    fn what_moves_nothing_makes_no_progress() {
        let mut course = Course::new();
        [3.0, 1.0, 2.0, 4.0].into_iter().for_each(|loss| course.push(loss));
        assert_eq!(course.failure(false), Some(StopReason::NoProgress));
    }
}
