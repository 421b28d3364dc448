use std::path::{Path, PathBuf};
use std::{fs, io};

use nalgebra::{DMatrix, Dim, Matrix, RawStorage};

use crate::file::{SaveError, save_file};
use crate::number::Number;
use crate::real::Real;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The data begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// Reads a matrix from a file that `numpy.save` has written, in numbers of the type `T`.
///
/// An array of one dimension becomes one column, a single number a 1 × 1 matrix. Order (C or Fortran) and byte order are
/// those that the file names. Every number keeps its value: floating-point numbers may be of the type `T` or narrower
/// (`f4`, `f8`), NaN and ∞ come as they are, and what takes the matrix checks them; whole numbers (`i1` to `i8`, `u1` to
/// `u8`), as of images and labels, must be such as `T` holds exactly.
///
/// # File format
/// Versions 1.0, 2.0 and 3.0: the bytes `\x93NUMPY`, the version, the length of the header, and the header, a Python
/// dictionary of the number type, the order and the shape; then the numbers.
///
/// # Errors
/// [`NpyError`] says what is wrong with the file: nothing of it is taken on trust, and no more memory is asked for than a
/// small multiple of its size. [`NpyError::Inexact`] for a whole number that `T` does not hold; numbers of another type
/// are refused; `array.astype("f8")` converts them in NumPy, and `matrix.cast()` in nalgebra what has been read.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{DVector, dmatrix, dvector};
/// use gradus::{read_npy, write_npy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("x.npy");
/// let x = dmatrix![1.0, 2.0, 3.0; 4.0, 5.0, 6.0];
/// write_npy(&path, &x)?; // numpy.load gives an array of the shape (2, 3)
/// assert_eq!(read_npy::<f64>(&path)?, x);
///
/// write_npy(&path, &dvector![1.0_f32, 2.0])?; // of the shape (2,)
/// assert_eq!(read_npy::<f32>(&path)?.column(0), dvector![1.0, 2.0]);
/// # Ok(())
/// # }
/// ```
///
/// # References
/// NumPy Enhancement Proposal 1: A simple file format for NumPy arrays; `numpy.lib.format`.
pub fn read_npy<T: Real>(path: impl AsRef<Path>) -> Result<DMatrix<T>, NpyError> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| NpyError::Io { path: path.to_owned(), source })?;
    decode(&bytes)
}

/// Writes a matrix to a file that `numpy.load` reads.
///
/// What has one column by its type, as a `DVector`, becomes an array of one dimension; all else, also a `DMatrix` that
/// happens to have one column, one of two. Numbers are written as nalgebra keeps them, in Fortran order, little-endian.
///
/// How the file is replaced is said at [`save_file`](crate::save_file).
///
/// # Errors
/// [`NpyError::OwnNumberType`] for numbers other than `f32` and `f64`, [`NpyError::Save`] if the file cannot be saved.
pub fn write_npy<T: Real, R: Dim, C: Dim, S: RawStorage<T, R, C>>(
    path: impl AsRef<Path>,
    matrix: &Matrix<T, R, C, S>,
) -> Result<(), NpyError> {
    Ok(save_file(path, encode(matrix)?)?)
}

/// What a file of this matrix holds.
pub(super) fn encode<T: Real, R: Dim, C: Dim, S: RawStorage<T, R, C>>(
    matrix: &Matrix<T, R, C, S>,
) -> Result<Vec<u8>, NpyError> {
    let number = Number::of::<T>().ok_or(NpyError::OwnNumberType)?;
    let (rows, columns) = matrix.shape();
    let is_vector = C::try_to_usize() == Some(1);
    let shape = if is_vector { format!("({rows},)") } else { format!("({rows}, {columns})") };
    let order = if is_vector { "False" } else { "True" };
    let header = format!("{{'descr': '<{}', 'fortran_order': {order}, 'shape': {shape}, }}", code(number));
    // Magic, version and length take ten bytes, the end of the line one. A header of two sizes is short.
    let length = (header.len() + 11).next_multiple_of(ALIGNMENT) - 10;
    let mut bytes = Vec::with_capacity(length + 10 + matrix.len() * number.size());
    bytes.extend_from_slice(MAGIC);
    bytes.extend([1, 0]);
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = length - 1).into_bytes());
    for &value in matrix {
        number.write(value.to_f64(), &mut bytes);
    }
    Ok(bytes)
}

/// The matrix that a file of these bytes holds.
pub(super) fn decode<T: Real>(bytes: &[u8]) -> Result<DMatrix<T>, NpyError> {
    let array = Array::of::<T>(bytes)?;
    let data = &bytes[array.start..];
    let ((rows, columns), size) = (array.shape, array.stored.size);
    if array.length != data.len() {
        return Err(array.wrong_length(data.len()));
    }
    let mut values = Vec::new();
    values.try_reserve_exact(rows * columns).map_err(|_| NpyError::Memory { shape: array.shape })?;
    for place in 0..rows * columns {
        let (row, column) = (place % rows, place / rows);
        let start = size * if array.fortran_order { place } else { row * columns + column };
        let mut turned = [0; 8];
        let turned = &mut turned[..size];
        turned.copy_from_slice(&data[start..start + size]);
        if array.stored.is_big_endian {
            turned.reverse();
        }
        let value = array.stored.read(turned);
        values.push(value.map_err(|found| NpyError::Inexact { expected: array.own, found, row, column })?);
    }
    Ok(DMatrix::from_vec(rows, columns, values))
}

/// What the front of a file says of the rest.
pub(super) struct Array {
    /// Where the numbers begin.
    pub(super) start: usize,
    /// How many bytes they take.
    pub(super) length: usize,
    shape: (usize, usize),
    stored: Stored,
    /// NumPy's name of the type that is read.
    own: &'static str,
    fortran_order: bool,
}

impl Array {
    /// Read from as many bytes as there are, of which [`LONGEST_FRONT`] are enough.
    pub(super) fn of<T: Real>(bytes: &[u8]) -> Result<Self, NpyError> {
        let number = Number::of::<T>().ok_or(NpyError::OwnNumberType)?;
        let (header, start) = front(bytes)?;
        let Header { number: name, fortran_order, shape } = Header::parse(header)?;
        let stored = Stored::of(name).filter(|stored| stored.suits(number));
        let stored = stored.ok_or(NpyError::NumberType { expected: code(number), found: name.to_owned() })?;
        let shape = match shape[..] {
            [] => (1, 1),
            [rows] => (rows, 1),
            [rows, columns] => (rows, columns),
            _ => return Err(NpyError::Dimensions { found: shape.len() }),
        };
        let length = shape.0.checked_mul(shape.1).and_then(|count| count.checked_mul(stored.size));
        let found = bytes.len() - start;
        let length = length.ok_or(NpyError::Length { shape, size: stored.size, found })?;
        Ok(Self { start, length, shape, stored, own: code(number), fortran_order })
    }

    /// That there are other than the expected number of bytes.
    pub(super) fn wrong_length(&self, found: usize) -> NpyError {
        NpyError::Length { shape: self.shape, size: self.stored.size, found }
    }
}

/// Numbers as a file has them.
#[derive(Clone, Copy)]
struct Stored {
    is_big_endian: bool,
    kind: Kind,
    /// Bytes of a number.
    size: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Float(Number),
    Signed,
    Unsigned,
}

impl Stored {
    /// None for a name of another type.
    fn of(name: &str) -> Option<Self> {
        let (order, name) = name.split_at_checked(1)?;
        let (kind, size) = match name {
            "f4" => (Kind::Float(Number::F32), 4),
            "f8" => (Kind::Float(Number::F64), 8),
            "i1" => (Kind::Signed, 1),
            "i2" => (Kind::Signed, 2),
            "i4" => (Kind::Signed, 4),
            "i8" => (Kind::Signed, 8),
            "u1" => (Kind::Unsigned, 1),
            "u2" => (Kind::Unsigned, 2),
            "u4" => (Kind::Unsigned, 4),
            "u8" => (Kind::Unsigned, 8),
            _ => return None,
        };
        // One byte has no order.
        let is_big_endian = match order {
            "<" => false,
            ">" => true,
            "|" if size == 1 => false,
            _ => return None,
        };
        Some(Self { is_big_endian, kind, size })
    }

    /// Whether this number may hold what is stored: whole numbers are looked at one by one.
    fn suits(self, number: Number) -> bool {
        !matches!(self.kind, Kind::Float(_)) || self.size <= number.size()
    }

    /// The number of these bytes, the lowest first; one that is not exact as an error.
    fn read<T: Real>(self, bytes: &[u8]) -> Result<T, i128> {
        if let Kind::Float(number) = self.kind {
            return Ok(T::nearest(number.read(bytes)));
        }
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let unused = 64 - 8 * bytes.len();
        let bits = u64::from_le_bytes(wide) << unused;
        let whole = if self.kind == Kind::Signed { i128::from(bits as i64) } else { i128::from(bits) } >> unused;
        let value = T::nearest(whole as f64);
        if value.to_f64() as i128 == whole { Ok(value) } else { Err(whole) }
    }
}

/// No header of a matrix is longer: NumPy has some hundred bytes, and itself reads no more than 10 000.
const LONGEST_HEADER: usize = 1 << 16;
/// With magic, version and length.
pub(super) const LONGEST_FRONT: usize = LONGEST_HEADER + 12;

/// The header, and where it ends.
fn front(bytes: &[u8]) -> Result<(&str, usize), NpyError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(NpyError::NotNpy)?;
    let (version, rest) = rest.split_first_chunk().ok_or(NpyError::NotNpy)?;
    let parts = match version {
        [1, 0] => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_le_bytes(*length)), rest)),
        [2 | 3, 0] => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest)),
        &found => return Err(NpyError::Version { found }),
    };
    let within = NpyError::Header { expected: "a header within the file" };
    let Some((length, rest)) = parts else { return Err(within) };
    if length > LONGEST_HEADER {
        return Err(NpyError::Header { expected: "one of at most 65536 bytes" });
    }
    let header = rest.get(..length).ok_or(within)?;
    let header = str::from_utf8(header).map_err(|_| NpyError::Header { expected: "text" })?;
    Ok((header, bytes.len() - rest.len() + length))
}

/// The name that NumPy has for it, without the byte order.
fn code(number: Number) -> &'static str {
    match number {
        Number::F32 => "f4",
        Number::F64 => "f8",
    }
}

/// What a header says.
struct Header<'a> {
    number: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    /// Reads a dictionary of three entries in any order, as Python writes them.
    fn parse(text: &'a str) -> Result<Self, NpyError> {
        let wrong = |expected| NpyError::Header { expected };
        let (mut number, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{').ok_or(wrong("a dictionary"))?.trim_start();
        while !rest.starts_with('}') {
            let (key, after) = quoted(rest).ok_or(wrong("a quoted key"))?;
            rest = after.trim_start().strip_prefix(':').ok_or(wrong("a colon after a key"))?.trim_start();
            let is_new = match key {
                "descr" => {
                    // Of a record or an array of arrays it is a list.
                    let end = rest.find(']').map_or(rest.len(), |end| end + 1);
                    let found = quoted(rest);
                    let (name, after) = found
                        .ok_or_else(|| NpyError::NumberType { expected: "f4 or f8", found: rest[..end].into() })?;
                    rest = after;
                    number.replace(name).is_none()
                }
                "fortran_order" => {
                    let found = [(true, "True"), (false, "False")]
                        .into_iter()
                        .find_map(|(value, name)| Some((value, rest.strip_prefix(name)?)));
                    let (value, after) = found.ok_or(wrong("True or False for 'fortran_order'"))?;
                    rest = after;
                    fortran_order.replace(value).is_none()
                }
                "shape" => {
                    let inner = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
                    let (sizes, after) = inner.ok_or(wrong("a tuple for 'shape'"))?;
                    rest = after;
                    let sizes = sizes.trim();
                    let sizes = sizes.strip_suffix(',').unwrap_or(sizes);
                    // `parse` would take a sign.
                    let is_number = |size: &str| !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
                    let size = |size: &str| size.parse::<usize>().ok().filter(|_| is_number(size));
                    let sizes: Option<Vec<usize>> = match sizes {
                        "" => Some(Vec::new()),
                        _ => sizes.split(',').map(|text| size(text.trim())).collect(),
                    };
                    shape.replace(sizes.ok_or(wrong("sizes within range in 'shape'"))?).is_none()
                }
                _ => false,
            };
            if !is_new {
                return Err(wrong("the keys 'descr', 'fortran_order' and 'shape', once each"));
            }
            rest = rest.trim_start();
            rest = match rest.strip_prefix(',') {
                Some(rest) => rest.trim_start(),
                None if rest.starts_with('}') => rest,
                None => return Err(wrong("a comma after an entry")),
            };
        }
        if rest != "}" {
            return Err(wrong("nothing after the dictionary"));
        }
        let (Some(number), Some(fortran_order), Some(shape)) = (number, fortran_order, shape) else {
            return Err(wrong("the keys 'descr', 'fortran_order' and 'shape', once each"));
        };
        Ok(Self { number, fortran_order, shape })
    }
}

/// What stands between quotes at the front, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|&quote| matches!(quote, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// Why a file of NumPy's was refused, or could not be written.
///
/// # Examples
/// ```
/// use gradus::{NpyError, read_npy};
///
/// let error = read_npy::<f64>("no/such/x.npy").unwrap_err();
/// assert!(error.to_string().starts_with("no/such/x.npy: "));
/// assert!(matches!(error, NpyError::Io { .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// The file cannot be saved.
    #[error(transparent)]
    Save(#[from] SaveError),

    /// Numbers of the type that was asked for are not stored.
    #[error("numbers: expected f32 or f64, found another type")]
    OwnNumberType,

    /// The file is none of this format.
    #[error("npy file: expected it to begin with \\x93NUMPY and a version, found something else")]
    NotNpy,

    /// A version of the format that is not known.
    #[error("npy file: expected version 1.0, 2.0 or 3.0, found {}.{}", found[0], found[1])]
    Version {
        /// The version.
        found: [u8; 2],
    },

    /// The header cannot be understood.
    #[error("header of the npy file: expected {expected}, found something else")]
    Header {
        /// What should be there.
        expected: &'static str,
    },

    /// The numbers are of another type.
    #[error("npy file: expected numbers of type {expected}, found {found}")]
    NumberType {
        /// The type that was asked for, as NumPy calls it.
        expected: &'static str,
        /// That of the file.
        found: String,
    },

    /// More than two dimensions.
    #[error("npy file: expected at most 2 dimensions, found {found}")]
    Dimensions {
        /// The number of dimensions.
        found: usize,
    },

    /// More bytes than the shape takes, or fewer.
    #[error("npy file: expected {} × {} numbers of {size} bytes, found {found} bytes", shape.0, shape.1)]
    Length {
        /// Rows and columns.
        shape: (usize, usize),
        /// The bytes of a number.
        size: usize,
        /// The bytes that are there.
        found: usize,
    },

    /// A whole number that the type has no value for.
    #[error(
        "npy file: expected whole numbers that {expected} holds exactly, found {found} at row {row}, column {column}"
    )]
    Inexact {
        /// The type that was asked for, as NumPy calls it.
        expected: &'static str,
        /// The number.
        found: i128,
        /// Its row, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
    },

    /// There is no memory for a matrix of this shape.
    #[error("npy file: expected memory for {} × {} numbers, found too little", shape.0, shape.1)]
    Memory {
        /// Rows and columns.
        shape: (usize, usize),
    },

    /// The archive is damaged, or no archive.
    #[error("npz file: {source}")]
    Archive {
        /// What its reader or writer says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The archive has no array of this name.
    #[error("array {name:?}: expected one of {names:?}, found none of this name")]
    UnknownArray {
        /// The name.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },
}
