//! Callback of the examples: progress and TensorBoard curves.

use std::path::{Path, PathBuf};

use finetune::prelude::*;
use finetune::train::{Callback, Event, TensorBoardCallback, TrainError};

/// Callback that shows progress and, if enabled, writes curves for TensorBoard.
#[derive(Debug)]
pub struct Watcher {
    progress: ProgressCallback,
    /// Directory of the curves; `None` if disabled or once the writer exists.
    curves: Option<PathBuf>,
    board: Option<TensorBoardCallback>,
}

impl Watcher {
    /// Creates the callback. Curves go into the directory `tensorboard` of the run directory.
    pub fn new(run_directory: &Path, tensorboard: bool) -> Self {
        Self {
            progress: ProgressCallback::new(),
            curves: tensorboard.then(|| run_directory.join("tensorboard")),
            board: None,
        }
    }
}

impl Callback for Watcher {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        // Created after the start of the run, which requires an empty directory.
        if let Some(directory) = self.curves.take() {
            self.board = Some(TensorBoardCallback::create(&directory)?);
        }
        self.progress.on_event(event)?;
        match &mut self.board {
            Some(board) => board.on_event(event),
            None => Ok(()),
        }
    }
}
