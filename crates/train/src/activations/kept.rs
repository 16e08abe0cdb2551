//! The activations that a run keeps: of its training rows, and of those it is measured on.

use std::time::Instant;

use finetune_data::{BatchSize, EncodedDataset};
use finetune_model::SequenceClassifier;

use super::{ActivationCache, ActivationPlan, FrozenActivations, constant_stages};
use crate::observer::{Event, Observer};
use crate::report::ActivationsSection;
use crate::{TrainConfig, TrainError};

/// What a run is to keep.
#[derive(Debug, Default)]
pub(crate) struct KeptPlans {
    train: Option<ActivationPlan>,
    validation: Option<ActivationPlan>,
}

/// What a run keeps.
#[derive(Debug, Default)]
pub(crate) struct KeptActivations {
    pub(crate) train: Option<FrozenActivations>,
    pub(crate) validation: Option<FrozenActivations>,
    /// Nothing if nothing is kept.
    pub(crate) section: Option<ActivationsSection>,
}

impl KeptPlans {
    /// # Errors
    /// As [`ActivationCache::plan`].
    pub(crate) fn new(
        cache: &ActivationCache,
        model: &SequenceClassifier,
        config: &TrainConfig,
        train: &EncodedDataset,
        validation: Option<&EncodedDataset>,
    ) -> Result<Self, TrainError> {
        let stages = constant_stages(model, config);
        let plan = |data| cache.plan(model, data, stages);
        Ok(Self {
            train: plan(train)?,
            validation: validation.map(plan).transpose()?.flatten(),
        })
    }

    /// # Errors
    /// As [`ActivationPlan::compute`].
    pub(crate) fn compute(
        &self,
        model: &SequenceClassifier,
        (train, validation): (&EncodedDataset, Option<&EncodedDataset>),
        pad_token_id: u32,
        batch_size: BatchSize,
        observer: &mut dyn Observer,
    ) -> Result<KeptActivations, TrainError> {
        let start = Instant::now();
        let mut told = (Told::default(), observer);
        let mut compute = |plan: &Option<ActivationPlan>, data: Option<&EncodedDataset>| {
            let planned = plan.as_ref().zip(data);
            let kept = planned
                .map(|(plan, data)| plan.compute(model, data, pad_token_id, batch_size, &mut told));
            kept.transpose()
        };
        let train = compute(&self.train, Some(train))?;
        let validation = compute(&self.validation, validation)?;
        let Told { bytes, reused } = told.0;
        let section = train.as_ref().map(|_| ActivationsSection {
            bytes,
            reused,
            seconds: start.elapsed().as_secs_f64(),
        });
        Ok(KeptActivations {
            train,
            validation,
            section,
        })
    }
}

/// What the observer has been told.
struct Told {
    bytes: u64,
    reused: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            bytes: 0,
            reused: true,
        }
    }
}

impl Observer for Told {
    fn observe(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Event::Activations(record) = event {
            self.bytes += record.bytes;
            self.reused &= record.reused;
        }
        Ok(())
    }
}
