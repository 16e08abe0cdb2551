//! Command-line arguments of everything that trains: checkpoint, device and the most used settings.

use std::path::{Path, PathBuf};

use clap::Args;
use finetune::DeviceSpec;
use finetune::ops::Precision;
use finetune::prelude::*;
use finetune::study::settings_by_path;
use serde_json::Value;

use crate::checkpoint::Checkpoint;
use crate::error::ArgumentsError;
use crate::run_settings::RunSettings;
use crate::setting::{Setting, read_settings};

/// Checkpoint, device and settings, accepted before or after a command.
///
/// A setting takes its value from `--set`, else from its own argument, else from the file of
/// `--config`, else from the recipe of the program.
#[derive(Debug, Clone, Args)]
pub struct CommonArguments {
    /// Directory or hub name of the checkpoint
    ///
    /// A directory has config.json, model.safetensors or pytorch_model.bin, and tokenizer.json or
    /// vocab.txt. A name on the Hugging Face hub is bert-base-uncased, ORG/NAME or ORG/NAME@REVISION. `mini`
    /// is the bundled mini encoder.
    #[arg(long, value_name = "DIR|NAME", default_value = "mini", value_parser = Checkpoint::parser(), global = true)]
    model: Checkpoint,
    /// Device to compute on
    ///
    /// It is flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled in.
    #[arg(long, default_value_t, global = true)]
    device: DeviceSpec,
    /// JSON or TOML file with any of the settings
    ///
    /// It has the layout of `config` in the config.json of a run directory; settings that it does not
    /// have keep the values of the recipe.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Any setting by its path, as in train.seed=7; repeatable
    ///
    /// The path is that in the file of --config, such as train.optimizer.learning_rate. The value is
    /// JSON; what is not JSON is text.
    #[arg(long = "set", value_name = "PATH=VALUE", global = true)]
    sets: Vec<Setting>,
    /// Precision of products: f32, bf16, f16 or int8
    ///
    /// The inputs to the encoder's matrix products are rounded, if the device supports it [default: the
    /// recipe's].
    #[arg(long, value_name = "TYPE", global = true)]
    precision: Option<Precision>,
    /// Passes over the training rows [default: the recipe's]
    #[arg(long, value_name = "N", global = true)]
    epochs: Option<usize>,
    /// Rows per batch [default: the recipe's]
    #[arg(long, value_name = "N", global = true)]
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
    /// Maximum tokens of a text [default: the recipe's]
    ///
    /// Longer texts are truncated.
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

    /// Returns the recipe with the settings of the `--config` file, of the arguments and of `--set`.
    ///
    /// # Errors
    /// - The errors of [`read_settings`].
    /// - [`ArgumentsError::Setting`] if a setting is unknown or its value has another type.
    pub fn settings_with<C: RunSettings>(&self, recipe: C) -> Result<C, ArgumentsError> {
        self.settings_changed(recipe, |_| Ok(()))
    }

    /// Returns the settings like [`Self::settings_with`]; `change` applies further arguments.
    pub(crate) fn settings_changed<C: RunSettings>(
        &self,
        recipe: C,
        change: impl FnOnce(&mut C) -> Result<(), ArgumentsError>,
    ) -> Result<C, ArgumentsError> {
        let mut settings = match &self.config {
            Some(file) => recipe.overridden(&read_settings(file)?, &file.display().to_string())?,
            None => recipe,
        };
        let train = settings.train();
        set(&mut train.precision, self.precision);
        set(&mut train.duration, self.epochs.map(TrainDuration::Epochs));
        set(&mut train.batch_size, self.batch_size.map(BatchSize::Rows));
        set(&mut train.optimizer.learning_rate, self.learning_rate);
        set(&mut settings.text().encoding.max_length, self.max_length);
        change(&mut settings)?;
        if self.sets.is_empty() {
            // Nothing is serialized: a path of the arguments need not be Unicode.
            return Ok(settings);
        }
        let sets = self.sets.iter();
        let sets = settings_by_path(sets.map(|set| (&set.path[..], set.value.clone())));
        Ok(settings.overridden(&sets, "--set")?)
    }

    /// Returns the value that an argument or the `--config` file gives to a setting of a number;
    /// `None` if the recipe's applies. `path` is the path of the setting, its parts joined by dots.
    ///
    /// # Errors
    /// See [`read_settings`].
    pub fn given(&self, path: &str) -> Result<Option<Value>, ArgumentsError> {
        let sets = self.sets.iter().rev();
        let mut set = sets.filter(|set| set.path == path).map(|set| &set.value);
        let argument = match path {
            "train.duration.epochs" => self.epochs.map(Value::from),
            "train.batch_size.rows" => self.batch_size.map(Value::from),
            "train.optimizer.learning_rate" => self.learning_rate.map(Value::from),
            "text.encoding.max_length" => self.max_length.map(Value::from),
            _ => None,
        };
        let given = set.next().cloned().or(argument);
        match (&self.config, given) {
            (Some(file), None) => {
                let file = Value::Object(read_settings(file)?);
                let pointer = format!("/{}", path.replace('.', "/"));
                Ok(file.pointer(&pointer).cloned())
            }
            (_, given) => Ok(given),
        }
    }

    /// Returns the maximum number of training rows and of test rows.
    pub(crate) fn max_samples(&self) -> [Option<usize>; 2] {
        [self.max_train_samples, self.max_test_samples]
    }

    /// Applies `--max-train-samples` and `--max-test-samples`.
    pub fn subset(&self, splits: Splits, seed: u64) -> Splits {
        splits.subset(self.max_train_samples, self.max_test_samples, seed)
    }

    /// Applies `--max-train-samples` to texts.
    pub fn limited(&self, texts: Dataset, seed: u64) -> Dataset {
        match self.max_train_samples {
            Some(limit) => texts.subset(limit, seed),
            None => texts,
        }
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
}

/// Replaces a setting if a value is given.
pub(crate) fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}
