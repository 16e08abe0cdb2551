//! Result of a fine-tuning run.

use std::fmt;

use finetune_data::TextTokenizer;
use finetune_eval::Predictions;
use finetune_model::SequenceClassifier;

use crate::{Predictor, PredictorConfig, RunDirectory, RunReport, TextPreprocessing, TrainError};

/// Result of [`FineTuning::run`](crate::FineTuning::run): the model, its scores and the record.
#[derive(Debug)]
#[non_exhaustive]
pub struct FineTuningOutput {
    /// The best model by the configured metric, or the last, without autodiff.
    pub model: SequenceClassifier,
    /// The tokenizer it was trained with.
    pub tokenizer: TextTokenizer,
    /// How texts were cleaned and encoded.
    pub preprocessing: TextPreprocessing,
    /// Predictions for the test rows; `None` without such rows.
    pub predictions: Option<Predictions>,
    /// The report, as in `report.json`.
    pub report: RunReport,
    /// Where the run is recorded.
    pub directory: RunDirectory,
}

impl FineTuningOutput {
    /// Returns the value of a metric on the test rows; `None` without such rows, and for a metric
    /// that was not evaluated or is undefined for them.
    pub fn test_score(&self, metric: &str) -> Option<f64> {
        self.report.test.as_ref()?.score(metric)
    }

    /// Returns a predictor with the trained model, without reading it back from disk.
    ///
    /// # Errors
    /// As [`Predictor::new`].
    pub fn predictor(&self, config: PredictorConfig) -> Result<Predictor, TrainError> {
        let preprocessing = Some(self.preprocessing.clone());
        Predictor::new(
            self.model.clone(),
            self.tokenizer.clone(),
            preprocessing,
            config,
        )
    }
}

impl fmt::Display for FineTuningOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}
