//! The IDX reader against every way a file can be wrong.

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::Error;
use gradus::data::{IdxError, Images, Labels};
use proptest::prelude::*;

/// A directory of its own, removed with everything in it.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("gradus-idx-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A test that has failed for another reason shall say that reason.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn idx(element_type: u8, sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, element_type, u8::try_from(sizes.len()).unwrap()];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(data);
    bytes
}

const PIXELS: [u8; 12] = [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255];

/// Two images of 2 × 3.
fn images() -> Vec<u8> {
    idx(0x08, &[2, 2, 3], &PIXELS)
}

fn labels() -> Vec<u8> {
    idx(0x08, &[3], &[7, 2, 1])
}

fn read_images(bytes: &[u8]) -> Result<Images, IdxError> {
    Images::read(TempDir::new().file("images", bytes))
}

fn read_labels(bytes: &[u8]) -> Result<Labels, IdxError> {
    Labels::read(TempDir::new().file("labels", bytes))
}

/// The error, which must name the file and say `message`.
#[track_caller]
fn refused<T: Debug>(result: Result<T, IdxError>, message: &str) -> IdxError {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(std::env::temp_dir().to_str().unwrap()), "{text}");
    assert!(text.contains(message), "expected {message:?} in {text:?}");
    error
}

#[test]
fn plain_files() {
    let images = read_images(&images()).unwrap();
    assert_eq!((images.count(), images.rows(), images.columns()), (2, 2, 3));
    assert_eq!(images.pixels(), PIXELS);
    assert_eq!(format!("{images:?}"), "Images { count: 2, rows: 2, columns: 3, .. }");
    assert_eq!(images, Images::new(images.clone().into_pixels(), 2, 3).unwrap());

    let labels = read_labels(&labels()).unwrap();
    assert_eq!(labels.as_slice(), [7, 2, 1]);
    assert_eq!((labels.len(), labels.is_empty()), (3, false));
    assert_eq!(labels, Labels::from(vec![7, 2, 1]));
}

#[test]
fn images_from_elsewhere() {
    assert_eq!(Images::new(vec![], 2, 3), Err(Error::Empty { what: "images" }));
    assert_eq!(Images::new(vec![1], 0, 3), Err(Error::Empty { what: "pixels of an image" }));
    assert_eq!(Images::new(vec![1], 2, 0), Err(Error::Empty { what: "pixels of an image" }));
    assert!(matches!(Images::new(vec![1], usize::MAX, 2), Err(Error::TooLarge { what: "an image", .. })));
    let error = Images::new(vec![1; 8], 2, 3).unwrap_err();
    assert_eq!(error.to_string(), "pixels, the last image: expected 6 × 1, found 2 × 1");
}

#[test]
fn n084_empty_file() {
    let error = refused(read_images(&[]), "magic number: expected 4 bytes, found 0");
    assert!(matches!(error, IdxError::Truncated { what: "magic number", expected: 4, found: 0, .. }));
}

#[test]
fn n085_fewer_than_four_bytes() {
    for length in 1..4 {
        let error = refused(read_labels(&labels()[..length]), "magic number: expected 4 bytes");
        assert!(matches!(error, IdxError::Truncated { found, .. } if found == length));
    }
}

#[test]
fn n086_first_two_bytes_not_zero() {
    let error = refused(read_images(b"label,pixel0\n"), "which begins with the bytes 00 00, found 6C 61");
    assert!(matches!(error, IdxError::NotIdx { found: [b'l', b'a'], .. }));
    refused(read_labels(&[0, 1, 8, 1]), "found 00 01");
    // Little-endian.
    refused(read_images(&[3, 8, 0, 0]), "found 03 08");
}

#[test]
fn n087_labels_for_images_and_the_reverse() {
    let error = refused(read_images(&labels()), "expected images (3 dimensions, magic number 0x0803), found labels");
    assert!(matches!(error, IdxError::Dimensions { expected: 3, found: 1, .. }));
    let error = refused(read_labels(&images()), "expected labels (1 dimension, magic number 0x0801), found images");
    assert!(matches!(error, IdxError::Dimensions { expected: 1, found: 3, .. }));
}

#[test]
fn n088_element_type() {
    for (code, message) in [
        (0x09, "0x09 (signed byte, not supported)"),
        (0x0B, "0x0B (16-bit integer, not supported)"),
        (0x0C, "0x0C (32-bit integer, not supported)"),
        (0x0D, "0x0D (32-bit float, not supported)"),
        (0x0E, "0x0E (64-bit float, not supported)"),
        (0x00, "0x00 (unknown to IDX)"),
        (0x0A, "0x0A (unknown to IDX)"),
        (0x0F, "0x0F (unknown to IDX)"),
        (0xFF, "0xFF (unknown to IDX)"),
    ] {
        let error = refused(read_images(&idx(code, &[2, 2, 3], &PIXELS)), message);
        assert!(matches!(error, IdxError::ElementType { code: found, .. } if found == code));
    }
}

#[test]
fn n089_number_of_dimensions() {
    for dimensions in [0, 2, 4, 255] {
        let mut bytes = images();
        bytes[3] = dimensions;
        let error = refused(read_images(&bytes), &format!("found {dimensions} dimensions"));
        assert!(matches!(error, IdxError::Dimensions { expected: 3, found, .. } if found == dimensions));
    }
}

#[test]
fn n090_truncated_in_the_sizes() {
    for length in 4..16 {
        let error = refused(read_images(&images()[..length]), "sizes: expected 12 bytes");
        assert!(matches!(error, IdxError::Truncated { what: "sizes", found, .. } if found == length - 4));
    }
    refused(read_labels(&labels()[..7]), "sizes: expected 4 bytes, found 3");
}

#[test]
fn n091_size_of_zero() {
    for (sizes, name) in [([0, 2, 3], "images"), ([2, 0, 3], "rows"), ([2, 2, 0], "columns")] {
        let message = format!("number of {name}: expected at least one, found none");
        let error = refused(read_images(&idx(0x08, &sizes, &PIXELS)), &message);
        assert!(matches!(error, IdxError::Empty { what, .. } if what == name));
    }
    refused(read_labels(&idx(0x08, &[0], &[])), "number of labels");
}

#[test]
fn n092_product_of_sizes_overflows() {
    let error = refused(read_images(&idx(0x08, &[u32::MAX; 3], &PIXELS)), "found 79228162458924105385300197375");
    assert!(matches!(error, IdxError::TooLarge { bytes, limit: 28_896, .. } if bytes == u128::from(u32::MAX).pow(3)));
    // 2³² · 2³² would be 0 in 64 bits.
    refused(read_images(&idx(0x08, &[1 << 31, 1 << 31, 4], &PIXELS)), "found 18446744073709551616");
}

#[test]
fn n093_huge_size_takes_no_memory() {
    let directory = TempDir::new();
    for sizes in [[u32::MAX; 3], [60_000, 28, 28], [2, 2, 7_000]] {
        let path = directory.file("images", &idx(0x08, &sizes, &PIXELS));
        let (error, memory) = measure(|| Images::read(&path).unwrap_err());
        assert!(matches!(error, IdxError::TooLarge { .. } | IdxError::Truncated { found: 12, .. }), "{error}");
        assert!(memory < 20_000, "{memory} bytes");
    }
}

#[test]
fn n094_one_byte_short() {
    let bytes = images();
    let error = refused(read_images(&bytes[..bytes.len() - 1]), "images: expected 12 bytes, found 11");
    assert!(matches!(error, IdxError::Truncated { what: "images", expected: 12, found: 11, .. }));
    refused(read_labels(&labels()[..10]), "labels: expected 3 bytes, found 2");
}

#[test]
fn n095_trailing_bytes() {
    let error = refused(read_images(&[images(), vec![0]].concat()), "expected the end of the file after the images");
    assert!(matches!(error, IdxError::TrailingBytes { what: "images", .. }));
    refused(read_labels(&[labels(), labels()].concat()), "after the labels, found more bytes");
}

#[test]
fn n099_gzip_named_as_plain() {
    let error = refused(read_images(b"\x1F\x8B\x08\0\0\0\0\0\0\0"), "found gzip data (does its name lack .gz?)");
    assert!(matches!(error, IdxError::UnexpectedGzip { .. }));
}

#[test]
fn n104_missing() {
    let directory = TempDir::new();
    for name in ["images", "images.gz"] {
        let error = refused(Images::read(directory.0.join(name)), name);
        assert!(matches!(error, IdxError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
    }
}

#[test]
fn n104_directory() {
    let directory = TempDir::new();
    let error = refused(Labels::read(&directory.0), "expected a regular file, found a directory");
    assert!(matches!(error, IdxError::NotAFile { found, .. } if found.is_dir()));
}

#[cfg(unix)]
#[test]
fn n104_pipe() {
    let directory = TempDir::new();
    for name in ["labels", "labels.gz"] {
        let path = directory.0.join(name);
        assert!(process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(Labels::read(path)));
        let result = receiver.recv_timeout(std::time::Duration::from_secs(10)).expect("reading a pipe waits");
        let error = refused(result, "expected a regular file, found a pipe, socket or device");
        assert!(matches!(error, IdxError::NotAFile { .. }));
    }
}

#[cfg(unix)]
#[test]
fn n104_unreadable() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new();
    let path = directory.file("labels", &labels());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read everything.
    if fs::File::open(&path).is_err() {
        let error = refused(Labels::read(&path), "labels: ");
        assert!(matches!(error, IdxError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied));
    }
}

/// A regular file that can be opened and not read; an error in the middle is tested beside the reader.
#[cfg(target_os = "linux")]
#[test]
fn n105_read_error() {
    let error = Labels::read("/proc/self/mem").unwrap_err();
    assert!(error.to_string().starts_with("/proc/self/mem: "), "{error}");
    assert!(matches!(error, IdxError::Io { .. }));
}

#[cfg(not(feature = "gzip"))]
#[test]
fn gzip_without_the_feature() {
    let error = refused(Labels::read(TempDir::new().file("labels.gz", &labels())), "enable the feature `gzip`");
    assert!(matches!(error, IdxError::GzipDisabled { .. }));
}

/// What `f` gives, and the most memory that it held at a time.
fn measure<R>(f: impl FnOnce() -> R) -> (R, u64) {
    let mut result = None;
    let memory = allocation_counter::measure(|| result = Some(f())).bytes_max;
    (result.unwrap(), memory)
}

/// Cuts `bytes`, changes some and adds some.
fn mutated(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = bytes.len();
    let changes = proptest::collection::vec((0..length, any::<u8>()), 0..4);
    let end = prop_oneof![Just(length), 0..=length];
    let more = prop_oneof![Just(vec![]), proptest::collection::vec(any::<u8>(), 1..4)];
    (changes, end, more).prop_map(move |(changes, end, more)| {
        let mut bytes = bytes.clone();
        for (index, byte) in changes {
            bytes[index] = byte;
        }
        bytes.truncate(end);
        bytes.extend(more);
        bytes
    })
}

/// Reading gives images that hold together or an error that names the file, without much memory.
fn check_images(name: &str, bytes: &[u8]) -> Result<(), TestCaseError> {
    let directory = TempDir::new();
    let path = directory.file(name, bytes);
    let (result, memory) = measure(|| Images::read(&path));
    // The decoder's window and tables, the buffer of the file, twice the data.
    prop_assert!(memory < 200_000, "{memory} bytes");
    match result {
        Ok(images) => prop_assert_eq!(images.pixels().len(), images.count() * images.rows() * images.columns()),
        Err(error) => prop_assert!(error.to_string().starts_with(path.to_str().unwrap())),
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn any_mutation_of_a_plain_file_is_read_or_refused(bytes in mutated(images())) {
        check_images("images", &bytes)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        check_images("images", &bytes)?;
        check_images("images.gz", &bytes)?;
    }
}

#[cfg(feature = "gzip")]
mod gzip {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Reads the content of a file, as it is, under a name in `.gz`.
    fn read_images(bytes: &[u8]) -> Result<Images, IdxError> {
        Images::read(TempDir::new().file("images.gz", bytes))
    }

    #[test]
    fn gzipped_files() {
        let directory = TempDir::new();
        for name in ["images.gz", "IMAGES.GZ", "images.idx3.Gz"] {
            let images = Images::read(directory.file(name, &gzip(&images()))).unwrap();
            assert_eq!((images.count(), images.rows(), images.columns()), (2, 2, 3));
            assert_eq!(images.pixels(), PIXELS);
        }
        let labels = Labels::read(directory.file("labels.gz", &gzip(&labels()))).unwrap();
        assert_eq!(labels.as_slice(), [7, 2, 1]);
    }

    #[test]
    fn gzipped_files_compressed_as_far_as_can_be() {
        let pixels = vec![0; 1 << 22];
        let bytes = gzip(&idx(0x08, &[1 << 12, 32, 32], &pixels));
        assert!(bytes.len() * 1000 < pixels.len() + 1_000_000);
        assert_eq!(read_images(&bytes).unwrap().into_pixels(), pixels);
    }

    #[test]
    fn zeros_at_the_end_fill_up_a_block() {
        for count in [1, 512, 100_000] {
            let padded = [gzip(&images()), vec![0; count]].concat();
            assert_eq!(read_images(&padded).unwrap().into_pixels(), PIXELS);
            let spoiled = [&padded[..], &[7]].concat();
            refused(read_images(&spoiled), "expected the end of the file after the gzip member, found more bytes");
            let members = [&gzip(&images()), &vec![0; count][..], &gzip(&[])].concat();
            refused(read_images(&members), "expected the end of the file after the gzip member, found more bytes");
        }
    }

    #[test]
    fn faults_within_are_found() {
        refused(read_images(&gzip(&[])), "magic number: expected 4 bytes, found 0");
        refused(read_images(&gzip(&labels())), "found labels");
        refused(read_images(&gzip(&images()[..15])), "sizes: expected 12 bytes, found 11");
        refused(read_images(&gzip(&images()[..27])), "images: expected 12 bytes, found 11");
        refused(read_images(&gzip(&[images(), vec![0]].concat())), "after the images, found more bytes");
        refused(read_images(&gzip(&gzip(&images()))), "which begins with the bytes 00 00, found 1F 8B");
    }

    #[test]
    fn n093_huge_size_takes_no_memory() {
        let directory = TempDir::new();
        for sizes in [[u32::MAX; 3], [60_000, 28, 28], [2, 2, 5_000]] {
            let path = directory.file("images.gz", &gzip(&idx(0x08, &sizes, &PIXELS)));
            let (error, memory) = measure(|| Images::read(&path).unwrap_err());
            assert!(matches!(error, IdxError::TooLarge { .. } | IdxError::Truncated { found: 12, .. }), "{error}");
            assert!(memory < 100_000, "{memory} bytes");
        }
    }

    #[test]
    fn n099_plain_named_as_gzip() {
        let error = refused(read_images(&images()), "expected gzip data, as the name ends in .gz");
        assert!(matches!(error, IdxError::NotGzip { .. }));
        refused(read_images(&[0x1F, 0x8C, 8]), "expected gzip data, as the name ends in .gz");
        refused(read_images(&[0]), "expected gzip data, as the name ends in .gz");
    }

    #[test]
    fn n100_truncated() {
        let bytes = gzip(&images());
        for length in 0..bytes.len() {
            let error = refused(read_images(&bytes[..length]), "expected sound gzip data, found a fault: ");
            let IdxError::Gzip { source, .. } = error else { panic!("{length} bytes: {error}") };
            assert_eq!(source.kind(), std::io::ErrorKind::UnexpectedEof, "{length} bytes");
        }
    }

    #[test]
    fn n101_checksum_and_length() {
        let bytes = gzip(&images());
        for back in 1..=8 {
            let mut bytes = bytes.clone();
            let index = bytes.len() - back;
            bytes[index] ^= 1;
            let error = refused(read_images(&bytes), "does not have a matching checksum");
            assert!(matches!(error, IdxError::Gzip { .. }));
        }
    }

    #[test]
    fn n102_bomb() {
        let directory = TempDir::new();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&images()).unwrap();
        for _ in 0..64 {
            encoder.write_all(&vec![0; 1 << 20]).unwrap();
        }
        let bytes = encoder.finish().unwrap();
        let path = directory.file("images.gz", &bytes);
        let (error, memory) = measure(|| Images::read(&path).unwrap_err());
        assert!(matches!(error, IdxError::TrailingBytes { what: "images", .. }), "{error}");
        assert!(memory < 100_000, "{memory} bytes");
    }

    #[test]
    fn n103_second_member_or_garbage() {
        let member = gzip(&images());
        for more in [&[0, 1][..], b"garbage", &[0x1E, 0x8B], &[0x1F, 0x8A, 8]] {
            let error = refused(read_images(&[&member[..], more].concat()), "after the gzip member, found more bytes");
            assert!(matches!(error, IdxError::TrailingBytes { what: "gzip member", .. }), "{more:?}");
        }
        // A second file, and the beginning of a member.
        let error = refused(read_images(&[&member[..], &member].concat()), "after the images, found more bytes");
        assert!(matches!(error, IdxError::TrailingBytes { what: "images", .. }));
        for length in 1..gzip(&[]).len() {
            let error = refused(read_images(&[&member[..], &gzip(&[])[..length]].concat()), "images.gz");
            assert!(matches!(error, IdxError::Gzip { .. }), "{length} bytes: {error}");
        }
    }

    /// As `cat a.gz b.gz` and parallel packers make them.
    #[test]
    fn f07_several_members() {
        let bytes = images();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read_images(&parts.map(gzip).concat()).unwrap().pixels(), PIXELS, "{first}, {second}");
            }
        }
        let bytes: Vec<u8> = labels().iter().flat_map(|&byte| gzip(&[byte])).collect();
        let directory = TempDir::new();
        assert_eq!(Labels::read(directory.file("labels.gz", &bytes)).unwrap().as_slice(), [7, 2, 1]);
        // The checksum of each member counts, and what is missing is told of the whole.
        let whole = images();
        let (start, end) = whole.split_at(20);
        let mut spoiled = [gzip(start), gzip(end)].concat();
        spoiled[gzip(start).len() - 8] ^= 1;
        refused(read_images(&spoiled), "does not have a matching checksum");
        refused(read_images(&[gzip(start), gzip(&end[..7])].concat()), "images: expected 12 bytes, found 11");
    }

    proptest! {
        #![proptest_config(crate::counted::config())]

        #[test]
        fn any_mutation_of_a_gzipped_file_is_read_or_refused(bytes in mutated(gzip(&images()))) {
            check_images("images.gz", &bytes)?;
        }

        #[test]
        fn any_mutation_within_a_gzipped_file_is_read_or_refused(bytes in mutated(images())) {
            check_images("images.gz", &gzip(&bytes))?;
        }
    }
}
