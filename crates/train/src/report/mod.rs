//! Report of a run, as JSON, as text and as a page.

mod curves;
mod error_analysis;
mod page;
mod test_section;

use std::fmt;
use std::path::Path;

use burn::module::Module;
use finetune_model::{LoadReport, Parameter, parameters};
use serde::{Deserialize, Serialize};

use crate::callback::EpochRecord;
use crate::evaluation::EvaluationRecord;
use crate::summary::TrainingSummary;
use crate::{FreezeConfig, memory};

pub use error_analysis::ErrorAnalysis;
pub(crate) use page::{RunPage, figure};
pub use test_section::{TestScores, TestSection};

/// Report of a fine-tuning run: settings, data, training and test metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunReport {
    /// Version, command, device and seed of the run.
    #[serde(flatten)]
    pub run: RunSection,
    /// Model before training.
    pub model: ModelSection,
    /// Data of the run.
    pub data: DataSection,
    /// Cached activations of frozen layers; `None` if none were cached.
    pub activations: Option<ActivationsSection>,
    /// Training metrics.
    pub train: TrainSection,
    /// Test metrics; `None` without test rows.
    pub test: Option<TestSection>,
}

/// Version, command, device and seed of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunSection {
    /// Version of the library.
    pub version: String,
    /// Program and its arguments.
    pub command: Vec<String>,
    /// Name of the device.
    pub device: String,
    /// Random seed.
    pub seed: u64,
    /// Peak resident memory of the process in bytes; `None` if the system does not report it.
    pub peak_rss_bytes: Option<u64>,
}

/// Model before training.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelSection {
    /// Checkpoint directory; `None` for a randomly initialized model.
    pub source: Option<String>,
    /// Number of parameters.
    pub parameters: usize,
    /// Number of parameters that are trained from the first step.
    pub trainable_parameters: usize,
    /// Tensors missing from the checkpoint, newly initialized.
    pub initialized: Vec<String>,
    /// Tensors of the checkpoint that the model does not use.
    pub unused: Vec<String>,
}

/// Data of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataSection {
    /// Class names, in the order of their ids; empty for regression.
    pub class_names: Vec<String>,
    /// Training rows.
    pub train: SplitSection,
    /// Validation rows; `None` if the run does not evaluate.
    pub validation: Option<SplitSection>,
    /// Test rows, if any.
    pub test: Option<SplitSection>,
}

/// Statistics of one split.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitSection {
    /// Name of the dataset and split.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// Number of truncated token rows.
    pub truncated: usize,
    /// Hash of all texts and labels after cleaning.
    pub fingerprint: String,
}

/// Statistics of the activation cache.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ActivationsSection {
    /// Size in memory or on disk in bytes, for all splits.
    pub bytes: u64,
    /// Whether all activations were already cached by an earlier run.
    pub reused: bool,
    /// Wall time of computing or loading them, in seconds.
    pub seconds: f64,
}

/// Training metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrainSection {
    /// Wall time of the training loop in seconds.
    pub seconds: f64,
    /// Training rows per second.
    pub samples_per_second: f64,
    /// Number of optimizer steps.
    pub steps: usize,
    /// Fraction of the processed token positions that was padding.
    pub padding_fraction: f64,
    /// Loss and time of each epoch.
    pub epochs: Vec<EpochRecord>,
    /// Evaluations on the validation rows.
    pub evaluations: Vec<EvaluationRecord>,
    /// Best evaluation; `None` without evaluations.
    pub best: Option<EvaluationRecord>,
}

impl RunSection {
    /// Creates the section; call it at the end of a run, to record peak memory.
    pub(crate) fn new(command: &[String], device: &str, seed: u64) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_string(),
            command: command.to_vec(),
            device: device.to_string(),
            seed,
            peak_rss_bytes: memory::peak_rss_bytes(),
        }
    }
}

impl ModelSection {
    /// Creates the section; `source` is the checkpoint directory, `None` for a randomly initialized
    /// model.
    pub(crate) fn new<M: Module>(
        source: Option<&Path>,
        model: &M,
        freeze: &FreezeConfig,
        load_report: &LoadReport,
    ) -> Self {
        let numbers = |parameter: &Parameter| parameter.shape.iter().product::<usize>();
        let all = parameters(model);
        let frozen = freeze.frozen_at_start(model);
        let parameters = all.iter().map(numbers).sum();
        Self {
            source: source.map(|folder| folder.display().to_string()),
            parameters,
            trainable_parameters: parameters - frozen.iter().map(numbers).sum::<usize>(),
            initialized: load_report.newly_initialized.clone(),
            unused: load_report.unexpected.clone(),
        }
    }
}

impl From<TrainingSummary> for TrainSection {
    fn from(summary: TrainingSummary) -> Self {
        Self {
            seconds: summary.seconds,
            samples_per_second: summary.samples_per_second(),
            steps: summary.steps,
            padding_fraction: summary.padding_fraction(),
            epochs: summary.epochs,
            evaluations: summary.evaluations,
            best: summary.best,
        }
    }
}

impl ActivationsSection {
    /// Formats a human-readable sentence.
    fn sentence(&self) -> String {
        let what = if self.reused { "Found" } else { "Computed" };
        let megabytes = self.bytes as f64 / 1e6;
        let seconds = self.seconds;
        format!("{what} {megabytes:.1} MB of activations of the frozen part in {seconds:.1} s.")
    }
}

impl TrainSection {
    /// Formats a human-readable summary of training on `rows` rows.
    pub(crate) fn sentence(&self, rows: usize) -> String {
        let sentence = format!(
            "Trained {} steps on {rows} rows in {:.1} s: {:.1} rows a second, {:.1} % padding.",
            self.steps,
            self.seconds,
            self.samples_per_second,
            100.0 * self.padding_fraction,
        );
        match &self.best {
            Some(best) => format!(
                "{sentence} Best after {} steps: {}.",
                best.step,
                best.scores_text()
            ),
            None => sentence,
        }
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kept) = &self.activations {
            writeln!(f, "{}", kept.sentence())?;
        }
        writeln!(f, "{}", self.train.sentence(self.data.train.rows))?;
        let Some(test) = &self.test else {
            return write!(f, "No test rows.");
        };
        writeln!(
            f,
            "Tested on {} rows in {:.1} s: {:.1} rows a second. {}",
            test.scores.rows(),
            test.seconds,
            test.samples_per_second,
            test.sentence(),
        )?;
        write!(f, "\n{}", test.scores)
    }
}
