use std::collections::BTreeMap;
use std::fmt;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;

use nalgebra::{DMatrix, Dim, Matrix, RawStorage};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::npy::{Front, LONGEST_FRONT, NpyArray, NpyError, encode};
use crate::file::save_file;
use crate::number::Number;
use crate::real::Real;

/// Named matrices in one file, as `numpy.savez` writes and `numpy.load` reads them.
///
/// Each is unpacked and read as by [`read_npy`](crate::data::read_npy) when it is asked for; a file may hold other
/// arrays beside.
///
/// # Examples
/// ```
/// use gradus::nalgebra::{dmatrix, dvector};
/// use gradus::data::Npz;
/// use gradus::LinearRegression;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("data.npz");
/// let mut arrays = Npz::new();
/// arrays.insert("x", &dmatrix![1.0, 0.0; 0.0, 1.0; 1.0, 1.0])?;
/// arrays.insert("y", &dvector![1.0, 2.0, 3.0])?;
/// arrays.save(&path)?;
///
/// let arrays = Npz::read(&path)?;
/// assert_eq!(arrays.names().collect::<Vec<_>>(), ["x", "y"]);
/// let (x, y) = (arrays.get::<f64>("x")?, arrays.get::<f64>("y")?);
/// assert_eq!((x.shape(), y.shape()), ((3, 2), (3, 1)));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "savez")]
#[derive(Clone, Default)]
pub struct Npz {
    arrays: BTreeMap<String, Entry>,
}

/// A file that was read, as it is; copies share what is in it.
type Archive = ZipArchive<Cursor<Arc<[u8]>>>;

#[derive(Clone)]
enum Entry {
    /// An archive, and the place in it.
    Packed(Archive, usize),
    /// A file in the format npy.
    Own(Vec<u8>),
}

impl Npz {
    /// Without arrays.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a file that `numpy.savez` or `numpy.savez_compressed` has written, and unpacks none of it yet.
    ///
    /// # Errors
    /// [`NpyError::Io`] if the file cannot be read, [`NpyError::Archive`] if it is no sound archive. What an array
    /// holds is looked at by [`get`](Self::get).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, NpyError> {
        let path = path.as_ref();
        Self::from_bytes(std::fs::read(path).map_err(|source| NpyError::Io { path: path.to_owned(), source })?)
    }

    /// Reads what a file would hold.
    ///
    /// # Errors
    /// [`NpyError::Archive`], as [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use gradus::data::{NpyError, Npz};
    ///
    /// assert!(matches!(Npz::from_bytes(*b"no archive"), Err(NpyError::Archive { .. })));
    /// ```
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, NpyError> {
        let mut archive = ZipArchive::new(Cursor::new(Arc::from(bytes.into()))).map_err(archive_error)?;
        let mut arrays = BTreeMap::new();
        for place in 0..archive.len() {
            let file = archive.by_index_raw(place).map_err(archive_error)?;
            let name = file.name().map_err(archive_error)?;
            // As NumPy does: what is not an array is left alone.
            let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { continue };
            drop(file);
            arrays.insert(name, Entry::Packed(archive.clone(), place));
        }
        Ok(Self { arrays })
    }

    /// The names of the arrays, in the order of their bytes.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// The array of this name, in numbers of the type `T`.
    ///
    /// However well the file is packed, no more of it is unpacked than the array's own header says that it has.
    ///
    /// # Errors
    /// [`NpyError::UnknownArray`], [`NpyError::Archive`] if it cannot be unpacked, and those of
    /// [`read_npy`](crate::data::read_npy).
    pub fn get<T: Real>(&self, name: &str) -> Result<DMatrix<T>, NpyError> {
        self.unpacked(name, Some(Number::of::<T>().ok_or(NpyError::OwnNumberType)?))?.matrix()
    }

    /// The array of this name, with any number of dimensions.
    ///
    /// # Errors
    /// [`NpyError::UnknownArray`], [`NpyError::Archive`] if it cannot be unpacked, and those of
    /// [`NpyArray::from_bytes`].
    ///
    /// # Examples
    /// ```
    /// use gradus::data::Npz;
    /// use gradus::nalgebra::dvector;
    ///
    /// let mut arrays = Npz::new();
    /// arrays.insert("y", &dvector![1.0, 2.0, 3.0])?;
    /// assert_eq!(arrays.array("y")?.shape(), [3]);
    /// # Ok::<(), gradus::data::NpyError>(())
    /// ```
    pub fn array(&self, name: &str) -> Result<NpyArray, NpyError> {
        self.unpacked(name, None)
    }

    fn unpacked(&self, name: &str, wanted: Option<Number>) -> Result<NpyArray, NpyError> {
        let bytes = match self.arrays.get(name) {
            Some(Entry::Own(bytes)) => bytes.clone(),
            Some(Entry::Packed(archive, place)) => unpack(&mut archive.clone(), *place, wanted)?,
            None => {
                let names = self.names().map(str::to_owned).collect();
                return Err(NpyError::UnknownArray { name: name.to_owned(), names });
            }
        };
        NpyArray::of(bytes, wanted)
    }

    /// Adds a matrix, or replaces the one of this name.
    ///
    /// # Errors
    /// [`NpyError::OwnNumberType`] for numbers other than `f32` and `f64`.
    pub fn insert<T: Real, R: Dim, C: Dim, S: RawStorage<T, R, C>>(
        &mut self,
        name: &str,
        matrix: &Matrix<T, R, C, S>,
    ) -> Result<(), NpyError> {
        self.arrays.insert(name.to_owned(), Entry::Own(encode(matrix)?));
        Ok(())
    }

    /// Writes a file that `numpy.load` reads: what was read as it was packed, all else without compression.
    ///
    /// How the file is replaced is said at [`save_file`](crate::file::save_file); its bytes are a function of the
    /// arrays.
    ///
    /// # Errors
    /// [`NpyError::Save`] if the file cannot be saved, [`NpyError::Archive`] for a name that is too long for an
    /// archive.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), NpyError> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, entry) in &self.arrays {
            match entry {
                Entry::Own(bytes) => {
                    let options = SimpleFileOptions::default()
                        .compression_method(CompressionMethod::Stored)
                        // Else that of now, where another crate has asked `zip` for clocks.
                        .last_modified_time(DateTime::default())
                        .large_file(u32::try_from(bytes.len()).is_err());
                    archive.start_file(format!("{name}.npy"), options).map_err(archive_error)?;
                    archive.write_all(bytes).map_err(archive_error)?;
                }
                Entry::Packed(read, place) => {
                    let mut read = read.clone();
                    let file = read.by_index_raw(*place).map_err(archive_error)?;
                    archive.raw_copy_file(file).map_err(archive_error)?;
                }
            }
        }
        let bytes = archive.finish().map_err(archive_error)?.into_inner();
        Ok(save_file(path, bytes)?)
    }
}

/// An array's file: its header, and then as many bytes as that says, or one more if there are more.
///
/// Bytes are asked for as they come, so that what is wrong costs no memory.
fn unpack(archive: &mut Archive, place: usize, wanted: Option<Number>) -> Result<Vec<u8>, NpyError> {
    let mut file = archive.by_index(place).map_err(archive_error)?;
    let size = file.size();
    let mut bytes = Vec::new();
    file.by_ref().take(LONGEST_FRONT as u64).read_to_end(&mut bytes).map_err(archive_error)?;
    let front = Front::of(&bytes, wanted)?;
    let end = front.start as u64 + front.length as u64;
    // The archive's own directory knows how large the file is, unless it lies.
    if size != end {
        return Err(front.wrong_length(usize::try_from(size).unwrap_or(usize::MAX).saturating_sub(front.start)));
    }
    file.take((end + 1).saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes).map_err(archive_error)?;
    Ok(bytes)
}

/// The crate `zip` has a new major version every few months: its errors are no part of ours.
fn archive_error(source: impl std::error::Error + Send + Sync + 'static) -> NpyError {
    NpyError::Archive { source: Box::new(source) }
}

// Not derived: the bytes would bury the names.
impl fmt::Debug for Npz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npz").field("names", &self.arrays.keys()).finish_non_exhaustive()
    }
}
