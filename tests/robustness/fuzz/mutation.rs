//! Mutations of valid files.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// An input, and whether it was made of a valid file.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mutated: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Truncate(Index),
    Append(Vec<u8>),
    /// A part once more, somewhere else.
    Copy(Index, usize, Index),
    /// A size of four or eight bytes, big or little end first.
    Size(Index, u64, u8),
    /// A number in a text, another one in its place.
    Number(Index, &'static str),
}

/// What numbers in texts become.
const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "-1",
    "2",
    "99",
    "0.5",
    "1e308",
    "1e999",
    "18446744073709551615",
    "18446744073709551616",
    "null",
    "1e-320",
    "16777216",
    "2147483647",
];

const SIZES: [u64; 10] = [0, 1, 2, 7, 255, 65_536, 0x7fff_ffff, 0xffff_ffff, u64::MAX / 2, u64::MAX];

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(place, byte)| Change::Set(place, byte)),
        4 => (place(), 0_u8..8).prop_map(|(place, bit)| Change::Flip(place, bit)),
        2 => (place(), vec(any::<u8>(), 1..9)).prop_map(|(place, bytes)| Change::Insert(place, bytes)),
        2 => (place(), 1_usize..17).prop_map(|(place, count)| Change::Remove(place, count)),
        1 => place().prop_map(Change::Truncate),
        1 => vec(any::<u8>(), 1..9).prop_map(Change::Append),
        1 => (place(), 1_usize..33, place()).prop_map(|(from, count, to)| Change::Copy(from, count, to)),
        2 => (place(), prop::sample::select(&SIZES[..]), 0_u8..4).prop_map(|(at, size, kind)| Change::Size(at, size, kind)),
        4 => (place(), prop::sample::select(&NUMBERS[..])).prop_map(|(place, number)| Change::Number(place, number)),
    ]
}

/// Changes after which the file is mostly still one of its kind.
fn gentle(is_text: bool) -> BoxedStrategy<Change> {
    let place = any::<Index>;
    let number =
        (place(), prop::sample::select(&NUMBERS[..])).prop_map(|(place, number)| Change::Number(place, number));
    let byte = (place(), any::<u8>()).prop_map(|(place, byte)| Change::Set(place, byte));
    if is_text {
        prop_oneof![8 => number, 1 => byte, 1 => change()].boxed()
    } else {
        prop_oneof![2 => byte, 1 => change()].boxed()
    }
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        if length == 0 {
            return;
        }
        match self {
            Self::Set(place, byte) => bytes[place.index(length)] = byte,
            Self::Flip(place, bit) => bytes[place.index(length)] ^= 1 << bit,
            Self::Insert(place, more) => {
                let place = place.index(length + 1);
                bytes.splice(place..place, more);
            }
            Self::Remove(place, count) => {
                let start = place.index(length);
                bytes.drain(start..length.min(start + count));
            }
            Self::Truncate(place) => bytes.truncate(place.index(length)),
            Self::Append(more) => bytes.extend(more),
            Self::Copy(from, count, to) => {
                let (from, to) = (from.index(length), to.index(length + 1));
                let part = bytes[from..length.min(from + count)].to_vec();
                bytes.splice(to..to, part);
            }
            Self::Size(place, size, kind) => {
                let whole = if kind % 2 == 0 { size.to_be_bytes() } else { size.to_le_bytes() };
                let size = match kind {
                    0 => &whole[4..],
                    1 => &whole[..4],
                    _ => &whole[..],
                };
                let start = place.index(length);
                let end = length.min(start + size.len());
                bytes[start..end].copy_from_slice(&size[..end - start]);
            }
            Self::Number(place, number) => {
                let is_part = |&byte: &u8| byte.is_ascii_digit() || b".-+e".contains(&byte);
                let Some(first) = (place.index(length)..length).find(|&at| bytes[at].is_ascii_digit()) else { return };
                let start = first - bytes[..first].iter().rev().take_while(|byte| is_part(byte)).count();
                let end = first + bytes[first..].iter().take_while(|byte| is_part(byte)).count();
                bytes.splice(start..end, number.bytes());
            }
        }
    }
}

/// How the part of a file that matters is got at: what is changed in it is wrapped up again, so that it gets past what
/// is checked first.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    pub(crate) is_text: bool,
    pub(crate) unwrap: fn(&[u8]) -> Vec<u8>,
    /// The part, and the file that it was taken from.
    pub(crate) wrap: fn(Vec<u8>, &[u8]) -> Vec<u8>,
}

fn changed(mut bytes: Vec<u8>, changes: Vec<Change>) -> Vec<u8> {
    changes.into_iter().for_each(|change| change.apply(&mut bytes));
    bytes
}

/// Three in eight inputs are valid files with one to four changes, half are files whose inner part was changed, the
/// others any bytes.
pub(crate) fn inputs(valid: &[Vec<u8>], format: Format) -> impl Strategy<Value = Input> + use<> {
    let valid = || prop::sample::select(valid.to_vec());
    let outer = (valid(), vec(change(), 1..5)).prop_map(|(file, changes)| changed(file, changes));
    let inner = (valid(), vec(gentle(format.is_text), 1..4)).prop_map(move |(file, changes)| {
        let part = changed((format.unwrap)(&file), changes);
        (format.wrap)(part, &file)
    });
    let made = |bytes| Input { bytes, mutated: true };
    let others = vec(any::<u8>(), 0..64).prop_map(|bytes| Input { bytes, mutated: false });
    prop_oneof![3 => outer.prop_map(made), 4 => inner.prop_map(made), 1 => others]
}
