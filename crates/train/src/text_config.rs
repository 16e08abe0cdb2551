//! From texts to rows of tokens: the settings that every kind of training shares.

use std::path::{Path, PathBuf};

use finetune_data::{
    Cleaning, Dataset, EncodedCache, EncodedDataset, EncodingConfig, Padding, TextTokenizer,
};
use finetune_model::EncoderConfig;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::checkpoint_fit::{check_length, check_vocabulary};
use crate::report::SplitSection;

/// How texts become batches.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextConfig {
    /// What happens to a text before it is tokenised.
    pub cleaning: Cleaning,
    /// How a text becomes tokens: length, truncation.
    pub encoding: EncodingConfig,
    /// How rows of different lengths become a batch.
    pub padding: Padding,
    /// A folder for encoded data sets, so that a text is not tokenised again in the next run.
    pub token_cache: Option<PathBuf>,
}

/// A data set, its token ids, and what tells it from others.
#[derive(Debug)]
pub(crate) struct EncodedSplit {
    pub(crate) dataset: Dataset,
    pub(crate) tokens: EncodedDataset,
    pub(crate) fingerprint: String,
}

impl TextConfig {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), TrainError> {
        let max_length = self.encoding.max_length;
        if max_length == 0 {
            return Err(TrainError::setting("max_length", 0, "at least 1"));
        }
        if self.longest_row() < max_length {
            let expected = format!("at least max_length {max_length}");
            return Err(TrainError::setting(
                "padding",
                format!("{:?}", self.padding),
                expected,
            ));
        }
        Ok(())
    }

    /// The most tokens a padded row can have.
    fn longest_row(&self) -> usize {
        let max_length = self.encoding.max_length;
        match self.padding {
            Padding::Longest => max_length,
            Padding::MultipleOf(multiple) => {
                max_length.checked_next_multiple_of(multiple).unwrap_or(0)
            }
            Padding::Fixed(length) => length,
        }
    }

    /// Whether tokenizer, encoder and settings can work together; `directory` is where the first
    /// two are from.
    ///
    /// # Errors
    /// [`TrainError::VocabularyTooLarge`], [`TrainError::LongerThanPositions`].
    pub(crate) fn check_fit(
        &self,
        directory: &Path,
        tokenizer: &TextTokenizer,
        encoder: &EncoderConfig,
    ) -> Result<(), TrainError> {
        check_vocabulary(directory, tokenizer, encoder)?;
        check_length(directory, self.longest_row(), encoder)
    }

    /// Cleans and tokenises.
    ///
    /// # Errors
    /// As [`EncodedDataset::new`] and [`EncodedCache::dataset`].
    pub(crate) fn encode(
        &self,
        dataset: Dataset,
        tokenizer: &TextTokenizer,
    ) -> Result<EncodedSplit, TrainError> {
        let dataset = dataset.clean(&self.cleaning);
        let tokens = match &self.token_cache {
            Some(folder) => {
                let cache = EncodedCache::new(folder);
                cache.dataset(&dataset, tokenizer, &self.encoding)?.data
            }
            None => EncodedDataset::new(&dataset, tokenizer, &self.encoding)?,
        };
        Ok(EncodedSplit {
            fingerprint: dataset.fingerprint(),
            dataset,
            tokens,
        })
    }
}

impl EncodedSplit {
    /// What a report says of it.
    pub(crate) fn section(&self) -> Result<SplitSection, TrainError> {
        Ok(SplitSection {
            name: self.dataset.name.clone(),
            rows: self.dataset.len(),
            truncated: self.tokens.texts.truncated_count()?,
            fingerprint: self.fingerprint.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_below_the_length_is_refused() {
        for (padding, fits) in [
            (Padding::Longest, true),
            (Padding::Fixed(512), true),
            (Padding::Fixed(100), false),
            (Padding::MultipleOf(100), true),
            (Padding::MultipleOf(0), false),
        ] {
            let config = TextConfig {
                padding,
                ..Default::default()
            };
            assert_eq!(config.validate().is_ok(), fits, "{padding:?}");
        }
        let config = TextConfig {
            encoding: EncodingConfig::new(0),
            ..Default::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert_eq!(error, "max_length is 0, expected at least 1");
    }
}
