//! LoRA ([Hu et al. 2021](https://arxiv.org/abs/2106.09685)): the encoder stays as it is, and beside
//! some of its linear maps a product of two narrow matrices learns what fine-tuning would change.
//!
//! 1. [`LoraConfig`] says where and how narrow; [`Encoder::with_lora`](crate::Encoder::with_lora)
//!    adds the adapters and freezes what is beside them. Fresh ones change nothing.
//! 2. Training changes the adapters and the head.
//! 3. [`save_adapter`] and [`load_adapter`] keep both apart from the encoder, in a few megabytes
//!    that [PEFT](https://huggingface.co/docs/peft) reads and writes, too.
//! 4. [`Encoder::merge_lora`](crate::Encoder::merge_lora) adds the products to the weights: the
//!    same model without adapters.

mod checkpoint;
mod config_json;
mod lora;
mod lora_config;
mod low_rank;
mod projection;

pub use checkpoint::{load_adapter, save_adapter};
pub use lora_config::{LoraConfig, LoraTarget};
pub use low_rank::LowRank;
pub use projection::Projection;
