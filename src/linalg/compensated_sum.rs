use crate::real::Real;

/// A sum with the rounding errors of its additions carried along: exact to about one rounding for any number of
/// terms of one sign.
///
/// A. Neumaier (1974): Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompensatedSum<T> {
    sum: T,
    compensation: T,
}

impl<T: Real> CompensatedSum<T> {
    pub(crate) fn new() -> Self {
        Self { sum: T::zero(), compensation: T::zero() }
    }

    pub(crate) fn add(&mut self, term: T) {
        let sum = self.sum + term;
        let (large, small) = if self.sum.abs() >= term.abs() { (self.sum, term) } else { (term, self.sum) };
        self.compensation += (large - sum) + small;
        self.sum = sum;
    }

    pub(crate) fn total(&self) -> T {
        // Beyond the range of the type the compensation is ∞ − ∞.
        if self.sum.is_finite() { self.sum + self.compensation } else { self.sum }
    }
}
