//! What can go wrong between numbers and a file.

use std::io;
use std::path::{Path, PathBuf};

/// Every way in which this crate fails. Each names the file.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system could not read, write or map the file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// The file is not one of ours, or of another version.
    #[error("{path}: not a file of arrays of this version")]
    Foreign {
        /// The file.
        path: PathBuf,
    },

    /// The file is one of ours, and its content is not what was written.
    #[error("{path}: the file is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        what: String,
    },

    /// The file has no such array of this type.
    #[error("{path}: no array {name:?} of {expected}, found {found}")]
    NoSuchArray {
        /// The file.
        path: PathBuf,
        /// The array asked for.
        name: String,
        /// The type asked for.
        expected: &'static str,
        /// The type of the array of this name, or that there is none.
        found: String,
    },

    /// Two arrays of one file cannot have one name.
    #[error("{path}: the array {name:?} was begun before")]
    DuplicateArray {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },

    /// The metadata cannot be written as JSON, or is not what was asked for.
    #[error("{path}: metadata: {source}")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What the JSON library said.
        source: serde_json::Error,
    },

    /// A range that an array does not have.
    #[error("expected a range within 0..{length}, found {start}..{end}")]
    OutOfRange {
        /// Where the range begins.
        start: usize,
        /// Where it ends.
        end: usize,
        /// The numbers of the array.
        length: usize,
    },
}

impl StorageError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Io { path, source }
    }

    pub(crate) fn metadata(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Metadata { path, source }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        let (path, what) = (path.to_path_buf(), what.into());
        Self::Damaged { path, what }
    }

    /// Whether the file cannot be used as it is, and could be written anew: it is missing, of
    /// something else, or damaged.
    pub fn is_unusable_file(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Foreign { .. }
            | Self::Damaged { .. }
            | Self::NoSuchArray { .. }
            | Self::Metadata { .. } => true,
            Self::DuplicateArray { .. } | Self::OutOfRange { .. } => false,
        }
    }
}
