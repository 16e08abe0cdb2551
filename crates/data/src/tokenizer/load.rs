//! Loading of tokenizers from Hugging Face model directories.

use std::path::Path;

use serde_json::Value;
use tokenizers::{Tokenizer, TruncationDirection};

use super::bert::read_vocabulary;
use super::class::Pipeline;
use super::files::read;
use super::settings::Settings;
use super::{TextTokenizer, added_tokens, bert, bpe_files, pipeline, roberta};
use crate::error::DataError;

impl TextTokenizer {
    /// Loads the tokenizer of a model directory from `tokenizer.json`, else from `vocab.json` and
    /// `merges.txt`, else from `vocab.txt`.
    ///
    /// Files beside these may say the same thing again. The tokenizer is that of
    /// `transformers.AutoTokenizer`, version 5.23; what versions of transformers understand
    /// differently is an error that names the file and the key.
    ///
    /// - `tokenizer_class` in `tokenizer_config.json` or `config.json`, else `model_type` in
    ///   `config.json`, decides which settings count. With `PreTrainedTokenizerFast`, or if nothing
    ///   says which class, `tokenizer.json` is used as it is.
    /// - For BERT, DistilBERT and ELECTRA, `do_lower_case` (default: true), `strip_accents` (default:
    ///   as `do_lower_case`) and `tokenize_chinese_chars` (default: true) replace those of
    ///   `tokenizer.json`.
    /// - For RoBERTa, `add_prefix_space` (default: false) and `trim_offsets` (default: true) do.
    /// - The special tokens, as names or objects, and the added tokens are those of
    ///   `tokenizer_config.json`. Without `added_tokens_decoder` there, special tokens of
    ///   `special_tokens_map.json` replace them, and added tokens are those of `added_tokens.json`
    ///   and `tokenizer.json`. `[MASK]` or `<mask>` is ignored if the
    ///   vocabulary lacks it.
    /// - `model_input_names` without `token_type_ids` makes all token types 0.
    /// - With `split_special_tokens`, special tokens in a text are split like other text.
    /// - `truncation_side` of `left` makes an error of a text that [`Truncation::Head`] truncates.
    ///
    /// Ignored are `padding_side`, `model_max_length` and the truncation length and padding in
    /// `tokenizer.json`.
    ///
    /// [`Truncation::Head`]: super::Truncation::Head
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
    /// - [`DataError::MissingFiles`] if the directory has no tokenizer files of its class, or only
    ///   one of `vocab.json` and `merges.txt` and no `vocab.txt`.
    /// - [`DataError::InvalidTokenizer`] if the files contradict each other where versions of
    ///   transformers differ.
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
        let settings = Settings::beside(&directory.join("tokenizer.json"))?;
        let files = (file("vocab.json"), file("merges.txt"), file("vocab.txt"));
        match (settings.class.map(|class| class.pipeline), files) {
            (None | Some(Pipeline::Roberta), (Some(vocabulary), Some(merges), _)) => {
                Self::from_merges(&vocabulary, &merges, settings)
            }
            (None | Some(Pipeline::Bert), (_, _, Some(vocabulary))) => {
                Self::bert(read_vocabulary(&vocabulary)?, settings, &vocabulary)
            }
            (None | Some(Pipeline::Roberta), (Some(_), None, _)) => Err(missing(&["merges.txt"])),
            (None | Some(Pipeline::Roberta), (None, Some(_), _)) => Err(missing(&["vocab.json"])),
            (None, _) => Err(missing(&[
                "tokenizer.json",
                "vocab.json with merges.txt",
                "vocab.txt",
            ])),
            (Some(Pipeline::Roberta), _) => {
                Err(missing(&["tokenizer.json", "vocab.json with merges.txt"]))
            }
            (Some(Pipeline::Bert), _) => Err(missing(&["tokenizer.json", "vocab.txt"])),
            (Some(Pipeline::XlmRoberta | Pipeline::File), _) => Err(missing(&["tokenizer.json"])),
        }
    }

    /// Loads a `tokenizer.json` file with the settings beside it, as [`Self::from_pretrained`] does.
    ///
    /// The pad token is that of the settings, else that of the padding in the file, else `[PAD]` or
    /// `<pad>`.
    ///
    /// # Errors
    /// - [`DataError::Io`] if a file cannot be read.
    /// - [`DataError::InvalidFile`], [`DataError::Json`] or [`DataError::Library`] if it is empty
    ///   or invalid.
    /// - [`DataError::InvalidTokenizer`] if the vocabulary is empty, or if the vocabulary lacks a
    ///   required token, such as the pad token, or if the tokenizer does more than add special
    ///   tokens around a text, or if a setting contradicts the file.
    pub fn from_file(path: &Path) -> Result<Self, DataError> {
        let bytes = read(path)?;
        let file = check_before_parsing(path, &bytes)?;
        let mut tokenizer =
            Tokenizer::from_bytes(&bytes).map_err(|source| DataError::library(path, source))?;
        added_tokens::check_ids(&tokenizer, &file, path)?;
        let mut settings = Settings::beside(path)?;
        move_lengths(&mut tokenizer, &mut settings, path)?;
        let pipeline = settings.class.map(|class| class.pipeline);
        let required: &[&str] = match pipeline {
            Some(Pipeline::Bert) => {
                bert::complete_config(&mut settings);
                &bert::REQUIRED_TOKENS
            }
            Some(Pipeline::Roberta | Pipeline::XlmRoberta) => {
                roberta::complete_config(&mut settings);
                &roberta::REQUIRED_TOKENS
            }
            Some(Pipeline::File) | None => &[],
        };
        pipeline::apply(&mut tokenizer, &file, &settings, path)?;
        if !required.is_empty() {
            added_tokens::check_decoder(&tokenizer, &settings)?;
        }
        added_tokens::add(&mut tokenizer, &mut settings, required, path)?;
        pipeline::apply_to_special_tokens(&mut tokenizer, &settings, path)?;
        Self::new(tokenizer, path, settings)
    }

    fn from_merges(
        vocabulary: &Path,
        merges: &Path,
        settings: Settings,
    ) -> Result<Self, DataError> {
        let tokens = bpe_files::read_vocabulary(vocabulary)?;
        let merges = bpe_files::read_merges(merges, &tokens)?;
        Self::roberta(&tokens, &merges, vocabulary, settings)
    }
}

/// Moves what counts of the truncation and padding of a file to the settings, and removes the rest:
/// a `tokenizer.json` contains the lengths of the program that saved it, but here this crate applies
/// its own.
fn move_lengths(
    tokenizer: &mut Tokenizer,
    settings: &mut Settings,
    path: &Path,
) -> Result<(), DataError> {
    let side = tokenizer.get_truncation().map(|found| found.direction);
    if side == Some(TruncationDirection::Left) {
        let side = settings.config.entry("truncation_side");
        side.or_insert_with(|| "left".into());
    }
    let pad = tokenizer.get_padding().map(|found| found.pad_token.clone());
    if let Some(pad) = pad {
        settings.config.entry("pad_token").or_insert(pad.into());
    }
    tokenizer.with_padding(None);
    let truncation = tokenizer.with_truncation(None);
    truncation.map_err(|source| DataError::library(path, source))?;
    Ok(())
}

/// Rejects corrupted files on which the `tokenizers` library would panic: invalid JSON in some
/// parts, a template with an undefined special token, and a merge whose result the vocabulary
/// lacks.
fn check_before_parsing(path: &Path, bytes: &[u8]) -> Result<Value, DataError> {
    let file: Value =
        serde_json::from_slice(bytes).map_err(|source| DataError::json(path, source))?;
    check_templates(path, &file["post_processor"])?;
    check_merges(path, &file["model"])?;
    Ok(file)
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

#[cfg(test)]
mod tests {
    use std::fs;

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
