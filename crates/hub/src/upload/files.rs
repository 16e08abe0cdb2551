//! Files of a directory that is uploaded.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::HubError;

/// File to upload.
pub(super) struct Upload {
    /// Path in the repository.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) size: u64,
}

/// Returns the files in a directory and below, without hidden ones.
pub(super) fn files_in(directory: &Path) -> Result<Vec<Upload>, HubError> {
    let mut files = Vec::new();
    add_files(directory, "", &mut files)?;
    files.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    match files.is_empty() {
        true => Err(HubError::io(directory, std::io::ErrorKind::NotFound.into())),
        false => Ok(files),
    }
}

fn add_files(directory: &Path, prefix: &str, files: &mut Vec<Upload>) -> Result<(), HubError> {
    let failed = |source| HubError::io(directory, source);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(HubError::io(
                &path,
                std::io::ErrorKind::InvalidFilename.into(),
            ));
        };
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{name}");
        let metadata = fs::metadata(&path).map_err(|source| HubError::io(&path, source))?;
        match metadata.is_dir() {
            true => add_files(&path, &format!("{name}/"), files)?,
            false => files.push(Upload {
                name,
                path,
                size: metadata.len(),
            }),
        }
    }
    Ok(())
}
