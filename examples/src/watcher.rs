//! What is told of a run while it goes on.

use std::path::{Path, PathBuf};

use finetune::prelude::*;
use finetune::train::{Callback, Event, TensorBoardCallback, TrainError};

/// Shows progress, and writes curves if they are asked for.
#[derive(Debug)]
pub struct Watcher {
    progress: ProgressCallback,
    /// Where the curves go.
    curves: Option<PathBuf>,
    board: Option<TensorBoardCallback>,
}

impl Watcher {
    /// Curves go into the folder `tensorboard` of the run directory.
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
        // Not before the run has begun: it wants an empty folder.
        if let Some(folder) = self.curves.take() {
            self.board = Some(TensorBoardCallback::create(&folder)?);
        }
        self.progress.on_event(event)?;
        match &mut self.board {
            Some(board) => board.on_event(event),
            None => Ok(()),
        }
    }
}
