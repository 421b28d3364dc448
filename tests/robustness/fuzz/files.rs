//! Readers of files, on any bytes: a value or a typed error, and no more memory than a small multiple of the file.

use std::fs;
use std::path::Path;
use std::process;

use gradus::data::{IdxError, Images, Labels};

use super::Outcome;

/// What `f` gives; it must not have held more memory at a time than `limit` bytes.
fn within<R>(limit: usize, f: impl FnOnce() -> R) -> R {
    let mut result = None;
    let most = allocation_counter::measure(|| result = Some(f())).bytes_max;
    assert!(most <= limit as u64, "expected at most {limit} bytes of memory, found {most}");
    result.expect("the closure was called")
}

/// Writes the bytes to a file of this process and thread, shows it, and removes it.
fn with_file<R>(extension: &str, bytes: &[u8], f: impl FnOnce(&Path) -> R) -> R {
    let thread = format!("{:?}", std::thread::current().id());
    let number: String = thread.chars().filter(char::is_ascii_digit).collect();
    let path = std::env::temp_dir().join(format!("gradus-fuzz-{}-{number}{extension}", process::id()));
    fs::write(&path, bytes).expect("the directory of temporary files can be written to");
    let result = f(&path);
    fs::remove_file(&path).expect("the file was written");
    result
}

/// Reads a file as images and as labels; memory for buffers aside, no more than a small multiple of the data.
fn read_idx(path: &Path, data: usize) -> Outcome {
    let limit = 200_000 + 4 * data;
    let images = within(limit, || Images::read(path));
    let labels = within(limit, || Labels::read(path));
    if let Ok(images) = &images {
        assert_eq!(images.pixels().len(), images.count() * images.rows() * images.columns());
        assert!(images.count() > 0 && images.rows() > 0 && images.columns() > 0);
    }
    if let Ok(labels) = &labels {
        assert!(!labels.is_empty());
    }
    let past_header = |error: &IdxError| match error {
        IdxError::Truncated { what, .. } => *what != "magic number" && *what != "sizes",
        IdxError::TrailingBytes { .. } | IdxError::TooLarge { .. } | IdxError::Empty { .. } => true,
        _ => false,
    };
    let errors = [images.as_ref().err(), labels.as_ref().err()];
    for error in errors.into_iter().flatten() {
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    }
    Outcome {
        accepted: images.is_ok() || labels.is_ok(),
        past_header: images.is_ok() || labels.is_ok() || errors.into_iter().flatten().any(past_header),
    }
}

/// An IDX file.
pub(crate) fn idx(bytes: &[u8]) -> Outcome {
    with_file("", bytes, |path| read_idx(path, bytes.len()))
}

/// A gzipped IDX file.
#[cfg(feature = "gzip")]
pub(crate) fn gzip(bytes: &[u8]) -> Outcome {
    use std::io::Read;

    // How much is in it, as far as it can be decoded: a small file may hold a thousand times its size.
    let (mut inside, mut block) = (0, [0; 4096]);
    let mut decoder = flate2::read::MultiGzDecoder::new(bytes);
    while let Ok(read @ 1..) = decoder.read(&mut block) {
        inside += read;
    }
    let outcome = with_file(".gz", bytes, |path| read_idx(path, bytes.len() + inside));
    Outcome { past_header: outcome.past_header || inside > 0, ..outcome }
}

/// A table, by several sets of options.
#[cfg(feature = "csv")]
pub(crate) fn csv(bytes: &[u8]) -> Outcome {
    use gradus::data::CsvOptions;

    let all = [
        CsvOptions::new(),
        CsvOptions::new().with_delimiter(b';').with_decimal_comma().with_missing(["NA", "none"]),
        CsvOptions::new().without_header().with_trimming().with_missing(["?"]),
        CsvOptions::new().with_header().with_comment(b'#').with_delimiter(b'\t'),
        CsvOptions::new().with_names(["a", "b", "c"]).with_comment(b'#'),
    ];
    let mut outcome = Outcome::REFUSED;
    for options in all {
        let found = csv_by(&options, bytes);
        outcome.past_header |= found.past_header;
        outcome.accepted |= found.accepted;
    }
    outcome
}

#[cfg(feature = "csv")]
fn csv_by(options: &gradus::data::CsvOptions, bytes: &[u8]) -> Outcome {
    use gradus::data::CsvError;

    // A field may be a single byte, and is a string in memory.
    let limit = 50_000 + 128 * bytes.len();
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    let table = match within(limit, || options.from_bytes(bytes)) {
        Ok(table) => table,
        Err(CsvError::FieldCount { line, expected, found }) => {
            assert!(expected != found && line <= lines);
            return Outcome::PAST_HEADER;
        }
        Err(CsvError::TextAfterQuote { line, opened }) => {
            assert!(opened <= line && line <= lines);
            return Outcome::PAST_HEADER;
        }
        Err(
            CsvError::UnclosedQuote { line }
            | CsvError::QuoteWithinField { line }
            | CsvError::TrailingDelimiter { line, .. }
            | CsvError::OtherDelimiter { line, .. }
            | CsvError::Comment { line },
        ) => {
            assert!((1..=lines).contains(&line));
            return Outcome::PAST_HEADER;
        }
        Err(CsvError::Empty { what: "rows" } | CsvError::NoHeader { .. }) => return Outcome::PAST_HEADER,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Outcome::REFUSED;
        }
    };
    let (names, rows) = (table.names(), table.rows());
    assert!(!names.is_empty() && rows > 0);
    for name in names {
        if let Ok(column) = within(limit, || table.columns::<f64>(&[name])) {
            assert!(column.shape() == (rows, 1) && column.iter().all(|value| value.is_finite()));
        }
        if let Ok((labels, classes)) = within(limit, || table.labels(name)) {
            assert!(labels.len() == rows && labels.iter().all(|&label| label < classes.len()));
        }
        if let Ok(indices) = within(limit, || table.indices(name)) {
            assert_eq!(indices.len(), rows);
        }
        let complete = within(limit, || table.complete_rows(&[name]));
        let known = complete.as_ref().map_or(0, |(complete, dropped)| {
            assert_eq!(complete.rows() + dropped, rows);
            complete.rows()
        });
        if let Ok(column) = within(limit, || table.columns_or_nan::<f64>(&[name])) {
            assert_eq!(column.iter().filter(|value| value.is_finite()).count(), known);
        }
    }
    if let Ok(data) = within(limit, || table.dataset::<f32>(names, &names[..1])) {
        assert_eq!((data.len(), data.input_size()), (rows, names.len()));
    }
    Outcome::ACCEPTED
}

/// An array of NumPy's.
#[cfg(feature = "npy")]
pub(crate) fn npy(bytes: &[u8]) -> Outcome {
    fn as_numbers<T: gradus::Real>(path: &Path, length: usize) -> Outcome {
        use gradus::data::NpyError;

        match within(50_000 + 8 * length, || gradus::data::read_npy::<T>(path)) {
            Ok(matrix) => {
                // A byte of the file may be a number.
                assert!(matrix.len() <= length);
                Outcome::ACCEPTED
            }
            Err(NpyError::Length { .. } | NpyError::NumberType { .. } | NpyError::Dimensions { .. }) => {
                Outcome::PAST_HEADER
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                Outcome::REFUSED
            }
        }
    }

    let read = |path: &Path| [as_numbers::<f32>(path, bytes.len()), as_numbers::<f64>(path, bytes.len())];
    let [single, double] = with_file(".npy", bytes, read);
    // With any number of dimensions: as large as a matrix, and the same where it is one.
    let array = within(50_000 + 8 * bytes.len(), || gradus::data::NpyArray::from_bytes(bytes));
    let flattened = array.is_ok_and(|array| {
        let flattened = within(50_000 + 8 * bytes.len(), || array.flattened::<f64>());
        let is_matrix = array.shape().len() <= 2 && flattened.is_ok();
        assert_eq!(is_matrix, array.matrix::<f64>().is_ok());
        let rows = array.shape().first().copied().unwrap_or(1);
        flattened.is_ok_and(|flattened| flattened.nrows() == rows && flattened.len() <= bytes.len())
    });
    Outcome {
        past_header: single.past_header || double.past_header || flattened,
        accepted: single.accepted || double.accepted || flattened,
    }
}

/// An archive of NumPy's.
#[cfg(feature = "npy")]
pub(crate) fn npz(bytes: &[u8]) -> Outcome {
    // Deflate makes at most a thousand bytes of one, which may be meant to be read.
    let limit = 200_000 + 4 * 1_032 * bytes.len();
    let arrays = match with_file(".npz", bytes, |path| within(limit, || gradus::data::Npz::read(path))) {
        Ok(arrays) => arrays,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Outcome::REFUSED;
        }
    };
    let accepted = arrays.names().any(|name| {
        let single = within(limit, || arrays.get::<f32>(name).is_ok());
        let array = within(limit, || arrays.array(name).is_ok());
        single || within(limit, || arrays.get::<f64>(name).is_ok()) || array
    });
    // Its checksums are right, if there is anything in it.
    Outcome { past_header: arrays.names().len() > 0, accepted }
}

/// A model file, also read as one that another program wrote for a network that is known.
#[cfg(feature = "safetensors")]
pub(crate) fn safetensors(bytes: &[u8]) -> Outcome {
    use gradus::layer::LayerNormalization;
    use gradus::model::{ModelError, ParameterReader};
    use gradus::nalgebra::{DMatrix, DVector};
    use gradus::{Dense, Model, Network, Real};

    fn outcome(error: &ModelError) -> Outcome {
        assert!(!error.to_string().is_empty());
        if matches!(error, ModelError::Format(_)) { Outcome::REFUSED } else { Outcome::PAST_HEADER }
    }

    fn as_numbers<T: Real>(bytes: &[u8]) -> Outcome {
        match within(50_000 + 64 * bytes.len(), || Model::<T>::from_bytes(bytes)) {
            Ok(model) => {
                assert!(model.parameters().iter().all(|value| value.is_finite()));
                let again = Model::<T>::from_bytes(&model.to_bytes().unwrap()).unwrap();
                assert_eq!(again.parameters(), model.parameters());
                // A network without parameters may be of any width.
                if model.network().input_size() < 1000 {
                    let x = DMatrix::from_element(model.network().input_size(), 2, T::one());
                    if let Ok(outputs) = model.predict(&x) {
                        assert!(outputs.iter().all(|value| value.is_finite()));
                    }
                }
                Outcome::ACCEPTED
            }
            Err(error) => outcome(&error),
        }
    }

    /// Of the network that the files of the corpus have.
    fn parameters<T: Real>(reader: &ParameterReader, bytes: &[u8]) -> Result<DVector<T>, ModelError> {
        let network = Network::<T>::builder(2).layer(Dense::new(2, 3)).layer(LayerNormalization::new(3));
        let network =
            network.layer(gradus::Sigmoid).layer(gradus::layer::Identity).layer(Dense::new(3, 2)).build().unwrap();
        let model = within(50_000 + 64 * bytes.len(), || reader.read_bytes(network, bytes))?;
        assert!(model.parameters().iter().all(|value| value.is_finite()));
        Ok(model.parameters().clone())
    }

    fn as_parameters(reader: &ParameterReader, bytes: &[u8]) -> Outcome {
        let (single, double) = (parameters::<f32>(reader, bytes), parameters::<f64>(reader, bytes));
        if let Ok(single) = single {
            assert_eq!(single.map(f64::from), double.unwrap(), "every number keeps its value");
            return Outcome::ACCEPTED;
        }
        double.map_or_else(|error| outcome(&error), |_| Outcome::ACCEPTED)
    }

    let names = [("0", "fc1"), ("1.weight", "norm.gamma"), ("1.bias", "norm.beta"), ("4", "fc2")];
    let mapped = ParameterReader::new().with_prefix("module.").with_names(names).ignoring_extras();
    let outcomes = [
        as_numbers::<f32>(bytes),
        as_numbers::<f64>(bytes),
        as_parameters(&ParameterReader::new(), bytes),
        as_parameters(&mapped, bytes),
    ];
    Outcome {
        past_header: outcomes.iter().any(|outcome| outcome.past_header),
        accepted: outcomes.iter().any(|outcome| outcome.accepted),
    }
}

/// A checkpoint in JSON, for the trainer of [`checkpointed`].
#[cfg(feature = "serde")]
pub(crate) fn checkpoint(bytes: &[u8]) -> Outcome {
    let read = within(50_000 + 64 * bytes.len(), || serde_json::from_slice::<gradus::training::Checkpoint<f64>>(bytes));
    let Ok(checkpoint) = read else { return Outcome::REFUSED };
    let (mut parameters, data) = ([0.5; 10], checkpoint_data());
    let mut trainer = checkpointed();
    match trainer.restore(&checkpoint, parameters.as_mut_slice()) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!((parameters, trainer.history().records().len()), ([0.5; 10], 0), "{error}");
            Outcome::PAST_HEADER
        }
        Ok(()) => {
            match trainer.train(parameters.as_mut_slice(), &data) {
                Ok(report) => assert!(report.epochs >= 4 || report.best_epoch.is_some()),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
            let mut table = Vec::new();
            trainer.history().write_csv(&mut table).expect("a vector can be written to");
            Outcome::ACCEPTED
        }
    }
}

/// The trainer that checkpoints are read for: ten parameters, everything that a checkpoint can hold.
#[cfg(feature = "serde")]
pub(crate) fn checkpointed() -> gradus::Trainer<'static, f64> {
    use gradus::layer::Tanh;
    use gradus::schedule::ReduceOnPlateau;
    use gradus::training::EarlyStopping;
    use gradus::{Adam, Dense, MeanSquaredError, Network, Trainer};

    let network = Network::builder(1).layer(Dense::new(1, 3)).layer(Tanh).layer(Dense::new(3, 1)).build().unwrap();
    let trainer = Trainer::new(&network, MeanSquaredError, Adam::new(0.01).unwrap()).epochs(4).unwrap();
    let trainer = trainer.batch_size(4).unwrap().early_stopping(EarlyStopping::after(2).unwrap());
    trainer.reduce_on_plateau(ReduceOnPlateau::new(0.5).unwrap().with_patience(1)).unwrap()
}

#[cfg(feature = "serde")]
pub(crate) fn checkpoint_data() -> gradus::Dataset<f64> {
    let x = gradus::nalgebra::DMatrix::from_fn(1, 10, |_, j| j as f64 / 10.0);
    let y = x.map(|x| 1.0 - x * x);
    gradus::Dataset::new(x, y).unwrap()
}
