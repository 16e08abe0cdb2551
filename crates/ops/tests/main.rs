//! Integration tests of the operations: against PyTorch, and of what must always hold.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod against_flex;
mod device;
mod native;
mod parity;
mod properties;
mod same_bits;
mod sequences;
