//! Integration tests: exported files are run by another program's runtime.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_input;
mod directory;
mod families;
mod heads;
mod runtime;
