//! Directory of a trial, and the files it shares with other trials.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::remove_partial_files;
use finetune_train::write_json;
use serde::Serialize;

use crate::error::StudyError;
use crate::trial::hash;

/// Directory of a trial, locked by this program.
#[derive(Debug)]
pub struct TrialDirectory {
    pub(crate) path: PathBuf,
    pub(crate) shared: PathBuf,
    /// Released on drop, and by the system if the program is killed.
    pub(crate) lock: File,
}

pub(crate) const RESULT: &str = "result.json";
pub(crate) const FAILURE: &str = "failure.json";

impl TrialDirectory {
    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory of the run, used by the experiment only.
    pub fn run(&self) -> PathBuf {
        self.path.join("run")
    }

    /// Returns a directory in the study's shared one for data of a kind that depends only on `key`;
    /// it may not exist.
    pub fn shared(&self, kind: &str, key: &impl Serialize) -> PathBuf {
        self.shared.join(kind).join(hash(key))
    }

    /// Returns the directory of data that all trials with the same kind and key share, creating it
    /// with `make` on first use. Other programs wait until it is complete. If the creating program
    /// is killed, the next caller runs `make` again on the partial directory.
    ///
    /// # Errors
    /// - The errors of `make`.
    /// - [`StudyError::Io`] if a lock or marker file cannot be read or written.
    pub fn get_or_create<E: From<StudyError>>(
        &self,
        kind: &str,
        key: &impl Serialize,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let directory = self.shared(kind, key);
        let done = directory.with_extension("json");
        if done.exists() {
            return Ok(directory);
        }
        fs::create_dir_all(&directory).map_err(StudyError::io(&directory))?;
        let lock_path = directory.with_extension("lock");
        let lock = open_lock(&lock_path)?;
        lock.lock().map_err(StudyError::io(&lock_path))?;
        if !done.exists() {
            make(&directory)?;
            write_json(&done, key).map_err(StudyError::from)?;
        }
        Ok(directory)
    }

    /// Removes the recorded failure and partial files of a killed program.
    pub(super) fn clear(&self) -> Result<(), StudyError> {
        remove_partial_files(&self.path).map_err(StudyError::io(&self.path))?;
        let failure = self.path.join(FAILURE);
        match fs::remove_file(&failure) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StudyError::io(failure)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Opens or creates a lock file.
pub(crate) fn open_lock(path: &Path) -> Result<File, StudyError> {
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(path);
    file.map_err(StudyError::io(path))
}
