//! Integration tests of the model: against transformers, of what must always hold, and of what
//! must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod bad_input;
mod class_order;
mod corrupted_weights;
mod custom_head;
mod device;
mod first_token;
mod formats;
mod gradient_checkpointing;
mod modern_bert;
mod other_heads;
mod parity;
mod prediction_weights;
mod properties;
mod rotary_bert;
mod weights_file;
mod wrapped_weights;
