//! Prediction of the tags of words and of entities in new texts.
//!
//! It corresponds to the
//! [token classification pipeline](https://huggingface.co/docs/transformers/main_classes/pipelines#transformers.TokenClassificationPipeline)
//! of transformers with `aggregation_strategy="first"`, except that words are encoded one by one, as in
//! training.

use std::ops::Range;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::tagged::split_words;
use finetune_data::{
    Dataset, EncodedDataset, EncodingConfig, Labels, Schema, Target, TextArity, TextTokenizer,
    TokenLabelCollator, Truncation,
};
use finetune_eval::{EntityMode, Scores};
use finetune_model::{CheckpointConfig, TokenClassifier, load_token_classifier, model_directory};

use super::config::TokenPredictorConfig;
use super::decoder::{DecodedWord, TagDecoder};
use super::forward::forward_tokens;
use super::predict::predict_tokens_with;
use super::prediction::TokenPrediction;
use super::scores::{SentenceTags, tag_scores};
use super::settings::{TagSettings, transitions};
use crate::compatibility::{check_length, check_vocabulary, load_tokenizer};
use crate::error::PredictError;
use crate::int8::in_precision;
use crate::text_preprocessing::TextPreprocessing;

/// A fine-tuned token classifier with its tokenizer.
///
/// It is `Send` and `Sync`, so threads can share one.
///
/// ```
/// use burn::tensor::Device;
/// # use finetune_data::TextTokenizer;
/// # use finetune_model::{EncoderConfig, TokenClassifierConfig, init_weights};
/// use finetune_predict::{TokenPredictor, TokenPredictorConfig};
///
/// # let tokenizer = TextTokenizer::train_wordpiece(["ann sails to oslo on friday"], 60)?;
/// # let encoder = EncoderConfig {
/// #     vocab_size: tokenizer.vocab_size(),
/// #     hidden_size: 16,
/// #     num_hidden_layers: 1,
/// #     num_attention_heads: 2,
/// #     intermediate_size: 32,
/// #     ..Default::default()
/// # };
/// # let names = ["B-LOC", "I-LOC", "O"].map(String::from).to_vec();
/// # let config = TokenClassifierConfig::new(encoder, names);
/// # let model = init_weights(config.init(&Device::flex())?, 0.02, 1);
/// // Or `TokenPredictor::load` with the directory that a run left in RUN/model.
/// let predictor = TokenPredictor::new(model, tokenizer, None, TokenPredictorConfig::default())?;
/// let found = predictor.predict(&["Ann sails, to Oslo."])?;
/// assert_eq!(found[0].words[2].text, ",");
/// assert_eq!((found[0].words[4].start, found[0].words[4].end), (14, 18));
/// for entity in &found[0].entities {
///     println!("{} {} {:.2}", entity.text, entity.label, entity.probability);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TokenPredictor {
    model: TokenClassifier,
    tokenizer: TextTokenizer,
    tags: TagSettings,
    encoding: EncodingConfig,
    decoder: TagDecoder,
    config: TokenPredictorConfig,
}

impl TokenPredictor {
    /// Loads a model and its tokenizer from a directory: `model/` of a run directory, or a token
    /// classifier in the Hugging Face layout, also by its name on the hub ([`model_directory`]).
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if a setting is out of range, or does not fit the model.
    /// - [`PredictError::Precision`] if the device does not support the precision.
    /// - [`PredictError::NotAClassifier`] if the directory has no trained head.
    /// - [`PredictError::VocabularyTooLarge`] or [`PredictError::LongerThanPositions`] if the
    ///   tokenizer or `max_length` does not fit the model.
    /// - [`PredictError::Io`], [`PredictError::Json`], [`PredictError::Data`] or
    ///   [`PredictError::Model`] if a file cannot be read or is invalid.
    pub fn load(
        directory: &Path,
        config: TokenPredictorConfig,
        device: &Device,
    ) -> Result<Self, PredictError> {
        config.validate()?;
        config.precision.check(device)?;
        let directory = &model_directory(directory)?;
        let tokenizer = load_tokenizer(directory)?;
        let prepared = TextPreprocessing::read(directory)?;
        let model = trained(directory, prepared.as_ref(), device)?;
        check_vocabulary(directory, &tokenizer, &model.config().encoder)?;
        let predictor = Self::new(model, tokenizer, prepared, config)?;
        let encoder = &predictor.model.config().encoder;
        check_length(directory, predictor.encoding.max_length, encoder)?;
        Ok(predictor)
    }

    /// Creates a predictor from a model in memory, without autodiff. Texts are encoded and tags read
    /// as `prepared` says; without it, the scheme is that of the class names.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if a setting is out of range, or does not fit the model.
    pub fn new(
        model: TokenClassifier,
        tokenizer: TextTokenizer,
        prepared: Option<TextPreprocessing>,
        config: TokenPredictorConfig,
    ) -> Result<Self, PredictError> {
        config.validate()?;
        let int8 = prepared
            .as_ref()
            .and_then(|prepared| prepared.int8.as_ref());
        let model = in_precision(model, config.precision, int8)?;
        let longest = model.config().encoder.max_sequence_length();
        let own_length = tokenizer.model_max_length().unwrap_or(longest);
        let trained_with = prepared
            .as_ref()
            .map(|prepared| prepared.encoding.max_length);
        let max_length = config.max_length.or(trained_with);
        let tags = prepared.and_then(|prepared| prepared.tags);
        Ok(Self {
            tags: tags.unwrap_or_else(|| TagSettings::of_classes(&model.config().class_names)),
            encoding: EncodingConfig {
                // Nothing of a text is left out.
                truncation: Truncation::SlidingWindow { stride: 0 },
                ..EncodingConfig::new(max_length.unwrap_or(own_length.min(longest)))
            },
            decoder: TagDecoder::new(&model, config.aggregation)?,
            model,
            tokenizer,
            config,
        })
    }

    /// Predicts the entities and the tags of the words of every text, in the given order. Words are
    /// those of [`split_words`].
    ///
    /// # Errors
    /// - [`PredictError::Data`] if the tokenizer fails on a word.
    pub fn predict<S: AsRef<str>>(
        &self,
        texts: &[S],
    ) -> Result<Vec<TokenPrediction>, PredictError> {
        let texts = texts
            .iter()
            .map(|text| (text.as_ref(), split_words(text.as_ref())));
        self.predict_ranges(texts.collect())
    }

    /// Predicts the tags and entities of sentences of words. Offsets are those in the text of the
    /// words with a space between them.
    ///
    /// # Errors
    /// - As [`Self::predict`].
    pub fn predict_words<L, W>(&self, sentences: &[L]) -> Result<Vec<TokenPrediction>, PredictError>
    where
        L: AsRef<[W]>,
        W: AsRef<str>,
    {
        let joined = |sentence: &L| -> (String, Vec<Range<usize>>) {
            let (mut text, mut ranges) = (String::new(), Vec::new());
            for word in sentence.as_ref() {
                if !text.is_empty() {
                    text.push(' ');
                }
                let start = text.len();
                text.push_str(word.as_ref());
                ranges.push(start..text.len());
            }
            (text, ranges)
        };
        let sentences: Vec<_> = sentences.iter().map(joined).collect();
        let texts = sentences
            .iter()
            .map(|(text, words)| (&text[..], words.clone()));
        self.predict_ranges(texts.collect())
    }

    /// Evaluates the model on a dataset with a class per word. Classes are matched by name.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] if the dataset has other labels, or a class that the model
    ///   lacks.
    /// - [`PredictError::Data`] if a word cannot be encoded.
    /// - [`PredictError::Eval`] if there are no words.
    pub fn evaluate(&self, dataset: &Dataset) -> Result<Scores, PredictError> {
        let Target::TokenClasses(found) = &dataset.schema.target else {
            let found = format!("{:?}", dataset.schema.target);
            let expected = "a class for each word";
            return Err(PredictError::setting(
                "target of the dataset",
                found,
                expected,
            ));
        };
        let names = self.class_names();
        let class = |name: &String| {
            let expected = format!("classes of the model, {}", names.join(", "));
            let class = names.iter().position(|own| own == name);
            class.ok_or_else(|| PredictError::setting("class of the dataset", name, expected))
        };
        let classes: Vec<usize> = found.iter().map(class).collect::<Result<_, _>>()?;
        let sentences: Vec<Vec<&str>> = dataset
            .examples
            .iter()
            .map(|example| example.words().collect())
            .collect();
        let texts = self.tokenizer.encode_words(&sentences, &self.encoding)?;
        let decoded = self.decode(texts)?;
        let tags = dataset
            .examples
            .iter()
            .zip(decoded)
            .map(|(example, words)| SentenceTags {
                targets: example
                    .label
                    .classes()
                    .iter()
                    .map(|class| classes[*class])
                    .collect(),
                predictions: words.iter().map(|word| word.class).collect(),
            });
        let tags: Vec<SentenceTags> = tags.collect();
        Ok(tag_scores(
            &tags,
            names,
            self.tags.scheme,
            EntityMode::Lenient,
        )?)
    }

    /// Returns the names of the classes, in the order of the model's outputs.
    pub fn class_names(&self) -> &[String] {
        &self.model.config().class_names
    }

    /// Returns the scheme of the tags, and how the model was trained on them.
    pub fn tags(&self) -> TagSettings {
        self.tags
    }

    /// Returns the encoding settings.
    pub fn encoding(&self) -> &EncodingConfig {
        &self.encoding
    }

    /// Returns the model.
    pub fn model(&self) -> &TokenClassifier {
        &self.model
    }

    fn predict_ranges(
        &self,
        mut texts: Vec<(&str, Vec<Range<usize>>)>,
    ) -> Result<Vec<TokenPrediction>, PredictError> {
        for (text, words) in &mut texts {
            // What the tokenizer drops has no tag.
            let mut kept = Vec::with_capacity(words.len());
            for word in words.drain(..) {
                if self.tokenizer.has_tokens(&text[word.clone()])? {
                    kept.push(word);
                }
            }
            *words = kept;
        }
        let sentences = texts.iter().map(|(text, words)| -> Vec<&str> {
            words.iter().map(|word| &text[word.clone()]).collect()
        });
        let sentences: Vec<Vec<&str>> = sentences.collect();
        let encoded = self.tokenizer.encode_words(&sentences, &self.encoding)?;
        let decoded = self.decode(encoded)?;
        let (names, scheme) = (self.class_names(), self.tags.scheme);
        let predictions = texts.iter().zip(&decoded).map(|((text, words), decoded)| {
            TokenPrediction::new(text, words, decoded, names, scheme)
        });
        predictions.collect()
    }

    fn decode(
        &self,
        texts: finetune_data::EncodedTexts,
    ) -> Result<Vec<Vec<DecodedWord>>, PredictError> {
        let data = EncodedDataset {
            texts,
            second_texts: None,
            labels: Labels::Unlabeled.into(),
            schema: Schema {
                texts: TextArity::Single,
                target: Target::Unlabeled,
            },
        };
        let collator = TokenLabelCollator::new(self.decoder.alignment(), self.class_names());
        let output = predict_tokens_with(
            &data,
            &collator,
            self.config.batch_size,
            |batch| Ok::<_, PredictError>(forward_tokens(&self.model, batch, None)?),
            |_| Ok(()),
        )?;
        let sentences = output.sentences.iter();
        Ok(sentences
            .map(|sentence| self.decoder.decode(sentence))
            .collect())
    }
}

/// Loads the token classifier in a directory with its own labels.
fn trained(
    directory: &Path,
    prepared: Option<&TextPreprocessing>,
    device: &Device,
) -> Result<TokenClassifier, PredictError> {
    let checkpoint = CheckpointConfig::read(directory)?;
    // Without names, transformers defaults to two labels.
    let names = checkpoint.class_names.clone();
    let names = names.unwrap_or_else(|| vec!["LABEL_0".into(), "LABEL_1".into()]);
    let mut config = checkpoint.token_classifier(&names);
    let tags = prepared.and_then(|prepared| prepared.tags);
    if let Some(tags) = tags.filter(|tags| tags.crf) {
        config = config.with_crf(transitions(tags.scheme, &names));
    }
    let device = device.clone().without_autodiff();
    let (model, report) = load_token_classifier(directory, &config, 0, &device)?;
    match report.newly_initialized.is_empty() {
        true => Ok(model.valid()),
        false => Err(PredictError::NotAClassifier {
            path: directory.to_path_buf(),
            tensors: report.newly_initialized,
        }),
    }
}
