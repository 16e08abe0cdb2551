//! Key that identifies the content of a cached dataset.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Serialize;

use crate::cleaning::Cleaning;
use crate::dataset::Schema;
use crate::error::DataError;
use crate::tokenizer::{EncodingConfig, TextTokenizer};

/// Version of the file content; part of the key.
const VERSION: u32 = 1;

/// Everything that determines the content of a file.
#[derive(Debug, Serialize)]
pub(super) struct Key<'a> {
    version: u32,
    source: Source,
    schema: &'a Schema,
    cleaning: String,
    tokenizer: String,
    encoding: &'a EncodingConfig,
}

/// Source of the texts.
#[derive(Debug, Serialize)]
pub(super) enum Source {
    /// Identified by content.
    Content { fingerprint: String },
    /// Identified by files and how they are read.
    SplitFiles {
        files: Vec<FileStamp>,
        source_key: String,
        skip_bad_rows: bool,
    },
}

/// State of a file when it was read. Writing to a file changes its modification time.
#[derive(Debug, Serialize)]
pub(super) struct FileStamp {
    path: PathBuf,
    bytes: u64,
    modified_nanoseconds: u128,
}

impl<'a> Key<'a> {
    pub(super) fn new(
        source: Source,
        schema: &'a Schema,
        cleaning: &Cleaning,
        tokenizer: &TextTokenizer,
        encoding: &'a EncodingConfig,
    ) -> Self {
        Self {
            version: VERSION,
            source,
            schema,
            cleaning: cleaning.fingerprint(),
            tokenizer: tokenizer.fingerprint(),
            encoding,
        }
    }

    pub(super) fn json(&self) -> Result<String, DataError> {
        serde_json::to_string(self)
            .map_err(|source| DataError::json(Path::new("cache key"), source))
    }
}

impl FileStamp {
    /// Returns the current state of a file. For a directory, it covers all files inside: their
    /// total size and the latest modification time.
    pub(super) fn of(path: &Path) -> Result<Self, DataError> {
        let mut stamp = Self::nameless(path)?;
        stamp.add(path)?;
        Ok(stamp)
    }

    fn add(&mut self, path: &Path) -> Result<(), DataError> {
        let failed = |source| DataError::io(path, source);
        let metadata = fs::metadata(path).map_err(failed)?;
        let modified = metadata.modified().map_err(failed)?;
        let modified = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.modified_nanoseconds = self.modified_nanoseconds.max(modified.as_nanos());
        if !metadata.is_dir() {
            self.bytes += metadata.len();
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(failed)? {
            self.add(&entry.map_err(failed)?.path())?;
        }
        Ok(())
    }

    /// Returns a state without size and modification time.
    pub(super) fn nameless(path: &Path) -> Result<Self, DataError> {
        let path = fs::canonicalize(path).map_err(|source| DataError::io(path, source))?;
        Ok(Self {
            path,
            bytes: 0,
            modified_nanoseconds: 0,
        })
    }
}
