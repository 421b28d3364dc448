use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fs, io, str};

use csv::{ByteRecord, ReaderBuilder, Trim};
use nalgebra::DMatrix;

use super::Dataset;
use crate::error::Error;
use crate::real::Real;

/// A table of comma-separated values with a line of names: read once, then asked for its columns.
///
/// # File format
/// RFC 4180 in UTF-8: the first line names the columns, every other one has a field for each name. Fields may be quoted;
/// white space around them does not count, nor do empty lines. Lines end in LF or CRLF; a byte-order mark is skipped.
/// Numbers are what [`f64::from_str`] reads, but `nan`, `inf` and what is beyond the range of the number type; every
/// field of a column that is asked for must hold one. Columns that nobody asks for may hold anything.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::{CsvTable, Dataset, LinearRegression};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = "length,width,price,kind\n1.0,2,3.5,oak\n2.0,1,4.5,fir\n3.0,1,6.5,oak\n";
/// let table = CsvTable::from_bytes(text.as_bytes(), b',')?; // or CsvTable::read("wood.csv")?
///
/// // Observations in rows, for a regression.
/// let x = table.columns::<f64>(&["length", "width"])?;
/// assert_eq!(x, dmatrix![1.0, 2.0; 2.0, 1.0; 3.0, 1.0]);
/// let fit = LinearRegression::new().fit(&x, &table.columns(&["price"])?)?;
///
/// // Samples, for a network.
/// let data: Dataset<f32> = table.dataset(&["length", "width"], &["price"])?;
/// let (labels, classes) = table.labels("kind")?;
/// assert_eq!((labels, classes), (vec![1, 0, 1], vec!["fir".to_owned(), "oak".to_owned()]));
/// # Ok(())
/// # }
/// ```
///
/// # References
/// Y. Shafranovich (2005): RFC 4180, Common format and MIME type for comma-separated values (CSV) files.
#[derive(Clone, Debug)]
pub struct CsvTable {
    names: Vec<String>,
    /// Row by row.
    fields: Vec<String>,
    /// The line on which each row begins.
    lines: Vec<usize>,
}

impl CsvTable {
    /// Reads a file whose fields are separated by commas.
    ///
    /// # Errors
    /// [`CsvError::Io`] if the file cannot be read; otherwise as [`from_bytes`](Self::from_bytes).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, CsvError> {
        Self::read_delimited(path, b',')
    }

    /// Reads a file whose fields are separated by something else: `b';'`, `b'\t'`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use gradus::CsvTable;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("x.tsv");
    /// std::fs::write(&path, "a\tb\n1\t2\n")?;
    /// assert_eq!(CsvTable::read_delimited(&path, b'\t')?.names(), ["a", "b"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_delimited(path: impl AsRef<Path>, delimiter: u8) -> Result<Self, CsvError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| CsvError::Io { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes, delimiter)
    }

    /// Reads what a file would hold.
    ///
    /// # Errors
    /// [`CsvError`] says at which line, counted from 1, the text is not in the format, and why. A table without rows is
    /// refused.
    pub fn from_bytes(bytes: &[u8], delimiter: u8) -> Result<Self, CsvError> {
        if matches!(delimiter, b'"' | b'\r' | b'\n') || !delimiter.is_ascii() {
            return Err(CsvError::Delimiter { found: delimiter });
        }
        // Flexible, since ragged rows are told in our own terms.
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).has_headers(false).flexible(true).trim(Trim::All);
        let mut reader = builder.from_reader(bytes);
        let mut record = ByteRecord::new();
        let mut table = Self { names: Vec::new(), fields: Vec::new(), lines: Vec::new() };
        loop {
            let (start, line) = (reader.position().byte() as usize, reader.position().line() as usize);
            if !reader.read_byte_record(&mut record).map_err(|error| CsvError::Format { line, source: error })? {
                break;
            }
            // The reader says where it stood: before empty lines, and before the LF of the line above.
            let raw = &bytes[start..(reader.position().byte() as usize).min(bytes.len())];
            let skipped = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let line = line + skipped.filter(|&&byte| byte == b'\n').count();
            // A quote that is not closed would swallow rows.
            if !raw.iter().filter(|&&byte| byte == b'"').count().is_multiple_of(2) {
                return Err(CsvError::Quote { line });
            }
            table.push(&record, line)?;
        }
        match (table.names.is_empty(), table.lines.is_empty()) {
            (true, _) => Err(CsvError::Empty { what: "names of columns" }),
            (_, true) => Err(CsvError::Empty { what: "rows" }),
            _ => Ok(table),
        }
    }

    /// A row, or the names if there are none yet.
    fn push(&mut self, record: &ByteRecord, line: usize) -> Result<(), CsvError> {
        let is_first = self.names.is_empty();
        if !is_first && record.len() != self.names.len() {
            return Err(CsvError::FieldCount { line, expected: self.names.len(), found: record.len() });
        }
        let mut seen = BTreeSet::new();
        for (place, bytes) in record.iter().enumerate() {
            let column = || self.names.get(place).cloned().unwrap_or_else(|| format!("number {}", place + 1));
            let text = str::from_utf8(bytes).map_err(|_| CsvError::NotUtf8 { line, column: column() })?;
            if is_first && !seen.insert(text) {
                return Err(CsvError::DuplicateColumn { name: text.to_owned() });
            }
            let to = if is_first { &mut self.names } else { &mut self.fields };
            to.push(text.to_owned());
        }
        if !is_first {
            self.lines.push(line);
        }
        Ok(())
    }

    /// The names of the columns, in their order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows, without that of the names: at least one.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// These columns as a design matrix, rows × columns: one observation per row, as regressions take it.
    ///
    /// # Errors
    /// [`CsvError::UnknownColumn`]; [`CsvError::EmptyField`], [`CsvError::NotANumber`] or [`CsvError::NotFinite`] with
    /// the place of the first field, column by column, that holds no number of the type `T`.
    pub fn columns<T: Real + FromStr>(&self, names: &[impl AsRef<str>]) -> Result<DMatrix<T>, CsvError> {
        let mut values = Vec::with_capacity(self.rows() * names.len());
        for name in names {
            for field in self.column(name.as_ref())? {
                values.push(field.number()?);
            }
        }
        Ok(DMatrix::from_vec(self.rows(), names.len(), values))
    }

    /// These columns as samples with numbers as targets.
    ///
    /// For classes, [`Dataset::labelled`] takes [`labels`](Self::labels) and the transpose of
    /// [`columns`](Self::columns).
    ///
    /// # Errors
    /// As [`columns`](Self::columns); those of [`Dataset::new`] if no column is named.
    pub fn dataset<T: Real + FromStr>(
        &self,
        inputs: &[impl AsRef<str>],
        targets: &[impl AsRef<str>],
    ) -> Result<Dataset<T>, CsvError> {
        let (inputs, targets) = (self.columns::<T>(inputs)?, self.columns::<T>(targets)?);
        Ok(Dataset::new(inputs.transpose(), targets.transpose())?)
    }

    /// The class of each row, counted from 0, and the names of the classes: the texts of the column, in the order of
    /// their bytes.
    ///
    /// # Errors
    /// [`CsvError::UnknownColumn`], [`CsvError::EmptyField`].
    pub fn labels(&self, column: &str) -> Result<(Vec<usize>, Vec<String>), CsvError> {
        let mut classes = BTreeSet::new();
        for field in self.column(column)? {
            classes.insert(field.text()?);
        }
        let classes: Vec<String> = classes.into_iter().map(str::to_owned).collect();
        Ok((self.labels_among(column, &classes)?, classes))
    }

    /// The class of each row, counted from 0, where the names of the classes are known: from the table that a model was
    /// trained on.
    ///
    /// # Errors
    /// [`CsvError::UnknownColumn`], [`CsvError::EmptyField`]; [`CsvError::UnknownClass`] for a text that is none of
    /// `classes`.
    ///
    /// # Examples
    /// ```
    /// use gradus::CsvTable;
    ///
    /// let trained_on = CsvTable::from_bytes(b"kind\noak\nfir\n", b',')?;
    /// let (_, classes) = trained_on.labels("kind")?;
    /// let new = CsvTable::from_bytes(b"kind\noak\noak\n", b',')?;
    /// assert_eq!(new.labels_among("kind", &classes)?, [1, 1]); // with labels they would be 0
    /// # Ok::<(), gradus::CsvError>(())
    /// ```
    pub fn labels_among(&self, column: &str, classes: &[impl AsRef<str>]) -> Result<Vec<usize>, CsvError> {
        let mut places = BTreeMap::new();
        for (place, class) in classes.iter().enumerate() {
            places.entry(class.as_ref()).or_insert(place);
        }
        let label = |field: Field<'_>| {
            let text = field.text()?;
            places.get(text).copied().ok_or_else(|| CsvError::UnknownClass {
                line: field.line,
                column: column.to_owned(),
                found: text.to_owned(),
            })
        };
        self.column(column)?.map(label).collect()
    }

    /// The class of each row where the column holds indices: whole numbers from 0.
    ///
    /// # Errors
    /// [`CsvError::UnknownColumn`], [`CsvError::EmptyField`], [`CsvError::NotAnIndex`].
    ///
    /// # Examples
    /// ```
    /// use gradus::CsvTable;
    ///
    /// let table = CsvTable::from_bytes(b"digit\n7\n2\n", b',')?;
    /// assert_eq!(table.indices("digit")?, [7, 2]);
    /// # Ok::<(), gradus::CsvError>(())
    /// ```
    pub fn indices(&self, column: &str) -> Result<Vec<usize>, CsvError> {
        let index = |field: Field<'_>| {
            let text = field.text()?;
            text.parse().map_err(|_| CsvError::NotAnIndex {
                line: field.line,
                column: column.to_owned(),
                found: text.to_owned(),
            })
        };
        self.column(column)?.map(index).collect()
    }

    fn column<'a>(&'a self, name: &'a str) -> Result<impl Iterator<Item = Field<'a>>, CsvError> {
        let place = self.names.iter().position(|other| other == name);
        let Some(place) = place else {
            return Err(CsvError::UnknownColumn { name: name.to_owned(), names: self.names.clone() });
        };
        let rows = self.fields.chunks_exact(self.names.len()).zip(&self.lines);
        Ok(rows.map(move |(row, &line)| Field { text: &row[place], line, column: name }))
    }
}

/// A field and where it stands.
#[derive(Clone, Copy)]
struct Field<'a> {
    text: &'a str,
    line: usize,
    column: &'a str,
}

impl<'a> Field<'a> {
    fn text(self) -> Result<&'a str, CsvError> {
        if self.text.is_empty() {
            return Err(CsvError::EmptyField { line: self.line, column: self.column.to_owned() });
        }
        Ok(self.text)
    }

    fn number<T: Real + FromStr>(self) -> Result<T, CsvError> {
        let text = self.text()?;
        let (line, column, found) = (self.line, || self.column.to_owned(), || text.to_owned());
        match text.parse::<T>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(CsvError::NotFinite { line, column: column(), found: found() }),
            Err(_) => Err(CsvError::NotANumber { line, column: column(), found: found() }),
        }
    }
}

/// Why a table was refused, or one of its columns.
///
/// Lines are counted from 1, as editors do, the line of names included; a row over several lines has the number of the
/// first.
///
/// # Examples
/// ```
/// use gradus::{CsvError, CsvTable};
///
/// let table = CsvTable::from_bytes(b"x,y\n1,2\n3,none\n", b',')?;
/// let error = table.columns::<f64>(&["x", "y"]).unwrap_err();
/// assert_eq!(error.to_string(), "line 3, column y: expected a number, found \"none\"");
/// assert!(matches!(error, CsvError::NotANumber { line: 3, .. }));
/// # Ok::<(), CsvError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// The delimiter is one that lines or quotes need.
    #[error("delimiter: expected an ASCII character other than a quote or the end of a line, found {:?}", char::from(*found))]
    Delimiter {
        /// The delimiter.
        found: u8,
    },

    /// The reader of the crate `csv` gave up.
    #[error("line {line}: {source}")]
    Format {
        /// The line.
        line: usize,
        /// What it says.
        source: csv::Error,
    },

    /// There is nothing in the file.
    #[error("{what}: expected at least one, found none")]
    Empty {
        /// What is missing.
        what: &'static str,
    },

    /// A quote that is opened and not closed, or stands within a field that is not quoted.
    #[error("line {line}: expected quotes in pairs, found one that is alone")]
    Quote {
        /// The line on which the row begins.
        line: usize,
    },

    /// A row has more fields than there are names, or fewer.
    #[error("line {line}: expected {expected} fields, found {found}")]
    FieldCount {
        /// The line.
        line: usize,
        /// The number of names.
        expected: usize,
        /// The number of fields.
        found: usize,
    },

    /// A field is not text in UTF-8.
    #[error("line {line}, column {column}: expected text in UTF-8, found other bytes")]
    NotUtf8 {
        /// The line.
        line: usize,
        /// The column; by its place if this is in a name.
        column: String,
    },

    /// Two columns have the same name.
    #[error("names of columns: expected every name once, found {name:?} twice")]
    DuplicateColumn {
        /// The name.
        name: String,
    },

    /// No column has the name that was asked for.
    #[error("column {name:?}: expected one of {}, found none of this name", list(names))]
    UnknownColumn {
        /// The name.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },

    /// There is nothing in a field.
    #[error("line {line}, column {column}: expected a value, found an empty field")]
    EmptyField {
        /// The line.
        line: usize,
        /// The column.
        column: String,
    },

    /// A field does not hold a number.
    #[error("line {line}, column {column}: expected a number, found {found:?}")]
    NotANumber {
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What the field holds.
        found: String,
    },

    /// A number is NaN or infinite, or beyond the range of the number type.
    #[error("line {line}, column {column}: expected a finite number within the range of the type, found {found:?}")]
    NotFinite {
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What the field holds.
        found: String,
    },

    /// A field does not hold the index of a class.
    #[error("line {line}, column {column}: expected a whole number from 0, found {found:?}")]
    NotAnIndex {
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What the field holds.
        found: String,
    },

    /// A field holds none of the classes.
    #[error("line {line}, column {column}: expected the name of a class, found {found:?}")]
    UnknownClass {
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What the field holds.
        found: String,
    },

    /// The columns do not make a data set.
    #[error(transparent)]
    Data(#[from] Error),
}

/// The first names; a table may have thousands.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text += &format!(", … ({} in all)", names.len());
    }
    text
}
