//! Loading of tokenizers from Hugging Face model directories.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use tokenizers::Tokenizer;
use tokenizers::normalizers::BertNormalizer;

use super::bert::read_vocabulary;
use super::{TextTokenizer, bpe_files};
use crate::error::DataError;

impl TextTokenizer {
    /// Loads the tokenizer of a model directory from `tokenizer.json`, else from `vocab.json` and
    /// `merges.txt`, else from `vocab.txt`.
    ///
    /// `vocab.json` and `merges.txt` are loaded as RoBERTa's byte-level BPE with the template `<s>
    /// text </s>`. Optional settings in `tokenizer_config.json` and `special_tokens_map.json` are
    /// `add_prefix_space` (default: false), `trim_offsets` (default: true) and the special tokens,
    /// as names or objects: `<mask>` includes the preceding space if its object sets `lstrip`.
    ///
    /// `vocab.txt` is loaded as WordPiece with BERT's normalizer and pre-tokenizer and the template
    /// `[CLS] text [SEP]`. Optional settings in `tokenizer_config.json` are `do_lower_case`
    /// (default: true), `strip_accents` (default: as `do_lower_case`), `tokenize_chinese_chars`
    /// (default: true) and the names of the special tokens.
    ///
    /// ```
    /// use finetune_data::TextTokenizer;
    ///
    /// let directory = tempfile::tempdir()?;
    /// let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nto\nbe\n";
    /// std::fs::write(directory.path().join("vocab.txt"), vocabulary)?;
    /// let tokenizer = TextTokenizer::from_pretrained(directory.path())?;
    /// assert_eq!(tokenizer.vocab_size(), 7);
    /// assert_eq!(tokenizer.mask_token_id(), Some(4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::MissingFiles`] if the directory has no tokenizer files, or only one of
    ///   `vocab.json` and `merges.txt` and no `vocab.txt`.
    /// - Any other [`DataError`] if a file cannot be read or is invalid; it names the file.
    pub fn from_pretrained(directory: &Path) -> Result<Self, DataError> {
        let file = |name: &str| Some(directory.join(name)).filter(|path| path.is_file());
        let missing = |names: &[&str]| DataError::MissingFiles {
            directory: directory.to_path_buf(),
            looked_for: names.iter().map(|&name| name.to_owned()).collect(),
        };
        if let Some(tokenizer) = file("tokenizer.json") {
            return Self::from_file(&tokenizer);
        }
        match (file("vocab.json"), file("merges.txt"), file("vocab.txt")) {
            (Some(vocabulary), Some(merges), _) => Self::from_merges(&vocabulary, &merges),
            (_, _, Some(vocabulary)) => Self::from_vocabulary(&vocabulary),
            (Some(_), None, None) => Err(missing(&["merges.txt"])),
            (None, Some(_), None) => Err(missing(&["vocab.json"])),
            (None, None, None) => Err(missing(&[
                "tokenizer.json",
                "vocab.json with merges.txt",
                "vocab.txt",
            ])),
        }
    }

    /// Loads a `tokenizer.json` file. Its truncation and padding settings are ignored.
    ///
    /// The pad token is that of `tokenizer_config.json` or `special_tokens_map.json` in the same
    /// directory, else that of the padding settings, else `[PAD]` or `<pad>`.
    ///
    /// # Errors
    /// - [`DataError::Io`] if a file cannot be read.
    /// - [`DataError::InvalidFile`], [`DataError::Json`] or [`DataError::Library`] if it is empty
    ///   or invalid.
    /// - [`DataError::InvalidTokenizer`] if the vocabulary is empty, or if the vocabulary lacks a
    ///   required token, such as the pad token, or if the tokenizer does more than add special
    ///   tokens around a text.
    pub fn from_file(path: &Path) -> Result<Self, DataError> {
        let bytes = fs::read(path).map_err(|source| DataError::io(path, source))?;
        if bytes.is_empty() {
            return Err(DataError::empty_file(path));
        }
        check_before_parsing(path, &bytes)?;
        let tokenizer =
            Tokenizer::from_bytes(&bytes).map_err(|source| DataError::library(path, source))?;
        let config = config_beside(path)?;
        let pad_token = pad_token(&config, &tokenizer);
        Self::new(tokenizer, path, &pad_token, config)
    }

    fn from_vocabulary(path: &Path) -> Result<Self, DataError> {
        let vocabulary = read_vocabulary(path)?;
        let config = json_beside(path, "tokenizer_config.json")?;
        let flag = |key: &str| config.get(key).and_then(Value::as_bool);
        let normalizer = BertNormalizer::new(
            true,
            flag("tokenize_chinese_chars").unwrap_or(true),
            flag("strip_accents"),
            flag("do_lower_case").unwrap_or(true),
        );
        Self::bert(vocabulary, normalizer, path, config)
    }

    fn from_merges(vocabulary: &Path, merges: &Path) -> Result<Self, DataError> {
        let tokens = bpe_files::read_vocabulary(vocabulary)?;
        let merges = bpe_files::read_merges(merges, &tokens)?;
        Self::roberta(&tokens, &merges, vocabulary, config_beside(vocabulary)?)
    }
}

/// Rejects corrupted files on which the `tokenizers` library would panic: invalid JSON in some
/// parts, a template with an undefined special token, and a merge whose result the vocabulary
/// lacks.
fn check_before_parsing(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let file: Value =
        serde_json::from_slice(bytes).map_err(|source| DataError::json(path, source))?;
    check_templates(path, &file["post_processor"])?;
    check_merges(path, &file["model"])
}

fn check_templates(path: &Path, processor: &Value) -> Result<(), DataError> {
    let sequence = processor["processors"].as_array();
    for template in sequence.into_iter().flatten().chain([processor]) {
        let sides = [&template["single"], &template["pair"]];
        for piece in sides.into_iter().filter_map(Value::as_array).flatten() {
            if let Some(token) = piece["SpecialToken"]["id"].as_str()
                && template["special_tokens"].get(token).is_none()
            {
                return Err(DataError::missing_special_token(path, token));
            }
        }
    }
    Ok(())
}

fn check_merges(path: &Path, model: &Value) -> Result<(), DataError> {
    let prefix = model["continuing_subword_prefix"]
        .as_str()
        .unwrap_or_default();
    let merges = model["merges"].as_array().into_iter().flatten();
    for (row, merge) in (1..).zip(merges) {
        // Older files store the two tokens in one string.
        let merge = match merge {
            Value::String(line) => bpe_files::parse(line),
            merge => serde_json::from_value(merge.clone()).ok(),
        };
        // The library itself rejects other malformed merges.
        if let Some(merge) = merge {
            let known = |token: &str| model["vocab"].get(token).is_some();
            bpe_files::check_merge(path, row, &merge, prefix, known)?;
        }
    }
    Ok(())
}

fn pad_token(config: &Map<String, Value>, tokenizer: &Tokenizer) -> String {
    let of_padding = || {
        tokenizer
            .get_padding()
            .map(|padding| padding.pad_token.clone())
    };
    let known = |token: &&str| tokenizer.token_to_id(token).is_some();
    token_of(config.get("pad_token"))
        .or_else(of_padding)
        .unwrap_or_else(|| {
            ["[PAD]", "<pad>"]
                .into_iter()
                .find(known)
                .unwrap_or("[PAD]")
                .to_owned()
        })
}

/// Returns the merged settings files next to `path`; `tokenizer_config.json` takes precedence.
fn config_beside(path: &Path) -> Result<Map<String, Value>, DataError> {
    let mut config = json_beside(path, "tokenizer_config.json")?;
    for (key, value) in json_beside(path, "special_tokens_map.json")? {
        config.entry(key).or_insert(value);
    }
    Ok(config)
}

/// Returns the JSON object in a file next to `path`; empty if the file does not exist.
fn json_beside(path: &Path, name: &str) -> Result<Map<String, Value>, DataError> {
    let path = path.with_file_name(name);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|source| DataError::json(&path, source)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Map::new()),
        Err(source) => Err(DataError::io(&path, source)),
    }
}

/// Returns a token of a configuration, given as text or as an object with `content`.
pub(super) fn token_of(value: Option<&Value>) -> Option<String> {
    let value = value?;
    let text = value.as_str().or_else(|| value.get("content")?.as_str())?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::EncodingConfig;

    const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nresume\nrésumé\nR\n##ésumé\n";

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        directory
    }

    fn ids(directory: &tempfile::TempDir, text: &str) -> Vec<u32> {
        let tokenizer = TextTokenizer::from_pretrained(directory.path()).unwrap();
        let encoded = tokenizer.encode(&[text], &EncodingConfig::new(16)).unwrap();
        encoded.row(0).unwrap().token_ids.to_vec()
    }

    #[test]
    fn a_vocabulary_is_lower_cased_unless_its_config_says_otherwise() {
        let uncased = directory(&[("vocab.txt", VOCABULARY)]);
        assert_eq!(ids(&uncased, "Résumé"), [2, 5, 3]);
        let cased = directory(&[
            ("vocab.txt", VOCABULARY),
            ("tokenizer_config.json", "{\"do_lower_case\": false}"),
        ]);
        assert_eq!(ids(&cased, "Résumé"), [2, 7, 8, 3]);
        let accents = directory(&[
            ("vocab.txt", VOCABULARY),
            ("tokenizer_config.json", "{\"strip_accents\": false}"),
        ]);
        assert_eq!(ids(&accents, "Résumé"), [2, 6, 3]);
    }

    #[test]
    fn carriage_returns_are_no_part_of_a_token() {
        let directory = directory(&[("vocab.txt", &VOCABULARY.replace('\n', "\r\n"))]);
        assert_eq!(ids(&directory, "resume"), [2, 5, 3]);
    }

    #[test]
    fn special_tokens_may_have_other_names() {
        let directory = directory(&[
            ("vocab.txt", "<p>\n<u>\n<c>\n<s>\nword\n"),
            (
                "tokenizer_config.json",
                "{\"pad_token\": {\"content\": \"<p>\"}, \"unk_token\": \"<u>\", \
                 \"cls_token\": \"<c>\", \"sep_token\": \"<s>\"}",
            ),
        ]);
        assert_eq!(ids(&directory, "word other"), [2, 4, 1, 3]);
    }

    #[test]
    fn truncation_and_padding_of_the_file_are_dropped() {
        let source = directory(&[("vocab.txt", VOCABULARY)]);
        let mut tokenizer = TextTokenizer::from_pretrained(source.path())
            .unwrap()
            .tokenizer;
        tokenizer.with_padding(Some(tokenizers::PaddingParams {
            strategy: tokenizers::PaddingStrategy::Fixed(9),
            ..Default::default()
        }));
        let truncation = tokenizers::TruncationParams {
            max_length: 3,
            ..Default::default()
        };
        tokenizer.with_truncation(Some(truncation)).unwrap();
        let json = tokenizer.to_string(false).unwrap();
        let directory = directory(&[("tokenizer.json", &json)]);
        assert_eq!(ids(&directory, "resume resume"), [2, 5, 5, 3]);
    }
}
