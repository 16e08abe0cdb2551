//! Checkpoints: the complete state of a run, from which it resumes with the same result.
//!
//! | file | what |
//! |---|---|
//! | `state.cbor` | position, loss sums of the current epoch, best evaluation, early stopping |
//! | `model` | every parameter that has been trained, as burn records it |
//! | `optimizer` | state of the optimizer |
//! | `best` | the same parameters of the best model so far, if not the current one |
//! | `callbacks.json` | state of callbacks with state, by name |
//!
//! Parameters that have never been trained, such as a frozen encoder, are not saved. The state
//! contains a fingerprint of them, which shows whether the resumed run starts from the same model.
//!
//! Checkpoint directories are written atomically ([`DirectoryWriter`]), so a killed run leaves the
//! previous checkpoint intact.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::module::{Module, ParamGroup};
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use finetune_model::{AnyModule, parameters};
use finetune_storage::{Directory, DirectoryWriter};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::callback::{CallbackStates, TrainContext};
use crate::error::TrainError;
use crate::evaluation::BestTracker;
use crate::freeze::fingerprints;
use crate::loss_scale::LossScale;
use crate::mixing::TaskWeights;
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::step_losses::EpochLoss;
use crate::summary::TrainingSummary;

const STATE: &str = "state.cbor";
const MODEL: &str = "model";
const OPTIMIZER: &str = "optimizer";
const BEST: &str = "best";
const CALLBACKS: &str = "callbacks.json";

/// Content of `state.cbor`.
#[derive(Serialize, Deserialize)]
struct Stored<S> {
    state: S,
    /// Paths of the parameters that have been trained.
    trained: BTreeSet<String>,
    /// Fingerprint of the other parameters.
    fingerprint_of_others: String,
}

/// Complete state of a run.
pub(crate) struct Checkpoint {
    pub(crate) state: TrainState,
    pub(crate) model: AnyModule,
    pub(crate) optimizer: Optimizer,
    /// Model of the best evaluation, if the run keeps it.
    pub(crate) best: Option<AnyModule>,
    /// State of the callbacks when the checkpoint is written.
    pub(crate) callbacks: CallbackStates,
}

/// State of a run besides parameters and optimizer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainState {
    pub(crate) summary: TrainingSummary,
    pub(crate) standing: BestTracker,
    pub(crate) epoch_loss: EpochLoss,
    /// Wall time of the current epoch in seconds.
    pub(crate) epoch_seconds: f64,
    /// Whether the run has ended.
    pub(crate) ended: bool,
    /// Loss scale of half precision; `None` without loss scaling.
    #[serde(default)]
    pub(crate) loss_scale: Option<LossScale>,
    /// Product of the learning rate factors set by callbacks; `None` if none was set.
    #[serde(default)]
    pub(crate) learning_rate_scale: Option<f64>,
    /// Loss weights of the tasks; `None` before the first step.
    #[serde(default)]
    pub(crate) task_weights: Option<TaskWeights>,
    /// Best evaluation and early-stopping state of each task, with early stopping per task.
    #[serde(default)]
    pub(crate) task_standings: BTreeMap<String, BestTracker>,
}

impl TrainState {
    /// Returns whether the current model is the best so far.
    fn best_is_now(&self) -> bool {
        let best = self.standing.best.as_ref();
        best.is_some_and(|best| best.step == self.summary.steps as u64)
    }
}

impl Checkpoint {
    /// Returns the context for callbacks of a run with `total_steps` steps.
    pub(crate) fn context(&self, total_steps: usize) -> TrainContext<'_> {
        TrainContext {
            steps: self.state.summary.steps as u64,
            total_steps: total_steps as u64,
            learning_rate_scale: self.state.learning_rate_scale.unwrap_or(1.0),
            model: self.model.as_any(),
            optimizer: &self.optimizer,
            last_evaluation: self.state.summary.evaluations.last(),
        }
    }

    /// Writes the checkpoint to the directory `path`, which must not exist.
    pub(crate) fn write(&self, path: &Path) -> Result<(), TrainError> {
        let corrupted = |what: String| TrainError::checkpoint(path, what);
        let (ids, trained): (Vec<_>, BTreeSet<_>) = self
            .optimizer
            .moved()
            .map(|(id, path)| (id, path.to_string()))
            .unzip();
        let record = |model: &AnyModule| {
            let group = ParamGroup::from_ids(ids.clone());
            let bytes = model.clone().into_record_group(group).into_bytes();
            bytes.map_err(|error| corrupted(error.to_string()))
        };
        let mut writer = DirectoryWriter::create(path)?;
        writer.file(MODEL, &record(&self.model)?)?;
        writer.file(OPTIMIZER, &self.optimizer.to_bytes()?)?;
        if let Some(best) = &self.best
            && !self.state.best_is_now()
        {
            writer.file(BEST, &record(best)?)?;
        }
        if !self.callbacks.is_empty() {
            let states = self.callbacks.to_json();
            let states = states.map_err(|error| corrupted(error.to_string()))?;
            writer.file(CALLBACKS, &states)?;
        }
        let stored = Stored {
            fingerprint_of_others: fingerprint_of_others(&self.model, &trained),
            state: &self.state,
            trained,
        };
        let mut state = Vec::new();
        ciborium::into_writer(&stored, &mut state).map_err(|error| corrupted(error.to_string()))?;
        writer.file(STATE, &state)?;
        Ok(writer.finish()?)
    }

    /// Reads the checkpoint at `path` into the model that the run started from.
    pub(crate) fn read(
        path: &Path,
        model: AnyModule,
        optimizer: &OptimizerConfig,
    ) -> Result<Self, TrainError> {
        let corrupted = |what: String| TrainError::checkpoint(path, what);
        let directory = Directory::open(path)?;
        let restore = |name| {
            let bytes = Bytes::from_bytes_vec(directory.read(name)?);
            let record = ModuleRecord::from_bytes(bytes);
            record
                .and_then(|record| model.clone().try_load_record(record.allow_partial(true)))
                .map_err(|error| corrupted(format!("{name}: {error}")))
        };
        let state = directory.read(STATE)?;
        let Stored {
            state,
            trained,
            fingerprint_of_others: expected,
        } = ciborium::from_reader::<Stored<TrainState>, _>(state.as_slice())
            .map_err(|error| corrupted(format!("{STATE}: {error}")))?;
        if fingerprint_of_others(&model, &trained) != expected {
            return Err(corrupted(OTHER_START.to_string()));
        }
        let restored = restore(MODEL)?;
        let best = match directory.contains(BEST) {
            true => Some(restore(BEST)?),
            false => state.best_is_now().then(|| restored.clone()),
        };
        let callbacks = match directory.contains(CALLBACKS) {
            true => CallbackStates::from_json(&directory.read(CALLBACKS)?)
                .map_err(|error| corrupted(format!("{CALLBACKS}: {error}")))?,
            false => CallbackStates::default(),
        };
        Ok(Self {
            callbacks,
            optimizer: optimizer
                .init(&restored)
                .load_bytes(directory.read(OPTIMIZER)?)?
                .with_moved(&trained),
            model: restored,
            state,
            best,
        })
    }
}

const OTHER_START: &str =
    "what has not trained is not as in the model that the run goes on from: it began with another";

/// Returns the fingerprint of the parameters whose paths are not in `trained`.
pub(crate) fn fingerprint_of_others<M: Module>(model: &M, trained: &BTreeSet<String>) -> String {
    let mut others = parameters(model);
    others.retain(|parameter| !trained.contains(&parameter.path));
    let fingerprints = fingerprints(model, &others);
    let mut hasher = Xxh3::new();
    for parameter in &others {
        hasher.update(parameter.path.as_bytes());
        hasher.update(&fingerprints[&parameter.id].to_le_bytes());
    }
    format!("{:032x}", hasher.digest128())
}
