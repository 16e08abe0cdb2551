//! What is frozen at the step under way, and the proof that it stays as it was.

use std::collections::BTreeSet;

use burn::module::Module;
use burn::optim::GradientsParams;
use finetune_model::parameters;

use crate::TrainError;
use crate::freeze::{FreezeConfig, FrozenParameterCheck, check_gradients_of};
use crate::plan::PlannedStep;
use crate::stages::layers;

/// Holds a run to its [`FreezeConfig`].
pub(crate) struct Freezing<'a> {
    config: &'a FreezeConfig,
    layers: usize,
    /// Of the step under way; nothing before the first.
    frozen_stages: Option<usize>,
    /// The tasks whose gradients were looked at since what trains has changed.
    checked: BTreeSet<usize>,
    watch: FrozenParameterCheck,
}

impl<'a> Freezing<'a> {
    /// # Errors
    /// As [`FreezeConfig::check`].
    pub(crate) fn new<M: Module>(config: &'a FreezeConfig, model: &M) -> Result<Self, TrainError> {
        config.check(model)?;
        Ok(Self {
            config,
            layers: layers(&parameters(model)),
            frozen_stages: None,
            checked: BTreeSet::new(),
            watch: FrozenParameterCheck::start(model, &config.frozen_at_start(model)),
        })
    }

    /// Freezes and unfreezes what is to be otherwise in this step.
    pub(crate) fn before_step<M: Module>(&mut self, model: M, step: &PlannedStep) -> M {
        let (epoch, step) = (step.epoch as usize, step.step as usize);
        let stages = self.config.frozen_stages(self.layers, epoch, step);
        if self.frozen_stages.replace(stages) == Some(stages) {
            return model;
        }
        self.checked.clear();
        self.config.apply(model, stages)
    }

    /// Whether all that trains and belongs to the tasks of a step has a gradient; looked at once for
    /// each task after each change. `task_of` has the task that a parameter belongs to alone.
    pub(crate) fn check_gradients<M: Module>(
        &mut self,
        model: &M,
        gradients: &GradientsParams,
        tasks: &[usize],
        task_of: impl Fn(&str) -> Option<usize>,
    ) -> Result<(), TrainError> {
        if tasks.iter().all(|task| self.checked.contains(task)) {
            return Ok(());
        }
        self.checked.extend(tasks);
        check_gradients_of(model, gradients, |path| {
            task_of(path).is_none_or(|task| tasks.contains(&task))
        })
    }

    /// The first stage with dropout in this step.
    pub(crate) fn first_stage_with_dropout(&self) -> usize {
        let stages = self.frozen_stages.unwrap_or(0);
        self.config.first_stage_with_dropout(stages)
    }

    /// Whether all that was frozen to the end is what it was.
    pub(crate) fn check_frozen<M: Module>(&self, model: &M) -> Result<(), TrainError> {
        let Some(stages) = self.frozen_stages else {
            return Ok(());
        };
        self.watch.verify(model, &self.config.frozen(model, stages))
    }
}
