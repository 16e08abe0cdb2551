//! Sharded weights: a JSON index maps each tensor to a file, as in
//! [transformers](https://huggingface.co/docs/transformers/big_models).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::stored_tensor::{StoredTensor, StoredTensors};
use super::weights::open_file;
use crate::error::ModelError;

/// Maximum index size in bytes; those of the largest models are a hundredth of it.
const LONGEST_INDEX: u64 = 100_000_000;

#[derive(Deserialize)]
struct Index {
    /// File name by tensor name.
    weight_map: BTreeMap<String, String>,
}

/// Opens all shards and returns their tensors, each from the shard that the index names.
///
/// # Errors
/// - [`ModelError::Io`], [`ModelError::Json`] if the index cannot be read or parsed.
/// - [`ModelError::InvalidWeights`] if a shard is not a file in the directory of the index or
///   below.
/// - [`ModelError::InvalidTensor`] if a shard lacks one of its tensors.
/// - The errors of `open_shard`.
pub(super) fn open(
    path: &Path,
    open_shard: fn(&Path) -> Result<StoredTensors, ModelError>,
) -> Result<StoredTensors, ModelError> {
    let index = read(path)?;
    let shards: BTreeSet<&String> = index.weight_map.values().collect();
    let mut stored = BTreeMap::new();
    for shard in shards {
        let shard_path = beside(path, shard)?;
        if !shard_path.exists() {
            return Err(ModelError::weights(
                path,
                format!("shard {shard} is missing"),
            ));
        }
        stored.insert(shard.clone(), open_shard(&shard_path)?);
    }
    let mut tensors = BTreeMap::new();
    for (name, shard) in &index.weight_map {
        let tensor: Option<StoredTensor> = stored.get_mut(shard).and_then(|of| of.remove(name));
        let missing = || ModelError::tensor(path, name, format!("is not in shard {shard}"));
        let tensor = tensor.ok_or_else(missing)?;
        tensors.insert(name.clone(), tensor);
    }
    // Tensors missing from the index are included too: they are loaded, or reported as unexpected.
    for (name, tensor) in stored.into_values().flatten() {
        tensors.entry(name).or_insert(tensor);
    }
    Ok(tensors)
}

fn read(path: &Path) -> Result<Index, ModelError> {
    let mut text = Vec::new();
    open_file(path)?
        .take(LONGEST_INDEX)
        .read_to_end(&mut text)
        .map_err(ModelError::io(path))?;
    serde_json::from_slice(&text).map_err(ModelError::json(path, "an index of weights"))
}

/// Returns the path of a shard in the directory of the index or below. Indexes are downloaded and must
/// not refer to other directories.
fn beside(index: &Path, shard: &str) -> Result<PathBuf, ModelError> {
    let parts: Vec<_> = shard.split('/').collect();
    let mut components = Path::new(shard).components();
    let is_below = components.all(|part| matches!(part, Component::Normal(_)));
    // A component is not empty, `.` or anything else that paths are cleaned of.
    match is_below && Path::new(shard).components().count() == parts.len() {
        true => Ok(index.with_file_name(shard)),
        false => Err(ModelError::weights(
            index,
            format!("shard {shard:?}, expected a file in the directory of the index or below"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_in_the_directory_or_below() {
        let index = Path::new("directory/model.safetensors.index.json");
        let good = beside(index, "model-00001-of-00002.safetensors").unwrap();
        assert_eq!(
            good,
            Path::new("directory/model-00001-of-00002.safetensors")
        );
        let below = beside(index, "weights/part-1.safetensors").unwrap();
        assert_eq!(below, Path::new("directory/weights/part-1.safetensors"));
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a//b",
            "a/..",
            "/etc/passwd",
            "./x",
            "x/",
            "a/../b",
        ] {
            let error = beside(index, bad).unwrap_err();
            assert!(matches!(error, ModelError::InvalidWeights { .. }), "{bad}");
        }
    }
}
