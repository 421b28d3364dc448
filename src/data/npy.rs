use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use nalgebra::{DMatrix, Dim, Matrix, RawStorage};

use crate::file::{SaveError, save_file};
use crate::number::{Number, half};
use crate::real::Real;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The data begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// Reads a matrix from a file that `numpy.save` has written, in numbers of the type `T`.
///
/// An array of one dimension becomes one column, a single number a 1 × 1 matrix; [`NpyArray`] flattens those of more
/// than two. Order (C or Fortran) and byte order are those that the file names. Every number keeps its value:
/// floating-point numbers may be of the type `T` or narrower (`f2`, `f4`, `f8`), NaN and ∞ come as they are, and what
/// takes the matrix checks them; whole numbers (`i1` to `i8`, `u1` to `u8`), as of images and labels, must be such as
/// `T` holds exactly; truth values (`b1`) become 0 and 1.
///
/// # File format
/// Versions 1.0, 2.0 and 3.0: the bytes `\x93NUMPY`, the version, the length of the header, and the header, a Python
/// dictionary of the number type, the order and the shape; then the numbers.
///
/// # Errors
/// [`NpyError`] says what is wrong with the file: nothing of it is taken on trust, and no more memory is asked for than
/// a small multiple of its size. [`NpyError::Inexact`] for a whole number that `T` does not hold; numbers of another
/// type are refused; `array.astype("f8")` converts them in NumPy, and `matrix.cast()` in nalgebra what has been read.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{DVector, dmatrix, dvector};
/// use gradus::data::{read_npy, write_npy};
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
#[doc(alias = "numpy.load")]
pub fn read_npy<T: Real>(path: impl AsRef<Path>) -> Result<DMatrix<T>, NpyError> {
    let wanted = Number::of::<T>().ok_or(NpyError::OwnNumberType)?;
    NpyArray::of(read_file(path.as_ref())?, Some(wanted))?.matrix()
}

fn read_file(path: &Path) -> Result<Vec<u8>, NpyError> {
    fs::read(path).map_err(|source| NpyError::Io { path: path.to_owned(), source })
}

/// An array of NumPy's with any number of dimensions, from a file, from bytes or from an [`Npz`](crate::data::Npz).
///
/// # Examples
/// ```
/// use gradus::data::NpyArray;
/// use gradus::nalgebra::dmatrix;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // numpy.save of two images of 2 × 3 bytes.
/// let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3), }";
/// let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
/// bytes.extend((header.len() as u16).to_le_bytes());
/// bytes.extend(header.as_bytes());
/// bytes.extend([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]);
///
/// let images = NpyArray::from_bytes(bytes)?; // or NpyArray::read("images.npy")?
/// assert_eq!(images.shape(), [2, 2, 3]);
/// let flat = images.flattened::<f64>()?; // an image a row
/// assert_eq!(flat, dmatrix![0.0, 1.0, 2.0, 3.0, 4.0, 5.0; 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
/// assert!(images.matrix::<f64>().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct NpyArray {
    front: Front,
    bytes: Vec<u8>,
}

impl NpyArray {
    /// Reads a file that `numpy.save` has written.
    ///
    /// # Errors
    /// [`NpyError::Io`] if the file cannot be read; otherwise as [`from_bytes`](Self::from_bytes).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, NpyError> {
        Self::of(read_file(path.as_ref())?, None)
    }

    /// Reads what a file would hold.
    ///
    /// # Errors
    /// [`NpyError`] says what is wrong with the header, the type of the numbers, or the number of bytes behind it.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, NpyError> {
        Self::of(bytes.into(), None)
    }

    /// Of numbers that the wanted type may hold, if one is wanted.
    pub(super) fn of(bytes: Vec<u8>, wanted: Option<Number>) -> Result<Self, NpyError> {
        let front = Front::of(&bytes, wanted)?;
        let found = bytes.len() - front.start;
        if front.length != found {
            return Err(front.wrong_length(found));
        }
        Ok(Self { front, bytes })
    }

    /// The sizes of its dimensions; none of a single number.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.front.shape
    }

    /// The matrix of an array of at most two dimensions, as [`read_npy`] gives it.
    ///
    /// # Errors
    /// [`NpyError::Dimensions`]; otherwise as [`flattened`](Self::flattened).
    pub fn matrix<T: Real>(&self) -> Result<DMatrix<T>, NpyError> {
        match self.front.shape.len() {
            0..=2 => self.flattened(),
            found => Err(NpyError::Dimensions { found }),
        }
    }

    /// The matrix with the first dimension as rows and all others as columns, of which the last dimension varies
    /// fastest: `array.reshape(len(array), -1)` in NumPy, whatever the order of the file.
    ///
    /// # Errors
    /// [`NpyError::NumberType`] if the numbers are of a wider type than `T`, [`NpyError::Inexact`] for a whole number
    /// that `T` does not hold, [`NpyError::TruthValue`], [`NpyError::Memory`], [`NpyError::OwnNumberType`] for numbers
    /// other than `f32` and `f64`.
    pub fn flattened<T: Real>(&self) -> Result<DMatrix<T>, NpyError> {
        let Self { front, bytes } = self;
        let expected = front.check(Number::of::<T>().ok_or(NpyError::OwnNumberType)?)?;
        let ((rows, columns), size) = (front.flat, front.stored.size);
        let data = &bytes[front.start..];
        let mut values = Vec::new();
        values.try_reserve_exact(rows * columns).map_err(|_| NpyError::Memory { shape: front.flat })?;
        for place in 0..rows * columns {
            let (row, column) = (place % rows, place / rows);
            let start = size * front.place(row, column);
            let mut turned = [0; 8];
            let turned = &mut turned[..size];
            turned.copy_from_slice(&data[start..start + size]);
            if front.stored.is_big_endian {
                turned.reverse();
            }
            let value = front.stored.read(turned).map_err(|found| match front.stored.kind {
                Kind::Boolean => NpyError::TruthValue { found: turned[0], row, column },
                _ => NpyError::Inexact { expected, found, row, column },
            });
            values.push(value?);
        }
        Ok(DMatrix::from_vec(rows, columns, values))
    }
}

// Not derived: the bytes would bury the shape.
impl fmt::Debug for NpyArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NpyArray")
            .field("type", &self.front.name)
            .field("shape", &self.front.shape)
            .finish_non_exhaustive()
    }
}

/// Writes a matrix to a file that `numpy.load` reads.
///
/// What has one column by its type, as a `DVector`, becomes an array of one dimension; all else, also a `DMatrix` that
/// happens to have one column, one of two. Numbers are written as nalgebra keeps them, in Fortran order, little-endian.
///
/// How the file is replaced is said at [`save_file`](crate::file::save_file).
///
/// # Errors
/// [`NpyError::OwnNumberType`] for numbers other than `f32` and `f64`, [`NpyError::Save`] if the file cannot be saved.
#[doc(alias = "numpy.save")]
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

/// What the front of a file says of the rest.
#[derive(Clone)]
pub(super) struct Front {
    /// Where the numbers begin.
    pub(super) start: usize,
    /// How many bytes they take.
    pub(super) length: usize,
    shape: Vec<usize>,
    /// The first dimension, and the product of the others.
    flat: (usize, usize),
    stored: Stored,
    /// NumPy's name of the type.
    name: String,
    fortran_order: bool,
}

impl Front {
    /// Read from as many bytes as there are, of which [`LONGEST_FRONT`] are enough.
    pub(super) fn of(bytes: &[u8], wanted: Option<Number>) -> Result<Self, NpyError> {
        let (header, start) = front(bytes)?;
        let Header { number: name, fortran_order, shape } = Header::parse(header)?;
        let Some(stored) = Stored::of(name) else {
            let expected = wanted.map_or("f4 or f8", code);
            return Err(NpyError::NumberType { expected, found: name.to_owned() });
        };
        let (rows, others) = shape.split_first().map_or((1, &[][..]), |(&rows, others)| (rows, others));
        let columns = others.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        let flat = (rows, columns.unwrap_or(usize::MAX));
        let length = columns.and_then(|columns| columns.checked_mul(rows)?.checked_mul(stored.size));
        let found = bytes.len() - start;
        let length = length.ok_or(NpyError::Length { shape: flat, size: stored.size, found })?;
        let front = Self { start, length, shape, flat, stored, name: name.to_owned(), fortran_order };
        if let Some(wanted) = wanted {
            front.check(wanted)?;
        }
        Ok(front)
    }

    /// NumPy's name of the wanted type, if that may hold what is stored: whole numbers are looked at one by one.
    fn check(&self, wanted: Number) -> Result<&'static str, NpyError> {
        match self.stored.kind {
            Kind::Half | Kind::Float(_) if self.stored.size > wanted.size() => {
                Err(NpyError::NumberType { expected: code(wanted), found: self.name.clone() })
            }
            _ => Ok(code(wanted)),
        }
    }

    /// Which number of the file is that of a row and a column of the flattened array.
    fn place(&self, row: usize, column: usize) -> usize {
        let (rows, columns) = self.flat;
        if !self.fortran_order {
            return row * columns + column;
        }
        let (mut place, mut column, mut stride) = (row, column, rows * columns);
        for &size in self.shape.iter().skip(1).rev() {
            stride /= size;
            place += column % size * stride;
            column /= size;
        }
        place
    }

    /// That there are other than the expected number of bytes.
    pub(super) fn wrong_length(&self, found: usize) -> NpyError {
        NpyError::Length { shape: self.flat, size: self.stored.size, found }
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
    Half,
    Float(Number),
    Signed,
    Unsigned,
    Boolean,
}

impl Stored {
    /// None for a name of another type.
    fn of(name: &str) -> Option<Self> {
        let (order, name) = name.split_at_checked(1)?;
        let (kind, size) = match name {
            "b1" => (Kind::Boolean, 1),
            "f2" => (Kind::Half, 2),
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

    /// The number of these bytes, the lowest first; one that is not exact, or no truth value, as an error.
    fn read<T: Real>(self, bytes: &[u8]) -> Result<T, i128> {
        match (self.kind, bytes) {
            (Kind::Half, &[low, high]) => return Ok(T::nearest(half(u16::from_le_bytes([low, high])))),
            (Kind::Float(number), _) => return Ok(T::nearest(number.read(bytes))),
            (Kind::Boolean, &[byte]) if byte > 1 => return Err(i128::from(byte)),
            _ => {}
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
                    // Python 2 marks its long numbers.
                    let size = |size: &str| {
                        let digits = size.strip_suffix('L').unwrap_or(size);
                        digits.parse::<usize>().ok().filter(|_| is_number(digits))
                    };
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
/// use gradus::data::{NpyError, read_npy};
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
    #[error("npy file: expected at most 2 dimensions, found {found} (NpyArray::flattened makes a matrix of them)")]
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

    /// A truth value that is neither 0 nor 1.
    #[error("npy file: expected truth values of 0 and 1, found {found} at row {row}, column {column}")]
    TruthValue {
        /// The byte.
        found: u8,
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
