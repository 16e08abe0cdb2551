//! Sparse-feature baselines for text classification.
//!
//! A bag of words with logistic regression takes milliseconds where an encoder takes minutes, and
//! is often competitive on short texts. It is evaluated on the same folds with the same metrics as
//! an encoder, and writes predictions in the same format:
//!
//! 1. **Analyze**: an [`Analyzer`] extracts terms from texts: words, characters or n-grams of them.
//! 2. **Vectorize**: a [`CountVectorizer`], [`TfidfVectorizer`] or [`HashingVectorizer`] turns
//!    terms into [`CsrMatrix`].
//! 3. **Fit**: a [`LogisticRegressionConfig`] fits a [`LogisticRegression`] to rows and labels and
//!    reports its [convergence](Convergence).
//! 4. **Compare**: a [`BaselineConfig`] combines these settings, fits a [`BaselineClassifier`], and
//!    runs a [`CrossValidation`] over [`Folds`](finetune_data::Folds).
//!
//! Names, defaults and results are those of scikit-learn 1.9: equal columns, values and
//! coefficients. Results do not depend on the number of threads.
//!
//! # Example
//!
//! ```
//! use finetune_baseline::{BaselineConfig, CountVectorizerConfig, FeatureConfig};
//! use finetune_data::{Dataset, Example, Folds, Label, Schema};
//!
//! let dataset = Dataset {
//!     name: "tweets".into(),
//!     schema: Schema::classification(["other", "disaster"]),
//!     examples: (0..40)
//!         .map(|row| match row % 2 {
//!             0 => Example::new(format!("song number {row}"), Label::Class(0)),
//!             _ => Example::new(format!("fire in street {row}"), Label::Class(1)),
//!         })
//!         .collect(),
//! };
//! let folds = Folds::stratified_k_fold(&dataset, 10, 42)?;
//! let config = BaselineConfig {
//!     features: FeatureConfig::Count(CountVectorizerConfig::default()),
//!     ..BaselineConfig::default()
//! };
//! let result = config.cross_validate(&dataset, &folds)?;
//! assert_eq!(result.mean(|report| report.accuracy), 1.0);
//!
//! let classifier = config.fit(&dataset)?;
//! let telling = classifier.top_coefficients(1, 3);
//! let terms: Vec<_> = telling.iter().filter_map(|top| top.term.as_deref()).collect();
//! assert_eq!(terms, ["fire", "in", "street"]);
//! # Ok::<(), finetune_baseline::BaselineError>(())
//! ```

mod analyzer;
mod classifier;
mod cross_validation;
mod csr_matrix;
mod error;
mod features;
mod labeled_texts;
mod logistic;
mod persistence;
mod predictions;
mod vectorizer;

pub use analyzer::{Analyzer, AnalyzerConfig, AnalyzerKind, StripAccents};
pub use classifier::{BaselineClassifier, BaselineConfig, TopCoefficient};
pub use cross_validation::{CrossValidation, FoldResult, FoldSeconds};
pub use csr_matrix::CsrMatrix;
pub use error::BaselineError;
pub use features::{FeatureConfig, Vectorizer};
pub use logistic::{
    ClassWeights, Convergence, LogisticRegression, LogisticRegressionConfig, StopReason,
};
pub use predictions::Predictions;
pub use vectorizer::{
    CountVectorizer, CountVectorizerConfig, DocumentFrequency, HashingVectorizer,
    HashingVectorizerConfig, Norm, TfidfVectorizer, TfidfVectorizerConfig,
};
