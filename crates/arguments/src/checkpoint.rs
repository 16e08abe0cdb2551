//! Checkpoint that a run starts from.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use serde::Deserialize;

use crate::directories::model_directory;
use crate::error::ArgumentsError;

/// Directory of the mini encoder that is bundled with the project; its model card is in it.
pub const MINI_ENCODER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/mini_encoder");

/// Directory of a checkpoint, or `mini` for the bundled mini encoder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "PathBuf")]
pub enum Checkpoint {
    /// The bundled mini encoder.
    Mini,
    /// Directory with `config.json`, weights and tokenizer files.
    Directory(PathBuf),
}

impl From<PathBuf> for Checkpoint {
    fn from(path: PathBuf) -> Self {
        match path == Path::new("mini") {
            true => Self::Mini,
            false => Self::Directory(path),
        }
    }
}

/// Formats the checkpoint for messages.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mini => f.write_str("the bundled mini encoder"),
            Self::Directory(directory) => directory.display().fmt(f),
        }
    }
}

impl Checkpoint {
    /// Returns whether this is the bundled mini encoder.
    pub fn is_mini(&self) -> bool {
        *self == Self::Mini
    }

    /// Returns the directory of the checkpoint.
    ///
    /// # Errors
    /// See [`model_directory`].
    pub fn directory(&self) -> Result<PathBuf, ArgumentsError> {
        match self {
            Self::Mini => model_directory(Path::new(MINI_ENCODER)),
            Self::Directory(directory) => model_directory(directory),
        }
    }

    /// Returns a parser for command-line values, which may be non-Unicode paths.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        PathBufValueParser::new().map(Self::from)
    }
}
