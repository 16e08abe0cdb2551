//! Configuration of heads.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{
    AnyHead, CosineSimilarityHeadConfig, CustomHead, HeadSize, MlpConfig, ScoreBins, ScoreRange,
};
use crate::error::ModelError;

/// Configuration of a head.
///
/// ```
/// use finetune_model::HeadConfig;
///
/// // Two linear layers with ReLU on |u - v| and u * v of a pair of texts.
/// let head: HeadConfig = serde_json::from_str(
///     r#"{
///         "kind": "mlp",
///         "pair_features": "diff_product",
///         "hidden_sizes": [256],
///         "activation": "relu",
///         "dropout": 0.1
///     }"#,
/// )?;
/// assert_eq!(head.num_texts(), Some(2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum HeadConfig {
    /// Linear layers, with optional hidden layers.
    Mlp(MlpConfig),
    /// Cosine similarity of two texts.
    Cosine(CosineSimilarityHeadConfig),
    /// Custom head provided by the program as a [`CustomHead`].
    Custom {
        /// Name of the [`CustomHead`].
        name: String,
    },
}

impl HeadConfig {
    /// Returns the head without late pooling: it then reads the pooled vectors.
    pub fn of_pooled(self) -> Self {
        match self {
            Self::Mlp(config) => Self::Mlp(MlpConfig {
                late_pooling: false,
                ..config
            }),
            other => other,
        }
    }

    /// Returns the number of texts that the head compares, 1 or 2; `None` for a custom head, whose
    /// number is known once it is created.
    pub fn num_texts(&self) -> Option<usize> {
        match self {
            Self::Mlp(config) if config.pair_features.is_none() => Some(1),
            Self::Mlp(_) | Self::Cosine(_) => Some(2),
            Self::Custom { .. } => None,
        }
    }

    /// Returns the range of the score, if the head has one.
    pub fn range(&self) -> Option<ScoreRange> {
        match self {
            Self::Mlp(config) => config.range,
            Self::Cosine(config) => config.range,
            Self::Custom { .. } => None,
        }
    }

    /// Returns the bins of the score, if the outputs of the head stand for bins.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if there are fewer than 2 bins, or no valid range.
    pub fn score_bins(&self) -> Result<Option<ScoreBins>, ModelError> {
        match self {
            Self::Mlp(config) => config.score_bins(),
            Self::Cosine(_) | Self::Custom { .. } => Ok(None),
        }
    }

    /// Returns the dropout probability before the last layer.
    pub(crate) fn dropout(&self) -> f64 {
        match self {
            Self::Mlp(config) => config.dropout,
            Self::Cosine(config) => config.dropout,
            Self::Custom { .. } => 0.0,
        }
    }

    /// Returns a built-in head whose parameters are all zero until a checkpoint or
    /// [`init_weights`](crate::init_weights) fills them.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] for the first invalid value.
    /// - [`ModelError::CustomHead`] for a custom head, which [`HeadConfig::init_with`] creates.
    pub fn init(&self, size: HeadSize, device: &Device) -> Result<AnyHead, ModelError> {
        self.init_with(None, size, device)
    }

    /// Returns a built-in head, or the custom one named in the configuration.
    ///
    /// # Errors
    /// - The errors of [`HeadConfig::init`].
    /// - [`ModelError::OtherCustomHead`] if `custom` is not the head named in the configuration.
    pub fn init_with(
        &self,
        custom: Option<&CustomHead>,
        size: HeadSize,
        device: &Device,
    ) -> Result<AnyHead, ModelError> {
        self.validate(size)?;
        if let Some(custom) = custom {
            custom.check(self)?;
        }
        match (self, custom) {
            (Self::Mlp(config), _) => Ok(AnyHead::new(config.init(size, device))),
            (Self::Cosine(config), _) => Ok(AnyHead::new(config.init(size, device))),
            (Self::Custom { .. }, Some(custom)) => Ok(custom.init(size, device)),
            (Self::Custom { name }, None) => Err(ModelError::CustomHead { name: name.clone() }),
        }
    }

    /// Validates the configuration.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] for the first invalid value.
    pub(crate) fn validate(&self, size: HeadSize) -> Result<(), ModelError> {
        match self {
            Self::Mlp(config) => config.validate(size),
            Self::Cosine(config) => config.validate(size),
            Self::Custom { .. } => Ok(()),
        }
    }

    /// Returns the configuration without dropout, which only matters in training.
    pub(crate) fn without_dropout(&self) -> Self {
        match self {
            Self::Mlp(config) => Self::Mlp(MlpConfig {
                input_dropout: 0.0,
                dropout: 0.0,
                ..config.clone()
            }),
            Self::Cosine(config) => Self::Cosine(CosineSimilarityHeadConfig {
                dropout: 0.0,
                ..*config
            }),
            Self::Custom { name } => Self::Custom { name: name.clone() },
        }
    }
}
