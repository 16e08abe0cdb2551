//! Comparison of `tokenizer.json` with the components of its class.

use std::path::Path;

use serde_json::{Value, json};
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Model, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use super::bert::{self, LONGEST_WORD};
use super::pipeline::refuse;
use super::settings::Settings;
use super::token_values::token_of;
use crate::error::DataError;

/// Token whose id is that of unknown pieces in XLM-RoBERTa's class, whatever the file says.
const XLM_ROBERTA_UNKNOWN_ID: u64 = 3;

/// A `tokenizer.json` that is checked against its class.
pub(super) struct Checked<'a> {
    pub(super) file: &'a Value,
    pub(super) settings: &'a Settings,
    pub(super) path: &'a Path,
}

impl Checked<'_> {
    fn expect(&self, holds: bool, key: &str, expected: &str) -> Result<(), DataError> {
        if holds {
            return Ok(());
        }
        Err(refuse(self.settings, self.path, key, expected))
    }

    fn named(&self, key: &str) -> Option<String> {
        token_of(self.settings.config.get(key))
    }

    pub(super) fn bert(&self, tokenizer: &mut Tokenizer) -> Result<(), DataError> {
        let ModelWrapper::WordPiece(model) = tokenizer.get_model() else {
            return self.expect(false, "model.type", "WordPiece");
        };
        let prefix = model.continuing_subword_prefix == "##";
        self.expect(prefix, "model.continuing_subword_prefix", "\"##\"")?;
        let longest = model.max_input_chars_per_word == LONGEST_WORD;
        self.expect(longest, "model.max_input_chars_per_word", "100")?;
        let unknown = self.named("unk_token").as_ref() == Some(&model.unk_token);
        let expected = "\"unk_token\" of tokenizer_config.json";
        self.expect(unknown, "model.unk_token", expected)?;
        let splitter = tokenizer.get_pre_tokenizer();
        let is_bert = matches!(splitter, Some(PreTokenizerWrapper::BertPreTokenizer(_)));
        self.expect(is_bert, "pre_tokenizer", "BertPreTokenizer")?;
        let normalizer = bert::normalizer(self.settings)?;
        let Some(NormalizerWrapper::BertNormalizer(found)) = tokenizer.get_normalizer() else {
            return self.expect(false, "normalizer", "BertNormalizer");
        };
        self.expect(found.clean_text, "normalizer.clean_text", "true")?;
        if flags(found) != flags(&normalizer) {
            tokenizer
                .with_normalizer(Some(normalizer))
                .map_err(|source| DataError::library(self.path, source))?;
        }
        Ok(())
    }

    pub(super) fn roberta(&self, tokenizer: &mut Tokenizer) -> Result<(), DataError> {
        let ModelWrapper::BPE(model) = tokenizer.get_model() else {
            return self.expect(false, "model.type", "BPE");
        };
        let is_empty = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
        let prefix = is_empty(&model.continuing_subword_prefix);
        self.expect(prefix, "model.continuing_subword_prefix", "none")?;
        let suffix = is_empty(&model.end_of_word_suffix);
        self.expect(suffix, "model.end_of_word_suffix", "none")?;
        let unknown = model.unk_token.is_none() || has_all_bytes(model);
        self.expect(unknown, "model.unk_token", "none")?;
        self.expect(!model.byte_fallback, "model.byte_fallback", "false")?;
        self.expect(!model.ignore_merges, "model.ignore_merges", "false")?;
        self.expect(model.dropout.is_none(), "model.dropout", "none")?;
        let plain = tokenizer.get_normalizer().is_none();
        self.expect(plain, "normalizer", "none")?;
        let splitter = match tokenizer.get_pre_tokenizer() {
            Some(PreTokenizerWrapper::ByteLevel(splitter)) if splitter.use_regex => *splitter,
            _ => return self.expect(false, "pre_tokenizer", "ByteLevel with \"use_regex\""),
        };
        let prefix = self.settings.flag("add_prefix_space")?.unwrap_or(false);
        if splitter.add_prefix_space != prefix {
            tokenizer.with_pre_tokenizer(Some(splitter.add_prefix_space(prefix)));
        }
        Ok(())
    }

    /// Nothing is replaced: the versions of transformers agree only where nothing differs.
    pub(super) fn xlm_roberta(&self, tokenizer: &Tokenizer) -> Result<(), DataError> {
        let ModelWrapper::Unigram(_) = tokenizer.get_model() else {
            return self.expect(false, "model.type", "Unigram");
        };
        let unknown = match self.settings.class {
            Some(class) if class.name == "CamembertTokenizer" => {
                let token = self.named("unk_token").unwrap_or_default();
                tokenizer.token_to_id(&token).map(u64::from)
            }
            _ => Some(XLM_ROBERTA_UNKNOWN_ID),
        };
        let holds = unknown.is_some() && self.file["model"]["unk_id"].as_u64() == unknown;
        self.expect(
            holds,
            "model.unk_id",
            "the id of \"unk_token\", 3 for XLM-RoBERTa",
        )?;

        let normalizers = parts(&self.file["normalizer"], "normalizers");
        let charsmap = normalizers
            .first()
            .is_some_and(|part| part["type"] == "Precompiled");
        let plain = normalizers.is_empty() || charsmap;
        self.expect(plain, "normalizer", "none or Precompiled")?;
        // The normalizer that transformers itself converts from SentencePiece replaces runs of
        // spaces, instead of a pre-tokenizer.
        let splitters = parts(&self.file["pre_tokenizer"], "pretokenizers");
        let splits = match splitters[..] {
            [first, last] if first["type"] == "WhitespaceSplit" => Some(last),
            [only] if normalizers.len() > 1 => Some(only),
            _ => None,
        };
        let Some(metaspace) = splits.filter(|splitter| splitter["type"] == "Metaspace") else {
            return self.expect(false, "pre_tokenizer", "WhitespaceSplit and Metaspace");
        };
        let scheme = metaspace.get("prepend_scheme").and_then(Value::as_str);
        let prefix = match scheme {
            Some(scheme) => json!(scheme == "always"),
            None => metaspace
                .get("add_prefix_space")
                .cloned()
                .unwrap_or(json!(true)),
        };
        let setting = self.settings.flag("add_prefix_space")?.unwrap_or(true);
        if scheme == Some("first") || prefix != json!(setting) {
            return Err(self.contradiction("add_prefix_space", &prefix));
        }
        Ok(())
    }

    /// The file as it is. Without a class nothing says whether the settings count, and with the
    /// class of the file the versions of transformers differ about `add_prefix_space`.
    pub(super) fn as_is(&self, tokenizer: &Tokenizer) -> Result<(), DataError> {
        let is_declared = self.settings.class.is_some();
        if let Some(PreTokenizerWrapper::ByteLevel(splitter)) = tokenizer.get_pre_tokenizer() {
            let found = splitter.add_prefix_space;
            let setting = self.settings.flag("add_prefix_space")?;
            if setting
                .or(is_declared.then_some(false))
                .is_some_and(|setting| setting != found)
            {
                return Err(self.contradiction("add_prefix_space", &json!(found)));
            }
        }
        if let (Some(NormalizerWrapper::BertNormalizer(normalizer)), false) =
            (tokenizer.get_normalizer(), is_declared)
        {
            for (key, value) in bert::normalizer_settings(normalizer) {
                let setting = self.settings.config.get(key);
                if setting.is_some_and(|setting| *setting != value) {
                    return Err(self.contradiction(key, &value));
                }
            }
        }
        Ok(())
    }

    /// Returns the error of a setting that says something else than `tokenizer.json`.
    fn contradiction(&self, key: &str, in_file: &Value) -> DataError {
        let path = &self.settings.files.config;
        let found = self.settings.config.get(key).unwrap_or(&Value::Null);
        let expected = format!("expected {in_file}, as in tokenizer.json");
        DataError::token_setting(path, key, &expected, found)
    }
}

fn flags(normalizer: &BertNormalizer) -> [Option<bool>; 3] {
    [
        Some(normalizer.lowercase),
        normalizer.strip_accents,
        Some(normalizer.handle_chinese_chars),
    ]
}

/// Returns whether the vocabulary has all characters that stand for bytes, so that no text is
/// unknown.
fn has_all_bytes(model: &BPE) -> bool {
    ByteLevel::alphabet()
        .into_iter()
        .all(|byte| model.token_to_id(&byte.to_string()).is_some())
}

/// Returns the parts of a component: those of a sequence, one, or none.
fn parts<'a>(component: &'a Value, key: &str) -> Vec<&'a Value> {
    match component {
        Value::Null => Vec::new(),
        sequence if sequence["type"] == "Sequence" => {
            sequence[key].as_array().into_iter().flatten().collect()
        }
        single => vec![single],
    }
}
