//! The grammar of RFC 4180: text to rows of fields, with the lines on which they begin.

use super::error::CsvError;

/// What a text means where files differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) comment: Option<u8>,
    pub(super) trimming: bool,
}

/// Takes rows off the front of a text.
pub(super) struct Rows<'a> {
    dialect: Dialect,
    rest: &'a [u8],
    /// On which the rest begins, from 1.
    line: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self { dialect, rest: text, line: 1 }
    }

    /// The next row goes to `fields`, as it is in the file but for quotes; its line, or none if there is no more.
    pub(super) fn next(&mut self, fields: &mut Vec<Vec<u8>>) -> Result<Option<usize>, CsvError> {
        fields.clear();
        while self.begins_with_nothing() {
            let end = self.find(is_end_of_line);
            self.rest = &self.rest[end..];
            if !self.end_line() {
                return Ok(None);
            }
        }
        let line = self.line;
        loop {
            fields.push(self.field()?);
            match self.rest.split_first() {
                Some((&byte, rest)) if byte == self.dialect.delimiter => self.rest = rest,
                _ => break,
            }
        }
        self.end_line();
        Ok(Some(line))
    }

    /// Whether the next line is a comment, or has nothing but blanks in it; the end of the text counts as such a line.
    fn begins_with_nothing(&self) -> bool {
        let text = &self.rest[self.find(|byte| !self.is_blank(byte))..];
        self.rest.first().is_some_and(|&byte| Some(byte) == self.dialect.comment)
            || text.first().is_none_or(|&byte| is_end_of_line(byte))
    }

    /// Passes over the end of a line: LF, CR or both. False at the end of the text.
    fn end_line(&mut self) -> bool {
        let length = match self.rest {
            [] => return false,
            [b'\r', b'\n', ..] => 2,
            _ => 1,
        };
        self.rest = &self.rest[length..];
        self.line += 1;
        true
    }

    /// A field, up to a delimiter or the end of the line.
    fn field(&mut self) -> Result<Vec<u8>, CsvError> {
        let blanks = self.find(|byte| !self.is_blank(byte));
        if self.rest.get(blanks) == Some(&b'"') {
            self.rest = &self.rest[blanks + 1..];
            return self.quoted();
        }
        let end = self.find(|byte| byte == self.dialect.delimiter || is_end_of_line(byte));
        let (mut text, rest) = self.rest.split_at(end);
        if text.contains(&b'"') {
            return Err(CsvError::QuoteWithinField { line: self.line });
        }
        self.rest = rest;
        if self.dialect.trimming {
            while let [first, inner @ ..] = text
                && self.is_blank(*first)
            {
                text = inner;
            }
            while let [inner @ .., last] = text
                && self.is_blank(*last)
            {
                text = inner;
            }
        }
        Ok(text.to_vec())
    }

    /// The rest of a field whose quote has been opened, and of the blanks that follow it.
    fn quoted(&mut self) -> Result<Vec<u8>, CsvError> {
        let opened = self.line;
        let mut text = Vec::new();
        loop {
            let end = self.find(|byte| byte == b'"');
            let (part, Some(rest)) = (&self.rest[..end], self.rest.get(end + 1..)) else {
                return Err(CsvError::UnclosedQuote { line: opened });
            };
            text.extend_from_slice(part);
            self.rest = rest;
            match rest {
                [b'"', rest @ ..] => self.rest = rest,
                _ => break,
            }
            text.push(b'"');
        }
        let ends = |(place, &byte): (usize, &u8)| match byte {
            b'\r' => text.get(place + 1) != Some(&b'\n'),
            _ => byte == b'\n',
        };
        self.line += text.iter().enumerate().filter(|&place_and_byte| ends(place_and_byte)).count();
        self.rest = &self.rest[self.find(|byte| !self.is_blank(byte))..];
        match self.rest.first() {
            Some(&byte) if byte != self.dialect.delimiter && !is_end_of_line(byte) => {
                Err(CsvError::TextAfterQuote { line: self.line, opened })
            }
            _ => Ok(text),
        }
    }

    /// Where the first such byte is, or where the text ends.
    fn find(&self, is: impl Fn(u8) -> bool) -> usize {
        self.rest.iter().position(|&byte| is(byte)).unwrap_or(self.rest.len())
    }

    fn is_blank(&self, byte: u8) -> bool {
        matches!(byte, b' ' | b'\t') && byte != self.dialect.delimiter
    }
}

fn is_end_of_line(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}
