use gradus::Real;

const LANES: usize = 16;

/// A number that tells, almost surely, whether two vectors have the same bits.
///
/// It is made to be quick (some bits of each number meet some of the others), not to withstand an attack.
///
/// # Examples
/// ```
/// use gradus_mpi::fingerprint;
///
/// assert_eq!(fingerprint(&[1.0, 2.0]), fingerprint(&[1.0, 2.0]));
/// assert_ne!(fingerprint(&[1.0, 2.0]), fingerprint(&[2.0, 1.0]));
/// assert_ne!(fingerprint(&[0.0]), fingerprint(&[-0.0]));
/// ```
#[must_use]
pub fn fingerprint<T: Real>(values: &[T]) -> u64 {
    // Of lanes, so that multiplications need not wait for one another.
    let mut lanes: [u64; LANES] = std::array::from_fn(|lane| lane as u64);
    let (whole, rest) = values.as_chunks::<LANES>();
    for values in whole {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = stir(*lane, value.to_f64().to_bits());
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane = stir(*lane, value.to_f64().to_bits());
    }
    lanes.into_iter().fold(values.len() as u64, stir)
}

/// One round of a multiplicative hash; the rotation takes what is in the high bits to where it counts next.
fn stir(state: u64, bits: u64) -> u64 {
    (state.rotate_left(23) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_every_value_counts() {
        let values: Vec<f64> = (0..37).map(|i| f64::from(i) * 0.3).collect();
        let whole = fingerprint(&values);
        for place in 0..values.len() {
            for bit in 0..64 {
                let mut other = values.clone();
                other[place] = f64::from_bits(other[place].to_bits() ^ 1 << bit);
                // A signalling NaN may be quietened, but none of these is one.
                assert_ne!(fingerprint(&other), whole, "bit {bit} of value {place}");
            }
        }
        assert_ne!(fingerprint(&values[..36]), whole);
        assert_ne!(fingerprint::<f64>(&[]), fingerprint(&[0.0]));
    }
}
