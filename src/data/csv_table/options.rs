use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;
use std::{fs, mem};

use super::CsvTable;
use super::error::CsvError;
use super::rows::{Dialect, Rows};
use crate::data::gzip;
use crate::real::Real;

/// What may stand around a number.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// Delimiters that files have besides the comma.
pub(super) const OTHER_DELIMITERS: [u8; 4] = *b";\t|,";

/// How a file of comma-separated values is to be read, where it differs from the format of [`CsvTable`].
///
/// # Examples
/// ```
/// use gradus::data::CsvOptions;
/// use gradus::nalgebra::dmatrix;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // As spreadsheets write it where decimals stand behind a comma.
/// let text = "# weighed on Monday\nlength;width\n1,5;2\n?;1\n";
/// let options = CsvOptions::new().with_delimiter(b';').with_decimal_comma().with_comment(b'#').with_missing(["?"]);
/// let table = options.from_bytes(text.as_bytes())?; // or options.read("wood.csv")?
/// let (complete, dropped) = table.complete_rows(table.names())?;
/// assert_eq!((complete.columns::<f64>(&["length", "width"])?, dropped), (dmatrix![1.5, 2.0], 1));
///
/// // Without a line of names.
/// let table = CsvOptions::new().without_header().from_bytes(b"5.1,setosa\n4.9,setosa\n")?;
/// assert_eq!((table.names().join(" "), table.rows()), ("x0 x1".to_owned(), 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    dialect: Dialect,
    /// Whether the first row is one.
    header: Option<bool>,
    names: Option<Vec<String>>,
    missing: BTreeSet<String>,
    decimal_comma: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl CsvOptions {
    /// The format of [`CsvTable`].
    #[must_use]
    pub fn new() -> Self {
        let dialect = Dialect { delimiter: b',', comment: None, trimming: false };
        Self { dialect, header: None, names: None, missing: BTreeSet::new(), decimal_comma: false }
    }

    /// With fields separated by this character: `b';'`, `b'\t'`.
    #[must_use]
    pub fn with_delimiter(self, delimiter: u8) -> Self {
        Self { dialect: Dialect { delimiter, ..self.dialect }, ..self }
    }

    /// With names in the first row, whatever they are.
    ///
    /// Without this option a first row is refused if a number is among its fields and none of the others is a text
    /// above numbers: then it may be a row of a file without a header, and would be lost.
    ///
    /// # Examples
    /// ```
    /// use gradus::data::{CsvError, CsvOptions, CsvTable};
    ///
    /// let text = b"country,2019,2020\nIceland,3.9,-7.2\n";
    /// assert!(matches!(CsvTable::from_bytes(text, b','), Err(CsvError::NoHeader { line: 1, .. })));
    /// let table = CsvOptions::new().with_header().from_bytes(text)?;
    /// assert_eq!(table.columns::<f64>(&["2020"])?[0], -7.2);
    /// # Ok::<(), CsvError>(())
    /// ```
    #[must_use]
    pub fn with_header(self) -> Self {
        Self { header: Some(true), ..self }
    }

    /// Without names in the first row: the columns are called `x0`, `x1`, …, or as [`with_names`](Self::with_names)
    /// says.
    #[must_use]
    pub fn without_header(self) -> Self {
        Self { header: Some(false), ..self }
    }

    /// With these names, one for each column, of a file without a header; [`with_header`](Self::with_header) too, in
    /// place of those in the header.
    ///
    /// # Examples
    /// ```
    /// use gradus::data::CsvOptions;
    ///
    /// let options = CsvOptions::new().with_names(["length", "kind"]);
    /// assert_eq!(options.from_bytes(b"5.1,setosa\n4.9,setosa\n")?.rows(), 2);
    /// assert_eq!(options.with_header().from_bytes(b"x,x\n5.1,setosa\n4.9,setosa\n")?.rows(), 2);
    /// # Ok::<(), gradus::data::CsvError>(())
    /// ```
    #[must_use]
    pub fn with_names<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self { names: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// With comments: lines that begin with this character are skipped.
    #[must_use]
    pub fn with_comment(self, prefix: u8) -> Self {
        Self { dialect: Dialect { comment: Some(prefix), ..self.dialect }, ..self }
    }

    /// With fields that stand for missing values, besides the empty ones: `["NA"]`, `["?", "NULL"]`.
    ///
    /// Blanks around them and quotes make no difference, upper and lower case do.
    #[must_use]
    pub fn with_missing<S: Into<String>>(self, spellings: impl IntoIterator<Item = S>) -> Self {
        let trimmed = |spelling: S| spelling.into().trim_matches(BLANKS).to_owned();
        Self { missing: spellings.into_iter().map(trimmed).collect(), ..self }
    }

    /// Without the blanks (spaces and tabs) at both ends of names and fields; what is in quotes keeps its own.
    ///
    /// # Examples
    /// ```
    /// use gradus::data::CsvOptions;
    ///
    /// let text = b"x, kind\n1, oak\n2,oak\n";
    /// assert_eq!(CsvOptions::new().from_bytes(text)?.labels(" kind")?.1, [" oak", "oak"]);
    /// assert_eq!(CsvOptions::new().with_trimming().from_bytes(text)?.labels("kind")?.1, ["oak"]);
    /// # Ok::<(), gradus::data::CsvError>(())
    /// ```
    #[must_use]
    pub fn with_trimming(self) -> Self {
        Self { dialect: Dialect { trimming: true, ..self.dialect }, ..self }
    }

    /// With numbers whose decimals stand behind a comma. A point in a number is refused then.
    #[must_use]
    pub fn with_decimal_comma(self) -> Self {
        Self { decimal_comma: true, ..self }
    }

    /// Reads a file, gzipped if its name ends in `.gz`.
    ///
    /// # Errors
    /// [`CsvError::Io`] if the file cannot be read, [`CsvError::Gzip`] if it cannot be unpacked; otherwise as
    /// [`from_bytes`](Self::from_bytes).
    pub fn read(&self, path: impl AsRef<Path>) -> Result<CsvTable, CsvError> {
        let path = path.as_ref();
        let mut bytes = fs::read(path).map_err(|source| CsvError::Io { path: path.to_owned(), source })?;
        if gzip::is_named(path) {
            let packed = mem::take(&mut bytes);
            let unpacked = gzip::unpack(&packed[..]).and_then(|mut members| members.read_to_end(&mut bytes));
            unpacked.map_err(|source: io::Error| CsvError::Gzip { path: path.to_owned(), source })?;
        }
        self.from_bytes(&bytes)
    }

    /// Reads what a file would hold.
    ///
    /// # Errors
    /// [`CsvError`] says at which line, counted from 1, the text is not in the format, and why. A table without rows is
    /// refused.
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<CsvTable, CsvError> {
        let Dialect { delimiter, comment, .. } = self.dialect;
        let may_separate = |byte: u8| byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n');
        if !may_separate(delimiter) {
            return Err(CsvError::Delimiter { found: delimiter });
        }
        if let Some(found) = comment.filter(|&comment| !may_separate(comment) || comment == delimiter) {
            return Err(CsvError::CommentPrefix { found });
        }
        let mut rows = Rows::new(text(bytes)?, self.dialect);
        let mut table = CsvTable { names: Vec::new(), fields: Vec::new(), lines: Vec::new(), options: self.clone() };
        let (mut row, mut header) = (Vec::new(), None);
        let has_header = self.header.unwrap_or(self.names.is_none());
        if has_header {
            header = rows.next(&mut row)?;
            for (place, name) in row.drain(..).enumerate() {
                let not_utf8 = |_| CsvError::NotUtf8 { line: header.unwrap_or(1), column: number(place) };
                table.names.push(String::from_utf8(name).map_err(not_utf8)?);
            }
        }
        if let Some(names) = &self.names {
            if let Some(line) = header.filter(|_| names.len() != table.names.len()) {
                return Err(CsvError::FieldCount { line, expected: names.len(), found: table.names.len() });
            }
            table.names.clone_from(names);
        }
        if table.names.is_empty() && (has_header || self.names.is_some()) {
            return Err(CsvError::Empty { what: "names of columns" });
        }
        while let Some(line) = rows.next(&mut row)? {
            if table.names.is_empty() {
                table.names = (0..row.len()).map(|place| format!("x{place}")).collect();
            }
            if row.len() != table.names.len() {
                return Err(self.ragged(&table, header, &row, line));
            }
            for (place, field) in row.drain(..).enumerate() {
                let column = || Some(table.names[place].clone()).filter(|name| !name.is_empty());
                let not_utf8 = |_| CsvError::NotUtf8 { line, column: column().unwrap_or_else(|| number(place)) };
                table.fields.push(String::from_utf8(field).map_err(not_utf8)?);
            }
            table.lines.push(line);
        }
        if let (None, Some(line)) = (self.header, header)
            && let Some(found) = self.number_among_data(&table)
        {
            return Err(CsvError::NoHeader { line, found: found.to_owned() });
        }
        name_all(&mut table.names)?;
        if table.lines.is_empty() {
            return Err(CsvError::Empty { what: "rows" });
        }
        Ok(table)
    }

    /// The first number among the names, if they may as well be data: no other is a text above numbers.
    fn number_among_data<'a>(&self, table: &'a CsvTable) -> Option<&'a str> {
        let is_number = |text: &str| self.number::<f64>(text).is_some_and(f64::is_finite);
        let first = table.names.iter().find(|name| is_number(name))?;
        let is_name = |(place, name): (usize, &String)| {
            let mut below = table.fields.iter().skip(place).step_by(table.names.len());
            !is_number(name)
                && !self.is_missing(name)
                && !is_usual_for_missing(name)
                && below.any(|field| is_number(field))
        };
        if table.names.iter().enumerate().any(is_name) { None } else { Some(first) }
    }

    /// Why a row has another number of fields than there are names.
    fn ragged(&self, table: &CsvTable, header: Option<usize>, row: &[Vec<u8>], line: usize) -> CsvError {
        let (expected, found) = (table.names.len(), row.len());
        let begins_as_comment = |field: &[u8]| self.dialect.comment.is_none() && field.starts_with(b"#");
        let is_delimiter = |&other: &u8| {
            let count = |text: &[u8]| text.iter().filter(|&&byte| byte == other).count();
            let in_row: usize = row.iter().map(|field| count(field)).sum();
            let in_fields = |fields: &[String]| fields.iter().map(|field| count(field.as_bytes())).sum::<usize>();
            // It is in the row as often as in what is known to be as it should.
            let is_as_often = match (&self.names, header) {
                (Some(_), _) => in_row == expected - 1,
                (None, Some(_)) => in_row == in_fields(&table.names) && in_row >= expected,
                (None, None) => in_row == in_fields(&table.fields[..expected]),
            };
            other != self.dialect.delimiter && in_row > 0 && is_as_often
        };
        if let Some(other) = OTHER_DELIMITERS.into_iter().find(is_delimiter) {
            return CsvError::OtherDelimiter { line, expected: self.dialect.delimiter, found: other };
        }
        match (header, row) {
            (Some(line), _)
                if expected == 1 && self.names.is_none() && begins_as_comment(table.names[0].as_bytes()) =>
            {
                CsvError::Comment { line }
            }
            (_, [first, ..]) if begins_as_comment(first) => CsvError::Comment { line },
            (_, [.., last]) if found == expected + 1 && last.is_empty() => {
                CsvError::TrailingDelimiter { line, expected }
            }
            _ => CsvError::FieldCount { line, expected, found },
        }
    }

    /// Whether a field of this text holds no value.
    pub(super) fn is_missing(&self, text: &str) -> bool {
        let text = text.trim_matches(BLANKS);
        text.is_empty() || self.missing.contains(text)
    }

    /// The number that a field of this text holds, if it does, within the range of the type or not.
    pub(super) fn number<T: Real + FromStr>(&self, text: &str) -> Option<T> {
        let text = text.trim_matches(BLANKS);
        if !self.decimal_comma {
            return text.parse().ok();
        }
        if text.contains('.') { None } else { text.replacen(',', ".", 1).parse().ok() }
    }
}

/// Without the byte-order mark, if it is text for all that its first bytes say.
fn text(bytes: &[u8]) -> Result<&[u8], CsvError> {
    let found = match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "UTF-16",
        [0x1F, 0x8B, ..] => "gzip data (does the file's name lack .gz?)",
        [b'P', b'K', 3, 4, ..] => "a zip archive (a workbook? export it as CSV)",
        _ => return Ok(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)),
    };
    Err(CsvError::NotText { found })
}

/// What a column without a name is called in errors.
fn number(place: usize) -> String {
    format!("number {}", place + 1)
}

/// Names those that have no name, by their place; no two may be the same.
fn name_all(names: &mut [String]) -> Result<(), CsvError> {
    let mut seen = BTreeSet::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        if !seen.insert(name.clone()) {
            return Err(CsvError::DuplicateColumn { name: name.clone() });
        }
    }
    for (place, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
        *name = format!("unnamed{place}");
        while seen.contains(name) {
            name.push('_');
        }
    }
    Ok(())
}

/// Whether programs write this for a value that is not known.
pub(super) fn is_usual_for_missing(text: &str) -> bool {
    const SPELLINGS: [&str; 15] =
        ["na", "n/a", "#n/a", "<na>", "nan", "-nan", "nil", "null", "none", "missing", "?", "-", "--", ".", "\\n"];
    SPELLINGS.contains(&text.trim_matches(BLANKS).to_ascii_lowercase().as_str())
}
