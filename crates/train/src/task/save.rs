//! Saving of classifiers that may have been trained with adapters.

use std::path::Path;

use burn::module::Module;
use finetune_model::{CheckpointConfig, SequenceClassifier, save_adapter, save_classifier};

use crate::error::TrainError;

/// Directory of the adapters in the directory of a model that was trained with LoRA.
const ADAPTER: &str = "adapter";

/// Saves a classifier. Adapters are merged, as predictions need it, and saved in the layout of PEFT
/// beside it, in `adapter`. `base` is the directory of the checkpoint that was trained.
pub(super) fn save_with_adapter(
    model: &SequenceClassifier,
    checkpoint: &CheckpointConfig,
    base: &Path,
    directory: &Path,
) -> Result<(), TrainError> {
    let model = model.valid();
    save_classifier(directory, &model, checkpoint)?;
    if model.encoder.has_lora() {
        save_adapter(&directory.join(ADAPTER), &model, base.to_str())?;
    }
    Ok(())
}
