//! Weights of a checkpoint directory, in any of four file layouts.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::placeholder_file;

use super::stored_tensor::{StoredTensor, StoredTensors};
use super::{TensorNames, pytorch_file, safetensors_file, shard_index};
use crate::error::ModelError;

/// Function that opens the tensors of a file layout.
pub(crate) type Open = fn(&Path) -> Result<StoredTensors, ModelError>;

/// Weight files in order of preference, as in
/// [`from_pretrained`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/modeling_utils.py):
/// safetensors before pickles, single files before shards.
pub(crate) const MODEL_FILES: [(&str, Open); 4] = [
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

    /// Removes the prefix of a program that wrapped the model before it was saved from the names of
    /// all tensors, such as `module.` or `_orig_mod.`. Without one, names are unchanged.
    pub(crate) fn without_wrapper(mut self, names: &TensorNames) -> Self {
        let (words, prefix) = names.word_embeddings();
        if let Some(wrapper) = wrapper(self.tensors.keys(), &words, prefix) {
            self.tensors = std::mem::take(&mut self.tensors)
                .into_iter()
                .map(|(name, tensor)| {
                    let name = name.strip_prefix(&wrapper).unwrap_or(&name).to_string();
                    let tensor = StoredTensor {
                        name: name.clone(),
                        ..tensor
                    };
                    (name, tensor)
                })
                .collect();
        }
        self
    }

    /// Creates the error of a tensor without which the model cannot be loaded. It names a tensor that
    /// differs in its prefix alone.
    pub(crate) fn missing(&self, name: &str) -> ModelError {
        let longer = |found: &&String| found.ends_with(&format!(".{name}"));
        let problem = match self.tensors.keys().find(longer) {
            Some(found) => format!("is missing; the file has {found}"),
            None => "is missing".to_string(),
        };
        ModelError::tensor(&self.path, name, problem)
    }

    /// Returns the tensor with the first of the `names` that exists.
    pub(crate) fn find(&self, names: &[String]) -> Option<&StoredTensor> {
        names.iter().find_map(|name| self.tensors.get(name))
    }

    /// Marks a tensor as loaded; returns whether it was not before.
    pub(crate) fn mark_taken(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_string())
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

/// Parts that programs put before the names of a model's tensors: data-parallel and compiled models
/// of PyTorch, Lightning, and sentence-transformers.
const WRAPPERS: [&str; 5] = ["module.", "_orig_mod.", "model.", "auto_model.", "0."];

/// Returns the parts before the name of the word embeddings, `words`, that are not of a model with
/// the `family`'s prefix.
fn wrapper<'a>(
    names: impl Iterator<Item = &'a String>,
    words: &str,
    family: &str,
) -> Option<String> {
    let mut prefixes = names.filter_map(|name| name.strip_suffix(words));
    let (prefix, None) = (prefixes.next()?, prefixes.next()) else {
        return None;
    };
    let mut rest = prefix;
    while rest != family
        && let Some(shorter) = WRAPPERS.iter().find_map(|part| rest.strip_prefix(part))
    {
        rest = shorter;
    }
    let wrapper = &prefix[..prefix.len() - rest.len()];
    (!wrapper.is_empty()).then(|| wrapper.to_string())
}

/// Opens a file for reading. A directory, which can be opened on some systems, is an error, and so is
/// what a download or clone may leave in place of a file.
pub(super) fn open_file(path: &Path) -> Result<File, ModelError> {
    let open = || {
        let file = File::open(path)?;
        match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok((file, placeholder_file(path)?)),
        }
    };
    match open().map_err(ModelError::io(path))? {
        (file, None) => Ok(file),
        (_, Some(found)) => Err(ModelError::Placeholder {
            path: path.to_path_buf(),
            found,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the wrapper of names with these prefixes in the file of a family.
    fn wrapper_of(prefixes: &[&str], family: &str) -> Option<String> {
        let names = prefixes.iter().map(|prefix| format!("{prefix}words"));
        wrapper(names.collect::<Vec<_>>().iter(), "words", family)
    }

    #[test]
    fn a_wrapper_is_what_stands_before_the_model() {
        let of = |prefixes: &[&str]| wrapper_of(prefixes, "bert.");
        for wrapped in [
            "module.",
            "_orig_mod.",
            "model.module.",
            "module._orig_mod.",
            "0.auto_model.",
        ] {
            assert_eq!(of(&[&format!("{wrapped}bert.")]).as_deref(), Some(wrapped));
            assert_eq!(of(&[wrapped]).as_deref(), Some(wrapped));
        }
        for none in [
            &[][..],
            &[""],
            &["bert."],
            &["other.bert."],
            &["module.a.", "module.b."],
        ] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }

    #[test]
    fn the_prefix_of_a_family_is_no_wrapper() {
        let of = |prefix: &str| wrapper_of(&[prefix], "model.");
        assert_eq!(of("model."), None);
        for wrapped in ["module.", "model.", "module.model."] {
            let prefix = format!("{wrapped}model.");
            assert_eq!(of(&prefix).as_deref(), Some(wrapped));
        }
    }
}
