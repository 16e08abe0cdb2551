//! Training of embedding models with contrastive losses.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_data::{
    BatchSize, EmbeddingBatch, EmbeddingDataset, EmbeddingKind, EncodedEmbeddingDataset,
    EncodedTexts, Labels, LengthStatistics, Split, TextTokenizer,
};
use finetune_eval::{Better, Embeddings, Scores};
use finetune_model::{
    DropoutStream, EmbeddingCheckpoint, EmbeddingModel, EncoderModel, Prompts, save_embedding_model,
};
use finetune_ops::Precision;
use finetune_predict::{EvaluatedEmbeddings, TextPreprocessing, embed_with, encoder_input};

use super::{Task, TestOutput, check_autodiff};
use crate::callback::{Callback, Event, Phase};
use crate::embedding_loss::{EmbeddingLoss, EmbeddingRows, MatryoshkaConfig};
use crate::error::TrainError;
use crate::mini_batches::{check_mini_batch_size, in_mini_batches};
use crate::objective::BatchCounts;
use crate::report::{DataSection, DataStatistics, SplitSection, TestSection};
use crate::run_files::prediction_lines;
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// Training of an [`EmbeddingModel`] on rows of texts.
///
/// [`EmbeddingTraining`](crate::EmbeddingTraining) makes one from files. [`Self::new`] makes one from
/// encoded rows, for a [`Trainer`](crate::Trainer) of your own.
#[derive(Debug)]
pub struct EmbeddingTask {
    train: EncodedEmbeddingDataset,
    validation: Option<EvaluatedEmbeddings>,
    test: Option<EvaluatedEmbeddings>,
    loss: Arc<dyn EmbeddingLoss>,
    matryoshka: Option<MatryoshkaConfig>,
    mini_batch_size: Option<usize>,
    eval_batch_size: BatchSize,
    source: Option<EmbeddingSource>,
}

/// What a task of a run was made from, and what is saved with its model.
#[derive(Debug)]
pub(crate) struct EmbeddingSource {
    pub(crate) train: EmbeddingDataset,
    pub(crate) tokenizer: TextTokenizer,
    pub(crate) checkpoint: EmbeddingCheckpoint,
    pub(crate) text: TextConfig,
}

impl EmbeddingTask {
    /// Creates a task without validation rows.
    pub fn new(train: EncodedEmbeddingDataset, loss: Arc<dyn EmbeddingLoss>) -> Self {
        Self {
            train,
            validation: None,
            test: None,
            loss,
            matryoshka: None,
            mini_batch_size: None,
            eval_batch_size: TrainConfig::default().eval_batch_size,
            source: None,
        }
    }

    /// Trains shorter embeddings, too.
    pub fn matryoshka(mut self, config: MatryoshkaConfig) -> Self {
        self.matryoshka = Some(config);
        self
    }

    /// Sets the number of texts whose activations are in memory at a time, at least 1 (default: all of
    /// the batch); see [`EmbeddingTrainingConfig`](crate::EmbeddingTrainingConfig).
    pub fn mini_batch_size(mut self, texts: usize) -> Self {
        self.mini_batch_size = Some(texts);
        self
    }

    /// Sets the rows to evaluate during training and at its end.
    pub(crate) fn evaluated(
        mut self,
        validation: Option<EvaluatedEmbeddings>,
        test: Option<EvaluatedEmbeddings>,
        batch_size: BatchSize,
    ) -> Self {
        (self.validation, self.test) = (validation, test);
        self.eval_batch_size = batch_size;
        self
    }

    /// Makes it a task of a run.
    pub(crate) fn with_source(mut self, source: EmbeddingSource) -> Self {
        self.source = Some(source);
        self
    }

    /// Returns the tokenizer of a task of a run; `None` for a task made from encoded rows.
    pub fn tokenizer(&self) -> Option<&TextTokenizer> {
        Some(&self.source.as_ref()?.tokenizer)
    }

    /// Returns how the texts were cleaned and encoded; `None` for a task made from encoded rows.
    pub fn preprocessing(&self) -> Option<TextPreprocessing> {
        let source = self.source.as_ref()?;
        Some(TextPreprocessing {
            cleaning: source.text.cleaning.clone(),
            encoding: source.text.encoding,
            ..TextPreprocessing::default()
        })
    }

    /// Returns the prompts of the model; none for a task made from encoded rows.
    pub fn prompts(&self) -> Prompts {
        let source = self.source.as_ref();
        source.map_or_else(Prompts::default, |source| source.checkpoint.prompts.clone())
    }

    /// Returns the embeddings of the texts of a batch: of all first texts, of all second texts, and so
    /// on, each `[B, W]`.
    fn embed(
        &self,
        model: &EmbeddingModel,
        batch: &EmbeddingBatch,
        dropout: DropoutStream,
    ) -> Result<Vec<Tensor<2>>, TrainError> {
        let embeddings = match self.mini_batch_size {
            None => {
                let input = encoder_input(&model.encoder, &batch.tokens)?;
                model.embed(&input, Some(dropout))
            }
            Some(texts) => in_mini_batches(
                &model.encoder,
                &batch.tokens,
                texts,
                dropout,
                |input, plain, dropout| Ok(model.embed_recomputed(input, plain, dropout)),
            )?,
        };
        Ok(embeddings.chunk(batch.texts_per_row, 0))
    }

    /// Returns the share of a batch in the loss of a step, by the embeddings of its first texts, its
    /// second texts, and so on.
    pub(crate) fn label_loss(
        &self,
        texts: &[Tensor<2>],
        batch: &EmbeddingBatch,
        step: &BatchCounts,
    ) -> Tensor<1> {
        let loss = match &self.matryoshka {
            Some(config) => config.of_batch(&*self.loss, texts, &batch.labels),
            None => self.loss.of_batch(texts, &batch.labels),
        };
        step.share_of(loss, batch.batch_size())
    }

    /// Returns the training rows.
    pub(crate) fn training_rows(&self) -> &EncodedEmbeddingDataset {
        &self.train
    }

    /// Returns how the texts were prepared; `None` for a task made from encoded rows.
    pub(crate) fn text_config(&self) -> Option<&TextConfig> {
        Some(&self.source.as_ref()?.text)
    }

    /// Returns whether gradients are cached.
    pub(crate) fn has_mini_batches(&self) -> bool {
        self.mini_batch_size.is_some()
    }

    /// Returns sizes below that of the embeddings at which they are evaluated, too.
    fn shorter_dims(&self) -> Vec<usize> {
        let dims = self.matryoshka.iter().flat_map(|config| &config.dims);
        let largest = dims.clone().max().copied();
        dims.copied().filter(|dim| Some(*dim) != largest).collect()
    }

    fn embed_rows(
        &self,
        rows: &EvaluatedEmbeddings,
        phase: Phase,
        model: &EmbeddingModel,
        callback: &mut dyn Callback,
    ) -> Result<Embeddings, TrainError> {
        embed_with(model, &rows.texts, self.eval_batch_size, |progress| {
            callback.on_event(&Event::of_prediction(phase, progress))
        })
    }
}

fn section(rows: &EmbeddingDataset, texts: &EncodedTexts) -> Result<SplitSection, TrainError> {
    let (truncated, fingerprint) = (texts.truncated_count()?, rows.fingerprint());
    Ok(SplitSection::new(
        &rows.name,
        rows.len(),
        truncated,
        fingerprint,
    ))
}

impl Task for EmbeddingTask {
    type Model = EmbeddingModel;
    type Batch = EmbeddingBatch;

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        Ok(self.train.lengths()?)
    }

    fn text_keys(&self) -> Result<Option<Vec<Vec<u64>>>, TrainError> {
        let rows = 0..self.train.len();
        Ok(Some(
            rows.map(|row| self.train.text_keys(row).to_vec()).collect(),
        ))
    }

    fn batch(&self, rows: &[usize], _epoch: u64) -> Result<EmbeddingBatch, TrainError> {
        Ok(self.train.collate(rows)?)
    }

    fn size(&self, batch: &EmbeddingBatch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.batch_size(),
            num_tokens: batch.tokens.num_tokens(),
            weight: batch.batch_size() as f64,
        })
    }

    /// The mean of the batches' losses, weighted by their rows. Rows of other batches are no negatives.
    fn loss(
        &self,
        model: &EmbeddingModel,
        batch: &EmbeddingBatch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let texts = self.embed(model, batch, dropout)?;
        Ok(self.label_loss(&texts, batch, step))
    }

    fn check(&self, model: &EmbeddingModel, config: &TrainConfig) -> Result<(), TrainError> {
        let rows = self.train.len();
        self.loss.check(&EmbeddingRows {
            kind: self.train.kind(),
            texts_per_row: self.train.texts_per_row(),
            batch_size: match config.batch_size {
                BatchSize::Rows(most) => most.min(rows),
                BatchSize::Tokens(_) => rows,
            },
        })?;
        if let Some(matryoshka) = &self.matryoshka {
            matryoshka.validate(model.config().embedding_size())?;
        }
        check_mini_batch_size(self.mini_batch_size)?;
        check_autodiff(&model.encoder)
    }

    fn in_precision(&self, model: EmbeddingModel, precision: Precision) -> EmbeddingModel {
        model.with_precision(precision)
    }

    fn with_gradient_checkpointing(&self, model: EmbeddingModel, enabled: bool) -> EmbeddingModel {
        model.with_gradient_checkpointing(enabled)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        let Some(rows) = &self.validation else {
            return Vec::new();
        };
        let (kind, texts) = (rows.dataset.kind(), rows.dataset.texts_per_row());
        let names = EvaluatedEmbeddings::names(kind, texts, &self.shorter_dims());
        names
            .into_iter()
            .map(|name| (name, Better::Higher))
            .collect()
    }

    fn evaluate(
        &self,
        model: &EmbeddingModel,
        callback: &mut dyn Callback,
    ) -> Result<Scores, TrainError> {
        let Some(rows) = &self.validation else {
            return Ok(Scores::new());
        };
        let embeddings = self.embed_rows(rows, Phase::Validating, model, callback)?;
        Ok(rows.scores(&embeddings, &self.shorter_dims())?)
    }

    fn data(&self) -> Result<Option<DataSection>, TrainError> {
        let Some(source) = &self.source else {
            return Ok(None);
        };
        let evaluated = |rows: &Option<EvaluatedEmbeddings>| {
            let rows = rows.as_ref();
            rows.map(|rows| section(&rows.dataset, &rows.texts))
                .transpose()
        };
        let of = |split: Split, texts: &EncodedTexts| {
            Ok::<_, TrainError>((split, LengthStatistics::new(texts, &[])?))
        };
        let mut lengths = vec![of(Split::Train, &self.train.texts)?];
        for (split, rows) in [
            (Split::Validation, &self.validation),
            (Split::Test, &self.test),
        ] {
            if let Some(rows) = rows {
                lengths.push(of(split, &rows.texts)?);
            }
        }
        Ok(Some(DataSection {
            class_names: Vec::new(),
            tokenizer: Some(source.tokenizer.fingerprint()),
            train: section(&source.train, &self.train.texts)?,
            validation: evaluated(&self.validation)?,
            test: evaluated(&self.test)?,
            statistics: Some(DataStatistics::of_lengths(lengths)),
        }))
    }

    /// Saves the model in the layout of sentence-transformers, with its tokenizer and text
    /// preprocessing. Adapters are merged.
    fn save(&self, model: &EmbeddingModel, directory: &Path) -> Result<(), TrainError> {
        let Some(source) = &self.source else {
            return Ok(());
        };
        save_embedding_model(directory, &model.valid(), &source.checkpoint)?;
        source.tokenizer.save(directory)?;
        match self.preprocessing() {
            Some(preprocessing) => Ok(preprocessing.save(directory)?),
            None => Ok(()),
        }
    }

    /// Predictions are the cosines of the first two texts of each row.
    fn test(
        &self,
        model: &EmbeddingModel,
        callback: &mut dyn Callback,
    ) -> Result<Option<TestOutput>, TrainError> {
        let Some(rows) = &self.test else {
            return Ok(None);
        };
        let start = Instant::now();
        let embeddings = self.embed_rows(rows, Phase::Testing, model, callback)?;
        let seconds = start.elapsed().as_secs_f64();
        let scores = rows.scores(&embeddings, &self.shorter_dims())?;
        let labels = rows.dataset.examples().iter().filter_map(|row| row.label);
        let labels = match rows.dataset.kind() {
            EmbeddingKind::Positives => Labels::Unlabeled,
            _ => Labels::Scores(labels.map(|label| label as f32).collect()),
        };
        let predictions = rows.predictions(&embeddings)?;
        Ok(Some(TestOutput {
            lines: prediction_lines(&predictions, &labels, &[])?,
            report: TestSection::of_embeddings(
                &rows.dataset,
                scores,
                &predictions,
                &labels,
                seconds,
            )?,
            predictions,
            labels,
            class_names: Vec::new(),
        }))
    }
}
