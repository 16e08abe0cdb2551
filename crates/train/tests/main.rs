//! Integration tests of training: against PyTorch and transformers, of what must always hold, and
//! of what must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod accumulation;
mod activations;
mod bad_input;
mod builder;
#[cfg(feature = "hub")]
mod by_name;
mod calibration;
mod callbacks;
mod chains;
mod continuation;
mod custom_head;
mod device;
mod distillation;
mod embeddings;
mod families;
mod gradient_checkpointing;
mod multi_label;
mod multi_task;
mod next_sentence;
mod one_run;
mod parity;
mod pre_training;
mod precision;
mod predictor;
mod properties;
mod quantization;
mod regression;
mod report;
mod reranking;
mod resume;
mod small_run;
mod tokens;
mod transfers;
