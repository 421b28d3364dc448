//! The fuzz targets, driven by proptest: mutations of the files in `corpus`, and bytes that are none.
//!
//! `GRADUS_FUZZ_CASES` is the number of inputs for each target (`just fuzz`: 500 000).

#[path = "fuzz/mutation.rs"]
mod mutation;
#[path = "fuzz/targets.rs"]
pub(crate) mod targets;
#[path = "fuzz/tried.rs"]
pub(crate) mod tried;

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use mutation::{Format, Input, inputs};
use proptest::collection::vec;
use proptest::prelude::any;
use targets::Outcome;
use tried::drive;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target)
}

/// The files of a corpus, in the order of their names.
fn files(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(corpus(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Every file of the corpus is taken; of the inputs made of them half are mutations, and a tenth gets past the header.
fn fuzz(target: &str, format: Format, run: fn(&[u8]) -> Outcome) {
    let valid = files(target);
    for file in &valid {
        assert!(run(file).accepted, "{target}: a file of the corpus is not taken");
    }
    let [tried, mutations, past, accepted] = [const { Cell::new(0_u32) }; 4];
    let count = |counter: &Cell<u32>, yes: bool| counter.set(counter.get() + u32::from(yes));
    drive(target, 5_000, inputs(&valid, format), |Input { bytes, mutated }| {
        let outcome = run(&bytes);
        count(&tried, true);
        count(&mutations, mutated);
        count(&past, outcome.past_header);
        count(&accepted, outcome.accepted);
        Ok(())
    });
    let (tried, mutations, past) = (tried.get(), mutations.get(), past.get());
    let accepted = accepted.get();
    let said = format!("{target}: {mutations} mutations of valid files, {past} past the header, {accepted} taken\n");
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    assert!(2 * mutations >= tried && 10 * past >= tried, "{said}");
}

/// A text that is not wrapped up.
const PLAIN: Format = Format { is_text: true, unwrap: |file| file.to_vec(), wrap: |changed, _| changed };

#[test]
fn idx() {
    fuzz("idx", Format { is_text: false, ..PLAIN }, targets::idx);
}

#[cfg(feature = "gzip")]
#[test]
fn gzip() {
    use std::io::Read;

    use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

    let unwrap = |file: &[u8]| {
        let mut inside = Vec::new();
        MultiGzDecoder::new(file).read_to_end(&mut inside).unwrap();
        inside
    };
    // Of what has an odd length in two members.
    let wrap = |inside: Vec<u8>, _: &[u8]| {
        let cut = if inside.len().is_multiple_of(2) { 0 } else { inside.len() / 2 };
        let member = |part: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap()
        };
        let (first, second) = inside.split_at(cut);
        [if cut == 0 { Vec::new() } else { member(first) }, member(second)].concat()
    };
    fuzz("gzip", Format { is_text: false, unwrap, wrap }, targets::gzip);
}

#[cfg(feature = "csv")]
#[test]
fn csv() {
    fuzz("csv", PLAIN, targets::csv);
}

#[cfg(feature = "npy")]
#[test]
fn npy() {
    const FRONT: usize = b"\x93NUMPY".len() + 4;

    fn header(file: &[u8]) -> &[u8] {
        let length = u16::from_le_bytes([file[FRONT - 2], file[FRONT - 1]]);
        &file[FRONT..FRONT + usize::from(length)]
    }

    let wrap = |changed: Vec<u8>, file: &[u8]| {
        let data = &file[FRONT + header(file).len()..];
        [&file[..FRONT - 2], &(changed.len() as u16).to_le_bytes(), &changed, data].concat()
    };
    fuzz("npy", Format { is_text: true, unwrap: |file| header(file).to_vec(), wrap }, targets::npy);
}

/// An archive as NumPy makes it.
#[cfg(feature = "npy")]
fn archive(arrays: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    use std::io::Cursor;

    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(*name, zip::write::SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[cfg(feature = "npy")]
#[test]
fn npz() {
    use std::io::{Cursor, Read};

    let unwrap = |file: &[u8]| {
        let mut inside = Vec::new();
        zip::ZipArchive::new(Cursor::new(file)).unwrap().by_index(0).unwrap().read_to_end(&mut inside).unwrap();
        inside
    };
    let wrap = |inside: Vec<u8>, _: &[u8]| archive(&[("x.npy", &inside)], zip::CompressionMethod::Deflated);
    fuzz("npz", Format { is_text: true, unwrap, wrap }, targets::npz);
}

#[cfg(feature = "safetensors")]
#[test]
fn safetensors() {
    fn header(file: &[u8]) -> &[u8] {
        let length = u64::from_le_bytes(file[..8].try_into().unwrap());
        &file[8..8 + length as usize]
    }

    let wrap = |changed: Vec<u8>, file: &[u8]| {
        let data = &file[8 + header(file).len()..];
        [&(changed.len() as u64).to_le_bytes()[..], &changed, data].concat()
    };
    fuzz("safetensors", Format { is_text: true, unwrap: |file| header(file).to_vec(), wrap }, targets::safetensors);
}

#[cfg(feature = "serde")]
#[test]
fn checkpoint() {
    fuzz("checkpoint", PLAIN, targets::checkpoint);
}

/// Sequences have no header and no valid files: every string of bytes stands for one.
fn fuzz_sequence(target: &str, run: fn(&[u8]) -> Outcome) {
    let [tried, past, accepted] = [const { Cell::new(0_u32) }; 3];
    drive(target, 10_000, vec(any::<u8>(), 0..160), |bytes| {
        let outcome = run(&bytes);
        tried.set(tried.get() + 1);
        past.set(past.get() + u32::from(outcome.past_header));
        accepted.set(accepted.get() + u32::from(outcome.accepted));
        Ok(())
    });
    let (tried, past, accepted) = (tried.get(), past.get(), accepted.get());
    let said = format!("{target}: {past} past shapes and finiteness, {accepted} taken\n");
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    assert!(10 * past >= tried && 10 * accepted >= tried, "{said}");
}

#[test]
fn regression() {
    fuzz_sequence("regression", targets::regression);
}

#[test]
fn training() {
    fuzz_sequence("training", targets::training);
}

/// Writes the corpus, which is checked in: `cargo test --all-features --test robustness write_corpus -- --ignored`.
#[cfg(all(feature = "gzip", feature = "npy", feature = "safetensors"))]
#[test]
#[ignore = "writes files"]
fn write_corpus() {
    use flate2::{Compression, GzBuilder, write::GzEncoder};
    use gradus::data::Standardization;
    use gradus::layer::{Dropout, Elu, LayerNormalization};
    use gradus::nalgebra::DVector;
    use gradus::{Dense, Model, Network, Real, Sigmoid, Softmax};

    let write = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(corpus(target)).unwrap();
        fs::write(corpus(target).join(name), bytes).unwrap();
    };

    let idx = |sizes: &[u32], data: &[u8]| {
        let sizes_in_bytes = sizes.iter().flat_map(|size| size.to_be_bytes());
        [&[0, 0, 8, sizes.len() as u8], &sizes_in_bytes.collect::<Vec<u8>>()[..], data].concat()
    };
    let images = idx(&[2, 3, 4], &(0..24).map(|place| place * 11).collect::<Vec<u8>>());
    let labels = idx(&[5], &[7, 2, 1, 0, 9]);
    let zeros = idx(&[20, 10, 10], &[0; 2000]);
    for (name, bytes) in [("images", &images), ("labels", &labels)] {
        write("idx", name, bytes);
    }
    for (name, bytes, level) in [("images", &images, 6), ("labels", &labels, 0), ("zeros", &zeros, 9)] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(bytes).unwrap();
        write("gzip", name, &encoder.finish().unwrap());
    }
    let mut encoder =
        GzBuilder::new().filename("labels").comment("c").extra([1, 2]).write(Vec::new(), Compression::fast());
    encoder.write_all(&labels).unwrap();
    write("gzip", "fields", &encoder.finish().unwrap());

    let mut members = Vec::new();
    for part in images.chunks(10) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(part).unwrap();
        members.extend(encoder.finish().unwrap());
    }
    write("gzip", "members", &members);

    let tables: [(&str, &str); 7] = [
        ("numbers", "length,width,price\n1.0,2,3.5\n2.5e0,-1,4\n3.0,1,0.65e1\n"),
        ("quoted", "\u{feff}\"a, b\";\"kind \"\"k\"\"\"\r\n0;\"oak\nand fir\"\r\n\r\n 2 ;fir\r\n1;näher"),
        ("classes", "digit,kind,x\n7,oak,0.1\n0,fir,0.2\n7,,0.3\n3,oak,none\n"),
        ("headless", "5.1,3.5, setosa\r4.9,?,setosa\r7.0,3.2,versicolor\r"),
        ("comments", "# a \"note\n2019\t2020\n1.5\t\n#2\t3\n\"4\n\"\t5\n"),
        ("decimal-comma", "\"\";x;y\r\n\"1\";1,5;NA\r\n\"2\"; -2e1 ;0,25\r\n"),
        ("three-columns", "#a,b,c\n1, \"2\" ,x\n   \n3,4,\"\"\n"),
    ];
    for (name, text) in tables {
        write("csv", name, text.as_bytes());
    }

    let array = |descr: &str, order: &str, shape: &str, data: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        let header = format!("{header:<117}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    };
    let numbers: Vec<f64> = (0..6).map(|place| f64::from(place) / 4.0 - 1.0).collect();
    let double: Vec<u8> = numbers.iter().flat_map(|value| value.to_le_bytes()).collect();
    let single: Vec<u8> = numbers.iter().flat_map(|&value| (value as f32).to_be_bytes()).collect();
    let matrix = array("<f8", "False", "(2, 3)", &double);
    let vector = array(">f4", "True", "(6,)", &single);
    write("npy", "matrix", &matrix);
    write("npy", "vector", &vector);
    write("npy", "number", &array("<f8", "False", "()", &double[..8]));
    write("npy", "halves", &array("<f2", "False", "(2L, 3L)", &double[..12]));
    write("npy", "cube", &array("|u1", "True", "(2, 3, 2)", &double[..12]));
    write("npy", "truth", &array("|b1", "False", "(3, 1)", &[1, 0, 1]));
    let labels = array("<i8", "False", "(1,)", &[0; 8]);
    let arrays: [(&str, &[u8]); 3] = [("x.npy", &matrix), ("labels.npy", &labels), ("notes.txt", b"no array")];
    write("npz", "stored", &archive(&arrays, zip::CompressionMethod::Stored));
    write("npz", "compressed", &archive(&[("y.npy", &vector)], zip::CompressionMethod::Deflated));

    fn model<T: Real>() -> Vec<u8> {
        let network = Network::builder(2).layer(Dense::new(2, 3)).layer(LayerNormalization::new(3)).layer(Sigmoid);
        let network =
            network.layer(Dropout::new(0.25).unwrap()).layer(Dense::new(3, 2)).layer(Softmax).build().unwrap();
        let count = network.parameter_count();
        let parameters = DVector::from_fn(count, |i, _| T::nearest(i as f64 / 8.0 - 1.0));
        let scaling = Standardization::from_parts(vec![T::nearest(0.5); 2], vec![T::nearest(2.0); 2]).unwrap();
        let model = Model::new(network, parameters).unwrap().with_input_standardization(scaling.clone()).unwrap();
        model.with_output_standardization(scaling).unwrap().to_bytes().unwrap()
    }
    write("safetensors", "single", &model::<f32>());
    write("safetensors", "double", &model::<f64>());
    let network = Network::builder(1).layer(Elu::new(0.5).unwrap()).build().unwrap();
    let without_tensors = Model::<f32>::new(network, DVector::zeros(0)).unwrap().to_bytes().unwrap();
    write("safetensors", "without-tensors", &without_tensors);
    // As another program has it: other names, types of their own, and more tensors than the network.
    let tensors = [
        ("fc1.weight", "F16", "[3,2]", 12),
        ("fc1.bias", "BF16", "[3]", 6),
        ("norm.gamma", "F32", "[3]", 12),
        ("norm.beta", "F16", "[3]", 6),
        ("fc2.weight", "F64", "[2,3]", 48),
        ("fc2.bias", "F32", "[2]", 8),
        ("steps", "I64", "[]", 8),
    ];
    let (mut entries, mut end) = (Vec::new(), 0);
    for (name, kind, shape, size) in tensors {
        let offsets = format!("[{end},{}]", end + size);
        entries.push(format!(r#""module.{name}":{{"dtype":"{kind}","shape":{shape},"data_offsets":{offsets}}}"#));
        end += size;
    }
    let header = format!("{{{}}}", entries.join(","));
    let data: Vec<u8> = (0..end).map(|place| place as u8 / 2).collect();
    write(
        "safetensors",
        "foreign",
        &[&(header.len() as u64).to_le_bytes(), header.as_bytes(), data.as_slice()].concat(),
    );

    for (name, stop_at) in [("begun", 1), ("between", 3), ("ended", 99)] {
        let mut trainer = targets::checkpointed().observe(move |progress| {
            use std::ops::ControlFlow;
            if progress.iterations == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let mut parameters = [0.25; 10];
        let _ = trainer.train(parameters.as_mut_slice(), &targets::checkpoint_data()).unwrap();
        let checkpoint = trainer.checkpoint(parameters.as_slice()).unwrap();
        write("checkpoint", name, &serde_json::to_vec(&checkpoint).unwrap());
    }
}
