//! Input of a sequence classifier.

use crate::encoder::EncoderInput;

/// Encoded texts of a batch, the input of a classifier.
#[derive(Debug, Clone, Copy)]
pub enum ClassifierInput<'a> {
    /// Single texts, or pairs encoded as one sequence.
    Single(&'a EncoderInput),
    /// Pairs of texts, encoded separately.
    Pair(&'a EncoderInput, &'a EncoderInput),
}

impl<'a> From<&'a EncoderInput> for ClassifierInput<'a> {
    fn from(input: &'a EncoderInput) -> Self {
        Self::Single(input)
    }
}

impl<'a> From<(&'a EncoderInput, &'a EncoderInput)> for ClassifierInput<'a> {
    fn from((first, second): (&'a EncoderInput, &'a EncoderInput)) -> Self {
        Self::Pair(first, second)
    }
}

impl ClassifierInput<'_> {
    /// Returns the number of texts per row, 1 or 2.
    pub(super) fn num_texts(self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Pair(..) => 2,
        }
    }
}
