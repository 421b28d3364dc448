use gradus::{NormalEquation, Real};
use mpi::traits::{Destination, Source};

use crate::error::{Error, Result};
use crate::ranks::{Call, NO_ERROR, Ranks, tell_type, type_word};

/// Collective: the sums of all ranks, merged, on every rank.
///
/// The sums travel as they are kept, in twice the working precision, up a binary tree of the ranks and back to all of
/// them; a rank without observations is no matter. The number of ranks may be any.
///
/// # Numerics
/// The order of the additions depends on the number of ranks alone. Another number of ranks gives sums that differ by
/// rounding in twice the working precision, so that coefficients agree as [`NormalEquation`] says for any partition of
/// the rows.
///
/// # Errors
/// [`Error::Rank`] if the sums of a rank do not fit those of another (they are of other numbers of features or
/// targets), or leave the range of the number type, [`Error::Different`] if they are not of the same number type.
///
/// # Examples
/// Every rank has a part of the rows of y = 2 x + 1:
/// ```
/// use gradus::NormalEquation;
/// use gradus::nalgebra::DMatrix;
///
/// let code = gradus_mpi::run(|ranks| {
///     let mut sums = NormalEquation::<f64>::new(1, 1);
///     let rows = ranks.share(100);
///     let x = DMatrix::from_fn(rows.len(), 1, |i, _| (rows.start + i) as f64);
///     let y = x.map(|x| 2.0 * x + 1.0);
///     ranks.agree(sums.push(&x, &y))?;
///     let fit = gradus_mpi::merge(ranks, &sums)?.solve()?;
///     assert_eq!((fit.observations(), fit.coefficients()[0], fit.intercept()[0]), (100, 2.0, 1.0));
///     Ok(())
/// });
/// assert_eq!(code, std::process::ExitCode::SUCCESS);
/// ```
pub fn merge<T: Real>(ranks: &Ranks, sums: &NormalEquation<T>) -> Result<NormalEquation<T>> {
    let ((), met) = ranks.meet(Call::Merge, [type_word::<T>(), 0, 0], NO_ERROR)?;
    met.same(0, "type of the sums to merge", tell_type)?;
    let mut branch: Branch<T> = Ok(sums.clone());
    let mut distance = 1;
    while distance < ranks.size() {
        if ranks.rank() & distance != 0 {
            ranks.process(ranks.rank() - distance).send(&to_bytes(&branch)[..]);
            break;
        }
        if ranks.rank() + distance < ranks.size() {
            let (bytes, _) = ranks.process(ranks.rank() + distance).receive_vec::<u8>();
            branch = join(branch, from_bytes(&bytes), ranks.rank());
        }
        distance *= 2;
    }
    // On rank 0 the branch is the tree; a message goes out whatever has come of it.
    let mut bytes = if ranks.rank() == 0 { to_bytes(&branch) } else { Vec::new() };
    let mut length = [bytes.len() as u64];
    ranks.broadcast_slice(&mut length);
    bytes.resize(length[0] as usize, 0);
    ranks.broadcast_slice(&mut bytes);
    from_bytes(&bytes).map_err(|(rank, message)| Error::Rank { rank, message, source: None })
}

/// What a rank and those above it have got together: sums, or the rank that could not go on and why.
type Branch<T> = Result<NormalEquation<T>, (usize, String)>;

fn join<T: Real>(lower: Branch<T>, upper: Branch<T>, rank: usize) -> Branch<T> {
    let mut sums = lower?;
    sums.merge(&upper?).map_err(|error| (rank, error.to_string()))?;
    Ok(sums)
}

fn to_bytes<T: Real>(branch: &Branch<T>) -> Vec<u8> {
    postcard::to_stdvec(branch).expect("sums of finite numbers can be written to memory")
}

fn from_bytes<T: Real>(bytes: &[u8]) -> Branch<T> {
    postcard::from_bytes(bytes).expect("what a rank of the same program has written can be read")
}

#[cfg(test)]
mod tests {
    use gradus::nalgebra::{DMatrix, DVector};

    use super::*;

    fn sums_of(rows: std::ops::Range<usize>) -> NormalEquation<f64> {
        let x = DMatrix::from_fn(rows.len(), 2, |i, j| ((rows.start + i) as f64 * (1.3 + j as f64)).sin());
        let y = DVector::from_fn(rows.len(), |i, _| ((rows.start + i) as f64).cos());
        let mut sums = NormalEquation::new(2, 1);
        sums.push(&x, &y).unwrap();
        sums
    }

    #[test]
    fn a_message_keeps_every_bit() {
        let sums = sums_of(0..57);
        let read: NormalEquation<f64> = from_bytes(&to_bytes(&Ok(sums.clone()))).unwrap();
        assert_eq!(format!("{read:?}"), format!("{sums:?}"));
        let failed: Branch<f64> = Err((3, "found none".to_owned()));
        assert_eq!(from_bytes::<f64>(&to_bytes(&failed)).unwrap_err(), (3, "found none".to_owned()));
    }

    #[test]
    fn a_branch_that_failed_fails_the_tree() {
        let failed = || Err((3, "found none".to_owned()));
        let whole = join(Ok(sums_of(0..20)), Ok(sums_of(20..50)), 0).unwrap();
        assert_eq!(whole.observations(), 50);
        assert_eq!(join(Ok(sums_of(0..9)), failed(), 2).unwrap_err().0, 3);
        assert_eq!(join(failed(), Ok(sums_of(0..9)), 2).unwrap_err().0, 3);
        let (rank, message) = join(Ok(sums_of(0..9)), Ok(NormalEquation::new(5, 1)), 2).unwrap_err();
        assert_eq!((rank, message.as_str()), (2, "sums to merge (features × targets): expected 2 × 1, found 5 × 1"));
    }
}
