//! Saving of tokenizers in the format of `transformers.AutoTokenizer.from_pretrained`.

use std::fs;
use std::path::Path;

use finetune_storage::write_atomically;
use serde_json::{Map, Value, json};
use tokenizers::{AddedToken, Model, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper};

use super::bert::{
    MODEL_MAX_LENGTH, SPECIAL_TOKEN_KEYS, SPECIAL_TOKENS, add_settings, normalizer_settings,
};
use super::class::{BERT, FILE_CLASS, Pipeline};
use super::settings::DECODER;
use super::{TextTokenizer, bpe_files, pipeline};
use crate::error::DataError;

impl TextTokenizer {
    /// Writes `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json` to a
    /// directory, which is created if needed. Also writes `vocab.txt` for WordPiece, and
    /// `vocab.json` and `merges.txt` for byte-level BPE.
    ///
    /// Each file is written atomically. Settings of a loaded tokenizer are preserved, and all files
    /// say the same: `added_tokens.json`, which older versions of transformers wrote, is removed.
    ///
    /// ```
    /// use finetune_data::{EncodingConfig, TextTokenizer};
    ///
    /// let directory = tempfile::tempdir()?;
    /// let tokenizer = TextTokenizer::train_wordpiece(["one two", "two one"], 50)?;
    /// tokenizer.save(directory.path())?;
    /// let loaded = TextTokenizer::from_pretrained(directory.path())?;
    /// let config = EncodingConfig::new(8);
    /// assert_eq!(loaded.encode(&["two"], &config)?, tokenizer.encode(&["two"], &config)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::Io`] if a file cannot be written.
    /// - [`DataError::Library`] if the tokenizer cannot be serialized.
    pub fn save(&self, directory: &Path) -> Result<(), DataError> {
        fs::create_dir_all(directory).map_err(|source| DataError::io(directory, source))?;
        let path = directory.join("tokenizer.json");
        let json = self.tokenizer.to_string(true);
        let json = json.map_err(|source| DataError::library(&path, source))?;
        write(&path, json.as_bytes())?;
        if let Some(vocabulary) = self.vocabulary_lines() {
            write(&directory.join("vocab.txt"), vocabulary.as_bytes())?;
        }
        if let Some((vocabulary, merges)) = self.vocabulary_and_merges() {
            write(&directory.join("vocab.json"), vocabulary.as_bytes())?;
            write(&directory.join("merges.txt"), merges.as_bytes())?;
        }
        let older = directory.join("added_tokens.json");
        match fs::remove_file(&older) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(DataError::io(&older, error));
            }
            _ => {}
        }
        let mut config = self.full_config();
        let special = special_tokens_map(&config);
        for token in special.keys() {
            // transformers requires the type of an object here, but rejects it in the map.
            if let Some(Value::Object(token)) = config.get_mut(token) {
                token.insert("__type".to_owned(), json!("AddedToken"));
            }
        }
        write_json(&directory.join("tokenizer_config.json"), config)?;
        write_json(&directory.join("special_tokens_map.json"), special)
    }

    /// Sets the saved `model_max_length`: the maximum number of positions of the model in tokens
    /// (default: the loaded value, else 512). [`Self::encode`] takes the maximum length from its
    /// configuration and ignores this value.
    pub fn set_model_max_length(&mut self, tokens: usize) {
        self.settings
            .config
            .insert("model_max_length".to_owned(), json!(tokens));
    }

    /// Returns the configured `model_max_length` in tokens; `None` if it is not set. transformers
    /// writes a very large number if there is no limit.
    ///
    /// ```
    /// let mut tokenizer = finetune_data::TextTokenizer::train_wordpiece(["one two"], 50)?;
    /// assert_eq!(tokenizer.model_max_length(), Some(512));
    /// tokenizer.set_model_max_length(128);
    /// assert_eq!(tokenizer.model_max_length(), Some(128));
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    pub fn model_max_length(&self) -> Option<usize> {
        let length = self.settings.config.get("model_max_length")?;
        // 1e30, which means no limit, does not fit into 64 bits; converted from a float, it
        // saturates.
        let whole = length.as_u64().map(|length| length as usize);
        whole.or_else(|| length.as_f64().map(|length| length as usize))
    }

    /// Returns the content of `vocab.txt`; `None` if the model is not WordPiece, or if the
    /// vocabulary has gaps or tokens with line breaks.
    fn vocabulary_lines(&self) -> Option<String> {
        let ModelWrapper::WordPiece(_) = self.tokenizer.get_model() else {
            return None;
        };
        let mut tokens: Vec<(u32, String)> = self
            .tokenizer
            .get_vocab(false)
            .into_iter()
            .map(|(token, id)| (id, token))
            .collect();
        tokens.sort_unstable();
        let listable = tokens
            .iter()
            .zip(0..)
            .all(|((id, token), line)| *id == line && !token.contains(['\n', '\r']));
        listable.then(|| tokens.into_iter().map(|(_, token)| token + "\n").collect())
    }

    /// Returns `vocab.json` and `merges.txt`; `None` if the model is not a byte-level BPE or its
    /// merges cannot be written as lines.
    fn vocabulary_and_merges(&self) -> Option<(String, String)> {
        let model @ ModelWrapper::BPE(_) = self.tokenizer.get_model() else {
            return None;
        };
        let model = serde_json::to_value(model).ok()?;
        bpe_files::write(&model).filter(|_| self.is_byte_level())
    }

    /// Returns the loaded configuration, completed with settings of the tokenizer.
    fn full_config(&self) -> Map<String, Value> {
        let mut config = self.settings.config.clone();
        let added = self.tokenizer.get_added_vocabulary().get_vocab();
        match self.settings.class.map(|class| class.pipeline) {
            Some(Pipeline::Bert | Pipeline::Roberta | Pipeline::XlmRoberta) => {}
            Some(Pipeline::File) => {
                add_settings(&mut config, [("tokenizer_class", json!(FILE_CLASS))]);
            }
            None => add_settings(&mut config, self.class_settings()),
        }
        // Without a class that says so, transformers would add them to the tokenizer.
        let pad = self.id_to_token(self.pad_token_id);
        let pad = pad.map(|token| ("pad_token", token));
        let tokens = SPECIAL_TOKENS.map(str::to_owned);
        let tokens = SPECIAL_TOKEN_KEYS.into_iter().zip(tokens);
        let tokens = pad
            .into_iter()
            .chain(tokens)
            .filter(|(_, token)| added.contains_key(token))
            .map(|(key, token)| (key, json!(token)));
        let length = [("model_max_length", json!(MODEL_MAX_LENGTH))];
        add_settings(&mut config, length.into_iter().chain(tokens));
        if let Some(decoder) = self.decoder() {
            config.insert(DECODER.to_owned(), decoder);
        }
        config
    }

    /// Returns the class as which a tokenizer is saved that was loaded without one, and its
    /// settings.
    fn class_settings(&self) -> Vec<(&'static str, Value)> {
        let mut settings = Vec::new();
        if let Some(NormalizerWrapper::BertNormalizer(normalizer)) = self.tokenizer.get_normalizer()
            && pipeline::is_bert(&self.tokenizer, &self.path)
        {
            settings.push(("tokenizer_class", json!(BERT.name)));
            settings.extend(normalizer_settings(normalizer));
            return settings;
        }
        settings.push(("tokenizer_class", json!(FILE_CLASS)));
        let has_types = self
            .pair_special_tokens()
            .is_ok_and(|tokens| tokens.has_types());
        if has_types {
            let names = json!(["input_ids", "token_type_ids", "attention_mask"]);
            settings.push(("model_input_names", names));
        }
        if let Some(PreTokenizerWrapper::ByteLevel(splitter)) = self.tokenizer.get_pre_tokenizer() {
            settings.push(("add_prefix_space", json!(splitter.add_prefix_space)));
        }
        settings
    }

    /// Returns `added_tokens_decoder`; `None` if the special tokens of the settings are all added
    /// tokens, so that the files without `tokenizer.json` say the same.
    fn decoder(&self) -> Option<Value> {
        let named = self.settings.named().unwrap_or_default();
        let model = self.tokenizer.get_model();
        let mut tokens: Vec<(u32, AddedToken)> = self
            .tokenizer
            .get_added_tokens_decoder()
            .into_iter()
            .collect();
        tokens.sort_by_key(|&(id, _)| id);
        let is_said = |(id, token): &(u32, AddedToken)| {
            model.token_to_id(&token.content) == Some(*id) && named.contains(token)
        };
        let needed = self.settings.has_decoder
            || self.settings.class.is_some() && !tokens.iter().all(is_said);
        let describe = |(id, token): (u32, AddedToken)| {
            let token = json!({
                "content": token.content,
                "lstrip": token.lstrip,
                "normalized": token.normalized,
                "rstrip": token.rstrip,
                "single_word": token.single_word,
                "special": token.special,
            });
            (id.to_string(), token)
        };
        needed.then(|| Value::Object(tokens.into_iter().map(describe).collect()))
    }
}

/// Returns the special tokens of a configuration.
fn special_tokens_map(config: &Map<String, Value>) -> Map<String, Value> {
    let named = config
        .iter()
        .filter(|(key, value)| key.ends_with("_token") && (value.is_string() || value.is_object()));
    let mut map: Map<String, Value> = named
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for token in map.values_mut().filter_map(Value::as_object_mut) {
        token.shift_remove("__type");
    }
    map
}

fn write(path: &Path, content: &[u8]) -> Result<(), DataError> {
    write_atomically(path, content).map_err(|source| DataError::io(path, source))
}

fn write_json(path: &Path, object: Map<String, Value>) -> Result<(), DataError> {
    write(path, format!("{:#}\n", Value::Object(object)).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::EncodingConfig;

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn both_saved_forms_load_as_the_same_tokenizer() {
        let directory = tempfile::tempdir().unwrap();
        let texts = ["Über den Wolken", "über die Wolken, über alles"];
        let tokenizer = TextTokenizer::train_wordpiece(texts, 80).unwrap();
        tokenizer.save(directory.path()).unwrap();
        let fast = TextTokenizer::from_pretrained(directory.path()).unwrap();
        fs::remove_file(directory.path().join("tokenizer.json")).unwrap();
        let slow = TextTokenizer::from_pretrained(directory.path()).unwrap();
        for loaded in [&fast, &slow] {
            assert_eq!(loaded.vocab_size(), tokenizer.vocab_size());
            assert_eq!(
                loaded.encode(&texts, &EncodingConfig::new(32)).unwrap(),
                tokenizer.encode(&texts, &EncodingConfig::new(32)).unwrap()
            );
        }
        assert_eq!(slow.vocabulary_lines(), fast.vocabulary_lines());
    }

    #[test]
    fn the_config_says_what_transformers_needs() {
        let directory = tempfile::tempdir().unwrap();
        let mut tokenizer = TextTokenizer::train_wordpiece(["a b"], 20).unwrap();
        tokenizer.set_model_max_length(128);
        tokenizer.save(directory.path()).unwrap();
        let config = read(&directory.path().join("tokenizer_config.json"));
        assert_eq!(config["tokenizer_class"], "BertTokenizer");
        assert_eq!(config["do_lower_case"], true);
        assert_eq!(config["model_max_length"], 128);
        let special = read(&directory.path().join("special_tokens_map.json"));
        assert_eq!(special.as_object().unwrap().len(), 5);
        assert_eq!(special["cls_token"], "[CLS]");
    }

    #[test]
    fn no_limit_is_a_length_beyond_any() {
        let directory = tempfile::tempdir().unwrap();
        TextTokenizer::train_wordpiece(["a b"], 20)
            .unwrap()
            .save(directory.path())
            .unwrap();
        let path = directory.path().join("tokenizer_config.json");
        let length = |value: &str| {
            let text = format!("{{\"model_max_length\": {value}}}");
            fs::write(&path, text).unwrap();
            let tokenizer = TextTokenizer::from_pretrained(directory.path()).unwrap();
            tokenizer.model_max_length()
        };
        assert_eq!(length("1000000000000000019884624838656"), Some(usize::MAX));
        assert_eq!(length("512"), Some(512));
        assert_eq!(length("null"), None);
    }

    #[test]
    fn a_loaded_config_keeps_what_it_said() {
        let directory = tempfile::tempdir().unwrap();
        TextTokenizer::train_wordpiece(["a b"], 20)
            .unwrap()
            .save(directory.path())
            .unwrap();
        let path = directory.path().join("tokenizer_config.json");
        let mut config = read(&path);
        config["name_or_path"] = json!("of/old");
        fs::write(&path, config.to_string()).unwrap();

        TextTokenizer::from_pretrained(directory.path())
            .unwrap()
            .save(directory.path())
            .unwrap();
        assert_eq!(read(&path), config);
    }
}
