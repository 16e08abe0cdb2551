//! From a model to a checkpoint that transformers loads.

use std::collections::HashMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{DType, TensorData};
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};

use super::load::transposed;
use super::{CONFIG_FILE, CheckpointConfig, EncoderAlone, TensorNames, WEIGHTS_FILE};
use crate::parameters::{Parameter, for_each};
use crate::{Encoder, MaskedLm, ModelError, SequenceClassifier};

/// Writes `config.json` and `model.safetensors` into `directory`, made if need be, such that
/// `AutoModelForSequenceClassification.from_pretrained` loads the same model. Where transformers
/// has no class for pooling or head, `AutoModel.from_pretrained` loads the encoder, and
/// [`load_classifier`](crate::load_classifier) the whole.
///
/// Adapters are merged: to save them by themselves is for [`save_adapter`](crate::save_adapter).
/// What else `config.json` says is taken from `checkpoint`. Each file appears whole or not at all.
///
/// # Errors
/// [`ModelError::Io`] if a file cannot be written.
pub fn save_classifier(
    directory: &Path,
    model: &SequenceClassifier,
    checkpoint: &CheckpointConfig,
) -> Result<(), ModelError> {
    let config = model.config();
    let names = TensorNames::of_classifier(config);
    let mut merged = model.clone();
    merged.encoder = merged.encoder.merge_lora();
    write(
        directory,
        &merged,
        names,
        &checkpoint.to_classifier_json(config),
    )
}

/// Writes a model for masked language modelling such that `AutoModelForMaskedLM.from_pretrained`
/// loads it.
///
/// # Errors
/// As [`save_classifier`].
pub fn save_masked_lm(
    directory: &Path,
    model: &MaskedLm,
    checkpoint: &CheckpointConfig,
) -> Result<(), ModelError> {
    let names = TensorNames::of_masked_lm(checkpoint.encoder.family);
    let mut merged = model.clone();
    merged.encoder = merged.encoder.merge_lora();
    write(directory, &merged, names, &checkpoint.to_masked_lm_json())
}

/// Writes an encoder such that `AutoModel.from_pretrained` loads it; its pooler will be new.
///
/// # Errors
/// As [`save_classifier`].
pub fn save_encoder(
    directory: &Path,
    encoder: &Encoder,
    checkpoint: &CheckpointConfig,
) -> Result<(), ModelError> {
    let alone = EncoderAlone {
        encoder: encoder.clone().merge_lora(),
    };
    let names = TensorNames::of_encoder(checkpoint.encoder.family);
    write(directory, &alone, names, &checkpoint.to_encoder_json())
}

fn write<M: Module>(
    directory: &Path,
    model: &M,
    names: TensorNames,
    config: &str,
) -> Result<(), ModelError> {
    let mut tensors = Vec::new();
    for_each(model, |parameter, data| {
        tensors.push((names.name(&parameter), in_file(&parameter, data)));
    });
    write_tensors(&directory.join(WEIGHTS_FILE), &tensors)?;
    write_atomically(&directory.join(CONFIG_FILE), config.as_bytes())
}

/// The values of a parameter as a file holds them.
pub(crate) fn in_file(parameter: &Parameter, data: TensorData) -> TensorData {
    let data = data.convert_dtype(DType::F32);
    match parameter.kind.is_output_major_in_files() {
        true => transposed(data),
        false => data,
    }
}

/// Writes tensors under their names, into a folder that is made if need be.
pub(crate) fn write_tensors(
    path: &Path,
    tensors: &[(String, TensorData)],
) -> Result<(), ModelError> {
    let failed = |source| ModelError::Io {
        path: path.to_path_buf(),
        source,
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    let bytes = serialize(tensors).map_err(|error| failed(std::io::Error::other(error)))?;
    write_atomically(path, &bytes)
}

fn serialize(tensors: &[(String, TensorData)]) -> Result<Vec<u8>, SafeTensorError> {
    let views = tensors.iter().map(|(name, data)| {
        let shape = data.shape().as_slice().to_vec();
        Ok((
            name.as_str(),
            TensorView::new(Dtype::F32, shape, data.as_bytes())?,
        ))
    });
    // transformers refuses a file that does not say for which framework it is.
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::serialize(
        views.collect::<Result<Vec<_>, SafeTensorError>>()?,
        Some(metadata),
    )
}

/// A reader sees the old file or the new one, never half of one.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    finetune_storage::write_atomically(path, bytes).map_err(|source| ModelError::Io {
        path: path.to_path_buf(),
        source,
    })
}
