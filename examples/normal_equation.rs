//! Linear regression in two ways, solved at once by the normal equation and approached by gradient descent; then
//! gradient descent alone, step by step.
//!
//! `cargo run --example normal_equation -- --help`

mod common;

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::{Options, files, repository};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::optimizer::StopReason;
use gradus::plot::{Figure, Mark, Series, descent_path};
use gradus::regression::{Intercept, LeastSquaresObjective};
use gradus::{GradientDescent, NormalEquation, Objective, Optimizer, Report, Stop, from_fn};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HELP: &str = "\
Fits lines by the normal equation and by gradient descent, and draws what they do.

Usage: cargo run --example normal_equation -- [--seed N] [--output DIR]

  --seed N      seed of the random data, a whole number (default: 0)
  --output DIR  where the pictures go, created if missing (default: target/pictures of the crate)
  -h, --help    this text";

fn main() -> ExitCode {
    common::main(HELP, run)
}

fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    let seed = options.whole("--seed", 0..=u64::MAX)?.unwrap_or(0);
    let output = options.path("--output").unwrap_or_else(|| repository("target/pictures"));
    let [fit, descent] = files(&output, ["fit.svg", "descent.svg"])?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);

    writeln!(out, "1. A line through 50 points, y = a x + b + noise of standard deviation 2\n")?;
    let x = DMatrix::from_fn(50, 1, |_, _| rng.random_range(0.0..10.0));
    let y = observe(&x, &[-1.0, 2.0], 2.0, &mut rng);
    let line = solve_both(&x, &y, 0.015)?;
    print_parameters(out, &["b", "a"], &[-1.0, 2.0], &line)?;
    let observations = x.iter().zip(&y).map(|(&x, &y)| [x, y]);
    let ends = |line: &[f64]| [0.0, 10.0].map(|x| [x, line[0] + line[1] * x]);
    Figure::new("A line through noisy points, fitted in two ways", "x", "y")
        .with(Series::new("observations", Mark::Points, observations).in_gray())
        .with(Series::new("normal equation", Mark::Line, ends(&line.exact)))
        .with(Series::new("gradient descent", Mark::DashedLine, ends(&line.approached)))
        .save(&fit)?;
    writeln!(out, "drawn: {}\n", fit.display())?;

    writeln!(out, "2. Three features, 100 points, y = a₀ x₀ + a₁ x₁ + a₂ x₂ + b + noise of standard deviation 0.5\n")?;
    let x = DMatrix::from_fn(100, 3, |_, _| StandardNormal.sample(&mut rng));
    let truth = [4.0, 1.5, -2.0, 0.5];
    let y = observe(&x, &truth, 0.5, &mut rng);
    print_parameters(out, &["b", "a₀", "a₁", "a₂"], &truth, &solve_both(&x, &y, 0.4)?)?;

    writeln!(out, "\n3. What each costs: p features, 4000 points\n")?;
    writeln!(out, "   p   normal equation   gradient descent   iterations   largest difference")?;
    for p in [1, 10, 100, 500, 1000] {
        let x = DMatrix::from_fn(4000, p, |_, _| StandardNormal.sample(&mut rng));
        let y = observe(&x, &vec![1.0; p + 1], 1.0, &mut rng);
        let Solutions { exact, exact_time, approached, approached_time, report } = solve_both(&x, &y, 0.4)?;
        let difference = exact.iter().zip(&approached).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        write!(out, "{p:4}   {exact_time:>15.1?}   {approached_time:>16.1?}   ")?;
        writeln!(out, "{:10}   {difference:18.0e}", report.iterations)?;
    }
    writeln!(out, "\nThe normal equation makes n p² + p³/3 multiplications, a step of gradient descent only 2 n p.")?;
    writeln!(out, "But the data decide how many steps: here the columns are nearly orthogonal, in part 1 not.")?;

    writeln!(out, "\n4. Gradient descent on f(x₀, x₁) = x₀² + x₁² from (−3, 4), learning rate 0.1\n")?;
    let (path, report) = descend(0.1)?;
    writeln!(out, "{}", "step      x₀      x₁        f     ".repeat(3).trim_end())?;
    for row in 0..7 {
        for (step, [x0, x1]) in path.iter().enumerate().skip(row).step_by(7) {
            let gap = if step < 7 { "" } else { "     " };
            write!(out, "{gap}{step:4}  {x0:6.3}  {x1:6.3}  {:7.3}", x0 * x0 + x1 * x1)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "\nlearning rate 0.1    {report}")?;
    writeln!(out, "learning rate 10     {}", descend(10.0)?.1)?;
    writeln!(out, "learning rate 1e-10  {}", descend(1e-10)?.1)?;
    let title = "Gradient descent on f(x₀, x₁) = x₀² + x₁², learning rate 0.1";
    descent_path(&mut bowl(), &path)?.titled(title).save(&descent)?;
    writeln!(out, "drawn: {}", descent.display())?;
    Ok(())
}

/// `y = b + X a + noise`, for the parameters (b, a).
fn observe(x: &DMatrix<f64>, parameters: &[f64], deviation: f64, rng: &mut ChaCha8Rng) -> DVector<f64> {
    DVector::from_fn(x.nrows(), |i, _| {
        let noise: f64 = StandardNormal.sample(rng);
        let line: f64 = x.row(i).iter().zip(&parameters[1..]).map(|(x, a)| x * a).sum();
        parameters[0] + line + deviation * noise
    })
}

struct Solutions {
    /// The constant first, then the coefficients, as in `approached`.
    exact: Vec<f64>,
    exact_time: Duration,
    approached: Vec<f64>,
    approached_time: Duration,
    report: Report<f64>,
}

/// The learning rate must be below 2/λ, where λ is the largest eigenvalue of the Hessian, `2/n XᵀX`.
fn solve_both(x: &DMatrix<f64>, y: &DVector<f64>, learning_rate: f64) -> Result<Solutions> {
    let start = Instant::now();
    let mut sums = NormalEquation::new(x.ncols(), 1);
    sums.push(x, y)?;
    let exact = sums.solve()?.parameters().as_slice().to_vec();
    let exact_time = start.elapsed();

    let start = Instant::now();
    let mut objective = LeastSquaresObjective::new(x, y, Intercept::Include)?;
    let mut approached = vec![0.0; objective.parameter_count()];
    let stop = Stop::after(100_000).gradient_norm(1e-9)?;
    let report = GradientDescent::new(learning_rate)?.minimize(&mut objective, &mut approached, &stop);
    let approached_time = start.elapsed();
    if report.reason != StopReason::Converged {
        return Err(format!("gradient descent {report}").into());
    }
    Ok(Solutions { exact, exact_time, approached, approached_time, report })
}

fn print_parameters(out: &mut impl Write, names: &[&str], truth: &[f64], fit: &Solutions) -> Result<()> {
    writeln!(out, "          true   normal equation   gradient descent   difference")?;
    for (((name, truth), exact), approached) in names.iter().zip(truth).zip(&fit.exact).zip(&fit.approached) {
        let difference = (exact - approached).abs();
        writeln!(out, "{name:4}  {truth:8.1}   {exact:15.10}   {approached:16.10}   {difference:10.0e}")?;
    }
    writeln!(out, "time             {:>15.1?}   {:>16.1?}", fit.exact_time, fit.approached_time)?;
    writeln!(out, "\ngradient descent {}", fit.report)?;
    Ok(())
}

/// f(x₀, x₁) = x₀² + x₁²
fn bowl() -> impl Objective<f64> {
    from_fn(|x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]);
        x[0] * x[0] + x[1] * x[1]
    })
}

/// 20 steps on f(x₀, x₁) = x₀² + x₁² from (−3, 4): every point, and how it went.
fn descend(learning_rate: f64) -> Result<(Vec<[f64; 2]>, Report<f64>)> {
    let mut path = Vec::new();
    let mut x = [-3.0, 4.0];
    let report =
        GradientDescent::new(learning_rate)?.minimize_with(&mut bowl(), &mut x, &Stop::after(20), &mut |iteration| {
            path.push([iteration.x[0], iteration.x[1]]);
            ControlFlow::Continue(())
        });
    Ok((path, report))
}
