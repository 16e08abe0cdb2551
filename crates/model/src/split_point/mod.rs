//! Split forward pass of a classifier: the part below a split point and the part above it.
//!
//! Frozen layers without dropout compute the same output for a text in every epoch. So their output
//! can be computed once and cached ([Brock et al. 2017](https://arxiv.org/abs/1706.04983) freezes
//! layers progressively for this reason). Later passes start at the split point.
//!
//! The encoder's stages are numbered: 0 is the embeddings, `i` is layer `i`, counted from 1. Pooling
//! and head are above all stages.

mod forward;
mod stack_pairs;
#[cfg(test)]
mod tests;

use burn::tensor::{Tensor, TensorData};
use finetune_ops::{Precision, Sequences};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::classifier::SequenceClassifier;
use crate::dropout::DropoutStream;
use crate::parameters::{Parameter, for_each};

/// Position that splits a forward pass in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitPoint {
    /// After the hidden states with this number: 0 is the output of the embeddings, `i` the output
    /// of layer `i`, counted from 1.
    HiddenStates(usize),
    /// After the pooling, before the pooler's dense layer if it has one.
    Pooled,
}

/// Activations of a batch at a split point.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one or two a batch, and handles of tensors at that"
)]
pub enum Activations {
    /// Hidden states at [`SplitPoint::HiddenStates`].
    HiddenStates {
        /// Number of the hidden states.
        number: usize,
        /// Hidden states `[T, D]`.
        rows: Tensor<2>,
        /// Which rows are the tokens of which text.
        sequences: Sequences,
    },
    /// Pooled vectors `[B, W]` at [`SplitPoint::Pooled`].
    Pooled(Tensor<2>),
}

/// Activations of the texts that the head reads: of one text, or of the two texts of a pair.
#[derive(Debug, Clone)]
pub struct TextActivations {
    /// Single texts, pairs encoded as one sequence, or the first texts of pairs.
    pub first: Activations,
    /// Second texts of pairs encoded separately.
    pub second: Option<Activations>,
}

impl SequenceClassifier {
    /// Returns the highest split point that has only the lowest `frozen_stages` stages below it;
    /// `None` if no stage is frozen. A stage with adapters does not count as frozen, because its
    /// adapters train. If the head reads hidden states, there is no split point after the pooling.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, SequenceClassifierConfig, SplitPoint};
    ///
    /// let encoder = EncoderConfig { num_hidden_layers: 6, ..Default::default() };
    /// let config = SequenceClassifierConfig::new(encoder, vec!["no".into(), "yes".into()]);
    /// let model = config.init(&Device::flex())?;
    /// assert_eq!(model.split_point(0), None);
    /// // Embeddings and four layers.
    /// assert_eq!(model.split_point(5), Some(SplitPoint::HiddenStates(4)));
    /// // The whole encoder.
    /// assert_eq!(model.split_point(7), Some(SplitPoint::Pooled));
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn split_point(&self, frozen_stages: usize) -> Option<SplitPoint> {
        let layers = &self.encoder.layers;
        let adapted = layers.iter().position(|layer| layer.has_lora());
        let frozen = frozen_stages.min(adapted.unwrap_or(layers.len()) + 1);
        let last = self.encoder.hidden_states_of_stages(frozen)?;
        let pooled = self.pooler.layers();
        let poolable = !self.head.reads_hidden_states() && *pooled.end() <= last;
        Some(match poolable {
            true => SplitPoint::Pooled,
            false => SplitPoint::HiddenStates(last.min(*pooled.start())),
        })
    }

    /// Returns the number of stages below a split point.
    pub fn stages_below(&self, split_point: SplitPoint) -> usize {
        match split_point {
            SplitPoint::HiddenStates(number) => self.encoder.stages_below(number),
            SplitPoint::Pooled => self.encoder.stages_below(*self.pooler.layers().end()),
        }
    }

    /// Returns whether the part below a split point computes the same output for a text in every
    /// step: `dropout` is off there, or the encoder has none.
    pub fn is_deterministic_below(
        &self,
        split_point: SplitPoint,
        dropout: Option<DropoutStream>,
    ) -> bool {
        let stages = self.stages_below(split_point);
        !self.config().encoder.has_dropout()
            || dropout.is_none_or(|stream| stream.first_stage() >= stages)
    }

    /// Returns the width of the activations at a split point: `D`, or `W` after pooling.
    pub fn width_at(&self, split_point: SplitPoint) -> usize {
        let hidden = self.config().encoder.hidden_size;
        match split_point {
            SplitPoint::HiddenStates(_) => hidden,
            SplitPoint::Pooled => self.config().pooling.width(hidden),
        }
    }

    /// Returns a hash of everything the activations at a split point depend on besides the texts:
    /// the configuration, the precision and every parameter below it. The hash has 64 hexadecimal
    /// digits.
    pub fn fingerprint_below(&self, split_point: SplitPoint) -> String {
        let config = self.config();
        let mut hash = Sha256::new();
        hash.update(format!("{split_point:?} {:?}", config.encoder));
        // Without a precision in the hash, older caches stay valid.
        if self.encoder.precision() != Precision::F32 {
            hash.update(self.encoder.precision().to_string());
        }
        if split_point == SplitPoint::Pooled {
            hash.update(format!("{:?}", config.pooling));
        }
        let mut add = |parameter: Parameter, data: TensorData| {
            hash.update(format!("{} {:?}", parameter.path, parameter.shape));
            hash.update(data.as_bytes());
        };
        for_each(&self.encoder.embeddings, &mut add);
        for_each(&self.encoder.relative, &mut add);
        let layers = self.stages_below(split_point) - 1;
        for layer in &self.encoder.layers[..layers] {
            for_each(layer, &mut add);
        }
        if layers == self.encoder.layers.len() {
            for_each(&self.encoder.final_norm, &mut add);
        }
        let digest = hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
