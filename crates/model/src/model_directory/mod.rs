//! A model by the path of its directory, or by its name on the Hugging Face hub.
//!
//! As for [`from_pretrained`](https://huggingface.co/docs/transformers/main_classes/model), an existing
//! directory always wins. Anything else that can be a name is one: `bert-base-uncased`,
//! `google-bert/bert-base-uncased`, or with a revision, `google-bert/bert-base-uncased@main`. Its files
//! are downloaded once into the cache that transformers uses, too.

#[cfg(feature = "hub")]
mod files;

use std::path::{Component, Path, PathBuf};

#[cfg(feature = "hub")]
use finetune_hub::{Hub, RepoType, Repository};

use crate::error::ModelError;

/// Returns the directory of a model: the path itself, or the directory of its files in the cache if it
/// is a name on the hub. With the feature `hub` they are downloaded unless the cache has them.
///
/// Everything that opens a model by its directory calls this function.
///
/// ```
/// use finetune_model::model_directory;
///
/// let directory = tempfile::tempdir()?;
/// assert_eq!(model_directory(directory.path())?, directory.path());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// - [`ModelError::NoSuchDirectory`] for a name, without the feature `hub`.
/// - `ModelError::Hub` if the model cannot be downloaded.
pub fn model_directory(model: &Path) -> Result<PathBuf, ModelError> {
    match name(model) {
        None => Ok(model.to_path_buf()),
        Some(name) => named(name),
    }
}

/// Returns the text of a path that does not exist and can be a name on the hub: `owner/name` or `name`.
fn name(model: &Path) -> Option<&str> {
    let mut parts = model.components();
    let plain = |part| matches!(part, Component::Normal(_));
    let count = model.components().count();
    let can_be_name = parts.all(plain) && (1..=2).contains(&count);
    model.to_str().filter(|_| can_be_name && !model.exists())
}

#[cfg(not(feature = "hub"))]
fn named(name: &str) -> Result<PathBuf, ModelError> {
    let model = name.to_owned();
    Err(ModelError::NoSuchDirectory { model })
}

#[cfg(feature = "hub")]
fn named(name: &str) -> Result<PathBuf, ModelError> {
    let failed = |source| ModelError::hub(name, source);
    download_model(&Hub::from_env().map_err(failed)?, name)
}

/// Downloads the files of a model from the given hub: `config.json`, tokenizer, weights (safetensors, or
/// else `pytorch_model.bin`), and the modules of an embedding model. Returns their directory.
///
/// # Errors
/// - `ModelError::Hub` if the name is invalid, or the model cannot be downloaded.
#[cfg(feature = "hub")]
pub fn download_model(hub: &Hub, name: &str) -> Result<PathBuf, ModelError> {
    let repository = Repository::parse(RepoType::Model, name);
    let directory = repository
        .and_then(|repository| hub.download_selected(&repository, &files::select, &mut |_| ()));
    directory.map_err(|source| ModelError::hub(name, source))
}

/// Returns what a record says of the model that was loaded from a directory: the name and the commit
/// if it came from the hub, which mean the same on every machine, or the path.
///
/// ```
/// use finetune_model::model_source;
///
/// assert_eq!(model_source("runs/teacher/model".as_ref()), "runs/teacher/model");
/// ```
pub fn model_source(directory: &Path) -> String {
    #[cfg(feature = "hub")]
    if let Some(repository) = Repository::of_snapshot(directory) {
        return repository.name();
    }
    directory.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_and_looks_like_a_name_is_one() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["runs/first/model", "./bert", "../bert", "/models/bert", ""] {
            assert_eq!(name(path.as_ref()), None, "{path}");
            assert_eq!(model_directory(path.as_ref()).unwrap(), Path::new(path));
        }
        // The directory that tests run in.
        for there in [Path::new("src"), Path::new("src/head"), directory.path()] {
            assert_eq!(model_directory(there).unwrap(), there);
        }
        for path in [
            "bert-base-uncased",
            "google-bert/bert-base-uncased",
            "a/b@main",
        ] {
            assert_eq!(name(path.as_ref()), Some(path));
        }
    }
}
