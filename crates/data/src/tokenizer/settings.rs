//! Settings in the files beside a tokenizer, merged as transformers does.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tokenizers::AddedToken;

use super::class::{BERT, TokenizerClass};
use super::files::read;
use crate::error::DataError;

/// Keys of special tokens that all classes of transformers know, in its order.
const SPECIAL_TOKEN_KEYS: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// Key of the added tokens in `tokenizer_config.json`.
pub(super) const DECODER: &str = "added_tokens_decoder";

/// Key of the list of further special tokens.
pub(super) const ADDITIONAL: &str = "additional_special_tokens";

/// Paths of the settings files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SettingsFiles {
    /// `tokenizer_config.json`.
    pub(super) config: PathBuf,
    /// `special_tokens_map.json`.
    pub(super) special_tokens: PathBuf,
    /// `added_tokens.json`.
    pub(super) added_tokens: PathBuf,
    /// `config.json`.
    pub(super) model: PathBuf,
}

/// Settings of a tokenizer.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) files: SettingsFiles,
    /// Content of `tokenizer_config.json`, and the special tokens of `special_tokens_map.json`.
    pub(super) config: Map<String, Value>,
    /// `None` if no file says which.
    pub(super) class: Option<TokenizerClass>,
    /// Added tokens with the ids that a file gives them, in ascending order.
    pub(super) listed: Vec<(u32, AddedToken)>,
    /// Whether `added_tokens_decoder` lists the added tokens, and not `added_tokens.json`.
    pub(super) has_decoder: bool,
    /// Further special tokens, without ids.
    pub(super) additional: Vec<AddedToken>,
}

impl SettingsFiles {
    /// Returns the paths in the directory of a tokenizer file.
    pub(super) fn beside(path: &Path) -> Self {
        Self {
            config: path.with_file_name("tokenizer_config.json"),
            special_tokens: path.with_file_name("special_tokens_map.json"),
            added_tokens: path.with_file_name("added_tokens.json"),
            model: path.with_file_name("config.json"),
        }
    }
}

impl Settings {
    /// Returns the settings of a tokenizer of this class without settings files.
    pub(super) fn of_class(class: TokenizerClass, path: &Path) -> Self {
        Self {
            files: SettingsFiles::beside(path),
            config: Map::new(),
            class: Some(class),
            listed: Vec::new(),
            has_decoder: false,
            additional: Vec::new(),
        }
    }

    /// Reads the settings files in the directory of a tokenizer file.
    ///
    /// If `tokenizer_config.json` has `added_tokens_decoder`, the older files
    /// `special_tokens_map.json` and `added_tokens.json` are ignored. Otherwise the special tokens
    /// of `special_tokens_map.json` replace those of `tokenizer_config.json`.
    pub(super) fn beside(path: &Path) -> Result<Self, DataError> {
        let files = SettingsFiles::beside(path);
        let mut config = read_object(&files.config)?;
        // Null says nothing.
        if config.get("tokenizer_class").is_some_and(Value::is_null) {
            config.shift_remove("tokenizer_class");
        }
        let class = TokenizerClass::of(&files, &config, &read_object(&files.model)?)?;
        let has_decoder = config.contains_key(DECODER);
        if !has_decoder {
            merge(&mut config, read_object(&files.special_tokens)?, &files)?;
        }
        let mut settings = Self {
            config,
            class,
            has_decoder,
            ..Self::of_class(BERT, path)
        };
        settings.read_additional()?;
        settings.read_listed()?;
        // Reports wrong types of special tokens here, where the file is known.
        settings.named()?;
        Ok(settings)
    }

    /// Returns a Boolean setting; `None` if it is not set.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, DataError> {
        let Some(value) = self.config.get(key) else {
            return Ok(None);
        };
        let flag = value.as_bool().map(Some);
        flag.ok_or_else(|| self.wrong(key, "true or false", value))
    }

    /// Returns a Boolean setting for which null is a value: not set.
    pub(super) fn nullable_flag(&self, key: &str) -> Result<Option<bool>, DataError> {
        match self.config.get(key) {
            Some(Value::Null) => Ok(None),
            _ => self.flag(key),
        }
    }

    /// Returns whether `model_input_names` has token types; `None` if it is not set.
    pub(super) fn names_token_types(&self) -> Result<Option<bool>, DataError> {
        let Some(value) = self.config.get("model_input_names") else {
            return Ok(None);
        };
        let names: Option<Vec<&str>> = value
            .as_array()
            .and_then(|names| names.iter().map(Value::as_str).collect());
        let names = names.ok_or_else(|| self.wrong("model_input_names", "a list of names", value));
        Ok(Some(names?.contains(&"token_type_ids")))
    }

    /// Returns whether transformers truncates texts at the beginning.
    pub(super) fn truncates_left(&self) -> Result<bool, DataError> {
        match self.config.get("truncation_side") {
            None => Ok(false),
            Some(side) if side == "right" => Ok(false),
            Some(side) if side == "left" => Ok(true),
            Some(side) => Err(self.wrong("truncation_side", "left or right", side)),
        }
    }

    /// Returns the special tokens that have a key, in the order in which transformers adds them.
    pub(super) fn named(&self) -> Result<Vec<AddedToken>, DataError> {
        let others = self.config.iter().filter(|(key, value)| {
            let is_token = value.is_string() || value["__type"] == "AddedToken";
            key.ends_with("_token") && is_token && !SPECIAL_TOKEN_KEYS.contains(&key.as_str())
        });
        let known = SPECIAL_TOKEN_KEYS
            .into_iter()
            .filter_map(|key| Some((key, self.config.get(key)?)));
        known
            .chain(others.map(|(key, value)| (key.as_str(), value)))
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| {
                let token = parse_token(&self.files.config, key, value)?;
                Ok(token.special(true))
            })
            .collect()
    }

    fn wrong(&self, key: &str, expected: &str, found: &Value) -> DataError {
        DataError::token_setting(
            &self.files.config,
            key,
            &format!("expected {expected}"),
            found,
        )
    }

    /// Reads the further special tokens, of which newer versions of transformers write
    /// `extra_special_tokens`: a list, or names as keys.
    fn read_additional(&mut self) -> Result<(), DataError> {
        match self.config.get("extra_special_tokens") {
            None => {}
            Some(Value::Object(names)) => {
                for (key, token) in names.clone() {
                    self.config.entry(key).or_insert(token);
                }
            }
            Some(list) => {
                let list = list.clone();
                self.config.shift_remove("extra_special_tokens");
                if list.as_array().is_none_or(|list| !list.is_empty()) {
                    self.config.insert(ADDITIONAL.to_owned(), list);
                }
            }
        }
        let Some(value) = self.config.get(ADDITIONAL).filter(|value| !value.is_null()) else {
            return Ok(());
        };
        let list = value
            .as_array()
            .ok_or_else(|| self.wrong(ADDITIONAL, "a list of tokens", value))?;
        let tokens = list
            .iter()
            .map(|token| parse_token(&self.files.config, ADDITIONAL, token));
        let tokens: Vec<AddedToken> = tokens.collect::<Result<_, _>>()?;
        let tokens = tokens.into_iter().map(|token| token.special(true));
        self.additional = tokens.collect();
        // transformers requires the type of an object here.
        for token in self
            .config
            .get_mut(ADDITIONAL)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(token) = token.as_object_mut() {
                token.insert("special".to_owned(), json!(true));
                token.insert("__type".to_owned(), json!("AddedToken"));
            }
        }
        Ok(())
    }

    fn read_listed(&mut self) -> Result<(), DataError> {
        let mut listed = match self.config.get(DECODER) {
            Some(decoder) => self.decoder(decoder)?,
            None => self.encoder(&read_object(&self.files.added_tokens)?)?,
        };
        listed.sort_by_key(|&(id, _)| id);
        self.listed = listed;
        Ok(())
    }

    /// Returns the tokens of `added_tokens_decoder`.
    fn decoder(&self, decoder: &Value) -> Result<Vec<(u32, AddedToken)>, DataError> {
        let expected = "an object of tokens by id";
        let tokens = decoder
            .as_object()
            .ok_or_else(|| self.wrong(DECODER, expected, decoder))?;
        let token = |(id, token): (&String, &Value)| {
            let id = id
                .parse()
                .map_err(|_| self.wrong(DECODER, expected, &json!(id)))?;
            if !token.is_object() {
                return Err(self.wrong(DECODER, "an object with \"content\" for each id", token));
            }
            Ok((id, parse_token(&self.files.config, DECODER, token)?))
        };
        tokens.iter().map(token).collect()
    }

    /// Returns the tokens of `added_tokens.json`. They are special if another file names them so.
    fn encoder(&self, encoder: &Map<String, Value>) -> Result<Vec<(u32, AddedToken)>, DataError> {
        let mut special: Vec<AddedToken> = self.named()?;
        special.extend(self.additional.iter().cloned());
        let token = |(content, id): (&String, &Value)| {
            let path = &self.files.added_tokens;
            let number = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let number = number.ok_or_else(|| {
                DataError::token_setting(path, content, "expected a token id", id)
            })?;
            let is_special = special.iter().any(|token| token.content == *content);
            Ok((number, AddedToken::from(content.as_str(), is_special)))
        };
        encoder.iter().map(token).collect()
    }
}

/// Replaces the special tokens of a configuration by those of `special_tokens_map.json`.
fn merge(
    config: &mut Map<String, Value>,
    map: Map<String, Value>,
    files: &SettingsFiles,
) -> Result<(), DataError> {
    for (key, mut value) in map {
        if key == ADDITIONAL || key == "extra_special_tokens" {
            let listed = ["extra_special_tokens", ADDITIONAL].map(|key| config.get(key));
            let known = listed.into_iter().flatten().find_map(|list| {
                let list = list.as_array()?;
                (!list.is_empty()).then_some(list)
            });
            if let (Some(known), Some(tokens)) = (known, value.as_array()) {
                // The versions of transformers differ: one list, or both.
                let known: Vec<Option<String>> =
                    known.iter().map(|token| token_of(Some(token))).collect();
                let lacking = tokens
                    .iter()
                    .find(|&token| !known.contains(&token_of(Some(token))));
                if let Some(lacking) = lacking {
                    let expected = "expected the tokens of this key in tokenizer_config.json";
                    let path = &files.special_tokens;
                    return Err(DataError::token_setting(path, &key, expected, lacking));
                }
                continue;
            }
        } else if key.ends_with("_token") && !value.is_null() {
            parse_token(&files.special_tokens, &key, &value)?;
            if let Some(token) = value.as_object_mut() {
                token.insert("special".to_owned(), json!(true));
                token.insert("__type".to_owned(), json!("AddedToken"));
            }
        }
        config.insert(key, value);
    }
    Ok(())
}

/// Parses a token: its content, or an object with `content` and flags.
fn parse_token(path: &Path, key: &str, value: &Value) -> Result<AddedToken, DataError> {
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

/// Returns the JSON object in a file; empty if the file does not exist.
fn read_object(path: &Path) -> Result<Map<String, Value>, DataError> {
    if !path.exists() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&read(path)?).map_err(|source| DataError::json(path, source))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(files: &[(&str, Value)]) -> Result<Settings, DataError> {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content.to_string()).unwrap();
        }
        Settings::beside(&directory.path().join("tokenizer.json"))
    }

    fn contents(tokens: &[AddedToken]) -> Vec<&str> {
        tokens.iter().map(|token| token.content.as_str()).collect()
    }

    #[test]
    fn the_special_tokens_map_replaces_names_unless_there_is_a_decoder() {
        let config = json!({"cls_token": "a", "sep_token": {"content": "b", "rstrip": true}});
        let map = json!({"cls_token": {"content": "c", "lstrip": true}, "bos_token": "d"});
        let both = |config: Value| {
            let files = [
                ("tokenizer_config.json", config),
                ("special_tokens_map.json", map.clone()),
            ];
            read(&files).unwrap().named().unwrap()
        };
        let named = both(config.clone());
        assert_eq!(contents(&named), ["d", "b", "c"]);
        assert!(named[1].rstrip && named[2].lstrip && named[2].special);
        let mut with_decoder = config;
        with_decoder[DECODER] = json!({});
        assert_eq!(contents(&both(with_decoder)), ["b", "a"]);
    }

    #[test]
    fn added_tokens_are_special_if_a_file_names_them() {
        let settings = read(&[
            (
                "tokenizer_config.json",
                json!({"additional_special_tokens": ["<a>", {"content": "<b>"}]}),
            ),
            ("added_tokens.json", json!({"word": 9, "<a>": 8})),
        ])
        .unwrap();
        let expected = [
            (8, AddedToken::from("<a>", true)),
            (9, AddedToken::from("word", false)),
        ];
        assert_eq!(settings.listed, expected);
        assert_eq!(contents(&settings.additional), ["<a>", "<b>"]);
    }

    #[test]
    fn newer_names_of_the_lists_are_known() {
        let settings = read(&[(
            "tokenizer_config.json",
            json!({"extra_special_tokens": ["<a>"], "image_token": "<i>"}),
        )])
        .unwrap();
        assert_eq!(contents(&settings.additional), ["<a>"]);
        assert_eq!(contents(&settings.named().unwrap()), ["<i>"]);
        let names = json!({"extra_special_tokens": {"user_token": "<u>"}});
        let settings = read(&[("tokenizer_config.json", names)]).unwrap();
        assert_eq!(contents(&settings.named().unwrap()), ["<u>"]);
    }
}
