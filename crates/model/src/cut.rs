//! The forward pass of a classifier in two parts: what is below a cut, and what is above.
//!
//! A part that is frozen and drops nothing computes the same of a text in every epoch. So its
//! output can be computed once and kept ([Brock et al. 2017](https://arxiv.org/abs/1706.04983)
//! trains ever fewer layers that way): the passes after it begin at the cut.
//!
//! The network has stages: 0 is the embeddings, `i + 1` is layer `i`. Pooling and head are above
//! them all.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::encoder::{AttentionMask, EncoderInput};
use crate::parameters::{Parameter, for_each};
use crate::{DropoutStream, Features, ModelError, SequenceClassifier};

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
    /// no stage is. A stage with adapters is not frozen, for they train.
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
        Some(match *pooled.end() <= last {
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

    /// What the activations at a cut depend on beside the texts: a hash of the configuration and
    /// of every parameter below it, as 64 hexadecimal digits.
    pub fn fingerprint_below(&self, cut: Cut) -> String {
        let config = self.config();
        let mut hash = Sha256::new();
        hash.update(format!("{cut:?} {:?}", config.encoder));
        if cut == Cut::Pooled {
            hash.update(format!("{:?}", config.pooling));
        }
        let mut add = |parameter: Parameter, data: TensorData| {
            hash.update(format!("{} {:?}", parameter.path, parameter.shape));
            hash.update(data.as_bytes());
        };
        for_each(&self.encoder.embeddings, &mut add);
        let layers = self.stages_below(cut) - 1;
        for layer in &self.encoder.layers[..layers] {
            for_each(layer, &mut add);
        }
        let digest = hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The part of the forward pass below a cut. On flex the activations of a text do not depend,
    /// bit for bit, on the texts beside it nor on its padding, as long as nothing is dropped.
    ///
    /// # Errors
    /// [`ModelError::CutTooHigh`] if the pooling looks at hidden states below the cut.
    pub fn lower(
        &self,
        input: &EncoderInput,
        cut: Cut,
        dropout: Option<DropoutStream>,
    ) -> Result<Activations, ModelError> {
        self.check_cut(cut)?;
        let embedded = self.encoder.embed(input, dropout);
        let mask = &input.mask;
        match cut {
            Cut::HiddenStates(number) => {
                let rows = self.encoder.advance(embedded, mask, dropout, 0..number);
                let mask = mask.clone();
                Ok(Activations::HiddenStates { number, rows, mask })
            }
            Cut::Pooled => Ok(Activations::Pooled(self.gather(0, embedded, mask, dropout))),
        }
    }

    /// The part of the forward pass above a cut: logits or scores, one per class name.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// [`ModelError::TextCount`] if the head is for another number of texts,
    /// [`ModelError::PairShape`] if the batches of a pair differ in size,
    /// [`ModelError::CutTooHigh`] if the pooling looks at hidden states below the cut, and
    /// [`ModelError::ActivationShape`] for activations that are not of this model or not of the
    /// batch of their mask.
    pub fn upper(
        &self,
        texts: TextActivations,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let found = 1 + usize::from(texts.second.is_some());
        self.check_text_count(found)?;
        let first = self.pool(texts.first, dropout)?;
        let dropout_of_second = dropout.map(DropoutStream::second_text);
        let second = texts.second;
        let second = second.map(|second| self.pool(second, dropout_of_second));
        let second = second.transpose()?;
        self.head.forward(Features { first, second }, dropout)
    }

    /// From activations to pooled vectors.
    ///
    /// # Shapes
    /// - output: `[B, W]`
    fn pool(
        &self,
        activations: Activations,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let pooled = match activations {
            Activations::HiddenStates { number, rows, mask } => {
                let cut = Cut::HiddenStates(number);
                self.check_cut(cut)?;
                self.check_shape(&rows, [mask.batch() * mask.sequence(), self.width_at(cut)])?;
                self.gather(number, rows, &mask, dropout)
            }
            Activations::Pooled(pooled) => {
                self.check_shape(&pooled, [pooled.dims()[0], self.width_at(Cut::Pooled)])?;
                pooled
            }
        };
        Ok(self.pooler.project(pooled))
    }

    /// From the hidden states with a number to the part of the pooling without parameters.
    pub(crate) fn gather(
        &self,
        number: usize,
        rows: Tensor<2>,
        mask: &AttentionMask,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        let wanted = self.pooler.states();
        let states = self
            .encoder
            .states_from(number, rows, mask, dropout, wanted);
        self.pooler.gather(states, mask)
    }

    fn check_cut(&self, cut: Cut) -> Result<(), ModelError> {
        let lowest = *self.pooler.states().start();
        match cut {
            Cut::HiddenStates(number) if number > lowest => {
                Err(ModelError::CutTooHigh { number, lowest })
            }
            _ => Ok(()),
        }
    }

    fn check_shape(&self, rows: &Tensor<2>, expected: [usize; 2]) -> Result<(), ModelError> {
        let found = rows.dims();
        match found == expected {
            true => Ok(()),
            false => Err(ModelError::ActivationShape { expected, found }),
        }
    }
}
