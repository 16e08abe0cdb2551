//! Checks that a checkpoint fits its tokenizer and the configured length.

use std::path::Path;

use finetune_data::TextTokenizer;
use finetune_model::EncoderConfig;

use crate::TrainError;

/// Checks that the embedding table has a row for every token of the tokenizer.
///
/// # Errors
/// - [`TrainError::VocabularyTooLarge`] if it does not.
pub(crate) fn check_vocabulary(
    directory: &Path,
    tokenizer: &TextTokenizer,
    encoder: &EncoderConfig,
) -> Result<(), TrainError> {
    let (vocabulary, rows) = (tokenizer.vocab_size(), encoder.vocab_size);
    if vocabulary > rows {
        return Err(TrainError::VocabularyTooLarge {
            path: directory.to_path_buf(),
            highest_id: vocabulary - 1,
            rows,
        });
    }
    Ok(())
}

/// Checks that the model supports rows of `length` tokens, padding included.
///
/// # Errors
/// - [`TrainError::LongerThanPositions`] if it does not.
pub(crate) fn check_length(
    directory: &Path,
    length: usize,
    encoder: &EncoderConfig,
) -> Result<(), TrainError> {
    let positions = encoder.max_sequence_length();
    if length > positions {
        return Err(TrainError::LongerThanPositions {
            path: directory.to_path_buf(),
            length,
            positions,
        });
    }
    Ok(())
}
