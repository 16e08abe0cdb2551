//! Directory of a study: its files, and the locks that coordinate several programs.
//!
//! | path | content |
//! |---|---|
//! | `study.json` | the study with all settings, and the experiment's fingerprint |
//! | `trials/ID/run/` | run files, such as a [`RunDirectory`](finetune_train::RunDirectory) |
//! | `trials/ID/result.json` | scores of a finished trial |
//! | `trials/ID/failure.json` | error of a failed trial |
//! | `trials/ID/lock` | locked by the program that runs the trial |
//! | `shared/` | files shared by trials |
//! | `report.html`, `report.md`, `report.json`, `trials.csv` | results |
//!
//! There is no database and no server. The program that holds the lock of a trial runs it, and the
//! system releases the lock when that program ends for any reason. Several programs can share one
//! directory, also on several machines if the file system supports locks.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::remove_partial_files;
use finetune_train::{TrainError, first_difference, read_json, write_json};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::StudyConfig;
use crate::error::StudyError;
use crate::plan::{Study, StudyRecord};
use crate::trial::Trial;
use crate::trial_directory::{FAILURE, RESULT, TrialDirectory, open_lock};
use crate::trial_result::{TrialFailure, TrialResult, TrialState};

/// Directory of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyDirectory(PathBuf);

impl StudyDirectory {
    /// Opens or creates the directory of a study.
    ///
    /// A study may be extended in its directory (more seeds, variants, values or samples), and its
    /// comparison settings may change; existing results are reused.
    ///
    /// # Errors
    /// - [`StudyError::OtherStudy`] if the directory belongs to another experiment, or contains
    ///   trials that are not part of this study.
    /// - [`StudyError::Io`] if a file cannot be read or written.
    /// - [`StudyError::Train`] if a stored file cannot be read or parsed.
    pub fn open(path: &Path, study: &Study) -> Result<Self, StudyError> {
        fs::create_dir_all(path).map_err(StudyError::io(path))?;
        // A run can only be resumed with the paths it started with.
        let directory = Self(fs::canonicalize(path).map_err(StudyError::io(path))?);
        for made in [directory.trials(), directory.shared()] {
            fs::create_dir_all(&made).map_err(StudyError::io(made))?;
        }
        let _lock = directory.lock()?;
        remove_partial_files(path).map_err(StudyError::io(path))?;
        let file = directory.study();
        if !file.exists() {
            write_json(&file, study.record())?;
        } else if let Some(difference) = directory.difference(study)? {
            let began = directory.began()?;
            let is_ours = |id: &String| study.trials().iter().any(|trial| trial.id == *id);
            let is_of_experiment = !difference.0.starts_with("fingerprint");
            if !(is_of_experiment && began.iter().all(is_ours)) {
                let (setting, saved, now) = difference;
                return Err(StudyError::OtherStudy {
                    path: file,
                    setting,
                    saved,
                    now,
                });
            }
            write_json(&file, study.record())?;
        }
        Ok(directory)
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of `study.json`.
    pub fn study(&self) -> PathBuf {
        self.0.join("study.json")
    }

    /// Returns the directory of all trials.
    pub fn trials(&self) -> PathBuf {
        self.0.join("trials")
    }

    /// Returns the directory of files shared by trials.
    pub fn shared(&self) -> PathBuf {
        self.0.join("shared")
    }

    /// Returns the state of a trial.
    ///
    /// # Errors
    /// [`StudyError::Train`] if a stored file cannot be read or parsed.
    pub fn state(&self, trial: &Trial) -> Result<TrialState, StudyError> {
        let directory = self.trials().join(&trial.id);
        if let Some(result) = read_if_there::<TrialResult>(&directory.join(RESULT))? {
            return Ok(TrialState::Complete(result));
        }
        let failure = read_if_there::<TrialFailure>(&directory.join(FAILURE))?;
        Ok(failure.map_or(TrialState::Pending, TrialState::Failed))
    }

    /// Locks the study's own files, waiting for other programs.
    pub(super) fn lock(&self) -> Result<File, StudyError> {
        let path = self.0.join("study.lock");
        let lock = open_lock(&path)?;
        lock.lock().map_err(StudyError::io(&path))?;
        Ok(lock)
    }

    /// Claims a trial; `None` if another program is running it.
    pub(super) fn claim(&self, trial: &Trial) -> Result<Option<TrialDirectory>, StudyError> {
        let directory = self.unclaimed(trial)?;
        match directory.lock.try_lock() {
            Ok(()) => Ok(Some(directory)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StudyError::io(directory.path)(error)),
        }
    }

    /// Claims a trial, waiting until no other program is running it.
    pub(super) fn claim_waiting(&self, trial: &Trial) -> Result<TrialDirectory, StudyError> {
        let directory = self.unclaimed(trial)?;
        directory
            .lock
            .lock()
            .map_err(StudyError::io(&directory.path))?;
        Ok(directory)
    }

    fn unclaimed(&self, trial: &Trial) -> Result<TrialDirectory, StudyError> {
        let path = self.trials().join(&trial.id);
        fs::create_dir_all(&path).map_err(StudyError::io(&path))?;
        Ok(TrialDirectory {
            lock: open_lock(&path.join("lock"))?,
            shared: self.shared(),
            path,
        })
    }

    /// Returns the first difference between the stored study and this one: path and both values.
    /// The fingerprint is compared first.
    fn difference(&self, study: &Study) -> Result<Option<(String, String, String)>, StudyError> {
        let saved: Value = read_json(&self.study())?;
        let unreadable = |error| StudyError::file(&self.study(), error);
        // Serialized to text like the stored study, so that equal numbers compare equal.
        let now = serde_json::to_string(study.record()).map_err(unreadable)?;
        let now: Value = serde_json::from_str(&now).map_err(unreadable)?;
        Ok(first_difference("", &saved, &now))
    }

    /// Returns the IDs of the trials that have been started.
    fn began(&self) -> Result<Vec<String>, StudyError> {
        let trials = self.trials();
        let mut began = Vec::new();
        for entry in fs::read_dir(&trials).map_err(StudyError::io(&trials))? {
            let entry = entry.map_err(StudyError::io(&trials))?;
            began.push(entry.file_name().to_string_lossy().into_owned());
        }
        Ok(began)
    }
}

fn read_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StudyError> {
    match read_json(path) {
        Ok(value) => Ok(Some(value)),
        Err(TrainError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl StudyDirectory {
    /// Reads the configuration of the study in a directory, without the experiment.
    ///
    /// # Errors
    /// [`StudyError::Train`] if a stored file cannot be read or parsed.
    pub fn read_study(path: &Path) -> Result<StudyConfig, StudyError> {
        let record: StudyRecord = read_json(&path.join("study.json"))?;
        Ok(record.study)
    }
}
