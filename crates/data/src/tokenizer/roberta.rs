//! RoBERTa tokenization pipeline for a byte-level BPE vocabulary.

use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::ModelWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{AddedToken, PreTokenizerWrapper, Tokenizer};

use super::TextTokenizer;
use super::bert::{MODEL_MAX_LENGTH, add_settings};
use super::bpe_files::{Merge, Vocabulary};
use super::load::token_of;
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

impl TextTokenizer {
    /// Creates a tokenizer with the components and settings of transformers'
    /// [`RobertaTokenizer`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/roberta/tokenization_roberta.py#L28).
    pub(super) fn roberta(
        vocabulary: &Vocabulary,
        merges: &[Merge],
        path: &Path,
        mut config: Map<String, Value>,
    ) -> Result<Self, DataError> {
        complete_config(&mut config);
        let failed = |source| DataError::library(path, source);
        let named = |key: &str| {
            // A null value in the configuration means that there is no such token.
            let token = token_of(config.get(key));
            let token = token.ok_or_else(|| DataError::missing_special_token(path, key))?;
            match vocabulary.get(&token) {
                Some(&id) => Ok((token, id)),
                None => Err(DataError::missing_special_token(path, &token)),
            }
        };
        named("unk_token")?;
        let (separator, pad) = (named("sep_token")?, named("pad_token")?);
        let class = named("cls_token")?;
        let special = special_tokens(vocabulary, &config);
        let flag = |key: &str, default| config.get(key).and_then(Value::as_bool).unwrap_or(default);
        let add_prefix_space = flag("add_prefix_space", false);
        let frame = RobertaProcessing::new(separator, class)
            .trim_offsets(flag("trim_offsets", true))
            .add_prefix_space(add_prefix_space);

        // The builder requires a map type of a crate that is not a dependency.
        let model = json!({
            "type": "BPE",
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "vocab": vocabulary,
            "merges": merges,
        });
        let model: ModelWrapper =
            serde_json::from_value(model).map_err(|source| failed(source.into()))?;
        let mut tokenizer = Tokenizer::new(model);
        tokenizer
            .with_pre_tokenizer(Some(
                ByteLevel::default().add_prefix_space(add_prefix_space),
            ))
            .with_post_processor(Some(frame))
            .with_decoder(Some(DecoderWrapper::ByteLevel(ByteLevel::default())));
        tokenizer.add_special_tokens(special).map_err(failed)?;
        Self::new(tokenizer, path, &pad.0, config)
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

/// Returns the special tokens in the vocabulary, with the properties set in the configuration.
fn special_tokens(vocabulary: &Vocabulary, config: &Map<String, Value>) -> Vec<AddedToken> {
    let mut special: Vec<AddedToken> = Vec::new();
    for (key, _) in SPECIAL_TOKENS {
        if let Some(token) = token_of(config.get(key))
            && vocabulary.contains_key(&token)
            && special.iter().all(|known| known.content != token)
        {
            special.push(added_token(token, config, key));
        }
    }
    special
}

/// Returns a special token with its whitespace handling, as set under its key or in the list of
/// added tokens of the configuration.
fn added_token(token: String, config: &Map<String, Value>, key: &str) -> AddedToken {
    let listed = config
        .get("added_tokens_decoder")
        .and_then(Value::as_object);
    let description = listed
        .into_iter()
        .flat_map(Map::values)
        .chain(config.get(key))
        .find(|description| description["content"] == token.as_str());
    let flag = |name: &str| {
        let flag = description.and_then(|description| description[name].as_bool());
        flag.unwrap_or(false)
    };
    AddedToken::from(token, true)
        .single_word(flag("single_word"))
        .lstrip(flag("lstrip"))
        .rstrip(flag("rstrip"))
        .normalized(flag("normalized"))
}

/// Adds missing settings of a RoBERTa tokenizer configuration; existing settings are kept.
fn complete_config(config: &mut Map<String, Value>) {
    let defaults = [
        ("tokenizer_class", json!("RobertaTokenizer")),
        ("add_prefix_space", json!(false)),
        ("trim_offsets", json!(true)),
        ("model_max_length", json!(MODEL_MAX_LENGTH)),
    ];
    let tokens = SPECIAL_TOKENS.map(|(key, token)| (key, json!(token)));
    add_settings(config, defaults.into_iter().chain(tokens));
}
