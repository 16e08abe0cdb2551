//! Plan of an activation cache: the split point and the size, determined before the computation.

use finetune_data::{EncodedDataset, EncodedTexts};
use finetune_model::{DropoutStream, SequenceClassifier, SplitPoint};

use super::{ActivationCacheConfig, CacheDtype, CacheLocation};
use crate::error::TrainError;
use crate::train_config::TrainConfig;

/// Plan of the cached activations of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivationPlan {
    /// Position in the network at which they are taken.
    pub split_point: SplitPoint,
    /// Rows of the dataset.
    pub rows: usize,
    /// Texts per row: 2 for pairs whose texts are encoded separately, otherwise 1.
    pub texts: usize,
    /// Total number of values.
    pub num_values: u64,
    /// Element type.
    pub precision: CacheDtype,
    /// Location of the cache.
    pub place: CacheLocation,
}

impl ActivationPlan {
    /// Returns the size in bytes, without the row offsets.
    pub fn bytes(&self) -> u64 {
        self.num_values * self.precision.bytes()
    }
}

impl ActivationCacheConfig {
    /// Plans the cache of `data` while the lowest `frozen_stages` stages of `model` are frozen and
    /// have no dropout; see [`deterministic_stages`].
    ///
    /// Returns `None` if nothing is to be cached: the location is [`CacheLocation::Off`], or no
    /// layer is frozen. Caching the embeddings alone would not be faster than looking them up.
    ///
    /// # Errors
    /// - [`TrainError::Activations`] if the activations exceed [`Self::max_bytes`].
    /// - The errors of [`Self::validate`].
    pub fn plan(
        &self,
        model: &SequenceClassifier,
        data: &EncodedDataset,
        frozen_stages: usize,
    ) -> Result<Option<ActivationPlan>, TrainError> {
        self.validate()?;
        let split_point = match model.split_point(frozen_stages) {
            None | Some(SplitPoint::HiddenStates(0)) => return Ok(None),
            Some(split_point) => split_point,
        };
        if self.location == CacheLocation::Off {
            return Ok(None);
        }
        let texts: Vec<&EncodedTexts> = texts_of(data).collect();
        let vectors = |texts: &EncodedTexts| match split_point {
            SplitPoint::HiddenStates(_) => texts.token_count(),
            SplitPoint::Pooled => texts.len(),
        };
        let vectors: usize = texts.iter().map(|texts| vectors(texts)).sum();
        let plan = ActivationPlan {
            split_point,
            rows: data.len(),
            texts: texts.len(),
            num_values: vectors as u64 * model.width_at(split_point) as u64,
            precision: self.dtype,
            place: self.location.clone(),
        };
        match self.max_bytes {
            Some(limit) if plan.bytes() > limit => Err(TrainError::activations(format!(
                "{} bytes, but activation_cache.max_bytes is {limit}",
                plan.bytes()
            ))),
            _ => Ok(Some(plan)),
        }
    }
}

/// Returns the number of lowest stages whose output for a text never changes in a run: they are
/// frozen throughout and have no dropout.
pub fn deterministic_stages(model: &SequenceClassifier, config: &TrainConfig) -> usize {
    let freeze = &config.freeze;
    let frozen = freeze.frozen_throughout(model.encoder.layers.len(), config.duration);
    let first = freeze.first_stage_with_dropout(frozen);
    let dropout = DropoutStream::new(config.seed, 0).from_stage(first);
    match model.split_point(frozen) {
        Some(split_point) if model.is_deterministic_below(split_point, Some(dropout)) => frozen,
        _ => 0,
    }
}

/// Returns the encoded texts of a dataset: first texts, then second texts of pairs.
pub(super) fn texts_of(data: &EncodedDataset) -> impl Iterator<Item = &EncodedTexts> {
    std::iter::once(&data.texts).chain(&data.second_texts)
}
