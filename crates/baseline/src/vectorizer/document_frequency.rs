//! Selection of terms by document frequency.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::count::CountVectorizerConfig;
use crate::error::BaselineError;

/// Document frequency: in JSON, an integer is a number of texts, and a number with a decimal point
/// is a fraction of the texts.
///
/// ```
/// use finetune_baseline::DocumentFrequency;
///
/// let read = |json| serde_json::from_str::<DocumentFrequency>(json);
/// assert_eq!(read("1")?, DocumentFrequency::Count(1));
/// assert_eq!(read("1.0")?, DocumentFrequency::Fraction(1.0));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DocumentFrequency {
    /// Number of texts, at least 1.
    Count(u64),
    /// Fraction of all texts, in `[0, 1]`.
    Fraction(f64),
}

impl DocumentFrequency {
    pub(super) fn validate(self, setting: &'static str) -> Result<(), BaselineError> {
        let found = match self {
            Self::Count(count) if count >= 1 => return Ok(()),
            Self::Fraction(share) if (0.0..=1.0).contains(&share) => return Ok(()),
            Self::Count(count) => count.to_string(),
            Self::Fraction(share) => format!("{share:?}"),
        };
        let expected = "a number of texts from 1, or a fraction from 0.0 to 1.0";
        Err(BaselineError::setting(setting, found, expected))
    }

    fn texts(self, all: usize) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Fraction(share) => share * all as f64,
        }
    }
}

/// Frequencies of a term.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Occurrences {
    /// Number of texts that contain the term.
    pub(super) texts: u64,
    /// Total number of occurrences.
    pub(super) total: u64,
}

impl CountVectorizerConfig {
    /// Returns whether each term is kept. `terms` are sorted by name, which decides ties in
    /// frequency (scikit-learn leaves these to an unstable sort).
    pub(super) fn kept(
        &self,
        terms: &[Occurrences],
        texts: usize,
    ) -> Result<Vec<bool>, BaselineError> {
        let (least, most) = (self.min_df.texts(texts), self.max_df.texts(texts));
        if most < least {
            let expected = format!("at least {least} (min_df)");
            return Err(BaselineError::setting(
                "max_df",
                format!("{most} texts"),
                expected,
            ));
        }
        let in_range = |term: &Occurrences| (least..=most).contains(&(term.texts as f64));
        let mut kept: Vec<bool> = terms.iter().map(in_range).collect();
        if let Some(limit) = self.max_features {
            let mut frequent: Vec<usize> = (0..terms.len()).filter(|&term| kept[term]).collect();
            frequent.sort_by_key(|&term| Reverse(terms[term].total));
            for &term in frequent.iter().skip(limit) {
                kept[term] = false;
            }
        }
        if !kept.contains(&true) {
            let reason = format!(
                "none of {} terms is in {least} to {most} texts; lower min_df or raise max_df",
                terms.len()
            );
            return Err(BaselineError::NoTerms { reason });
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equally_frequent_terms_are_kept() {
        let config = CountVectorizerConfig {
            max_features: Some(2),
            ..CountVectorizerConfig::default()
        };
        let terms = [3, 1, 3, 9, 3].map(|total| Occurrences { texts: 1, total });
        let kept = config.kept(&terms, 1).unwrap();
        assert_eq!(kept, [true, false, false, true, false]);
    }
}
