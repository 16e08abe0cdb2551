//! What can go wrong between the hub and a file.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::api::sync::ApiError;

/// Every way in which this crate fails.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The operating system could not read or write a file of the cache.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// No repository has such an id or such a revision.
    #[error(
        "expected a repository like owner/name and a revision like main, found {id:?} and {revision:?}"
    )]
    InvalidRepository {
        /// The id.
        id: String,
        /// The revision.
        revision: String,
    },

    /// There is no folder for the cache: neither of the variables is set and there is no home.
    #[error("no folder for the cache: set HF_HOME")]
    NoCache,

    /// The hub is not to be asked, and the cache lacks what is wanted.
    #[error("{repository}: offline (HF_HUB_OFFLINE), and {cache} has no {}", wanted.join(", "))]
    Offline {
        /// The repository.
        repository: String,
        /// The cache.
        cache: PathBuf,
        /// The patterns.
        wanted: Vec<String>,
    },

    /// The hub has no such repository, revision or file, or shows it to others only.
    #[error("{url}: the hub has no such repository, revision or file (status {status})")]
    NotFound {
        /// What was asked for.
        url: String,
        /// 401, 403 or 404: which of them is up to the hub.
        status: u16,
    },

    /// No file of the repository is wanted.
    #[error("{repository}: no file like {}", wanted.join(", "))]
    NoMatchingFiles {
        /// The repository.
        repository: String,
        /// The patterns.
        wanted: Vec<String>,
    },

    /// The hub could not be reached, or the connection broke, in each of several attempts.
    #[error("{url}: {attempts} attempts failed, the last one: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// How often.
        attempts: u32,
        /// What happened last.
        reason: String,
    },

    /// The hub sent nothing for too long.
    #[error("{url}: nothing came for {} seconds", patience.as_secs_f64())]
    Stalled {
        /// What was asked for.
        url: String,
        /// For how long.
        patience: Duration,
    },

    /// The answer is none that a hub gives.
    #[error("{url}: {reason}")]
    UnexpectedAnswer {
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },

    /// A name that the hub sent leads out of the cache's folder.
    #[error("{repository}: the name {name:?} leads out of the folder of the repository")]
    UnsafeName {
        /// The repository.
        repository: String,
        /// The name.
        name: String,
    },

    /// A downloaded file is not the one that the hub has, in each of several attempts.
    #[error("{path}: expected a file with the hash {expected}, found {found}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The hash by which the hub names it.
        expected: String,
        /// The hash of what was downloaded.
        found: String,
    },
}

impl HubError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io { path, source }
    }
}

/// What to do after a failed request.
pub(crate) enum Failure {
    /// It would fail again.
    Final(HubError),
    /// It may succeed the next time; why it failed.
    Transient(String),
    /// What there is of the file does not fit to what is to come: begin anew.
    UnusablePart,
}

impl Failure {
    pub(crate) fn of(error: ApiError, url: &str) -> Self {
        let url = url.to_owned();
        match error {
            ApiError::RequestError(error) => match *error {
                ureq::Error::StatusCode(status @ (401 | 403 | 404)) => {
                    Self::Final(HubError::NotFound { url, status })
                }
                ureq::Error::StatusCode(416) => Self::UnusablePart,
                ureq::Error::StatusCode(status @ (408 | 429 | 500..)) => {
                    Self::Transient(format!("status {status}"))
                }
                error @ (ureq::Error::StatusCode(_)
                | ureq::Error::BadUri(_)
                | ureq::Error::Json(_)) => {
                    let reason = error.to_string();
                    Self::Final(HubError::UnexpectedAnswer { url, reason })
                }
                error => Self::Transient(error.to_string()),
            },
            ApiError::InvalidResume => Self::UnusablePart,
            error @ (ApiError::IoError(_) | ApiError::LockAcquisition(_)) => {
                Self::Transient(error.to_string())
            }
            error => {
                let reason = error.to_string();
                Self::Final(HubError::UnexpectedAnswer { url, reason })
            }
        }
    }
}
