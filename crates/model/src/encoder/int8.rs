//! Linear layers in 8-bit integers, for prediction on processors.

use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

use super::Encoder;
use crate::adapters::LoraTarget;
use crate::error::ModelError;

/// Which linear layers of an encoder become 8-bit integers ([`Encoder::into_int8`]).
///
/// ```
/// use finetune_model::Int8Config;
///
/// let config: Int8Config = serde_json::from_str(r#"{"keep": ["layers.5.feed_forward.output"]}"#)?;
/// assert_eq!(config.keep.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Int8Config {
    /// Linear layers that stay as they are, by the names of [`Encoder::linear_layers`] (default: none).
    pub keep: Vec<String>,
    /// Precision of these, and of attention (default: f32).
    pub keep_precision: Precision,
}

impl Encoder {
    /// Returns the names of the linear layers of all Transformer layers, such as
    /// `layers.0.attention.query`.
    pub fn linear_layers(&self) -> Vec<String> {
        let layers = 0..self.layers.len();
        let names = layers.flat_map(|layer| LoraTarget::ALL.map(|target| target.path(layer)));
        names.collect()
    }

    /// Replaces the weights of the linear layers with 8-bit integers: see
    /// [`Int8Weight`](finetune_ops::Int8Weight). All else stays in floats, adapters included. It is for
    /// prediction: the weights take a quarter of the memory or half of it, and cannot be trained.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] for a name in `config` that no layer has.
    /// - [`ModelError::Int8`] if the encoder is not on a processor or is under autodiff, or a weight is
    ///   not finite.
    pub fn into_int8(mut self, config: &Int8Config) -> Result<Self, ModelError> {
        let names = self.linear_layers();
        if let Some(unknown) = config.keep.iter().find(|name| !names.contains(name)) {
            let expected = "a linear layer, such as layers.0.feed_forward.output";
            return Err(ModelError::config("keep", unknown, expected));
        }
        if config.keep_precision == Precision::Int8 {
            return Err(ModelError::config(
                "keep_precision",
                "int8",
                "f32, bf16 or f16",
            ));
        }
        for (number, layer) in self.layers.iter_mut().enumerate() {
            for target in LoraTarget::ALL {
                let name = target.path(number);
                if config.keep.contains(&name) {
                    continue;
                }
                let linear = target.of_mut(layer);
                linear.quantize().map_err(|source| ModelError::Int8 {
                    layer: name,
                    source,
                })?;
            }
        }
        Ok(self.with_precision(config.keep_precision))
    }
}
