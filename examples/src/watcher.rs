//! What is told of a run while it goes on.

use std::path::{Path, PathBuf};

use finetune::prelude::*;
use finetune::train::{Event, Observer, TensorBoard, TrainError};

/// Shows progress, and writes curves if they are asked for.
#[derive(Debug)]
pub struct Watcher {
    progress: Progress,
    /// Where the curves go.
    curves: Option<PathBuf>,
    board: Option<TensorBoard>,
}

impl Watcher {
    /// Curves go into the folder `tensorboard` of the run directory.
    pub fn new(run_directory: &Path, tensorboard: bool) -> Self {
        Self {
            progress: Progress::new(),
            curves: tensorboard.then(|| run_directory.join("tensorboard")),
            board: None,
        }
    }
}

impl Observer for Watcher {
    fn observe(&mut self, event: &Event) -> Result<(), TrainError> {
        // Not before the run has begun: it wants an empty folder.
        if let Some(folder) = self.curves.take() {
            self.board = Some(TensorBoard::create(&folder)?);
        }
        self.progress.observe(event)?;
        match &mut self.board {
            Some(board) => board.observe(event),
            None => Ok(()),
        }
    }
}
