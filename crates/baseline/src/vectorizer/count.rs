//! Counts of terms.

use serde::{Deserialize, Serialize};

use super::document_frequency::{DocumentFrequency, Limits};
use super::term_counts::{TermCounts, counts_of};
use super::vocabulary::Vocabulary;
use crate::analyzer::{Analyzer, AnalyzerConfig};
use crate::{BaselineError, SparseRows};

/// Settings of [`CountVectorizer`]; names and defaults are those of scikit-learn's
/// [`CountVectorizer`](https://scikit-learn.org/1.9/modules/generated/sklearn.feature_extraction.text.CountVectorizer.html).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CountVectorizerConfig {
    /// How a text becomes terms.
    pub text: AnalyzerConfig,
    /// The least number of texts, or the least share, that a term must be in.
    pub min_df: DocumentFrequency,
    /// The greatest number of texts, or the greatest share, that a term may be in.
    pub max_df: DocumentFrequency,
    /// How many terms are kept at most, from 1: the most frequent, of equals the first by name.
    pub max_features: Option<usize>,
    /// Whether a term counts once in a text.
    pub binary: bool,
}

impl Default for CountVectorizerConfig {
    fn default() -> Self {
        Self {
            text: AnalyzerConfig::default(),
            min_df: DocumentFrequency::Count(1),
            max_df: DocumentFrequency::Share(1.0),
            max_features: None,
            binary: false,
        }
    }
}

impl CountVectorizerConfig {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`BaselineError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), BaselineError> {
        self.text.validate()?;
        self.min_df.validate("min_df")?;
        self.max_df.validate("max_df")?;
        match self.max_features {
            Some(0) => Err(BaselineError::setting("max_features", "a number from 1", 0)),
            _ => Ok(()),
        }
    }
}

/// A column for each term of the texts it was fitted to, in the order of the terms.
///
/// ```
/// use finetune_baseline::{CountVectorizer, CountVectorizerConfig};
///
/// let config = CountVectorizerConfig::default();
/// let (vectorizer, rows) = CountVectorizer::fit_transform(&config, &["fire! Fire", "no fire"])?;
/// assert_eq!(vectorizer.terms(), ["fire", "no"]);
/// assert_eq!(rows.row(0).collect::<Vec<_>>(), [(0, 2.0)]);
/// assert_eq!(rows.row(1).collect::<Vec<_>>(), [(0, 1.0), (1, 1.0)]);
///
/// let rows = vectorizer.transform(&["No flood"]);
/// assert_eq!(rows.row(0).collect::<Vec<_>>(), [(1, 1.0)]);
/// # Ok::<(), finetune_baseline::BaselineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CountVectorizer {
    config: CountVectorizerConfig,
    analyzer: Analyzer,
    vocabulary: Vocabulary,
}

impl CountVectorizer {
    /// Learns the terms of texts, and counts them.
    ///
    /// # Errors
    /// [`BaselineError::InvalidSetting`], [`BaselineError::TokenPattern`];
    /// [`BaselineError::EmptyVocabulary`], [`BaselineError::DocumentFrequencies`],
    /// [`BaselineError::NothingLeft`] or [`BaselineError::TooManyTerms`].
    pub fn fit_transform<S: AsRef<str> + Sync>(
        config: &CountVectorizerConfig,
        texts: &[S],
    ) -> Result<(Self, SparseRows), BaselineError> {
        config.validate()?;
        let analyzer = Analyzer::new(&config.text)?;
        let limits = Limits {
            min_df: config.min_df,
            max_df: config.max_df,
            max_features: config.max_features,
        };
        let counts = TermCounts::all(texts, &analyzer)?;
        let sorted = counts.sorted();
        let kept = limits.kept(&counts.occurrences(&sorted, config.binary), texts.len())?;
        let (vocabulary, rows) = counts.into_matrix(&sorted, &kept, config.binary);
        let config = config.clone();
        let vectorizer = Self {
            config,
            analyzer,
            vocabulary,
        };
        Ok((vectorizer, rows))
    }

    /// One with terms that were learnt before.
    pub(crate) fn with_vocabulary(
        config: &CountVectorizerConfig,
        vocabulary: Vocabulary,
    ) -> Result<Self, BaselineError> {
        config.validate()?;
        Ok(Self {
            analyzer: Analyzer::new(&config.text)?,
            config: config.clone(),
            vocabulary,
        })
    }

    /// Counts the terms of texts. Terms that are no column are left out.
    pub fn transform<S: AsRef<str> + Sync>(&self, texts: &[S]) -> SparseRows {
        counts_of(texts, &self.analyzer, &self.vocabulary, self.config.binary)
    }

    /// The term of each column.
    pub fn terms(&self) -> &[String] {
        self.vocabulary.terms()
    }

    /// The column of a term.
    pub fn column(&self, term: &str) -> Option<u32> {
        self.vocabulary.column(term)
    }

    /// The settings.
    pub fn config(&self) -> &CountVectorizerConfig {
        &self.config
    }
}
