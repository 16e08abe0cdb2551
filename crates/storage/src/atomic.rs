//! Atomic writes of small files.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::writer::{directory_of, sync_directory};

/// Prefix and suffix of the names of incomplete files.
const PREFIX: &str = ".";
const SUFFIX: &str = ".partial";

/// Writes a file atomically: the content goes to a temporary file in the same directory, which
/// replaces `path` after it is synced to disk. If writing fails, an existing file is unchanged
/// and the temporary file is removed.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("config.json");
/// finetune_storage::write_atomically(&path, b"{}")?;
/// assert_eq!(std::fs::read(&path)?, b"{}");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// - An [`io::Error`] if the file cannot be written, for example because the disk is full.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // Temporary files are private to the owner by default; this one gets ordinary permissions.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(directory_of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    sync_directory(path)
}

/// Removes incomplete files that killed processes left in a directory. No process may be writing to
/// the directory at this time.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// std::fs::write(directory.path().join(".aB3xYz.partial"), "half of")?;
/// finetune_storage::remove_partial_files(directory.path())?;
/// assert_eq!(std::fs::read_dir(directory.path())?.count(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// - An [`io::Error`] if the directory cannot be read or a file cannot be removed. A missing
///   directory is not an error.
pub fn remove_partial_files(directory: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vocab.txt");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("file"), "kept").unwrap();
        assert!(write_atomically(&taken, b"x").is_err());
        assert!(write_atomically(&directory.path().join("no/directory"), b"x").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(fs::read(taken.join("file")).unwrap(), b"kept");
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_system_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (ours, plain) = (
            directory.path().join("ours"),
            directory.path().join("plain"),
        );
        write_atomically(&ours, b"").unwrap();
        fs::write(&plain, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
