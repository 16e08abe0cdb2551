//! Added tokens: tokens that are found in a text before it is split into words.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;
use tokenizers::{AddedToken, Tokenizer};

use super::class::Pipeline;
use super::settings::{ADDITIONAL, DECODER, Settings};
use super::token_values::token_of;
use crate::error::DataError;
use crate::excerpt::excerpt;

/// Mask tokens that settings name although a vocabulary may lack them.
const USUAL_MASKS: [&str; 2] = ["[MASK]", "<mask>"];

/// Checks that the added tokens of `tokenizer.json` have the ids that the file gives them: the
/// `tokenizers` library numbers them itself.
pub(super) fn check_ids(tokenizer: &Tokenizer, file: &Value, path: &Path) -> Result<(), DataError> {
    for token in file["added_tokens"].as_array().into_iter().flatten() {
        if let (Some(content), Some(id)) = (token["content"].as_str(), token["id"].as_u64()) {
            check_id(tokenizer, path, "added_tokens", content, id)?;
        }
    }
    Ok(())
}

/// Checks that `added_tokens_decoder` lists the added tokens of `tokenizer.json`. Only some
/// versions of transformers add the others.
pub(super) fn check_decoder(tokenizer: &Tokenizer, settings: &Settings) -> Result<(), DataError> {
    if !settings.has_decoder {
        return Ok(());
    }
    let mut others = settings.named()?;
    others.extend(settings.additional.iter().cloned());
    let listed: HashSet<&str> = settings
        .listed
        .iter()
        .map(|(_, token)| token.content.as_str())
        .collect();
    let mut tokens: Vec<(u32, AddedToken)> =
        tokenizer.get_added_tokens_decoder().into_iter().collect();
    tokens.sort_by_key(|&(id, _)| id);
    for (id, token) in tokens {
        let is_said = listed.contains(token.content.as_str())
            || others.contains(&token)
            || settings.describes(&token.content);
        if !is_said {
            let token = excerpt(&token.content);
            let expected = "expected all added tokens of tokenizer.json";
            let problem = format!("{DECODER}: {expected}, found none for {token:?} with id {id}");
            return Err(DataError::tokenizer(&settings.files.config, problem));
        }
    }
    Ok(())
}

/// Adds the added and special tokens of the settings, in the order of transformers. `required` are
/// the keys of special tokens that the vocabulary must have.
///
/// A usual mask token that the vocabulary lacks is not added, and removed from the settings: only
/// masked language modeling needs it, and the model has no embedding for it.
pub(super) fn add(
    tokenizer: &mut Tokenizer,
    settings: &mut Settings,
    required: &[&str],
    path: &Path,
) -> Result<(), DataError> {
    let failed = |source| DataError::library(path, source);
    let named = settings.named()?;
    let is_named = |content: &str| named.iter().any(|token| token.content == content);

    let in_file = tokenizer.get_added_tokens_decoder();
    let in_file = if settings.has_decoder {
        HashSet::new()
    } else {
        in_file.keys().copied().collect::<HashSet<u32>>()
    };
    let listed = settings
        .listed
        .iter()
        .filter(|(id, _)| !in_file.contains(id))
        .map(|(_, token)| {
            token
                .clone()
                .special(token.special || is_named(&token.content))
        });
    let listed: Vec<AddedToken> = listed.collect();
    tokenizer.add_tokens(listed).map_err(failed)?;
    for (id, token) in &settings.listed {
        let (source, key) = match settings.has_decoder {
            true => (&settings.files.config, DECODER),
            false => (&settings.files.added_tokens, token.content.as_str()),
        };
        check_id(tokenizer, source, key, &token.content, u64::from(*id))?;
    }
    for key in required {
        let token = token_of(settings.config.get(*key))
            .ok_or_else(|| DataError::missing_special_token(path, key))?;
        if tokenizer.token_to_id(&token).is_none() {
            return Err(DataError::missing_special_token(path, &token));
        }
    }
    let mask = token_of(settings.config.get("mask_token"));
    let is_additional = |content: &String| {
        let mut tokens = settings.additional.iter();
        tokens.any(|token| token.content == *content)
    };
    let mask = mask.filter(|mask| tokenizer.token_to_id(mask).is_none() && !is_additional(mask));
    if let Some(mask) = &mask {
        if !USUAL_MASKS.contains(&mask.as_str()) {
            let (path, found) = (&settings.files.config, Value::from(mask.as_str()));
            let expected = "expected a token of the vocabulary";
            return Err(DataError::token_setting(
                path,
                "mask_token",
                expected,
                &found,
            ));
        }
        settings.config.insert("mask_token".to_owned(), Value::Null);
    }
    // Of tokens with the same content, the last one counts.
    let is_file = settings
        .class
        .is_none_or(|class| class.pipeline == Pipeline::File);
    let known: HashSet<String> = match settings.has_decoder && !is_file {
        true => settings
            .listed
            .iter()
            .map(|(_, token)| token.content.clone())
            .collect(),
        false => tokenizer
            .get_added_vocabulary()
            .get_vocab()
            .keys()
            .cloned()
            .collect(),
    };
    let others = named.into_iter().chain(settings.additional.iter().cloned());
    let others = others
        .filter(|token| !known.contains(&token.content) && mask.as_ref() != Some(&token.content));
    let others: Vec<AddedToken> = others.collect();
    tokenizer.add_special_tokens(others).map_err(failed)?;
    check_disputed(tokenizer, settings)?;
    check_split(tokenizer, settings)
}

/// Checks that the further special tokens of `special_tokens_map.json` are added tokens. Only some
/// versions of transformers add them if `tokenizer_config.json` lists others.
fn check_disputed(tokenizer: &Tokenizer, settings: &Settings) -> Result<(), DataError> {
    let known = tokenizer.get_added_vocabulary().get_vocab();
    let mut tokens = settings.disputed.iter();
    match tokens.find(|token| !known.contains_key(*token)) {
        None => Ok(()),
        Some(token) => {
            let expected = "expected the tokens of this key in tokenizer_config.json";
            let path = &settings.files.special_tokens;
            Err(DataError::token_setting(
                path,
                ADDITIONAL,
                expected,
                &Value::from(token.as_str()),
            ))
        }
    }
}

/// Checks that the further special tokens are special if special tokens are split. Only some
/// versions of transformers make them so.
fn check_split(tokenizer: &Tokenizer, settings: &Settings) -> Result<(), DataError> {
    if settings.flag("split_special_tokens")? != Some(true) {
        return Ok(());
    }
    let added = tokenizer.get_added_tokens_decoder();
    let is_special = |content: &str| {
        let mut same = added.values().filter(|token| token.content == content);
        same.all(|token| token.special)
    };
    let mut contents = settings.additional.iter().map(|token| &token.content);
    match contents.find(|content| !is_special(content)) {
        None => Ok(()),
        Some(content) => {
            let token = excerpt(content);
            let problem = format!(
                "{ADDITIONAL}: expected special tokens, as \"split_special_tokens\" is true, found \
                 {token:?}, whose \"special\" is false"
            );
            Err(DataError::tokenizer(&settings.files.config, problem))
        }
    }
}

/// Checks the id of an added token.
fn check_id(
    tokenizer: &Tokenizer,
    path: &Path,
    key: &str,
    content: &str,
    id: u64,
) -> Result<(), DataError> {
    let found = tokenizer.token_to_id(content);
    if found.map(u64::from) == Some(id) {
        return Ok(());
    }
    let token = excerpt(content);
    let problem = match found {
        Some(found) => format!(
            "expected id {found} for the added token {token:?}, its place in or after the \
             vocabulary, found {id}"
        ),
        None => format!("the id {id} of the added token {token:?} is that of another token"),
    };
    Err(DataError::tokenizer(
        path,
        format!("{}: {problem}", excerpt(key)),
    ))
}
