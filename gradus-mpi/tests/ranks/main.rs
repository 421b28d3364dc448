//! What ranks make together: this test starts itself by `mpirun`, with 1, 2 and 4 ranks, as the jobs of `jobs.rs`.

mod jobs;
mod launch;
mod problems;

use std::fs;
use std::time::{Duration, Instant};

use gradus::nalgebra::DVector;
use gradus::{Adam, LinearRegression, NormalEquation, Optimizer, from_fn};
use launch::Job;

/// How long a job that fails may take: as long as `mpirun` takes to start and end, on a busy machine.
const SECONDS: Duration = Duration::from_secs(30);

/// What `mpirun` starts: a job, which never returns. Of no use by itself.
#[test]
#[ignore = "started by the other tests, through mpirun"]
fn job() {
    if let Some(job) = std::env::var_os(launch::JOB) {
        jobs::run(job.to_str().unwrap());
    }
}

#[test]
fn parameters_have_the_same_bits_on_1_2_and_4_ranks_after_200_iterations_on_mnist() {
    let reference = mnist_on_one_thread();
    assert!(reference.iter().all(|value| value.is_finite()));
    let reference = jobs::bytes(&reference);
    for ranks in [1, 2, 4] {
        let results = Job::new("mnist", ranks).succeed();
        assert_eq!(results.len(), ranks);
        for (rank, result) in results.iter().enumerate() {
            assert!(*result == reference, "rank {rank} of {ranks} has other bits");
        }
    }
}

/// The same 200 steps without MPI, the tree of the shards written out.
fn mnist_on_one_thread() -> DVector<f32> {
    let mut problem = problems::Mnist::new(0..8);
    let mut batches = problem.batches();
    let network = problems::Mnist::network();
    let mut parameters = problems::Mnist::start(&network);
    let mut objective = network.objective(gradus::SoftmaxCrossEntropy);
    let mut adam = Adam::new(2e-3).unwrap();
    for _ in 0..problems::ITERATIONS {
        let mut shards: Vec<_> = batches.iter_mut().map(|shard| shard.next_batch()).collect();
        let mut sum = from_fn(|x: &[f32], gradient: &mut [f32]| {
            // An eighth of the samples each: the share is 1/8.
            let mut parts: Vec<Vec<f32>> = shards
                .iter_mut()
                .map(|shard| {
                    let mut part = vec![0.0; x.len() + 1];
                    let mut bound = objective.on(shard.inputs, shard.targets).unwrap();
                    part[x.len()] = gradus::Objective::value_and_gradient(&mut bound, x, &mut part[..x.len()]);
                    part.iter().map(|value| value * 0.125).collect()
                })
                .collect();
            while parts.len() > 1 {
                let add = |pair: &[Vec<f32>]| pair[0].iter().zip(&pair[1]).map(|(a, b)| a + b).collect();
                parts = parts.chunks(2).map(add).collect();
            }
            gradient.copy_from_slice(&parts[0][..x.len()]);
            parts[0][x.len()]
        });
        let step = adam.step(&mut sum, parameters.as_mut_slice());
        assert!(step.is_finite());
    }
    parameters
}

#[test]
fn shards_of_any_weights_make_up_the_batch_and_its_dropout() {
    let alone = Job::new("shards", 1).succeed();
    // Four steps of three batches, each compared with the whole batch there.
    assert!(!alone[0].is_empty());
    for ranks in [2, 4] {
        for (rank, result) in Job::new("shards", ranks).succeed().iter().enumerate() {
            assert!(*result == alone[0], "rank {rank} of {ranks} has other bits");
        }
    }
}

#[test]
fn any_number_of_ranks_can_sum() {
    for ranks in 1..=6 {
        assert_eq!(Job::new("sums", ranks).succeed(), vec![b"as expected"; ranks]);
    }
}

#[test]
fn coefficients_are_those_of_one_process_up_to_a_condition_of_1e6() {
    for decades in problems::DECADES {
        let (x, y) = problems::observations(decades, 0..problems::ROWS);
        let in_memory = LinearRegression::new().fit(&x, &y).unwrap();
        let condition = in_memory.report().condition;
        assert!(condition > 0.2 * 10_f64.powi(decades) && condition < 2e6, "{condition:e} for {decades} decades");
        let mut sums = NormalEquation::new(problems::FEATURES, 1);
        sums.push(&x, &y).unwrap();
        let streamed = sums.solve().unwrap().parameters();
        for ranks in [1, 2, 3, 4] {
            for result in Job::new(&format!("regression {decades}"), ranks).succeed() {
                let found = jobs::numbers(&result);
                assert_eq!(found.len(), problems::FEATURES + 1);
                for alone in [&in_memory.parameters(), &streamed] {
                    for (found, alone) in found.iter().zip(alone.iter()) {
                        let error = (found / alone - 1.0).abs();
                        assert!(error < 1e-14, "{found:e} on {ranks} ranks, {alone:e} on one: {error:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_rank_with_bad_data_ends_all_with_the_same_error() {
    for (job, message) in [
        ("bad target", "rank LAST: targets: expected finite numbers, found NaN at row 0, column 2"),
        (
            "bad input",
            "rank LAST: loss of the shards: expected it and its gradient to be finite, found a value that is not",
        ),
        ("bad row", "rank LAST: design matrix: expected finite numbers, found NaN at row 3, column 1"),
        ("bad parameters", "rank LAST: expected the same parameters as on rank 0, found others"),
        ("bad file", "rank LAST: no such file"),
        ("other batch", "rank LAST: expected the same number of samples of the batch as on rank 0, found others"),
        ("other network", "rank LAST: expected the same number of parameters as on rank 0, found others"),
        ("value alone", "rank LAST: expected the same kind of evaluation as on rank 0, found others"),
        ("evaluates again", "rank LAST: expected the binding of a batch as on rank 0, found an evaluation"),
        ("no samples", "all ranks: samples: expected at least one, found none"),
        ("no weight", "all ranks: sample weight: expected at least one that is positive, found 0"),
        ("too few shards", "rank LAST: shards of a batch: expected the HELD that this rank holds, found 1"),
        ("other sums", "sums to merge (features × targets): expected 2 × 1, found 3 × 1"),
    ] {
        for ranks in [2, 4] {
            let message = message.replace("LAST", &(ranks - 1).to_string()).replace("HELD", &(8 / ranks).to_string());
            let started = Instant::now();
            let results = Job::new(job, ranks).fail();
            assert!(started.elapsed() < SECONDS, "{job} took {:?}", started.elapsed());
            assert_eq!(results.len(), ranks, "{job}: every rank tells its error");
            for result in results {
                let result = String::from_utf8(result).unwrap();
                assert!(result.contains(&message), "{job} on {ranks} ranks: expected {message}, found {result}");
            }
        }
    }
}

#[test]
fn ranks_that_go_different_ways_find_out() {
    for ranks in [2, 4] {
        // The others are still in the loop that the last has left.
        let results = Job::new("ends early", ranks).fail();
        assert_eq!(results.len(), ranks - 1);
        let last = ranks - 1;
        let message =
            format!("rank {last}: expected the binding of a batch as on rank 0, found the end of the program");
        assert!(results.iter().all(|result| *result == message.as_bytes()));

        // The others have ended for a bad target, which the last takes lightly.
        let mut results = Job::new("goes on", ranks).fail();
        let of_last = results.pop().unwrap();
        assert!(results.iter().all(|result| result.starts_with(format!("rank {last}: targets: ").as_bytes())));
        let message =
            format!("rank {last}: expected the end of the program as on rank 0, found the binding of a batch");
        assert_eq!(String::from_utf8(of_last).unwrap(), message);
    }
}

#[test]
fn three_ranks_cannot_share_eight_shards() {
    let results = Job::new("mnist", 3).fail();
    assert_eq!(results.len(), 3);
    assert!(results.iter().all(|result| String::from_utf8_lossy(result).contains("found 8 for 3 ranks")));
}

#[test]
fn an_error_or_panic_of_one_rank_ends_all() {
    for job in ["lonely error", "lonely panic"] {
        for ranks in [2, 4] {
            let started = Instant::now();
            let results = Job::new(job, ranks).fail();
            assert!(started.elapsed() < SECONDS, "{job} took {:?}", started.elapsed());
            assert!(results.is_empty(), "{job}: expected no rank to get past the others, found {}", results.len());
        }
    }
}

#[test]
fn a_rank_that_is_killed_ends_all() {
    for ranks in [2, 4] {
        let mut running = Job::new("endless", ranks).start();
        let processes = running.processes(ranks);
        let started = Instant::now();
        launch::kill(processes[ranks - 1]);
        let code = running.wait(SECONDS).expect("mpirun ends within seconds");
        assert!(!code.success());
        assert!(started.elapsed() < SECONDS);
        // The last of them may still be about to go.
        while processes.iter().any(|process| fs::exists(format!("/proc/{process}")).unwrap()) {
            assert!(started.elapsed() < SECONDS, "a process is left");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
