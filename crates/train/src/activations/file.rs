//! Activation cache files and their keys.

use std::path::{Path, PathBuf};

use finetune_data::{DataError, EncodedDataset};
use finetune_model::{SequenceClassifier, SplitPoint};
use finetune_storage::{Array, ArrayFile, StorageError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache_plan::texts_of;
use super::element::{Kept, Numbers};
use super::{ActivationPlan, CacheDtype};
use crate::error::TrainError;

/// Version of the file's content; part of the key.
const VERSION: u32 = 1;

/// Name of the array of values.
pub(super) const NUMBERS: &str = "activations";

/// Name of the array of row offsets.
pub(super) const STARTS: &str = "starts";

/// Cache key: everything that the content of a file depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Key {
    version: u32,
    /// Fingerprint of the model below the split point.
    model: String,
    data: String,
    split_point: SplitPoint,
    precision: CacheDtype,
    /// Devices round differently.
    device: String,
}

/// Cache file of a plan, which may not exist yet.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) path: PathBuf,
    pub(super) key: Key,
    plan: &'a ActivationPlan,
    items: usize,
}

impl<'a> Wanted<'a> {
    /// Returns the cache file of a dataset in `directory`; that of another model is overwritten.
    pub(super) fn new(
        directory: &Path,
        plan: &'a ActivationPlan,
        model: &SequenceClassifier,
        data: &EncodedDataset,
    ) -> Result<Self, TrainError> {
        let fingerprint = fingerprint(data)?;
        Ok(Self {
            path: directory.join(format!("{}.activations", &fingerprint[..16])),
            key: Key {
                version: VERSION,
                model: model.fingerprint_below(plan.split_point),
                data: fingerprint,
                split_point: plan.split_point,
                precision: plan.precision,
                device: format!("{:?}", model.device().without_autodiff()),
            },
            plan,
            items: plan.rows * plan.texts,
        })
    }

    /// Opens the file and returns its values and row offsets; `None` if it is missing or does not
    /// match.
    pub(super) fn find<T: Kept>(&self) -> Result<Option<(Numbers, Array<u64>)>, TrainError> {
        match self.open::<T>() {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_unusable_file() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the file, which must exist and match.
    pub(super) fn open<T: Kept>(&self) -> Result<(Numbers, Array<u64>), StorageError> {
        let file = ArrayFile::open(&self.path)?;
        let numbers = file.array::<T>(NUMBERS)?;
        let starts: Array<u64> = file.array(STARTS)?;
        let fits = file.metadata::<Key>()? == self.key
            && numbers.len() as u64 == self.plan.num_values
            && starts.len() == self.items;
        match fits {
            true => Ok((T::numbers(numbers), starts)),
            false => Err(StorageError::UnknownFormat {
                path: self.path.clone(),
            }),
        }
    }
}

/// Returns the SHA-256 hash of all token ids and token types in hexadecimal.
fn fingerprint(data: &EncodedDataset) -> Result<String, DataError> {
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for texts in texts_of(data) {
        hash.update((texts.len() as u64).to_le_bytes());
        for row in 0..texts.len() {
            let row = texts.row(row)?;
            bytes.clear();
            bytes.extend_from_slice(&(row.len() as u64).to_le_bytes());
            let numbers = row.token_ids.iter().copied().chain(row.token_type_ids());
            numbers.for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
            hash.update(&bytes);
        }
    }
    let digest = hash.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
