//! Checks that a checkpoint fits its tokenizer and the configured length.

use std::path::Path;

use finetune_data::TextTokenizer;
use finetune_model::EncoderConfig;

use crate::error::PredictError;

/// Checks that the embedding table has a row for every token of the tokenizer.
///
/// # Errors
/// - [`PredictError::VocabularyTooLarge`] if it does not.
pub fn check_vocabulary(
    directory: &Path,
    tokenizer: &TextTokenizer,
    encoder: &EncoderConfig,
) -> Result<(), PredictError> {
    let (vocabulary, rows) = (tokenizer.vocab_size(), encoder.vocab_size);
    if vocabulary > rows {
        return Err(PredictError::VocabularyTooLarge {
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
/// - [`PredictError::LongerThanPositions`] if it does not.
pub fn check_length(
    directory: &Path,
    length: usize,
    encoder: &EncoderConfig,
) -> Result<(), PredictError> {
    let positions = encoder.max_sequence_length();
    if length > positions {
        return Err(PredictError::LongerThanPositions {
            path: directory.to_path_buf(),
            length,
            positions,
        });
    }
    Ok(())
}
