//! Numbered lines of a text file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::DataError;
use crate::progress::{Counted, Progress};

/// Maximum record length in bytes: far above any text, and low enough to protect memory if a file
/// without line breaks is opened by mistake.
pub(crate) const RECORD_LIMIT: usize = 64 << 20;

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 1 << 16;

/// Decompressed content of a text file.
pub(crate) type TextReader = Box<dyn BufRead + Send>;

/// Line reader that strips a leading byte order mark.
///
/// Lines end with LF or CR LF. In a file whose beginning has CR but no LF, they end with CR.
pub(super) struct Lines {
    path: PathBuf,
    reader: TextReader,
    /// Last byte of a line break.
    line_end: u8,
    /// The first line, read in advance to detect an empty file.
    first: Option<Vec<u8>>,
    read: u64,
    /// Empty lines between rows that are not yet reported.
    blank: Range<u64>,
    /// Whether the caller still holds the line after the empty lines.
    held: bool,
}

/// What was found at the start of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The line just read.
    Line,
    /// An empty line with this number, followed by rows: possibly a row that lost its text.
    Blank(u64),
    /// The end of the file, or only empty lines before it.
    End,
}

impl Lines {
    pub(super) fn open(path: &Path, progress: &Progress) -> Result<Self, DataError> {
        Self::new(path, open_text(path, progress)?)
    }

    pub(super) fn new(path: &Path, mut reader: TextReader) -> Result<Self, DataError> {
        let line_end = line_end(fill(path, &mut reader)?);
        let mut lines = Self {
            path: path.to_path_buf(),
            reader,
            line_end,
            first: None,
            read: 0,
            blank: 0..0,
            held: false,
        };
        let mut first = Vec::new();
        lines.append(&mut first)?;
        if first.starts_with(BYTE_ORDER_MARK) {
            first.drain(..BYTE_ORDER_MARK.len());
        }
        if first.is_empty() {
            return Err(DataError::empty_file(path));
        }
        lines.first = Some(first);
        lines.read = 0;
        Ok(lines)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of the last line read, from 1.
    pub(super) fn number(&self) -> u64 {
        self.read
    }

    /// Finds the start of the next record. The caller must not change `line` until a record has
    /// begun: empty lines are reported one by one while it holds the line after them.
    pub(super) fn read_start(
        &mut self,
        line: &mut Vec<u8>,
        is_blank: fn(&[u8]) -> bool,
    ) -> Result<Start, DataError> {
        if let Some(number) = self.blank.next() {
            return Ok(Start::Blank(number));
        }
        if std::mem::take(&mut self.held) {
            return Ok(Start::Line);
        }
        let first = self.read + 1;
        while self.read(line)? {
            if is_blank(split_line_break(line).0) {
                continue;
            }
            self.blank = first..self.read;
            return Ok(match self.blank.next() {
                None => Start::Line,
                Some(number) => {
                    self.held = true;
                    Start::Blank(number)
                }
            });
        }
        Ok(Start::End)
    }

    /// Reads the next line, including its line break, into `line`; returns false at the end of the
    /// file.
    pub(super) fn read(&mut self, line: &mut Vec<u8>) -> Result<bool, DataError> {
        line.clear();
        if let Some(first) = self.first.take() {
            *line = first;
            self.read = 1;
            return Ok(true);
        }
        self.append(line)
    }

    /// Reads a line in pieces, so that an overlong line is rejected before it is held in memory.
    fn append(&mut self, line: &mut Vec<u8>) -> Result<bool, DataError> {
        loop {
            let piece = fill(&self.path, &mut self.reader)?;
            if piece.is_empty() {
                self.read += u64::from(!line.is_empty());
                return Ok(!line.is_empty());
            }
            let line_break = piece.iter().position(|&byte| byte == self.line_end);
            let taken = line_break.map_or(piece.len(), |place| place + 1);
            check_length(&self.path, self.read + 1, line.len() + taken)?;
            line.extend_from_slice(&piece[..taken]);
            self.reader.consume(taken);
            if line_break.is_some() {
                self.read += 1;
                return Ok(true);
            }
        }
    }
}

/// Opens a text file; decompresses it if its name ends in `.gz`.
pub(crate) fn open_text(path: &Path, progress: &Progress) -> Result<TextReader, DataError> {
    let file = File::open(path).map_err(|source| DataError::io(path, source))?;
    let file = Counted::new(file, progress);
    Ok(match is_gzip(path) {
        true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))),
        false => Box::new(BufReader::with_capacity(BUFFER, file)),
    })
}

/// Returns the bytes that come next, without consuming them; none at the end of the file.
pub(super) fn fill<'a>(path: &Path, reader: &'a mut TextReader) -> Result<&'a [u8], DataError> {
    loop {
        match reader.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(DataError::reading(path, source)),
            // Asked again because the compiler cannot see that the loop ends here.
            Ok(_) => break,
        }
    }
    reader
        .fill_buf()
        .map_err(|source| DataError::reading(path, source))
}

/// Returns the last byte of a line break, from the beginning of a file. A CR that is the last byte
/// may belong to a CR LF.
fn line_end(beginning: &[u8]) -> u8 {
    let has_lf = beginning.contains(&b'\n');
    let cr = beginning.iter().position(|&byte| byte == b'\r');
    match cr {
        Some(cr) if !has_lf && cr + 1 < beginning.len() => b'\r',
        _ => b'\n',
    }
}

/// Returns whether the file name indicates gzip compression.
pub(super) fn is_gzip(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}

/// Reads a text file that is a single record.
pub(crate) fn read_text(
    path: &Path,
    source: &mut dyn Read,
    progress: &Progress,
) -> Result<String, DataError> {
    let mut bytes = Vec::new();
    Counted::new(source, progress)
        .take(RECORD_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| DataError::reading(path, source))?;
    check_length(path, 1, bytes.len())?;
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    Ok(check_text(path, 1, text)?.to_owned())
}

/// Returns an error if a record is longer than [`RECORD_LIMIT`].
pub(crate) fn check_length(path: &Path, row: u64, length: usize) -> Result<(), DataError> {
    if length > RECORD_LIMIT {
        let problem = format!("the row is longer than {RECORD_LIMIT} bytes");
        return Err(DataError::broken_row(path, row, problem));
    }
    Ok(())
}

/// Returns the bytes of a record as text, which must be UTF-8 without NUL characters.
pub(crate) fn check_text<'a>(path: &Path, row: u64, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    let text = str::from_utf8(bytes).map_err(|_| DataError::invalid_utf8(path, row))?;
    check_nul(path, row, text)?;
    Ok(text)
}

/// Returns an error if the text contains a NUL character.
pub(super) fn check_nul(path: &Path, row: u64, text: &str) -> Result<(), DataError> {
    if text.contains('\0') {
        return Err(DataError::row(path, row, "the text holds a NUL character"));
    }
    Ok(())
}

/// Splits a line into its content and its line break (`\n`, `\r\n`, or `\r` at the end of the
/// file).
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
    fn carriage_returns_end_lines_where_nothing_else_does() {
        for (bytes, expected) in [
            (&b"a,b\r1,2\r"[..], &["a,b\r", "1,2\r"][..]),
            (b"a,b\r1,2", &["a,b\r", "1,2"]),
            (b"a\rb,c\n1,2\n", &["a\rb,c\n", "1,2\n"]),
            (b"a,b\r", &["a,b\r"]),
        ] {
            let mut lines = lines(bytes).unwrap();
            let (mut line, mut found) = (Vec::new(), Vec::new());
            while lines.read(&mut line).unwrap() {
                found.push(String::from_utf8(line.clone()).unwrap());
            }
            assert_eq!(found, expected);
        }
        // The LF may come with the next bytes of the file.
        assert_eq!((line_end(b"a,b\r"), line_end(b"a,b\r1")), (b'\n', b'\r'));
    }

    #[test]
    fn a_file_of_nothing_but_a_byte_order_mark_is_empty() {
        assert!(matches!(
            lines(b"\xef\xbb\xbf"),
            Err(DataError::InvalidFile { .. })
        ));
        assert!(matches!(lines(b""), Err(DataError::InvalidFile { .. })));
    }

    #[test]
    fn the_line_behind_empty_ones_is_not_lost() {
        let mut lines = lines(b"one\n\n\r\ntwo\nthree\n\n\n").unwrap();
        let mut line = Vec::new();
        let mut starts = Vec::new();
        loop {
            let start = lines.read_start(&mut line, <[u8]>::is_empty).unwrap();
            if start == Start::End {
                break;
            }
            starts.push((start, lines.number(), line[0]));
        }
        assert_eq!(
            starts,
            [
                (Start::Line, 1, b'o'),
                (Start::Blank(2), 4, b't'),
                (Start::Blank(3), 4, b't'),
                (Start::Line, 4, b't'),
                (Start::Line, 5, b't'),
            ]
        );
    }

    #[test]
    fn an_endless_line_is_refused_before_it_fills_the_memory() {
        let endless = std::io::repeat(b'x');
        let lines = Lines::new(Path::new("memory"), Box::new(BufReader::new(endless)));
        assert!(matches!(lines, Err(DataError::BrokenRow { row: 1, .. })));
    }

    #[test]
    fn line_breaks_of_both_kinds_come_off() {
        assert_eq!(split_line_break(b"a\r\n"), (&b"a"[..], &b"\r\n"[..]));
        assert_eq!(split_line_break(b"a\n"), (&b"a"[..], &b"\n"[..]));
        assert_eq!(split_line_break(b"a"), (&b"a"[..], &b""[..]));
        assert_eq!(split_line_break(b"a\rb\n"), (&b"a\rb"[..], &b"\n"[..]));
    }
}
