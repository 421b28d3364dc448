mod error;
mod options;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

pub use error::CsvError;
use nalgebra::DMatrix;
pub use options::CsvOptions;

use self::options::BLANKS;
use super::Dataset;
use crate::real::Real;

/// A table of comma-separated values with a header of names: read once, then asked for its columns.
///
/// [`CsvOptions`] reads tables that differ from the format below: other delimiters, no header, comments, missing
/// values.
///
/// # File format
/// RFC 4180 in UTF-8: the first row is the header, every other one has a field for each name. A field in quotes may
/// hold delimiters, line breaks and, doubled, quotes; blanks (spaces and tabs) outside of its quotes don't count, and
/// nothing else may stand there. A field without quotes may not hold any, and keeps its blanks.
///
/// Lines end in LF, CRLF or CR. A byte-order mark is skipped, and so are lines with nothing but blanks. A file whose
/// name ends in `.gz` is unpacked (feature `gzip`).
///
/// A column without a name gets one: `unnamed0` for the first of the table, `unnamed3` for the fourth. A first row that
/// may hold data is refused, since nothing says whether it is a header: see [`CsvOptions::with_header`].
///
/// Numbers are what [`f64::from_str`] reads, with or without blanks around them, but `nan`, `inf` and what is beyond
/// the range of the number type; every field of a column that is asked for must hold one. Columns that nobody asks for
/// may hold anything.
///
/// # Missing values
/// An empty field, one of blanks, and one of the spellings given to [`CsvOptions::with_missing`] hold no value. A
/// column that is asked for and lacks one is refused with the line. [`complete_rows`](Self::complete_rows) leaves such
/// rows out and counts them; [`columns_or_nan`](Self::columns_or_nan) reads NaN instead.
///
/// # Examples
/// ```
/// use gradus::nalgebra::dmatrix;
/// use gradus::data::CsvTable;
/// use gradus::{Dataset, LinearRegression};
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
#[doc(alias("read_csv", "DataFrame"))]
#[derive(Clone, Debug)]
pub struct CsvTable {
    names: Vec<String>,
    /// Row by row.
    fields: Vec<String>,
    /// The line on which each row begins.
    lines: Vec<usize>,
    /// By which it was read.
    options: CsvOptions,
}

impl CsvTable {
    /// Reads a file whose fields are separated by commas.
    ///
    /// # Errors
    /// As [`CsvOptions::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, CsvError> {
        CsvOptions::new().read(path)
    }

    /// Reads a file whose fields are separated by something else: `b';'`, `b'\t'`.
    ///
    /// # Errors
    /// As [`CsvOptions::read`].
    ///
    /// # Examples
    /// ```
    /// use gradus::data::CsvTable;
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
        CsvOptions::new().with_delimiter(delimiter).read(path)
    }

    /// Reads what a file would hold.
    ///
    /// # Errors
    /// As [`CsvOptions::from_bytes`].
    pub fn from_bytes(bytes: &[u8], delimiter: u8) -> Result<Self, CsvError> {
        CsvOptions::new().with_delimiter(delimiter).from_bytes(bytes)
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

    /// The rows in which none of these columns lacks a value, and how many others there were.
    ///
    /// Columns and labels of the new table have the same rows, whichever of its columns they are taken from. Errors
    /// still name the lines of the file.
    ///
    /// # Errors
    /// [`CsvError::UnknownColumn`]; [`CsvError::Empty`] if no row is left.
    ///
    /// # Examples
    /// ```
    /// use gradus::nalgebra::dmatrix;
    /// use gradus::data::CsvOptions;
    ///
    /// let text = b"width,price,kind\n2,3.5,oak\nNA,4.5,fir\n1,,fir\n1,6.5,NA\n";
    /// let table = CsvOptions::new().with_missing(["NA"]).from_bytes(text)?;
    /// assert!(table.columns::<f64>(&["width", "price"]).is_err());
    ///
    /// let (complete, dropped) = table.complete_rows(&["width", "price"])?;
    /// assert_eq!((complete.rows(), dropped), (2, 2));
    /// assert_eq!(complete.columns::<f64>(&["width", "price"])?, dmatrix![2.0, 3.5; 1.0, 6.5]);
    /// # Ok::<(), gradus::data::CsvError>(())
    /// ```
    pub fn complete_rows(&self, columns: &[impl AsRef<str>]) -> Result<(Self, usize), CsvError> {
        let places = columns.iter().map(|name| self.place(name.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let (mut fields, mut lines) = (Vec::new(), Vec::new());
        for (row, &line) in self.fields.chunks_exact(self.names.len()).zip(&self.lines) {
            if !places.iter().any(|&place| self.options.is_missing(&row[place])) {
                fields.extend_from_slice(row);
                lines.push(line);
            }
        }
        if lines.is_empty() {
            return Err(CsvError::Empty { what: "rows without a missing value" });
        }
        let dropped = self.rows() - lines.len();
        Ok((Self { names: self.names.clone(), fields, lines, options: self.options.clone() }, dropped))
    }

    /// These columns as a design matrix, rows × columns: one observation per row, as regressions take it.
    ///
    /// # Errors
    /// [`CsvError::UnknownColumn`]; [`CsvError::EmptyField`], [`CsvError::MissingValue`], [`CsvError::NotANumber`] or
    /// [`CsvError::NotFinite`] with the place of the first field, column by column, that holds no number of the type
    /// `T`.
    pub fn columns<T: Real + FromStr>(&self, names: &[impl AsRef<str>]) -> Result<DMatrix<T>, CsvError> {
        self.numbers(names, |field| field.number())
    }

    /// These columns as [`columns`](Self::columns) gives them, with NaN for missing values.
    ///
    /// What fits and trains takes no NaN: this is for those who fill the gaps by a rule of their own.
    ///
    /// # Errors
    /// As [`columns`](Self::columns), except for missing values.
    ///
    /// # Examples
    /// ```
    /// use gradus::data::CsvTable;
    ///
    /// let table = CsvTable::from_bytes(b"x,y\n1,2\n3,\n", b',')?;
    /// let y = table.columns_or_nan::<f64>(&["y"])?;
    /// assert!(y[0] == 2.0 && y[1].is_nan());
    /// # Ok::<(), gradus::data::CsvError>(())
    /// ```
    pub fn columns_or_nan<T: Real + FromStr>(&self, names: &[impl AsRef<str>]) -> Result<DMatrix<T>, CsvError> {
        self.numbers(names, |field| if field.is_missing() { Ok(T::nearest(f64::NAN)) } else { field.number() })
    }

    fn numbers<T: Real>(
        &self,
        names: &[impl AsRef<str>],
        number: impl Fn(Field<'_>) -> Result<T, CsvError>,
    ) -> Result<DMatrix<T>, CsvError> {
        let mut values = Vec::with_capacity(self.rows() * names.len());
        for name in names {
            for field in self.column(name.as_ref())? {
                values.push(number(field)?);
            }
        }
        Ok(DMatrix::from_vec(self.rows(), names.len(), values))
    }

    /// These columns as samples with numbers as targets.
    ///
    /// For classes, [`Dataset::labeled`] takes [`labels`](Self::labels) and the transpose of
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
    /// [`CsvError::UnknownColumn`], [`CsvError::EmptyField`], [`CsvError::MissingValue`].
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
    /// [`CsvError::UnknownColumn`], [`CsvError::EmptyField`], [`CsvError::MissingValue`]; [`CsvError::UnknownClass`]
    /// for a text that is none of `classes`.
    ///
    /// # Examples
    /// ```
    /// use gradus::data::CsvTable;
    ///
    /// let trained_on = CsvTable::from_bytes(b"kind\noak\nfir\n", b',')?;
    /// let (_, classes) = trained_on.labels("kind")?;
    /// let new = CsvTable::from_bytes(b"kind\noak\noak\n", b',')?;
    /// assert_eq!(new.labels_among("kind", &classes)?, [1, 1]); // with labels they would be 0
    /// # Ok::<(), gradus::data::CsvError>(())
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
    /// [`CsvError::UnknownColumn`], [`CsvError::EmptyField`], [`CsvError::MissingValue`], [`CsvError::NotAnIndex`].
    ///
    /// # Examples
    /// ```
    /// use gradus::data::CsvTable;
    ///
    /// let table = CsvTable::from_bytes(b"digit\n7\n2\n", b',')?;
    /// assert_eq!(table.indices("digit")?, [7, 2]);
    /// # Ok::<(), gradus::data::CsvError>(())
    /// ```
    pub fn indices(&self, column: &str) -> Result<Vec<usize>, CsvError> {
        let index = |field: Field<'_>| {
            let text = field.text()?;
            text.trim_matches(BLANKS).parse().map_err(|_| CsvError::NotAnIndex {
                line: field.line,
                column: column.to_owned(),
                found: text.to_owned(),
            })
        };
        self.column(column)?.map(index).collect()
    }

    fn place(&self, name: &str) -> Result<usize, CsvError> {
        let place = self.names.iter().position(|other| other == name);
        place.ok_or_else(|| CsvError::UnknownColumn { name: name.to_owned(), names: self.names.clone() })
    }

    fn column<'a>(&'a self, name: &'a str) -> Result<impl Iterator<Item = Field<'a>>, CsvError> {
        let place = self.place(name)?;
        let rows = self.fields.chunks_exact(self.names.len()).zip(&self.lines);
        Ok(rows.map(move |(row, &line)| Field { text: &row[place], line, column: name, options: &self.options }))
    }
}

/// A field and where it stands.
#[derive(Clone, Copy)]
struct Field<'a> {
    text: &'a str,
    line: usize,
    column: &'a str,
    options: &'a CsvOptions,
}

impl<'a> Field<'a> {
    fn is_missing(self) -> bool {
        self.options.is_missing(self.text)
    }

    fn text(self) -> Result<&'a str, CsvError> {
        let (line, column) = (self.line, || self.column.to_owned());
        match self.text {
            text if !self.is_missing() => Ok(text),
            text if text.trim_matches(BLANKS).is_empty() => Err(CsvError::EmptyField { line, column: column() }),
            text => Err(CsvError::MissingValue { line, column: column(), found: text.to_owned() }),
        }
    }

    fn number<T: Real + FromStr>(self) -> Result<T, CsvError> {
        let text = self.text()?;
        let (line, column, found) = (self.line, || self.column.to_owned(), || text.to_owned());
        match self.options.number::<T>(text) {
            Some(value) if value.is_finite() => Ok(value),
            Some(_) => Err(CsvError::NotFinite { line, column: column(), found: found() }),
            None => Err(CsvError::NotANumber { line, column: column(), found: found() }),
        }
    }
}
