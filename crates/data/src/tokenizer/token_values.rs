//! Special tokens in settings files: their values, and which file counts.

use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::AddedToken;

use super::settings::{ADDITIONAL, SPECIAL_TOKEN_KEYS, SettingsFiles};
use crate::error::DataError;

/// Returns the special tokens of `tokenizer_config.json` that are given as text. transformers does
/// not know the others when it reads `added_tokens.json`.
pub(super) fn special_texts(config: &Map<String, Value>) -> Vec<String> {
    let named = SPECIAL_TOKEN_KEYS
        .into_iter()
        .filter_map(|key| config.get(key));
    let lists = ["extra_special_tokens", ADDITIONAL]
        .into_iter()
        .filter_map(|key| config.get(key)?.as_array());
    named
        .chain(lists.flatten())
        .filter_map(|value| Some(value.as_str()?.to_owned()))
        .collect()
}

/// Replaces the special tokens of a configuration by those of `special_tokens_map.json`. Returns
/// the tokens of a list that the configuration has, too, but without them.
pub(super) fn merge(
    config: &mut Map<String, Value>,
    map: Map<String, Value>,
    files: &SettingsFiles,
) -> Result<Vec<String>, DataError> {
    let lists = ["extra_special_tokens", ADDITIONAL];
    let is_listed = lists.iter().any(|key| config.contains_key(*key));
    let contents = |list: &Value| -> Vec<String> {
        let tokens = list.as_array().into_iter().flatten();
        tokens.filter_map(|token| token_of(Some(token))).collect()
    };
    let listed = lists.iter().filter_map(|key| config.get(*key));
    let listed: Vec<String> = listed.flat_map(contents).collect();
    let mut disputed = Vec::new();
    for (key, mut value) in map {
        if lists.contains(&key.as_str()) && is_listed && value.is_array() {
            let others = contents(&value).into_iter();
            disputed.extend(others.filter(|token| !listed.contains(token)));
            continue;
        }
        if key.ends_with("_token") && !value.is_null() {
            parse_token(&files.special_tokens, &key, &value)?;
            if let Some(token) = value.as_object_mut() {
                token.insert("special".to_owned(), json!(true));
                token.insert("__type".to_owned(), json!("AddedToken"));
            }
        }
        config.insert(key, value);
    }
    Ok(disputed)
}

/// Parses a token: its content, or an object with `content` and flags.
pub(super) fn parse_token(path: &Path, key: &str, value: &Value) -> Result<AddedToken, DataError> {
    let wrong = |expected: &str, found: &Value| {
        DataError::token_setting(path, key, &format!("expected {expected}"), found)
    };
    if let Some(content) = value.as_str() {
        return Ok(AddedToken::from(content, true));
    }
    let content = value
        .get("content")
        .and_then(Value::as_str)
        .ok_or_else(|| wrong("a token: text, or an object with \"content\"", value))?;
    let flag = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(flag) => {
            let expected = format!("true or false as {name:?} of {content:?}");
            flag.as_bool()
                .map(Some)
                .ok_or_else(|| wrong(&expected, flag))
        }
    };
    let special = flag("special")?.unwrap_or(false);
    let token = AddedToken::from(content, special);
    let normalized = flag("normalized")?.unwrap_or(token.normalized);
    Ok(token
        .normalized(normalized)
        .single_word(flag("single_word")?.unwrap_or(false))
        .lstrip(flag("lstrip")?.unwrap_or(false))
        .rstrip(flag("rstrip")?.unwrap_or(false)))
}

/// Returns a token of a configuration, given as text or as an object with `content`.
pub(super) fn token_of(value: Option<&Value>) -> Option<String> {
    let value = value?;
    let text = value.as_str().or_else(|| value.get("content")?.as_str())?;
    Some(text.to_owned())
}
