//! Hugging Face checkpoints: a directory with `config.json` and weights.
//!
//! `weights` finds the tensors in any file layout; `load_tensors` copies them into a model by the
//! names of `tensor_names`; `save` writes `config.json` and `model.safetensors`.

mod class_names;
mod config_json;
mod config_keys;
mod cross_encoder;
mod deberta_keys;
mod dtype;
mod encoder_keys;
mod load;
mod load_tensors;
mod missing_tensors;
mod modern_bert_keys;
mod nomic_keys;
mod pickle_calls;
mod pytorch_file;
mod rope_keys;
mod rotary_bert_keys;
mod row_block;
mod safetensors_file;
mod save;
mod shard_index;
mod stored_tensor;
mod tensor_names;
mod tensor_parts;
mod tensor_tables;
mod weights;

pub(crate) use class_names::OutputRows;
pub use config_json::{CheckpointConfig, PoolingAndHead};
pub(crate) use config_keys::read_json;
pub use dtype::CheckpointDtype;
pub use load::{
    load_base_model, load_classifier, load_classifier_with, load_encoder,
    load_encoder_with_new_head, load_masked_lm, load_pre_training, load_token_classifier,
};
pub use load_tensors::LoadReport;
pub(crate) use load_tensors::in_memory;
pub(crate) use missing_tensors::{OUTPUT_LAYER, layer_of};
pub use row_block::RowBlock;
pub(crate) use save::{in_file, write_atomically, write_tensors};
pub use save::{
    save_base_model, save_classifier, save_encoder, save_masked_lm, save_token_classifier,
};
pub use tensor_names::TensorNames;
pub use tensor_parts::TensorPart;
pub(crate) use weights::{ADAPTER_FILES, MODEL_FILES, Weights};

/// Name of the configuration file.
const CONFIG_FILE: &str = "config.json";
/// Name of the weights file that is written, and read in preference to all others.
pub(crate) const WEIGHTS_FILE: &str = "model.safetensors";
