//! Cross-validation of a baseline on shared folds.

use std::path::Path;
use std::time::Instant;

use finetune_data::{Dataset, Folds};
use finetune_eval::ClassificationReport;
use finetune_storage::write_atomically;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::classifier::{BaselineClassifier, BaselineConfig};
use crate::error::BaselineError;
use crate::labeled_texts::LabeledTexts;
use crate::logistic::Convergence;
use crate::predictions::Predictions;

/// Result of a cross-validation: out-of-fold predictions and scores.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidation {
    /// Result of each fold, in order.
    pub folds: Vec<FoldResult>,
    /// Prediction for each row by the classifier fitted without its fold, in dataset order.
    pub predictions: Predictions,
    /// Class of each row.
    pub labels: Vec<usize>,
    /// Fold of each row.
    pub fold_of_row: Vec<u32>,
    /// Class names.
    pub class_names: Vec<String>,
}

/// Result of one fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldResult {
    /// Index of the fold used as the test set.
    pub fold: usize,
    /// Number of training rows.
    pub train_rows: usize,
    /// Number of feature columns.
    pub columns: usize,
    /// Scores on the test set.
    pub report: ClassificationReport,
    /// Convergence of the fit.
    pub convergence: Convergence,
    /// Wall time. Folds that run in parallel share the processor.
    pub seconds: FoldSeconds,
}

/// Wall time of the stages of a fold, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FoldSeconds {
    /// Seconds for computing the features of the training and test set.
    pub features: f64,
    /// Seconds for fitting the regression.
    pub fit: f64,
    /// Seconds for predicting the test set from its features.
    pub predict: f64,
}

impl BaselineConfig {
    /// Cross-validates: for each fold, in parallel, fits to the other folds and predicts the fold.
    /// Vocabulary and document frequencies are fitted on the training rows only.
    ///
    /// ```
    /// use finetune_baseline::BaselineConfig;
    /// use finetune_data::{Dataset, Example, Folds, Label, Schema};
    ///
    /// let text = |row: usize| ["fire and smoke", "sun and sea"][row % 2];
    /// let example = |row| Example::new(text(row), Label::Class(row % 2));
    /// let dataset = Dataset {
    ///     name: "weather".into(),
    ///     schema: Schema::classification(["fire", "sun"]),
    ///     examples: (0..20).map(example).collect(),
    /// };
    /// let folds = Folds::stratified_k_fold(&dataset, 5, 42)?;
    /// let result = BaselineConfig::default().cross_validate(&dataset, &folds)?;
    /// assert_eq!(result.scores(|report| report.accuracy), [1.0; 5]);
    /// assert_eq!(result.predictions.classes()[..2], [0, 1]);
    /// # Ok::<(), finetune_baseline::BaselineError>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`BaselineConfig::fit`], and
    /// - [`BaselineError::Data`] if the folds were made for a different dataset.
    /// - [`BaselineError::Eval`] if scores cannot be computed.
    pub fn cross_validate(
        &self,
        dataset: &Dataset,
        folds: &Folds,
    ) -> Result<CrossValidation, BaselineError> {
        self.validate()?;
        folds.check(dataset)?;
        let rows = LabeledTexts::of(dataset)?;
        let run = |fold| self.run_fold(fold, folds, &rows, dataset.class_names());
        let done: Vec<Result<_, BaselineError>> = (0..folds.k()).into_par_iter().map(run).collect();

        let mut results = Vec::with_capacity(folds.k());
        let mut logits = vec![Vec::new(); dataset.len()];
        for one in done {
            let (result, predictions) = one?;
            let test = folds.test(result.fold)?;
            for (row, of_row) in test.into_iter().zip(predictions.logits) {
                logits[row] = of_row;
            }
            results.push(result);
        }
        Ok(CrossValidation {
            folds: results,
            predictions: Predictions { logits },
            labels: rows.labels,
            fold_of_row: folds.fold_of_row().to_vec(),
            class_names: dataset.class_names().to_vec(),
        })
    }

    /// Fits the classifier of one fold, using the other folds for training.
    ///
    /// # Errors
    /// The errors of [`BaselineConfig::fit`], and
    /// - [`BaselineError::Data`] if the folds were made for a different dataset, or the fold is out
    ///   of range.
    pub fn fit_fold(
        &self,
        dataset: &Dataset,
        folds: &Folds,
        fold: usize,
    ) -> Result<BaselineClassifier, BaselineError> {
        folds.check(dataset)?;
        let train = LabeledTexts::of(dataset)?.select(&folds.train(fold)?);
        self.fit_texts(&train.texts, &train.labels, dataset.class_names())
    }

    fn run_fold(
        &self,
        fold: usize,
        folds: &Folds,
        rows: &LabeledTexts<'_>,
        class_names: &[String],
    ) -> Result<(FoldResult, Predictions), BaselineError> {
        let train = rows.select(&folds.train(fold)?);
        let test = rows.select(&folds.test(fold)?);

        let start = Instant::now();
        let (features, train_rows) = self.features.fit_transform(&train.texts)?;
        let test_rows = features.transform(&test.texts);
        let features_done = Instant::now();
        let classifier = self.fit_rows(features, &train_rows, &train.labels, class_names)?;
        let fit_done = Instant::now();
        let predictions = classifier.regression().predict(&test_rows)?;
        let predict_done = Instant::now();

        let report =
            ClassificationReport::from_slices(&test.labels, &predictions.classes(), class_names)?;
        let result = FoldResult {
            fold,
            train_rows: train.texts.len(),
            columns: train_rows.columns(),
            report,
            convergence: *classifier.regression().convergence(),
            seconds: FoldSeconds {
                features: (features_done - start).as_secs_f64(),
                fit: (fit_done - features_done).as_secs_f64(),
                predict: (predict_done - fit_done).as_secs_f64(),
            },
        };
        Ok((result, predictions))
    }
}

impl CrossValidation {
    /// Returns a score for each fold, for example for a significance test against another system on
    /// the same folds.
    pub fn scores(&self, score: impl Fn(&ClassificationReport) -> f64) -> Vec<f64> {
        self.folds.iter().map(|fold| score(&fold.report)).collect()
    }

    /// Returns the mean of a score over the folds.
    pub fn mean(&self, score: impl Fn(&ClassificationReport) -> f64) -> f64 {
        self.scores(score).iter().sum::<f64>() / self.folds.len() as f64
    }

    /// Returns the scores of the predictions of all rows together.
    ///
    /// # Errors
    /// - [`BaselineError::Eval`] if the predictions are inconsistent, which cannot happen for a
    ///   result of [`BaselineConfig::cross_validate`].
    pub fn report(&self) -> Result<ClassificationReport, BaselineError> {
        let predictions = self.predictions.classes();
        let report =
            ClassificationReport::from_slices(&self.labels, &predictions, &self.class_names)?;
        Ok(report)
    }

    /// Writes one JSON line per row, in dataset order, with the fields of `predictions.jsonl` of a
    /// fine-tuning run and the fold.
    ///
    /// # Errors
    /// - [`BaselineError::Io`] if the file cannot be written.
    pub fn write_predictions(&self, path: &Path) -> Result<(), BaselineError> {
        let mut text = String::new();
        let classes = self.predictions.classes();
        for (row, (prediction, label)) in classes.into_iter().zip(&self.labels).enumerate() {
            let line = json!({
                "row": row,
                "label": self.class_names[*label],
                "prediction": self.class_names[prediction],
                "probabilities": self.predictions.probabilities(row),
                "fold": self.fold_of_row[row],
            });
            text.push_str(&line.to_string());
            text.push('\n');
        }
        write_atomically(path, text.as_bytes()).map_err(|source| BaselineError::Io {
            path: path.to_path_buf(),
            source,
        })
    }
}
