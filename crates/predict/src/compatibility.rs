//! The tokenizer of a checkpoint, and checks that it and the configured length fit the model.

use std::path::Path;

use finetune_data::TextTokenizer;
use finetune_model::EncoderConfig;

use crate::error::PredictError;

/// Loads the tokenizer in a checkpoint directory.
///
/// # Errors
/// - [`PredictError::Io`] if the directory cannot be read.
/// - [`PredictError::Data`] if it has no tokenizer, or an invalid one.
pub fn load_tokenizer(directory: &Path) -> Result<TextTokenizer, PredictError> {
    // Report a wrong path as such rather than as "no tokenizer found".
    std::fs::read_dir(directory).map_err(PredictError::io(directory))?;
    Ok(TextTokenizer::from_pretrained(directory)?)
}

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

/// Checks that the model supports rows of `length` tokens.
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
