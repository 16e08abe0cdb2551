//! LoRA ([Hu et al. 2021](https://arxiv.org/abs/2106.09685)): trainable low-rank matrices beside
//! frozen linear layers of the encoder.
//!
//! 1. [`LoraConfig`] sets targets and rank; [`Encoder::with_lora`](crate::Encoder::with_lora) adds
//!    the adapters and freezes the rest of the encoder. New adapters do not change the output.
//! 2. Training updates the adapters and the head.
//! 3. [`save_adapter`] and [`load_adapter`] store both without the encoder, in a few megabytes in
//!    the layout of [PEFT](https://huggingface.co/docs/peft).
//! 4. [`Encoder::merge_lora`](crate::Encoder::merge_lora) merges the adapters into the weights.

mod checkpoint;
mod config_json;
mod lora;
mod lora_config;
mod lora_linear;
mod low_rank;

pub use checkpoint::{load_adapter, save_adapter};
pub use lora_config::{LoraConfig, LoraTarget};
pub use lora_linear::LoraLinear;
pub use low_rank::LowRank;
