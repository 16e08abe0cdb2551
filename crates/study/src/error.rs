//! What can be wrong with a study.

use std::path::PathBuf;

use finetune_data::DataError;
use finetune_eval::EvalError;
use finetune_model::ModelError;
use finetune_train::TrainError;

/// An error of a study; each names the setting, variant, parameter or trial it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A run, or a file of one, could not be prepared, read or written.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The data could not be read or divided.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model could not be read or saved.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A table, test or figure could not be made of the scores.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// A file of the study could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is no JSON, or not the one expected.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// A file is no study.
    #[error("{}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        what: String,
    },
    /// A part of the study is outside its range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// The part.
        setting: String,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A parameter cannot be tried.
    #[error("parameter {parameter} {what}")]
    Parameter {
        /// The setting of the parameter.
        parameter: String,
        /// What is wrong with it.
        what: String,
    },
    /// A setting that the experiment has not got.
    #[error("{place}: there is no setting {setting}{}", did_you_mean(nearest))]
    UnknownSetting {
        /// The variant or parameter that sets it.
        place: String,
        /// The setting, its parts joined by dots.
        setting: String,
        /// Settings with names like it.
        nearest: Vec<String>,
    },
    /// A setting with a value that it cannot have.
    #[error("{place}: {source}")]
    SettingValue {
        /// The variant or parameter that sets it.
        place: String,
        /// What is wrong with the value.
        source: serde_json::Error,
    },
    /// The settings of a trial contradict each other, or one is outside its range.
    #[error("{trial}: {what}")]
    Config {
        /// The variant and its values.
        trial: String,
        /// What is wrong.
        what: String,
    },
    /// A setting is set twice in different ways.
    #[error("{setting} is set by {first} and by {second}")]
    SetTwice {
        /// The setting.
        setting: String,
        /// What sets it first.
        first: String,
        /// What sets it again.
        second: String,
    },
    /// Two variants would be the same trials.
    #[error("variants {first:?} and {second:?} are the same")]
    DuplicateVariants {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// Seeds for an experiment in which nothing is random.
    #[error("{setting} is set, but the experiment has no seed")]
    NoSeed {
        /// What asks for seeds.
        setting: String,
    },
    /// The folder holds trials of another study.
    #[error(
        "{}: the study there has {setting} {saved}, this one {now}; a study may grow, but each of \
         its trials in the folder must still be one",
        path.display()
    )]
    OtherStudy {
        /// The folder's `study.json`.
        path: PathBuf,
        /// What differs first.
        setting: String,
        /// What it is there.
        saved: String,
        /// What it is here.
        now: String,
    },
    /// There is no such trial.
    #[error("there is no trial {index}: the study has {trials}, from 0")]
    UnknownTrial {
        /// What was asked for.
        index: usize,
        /// How many there are.
        trials: usize,
    },
    /// A trial of a later rung that is not due.
    #[error("trial {index} ({id}) is not due: {why}")]
    NotScheduled {
        /// Its number.
        index: usize,
        /// Its name.
        id: String,
        /// What is missing, or that it was left behind.
        why: String,
    },
    /// A trial gave no score that it could be compared by.
    #[error("trial {id} has no {metric}: {what}")]
    NoScore {
        /// Its name.
        id: String,
        /// What was wanted.
        metric: String,
        /// What it has instead.
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
