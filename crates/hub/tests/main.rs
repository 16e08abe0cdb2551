//! The crate against a hub on this machine.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers too"
)]

/// What is downloaded, cached, refused.
mod fetching;
/// A small hub that can be told to fail.
mod server;
/// What is sent to the hub.
mod uploading;
