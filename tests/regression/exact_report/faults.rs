//! The faults that were found by use, R1 to R17 but for R11, each with its right value: the literal numbers are those
//! of the list of faults, the others come from exact arithmetic.

use gradus::error::Column;
use gradus::nalgebra::{DMatrix, dmatrix, dvector};
use gradus::regression::{Intercept, RankDeficiency};
use gradus::{Error, LinearFit, LinearRegression};

use super::found::{Found, Outcome, Road, run};
use super::judge::judge;
use super::oracle::{Entry, Exact, Report};
use super::problem::Problem;

/// Those that refine what they find.
const REFINED: [Road; 6] = [Road::Default, Road::Qr, Road::Sums, Road::Whole, Road::Rows, Road::Merged];
const BY_SUMS: [Road; 4] = [Road::Sums, Road::Whole, Road::Rows, Road::Merged];

fn problem(x: DMatrix<f64>, y: DMatrix<f64>) -> Problem {
    Problem::new("fault", 0, x, y)
}

fn column(values: impl IntoIterator<Item = f64>) -> DMatrix<f64> {
    let values: Vec<f64> = values.into_iter().collect();
    DMatrix::from_vec(values.len(), 1, values)
}

/// The powers of x as columns.
fn powers(x: &[f64], degree: usize, y: &[f64]) -> Problem {
    problem(gradus::regression::polynomial(x, degree).unwrap(), DMatrix::from_column_slice(y.len(), 1, y))
}

fn polynomial(x: &[f64], degree: usize, y: &[f64]) -> Problem {
    Problem::polynomial("fault", 0, x.to_vec(), DMatrix::from_column_slice(y.len(), 1, y), degree)
}

/// Whole numbers from one to another, both counted.
fn range(first: i32, last: i32) -> Vec<f64> {
    (first..=last).map(f64::from).collect()
}

fn exact(problem: &Problem) -> Report {
    Exact::new(problem).report.expect("a unique solution")
}

fn found(problem: &Problem, road: Road) -> Found {
    match run(problem, road) {
        Outcome::Fitted(found) => *found,
        other => panic!("{}: {other:?}", road.name()),
    }
}

/// That every number is true by these roads.
fn hold(problem: &Problem, roads: &[Road]) {
    let exact = Exact::new(problem);
    let mut violations = Vec::new();
    for &road in roads.iter().filter(|road| road.can_take(problem)) {
        let verdict = judge(problem, &exact, road, &run(problem, road));
        let lines =
            verdict.violations.iter().map(|found| format!("{}: {} {}", road.name(), found.statistic, found.what));
        violations.extend(lines);
    }
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

/// That by these roads there is a fit which says that it has converged.
fn converge(problem: &Problem, roads: &[Road]) {
    for &road in roads {
        let found = found(problem, road);
        assert!(found.fit.report().converged, "{}: {:?}", road.name(), found.fit.report());
    }
}

fn near(found: Entry, expected: f64, digits: i32) {
    let found = found.unwrap().value;
    let error = (found - expected).abs();
    assert!(
        error <= 0.6 * 10_f64.powi(-digits) * expected.abs().max(f64::MIN_POSITIVE),
        "{found}, expected {expected}"
    );
}

#[test]
fn r01_no_effect_is_no_perfect_fit() {
    let first = problem(column([-1.0, 0.0, 1.0]), column([1.0, -2.0, 1.0]));
    let right = exact(&first);
    near(right.statistics[0].residual_sum_of_squares, 6.0, 15);
    near(right.standard_errors[(0, 0)], 2_f64.sqrt(), 15);
    near(right.standard_errors[(1, 0)], 3_f64.sqrt(), 15);
    near(right.statistics[0].r_squared, 0.0, 15);
    let second = problem(column([1.0, -1.0, 1.0, -1.0]), column([1.0, 1.0, 2.0, 2.0])).with_intercept(Intercept::Omit);
    let third = problem(column([-2.0, -1.0, 0.0, 1.0, 2.0]), column([2.0, -1.0, -2.0, -1.0, 2.0]));
    for problem in [first, second, third] {
        converge(&problem, &REFINED);
        hold(&problem, &Road::ALL);
    }
}

#[test]
fn r02_a_target_of_zeros_converges() {
    let problem = problem(column([0.0, 1.0, 2.0, 5.0]), DMatrix::zeros(4, 1));
    converge(&problem, &REFINED);
    for road in REFINED {
        let found = found(&problem, road);
        assert_eq!(found.fit.statistics()[0].r_squared, None);
        assert!(found.parameters.iter().all(|&parameter| parameter == Some(0.0)));
    }
    hold(&problem, &Road::ALL);
}

#[test]
fn r03_years_to_the_seventh_power() {
    let y: Vec<f64> = (0..15).map(|i| f64::from(7 * i % 5)).collect();
    let problem = polynomial(&range(1990, 2004), 7, &y);
    near(exact(&problem).statistics[0].r_squared, 0.2303, 3);
    converge(&problem, &[Road::Default]);
    hold(&problem, &Road::ALL);
}

const WAVE: [f64; 12] = [0.0, 3.0, 5.0, 6.0, 6.0, 5.0, 3.0, 0.0, 3.0, 5.0, 6.0, 6.0];

/// That an unrefined fit reports the R² of the residuals that it leaves.
fn is_honest(problem: &Problem, r_squared: f64, digits: i32) {
    let right = exact(problem);
    near(right.statistics[0].r_squared, r_squared, digits);
    let found = found(problem, Road::Unrefined);
    let statistics = found.fit.statistics()[0];
    assert!(!found.fit.report().converged);
    let part = statistics.residual_sum_of_squares.unwrap() / right.statistics[0].total;
    assert!(part >= (1.0 - right.statistics[0].r_squared.unwrap().value) * (1.0 - 1e-12), "{statistics:?}");
    assert!((statistics.r_squared.unwrap() - (1.0 - part)).abs() <= 1e-12, "{statistics:?}");
    hold(problem, &[Road::Unrefined]);
}

#[test]
fn r04_an_unrefined_cubic_of_years_is_honest() {
    let years = range(2000, 2011);
    near(exact(&powers(&years, 3, &WAVE)).statistics[0].residual_sum_of_squares, 18.1228, 5);
    is_honest(&powers(&years, 3, &WAVE), 0.66439, 5);
    is_honest(&polynomial(&years, 3, &WAVE), 0.66439, 5);
}

#[test]
fn r05_an_unrefined_fit_with_a_large_weight_is_honest() {
    let mut weights = vec![1.0; 8];
    weights[3] = 1e10;
    let problem = problem(column(range(0, 7)), column(WAVE[..8].iter().copied())).with_weights(weights);
    is_honest(&problem, 0.0247, 3);
}

/// Rows (a, a (1 + k δ), a).
fn beside_a_near_duplicate(delta: f64, rows: usize) -> Problem {
    let steps = [0.0, 1.0, 0.0, 3.0, 2.0, 1.0, 3.0];
    let x = DMatrix::from_fn(rows, 3, |i, j| (i + 1) as f64 * (1.0 + if j == 1 { steps[i] * delta } else { 0.0 }));
    let y = [1.0, 0.0, 2.0, 5.0, -1.0, 4.0, 1.0];
    problem(x, column(y[..rows].iter().copied())).with_intercept(Intercept::Omit)
}

#[test]
fn r06_a_duplicate_beside_a_near_duplicate_is_named() {
    for delta in [-42, -41, -40, -38, -35, -30].map(|power| 2_f64.powi(power)) {
        for rows in [4, 5, 7] {
            let problem = beside_a_near_duplicate(delta, rows);
            hold(&problem, &[Road::Default, Road::Qr, Road::Unrefined, Road::Sums, Road::Whole, Road::Rows]);
            for road in [Road::Default, Road::Qr, Road::Whole] {
                let Outcome::Refused(Error::RankDeficient { dependencies, .. }) = run(&problem, road) else {
                    panic!("{}: no dependency", road.name());
                };
                assert_eq!(dependencies.len(), 1, "{dependencies:?}");
                assert_eq!(dependencies[0].column, Column::Feature(2));
                assert_eq!(dependencies[0].combination.len(), 1, "{dependencies:?}");
                let (other, coefficient) = dependencies[0].combination[0];
                assert!(other == Column::Feature(0) && (coefficient - 1.0).abs() < 1e-12, "{dependencies:?}");
            }
        }
    }
}

#[test]
fn r06_a_duplicate_beside_a_near_duplicate_is_dropped_or_shared() {
    for delta in [-42, -38, -30].map(|power| 2_f64.powi(power)) {
        let problem = beside_a_near_duplicate(delta, 7);
        let reduced =
            Problem { x: problem.x.columns(0, 2).into_owned(), points: DMatrix::zeros(0, 2), ..problem.clone() };
        let right = exact(&reduced).parameters.map(|parameter| parameter.unwrap().value);
        let fit = |how: RankDeficiency| -> LinearFit<f64> {
            let regression = LinearRegression::new().with_intercept(Intercept::Omit).with_rank_deficiency(how);
            regression.fit(&problem.x, &problem.y).unwrap()
        };
        // Of κ = 1e13 the bound says what is left: digits are asked for where there are any.
        let allowed = 1e-30 / (delta * delta) + 1e-12;
        for (how, expected) in [
            (RankDeficiency::Drop, dvector![right[0], right[1], 0.0]),
            (RankDeficiency::MinimumNorm, dvector![right[0] / 2.0, right[1], right[0] / 2.0]),
        ] {
            let fit = fit(how);
            let error = (fit.coefficients().column(0) - &expected).norm() / expected.norm();
            assert!(error <= allowed, "{how:?}, δ = {delta:e}: {error:e}");
            assert_eq!(fit.dependencies().len(), 1);
        }
    }
}

#[test]
fn r07_leverages_of_a_cubic_in_years() {
    for problem in [
        powers(&range(2000, 2005), 3, &[0.0, 1.0, 1.0, 0.0, 1.0, 2.0]),
        polynomial(&range(2000, 2005), 3, &[0.0, 1.0, 1.0, 0.0, 1.0, 2.0]),
    ] {
        let right = exact(&problem);
        let leverages = [121.0, 73.0, 58.0, 58.0, 73.0, 121.0];
        (0..6).for_each(|row| near(right.leverages[(row, 0)], leverages[row] / 126.0, 15));
        near(right.cooks_distances[(5, 0)], 8.1796, 5);
        near(right.robust[3][(3, 0)], 0.145433, 5);
        for road in REFINED {
            let found = found(&problem, road);
            for (leverage, right) in found.leverages.iter().flatten().zip(leverages) {
                assert!((leverage - right / 126.0).abs() < 1e-12, "{}: {leverage}", road.name());
            }
        }
        hold(&problem, &Road::ALL);
    }
}

#[test]
fn r08_leverages_of_the_fifth_degree_add_up() {
    let y: Vec<f64> = (0..15).map(|i| f64::from(7 * i % 5)).collect();
    for problem in [powers(&range(100, 114), 5, &y), polynomial(&range(100, 114), 5, &y)] {
        for road in REFINED {
            let sum: f64 = found(&problem, road).leverages.iter().map(|leverage| leverage.unwrap()).sum();
            assert!((sum - 6.0).abs() < 1e-11, "{}: {sum}", road.name());
        }
        hold(&problem, &Road::ALL);
    }
}

#[test]
fn r09_cooks_distance_beside_a_leverage_near_one() {
    let x = [-1.5, -1.0, -0.5, 0.0, 0.25, 0.75, 1.25, 1e7];
    let y = [0.3, -1.2, 0.7, 1.1, -0.4, 0.9, -2.0, 0.6];
    let problem = problem(column(x), column(y));
    converge(&problem, &REFINED);
    hold(&problem, &Road::ALL);
}

#[test]
fn r10_sums_of_a_perfect_line_far_from_zero() {
    for start in [1e3, 1e8] {
        let x = column((0..10).map(|i| start + f64::from(i)));
        let problem = problem(x, column((0..10).map(|i| f64::from(2 * i + 1))));
        for road in BY_SUMS {
            let found = found(&problem, road);
            let statistics = found.fit.statistics()[0];
            assert!(!statistics.residual_resolved, "{}: {statistics:?}", road.name());
            assert_eq!(statistics.f_statistic, None);
            if found.fit.report().converged {
                assert_eq!(statistics.residual_sum_of_squares, Some(0.0));
            }
        }
        hold(&problem, &Road::ALL);
    }
}

#[test]
fn r12_a_penalty_beyond_all_measure() {
    let problem =
        problem(column([1.0, 2.0, 4.0]), column([1.0, 2.0, 3.0])).with_intercept(Intercept::Omit).with_ridge(1e300);
    near(exact(&problem).parameters[(0, 0)], 1.7e-299, 14);
    converge(&problem, &[Road::Default, Road::Qr]);
    assert!(found(&problem, Road::Default).fit.report().error_bound < 1e-12);
    hold(&problem, &[Road::Default, Road::Qr, Road::Unrefined, Road::Gradients]);
}

#[test]
fn r13_conjugate_gradients_say_when_they_have_not_converged() {
    let weights = [115, 117, 120, 123, 126, 129, 132, 135, 139, 142, 146, 150, 154, 159, 164].map(f64::from);
    for problem in [powers(&range(58, 72), 3, &weights), polynomial(&range(58, 72), 3, &weights)] {
        hold(&problem, &[Road::Gradients]);
    }
}

/// The flow of the Nile at Aswan, 1871 to 1970, in 10⁸ m³: G. W. Cobb (1978).
const NILE: [u16; 100] = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831,
    726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845,
    944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918,
    986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
];

#[test]
fn r14_predictions_of_a_polynomial_of_years() {
    let problem = polynomial(&range(1871, 1970), 7, &NILE.map(f64::from));
    near(exact(&problem).predictions[(0, 0)], 1169.11, 7);
    for road in [Road::Default, Road::Qr] {
        let first = found(&problem, road).predictions[(0, 0)].unwrap();
        assert!((first - 1_169.109_998_787_522).abs() < 1e-9, "{}: {first}", road.name());
    }
    converge(&problem, &[Road::Default]);
    hold(&problem, &Road::ALL);
}

#[test]
fn r15_a_huge_weight_is_no_dependency() {
    for weight in [1e25, 1e30, 1e40, 1e100, 1e300] {
        let mut weights = vec![1.0; 8];
        weights[3] = weight;
        let problem = problem(column(range(0, 7)), column(WAVE[..8].iter().copied())).with_weights(weights);
        for road in Road::ALL {
            let outcome = run(&problem, road);
            let is_dependency = matches!(&outcome, Outcome::Refused(Error::RankDeficient { .. }));
            assert!(!is_dependency, "{weight:e}, {}: {outcome:?}", road.name());
        }
        hold(&problem, &Road::ALL);
    }
}

#[test]
fn r16_polynomials_of_timestamps_are_fitted() {
    let x: Vec<f64> = (0..12).map(|i| 1.5e9 + 86_400.0 * f64::from(i)).collect();
    for degree in 2..=4 {
        let problem = polynomial(&x, degree, &WAVE);
        converge(&problem, &[Road::Default]);
        hold(&problem, &Road::ALL);
    }
}

#[test]
fn r17_a_leverage_of_one_spoils_what_it_touches_alone() {
    // The last row is the only one that the last column knows, and takes part in no other.
    let x = dmatrix![1.0, 2.0, 0.0; 2.0, 1.0, 0.0; 3.0, -1.0, 0.0; 4.0, 1.0, 0.0; 5.0, 3.0, 0.0; 0.0, 0.0, 1.0];
    let y = column([1.0, 3.0, 2.0, 5.0, 4.0, 7.0]);
    let apart = problem(x.clone(), y.clone()).with_intercept(Intercept::Omit);
    let right = exact(&apart);
    assert!(right.robust[3][(0, 0)].is_some() && right.robust[3][(2, 0)].is_none());
    // With an intercept it touches that of its indicator, and no other: the others decide the rest.
    let beside = problem(x, y);
    let right = exact(&beside);
    assert!((0..3).all(|j| right.robust[2][(j, 0)].is_some()) && right.robust[2][(3, 0)].is_none());
    for problem in [apart, beside] {
        hold(&problem, &REFINED);
    }
}

#[test]
fn the_oracle_knows_a_regression_by_hand() {
    // ŷ = ½ x + ½, residuals −½, 1, −½: Σ r² = 1.5, Σ (y − ȳ)² = 2, one degree of freedom.
    let problem = Problem { points: dmatrix![1.0], ..problem(column([0.0, 1.0, 2.0]), column([0.0, 2.0, 1.0])) };
    let right = exact(&problem);
    near(right.statistics[0].r_squared, 0.25, 15);
    near(right.statistics[0].f_statistic, 1.0 / 3.0, 15);
    near(right.statistics[0].f_p_value, 2.0 / 3.0, 15);
    near(right.covariances[0][(1, 1)], 0.75, 15);
    near(right.covariances[0][(0, 1)], -0.75, 15);
    near(right.robust[0][(1, 0)], 0.125_f64.sqrt(), 15);
    // h = 5/6, r = −½: r² h / (2 s² (1 − h)²).
    near(right.cooks_distances[(0, 0)], 2.5, 15);
    let t = (0.475 * std::f64::consts::PI).tan();
    near(right.mean_intervals.upper[(4, 0)], 1.0 + t * 0.5_f64.sqrt(), 14);
    near(right.prediction_intervals.lower[(4, 0)], 1.0 - t * 2_f64.sqrt(), 14);
    let logarithms = (2.0 * std::f64::consts::PI).ln() + 1.0 - 3_f64.ln() + 1.5_f64.ln();
    near(right.statistics[0].log_likelihood, -1.5 * logarithms, 15);
    near(right.statistics[0].aic, 6.0 + 3.0 * logarithms, 15);
}
