//! The weights of a checkpoint folder, whichever of the four layouts they are in.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::stored_tensor::{StoredTensor, StoredTensors};
use super::{pytorch_file, safetensors_file, shard_index};
use crate::ModelError;

/// How the tensors of one layout are found.
pub(crate) type Open = fn(&Path) -> Result<StoredTensors, ModelError>;

/// The files that weights are looked for in; the first that is there is taken, in the order of
/// [`from_pretrained`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/modeling_utils.py):
/// files that cannot hold code before those that can, whole before sharded.
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

/// The files that PEFT keeps an adapter in.
pub(crate) const ADAPTER_FILES: [(&str, Open); 2] = [
    ("adapter_model.safetensors", safetensors_file::open),
    ("adapter_model.bin", pytorch_file::open),
];

/// The tensors of a checkpoint, and which of them have been taken.
pub(crate) struct Weights {
    path: PathBuf,
    tensors: StoredTensors,
    taken: BTreeSet<String>,
}

impl Weights {
    /// Reads the descriptions of all tensors in the first of the `files` that is there, and no
    /// elements.
    ///
    /// # Errors
    /// [`ModelError::NoWeights`] if the folder has none of the files, and what reading the one it
    /// has can bring.
    pub(crate) fn open(directory: &Path, files: &[(&str, Open)]) -> Result<Self, ModelError> {
        for (name, open) in files {
            let path = directory.join(name);
            // A link to nowhere is there, and then an error.
            if path.symlink_metadata().is_ok() {
                return Ok(Self {
                    tensors: open(&path)?,
                    path,
                    taken: BTreeSet::new(),
                });
            }
        }
        Err(ModelError::NoWeights {
            directory: directory.to_path_buf(),
            expected: files
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// The first of the `names` that there is a tensor for, and its tensor.
    pub(crate) fn find(&self, names: &[String]) -> Option<&StoredTensor> {
        names.iter().find_map(|name| self.tensors.get(name))
    }

    /// Notes that a tensor has found its place.
    pub(crate) fn mark_taken(&mut self, name: &str) {
        self.taken.insert(name.to_string());
    }

    /// The names of what has not been taken.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &String> {
        let names = self.tensors.keys();
        names.filter(|name| !self.taken.contains(*name))
    }

    /// The file that was read: the weights themselves or their index.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens a file to read it. A folder can be opened on some systems, too, and is refused here.
pub(super) fn open_file(path: &Path) -> Result<File, ModelError> {
    let open = || {
        let file = File::open(path)?;
        match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(file),
        }
    };
    open().map_err(|source| ModelError::Io {
        path: path.to_path_buf(),
        source,
    })
}
