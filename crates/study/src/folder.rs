//! The folder of a study: all that it knows, and what several programs agree by.
//!
//! | place | what |
//! |---|---|
//! | `study.json` | the study, with every setting, and what the experiment said of itself |
//! | `trials/ID/run/` | what the trial leaves: of fine-tuning, a [`RunDirectory`](finetune_train::RunDirectory) |
//! | `trials/ID/result.json` | the scores of a finished trial |
//! | `trials/ID/failure.json` | why a trial failed |
//! | `trials/ID/lock` | locked by the program that is at the trial |
//! | `shared/` | what trials have in common |
//! | `report.html`, `report.md`, `report.json`, `trials.csv` | the results |
//!
//! There is no database and no server: whoever holds the lock of a trial runs it, and the system
//! releases the lock when the program ends, however it ends. Several programs, on several machines
//! if the file system has locks, work in one folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::remove_partial_files;
use finetune_train::{TrainError, first_difference, read_json, write_json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::StudyConfig;
use crate::error::StudyError;
use crate::outcome::{TrialFailure, TrialResult, TrialState};
use crate::plan::{Study, StudyRecord};
use crate::trial::Trial;
use crate::trial_folder::{FAILURE, RESULT, TrialDirectory, open_lock};

/// The folder of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyDirectory(PathBuf);

impl StudyDirectory {
    /// Opens or makes the folder of a study.
    ///
    /// A study may grow in its folder (further seeds, variants, values, draws) and be compared in other
    /// ways; what was tried before counts.
    ///
    /// # Errors
    /// [`StudyError::OtherStudy`] if the folder is of another experiment, or has trials that are
    /// none of this study; [`StudyError::Io`]; [`StudyError::Train`] for a file that cannot be read.
    pub fn open<C: Serialize + DeserializeOwned>(
        path: &Path,
        study: &Study<C>,
    ) -> Result<Self, StudyError> {
        fs::create_dir_all(path).map_err(StudyError::io(path))?;
        // A run goes on only with the paths that it began with.
        let folder = Self(fs::canonicalize(path).map_err(StudyError::io(path))?);
        for made in [folder.trials(), folder.shared()] {
            fs::create_dir_all(&made).map_err(StudyError::io(made))?;
        }
        let _lock = folder.lock()?;
        remove_partial_files(path).map_err(StudyError::io(path))?;
        let file = folder.study();
        if !file.exists() {
            write_json(&file, study.record())?;
        } else if let Some(difference) = folder.difference(study)? {
            let began = folder.began()?;
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
        Ok(folder)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `study.json`
    pub fn study(&self) -> PathBuf {
        self.0.join("study.json")
    }

    /// The folder of all trials.
    pub fn trials(&self) -> PathBuf {
        self.0.join("trials")
    }

    /// The folder of what trials share.
    pub fn shared(&self) -> PathBuf {
        self.0.join("shared")
    }

    /// How a trial stands.
    ///
    /// # Errors
    /// [`StudyError::Train`] for a file that cannot be read.
    pub fn state<C>(&self, trial: &Trial<C>) -> Result<TrialState, StudyError> {
        let folder = self.trials().join(&trial.id);
        if let Some(result) = read_if_there::<TrialResult>(&folder.join(RESULT))? {
            return Ok(TrialState::Complete(result));
        }
        let failure = read_if_there::<TrialFailure>(&folder.join(FAILURE))?;
        Ok(failure.map_or(TrialState::Pending, TrialState::Failed))
    }

    /// Waits until no other program writes the study's own files.
    pub(super) fn lock(&self) -> Result<File, StudyError> {
        let path = self.0.join("study.lock");
        let lock = open_lock(&path)?;
        lock.lock().map_err(StudyError::io(&path))?;
        Ok(lock)
    }

    /// Takes a trial, unless another program is at it.
    pub(super) fn claim<C>(&self, trial: &Trial<C>) -> Result<Option<TrialDirectory>, StudyError> {
        let folder = self.unclaimed(trial)?;
        match folder.lock.try_lock() {
            Ok(()) => Ok(Some(folder)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StudyError::io(folder.path)(error)),
        }
    }

    /// Takes a trial when no other program is at it.
    pub(super) fn claim_waiting<C>(&self, trial: &Trial<C>) -> Result<TrialDirectory, StudyError> {
        let folder = self.unclaimed(trial)?;
        folder.lock.lock().map_err(StudyError::io(&folder.path))?;
        Ok(folder)
    }

    fn unclaimed<C>(&self, trial: &Trial<C>) -> Result<TrialDirectory, StudyError> {
        let path = self.trials().join(&trial.id);
        fs::create_dir_all(&path).map_err(StudyError::io(&path))?;
        Ok(TrialDirectory {
            lock: open_lock(&path.join("lock"))?,
            shared: self.shared(),
            path,
        })
    }

    /// The first difference of the folder's study and this one: path and both values. What tells
    /// the experiment comes first.
    fn difference<C: Serialize + DeserializeOwned>(
        &self,
        study: &Study<C>,
    ) -> Result<Option<(String, String, String)>, StudyError> {
        let saved: Value = read_json(&self.study())?;
        let unreadable = |source| StudyError::Json {
            path: self.study(),
            source,
        };
        // Through text, as the saved study went: a number then is the same number.
        let now = serde_json::to_string(study.record()).map_err(unreadable)?;
        let now: Value = serde_json::from_str(&now).map_err(unreadable)?;
        Ok(first_difference("", &saved, &now))
    }

    /// The names of the trials that were begun.
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
    /// The study that a folder is of, to look at it without the experiment.
    ///
    /// # Errors
    /// [`StudyError::Train`] for a file that cannot be read.
    pub fn read_study(path: &Path) -> Result<StudyConfig, StudyError> {
        let record: StudyRecord = read_json(&path.join("study.json"))?;
        Ok(record.study)
    }
}
