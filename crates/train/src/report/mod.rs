//! Report of a run, as JSON, as text and as a page.

mod curves;
mod data_blocks;
mod data_section;
mod data_statistics;
mod error_analysis;
mod label_set_errors;
mod model_card;
mod page;
mod score_intervals;
mod scored_pairs;
mod tagged_sentences;
mod test_section;

use std::fmt;

use burn::module::Module;
use finetune_model::{LoadReport, Parameter, parameters};
use serde::{Deserialize, Serialize};

use crate::callback::EpochRecord;
use crate::evaluation::EvaluationRecord;
use crate::freeze::FreezeConfig;
use crate::multi_task::{ConflictSection, OverallScore};
use crate::summary::TrainingSummary;

pub use data_section::{DataSection, SplitSection};
pub(crate) use data_statistics::lengths;
pub use data_statistics::{DataStatistics, SplitStatistics};
pub use error_analysis::ErrorAnalysis;
pub(crate) use page::figure;
pub(crate) use tagged_sentences::TaggedSentences;
pub use test_section::{TestScores, TestSection};

/// Report of a run: data, training and test metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunReport {
    /// Version, command, device and seed of the run.
    #[serde(flatten)]
    pub run: RunSection,
    /// Model before training.
    pub model: ModelSection,
    /// Data of a run on one task; `None` for several tasks, and for a task without statistics.
    pub data: Option<DataSection>,
    /// Cached activations of frozen layers; `None` if none were cached.
    pub activations: Option<ActivationsSection>,
    /// Training metrics.
    pub train: TrainSection,
    /// Test metrics of a run on one task; `None` without test rows.
    pub test: Option<TestSection>,
    /// Reports of several tasks, in the order of the settings; empty for one task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskReport>,
    /// Formula of the overall score of several tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overall_score: Option<OverallScore>,
    /// Overall score on the test rows of several tasks. An undefined metric, such as a correlation,
    /// counts as 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overall: Option<f64>,
    /// Cosines between the gradients of several tasks; `None` if they were not logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<ConflictSection>,
}

/// Report of one of several tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskReport {
    /// Name of the task.
    pub name: String,
    /// Whether the task was trained, rather than only evaluated.
    pub trained: bool,
    /// Data of the task; `None` without statistics.
    pub data: Option<DataSection>,
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
    pub newly_initialized: Vec<String>,
    /// Tensors of the classification layer whose rows were put into the order of the classes of the
    /// data, by name.
    #[serde(default)]
    pub reordered: Vec<String>,
    /// Tensors of the classification layer whose rows belong to the classes of the data by their
    /// position alone: the checkpoint does not name its classes.
    #[serde(default)]
    pub by_position: Vec<String>,
    /// Tensors of the checkpoint that the model does not use.
    pub unexpected: Vec<String>,
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
    /// Training tokens per second; 0 in reports of earlier versions.
    #[serde(default)]
    pub tokens_per_second: f64,
    /// Fraction of the processed token positions that was padding: 0, as batches are packed.
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
            peak_rss_bytes: peak_rss_bytes(),
        }
    }
}

impl ModelSection {
    /// Creates the section; `source` is the checkpoint directory or name, `None` for a randomly initialized
    /// model.
    pub(crate) fn new<M: Module>(
        source: Option<&str>,
        model: &M,
        freeze: &FreezeConfig,
        load_report: &LoadReport,
    ) -> Self {
        let numbers = |parameter: &Parameter| parameter.shape.iter().product::<usize>();
        let all = parameters(model);
        let frozen = freeze.frozen_at_start(model);
        let parameters = all.iter().map(numbers).sum();
        Self {
            source: source.map(str::to_owned),
            parameters,
            trainable_parameters: parameters - frozen.iter().map(numbers).sum::<usize>(),
            newly_initialized: load_report.newly_initialized.clone(),
            reordered: load_report.reordered.clone(),
            by_position: load_report.by_position.clone(),
            unexpected: load_report.unexpected.clone(),
        }
    }
}

impl From<TrainingSummary> for TrainSection {
    fn from(summary: TrainingSummary) -> Self {
        Self {
            seconds: summary.seconds,
            samples_per_second: summary.samples_per_second(),
            steps: summary.steps,
            tokens_per_second: summary.tokens_per_second(),
            padding_fraction: 0.0,
            epochs: summary.epochs,
            evaluations: summary.evaluations,
            best: summary.best,
        }
    }
}

impl ActivationsSection {
    /// Returns the sum over two tasks.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            reused: self.reused && other.reused,
            seconds: self.seconds + other.seconds,
        }
    }

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
            "Trained {} steps on {rows} rows in {:.1} s: {:.1} rows, {:.0} tokens a second.",
            self.steps, self.seconds, self.samples_per_second, self.tokens_per_second,
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

impl RunReport {
    /// Returns the report of one of several tasks.
    pub fn task(&self, name: &str) -> Option<&TaskReport> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// Returns the number of training rows of all trained tasks.
    fn training_rows(&self) -> usize {
        let trained = self.tasks.iter().filter(|task| task.trained);
        let of_tasks = trained.filter_map(|task| task.data.as_ref());
        let data = self.data.iter().chain(of_tasks);
        data.map(|data| data.train.rows).sum()
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in self.data_warnings() {
            writeln!(f, "Warning: {warning}")?;
        }
        if let Some(kept) = &self.activations {
            writeln!(f, "{}", kept.sentence())?;
        }
        write!(f, "{}", self.train.sentence(self.training_rows()))?;
        match (&self.test, &self.tasks[..]) {
            (Some(test), _) => self.fmt_test(test, f),
            (None, []) => self.fmt_evaluations(f),
            (None, tasks) => self.fmt_tasks(tasks, f),
        }
    }
}

impl RunReport {
    fn fmt_test(&self, test: &TestSection, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, sentence) = (test.scores.rows(), test.sentence());
        let (seconds, rate) = (test.seconds, test.samples_per_second);
        let speed = format!("{seconds:.1} s: {rate:.1} rows a second");
        write!(
            f,
            "\nTested on {rows} rows in {speed}. {sentence}\n\n{}",
            test.scores
        )?;
        match test.fitted_sentences() {
            Some(sentences) => write!(f, "\n\n{sentences}"),
            None => Ok(()),
        }
    }

    fn fmt_evaluations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for evaluation in &self.train.evaluations {
            let (step, scores) = (evaluation.step, evaluation.scores_text());
            write!(f, "\nAfter {step} steps: {scores}")?;
        }
        match &self.data {
            // There is nothing to classify.
            Some(data) if data.class_names.is_empty() && data.test.is_none() => Ok(()),
            _ => write!(f, "\nNo test rows."),
        }
    }

    fn fmt_tasks(&self, tasks: &[TaskReport], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for task in tasks {
            let Some(test) = &task.test else { continue };
            let (name, rows) = (&task.name, test.scores.rows());
            write!(f, "\n{name}: tested on {rows} rows. {}", test.sentence())?;
            if let Some(sentences) = test.fitted_sentences() {
                write!(f, " {sentences}")?;
            }
        }
        if let Some(conflicts) = &self.conflicts {
            write!(f, "\n{}", conflicts.to_string().trim_end())?;
        }
        match self.overall {
            Some(overall) => write!(f, "\nOverall {overall:.4}."),
            None => Ok(()),
        }
    }
}

/// Returns the peak resident memory of the process so far in bytes; `None` on systems other than
/// Linux.
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_process_holds_some_memory() {
        assert!(super::peak_rss_bytes().unwrap() > 1 << 20);
    }
}
