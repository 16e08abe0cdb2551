//! Activation cache files and their keys.

use std::path::Path;

use finetune_data::{DataError, EncodedDataset, EncodedTexts};
use finetune_model::{SequenceClassifier, SplitPoint};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache_plan::texts_of;
use super::row_store::StoreFile;
use super::{ActivationPlan, CacheDtype};
use crate::error::TrainError;

/// Version of the file's content; part of the key.
const VERSION: u32 = 1;

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

/// Returns the cache file of a dataset in `directory`, which may not exist yet.
pub(super) fn store_file(
    directory: &Path,
    plan: &ActivationPlan,
    model: &SequenceClassifier,
    data: &EncodedDataset,
) -> Result<StoreFile<Key>, TrainError> {
    let fingerprint = fingerprint(data)?;
    Ok(StoreFile {
        path: directory.join(format!("{}.activations", &fingerprint[..16])),
        key: Key {
            version: VERSION,
            model: model.fingerprint_below(plan.split_point),
            data: fingerprint,
            split_point: plan.split_point,
            precision: plan.precision,
            device: format!("{:?}", model.device().without_autodiff()),
        },
    })
}

/// Returns the SHA-256 hash of all token ids and token types in hexadecimal.
pub(crate) fn fingerprint(data: &EncodedDataset) -> Result<String, DataError> {
    fingerprint_of_texts(texts_of(data))
}

/// Returns the hash of [`fingerprint`] for texts without labels.
pub(crate) fn fingerprint_of_texts<'a>(
    all: impl IntoIterator<Item = &'a EncodedTexts>,
) -> Result<String, DataError> {
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for texts in all {
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
