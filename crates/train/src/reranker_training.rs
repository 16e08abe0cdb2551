//! Training of a reranker: a run on queries with lists of documents.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::{
    BatchSize, EncodedRerankingDataset, PairEncoding, RerankingDataset, RerankingSplits,
};
use finetune_eval::Reranking;
use finetune_model::CheckpointConfig;
use finetune_predict::{PredictError, Predictor, PredictorConfig, load_tokenizer};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::loaded_run::{ModelSource, to_value};
use crate::mini_batches::check_mini_batch_size;
use crate::model_config::ClassifierOverrides;
use crate::prepared_run::PreparedRun;
use crate::ranking_loss::{RankingLoss, RankingLossConfig};
use crate::run::{Run, RunInput};
use crate::run_output::{RunOutput, of_files};
use crate::task::{RerankingSource, RerankingTask, load_with};
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// A run that trains a reranker with a listwise loss. `model` in its run directory is what
/// `CrossEncoder(…)` loads, and transformers' `AutoModelForSequenceClassification`.
///
/// ```no_run
/// use finetune_data::RerankingColumns;
/// use finetune_data::tabular::SplitFiles;
/// use finetune_predict::PredictorConfig;
/// use finetune_train::RerankerTraining;
///
/// let files = SplitFiles::train_test("lists.jsonl", "test_lists.jsonl");
/// let data = RerankingColumns::default().read_splits(&files)?;
/// let run = RerankerTraining::new("my-bert", data).epochs(1).run("runs/reranker")?;
/// println!("{run}");
/// let reranker = run.predictor(PredictorConfig::default())?;
/// let scores = reranker.predict_pairs(&[("Is it open?", "It opens at nine.")])?;
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
///
/// Defaults are those of [`RerankerTrainingConfig`]; [`Run::config`] sets all of them at once, other
/// methods single ones. [`Run::loss`] takes a loss of your own.
pub type RerankerTraining<'a> = Run<'a, RerankingData>;

/// Result of a [`RerankerTraining`] run.
pub type RerankerTrainingOutput = RunOutput<RerankingTask>;

/// Settings of the training of a reranker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RerankerTrainingConfig {
    /// Cleaning and tokenization of queries and documents, which are one sequence.
    pub text: TextConfig,
    /// Pooling, head and adapters (default: those of the checkpoint). The head has one output.
    pub model: ClassifierOverrides,
    /// Training loss (default: LambdaLoss).
    pub loss: RankingLossConfig,
    /// Metrics of validation and test (default: of the first 10 documents).
    pub reranking: Reranking,
    /// Number of documents whose activations are in memory at a time, at least 1 (default: all of a
    /// batch). With it, a batch needs the memory of that many documents, however many a query has, and
    /// a second forward pass; losses and gradients are those of the whole batch
    /// ([Gao et al. 2021](https://arxiv.org/abs/2101.06983)). Dropout masks differ from those of the
    /// whole batch.
    pub mini_batch_size: Option<usize>,
    /// Hyperparameters of the training loop. Rows are queries with all of their documents (default: 8
    /// in a batch).
    pub train: TrainConfig,
}

impl Default for RerankerTrainingConfig {
    fn default() -> Self {
        Self {
            text: TextConfig::default(),
            model: ClassifierOverrides::default(),
            loss: RankingLossConfig::default(),
            reranking: Reranking::default(),
            mini_batch_size: None,
            train: TrainConfig {
                batch_size: BatchSize::Rows(8),
                ..TrainConfig::default()
            },
        }
    }
}

impl RerankerTrainingConfig {
    /// Checks that every value is in its range, as far as possible without a model.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    /// - [`TrainError::Model`] if the adapter configuration is invalid.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.text.validate()?;
        self.model.validate()?;
        self.loss.validate()?;
        if self.reranking.at_k == 0 {
            return Err(TrainError::setting("reranking.at_k", 0, "at least 1"));
        }
        check_mini_batch_size(self.mini_batch_size)?;
        self.train.validate()
    }
}

/// Input of a [`RerankerTraining`] run: a checkpoint and queries with documents.
#[derive(Debug)]
pub struct RerankingData {
    model: PathBuf,
    splits: RerankingSplits,
    config: RerankerTrainingConfig,
    loss: Option<Arc<dyn RankingLoss>>,
}

impl Run<'_, RerankingData> {
    /// Begins a run from the checkpoint in the directory `model`, of a reranker or of a bare encoder,
    /// on the training rows of a dataset or of its splits. The validation split is used only if the
    /// settings ask for evaluation during training.
    pub fn new(model: impl AsRef<Path>, data: impl Into<RerankingSplits>) -> Self {
        Self::of(RerankingData {
            model: model.as_ref().to_path_buf(),
            splits: data.into(),
            config: RerankerTrainingConfig::default(),
            loss: None,
        })
    }

    /// Replaces all settings.
    pub fn config(mut self, config: RerankerTrainingConfig) -> Self {
        self.input.config = config;
        self
    }

    /// Uses a loss of your own, in place of [`RerankerTrainingConfig::loss`].
    pub fn loss(mut self, loss: impl RankingLoss + 'static) -> Self {
        self.input.loss = Some(Arc::new(loss));
        self
    }
}

impl RunInput for RerankingData {
    type Objective = RerankingTask;

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
    ) -> Result<PreparedRun<'static, RerankingTask>, TrainError> {
        let Self {
            model: directory,
            splits,
            mut config,
            loss: own_loss,
        } = self;
        if let Some(loss) = &own_loss {
            config.loss = RankingLossConfig::Custom { name: loss.name() };
        }
        config.validate()?;
        let loss = own_loss.map_or_else(|| config.loss.init(), Ok)?;
        let (text, train) = (&config.text, &config.train);
        let tokenizer = load_tokenizer(&directory)?;
        let encode = |dataset: RerankingDataset| {
            let dataset = dataset.clean(&text.cleaning)?;
            let encoded = EncodedRerankingDataset::new(&dataset, &tokenizer, &text.encoding)?;
            let section = RerankingSource::section(&dataset, &encoded)?;
            Ok::<_, TrainError>((section, encoded))
        };
        let mut checkpoint = CheckpointConfig::read(&directory)?;
        checkpoint.dtype = train.save_dtype;
        text.check_fit(&directory, &tokenizer, &checkpoint.encoder)?;
        let (train_section, rows) = encode(splits.train)?;
        let (schema, pairs) = (&rows.pairs.schema, PairEncoding::CrossEncoder);
        let classifier = config.model.classifier(&checkpoint, schema, pairs)?;
        let device = device.clone().autodiff();
        let (model, load_report) = load_with(
            &config.model,
            &directory,
            &classifier,
            None,
            train.seed,
            &device,
        )?;
        ClassifierOverrides::check_head(&model, schema, pairs)?;
        let model = config.model.adapt(model, train.seed)?;
        train.freeze.check(&model)?;
        let validation = splits.validation.filter(|_| train.evaluation.is_some());
        let validation = validation.map(encode).transpose()?;
        let test = splits.test.map(encode).transpose()?;
        let mut task = RerankingTask::new(rows, loss)
            .evaluation(config.reranking)
            .eval_batch_size(train.eval_batch_size);
        if let Some(documents) = config.mini_batch_size {
            task = task.mini_batch_size(documents);
        }
        let (validation_section, validation) = validation.unzip();
        if let Some(rows) = validation {
            task = task.validation(rows);
        }
        let source = ModelSource {
            directory: Some(directory.clone()),
            architecture: to_value(model.config())?,
            load_report,
        };
        let settings = to_value(&config)?;
        let task = task.with_source(RerankingSource {
            directory,
            train: train_section,
            validation: validation_section,
            test,
            tokenizer: tokenizer.clone(),
            checkpoint,
            text: config.text.clone(),
        });
        PreparedRun::loaded(model, task, config.train, settings, source, device_name)
    }
}

impl RerankerTrainingOutput {
    /// Returns a predictor with the trained model, without reading it back from disk.
    ///
    /// # Errors
    /// As [`Predictor::new`].
    pub fn predictor(&self, config: PredictorConfig) -> Result<Predictor, PredictError> {
        let tokenizer = of_files(self.task.tokenizer().cloned())?;
        let (model, prepared) = (self.model.clone(), self.task.preprocessing());
        Predictor::new(model, tokenizer, prepared, config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_read_back() {
        let config = RerankerTrainingConfig::default();
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        for text in [&json[..], "{}"] {
            let back: RerankerTrainingConfig = serde_json::from_str(text).unwrap();
            assert_eq!(back, config);
        }
        let config = RerankerTrainingConfig {
            reranking: Reranking { at_k: 0 },
            ..config
        };
        let error = config.validate().unwrap_err().to_string();
        assert_eq!(error, "reranking.at_k is 0, expected at least 1");
    }
}
