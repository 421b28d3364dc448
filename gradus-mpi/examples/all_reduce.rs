//! What a sum over the ranks costs here: the table of SCALING.md.
//!
//! `cargo build --release -p gradus-mpi --example all_reduce && mpirun -n 2 target/release/examples/all_reduce`

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use gradus_mpi::{Ranks, fingerprint, run};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::CommunicatorCollectives;

/// Of messages, in `f32`.
const BYTES: [usize; 7] = [4, 10_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000];

fn main() -> ExitCode {
    run(|ranks| {
        if ranks.rank() == 0 {
            println!("time of a call in µs, shortest of many, on {} ranks\n", ranks.size());
            println!("   bytes  agreement       sum  MPI_Allreduce   adding  fingerprint");
        }
        BYTES.iter().try_for_each(|&bytes| measure(ranks, bytes))
    })
}

fn measure(ranks: &Ranks, bytes: usize) -> Result<(), Box<dyn Error>> {
    let world = SimpleCommunicator::world();
    // Zeros, which stay so however often they are summed.
    let mut values = vec![0.0_f32; bytes / 4];
    let mut other = values.clone();
    let agreement = shortest(bytes, || Ok(ranks.agree(Ok::<_, gradus::Error>(()))?))?;
    let sum = shortest(bytes, || Ok(ranks.sum(&mut values)?))?;
    let all_reduce = shortest(bytes, || {
        world.all_reduce_into(&values[..], &mut other[..], SystemOperation::sum());
        Ok(())
    })?;
    values.fill(1e-3);
    let adding = shortest(bytes, || {
        std::hint::black_box(&mut values).iter_mut().zip(&other).for_each(|(value, other)| *value += other);
        Ok(())
    })?;
    let comparing = shortest(bytes, || {
        std::hint::black_box(fingerprint(std::hint::black_box(&values)));
        Ok(())
    })?;
    if ranks.rank() == 0 {
        println!("{bytes:8}  {agreement:9.1} {sum:9.1} {all_reduce:13.1} {adding:8.1} {comparing:11.1}");
    }
    Ok(())
}

/// The time of a call in microseconds. Of short ones it is a tenth of ten: of one alone, rank 0 would not see when the
/// others have its result.
fn shortest(bytes: usize, mut call: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let calls = (1_000_000 / bytes).clamp(1, 10);
    let repetitions = (400_000_000 / (bytes + 10_000) / calls).clamp(200, 4000);
    let mut shortest = f64::INFINITY;
    for _ in 0..repetitions {
        let start = Instant::now();
        (0..calls).try_for_each(|_| call())?;
        shortest = shortest.min(start.elapsed().as_secs_f64() * 1e6 / calls as f64);
    }
    Ok(shortest)
}
