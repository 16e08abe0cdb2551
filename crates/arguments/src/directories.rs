//! Directories of models and datasets: what the values of `--model` and `--data` stand for.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::download_bar::show_downloads;
use crate::error::ArgumentsError;

/// Returns the directory of the model that was `asked_for`: itself, or that of a name on the hub, whose
/// files are downloaded once.
///
/// # Errors
/// [`ArgumentsError::NoModel`] if there is none, [`ArgumentsError::Model`] if a download fails.
pub fn model_directory(asked_for: &Path) -> Result<PathBuf, ArgumentsError> {
    show_downloads();
    let directory = finetune::model::model_directory(asked_for)?;
    match directory.is_dir() {
        true => Ok(directory),
        false => Err(ArgumentsError::NoModel { path: directory }),
    }
}

/// Returns the directory `asked_for`; for `hub`, downloads the dataset from the hub once and
/// returns the directory of its files.
///
/// # Errors
/// If the download fails.
pub fn data_directory(name: &str, asked_for: &Path) -> Result<PathBuf, Box<dyn Error>> {
    match asked_for == Path::new("hub") {
        true => {
            show_downloads();
            Ok(finetune::data::catalog::get(name)?.download()?)
        }
        false => Ok(asked_for.to_path_buf()),
    }
}

/// Parses `NAME=DIR`, a dataset and its directory.
///
/// # Errors
/// - A message for the command line if there is no `=`.
pub fn named_directory(text: &str) -> Result<(String, PathBuf), String> {
    let (name, directory) = text.split_once('=').ok_or("expected NAME=DIR")?;
    Ok((name.to_string(), directory.into()))
}
