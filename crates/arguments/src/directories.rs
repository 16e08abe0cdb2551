//! Directories of models and datasets: what the values of `--model` and `--data` stand for.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::error::ArgumentsError;

/// Returns the directory of the model that was `asked_for`.
///
/// # Errors
/// [`ArgumentsError::NoModel`] if there is none.
pub fn model_directory(asked_for: &Path) -> Result<PathBuf, ArgumentsError> {
    match asked_for.is_dir() {
        true => Ok(asked_for.to_path_buf()),
        false => Err(ArgumentsError::NoModel {
            path: asked_for.to_path_buf(),
        }),
    }
}

/// Returns the directory `asked_for`; for `hub`, downloads the dataset from the hub once and
/// returns the directory of its files.
///
/// # Errors
/// If the download fails, or the program was built without the feature `hub`.
pub fn data_directory(name: &str, asked_for: &Path) -> Result<PathBuf, Box<dyn Error>> {
    match asked_for == Path::new("hub") {
        true => download(name),
        false => Ok(asked_for.to_path_buf()),
    }
}

#[cfg(feature = "hub")]
fn download(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    Ok(finetune::data::catalog::get(name)?.download()?)
}

#[cfg(not(feature = "hub"))]
fn download(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    Err(format!("{name} from the hub: build with --features hub").into())
}

/// Parses `NAME=DIR`, a dataset and its directory.
///
/// # Errors
/// - A message for the command line if there is no `=`.
pub fn named_directory(text: &str) -> Result<(String, PathBuf), String> {
    let (name, directory) = text.split_once('=').ok_or("expected NAME=DIR")?;
    Ok((name.to_string(), directory.into()))
}
