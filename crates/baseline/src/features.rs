//! Features: configuration and fitted vectorizers.

use serde::{Deserialize, Serialize};

use crate::csr_matrix::CsrMatrix;
use crate::error::BaselineError;
use crate::vectorizer::{
    CountVectorizer, CountVectorizerConfig, HashingVectorizer, HashingVectorizerConfig,
    TfidfVectorizer, TfidfVectorizerConfig,
};

/// Kind of features and their settings (default: TF-IDF).
///
/// ```
/// use finetune_baseline::FeatureConfig;
///
/// let json = r#"{"kind": "tfidf", "sublinear_tf": true, "counts": {"min_df": 2}}"#;
/// assert!(matches!(serde_json::from_str(json)?, FeatureConfig::Tfidf(config) if config.sublinear_tf));
/// let unknown = r#"{"kind": "tfidf", "min_df": 2}"#;
/// assert!(serde_json::from_str::<FeatureConfig>(unknown).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FeatureConfig {
    /// Term counts.
    Count(CountVectorizerConfig),
    /// Term counts weighted by inverse document frequency.
    Tfidf(TfidfVectorizerConfig),
    /// Term counts in hashed columns.
    Hashing(HashingVectorizerConfig),
}

impl Default for FeatureConfig {
    fn default() -> Self {
        Self::Tfidf(TfidfVectorizerConfig::default())
    }
}

impl FeatureConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] for the first value that is out of range.
    pub fn validate(&self) -> Result<(), BaselineError> {
        match self {
            Self::Count(config) => config.validate(),
            Self::Tfidf(config) => config.counts.validate(),
            Self::Hashing(config) => config.validate(),
        }
    }

    /// Fits a vectorizer to texts and returns it with their features.
    ///
    /// # Errors
    /// The errors of [`CountVectorizer::fit_transform`].
    pub fn fit_transform<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
    ) -> Result<(Vectorizer, CsrMatrix), BaselineError> {
        match self {
            Self::Count(config) => {
                let (vectorizer, rows) = CountVectorizer::fit_transform(config, texts)?;
                Ok((Vectorizer::Count(vectorizer), rows))
            }
            Self::Tfidf(config) => {
                let (vectorizer, rows) = TfidfVectorizer::fit_transform(config, texts)?;
                Ok((Vectorizer::Tfidf(vectorizer), rows))
            }
            Self::Hashing(config) => {
                let vectorizer = HashingVectorizer::new(config)?;
                let rows = vectorizer.transform(texts);
                Ok((Vectorizer::Hashing(vectorizer), rows))
            }
        }
    }
}

/// Fitted vectorizer.
#[derive(Debug, Clone)]
pub enum Vectorizer {
    /// Term counts.
    Count(CountVectorizer),
    /// Term counts weighted by inverse document frequency.
    Tfidf(TfidfVectorizer),
    /// Term counts in hashed columns.
    Hashing(HashingVectorizer),
}

impl Vectorizer {
    /// Returns the features of texts.
    pub fn transform<S: AsRef<str> + Sync>(&self, texts: &[S]) -> CsrMatrix {
        match self {
            Self::Count(vectorizer) => vectorizer.transform(texts),
            Self::Tfidf(vectorizer) => vectorizer.transform(texts),
            Self::Hashing(vectorizer) => vectorizer.transform(texts),
        }
    }

    /// Returns the term of each column; `None` for hashed features.
    pub fn feature_names(&self) -> Option<&[String]> {
        match self {
            Self::Count(vectorizer) => Some(vectorizer.feature_names()),
            Self::Tfidf(vectorizer) => Some(vectorizer.counts().feature_names()),
            Self::Hashing(_) => None,
        }
    }

    /// Returns the configuration.
    pub fn config(&self) -> FeatureConfig {
        match self {
            Self::Count(vectorizer) => FeatureConfig::Count(vectorizer.config().clone()),
            Self::Tfidf(vectorizer) => FeatureConfig::Tfidf(vectorizer.config().clone()),
            Self::Hashing(vectorizer) => FeatureConfig::Hashing(vectorizer.config().clone()),
        }
    }
}
