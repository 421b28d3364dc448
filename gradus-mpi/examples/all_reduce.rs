//! What a sum over the ranks costs here: the table of SCALING.md.
//!
//! `cargo build --release -p gradus-mpi --example all_reduce && mpirun -n 2 target/release/examples/all_reduce`

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use gradus_mpi::{Ranks, run};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::CommunicatorCollectives;

/// Of messages, in `f32`.
const BYTES: [usize; 7] = [4, 10_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000];

fn main() -> ExitCode {
    run(|ranks| {
        if ranks.rank() == 0 {
            let size = ranks.size();
            println!(
                "time of a call in µs, shortest of many, on {size} ranks\n\n   bytes   agreement    sum  MPI_Allreduce    adding"
            );
        }
        BYTES.iter().try_for_each(|&bytes| measure(ranks, bytes))
    })
}

fn measure(ranks: &Ranks, bytes: usize) -> Result<(), Box<dyn Error>> {
    let world = SimpleCommunicator::world();
    let mut values = vec![1e-3_f32; bytes / 4];
    let mut other = values.clone();
    let repetitions = (400_000_000 / (bytes + 10_000)).clamp(100, 4000);
    let agreement = shortest(repetitions, || Ok(ranks.agree(Ok::<_, gradus::Error>(()))?))?;
    let sum = shortest(repetitions, || Ok(ranks.sum(&mut values)?))?;
    let all_reduce = shortest(repetitions, || {
        world.all_reduce_into(&values[..], &mut other[..], SystemOperation::sum());
        Ok(())
    })?;
    values.fill(1e-3);
    let adding = shortest(repetitions, || {
        std::hint::black_box(&mut values).iter_mut().zip(&other).for_each(|(value, other)| *value += other);
        Ok(())
    })?;
    if ranks.rank() == 0 {
        println!("{bytes:8}  {agreement:10.1} {sum:6.1} {all_reduce:14.1} {adding:9.1}");
    }
    Ok(())
}

/// The time of a call in microseconds, a tenth of ten: of one alone, rank 0 would not see when the others have its result.
fn shortest(repetitions: usize, mut call: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut shortest = f64::INFINITY;
    for _ in 0..repetitions.div_ceil(10) {
        let start = Instant::now();
        (0..10).try_for_each(|_| call())?;
        shortest = shortest.min(start.elapsed().as_secs_f64() * 1e5);
    }
    Ok(shortest)
}
