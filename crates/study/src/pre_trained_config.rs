//! Settings of fine-tuning after further pre-training.

use finetune_train::{
    FineTuningConfig, MultiTaskConfig, PreTrainingConfig, TaskConfig, TrainConfig, TrainDuration,
};
use serde::{Deserialize, Serialize};

/// Settings of a trial: further pre-training, the number of its steps, and fine-tuning.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreTrainedConfig {
    /// What the encoder is pre-trained to predict (default: masked tokens).
    pub objective: PreTrainingObjective,
    /// Names of the experiment's corpora to pre-train on; empty for no further pre-training.
    pub corpora: Vec<String>,
    /// Pre-training steps before the fine-tuning: 0, the step of a snapshot, or the full length.
    pub steps: usize,
    /// Settings of masked-LM pre-training; trials that differ only in other settings share one
    /// pre-training run.
    pub pre_training: PreTrainingConfig,
    /// Settings of supervised pre-training. `tasks` may hold settings of corpora by their names; a
    /// corpus without settings has the defaults. With several corpora, `mixing` says how their rows
    /// are mixed.
    pub supervised: MultiTaskConfig,
    /// Fine-tuning settings. After supervised pre-training, the head is always a new one.
    pub fine_tuning: FineTuningConfig,
}

/// What further pre-training predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreTrainingObjective {
    /// Masked tokens of the texts.
    #[default]
    MaskedLm,
    /// Labels of the texts: encoder and a classifier for each corpus are trained, and the encoder
    /// alone is taken over.
    Supervised,
}

impl PreTrainedConfig {
    /// Returns whether the encoder is pre-trained further.
    pub(super) fn pre_trains(&self) -> bool {
        self.steps > 0 && !self.corpora.is_empty()
    }

    /// Returns the settings of the training loop of the pre-training.
    pub(super) fn train(&self) -> &TrainConfig {
        match self.objective {
            PreTrainingObjective::MaskedLm => &self.pre_training.train,
            PreTrainingObjective::Supervised => &self.supervised.train,
        }
    }

    /// Returns the steps after which the pre-training keeps a model.
    pub(super) fn kept_steps(&self) -> Vec<usize> {
        let train = self.train();
        let mut kept = train.checkpoints.snapshot_steps.clone();
        if let TrainDuration::Steps(steps) = train.duration {
            kept.push(steps);
        }
        kept
    }

    /// Returns the settings of the supervised run on the corpora, one task each.
    pub(super) fn supervised_run(&self) -> MultiTaskConfig {
        let mut config = self.supervised.clone();
        let task = |name: &String| {
            let mut given = self.supervised.tasks.iter();
            let given = given.find(|task| task.name == *name).cloned();
            given.unwrap_or_else(|| TaskConfig::new(name))
        };
        config.tasks = self.corpora.iter().map(task).collect();
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corpora_are_tasks_with_settings_of_their_own_or_the_defaults() {
        let config: PreTrainedConfig = serde_json::from_str(
            r#"{
                "objective": "supervised",
                "corpora": ["films", "books"],
                "supervised": { "tasks": [
                    { "name": "books", "max_length": 7 }, { "name": "food" }
                ] }
            }"#,
        )
        .unwrap();
        let tasks = config.supervised_run().tasks;
        let lengths: Vec<_> = tasks
            .iter()
            .map(|task| (&task.name[..], task.max_length))
            .collect();
        assert_eq!(lengths, [("films", None), ("books", Some(7))]);
    }
}
