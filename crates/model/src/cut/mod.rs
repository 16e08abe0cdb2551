//! The forward pass of a classifier in two parts: what is below a cut, and what is above.
//!
//! A part that is frozen and drops nothing computes the same of a text in every epoch. So its
//! output can be computed once and kept ([Brock et al. 2017](https://arxiv.org/abs/1706.04983)
//! trains ever fewer layers that way): the passes after it begin at the cut.
//!
//! The network has stages: 0 is the embeddings, `i + 1` is layer `i`. Pooling and head are above
//! them all.

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

/// Where a forward pass is cut in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// After the hidden states with this number: 0 is the embeddings, `i` what layer `i` (counted
    /// from 1) gives.
    HiddenStates(usize),
    /// After the pooling, before the pooler's dense layer if it has one.
    Pooled,
}

/// What the part below a cut makes of the texts of a batch.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one or two a batch, and handles of tensors at that"
)]
pub enum Activations {
    /// After [`Cut::HiddenStates`].
    HiddenStates {
        /// Which hidden states they are.
        number: usize,
        /// `[T, D]`; what is in the rows of padding makes no difference, if they are numbers.
        rows: Tensor<2>,
        /// Which rows are padding.
        mask: AttentionMask,
    },
    /// After [`Cut::Pooled`], `[B, W]`.
    Pooled(Tensor<2>),
}

/// The activations of each text that the head looks at: of one, or of the two of a pair.
#[derive(Debug, Clone)]
pub struct TextActivations {
    /// One text, or two that the tokenizer joined to one sequence, or the first of a pair.
    pub first: Activations,
    /// The second of a pair that the encoder reads each by itself.
    pub second: Option<Activations>,
}

impl SequenceClassifier {
    /// The highest cut below which everything is in the lowest `frozen_stages` stages; nothing if
    /// no stage is. A stage with adapters is not frozen, for they train. With a head that reads
    /// hidden states, there is none after the pooling.
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

    /// How many stages are below a cut.
    pub fn stages_below(&self, cut: Cut) -> usize {
        match cut {
            Cut::HiddenStates(number) => number + 1,
            Cut::Pooled => self.pooler.states().end() + 1,
        }
    }

    /// Whether the part below a cut computes the same of a text in every step: `dropout` is off
    /// there, or there is none in the model.
    pub fn is_deterministic_below(&self, cut: Cut, dropout: Option<DropoutStream>) -> bool {
        let encoder = &self.config().encoder;
        let drops = encoder.hidden_dropout_prob > 0.0 || encoder.attention_probs_dropout_prob > 0.0;
        !drops || dropout.is_none_or(|stream| stream.first_stage() >= self.stages_below(cut))
    }

    /// Width of the activations at a cut: `D`, or `W` once they are pooled.
    pub fn width_at(&self, cut: Cut) -> usize {
        let hidden = self.config().encoder.hidden_size;
        match cut {
            Cut::HiddenStates(_) => hidden,
            Cut::Pooled => self.config().pooling.width(hidden),
        }
    }
}
