//! Configuration of the analyzer.

use serde::{Deserialize, Serialize};

use crate::error::BaselineError;

/// Configuration of text analysis; names and defaults are those of scikit-learn's
/// [`CountVectorizer`](https://scikit-learn.org/1.9/modules/generated/sklearn.feature_extraction.text.CountVectorizer.html).
///
/// ```
/// use finetune_baseline::{Analyzer, AnalyzerConfig};
///
/// let config: AnalyzerConfig = serde_json::from_str(r#"{"ngram_range": [1, 2]}"#)?;
/// let analyzer = Analyzer::new(&config)?;
/// assert_eq!(analyzer.terms("A big fire!"), ["big", "fire", "big fire"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnalyzerConfig {
    /// Kind of terms (default: [`AnalyzerKind::Word`]).
    pub kind: AnalyzerKind,
    /// Whether to convert texts to lowercase first (default: true).
    pub lowercase: bool,
    /// Handling of accents (default: [`StripAccents::None`]).
    pub strip_accents: StripAccents,
    /// Regular expression for words, used for word terms, in the syntax of the crate
    /// [`regex`](https://docs.rs/regex/latest/regex/#syntax) (no look-around), with Python's `\w`,
    /// `\W` and `\s` (default: words of at least two characters). If the pattern has a group, the
    /// group is the word.
    ///
    /// `\b` differs from Python next to combining marks and joiners, which the crate counts as word
    /// characters. In scikit-learn's default pattern, and in patterns that differ from it only in
    /// the number of `\w`, `\b` is as in Python.
    pub token_pattern: String,
    /// Words to exclude, for word terms only (default: none). There is no built-in list:
    /// scikit-learn's list is known to [miss words](https://aclanthology.org/W18-2502/), and
    /// suitable lists depend on the task.
    pub stop_words: Vec<String>,
    /// Minimum and maximum number of words or characters per term, at least 1 (default: `(1, 1)`).
    pub ngram_range: (usize, usize),
}

/// Kind of terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalyzerKind {
    /// Words; n-grams are joined with a space.
    #[default]
    Word,
    /// Character n-grams of the text.
    Char,
    /// Character n-grams within words, which are padded with a space on each side.
    CharWb,
}

/// Handling of accents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StripAccents {
    /// Keep accents.
    #[default]
    None,
    /// Decompose characters (NFKD) and remove non-ASCII characters.
    Ascii,
    /// Decompose characters (NFKD) and remove combining marks.
    Unicode,
}

/// Default pattern of scikit-learn: words of at least two characters.
const TOKEN_PATTERN: &str = r"(?u)\b\w\w+\b";

impl Default for AnalyzerConfig {
    fn default() -> Self {
        Self {
            kind: AnalyzerKind::Word,
            lowercase: true,
            strip_accents: StripAccents::None,
            token_pattern: TOKEN_PATTERN.to_owned(),
            stop_words: Vec::new(),
            ngram_range: (1, 1),
        }
    }
}

impl AnalyzerConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] for the first value that is out of range.
    pub fn validate(&self) -> Result<(), BaselineError> {
        let (least, greatest) = self.ngram_range;
        if least == 0 || least > greatest {
            let found = format!("{:?}", self.ngram_range);
            let expected = "two numbers from 1, the first not above the second";
            return Err(BaselineError::setting("ngram_range", found, expected));
        }
        if self.kind != AnalyzerKind::Word && !self.stop_words.is_empty() {
            let found = format!("a list of {} words", self.stop_words.len());
            let expected = "an empty list, for terms of characters";
            return Err(BaselineError::setting("stop_words", found, expected));
        }
        Ok(())
    }
}
