//! Writing of snapshots and checkpoints.

use crate::callback::{CallbackStates, Event};
use crate::error::TrainError;
use crate::run_length::StepBoundary;
use crate::trainer::AnyTrainer;

use super::TrainingRun;

impl TrainingRun<'_> {
    pub(super) fn save_if_due(&mut self, moment: StepBoundary) -> Result<(), TrainError> {
        let AnyTrainer {
            config,
            checkpoints,
            save_snapshot,
            ..
        } = self.trainer;
        if let Some(save) = save_snapshot
            && config.checkpoints.snapshot_steps.contains(&moment.steps)
        {
            self.read_losses()?;
            save(&self.now.model, moment.steps)?;
        }
        let every = config.checkpoints.every;
        let due = every.is_some_and(|every| every.is_due(moment)) || self.requests.save;
        let Some(directory) = checkpoints.filter(|_| due) else {
            return Ok(());
        };
        self.read_losses()?;
        self.take_time();
        let step = moment.steps as u64;
        self.callback.on_event(&Event::BeforeSave { step })?;
        let mut states = CallbackStates::default();
        self.callback.collect_states(&mut states)?;
        self.now.callbacks = states;
        let path = directory.write(&self.now, config.checkpoints.save_total_limit)?;
        self.last_checkpoint = Some(path.clone());
        let context = self.now.context(self.plan.total_steps);
        self.callback.on_save(&path, &context)?;
        self.callback.on_event(&Event::Save(path))
    }
}
