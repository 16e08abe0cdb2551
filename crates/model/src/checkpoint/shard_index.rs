//! Weights in several files: an index in JSON says which shard holds which tensor, as
//! [transformers writes it](https://huggingface.co/docs/transformers/big_models).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::stored_tensor::{StoredTensor, StoredTensors};
use super::weights::open_file;
use crate::ModelError;

/// Longest index accepted; those of the largest models are a hundredth of it.
const LONGEST_INDEX: u64 = 100_000_000;

#[derive(Deserialize)]
struct Index {
    /// Tensor name to file name.
    weight_map: BTreeMap<String, String>,
}

/// The tensors of all shards. Which shard a tensor is taken from is for the index to say.
///
/// # Errors
/// [`ModelError::Io`] and [`ModelError::IndexSyntax`] for the index itself,
/// [`ModelError::ShardPath`] if it names something that is not a file beside it,
/// [`ModelError::MissingShard`], [`ModelError::NotInShard`] if a shard lacks a tensor that it
/// should have, and what `open_shard` returns.
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
            return Err(ModelError::MissingShard {
                path: path.to_path_buf(),
                shard: shard.clone(),
            });
        }
        stored.insert(shard.clone(), open_shard(&shard_path)?);
    }
    let mut tensors = BTreeMap::new();
    for (name, shard) in &index.weight_map {
        let tensor: Option<StoredTensor> = stored.get_mut(shard).and_then(|of| of.remove(name));
        let tensor = tensor.ok_or_else(|| ModelError::NotInShard {
            path: path.to_path_buf(),
            tensor: name.clone(),
            shard: shard.clone(),
        })?;
        tensors.insert(name.clone(), tensor);
    }
    // What the index does not name is there all the same: taken, or reported as unused.
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
        .map_err(|source| ModelError::Io {
            path: path.to_path_buf(),
            source,
        })?;
    serde_json::from_slice(&text).map_err(|source| ModelError::IndexSyntax {
        path: path.to_path_buf(),
        source,
    })
}

/// The path of a shard. An index comes with a download: it may not point at other folders.
fn beside(index: &Path, shard: &str) -> Result<PathBuf, ModelError> {
    let mut components = Path::new(shard).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) if name == shard => Ok(index.with_file_name(name)),
        _ => Err(ModelError::ShardPath {
            path: index.to_path_buf(),
            shard: shard.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_plain_name() {
        let index = Path::new("folder/model.safetensors.index.json");
        let good = beside(index, "model-00001-of-00002.safetensors").unwrap();
        assert_eq!(good, Path::new("folder/model-00001-of-00002.safetensors"));
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/etc/passwd",
            "./x",
            "x/",
            "a/../b",
        ] {
            let error = beside(index, bad).unwrap_err();
            assert!(matches!(error, ModelError::ShardPath { .. }), "{bad}");
        }
    }
}
