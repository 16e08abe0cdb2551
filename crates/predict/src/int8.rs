//! Prediction in 8-bit integers: which linear layers become integers, and what that costs.

use std::fmt;

use finetune_data::Dataset;
use finetune_eval::{Evaluator, TargetKind, Thresholds};
use finetune_model::{EncoderModel, Int8Config, SequenceClassifier};
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::error::PredictError;
use crate::evaluator::target_kind;
use crate::predict::predict;
use crate::predictor::Predictor;

/// Returns a model in a precision; in 8-bit integers, without the layers that `int8` keeps.
///
/// # Errors
/// - [`PredictError::Model`] if the model cannot be in 8-bit integers.
pub(crate) fn in_precision<M: EncoderModel>(
    model: M,
    precision: Precision,
    int8: Option<&Int8Config>,
) -> Result<M, PredictError> {
    match precision {
        Precision::Int8 => Ok(model.into_int8(&int8.cloned().unwrap_or_default())?),
        precision => Ok(model.with_precision(precision)),
    }
}

/// Linear layers to become 8-bit integers, with what that costs on the same labeled rows; see
/// [`Predictor::fit_int8`](crate::Predictor::fit_int8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Int8Report {
    /// The layers that stay in floats.
    #[serde(flatten)]
    pub config: Int8Config,
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
    pub(crate) fn new(found: Int8Choice, metric: String, rows: usize) -> Self {
        Self {
            config: found.config,
            linear_layers: found.linear_layers,
            rows,
            metric,
            before: found.before,
            after: found.after,
            change_of_outputs: found.change_of_outputs,
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
        let kept = self.config.keep.len();
        write!(
            f,
            "{} of {} linear layers in 8-bit integers: {} {:.4} on {} rows, {:.4} in {}; outputs change by \
             {:.4}.",
            self.linear_layers - kept,
            self.linear_layers,
            self.metric,
            self.after,
            self.rows,
            self.before,
            self.config.keep_precision,
            self.change_of_outputs,
        )?;
        match kept {
            0 => Ok(()),
            _ => write!(f, " Kept: {}.", self.config.keep.join(", ")),
        }
    }
}

impl Predictor {
    /// Fits which linear layers become 8-bit integers, on labeled rows that the model was not trained on:
    /// all, unless the main metric of the targets then falls by more than `max_loss`. In that case, those
    /// that change the outputs the most are kept, as few as it takes. [`Self::with_int8`](Predictor::with_int8) and
    /// [`Self::text_preprocessing`] save the result, which a predictor in
    /// [`Precision::Int8`](finetune_ops::Precision::Int8) applies.
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
        if self.config().precision == Precision::Int8 {
            let expected = "f32, bf16 or f16, to be compared with";
            return Err(PredictError::setting("precision", "int8", expected));
        }
        let kind = target_kind(&dataset.schema.target);
        if kind == TargetKind::Unlabeled {
            let expected = "classes or scores, to see what is lost";
            return Err(PredictError::setting(
                "target of the dataset",
                "none",
                expected,
            ));
        }
        let evaluator = Evaluator::new(kind);
        let metric = kind.main_metric().to_string();
        let (data, targets) = (self.encoded(dataset)?, self.targets(dataset)?);
        let thresholds = Thresholds::PerClass(self.thresholds().to_vec());
        let outputs = |model: &SequenceClassifier| {
            let outputs = predict(model, &data, self.config().batch_size)?.predictions;
            let outputs = outputs.with_thresholds(thresholds.clone());
            let scores = evaluator.evaluate(&outputs, &targets)?;
            let score = scores.get(&metric).copied().unwrap_or(f64::NAN);
            Ok((outputs.logits, score))
        };
        let search = Int8Search {
            model: self.model(),
            keep_precision: self.config().precision,
            outputs: &outputs,
        };
        let found = search.run(max_loss)?;
        Ok(Int8Report::new(found, metric, targets.len()))
    }
}

/// What a model outputs on the rows, with its score.
type Outputs<'a> = dyn Fn(&SequenceClassifier) -> Result<(Vec<Vec<f32>>, f64), PredictError> + 'a;

/// Search for the layers that become 8-bit integers.
pub(crate) struct Int8Search<'a> {
    /// The model in floats.
    pub(crate) model: &'a SequenceClassifier,
    /// Precision of what stays in floats.
    pub(crate) keep_precision: Precision,
    pub(crate) outputs: &'a Outputs<'a>,
}

/// Layers found.
pub(crate) struct Int8Choice {
    config: Int8Config,
    linear_layers: usize,
    before: f64,
    after: f64,
    change_of_outputs: f64,
}

impl Int8Search<'_> {
    /// Keeps as few layers as it takes for a score that falls by at most `max_loss`.
    pub(crate) fn run(&self, max_loss: f64) -> Result<Int8Choice, PredictError> {
        if !(max_loss >= 0.0) {
            return Err(PredictError::setting("max_loss", max_loss, "at least 0"));
        }
        let layers = self.model.encoder.linear_layers();
        let (floats, before) = (self.outputs)(self.model)?;
        let of = |keep: &[String]| -> Result<(f64, f64), PredictError> {
            let config = self.config(keep);
            let (outputs, score) = (self.outputs)(&self.model.clone().into_int8(&config)?)?;
            Ok((score, root_mean_square(&floats, &outputs)))
        };
        // The most sensitive first, once it is known that some have to be kept.
        let mut order: Vec<String> = Vec::new();
        let mut kept = 0;
        loop {
            let keep = &order[..kept];
            let (after, change_of_outputs) = of(keep)?;
            if before - after <= max_loss || kept == layers.len() {
                return Ok(Int8Choice {
                    config: self.config(keep),
                    linear_layers: layers.len(),
                    before,
                    after,
                    change_of_outputs,
                });
            }
            if order.is_empty() {
                order = most_sensitive_first(&layers, |keep| Ok(of(keep)?.1))?;
            }
            kept += 1;
        }
    }

    fn config(&self, keep: &[String]) -> Int8Config {
        Int8Config {
            keep: keep.to_vec(),
            keep_precision: self.keep_precision,
        }
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
