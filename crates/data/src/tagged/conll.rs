//! Reader of CoNLL columns.

use std::path::Path;

use super::Sentences;
use super::options::TaggedColumns;
use super::sentence::Sentence;
use crate::error::DataError;

/// First column of a line between documents.
const DOCUMENT: &str = "-DOCSTART-";

/// Reads the sentences of a file.
pub(super) fn sentences(path: &Path, lines: &[String], columns: &TaggedColumns) -> Sentences {
    let layout = Layout {
        path,
        columns,
        has_tabs: lines.iter().any(|line| line.contains('\t')),
    };
    let mut sentences = Vec::new();
    let mut begun: Vec<(u64, &str)> = Vec::new();
    let lines = (1..).zip(lines).map(|(row, line)| (row, line.as_str()));
    // An empty line ends the last sentence, too.
    for (row, line) in lines.chain([(0, "")]) {
        if !line.trim().is_empty() {
            if !layout.is_comment(line) {
                begun.push((row, line));
            }
        } else if !begun.is_empty() {
            sentences.push(layout.sentence(&std::mem::take(&mut begun)));
        }
    }
    let is_document = |sentence: &Result<Sentence, DataError>| {
        let first = sentence.as_ref().ok().and_then(|one| one.words.first());
        first.is_some_and(|word| word == DOCUMENT)
    };
    sentences.retain(|sentence| !is_document(sentence));
    sentences
}

struct Layout<'a> {
    path: &'a Path,
    columns: &'a TaggedColumns,
    /// Whether columns are separated by tabs rather than by spaces.
    has_tabs: bool,
}

impl Layout<'_> {
    fn is_comment(&self, line: &str) -> bool {
        self.has_tabs && line.starts_with('#') && !line.contains('\t')
    }

    fn columns<'a>(&self, line: &'a str) -> Vec<&'a str> {
        match self.has_tabs {
            true => line.split('\t').map(str::trim).collect(),
            false => line.split_whitespace().collect(),
        }
    }

    /// Returns the sentence of some lines, which have the same number of columns. Without a column
    /// for the tag beside that of the word, it has no tags.
    fn sentence(&self, lines: &[(u64, &str)]) -> Result<Sentence, DataError> {
        let first = lines.first().map_or(0, |(row, _)| *row);
        let width = lines
            .first()
            .map_or(0, |(_, line)| self.columns(line).len());
        let tag = self.columns.tag.unwrap_or(width.saturating_sub(1));
        let has_tags = self.columns.tag.is_some() || tag != self.columns.word;
        let (mut words, mut tags) = (Vec::new(), Vec::new());
        for (row, line) in lines {
            let fields = self.columns(line);
            if fields.len() != width {
                return Err(DataError::column_count(
                    self.path,
                    *row,
                    width,
                    fields.len(),
                ));
            }
            let field = |column: usize| {
                let field = fields.get(column).map(ToString::to_string);
                field.ok_or_else(|| DataError::column_count(self.path, *row, column + 1, width))
            };
            words.push(field(self.columns.word)?);
            if has_tags {
                tags.push(field(tag)?);
            }
        }
        Ok(Sentence {
            row: first,
            rows_per_word: 1,
            words,
            tags: has_tags.then_some(tags),
        })
    }
}
