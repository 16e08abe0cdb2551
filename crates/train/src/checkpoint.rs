//! A checkpoint: everything that a run needs to go on as if it had never stopped.
//!
//! | file | what |
//! |---|---|
//! | `state.cbor` | position, sums of the epoch under way, best evaluation, stopping |
//! | `model` | every parameter, as burn records it |
//! | `optimizer` | the optimizer's memory of every parameter |
//! | `best` | the parameters of the best model so far, if those are others |
//!
//! It is a folder that appears whole or not at all ([`FolderWriter`]), so a run that is killed at
//! any moment leaves the one before it intact.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use finetune_storage::{Folder, FolderWriter};
use serde::{Deserialize, Serialize};

use crate::evaluation::Standing;
use crate::mixing::TaskWeights;
use crate::step_losses::EpochLoss;
use crate::{Optimizer, OptimizerConfig, TrainError, TrainingSummary};

const STATE: &str = "state.cbor";
const MODEL: &str = "model";
const OPTIMIZER: &str = "optimizer";
const BEST: &str = "best";

/// All that a run needs to go on.
pub(crate) struct Checkpoint<M> {
    pub(crate) state: TrainState,
    pub(crate) model: M,
    pub(crate) optimizer: Optimizer,
    /// The model of the best evaluation, if it is to be kept.
    pub(crate) best: Option<M>,
}

/// What a run remembers from one step to the next, besides parameters and optimizer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainState {
    pub(crate) summary: TrainingSummary,
    pub(crate) standing: Standing,
    pub(crate) epoch_loss: EpochLoss,
    /// Wall time of the epoch under way.
    pub(crate) epoch_seconds: f64,
    /// No step follows.
    pub(crate) ended: bool,
    /// What the losses of the tasks count for; nothing before the first step.
    #[serde(default)]
    pub(crate) task_weights: Option<TaskWeights>,
    /// How each of several tasks has been doing, where one may stop before the others.
    #[serde(default)]
    pub(crate) task_standings: BTreeMap<String, Standing>,
}

impl TrainState {
    /// Whether the last step led to the best model so far.
    fn best_is_now(&self) -> bool {
        let best = self.standing.best.as_ref();
        best.is_some_and(|best| best.step == self.summary.steps as u64)
    }
}

impl<M: Module> Checkpoint<M> {
    /// Writes the checkpoint into the folder `path`, which does not exist yet.
    pub(crate) fn write(&self, path: &Path) -> Result<(), TrainError> {
        let damaged = |what: String| TrainError::checkpoint(path, what);
        let record = |model: &M| {
            let bytes = model.clone().into_record().into_bytes();
            bytes.map_err(|error| damaged(error.to_string()))
        };
        let mut writer = FolderWriter::create(path)?;
        writer.file(MODEL, &record(&self.model)?)?;
        writer.file(OPTIMIZER, &self.optimizer.to_bytes()?)?;
        if let Some(best) = &self.best
            && !self.state.best_is_now()
        {
            writer.file(BEST, &record(best)?)?;
        }
        let mut state = Vec::new();
        ciborium::into_writer(&self.state, &mut state)
            .map_err(|error| damaged(error.to_string()))?;
        writer.file(STATE, &state)?;
        Ok(writer.finish()?)
    }

    /// Reads the checkpoint at `path` into a model like the one it was written from.
    pub(crate) fn read(
        path: &Path,
        model: M,
        optimizer: &OptimizerConfig,
    ) -> Result<Self, TrainError> {
        let damaged = |what: String| TrainError::checkpoint(path, what);
        let folder = Folder::open(path)?;
        let restore = |name| {
            let bytes = Bytes::from_bytes_vec(folder.read(name)?);
            let record = ModuleRecord::from_bytes(bytes);
            record
                .and_then(|record| model.clone().try_load_record(record))
                .map_err(|error| damaged(format!("{name}: {error}")))
        };
        let state = folder.read(STATE)?;
        let state: TrainState = ciborium::from_reader(state.as_slice())
            .map_err(|error| damaged(format!("{STATE}: {error}")))?;
        let restored = restore(MODEL)?;
        let best = match folder.contains(BEST) {
            true => Some(restore(BEST)?),
            false => state.best_is_now().then(|| restored.clone()),
        };
        Ok(Self {
            optimizer: optimizer
                .init(&restored)
                .load_bytes(folder.read(OPTIMIZER)?)?,
            model: restored,
            state,
            best,
        })
    }
}
