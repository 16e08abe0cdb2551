//! Strict reader of CSV and TSV files.
//!
//! The format is RFC 4180: quoted fields may contain delimiters, line breaks and doubled quotes.
//! The parser does not use the `csv` crate because common parsers tolerate an unclosed quote: they
//! silently merge the following rows into one field. Here it is an error. On well-formed files,
//! records are equal to those of the `csv` crate (checked by a property test).

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lines::{Lines, Start, check_length, split_line_break};
use super::record::Record;
use super::{Column, Row, RowSource, positions, unknown_column};
use crate::error::DataError;
use crate::progress::Progress;

/// Format of a delimited text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delimited {
    /// Delimiter, an ASCII byte (default: `,`).
    #[serde(
        serialize_with = "write_character",
        deserialize_with = "read_character"
    )]
    pub delimiter: u8,
    /// Whether the first record contains the column names (default: true).
    pub header: bool,
    /// Whether a field that begins with the quote is quoted (default: true). If false, quotes are
    /// ordinary characters.
    pub quoted: bool,
    /// Quote, an ASCII byte (default: `"`). Within a quoted field, two of them are one.
    #[serde(
        serialize_with = "write_character",
        deserialize_with = "read_character"
    )]
    pub quote: u8,
    /// Number of columns of each row; `None` for that of the header or the first row (default:
    /// `None`).
    pub width: Option<usize>,
}

impl Delimited {
    /// Returns the CSV format: comma, header, quoted fields.
    pub const fn csv() -> Self {
        Self {
            delimiter: b',',
            header: true,
            quoted: true,
            quote: b'"',
            width: None,
        }
    }

    /// Returns the TSV format as written by pandas: tab, header, quoted fields.
    pub const fn tsv() -> Self {
        Self {
            delimiter: b'\t',
            ..Self::csv()
        }
    }

    /// Returns the TSV format of the GLUE files: tab, header, quotes as ordinary characters.
    pub const fn unquoted_tsv() -> Self {
        Self {
            quoted: false,
            ..Self::tsv()
        }
    }
}

impl Default for Delimited {
    fn default() -> Self {
        Self::csv()
    }
}

/// Writes a delimiter or a quote as a character.
fn write_character<S: Serializer>(character: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_char(char::from(*character))
}

fn read_character<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let character = char::deserialize(deserializer)?;
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(byte),
        _ => Err(serde::de::Error::custom(
            "expected an ASCII character other than a line break",
        )),
    }
}

/// Rows of a delimited file.
pub(super) struct DelimitedRows {
    lines: Lines,
    layout: Delimited,
    columns: Vec<Column>,
    /// Indices of the requested columns.
    wanted: Vec<usize>,
    line: Vec<u8>,
    record: Record,
}

impl DelimitedRows {
    pub(super) fn open(
        path: &Path,
        layout: Delimited,
        columns: &[Column],
        progress: &Progress,
    ) -> Result<Self, DataError> {
        layout.check()?;
        let mut rows = Self {
            lines: Lines::open(path, progress)?,
            layout,
            columns: columns.to_vec(),
            wanted: Vec::new(),
            line: Vec::new(),
            record: Record::default(),
        };
        if layout.header {
            rows.read_header()?;
        } else {
            let by_position = |column: &Column| match column {
                Column::Index(position) => Ok(*position),
                Column::Name(_) => Err(unknown_column(path, column, &[])),
            };
            rows.wanted = columns.iter().map(by_position).collect::<Result<_, _>>()?;
        }
        Ok(rows)
    }

    fn read_header(&mut self) -> Result<(), DataError> {
        if !self.read_record()? {
            return Err(DataError::no_rows(self.lines.path()));
        }
        let all: Vec<usize> = (0..self.record.width()).collect();
        let names = self.record.fields(self.lines.path(), &all)?;
        self.check_width()?;
        self.wanted = positions(self.lines.path(), &self.columns, &names)?;
        Ok(())
    }

    /// Checks the number of columns; the first record sets it if the format does not.
    fn check_width(&mut self) -> Result<(), DataError> {
        let found = self.record.width();
        match self.layout.width {
            Some(expected) if expected != found => Err(self.column_count(expected, found)),
            _ => {
                self.layout.width = Some(found);
                Ok(())
            }
        }
    }

    fn column_count(&self, expected: usize, found: usize) -> DataError {
        DataError::column_count(self.lines.path(), self.record.number, expected, found)
    }

    /// Reads the next record; returns false at the end of the file.
    ///
    /// Empty lines are allowed only at the end of the file. Between rows, an empty line may be a
    /// row that lost its text, so it is an error.
    fn read_record(&mut self) -> Result<bool, DataError> {
        match self.lines.read_start(&mut self.line, <[u8]>::is_empty)? {
            Start::End => Ok(false),
            Start::Line => {
                self.record.number = self.lines.number();
                self.parse_record().map(|()| true)
            }
            Start::Blank(number) => {
                self.record.number = number;
                let expected = self.layout.width.unwrap_or(self.columns.len());
                Err(self.column_count(expected, 0))
            }
        }
    }

    /// Parses the record that begins with the line just read; reads further lines while a quote is
    /// open.
    fn parse_record(&mut self) -> Result<(), DataError> {
        let (path, row) = (self.lines.path().to_path_buf(), self.record.number);
        self.record.begin();
        loop {
            let (content, line_break) = split_line_break(&self.line);
            if let Err(column) = self.record.push(content, self.layout) {
                let problem = format!(
                    "column {column}: expected a delimiter after the closing quote, found more \
                     text (is a quote not doubled, or an earlier one not closed?)"
                );
                return Err(DataError::broken_row(&path, row, problem));
            }
            if !self.record.is_open() {
                self.record.end();
                return Ok(());
            }
            self.record.push_quoted(line_break);
            check_length(&path, row, self.record.len())?;
            if !self.lines.read(&mut self.line)? {
                let problem = "a quoted field that begins in this row is never closed";
                return Err(DataError::broken_row(&path, row, problem));
            }
        }
    }
}

impl RowSource for DelimitedRows {
    fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        if !self.read_record()? {
            return Ok(None);
        }
        self.check_width()?;
        let found = self.record.width();
        if let Some(&beyond) = self.wanted.iter().find(|&&position| position >= found) {
            return Err(self.column_count(beyond + 1, found));
        }
        let fields = self.record.fields(self.lines.path(), &self.wanted)?;
        Ok(Some(Row {
            number: self.record.number,
            fields,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::{Delimiter, TableFormat, open_rows};

    fn read(
        bytes: &[u8],
        layout: Delimited,
        columns: &[Column],
    ) -> Result<Vec<(u64, Vec<String>)>, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows");
        std::fs::write(&path, bytes).unwrap();
        open_rows(&path, TableFormat::Delimited(layout), columns)?
            .map(|row| row.map(|row| (row.number, row.fields)))
            .collect()
    }

    fn rows(bytes: &[u8]) -> Result<Vec<(u64, Vec<String>)>, DataError> {
        read(
            bytes,
            Delimited {
                header: false,
                ..Delimited::csv()
            },
            &[0.into(), 1.into()],
        )
    }

    fn row(number: u64, first: &str, second: &str) -> (u64, Vec<String>) {
        (number, vec![first.to_owned(), second.to_owned()])
    }

    #[test]
    fn quotes_breaks_and_line_numbers() {
        let found = rows(b"\"a \"\"b\"\"\",\"one\r\ntwo\"\r\n\"\",x\"y\n,\n").unwrap();
        assert_eq!(
            found,
            [
                row(1, "a \"b\"", "one\r\ntwo"),
                row(3, "", "x\"y"),
                row(4, "", "")
            ]
        );
    }

    #[test]
    fn the_last_line_break_is_optional_and_empty_lines_may_follow() {
        assert_eq!(rows(b"a,b").unwrap(), [row(1, "a", "b")]);
        assert_eq!(rows(b"a,b\n\n\r\n").unwrap(), [row(1, "a", "b")]);
    }

    #[test]
    fn an_empty_line_between_rows_is_an_error() {
        assert!(matches!(
            rows(b"a,b\n\nc,d\n"),
            Err(DataError::InvalidRow { row: 2, problem, .. })
                if problem == "expected 2 columns, found 0"
        ));
    }

    #[test]
    fn an_unclosed_quote_never_swallows_rows() {
        assert!(matches!(
            rows(b"a,b\n1,\"c\n2,\"d\"\n"),
            Err(DataError::BrokenRow { row: 2, problem, .. }) if problem.starts_with("column 2:")
        ));
        assert!(matches!(
            rows(b"a,b\n1,\"c\n2,d\n"),
            Err(DataError::BrokenRow { row: 2, .. })
        ));
    }

    #[test]
    fn columns_come_by_name_in_the_order_asked_for() {
        let found = read(
            b"id\ttext\n1\tx\n",
            Delimited::tsv(),
            &["text".into(), "id".into()],
        );
        assert_eq!(found.unwrap(), [row(2, "x", "1")]);
    }

    #[test]
    fn without_quoting_a_quote_is_text() {
        let found = read(
            b"a\tb\n\"x\t\"\"y\n",
            Delimited::unquoted_tsv(),
            &["a".into(), "b".into()],
        );
        assert_eq!(found.unwrap(), [row(2, "\"x", "\"\"y")]);
    }

    #[test]
    fn the_quote_may_be_another_character() {
        let layout = Delimited {
            quote: b'\'',
            ..Delimited::csv().with_delimiter(Delimiter::SEMICOLON)
        };
        let found = read(b"a;b\n'x;''y\n';\"z\n", layout, &["a".into(), "b".into()]);
        assert_eq!(found.unwrap(), [row(2, "x;'y\n", "\"z")]);
        let same = Delimited {
            quote: b',',
            ..Delimited::csv()
        };
        assert!(matches!(
            read(b"a,b\n", same, &["a".into()]),
            Err(DataError::InvalidSetting { .. })
        ));
    }

    #[test]
    fn the_header_of_a_wrong_delimiter_is_a_short_error() {
        let error = read(b"id\ttext\n1\tx\n", Delimited::csv(), &["text".into()]);
        let message = error.unwrap_err().to_string();
        assert!(message.contains("is '\\t' the delimiter?"), "{message}");
        let line = vec![b'x'; 1 << 20];
        let error = read(&line, Delimited::csv(), &["text".into()]).unwrap_err();
        assert!(error.to_string().len() < 300, "{error}");
    }

    #[test]
    fn rows_may_end_with_carriage_returns_only() {
        let columns = ["text".into(), "id".into()];
        let found = read(b"id,text\r1,\"x\ry\"\r2,z\r", Delimited::csv(), &columns);
        assert_eq!(found.unwrap(), [row(2, "x\ry", "1"), row(4, "z", "2")]);
    }

    #[test]
    fn the_rows_behind_a_bad_one_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.csv");
        std::fs::write(&path, b"a,b\n1\n2,\xff\n3,\"x\ny\",z\n\n\n4,d\n").unwrap();
        let columns = [0.into(), 1.into()];
        let rows = open_rows(&path, TableFormat::Delimited(Delimited::csv()), &columns);
        let found: Vec<Option<u64>> = rows.unwrap().map(|row| Some(row.ok()?.number)).collect();
        assert_eq!(found, [None, None, None, None, None, Some(8)]);
    }

    #[test]
    fn a_delimiter_is_a_character_in_a_settings_file() {
        let layout: Delimited =
            serde_json::from_str(r#"{"delimiter": ";", "header": false}"#).unwrap();
        assert_eq!(
            (layout.delimiter, layout.header, layout.quoted),
            (b';', false, true)
        );
        assert!(
            serde_json::to_string(&layout)
                .unwrap()
                .contains(r#""delimiter":";""#)
        );
        for bad in [
            r#"{"delimiter": "é"}"#,
            r#"{"delimiter": "\n"}"#,
            r#"{"quote": "''"}"#,
            r#"{"quotes": true}"#,
        ] {
            assert!(serde_json::from_str::<Delimited>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        /// The reader and the `csv` crate agree on files written by the `csv` crate.
        #[test]
        fn well_formed_files_read_as_with_the_csv_crate(
            records in prop::collection::vec(prop::collection::vec("[a-c\",\n\r é]{0,6}", 2), 1..8),
            always: bool,
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer = csv::WriterBuilder::new().quote_style(style).from_writer(Vec::new());
            for record in &records {
                writer.write_record(record).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let found: Vec<_> = rows(&bytes).unwrap().into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(&found, &records);
        }
    }
}
