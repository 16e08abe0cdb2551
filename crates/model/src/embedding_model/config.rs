//! Configuration of an embedding model.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::EmbeddingModel;
use super::dense::DenseConfig;
use crate::encoder::EncoderConfig;
use crate::error::ModelError;
use crate::pooling::{Pooling, TokenPooling};

/// Configuration of an [`EmbeddingModel`]: encoder, pooling, dense layer and normalization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingModelConfig {
    /// Encoder.
    pub encoder: EncoderConfig,
    /// Pooling over the tokens of a text; not `pooler`.
    pub pooling: TokenPooling,
    /// Dense layer on the pooled vector (default: none).
    #[serde(default)]
    pub dense: Option<DenseConfig>,
    /// Whether embeddings are scaled to length 1.
    pub normalize: bool,
}

impl EmbeddingModelConfig {
    /// Creates the configuration that sentence-transformers gives a bare encoder: mean pooling, no
    /// dense layer, no normalization.
    pub fn new(encoder: EncoderConfig) -> Self {
        Self {
            encoder,
            pooling: TokenPooling::Mean,
            dense: None,
            normalize: false,
        }
    }

    /// Returns the number of values of an embedding.
    pub fn embedding_size(&self) -> usize {
        let pooled = self.encoder.hidden_size;
        self.dense.map_or(pooled, |dense| dense.out_features)
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the pooling is none of an embedding model, or a size is out
    ///   of range.
    pub fn validate(&self) -> Result<(), ModelError> {
        self.encoder.validate()?;
        let known = self.pooling != TokenPooling::Pooler;
        ModelError::check(known, "pooling", "pooler", "another one")?;
        match &self.dense {
            Some(dense) => dense.validate(self.encoder.hidden_size),
            None => Ok(()),
        }
    }

    /// Creates a model whose parameters are zero until a checkpoint or
    /// [`init_weights`](crate::init_weights) sets them.
    ///
    /// # Errors
    /// - The errors of [`Self::validate`].
    pub fn init(&self, device: &Device) -> Result<EmbeddingModel, ModelError> {
        self.validate()?;
        let hidden = self.encoder.hidden_size;
        let pooling = Pooling {
            tokens: self.pooling,
            ..Pooling::default()
        };
        Ok(EmbeddingModel {
            encoder: self.encoder.init(device)?,
            pooler: pooling.init(&self.encoder, device)?,
            dense: self.dense.map(|dense| dense.init(hidden, device)),
            config: self.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sentence_transformers_could_not_load_is_refused() {
        let config = |pooling, out_features| EmbeddingModelConfig {
            pooling,
            dense: Some(DenseConfig {
                out_features,
                ..DenseConfig::new(8)
            }),
            ..EmbeddingModelConfig::new(EncoderConfig::default())
        };
        assert!(config(TokenPooling::Max, 8).validate().is_ok());
        let error = config(TokenPooling::Pooler, 8).validate().unwrap_err();
        let expected = "model configuration: pooling is pooler, expected another one";
        assert_eq!(error.to_string(), expected);
        let error = config(TokenPooling::Cls, 0).validate().unwrap_err();
        assert!(error.to_string().contains("dense.out_features"), "{error}");
    }

    #[test]
    fn the_dense_layer_sets_the_size() {
        let plain = EmbeddingModelConfig::new(EncoderConfig::default());
        assert_eq!(plain.embedding_size(), 768);
        let dense = Some(DenseConfig::new(64));
        let projected = EmbeddingModelConfig { dense, ..plain };
        assert_eq!(projected.embedding_size(), 64);
    }
}
