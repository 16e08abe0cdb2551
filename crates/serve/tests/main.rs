//! A real server on the loopback address, asked over real connections.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod api;
mod bad_input;
mod batching;
mod chromium;
mod embeddings;
mod families;
mod limits;
mod own_head;
mod page;
mod replacement;
mod scripted;
mod server;
mod shutdown;
mod tokens;
