//! The physical lines of a text file, with their numbers.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// The longest record that is read, in bytes: far above any text, and far below what would bring
/// a machine down when a file without line breaks is opened by mistake.
pub(super) const RECORD_LIMIT: usize = 64 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file line by line; a leading byte order mark is taken off.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    /// The first line: it was read to see whether there is one.
    first: Option<Vec<u8>>,
    read: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|source| DataError::io(path, source))?;
        Self::new(path, Box::new(BufReader::with_capacity(1 << 16, file)))
    }

    fn new(path: &Path, reader: Box<dyn BufRead + Send>) -> Result<Self, DataError> {
        let mut lines = Self {
            path: path.to_path_buf(),
            reader,
            first: None,
            read: 0,
        };
        let mut first = Vec::new();
        lines.append(&mut first)?;
        if first.starts_with(BYTE_ORDER_MARK) {
            first.drain(..BYTE_ORDER_MARK.len());
        }
        if first.is_empty() {
            return Err(DataError::EmptyFile { path: lines.path });
        }
        lines.first = Some(first);
        lines.read = 0;
        Ok(lines)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the last line read, from 1.
    pub(super) fn number(&self) -> u64 {
        self.read
    }

    /// Puts the next line, with its line break, into `line`; false at the end of the file.
    pub(super) fn read(&mut self, line: &mut Vec<u8>) -> Result<bool, DataError> {
        line.clear();
        if let Some(first) = self.first.take() {
            *line = first;
            self.read = 1;
            return Ok(true);
        }
        self.append(line)
    }

    fn append(&mut self, line: &mut Vec<u8>) -> Result<bool, DataError> {
        let mut limited = (&mut self.reader).take(RECORD_LIMIT as u64 + 1);
        let read = limited
            .read_until(b'\n', line)
            .map_err(|source| DataError::io(&self.path, source))?;
        if read == 0 {
            return Ok(false);
        }
        self.read += 1;
        check_length(&self.path, self.read, line.len())?;
        Ok(true)
    }
}

/// Refuses a record above [`RECORD_LIMIT`].
pub(super) fn check_length(path: &Path, row: u64, length: usize) -> Result<(), DataError> {
    if length > RECORD_LIMIT {
        return Err(DataError::RowTooLong {
            path: path.to_path_buf(),
            row,
            limit: RECORD_LIMIT,
        });
    }
    Ok(())
}

/// The bytes of a record as text: UTF-8 without NUL.
pub(super) fn check_text<'a>(path: &Path, row: u64, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    let text = str::from_utf8(bytes).map_err(|_| DataError::invalid_utf8(path, row))?;
    check_nul(path, row, text)?;
    Ok(text)
}

/// Refuses a text with a NUL character.
pub(super) fn check_nul(path: &Path, row: u64, text: &str) -> Result<(), DataError> {
    if text.contains('\0') {
        return Err(DataError::NulByte {
            path: path.to_path_buf(),
            row,
        });
    }
    Ok(())
}

/// Splits a line into its content and its line break (`\n`, `\r\n`, or a `\r` at the very end).
pub(super) fn split_line_break(line: &[u8]) -> (&[u8], &[u8]) {
    let content = line.strip_suffix(b"\n").unwrap_or(line);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    line.split_at(content.len())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn lines(bytes: &[u8]) -> Result<Lines, DataError> {
        Lines::new(Path::new("memory"), Box::new(Cursor::new(bytes.to_vec())))
    }

    #[test]
    fn lines_are_numbered_from_one_and_keep_their_breaks() {
        let mut lines = lines(b"\xef\xbb\xbfone\r\n\ntwo").unwrap();
        let mut line = Vec::new();
        let mut seen = Vec::new();
        while lines.read(&mut line).unwrap() {
            seen.push((lines.number(), line.clone()));
        }
        assert_eq!(
            seen,
            [
                (1, b"one\r\n".to_vec()),
                (2, b"\n".to_vec()),
                (3, b"two".to_vec())
            ]
        );
    }

    #[test]
    fn a_file_of_nothing_but_a_byte_order_mark_is_empty() {
        assert!(matches!(
            lines(b"\xef\xbb\xbf"),
            Err(DataError::EmptyFile { .. })
        ));
        assert!(matches!(lines(b""), Err(DataError::EmptyFile { .. })));
    }

    #[test]
    fn an_endless_line_is_refused_before_it_fills_the_memory() {
        let endless = std::io::repeat(b'x');
        let lines = Lines::new(Path::new("memory"), Box::new(BufReader::new(endless)));
        assert!(matches!(lines, Err(DataError::RowTooLong { row: 1, .. })));
    }

    #[test]
    fn line_breaks_of_both_kinds_come_off() {
        assert_eq!(split_line_break(b"a\r\n"), (&b"a"[..], &b"\r\n"[..]));
        assert_eq!(split_line_break(b"a\n"), (&b"a"[..], &b"\n"[..]));
        assert_eq!(split_line_break(b"a"), (&b"a"[..], &b""[..]));
        assert_eq!(split_line_break(b"a\rb\n"), (&b"a\rb"[..], &b"\n"[..]));
    }
}
