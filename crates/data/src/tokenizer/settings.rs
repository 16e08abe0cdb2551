//! Settings in the files beside a tokenizer, merged as transformers does.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tokenizers::AddedToken;

use super::class::{BERT, TokenizerClass};
use super::files::read_object;
use super::token_values::{merge, parse_token, special_texts, token_of};
use crate::error::DataError;

/// Keys of special tokens that all classes of transformers know, in its order.
pub(super) const SPECIAL_TOKEN_KEYS: [&str; 7] = [
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
    /// Further special tokens that `special_tokens_map.json` has and `tokenizer_config.json` lacks.
    pub(super) disputed: Vec<String>,
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
            disputed: Vec::new(),
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
        let mut texts = special_texts(&config);
        let mut disputed = Vec::new();
        if !has_decoder {
            let map = read_object(&files.special_tokens)?;
            let replaced = SPECIAL_TOKEN_KEYS.map(|key| token_of(map.get(key)));
            disputed = merge(&mut config, map, &files)?;
            texts.extend(replaced.into_iter().flatten());
        }
        let mut settings = Self {
            config,
            class,
            has_decoder,
            disputed,
            ..Self::of_class(BERT, path)
        };
        settings.read_additional()?;
        settings.read_listed(&texts)?;
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

    /// Returns whether a special token has flags of its own, not only a name.
    pub(super) fn describes(&self, content: &str) -> bool {
        self.config.iter().any(|(key, value)| {
            key.ends_with("_token") && value.is_object() && value["content"] == content
        })
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

    /// Reads the added tokens; `special` are those of `added_tokens.json` that are special.
    fn read_listed(&mut self, special: &[String]) -> Result<(), DataError> {
        let mut listed = match self.config.get(DECODER) {
            Some(decoder) => self.decoder(decoder)?,
            None => self.encoder(&read_object(&self.files.added_tokens)?, special)?,
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

    /// Returns the tokens of `added_tokens.json`.
    fn encoder(
        &self,
        encoder: &Map<String, Value>,
        special: &[String],
    ) -> Result<Vec<(u32, AddedToken)>, DataError> {
        let path = &self.files.added_tokens;
        let token = |(content, id): (&String, &Value)| {
            let number = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let number = number.ok_or_else(|| {
                DataError::token_setting(path, content, "expected a token id", id)
            })?;
            Ok((
                number,
                AddedToken::from(content.as_str(), special.contains(content)),
            ))
        };
        encoder.iter().map(token).collect()
    }
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
    fn added_tokens_are_special_if_a_file_names_them_as_text() {
        let settings = read(&[
            (
                "tokenizer_config.json",
                json!({"additional_special_tokens": ["<a>", {"content": "<b>"}]}),
            ),
            (
                "special_tokens_map.json",
                json!({"bos_token": {"content": "<c>"}}),
            ),
            (
                "added_tokens.json",
                json!({"word": 9, "<a>": 8, "<b>": 7, "<c>": 6}),
            ),
        ])
        .unwrap();
        let expected = [
            (6, AddedToken::from("<c>", true)),
            (7, AddedToken::from("<b>", false)),
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
