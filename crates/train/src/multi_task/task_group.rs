//! Several classification tasks on one encoder, as one objective of the training loop.

use std::collections::HashSet;
use std::path::Path;

use burn::module::ParamId;
use burn::tensor::Tensor;
use finetune_data::Batch;
use finetune_eval::{Better, Metric, MetricKind, Scores};
use finetune_model::{DropoutStream, EncoderModel, MultiTaskModel, parameters};
use finetune_ops::Precision;
use finetune_predict::target_kind;

use super::OverallScore;
use crate::callback::Callback;
use crate::distillation::Distiller;
use crate::error::TrainError;
use crate::evaluation::{Evaluation, TaskScores};
use crate::mixing::MixingConfig;
use crate::objective::{BatchCounts, BatchIndices, Objective};
use crate::report::{ActivationsSection, DataSection, TestSection};
use crate::task::{SequenceClassificationTask, Task, TestOutput};
use crate::train_config::TrainConfig;

/// Several tasks that train a [`MultiTaskModel`] together.
#[derive(Debug)]
pub struct TaskGroup {
    /// Tasks, in the order of the model's tasks.
    pub tasks: Vec<NamedTask>,
    /// Sampling, loss weights and gradient combination of the tasks.
    pub mixing: MixingConfig,
    /// Formula of the overall score.
    pub overall: OverallScore,
}

/// One of several tasks.
#[derive(Debug)]
pub struct NamedTask {
    /// Name of the task in records.
    pub name: String,
    /// Whether the task is trained, rather than only evaluated.
    pub trainable: bool,
    /// The task alone.
    pub task: SequenceClassificationTask,
    /// Teacher of the task, if it has one.
    pub(super) distiller: Option<Distiller<SequenceClassificationTask>>,
}

impl NamedTask {
    fn named<T>(&self, result: Result<T, TrainError>) -> Result<T, TrainError> {
        result.map_err(|error| error.in_task(&self.name))
    }

    fn main_metric(&self) -> MetricKind {
        target_kind(self.task.target()).main_metric()
    }
}

impl Objective for TaskGroup {
    type Model = MultiTaskModel;
    /// Index of the task, and its batch.
    type Batch = (usize, Batch);

    fn in_precision(&self, model: MultiTaskModel, precision: Precision) -> MultiTaskModel {
        model.with_precision(precision)
    }

    fn with_gradient_checkpointing(&self, model: MultiTaskModel, enabled: bool) -> MultiTaskModel {
        model.with_gradient_checkpointing(enabled)
    }

    fn check(&self, model: &MultiTaskModel, config: &TrainConfig) -> Result<(), TrainError> {
        let (found, expected) = (model.tasks.len(), self.tasks.len());
        if found != expected {
            let expected = format!("{expected}, as many as the data has");
            return Err(TrainError::setting("tasks of the model", found, expected));
        }
        let frozen = config.freeze.frozen_at_start(model).into_iter();
        let frozen: HashSet<ParamId> = frozen.map(|parameter| parameter.id).collect();
        for (index, task) in self.tasks.iter().enumerate() {
            let model_of_task = model.classifier(index);
            task.named(Task::check(&task.task, &model_of_task, config))?;
            let own = parameters(&model_of_task);
            if task.trainable && own.iter().all(|parameter| frozen.contains(&parameter.id)) {
                let found = format!("all {} parameters of the task", own.len());
                let expected = "some that train from the first step, or a task that does not train";
                return task.named(Err(TrainError::setting("freeze", found, expected)));
            }
        }
        Ok(())
    }

    fn tasks(&self) -> Vec<String> {
        self.tasks.iter().map(|task| task.name.clone()).collect()
    }

    fn trains(&self, task: usize) -> bool {
        self.tasks[task].trainable
    }

    fn mixing(&self) -> MixingConfig {
        self.mixing.clone()
    }

    fn task_of(&self, path: &str) -> Option<usize> {
        let (task, _) = path.strip_prefix("tasks.")?.split_once('.')?;
        task.parse().ok()
    }

    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError> {
        let lengths = |task: &NamedTask| task.named(Task::lengths(&task.task));
        self.tasks.iter().map(lengths).collect()
    }

    fn examples(&self, part: &BatchIndices) -> Result<Vec<usize>, TrainError> {
        Task::examples(&self.tasks[part.task].task, &part.indices)
    }

    fn batch(&self, part: &BatchIndices) -> Result<(usize, Batch), TrainError> {
        let task = &self.tasks[part.task].task;
        Ok((part.task, Task::batch(task, &part.indices, part.epoch)?))
    }

    fn size(&self, (task, batch): &(usize, Batch)) -> Result<BatchCounts, TrainError> {
        Task::size(&self.tasks[*task].task, batch)
    }

    fn loss(
        &self,
        model: &MultiTaskModel,
        (task, batch): &(usize, Batch),
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let (
            NamedTask {
                task, distiller, ..
            },
            model,
        ) = (&self.tasks[*task], model.classifier(*task));
        match distiller {
            Some(distiller) => distiller.loss(task, &model, batch, step, dropout),
            None => Task::loss(task, &model, batch, step, dropout),
        }
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        let mut tasks = self.tasks.iter();
        match tasks.any(|task| task.task.has_validation()) {
            true => vec![
                ("loss".to_string(), Better::Lower),
                ("overall".to_string(), Better::Higher),
            ],
            false => Vec::new(),
        }
    }

    fn evaluate(
        &self,
        model: &MultiTaskModel,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError> {
        let mut evaluation = Evaluation::default();
        for (index, task) in self.tasks.iter().enumerate() {
            if !task.task.has_validation() {
                continue;
            }
            let scores = Task::evaluate(&task.task, &model.classifier(index), callback);
            let metric = task.main_metric();
            let scores = TaskScores {
                metric: metric.to_string(),
                better: metric.better(),
                scores: task.named(scores)?,
            };
            evaluation.tasks.insert(task.name.clone(), scores);
        }
        evaluation.scores = self.together(&evaluation);
        Ok(evaluation)
    }

    fn data(&self) -> Result<Vec<Option<DataSection>>, TrainError> {
        let data = |task: &NamedTask| task.named(Task::data(&task.task));
        self.tasks.iter().map(data).collect()
    }

    fn begin_run(
        &mut self,
        model: &MultiTaskModel,
        callback: &mut dyn Callback,
    ) -> Result<Option<ActivationsSection>, TrainError> {
        let mut all: Option<ActivationsSection> = None;
        for (index, task) in self.tasks.iter_mut().enumerate() {
            let model = model.classifier(index);
            let begun = Task::begin_run(&mut task.task, &model, callback);
            let section = begun.map_err(|error| error.in_task(&task.name))?;
            if let Some(distiller) = &mut task.distiller {
                let begun = distiller.begin_run(&task.task, &model, callback);
                begun.map_err(|error| error.in_task(&task.name))?;
            }
            all = match (all, section) {
                (Some(all), Some(section)) => Some(all.and(section)),
                (all, section) => all.or(section),
            };
        }
        Ok(all)
    }

    fn end_training(
        &mut self,
        model: &MultiTaskModel,
        callback: &mut dyn Callback,
    ) -> Result<(), TrainError> {
        for (index, task) in self.tasks.iter_mut().enumerate() {
            let ended = Task::end_training(&mut task.task, &model.classifier(index), callback);
            ended.map_err(|error| error.in_task(&task.name))?;
        }
        Ok(())
    }

    /// Saves a complete classifier for each task, in a directory of its name.
    fn save(&self, model: &MultiTaskModel, directory: &Path) -> Result<(), TrainError> {
        for (index, task) in self.tasks.iter().enumerate() {
            Task::save(
                &task.task,
                &model.classifier(index),
                &directory.join(&task.name),
            )?;
        }
        Ok(())
    }

    fn test(
        &self,
        model: &MultiTaskModel,
        callback: &mut dyn Callback,
    ) -> Result<Vec<Option<TestOutput>>, TrainError> {
        let tasks = self.tasks.iter().enumerate();
        let test = |(index, task): (usize, &NamedTask)| {
            task.named(Task::test(&task.task, &model.classifier(index), callback))
        };
        tasks.map(test).collect()
    }

    fn overall(&self, tests: &[Option<TestSection>]) -> Option<(OverallScore, Option<f64>)> {
        let tasks = self.tasks.iter().zip(tests);
        let counted = tasks.filter(|(task, _)| self.overall.counts(&task.name));
        let score = self.overall.of(counted.map(|(task, test)| {
            let metric = task.main_metric().to_string();
            let score = test.as_ref().and_then(|test| test.score(&metric));
            (metric, score.unwrap_or(0.0))
        }));
        Some((self.overall.clone(), score))
    }
}

impl TaskGroup {
    /// Returns the mean loss and the overall score. An undefined metric, such as the correlation of
    /// equal predictions, counts as 0.
    fn together(&self, evaluation: &Evaluation) -> Scores {
        let tasks = || {
            let counts = |(name, _): &(&String, &TaskScores)| self.overall.counts(name);
            evaluation.tasks.iter().filter(counts).map(|(_, task)| task)
        };
        let value = |task: &TaskScores, metric: &str| task.scores.get(metric).copied();
        let losses: Vec<f64> = tasks().filter_map(|task| value(task, "loss")).collect();
        let judged =
            tasks().map(|task| (&task.metric[..], value(task, &task.metric).unwrap_or(0.0)));
        let mut scores = Scores::new();
        scores.extend(
            self.overall
                .of(judged)
                .map(|overall| ("overall".to_string(), overall)),
        );
        if !losses.is_empty() {
            let mean = losses.iter().sum::<f64>() / losses.len() as f64;
            scores.insert("loss".to_string(), mean);
        }
        scores
    }
}
