//! The program as its users start it.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod commands;
mod hub;
mod program;
mod training;
mod usage;
