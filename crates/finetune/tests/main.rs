//! Integration tests of the whole: every device computes what flex computes, and checkpoints are read
//! as by transformers.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod checkpoints;
mod devices;
