use std::fmt;
use std::fs::{self, File, FileType};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::gzip;
use crate::error::{Error, Result, Shape};

/// Gray-scale images of one size, as an IDX file holds them.
///
/// The pixels lie image by image, row by row, one byte each: 0 is the background, 255 full ink. Nothing is scaled.
/// There is at least one image, of at least one pixel.
///
/// # File format
/// IDX is the format of the MNIST database of handwritten digits. All numbers are big-endian.
///
/// | offset | bytes | images                       | labels                       |
/// |-------:|------:|------------------------------|------------------------------|
/// | 0      | 2     | 0                            | 0                            |
/// | 2      | 1     | element type: 0x08, `u8`     | element type: 0x08, `u8`     |
/// | 3      | 1     | number of dimensions: 3      | number of dimensions: 1      |
/// | 4      | 4     | number of images             | number of labels             |
/// | 8      | 4     | rows of an image             | the labels, and nothing else |
/// | 12     | 4     | columns of an image          |                              |
/// | 16     |       | the pixels, and nothing else |                              |
///
/// # Examples
/// ```
/// use gradus::data::Images;
///
/// let path = std::env::temp_dir().join(format!("gradus-{}-images-idx3-ubyte", std::process::id()));
/// let mut bytes = vec![0, 0, 0x08, 3];
/// for size in [1_u32, 2, 3] {
///     bytes.extend(size.to_be_bytes());
/// }
/// bytes.extend([0, 10, 20, 100, 110, 255]);
/// std::fs::write(&path, bytes)?;
///
/// let images = Images::read(&path)?;
/// std::fs::remove_file(&path)?;
/// assert_eq!((images.count(), images.rows(), images.columns()), (1, 2, 3));
/// assert_eq!(images.pixels(), [0, 10, 20, 100, 110, 255]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Y. LeCun, C. Cortes, C. J. C. Burges, 1998, *The MNIST database of handwritten digits*.
#[doc(alias = "MNIST")]
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    count: usize,
    rows: usize,
    columns: usize,
    pixels: Vec<u8>,
}

impl Images {
    /// The images that lie one after the other in `pixels`, each of `rows` × `columns`, row by row.
    ///
    /// # Errors
    /// [`Error::Empty`] without pixels, rows or columns, [`Error::ShapeMismatch`] if the last image is incomplete,
    /// [`Error::TooLarge`] if `rows · columns` overflows.
    ///
    /// # Examples
    /// ```
    /// use gradus::data::Images;
    ///
    /// let images = Images::new(vec![0, 255, 255, 0, 9, 9, 9, 9], 2, 2)?;
    /// assert_eq!(images.count(), 2);
    /// assert!(Images::new(vec![0; 7], 2, 2).is_err());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(pixels: Vec<u8>, rows: usize, columns: usize) -> Result<Self> {
        let size = rows.checked_mul(columns).ok_or(Error::TooLarge { what: "an image", count: usize::MAX })?;
        if size == 0 {
            return Err(Error::Empty { what: "pixels of an image" });
        }
        if pixels.is_empty() {
            return Err(Error::Empty { what: "images" });
        }
        if !pixels.len().is_multiple_of(size) {
            return Err(Error::ShapeMismatch {
                what: "pixels, the last image",
                expected: Shape::new(size, 1),
                found: Shape::new(pixels.len() % size, 1),
            });
        }
        Ok(Self { count: pixels.len() / size, rows, columns, pixels })
    }

    /// Reads an IDX file of images, gzipped (in one or more members) if its name ends in `.gz`.
    ///
    /// Memory is taken for data that are there, whatever the header says, and the file must end where the data do.
    ///
    /// # Errors
    /// An [`IdxError`] that names the file and says what is wrong with it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, IdxError> {
        let ([count, rows, columns], pixels) = read(path.as_ref(), ["images", "rows", "columns"])?;
        Ok(Self { count, rows, columns, pixels })
    }

    /// The number of images.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of rows of an image.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns of an image.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All pixels, image by image, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All pixels, without a copy.
    ///
    /// # Examples
    /// ```no_run
    /// use gradus::data::Images;
    /// use gradus::nalgebra::DMatrix;
    ///
    /// // An image for each column, as bytes.
    /// let images = Images::read("train-images-idx3-ubyte.gz")?;
    /// let (size, count) = (images.rows() * images.columns(), images.count());
    /// let bytes = DMatrix::from_vec(size, count, images.into_pixels());
    /// # Ok::<(), gradus::data::IdxError>(())
    /// ```
    #[must_use]
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }
}

// Not derived: the millions of pixels of a data set would bury everything else.
impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images")
            .field("count", &self.count)
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// Labels, one byte each, as an IDX file holds them.
///
/// The format is described at [`Images`]. What labels are allowed is for their user to say: any byte is read.
///
/// # Examples
/// ```
/// use gradus::data::Labels;
///
/// let path = std::env::temp_dir().join(format!("gradus-{}-labels-idx1-ubyte", std::process::id()));
/// std::fs::write(&path, [0, 0, 0x08, 1, 0, 0, 0, 3, 7, 2, 1])?;
///
/// let labels = Labels::read(&path)?;
/// std::fs::remove_file(&path)?;
/// assert_eq!(labels.as_slice(), [7, 2, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(Vec<u8>);

impl Labels {
    /// Reads an IDX file of labels, gzipped (in one or more members) if its name ends in `.gz`; at least one label.
    ///
    /// # Errors
    /// An [`IdxError`] that names the file and says what is wrong with it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, IdxError> {
        let ([_], labels) = read(path.as_ref(), ["labels"])?;
        Ok(Self(labels))
    }

    /// The labels in order.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none; never so after [`read`](Self::read).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Labels {
    fn from(labels: Vec<u8>) -> Self {
        Self(labels)
    }
}

/// Why an IDX file was refused.
///
/// Every variant names the file and says what was expected and what was found.
///
/// # Examples
/// ```
/// use gradus::data::{IdxError, Images};
/// use std::io::ErrorKind;
///
/// let error = Images::read("no/such/images-idx3-ubyte").unwrap_err();
/// assert!(error.to_string().starts_with("no/such/images-idx3-ubyte: "));
/// assert!(matches!(error, IdxError::Io { source, .. } if source.kind() == ErrorKind::NotFound));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdxError {
    /// The file cannot be opened or read, or the memory for its data cannot be allocated.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// A directory, pipe, socket or device.
    #[error("{path}: expected a regular file, found {}", file_type(*found))]
    NotAFile {
        /// What was to be read.
        path: PathBuf,
        /// What it is.
        found: FileType,
    },

    /// The name ends in `.gz`, and the crate was built without its feature `gzip`.
    #[error(
        "{path}: expected a plain IDX file, found a name in .gz (to read gzip, enable the feature `gzip` of gradus)"
    )]
    GzipDisabled {
        /// The file.
        path: PathBuf,
    },

    /// The name ends in `.gz`, and the content is not gzip.
    #[error("{path}: expected gzip data, as the name ends in .gz, found something else (is it unpacked already?)")]
    NotGzip {
        /// The file.
        path: PathBuf,
    },

    /// The name does not end in `.gz`, and the content is gzip.
    #[error("{path}: expected a plain IDX file, found gzip data (does its name lack .gz?)")]
    UnexpectedGzip {
        /// The file.
        path: PathBuf,
    },

    /// The gzip data are damaged or incomplete, or their checksum is wrong.
    #[error("{path}: expected sound gzip data, found a fault: {source}")]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },

    /// The first two bytes are not 0: no IDX file.
    #[error("{path}: expected an IDX file, which begins with the bytes 00 00, found {:02X} {:02X}", found[0], found[1])]
    NotIdx {
        /// The file.
        path: PathBuf,
        /// The first two bytes.
        found: [u8; 2],
    },

    /// The elements are not unsigned bytes.
    #[error("{path}: expected elements of type 0x08 (unsigned byte), found type {code:#04X} ({})", element_type(*code))]
    ElementType {
        /// The file.
        path: PathBuf,
        /// The code that was found.
        code: u8,
    },

    /// Another number of dimensions: 3 are images, 1 is labels.
    #[error("{path}: expected {}, found {}", kind(*expected), kind(*found))]
    Dimensions {
        /// The file.
        path: PathBuf,
        /// The number of dimensions that was asked for.
        expected: u8,
        /// The number of dimensions in the file.
        found: u8,
    },

    /// The file ends too early.
    #[error("{path}: {what}: expected {expected} bytes, found {found}")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The part that is incomplete.
        what: &'static str,
        /// The bytes it takes.
        expected: usize,
        /// The bytes that are left for it.
        found: usize,
    },

    /// The header gives a size of 0.
    #[error("{path}: number of {what}: expected at least one, found none")]
    Empty {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },

    /// The header gives sizes that no file of this length can hold, gzipped or not.
    #[error("{path}: sizes: expected at most {limit} bytes of data in a file of this length, found {bytes}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The product of the sizes.
        bytes: u128,
        /// The most that the file can hold.
        limit: u128,
    },

    /// The file goes on where it should end.
    #[error("{path}: expected the end of the file after the {what}, found more bytes")]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// What should be the last.
        what: &'static str,
    },
}

fn file_type(found: FileType) -> &'static str {
    if found.is_dir() { "a directory" } else { "a pipe, socket or device" }
}

fn element_type(code: u8) -> &'static str {
    match code {
        0x09 => "signed byte, not supported",
        0x0B => "16-bit integer, not supported",
        0x0C => "32-bit integer, not supported",
        0x0D => "32-bit float, not supported",
        0x0E => "64-bit float, not supported",
        _ => "unknown to IDX",
    }
}

fn kind(dimensions: u8) -> String {
    match dimensions {
        1 => "labels (1 dimension, magic number 0x0801)".to_owned(),
        3 => "images (3 dimensions, magic number 0x0803)".to_owned(),
        _ => format!("{dimensions} dimensions"),
    }
}

/// Deflate gives at most 258 bytes for two bits: one for the length, one for the distance.
const MAX_GZIP_RATIO: u128 = 258 * 8 / 2;

/// The size of each dimension, and the data.
type Contents<const D: usize> = ([usize; D], Vec<u8>);

/// The contents of a file; its dimensions are those of `names`.
fn read<const D: usize>(path: &Path, names: [&'static str; D]) -> Result<Contents<D>, IdxError> {
    let io_error = |source| IdxError::Io { path: path.to_owned(), source };
    // Before the file is opened: opening a pipe would wait for somebody to write to it, perhaps for ever.
    let metadata = fs::metadata(path).map_err(io_error)?;
    if !metadata.is_file() {
        return Err(IdxError::NotAFile { path: path.to_owned(), found: metadata.file_type() });
    }
    let mut file = BufReader::new(File::open(path).map_err(io_error)?);
    if gzip::is_named(path) {
        return read_gzip(path, file, metadata.len(), names);
    }
    if file.fill_buf().map_err(io_error)?.starts_with(&gzip::MAGIC) {
        return Err(IdxError::UnexpectedGzip { path: path.to_owned() });
    }
    decode(path, &mut file, metadata.len(), names, io_error)
}

fn read_gzip<const D: usize>(
    path: &Path,
    file: impl BufRead,
    length: u64,
    names: [&'static str; D],
) -> Result<Contents<D>, IdxError> {
    let error = |error: io::Error| {
        let path = path.to_owned();
        match error.downcast::<gzip::Fault>() {
            Ok(gzip::Fault::Disabled) => IdxError::GzipDisabled { path },
            Ok(gzip::Fault::NotGzip) => IdxError::NotGzip { path },
            Ok(gzip::Fault::Damaged(source)) => IdxError::Gzip { path, source },
            Ok(gzip::Fault::AfterMember) => IdxError::TrailingBytes { path, what: "gzip member" },
            Err(source) => IdxError::Io { path, source },
        }
    };
    let mut members = gzip::unpack(file).map_err(error)?;
    decode(path, &mut members, length, names, error)
}

/// Decodes plain IDX data, up to the end of `reader`, from a file of `length` bytes.
fn decode<const D: usize>(
    path: &Path,
    reader: &mut impl Read,
    length: u64,
    names: [&'static str; D],
    io_error: impl Fn(io::Error) -> IdxError,
) -> Result<Contents<D>, IdxError> {
    let mut next = |what, expected: usize| {
        // At first no more memory than there are bytes in the file: more only as data arrive.
        let capacity = usize::try_from(length).map_or(expected, |length| expected.min(length));
        let bytes = take(reader, expected, capacity).map_err(&io_error)?;
        if bytes.len() < expected {
            return Err(IdxError::Truncated { path: path.to_owned(), what, expected, found: bytes.len() });
        }
        Ok(bytes)
    };

    let magic = next("magic number", 4)?;
    if magic[..2] != [0, 0] {
        return Err(IdxError::NotIdx { path: path.to_owned(), found: [magic[0], magic[1]] });
    }
    if magic[2] != 0x08 {
        return Err(IdxError::ElementType { path: path.to_owned(), code: magic[2] });
    }
    if usize::from(magic[3]) != D {
        return Err(IdxError::Dimensions { path: path.to_owned(), expected: D as u8, found: magic[3] });
    }

    let header = next("sizes", 4 * D)?;
    let mut sizes = [0; D];
    // At most (2³² − 1)³, which u128 holds.
    let mut bytes = 1_u128;
    for ((size, field), what) in sizes.iter_mut().zip(header.as_chunks().0).zip(names) {
        let value = u32::from_be_bytes(*field);
        if value == 0 {
            return Err(IdxError::Empty { path: path.to_owned(), what });
        }
        *size = value as usize;
        bytes *= u128::from(value);
    }
    let limit = MAX_GZIP_RATIO * u128::from(length);
    if bytes > limit {
        return Err(IdxError::TooLarge { path: path.to_owned(), bytes, limit });
    }
    let bytes = usize::try_from(bytes).map_err(|_| io_error(io::ErrorKind::OutOfMemory.into()))?;
    let data = next(names[0], bytes)?;

    // To the very end: only there does the gzip decoder look at the checksum.
    if !take(reader, 1, 1).map_err(io_error)?.is_empty() {
        return Err(IdxError::TrailingBytes { path: path.to_owned(), what: names[0] });
    }
    Ok((sizes, data))
}

/// The next `count` bytes, or as many as there are.
fn take(reader: &mut impl Read, count: usize, capacity: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(capacity)?;
    reader.take(count as u64).read_to_end(&mut bytes)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes, then an error, as a disk that fails.
    struct Failing<'a>(&'a [u8]);

    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::ErrorKind::TimedOut.into()),
                count => Ok(count),
            }
        }
    }

    const LABELS: [u8; 11] = [0, 0, 0x08, 1, 0, 0, 0, 3, 7, 2, 1];

    #[test]
    fn n105_read_error_in_the_middle() {
        let path = Path::new("labels");
        for length in 0..=LABELS.len() {
            let io_error = |source| IdxError::Io { path: path.to_owned(), source };
            let error = decode(path, &mut Failing(&LABELS[..length]), 11, ["labels"], io_error).unwrap_err();
            assert!(error.to_string().starts_with("labels: "), "{error}");
            assert!(matches!(error, IdxError::Io { source, .. } if source.kind() == io::ErrorKind::TimedOut));
        }
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn n105_read_error_in_the_middle_of_gzip() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&LABELS).unwrap();
        let bytes = encoder.finish().unwrap();
        for length in 0..=bytes.len() {
            let file = BufReader::with_capacity(1, Failing(&bytes[..length]));
            let error = read_gzip(Path::new("labels.gz"), file, 31, ["labels"]).unwrap_err();
            assert!(matches!(error, IdxError::Io { source, .. } if source.kind() == io::ErrorKind::TimedOut));
        }
    }

    #[test]
    fn errors_can_cross_threads() {
        fn crosses<E: std::error::Error + Send + Sync + 'static>() {}
        crosses::<IdxError>();
    }
}
