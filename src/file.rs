//! Saving files: as a whole, or not at all.
//!
//! Everything that the crate saves goes through [`save_file`], which others may use too.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("losses.csv");
//! gradus::file::save_file(&path, b"epoch,loss\n0,2.3\n")?;
//! # assert_eq!(std::fs::read(&path)?, b"epoch,loss\n0,2.3\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`save_file`] | replaces a file as a whole, with its permissions, through links |
//! | [`SaveError`] | why it could not |

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

/// Why a file was not saved: the file that was there, if there was one, is untouched.
///
/// # Examples
/// ```
/// use gradus::file::{SaveError, save_file};
///
/// let error = save_file("no/such/directory/history.csv", "epoch\n").unwrap_err();
/// assert!(matches!(error, SaveError::Io { .. }) && error.to_string().starts_with("no/such/directory/history.csv: "));
/// assert_eq!(save_file(".", "").unwrap_err().to_string(), ".: expected a regular file, found a directory");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The file cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// The path leads to something that cannot be replaced by a file.
    #[error("{path}: expected a regular file, found {found}")]
    NotRegularFile {
        /// The path.
        path: PathBuf,
        /// What is there: a directory, a named pipe, a device or a socket.
        found: &'static str,
    },
}

/// Saves bytes as a file. Every function of the crate that saves a file does it this way.
///
/// - The file is replaced as a whole or not at all: whatever happens, a full disk or the end of the process, it has its
///   old content or the new one. The bytes go to a new file `.gradus-…` in the same directory, and then to the disk, before
///   that file takes the name. So the directory must be writable and have room for both. A call that fails removes the
///   new file again; a process that is killed meanwhile leaves it behind.
/// - Symbolic links are followed: the file that a link leads to is replaced or created, and the link stays.
/// - A file that is replaced keeps its permissions, and its owner and group where the system permits that (if the group is
///   lost, the new one gets no more than everybody). Access control lists and extended attributes are not kept, and other
///   hard links keep the old content. A new file has the permissions that the process gives to all of its files.
/// - A file that the process may not write to is not replaced, nor is anything else than a regular file.
///
/// # Errors
/// [`SaveError::NotRegularFile`] for a path that leads to a directory, named pipe, device or socket, [`SaveError::Io`]
/// for all that the operating system refuses.
///
/// # Examples
/// ```
/// use gradus::file::save_file;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("squares.csv");
/// save_file(&path, "x,y\n1,1\n2,4\n")?;
/// assert_eq!(std::fs::read_to_string(&path)?, "x,y\n1,1\n2,4\n");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "atomic write")]
pub fn save_file(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<(), SaveError> {
    save(path.as_ref(), bytes.as_ref())
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    let failed = |source| SaveError::Io { path: path.to_owned(), source };
    let former = match fs::metadata(path) {
        Ok(former) if former.is_file() => {
            // A rename asks for the permissions of the directory alone.
            OpenOptions::new().write(true).open(path).map_err(failed)?;
            Some(former)
        }
        Ok(other) => return Err(SaveError::NotRegularFile { path: path.to_owned(), found: kind(&other) }),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let target = followed(path);
    let (new, file) = create_beside(&target, former.as_ref()).map_err(failed)?;
    let replaced = fill(file, bytes, former.as_ref()).and_then(|()| fs::rename(&new, &target));
    if replaced.is_err() {
        // Nothing more can be done about a file that cannot be removed either.
        let _ = fs::remove_file(&new);
    }
    replaced.map_err(failed)
}

/// Where symbolic links lead to, whether anything is there or not.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // Systems follow fewer, and have refused more, and loops.
    for _ in 0..256 {
        let Ok(target) = fs::read_link(&path) else { break };
        path = directory(&path).join(target);
    }
    path
}

/// Empty for that of the process.
fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn kind(metadata: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;

        let kind = metadata.file_type();
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if metadata.is_dir() { "a directory" } else { "something else" }
}

/// A new file in the same directory, which nobody can read who cannot read the former one.
#[cfg_attr(not(unix), expect(unused_variables))]
fn create_beside(path: &Path, former: Option<&Metadata>) -> io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if let Some(former) = former {
        use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

        // Until the owner is the former one, too.
        options.mode(former.mode() & 0o700);
    }
    let mut number = 0_u64;
    loop {
        let new = directory(path).join(format!(".gradus-{}-{number}", process::id()));
        match options.open(&new) {
            // Of another thread, or of a process that was killed.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            opened => return opened.map(|file| (new, file)),
        }
    }
}

#[cfg_attr(not(unix), expect(unused_variables))]
fn fill(mut file: File, bytes: &[u8], former: Option<&Metadata>) -> io::Result<()> {
    file.write_all(bytes)?;
    #[cfg(unix)]
    if let Some(former) = former {
        own_as(&file, former)?;
    }
    file.sync_all()
}

/// Gives a file the owner, group and permissions of the former one.
#[cfg(unix)]
fn own_as(file: &File, former: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let (owner, group) = (former.uid(), former.gid());
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (owner, group) && fchown(file, Some(owner), Some(group)).is_err() {
        // The group may be one of ours where the owner is another. If neither can be kept, the file is the process's own.
        let _ = fchown(file, None, Some(group));
    }
    let new = file.metadata()?;
    let mode = former.mode() & 0o7777;
    let mode = match (new.uid() == owner, new.gid() == group) {
        (true, true) => mode,
        // Rights of another owner are not given away.
        (false, true) => mode & 0o777,
        // A group that is not the former one is like everybody else.
        (_, false) => (mode & 0o707) | (mode & ((mode & 0o007) << 3)),
    };
    // Some file systems refuse any change.
    if new.mode() & 0o7777 == mode {
        return Ok(());
    }
    file.set_permissions(PermissionsExt::from_mode(mode))
}
