//! Integration tests of training: against PyTorch and transformers, of what must always hold, and
//! of what must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod bad_input;
mod device;
mod parity;
mod regression;
mod small_run;
