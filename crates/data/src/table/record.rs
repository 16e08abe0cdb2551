//! Fields of one delimited record.

use std::path::Path;

use super::delimited::Delimited;
use super::lines::check_text;
use crate::error::DataError;

/// A parsed record without quotes and delimiters. The memory is reused for the next record.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Line on which the record begins, from 1.
    pub(super) number: u64,
    bytes: Vec<u8>,
    /// End of each field in `bytes`.
    ends: Vec<usize>,
    state: State,
}

/// State of the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    FieldStart,
    Bare,
    Quoted,
    /// After a quote in a quoted field: the first of a doubled quote, or the closing quote.
    QuoteSeen,
}

impl Record {
    pub(super) fn begin(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.state = State::FieldStart;
    }

    /// Adds the content of one line. The error is the column number, from 1, of a field with text
    /// after its closing quote.
    pub(super) fn push(&mut self, content: &[u8], layout: Delimited) -> Result<(), usize> {
        for &byte in content {
            self.state = match self.state {
                State::FieldStart if layout.quoted && byte == layout.quote => State::Quoted,
                State::Quoted if byte == layout.quote => State::QuoteSeen,
                State::Quoted => self.keep(byte, State::Quoted),
                State::QuoteSeen if byte == layout.quote => self.keep(byte, State::Quoted),
                _ if byte == layout.delimiter => {
                    self.end();
                    State::FieldStart
                }
                State::QuoteSeen => return Err(self.ends.len() + 1),
                State::FieldStart | State::Bare => self.keep(byte, State::Bare),
            };
        }
        Ok(())
    }

    fn keep(&mut self, byte: u8, next: State) -> State {
        self.bytes.push(byte);
        next
    }

    /// Adds a line break inside quotes.
    pub(super) fn push_quoted(&mut self, line_break: &[u8]) {
        self.bytes.extend_from_slice(line_break);
    }

    /// Ends the current field.
    pub(super) fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Returns whether a quoted field continues on the next line.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Quoted
    }

    /// Returns the total number of bytes of all fields.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the number of fields.
    pub(super) fn width(&self) -> usize {
        self.ends.len()
    }

    /// Returns the texts of the requested fields.
    pub(super) fn fields(&self, path: &Path, wanted: &[usize]) -> Result<Vec<String>, DataError> {
        let text = check_text(path, self.number, &self.bytes)?;
        let field = |&position: &usize| {
            let start = if position == 0 {
                0
            } else {
                self.ends[position - 1]
            };
            // `None` if a delimiter splits a multi-byte character.
            let field = text.get(start..self.ends[position]).map(str::to_owned);
            field.ok_or_else(|| DataError::invalid_utf8(path, self.number))
        };
        wanted.iter().map(field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_within_a_character_is_not_utf8() {
        let mut record = Record {
            number: 4,
            ..Record::default()
        };
        record.begin();
        record.push(b"\xc3,\xa9", Delimited::csv()).unwrap();
        record.end();
        assert!(matches!(
            record.fields(Path::new("rows.csv"), &[0]),
            Err(DataError::InvalidRow { row: 4, .. })
        ));
    }

    #[test]
    fn the_column_behind_a_stray_quote_is_named() {
        let mut record = Record::default();
        record.begin();
        assert_eq!(record.push(b"a,b,\"c\"d", Delimited::csv()), Err(3));
    }
}
