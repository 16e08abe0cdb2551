//! The two parts of a forward pass.

use burn::tensor::Tensor;

use super::{Activations, Cut, TextActivations};
use crate::encoder::EncoderInput;
use crate::{DropoutStream, Features, ModelError, SequenceClassifier};

impl SequenceClassifier {
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
            Cut::Pooled => {
                let (encoder, pooler) = (&self.encoder, &self.pooler);
                let pooled = pooler.gather_from(encoder, 0, embedded, mask, dropout);
                Ok(Activations::Pooled(pooled))
            }
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
                self.pooler
                    .gather_from(&self.encoder, number, rows, &mask, dropout)
            }
            Activations::Pooled(pooled) => {
                self.check_shape(&pooled, [pooled.dims()[0], self.width_at(Cut::Pooled)])?;
                pooled
            }
        };
        Ok(self.pooler.project(pooled))
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
