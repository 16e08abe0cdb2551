//! Hugging Face checkpoints: a directory with `config.json` and weights.
//!
//! `weights` finds the tensors in any file layout; `load_tensors` copies them into a model by the
//! names of `tensor_names`; `save` writes `config.json` and `model.safetensors`.

mod config_json;
mod config_keys;
mod encoder_keys;
mod load;
mod load_tensors;
mod missing_tensors;
mod pickle_calls;
mod pytorch_file;
mod safetensors_file;
mod save;
mod shard_index;
mod stored_tensor;
mod tensor_names;
mod weights;

pub use config_json::{CheckpointConfig, PoolingAndHead};
pub(crate) use config_keys::read_json;
pub use load::{
    load_base_model, load_classifier, load_classifier_with, load_encoder,
    load_encoder_with_new_head, load_masked_lm, load_pre_training,
};
pub use load_tensors::LoadReport;
pub(crate) use load_tensors::in_memory;
pub(crate) use save::{in_file, write_atomically, write_tensors};
pub use save::{save_base_model, save_classifier, save_encoder, save_masked_lm};
pub use tensor_names::TensorNames;
pub(crate) use weights::{ADAPTER_FILES, Weights};

/// Name of the configuration file.
const CONFIG_FILE: &str = "config.json";
/// Name of the weights file that is written, and read in preference to all others.
const WEIGHTS_FILE: &str = "model.safetensors";
