//! Checks of a classifier's head and of its inputs.

use burn::tensor::Tensor;
use finetune_ops::Sequences;

use super::SequenceClassifier;
use crate::error::ModelError;
use crate::head::{HeadInput, HiddenStates};

impl SequenceClassifier {
    /// Checks the head by running it once on a batch of zeros. This detects, before training, a
    /// custom head whose code does not fit its sizes.
    ///
    /// # Errors
    /// - [`ModelError::InvalidShape`] if the output is not `[B, C]`.
    /// - [`ModelError::InvalidConfig`] if the head compares neither 1 nor 2 texts.
    ///
    /// # Panics
    /// If the head panics.
    pub fn check_head(&self) -> Result<(), ModelError> {
        const ROWS: usize = 2;
        const TOKENS: usize = 3;
        let texts = self.num_texts();
        let valid = (1..=2).contains(&texts);
        ModelError::check(valid, "number of texts of the head", texts, "1 or 2")?;
        let device = self.device();
        let pooled = Tensor::zeros([ROWS, self.config.head_size().hidden_size], &device);
        let hidden = || {
            let rows = Tensor::zeros([ROWS * TOKENS, self.config.encoder.hidden_size], &device);
            let sequences = Sequences::new(&[0, TOKENS, ROWS * TOKENS], &device)?;
            HiddenStates::new(rows, sequences)
        };
        let reads = self.head.reads_hidden_states();
        let input = HeadInput {
            second: (texts == 2).then(|| pooled.clone()),
            hidden: reads.then(hidden).transpose()?,
            second_hidden: (reads && texts == 2).then(hidden).transpose()?,
            ..HeadInput::new(pooled)
        };
        self.run_head(input).map(|_| ())
    }

    /// Runs the head and checks the shape of its output.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    pub(super) fn run_head(&self, input: HeadInput) -> Result<Tensor<2>, ModelError> {
        let expected = [input.pooled.dims()[0], self.num_labels()];
        let output = self.head.forward(input)?;
        let found = output.dims();
        match expected == found {
            true => Ok(output),
            false => {
                let what = format!("the head {} returned the shape", self.head.type_name());
                Err(ModelError::shape(&what, expected, found))
            }
        }
    }

    /// Checks that the head is for `found` texts.
    pub(crate) fn check_text_count(&self, found: usize) -> Result<(), ModelError> {
        let expected = self.num_texts();
        match expected == found {
            true => Ok(()),
            false => Err(ModelError::TextCount { expected, found }),
        }
    }

    /// Checks that the numbers of first and second texts are equal.
    pub(crate) fn check_batch_sizes(&self, first: usize, second: usize) -> Result<(), ModelError> {
        let width = self.config.head_size().hidden_size;
        match first == second {
            true => Ok(()),
            false => Err(ModelError::pair_shape([first, width], [second, width])),
        }
    }
}
