//! Result of a run.

use std::collections::BTreeMap;
use std::fmt;

use finetune_eval::Predictions;
use finetune_predict::{
    PredictError, Predictor, PredictorConfig, TokenPredictor, TokenPredictorConfig,
};

use crate::objective::Objective;
use crate::report::RunReport;
use crate::run_directory::RunDirectory;
use crate::task::SequenceClassificationTask;
use crate::token_classification::TokenClassificationOutput;

/// Result of a run: the model, its scores and the record.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunOutput<O: Objective> {
    /// The best model by the configured metric, or the last, without autodiff.
    pub model: O::Model,
    /// What was trained.
    pub task: O,
    /// Predictions for the test rows by task name; the name of the only task is empty. `None` for a
    /// task without such rows.
    pub predictions: BTreeMap<String, Option<Predictions>>,
    /// The report, as in `report.json`.
    pub report: RunReport,
    /// Where the run is recorded.
    pub directory: RunDirectory,
}

/// Result of [`FineTuning::run`](crate::FineTuning).
pub type FineTuningOutput = RunOutput<SequenceClassificationTask>;

impl<O: Objective> RunOutput<O> {
    /// Returns the predictions for the test rows of a run on one task; `None` without such rows.
    pub fn predictions(&self) -> Option<&Predictions> {
        self.predictions.get("")?.as_ref()
    }

    /// Returns the value of a metric on the test rows of a run on one task; `None` without such
    /// rows, and for a metric that was not evaluated or is undefined for them.
    pub fn test_score(&self, metric: &str) -> Option<f64> {
        self.report.test.as_ref()?.score(metric)
    }
}

impl FineTuningOutput {
    /// Returns a predictor with the trained model, without reading it back from disk.
    ///
    /// # Errors
    /// As [`Predictor::new`].
    pub fn predictor(&self, config: PredictorConfig) -> Result<Predictor, PredictError> {
        let tokenizer = of_files(self.task.tokenizer().cloned())?;
        let (model, prepared) = (self.model.clone(), self.task.preprocessing());
        Predictor::new(model, tokenizer, prepared, config)
    }
}

impl TokenClassificationOutput {
    /// Returns a predictor with the trained model, without reading it back from disk.
    ///
    /// # Errors
    /// As [`TokenPredictor::new`].
    pub fn token_predictor(
        &self,
        config: TokenPredictorConfig,
    ) -> Result<TokenPredictor, PredictError> {
        let (model, task) = (self.model.clone(), &self.task);
        let tokenizer = task.tokenizer().clone();
        TokenPredictor::new(model, tokenizer, Some(task.preprocessing()), config)
    }
}

/// Returns what only the task of a run from files has: its tokenizer.
pub(crate) fn of_files<T>(found: Option<T>) -> Result<T, PredictError> {
    found.ok_or_else(|| PredictError::InvalidSetting {
        setting: "tokenizer",
        found: "missing".to_string(),
        expected: "that of a run from files".to_string(),
    })
}

impl<O: Objective> fmt::Display for RunOutput<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}
