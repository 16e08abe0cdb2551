//! The two parts of a split forward pass.

use burn::tensor::Tensor;

use super::{Activations, SplitPoint, TextActivations};
use crate::classifier::SequenceClassifier;
use crate::dropout::DropoutStream;
use crate::encoder::EncoderInput;
use crate::error::ModelError;
use crate::recompute::recompute;

impl SequenceClassifier {
    /// Runs the forward pass below a split point. On flex, without dropout, the activations of a
    /// text are bitwise independent of the other texts in the batch.
    ///
    /// Hidden states at a split point include all tokens. A full pass computes only the first tokens
    /// in the last layer if the pooling needs no others. With a split point directly above that
    /// layer, the layer computes all tokens, and its dropout masks differ from those of a full pass.
    ///
    /// # Errors
    /// - [`ModelError::InvalidSplitPoint`] if the pooling reads hidden states below the split point,
    ///   or the head reads hidden states and the split point is
    ///   above them.
    pub fn forward_lower(
        &self,
        input: &EncoderInput,
        split_point: SplitPoint,
        dropout: Option<DropoutStream>,
    ) -> Result<Activations, ModelError> {
        self.check_split_point(split_point)?;
        let sequences = &input.sequences;
        match split_point {
            SplitPoint::HiddenStates(number) => Ok(Activations::HiddenStates {
                number,
                rows: self.encoder.forward_to(number, input, dropout),
                sequences: sequences.clone(),
            }),
            SplitPoint::Pooled => Ok(Activations::Pooled(self.pool(input, dropout))),
        }
    }

    /// Returns the pooled texts as [`Self::forward_lower`] does, but keeps no activations of this
    /// forward pass, which the backward pass computes again, with the same dropout. With a batch in
    /// several parts, only one part's activations exist at a time: the gradient cache of
    /// [Gao et al. 2021](https://arxiv.org/abs/2101.06983).
    ///
    /// `plain` is `input` on the device without autodiff.
    ///
    /// # Shapes
    /// - output: `[B, W]`, for [`Activations::Pooled`]
    ///
    /// # Errors
    /// - [`ModelError::InvalidSplitPoint`] if the head reads hidden states.
    ///
    /// # Panics
    /// If an input was made for an encoder with other embedding tables, or the model has more than
    /// 1,024 trained parameters.
    pub fn pool_recomputed(
        &self,
        input: EncoderInput,
        plain: EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        self.check_split_point(SplitPoint::Pooled)?;
        Ok(recompute(self, &[], move |model: &Self, _| {
            model.pool(model.encoder.input_of(&input, &plain), dropout)
        }))
    }

    /// Returns the pooled texts, before the projection of the pooler.
    fn pool(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        let (layers, tokens) = (self.pooler.layers(), self.pooler.queries());
        let states = self
            .encoder
            .hidden_states_of(layers, tokens, input, dropout);
        self.pooler.pool(states, &input.sequences)
    }

    /// Runs the forward pass above a split point and returns logits or scores, one per class name.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// - [`ModelError::TextCount`] if the head is for another number of texts.
    /// - [`ModelError::InvalidSplitPoint`] if the pooling reads hidden states below the split point,
    ///   or the head reads hidden states and the activations are
    ///   pooled.
    /// - [`ModelError::InvalidShape`] if the batches of a pair differ in size, the activations do
    ///   not fit this model or their sequences, or a custom head returns another shape.
    pub fn forward_upper(
        &self,
        texts: TextActivations,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        self.check_text_count(1 + usize::from(texts.second.is_some()))?;
        let activations = match texts.second {
            None => texts.first,
            Some(second) => self.stack_pairs(texts.first, second)?,
        };
        self.check_activations(&activations)?;
        match activations {
            Activations::HiddenStates {
                number,
                rows,
                sequences,
            } => {
                let (layers, tokens) = (self.pooler.layers(), self.queries());
                let encoder = &self.encoder;
                let states =
                    encoder.hidden_states_above(number, rows, layers, tokens, &sequences, dropout);
                self.pool_and_classify(states, &sequences, dropout)
            }
            Activations::Pooled(pooled) => {
                self.classify(self.pooler.project(pooled), None, dropout)
            }
        }
    }

    /// Checks that activations fit this model and their sequences.
    pub(super) fn check_activations(&self, activations: &Activations) -> Result<(), ModelError> {
        let (split_point, rows, count) = match activations {
            Activations::HiddenStates {
                number,
                rows,
                sequences,
            } => (
                SplitPoint::HiddenStates(*number),
                rows,
                sequences.num_tokens(),
            ),
            Activations::Pooled(pooled) => (SplitPoint::Pooled, pooled, pooled.dims()[0]),
        };
        self.check_split_point(split_point)?;
        let (expected, found) = ([count, self.width_at(split_point)], rows.dims());
        match found == expected {
            true => Ok(()),
            false => Err(ModelError::shape("activations of shape", expected, found)),
        }
    }

    fn check_split_point(&self, split_point: SplitPoint) -> Result<(), ModelError> {
        let lowest = *self.pooler.layers().start();
        match split_point {
            SplitPoint::HiddenStates(number) if number > lowest => {
                let problem = format!(
                    "is hidden states {number}, expected at most {lowest}, the lowest pooled"
                );
                Err(ModelError::InvalidSplitPoint { problem })
            }
            SplitPoint::Pooled if self.head.reads_hidden_states() => {
                let head = self.head.type_name();
                let problem = format!("after the pooling, but the head {head} reads hidden states");
                Err(ModelError::InvalidSplitPoint { problem })
            }
            _ => Ok(()),
        }
    }
}
