//! Settings of the minBERT project, from which both studies of its three tasks start.

use finetune::data::EncodingConfig;
use finetune::prelude::*;
use finetune::train::{Algorithm, Decay, LossConfig, MultiTaskConfig, OverallScore, Warmup};
use finetune_arguments::{ArgumentsError, RunArguments};

/// Settings of a run on the three tasks, and what they change in each task.
#[derive(Debug, Clone)]
pub struct MinbertSettings {
    settings: FineTuningConfig,
    /// Loss of all tasks; `None` for those of the study.
    loss: Option<LossConfig>,
    overall: OverallScore,
}

impl MinbertSettings {
    /// Returns the settings of the project: 10 epochs in batches of 8 rows of at most 128 tokens,
    /// AdamW with bias correction and an epsilon of 1e-6, a constant learning rate of 1e-5, without
    /// warm-up, weight decay or gradient clipping.
    pub fn recipe(overall: OverallScore) -> Self {
        let mut settings = FineTuningConfig::default();
        let train = &mut settings.train;
        settings.text.encoding = EncodingConfig::new(128);
        train.duration = TrainDuration::Epochs(10);
        train.batch_size = BatchSize::Rows(8);
        train.lr_scheduler = LrScheduler {
            warmup: Warmup::Steps(0),
            decay: Decay::Constant,
        };
        train.optimizer.learning_rate = 1e-5;
        train.optimizer.weight_decay = 0.0;
        train.optimizer.max_grad_norm = None;
        train.optimizer.algorithm = Algorithm::AdamW {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-6,
        };
        Self {
            settings,
            loss: None,
            overall,
        }
    }

    /// Returns the settings overridden by the `--config` file and the arguments. The weak mini
    /// encoder trains for `epochs_of_mini` epochs at a higher learning rate. Settings of `model`,
    /// `loss`, `metrics` and `augmentation` in the file apply to all tasks.
    ///
    /// # Errors
    /// If the file cannot be read, or has an unknown setting or an invalid value.
    pub fn overridden(
        &self,
        run: &RunArguments,
        epochs_of_mini: usize,
    ) -> Result<Self, ArgumentsError> {
        let mut start = self.settings.clone();
        if run.model().is_mini() {
            start.train.duration = TrainDuration::Epochs(epochs_of_mini);
            start.train.optimizer.learning_rate = 1e-3;
        }
        let settings = run.settings_with(start)?;
        let has_loss = run.common.given("loss")?.is_some();
        Ok(Self {
            loss: has_loss.then(|| settings.loss.clone()),
            settings,
            overall: self.overall.clone(),
        })
    }

    /// Returns the training settings that all variants start from.
    pub fn train(&self) -> &TrainConfig {
        &self.settings.train
    }

    /// Returns a run on some tasks with the settings; other fields are those of `config`.
    pub fn apply(&self, mut config: MultiTaskConfig) -> MultiTaskConfig {
        let settings = &self.settings;
        for task in &mut config.tasks {
            let (model, ours) = (&mut task.model, &settings.model);
            model.pooling = ours.pooling.or(model.pooling);
            model.head = ours.head.clone().or(model.head.take());
            model.adapter = ours.adapter.clone().or(model.adapter.take());
            model.single_logit |= ours.single_logit;
            model.new_head |= ours.new_head;
            task.loss = self.loss.clone().or(task.loss.take());
            task.metrics.extend(settings.metrics.iter().cloned());
            task.augmentation = settings.augmentation.clone().or(task.augmentation.take());
        }
        MultiTaskConfig {
            text: settings.text.clone(),
            train: settings.train.clone(),
            activation_cache: settings.activation_cache.clone(),
            overall: self.overall.clone(),
            ..config
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use finetune::model::{Pooling, TokenPooling};
    use finetune::train::TaskConfig;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        run: RunArguments,
    }

    fn settings(name: &str, json: &str) -> MultiTaskConfig {
        let directory = std::env::temp_dir().join("finetune_examples_minbert");
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join(name);
        std::fs::write(&file, json).unwrap();
        let words = ["program", "--model", "bert", "--config"];
        let words = words.into_iter().chain(file.to_str());
        let run = Program::parse_from(words).run;
        let recipe = MinbertSettings::recipe(OverallScore::Cs224n2023);
        recipe.overridden(&run, 3).unwrap().apply(MultiTaskConfig {
            tasks: vec![TaskConfig::new("sst"), TaskConfig::new("sts")],
            ..MultiTaskConfig::default()
        })
    }

    #[test]
    fn a_file_is_merged_over_the_recipe_and_reaches_every_task() {
        let plain = settings("empty.json", "{}");
        assert_eq!(plain.train.optimizer.learning_rate, 1e-5);
        assert_eq!(plain.tasks[0], TaskConfig::new("sst"));
        let changed = settings(
            "changed.json",
            r#"{
                "train": { "duration": { "epochs": 2 } },
                "model": { "pooling": { "tokens": "mean" } },
                "loss": { "kind": "cross_entropy" }
            }"#,
        );
        assert_eq!(changed.train.duration, TrainDuration::Epochs(2));
        assert_eq!(changed.train.optimizer, plain.train.optimizer);
        for task in &changed.tasks {
            let pooling: Pooling = task.model.pooling.unwrap();
            assert_eq!(pooling.tokens, TokenPooling::Mean);
            assert_eq!(task.loss, Some(LossConfig::default()));
        }
    }
}
