//! What is to be kept, and how large it is, before anything is computed.

use finetune_data::{EncodedDataset, EncodedTexts};
use finetune_model::{Cut, DropoutStream, SequenceClassifier};

use super::{ActivationCache, ActivationPlace, ActivationPrecision};
use crate::{TrainConfig, TrainError};

/// The activations of a data set that are to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivationPlan {
    /// Where they are taken from the network.
    pub cut: Cut,
    /// Rows of the data set.
    pub rows: usize,
    /// Texts of a row: 2 if the encoder reads those of a pair each by itself.
    pub texts: usize,
    /// Numbers in all.
    pub numbers: u64,
    /// As what numbers.
    pub precision: ActivationPrecision,
    /// Where they are kept.
    pub place: ActivationPlace,
}

impl ActivationPlan {
    /// The bytes of memory or of disk; the few that say which row is where are left out.
    pub fn bytes(&self) -> u64 {
        self.numbers * self.precision.bytes()
    }
}

impl ActivationCache {
    /// What is to be kept of `data` while the lowest `frozen_stages` stages of `model` are frozen
    /// and drop nothing; see [`constant_stages`].
    ///
    /// `None` if nothing is to be kept: it is [`ActivationPlace::Off`], or no layer is frozen. The
    /// embeddings alone are looked up as fast as they are read back.
    ///
    /// # Errors
    /// [`TrainError::ActivationsTooLarge`] if they would take more than [`Self::max_bytes`], and as
    /// [`Self::validate`].
    pub fn plan(
        &self,
        model: &SequenceClassifier,
        data: &EncodedDataset,
        frozen_stages: usize,
    ) -> Result<Option<ActivationPlan>, TrainError> {
        self.validate()?;
        let cut = match model.cut(frozen_stages) {
            None | Some(Cut::HiddenStates(0)) => return Ok(None),
            Some(cut) => cut,
        };
        if self.place == ActivationPlace::Off {
            return Ok(None);
        }
        let texts: Vec<&EncodedTexts> = texts_of(data).collect();
        let vectors = |texts: &EncodedTexts| match cut {
            Cut::HiddenStates(_) => texts.token_count(),
            Cut::Pooled => texts.len(),
        };
        let vectors: usize = texts.iter().map(|texts| vectors(texts)).sum();
        let plan = ActivationPlan {
            cut,
            rows: data.len(),
            texts: texts.len(),
            numbers: vectors as u64 * model.width_at(cut) as u64,
            precision: self.precision,
            place: self.place.clone(),
        };
        match self.max_bytes {
            Some(limit) if plan.bytes() > limit => Err(TrainError::ActivationsTooLarge {
                needed: plan.bytes(),
                limit,
            }),
            _ => Ok(Some(plan)),
        }
    }
}

/// How many of the lowest stages compute the same of a text in every step of a run: they are
/// frozen from the first to the last and drop nothing.
pub fn constant_stages(model: &SequenceClassifier, config: &TrainConfig) -> usize {
    let freeze = &config.freeze;
    let frozen = freeze.frozen_throughout(model.encoder.layers.len(), config.length);
    let first = freeze.first_stage_with_dropout(frozen);
    let dropout = DropoutStream::new(config.seed, 0).from_stage(first);
    match model.cut(frozen) {
        Some(cut) if model.is_deterministic_below(cut, Some(dropout)) => frozen,
        _ => 0,
    }
}

/// The texts of a data set, those of each row first to last.
pub(super) fn texts_of(data: &EncodedDataset) -> impl Iterator<Item = &EncodedTexts> {
    std::iter::once(&data.texts).chain(&data.second_texts)
}
