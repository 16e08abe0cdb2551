//! Errors of the crate.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use finetune_predict::PredictError;

/// Error of loading models or starting a server; it names the file, model or value. Invalid
/// requests are reported to the client instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A model cannot be loaded.
    #[error("model {name}: {source}")]
    Model {
        /// Name of the model.
        name: String,
        /// Error of loading it.
        source: Box<PredictError>,
    },
    /// A setting is out of range.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Value found.
        found: String,
        /// Valid values.
        expected: String,
    },
    /// There are no models to serve.
    #[error("no models to serve")]
    NoModels,
    /// A model name is not valid in a path.
    #[error(
        "model name {name:?}, expected up to 100 letters, digits, dots, hyphens or underscores"
    )]
    InvalidName {
        /// Name found.
        name: String,
    },
    /// Two models have the same name.
    #[error("two models are called {name}: {first} and {second}")]
    DuplicateName {
        /// Duplicate name.
        name: String,
        /// Origin of the first model.
        first: String,
        /// Origin of the second model.
        second: String,
    },
    /// A model is to be replaced that is not served.
    #[error("no model is called {name}")]
    UnknownName {
        /// Unknown name.
        name: String,
    },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A file has invalid content.
    #[error("{}: {message}", path.display())]
    InvalidFile {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The server cannot listen on an address.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Address.
        address: SocketAddr,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("no thread for model {name}: {source}")]
    Thread {
        /// Name of the model.
        name: String,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl ServeError {
    /// Returns the error of an invalid setting unless it is valid.
    pub(crate) fn check(
        valid: bool,
        setting: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> Result<(), Self> {
        match valid {
            true => Ok(()),
            false => Err(Self::InvalidSetting {
                setting,
                found: found.to_string(),
                expected: expected.to_string(),
            }),
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}
