//! Report of a multi-task run.

use std::fmt;
use std::path::Path;

use finetune_eval::report::Report;
use serde::{Deserialize, Serialize};

use super::{ConflictSection, OverallScore};
use crate::TrainError;
use crate::report::{DataSection, ModelSection, RunPage, RunSection, TestSection, TrainSection};

/// Report of a multi-task run: settings, data, training and test metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MultiTaskReport {
    /// Version, command, device and seed of the run.
    #[serde(flatten)]
    pub run: RunSection,
    /// The model before training.
    pub model: ModelSection,
    /// Training metrics.
    pub train: TrainSection,
    /// Reports of the tasks, in the order of the settings.
    pub tasks: Vec<TaskReport>,
    /// Formula of the overall score.
    pub overall_score: OverallScore,
    /// Overall score on the test rows. An undefined metric, such as a correlation, counts as 0.
    pub overall: Option<f64>,
    /// Cosines between the gradients of the tasks; `None` if they were not logged.
    pub conflicts: Option<ConflictSection>,
}

/// Report of one task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskReport {
    /// Name of the task.
    pub name: String,
    /// Whether the task was trained, rather than only evaluated.
    pub trained: bool,
    /// Data of the task.
    pub data: DataSection,
    /// Test metrics; `None` without test rows.
    pub test: Option<TestSection>,
}

impl MultiTaskReport {
    /// Returns the report of a task.
    pub fn task(&self, name: &str) -> Option<&TaskReport> {
        self.tasks.iter().find(|task| task.name == name)
    }
}

impl MultiTaskReport {
    /// # Errors
    /// - Any error of [`RunPage::with`].
    pub(super) fn page(
        &self,
        settings: &impl Serialize,
        metrics: &Path,
    ) -> Result<Report, TrainError> {
        let names: Vec<&str> = self.tasks.iter().map(|task| task.name.as_str()).collect();
        let mut data = Vec::new();
        for TaskReport {
            name, data: splits, ..
        } in &self.tasks
        {
            let validation = splits.validation.as_ref();
            data.push((format!("{name}, train"), &splits.train));
            data.extend(validation.map(|split| (format!("{name}, validation"), split)));
            let test = splits.test.as_ref();
            data.extend(test.map(|split| (format!("{name}, test"), split)));
        }
        let page = RunPage {
            title: format!("Fine-tuning on {}", names.join(", ")),
            summary: self.summary(),
            run: &self.run,
            model: &self.model,
            train: &self.train,
            data,
        };
        let tasks = self.tasks.iter();
        let tasks = tasks.filter_map(|task| {
            let test = task.test.as_ref()?;
            Some(test.section(&format!("Test rows of {}", task.name)))
        });
        let conflicts = self.conflicts.iter().map(ConflictSection::section);
        page.with(tasks.chain(conflicts), settings, metrics)
    }

    /// Formats one sentence per task.
    fn summary(&self) -> String {
        let overall = self.overall.map(|overall| format!("Overall {overall:.4}."));
        let tasks = self.tasks.iter();
        let tasks = tasks
            .filter_map(|task| Some(format!("{}: {}", task.name, task.test.as_ref()?.sentence())));
        overall
            .into_iter()
            .chain(tasks)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl fmt::Display for MultiTaskReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trained = self.tasks.iter().filter(|task| task.trained);
        let rows = trained.map(|task| task.data.train.rows).sum();
        writeln!(f, "{}", self.train.sentence(rows))?;
        for task in &self.tasks {
            let Some(test) = &task.test else { continue };
            let (name, rows) = (&task.name, test.scores.rows());
            writeln!(f, "{name}: tested on {rows} rows. {}", test.sentence())?;
        }
        if let Some(conflicts) = &self.conflicts {
            write!(f, "{conflicts}")?;
        }
        match self.overall {
            Some(overall) => write!(f, "Overall {overall:.4}."),
            None => Ok(()),
        }
    }
}
