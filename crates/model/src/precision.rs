//! Models with a configurable precision of the encoder.

use burn::module::Module;
use finetune_ops::Precision;

use crate::{BaseModel, MaskedLm, MultiTaskModel, SequenceClassifier};

/// Model with an encoder.
pub trait EncoderModel: Module {
    /// Sets the precision of the encoder's matrix products: see
    /// [`Encoder::with_precision`](crate::Encoder::with_precision).
    fn with_precision(self, precision: Precision) -> Self;
}

macro_rules! on_the_encoder {
    ($($model:ty),*) => {
        $(impl EncoderModel for $model {
            fn with_precision(self, precision: Precision) -> Self {
                let encoder = self.encoder.with_precision(precision);
                Self { encoder, ..self }
            }
        })*
    };
}

on_the_encoder!(BaseModel, MaskedLm, MultiTaskModel, SequenceClassifier);
