//! Errors of a study.

use std::path::{Path, PathBuf};

use finetune_data::DataError;
use finetune_eval::EvalError;
use finetune_model::ModelError;
use finetune_train::TrainError;

/// Error of a study; each names the setting, variant, parameter or trial it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A run could not be prepared, or a file of a run could not be read or written.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The data could not be read or split.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model could not be read or saved.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A table, test or figure could not be computed from the scores.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// A file of the study could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A file is not valid JSON or TOML, or not a valid study.
    #[error("{}: {what}", path.display())]
    InvalidFile {
        /// File path.
        path: PathBuf,
        /// Message with line and column.
        what: String,
    },
    /// A setting of the study is outside its range.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// Name of the setting.
        setting: String,
        /// Value found.
        found: String,
        /// Allowed values.
        expected: String,
    },
    /// The settings of a variant, parameter or trial are unknown, invalid or contradict each other.
    #[error("{place}: {problem}")]
    InvalidConfig {
        /// Variant, parameter or trial that sets them.
        place: String,
        /// Deserialization error, message of the experiment, or the unknown setting with the known
        /// settings of similar names.
        problem: String,
    },
    /// Parts of the study are invalid or contradict each other: a parameter's values, a setting
    /// that is set twice, variants that are the same, or seeds of an experiment without a seed.
    #[error("{problem}")]
    InvalidStudy {
        /// The parts and what is wrong with them.
        problem: String,
    },
    /// The directory contains trials of another study.
    #[error(
        "{}: the study there has {setting} {saved}, this one {now}; a study may grow, but each of \
         its trials in the directory must still be one",
        path.display()
    )]
    OtherStudy {
        /// Path of the `study.json` in the directory.
        path: PathBuf,
        /// Path of the first difference.
        setting: String,
        /// Value in the directory.
        saved: String,
        /// Value in this study.
        now: String,
    },
    /// The trial number is out of range.
    #[error("there is no trial {index}: the study has {trials}, from 0")]
    UnknownTrial {
        /// Requested trial number.
        index: usize,
        /// Number of trials.
        trials: usize,
    },
    /// The trial belongs to a later rung and is not scheduled.
    #[error("trial {index} ({id}) is not due: {why}")]
    NotScheduled {
        /// Number of the trial.
        index: usize,
        /// ID of the trial.
        id: String,
        /// Reason: an earlier rung is unfinished, or the candidate was eliminated.
        why: String,
    },
    /// A trial does not have a finite score of the required metric.
    #[error("trial {id} has no {metric}: {what}")]
    NoScore {
        /// ID of the trial.
        id: String,
        /// Required metric.
        metric: String,
        /// Description of the problem, such as the available metrics.
        what: String,
    },
    /// A trial failed.
    #[error(transparent)]
    Trial(Box<dyn std::error::Error + Send + Sync>),
}

impl StudyError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn setting(
        setting: impl Into<String>,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::InvalidSetting {
            setting: setting.into(),
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    /// Returns the error of an invalid setting unless it is valid.
    pub(crate) fn check(
        valid: bool,
        setting: impl Into<String>,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Result<(), Self> {
        match valid {
            true => Ok(()),
            false => Err(Self::setting(setting, found, expected)),
        }
    }

    pub(crate) fn study(problem: impl Into<String>) -> Self {
        Self::InvalidStudy {
            problem: problem.into(),
        }
    }

    pub(crate) fn parameter(parameter: &str, what: &str) -> Self {
        Self::study(format!("parameter {parameter} {what}"))
    }

    pub(crate) fn config(place: &str, problem: impl ToString) -> Self {
        Self::InvalidConfig {
            place: place.to_string(),
            problem: problem.to_string(),
        }
    }

    /// Creates the error of a setting that does not exist, with the names of those `beside` it.
    pub(crate) fn unknown_setting(
        place: &str,
        setting: &str,
        nearest: &[String],
        beside: &[&str],
    ) -> Self {
        let nearest = match nearest {
            [] => String::new(),
            names => format!("; the nearest are {}", names.join(", ")),
        };
        let names = beside.join(", ");
        let known = match setting.rsplit_once('.') {
            _ if beside.is_empty() => String::new(),
            Some((level, _)) => format!("; {level} has {names}"),
            None => format!("; there are {names}"),
        };
        Self::config(
            place,
            format!("there is no setting {setting}{nearest}{known}"),
        )
    }

    pub(crate) fn file(path: &Path, what: impl ToString) -> Self {
        Self::InvalidFile {
            path: path.to_path_buf(),
            what: what.to_string(),
        }
    }
}
