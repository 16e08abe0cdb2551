//! Integration tests of the model: against transformers, of what must always hold, and of what
//! must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod bad_input;
mod damaged_weights;
mod formats;
mod parity;
mod properties;
