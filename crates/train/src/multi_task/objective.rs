//! Objective for labeled texts of several tasks.

use std::collections::HashSet;

use burn::module::ParamId;
use burn::tensor::Tensor;
use finetune_data::Batch;
use finetune_eval::{Better, Metric, Scores};
use finetune_model::{DropoutStream, EncoderModel, MultiTaskModel, parameters};
use finetune_ops::Precision;

use super::OverallScore;
use crate::callback::Callback;
use crate::evaluation::{Evaluation, TaskScores};
use crate::labeled_texts::LabeledTexts;
use crate::mixing::MixingConfig;
use crate::objective::{BatchCounts, Objective, Part};
use crate::scoring::target_kind;
use crate::{TrainConfig, TrainError};

/// Objective that trains a [`MultiTaskModel`] on labeled texts of several tasks.
#[derive(Debug, Clone)]
pub struct MultiTaskTexts<'a> {
    /// Tasks, in the order of the model's tasks.
    pub tasks: Vec<TaskTexts<'a>>,
    /// Sampling, loss weights and gradient combination of the tasks.
    pub mixing: MixingConfig,
    /// Formula of the overall score.
    pub overall: OverallScore,
}

/// Labeled texts of one of several tasks.
#[derive(Debug, Clone)]
pub struct TaskTexts<'a> {
    /// Name of the task in records.
    pub name: String,
    /// Whether the task is trained, rather than only evaluated.
    pub trains: bool,
    /// Objective of the task alone.
    pub texts: LabeledTexts<'a>,
}

impl TaskTexts<'_> {
    fn named<T>(&self, result: Result<T, TrainError>) -> Result<T, TrainError> {
        result.map_err(|error| error.in_task(&self.name))
    }
}

impl Objective for MultiTaskTexts<'_> {
    type Model = MultiTaskModel;
    /// Index of the task, and its batch.
    type Batch = (usize, Batch);

    fn in_precision(&self, model: MultiTaskModel, precision: Precision) -> MultiTaskModel {
        model.with_precision(precision)
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
            task.named(task.texts.check(&model_of_task, config))?;
            let own = parameters(&model_of_task);
            if task.trains && own.iter().all(|parameter| frozen.contains(&parameter.id)) {
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
        self.tasks[task].trains
    }

    fn mixing(&self) -> MixingConfig {
        self.mixing.clone()
    }

    fn task_of(&self, path: &str) -> Option<usize> {
        let (task, _) = path.strip_prefix("tasks.")?.split_once('.')?;
        task.parse().ok()
    }

    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError> {
        let lengths = |task: &TaskTexts| task.named(Ok(task.texts.train.lengths()?));
        self.tasks.iter().map(lengths).collect()
    }

    fn examples(&self, part: &Part) -> Result<Vec<usize>, TrainError> {
        self.tasks[part.task].texts.examples(part)
    }

    fn batch(&self, part: &Part) -> Result<(usize, Batch), TrainError> {
        Ok((part.task, self.tasks[part.task].texts.batch(part)?))
    }

    fn size(&self, (task, batch): &(usize, Batch)) -> Result<BatchCounts, TrainError> {
        self.tasks[*task].texts.size(batch)
    }

    fn loss(
        &self,
        model: &MultiTaskModel,
        (task, batch): &(usize, Batch),
        divisor: f64,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let (texts, model) = (&self.tasks[*task].texts, model.classifier(*task));
        texts.loss(&model, batch, divisor, dropout)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        let mut tasks = self.tasks.iter();
        match tasks.any(|task| task.texts.validation.is_some()) {
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
            if task.texts.validation.is_none() {
                continue;
            }
            let measured = task.texts.evaluate(&model.classifier(index), callback);
            let metric = target_kind(&task.texts.train.task.target).main_metric();
            let scores = TaskScores {
                metric: metric.to_string(),
                better: metric.better(),
                scores: task.named(measured)?.scores,
            };
            evaluation.tasks.insert(task.name.clone(), scores);
        }
        evaluation.scores = self.together(&evaluation);
        Ok(evaluation)
    }
}

impl MultiTaskTexts<'_> {
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
