//! BERT tokenization pipeline for a WordPiece vocabulary.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::TextTokenizer;
use super::load::token_of;
use crate::error::DataError;

/// Special tokens of BERT, in the order of a new vocabulary.
pub(super) const SPECIAL_TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Keys of the special tokens in `tokenizer_config.json`.
pub(super) const SPECIAL_TOKEN_KEYS: [&str; 5] = [
    "pad_token",
    "unk_token",
    "cls_token",
    "sep_token",
    "mask_token",
];

/// Maximum input length of BERT in tokens, the default `model_max_length` of a tokenizer.
pub(super) const MODEL_MAX_LENGTH: usize = 512;

/// Maximum word length in characters for WordPiece; longer words become the unknown token.
pub(super) const LONGEST_WORD: usize = 100;

impl TextTokenizer {
    /// Creates a tokenizer with the components and settings of transformers'
    /// [`BertTokenizer`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/tokenization_bert.py#L41).
    pub(super) fn bert(
        vocabulary: HashMap<String, u32>,
        normalizer: BertNormalizer,
        path: &Path,
        mut config: Map<String, Value>,
    ) -> Result<Self, DataError> {
        complete_config(&mut config, &normalizer);
        let failed = |source| DataError::library(path, source);
        let token = |key: &str| {
            // A null value in the configuration means that there is no such token.
            let token = token_of(config.get(key));
            token.ok_or_else(|| DataError::missing_special_token(path, key))
        };
        let (pad, unknown) = (token("pad_token")?, token("unk_token")?);
        let (class, separator) = (token("cls_token")?, token("sep_token")?);
        let id = |token: &str| {
            let id = vocabulary.get(token).copied();
            id.ok_or_else(|| DataError::missing_special_token(path, token))
        };
        for needed in [&pad, &unknown] {
            id(needed)?;
        }
        let template = template((&class, id(&class)?), (&separator, id(&separator)?));
        // The mask token is optional, because only masked language modeling needs it.
        let mask = token("mask_token")
            .ok()
            .filter(|mask| vocabulary.contains_key(mask));
        let special = [&pad, &unknown, &class, &separator]
            .into_iter()
            .chain(&mask);
        let special: Vec<AddedToken> = special.map(|token| AddedToken::from(token, true)).collect();

        // The builder requires a map type of a crate that is not a dependency.
        let model = json!({
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": LONGEST_WORD,
            "vocab": vocabulary,
        });
        let model = WordPiece::from_bytes(model.to_string()).map_err(failed)?;
        let mut tokenizer = Tokenizer::new(model);
        tokenizer
            .with_normalizer(Some(normalizer))
            .map_err(failed)?
            .with_pre_tokenizer(Some(BertPreTokenizer))
            .with_post_processor(Some(template.map_err(failed)?))
            .with_decoder(Some(WordPieceDecoder::default()));
        tokenizer.add_special_tokens(special).map_err(failed)?;
        Self::new(tokenizer, path, &pad, config)
    }
}

/// Returns the template `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`, with token type 1 from B on.
fn template(
    class: (&str, u32),
    separator: (&str, u32),
) -> Result<TemplateProcessing, tokenizers::Error> {
    let piece = |token: &str, token_type: u32| format!("{token}:{token_type}");
    let single = vec![piece(class.0, 0), piece("$A", 0), piece(separator.0, 0)];
    let mut pair = single.clone();
    pair.extend([piece("$B", 1), piece(separator.0, 1)]);
    let template = TemplateProcessing::builder()
        .try_single(single)?
        .try_pair(pair)?
        .special_tokens(vec![class, separator])
        .build()?;
    Ok(template)
}

/// Adds missing settings of a BERT tokenizer configuration; existing settings are kept.
fn complete_config(config: &mut Map<String, Value>, normalizer: &BertNormalizer) {
    add_settings(config, normalizer_settings(normalizer));
    add_settings(config, [("model_max_length", json!(MODEL_MAX_LENGTH))]);
    let tokens = SPECIAL_TOKENS.map(|token| json!(token));
    add_settings(config, SPECIAL_TOKEN_KEYS.into_iter().zip(tokens));
}

/// Returns the settings of BERT's normalizer in `tokenizer_config.json`.
pub(super) fn normalizer_settings(normalizer: &BertNormalizer) -> [(&'static str, Value); 4] {
    let chinese = normalizer.handle_chinese_chars;
    [
        ("tokenizer_class", json!("BertTokenizer")),
        ("do_lower_case", json!(normalizer.lowercase)),
        ("strip_accents", json!(normalizer.strip_accents)),
        ("tokenize_chinese_chars", json!(chinese)),
    ]
}

/// Adds settings that a configuration lacks.
pub(super) fn add_settings(
    config: &mut Map<String, Value>,
    settings: impl IntoIterator<Item = (&'static str, Value)>,
) {
    for (key, value) in settings {
        config.entry(key).or_insert(value);
    }
}

/// Reads a vocabulary with one token per line, whose id is the line index. Of duplicate lines the
/// last counts, as in the Hugging Face loader.
pub(super) fn read_vocabulary(path: &Path) -> Result<HashMap<String, u32>, DataError> {
    let bytes = fs::read(path).map_err(|source| DataError::io(path, source))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let content = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if content.trim_ascii().is_empty() {
        return Err(DataError::empty_vocabulary(path));
    }
    let token = |(id, line): (u32, &[u8])| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let token = str::from_utf8(line);
        let token = token.map_err(|_| DataError::invalid_utf8(path, u64::from(id) + 1))?;
        Ok((token.to_owned(), id))
    };
    (0u32..)
        .zip(content.split(|&byte| byte == b'\n'))
        .map(token)
        .collect()
}
