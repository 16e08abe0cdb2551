//! Event files for [TensorBoard](https://www.tensorflow.org/tensorboard).
//!
//! Tags are those of transformers'
//! [`TensorBoardCallback`](https://huggingface.co/docs/transformers/main_classes/callback#transformers.integrations.TensorBoardCallback),
//! so that runs of both can be compared: `train/loss`, `train/learning_rate`, `train/grad_norm`,
//! and `eval/` followed by the name of a metric.

mod crc32c;
mod event;

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::callback::{Callback, Event, Phase};
use crate::error::TrainError;
use event::Content;

/// Observer that writes losses, learning rates and metrics to a TensorBoard event file.
///
/// ```
/// use finetune_train::TensorBoardCallback;
///
/// let run = tempfile::tempdir()?;
/// let mut board = TensorBoardCallback::create(&run.path().join("tensorboard"))?;
/// // As a callback it writes what it sees; other values are a call away.
/// board.scalars(100, &[("eval/loss", 0.31), ("eval/accuracy", 0.92)])?;
/// assert!(board.path().exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `tensorboard --logdir runs` compares runs, also while they are running. Every event is written
/// immediately, so an interrupted run loses none.
#[derive(Debug)]
pub struct TensorBoardCallback {
    path: PathBuf,
    file: File,
}

impl TensorBoardCallback {
    /// Begins an event file in a directory, which is made if it is missing. Files that are there stay
    /// as they are: those of a run that was killed and goes on make one curve with this.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if the file cannot be created or written.
    pub fn create(directory: &Path) -> Result<Self, TrainError> {
        fs::create_dir_all(directory).map_err(TrainError::io(directory))?;
        let (file, path) = new_file(directory)?;
        let mut board = Self { path, file };
        board.write(0, Content::FileVersion)?;
        Ok(board)
    }

    /// Writes values by tag at a step (from 1). A `/` in a tag groups charts.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if the file cannot be written.
    pub fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), TrainError> {
        self.write(step, Content::Scalars(scalars))
    }

    fn owned_scalars(&mut self, step: u64, scalars: &[(String, f64)]) -> Result<(), TrainError> {
        let scalars: Vec<_> = scalars
            .iter()
            .map(|(tag, value)| (&tag[..], *value))
            .collect();
        self.scalars(step, &scalars)
    }

    /// Returns the path of the event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, step: u64, content: Content<'_>) -> Result<(), TrainError> {
        let event = event::Event {
            wall_time: seconds_since_1970(),
            step,
            content,
        };
        let written = self.file.write_all(&event.record());
        written.map_err(TrainError::io(&self.path))
    }
}

impl Callback for TensorBoardCallback {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        match event {
            // What an earlier, killed run wrote of later steps no longer counts.
            Event::PhaseBegin {
                phase: Phase::Training,
                done,
                ..
            } => self.write(*done as u64 + 1, Content::SessionStart),
            Event::Evaluate(record) => {
                let of_all = record.scores.iter();
                let mut scores: Vec<_> = of_all
                    .map(|(metric, score)| (format!("eval/{metric}"), *score))
                    .collect();
                for (task, of_task) in &record.tasks {
                    let tagged = of_task.iter();
                    scores.extend(
                        tagged.map(|(metric, score)| (format!("eval_{task}/{metric}"), *score)),
                    );
                }
                self.owned_scalars(record.step, &scores)
            }
            Event::TaskLosses(record) => {
                let losses = record.task_losses.iter();
                let losses =
                    losses.map(|(task, loss)| (format!("task_loss/{task}"), f64::from(*loss)));
                let weights = record.task_weights.iter();
                let weights =
                    weights.map(|(task, weight)| (format!("task_weight/{task}"), *weight));
                let values: Vec<_> = losses.chain(weights).collect();
                self.owned_scalars(record.step, &values)
            }
            Event::StepEnd(record) => self.scalars(
                record.step,
                &[
                    ("train/loss", f64::from(record.loss)),
                    ("train/learning_rate", record.learning_rate),
                    ("train/grad_norm", f64::from(record.grad_norm)),
                ],
            ),
            _ => Ok(()),
        }
    }
}

/// Creates a file whose name TensorBoard recognizes and sorts after earlier ones.
fn new_file(directory: &Path) -> Result<(File, PathBuf), TrainError> {
    let (seconds, process) = (seconds_since_1970() as u64, std::process::id());
    let mut number = 0u32;
    loop {
        let name = format!("events.out.tfevents.{seconds:010}.{process}.{number}");
        let path = directory.join(name);
        match File::create_new(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(TrainError::io(path)(error)),
        }
    }
}

/// Returns the seconds since 1970, or 0 if the clock is set earlier.
fn seconds_since_1970() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests;
