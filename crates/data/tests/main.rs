//! The crate as its users see it.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers too"
)]

/// Every kind of bad input: which error it is, and that the message says where.
mod bad_input;
/// Encoded data sets on disk.
mod cache;
/// Datasets saved by the `datasets` library.
mod hugging_face;
/// Token ids against Hugging Face's tokenizers.
mod parity;
/// What holds for all data sets: each row once an epoch, masks that tell the truth.
mod properties;
/// The samples of `datasets/`, opened by name.
mod samples;
