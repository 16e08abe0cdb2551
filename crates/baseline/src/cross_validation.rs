//! A baseline on the folds that other systems are measured on, too.

use std::path::Path;
use std::time::Instant;

use finetune_data::{Dataset, Folds};
use finetune_eval::ClassificationReport;
use finetune_storage::write_atomically;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::BaselineError;
use crate::classifier::{BaselineClassifier, BaselineConfig};
use crate::labelled_texts::LabelledTexts;
use crate::logistic::Convergence;
use crate::predictions::Predictions;

/// What a baseline said of every row of a data set when it was not fitted to it.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidation {
    /// The scores of each fold, in order.
    pub folds: Vec<FoldResult>,
    /// What was said of each row by the classifier that was fitted to the other folds, in the order
    /// of the data set.
    pub predictions: Predictions,
    /// The class of each row.
    pub labels: Vec<usize>,
    /// The fold of each row.
    pub fold_of_row: Vec<u32>,
    /// The names of the classes.
    pub class_names: Vec<String>,
}

/// What came of one fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldResult {
    /// The fold that was the test part.
    pub fold: usize,
    /// The number of rows in the others.
    pub train_rows: usize,
    /// The number of columns.
    pub columns: usize,
    /// The scores of the test part.
    pub report: ClassificationReport,
    /// How the search for the coefficients went.
    pub convergence: Convergence,
    /// How long it took. Folds that run side by side share the processor.
    pub seconds: FoldSeconds,
}

/// Wall time of the parts of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FoldSeconds {
    /// From texts to rows, for training and test part.
    pub features: f64,
    /// From rows to coefficients.
    pub fit: f64,
    /// From the rows of the test part to logits.
    pub predict: f64,
}

impl BaselineConfig {
    /// Fits to all folds but one, and predicts that one; for each in turn, in parallel. Vocabulary
    /// and document frequencies are learnt anew each time, from the training part alone.
    ///
    /// ```
    /// use finetune_baseline::BaselineConfig;
    /// use finetune_data::{Dataset, Example, Folds, Label, Task};
    ///
    /// let text = |row: usize| ["fire and smoke", "sun and sea"][row % 2];
    /// let example = |row| Example::new(text(row), Label::Class(row % 2));
    /// let dataset = Dataset {
    ///     name: "weather".into(),
    ///     task: Task::classification(["fire", "sun"]),
    ///     examples: (0..20).map(example).collect(),
    /// };
    /// let folds = Folds::stratified(&dataset, 5, 42)?;
    /// let result = BaselineConfig::default().cross_validate(&dataset, &folds)?;
    /// assert_eq!(result.scores(|report| report.accuracy), [1.0; 5]);
    /// assert_eq!(result.predictions.classes()[..2], [0, 1]);
    /// # Ok::<(), finetune_baseline::BaselineError>(())
    /// ```
    ///
    /// # Errors
    /// As [`BaselineConfig::fit`]; [`BaselineError::Data`] for folds of another data set, and
    /// [`BaselineError::Eval`].
    pub fn cross_validate(
        &self,
        dataset: &Dataset,
        folds: &Folds,
    ) -> Result<CrossValidation, BaselineError> {
        self.validate()?;
        folds.check(dataset)?;
        let rows = LabelledTexts::of(dataset)?;
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

    /// The classifier of one fold: fitted to all others.
    ///
    /// # Errors
    /// As [`Self::cross_validate`].
    pub fn fit_fold(
        &self,
        dataset: &Dataset,
        folds: &Folds,
        fold: usize,
    ) -> Result<BaselineClassifier, BaselineError> {
        folds.check(dataset)?;
        let train = LabelledTexts::of(dataset)?.select(&folds.train(fold)?);
        self.fit_texts(&train.texts, &train.labels, dataset.class_names())
    }

    fn run_fold(
        &self,
        fold: usize,
        folds: &Folds,
        rows: &LabelledTexts<'_>,
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
    /// A score of each fold, such as for a test against another system on the same folds.
    pub fn scores(&self, score: impl Fn(&ClassificationReport) -> f64) -> Vec<f64> {
        self.folds.iter().map(|fold| score(&fold.report)).collect()
    }

    /// The mean of a score over the folds.
    pub fn mean(&self, score: impl Fn(&ClassificationReport) -> f64) -> f64 {
        self.scores(score).iter().sum::<f64>() / self.folds.len() as f64
    }

    /// The scores over all rows at once.
    ///
    /// # Errors
    /// [`BaselineError::Eval`], for a result that was put together by hand only.
    pub fn report(&self) -> Result<ClassificationReport, BaselineError> {
        let predictions = self.predictions.classes();
        let report =
            ClassificationReport::from_slices(&self.labels, &predictions, &self.class_names)?;
        Ok(report)
    }

    /// Writes a line of JSON per row, in the order of the data set: what the `predictions.jsonl` of
    /// a fine-tuning run has, and the fold.
    ///
    /// # Errors
    /// [`BaselineError::Io`].
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
