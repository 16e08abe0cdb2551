//! The folder of a trial, and what it shares with others.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::remove_partial_files;
use finetune_train::write_json;
use serde::Serialize;

use crate::error::StudyError;
use crate::trial::hash;

/// The folder of a trial, while it is this program's.
#[derive(Debug)]
pub struct TrialDirectory {
    pub(crate) path: PathBuf,
    pub(crate) shared: PathBuf,
    /// Released when it is dropped, and by the system if the program is killed.
    pub(crate) lock: File,
}

pub(crate) const RESULT: &str = "result.json";
pub(crate) const FAILURE: &str = "failure.json";

impl TrialDirectory {
    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the run goes: the experiment's alone.
    pub fn run(&self) -> PathBuf {
        self.path.join("run")
    }

    /// A folder in the study's shared one for everything of a kind that depends on `key` only; it
    /// may be there or not.
    pub fn shared(&self, kind: &str, key: &impl Serialize) -> PathBuf {
        self.shared.join(kind).join(hash(key))
    }

    /// What all trials of a kind and key need and only one makes: the folder of it. Others wait
    /// meanwhile; if the one is killed, the next calls `make` again with what is there.
    ///
    /// # Errors
    /// Whatever `make` returns; [`StudyError::Io`].
    pub fn get_or_create<E: From<StudyError>>(
        &self,
        kind: &str,
        key: &impl Serialize,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let folder = self.shared(kind, key);
        let done = folder.with_extension("json");
        if done.exists() {
            return Ok(folder);
        }
        fs::create_dir_all(&folder).map_err(StudyError::io(&folder))?;
        let lock_path = folder.with_extension("lock");
        let lock = open_lock(&lock_path)?;
        lock.lock().map_err(StudyError::io(&lock_path))?;
        if !done.exists() {
            make(&folder)?;
            write_json(&done, key).map_err(StudyError::from)?;
        }
        Ok(folder)
    }

    /// Forgets that the trial failed, and what a killed program left half-written.
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

/// Opens or makes a file to lock.
pub(crate) fn open_lock(path: &Path) -> Result<File, StudyError> {
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(path);
    file.map_err(StudyError::io(path))
}
