//! RoBERTa tokenization pipeline for a byte-level BPE vocabulary.

use std::path::Path;

use serde_json::json;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::ModelWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{PreTokenizerWrapper, Tokenizer};

use super::bert::{MODEL_MAX_LENGTH, add_settings};
use super::bpe_files::{Merge, Vocabulary};
use super::class::{Pipeline, ROBERTA};
use super::pipeline::roberta_processing;
use super::settings::Settings;
use super::{TextTokenizer, added_tokens};
use crate::error::DataError;

/// Special tokens of RoBERTa: key in `tokenizer_config.json` and default token. Only masked
/// language modeling needs the mask token; `bos_token` and `eos_token` are synonyms of the class
/// and separator tokens.
const SPECIAL_TOKENS: [(&str, &str); 7] = [
    ("bos_token", "<s>"),
    ("eos_token", "</s>"),
    ("unk_token", "<unk>"),
    ("sep_token", "</s>"),
    ("pad_token", "<pad>"),
    ("cls_token", "<s>"),
    ("mask_token", "<mask>"),
];

/// Keys of the special tokens that the vocabulary must have.
pub(super) const REQUIRED_TOKENS: [&str; 4] = ["unk_token", "sep_token", "pad_token", "cls_token"];

impl TextTokenizer {
    /// Creates a tokenizer with the components and settings of transformers'
    /// [`RobertaTokenizer`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/roberta/tokenization_roberta.py#L28).
    pub(super) fn roberta(
        vocabulary: &Vocabulary,
        merges: &[Merge],
        path: &Path,
        mut settings: Settings,
    ) -> Result<Self, DataError> {
        complete_config(&mut settings);
        // The builder requires a map type of a crate that is not a dependency.
        let model = json!({
            "type": "BPE",
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "vocab": vocabulary,
            "merges": merges,
        });
        let model: ModelWrapper =
            serde_json::from_value(model).map_err(|source| DataError::library(path, source))?;
        let mut tokenizer = Tokenizer::new(model);
        let add_prefix_space = settings.flag("add_prefix_space")?.unwrap_or(false);
        tokenizer
            .with_pre_tokenizer(Some(
                ByteLevel::default().add_prefix_space(add_prefix_space),
            ))
            .with_decoder(Some(DecoderWrapper::ByteLevel(ByteLevel::default())));
        added_tokens::add(&mut tokenizer, &mut settings, &REQUIRED_TOKENS, path)?;
        let processing = roberta_processing(&tokenizer, &settings, path)?;
        tokenizer.with_post_processor(Some(processing));
        Self::new(tokenizer, path, settings)
    }

    /// Returns whether the tokens are byte-level.
    pub(super) fn is_byte_level(&self) -> bool {
        let is_byte_level =
            |splitter: &PreTokenizerWrapper| matches!(splitter, PreTokenizerWrapper::ByteLevel(_));
        match self.tokenizer.get_pre_tokenizer() {
            Some(PreTokenizerWrapper::Sequence(parts)) => parts.as_ref().iter().any(is_byte_level),
            Some(splitter) => is_byte_level(splitter),
            None => false,
        }
    }
}

/// Adds missing settings of a tokenizer configuration of RoBERTa or XLM-RoBERTa; existing settings are kept.
pub(super) fn complete_config(settings: &mut Settings) {
    let class = *settings.class.get_or_insert(ROBERTA);
    let (name, is_byte_level) = (class.name, class.pipeline == Pipeline::Roberta);
    let config = &mut settings.config;
    let own = [
        ("tokenizer_class", json!(name)),
        ("model_max_length", json!(MODEL_MAX_LENGTH)),
    ];
    add_settings(config, own);
    if is_byte_level {
        let spaces = [
            ("add_prefix_space", json!(false)),
            ("trim_offsets", json!(true)),
        ];
        add_settings(config, spaces);
    }
    let tokens = SPECIAL_TOKENS.map(|(key, token)| (key, json!(token)));
    add_settings(config, tokens);
}
