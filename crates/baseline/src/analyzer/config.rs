//! Settings of the analyzer.

use serde::{Deserialize, Serialize};

use crate::BaselineError;

/// How a text becomes terms; names and defaults are those of scikit-learn's
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
    /// What a term is made of.
    pub analyzer: TermKind,
    /// Whether letters are made small first.
    pub lowercase: bool,
    /// What becomes of accents.
    pub strip_accents: StripAccents,
    /// What a word is, for terms of words: a regular expression as the crate
    /// [`regex`](https://docs.rs/regex/latest/regex/#syntax) takes it (no look-around), with the
    /// `\w`, `\W` and `\s` of Python. If it has a group, the group is the word.
    ///
    /// Only `\b` is the crate's own beside characters that it counts as parts of words and Python
    /// does not: combining marks and joiners. In scikit-learn's default pattern, and in those that
    /// differ from it in the number of `\w`, `\b` is Python's.
    pub token_pattern: String,
    /// Words that make no terms, for terms of words. There is no built-in list: the one of
    /// scikit-learn is known to [miss words](https://aclanthology.org/W18-2502/), and each task has
    /// its own.
    pub stop_words: Vec<String>,
    /// The least and the greatest number of words, or characters, in a term.
    pub ngram_range: (usize, usize),
}

/// What a term is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermKind {
    /// Words, with a space between two.
    #[default]
    Word,
    /// Characters of the text.
    Char,
    /// Characters of a word with a space on either side.
    CharWb,
}

/// What becomes of accents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StripAccents {
    /// They stay.
    #[default]
    None,
    /// Characters are decomposed (NFKD), and what is not ASCII then is removed.
    Ascii,
    /// Characters are decomposed (NFKD), and combining marks are removed.
    Unicode,
}

/// scikit-learn's default: words of two characters at least.
const TOKEN_PATTERN: &str = r"(?u)\b\w\w+\b";

impl Default for AnalyzerConfig {
    fn default() -> Self {
        Self {
            analyzer: TermKind::Word,
            lowercase: true,
            strip_accents: StripAccents::None,
            token_pattern: TOKEN_PATTERN.to_owned(),
            stop_words: Vec::new(),
            ngram_range: (1, 1),
        }
    }
}

impl AnalyzerConfig {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`BaselineError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), BaselineError> {
        let (least, greatest) = self.ngram_range;
        if least == 0 || least > greatest {
            return Err(BaselineError::setting(
                "ngram_range",
                "two numbers from 1, the first not above the second",
                format!("{:?}", self.ngram_range),
            ));
        }
        if self.analyzer != TermKind::Word && !self.stop_words.is_empty() {
            return Err(BaselineError::setting(
                "stop_words",
                "none for terms of characters",
                format!("{} words", self.stop_words.len()),
            ));
        }
        Ok(())
    }
}
