//! Errors of this crate.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Error of this crate.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// A file of the cache, or one to upload, cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Path of the file or directory.
        path: PathBuf,
        /// Error reported by the operating system.
        source: io::Error,
    },

    /// The disk is full. What was downloaded so far is kept.
    #[error(
        "{path}: the disk is full, {missing} bytes are missing: make room or set HF_HOME to a \
         directory on another disk; the download goes on where it stopped"
    )]
    DiskFull {
        /// Path of the file.
        path: PathBuf,
        /// Number of bytes that are not written yet.
        missing: u64,
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
        "{repository}: offline (HF_HUB_OFFLINE), and {cache} has no {wanted}{}",
        nearest(.cached)
    )]
    Offline {
        /// The repository.
        repository: String,
        /// Directory of the cache.
        cache: PathBuf,
        /// The requested files.
        wanted: String,
        /// Names in the cache, the nearest first.
        cached: Vec<String>,
    },

    /// Offline mode is enabled, and an upload needs the hub.
    #[error("{repository}: offline (HF_HUB_OFFLINE), nothing can be uploaded")]
    UploadOffline {
        /// The repository.
        repository: String,
    },

    /// The hub has no repository of this name, or none that the token may see.
    #[error(
        "{repository}: {endpoint} has no such {kind}{}{}",
        or_private(*.has_token),
        nearest(.cached)
    )]
    UnknownRepository {
        /// The repository.
        repository: String,
        /// `model` or `dataset`.
        kind: &'static str,
        /// Address of the hub.
        endpoint: String,
        /// Whether the request had a token.
        has_token: bool,
        /// Names in the cache, the nearest first.
        cached: Vec<String>,
    },

    /// The repository has no such branch, tag or commit.
    #[error("{repository}: the repository has no such revision")]
    UnknownRevision {
        /// The repository with the revision.
        repository: String,
    },

    /// The repository has no such file.
    #[error("{url}: the repository has no such file")]
    MissingFile {
        /// The requested URL.
        url: String,
    },

    /// The owner of the repository wants to be asked for access.
    #[error(
        "{repository}: its owner grants access on request: ask on {page}, then {}",
        with_token(*.has_token)
    )]
    Gated {
        /// The repository.
        repository: String,
        /// Page on which access is requested.
        page: String,
        /// Whether the request had a token.
        has_token: bool,
    },

    /// The token is invalid, or has no right to do this.
    #[error("{url}: {} (status {status}{})", refused(*.has_token), said(.message))]
    Forbidden {
        /// The requested URL.
        url: String,
        /// HTTP status, 401 or 403.
        status: u16,
        /// Whether the request had a token.
        has_token: bool,
        /// Message of the hub, which may be empty.
        message: String,
    },

    /// No file of the repository matches the request.
    #[error("{repository}: no file like {wanted}")]
    NoMatchingFiles {
        /// The repository.
        repository: String,
        /// The requested patterns, separated by commas.
        wanted: String,
    },

    /// The hub refuses more requests for now.
    #[error("{url}: too many requests (status 429){}", try_again(*.retry_after))]
    RateLimited {
        /// The requested URL.
        url: String,
        /// Time to wait, if the hub says it.
        retry_after: Option<Duration>,
    },

    /// The hub could not be reached, or the connection failed, in every attempt.
    #[error("{url}: {attempts} attempts failed, the last one: {reason}{}", nearest(.cached))]
    Unreachable {
        /// The requested URL.
        url: String,
        /// Number of attempts.
        attempts: u32,
        /// Reason of the last failure.
        reason: String,
        /// Names in the cache, the nearest first.
        cached: Vec<String>,
    },

    /// The hub sent no data for too long.
    #[error("{url}: nothing came for {} seconds", .patience.as_secs_f64())]
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

    /// Adds the names in the cache, which help whoever mistyped one or has no network.
    pub(crate) fn with_cached(mut self, names: impl FnOnce() -> Vec<String>) -> Self {
        if let Self::Offline { cached, .. }
        | Self::UnknownRepository { cached, .. }
        | Self::Unreachable { cached, .. } = &mut self
        {
            *cached = names();
        }
        self
    }

    /// Returns whether the hub was not reached, so that files of the cache may do.
    pub(crate) fn is_of_the_network(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Timeout { .. })
    }
}

fn nearest(cached: &[String]) -> String {
    match cached {
        [] => String::new(),
        names => format!("; in the cache, the nearest first: {}", names.join(", ")),
    }
}

fn or_private(has_token: bool) -> &'static str {
    match has_token {
        true => ", or the token may not see it",
        false => "; a private one needs a token in HF_TOKEN",
    }
}

fn with_token(has_token: bool) -> &'static str {
    match has_token {
        true => "use a token of the account that was granted it (HF_TOKEN)",
        false => "set HF_TOKEN to a token of the account that was granted it",
    }
}

fn refused(has_token: bool) -> &'static str {
    match has_token {
        true => {
            "the hub refuses the token: it is invalid, or has no right to do this; make one on \
             the page /settings/tokens of the hub"
        }
        false => "the hub wants a token: set HF_TOKEN",
    }
}

fn said(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

fn try_again(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(pause) => format!(
            "; try again in {} seconds, or with a token, which has a higher limit",
            pause.as_secs()
        ),
        None => "; try again later, or with a token, which has a higher limit".to_owned(),
    }
}
