//! Training of an embedding model: a run on rows of texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::{CleaningStep, EmbeddingSplits, EncodedEmbeddingDataset, SamplingStrategy};
use finetune_model::{
    DenseConfig, EmbeddingCheckpoint, EmbeddingModelConfig, LoraConfig, TokenPooling,
    load_embedding_model_with,
};
use finetune_predict::{
    Embedder, EmbedderConfig, EvaluatedEmbeddings, PredictError, load_tokenizer,
};
use serde::{Deserialize, Serialize};

use crate::embedding_loss::{EmbeddingLoss, EmbeddingLossConfig, MatryoshkaConfig};
use crate::error::TrainError;
use crate::loaded_run::{ModelSource, to_value};
use crate::mini_batches::check_mini_batch_size;
use crate::model_config::with_adapter;
use crate::prepared_run::PreparedRun;
use crate::run::{Run, RunInput};
use crate::run_output::{RunOutput, of_files};
use crate::task::{EmbeddingSource, EmbeddingTask};
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// A run that trains an embedding model. `model` in its run directory is what
/// `SentenceTransformer(…)` loads.
///
/// ```no_run
/// use finetune_data::{EmbeddingColumns, EmbeddingFiles};
/// use finetune_predict::EmbedderConfig;
/// use finetune_train::EmbeddingTraining;
///
/// let files = EmbeddingFiles {
///     train: "pairs.csv".into(),
///     validation: None,
///     test: Some("test_pairs.csv".into()),
/// };
/// let data = EmbeddingColumns::default().read_splits(&files)?;
/// let run = EmbeddingTraining::new("my-bert", data).batch_size(64).run("runs/search")?;
/// println!("{run}");
/// let embedder = run.embedder(EmbedderConfig::default())?;
/// let vectors = embedder.embed(&["a text", "another"])?;
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
///
/// Defaults are those of [`EmbeddingTrainingConfig`]; [`Run::config`] sets all of them at once, other
/// methods single ones. [`Run::loss`] takes a loss of your own.
pub type EmbeddingTraining<'a> = Run<'a, EmbeddingData>;

/// Result of an [`EmbeddingTraining`] run.
pub type EmbeddingTrainingOutput = RunOutput<EmbeddingTask>;

/// Settings of the training of an embedding model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingTrainingConfig {
    /// Cleaning and tokenization of the texts. Pairs are always encoded text by text.
    pub text: TextConfig,
    /// Pooling, dense layer, normalization and adapters (default: those of the checkpoint; of a bare
    /// encoder, the mean over the tokens).
    pub model: EmbeddingOverrides,
    /// Training loss (default: multiple negatives ranking, CoSENT or online contrastive, for rows with
    /// negatives, scores or labels).
    pub loss: Option<EmbeddingLossConfig>,
    /// Smaller sizes at which the embeddings are trained, too (default: none).
    pub matryoshka: Option<MatryoshkaConfig>,
    /// Number of texts whose activations are in memory at a time, at least 1 (default: all of a batch).
    /// With it, a batch needs the memory of that many texts, and a second forward pass; losses and
    /// gradients are those of the whole batch ([Gao et al.
    /// 2021](https://arxiv.org/abs/2101.06983)). Dropout masks differ from those of the whole batch.
    pub mini_batch_size: Option<usize>,
    /// Hyperparameters of the training loop. By default, no text occurs twice in a batch.
    pub train: TrainConfig,
}

impl Default for EmbeddingTrainingConfig {
    fn default() -> Self {
        Self {
            text: TextConfig::default(),
            model: EmbeddingOverrides::default(),
            loss: None,
            matryoshka: None,
            mini_batch_size: None,
            train: TrainConfig {
                sampling_strategy: SamplingStrategy::NoDuplicates,
                ..TrainConfig::default()
            },
        }
    }
}

/// Pooling, dense layer, normalization and adapters of an embedding model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingOverrides {
    /// Pooling over the tokens of a text; not `pooler` (default: the checkpoint's).
    pub pooling: Option<TokenPooling>,
    /// Dense layer on the pooled vector (default: the checkpoint's). One that the checkpoint does not
    /// have is newly initialized.
    pub dense: Option<DenseConfig>,
    /// Whether embeddings are scaled to length 1 (default: as in the checkpoint).
    pub normalize: Option<bool>,
    /// LoRA adapters that are trained instead of the encoder (default: none).
    pub adapter: Option<LoraConfig>,
}

impl EmbeddingOverrides {
    fn apply(&self, of_checkpoint: EmbeddingModelConfig) -> EmbeddingModelConfig {
        EmbeddingModelConfig {
            pooling: self.pooling.unwrap_or(of_checkpoint.pooling),
            dense: self.dense.or(of_checkpoint.dense),
            normalize: self.normalize.unwrap_or(of_checkpoint.normalize),
            ..of_checkpoint
        }
    }
}

impl EmbeddingTrainingConfig {
    /// Checks that every value is in its range, as far as possible without a model.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    /// - [`TrainError::Model`] if the adapter configuration is invalid.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.text.validate()?;
        if let Some(adapter) = &self.model.adapter {
            adapter.validate()?;
        }
        if let Some(loss) = &self.loss {
            loss.validate()?;
        }
        check_mini_batch_size(self.mini_batch_size)?;
        self.train.validate()
    }
}

/// Input of an [`EmbeddingTraining`] run: a checkpoint and rows of texts.
#[derive(Debug)]
pub struct EmbeddingData {
    model: PathBuf,
    splits: EmbeddingSplits,
    config: EmbeddingTrainingConfig,
    loss: Option<Arc<dyn EmbeddingLoss>>,
}

impl Run<'_, EmbeddingData> {
    /// Begins a run from the checkpoint in the directory `model`, of an embedding model or of a bare
    /// encoder, on the training rows of a dataset or of its splits. The validation split is used only
    /// if the settings ask for evaluation during training.
    pub fn new(model: impl AsRef<Path>, data: impl Into<EmbeddingSplits>) -> Self {
        Self::of(EmbeddingData {
            model: model.as_ref().to_path_buf(),
            splits: data.into(),
            config: EmbeddingTrainingConfig::default(),
            loss: None,
        })
    }

    /// Replaces all settings.
    pub fn config(mut self, config: EmbeddingTrainingConfig) -> Self {
        self.input.config = config;
        self
    }

    /// Uses a loss of your own, in place of [`EmbeddingTrainingConfig::loss`].
    pub fn loss(mut self, loss: impl EmbeddingLoss + 'static) -> Self {
        self.input.loss = Some(Arc::new(loss));
        self
    }
}

impl RunInput for EmbeddingData {
    type Objective = EmbeddingTask;

    fn train_config(&mut self) -> &mut TrainConfig {
        &mut self.config.train
    }

    fn text_config(&mut self) -> &mut TextConfig {
        &mut self.config.text
    }

    fn models(&mut self) -> Vec<(String, &mut PathBuf)> {
        vec![("/model".to_string(), &mut self.model)]
    }

    fn load(
        self,
        device: &Device,
        device_name: &str,
    ) -> Result<PreparedRun<'static, EmbeddingTask>, TrainError> {
        let Self {
            model: directory,
            splits,
            mut config,
            loss: own_loss,
        } = self;
        let by_rows = || EmbeddingLossConfig::for_rows(splits.train.kind());
        let loss = match &own_loss {
            Some(loss) => EmbeddingLossConfig::Custom { name: loss.name() },
            None => config.loss.take().unwrap_or_else(by_rows),
        };
        config.loss = Some(loss.clone());
        config.validate()?;
        let loss = own_loss.map_or_else(|| loss.init(), Ok)?;
        // A wrong path is reported as such.
        std::fs::read_dir(&directory).map_err(TrainError::io(&directory))?;
        let mut checkpoint = EmbeddingCheckpoint::read(&directory)?;
        checkpoint.encoder.dtype = config.train.save_dtype;
        let steps = &mut config.text.cleaning.steps;
        if checkpoint.do_lower_case && !steps.contains(&CleaningStep::Lowercase) {
            steps.push(CleaningStep::Lowercase);
        }
        let (text, train) = (&config.text, &config.train);
        let tokenizer = load_tokenizer(checkpoint.encoder_directory())?;
        text.check_fit(&directory, &tokenizer, &checkpoint.model.encoder)?;
        let model = config.model.apply(checkpoint.model.clone());
        let device = device.clone().autodiff();
        let (mut model, load_report) =
            load_embedding_model_with(&checkpoint, &model, train.seed, &device)?;
        let (adapter, family) = (&config.model.adapter, model.config().encoder.family);
        model.encoder = with_adapter(model.encoder, family, adapter.as_ref(), train.seed)?;
        train.freeze.check(&model)?;
        checkpoint.max_seq_length = Some(text.encoding.max_length);
        let rows = splits.train.clean(&text.cleaning)?;
        let encoded = EncodedEmbeddingDataset::new(&rows, &tokenizer, &text.encoding)?;
        let evaluated = |dataset: Option<finetune_data::EmbeddingDataset>| {
            let encode = |dataset: finetune_data::EmbeddingDataset| {
                let dataset = dataset.clean(&text.cleaning)?;
                EvaluatedEmbeddings::new(dataset, &tokenizer, &text.encoding)
            };
            dataset.map(encode).transpose()
        };
        let validation = splits.validation.filter(|_| train.evaluation.is_some());
        let mut task = EmbeddingTask::new(encoded, loss).evaluated(
            evaluated(validation)?,
            evaluated(splits.test)?,
            train.eval_batch_size,
        );
        if let Some(matryoshka) = &config.matryoshka {
            task = task.matryoshka(matryoshka.clone());
        }
        if let Some(texts) = config.mini_batch_size {
            task = task.mini_batch_size(texts);
        }
        let source = ModelSource {
            directory: Some(directory),
            architecture: to_value(model.config())?,
            load_report,
        };
        let settings = to_value(&config)?;
        let task = task.with_source(EmbeddingSource {
            train: rows,
            tokenizer: tokenizer.clone(),
            checkpoint,
            text: config.text.clone(),
        });
        PreparedRun::loaded(model, task, config.train, settings, source, device_name)
    }
}

impl EmbeddingTrainingOutput {
    /// Returns an embedder with the trained model, without reading it back from disk.
    ///
    /// # Errors
    /// As [`Embedder::new`].
    pub fn embedder(&self, config: EmbedderConfig) -> Result<Embedder, PredictError> {
        let parts = self
            .task
            .tokenizer()
            .cloned()
            .zip(self.task.preprocessing());
        let (tokenizer, preprocessing) = of_files(parts)?;
        let embedder = Embedder::new(self.model.clone(), tokenizer, preprocessing, config)?;
        Ok(embedder.prompts(self.task.prompts()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_read_back() {
        let config = EmbeddingTrainingConfig::default();
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        for text in [&json[..], "{}"] {
            let back: EmbeddingTrainingConfig = serde_json::from_str(text).unwrap();
            assert_eq!(back, config);
        }
        let config = EmbeddingTrainingConfig {
            mini_batch_size: Some(0),
            ..config
        };
        let error = config.validate().unwrap_err().to_string();
        assert_eq!(error, "mini_batch_size is 0, expected at least 1");
    }
}
