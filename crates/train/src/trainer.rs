//! The training loop. There is one; what varies is a value in [`TrainConfig`], and what is trained
//! an [`Objective`].

use burn::module::Module;
use burn::tensor::Device;

use crate::callback::Callback;
use crate::checkpoints::CheckpointDirectory;
use crate::objective::Objective;
use crate::plan::Plan;
use crate::training_run::TrainingRun;
use crate::{TrainConfig, TrainError, TrainingSummary, out_of_memory};

/// Trains.
///
/// ```text
/// for each step:  batches -> losses -> gradients, summed, of its tasks combined -> clipped -> optimizer
///                 callbacks, which may stop the run or ask for what follows
///                 evaluation, if due -> best so far, early stopping
///                 checkpoint, if due
/// ```
///
/// See [`LabeledTexts`](crate::LabeledTexts) for an example.
#[allow(missing_debug_implementations, reason = "holds a closure")]
pub struct Trainer<'a, O: Objective> {
    pub(crate) objective: &'a O,
    pub(crate) config: &'a TrainConfig,
    pub(crate) checkpoints: Option<&'a CheckpointDirectory>,
    pub(crate) save_snapshot: Option<SaveSnapshot<'a, O::Model>>,
}

/// Saves a model for good, after so many steps.
pub type SaveSnapshot<'a, M> = &'a dyn Fn(&M, usize) -> Result<(), TrainError>;

/// What a run leaves.
#[derive(Debug)]
pub struct Trained<M> {
    /// The best model by the configured metric, or the last.
    pub model: M,
    /// How it came about.
    pub summary: TrainingSummary,
}

impl<'a, O: Objective> Trainer<'a, O> {
    /// Without checkpoints.
    pub fn new(objective: &'a O, config: &'a TrainConfig) -> Self {
        Self {
            objective,
            config,
            checkpoints: None,
            save_snapshot: None,
        }
    }

    /// Writes checkpoints into a folder. If it has one already, the run goes on from the newest,
    /// with the same result as if it had never stopped.
    pub fn checkpoints(self, folder: &'a CheckpointDirectory) -> Self {
        Self {
            checkpoints: Some(folder),
            ..self
        }
    }

    /// Calls `save` with the model after each of the configured snapshots.
    pub fn snapshots(self, save: SaveSnapshot<'a, O::Model>) -> Self {
        Self {
            save_snapshot: Some(save),
            ..self
        }
    }

    /// Whether settings, data and model contradict each other; [`Self::train`] finds it out, too.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names both; [`TrainError::Precision`] if the model's device
    /// lacks it.
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

    /// Trains `model`, which is on a device with autodiff, in the configured precision.
    ///
    /// # Errors
    /// [`TrainError::Precision`] if its device lacks that; [`TrainError::InvalidSetting`] for a
    /// configuration that is out of range, contradicts itself, or does not fit model or data;
    /// [`TrainError::Diverged`] if a loss or gradient stops being a number;
    /// [`TrainError::OutOfMemory`] if a GPU has no memory for a step or an evaluation; whatever the
    /// objective or `callback` returns; [`TrainError::DuplicateCallback`],
    /// [`TrainError::MissingCallback`] and [`TrainError::NoValidationRows`] for callbacks that do not
    /// fit each other, the checkpoint or the data.
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

/// Devices, for a message.
fn names(devices: &[Device]) -> String {
    let devices = devices.iter().cloned();
    let names = devices.map(|device| format!("{:?}", device.without_autodiff()));
    names.collect::<Vec<_>>().join(", ")
}
