//! Training of rerankers on lists of documents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Tensor;
use finetune_data::{
    BatchSize, EncodedRerankingDataset, RerankingBatch, RerankingDataset, Split, TextArity,
    TextTokenizer,
};
use finetune_eval::report::TextSamples;
use finetune_eval::{Better, Reranking, RerankingReport, Scores};
use finetune_model::{
    Activations, CheckpointConfig, DropoutStream, EncoderModel, SequenceClassifier, TextActivations,
};
use finetune_ops::{Precision, Upload};
use finetune_predict::{PredictionOutput, TextPreprocessing, forward_with};

use super::save::{save_tokenizer, save_with_adapter};
use super::{Task, TestOutput, check_autodiff};
use crate::callback::{Callback, Phase};
use crate::error::TrainError;
use crate::mini_batches::{check_mini_batch_size, in_mini_batches};
use crate::objective::BatchCounts;
use crate::predicted_rows::PredictedRows;
use crate::ranking_loss::{PackedRankingLists, RankingLoss};
use crate::report::{
    DataSection, DataStatistics, ErrorAnalysis, SplitSection, TestScores, TestSection, lengths,
};
use crate::run_files::prediction_lines;
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// Training of a cross-encoder, a [`SequenceClassifier`] with one output, on queries with lists of
/// documents.
///
/// [`RerankerTraining`](crate::RerankerTraining) makes one from files. [`Self::new`] makes one from
/// encoded rows, for a [`Trainer`](crate::Trainer) of your own.
#[derive(Debug)]
pub struct RerankingTask {
    train: EncodedRerankingDataset,
    validation: Option<EncodedRerankingDataset>,
    loss: Arc<dyn RankingLoss>,
    evaluation: Reranking,
    mini_batch_size: Option<usize>,
    eval_batch_size: BatchSize,
    source: Option<RerankingSource>,
}

/// What a task of a run was made from, and what is saved with its model.
#[derive(Debug)]
pub(crate) struct RerankingSource {
    /// Checkpoint directory.
    pub(crate) directory: PathBuf,
    pub(crate) train: SplitSection,
    pub(crate) validation: Option<SplitSection>,
    pub(crate) test: Option<(SplitSection, EncodedRerankingDataset)>,
    pub(crate) tokenizer: TextTokenizer,
    pub(crate) checkpoint: CheckpointConfig,
    pub(crate) text: TextConfig,
}

impl RerankingSource {
    /// Returns the entry of a split in the report.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the rows cannot be read.
    pub(crate) fn section(
        rows: &RerankingDataset,
        encoded: &EncodedRerankingDataset,
    ) -> Result<SplitSection, TrainError> {
        let truncated = encoded.pairs.texts.truncated_count()?;
        let fingerprint = rows.fingerprint();
        Ok(SplitSection::new(
            &rows.name,
            rows.len(),
            truncated,
            fingerprint,
        ))
    }
}

impl RerankingTask {
    /// Creates a task without validation rows.
    pub fn new(train: EncodedRerankingDataset, loss: Arc<dyn RankingLoss>) -> Self {
        Self {
            train,
            validation: None,
            loss,
            evaluation: Reranking::default(),
            mini_batch_size: None,
            eval_batch_size: TrainConfig::default().eval_batch_size,
            source: None,
        }
    }

    /// Sets the number of documents whose activations are in memory at a time, at least 1 (default: all
    /// of the batch); see [`RerankerTrainingConfig`](crate::RerankerTrainingConfig).
    pub fn mini_batch_size(mut self, documents: usize) -> Self {
        self.mini_batch_size = Some(documents);
        self
    }

    /// Sets the validation rows.
    pub fn validation(mut self, rows: EncodedRerankingDataset) -> Self {
        self.validation = Some(rows);
        self
    }

    /// Sets the metrics of validation and test (default: of the first 10 documents).
    pub fn evaluation(mut self, evaluation: Reranking) -> Self {
        self.evaluation = evaluation;
        self
    }

    /// Sets the maximum number of documents or tokens of an evaluation batch.
    pub fn eval_batch_size(mut self, size: BatchSize) -> Self {
        self.eval_batch_size = size;
        self
    }

    /// Makes it a task of a run.
    pub(crate) fn with_source(mut self, source: RerankingSource) -> Self {
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
            texts: TextArity::Pair,
            cleaning: source.text.cleaning.clone(),
            encoding: source.text.encoding,
            ..TextPreprocessing::default()
        })
    }

    /// Predicts all documents, and scores their order.
    fn predict(
        &self,
        rows: &EncodedRerankingDataset,
        phase: Phase,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<(PredictionOutput, Scores), TrainError> {
        let predicted = PredictedRows {
            data: &rows.pairs,
            activations: None,
            batch_size: self.eval_batch_size,
        };
        let output = predicted.predict(phase, model, callback)?;
        let as_f64 =
            |values: &[f32]| -> Vec<f64> { values.iter().copied().map(f64::from).collect() };
        let labels = rows.pairs.labels.all()?;
        let labels = as_f64(labels.scores().unwrap_or_default());
        let found = as_f64(&output.predictions.scores());
        let scores = self.evaluation.scores(&labels, &found, rows.offsets())?;
        Ok((output, scores))
    }
}

impl Task for RerankingTask {
    type Model = SequenceClassifier;
    type Batch = RerankingBatch;

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        Ok(self.train.lengths()?)
    }

    fn batch(&self, rows: &[usize], _epoch: u64) -> Result<RerankingBatch, TrainError> {
        Ok(self.train.collate(rows)?)
    }

    fn size(&self, batch: &RerankingBatch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.batch_size(),
            num_tokens: batch.pairs.num_tokens(),
            weight: batch.batch_size() as f64,
        })
    }

    /// The mean of the batches' losses, weighted by their lists.
    fn loss(
        &self,
        model: &SequenceClassifier,
        batch: &RerankingBatch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let mut upload = Upload::default();
        let packed = PackedRankingLists::new(batch.labels(), &batch.offsets, &mut upload);
        let (logits, uploaded) = match self.mini_batch_size {
            None => forward_with(model, &batch.pairs, upload, Some(dropout))?,
            Some(documents) => {
                let (encoder, tokens) = (&model.encoder, &batch.pairs.tokens);
                let pool = |input, plain, dropout| model.pool_recomputed(input, plain, dropout);
                let pooled = in_mini_batches(encoder, tokens, documents, dropout, pool)?;
                let texts = TextActivations {
                    first: Activations::Pooled(pooled),
                    second: None,
                };
                let logits = model.forward_upper(texts, Some(dropout))?;
                (logits, upload.send(&model.device()))
            }
        };
        let (scores, lists) = packed.unpack(logits, &uploaded);
        let loss = self.loss.of_lists(scores, &lists);
        Ok(step.share_of(loss, batch.batch_size()))
    }

    fn check(&self, model: &SequenceClassifier, _config: &TrainConfig) -> Result<(), TrainError> {
        if model.num_labels() != 1 {
            let found = model.num_labels();
            return Err(TrainError::setting("outputs of the model", found, "1"));
        }
        check_mini_batch_size(self.mini_batch_size)?;
        if self.mini_batch_size.is_some() && model.head.reads_hidden_states() {
            let found = "given for a head that reads hidden states";
            return Err(TrainError::setting("mini_batch_size", found, "none"));
        }
        let labels = self.train.pairs.labels.all()?;
        let labels = labels.scores().unwrap_or_default();
        let mut lists = self
            .train
            .offsets()
            .windows(2)
            .map(|ends| &labels[ends[0]..ends[1]]);
        if !lists.any(|list| list.iter().any(|label| *label != list[0])) {
            return Err(TrainError::setting(
                "training rows",
                "lists of equal labels",
                "at least one query whose documents differ in relevance",
            ));
        }
        let (min, max) = labels
            .iter()
            .fold((f32::MAX, f32::MIN), |(min, max), label| {
                (min.min(*label), max.max(*label))
            });
        self.loss.check(f64::from(min)..=f64::from(max))?;
        check_autodiff(&model.encoder)
    }

    fn in_precision(&self, model: SequenceClassifier, precision: Precision) -> SequenceClassifier {
        model.with_precision(precision)
    }

    fn with_gradient_checkpointing(
        &self,
        model: SequenceClassifier,
        enabled: bool,
    ) -> SequenceClassifier {
        model.with_gradient_checkpointing(enabled)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        match &self.validation {
            Some(_) => {
                let names = self.evaluation.names();
                names.map(|name| (name, Better::Higher)).to_vec()
            }
            None => Vec::new(),
        }
    }

    fn evaluate(
        &self,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Scores, TrainError> {
        match &self.validation {
            Some(rows) => Ok(self.predict(rows, Phase::Validating, model, callback)?.1),
            None => Ok(Scores::new()),
        }
    }

    fn data(&self) -> Result<Option<DataSection>, TrainError> {
        let Some(source) = &self.source else {
            return Ok(None);
        };
        let test = source.test.as_ref();
        let splits = [
            (Split::Train, Some(&self.train)),
            (Split::Validation, self.validation.as_ref()),
            (Split::Test, test.map(|(_, rows)| rows)),
        ];
        let splits = splits.into_iter();
        let lengths = splits.filter_map(|(split, rows)| Some((split, lengths(&rows?.pairs))));
        let lengths = lengths.map(|(split, lengths)| Ok::<_, TrainError>((split, lengths?)));
        Ok(Some(DataSection {
            class_names: Vec::new(),
            tokenizer: Some(source.tokenizer.fingerprint()),
            train: source.train.clone(),
            validation: source.validation.clone(),
            test: test.map(|(section, _)| section.clone()),
            statistics: Some(DataStatistics::of_lengths(
                lengths.collect::<Result<Vec<_>, _>>()?,
            )),
        }))
    }

    /// Saves the cross-encoder with its tokenizer and text preprocessing. Adapters are merged.
    fn save(&self, model: &SequenceClassifier, directory: &Path) -> Result<(), TrainError> {
        let Some(source) = &self.source else {
            return Ok(());
        };
        save_with_adapter(model, &source.checkpoint, &source.directory, directory)?;
        let encoding = &source.text.encoding;
        save_tokenizer(&source.tokenizer, TextArity::Pair, encoding, directory)?;
        match self.preprocessing() {
            Some(preprocessing) => Ok(preprocessing.save(directory)?),
            None => Ok(()),
        }
    }

    /// Predictions are the scores of all documents, query by query.
    fn test(
        &self,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Option<TestOutput>, TrainError> {
        let test = self.source.as_ref().and_then(|source| source.test.as_ref());
        let Some((section, rows)) = test else {
            return Ok(None);
        };
        let (output, scores) = self.predict(rows, Phase::Testing, model, callback)?;
        let labels = rows.pairs.labels.all()?;
        let mut lines = prediction_lines(&output.predictions, &labels, &[])?;
        for (query, ends) in rows.offsets().windows(2).enumerate() {
            for line in &mut lines[ends[0]..ends[1]] {
                line["query"] = query.into();
            }
        }
        Ok(Some(TestOutput {
            lines,
            labels,
            class_names: Vec::new(),
            report: TestSection {
                scores: TestScores::Reranking(RerankingReport {
                    rows: section.rows as u64,
                    documents: output.predictions.len() as u64,
                    reranking: scores.clone(),
                }),
                analysis: ErrorAnalysis::of_worst(TextSamples::default()),
                metrics: scores,
                calibrated: None,
                int8: None,
                intervals: BTreeMap::new(),
                seconds: output.seconds,
                samples_per_second: output.samples_per_second(),
            },
            predictions: output.predictions,
        }))
    }
}
