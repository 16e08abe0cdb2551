//! Runs of a student.

use std::path::PathBuf;

use burn::tensor::Device;

use super::config::DistillationConfig;
use super::student_task::StudentTask;
use super::task::DistillationTask;
use crate::error::TrainError;
use crate::prepared_run::PreparedRun;
use crate::run::{Run, RunInput};
use crate::run_output::RunOutput;
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// A run of a student; made by [`Run::distill`].
pub type Distillation<'a, I> = Run<'a, Distilled<I>>;

/// Input of a [`Distillation`] run: that of a run without a teacher, and the teacher.
#[derive(Debug)]
pub struct Distilled<I> {
    input: I,
    config: DistillationConfig,
}

impl<'a, I> Run<'a, I>
where
    I: RunInput,
    I::Objective: StudentTask,
{
    /// Adds a teacher, whose outputs the model of this run learns beside its own labels.
    pub fn distill(self, config: DistillationConfig) -> Distillation<'a, I> {
        self.map_input(|input| Distilled { input, config })
    }
}

impl<I> RunInput for Distilled<I>
where
    I: RunInput,
    I::Objective: StudentTask,
{
    type Objective = DistillationTask<I::Objective>;

    fn train_config(&mut self) -> &mut TrainConfig {
        self.input.train_config()
    }

    fn text_config(&mut self) -> &mut TextConfig {
        self.input.text_config()
    }

    fn models(&mut self) -> Vec<(String, &mut PathBuf)> {
        let mut models = self.input.models();
        let place = "/config/distillation/teacher".to_string();
        models.push((place, &mut self.config.teacher));
        models
    }

    fn load(
        self,
        device: &Device,
        device_name: &str,
    ) -> Result<PreparedRun<'static, Self::Objective>, TrainError> {
        self.config.validate()?;
        let run = self.input.load(device, device_name)?;
        run.with_teacher(self.config)
    }
}

impl<T: StudentTask> RunOutput<DistillationTask<T>> {
    /// Returns the result as that of a run without a teacher, for its methods.
    pub fn into_student(self) -> RunOutput<T> {
        RunOutput {
            model: self.model,
            task: self.task.into_student(),
            predictions: self.predictions,
            report: self.report,
            directory: self.directory,
        }
    }
}
