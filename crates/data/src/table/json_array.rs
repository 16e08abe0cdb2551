//! Reader of a JSON file that is an array of objects.
//!
//! The array is not held in memory: the end of each object is found by its braces and quotes.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::json_lines::{JsonRows, Keys, object_row};
use super::lines::{BYTE_ORDER_MARK, TextReader, check_length, check_text, fill, open_text};
use super::{RequestedColumns, Row, RowSource};
use crate::error::DataError;
use crate::progress::Progress;

/// Opens a JSON file: an array of objects, or one object per line.
pub(super) fn open(
    path: &Path,
    columns: RequestedColumns<'_>,
    progress: &Progress,
) -> Result<Box<dyn RowSource + Send>, DataError> {
    let mut reader = open_text(path, progress)?;
    let beginning = fill(path, &mut reader)?;
    if beginning.is_empty() {
        return Err(DataError::empty_file(path));
    }
    let text = beginning.strip_prefix(BYTE_ORDER_MARK).unwrap_or(beginning);
    if text.trim_ascii_start().first() == Some(&b'[') {
        if text.len() < beginning.len() {
            reader.consume(BYTE_ORDER_MARK.len());
        }
        return Ok(Box::new(ArrayRows {
            path: path.to_path_buf(),
            reader,
            keys: Keys::new(path, columns)?,
            number: 0,
            is_ended: false,
            object: Vec::new(),
        }));
    }
    Ok(Box::new(JsonRows::new(path, columns, reader)?))
}

/// Rows of an array of objects, numbered from 1.
struct ArrayRows {
    path: PathBuf,
    reader: TextReader,
    keys: Keys,
    /// Number of the last object read.
    number: u64,
    is_ended: bool,
    object: Vec<u8>,
}

impl RowSource for ArrayRows {
    fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        if self.is_ended || !self.find_object()? {
            self.is_ended = true;
            return Ok(None);
        }
        self.number += 1;
        self.read_object()?;
        check_text(&self.path, self.number, &self.object)?;
        object_row(&self.path, self.number, &self.keys, &self.object).map(Some)
    }
}

impl ArrayRows {
    /// Reads to the beginning of the next object; returns false at the end of the array.
    fn find_object(&mut self) -> Result<bool, DataError> {
        let separator = if self.number == 0 { b'[' } else { b',' };
        match self.next_byte()? {
            Some(b']') if self.number > 0 => return self.check_end().map(|()| false),
            Some(byte) if byte == separator => {}
            _ => return Err(self.broken("expected a comma or the end of the array")),
        }
        match self.peek()? {
            Some(b'{') => Ok(true),
            Some(b']') if self.number == 0 => {
                self.next_byte()?;
                self.check_end().map(|()| false)
            }
            _ => Err(self.broken("expected an object")),
        }
    }

    fn check_end(&mut self) -> Result<(), DataError> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.broken("expected the end of the file after the array")),
        }
    }

    /// Reads an object up to the brace that closes it.
    fn read_object(&mut self) -> Result<(), DataError> {
        self.object.clear();
        let (mut depth, mut is_text, mut is_escaped) = (0usize, false, false);
        loop {
            let piece = fill(&self.path, &mut self.reader)?;
            if piece.is_empty() {
                let problem = "the file ends before the object does";
                return Err(DataError::broken_row(&self.path, self.number, problem));
            }
            let closing = piece.iter().position(|&byte| {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' if is_text => is_escaped = true,
                    b'"' => is_text = !is_text,
                    b'{' | b'[' if !is_text => depth += 1,
                    b'}' | b']' if !is_text => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0
            });
            let taken = closing.map_or(piece.len(), |place| place + 1);
            check_length(&self.path, self.number, self.object.len() + taken)?;
            self.object.extend_from_slice(&piece[..taken]);
            self.reader.consume(taken);
            if closing.is_some() {
                return Ok(());
            }
        }
    }

    /// Returns the next byte that is not white space, without consuming it.
    fn peek(&mut self) -> Result<Option<u8>, DataError> {
        loop {
            let piece = fill(&self.path, &mut self.reader)?;
            let blank = piece.len() - piece.trim_ascii_start().len();
            let next = piece.get(blank).copied();
            let is_end = piece.is_empty();
            self.reader.consume(blank);
            if next.is_some() || is_end {
                return Ok(next);
            }
        }
    }

    fn next_byte(&mut self) -> Result<Option<u8>, DataError> {
        let next = self.peek()?;
        self.reader.consume(usize::from(next.is_some()));
        Ok(next)
    }

    fn broken(&self, problem: &str) -> DataError {
        DataError::broken_row(&self.path, self.number + 1, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{TableFormat, open_rows};

    fn read(text: &str) -> Vec<Result<Row, DataError>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.json");
        std::fs::write(&path, text).unwrap();
        let format = TableFormat::from_path(&path).unwrap();
        match open_rows(&path, format, &["text".into(), "label".into()]) {
            Ok(rows) => rows.collect(),
            Err(error) => vec![Err(error)],
        }
    }

    fn texts(text: &str) -> Vec<String> {
        let rows = read(text).into_iter().map(|row| row.unwrap());
        rows.map(|row| row.fields.join("|")).collect()
    }

    #[test]
    fn an_array_and_lines_are_told_apart() {
        let array = "\u{feff} [\n {\"text\": \"a]}\\\"{\", \"label\": 1},\n{\"more\": {\"x\": [1, {}]}, \
                     \"label\": \"01\", \"text\": \"b\"} ]\n";
        assert_eq!(texts(array), ["a]}\"{|1", "b|01"]);
        let lines = "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 2.0}\n";
        assert_eq!(texts(lines), ["a|1", "b|2.0"]);
        assert!(read("[]").is_empty());
    }

    #[test]
    fn the_objects_behind_a_bad_one_are_read() {
        let rows = read(
            "[{\"text\": \"a\", \"label\": 1}, {\"text\" \"b\"}, {\"text\": \"c\"}, \
             {\"text\": \"d\", \"label\": 0}]",
        );
        let found: Vec<Option<u64>> = rows
            .iter()
            .map(|row| Some(row.as_ref().ok()?.number))
            .collect();
        assert_eq!(found, [Some(1), None, None, Some(4)]);
        assert!(matches!(rows[1], Err(DataError::Json { row: 2, .. })));
        assert!(matches!(rows[2], Err(DataError::InvalidRow { row: 3, .. })));
    }

    #[test]
    fn what_is_no_array_of_objects_ends_the_reading() {
        let row = "{\"text\": \"a\", \"label\": 1}";
        for bad in [
            format!("[{row}"),
            format!("[{row},"),
            format!("[{row},]"),
            format!("[{row} {row}]"),
            format!("[{row}] {row}"),
            format!("[{row}, 3]"),
            format!("[{row}, {{\"text\": \"b"),
        ] {
            let rows = read(&bad);
            assert_eq!(rows.len(), 2, "{bad}");
            assert!(matches!(rows[1], Err(DataError::BrokenRow { .. })), "{bad}");
        }
        assert!(matches!(
            read("[[1]]")[0],
            Err(DataError::BrokenRow { row: 1, .. })
        ));
        assert!(matches!(read("")[0], Err(DataError::InvalidFile { .. })));
    }
}
