//! Checkpoint that a run starts from.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use serde::Deserialize;

use crate::directories::model_directory;
use crate::download_bar::show_downloads;
use crate::error::ArgumentsError;

/// Directory of the mini encoder that is bundled with the project; its model card is in it.
pub const MINI_ENCODER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/mini_encoder");

/// Directory of a checkpoint or its name on the Hugging Face hub, or `mini` for the bundled mini
/// encoder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "PathBuf")]
pub enum Checkpoint {
    /// The bundled mini encoder.
    Mini,
    /// Directory with `config.json`, weights and tokenizer files, or a name.
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

    /// Returns the directory of the checkpoint, or its name: for a run, which records the commit of a
    /// name. From now on, downloads are shown.
    pub fn location(&self) -> &Path {
        show_downloads();
        match self {
            Self::Mini => Path::new(MINI_ENCODER),
            Self::Directory(directory) => directory,
        }
    }

    /// Returns the directory of the checkpoint; of a name, its files are downloaded.
    ///
    /// # Errors
    /// See [`model_directory`].
    pub fn directory(&self) -> Result<PathBuf, ArgumentsError> {
        model_directory(self.location())
    }

    /// Returns a parser for command-line values, which may be non-Unicode paths.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        PathBufValueParser::new().map(Self::from)
    }
}
