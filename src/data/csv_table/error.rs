//! Why tables are refused, with the line and, where it is known, the way on.

use std::io;
use std::path::PathBuf;

use super::options::{BLANKS, OTHER_DELIMITERS, is_usual_for_missing};
use crate::error::Error;

/// Why a table was refused, or one of its columns.
///
/// Lines are counted from 1, as editors do: the header, comments, empty lines and line breaks within quotes count. A
/// row over several lines has the number of the first.
///
/// # Examples
/// ```
/// use gradus::data::{CsvError, CsvTable};
///
/// let table = CsvTable::from_bytes(b"x,y\n1,2\n3,five\n", b',')?;
/// let error = table.columns::<f64>(&["x", "y"]).unwrap_err();
/// assert_eq!(error.to_string(), "line 3, column y: expected a number, found \"five\"");
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

    /// The name of the file ends in `.gz`, and it is not sound gzip data, or cannot be read without the feature `gzip`.
    #[error("{path}: {source}")]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },

    /// The delimiter is one that lines or quotes need.
    #[error("delimiter: expected an ASCII character other than a quote or the end of a line, found {:?}", char::from(*found))]
    Delimiter {
        /// The delimiter.
        found: u8,
    },

    /// Comments begin with a character that delimiters, lines or quotes need.
    #[error(
        "comments: expected an ASCII character other than the delimiter, a quote or the end of a line, found {:?}",
        char::from(*found)
    )]
    CommentPrefix {
        /// The character.
        found: u8,
    },

    /// The file holds something else than text in UTF-8.
    #[error("expected text in UTF-8, found {found}")]
    NotText {
        /// What it holds.
        found: &'static str,
    },

    /// There is nothing in the file.
    #[error("{what}: expected at least one, found none")]
    Empty {
        /// What is missing.
        what: &'static str,
    },

    /// The first row may hold data.
    #[error(
        "line {line}: expected names of columns, found the number {found:?} (CsvOptions::without_header if this row holds \
         data, CsvOptions::with_header if it holds names)"
    )]
    NoHeader {
        /// The line.
        line: usize,
        /// The first field that is a number.
        found: String,
    },

    /// A quote that is opened and never closed.
    #[error("line {line}: expected a quote that is closed, found the end of the file before its end")]
    UnclosedQuote {
        /// The line on which it is opened.
        line: usize,
    },

    /// A field goes on after its closing quote.
    #[error(
        "line {line}: expected the end of the field after its closing quote, found more text (it begins on line {opened}; \
         a quote within quotes is written twice)"
    )]
    TextAfterQuote {
        /// The line of the closing quote.
        line: usize,
        /// The line of the opening quote.
        opened: usize,
    },

    /// A quote in a field that does not begin with one.
    #[error(
        "line {line}: expected no quote within a field that does not begin with one, found one (fields that hold quotes are \
         quoted, and quotes in them written twice)"
    )]
    QuoteWithinField {
        /// The line.
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

    /// A row has as many fields as there are names, and a delimiter after the last.
    #[error(
        "line {line}: expected {expected} fields, found a delimiter after the last (the line of names has none there)"
    )]
    TrailingDelimiter {
        /// The line.
        line: usize,
        /// The number of names.
        expected: usize,
    },

    /// Rows differ in their number of fields, but not as another delimiter separates them.
    #[error(
        "line {line}: expected fields separated by {:?}, found {:?} between them (CsvOptions::with_delimiter)",
        char::from(*expected), char::from(*found)
    )]
    OtherDelimiter {
        /// The line.
        line: usize,
        /// The delimiter that was asked for.
        expected: u8,
        /// The other one.
        found: u8,
    },

    /// A line is no row, and begins as comments do.
    #[error("line {line}: expected a row, found a line that begins with '#' (a comment? CsvOptions::with_comment)")]
    Comment {
        /// The line.
        line: usize,
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
    #[error(
        "names of columns: expected every name once, found {name:?} twice (CsvOptions::with_header and with_names give others)"
    )]
    DuplicateColumn {
        /// The name.
        name: String,
    },

    /// No column has the name that was asked for.
    #[error("column {name:?}: expected one of {}, found none of this name{}", list(names), hint_at_column(name, names))]
    UnknownColumn {
        /// The name.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },

    /// There is nothing in a field.
    #[error("line {line}, column {column}: expected a value, found an empty field (see CsvTable::complete_rows)")]
    EmptyField {
        /// The line.
        line: usize,
        /// The column.
        column: String,
    },

    /// A field holds a spelling of missing values.
    #[error(
        "line {line}, column {column}: expected a value, found {found:?}, a missing one (see CsvTable::complete_rows)"
    )]
    MissingValue {
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What the field holds.
        found: String,
    },

    /// A field does not hold a number.
    #[error("line {line}, column {column}: expected a number, found {found:?}{}", hint_at_number(found))]
    NotANumber {
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What the field holds.
        found: String,
    },

    /// A number is NaN or infinite, or beyond the range of the number type.
    #[error(
        "line {line}, column {column}: expected a finite number within the range of the type, found {found:?}{}",
        hint_at_missing(found)
    )]
    NotFinite {
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What the field holds.
        found: String,
    },

    /// A field does not hold the index of a class.
    #[error("line {line}, column {column}: expected a whole number from 0, found {found:?}{}", hint_at_missing(found))]
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

/// Why no column has this name.
fn hint_at_column(name: &str, names: &[String]) -> String {
    if let [only] = names
        && let Some(other) = separator(only)
    {
        return format!(" (is the delimiter {:?}? CsvOptions::with_delimiter)", char::from(other));
    }
    let has_blanks = names.iter().any(|other| other.trim_matches(BLANKS) == name);
    if has_blanks {
        " (there is one with blanks around it: CsvOptions::with_trimming)".to_owned()
    } else {
        String::new()
    }
}

/// A character in this text that separates the fields of other files.
fn separator(text: &str) -> Option<u8> {
    OTHER_DELIMITERS.into_iter().find(|&other| other != b',' && text.contains(char::from(other)))
}

/// Why this is no number.
fn hint_at_number(found: &str) -> &'static str {
    let text = found.trim_matches(BLANKS);
    let is_number = |text: &str| text.replacen(',', ".", 1).trim_matches(BLANKS).parse::<f64>().is_ok();
    if separator(text).is_some_and(|other| text.split(char::from(other)).all(is_number)) {
        return " (numbers separated by another delimiter? CsvOptions::with_delimiter)";
    }
    match text.split_once(',') {
        // Digits on both sides.
        Some((whole, decimals))
            if format!("{whole}.{decimals}").parse::<f64>().is_ok()
                && decimals.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            " (decimals stand behind a point; CsvOptions::with_decimal_comma)"
        }
        None if text.parse::<f64>().is_ok() => " (decimals stand behind a comma by CsvOptions::with_decimal_comma)",
        _ => hint_at_missing(found),
    }
}

/// Whether this stands for a value that is not known.
fn hint_at_missing(found: &str) -> &'static str {
    if is_usual_for_missing(found) { " (a missing value? CsvOptions::with_missing)" } else { "" }
}
