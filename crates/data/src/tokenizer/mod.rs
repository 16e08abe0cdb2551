//! Tokenizers.
//!
//! Tokenization uses the `tokenizers` crate, which is also the implementation of Hugging Face's
//! fast tokenizers, so token ids are equal. Parity tests verify this.

mod added_tokens;
mod bert;
mod bpe_files;
mod class;
mod class_check;
mod config;
mod encoding;
mod files;
mod load;
mod pipeline;
mod reduced;
mod roberta;
mod save;
mod settings;
mod special_tokens;
mod text_tokens;
mod token_values;
mod training;
mod truncation;
mod words;

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokenizers::{ModelWrapper, Tokenizer};

pub use self::config::{EncodingConfig, Offsets, PairEncoding, PairTruncation, Truncation};
use self::settings::Settings;
use self::special_tokens::SpecialTokens;
use self::token_values::token_of;
use crate::content_hash::hexadecimal;
use crate::error::DataError;

/// Maximum token id: no embedding table is larger, so a higher id indicates a corrupted file.
const HIGHEST_TOKEN_ID: u32 = (1 << 24) - 1;

/// Tokenizer for encoders of the BERT family: encodes texts and pairs with special tokens and
/// truncation to a maximum length.
///
/// ```
/// use finetune_data::{EncodingConfig, TextTokenizer};
///
/// let tokenizer = TextTokenizer::train_wordpiece(["to be or not to be"; 3], 100)?;
/// let encoded = tokenizer.encode(&["To be!", ""], &EncodingConfig::new(16))?;
///
/// let token_ids = encoded.row(0)?.token_ids;
/// assert_eq!(token_ids.first().copied(), tokenizer.token_to_id("[CLS]"));
/// assert_eq!(token_ids.last().copied(), tokenizer.token_to_id("[SEP]"));
/// assert_eq!(token_ids.len(), 5); // [CLS] to be [UNK] [SEP]
/// assert_eq!(encoded.length(1)?, 2); // an empty text is its special tokens
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// Path of the source file, for error messages.
    path: PathBuf,
    /// Special tokens around a single text.
    special_tokens: SpecialTokens,
    pad_token_id: u32,
    mask_token_id: Option<u32>,
    /// Sorted in ascending order.
    special_token_ids: Vec<u32>,
    vocab_size: usize,
    fingerprint: String,
    /// Whether the model gets token types; `None` if nothing says so.
    token_types: Option<bool>,
    /// Whether transformers truncates texts at the beginning.
    truncates_left: bool,
    settings: Settings,
}

impl fmt::Debug for TextTokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TextTokenizer")
            .field("path", &self.path)
            .field("vocab_size", &self.vocab_size)
            .field("pad_token_id", &self.pad_token_id)
            .finish_non_exhaustive()
    }
}

impl TextTokenizer {
    /// Wraps a tokenizer without truncation and padding, which this crate applies.
    fn new(mut tokenizer: Tokenizer, path: &Path, settings: Settings) -> Result<Self, DataError> {
        let failed = |source| DataError::library(path, source);
        let pad_token = pad_token(&settings, &tokenizer);
        let splits_special = settings.flag("split_special_tokens")?.unwrap_or(false);
        tokenizer.set_encode_special_tokens(splits_special);
        let vocab_size = vocab_size(&tokenizer, path)?;
        let Some(pad_token_id) = tokenizer.token_to_id(&pad_token) else {
            return Err(DataError::missing_special_token(path, &pad_token));
        };
        let mask_token_id = match token_of(settings.config.get("mask_token")) {
            Some(mask) => tokenizer.token_to_id(&mask),
            None => ["[MASK]", "<mask>"]
                .into_iter()
                .find_map(|mask| tokenizer.token_to_id(mask)),
        };
        let token_types = match (settings.names_token_types()?, settings.class) {
            (Some(named), _) => Some(named),
            (None, Some(class)) => class.token_types,
            // The template decides.
            (None, None) => Some(true),
        };
        let special_tokens = SpecialTokens::of(&tokenizer, path)?;
        let special_tokens = typed(special_tokens, token_types, &settings)?;
        let mut special_token_ids = named_special_tokens(&tokenizer, &settings)?;
        special_token_ids.extend(special_tokens.all().map(|&(id, _)| id));
        special_token_ids.extend([pad_token_id].into_iter().chain(mask_token_id));
        special_token_ids.sort_unstable();
        special_token_ids.dedup();

        let content = tokenizer.to_string(false).map_err(failed)?;
        let mut hash = Sha256::new();
        // Increment the number when the same content produces different tokens.
        hash.update(b"finetune tokenizer 2");
        hash.update(content);
        // Set outside of the serialized form.
        hash.update(format!(
            "{pad_token_id} {mask_token_id:?} {special_token_ids:?}"
        ));
        hash.update(format!("{splits_special} {}", token_types == Some(false)));
        Ok(Self {
            fingerprint: hexadecimal(&hash.finalize()),
            tokenizer,
            path: path.to_path_buf(),
            special_tokens,
            pad_token_id,
            mask_token_id,
            special_token_ids,
            vocab_size,
            token_types,
            truncates_left: settings.truncates_left()?,
            settings,
        })
    }

    /// Returns the special tokens around and between the texts of a pair.
    fn pair_special_tokens(&self) -> Result<SpecialTokens, DataError> {
        let tokens = SpecialTokens::of_pair(&self.tokenizer, &self.path)?;
        typed(tokens, self.token_types, &self.settings)
    }

    /// Returns the vocabulary size: the maximum token id plus one, the minimum number of
    /// embeddings.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Returns the id of the pad token.
    pub fn pad_token_id(&self) -> u32 {
        self.pad_token_id
    }

    /// Returns the id of the mask token; `None` if the vocabulary has none.
    pub fn mask_token_id(&self) -> Option<u32> {
        self.mask_token_id
    }

    /// Returns the ascending ids of all special tokens: those added around texts, the padding,
    /// unknown and mask tokens, and other tokens marked as special by the tokenizer.
    pub fn special_token_ids(&self) -> &[u32] {
        &self.special_token_ids
    }

    /// Returns whether a token is one of [`Self::special_token_ids`].
    pub fn is_special(&self, id: u32) -> bool {
        self.special_token_ids.binary_search(&id).is_ok()
    }

    /// Returns the id of a token; `None` if the vocabulary lacks it.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// Returns the token of an id; `None` if the vocabulary lacks it.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    /// Returns a hexadecimal hash of everything that determines the tokens of a text and the
    /// padding, mask and other special tokens of a batch. Equal tokenizers have the same
    /// fingerprint, in every run and regardless of the files they were loaded from.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// Returns the truncation that the files of the tokenizer define: [`Truncation::Tail`] if
    /// `truncation_side` is left, else [`Truncation::Head`].
    pub fn default_truncation(&self) -> Truncation {
        match self.truncates_left {
            true => Truncation::Tail,
            false => Truncation::Head,
        }
    }

    /// Returns the path of the source file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Returns the maximum token id plus one.
fn vocab_size(tokenizer: &Tokenizer, path: &Path) -> Result<usize, DataError> {
    let vocabulary = tokenizer.get_vocab(true);
    match vocabulary.into_iter().max_by_key(|&(_, id)| id) {
        None => Err(DataError::empty_vocabulary(path)),
        Some((token, id)) if id > HIGHEST_TOKEN_ID => {
            let expected = format!("expected token ids up to {HIGHEST_TOKEN_ID}");
            Err(DataError::tokenizer(
                path,
                format!("{expected}, found {id} for {token:?}"),
            ))
        }
        Some((_, id)) => Ok(id as usize + 1),
    }
}

/// Returns the tokens with the token types that the model gets: those of the template, or 0.
fn typed(
    tokens: SpecialTokens,
    token_types: Option<bool>,
    settings: &Settings,
) -> Result<SpecialTokens, DataError> {
    match token_types {
        Some(true) => Ok(tokens),
        Some(false) => Ok(tokens.without_types()),
        None if !tokens.has_types() => Ok(tokens),
        None => {
            let expected = "expected a list that says whether the model gets \"token_type_ids\"";
            let problem = format!("model_input_names: {expected}, found none");
            Err(DataError::tokenizer(&settings.files.config, problem))
        }
    }
}

/// Returns the pad token of the settings, else a usual one.
fn pad_token(settings: &Settings, tokenizer: &Tokenizer) -> String {
    let known = |token: &&str| tokenizer.token_to_id(token).is_some();
    let usual = || {
        ["[PAD]", "<pad>"]
            .into_iter()
            .find(known)
            .unwrap_or("[PAD]")
    };
    let pad = token_of(settings.config.get("pad_token"));
    pad.unwrap_or_else(|| usual().to_owned())
}

/// Returns the ids of the special tokens named by the tokenizer, its model or its settings.
fn named_special_tokens(tokenizer: &Tokenizer, settings: &Settings) -> Result<Vec<u32>, DataError> {
    let added = tokenizer.get_added_tokens_decoder();
    let added = added.iter().filter(|(_, token)| token.special);
    let unknown = match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) => Some(model.unk_token.clone()),
        ModelWrapper::WordLevel(model) => Some(model.unk_token.clone()),
        ModelWrapper::BPE(model) => model.unk_token.clone(),
        ModelWrapper::Unigram(_) => None,
    };
    let named = settings.named()?;
    let named = named
        .into_iter()
        .chain(settings.additional.iter().cloned())
        .map(|token| token.content)
        .chain(unknown)
        .filter_map(|token| tokenizer.token_to_id(&token));
    Ok(added.map(|(&id, _)| id).chain(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> TextTokenizer {
        let texts = ["the cat sat on the mat", "the dog sat on the cat"];
        TextTokenizer::train_wordpiece(texts.repeat(3), 60).unwrap()
    }

    #[test]
    fn the_vocabulary_ends_with_its_highest_id() {
        let tokenizer = tokenizer();
        let last = tokenizer.vocab_size() as u32 - 1;
        assert!(tokenizer.id_to_token(last).is_some());
        assert!(tokenizer.id_to_token(last + 1).is_none());
        assert_eq!(
            tokenizer.token_to_id("[PAD]"),
            Some(tokenizer.pad_token_id())
        );
    }

    #[test]
    fn special_tokens_are_known() {
        let tokenizer = tokenizer();
        assert_eq!(tokenizer.special_token_ids(), [0, 1, 2, 3, 4]);
        assert!(tokenizer.is_special(4) && !tokenizer.is_special(5));
        assert_eq!(tokenizer.mask_token_id(), tokenizer.token_to_id("[MASK]"));
    }

    #[test]
    fn a_fingerprint_covers_tokens_that_only_the_configuration_names() {
        let directory = tempfile::tempdir().unwrap();
        tokenizer().save(directory.path()).unwrap();
        // Its names would replace those of the configuration.
        std::fs::remove_file(directory.path().join("special_tokens_map.json")).unwrap();
        let path = directory.path().join("tokenizer_config.json");
        let load = |mask: &str| {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
            config["mask_token"] = mask.into();
            std::fs::write(&path, config.to_string()).unwrap();
            TextTokenizer::from_pretrained(directory.path()).unwrap()
        };
        assert_eq!(load("[MASK]").fingerprint(), tokenizer().fingerprint());
        assert_ne!(load("the").fingerprint(), tokenizer().fingerprint());
    }

    #[test]
    fn a_fingerprint_covers_vocabulary_and_pipeline() {
        let original = tokenizer();
        assert_eq!(original.fingerprint(), tokenizer().fingerprint());
        assert_eq!(original.fingerprint().len(), 64);

        let directory = tempfile::tempdir().unwrap();
        original.save(directory.path()).unwrap();
        let load = || {
            TextTokenizer::from_pretrained(directory.path())
                .unwrap()
                .fingerprint()
        };
        assert_eq!(load(), original.fingerprint());
        std::fs::remove_file(directory.path().join("tokenizer.json")).unwrap();
        assert_eq!(load(), original.fingerprint());
        let cased = "{\"do_lower_case\": false}";
        std::fs::write(directory.path().join("tokenizer_config.json"), cased).unwrap();
        assert_ne!(load(), original.fingerprint());

        let other = TextTokenizer::train_wordpiece(["the cat"], 60).unwrap();
        assert_ne!(other.fingerprint(), original.fingerprint());
    }
}
