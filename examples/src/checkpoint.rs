//! The checkpoint that an example begins with.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use serde::Deserialize;

use crate::MINI_ENCODER;

/// A checkpoint's folder, or `mini` for the bundled mini encoder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "PathBuf")]
pub enum Checkpoint {
    /// The bundled mini encoder.
    Mini,
    /// A folder with `config.json`, weights and the tokenizer's files.
    Folder(PathBuf),
}

impl From<PathBuf> for Checkpoint {
    fn from(path: PathBuf) -> Self {
        match path == Path::new("mini") {
            true => Self::Mini,
            false => Self::Folder(path),
        }
    }
}

/// For people.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mini => f.write_str("the bundled mini encoder"),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

impl Checkpoint {
    /// Whether it is the bundled mini encoder.
    pub fn is_mini(&self) -> bool {
        *self == Self::Mini
    }

    /// Its folder.
    pub fn directory(&self) -> &Path {
        match self {
            Self::Mini => Path::new(MINI_ENCODER),
            Self::Folder(folder) => folder,
        }
    }

    /// Reads one from the command line, which need not be Unicode.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        PathBufValueParser::new().map(Self::from)
    }
}
