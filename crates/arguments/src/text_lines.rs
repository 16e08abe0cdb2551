//! Lines of text from standard input or another reader.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};

/// Number of lines to read at once: enough for batches of similar lengths.
const LINES_AT_ONCE: usize = 1024;

/// Reads standard input to its end, and answers its lines some at a time. `parse` returns what a line
/// contains, or what is wrong with it.
///
/// # Errors
/// - If a line cannot be read or parsed, after the answers to those before it.
/// - The errors of `answer`.
pub fn answer_standard_input<T>(
    parse: impl Fn(String) -> Result<T, String>,
    mut answer: impl FnMut(&[T]) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let input = io::stdin();
    if input.is_terminal() {
        let hint = "reading texts from standard input, one a line";
        writeln!(io::stderr(), "{hint}")?;
    }
    let mut lines = TextLines::new(input.lock());
    loop {
        let read = lines.read(LINES_AT_ONCE, &parse);
        if !read.lines.is_empty() {
            answer(&read.lines)?;
        }
        match read.failure {
            Some(failure) => return Err(format!("standard input, {failure}").into()),
            None if read.ended => return Ok(()),
            None => {}
        }
    }
}

/// Reader of lines, which remembers their numbers.
#[derive(Debug)]
pub struct TextLines<R> {
    input: R,
    /// Number of the last line read, from 1; 0 before the first.
    number: u64,
}

/// Lines read at once.
#[derive(Debug)]
pub struct ReadLines<T> {
    /// What the lines contain, up to the first that cannot be read.
    pub lines: Vec<T>,
    /// What is wrong with the line after them, and its number.
    pub failure: Option<String>,
    /// Whether the input has ended.
    pub ended: bool,
}

impl<R: BufRead> TextLines<R> {
    /// Creates a reader.
    pub fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// Reads at most `most` lines. `parse` returns what a line contains, or what is wrong with it.
    pub fn read<T>(
        &mut self,
        most: usize,
        parse: impl Fn(String) -> Result<T, String>,
    ) -> ReadLines<T> {
        let mut read = ReadLines {
            lines: Vec::new(),
            failure: None,
            ended: false,
        };
        while read.lines.len() < most {
            match self.next().map(|line| line.and_then(&parse)) {
                Some(Ok(line)) => read.lines.push(line),
                Some(Err(problem)) => {
                    read.failure = Some(format!("line {}: {problem}", self.number));
                    break;
                }
                None => {
                    read.ended = true;
                    break;
                }
            }
        }
        read
    }

    /// Returns the next line without its end, or what is wrong with it.
    fn next(&mut self) -> Option<Result<String, String>> {
        let mut line = Vec::new();
        self.number += 1;
        match self.input.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error.to_string())),
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        Some(String::from_utf8(line).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            format!("not UTF-8 after byte {place}")
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_read_keeps_those_before_it() {
        let mut lines = TextLines::new(&b"one\r\ntwo\n\nfo\xffur\nfive"[..]);
        let first = lines.read(2, Ok);
        assert_eq!(
            (first.lines, first.failure),
            (vec!["one".into(), "two".into()], None)
        );
        let second = lines.read(9, Ok);
        assert_eq!(second.lines, [""]);
        assert_eq!(second.failure.unwrap(), "line 4: not UTF-8 after byte 2");
        let last = lines.read(9, |line| Err::<(), _>(format!("no {line}")));
        assert_eq!(last.failure.unwrap(), "line 5: no five");
        assert!(lines.read(9, Ok).ended);
    }
}
