//! BERT tokenization pipeline for a WordPiece vocabulary.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;

use super::class::BERT;
use super::files::{BYTE_ORDER_MARK, read};
use super::settings::Settings;
use super::token_values::token_of;
use super::{TextTokenizer, added_tokens};
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

/// Keys of the special tokens that the vocabulary must have.
pub(super) const REQUIRED_TOKENS: [&str; 4] = ["pad_token", "unk_token", "cls_token", "sep_token"];

/// Maximum input length of BERT in tokens, the default `model_max_length` of a tokenizer.
pub(super) const MODEL_MAX_LENGTH: usize = 512;

/// Maximum word length in characters for WordPiece; longer words become the unknown token.
pub(super) const LONGEST_WORD: usize = 100;

impl TextTokenizer {
    /// Creates a tokenizer with the components and settings of transformers'
    /// [`BertTokenizer`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/tokenization_bert.py#L41).
    pub(super) fn bert(
        vocabulary: HashMap<String, u32>,
        mut settings: Settings,
        path: &Path,
    ) -> Result<Self, DataError> {
        complete_config(&mut settings);
        let failed = |source| DataError::library(path, source);
        let unknown = token_of(settings.config.get("unk_token"))
            .ok_or_else(|| DataError::missing_special_token(path, "unk_token"))?;
        if !vocabulary.contains_key(&unknown) {
            return Err(DataError::missing_special_token(path, &unknown));
        }
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
            .with_normalizer(Some(normalizer(&settings)?))
            .map_err(failed)?
            .with_pre_tokenizer(Some(BertPreTokenizer))
            .with_decoder(Some(WordPieceDecoder::default()));
        added_tokens::add(&mut tokenizer, &mut settings, &REQUIRED_TOKENS, path)?;
        let token = |key: &str| {
            let token = token_of(settings.config.get(key)).unwrap_or_default();
            let id = tokenizer.token_to_id(&token);
            let id = id.ok_or_else(|| DataError::missing_special_token(path, &token))?;
            Ok::<_, DataError>((token, id))
        };
        let (class, separator) = (token("cls_token")?, token("sep_token")?);
        let template = template((&class.0, class.1), (&separator.0, separator.1));
        tokenizer.with_post_processor(Some(template.map_err(failed)?));
        Self::new(tokenizer, path, settings)
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
pub(super) fn complete_config(settings: &mut Settings) {
    let class = settings.class.get_or_insert(BERT).name;
    let config = &mut settings.config;
    let defaults = [
        ("tokenizer_class", json!(class)),
        ("do_lower_case", json!(true)),
        ("strip_accents", Value::Null),
        ("tokenize_chinese_chars", json!(true)),
        ("model_max_length", json!(MODEL_MAX_LENGTH)),
    ];
    let tokens = SPECIAL_TOKENS.map(|token| json!(token));
    let tokens = SPECIAL_TOKEN_KEYS.into_iter().zip(tokens);
    add_settings(config, defaults.into_iter().chain(tokens));
}

/// Returns BERT's normalizer with the settings, or their defaults.
pub(super) fn normalizer(settings: &Settings) -> Result<BertNormalizer, DataError> {
    Ok(BertNormalizer::new(
        true,
        settings.flag("tokenize_chinese_chars")?.unwrap_or(true),
        settings.nullable_flag("strip_accents")?,
        settings.flag("do_lower_case")?.unwrap_or(true),
    ))
}

/// Returns the settings of BERT's normalizer in `tokenizer_config.json`.
pub(super) fn normalizer_settings(normalizer: &BertNormalizer) -> [(&'static str, Value); 3] {
    let chinese = normalizer.handle_chinese_chars;
    [
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
    let bytes = read(path)?;
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
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
