//! Errors of a study.

use std::path::PathBuf;

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
    /// A file is not valid JSON, or does not have the expected structure.
    #[error("{}: {source}", path.display())]
    Json {
        /// File path.
        path: PathBuf,
        /// Message with line and column.
        source: serde_json::Error,
    },
    /// A file is not a valid study.
    #[error("{}: {what}", path.display())]
    File {
        /// File path.
        path: PathBuf,
        /// Message with line and column.
        what: String,
    },
    /// A setting of the study is outside its range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        setting: String,
        /// Value found.
        found: String,
        /// Allowed values.
        expected: String,
    },
    /// A parameter is invalid.
    #[error("parameter {parameter} {what}")]
    Parameter {
        /// Path of the parameter's setting.
        parameter: String,
        /// Description of the problem.
        what: String,
    },
    /// The experiment does not have a setting.
    #[error("{place}: there is no setting {setting}{}", did_you_mean(nearest))]
    UnknownSetting {
        /// Variant or parameter that sets it.
        place: String,
        /// Path of the setting, its parts joined by dots.
        setting: String,
        /// Known settings with similar names.
        nearest: Vec<String>,
    },
    /// The value of a setting is invalid.
    #[error("{place}: {source}")]
    SettingValue {
        /// Variant or parameter that sets it.
        place: String,
        /// Deserialization error of the value.
        source: serde_json::Error,
    },
    /// The settings of a trial contradict each other, or one is outside its range.
    #[error("{trial}: {what}")]
    Config {
        /// Label of the candidate.
        trial: String,
        /// Message of the experiment.
        what: String,
    },
    /// A setting is set twice, by different parts of the study.
    #[error("{setting} is set by {first} and by {second}")]
    SetTwice {
        /// Path of the setting.
        setting: String,
        /// First origin.
        first: String,
        /// Second origin.
        second: String,
    },
    /// Two candidates have the same trials.
    #[error("variants {first:?} and {second:?} are the same")]
    DuplicateVariants {
        /// Label of the first candidate.
        first: String,
        /// Label of the second candidate.
        second: String,
    },
    /// Seeds are set, but the experiment has no seed setting.
    #[error("{setting} is set, but the experiment has no seed")]
    NoSeed {
        /// Name of the setting with the seeds.
        setting: String,
    },
    /// The directory contains trials of another study.
    #[error(
        "{}: the study there has {setting} {saved}, this one {now}; a study may grow, but each of \
         its trials in the folder must still be one",
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
        Self::Setting {
            setting: setting.into(),
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    pub(crate) fn parameter(parameter: &str, what: impl Into<String>) -> Self {
        Self::Parameter {
            parameter: parameter.to_string(),
            what: what.into(),
        }
    }
}

fn did_you_mean(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; the nearest are {}", names.join(", ")),
    }
}
