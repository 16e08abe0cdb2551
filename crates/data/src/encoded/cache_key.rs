//! What the content of a cached data set depends on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Serialize;

use crate::cleaning::Cleaning;
use crate::dataset::Task;
use crate::error::DataError;
use crate::tokenizer::{EncodingConfig, TextTokenizer};

/// The version of what is in a file; part of its key.
const VERSION: u32 = 1;

/// All that the content of a file depends on.
#[derive(Debug, Serialize)]
pub(super) struct Key<'a> {
    version: u32,
    source: Source,
    task: &'a Task,
    cleaning: String,
    tokenizer: String,
    encoding: &'a EncodingConfig,
}

/// The text.
#[derive(Debug, Serialize)]
pub(super) enum Source {
    /// By its content.
    Content { fingerprint: String },
    /// By the files that hold it and the way they are read.
    Files {
        files: Vec<FileStamp>,
        recipe: String,
        skip_bad_rows: bool,
    },
}

/// A file as it was when it was read. A file that is written to gets another time.
#[derive(Debug, Serialize)]
pub(super) struct FileStamp {
    path: PathBuf,
    bytes: u64,
    modified_nanoseconds: u128,
}

impl<'a> Key<'a> {
    pub(super) fn new(
        source: Source,
        task: &'a Task,
        cleaning: &Cleaning,
        tokenizer: &TextTokenizer,
        encoding: &'a EncodingConfig,
    ) -> Self {
        Self {
            version: VERSION,
            source,
            task,
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
    /// The file as it is now. Of a folder, all that is in it: the bytes of all files and the time
    /// of the last change.
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

    /// The file whatever its content.
    pub(super) fn nameless(path: &Path) -> Result<Self, DataError> {
        let path = fs::canonicalize(path).map_err(|source| DataError::io(path, source))?;
        Ok(Self {
            path,
            bytes: 0,
            modified_nanoseconds: 0,
        })
    }
}
