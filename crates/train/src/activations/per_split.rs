//! Cached activations of a run's splits.

use std::time::Instant;

use finetune_data::{BatchSize, EncodedDataset};
use finetune_model::SequenceClassifier;

use super::{
    ActivationCacheConfig, ActivationPlan, CacheLocation, CachedActivations, deterministic_stages,
};
use crate::callback::{Callback, Event};
use crate::error::TrainError;
use crate::report::ActivationsSection;
use crate::train_config::TrainConfig;

/// One value per split; `None` for a missing split or one without a value.
#[derive(Debug)]
pub(crate) struct PerSplit<T> {
    pub(crate) train: Option<T>,
    pub(crate) validation: Option<T>,
    pub(crate) test: Option<T>,
}

/// No value for any split.
impl<T> Default for PerSplit<T> {
    fn default() -> Self {
        Self {
            train: None,
            validation: None,
            test: None,
        }
    }
}

/// Activations to cache, per split.
#[derive(Debug, Default)]
pub(crate) struct CachePlans(PerSplit<ActivationPlan>);

/// Cached activations, per split.
#[derive(Debug, Default)]
pub(crate) struct CachedSplits {
    pub(crate) of: PerSplit<CachedActivations>,
    /// Entry of the training report; `None` without cached training activations.
    pub(crate) section: Option<ActivationsSection>,
}

impl CachePlans {
    /// Plans the cache of each split. Test activations are cached on disk only, since a run uses
    /// them once.
    ///
    /// # Errors
    /// - The errors of [`ActivationCacheConfig::plan`].
    pub(crate) fn new(
        cache: &ActivationCacheConfig,
        model: &SequenceClassifier,
        config: &TrainConfig,
        splits: PerSplit<&EncodedDataset>,
    ) -> Result<Self, TrainError> {
        let stages = deterministic_stages(model, config);
        let plan = |data: Option<&EncodedDataset>| match data {
            Some(data) => cache.plan(model, data, stages),
            None => Ok(None),
        };
        let lasts = matches!(cache.location, CacheLocation::Disk(_));
        Ok(Self(PerSplit {
            train: plan(splits.train)?,
            validation: plan(splits.validation)?,
            test: plan(splits.test.filter(|_| lasts))?,
        }))
    }

    /// Returns whether activations of the training rows are to be cached.
    pub(crate) fn caches_training_rows(&self) -> bool {
        self.0.train.is_some()
    }

    /// Computes or opens the activations of each split.
    ///
    /// # Errors
    /// - The errors of [`ActivationPlan::compute`].
    pub(crate) fn compute(
        &self,
        model: &SequenceClassifier,
        splits: PerSplit<&EncodedDataset>,
        batch_size: BatchSize,
        callback: &mut dyn Callback,
    ) -> Result<CachedSplits, TrainError> {
        let start = Instant::now();
        let mut told = (ActivationTotals::default(), callback);
        let mut compute = |plan: &Option<ActivationPlan>, data: Option<&EncodedDataset>| {
            let planned = plan.as_ref().zip(data);
            planned
                .map(|(plan, data)| plan.compute(model, data, batch_size, &mut told))
                .transpose()
        };
        let of = PerSplit {
            train: compute(&self.0.train, splits.train)?,
            validation: compute(&self.0.validation, splits.validation)?,
            test: compute(&self.0.test, splits.test)?,
        };
        let ActivationTotals { bytes, reused } = told.0;
        let section = of.train.as_ref().map(|_| ActivationsSection {
            bytes,
            reused,
            seconds: start.elapsed().as_secs_f64(),
        });
        Ok(CachedSplits { of, section })
    }
}

/// Totals of the activation events.
struct ActivationTotals {
    bytes: u64,
    reused: bool,
}

impl Default for ActivationTotals {
    fn default() -> Self {
        Self {
            bytes: 0,
            reused: true,
        }
    }
}

impl Callback for ActivationTotals {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Event::Activations(record) = event {
            self.bytes += record.bytes;
            self.reused &= record.reused;
        }
        Ok(())
    }
}
