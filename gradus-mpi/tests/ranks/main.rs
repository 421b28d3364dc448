//! What ranks make together: this test starts itself by `mpirun`, with 1 to 9 ranks, as the jobs of `jobs.rs`.

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
fn f15_parameters_have_the_same_bits_on_1_to_7_ranks_after_200_iterations_on_mnist() {
    let reference = mnist_on_one_thread();
    assert!(reference.iter().all(|value| value.is_finite()));
    let reference = jobs::bytes(&reference);
    for ranks in [1, 2, 3, 4, 5, 7] {
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
    // Of nine ranks some hold no shard of eight.
    for (shards, several) in [(8, &[2, 3, 4, 5, 7, 9][..]), (5, &[3, 7]), (1, &[3])] {
        let job = format!("shards {shards}");
        let alone = Job::new(&job, 1).succeed();
        // Four steps of three batches, each compared with the whole batch there.
        assert!(!alone[0].is_empty());
        for &ranks in several {
            let results = Job::new(&job, ranks).succeed();
            assert_eq!(results.len(), ranks);
            for (rank, result) in results.iter().enumerate() {
                assert!(*result == alone[0], "rank {rank} of {ranks} has other bits, of {shards} shards");
            }
        }
    }
}

#[test]
fn any_number_of_ranks_can_sum() {
    for ranks in 1..=7 {
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
        ("bad parameters", "rank LAST: fingerprint of the parameters: expected "),
        ("bad file", "rank LAST: no such file"),
        ("other batch", "rank LAST: number of samples of the batch: expected 24 as on rank 0, found 25"),
        ("other network", "rank LAST: number of parameters: expected 17 as on rank 0, found 21"),
        ("value alone", "rank LAST: evaluation: expected value and gradient as on rank 0, found the value alone"),
        ("no shards", "rank 0: shards: expected at least 1 and at most 1048576, found 0"),
        ("other shards", "rank LAST: number of shards: expected 8 as on rank 0, found 4"),
        ("other objective", "rank LAST: number of shards of the batch: expected 8 as on rank 0, found 4"),
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
fn f15_disagreements_on_what_is_added_up_are_named_on_every_rank() {
    for (job, message) in [
        ("type of a sum", "rank LAST: type of the values to sum: expected f64 as on rank 0, found f32"),
        ("length of a sum", "rank LAST: number of values to sum: expected 3 as on rank 0, found 4"),
        // As many bytes, and even the same.
        ("bytes of a sum", "rank LAST: type of the values to sum: expected f64 as on rank 0, found f32"),
        ("type of a broadcast", "rank LAST: type of the values to broadcast: expected u64 as on rank 0, found i64"),
        ("length of a broadcast", "rank LAST: number of values to broadcast: expected 3 as on rank 0, found 4"),
        ("type of merged sums", "rank LAST: type of the sums to merge: expected f64 as on rank 0, found f32"),
        ("type of a network", "rank LAST: number type of the network: expected f64 as on rank 0, found f32"),
        ("type of a batch", "rank LAST: number type of the batch: expected f64 as on rank 0, found f32"),
        ("timeouts", "rank LAST: timeout in nanoseconds: expected none as on rank 0, found 1000000000"),
        ("NaN", "rank LAST: values to sum: expected finite numbers, found NaN at row 2, column 0"),
        ("infinity", "rank LAST: values to sum: expected finite numbers, found -inf at row 0, column 0"),
        ("overflow", "all ranks: values to sum: "),
    ] {
        for ranks in [2, 5] {
            let message = message.replace("LAST", &(ranks - 1).to_string());
            let results = Job::new(&format!("disagree {job}"), ranks).fail();
            assert_eq!(results.len(), ranks, "{job}: every rank tells its error");
            for result in results {
                let result = String::from_utf8(result).unwrap();
                assert!(result.starts_with(&message), "{job} on {ranks} ranks: expected {message}, found {result}");
            }
        }
    }
}

#[test]
fn f15_a_rank_that_sleeps_is_not_waited_for_beyond_the_timeout() {
    for (job, asleep, call) in [
        ("sleeps first", 0, "a sum"),
        ("sleeps last", usize::MAX, "a sum"),
        ("sleeps within", usize::MAX, "an evaluation"),
        ("sleeps at the end", usize::MAX, "the end of the program"),
    ] {
        for ranks in [2, 3] {
            let started = Instant::now();
            let results = Job::new(job, ranks).fail();
            assert!(started.elapsed() < SECONDS, "{job} took {:?}", started.elapsed());
            // The end of the program is told by no job.
            let tell = if call.starts_with("the end") { 0 } else { ranks - 1 };
            assert_eq!(results.len(), tell, "{job} on {ranks} ranks, rank {} asleep", asleep.min(ranks - 1));
            let message = format!("{call}: expected all ranks within 2s, found some that did not come");
            assert!(results.iter().all(|result| *result == message.as_bytes()), "{job}: {results:?}");
        }
    }
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
