//! The training loop, configured by [`TrainConfig`], for one or several tasks.

use burn::module::Module;
use burn::tensor::Device;

use crate::callback::Callback;
use crate::checkpoint_directory::CheckpointDirectory;
use crate::error::TrainError;
use crate::objective::Objective;
use crate::out_of_memory;
use crate::step_plan::Plan;
use crate::summary::TrainingSummary;
use crate::train_config::TrainConfig;
use crate::training_run::TrainingRun;

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
    pub fn checkpoints(self, folder: &'a CheckpointDirectory) -> Self {
        Self {
            checkpoints: Some(folder),
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

    fn plan(&self, model: &O::Model) -> Result<Plan, TrainError> {
        let plan = Plan::new(self.objective, self.config)?;
        self.objective.check(model, self.config)?;
        for device in model.devices() {
            self.config.precision.check(&device)?;
        }
        Ok(plan)
    }

    /// Trains `model`, which must be on a device with autodiff, in the configured precision.
    ///
    /// # Errors
    /// - [`TrainError::Precision`] if the model's device does not support the precision.
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, or does not fit the data or
    ///   the model.
    /// - [`TrainError::Diverged`] if a loss or a gradient norm is NaN or infinite.
    /// - [`TrainError::OutOfMemory`] if a GPU runs out of memory in a step or an evaluation.
    /// - [`TrainError::DuplicateCallback`] if two callbacks with state have the same name.
    /// - [`TrainError::MissingCallback`] if the checkpoint has the state of a callback that the run
    ///   lacks.
    /// - [`TrainError::NoValidationRows`] if a callback requests an evaluation without validation
    ///   rows.
    /// - Any error of the objective or `callback`.
    pub fn train(
        &self,
        model: O::Model,
        callback: &mut dyn Callback,
    ) -> Result<Trained<O::Model>, TrainError> {
        let plan = self.plan(&model)?;
        let devices = model.devices();
        let model = self.objective.in_precision(model, self.config.precision);
        let mut run = TrainingRun::begin(self, &plan, model, callback)?;
        run.begin_training()?;
        let mut steps = plan.steps_after(run.steps_done())?.peekable();
        while !run.has_ended()
            && let Some(step) = steps.next()
        {
            let moment = step.moment(steps.peek());
            let checkpoint = run.last_checkpoint();
            let stepped = out_of_memory::or_reason(|| {
                let mut run = run.step(&step)?;
                run.after_step(&step, moment)?;
                Ok(run)
            });
            run = stepped.unwrap_or_else(|reason| {
                Err(TrainError::OutOfMemory {
                    device: names(&devices),
                    steps: moment.steps - 1,
                    reason,
                    checkpoint,
                })
            })?;
        }
        run.end()
    }
}

/// Formats the names of devices for a message.
fn names(devices: &[Device]) -> String {
    let devices = devices.iter().cloned();
    let names = devices.map(|device| format!("{:?}", device.without_autodiff()));
    names.collect::<Vec<_>>().join(", ")
}
