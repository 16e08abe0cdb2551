//! Options for reading files with a class per word.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Sentences;
use super::scheme::TagScheme;
use crate::error::DataError;
use crate::reader::OnBadRow;
use crate::table::extension;

/// Options for reading the files of a dataset with a class per word.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaggedOptions {
    /// File format (default: `None`, JSON Lines for `.jsonl`, `.ndjson` and `.json`, otherwise
    /// CoNLL columns).
    pub format: Option<TaggedFormat>,
    /// Columns of CoNLL files, or keys of JSON objects.
    pub columns: TaggedColumns,
    /// Scheme of the tags in the files (default: `None`, inferred from the training file). Tags that
    /// break it are an error.
    pub scheme: Option<TagScheme>,
    /// Scheme that the tags are converted to (default: `None`, that of the files).
    pub convert_to: Option<TagScheme>,
    /// Tags in the order of the outputs of a model; numbers in JSON files are positions in this list
    /// (default: the tags of the training file, sorted).
    pub class_names: Vec<String>,
    /// Handling of invalid sentences (default: [`OnBadRow::Error`]).
    pub on_bad_rows: OnBadRow,
}

/// Format of a file with a class per word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaggedFormat {
    /// One word per line in columns separated by spaces or tabs, and an empty line after each
    /// sentence. Lines that begin with `-DOCSTART-` are left out, and so are comments, which begin with
    /// `#` and have no tab, in files with tabs.
    Conll,
    /// One JSON object per line: a list of words with a list of tags, or a text with spans.
    JsonLines,
}

/// Columns of CoNLL files, by index from 0, and keys of JSON objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaggedColumns {
    /// Column of the word (default: 0).
    pub word: usize,
    /// Column of the tag (default: `None`, the last one).
    pub tag: Option<usize>,
    /// Key of the words (default: `tokens`).
    pub tokens: String,
    /// Key of the tags, which are names or positions in `class_names` (default: `None`, `ner_tags`
    /// or `tags`).
    pub tags: Option<String>,
    /// Key of the text of objects without words (default: `text`).
    pub text: String,
    /// Key of the spans of a text, a list of objects with `start`, `end` and `label` or of lists of
    /// these (default: `None`, `entities` or `spans`). Start and end count characters, as in Python.
    pub spans: Option<String>,
}

impl Default for TaggedColumns {
    fn default() -> Self {
        Self {
            word: 0,
            tag: None,
            tokens: "tokens".to_string(),
            tags: None,
            text: "text".to_string(),
            spans: None,
        }
    }
}

impl TaggedOptions {
    pub(super) fn format_of(&self, path: &Path) -> Result<TaggedFormat, DataError> {
        let extension = extension(path);
        match (self.format, extension.trim_end_matches(".gz")) {
            (Some(format), _) => Ok(format),
            (None, "jsonl" | "ndjson" | "json") => Ok(TaggedFormat::JsonLines),
            (None, "parquet" | "arrow" | "feather") => {
                let problem = "expected CoNLL columns or JSON Lines, found a table";
                Err(DataError::file(path, problem))
            }
            (None, _) => Ok(TaggedFormat::Conll),
        }
    }

    /// Returns the scheme of the training sentences.
    pub(super) fn scheme_of(&self, train: &Sentences) -> Result<TagScheme, DataError> {
        let scheme = self.scheme.unwrap_or_else(|| {
            let tagged = train.iter().flatten();
            TagScheme::infer(tagged.filter_map(|sentence| sentence.tags.as_deref()))
        });
        match (scheme, self.convert_to) {
            (TagScheme::Plain, Some(wanted)) if wanted != TagScheme::Plain => {
                let expected = "none for tags without a scheme";
                Err(DataError::setting("convert_to", expected, wanted))
            }
            (scheme, Some(TagScheme::Plain)) if scheme != TagScheme::Plain => {
                let expected = "a scheme with prefixes";
                Err(DataError::setting("convert_to", expected, "plain"))
            }
            (scheme, _) => Ok(scheme),
        }
    }
}
