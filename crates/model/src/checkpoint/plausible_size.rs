//! Comparison of the sizes in `config.json` with those of the weight files.
//!
//! A model is made before its tensors are read. A damaged size could ask for more memory than there
//! is, although no file has as many values.

use std::fs;
use std::path::Path;

use super::CONFIG_FILE;
use super::config_json::CheckpointConfig;
use crate::encoder::EncoderConfig;
use crate::error::ModelError;

/// Values that a file may lack for each of its bytes: tensors can share their values, and a file can
/// be compressed.
const VALUES_PER_BYTE: u64 = 16;
/// Number of values that any model may have.
const ALWAYS_PLAUSIBLE: u64 = 1 << 24;

/// Reads the configuration of a checkpoint whose weights are about to be loaded.
///
/// # Errors
/// - The errors of [`CheckpointConfig::read`].
/// - [`ModelError::InvalidConfigFile`] if the sizes are those of a far larger model than the weight
///   files can hold.
pub(super) fn read_config(directory: &Path) -> Result<CheckpointConfig, ModelError> {
    let config = CheckpointConfig::read(directory)?;
    let (values, bytes) = (values_of(&config.encoder), weight_bytes(directory));
    let most = bytes.saturating_mul(VALUES_PER_BYTE).max(ALWAYS_PLAUSIBLE);
    if bytes == 0 || values <= most {
        return Ok(config);
    }
    let problem = format!(
        "makes an encoder of {values} values, with the other sizes, but the weights have {bytes} bytes"
    );
    let path = directory.join(CONFIG_FILE);
    Err(ModelError::config_file(&path, "hidden_size", problem))
}

/// Returns about the number of values in an encoder.
fn values_of(config: &EncoderConfig) -> u64 {
    let product = |a: usize, b: usize| (a as u64).saturating_mul(b as u64);
    let (hidden, width) = (config.hidden_size, config.embedding_width());
    let rows = config
        .vocab_size
        .saturating_add(config.max_position_embeddings)
        .saturating_add(config.type_vocab_size);
    let attention = product(hidden, hidden).saturating_mul(4);
    let feed_forward = product(hidden, config.intermediate_size).saturating_mul(2);
    let layer = attention.saturating_add(feed_forward);
    product(rows, width)
        .saturating_add(product(width, hidden))
        .saturating_add(layer.saturating_mul(config.num_hidden_layers as u64))
}

/// Returns the size of all weight files in a directory, in bytes; 0 if it cannot be read.
fn weight_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let weights = entries.map(|entry| entry.path()).filter(|path| {
        let extension = path.extension().unwrap_or_default();
        extension == "safetensors" || extension == "bin"
    });
    weights
        .filter_map(|path| Some(fs::metadata(path).ok()?.len()))
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Family;

    #[test]
    fn the_size_of_a_published_model_is_about_that_of_its_parameters() {
        let values = values_of(&EncoderConfig::base(Family::Bert));
        assert!(values.abs_diff(108_891_648) < 1_000_000, "{values}");
    }

    #[test]
    fn a_model_that_no_file_can_hold_is_refused_before_it_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let config = |hidden: usize| {
            format!(
                r#"{{"model_type": "bert", "vocab_size": 60, "hidden_size": {hidden}, "num_hidden_layers": 1,
                "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 16,
                "type_vocab_size": 2, "hidden_act": "gelu"}}"#
            )
        };
        fs::write(directory.path().join("model.safetensors"), [0; 9000]).unwrap();
        let read = |hidden| {
            fs::write(directory.path().join(CONFIG_FILE), config(hidden)).unwrap();
            read_config(directory.path())
        };
        read(8).unwrap();
        read(768).unwrap();
        let error = read(65536).unwrap_err().to_string();
        assert!(error.contains("hidden_size"), "{error}");
        assert!(error.contains("the weights have 9000 bytes"), "{error}");
    }
}
