//! Export of a model directory: what runtimes and tokenizers need beside each other.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_predict::{Embedder, ModelKind, Predictor, TokenPredictor, TokenPredictorConfig};

use crate::OnnxPrecision;
use crate::error::OnnxError;
use crate::export::{
    OnnxModel, export_classifier, export_embedding_model, export_token_classifier,
};

/// Name of the exported file.
pub const ONNX_FILE: &str = "model.onnx";

/// Endings of files with weights, which are not copied.
const WEIGHTS: [&str; 6] = ["safetensors", "bin", "index.json", "onnx", "pt", "ckpt"];

/// Exports the model in a directory as [`ONNX_FILE`] of another, with its configuration, tokenizer and
/// other files beside it. The weights are read on `device`.
///
/// Optimum's `ORTModelForSequenceClassification.from_pretrained` loads the result.
///
/// # Errors
/// - [`OnnxError::Predict`] if the directory has no model, or one whose head is not trained.
/// - [`OnnxError::Io`] if a file cannot be read or written.
/// - The errors of [`export_classifier`], [`export_token_classifier`] and [`export_embedding_model`].
pub fn export_directory(
    source: &Path,
    target: &Path,
    precision: OnnxPrecision,
    device: &Device,
) -> Result<(), OnnxError> {
    let model = read_model(source, precision, device)?;
    copy_files(source, target)?;
    model.write(&target.join(ONNX_FILE))
}

fn read_model(
    source: &Path,
    precision: OnnxPrecision,
    device: &Device,
) -> Result<OnnxModel, OnnxError> {
    match ModelKind::of(source) {
        ModelKind::Embeddings => {
            let embedder = Embedder::load(source, device)?;
            export_embedding_model(embedder.model(), precision)
        }
        ModelKind::Tokens => {
            let predictor = TokenPredictor::load(source, TokenPredictorConfig::default(), device)?;
            export_token_classifier(predictor.model(), precision)
        }
        // A model without a head is an error of the predictor.
        ModelKind::Texts | ModelKind::MaskedLm | ModelKind::Encoder => {
            let predictor = Predictor::load(source, device)?;
            export_classifier(predictor.model(), precision)
        }
    }
}

/// Copies all files but weights, in subfolders, too.
fn copy_files(source: &Path, target: &Path) -> Result<(), OnnxError> {
    fs::create_dir_all(target).map_err(|error| OnnxError::io(target, error))?;
    let of_source = |error| OnnxError::io(source, error);
    for entry in fs::read_dir(source).map_err(of_source)? {
        let path = entry.map_err(of_source)?.path();
        let name = path.file_name().unwrap_or_default();
        let copy = target.join(name);
        let is_weights = WEIGHTS
            .iter()
            .any(|ending| name.as_encoded_bytes().ends_with(ending.as_bytes()));
        if path.is_dir() {
            copy_files(&path, &copy)?;
        } else if !is_weights && path != copy {
            fs::copy(&path, &copy).map_err(|error| OnnxError::io(&path, error))?;
        }
    }
    Ok(())
}
