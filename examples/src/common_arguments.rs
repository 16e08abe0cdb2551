//! Command-line arguments of every example that fine-tunes: checkpoint, device and the most used
//! settings.

use std::path::{Path, PathBuf};

use clap::Args;
use finetune::DeviceSpec;
use finetune::ops::Precision;
use finetune::prelude::*;
use finetune::study::{StudyError, override_settings};
use finetune::train::{TrainError, read_json};
use serde_json::{Map, Value};

use crate::settings::RunSettings;
use crate::study::Conditions;
use crate::{Checkpoint, subset};

/// Checkpoint, device and settings, accepted before or after a command. A setting that is not given
/// takes its value from the file of --config, and what is not in the file from the recipe of the
/// example.
#[derive(Debug, Clone, Args)]
pub struct CommonArguments {
    /// Directory with config.json, model.safetensors and tokenizer.json or vocab.txt, or `mini` for
    /// the bundled mini encoder
    #[arg(long, value_name = "DIR", default_value = "mini", value_parser = Checkpoint::parser(), global = true)]
    model: Checkpoint,
    /// Device to compute on: flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled
    /// in
    #[arg(long, default_value_t, global = true)]
    device: DeviceSpec,
    /// JSON file with any of the fine-tuning settings, in the layout of `config` in the config.json
    /// of a run directory; others keep the values of the recipe
    #[arg(long, value_name = "FILE.json", global = true)]
    config: Option<PathBuf>,
    /// Precision of the inputs to the encoder's matrix products: f32, bf16 or f16, if the device
    /// supports it [default: the recipe's]
    #[arg(long, global = true)]
    precision: Option<Precision>,
    /// Passes over the training rows [default: the recipe's]
    #[arg(long, global = true)]
    epochs: Option<usize>,
    /// Rows per batch [default: the recipe's]
    #[arg(long, global = true)]
    batch_size: Option<usize>,
    /// Highest learning rate [default: the recipe's]
    #[arg(
        long,
        visible_alias = "lr",
        value_name = "RATE",
        allow_negative_numbers = true,
        global = true
    )]
    learning_rate: Option<f64>,
    /// Maximum sequence length in tokens; longer texts are truncated [default: the recipe's]
    #[arg(long, value_name = "TOKENS", global = true)]
    max_length: Option<usize>,
    /// Maximum number of training rows, sampled with the class proportions kept
    #[arg(long, value_name = "N", global = true)]
    max_train_samples: Option<usize>,
    /// Maximum number of test rows, sampled with the class proportions kept
    #[arg(long, value_name = "N", global = true)]
    max_test_samples: Option<usize>,
}

impl CommonArguments {
    /// Returns the checkpoint that the runs start from.
    pub fn model(&self) -> &Checkpoint {
        &self.model
    }

    /// Returns the device to compute on.
    pub fn device(&self) -> DeviceSpec {
        self.device
    }

    /// Returns the recipe with the settings of the `--config` file, and those with the arguments.
    ///
    /// # Errors
    /// If the file cannot be read, or has an unknown setting or an invalid value.
    pub fn settings_with<C: RunSettings>(&self, recipe: C) -> Result<C, StudyError> {
        let mut settings = match &self.config {
            Some(file) => {
                let overrides: Map<String, Value> = read_json(file)?;
                override_settings(&recipe, &overrides, &file.display().to_string())?
            }
            None => recipe,
        };
        let train = settings.train();
        set(&mut train.precision, self.precision);
        set(&mut train.duration, self.epochs.map(TrainDuration::Epochs));
        set(&mut train.batch_size, self.batch_size.map(BatchSize::Rows));
        set(&mut train.optimizer.learning_rate, self.learning_rate);
        set(&mut settings.text().encoding.max_length, self.max_length);
        Ok(settings)
    }

    /// Returns the value that an argument or the `--config` file gives to a setting of a number;
    /// `None` if the recipe's applies. `path` is the path of the setting, its parts joined by dots.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn given(&self, path: &str) -> Result<Option<Value>, TrainError> {
        let argument = match path {
            "train.duration.epochs" => self.epochs.map(Value::from),
            "train.batch_size.rows" => self.batch_size.map(Value::from),
            "train.optimizer.learning_rate" => self.learning_rate.map(Value::from),
            "text.encoding.max_length" => self.max_length.map(Value::from),
            _ => None,
        };
        match (&self.config, argument) {
            (Some(file), None) => {
                let file: Value = read_json(file)?;
                let pointer = format!("/{}", path.replace('.', "/"));
                Ok(file.pointer(&pointer).cloned())
            }
            (_, argument) => Ok(argument),
        }
    }

    /// Returns the maximum number of training rows and of test rows.
    pub(crate) fn max_samples(&self) -> [Option<usize>; 2] {
        [self.max_train_samples, self.max_test_samples]
    }

    /// Applies `--max-train-samples` and `--max-test-samples`.
    pub fn subset(&self, splits: Splits, seed: u64) -> Splits {
        subset(splits, self.max_train_samples, self.max_test_samples, seed)
    }

    /// Returns a copy of the arguments with another checkpoint.
    pub fn with_model(&self, directory: &Path) -> Self {
        Self {
            model: directory.to_path_buf().into(),
            ..self.clone()
        }
    }

    /// Returns one line of text per limit on the number of rows.
    pub fn row_limits(&self) -> Vec<String> {
        let limits = [
            ("training", self.max_train_samples),
            ("test", self.max_test_samples),
        ];
        let lines = limits.into_iter().filter_map(|(rows, limit)| {
            let limit = limit?;
            Some(format!("{rows} rows: at most {limit}"))
        });
        lines.collect()
    }

    /// Returns what the runs have in place of the data and the encoder of a published study.
    pub fn conditions(&self, encoder: &str, is_bundled: bool) -> Conditions {
        let mut notes = vec![format!("encoder: {} instead of {encoder}", self.model)];
        notes.extend(self.row_limits());
        Conditions {
            notes,
            obstacle: is_bundled.then(|| "the bundled sample is other data".to_string()),
        }
    }
}

/// Replaces a setting if a value is given.
pub(crate) fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}
