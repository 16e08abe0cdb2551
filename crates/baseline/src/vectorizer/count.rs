//! Term counts.

use serde::{Deserialize, Serialize};

use super::document_frequency::DocumentFrequency;
use super::term_counts::{TermCounts, Vocabulary, counts_of};
use crate::analyzer::{Analyzer, AnalyzerConfig};
use crate::csr_matrix::CsrMatrix;
use crate::error::BaselineError;

/// Configuration of [`CountVectorizer`]; names and defaults are those of scikit-learn's
/// [`CountVectorizer`](https://scikit-learn.org/1.9/modules/generated/sklearn.feature_extraction.text.CountVectorizer.html).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CountVectorizerConfig {
    /// Extraction of terms from texts.
    pub analyzer: AnalyzerConfig,
    /// Minimum document frequency of a term, as a number or fraction of texts (default: 1 text).
    pub min_df: DocumentFrequency,
    /// Maximum document frequency of a term, as a number or fraction of texts (default: 1.0, all
    /// texts).
    pub max_df: DocumentFrequency,
    /// Maximum number of terms, at least 1; the most frequent terms are kept, ties in the order of
    /// the terms (default: `None`, no limit).
    pub max_features: Option<usize>,
    /// Whether counts are replaced by 1 (default: false).
    pub binary: bool,
}

impl Default for CountVectorizerConfig {
    fn default() -> Self {
        Self {
            analyzer: AnalyzerConfig::default(),
            min_df: DocumentFrequency::Count(1),
            max_df: DocumentFrequency::Fraction(1.0),
            max_features: None,
            binary: false,
        }
    }
}

impl CountVectorizerConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] for the first value that is out of range.
    pub fn validate(&self) -> Result<(), BaselineError> {
        self.analyzer.validate()?;
        self.min_df.validate("min_df")?;
        self.max_df.validate("max_df")?;
        match self.max_features {
            Some(0) => Err(BaselineError::setting("max_features", 0, "at least 1")),
            _ => Ok(()),
        }
    }
}

/// Fitted count vectorizer: one column per term of the training texts, in term order.
///
/// ```
/// use finetune_baseline::{CountVectorizer, CountVectorizerConfig};
///
/// let config = CountVectorizerConfig::default();
/// let (vectorizer, rows) = CountVectorizer::fit_transform(&config, &["fire! Fire", "no fire"])?;
/// assert_eq!(vectorizer.feature_names(), ["fire", "no"]);
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
    /// Fits the vocabulary to texts and returns the vectorizer with their counts.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] if a setting is out of range.
    /// - [`BaselineError::NoTerms`] if the texts contain no terms, or none within the limits.
    /// - [`BaselineError::TooManyTerms`] if there are more terms than supported column indices.
    pub fn fit_transform<S: AsRef<str> + Sync>(
        config: &CountVectorizerConfig,
        texts: &[S],
    ) -> Result<(Self, CsrMatrix), BaselineError> {
        config.validate()?;
        let analyzer = Analyzer::new(&config.analyzer)?;
        let counts = TermCounts::all(texts, &analyzer)?;
        let sorted = counts.sorted();
        let kept = config.kept(&counts.occurrences(&sorted, config.binary), texts.len())?;
        let (vocabulary, rows) = counts.into_matrix(&sorted, &kept, config.binary);
        let config = config.clone();
        let vectorizer = Self {
            config,
            analyzer,
            vocabulary,
        };
        Ok((vectorizer, rows))
    }

    /// Creates a vectorizer from a known vocabulary.
    pub(crate) fn with_vocabulary(
        config: &CountVectorizerConfig,
        vocabulary: Vocabulary,
    ) -> Result<Self, BaselineError> {
        config.validate()?;
        Ok(Self {
            analyzer: Analyzer::new(&config.analyzer)?,
            config: config.clone(),
            vocabulary,
        })
    }

    /// Returns the term counts of texts. Unknown terms are ignored.
    pub fn transform<S: AsRef<str> + Sync>(&self, texts: &[S]) -> CsrMatrix {
        counts_of(texts, &self.analyzer, &self.vocabulary, self.config.binary)
    }

    /// Returns the term of each column.
    pub fn feature_names(&self) -> &[String] {
        self.vocabulary.terms()
    }

    /// Returns the column of a term; `None` if it is unknown.
    pub fn column(&self, term: &str) -> Option<u32> {
        self.vocabulary.column(term)
    }

    /// Returns the configuration.
    pub fn config(&self) -> &CountVectorizerConfig {
        &self.config
    }
}
