//! Writer of the run directory, and JSON files.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use finetune_eval::report::Report;
use finetune_storage::{remove_partial_files, write_atomically};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::callback::{Callback, Event};
use crate::error::TrainError;
use crate::objective::Objective;
use crate::report::RunReport;
use crate::resume::check_settings;
use crate::run_directory::RunDirectory;
use crate::task::TestOutput;
use crate::train_config::TrainConfig;
use crate::trainer::{Trained, Trainer};

/// Name of the card in the directory of a model.
const MODEL_CARD: &str = "README.md";

/// Writer of a run directory.
#[derive(Debug)]
pub struct RunWriter {
    directory: RunDirectory,
    metrics: BufWriter<File>,
}

impl RunWriter {
    /// Creates the directory and writes the resolved settings to it.
    ///
    /// # Errors
    /// - [`TrainError::RunDirectoryInUse`] if the directory is not empty.
    /// - [`TrainError::Io`] if it cannot be created or written.
    pub fn create(path: &Path, settings: &impl Serialize) -> Result<Self, TrainError> {
        fs::create_dir_all(path).map_err(TrainError::io(path))?;
        let mut entries = fs::read_dir(path).map_err(TrainError::io(path))?;
        if entries.next().is_some() {
            let path = path.to_path_buf();
            return Err(TrainError::RunDirectoryInUse { path });
        }
        let directory = RunDirectory::new(path);
        write_json(&directory.config(), settings)?;
        let metrics = directory.metrics();
        let file = File::create_new(&metrics).map_err(TrainError::io(metrics))?;
        Ok(Self {
            directory,
            metrics: BufWriter::new(file),
        })
    }

    /// Opens the directory of an interrupted run at its newest checkpoint. A directory without
    /// settings is created, as by [`Self::create`].
    ///
    /// # Errors
    /// - [`TrainError::Resume`] if the saved settings differ from `settings`, except for `command`.
    /// - [`TrainError::RunComplete`] if the run is complete.
    /// - Any error of [`Self::create`].
    pub fn resume(path: &Path, settings: &impl Serialize) -> Result<Self, TrainError> {
        let directory = RunDirectory::new(path);
        remove_partial_files(path).map_err(TrainError::io(path))?;
        if !directory.config().exists() {
            return Self::create(path, settings);
        }
        check_settings(&directory.config(), settings)?;
        if directory.report().exists() {
            let path = path.to_path_buf();
            return Err(TrainError::RunComplete { path });
        }
        let latest = directory.checkpoints()?.latest()?;
        let metrics = directory.metrics();
        let file = open_after(&metrics, latest.map(|(step, _)| step));
        Ok(Self {
            metrics: BufWriter::new(file.map_err(TrainError::io(metrics))?),
            directory,
        })
    }

    /// Returns the run directory.
    pub fn directory(&self) -> &RunDirectory {
        &self.directory
    }

    /// Trains, and writes metrics, checkpoints and snapshots to the directory.
    ///
    /// # Errors
    /// - Any error of [`Trainer::train`] or [`Objective::save`].
    pub(crate) fn train<O: Objective>(
        &mut self,
        objective: &O,
        config: &TrainConfig,
        model: O::Model,
        callback: &mut dyn Callback,
    ) -> Result<Trained<O::Model>, TrainError> {
        let directory = self.directory.clone();
        let checkpoints = directory.checkpoints()?;
        Trainer::new(objective, config)
            .checkpoints(&checkpoints)
            .snapshots(&|model, steps| objective.save(model, &directory.snapshot(steps)))
            .train(model, &mut (self, callback))
    }

    /// Writes the predictions of the test rows to `predictions.jsonl`, or of one of several tasks
    /// to `predictions/TASK.jsonl`; the name of the only task is empty.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if the file cannot be written.
    pub(crate) fn write_predictions(
        &self,
        task: &str,
        output: &TestOutput,
    ) -> Result<(), TrainError> {
        let lines = output.lines.iter().map(|line| format!("{line}\n"));
        let text: String = lines.collect();
        let path = match task {
            "" => self.directory.predictions(),
            task => self.directory.task_predictions(task),
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(TrainError::io(parent))?;
        }
        write_atomically(&path, text.as_bytes()).map_err(TrainError::io(&path))
    }

    /// Writes the report as `report.html`, `report.md` and, last, `report.json`, which marks the
    /// run as complete.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if a file cannot be written.
    pub fn write_report(&self, report: &impl Serialize, page: &Report) -> Result<(), TrainError> {
        for (path, content) in [
            (self.directory.html_report(), page.to_html()),
            (self.directory.markdown_report(), page.to_markdown()),
        ] {
            write_atomically(&path, content.as_bytes()).map_err(TrainError::io(&path))?;
        }
        write_json(&self.directory.report(), report)
    }

    /// Writes the card of each model beside it, if it was saved.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if it cannot be written.
    pub(crate) fn write_model_cards(&self, report: &RunReport) -> Result<(), TrainError> {
        let name = self.directory.path().file_name();
        let name = name.map_or_else(|| "model".into(), |name| name.to_string_lossy());
        for (model, card) in report.model_cards(&name) {
            let directory = self.directory.model().join(model);
            if directory.is_dir() {
                let path = directory.join(MODEL_CARD);
                write_atomically(&path, card.as_bytes()).map_err(TrainError::io(&path))?;
            }
        }
        Ok(())
    }

    /// Writes the line of an event to the metrics, if it has one.
    fn write(&mut self, event: &Event) -> std::io::Result<()> {
        let line = match event {
            Event::StepEnd(record) => serde_json::to_value(record)?,
            Event::TaskLosses(record) => serde_json::to_value(record)?,
            Event::Gradients(record) => serde_json::to_value(record)?,
            Event::Evaluate(record) => serde_json::to_value(record)?,
            Event::EpochEnd(record) => json!({
                "step": record.step,
                "epoch": record.epoch,
                "epoch_loss": record.loss,
            }),
            // Lines before a checkpoint must be on disk, because a resumed run does not write them
            // again.
            Event::BeforeSave { .. } => {
                self.metrics.flush()?;
                return self.metrics.get_ref().sync_data();
            }
            Event::PhaseEnd(_) => return self.metrics.flush(),
            _ => return Ok(()),
        };
        writeln!(self.metrics, "{line}")
    }
}

impl Callback for RunWriter {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        let written = self.write(event);
        written.map_err(TrainError::io(self.directory.metrics()))
    }
}

/// Opens the metrics after the lines of the first `steps` steps, and removes later lines; `None`
/// removes all lines.
fn open_after(path: &Path, steps: Option<u64>) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(path)?;
    let mut reader = BufReader::new(&file);
    let (mut kept, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line)?;
        // The last line may be incomplete.
        let record = serde_json::from_slice::<Value>(&line).unwrap_or_default();
        let step = record.get("step").and_then(Value::as_u64);
        if !line.ends_with(b"\n") || step.is_none() || step > steps {
            break;
        }
        kept += bytes as u64;
    }
    file.set_len(kept)?;
    file.seek(std::io::SeekFrom::End(0))?;
    Ok(file)
}

/// Writes `value` atomically as indented JSON.
///
/// # Errors
/// - [`TrainError::Io`] if the file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), TrainError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| TrainError::io(path)(std::io::Error::other(error)))?;
    text.push(b'\n');
    write_atomically(path, &text).map_err(TrainError::io(path))
}

/// Reads a value, such as settings or a report, from a JSON file.
///
/// # Errors
/// - [`TrainError::Io`] if the file cannot be read.
/// - [`TrainError::Json`] if it is not valid JSON of this type.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let text = fs::read(path).map_err(TrainError::io(path))?;
    serde_json::from_slice(&text).map_err(|source| TrainError::Json {
        path: path.to_path_buf(),
        source: finetune_data::explain_renamed_key(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_go_on_behind_the_checkpoint() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metrics.jsonl");
        let lines = "{\"step\":1}\n{\"step\":2}\n{\"step\":2,\"epoch\":1}\n{\"step\":3}\n{\"st";
        let kept = [
            (None, 0),
            (Some(0), 0),
            (Some(1), 11),
            (Some(2), 43),
            (Some(9), 54),
        ];
        for (steps, kept) in kept {
            fs::write(&path, lines).unwrap();
            let mut file = open_after(&path, steps).unwrap();
            file.write_all(b"next").unwrap();
            assert_eq!(
                fs::read_to_string(&path).unwrap(),
                format!("{}next", &lines[..kept])
            );
        }
    }

    /// Killed while it wrote its settings.
    #[test]
    fn a_run_that_had_hardly_begun_begins() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".x1Y2z3.partial"), "{").unwrap();
        drop(RunWriter::resume(directory.path(), &json!({})).unwrap());
        let names = fs::read_dir(directory.path()).unwrap();
        assert_eq!(names.count(), 2);

        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("thesis.txt"), "").unwrap();
        let error = RunWriter::resume(other.path(), &json!({})).unwrap_err();
        assert!(
            matches!(error, TrainError::RunDirectoryInUse { .. }),
            "{error}"
        );
    }

    #[test]
    fn only_a_stopped_run_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let run = directory.path().join("run");
        let settings = |rate: f64| json!({"command": [rate.to_string()], "train": {"rate": 0.5}});
        // Nothing there yet: it begins.
        drop(RunWriter::resume(&run, &settings(1.0)).unwrap());
        let error = RunWriter::create(&run, &settings(1.0)).unwrap_err();
        assert!(
            matches!(error, TrainError::RunDirectoryInUse { .. }),
            "{error}"
        );
        let record = RunWriter::resume(&run, &settings(2.0)).unwrap();
        record.write_report(&json!({}), &Report::default()).unwrap();
        let error = RunWriter::resume(&run, &settings(1.0)).unwrap_err();
        assert!(matches!(error, TrainError::RunComplete { .. }), "{error}");
    }
}
