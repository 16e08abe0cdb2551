//! The training loop, configured by [`TrainConfig`], for one or several tasks.

use burn::module::Module;
use finetune_model::AnyModule;

use crate::any_objective::AnyObjective;
use crate::checkpoint_directory::CheckpointDirectory;
use crate::error::TrainError;
use crate::objective::Objective;
use crate::step_plan::Plan;
use crate::summary::TrainingSummary;
use crate::train_config::TrainConfig;

/// The training loop.
///
/// ```text
/// for each step:  batches -> losses -> summed gradients -> combined tasks -> clipping -> optimizer
///                 callbacks, which may stop the run or ask for what follows
///                 evaluation, if due -> best so far, early stopping
///                 checkpoint, if due
/// ```
///
/// See [`Task`](crate::Task) for an example.
#[allow(missing_debug_implementations, reason = "holds a closure")]
pub struct Trainer<'a, O: Objective> {
    pub(crate) objective: &'a O,
    pub(crate) config: &'a TrainConfig,
    pub(crate) checkpoints: Option<&'a CheckpointDirectory>,
    pub(crate) save_snapshot: Option<SaveSnapshot<'a, O::Model>>,
}

/// [`Trainer`] without type parameter: the loop is compiled once, not for each objective.
pub(crate) struct AnyTrainer<'a> {
    pub(crate) objective: &'a dyn AnyObjective,
    pub(crate) config: &'a TrainConfig,
    pub(crate) checkpoints: Option<&'a CheckpointDirectory>,
    pub(crate) save_snapshot: Option<SaveSnapshot<'a, AnyModule>>,
}

/// Function that saves a model snapshot; it receives the model and the number of optimizer steps.
pub type SaveSnapshot<'a, M> = &'a dyn Fn(&M, usize) -> Result<(), TrainError>;

/// Result of [`Trainer::train`]: the trained model and a summary.
#[derive(Debug)]
pub struct Trained<M> {
    /// The best model by the configured metric if
    /// [`load_best_model_at_end`](crate::EvaluationConfig::load_best_model_at_end) is set,
    /// otherwise the last.
    pub model: M,
    /// Steps, losses, evaluations and time of the run.
    pub summary: TrainingSummary,
}

impl<'a, O: Objective> Trainer<'a, O> {
    /// Creates a trainer that writes no checkpoints.
    pub fn new(objective: &'a O, config: &'a TrainConfig) -> Self {
        Self {
            objective,
            config,
            checkpoints: None,
            save_snapshot: None,
        }
    }

    /// Writes checkpoints to a directory. If it already contains a checkpoint, the run resumes from
    /// the newest one, with the same result as an uninterrupted run.
    pub fn checkpoints(self, directory: &'a CheckpointDirectory) -> Self {
        Self {
            checkpoints: Some(directory),
            ..self
        }
    }

    /// Calls `save` with the model after each step in `snapshot_steps` of the settings.
    pub fn snapshots(self, save: SaveSnapshot<'a, O::Model>) -> Self {
        Self {
            save_snapshot: Some(save),
            ..self
        }
    }

    /// Checks that settings, data and model fit each other; [`Self::train`] performs the same
    /// checks.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, or does not fit the data or
    ///   the model.
    /// - [`TrainError::Precision`] if the model's device does not support the precision.
    /// - Any error of the objective.
    pub fn check(&self, model: &O::Model) -> Result<(), TrainError> {
        self.plan(model).map(drop)
    }

    pub(crate) fn plan(&self, model: &O::Model) -> Result<Plan, TrainError> {
        let plan = Plan::new(self.objective, self.config)?;
        self.objective.check(model, self.config)?;
        for device in model.devices() {
            self.config.precision.check(&device)?;
        }
        Ok(plan)
    }
}
