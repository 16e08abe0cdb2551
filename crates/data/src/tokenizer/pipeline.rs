//! The components of a tokenizer that its class or its settings define, whatever `tokenizer.json`
//! says.
//!
//! The settings replace those of `tokenizer.json`, as in transformers. Some versions of
//! transformers replace all other components, too, and some keep those of the file: a file with
//! other components than its class is an error.

use std::path::Path;

use serde_json::Value;
use tokenizers::Tokenizer;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::processors::roberta::RobertaProcessing;

use super::bert;
use super::class::{BERT, FILE_CLASS, MPNET, Pipeline};
use super::class_check::Checked;
use super::settings::Settings;
use super::special_tokens::SpecialTokens;
use super::token_values::token_of;
use crate::error::DataError;

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
        // The versions of transformers differ in other components, but not in these tokens.
        Some(Pipeline::File) if is_mpnet(settings) => (["cls_token", "sep_token"], 2, 0),
        Some(Pipeline::File) | None => return Ok(()),
    };
    let mut ids = [0; 2];
    for ((id, key), default) in ids.iter_mut().zip(keys).zip(MPNET_TOKENS) {
        let token =
            token_of(settings.config.get(key)).or(is_mpnet(settings).then(|| default.into()));
        let token = token.unwrap_or_default();
        *id = match tokenizer.token_to_id(&token) {
            Some(found) => found,
            None if is_mpnet(settings) => {
                let expected = format!("{token:?} as {key}");
                return Err(refuse(settings, path, "model.vocab", &expected));
            }
            None => return Err(DataError::missing_special_token(path, &token)),
        };
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

/// Tokens before and after a text that MPNet's class has, unless the settings name others.
const MPNET_TOKENS: [&str; 2] = ["<s>", "</s>"];

fn is_mpnet(settings: &Settings) -> bool {
    settings.class.is_some_and(|class| class.name == MPNET.name)
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
    let mut settings = Settings::of_class(BERT, path);
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

/// Returns the error of a component of `tokenizer.json` that its class does not have.
pub(super) fn refuse(settings: &Settings, path: &Path, key: &str, expected: &str) -> DataError {
    let class = settings.class.map_or(FILE_CLASS, |class| class.name);
    let problem = format!(
        "{key}: \"tokenizer_class\" {class} expects {expected}; {FILE_CLASS} in \
         tokenizer_config.json loads the file as it is"
    );
    DataError::tokenizer(path, problem)
}
