//! What the ranks do.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use gradus::layer::{Dropout, Mode, Pass, Tanh};
use gradus::nalgebra::DMatrix;
use gradus::{
    Adam, Batch, BatchMut, Dense, GradientDescent, Layer, MeanSquaredError, Network, NormalEquation, Objective,
    Optimizer, Real, SoftmaxCrossEntropy,
};
use gradus_mpi::{DataParallel, Ranks, Shard, merge};

use crate::launch::leave;
use crate::problems::{self, Mnist};

type Outcome = Result<(), Box<dyn Error>>;

/// Does the job and ends the process.
pub(crate) fn run(job: &str) -> ! {
    let code = gradus_mpi::run(|ranks| {
        let outcome = match job {
            "mnist" => mnist(ranks),
            _ if job.starts_with("shards ") => shards(ranks, job["shards ".len()..].parse()?),
            _ if job.starts_with("disagree ") => disagree(ranks, &job["disagree ".len()..]),
            _ if job.starts_with("sleeps ") => sleeps(ranks, job),
            "sums" => sums(ranks),
            "endless" => endless(ranks),
            "lonely error" | "lonely panic" => lonely(ranks, job),
            _ if job.starts_with("regression ") => regression(ranks, job["regression ".len()..].parse()?),
            _ => bad(ranks, job),
        };
        // An error that only one rank has is not told: the others would not know.
        if let Err(error) = &outcome
            && error.is::<gradus_mpi::Error>()
        {
            leave("result", ranks.rank(), error.to_string().as_bytes());
        }
        outcome
    });
    std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 1 });
}

pub(crate) fn bytes<'a, T: Real>(numbers: impl IntoIterator<Item = &'a T>) -> Vec<u8> {
    numbers.into_iter().flat_map(|number| number.to_f64().to_le_bytes()).collect()
}

pub(crate) fn numbers(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|&number| f64::from_le_bytes(number)).collect()
}

fn mnist(ranks: &Ranks) -> Outcome {
    let network = Mnist::network();
    let mut objective = DataParallel::new(ranks, network.objective(SoftmaxCrossEntropy))?;
    let mut problem = Mnist::new(objective.sharding().held());
    let mut batches = problem.batches();
    let mut parameters = Mnist::start(&network);
    let mut adam = Adam::new(2e-3)?;
    for _ in 0..problems::ITERATIONS {
        let batch: Vec<Shard<'_, f32>> = batches.iter_mut().map(|shard| shard.next_batch().into()).collect();
        let _ = adam.step(&mut objective.on_shards(&batch)?, parameters.as_mut_slice());
        objective.outcome()?;
    }
    leave("result", ranks.rank(), &bytes(&parameters));
    Ok(())
}

/// Batches whose shards are of different weights, some of none, under a network that draws at random.
fn shards(ranks: &Ranks, shards: usize) -> Outcome {
    let network = Network::<f64>::builder(3)
        .layer(Dense::new(3, 6))
        .layer(Tanh)
        .layer(Dropout::new(0.4)?)
        .layer(Dense::new(6, 2))
        .build()?;
    let wave = |rows: usize, samples: usize, step: f64| {
        DMatrix::from_fn(rows, samples, |i, j| (step * (i * samples + j) as f64).sin())
    };
    let mut parameters = wave(1, network.parameter_count(), 1.7).as_slice().to_vec();
    let mut whole = network.objective(MeanSquaredError);
    let mut objective = DataParallel::with_shards(ranks, network.objective(MeanSquaredError), shards)?;
    let mut descent = GradientDescent::new(0.05)?;
    let mut left = Vec::new();
    let mut gradients = [vec![0.0; parameters.len()], vec![0.0; parameters.len()]];
    // Three samples leave five shards without any; of 61, the first shards have eight and the others seven.
    for samples in [61, 3, 16] {
        let (x, t) = (wave(3, samples, 0.9), wave(2, samples, 1.1));
        // The first eight samples, which are the first shard of 61, have no weight.
        let weights: Vec<f64> =
            (0..samples).map(|i| if samples > 3 && i < 8 { 0.0 } else { 1.0 + (i % 3) as f64 }).collect();
        for weighted in [false, true] {
            let (seed, [ours, theirs]) = (samples as u64 + u64::from(weighted), &mut gradients);
            whole.reseed(seed);
            objective.reseed(seed);
            let (mut theirs_of, mut ours_of) = if weighted {
                (whole.on_weighted(&x, &t, &weights[..])?, objective.on_weighted(&x, &t, &weights[..])?)
            } else {
                (whole.on(&x, &t)?, objective.on(&x, &t)?)
            };
            let values = [
                theirs_of.value_and_gradient(&parameters, theirs),
                ours_of.value_and_gradient(&parameters, ours),
                ours_of.value(&parameters),
            ];
            assert!(values[0] > 0.1 && theirs.iter().any(|slope| slope.abs() > 0.1));
            assert!(values.iter().all(|value| (value - values[0]).abs() < 1e-14 * values[0]), "{values:?}");
            for (ours, theirs) in ours.iter().zip(&*theirs) {
                assert!((ours - theirs).abs() < 1e-14, "{ours:e} {theirs:e}");
            }
            for _ in 0..2 {
                let step = descent.step(&mut ours_of, &mut parameters);
                left.push(step.value);
            }
            objective.outcome()?;
        }
    }
    left.extend_from_slice(&parameters);
    leave("result", ranks.rank(), &bytes(&left));
    Ok(())
}

/// Of numbers that another order would round otherwise: of few, and of more than a message that is sent at once.
fn sums(ranks: &Ranks) -> Outcome {
    let of_rank = |rank: usize| [1.0 / (rank as f64 + 3.0), 1e16_f64.powi(rank as i32 % 2), rank as f64];
    let mut values = of_rank(ranks.rank());
    ranks.sum(&mut values)?;
    let mut tree: Vec<_> = (0..ranks.size()).map(of_rank).collect();
    while tree.len() > 1 {
        let add = |pair: &[[f64; 3]]| pair[1..].iter().fold(pair[0], |a, b| std::array::from_fn(|i| a[i] + b[i]));
        tree = tree.chunks(2).map(add).collect();
    }
    assert_eq!(values, tree[0]);
    let mut many: Vec<f64> = of_rank(ranks.rank()).into_iter().cycle().take(100_003).collect();
    ranks.sum(&mut many)?;
    assert!(many.iter().zip(tree[0].iter().cycle()).all(|(found, expected)| found == expected));
    let mut values = of_rank(ranks.rank() + 5);
    ranks.broadcast(&mut values)?;
    assert_eq!(values, of_rank(5));
    leave("result", ranks.rank(), b"as expected");
    Ok(())
}

fn regression(ranks: &Ranks, decades: i32) -> Outcome {
    let blocks = ranks.share(problems::ROWS / 100);
    let mut sums = NormalEquation::new(problems::FEATURES, 1);
    for block in blocks {
        let (x, y) = problems::observations(decades, block * 100..(block + 1) * 100);
        sums.push(&x, &y)?;
    }
    let fit = merge(ranks, &sums)?.solve()?;
    assert_eq!(fit.observations(), problems::ROWS);
    leave("result", ranks.rank(), &bytes(&fit.parameters()));
    Ok(())
}

/// The last rank does something else than the others.
fn bad(ranks: &Ranks, job: &str) -> Outcome {
    let last = ranks.rank() + 1 == ranks.size();
    let is = |what| last && job == what;
    let hidden = if is("other network") { 5 } else { 4 };
    let network =
        Network::<f64>::builder(2).layer(Dense::new(2, hidden)).layer(Tanh).layer(Dense::new(hidden, 1)).build()?;
    let mut parameters = vec![0.1; network.parameter_count()];
    let file = if is("bad file") { Err("no such file") } else { Ok(()) };
    ranks.agree(file)?;
    let shards = match job {
        "no shards" => 0,
        "other shards" if last => 4,
        _ => 8,
    };
    let mut objective = DataParallel::with_shards(ranks, network.objective(MeanSquaredError), shards)?;
    let mut of_fewer = DataParallel::with_shards(ranks, network.objective(MeanSquaredError), 4)?;
    if is("other objective") {
        std::mem::swap(&mut objective, &mut of_fewer);
    }
    let samples = match job {
        "no samples" => 0,
        "other batch" if last => 25,
        _ => 24,
    };
    let mut x = DMatrix::from_element(2, samples, 0.5);
    let mut t = DMatrix::from_element(1, samples, 0.25);
    // The third sample of the last shard. That "goes on" the others find out, and end.
    if is("bad target") || is("goes on") {
        t[23] = f64::NAN;
    }
    if is("bad input") {
        x[2 * 23] = f64::NAN;
    }
    if is("bad parameters") {
        parameters[3] += 1e-16;
        assert_ne!(parameters[3], 0.1);
    }
    let weights = vec![0.0; samples];
    let steps = if is("ends early") { 3 } else { 5 };
    let mut descent = GradientDescent::new(0.1)?;
    for _ in 0..steps {
        let mut bound = match job {
            "no weight" => {
                let shard = |_| Shard { inputs: (&x).into(), targets: (&t).into(), weights: Some(&weights) };
                objective.on_shards(&objective.sharding().held().map(shard).collect::<Vec<_>>())?
            }
            "too few shards" if last => {
                objective.on_shards(&[Shard { inputs: (&x).into(), targets: (&t).into(), weights: None }])?
            }
            "goes on" if last => match objective.on(&x, &t) {
                Err(gradus_mpi::Error::Rank { .. }) => continue,
                bound => bound?,
            },
            _ => objective.on(&x, &t)?,
        };
        let before = parameters.clone();
        if is("value alone") {
            let _ = bound.value(&parameters);
        }
        let step = descent.step(&mut bound, &mut parameters);
        if is("evaluates again") {
            let _ = bound.value(&parameters);
        }
        let outcome = objective.outcome();
        if is("evaluates again") {
            // The step before was one of all ranks.
            outcome?;
            continue;
        }
        assert_eq!(step.is_finite(), outcome.is_ok());
        assert!(outcome.is_ok() || parameters == before);
        outcome?;
    }
    if is("ends early") {
        return Ok(());
    }
    let mut sums = NormalEquation::<f64>::new(if is("other sums") { 3 } else { 2 }, 1);
    let mut rows = DMatrix::from_fn(6, if is("other sums") { 3 } else { 2 }, |i, j| ((i + 2 * j) % 5) as f64);
    if is("bad row") {
        rows[(3, 1)] = f64::NAN;
    }
    ranks.agree(sums.push(&rows, &DMatrix::from_element(6, 1, 1.0)))?;
    let _ = merge(ranks, &sums)?;
    Ok(())
}

/// One rank fails without telling the others, which wait for it.
fn lonely(ranks: &Ranks, job: &str) -> Outcome {
    if ranks.rank() + 1 == ranks.size() {
        assert!(job != "lonely panic", "as asked for");
        return Err("as asked for".into());
    }
    ranks.agree(Ok::<_, gradus::Error>(()))?;
    leave("result", ranks.rank(), b"went on");
    Ok(())
}

/// The last rank brings other numbers than the others.
fn disagree(ranks: &Ranks, job: &str) -> Outcome {
    let last = ranks.rank() + 1 == ranks.size();
    let mut numbers = [1.0_f64, 2.0, 3.0, 4.0];
    let network = || Network::<f64>::builder(1).layer(Dense::new(1, 1)).build();
    let of_singles = || Network::<f32>::builder(1).layer(Dense::new(1, 1)).build();
    match job {
        "type of a sum" if last => ranks.sum(&mut [1.0_f32, 2.0, 3.0])?,
        "length of a sum" if last => ranks.sum(&mut numbers)?,
        "bytes of a sum" if last => ranks.sum(&mut [0.0_f32; 6])?,
        "type of a broadcast" if last => ranks.broadcast(&mut [1_i64, 2, 3])?,
        "type of a broadcast" => ranks.broadcast(&mut [1_u64, 2, 3])?,
        "length of a broadcast" => ranks.broadcast(&mut numbers[..if last { 4 } else { 3 }])?,
        "type of merged sums" if last => drop(merge(ranks, &NormalEquation::<f32>::new(1, 1))?),
        "type of merged sums" => drop(merge(ranks, &NormalEquation::<f64>::new(1, 1))?),
        "type of a network" if last => drop(DataParallel::new(ranks, of_singles()?.objective(MeanSquaredError))?),
        "type of a network" => drop(DataParallel::new(ranks, network()?.objective(MeanSquaredError))?),
        "type of a batch" => {
            let mut doubles = DataParallel::new(ranks, network()?.objective(MeanSquaredError))?;
            let mut singles = DataParallel::new(ranks, of_singles()?.objective(MeanSquaredError))?;
            let (x, of_f32) = (DMatrix::from_element(1, 9, 1.0), DMatrix::from_element(1, 9, 1.0));
            if last { drop(singles.on(&of_f32, &of_f32)?) } else { drop(doubles.on(&x, &x)?) }
        }
        "timeouts" => ranks.set_timeout(last.then_some(Duration::from_secs(1)))?,
        "NaN" | "infinity" | "overflow" => {
            match job {
                "NaN" if last => numbers[2] = f64::NAN,
                "infinity" if last => numbers[0] = f64::NEG_INFINITY,
                "overflow" => numbers[1] = f64::MAX,
                _ => {}
            }
            ranks.sum(&mut numbers)?;
        }
        _ => ranks.sum(&mut numbers[..3])?,
    }
    leave("result", ranks.rank(), b"no error");
    Ok(())
}

/// One rank is not there when the others are.
fn sleeps(ranks: &Ranks, job: &str) -> Outcome {
    ranks.set_timeout(Some(Duration::from_secs(2)))?;
    let asleep = ranks.rank() == if job == "sleeps first" { 0 } else { ranks.size() - 1 };
    let sleep = || std::thread::sleep(Duration::from_secs(600));
    // So far all are awake.
    ranks.sum(&mut [1.0])?;
    match job {
        "sleeps within" => {
            let network = Network::<f64>::builder(1).layer(Bed { asleep }).build()?;
            let mut objective = DataParallel::new(ranks, network.objective(MeanSquaredError))?;
            let x = DMatrix::from_element(1, 9, 1.0);
            let value = objective.on(&x, &x)?.value(&[]);
            assert!(value.is_nan());
            objective.outcome()?;
        }
        "sleeps at the end" if asleep => sleep(),
        "sleeps at the end" => {}
        _ => {
            if asleep {
                sleep();
            }
            ranks.sum(&mut [1.0])?;
        }
    }
    Ok(())
}

/// A layer that passes on what it gets, or sleeps.
#[derive(Debug)]
struct Bed {
    asleep: bool,
}

impl Layer<f64> for Bed {
    fn output_size(&self, input_size: usize) -> gradus::Result<usize> {
        Ok(input_size)
    }

    fn forward(&self, _: &[f64], input: Batch<'_, f64>, mut output: BatchMut<'_, f64>, _: &mut [f64], _: Mode) {
        if self.asleep {
            std::thread::sleep(Duration::from_secs(600));
        }
        output.as_mut_slice().copy_from_slice(input.as_slice());
    }

    fn backward(
        &self,
        _: &[f64],
        _: Pass<'_, f64>,
        output_gradient: Batch<'_, f64>,
        _: &mut [f64],
        input_gradient: Option<BatchMut<'_, f64>>,
    ) {
        if let Some(mut input_gradient) = input_gradient {
            input_gradient.as_mut_slice().copy_from_slice(output_gradient.as_slice());
        }
    }
}

fn endless(ranks: &Ranks) -> Outcome {
    let network = Network::<f64>::builder(1).layer(Dense::new(1, 1)).build()?;
    let mut objective = DataParallel::new(ranks, network.objective(MeanSquaredError))?;
    let (x, t) = (DMatrix::from_element(1, 8, 1.0), DMatrix::from_element(1, 8, 2.0));
    let mut descent = GradientDescent::new(1e-3)?;
    let mut parameters = [0.0; 2];
    for iteration in 0_u64.. {
        let _ = descent.step(&mut objective.on(&x, &t)?, &mut parameters);
        objective.outcome()?;
        if iteration == 10 {
            leave("process", ranks.rank(), std::process::id().to_string().as_bytes());
        }
    }
    Ok(())
}
