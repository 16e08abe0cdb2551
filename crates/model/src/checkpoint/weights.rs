//! Weights of a checkpoint directory, in any of four file layouts.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::stored_tensor::{StoredTensor, StoredTensors};
use super::{pytorch_file, safetensors_file, shard_index};
use crate::error::ModelError;

/// Function that opens the tensors of a file layout.
pub(crate) type Open = fn(&Path) -> Result<StoredTensors, ModelError>;

/// Weight files in order of preference, as in
/// [`from_pretrained`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/modeling_utils.py):
/// safetensors before pickles, single files before shards.
pub(super) const MODEL_FILES: [(&str, Open); 4] = [
    (super::WEIGHTS_FILE, safetensors_file::open),
    ("model.safetensors.index.json", |path| {
        shard_index::open(path, safetensors_file::open)
    }),
    ("pytorch_model.bin", pytorch_file::open),
    ("pytorch_model.bin.index.json", |path| {
        shard_index::open(path, pytorch_file::open)
    }),
];

/// Weight files of PEFT adapters in order of preference.
pub(crate) const ADAPTER_FILES: [(&str, Open); 2] = [
    ("adapter_model.safetensors", safetensors_file::open),
    ("adapter_model.bin", pytorch_file::open),
];

/// Tensors of a checkpoint, and the names of those that have been loaded.
pub(crate) struct Weights {
    path: PathBuf,
    tensors: StoredTensors,
    taken: BTreeSet<String>,
}

impl Weights {
    /// Reads the descriptions of all tensors, without their elements, from the first existing file.
    ///
    /// # Errors
    /// - [`ModelError::InvalidWeights`] if the directory has none of the `files`.
    /// - The errors of opening the file.
    pub(crate) fn open(directory: &Path, files: &[(&str, Open)]) -> Result<Self, ModelError> {
        for (name, open) in files {
            let path = directory.join(name);
            // A broken link counts as existing and causes an error.
            if path.symlink_metadata().is_ok() {
                return Ok(Self {
                    tensors: open(&path)?,
                    path,
                    taken: BTreeSet::new(),
                });
            }
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        let problem = format!("no weights, expected one of {}", names.join(", "));
        Err(ModelError::weights(directory, problem))
    }

    /// Returns the tensor with the first of the `names` that exists.
    pub(crate) fn find(&self, names: &[String]) -> Option<&StoredTensor> {
        names.iter().find_map(|name| self.tensors.get(name))
    }

    /// Marks a tensor as loaded.
    pub(crate) fn mark_taken(&mut self, name: &str) {
        self.taken.insert(name.to_string());
    }

    /// Returns the names of the tensors that have not been loaded.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &String> {
        let names = self.tensors.keys();
        names.filter(|name| !self.taken.contains(*name))
    }

    /// Returns the path of the opened file: the weights or their index.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens a file for reading. A directory, which can be opened on some systems, is an error.
pub(super) fn open_file(path: &Path) -> Result<File, ModelError> {
    let open = || {
        let file = File::open(path)?;
        match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(file),
        }
    };
    open().map_err(ModelError::io(path))
}
