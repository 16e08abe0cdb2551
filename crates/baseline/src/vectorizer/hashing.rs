//! Term counts in hashed columns.

use serde::{Deserialize, Serialize};

use super::{Norm, transform};
use crate::analyzer::{Analyzer, AnalyzerConfig};
use crate::csr_matrix::CsrMatrix;
use crate::error::BaselineError;

/// Configuration of [`HashingVectorizer`]; names and defaults are those of scikit-learn's
/// [`HashingVectorizer`](https://scikit-learn.org/1.9/modules/generated/sklearn.feature_extraction.text.HashingVectorizer.html).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HashingVectorizerConfig {
    /// Extraction of terms from texts.
    pub analyzer: AnalyzerConfig,
    /// Number of columns, from 1 to 2³¹ - 1 (default: 2²⁰).
    pub n_features: u32,
    /// Whether a hash-based sign is applied to counts, so that colliding terms cancel out on
    /// average instead of adding up ([Weinberger et al. 2009](https://arxiv.org/abs/0902.2206))
    /// (default: true).
    pub alternate_sign: bool,
    /// Whether the value of every column with a term of the text is 1 (default: false).
    pub binary: bool,
    /// Normalization of rows (default: [`Norm::L2`]).
    pub norm: Norm,
}

impl Default for HashingVectorizerConfig {
    fn default() -> Self {
        Self {
            analyzer: AnalyzerConfig::default(),
            n_features: 1 << 20,
            alternate_sign: true,
            binary: false,
            norm: Norm::L2,
        }
    }
}

impl HashingVectorizerConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] for the first value that is out of range.
    pub fn validate(&self) -> Result<(), BaselineError> {
        self.analyzer.validate()?;
        match (1..=i32::MAX as u32).contains(&self.n_features) {
            true => Ok(()),
            false => {
                let expected = "from 1 to 2147483647";
                Err(BaselineError::setting(
                    "n_features",
                    self.n_features,
                    expected,
                ))
            }
        }
    }
}

/// Hashing vectorizer: the column of a term is a hash of it, so no vocabulary is fitted or stored.
///
/// Columns and signs are those of scikit-learn.
///
/// ```
/// use finetune_baseline::{HashingVectorizer, HashingVectorizerConfig};
///
/// let vectorizer = HashingVectorizer::new(&HashingVectorizerConfig::default())?;
/// let rows = vectorizer.transform(&["fire", "no fire"]);
/// assert_eq!(rows.columns(), 1 << 20);
/// assert_eq!((rows.row(0).count(), rows.row(1).count()), (1, 2));
/// # Ok::<(), finetune_baseline::BaselineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HashingVectorizer {
    config: HashingVectorizerConfig,
    analyzer: Analyzer,
}

impl HashingVectorizer {
    /// Creates a vectorizer.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] if a setting is out of range.
    pub fn new(config: &HashingVectorizerConfig) -> Result<Self, BaselineError> {
        config.validate()?;
        Ok(Self {
            analyzer: Analyzer::new(&config.analyzer)?,
            config: config.clone(),
        })
    }

    /// Returns the term counts of texts in hashed columns.
    pub fn transform<S: AsRef<str> + Sync>(&self, texts: &[S]) -> CsrMatrix {
        let row = |terms: &mut [(u32, i8)]| {
            terms.sort_unstable_by_key(|(column, _)| *column);
            let equal = terms.chunk_by(|(a, _), (b, _)| a == b);
            let entries = equal.map(|equal| {
                let sum: i64 = equal.iter().map(|(_, sign)| i64::from(*sign)).sum();
                (
                    equal[0].0,
                    if self.config.binary { 1.0 } else { sum as f64 },
                )
            });
            entries.collect::<Vec<_>>()
        };
        let columns = self.config.n_features as usize;
        let term = |term: &str| Some(self.column_and_sign(term));
        let mut rows = transform(texts, &self.analyzer, columns, term, row);
        rows.change_rows(|_, values| self.config.norm.apply(values));
        rows
    }

    fn column_and_sign(&self, term: &str) -> (u32, i8) {
        let hash = murmur_hash(term.as_bytes(), 0) as i32;
        let sign = if self.config.alternate_sign && hash < 0 {
            -1
        } else {
            1
        };
        (hash.unsigned_abs() % self.config.n_features, sign)
    }

    /// Returns the configuration.
    pub fn config(&self) -> &HashingVectorizerConfig {
        &self.config
    }
}

/// Returns the 32-bit MurmurHash3 by Austin Appleby
/// ([reference](https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp)).
fn murmur_hash(bytes: &[u8], seed: u32) -> u32 {
    let mixed = |block: u32| {
        let block = block.wrapping_mul(0xcc9e_2d51).rotate_left(15);
        block.wrapping_mul(0x1b87_3593)
    };
    let mut hash = seed;
    let (blocks, tail) = bytes.as_chunks::<4>();
    for block in blocks {
        hash = (hash ^ mixed(u32::from_le_bytes(*block))).rotate_left(13);
        hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    hash ^= mixed(u32::from_le_bytes(last));

    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected value of `sklearn.utils.murmurhash3_32(bytes, seed=seed, positive=True)`.
    #[test]
    fn hashes_are_those_of_the_reference() {
        for (bytes, seed, expected) in [
            ("", 0, 0),
            ("", 1, 0x514e_28b7),
            ("a", 0, 0x3c25_69b2),
            ("ab", 0, 0x9bbf_d75f),
            ("abc", 0, 0xb3dd_93fa),
            ("abcd", 0, 0x43ed_676a),
            ("Hello, world!", 1234, 0xfaf6_cdb3),
        ] {
            assert_eq!(murmur_hash(bytes.as_bytes(), seed), expected, "{bytes:?}");
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        for n_features in [0, 1 << 31] {
            let config = HashingVectorizerConfig {
                n_features,
                ..HashingVectorizerConfig::default()
            };
            let error = HashingVectorizer::new(&config).unwrap_err().to_string();
            let expected = format!("n_features is {n_features}, expected from 1 to 2147483647");
            assert_eq!(error, expected);
        }
    }
}
