//! The folder a run leaves behind.
//!
//! | file | what | when |
//! |---|---|---|
//! | `config.json` | every setting, resolved | before training |
//! | `metrics.jsonl` | a line per step and per epoch | while it trains |
//! | `predictions.jsonl` | a line per test row | at the end |
//! | `report.json` | [`RunReport`](crate::RunReport) | at the end |
//! | `model/` | the fine-tuned checkpoint with its tokenizer | at the end |

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use finetune_storage::write_atomically;
use serde::Serialize;
use serde_json::json;

use crate::TrainError;
use crate::observer::{Event, Observer};
use crate::predict::Predictions;

/// A run directory that is being filled.
#[derive(Debug)]
pub struct RunRecord {
    directory: PathBuf,
    metrics: BufWriter<File>,
}

impl RunRecord {
    /// Makes the folder and writes the resolved settings into it.
    ///
    /// # Errors
    /// [`TrainError::RunDirectoryInUse`] if the folder holds anything, [`TrainError::Io`] if it
    /// cannot be made or written.
    pub fn create(directory: &Path, settings: &impl Serialize) -> Result<Self, TrainError> {
        fs::create_dir_all(directory).map_err(TrainError::io(directory))?;
        let mut entries = fs::read_dir(directory).map_err(TrainError::io(directory))?;
        if entries.next().is_some() {
            return Err(TrainError::RunDirectoryInUse {
                path: directory.to_path_buf(),
            });
        }
        write_json(&directory.join("config.json"), settings)?;
        let metrics = directory.join("metrics.jsonl");
        let file = File::create_new(&metrics).map_err(TrainError::io(metrics))?;
        Ok(Self {
            directory: directory.to_path_buf(),
            metrics: BufWriter::new(file),
        })
    }

    /// The first of `parent/name-1`, `parent/name-2`, … that does not exist yet, made now.
    ///
    /// # Errors
    /// [`TrainError::Io`] if it cannot be made.
    pub fn next_directory(parent: &Path, name: &str) -> Result<PathBuf, TrainError> {
        fs::create_dir_all(parent).map_err(TrainError::io(parent))?;
        let mut number = 1u32;
        loop {
            let directory = parent.join(format!("{name}-{number}"));
            match fs::create_dir(&directory) {
                Ok(()) => return Ok(directory),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(TrainError::io(directory)(error)),
            }
        }
    }

    /// The folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes what the model said of each test row. Labels and predicted classes are positions in
    /// `class_names`.
    ///
    /// # Errors
    /// [`TrainError::Io`] if the file cannot be written.
    pub fn write_predictions(
        &self,
        predictions: &Predictions,
        labels: &[usize],
        class_names: &[String],
    ) -> Result<(), TrainError> {
        let mut text = String::new();
        let rows = predictions.classes().into_iter().zip(labels).enumerate();
        for (row, (prediction, label)) in rows {
            let line = json!({
                "row": row,
                "label": class_names[*label],
                "prediction": class_names[prediction],
                "probabilities": predictions.probabilities(row),
            });
            text.push_str(&line.to_string());
            text.push('\n');
        }
        let path = self.directory.join("predictions.jsonl");
        write_atomically(&path, text.as_bytes()).map_err(TrainError::io(&path))
    }

    /// Writes the report.
    ///
    /// # Errors
    /// [`TrainError::Io`] if the file cannot be written.
    pub fn write_report(&self, report: &impl Serialize) -> Result<(), TrainError> {
        write_json(&self.directory.join("report.json"), report)
    }

    fn line(&mut self, record: &impl Serialize) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.metrics, record)?;
        self.metrics.write_all(b"\n")
    }
}

impl Observer for RunRecord {
    fn observe(&mut self, event: &Event) -> Result<(), TrainError> {
        let written = match event {
            Event::Step(record) => self.line(record),
            // Flushed with the epoch: a killed run loses no whole epoch of its record.
            Event::Epoch(record) => self.line(record).and_then(|()| self.metrics.flush()),
            Event::Ended(_) => self.metrics.flush(),
            _ => Ok(()),
        };
        written.map_err(TrainError::io(self.directory.join("metrics.jsonl")))
    }
}

/// Writes `value` as indented JSON; the file appears whole or not at all.
///
/// # Errors
/// [`TrainError::Io`] if it cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), TrainError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| TrainError::io(path)(std::io::Error::other(error)))?;
    text.push(b'\n');
    write_atomically(path, &text).map_err(TrainError::io(path))
}
