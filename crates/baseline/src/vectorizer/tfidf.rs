//! Term counts weighted by inverse document frequency.

use serde::{Deserialize, Serialize};

use super::Norm;
use super::count::{CountVectorizer, CountVectorizerConfig};
use crate::csr_matrix::CsrMatrix;
use crate::error::BaselineError;

/// Configuration of [`TfidfVectorizer`]; names and defaults are those of scikit-learn's
/// [`TfidfVectorizer`](https://scikit-learn.org/1.9/modules/generated/sklearn.feature_extraction.text.TfidfVectorizer.html).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TfidfVectorizerConfig {
    /// Term counts.
    pub counts: CountVectorizerConfig,
    /// Normalization of rows (default: [`Norm::L2`]).
    pub norm: Norm,
    /// Whether counts are multiplied by the inverse document frequency (default: true).
    pub use_idf: bool,
    /// Whether document frequencies are smoothed as if one more text contained every term (default:
    /// true).
    pub smooth_idf: bool,
    /// Whether counts are replaced by `1 + ln(count)` (default: false).
    pub sublinear_tf: bool,
}

impl Default for TfidfVectorizerConfig {
    fn default() -> Self {
        Self {
            counts: CountVectorizerConfig::default(),
            norm: Norm::L2,
            use_idf: true,
            smooth_idf: true,
            sublinear_tf: false,
        }
    }
}

/// Fitted TF-IDF vectorizer. By default, the inverse document frequency is `1 + ln((1 + texts) / (1
/// + texts with the term))`.
///
/// ```
/// use finetune_baseline::{TfidfVectorizer, TfidfVectorizerConfig};
///
/// let config = TfidfVectorizerConfig::default();
/// let (vectorizer, rows) = TfidfVectorizer::fit_transform(&config, &["big fire", "no fire"])?;
/// assert_eq!(vectorizer.counts().feature_names(), ["big", "fire", "no"]);
/// let first: Vec<_> = rows.row(0).collect();
/// assert!((first[0].1 / first[1].1 - (1.0 + 1.5f64.ln())).abs() < 1e-12);
/// # Ok::<(), finetune_baseline::BaselineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TfidfVectorizer {
    config: TfidfVectorizerConfig,
    counts: CountVectorizer,
    /// Inverse document frequency of each column; empty if it is not used.
    idf: Vec<f64>,
}

impl TfidfVectorizer {
    /// Fits vocabulary and document frequencies to texts and returns the vectorizer with their
    /// features.
    ///
    /// # Errors
    /// The errors of [`CountVectorizer::fit_transform`].
    pub fn fit_transform<S: AsRef<str> + Sync>(
        config: &TfidfVectorizerConfig,
        texts: &[S],
    ) -> Result<(Self, CsrMatrix), BaselineError> {
        let (counts, mut rows) = CountVectorizer::fit_transform(&config.counts, texts)?;
        let idf = match config.use_idf {
            true => inverse_document_frequencies(&rows, config.smooth_idf),
            false => Vec::new(),
        };
        let vectorizer = Self {
            config: config.clone(),
            counts,
            idf,
        };
        vectorizer.weight(&mut rows);
        Ok((vectorizer, rows))
    }

    /// Creates a vectorizer from known terms and inverse document frequencies.
    pub(crate) fn with_factors(
        config: &TfidfVectorizerConfig,
        counts: CountVectorizer,
        idf: Vec<f64>,
    ) -> Self {
        Self {
            config: config.clone(),
            counts,
            idf,
        }
    }

    /// Returns the weighted term counts of texts. Unknown terms are ignored.
    pub fn transform<S: AsRef<str> + Sync>(&self, texts: &[S]) -> CsrMatrix {
        let mut rows = self.counts.transform(texts);
        self.weight(&mut rows);
        rows
    }

    fn weight(&self, rows: &mut CsrMatrix) {
        rows.change_rows(|columns, values| {
            if self.config.sublinear_tf {
                values
                    .iter_mut()
                    .for_each(|value| *value = value.ln() + 1.0);
            }
            if self.config.use_idf {
                let factors = columns.iter().map(|&column| self.idf[column as usize]);
                values
                    .iter_mut()
                    .zip(factors)
                    .for_each(|(value, factor)| *value *= factor);
            }
            self.config.norm.apply(values);
        });
    }

    /// Returns the underlying count vectorizer.
    pub fn counts(&self) -> &CountVectorizer {
        &self.counts
    }

    /// Returns the inverse document frequency of each column; `None` if
    /// [`use_idf`](TfidfVectorizerConfig::use_idf) is false.
    pub fn idf(&self) -> Option<&[f64]> {
        self.config.use_idf.then_some(&self.idf)
    }

    /// Returns the configuration.
    pub fn config(&self) -> &TfidfVectorizerConfig {
        &self.config
    }
}

fn inverse_document_frequencies(counts: &CsrMatrix, smooth: bool) -> Vec<f64> {
    let mut frequencies = vec![0u64; counts.columns()];
    for &column in counts.indices() {
        frequencies[column as usize] += 1;
    }
    let more = f64::from(u8::from(smooth));
    let texts = counts.len() as f64 + more;
    let factor = |frequency| (texts / (frequency as f64 + more)).ln() + 1.0;
    frequencies.into_iter().map(factor).collect()
}
