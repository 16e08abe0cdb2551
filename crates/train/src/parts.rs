//! Parts of a run that a program brings along: head, losses, metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use burn::tensor::Device;
use finetune_eval::{Metric, nearest_first};
use finetune_model::{CustomHead, Head, HeadSize};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::TrainError;
use crate::loss::Loss;

/// Your own parts of a run, beside the settings.
///
/// ```
/// use std::sync::Arc;
///
/// use burn::tensor::Tensor;
/// use finetune_train::{Loss, LossConfig, Parts, Targets, TrainError};
/// use serde::Deserialize;
///
/// /// The mean absolute logit, whatever the label.
/// #[derive(Debug, Deserialize)]
/// struct Shrink {
///     factor: f64,
/// }
///
/// impl Loss for Shrink {
///     fn per_row(&self, logits: Tensor<2>, _: &Targets) -> Result<Tensor<1>, TrainError> {
///         Ok(logits.abs().mean_dim(1).squeeze_dim::<1>(1).mul_scalar(self.factor))
///     }
/// }
///
/// // A loss by name, so that settings and studies can choose it and vary its settings.
/// let parts = Parts::default().with_loss("shrink", |settings: Shrink| Arc::new(settings));
/// let config: LossConfig = serde_json::from_str(
///     r#"{"kind": "custom", "name": "shrink", "settings": {"factor": 0.5}}"#,
/// )?;
/// assert!(format!("{parts:?}").contains("shrink") && config.validate().is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Parts {
    /// Head in place of the one that the settings, the checkpoint or its family names.
    pub head: Option<CustomHead>,
    /// A loss in place of the configured one.
    pub loss: Option<Arc<dyn Loss>>,
    /// Metrics beside those of the task.
    pub metrics: Vec<Arc<dyn Metric>>,
    losses: BTreeMap<String, LossBuilder>,
}

type LossBuilder = Arc<dyn Fn(&Value) -> Result<Arc<dyn Loss>, TrainError> + Send + Sync>;

impl Parts {
    /// No parts.
    pub(crate) const NONE: Self = Self {
        head: None,
        loss: None,
        metrics: Vec::new(),
        losses: BTreeMap::new(),
    };

    /// Sets the head, by the function that makes it.
    pub fn with_head<H: Head>(
        mut self,
        init: impl Fn(HeadSize, &Device) -> H + Send + Sync + 'static,
    ) -> Self {
        self.head = Some(CustomHead::new(init));
        self
    }

    /// Registers a loss under a name, which [`LossConfig::Custom`](crate::LossConfig::Custom) gives.
    pub fn with_loss<S: DeserializeOwned>(
        mut self,
        name: impl Into<String>,
        build: impl Fn(S) -> Arc<dyn Loss> + Send + Sync + 'static,
    ) -> Self {
        let build = move |settings: &Value| {
            let settings = serde_json::from_value(settings.clone());
            Ok(build(settings.map_err(TrainError::custom)?))
        };
        self.losses.insert(name.into(), Arc::new(build));
        self
    }

    /// Returns the loss that settings name: the given one, which has no settings, or a registered one.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] for a name that is not registered, with those that are.
    /// - [`TrainError::Custom`] if the settings are not those of the loss.
    pub(crate) fn custom_loss(
        &self,
        name: &str,
        settings: &Value,
    ) -> Result<Arc<dyn Loss>, TrainError> {
        let given = self.loss.as_ref().filter(|loss| loss.name() == name);
        if let Some(loss) = given.filter(|_| settings.is_null()) {
            return Ok(loss.clone());
        }
        let build = self.losses.get(name).ok_or_else(|| {
            let expected = match self.losses.is_empty() {
                true => "a loss registered with Parts::with_loss".to_string(),
                false => format!("one of {}", nearest_first(name, self.losses.keys())),
            };
            TrainError::setting("loss.name", name, expected)
        })?;
        build(settings)
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("head", &self.head)
            .field("loss", &self.loss)
            .field("metrics", &self.metrics)
            .field("losses", &self.losses.keys())
            .finish_non_exhaustive()
    }
}
