//! What errors of a report's numbers are allowed by the bounds that it carries.

use gradus::nalgebra::DMatrix;

use super::oracle::{Entry, Report};
use super::problem::Problem;

/// Bounds of one target. All zero: nothing is allowed but rounding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Of the parameters, relative, in units in which every column has the length 1.
    pub(crate) parameters: f64,
    /// Of `√(xᵀ (XᵀWX)⁻¹ x)`, relative.
    pub(crate) roots: f64,
    /// Of `Σ w r²`, absolute.
    pub(crate) residual: f64,
    /// The part of `Σ w r²` that single residuals may have from what passes for 0.
    pub(crate) unresolved: f64,
}

impl Bounds {
    pub(crate) const NONE: Self = Self { parameters: 0.0, roots: 0.0, residual: 0.0, unresolved: 0.0 };
}

/// Absolute errors that follow from the bounds, of each statistic of one target.
pub(crate) struct Slack<'a> {
    problem: &'a Problem,
    report: &'a Report,
    target: usize,
    bounds: Bounds,
    /// A bound on `‖D (β̂ − β)‖`.
    off: f64,
    /// s as it is, and the least and the largest that it may be taken for.
    deviation: [f64; 3],
}

fn value(entry: Entry) -> f64 {
    entry.map_or(0.0, |entry| entry.value)
}

/// The larger of the distances of a value from the ends of a range; infinite where that cannot be told.
fn spread([middle, low, high]: [f64; 3]) -> f64 {
    let (below, above) = (middle - low, high - middle);
    if below.is_nan() || above.is_nan() { f64::INFINITY } else { below.max(above) }
}

impl<'a> Slack<'a> {
    pub(crate) fn new(problem: &'a Problem, report: &'a Report, target: usize, bounds: Bounds) -> Self {
        let parts = report.parameters.column(target);
        let squares = parts.iter().zip(&report.lengths).map(|(&parameter, length)| (value(parameter) * length).powi(2));
        let freedom = report.freedom.max(1) as f64;
        let residual =
            report.statistics.get(target).map_or(0.0, |statistics| value(statistics.residual_sum_of_squares));
        let deviation = [residual, (residual - bounds.residual).max(0.0), residual + bounds.residual]
            .map(|square| (square / freedom).sqrt());
        let length = squares.sum::<f64>().sqrt();
        let off = if bounds.parameters.is_infinite() { f64::INFINITY } else { bounds.parameters * length };
        Self { problem, report, target, bounds, off, deviation }
    }

    /// A root that is known up to its bound.
    fn root(&self, root: f64) -> [f64; 3] {
        [root, root * (1.0 - self.bounds.roots).max(0.0), root * (1.0 + self.bounds.roots)]
    }

    fn product(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
        [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
    }

    pub(crate) fn parameter(&self, unknown: usize) -> f64 {
        self.off / self.report.lengths[unknown]
    }

    pub(crate) fn residual_sum(&self) -> f64 {
        self.bounds.residual
    }

    pub(crate) fn deviation(&self) -> f64 {
        spread(self.deviation)
    }

    /// As a part of the total sum of squares.
    pub(crate) fn r_squared(&self) -> f64 {
        self.bounds.residual / self.report.statistics[self.target].total
    }

    pub(crate) fn f_statistic(&self, f: f64) -> f64 {
        let residual = value(self.report.statistics[self.target].residual_sum_of_squares);
        let total = self.report.statistics[self.target].total;
        let ratio = |residual: f64| (total - residual).max(0.0) / residual;
        let [middle, low, high] =
            [residual, residual + self.bounds.residual, (residual - self.bounds.residual).max(0.0)].map(ratio);
        spread([f, f * low / middle, f * high / middle])
    }

    /// Of `n ln Σ w r²`.
    pub(crate) fn logarithm(&self, observations: usize) -> f64 {
        let part = self.bounds.residual / value(self.report.statistics[self.target].residual_sum_of_squares);
        if part < 1.0 { -(-part).ln_1p() * observations as f64 } else { f64::INFINITY }
    }

    pub(crate) fn standard_error(&self, unknown: usize) -> f64 {
        spread(Self::product(self.deviation, self.root(self.report.unknown_roots[unknown])))
    }

    pub(crate) fn t_statistic(&self, unknown: usize, t: f64) -> f64 {
        let [error, low, high] = Self::product(self.deviation, self.root(self.report.unknown_roots[unknown]));
        let size = t.abs() * error;
        let off = self.parameter(unknown);
        spread([t.abs(), (size - off) / high, (size + off) / low])
    }

    pub(crate) fn covariance(&self, i: usize, j: usize) -> f64 {
        let squares = self.deviation.map(|deviation| deviation * deviation);
        let roots = self.report.unknown_roots[i] * self.report.unknown_roots[j];
        roots * (squares[2] * self.quadratic() + spread(squares))
    }

    /// Of `aᵀ (XᵀWX)⁻¹ b`, relative to the roots of a and b.
    fn quadratic(&self) -> f64 {
        self.bounds.roots * (2.0 + self.bounds.roots)
    }

    pub(crate) fn interval(&self, unknown: usize) -> f64 {
        self.parameter(unknown) + self.report.quantile * self.standard_error(unknown)
    }

    /// Of `x β`, for x in the units of the columns.
    fn center(&self, x: impl Iterator<Item = f64>) -> f64 {
        if self.off == 0.0 {
            return 0.0;
        }
        let first = self.problem.constants();
        let constant = if first == 1 { (1.0 / self.report.lengths[0]).powi(2) } else { 0.0 };
        let squares = x.zip(&self.report.lengths[first..]).map(|(x, length)| (x / length).powi(2));
        self.off * (constant + squares.sum::<f64>()).sqrt()
    }

    pub(crate) fn prediction(&self, places: &DMatrix<f64>, place: usize) -> f64 {
        match self.problem.polynomial {
            Some(_) => {
                let x = places[place];
                self.center((1..=self.problem.x.ncols()).map(|power| x.powi(power as i32)))
            }
            None => self.center(places.row(place).iter().copied()),
        }
    }

    /// Of the ends of the interval of the mean there, or with 1 of that of an observation.
    pub(crate) fn place_interval(&self, places: &DMatrix<f64>, place: usize, new: f64) -> f64 {
        let roots = self.root(self.report.place_roots[place]).map(|root| root.hypot(new));
        self.prediction(places, place) + self.report.quantile * spread(Self::product(self.deviation, roots))
    }

    pub(crate) fn leverage(&self, row: usize) -> f64 {
        value(self.report.leverages[row]) * self.quadratic()
    }

    pub(crate) fn residual(&self, row: usize) -> f64 {
        let weight = self.problem.weight(row);
        let unresolved = if weight > 0.0 { (self.bounds.unresolved / weight).sqrt() } else { 0.0 };
        self.center(self.problem.x.row(row).iter().copied()) + unresolved
    }

    pub(crate) fn cooks_distance(&self, row: usize, distance: f64) -> f64 {
        let leverage = value(self.report.leverages[row]);
        let off = self.leverage(row);
        let residual = value(self.report.residuals[(row, self.target)]).abs();
        let about = self.residual(row);
        let is_exact = off == 0.0 && about == 0.0 && self.deviation() == 0.0;
        if is_exact {
            return 0.0;
        }
        let of = |residual: f64, leverage: f64, deviation: f64| {
            (residual / ((1.0 - leverage).max(0.0) * deviation)).powi(2) * leverage
        };
        let front = self.problem.weight(row) / self.problem.unknowns() as f64;
        let low = front * of((residual - about).max(0.0), (leverage - off).max(0.0), self.deviation[2]);
        let high = front * of(residual + about, (leverage + off).min(1.0), self.deviation[1]);
        spread([distance, low, high])
    }

    /// Of a robust standard error, `(1 − h)` standing to this power in its sum.
    pub(crate) fn robust(&self, unknown: usize, power: i32) -> f64 {
        if self.off == 0.0 && self.bounds.roots == 0.0 && self.bounds.unresolved == 0.0 {
            return 0.0;
        }
        let rows = 0..self.problem.x.nrows();
        let squares = rows.map(|row| {
            let weight = self.problem.weight(row).sqrt();
            let (leverage, off) = (value(self.report.leverages[row]), self.leverage(row));
            let factor = |rest: f64| 1.0 / rest.powi(power).sqrt();
            let factors = [1.0 - leverage, 1.0 - leverage + off, (1.0 - leverage - off).max(0.0)].map(factor);
            // No more than by the inequality of Cauchy and Schwarz.
            let part = weight * leverage.sqrt() * self.report.unknown_roots[unknown];
            let residual = value(self.report.residuals[(row, self.target)]).abs();
            let about = self.residual(row);
            let square =
                part * residual * spread(factors) + part * (about + self.quadratic() * (residual + about)) * factors[2];
            square * square
        });
        squares.sum::<f64>().sqrt()
    }
}
