//! Fingerprint of a checkpoint and of the runs that start from it.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use finetune_model::model_directory;
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::Xxh3;

use crate::error::StudyError;

/// Returns the fingerprint of an experiment whose trials are training runs.
pub(super) fn run_fingerprint(
    model: &Path,
    data: Value,
    device_name: &str,
) -> Result<Value, StudyError> {
    Ok(json!({
        "model": model_fingerprint(model)?,
        "data": data,
        "device": device_name,
    }))
}

/// Returns the path of a checkpoint that does not depend on the working directory: a run can only
/// be resumed with the paths it started with.
pub(super) fn resumable_path(model: &Path) -> Result<PathBuf, StudyError> {
    fs::canonicalize(model_directory(model)?).map_err(StudyError::io(model))
}

/// Returns a hash of each file in a checkpoint directory, by file name. The name and location of
/// the directory are not part of the fingerprint.
pub(super) fn model_fingerprint(model: &Path) -> Result<Value, StudyError> {
    let directory = &model_directory(model)?;
    let failed = || StudyError::io(directory);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = fs::metadata(entry.path()).map_err(failed())?.is_file();
        if is_file && is_of_model(&name) {
            names.push(name);
        }
    }
    names.sort_unstable();
    let hashes = names.into_iter().map(|name| {
        let path = directory.join(&name);
        let hash = hash_of(&path).map_err(StudyError::io(path))?;
        Ok((name, Value::String(hash)))
    });
    Ok(Value::Object(
        hashes.collect::<Result<Map<_, _>, StudyError>>()?,
    ))
}

/// Returns whether a file belongs to the model: weights, settings or vocabulary, but not model
/// cards or licenses.
fn is_of_model(name: &str) -> bool {
    let extensions = [".json", ".txt", ".safetensors", ".bin", ".model"];
    !name.starts_with('.') && extensions.iter().any(|extension| name.ends_with(extension))
}

fn hash_of(path: &Path) -> std::io::Result<String> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; 1 << 20]);
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(format!("{:016x}", hash.digest())),
            bytes => hash.update(&buffer[..bytes]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_counts_and_not_the_place() {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for directory in &directories {
            fs::write(directory.path().join("config.json"), "{}").unwrap();
            fs::write(
                directory.path().join("README.md"),
                directory.path().display().to_string(),
            )
            .unwrap();
        }
        let fingerprints = || {
            directories
                .each_ref()
                .map(|directory| model_fingerprint(directory.path()).unwrap())
        };
        let [first, second] = fingerprints();
        assert_eq!(first, second);
        assert_eq!(first.as_object().unwrap().len(), 1);
        fs::write(directories[1].path().join("config.json"), "{ }").unwrap();
        let [first, second] = fingerprints();
        assert_ne!(first, second);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = model_fingerprint(Path::new("no/such/model"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no/such/model"), "{error}");
    }
}
