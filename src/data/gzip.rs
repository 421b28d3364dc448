//! Gzipped files, for every reader of data: unpacked whole, however many members they have.

use std::io;
use std::path::Path;

/// What gzip data begin with.
pub(super) const MAGIC: [u8; 2] = [0x1F, 0x8B];

/// What is wrong with a gzipped file; a reader's error holds it, so that it passes through what only knows
/// [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The crate was built without what is needed.
    #[cfg_attr(feature = "gzip", expect(dead_code, reason = "gzip is read"))]
    #[error("expected a name without .gz (to read gzip, enable the feature `gzip` of gradus)")]
    Disabled,

    #[cfg_attr(not(feature = "gzip"), expect(dead_code, reason = "gzip is not read"))]
    #[error("expected gzip data, as the name ends in .gz, found something else (is it unpacked already?)")]
    NotGzip,

    /// What the decoder says.
    #[cfg_attr(not(feature = "gzip"), expect(dead_code, reason = "gzip is not read"))]
    #[error("expected sound gzip data, found a fault: {0}")]
    Damaged(io::Error),

    /// What follows a member is none.
    #[cfg_attr(not(feature = "gzip"), expect(dead_code, reason = "gzip is not read"))]
    #[error("expected the end of the file or another member after a gzip member, found other bytes")]
    AfterMember,
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::new(io::ErrorKind::InvalidData, fault)
    }
}

/// Whether the name says that the file is gzipped.
pub(super) fn is_named(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}

/// What gzip data unpack to, members one after the other, as `cat a.gz b.gz` and parallel packers make them.
///
/// Errors, here and of the reader, hold a [`Fault`] unless they are those of `file`.
#[cfg(feature = "gzip")]
pub(super) fn unpack(mut file: impl io::BufRead) -> io::Result<impl io::Read> {
    // Of a file cut off within the magic number the decoder says so.
    if !may_begin(file.fill_buf()?) {
        return Err(Fault::NotGzip.into());
    }
    Ok(Members { member: Some(flate2::bufread::GzDecoder::new(file)) })
}

#[cfg(not(feature = "gzip"))]
pub(super) fn unpack(_: impl io::BufRead) -> io::Result<impl io::Read> {
    Err::<io::Empty, _>(Fault::Disabled.into())
}

/// Whether these may be the first bytes of a member.
#[cfg(feature = "gzip")]
fn may_begin(bytes: &[u8]) -> bool {
    MAGIC.starts_with(&bytes[..bytes.len().min(2)])
}

/// Reads zeros to the end of a file: tapes and disks fill up blocks with them.
#[cfg(feature = "gzip")]
fn to_the_end(mut file: impl io::BufRead) -> io::Result<usize> {
    loop {
        let rest = file.fill_buf()?;
        let length = rest.len();
        if rest.iter().any(|&byte| byte != 0) {
            return Err(Fault::AfterMember.into());
        }
        if length == 0 {
            return Ok(0);
        }
        file.consume(length);
    }
}

/// Not flate2's own reader of many members, which takes any bytes that follow one for a damaged member.
#[cfg(feature = "gzip")]
struct Members<R> {
    /// The member that is being read; none after an error.
    member: Option<flate2::bufread::GzDecoder<R>>,
}

#[cfg(feature = "gzip")]
impl<R: io::BufRead> io::Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer).map_err(|error| match error.kind() {
                // The kinds that the decoder gives of itself; every other comes from the file below it.
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                    Fault::Damaged(error).into()
                }
                _ => error,
            })?;
            // Nothing read is the end of a member, whose checksum was right.
            let rest = if count == 0 && !buffer.is_empty() { member.get_mut().fill_buf()? } else { return Ok(count) };
            if rest.is_empty() {
                return Ok(0);
            }
            let goes_on = may_begin(rest);
            let file = self.member.take().map(flate2::bufread::GzDecoder::into_inner);
            if !goes_on {
                return file.map_or(Ok(0), to_the_end);
            }
            self.member = file.map(flate2::bufread::GzDecoder::new);
        }
        Ok(0)
    }
}
