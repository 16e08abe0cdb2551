//! Frozen parameters of the current step, and the check that they do not change.

use std::collections::BTreeSet;

use burn::module::Module;
use burn::optim::GradientsParams;
use finetune_model::parameters;

use crate::encoder_stages::layers;
use crate::error::TrainError;
use crate::freeze::{FreezeConfig, FrozenParameterCheck, check_gradients_of};
use crate::step_plan::PlannedStep;

/// Applies a [`FreezeConfig`] during a run and verifies it.
pub(crate) struct Freezing<'a> {
    config: &'a FreezeConfig,
    layers: usize,
    /// Frozen stages of the current step; `None` before the first step.
    frozen_stages: Option<usize>,
    /// Tasks whose gradients were checked since the trainable parameters last changed.
    checked: BTreeSet<usize>,
    watch: FrozenParameterCheck,
}

impl<'a> Freezing<'a> {
    /// # Errors
    /// - Any error of [`FreezeConfig::check`].
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

    /// Freezes and unfreezes the parameters that change state at this step.
    pub(crate) fn before_step<M: Module>(&mut self, model: M, step: &PlannedStep) -> M {
        let (epoch, step) = (step.epoch as usize, step.step as usize);
        let stages = self.config.frozen_stages(self.layers, epoch, step);
        if self.frozen_stages.replace(stages) == Some(stages) {
            return model;
        }
        self.checked.clear();
        self.config.apply(model, stages)
    }

    /// Checks that every trainable parameter of the step's tasks has a gradient, once per task
    /// after each change. `task_of` returns the task of a parameter that is not shared.
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

    /// Returns the first stage with dropout in this step.
    pub(crate) fn first_stage_with_dropout(&self) -> usize {
        let stages = self.frozen_stages.unwrap_or(0);
        self.config.first_stage_with_dropout(stages)
    }

    /// Checks that the parameters that are still frozen have not changed.
    pub(crate) fn check_frozen<M: Module>(&self, model: &M) -> Result<(), TrainError> {
        let Some(stages) = self.frozen_stages else {
            return Ok(());
        };
        self.watch.verify(model, &self.config.frozen(model, stages))
    }
}
