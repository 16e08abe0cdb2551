//! Test report of an embedding model: its scores, and the pairs whose similarity is most out of place.

use std::collections::BTreeMap;

use finetune_data::{EmbeddingDataset, EmbeddingKind, Labels};
use finetune_eval::report::{ScoredText, TextSamples};
use finetune_eval::{EmbeddingReport, PredictedScores, Predictions, Scores};

use super::error_analysis::worst;
use super::score_intervals::intervals;
use super::{ErrorAnalysis, TestScores, TestSection};
use crate::error::TrainError;

impl TestSection {
    /// Creates the report of the similarities of test rows.
    ///
    /// # Errors
    /// - [`TrainError::Eval`] if rows and predictions differ in number.
    pub(crate) fn of_embeddings(
        dataset: &EmbeddingDataset,
        metrics: Scores,
        predictions: &Predictions,
        labels: &Labels,
        seconds: f64,
    ) -> Result<Self, TrainError> {
        // Of two labels, a plot of scores would be two columns of dots, and no metric has an interval.
        let is_scored = dataset.kind() == EmbeddingKind::Scores;
        let analysis = match labels {
            Labels::Scores(labels) => {
                let scores = PredictedScores::from_slices(labels, &predictions.scores())?;
                let worst_errors = out_of_place(&scores, dataset);
                ErrorAnalysis::of_scores(worst_errors, is_scored.then_some(scores))
            }
            _ => ErrorAnalysis::of_worst(TextSamples::default()),
        };
        let intervals = match is_scored {
            true => intervals(&metrics, predictions, labels, &[])?,
            false => BTreeMap::new(),
        };
        Ok(Self {
            scores: TestScores::Embeddings(EmbeddingReport {
                rows: dataset.len() as u64,
                embeddings: metrics.clone(),
            }),
            analysis,
            metrics,
            calibrated: None,
            int8: None,
            intervals,
            seconds,
            samples_per_second: dataset.len() as f64 / seconds,
        })
    }
}

/// Returns the pairs whose rank by similarity is farthest from that by their score. The values
/// themselves have no common scale: some losses only train an order.
fn out_of_place(scores: &PredictedScores, dataset: &EmbeddingDataset) -> TextSamples {
    let (rows, distances) = (dataset.examples(), scores.rank_distances());
    let texts = worst(0..rows.len(), |row| distances[row]).map(|row| ScoredText {
        id: row.to_string(),
        parts: rows[row].texts.clone(),
        label: Some(format!("{:.2}", scores.labels()[row])),
        prediction: Some(format!("{:.3}", scores.predictions()[row])),
        ..ScoredText::default()
    });
    TextSamples {
        caption: "The pairs whose rank by cosine similarity is farthest from their rank by score."
            .to_string(),
        texts: texts.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_that_is_most_out_of_place_comes_first() {
        let pairs = [
            ("a", "b", 0.1),
            ("c", "d", 0.9),
            ("e", "f", 0.5),
            ("g", "h", 0.4),
        ];
        let dataset = EmbeddingDataset::scored("pairs", pairs).unwrap();
        let similarities = [0.8, 0.7, 0.9, 0.75].map(|similarity: f32| vec![similarity]);
        let predictions = Predictions::new(similarities.to_vec());
        let labels = Labels::Scores(pairs.map(|(_, _, score)| score as f32).to_vec());
        let metrics = Scores::from_iter([("spearman".to_string(), -0.2)]);
        let section =
            TestSection::of_embeddings(&dataset, metrics, &predictions, &labels, 2.0).unwrap();
        let first = &section.analysis.worst_errors.texts[0];
        assert_eq!(
            (&first.id[..], &first.parts[..]),
            ("1", &["c".into(), "d".into()][..])
        );
        assert_eq!(first.prediction.as_deref(), Some("0.700"));
        assert_eq!(section.samples_per_second, 2.0);
    }
}
