//! Classification of words: named entities, parts of speech.

use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_data::tagged::TagScheme;
use finetune_data::{BatchSize, EncodedDataset, TaggedBatch, TextTokenizer, TokenLabelCollator};
use finetune_eval::{Better, EntityMode, Scores};
use finetune_model::{
    CheckpointConfig, Crf, DropoutStream, EncoderModel, PackedTagTargets, TokenClassifier,
    save_token_classifier,
};
use finetune_ops::{Precision, Upload, UploadPart, Uploaded, cross_entropy_of};
use finetune_predict::{
    Aggregation, DecodedWord, SentenceTags, TagDecoder, TagSettings, TextPreprocessing,
    TokenPredictionOutput, forward_tokens, forward_tokens_with, predict_tokens_with, tag_metrics,
    tag_scores,
};

use super::{Task, TestOutput, check_autodiff};
use crate::callback::{Callback, Event, Phase};
use crate::encoded_splits::Data;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::report::{DataSection, TaggedSentences, TestSection};
use crate::text_config::{EncodedSplit, TextConfig};
use crate::train_config::TrainConfig;

/// Training of a [`TokenClassifier`] on sentences with a class per word; made by
/// [`TokenClassification`](crate::TokenClassification).
#[derive(Debug)]
pub struct TokenClassificationTask {
    pub(crate) data: Data,
    pub(crate) class_names: Vec<String>,
    pub(crate) collator: TokenLabelCollator,
    pub(crate) tags: TagSettings,
    pub(crate) entity_mode: EntityMode,
    pub(crate) eval_batch_size: BatchSize,
    pub(crate) text: TextConfig,
    pub(crate) tokenizer: TextTokenizer,
    pub(crate) checkpoint: CheckpointConfig,
}

/// Predictions of a split: logits of its tokens, and the classes of its words.
struct Predicted {
    output: TokenPredictionOutput,
    words: Vec<Vec<DecodedWord>>,
    tags: Vec<SentenceTags>,
    /// The loss, then the scores of the tags.
    scores: Scores,
}

impl Task for TokenClassificationTask {
    type Model = TokenClassifier;
    type Batch = TaggedBatch;

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        Ok(self.train().lengths()?)
    }

    fn batch(&self, rows: &[usize], _epoch: u64) -> Result<TaggedBatch, TrainError> {
        Ok(self.collator.collate(self.train(), rows)?)
    }

    fn size(&self, batch: &TaggedBatch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.batch_size(),
            num_tokens: batch.tokens.num_tokens(),
            weight: batch.labeled.labels.len() as f64,
        })
    }

    fn loss(
        &self,
        model: &TokenClassifier,
        batch: &TaggedBatch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let mut upload = Upload::default();
        let Some(packed) = self.pack_labels(model, batch, &mut upload)? else {
            // Rows without any word leave nothing to learn from: loss and gradients are 0.
            return Ok(model.head.output.weight.val().sum() * 0.0);
        };
        let (logits, uploaded) = forward_tokens_with(model, batch, upload, Some(dropout))?;
        Ok(packed.loss(logits, &uploaded, step.weight))
    }

    fn check(&self, model: &TokenClassifier, _config: &TrainConfig) -> Result<(), TrainError> {
        check_autodiff(&model.encoder)
    }

    fn in_precision(&self, model: TokenClassifier, precision: Precision) -> TokenClassifier {
        model.with_precision(precision)
    }

    fn with_gradient_checkpointing(
        &self,
        model: TokenClassifier,
        enabled: bool,
    ) -> TokenClassifier {
        model.with_gradient_checkpointing(enabled)
    }

    fn examples(&self, rows: &[usize]) -> Result<Vec<usize>, TrainError> {
        let texts = rows.iter().map(|row| self.train().texts.text_of_row(*row));
        Ok(texts.collect::<Result<_, _>>()?)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        match &self.data.validation {
            Some(_) => tag_metrics(self.tags.scheme),
            None => Vec::new(),
        }
    }

    fn evaluate(
        &self,
        model: &TokenClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Scores, TrainError> {
        match &self.data.validation {
            Some(split) => Ok(self
                .predict(split, model, Phase::Validating, callback)?
                .scores),
            None => Ok(Scores::new()),
        }
    }

    fn data(&self) -> Result<Option<DataSection>, TrainError> {
        Ok(Some(self.data.section(&self.tokenizer)?))
    }

    /// Saves the classifier with its tokenizer and what is to be known of its tags. Adapters are
    /// merged.
    fn save(&self, model: &TokenClassifier, directory: &Path) -> Result<(), TrainError> {
        save_token_classifier(directory, &model.valid(), &self.checkpoint)?;
        self.tokenizer.save(directory)?;
        Ok(self.preprocessing().save(directory)?)
    }

    fn test(
        &self,
        model: &TokenClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Option<TestOutput>, TrainError> {
        let Some(split) = &self.data.test else {
            return Ok(None);
        };
        let predicted = self.predict(split, model, Phase::Testing, callback)?;
        let sentences = TaggedSentences {
            rows: &split.dataset.examples,
            class_names: &self.class_names,
            scheme: self.tags.scheme,
            mode: self.entity_mode,
            words: &predicted.words,
            tags: &predicted.tags,
        };
        Ok(Some(TestOutput {
            predictions: sentences.predictions(&predicted.scores),
            labels: split.tokens.labels.all()?,
            class_names: self.class_names.clone(),
            lines: sentences.lines(),
            report: TestSection::of_tags(&sentences, predicted.scores, &predicted.output)?,
        }))
    }
}

/// Labels of a batch, as parts of an upload.
pub(crate) enum PackedLabels<'a> {
    /// Of tokens by themselves.
    Tokens(UploadPart),
    /// Of sentences, for a conditional random field.
    Sentences(&'a Crf, PackedTagTargets),
}

impl TokenClassificationTask {
    /// Adds the labels of a batch to an upload; `None` for a batch without any.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if the labels do not fit the model.
    pub(crate) fn pack_labels<'a>(
        &self,
        model: &'a TokenClassifier,
        batch: &TaggedBatch,
        upload: &mut Upload,
    ) -> Result<Option<PackedLabels<'a>>, TrainError> {
        let labeled = &batch.labeled;
        if labeled.labels.is_empty() {
            return Ok(None);
        }
        Ok(Some(match &model.crf {
            None => PackedLabels::Tokens(upload.indices(labeled.labels.iter().copied())),
            Some(crf) => {
                let (labels, offsets) = (&labeled.labels, &labeled.offsets);
                let packed = PackedTagTargets::new(crf, labels, offsets, upload)?;
                PackedLabels::Sentences(crf, packed)
            }
        }))
    }
}

impl PackedLabels<'_> {
    /// Returns the loss of the labels, divided by `weight`.
    ///
    /// # Shapes
    /// - `logits`: `[N, C]`
    pub(crate) fn loss(&self, logits: Tensor<2>, uploaded: &Uploaded, weight: f64) -> Tensor<1> {
        match self {
            Self::Tokens(labels) => cross_entropy_of(logits, uploaded.indices(labels), weight),
            Self::Sentences(crf, labels) => {
                crf.negative_log_likelihood(logits, &labels.unpack(uploaded)) / weight
            }
        }
    }
}

impl TokenClassificationTask {
    fn train(&self) -> &Arc<EncodedDataset> {
        &self.data.train.tokens
    }

    /// Returns the tokenizer.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }

    /// Returns how the texts were encoded, and what is to be known of the tags.
    pub fn preprocessing(&self) -> TextPreprocessing {
        TextPreprocessing {
            encoding: self.text.encoding,
            tags: Some(self.tags),
            ..TextPreprocessing::default()
        }
    }

    /// Returns the scheme of the tags.
    pub fn scheme(&self) -> TagScheme {
        self.tags.scheme
    }

    /// Predicts a split as it was encoded: what was cut off has no tags and is not scored.
    fn predict(
        &self,
        split: &EncodedSplit,
        model: &TokenClassifier,
        phase: Phase,
        callback: &mut dyn Callback,
    ) -> Result<Predicted, TrainError> {
        let model = model.valid();
        let decoder = TagDecoder::new(&model, Aggregation::First)?;
        let output = predict_tokens_with(
            &split.tokens,
            &self.collator,
            self.eval_batch_size,
            |batch| Ok(forward_tokens(&model, batch, None)?),
            |progress| callback.on_event(&Event::of_prediction(phase, progress)),
        )?;
        let sentences = || output.sentences.iter();
        let words: Vec<Vec<DecodedWord>> = sentences().map(|one| decoder.decode(one)).collect();
        let tags = sentences()
            .zip(&words)
            .map(|(sentence, words)| SentenceTags {
                targets: sentence.word_labels(),
                predictions: words.iter().map(|word| word.class).collect(),
            });
        let tags: Vec<SentenceTags> = tags.collect();
        let losses: f64 = sentences().map(|one| decoder.loss(one)).sum();
        let labeled: usize = sentences().map(|one| one.labels.len()).sum();
        let mut scores = Scores::from([("loss".to_string(), losses / labeled as f64)]);
        let (scheme, mode) = (self.tags.scheme, self.entity_mode);
        scores.extend(tag_scores(&tags, &self.class_names, scheme, mode)?);
        Ok(Predicted {
            output,
            words,
            tags,
            scores,
        })
    }
}
