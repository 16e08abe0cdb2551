//! Loading of embedding models.

use std::path::Path;

use burn::tensor::Device;

use super::EmbeddingModel;
use super::config::EmbeddingModelConfig;
use super::dense::Dense;
use super::modules::EmbeddingCheckpoint;
use crate::checkpoint::{LoadReport, MODEL_FILES, TensorPart, Weights, in_memory, load_encoder};
use crate::error::ModelError;
use crate::initialization;
use crate::parameters::{parameters, replace};

/// Loads an embedding model from a directory of sentence-transformers, or from the checkpoint of a
/// bare encoder, which gets mean pooling.
///
/// # Errors
/// - The errors of [`EmbeddingCheckpoint::read`] and [`load_encoder`].
/// - [`ModelError::InvalidTensor`] if a tensor of the dense layer is missing or invalid.
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_model::{load_embedding_model, save_embedding_model};
///
/// let directory = Path::new("all-MiniLM-L6-v2");
/// let (model, checkpoint, _) = load_embedding_model(directory, &Device::flex())?;
/// println!("{} values a text", model.config().embedding_size());
/// save_embedding_model(Path::new("copy"), &model, &checkpoint)?;
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
pub fn load_embedding_model(
    directory: &Path,
    device: &Device,
) -> Result<(EmbeddingModel, EmbeddingCheckpoint, LoadReport), ModelError> {
    let checkpoint = EmbeddingCheckpoint::read(directory)?;
    let config = checkpoint.model.clone();
    let (model, report) = load_embedding_model_with(&checkpoint, &config, 0, device)?;
    Ok((model, checkpoint, report))
}

/// Loads the encoder of a checkpoint with the given pooling, dense layer and normalization. A dense
/// layer that the checkpoint lacks is newly initialized from the seed.
///
/// # Errors
/// - [`ModelError::InvalidConfig`] if `config` is invalid.
/// - The errors of [`load_embedding_model`].
pub fn load_embedding_model_with(
    checkpoint: &EmbeddingCheckpoint,
    config: &EmbeddingModelConfig,
    seed: u64,
    device: &Device,
) -> Result<(EmbeddingModel, LoadReport), ModelError> {
    let mut model = config.init(device)?;
    let (encoder, _, mut report) = load_encoder(&checkpoint.encoder_directory, device)?;
    model.encoder = encoder;
    let same = config.dense == checkpoint.model.dense;
    let stored = checkpoint.dense_directory.as_deref().filter(|_| same);
    if let Some(dense) = model.dense.take() {
        let deviation = config.encoder.initializer_range;
        model.dense = Some(match stored {
            Some(directory) => load_dense(dense, directory, &mut report)?,
            None => new_dense(dense, deviation, seed, &mut report),
        });
    }
    Ok((model, report))
}

fn load_dense(
    dense: Dense,
    directory: &Path,
    report: &mut LoadReport,
) -> Result<Dense, ModelError> {
    let mut weights = Weights::open(directory, &MODEL_FILES)?;
    let mut values = Vec::new();
    for parameter in parameters(&dense) {
        let Some(stored) = weights.find(std::slice::from_ref(&parameter.path)) else {
            return Err(weights.missing(&parameter.path));
        };
        let whole = TensorPart::whole(parameter.path.clone());
        values.push(in_memory(&parameter, &[(&whole, stored)], None)?);
        weights.mark_taken(&parameter.path);
        report.loaded.push(in_model(&parameter.path));
    }
    let unused = weights.unused().map(|name| in_model(name));
    report.unexpected.extend(unused);
    let mut values = values.into_iter();
    Ok(replace(dense, |_| values.next()))
}

fn new_dense(dense: Dense, deviation: f64, seed: u64, report: &mut LoadReport) -> Dense {
    replace(dense, |parameter| {
        report.newly_initialized.push(in_model(&parameter.path));
        Some(initialization::values(parameter, deviation, seed))
    })
}

/// Returns the name of a tensor of the dense layer among those of all modules.
fn in_model(name: &str) -> String {
    format!("dense.{name}")
}
