//! Retrieval metrics: how well queries find their texts in a corpus.

use serde::{Deserialize, Serialize};

use super::Embeddings;
use crate::error::EvalError;
use crate::exact_sum::sum;
use crate::metric::Scores;
use crate::validate::{check_lengths, some_rows};

/// Cutoffs of the retrieval metrics: the numbers of retrieved texts, each at least 1. Names and
/// definitions are those of sentence-transformers' `InformationRetrievalEvaluator`, as are the
/// defaults.
///
/// ```
/// use finetune_eval::{Embeddings, Retrieval};
///
/// let corpus = Embeddings::new(vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2)?;
/// let queries = Embeddings::new(vec![1.0, 0.1], 2)?;
/// // The texts nearest to the query are 0, 2 and 1, of which 2 is relevant.
/// let scores = Retrieval::default().scores(&queries, &corpus, &[vec![2]])?;
/// assert_eq!((scores["accuracy@1"], scores["recall@3"], scores["mrr@10"]), (0.0, 1.0, 0.5));
/// # Ok::<(), finetune_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retrieval {
    /// Cutoffs of the accuracy: the fraction of queries with a relevant text among the first `k`
    /// (default: 1, 3, 5, 10).
    pub accuracy_at: Vec<usize>,
    /// Cutoffs of precision and recall (default: 1, 3, 5, 10).
    pub precision_recall_at: Vec<usize>,
    /// Cutoffs of the mean reciprocal rank of the first relevant text (default: 10).
    pub mrr_at: Vec<usize>,
    /// Cutoffs of the normalized discounted cumulative gain (default: 10).
    pub ndcg_at: Vec<usize>,
    /// Cutoffs of the mean average precision (default: 100).
    pub map_at: Vec<usize>,
}

impl Default for Retrieval {
    fn default() -> Self {
        Self {
            accuracy_at: vec![1, 3, 5, 10],
            precision_recall_at: vec![1, 3, 5, 10],
            mrr_at: vec![10],
            ndcg_at: vec![10],
            map_at: vec![100],
        }
    }
}

/// Function from whether each retrieved text is relevant, the number of relevant texts and the cutoff
/// to the score of a query.
type Score = fn(&[bool], usize, usize) -> f64;

impl Retrieval {
    /// Returns the mean of each metric over the queries, by names such as `ndcg@10`. Texts are ranked
    /// by their cosine to the query; those equally near are in the order of the corpus.
    ///
    /// `relevant` lists the texts of the corpus that are relevant to each query. As in
    /// sentence-transformers, queries without any are left out.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if a cutoff is 0.
    /// - [`EvalError::LengthMismatch`] if the sizes of queries and corpus differ, or there is not one
    ///   list for each query.
    /// - [`EvalError::InvalidRow`] if a list names a text that is not in the corpus.
    /// - [`EvalError::NoRows`] if no query has a relevant text.
    pub fn scores(
        &self,
        queries: &Embeddings,
        corpus: &Embeddings,
        relevant: &[Vec<usize>],
    ) -> Result<Scores, EvalError> {
        check_lengths(queries.size(), corpus.size())?;
        check_lengths(queries.len(), relevant.len())?;
        let metrics = self.metrics();
        let most = metrics.iter().map(|(_, at, _)| *at);
        let (least, most) = (most.clone().min(), most.max().unwrap_or(0));
        if least == Some(0) {
            return Err(EvalError::setting("retrieval cutoff", 0, "at least 1"));
        }
        let (queries, corpus) = (queries.normalized(), corpus.normalized());
        let mut values = vec![Vec::new(); metrics.len()];
        for (row, (query, relevant)) in queries.rows().zip(relevant).enumerate() {
            let is_relevant = relevance(row, relevant, corpus.len())?;
            let count = is_relevant.iter().filter(|relevant| **relevant).count();
            if count == 0 {
                continue;
            }
            let found = nearest(query, &corpus, most);
            let hits: Vec<bool> = found.into_iter().map(|text| is_relevant[text]).collect();
            for ((_, at, score), values) in metrics.iter().zip(&mut values) {
                values.push(score(&hits[..hits.len().min(*at)], count, *at));
            }
        }
        let rows = some_rows(values.first().map_or(0, |values| values.len() as u64))?;
        let names = metrics.iter().map(|(name, at, _)| format!("{name}@{at}"));
        let means = values.into_iter().map(|values| sum(values) / rows);
        Ok(names.zip(means).collect())
    }

    /// Returns the names of the metrics, in the order of [`Self::scores`].
    pub fn names(&self) -> Vec<String> {
        let metrics = self.metrics().into_iter();
        metrics
            .map(|(name, at, _)| format!("{name}@{at}"))
            .collect()
    }

    fn metrics(&self) -> Vec<(&'static str, usize, Score)> {
        let of = |name: &'static str, cutoffs: &[usize], score: Score| {
            let cutoffs = cutoffs.iter();
            cutoffs.map(|at| (name, *at, score)).collect::<Vec<_>>()
        };
        [
            of("ndcg", &self.ndcg_at, ndcg),
            of("mrr", &self.mrr_at, reciprocal_rank),
            of("map", &self.map_at, average_precision),
            of("accuracy", &self.accuracy_at, accuracy),
            of("precision", &self.precision_recall_at, precision),
            of("recall", &self.precision_recall_at, recall),
        ]
        .concat()
    }
}

/// Returns for each text of the corpus whether it is relevant.
fn relevance(row: usize, relevant: &[usize], texts: usize) -> Result<Vec<bool>, EvalError> {
    let mut is_relevant = vec![false; texts];
    for text in relevant {
        match is_relevant.get_mut(*text) {
            Some(found) => *found = true,
            None => {
                let expected = format!("a text below {texts}");
                return Err(EvalError::row(row as u64, "relevant text", text, expected));
            }
        }
    }
    Ok(is_relevant)
}

/// Returns the texts nearest to a query, at most `count`, the nearest first.
fn nearest(query: &[f32], corpus: &Embeddings, count: usize) -> Vec<usize> {
    let similarity = |text: &[f32]| query.iter().zip(text).map(|(a, b)| a * b).sum::<f32>();
    let mut ranked: Vec<(f32, usize)> = corpus.rows().map(similarity).zip(0..).collect();
    let by_rank = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if count < ranked.len() {
        ranked.select_nth_unstable_by(count, by_rank);
        ranked.truncate(count);
    }
    ranked.sort_unstable_by(by_rank);
    ranked.into_iter().map(|(_, text)| text).collect()
}

fn hits(found: &[bool]) -> f64 {
    found.iter().filter(|hit| **hit).count() as f64
}

fn accuracy(found: &[bool], _relevant: usize, _at: usize) -> f64 {
    f64::from(u8::from(found.contains(&true)))
}

fn precision(found: &[bool], _relevant: usize, at: usize) -> f64 {
    hits(found) / at as f64
}

fn recall(found: &[bool], relevant: usize, _at: usize) -> f64 {
    hits(found) / relevant as f64
}

fn reciprocal_rank(found: &[bool], _relevant: usize, _at: usize) -> f64 {
    let first = found.iter().position(|hit| *hit);
    first.map_or(0.0, |place| 1.0 / (place + 1) as f64)
}

fn average_precision(found: &[bool], relevant: usize, at: usize) -> f64 {
    let (mut right, mut total) = (0, 0.0);
    for (place, hit) in found.iter().enumerate() {
        if *hit {
            right += 1;
            total += f64::from(right) / (place + 1) as f64;
        }
    }
    total / relevant.min(at) as f64
}

fn ndcg(found: &[bool], relevant: usize, at: usize) -> f64 {
    let gain = |place: usize| 1.0 / ((place + 2) as f64).log2();
    let places = found.iter().enumerate();
    let found: f64 = places
        .filter(|(_, hit)| **hit)
        .map(|(place, _)| gain(place))
        .sum();
    let ideal: f64 = (0..relevant.min(at)).map(gain).sum();
    found / ideal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[f32], size: usize) -> Embeddings {
        Embeddings::new(values.to_vec(), size).unwrap()
    }

    #[test]
    fn equally_near_texts_are_in_the_order_of_the_corpus() {
        let corpus = rows(&[0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 1.0], 2);
        assert_eq!(nearest(&[1.0, 0.0], &corpus.normalized(), 3), [1, 2, 3]);
        assert_eq!(nearest(&[1.0, 0.0], &corpus.normalized(), 9), [1, 2, 3, 0]);
    }

    #[test]
    fn queries_without_relevant_texts_are_left_out() {
        let (corpus, queries) = (
            rows(&[1.0, 0.0, 0.0, 1.0], 2),
            rows(&[1.0, 0.0, 0.0, 1.0], 2),
        );
        let config = Retrieval::default();
        let scores = config
            .scores(&queries, &corpus, &[vec![], vec![0]])
            .unwrap();
        assert_eq!((scores["accuracy@1"], scores["mrr@10"]), (0.0, 0.5));
        assert_eq!(scores.keys().cloned().collect::<Vec<_>>(), config.names());
        let none = config.scores(&queries, &corpus, &[vec![], vec![]]);
        assert_eq!(none, Err(EvalError::NoRows));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let corpus = rows(&[1.0, 0.0, 0.0, 1.0], 2);
        let config = Retrieval::default();
        let message = |relevant: &[Vec<usize>]| {
            config
                .scores(&corpus, &corpus, relevant)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            message(&[vec![0], vec![2]]),
            "row 1: the relevant text is 2, expected a text below 2"
        );
        assert!(message(&[vec![0]]).starts_with("lists of 2 and 1"));
        let zero = Retrieval {
            mrr_at: vec![0],
            ..config
        };
        assert!(zero.scores(&corpus, &corpus, &[vec![0], vec![1]]).is_err());
    }
}
