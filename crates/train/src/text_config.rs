//! Text preprocessing settings that all kinds of training share: cleaning and tokenization.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use finetune_data::{
    Cleaning, Dataset, EncodedCache, EncodedDataset, EncodingConfig, TextTokenizer,
};
use finetune_model::EncoderConfig;
use finetune_predict::{check_length, check_vocabulary};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::path_text;
use crate::report::SplitSection;

/// Preprocessing of texts into tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextConfig {
    /// Cleaning steps applied before tokenization (default: none).
    pub cleaning: Cleaning,
    /// Tokenization: maximum length and truncation (default: at most 512 tokens).
    pub encoding: EncodingConfig,
    /// Cache directory for tokenized datasets, reused by later runs (default: no cache).
    #[serde(serialize_with = "path_text::serialize_option")]
    pub tokenizer_cache_dir: Option<PathBuf>,
}

/// Dataset with its token ids and a fingerprint of its content.
#[derive(Debug)]
pub(crate) struct EncodedSplit {
    pub(crate) dataset: Dataset,
    pub(crate) tokens: Arc<EncodedDataset>,
    pub(crate) fingerprint: String,
}

impl TextConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the maximum length is 0.
    pub fn validate(&self) -> Result<(), TrainError> {
        if self.encoding.max_length == 0 {
            return Err(TrainError::setting("max_length", 0, "at least 1"));
        }
        Ok(())
    }

    /// Checks that tokenizer, encoder and settings fit together. `directory` is the checkpoint of
    /// tokenizer and encoder, for error messages.
    ///
    /// # Errors
    /// - [`TrainError::Predict`] if the tokenizer has more tokens than the encoder, or the maximum
    ///   length exceeds the encoder's.
    pub(crate) fn check_fit(
        &self,
        directory: &Path,
        tokenizer: &TextTokenizer,
        encoder: &EncoderConfig,
    ) -> Result<(), TrainError> {
        check_vocabulary(directory, tokenizer, encoder)?;
        Ok(check_length(directory, self.encoding.max_length, encoder)?)
    }

    /// Cleans and tokenizes a dataset.
    ///
    /// # Errors
    /// - The errors of [`EncodedDataset::new`] and [`EncodedCache::dataset`].
    pub(crate) fn encode(
        &self,
        dataset: Dataset,
        tokenizer: &TextTokenizer,
    ) -> Result<EncodedSplit, TrainError> {
        let dataset = dataset.clean(&self.cleaning);
        let tokens = match &self.tokenizer_cache_dir {
            Some(directory) => {
                let cache = EncodedCache::new(directory);
                cache.dataset(&dataset, tokenizer, &self.encoding)?.data
            }
            None => EncodedDataset::new(&dataset, tokenizer, &self.encoding)?,
        };
        Ok(EncodedSplit {
            fingerprint: dataset.fingerprint(),
            dataset,
            tokens: Arc::new(tokens),
        })
    }
}

impl EncodedSplit {
    /// Returns the split's entry of the training report.
    pub(crate) fn section(&self) -> Result<SplitSection, TrainError> {
        let (name, rows) = (&self.dataset.name, self.dataset.len());
        let truncated = self.tokens.texts.truncated_count()?;
        Ok(SplitSection {
            cut_words: self.tokens.cut_words()?,
            ..SplitSection::new(name, rows, truncated, self.fingerprint.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_at_least_a_token() {
        let config = TextConfig {
            encoding: EncodingConfig::new(0),
            ..Default::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert_eq!(error, "max_length is 0, expected at least 1");
    }
}
