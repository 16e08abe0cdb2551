//! Evaluation of rerankers: how well the documents of each query are ordered.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::EvalError;
use crate::exact_sum::sum;
use crate::metric::Scores;
use crate::ranking::BinaryRanking;
use crate::text_table::scores_and_counts;
use crate::validate::{check_pairs, finite, some_rows};

/// Metrics of the order of a query's documents. Names, definitions and the default are those of
/// sentence-transformers' `CrossEncoderRerankingEvaluator`.
///
/// A document with a label above 0 is relevant. The gain of a document is its label, as of
/// scikit-learn's `ndcg_score`; labels below 0 count as 0.
///
/// ```
/// use finetune_eval::Reranking;
///
/// // Two queries with three documents and with two.
/// let (labels, scores) = ([0.0, 1.0, 0.0, 1.0, 0.0], [0.9, 0.5, 0.1, 2.0, 1.0]);
/// let found = Reranking::default().scores(&labels, &scores, &[0, 3, 5])?;
/// assert_eq!((found["mrr@10"], found["map"]), (0.75, 0.75));
/// # Ok::<(), finetune_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reranking {
    /// Number of first documents that NDCG and the mean reciprocal rank look at, at least 1 (default:
    /// 10).
    pub at_k: usize,
}

impl Default for Reranking {
    fn default() -> Self {
        Self { at_k: 10 }
    }
}

impl Reranking {
    /// Returns the names of the metrics, in the order of [`Self::scores`].
    pub fn names(&self) -> [String; 3] {
        let at_k = self.at_k;
        [format!("ndcg@{at_k}"), format!("mrr@{at_k}"), "map".into()]
    }

    /// Returns the mean of each metric over the queries. A query without a relevant document has 0, as
    /// in sentence-transformers. Of documents with equal scores, the least relevant counts as the first
    /// one for the reciprocal rank; NDCG and average precision are those of scikit-learn.
    ///
    /// `labels` and `scores` are those of all documents, query by query; `offsets` is 0, then the end
    /// of each query.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if `at_k` is 0, or the offsets do not ascend from 0 to the
    ///   number of documents.
    /// - [`EvalError::LengthMismatch`] if there is not one score for each label.
    /// - [`EvalError::NoRows`] if there are none.
    /// - [`EvalError::InvalidRow`] if a label or a score is NaN or infinite.
    pub fn scores(
        &self,
        labels: &[f64],
        scores: &[f64],
        offsets: &[usize],
    ) -> Result<Scores, EvalError> {
        if self.at_k == 0 {
            return Err(EvalError::setting("at_k", 0, "at least 1"));
        }
        check_pairs(labels.len(), scores.len())?;
        let ascend = offsets.is_sorted() && offsets.first() == Some(&0);
        if !ascend || offsets.last() != Some(&labels.len()) {
            let expected = format!("ascending from 0 to {}, the documents", labels.len());
            return Err(EvalError::setting(
                "offsets",
                format!("{offsets:?}"),
                expected,
            ));
        }
        let mut documents = Vec::with_capacity(labels.len());
        for (row, (label, score)) in (0..).zip(labels.iter().zip(scores)) {
            documents.push(Document {
                label: finite(row, *label, || "label".into())?.max(0.0),
                // Turns -0 into 0, so that they compare equal.
                score: finite(row, *score, || "score".into())? + 0.0,
            });
        }
        let mut values: [Vec<f64>; 3] = Default::default();
        for ends in offsets.windows(2) {
            let of_query = self.of_query(&mut documents[ends[0]..ends[1]])?;
            for (values, value) in values.iter_mut().zip(of_query) {
                values.push(value);
            }
        }
        let queries = some_rows(values[0].len() as u64)?;
        let means = values.into_iter().map(|values| sum(values) / queries);
        Ok(self.names().into_iter().zip(means).collect())
    }

    fn of_query(&self, documents: &mut [Document]) -> Result<[f64; 3], EvalError> {
        if !documents.iter().any(Document::is_relevant) {
            return Ok([0.0; 3]);
        }
        documents.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then(a.label.total_cmp(&b.label))
        });
        let relevant: Vec<bool> = documents.iter().map(Document::is_relevant).collect();
        let first = relevant.iter().take(self.at_k).position(|found| *found);
        let reciprocal = first.map_or(0.0, |place| 1.0 / (place + 1) as f64);
        let scores: Vec<f64> = documents.iter().map(|document| document.score).collect();
        let precision = BinaryRanking::from_slices(&relevant, &scores)?.average_precision()?;
        Ok([self.ndcg(documents), reciprocal, precision])
    }

    /// Returns the normalized discounted cumulative gain of documents by descending score: those with
    /// equal scores have the mean of their gains.
    fn ndcg(&self, documents: &[Document]) -> f64 {
        let groups = documents.chunk_by(|a, b| a.score == b.score);
        let gains = groups.flat_map(|group| {
            let total: f64 = group.iter().map(|document| document.label).sum();
            std::iter::repeat_n(total / group.len() as f64, group.len())
        });
        let mut ideal: Vec<f64> = documents.iter().map(|document| document.label).collect();
        ideal.sort_by(|a, b| b.total_cmp(a));
        self.dcg(gains) / self.dcg(ideal.into_iter())
    }

    fn dcg(&self, gains: impl Iterator<Item = f64>) -> f64 {
        let places = gains.take(self.at_k).zip(2..);
        sum(places.map(|(gain, place)| gain / f64::from(place).log2()))
    }
}

/// A document with its label and its score.
#[derive(Debug, Clone, Copy)]
struct Document {
    label: f64,
    score: f64,
}

impl Document {
    fn is_relevant(&self) -> bool {
        self.label > 0.0
    }
}

/// Scores of a reranker on test rows.
///
/// ```
/// use finetune_eval::RerankingReport;
///
/// let reranking = [("ndcg@10".to_string(), 0.75)].into_iter().collect();
/// let report = RerankingReport { rows: 20, documents: 160, reranking };
/// assert_eq!(report.to_string(), "ndcg@10    0.7500\nrows           20\ndocuments     160\n");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RerankingReport {
    /// Number of queries.
    pub rows: u64,
    /// Number of documents of all queries.
    pub documents: u64,
    /// Scores, in the order of evaluation.
    pub reranking: Scores,
}

impl fmt::Display for RerankingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [("rows", self.rows), ("documents", self.documents)];
        f.write_str(&scores_and_counts(&self.reranking, &counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_earn_no_credit_for_the_order_of_the_documents() {
        let labels = [1.0, 0.0, 0.0, 0.0];
        let found = Reranking::default()
            .scores(&labels, &[0.5; 4], &[0, 4])
            .unwrap();
        assert_eq!((found["mrr@10"], found["map"]), (0.25, 0.25));
        // The mean gain of a quarter at each of four places.
        let places: f64 = (2..6).map(|place| 1.0 / f64::from(place).log2()).sum();
        assert!((found["ndcg@10"] - places / 4.0).abs() < 1e-15);
        assert_eq!(
            found.keys().cloned().collect::<Vec<_>>(),
            Reranking::default().names()
        );
    }

    #[test]
    fn a_query_without_relevant_documents_counts_as_failed() {
        let scores = Reranking { at_k: 1 };
        let found = scores.scores(&[1.0, 0.0, -1.0, 0.0], &[2.0, 1.0, 2.0, 1.0], &[0, 2, 4]);
        assert!(found.unwrap().values().all(|score| *score == 0.5));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let message = |labels: &[f64], scores: &[f64], offsets: &[usize]| {
            let found = Reranking::default().scores(labels, scores, offsets);
            found.unwrap_err().to_string()
        };
        let offsets = "offsets is [0, 1], expected ascending from 0 to 2, the documents";
        assert_eq!(message(&[1.0, 0.0], &[1.0, 2.0], &[0, 1]), offsets);
        assert_eq!(
            message(&[1.0, 0.0], &[1.0, f64::NAN], &[0, 2]),
            "row 1: the score is NaN, expected a finite number"
        );
        assert!(message(&[1.0], &[], &[0, 1]).starts_with("lists of 1 and 0"));
        assert_eq!(
            Reranking::default().scores(&[], &[], &[0]),
            Err(EvalError::NoRows)
        );
        assert!(
            Reranking { at_k: 0 }
                .scores(&[1.0], &[1.0], &[0, 1])
                .is_err()
        );
    }
}
