//! The final word of a run, as JSON, as text and as a page.

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

/// What a run was and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunReport {
    /// By what it was made.
    #[serde(flatten)]
    pub run: RunSection,
    /// The model before training.
    pub model: ModelSection,
    /// The data.
    pub data: DataSection,
    /// The activations of the frozen part that were kept, before the training phase.
    pub activations: Option<ActivationsSection>,
    /// The training phase.
    pub train: TrainSection,
    /// Test phase; `None` without test rows.
    pub test: Option<TestSection>,
}

/// By what a run was made: the head of every report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunSection {
    /// Version of the library.
    pub version: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where the tensors were.
    pub device: String,
    /// From which every random choice follows.
    pub seed: u64,
    /// The most memory the process held, where the system tells it.
    pub peak_rss_bytes: Option<u64>,
}

/// The model before training.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelSection {
    /// The checkpoint's folder; nothing for a model from a seed.
    pub source: Option<String>,
    /// Numbers in all parameters.
    pub parameters: usize,
    /// Of these, numbers that train from the first step.
    pub trainable_parameters: usize,
    /// Tensors that the checkpoint had not got and that were initialized from the seed.
    pub initialized: Vec<String>,
    /// Tensors of the checkpoint that the model has no place for.
    pub unused: Vec<String>,
}

/// The data of both splits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataSection {
    /// Names of the classes, in the order of their numbers.
    pub class_names: Vec<String>,
    /// Training rows.
    pub train: SplitSection,
    /// Rows that the model is measured on while it trains.
    pub validation: Option<SplitSection>,
    /// Test rows.
    pub test: Option<SplitSection>,
}

/// One split.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitSection {
    /// Name of the data set and split.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// Rows of tokens that are not the whole of their text.
    pub truncated: usize,
    /// Hash of all texts and labels, once cleaned.
    pub fingerprint: String,
}

/// Activations of the frozen part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ActivationsSection {
    /// What they take in memory or on disk, those of the validation rows among them.
    pub bytes: u64,
    /// Whether an earlier run had computed them all.
    pub reused: bool,
    /// Wall time of computing or finding them.
    pub seconds: f64,
}

/// The training phase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrainSection {
    /// Wall time of the loop.
    pub seconds: f64,
    /// Rows per second.
    pub samples_per_second: f64,
    /// Optimizer steps.
    pub steps: usize,
    /// Share of the computed token slots that was padding.
    pub padding_fraction: f64,
    /// Loss and time of each epoch.
    pub epochs: Vec<EpochRecord>,
    /// Scores on held-out rows.
    pub evaluations: Vec<EvaluationRecord>,
    /// The best of these, whose model the run kept if it was to.
    pub best: Option<EvaluationRecord>,
}

impl RunSection {
    /// At the end of a run, which is when the memory is known.
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
    /// `source` is the folder the model is from, nothing if it is from a seed.
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
            initialized: load_report.initialized.clone(),
            unused: load_report.unused.clone(),
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
    /// For people.
    fn sentence(&self) -> String {
        let what = if self.reused { "Found" } else { "Computed" };
        let megabytes = self.bytes as f64 / 1e6;
        let seconds = self.seconds;
        format!("{what} {megabytes:.1} MB of activations of the frozen part in {seconds:.1} s.")
    }
}

impl TrainSection {
    /// What was done with so many rows, for people.
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
