//! The two parts of a split forward pass.

use burn::tensor::Tensor;

use super::{Activated, Activations, Cut, TextActivations};
use crate::encoder::EncoderInput;
use crate::head::{HeadInput, HiddenStates};
use crate::{DropoutStream, ModelError, SequenceClassifier};

impl SequenceClassifier {
    /// Runs the forward pass below a cut. On flex, without dropout, the activations of a text are
    /// bitwise independent of the other texts in the batch and of padding.
    ///
    /// Hidden states at a cut include all tokens. A full pass computes only the first tokens in the
    /// last layer if the pooling needs no others. With a cut directly above that layer, the layer
    /// computes all tokens, and its dropout masks differ from those of a full pass.
    ///
    /// # Errors
    /// - [`ModelError::CutTooHigh`] if the pooling reads hidden states below the cut.
    /// - [`ModelError::PooledCut`] if the head reads hidden states and the cut is above them.
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
            Cut::Pooled => {
                let (encoder, pooler) = (&self.encoder, &self.pooler);
                let pooled = pooler.gather_from(encoder, 0, embedded, mask, dropout);
                Ok(Activations::Pooled(pooled))
            }
        }
    }

    /// Runs the forward pass above a cut and returns logits or scores, one per class name.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// - [`ModelError::TextCount`] if the head is for another number of texts.
    /// - [`ModelError::PairShape`] if the batches of a pair differ in size.
    /// - [`ModelError::CutTooHigh`] if the pooling reads hidden states below the cut.
    /// - [`ModelError::PooledCut`] if the head reads hidden states and the activations are pooled.
    /// - [`ModelError::HeadOutput`] if a custom head returns another shape.
    /// - [`ModelError::ActivationShape`] if the activations do not fit this model or their mask.
    pub fn upper(
        &self,
        texts: TextActivations,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let found = 1 + usize::from(texts.second.is_some());
        self.check_text_count(found)?;
        let first = texts.first;
        let activated = match texts.second {
            None => Activated::Single(first),
            Some(second) => self.stack(first, second)?,
        };
        self.above(activated, dropout)
    }

    /// Runs the layers above the activations, pooling and head.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    pub(crate) fn above(
        &self,
        activated: Activated,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let input = match activated {
            Activated::Single(activations) => {
                let (pooled, hidden) = self.pool(activations, dropout)?;
                HeadInput {
                    hidden,
                    dropout: dropout.into(),
                    ..HeadInput::new(pooled)
                }
            }
            Activated::Stack(activations) => {
                let (pooled, hidden) = self.pool(activations, dropout)?;
                let rows = pooled.dims()[0] / 2;
                HeadInput {
                    second: Some(pooled.clone().narrow(0, rows, rows)),
                    second_hidden: hidden.as_ref().map(|states| states.narrow(rows, rows)),
                    hidden: hidden.map(|states| states.narrow(0, rows)),
                    pooled: pooled.narrow(0, 0, rows),
                    dropout: dropout.into(),
                }
            }
        };
        self.run_head(input)
    }

    /// Returns the pooled vectors, and the hidden states if the head reads them.
    ///
    /// # Shapes
    /// - output: `[B, W]`
    fn pool(
        &self,
        activations: Activations,
        dropout: Option<DropoutStream>,
    ) -> Result<(Tensor<2>, Option<HiddenStates>), ModelError> {
        self.check_activations(&activations)?;
        let (encoder, pooler) = (&self.encoder, &self.pooler);
        let (pooled, hidden) = match activations {
            Activations::HiddenStates { number, rows, mask } => {
                match self.head.reads_hidden_states() {
                    true => {
                        let (pooled, rows) =
                            pooler.gather_with_tokens(encoder, number, rows, &mask, dropout);
                        (pooled, Some(HiddenStates::new(rows, mask)?))
                    }
                    // Unused token positions are not computed.
                    false => {
                        let pooled = pooler.gather_from(encoder, number, rows, &mask, dropout);
                        (pooled, None)
                    }
                }
            }
            Activations::Pooled(pooled) => (pooled, None),
        };
        Ok((pooler.project(pooled), hidden))
    }

    /// Checks that activations fit this model and their mask.
    pub(super) fn check_activations(&self, activations: &Activations) -> Result<(), ModelError> {
        match activations {
            Activations::HiddenStates { number, rows, mask } => {
                let cut = Cut::HiddenStates(*number);
                self.check_cut(cut)?;
                self.check_shape(rows, [mask.batch() * mask.sequence(), self.width_at(cut)])
            }
            Activations::Pooled(pooled) => {
                self.check_cut(Cut::Pooled)?;
                self.check_shape(pooled, [pooled.dims()[0], self.width_at(Cut::Pooled)])
            }
        }
    }

    fn check_cut(&self, cut: Cut) -> Result<(), ModelError> {
        let lowest = *self.pooler.states().start();
        match cut {
            Cut::HiddenStates(number) if number > lowest => {
                Err(ModelError::CutTooHigh { number, lowest })
            }
            Cut::Pooled if self.head.reads_hidden_states() => Err(ModelError::PooledCut {
                head: self.head.type_name(),
            }),
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
