//! What can go wrong before a request arrives.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use finetune_train::TrainError;

/// An error of this crate; each names the file, model or value it is about. What is wrong with a
/// request is not one: the client is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A model could not be loaded.
    #[error("model {name}: {source}")]
    Model {
        /// Its name.
        name: String,
        /// What is wrong with its folder.
        source: Box<TrainError>,
    },
    /// A setting is outside its range.
    #[error("{setting} is {found}, expected {expected}")]
    InvalidSetting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// There is nothing to serve.
    #[error("no models to serve")]
    NoModels,
    /// A name that cannot stand in an address.
    #[error(
        "model name {name:?}, expected up to 100 letters, digits, dots, hyphens or underscores"
    )]
    InvalidName {
        /// The name.
        name: String,
    },
    /// Two models are called the same.
    #[error("two models are called {name}: {first} and {second}")]
    DuplicateName {
        /// The name.
        name: String,
        /// Where the first of them comes from.
        first: String,
        /// Where the second comes from.
        second: String,
    },
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file beside a model is not as expected.
    #[error("{}: {message}", path.display())]
    InvalidFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("no thread for model {name}: {source}")]
    Thread {
        /// The name of the model.
        name: String,
        /// Why.
        source: io::Error,
    },
}

impl ServeError {
    pub(crate) fn setting(
        setting: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> Self {
        Self::InvalidSetting {
            setting,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}
