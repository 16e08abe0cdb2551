//! Errors of this crate.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::api::sync::ApiError;

/// Error of this crate.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// A file of the cache cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Path of the file or directory.
        path: PathBuf,
        /// Error reported by the operating system.
        source: io::Error,
    },

    /// The repository id or the revision is invalid.
    #[error(
        "expected a repository like owner/name and a revision like main, found {id:?} and {revision:?}"
    )]
    InvalidRepository {
        /// The repository id.
        id: String,
        /// The revision.
        revision: String,
    },

    /// There is no cache directory: no environment variable sets it and there is no home directory.
    #[error("no directory for the cache: set HF_HOME")]
    NoCacheDir,

    /// Offline mode is enabled and the cache lacks requested files.
    #[error(
        "{repository}: offline (HF_HUB_OFFLINE), and {cache} has no {}",
        allow_patterns
    )]
    Offline {
        /// The repository.
        repository: String,
        /// Directory of the cache.
        cache: PathBuf,
        /// The requested patterns, separated by commas.
        allow_patterns: String,
    },

    /// The repository, revision or file does not exist or is not accessible.
    #[error("{url}: the hub has no such repository, revision or file (status {status})")]
    NotFound {
        /// The requested URL.
        url: String,
        /// HTTP status: 401, 403 or 404, depending on the hub.
        status: u16,
    },

    /// No file of the repository matches the requested patterns.
    #[error("{repository}: no file like {}", allow_patterns)]
    NoMatchingFiles {
        /// The repository.
        repository: String,
        /// The requested patterns, separated by commas.
        allow_patterns: String,
    },

    /// The hub could not be reached, or the connection failed, in every attempt.
    #[error("{url}: {attempts} attempts failed, the last one: {reason}")]
    Unreachable {
        /// The requested URL.
        url: String,
        /// Number of attempts.
        attempts: u32,
        /// Reason of the last failure.
        reason: String,
    },

    /// The hub sent no data for too long.
    #[error("{url}: nothing came for {} seconds", patience.as_secs_f64())]
    Timeout {
        /// The requested URL.
        url: String,
        /// Maximum time without data.
        patience: Duration,
    },

    /// Unexpected HTTP response from the hub.
    #[error("{url}: {reason}")]
    InvalidResponse {
        /// The requested URL.
        url: String,
        /// Description of the problem.
        reason: String,
    },

    /// A name sent by the hub leads outside the cache directory.
    #[error("{repository}: the name {name:?} leads out of the directory of the repository")]
    UnsafeName {
        /// The repository.
        repository: String,
        /// The name.
        name: String,
    },

    /// The hash of a downloaded file is wrong, in every attempt.
    #[error("{path}: expected a file with the hash {expected}, found {found}")]
    Corrupted {
        /// Path of the file.
        path: PathBuf,
        /// The expected hash.
        expected: String,
        /// Hash of the downloaded file.
        found: String,
    },
}

impl HubError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io { path, source }
    }

    pub(crate) fn response(url: &str, reason: impl ToString) -> Self {
        let (url, reason) = (url.to_owned(), reason.to_string());
        Self::InvalidResponse { url, reason }
    }
}

/// Classification of a failed request.
pub(crate) enum Failure {
    /// Permanent failure.
    Final(HubError),
    /// Temporary failure with its reason; the request may be retried.
    Transient(String),
    /// The partial file does not match the remote file; restart the download.
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
                | ureq::Error::Json(_)) => Self::Final(HubError::response(&url, error)),
                error => Self::Transient(error.to_string()),
            },
            ApiError::InvalidResume => Self::UnusablePart,
            error @ (ApiError::IoError(_) | ApiError::LockAcquisition(_)) => {
                Self::Transient(error.to_string())
            }
            error => Self::Final(HubError::response(&url, error)),
        }
    }
}
