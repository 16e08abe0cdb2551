//! Directories of files that are written atomically.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::StorageError;
use crate::writer::sync_directory;

/// Name of the file that lists the other files.
const LIST: &str = "files.json";

/// Length and checksum of a file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileChecksum {
    bytes: usize,
    /// Hexadecimal, because some JSON readers cannot represent all 64-bit integers.
    xxh3: String,
}

impl FileChecksum {
    fn of(content: &[u8]) -> Self {
        Self {
            bytes: content.len(),
            xxh3: format!("{:016x}", xxh3_64(content)),
        }
    }
}

/// Atomic writer of a directory of files.
///
/// Until [`Self::finish`], the directory is named `.NAME.partial`. It is renamed after all files
/// are synced to disk. Leftovers of a killed process are replaced by the next writer.
///
/// ```
/// use finetune_storage::{Directory, DirectoryWriter};
///
/// let parent = tempfile::tempdir()?;
/// let path = parent.path().join("step-100");
/// let mut writer = DirectoryWriter::create(&path)?;
/// writer.file("weights", b"123")?;
/// assert!(!path.exists());
/// writer.finish()?;
/// assert_eq!(Directory::open(&path)?.read("weights")?, b"123");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DirectoryWriter {
    path: PathBuf,
    partial: PathBuf,
    files: BTreeMap<String, FileChecksum>,
    finished: bool,
}

impl DirectoryWriter {
    /// Creates the writer of the directory `path`; its parent directory must exist.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if the directory already exists or cannot be created.
    pub fn create(path: &Path) -> Result<Self, StorageError> {
        if path.exists() {
            return Err(StorageError::io(path)(
                std::io::ErrorKind::AlreadyExists.into(),
            ));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let partial = path.with_file_name(format!(".{name}.partial"));
        remove(&partial)?;
        fs::create_dir(&partial).map_err(StorageError::io(&partial))?;
        Ok(Self {
            path: path.to_path_buf(),
            partial,
            files: BTreeMap::new(),
            finished: false,
        })
    }

    /// Adds a file.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if the file cannot be written.
    pub fn file(&mut self, name: &str, content: &[u8]) -> Result<(), StorageError> {
        self.write(name, content)?;
        self.files
            .insert(name.to_string(), FileChecksum::of(content));
        Ok(())
    }

    /// Completes the directory and renames it to its final name.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if a file cannot be written or the directory cannot be renamed.
    pub fn finish(mut self) -> Result<(), StorageError> {
        let list = serde_json::to_vec_pretty(&self.files);
        let list = list.map_err(StorageError::metadata(&self.partial))?;
        self.write(LIST, &list)?;
        let failed = || StorageError::io(&self.path);
        sync_directory(&self.partial.join(LIST)).map_err(failed())?;
        fs::rename(&self.partial, &self.path).map_err(failed())?;
        self.finished = true;
        sync_directory(&self.path).map_err(failed())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), StorageError> {
        let path = self.partial.join(name);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        // The error names the final path, because the partial directory is an internal detail.
        written.map_err(StorageError::io(&self.path.join(name)))
    }
}

impl Drop for DirectoryWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Errors are ignored; the next writer replaces the directory anyway.
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// Directory written by a [`DirectoryWriter`].
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    files: BTreeMap<String, FileChecksum>,
}

impl Directory {
    /// Opens a directory.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if the list of files cannot be read.
    /// - [`StorageError::Corrupted`] if the list of files is invalid.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let list = path.join(LIST);
        let text = fs::read(&list).map_err(StorageError::io(&list))?;
        let files = serde_json::from_slice(&text);
        Ok(Self {
            path: path.to_path_buf(),
            files: files.map_err(|error| StorageError::corrupted(&list, error.to_string()))?,
        })
    }

    /// Returns whether the directory has a file of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Returns the verified content of a file.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if the file cannot be read.
    /// - [`StorageError::Corrupted`] if its checksum does not match or the directory has no such
    ///   file.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        let path = self.path.join(name);
        let Some(expected) = self.files.get(name) else {
            return Err(StorageError::corrupted(&path, format!("not in {LIST}")));
        };
        let content = fs::read(&path).map_err(StorageError::io(&path))?;
        let found = FileChecksum::of(&content);
        if found != *expected {
            let what = format!("expected {expected:?}, found {found:?}");
            return Err(StorageError::corrupted(&path, what));
        }
        Ok(content)
    }
}

/// Removes a directory if it exists.
fn remove(path: &Path) -> Result<(), StorageError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::io(path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_finished_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("one");
        let mut writer = DirectoryWriter::create(&path).unwrap();
        writer.file("a", b"1").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_program_left_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("one");
        let mut killed = DirectoryWriter::create(&path).unwrap();
        killed.file("old", b"1").unwrap();
        std::mem::forget(killed);
        let mut writer = DirectoryWriter::create(&path).unwrap();
        writer.file("new", b"2").unwrap();
        writer.finish().unwrap();
        let directory = Directory::open(&path).unwrap();
        assert!(directory.contains("new") && !directory.contains("old"));
        assert!(!path.join("old").exists());
    }

    #[test]
    fn another_byte_or_length_is_noticed() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("one");
        let mut writer = DirectoryWriter::create(&path).unwrap();
        writer.file("a", b"12").unwrap();
        writer.finish().unwrap();
        assert!(DirectoryWriter::create(&path).is_err());
        let directory = Directory::open(&path).unwrap();
        assert_eq!(directory.read("a").unwrap(), b"12");
        for corrupted in [&b"13"[..], b"1", b"123", b""] {
            fs::write(path.join("a"), corrupted).unwrap();
            let error = directory.read("a").unwrap_err();
            assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
        }
        assert!(directory.read("b").is_err());
        fs::write(path.join(LIST), "{").unwrap();
        let error = Directory::open(&path).unwrap_err();
        assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
    }
}
