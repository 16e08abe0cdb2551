//! The components of a tokenizer that its class or its settings define, whatever `tokenizer.json`
//! says.
//!
//! The settings replace those of `tokenizer.json`, as in transformers. Some versions of
//! transformers replace all other components, too, and some keep those of the file: a file with
//! other components than its class is an error.

use std::path::Path;

use serde_json::{Value, json};
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{Model, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use super::bert::{self, LONGEST_WORD};
use super::class::{FILE_CLASS, Pipeline};
use super::settings::{Settings, token_of};
use super::special_tokens::SpecialTokens;
use crate::error::DataError;

/// Token whose id is that of unknown pieces in XLM-RoBERTa's class, whatever the file says.
const XLM_ROBERTA_UNKNOWN_ID: u64 = 3;

/// Applies the settings to the components of `tokenizer.json` before the special tokens.
///
/// # Errors
/// - [`DataError::InvalidTokenizer`] if the file has other components than the class.
pub(super) fn apply(
    tokenizer: &mut Tokenizer,
    file: &Value,
    settings: &Settings,
    path: &Path,
) -> Result<(), DataError> {
    let checked = Checked {
        file,
        settings,
        path,
    };
    match settings.class.map(|class| class.pipeline) {
        Some(Pipeline::Bert) => checked.bert(tokenizer),
        Some(Pipeline::Roberta) => checked.roberta(tokenizer),
        Some(Pipeline::XlmRoberta) => checked.xlm_roberta(tokenizer),
        Some(Pipeline::File) | None => checked.as_is(tokenizer),
    }
}

/// Checks that the special tokens around texts are those of the class, and applies the settings
/// for the offsets of byte-level tokens.
///
/// # Errors
/// - [`DataError::InvalidTokenizer`] if the file adds other tokens.
pub(super) fn apply_to_special_tokens(
    tokenizer: &mut Tokenizer,
    settings: &Settings,
    path: &Path,
) -> Result<(), DataError> {
    let (keys, between, second_type) = match settings.class.map(|class| class.pipeline) {
        Some(Pipeline::Bert) => (["cls_token", "sep_token"], 1, 1),
        Some(Pipeline::Roberta) => (["cls_token", "sep_token"], 2, 0),
        Some(Pipeline::XlmRoberta) => (["bos_token", "eos_token"], 2, 0),
        Some(Pipeline::File) | None => return Ok(()),
    };
    let mut ids = [0; 2];
    for (id, key) in ids.iter_mut().zip(keys) {
        let token = token_of(settings.config.get(key)).unwrap_or_default();
        let found = tokenizer.token_to_id(&token);
        *id = found.ok_or_else(|| DataError::missing_special_token(path, &token))?;
    }
    let [single, pair] = [None, Some((between, second_type))]
        .map(|second| SpecialTokens::around(ids[0], ids[1], second));
    let same = SpecialTokens::of(tokenizer, path)? == single
        && SpecialTokens::of_pair(tokenizer, path)? == pair;
    if !same {
        let expected = format!(
            "the tokens {:?} and {:?} of tokenizer_config.json",
            keys[0], keys[1]
        );
        return Err(refuse(settings, path, "post_processor", &expected));
    }
    if settings.class.map(|class| class.pipeline) == Some(Pipeline::Roberta) {
        let processing = roberta_processing(tokenizer, settings, path)?;
        let found = tokenizer.get_post_processor();
        if !matches!(found, Some(PostProcessorWrapper::Roberta(found)) if *found == processing) {
            tokenizer.with_post_processor(Some(processing));
        }
    }
    Ok(())
}

/// Returns RoBERTa's post-processor with the settings for offsets.
pub(super) fn roberta_processing(
    tokenizer: &Tokenizer,
    settings: &Settings,
    path: &Path,
) -> Result<RobertaProcessing, DataError> {
    let token = |key: &str| {
        let token = token_of(settings.config.get(key)).unwrap_or_default();
        match tokenizer.token_to_id(&token) {
            Some(id) => Ok((token, id)),
            None => Err(DataError::missing_special_token(path, &token)),
        }
    };
    Ok(
        RobertaProcessing::new(token("sep_token")?, token("cls_token")?)
            .trim_offsets(settings.flag("trim_offsets")?.unwrap_or(true))
            .add_prefix_space(settings.flag("add_prefix_space")?.unwrap_or(false)),
    )
}

/// Returns whether a tokenizer has all components and special tokens of BERT.
pub(super) fn is_bert(tokenizer: &Tokenizer, path: &Path) -> bool {
    let mut settings = Settings::of_class(super::class::BERT, path);
    bert::complete_config(&mut settings);
    let checked = Checked {
        file: &Value::Null,
        settings: &settings,
        path,
    };
    let added = tokenizer.get_added_vocabulary().get_vocab();
    let is_added = bert::SPECIAL_TOKENS
        .iter()
        .all(|token| added.contains_key(*token));
    let mut copy = tokenizer.clone();
    is_added
        && checked.bert(&mut copy).is_ok()
        && apply_to_special_tokens(&mut copy, &settings, path).is_ok()
}

/// A `tokenizer.json` that is checked against its class.
struct Checked<'a> {
    file: &'a Value,
    settings: &'a Settings,
    path: &'a Path,
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

    fn bert(&self, tokenizer: &mut Tokenizer) -> Result<(), DataError> {
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

    fn roberta(&self, tokenizer: &mut Tokenizer) -> Result<(), DataError> {
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
    fn xlm_roberta(&self, tokenizer: &Tokenizer) -> Result<(), DataError> {
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
    fn as_is(&self, tokenizer: &Tokenizer) -> Result<(), DataError> {
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

/// Returns the error of a component of `tokenizer.json` that its class does not have.
fn refuse(settings: &Settings, path: &Path, key: &str, expected: &str) -> DataError {
    let class = settings.class.map_or(FILE_CLASS, |class| class.name);
    let problem = format!(
        "{key}: \"tokenizer_class\" {class} expects {expected}; {FILE_CLASS} in \
         tokenizer_config.json loads the file as it is"
    );
    DataError::tokenizer(path, problem)
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
