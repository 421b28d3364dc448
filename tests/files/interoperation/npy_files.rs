//! NumPy's files: what gradus writes NumPy reads, and the other way round, bit for bit; what is spoiled is refused.

use std::fs;
use std::path::Path;

use gradus::Real;
use gradus::data::{NpyArray, NpyError, Npz, read_npy, write_npy};
use gradus::nalgebra::{DMatrix, DVector, Matrix2x3, dmatrix, dvector};
use proptest::prelude::*;

/// 3 × 5 numbers of all sizes, to be made in Python by the same formula.
fn matrix<T: Real>() -> DMatrix<T> {
    DMatrix::from_fn(3, 5, |i, j| T::nearest((i as f64 - 0.7) * 3.0_f64.powi(5 * j as i32) / 7.0))
}

#[test]
fn numpy_reads_what_is_written_and_writes_what_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    write_npy(at("ours_f8.npy"), &matrix::<f64>()).unwrap();
    write_npy(at("ours_f4.npy"), &matrix::<f32>()).unwrap();
    write_npy(at("ours_vector.npy"), &matrix::<f64>().column(1)).unwrap();
    write_npy(at("ours_empty.npy"), &DMatrix::<f64>::zeros(0, 4)).unwrap();
    let mut arrays = Npz::new();
    arrays.insert("matrix", &matrix::<f64>()).unwrap();
    arrays.insert("of/vectors", &DVector::from(matrix::<f32>().column(4))).unwrap();
    arrays.save(at("ours.npz")).unwrap();
    let Some(said) = super::python(&["numpy"], "npy_files.py", &[directory.path()]) else { return };
    println!("{said}");

    let same = |name: &str, expected: &DMatrix<f64>| {
        assert_eq!(&read_npy::<f64>(at(name)).unwrap(), expected, "{name}");
    };
    for name in ["c.npy", "fortran.npy", "big.npy", "big_fortran.npy", "version2.npy", "version3.npy"] {
        same(name, &matrix());
    }
    assert_eq!(read_npy::<f32>(at("single.npy")).unwrap(), matrix::<f32>());
    same("vector.npy", &DMatrix::from_columns(&[matrix::<f64>().column(1)]));
    same("number.npy", &DMatrix::from_element(1, 1, 0.1));
    same("empty.npy", &DMatrix::zeros(0, 4));
    let special = read_npy::<f64>(at("special.npy")).unwrap();
    assert!(special[0].is_nan() && special[1] == f64::NEG_INFINITY && special[2].to_bits() == (-0.0_f64).to_bits());
    let refused = |name: &str| read_npy::<f64>(at(name)).unwrap_err().to_string();
    assert_eq!(read_npy::<f64>(at("single.npy")).unwrap(), matrix::<f32>().cast::<f64>());
    let narrow = read_npy::<f32>(at("c.npy")).unwrap_err().to_string();
    assert_eq!(narrow, "npy file: expected numbers of type f4, found <f8");
    for name in ["complex.npy", "text.npy"] {
        assert!(matches!(read_npy::<f64>(at(name)), Err(NpyError::NumberType { expected: "f8", .. })), "{name}");
    }
    let dimensions = "npy file: expected at most 2 dimensions, found 3 (NpyArray::flattened makes a matrix of them)";
    assert_eq!(refused("2x3x4_c.npy"), dimensions);
    let record = "npy file: expected numbers of type f4 or f8, found [('a', '<f8'), ('b', '<i4')]";
    assert_eq!(refused("record.npy"), record);
    assert!(refused("object.npy").contains("expected numbers of type f8, found |O"));

    whole_numbers::<f32>(directory.path());
    whole_numbers::<f64>(directory.path());
    halves::<f32>(directory.path());
    halves::<f64>(directory.path());
    same("bool.npy", &dmatrix![1.0, 0.0, 0.0; 0.0, 1.0, 1.0]);
    of_many_dimensions(directory.path());
    let beyond = "npy file: expected whole numbers that f4 holds exactly, found 16777217 at row 1, column 1";
    assert_eq!(read_npy::<f32>(at("beyond_f4.npy")).unwrap_err().to_string(), beyond);
    assert_eq!(read_npy::<f64>(at("beyond_f4.npy")).unwrap()[(1, 1)], 16_777_217.0);
    let beyond = "npy file: expected whole numbers that f8 holds exactly, found -9007199254740993 at row 0, column 1";
    assert_eq!(refused("beyond_f8.npy"), beyond);

    for name in ["plain.npz", "compressed.npz"] {
        let arrays = Npz::read(at(name)).unwrap();
        assert_eq!(arrays.names().collect::<Vec<_>>(), ["labels", "x", "y"]);
        assert_eq!(arrays.get::<f64>("x").unwrap(), matrix::<f64>(), "{name}");
        assert_eq!(arrays.get::<f32>("y").unwrap().column(0), matrix::<f32>().column(4), "{name}");
        assert_eq!(arrays.get::<f64>("labels").unwrap(), DMatrix::from_row_slice(3, 1, &[0.0, 1.0, 2.0]), "{name}");
        let error = arrays.get::<f64>("z").unwrap_err();
        let expected = "array \"z\": expected one of [\"labels\", \"x\", \"y\"], found none of this name";
        assert_eq!(error.to_string(), expected);
    }
}

/// All numbers of half precision.
fn halves<T: Real>(directory: &Path) {
    let wide = read_npy::<f64>(directory.join("halves_wide.npy")).unwrap();
    assert_eq!(wide.len(), 1 << 16);
    for order in ["little", "big"] {
        let found = read_npy::<T>(directory.join(format!("halves_{order}.npy"))).unwrap();
        for (bits, (found, &wide)) in found.iter().zip(&wide).enumerate() {
            let found = found.to_f64();
            assert!(found.to_bits() == wide.to_bits() || found.is_nan() && wide.is_nan(), "{bits:#x}: {found}, {wide}");
        }
    }
}

/// As `array.reshape(len(array), -1)`, in either order of the file.
fn of_many_dimensions(directory: &Path) {
    for shape in [&[2, 3, 4][..], &[3, 2, 2, 5], &[1, 1, 1], &[4, 0, 2], &[0, 3, 2], &[2, 1, 3, 1, 2]] {
        let name = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        let flat = read_npy::<f64>(directory.join(format!("{name}_flat.npy"))).unwrap();
        let check = |array: NpyArray| {
            assert_eq!((array.shape(), array.flattened::<f64>().unwrap()), (shape, flat.clone()), "{array:?}");
            assert!(matches!(array.matrix::<f64>(), Err(NpyError::Dimensions { found }) if found == shape.len()));
        };
        for order in ["c", "fortran"] {
            let path = directory.join(format!("{name}_{order}.npy"));
            check(NpyArray::read(&path).unwrap());
            check(NpyArray::from_bytes(fs::read(path).unwrap()).unwrap());
        }
        let path = directory.join(format!("{name}.npz"));
        check(Npz::read(&path).unwrap().array("x").unwrap());
        check(Npz::from_bytes(fs::read(path).unwrap()).unwrap().array("x").unwrap());
    }
}

/// Whole numbers of all of NumPy's types, which end at ±2ⁿ or one before.
fn whole_numbers<T: Real>(directory: &Path) {
    let digits = if T::nearest(1e-9) + T::one() > T::one() { 53 } else { 24 };
    for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"] {
        for order in ["little", "big"] {
            let read = |name: &str| read_npy::<T>(directory.join(format!("{kind}_{order}{name}.npy")));
            let labels = DMatrix::from_row_slice(2, 3, &[0.0, 1.0, 2.0, 125.0, 126.0, 127.0]).map(T::nearest);
            assert_eq!(read("").unwrap(), labels, "{kind}, {order}");
            assert_eq!(read("_fortran").unwrap(), labels, "{kind}, {order}");
            let bits = 8 * kind[1..].parse::<i32>().unwrap() - i32::from(kind.starts_with('i'));
            let largest = (1_i128 << bits) - 1;
            match read("_ends") {
                Ok(ends) => {
                    assert!(bits <= digits, "{kind}");
                    let least = if kind.starts_with('i') { -largest - 1 } else { 0 };
                    assert_eq!([ends[0], ends[1]].map(|end| end.to_f64() as i128), [least, largest], "{kind}, {order}");
                }
                Err(error) => {
                    assert!(bits > digits, "{kind}: {error}");
                    assert!(matches!(error, NpyError::Inexact { found, row: 1, column: 0, .. } if found == largest));
                }
            }
        }
    }
}

fn comes_back<T: Real>(directory: &Path) {
    let path = directory.join("again.npy");
    write_npy(&path, &matrix::<T>()).unwrap();
    assert_eq!(read_npy::<T>(&path).unwrap(), matrix::<T>());
    // As NumPy writes it: numbers begin at the second multiple of 64 bytes.
    assert_eq!(fs::metadata(&path).unwrap().len() as usize, 128 + size_of_val(matrix::<T>().as_slice()));
    let view = matrix::<T>();
    let view = view.view((1, 1), (2, 3));
    write_npy(&path, &view).unwrap();
    assert_eq!(read_npy::<T>(&path).unwrap(), view);
    write_npy(&path, &Matrix2x3::<T>::identity()).unwrap();
    assert_eq!(read_npy::<T>(&path).unwrap(), Matrix2x3::<T>::identity());
}

#[test]
fn matrices_vectors_and_views_come_back() {
    let directory = tempfile::tempdir().unwrap();
    comes_back::<f32>(directory.path());
    comes_back::<f64>(directory.path());
    let mut arrays = Npz::new();
    arrays.insert("a", &dvector![1.0]).unwrap();
    arrays.insert("a", &dvector![2.0, 3.0]).unwrap();
    assert_eq!(arrays.get::<f64>("a").unwrap(), DMatrix::from_row_slice(2, 1, &[2.0, 3.0]));
    assert_eq!(format!("{arrays:?}"), "Npz { names: [\"a\"], .. }");
    assert!(matches!(arrays.insert(&"n".repeat(70_000), &dvector![1.0]), Ok(())));
    let path = directory.path().join("long.npz");
    assert!(matches!(arrays.save(&path), Err(NpyError::Archive { .. })));
    assert!(!path.exists());
}

/// The bytes of a file with this header.
fn with_header(version: [u8; 2], header: &str, data: &[u8]) -> Vec<u8> {
    let length = match version {
        [1, _] => (header.len() as u16).to_le_bytes().to_vec(),
        _ => (header.len() as u32).to_le_bytes().to_vec(),
    };
    [b"\x93NUMPY", &version[..], &length, header.as_bytes(), data].concat()
}

fn read_bytes(bytes: &[u8]) -> Result<DMatrix<f64>, NpyError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    read_npy(file.path())
}

#[test]
fn spoiled_files_are_refused() {
    let data = [1.0_f64, 2.0].map(f64::to_le_bytes).concat();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n";
    let good = with_header([1, 0], header, &data);
    assert_eq!(read_bytes(&good).unwrap().as_slice(), [1.0, 2.0]);
    // Any order of keys, any white space, either kind of quote.
    let other = "{\"shape\":( 1 , 2 ),'fortran_order' :True,'descr':'<f8'}";
    assert_eq!(read_bytes(&with_header([3, 0], other, &data)).unwrap().shape(), (1, 2));

    for length in 0..good.len() {
        assert!(read_bytes(&good[..length]).is_err(), "{length} bytes");
    }
    let message = |bytes: &[u8]| read_bytes(bytes).unwrap_err().to_string();
    assert_eq!(message(&[&good[..], &[0]].concat()), "npy file: expected 2 × 1 numbers of 8 bytes, found 17 bytes");
    assert_eq!(message(&good[..good.len() - 1]), "npy file: expected 2 × 1 numbers of 8 bytes, found 15 bytes");
    assert_eq!(message(&with_header([1, 1], header, &data)), "npy file: expected version 1.0, 2.0 or 3.0, found 1.1");
    assert!(matches!(read_bytes(b"PK\x03\x04"), Err(NpyError::NotNpy)));
    let endless = [b"\x93NUMPY\x02\x00", &u32::MAX.to_le_bytes()[..]].concat();
    assert_eq!(message(&endless), "header of the npy file: expected one of at most 65536 bytes, found something else");
    for header in [
        "",
        "[]",
        "{",
        "{}",
        "{'descr': '<f8', 'fortran_order': False, }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'more': 1, }",
        "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (2,), }",
        "{'descr': '<f8' 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 2, }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (+2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), } more",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,",
        "{'descr': '<f8",
        "{'descr': ['<f8', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': 'f8', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<é8', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952, 8), }",
    ] {
        assert!(read_bytes(&with_header([1, 0], header, &data)).is_err(), "{header}");
    }
    let deep = "(".repeat(60_000);
    assert!(read_bytes(&with_header([2, 0], &format!("{{'shape': {deep}"), &data)).is_err());
}

#[test]
fn f08_sizes_as_python_2_wrote_them() {
    let data = [1.5_f64, 2.0].map(f64::to_le_bytes).concat();
    let header = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    for (shape, expected) in [("(1L, 1L)", (1, 1)), ("(2L,)", (2, 1)), ("(1, 2L)", (1, 2)), ("(2L, 1)", (2, 1))] {
        let bytes = with_header([1, 0], &header(shape), &data[..8 * expected.0 * expected.1]);
        let found = NpyArray::from_bytes(bytes).unwrap().matrix::<f64>().unwrap();
        assert_eq!((found.shape(), found[0]), (expected, 1.5), "{shape}");
    }
    for shape in ["(L,)", "(1LL, 2)", "(1l, 2)", "(L1, 2)", "(-1L, 2)", "(1 L, 2)"] {
        assert!(NpyArray::from_bytes(with_header([1, 0], &header(shape), &data)).is_err(), "{shape}");
    }
}

#[test]
fn f08_types_dimensions_and_bytes() {
    let array = |descr: &str, shape: &str, data: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': True, 'shape': {shape}, }}\n");
        NpyArray::from_bytes(with_header([1, 0], &header, data))
    };
    // 1, the least number, the largest one, and −∞.
    let halves = [0x3C00_u16, 0x0001, 0x7BFF, 0xFC00].map(u16::to_le_bytes).concat();
    let found = array("<f2", "(4,)", &halves).unwrap().matrix::<f32>().unwrap();
    assert_eq!(found.as_slice(), [1.0, 2.0_f32.powi(-24), 65504.0, f32::NEG_INFINITY]);
    assert_eq!(array("|b1", "(2,)", &[0, 1]).unwrap().matrix::<f64>().unwrap().as_slice(), [0.0, 1.0]);
    let error = array("|b1", "(2, 2)", &[0, 1, 1, 2]).unwrap().matrix::<f64>().unwrap_err();
    assert_eq!(error.to_string(), "npy file: expected truth values of 0 and 1, found 2 at row 1, column 1");
    // Fortran order: the first dimension varies fastest in the file, the last one in a row of the matrix.
    let cube = array("|u1", "(2, 2, 2)", &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    assert_eq!(cube.flattened::<f64>().unwrap(), dmatrix![0.0, 4.0, 2.0, 6.0; 1.0, 5.0, 3.0, 7.0]);
    assert_eq!(format!("{cube:?}"), "NpyArray { type: \"|u1\", shape: [2, 2, 2], .. }");

    let message = |found: Result<NpyArray, NpyError>| found.unwrap_err().to_string();
    assert_eq!(
        message(array("|u1", "(2, 2, 2)", &[0; 7])),
        "npy file: expected 2 × 4 numbers of 1 bytes, found 7 bytes"
    );
    assert!(message(array("|u1", "(2, 4294967296, 4294967296)", &[])).starts_with("npy file: expected 2 × "));
    assert_eq!(message(array("|b2", "(1,)", &[0; 2])), "npy file: expected numbers of type f4 or f8, found |b2");
    let wide = array("<f8", "(1,)", &[0; 8]).unwrap().matrix::<f32>().unwrap_err();
    assert!(matches!(wide, NpyError::NumberType { expected: "f4", .. }), "{wide}");
    assert!(matches!(NpyArray::read("no/such/x.npy"), Err(NpyError::Io { .. })));
}

/// An archive with one deflated file x.npy, whose directory says that it unpacks to so many bytes.
fn archive(packed: &[u8], checksum: u32, says: u32) -> Vec<u8> {
    let name = b"x.npy";
    let sizes = [checksum, packed.len() as u32, says].map(u32::to_le_bytes).concat();
    // Version, flags, method, time and date.
    let entry = [&[20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0][..], &sizes, &[name.len() as u8, 0, 0, 0]].concat();
    let local = [b"PK\x03\x04", &entry[..], name, packed].concat();
    let directory = [b"PK\x01\x02\x14\x00", &entry[..], &[0; 14], name].concat();
    let sizes = [directory.len() as u32, local.len() as u32].map(u32::to_le_bytes).concat();
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &sizes[..], &[0, 0]].concat();
    [local, directory, end].concat()
}

#[test]
fn small_archives_that_unpack_to_much_cost_no_memory() {
    const LENGTH: usize = 1 << 28;
    let pack = |front: &[u8], zeros: usize| {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        let mut checksum = flate2::Crc::new();
        for bytes in std::iter::once(front).chain(std::iter::repeat_n(&[0; 1 << 16][..], zeros >> 16)) {
            std::io::Write::write_all(&mut encoder, bytes).unwrap();
            checksum.update(bytes);
        }
        (encoder.finish().unwrap(), checksum.sum())
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.npz");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let mut found = None;
        let memory =
            allocation_counter::measure(|| found = Some(Npz::read(&path).and_then(|arrays| arrays.get::<f64>("x"))));
        (found.unwrap(), memory.bytes_max)
    };
    let of_shape = |shape: &str| {
        with_header([1, 0], &format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n"), &[])
    };

    // The archive of the test is a good one, if it is small.
    let front = of_shape("(8192, )");
    let (packed, checksum) = pack(&front, 1 << 16);
    let good = archive(&packed, checksum, (front.len() + (1 << 16)) as u32);
    assert_eq!(read(&good).0.unwrap(), DMatrix::zeros(8192, 1));

    // A header that says less than there is, beside an honest directory, one that says as little, and one that says more.
    let front = of_shape("(2, )");
    let (packed, checksum) = pack(&front, LENGTH);
    assert!(packed.len() < LENGTH / 500);
    for says in [LENGTH, 16, LENGTH * 8] {
        let (found, memory) = read(&archive(&packed, checksum, (front.len() + says) as u32));
        match found.unwrap_err() {
            NpyError::Length { shape: (2, 1), size: 8, found } => assert!(found == says && found != 16),
            error => assert!(says == 16 && matches!(error, NpyError::Archive { .. }), "{error}"),
        }
        assert!(memory < 4 << 20, "{memory} bytes");
    }
    // A header that says more than there is, and one without end.
    for front in [of_shape("(4294967296, 64)"), [b"\x93NUMPY\x02\x00", &(LENGTH as u32).to_le_bytes()[..]].concat()] {
        let (packed, checksum) = pack(&front, LENGTH);
        let (found, memory) = read(&archive(&packed, checksum, (front.len() + LENGTH) as u32));
        assert!(matches!(found, Err(NpyError::Length { .. } | NpyError::Header { .. })));
        assert!(memory < 4 << 20, "{memory} bytes");
    }
    // An array that is as large as it says, but that nobody asks for.
    let front = of_shape("(33554432, )");
    let (packed, checksum) = pack(&front, LENGTH);
    fs::write(&path, archive(&packed, checksum, (front.len() + LENGTH) as u32)).unwrap();
    let memory = allocation_counter::measure(|| assert_eq!(Npz::read(&path).unwrap().names().len(), 1));
    assert!(memory.bytes_max < 4 << 20, "{} bytes", memory.bytes_max);
}

#[test]
fn what_was_read_is_saved_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let [from, to] = ["from.npz", "to.npz"].map(|name| directory.path().join(name));
    let mut arrays = Npz::new();
    arrays.insert("x", &matrix::<f64>()).unwrap();
    arrays.insert("y", &matrix::<f32>()).unwrap();
    arrays.save(&from).unwrap();
    let mut arrays = Npz::read(&from).unwrap();
    arrays.insert("y", &dvector![1.0]).unwrap();
    arrays.insert("z", &dvector![2.0]).unwrap();
    arrays.save(&to).unwrap();
    let arrays = Npz::read(&to).unwrap();
    assert_eq!(arrays.names().collect::<Vec<_>>(), ["x", "y", "z"]);
    assert_eq!(arrays.get::<f64>("x").unwrap(), matrix::<f64>());
    assert_eq!([arrays.get::<f64>("y").unwrap()[0], arrays.get::<f64>("z").unwrap()[0]], [1.0, 2.0]);
}

#[test]
fn files_that_cannot_be_read_or_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.npy");
    write_npy(&path, &dvector![1.0]).unwrap();
    let before = fs::read(&path).unwrap();
    let arrays = Npz::new();
    for bad in [path.join("x.npy"), directory.path().to_owned(), directory.path().join("none/x.npy")] {
        assert!(matches!(write_npy(&bad, &dvector![1.0]), Err(NpyError::Save(_))), "{}", bad.display());
        assert!(matches!(arrays.save(&bad), Err(NpyError::Save(_))), "{}", bad.display());
        assert!(matches!(read_npy::<f64>(&bad), Err(NpyError::Io { .. })), "{}", bad.display());
        assert!(matches!(Npz::read(&bad), Err(NpyError::Io { .. })), "{}", bad.display());
    }
    assert!(matches!(Npz::read(&path), Err(NpyError::Archive { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn spoiled_archives_are_an_error_or_arrays(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut arrays = Npz::new();
        arrays.insert("x", &matrix::<f64>()).unwrap();
        arrays.save(file.path()).unwrap();
        let mut bytes = fs::read(file.path()).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len() - length.index(bytes.len()) % 3);
        fs::write(file.path(), bytes).unwrap();
        if let Ok(arrays) = Npz::read(file.path()) {
            for name in arrays.names() {
                // Either is right; neither may panic.
                let _ = arrays.get::<f64>(name);
            }
        }
    }
}
