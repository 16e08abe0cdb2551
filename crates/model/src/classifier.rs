//! A classifier of whole sequences: encoder, pooler on the first token, dropout, linear layer, as
//! [`BertForSequenceClassification`](https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/models/bert/modeling_bert.py).

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor};

use crate::dropout::apply;
use crate::encoder::{Encoder, EncoderConfig, EncoderInput};
use crate::{DropoutStream, ModelError, parts};

/// Encoder and classification head.
#[derive(Module, Debug)]
pub struct SequenceClassifier {
    /// Shared with every other use of the encoder.
    pub encoder: Encoder,
    /// `[D, D]`, followed by tanh; part of a pre-trained BERT.
    pub pooler: Linear,
    /// `[D, C]`
    pub classifier: Linear,
    dropout: f64,
}

/// What a [`SequenceClassifier`] is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceClassifierConfig {
    /// The encoder below.
    pub encoder: EncoderConfig,
    /// Names of the classes, in the order of the logits.
    pub class_names: Vec<String>,
    /// Share of the pooled values dropped before the last layer; `None` takes the encoder's
    /// `hidden_dropout_prob`.
    pub classifier_dropout: Option<f64>,
}

impl SequenceClassifierConfig {
    /// A classifier whose parameters are all zero until a checkpoint or
    /// [`initialise`](crate::initialise) fills them.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] if the encoder's configuration is invalid, there are fewer
    /// than two classes, or the dropout is not in `[0, 1)`.
    pub fn init(&self, device: &Device) -> Result<SequenceClassifier, ModelError> {
        let classes = self.class_names.len();
        let dropout = self
            .classifier_dropout
            .unwrap_or(self.encoder.hidden_dropout_prob);
        let invalid = |field, found: String, expected: &str| {
            Err(ModelError::InvalidConfig {
                field,
                found,
                expected: expected.to_string(),
            })
        };
        if classes < 2 {
            return invalid("class_names", format!("{classes} names"), "at least 2");
        }
        if !(0.0..1.0).contains(&dropout) {
            return invalid("classifier_dropout", dropout.to_string(), "in [0, 1)");
        }
        let hidden = self.encoder.hidden_size;
        Ok(SequenceClassifier {
            encoder: self.encoder.init(device)?,
            pooler: parts::linear(hidden, hidden, device),
            classifier: parts::linear(hidden, classes, device),
            dropout,
        })
    }
}

impl SequenceClassifier {
    /// One logit per class. Without `dropout` the result is deterministic.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    pub fn forward(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        let hidden = self.encoder.forward(input, dropout);
        let pooled = self.pool(hidden, input);
        let stage = dropout.map(|stream| stream.stage(self.encoder.layers.len() + 1));
        parts::apply_linear(&self.classifier, apply(pooled, self.dropout, stage, 0))
    }

    /// Dense layer and tanh on the first token of each row.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[B, D]`
    pub fn pool(&self, hidden: Tensor<2>, input: &EncoderInput) -> Tensor<2> {
        let sequence = input.sequence() as i64;
        let tokens = sequence * input.batch() as i64;
        let first: Tensor<1, Int> =
            Tensor::arange_step(0..tokens, input.sequence(), &hidden.device());
        parts::apply_linear(&self.pooler, hidden.select(0, first)).tanh()
    }

    /// Number of classes, `C`.
    pub fn classes(&self) -> usize {
        self.classifier.weight.lazy_shape()[1]
    }
}
