//! Errors of this crate.

use std::io;
use std::path::{Path, PathBuf};

/// Error of this crate.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A file cannot be read, written or mapped.
    #[error("{path}: {source}")]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// Error reported by the operating system.
        source: io::Error,
    },

    /// The file is not an array file, or its format version is not supported.
    #[error("{path}: not a file of arrays of this version")]
    UnknownFormat {
        /// Path of the file.
        path: PathBuf,
    },

    /// The file is corrupted: its content differs from what was written.
    #[error("{path}: the file is corrupted: {what}")]
    Corrupted {
        /// Path of the file.
        path: PathBuf,
        /// The corrupted part.
        what: String,
    },

    /// The file has no array of this name and type.
    #[error("{path}: no array {name:?} of {expected}, found {found}")]
    NoSuchArray {
        /// Path of the file.
        path: PathBuf,
        /// Name of the requested array.
        name: String,
        /// The requested type.
        expected: &'static str,
        /// Type of the array with this name, or that there is none.
        found: String,
    },

    /// The file already has an array of this name.
    #[error("{path}: the array {name:?} was begun before")]
    DuplicateArray {
        /// Path of the file.
        path: PathBuf,
        /// Name of the array.
        name: String,
    },

    /// The metadata cannot be serialized as JSON, or does not have the requested type.
    #[error("{path}: metadata: {source}")]
    Metadata {
        /// Path of the file.
        path: PathBuf,
        /// Error reported by the JSON library.
        source: serde_json::Error,
    },

    /// A range is not within the array.
    #[error("expected a range within 0..{length}, found {start}..{end}")]
    OutOfRange {
        /// Start of the range.
        start: usize,
        /// End of the range.
        end: usize,
        /// Number of elements of the array.
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

    pub(crate) fn corrupted(path: &Path, what: impl Into<String>) -> Self {
        let (path, what) = (path.to_path_buf(), what.into());
        Self::Corrupted { path, what }
    }

    /// Returns whether the file is unusable and may be rebuilt: it is missing, corrupted or has
    /// other content.
    pub fn is_unusable_file(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::UnknownFormat { .. }
            | Self::Corrupted { .. }
            | Self::NoSuchArray { .. }
            | Self::Metadata { .. } => true,
            Self::DuplicateArray { .. } | Self::OutOfRange { .. } => false,
        }
    }
}
