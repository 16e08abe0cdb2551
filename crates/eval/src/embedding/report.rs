//! Scores of embeddings on test rows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metric::Scores;
use crate::text_table::scores_and_counts;

/// Scores of embeddings by name: similarity or retrieval metrics, as the rows allow.
///
/// ```
/// use finetune_eval::EmbeddingReport;
///
/// let embeddings = [("ndcg@10".to_string(), 0.75)].into_iter().collect();
/// let report = EmbeddingReport { rows: 20, embeddings };
/// assert_eq!(report.to_string(), "ndcg@10  0.7500\nrows         20\n");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingReport {
    /// Number of rows.
    pub rows: u64,
    /// Scores, in the order of evaluation.
    pub embeddings: Scores,
}

impl fmt::Display for EmbeddingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&scores_and_counts(&self.embeddings, &[("rows", self.rows)]))
    }
}
