//! Prediction in 8-bit integers: which linear layers become integers, and what that costs.

use std::fmt;

use finetune_data::{BatchSize, Dataset, EncodedDataset};
use finetune_eval::{Evaluator, TargetKind, Targets, Thresholds};
use finetune_model::{EncoderModel, Int8Config, SequenceClassifier};
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::error::PredictError;
use crate::evaluator::target_kind;
use crate::predict::predict;
use crate::predictor::Predictor;

/// Returns a model in a precision, with packed weights; in 8-bit integers, without the layers that `int8`
/// keeps.
///
/// # Errors
/// - [`PredictError::Model`] if the model cannot be in 8-bit integers.
pub(crate) fn in_precision<M: EncoderModel>(
    model: M,
    precision: Precision,
    int8: Option<&Int8Config>,
) -> Result<M, PredictError> {
    let model = match precision {
        Precision::Int8 => model.into_int8(&int8.cloned().unwrap_or_default())?,
        precision => model.with_precision(precision),
    };
    Ok(model.into_packed())
}

/// Linear layers to become 8-bit integers, with what that costs on labeled rows; see
/// [`Predictor::fit_int8`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Int8Report {
    /// Names of the layers that stay in floats.
    pub keep: Vec<String>,
    /// Precision of these, and of the score before.
    pub keep_precision: Precision,
    /// Number of linear layers in all.
    pub linear_layers: usize,
    /// Number of rows that the scores are of.
    pub rows: usize,
    /// Name of the metric.
    pub metric: String,
    /// Score in floats.
    pub before: f64,
    /// Score in 8-bit integers, with the layers that stay.
    pub after: f64,
    /// Root mean square of the change of an output.
    pub change_of_outputs: f64,
}

impl Int8Report {
    /// Returns which layers stay in floats, to be saved with the model.
    pub fn config(&self) -> Int8Config {
        Int8Config {
            keep: self.keep.clone(),
            keep_precision: self.keep_precision,
        }
    }

    /// Returns how much the metric falls, negative if it rises.
    pub fn loss(&self) -> f64 {
        self.before - self.after
    }
}

/// Formats the report as one or two sentences.
impl fmt::Display for Int8Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.keep.len();
        write!(
            f,
            "{} of {} linear layers in 8-bit integers: {} {:.4} on {} rows, {:.4} in {}; outputs change by \
             {:.4}.",
            self.linear_layers - kept,
            self.linear_layers,
            self.metric.replace('_', " "),
            self.after,
            self.rows,
            self.before,
            self.keep_precision,
            self.change_of_outputs,
        )?;
        match kept {
            0 => Ok(()),
            _ => write!(f, " Kept: {}.", self.keep.join(", ")),
        }
    }
}

impl Predictor {
    /// Fits which linear layers become 8-bit integers, on labeled rows that the model was not trained on:
    /// all, unless the main metric of the targets then falls by more than `max_loss`. In that case, those
    /// that change the outputs the most are kept, as few as it takes. [`Self::with_int8`] and
    /// [`Self::text_preprocessing`] save the result, which a predictor in [`Precision::Int8`] applies.
    ///
    /// The predictor itself is in floats: of its precision are the layers that are kept, too.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if the predictor is in 8-bit integers, `max_loss` is negative or
    ///   not a number, or the dataset has no labels or a class that the model lacks.
    /// - [`PredictError::Model`] if the device has no integer products.
    /// - [`PredictError::Eval`] if there are no rows.
    /// - The errors of [`Self::evaluate`].
    pub fn fit_int8(&self, dataset: &Dataset, max_loss: f64) -> Result<Int8Report, PredictError> {
        let (data, targets) = (self.encoded(dataset)?, self.targets(dataset)?);
        let rows = Int8Rows {
            data: &data,
            targets: &targets,
            thresholds: Thresholds::PerClass(self.thresholds().to_vec()),
            batch_size: self.config().batch_size,
            keep_precision: self.config().precision,
        };
        rows.fit(self.model(), max_loss)
    }
}

/// Labeled rows on which a model in floats is compared with itself in 8-bit integers.
#[derive(Debug, Clone)]
pub struct Int8Rows<'a> {
    /// The rows.
    pub data: &'a EncodedDataset,
    /// Their labels, as the model's outputs are numbered.
    pub targets: &'a Targets,
    /// Thresholds of multi-label classification.
    pub thresholds: Thresholds,
    /// Maximum rows or tokens per batch.
    pub batch_size: BatchSize,
    /// Precision of the layers that stay in floats, and of the model to compare with.
    pub keep_precision: Precision,
}

/// Outputs of a model on the rows, and their score.
struct Scored {
    outputs: Vec<Vec<f32>>,
    score: f64,
}

impl Int8Rows<'_> {
    /// Keeps as few layers of a model as it takes for a score that falls by at most `max_loss`.
    ///
    /// # Errors
    /// - As [`Predictor::fit_int8`].
    pub fn fit(
        &self,
        model: &SequenceClassifier,
        max_loss: f64,
    ) -> Result<Int8Report, PredictError> {
        if max_loss.is_nan() || max_loss < 0.0 {
            return Err(PredictError::setting("max_loss", max_loss, "at least 0"));
        }
        let floats = self.floats(model)?;
        let layers = model.encoder.linear_layers();
        // The most sensitive first, once it is known that some have to be kept.
        let mut order: Vec<String> = Vec::new();
        let mut kept = 0;
        loop {
            let report = self.report(model, &floats, &order[..kept])?;
            if report.loss() <= max_loss || kept == layers.len() {
                return Ok(report);
            }
            if order.is_empty() {
                order = most_sensitive_first(&layers, |keep| {
                    Ok(self.report(model, &floats, keep)?.change_of_outputs)
                })?;
            }
            kept += 1;
        }
    }

    /// Returns what it costs if the layers that `config` names stay in floats.
    ///
    /// # Errors
    /// - As [`Predictor::fit_int8`], and [`PredictError::Model`] for a layer that the model lacks.
    pub fn score(
        &self,
        model: &SequenceClassifier,
        config: &Int8Config,
    ) -> Result<Int8Report, PredictError> {
        self.report(model, &self.floats(model)?, &config.keep)
    }

    fn floats(&self, model: &SequenceClassifier) -> Result<Scored, PredictError> {
        if self.keep_precision == Precision::Int8 {
            let expected = "f32, bf16 or f16, to be compared with";
            return Err(PredictError::setting("precision", "int8", expected));
        }
        if self.kind() == TargetKind::Unlabeled {
            let expected = "classes or scores, to see what is lost";
            return Err(PredictError::setting(
                "target of the rows",
                "none",
                expected,
            ));
        }
        self.scored(&model.clone().with_precision(self.keep_precision))
    }

    fn kind(&self) -> TargetKind {
        target_kind(&self.data.schema.target)
    }

    fn scored(&self, model: &SequenceClassifier) -> Result<Scored, PredictError> {
        let outputs = predict(model, self.data, self.batch_size)?.predictions;
        let outputs = outputs.with_thresholds(self.thresholds.clone());
        let scores = Evaluator::new(self.kind()).evaluate(&outputs, self.targets)?;
        let metric = self.kind().main_metric().to_string();
        Ok(Scored {
            score: scores.get(&metric).copied().unwrap_or(f64::NAN),
            outputs: outputs.logits,
        })
    }

    fn report(
        &self,
        model: &SequenceClassifier,
        floats: &Scored,
        keep: &[String],
    ) -> Result<Int8Report, PredictError> {
        let config = Int8Config {
            keep: keep.to_vec(),
            keep_precision: self.keep_precision,
        };
        let integers = self.scored(&model.clone().into_int8(&config)?)?;
        Ok(Int8Report {
            keep: config.keep,
            keep_precision: config.keep_precision,
            linear_layers: model.encoder.linear_layers().len(),
            rows: self.targets.len(),
            metric: self.kind().main_metric().to_string(),
            before: floats.score,
            after: integers.score,
            change_of_outputs: root_mean_square(&floats.outputs, &integers.outputs),
        })
    }
}

/// Orders layers by how much each changes the outputs if it alone becomes integers, the most first.
fn most_sensitive_first(
    layers: &[String],
    change_with: impl Fn(&[String]) -> Result<f64, PredictError>,
) -> Result<Vec<String>, PredictError> {
    let mut changes = Vec::new();
    for layer in layers {
        let others: Vec<String> = layers.iter().filter(|one| *one != layer).cloned().collect();
        changes.push((change_with(&others)?, layer.clone()));
    }
    changes.sort_by(|(first, _), (second, _)| second.total_cmp(first));
    Ok(changes.into_iter().map(|(_, layer)| layer).collect())
}

/// Root mean square difference of outputs.
fn root_mean_square(expected: &[Vec<f32>], found: &[Vec<f32>]) -> f64 {
    let values = expected.iter().flatten().zip(found.iter().flatten());
    let squares = values.map(|(expected, found)| f64::from(expected - found).powi(2));
    let (count, sum) = squares.fold((0usize, 0.0), |(count, sum), one| (count + 1, sum + one));
    (sum / count.max(1) as f64).sqrt()
}
