//! Embeddings of new texts, for semantic search, clustering and similarity.
//!
//! It corresponds to
//! [`SentenceTransformer.encode`](https://www.sbert.net/docs/package_reference/sentence_transformer/SentenceTransformer.html).

use std::borrow::Cow;
use std::path::Path;

use burn::tensor::Device;
use finetune_data::{
    BatchSize, Cleaning, CleaningStep, EmbeddingDataset, EncodedTexts, EncodingConfig,
    TextTokenizer, Truncation,
};
use finetune_eval::{Embeddings, Scores};
use finetune_model::{EmbeddingModel, Prompts, load_embedding_model, model_directory};
use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use crate::compatibility::{check_length, check_vocabulary, load_tokenizer};
use crate::embed::embed;
use crate::embedding_rows::EvaluatedEmbeddings;
use crate::error::PredictError;
use crate::int8::in_precision;
use crate::text_preprocessing::TextPreprocessing;

/// Settings of an [`Embedder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbedderConfig {
    /// Maximum tokens per text, special tokens included, at least 1 (default: that of the model's
    /// directory, or the maximum of tokenizer and encoder).
    pub max_length: Option<usize>,
    /// Maximum texts or tokens per batch, at least 1 (default: 64 texts).
    pub batch_size: BatchSize,
    /// Precision of the encoder's matrix products (default: f32).
    pub precision: Precision,
    /// Number of values of an embedding that are kept, in `1..=W`, for models trained with Matryoshka
    /// losses (default: all). Shortened embeddings are scaled to length 1 if the whole ones are.
    pub truncate_dim: Option<usize>,
    /// Name of the model's prompt that is put before each text, such as `query` (default: the default
    /// prompt of the model, which most have not).
    pub prompt_name: Option<String>,
}

impl Default for EmbedderConfig {
    fn default() -> Self {
        Self {
            max_length: None,
            batch_size: BatchSize::Rows(64),
            precision: Precision::default(),
            truncate_dim: None,
            prompt_name: None,
        }
    }
}

/// An embedding model with its tokenizer and text preprocessing.
///
/// It is `Send` and `Sync`, so threads can share one.
///
/// ```
/// use burn::tensor::Device;
/// # use finetune_data::TextTokenizer;
/// # use finetune_model::{
/// #     EmbeddingCheckpoint, EmbeddingModelConfig, EncoderConfig, init_weights, save_embedding_model,
/// # };
/// use finetune_predict::Embedder;
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// # let tokenizer = TextTokenizer::train_wordpiece(["rain and wind and sun"], 60)?;
/// # tokenizer.save(directory)?;
/// # let encoder = EncoderConfig {
/// #     vocab_size: tokenizer.vocab_size(),
/// #     hidden_size: 16,
/// #     num_hidden_layers: 1,
/// #     num_attention_heads: 2,
/// #     intermediate_size: 32,
/// #     ..Default::default()
/// # };
/// # let config = EmbeddingModelConfig { normalize: true, ..EmbeddingModelConfig::new(encoder) };
/// # let model = init_weights(config.init(&Device::flex())?, 0.02, 1);
/// # save_embedding_model(directory, &model, &EmbeddingCheckpoint::new(config))?;
/// // `directory` is what a run left in RUN/model, or one of sentence-transformers.
/// let embedder = Embedder::load(directory, &Device::flex())?;
/// let embeddings = embedder.embed(&["sun", "wind and rain", "sun"])?;
/// assert_eq!((embeddings.len(), embeddings.size()), (3, 16));
/// assert_eq!(embeddings.row(0), embeddings.row(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Embedder {
    model: EmbeddingModel,
    tokenizer: TextTokenizer,
    cleaning: Cleaning,
    encoding: EncodingConfig,
    prompts: Prompts,
    config: EmbedderConfig,
}

impl Embedder {
    /// Loads a model and its tokenizer from a directory: `model/` of a run directory, or one of
    /// sentence-transformers, also by its name on the hub ([`model_directory`]).
    ///
    /// # Errors
    /// - Any error of [`Self::load_with`].
    pub fn load(directory: &Path, device: &Device) -> Result<Self, PredictError> {
        Self::load_with(directory, EmbedderConfig::default(), device)
    }

    /// Loads a model and its tokenizer, with your own settings.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if a setting is out of range.
    /// - [`PredictError::Precision`] if the device does not support the precision.
    /// - [`PredictError::VocabularyTooLarge`] or [`PredictError::LongerThanPositions`] if the tokenizer
    ///   or `max_length` does not fit the model.
    /// - [`PredictError::Io`], [`PredictError::Json`], [`PredictError::Data`] or
    ///   [`PredictError::Model`] if a file cannot be read or is invalid.
    pub fn load_with(
        directory: &Path,
        config: EmbedderConfig,
        device: &Device,
    ) -> Result<Self, PredictError> {
        config.precision.check(device)?;
        let device = device.clone().without_autodiff();
        let directory = &model_directory(directory)?;
        let (model, checkpoint, _) = load_embedding_model(directory, &device)?;
        let tokenizer = load_tokenizer(checkpoint.encoder_directory())?;
        let prepared = TextPreprocessing::read(directory)?;
        let encoder = &model.config().encoder;
        check_vocabulary(directory, &tokenizer, encoder)?;
        let most = tokenizer.model_max_length().unwrap_or(usize::MAX);
        let saved = prepared
            .as_ref()
            .map(|prepared| prepared.encoding.max_length);
        let length = saved.or(checkpoint.max_seq_length);
        let length = length.unwrap_or(most.min(encoder.max_sequence_length()));
        let length = config.max_length.unwrap_or(length);
        check_length(directory, length, encoder)?;
        let lowercase = checkpoint.do_lower_case.then_some(CleaningStep::Lowercase);
        let prepared = prepared.unwrap_or_else(|| TextPreprocessing {
            cleaning: Cleaning {
                steps: lowercase.into_iter().collect(),
            },
            encoding: EncodingConfig {
                truncation: tokenizer.default_truncation(),
                ..EncodingConfig::new(length)
            },
            ..TextPreprocessing::default()
        });
        let embedder = Self::new(model, tokenizer, prepared, config)?;
        let embedder = embedder.prompts(checkpoint.prompts);
        embedder.prompt()?;
        Ok(embedder)
    }

    /// Creates an embedder from a model in memory, without autodiff. Texts are cleaned and encoded as
    /// `prepared` says, unless `config` overrides it.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if a setting is out of range, or truncation uses sliding
    ///   windows.
    pub fn new(
        model: EmbeddingModel,
        tokenizer: TextTokenizer,
        prepared: TextPreprocessing,
        config: EmbedderConfig,
    ) -> Result<Self, PredictError> {
        let (BatchSize::Rows(batch_size) | BatchSize::Tokens(batch_size)) = config.batch_size;
        let length = config.max_length.unwrap_or(prepared.encoding.max_length);
        for (setting, value) in [("max_length", length), ("batch_size", batch_size)] {
            if value == 0 {
                return Err(PredictError::setting(setting, value, "at least 1"));
            }
        }
        let size = model.config().embedding_size();
        if let Some(dim) = config.truncate_dim.filter(|dim| !(1..=size).contains(dim)) {
            let expected = format!("in 1..={size}, the values of an embedding");
            return Err(PredictError::setting("truncate_dim", dim, expected));
        }
        if let Truncation::SlidingWindow { .. } = prepared.encoding.truncation {
            let found = prepared.encoding.truncation;
            return Err(PredictError::setting(
                "truncation",
                found,
                "one row per text",
            ));
        }
        Ok(Self {
            model: in_precision(model, config.precision, prepared.int8.as_ref())?,
            tokenizer,
            cleaning: prepared.cleaning,
            encoding: EncodingConfig {
                max_length: length,
                ..prepared.encoding
            },
            prompts: Prompts::default(),
            config,
        })
    }

    /// Sets the prompts of the model (default: those of its directory, or none).
    pub fn prompts(mut self, prompts: Prompts) -> Self {
        self.prompts = prompts;
        self
    }

    /// Returns the text that is put before each text.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if the model has no prompt with the name in the settings.
    fn prompt(&self) -> Result<&str, PredictError> {
        let name = self.config.prompt_name.as_deref();
        self.prompts.prompt(name).ok_or_else(|| {
            let known: Vec<&str> = self.prompts.by_name.keys().map(String::as_str).collect();
            let expected = format!("one of the model's prompts: {}", known.join(", "));
            PredictError::setting("prompt_name", name.unwrap_or_default(), expected)
        })
    }

    /// Computes the embedding of each text, in the given order. Empty texts are allowed.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if the model has no prompt with the name in the settings.
    /// - [`PredictError::Data`] if the tokenizer fails on a text.
    pub fn embed<S: AsRef<str>>(&self, texts: &[S]) -> Result<Embeddings, PredictError> {
        let prompt = self.prompt()?;
        let texts: Vec<Cow<'_, str>> = texts
            .iter()
            .map(|text| match prompt {
                "" => self.cleaning.apply(text.as_ref()),
                prompt => {
                    let whole = format!("{prompt}{}", text.as_ref());
                    self.cleaning.apply(&whole).into_owned().into()
                }
            })
            .collect();
        self.embed_encoded(&self.tokenizer.encode(&texts, &self.encoding)?)
    }

    /// Evaluates the model on a dataset: retrieval, or the similarity of pairs. Scores that are undefined
    /// for the rows are left out.
    ///
    /// # Errors
    /// - [`PredictError::Data`] if a text is empty after cleaning, or the tokenizer fails on it.
    pub fn evaluate(&self, dataset: &EmbeddingDataset) -> Result<Scores, PredictError> {
        let cleaned = dataset.clone().clean(&self.cleaning)?;
        let rows = EvaluatedEmbeddings::new(cleaned, &self.tokenizer, &self.encoding)?;
        rows.scores(&self.embed_encoded(&rows.texts)?, &[])
    }

    fn embed_encoded(&self, encoded: &EncodedTexts) -> Result<Embeddings, PredictError> {
        let embeddings = embed(&self.model, encoded, self.config.batch_size)?;
        let Some(dim) = self.config.truncate_dim else {
            return Ok(embeddings);
        };
        let shortened = embeddings.truncated(dim)?;
        Ok(match self.model.config().normalize {
            true => shortened.normalized(),
            false => shortened,
        })
    }

    /// Returns the number of values of an embedding.
    pub fn embedding_size(&self) -> usize {
        let size = self.model.config().embedding_size();
        self.config.truncate_dim.unwrap_or(size)
    }

    /// Returns the encoding settings: maximum length and truncation.
    pub fn encoding(&self) -> &EncodingConfig {
        &self.encoding
    }

    /// Returns the model.
    pub fn model(&self) -> &EmbeddingModel {
        &self.model
    }
}
