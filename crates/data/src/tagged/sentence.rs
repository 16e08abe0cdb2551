//! Sentences of a file, their tags checked and converted.

use std::collections::BTreeSet;
use std::path::Path;

use super::Sentences;
use super::scheme::TagScheme;
use crate::dataset::{Example, Label};
use crate::error::DataError;
use crate::excerpt::{excerpt, excerpts};
use crate::reader::OnBadRow;

/// Sentence of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    /// Row of the sentence, from 1: the line of its first word.
    pub(super) row: u64,
    /// Number of rows from one word to the next: 1 if each has a line of its own, otherwise 0.
    pub(super) rows_per_word: u64,
    pub(super) words: Vec<String>,
    /// Tag of each word; `None` without tags.
    pub(super) tags: Option<Vec<String>>,
}

/// What the sentences of all files have to agree with.
#[derive(Debug, Clone)]
pub(super) struct Checks {
    /// Scheme of the files.
    pub(super) scheme: TagScheme,
    pub(super) convert_to: Option<TagScheme>,
    pub(super) class_names: Vec<String>,
}

impl Checks {
    /// Returns the example of a sentence, which has tags if `tagged`.
    pub(super) fn example(
        &self,
        path: &Path,
        sentence: Sentence,
        tagged: bool,
    ) -> Result<Example, DataError> {
        let row = |word: usize| sentence.row + word as u64 * sentence.rows_per_word;
        if sentence.words.is_empty() {
            return Err(DataError::row(
                path,
                sentence.row,
                "the sentence has no words",
            ));
        }
        let unusable = |word: &String| word.is_empty() || word.contains(char::is_whitespace);
        if let Some(word) = sentence.words.iter().position(unusable) {
            let found = excerpt(&sentence.words[word]).into_owned();
            let problem = format!("the word {found:?} is empty or has a space");
            return Err(DataError::row(path, row(word), problem));
        }
        let text = sentence.words.join(" ");
        let label = match &sentence.tags {
            _ if !tagged => Label::Unlabeled,
            None => {
                let problem = "the sentence has no tags, but others have";
                return Err(DataError::row(path, sentence.row, problem));
            }
            Some(tags) => {
                let tags = self.converted(path, &sentence, tags)?;
                let classes = tags.iter().enumerate().map(|(word, tag)| {
                    let class = self.class_names.iter().position(|name| name == tag);
                    class.ok_or_else(|| {
                        let (tag, expected) = (excerpt(tag), excerpts(&self.class_names));
                        let problem = format!("the tag {tag:?} is none of {expected}");
                        DataError::row(path, row(word), problem)
                    })
                });
                Label::TokenClasses(classes.collect::<Result<_, _>>()?)
            }
        };
        Ok(Example::new(text, label))
    }

    /// Checks the tags of a sentence against the scheme, and converts them.
    fn converted(
        &self,
        path: &Path,
        sentence: &Sentence,
        tags: &[String],
    ) -> Result<Vec<String>, DataError> {
        if let Err(word) = self.scheme.check(tags) {
            let row = sentence.row + word as u64 * sentence.rows_per_word;
            let before = match word {
                0 => "at the beginning of the sentence".to_string(),
                word => format!("behind {:?}", excerpt(&tags[word - 1])),
            };
            let (tag, scheme) = (excerpt(&tags[word]), self.scheme);
            let place = format!("the tag {tag:?} of word {word} {before}");
            return Err(DataError::row(
                path,
                row,
                format!("{place} breaks {scheme}"),
            ));
        }
        Ok(match self.convert_to {
            Some(wanted) if wanted != self.scheme => wanted.convert(tags),
            _ => tags.to_vec(),
        })
    }
}

/// Returns the tags of the valid training sentences, sorted.
///
/// # Errors
/// - [`DataError::InvalidSetting`] if there are fewer than two.
/// - The error of the first sentence that breaks the scheme, unless it is skipped.
pub(super) fn class_names(
    path: &Path,
    train: &Sentences,
    checks: &Checks,
    on_bad_rows: OnBadRow,
) -> Result<Vec<String>, DataError> {
    let mut names = BTreeSet::new();
    for sentence in train.iter().flatten() {
        let Some(tags) = &sentence.tags else { continue };
        match checks.converted(path, sentence, tags) {
            Ok(tags) => names.extend(tags),
            Err(error) if on_bad_rows == OnBadRow::Error => return Err(error),
            Err(_) => {}
        }
    }
    match names.len() {
        0 | 1 => Err(DataError::setting(
            "tags of the training rows",
            "at least 2 different ones",
            names.len(),
        )),
        _ => Ok(names.into_iter().collect()),
    }
}
