//! Split forward pass of a classifier: the part below a cut and the part above it.
//!
//! Frozen layers without dropout compute the same output for a text in every epoch. So their output
//! can be computed once and cached ([Brock et al. 2017](https://arxiv.org/abs/1706.04983) freezes
//! layers progressively for this reason). Later passes start at the cut.
//!
//! The encoder's stages are numbered: 0 is the embeddings, `i + 1` is layer `i`. Pooling and head
//! are above all stages.

mod fingerprint;
mod forward;
mod stack;
#[cfg(test)]
mod tests;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::encoder::AttentionMask;
use crate::{DropoutStream, SequenceClassifier};
pub(crate) use stack::Activated;

/// Position that splits a forward pass in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// After the hidden states with this number: 0 is the output of the embeddings, `i` the output
    /// of layer `i`, counted from 1.
    HiddenStates(usize),
    /// After the pooling, before the pooler's dense layer if it has one.
    Pooled,
}

/// Activations of a batch at a cut.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one or two a batch, and handles of tensors at that"
)]
pub enum Activations {
    /// Hidden states at [`Cut::HiddenStates`].
    HiddenStates {
        /// Number of the hidden states.
        number: usize,
        /// Hidden states `[T, D]`; the values in padding rows do not matter as long as they are
        /// finite.
        rows: Tensor<2>,
        /// Padding mask.
        mask: AttentionMask,
    },
    /// Pooled vectors `[B, W]` at [`Cut::Pooled`].
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
    /// Returns the highest cut that has only the lowest `frozen_stages` stages below it; `None` if
    /// no stage is frozen. A stage with adapters does not count as frozen, because its adapters
    /// train. If the head reads hidden states, there is no cut after the pooling.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{Cut, EncoderConfig, SequenceClassifierConfig};
    ///
    /// let encoder = EncoderConfig { num_hidden_layers: 6, ..Default::default() };
    /// let config = SequenceClassifierConfig::new(encoder, vec!["no".into(), "yes".into()]);
    /// let model = config.init(&Device::flex())?;
    /// assert_eq!(model.cut(0), None);
    /// // Embeddings and four layers.
    /// assert_eq!(model.cut(5), Some(Cut::HiddenStates(4)));
    /// // The whole encoder.
    /// assert_eq!(model.cut(7), Some(Cut::Pooled));
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn cut(&self, frozen_stages: usize) -> Option<Cut> {
        let layers = &self.encoder.layers;
        let adapted = layers.iter().position(|layer| layer.has_lora());
        let frozen = frozen_stages.min(adapted.unwrap_or(layers.len()) + 1);
        let last = frozen.checked_sub(1)?;
        let pooled = self.pooler.states();
        let poolable = !self.head.reads_hidden_states() && *pooled.end() <= last;
        Some(match poolable {
            true => Cut::Pooled,
            false => Cut::HiddenStates(last.min(*pooled.start())),
        })
    }

    /// Returns the number of stages below a cut.
    pub fn stages_below(&self, cut: Cut) -> usize {
        match cut {
            Cut::HiddenStates(number) => number + 1,
            Cut::Pooled => self.pooler.states().end() + 1,
        }
    }

    /// Returns whether the part below a cut computes the same output for a text in every step:
    /// `dropout` is off there, or the encoder has none.
    pub fn is_deterministic_below(&self, cut: Cut, dropout: Option<DropoutStream>) -> bool {
        let encoder = &self.config().encoder;
        let drops = encoder.hidden_dropout_prob > 0.0 || encoder.attention_probs_dropout_prob > 0.0;
        !drops || dropout.is_none_or(|stream| stream.first_stage() >= self.stages_below(cut))
    }

    /// Returns the width of the activations at a cut: `D`, or `W` after pooling.
    pub fn width_at(&self, cut: Cut) -> usize {
        let hidden = self.config().encoder.hidden_size;
        match cut {
            Cut::HiddenStates(_) => hidden,
            Cut::Pooled => self.config().pooling.width(hidden),
        }
    }
}
