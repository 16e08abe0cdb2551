//! Next-sentence head, as the pooler and `seq_relationship` of
//! [`BertForPreTraining`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py).
//!
//! The pooler is that of the encoder's checkpoint, so that a classifier fine-tuned from it begins
//! with the trained pooler.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use finetune_ops::Sequences;

use crate::encoder::EncoderConfig;
use crate::error::ModelError;
use crate::layers;
use crate::masked_lm::MaskedLm;
use crate::pooling::{Pooler, Pooling};

/// Number of classes: 0 if the second segment follows the first, 1 if it is a random one.
const CLASSES: usize = 2;

/// Next-sentence head: `output(pooler(x))`, without dropout.
#[derive(Module, Debug)]
pub struct NextSentenceHead {
    /// Dense layer and tanh on the first token, `[D, D]`.
    pub pooler: Pooler,
    /// Linear layer from pooled texts to the two classes, `[D, 2]`.
    pub output: Linear,
}

/// Logits of both pre-training tasks.
#[derive(Debug, Clone)]
pub struct PreTrainingLogits {
    /// Logits over the vocabulary at the masked positions, `[M, V]`; `None` without masked
    /// positions.
    pub masked_lm: Option<Tensor<2>>,
    /// Logits of the next-sentence classes, `[B, 2]`; `None` without a next-sentence head.
    pub next_sentence: Option<Tensor<2>>,
}

impl EncoderConfig {
    /// Creates an encoder with masked LM head and next-sentence head. All parameters are zero until
    /// a checkpoint or [`init_weights`](crate::init_weights) sets them.
    ///
    /// # Errors
    /// - The errors of [`EncoderConfig::validate`].
    /// - [`ModelError::InvalidConfig`] if the family is not BERT, or if there are fewer than two
    ///   token types.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, Family};
    ///
    /// let roberta = EncoderConfig::base(Family::Roberta);
    /// let error = roberta.init_pre_training(&Device::flex()).unwrap_err();
    /// assert!(error.to_string().contains("family is roberta"), "{error}");
    /// ```
    pub fn init_pre_training(&self, device: &Device) -> Result<MaskedLm, ModelError> {
        ModelError::check(
            self.family.has_next_sentence_head(),
            "family",
            self.family,
            "bert for next-sentence prediction",
        )?;
        ModelError::check(
            self.type_vocab_size >= 2,
            "type_vocab_size",
            self.type_vocab_size,
            "at least 2 for next-sentence prediction",
        )?;
        Ok(MaskedLm {
            next_sentence: Some(NextSentenceHead {
                pooler: Pooling::pooler().init(self, device)?,
                output: layers::linear(self.hidden_size, CLASSES, device),
            }),
            ..self.init_masked_lm(device)?
        })
    }
}

impl NextSentenceHead {
    /// Returns the logits of the two classes.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[B, 2]`
    ///
    /// # Panics
    /// If `hidden` are hidden states of another batch.
    pub fn forward(&self, hidden: Tensor<2>, sequences: &Sequences) -> Tensor<2> {
        let pooled = self.pooler.forward(vec![hidden], sequences);
        layers::apply_linear(&self.output, pooled)
    }
}
